//! Running a plan on this machine: what is needed and not in the store, inputs before consumers, side by side within a budget.
//!
//! In: a graph, the cells wanted, kernels, a store. Out: results in the store, and what became of each cell.
//! Never: a result that depends on the number of threads, on order or on time; a lock held while a kernel runs.

pub mod cell;
mod joint;
mod machine;
pub mod outcome;
pub mod part;
pub mod results;
mod schedule;
pub mod statuses;

#[cfg(test)]
mod tests;

use super::device;
use super::kernel::Kernels;
use super::pack;
use super::progress::{Event, Observer};
use super::store::index::Known;
use super::store::{Fault, Store, StoreError};
use super::value::Value;
use crate::base::Hash;
use crate::plan::files::Files;
use crate::plan::graph::{CellId, Graph};
use outcome::RunOutcome;
use part::Part;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads that run cells; kernels share them.
    pub threads: usize,
    /// Bytes of memory that cells running side by side may take by their estimates. One that takes more runs alone.
    pub memory: f64,
    /// Bytes of memory that no cell may take by its estimate: one that would is refused before it starts.
    pub most_memory: f64,
    /// Bytes of the network device's own memory that cells running side by side may take there by their estimates. One that takes more has the
    /// device to itself. Infinite where the device shares the host's memory.
    pub device_memory: f64,
    /// Stop at the first failure.
    pub fail_fast: bool,
    /// Only use results of the present device kind.
    pub same_kind: bool,
    /// What networks run on: `cpu`, or the name of an accelerator.
    pub network_device: String,
    /// The model of it, a part of the device kind: `cpu`, or what an accelerator calls itself.
    pub accelerator: String,
    /// The files that kernels may read.
    pub files: Files,
    /// Set to stop the run: cells keep checkpoints and end.
    pub interrupt: Arc<AtomicBool>,
    /// How often long cells keep checkpoints.
    pub checkpoint_every: Duration,
    /// What the run must not exceed.
    pub limits: Limits,
    /// Bytes that weights which nobody asked to keep may take in the store after their last use; over it the cheapest to make and the oldest
    /// go first.
    pub keep_under: u64,
    /// The part of the plan that this process computes, where several share it.
    pub part: Option<Part>,
}

/// A kernel that has not seen for so long that the run stops is left behind, where the caller knows how to; one that looks, in long steps, is given
/// twice the longest of them.
pub const DEAF: Duration = Duration::from_millis(1500);

/// One that has seen it may take so long to keep a checkpoint.
const PARTING: Duration = Duration::from_secs(20);

/// Bytes of [`Options::keep_under`] where nobody says otherwise: 20 GiB.
pub const KEEP_UNDER: u64 = 20 << 30;

/// What a run must not exceed, whatever the plan said. It is stopped then, and can go on later.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Seconds.
    pub seconds: Option<f64>,
    /// Bytes of memory of the process.
    pub memory: Option<u64>,
    /// Bytes that the run adds to the store.
    pub disk: Option<u64>,
}

impl Options {
    /// Returns the usual options for a script in a folder: all cores, half of the machine's memory.
    pub fn new(folder: &Path) -> Options {
        Options {
            threads: std::thread::available_parallelism().map_or(1, |n| n.get()),
            memory: machine::memory() / 2.0,
            most_memory: machine::memory(),
            device_memory: f64::INFINITY,
            fail_fast: false,
            same_kind: false,
            network_device: "cpu".to_string(),
            accelerator: "cpu".to_string(),
            files: Files::new(folder, &[]),
            interrupt: Arc::default(),
            checkpoint_every: Duration::from_secs(30),
            limits: Limits::default(),
            keep_under: KEEP_UNDER,
            part: None,
        }
    }
}

/// Runs whatever the wanted cells need.
///
/// Failures of cells are in the outcome. Weights ([`crate::plan::facts::Policy::Transient`]) that have consumers are let go when those are done,
/// wanted or not, and stay for later runs within [`Options::keep_under`]; whoever wants to read them plans them as stored. Errors: the store cannot be written, or threads cannot be started.
pub fn execute(
    graph: &Graph,
    wanted: &[CellId],
    kernels: &dyn Kernels,
    store: &Store,
    options: &Options,
    observer: &dyn Observer,
) -> Result<RunOutcome, StoreError> {
    execute_or_leave(graph, wanted, kernels, store, options, observer, None)
}

/// As [`execute`]; where the run stops and a kernel does not see it within [`DEAF`], `leave` is told what became of the run, everything so far being in
/// the store. It is expected to end the process; where it returns, the kernel is waited for.
///
/// Errors: as there.
pub fn execute_or_leave(
    graph: &Graph,
    wanted: &[CellId],
    kernels: &dyn Kernels,
    store: &Store,
    options: &Options,
    observer: &dyn Observer,
    leave: Option<&dyn Fn(&RunOutcome)>,
) -> Result<RunOutcome, StoreError> {
    device::prepare();
    let shared = Shared {
        graph,
        kernels,
        store,
        options,
        observer,
        device: device::kind(&options.accelerator),
        stop: AtomicBool::new(false),
        notes: Mutex::default(),
        held: Mutex::default(),
        running: AtomicUsize::new(0),
        places: Mutex::new(vec![None; graph.cells.len()]),
        parting: Mutex::default(),
        paces: Mutex::default(),
    };
    schedule::run(&shared, wanted, leave)
}

/// Returns whether a result may be used: with a device kind, only one from there.
pub(super) fn same_kind(known: &Known, device: Option<&str>) -> bool {
    device.is_none_or(|d| known.device == d)
}

/// What the scheduler and the workers share.
struct Shared<'a> {
    graph: &'a Graph,
    kernels: &'a dyn Kernels,
    store: &'a Store,
    options: &'a Options,
    observer: &'a dyn Observer,
    device: String,
    /// Set when the run stops for a reason of its own.
    stop: AtomicBool,
    notes: Mutex<Vec<String>>,
    held: Mutex<Held>,
    /// Cells with workers.
    running: AtomicUsize,
    /// Cells whose kernels have seen that the run stops.
    parting: Mutex<BTreeSet<CellId>>,
    /// The longest times between two looks at whether the run stops, of kernels that take long steps.
    paces: Mutex<BTreeMap<CellId, Duration>>,
    /// Content keys of settled cells: where workers find what is not held.
    places: Mutex<Vec<Option<Hash>>>,
}

/// Values in memory, and the bytes of those that the store has too.
#[derive(Default)]
struct Held {
    /// By cell.
    values: BTreeMap<CellId, (Value, u64)>,
    bytes: u64,
}

impl Held {
    fn has(&self, id: CellId) -> bool {
        self.values.contains_key(&id)
    }
}

impl Shared<'_> {
    /// Returns the value of a settled cell.
    fn value(&self, id: CellId) -> Result<Value, Fault> {
        if let Some((value, _)) = self.held().values.get(&id) {
            return Ok(value.clone());
        }
        let key = self.places.lock().unwrap_or_else(PoisonError::into_inner)[id];
        let known = key.and_then(|k| self.store.known(&k)).ok_or(Fault::Missing)?;
        let value = pack::decode(&self.store.read(&known)?).map_err(|_| Fault::Damaged)?;
        let value = cell::of_its_data(&self.graph.cells[id], value);
        self.hold(id, &value, known.bytes);
        Ok(value)
    }

    /// Keeps a value in memory; one that the store has too (`bytes` > 0) only while there is room.
    fn hold(&self, id: CellId, value: &Value, bytes: u64) {
        let mut held = self.held();
        if bytes > 0 && (held.bytes + bytes) as f64 > self.options.memory / 4.0 {
            return;
        }
        let value = cell::of_its_data(&self.graph.cells[id], value.clone());
        if let Some((_, old)) = held.values.insert(id, (value, bytes)) {
            held.bytes -= old;
        }
        held.bytes += bytes;
    }

    /// Lets a value go.
    fn drop_value(&self, id: CellId) {
        let mut held = self.held();
        if let Some((_, bytes)) = held.values.remove(&id) {
            held.bytes -= bytes;
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something worth knowing, now and in the outcome.
    fn note(&self, text: String) {
        self.observer.event(&Event::Note { text: text.clone() });
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }
}
