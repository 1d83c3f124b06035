//! `snapshot`: a model as it was after an epoch whose weights were kept; absent where training ended before.

use super::given::{EPOCHS, Given, failed};
use crate::engine::value::{Column, Model};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use crate::settings;
use std::sync::Arc;

settings! {
    /// The settings of `snapshot`.
    struct SnapshotSettings("snapshot") { epoch: Given }
}

/// Returns the epoch that the settings name.
///
/// Errors: no whole number, or too large a one.
fn epoch(settings: &Settings) -> Result<usize, Problem> {
    let given = SnapshotSettings::read(settings).epoch.whole("epoch", 0, EPOCHS, "epochs trained; 0 has the initial weights");
    given.map_err(|p| Problem { code: "cfx::train::setting", ..p })
}

/// The kernel of `snapshot`: the model as it was after an epoch.
pub struct Snapshot;

impl Planned for Snapshot {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let model = known(inputs, "m").cloned().unwrap_or_default();
        let epoch = epoch(settings)?;
        if let Some(kept) = model.kept.as_ref().filter(|k| !k.contains(&epoch)) {
            return Err(Problem {
                code: "cfx::train::setting",
                parameter: Some("epoch"),
                message: format!("the weights after epoch {epoch} are not kept"),
                help: Some(format!("kept are those after epochs {}; name more in `snapshots:` of the training", in_words(kept))),
            });
        }
        Ok(Facts { kept: Some(vec![epoch]), ..model })
    }
}

impl Kernel for Snapshot {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let (model, epoch) = (job.model("m")?, epoch(&job.settings).map_err(failed)?);
        let epochs = model.history.numbers("epoch").unwrap_or_default();
        let last = epochs.last().map_or(0, |e| *e as usize);
        let weights = match model.snapshots.iter().find(|s| s.0 == epoch) {
            Some((_, weights)) => weights,
            // The model's own weights are those after its last epoch.
            None if epoch == last => &model.weights,
            None if epoch > last => {
                return Err(Failure::Absent(format!("training stopped after epoch {last}, before epoch {epoch}")));
            }
            None => {
                let kept: Vec<usize> = model.snapshots.iter().map(|s| s.0).collect();
                return Err(Failure::new(format!("the weights after epoch {epoch} were not kept"))
                    .help(format!("kept are those after epochs {}; name more in `snapshots:` of `train`", in_words(&kept))));
            }
        };
        let rows = epochs.iter().filter(|e| **e <= epoch as f64).count();
        let mut history = model.history.clone();
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

/// Returns epochs as a list in a sentence.
fn in_words(epochs: &[usize]) -> String {
    epochs.iter().map(|e| e.to_string()).collect::<Vec<_>>().join(", ")
}
