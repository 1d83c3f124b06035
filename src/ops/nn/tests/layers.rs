//! Every layer, and small networks of them: output and all gradients against the reference and its finite differences.

use super::build::{Builder, numbers, residual};
use super::places;
use super::reference::{forward, named};
use crate::base::Stream;
use crate::lang::net::ir::{LayerOp, Net, Source};
use crate::ops::nn::cpu;
use crate::ops::nn::network::Network;
use crate::ops::nn::place::Place;
use crate::ops::nn::steps::Purpose;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Checks outputs and gradients in training, and outputs and gradients by the input in evaluation.
fn check(net: &Arc<Net>, batch: usize) {
    for place in places() {
        check_with(net, batch, Purpose::Training, &place);
        check_with(net, batch, Purpose::InputGradient, &place);
    }
}

fn check_with(net: &Arc<Net>, batch: usize, purpose: Purpose, place: &Place) {
    let training = purpose == Purpose::Training;
    let mut network = Network::new(net, purpose, &[], batch + 1, place);
    network.initialise(Stream::root(1));
    // Parameters off their initial values, so that scales and shifts matter.
    let mut weights = network.weights();
    for (i, (name, _, x)) in weights.iter_mut().enumerate() {
        let noise = numbers(x.len(), 100 + i as u64);
        let positive = name.ends_with("running_var");
        x.iter_mut().zip(noise).for_each(|(x, n)| *x = if positive { 1.0 + 0.5 * n } else { *x + 0.3 * n });
    }
    network.load(&weights).unwrap();
    let size: usize = net.input.iter().product();
    let x = numbers(batch * size, 2);
    network.input_mut(batch).copy_from_slice(&x);
    network.forward(batch, Stream::root(3));
    let (out, grad) = network.output_and_gradient();
    let direction = numbers(out.len(), 4);
    grad.copy_from_slice(&direction);
    let out = out.to_vec();
    network.backward();

    let named_weights = named(&weights);
    let masks = masks(net, batch, training);
    let wide: Vec<f64> = x.iter().map(|x| *x as f64).collect();
    let run = |weights: &_, input: &[f64]| forward(net, weights, input, batch, training, &masks)[net.output].clone();
    let expected = run(&named_weights, &wide);
    assert_eq!(out.len(), expected.len());
    for (i, (a, b)) in out.iter().zip(&expected).enumerate() {
        assert!((*a as f64 - b).abs() < 1e-4 * (1.0 + b.abs()), "output {i}: {a} where the reference has {b}");
    }
    let loss = |values: &[f64]| values.iter().zip(&direction).map(|(v, d)| v * *d as f64).sum::<f64>();
    let step = 1e-5;
    let close = |what: &str, i: usize, found: f32, numeric: f64, scale: f64| {
        assert!(
            (found as f64 - numeric).abs() < 2e-4 * (scale + numeric.abs()),
            "gradient by {what}, entry {i}: {found}, finite difference {numeric}"
        );
    };
    let picked = |n: usize| (0..n).step_by((n / 60).max(1));
    if training {
        let grads = network.weight_gradients();
        assert_eq!(grads.len(), weights.iter().filter(|w| !w.0.contains("running")).count());
        for (name, shape, grad) in grads {
            assert_eq!(shape.iter().product::<usize>(), grad.len());
            let scale = 1.0 + grad.iter().map(|g| g.abs() as f64).fold(0.0, f64::max);
            for i in picked(grad.len()) {
                let moved = |by: f64| {
                    let mut weights = named_weights.clone();
                    weights.get_mut(&name).unwrap()[i] += by;
                    loss(&run(&weights, &wide))
                };
                close(&name, i, grad[i], (moved(step) - moved(-step)) / (2.0 * step), scale);
            }
        }
    } else {
        let gradient = network.input_gradient();
        assert_eq!(gradient.len(), wide.len());
        for i in picked(wide.len()) {
            let moved = |by: f64| {
                let mut input = wide.clone();
                input[i] += by;
                loss(&run(&named_weights, &input))
            };
            close("input", i, gradient[i], (moved(step) - moved(-step)) / (2.0 * step), 1.0);
        }
    }
}

/// Returns dropout's factors as the layers of every engine draw them, found by running each of the host's alone on ones.
fn masks(net: &Arc<Net>, batch: usize, training: bool) -> BTreeMap<usize, Vec<f64>> {
    let mut out = BTreeMap::new();
    for (id, node) in net.nodes.iter().enumerate() {
        if training && matches!(node.op, LayerOp::Dropout { .. } | LayerOp::DropoutChannels { .. }) {
            let layer = cpu::layer(crate::ops::nn::spec::spec(&node.op, id, &[&node.shape], &node.shape));
            let n = batch * node.shape.iter().product::<usize>();
            let mut mask = vec![0.0; n];
            let pass = crate::ops::nn::spec::Pass { batch, training, stream: Stream::root(3) };
            layer.forward(pass, &mut [], &[&vec![1.0; n]], &mut mask, &mut Default::default());
            out.insert(id, mask.iter().map(|m| *m as f64).collect());
        }
    }
    out
}

/// A network of one layer behind a linear map of channels, so that the gradient by the layer's input is seen in training too.
fn alone(input: &[usize], op: LayerOp) -> Arc<Net> {
    let mut b = Builder::new(input);
    let c = *input.last().unwrap();
    let mixed = b.add(LayerOp::Linear { input: c, output: c, bias: true }, &[Source::Input]);
    b.add(op, &[mixed]);
    b.finish()
}

fn conv(
    input: usize,
    output: usize,
    kernel: usize,
    stride: usize,
    pad: usize,
    dilation: usize,
    groups: usize,
    bias: bool,
) -> LayerOp {
    LayerOp::Conv { input, output, kernel, stride, pad, dilation, groups, bias }
}

#[test]
fn convolution_is_right_at_every_stride_padding_dilation_and_grouping() {
    check(&alone(&[5, 7, 3], conv(3, 4, 3, 1, 1, 1, 1, true)), 3);
    check(&alone(&[5, 7, 3], conv(3, 4, 3, 1, 0, 1, 1, false)), 3);
    check(&alone(&[5, 6, 2], conv(2, 3, 3, 2, 1, 1, 1, true)), 3);
    check(&alone(&[7, 6, 2], conv(2, 3, 2, 3, 0, 1, 1, false)), 2);
    check(&alone(&[7, 8, 2], conv(2, 4, 3, 1, 2, 2, 1, false)), 2);
    check(&alone(&[7, 8, 2], conv(2, 4, 3, 2, 2, 2, 1, true)), 2);
    check(&alone(&[5, 5, 4], conv(4, 6, 3, 1, 1, 1, 2, true)), 3);
    check(&alone(&[5, 5, 4], conv(4, 4, 3, 2, 1, 1, 4, false)), 3);
    check(&alone(&[5, 5, 4], conv(4, 8, 1, 1, 0, 1, 1, false)), 3);
    check(&alone(&[5, 5, 4], conv(4, 8, 1, 2, 0, 1, 2, true)), 3);
    check(&alone(&[4, 4, 2], conv(2, 3, 1, 1, 2, 1, 1, true)), 2);
    check(&alone(&[9, 9, 1], conv(1, 2, 5, 1, 2, 1, 1, true)), 2);
}

#[test]
fn convolution_over_many_tiles_and_groups_of_examples_is_right() {
    let mut b = Builder::new(&[20, 20, 2]);
    let x = b.conv(Source::Input, 3, 3, 1);
    let x = b.conv(x, 2, 3, 2);
    b.add(LayerOp::GlobalMean, &[x]);
    check(&b.finish(), 37);
}

#[test]
fn pooling_is_right_where_windows_overlap_reach_the_padding_or_leave_a_rest() {
    for op in [
        |kernel, stride, pad| LayerOp::MaxPool { kernel, stride, pad },
        |kernel, stride, pad| LayerOp::AvgPool { kernel, stride, pad },
    ] {
        check(&alone(&[6, 6, 2], op(2, 2, 0)), 2);
        check(&alone(&[7, 5, 2], op(3, 2, 1)), 2);
        check(&alone(&[5, 8, 3], op(3, 1, 1)), 2);
        check(&alone(&[7, 7, 1], op(2, 3, 0)), 2);
        check(&alone(&[4, 4, 2], op(4, 4, 0)), 2);
        check(&alone(&[5, 5, 2], op(4, 2, 2)), 2);
    }
    check(&alone(&[3, 5, 4], LayerOp::GlobalMean), 3);
    check(&alone(&[5, 4], LayerOp::GlobalMean), 3);
}

#[test]
fn normalisation_is_right_in_training_and_evaluation() {
    let norm = LayerOp::BatchNorm { features: 3, eps: 1e-5, momentum: 0.1, zero_scale: false };
    check(&alone(&[4, 3, 3], norm.clone()), 5);
    check(&alone(&[3], norm), 6);
    check(&alone(&[5, 8], LayerOp::LayerNorm { features: 8, eps: 1e-5 }), 3);
    check(&alone(&[8], LayerOp::LayerNorm { features: 8, eps: 1e-6 }), 3);
}

#[test]
fn activations_dropout_and_shapes_are_right() {
    for op in [
        LayerOp::Relu,
        LayerOp::LeakyRelu { slope: 0.2 },
        LayerOp::Gelu,
        LayerOp::Tanh,
        LayerOp::Sigmoid,
        LayerOp::Dropout { rate: 0.4 },
        LayerOp::Flatten,
        LayerOp::SubsamplePad { stride: 2, output: 7 },
        LayerOp::SubsamplePad { stride: 1, output: 3 },
    ] {
        check(&alone(&[5, 4, 3], op), 3);
    }
    check(&alone(&[6], LayerOp::Linear { input: 6, output: 4, bias: true }), 70);
    check(&alone(&[5, 6], LayerOp::Linear { input: 6, output: 40, bias: false }), 3);
}

fn transposed(input: usize, output: usize, sizes: [usize; 5], groups: usize, bias: bool) -> LayerOp {
    let [kernel, stride, pad, output_pad, dilation] = sizes;
    LayerOp::ConvTransposed { input, output, kernel, stride, pad, output_pad, dilation, groups, bias }
}

#[test]
fn transposed_convolution_is_right_at_every_stride_padding_dilation_and_grouping() {
    check(&alone(&[3, 4, 3], transposed(3, 4, [4, 2, 1, 0, 1], 1, true)), 3);
    check(&alone(&[1, 1, 5], transposed(5, 3, [4, 1, 0, 0, 1], 1, false)), 3);
    check(&alone(&[3, 3, 2], transposed(2, 3, [3, 2, 1, 1, 1], 1, true)), 2);
    check(&alone(&[4, 3, 2], transposed(2, 2, [3, 1, 1, 0, 2], 1, false)), 2);
    check(&alone(&[3, 3, 4], transposed(4, 6, [2, 3, 0, 2, 1], 2, true)), 2);
    check(&alone(&[2, 3, 4], transposed(4, 4, [3, 2, 0, 1, 2], 4, true)), 2);
    let mut b = Builder::new(&[12, 12, 3]);
    b.add(transposed(3, 2, [4, 2, 1, 0, 1], 1, true), &[Source::Input]);
    check(&b.finish(), 20);
}

#[test]
fn group_normalisation_is_right_for_one_group_several_and_as_many_as_channels() {
    for groups in [1, 2, 6] {
        check(&alone(&[3, 2, 6], LayerOp::GroupNorm { groups, features: 6, eps: 1e-5 }), 3);
    }
    check(&alone(&[5, 4], LayerOp::GroupNorm { groups: 2, features: 4, eps: 1e-3 }), 3);
}

#[test]
fn shapes_of_images_and_tokens_are_right() {
    for op in [LayerOp::Upsample { factor: 2, bilinear: false }, LayerOp::Upsample { factor: 3, bilinear: true }] {
        check(&alone(&[3, 2, 2], op.clone()), 3);
        check(&alone(&[1, 4, 1], op), 2);
    }
    check(&alone(&[4, 2, 3], LayerOp::Reshape), 2);
    check(&alone(&[24], LayerOp::Reshape), 2);
    check(&alone(&[4, 2, 3], LayerOp::Tokens), 2);
    check(&alone(&[5, 3], LayerOp::Flatten), 2);
    check(&alone(&[19, 21], LayerOp::Transpose), 2);
    check(&alone(&[5, 3], LayerOp::Token { index: 0 }), 3);
    check(&alone(&[5, 3], LayerOp::Token { index: 4 }), 3);
    check(&alone(&[5, 3], LayerOp::ClassToken { features: 3 }), 3);
    check(&alone(&[5, 3], LayerOp::PositionEmbedding { tokens: 5, features: 3 }), 3);
    check(&alone(&[70, 70], LayerOp::PositionEmbedding { tokens: 70, features: 70 }), 2);
}

#[test]
fn attention_softmax_and_gelu_are_right() {
    check(&alone(&[5, 12], LayerOp::Attention { heads: 1, causal: false }), 3);
    check(&alone(&[6, 12], LayerOp::Attention { heads: 2, causal: false }), 2);
    check(&alone(&[17, 24], LayerOp::Attention { heads: 4, causal: true }), 2);
    check(&alone(&[1, 6], LayerOp::Attention { heads: 2, causal: false }), 2);
    check(&alone(&[5, 9], LayerOp::Softmax), 3);
    check(&alone(&[3, 3, 4], LayerOp::Softmax), 3);
    check(&alone(&[5, 4, 3], LayerOp::GeluTanh), 3);
    check(&alone(&[5, 4, 3], LayerOp::DropoutChannels { rate: 0.4 }), 6);
}

#[test]
fn memory_along_tokens_is_right() {
    check(&alone(&[1, 3], LayerOp::Lstm { input: 3, hidden: 4, index: 0 }), 2);
    check(&alone(&[6, 3], LayerOp::Lstm { input: 3, hidden: 5, index: 3 }), 9);
    let mut b = Builder::new(&[5, 3]);
    let x = b.add(LayerOp::Lstm { input: 3, hidden: 4, index: 0 }, &[Source::Input]);
    let y = b.add(LayerOp::Lstm { input: 4, hidden: 4, index: 1 }, &[x]);
    let sum = b.add(LayerOp::Add, &[x, y]);
    b.linear(sum, 2);
    check(&b.finish(), 4);
}

#[test]
fn words_have_vectors_and_gather_their_gradients() {
    let mut b = Builder::new(&[4]);
    let x = b.add(LayerOp::Embedding { words: 600, features: 3 }, &[Source::Input]);
    b.linear(x, 2);
    let net = b.finish();
    let mut network = Network::new(&net, Purpose::Training, &[], 3, &Place::Host);
    network.initialise(Stream::root(1));
    let words = [5.0, 0.0, 599.0, 5.0, 256.0, 255.0, 5.0, 0.0];
    network.input_mut(2).copy_from_slice(&words);
    network.forward(2, Stream::root(0));
    let weights = network.weights();
    let expected = &forward(&net, &named(&weights), &words.map(|w| w as f64), 2, true, &BTreeMap::new())[1];
    let (out, grad) = network.output_and_gradient();
    for (a, b) in out.iter().zip(expected) {
        assert!((*a as f64 - b).abs() < 1e-5);
    }
    grad.fill(1.0);
    network.backward();
    let grads = network.weight_gradients();
    let linear = &weights.iter().find(|w| w.0 == "layer1.weight").unwrap().2;
    for word in 0..600 {
        let times = words.iter().filter(|w| **w as usize == word).count() as f32;
        for k in 0..3 {
            assert!((grads[0].2[word * 3 + k] - times * (linear[k] + linear[3 + k])).abs() < 1e-5, "word {word}");
        }
    }
    let spread = weights[0].2.iter().map(|x| x * x).sum::<f32>() / 1800.0;
    assert!((spread - 1.0).abs() < 0.1, "vectors of words start as N(0, 1): {spread}");
}

#[test]
fn fast_functions_are_close_to_slow_ones() {
    use crate::ops::nn::cpu::functions::{erf, exp, sigmoid, tanh};
    let relative = |a: f32, b: f64| ((a as f64 - b) / b).abs();
    for i in -8000..8000 {
        let x = i as f32 * 0.01;
        let wide = x as f64;
        assert!(relative(exp(x), wide.exp()) < 3e-7, "exp({x})");
        assert!((sigmoid(x) as f64 - 1.0 / (1.0 + (-wide).exp())).abs() < 2e-7, "sigmoid({x})");
        assert!(i == 0 || relative(tanh(x), wide.tanh()) < 4e-7, "tanh({x})");
        assert!((erf(x) as f64 - libm::erf(wide)).abs() < 4e-7, "erf({x})");
    }
    assert_eq!((exp(0.0), tanh(0.0), erf(0.0)), (1.0, 0.0, 0.0));
    assert!(exp(f32::NAN).is_nan() && tanh(f32::NAN).is_nan() && erf(f32::NAN).is_nan());
    assert!(exp(f32::NEG_INFINITY) < 1e-37);
}

#[test]
fn values_used_several_times_gather_all_their_gradients() {
    let mut b = Builder::new(&[4, 4, 2]);
    let a = b.conv(Source::Input, 3, 3, 1);
    let t = b.add(LayerOp::Tanh, &[a]);
    let twice = b.add(LayerOp::Add, &[a, a, t]);
    let joined = b.add(LayerOp::Concat, &[twice, t, a, Source::Input, a]);
    let p = b.add(LayerOp::MaxPool { kernel: 3, stride: 1, pad: 1 }, &[joined]);
    let g = b.add(LayerOp::AvgPool { kernel: 2, stride: 2, pad: 0 }, &[joined]);
    let g2 = b.add(LayerOp::GlobalMean, &[g]);
    let p2 = b.add(LayerOp::GlobalMean, &[p]);
    let both = b.add(LayerOp::Add, &[p2, g2]);
    b.linear(both, 3);
    check(&b.finish(), 3);
}

#[test]
fn fused_normalisation_is_right_with_and_without_a_shortcut() {
    check(&residual(&[5, 5, 2], [3, 4], 3), 4);
    // The other addend is taken by something else as well, and is written to by both in the reverse pass.
    let mut b = Builder::new(&[4, 4, 2]);
    let a = b.conv(Source::Input, 3, 3, 1);
    let n = b.norm(a);
    let sum = b.add(LayerOp::Add, &[a, n]);
    let r = b.add(LayerOp::Relu, &[sum]);
    let again = b.add(LayerOp::Add, &[r, a]);
    b.conv(again, 2, 1, 1);
    check(&b.finish(), 4);
}

#[test]
fn taps_inside_a_fused_group_are_still_seen() {
    let mut b = Builder::new(&[4, 4, 2]);
    let a = b.conv(Source::Input, 3, 3, 1);
    let n = b.norm(a);
    let sum = b.add(LayerOp::Add, &[n, a]);
    b.add(LayerOp::Relu, &[sum]);
    let net = b.finish();
    let x = numbers(2 * 32, 1);
    let wide: Vec<f64> = x.iter().map(|x| *x as f64).collect();
    for keep in 0..4 {
        let mut network = Network::new(&net, Purpose::Evaluation, &[keep], 2, &Place::Host);
        network.initialise(Stream::root(9));
        network.input_mut(2).copy_from_slice(&x);
        network.forward(2, Stream::root(0));
        let mut all = Network::new(&net, Purpose::Training, &[], 2, &Place::Host);
        all.initialise(Stream::root(9));
        let expected = &forward(&net, &named(&all.weights()), &wide, 2, false, &BTreeMap::new())[keep];
        for (a, b) in network.value(keep).iter().zip(expected) {
            assert!((*a as f64 - b).abs() < 1e-5, "node {keep}: {a} where the reference has {b}");
        }
    }
}

#[test]
fn running_statistics_follow_the_unbiased_variance() {
    let mut b = Builder::new(&[2]);
    b.norm(Source::Input);
    let mut network = Network::new(&b.finish(), Purpose::Training, &[], 4, &Place::Host);
    network.initialise(Stream::root(1));
    network.input_mut(4).copy_from_slice(&[1.0, 10.0, 2.0, 10.0, 3.0, 10.0, 6.0, 10.0]);
    network.forward(4, Stream::root(0));
    let weights = network.weights();
    let (mean, var) = (&weights[2], &weights[3]);
    assert_eq!((mean.0.as_str(), var.0.as_str()), ("layer0.running_mean", "layer0.running_var"));
    // Mean 3, unbiased variance 14 / 3; 0.9 of the initial 0 and 1 stays.
    assert!((mean.2[0] - 0.3).abs() < 1e-6 && (mean.2[1] - 1.0).abs() < 1e-6);
    assert!((var.2[0] - (0.9 + 0.1 * 14.0 / 3.0)).abs() < 1e-6 && (var.2[1] - 0.9).abs() < 1e-6);
}

#[test]
fn moments_survive_a_large_mean() {
    let mut b = Builder::new(&[1]);
    b.norm(Source::Input);
    let n = 40_000;
    let mut network = Network::new(&b.finish(), Purpose::Training, &[], n, &Place::Host);
    network.initialise(Stream::root(1));
    let x: Vec<f32> = (0..n).map(|i| 4096.0 + (i % 4) as f32).collect();
    network.input_mut(n).copy_from_slice(&x);
    network.forward(n, Stream::root(0));
    let var = network.weights()[3].2[0];
    let expected = 0.9 + 0.1 * 1.25 * n as f32 / (n - 1) as f32;
    assert!((var - expected).abs() < 1e-5, "{var} where {expected} is right");
}

#[test]
fn initial_values_have_the_bounds_of_pytorch() {
    let mut b = Builder::new(&[8, 8, 6]);
    let x = b.add(conv(6, 40, 3, 1, 1, 1, 2, true), &[Source::Input]);
    let x = b.add(LayerOp::BatchNorm { features: 40, eps: 1e-5, momentum: 0.1, zero_scale: true }, &[x]);
    let x = b.add(LayerOp::GlobalMean, &[x]);
    b.linear(x, 30);
    let mut network = Network::new(&b.finish(), Purpose::Training, &[], 1, &Place::Host);
    network.initialise(Stream::root(5));
    let weights = network.weights();
    let find = |name: &str| &weights.iter().find(|w| w.0 == name).unwrap().2;
    // fan_in 27 and 40: bounds 1 / sqrt(fan_in), reached to within a few per cent, and never passed.
    for (name, fan_in) in [("layer0.weight", 27f32), ("layer3.weight", 40.0), ("layer0.bias", 27.0), ("layer3.bias", 40.0)] {
        let (bound, x) = (1.0 / fan_in.sqrt(), find(name));
        let largest = x.iter().fold(0f32, |a, b| a.max(b.abs()));
        assert!(largest <= bound && largest > 0.85 * bound, "{name}: {largest} against {bound}");
    }
    let x = find("layer0.weight");
    let spread = (x.iter().map(|x| x * x).sum::<f32>() / x.len() as f32).sqrt();
    assert!((spread * 27f32.sqrt() * 3f32.sqrt() - 1.0).abs() < 0.05, "uniform numbers have standard deviation bound / sqrt 3");
    assert!(find("layer1.weight").iter().all(|x| *x == 0.0));
}
