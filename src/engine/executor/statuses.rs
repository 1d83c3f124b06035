//! How a plan stands with the store, without running anything.

use super::cell::form;
use super::same_kind;
use crate::base::Hash;
use crate::engine::store::Store;
use crate::plan::facts::Policy;
use crate::plan::graph::{CellId, Graph};

/// How a cell stands with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its result is in the store; of weights that have served, the hash.
    Cached,
    /// It has to run.
    Run,
    /// Whether it has to run is known when its inputs are: they have to run, and may come out as before.
    Undecided,
    /// It runs wherever it is needed; nothing is stored.
    Inline,
    /// Nothing that was asked for needs it.
    NotNeeded,
}

/// What a store knows of a cell of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its content key.
    pub key: Hash,
    /// Content hash of its result.
    pub hash: Hash,
    /// Whether the result is there, and not only its hash.
    pub there: bool,
}

/// Returns what a store knows of each cell of a plan. With `device`, only results of that device kind count.
pub fn found(graph: &Graph, store: &Store, device: Option<&str>) -> Vec<Option<Found>> {
    // Inputs come first, so one pass tells whatever can be told from hashes.
    let mut out: Vec<Option<Found>> = vec![None; graph.cells.len()];
    for (id, cell) in graph.cells.iter().enumerate() {
        let usable = |key: Hash| {
            let entry = store.known(&key).filter(|e| same_kind(e, device))?;
            let there = store.present(&entry);
            (there || cell.policy != Policy::Stored).then_some(Found { key, hash: entry.hash, there })
        };
        let hash = |d: CellId| out[d].map(|f| f.hash);
        let known = store.alias(&cell.key).and_then(usable).or_else(|| {
            let inputs: Option<Vec<_>> = cell.dependencies().iter().map(|d| hash(*d)).collect();
            inputs.and_then(|_| usable(cell.hash_with(&|d| hash(d).unwrap_or(Hash([0; 32])))))
        });
        out[id] = known;
    }
    out
}

/// Returns how each cell of a plan stands when the cells `wanted` are asked for.
///
/// With `device`, only results of that device kind count.
pub fn statuses(graph: &Graph, wanted: &[CellId], store: &Store, device: Option<&str>) -> Vec<Standing> {
    let count = graph.cells.len();
    let found = found(graph, store, device);
    let hashed = |id: CellId| found[id].is_some();
    // Then from the back: what is needed, and which of it in full and not only by its hash.
    let mut needed = vec![false; count];
    let mut value = vec![false; count];
    wanted.iter().filter(|w| **w < count).for_each(|w| {
        needed[*w] = true;
        value[*w] = graph.cells[*w].policy == Policy::Inline;
    });
    let mut out = vec![Standing::NotNeeded; count];
    for (id, cell) in graph.cells.iter().enumerate().rev() {
        if !needed[id] {
            continue;
        }
        let inputs = cell.dependencies();
        let inline = cell.policy == Policy::Inline;
        if found[id].is_some_and(|f| f.there || !value[id]) {
            out[id] = if inline { Standing::Inline } else { Standing::Cached };
            continue;
        }
        let decided = inline || inputs.iter().all(|d| hashed(*d)) || !store.knows_form(form(cell));
        out[id] = match (inline, decided) {
            (true, _) => Standing::Inline,
            (false, true) => Standing::Run,
            (false, false) => Standing::Undecided,
        };
        for d in inputs {
            needed[d] = true;
            value[d] |= decided;
        }
    }
    out
}
