//! Kernels run as the engine runs them.

use super::super::posterior::Posterior;
use super::super::predictive::Predictive;
use super::super::settings::{Fit, FitSettings};
use super::super::setup::Method;
use super::kernels;
use crate::base::Stream;
use crate::engine::kernel::{Labelled, LabelledAxis, Quiet};
use crate::engine::value::{Number, Stages};
use crate::engine::{Context, Failure, Job, Value};
use crate::lang::{Settings, Static};
use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};
use std::sync::{Arc, Mutex};

pub(super) fn word(w: &str) -> Static {
    Static::Word(w.into())
}

/// Returns a base measure with the library's defaults.
pub(super) fn prior(name: &str) -> Static {
    let n = |k: &str, v: f64| (k.to_string(), Static::Number(v));
    let mut fields = vec![n("kappa", 0.01), n("components", 6.0)];
    match name {
        "niw" | "niw_full" => fields.extend([
            ("dof".into(), Static::Affine { name: "dim".into(), scale: 1.0, offset: 2.0 }),
            ("scale".into(), word(if name == "niw" { "diagonal" } else { "full" })),
            n("inflate", 1.0),
        ]),
        "niw_fixed" => fields.extend([
            ("dof".into(), Static::Affine { name: "dim".into(), scale: 1.0, offset: 2.0 }),
            n("mean", 0.0),
            n("scale", 1.0),
        ]),
        "hierarchical" => {}
        _ => fields.extend([n("dof", 3.0), n("inflate", 1.0)]),
    }
    Static::Make(name.trim_end_matches("_full").into(), fields)
}

/// Returns the settings of an operation that the library gives it where a call gives none.
fn defaults(op: &str) -> Vec<(String, Static)> {
    let n = |k: &str, v: f64| (k.to_string(), Static::Number(v));
    let gamma = Static::Make("gamma".into(), vec![n("shape", 1.0), n("rate", 1.0)]);
    let fit = || {
        vec![
            ("prior".to_string(), prior("niw")),
            ("alpha".to_string(), gamma.clone()),
            ("sampler".to_string(), Static::None),
            n("at_least", 2.0),
            ("published".to_string(), Static::Bool(false)),
        ]
    };
    let equal = || ("pooling".to_string(), word("equal"));
    let drawn = || {
        let (estimator, new) = (("estimator".to_string(), word("pooled")), ("new_component".to_string(), word("exclude")));
        vec![n("draws", 10_000.0), estimator, new, equal()]
    };
    match op {
        "dp_mixture" => fit(),
        "generative_classification" => [fit(), vec![n("folds", 5.0), n("chains", 0.0), equal()]].concat(),
        "log_density" => vec![n("held_out", 0.0), equal()],
        "relative_entropy" => [drawn(), vec![("reference".to_string(), word("diagonal"))]].concat(),
        "kl_divergence" => drawn(),
        "sample_density" => vec![n("draws", 1000.0), equal()],
        _ => Vec::new(),
    }
}

pub(super) fn settings_of(op: &str, given: Vec<(&str, Static)>) -> Settings {
    let mut all = defaults(op);
    all.retain(|(n, _)| given.iter().all(|(g, _)| g != n));
    all.extend(given.into_iter().map(|(n, v)| (n.to_string(), v)));
    Settings(all)
}

pub(super) fn run_seeded(
    op: &str,
    seed: u64,
    settings: Vec<(&str, Static)>,
    inputs: Vec<(&str, Value)>,
) -> Result<Value, Failure> {
    let inputs = inputs.into_iter().map(|(n, v)| (n, Labelled::single(v))).collect();
    run_on(op, settings, inputs, &Quiet::default(), Stream::root(21).named(op).numbered(seed))
}

pub(super) fn run_with(
    op: &str,
    settings: Vec<(&str, Static)>,
    inputs: Vec<(&str, Labelled)>,
    cx: &dyn Context,
) -> Result<Value, Failure> {
    run_on(op, settings, inputs, cx, Stream::root(21).named(op))
}

fn run_on(
    op: &str,
    settings: Vec<(&str, Static)>,
    inputs: Vec<(&str, Labelled)>,
    cx: &dyn Context,
    stream: Stream,
) -> Result<Value, Failure> {
    let all = kernels();
    let kernel = &all.iter().find(|(n, _)| *n == op).expect("a kernel of that name").1;
    let job = Job {
        op: op.into(),
        settings: settings_of(op, settings),
        inputs: inputs.into_iter().map(|(n, v)| (n.to_string(), v)).collect(),
        stream,
        at: Vec::new(),
    };
    kernel.run(&job, cx)
}

pub(super) fn run(op: &str, settings: Vec<(&str, Static)>, inputs: Vec<(&str, Value)>) -> Result<Value, Failure> {
    run_with(op, settings, inputs.into_iter().map(|(n, v)| (n, Labelled::single(v))).collect(), &Quiet::default())
}

pub(super) fn class(index: usize) -> Static {
    Static::Make(
        "at".into(),
        vec![
            ("axis".into(), word("class")),
            ("role".into(), word("class")),
            ("name".into(), Static::Text(format!("c{index}"))),
            ("index".into(), Static::Number(index as f64)),
        ],
    )
}

pub(super) fn sampler(name: &str, passes: f64, burn_in: f64, chains: f64) -> Static {
    started(name, passes, burn_in, chains, "dispersed")
}

pub(super) fn started(name: &str, passes: f64, burn_in: f64, chains: f64, start: &str) -> Static {
    let n = |k: &str, v: f64| (k.to_string(), Static::Number(v));
    let all = [("thin", 2.0), ("block", 4.0), ("proposals", 1.0), ("scans", 4.0), ("every", 5.0), ("heated", 0.0)];
    let mut fields = vec![n("passes", passes), n("burn_in", burn_in), n("chains", chains), ("start".to_string(), word(start))];
    fields.extend(all.map(|(k, v)| n(k, v)));
    Static::Make(name.into(), fields)
}

/// Returns two classes of n rows each: one Gaussian, one of two lumps.
pub(super) fn stages(n: usize, d: usize) -> Stages {
    let mut rng = Stream::root(1).named("rows").rng();
    let x = Array2::from_shape_fn((2 * n, d), |(i, j)| {
        let e: f64 = StandardNormal.sample(&mut rng);
        let lump = if i % 2 == 1 && i % 4 == 1 { 6.0 } else { 0.0 };
        e * (1.0 + j as f64) + 10.0 * (i % 2) as f64 + lump
    });
    Stages {
        x,
        ids: Arc::new((100..100 + 2 * n as u32).collect()),
        labels: Arc::new((0..2 * n as u32).map(|i| i % 2).collect()),
        classes: vec!["c0".into(), "c1".into()],
        numbered: false,
        notes: Vec::new(),
    }
}

pub(super) fn wrap(s: &Stages) -> Value {
    Value::Stages(Arc::new(s.clone()))
}

pub(super) fn fitted(s: &Stages, c: usize, method: &str, chains: f64) -> Value {
    run("dp_mixture", vec![("by", class(c)), ("sampler", sampler(method, 60.0, 20.0, chains))], vec![("x", wrap(s))])
        .expect("fits")
}

pub(super) fn number(v: &Value) -> Number {
    if let Value::Number(n) = v { n.clone() } else { panic!("{v:?} is no number") }
}

#[test]
fn densities_are_fitted_scored_and_measured() {
    let s = stages(60, 3);
    let both: Vec<Value> = (0..2).map(|c| fitted(&s, c, "gibbs", 2.0)).collect();
    let axis = LabelledAxis {
        name: "class".into(),
        role: "class".into(),
        coordinates: vec!["c0".into(), "c1".into()],
        ..LabelledAxis::default()
    };
    let inputs = || vec![("p", Labelled { axes: vec![axis.clone()], values: both.clone() }), ("x", Labelled::single(wrap(&s)))];
    let Ok(Value::Scores(own)) = run_with("log_density", vec![], inputs(), &Quiet::default()) else { panic!("scores") };
    assert!(own.values.iter().all(|v| v.is_finite()));
    let held = run_with("log_density", vec![("held_out", Static::Number(4.0))], inputs(), &Quiet::default());
    let Ok(Value::Scores(held)) = held else { panic!("held out: {held:?}") };
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (a, b) = (mean(&own.values), mean(&held.values));
    assert!(b < a && b > a - 1.5, "held out {b} lies below training {a}, not far");
    let under = run_with("log_density", vec![("under", class(0))], inputs(), &Quiet::default());
    let Ok(Value::Scores(under)) = under else { panic!("under") };
    for (i, label) in s.labels.iter().enumerate() {
        if *label == 0 { assert_eq!(under.values[i], own.values[i]) } else { assert!(under.values[i] < own.values[i]) }
    }
    let re = |c: usize| {
        number(&run("relative_entropy", vec![("draws", Static::Number(4000.0))], vec![("p", both[c].clone())]).expect("number"))
    };
    let (gauss, lumps) = (re(0), re(1));
    assert!(gauss.value < 0.7 && lumps.value > gauss.value + 0.2, "{gauss:?} {lumps:?}");
    assert!(gauss.error.is_some_and(|e| e > 0.0 && e < 0.2));
    let upper = run(
        "relative_entropy",
        vec![("draws", Static::Number(4000.0)), ("estimator", Static::Word("per_state".into()))],
        vec![("p", both[1].clone())],
    );
    assert!(number(&upper.expect("number")).value > lumps.value - 0.1);
    let kl =
        run("kl_divergence", vec![("draws", Static::Number(2000.0))], vec![("p", both[0].clone()), ("against", both[1].clone())]);
    assert!(number(&kl.expect("number")).value > 3.0);
    let same =
        run("kl_divergence", vec![("draws", Static::Number(2000.0))], vec![("p", both[0].clone()), ("against", both[0].clone())]);
    assert_eq!(number(&same.expect("number")).value, 0.0);
    for op in ["density_summary", "diagnose", "mixing", "trace", "co_clustering"] {
        run(op, vec![], vec![("p", both[0].clone())]).expect(op);
    }
    let Ok(Value::Stages(draws)) = run("sample_density", vec![("draws", Static::Number(5000.0))], vec![("p", both[1].clone())])
    else {
        panic!("draws")
    };
    let column = |x: &Array2<f64>, keep: &dyn Fn(usize) -> bool| {
        let v: Vec<f64> = (0..x.nrows()).filter(|i| keep(*i)).map(|i| x[[i, 0]]).collect();
        mean(&v)
    };
    let (drawn, data) = (column(&draws.x, &|_| true), column(&s.x, &|i| s.labels[i] == 1));
    assert!((drawn - data).abs() < 0.4, "mean of draws {drawn}, of rows {data}");
}

#[test]
fn predictive_densities_integrate_to_one_and_equal_their_definition() {
    let s = stages(30, 1);
    for method in ["gibbs", "split_merge", "block_gibbs"] {
        let Value::Pack(pack) = fitted(&s, 1, method, 1.0) else { panic!("a pack") };
        let p = Posterior::unpack(&pack).expect("reads back");
        assert_eq!(p.pack(), *pack, "a pack survives reading");
        let predictive = Predictive::new(&p);
        let grid: Vec<f64> = (0..400_000).map(|i| (i as f64 - 200_000.0) * 0.01).collect();
        let total: f64 = predictive.log_density(&grid).iter().map(|l| l.exp() * 0.01).sum();
        assert!((total - 1.0).abs() < 2e-3, "{method}: {total}");
        // The definition, state by state, from the closed forms.
        let (niw, data) = (p.niw(), p.observations());
        for x in [-3.0, 9.0, 14.5, 40.0] {
            let y = p.frame.whiten(&[x]);
            let mut sum = 0.0;
            for kept in p.kept() {
                let k = kept.z.iter().max().map_or(0, |m| m + 1);
                let mut total = kept.alpha * niw.log_predictive(0, 0.0, y[0] * y[0]).exp();
                for c in 0..k {
                    let rows: Vec<&[f64]> = (0..data.n).filter(|i| kept.z[*i] == c).map(|i| data.row(i)).collect();
                    let mut part = super::super::component::Component::empty(&niw);
                    part.rebuild(&niw, rows.iter().copied());
                    let q = part.quadratic(&y, &mut vec![0.0; data.dp]);
                    total += rows.len() as f64 * niw.log_predictive(rows.len(), part.log_det, q).exp();
                }
                sum += total / (data.n as f64 + kept.alpha);
            }
            let expected = (sum / p.states() as f64).ln() - p.frame.log_volume;
            let got = predictive.log_density(&[x])[0];
            assert!((got - expected).abs() < 1e-10, "{method} at {x}: {got} against {expected}");
        }
    }
}

#[test]
fn where_no_sampler_is_given_the_published_code_s_is_taken_if_asked_for() {
    let read = |published: bool, sampler: Option<Static>| {
        let mut given = vec![("published", Static::Bool(published))];
        given.extend(sampler.map(|s| ("sampler", s)));
        let s = Fit::of(&FitSettings::read(&settings_of("dp_mixture", given))).expect("sound").setup;
        (s.method, s.passes, s.burn_in, s.thin, s.chains, s.until.budget)
    };
    assert_eq!(read(true, None), (Method::Block(4), 400, 320, 4, 1, None));
    assert_eq!(read(false, None), (Method::MergeSplit { proposals: 1, every: 1 }, 2000, 1000, 50, 4, Some(8000)));
    assert_eq!(read(true, Some(sampler("gibbs", 60.0, 20.0, 2.0))), (Method::Gibbs, 60, 20, 2, 2, None));
    // The base measure, too, is the published one then.
    let unsaid = |published: bool| {
        let given = vec![("published", Static::Bool(published)), ("prior", Static::None)];
        Fit::of(&FitSettings::read(&settings_of("dp_mixture", given))).expect("sound")
    };
    assert_eq!((unsaid(true).kappa, unsaid(true).learns()), (0.01, false));
    assert_eq!((unsaid(false).kappa, unsaid(false).learns()), (0.05, true));
    let both = vec![("published", Static::Bool(true)), ("prior", prior("hierarchical"))];
    let problem = Fit::of(&FitSettings::read(&settings_of("dp_mixture", both))).expect_err("a learned measure was not published");
    assert_eq!(problem.parameter, Some("prior"));
    let again = Fit::from_json(&unsaid(false).to_json()).expect("kept settings are read");
    assert_eq!(again, unsaid(false));
    // The library says the same.
    let text = include_str!("../../../../stdlib/density.cfx");
    for lengths in [
        "passes: int = 2000, burn_in: int = 1000, thin: int = 50, chains: int = 4",
        "proposals: int = 1, every: int = 1, heated: int = 0\n)",
        "by default `merge_split(budget: 8k)`",
        "variant prior = hierarchical(kappa: real = 0.05, components: int = 6)",
        "passes: int = 400, burn_in: int = 320, thin: int = 4, chains: int = 1",
    ] {
        assert!(text.contains(lengths), "{lengths}");
    }
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    let s = stages(40, 4);
    let results: Vec<(Value, Value)> = [1, 2, 8]
        .into_iter()
        .map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
            pool.install(|| {
                let p = fitted(&s, 1, "gibbs", 3.0);
                let scores = run("log_density", vec![], vec![("p", p.clone()), ("x", wrap(&s))]).expect("scores");
                (p, scores)
            })
        })
        .collect();
    for (p, scores) in &results[1..] {
        let (Value::Pack(a), Value::Pack(b)) = (&results[0].0, p) else { panic!("packs") };
        assert_eq!(a, b);
        let (Value::Scores(a), Value::Scores(b)) = (&results[0].1, scores) else { panic!("scores") };
        let bits = |v: &[f64]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&a.values), bits(&b.values));
    }
}

#[test]
fn generative_classification_tells_separate_classes_apart() {
    let s = stages(40, 2);
    let settings = |published| {
        vec![
            ("sampler", sampler("block_gibbs", 30.0, 20.0, 1.0)),
            ("folds", Static::Number(4.0)),
            ("published", Static::Bool(published)),
        ]
    };
    for published in [false, true] {
        let Ok(Value::Record(parts)) = run("generative_classification", settings(published), vec![("x", wrap(&s))]) else {
            panic!("a record")
        };
        let (f, accuracy) = (number(&parts[0].1), number(&parts[1].1));
        assert!(f.value > 0.95 && accuracy.value > 0.95 && accuracy.count == Some(80), "{f:?} {accuracy:?}");
        // All 80 right still leaves 1/84 or so of doubt.
        let least = crate::base::statistics::share_error(1.0, 80.0);
        assert!((least - (82.0f64 / 84.0 * (2.0 / 84.0) / 84.0).sqrt()).abs() < 1e-15);
        assert!(f.error >= Some(least - 1e-12) && accuracy.error >= Some(least - 1e-12), "{f:?} {accuracy:?}");
    }
    assert!((super::classify::weighted_f_score(&[(0, 0), (0, 1), (1, 1), (1, 1)]) - (2.0 / 3.0 + 0.8) / 2.0).abs() < 1e-12);
}

#[test]
fn odd_data_have_defined_results() {
    let one = |x: Array2<f64>, extra: Vec<(&str, Static)>| {
        let n = x.nrows() as u32;
        let s = Stages {
            x,
            ids: Arc::new((0..n).collect()),
            labels: Arc::new(vec![0; n as usize]),
            classes: vec!["a".into()],
            numbered: false,
            notes: vec![],
        };
        let mut settings = vec![("sampler", sampler("gibbs", 40.0, 20.0, 1.0))];
        settings.extend(extra);
        let p = run("dp_mixture", settings, vec![("x", wrap(&s))])?;
        let Value::Scores(scores) = run("log_density", vec![], vec![("p", p.clone()), ("x", wrap(&s))])? else {
            panic!("scores")
        };
        assert!(scores.values.iter().all(|v| v.is_finite()), "{:?}", scores.values);
        Ok(p)
    };
    let wave = |i: usize, j: usize| ((i * 7 + j * 3) as f64).sin();
    one(Array2::from_shape_fn((30, 3), |(i, j)| if j == 1 { 4.0 } else { wave(i, j) }), vec![]).expect("a constant dimension");
    one(Array2::from_shape_fn((30, 3), |(i, j)| wave(i % 3, j)), vec![]).expect("duplicates");
    one(Array2::from_shape_fn((5, 20), |(i, j)| wave(i, j)), vec![]).expect("more dimensions than rows");
    one(Array2::from_shape_fn((2, 2), |(i, j)| wave(i, j)), vec![]).expect("two rows");
    one(Array2::from_shape_fn((30, 2), |(i, j)| wave(i, j) * 1e150), vec![]).expect("huge numbers");
    one(Array2::from_shape_fn((30, 2), |(i, j)| wave(i, j) * 1e-150), vec![]).expect("tiny numbers");
    one(Array2::from_shape_fn((30, 2), |(i, j)| wave(i, j) * if j == 0 { 1e100 } else { 1e-100 }), vec![]).expect("both");
    for shape in ["diagonal", "spherical", "hierarchical"] {
        let prior = || vec![("prior", prior(shape))];
        one(Array2::from_shape_fn((30, 3), |(i, j)| if j == 1 { 4.0 } else { wave(i, j) }), prior())
            .expect("a constant dimension");
        one(Array2::from_shape_fn((30, 3), |(i, j)| wave(i % 3, j)), prior()).expect("duplicates");
        one(Array2::from_shape_fn((5, 20), |(i, j)| wave(i, j)), prior()).expect("more dimensions than rows");
        one(Array2::from_shape_fn((30, 2), |(i, j)| wave(i, j) * 1e150), prior()).expect("huge numbers");
        one(Array2::from_shape_fn((30, 2), |(i, j)| wave(i, j) * 1e-150), prior()).expect("tiny numbers");
        one(Array2::from_shape_fn((40, 2), |(i, j)| wave(i, j) + if i == 0 { 1e9 } else { 0.0 }), prior()).expect("an outlier");
    }
    one(Array2::from_shape_fn((40, 2), |(i, j)| wave(i, j) + if i == 0 { 1e9 } else { 0.0 }), vec![]).expect("an outlier");
    let fixed = || vec![("prior", prior("niw_fixed")), ("at_least", Static::Number(1.0))];
    one(Array2::from_shape_fn((1, 3), |(i, j)| wave(i, j)), fixed()).expect("one row under a given prior");
    let absent = one(Array2::from_shape_fn((1, 3), |(i, j)| wave(i, j)), vec![]);
    assert!(matches!(absent, Err(Failure::Absent(_))), "{absent:?}");
    for bad in [f64::NAN, f64::INFINITY] {
        let got = one(Array2::from_shape_fn((9, 2), |(i, j)| if (i, j) == (4, 1) { bad } else { wave(i, j) }), vec![]);
        let Err(Failure::Failed { message, .. }) = got else { panic!("{got:?}") };
        assert!(message.contains("column 1") && message.contains("id 4"), "{message}");
    }
    let equal = one(Array2::from_elem((9, 2), 3.3), vec![]);
    assert!(matches!(equal, Err(Failure::Absent(_))), "{equal:?}");
    let full = vec![("prior", prior("niw_full"))];
    assert!(matches!(one(Array2::from_shape_fn((5, 20), |(i, j)| wave(i, j)), full), Err(Failure::Absent(_))));
}

/// Stops after some polls, and keeps the checkpoint.
pub(super) struct Stopping {
    polls: Mutex<u64>,
    kept: Mutex<Option<Vec<u8>>>,
    files: crate::plan::files::Files,
}

impl Stopping {
    pub(super) fn after(polls: u64) -> Stopping {
        let files = crate::plan::files::Files::new(std::path::Path::new("."), &[]);
        Stopping { polls: Mutex::new(polls), kept: Mutex::new(None), files }
    }

    /// Continues, and stops after `polls` further polls.
    pub(super) fn again(&self, polls: u64) {
        *self.polls.lock().expect("unpoisoned") = polls;
    }

    /// Returns whether a checkpoint was left.
    pub(super) fn left(&self) -> bool {
        self.kept.lock().expect("unpoisoned").is_some()
    }
}

impl Context for Stopping {
    fn interrupted(&self) -> bool {
        let mut polls = self.polls.lock().expect("unpoisoned");
        *polls = polls.saturating_sub(1);
        *polls == 0
    }
    fn progress(&self, _done: u64, _total: u64, _figures: &[(&str, f64)]) {}
    fn restore(&self) -> Option<Vec<u8>> {
        self.kept.lock().expect("unpoisoned").clone()
    }
    fn checkpoint(&self, bytes: &[u8]) {
        *self.kept.lock().expect("unpoisoned") = Some(bytes.to_vec());
    }
    fn checkpoint_due(&self) -> bool {
        false
    }
    fn files(&self) -> &crate::plan::files::Files {
        &self.files
    }
}

#[test]
fn a_stopped_fit_goes_on_to_the_same_result() {
    let s = stages(50, 3);
    let settings = || vec![("by", class(1)), ("sampler", sampler("gibbs", 200.0, 100.0, 2.0))];
    let inputs = || vec![("x", Labelled::single(wrap(&s)))];
    let Ok(Value::Pack(whole)) = run_with("dp_mixture", settings(), inputs(), &Quiet::default()) else { panic!("fits") };
    let cx = Stopping::after(230);
    let stopped = run_with("dp_mixture", settings(), inputs(), &cx);
    assert!(matches!(stopped, Err(Failure::Interrupted)), "{stopped:?}");
    assert!(cx.left(), "a checkpoint was left");
    cx.again(u64::MAX);
    let Ok(Value::Pack(resumed)) = run_with("dp_mixture", settings(), inputs(), &cx) else { panic!("resumes") };
    assert_eq!(whole, resumed);
}

#[test]
fn chains_are_a_store_of_their_passes_after_burn_in() {
    use super::super::zarr::{draws, inference_data};
    let s = stages(30, 2);
    let Value::Pack(pack) = fitted(&s, 1, "gibbs", 3.0) else { panic!("a pack") };
    let series = Posterior::unpack(&pack).expect("reads back").series(0);
    let words = |a: &str, b: &str| crate::base::Coordinates::of(&[a.to_string(), b.to_string()], "class");
    let axes = vec![("class".to_string(), words("a", "é?"))];
    let store = inference_data(&axes, &[None, draws(&pack)], 1 << 20).expect("draws");
    let file = |path: &str| &store.iter().find(|f| f.0 == path).expect(path).1;
    let about: serde_json::Value = serde_json::from_slice(file("posterior/alpha/.zarray")).expect("JSON");
    assert_eq!((&about["shape"], &about["dtype"]), (&serde_json::json!([3, 40, 2]), &serde_json::json!("<f8")));
    let numbers: Vec<f64> = file("posterior/alpha/0.0.0").as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
    for (c, t) in [(0, 0), (1, 7), (2, 39)] {
        let at = (c * 40 + t) * 2;
        assert!(numbers[at].is_nan() && numbers[at + 1] == series[c][t], "chain {c} pass {t}");
    }
    assert_eq!(file("posterior/class/0").len(), 2 * 2 * 4, "two names of two letters");
    let whole: serde_json::Value = serde_json::from_slice(file(".zmetadata")).expect("JSON");
    for (path, bytes) in store.iter().filter(|f| f.0.contains(".z") && f.0 != ".zmetadata") {
        assert_eq!(whole["metadata"][path], serde_json::from_slice::<serde_json::Value>(bytes).expect("JSON"), "{path}");
    }
    assert!(inference_data(&axes, &[None, None], 1 << 20).is_none());
    // Partitions: -1 where there is no cell, the components of kept states where there is one; ids beside.
    let posterior = Posterior::unpack(&pack).expect("reads back");
    let about: serde_json::Value = serde_json::from_slice(file("partitions/component/.zarray")).expect("JSON");
    let states = posterior.chains[0].kept.len();
    assert_eq!((&about["shape"], &about["dtype"]), (&serde_json::json!([3, states, 2, 30]), &serde_json::json!("<i4")));
    let whole = file("partitions/component/0.0.0.0").as_chunks::<4>().0;
    let component =
        |c: usize, s: usize, cell: usize, row: usize| i32::from_le_bytes(whole[((c * states + s) * 2 + cell) * 30 + row]);
    for row in 0..30 {
        assert_eq!(component(2, 1, 0, row), -1);
        assert_eq!(component(2, 1, 1, row), posterior.chains[2].kept[1].z[row] as i32);
    }
    let ids = file("partitions/id/0.0").as_chunks::<8>().0;
    assert_eq!((i64::from_le_bytes(ids[0]), i64::from_le_bytes(ids[31])), (-1, i64::from(posterior.ids[1])));
    let after = file("partitions/after_draw/0.0").as_chunks::<8>().0;
    let kept: Vec<i64> = after.iter().map(|b| i64::from_le_bytes(*b)).collect();
    assert_eq!(kept, (0..states as i64).flat_map(|s| [-1, s * posterior.fit.setup.thin as i64]).collect::<Vec<_>>());
    // Coordinates that are whole numbers are whole numbers; partitions that are too large stay in the store.
    let store = inference_data(&[("class".to_string(), words("0", "7"))], &[None, draws(&pack)], 100).expect("draws");
    let class = store.iter().find(|f| f.0 == "posterior/class/0").expect("class");
    assert_eq!(i64::from_le_bytes(class.1.as_chunks::<8>().0[1]), 7);
    assert!(!store.iter().any(|f| f.0.starts_with("partitions")));
    // With a folder named, the store is left there, for ArviZ to be tried on.
    if let Some(folder) = std::env::var_os("CFX_KEEP_STORE") {
        for (path, bytes) in &store {
            let to = std::path::Path::new(&folder).join(path);
            std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
            std::fs::write(to, bytes).expect("written");
        }
    }
}
