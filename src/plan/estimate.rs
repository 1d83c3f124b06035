//! What a set of cells is expected to take together: time, memory at the peak, disk.

use super::facts::Policy;
use super::graph::{CellId, Graph};
use super::links::Lists;
use super::share;
use std::collections::BTreeSet;

/// Bytes that the process takes whatever the cells are: the program, the script and the plan (37 MB, measured on a run without data and
/// with two threads), and the buffers that OpenBLAS keeps once it is called.
pub const BASE: f64 = 5e7;

/// Bytes that come to them once several threads compute: their stacks and what the allocator keeps for each (22 MB with two threads and with four,
/// measured on two cores over a training and over fits of densities).
pub const SEVERAL: f64 = 2.2e7;

/// Bytes that come to them once networks are trained on several threads: what products of matrices keep for each (5 to 15 MB with two threads, measured
/// over trainings of small networks).
pub const NETWORKS: f64 = 1.2e7;

/// Cells that take less than these seconds are computed by one thread after the other.
const BRIEF: f64 = 1e-2;

/// Seconds after which a cell keeps its first checkpoint (`engine::Options::checkpoint_every`).
const CHECKPOINT: f64 = 30.0;

/// What cells are expected to take together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Together {
    /// Seconds of one core.
    pub seconds: f64,
    /// Bytes of memory of the process at the peak.
    pub memory: f64,
    /// Bytes that stay on the disk.
    pub disk: f64,
    /// Bytes on the disk at the peak: with weights that go after their last use, and with checkpoints of what is running.
    pub most_disk: f64,
}

/// Returns what cells are expected to take in one run on `threads` threads. Memory is that of the process at the
/// peak: what it takes by itself, the results that are in memory while consumers of theirs are to come, and the cells that run side by side.
/// Which these are is found by going through the cells as the scheduler does: consumers of weights first, so that the weights can go, and
/// what is not stored last.
pub fn together(graph: &Graph, cells: &[CellId], threads: usize) -> Together {
    let mut all = Together { seconds: share::seconds(graph, cells).iter().sum(), ..Together::default() };
    for cell in cells.iter().map(|id| &graph.cells[*id]) {
        if cell.policy == Policy::Stored {
            all.disk += positive(cell.cost.disk);
        }
    }
    let (memory, disk) = Walk::new(graph, cells).peak(threads.max(1));
    let several = threads > 1 && cells.iter().any(|id| graph.cells[*id].cost.seconds > BRIEF);
    let networks = threads > 1 && cells.iter().any(|id| graph.cells[*id].facts.net.is_some());
    all.memory = BASE + memory + if several { SEVERAL } else { 0.0 } + if networks { NETWORKS } else { 0.0 };
    all.most_disk = disk.max(all.disk);
    all
}

fn positive(x: f64) -> f64 {
    if x > 0.0 { x } else { 0.0 }
}

/// A run gone through in thought.
struct Walk<'a> {
    graph: &'a Graph,
    /// Cells that are to run.
    runs: Vec<bool>,
    inputs: Lists,
    consumers: Lists,
    /// For cells that are to run, how many of their inputs are not there yet.
    waiting: Vec<u32>,
    /// Consumers that are to come, of what is in memory or will be.
    users: Vec<u32>,
    /// Cells whose results are in memory.
    held: Vec<bool>,
    ready: BTreeSet<(u8, CellId)>,
    bytes: f64,
    /// Bytes on the disk: results that stay, and those that are there for a while.
    disk: f64,
}

impl<'a> Walk<'a> {
    fn new(graph: &'a Graph, cells: &[CellId]) -> Self {
        let count = graph.cells.len();
        let mut runs = vec![false; count];
        cells.iter().for_each(|id| runs[*id] = true);
        let inputs = Lists::inputs(graph);
        let mut walk = Walk {
            graph,
            runs,
            consumers: inputs.turned(),
            inputs,
            waiting: vec![0; count],
            users: vec![0; count],
            held: vec![false; count],
            ready: BTreeSet::new(),
            bytes: 0.0,
            disk: 0.0,
        };
        for id in cells {
            for input in walk.inputs.ids(*id) {
                walk.users[input] += 1;
                walk.waiting[*id] += u32::from(walk.runs[input]);
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

    /// Returns the most bytes that results and running cells take at one time, in memory and on the disk.
    fn peak(mut self, threads: usize) -> (f64, f64) {
        let (mut peak, mut most_disk): (f64, f64) = (0.0, 0.0);
        loop {
            let batch = self.side_by_side(threads);
            if batch.is_empty() {
                return (peak, most_disk);
            }
            let (mut running, mut checkpoints) = (0.0, 0.0);
            for (rank, id) in &batch {
                self.ready.remove(&(*rank, *id));
                let cell = &self.graph.cells[*id];
                cell.takes().for_each(|input| self.hold(input));
                running += positive(cell.cost.memory);
                // A checkpoint holds what the result will, and the optimiser's numbers; the last one is there until the next is written.
                if cell.policy != Policy::Inline && cell.cost.seconds > CHECKPOINT {
                    let optimiser = cell.facts.net.as_ref().map_or(0.0, |net| 8.0 * net.parameters() as f64);
                    checkpoints += 2.0 * (positive(cell.cost.disk) + optimiser);
                }
            }
            peak = peak.max(self.bytes + running);
            most_disk = most_disk.max(self.disk + checkpoints);
            for (_, id) in batch {
                self.finish(id);
                peak = peak.max(self.bytes);
                most_disk = most_disk.max(self.disk);
            }
        }
    }

    /// Returns cells that run at one time: one a thread, and with it those that share its work.
    fn side_by_side(&self, threads: usize) -> Vec<(u8, CellId)> {
        let mut batch: Vec<(u8, CellId)> = Vec::new();
        let mut left = threads;
        for (rank, id) in self.ready.iter().copied() {
            if left == 0 {
                break;
            }
            if batch.contains(&(rank, id)) {
                continue;
            }
            left -= 1;
            batch.push((rank, id));
            let cell = &self.graph.cells[id];
            let Some((work, taken)) = share::group(cell) else { continue };
            let group = Some((work, taken.clone()));
            let others = taken.first().map_or(&[][..], |input| self.consumers.of(*input)).iter().map(|c| *c as CellId);
            for other in others.filter(|other| *other != id && share::group(&self.graph.cells[*other]) == group) {
                let place = (self.rank(other), other);
                if self.ready.contains(&place) {
                    batch.push(place);
                }
            }
        }
        batch
    }

    fn hold(&mut self, id: CellId) {
        if !std::mem::replace(&mut self.held[id], true) {
            self.bytes += positive(self.graph.cells[id].cost.disk);
        }
    }

    /// Takes down that a cell is done: its result is there for its consumers, and inputs that nobody else needs go.
    fn finish(&mut self, id: CellId) {
        if self.users[id] > 0 {
            self.hold(id);
        }
        if self.graph.cells[id].policy != Policy::Inline {
            self.disk += positive(self.graph.cells[id].cost.disk);
        }
        for i in 0..self.consumers.of(id).len() {
            let consumer = self.consumers.of(id)[i] as CellId;
            if self.runs[consumer] {
                self.waiting[consumer] -= 1;
                if self.waiting[consumer] == 0 {
                    self.ready.insert((self.rank(consumer), consumer));
                }
            }
        }
        for input in self.inputs.ids(id) {
            self.users[input] -= 1;
            if self.users[input] == 0 && std::mem::take(&mut self.held[input]) {
                let cell = &self.graph.cells[input];
                self.bytes -= positive(cell.cost.disk);
                // What was there before the run has not been counted.
                if cell.policy == Policy::Transient && self.runs[input] {
                    self.disk -= positive(cell.cost.disk);
                }
            }
        }
    }
}
