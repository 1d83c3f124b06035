//! Layers on the host's cores: channels-last activations, matrix products on tiles, fixed orders of summation.
//!
//! In: a node of a network and the shapes around it. Out: its layer with all sizes ([`Spec`]), and a [`Layer`] for it on the host.
//! Never: a size of work that depends on the number of threads. Layers of other devices ([`super::gpu`]) begin with the same sizes.

pub mod activation;
pub mod attention;
mod batch_norm;
pub mod conv;
pub mod conv_transposed;
pub mod dropout;
pub mod functions;
mod gemm;
pub mod group_norm;
pub mod im2col;
pub mod layer_norm;
pub mod linear;
pub mod loss;
pub mod lstm;
pub mod parallel;
pub mod pool;
pub mod shape;
#[cfg(test)]
mod tests;
pub mod tokens;
pub mod upsample;
mod winograd;

use super::layer::{Layer, Parameter};
use crate::lang::net::ir::{LayerOp, Shape};
use activation::{Activation, Function};

pub use batch_norm::BatchNorm;
pub use im2col::Geometry;

/// A layer with its sizes, on whatever device.
#[derive(Clone, Debug)]
pub enum Spec {
    Conv(conv::Conv),
    ConvTransposed(conv_transposed::ConvTransposed),
    GroupNorm(group_norm::GroupNorm),
    BatchNorm(BatchNorm),
    LayerNorm(layer_norm::LayerNorm),
    Activation(Activation),
    Softmax(attention::Softmax),
    MaxPool(pool::MaxPool),
    AvgPool(pool::AvgPool),
    GlobalMean(pool::GlobalMean),
    Transpose(tokens::Transpose),
    Reshape(shape::Reshape),
    Same(tokens::Same),
    Token(tokens::Token),
    ClassToken(tokens::ClassToken),
    PositionEmbedding(tokens::PositionEmbedding),
    Embedding(tokens::Embedding),
    Attention(attention::Attention),
    Lstm(lstm::Lstm),
    Upsample(upsample::Upsample),
    Linear(linear::Linear),
    Dropout(dropout::Dropout),
    DropoutChannels(dropout::DropoutChannels),
    Add(shape::Add),
    Concat(shape::Concat),
    SubsamplePad(shape::SubsamplePad),
}

impl Spec {
    /// Returns the parameters and statistics of the host's layer, and so of every engine's.
    pub fn parameters(&self) -> Vec<Parameter> {
        layer(self.clone()).parameters()
    }
}

/// Returns the layer of a node. `node` is its index in the network, which names its stream; shapes are of one example.
pub fn spec(op: &LayerOp, node: usize, inputs: &[&Shape], output: &Shape) -> Spec {
    let input = inputs.first().copied().unwrap_or(output);
    let len: usize = output.iter().product();
    let (h, w, c) = image(input);
    let (oh, ow, n) = image(output);
    let positions = h * w;
    let function = |function| Spec::Activation(Activation { len, function });
    match *op {
        LayerOp::Conv { kernel, stride, pad, dilation, groups, bias, .. } => {
            Spec::Conv(conv::Conv { geometry: Geometry { h, w, c, oh, ow, n, kernel, stride, pad, dilation, groups }, bias })
        }
        LayerOp::ConvTransposed { kernel, stride, pad, dilation, groups, bias, .. } => {
            let back = Geometry { h: oh, w: ow, c: n, oh: h, ow: w, n: c, kernel, stride, pad, dilation, groups };
            Spec::ConvTransposed(conv_transposed::ConvTransposed { back, bias })
        }
        LayerOp::GroupNorm { groups, features, eps } => {
            Spec::GroupNorm(group_norm::GroupNorm { positions, features, groups, eps })
        }
        LayerOp::BatchNorm { features, eps, momentum, zero_scale } => {
            Spec::BatchNorm(BatchNorm { positions, features, eps, momentum, zero_scale, residual: false, relu: false })
        }
        LayerOp::LayerNorm { features, eps } => Spec::LayerNorm(layer_norm::LayerNorm { positions, features, eps }),
        LayerOp::Relu => function(Function::Relu),
        LayerOp::LeakyRelu { slope } => function(Function::LeakyRelu(slope as f32)),
        LayerOp::Gelu => function(Function::Gelu),
        LayerOp::GeluTanh => function(Function::GeluTanh),
        LayerOp::Tanh => function(Function::Tanh),
        LayerOp::Sigmoid => function(Function::Sigmoid),
        LayerOp::Softmax => Spec::Softmax(attention::Softmax { positions, features: c }),
        LayerOp::MaxPool { kernel, stride, pad } => {
            Spec::MaxPool(pool::MaxPool(pool::Windows { h, w, c, oh, ow, kernel, stride, pad }))
        }
        LayerOp::AvgPool { kernel, stride, pad } => {
            Spec::AvgPool(pool::AvgPool(pool::Windows { h, w, c, oh, ow, kernel, stride, pad }))
        }
        LayerOp::GlobalMean => Spec::GlobalMean(pool::GlobalMean { positions, c }),
        // Images are laid out channels first, as PyTorch has them: a transposition. Rows of tokens stay as they are.
        LayerOp::Flatten | LayerOp::Reshape if (input.len() == 3) != (output.len() == 3) => match input.len() {
            3 => Spec::Transpose(tokens::Transpose { rows: positions, cols: c }),
            _ => Spec::Transpose(tokens::Transpose { rows: n, cols: oh * ow }),
        },
        LayerOp::Reshape if input != output => Spec::Reshape(shape::Reshape { from: (positions, c), to: (oh * ow, n) }),
        LayerOp::Flatten | LayerOp::Reshape | LayerOp::Tokens => Spec::Same(tokens::Same { len }),
        LayerOp::Transpose => Spec::Transpose(tokens::Transpose { rows: positions, cols: c }),
        LayerOp::Token { index } => Spec::Token(tokens::Token { tokens: positions, features: c, index }),
        LayerOp::ClassToken { features } => Spec::ClassToken(tokens::ClassToken { tokens: positions, features }),
        LayerOp::PositionEmbedding { tokens, features } => {
            Spec::PositionEmbedding(tokens::PositionEmbedding { tokens, features })
        }
        LayerOp::Embedding { words, features } => Spec::Embedding(tokens::Embedding { tokens: len / features, words, features }),
        LayerOp::Attention { heads, causal } => Spec::Attention(attention::Attention { tokens: oh, features: n, heads, causal }),
        LayerOp::Lstm { input, hidden, index } => Spec::Lstm(lstm::Lstm { tokens: positions, input, hidden, index }),
        LayerOp::Upsample { factor, bilinear } => Spec::Upsample(upsample::Upsample { h, w, c, factor, bilinear }),
        LayerOp::Linear { input, output, bias } => Spec::Linear(linear::Linear { positions, input, output, bias }),
        LayerOp::Dropout { rate } => Spec::Dropout(dropout::Dropout { len, rate, node }),
        LayerOp::DropoutChannels { rate } => Spec::DropoutChannels(dropout::DropoutChannels { positions, c, rate, node }),
        LayerOp::Add => Spec::Add(shape::Add { len }),
        LayerOp::Concat => {
            let widths = inputs.iter().map(|s| s.last().copied().unwrap_or(1)).collect();
            Spec::Concat(shape::Concat { positions, widths })
        }
        LayerOp::SubsamplePad { stride, .. } => Spec::SubsamplePad(shape::SubsamplePad { h, w, c, oh, ow, n, stride }),
    }
}

/// Returns a layer on the host's cores.
pub fn layer(of: Spec) -> Box<dyn Layer> {
    match of {
        Spec::Conv(of) => Box::new(of),
        Spec::ConvTransposed(of) => Box::new(of),
        Spec::GroupNorm(of) => Box::new(of),
        Spec::BatchNorm(of) => Box::new(of),
        Spec::LayerNorm(of) => Box::new(of),
        Spec::Activation(of) => Box::new(of),
        Spec::Softmax(of) => Box::new(of),
        Spec::MaxPool(of) => Box::new(of),
        Spec::AvgPool(of) => Box::new(of),
        Spec::GlobalMean(of) => Box::new(of),
        Spec::Transpose(of) => Box::new(of),
        Spec::Reshape(of) => Box::new(of),
        Spec::Same(of) => Box::new(of),
        Spec::Token(of) => Box::new(of),
        Spec::ClassToken(of) => Box::new(of),
        Spec::PositionEmbedding(of) => Box::new(of),
        Spec::Embedding(of) => Box::new(of),
        Spec::Attention(of) => Box::new(of),
        Spec::Lstm(of) => Box::new(of),
        Spec::Upsample(of) => Box::new(of),
        Spec::Linear(of) => Box::new(of),
        Spec::Dropout(of) => Box::new(of),
        Spec::DropoutChannels(of) => Box::new(of),
        Spec::Add(of) => Box::new(of),
        Spec::Concat(of) => Box::new(of),
        Spec::SubsamplePad(of) => Box::new(of),
    }
}

/// Returns height, width and channels of a shape; tokens count as a column of positions.
pub fn image(shape: &Shape) -> (usize, usize, usize) {
    match shape[..] {
        [h, w, c] => (h, w, c),
        [tokens, c] => (tokens, 1, c),
        [c] => (1, 1, c),
        _ => (1, 1, shape.iter().product()),
    }
}

/// Returns whether a convolution of `batch` images takes fewer multiplications, by minimal filtering.
pub fn minimal(geometry: &Geometry, batch: usize) -> bool {
    winograd::suits(geometry, batch)
}
