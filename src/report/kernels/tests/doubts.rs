//! Crosses over what comes from densities that did not settle.

use super::super::named::Doubted;
use super::*;

/// Returns how many crosses a figure has beside the one in its legend; 0 where the legend has none.
fn crosses(figure: &Figure) -> usize {
    let of = |ink: &str| figure.svg.matches(&format!("stroke=\"{ink}\" stroke-width=\"1.3\"")).count();
    let all = of("#1f2328") + of("#ffffff");
    assert_eq!(all > 0, figure.svg.contains(">density did not settle<"));
    all.saturating_sub(1)
}

/// Returns the setting of places in doubt of one slot.
fn doubts(slot: &str, places: &[&[(&str, &str)]]) -> (&'static str, Static) {
    let place = |p: &&[(&str, &str)]| p.iter().map(|(a, c)| (a.to_string(), c.to_string())).collect();
    ("doubts", Doubted::setting(&[(slot.to_string(), places.iter().map(place).collect())]))
}

#[test]
fn classes_in_doubt_are_crossed_in_profiles() {
    let x = || Labelled {
        axes: vec![axis("stage", "stage", &["stage1", "stage2", "stage3"])],
        values: (0..3).map(|f| Value::Scores(scores(&format!("a{f}"), 10, 150, 10.0 * f as f64))).collect(),
    };
    let drawn = |settings: Vec<(&str, Static)>| {
        let settings = [vec![("facet", named("stage", "stage"))], settings].concat();
        run(&job("profile", "Classes in doubt", settings, vec![("x", "logp", x()), ("groups", "modes", modes(10))]))
            .expect("drawn")
    };
    assert_eq!(crosses(&drawn(vec![])), 0);
    let at = [("class", "class 3"), ("stage", "stage2")];
    assert_eq!(crosses(&drawn(vec![doubts("x", &[&at])])), 1);
    // A doubt without a stage is felt in all; of a class that is not there, nowhere.
    assert_eq!(crosses(&drawn(vec![doubts("x", &[&at[..1], &[("class", "class 30")]])])), 3);
    assert_eq!(crosses(&drawn(vec![doubts("groups", &[&at])])), 0);
}

#[test]
fn places_in_doubt_are_crossed_in_the_other_figures() {
    let arch = axis("arch", "declared", &["vgg11", "vgg13", "resnet32"]);
    let y = || numbers(vec![arch.clone(), counted("start", "declared", 4)], |i| 2.0 + i as f64);
    let over = |op: &str, slot: &'static str| {
        let settings = vec![("x", named("arch", "declared")), doubts(slot, &[&[("arch", "vgg13"), ("start", "2")]])];
        run(&job(op, &format!("In doubt: {op}"), settings, vec![(slot, "y", y())])).expect("drawn")
    };
    assert_eq!(crosses(&over("bars", "y")), 1);
    assert_eq!(crosses(&over("curves", "data")), 1);
    assert_eq!(crosses(&over("bands", "y")), 1);
    let number = numbers(vec![counted("width", "declared", 5)], |i| i as f64);
    let settings = vec![("x", named("width", "declared")), doubts("data", &[&[("width", "3")]])];
    assert_eq!(crosses(&run(&job("curves", "Numbers in doubt", settings, vec![("data", "y", number)])).expect("drawn")), 1);
    let points = |n: &str| numbers(vec![classes(12)], |i| normals(n, 12)[i]);
    let settings = vec![doubts("y", &[&[("class", "class 5")], &[("class", "class 7")]])];
    let inputs = vec![("x", "spread", points("spread")), ("y", "complexity", points("noise"))];
    assert_eq!(crosses(&run(&job("scatter", "Points in doubt", settings, inputs)).expect("drawn")), 2);
    let other = LabelledAxis { name: "class_other".into(), ..classes(4) };
    let tiles = numbers(vec![classes(4), other], |i| i as f64);
    let settings = vec![doubts("x", &[&[("class", "class 1"), ("class_other", "class 2")]])];
    assert_eq!(crosses(&run(&job("heatmap", "Tiles in doubt", settings, vec![("x", "kl", tiles)])).expect("drawn")), 1);
}
