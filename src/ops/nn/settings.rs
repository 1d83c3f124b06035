//! The settings of a training run, checked once for planning and running alike.

use super::batches::Augment;
use super::optimizer::Optimizer;
use super::rate::Rate;
use crate::engine::value::Dataset;
use crate::lang::carried::named_epochs;
use crate::lang::net::ir::{LayerOp, Net};
use crate::lang::{Settings, Static};
use std::sync::Arc;

/// What is measured after each epoch, in evaluation mode.
#[derive(Clone, Debug, PartialEq)]
pub enum Metric {
    /// Share of right predictions on the data set in the slot.
    Accuracy(String),
    /// Mean cross-entropy on the data set in the slot.
    Loss(String),
    /// Mean over the training examples of the summed absolute gradient by the input.
    InputGradient,
}

/// The settings of a training run.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The network.
    pub net: Arc<Net>,
    /// Passes over the data.
    pub epochs: usize,
    /// Examples in a step.
    pub batch: usize,
    /// What a step does.
    pub optimizer: Optimizer,
    /// How large it is.
    pub rate: Rate,
    /// Random changes of examples.
    pub augment: Vec<Augment>,
    /// What is measured after each epoch.
    pub record: Vec<Metric>,
    /// Epochs after which weights are kept.
    pub snapshots: Vec<usize>,
    /// Label smoothing.
    pub smoothing: f64,
}

impl Recipe {
    /// Returns the settings of a call of `train`.
    ///
    /// Errors: a sentence about the first value that cannot be.
    pub fn parse(settings: &Settings) -> Result<Self, String> {
        let Static::Net(net) = settings.get("network") else { return Err("the network is missing".into()) };
        let recipe = Recipe {
            net: net.clone(),
            epochs: settings.int("epochs"),
            batch: settings.int("batch"),
            optimizer: match settings.get("optimizer") {
                Static::None => Optimizer::Sgd { momentum: 0.0, nesterov: false, decay: 0.0 },
                given => Optimizer::parse(given)?,
            },
            rate: Rate::parse(settings.get("rate"))?,
            augment: Augment::parse(settings.get("augment"))?,
            record: metrics(settings.get("record"))?,
            snapshots: named_epochs(settings.get("snapshots"), settings.int("epochs"))?,
            smoothing: settings.get("label_smoothing").number().unwrap_or(0.0),
        };
        if recipe.batch == 0 {
            return Err("a batch has at least one example".into());
        }
        if !(0.0..1.0).contains(&recipe.smoothing) {
            return Err(format!("`label_smoothing: {}` is not in [0, 1)", recipe.smoothing));
        }
        let moves = recipe.augment.iter().any(|a| !matches!(a, Augment::Noise { .. }));
        if moves && recipe.net.input.len() != 3 {
            return Err(format!("crops and flips need images, and an input here has shape {:?}", recipe.net.input));
        }
        Ok(recipe)
    }

    /// Returns whether the network normalises by statistics of the batch, so that a batch needs two examples.
    pub fn needs_pairs(&self) -> bool {
        self.net.nodes.iter().any(|n| matches!(n.op, LayerOp::BatchNorm { .. }))
    }

    /// Returns the sizes of an epoch's batches in order. The last may be smaller; where batch normalisation would be left with a
    /// single example, that example sits this epoch out (which one, the epoch's order decides).
    pub fn batches(&self, rows: usize) -> Vec<usize> {
        let mut out = vec![self.batch; rows / self.batch];
        let rest = rows % self.batch;
        if rest > 1 || rest == 1 && !self.needs_pairs() {
            out.push(rest);
        }
        out
    }
}

fn metrics(setting: &Static) -> Result<Vec<Metric>, String> {
    let Static::List(items) = setting else { return Ok(Vec::new()) };
    items
        .iter()
        .map(|item| {
            let (name, fields) = item.make().or_else(|| item.word().map(|w| (w, Settings::default()))).unwrap_or_default();
            let slot = match fields.get("data") {
                Static::Input(slot) => slot.clone(),
                _ => String::new(),
            };
            match name {
                "accuracy" => Ok(Metric::Accuracy(slot)),
                "loss" => Ok(Metric::Loss(slot)),
                "input_gradient" => Ok(Metric::InputGradient),
                other => Err(format!("there is no metric `{other}`")),
            }
        })
        .collect()
}

/// Returns the names of the recorded columns: `test_accuracy`, `train_loss` after the split that holds the examples, `other_accuracy` where none does; a repeated name gets a number.
pub fn columns(record: &[Metric], data: impl Fn(&str) -> Option<Arc<Dataset>>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for metric in record {
        let of = |slot: &str, what: &str| format!("{}_{what}", data(slot).map_or("other".to_string(), |d| split_of(&d)));
        let name = match metric {
            Metric::Accuracy(slot) => of(slot, "accuracy"),
            Metric::Loss(slot) => of(slot, "loss"),
            Metric::InputGradient => "input_gradient".to_string(),
        };
        let repeated = names.iter().filter(|n| **n == name || n.starts_with(&format!("{name}_"))).count();
        names.push(if repeated == 0 { name } else { format!("{name}_{}", repeated + 1) });
    }
    names
}

/// Returns the name of the split that all examples come from, `other` where they come from several.
fn split_of(data: &Dataset) -> String {
    let inside = |range: &std::ops::Range<usize>| data.ids.iter().all(|id| range.contains(&(*id as usize)));
    data.source.splits.iter().find(|(_, range)| inside(range)).map_or("other".to_string(), |(name, _)| name.clone())
}
