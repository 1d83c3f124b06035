//! Tests of estimates and of axes that nest.

use super::constants::Constants;
use super::estimate::{BASE, SEVERAL, together};
use super::facts::{Cost, Facts, Policy, Share};
use super::graph::{Cell, Common, Declared, Entry, Graph, Inputs, LabelledAxis, Slot};
use super::share;
use crate::base::{Hash, Span};
use crate::lang::Settings;
use std::sync::Arc;

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
    let common = Common {
        op: "op".into(),
        version: 1,
        settings: Settings::default().into(),
        files: Vec::new().into(),
        facts: Facts::default().into(),
        cost,
        at_most: false,
        on_device: 0.0,
        share: None,
        policy,
        label: "label".into(),
        span: Span::default(),
        places: Vec::new().into(),
    };
    Cell { common: common.into(), inputs: Inputs::default(), stream: None, at: Vec::new().into(), key: Hash::of(b"key") }
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
    assert_eq!((all.seconds, all.memory, all.disk), (4.0, BASE + SEVERAL + 14e6, 100.0));
    assert_eq!(together(&graph, &[0], 8).memory, BASE + SEVERAL + 5e6);
    assert_eq!(together(&graph, &[0], 1).memory, BASE + 5e6);
    assert_eq!(together(&graph, &[], 8).memory, BASE);
}

#[test]
fn of_many_weights_that_go_only_those_side_by_side_count() {
    let cost = |memory: f64, disk: f64| Cost { seconds: 1.0, memory, disk };
    let mut cells = vec![cell(cost(1e6, 1e6), Policy::Stored)];
    for _ in 0..100 {
        cells.push(Cell { inputs: vec![("data".into(), single(0))].into(), ..cell(cost(4e6, 1e7), Policy::Transient) });
    }
    for model in 1..=100 {
        cells.push(Cell { inputs: vec![("model".into(), single(model))].into(), ..cell(cost(1e5, 100.0), Policy::Stored) });
    }
    let graph = Graph { cells, ..Graph::default() };
    let ids: Vec<usize> = (0..graph.cells.len()).collect();
    let all = together(&graph, &ids, 2);
    // The data, two models that wait for their measures, and two trainings or measures beside them.
    assert!(all.memory < BASE + SEVERAL + 1e6 + 2.0 * 1e7 + 2.0 * 4e6 + 1e6, "{}", all.memory);
    assert!(all.memory > BASE + SEVERAL + 2.0 * 1e7, "{}", all.memory);
}

fn single(id: usize) -> Slot {
    Slot { axes: Vec::new().into(), entries: vec![Entry::Cell(id)] }
}

#[test]
fn results_for_one_reader_are_all_in_memory_when_it_runs() {
    let cost = Cost { seconds: 1.0, memory: 0.0, disk: 1e6 };
    let mut cells: Vec<Cell> = (0..50).map(|_| cell(cost, Policy::Stored)).collect();
    let entries = (0..50).map(Entry::Cell).collect();
    cells.push(Cell {
        inputs: vec![("x".into(), Slot { axes: Vec::new().into(), entries })].into(),
        ..cell(cost, Policy::Stored)
    });
    let graph = Graph { cells, ..Graph::default() };
    let ids: Vec<usize> = (0..51).collect();
    assert_eq!(together(&graph, &ids, 4).memory, BASE + SEVERAL + 5e7);
    // From the store they are read when it runs.
    assert_eq!(together(&graph, &[50], 4).memory, BASE + SEVERAL + 5e7);
}

#[test]
fn weights_and_checkpoints_are_on_the_disk_while_they_are_of_use() {
    let cost = |seconds: f64, disk: f64| Cost { seconds, memory: 0.0, disk };
    let mut cells: Vec<Cell> = (0..20).map(|_| cell(cost(1.0, 1e7), Policy::Transient)).collect();
    for model in 0..20 {
        cells.push(Cell { inputs: vec![("model".into(), single(model))].into(), ..cell(cost(1.0, 100.0), Policy::Stored) });
    }
    let graph = Graph { cells, ..Graph::default() };
    let ids: Vec<usize> = (0..40).collect();
    // One after the other: the weights of one model at a time, and the results that stay.
    let all = together(&graph, &ids, 1);
    assert_eq!(all.disk, 2000.0);
    assert!((1e7..1e7 + 2000.0).contains(&all.most_disk), "{}", all.most_disk);
    // Weights that are not taken stay.
    assert_eq!(together(&graph, &ids[..20], 1).most_disk, 2e8);
    // A long training keeps checkpoints, the last one until the next is written.
    let graph = Graph { cells: vec![cell(cost(1e3, 1e7), Policy::Transient)], ..Graph::default() };
    assert_eq!(together(&graph, &[0], 1).most_disk, 2e7);
}

/// A plan of one declared value over numbers.
fn known(name: &str, places: &[(&str, f64)]) -> Graph {
    let coordinates = places.iter().map(|p| p.0.to_string()).collect();
    let value = Declared {
        keyword: "analysis".into(),
        name: name.into(),
        kind: "number".into(),
        source: format!("analysis {name} = c * k"),
        span: Span::default(),
        doc: None,
        axes: vec![LabelledAxis { coordinates, ..axis("k", &[]) }].into(),
        entries: places.iter().map(|p| Entry::Number(p.1)).collect(),
    };
    Graph { values: vec![value], ..Graph::default() }
}

#[test]
fn values_known_before_the_run_are_compared_by_their_coordinates() {
    let before = Constants::of(&known("v", &[("0", 0.0), ("1", 2.0), ("2", 4.0)]));
    assert_eq!(Constants::from_json(&before.to_json()), Some(before.clone()));
    let differences = |graph: &Graph| Constants::of(graph).differences(&graph.values[0], &before);
    let nothing: Vec<String> = Vec::new();
    assert_eq!(differences(&known("v", &[("0", 0.0), ("1", 2.0), ("2", 4.0)])), nothing);
    // Under another name, too.
    assert_eq!(differences(&known("w", &[("0", 0.0), ("1", 2.0), ("2", 4.0)])), nothing);
    assert_eq!(differences(&known("v", &[("0", 0.0), ("1", 7.0), ("2", 4.0)])), ["`v[k: 1]` was 2 and is 7"]);
    assert_eq!(
        differences(&known("v", &[("1", 2.5), ("3", 6.0)])),
        [
            "`v[k: 1]` was 2 and is 2.5",
            "`v[k: 3]` is at coordinates that are new",
            "2 places of `v` that were there in the last run are gone"
        ]
    );
    let reordered = differences(&known("v", &[("2", 4.0), ("1", 2.0), ("0", 0.0)]));
    assert_eq!(reordered, ["the coordinates of `v` stand in another order"]);
}

#[test]
fn work_that_cells_share_is_counted_once() {
    let pass = |seconds: f64| Some(Share { work: "pass", slots: &["net"], seconds });
    let mut graph = Graph { cells: vec![cell(Cost { seconds: 1.0, ..Cost::default() }, Policy::Stored)], ..Graph::default() };
    for (seconds, shared) in [(10.0, 8.0), (9.0, 6.0), (3.0, 2.0)] {
        let mut one = cell(Cost { seconds, ..Cost::default() }, Policy::Stored);
        Arc::make_mut(&mut one.common).share = pass(shared);
        one.inputs = vec![("net".into(), Slot { axes: Vec::new().into(), entries: vec![Entry::Cell(0)] })].into();
        graph.cells.push(one);
    }
    // The longest pass once, 8 of 16; the rest of each, 2 + 3 + 1; the model.
    assert_eq!(together(&graph, &[0, 1, 2, 3], 2).seconds, 1.0 + 8.0 + 6.0);
    assert_eq!(share::seconds(&graph, &[1, 2, 3]), [2.0 + 4.0, 3.0 + 3.0, 1.0 + 1.0]);
    assert_eq!(share::seconds(&graph, &[2]), [9.0]);
}
