//! `train` and `untrained`: what they say before they run, and their kernels. The run itself is in [`super::trainer`].

use super::evaluate;
use super::measures::SPEED;
use super::network::Network;
use super::place::{Place, precision};
use super::program::Purpose;
use super::settings::{Metric, Recipe};
use super::trainer::{COLUMNS, Run, memory};
use crate::engine::value::{Column, Model, Table};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::carried::kept_epochs;
use crate::lang::{Settings, Static};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use std::sync::Arc;

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
        let problem = |message: String, help: &str| Problem {
            code: "cfx::train::setting",
            parameter: None,
            message,
            help: Some(help.to_string()),
        };
        let data = known(inputs, "data");
        let kept = kept_epochs(settings.get("snapshots"), settings.int("epochs"));
        let kept = Some(kept.map_err(|m| Problem { parameter: Some("snapshots"), ..problem(m, "see `cfx doc train`") })?);
        // Without files the shape of data in files is not known, and so there is no network yet.
        if !matches!(settings.get("network"), Static::Net(_)) {
            return Ok(Facts { classes: data.and_then(|d| d.classes.clone()), kept, ..Facts::default() });
        }
        let recipe = Recipe::parse(settings).map_err(|m| problem(m, "see `cfx doc train`"))?;
        if let Some(shape) = data.and_then(|d| d.shape.as_ref())
            && *shape != recipe.net.input
        {
            return Err(problem(
                format!("the network takes examples of shape {:?}, and the data have {shape:?}", recipe.net.input),
                "build the network for this data set",
            ));
        }
        let output = recipe.net.nodes.get(recipe.net.output).map_or(&[][..], |n| &n.shape);
        if let Some(words) = data.and_then(|d| d.labels_each)
            && (output.len() != 2 || output[0] != words)
        {
            return Err(problem(
                format!(
                    "the data have a word to predict at each of {words} words, and the network gives {output:?} scores an example"
                ),
                "end it in `linear(classes)` over tokens: scores for each word at each place, as `lstm_lm` does",
            ));
        }
        let taps = recipe.net.taps.iter().map(|(name, node)| (name.clone(), recipe.net.nodes[*node].shape.clone())).collect();
        Ok(Facts {
            classes: data.and_then(|d| d.classes.clone()),
            taps,
            kept,
            pass_bytes: Some(Network::bytes(&recipe.net, Purpose::Evaluation, evaluate::batch_size(&recipe.net))),
            multiply_adds: Some(recipe.net.multiply_adds() as u64),
            bytes: Some(4 * recipe.net.parameters() as u64 * (1 + recipe.snapshots.len() as u64)),
            ..Facts::default()
        })
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let Ok(recipe) = Recipe::parse(settings) else { return Cost::default() };
        let size = |slot: &str| known(inputs, slot).and_then(|f| f.rows).unwrap_or(0) as f64;
        let forward = 2.0 * recipe.net.multiply_adds() as f64;
        // Forward, gradient by inputs, gradient by weights; all of it twice where steps are sharpness-aware.
        let mut passes = if recipe.around.radius > 0.0 { 6.0 } else { 3.0 } * size("data");
        for metric in &recipe.record {
            passes += match metric {
                Metric::Accuracy(slot) | Metric::Loss(slot) => size(slot),
                Metric::InputGradient => 2.0 * size("data"),
            };
        }
        let weights = 4.0 * recipe.net.parameters() as f64;
        Cost {
            seconds: 0.05 + recipe.epochs as f64 * passes * forward / SPEED,
            memory: memory(&recipe, known(inputs, "data").and_then(|f| f.rows)),
            disk: weights * (1 + recipe.snapshots.len()) as f64,
        }
    }
}

impl Kernel for Train {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let recipe = Recipe::parse(&job.settings).map_err(Failure::new)?;
        let data = job.dataset("data")?.clone();
        let place = Place::of(cx)?.with(precision(&job.settings));
        let mut run = Run::new(job, recipe, data, &place)?;
        if let Some(bytes) = cx.restore() {
            // A checkpoint that cannot be read is no reason to fail: training starts over.
            if run.restore(&bytes).is_none() {
                run = Run::new(job, run.recipe, run.data, &place)?;
            }
        }
        run.train(job, cx)?;
        run.into_model().map(|m| Value::Model(Arc::new(m)))
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
        let Static::Net(net) = settings.get("network") else { return Ok(Facts { classes, ..Facts::default() }) };
        let taps = net.taps.iter().map(|(name, node)| (name.clone(), net.nodes[*node].shape.clone())).collect();
        Ok(Facts {
            classes,
            taps,
            pass_bytes: Some(Network::bytes(net, Purpose::Evaluation, evaluate::batch_size(net))),
            multiply_adds: Some(net.multiply_adds() as u64),
            ..Facts::default()
        })
    }
}

impl Kernel for Untrained {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let Static::Net(net) = job.settings.get("network") else { return Err(Failure::new("the network is missing")) };
        let data = job.dataset("data")?;
        evaluate::fits(net, data, false)?;
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
