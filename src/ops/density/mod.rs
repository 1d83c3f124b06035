//! Densities: Dirichlet-process mixtures of Gaussians fitted by Markov chains, and what is computed from them.
//!
//! In: rows of numbers and settings. Out: posterior states as packs, log densities, entropies, diagnostics.
//! Never: a tensor library, files, the syntax of the language. Everything is f64; equal seeds give equal bits.

mod aligned;
pub mod alpha;
pub mod between;
pub mod block_gibbs;
pub mod cache;
pub mod chain;
pub mod component;
pub mod diagnostics;
pub mod diagonal;
pub mod estimate;
pub mod fit;
pub mod frame;
pub mod gibbs;
pub mod hyper;
pub mod joint;
mod kernels;
pub mod lanes;
pub mod leave_one_out;
pub mod logs;
pub mod matrix;
pub mod niw;
pub mod posterior;
pub mod predictive;
pub mod sample;
pub mod settings;
pub mod setup;
pub mod shrink;
pub mod simd;
pub mod spectrum;
pub mod split_merge;
pub mod stacking;
pub mod start;
pub mod state;
pub mod sub_clusters;
pub mod units;
mod walk;
pub mod zarr;

#[cfg(test)]
mod tests;

pub use kernels::kernels;

/// Operations that judge how the chains of a fit stand to each other. What they give is no less sure where those disagree.
pub const ABOUT_CHAINS: [&str; 2] = ["mixing", "diagnose"];

/// Operations that fit densities of their own, and say in members `settled` and `disagree` what share of these did.
pub const OF_OWN_FITS: [&str; 1] = ["generative_classification"];

/// Operations whose tables show the chains of a fit, one by one. As tables they are no less sure; what is taken from their columns for the density is.
pub const OF_CHAINS: [&str; 2] = ["trace", "stacking"];
