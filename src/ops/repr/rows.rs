//! Which rows of a representation a cell is about, and rows of two representations matched: by example, or one by one.

use crate::engine::value::{Stages, Value};
use crate::engine::{Failure, Job};
use crate::ops::at::At;
use crate::plan::facts::{Facts, KnownInput, Problem, known, one_source};
use ndarray::{Array2, Axis};
use std::collections::{BTreeMap, BTreeSet};

/// Returns the rows that the axis word `by` (its setting, or the data set in the slot of its name) restricts a cell to.
///
/// Errors: the rows are to be split by class and have no labels. A restriction to no row is no error.
pub fn members(job: &Job, x: &Stages, by: Option<&At>) -> Result<Vec<usize>, Failure> {
    match job.input("by") {
        Some(Value::Dataset(group)) => {
            let wanted: BTreeSet<u32> = group.ids.iter().copied().collect();
            return Ok((0..x.ids.len()).filter(|i| wanted.contains(&x.ids[*i])).collect());
        }
        Some(Value::Absent(why)) => return Err(Failure::Absent(why.clone())),
        _ => {}
    }
    let Some(at) = by else { return Ok((0..x.x.nrows()).collect()) };
    if !at.is_class() {
        return Err(Failure::new(format!("rows cannot be split by `{}`, which names no examples", at.name)));
    }
    if x.labels.len() != x.x.nrows() {
        return Err(Failure::new("the rows have no labels, so they have no classes").help("give `labels:` where they are read"));
    }
    Ok((0..x.labels.len()).filter(|i| x.labels[*i] as usize == at.index).collect())
}

/// Returns the rows of each class in order of labels; all rows as one group where there are no labels.
pub fn classes(x: &Stages) -> Vec<(u64, Vec<usize>)> {
    if x.labels.len() != x.x.nrows() {
        return vec![(0, (0..x.x.nrows()).collect())];
    }
    let mut out: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    x.labels.iter().enumerate().for_each(|(i, l)| out.entry(*l as u64).or_default().push(i));
    out.into_iter().collect()
}

/// Returns another representation of the same rows: ids, labels and classes as they are.
pub fn same_rows(like: &Stages, x: Array2<f64>, notes: Vec<(String, f64)>) -> Stages {
    Stages {
        x,
        notes,
        ids: like.ids.clone(),
        labels: like.labels.clone(),
        classes: like.classes.clone(),
        numbered: like.numbered,
    }
}

/// Returns the rows of both representations that are about the same examples, in the first one's order.
///
/// Examples of a data set meet by their ids; those that only one side has are left out. Where one side's rows are only numbered (read
/// from files, or drawn), rows meet one by one, so that there must be equally many.
///
/// Errors: unequal numbers of rows, or labels that contradict each other; absent where fewer than two examples are shared, or a number is not finite.
pub fn matched(x: &Stages, y: &Stages) -> Result<(Array2<f64>, Array2<f64>), Failure> {
    finite("x", x)?;
    finite("against", y)?;
    if x.numbered || y.numbered {
        return one_by_one(x, y);
    }
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

/// Checks that all numbers are finite.
pub fn finite(name: &str, x: &Stages) -> Result<(), Failure> {
    let Some(((row, unit), value)) = x.x.indexed_iter().find(|(_, v)| !v.is_finite()) else { return Ok(()) };
    Err(Failure::Absent(format!("`{name}` holds {value} at row {row}, unit {unit}, as a network does whose training diverged")))
}

/// Returns all rows of both, the first with the first.
fn one_by_one(x: &Stages, y: &Stages) -> Result<(Array2<f64>, Array2<f64>), Failure> {
    let (n, m) = (x.x.nrows(), y.x.nrows());
    if n != m {
        return Err(Failure::new(unequal(n, m)).help(UNEQUAL_HELP));
    }
    let known = n == x.labels.len() && n == y.labels.len() && x.classes == y.classes && x.classes.len() > 1;
    if let Some(row) = (0..n).find(|i| known && x.labels[*i] != y.labels[*i]) {
        let words = format!("row {row} is of class {} in `x` and of class {} in `against`", x.labels[row], y.labels[row]);
        return Err(Failure::new(words).help("rows are compared one by one: bring both into one order of examples"));
    }
    Ok((x.x.clone(), y.x.clone()))
}

/// Returns the problem of comparing different numbers of rows.
fn unequal(x: usize, against: usize) -> String {
    format!("`x` has {x} rows and `against` {against}, and it is not known which belong to the same example")
}

const UNEQUAL_HELP: &str =
    "rows of files and drawn rows are compared one by one: give both sides the same examples in the same order";

/// Returns the number of examples that two compared representations share, where it is known, or else the most there can be.
///
/// Errors: they are of different data sets or splits, have unequal numbers of rows, or share fewer than `least`.
pub fn shared(inputs: &[KnownInput], least: usize) -> Result<Option<usize>, Problem> {
    let (Some(x), Some(y)) = (known(inputs, "x"), known(inputs, "against")) else { return Ok(None) };
    one_source(("x", x), ("against", y))?;
    let by_id = x.source.is_some() && y.source.is_some();
    if let (false, Some(n), Some(m)) = (by_id, x.rows, y.rows)
        && n != m
    {
        return Err(Problem { help: Some(UNEQUAL_HELP.to_string()), ..problem("against", unequal(n, m)) });
    }
    if by_id && !x.from.is_empty() && !y.from.is_empty() && !x.from.iter().any(|s| y.from.contains(s)) {
        let words =
            format!("`x` is about examples of {}, `against` about examples of {}", x.from.join(" and "), y.from.join(" and "));
        return Err(Problem { help: Some("compare representations of the same examples".into()), ..problem("against", words) });
    }
    let most = [x.most_rows(), y.most_rows()].into_iter().flatten().min();
    match most.filter(|n| *n < least) {
        Some(n) => Err(problem("x", format!("{n} examples are too few: at least {least} are needed"))),
        None => Ok(most),
    }
}

/// Returns the second representation of a comparison.
pub fn against(job: &Job) -> Result<&Stages, Failure> {
    if job.labelled("against").is_none() {
        return Err(Failure::new("there is nothing to compare with").help(NOTHING_HELP));
    }
    job.stages("against").map(|s| &**s)
}

const NOTHING_HELP: &str = "name an axis with `between:`, or a representation with `against:`";

/// Checks that a comparison has a second representation.
pub fn compared(inputs: &[KnownInput]) -> Result<(), Problem> {
    match inputs.iter().any(|(slot, _)| *slot == "against") {
        true => Ok(()),
        false => Err(Problem { help: Some(NOTHING_HELP.to_string()), ..problem("against", "there is nothing to compare with") }),
    }
}

/// Returns the facts of the input `x` without what only its reader knows.
pub fn like_x(inputs: &[KnownInput]) -> Facts {
    let x = known(inputs, "x").cloned().unwrap_or_default();
    Facts { files: Vec::new(), warnings: Vec::new(), coordinates: None, bytes: None, ..x }
}

/// Returns a problem of a setting.
pub fn problem(parameter: &'static str, message: impl Into<String>) -> Problem {
    Problem { code: "cfx::repr::setting", parameter: Some(parameter), message: message.into(), help: None }
}
