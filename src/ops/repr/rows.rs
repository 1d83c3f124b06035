//! Which rows of a representation a cell is about, and rows of two representations matched by id.

use crate::engine::value::{Stages, Value};
use crate::engine::{Failure, Job};
use crate::lang::Settings;
use crate::plan::facts::{Facts, KnownInput, Problem, known};
use ndarray::{Array2, Axis};
use std::collections::{BTreeMap, BTreeSet};

/// Returns the rows that the axis word `by` (its setting, or the data set in the slot of its name) restricts a cell to.
///
/// Errors: the rows are to be split by class and have no labels. A restriction to no row is no error.
pub fn members(job: &Job, x: &Stages, by: &str) -> Result<Vec<usize>, Failure> {
    match job.input(by) {
        Some(Value::Dataset(group)) => {
            let wanted: BTreeSet<u32> = group.ids.iter().copied().collect();
            return Ok((0..x.ids.len()).filter(|i| wanted.contains(&x.ids[*i])).collect());
        }
        Some(Value::Absent(why)) => return Err(Failure::Absent(why.clone())),
        _ => {}
    }
    let Some((_, at)) = job.settings.get(by).make() else { return Ok((0..x.x.nrows()).collect()) };
    if at.word("role") != "class" {
        return Err(Failure::new(format!("rows cannot be split by `{}`, which names no examples", at.word("axis"))));
    }
    if x.labels.len() != x.x.nrows() {
        return Err(Failure::new("the rows have no labels, so they have no classes").help("give `labels:` where they are read"));
    }
    let class = at.int("index") as u32;
    Ok((0..x.labels.len()).filter(|i| x.labels[*i] == class).collect())
}

/// Returns the rows of each class in order of labels; all rows as one group where there are no labels or no class is asked for.
pub fn groups(x: &Stages, settings: &Settings, by: &str) -> Vec<(u64, Vec<usize>)> {
    let by_class = settings.get(by).make().is_some_and(|(_, axis)| axis.word("role") == "class" || axis.word("name") == "class")
        || settings.word(by) == "class";
    if !by_class || x.labels.len() != x.x.nrows() {
        return vec![(0, (0..x.x.nrows()).collect())];
    }
    let mut out: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    x.labels.iter().enumerate().for_each(|(i, l)| out.entry(*l as u64).or_default().push(i));
    out.into_iter().collect()
}

/// Returns another representation of the same rows: ids, labels and classes as they are.
pub fn same_rows(like: &Stages, x: Array2<f64>, notes: Vec<(String, f64)>) -> Stages {
    Stages { x, ids: like.ids.clone(), labels: like.labels.clone(), classes: like.classes.clone(), notes }
}

/// Returns the rows that both representations have, in the first one's order.
///
/// Errors: absent where they share fewer than two examples.
pub fn matched(x: &Stages, y: &Stages) -> Result<(Array2<f64>, Array2<f64>), Failure> {
    if x.ids == y.ids {
        return Ok((x.x.clone(), y.x.clone()));
    }
    let place: BTreeMap<u32, usize> = y.ids.iter().enumerate().map(|(i, id)| (*id, i)).collect();
    let pairs: Vec<(usize, usize)> = x.ids.iter().enumerate().filter_map(|(i, id)| place.get(id).map(|j| (i, *j))).collect();
    if pairs.len() < 2 {
        return Err(Failure::Absent(format!("the representations share {} examples", pairs.len())));
    }
    let (a, b): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    Ok((x.x.select(Axis(0), &a), y.x.select(Axis(0), &b)))
}

/// Returns the second representation of a comparison.
pub fn against(job: &Job) -> Result<&Stages, Failure> {
    if job.labelled("against").is_none() {
        return Err(Failure::new("there is nothing to compare with")
            .help("name an axis with `between:`, or a representation with `against:`"));
    }
    job.stages("against").map(|s| &**s)
}

/// Returns the facts of the input `x` without what only its reader knows.
pub fn like_x(inputs: &[KnownInput]) -> Facts {
    let x = known(inputs, "x").cloned().unwrap_or_default();
    Facts { files: Vec::new(), coordinates: None, bytes: None, ..x }
}

/// Returns a problem of a setting.
pub fn problem(parameter: &'static str, message: impl Into<String>) -> Problem {
    Problem { code: "cfx::repr::setting", parameter: Some(parameter), message: message.into(), help: None }
}
