//! What a network is expected to take of a device's memory.

use super::conv::PIECE;
use crate::lang::net::ir::Net;
use crate::ops::nn::program::Program;
use crate::ops::nn::spec::Spec;
use crate::ops::nn::steps::{Laid, Purpose, lay};
use std::sync::Arc;

/// Returns the bytes that a network takes on a device at most, for batches of `batch` examples: values, what layers save for their gradients, weights
/// and their gradients, and the work of the layer that needs most. With `short`, values have 16 bits. What an optimiser remembers comes on top.
pub fn bytes(net: &Arc<Net>, purpose: Purpose, batch: usize, short: bool) -> f64 {
    let laid = lay(net, &[], &[]);
    let numbers = |value: usize| match value {
        0 => batch * net.input.iter().product::<usize>(),
        node => batch * net.nodes[node - 1].shape.iter().product::<usize>(),
    };
    let width = if short { 2.0 } else { 4.0 };
    let weights = 4.0 * net.parameters() as f64 * if purpose.trains() { 2.0 } else { 1.0 };
    let work = laid.iter().map(|step| work(step, batch, &numbers)).fold(0.0, f64::max);
    if purpose == Purpose::Evaluation {
        let slots = Program::new(net, purpose, &[]).slot_sizes;
        return weights + work + width * (batch * slots.iter().sum::<usize>()) as f64;
    }
    // All values stay for the way back; gradients by them come and go, the largest two at a time.
    let values: usize = numbers(0) + laid.iter().map(|step| numbers(step.output)).sum::<usize>();
    let largest = laid.iter().map(|step| numbers(step.output)).max().unwrap_or(0);
    let saved: usize = laid.iter().map(|step| saved(step, batch, &numbers)).sum();
    weights + work + width * (values + 2 * largest) as f64 + 4.0 * saved as f64
}

/// Returns the numbers of 32 bits that a step saves for its gradient.
fn saved(step: &Laid, batch: usize, numbers: &dyn Fn(usize) -> usize) -> usize {
    let out = numbers(step.output);
    match &step.spec {
        Spec::Attention(of) => batch * of.heads * of.tokens * of.tokens,
        // Gates and cells of each token.
        Spec::Lstm(_) => 6 * out,
        Spec::GroupNorm(_) | Spec::LayerNorm(_) => out,
        Spec::MaxPool(_) | Spec::Dropout(_) => out,
        _ => 0,
    }
}

/// Returns the bytes that a step takes while it is computed: inputs, output and their gradients in 32 bits, and the windows of a convolution twice
/// (as they are and turned).
fn work(step: &Laid, batch: usize, numbers: &dyn Fn(usize) -> usize) -> f64 {
    let around = 2 * (step.inputs.iter().map(|v| numbers(*v)).sum::<usize>() + numbers(step.output));
    let g = match &step.spec {
        Spec::Conv(of) => Some(of.geometry),
        Spec::ConvTransposed(of) => Some(of.back),
        _ => None,
    };
    let windows = g.filter(|g| !g.pointwise()).map_or(0, |g| {
        let one = g.windows() * g.depth() * g.groups;
        2 * (batch * one).min(PIECE.max(one))
    });
    4.0 * (around + windows) as f64
}
