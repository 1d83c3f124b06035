//! What a reader of a figure meets: few marks of many series, panels on a page, whole names, bars of one kind, references, trees, images.

use super::*;
use crate::engine::value::Value;
use crate::report::kernels::layout;

/// Returns the width of a picture in pixels.
fn width(svg: &str) -> f64 {
    let from = svg.find("width=\"").expect("a width") + 7;
    svg[from..].split('"').next().and_then(|t| t.parse().ok()).expect("a number")
}

fn number(value: f64, error: f64) -> Value {
    Value::Number(Number::estimate(value, error))
}

#[test]
fn two_hundred_networks_are_thin_lines_with_a_bar() {
    let nets = counted("net", "declared", 200);
    let data = numbers(vec![nets.clone(), counted("epoch", "epoch", 6)], |i| (i / 6) as f64 / 200.0 + (i % 6) as f64);
    let plain = job(
        "curves",
        "Networks",
        vec![("x", named("epoch", "epoch")), ("color", named("net", "declared"))],
        vec![("data", "v", data.clone())],
    );
    let f = run(&plain).expect("drawn");
    assert!(!f.svg.contains("<circle") && !f.svg.contains("<polygon"), "no marks, no bands");
    assert_eq!(f.svg.matches("<polyline").count(), 200);
    assert!(f.svg.contains(">0</text>") && f.svg.matches("<text").count() < 40, "a bar, not a legend of 200");
    // By a value: the colour bar has the value's numbers and its label.
    let rate = numbers(vec![nets], |i| 0.01 * i as f64);
    let by = job("curves", "By rate", vec![("x", named("epoch", "epoch"))], vec![("data", "v", data), ("color", "rate", rate)]);
    let f = run(&by).expect("drawn");
    assert!(f.svg.contains(">rate</text>") && f.svg.contains(">1.5</text>"), "the bar has round numbers");
    assert_eq!(f.data.rows(), 1200);
}

#[test]
fn error_bars_of_many_points_are_few_shapes() {
    let of = |n: usize| {
        let values = |k: f64| (0..n).map(|i| number(k * i as f64, 0.5)).collect();
        let labelled = |k: f64| Labelled { axes: vec![counted("point", "declared", n)], values: values(k) };
        run(&job("scatter", "Points", vec![], vec![("x", "x", labelled(1.0)), ("y", "y", labelled(2.0))]))
            .expect("drawn")
            .svg
            .clone()
    };
    let bars = |svg: &str| svg.matches("stroke-width=\"1\" stroke-opacity=\"0.6\"").count();
    assert_eq!(bars(&of(20)), 40, "each by itself");
    assert_eq!(bars(&of(3000)), 2, "together");
}

#[test]
fn panels_are_wrapped_to_a_page() {
    assert_eq!(
        (layout::per_row(4, 220.0), layout::per_row(12, 150.0), layout::per_row(1, 900.0), layout::per_row(0, 10.0)),
        (2, 4, 1, 1)
    );
    for count in [2, 5, 12, 30] {
        let data = numbers(vec![counted("panel", "declared", count), counted("epoch", "epoch", 6)], |i| i as f64);
        let settings = vec![("x", named("epoch", "epoch")), ("facet", named("panel", "declared"))];
        let f = run(&job("curves", &format!("{count} panels"), settings, vec![("data", "v", data)])).expect("drawn");
        assert!(width(&f.svg) <= 800.0, "{count}: {}", width(&f.svg));
        assert!((0..count).all(|i| f.svg.contains(&format!(">panel: {i}</text>"))), "{count}");
    }
    // Two axes of facets: one down, one across, each named once.
    let data =
        numbers(vec![counted("a", "declared", 3), counted("b", "declared", 4), counted("epoch", "epoch", 5)], |i| i as f64);
    let facets = Static::List(vec![named("a", "declared"), named("b", "declared")]);
    let settings = vec![("x", named("epoch", "epoch")), ("facet", facets)];
    let f = run(&job("curves", "Rows and columns", settings, vec![("data", "v", data)])).expect("drawn");
    for heading in ["a: 0", "a: 2", "b: 0", "b: 3"] {
        assert_eq!(f.svg.matches(&format!(">{heading}</text>")).count(), 1, "{heading}");
    }
    assert_eq!(f.data.rows(), 60);
}

#[test]
fn names_stand_whole() {
    let long = ["a network with residual connections", "a network without any of them", "short"];
    let data = numbers(vec![axis("architecture", "declared", &long), counted("run", "declared", 3)], |i| i as f64 + 1.0);
    let f = run(&job("bars", "Names", vec![("x", named("architecture", "declared"))], vec![("y", "v", data.clone())]))
        .expect("drawn");
    assert!(long.iter().all(|n| f.svg.contains(&format!(">{n}</text>"))), "{}", f.svg);
    let text = "mean(accuracy[noise: 20%] - 0.5 * share_of_right_answers[layer: 3] * selectivity_of_units[bin: 7], over: run)";
    let f = run(&job("bars", "A long label", vec![("x", named("run", "declared"))], vec![("y", text, data)])).expect("drawn");
    assert!(!f.svg.contains('…'), "nothing is cut");
    assert!(f.svg.contains("[bin: 7], over: run)</text>"), "{}", f.svg);
}

#[test]
fn bars_of_a_panel_are_of_one_kind_and_named() {
    let x = || counted("place", "declared", 2);
    // At the first place three values, at the second one estimate.
    let mixed = Labelled {
        axes: vec![x(), counted("run", "declared", 3)],
        values: vec![
            number(1.0, 0.3),
            number(2.0, 0.3),
            number(3.0, 0.3),
            number(5.0, 0.25),
            Value::Absent("too few".into()),
            Value::Absent("too few".into()),
        ],
    };
    let show = |word: &str, input: Labelled| {
        let settings = vec![("x", named("place", "declared")), ("show", Static::Word(word.into()))];
        run(&job("bars", &format!("Mixed {word}"), settings, vec![("y", "v", input)])).expect("drawn")
    };
    let sd = show("sd", mixed.clone());
    assert_eq!((sd.data.numbers("low").expect("low")[0], sd.data.numbers("high").expect("high")[0]), (1.0, 3.0));
    assert!(
        sd.data.numbers("low").expect("low")[1].is_nan(),
        "a single estimate among means of several has no standard deviation"
    );
    assert!(sd.svg.contains(">mean ± standard deviation over run (3)</text>"), "{}", sd.svg);
    let se = show("se", mixed);
    let low = se.data.numbers("low").expect("low");
    assert!((low[0] - (2.0 - 1.0 / 3f64.sqrt())).abs() < 1e-12 && low[1] == 4.75, "standard errors of both: {low:?}");
    let single = Labelled { axes: vec![x()], values: vec![number(0.9, 0.05), number(0.99, 0.05)] };
    let f = show("sd", single);
    assert!(f.svg.contains(">± one standard error</text>"));
    // Shares end at 1.
    let high = f.data.numbers("high").expect("high");
    assert!((high[0] - 0.95).abs() < 1e-12 && high[1] == 1.0 && f.caption.contains("end at 0 and 1"), "{high:?} {}", f.caption);
}

#[test]
fn references_are_drawn_and_named() {
    let data = numbers(vec![counted("epoch", "epoch", 5)], |i| 0.2 * i as f64);
    let one = |v: f64| Labelled { axes: Vec::new(), values: vec![Value::Number(Number::exact(v))] };
    let inputs = vec![
        ("data", "accuracy", data),
        ("y_line", "chance", one(0.1)),
        ("x_band.0", "from", one(1.0)),
        ("x_band.1", "to", one(2.0)),
    ];
    let f = run(&job("curves", "References", vec![("x", named("epoch", "epoch"))], inputs)).expect("drawn");
    assert!(f.svg.contains(">chance</text>") && f.svg.contains(">from to to</text>"));
    assert_eq!(f.svg.matches("stroke-dasharray=\"6 4\"").count(), 2, "the line, and its sign in the legend");
    // Ends that the script sets hold, and what lies beyond is cut.
    let data = numbers(vec![counted("epoch", "epoch", 5)], |i| i as f64);
    let range = Static::List(vec![Static::Number(0.0), Static::Number(2.0)]);
    let f = run(&job("curves", "Ends", vec![("x", named("epoch", "epoch")), ("y_range", range)], vec![("data", "v", data)]))
        .expect("drawn");
    assert!(f.svg.contains(">2.0</text>") && !f.svg.contains(">3.0</text>") && !f.svg.contains(">4.0</text>"));
    assert_eq!(f.svg.matches("<circle").count(), 3, "points beyond the end are not drawn");
}

#[test]
fn two_values_share_a_panel() {
    let v = |k: f64| numbers(vec![counted("epoch", "epoch", 4)], move |i| k * i as f64);
    for (panels, label) in [("together", false), ("twin", true)] {
        let settings = vec![("x", named("epoch", "epoch")), ("panels", Static::Word(panels.into()))];
        let f = run(&job("curves", panels, settings, vec![("data.0", "loss", v(1.0)), ("data.1", "accuracy", v(0.01))]))
            .expect("drawn");
        // In the legend, and at the right where it has an axis there.
        assert_eq!(f.svg.matches(">accuracy</text>").count(), 1 + usize::from(label), "{panels}");
        assert_eq!(f.data.rows(), 8);
    }
}

#[test]
fn a_tree_orders_a_map() {
    let runs = ["0", "1", "2"];
    let mut other = axis("run_other", "declared", &runs);
    other.pairs = Some("run".into());
    let far = [0.0, 3.0, 1.0, 3.0, 0.0, 3.0, 1.0, 3.0, 0.0];
    let x = numbers(vec![axis("run", "declared", &runs), other], |i| far[i]);
    let column = |name: &str, values: &[f64]| (name.to_string(), Column::Numbers(values.to_vec()));
    let merges =
        Table { columns: vec![column("first", &[0.0, 1.0]), column("second", &[2.0, 3.0]), column("height", &[1.0, 3.0])] };
    let leaves = Table {
        columns: vec![
            column("place", &[0.0, 1.0, 2.0]),
            column("index", &[1.0, 0.0, 2.0]),
            ("name".into(), Column::Texts(["1", "0", "2"].map(String::from).to_vec())),
        ],
    };
    let record = |leaves: Table| {
        let fields =
            vec![("merges".into(), Value::Table(Arc::new(merges.clone()))), ("leaves".into(), Value::Table(Arc::new(leaves)))];
        Labelled { axes: Vec::new(), values: vec![Value::Record(fields)] }
    };
    let f = run(&job("heatmap", "Tree", vec![], vec![("x", "d", x.clone()), ("tree", "tree", record(leaves.clone()))]))
        .expect("drawn");
    assert_eq!(f.data.numbers("value").expect("values"), [0.0, 3.0, 3.0, 3.0, 0.0, 1.0, 3.0, 1.0, 0.0]);
    assert!(
        f.svg.contains(">Distance of merged</text>")
            && !f.svg.contains(">tree</text>")
            && f.caption.contains("the tree's leaves")
    );
    let mut wrong = leaves;
    wrong.columns[2].1 = Column::Texts(["1", "0", "7"].map(String::from).to_vec());
    assert!(matches!(
        run(&job("heatmap", "Tree", vec![], vec![("x", "d", x), ("tree", "tree", record(wrong))])),
        Err(Failure::Failed { .. })
    ));
}

#[test]
fn images_stand_in_their_rows_and_come_out_again() {
    let source = Arc::new(Source {
        name: "four".into(),
        images: Images {
            shape: vec![1, 2, 1],
            data: Pixels::Bytes { data: vec![0, 16, 4, 4, 8, 8, 16, 0], divisor: 16.0 },
            mean: vec![],
            std: vec![],
        },
        labels: vec![0, 1, 0, 1],
        classes: vec!["cat".into(), "dog".into()],
        splits: vec![],
    });
    let set = Dataset { source, ids: Arc::new(vec![0, 1, 2, 3]), labels: Arc::new(vec![0, 1, 0, 1]) };
    let x = Labelled { axes: Vec::new(), values: vec![Value::Dataset(Arc::new(set))] };
    let settings = vec![("rows", named("class", "class")), ("count", Static::Number(2.0))];
    let f = run(&job("images", "Images", settings, vec![("x", "d", x)])).expect("drawn");
    assert_eq!(f.data.numbers("example").expect("ids"), [0.0, 1.0, 2.0, 3.0]);
    assert!(f.svg.contains(">cat</text>") && f.svg.contains(">dog</text>"));
    let all = crate::report::figure::raster::all(&f.svg).expect("images");
    assert_eq!((all.len(), all[0].rgb.clone(), all[2].rgb.clone()), (4, vec![0, 0, 0, 255, 255, 255], vec![128; 6]));
}
