//! Layers on an accelerator: kernels of `kernels.cu`, products of matrices and convolutions of the vendor's libraries.
//!
//! In: a node of a network and the shapes around it. Out: a [`super::layer::Layer`] over buffers in the accelerator's memory.
//! Never: a sum whose order depends on chance (no atomic additions), or a call of a driver outside the accelerator's own module.

pub mod accelerator;

#[cfg(feature = "cuda")]
pub mod cuda;
