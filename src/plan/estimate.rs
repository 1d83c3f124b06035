//! What a set of cells is expected to take together: time, memory at the peak, disk.

use super::facts::{Cost, Policy};
use super::graph::{CellId, Graph};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes that the process takes whatever the cells are: the program, the script and the plan (37 MB, measured on a run without data and
/// with two threads), and the buffers that OpenBLAS keeps once it is called.
pub const BASE: f64 = 5e7;

/// Returns what cells are expected to take in one run on so many threads. Seconds are of one core. Memory is that of the process at the
/// peak: what it takes by itself, the results that are in memory while consumers of theirs are to come, and the cells that run side by side.
/// Which these are is found by going through the cells as the scheduler does: consumers of weights first, so that the weights can go, and
/// what is not stored last. Disk is what stays there.
pub fn together(graph: &Graph, cells: &[CellId], threads: usize) -> Cost {
    let mut all = Cost { memory: BASE, ..Cost::default() };
    for cell in cells.iter().map(|id| &graph.cells[*id]) {
        all.seconds += positive(cell.cost.seconds);
        if cell.policy == Policy::Stored {
            all.disk += positive(cell.cost.disk);
        }
    }
    all.memory += Walk::new(graph, cells).peak(threads.max(1));
    all
}

fn positive(x: f64) -> f64 {
    if x > 0.0 { x } else { 0.0 }
}

/// A run gone through in thought.
struct Walk<'a> {
    graph: &'a Graph,
    /// For cells that are to run, how many of their inputs are not there yet.
    waiting: Vec<usize>,
    /// For each cell, its consumers among those that are to run.
    consumers: BTreeMap<CellId, Vec<CellId>>,
    /// Consumers that are to come, of what is in memory or will be.
    users: BTreeMap<CellId, usize>,
    /// Cells whose results are in memory.
    held: BTreeSet<CellId>,
    ready: BTreeSet<(u8, CellId)>,
    bytes: f64,
}

impl<'a> Walk<'a> {
    fn new(graph: &'a Graph, cells: &[CellId]) -> Self {
        let mut runs = vec![false; graph.cells.len()];
        cells.iter().for_each(|id| runs[*id] = true);
        let mut walk = Walk {
            graph,
            waiting: vec![0; graph.cells.len()],
            consumers: BTreeMap::new(),
            users: BTreeMap::new(),
            held: BTreeSet::new(),
            ready: BTreeSet::new(),
            bytes: 0.0,
        };
        for id in cells {
            for input in graph.cells[*id].dependencies() {
                *walk.users.entry(input).or_insert(0) += 1;
                if runs[input] {
                    walk.waiting[*id] += 1;
                    walk.consumers.entry(input).or_default().push(*id);
                }
            }
            if walk.waiting[*id] == 0 {
                walk.ready.insert((walk.rank(*id), *id));
            }
        }
        walk
    }

    fn rank(&self, id: CellId) -> u8 {
        let cell = &self.graph.cells[id];
        let weights = cell.takes().any(|d| self.graph.cells[d].policy == Policy::Transient);
        if weights { 0 } else { 1 + u8::from(cell.policy == Policy::Inline) }
    }

    /// Returns the most bytes that results and running cells take at one time.
    fn peak(mut self, threads: usize) -> f64 {
        let mut peak: f64 = 0.0;
        loop {
            let batch: Vec<(u8, CellId)> = self.ready.iter().take(threads).copied().collect();
            if batch.is_empty() {
                return peak;
            }
            let mut running = 0.0;
            for (rank, id) in &batch {
                self.ready.remove(&(*rank, *id));
                let cell = &self.graph.cells[*id];
                cell.takes().for_each(|input| self.hold(input));
                running += positive(cell.cost.memory);
            }
            peak = peak.max(self.bytes + running);
            for (_, id) in batch {
                self.finish(id);
                peak = peak.max(self.bytes);
            }
        }
    }

    fn hold(&mut self, id: CellId) {
        if self.held.insert(id) {
            self.bytes += positive(self.graph.cells[id].cost.disk);
        }
    }

    /// Takes down that a cell is done: its result is there for its consumers, and inputs that nobody else needs go.
    fn finish(&mut self, id: CellId) {
        if self.users.contains_key(&id) {
            self.hold(id);
        }
        for consumer in self.consumers.remove(&id).unwrap_or_default() {
            self.waiting[consumer] -= 1;
            if self.waiting[consumer] == 0 {
                self.ready.insert((self.rank(consumer), consumer));
            }
        }
        for input in self.graph.cells[id].dependencies() {
            let Some(left) = self.users.get_mut(&input) else { continue };
            *left -= 1;
            if *left == 0 && self.held.remove(&input) {
                self.bytes -= positive(self.graph.cells[input].cost.disk);
            }
        }
    }
}
