//! Errors that numbers share: a common baseline, the same runs, the number itself.

use super::*;
use crate::base::Hash;
use crate::base::statistics::{deviation, mean};

const RUNS: &[&str] = &["0", "1", "2", "3", "4"];
const X: [f64; 5] = [0.9, 0.7, 0.85, 0.6, 0.95];
const Y: [f64; 5] = [0.8, 0.65, 0.7, 0.55, 0.9];

/// Returns an estimate as the cell of that name hands it on.
fn named(name: &str, v: f64, e: f64) -> Number {
    Number::estimate(v, e).named(&Hash::of(name.as_bytes()))
}

/// Returns what an operation makes of two numbers.
fn two(op: &str, a: &Number, b: &Number) -> Number {
    call(op).one("a", Value::Number(a.clone())).one("b", Value::Number(b.clone())).number()
}

/// Returns a reduction of numbers over runs.
fn over_runs(op: &str, values: &[Number]) -> Number {
    call(op)
        .over("x", &[("run", "declared", RUNS)], values.iter().cloned().map(Value::Number).collect())
        .reducing(&["run"])
        .number()
}

fn exact(values: &[f64]) -> Vec<Number> {
    values.iter().map(|v| Number::exact(*v)).collect()
}

/// Returns estimates of these numbers, each with a cell of its own.
fn estimates(values: &[f64], error: f64) -> Vec<Number> {
    values.iter().enumerate().map(|(i, v)| named(&format!("cell {i}"), *v, error)).collect()
}

fn se(values: &[f64]) -> f64 {
    deviation(values) / (values.len() as f64).sqrt()
}

#[test]
fn a_number_less_itself_is_exact() {
    let x = named("x", 0.8, 0.1);
    assert_eq!(two("subtract", &x, &x).error, Some(0.0));
    assert_eq!(two("divide", &x, &x).error, Some(0.0));
    close(two("add", &x, &x).error.unwrap(), 0.2);
    close(two("multiply", &x, &x).error.unwrap(), 0.16);
    // Another estimate of equal value and error is another one.
    close(two("subtract", &x, &named("y", 0.8, 0.1)).error.unwrap(), 0.02f64.sqrt());
    // (x - y) - (x - z): the error of x is gone.
    let (y, z) = (named("y", 0.6, 0.03), named("z", 0.4, 0.04));
    close(two("subtract", &two("subtract", &x, &y), &two("subtract", &x, &z)).error.unwrap(), 0.05);
    let truth = call("less").one("a", Value::Number(two("add", &x, &y))).one("b", Value::Number(two("add", &x, &z))).truth();
    assert!(!truth.holds && !truth.within_error);
}

#[test]
fn an_error_that_all_share_stays_whole() {
    for base in [named("base", 0.75, 0.2), named("base", 0.75, 0.001)] {
        let e = base.error.unwrap();
        let gain: Vec<Number> = exact(&X).iter().map(|x| two("subtract", x, &base)).collect();
        let m = over_runs("mean", &gain);
        close(m.value, mean(&X) - 0.75);
        close(m.error.unwrap(), se(&X).hypot(e));
        // As if subtracted after.
        let after = two("subtract", &over_runs("mean", &exact(&X)), &base);
        close(m.error.unwrap(), after.error.unwrap());
        close(over_runs("total", &gain).error.unwrap(), 5.0 * e);
        assert_eq!(two("subtract", &m, &after).error, Some(0.0));
        // Spread does not move with it, the gap between two does not either.
        close(over_runs("std", &gain).error.unwrap(), over_runs("std", &exact(&X)).error.unwrap());
        assert_eq!(over_runs("largest_gap", &gain).error, Some(0.0));
        close(over_runs("median", &gain).error.unwrap(), over_runs("median", &exact(&X)).error.unwrap().hypot(e));
        close(over_runs("maximum", &gain).error.unwrap(), e);
        let area = call("auc")
            .over("y", &[("run", "declared", RUNS)], gain.iter().cloned().map(Value::Number).collect())
            .reducing(&["run"])
            .number();
        close(area.error.unwrap(), 4.0 * e);
    }
    // The same number everywhere: nothing is gained by taking its mean.
    let base = named("base", 0.75, 0.2);
    close(over_runs("mean", &vec![base.clone(); 5]).error.unwrap(), 0.2);
    // A factor that all share. The square of a mean is above that of the true one by its variance, which is left out.
    let ratio: Vec<Number> = exact(&X).iter().map(|x| two("divide", x, &base)).collect();
    let expect = ((se(&X) / 0.75).powi(2) + (mean(&X).powi(2) - se(&X).powi(2)) * (0.2f64 / 0.5625).powi(2)).sqrt();
    close(over_runs("mean", &ratio).error.unwrap(), expect);
    let sd = deviation(&X) / 0.75;
    close(over_runs("std", &ratio).error.unwrap(), (sd / 8f64.sqrt()).hypot(sd / 0.75 * 0.2));
}

#[test]
fn errors_of_their_own_are_part_of_the_spread() {
    // Small beside the spread, and large beside it: the larger of the two, the common one beside it.
    for e in [0.01, 0.4] {
        let base = named("base", 0.75, 0.05);
        let gain: Vec<Number> = estimates(&X, e).iter().map(|x| two("subtract", x, &base)).collect();
        close(over_runs("mean", &gain).error.unwrap(), se(&X).max(e / 5f64.sqrt()).hypot(0.05));
        close(over_runs("total", &gain).error.unwrap(), (5.0 * e * e + 25.0 * 0.0025).sqrt());
    }
}

#[test]
fn what_is_left_of_the_mean_has_the_mean_0() {
    for x in [exact(&X), estimates(&X, 0.01), estimates(&X, 0.4)] {
        let m = over_runs("mean", &x);
        let left: Vec<Number> = x.iter().map(|x| two("subtract", x, &m)).collect();
        let of_left = over_runs("mean", &left);
        assert!(of_left.value.abs() < 1e-15 && of_left.error == Some(0.0), "{of_left:?}");
    }
    let m = over_runs("mean", &exact(&X));
    let ratio: Vec<Number> = exact(&X).iter().map(|x| two("divide", x, &m)).collect();
    let of_ratio = over_runs("mean", &ratio);
    close(of_ratio.value, 1.0);
    assert_eq!(of_ratio.error, Some(0.0));
}

#[test]
fn means_over_the_same_runs_are_compared_as_their_differences_are() {
    let (a, b) = (over_runs("mean", &exact(&X)), over_runs("mean", &exact(&Y)));
    let each: Vec<f64> = X.iter().zip(&Y).map(|(x, y)| x - y).collect();
    let after = two("subtract", &a, &b);
    close(after.value, mean(&each));
    close(after.error.unwrap(), se(&each));
    let truth = call("greater").one("a", Value::Number(a)).one("b", Value::Number(b)).truth();
    assert_eq!(truth.within_error, mean(&each) < 2.0 * se(&each));
    // Other runs are others.
    let others = call("mean").over("x", &[("seed", "declared", RUNS)], ns(&Y)).reducing(&["seed"]).number();
    close(two("subtract", &over_runs("mean", &exact(&X)), &others).error.unwrap(), se(&X).hypot(se(&Y)));
}

/// A table with effects of rows and columns.
const TABLE: [[f64; 4]; 3] = [[1.0, 2.0, 4.0, 3.0], [3.5, 4.0, 7.0, 5.0], [0.0, 1.5, 2.0, 2.5]];

fn table(op: &str) -> Call {
    call(op)
        .over("x", &[("run", "declared", &RUNS[..3]), ("k", "declared", &RUNS[..4])], ns(&TABLE.concat()))
        .reducing(&["run", "k"])
}

#[test]
fn axes_taken_in_together_are_crossed() {
    // The mean squares of a table without repeats, written out: V = (MS rows + MS columns - MS rest) / 12.
    let all = TABLE.concat();
    let m = mean(&all);
    let rows: Vec<f64> = TABLE.iter().map(|r| mean(r) - m).collect();
    let columns: Vec<f64> = (0..4).map(|j| mean(&[TABLE[0][j], TABLE[1][j], TABLE[2][j]]) - m).collect();
    let of_rows = 4.0 * rows.iter().map(|v| v * v).sum::<f64>() / 2.0;
    let of_columns = 3.0 * columns.iter().map(|v| v * v).sum::<f64>() / 3.0;
    let rest = (0..12).map(|i| all[i] - m - rows[i / 4] - columns[i % 4]).map(|v| v * v).sum::<f64>() / 6.0;
    assert!(of_rows > rest && of_columns > rest);
    let whole = table("mean").number();
    close(whole.error.unwrap(), ((of_rows + of_columns - rest) / 12.0).sqrt());
    // Either axis first comes to the same.
    let first = |rows: bool| {
        let along = |name: &str, values: Vec<f64>| {
            call("mean").over("x", &[(name, "declared", &RUNS[..values.len()])], ns(&values)).reducing(&[name]).number()
        };
        let inner: Vec<Number> = match rows {
            true => (0..4).map(|j| along("run", (0..3).map(|i| TABLE[i][j]).collect())).collect(),
            false => (0..3).map(|i| along("k", TABLE[i].to_vec())).collect(),
        };
        let (name, many) = if rows { ("k", 4) } else { ("run", 3) };
        call("mean")
            .over("x", &[(name, "declared", &RUNS[..many])], inner.into_iter().map(Value::Number).collect())
            .reducing(&[name])
            .number()
    };
    for rows in [true, false] {
        close(first(rows).value, m);
        close(first(rows).error.unwrap(), whole.error.unwrap());
    }
    // The mean of what is left of the mean is 0.
    let left: Vec<Value> = all.iter().map(|v| Value::Number(two("subtract", &Number::exact(*v), &whole))).collect();
    let of_left =
        call("mean").over("x", &[("run", "declared", &RUNS[..3]), ("k", "declared", &RUNS[..4])], left).reducing(&["run", "k"]);
    assert_eq!(of_left.number().error, Some(0.0));
}

#[test]
fn cells_of_a_table_are_not_dealt_one_by_one() {
    let shape = |axes: &[LabelledAxis]| {
        let all = kernels();
        let (_, kernel) = all.iter().find(|(n, _)| *n == "permutation_test").unwrap();
        let settings = call("permutation_test").set("draws", Static::Number(100.0)).all_settings();
        let kind = Kind::Number { per_example: false };
        let shapes = [Shape { slot: "x", kind: &kind, axes, classes: false, facts: &[] }];
        kernel.fits(&settings, &shapes).map_err(|p| p.message)
    };
    let axes = table("mean").job.inputs[0].1.axes.clone();
    assert!(shape(&axes).unwrap_err().contains("cannot be permuted"), "{:?}", shape(&axes));
    assert_eq!(shape(&axes[..1]), Ok(()));
    let mut nested = axes.clone();
    nested[1].within = vec!["run".to_string()];
    assert_eq!(shape(&nested), Ok(()));
}

/// Numbers of four runs on six examples of two classes.
const RIGHT: [[f64; 6]; 4] = [
    [1.0, 0.0, 1.0, 1.0, 0.2, 0.9],
    [0.8, 0.1, 0.7, 1.0, 0.4, 0.3],
    [0.4, 0.0, 0.9, 0.6, 0.1, 0.5],
    [1.2, 0.3, 1.0, 0.9, 0.6, 0.8],
];

fn of_runs() -> Vec<Value> {
    RIGHT.iter().map(|run| scores(&[0, 1, 2, 3, 4, 5], run, &[0, 0, 0, 1, 1, 1])).collect()
}

fn right(over: &[&str]) -> Call {
    call("mean").over("x", &[("run", "declared", &RUNS[..4])], of_runs()).reducing(over)
}

fn of_examples(x: &Scores) -> Call {
    call("mean").one("x", Value::Scores(Arc::new(x.clone())))
}

#[test]
fn a_mean_of_each_example_remembers_the_runs() {
    let often = right(&["run"]).scores();
    // Whole and by class, the runs first or with the examples.
    for by in [None, Some(("a", 0)), Some(("b", 1))] {
        let split = |c: Call| if let Some((name, k)) = by { c.by("class", "class", name, k) } else { c };
        let (first, at_once) = (split(of_examples(&often)).number(), split(right(&["run", "example"])).number());
        close(first.value, at_once.value);
        close(first.error.unwrap(), at_once.error.unwrap());
    }
    // What is added to each example and multiplied with it changes the error as it should.
    let number = |x: f64| Value::Number(Number::exact(x));
    let twice = call("multiply").one("a", Value::Scores(often.clone())).one("b", number(2.0)).scores();
    close(of_examples(&twice).number().error.unwrap(), 2.0 * of_examples(&often).number().error.unwrap());
    let less = call("subtract").one("a", Value::Scores(often.clone())).one("b", Value::Scores(often.clone())).scores();
    assert_eq!(of_examples(&less).number().error, Some(0.0));
    // The difference of two means over the same runs on the same examples is that of the differences.
    let squares: Vec<Value> =
        RIGHT.iter().map(|run| scores(&[0, 1, 2, 3, 4, 5], &run.map(|v| v * v), &[0, 0, 0, 1, 1, 1])).collect();
    let gaps: Vec<Value> =
        RIGHT.iter().map(|run| scores(&[0, 1, 2, 3, 4, 5], &run.map(|v| v - v * v), &[0, 0, 0, 1, 1, 1])).collect();
    let over = |values| call("mean").over("x", &[("run", "declared", &RUNS[..4])], values).reducing(&["run"]).scores();
    let gap = call("subtract").one("a", Value::Scores(often)).one("b", Value::Scores(over(squares))).scores();
    close(of_examples(&gap).number().error.unwrap(), of_examples(&over(gaps)).number().error.unwrap());
}

#[test]
fn examples_less_an_estimate_keep_its_error() {
    let base = named("base", 0.6, 0.07);
    let all = scores(&[0, 1, 2, 3, 4, 5], &RIGHT[0], &[0, 0, 0, 1, 1, 1]);
    let gain = call("subtract").one("a", all.clone()).one("b", Value::Number(base.clone())).scores();
    let m = of_examples(&gain).number();
    close(m.error.unwrap(), se(&RIGHT[0]).hypot(0.07));
    let after = two("subtract", &call("mean").one("x", all.clone()).number().named(&Hash::of(b"mean")), &base);
    close(m.error.unwrap(), after.error.unwrap());
    close(call("maximum").one("x", Value::Scores(gain.clone())).number().error.unwrap(), 0.07);
    close(call("total").one("x", Value::Scores(gain.clone())).number().error.unwrap(), 6.0 * 0.07);
    // A factor moves each by what it is: the mean of x / base by mean(x) / base^2.
    let ratio = call("divide").one("a", all).one("b", Value::Number(base.clone())).scores();
    let slope = mean(&RIGHT[0]) / 0.36 * 0.07;
    let spread = se(&RIGHT[0]) / 0.6;
    // The part of the spread that the factor gives is not counted twice.
    let seen = spread * 0.07 / 0.6;
    close(of_examples(&ratio).number().error.unwrap(), (spread * spread - seen * seen + slope * slope).sqrt());
    // Over runs, each example less the same estimate: as the mean over all, less it.
    let each: Vec<Value> = of_runs()
        .into_iter()
        .map(|run| Value::Scores(call("subtract").one("a", run).one("b", Value::Number(base.clone())).scores()))
        .collect();
    let whole = call("mean").over("x", &[("run", "declared", &RUNS[..4])], each.clone()).reducing(&["run", "example"]).number();
    close(whole.error.unwrap(), right(&["run", "example"]).number().error.unwrap().hypot(0.07));
    let first = call("mean").over("x", &[("run", "declared", &RUNS[..4])], each).reducing(&["run"]).scores();
    close(of_examples(&first).number().error.unwrap(), whole.error.unwrap());
    // A choice takes the error with it for the examples it is chosen for.
    let condition = scores(&[0, 1, 2, 3, 4, 5], &[1.0, 1.0, 0.0, 0.0, 0.0, 0.0], &[0, 0, 0, 1, 1, 1]);
    let chosen =
        call("choose").one("condition", condition).one("yes", Value::Number(base)).one("no", Value::Number(Number::exact(0.0)));
    close(call("total").one("x", Value::Scores(chosen.scores())).number().error.unwrap(), 2.0 * 0.07);
}

/// The difference of two means over runs has the error of the mean difference, where the numbers have errors of their own as well.
#[test]
fn means_of_estimates_are_compared_as_their_differences_are() {
    let of = |name: &str, values: &[f64], error: f64| -> Vec<Number> {
        values.iter().enumerate().map(|(i, v)| named(&format!("{name} {i}"), *v, error)).collect()
    };
    // Errors small beside the spreads, large beside the spread of the differences, and large beside all.
    for e in [0.01, 0.06, 0.4] {
        let (a, b) = (of("a", &X, e), of("b", &Y, e));
        let each: Vec<Number> = a.iter().zip(&b).map(|(a, b)| two("subtract", a, b)).collect();
        let (after, before) = (two("subtract", &over_runs("mean", &a), &over_runs("mean", &b)), over_runs("mean", &each));
        close(after.value, before.value);
        close(after.error.unwrap(), before.error.unwrap());
        // Handed on, and less what both had before: nothing is left.
        let left = two("subtract", &after.clone().named(&Hash::of(b"after")), &before.named(&Hash::of(b"before")));
        assert_eq!(left.error, Some(0.0), "{e}");
        // One of them exact.
        let mixed: Vec<Number> = a.iter().zip(exact(&Y)).map(|(a, b)| two("subtract", a, &b)).collect();
        let after = two("subtract", &over_runs("mean", &a), &over_runs("mean", &exact(&Y)));
        close(after.error.unwrap(), over_runs("mean", &mixed).error.unwrap());
    }
}

/// Of accuracies on one test set, whose examples all runs share, the difference of means has nearly the error of the mean difference.
#[test]
fn means_of_accuracies_are_compared_nearly_as_their_differences_are() {
    let accuracy = |run: usize, shift: usize| {
        let right: Vec<f64> =
            (0..40).map(|i| ((i * 7 + run * 5 + shift * 3) % 13 > 2 + run * (2 - shift)) as u8 as f64).collect();
        let ids: Vec<u32> = (0..40).collect();
        let number = call("mean").one("x", scores(&ids, &right, &[])).number();
        number.named(&Hash::of(format!("{run} {shift}").as_bytes()))
    };
    let (a, b): (Vec<Number>, Vec<Number>) = (0..5).map(|run| (accuracy(run, 0), accuracy(run, 1))).unzip();
    let each: Vec<Number> = a.iter().zip(&b).map(|(a, b)| two("subtract", a, b)).collect();
    let (after, before) = (two("subtract", &over_runs("mean", &a), &over_runs("mean", &b)), over_runs("mean", &each));
    // What the examples have in the spread is more than they err by here: the spread is left of all three, by NumPy 0.0531 and 0.0539.
    let (after, before) = (after.error.unwrap(), before.error.unwrap());
    assert!(
        (after - 0.053_061_764_585_876_56).abs() < 1e-12 && (before - 0.053_851_648_071_345_036).abs() < 1e-12,
        "{after} {before}"
    );
}

/// Runs that are right about other examples each: what they err by on one test set cancels in their mean, and makes it no better known than their spread says.
#[test]
fn errors_that_cancel_leave_the_spread() {
    let ids: Vec<u32> = (0..40).collect();
    let first = [0, 1, 3, 6, 10];
    let accuracy = |run: usize| {
        let right: Vec<f64> = (0..40).map(|i| (first[run]..first[run + 1]).contains(&(i % 10)) as u8 as f64).collect();
        call("mean").one("x", scores(&ids, &right, &[])).number().named(&Hash::of(&[run as u8]))
    };
    let all: Vec<Number> = (0..4).map(accuracy).collect();
    close(over_runs("mean", &all).error.unwrap(), se(&[0.1, 0.2, 0.3, 0.4]));
}

/// An outcome over runs of each example remembers the runs: those that decide it alone.
#[test]
fn quantifiers_of_each_example_remember_the_runs() {
    let runs: Vec<Value> = [[1.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 1.0, 0.0]]
        .iter()
        .map(|x| scores(&[0, 1, 2, 3], x, &[]))
        .collect();
    let over = |op: &str| call(op).over("x", &[("run", "declared", &RUNS[..3])], runs.clone()).reducing(&["run"]).scores();
    // Leaving out one of three runs turns examples 1 and 3 of `all`, and example 2 of `any`.
    let share = |s: &Scores| call("share").one("x", Value::Scores(Arc::new(s.clone()))).set("of", Static::None).number();
    for (op, values) in [("all", [1.0, 0.0, 0.0, 0.0]), ("any", [1.0, 1.0, 1.0, 1.0])] {
        let found = over(op);
        assert_eq!(found.values, values);
        let moved: Vec<f64> = (0..4).map(|i| found.loadings.iter().map(|(_, load)| load.at(i).powi(2)).sum()).collect();
        // The jackknife over three runs of a turn by one: 2 / 3 (2 / 3)^2 + 2 (1 / 3)^2 of it.
        let turn = 2.0 / 3.0 * 6.0 / 9.0;
        let expect = if op == "all" { [0.0, turn, 0.0, turn] } else { [0.0, 0.0, turn, 0.0] };
        moved.iter().zip(expect).for_each(|(a, b)| close(*a, b));
    }
    // A run that fails everywhere decides all: another draw of runs would not have it.
    let one_fails: Vec<Value> = [1.0, 1.0, 0.0].iter().map(|x| scores(&[0, 1, 2, 3], &[*x; 4], &[])).collect();
    let none = call("all").over("x", &[("run", "declared", &RUNS[..3])], one_fails).reducing(&["run"]).scores();
    assert!(share(&none).error.unwrap() > 2.0 / 3.0 && share(&none.with(vec![0.0; 4])).error.unwrap() < 0.3);
    // Two that agree have nothing between them.
    let same = call("subtract").one("a", Value::Scores(over("all"))).one("b", Value::Scores(over("all"))).scores();
    assert_eq!(of_examples(&same).number().error, Some(0.0));
    // Sums and extremes of each example keep what their values err by; of equal runs nothing else moves these.
    let base = named("base", 0.3, 0.05);
    let less: Vec<Value> = runs
        .iter()
        .map(|run| Value::Scores(call("subtract").one("a", run.clone()).one("b", Value::Number(base.clone())).scores()))
        .collect();
    let equal = vec![less[0].clone(); 3];
    for (op, times, values) in [("maximum", 1.0, &equal), ("minimum", 1.0, &equal), ("total", 3.0, &less)] {
        let each = call(op).over("x", &[("run", "declared", &RUNS[..3])], values.clone()).reducing(&["run"]).scores();
        close(call("total").one("x", Value::Scores(each)).number().error.unwrap(), 4.0 * times * 0.05);
    }
}

/// Returns numbers that look random, between -0.5 and 0.5.
fn scattered(n: usize, name: &str) -> Vec<f64> {
    let mut rng = crate::base::Stream::root(7).named(name).rng();
    (0..n).map(|_| rand::RngExt::random::<f64>(&mut rng) - 0.5).collect()
}

/// The difference of two means over the same runs and examples has the error of the mean of the differences, however much of what both share cancels:
/// what is left of single numbers is not counted by run and by example again.
#[test]
fn differences_over_the_same_runs_and_examples_are_paired() {
    const N: usize = 12;
    let (a, b) = (scattered(RUNS.len(), "runs"), scattered(N, "examples"));
    let of = |sizes: [f64; 3], name: &str| -> Vec<Vec<f64>> {
        let r = scattered(RUNS.len() * N, name);
        (0..RUNS.len()).map(|i| (0..N).map(|k| sizes[0] * a[i] + sizes[1] * b[k] + sizes[2] * r[i * N + k]).collect()).collect()
    };
    let reduced = |op: &str, x: &[Vec<f64>]| {
        let ids: Vec<u32> = (0..N as u32).collect();
        let cells = x.iter().map(|v| scores(&ids, v, &[])).collect();
        call(op).over("x", &[("run", "declared", RUNS)], cells).reducing(&["run", "example"]).number()
    };
    for (x, y) in [([2.0, 3.0, 0.3], [0.5, 1.0, 0.4]), ([2.0, 3.0, 0.3], [1.0, 3.0, 0.5]), ([1.5, 3.0, 0.2], [0.5, 2.0, 0.2])] {
        let (x, y) = (of(x, "x"), of(y, "y"));
        let less: Vec<Vec<f64>> = x.iter().zip(&y).map(|(x, y)| x.iter().zip(y).map(|(x, y)| x - y).collect()).collect();
        let apart = two("subtract", &reduced("mean", &x), &reduced("mean", &y));
        let together = reduced("mean", &less);
        let (apart, together) = (apart.error.unwrap(), together.error.unwrap());
        assert!((apart - together).abs() < 1e-9 * together, "{apart} against {together}");
    }
}

/// So has the difference of two means over the same pairs of units.
#[test]
fn differences_over_the_same_pairs_are_paired() {
    let k = RUNS.len();
    let a = scattered(k, "units");
    let of = |unit: f64, left: f64, name: &str| -> Vec<Number> {
        let r = scattered(k * k, name);
        let at = |i: usize, j: usize| Number::exact(unit * (a[i] + a[j]) + left * r[i.max(j) * k + i.min(j)]);
        (0..k * k).map(|p| at(p / k, p % k)).collect()
    };
    let reduced = |x: &[Number]| {
        let there =
            |p: usize| if p / k == p % k { Value::Absent("a unit with itself".into()) } else { Value::Number(x[p].clone()) };
        let axes = [("run", "declared", RUNS), ("run_other", "declared", RUNS)];
        let mut call = call("mean").over("x", &axes, (0..k * k).map(there).collect());
        call.job.inputs[0].1.axes[1].pairs = Some("run".to_string());
        call.reducing(&[]).number()
    };
    let (x, y) = (of(2.0, 0.3, "x"), of(0.5, 0.2, "y"));
    let less: Vec<Number> = x.iter().zip(&y).map(|(x, y)| Number::exact(x.value - y.value)).collect();
    let (apart, together) = (two("subtract", &reduced(&x), &reduced(&y)).error.unwrap(), reduced(&less).error.unwrap());
    assert!((apart - together).abs() < 1e-9 * together, "{apart} against {together}");
}

/// Runs first or runs and examples at once: where neither has a variance of its own, all is pooled either way.
#[test]
fn what_comes_out_below_nothing_is_pooled_in_either_order() {
    const N: usize = 8;
    let ids: Vec<u32> = (0..N as u32).collect();
    let (mut pooled, mut all) = (0, 0);
    for k in 0..60 {
        let r = scattered(RUNS.len() * N, &format!("alone {k}"));
        let cells = || (0..RUNS.len()).map(|i| scores(&ids, &r[i * N..(i + 1) * N], &[])).collect::<Vec<_>>();
        let over = |call: Call| call.over("x", &[("run", "declared", RUNS)], cells());
        let at_once = over(call("mean")).reducing(&["run", "example"]).number();
        let means = over(call("mean")).reducing(&["run"]).scores();
        let first = call("mean").one("x", Value::Scores(means)).reducing(&["example"]).number();
        let (a, b) = (at_once.error.unwrap(), first.error.unwrap());
        close(at_once.value, first.value);
        assert!((a - b).abs() < 1e-9 * a, "{k}: {a} against {b}");
        // Of all numbers drawn one by one, as where all is pooled.
        let one_by_one = deviation(&r) / (r.len() as f64).sqrt();
        pooled += ((a - one_by_one).abs() < 1e-9 * a) as usize;
        all += 1;
    }
    assert!(pooled > all / 8 && pooled < all, "{pooled} of {all}");
}
