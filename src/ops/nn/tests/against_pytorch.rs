//! Layers against outputs and gradients that PyTorch computed once (tests/data/layers/make.py), and the same bits for any number of threads.

use super::build::{Builder, numbers};
use super::places;
use crate::base::Stream;
use crate::engine::value::Weights;
use crate::lang::net::ir::{LayerOp, Net, Node, Source};
use crate::ops::nn::network::Network;
use crate::ops::nn::place::Place;
use crate::ops::nn::steps::Purpose;
use serde::Deserialize;
use std::sync::Arc;

/// One layer on two examples. Weights come with their shape, numbers and gradient.
#[derive(Clone, Deserialize)]
struct Case {
    name: String,
    op: LayerOp,
    input: Vec<usize>,
    output: Vec<usize>,
    x: Vec<f32>,
    y: Vec<f32>,
    dy: Vec<f32>,
    dx: Vec<f32>,
    weights: Vec<(String, Vec<usize>, Vec<f32>, Vec<f32>)>,
}

fn close(what: &str, found: &[f32], wanted: &[f32]) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (i, (a, b)) in found.iter().zip(wanted).enumerate() {
        assert!((a - b).abs() < 2e-5 * (1.0 + b.abs()), "{what}, number {i}: {a} where PyTorch has {b}");
    }
}

#[test]
fn every_layer_gives_what_pytorch_gives() {
    let text = include_str!("../../../../tests/data/layers/reference.json");
    let cases: Vec<Case> = serde_json::from_str(text).unwrap();
    assert!(cases.len() >= 25);
    for (case, place) in cases.into_iter().flat_map(|case| places().into_iter().map(move |place| (case.clone(), place))) {
        let node = Node { op: case.op, inputs: vec![Source::Input], shape: case.output, path: "l".into() };
        let net = Arc::new(Net { name: case.name.clone(), input: case.input, nodes: vec![node], taps: vec![], output: 0 });
        let weights: Weights = case.weights.iter().map(|(n, s, x, _)| (format!("l.{n}"), s.clone(), x.clone())).collect();
        for purpose in [Purpose::InputGradient, Purpose::Training] {
            let mut network = Network::new(&net, purpose, &[], 2, &place);
            network.load(&weights).unwrap();
            network.input_mut(2).copy_from_slice(&case.x);
            network.forward(2, Stream::root(0));
            close(&format!("{}: output", case.name), network.value(0), &case.y);
            network.output_and_gradient().1.copy_from_slice(&case.dy);
            network.backward();
            if purpose == Purpose::InputGradient {
                close(&format!("{}: gradient by the input", case.name), network.input_gradient(), &case.dx);
                continue;
            }
            let grads = network.weight_gradients();
            assert_eq!(grads.len(), case.weights.len(), "{}", case.name);
            for (name, _, _, wanted) in &case.weights {
                let (_, _, found) = grads.iter().find(|g| g.0 == format!("l.{name}")).unwrap();
                close(&format!("{}: gradient by {name}", case.name), found, wanted);
            }
        }
    }
}

/// A network of all layers that the residual one of other tests lacks.
fn everything() -> Arc<Net> {
    let mut b = Builder::new(&[8, 8, 2]);
    let x = b.add(LayerOp::GroupNorm { groups: 2, features: 2, eps: 1e-5 }, &[Source::Input]);
    let x = b.conv(x, 12, 3, 2);
    let op = LayerOp::ConvTransposed {
        input: 12,
        output: 12,
        kernel: 4,
        stride: 2,
        pad: 1,
        output_pad: 0,
        dilation: 1,
        groups: 2,
        bias: true,
    };
    let x = b.add(op, &[x]);
    let x = b.add(LayerOp::Upsample { factor: 2, bilinear: true }, &[x]);
    let x = b.add(LayerOp::MaxPool { kernel: 3, stride: 2, pad: 1 }, &[x]);
    let x = b.add(LayerOp::DropoutChannels { rate: 0.2 }, &[x]);
    let x = b.add(LayerOp::Tokens, &[x]);
    let x = b.add(LayerOp::ClassToken { features: 12 }, &[x]);
    let x = b.add(LayerOp::PositionEmbedding { tokens: 65, features: 12 }, &[x]);
    let qkv = b.linear(x, 36);
    let a = b.add(LayerOp::Attention { heads: 3, causal: true }, &[qkv]);
    let x = b.add(LayerOp::Add, &[x, a]);
    let x = b.add(LayerOp::LayerNorm { features: 12, eps: 1e-6 }, &[x]);
    let x = b.add(LayerOp::Gelu, &[x]);
    let x = b.add(LayerOp::Transpose, &[x]);
    let x = b.linear(x, 9);
    let x = b.add(LayerOp::GeluTanh, &[x]);
    let x = b.add(LayerOp::Lstm { input: 9, hidden: 7, index: 0 }, &[x]);
    let x = b.add(LayerOp::Softmax, &[x]);
    let x = b.add(LayerOp::Token { index: 11 }, &[x]);
    b.linear(x, 3);
    b.finish()
}

/// A language model with attention.
fn words() -> Arc<Net> {
    let mut b = Builder::new(&[9]);
    let x = b.add(LayerOp::Embedding { words: 700, features: 8 }, &[Source::Input]);
    let x = b.add(LayerOp::Lstm { input: 8, hidden: 12, index: 0 }, &[x]);
    let x = b.add(LayerOp::Attention { heads: 2, causal: true }, &[x]);
    b.linear(x, 700);
    b.finish()
}

#[test]
fn new_layers_give_the_same_bits_for_any_number_of_threads() {
    for net in [everything(), words()] {
        let batch = 37;
        let size: usize = net.input.iter().product();
        let mut x = numbers(batch * size, 5);
        if size == 9 {
            x.iter_mut().for_each(|x| *x = ((*x + 1.0) * 350.0).floor().min(699.0));
        }
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut network = Network::new(&net, Purpose::Training, &[], batch, &Place::Host);
                network.initialise(Stream::root(1));
                network.input_mut(batch).copy_from_slice(&x);
                network.forward(batch, Stream::root(2));
                let (out, grad) = network.output_and_gradient();
                let mut bits: Vec<u32> = out.iter().map(|x| x.to_bits()).collect();
                grad.copy_from_slice(&numbers(grad.len(), 6));
                network.backward();
                bits.extend(network.weight_gradients().iter().flat_map(|(_, _, x)| x.iter().map(|x| x.to_bits())));
                assert!(bits.iter().all(|b| f32::from_bits(*b).is_finite()));
                bits
            })
        };
        let one = run(1);
        assert!(one == run(2) && one == run(5), "{}", net.nodes.len());
    }
}
