//! What a report is made from: the plan, values, what became of each cell.

use crate::base::{Hash, Name};
use crate::engine::value::{Model, Value};
use crate::plan::graph::{Declared, Entry, Graph};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Everything that a report is made from.
pub struct ReportInput<'a> {
    /// The plan.
    pub graph: &'a Graph,
    /// Returns the value of an entry: a cell's result from the store, or what was known before the run.
    /// Values that are gone (transient weights) and those of failed cells are `Absent` with the reason.
    pub value: &'a dyn Fn(&Entry) -> Value,
    /// What became of each cell, by its index in the graph.
    pub records: &'a [CellRecord],
    /// The script.
    pub script: Script,
    /// What ran it.
    pub build: Build,
    /// Returns a model's weights as a safetensors file; nothing: weights are not written out.
    pub weights: Option<&'a dyn Fn(&Model) -> Vec<u8>>,
    /// Largest array written out, in bytes.
    pub largest_array: u64,
    /// Files that the run reads, with their whole paths: they are not overwritten.
    pub inputs: BTreeSet<PathBuf>,
}

impl ReportInput<'_> {
    /// Returns the units of a declaration's numbers: the part of a record (empty for the value itself), and the unit.
    pub fn units(&self, declared: &Declared) -> &[(String, String)] {
        let cell = declared.entries.iter().find_map(|e| if let Entry::Cell(id) = e { self.graph.cells.get(*id) } else { None });
        cell.map_or(&[], |c| c.facts.units.as_slice())
    }
}

/// The script as it was run.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Name of its file.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Offset of its first byte in the source map.
    pub base: usize,
    /// How the run differs from the lock beside the script, a sentence each; nothing where there is no lock.
    pub lock: Option<Vec<String>>,
}

/// What ran the script.
#[derive(Clone, Debug, Default)]
pub struct Build {
    /// Version of cfx.
    pub version: String,
    /// Kinds of devices that cells ran on.
    pub devices: Vec<String>,
    /// Threads that ran cells.
    pub threads: usize,
    /// Bytes of memory of the process at its peak, where the system tells.
    pub peak_memory: Option<u64>,
}

/// What became of a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct CellRecord {
    /// How it ended.
    pub outcome: Outcome,
    /// Hash of its result.
    pub content: Option<Hash>,
    /// Kind of the device it ran on.
    pub device: Name,
    /// Seconds it took.
    pub seconds: f64,
    /// Bytes of memory that it took beyond what was there, 0 where unknown.
    pub memory: f64,
    /// Bytes of its artifact.
    pub disk: f64,
}

/// How a cell ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Computed in this run.
    Computed,
    /// Found in the store.
    Stored,
    /// Without a value, for a reason.
    Absent(String),
    /// Failed: a sentence, and what to do.
    Failed { message: String, help: Option<String> },
    /// Not run, since an input failed.
    Blocked(String),
    /// Not needed: whatever takes it was in the store.
    NotNeeded,
    /// Not run.
    NotRun,
}

impl Outcome {
    /// Returns whether the cell ran, in this run or in the one that stored its result.
    pub fn ran(&self) -> bool {
        matches!(self, Outcome::Computed | Outcome::Stored | Outcome::Absent(_))
    }

    /// Returns the word of the manifest.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Computed => "computed",
            Outcome::Stored => "stored",
            Outcome::Absent(_) => "absent",
            Outcome::Failed { .. } => "failed",
            Outcome::Blocked(_) => "blocked",
            Outcome::NotNeeded => "not needed",
            Outcome::NotRun => "not run",
        }
    }
}
