//! Whose rows meet whose: examples by their ids, rows of files one by one, and refusals of all else, before the run where it is known.

use super::*;
use crate::plan::facts::Planned;

fn rows(n: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, 2), |(i, j)| ((i * 7 + j * 3) % 11) as f64 + 0.1 * i as f64)
}

fn with(x: Array2<f64>, ids: Vec<u32>, labels: Vec<u32>, numbered: bool) -> Value {
    let classes = (0..labels.iter().max().map_or(0, |m| m + 1)).map(|c| c.to_string()).collect();
    Value::Stages(Arc::new(Stages { x, ids: Arc::new(ids), labels: Arc::new(labels), classes, numbered, notes: Vec::new() }))
}

fn cka(x: Value, against: Value) -> Result<Value, Failure> {
    here("cka", &[], vec![("x", x), ("against", against)])
}

#[test]
fn rows_of_files_need_equal_numbers() {
    let numbered = |n: usize| with(rows(n), (0..n as u32).collect(), vec![], true);
    assert!(message(cka(numbered(40), numbered(30))).contains("`x` has 40 rows and `against` 30"));
    near(as_number(cka(numbered(40), numbered(40))).value, 1.0, 1e-12);
    // Against examples of a test split, whose ids begin anywhere: one by one.
    let examples = |n: usize| with(rows(n), (1437..1437 + n as u32).collect(), vec![], false);
    near(as_number(cka(numbered(40), examples(40))).value, 1.0, 1e-12);
    assert!(message(cka(numbered(40), examples(30))).contains("not known which"));
}

#[test]
fn labels_that_contradict_each_other_are_refused() {
    let of = |labels: Vec<u32>, numbered| with(rows(6), (0..6).collect(), labels, numbered);
    let said = message(cka(of(vec![0, 1, 0, 1, 0, 1], true), of(vec![0, 1, 1, 0, 0, 1], false)));
    assert!(said.contains("row 2 is of class 0 in `x` and of class 1"), "{said}");
    assert!(cka(of(vec![0, 1, 0, 1, 0, 1], true), of(vec![0, 1, 0, 1, 0, 1], true)).is_ok());
    assert!(cka(of(vec![0, 1, 0, 1, 0, 1], true), of(vec![], true)).is_ok());
}

#[test]
fn examples_meet_by_id_and_are_counted() {
    let x = rows(40);
    let a = with(x.clone(), (0..40).collect(), vec![], false);
    let part: Vec<usize> = (0..40).rev().step_by(3).collect();
    let b = with(x.select(Axis(0), &part), part.iter().map(|i| *i as u32).collect(), vec![], false);
    let got = as_number(cka(a.clone(), b));
    near(got.value, 1.0, 1e-12);
    assert_eq!(got.count, Some(14));
    let elsewhere = with(x.clone(), (100..140).collect(), vec![], false);
    assert!(matches!(cka(a, elsewhere), Err(Failure::Absent(why)) if why.contains("share 0 examples")));
}

#[test]
fn numbers_that_are_not_finite_have_no_similarity() {
    let mut broken = rows(40);
    broken[[3, 1]] = f64::NAN;
    let of = |x: Array2<f64>| with(x, (0..40).collect(), vec![], false);
    for op in ["cka", "cca", "procrustes"] {
        let got = here(op, &[], vec![("x", of(rows(40))), ("against", of(broken.clone()))]);
        assert!(
            matches!(&got, Err(Failure::Absent(why)) if why.contains("`against` holds NaN at row 3, unit 1")),
            "{op}: {got:?}"
        );
    }
    let got = here("mean_distance", &[], vec![("x", of(broken))]);
    assert!(matches!(&got, Err(Failure::Absent(why)) if why.contains("NaN")), "{got:?}");
}

/// What planning says of a comparison of inputs with these facts.
fn planned(op: &str, list: &[(&str, Static)], x: Facts, against: Facts) -> Result<Facts, String> {
    let kernels = kernels();
    let kernel: &dyn Planned = &*kernels.iter().find(|(n, _)| *n == op).unwrap().1;
    let inputs = [("x", vec![&x]), ("against", vec![&against])];
    kernel.facts(&settings(op, list), &inputs, None).map_err(|p| format!("{}: {}", p.parameter.unwrap_or(""), p.message))
}

#[test]
fn what_cannot_be_compared_is_known_before_the_run() {
    let of = |n: usize, d: usize, source: Option<&str>| Facts {
        rows: Some(n),
        dim: Some(d),
        source: source.map(Into::into),
        ..Facts::default()
    };
    let says =
        |got: Result<Facts, String>, words: &str| assert!(got.as_ref().is_err_and(|e| e.contains(words)), "{got:?}: {words}");
    for op in ["cka", "cca", "procrustes"] {
        says(planned(op, &[], of(40, 3, None), of(30, 3, None)), "against: `x` has 40 rows and `against` 30");
        says(planned(op, &[], of(40, 3, Some("a")), of(30, 3, None)), "40 rows");
        says(planned(op, &[], of(40, 3, Some("a")), of(40, 3, Some("b"))), "examples of `a`");
        says(planned(op, &[], of(1, 3, None), of(1, 3, None)), "too few");
        assert!(planned(op, &[], of(40, 3, Some("a")), of(30, 3, Some("a"))).is_ok());
        assert!(planned(op, &[], of(40, 3, Some("a")), of(40, 3, None)).is_ok());
        let split = |name: &str| Facts { from: vec![name.to_string()], ..of(40, 3, Some("a")) };
        says(planned(op, &[], split("train"), split("test")), "examples of train, `against` about examples of test");
    }
    says(planned("cka", &[("debiased", Static::Bool(true))], of(3, 9, None), of(3, 9, None)), "at least 4");
    says(
        planned("cca", &[], of(1000, 262_144, None), of(1000, 262_144, None)),
        "1000 examples are too few for 999 + 999 directions",
    );
    says(planned("cca", &[], of(360, 400, None), of(360, 12, None)), "too few for 359 + 12");
    assert!(planned("cca", &[], of(11, 6, None), of(11, 4, None)).is_ok());
    says(planned("cca", &[], of(10, 6, None), of(10, 4, None)), "1 or more of the correlations");
    assert!(planned("cca", &[("variant", word("svcca"))], of(1000, 262_144, None), of(1000, 262_144, None)).is_ok());
    says(planned("cca", &[("tolerance", Static::Number(1.0))], of(40, 3, None), of(40, 3, None)), "tolerance:");
}
