//! A training run under way, from initial weights to a model with its history; stops and goes on bit for bit.

use super::batches::{Loader, shuffled};
use super::candle;
use super::checkpoint::{Reader, Writer};
use super::evaluate;
use super::given::failed;
use super::network::Network;
use super::place::{Place, Precision};
use super::program::Purpose;
use super::settings::{Metric, Recipe, columns, split_of};
use crate::base::Stream;
use crate::engine::value::{Column, Dataset, Model, Table, Weights};
use crate::engine::{Context, Failure, Job, Value};
use std::sync::Arc;

/// Multiply-adds of a step below which handing each of its loops over to the pool takes noticeable time.
const SMALL: f64 = 4e9;

/// Runs `f`, a part of training whose steps take `work` multiply-adds. Where they are few, it runs inside the pool that loops are
/// spread over; or, where other cells keep the machine busy, on one thread of its own. The bits are the same every way.
pub fn side_by_side<R: Send>(cx: &dyn Context, work: f64, f: impl FnOnce() -> R + Send) -> R {
    if work >= SMALL || rayon::current_thread_index().is_some() {
        return f();
    }
    if cx.busy() {
        // Panics are kept for the log of the cell by the name of its thread.
        let name = std::thread::current().name().unwrap_or("cfx-cell").to_string();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(16 << 20).thread_name(move |_| name.clone());
        if let Ok(pool) = pool.build() {
            return pool.install(f);
        }
    }
    rayon::scope(|_| f())
}

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
    let batch = recipe.batch.min(rows.unwrap_or(usize::MAX));
    let example = net.input.iter().product::<usize>();
    let weights = net.parameters() as f64;
    let copies = recipe.optimizer.memories() + recipe.snapshots.len() + if recipe.around.radius > 0.0 { 1 } else { 0 };
    let mut bytes =
        Network::bytes(net, Purpose::Training, batch) + 4.0 * (weights * copies as f64 + (2 * batch * example) as f64);
    let measured = recipe.record.iter().map(|m| match m {
        Metric::InputGradient => Purpose::InputGradient,
        _ => Purpose::Evaluation,
    });
    let companions = measured.map(|p| Network::bytes(net, p, evaluate::companion_batch(net, p, rows.unwrap_or(usize::MAX))));
    bytes += companions.fold(0.0, f64::max);
    bytes
}

/// Returns the bytes that a run is expected to take on a device of candle's: the network that trains with what the optimiser remembers, and the
/// larger of those that measure.
pub fn on_device(recipe: &Recipe, rows: Option<usize>) -> f64 {
    let (net, all) = (&recipe.net, rows.unwrap_or(usize::MAX));
    let copies = recipe.optimizer.memories() + if recipe.around.radius > 0.0 { 1 } else { 0 };
    let short = recipe.precision == Precision::Bf16;
    let own =
        candle::memory::bytes(net, Purpose::Training, recipe.batch.min(all), short) + 4.0 * (copies * net.parameters()) as f64;
    let measured = recipe.record.iter().map(|m| match m {
        Metric::InputGradient => Purpose::InputGradient,
        _ => Purpose::Evaluation,
    });
    let companion = |p| candle::memory::bytes(net, p, evaluate::companion_batch(net, p, all), short);
    own + measured.map(companion).fold(0.0, f64::max)
}

/// A training run under way.
pub struct Run {
    pub recipe: Recipe,
    pub data: Arc<Dataset>,
    network: Network,
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
    /// Returns the run before its first step.
    ///
    /// Errors: data, settings and the model to start from do not fit each other; too few examples for a step (absent where there are none).
    pub fn new(job: &Job, recipe: Recipe, data: Arc<Dataset>, place: &Place) -> Result<Self, Failure> {
        evaluate::fits(&recipe.net, &data, true)?;
        if data.is_empty() {
            return Err(Failure::Absent("there is no example to train on".to_string()));
        }
        recipe.takes(data.len()).map_err(failed)?;
        for slot in recipe.record.iter().filter_map(Metric::slot) {
            evaluate::fits(&recipe.net, job.dataset(slot)?, true)?;
        }
        let split = |slot: &str| Some(job.dataset(slot).map_or("other".to_string(), |d| split_of(d)));
        let names = columns(&recipe.record, split).unwrap_or_default();
        if let Some(stop) = recipe.stop.as_ref().filter(|s| !names.iter().any(|n| n == s.column())) {
            return Err(Failure::new(format!("`stop` looks at the column `{}`, which the history does not have", stop.column()))
                .help(format!("its columns are {}; `record:` adds others", names.join(", "))));
        }
        let capacity = recipe.batch.min(data.len());
        let mut network = Network::partly(&recipe.net, Purpose::Training, &[], &recipe.frozen, capacity, place);
        network.initialise(job.stream.named("initialisation"));
        match job.input("from") {
            Some(Value::Model(model)) => take_over(&mut network, model)?,
            Some(Value::Absent(why)) => return Err(Failure::Absent(why.clone())),
            _ => {}
        }
        network.optimise(recipe.optimizer);
        network.check()?;
        let mut run = Run {
            history: vec![Vec::new(); names.len()],
            recipe,
            data,
            network,
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

    /// Trains until the last epoch is done, or the rule for stopping is met.
    pub fn train(&mut self, job: &Job, cx: &dyn Context) -> Result<(), Failure> {
        let data = self.data.clone();
        let loader = Loader::new(&data);
        while self.epoch < self.recipe.epochs && !self.stopped() {
            side_by_side(cx, self.work(), || self.epoch(job, cx, &loader))?;
        }
        Ok(())
    }

    /// Returns whether the rule for stopping is met: a function of the history alone, so that a run that went on after a stop agrees.
    fn stopped(&self) -> bool {
        let Some(stop) = &self.recipe.stop else { return false };
        let column = self.names.iter().position(|n| n == stop.column());
        column.is_some_and(|c| stop.met(&self.history[c]))
    }

    /// Returns the multiply-adds of a step.
    fn work(&self) -> f64 {
        3.0 * self.recipe.net.multiply_adds() as f64 * self.network.capacity() as f64
    }

    /// Takes the steps of an epoch that are left. While a step is computed, the examples of the next are read and augmented.
    fn epoch(&mut self, job: &Job, cx: &dyn Context, loader: &Loader) -> Result<(), Failure> {
        let sizes = self.recipe.batches(loader.len());
        let total = (sizes.len() * self.recipe.epochs) as u64;
        let order = shuffled(loader.len(), job.stream.named("order").numbered(self.epoch as u64));
        let (stream, augment) = (job.stream.named("augmentation").numbered(self.epoch as u64), self.recipe.augment.clone());
        let batch = self.recipe.batch;
        let read = |step: usize, into: &mut Vec<f32>| {
            let rows = sizes.get(step).map_or(&order[..0], |size| &order[step * batch..][..*size]);
            into.resize(rows.len() * loader.size(), 0.0);
            loader.fill(rows, &augment, stream, into);
            rows
        };
        let (mut now, mut next) = (Vec::new(), Vec::new());
        read(self.step, &mut now);
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
            let step = self.step;
            let labels = loader.labels(&order[step * batch..][..sizes[step]]);
            let (taken, _) = rayon::join(
                || self.take_step(&now, &labels, job.stream.named("steps").numbered(done), rate),
                || read(step + 1, &mut next),
            );
            let (loss, correct) = taken?;
            std::mem::swap(&mut now, &mut next);
            self.loss += loss;
            self.correct += correct;
            self.seen += labels.len() as u64;
            self.step += 1;
            let seen = self.seen as f64;
            cx.progress(done + 1, total, &[("loss", self.loss / seen), ("accuracy", self.correct as f64 / seen)]);
        }
        self.finish_epoch(job, cx, rate, total, sizes.len())
    }

    /// Takes one step; returns the summed loss and the number of right predictions.
    ///
    /// Errors: the loss is no longer a finite number, or the device failed.
    pub fn take_step(&mut self, numbers: &[f32], labels: &[u32], stream: Stream, rate: f64) -> Result<(f64, u64), Failure> {
        self.network.input_mut(labels.len() / self.data.labels_each().max(1)).copy_from_slice(numbers);
        let found = self.gradient(labels, stream);
        self.network.check()?;
        if !found.0.is_finite() {
            return Err(self.diverged(self.step + 1));
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
    fn gradient(&mut self, labels: &[u32], stream: Stream) -> (f64, u64) {
        // Of words, each example has several labels, and the mean loss is over all of them.
        self.network.forward(labels.len() / self.data.labels_each().max(1), stream);
        let (losses, correct) = self.network.cross_entropy(labels, self.recipe.smoothing, 1.0 / labels.len() as f64);
        let loss: f64 = losses.iter().sum();
        if loss.is_finite() {
            self.network.backward();
        }
        (loss, correct as u64)
    }

    /// Replaces the gradient by that at `w + radius g / |g|` (Foret et al. 2021, Eq. 2), with the same dropout; running statistics
    /// keep what the first pass made of them.
    fn sharpen(&mut self, labels: &[u32], stream: Stream) {
        self.network.climb(self.recipe.around.radius);
        self.gradient(labels, stream);
        self.network.come_back();
    }

    /// Measures what is recorded and adds a row to the history.
    fn finish_epoch(&mut self, job: &Job, cx: &dyn Context, rate: f64, total: u64, steps: usize) -> Result<(), Failure> {
        if !self.network.finite() {
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
        [self.epoch as u64, self.step as u64, self.correct, self.seen].iter().for_each(|x| w.int(*x));
        w.real(self.loss);
        self.history.iter().for_each(|column| w.reals(column));
        self.network.save(&mut w);
        w.int(self.snapshots.len() as u64);
        for (epoch, weights) in &self.snapshots {
            w.int(*epoch as u64);
            weights.iter().for_each(|(_, _, numbers)| w.floats(numbers));
        }
        w.finish()
    }

    /// Goes back to where a checkpoint was taken; `None` if it is not one of this run's.
    pub fn restore(&mut self, bytes: &[u8]) -> Option<()> {
        let mut r = Reader::new(bytes)?;
        self.epoch = r.int()? as usize;
        self.step = r.int()? as usize;
        self.correct = r.int()?;
        self.seen = r.int()?;
        self.loss = r.real()?;
        for column in &mut self.history {
            *column = r.reals()?;
        }
        self.network.restore(&mut r)?;
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

    /// Returns the trained model.
    pub fn into_model(self) -> Result<Model, Failure> {
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
