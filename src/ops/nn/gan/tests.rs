//! The seam of a generator and a discriminator; their training beside PyTorch's; ascents where the answer is known.

use super::pair::Pair;
use super::recipe::Recipe;
use super::seam::split;
use crate::base::Stream;
use crate::engine::kernel::{Job, Quiet};
use crate::engine::value::{Dataset, Model, Weights};
use crate::engine::{Context, Failure, Value};
use crate::lang::Static;
use crate::lang::net::ir::{LayerOp, Net, Source};
use crate::ops::nn::course::Course;
use crate::ops::nn::network::Network;
use crate::ops::nn::place::Place;
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::tests::build::{Builder, bars, images, known, model};
use crate::ops::nn::tests::running::{Stopping, job, kernel, make};
use serde_json::Value as Json;
use std::sync::Arc;

const BATCH: usize = 8;

fn number(x: f64) -> Static {
    Static::Number(x)
}

/// Returns the pair of make_reference.py as one network from `width` random numbers to images of `size` numbers.
fn pair(width: usize, size: usize) -> Arc<Net> {
    let mut b = Builder::new(&[width]);
    let norm = |b: &mut Builder, x| b.add(LayerOp::BatchNorm { features: 8, eps: 1e-5, momentum: 0.1, zero_scale: false }, &[x]);
    let x = b.add(LayerOp::Linear { input: width, output: 8, bias: false }, &[Source::Input]);
    let x = norm(&mut b, x);
    let x = b.add(LayerOp::Relu, &[x]);
    let x = b.linear(x, size);
    let x = b.add(LayerOp::Tanh, &[x]);
    b.tap("generator", x);
    let x = b.linear(x, 8);
    let x = norm(&mut b, x);
    let x = b.add(LayerOp::LeakyRelu { slope: 0.2 }, &[x]);
    b.linear(x, 1);
    b.finish()
}

fn gan(net: &Arc<Net>, data: &Arc<Dataset>, epochs: f64) -> Job {
    let settings = [
        ("network", Static::Net(net.clone())),
        ("epochs", number(epochs)),
        ("batch", number(BATCH as f64)),
        ("optimizer", make("adam", &[("beta1", number(0.5))])),
        ("rate", number(0.01)),
        ("init", Static::Word("default".into())),
    ];
    job("train_gan", vec![("data", Value::Dataset(data.clone()))], &settings, 5)
}

#[test]
fn ten_steps_are_those_of_pytorch() {
    crate::ops::nn::tests::places().iter().for_each(ten_steps);
}

fn ten_steps(place: &Place) {
    let reference: Json = serde_json::from_str(include_str!("../../../../tests/data/training/reference.json")).unwrap();
    let data = images(&[16], vec![0.0; 16 * BATCH], vec![0; BATCH], 1);
    let job = gan(&pair(3, 16), &data, 1.0);
    let mut pair = Pair::new(&job, Recipe::parse(&job.settings).unwrap(), &data, place).unwrap();
    // The builder numbers layers through; cut in two, they keep their names.
    let mut salt = 0;
    for (player, given) in [(&mut pair.generator, ["layer0", "layer3"]), (&mut pair.judge, ["layer5", "layer8"])] {
        let mut weights: Weights = player.weights();
        for name in given {
            salt += 1;
            for (_, _, x) in weights.iter_mut().filter(|(n, _, _)| *n == format!("{name}.weight")) {
                *x = known(x.len(), salt, 0.5);
            }
            weights.iter_mut().filter(|(n, _, _)| *n == format!("{name}.bias")).for_each(|(_, _, x)| x.fill(0.0));
        }
        player.load(&weights).unwrap();
    }
    for (step, losses) in reference["gan"]["losses"].as_array().unwrap().iter().enumerate() {
        pair.judge.input_mut(BATCH).copy_from_slice(&known(BATCH * 16, 200 + step, 0.5));
        pair.generator.input_mut(BATCH).copy_from_slice(&known(BATCH * 3, 300 + step, 1.0));
        let found = pair.learn(BATCH, Stream::root(0), 0.01).unwrap();
        for (i, own) in found[..2].iter().enumerate() {
            let wanted = losses[i].as_f64().unwrap();
            assert!((own - wanted).abs() < 1e-5 * wanted, "step {step}: {own}, PyTorch's {wanted}");
        }
    }
    let model = Course::new(pair, data).into_model().unwrap();
    let mut network = crate::ops::nn::evaluate::open(&model, Purpose::Evaluation, &[model.net.output], 1, place).unwrap();
    network.input_mut(1).copy_from_slice(&known(3, 400, 1.0));
    network.forward(1, Stream::root(0));
    let wanted = reference["gan"]["image"].as_array().unwrap();
    for (own, wanted) in network.value(model.net.output).iter().zip(wanted) {
        // Adam divides gradients by their own size, and so makes much of the rounding of those near zero.
        assert!((*own as f64 - wanted.as_f64().unwrap()).abs() < 3e-4, "{own}, PyTorch's {wanted}");
    }
}

#[test]
fn a_network_is_cut_where_it_says() {
    let net = pair(3, 16);
    let (generator, judge) = split(&net).unwrap();
    assert_eq!((generator.input.as_slice(), generator.output, judge.input.as_slice(), judge.output), (&[3][..], 4, &[16][..], 3));
    assert_eq!(generator.parameters() + judge.parameters(), net.parameters());
    let mut other = (*net).clone();
    other.taps.clear();
    assert!(split(&other).unwrap_err().contains("no tap `generator`"));
    let mut other = (*net).clone();
    other.output = 4;
    assert!(split(&other).unwrap_err().contains("one number"));
    // A shortcut around the seam.
    let mut other = (*net).clone();
    other.nodes[5].inputs = vec![Source::Node(3)];
    assert!(split(&other).unwrap_err().contains("before it"));
}

#[test]
fn a_stopped_pair_goes_on_bit_for_bit_for_any_number_of_threads() {
    let data = bars(40, 8, 1);
    let job = gan(&pair(5, 64), &data, 3.0);
    let run = |cx: &(dyn Context + Sync), threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| kernel("train_gan").run(&job, cx));
        found.map(|v| if let Value::Model(m) = v { m } else { panic!("a model") })
    };
    let all = |m: &Model| {
        let history =
            ["discriminator_loss", "generator_loss", "real", "generated"].map(|c| m.history.numbers(c).unwrap().to_vec());
        let weights: Vec<u32> = m.weights.iter().flat_map(|w| w.2.iter().map(|x| x.to_bits())).collect();
        (weights, history.map(|h| h.iter().map(|x| x.to_bits()).collect::<Vec<_>>()))
    };
    let whole = run(&Quiet::default(), 1).unwrap();
    assert_eq!(whole.history.rows(), 3);
    for (after, threads) in [(0, 2), (4, 8), (8, 2)] {
        let first = Stopping::new(after, None);
        assert_eq!(run(&first, 2).unwrap_err(), Failure::Interrupted);
        let bytes = first.kept.lock().unwrap().clone();
        assert!(all(&run(&Stopping::new(u64::MAX, bytes), threads).unwrap()) == all(&whole), "stopped after {after} questions");
    }
}

#[test]
fn a_generator_comes_to_make_what_it_was_shown() {
    // Images of one brightness each, around 0.8: a generator that starts around 0.5 has to find it.
    // Batch normalisation would hide the level from the discriminator.
    let mut b = Builder::new(&[2]);
    let x = b.linear(Source::Input, 8);
    let x = b.add(LayerOp::Relu, &[x]);
    let x = b.linear(x, 4);
    let x = b.add(LayerOp::Tanh, &[x]);
    b.tap("generator", x);
    let x = b.linear(x, 8);
    let x = b.add(LayerOp::LeakyRelu { slope: 0.2 }, &[x]);
    b.linear(x, 1);
    let level = |i: usize| 0.8 + 0.15 * known(1, i, 1.0)[0];
    let data = images(&[4], (0..64).flat_map(|i| [level(i); 4]).collect(), vec![0; 64], 1);
    let training = gan(&b.finish(), &data, 60.0);
    let Ok(Value::Model(model)) = kernel("train_gan").run(&training, &Quiet::default()) else { panic!("a model") };
    let inputs = vec![("m", Value::Model(model)), ("data", Value::Dataset(data))];
    let generate = job("generate", inputs, &[("count", number(200.0))], 9);
    let Ok(Value::Dataset(made)) = kernel("generate").run(&generate, &Quiet::default()) else { panic!("images") };
    let crate::engine::value::Pixels::Floats(x) = &made.source.images.data else { panic!("floats") };
    assert_eq!((made.len(), x.len()), (200, 800));
    let mean = x.iter().sum::<f32>() / 800.0;
    // Two networks go around their equilibrium: PyTorch's end between 0.72 and 0.90 over six seeds with these settings.
    assert!((0.65..0.95).contains(&mean), "{mean}");
}

/// Returns a model of one linear layer with given weights (`output x input`) and no shift.
fn linear(input: &[usize], output: usize, weights: &[f32]) -> Arc<Model> {
    let mut b = Builder::new(input);
    b.linear(Source::Input, output);
    let net = b.finish();
    let mut network = Network::new(&net, Purpose::Training, &[], 1, &Place::Host);
    network.initialise(Stream::root(1));
    let mut all: Weights = network.weights();
    all[0].2 = weights.to_vec();
    all[1].2.fill(0.0);
    model(&net, all, &[])
}

#[test]
fn between_linear_maps_an_ascent_is_a_straight_line() {
    // G(z) = A z, f(x) = B (G / 2 + 1/2 - mean) / std: every step adds rate A' B'[class] / (2 std) to z.
    let (a, b) = ([0.3f32, -0.2, 0.1, 0.4, 0.5, 0.25], [1.0f32, -1.0, 0.5, 0.2, 0.7, -0.4]);
    let like = images(&[3], vec![0.0; 3], vec![0], 2);
    let mut source = crate::engine::value::Source {
        name: "x".into(),
        images: crate::engine::value::Images {
            shape: vec![3],
            data: crate::engine::value::Pixels::Floats(vec![0.0; 3]),
            mean: vec![0.3],
            std: vec![0.25],
        },
        labels: vec![0],
        classes: like.classes().to_vec(),
        splits: vec![],
    };
    source.splits = vec![("all".into(), 0..1)];
    let data = Arc::new(Dataset { source: Arc::new(source), ids: like.ids.clone(), labels: like.labels.clone() });
    let (through, judge) = (linear(&[2], 3, &a), linear(&[3], 2, &b));
    let ascend = |restarts: f64, steps: f64| {
        let settings = [("restarts", number(restarts)), ("steps", number(steps)), ("rate", number(0.05))];
        let inputs = vec![
            ("m", Value::Model(judge.clone())),
            ("through", Value::Model(through.clone())),
            ("data", Value::Dataset(data.clone())),
        ];
        let job = job("maximize_activation", inputs, &settings, 3);
        match kernel("maximize_activation").run(&job, &Quiet::default()) {
            Ok(Value::Dataset(d)) => d,
            other => panic!("{other:?}"),
        }
    };
    let (before, after) = (ascend(3.0, 0.0), ascend(3.0, 10.0));
    assert_eq!(*after.labels, [0, 1, 0, 1, 0, 1]);
    let pixels = |d: &Dataset| match &d.source.images.data {
        crate::engine::value::Pixels::Floats(x) => x.clone(),
        _ => panic!("floats"),
    };
    let (x0, x1) = (pixels(&before), pixels(&after));
    for start in x0.chunks_exact(6) {
        assert_eq!(start[..3], start[3..], "one z for every class of a start");
    }
    let more = pixels(&ascend(5.0, 10.0));
    let near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
    assert!(more.len() == 30 && more.iter().zip(&x1).all(near), "more starts leave the first ones as they were");
    for row in 0..6 {
        let class = row % 2;
        let dz: Vec<f32> =
            (0..2).map(|k| (0..3).map(|i| a[2 * i + k] * b[3 * class + i] * 0.5 / 0.25).sum::<f32>() * 0.05 * 10.0).collect();
        for i in 0..3 {
            let moved = 0.5 * (a[2 * i] * dz[0] + a[2 * i + 1] * dz[1]);
            assert!((x1[3 * row + i] - x0[3 * row + i] - moved).abs() < 1e-5, "row {row}, number {i}");
        }
    }
}
