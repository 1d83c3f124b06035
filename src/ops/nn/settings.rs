//! The settings of a training run, checked once for planning and running alike.

use super::batches::Augment;
use super::given::{BATCH, EPOCHS, Given, constructor, elements};
use super::optimizer::{self, Around, Clip, Optimizer};
use super::place::Precision;
use super::rate::Rate;
use super::steps::Purpose;
use crate::engine::value::Dataset;
use crate::lang::carried::{SNAPSHOTS_HELP, kept_epochs, named_epochs};
use crate::lang::net::ir::{LayerOp, Net, Node, NodeId, Source};
use crate::lang::settings::Setting;
use crate::lang::{Settings, Static};
use crate::plan::facts::Problem;
use crate::settings;
use std::sync::Arc;

settings! {
    /// Fields of `when`.
    struct When("when") { reaches: Given, column: String }
}
settings! {
    /// Fields of `patience`.
    struct Patience("patience") { epochs: Given, column: String, improvement: Given }
}

/// The slot of a data set that a metric names; `None` if it names none.
#[derive(Clone, Debug)]
struct Slot(Option<String>);

impl Setting for Slot {
    fn read(value: &Static) -> Option<Self> {
        match value {
            Static::Input(slot) => Some(Slot(Some(slot.clone()))),
            Static::None => Some(Slot(None)),
            _ => None,
        }
    }
}

settings! {
    /// Fields of `accuracy` and `loss`.
    struct Measured("metric") { data: Slot }
}

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

impl Metric {
    /// Returns the slot of the data that it is measured on; nothing for the training data.
    pub fn slot(&self) -> Option<&str> {
        match self {
            Metric::Accuracy(slot) | Metric::Loss(slot) => Some(slot),
            Metric::InputGradient => None,
        }
    }

    /// Returns what the network that measures is run for.
    pub fn purpose(&self) -> Purpose {
        match self {
            Metric::Accuracy(_) | Metric::Loss(_) => Purpose::Evaluation,
            Metric::InputGradient => Purpose::InputGradient,
        }
    }
}

settings! {
    /// The settings that trainings of one network and of two have in common.
    struct PaceSettings("train") {
        epochs: Given,
        batch: Given,
        rate: Static,
        augment: Static,
        snapshots: Static = Static::None,
        precision: Precision = Precision::F32,
    }
}

/// How long a training goes on and in what steps, that of one network or of two.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Passes over the data.
    pub epochs: usize,
    /// Examples in a step.
    pub batch: usize,
    /// How large a step is.
    pub rate: Rate,
    /// Random changes of examples.
    pub augment: Vec<Augment>,
    /// Epochs after which weights are kept.
    pub snapshots: Vec<usize>,
    /// These and the last, after which a model has its weights.
    pub kept: Vec<usize>,
    /// Precision on devices that have several.
    pub precision: Precision,
}

impl Pace {
    /// Returns what the settings of a call ask for; a step takes `least` examples or more, which `what` says.
    ///
    /// Errors: the first value that cannot be.
    pub fn parse(settings: &Settings, least: usize, what: &str) -> Result<Self, Problem> {
        let of = |parameter: &'static str| move |message: String| wrong(parameter, message);
        let given = PaceSettings::read(settings);
        let epochs = given.epochs.whole("epochs", 0, EPOCHS, "passes over the data").map_err(of_training)?;
        Ok(Pace {
            epochs,
            batch: given.batch.whole("batch", least, BATCH, what).map_err(of_training)?,
            rate: Rate::parse(&given.rate).map_err(of("rate"))?,
            augment: Augment::parse(&given.augment).map_err(of("augment"))?,
            snapshots: named_epochs(&given.snapshots, epochs).map_err(of("snapshots"))?,
            kept: kept_epochs(&given.snapshots, epochs).map_err(of("snapshots"))?,
            precision: given.precision,
        })
    }
}

/// The settings of a training run.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The network.
    pub net: Arc<Net>,
    /// How long, and in what steps.
    pub pace: Pace,
    /// What a step does.
    pub optimizer: Optimizer,
    /// What is done to gradients before a step.
    pub around: Around,
    /// When training ends before the last epoch.
    pub stop: Option<Stop>,
    /// For each node, whether it is left as it is.
    pub frozen: Vec<bool>,
    /// What is measured after each epoch.
    pub record: Vec<Metric>,
    /// Label smoothing.
    pub smoothing: f64,
}

settings! {
    /// The settings of `train` beside its [`Pace`].
    struct TrainSettings("train") {
        /// The network; nothing before the shape of the data is known.
        network: Option<Arc<Net>> = None,
        optimizer: Static,
        record: Static,
        label_smoothing: Given,
        clip: Static = Static::None,
        stop: Static = Static::None,
        freeze: Option<Vec<String>> = None,
    }
}

/// Returns the problem of a setting of a training run.
pub fn wrong(parameter: &'static str, message: String) -> Problem {
    let help = match parameter {
        "rate" => "a learning rate is a number from 0, such as `0.1`, or a schedule, such as `cosine(peak: 0.1)`",
        "optimizer" => "write, say, `sgd(momentum: 0.9)` or `adam()`; `cfx doc optimizer` lists what each takes",
        "clip" => "write, say, `clip: by_norm(1)`",
        "stop" => "write, say, `stop: patience(5)` or `stop: when(reaches: 99%, column: test_accuracy)`",
        "augment" => "write, say, `augment: [crop(pad: 4), flip()]`",
        "freeze" => "name taps of the network, or what the names of its weights begin with",
        "snapshots" => SNAPSHOTS_HELP,
        _ => "see `cfx doc train`",
    };
    Problem { code: "cfx::train::setting", parameter: Some(parameter), message, help: Some(help.to_string()) }
}

/// Returns a problem under the code of training.
pub fn of_training(problem: Problem) -> Problem {
    Problem { code: "cfx::train::setting", ..problem }
}

/// Returns the pace of `train`.
///
/// Errors: as [`Pace::parse`].
pub fn pace(settings: &Settings) -> Result<Pace, Problem> {
    Pace::parse(settings, 1, "examples in a step")
}

impl Recipe {
    /// Returns what the settings of a call of `train` ask of its network; nothing before there is one.
    ///
    /// Errors: a sentence about the first value that cannot be.
    pub fn known(settings: &Settings) -> Result<Option<Self>, Problem> {
        let given = TrainSettings::read(settings);
        let Some(net) = &given.network else { return Ok(None) };
        let of = |parameter: &'static str| move |message: String| wrong(parameter, message);
        let (optimizer, radius) = optimizer::parse(&given.optimizer).map_err(of("optimizer"))?;
        let smoothing = |x: f64| (0.0..1.0).contains(&x);
        let recipe = Recipe {
            net: net.clone(),
            pace: pace(settings)?,
            optimizer,
            around: Around { radius, clip: Clip::parse(&given.clip).map_err(of("clip"))? },
            stop: Stop::parse(&given.stop).map_err(of("stop"))?,
            frozen: frozen(net, given.freeze.as_deref().unwrap_or_default()).map_err(of("freeze"))?,
            record: metrics(&given.record).map_err(of("record"))?,
            smoothing: given
                .label_smoothing
                .held("label_smoothing", smoothing, "it is a share from 0 to below 1: 10 of a hundred is `10%`, or `0.1`")
                .map_err(of_training)?,
        };
        if recipe.frozen.iter().all(|f| *f) && !recipe.frozen.is_empty() {
            return Err(wrong("freeze", "`freeze` leaves nothing to train".into()));
        }
        let moves = recipe.pace.augment.iter().any(|a| !matches!(a, Augment::Noise { .. }));
        if moves && recipe.net.input.len() != 3 {
            let message = format!("crops and flips need images, and an input here has shape {:?}", recipe.net.input);
            return Err(wrong("augment", message));
        }
        if recipe.pace.batch == 1 && recipe.one_value().is_some() {
            return Err(recipe.too_few("batch", "a batch of 1"));
        }
        Ok(Some(recipe))
    }

    /// Returns what the settings of a cell ask of its network.
    ///
    /// Errors: as [`Recipe::known`]; there is no network.
    pub fn parse(settings: &Settings) -> Result<Self, Problem> {
        Recipe::known(settings)?.ok_or_else(|| wrong("network", "the network is missing".into()))
    }

    /// Returns a batch normalisation that is trained and sees a single value of each channel in an example, where there is one: the
    /// variance of a batch of one example would be 0 there.
    fn one_value(&self) -> Option<&Node> {
        let nodes = self.net.nodes.iter().zip(&self.frozen);
        nodes
            .filter(|(_, frozen)| !**frozen)
            .map(|(n, _)| n)
            .find(|n| matches!(n.op, LayerOp::BatchNorm { features, .. } if n.shape.iter().product::<usize>() == features))
    }

    fn too_few(&self, parameter: &'static str, what: &str) -> Problem {
        let layer = self.one_value().map_or("its batch normalisation", |n| &n.path);
        Problem {
            help: Some("take batches of 2 examples or more, or a network that normalises otherwise (`layer_norm`)".to_string()),
            ..wrong(
                parameter,
                format!("{what} leaves one value of each channel to the batch normalisation `{layer}`, which has no variance"),
            )
        }
    }

    /// Checks that `rows` examples make a step.
    ///
    /// Errors: they do not.
    pub fn takes(&self, rows: usize) -> Result<(), Problem> {
        if rows == 1 && self.one_value().is_some() {
            return Err(self.too_few("data", "a single example"));
        }
        if rows > 0 && self.batches(rows).is_empty() {
            return Err(wrong("data", format!("there is {rows} example to train on, too few for a step")));
        }
        Ok(())
    }

    /// Returns whether the network normalises by statistics of the batch, so that a batch needs two examples.
    pub fn needs_pairs(&self) -> bool {
        self.net.nodes.iter().any(|n| matches!(n.op, LayerOp::BatchNorm { .. }))
    }

    /// Returns the sizes of an epoch's batches in order. The last may be smaller; where batch normalisation would be left with a
    /// single example, that example sits this epoch out (which one, the epoch's order decides).
    pub fn batches(&self, rows: usize) -> Vec<usize> {
        let batch = self.pace.batch;
        let mut out = vec![batch; rows / batch];
        let rest = rows % batch;
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
    /// When for `epochs` epochs a column has not improved on its best by more than `improvement`.
    Patience { epochs: usize, column: String, improvement: f64 },
}

impl Stop {
    /// Returns the rule that a setting names, where it names one.
    ///
    /// Errors: a value out of its range, in a sentence.
    pub fn parse(setting: &Static) -> Result<Option<Stop>, String> {
        let Some((name, fields)) = constructor(setting)? else { return Ok(None) };
        match name {
            "when" => {
                let When { reaches, column } = When::read(&fields);
                if column.starts_with("accuracy") && !(0.0..=1.0).contains(&reaches.0) {
                    return Err(format!(
                        "an accuracy is between 0 and 1, and never reaches {0}; {0} of a hundred is `{0}%`",
                        reaches.0
                    ));
                }
                if reaches.0.is_finite() {
                    Ok(Some(Stop::When { column, reaches: reaches.0 }))
                } else {
                    Err(format!("`{column}` never reaches {}", reaches.0))
                }
            }
            "patience" => {
                let Patience { epochs, column, improvement } = Patience::read(&fields);
                let (epochs, improvement) = (epochs.0, improvement.0);
                if epochs == 0.0 {
                    return Err("with a patience of 0 epochs nothing would be trained".into());
                }
                if !(epochs > 0.0 && epochs.fract() == 0.0 && epochs <= EPOCHS as f64) {
                    return Err(format!("a patience is a whole number up to {EPOCHS}, not {epochs}"));
                }
                if !(improvement >= 0.0 && improvement.is_finite()) {
                    return Err(format!("`improvement: {improvement}` is not 0 or more"));
                }
                Ok(Some(Stop::Patience { epochs: epochs as usize, column, improvement }))
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
fn frozen(net: &Net, names: &[String]) -> Result<Vec<bool>, String> {
    let mut out = vec![false; net.nodes.len()];
    for name in names {
        let mut found = false;
        if let Some((_, tap)) = net.taps.iter().find(|(t, _)| t == name) {
            part(net, *tap).into_iter().for_each(|node| out[node] = true);
            found = true;
        }
        for (node, frozen) in net.nodes.iter().zip(&mut out) {
            let below = node.path.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            *frozen |= below;
            found |= below;
        }
        if !found {
            let taps: Vec<&str> = net.taps.iter().map(|(t, _)| t.as_str()).collect();
            return Err(format!(
                "`freeze` names `{name}`, which is not a tap ({}), and no name of a weight begins with it",
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
    elements(setting)
        .iter()
        .map(|item| {
            let (name, fields) = constructor(item)?.unwrap_or_default();
            let slot = || Measured::read(&fields).data.0.ok_or_else(|| format!("`{name}` is measured on no data"));
            match name {
                "accuracy" => slot().map(Metric::Accuracy),
                "loss" => slot().map(Metric::Loss),
                "input_gradient" => Ok(Metric::InputGradient),
                other => Err(format!("there is no metric `{other}`")),
            }
        })
        .collect()
}

/// Columns of every history.
pub const COLUMNS: [&str; 4] = ["epoch", "loss", "accuracy", "rate"];

/// Returns the names of a history's columns: epoch, loss, accuracy, rate, and the recorded ones: `test_accuracy`, `train_loss` after the
/// split that holds the examples; a repeated name gets a number. `split` gives the name of the split of the data in a slot; nothing is
/// returned where it does not know one.
pub fn columns(record: &[Metric], split: impl Fn(&str) -> Option<String>) -> Option<Vec<String>> {
    let mut names: Vec<String> = COLUMNS.iter().map(|c| c.to_string()).collect();
    for metric in record {
        let name = match metric {
            Metric::Accuracy(slot) => format!("{}_accuracy", split(slot)?),
            Metric::Loss(slot) => format!("{}_loss", split(slot)?),
            Metric::InputGradient => "input_gradient".to_string(),
        };
        let recorded = names.iter().skip(COLUMNS.len());
        let repeated = recorded.filter(|n| **n == name || n.starts_with(&format!("{name}_"))).count();
        names.push(if repeated == 0 { name } else { format!("{name}_{}", repeated + 1) });
    }
    Some(names)
}

/// Returns the name of the split that all examples come from, `other` where they come from several.
pub fn split_of(data: &Dataset) -> String {
    let inside = |range: &std::ops::Range<usize>| data.ids.iter().all(|id| range.contains(&(*id as usize)));
    data.source.splits.iter().find(|(_, range)| inside(range)).map_or("other".to_string(), |(name, _)| name.clone())
}
