//! Tests of estimates and of axes that nest.

use super::estimate::{BASE, together};
use super::facts::{Cost, Facts, Policy};
use super::graph::{Cell, Graph, LabelledAxis};
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
        settings: Settings::default(),
        inputs: Vec::new(),
        stream: None,
        at: Vec::new(),
        files: Vec::new(),
        key: Hash::of(b"key"),
        facts: Facts::default(),
        cost,
        policy,
        label: "label".into(),
        span: Span::default(),
        places: Vec::new(),
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
    let all = together(&graph, 0..4, 2);
    assert_eq!((all.seconds, all.memory, all.disk), (4.0, BASE + 300.0 + 16e6, 100.0));
    assert_eq!(together(&graph, 0..1, 8).memory, BASE + 100.0 + 5e6);
    assert_eq!(together(&graph, 0..0, 8).memory, BASE);
}
