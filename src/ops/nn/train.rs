//! `train` and `untrained`: what they say before they run, and their kernels. What learns is in [`super::trainer`], its course in [`super::course`].

use super::batches::Augment;
use super::cost;
use super::course;
use super::evaluate;
use super::given::failed;
use super::idle;
use super::models::of_net;
use super::network::Network;
use super::place::Place;
use super::settings::{COLUMNS, Metric, Recipe, columns, pace, wrong};
use super::steps::Purpose;
use super::suits::{self, Labels};
use super::trainer::{Classifier, memory, on_device};
use crate::engine::value::{Column, Model, Table};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::lang::net::ir::{LayerOp, Net};
use crate::lang::suggest::nearest_or_list;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use crate::settings;
use std::sync::Arc;

settings! {
    /// The settings of `untrained`.
    struct UntrainedSettings("untrained") {
        /// The network; nothing before the shape of the data is known.
        network: Option<Arc<Net>> = None,
    }
}

/// The kernel of `train`.
pub struct Train;

impl Planned for Train {
    fn policy(&self) -> Policy {
        Policy::Transient
    }

    fn later(&self) -> &'static [(&'static str, &'static str)] {
        &[("clip", "none"), ("stop", "none"), ("freeze", "none"), ("precision", "f32")]
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        suits::unmixed(inputs, "data")?;
        let data = known(inputs, "data");
        if data.is_some_and(|d| d.labelled == Some(false)) {
            let help =
                "give the labels of its examples where the data are read, as in `arrays(x, labels: …)`; training fits labels";
            return Err(suits::unfit("data", "these examples have no labels to train on".to_string(), help));
        }
        let kept = Some(pace(settings)?.kept);
        let classes = data.and_then(|d| d.classes.clone());
        // Without files the shape of data in files is not known, and so there is no network yet.
        let Some(recipe) = Recipe::known(settings)? else { return Ok(Facts { classes, kept, ..Facts::default() }) };
        let net = &recipe.net;
        if let Some(data) = data {
            suits::fits_net(net, data, "data", Labels::Needed)?;
            data.rows.map_or(Ok(()), |rows| recipe.takes(rows))?;
        }
        for slot in recipe.record.iter().filter_map(Metric::slot) {
            for (_, facts) in inputs.iter().filter(|(n, _)| *n == slot) {
                recorded(net, facts)?;
            }
        }
        if let Some(start) = known(inputs, "from").and_then(|f| f.net.as_ref()) {
            // All but the last layer.
            let head = net.nodes.iter().rev().find(|n| n.op.parameters() > 0).map(|n| n.path.as_str());
            suits::continues(net, start, head, "all but the last layer must have the same names and shapes")?;
        }
        let split = |slot: &str| match &known(inputs, slot)?.from[..] {
            [name] => Some(name.clone()),
            _ => None,
        };
        let columns = columns(&recipe.record, split);
        if let (Some(stop), Some(columns)) = (&recipe.stop, &columns)
            && !columns.iter().any(|c| c == stop.column())
        {
            let names: Vec<&str> = columns.iter().map(String::as_str).collect();
            let message = format!("`stop` looks at the column `{}`, which the history does not have", stop.column());
            let help = format!("{}; `record:` adds columns", nearest_or_list(stop.column(), &names));
            return Err(Problem { help: Some(help), ..wrong("stop", message) });
        }
        let rows = data.and_then(|d| d.rows);
        let continued = known(inputs, "from").is_some();
        let mut warnings = Vec::from_iter(doubled_softmax(net));
        warnings.extend(idle::of_pace(&recipe.pace, settings, &net.input, continued));
        warnings.extend(
            idle::of_stop(&recipe).into_iter().chain(idle::of_optimizer(&recipe)).chain(idle::too_large(&recipe.pace, rows)),
        );
        let mut learnt = known(inputs, "from").map_or_else(Vec::new, |f| f.learnt.clone());
        if let Some((source, data)) = data.and_then(|d| Some((d.source.clone()?, d))) {
            learnt.extend(data.from.iter().map(|split| (source.clone(), split.clone())));
        }
        Ok(Facts {
            columns,
            kept,
            warnings,
            learnt,
            scaled: data.and_then(|d| d.scaled.clone()),
            bytes: Some(4 * net.parameters() as u64 * (1 + recipe.pace.snapshots.len() as u64)),
            ..of_net(net, classes)
        })
    }

    fn on_device(&self, settings: &Settings, inputs: &[KnownInput]) -> f64 {
        Recipe::parse(settings).map_or(0.0, |recipe| on_device(&recipe, Some(cost::rows(inputs, "data")).filter(|r| *r > 0)))
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let Ok(recipe) = Recipe::parse(settings) else { return Cost::default() };
        let (net, rows) = (&recipe.net, cost::rows(inputs, "data"));
        let passes = if recipe.around.radius > 0.0 { 2.0 } else { 1.0 };
        let step = |batch: usize| {
            let changes: f64 = recipe.pace.augment.iter().map(Augment::seconds).sum();
            let numbers = (batch * net.input.iter().product::<usize>()) as f64;
            passes * cost::batch_seconds(net, Purpose::Training, batch, None) + numbers * changes
        };
        let mut epoch = cost::batched(rows, recipe.pace.batch, step);
        let mut measured: Vec<&str> = Vec::new();
        for metric in &recipe.record {
            match metric.slot() {
                None => epoch += cost::sweep_seconds(net, Purpose::InputGradient, rows),
                Some(slot) if !measured.contains(&slot) => {
                    measured.push(slot);
                    epoch += cost::sweep_seconds(net, Purpose::Evaluation, cost::rows(inputs, slot));
                }
                Some(_) => {}
            }
        }
        let weights = 4.0 * net.parameters() as f64;
        Cost {
            seconds: 2e-3 + recipe.pace.epochs as f64 * epoch,
            memory: memory(&recipe, Some(rows).filter(|r| *r > 0)),
            disk: weights * (1 + recipe.pace.snapshots.len()) as f64,
        }
    }
}

/// Checks the data that a metric is recorded on.
fn recorded(net: &Net, facts: &[&Facts]) -> Result<(), Problem> {
    let at = |p: Problem| Problem { parameter: Some("record"), ..p };
    for data in facts {
        suits::unmixed(&[("record", vec![data])], "record")?;
        suits::fits_net(net, data, "record", Labels::Needed).map_err(at)?;
    }
    Ok(())
}

impl Kernel for Train {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let recipe = Recipe::parse(&job.settings).map_err(failed)?;
        let data = job.dataset("data")?.clone();
        let place = Place::of(cx)?.with(recipe.pace.precision)?;
        let model = course::train(job, cx, &data, || Classifier::new(job, recipe.clone(), data.clone(), &place))?;
        Ok(Value::Model(Arc::new(model)))
    }
}

/// The kernel of `untrained`: the network with its initial weights.
pub struct Untrained;

impl Planned for Untrained {
    fn policy(&self) -> Policy {
        Policy::Transient
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let classes = known(inputs, "data").and_then(|d| d.classes.clone());
        let columns = Some(COLUMNS.iter().map(|c| c.to_string()).collect());
        match UntrainedSettings::read(settings).network {
            Some(net) => Ok(Facts { columns, ..of_net(&net, classes) }),
            None => Ok(Facts { classes, columns, ..Facts::default() }),
        }
    }

    fn cost(&self, settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        let weights = UntrainedSettings::read(settings).network.map_or(0, |net| net.parameters()) as f64;
        Cost { seconds: 1e-3 + 2e-8 * weights, memory: 12.0 * weights, disk: 4.0 * weights }
    }
}

/// Returns a warning where a network ends in `softmax`: the loss takes scores and applies one itself.
fn doubled_softmax(net: &Net) -> Option<Problem> {
    matches!(net.nodes[net.output].op, LayerOp::Softmax).then(|| Problem {
        code: "cfx::train::softmax",
        parameter: Some("network"),
        message: format!("the network `{}` ends in `softmax`, and the loss applies `softmax` to its output", net.name),
        help: Some(
            "end it with the scores, `linear(classes)`: with probabilities the loss stays near log(classes), and the network \
             learns little"
                .to_string(),
        ),
    })
}

impl Kernel for Untrained {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let network = UntrainedSettings::read(&job.settings).network;
        let net = &network.ok_or_else(|| Failure::new("the network is missing"))?;
        let data = job.dataset("data")?;
        evaluate::fits(net, data, Labels::Any)?;
        let mut network = Network::new(net, Purpose::Training, &[], 1, &Place::Host);
        network.initialise(job.stream.named("initialisation"));
        Ok(Value::Model(Arc::new(Model {
            net: net.clone(),
            weights: Arc::new(network.weights()),
            snapshots: Vec::new(),
            history: Table { columns: COLUMNS.iter().map(|c| (c.to_string(), Column::Numbers(Vec::new()))).collect() },
            trained_on: Arc::new(Vec::new()),
            classes: data.classes().to_vec(),
        })))
    }
}
