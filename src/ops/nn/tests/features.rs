//! Early stops, frozen parts, starting from a trained model, and going on bit for bit with all of them.

use super::build::{Builder, bars, residual};
use super::running::{Stopping, bits, kernel, make, train, training};
use crate::base::Stream;
use crate::engine::kernel::{Job, Labelled, Quiet};
use crate::engine::value::Model;
use crate::engine::{Context, Failure, Value};
use crate::lang::net::ir::{LayerOp, Source};
use crate::lang::{Settings, Static};
use crate::ops::nn::settings::{Recipe, Stop};
use std::sync::Arc;

fn number(x: f64) -> Static {
    Static::Number(x)
}

fn words(list: &[&str]) -> Static {
    Static::List(list.iter().map(|w| Static::Word(w.to_string())).collect())
}

fn weights<'a>(model: &'a Model, name: &str) -> &'a [f32] {
    &model.weights.iter().find(|(n, _, _)| n == name).unwrap().2
}

#[test]
fn rules_for_stopping_look_back_only() {
    let patience = |epochs: f64, improvement: f64, column: &str| {
        let fields = [("epochs", number(epochs)), ("improvement", number(improvement)), ("column", Static::Word(column.into()))];
        Stop::parse(&make("patience", &fields)).unwrap().unwrap()
    };
    let losses = [3.0, 2.0, 2.5, 1.95, 2.1];
    let first = |stop: &Stop| (1..=losses.len()).find(|n| stop.met(&losses[..*n]));
    assert_eq!(first(&patience(2.0, 0.0, "loss")), None);
    assert_eq!(first(&patience(2.0, 0.1, "test_loss")), Some(4));
    assert_eq!(first(&patience(1.0, 0.0, "loss")), Some(3));
    assert_eq!(first(&patience(1.0, 0.0, "test_accuracy")), Some(2));
    let when = |reaches: f64, column: &str| {
        Stop::parse(&make("when", &[("reaches", number(reaches)), ("column", Static::Word(column.into()))])).unwrap().unwrap()
    };
    assert_eq!(first(&when(2.0, "loss")), Some(2));
    assert_eq!(first(&when(2.4, "epoch")), Some(1));
    assert!(!when(2.0, "loss").met(&[]));
    assert!(Stop::parse(&make("patience", &[("epochs", number(0.0))])).is_err());
}

#[test]
fn training_ends_early_and_later_snapshots_are_absent() {
    let data = bars(90, 8, 1);
    let net = residual(&[8, 8, 1], [4, 6], 3);
    let stop = make("when", &[("reaches", number(0.95)), ("column", Static::Word("accuracy".into()))]);
    let snapshots = Static::List(vec![number(1.0), number(12.0)]);
    let model = train(&training(&net, &data, 12.0, &[("stop", stop), ("snapshots", snapshots)]), &Quiet::default()).unwrap();
    let accuracy = model.history.numbers("accuracy").unwrap();
    assert!(accuracy.len() < 12 && accuracy.iter().position(|a| *a >= 0.95) == Some(accuracy.len() - 1), "{accuracy:?}");
    // Until then it is the training without the rule.
    let whole = train(&training(&net, &data, 12.0, &[]), &Quiet::default()).unwrap();
    assert_eq!(accuracy, &whole.history.numbers("accuracy").unwrap()[..accuracy.len()]);
    let snapshot = Job {
        op: "snapshot".into(),
        settings: Settings(vec![("epoch".into(), number(12.0))]),
        inputs: vec![("m".into(), Labelled::single(Value::Model(model)))],
        stream: Stream::root(1),
        at: vec![],
    };
    match kernel("snapshot").run(&snapshot, &Quiet::default()) {
        Err(Failure::Absent(why)) => assert!(why.contains("before epoch 12"), "{why}"),
        other => panic!("{other:?}"),
    }
    let stop = make("when", &[("reaches", number(0.95)), ("column", Static::Word("test_accuracy".into()))]);
    match train(&training(&net, &data, 2.0, &[("stop", stop)]), &Quiet::default()) {
        Err(Failure::Failed { help: Some(help), .. }) => assert!(help.contains("epoch, loss, accuracy, rate"), "{help}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn frozen_parts_keep_their_weights_and_statistics() {
    let data = bars(60, 8, 2);
    let net = residual(&[8, 8, 1], [4, 6], 3);
    let start = train(&training(&net, &data, 1.0, &[]), &Quiet::default()).unwrap();
    let mut job = training(&net, &data, 2.0, &[("freeze", words(&["stage1"]))]);
    job.inputs.push(("from".into(), Labelled::single(Value::Model(start.clone()))));
    let end = train(&job, &Quiet::default()).unwrap();
    // Of the builder's network, layers 0 to 8 lie before `stage1`.
    let changed: Vec<(usize, bool)> = start
        .weights
        .iter()
        .zip(end.weights.iter())
        .map(|(a, b)| (a.0[5..a.0.find('.').unwrap()].parse().unwrap(), a.2 != b.2))
        .collect();
    assert!(changed.iter().all(|(layer, changed)| *changed == (*layer > 8)), "{changed:?}");
    // A tap after another stands for what lies between them; a path for itself.
    let frozen =
        |names: &[&str]| Recipe::parse(&training(&net, &data, 1.0, &[("freeze", words(names))]).settings).map(|r| r.frozen);
    let both = frozen(&["stage1", "stage2"]).unwrap();
    let (one, two) = (frozen(&["stage1"]).unwrap(), frozen(&["stage2"]).unwrap());
    assert!((0..both.len()).all(|i| both[i] == (one[i] || two[i]) && !(one[i] && two[i])));
    assert_eq!(frozen(&["layer0"]).unwrap().iter().filter(|f| **f).count(), 1);
    assert!(frozen(&["stage7"]).unwrap_err().message.contains("stage1, stage2"));
}

#[test]
fn only_the_last_layer_of_a_model_to_start_from_may_differ() {
    let data = bars(60, 8, 3);
    let other = residual(&[8, 8, 1], [4, 6], 5);
    let start = train(&training(&other, &data, 1.0, &[]), &Quiet::default()).unwrap();
    let net = residual(&[8, 8, 1], [4, 6], 3);
    let with = |from: &Arc<Model>| {
        let mut job = training(&net, &data, 0.0, &[]);
        job.inputs.push(("from".into(), Labelled::single(Value::Model(from.clone()))));
        train(&job, &Quiet::default())
    };
    let fresh = train(&training(&net, &data, 0.0, &[]), &Quiet::default()).unwrap();
    let tuned = with(&start).unwrap();
    let head = fresh.weights.last().unwrap().0.replace(".bias", ".weight");
    assert_eq!(weights(&tuned, &head), weights(&fresh, &head));
    assert_eq!(weights(&tuned, "layer0.weight"), weights(&start, "layer0.weight"));
    let wider = train(&training(&residual(&[8, 8, 1], [4, 7], 3), &data, 1.0, &[]), &Quiet::default()).unwrap();
    assert!(matches!(with(&wider), Err(Failure::Failed { help: Some(_), .. })));
}

#[test]
fn everything_together_goes_on_bit_for_bit_for_any_number_of_threads() {
    let data = bars(50, 8, 4);
    let mut b = Builder::new(&[8, 8, 1]);
    let x = b.conv(Source::Input, 4, 3, 2);
    let x = b.norm(x);
    let x = b.add(LayerOp::Relu, &[x]);
    b.tap("first", x);
    let x = b.add(LayerOp::Flatten, &[x]);
    let x = b.add(LayerOp::Dropout { rate: 0.3 }, &[x]);
    b.linear(x, 3);
    let net = b.finish();
    let start = train(&training(&net, &data, 1.0, &[]), &Quiet::default()).unwrap();
    let augment = vec![make("crop", &[("pad", number(1.0))]), make("gaussian_noise", &[("sigma", number(0.1))])];
    let extra = [
        ("optimizer", make("sam", &[("rho", number(0.05)), ("base", make("adamw", &[]))])),
        ("rate", make("one_cycle", &[("peak", number(0.02))])),
        ("clip", make("by_norm", &[("limit", number(0.5))])),
        ("stop", make("patience", &[("epochs", number(2.0)), ("column", Static::Word("accuracy".into()))])),
        ("freeze", words(&["layer0"])),
        ("augment", Static::List(augment)),
        ("snapshots", Static::List(vec![number(0.0), number(2.0)])),
        ("label_smoothing", number(0.1)),
    ];
    let mut job = training(&net, &data, 9.0, &extra);
    job.inputs.push(("from".into(), Labelled::single(Value::Model(start))));
    let run = |cx: &(dyn Context + Sync), threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train(&job, cx))
    };
    let whole = run(&Quiet::default(), 1).unwrap();
    assert!(whole.history.rows() < 9, "the rule for stopping ends it: {:?}", whole.history);
    for (after, threads) in [(0, 2), (3, 1), (4, 8), (9, 2)] {
        let first = Stopping::new(after, None);
        assert_eq!(run(&first, 2).unwrap_err(), Failure::Interrupted);
        let bytes = first.kept.lock().unwrap().clone();
        let end = run(&Stopping::new(u64::MAX, bytes), threads).unwrap();
        assert!(bits(&end) == bits(&whole), "stopped after {after} questions");
    }
}
