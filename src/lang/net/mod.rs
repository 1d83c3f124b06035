//! Networks: from the language's bodies to a static program whose shapes are all known.
//!
//! In: the declaration of a network, its arguments, an input shape, a number of classes. Out: an [`ir::Net`].
//! Never: weights, tensors, or a device.

pub mod ir;
