//! What probes share: problems of settings, estimates of passes, tables of numbers, checkpoints of counts.

use crate::engine::value::{Column, Table};
use crate::engine::{Context, Failure};
use crate::ops::nn::checkpoint::{closed, opened};
use crate::ops::nn::cost;
use crate::plan::facts::{Cost, Facts, KnownInput, Problem};

/// Returns the problem of a setting that cannot be.
pub fn problem(parameter: &'static str, message: String, help: &str) -> Problem {
    Problem { code: "cfx::probe::setting", parameter: Some(parameter), message, help: Some(help.to_string()) }
}

/// Returns the expected cost of `count` passes over the data set in a slot.
pub fn passes(inputs: &[KnownInput], slot: &str, count: f64) -> Cost {
    Cost { seconds: 1e-3 + count * cost::pass_seconds(inputs, slot), memory: cost::pass_bytes(inputs), disk: 2e3 }
}

/// Returns the facts of a table of these columns.
pub fn columns(names: &[&str]) -> Facts {
    Facts { columns: Some(names.iter().map(|n| n.to_string()).collect()), ..Facts::default() }
}

/// Returns a table of numbers.
pub fn numbers<const N: usize>(columns: [(&str, Vec<f64>); N]) -> Table {
    Table { columns: columns.into_iter().map(|(name, x)| (name.to_string(), Column::Numbers(x))).collect() }
}

/// Reads the hits that a checkpoint keeps; none where it is none of this run's.
pub fn restored(cx: &dyn Context, most: usize) -> Vec<u64> {
    let read = |bytes: Vec<u8>| opened(&bytes, |r| r.ints()).filter(|hits| hits.len() <= most);
    cx.restore().and_then(read).unwrap_or_default()
}

/// Keeps hits as a checkpoint.
pub fn keep(cx: &dyn Context, hits: &[u64]) {
    cx.checkpoint(&closed(|w| w.ints(hits)));
}

/// Runs `one` for each number from 0 below `total` and collects what it returns, through checkpoints.
///
/// Errors: those of `one`.
pub fn collect(cx: &dyn Context, total: usize, mut one: impl FnMut(usize) -> Result<u64, Failure>) -> Result<Vec<u64>, Failure> {
    let mut hits = restored(cx, total);
    while hits.len() < total {
        match one(hits.len()) {
            Ok(count) => hits.push(count),
            Err(Failure::Interrupted) => {
                keep(cx, &hits);
                return Err(Failure::Interrupted);
            }
            Err(other) => return Err(other),
        }
        if cx.checkpoint_due() {
            keep(cx, &hits);
        }
        cx.progress(hits.len() as u64, total as u64, &[]);
    }
    Ok(hits)
}
