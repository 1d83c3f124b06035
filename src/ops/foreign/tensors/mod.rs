//! Files of named tensors that other programs wrote.
//!
//! In: safetensors files; PyTorch checkpoints, zip archives (since 1.6) and the older plain form. Out: a [`Listing`] of tensors read without their numbers, then
//! the numbers as `f32`.
//! Never: code from a file is run. The unpickler ([`crate::ops::foreign::pickle`]) builds data of a few known kinds, passes over objects of others, and refuses names
//! that could do something. Memory grows with the bytes that are really there, never with what a file claims; nothing here recurses, and no file makes it panic.

mod format;
mod listing;
mod safetensors;
#[cfg(test)]
pub mod tests;
mod torch;

pub use format::list;
pub use listing::{Block, Listing};
