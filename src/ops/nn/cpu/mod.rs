//! Layers on the host's cores: channels-last activations, matrix products on tiles, fixed orders of summation.
//!
//! In: a node of a network and the shapes around it. Out: a [`Layer`]. Never: a size of work that depends on the number of threads.
//! A module for another device offers the same function [`layer`] over buffers in its own memory.

mod activation;
mod attention;
mod batch_norm;
mod conv;
mod conv_transposed;
mod dropout;
pub mod functions;
mod gemm;
mod group_norm;
mod im2col;
mod layer_norm;
mod linear;
pub mod loss;
mod lstm;
pub mod parallel;
mod pool;
mod shape;
#[cfg(test)]
mod tests;
mod tokens;
mod upsample;

use super::layer::Layer;
use crate::lang::net::ir::{LayerOp, Shape};
use activation::{Activation, Function};

pub use batch_norm::BatchNorm;
pub use im2col::Geometry;

/// Returns the layer of a node. `node` is its index in the network, which names its stream; shapes are of one example.
pub fn layer(op: &LayerOp, node: usize, inputs: &[&Shape], output: &Shape) -> Box<dyn Layer> {
    let input = inputs.first().copied().unwrap_or(output);
    let len: usize = output.iter().product();
    let (h, w, c) = image(input);
    let (oh, ow, n) = image(output);
    let positions = h * w;
    let function = |function| -> Box<dyn Layer> { Box::new(Activation { len, function }) };
    match *op {
        LayerOp::Conv { kernel, stride, pad, dilation, groups, bias, .. } => Box::new(conv::Conv {
            geometry: im2col::Geometry { h, w, c, oh, ow, n, kernel, stride, pad, dilation, groups },
            bias,
        }),
        LayerOp::ConvTransposed { kernel, stride, pad, dilation, groups, bias, .. } => {
            let back = im2col::Geometry { h: oh, w: ow, c: n, oh: h, ow: w, n: c, kernel, stride, pad, dilation, groups };
            Box::new(conv_transposed::ConvTransposed { back, bias })
        }
        LayerOp::GroupNorm { groups, features, eps } => Box::new(group_norm::GroupNorm { positions, features, groups, eps }),
        LayerOp::BatchNorm { features, eps, momentum, zero_scale } => {
            Box::new(BatchNorm { positions, features, eps, momentum, zero_scale, residual: false, relu: false })
        }
        LayerOp::LayerNorm { features, eps } => Box::new(layer_norm::LayerNorm { positions, features, eps }),
        LayerOp::Relu => function(Function::Relu),
        LayerOp::LeakyRelu { slope } => function(Function::LeakyRelu(slope as f32)),
        LayerOp::Gelu => function(Function::Gelu),
        LayerOp::GeluTanh => function(Function::GeluTanh),
        LayerOp::Tanh => function(Function::Tanh),
        LayerOp::Sigmoid => function(Function::Sigmoid),
        LayerOp::Softmax => Box::new(attention::Softmax { positions, features: c }),
        LayerOp::MaxPool { kernel, stride, pad } => {
            Box::new(pool::MaxPool(pool::Windows { h, w, c, oh, ow, kernel, stride, pad }))
        }
        LayerOp::AvgPool { kernel, stride, pad } => {
            Box::new(pool::AvgPool(pool::Windows { h, w, c, oh, ow, kernel, stride, pad }))
        }
        LayerOp::GlobalMean => Box::new(pool::GlobalMean { positions, c }),
        // Images are laid out channels first, as PyTorch has them: a transposition. Rows of tokens stay as they are.
        LayerOp::Flatten | LayerOp::Reshape if (input.len() == 3) != (output.len() == 3) => match input.len() {
            3 => Box::new(tokens::Transpose { rows: positions, cols: c }),
            _ => Box::new(tokens::Transpose { rows: n, cols: oh * ow }),
        },
        LayerOp::Reshape if input != output => Box::new(shape::Reshape { from: (positions, c), to: (oh * ow, n) }),
        LayerOp::Flatten | LayerOp::Reshape | LayerOp::Tokens => Box::new(tokens::Same { len }),
        LayerOp::Transpose => Box::new(tokens::Transpose { rows: positions, cols: c }),
        LayerOp::Token { index } => Box::new(tokens::Token { tokens: positions, features: c, index }),
        LayerOp::ClassToken { features } => Box::new(tokens::ClassToken { tokens: positions, features }),
        LayerOp::PositionEmbedding { tokens, features } => Box::new(tokens::PositionEmbedding { tokens, features }),
        LayerOp::Embedding { words, features } => Box::new(tokens::Embedding { tokens: len / features, words, features }),
        LayerOp::Attention { heads, causal } => Box::new(attention::Attention { tokens: oh, features: n, heads, causal }),
        LayerOp::Lstm { input, hidden, index } => Box::new(lstm::Lstm { tokens: positions, input, hidden, index }),
        LayerOp::Upsample { factor, bilinear } => Box::new(upsample::Upsample { h, w, c, factor, bilinear }),
        LayerOp::Linear { input, output, bias } => Box::new(linear::Linear { positions, input, output, bias }),
        LayerOp::Dropout { rate } => Box::new(dropout::Dropout { len, rate, node }),
        LayerOp::DropoutChannels { rate } => Box::new(dropout::DropoutChannels { positions, c, rate, node }),
        LayerOp::Add => Box::new(shape::Add { len }),
        LayerOp::Concat => {
            let widths = inputs.iter().map(|s| s.last().copied().unwrap_or(1)).collect();
            Box::new(shape::Concat { positions, widths })
        }
        LayerOp::SubsamplePad { stride, .. } => Box::new(shape::SubsamplePad { h, w, c, oh, ow, n, stride }),
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
