//! Every network of the library, small, and a network of every kind of layer: outputs, taps, gradients and three steps of training as the host's.

use crate::api::{self, Registry, Source};
use crate::base::Stream;
use crate::lang::Static;
use crate::lang::net::ir::{LayerOp, Net, Node, Source as From};
use crate::ops::nn::network::Network;
use crate::ops::nn::optimizer::{Clip, Optimizer};
use crate::ops::nn::place::{Place, Precision};
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::tests::build::numbers;
use std::path::Path;
use std::sync::Arc;

const BATCH: usize = 4;

/// Writes an array of bytes with a header of NumPy's.
fn array(path: &Path, shape: &str, count: usize, below: usize) {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    let header = format!("{:<117}\n", format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}"));
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend((0..count).map(|i| (i % below) as u8));
    std::fs::write(path, bytes).unwrap();
}

/// Returns the networks that a script's models are of.
fn networks(body: &[&str]) -> Vec<Arc<Net>> {
    let folder = tempfile::tempdir().unwrap();
    array(&folder.path().join("x.npy"), "(30, 32, 32, 3)", 30 * 3072, 251);
    array(&folder.path().join("w.npy"), "(30, 6)", 180, 9);
    array(&folder.path().join("y.npy"), "(30,)", 30, 10);
    std::fs::write(folder.path().join("rhyme.txt"), "one two three four\n".repeat(9)).unwrap();
    let models: Vec<String> = body.iter().enumerate().map(|(i, net)| format!("model m{i} = untrained({net})\n")).collect();
    let text = format!(
        "cfx 1\nexperiment \"t\" {{ seed: 1 }}\nuse std.data {{ digits, arrays, corpus }}\nuse std.networks {{ mlp, tiny_resnet, resnet18, resnet34, \
         resnet50, basic_resnet, resnet20, resnet32, resnet44, resnet56, resnet110, vgg11, vgg13, vgg16, plain8, plain11, convnet11, vit, tiny_vit, \
         mixer, tiny_mixer, lstm_lm, lstm_classifier, dcgan }}\n\
         dataset d = digits()\ndataset c = arrays(\"x.npy\", labels: \"y.npy\", layout: nhwc, divisor: 255)\n\
         dataset w = arrays(\"w.npy\", labels: \"y.npy\", layout: features, divisor: 1)\ndataset r = corpus(\"rhyme.txt\", length: 5)\n\
         model gan = train_gan(dcgan(latent: 5, width: 3), c) {{ epochs: 1, batch: 4 }}\n{}",
        models.concat()
    );
    let registry = Registry::standard();
    let source = Source::text("test.cfx", &text, folder.path());
    let checked = api::check(&source, &registry);
    let graph = api::plan(&source, &checked, &registry).unwrap_or_else(|d| panic!("{d:#?}"));
    let nets = graph.cells.iter().filter_map(|c| c.settings.0.iter().find(|(n, _)| n == "network"));
    let nets: Vec<Arc<Net>> =
        nets.filter_map(|(_, value)| if let Static::Net(net) = value { Some(net.clone()) } else { None }).collect();
    assert_eq!(nets.len(), body.len() + 1);
    nets
}

/// Returns networks of every kind of layer that the library lacks.
fn others() -> Vec<Arc<Net>> {
    let node = |op, inputs: &[From], shape: &[usize], i: usize| Node {
        op,
        inputs: inputs.to_vec(),
        shape: shape.to_vec(),
        path: format!("layer{i}"),
    };
    let chain = |name: &str, input: &[usize], ops: Vec<(LayerOp, Vec<usize>)>| {
        let from = |i: usize| if i == 0 { From::Input } else { From::Node(i - 1) };
        let nodes: Vec<Node> = ops.into_iter().enumerate().map(|(i, (op, shape))| node(op, &[from(i)], &shape, i)).collect();
        let taps = (0..nodes.len() - 1).step_by(2).map(|i| (format!("tap{i}"), i)).collect();
        Arc::new(Net { name: name.into(), input: input.to_vec(), output: nodes.len() - 1, nodes, taps })
    };
    let linear = |input, output| (LayerOp::Linear { input, output, bias: true }, vec![output]);
    let pooled = chain(
        "pooled",
        &[7, 7, 4],
        vec![
            (LayerOp::GroupNorm { groups: 2, features: 4, eps: 1e-5 }, vec![7, 7, 4]),
            (
                LayerOp::Conv { input: 4, output: 6, kernel: 3, stride: 1, pad: 2, dilation: 2, groups: 2, bias: true },
                vec![7, 7, 6],
            ),
            (LayerOp::LeakyRelu { slope: 0.1 }, vec![7, 7, 6]),
            (LayerOp::MaxPool { kernel: 3, stride: 2, pad: 1 }, vec![4, 4, 6]),
            (LayerOp::DropoutChannels { rate: 0.3 }, vec![4, 4, 6]),
            (LayerOp::Upsample { factor: 2, bilinear: true }, vec![8, 8, 6]),
            (LayerOp::AvgPool { kernel: 3, stride: 2, pad: 1 }, vec![4, 4, 6]),
            (LayerOp::Upsample { factor: 2, bilinear: false }, vec![8, 8, 6]),
            (LayerOp::Sigmoid, vec![8, 8, 6]),
            (LayerOp::SubsamplePad { stride: 2, output: 9 }, vec![4, 4, 9]),
            (
                LayerOp::ConvTransposed {
                    input: 9,
                    output: 6,
                    kernel: 3,
                    stride: 2,
                    pad: 1,
                    output_pad: 1,
                    dilation: 1,
                    groups: 3,
                    bias: true,
                },
                vec![8, 8, 6],
            ),
            (LayerOp::Reshape, vec![4, 16, 6]),
            (LayerOp::Flatten, vec![384]),
            (LayerOp::Dropout { rate: 0.2 }, vec![384]),
            linear(384, 10),
        ],
    );
    let tokens = chain(
        "tokens",
        &[5, 12],
        vec![
            (LayerOp::ClassToken { features: 12 }, vec![6, 12]),
            (LayerOp::PositionEmbedding { tokens: 6, features: 12 }, vec![6, 12]),
            (LayerOp::Linear { input: 12, output: 36, bias: false }, vec![6, 36]),
            (LayerOp::Attention { heads: 3, causal: true }, vec![6, 12]),
            (LayerOp::LayerNorm { features: 12, eps: 1e-6 }, vec![6, 12]),
            (LayerOp::GeluTanh, vec![6, 12]),
            (LayerOp::Transpose, vec![12, 6]),
            (LayerOp::Softmax, vec![12, 6]),
            (LayerOp::Gelu, vec![12, 6]),
            (LayerOp::Lstm { input: 6, hidden: 7, index: 0 }, vec![12, 7]),
            (LayerOp::Tanh, vec![12, 7]),
            (LayerOp::Token { index: 3 }, vec![7]),
            linear(7, 10),
        ],
    );
    // A value used twice, by several inputs of one step among others.
    let nodes = vec![
        node(LayerOp::Linear { input: 3, output: 4, bias: true }, &[From::Input], &[4], 0),
        node(LayerOp::Add, &[From::Node(0), From::Node(0)], &[4], 1),
        node(LayerOp::Concat, &[From::Node(1), From::Node(0), From::Node(1)], &[12], 2),
        node(LayerOp::Linear { input: 12, output: 10, bias: true }, &[From::Node(2)], &[10], 3),
    ];
    let taps = vec![("first".to_string(), 0), ("both".to_string(), 2)];
    let twice = Arc::new(Net { name: "twice".into(), input: vec![3], nodes, taps, output: 3 });
    vec![pooled, tokens, twice]
}

/// Returns the largest difference of two runs of numbers, in parts of the largest number of the first, or of `least` where that is larger.
fn apart(a: &[f32], b: &[f32], least: f64) -> f64 {
    assert_eq!(a.len(), b.len());
    let largest = a.iter().fold(least, |m, x| m.max(x.abs() as f64));
    a.iter().zip(b).map(|(a, b)| (a - b).abs() as f64).fold(0.0, |m, d| if d > m || d.is_nan() { d } else { m }) / largest
}

fn close(net: &Net, what: &str, host: &[f32], other: &[f32], within: f64) {
    close_beside(net, what, host, other, within, 1e-3);
}

fn close_beside(net: &Net, what: &str, host: &[f32], other: &[f32], within: f64, least: f64) {
    let found = apart(host, other, least);
    assert!(found < within, "{}, {what}: {found} apart, {within} are allowed", net.name);
}

/// Returns the network on both engines with the same weights, off their initial values.
fn both(net: &Arc<Net>, purpose: Purpose, keep: &[usize]) -> [Network; 2] {
    let candle = Place::open("candle", Precision::F32).unwrap();
    let mut host = Network::new(net, purpose, keep, BATCH, &Place::Host);
    host.initialise(Stream::root(1));
    let mut weights = host.weights();
    for (i, (name, _, x)) in weights.iter_mut().enumerate() {
        let noise = numbers(x.len(), 100 + i as u64);
        let positive = name.ends_with("running_var");
        x.iter_mut().zip(noise).for_each(|(x, n)| *x = if positive { 1.0 + 0.3 * n } else { *x + 0.02 * n });
    }
    host.load(&weights).unwrap();
    let mut other = Network::new(net, purpose, keep, BATCH, &candle);
    other.load(&weights).unwrap();
    [host, other]
}

fn words(net: &Net) -> Option<usize> {
    net.nodes.iter().find_map(|n| if let LayerOp::Embedding { words, .. } = n.op { Some(words) } else { None })
}

/// Writes a gradient by the output: that of the cross-entropy with smoothing, whose sum it returns; of a single class, whose loss is 0, one made up.
fn lose(network: &mut Network, labels: &[u32], classes: usize) -> f64 {
    if classes > 1 {
        return network.cross_entropy(labels, 0.1, 1.0 / labels.len() as f64).0.iter().sum();
    }
    let (output, gradient) = network.output_and_gradient();
    let sum = output.iter().map(|x| *x as f64).sum();
    gradient.copy_from_slice(&numbers(labels.len(), 5));
    sum
}

fn check(net: &Arc<Net>) {
    let size: usize = net.input.iter().product();
    let mut x = numbers(BATCH * size, 2);
    if let Some(words) = words(net) {
        x.iter_mut().for_each(|x| *x = ((*x + 1.0) * 0.5 * words as f32).floor().clamp(0.0, words as f32 - 1.0));
    }
    let outputs: usize = net.nodes[net.output].shape.iter().product();
    let classes = *net.nodes[net.output].shape.last().unwrap();
    let labels: Vec<u32> = (0..BATCH * outputs / classes).map(|i| (i * 7 % classes) as u32).collect();

    // Taps in evaluation.
    let mut keep: Vec<usize> = net.taps.iter().map(|t| t.1).chain([net.output]).collect();
    keep.sort_unstable();
    keep.dedup();
    let [mut host, mut other] = both(net, Purpose::Evaluation, &keep);
    for network in [&mut host, &mut other] {
        network.input_mut(BATCH).copy_from_slice(&x);
        network.forward(BATCH, Stream::root(3));
    }
    other.check().unwrap();
    keep.iter().for_each(|node| close(net, "a tap", host.value(*node), other.value(*node), 1e-4));

    // The gradient by the input.
    if words(net).is_none() {
        let [mut host, mut other] = both(net, Purpose::InputGradient, &[]);
        for network in [&mut host, &mut other] {
            network.input_mut(BATCH).copy_from_slice(&x);
            network.forward(BATCH, Stream::root(3));
            lose(network, &labels, classes);
            network.backward();
        }
        other.check().unwrap();
        close(net, "the gradient by the input", host.input_gradient(), other.input_gradient(), 1e-3);
    }

    // Training: one gradient, then three steps.
    let [mut host, mut other] = both(net, Purpose::Training, &[]);
    let mut losses = Vec::new();
    for network in [&mut host, &mut other] {
        network.optimise(Optimizer::Sgd { momentum: 0.9, nesterov: true, decay: 1e-3 });
    }
    for step in 0..3 {
        for network in [&mut host, &mut other] {
            network.input_mut(BATCH).copy_from_slice(&x);
            network.forward(BATCH, Stream::root(4 + step));
            losses.push(lose(network, &labels, classes));
            network.backward();
        }
        other.check().unwrap();
        if step == 0 {
            let (found, others) = (host.weight_gradients(), other.weight_gradients());
            // Of a bias before a batch normalisation nothing is left but rounding: that is small beside the others.
            let largest = found.iter().flat_map(|g| &g.2).fold(0f64, |m, x| m.max(x.abs() as f64));
            for ((name, _, a), (_, _, b)) in found.iter().zip(others) {
                close_beside(net, &format!("the gradient by {name}"), a, &b, 2e-3, 0.01 * largest);
            }
        }
        for network in [&mut host, &mut other] {
            network.clip(Clip::Norm(1.0));
            network.step(0.01);
        }
    }
    for pair in losses.chunks(2) {
        assert!((pair[0] - pair[1]).abs() <= 1e-3 * pair[0].abs(), "{}: losses {pair:?}", net.name);
    }
    for ((name, _, a), (_, _, b)) in host.weights().iter().zip(other.weights()) {
        close(net, &format!("{name} after three steps"), a, &b, 2e-3);
    }
}

#[test]
fn every_network_of_the_library_is_as_on_the_host() {
    let all = networks(&[
        "mlp(hidden: [9, 7], norm: true, dropout: 0.2), d",
        "tiny_resnet(width: 3), d",
        "resnet18(width: 3), c",
        "resnet18(width: 2, stem: imagenet), c",
        "resnet34(width: 2, stem: mini_imagenet), c",
        "resnet50(width: 2), c",
        "basic_resnet(blocks1: 1, blocks2: 1, blocks3: 1, blocks4: 1, width: 3), c",
        "resnet20(width: 4), c",
        "resnet32(width: 2), c",
        "resnet44(width: 2), c",
        "vgg11(width: 3), c",
        "vgg13(width: 2, norm: false), c",
        "vgg16(width: 2), c",
        "plain8(width: 0.0625), c",
        "plain11(width: 0.0625, dropout: 0.1), c",
        "convnet11(width: 0.0625), c",
        "vit(patch: 8, dim: 12, depth: 2, heads: 3, hidden: 20, dropout: 0.1), c",
        "tiny_vit(patch: 2, dim: 8, depth: 1, heads: 2), d",
        "mixer(patch: 8, dim: 10, depth: 2, hidden_tokens: 6, hidden: 14), c",
        "tiny_mixer(patch: 2, dim: 8, depth: 1), d",
        "lstm_lm(units: 6, dropout: 0.1), r",
        "lstm_classifier(words: 9, units: 5), w",
    ]);
    all.iter().for_each(check);
}

#[test]
fn every_kind_of_layer_is_as_on_the_host() {
    others().iter().for_each(check);
}
