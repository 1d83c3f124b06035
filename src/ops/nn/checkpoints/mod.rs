//! Weights that other programs wrote, taken into a network.
//!
//! In: the tensors of a file ([`crate::ops::foreign::tensors`]); names and shapes that a network needs. Out: a [`names::pairing`] of them, and a model.
//! Never: a name changed unless everything then fits.

mod advice;
pub mod import;
pub mod names;

#[cfg(test)]
mod tests;
