//! Lines of the table: two numbers over the same examples or the same runs, compared, and comparisons of examples that runs move.

use super::*;
use crate::base::Hash;
use crate::engine::Value;

/// Returns a number as its cell hands it on.
pub fn handed(number: Number, name: &str) -> Value {
    Value::Number(number.named(&Hash::of(name.as_bytes())))
}

/// Returns a statistic of the examples of one cell.
pub fn of_examples(op: &str, values: Vec<f64>, name: &str) -> Value {
    handed(call(op).one("x", examples(values)).number(), name)
}

/// Returns what an operation makes of a statistic of two measures of the same examples.
fn both(op: &'static str, statistic: &'static str, x: Vec<f64>, y: Vec<f64>) -> Number {
    call(op).one("a", of_examples(statistic, x, "x")).one("b", of_examples(statistic, y, "y")).number()
}

/// Returns two measures of `n` examples, correlated at 0.8.
pub fn alike(n: usize, r: &mut R) -> (Vec<f64>, Vec<f64>) {
    let common = zs(n, r);
    let side = |r: &mut R| common.iter().map(|c| 2.0 * c + z(r)).collect::<Vec<f64>>();
    (side(r), side(r))
}

/// Returns right answers of two networks on `n` examples, of which both know the easy ones.
pub fn answers(n: usize, r: &mut R) -> (Vec<f64>, Vec<f64>) {
    let (x, y) = alike(n, r);
    let right = |v: Vec<f64>| v.into_iter().map(|v| (v > -1.0) as u8 as f64).collect();
    (right(x), right(y))
}

/// Returns the share of the outcomes of comparing two measures of examples.
fn share_of(a: Value, b: Value) -> Number {
    let outcome = call("greater").one("a", a).one("b", b).scores();
    call("share").one("x", Value::Scores(outcome)).set("of", Static::None).number()
}

/// Returns a reduction over runs of each example.
fn each(op: &str, cells: Vec<Vec<f64>>) -> Value {
    let n = cells.len();
    Value::Scores(over(call(op), "x", &[("run", n)], cells.into_iter().map(examples).collect()).reducing(&["run"]).scores())
}

/// Returns the value of the normal distribution function.
fn phi(x: f64) -> f64 {
    0.5 * (1.0 + libm::erf(x / 2f64.sqrt()))
}

pub fn lines() -> Vec<Line> {
    let above = 1.0 - phi(0.5 / (0.16f64 + 1.0 + 0.05).sqrt());
    vec![
        line("subtract", "means over the same examples, correlation 0.8", "200", 0.0, |r| {
            let (x, y) = alike(200, r);
            both("subtract", "mean", x, y)
        }),
        line("subtract", "means over the same examples, correlation 0.8", "3000", 0.0, |r| {
            let (x, y) = alike(3000, r);
            both("subtract", "mean", x, y)
        }),
        line("subtract", "a mean over all examples and one over a tenth of them", "2000", 0.0, |r| {
            let x = zs(2000, r);
            let part = x[..200].to_vec();
            both("subtract", "mean", x, part)
        }),
        line("subtract", "shares of right answers to the same examples", "400", 0.0, |r| {
            let (x, y) = answers(400, r);
            both("subtract", "mean", x, y)
        }),
        line("divide", "shares of right answers to the same examples", "400", 1.0, |r| {
            let (x, y) = answers(400, r);
            both("divide", "mean", x, y)
        }),
        line("subtract", "medians over the same examples, correlation 0.8", "400", 0.0, |r| {
            let (x, y) = alike(400, r);
            both("subtract", "median", x, y)
        })
        .but(0.9, 1.15, 0.92, ORDER),
        line("subtract", "spreads of the same examples, correlation 0.8", "200", 0.0, |r| {
            let (x, y) = alike(200, r);
            both("subtract", "std", x, y)
        }),
        line("subtract", "two correlations with the same measure", "200", 0.0, |r| {
            let (x, y) = alike(200, r);
            let with = zs(200, r);
            let one = |v: Vec<f64>, name: &str| {
                handed(call("pearson").one("x", examples(v)).one("y", examples(with.clone())).number(), name)
            };
            call("subtract").one("a", one(x, "x")).one("b", one(y, "y")).number()
        }),
        line("mean", "two means over the same examples", "2 x 200", 0.0, |r| {
            let (x, y) = alike(200, r);
            let two = vec![of_examples("mean", x, "x"), of_examples("mean", y, "y")];
            over(call("mean"), "x", &[("side", 2)], two).reducing(&["side"]).number()
        }),
        line("mean", "means over the same examples, of runs", "20 x 100", 0.0, |r| {
            let cells = crossed(20, 100, [0.3, 0.7, 1.0], r);
            let runs = cells.into_iter().enumerate().map(|(i, c)| of_examples("mean", c, &i.to_string())).collect();
            over(call("mean"), "x", &[("run", 20)], runs).reducing(&["run"]).number()
        }),
        line("subtract", "runs x examples at once, two measures", "10 x 100", 0.0, |r| {
            let (runs, common) = (zs(10, r), zs(100, r));
            let side = |r: &mut R| {
                let cell = |a: &f64, r: &mut R| common.iter().map(|c| 0.3 * a + c + 0.5 * z(r)).collect::<Vec<f64>>();
                scored("mean", "x", runs.iter().map(|a| cell(a, r)).collect()).number()
            };
            let (x, y) = (side(r), side(r));
            call("subtract").one("a", handed(x, "x")).one("b", handed(y, "y")).number()
        })
        .but(0.9, 1.2, 0.92, BELOW),
        line("subtract", "means over pairs of the same units: a(i) + a(j) + r(i, j)", "12 units", 0.0, |r| {
            let a = zs(12, r);
            let side = |r: &mut R| {
                let e = zs(144, r);
                let of = |i: usize, j: usize| n(a[i] + a[j] + 0.5 * e[i.max(j) * 12 + i.min(j)]);
                pairs("mean", "x", 12, paired(12, of)).reducing(&[]).number()
            };
            let (x, y) = (side(r), side(r));
            call("subtract").one("a", handed(x, "x")).one("b", handed(y, "y")).number()
        })
        .but(0.9, 1.25, 0.92, BELOW),
        line("subtract", "means over pairs of the same units, effects correlated at 0.8", "20 units", 0.0, |r| {
            let (a, b) = alike(20, r);
            let side = |a: &[f64], r: &mut R| {
                let e = zs(400, r);
                let of = |i: usize, j: usize| n(a[i] + a[j] + e[i.max(j) * 20 + i.min(j)]);
                pairs("mean", "x", 20, paired(20, of)).reducing(&[]).number()
            };
            let (x, y) = (side(&a, r), side(&b, r));
            call("subtract").one("a", handed(x, "x")).one("b", handed(y, "y")).number()
        }),
        line("subtract", "a mean over pairs of units less one over the units", "20 units", 0.0, |r| {
            let (a, e) = (zs(20, r), zs(400, r));
            let of = |i: usize, j: usize| n((a[i] + a[j]) / 2.0 + 0.3 * e[i.max(j) * 20 + i.min(j)]);
            let x = pairs("mean", "x", 20, paired(20, of)).reducing(&[]).number();
            let y = runs("mean", &a.iter().map(|a| a + 0.5 * z(r)).collect::<Vec<f64>>()).number();
            call("subtract").one("a", handed(x, "x")).one("b", handed(y, "y")).number()
        }),
        line("subtract", "two medians over the same runs", "60", 0.0, |r| {
            let effect = zs(60, r);
            let side = |r: &mut R| runs("median", &effect.iter().map(|a| a + 0.4 * z(r)).collect::<Vec<f64>>()).number();
            let (a, b) = (side(r), side(r));
            call("subtract").one("a", handed(a, "a")).one("b", handed(b, "b")).number()
        })
        .but(0.85, 1.25, 0.88, ORDER),
        line("share", "mean over runs of each example above a number", "20 x 400", above, |r| {
            let often = each("mean", crossed(20, 400, [0.4 * 20f64.sqrt(), 1.0, 1.0], r));
            share_of(often, n(0.5))
        })
        .but(0.9, 1.12, 0.885, SLOPE),
        line("share", "median over runs of each example above 0", "21 x 400", 0.5, |r| {
            let often = each("median", crossed(21, 400, [1.0, 1.0, 2.0], r));
            share_of(often, n(0.0))
        })
        .but(0.85, 1.2, 0.88, ORDER),
        line("mean", "median over runs of each example", "21 x 300", 0.0, |r| {
            call("mean").one("x", each("median", crossed(21, 300, [1.0, 1.0, 3.0], r))).number()
        })
        .but(0.85, 1.2, 0.88, ORDER),
        line("share", "examples above their own mean", "200", 0.5, |r| {
            let x = zs(200, r);
            let middle = of_examples("mean", x.clone(), "x");
            share_of(examples(x), middle)
        })
        .but(
            0.85,
            1.35,
            0.93,
            "what moves an outcome is told by a difference over one standard error, and shares have a least error",
        ),
    ]
}
