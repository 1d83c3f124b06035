//! The learner of `train`: one network, from initial weights on.

use super::batches::Loader;
use super::checkpoint::{Reader, Writer};
use super::course::{Batch, Learner};
use super::evaluate;
use super::given::failed;
use super::network::Network;
use super::place::{Place, Precision};
use super::settings::{COLUMNS, Metric, Pace, Recipe, columns, split_of};
use super::steps::Purpose;
use super::suits::Labels;
use crate::base::Stream;
use crate::engine::value::{Dataset, Model, Table, Weights};
use crate::engine::{Context, Failure, Job, Value};
use crate::lang::net::ir::Net;
use std::sync::Arc;

/// Takes over the weights of a trained model.
///
/// Errors: a tensor is missing or of another shape, save those of the last layer: where they do not fit they keep their initial values.
pub fn take_over(network: &mut Network, model: &Model) -> Result<(), Failure> {
    let head = network.head();
    let mut weights = network.weights();
    let mut wrong = Vec::new();
    for (name, shape, numbers) in &mut weights {
        let found = model.weights.iter().find(|(n, s, x)| n == name && s == shape && x.len() == numbers.len());
        match found {
            Some((_, _, theirs)) => numbers.copy_from_slice(theirs),
            None if head.as_ref().is_some_and(|head| name.strip_prefix(head).is_some_and(|rest| rest.starts_with('.'))) => {}
            None => wrong.push(name.clone()),
        }
    }
    if let Some(first) = wrong.first() {
        let (own, theirs) = (&network.net().name, &model.net.name);
        let message = format!("the model to start from, a `{theirs}`, has no weights `{first}` in the shape that `{own}` needs");
        let others = wrong.len() - 1;
        return Err(Failure::new(if others > 0 { format!("{message}, nor {others} others") } else { message })
            .help("all but the last layer must have the same names and shapes"));
    }
    network.load(&weights)
}

/// Returns the bytes of memory that a run is expected to take: buffers planned for a batch, weights with gradient and what the optimiser
/// remembers, sums of weight gradients, snapshots, the network that measures, and two batches of examples.
pub fn memory(recipe: &Recipe, rows: Option<usize>) -> f64 {
    let net = &recipe.net;
    let batch = recipe.pace.batch.min(rows.unwrap_or(usize::MAX));
    let example = net.input.iter().product::<usize>();
    let weights = net.parameters() as f64;
    let copies = recipe.optimizer.memories() + recipe.pace.snapshots.len() + if recipe.around.radius > 0.0 { 1 } else { 0 };
    let mut bytes =
        Network::bytes(net, Purpose::Training, batch) + 4.0 * (weights * copies as f64 + (2 * batch * example) as f64);
    let measured = recipe.record.iter().map(Metric::purpose);
    let companions = measured.map(|p| Network::bytes(net, p, evaluate::companion_batch(net, p, rows.unwrap_or(usize::MAX))));
    bytes += companions.fold(0.0, f64::max);
    bytes
}

/// Returns the bytes that a run is expected to take on a device: the network that trains with what the optimiser remembers, and the
/// larger of those that measure.
pub fn on_device(recipe: &Recipe, rows: Option<usize>) -> f64 {
    let (net, all) = (&recipe.net, rows.unwrap_or(usize::MAX));
    let copies = recipe.optimizer.memories() + if recipe.around.radius > 0.0 { 1 } else { 0 };
    let short = recipe.pace.precision == Precision::Bf16;
    let own = Network::device_bytes(net, Purpose::Training, recipe.pace.batch.min(all), short)
        + 4.0 * (copies * net.parameters()) as f64;
    let measured = recipe.record.iter().map(Metric::purpose);
    let companion = |p| Network::device_bytes(net, p, evaluate::companion_batch(net, p, all), short);
    own + measured.map(companion).fold(0.0, f64::max)
}

/// A network that learns the labels of examples.
pub struct Classifier {
    recipe: Recipe,
    data: Arc<Dataset>,
    network: Network,
    /// Names of the history's columns.
    names: Vec<String>,
}

impl Classifier {
    /// Returns the network before its first step.
    ///
    /// Errors: data, settings and the model to start from do not fit each other; too few examples for a step (absent where there are none).
    pub fn new(job: &Job, recipe: Recipe, data: Arc<Dataset>, place: &Place) -> Result<Self, Failure> {
        evaluate::fits(&recipe.net, &data, Labels::Needed)?;
        if data.is_empty() {
            return Err(Failure::Absent("there is no example to train on".to_string()));
        }
        recipe.takes(data.len()).map_err(failed)?;
        for slot in recipe.record.iter().filter_map(Metric::slot) {
            evaluate::fits(&recipe.net, job.dataset(slot)?, Labels::Needed)?;
        }
        let split = |slot: &str| Some(job.dataset(slot).map_or("other".to_string(), |d| split_of(d)));
        let names = columns(&recipe.record, split).unwrap_or_default();
        if let Some(stop) = recipe.stop.as_ref().filter(|s| !names.iter().any(|n| n == s.column())) {
            return Err(Failure::new(format!("`stop` looks at the column `{}`, which the history does not have", stop.column()))
                .help(format!("its columns are {}; `record:` adds others", names.join(", "))));
        }
        let capacity = recipe.pace.batch.min(data.len());
        let mut network = Network::partly(&recipe.net, Purpose::Training, &[], &recipe.frozen, capacity, place);
        network.initialise(job.stream.named("initialisation"));
        match job.input("from") {
            Some(Value::Model(model)) => take_over(&mut network, model)?,
            Some(Value::Absent(why)) => return Err(Failure::Absent(why.clone())),
            _ => {}
        }
        network.optimise(recipe.optimizer);
        network.check()?;
        Ok(Classifier { recipe, data, network, names })
    }

    /// Takes a step on `labels` and the inputs that go with them; returns the summed loss and the number of right predictions. Where the loss is
    /// no finite number, weights stay as they are.
    ///
    /// Errors: the device failed.
    pub fn learn(&mut self, numbers: &[f32], labels: &[u32], stream: Stream, rate: f64) -> Result<(f64, usize), Failure> {
        self.network.input_mut(labels.len() / self.data.labels_each().max(1)).copy_from_slice(numbers);
        let found = self.gradient(labels, stream);
        self.network.check()?;
        if !found.0.is_finite() {
            return Ok(found);
        }
        if self.recipe.around.radius > 0.0 {
            self.sharpen(labels, stream);
        }
        if let Some(clip) = self.recipe.around.clip {
            self.network.clip(clip);
        }
        self.network.step(rate);
        Ok(found)
    }

    /// Computes the gradient of the mean loss of a batch; returns the summed loss and the number of right predictions.
    fn gradient(&mut self, labels: &[u32], stream: Stream) -> (f64, usize) {
        // Of words, each example has several labels, and the mean loss is over all of them.
        self.network.forward(labels.len() / self.data.labels_each().max(1), stream);
        let (losses, correct) = self.network.cross_entropy(labels, self.recipe.smoothing, 1.0 / labels.len() as f64);
        let loss: f64 = losses.iter().sum();
        if loss.is_finite() {
            self.network.backward();
        }
        (loss, correct)
    }

    /// Replaces the gradient by that at `w + radius g / |g|` (Foret et al. 2021, Eq. 2), with the same dropout; running statistics
    /// keep what the first pass made of them.
    fn sharpen(&mut self, labels: &[u32], stream: Stream) {
        self.network.climb(self.recipe.around.radius);
        self.gradient(labels, stream);
        self.network.take_back();
    }
}

fn diverged((epoch, step): (usize, usize)) -> Failure {
    Failure::new(format!("training diverged at epoch {epoch}, step {step}: the loss or a weight is no longer a finite number"))
        .help("lower the rate, or let it rise more slowly")
}

impl Learner for Classifier {
    const MEANS: &'static [(&'static str, &'static str)] = &[("loss", "loss"), ("accuracy", "accuracy")];

    fn pace(&self) -> &Pace {
        &self.recipe.pace
    }

    fn batches(&self, rows: usize) -> Vec<usize> {
        self.recipe.batches(rows)
    }

    fn loader<'a>(&self, data: &'a Dataset) -> Loader<'a> {
        Loader::new(data)
    }

    fn work(&self) -> f64 {
        3.0 * self.recipe.net.multiply_adds() as f64 * self.network.capacity() as f64
    }

    fn step(&mut self, batch: &Batch) -> Result<(Vec<f64>, usize), Failure> {
        let labels = batch.loader.labels(batch.rows);
        let (loss, correct) = self.learn(batch.numbers, &labels, batch.stream, batch.rate)?;
        match loss.is_finite() {
            true => Ok((vec![loss, correct as f64], labels.len())),
            false => Err(diverged(batch.at)),
        }
    }

    fn measures(&self) -> Vec<String> {
        self.names[COLUMNS.len()..].to_vec()
    }

    fn measure(&self, job: &Job, cx: &dyn Context, at: (usize, usize)) -> Result<Vec<f64>, Failure> {
        let finite = self.network.finite();
        self.network.check()?;
        if !finite {
            return Err(diverged(at));
        }
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

    fn over(&self, history: &Table) -> bool {
        let stop = self.recipe.stop.as_ref();
        stop.is_some_and(|stop| history.numbers(stop.column()).is_some_and(|values| stop.met(values)))
    }

    fn check(&self) -> Result<(), Failure> {
        self.network.check()
    }

    fn weights(&self) -> Weights {
        self.network.weights()
    }

    fn net(&self) -> Arc<Net> {
        self.recipe.net.clone()
    }

    fn save(&self, to: &mut Writer) {
        self.network.save(to);
    }

    fn restore(&mut self, from: &mut Reader) -> Option<()> {
        self.network.restore(from)
    }
}
