//! Cells that run together because they share work, such as a pass of one network over one data set: which they are, and what that saves.

use super::graph::{Cell, CellId, Entry, Graph};
use std::collections::BTreeMap;

/// What cells have in common that share work: its name, and the cells that all of them take.
pub type Group = (&'static str, Vec<CellId>);

/// Returns what a cell has in common with those it shares work with; `None` if it shares none, or takes no cell there.
pub fn group(cell: &Cell) -> Option<Group> {
    let share = cell.share?;
    let taken = |slot: &&str| match cell.inputs.iter().find(|(name, _)| name.as_str() == *slot)?.1.entries {
        [Entry::Cell(id)] => Some(*id),
        _ => None,
    };
    Some((share.work, share.slots.iter().map(taken).collect::<Option<Vec<CellId>>>()?))
}

/// Returns the seconds of one core that each of these cells is expected to take in one run of all of them: the work that several share is
/// taken once, as long as the longest of it, and dealt to them by what each would take of it alone.
pub fn seconds(graph: &Graph, cells: &[CellId]) -> Vec<f64> {
    let positive = |x: f64| if x > 0.0 { x } else { 0.0 };
    let shared =
        |id: CellId| graph.cells[id].share.map_or(0.0, |s| positive(s.seconds).min(positive(graph.cells[id].cost.seconds)));
    let mut groups: BTreeMap<Group, (f64, f64)> = BTreeMap::new();
    for id in cells {
        if let Some(group) = group(&graph.cells[*id]) {
            let (longest, sum) = groups.entry(group).or_default();
            *longest = longest.max(shared(*id));
            *sum += shared(*id);
        }
    }
    let one = |id: &CellId| {
        let alone = positive(graph.cells[*id].cost.seconds);
        match group(&graph.cells[*id]).and_then(|c| groups.get(&c)) {
            Some((longest, sum)) if *sum > 0.0 => alone - shared(*id) + longest * shared(*id) / sum,
            _ => alone,
        }
    };
    cells.iter().map(one).collect()
}
