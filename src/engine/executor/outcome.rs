//! What became of a run and of each of its cells.

use crate::base::{Hash, Name};
use crate::engine::value::Value;
use crate::plan::graph::CellId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Everything wanted is there (or absent, for a reason).
    Done,
    /// At least one cell failed.
    Failed,
    /// It was stopped; run again to go on.
    Interrupted,
}

/// What became of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// Nobody needed it.
    #[default]
    NotNeeded,
    /// It ran, and its result is in the store.
    Computed,
    /// Its result was in the store.
    Cached,
    /// Its result is not stored; it ran where somebody needed it.
    Inline,
    /// It has no value, for the reason in the message.
    Absent,
    /// It failed.
    Failed,
    /// A cell that it needs failed.
    Skipped,
    /// The run was stopped before it was done.
    Stopped,
}

/// What became of a cell, with what is known of it. There may be millions: texts are shared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CellOutcome {
    /// What became of it.
    pub status: Status,
    /// Its content key, where it came to be known.
    pub key: Option<Hash>,
    /// Content hash of its result.
    pub hash: Option<Hash>,
    /// Seconds it took, in this run or when it was computed.
    pub seconds: f64,
    /// Size of the artifact in bytes.
    pub bytes: u64,
    /// Bytes of memory that the process took beyond what it had when the cell began, while it ran alone, where that was seen.
    pub peak_memory: Option<u64>,
    /// Device kind that the result is from, where it is not the present one.
    pub other_kind: Option<Name>,
    /// Why it failed, was skipped, or is absent.
    pub message: Option<Name>,
    /// What to do.
    pub help: Option<Name>,
    /// Log of the failure.
    pub log: Option<Arc<Path>>,
    /// Whether the failure is a defect of the program and not of the script or the data.
    pub internal: bool,
}

/// What became of a run.
#[derive(Debug)]
pub struct RunOutcome {
    /// How it ended.
    pub state: RunState,
    /// Its cells, as in the graph.
    pub cells: Vec<CellOutcome>,
    /// Name of the run's record.
    pub run: String,
    /// Folder for its logs, which is there if something was logged.
    pub folder: PathBuf,
    /// Device kind of the run.
    pub device: String,
    /// Worth knowing: damaged artifacts that were computed again, limits that were met, results of another device kind.
    pub notes: Vec<String>,
    /// Seconds it took.
    pub seconds: f64,
    /// Threads that ran cells.
    pub threads: usize,
    /// Bytes of memory of the process at its peak, where the system tells.
    pub peak_memory: Option<u64>,
    /// How often the scheduler looked at a cell: a measure of its work, a few for each cell.
    pub looks: u64,
    /// Results that are not stored but were wanted.
    pub(super) kept: Arc<BTreeMap<CellId, Value>>,
}

impl RunOutcome {
    /// Returns the number of cells with a status.
    pub fn count(&self, status: Status) -> usize {
        self.cells.iter().filter(|c| c.status == status).count()
    }
}
