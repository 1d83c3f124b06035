//! A part of a plan: what one process computes of a plan that several share, and whether it may still write.

use crate::plan::graph::CellId;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What one process computes of a plan that others compute the rest of.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Name under which the run of all who share the plan is recorded.
    pub run: String,
    /// Of each cell, whether this process computes it. What is not stored is computed wherever it is needed.
    pub own: Vec<bool>,
    /// Of each cell, whether somebody is to compute it. Weights stay until all those are done that take them.
    pub due: Vec<bool>,
    /// Cells that failed elsewhere, and how.
    pub failed: BTreeMap<CellId, Told>,
    /// Whether everything else is over: then weights that are left go, and the end of the run is recorded.
    pub last: bool,
    /// Whether this attempt is still the present one.
    pub fence: Fence,
}

/// What is known of a cell that failed in another process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// What happened.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The log.
    pub log: Option<PathBuf>,
}

/// A file that names the present attempt at some work. An attempt that finds another one named there writes no checkpoints, lets nothing go and
/// ends. Results may be put by all: they are the same from each.
#[derive(Clone, Debug, Default)]
pub struct Fence(Option<(PathBuf, String)>);

impl Fence {
    /// Returns the fence of the attempt of that name, which the file is to name.
    pub fn new(path: PathBuf, attempt: &str) -> Fence {
        Fence(Some((path, attempt.to_string())))
    }

    /// Returns whether the attempt is still the present one. A file that cannot be read says nothing against it.
    pub fn holds(&self) -> bool {
        self.0.as_ref().is_none_or(|(path, attempt)| std::fs::read_to_string(path).map_or(true, |text| text.trim() == attempt))
    }
}
