//! Layers on an accelerator: kernels of `kernels.cu`, products of matrices and convolutions of the vendor's libraries.
//!
//! In: a layer with its sizes. Out: a [`Layer`] over buffers in the accelerator's memory. An accelerator is anything with the trait
//! [`accelerator::Accelerator`]: a GPU through CUDA (`cuda`, with the feature of that name), or, for tests, a processor that runs the very
//! same text of the kernels (`emulated`).
//! Never: a sum whose order depends on chance (no atomic additions), or a call of a driver outside the accelerator's own module.

pub mod accelerator;
mod conv;
#[cfg(feature = "cuda")]
pub mod cuda;
#[cfg(test)]
pub mod emulated;
#[cfg(any(test, feature = "cuda"))]
mod kernels;
mod linear;
mod norm;
mod places;
mod pointwise;
mod pool;
pub mod work;

use super::cpu::{Spec, shape};
use super::layer::Layer;
use accelerator::Handle;
use work::Gpu;

/// Returns the accelerator of a name, `cuda` or `cuda:N`.
///
/// Errors: what is wrong and what to do, in a sentence: no such device, no driver, a build without CUDA.
pub fn open(name: &str) -> Result<Handle, String> {
    #[cfg(test)]
    if name == "emulated" {
        return Ok(emulated::open());
    }
    let ordinal = match name.split_once(':') {
        None if name == "cuda" => Some(0),
        Some(("cuda", number)) => number.parse().ok(),
        _ => None,
    };
    let Some(ordinal) = ordinal else { return Err(format!("there is no device `{name}`: write `cpu`, `cuda:0` or `auto`")) };
    open_cuda(ordinal)
}

#[cfg(feature = "cuda")]
fn open_cuda(ordinal: usize) -> Result<Handle, String> {
    cuda::open(ordinal, kernels::KERNELS)
}

#[cfg(not(feature = "cuda"))]
fn open_cuda(_ordinal: usize) -> Result<Handle, String> {
    Err("this build of cfx knows no GPUs: build it with `--features cuda` (README, \"On a GPU\")".to_string())
}

/// Returns a layer on an accelerator.
pub fn layer(of: Spec, gpu: &Gpu) -> Box<dyn Layer> {
    let gpu = gpu.clone();
    match of {
        Spec::Conv(of) => Box::new(conv::Conv { of, gpu }),
        Spec::ConvTransposed(of) => Box::new(conv::ConvTransposed { of, gpu }),
        Spec::GroupNorm(of) => Box::new(norm::GroupNorm {
            positions: of.positions,
            features: of.features,
            groups: of.groups,
            eps: of.eps,
            apart: 1,
            gpu,
        }),
        Spec::LayerNorm(of) => {
            Box::new(norm::GroupNorm { positions: 1, features: of.features, groups: 1, eps: of.eps, apart: of.positions, gpu })
        }
        Spec::BatchNorm(of) => Box::new(norm::BatchNorm { of, gpu }),
        Spec::Activation(of) => Box::new(pointwise::Activation { of, gpu }),
        Spec::Softmax(of) => Box::new(linear::Softmax { of, gpu }),
        Spec::MaxPool(of) => Box::new(pool::MaxPool { of, gpu }),
        Spec::AvgPool(of) => Box::new(pool::AvgPool { of, gpu }),
        Spec::GlobalMean(of) => Box::new(pool::GlobalMean { of, gpu }),
        Spec::Transpose(of) => Box::new(places::Transpose { of, gpu }),
        Spec::Reshape(of) => Box::new(places::Reshape { of, gpu }),
        Spec::Same(of) => Box::new(pointwise::Add { of: shape::Add { len: of.len }, gpu }),
        Spec::Token(of) => Box::new(places::Token { of, gpu }),
        Spec::ClassToken(of) => Box::new(places::ClassToken { of, gpu }),
        Spec::PositionEmbedding(of) => Box::new(places::PositionEmbedding { of, gpu }),
        Spec::Embedding(of) => Box::new(places::Embedding { of, gpu }),
        Spec::Attention(of) => Box::new(linear::Attention { of, gpu }),
        Spec::Lstm(of) => Box::new(linear::Lstm { of, gpu }),
        Spec::Upsample(of) => Box::new(pool::Upsample { of, gpu }),
        Spec::Linear(of) => Box::new(linear::Linear { of, gpu }),
        Spec::Dropout(of) => Box::new(pointwise::Dropout::from((of, gpu))),
        Spec::DropoutChannels(of) => Box::new(pointwise::Dropout::from((of, gpu))),
        Spec::Add(of) => Box::new(pointwise::Add { of, gpu }),
        Spec::Concat(of) => Box::new(places::Concat { of, gpu }),
        Spec::SubsamplePad(of) => Box::new(places::SubsamplePad { of, gpu }),
    }
}
