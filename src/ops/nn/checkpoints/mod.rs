//! Files of weights that other programs wrote: what tensors they hold, and how those fit a network.
//!
//! In: safetensors files; PyTorch checkpoints, zip archives (since 1.6) and the older plain form; names and shapes that a network needs.
//! Out: a [`Listing`] of tensors read without their numbers, a [`names::pairing`] of them with a network's, then the numbers as `f32`.
//! Never: code from a file is run. The unpickler ([`crate::ops::foreign::pickle`]) builds data of a few known kinds, passes over objects of others, and refuses names that could do something. Memory grows
//! with the bytes that are really there, never with what a file claims; nothing here recurses, and no file makes it panic.

mod advice;
mod format;
pub mod import;
mod listing;
pub mod names;
mod safetensors;
mod torch;

#[cfg(test)]
mod tests;

pub use format::list;
pub use listing::{Entry, Listing};
