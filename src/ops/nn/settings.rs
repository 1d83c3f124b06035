//! The settings of a training run, checked once for planning and running alike.

use super::batches::Augment;
use super::optimizer::{self, Around, Clip, Optimizer};
use super::rate::Rate;
use crate::engine::value::Dataset;
use crate::lang::carried::named_epochs;
use crate::lang::net::ir::{LayerOp, Net, NodeId, Source};
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
    /// What is done to gradients before a step.
    pub around: Around,
    /// When training ends before the last epoch.
    pub stop: Option<Stop>,
    /// For each node, whether it is left as it is.
    pub frozen: Vec<bool>,
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
        let (optimizer, radius) = match settings.get("optimizer") {
            Static::None => (Optimizer::Sgd { momentum: 0.0, nesterov: false, decay: 0.0 }, 0.0),
            given => optimizer::parse(given)?,
        };
        let recipe = Recipe {
            net: net.clone(),
            epochs: settings.int("epochs"),
            batch: settings.int("batch"),
            optimizer,
            around: Around { radius, clip: Clip::parse(settings.get("clip"))? },
            stop: Stop::parse(settings.get("stop"))?,
            frozen: frozen(net, settings.get("freeze"))?,
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
        if recipe.frozen.iter().all(|f| *f) && !recipe.frozen.is_empty() {
            return Err("`freeze` leaves nothing to train".into());
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

/// When training ends before its last epoch. Columns are those of the history; of `loss`es and `input_gradient`s less is better, of
/// others more.
#[derive(Clone, Debug, PartialEq)]
pub enum Stop {
    /// As soon as a column is as good as this after an epoch.
    When { column: String, reaches: f64 },
    /// When for so many epochs a column has not become better than its best by more than `improvement`.
    Patience { epochs: usize, column: String, improvement: f64 },
}

impl Stop {
    /// Returns the rule that a setting names, where it names one.
    ///
    /// Errors: a value out of its range, in a sentence.
    pub fn parse(setting: &Static) -> Result<Option<Stop>, String> {
        let Some((name, fields)) = setting.make() else { return Ok(None) };
        let column = |default: &str| fields.get("column").word().map_or(default.to_string(), str::to_string);
        match name {
            "when" => {
                let reaches = fields.real("reaches");
                let column = column("accuracy");
                if reaches.is_finite() {
                    Ok(Some(Stop::When { column, reaches }))
                } else {
                    Err(format!("`{column}` never reaches {reaches}"))
                }
            }
            "patience" => {
                let (epochs, improvement) = (fields.int("epochs"), fields.get("improvement").number().unwrap_or(0.0));
                if epochs == 0 {
                    return Err("with a patience of 0 epochs nothing would be trained".into());
                }
                if !(improvement >= 0.0 && improvement.is_finite()) {
                    return Err(format!("`improvement: {improvement}` is not 0 or more"));
                }
                Ok(Some(Stop::Patience { epochs, column: column("loss"), improvement }))
            }
            other => Err(format!("there is no rule for stopping `{other}`")),
        }
    }

    /// Returns the column that it looks at.
    pub fn column(&self) -> &str {
        match self {
            Stop::When { column, .. } | Stop::Patience { column, .. } => column,
        }
    }

    /// Returns whether training is over, given its column epoch by epoch.
    pub fn met(&self, values: &[f64]) -> bool {
        let less = self.column().contains("loss") || self.column().starts_with("input_gradient");
        // From here on, more is better.
        let good = |x: f64| if less { -x } else { x };
        match self {
            Stop::When { reaches, .. } => values.last().is_some_and(|x| good(*x) >= good(*reaches)),
            Stop::Patience { epochs, improvement, .. } => {
                let (mut best, mut since) = (f64::NEG_INFINITY, 0);
                for x in values {
                    if good(*x) > best + improvement {
                        (best, since) = (good(*x), 0);
                    } else {
                        since += 1;
                    }
                }
                since >= *epochs
            }
        }
    }
}

/// Returns for each node whether `freeze` names it: by a tap, whose part reaches back to the taps before it or to the input, or by what
/// the names of its weights begin with.
///
/// Errors: a name that is neither.
fn frozen(net: &Net, setting: &Static) -> Result<Vec<bool>, String> {
    let mut out = vec![false; net.nodes.len()];
    let Static::List(names) = setting else { return Ok(out) };
    for name in names.iter().filter_map(Static::word) {
        let mut found = false;
        if let Some((_, tap)) = net.taps.iter().find(|(t, _)| t == name) {
            part(net, *tap).into_iter().for_each(|node| out[node] = true);
            found = true;
        }
        for (node, frozen) in net.nodes.iter().zip(&mut out) {
            let below = node.path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            *frozen |= below;
            found |= below;
        }
        if !found {
            let taps: Vec<&str> = net.taps.iter().map(|(t, _)| t.as_str()).collect();
            return Err(format!(
                "`freeze` names `{name}`, which is no tap ({}) and no weight's name begins with it",
                taps.join(", ")
            ));
        }
    }
    Ok(out)
}

/// Returns the nodes that a tap depends on, without those that taps before it depend on.
fn part(net: &Net, tap: NodeId) -> Vec<NodeId> {
    let ancestors = |of: NodeId| {
        let mut seen = vec![false; net.nodes.len()];
        seen[of] = true;
        for id in (0..=of).rev().filter(|id| *id < net.nodes.len()) {
            if seen[id] {
                net.nodes[id].inputs.iter().for_each(|s| {
                    if let Source::Node(from) = s {
                        seen[*from] = true;
                    }
                });
            }
        }
        seen
    };
    let mut own = ancestors(tap);
    for (_, other) in net.taps.iter().filter(|(_, other)| *other != tap && own[*other]).collect::<Vec<_>>() {
        ancestors(*other).iter().zip(&mut own).for_each(|(theirs, own)| *own &= !theirs);
    }
    (0..own.len()).filter(|id| own[*id]).collect()
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
