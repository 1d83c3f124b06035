//! Quantifiers, shares, groups, ranks.

use super::*;

#[test]
fn pairs_are_ranked_once() {
    // Distances of places 0, 1, 3, 7: six pairs, 1 2 3 4 6 7 apart.
    let at = [0.0f64, 1.0, 3.0, 7.0];
    let values = (0..16).map(|p| if p / 4 == p % 4 { none() } else { n((at[p / 4] - at[p % 4]).abs()) }).collect();
    let units: &[&str] = &["0", "1", "2", "3"];
    let mut call = call("rank").over("x", &[("run", "declared", units), ("run_other", "declared", units)], values).reducing(&[]);
    call.job.inputs[0].1.axes[1].pairs = Some("run".to_string());
    let Ok(Value::List(items)) = call.run() else { panic!("no list") };
    let rank = |i: usize, j: usize| if let Value::Number(x) = &items[4 * i + j] { (x.value, x.count) } else { panic!("{i} {j}") };
    let expect = [((0, 1), 1.0), ((1, 2), 2.0), ((0, 2), 3.0), ((2, 3), 4.0), ((1, 3), 5.0), ((0, 3), 6.0)];
    for ((i, j), r) in expect {
        assert_eq!((rank(i, j), rank(j, i)), ((r, Some(6)), (r, Some(6))), "{i} {j}");
    }
}

const CLASS: (&str, &str, &[&str]) = ("class", "class", &["cat", "dog", "owl", "pig"]);
const RUN: (&str, &str, &[&str]) = ("run", "declared", &["0", "1", "2", "3", "4"]);

#[test]
fn quantifiers_say_how_many_held() {
    let all = |v: Vec<Value>| call("all").over("x", &[RUN], v).reducing(&["run"]).truth();
    let any = |v: Vec<Value>| call("any").over("x", &[RUN], v).reducing(&["run"]).truth();
    let five = |v: [bool; 5]| v.map(t).to_vec();
    assert_eq!((all(five([true; 5])).holds, all(five([true; 5])).text.as_str()), (true, "held in all 5"));
    let some = all(five([true, false, true, true, true]));
    assert_eq!((some.holds, some.text.as_str()), (false, "held in 4 of 5; not for run: 1: it is false"));
    let few = all(vec![t(false), t(false), t(false), t(false), none()]);
    assert_eq!(
        few.text,
        "held in none of 4; not for run: 0: it is false; run: 1: it is false; run: 2: it is false; and 1 more (1 absent)"
    );
    let one = any(five([false, false, false, true, false]));
    assert_eq!((one.holds, one.text.as_str()), (true, "held in 1 of 5: for run: 3: it is true"));
    assert!(!any(five([false; 5])).holds);
    assert_eq!(call("all").one("x", t(true)).truth().text, "it is true");
    assert_eq!(call("all").over("x", &[RUN], vec![none(); 5]).absent(), "all 5 values are absent: too few members");
}

#[test]
fn quantifiers_carry_errors() {
    let unsure = |holds| Value::Truth(Truth { holds, within_error: true, no_error: false, text: "u".to_string() });
    let of = |op: &str, v: Vec<Value>| {
        call(op).over("x", &[("run", "declared", &["0", "1"])], v).reducing(&["run"]).truth().within_error
    };
    assert!(of("all", vec![t(true), unsure(true)]));
    assert!(of("all", vec![t(true), unsure(false)]));
    assert!(!of("all", vec![t(false), unsure(false)]));
    assert!(!of("any", vec![t(true), unsure(true)]));
    assert!(of("any", vec![t(false), unsure(true)]));
    assert!(of("any", vec![t(false), unsure(false)]));
}

#[test]
fn quantifiers_of_examples() {
    let cells = vec![scores(&[1, 2, 3], &[1.0, 0.0, 1.0], &[]), scores(&[3, 2, 1], &[f64::NAN, 0.0, 0.0], &[])];
    let over = |op: &str, axes: &[&str]| call(op).over("x", &[("run", "declared", &["0", "1"])], cells.clone()).reducing(axes);
    assert_eq!(over("all", &["run"]).scores().values, [0.0, 0.0, 1.0]);
    assert_eq!(over("any", &["run"]).scores().values, [1.0, 0.0, 1.0]);
    assert_eq!(over("share", &["run"]).scores().values, [0.5, 0.0, 1.0]);
    let all = over("all", &["run", "example"]).truth();
    assert_eq!((all.holds, all.text.as_str()), (false, "held in 2 of 5; not for example 2; example 2; example 1"));
    assert_eq!(over("share", &["run", "example"]).number().value, 0.4);
}

#[test]
fn shares_of_truths_and_words() {
    let modes = vec![w("low"), w("high"), w("high"), none()];
    let share =
        || call("share").over("x", &[CLASS], modes.clone()).set("of", Static::Word("high".to_string())).reducing(&["class"]);
    let got = share().number();
    close(got.value, 2.0 / 3.0);
    // That of the mean of three, which is larger than Agresti and Coull's at 4 / 7.
    close(got.error.unwrap(), (2.0 / 9.0 / 2.0f64).sqrt());
    assert_eq!(got.count, Some(3));
    // Classes as a bin of examples sees them: cat 3, dog 1, owl 0, pig 2 (absent).
    let seen = share().one("by", dataset(&[1, 2, 3, 4, 5, 6], &[0, 0, 0, 1, 3, 3])).by("bin", "declared", "0", 0).number();
    assert_eq!((seen.value, seen.count), (0.25, Some(4)));
    let everything = call("share").over("x", &[RUN], vec![t(true); 5]).reducing(&["run"]).number();
    assert!(everything.value == 1.0 && everything.error.unwrap() > 0.1, "all of five is no certainty");
    assert_eq!(call("share").over("x", &[CLASS], modes).reducing(&["class"]).failure(), "a share of words needs the word");
}

#[test]
fn splitting_at_the_largest_gap() {
    let split = |v: Vec<Value>| {
        call("split_at_largest_gap").over("x", &[CLASS], v).set("along", Static::List(vec![Static::Word("class".to_string())]))
    };
    assert_eq!(split(ns(&[9.0, 1.0, 2.0, 10.0])).words(), ["high", "low", "low", "high"]);
    assert_eq!(split(ns(&[-1.0, 5.0, 5.0, 5.0])).words(), ["low", "high", "high", "high"]);
    // Equal gaps: the lowest counts.
    assert_eq!(split(ns(&[3.0, 1.0, 2.0, 4.0])).words(), ["high", "low", "high", "high"]);
    assert_eq!(split(vec![n(1.0), none(), n(f64::NAN), n(2.0)]).words(), ["low", "-", "-", "high"]);
    assert_eq!(split(vec![n(1.0), none(), none(), none()]).absent(), "a gap needs two values, and one is present");
    assert_eq!(split(ns(&[2.0; 4])).absent(), "all 4 values are equal: there is no gap to split at");
    let next = f64::from_bits(1f64.to_bits() + 1);
    assert_eq!(split(ns(&[1.0, next, 1.0, next])).words(), ["low", "high", "low", "high"]);
}

#[test]
fn gaps_have_width_and_error() {
    let gap = |v: Vec<Value>| call("largest_gap").over("x", &[CLASS], v).reducing(&["class"]);
    let got = gap(vec![est(1.0, 0.3), est(5.0, 0.4), n(0.5), none()]).number();
    assert_eq!((got.value, got.error, got.count), (4.0, Some(0.5), Some(3)));
    assert_eq!(gap(ns(&[2.0; 4])).number().value, 0.0);
    assert_eq!(gap(vec![none(), none(), none(), n(1.0)]).absent(), "a gap needs two values, and one is present");
    let examples = call("largest_gap").one("x", scores(&[4, 5, 6], &[1.0, 7.0, 3.0], &[])).reducing(&["example"]).number();
    assert_eq!(examples.value, 4.0);
}

#[test]
fn ranks_share_ties() {
    let r = reference();
    let x: Vec<f64> = floats(&r["sample"]["x"]);
    let ids: Vec<u32> = (0..x.len() as u32).collect();
    let got = call("rank").one("x", scores(&ids, &x, &[])).scores();
    let present: Vec<f64> = got.values.iter().copied().filter(|v| !v.is_nan()).collect();
    assert_eq!(present, floats(&r["sample"]["ranks"]));
    let Ok(Value::List(list)) = call("rank").over("x", &[CLASS], vec![n(3.0), none(), n(1.0), n(3.0)]).run() else { panic!() };
    let numbers: Vec<f64> = list.iter().map(|v| if let Value::Number(n) = v { n.value } else { f64::NAN }).collect();
    assert!(numbers[0] == 2.5 && numbers[1].is_nan() && numbers[2] == 1.0 && numbers[3] == 2.5);
}

#[test]
fn thresholds_take_their_own_value_as_high() {
    let word = |x: f64| match call("threshold").one("x", n(x)).set("at", Static::Number(0.9)).run() {
        Ok(Value::Word(w)) => w,
        other => panic!("{other:?}"),
    };
    assert_eq!((word(0.89), word(0.9)), ("low".to_string(), "high".to_string()));
    assert_eq!(call("threshold").one("x", none()).set("at", Static::Number(0.9)).absent(), "too few members");
}
