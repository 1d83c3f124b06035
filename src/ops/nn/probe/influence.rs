//! Influence of training examples on predictions (Feldman & Zhang 2020): the strongest pairs.

use super::trials::{Trials, difference, difference_error};
use super::{numbers, problem};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, known};
use crate::plan::files::Files;
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
    fn facts(&self, settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        if settings.int("pairs") == 0 {
            return Err(problem("pairs", "no pair would be kept".to_string(), "ask for at least one"));
        }
        Ok(Facts::default())
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let rows = |slot: &str| known(inputs, slot).and_then(|f| f.rows).unwrap_or(0) as f64;
        Cost { seconds: 0.01 + rows("data") * rows("on") * 2e-8, memory: 3e8, disk: 1e5 }
    }
}

impl Kernel for Influence {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (data, on) = (job.dataset("data")?, job.dataset("on")?);
        if data.is_empty() || on.is_empty() {
            return Err(Failure::Absent("there is no example to measure on".to_string()));
        }
        let trials = Trials::gather(job, data, on, cx)?;
        let keep = job.settings.int("pairs").max(1);
        let one = |chunk: usize| -> Vec<Pair> {
            let mut best: Vec<Pair> = Vec::new();
            let mut bar = f64::NEG_INFINITY;
            for i in chunk * ROWS..data.len().min((chunk + 1) * ROWS) {
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
        // A few chunks at a time, so that a stop is heard.
        for first in (0..chunks).step_by(64) {
            if cx.interrupted() {
                return Err(Failure::Interrupted);
            }
            let found: Vec<Vec<Pair>> = (first..chunks.min(first + 64)).into_par_iter().map(one).collect();
            best.extend(found.into_iter().flatten());
            best.sort_unstable_by(order);
            best.truncate(keep);
            cx.progress((first + 64).min(chunks) as u64, chunks as u64, &[]);
        }
        let column = |f: &dyn Fn(&Pair) -> f64| best.iter().map(f).collect::<Vec<f64>>();
        Ok(Value::Table(Arc::new(numbers([
            ("example", column(&|p| data.ids[p.0] as f64)),
            ("label", column(&|p| data.labels.get(p.0).map_or(f64::NAN, |l| *l as f64))),
            ("on", column(&|p| on.ids[p.1] as f64)),
            ("on_label", column(&|p| on.labels.get(p.1).map_or(f64::NAN, |l| *l as f64))),
            ("influence", column(&|p| p.2)),
            ("error", column(&|p| difference_error(trials.sides(p.0, p.1)))),
        ]))))
    }
}
