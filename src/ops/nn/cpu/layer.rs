//! The contract of a layer on the host: an explicit forward and backward over runs of numbers, those of the batch and no more.

use crate::ops::nn::spec::Pass;

/// What the backward pass needs of the forward pass beside inputs and output.
#[derive(Debug, Default)]
pub struct Saved {
    /// Statistics of the batch, or a mask.
    pub numbers: Vec<f32>,
    /// Places of maxima.
    pub indices: Vec<u32>,
}

/// Where the gradient of an input goes.
#[derive(Debug)]
pub struct Sink<'a> {
    /// Its numbers.
    pub out: &'a mut [f32],
    /// Whether to add to what is there (the value has several consumers) or to overwrite it.
    pub add: bool,
}

/// Everything a backward step reads and writes.
pub struct Backward<'a> {
    /// The pass whose gradient is taken.
    pub pass: Pass,
    /// The layer's parameters and statistics.
    pub state: &'a [Vec<f32>],
    /// The layer's inputs.
    pub inputs: &'a [&'a [f32]],
    /// The layer's output.
    pub output: &'a [f32],
    /// What the forward pass left.
    pub saved: &'a Saved,
    /// Gradient of the loss by the output.
    pub grad: &'a [f32],
    /// Where the gradient by each input goes; nothing where none is wanted.
    pub sinks: &'a mut [Option<Sink<'a>>],
    /// Where the gradient by each trained parameter goes (overwritten); empty where none is wanted.
    pub grad_state: &'a mut [Vec<f32>],
    /// Scratch shared by all layers; grows as needed, its contents mean nothing.
    pub work: &'a mut Vec<f32>,
}

/// One layer on the host's cores, for one set of sizes.
pub trait Layer: Send + Sync {
    /// Returns how many numbers of [`Backward::work`] the backward pass of a batch asks for.
    fn scratch(&self, _batch: usize) -> usize {
        0
    }

    /// Returns how many numbers of [`Saved`] grow with the batch.
    fn saved(&self, _batch: usize) -> usize {
        0
    }

    /// Computes the output of a batch.
    fn forward(&self, pass: Pass, state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], saved: &mut Saved);

    /// Computes the gradients by inputs and parameters from that by the output.
    fn backward(&self, b: Backward);
}
