//! Trees of distances against SciPy's (tests/data/analysis/make_linkage.py).

use crate::ops::analysis::linkage::{Linkage, tree};
use serde_json::Value as Json;
use std::path::Path;

fn numbers(x: &Json) -> Vec<f64> {
    x.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn trees_are_scipys() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/analysis/linkage.json");
    let all: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let n = all["n"].as_u64().unwrap() as usize;
    let methods =
        [("average", Linkage::Average), ("complete", Linkage::Complete), ("single", Linkage::Single), ("ward", Linkage::Ward)];
    for (name, linkage) in methods {
        let expected = &all[name];
        let t = tree(numbers(&all["d"]), n, linkage);
        assert_eq!(t.merges.len(), n - 1);
        for (merge, row) in t.merges.iter().zip(expected["merges"].as_array().unwrap()) {
            let row = numbers(row);
            assert_eq!((merge.clusters.0 as f64, merge.clusters.1 as f64, merge.size as f64), (row[0], row[1], row[3]), "{name}");
            assert!((merge.height - row[2]).abs() < 1e-12, "{name}: {} for {}", merge.height, row[2]);
        }
        let order: Vec<f64> = t.order().iter().map(|i| *i as f64).collect();
        assert_eq!(order, numbers(&expected["order"]), "{name}");
        t.cophenetic().iter().zip(numbers(&expected["heights"])).for_each(|(a, b)| assert!((a - b).abs() < 1e-12));
        for (count, labels) in expected["groups"].as_object().unwrap() {
            let groups: Vec<f64> = t.groups(count.parse().unwrap()).iter().map(|g| *g as f64).collect();
            assert_eq!(groups, numbers(labels), "{name}, {count}");
        }
    }
}

#[test]
fn small_trees() {
    assert_eq!(tree(vec![0.0], 1, Linkage::Average).order(), [0]);
    let two = tree(vec![0.0, 3.0, 3.0, 0.0], 2, Linkage::Ward);
    assert_eq!((two.merges[0].height, two.order(), two.groups(2), two.groups(1)), (3.0, vec![0, 1], vec![0, 1], vec![0, 0]));
    // All as far from each other: any tree, of equal heights.
    let equal = tree((0..25).map(|i| if i % 6 == 0 { 0.0 } else { 1.0 }).collect(), 5, Linkage::Average);
    assert!(equal.merges.iter().all(|m| m.height == 1.0) && equal.merges.last().is_some_and(|m| m.size == 5));
}
