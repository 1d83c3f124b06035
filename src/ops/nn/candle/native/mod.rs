//! Convolutions and batch normalisation by the library of a device, where it has one that has passed the comparison with the composed operations ([`super::comparison`]).
//!
//! That is cuDNN, in builds with the feature `cudnn`. Everywhere else, and for shapes that it has no algorithm for, they are composed.

#[cfg(feature = "cudnn")]
mod cudnn;
#[cfg(feature = "cudnn")]
mod cudnn_norm;

use super::layer::{Normalised, Products};
use crate::ops::nn::spec::{BatchNorm, Geometry};
use candle_core::{Device, DeviceLocation, Result, Tensor};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// What is computed of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// The output, from images and weight.
    Forward,
    /// The gradient by the images, from that by the output and the weight.
    ByImages,
    /// The gradient by the weight, from the images and the gradient by the output.
    ByWeight,
}

/// GPUs, by number, whose library is used.
static TRUSTED: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

/// Has convolutions on a device go through its library from now on.
#[cfg(feature = "cuda")]
pub fn trust(device: &Device) {
    if let DeviceLocation::Cuda { gpu_id } = device.location() {
        TRUSTED.lock().unwrap_or_else(PoisonError::into_inner).insert(gpu_id);
    }
}

/// Returns whether convolutions on a device go through its library.
pub fn trusted(device: &Device) -> bool {
    match device.location() {
        DeviceLocation::Cuda { gpu_id } => TRUSTED.lock().unwrap_or_else(PoisonError::into_inner).contains(&gpu_id),
        _ => false,
    }
}

/// Returns the name and version of the library that this build has for a device; `None` if it has none.
#[cfg(feature = "cuda")]
pub fn library(device: &Device) -> Option<String> {
    #[cfg(feature = "cudnn")]
    if device.is_cuda() {
        return Some(cudnn::version());
    }
    let _ = device;
    None
}

/// Returns what the library computes of a convolution: images are `batch x (positions c)`, the weight is flat and lies as on the host. Nothing where
/// there is no library, or it has no algorithm for the shape whose bits are always the same.
///
/// Errors: what the device says.
pub fn convolution(way: Way, g: &Geometry, products: Products, a: &Tensor, b: &Tensor) -> Result<Option<Tensor>> {
    #[cfg(feature = "cudnn")]
    if a.device().is_cuda() {
        let kind = if products.short { candle_core::DType::BF16 } else { candle_core::DType::F32 };
        let b = if way == Way::ByWeight { b.clone() } else { rows(g, b)? };
        let (a, b) = (a.to_dtype(kind)?.contiguous()?, b.to_dtype(kind)?.contiguous()?);
        let Some(out) = cudnn::convolution(way, g, &a, &b)? else { return Ok(None) };
        let out = out.to_dtype(candle_core::DType::F32)?;
        return Ok(Some(if way == Way::ByWeight { columns(g, &out)? } else { out }));
    }
    let _ = (way, g, products, a, b);
    Ok(None)
}

/// Returns what the library makes of a batch of `rows x features` by its own statistics; nothing where there is no library.
///
/// Errors: what the device says.
pub fn normalised(of: &BatchNorm, batch: usize, x: &Tensor, scale: &Tensor, shift: &Tensor) -> Result<Option<Normalised>> {
    #[cfg(feature = "cudnn")]
    if x.device().is_cuda() {
        return cudnn_norm::forward(of, batch, x, scale, shift).map(Some);
    }
    let _ = (of, batch, x, scale, shift);
    Ok(None)
}

/// Returns the gradients by the batch, the scale and the shift, from the batch and the gradient by what came out; nothing where there is no library.
///
/// Errors: what the device says.
pub fn normalised_back(
    of: &BatchNorm,
    batch: usize,
    (x, d): (&Tensor, &Tensor),
    scale: &Tensor,
    (mean, inverse): (&Tensor, &Tensor),
) -> Result<Option<[Tensor; 3]>> {
    #[cfg(feature = "cudnn")]
    if x.device().is_cuda() {
        return cudnn_norm::backward(of, batch, (x, d), scale, (mean, inverse)).map(Some);
    }
    let _ = (of, batch, x, d, scale, mean, inverse);
    Ok(None)
}

/// Returns a weight as cuDNN has it, `n x kernel x kernel x (c / groups)`, from the host's `groups x kernel x kernel x (c / groups) x (n / groups)`.
#[cfg(any(test, feature = "cudnn"))]
pub(super) fn rows(g: &Geometry, weight: &Tensor) -> Result<Tensor> {
    let shape = (g.groups, g.kernel, g.kernel, g.group_in(), g.group_out());
    weight.reshape(shape)?.permute((0, 4, 1, 2, 3))?.contiguous()?.flatten_all()
}

/// Returns a weight as the host has it, from cuDNN's.
#[cfg(any(test, feature = "cudnn"))]
pub(super) fn columns(g: &Geometry, weight: &Tensor) -> Result<Tensor> {
    let shape = (g.groups, g.group_out(), g.kernel, g.kernel, g.group_in());
    weight.reshape(shape)?.permute((0, 2, 3, 4, 1))?.contiguous()?.flatten_all()
}
