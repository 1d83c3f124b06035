//! What a set of cells is expected to take together: time, memory at the peak, disk.

use super::facts::{Cost, Policy};
use super::graph::{CellId, Graph};

/// Bytes that the process takes whatever the cells are: the program, the script and the plan (37 MB, measured on a run without data and
/// with two threads), and the buffers that OpenBLAS keeps once it is called.
pub const BASE: f64 = 5e7;

/// Returns what cells are expected to take in one run on so many threads. Seconds are of one core. Memory is that of the process at the
/// peak: what it takes by itself, the results that stay in memory for their consumers, and the largest cells that could run side by side.
pub fn together(graph: &Graph, cells: impl Iterator<Item = CellId>, threads: usize) -> Cost {
    let mut all = Cost { memory: BASE, ..Cost::default() };
    let mut largest: Vec<f64> = Vec::new();
    for cell in cells.map(|id| &graph.cells[id]) {
        let positive = |x: f64| if x > 0.0 { x } else { 0.0 };
        all.seconds += positive(cell.cost.seconds);
        all.memory += positive(cell.cost.disk);
        if cell.policy == Policy::Stored {
            all.disk += positive(cell.cost.disk);
        }
        largest.push(positive(cell.cost.memory));
    }
    largest.sort_unstable_by(|a, b| b.total_cmp(a));
    all.memory += largest.iter().take(threads.max(1)).sum::<f64>();
    all
}
