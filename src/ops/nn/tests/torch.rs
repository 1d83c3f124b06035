//! Twenty steps of training beside PyTorch's: the same initial weights and batches, every optimiser and what surrounds it
//! (tests/data/training/make_reference.py).

use super::build::{Builder, images, known, model};
use super::places;
use super::running::{make, training};
use crate::base::Stream;
use crate::engine::kernel::{Labelled, Quiet};
use crate::engine::value::{Dataset, Model, Weights};
use crate::engine::{Job, Value};
use crate::lang::Static;
use crate::lang::net::ir::{LayerOp, Net, Source};
use crate::ops::nn::course::Course;
use crate::ops::nn::evaluate::sweep;
use crate::ops::nn::network::Network;
use crate::ops::nn::place::Place;
use crate::ops::nn::settings::Recipe;
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::trainer::Classifier;
use serde_json::Value as Json;
use std::sync::Arc;

const BATCH: usize = 8;
const STEPS: usize = 20;

fn number(x: f64) -> Static {
    Static::Number(x)
}

fn network() -> Arc<Net> {
    let mut b = Builder::new(&[6, 6, 1]);
    let mut x = b.conv(Source::Input, 4, 3, 1);
    for second in [false, true] {
        x = if second { b.conv(x, 6, 3, 2) } else { x };
        x = b.norm(x);
        x = b.add(LayerOp::Relu, &[x]);
    }
    let x = b.add(LayerOp::Flatten, &[x]);
    b.linear(x, 3);
    b.finish()
}

/// Returns the model that training starts from.
fn start(net: &Arc<Net>) -> Arc<Model> {
    let given = [("layer0.weight", 0.3), ("layer3.weight", 0.2), ("layer7.weight", 0.13), ("layer7.bias", 0.1)];
    let mut network = Network::new(net, Purpose::Training, &[], 1, &Place::Host);
    network.initialise(Stream::root(1));
    let mut weights: Weights = network.weights();
    for (salt, (name, bound)) in given.iter().enumerate() {
        let found = weights.iter_mut().find(|(n, _, _)| n == name).unwrap();
        found.2 = known(found.2.len(), salt + 1, *bound);
    }
    model(net, weights, &[])
}

fn batch(step: usize) -> (Vec<f32>, Vec<u32>) {
    let mut x = known(BATCH * 36, 100 + step, 1.0);
    let labels: Vec<u32> = (0..BATCH).map(|i| ((step * BATCH + i) * 31 % 3) as u32).collect();
    for (image, label) in x.chunks_exact_mut(36).zip(&labels) {
        image[2 * *label as usize * 6..][..6].iter_mut().for_each(|x| *x = (*x as f64 + 1.0) as f32);
    }
    (x, labels)
}

/// Returns all batches as a data set.
fn data() -> Arc<Dataset> {
    let all: Vec<_> = (0..STEPS).map(batch).collect();
    images(&[6, 6, 1], all.iter().flat_map(|b| b.0.clone()).collect(), all.iter().flat_map(|b| b.1.clone()).collect(), 3)
}

#[test]
fn twenty_steps_are_those_of_pytorch() {
    let reference: Json = serde_json::from_str(include_str!("../../../../tests/data/training/reference.json")).unwrap();
    let (net, data) = (network(), data());
    let sgd = |momentum: f64, nesterov: bool, decay: f64| {
        make("sgd", &[("momentum", number(momentum)), ("nesterov", Static::Bool(nesterov)), ("weight_decay", number(decay))])
    };
    let adam = |name: &str, beta1: f64, decay: f64| make(name, &[("beta1", number(beta1)), ("weight_decay", number(decay))]);
    let plain = || sgd(0.9, false, 0.0);
    let clip = |name: &str, limit: f64| ("clip", make(name, &[("limit", number(limit))]));
    let word = |w: &str| Static::Word(w.into());
    let cases = [
        ("sgd", 0.05, sgd(0.0, false, 0.0), vec![]),
        ("sgd_decay", 0.05, sgd(0.0, false, 0.01), vec![]),
        ("momentum", 0.05, sgd(0.9, false, 0.001), vec![]),
        ("nesterov", 0.05, sgd(0.9, true, 0.001), vec![]),
        ("adam", 0.01, adam("adam", 0.9, 0.01), vec![]),
        ("adam_gan", 2e-4, adam("adam", 0.5, 0.0), vec![]),
        ("adamw", 0.01, adam("adamw", 0.9, 0.1), vec![]),
        ("smoothing", 0.05, plain(), vec![("label_smoothing", number(0.1))]),
        ("clip_norm", 0.1, plain(), vec![clip("by_norm", 0.2)]),
        ("clip_value", 0.1, plain(), vec![clip("by_value", 0.02)]),
        ("sam", 0.05, make("sam", &[("rho", number(0.05)), ("base", plain())]), vec![]),
        ("one_cycle", f64::NAN, plain(), vec![("rate", make("one_cycle", &[("peak", number(0.1))]))]),
        ("frozen", 0.05, plain(), vec![("freeze", Static::List(vec![word("layer0"), word("layer1")]))]),
    ];
    for ((name, rate, optimizer, extra), place) in
        cases.into_iter().flat_map(|c| places().into_iter().map(move |p| (c.clone(), p)))
    {
        let mut settings = vec![("optimizer", optimizer), ("rate", number(rate)), ("batch", number(BATCH as f64))];
        settings.extend(extra);
        if rate.is_nan() {
            settings.remove(1);
        }
        let mut job: Job = training(&net, &data, 1.0, &settings);
        job.inputs.push(("from".into(), Labelled::single(Value::Model(start(&net)))));
        let recipe = Recipe::parse(&job.settings).unwrap();
        let schedule = recipe.pace.rate.clone();
        let mut learner = Classifier::new(&job, recipe, data.clone(), &place).unwrap();
        let wanted =
            |what: &str| -> Vec<f64> { reference[name][what].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect() };
        for (step, (loss, rate)) in wanted("losses").into_iter().zip(wanted("rates")).enumerate() {
            let own = schedule.at(step as u64, STEPS as u64, 0);
            assert!((own - rate).abs() < 1e-12, "{name}, step {step}: rate {own}, PyTorch's {rate}");
            let (x, labels) = batch(step);
            let found = learner.learn(&x, &labels, Stream::root(0), rate).unwrap().0 / BATCH as f64;
            assert!((found - loss).abs() < 1e-5 * loss, "{name}, step {step}: loss {found}, PyTorch's {loss}");
        }
        let model = Course::new(learner, data.clone()).into_model().unwrap();
        let mut network = crate::ops::nn::evaluate::open(&model, Purpose::Evaluation, &[net.output], BATCH, &place).unwrap();
        let last = batch(STEPS);
        let last = images(&[6, 6, 1], last.0, last.1, 3);
        let mut scores: Vec<f32> = vec![];
        sweep(&mut network, &last, &Quiet::default(), |_, _, n| {
            scores.extend_from_slice(n.value(net.output));
            Ok(())
        })
        .unwrap();
        for (own, wanted) in scores.iter().zip(wanted("scores")) {
            assert!((*own as f64 - wanted).abs() < 1e-4 * (1.0 + wanted.abs()), "{name}: {own}, PyTorch's {wanted}");
        }
    }
}
