//! Folds: a data set dealt at random into parts of equal size.

use super::bytes::{failed, unfit};
use super::select::{choose, chosen, random_order};
use crate::base::Stream;
use crate::engine::value::Dataset;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::at::At;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use crate::settings;

settings! {
    /// Settings of `folds`.
    struct FoldSettings("folds") {
        count: usize,
        stratified: bool,
        /// Which fold.
        at: Option<At> = None,
    }
}

/// One of several folds.
pub struct Folds;

/// Returns the fold of each example: a random order dealt out in turn. Stratified, the examples of one class come after those of another, each in random order,
/// so that no two folds differ by more than one in a class, nor in all.
fn dealt(data: &Dataset, count: usize, stratified: bool, stream: &Stream) -> Vec<usize> {
    let mut order = random_order(&stream.named("folds"), data.len());
    if stratified {
        order.sort_by_key(|i| data.labels[*i]);
    }
    let mut out = vec![0; data.len()];
    order.into_iter().enumerate().for_each(|(k, i)| out[i] = k % count);
    out
}

/// Returns the number of examples in a fold: the first ones have one more where they do not divide.
fn size(rows: usize, count: usize, fold: usize) -> usize {
    rows / count + (fold < rows % count) as usize
}

/// Checks the number of folds.
fn count_of(count: usize, most: Option<usize>) -> Result<usize, Problem> {
    match most {
        _ if count < 2 => Err(Problem {
            help: Some("5 and 10 are usual".to_string()),
            ..unfit("count", format!("there are 2 folds or more, not {count}: one is left out of training"))
        }),
        Some(most) if count > most => Err(Problem {
            help: Some(format!("a fold holds an example or more: ask for at most {most} folds, or give more examples")),
            ..unfit("count", format!("{most} examples do not fill {count} folds"))
        }),
        _ => Ok(count),
    }
}

impl Planned for Folds {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let s = FoldSettings::read(settings);
        let data = known(inputs, "data").cloned().unwrap_or_default();
        let count = count_of(s.count, data.most_rows())?;
        if s.stratified && data.labelled == Some(false) {
            return Err(unfit("stratified", "these examples have no labels, so they have no class"));
        }
        let fold = s.at.map_or(0, |at| at.index);
        let rows = data.rows.map(|n| size(n, count, fold));
        Ok(Facts { rows, rows_at_most: data.rows_at_most.map(|n| n.div_ceil(count)), ..chosen(&data) })
    }

    fn cost(&self, _settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        Cost { seconds: 1e-3, memory: 1e6, disk: 0.0 }
    }
}

impl Kernel for Folds {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let s = FoldSettings::read(&job.settings);
        let count = count_of(s.count, Some(data.len())).map_err(failed)?;
        if s.stratified && data.labels.len() != data.len() {
            return Err(Failure::new(format!("`{}` has no labels, so its examples have no class", data.source.name)));
        }
        let fold = s.at.map_or(0, |at| at.index);
        let folds = dealt(data, count, s.stratified, &job.stream);
        let positions: Vec<usize> = (0..data.len()).filter(|i| folds[*i] == fold).collect();
        Ok(choose(data, &positions))
    }
}
