//! The contract of a layer over tensors, and what layers share: products, sums, shapes.

use crate::ops::nn::spec::Pass;
use candle_core::{DType, Result, Tensor};

/// One layer on one device, for one set of sizes. Its parameters are those of the host's layer of the same sizes, in the same order.
///
/// All tensors are of 32 bits and contiguous, inputs and outputs `batch x size`; parameters are flat, their numbers ordered as on the host.
pub trait Layer: Send + Sync {
    /// Returns the output of a batch, and what the backward pass needs beside inputs and output.
    ///
    /// Errors: what the device says.
    fn forward(&self, pass: Pass, state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)>;

    /// Returns the gradients by inputs and parameters from that by the output.
    ///
    /// Errors: what the device says.
    fn backward(&self, b: &Backward) -> Result<Gradients>;
}

/// Everything a backward step reads.
pub struct Backward<'a> {
    /// The pass whose gradient is taken.
    pub pass: Pass,
    /// The layer's parameters and statistics.
    pub state: &'a [Tensor],
    /// The layer's inputs.
    pub inputs: &'a [Tensor],
    /// The layer's output.
    pub output: &'a Tensor,
    /// What the forward pass left.
    pub saved: &'a [Tensor],
    /// Gradient of the loss by the output.
    pub grad: &'a Tensor,
    /// Whether the gradient by each input is wanted.
    pub wanted: &'a [bool],
    /// Whether the gradients by parameters are wanted.
    pub learns: bool,
}

/// What a backward step gives.
#[derive(Default)]
pub struct Gradients {
    /// The gradient by each input; `None` if none is wanted.
    pub inputs: Vec<Option<Tensor>>,
    /// The gradient by each trained parameter, flat; empty where none is wanted.
    pub parameters: Vec<Tensor>,
}

impl Gradients {
    /// Returns the gradient by the one input alone.
    pub fn input(gradient: Tensor) -> Self {
        Gradients { inputs: vec![Some(gradient)], parameters: Vec::new() }
    }
}

/// A batch normalised by its own statistics, scaled and shifted.
pub struct Normalised {
    /// What came out, `rows x features`.
    pub y: Tensor,
    /// Mean of each feature.
    pub mean: Tensor,
    /// Biased variance of each feature.
    pub var: Tensor,
    /// `1 / sqrt(var + eps)`.
    pub inverse: Tensor,
}

/// How products of matrices are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Products {
    /// Whether factors and results are rounded to 16 bits (bfloat16); sums keep 32.
    pub short: bool,
}

impl Products {
    /// Returns the product of two matrices, or of two stacks of them.
    pub fn of(self, a: &Tensor, b: &Tensor) -> Result<Tensor> {
        if !self.short {
            return a.matmul(b);
        }
        let (a, b) = (a.to_dtype(DType::BF16)?, b.to_dtype(DType::BF16)?);
        a.matmul(&b)?.to_dtype(DType::F32)
    }
}

/// Returns the sums of the columns of `rows x columns`: first within each of `batch` equal runs of rows, then over them, which loses less
/// than one long sum.
pub fn column_sums(x: &Tensor, batch: usize, columns: usize) -> Result<Tensor> {
    let rows = x.elem_count() / (batch * columns).max(1);
    x.reshape((batch, rows, columns))?.sum(1)?.sum(0)
}

/// Returns a matrix turned, as one run of numbers.
pub fn turned(x: &Tensor) -> Result<Tensor> {
    x.t()?.contiguous()
}

/// Returns the gradient by what a softmax over the last axis was taken of: `y (d - sum of y d)`.
pub fn softmax_gradient(y: &Tensor, grad: &Tensor) -> Result<Tensor> {
    let mean = (y * grad)?.sum_keepdim(y.rank() - 1)?;
    y * grad.broadcast_sub(&mean)?
}

/// Returns the gradient where `y` is above 0, and 0 elsewhere.
pub fn where_positive(y: &Tensor, grad: &Tensor) -> Result<Tensor> {
    y.gt(0f32)?.where_cond(grad, &grad.zeros_like()?)
}

/// Returns max(x, 0), which carries NaN on, as a diverged network must show.
pub fn relu(x: &Tensor) -> Result<Tensor> {
    x.lt(0f32)?.where_cond(&x.zeros_like()?, x)
}
