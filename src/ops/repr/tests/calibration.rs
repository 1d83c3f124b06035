//! Whether standard errors are as large as estimates spread: 2,000 replicates of the sampling that they are about.

use super::*;

/// Replicates.
const REPLICATES: usize = 2000;

/// What a replicate gives: the null of `cca` with its error, for permutations drawn from a seed.
fn null(seed: u64, permutations: usize) -> Number {
    let r = Reference::read();
    let kernels = kernels();
    let kernel = &kernels.iter().find(|(n, _)| *n == "cca").unwrap().1;
    let inputs = [("x", r.matrix("x", 6)), ("against", r.matrix("y", 4))];
    let job = Job {
        op: "cca".to_string(),
        settings: settings("cca", &[("permutations", Static::Number(permutations as f64))]),
        inputs: inputs.into_iter().map(|(n, x)| (n.to_string(), Labelled::single(stages(x, Vec::new())))).collect(),
        stream: Stream::root(seed),
        at: Vec::new(),
    };
    let got = kernel.run(&job, &Quiet { files: Files::new(Path::new("."), &[]) }).unwrap();
    match got {
        Value::Record(parts) => match parts.into_iter().find(|(n, _)| n == "null") {
            Some((_, Value::Number(n))) => n,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_error_of_a_null_is_its_spread_over_permutations() {
    for (permutations, wanted) in [(10, 0.923), (40, 0.948)] {
        let all: Vec<Number> = (0..REPLICATES as u64).map(|seed| null(seed, permutations)).collect();
        let n = all.len() as f64;
        let mean = all.iter().map(|x| x.value).sum::<f64>() / n;
        let spread = (all.iter().map(|x| (x.value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
        let reported = (all.iter().map(|x| x.error.unwrap().powi(2)).sum::<f64>() / n).sqrt();
        let covered = all.iter().filter(|x| (x.value - mean).abs() <= 2.0 * x.error.unwrap()).count() as f64 / n;
        println!(
            "cca null, {permutations} permutations: spread {spread:.5}, reported {reported:.5}, within two errors {covered:.3}"
        );
        // The spread of 2,000 numbers is known to 1.6 %; a share of them to 0.6 %. What two errors hold is Student's t with 9 and 39 degrees
        // of freedom.
        let fits = |ratio: f64| (ratio - 1.0).abs() < 0.06;
        assert!(fits(reported / spread), "{permutations}: {reported} and {spread}");
        assert!(!fits(reported / spread * 2.0 / 3.0), "an error a third too small would not be seen");
        assert!((covered - wanted).abs() < 0.02, "{permutations}: {covered}");
    }
}
