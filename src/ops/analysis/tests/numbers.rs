//! Arithmetic, comparisons, logic, parts, numbers in words.

use super::*;
use crate::engine::value::{Column, ROW_IDS, Table};
use crate::ops::analysis::write_number;
use crate::plan::facts::{Facts, KnownInput};

/// Returns a call of an operator.
fn op(name: &str, a: Value, b: Value) -> Call {
    call(name).one("a", a).one("b", b)
}

#[test]
fn errors_propagate_to_first_order() {
    let (a, b) = (est(6.0, 0.3), est(2.0, 0.4));
    let check = |name: &str, value: f64, error: f64| {
        let got = op(name, a.clone(), b.clone()).number();
        close(got.value, value);
        close(got.error.unwrap(), error);
    };
    check("add", 8.0, 0.5);
    check("subtract", 4.0, 0.5);
    check("multiply", 12.0, (0.6f64 * 0.6 + 2.4 * 2.4).sqrt());
    check("divide", 3.0, (0.15f64 * 0.15 + 0.6 * 0.6).sqrt());
    check("power", 36.0, ((12.0f64 * 0.3).powi(2) + (36.0 * 6f64.ln() * 0.4).powi(2)).sqrt());
    assert_eq!(op("add", n(1.0), n(2.0)).number().error, None);
    close(op("power", est(-2.0, 0.1), n(2.0)).number().error.unwrap_or(-1.0), 0.4);
    close(call("log").one("x", est(4.0, 0.2)).number().error.unwrap(), 0.05);
    close(call("exp").one("x", est(1.0, 0.2)).number().error.unwrap(), 0.2 * 1f64.exp());
    close(call("sqrt").one("x", est(4.0, 0.2)).number().error.unwrap(), 0.05);
    close(call("abs").one("x", est(-4.0, 0.2)).number().value, 4.0);
    close(call("negate").one("x", est(-4.0, 0.2)).number().value, 4.0);
    close(call("round").one("x", n(2.5)).set("digits", Static::Number(0.0)).number().value, 2.0);
    close(call("round").one("x", n(2.345)).set("digits", Static::Number(1.0)).number().value, 2.3);
}

#[test]
fn what_is_not_defined_is_absent() {
    assert_eq!(op("divide", n(1.0), n(0.0)).absent(), "1 / 0 is not defined");
    assert_eq!(op("power", n(0.0), n(-1.0)).absent(), "0 to the power -1 is not defined");
    for (name, a, b) in
        [("add", f64::MAX, f64::MAX), ("multiply", 1e200, 1e200), ("divide", 1e200, 1e-200), ("power", 1e200, 2.0)]
    {
        assert!(op(name, n(a), n(b)).absent().ends_with("overflows: larger than 1.8e308"), "{name}");
        assert!(op(name, scores(&[0], &[a], &[0]), n(b)).scores().values[0].is_nan(), "{name}");
    }
    assert_eq!(call("exp").one("x", n(1000.0)).absent(), "exp of 1000 overflows: larger than 1.8e308");
    // What is infinite before is so after.
    assert_eq!(op("add", n(f64::INFINITY), n(1.0)).number().value, f64::INFINITY);
    assert_eq!(call("log").one("x", n(0.0)).absent(), "log of 0 is not defined");
    assert_eq!(call("sqrt").one("x", n(-1.0)).absent(), "sqrt of -1 is not defined");
    assert_eq!(op("add", none(), n(1.0)).absent(), "too few members");
    assert!(op("add", w("low"), n(1.0)).failure().contains("word"));
    let s = call("log").one("x", scores(&[1, 2, 3], &[1.0, 0.0, f64::NAN], &[])).scores();
    assert!(s.values[0] == 0.0 && s.values[1].is_nan() && s.values[2].is_nan());
}

#[test]
fn scores_meet_by_id() {
    let a = scores(&[5, 3, 9, 1], &[50.0, 30.0, 90.0, 10.0], &[0, 1, 2, 0]);
    let b = scores(&[1, 2, 3, 5], &[1.0, 2.0, 3.0, f64::NAN], &[]);
    let sum = op("add", a.clone(), b.clone()).scores();
    assert_eq!((sum.ids.as_slice(), sum.labels.as_slice()), (&[5, 3, 1][..], &[0, 1, 0][..]));
    assert!(sum.values[0].is_nan() && sum.values[1..] == [33.0, 11.0]);
    assert_eq!(op("subtract", n(100.0), a.clone()).scores().values, [50.0, 70.0, 10.0, 90.0]);
    let above = op("greater", a.clone(), n(30.0)).scores();
    assert_eq!(above.values, [1.0, 0.0, 1.0, 0.0]);
    let chosen = call("choose").one("condition", Value::Scores(above.clone())).one("yes", b.clone()).one("no", n(-1.0)).scores();
    assert_eq!(chosen.ids.as_slice(), [5, 3, 1]);
    assert!(chosen.values[0].is_nan() && chosen.values[1..] == [-1.0, -1.0]);
    let other = call("choose").one("condition", Value::Scores(above.clone())).one("yes", n(7.0)).one("no", b).scores();
    assert_eq!(other.values, [7.0, 3.0, 1.0]);
    assert_eq!(call("negation").one("x", Value::Scores(above.clone())).scores().values, [0.0, 1.0, 0.0, 1.0]);
    assert_eq!(op("both", Value::Scores(above.clone()), t(false)).scores().values, [0.0; 4]);
    assert_eq!(op("either", Value::Scores(above), t(true)).scores().values, [1.0; 4]);
}

#[test]
fn comparisons_write_both_sides() {
    let far = op("greater", est(0.913, 0.004), est(0.85, 0.02)).truth();
    assert_eq!((far.holds, far.within_error, far.text.as_str()), (true, false, "0.9130 ± 0.0040 > 0.850 ± 0.020"));
    let near = op("greater", est(0.86, 0.01), est(0.85, 0.02)).truth();
    assert!(near.holds && near.within_error);
    let wrong = op("less", est(0.86, 0.01), est(0.85, 0.02)).truth();
    assert!(!wrong.holds && wrong.within_error);
    assert!(!op("greater", n(2.0), n(1.0)).truth().within_error);
    // Two standard errors of the difference: 2 sqrt(3^2 + 4^2) = 10.
    assert!(!op("less", est(0.0, 3.0), est(10.0, 4.0)).truth().within_error);
    assert!(op("less", est(0.0, 3.0), est(9.99, 4.0)).truth().within_error);
    let cases = [
        ("less", false, true),
        ("less_equal", true, true),
        ("greater", false, false),
        ("greater_equal", true, false),
        ("equal", true, false),
        ("not_equal", false, true),
    ];
    for (name, same, lower) in cases {
        assert_eq!((op(name, n(1.0), n(1.0)).truth().holds, op(name, n(1.0), n(2.0)).truth().holds), (same, lower), "{name}");
    }
    assert_eq!(op("equal", w("low"), w("low")).truth().text, "low == low");
    assert!(op("not_equal", w("low"), w("high")).truth().holds);
    assert_eq!(op("less", w("low"), w("high")).failure(), "`low` and `high` are words, which have no order");
}

#[test]
fn logic_knows_what_hangs_on_errors() {
    let unsure = |holds| Value::Truth(Truth { holds, within_error: true, no_error: false, text: "u".to_string() });
    let both = |a, b| op("both", a, b).truth();
    assert!(both(t(true), unsure(true)).within_error && both(t(true), unsure(true)).holds);
    assert!(!both(t(false), unsure(true)).within_error);
    assert!(both(unsure(false), t(true)).within_error);
    let either = |a, b| op("either", a, b).truth();
    assert!(!either(t(true), unsure(false)).within_error && either(t(true), unsure(false)).holds);
    assert!(either(t(false), unsure(true)).within_error);
    assert_eq!(both(t(true), t(false)).text, "(it is true) and (it is false)");
    let not = call("negation").one("x", unsure(true)).truth();
    assert_eq!((not.holds, not.within_error, not.text.as_str()), (false, true, "not (u)"));
    assert_eq!(call("choose").one("condition", t(true)).one("yes", n(1.0)).one("no", none()).number().value, 1.0);
    assert_eq!(call("choose").one("condition", t(false)).one("yes", n(1.0)).one("no", none()).absent(), "too few members");
}

#[test]
fn parts_are_found_or_explained() {
    let record = Value::Record(vec![("f_score".to_string(), n(0.5)), ("accuracy".to_string(), none())]);
    let field = |x: Value, name: &str| call("field").one("x", x).set("name", Static::Text(name.to_string()));
    assert_eq!(field(record.clone(), "f_score").number().value, 0.5);
    assert_eq!(field(record.clone(), "accuracy").absent(), "too few members");
    assert_eq!(field(record, "recall").failure(), "there is no member `recall`");
    let table = Table { columns: vec![("loss".to_string(), Column::Numbers(vec![2.0, f64::NAN]))] };
    let table = Value::Table(Arc::new(table));
    let rows = field(table.clone(), "loss").scores();
    assert!(rows.values[0] == 2.0 && rows.values[1].is_nan() && rows.ids[..] == [ROW_IDS, ROW_IDS + 1]);
    let epochs = field(table, "loss").set("rows", Static::Word("epoch".to_string()));
    let Ok(Value::List(items)) = epochs.run() else { panic!() };
    assert!(matches!(&items[0], Value::Number(x) if x.value == 2.0) && matches!(items[1], Value::Absent(_)));
    let pick = |k: f64| call("pick").one("x", Value::List(vec![n(3.0), none()])).set("index", Static::Number(k));
    assert_eq!(pick(0.0).number().value, 3.0);
    assert_eq!(pick(1.0).absent(), "too few members");
    assert_eq!(pick(2.0).absent(), "there are only 2 values here, none at 2");
}

#[test]
fn numbers_in_words() {
    let cases = [
        (Number::estimate(0.91324, 0.00213), "0.9132 ± 0.0021"),
        (Number::estimate(-88.123, 1.5), "-88.1 ± 1.5"),
        (Number::estimate(123456.7, 99.7), "123457 ± 100"),
        (Number::estimate(1234.0, 12.0), "1234 ± 12"),
        (Number::exact(0.1 + 0.2), "0.3"),
        (Number::exact(1e-7), "1e-7"),
        (Number::exact(1234567.0), "1234567"),
        (Number::exact(-0.0), "0"),
        (Number::exact(f64::INFINITY), "inf"),
        (Number::estimate(1e-9, 2.34e-10), "1e-9 ± 2.3e-10"),
    ];
    for (number, words) in cases {
        assert_eq!(write_number(&number), words);
    }
}

#[test]
fn classes_are_known_whichever_side_has_them() {
    let (bare, classed) = (Facts::default(), Facts { classes: Some(vec!["a".to_string()]), rows: Some(3), ..Facts::default() });
    for name in ["multiply", "less", "choose", "spearman"] {
        let all = kernels();
        let (_, kernel) = all.iter().find(|(n, _)| *n == name).unwrap();
        let inputs: [KnownInput; 2] = [("a", vec![&bare]), ("b", vec![&classed])];
        let facts = kernel.facts(&Settings::default(), &inputs, None).unwrap();
        assert_eq!(
            (facts.classes.clone(), facts.rows),
            (classed.classes.clone(), None),
            "{name}: scores may lose examples where they meet"
        );
    }
}

#[test]
fn levels_and_counts_are_checked_before_the_run() {
    let refused = [
        ("quantile", "q", 1.5),
        ("bootstrap", "level", 95.0),
        ("bootstrap", "draws", 0.0),
        ("permutation_test", "draws", f64::NAN),
        ("histogram", "bins", 0.0),
    ];
    for (name, parameter, value) in refused {
        let all = kernels();
        let (_, kernel) = all.iter().find(|(n, _)| *n == name).unwrap();
        let given = [
            ("level", Static::Number(0.9)),
            ("draws", Static::Number(10.0)),
            ("paired", Static::Bool(false)),
            ("over", Static::List(Vec::new())),
        ];
        let mut settings = Settings(given.map(|(n, v)| (n.to_string(), v)).to_vec());
        settings.0.retain(|(n, _)| n != parameter);
        settings.0.push((parameter.to_string(), Static::Number(value)));
        let problem = kernel.facts(&settings, &[], None).unwrap_err();
        assert_eq!((problem.code, problem.parameter), ("cfx::analysis::setting", Some(parameter)));
    }
}

#[test]
fn one_side_may_decide_where_the_other_is_absent() {
    let of = |op: &str, a: Value, b: Value| call(op).one("a", a).one("b", b);
    for (a, b) in [(none(), t(true)), (t(true), none())] {
        assert!(of("either", a.clone(), b.clone()).truth().holds);
        assert_eq!(of("both", a, b).absent(), "too few members");
    }
    for (a, b) in [(none(), t(false)), (t(false), none())] {
        assert!(!of("both", a.clone(), b.clone()).truth().holds);
        assert_eq!(of("either", a, b).absent(), "too few members");
    }
    assert_eq!(of("either", none(), none()).absent(), "too few members");
    let text = of("either", none(), t(true)).truth().text;
    assert_eq!(text, "(absent: too few members) or (it is true)");
    // A side that is within error may turn out the other way, and then nothing decides.
    let unsure = Value::Truth(Truth { holds: true, within_error: true, no_error: false, text: "u".to_string() });
    assert!(of("either", none(), unsure).truth().within_error);
    let each = |op: &str, b: Value| of(op, scores(&[1, 2, 3], &[1.0, 0.0, f64::NAN], &[]), b).scores().values.clone();
    let same =
        |a: Vec<f64>, b: [f64; 3]| a.iter().zip(b).for_each(|(a, b)| assert!(*a == b || (a.is_nan() && b.is_nan()), "{a} {b}"));
    same(each("either", none()), [1.0, f64::NAN, f64::NAN]);
    same(each("both", none()), [f64::NAN, 0.0, f64::NAN]);
    same(each("either", t(true)), [1.0, 1.0, 1.0]);
    same(each("both", scores(&[1, 2, 3], &[f64::NAN, f64::NAN, 0.0], &[])), [f64::NAN, 0.0, 0.0]);
}

#[test]
fn an_absent_value_counts_as_none() {
    let count = call("count").one("x", none()).number();
    assert_eq!((count.value, count.count), (0.0, Some(0)));
    assert_eq!(call("describe").one("x", none()).member("count").value, 0.0);
}

#[test]
fn rounding_to_tens() {
    let round = |x: f64, d: f64| call("round").one("x", n(x)).set("digits", Static::Number(d)).number().value;
    assert_eq!((round(1234.0, -2.0), round(25.0, -1.0), round(1e300, 15.0)), (1200.0, 20.0, 1e300));
}

#[test]
fn scales_change_nothing() {
    let x = [1.0, 4.0, 2.0, 9.0, 3.5, 0.1];
    let y = [2.0, 3.0, 8.0, 5.0, 1.0, 7.0];
    let axis = ("run", "declared", &["0", "1", "2", "3", "4", "5"][..]);
    let of = |op: &str, s: f64| {
        let x: Vec<f64> = x.iter().map(|v| v * s).collect();
        let call = call(op).over(if op == "auc" { "y" } else { "x" }, &[axis], ns(&x)).reducing(&["run"]);
        if op == "pearson" { call.over("y", &[axis], ns(&y)) } else { call }.number()
    };
    for s in [1e-250, 1e-200, 1e-90, 1e90, 1e200, 1e250] {
        for op in ["mean", "std", "standard_error", "median", "total", "auc", "pearson"] {
            let (one, scaled) = (of(op, 1.0), of(op, s));
            let by = if op == "pearson" { 1.0 } else { s };
            near(scaled.value / by, one.value, 1e-12 * one.value.abs());
            let (a, b) = (one.error.unwrap_or(0.0), scaled.error.unwrap_or(0.0) / by);
            near(a, b, 1e-12 * a.abs());
        }
        let q = call("divide").one("a", est(3.0 * s, 0.3 * s)).one("b", est(2.0 * s, 0.1 * s)).number();
        near(q.value, 1.5, 1e-12);
        near(q.error.unwrap(), (0.15f64.powi(2) + 0.075f64.powi(2)).sqrt(), 1e-12);
    }
    // A tenth is no binary number: its mean leaves a residue, which is no spread.
    let flat = call("std").over("x", &[axis], ns(&[0.1; 6])).reducing(&["run"]).number();
    assert_eq!((flat.value, flat.error), (0.0, Some(0.0)));
    assert_eq!(call("mean").over("x", &[axis], ns(&[0.1; 6])).reducing(&["run"]).number().error, Some(0.0));
}
