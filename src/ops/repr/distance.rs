//! How compact classes are: mean pairwise distance (Jamroz and Kurdziel 2023, figure 2), and class means.

use super::rows::{classes, finite, like_x, members, problem};
use super::scale;
use crate::engine::value::{Column, Number, Table};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::at::At;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, known};
use crate::plan::files::Files;
use crate::settings;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use std::sync::Arc;

settings! {
    /// Settings of `mean_distance`.
    struct DistanceSettings("mean_distance") { by: Option<At> = None }
}

/// Rows whose pairs make one piece of work.
const PIECE: usize = 32;

/// The mean Euclidean distance over all pairs of examples: exact, no sampling.
pub struct MeanDistance;

impl Planned for MeanDistance {
    fn version(&self) -> u32 {
        3
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let x = like_x(inputs);
        let by = DistanceSettings::read(settings).by;
        if by.as_ref().is_some_and(At::is_class) && x.labelled == Some(false) {
            let help = Some("give `labels:` where they are read".to_string());
            return Err(Problem { help, ..problem("by", "the rows have no labels, so they have no classes") });
        }
        if let Some(n) = x.most_rows().filter(|n| *n < 2 && by.is_none()) {
            return Err(problem("x", format!("{n} examples have no pair")));
        }
        Ok(Facts { classes: x.classes, ..Facts::default() })
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let facts = like_x(inputs);
        let split = DistanceSettings::read(settings).by.is_some();
        let groups = facts.classes.as_ref().filter(|_| split).map_or(1, Vec::len).max(1);
        let all = facts.most_rows().unwrap_or(10_000) as f64;
        let n = all / groups as f64;
        let d = facts.dim.unwrap_or(64) as f64;
        Cost { seconds: 1e-3 + n * n * (PAIR + NUMBER * d), memory: 16.0 * n * d, disk: 100.0 }
    }
}

/// Seconds of one core for half a pair of rows, and for half a number of a pair.
const PAIR: f64 = 1e-9;
const NUMBER: f64 = 2.2e-10;

/// Returns the squared Euclidean distance of two rows, in eight sums that are added in a fixed order.
fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0f64; 8];
    let (heads_a, heads_b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = heads_a.remainder().iter().zip(heads_b.remainder()).map(|(x, y)| (x - y) * (x - y)).sum();
    for (x, y) in heads_a.zip(heads_b) {
        for k in 0..8 {
            sums[k] += (x[k] - y[k]) * (x[k] - y[k]);
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// Returns the mean Euclidean distance over all pairs of rows and the number of pairs. Asks `stop` before the distances from each row.
///
/// Errors: fewer than two rows; the mean is beyond the range of floats; `stop` said so.
pub fn mean_pairwise_distance(x: ArrayView2<f64>, stop: &(dyn Fn() -> bool + Sync)) -> Result<(f64, u64), Failure> {
    let n = x.nrows() as u64;
    if n < 2 {
        return Err(Failure::Absent(format!("{n} examples have no pair")));
    }
    // No distance sees a shift of all rows; squares at this scale neither overflow nor vanish.
    let (x, exponent): (Array2<f64>, i32) = scale::from_first(x);
    let x = x.as_standard_layout();
    let d = x.ncols();
    let data = x.as_slice().unwrap_or_default();
    let row = |i: usize| &data[i * d..(i + 1) * d];
    let starts: Vec<usize> = (0..n as usize).step_by(PIECE).collect();
    let sums: Vec<f64> = starts
        .par_iter()
        .map(|start| {
            let end = (start + PIECE).min(n as usize);
            let from = |i: usize| match stop() {
                true => 0.0,
                false => (i + 1..n as usize).map(|j| squared_distance(row(i), row(j)).sqrt()).sum::<f64>(),
            };
            (*start..end).map(from).sum()
        })
        .collect();
    let pairs = n * (n - 1) / 2;
    let mut mean = [sums.iter().sum::<f64>() / pairs as f64];
    scale::restore(mean.iter_mut(), exponent, "the mean distance")?;
    if stop() { Err(Failure::Interrupted) } else { Ok((mean[0], pairs)) }
}

impl Kernel for MeanDistance {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let stages = job.stages("x")?;
        finite("x", stages)?;
        let rows = members(job, stages, DistanceSettings::read(&job.settings).by.as_ref())?;
        let (value, pairs) = mean_pairwise_distance(stages.x.select(Axis(0), &rows).view(), &|| cx.interrupted())?;
        Ok(Value::Number(Number::new(value, None, Some(pairs))))
    }
}

/// The mean of each class: a table with a row a class.
pub struct ClassMeans;

impl Planned for ClassMeans {
    fn version(&self) -> u32 {
        3
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let x = known(inputs, "x");
        let units = x.and_then(|f| f.dim).map(|d| (0..d).map(|unit| format!("unit_{unit}")));
        let named = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
        let columns = units.map(|units| [named(&["class", "examples"]), units.collect(), named(&["norm"])].concat());
        let classes = x.and_then(|f| f.classes.clone());
        Ok(Facts { classes, columns, texts: named(&["class"]), ..Facts::default() })
    }
}

impl Kernel for ClassMeans {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let stages = job.stages("x")?;
        let groups = classes(stages);
        let name = |label: u64| stages.classes.get(label as usize).cloned().unwrap_or_else(|| label.to_string());
        let mut columns = vec![
            ("class".to_string(), Column::Texts(groups.iter().map(|(l, _)| name(*l)).collect())),
            ("examples".to_string(), Column::Numbers(groups.iter().map(|(_, r)| r.len() as f64).collect())),
        ];
        let means: Vec<_> = groups.iter().map(|(_, r)| scale::centred(stages.x.select(Axis(0), r).view()).means).collect();
        for unit in 0..stages.x.ncols() {
            columns.push((format!("unit_{unit}"), Column::Numbers(means.iter().map(|m| m[unit]).collect())));
        }
        // A length that no number is large enough for is missing.
        let norms = means.iter().map(scale::norm).map(|n| if n.is_finite() { n } else { f64::NAN }).collect();
        columns.push(("norm".to_string(), Column::Numbers(norms)));
        Ok(Value::Table(Arc::new(Table { columns })))
    }
}
