//! Reductions over axes, examples, classes and bins.

use super::*;
use crate::base::statistics::deviation;

const RUN: (&str, &str, &[&str]) = ("run", "declared", &["0", "1", "2"]);

/// Returns a reduction of the reference's sample, spread over an axis.
fn of_sample(op: &str) -> Call {
    let x = floats(&reference()["sample"]["x"]);
    let names: Vec<String> = (0..x.len()).map(|i| i.to_string()).collect();
    let coordinates: Vec<&str> = names.iter().map(String::as_str).collect();
    call(op).over("x", &[("run", "declared", &coordinates)], ns(&x)).reducing(&["run"])
}

#[test]
fn statistics_of_numbers_agree_with_numpy() {
    let r = &reference()["sample"];
    let expect = |key: &str| r[key].as_f64().unwrap();
    for op in ["mean", "std", "median", "minimum", "maximum", "total", "standard_error", "count"] {
        let got = of_sample(op).number();
        close(got.value, expect(op));
        assert_eq!(got.count, Some(39), "{op}: NaN is not counted");
    }
    close(of_sample("mean").number().error.unwrap(), expect("standard_error"));
    close(of_sample("median").number().error.unwrap(), expect("median_error"));
    // Of 39 numbers the jackknife's; of few that of a normal sample.
    let x: Vec<f64> = floats(&r["x"]).into_iter().filter(|v| !v.is_nan()).collect();
    let without = |i: usize| deviation(&[&x[..i], &x[i + 1..]].concat());
    let jackknife = deviation(&(0..39).map(without).collect::<Vec<f64>>()) * 38.0 / 39f64.sqrt();
    close(of_sample("std").number().error.unwrap(), jackknife);
    let few = call("std").one("x", scores(&[0, 1, 2, 3, 4], &x[..5], &[])).reducing(&["example"]).number();
    close(few.error.unwrap(), deviation(&x[..5]) / 8f64.sqrt());
    assert_eq!(of_sample("total").number().error, None);
    let low = of_sample("quantile").set("q", Static::Number(0.1)).number();
    close(low.value, expect("quantile_0.1"));
    close(low.error.unwrap(), expect("quantile_0.1_error"));
    close(of_sample("quantile").set("q", Static::Number(0.95)).number().value, expect("quantile_0.95"));
    assert_eq!(of_sample("quantile").set("q", Static::Number(1.0)).number().error, None);
}

#[test]
fn scores_are_the_same_reduced_as_examples() {
    let x = floats(&reference()["sample"]["x"]);
    let ids: Vec<u32> = (0..x.len() as u32).rev().collect();
    for op in ["mean", "std", "median", "total", "standard_error"] {
        let pooled = call(op).one("x", scores(&ids, &x, &[])).reducing(&["example"]).number();
        let plain = of_sample(op).number();
        close(pooled.value, plain.value);
        assert_eq!(pooled.count, plain.count);
        close(pooled.error.unwrap_or(-1.0), plain.error.unwrap_or(-1.0));
    }
}

#[test]
fn a_mean_of_estimates_takes_the_larger_error() {
    let tight = call("mean").over("x", &[RUN], vec![est(1.0, 3.0), est(1.0, 4.0), n(1.0)]).reducing(&["run"]).number();
    close(tight.error.unwrap(), 5.0 / 3.0);
    let wide = call("mean").over("x", &[RUN], vec![est(1.0, 0.1), est(2.0, 0.1), est(3.0, 0.1)]).reducing(&["run"]).number();
    close(wide.error.unwrap(), 1.0 / 3f64.sqrt());
    let single = call("mean").over("x", &[RUN], vec![none(), est(2.0, 0.5), none()]).reducing(&["run"]).number();
    assert_eq!((single.value, single.error, single.count), (2.0, Some(0.5), Some(1)));
    let bare = call("mean").over("x", &[RUN], vec![none(), n(2.0), none()]).reducing(&["run"]).number();
    assert_eq!(bare.error, None);
    let total = call("total").over("x", &[RUN], vec![est(1.0, 3.0), est(1.0, 4.0), n(1.0)]).reducing(&["run"]).number();
    assert_eq!((total.value, total.error), (3.0, Some(5.0)));
}

#[test]
fn absences_are_skipped_and_told() {
    assert_eq!(
        call("mean").over("x", &[RUN], vec![none(), none(), none()]).reducing(&["run"]).absent(),
        "all 3 values are absent: too few members"
    );
    assert_eq!(
        call("std").over("x", &[RUN], vec![none(), n(1.0), n(f64::NAN)]).reducing(&["run"]).absent(),
        "std of a single value, 2 absent: too few members"
    );
    assert_eq!(call("count").over("x", &[RUN], vec![none(), none(), none()]).reducing(&["run"]).number().value, 0.0);
    let shares = call("mean").over("x", &[RUN], vec![t(true), t(false), t(true)]).reducing(&["run"]).number();
    close(shares.value, 2.0 / 3.0);
}

#[test]
fn scores_over_runs_meet_by_id() {
    let r = &reference()["scores"];
    for (op, key) in [("mean", "mean_each"), ("std", "std_each")] {
        let got = call(op).over("x", &[RUN], reference_cells()).reducing(&["run"]).scores();
        assert_eq!(*got.ids, ints(&r["common"]));
        floats(&r[key]).iter().zip(&got.values).for_each(|(a, b)| close(*b, *a));
        let first = &reference_cells()[0];
        let Value::Scores(first) = first else { panic!() };
        for (id, label) in got.ids.iter().zip(got.labels.iter()) {
            let at = first.ids.iter().position(|i| i == id).unwrap();
            assert_eq!(first.labels[at], *label);
        }
    }
}

#[test]
fn examples_and_runs_together_are_clustered_both_ways() {
    let r = &reference()["scores"];
    let got = call("mean").over("x", &[RUN], reference_cells()).reducing(&["run", "example"]).number();
    close(got.value, r["mean_all"].as_f64().unwrap());
    close(got.error.unwrap(), r["error_all"].as_f64().unwrap());
    assert_eq!(got.count, r["count_all"].as_u64());
    // The same examples three times over say no more than once.
    let once = scores(&[0, 1, 2, 3], &[1.0, 2.0, 4.0, 7.0], &[]);
    let thrice =
        call("mean").over("x", &[RUN], vec![once.clone(), once.clone(), once.clone()]).reducing(&["run", "example"]).number();
    let one = call("mean").one("x", once).reducing(&["example"]).number();
    close(thrice.error.unwrap(), one.error.unwrap());
}

#[test]
fn order_of_ids_does_not_matter() {
    let mut cells = reference_cells();
    let one = call("mean").over("x", &[RUN], cells.clone()).reducing(&["run"]).scores();
    let Value::Scores(last) = &cells[2] else { panic!() };
    let (ids, values): (Vec<u32>, Vec<f64>) = last.ids.iter().copied().zip(last.values.iter().copied()).rev().unzip();
    cells[2] = scores(&ids, &values, &[]);
    let two = call("mean").over("x", &[RUN], cells).reducing(&["run"]).scores();
    assert_eq!(one.ids, two.ids);
    assert_eq!(
        one.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>(),
        two.values.iter().map(|v| v.to_bits()).collect::<Vec<_>>()
    );
}

#[test]
fn by_restricts_to_a_class_or_a_bin() {
    let r = &reference()["scores"];
    let first = reference_cells().remove(0);
    for k in 0..3 {
        let got = call("mean").one("x", first.clone()).by("class", "class", "b", k).reducing(&["example"]).number();
        close(got.value, r["class_means"][k].as_f64().unwrap());
        close(got.error.unwrap(), r["class_errors"][k].as_f64().unwrap());
        assert_eq!(got.count, r["class_counts"][k].as_u64());
    }
    let bin = ints(&r["bin"]);
    let got = call("mean")
        .one("x", first.clone())
        .one("by", dataset(&bin, &bin))
        .by("bin", "declared", "0", 0)
        .reducing(&["example"])
        .number();
    close(got.value, r["bin_mean"].as_f64().unwrap());
    let kept = call("mean").one("x", first.clone()).by("class", "class", "b", 1).reducing(&[]).scores();
    assert!(kept.labels.iter().all(|l| *l == 1) && kept.ids.len() as u64 >= r["class_counts"][1].as_u64().unwrap());
    assert_eq!(
        call("mean").one("x", first.clone()).by("class", "class", "d", 3).reducing(&["example"]).absent(),
        "no examples here"
    );
    let unlabelled = scores(&[1, 2], &[1.0, 2.0], &[]);
    assert_eq!(
        call("mean").one("x", unlabelled).by("class", "class", "a", 0).reducing(&["example"]).failure(),
        "these scores carry no labels to split them by"
    );
}

#[test]
fn nothing_in_common_is_a_failure() {
    let cells = vec![scores(&[1, 2], &[1.0, 2.0], &[]), scores(&[3], &[1.0], &[])];
    let run = ("run", "declared", &["0", "1"][..]);
    assert_eq!(call("mean").over("x", &[run], cells).reducing(&["run"]).failure(), "the scores have no example in common");
}

#[test]
fn description_has_all_parts() {
    let r = &reference()["sample"];
    let mut d = of_sample("describe");
    d.job.op = "describe".to_string();
    for (part, key) in
        [("mean", "mean"), ("std", "std"), ("median", "median"), ("min", "minimum"), ("max", "maximum"), ("count", "count")]
    {
        close(d.member(part).value, r[key].as_f64().unwrap());
    }
}

#[test]
fn inner_axes_are_averaged_first() {
    let bins = ("bin", "declared", &["0", "1", "2"] as &[&str]);
    let runs = ("run", "declared", &["0", "1"] as &[&str]);
    let values = vec![n(1.0), n(2.0), none(), n(10.0), n(20.0), n(30.0)];
    let of = |op: &str, nested: bool| {
        let mut call = call(op).over("x", &[runs, bins], values.clone()).reducing(&["run", "bin"]);
        if nested {
            call.job.inputs[0].1.axes[1].within = vec!["run".to_string()];
        }
        call.number()
    };
    // Means of the runs: 1.5 and 20, of deviation 18.5 / sqrt 2.
    let mean = of("mean", true);
    assert_eq!((mean.value, mean.error, mean.count), (10.75, Some(9.25), Some(2)));
    assert!((of("std", true).value - 18.5 / 2f64.sqrt()).abs() < 1e-12);
    assert_eq!(of("standard_error", true).value, 9.25);
    assert_eq!((of("mean", false).value, of("mean", false).count), (12.6, Some(5)));
    // The median of the runs' medians: 1.5 and 20.
    assert_eq!((of("median", true).value, of("median", true).count), (10.75, Some(2)));
    // Others see all values.
    assert_eq!((of("count", true).value, of("maximum", true).value, of("total", true).value), (5.0, 30.0, 63.0));
}

#[test]
fn truth_values_that_hold_are_counted() {
    let four = ["0", "1", "2", "3"];
    let of = |values: Vec<Value>| call("count").over("x", &[("run", "declared", &four)], values).reducing(&["run"]);
    assert_eq!(of(vec![t(false), t(true), none(), t(false)]).number().value, 1.0);
    assert_eq!(of(vec![t(false), t(false), t(false), t(false)]).number().value, 0.0);
    // Truth values per example are numbers, of which the plan tells what they are.
    let each = || call("count").one("x", scores(&[0, 1, 2, 3], &[1.0, 0.0, f64::NAN, 1.0], &[0, 0, 0, 0])).reducing(&["example"]);
    assert_eq!(each().number().value, 3.0);
    assert_eq!(each().set("truths", Static::Bool(true)).number().value, 2.0);
}

#[test]
fn a_sum_above_the_largest_number_is_absent() {
    let two = ["0", "1"];
    let of = |op: &str, values: Vec<Value>| call(op).over("x", &[("run", "declared", &two)], values).reducing(&["run"]);
    assert_eq!(of("total", vec![n(1e308), n(1e308)]).absent(), "total overflows: larger than 1.8e308");
    assert_eq!(of("total", vec![n(f64::INFINITY), n(1e308)]).number().value, f64::INFINITY);
}
