//! Networks and data sets for tests, built by hand.

use crate::base::Stream;
use crate::engine::value::{Column, Dataset, Images, Model, Pixels, Source as Examples, Table, Weights};
use crate::lang::net::ir::{LayerOp, Net, Node, Shape, Source};
use crate::ops::nn::weights::unit;
use std::sync::Arc;

/// Builds a network node by node.
pub struct Builder {
    net: Net,
}

impl Builder {
    /// Starts a network for inputs of that shape.
    pub fn new(input: &[usize]) -> Self {
        Builder { net: Net { name: "test".into(), input: input.to_vec(), nodes: vec![], taps: vec![], output: 0 } }
    }

    /// Adds a layer and returns its output.
    pub fn add(&mut self, op: LayerOp, inputs: &[Source]) -> Source {
        let shapes: Vec<&Shape> = inputs.iter().map(|s| self.net.shape_of(*s)).collect();
        let shape = output_shape(&op, &shapes);
        let id = self.net.nodes.len();
        self.net.nodes.push(Node { op, inputs: inputs.to_vec(), shape, path: format!("layer{id}") });
        Source::Node(id)
    }

    /// Adds a convolution without bias, padded to keep the size at stride 1.
    pub fn conv(&mut self, from: Source, output: usize, kernel: usize, stride: usize) -> Source {
        let input = *self.net.shape_of(from).last().unwrap();
        let op = LayerOp::Conv { input, output, kernel, stride, pad: kernel / 2, dilation: 1, groups: 1, bias: false };
        self.add(op, &[from])
    }

    /// Adds batch normalisation.
    pub fn norm(&mut self, from: Source) -> Source {
        let features = *self.net.shape_of(from).last().unwrap();
        self.add(LayerOp::BatchNorm { features, eps: 1e-5, momentum: 0.1, zero_scale: false }, &[from])
    }

    /// Adds a linear layer with bias.
    pub fn linear(&mut self, from: Source, output: usize) -> Source {
        let input = *self.net.shape_of(from).last().unwrap();
        self.add(LayerOp::Linear { input, output, bias: true }, &[from])
    }

    /// Adds a residual block of two convolutions.
    pub fn block(&mut self, from: Source, output: usize, stride: usize) -> Source {
        let a = self.conv(from, output, 3, stride);
        let a = self.norm(a);
        let a = self.add(LayerOp::Relu, &[a]);
        let b = self.conv(a, output, 3, 1);
        let b = self.norm(b);
        let changes = stride != 1 || *self.net.shape_of(from).last().unwrap() != output;
        let shortcut = if changes {
            let s = self.conv(from, output, 1, stride);
            self.norm(s)
        } else {
            from
        };
        let sum = self.add(LayerOp::Add, &[b, shortcut]);
        self.add(LayerOp::Relu, &[sum])
    }

    /// Names a layer's output as a tap.
    pub fn tap(&mut self, name: &str, at: Source) {
        if let Source::Node(id) = at {
            self.net.taps.push((name.to_string(), id));
        }
    }

    /// Returns the network, whose output is the last layer's.
    pub fn finish(mut self) -> Arc<Net> {
        self.net.output = self.net.nodes.len() - 1;
        Arc::new(self.net)
    }
}

fn output_shape(op: &LayerOp, inputs: &[&Shape]) -> Shape {
    let x = inputs[0];
    let sized = |kernel: usize, stride: usize, pad: usize, dilation: usize, c: usize| {
        let one = |n: usize| (n + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
        vec![one(x[0]), one(x[1]), c]
    };
    match *op {
        LayerOp::Conv { output, kernel, stride, pad, dilation, .. } => sized(kernel, stride, pad, dilation, output),
        LayerOp::MaxPool { kernel, stride, pad } | LayerOp::AvgPool { kernel, stride, pad } => {
            sized(kernel, stride, pad, 1, x[2])
        }
        LayerOp::ConvTransposed { output, kernel, stride, pad, output_pad, dilation, .. } => {
            let one = |n: usize| (n - 1) * stride + dilation * (kernel - 1) + 1 + output_pad - 2 * pad;
            vec![one(x[0]), one(x[1]), output]
        }
        LayerOp::Upsample { factor, .. } => vec![factor * x[0], factor * x[1], x[2]],
        LayerOp::Reshape => vec![x.iter().product::<usize>() / 4, 2, 2],
        LayerOp::Tokens => vec![x[0] * x[1], x[2]],
        LayerOp::Transpose => vec![x[1], x[0]],
        LayerOp::Token { .. } => vec![x[1]],
        LayerOp::ClassToken { features } => vec![x[0] + 1, features],
        LayerOp::Attention { .. } => vec![x[0], x[1] / 3],
        LayerOp::Embedding { features, .. } => vec![x[0], features],
        LayerOp::Lstm { hidden, .. } => vec![x[0], hidden],
        LayerOp::GlobalMean => vec![*x.last().unwrap()],
        LayerOp::Flatten => vec![x.iter().product()],
        LayerOp::Linear { output, .. } => [&x[..x.len() - 1], &[output]].concat(),
        LayerOp::Concat => {
            let width = inputs.iter().map(|s| s.last().unwrap()).sum();
            [&x[..x.len() - 1], &[width]].concat()
        }
        LayerOp::SubsamplePad { stride, output } => vec![x[0].div_ceil(stride), x[1].div_ceil(stride), output],
        _ => x.clone(),
    }
}

/// Returns a small residual network with taps `stage1`, `stage2`.
pub fn residual(input: &[usize], widths: [usize; 2], classes: usize) -> Arc<Net> {
    let mut b = Builder::new(input);
    let x = b.conv(Source::Input, widths[0], 3, 1);
    let x = b.norm(x);
    let x = b.add(LayerOp::Relu, &[x]);
    let one = b.block(x, widths[0], 1);
    b.tap("stage1", one);
    let two = b.block(one, widths[1], 2);
    b.tap("stage2", two);
    let x = b.add(LayerOp::GlobalMean, &[two]);
    b.linear(x, classes);
    b.finish()
}

/// Returns numbers uniform in (-1, 1).
pub fn numbers(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = Stream::root(seed).rng();
    (0..n).map(|_| unit(&mut rng) * 2.0 - 1.0).collect()
}

/// Returns numbers up to a bound that the scripts of PyTorch's references make as well.
pub fn known(count: usize, salt: usize, bound: f64) -> Vec<f32> {
    let one = |i: usize| ((i * 7919 + salt * 104_729) % 2003) as f64 - 1001.0;
    (0..count).map(|i| (one(i) / 1001.0 * bound) as f32).collect()
}

/// Returns a model that was never trained.
pub fn model(net: &Arc<Net>, weights: Weights, classes: &[&str]) -> Arc<Model> {
    Arc::new(Model {
        net: net.clone(),
        weights: Arc::new(weights),
        snapshots: vec![],
        history: Table { columns: vec![("epoch".into(), Column::Numbers(vec![]))] },
        trained_on: Arc::new(vec![]),
        classes: classes.iter().map(|c| c.to_string()).collect(),
    })
}

/// Returns images of three classes: a bright bar at a class's row, in noise.
pub fn bars(count: usize, side: usize, seed: u64) -> Arc<Dataset> {
    let noise = numbers(count * side * side, seed);
    let labels: Vec<u32> = (0..count as u32).map(|i| i % 3).collect();
    let data = (0..count * side * side)
        .map(|i| {
            let (image, row) = (i / (side * side), i / side % side);
            let bright = row == 1 + 2 * labels[image] as usize;
            (100.0 + 60.0 * noise[i] + if bright { 90.0 } else { 0.0 }) as u8
        })
        .collect();
    let images =
        Images { shape: vec![side, side, 1], data: Pixels::Bytes { data, divisor: 255.0 }, mean: vec![0.4], std: vec![0.2] };
    let source = Examples {
        name: "bars".into(),
        images,
        labels: labels.clone(),
        classes: ["low", "middle", "high"].map(String::from).to_vec(),
        splits: vec![("train".into(), 0..count * 3 / 4), ("test".into(), count * 3 / 4..count)],
    };
    Arc::new(Dataset { source: Arc::new(source), ids: Arc::new((0..count as u32).collect()), labels: Arc::new(labels) })
}

/// Returns the examples of a range of ids.
pub fn part(of: &Dataset, ids: std::ops::Range<u32>) -> Arc<Dataset> {
    let labels = ids.clone().map(|i| of.source.labels[i as usize]).collect();
    Arc::new(Dataset { source: of.source.clone(), ids: Arc::new(ids.collect()), labels: Arc::new(labels) })
}

/// Returns a data set of numbers as they are.
pub fn images(shape: &[usize], data: Vec<f32>, labels: Vec<u32>, classes: usize) -> Arc<Dataset> {
    let images = Images { shape: shape.to_vec(), data: Pixels::Floats(data), mean: vec![], std: vec![] };
    let classes = (0..classes).map(|c| c.to_string()).collect();
    let source = Examples { name: "given".into(), images, labels: labels.clone(), classes, splits: vec![] };
    let ids = (0..labels.len() as u32).collect();
    Arc::new(Dataset { source: Arc::new(source), ids: Arc::new(ids), labels: Arc::new(labels) })
}
