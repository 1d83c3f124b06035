//! Tests of estimates and of axes that nest.

use super::estimate::{BASE, together};
use super::facts::{Cost, Facts, Policy};
use super::graph::{Cell, Entry, Graph, LabelledAxis, Slot};
use crate::base::{Hash, Span};
use crate::lang::Settings;

fn axis(name: &str, within: &[&str]) -> LabelledAxis {
    LabelledAxis { name: name.into(), within: within.iter().map(|w| w.to_string()).collect(), ..LabelledAxis::default() }
}

#[test]
fn inner_axes_come_first_and_only_beside_what_they_nest_in() {
    let axes = [axis("run", &[]), axis("bin", &["run"]), axis("fold", &["run", "bin"]), axis("size", &[])];
    assert_eq!(LabelledAxis::inner_first(&axes, &[0, 1, 2, 3]), vec![vec![2], vec![1]]);
    assert_eq!(LabelledAxis::inner_first(&axes, &[0, 2, 3]), vec![vec![2]]);
    assert_eq!(LabelledAxis::inner_first(&axes, &[1, 3]), Vec::<Vec<usize>>::new());
    assert_eq!(LabelledAxis::inner_first(&axes, &[]), Vec::<Vec<usize>>::new());
}

fn cell(cost: Cost, policy: Policy) -> Cell {
    Cell {
        op: "op".into(),
        version: 1,
        settings: Settings::default().into(),
        inputs: Vec::new(),
        stream: None,
        at: Vec::new().into(),
        files: Vec::new().into(),
        key: Hash::of(b"key"),
        facts: Facts::default().into(),
        cost,
        policy,
        label: "label".into(),
        span: Span::default(),
        places: Vec::new().into(),
    }
}

#[test]
fn the_peak_is_the_process_the_results_and_the_largest_cells_side_by_side() {
    let cost = |memory: f64, disk: f64| Cost { seconds: 1.0, memory, disk };
    let cells = vec![
        cell(cost(5e6, 100.0), Policy::Stored),
        cell(cost(9e6, 200.0), Policy::Transient),
        cell(cost(7e6, 0.0), Policy::Inline),
        cell(cost(f64::NAN, f64::NAN), Policy::Stored),
    ];
    let graph = Graph { cells, ..Graph::default() };
    let all = together(&graph, &[0, 1, 2, 3], 2);
    // Nobody takes these results: they do not stay in memory.
    assert_eq!((all.seconds, all.memory, all.disk), (4.0, BASE + 14e6, 100.0));
    assert_eq!(together(&graph, &[0], 8).memory, BASE + 5e6);
    assert_eq!(together(&graph, &[], 8).memory, BASE);
}

#[test]
fn of_many_weights_that_go_only_those_side_by_side_count() {
    let cost = |memory: f64, disk: f64| Cost { seconds: 1.0, memory, disk };
    let mut cells = vec![cell(cost(1e6, 1e6), Policy::Stored)];
    for _ in 0..100 {
        cells.push(Cell { inputs: vec![("data".into(), single(0))], ..cell(cost(4e6, 1e7), Policy::Transient) });
    }
    for model in 1..=100 {
        cells.push(Cell { inputs: vec![("model".into(), single(model))], ..cell(cost(1e5, 100.0), Policy::Stored) });
    }
    let graph = Graph { cells, ..Graph::default() };
    let ids: Vec<usize> = (0..graph.cells.len()).collect();
    let all = together(&graph, &ids, 2);
    // The data, two models that wait for their measures, and two trainings or measures beside them.
    assert!(all.memory < BASE + 1e6 + 2.0 * 1e7 + 2.0 * 4e6 + 1e6, "{}", all.memory);
    assert!(all.memory > BASE + 2.0 * 1e7, "{}", all.memory);
}

fn single(id: usize) -> Slot {
    Slot { axes: Vec::new().into(), entries: vec![Entry::Cell(id)] }
}

#[test]
fn results_for_one_reader_are_all_in_memory_when_it_runs() {
    let cost = Cost { seconds: 1.0, memory: 0.0, disk: 1e6 };
    let mut cells: Vec<Cell> = (0..50).map(|_| cell(cost, Policy::Stored)).collect();
    let entries = (0..50).map(Entry::Cell).collect();
    cells.push(Cell { inputs: vec![("x".into(), Slot { axes: Vec::new().into(), entries })], ..cell(cost, Policy::Stored) });
    let graph = Graph { cells, ..Graph::default() };
    let ids: Vec<usize> = (0..51).collect();
    assert_eq!(together(&graph, &ids, 4).memory, BASE + 5e7);
    // From the store they are read when it runs.
    assert_eq!(together(&graph, &[50], 4).memory, BASE + 5e7);
}
