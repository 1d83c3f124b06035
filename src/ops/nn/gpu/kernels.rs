//! The text of the kernels, which accelerators compile for themselves.

/// CUDA C.
pub const KERNELS: &str = include_str!("kernels.cu");
