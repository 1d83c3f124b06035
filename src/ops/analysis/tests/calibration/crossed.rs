//! Lines of the table: axes that are taken in together, and errors that many numbers share.

use super::*;
use crate::base::Hash;

/// Returns numbers of a table of `a` by `b`, with effects of rows and of columns, and noise.
fn table(a: usize, b: usize, sizes: [f64; 3], r: &mut R) -> Vec<f64> {
    crossed(a, b, sizes, r).concat()
}

/// Returns a call on numbers over `run` and `k`.
fn tabled(op: &str, slot: &str, a: usize, b: usize, values: &[f64]) -> Call {
    over(call(op), slot, &[("run", a), ("k", b)], ns(values)).reducing(&["run", "k"])
}

/// Returns an estimate of a number with an error, as the cell of that name hands it on.
fn named(name: &str, v: f64, e: f64, r: &mut R) -> Value {
    Value::Number(Number::estimate(v + e * z(r), e).named(&Hash::of(name.as_bytes())))
}

/// Returns what an operation makes of each number over runs and one that all of them share, then the mean over runs.
fn shared(op: &'static str, over_runs: Vec<Value>, base: Value) -> Number {
    let each = |v: Value| Value::Number(call(op).one("a", v).one("b", base.clone()).number());
    let values: Vec<Value> = over_runs.into_iter().map(each).collect();
    over(call("mean"), "x", &[("run", values.len())], values).reducing(&["run"]).number()
}

/// Returns the mean over runs of each example.
fn runs_first(cells: Vec<Vec<f64>>) -> Arc<Scores> {
    over(call("mean"), "x", &[("run", cells.len())], cells.into_iter().map(examples).collect()).reducing(&["run"]).scores()
}

pub fn lines() -> Vec<Line> {
    let boot = |c: Call| c.set("draws", Static::Number(400.0)).set("level", Static::Number(0.95));
    let above = 1.0 - 0.5 * (1.0 + libm::erf(0.5 / 2.0f64.sqrt() / std::f64::consts::SQRT_2));
    let none = "a variance below 0 counts as 0";
    vec![
        line("mean", "runs x k, effects of both", "16 x 16", 0.0, |r| {
            tabled("mean", "x", 16, 16, &table(16, 16, [1.0, 1.0, 1.0], r)).number()
        })
        .but(0.9, 1.1, 0.91, FEW),
        line("mean", "runs x k, effects of runs", "20 x 4", 0.0, |r| {
            tabled("mean", "x", 20, 4, &table(20, 4, [1.0, 0.0, 0.5], r)).number()
        })
        .but(0.9, 1.15, 0.92, none),
        line("mean", "runs x k, effects of neither", "8 x 8", 0.0, |r| {
            tabled("mean", "x", 8, 8, &table(8, 8, [0.0, 0.0, 1.0], r)).number()
        })
        .but(0.95, 1.35, 0.93, none),
        line("mean", "runs x k x draws, effects of all", "12 x 12 x 12", 0.0, |r| {
            let (a, b, c) = (zs(12, r), zs(12, r), zs(12, r));
            let values: Vec<f64> = (0..1728).map(|i| a[i / 144] + b[i / 12 % 12] + c[i % 12] + z(r)).collect();
            over(call("mean"), "x", &[("run", 12), ("k", 12), ("draw", 12)], ns(&values)).reducing(&["run", "k", "draw"]).number()
        })
        .but(0.9, 1.1, 0.91, FEW),
        line("mean", "runs x k x examples, effects of all", "10 x 10 x 40", 0.0, |r| {
            let (a, b, c) = (zs(10, r), zs(10, r), zs(40, r));
            let cell = |i: usize, r: &mut R| examples((0..40).map(|e| a[i / 10] + b[i % 10] + c[e] + z(r)).collect());
            let values = (0..100).map(|i| cell(i, r)).collect();
            over(call("mean"), "x", &[("run", 10), ("k", 10)], values).reducing(&["run", "k", "example"]).number()
        })
        .but(0.9, 1.1, 0.9, FEW),
        line("share", "runs x k, effects of both", "20 x 20", above, |r| {
            let values = crossed(20, 20, [1.0, 1.0, 2f64.sqrt()], r).concat().into_iter().map(|v| t(v > 0.5)).collect();
            over(call("share"), "x", &[("run", 20), ("k", 20)], values).set("of", Static::None).reducing(&["run", "k"]).number()
        })
        .but(0.9, 1.12, 0.91, FEW),
        line("median", "runs x k, effects of both", "20 x 20", 0.0, |r| {
            tabled("median", "x", 20, 20, &table(20, 20, [1.0, 1.0, 1.0], r)).number()
        })
        .but(0.9, 1.15, 0.91, FEW),
        line("std", "runs x k, effects of both", "30 x 30", 3f64.sqrt(), |r| {
            tabled("std", "x", 30, 30, &table(30, 30, [1.0, 1.0, 1.0], r)).number()
        })
        .but(
            0.82,
            1.1,
            0.83,
            "few units: the spread of cells that share coordinates is a little too small, and so is its error",
        ),
        line("pearson", "runs x k, effects of both", "20 x 20", 0.0, |r| {
            let (x, y) = (table(20, 20, [1.0, 1.0, 1.0], r), table(20, 20, [1.0, 1.0, 1.0], r));
            over(tabled("pearson", "x", 20, 20, &x), "y", &[("run", 20), ("k", 20)], ns(&y)).number()
        })
        .but(0.85, 1.15, 0.88, FEW),
        line("bootstrap (error)", "runs x k, effects of both", "16 x 16", 0.0, move |r| {
            boot(tabled("bootstrap", "x", 16, 16, &table(16, 16, [1.0, 1.0, 1.0], r))).member("mean")
        })
        .but(0.88, 1.12, 0.9, FEW),
        line("bootstrap (error)", "runs less one estimate", "20", 0.0, move |r| {
            let base = named("base", 0.0, 0.5, r);
            let each = |v: f64| Value::Number(call("subtract").one("a", n(v)).one("b", base.clone()).number());
            let values: Vec<Value> = zs(20, r).into_iter().map(each).collect();
            boot(over(call("bootstrap"), "x", &[("run", 20)], values).reducing(&["run"])).member("mean")
        }),
        line("mean", "runs less one estimate", "20", 0.0, |r| {
            let base = named("base", 0.0, 0.5, r);
            shared("subtract", ns(&zs(20, r)), base)
        }),
        line("mean", "estimates less one estimate", "20", 0.0, |r| {
            let base = named("base", 0.0, 0.5, r);
            let each = (0..20).map(|i| named(&i.to_string(), 0.0, 1.0, r)).collect();
            shared("subtract", each, base)
        })
        .but(0.95, 1.15, 0.94, "the larger of two errors is taken, of which one is exact"),
        line("mean", "runs over one estimate, errors of a tenth", "20", 0.5, |r| {
            let base = named("base", 4.0, 0.4, r);
            let runs: Vec<f64> = zs(20, r).into_iter().map(|v| 2.0 + 0.2 * v).collect();
            shared("divide", ns(&runs), base)
        })
        .but(0.9, 1.15, 0.92, "the quotient of two normal numbers, to first order"),
        line("median", "runs less one estimate", "100", 0.0, |r| {
            let base = named("base", 0.0, 0.5, r);
            let each = |v: f64| Value::Number(call("subtract").one("a", n(v)).one("b", base.clone()).number());
            let values: Vec<Value> = zs(100, r).into_iter().map(each).collect();
            over(call("median"), "x", &[("run", 100)], values).reducing(&["run"]).number()
        }),
        line("mean", "runs x examples, runs first, effects of both", "20 x 100", 0.0, |r| {
            call("mean").one("x", Value::Scores(runs_first(crossed(20, 100, [0.3, 0.7, 1.0], r)))).number()
        }),
        line("mean", "runs x examples, runs first, effects of examples", "3 x 200", 0.0, |r| {
            call("mean").one("x", Value::Scores(runs_first(crossed(3, 200, [0.0, 1.0, 0.5], r)))).number()
        }),
        line("mean", "runs x examples, runs first, less one estimate", "20 x 100", 0.0, |r| {
            let base = named("base", 0.0, 0.1, r);
            let gain = call("subtract").one("a", Value::Scores(runs_first(crossed(20, 100, [0.3, 0.7, 1.0], r)))).one("b", base);
            call("mean").one("x", Value::Scores(gain.scores())).number()
        }),
        line("subtract", "two means over the same runs", "20", 0.0, |r| {
            let effect = zs(20, r);
            let side =
                |r: &mut R| Value::Number(runs("mean", &effect.iter().map(|a| a + 0.3 * z(r)).collect::<Vec<f64>>()).number());
            let (a, b) = (side(r), side(r));
            call("subtract").one("a", a).one("b", b).number()
        }),
    ]
}
