//! What passes of networks are expected to take, layer by layer. Estimates alone: no result depends on them.
//!
//! The constants were measured on one core of a server of 2023 (AVX-512, about 100 GFLOP/s in plain products); `benches/nn.rs --estimates`
//! prints estimate and actual side by side.

use super::cpu;
use super::evaluate::{batch_for, batch_size};
use super::network::Network;
use super::spec::{Spec, spec};
use super::steps::Purpose;
use crate::lang::net::ir::{LayerOp, Net, NodeId, Source};
use crate::plan::facts::{KnownInput, known};
use std::sync::Arc;

/// Multiply-adds a second in products of large matrices.
const PRODUCT: f64 = 5.0e10;
/// What a convolution with minimal filtering gains over a plain one of as many multiply-adds.
const WINOGRAD: f64 = 1.9;
/// Seconds that moving one number through a cheap layer takes: read, changed, written.
const NUMBER: f64 = 0.3e-9;
/// Seconds that a layer takes in each pass whatever its size.
const LAYER: f64 = 1.0e-6;
/// Seconds that a batch takes whatever the network: reading examples, handing over, bookkeeping.
const STEP: f64 = 1.2e-5;
/// Seconds that reading and normalising one number of an example takes.
const READ: f64 = 0.5e-9;
/// Seconds that drawing a normal number takes.
pub const NORMAL: f64 = 0.8e-8;
/// Seconds for each weight that an optimiser's step takes.
const WEIGHT: f64 = 0.5e-9;

/// Seconds of one layer for a batch: forward, gradient by inputs, gradient by weights.
#[derive(Clone, Copy, Debug, Default)]
struct Layer {
    forward: f64,
    by_input: f64,
    by_weight: f64,
}

/// Returns the multiply-adds of a second that a product reaches whose smallest sides are short: copies and edges take their share.
fn product(rows: f64, columns: f64, depth: f64) -> f64 {
    let share = |x: f64, half: f64| x / (x + half);
    PRODUCT * share(rows, 4.0) * share(columns, 12.0) * share(depth, 24.0)
}

fn layer(net: &Net, id: NodeId, batch: usize) -> Layer {
    let node = &net.nodes[id];
    let size = |shape: &[usize]| (batch * shape.iter().product::<usize>()) as f64;
    let out = size(&node.shape);
    let inputs: Vec<&Vec<usize>> = node.inputs.iter().map(|s| net.shape_of(*s)).collect();
    let taken: f64 = inputs.iter().map(|s| size(s)).sum();
    let moved = (taken + out) * NUMBER;
    let cheap =
        |forward: f64, back: f64| Layer { forward: forward * moved + LAYER, by_input: back * moved + LAYER, by_weight: 0.0 };
    match &node.op {
        LayerOp::Conv { .. } => {
            let Spec::Conv(conv) = spec(&node.op, id, &inputs, &node.shape) else { return cheap(1.0, 1.0) };
            let g = conv.geometry;
            let (rows, columns, depth) = ((batch * g.windows()) as f64, g.group_out() as f64, g.depth() as f64);
            let macs = rows * columns * depth * g.groups as f64;
            if cpu::minimal(&g, batch) {
                let one = macs / (WINOGRAD * PRODUCT) + 2.0 * moved + LAYER;
                return Layer { forward: one, by_input: one, by_weight: one };
            }
            // Windows are gathered: each number of a window once for a product.
            let gathered = if g.pointwise() { 0.0 } else { rows * depth * g.groups as f64 * 0.4 * NUMBER };
            let one = macs / product(rows, columns, depth) + gathered + moved + LAYER;
            let back = if g.stride == 1 { one } else { one + gathered };
            Layer { forward: one, by_input: back, by_weight: one }
        }
        LayerOp::ConvTransposed { input, output, kernel, groups, .. } => {
            let macs = taken * (output / groups) as f64 * (kernel * kernel) as f64;
            let rows = taken / *input as f64;
            let gathered = rows * (output * kernel * kernel) as f64 * 0.6 * NUMBER;
            let one = macs / product(rows, (output * kernel * kernel) as f64, *input as f64) + gathered + moved + LAYER;
            Layer { forward: one, by_input: one, by_weight: one }
        }
        LayerOp::Linear { input, output, .. } => {
            let rows = out / *output as f64;
            let weights = (input * output) as f64 * NUMBER;
            let one = out * *input as f64 / product(rows, *output as f64, *input as f64) + weights + moved + LAYER;
            Layer { forward: one, by_input: one, by_weight: one }
        }
        LayerOp::Attention { .. } => {
            let tokens = node.shape.first().copied().unwrap_or(1) as f64;
            let one = 2.0 * out * tokens / (0.4 * PRODUCT) + 3.0 * moved + LAYER;
            Layer { forward: one, by_input: 2.0 * one, by_weight: 0.0 }
        }
        LayerOp::Lstm { input, hidden, .. } => {
            let tokens = node.shape.first().copied().unwrap_or(1) as f64;
            let macs = 4.0 * out * (input + hidden) as f64;
            // Steps follow each other: each is a product of as many rows as the batch has examples.
            let one =
                macs / product(batch as f64, (4 * hidden) as f64, *hidden as f64) + 12.0 * out * NUMBER + tokens * 4.0 * LAYER;
            Layer { forward: one, by_input: 1.2 * one, by_weight: one }
        }
        LayerOp::BatchNorm { .. } => cheap(2.0, 3.0),
        LayerOp::LayerNorm { .. } | LayerOp::GroupNorm { .. } => cheap(2.0, 3.0),
        LayerOp::Gelu | LayerOp::GeluTanh | LayerOp::Tanh | LayerOp::Sigmoid | LayerOp::Softmax => cheap(3.0, 3.0),
        LayerOp::MaxPool { kernel, .. } | LayerOp::AvgPool { kernel, .. } => {
            let visited = out * (kernel * kernel) as f64 * NUMBER;
            Layer { forward: visited + moved + LAYER, by_input: visited + moved + LAYER, by_weight: 0.0 }
        }
        LayerOp::Dropout { .. } | LayerOp::DropoutChannels { .. } => cheap(4.0, 1.0),
        LayerOp::Flatten | LayerOp::Reshape | LayerOp::Tokens => cheap(1.0, 1.0),
        _ => cheap(1.0, 1.0),
    }
}

/// Returns the seconds of one core that a pass over a batch takes, from the layer after `after` on (from the first where there is none).
pub fn batch_seconds(net: &Net, purpose: Purpose, batch: usize, after: Option<NodeId>) -> f64 {
    let first = after.map_or(0, |n| n + 1);
    let read = (batch * net.input.iter().product::<usize>()) as f64 * READ;
    let mut seconds = STEP + if first == 0 { read } else { 0.0 };
    for id in first..net.nodes.len() {
        let l = layer(net, id, batch);
        let begins = net.nodes[id].inputs.iter().all(|s| *s == Source::Input);
        let by_input = if begins && purpose == Purpose::Training { 0.0 } else { l.by_input };
        seconds += match purpose {
            Purpose::Evaluation => l.forward,
            Purpose::InputGradient => l.forward + by_input,
            Purpose::Training | Purpose::Adversary => l.forward + by_input + l.by_weight,
        };
    }
    if purpose.trains() {
        seconds += net.parameters() as f64 * WEIGHT;
    }
    seconds
}

/// Returns the seconds that `rows` examples take in passes of a network, in batches of the size that evaluation takes.
pub fn sweep_seconds(net: &Net, purpose: Purpose, rows: usize) -> f64 {
    batched(rows, batch_for(net, purpose), |b| batch_seconds(net, purpose, b, None))
}

/// Returns the sum over whole batches and a last, smaller one.
pub fn batched(rows: usize, batch: usize, one: impl Fn(usize) -> f64) -> f64 {
    let (whole, rest) = (rows / batch.max(1), rows % batch.max(1));
    let whole_seconds = if whole > 0 { whole as f64 * one(batch) } else { 0.0 };
    whole_seconds + if rest > 0 { one(rest) } else { 0.0 }
}

/// Returns the network of the model in the first of these slots that has one.
pub fn net<'a>(inputs: &'a [KnownInput], slots: &[&str]) -> Option<&'a Arc<Net>> {
    slots.iter().filter_map(|slot| known(inputs, slot)).find_map(|f| f.net.as_ref())
}

/// Returns the number of examples in a slot, or the most that there can be; 0 where neither is known.
pub fn rows(inputs: &[KnownInput], slot: &str) -> usize {
    known(inputs, slot).and_then(|f| f.most_rows()).unwrap_or(0)
}

/// Returns the seconds that one pass over the examples in a slot takes in evaluation; where the network is not known, a guess.
pub fn pass_seconds(inputs: &[KnownInput], slot: &str) -> f64 {
    let rows = rows(inputs, slot);
    match net(inputs, &["net", "m"]) {
        Some(net) => sweep_seconds(net, Purpose::Evaluation, rows),
        None => rows as f64 * 1e-4,
    }
}

/// Returns the bytes that a pass of the model over a batch is expected to take.
pub fn pass_bytes(inputs: &[KnownInput]) -> f64 {
    let known_bytes = ["net", "m"].iter().filter_map(|slot| known(inputs, slot)).find_map(|f| f.pass_bytes);
    known_bytes.unwrap_or(1e8)
}

/// Returns the bytes that passes of the models in the slots take on a device, in batches of the size that evaluation takes or of another.
pub fn on_device(inputs: &[KnownInput], purpose: Purpose, batch: Option<usize>) -> f64 {
    let models = ["net", "m", "against", "through"].into_iter().filter_map(|slot| net(inputs, &[slot]));
    models.map(|net| Network::device_bytes(net, purpose, batch.unwrap_or_else(|| batch_for(net, purpose)), false)).sum()
}

/// Returns the bytes of buffers of a pass in evaluation over batches of the size that it takes.
pub fn evaluation_bytes(net: &Arc<Net>) -> f64 {
    Network::bytes(net, Purpose::Evaluation, batch_size(net))
}
