//! `train`: stochastic gradient descent and its kin, from initial weights to a model with its history; stops and goes on bit for bit.

use super::batches::{Loader, shuffled};
use super::checkpoint::{Reader, Writer};
use super::cpu::loss::{cross_entropy, right};
use super::evaluate;
use super::measures::SPEED;
use super::network::Network;
use super::optimizer::Running;
use super::program::Purpose;
use super::settings::{Metric, Recipe, columns};
use crate::engine::value::{Column, Dataset, Model, Table, Weights};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::{Settings, Static};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use std::sync::Arc;

/// Columns of every history.
const COLUMNS: [&str; 4] = ["epoch", "loss", "accuracy", "rate"];

/// The kernel of `train`.
pub struct Train;

impl Planned for Train {
    fn policy(&self) -> Policy {
        Policy::Transient
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let problem = |message: String, help: &str| Problem {
            code: "cfx::train::setting",
            parameter: None,
            message,
            help: Some(help.to_string()),
        };
        let data = known(inputs, "data");
        // Without files the shape of data in files is not known, and so there is no network yet.
        if !matches!(settings.get("network"), Static::Net(_)) {
            return Ok(Facts { classes: data.and_then(|d| d.classes.clone()), ..Facts::default() });
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
        let taps = recipe.net.taps.iter().map(|(name, node)| (name.clone(), recipe.net.nodes[*node].shape.clone())).collect();
        Ok(Facts {
            classes: data.and_then(|d| d.classes.clone()),
            taps,
            multiply_adds: Some(recipe.net.multiply_adds() as u64),
            bytes: Some(4 * recipe.net.parameters() as u64 * (1 + recipe.snapshots.len() as u64)),
            ..Facts::default()
        })
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let Ok(recipe) = Recipe::parse(settings) else { return Cost::default() };
        let size = |slot: &str| known(inputs, slot).and_then(|f| f.rows).unwrap_or(0) as f64;
        let forward = 2.0 * recipe.net.multiply_adds() as f64;
        // Forward, gradient by inputs, gradient by weights.
        let mut passes = 3.0 * size("data");
        for metric in &recipe.record {
            passes += match metric {
                Metric::Accuracy(slot) | Metric::Loss(slot) => size(slot),
                Metric::InputGradient => 2.0 * size("data"),
            };
        }
        let weights = 4.0 * recipe.net.parameters() as f64;
        Cost {
            seconds: 0.05 + recipe.epochs as f64 * passes * forward / SPEED,
            memory: Network::bytes(&recipe.net, Purpose::Training, recipe.batch),
            disk: weights * (1 + recipe.snapshots.len()) as f64,
        }
    }
}

impl Kernel for Train {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let recipe = Recipe::parse(&job.settings).map_err(Failure::new)?;
        let data = job.dataset("data")?.clone();
        let mut run = Run::new(job, recipe, data)?;
        if let Some(bytes) = cx.restore() {
            // A checkpoint that cannot be read is no reason to fail: training starts over.
            if run.restore(&bytes).is_none() {
                run = Run::new(job, run.recipe, run.data)?;
            }
        }
        run.train(job, cx)?;
        run.into_model().map(|m| Value::Model(Arc::new(m)))
    }
}

/// A training run under way.
struct Run {
    recipe: Recipe,
    data: Arc<Dataset>,
    network: Network,
    optimizer: Running,
    /// Epochs completed, and steps taken in the one under way.
    epoch: usize,
    step: usize,
    /// Sums over the epoch under way: losses, right predictions, examples.
    loss: f64,
    correct: u64,
    seen: u64,
    names: Vec<String>,
    history: Vec<Vec<f64>>,
    snapshots: Vec<(usize, Weights)>,
}

impl Run {
    fn new(job: &Job, recipe: Recipe, data: Arc<Dataset>) -> Result<Self, Failure> {
        evaluate::fits(&recipe.net, &data, true)?;
        if recipe.batches(data.len()).is_empty() {
            let message = format!("there are {} examples to train on, too few for a step", data.len());
            return Err(if data.is_empty() { Failure::Absent(message) } else { Failure::new(message) });
        }
        let slot = |metric: &Metric| match metric {
            Metric::Accuracy(slot) | Metric::Loss(slot) => Some(slot.clone()),
            Metric::InputGradient => None,
        };
        for slot in recipe.record.iter().filter_map(slot) {
            evaluate::fits(&recipe.net, job.dataset(&slot)?, true)?;
        }
        let recorded = columns(&recipe.record, |slot| job.dataset(slot).ok().cloned());
        let names: Vec<String> = COLUMNS.iter().map(|c| c.to_string()).chain(recorded).collect();
        let mut network = Network::new(&recipe.net, Purpose::Training, &[], recipe.batch.min(data.len()));
        network.initialise(job.stream.named("initialisation"));
        let sizes: Vec<usize> = network.trained().map(|(w, _)| w.len()).collect();
        let optimizer = Running::new(recipe.optimizer, &sizes);
        let mut run = Run {
            history: vec![Vec::new(); names.len()],
            recipe,
            data,
            network,
            optimizer,
            epoch: 0,
            step: 0,
            loss: 0.0,
            correct: 0,
            seen: 0,
            names,
            snapshots: Vec::new(),
        };
        run.snapshot();
        Ok(run)
    }

    /// Trains until the last epoch is done.
    fn train(&mut self, job: &Job, cx: &dyn Context) -> Result<(), Failure> {
        let data = self.data.clone();
        let loader = Loader::new(&data);
        let sizes = self.recipe.batches(data.len());
        let total = (sizes.len() * self.recipe.epochs) as u64;
        let mut losses = vec![0f64; self.recipe.batch];
        while self.epoch < self.recipe.epochs {
            let order = shuffled(data.len(), job.stream.named("order").numbered(self.epoch as u64));
            let augmentation = job.stream.named("augmentation").numbered(self.epoch as u64);
            let mut rate = 0.0;
            while self.step < sizes.len() {
                if cx.interrupted() {
                    cx.checkpoint(&self.checkpoint());
                    return Err(Failure::Interrupted);
                }
                if cx.checkpoint_due() {
                    cx.checkpoint(&self.checkpoint());
                }
                let done = (self.epoch * sizes.len() + self.step) as u64;
                rate = self.recipe.rate.at(done, total, self.epoch);
                let start = self.step * self.recipe.batch;
                let rows = &order[start..start + sizes[self.step]];
                let labels = loader.labels(rows);
                loader.fill(rows, &self.recipe.augment, augmentation, self.network.input_mut(rows.len()));
                self.network.forward(rows.len(), job.stream.named("steps").numbered(done));
                let losses = &mut losses[..rows.len()];
                let (scores, grad) = self.network.output_and_gradient();
                cross_entropy(scores, &labels, self.recipe.smoothing, losses, Some((grad, 1.0 / rows.len() as f64)));
                let correct = right(scores, &labels);
                // Of words, each example has several labels, and its loss is their mean.
                let each = (labels.len() / rows.len()) as f64;
                let loss: f64 = losses.iter().sum::<f64>() * each;
                if !loss.is_finite() {
                    return Err(self.diverged(self.step + 1));
                }
                self.network.backward();
                self.optimizer.step(self.network.trained(), rate);
                self.loss += loss;
                self.correct += correct as u64;
                self.seen += labels.len() as u64;
                self.step += 1;
                let seen = self.seen as f64;
                cx.progress(done + 1, total, &[("loss", self.loss / seen), ("accuracy", self.correct as f64 / seen)]);
            }
            self.finish_epoch(job, cx, rate, total, sizes.len())?;
        }
        Ok(())
    }

    /// Measures what is recorded and adds a row to the history.
    fn finish_epoch(&mut self, job: &Job, cx: &dyn Context, rate: f64, total: u64, steps: usize) -> Result<(), Failure> {
        if self.network.states().any(|s| s.host().iter().any(|x| !x.is_finite())) {
            return Err(self.diverged(steps));
        }
        let recorded = match self.measure(job, cx) {
            Ok(recorded) => recorded,
            Err(Failure::Interrupted) => {
                cx.checkpoint(&self.checkpoint());
                return Err(Failure::Interrupted);
            }
            Err(other) => return Err(other),
        };
        // Restored within the measurements: the rate of the epoch's last step is computed, not remembered.
        let last = self.recipe.rate.at(((self.epoch + 1) * steps - 1) as u64, total, self.epoch);
        debug_assert!(rate == 0.0 || rate == last);
        let seen = self.seen as f64;
        let row = [(self.epoch + 1) as f64, self.loss / seen, self.correct as f64 / seen, last];
        for (column, value) in self.history.iter_mut().zip(row.into_iter().chain(recorded)) {
            column.push(value);
        }
        self.epoch += 1;
        self.step = 0;
        (self.loss, self.correct, self.seen) = (0.0, 0, 0);
        self.snapshot();
        Ok(())
    }

    fn measure(&self, job: &Job, cx: &dyn Context) -> Result<Vec<f64>, Failure> {
        let mut outcomes: Vec<(&str, evaluate::Outcome)> = Vec::new();
        let mut out = Vec::new();
        for metric in &self.recipe.record {
            out.push(match metric {
                Metric::InputGradient => {
                    let mut network = evaluate::companion(&self.network, Purpose::InputGradient, self.data.len());
                    network.copy_states(&self.network);
                    let sums = evaluate::input_gradients(&mut network, &self.data, cx)?;
                    sums.iter().sum::<f64>() / sums.len() as f64
                }
                Metric::Accuracy(slot) | Metric::Loss(slot) => {
                    let data = job.dataset(slot)?;
                    if !outcomes.iter().any(|(s, _)| s == slot) {
                        let mut network = evaluate::companion(&self.network, Purpose::Evaluation, data.len());
                        network.copy_states(&self.network);
                        outcomes.push((slot, evaluate::outcome(&mut network, data, cx)?));
                    }
                    let found = outcomes.iter().find(|(s, _)| s == slot);
                    let accuracy = matches!(metric, Metric::Accuracy(_));
                    found.map_or(f64::NAN, |(_, o)| if accuracy { o.accuracy(data) } else { o.loss() })
                }
            });
        }
        Ok(out)
    }

    /// Keeps the weights where they are wanted after this epoch.
    fn snapshot(&mut self) {
        if self.recipe.snapshots.contains(&self.epoch) {
            self.snapshots.push((self.epoch, self.network.weights()));
        }
    }

    fn diverged(&self, step: usize) -> Failure {
        let epoch = self.epoch + 1;
        Failure::new(format!(
            "training diverged at epoch {epoch}, step {step}: the loss or a weight is no longer a finite number"
        ))
        .help("lower the rate, or let it rise more slowly")
    }

    fn checkpoint(&self) -> Vec<u8> {
        let mut w = Writer::default();
        [self.epoch as u64, self.step as u64, self.correct, self.seen, self.optimizer.steps].iter().for_each(|x| w.int(*x));
        w.real(self.loss);
        self.history.iter().for_each(|column| w.reals(column));
        self.network.states().for_each(|s| w.floats(s.host()));
        self.optimizer.memory.iter().flatten().for_each(|m| w.floats(m));
        w.int(self.snapshots.len() as u64);
        for (epoch, weights) in &self.snapshots {
            w.int(*epoch as u64);
            weights.iter().for_each(|(_, _, numbers)| w.floats(numbers));
        }
        w.finish()
    }

    /// Goes back to where a checkpoint was taken; nothing where it is not one of this run's.
    fn restore(&mut self, bytes: &[u8]) -> Option<()> {
        let mut r = Reader::new(bytes)?;
        self.epoch = r.int()? as usize;
        self.step = r.int()? as usize;
        self.correct = r.int()?;
        self.seen = r.int()?;
        self.optimizer.steps = r.int()?;
        self.loss = r.real()?;
        for column in &mut self.history {
            *column = r.reals()?;
        }
        for state in self.network.states_mut() {
            r.floats(state.host_mut())?;
        }
        for memory in self.optimizer.memory.iter_mut().flatten() {
            r.floats(memory)?;
        }
        let count = r.int()?;
        self.snapshots.clear();
        for _ in 0..count {
            let epoch = r.int()? as usize;
            let mut weights = self.network.weights();
            for (_, _, numbers) in &mut weights {
                r.floats(numbers)?;
            }
            self.snapshots.push((epoch, weights));
        }
        r.finished().then_some(())
    }

    fn into_model(self) -> Result<Model, Failure> {
        let mut ids = self.data.ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let columns = self.names.into_iter().zip(self.history.into_iter().map(Column::Numbers)).collect();
        Ok(Model {
            weights: Arc::new(self.network.weights()),
            net: self.recipe.net,
            snapshots: self.snapshots.into_iter().map(|(e, w)| (e, Arc::new(w))).collect(),
            history: Table { columns },
            trained_on: Arc::new(ids),
            classes: self.data.classes().to_vec(),
        })
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
        Ok(Facts { classes, taps, multiply_adds: Some(net.multiply_adds() as u64), ..Facts::default() })
    }
}

impl Kernel for Untrained {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let Static::Net(net) = job.settings.get("network") else { return Err(Failure::new("the network is missing")) };
        let data = job.dataset("data")?;
        evaluate::fits(net, data, false)?;
        let mut network = Network::new(net, Purpose::Training, &[], 1);
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
