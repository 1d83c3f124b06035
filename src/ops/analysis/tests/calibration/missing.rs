//! Lines of the table: means and extremes of each example over runs, some cells missing; deviations over runs on the same examples.

use super::same::of_examples;
use super::*;

/// Returns numbers of `runs` runs at `n` examples, effects of both and of each cell, a share of the cells missing.
fn cells(runs: usize, n: usize, [of_run, of_example, of_cell]: [f64; 3], missing: f64, r: &mut R) -> Vec<Value> {
    let (a, b) = (zs(runs, r), zs(n, r));
    let run = |a: &f64, r: &mut R| {
        let one = |b: &f64, r: &mut R| match r.random::<f64>() < missing {
            true => f64::NAN,
            false => of_run * a + of_example * b + of_cell * z(r),
        };
        examples(b.iter().map(|b| one(b, r)).collect())
    };
    a.iter().map(|a| run(a, r)).collect()
}

/// Returns a statistic of each example over runs, and the mean of these.
fn mean_of_each(op: &str, cells: Vec<Value>) -> Number {
    let of_each = over(call(op), "x", &[("run", cells.len())], cells).reducing(&["run"]).scores();
    call("mean").one("x", Value::Scores(of_each)).number()
}

pub fn lines() -> Vec<Line> {
    let extreme = "the jackknife over few runs: no smaller than the true variance (Efron & Stein 1981)";
    vec![
        line("mean", "of the largest of each example over runs", "8 x 100", f64::NAN, |r| {
            mean_of_each("maximum", cells(8, 100, [0.5, 1.0, 1.0], 0.0, r))
        })
        .but(0.85, 1.6, 0.88, extreme),
        line("mean", "of the means of each example over runs, 70 % of the cells missing", "12 x 100", 0.0, |r| {
            mean_of_each("mean", cells(12, 100, [0.5, 1.0, 1.0], 0.7, r))
        })
        .but(0.88, 1.15, 0.9, FEW),
        line("mean", "of the means of each example over runs, 30 % of the cells missing", "12 x 100", 0.0, |r| {
            mean_of_each("mean", cells(12, 100, [0.5, 1.0, 1.0], 0.3, r))
        })
        .but(0.88, 1.15, 0.9, FEW),
        line("mean", "of the medians of each example over runs, 50 % of the cells missing", "12 x 100", 0.0, |r| {
            mean_of_each("median", cells(12, 100, [0.5, 1.0, 1.0], 0.5, r))
        })
        .but(0.85, 1.2, 0.88, FEW),
        line("std", "means over the same examples, of runs without effects", "12 x 100", f64::NAN, |r| {
            let all = cells(12, 100, [0.0, 1.0, 1.0], 0.0, r);
            let means = all.into_iter().enumerate().map(|(i, c)| {
                let Value::Scores(s) = c else { panic!("scores") };
                of_examples("mean", s.values.clone(), &i.to_string())
            });
            over(call("std"), "x", &[("run", 12)], means.collect()).reducing(&["run"]).number()
        })
        .but(0.85, 1.3, 0.85, FOURTH),
        line("share", "above their own mean", "60", f64::NAN, |r| {
            let x = zs(60, r);
            let Value::Number(middle) = of_examples("mean", x.clone(), "x") else { panic!("a number") };
            let above = call("greater").one("a", examples(x)).one("b", Value::Number(middle)).scores();
            call("share").one("x", Value::Scores(above)).set("of", Static::None).number()
        })
        .but(0.8, 1.25, 0.88, "the density at the mean is told by the examples near it"),
    ]
}
