//! No dead argument: for every argument of every figure there is an input on which changing it changes the drawing.

use super::*;

fn word(w: &str) -> Static {
    Static::Word(w.into())
}

/// A value over three axes, with values spread like powers.
fn cube() -> Labelled {
    let noise = normals("arguments", 36);
    let axes =
        vec![axis("size", "declared", &["1", "10", "100"]), axis("arch", "declared", &["a", "b"]), counted("run", "declared", 6)];
    numbers(axes, |i| 1.0 + (i / 12) as f64 * (1.0 + (i / 6 % 2) as f64) + 0.5 * noise[i].abs())
}

fn drawn(op: &str, settings: &[(&str, Static)], inputs: &[(&str, &str, Labelled)]) -> Arc<Figure> {
    run(&job(op, "Arguments", settings.to_vec(), inputs.to_vec())).unwrap_or_else(|e| panic!("{op}: {e:?}"))
}

/// Checks that each change gives another picture, and another than all other changes.
fn all_differ(op: &str, base: &[(&str, Static)], changes: &[(&str, Static)], inputs: &[(&str, &str, Labelled)]) {
    let mut seen = vec![("nothing".to_string(), drawn(op, base, inputs).svg.clone())];
    for (name, value) in changes {
        let mut settings: Vec<_> = base.iter().filter(|(n, _)| n != name).cloned().collect();
        settings.push((name, value.clone()));
        let svg = drawn(op, &settings, inputs).svg.clone();
        for (other, before) in &seen {
            assert_ne!(&svg, before, "{op}: `{name}` {value:?} draws what {other} draws");
        }
        seen.push((format!("`{name}` {value:?}"), svg));
    }
}

#[test]
fn figures_over_an_axis_have_no_dead_argument() {
    let over = |n: &str| named(n, "declared");
    let base = [("x", over("size"))];
    let shared = [
        ("x", over("arch")),
        ("facet", over("arch")),
        ("color", over("arch")),
        ("show", word("ci")),
        ("show", word("quantiles")),
    ];
    let curves = [("show", word("all")), ("x_scale", word("linear")), ("y_scale", word("log"))];
    let both: Vec<_> = shared.iter().chain(&curves).cloned().collect();
    all_differ("curves", &base, &both, &[("data", "x", cube())]);
    all_differ("bands", &base, &both, &[("y.0", "x", cube())]);
    all_differ("bars", &base, &shared, &[("y", "x", cube())]);
    // Numbers that are not spread like powers: `log` is asked for.
    let even = numbers(vec![axis("n", "declared", &["1", "2", "3", "4"])], |i| i as f64);
    all_differ("curves", &[("x", over("n"))], &[("x_scale", word("log"))], &[("data", "x", even.clone())]);
    all_differ("bands", &[("x", over("n"))], &[("x_scale", word("log"))], &[("y.0", "x", even)]);
    // Several inputs are several panels.
    let two = [("y.0", "x", cube()), ("y.1", "x", cube())];
    assert_ne!(drawn("bands", &base, &two).svg, drawn("bands", &base, &two[..1]).svg);
}

#[test]
fn columns_and_parts_are_chosen() {
    let table = Value::Table(Arc::new(Table {
        columns: ["epoch", "loss", "accuracy", "rate"]
            .iter()
            .enumerate()
            .map(|(k, n)| (n.to_string(), Column::Numbers((0..9).map(|i| (i * (k + 1)) as f64 + k as f64).collect())))
            .chain([("phase".to_string(), Column::Texts((0..9).map(|i| ["warm", "cold"][i / 5].to_string()).collect()))])
            .collect(),
    }));
    let inputs = [("data", "h", Labelled::single(table))];
    let columns = Static::List(vec![named("loss", ""), named("rate", "")]);
    let changes = [
        ("y", named("loss", "")),
        ("y", columns),
        ("x", named("rate", "")),
        ("facet", named("phase", "")),
        ("color", named("phase", "")),
    ];
    all_differ("curves", &[("x", named("epoch", ""))], &changes, &inputs);
    let record = |i: usize| {
        let part = |n: &str, v: f64| (n.to_string(), Value::Number(Number::exact(v)));
        Value::Record(vec![part("f_score", i as f64), part("accuracy", 2.0 * i as f64)])
    };
    let record = Labelled { axes: vec![stages()], values: (0..4).map(record).collect() };
    let base = [("x", named("stage", "stage"))];
    let inputs = [("data", "guess", record)];
    assert_eq!(drawn("curves", &base, &inputs).data.rows(), 8);
    all_differ("curves", &base, &[("y", named("accuracy", ""))], &inputs);
}

#[test]
fn a_heatmap_has_no_dead_argument() {
    let over = |n: &str| named(n, "declared");
    let changes = [
        ("rows", over("run")),
        ("columns", over("run")),
        ("rows", over("arch")),
        ("facet", over("run")),
        ("facet", over("size")),
    ];
    all_differ("heatmap", &[], &changes, &[("x", "x", cube())]);
}

#[test]
fn a_scatter_has_no_dead_argument() {
    let x = numbers(vec![axis("size", "declared", &["1", "2", "3", "4"])], |i| 1.0 + i as f64);
    let y = numbers(vec![axis("size", "declared", &["1", "2", "3", "4"])], |i| 2.0 + (i * i) as f64);
    let base = [("x", "x", x.clone()), ("y", "y", y.clone())];
    let changes = [("label", named("size", "declared")), ("x_scale", word("log")), ("y_scale", word("log"))];
    all_differ("scatter", &[], &changes, &base);
    let plain = drawn("scatter", &[], &base).svg.clone();
    let colored = [base[0].clone(), base[1].clone(), ("color", "y", y.clone())];
    assert_ne!(drawn("scatter", &[], &colored).svg, plain);
    assert_ne!(drawn("scatter", &[], &[("x", "x", y.clone()), ("y", "y", y)]).svg, plain);
    // Numbers that `auto` lays out by powers.
    let powers = numbers(vec![axis("size", "declared", &["1", "2", "3", "4"])], |i| 10f64.powi(2 * i as i32));
    let inputs = [("x", "x", powers.clone()), ("y", "y", powers)];
    all_differ("scatter", &[], &[("x_scale", word("linear")), ("y_scale", word("linear"))], &inputs);
    // Names of points over another axis than the classes of their examples.
    let examples = |s: &str| Labelled {
        axes: vec![counted("run", "declared", 2)],
        values: (0..2).map(|i| Value::Scores(scores(&format!("{s}{i}"), 2, 3, 4.0))).collect(),
    };
    let inputs = [("x", "x", examples("a")), ("y", "y", examples("b"))];
    let f = drawn("scatter", &[("label", named("run", "declared"))], &inputs);
    assert!(matches!(&f.data.columns[0].1, Column::Texts(t) if t[0] == "0" && t[11] == "1"));
    all_differ("scatter", &[("label", named("run", "declared"))], &[("label", named("class", "class"))], &inputs);
}

#[test]
fn a_profile_has_no_dead_argument() {
    let x = |s: &str| Labelled {
        axes: vec![axis("stage", "stage", &["stage1", "stage2"])],
        values: (0..2).map(|i| Value::Scores(scores(&format!("{s}{i}"), 6, 20, 4.0))).collect(),
    };
    let base = [("x", "x", x("a"))];
    all_differ("profile", &[], &[("facet", named("stage", "stage"))], &base);
    let plain = drawn("profile", &[], &base).svg.clone();
    for more in [("against", "b", x("b")), ("groups", "modes", modes(6))] {
        assert_ne!(drawn("profile", &[], &[base[0].clone(), more]).svg, plain);
    }
    assert_ne!(drawn("profile", &[], &[("x", "x", x("c"))]).svg, plain);
    // Classes are matched by name: those that only the other has are not drawn, those that it lacks are counted.
    let f = drawn(
        "profile",
        &[],
        &[("x", "x", numbers(vec![classes(3)], |i| i as f64)), ("against", "z", numbers(vec![classes(2)], |i| i as f64))],
    );
    assert!(f.caption.contains("Without a value of z there: 1."), "{}", f.caption);
}
