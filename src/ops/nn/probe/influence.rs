//! Influence of training examples on predictions (Feldman & Zhang 2020): the strongest pairs.

use super::common::{columns, numbers};
use super::trials::{Trials, difference, difference_error};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::nn::cost;
use crate::ops::nn::evaluate::some;
use crate::ops::nn::given::{Given, failed};
use crate::ops::nn::suits::{self, Labels};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem};
use crate::plan::files::Files;
use crate::settings;
use rayon::prelude::*;
use std::cmp::Ordering;
use std::sync::Arc;

/// Training examples that one task goes through.
const ROWS: usize = 32;

/// The kernel of `influence`.
pub struct Influence;

/// A pair: places in `data` and `on`, and the estimate.
type Pair = (usize, usize, f64);

/// Strongest first; of equal ones the first in the data.
fn order(a: &Pair, b: &Pair) -> Ordering {
    b.2.total_cmp(&a.2).then((a.0, a.1).cmp(&(b.0, b.1)))
}

impl Planned for Influence {
    fn version(&self) -> u32 {
        2
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        kept(settings)?;
        suits::unmixed(inputs, "data")?;
        suits::fits(inputs, "net", "on", Labels::One)?;
        Ok(columns(&COLUMNS))
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let (data, on) = (cost::rows(inputs, "data") as f64, cost::rows(inputs, "on") as f64);
        let trials = inputs.iter().find(|(n, _)| *n == "net").map_or(1, |(_, f)| f.len()) as f64;
        // Counts of bits over trials for each pair; where models are given, their passes too.
        let pairs = data * on * (1e-8 + trials / 64.0 * 1e-9);
        let models = if cost::net(inputs, &["net"]).is_some() { trials * cost::pass_seconds(inputs, "on") } else { 0.0 };
        let kept = kept(settings).unwrap_or(0) as f64;
        let bits = trials * (data + on) / 4.0;
        Cost {
            seconds: 0.01 + pairs + models + trials * (data + on) * 2e-9,
            memory: 1e7 + bits + 200.0 * kept,
            disk: 1e3 + 48.0 * kept.min(data * on),
        }
    }
}

settings! {
    /// The settings of `influence`.
    struct InfluenceSettings("influence") { pairs: Given }
}

/// Columns of the table.
const COLUMNS: [&str; 6] = ["example", "label", "on", "on_label", "influence", "error"];

/// Returns how many pairs are kept.
///
/// Errors: none, or more than a table may have.
fn kept(settings: &Settings) -> Result<usize, Problem> {
    InfluenceSettings::read(settings).pairs.whole("pairs", 1, 100_000_000, "pairs to keep")
}

impl Kernel for Influence {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (data, on) = (job.dataset("data")?, job.dataset("on")?);
        some(data)?;
        some(on)?;
        let trials = Trials::gather(job, data, on, cx)?;
        let keep = kept(&job.settings).map_err(failed)?;
        let one = |chunk: usize| -> Vec<Pair> {
            let mut best: Vec<Pair> = Vec::new();
            let mut bar = f64::NEG_INFINITY;
            for i in chunk * ROWS..data.len().min((chunk + 1) * ROWS) {
                // What is missing then is not looked at.
                if cx.interrupted() {
                    break;
                }
                for j in (0..on.len()).filter(|j| data.ids[i] != on.ids[*j]) {
                    let value = difference(trials.sides(i, j));
                    if value >= bar {
                        best.push((i, j, value));
                    }
                    if best.len() >= 2 * keep + 64 {
                        best.sort_unstable_by(order);
                        best.truncate(keep);
                        bar = best.last().map_or(bar, |b| b.2);
                    }
                }
            }
            best.sort_unstable_by(order);
            best.truncate(keep);
            best
        };
        let chunks = data.len().div_ceil(ROWS);
        let mut best: Vec<Pair> = Vec::new();
        // A few chunks at a time, so that no more than a few of the best are held.
        for first in (0..chunks).step_by(64) {
            let found: Vec<Vec<Pair>> = (first..chunks.min(first + 64)).into_par_iter().map(one).collect();
            best.extend(found.into_iter().flatten());
            best.sort_unstable_by(order);
            best.truncate(keep);
            if cx.interrupted() {
                return Err(Failure::Interrupted);
            }
            cx.progress((first + 64).min(chunks) as u64, chunks as u64, &[]);
        }
        let column = |f: &dyn Fn(&Pair) -> f64| best.iter().map(f).collect::<Vec<f64>>();
        Ok(Value::Table(Arc::new(numbers([
            (COLUMNS[0], column(&|p| data.ids[p.0] as f64)),
            (COLUMNS[1], column(&|p| data.labels.get(p.0).map_or(f64::NAN, |l| *l as f64))),
            (COLUMNS[2], column(&|p| on.ids[p.1] as f64)),
            (COLUMNS[3], column(&|p| on.labels.get(p.1).map_or(f64::NAN, |l| *l as f64))),
            (COLUMNS[4], column(&|p| p.2)),
            (COLUMNS[5], column(&|p| difference_error(trials.sides(p.0, p.1)))),
        ]))))
    }
}
