//! Batches, optimisers and weight files, each on its own.

use super::build::{bars, model, numbers, residual};
use crate::base::{Hasher, Stream};
use crate::engine::value::{Dataset, Images, Pixels, Source as Examples};
use crate::lang::Static;
use crate::ops::nn::batches::{Augment, Loader, shuffled};
use crate::ops::nn::network::Network;
use crate::ops::nn::optimizer::{Optimizer, Running};
use crate::ops::nn::place::Place;
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::weights_to_safetensors;
use std::sync::Arc;

/// One image of 2 x 3 with two channels, bytes 0, 10, 20, ….
fn image() -> Dataset {
    let images = Images {
        shape: vec![2, 3, 2],
        data: Pixels::Bytes { data: (0..12).map(|i| i * 10).collect(), divisor: 10.0 },
        mean: vec![1.0, 2.0],
        std: vec![2.0, 4.0],
    };
    let source = Examples { name: "one".into(), images, labels: vec![0], classes: vec!["a".into()], splits: vec![] };
    Dataset { source: Arc::new(source), ids: Arc::new(vec![0]), labels: Arc::new(vec![0]) }
}

fn augmented(augment: &[Augment], seed: u64) -> Vec<f32> {
    let data = image();
    let loader = Loader::new(&data);
    let mut out = vec![0.0; 12];
    loader.fill(&[0], augment, Stream::root(seed), &mut out);
    out
}

#[test]
fn examples_are_normalised_channel_by_channel() {
    // Bytes over 10 are 0, 1, 2, …; even ones are channel 0: (x - 1) / 2, odd ones channel 1: (x - 2) / 4.
    let expected: Vec<f32> = (0..12).map(|i| if i % 2 == 0 { (i as f32 - 1.0) / 2.0 } else { (i as f32 - 2.0) / 4.0 }).collect();
    assert_eq!(augmented(&[], 0), expected);
}

#[test]
fn crops_shift_over_black_and_flips_mirror() {
    let plain = augmented(&[], 0);
    let mirrored: Vec<f32> = [2, 1, 0, 5, 4, 3].iter().flat_map(|p| plain[2 * p..2 * p + 2].to_vec()).collect();
    let flips: Vec<Vec<f32>> = (0..40).map(|s| augmented(&[Augment::Flip], s)).collect();
    assert!(flips.iter().all(|f| *f == plain || *f == mirrored));
    let count = flips.iter().filter(|f| **f == mirrored).count();
    assert!((8..=32).contains(&count), "{count} of 40 are mirrored");
    // All nine shifts by at most one, black (0 before normalisation) outside.
    let black = [-0.5, -0.5];
    let shifted = |dy: isize, dx: isize| -> Vec<f32> {
        (0..6)
            .flat_map(|p| {
                let (y, x) = (p / 3 + dy, p % 3 + dx);
                let inside = (0..2).contains(&y) && (0..3).contains(&x);
                let at = if inside { 2 * (y * 3 + x) as usize } else { 0 };
                if inside { [plain[at], plain[at + 1]] } else { black }
            })
            .collect()
    };
    let all: Vec<Vec<f32>> = (-1..2).flat_map(|dy| (-1..2).map(move |dx| (dy, dx))).map(|(dy, dx)| shifted(dy, dx)).collect();
    let mut seen = [false; 9];
    for seed in 0..200 {
        let crop = augmented(&[Augment::Crop { pad: 1 }], seed);
        let which = all.iter().position(|a| *a == crop);
        seen[which.expect("a crop is one of the nine shifts")] = true;
    }
    assert!(seen.iter().all(|s| *s));
}

#[test]
fn noise_has_its_standard_deviation_and_is_an_examples_own() {
    let data = bars(60, 8, 1);
    let loader = Loader::new(&data);
    let noise = [Augment::Noise { sigma: 0.5 }];
    let (rows, stream) = ((0..60).collect::<Vec<_>>(), Stream::root(4));
    let (mut plain, mut noisy, mut one) = (vec![0.0; 60 * 64], vec![0.0; 60 * 64], vec![0.0; 64]);
    loader.fill(&rows, &[], stream, &mut plain);
    loader.fill(&rows, &noise, stream, &mut noisy);
    let n = plain.len() as f64;
    let square: f64 = plain.iter().zip(&noisy).map(|(a, b)| ((b - a) as f64).powi(2)).sum::<f64>() / n;
    assert!((square.sqrt() - 0.5).abs() < 0.03);
    loader.fill(&[7], &noise, stream, &mut one);
    assert_eq!(one, noisy[7 * 64..8 * 64]);
}

#[test]
fn an_epochs_order_is_a_permutation_of_its_own() {
    let order = shuffled(100, Stream::root(1));
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..100).collect::<Vec<_>>());
    assert!(order != shuffled(100, Stream::root(2)) && order == shuffled(100, Stream::root(1)));
}

#[test]
fn draws_are_pinned() {
    // Changing any of these changes every trained model: raise the version of `train` with it.
    let mut network = Network::new(&residual(&[4, 4, 1], [2, 3], 3), Purpose::Training, &[], 1, &Place::Host);
    network.initialise(Stream::root(1));
    let mut h = Hasher::new("test");
    for (name, _, x) in network.weights() {
        h.text(&name).bytes(&x.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>());
    }
    let order: Vec<u8> = shuffled(50, Stream::root(1)).into_iter().map(|i| i as u8).collect();
    let augment: Vec<u8> =
        (0..20).flat_map(|s| augmented(&[Augment::Crop { pad: 1 }, Augment::Flip], s)).flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(h.bytes(&order).bytes(&augment).finish().short(), "9acbf0e0dec0");
}

/// Runs steps on one weight with the given gradients.
fn steps(optimizer: Optimizer, weight: f32, gradients: &[f32], rate: f64) -> f32 {
    let mut running = Running::new(optimizer, std::iter::once(&mut vec![0.0]));
    let mut w = vec![weight];
    for g in gradients {
        let g = vec![*g];
        running.step(std::iter::once((&mut w, &g)), rate);
    }
    w[0]
}

#[test]
fn optimisers_step_as_defined() {
    let close = |a: f32, b: f64| assert!((a as f64 - b).abs() < 1e-6, "{a} where {b} is right");
    let sgd = |momentum, nesterov, decay| Optimizer::Sgd { momentum, nesterov, decay };
    // Plain with decay 0.1: 1 - 0.1 (2 + 0.1) = 0.79.
    close(steps(sgd(0.0, false, 0.1), 1.0, &[2.0], 0.1), 0.79);
    // Momentum: v = 2, then 0.9 * 2 + 1 = 2.8.
    close(steps(sgd(0.9, false, 0.0), 1.0, &[2.0, 1.0], 0.1), 1.0 - 0.1 * (2.0 + 2.8));
    // Nesterov: steps 2 + 0.9 * 2 and 1 + 0.9 * 2.8.
    close(steps(sgd(0.9, true, 0.0), 1.0, &[2.0, 1.0], 0.1), 1.0 - 0.1 * (3.8 + 3.52));
    // Nesterov with decay 0.5: g = 2 + 0.5, v = 2.5, step 2.5 + 0.9 * 2.5.
    close(steps(sgd(0.9, true, 0.5), 1.0, &[2.0], 0.1), 1.0 - 0.1 * 4.75);
    let adam = |decay, decoupled| Optimizer::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8, decay, decoupled };
    // The first step of Adam is the rate, whatever the gradient; the second by hand.
    close(steps(adam(0.0, false), 1.0, &[5.0], 0.1), 0.9);
    let (m, v) = ((0.9 * 0.5 + 0.1) / (1.0 - 0.81), (0.999 * 0.025 + 0.001) / (1.0 - 0.998_001f64));
    close(steps(adam(0.0, false), 1.0, &[5.0, 1.0], 0.1), 0.9 - 0.1 * m / v.sqrt());
    // AdamW takes the decay off the weight: 1 - 0.1 * 0.5 - 0.1.
    close(steps(adam(0.5, true), 1.0, &[5.0], 0.1), 0.85);
    assert!(Optimizer::parse(&super::complete::make("sgd", vec![("momentum".into(), Static::Number(1.5))])).is_err());
}

#[test]
fn weights_go_into_a_file_under_pytorchs_names_and_come_back() {
    let net = residual(&[4, 4, 1], [2, 3], 3);
    let mut network = Network::new(&net, Purpose::Training, &[], 1, &Place::Host);
    network.initialise(Stream::root(1));
    let mut weights = network.weights();
    weights.iter_mut().enumerate().for_each(|(i, (_, _, x))| *x = numbers(x.len(), i as u64));
    let model = model(&net, weights.clone(), &[]);
    let bytes = weights_to_safetensors(&model).unwrap();
    assert_eq!(bytes, weights_to_safetensors(&model).unwrap());
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.len(), weights.len());
    for (name, shape, numbers) in &weights {
        let tensor = file.tensor(name).unwrap();
        assert_eq!(tensor.shape(), shape);
        assert!(tensor.data().chunks(4).zip(numbers).all(|(b, x)| b == x.to_le_bytes()));
    }
    assert_eq!(file.tensor("layer3.weight").unwrap().shape(), [2, 2, 3, 3]);
    // Into the layers' own layouts and back.
    network.load(&weights).unwrap();
    assert_eq!(network.weights(), weights);
    weights[0].1 = vec![1, 1, 1, 1];
    assert!(network.load(&weights).is_err());
}
