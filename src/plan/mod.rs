//! The plan: the typed script laid out as a graph of cells with keys, facts and estimates.
//!
//! In: a typed script, and what operations say about themselves ([`facts::Planned`]). Out: a graph of cells as data.
//! Never: running anything; reading more of a file than its header, labels and hash.

pub mod array;
pub mod axis;
pub mod constants;
pub mod doubt;
pub mod estimate;
pub mod examples;
pub mod explain;
pub mod facts;
pub mod files;
pub mod graph;
pub mod links;
pub mod lower;
pub mod problem;
pub mod record;
pub mod seen;
pub mod share;
pub mod units;

#[cfg(test)]
mod tests;
