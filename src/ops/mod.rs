//! The operations: one kernel for each `extern` of the standard library, by topic.
//!
//! In: jobs. Out: values. Never: the syntax of the language, the store, the report.
//! `density` knows slices and linear algebra and no tensor library; candle stays in `data`, `nn` and `repr`.

pub mod analysis;
pub mod at;
mod bytes;
pub mod data;
pub mod density;
pub mod foreign;
pub mod linalg;
pub mod nn;
pub mod repr;

use crate::engine::{Joint, Kernel};

/// Returns all operations by name.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    let mut all = data::kernels();
    all.extend(nn::kernels());
    all.extend(repr::kernels());
    all.extend(density::kernels());
    all.extend(analysis::kernels());
    all
}

/// Returns who does the work of that name which cells share.
pub fn joint(work: &str) -> Option<&'static dyn Joint> {
    nn::joint(work)
}
