//! Whether what a plan is expected to take is there: room on the disk, memory.

use crate::base::size::bytes;
use crate::engine::{KEEP_UNDER, Options, Standing, Store};
use crate::plan::estimate::Together;
use crate::plan::facts::Policy;
use crate::plan::graph::{CellId, Graph};
use std::path::Path;

/// Returns what a run would lack, in sentences: memory for a single cell, memory or disk for all of them.
pub fn lacking(graph: &Graph, standings: &[Standing], expected: &Together, options: &Options, free: Option<u64>) -> Vec<String> {
    let mut out = Vec::new();
    let runs = |id: &CellId| standings[*id] != Standing::Cached && standings[*id] != Standing::NotNeeded;
    let too_large = |id: &CellId| graph.cells[*id].cost.memory > options.most_memory;
    let large: Vec<CellId> = (0..graph.cells.len()).filter(runs).filter(too_large).collect();
    let there = bytes(options.most_memory);
    if let Some(worst) = large.iter().copied().max_by(|a, b| graph.cells[*a].cost.memory.total_cmp(&graph.cells[*b].cost.memory))
    {
        let cells = if large.len() == 1 { "1 cell".to_string() } else { format!("{} cells", large.len()) };
        let (title, needs) = (graph.cells[worst].title(), bytes(graph.cells[worst].cost.memory));
        out.push(format!(
            "{cells} would need more memory than the {there} that there are, and `run` refuses them: {title} about {needs}"
        ));
    } else if expected.memory > options.most_memory {
        out.push(format!("about {} of memory would be needed at the peak, and there are {there}", bytes(expected.memory)));
    }
    if let Some(free) = free.filter(|free| expected.most_disk > *free as f64) {
        out.push(format!(
            "about {} would be needed on the disk of the store at the peak, and {} are free",
            bytes(expected.most_disk),
            bytes(free as f64)
        ));
    }
    out
}

/// Returns whether a run is sure to fill the disk: not even half of what it is expected to write has room. (Estimates of size hold within
/// less than that.)
pub fn overfull(expected: f64, free: Option<u64>) -> bool {
    free.is_some_and(|free| expected > 2.0 * free as f64)
}

/// Returns the bytes that weights may take in the store after their last use: as asked, or what is usual on a disk with so much room.
pub fn for_weights(asked: Option<f64>, store: &Store) -> u64 {
    let there: u64 = store.spares().iter().map(|s| s.bytes).sum();
    let half = free(store.root()).map_or(KEEP_UNDER, |free| (free + there) / 2);
    asked.map_or(KEEP_UNDER.min(half), |bytes| bytes as u64)
}

/// Returns what is kept of weights for later runs, in a sentence; `None` if there are none.
pub fn weights(graph: &Graph, runs: &[CellId], store: &Store, budget: u64) -> Option<String> {
    let spares = store.spares();
    let there: u64 = spares.iter().map(|s| s.bytes).sum();
    let mut served = vec![false; graph.cells.len()];
    graph.cells.iter().flat_map(|c| c.takes()).for_each(|id| served[id] = true);
    let new = runs.iter().filter(|id| served[**id] && graph.cells[**id].policy == Policy::Transient);
    let new: f64 = new.map(|id| graph.cells[*id].cost.disk.max(0.0)).sum();
    if new <= 0.0 && spares.is_empty() {
        return None;
    }
    let there = format!(
        "{} of such are there ({})",
        bytes(there as f64),
        if spares.len() == 1 { "1 model".to_string() } else { format!("{} models", spares.len()) }
    );
    Some(match budget {
        0 => format!("weights: none stay for later runs (`--keep-under 0`); {there}"),
        _ => format!(
            "weights: about {} stay for later runs after their last use; {there}; at most {} stay (`--keep-under`), the cheapest to make and \
             the oldest go first",
            bytes(new.min(budget as f64)),
            bytes(budget as f64)
        ),
    })
}

/// Returns the bytes that may be written to the disk of a folder, where the system tells.
#[cfg(unix)]
pub fn free(folder: &Path) -> Option<u64> {
    // The folder may not have been made yet.
    let there = folder.ancestors().find(|f| f.exists()).filter(|f| *f != Path::new("")).unwrap_or(Path::new("."));
    let found = rustix::fs::statvfs(there).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

/// Returns the bytes that may be written to the disk of a folder, where the system tells.
#[cfg(not(unix))]
pub fn free(_folder: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_has_room_and_is_full_where_it_is() {
        let here = free(Path::new("."));
        assert_eq!(here.is_some(), cfg!(unix));
        assert!(!overfull(0.0, here) && overfull(1e30, Some(1 << 40)) && !overfull(1e30, None));
        assert!(!overfull(2e9, Some(1_000_000_000)) && overfull(2.1e9, Some(1_000_000_000)));
    }

    #[test]
    fn what_is_lacking_is_said() {
        let options = Options { most_memory: 4e9, ..Options::new(Path::new(".")) };
        let expected = Together { memory: 5e9, disk: 1e9, most_disk: 3e9, seconds: 1.0 };
        let said = lacking(&Graph::default(), &[], &expected, &options, Some(2_000_000_000));
        assert_eq!(
            said,
            [
                "about 4.7 GiB of memory would be needed at the peak, and there are 3.7 GiB",
                "about 2.8 GiB would be needed on the disk of the store at the peak, and 1.9 GiB are free"
            ]
        );
        assert!(lacking(&Graph::default(), &[], &Together::default(), &options, Some(0)).is_empty());
    }
}
