//! What is pooled and what is not: unlike curves, orders of one network, nested axes, pairs, bins of each run. Right values by hand.

use super::*;

fn table(columns: &[(&str, Vec<f64>)]) -> Value {
    let columns = columns.iter().map(|(n, x)| (n.to_string(), Column::Numbers(x.clone()))).collect();
    Value::Table(Arc::new(Table { columns }))
}

/// An ablation of a layer of `units` units: in each order, accuracy after each unit.
fn ablation(units: usize, orders: usize, accuracy: impl Fn(usize, usize) -> f64) -> Value {
    let rows: Vec<(usize, usize)> = (0..orders).flat_map(|o| (0..=units).map(move |k| (o, k))).collect();
    table(&[
        ("order", rows.iter().map(|r| r.0 as f64).collect()),
        ("fraction", rows.iter().map(|r| r.1 as f64 / units as f64).collect()),
        ("ablated", rows.iter().map(|r| r.1 as f64).collect()),
        ("accuracy", rows.iter().map(|r| accuracy(r.0, r.1)).collect()),
    ])
}

fn by_fraction(axes: Vec<LabelledAxis>, values: Vec<Value>, more: Vec<(&str, Static)>, title: &str) -> Arc<Figure> {
    let mut settings = vec![("x", named("fraction", "")), ("y", named("accuracy", ""))];
    settings.extend(more);
    run(&job("curves", title, settings, vec![("data", "ablation", Labelled { axes, values })])).expect("drawn")
}

fn texts(f: &Figure, column: &str) -> Vec<String> {
    match f.data.columns.iter().find(|(n, _)| n == column) {
        Some((_, Column::Texts(t))) => t.clone(),
        _ => Vec::new(),
    }
}

#[test]
fn all_curves_of_a_figure_have_markers_or_none_has() {
    // The first curve, whose markers are circles, has ten places, the second as many as are asked for.
    let circles = |places: usize| {
        let values = [10, places].map(|n| ablation(n - 1, 1, |_, k| 1.0 - k as f64 / 100.0)).to_vec();
        let color = vec![("color", named("net", "declared"))];
        let f = by_fraction(vec![axis("net", "declared", &["small", "large"])], values, color, "Markers");
        f.svg.matches("<circle").count()
    };
    assert!(circles(9) >= 10, "{}", circles(9));
    // One may be the legend's.
    assert!(circles(90) <= 1, "{}", circles(90));
}

#[test]
fn curves_over_unlike_places_are_not_joined() {
    let widths = axis("width", "declared", &["2", "3", "5"]);
    let values = || [2, 3, 5].map(|w| ablation(w, 1, |_, k| 1.0 - k as f64 / 10.0)).to_vec();
    let f = by_fraction(vec![widths.clone()], values(), vec![], "Unlike widths");
    // Each width is a curve of its own: 3 + 4 + 6 places, one value each.
    assert_eq!(f.data.rows(), 13);
    assert!(f.data.numbers("count").expect("counts").iter().all(|n| *n == 1.0));
    assert_eq!(texts(&f, "width").iter().filter(|t| *t == "5").count(), 6);
    assert!(f.caption.contains("nothing is pooled over width") && !f.caption.contains("Mean and"), "{}", f.caption);
    // Of runs at each width, which are alike, the mean stands.
    let axes = vec![widths.clone(), counted("run", "declared", 2)];
    let runs = [2, 2, 3, 3, 5, 5].iter().enumerate().map(|(i, w)| ablation(*w, 1, move |_, k| (i % 2) as f64 - k as f64 / 10.0));
    let f = by_fraction(axes, runs.collect(), vec![], "Unlike widths, several runs");
    assert_eq!(f.data.rows(), 13);
    assert!(f.data.numbers("count").expect("counts").iter().all(|n| *n == 2.0));
    assert!(f.caption.contains("over run (2)"), "{}", f.caption);
    // Where colours are asked for, unlike curves stand each by itself, told apart in the table.
    let axes = vec![axis("labels", "declared", &["true_labels"]), widths];
    let color = vec![("color", named("labels", "declared"))];
    let f = by_fraction(axes, values(), color, "Unlike widths in one colour");
    assert_eq!(f.data.rows(), 13);
    assert_eq!(texts(&f, "curve").iter().filter(|t| *t == "width: 3").count(), 4);
    assert!(f.caption.contains("each is drawn separately"), "{}", f.caption);
}

#[test]
fn curves_with_a_common_grid_are_pooled_where_a_number_is_missing() {
    let at = |shift: f64, hole: usize| {
        table(&[
            ("epoch", vec![1.0, 2.0, 3.0]),
            ("accuracy", (0..3).map(|i| if i == hole { f64::NAN } else { i as f64 + shift }).collect()),
        ])
    };
    let data = Labelled { axes: vec![counted("run", "declared", 2)], values: vec![at(0.0, 9), at(1.0, 1)] };
    let settings = vec![("x", named("epoch", "")), ("y", named("accuracy", ""))];
    let f = run(&job("curves", "A hole", settings, vec![("data", "h", data)])).expect("drawn");
    assert_eq!(f.data.numbers("mean").expect("means"), [0.5, 1.0, 2.5]);
    assert_eq!(f.data.numbers("count").expect("counts"), [2.0, 1.0, 2.0]);
    assert!(f.caption.contains("From 1 to 2 values at a place") && f.caption.contains("1 of"), "{}", f.caption);
}

#[test]
fn orders_of_one_network_are_a_band() {
    let one = ablation(2, 4, |o, k| o as f64 + k as f64);
    let f = by_fraction(vec![], vec![one.clone()], vec![], "Orders of one network");
    // 0, 1, 2, 3 at the first place: mean 1.5, sd 1.2909944487358056.
    assert_eq!(f.data.numbers("count").expect("counts"), [4.0, 4.0, 4.0]);
    let (mean, high) = (f.data.numbers("mean").expect("means")[0], f.data.numbers("high").expect("ends")[0]);
    assert!((mean - 1.5).abs() < 1e-12 && (high - mean - 1.290_994_448_735_805_6).abs() < 1e-12);
    assert!(f.caption.contains("over order (4)"), "{}", f.caption);
    // Of two networks the orders are averaged first.
    let other = ablation(2, 4, |o, k| o as f64 + k as f64 + 3.0);
    let f = by_fraction(vec![counted("run", "declared", 2)], vec![one, other], vec![], "Orders of two networks");
    assert_eq!(f.data.numbers("count").expect("counts"), [2.0, 2.0, 2.0]);
    assert_eq!(f.data.numbers("mean").expect("means")[0], 3.0);
    assert!(f.caption.contains("order (4) is averaged within each run") && f.caption.contains("over run (2)"), "{}", f.caption);
}

#[test]
fn pairs_are_counted_once() {
    let mut other = counted("run_other", "declared", 3);
    other.pairs = Some("run".into());
    let axes = vec![axis("stage", "stage", &["a", "b"]), counted("run", "declared", 3), other];
    // The pairs (0, 1), (0, 2), (1, 2) are 1, 2, 3 at the first stage and ten times as much at the second.
    let mut y = numbers(axes, |i| (1 + i % 9 / 3 + i % 3 - 1) as f64 * if i < 9 { 1.0 } else { 10.0 });
    (0..18).filter(|i| i % 9 / 3 == i % 3).for_each(|i| y.values[i] = Value::Absent("with itself".into()));
    let settings = || vec![("x", named("stage", "stage"))];
    for op in ["curves", "bars"] {
        let slot = if op == "curves" { "data" } else { "y" };
        let f = run(&job(op, &format!("Pairs in {op}"), settings(), vec![(slot, "cka", y.clone())])).expect("drawn");
        assert_eq!(f.data.numbers("count").expect("counts"), [3.0, 3.0]);
        assert_eq!(f.data.numbers("mean").expect("means"), [2.0, 20.0]);
        let high = f.data.numbers("high").expect("ends");
        assert!((high[0] - 3.0).abs() < 1e-12 && (high[1] - 30.0).abs() < 1e-12, "the sample's deviation of 1, 2, 3");
        assert!(f.caption.contains("pairs of run (3)"), "{}", f.caption);
    }
}

#[test]
fn bins_of_each_run_split_its_own_scores() {
    let ids = Arc::new(vec![0, 1, 2, 3]);
    let source = Arc::new(Source {
        name: "d".into(),
        images: Images { shape: vec![1], data: Pixels::Floats(vec![0.0; 4]), mean: vec![], std: vec![] },
        labels: vec![0; 4],
        classes: vec!["one".into()],
        splits: vec![("all".into(), 0..4)],
    });
    let set = |ids: [u32; 2]| {
        let ids = Arc::new(ids.to_vec());
        Value::Dataset(Arc::new(Dataset { source: source.clone(), labels: Arc::new(vec![0; 2]), ids }))
    };
    let scores = |values: [f64; 4]| {
        Value::Scores(Arc::new(Scores {
            values: values.to_vec(),
            ids: ids.clone(),
            labels: Arc::new(vec![0; 4]),
            classes: vec!["one".into()],
            ..Scores::default()
        }))
    };
    let runs = || counted("run", "declared", 2);
    let bin = LabelledAxis { within: vec!["run".into()], ..counted("bin", "count", 2) };
    // The second run ranks the examples the other way round.
    let y = Labelled { axes: vec![runs()], values: vec![scores([1.0, 2.0, 3.0, 6.0]), scores([40.0, 30.0, 20.0, 10.0])] };
    let sets = |bin_first: bool| {
        let (axes, values) = match bin_first {
            false => (vec![runs(), bin.clone()], [[0, 1], [2, 3], [2, 3], [0, 1]]),
            true => (vec![bin.clone(), runs()], [[0, 1], [2, 3], [2, 3], [0, 1]]),
        };
        Labelled { axes, values: values.map(set).to_vec() }
    };
    for bin_first in [false, true] {
        let at = |more: Vec<(&str, Static)>, title: &str| {
            let mut settings = vec![("x", named("bin", "count"))];
            settings.extend(more);
            let mut job = job("bands", title, settings, vec![("y.0", "l", y.clone())]);
            job.inputs.push(("x".into(), sets(bin_first)));
            run(&job).expect("drawn")
        };
        let f = at(vec![("facet", named("run", "declared"))], "Bins of each run");
        assert_eq!(f.data.numbers("mean").expect("means"), [1.5, 4.5, 15.0, 35.0]);
        assert!(f.caption.contains("over examples"), "{}", f.caption);
        // Pooled over runs: means of each run's own bins.
        let f = at(vec![], "Bins of all runs");
        assert_eq!(f.data.numbers("mean").expect("means"), [8.25, 19.75]);
        assert_eq!(f.data.numbers("count").expect("counts"), [2.0, 2.0]);
        assert!(f.caption.contains("over run (2)") && f.caption.contains("examples are averaged"), "{}", f.caption);
    }
    // Runs by themselves, the bins pooled: the examples of each bin are averaged, and bins within runs.
    let settings = vec![("x", named("run", "declared")), ("color", named("bin", "count"))];
    let mut colored = job("bands", "Bins in colours", settings, vec![("y.0", "l", y)]);
    colored.inputs.push(("color".into(), sets(false)));
    let f = run(&colored).expect("drawn");
    assert_eq!(f.data.numbers("mean").expect("means"), [1.5, 15.0, 4.5, 35.0]);
}

#[test]
fn captions_say_what_each_panel_is() {
    let runs = numbers(vec![stages(), counted("run", "declared", 3)], |i| i as f64);
    let mut single = numbers(vec![stages()], |i| i as f64);
    single.values.iter_mut().for_each(|v| *v = Value::Number(Number::estimate(1.0, 0.25)));
    let absent = Labelled { axes: vec![stages()], values: vec![Value::Absent("too few members".into()); 4] };
    let inputs = vec![("y.0", "cka", runs), ("y.1", "area", single), ("y.2", "gone", absent)];
    let f = run(&job("bands", "Panels", vec![("x", named("stage", "stage"))], inputs)).expect("drawn");
    assert!(f.caption.contains("cka: Mean and standard deviation (bands) over run (3)."), "{}", f.caption);
    assert!(f.caption.contains("area: Error bars of single estimates: one standard error."), "{}", f.caption);
    assert!(f.caption.contains("Nothing to draw of gone.") && f.svg.contains(">no values<"), "{}", f.caption);
    assert!(f.caption.contains("too few members: 4"), "{}", f.caption);
    // A profile of single estimates has standard errors, and says so.
    let mut x = numbers(vec![classes(3)], |i| i as f64);
    x.values.iter_mut().for_each(|v| *v = Value::Number(Number::estimate(1.0, 0.25)));
    let f = run(&job("profile", "Estimates of classes", vec![], vec![("x", "spread", x)])).expect("drawn");
    assert_eq!(f.data.numbers("se").expect("errors"), [0.25, 0.25, 0.25]);
    assert!(f.data.numbers("sd").expect("deviations").iter().all(|v| v.is_nan()));
    assert!(f.caption.contains("one standard error") && !f.caption.contains("standard deviation"), "{}", f.caption);
}

#[test]
fn what_a_logarithm_cannot_hold_is_counted() {
    let y = numbers(vec![axis("n", "declared", &["1", "10", "100"])], |i| i as f64);
    let settings = vec![("x", named("n", "declared")), ("y_scale", Static::Word("log".into()))];
    let f = run(&job("curves", "Zero on a logarithm", settings, vec![("data", "y", y)])).expect("drawn");
    assert!(f.caption.contains("not positive: 1 values"), "{}", f.caption);
}

#[test]
fn classes_that_were_left_out_have_no_panel() {
    let whole = scores("left out", 4, 30, 1.0);
    // The examples of classes 1 and 3 alone, which keep the names of all.
    let kept: Vec<usize> = (0..whole.values.len()).filter(|i| whole.labels[*i] % 2 == 1).collect();
    let s = Arc::new(Scores {
        values: kept.iter().map(|i| whole.values[*i]).collect(),
        ids: Arc::new(kept.iter().map(|i| whole.ids[*i]).collect()),
        labels: Arc::new(kept.iter().map(|i| whole.labels[*i]).collect()),
        ..Scores::clone(&whole)
    });
    let class = || named("class", "class");
    let of_run = |s: &Arc<Scores>| Labelled {
        axes: vec![counted("run", "declared", 2)],
        values: vec![Value::Scores(s.clone()), Value::Scores(s.clone())],
    };
    let panels = |svg: &str| svg.matches(">class ").count();
    let drawn = |op: &str, settings: Vec<(&str, Static)>, slot: &str, s: &Arc<Scores>| {
        run(&job(op, "Classes", settings, vec![(slot, "l", of_run(s))])).expect("drawn")
    };
    let runs = || ("x", named("run", "declared"));
    for (s, classes) in [(&whole, 4), (&s, 2)] {
        let f = drawn("curves", vec![runs(), ("facet", class())], "data", s);
        assert_eq!((panels(&f.svg), f.data.rows()), (classes, 2 * classes), "{}", f.caption);
        assert!(!f.svg.contains(">no values<") && !f.caption.contains("absent"), "{}", f.caption);
        let f = drawn("bars", vec![("x", class())], "y", s);
        assert_eq!(f.data.rows(), classes);
        let f = drawn("distribution", vec![("facet", class())], "x", s);
        assert_eq!(panels(&f.svg), classes);
    }
    // What is absent for another reason keeps its place.
    let axes = vec![classes(3)];
    let values = vec![
        Value::Number(Number::exact(1.0)),
        Value::Absent("too few members".into()),
        Value::Absent("all 2 values are absent: no examples here".into()),
    ];
    let f = run(&job("bars", "Two of three", vec![("x", class())], vec![("y", "p", Labelled { axes, values })])).expect("drawn");
    assert!(f.caption.contains("1 of 2 values is absent (too few members: 1)"), "{}", f.caption);
}

#[test]
fn values_with_other_coordinates_stand_in_panels_of_their_own() {
    let of = |coordinates: &[&str]| numbers(vec![axis("run", "declared", coordinates)], |i| i as f64);
    let inputs = vec![("x.0", "a", of(&["0", "1"])), ("x.1", "b", of(&["1", "2"]))];
    let f = run(&job("distribution", "Runs", vec![("facet", named("run", "declared"))], inputs)).expect("drawn");
    assert_eq!(f.svg.matches(">run: ").count(), 3);
}
