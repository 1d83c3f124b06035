//! Numbers that were not drawn one by one: pairs, examples of several cells, bins of each run.

use super::*;
use crate::base::Hash;

const K: &[&str] = &["0", "1", "2", "3", "4", "5", "6", "7"];

/// Returns a call on values over pairs of the first `k` units, absent on the diagonal.
fn pairs(op: &str, k: usize, of: impl Fn(usize, usize) -> Value) -> Call {
    let values = (0..k * k).map(|p| if p / k == p % k { none() } else { of(p / k, p % k) }).collect();
    over_pairs(op, &[("run", "declared", &K[..k]), ("run_other", "declared", &K[..k])], values)
}

fn over_pairs(op: &str, axes: &[(&str, &str, &[&str])], values: Vec<Value>) -> Call {
    pairing(call(op).over("x", axes, values)).reducing(&[])
}

/// Says which axes are paired and which nest.
fn pairing(mut call: Call) -> Call {
    for (_, input) in &mut call.job.inputs {
        for axis in &mut input.axes {
            axis.pairs = axis.name.strip_suffix("_other").map(str::to_string);
        }
    }
    call
}

/// A symmetric measure of units: distances between uneven places.
fn distance(i: usize, j: usize) -> f64 {
    let at = [0.0f64, 1.0, 2.5, 4.5, 7.0, 7.5, 11.0, 20.0];
    (at[i] - at[j]).abs()
}

#[test]
fn pairs_of_a_symmetric_measure_count_once() {
    let of = |op: &str| pairs(op, 5, |i, j| n(distance(i, j))).number();
    let once: Vec<f64> = (0..5).flat_map(|i| (i + 1..5).map(move |j| distance(i, j))).collect();
    close(of("mean").value, once.iter().sum::<f64>() / 10.0);
    close(of("total").value, once.iter().sum());
    assert_eq!((of("mean").count, of("count").value), (Some(10), 10.0));
    close(of("std").value, crate::base::statistics::deviation(&once));
    assert_eq!(of("maximum").value, 7.0);
    let all = pairs("all", 4, |i, j| t(distance(i, j) > 0.5)).truth();
    assert_eq!(all.text, "held in all 6");
    let share = pairs("share", 5, |i, j| t(distance(i, j) > 4.0)).number();
    assert_eq!((share.value, share.count), (0.4, Some(10)));
    // Errors of single values count once too.
    let total = pairs("total", 3, |_, _| est(1.0, 2.0)).number();
    assert_eq!((total.value, total.error), (3.0, Some(12f64.sqrt())));
}

#[test]
fn orders_that_differ_by_rounding_are_one_pair() {
    // The second order is some units in the last place off, at every scale.
    for scale in [1e-200, 1.0, 1e200] {
        let off = |i: usize, j: usize| n(scale * distance(i, j) * if i > j { 1.0 + 5e-15 } else { 1.0 });
        let of = |op: &str| pairs(op, 5, off).number();
        assert_eq!((of("count").value, of("mean").count), (10.0, Some(10)));
        close(of("std").value / scale, pairs("std", 5, |i, j| n(distance(i, j))).number().value);
    }
    // A tenth of a per mill is none.
    let of = pairs("count", 5, |i, j| n(distance(i, j) * if i > j { 1.0001 } else { 1.0 })).number();
    assert_eq!(of.value, 20.0);
}

#[test]
fn the_error_over_pairs_is_that_of_a_u_statistic() {
    // Griffing's (1956) method 4, written out: mean squares of units and of what is left, for all pairs of k units.
    for k in [4usize, 5, 8] {
        let noisy = |i: usize, j: usize| distance(i, j) + ((i * j * 7 + i + j) % 5) as f64;
        let once: Vec<f64> = (0..k).flat_map(|i| (i + 1..k).map(move |j| noisy(i, j))).collect();
        let kf = k as f64;
        let total: f64 = once.iter().sum();
        let sums = (0..k).map(|i| (0..k).filter(|j| *j != i).map(|j| noisy(i, j)).sum::<f64>());
        let of_units = sums.map(|s| s * s).sum::<f64>() / (kf - 2.0) - 4.0 * total * total / (kf * (kf - 2.0));
        let all = once.iter().map(|v| v * v).sum::<f64>() - total * total / (kf * (kf - 1.0) / 2.0);
        let (units, left) = (of_units / (kf - 1.0), (all - of_units) / (kf * (kf - 3.0) / 2.0));
        let (a, r) = ((units - left) / (kf - 2.0), left);
        assert!(a > 0.0);
        let expect = (4.0 * a / kf + 2.0 * r / (kf * (kf - 1.0))).sqrt();
        close(pairs("mean", k, |i, j| n(noisy(i, j))).number().error.unwrap(), expect);
    }
    // Three units: the jackknife. Leaving one out leaves one pair.
    let three = [distance(0, 1), distance(0, 2), distance(1, 2)];
    let m = three.iter().sum::<f64>() / 3.0;
    let jackknife = (2.0 / 3.0 * three.iter().map(|v| (v - m).powi(2)).sum::<f64>()).sqrt();
    close(pairs("mean", 3, |i, j| n(distance(i, j))).number().error.unwrap(), jackknife);
    // Two units have one pair: its own error, or none.
    assert_eq!(pairs("mean", 2, |_, _| n(1.0)).number().error, None);
    assert_eq!(pairs("mean", 2, |_, _| est(1.0, 0.5)).number().error, Some(0.5));
}

#[test]
fn order_of_axes_and_where_other_axes_stand_change_nothing() {
    let k = 5;
    let at = |i: usize, j: usize, s: usize| if i == j { none() } else { n(distance(i, j) + s as f64 * (i + j) as f64) };
    let (run, other, stage) =
        (("run", "declared", &K[..k]), ("run_other", "declared", &K[..k]), ("stage", "stage", &["a", "b"][..]));
    let first: Vec<Value> = (0..2 * k * k).map(|p| at(p / k % k, p % k, p / (k * k))).collect();
    let last: Vec<Value> = (0..2 * k * k).map(|p| at(p / 2 % k, p / (2 * k), p % 2)).collect();
    for op in ["mean", "std", "median", "standard_error"] {
        let a = over_pairs(op, &[stage, run, other], first.clone()).number();
        let b = over_pairs(op, &[other, run, stage], last.clone()).number();
        close(a.value, b.value);
        close(a.error.unwrap_or(0.0), b.error.unwrap_or(0.0));
    }
    // The mean over both stages is that of the pairs' means.
    let a = over_pairs("mean", &[stage, run, other], first.clone()).number();
    let means = pairs("mean", k, |i, j| n(distance(i, j) + 0.5 * (i + j) as f64)).number();
    close(a.value, means.value);
    close(a.error.unwrap(), means.error.unwrap());
}

#[test]
fn ordered_pairs_keep_both_orders() {
    let of = |op: &str| pairs(op, 4, |i, j| n(i as f64 + 10.0 * j as f64)).number();
    assert_eq!((of("count").value, of("mean").count), (12.0, Some(12)));
    close(of("mean").value, 16.5);
    // As the pairs' means, each counted alike: 5.5 (i + j).
    let halves = pairs("mean", 4, |i, j| n(5.5 * (i + j) as f64)).number();
    close(of("mean").error.unwrap(), halves.error.unwrap());
}

#[test]
fn pairs_of_which_some_are_missing_agree_with_numpy() {
    let r = &reference()["pairs_of_units"];
    let names: Vec<String> = (0..9).map(|i| i.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let value = |v: &Json| v.as_f64().map_or_else(none, n);
    let values = r["values"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap().iter().map(value)).collect();
    let got = over_pairs("mean", &[("run", "declared", &names), ("run_other", "declared", &names)], values).number();
    close(got.value, r["mean"].as_f64().unwrap());
    close(got.error.unwrap(), r["error"].as_f64().unwrap());
    assert_eq!(got.count, r["count"].as_u64());
}

#[test]
fn parts_of_paired_axes_meet_by_name() {
    // Runs 0..3 against runs 1..4: (0, 1) is there once, (1, 2) in both orders, (3, …) never as the first.
    let values = (0..9).map(|p| (p / 3, p % 3 + 1)).map(|(i, j)| if i == j { none() } else { n(distance(i, j)) }).collect();
    let got = over_pairs("count", &[("run", "declared", &["0", "1", "2"]), ("run_other", "declared", &["1", "2", "3"])], values);
    // (0,1) (0,2) (0,3) (1,2) (1,3) (2,3), with (2,1) the same as (1,2).
    assert_eq!(got.number().value, 6.0);
    // One side alone is an axis like others.
    let alone = over_pairs("mean", &[("run_other", "declared", &["1", "2", "3"])], ns(&[1.0, 2.0, 4.0])).number();
    close(alone.error.unwrap(), (7.0f64 / 3.0).sqrt() / 3f64.sqrt());
}

#[test]
fn pairs_of_two_axes_at_once_count_once_and_have_no_error() {
    let axes = [
        ("run", "declared", &["0", "1"][..]),
        ("seed", "declared", &["0", "1"][..]),
        ("run_other", "declared", &["0", "1"][..]),
        ("seed_other", "declared", &["0", "1"][..]),
    ];
    let four = (0..16).map(|p| if p / 4 == p % 4 { none() } else { n(distance(p / 4, p % 4)) }).collect();
    let got = over_pairs("mean", &axes, four).number();
    let one = pairs("mean", 4, |i, j| n(distance(i, j))).number();
    assert_eq!((got.value, got.count), (one.value, one.count));
    assert_eq!((got.error, one.error.is_some()), (None, true));
}

#[test]
fn pairs_of_scores_are_clustered_by_unit_and_example() {
    let of = |effect: f64| {
        let each = move |i: usize, j: usize| {
            let values: Vec<f64> = (0..6).map(|e| distance(i, j) + effect * (e as f64 - 2.5)).collect();
            scores(&[0, 1, 2, 3, 4, 5], &values, &[])
        };
        pairs("mean", 5, each).reducing(&["example"]).number()
    };
    let plain = pairs("mean", 5, |i, j| n(distance(i, j))).number();
    close(of(0.0).value, plain.value);
    close(of(0.0).error.unwrap(), plain.error.unwrap());
    assert_eq!(of(0.0).count, Some(60));
    // An effect of the examples adds its own variance: 3.5 of the six places, divided by 6.
    let more = of(2.0).error.unwrap().powi(2) - of(0.0).error.unwrap().powi(2);
    near(more, 4.0 * 3.5 / 6.0, 1e-9);
}

#[test]
fn kept_pairs_are_ranked_in_both_orders() {
    let list = pairs("rank", 3, |i, j| n(distance(i, j)));
    let Ok(Value::List(items)) = list.run() else { panic!() };
    assert_eq!(items.iter().filter(|v| matches!(v, Value::Number(_))).count(), 6);
}

#[test]
fn correlations_over_pairs_take_each_once() {
    let x = pairs("pearson", 5, |i, j| n(distance(i, j)));
    let both = |f: &dyn Fn(usize, usize) -> f64| {
        let values = (0..25).map(|p| if p / 5 == p % 5 { none() } else { n(f(p / 5, p % 5)) }).collect();
        let mut call = call("pearson").over("y", &[("run", "declared", &K[..5]), ("run_other", "declared", &K[..5])], values);
        call.job.inputs.insert(0, x.job.inputs[0].clone());
        pairing(call).reducing(&[]).number()
    };
    assert_eq!(both(&|i, j| distance(i, j).powi(2)).count, Some(10));
    // A y that is not symmetric keeps both orders of x.
    assert_eq!(both(&|i, j| i as f64 + 10.0 * j as f64).count, Some(20));
}

#[test]
fn a_permutation_test_refuses_pairs() {
    let x = pairs("permutation_test", 4, |i, j| n(distance(i, j)));
    let y = pairs("permutation_test", 4, |i, j| n(distance(i, j)));
    let all = kernels();
    let (_, kernel) = all.iter().find(|(n, _)| *n == "permutation_test").unwrap();
    let err = kernel.fits(&x.set("draws", Static::Number(10.0)).all_settings(), &[shape("x", &y)]).unwrap_err();
    assert_eq!(err.code, "cfx::analysis::pairs");
}

/// Returns a call on two runs' scores, each with a bin of its own.
fn binned(op: &str) -> Call {
    let cells = vec![
        scores(&[1, 2, 3, 4], &[1.0, 2.0, 4.0, 100.0], &[0, 1, 0, 1]),
        scores(&[1, 2, 3, 4], &[50.0, 60.0, 7.0, 9.0], &[0, 1, 0, 1]),
    ];
    let run = ("run", "declared", &["0", "1"][..]);
    // The data sets come in another order of the runs.
    let turned = ("run", "declared", &["1", "0"][..]);
    call(op)
        .over("x", &[run], cells)
        .over("by", &[turned], vec![dataset(&[3, 4], &[0, 1]), dataset(&[1, 2, 3], &[0, 1, 0])])
        .by("bin", "declared", "0", 0)
        .reducing(&["run", "example"])
}

#[test]
fn bins_of_each_run_are_those_of_that_run() {
    // Run 0: 1, 2, 4. Run 1: 7, 9.
    let of = |cells: Vec<Value>| call("mean").over("x", &[("run", "declared", &["0", "1"])], cells).reducing(&["run"]).number();
    let alone = |op: &str, v: &[f64]| call(op).one("x", scores(if v.len() == 3 { &[1, 2, 3] } else { &[3, 4] }, v, &[])).number();
    let means = [alone("mean", &[1.0, 2.0, 4.0]), alone("mean", &[7.0, 9.0])];
    assert_eq!(binned("mean").number(), of(means.map(Value::Number).to_vec()));
    close(binned("mean").number().value, (7.0 / 3.0 + 8.0) / 2.0);
    close(binned("std").number().value, (8.0 - 7.0 / 3.0) / 2f64.sqrt());
    close(binned("median").number().value, 5.0);
    assert_eq!((binned("count").number().value, binned("total").number().value), (5.0, 23.0));
    assert_eq!((binned("minimum").number().value, binned("maximum").number().value), (1.0, 9.0));
    close(binned("standard_error").number().value, binned("mean").number().error.unwrap());
    close(binned("describe").member("mean").value, binned("mean").number().value);
    close(
        binned("bootstrap").set("draws", Static::Number(10.0)).set("level", Static::Number(0.9)).member("mean").value,
        binned("mean").number().value,
    );
    // Shares: 2 of 3 above 1.5, and 2 of 2.
    let shared = |v: &[f64]| {
        let holds: Vec<f64> = v.iter().map(|x| (*x > 1.5) as u8 as f64).collect();
        alone("share", &holds)
    };
    let mut share = binned("share");
    for value in &mut share.job.inputs[0].1.values {
        if let Value::Scores(s) = value {
            let holds = s.values.iter().map(|v| (*v > 1.5) as u8 as f64).collect();
            *value = Value::Scores(Arc::new(Scores { values: holds, ..(**s).clone() }));
        }
    }
    let expect = of([shared(&[1.0, 2.0, 4.0]), shared(&[7.0, 9.0])].map(Value::Number).to_vec());
    assert_eq!(share.number(), expect);
    close(expect.value, 5.0 / 6.0);
}

#[test]
fn groups_seen_by_each_runs_own_bins() {
    // Run 0: classes 0 low, 1 high; its bin holds labels 0, 1, 0. Run 1 the other way round; its bin 0, 1.
    let run = ("run", "declared", &["0", "1"][..]);
    let class = ("class", "class", &["a", "b"][..]);
    let got = call("share")
        .over("x", &[run, class], vec![w("low"), w("high"), w("high"), w("low")])
        .over("by", &[run], vec![dataset(&[1, 2, 3], &[0, 1, 0]), dataset(&[3, 4], &[0, 1])])
        .by("bin", "declared", "0", 0)
        .set("of", Static::Word("low".to_string()))
        .reducing(&[])
        .number();
    close(got.value, (2.0 / 3.0 + 0.5) / 2.0);
    assert_eq!(got.count, Some(2));
}

#[test]
fn shares_are_clustered_as_means_are() {
    let cells = |holds: &[[f64; 8]]| holds.iter().map(|h| scores(&[0, 1, 2, 3, 4, 5, 6, 7], h, &[])).collect::<Vec<_>>();
    let run = ("run", "declared", &["0", "1", "2", "3"][..]);
    // The same examples hold in all runs: four runs say no more than one.
    let same = [[1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]; 4];
    let one = call("share").one("x", cells(&same).remove(0)).number();
    let four = call("share").over("x", &[run], cells(&same)).reducing(&["run", "example"]).number();
    // The error of the mean of eight is sqrt(1 / 4 / 7).
    near(four.error.unwrap(), (0.25f64 / 7.0).sqrt(), 1e-9);
    near(one.error.unwrap(), (0.25f64 / 7.0).sqrt(), 1e-9);
    // Where two runs disagree no number of examples helps.
    let apart = [[1.0; 8], [0.0; 8]];
    let two = call("share").over("x", &[("run", "declared", &["0", "1"])], cells(&apart)).reducing(&["run", "example"]).number();
    let mean = call("mean").over("x", &[("run", "declared", &["0", "1"])], cells(&apart)).reducing(&["run", "example"]).number();
    near(two.error.unwrap(), mean.error.unwrap(), 1e-12);
    near(two.error.unwrap(), 0.5, 1e-12);
    // All hold, in all runs: as many as there are examples.
    let all = call("share").over("x", &[run], cells(&[[1.0; 8]; 4])).reducing(&["run", "example"]).number();
    let certain = call("share").one("x", cells(&[[1.0; 8]; 4]).remove(0)).number();
    assert_eq!((all.value, all.error), (1.0, certain.error));
}

#[test]
fn rectangles_of_pairs_have_effects_of_both_sides() {
    // Runs 0..3 against 3..7, in an analysis of variance: mean squares of rows and columns, and of what is left.
    let of = |i: usize, j: usize| (i * i) as f64 - 2.0 * j as f64 + ((3 * i + 5 * j) % 4) as f64;
    let names = ["3", "4", "5", "6"];
    let values: Vec<Value> = (0..12).map(|p| n(of(p / 4, p % 4))).collect();
    let axes = [("run", "declared", &["0", "1", "2"][..]), ("run_other", "declared", &names[..])];
    let got = over_pairs("mean", &axes, values).number();
    let row: Vec<f64> = (0..3).map(|i| (0..4).map(|j| of(i, j)).sum::<f64>() / 4.0).collect();
    let column: Vec<f64> = (0..4).map(|j| (0..3).map(|i| of(i, j)).sum::<f64>() / 3.0).collect();
    let m = row.iter().sum::<f64>() / 3.0;
    let rows = 4.0 * row.iter().map(|v| (v - m).powi(2)).sum::<f64>() / 2.0;
    let columns = 3.0 * column.iter().map(|v| (v - m).powi(2)).sum::<f64>() / 3.0;
    let left = (0..12).map(|p| (of(p / 4, p % 4) - row[p / 4] - column[p % 4] + m).powi(2)).sum::<f64>() / 6.0;
    assert!(rows > left && columns > left);
    close(got.value, m);
    close(got.error.unwrap(), ((rows + columns - left) / 12.0).sqrt());
}

/// Means over pairs of the same units err by these together, also with a mean over the units.
#[test]
fn means_over_pairs_share_their_units() {
    let a = [0.3, -1.2, 2.0, 0.7, -0.4, 1.1, -2.2, 0.9];
    let over = |scale: f64, name: &str| {
        let number = pairs("mean", 8, |i, j| n(scale * (a[i] + a[j]) / 2.0)).number();
        Value::Number(number.named(&Hash::of(name.as_bytes())))
    };
    let error = |x: &Value| match x {
        Value::Number(n) => n.error.unwrap(),
        _ => panic!("a number"),
    };
    let less = |x: Value, y: Value| call("subtract").one("a", x).one("b", y).number();
    let (one, three) = (over(1.0, "one"), over(3.0, "three"));
    let left = less(three.clone(), one.clone());
    close(left.error.unwrap(), error(&three) - error(&one));
    assert_eq!(less(one.clone(), one.clone()).error, Some(0.0));
    // Of effects alone, the mean over pairs is that over units, and errs with it.
    let units = call("mean").over("x", &[("run", "declared", K)], ns(&a)).reducing(&["run"]).number();
    let apart = (error(&one) - units.error.unwrap()).abs();
    let left = less(one, Value::Number(units.named(&Hash::of(b"units")))).error.unwrap();
    assert!((left - apart).abs() < 1e-9, "{left} {apart}");
}

#[test]
fn what_shares_units_of_pairs_has_no_error() {
    let shared = |op: &str| {
        let mut call = call(op).over("x", &[("run", "declared", &K[..4])], ns(&[1.0, 2.0, 4.0, 8.0])).reducing(&["run"]);
        call.job.inputs[0].1.axes[0].shared = true;
        call
    };
    for (op, value) in [("mean", 3.75), ("std", 3.095_695_936_834_452), ("median", 3.0), ("total", 15.0), ("maximum", 8.0)] {
        let got = shared(op).number();
        close(got.value, value);
        assert_eq!((got.error, op), (None, op));
    }
    assert!(shared("standard_error").absent().contains("share members of pairs"), "{}", shared("standard_error").absent());
    // Their own errors depend on one another as they do.
    let mut with_errors = shared("mean");
    with_errors.job.inputs[0].1.values = vec![est(1.0, 0.5), est(2.0, 0.5), est(4.0, 0.5), est(8.0, 0.5)];
    assert_eq!(with_errors.number().error, None);
    let both = |shared: bool| {
        let (x, y) = (ns(&[1.0, 2.0, 4.0, 8.0, 7.0, 3.0]), ns(&[1.0, 3.0, 4.0, 9.0, 5.0, 2.0]));
        let axis = ("run", "declared", &K[..6]);
        let mut call = call("pearson").over("x", &[axis], x).over("y", &[axis], y).reducing(&["run"]);
        call.job.inputs[1].1.axes[0].shared = shared;
        call.number()
    };
    assert!(both(false).error.is_some());
    assert_eq!(both(true).error, None);
    close(both(true).value, both(false).value);
}

#[test]
fn runs_and_examples_are_drawn_both() {
    let run = ("run", "declared", &["0", "1", "2", "3"][..]);
    // Examples that agree, runs that do not: drawing examples alone would find no spread.
    let cells: Vec<Value> = [0.0, 1.0, 3.0, 8.0].iter().map(|v| scores(&[1, 2, 3, 4, 5], &[*v; 5], &[])).collect();
    let boot = |cells: Vec<Value>, axis: (&str, &str, &[&str])| {
        let call = call("bootstrap").over("x", &[axis], cells).reducing(&["run", "example"]);
        call.set("draws", Static::Number(4000.0)).set("level", Static::Number(0.95)).member("mean")
    };
    let got = boot(cells.clone(), run);
    close(got.value, 3.0);
    assert_eq!(got.count, Some(20));
    // As drawing four numbers: deviation with n over sqrt(n).
    let expect = (38.0f64 / 4.0 / 4.0).sqrt();
    near(got.error.unwrap(), expect, 0.05 * expect);
    // The order of runs and of examples decides no draw.
    let turned: Vec<Value> = [8.0, 0.0, 3.0, 1.0].iter().map(|v| scores(&[5, 3, 1, 2, 4], &[*v; 5], &[])).collect();
    assert_eq!(boot(turned, ("run", "declared", &["3", "0", "2", "1"][..])), got);
}
