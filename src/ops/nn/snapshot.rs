//! `snapshot`: a model as it was after an epoch whose weights were kept; absent where training ended before.

use crate::engine::value::{Column, Model};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use std::sync::Arc;

/// The kernel of `snapshot`: the model as it was after an epoch.
pub struct Snapshot;

impl Planned for Snapshot {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(known(inputs, "m").cloned().unwrap_or_default())
    }
}

impl Kernel for Snapshot {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let (model, epoch) = (job.model("m")?, job.settings.int("epoch"));
        let Some((_, weights)) = model.snapshots.iter().find(|s| s.0 == epoch) else {
            let last = model.history.numbers("epoch").and_then(|e| e.last().copied());
            if let Some(last) = last.filter(|last| *last < epoch as f64) {
                return Err(Failure::Absent(format!("training ended after epoch {last}, before epoch {epoch}")));
            }
            let kept: Vec<String> = model.snapshots.iter().map(|s| s.0.to_string()).collect();
            return Err(Failure::new(format!("the weights after epoch {epoch} were not kept"))
                .help(format!("kept are those after epochs [{}]; name more in `snapshots:` of `train`", kept.join(", "))));
        };
        let mut history = model.history.clone();
        let rows = model.history.numbers("epoch").unwrap_or_default().iter().filter(|e| **e <= epoch as f64).count();
        for (_, column) in &mut history.columns {
            match column {
                Column::Numbers(x) => x.truncate(rows),
                Column::Texts(x) => x.truncate(rows),
            }
        }
        let model = Model { weights: weights.clone(), snapshots: Vec::new(), history, ..(**model).clone() };
        Ok(Value::Model(Arc::new(model)))
    }
}
