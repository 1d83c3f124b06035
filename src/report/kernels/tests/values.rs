//! Facets by a value, logarithmic heights and colours, ticks of whole numbers, texts that keep their widths.

use super::*;
use crate::engine::value::Truth;

fn texts(f: &Figure, column: &str) -> Vec<String> {
    match f.data.columns.iter().find(|(n, _)| n == column).map(|c| &c.1) {
        Some(Column::Texts(t)) => t.clone(),
        other => panic!("a column of texts: {other:?}"),
    }
}

fn log(name: &str) -> (&str, Static) {
    (name, Static::Word("log".into()))
}

#[test]
fn a_group_makes_panels() {
    let nets = || axis("net", "declared", &["a", "b", "c", "d"]);
    let kind = Labelled { axes: vec![nets()], values: ["high", "low", "low", "high"].map(|w| Value::Word(w.into())).to_vec() };
    let data = numbers(vec![nets(), counted("epoch", "epoch", 3)], |i| (i / 3) as f64);
    let inputs = |data: &Labelled| vec![("data", "v", data.clone()), ("facet", "kind", kind.clone())];
    let over = || vec![("x", named("epoch", "epoch"))];
    let f = run(&job("curves", "By kind", over(), inputs(&data))).expect("drawn");
    assert!(f.svg.contains(">kind: low</text>") && f.svg.contains(">kind: high</text>"), "{}", f.svg);
    // Two networks in each panel: b and c, a and d.
    assert_eq!(texts(&f, "kind"), ["low", "low", "low", "high", "high", "high"]);
    assert_eq!(f.data.numbers("mean").expect("means"), [1.5; 6]);
    assert_eq!(f.data.numbers("count").expect("counts"), [2.0; 6]);
    assert!(!f.caption.contains("absent") && f.caption.contains("over net (2 in each panel)"), "{}", f.caption);
    // Of networks without a group the caption tells.
    let mut lacking = kind.clone();
    lacking.values[1] = Value::Absent("too few".into());
    let f = run(&job("curves", "By kind", over(), vec![("data", "v", data.clone()), ("facet", "kind", lacking)])).expect("drawn");
    assert_eq!(f.data.numbers("mean").expect("means"), [2.0, 2.0, 2.0, 1.5, 1.5, 1.5]);
    assert!(f.caption.contains("3 of 12 values are absent (`kind` has no value: 3)"), "{}", f.caption);
    // Bars and histograms sort alike.
    let bars = vec![("y", "v", data.clone()), ("facet", "kind", kind.clone())];
    assert_eq!(run(&job("bars", "Bars by kind", over(), bars)).expect("drawn").data.rows(), 6);
    let f = run(&job("distribution", "Values by kind", vec![], vec![("x", "v", data), ("facet", "kind", kind)])).expect("drawn");
    let (kinds, counts) = (texts(&f, "kind"), f.data.numbers("count").expect("counts").to_vec());
    let of = |kind: &str| kinds.iter().zip(&counts).filter(|(k, _)| *k == kind).map(|(_, c)| *c).collect::<Vec<_>>();
    assert_eq!((of("low"), of("high")), (vec![0.0, 3.0, 3.0, 0.0], vec![3.0, 0.0, 0.0, 3.0]));
}

#[test]
fn a_score_makes_panels_of_examples() {
    let s = scores("a", 4, 30, 6.0);
    let of = |f: &dyn Fn(usize) -> f64| {
        Labelled::single(Value::Scores(Arc::new(Scores { values: (0..120).map(f).collect(), ..(*s).clone() })))
    };
    let right = of(&|i| f64::from(i % 3 == 0));
    let (x, y) = (Labelled::single(Value::Scores(s.clone())), of(&|i| i as f64));
    let f = run(&job(
        "scatter",
        "Right and wrong",
        vec![],
        vec![("x", "margin", x.clone()), ("y", "loss", y), ("facet", "right", right.clone())],
    ))
    .expect("drawn");
    assert!(f.svg.contains(">right: 0</text>") && f.svg.contains(">right: 1</text>"));
    let panel = texts(&f, "right");
    let y = f.data.numbers("y").expect("numbers");
    assert!(y.len() == 120 && y.iter().zip(&panel).all(|(y, p)| (*y as usize).is_multiple_of(3) == (p == "1")));
    let f = run(&job("distribution", "Margins", vec![], vec![("x", "margin", x.clone()), ("facet", "right", right.clone())]))
        .expect("drawn");
    let counts = f.data.numbers("count").expect("counts");
    assert_eq!((counts[..30].iter().sum::<f64>(), counts[30..].iter().sum::<f64>()), (80.0, 40.0));
    // Too many different values have no panels, and the colours of points stay beside them.
    let each = job("distribution", "Each", vec![], vec![("x", "margin", x.clone()), ("facet", "margin", x.clone())]);
    assert!(matches!(run(&each), Err(Failure::Failed { message, .. }) if message.contains("120 different values")));
    let class = numbers(vec![classes(4)], |i| i as f64);
    let modes = vec![("x", "margin", x), ("groups", "modes", modes(4)), ("facet", "modes", modes(4))];
    let f = run(&job("profile", "Modes apart", vec![], modes)).expect("drawn");
    assert_eq!(texts(&f, "modes"), ["low", "low", "high", "high"]);
    let points =
        vec![("x", "a", class.clone()), ("y", "b", class.clone()), ("color", "a", class.clone()), ("facet", "b > 1", truths(4))];
    let f = run(&job("scatter", "Classes", vec![], points)).expect("drawn");
    assert_eq!(texts(&f, "b > 1"), ["false", "false", "true", "true"]);
    assert_eq!(f.data.numbers("color").expect("colours"), [0.0, 1.0, 2.0, 3.0]);
}

fn truths(n: usize) -> Labelled {
    let truth = |i: usize| Value::Truth(Truth { holds: i > 1, within_error: false, no_error: false, text: String::new() });
    Labelled { axes: vec![classes(n)], values: (0..n).map(truth).collect() }
}

#[test]
fn heights_are_logarithmic() {
    let sizes = || axis("size", "declared", &["1", "2", "3", "4"]);
    let steep = numbers(vec![sizes()], |i| [0.0, 3.0, 40.0, 5000.0][i]);
    let f = run(&job(
        "bars",
        "Steep bars",
        vec![("x", named("size", "declared")), log("y_scale")],
        vec![("y", "cost", steep.clone())],
    ))
    .expect("drawn");
    assert!(f.caption.contains("not positive: 1 values") && f.caption.contains("vertical axis is logarithmic"), "{}", f.caption);
    assert!([">1</text>", ">10</text>", ">1000</text>"].iter().all(|t| f.svg.contains(t)), "{}", f.svg);
    let none = numbers(vec![sizes()], |i| -(i as f64));
    let refused =
        run(&job("bars", "None", vec![("x", named("size", "declared")), log("y_scale")], vec![("y", "cost", none.clone())]));
    assert!(matches!(refused, Err(Failure::Absent(why)) if why.contains("no positive number")));
    let tail = numbers(vec![counted("i", "declared", 4000)], |i| (1.0 + i as f64).ln());
    let f = run(&job("distribution", "A long tail", vec![log("y_scale")], vec![("x", "wait", tail)])).expect("drawn");
    assert!(f.svg.contains(">1</text>") && f.svg.contains(">100</text>"), "{}", f.svg);
    let x = numbers(vec![classes(6)], |i| 10f64.powi(i as i32 - 1) - 0.1);
    let f = run(&job("profile", "Powers", vec![log("y_scale")], vec![("x", "spread", x)])).expect("drawn");
    assert!(f.caption.contains("not positive: 1 classes") && f.svg.contains(">1000</text>"), "{}", f.caption);
}

#[test]
fn colours_are_logarithmic() {
    let x =
        numbers(vec![axis("a", "declared", &["p", "q"]), counted("b", "declared", 3)], |i| [0.0, 1.0, 10.0, 100.0, 1e3, 1e4][i]);
    let f = run(&job("heatmap", "Powers as colours", vec![log("scale")], vec![("x", "v", x.clone())])).expect("drawn");
    // Halfway between the ends in the logarithm.
    assert!(
        f.svg.contains(&color::Map::Viridis.at(0.5).to_string()) && f.caption.contains("not positive: 1 values"),
        "{}",
        f.caption
    );
    assert!(f.svg.contains(">10</text>") && f.svg.contains(">100</text>") && f.svg.contains(">not positive</text>"));
    let below = numbers(vec![counted("a", "declared", 2), counted("b", "declared", 2)], |_| -1.0);
    assert!(matches!(run(&job("heatmap", "None", vec![log("scale")], vec![("x", "v", below)])), Err(Failure::Absent(_))));
}

#[test]
fn bars_of_whole_numbers_have_whole_ticks() {
    let ticks = |f: &dyn Fn(usize) -> f64, title: &str| {
        let x = numbers(vec![counted("a", "declared", 20), counted("b", "declared", 20)], f);
        let f = run(&job("heatmap", title, vec![], vec![("x", "count", x)])).expect("drawn");
        ["0.5", "1.5", "2.5"].iter().any(|t| f.svg.contains(&format!(">{t}</text>")))
    };
    assert!(!ticks(&|i| (i % 4) as f64, "Whole numbers") && ticks(&|i| (i % 31) as f64 / 10.0, "Tenths"));
}

#[test]
fn long_texts_keep_the_width_they_are_laid_out_with() {
    let y = numbers(vec![counted("run", "declared", 3)], |i| i as f64);
    let f =
        run(&job("bars", "A title of some length", vec![("x", named("run", "declared"))], vec![("y", "v", y)])).expect("drawn");
    let kept =
        |text: &str| f.svg.lines().find(|l| l.contains(&format!(">{text}</text>"))).expect("there").contains("textLength=\"");
    assert!(kept("A title of some length") && !kept("run"));
    let wide = font::width("A title of some length", 14.0, true);
    assert!(f.svg.contains(&format!("textLength=\"{wide:.2}\" lengthAdjust=\"spacingAndGlyphs\"")), "{wide}");
}
