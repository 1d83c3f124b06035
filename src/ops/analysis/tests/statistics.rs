//! Correlations, resampling, curves, histograms, tables.

use super::*;
use crate::engine::value::{Column, Table};

/// Returns the columns of a call's table.
fn columns(c: &Call) -> Arc<Table> {
    match c.run() {
        Ok(Value::Table(t)) => t,
        other => panic!("{other:?}"),
    }
}

/// Returns a call with two inputs over one axis.
fn two(op: &str, x: &[f64], y: &[f64]) -> Call {
    let names: Vec<String> = (0..x.len().max(y.len())).map(|i| i.to_string()).collect();
    let axis = |k: usize| names[..k].iter().map(String::as_str).collect::<Vec<_>>();
    let (ax, ay) = (axis(x.len()), axis(y.len()));
    call(op).over("x", &[("run", "declared", &ax)], ns(x)).over("y", &[("run", "declared", &ay)], ns(y)).reducing(&["run"])
}

#[test]
fn correlations_agree_with_scipy() {
    let r = &reference()["pairs"];
    let (x, y) = (floats(&r["x"]), floats(&r["y"]));
    for op in ["pearson", "spearman", "kendall"] {
        let got = two(op, &x, &y).number();
        close(got.value, r[op].as_f64().unwrap());
        close(got.error.unwrap(), r[format!("{op}_error")].as_f64().unwrap());
        assert_eq!(got.count, Some(60));
        let turned = two(op, &x, &y.iter().map(|v| -v).collect::<Vec<_>>()).number();
        close(turned.value, -got.value);
    }
    assert_eq!(two("spearman", &[1.0, 2.0], &[3.0, 3.0]).absent(), "all 2 values of y are equal: no correlation");
    assert_eq!(two("spearman", &[1.0, f64::NAN], &[3.0, 4.0]).absent(), "a correlation needs two pairs, 1 present");
    assert_eq!(two("spearman", &[1.0, 2.0, 3.0], &[3.0, 4.0, 9.0]).number().error, None);
}

#[test]
fn correlations_meet_by_id_and_coordinate() {
    let r = &reference()["scores"];
    let cells = reference_cells();
    let got = call("spearman").one("x", cells[0].clone()).one("y", cells[1].clone()).reducing(&["example"]).number();
    close(got.value, r["spearman_01"].as_f64().unwrap());
    assert_eq!(got.count, r["pairs_01"].as_u64());
    // y lacks the axis `run` and has its coordinates of `noise` in another order.
    let x = call("pearson").over(
        "x",
        &[("run", "declared", &["0", "1"]), ("noise", "declared", &["0%", "20%"])],
        ns(&[1.0, 5.0, 2.0, 7.0]),
    );
    let got = x.over("y", &[("noise", "declared", &["20%", "0%"])], ns(&[10.0, 0.0])).reducing(&["run", "noise"]).number();
    // Pairs (1,0) (5,10) (2,0) (7,10).
    close(got.value, 45.0 / (22.75f64.sqrt() * 100f64.sqrt()));
    let run = [("run", "declared", &["0", "1", "2"][..])];
    let a = [1.0, 2.0, 3.0].map(|v| scores(&[1, 2], &[v, -v], &[])).to_vec();
    let each = call("pearson").over("x", &run, a).over("y", &run, ns(&[2.0, 4.0, 7.0])).reducing(&["run"]).scores();
    near(each.values[0], 5.0 / (2.0f64 * 114.0 / 9.0).sqrt(), 1e-12);
    near(each.values[1], -each.values[0], 1e-12);
}

#[test]
fn permutation_tests_come_close_to_the_exact_ones() {
    let r = &reference()["tests"];
    let test = |x: &str, y: &str, paired: bool| {
        two("permutation_test", &floats(&r[x]), &floats(&r[y]))
            .set("paired", Static::Bool(paired))
            .set("draws", Static::Number(20000.0))
    };
    for (call, p, d) in
        [(test("p", "q", false), "p_value", "difference"), (test("d0", "d1", true), "paired_p_value", "paired_difference")]
    {
        close(call.member("difference").value, r[d].as_f64().unwrap());
        let exact = r[p].as_f64().unwrap();
        near(call.member("p_value").value, exact, 4.0 * (exact * (1.0 - exact) / 20000.0).sqrt());
        assert_eq!(call.member("p_value"), call.member("p_value"));
        // The p-value is a share of 20,000 draws: Agresti & Coull's error at q = (n p + 2) / (n + 4).
        let q = (20000.0 * call.member("p_value").value + 2.0) / 20004.0;
        close(call.member("p_value").error.unwrap(), (q * (1.0 - q) / 20004.0f64).sqrt());
    }
    let one = two("permutation_test", &[1.0], &[2.0, 3.0]).set("draws", Static::Number(10.0));
    assert_eq!(one.absent(), "two values of x are needed, 1 present");
}

#[test]
fn permutation_tests_of_scores_pair_by_id() {
    let r = &reference()["scores"];
    let cells = reference_cells();
    let pair = call("permutation_test").one("x", cells[0].clone()).one("y", cells[1].clone()).set("paired", Static::Bool(true));
    let pair = pair.set("draws", Static::Number(100.0)).reducing(&["example"]);
    let d: Vec<f64> = floats(&r["difference_01"]).into_iter().filter(|v| !v.is_nan()).collect();
    close(pair.member("difference").value, d.iter().sum::<f64>() / d.len() as f64);
    assert_eq!(pair.member("difference").count, Some(d.len() as u64));
}

#[test]
fn bootstrap_intervals_agree_with_scipy() {
    let r = reference();
    let x: Vec<f64> = floats(&r["sample"]["x"]);
    let ids: Vec<u32> = (0..x.len() as u32).collect();
    let boot = call("bootstrap")
        .one("x", scores(&ids, &x, &[]))
        .set("draws", Static::Number(20000.0))
        .set("level", Static::Number(0.95))
        .reducing(&["example"]);
    let t = &r["tests"];
    close(boot.member("mean").value, r["sample"]["mean"].as_f64().unwrap());
    near(boot.member("mean").error.unwrap(), t["bootstrap_error"].as_f64().unwrap(), 0.01);
    near(boot.member("low").value, t["bootstrap_low"].as_f64().unwrap(), 0.04);
    near(boot.member("high").value, t["bootstrap_high"].as_f64().unwrap(), 0.04);
    let again = boot.member("low").value.to_bits();
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(|| boot.member("low").value.to_bits());
    assert_eq!(again, one, "the number of threads changes nothing");
}

#[test]
fn histograms_agree_with_numpy() {
    let r = reference();
    let x: Vec<f64> = floats(&r["sample"]["x"]);
    let ids: Vec<u32> = (0..x.len() as u32).collect();
    let table =
        columns(&call("histogram").one("x", scores(&ids, &x, &[])).set("bins", Static::Number(12.0)).reducing(&["example"]));
    assert_eq!(table.numbers("count").unwrap(), floats(&r["histogram"]["counts"]));
    let edges = floats(&r["histogram"]["edges"]);
    for k in 0..12 {
        close(table.numbers("from").unwrap()[k], edges[k]);
        close(table.numbers("to").unwrap()[k], edges[k + 1]);
        close(table.numbers("density").unwrap()[k], floats(&r["histogram"]["density"])[k]);
    }
    assert_eq!(table.numbers("absent").unwrap()[0], 2.0);
    let flat = columns(&call("histogram").one("x", scores(&[1, 2], &[3.0, 3.0], &[])).set("bins", Static::Number(2.0)));
    assert_eq!((flat.numbers("from").unwrap(), flat.numbers("count").unwrap()), (&[2.5, 3.0][..], &[0.0, 2.0][..]));
}

#[test]
fn areas_under_curves() {
    let r = &reference()["curve"];
    let axis = [("fraction", "declared", &["0%", "0.1", "20%", "0.5", "1"][..])];
    let mut y = ns(&floats(&r["y"]));
    let auc = |y: Vec<Value>| call("auc").over("y", &axis, y).reducing(&["fraction"]);
    close(auc(y.clone()).number().value, r["area"].as_f64().unwrap());
    y[2] = none();
    let gap = auc(y.clone()).number();
    close(gap.value, r["without_third"].as_f64().unwrap());
    assert_eq!(gap.count, Some(4));
    y[0] = est(0.9, 0.2);
    close(auc(y).number().error.unwrap(), 0.2 * 0.05);
    let named = call("auc").over("y", &[("arch", "declared", &["vgg", "resnet"])], ns(&[1.0, 2.0])).reducing(&["arch"]);
    let kernels = kernels();
    let (_, kernel) = kernels.iter().find(|(n, _)| *n == "auc").unwrap();
    let fits = |c: &Call| kernel.fits(&c.all_settings(), &[shape("y", c)]);
    assert_eq!(fits(&named).unwrap_err().message, "`vgg` of the axis `arch` is not a number, so there is no area along it");
    assert_eq!(named.failure(), "`vgg` of the axis `arch` is not a number, so there is no area along it");
    let table = Table {
        columns: vec![
            ("x".to_string(), Column::Numbers(vec![4.0, 0.0, 2.0])),
            ("y".to_string(), Column::Numbers(vec![1.0, 1.0, 3.0])),
        ],
    };
    let text = |t: &str| Static::Text(t.to_string());
    let area = call("curve_area").one("t", Value::Table(Arc::new(table))).set("x", text("x")).set("y", text("y"));
    assert_eq!(area.number().value, 8.0);
    assert_eq!(area.set("normalize", Static::Bool(true)).number().value, 2.0);
    // Two draws at each place: two curves, of areas 1 and 3.
    let of = |x: &[f64], y: &[f64]| {
        let column = |v: &[f64]| Column::Numbers(v.to_vec());
        let table = Table { columns: vec![("x".to_string(), column(x)), ("y".to_string(), column(y))] };
        call("curve_area").one("t", Value::Table(Arc::new(table))).set("x", text("x")).set("y", text("y"))
    };
    let two = of(&[0.0, 1.0, 0.0, 1.0], &[0.0, 2.0, 3.0, 3.0]).number();
    assert_eq!((two.value, two.error, two.count), (2.0, Some(1.0), Some(4)));
    // One place has one draw alone, of which no error is known.
    let uneven = of(&[0.0, 1.0, 0.0, 1.0], &[0.0, 2.0, 3.0, f64::NAN]).number();
    assert_eq!((uneven.value, uneven.error, uneven.count), (1.75, None, Some(3)));
    assert_eq!(of(&[1.0, 1.0], &[0.0, 2.0]).absent(), "the area under a curve needs points at two places, and all 2 are at one");
}

#[test]
fn tables_are_tidy() {
    let axes = [("noise", "declared", &["0%", "20%"][..]), ("class", "class", &["7", "8"][..])];
    let table = columns(&call("table").over("x", &axes, vec![est(1.0, 0.5), n(2.0), none(), n(4.0)]));
    let names: Vec<&str> = table.columns.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(names, ["noise", "class", "value", "error", "absent"]);
    assert_eq!(table.numbers("noise").unwrap(), [0.0, 0.0, 0.2, 0.2]);
    assert_eq!(table.columns[1].1, Column::Texts(["7", "8", "7", "8"].map(String::from).to_vec()));
    let value = table.numbers("value").unwrap();
    assert!(value[0] == 1.0 && value[2].is_nan() && value[3] == 4.0);
    assert_eq!(table.columns[4].1, Column::Texts(["", "", "too few members", ""].map(String::from).to_vec()));
    let examples = columns(&call("table").one("x", scores(&[9, 4], &[0.5, 0.25], &[2, 0])));
    assert_eq!(examples.numbers("example").unwrap(), [9.0, 4.0]);
    assert_eq!(examples.columns[1].1, Column::Texts(["c", "a"].map(String::from).to_vec()));
    let record = Value::Record(vec![("mean".to_string(), est(1.0, 0.1)), ("word".to_string(), w("low"))]);
    let record = columns(&call("table").one("x", record));
    assert_eq!(record.columns.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>(), ["mean", "mean_error", "word"]);
    assert!(call("table").one("x", dataset(&[1], &[0])).failure().contains("dataset"));
}
