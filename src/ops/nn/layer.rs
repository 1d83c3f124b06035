//! The contract of a layer: an explicit forward and backward over buffers, and the parameters it keeps.

use super::buffer::Buffer;
use crate::base::Stream;

/// What all layers of one pass are told.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Number of examples; buffers may be longer, their front is used.
    pub batch: usize,
    /// Training (statistics of the batch, dropout) or evaluation.
    pub training: bool,
    /// The stream of this step, from which dropout draws.
    pub stream: Stream,
}

/// A parameter or a statistic of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Name below the layer's path: `weight`, `bias`, `running_mean`, `running_var`; empty where the path is the whole name.
    pub name: &'static str,
    /// Shape in PyTorch's layout.
    pub shape: Vec<usize>,
    /// How the numbers lie in the buffer, compared with PyTorch's layout.
    pub order: Order,
    /// Value before training.
    pub init: Init,
    /// Whether the optimiser changes it (running statistics are not trained).
    pub trained: bool,
}

/// How a parameter's numbers lie in its buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As in PyTorch.
    Same,
    /// A matrix, transposed: `[input, output]`.
    Transposed,
    /// A convolution's weight: `[groups, kernel, kernel, input / groups, output / groups]`.
    ChannelsLast {
        /// Number of groups.
        groups: usize,
    },
}

/// Value of a parameter before training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// One value everywhere.
    Constant(f32),
    /// Uniform in (-bound, bound).
    Uniform(f32),
    /// Normal with mean 0 and this standard deviation.
    Normal(f32),
}

impl Parameter {
    /// Returns its whole name, below the path of its layer.
    pub fn under(&self, path: &str) -> String {
        if self.name.is_empty() { path.to_string() } else { format!("{path}.{}", self.name) }
    }

    /// Returns how many numbers it has.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Returns whether it has no number.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether it follows the batches and not the gradient.
    pub fn statistic(&self) -> bool {
        matches!(self.name, "running_mean" | "running_var")
    }
}

/// Returns the parameters of a normalisation that scales and shifts: `weight` of ones and `bias` of zeros, `[features]` each (PyTorch's).
pub fn scale_and_shift(features: usize) -> Vec<Parameter> {
    let one =
        |name, value| Parameter { name, shape: vec![features], order: Order::Same, init: Init::Constant(value), trained: true };
    vec![one("weight", 1.0), one("bias", 0.0)]
}

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
    /// The buffer.
    pub buffer: &'a mut Buffer,
    /// Whether to add to what is there (the value has several consumers) or to overwrite it.
    pub add: bool,
}

/// Everything a backward step reads and writes.
pub struct Backward<'a> {
    /// The pass whose gradient is taken.
    pub pass: Pass,
    /// The layer's parameters and statistics.
    pub state: &'a [Buffer],
    /// The layer's inputs.
    pub inputs: &'a [&'a Buffer],
    /// The layer's output.
    pub output: &'a Buffer,
    /// What the forward pass left.
    pub saved: &'a Saved,
    /// Gradient of the loss by the output.
    pub grad: &'a Buffer,
    /// Where the gradient by each input goes; `None` if none is wanted.
    pub sinks: &'a mut [Option<Sink<'a>>],
    /// Where the gradient by each trained parameter goes (overwritten); empty where none is wanted.
    pub grad_state: &'a mut [Buffer],
    /// Scratch shared by all layers; grows as needed, its contents mean nothing.
    pub work: &'a mut Vec<f32>,
}

/// One layer on the host's cores, for one set of sizes.
pub trait Layer: Send + Sync {
    /// Returns the parameters, trained ones first.
    fn parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }

    /// Returns how many numbers of [`Backward::work`] the backward pass of a batch asks for.
    fn scratch(&self, _batch: usize) -> usize {
        0
    }

    /// Returns how many numbers of [`Saved`] grow with the batch.
    fn saved(&self, _batch: usize) -> usize {
        0
    }

    /// Computes the output of a batch.
    fn forward(&self, pass: Pass, state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, saved: &mut Saved);

    /// Computes the gradients by inputs and parameters from that by the output.
    fn backward(&self, b: Backward);
}
