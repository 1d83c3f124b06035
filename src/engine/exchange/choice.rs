//! Which cells of a store are meant: those of a plan, or all.

use crate::base::Hash;
use crate::engine::executor::statuses::{Found, Standing, found, statuses};
use crate::engine::store::Store;
use crate::plan::facts::Policy;
use crate::plan::graph::{Cell, CellId, Graph};
use std::collections::BTreeMap;

/// A cell that is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meant {
    /// Its content key.
    pub key: Hash,
    /// Its plan key, where that is known.
    pub plan: Option<Hash>,
    /// Whether its result is meant, and not only the hash of it.
    pub result: bool,
}

/// The cells that are meant, inputs before those that take them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The cells.
    pub cells: Vec<Meant>,
    /// Cells whose results are needed and are not in the store.
    pub missing: usize,
}

impl Choice {
    /// Returns what a store has of a plan: the results that are kept, and the hashes of all others. With `weights`, those as well that nobody asked to keep.
    pub fn of_plan(graph: &Graph, wanted: &[CellId], store: &Store, weights: bool) -> Choice {
        let all = found(graph, store, None);
        let standings = statuses(graph, wanted, store, None);
        let missing = standings.iter().filter(|s| matches!(s, Standing::Run | Standing::Undecided)).count();
        let meant = |(cell, f): (&Cell, Option<Found>)| {
            let f = f?;
            let kept = cell.policy == Policy::Stored || weights && cell.policy == Policy::Transient;
            Some(Meant { key: f.key, plan: Some(cell.key), result: kept && f.there })
        };
        Choice { cells: graph.cells.iter().zip(all).filter_map(meant).collect(), missing }
    }

    /// Returns all that a store has.
    pub fn all(store: &Store) -> Choice {
        let mut plans: BTreeMap<Hash, Vec<Hash>> = BTreeMap::new();
        store.aliases().into_iter().for_each(|(plan, key)| plans.entry(key).or_default().push(plan));
        let mut cells = Vec::new();
        for listing in store.list().into_iter().rev() {
            let key = listing.key;
            cells.push(Meant { key, plan: None, result: listing.present });
            let of_cell = plans.remove(&key).unwrap_or_default();
            cells.extend(of_cell.into_iter().map(|plan| Meant { key, plan: Some(plan), result: false }));
        }
        Choice { cells, missing: 0 }
    }
}
