//! Reading results after a run: any cell's value, from the store or computed again where it is not stored.

use super::cell::{checked, constant, handed_on, job, of_its_data};
use super::outcome::{RunOutcome, Status};
use crate::base::Hash;
use crate::engine::kernel::{Failure, Kernels, Labelled, Quiet};
use crate::engine::pack;
use crate::engine::store::{Fault, Store};
use crate::engine::value::Value;
use crate::plan::facts::Policy;
use crate::plan::files::Files;
use crate::plan::graph::{CellId, Entry, Graph};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why there is no value to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The cell has not been computed: it failed, was skipped, or nobody has run it.
    NotComputed,
    /// It was computed, but only its hash is kept.
    Gone,
    /// Its artifact is damaged; the next run computes it again.
    Damaged,
    /// Computing it again failed.
    Failed(String),
    /// It is a claim or a figure, and the run was for others.
    NotAsked,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::NotComputed => f.write_str("not computed"),
            Missing::Gone => f.write_str("computed, but not kept"),
            Missing::Damaged => f.write_str("its artifact is damaged; run again to compute it again"),
            Missing::Failed(why) => f.write_str(why),
            Missing::NotAsked => f.write_str("not asked for in this run"),
        }
    }
}

/// A reader of results.
pub struct Results<'a> {
    graph: &'a Graph,
    kernels: &'a dyn Kernels,
    store: &'a Store,
    context: Quiet,
    keys: Vec<Option<Hash>>,
    /// Whether a cell holds weights that are let go when their consumers are done.
    served: Vec<bool>,
    /// Whether a cell is a claim or a figure that the run was not for.
    not_asked: Vec<bool>,
    /// Results of the run that are not stored but were wanted.
    kept: Arc<BTreeMap<CellId, Value>>,
    /// Results computed again.
    values: Mutex<BTreeMap<CellId, Value>>,
    /// Results read from the store, the last ones.
    read: Mutex<BTreeMap<CellId, Value>>,
}

/// Results read from the store that are held at most.
const HELD: usize = 10_000;

impl<'a> Results<'a> {
    /// Returns a reader of the results of a run; without an outcome, of whatever the store has for this plan.
    pub fn new(graph: &'a Graph, kernels: &'a dyn Kernels, store: &'a Store, files: Files, outcome: Option<&RunOutcome>) -> Self {
        let keys = (0..graph.cells.len()).map(|id| outcome.and_then(|o| o.cells.get(id)?.key)).collect();
        let kept = outcome.map(|o| o.kept.clone()).unwrap_or_default();
        let mut served = vec![false; graph.cells.len()];
        for input in graph.cells.iter().flat_map(|cell| cell.takes()) {
            served[input] = graph.cells[input].policy == Policy::Transient;
        }
        let mut not_asked = vec![false; graph.cells.len()];
        let shown = graph.values.iter().filter(|v| matches!(v.keyword.as_str(), "claim" | "figure"));
        for entry in shown.flat_map(|v| &v.entries) {
            if let (Entry::Cell(id), Some(outcome)) = (entry, outcome) {
                not_asked[*id] = outcome.cells.get(*id).is_some_and(|c| c.status == Status::NotNeeded);
            }
        }
        let context = Quiet { files };
        Results {
            graph,
            kernels,
            store,
            context,
            keys,
            served,
            not_asked,
            kept,
            values: Mutex::default(),
            read: Mutex::default(),
        }
    }

    /// Returns the value of a cell. The last values are kept in memory: a second call soon after costs nothing.
    pub fn value(&self, id: CellId) -> Result<Value, Missing> {
        if let Some(value) = self.kept.get(&id) {
            return Ok(value.clone());
        }
        let Some(cell) = self.graph.cells.get(id) else { return Err(Missing::NotComputed) };
        let held = if cell.policy == Policy::Inline { &self.values } else { &self.read };
        if let Some(value) = lock(held).get(&id) {
            return Ok(value.clone());
        }
        let value = of_its_data(cell, if cell.policy == Policy::Inline { self.compute(id)? } else { self.load(id)? });
        let mut held = lock(held);
        if cell.policy != Policy::Inline && held.len() >= HELD {
            held.clear();
        }
        held.insert(id, value.clone());
        Ok(value)
    }

    /// Returns the value of an entry: of its cell, or the constant that it is. Weights that have served are no result, whether the store still
    /// has them or not; a claim that a run was not for is left alone, and so is a figure, unless an earlier run has drawn the very same.
    pub fn entry(&self, entry: &Entry) -> Result<Value, Missing> {
        match entry {
            Entry::Cell(id) if self.served.get(*id).is_some_and(|s| *s) => Err(Missing::Gone),
            Entry::Cell(id) if self.not_asked.get(*id).is_some_and(|n| *n) => match self.graph.cells[*id].policy {
                Policy::Stored => self.value(*id).map_err(|_| Missing::NotAsked),
                Policy::Inline | Policy::Transient => Err(Missing::NotAsked),
            },
            Entry::Cell(id) => self.value(*id),
            other => constant(other).ok_or(Missing::NotComputed),
        }
    }

    /// Forgets the values held in memory.
    pub fn forget(&self) {
        lock(&self.values).clear();
        lock(&self.read).clear();
    }

    fn load(&self, id: CellId) -> Result<Value, Missing> {
        let key = self.keys[id].or_else(|| self.store.alias(&self.graph.cells[id].key));
        let Some((key, entry)) = key.and_then(|k| Some((k, self.store.known(&k)?))) else { return Err(Missing::NotComputed) };
        match self.store.read(&entry).map(|bytes| pack::decode(&bytes)) {
            Ok(Ok(value)) => Ok(value),
            // Weights that have served are let go; anything else is lost.
            Err(Fault::Missing) if self.graph.cells[id].policy != Policy::Stored => Err(Missing::Gone),
            Err(Fault::Missing) => {
                let _ = self.store.lose(&key);
                Err(Missing::Gone)
            }
            Err(Fault::Damaged) | Ok(Err(_)) => {
                // Forgotten, so that the next run computes it; where that cannot be written down, it is found damaged again.
                let _ = self.store.lose(&key);
                Err(Missing::Damaged)
            }
        }
    }

    /// Computes a result that is not stored, and before it those that it is made from, in the plan's order: however long the chain, none
    /// waits for another.
    fn compute(&self, id: CellId) -> Result<Value, Missing> {
        let mut needed = BTreeSet::from([id]);
        let mut open = vec![id];
        while let Some(next) = open.pop() {
            for input in self.graph.cells[next].takes() {
                let inline = self.graph.cells.get(input).is_some_and(|c| c.policy == Policy::Inline);
                if inline && !self.kept.contains_key(&input) && !lock(&self.values).contains_key(&input) && needed.insert(input) {
                    open.push(input);
                }
            }
        }
        needed.remove(&id);
        for earlier in needed {
            let value = of_its_data(&self.graph.cells[earlier], self.compute_one(earlier)?);
            lock(&self.values).insert(earlier, value);
        }
        self.compute_one(id)
    }

    fn compute_one(&self, id: CellId) -> Result<Value, Missing> {
        let cell = &self.graph.cells[id];
        let Some(kernel) = self.kernels.kernel(&cell.op) else { return Err(Missing::NotComputed) };
        let mut inputs = Vec::new();
        for (name, slot) in cell.inputs.iter() {
            let given = |e: &Entry| match e {
                Entry::Cell(id) => Ok(handed_on(&self.graph.cells[*id], self.value(*id)?)),
                other => self.entry(other),
            };
            let values = slot.entries.iter().map(given).collect::<Result<Vec<_>, _>>()?;
            if let (true, false, Some(Value::Absent(why))) = (slot.axes.is_empty(), kernel.takes_absent(name), values.first()) {
                return Ok(Value::Absent(why.clone()));
            }
            inputs.push((name.to_string(), Labelled { axes: slot.axes.to_vec(), values }));
        }
        let job = job(cell, inputs);
        let own = (!cell.files.is_empty()).then(|| Quiet { files: self.context.files.only(&cell.files) });
        let context = own.as_ref().unwrap_or(&self.context);
        let run = std::panic::AssertUnwindSafe(|| checked(cell, || kernel.run(&job, context)));
        match std::panic::catch_unwind(run) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Failure::Absent(why))) => Ok(Value::Absent(why)),
            Ok(Err(Failure::Failed { message, .. })) => Err(Missing::Failed(message)),
            Ok(Err(Failure::Interrupted)) => Err(Missing::NotComputed),
            Err(_) => Err(Missing::Failed(format!("internal error in `{}`", cell.op))),
        }
    }
}

fn lock(values: &Mutex<BTreeMap<CellId, Value>>) -> MutexGuard<'_, BTreeMap<CellId, Value>> {
    values.lock().unwrap_or_else(PoisonError::into_inner)
}
