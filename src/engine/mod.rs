//! Running: values, the store, the scheduler, progress; one contract for whatever computes.
//!
//! In: a plan of cells and a registry of kernels. Out: values in the store, and what became of each cell.
//! Never: the name of a particular kernel, or anything about the language.

pub mod kernel;
pub mod value;

pub use kernel::{Context, Failure, Job, Kernel};
pub use value::Value;
