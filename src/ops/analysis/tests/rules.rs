//! Rules at the edges: shares of answers that all agree, missing cells, extremes over runs, rounding, ranges above the largest number.

use super::*;
use crate::base::statistics::share_error;

const NAN: f64 = f64::NAN;

fn each(values: &[f64]) -> Value {
    scores(&(0..values.len() as u32).collect::<Vec<_>>(), values, &[])
}

fn over_runs(op: &str, runs: &[&[f64]]) -> Arc<Scores> {
    let names: Vec<String> = (0..runs.len()).map(|i| i.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    call(op).over("x", &[("run", "declared", &names)], runs.iter().map(|r| each(r)).collect()).reducing(&["run"]).scores()
}

fn mean_of(s: Arc<Scores>) -> Number {
    call("mean").one("x", Value::Scores(s)).number()
}

#[test]
fn only_answers_have_the_error_of_a_share() {
    for value in [0.0, 1.0] {
        let mean = |c: Call| c.one("x", each(&[value; 40]));
        assert_eq!(mean(call("mean")).number().error, Some(0.0));
        assert_eq!(mean(call("standard_error")).number().value, 0.0);
        let right = |op: &str| mean(call(op)).set("right", Static::Bool(true)).number();
        assert_eq!(right("mean").error, Some(share_error(value, 40.0)));
        assert_eq!(right("standard_error").value, share_error(value, 40.0));
    }
}

#[test]
fn the_largest_of_answers_is_whether_any_is_right() {
    let runs: [&[f64]; 4] =
        [&[1.0, 0.0, 0.0, 1.0, 0.0], &[0.0, 0.0, 0.0, 1.0, 1.0], &[0.0, 0.0, 1.0, 1.0, 1.0], &[0.0, 0.0, 0.0, 0.0, 1.0]];
    for (extreme, quantifier) in [("maximum", "any"), ("minimum", "all")] {
        let (a, b) = (mean_of(over_runs(extreme, &runs)), mean_of(over_runs(quantifier, &runs)));
        assert!(a.error.unwrap() > 0.0);
        assert_eq!(a.value, b.value);
        near(a.error.unwrap(), b.error.unwrap(), 1e-12);
        let quantile = |q: f64| {
            let names = ["0", "1", "2", "3"];
            let call = call("quantile").over("x", &[("run", "declared", &names)], runs.iter().map(|r| each(r)).collect());
            mean_of(call.reducing(&["run"]).set("q", Static::Number(q)).scores())
        };
        near(quantile(if extreme == "maximum" { 1.0 } else { 0.0 }).error.unwrap(), a.error.unwrap(), 1e-12);
    }
}

#[test]
fn a_run_moves_the_examples_that_it_alone_has() {
    // Effects of runs -3, 0 and 3, and of examples, without any noise; four examples have one run each.
    let (runs, examples) = ([-3.0, 0.0, 3.0], [1.0, 5.0, -2.0, 0.0, 4.0, 9.0]);
    let there = [[true; 3], [true; 3], [true, false, false], [false, true, false], [false, false, true], [true, false, false]];
    let cell = |r: usize| -> Vec<f64> {
        examples.iter().zip(there).map(|(e, there)| if there[r] { e + runs[r] } else { NAN }).collect()
    };
    let cells: Vec<Vec<f64>> = (0..3).map(cell).collect();
    let found = over_runs("mean", &[&cells[0], &cells[1], &cells[2]]);
    let size = |row: usize| found.loadings.iter().map(|(_, load)| load.at(row).powi(2)).sum::<f64>().sqrt();
    // One run of three: as far off as that run, as the spread over the three tells it.
    for (row, expect) in [(2, 3.0), (3, 0.0), (4, 3.0), (5, 3.0)] {
        near(size(row), expect * 1.5f64.sqrt(), 1e-6);
    }
    // All three runs: s / sqrt(3).
    near(size(0), 3.0 / 3f64.sqrt(), 1e-9);
}

#[test]
fn examples_without_any_value_have_no_statistic() {
    for op in ["median", "quantile", "maximum", "std", "mean"] {
        let runs: [&[f64]; 2] = [&[1.0, NAN, 3.0], &[2.0, NAN, 5.0]];
        let call = call(op).over("x", &[("run", "declared", &["0", "1"])], runs.iter().map(|r| each(r)).collect());
        let found = call.reducing(&["run"]).set("q", Static::Number(0.2)).scores();
        assert!(found.values[1].is_nan() && found.values[0].is_finite(), "{op}: {:?}", found.values);
    }
}

#[test]
fn rounding_is_of_the_exact_value() {
    let round = |x: f64, d: f64| call("round").one("x", n(x)).set("digits", Static::Number(d)).number().value;
    for (x, digits, expect) in [
        (2.675, 2.0, 2.67),
        (0.05, 1.0, 0.1),
        (0.5, 0.0, 0.0),
        (1.5, 0.0, 2.0),
        (-2.5, 0.0, -2.0),
        (0.6, 0.0, 1.0),
        (35.0, -1.0, 40.0),
        (7.0, -1.0, 10.0),
        (5.0, -1.0, 0.0),
        (4.0, -2.0, 0.0),
        (1e300, 5.0, 1e300),
        (123456.789, 2.0, 123456.79),
    ] {
        assert_eq!(round(x, digits), expect, "{x} to {digits}");
    }
    let beyond = call("round").one("x", n(1.7e308)).set("digits", Static::Number(-308.0)).run();
    assert!(matches!(beyond, Err(Failure::Absent(_))), "{beyond:?}");
}

#[test]
fn ranges_above_the_largest_number_are_refused() {
    let of =
        |op: &str, x: &[f64]| call(op).one("x", each(x)).set("bins", Static::Number(4.0)).set("q", Static::Number(0.5)).run();
    let far = [-1.5e308, -1e308, 1e308, 1.7e308];
    match of("histogram", &far) {
        Err(Failure::Absent(why)) => assert!(why.contains("overflows"), "{why}"),
        other => panic!("{other:?}"),
    }
    let Ok(Value::Number(median)) = of("median", &far) else { panic!("a median") };
    assert_eq!((median.value, median.error), (0.0, None));
    let Ok(Value::Table(bins)) = of("histogram", &[1e308; 3]) else { panic!("a histogram") };
    assert_eq!(bins.numbers("count").unwrap().iter().sum::<f64>(), 3.0);
    assert!(bins.numbers("density").unwrap().iter().all(|d| d.is_finite()));
}

#[test]
fn correlations_of_numbers_that_lie_further_apart_than_the_largest_number() {
    let r = call("pearson").one("x", each(&[-1.7e308, -1.7e308, 1.7e308, 0.0])).one("y", each(&[-1.7, -1.7, 1.7, 0.0])).run();
    let Ok(Value::Number(r)) = r else { panic!("{r:?}") };
    assert!((r.value - 1.0).abs() < 1e-15, "{}", r.value);
}

#[test]
fn sums_of_drawn_values_above_the_largest_number_are_refused() {
    let far = [-1.5e308, -1e308, 1e308, 1.7e308];
    for op in ["bootstrap", "permutation_test"] {
        let of = call(op).one("x", each(&far)).one("y", each(&far)).set("draws", Static::Number(20.0));
        let of = of.set("level", Static::Number(0.9)).set("paired", Static::Bool(false)).run();
        assert!(matches!(&of, Err(Failure::Absent(why)) if why.contains("overflows")), "{op}: {of:?}");
    }
}

#[test]
fn equal_confidences_in_several_bins_of_equal_mass_are_right_alike() {
    // 8 answers of confidence 1/2, 5 of them right: each of four bins holds two, and each is right 5/8 of the time.
    let right = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0];
    let of = |equal: &str| {
        let call = call("calibration").one("confidence", each(&[0.5; 8])).one("correct", each(&right));
        let Ok(Value::Record(parts)) = call.set("bins", Static::Number(4.0)).set("equal", Static::Word(equal.into())).run()
        else {
            panic!("a calibration")
        };
        let number = |name: &str| match &parts.iter().find(|(n, _)| n == name).expect("a part").1 {
            Value::Number(n) => (n.value, n.error),
            other => panic!("{other:?}"),
        };
        (number("ece"), number("largest"))
    };
    let (mass, width) = (of("mass"), of("width"));
    assert_eq!(mass.0.0, 0.125);
    assert_eq!(mass, width);
}

#[test]
fn means_over_pairs_of_several_axes_have_no_error() {
    let (three, two) = (["0", "1", "2"], ["0", "1"]);
    let axes: [(&str, &str, &[&str]); 4] =
        [("a", "declared", &three), ("b", "declared", &two), ("a_other", "declared", &three), ("b_other", "declared", &two)];
    let mut call = call("mean").over("x", &axes, (0..36).map(|i| n(f64::from(i * i % 17))).collect());
    for axis in &mut call.job.inputs[0].1.axes {
        axis.pairs = axis.name.strip_suffix("_other").map(str::to_string);
    }
    let mean = call.reducing(&["a", "b", "a_other", "b_other"]).number();
    assert_eq!((mean.error, mean.count.is_some()), (None, true));
}
