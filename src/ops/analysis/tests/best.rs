//! The best of several, choices among subsets, votes, calibration: against SciPy, enumeration and scikit-learn (tests/data/analysis/make_best.py).

use super::super::best::{choices, largest_of};
use super::*;
use crate::base::Hash;
use crate::base::f_score::beyond_binomial;
use crate::base::statistics::share_error;

fn best_reference() -> Json {
    serde_json::from_str(include_str!("../../../../tests/data/analysis/best.json")).unwrap()
}

fn whole(json: &Json) -> usize {
    json.as_u64().unwrap() as usize
}

fn estimates(values: &[f64], errors: &[f64]) -> Vec<Value> {
    values.iter().zip(errors).map(|(v, e)| Value::Number(Number::estimate(*v, *e))).collect()
}

#[test]
fn chances_of_the_largest_are_those_of_quadrature() {
    for case in best_reference()["largest"].as_array().unwrap() {
        let (mean, error) = (floats(&case["mean"]), floats(&case["error"]));
        let numbers: Vec<Number> = mean.iter().zip(&error).map(|(m, e)| Number::estimate(*m, *e)).collect();
        for (q, wanted) in largest_of(&numbers).iter().zip(floats(&case["chances"])) {
            near(*q, wanted, 1e-7);
        }
        let at: Vec<String> = floats(&case["at"]).iter().map(|x| x.to_string()).collect();
        let at: Vec<&str> = at.iter().map(String::as_str).collect();
        let rate = [("rate", "declared", at.as_slice())];
        let along = Static::List(Vec::new());
        let best = call("best").over("x", &rate, estimates(&mean, &error)).set("along", along.clone()).number();
        near(best.value, case["best"].as_f64().unwrap(), 0.0);
        near(best.error.unwrap(), case["best_error"].as_f64().unwrap(), 1e-7);
        let x = estimates(&floats(&case["x"]), &floats(&case["x_error"]));
        let there = call("at_best").over("x", &rate, x).over("by", &rate, estimates(&mean, &error)).set("along", along).number();
        near(there.value, case["there"].as_f64().unwrap(), 0.0);
        near(there.error.unwrap(), case["there_error"].as_f64().unwrap(), 1e-7);
    }
    // Exact numbers: the first of several as large, surely.
    let exact = [2.0, 5.0, 5.0, 1.0].map(Number::exact);
    assert_eq!(largest_of(&exact), [0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn the_best_skips_what_is_absent_and_meets_by_names() {
    let rate = [("rate", "declared", &["0.1", "0.2"] as &[&str]), ("run", "declared", &["0", "1"])];
    let turned = [rate[1], rate[0]];
    let number = |x: f64| Value::Number(Number::exact(x));
    let by = vec![number(1.0), number(4.0), none(), number(3.0)];
    // In the order run, rate: 10 at run 0 and rate 0.1, …
    let x = [10.0, 20.0, 30.0, 40.0].map(number).to_vec();
    let of = |x: Vec<Value>, by: Vec<Value>| {
        call("at_best").over("x", &turned, x).over("by", &rate, by).set("along", Static::List(Vec::new()))
    };
    let there = of(x.clone(), by.clone()).number();
    assert_eq!((there.value, there.error, there.count), (30.0, None, Some(3)), "rate 0.1, run 1");
    assert_eq!(
        of(vec![number(1.0), number(2.0), none(), number(3.0)], by).absent(),
        "there is no value at the best: too few members"
    );
    assert_eq!(of(x, vec![none(); 4]).absent(), "all 4 values are absent: too few members");
    let each = vec![scores(&[1, 2, 3], &[1.0, 0.0, 1.0], &[]), scores(&[3, 2], &[5.0, 6.0], &[])];
    let runs = [("run", "declared", &["0", "1"] as &[&str])];
    let chosen = call("at_best")
        .over("x", &runs, each)
        .over("by", &runs, vec![number(0.1), number(0.2)])
        .set("along", Static::List(Vec::new()))
        .scores();
    assert_eq!((chosen.values.clone(), (*chosen.ids).clone()), (vec![5.0, 6.0], vec![3, 2]));
}

#[test]
fn what_is_chosen_keeps_what_it_errs_by() {
    let named = |name: &str, v: f64, e: f64| Number::estimate(v, e).named(&Hash::of(name.as_bytes()));
    let runs = [("run", "declared", &["0", "1"] as &[&str])];
    let of = |x: Vec<Number>, by: Vec<Number>| {
        let values = |all: Vec<Number>| all.into_iter().map(Value::Number).collect();
        call("at_best").over("x", &runs, values(x)).over("by", &runs, values(by)).set("along", Static::List(Vec::new())).number()
    };
    let less = |a: Number, b: Number| call("subtract").one("a", Value::Number(a)).one("b", Value::Number(b)).number();
    let (first, second, base) = (named("first", 0.7, 0.03), named("second", 0.9, 0.04), named("base", 0.5, 0.2));
    let gain = vec![less(first.clone(), base.clone()), less(second.clone(), base.clone())];
    // Chosen by exact numbers: the error of the base is gone where the base is added again.
    let by = vec![Number::exact(1.0), Number::exact(2.0)];
    let there = of(gain.clone(), by.clone());
    near(there.error.unwrap(), 0.04f64.hypot(0.2), 1e-12);
    near(call("add").one("a", Value::Number(there)).one("b", Value::Number(base.clone())).number().error.unwrap(), 0.04, 1e-12);
    // By numbers that err, the choice adds its own.
    let unsure = vec![Number::estimate(1.0, 0.5), Number::estimate(1.2, 0.5)];
    let there = of(gain, unsure.clone()).named(&Hash::of(b"chosen"));
    let spread = (there.error.unwrap().powi(2) - 0.04f64.powi(2) - 0.04).sqrt();
    assert!(spread > 0.05 && spread < 0.2, "{spread}");
    let again = call("add").one("a", Value::Number(there)).one("b", Value::Number(base)).number();
    near(again.error.unwrap(), 0.04f64.hypot(spread), 1e-12);
    // Exact stays exact, and an error that nobody knows stays unknown.
    assert!(of(by.clone(), by.clone()).parts.is_exact());
    assert!(of(vec![Number::new(0.5, None, None); 2], unsure).no_error_known());
    assert!(of(by.clone(), vec![Number::new(0.5, None, None), Number::new(0.6, None, None)]).no_error_known());
    let rate = [("rate", "declared", &["0.1", "0.2"] as &[&str])];
    let best = |x: Vec<Number>| {
        call("best").over("x", &rate, x.into_iter().map(Value::Number).collect()).set("along", Static::List(Vec::new())).number()
    };
    assert!(best(by).parts.is_exact());
    assert!(best(vec![Number::new(0.5, None, None), Number::new(0.6, None, None)]).no_error_known());
}

#[test]
fn choices_among_subsets_are_those_of_enumeration() {
    for case in best_reference()["selection"].as_array().unwrap() {
        let pairs: Vec<(f64, f64)> = floats(&case["by"]).into_iter().zip(floats(&case["x"])).collect();
        let found = choices(&pairs, whole(&case["subset"]), whole(&case["top"]));
        near(found.share, case["share"].as_f64().unwrap(), 1e-12);
        near(found.shortfall, case["shortfall"].as_f64().unwrap(), 1e-12);
    }
    // Many settings: no overflow, and choosing by the value itself is never wrong.
    let same: Vec<(f64, f64)> = (0..2000).map(|i| (i as f64, i as f64)).collect();
    let found = choices(&same, 48, 1);
    near(found.share, 1.0, 1e-9);
    near(found.shortfall, 0.0, 1e-6);
}

#[test]
fn votes_and_calibration_are_those_of_scipy_and_scikit_learn() {
    let reference = best_reference();
    let votes = reference["modes"]["values"].as_array().unwrap();
    let each: Vec<Value> = votes.iter().map(|v| scores(&[0, 1, 2, 3, 4], &floats(v), &[])).collect();
    let runs = [("run", "declared", &["0", "1", "2", "3", "4", "5", "6"] as &[&str])];
    let mode = call("mode").over("x", &runs, each).reducing(&["run"]).scores();
    assert_eq!(mode.values, floats(&reference["modes"]["mode"]));

    let of = &reference["calibration"];
    let (confidence, right) = (floats(&of["confidence"]), floats(&of["right"]));
    let ids: Vec<u32> = (0..confidence.len() as u32).collect();
    for case in of["of"].as_array().unwrap() {
        let made = call("calibration")
            .one("confidence", scores(&ids, &confidence, &[]))
            .one("correct", scores(&ids, &right, &[]))
            .set("bins", Static::Number(whole(&case["bins"]) as f64))
            .set("equal", Static::Word(case["equal"].as_str().unwrap().to_string()))
            .run();
        let Ok(Value::Record(parts)) = made else { panic!("{made:?}") };
        let number = |name: &str| match parts.iter().find(|p| p.0 == name) {
            Some((_, Value::Number(n))) => n.clone(),
            other => panic!("{other:?}"),
        };
        near(number("ece").value, case["ece"].as_f64().unwrap(), 1e-12);
        near(number("ece").error.unwrap(), case["error"].as_f64().unwrap(), 1e-12);
        near(number("largest").value, case["largest"].as_f64().unwrap(), 1e-12);
        near(number("null").value, case["null"].as_f64().unwrap(), 1e-12);
        let Some((_, Value::Table(table))) = parts.last() else { panic!("a table") };
        let shares: Vec<f64> = table.numbers("accuracy").unwrap().iter().copied().filter(|x| !x.is_nan()).collect();
        shares.iter().zip(floats(&case["accuracy"])).for_each(|(a, b)| near(*a, b, 1e-12));
        assert_eq!(table.numbers("count").unwrap().iter().sum::<f64>(), 400.0);
    }
}

#[test]
fn each_example_has_the_number_of_its_own_class() {
    let class = [("class", "class", &["cat", "dog", "owl"] as &[&str])];
    let labelled = |ids: &[u32], values: &[f64], labels: &[u32]| {
        Value::Scores(Arc::new(Scores {
            values: values.to_vec(),
            ids: Arc::new(ids.to_vec()),
            labels: Arc::new(labels.to_vec()),
            classes: ["cat", "dog", "owl"].map(str::to_string).to_vec(),
            ..Scores::default()
        }))
    };
    let examples = labelled(&[7, 8, 9], &[1.0, 2.0, 3.0], &[2, 0, 1]);
    let number = |x: f64| Value::Number(Number::exact(x));
    let of = |x: Vec<Value>| call("own_class").over("x", &class, x);
    let own = of(vec![number(10.0), none(), number(30.0)]).one("of", examples).scores();
    assert!(own.values[..2] == [30.0, 10.0] && own.values[2].is_nan());
    assert_eq!(own.reason(2), Some("too few members"));
    // Of a number for each example and class, that of its own.
    let under = |by: f64| labelled(&[7, 8, 9], &[by, by + 1.0, by + 2.0], &[2, 0, 1]);
    assert_eq!(of(vec![under(0.0), under(10.0), under(20.0)]).scores().values, [20.0, 1.0, 12.0]);
}

#[test]
fn f_scores_and_their_jackknife_are_those_of_scikit_learn() {
    let of = &best_reference()["f_scores"];
    let (label, said) = (ints(&of["label"]), floats(&of["said"]));
    let ids: Vec<u32> = (0..60).collect();
    for average in ["weighted", "macro"] {
        let score = call("f_score_of")
            .one("x", scores(&ids, &said, &label))
            .set("average", Static::Word(average.to_string()))
            .reducing(&["example"])
            .number();
        near(score.value, of[average].as_f64().unwrap(), 1e-12);
        // And what keeps the error from vanishing where all are right.
        let jackknife = of[&format!("{average}_error")].as_f64().unwrap();
        near(score.error.unwrap(), jackknife.hypot(beyond_binomial(score.value, 60.0)), 1e-12);
        assert_eq!(score.count, Some(60));
    }
    let right: Vec<f64> = label.iter().map(|l| *l as f64).collect();
    let all = call("f_score_of").one("x", scores(&ids, &right, &label)).set("average", Static::Word("macro".into())).number();
    assert_eq!((all.value, all.error), (1.0, Some(share_error(1.0, 60.0))));
    assert!(
        call("f_score_of")
            .one("x", scores(&[1], &[0.5], &[0]))
            .set("average", Static::Word("macro".into()))
            .failure()
            .contains("not the number of a class")
    );
}

#[test]
fn a_choice_by_numbers_that_err_has_no_known_error() {
    let axes = [("rate", "declared", &["a", "b", "c"] as &[&str])];
    let share = |error: f64| {
        let by = |x: f64| if error > 0.0 { est(x, error) } else { n(x) };
        let call = call("selection").over("x", &axes, ns(&[1.0, 2.0, 3.0])).over("by", &axes, [1.0, 3.0, 2.0].map(by).to_vec());
        call.set("subset", Static::Number(2.0)).set("top", Static::Number(1.0)).reducing(&["rate"]).member("share")
    };
    assert_eq!(share(0.0).value, share(0.1).value);
    assert_eq!((share(0.0).no_error_known(), share(0.1).no_error_known()), (false, true));
}
