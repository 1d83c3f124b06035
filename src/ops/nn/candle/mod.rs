//! Networks over candle's tensors, on whatever device candle has: its own CPU device, GPUs through CUDA, Apple's through Metal.
//!
//! In: the steps of a network ([`super::program`]). Out: an [`Engine`](super::engine::Engine) for them. Gradients are written out layer by layer and
//! made of candle's forward operations ([`layer::Layer`]); its own backward pass is not used (docs/candle.md says what is wrong there).
//! Never: a draw of candle's generator, or an addition whose order is chance.

#[cfg(any(test, feature = "cuda"))]
mod comparison;
mod conv;
mod descent;
pub mod device;
pub mod layer;
mod loss;
pub mod memory;
mod native;
mod norm;
mod pointwise;
mod pool;
mod positions;
pub mod run;
mod sequence;
#[cfg(test)]
mod tests;
mod tokens;

use super::spec::{self, Spec};
use candle_core::{Device, Result};
use layer::{Layer, Products};

/// Returns a layer over tensors on a device.
///
/// Errors: what the device says.
pub fn layer(of: Spec, products: Products, device: &Device) -> Result<Box<dyn Layer>> {
    Ok(match of {
        Spec::Conv(of) => Box::new(conv::Conv::new(of, products, device)?),
        Spec::ConvTransposed(of) => Box::new(conv::ConvTransposed::new(of, products, device)?),
        Spec::GroupNorm(spec::GroupNorm { positions, features, groups, eps }) => {
            Box::new(norm::RowNorm { apart: 1, positions, groups, features, eps })
        }
        Spec::LayerNorm(spec::LayerNorm { positions, features, eps }) => {
            Box::new(norm::RowNorm { apart: positions, positions: 1, groups: 1, features, eps })
        }
        Spec::BatchNorm(of) => Box::new(norm::BatchNorm::new(of, device)),
        Spec::Activation(of) => Box::new(pointwise::Activation(of.function)),
        Spec::Softmax(of) => Box::new(pointwise::Softmax(of)),
        Spec::MaxPool(of) => Box::new(pool::MaxPool::new(of.0, device)?),
        Spec::AvgPool(of) => Box::new(pool::Linear::means(of.0, device)?),
        Spec::GlobalMean(of) => Box::new(pool::GlobalMean(of)),
        Spec::Transpose(of) => Box::new(tokens::Transpose(of)),
        Spec::Reshape(of) => Box::new(tokens::Reshape(of)),
        Spec::Add(_) => Box::new(pointwise::Add),
        Spec::Token(of) => Box::new(tokens::Token(of)),
        Spec::ClassToken(of) => Box::new(tokens::ClassToken(of)),
        Spec::PositionEmbedding(_) => Box::new(tokens::PositionEmbedding),
        Spec::Embedding(of) => Box::new(tokens::Embedding(of)),
        Spec::Attention(of) => Box::new(sequence::Attention::new(of, products, device)?),
        Spec::Lstm(of) => Box::new(sequence::Lstm { of, products }),
        Spec::Upsample(of) => Box::new(pool::Linear::upsampled(of, device)?),
        Spec::Linear(of) => Box::new(conv::Linear { of, products }),
        Spec::Dropout(of) => Box::new(pointwise::Dropout(of)),
        Spec::Concat(of) => Box::new(tokens::Concat(of)),
        Spec::SubsamplePad(of) => Box::new(pool::SubsamplePad::new(of, device)?),
    })
}
