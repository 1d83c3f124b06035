//! Mutual information of a unit's activity with the class, in bits.

use super::common::{columns, numbers, problem};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::nn::cost;
use crate::ops::nn::evaluate::measured;
use crate::ops::nn::given::{Given, TapName, failed};
use crate::ops::nn::pass::{self, Made};
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::suits::{self, Labels};
use crate::ops::nn::tap::{self, Pool, Take};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Share, known};
use crate::plan::files::Files;
use crate::{settings, words};
use rayon::prelude::*;
use std::sync::Arc;

/// The kernel of `mutual_information`.
pub struct MutualInformation;

impl Planned for MutualInformation {
    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let plan = Plan::parse(settings)?;
        suits::fits(inputs, "net", "data", Labels::One)?;
        suits::tap(inputs, "net", &plan.at.0)?;
        known(inputs, "data").and_then(|d| d.rows).map_or(Ok(()), |rows| plan.takes(rows))?;
        Ok(columns(&COLUMNS))
    }

    fn on_device(&self, _settings: &Settings, inputs: &[KnownInput]) -> f64 {
        cost::on_device(inputs, Purpose::Evaluation, None)
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let Ok(plan) = Plan::parse(settings) else { return Cost::default() };
        let rows = cost::rows(inputs, "data") as f64;
        let shape = tap::shape(inputs, &plan.at.0);
        let units = shape.and_then(|s| s.last()).copied().unwrap_or(64) as f64;
        let numbers = shape.map_or(0, |s| s.iter().product::<usize>()) as f64;
        // Pooled, then sorted unit by unit.
        let sorted = units * rows * (2e-9 * rows.max(2.0).log2() + 1e-8);
        let seconds = 1e-3 + tap::seconds(inputs, &plan.at.0) + rows * numbers * 2e-9 + sorted;
        Cost { seconds, memory: cost::pass_bytes(inputs) + 16.0 * rows * units, disk: 200.0 + 24.0 * units }
    }

    fn share(&self, settings: &Settings, inputs: &[KnownInput]) -> Option<Share> {
        Plan::parse(settings).ok().and_then(|plan| tap::shared(inputs, &plan.at.0))
    }
}

words! {
    /// Correction of the plug-in estimate.
    enum Correction {
        None = "none",
        MillerMadow = "miller_madow",
    }
}
settings! {
    /// The settings of `mutual_information`.
    struct InformationSettings("mutual_information") { at: TapName, bins: Given, correction: Correction }
}

/// Columns of the table.
const COLUMNS: [&str; 3] = ["unit", "information", "bins"];

/// What is estimated.
struct Plan {
    at: TapName,
    bins: usize,
    corrected: bool,
}

impl Plan {
    fn parse(settings: &Settings) -> Result<Self, Problem> {
        let given = InformationSettings::read(settings);
        Ok(Plan {
            at: given.at,
            bins: given.bins.whole("bins", 2, u32::MAX as usize, "bins of equal mass")?,
            corrected: given.correction == Correction::MillerMadow,
        })
    }

    fn takes(&self, rows: usize) -> Result<(), Problem> {
        if rows >= self.bins {
            return Ok(());
        }
        let message = format!("there are {} bins for {rows} examples", self.bins);
        Err(problem("bins", message, "take fewer bins, or more examples"))
    }
}

/// Returns the reader of a job of `mutual_information`.
pub fn of(job: &Job) -> Made {
    let (model, data) = measured(job, Labels::One)?;
    let data = data.clone();
    let plan = Plan::parse(&job.settings).map_err(failed)?;
    plan.takes(data.len()).map_err(failed)?;
    tap::reader(model, &data.clone(), &plan.at.0.clone(), Take::Pooled(Pool::Mean), move |x| {
        let all: Vec<(f64, usize)> = (0..x.ncols())
            .into_par_iter()
            .map(|u| {
                let binned = equal_mass(&x.column(u).to_vec(), plan.bins);
                let used = binned.iter().max().map_or(0, |b| *b as usize + 1);
                (information(&binned, &data.labels, plan.corrected), used)
            })
            .collect();
        Ok(Value::Table(Arc::new(numbers([
            (COLUMNS[0], (0..all.len()).map(|u| u as f64).collect()),
            (COLUMNS[1], all.iter().map(|a| a.0).collect()),
            (COLUMNS[2], all.iter().map(|a| a.1 as f64).collect()),
        ]))))
    })
}

impl Kernel for MutualInformation {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        pass::alone(job, of(job), cx)
    }
}

/// Returns the bin of each value, bins numbered without gaps. Cuts are the order statistics at n j / bins, j = 1 .. bins - 1 (rounded down, from 0);
/// a value's bin is the number of different cuts at or below it, so that equal values share one, and there are fewer bins where many are equal.
pub fn equal_mass(values: &[f64], bins: usize) -> Vec<u32> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut cuts: Vec<f64> = (1..bins).filter_map(|j| sorted.get(values.len() * j / bins).copied()).collect();
    cuts.dedup();
    // A cut at the lowest value leaves nothing below it.
    if cuts.first().is_some_and(|c| sorted.first().is_some_and(|s| c <= s)) {
        cuts.remove(0);
    }
    values.iter().map(|v| cuts.partition_point(|c| c <= v) as u32).collect()
}

/// Returns the plug-in estimate of the mutual information of two labellings in bits: sum of p(a, b) log2(p(a, b) / (p(a) p(b))).
///
/// With `corrected`, Miller & Madow's (1955) correction (k - 1) / (2 n ln 2) of each entropy in H(a) + H(b) - H(a, b), k the values (pairs) that occur.
pub fn information(a: &[u32], b: &[u32], corrected: bool) -> f64 {
    let n = a.len() as f64;
    let size = |x: &[u32]| x.iter().max().map_or(0, |m| *m as usize + 1);
    let (rows, columns) = (size(a), size(b));
    let mut joint = vec![0f64; rows * columns];
    let (mut left, mut right) = (vec![0f64; rows], vec![0f64; columns]);
    for (x, y) in a.iter().zip(b) {
        joint[*x as usize * columns + *y as usize] += 1.0;
        left[*x as usize] += 1.0;
        right[*y as usize] += 1.0;
    }
    let mut sum = 0.0;
    for (i, count) in joint.iter().enumerate().filter(|(_, c)| **c > 0.0) {
        sum += count / n * (count * n / (left[i / columns] * right[i % columns])).log2();
    }
    if !corrected {
        return sum.max(0.0);
    }
    let occupied = |x: &[f64]| x.iter().filter(|c| **c > 0.0).count() as f64 - 1.0;
    sum + (occupied(&left) + occupied(&right) - occupied(&joint)) / (2.0 * n * std::f64::consts::LN_2)
}
