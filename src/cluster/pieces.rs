//! What of a plan is to be computed, as pieces of work: what each runs on, what it takes, which others it needs.
//!
//! In: a plan, how it stands with a store, the store's times. Out: pieces for [`super::cut`].

use super::cut::{Kind, Piece};
use crate::engine::{Standing, Store};
use crate::plan::facts::Policy;
use crate::plan::graph::{Cell, CellId, Graph};
use crate::plan::share;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The pieces of a plan.
#[derive(Debug, Default)]
pub struct Missing {
    /// The pieces.
    pub pieces: Vec<Piece>,
    /// The cell of each.
    pub cells: Vec<CellId>,
    /// By operation, how many times as long as estimated its cells took until now.
    pub learned: BTreeMap<String, f64>,
    /// Bytes that stay on the disk, and with weights that may go.
    pub disk: (f64, f64),
}

/// What takes no more seconds and needs no network is computed anywhere.
const QUICK: f64 = 10.0;

/// Times are learned from cells that took at least this many seconds together.
const ENOUGH: f64 = 0.5;

/// Returns the cells that are to be computed and are stored, as pieces in the order of the plan.
pub fn missing(graph: &Graph, standings: &[Standing], store: &Store) -> Missing {
    let cells: Vec<CellId> =
        (0..graph.cells.len()).filter(|id| matches!(standings[*id], Standing::Run | Standing::Undecided)).collect();
    let mut out = Missing { learned: learned(graph, store), ..Missing::default() };
    let seconds = share::seconds(graph, &cells);
    // Of each cell the pieces behind it: itself, or those that what is not stored is made from.
    let none: Arc<[usize]> = Arc::from([]);
    let mut behind: Vec<Arc<[usize]>> = vec![none.clone(); graph.cells.len()];
    let mut passes: BTreeMap<share::Group, usize> = BTreeMap::new();
    let mut next = 0;
    for (id, cell) in graph.cells.iter().enumerate() {
        let piece = cells.get(next) == Some(&id);
        let view = cell.policy == Policy::Inline && standings[id] == Standing::Inline;
        if !(piece || view) {
            continue;
        }
        let needs = union(cell.takes().map(|d| &behind[d]), &none);
        if !piece {
            behind[id] = needs;
            continue;
        }
        let number = out.pieces.len();
        let seconds = seconds[next] * out.learned.get(cell.op.as_str()).copied().unwrap_or(1.0);
        let pass = share::group(cell).map(|group| {
            let many = passes.len();
            *passes.entry(group).or_insert(many)
        });
        let kind = kind(graph, cell, seconds);
        let (memory, disk) = (cell.cost.memory.max(0.0), cell.cost.disk.max(0.0));
        out.disk.1 += disk;
        out.disk.0 += if cell.policy == Policy::Stored { disk } else { 0.0 };
        out.pieces.push(Piece { kind, seconds, memory, disk, needs: needs.to_vec(), pass });
        behind[id] = Arc::from([number]);
        next += 1;
    }
    out.cells = cells;
    out
}

/// Returns all numbers of several lists, each once and in order; where only one list has any, that list.
fn union<'a>(lists: impl Iterator<Item = &'a Arc<[usize]>>, none: &Arc<[usize]>) -> Arc<[usize]> {
    let mut first: Option<&Arc<[usize]>> = None;
    let mut all: Vec<usize> = Vec::new();
    for list in lists.filter(|l| !l.is_empty()) {
        match first {
            None => first = Some(list),
            Some(one) if all.is_empty() && Arc::ptr_eq(one, list) => {}
            Some(one) => {
                if all.is_empty() {
                    all.extend_from_slice(one);
                }
                all.extend_from_slice(list);
            }
        }
    }
    if all.is_empty() {
        return first.unwrap_or(none).clone();
    }
    all.sort_unstable();
    all.dedup();
    all.into()
}

fn kind(graph: &Graph, cell: &Cell, seconds: f64) -> Kind {
    let network = cell.facts.net.is_some() || cell.takes().any(|d| graph.cells[d].facts.net.is_some());
    match network {
        true => Kind::Networks,
        false if seconds <= QUICK => Kind::Reports,
        false => Kind::Chains,
    }
}

/// Returns, for each operation of which the store has results of this plan, how many times as long as estimated they took.
fn learned(graph: &Graph, store: &Store) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for cell in graph.cells.iter().filter(|c| c.policy != Policy::Inline) {
        let known = store.alias(&cell.key).and_then(|key| store.known(&key));
        if let Some(known) = known.filter(|k| k.absent.is_none() && k.seconds > 0.0 && cell.cost.seconds > 0.0) {
            let sum = sums.entry(cell.op.as_str()).or_default();
            sum.0 += known.seconds;
            sum.1 += cell.cost.seconds;
        }
    }
    let enough = sums.into_iter().filter(|(_, (took, estimated))| *took >= ENOUGH && *estimated > 0.0);
    enough.map(|(op, (took, estimated))| (op.to_string(), (took / estimated).clamp(0.01, 100.0))).collect()
}
