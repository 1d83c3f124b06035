//! Numbers of rows held out from a mixture that an operation before it has seen: an `svd` chose its directions with all of them.

use crate::ops::repr::CHOSEN_BY_ROWS;
use crate::plan::graph::{Cell, CellId, Entry, Graph};
use std::collections::BTreeSet;

/// Which cells are made from such rows.
#[derive(Clone, Debug, Default)]
pub struct HeldOut(BTreeSet<CellId>);

impl HeldOut {
    /// Returns the cells of a plan that say something of such rows.
    pub fn of(graph: &Graph) -> HeldOut {
        let (mut chosen, mut told) = (vec![false; graph.cells.len()], BTreeSet::new());
        for (id, cell) in graph.cells.iter().enumerate() {
            chosen[id] = CHOSEN_BY_ROWS.contains(&cell.op.as_str()) || cell.takes().any(|from| chosen[from]);
            if (holds_out(cell) && rows(cell).any(|from| chosen[from])) || cell.takes().any(|from| told.contains(&from)) {
                told.insert(id);
            }
        }
        HeldOut(told)
    }

    /// Returns what is to be said of a value; `None` if no such rows are behind it.
    pub fn behind(&self, entry: &Entry) -> Option<&'static str> {
        matches!(entry, Entry::Cell(id) if self.0.contains(id))
            .then_some("rows were held out from the mixtures alone: the `svd` before them has seen all rows")
    }
}

/// Returns whether a cell scores rows by mixtures that were fitted to the others.
fn holds_out(cell: &Cell) -> bool {
    let folds = cell.settings.0.iter().find(|(name, _)| name == "held_out").and_then(|(_, v)| v.number());
    cell.op.as_str() == "generative_classification" || folds.is_some_and(|k| k > 0.0)
}

/// Returns the cells that the rows come from.
fn rows(cell: &Cell) -> impl Iterator<Item = CellId> {
    let entries = cell.inputs.iter().filter(|(name, _)| name.as_str() == "x").flat_map(|(_, slot)| slot.entries);
    entries.filter_map(|e| if let Entry::Cell(id) = e { Some(*id) } else { None })
}
