//! `among`: the scores of the examples that a data set has.

use super::select::{in_common, within};
use crate::engine::value::Scores;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, known, one_source};
use crate::plan::files::Files;
use std::collections::BTreeSet;
use std::sync::Arc;

/// `among`.
pub struct Among;

impl Planned for Among {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let x = known(inputs, "x").cloned().unwrap_or_default();
        let Some(data) = known(inputs, "data") else {
            return Ok(x.each_example());
        };
        one_source(("x", &x), ("data", data))?;
        in_common(("x", &x), ("data", data))?;
        Ok(within(Facts { class_sizes: None, ..x.each_example() }, data))
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let rows = |slot: &str| known(inputs, slot).and_then(Facts::most_rows).unwrap_or(0) as f64;
        let numbers = rows("x") + rows("data");
        Cost { seconds: 1e-6 + 1e-7 * numbers, memory: 16.0 * numbers, disk: 0.0 }
    }
}

impl Kernel for Among {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let (x, data) = (job.scores("x")?, job.dataset("data")?);
        let members: BTreeSet<u32> = data.ids.iter().copied().collect();
        let rows: Vec<usize> = (0..x.ids.len()).filter(|i| members.contains(&x.ids[*i])).collect();
        if rows.is_empty() && !x.ids.is_empty() && !members.is_empty() {
            return Err(Failure::new("no example of the data set has a number")
                .help("scores must come from the same data set, or from a choice of it"));
        }
        let labels = if x.labels.is_empty() { x.labels.clone() } else { Arc::new(rows.iter().map(|i| x.labels[*i]).collect()) };
        Ok(Value::Scores(Arc::new(Scores {
            values: rows.iter().map(|i| x.values[*i]).collect(),
            ids: Arc::new(rows.iter().map(|i| x.ids[*i]).collect()),
            labels,
            classes: x.classes.clone(),
            missing: x.missing.clone(),
            loadings: x.loadings.select(&rows),
            about: x.about.clone(),
        })))
    }
}
