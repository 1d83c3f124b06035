//! Layers on the host's cores: channels-last activations, matrix products on tiles, fixed orders of summation.
//!
//! In: a layer with all its sizes ([`Spec`]). Out: a [`Layer`] for it on the host.
//! Never: a size of work that depends on the number of threads.

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
pub mod layer;
pub mod layer_norm;
pub mod linear;
pub mod lstm;
pub mod parallel;
pub mod pool;
pub mod shape;
#[cfg(test)]
mod tests;
pub mod tokens;
pub mod upsample;
mod winograd;

use super::spec::{Geometry, Spec};
use layer::Layer;

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
        Spec::Token(of) => Box::new(of),
        Spec::ClassToken(of) => Box::new(of),
        Spec::PositionEmbedding(of) => Box::new(of),
        Spec::Embedding(of) => Box::new(of),
        Spec::Attention(of) => Box::new(of),
        Spec::Lstm(of) => Box::new(of),
        Spec::Upsample(of) => Box::new(of),
        Spec::Linear(of) => Box::new(of),
        Spec::Dropout(of) => Box::new(of),
        Spec::Add(of) => Box::new(of),
        Spec::Concat(of) => Box::new(of),
        Spec::SubsamplePad(of) => Box::new(of),
    }
}

/// Returns whether a convolution of so many images takes fewer multiplications, by minimal filtering.
pub fn minimal(geometry: &Geometry, batch: usize) -> bool {
    winograd::suits(geometry, batch)
}
