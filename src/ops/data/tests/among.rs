//! Scores of some of the examples.

use super::super::select::choose;
use super::{dataset, message, run};
use crate::engine::Value;
use crate::engine::loadings::{Load, Loadings};
use crate::engine::value::Scores;
use std::path::Path;
use std::sync::Arc;

#[test]
fn numbers_of_other_examples_are_left_out_and_those_kept_keep_what_they_err_by() {
    let data = dataset(run("digits", &[], vec![], 0, Path::new(".")));
    let part = choose(&data, &[7, 2, 5]);
    let ids: Vec<u32> = [2, 3, 5, 7].iter().map(|i| data.ids[*i]).collect();
    let labels: Vec<u32> = [2, 3, 5, 7].iter().map(|i| data.labels[*i]).collect();
    let each = Load::Each(Arc::new(vec![0.1, 0.2, 0.3, 0.4]));
    let scores = Scores {
        values: vec![20.0, 30.0, 50.0, 70.0],
        ids: Arc::new(ids),
        labels: Arc::new(labels.clone()),
        classes: data.classes().to_vec(),
        loadings: Loadings::kept([(7, each)]),
        ..Scores::default()
    };
    let scores = Value::Scores(Arc::new(scores));
    let Ok(Value::Scores(kept)) = run("among", &[], vec![("x", scores), ("data", part)], 0, Path::new(".")) else {
        panic!("scores")
    };
    assert_eq!(kept.values, [20.0, 50.0, 70.0]);
    assert_eq!(*kept.labels, [labels[0], labels[2], labels[3]]);
    assert_eq!(*kept.ids, [data.ids[2], data.ids[5], data.ids[7]]);
    let loads: Vec<f64> = kept.loadings.iter().flat_map(|(_, l)| [l.at(0), l.at(1), l.at(2)]).collect();
    assert_eq!(loads, [0.1, 0.3, 0.4]);
    // Nothing in common is no result.
    let none = choose(&data, &[0, 1]);
    let found = message(run("among", &[], vec![("x", Value::Scores(kept)), ("data", none)], 0, Path::new(".")));
    assert!(found.contains("no example of the data set"), "{found}");
}
