//! Structure of the figures; set `CFX_PICTURES=DIR` to have them written there and look at them.

mod arguments;
mod doubts;
mod looks;
mod pooling;
mod values;

use super::field::Field;
use super::kernels;
use super::named::Show;
use super::summary::{Summary, spearman};
use crate::base::Stream;
use crate::engine::kernel::{Failure, Job, Labelled, LabelledAxis, Quiet};
use crate::engine::value::{Column, Dataset, Figure, Images, Number, Pixels, Scores, Source, Table, Value};
use crate::lang::{Settings, Static};
use crate::report::figure::{color, font};
use rand_distr::{Distribution, StandardNormal};
use std::sync::Arc;

fn axis(name: &str, role: &str, coordinates: &[&str]) -> LabelledAxis {
    LabelledAxis {
        name: name.into(),
        role: role.into(),
        coordinates: coordinates.iter().map(|c| c.to_string()).collect(),
        ..LabelledAxis::default()
    }
}

fn counted(name: &str, role: &str, n: usize) -> LabelledAxis {
    LabelledAxis {
        name: name.into(),
        role: role.into(),
        coordinates: (0..n).map(|i| i.to_string()).collect(),
        ..LabelledAxis::default()
    }
}

fn named(name: &str, role: &str) -> Static {
    Static::Make("axis".into(), vec![("name".into(), Static::Word(name.into())), ("role".into(), Static::Word(role.into()))])
}

fn job(op: &str, title: &str, settings: Vec<(&str, Static)>, inputs: Vec<(&str, &str, Labelled)>) -> Job {
    let mut all: Vec<(String, Static)> = settings.into_iter().map(|(n, v)| (n.to_string(), v)).collect();
    let defaults = ["x", "y", "facet", "color", "rows", "columns", "label"].map(|n| (n, Static::None));
    let words = [("show", "sd"), ("x_scale", "auto"), ("y_scale", "auto")].map(|(n, w)| (n, Static::Word(w.into())));
    let more = [("count", Static::Number(10.0)), ("bins", Static::Number(30.0)), ("height", Static::Word("count".into()))];
    for (name, value) in defaults.into_iter().chain(words).chain(more) {
        if !all.iter().any(|(n, _)| n == name) {
            all.push((name.to_string(), value));
        }
    }
    all.push(("title".into(), Static::Text(title.into())));
    all.push((
        "names".into(),
        Static::Map(inputs.iter().map(|(n, text, _)| (n.to_string(), Static::Text(text.to_string()))).collect()),
    ));
    Job {
        op: op.into(),
        settings: Settings(all),
        inputs: inputs.into_iter().map(|(n, _, l)| (n.to_string(), l)).collect(),
        stream: Stream::root(1),
        at: Vec::new(),
    }
}

fn run(job: &Job) -> Result<Arc<Figure>, Failure> {
    let all = kernels();
    let kernel = all.iter().find(|(n, _)| *n == job.op).map(|(_, k)| k).expect("a kernel of that name");
    match kernel.run(job, &Quiet::default())? {
        Value::Figure(f) => {
            assert_eq!(&f.png[1..4], b"PNG");
            texts_stand_apart(&f.svg);
            assert!(!f.svg.contains("NaN") && !f.svg.contains("inf"), "numbers in the SVG are finite");
            if let Ok(dir) = std::env::var("CFX_PICTURES") {
                let name = crate::report::slug(job.settings.word("title"));
                std::fs::write(format!("{dir}/{name}.png"), &f.png).expect("written");
                std::fs::write(format!("{dir}/{name}.svg"), &f.svg).expect("written");
                println!("{name}: {}", f.caption);
            }
            Ok(f)
        }
        other => panic!("a figure, not a {}", other.word()),
    }
}

/// Checks that no text leaves the picture, and that no two texts overlap.
fn texts_stand_apart(svg: &str) {
    let document = resvg::usvg::roxmltree::Document::parse(svg).expect("the SVG is well-formed");
    let number = |n: &resvg::usvg::roxmltree::Node, a: &str| n.attribute(a).and_then(|v| v.parse::<f64>().ok()).unwrap_or(0.0);
    let root = document.root_element();
    let (width, height) = (number(&root, "width"), number(&root, "height"));
    let mut boxes: Vec<([f64; 4], bool, String)> = Vec::new();
    for node in document.descendants().filter(|n| n.has_tag_name("text")) {
        let text = node.text().unwrap_or("").to_string();
        let size = number(&node, "font-size");
        let w = font::width(&text, size, node.attribute("font-weight").is_some());
        let left = match node.attribute("text-anchor") {
            Some("middle") => -w / 2.0,
            Some("end") => -w,
            _ => 0.0,
        };
        let turn = node
            .attribute("transform")
            .and_then(|t| t.strip_prefix("rotate("))
            .and_then(|t| t.split(' ').next())
            .map_or(0.0, |t| t.parse::<f64>().unwrap_or(0.0));
        let (sin, cos) = turn.to_radians().sin_cos();
        // From a little below the baseline to the height of capitals.
        let corners = [(left, 0.18 * size), (left + w, 0.18 * size), (left, -0.72 * size), (left + w, -0.72 * size)];
        let placed: Vec<(f64, f64)> = corners
            .iter()
            .map(|(x, y)| (number(&node, "x") + x * cos - y * sin, number(&node, "y") + x * sin + y * cos))
            .collect();
        let bounds = placed.iter().fold([f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY], |b, p| {
            [b[0].min(p.0), b[1].min(p.1), b[2].max(p.0), b[3].max(p.1)]
        });
        assert!(
            bounds[0] >= 0.0 && bounds[1] >= 0.0 && bounds[2] <= width && bounds[3] <= height,
            "`{text}` is clipped: {bounds:?} of {width} x {height}"
        );
        // Slanted labels are spaced by their height, not by their boxes.
        boxes.push((bounds, turn == 0.0 || turn == -90.0, text));
    }
    for (i, (a, straight, name)) in boxes.iter().enumerate() {
        for (b, other, second) in &boxes[i + 1..] {
            let apart = a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
            assert!(apart || !straight || !other, "`{name}` covers `{second}`");
        }
    }
}

fn normals(stream: &str, n: usize) -> Vec<f64> {
    let mut rng = Stream::root(3).named(stream).rng();
    (0..n).map(|_| StandardNormal.sample(&mut rng)).collect()
}

/// Scores of `each` examples of every class, whose class means are spread over two modes.
fn scores(stream: &str, classes: usize, each: usize, gap: f64) -> Arc<Scores> {
    let noise = normals(stream, classes * each);
    let means = normals("means", classes);
    let value = |i: usize| {
        let c = i / each;
        means[c] * 4.0 + noise[i] * (3.0 + (c % 5) as f64) + if c.is_multiple_of(3) { -gap } else { 0.0 }
    };
    Arc::new(Scores {
        values: (0..classes * each).map(value).collect(),
        ids: Arc::new((0..(classes * each) as u32).collect()),
        labels: Arc::new((0..classes * each).map(|i| (i / each) as u32).collect()),
        classes: (0..classes).map(|c| format!("class {c}")).collect(),
        ..Scores::default()
    })
}

fn numbers(axes: Vec<LabelledAxis>, f: impl Fn(usize) -> f64) -> Labelled {
    let n = axes.iter().map(|a| a.coordinates.len()).product();
    Labelled { axes, values: (0..n).map(|i| Value::Number(Number::exact(f(i)))).collect() }
}

fn stages() -> LabelledAxis {
    axis("stage", "stage", &["stage1", "stage2", "stage3", "stage4"])
}

fn classes(n: usize) -> LabelledAxis {
    let mut a = counted("class", "class", n);
    a.coordinates = (0..n).map(|i| format!("class {i}")).collect();
    a
}

fn modes(n: usize) -> Labelled {
    Labelled {
        axes: vec![classes(n)],
        values: (0..n).map(|c| Value::Word(if c.is_multiple_of(3) { "low" } else { "high" }.into())).collect(),
    }
}

#[test]
fn profile_of_a_hundred_classes_in_four_facets() {
    let x = |s: &str, gap: f64| Labelled {
        axes: vec![stages()],
        values: (0..4).map(|f| Value::Scores(scores(&format!("{s}{f}"), 100, 40, gap * f as f64))).collect(),
    };
    let job = job(
        "profile",
        "Class log-densities by stage",
        vec![("facet", named("stage", "stage"))],
        vec![("x", "logp", x("a", 14.0)), ("against", "logp0", x("b", 0.0)), ("groups", "modes", modes(100))],
    );
    let f = run(&job).expect("drawn");
    assert_eq!(f.data.rows(), 400);
    assert!(f.caption.contains("low: 34, high: 66"), "{}", f.caption);
    // Sorted within each facet.
    let mean = f.data.numbers("mean").expect("means");
    assert!(mean[..100].windows(2).all(|w| w[0] <= w[1]) && mean[100..200].windows(2).all(|w| w[0] <= w[1]));
    // The same job gives the same bytes.
    assert_eq!(f.svg, run(&job).expect("drawn").svg);
}

#[test]
fn profile_of_ten_classes() {
    let x = Labelled {
        axes: vec![axis("stage", "stage", &["stage1", "stage2", "stage3"])],
        values: (0..3).map(|f| Value::Scores(scores(&format!("a{f}"), 10, 150, 10.0 * f as f64))).collect(),
    };
    let f = run(&job(
        "profile",
        "Ten classes",
        vec![("facet", named("stage", "stage"))],
        vec![("x", "logp", x), ("groups", "modes", modes(10))],
    ))
    .expect("drawn");
    assert_eq!(f.data.rows(), 30);
    assert!(f.svg.contains(">class 3<"));
    let one = Labelled::single(Value::Scores(scores("a", 10, 150, 10.0)));
    let f = run(&job(
        "profile",
        "Ten classes, one panel",
        vec![],
        vec![
            ("x", "log_density(p, reps)", one.clone()),
            ("against", "log_density(p0, null)", Labelled::single(Value::Scores(scores("q", 10, 90, 0.0)))),
        ],
    ))
    .expect("drawn");
    assert_eq!(f.data.rows(), 10);
    let mean: f64 = match &one.values[0] {
        Value::Scores(s) => s.values[..150].iter().sum::<f64>() / 150.0,
        _ => f64::NAN,
    };
    assert!(f.data.numbers("mean").expect("means").iter().any(|m| (m - mean).abs() < 1e-12));
}

#[test]
fn scatter_with_groups_errors_and_names() {
    let n = 100;
    let spread = normals("spread", n);
    let noise = normals("noise", n);
    let x = numbers(vec![classes(n)], |i| 20.0 + 3.0 * spread[i]);
    let mut y = numbers(vec![classes(n)], |i| 12.0 - 2.0 * spread[i] + noise[i]);
    y.values[3] = Value::Absent("too few members".into());
    for v in &mut y.values {
        if let Value::Number(v) = v {
            v.error = Some(0.4);
        }
    }
    let f = run(&job(
        "scatter",
        "Complexity against compactness",
        vec![],
        vec![("x", "spread", x.clone()), ("y", "complexity (nats)", y.clone()), ("color", "modes", modes(n))],
    ))
    .expect("drawn");
    assert!(f.caption.contains("ρ = −0.8") || f.caption.contains("ρ = −0.9"), "{}", f.caption);
    assert!(f.caption.contains("one side has no value: 1.") && f.data.rows() == 99, "{}", f.caption);
    let few = |l: &Labelled| Labelled { axes: vec![classes(25)], values: l.values[..25].to_vec() };
    let f = run(&job(
        "scatter",
        "Named points",
        vec![("label", named("class", "class"))],
        vec![("x", "spread", few(&x)), ("y", "complexity", few(&y)), ("color", "mean(logp, by: class)", few(&x))],
    ))
    .expect("drawn");
    assert!(f.svg.contains(">class 7<"));
}

#[test]
fn scatter_of_examples_joins_by_id() {
    let a = scores("a", 20, 500, 5.0);
    let mut b = (*scores("a", 20, 500, 5.0)).clone();
    b.ids = Arc::new(b.ids.iter().rev().copied().collect());
    b.values = b.values.iter().rev().map(|v| 2.0 * v).collect();
    let one = |s: Scores| Labelled::single(Value::Scores(Arc::new(s)));
    let f = run(&job(
        "scatter",
        "Ten thousand examples",
        vec![],
        vec![("x", "logp", one((*a).clone())), ("y", "mem", one(b.clone())), ("color", "mem", one(b))],
    ))
    .expect("drawn");
    assert!(f.caption.contains("ρ = 1.000 (n = 10000)"), "{}", f.caption);
    assert!(f.svg.len() < 600_000);
}

#[test]
fn curves_over_numbers_facets_and_colours() {
    let noise = normals("curves", 600);
    let axes = vec![
        axis("corruption", "declared", &["0%", "20%", "40%", "60%", "80%", "100%"]),
        counted("run", "declared", 10),
        stages(),
    ];
    let mut y = numbers(axes, |i| 0.9 - 0.1 * (i / 40) as f64 + 0.05 * (i % 4) as f64 + 0.03 * noise[i]);
    y.values[7] = Value::Absent("stopped early".into());
    let f = run(&job(
        "curves",
        "Accuracy under corruption",
        vec![("x", named("corruption", "declared")), ("color", named("stage", "stage"))],
        vec![("data", "guess.f_score", y.clone())],
    ))
    .expect("drawn");
    assert!(
        f.caption.contains("run (10)") && f.caption.contains("1 of 240 values is absent (stopped early: 1)"),
        "{}",
        f.caption
    );
    assert_eq!(f.data.rows(), 24);
    assert!(f.svg.contains(">20%<"));
    let f = run(&job(
        "curves",
        "By stage",
        vec![("x", named("stage", "stage")), ("color", named("corruption", "declared")), ("show", Static::Word("ci".into()))],
        vec![("data", "guess.f_score", y.clone())],
    ))
    .expect("drawn");
    assert!(f.svg.contains(">stage3<") && f.caption.contains("confidence"));
    let f = run(&job(
        "curves",
        "Facets by stage, every run",
        vec![("x", named("corruption", "declared")), ("facet", named("stage", "stage")), ("show", Static::Word("all".into()))],
        vec![("data", "guess.f_score", y.clone())],
    ))
    .expect("drawn");
    assert_eq!(f.svg.matches(">stage").count() - f.svg.matches(">stage<").count(), 4);
    let bad = run(&job("curves", "t", vec![("x", named("noise", "declared"))], vec![("data", "y", y)]));
    assert!(matches!(bad, Err(Failure::Failed { message, .. }) if message.contains("has no axis `noise`")));
}

#[test]
fn curves_over_tables() {
    let table = |c: usize, run: usize| {
        let noise = normals(&format!("t{c}{run}"), 3 * 51);
        let at = |i: usize| (i % 51) as f64 / 50.0;
        let y =
            (0..3 * 51).map(|i| 0.1 + 0.85 / (1.0 + ((at(i) - 0.9 + 0.15 * c as f64) * 12.0).exp()) + 0.02 * noise[i]).collect();
        Value::Table(Arc::new(Table {
            columns: vec![
                ("order".into(), Column::Numbers((0..3 * 51).map(|i| (i / 51) as f64).collect())),
                ("fraction".into(), Column::Numbers((0..3 * 51).map(at).collect())),
                ("accuracy".into(), Column::Numbers(y)),
            ],
        }))
    };
    let axes = vec![axis("corruption", "declared", &["0%", "20%", "40%", "60%", "80%", "100%"]), counted("run", "declared", 5)];
    let data = Labelled { axes, values: (0..30).map(|i| table(i / 5, i % 5)).collect() };
    let settings = vec![("x", named("fraction", "")), ("y", named("accuracy", "")), ("color", named("corruption", "declared"))];
    let f = run(&job(
        "curves",
        "Networks that memorize lean on single directions",
        settings,
        vec![("data", "ablation", data.clone())],
    ))
    .expect("drawn");
    assert_eq!(f.data.rows(), 6 * 51);
    assert_eq!(f.data.numbers("count").expect("counts")[0], 5.0, "orders are averaged within runs");
    let bad = run(&job("curves", "t", vec![("x", named("frction", ""))], vec![("data", "ablation", data)]));
    assert!(matches!(bad, Err(Failure::Failed { help: Some(h), .. }) if h.contains("`fraction`")));
    let history = |l: usize| {
        let epoch = |i: usize| i as f64 + 1.0;
        Value::Table(Arc::new(Table {
            columns: vec![
                ("epoch".into(), Column::Numbers((0..60).map(epoch).collect())),
                ("loss".into(), Column::Numbers((0..60).map(|i| 2.3 * (-0.05 * epoch(i) * (1.0 + l as f64)).exp()).collect())),
                (
                    "accuracy".into(),
                    Column::Numbers((0..60).map(|i| 1.0 - 0.9 * (-0.05 * epoch(i) * (1.0 + l as f64)).exp()).collect()),
                ),
                (
                    "input_gradient".into(),
                    Column::Numbers((0..60).map(|i| 400.0 * epoch(i) / (10.0 + epoch(i).powi(2))).collect()),
                ),
            ],
        }))
    };
    let data =
        Labelled { axes: vec![axis("labels", "declared", &["true_labels", "random"])], values: (0..2).map(history).collect() };
    let f = run(&job(
        "curves",
        "Hunting, then fitting",
        vec![("x", named("epoch", "")), ("facet", named("labels", "declared"))],
        vec![("data", "history(m)", data)],
    ))
    .expect("drawn");
    assert!(f.svg.contains(">input gradient<") && f.svg.contains(">labels: random<"));
}

#[test]
fn bars_with_spread() {
    let noise = normals("bars", 400);
    let axes = vec![
        axis("arch", "declared", &["vgg11", "again", "vgg13", "resnet32"]),
        axis("labels", "declared", &["true_labels", "random"]),
        counted("start", "declared", 20),
    ];
    let y = numbers(axes, |i| 2.0 + (i / 40) as f64 * 0.8 + ((i / 20) % 2) as f64 * 3.0 + noise[i] * 0.4);
    let f = run(&job(
        "bars",
        "Dissimilarity",
        vec![("x", named("arch", "declared")), ("color", named("labels", "declared"))],
        vec![("y", "distance (nats)", y)],
    ))
    .expect("drawn");
    assert_eq!(f.data.rows(), 8);
    assert!(f.caption.contains("start (20)"));
}

#[test]
fn bands_split_scores_by_the_data_sets_of_the_axis() {
    let s = scores("bands", 10, 500, 8.0);
    let mut order: Vec<usize> = (0..5000).collect();
    order.sort_by(|a, b| s.values[*a].total_cmp(&s.values[*b]));
    let source = Arc::new(Source {
        name: "d".into(),
        images: Images { shape: vec![1], data: Pixels::Floats(vec![0.0; 5000]), mean: vec![], std: vec![] },
        labels: s.labels.to_vec(),
        classes: s.classes.clone(),
        splits: vec![("all".into(), 0..5000)],
    });
    let set = |b: usize| {
        let ids: Vec<u32> = order[b * 100..(b + 1) * 100].iter().map(|i| *i as u32).collect();
        Value::Dataset(Arc::new(Dataset {
            source: source.clone(),
            labels: Arc::new(ids.iter().map(|i| i / 500).collect()),
            ids: Arc::new(ids),
        }))
    };
    let bins = counted("bin", "declared", 50);
    let sets = Labelled { axes: vec![bins.clone()], values: (0..50).map(set).collect() };
    let f_score = numbers(vec![bins.clone()], |i| 0.3 + 0.012 * i as f64);
    let radius = numbers(vec![bins], |i| 0.2 + 0.3 * (i as f64 / 50.0).powi(2));
    let mut job = job(
        "bands",
        "Memorization and robustness by density",
        vec![("x", named("bin", "declared"))],
        vec![
            ("y.0", "logp[stage4]", Labelled::single(Value::Scores(s.clone()))),
            ("y.1", "fit", f_score),
            ("y.2", "share(modes, of: high)", radius),
        ],
    );
    job.inputs.push(("x".into(), sets));
    let f = run(&job).expect("drawn");
    assert_eq!(f.data.rows(), 150);
    let mean = f.data.numbers("mean").expect("means");
    let first: f64 = order[..100].iter().map(|i| s.values[*i]).sum::<f64>() / 100.0;
    assert!((mean[0] - first).abs() < 1e-12);
}

#[test]
fn heatmap_with_an_absent_diagonal() {
    let side = axis("net", "declared", &["true 0", "true 1", "true 2", "random 0", "random 1", "random 2"]);
    let mut other = side.clone();
    other.name = "net_other".into();
    let mut x = numbers(vec![side, other], |i| 0.9 - 0.1 * ((i / 6) as f64 - (i % 6) as f64).abs());
    for i in 0..6 {
        x.values[i * 7] = Value::Absent("diagonal".into());
    }
    let f = run(&job("heatmap", "Similarity of networks", vec![], vec![("x", "similarity", x)])).expect("drawn");
    assert_eq!(f.data.rows(), 36);
    assert!(f.caption.contains("6 of 36 values are absent (diagonal: 6)"));
    let big = numbers(
        vec![classes(100), {
            let mut c = classes(100);
            c.name = "class_other".into();
            c
        }],
        |i| ((i / 100) as f64 / 9.0).sin() * ((i % 100) as f64 / 7.0).cos() * 30.0,
    );
    run(&job("heatmap", "A hundred by a hundred", vec![], vec![("x", "kl_divergence(q, between: class)", big)])).expect("drawn");
}

#[test]
fn numbers_of_both_signs_have_white_at_zero() {
    let side = axis("a", "declared", &["x", "y", "z"]);
    let other = axis("b", "declared", &["u", "v", "w"]);
    let tiles = |values: [f64; 9]| {
        let x = numbers(vec![side.clone(), other.clone()], |i| values[i]);
        run(&job("heatmap", "Signs", vec![], vec![("x", "r", x)])).expect("drawn").svg.to_string()
    };
    // Twice as far on one side: the other end is half as strong, and zero is white.
    let signed = tiles([-1.0, -0.5, 0.0, 0.0, 0.25, 0.5, 0.0, 0.0, 0.1]);
    let color = |value: f64| color::Map::Diverging.of(value, (-1.0, 0.5)).to_string();
    assert_eq!(color(0.0), "#f7f7f7");
    assert_eq!(color(-1.0), "#053061");
    for value in [-1.0, 0.0, 0.5] {
        assert!(signed.contains(&color(value)), "{value}");
    }
    // A rounding error below zero makes no side.
    assert_eq!(color::Map::between(-1e-9, 1.0), color::Map::Viridis);
    assert!(!tiles([-1e-9, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0]).contains("#f7f7f7"));
}

#[test]
fn a_unit_is_written_once() {
    let of = |words: &str| {
        let x = numbers(vec![stages()], |i| i as f64);
        let mut field = Field::new(&x, "x".into(), vec![(String::new(), "nats".into())]);
        field.words = words.into();
        field.label()
    };
    assert_eq!(of("Loss on the test set"), "Loss on the test set (nats)");
    assert_eq!(of("Loss on the test set, in nats"), "Loss on the test set, in nats");
    assert_eq!(of("Loss (nats)"), "Loss (nats)");
    assert_eq!(of("All but nats and bits"), "All but nats and bits (nats)");
}

#[test]
fn empty_inputs_end_absent_and_single_points_are_drawn() {
    let absent = Labelled { axes: vec![stages()], values: vec![Value::Absent("too few members".into()); 4] };
    let nan = numbers(vec![stages()], |_| f64::NAN);
    for op in ["curves", "bars", "bands"] {
        let slot = if op == "curves" { "data" } else { "y" };
        for input in [&absent, &nan] {
            let out = run(&job(op, "t", vec![("x", named("stage", "stage"))], vec![(slot, "y", input.clone())]));
            assert!(matches!(out, Err(Failure::Absent(_))), "{op}");
        }
        let one =
            Labelled { axes: vec![axis("stage", "stage", &["only"])], values: vec![Value::Number(Number::estimate(0.5, 0.1))] };
        let f = run(&job(op, &format!("A single point in {op}"), vec![("x", named("stage", "stage"))], vec![(slot, "y", one)]))
            .expect("drawn");
        assert_eq!(f.data.rows(), 1);
    }
    assert!(
        matches!(run(&job("profile", "t", vec![], vec![("x", "y", absent.clone())])), Err(Failure::Absent(w)) if w.contains("too few members"))
    );
    assert!(matches!(
        run(&job("scatter", "t", vec![], vec![("x", "y", absent.clone()), ("y", "y", nan.clone())])),
        Err(Failure::Absent(_))
    ));
    let one = Labelled::single(Value::Number(Number::exact(2.0)));
    let f = run(&job("scatter", "One point", vec![], vec![("x", "a < b & c", one.clone()), ("y", "y", one)])).expect("drawn");
    assert!(f.svg.contains("a &lt; b &amp; c"));
}

#[test]
fn summaries_and_rank_correlation_agree_with_scipy() {
    let numbers: Vec<Value> = [1.0, 2.0, 4.0, 8.0].iter().map(|v| Value::Number(Number::exact(*v))).collect();
    let s = Summary::of(&numbers.iter().collect::<Vec<_>>());
    assert!((s.sd() - 3.095_695_936_834_452).abs() < 1e-12);
    // scipy.stats.t.interval(0.95, 3, 3.75, sem)
    let ci = s.spread(Show::Ci);
    assert!((ci.low - -1.175_943_048_23).abs() < 1e-6 && (ci.high - 8.675_943_048_23).abs() < 1e-6, "{ci:?}");
    assert_eq!(s.spread(Show::Quantiles).low, 1.75);
    // scipy.stats.spearmanr([1, 2, 2, 4, 5], [5, 6, 7, 8, 7])
    let rho = spearman(&[1.0, 2.0, 2.0, 4.0, 5.0], &[5.0, 6.0, 7.0, 8.0, 7.0]).expect("a correlation");
    assert!((rho - 0.763_157_894_736_842_1).abs() < 1e-12, "{rho}");
    assert_eq!(spearman(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None);
}

#[test]
fn long_words_and_many_colours_fit() {
    let noise = normals("long", 4000);
    let archs: Vec<String> = (0..12).map(|i| format!("wide residual network number {i}")).collect();
    let refs: Vec<&str> = archs.iter().map(String::as_str).collect();
    let long = "mean(generative_classification(reps, like: p, folds: 5).f_score, over: [fold, chain]) in per cent of the best";
    let sizes = axis("examples", "declared", &["10", "30", "100", "300", "1000", "3000", "10000"]);
    let y = numbers(vec![sizes, axis("arch", "declared", &refs), counted("run", "declared", 5)], |i| {
        (i / 60) as f64 + ((i / 5) % 12) as f64 * 0.2 + 0.1 * noise[i]
    });
    let title = "A title that goes on and on, longer than any picture is wide, so that it has to be broken into lines somewhere";
    let f = run(&job(
        "curves",
        title,
        vec![("x", named("examples", "declared")), ("color", named("arch", "declared"))],
        vec![("data", long, y.clone())],
    ))
    .expect("drawn");
    assert!(f.caption.contains("logarithmic"));
    run(&job("bars", "Many bars", vec![("x", named("arch", "declared"))], vec![("y", long, y.clone())])).expect("drawn");
    run(&job(
        "bars",
        "Bars in colours",
        vec![("x", named("examples", "declared")), ("color", named("arch", "declared"))],
        vec![("y", "f", y.clone())],
    ))
    .expect("drawn");
    run(&job(
        "curves",
        "Twelve facets",
        vec![
            ("x", named("examples", "declared")),
            ("facet", named("arch", "declared")),
            ("show", Static::Word("quantiles".into())),
        ],
        vec![("data", "f", y.clone())],
    ))
    .expect("drawn");
    run(&job("heatmap", "Long names of rows", vec![], vec![("x", long, y.clone())])).expect("drawn");
    run(&job(
        "heatmap",
        "Facets of heatmaps",
        vec![("facet", named("run", "declared")), ("rows", named("arch", "declared"))],
        vec![("x", "f", y)],
    ))
    .expect("drawn");
    let mut s = (*scores("names", 20, 30, 9.0)).clone();
    s.classes = (0..20).map(|i| format!("a class with a very long name {i}")).collect();
    run(&job(
        "profile",
        "Long names of classes",
        vec![],
        vec![("x", long, Labelled::single(Value::Scores(Arc::new(s)))), ("groups", "modes", modes(20))],
    ))
    .expect("drawn");
}

#[test]
fn bands_of_several_networks_stand_over_all_their_taps() {
    let short = numbers(vec![axis("stage", "stage", &["conv1", "conv2"]), axis("arch", "declared", &["a"])], |i| i as f64);
    let long =
        numbers(vec![axis("stage", "stage", &["conv2", "conv3", "5"]), axis("arch", "declared", &["b", "c"])], |i| i as f64);
    let settings = vec![("x", named("stage", "stage")), ("color", named("arch", "declared"))];
    let f = run(&job("bands", "Ragged", settings, vec![("y.0", "cka", short), ("y.1", "cca", long.clone())])).expect("drawn");
    assert_eq!(f.data.rows(), 8);
    assert!([">conv1<", ">conv2<", ">conv3<", ">5<", ">a<", ">c<"].iter().all(|t| f.svg.contains(t)));
    // The facets of one input need not be those of another.
    let other = numbers(vec![axis("stage", "stage", &["conv1"]), axis("arch", "declared", &["x", "y", "z"])], |i| i as f64);
    let settings = vec![("x", named("stage", "stage")), ("facet", named("arch", "declared"))];
    let f = run(&job("bands", "Ragged facets", settings, vec![("y.0", "cka", other), ("y.1", "cca", long)])).expect("drawn");
    assert_eq!(f.data.rows(), 9);
}
