//! Whole runs: training, stopping and going on, threads, taps and measures.

use super::build::{Builder, bars, part, residual};
use super::complete;
use crate::base::Stream;
use crate::engine::kernel::{Job, Labelled, Quiet};
use crate::engine::value::{Dataset, Model};
use crate::engine::{Context, Failure, Kernel, Value};
use crate::lang::net::ir::{LayerOp, Net, Source};
use crate::lang::{Settings, Static};
use crate::ops::nn::kernels;
use crate::ops::nn::rate::Rate;
use crate::plan::files::Files;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub fn kernel(name: &str) -> Box<dyn Kernel> {
    kernels().into_iter().find(|(n, _)| *n == name).map(|(_, k)| k).unwrap()
}

pub fn make(name: &str, fields: &[(&str, Static)]) -> Static {
    complete::make(name, fields.iter().map(|(n, v)| (n.to_string(), v.clone())).collect())
}

/// Returns a job; what is not given is what the library says.
pub fn job(op: &str, inputs: Vec<(&str, Value)>, given: &[(&str, Static)], seed: u64) -> Job {
    Job {
        op: op.into(),
        settings: complete::complete(op, given.iter().map(|(n, v)| (n.to_string(), v.clone())).collect()),
        inputs: inputs.into_iter().map(|(n, v)| (n.to_string(), Labelled::single(v))).collect(),
        stream: Stream::root(seed),
        at: vec![],
    }
}

/// Returns a job on a model and data.
pub fn on(op: &str, model: &Arc<Model>, data: &Arc<Dataset>, given: &[(&str, Static)], seed: u64) -> Job {
    job(op, vec![("net", Value::Model(model.clone())), ("data", Value::Dataset(data.clone()))], given, seed)
}

pub fn training(net: &Arc<Net>, data: &Arc<Dataset>, epochs: f64, extra: &[(&str, Static)]) -> Job {
    let mut settings = vec![
        ("network", Static::Net(net.clone())),
        ("epochs", Static::Number(epochs)),
        ("batch", Static::Number(16.0)),
        ("optimizer", make("sgd", &[("momentum", Static::Number(0.9)), ("nesterov", Static::Bool(true))])),
        ("rate", make("triangular", &[("peak", Static::Number(0.05)), ("rise", Static::Number(0.15))])),
        ("augment", Static::List(vec![])),
    ];
    for (name, value) in extra {
        settings.retain(|(n, _)| n != name);
        settings.push((*name, value.clone()));
    }
    job("train", vec![("data", Value::Dataset(data.clone()))], &settings, 11)
}

pub fn train(job: &Job, cx: &dyn Context) -> Result<Arc<Model>, Failure> {
    match kernel("train").run(job, cx)? {
        Value::Model(m) => Ok(m),
        other => Err(Failure::new(other.word())),
    }
}

pub fn measure(op: &str, model: &Arc<Model>, data: &Arc<Dataset>, settings: &[(&str, Static)]) -> Result<Value, Failure> {
    kernel(op).run(&on(op, model, data, settings, 1), &Quiet::default())
}

pub fn number(value: Value) -> f64 {
    match value {
        Value::Number(n) => n.value,
        other => panic!("a {}", other.word()),
    }
}

/// Everything that must come out again bit for bit.
pub fn bits(model: &Model) -> Vec<u64> {
    let weights = |w: &crate::engine::value::Weights| {
        w.iter().flat_map(|(_, _, x)| x.iter().map(|x| x.to_bits() as u64)).collect::<Vec<_>>()
    };
    let mut out = weights(&model.weights);
    model.snapshots.iter().for_each(|(e, w)| {
        out.push(*e as u64);
        out.extend(weights(w));
    });
    for name in ["epoch", "loss", "accuracy", "rate"] {
        out.extend(model.history.numbers(name).unwrap().iter().map(|x| x.to_bits()));
    }
    out
}

#[test]
fn training_reaches_all_of_a_small_set_and_generalises() {
    let all = bars(240, 8, 1);
    let (train_set, test_set) = (part(&all, 0..180), part(&all, 180..240));
    let net = residual(&[8, 8, 1], [8, 12], 3);
    let record = Static::List(vec![
        make("accuracy", &[("data", Static::Input("seen".into()))]),
        make("accuracy", &[("data", Static::Input("unseen".into()))]),
        make("loss", &[("data", Static::Input("unseen".into()))]),
        make("input_gradient", &[]),
    ]);
    let mut job = training(&net, &train_set, 6.0, &[("record", record)]);
    job.inputs.push(("seen".into(), Labelled::single(Value::Dataset(train_set.clone()))));
    job.inputs.push(("unseen".into(), Labelled::single(Value::Dataset(test_set.clone()))));
    let model = train(&job, &Quiet::default()).unwrap();
    let last = |name: &str| *model.history.numbers(name).unwrap().last().unwrap();
    assert_eq!(model.history.rows(), 6);
    assert_eq!(last("train_accuracy"), 1.0, "{:?}", model.history);
    assert!(last("test_accuracy") > 0.95);
    assert!(last("loss") < 0.1 && last("input_gradient") > 0.0);
    assert_eq!(*model.trained_on, (0..180).collect::<Vec<u32>>());
    // What was recorded is what the measures say.
    let accuracy = measure("accuracy", &model, &test_set, &[]).unwrap();
    assert_eq!(number(accuracy), last("test_accuracy"));
    assert!((number(measure("loss", &model, &test_set, &[]).unwrap()) - last("test_loss")).abs() < 1e-12);
    let gradient = number(measure("input_gradient", &model, &train_set, &[]).unwrap());
    assert!((gradient - last("input_gradient")).abs() < 1e-9 * gradient);
}

#[test]
fn the_same_bits_come_out_for_any_number_of_threads() {
    let data = bars(60, 8, 2);
    let net = residual(&[8, 8, 1], [6, 10], 3);
    let augment = Static::List(vec![
        make("crop", &[("pad", Static::Number(1.0))]),
        make("flip", &[]),
        make("gaussian_noise", &[("sigma", Static::Number(0.1))]),
    ]);
    let job = training(&net, &data, 2.0, &[("augment", augment), ("batch", Static::Number(40.0))]);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let model = train(&job, &Quiet::default()).unwrap();
            let at = make("at", &[("name", Static::Text("stage2".into()))]);
            let Ok(Value::Stages(s)) = measure("tap", &model, &data, &[("at", at), ("pool", Static::Word("mean".into()))]) else {
                panic!("a tap gives stages")
            };
            (bits(&model), s.x.iter().map(|x| x.to_bits()).collect::<Vec<_>>())
        })
    };
    let one = run(1);
    assert!(one == run(2) && one == run(8));
}

/// Stops at a given step, and hands back its checkpoint.
pub struct Stopping {
    pub after: u64,
    asked: AtomicU64,
    pub kept: std::sync::Mutex<Option<Vec<u8>>>,
    before: Option<Vec<u8>>,
    files: Files,
    device: String,
}

impl Stopping {
    pub fn new(after: u64, before: Option<Vec<u8>>) -> Self {
        Stopping::on("cpu", after, before)
    }

    /// Has networks run on a device.
    pub fn on(device: &str, after: u64, before: Option<Vec<u8>>) -> Self {
        let files = Files::new(std::path::Path::new("."), &[]);
        Stopping { after, asked: AtomicU64::new(0), kept: Default::default(), before, files, device: device.to_string() }
    }
}

impl Context for Stopping {
    fn interrupted(&self) -> bool {
        self.asked.fetch_add(1, Ordering::SeqCst) >= self.after
    }
    fn progress(&self, _done: u64, _total: u64, _figures: &[(&str, f64)]) {}
    fn restore(&self) -> Option<Vec<u8>> {
        self.before.clone()
    }
    fn checkpoint(&self, bytes: &[u8]) {
        *self.kept.lock().unwrap() = Some(bytes.to_vec());
    }
    fn checkpoint_due(&self) -> bool {
        false
    }
    fn files(&self) -> &Files {
        &self.files
    }
    fn device(&self) -> &str {
        &self.device
    }
}

/// A network whose steps draw: with dropout.
pub fn dropping() -> Arc<Net> {
    let mut b = Builder::new(&[8, 8, 1]);
    let x = b.conv(Source::Input, 4, 3, 2);
    let x = b.norm(x);
    let x = b.add(LayerOp::Relu, &[x]);
    let x = b.add(LayerOp::Flatten, &[x]);
    let x = b.add(LayerOp::Dropout { rate: 0.3 }, &[x]);
    b.linear(x, 3);
    b.finish()
}

#[test]
fn a_stopped_training_goes_on_bit_for_bit() {
    let data = bars(50, 8, 3);
    let net = dropping();
    for optimizer in [make("sgd", &[("momentum", Static::Number(0.9))]), make("adamw", &[])] {
        let snapshots = Static::List(vec![Static::Number(0.0), Static::Number(1.0), Static::Number(3.0)]);
        let record = Static::List(vec![make("accuracy", &[("data", Static::Input("data".into()))])]);
        let extra = [("optimizer", optimizer), ("snapshots", snapshots), ("record", record), ("rate", Static::Number(0.01))];
        let job = training(&net, &data, 3.0, &extra);
        let whole = train(&job, &Quiet::default()).unwrap();
        assert_eq!(whole.snapshots.iter().map(|s| s.0).collect::<Vec<_>>(), [0, 1, 3]);
        for after in [0, 2, 4, 5, 6, 11] {
            let first = Stopping::new(after, None);
            assert_eq!(train(&job, &first).unwrap_err(), Failure::Interrupted);
            let bytes = first.kept.lock().unwrap().clone();
            let second = Stopping::new(3, bytes);
            let end = match train(&job, &second) {
                Err(Failure::Interrupted) => {
                    let bytes = second.kept.lock().unwrap().clone();
                    train(&job, &Stopping::new(u64::MAX, bytes)).unwrap()
                }
                other => other.unwrap(),
            };
            assert!(bits(&end) == bits(&whole), "stopped after {after} questions");
        }
        // A broken checkpoint means starting over, not a wrong result.
        let first = Stopping::new(4, None);
        assert!(train(&job, &first).is_err());
        let mut bytes = first.kept.lock().unwrap().clone().unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        assert!(bits(&train(&job, &Stopping::new(u64::MAX, Some(bytes))).unwrap()) == bits(&whole));
    }
}

#[test]
fn a_rate_too_high_ends_in_a_sentence() {
    let data = bars(40, 8, 4);
    let mut b = Builder::new(&[8, 8, 1]);
    let x = b.add(LayerOp::Flatten, &[Source::Input]);
    let x = b.linear(x, 20);
    let x = b.linear(x, 20);
    b.linear(x, 3);
    let job = training(&b.finish(), &data, 20.0, &[("rate", Static::Number(1e9))]);
    match train(&job, &Quiet::default()) {
        Err(Failure::Failed { message, help }) => {
            assert!(message.starts_with("training diverged at epoch 1, step "), "{message}");
            assert!(help.unwrap().contains("lower the rate"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_single_leftover_example_sits_out_under_batch_normalisation_only() {
    let data = bars(33, 8, 5);
    let with = residual(&[8, 8, 1], [2, 2], 3);
    assert!(train(&training(&with, &data, 1.0, &[]), &Quiet::default()).is_ok());
    let recipe = |net: &Arc<Net>| crate::ops::nn::settings::Recipe::parse(&training(net, &data, 1.0, &[]).settings).unwrap();
    assert_eq!(recipe(&with).batches(33), [16, 16]);
    assert_eq!(recipe(&with).batches(35), [16, 16, 3]);
    let mut b = Builder::new(&[8, 8, 1]);
    let x = b.add(LayerOp::Flatten, &[Source::Input]);
    b.linear(x, 3);
    assert_eq!(recipe(&b.finish()).batches(33), [16, 16, 1]);
    let one = part(&data, 0..1);
    assert!(matches!(train(&training(&with, &one, 1.0, &[]), &Quiet::default()), Err(Failure::Failed { .. })));
}

#[test]
fn taps_pool_as_they_say() {
    let data = bars(20, 8, 6);
    let net = residual(&[8, 8, 1], [4, 6], 3);
    let model = train(&training(&net, &data, 1.0, &[]), &Quiet::default()).unwrap();
    let tap = |pool: Static| {
        let at = make("at", &[("name", Static::Text("stage2".into()))]);
        match measure("tap", &model, &data, &[("at", at), ("pool", pool)]) {
            Ok(Value::Stages(s)) => s,
            other => panic!("{other:?}"),
        }
    };
    let (all, mean, max) = (tap(Static::Word("none".into())), tap(Static::Word("mean".into())), tap(Static::Word("max".into())));
    assert_eq!((all.x.dim(), mean.x.dim(), max.x.dim()), ((20, 96), (20, 6), (20, 6)));
    for row in 0..20 {
        for unit in 0..6 {
            // Not pooled, a channel's positions lie together.
            let positions: Vec<f64> = (0..16).map(|p| all.x[[row, unit * 16 + p]]).collect();
            assert!((positions.iter().sum::<f64>() / 16.0 - mean.x[[row, unit]]).abs() < 1e-9);
            assert_eq!(positions.iter().copied().fold(f64::MIN, f64::max), max.x[[row, unit]]);
        }
    }
    assert_eq!(mean.ids, data.ids);
    let wrong = measure("tap", &model, &data, &[("at", make("at", &[("name", Static::Text("stage9".into()))]))]);
    assert!(matches!(wrong, Err(Failure::Failed { help: Some(help), .. }) if help.contains("stage1, stage2")));
}

#[test]
fn measures_agree_with_each_other() {
    let data = bars(90, 8, 7);
    let net = residual(&[8, 8, 1], [2, 3], 3);
    let model = train(&training(&net, &data, 1.0, &[]), &Quiet::default()).unwrap();
    let accuracy = number(measure("accuracy", &model, &data, &[]).unwrap());
    let Ok(Value::Scores(correct)) = measure("correct", &model, &data, &[]) else { panic!("scores") };
    assert!((correct.values.iter().sum::<f64>() / 90.0 - accuracy).abs() < 1e-12);
    let Ok(Value::Table(table)) = measure("confusion", &model, &data, &[]) else { panic!("a table") };
    let counts = table.numbers("count").unwrap();
    assert_eq!(counts.iter().sum::<f64>(), 90.0);
    assert!(((counts[0] + counts[4] + counts[8]) / 90.0 - accuracy).abs() < 1e-12);
}

#[test]
fn f_scores_are_those_of_scikit_learn() {
    // sklearn.metrics.f1_score([0,0,0,1,1,2,2,2,2], [0,0,1,1,2,2,2,0,4], average=...), scikit-learn 1.7
    let (labels, predicted) = ([0, 0, 0, 1, 1, 2, 2, 2, 2], [0, 0, 1, 1, 2, 2, 2, 0, 4]);
    assert!((crate::base::f_score::f_score(&labels, &predicted, false, 1).0 - 0.587_301_587_301_587_3).abs() < 1e-12);
    assert!((crate::base::f_score::f_score(&labels, &predicted, true, 1).0 - 0.434_523_809_523_809_5).abs() < 1e-12);
}

#[test]
fn rates_rise_and_fall_as_written() {
    let rate = Rate::parse(&make("triangular", &[("peak", Static::Number(0.4)), ("rise", Static::Number(0.15))])).unwrap();
    assert_eq!(rate.at(0, 1000, 0), 1e-6);
    assert!((rate.at(150, 1000, 0) - 0.4).abs() < 1e-12 && (rate.at(75, 1000, 0) - 0.2).abs() < 1e-6);
    assert!((rate.at(575, 1000, 0) - 0.2).abs() < 1e-6 && rate.at(999, 1000, 0) < 0.0006);
    let cosine = Rate::parse(&make("cosine", &[("peak", Static::Number(1.0)), ("warmup", Static::Number(0.5))])).unwrap();
    assert!((cosine.at(25, 100, 0) - 0.5).abs() < 1e-12 && (cosine.at(75, 100, 0) - 0.5).abs() < 1e-12);
    let at = Static::List(vec![Static::Number(2.0), Static::Number(4.0)]);
    let step = Rate::parse(&make("step", &[("start", Static::Number(1.0)), ("at", at)])).unwrap();
    assert_eq!([0, 1, 2, 3].map(|e| step.at(0, 1, e)), [1.0, 1.0, 0.1, 0.1]);
    assert!(Rate::parse(&Static::Number(-1.0)).is_err() && Rate::parse(&Static::Number(f64::NAN)).is_err());
}

#[test]
fn snapshots_are_the_weights_of_their_epoch() {
    let data = bars(90, 8, 8);
    let kept = Static::List(vec![Static::Number(1.0)]);
    let job = training(&residual(&[8, 8, 1], [4, 6], 3), &data, 4.0, &[("snapshots", kept)]);
    let model = train(&job, &Quiet::default()).unwrap();
    let job = |epoch: f64| Job {
        op: "snapshot".into(),
        settings: Settings(vec![("epoch".into(), Static::Number(epoch))]),
        inputs: vec![("m".into(), Labelled::single(Value::Model(model.clone())))],
        stream: Stream::root(1),
        at: vec![],
    };
    let Ok(Value::Model(early)) = kernel("snapshot").run(&job(1.0), &Quiet::default()) else { panic!("a model") };
    // The same training stopped after one epoch would have another schedule; the weights are those kept on the way.
    assert_eq!(early.weights, model.snapshots[0].1);
    assert_eq!(early.history.rows(), 1);
    assert!(number(measure("loss", &early, &data, &[]).unwrap()) > number(measure("loss", &model, &data, &[]).unwrap()));
    assert!(matches!(kernel("snapshot").run(&job(2.0), &Quiet::default()), Err(Failure::Failed { help: Some(_), .. })));
}
