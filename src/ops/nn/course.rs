//! The course of a training, that of one network or of two against each other: epochs of steps in a drawn order, with sums, history and
//! snapshots on the way. It stops and goes on bit for bit; what a step does is the learner's.

use super::batches::{Loader, shuffled};
use super::checkpoint::{Reader, Writer, closed, opened};
use super::settings::Pace;
use crate::base::Stream;
use crate::engine::value::{Column, Dataset, Model, Table, Weights};
use crate::engine::{Context, Failure, Job};
use crate::lang::net::ir::Net;
use std::sync::Arc;

/// Multiply-adds of a step below which handing each of its loops over to the pool takes noticeable time.
const SMALL: f64 = 4e9;

/// Runs `f`, a stretch of training whose steps take so many multiply-adds. Where they are few, it runs inside the pool that loops are
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

/// What a step is given.
pub struct Batch<'a> {
    /// The examples, one after another.
    pub numbers: &'a [f32],
    /// Their rows in the data set.
    pub rows: &'a [usize],
    /// What reads them.
    pub loader: &'a Loader<'a>,
    /// Randomness of this step.
    pub stream: Stream,
    /// The learning rate.
    pub rate: f64,
    /// The epoch and the step in it, from 1.
    pub at: (usize, usize),
}

/// What is trained.
pub trait Learner: Send {
    /// Names of the means over an epoch in the history, and in the progress that is shown.
    const MEANS: &'static [(&'static str, &'static str)];

    /// Returns how long it is trained.
    fn pace(&self) -> &Pace;

    /// Returns the examples of each step of an epoch over so many.
    fn batches(&self, rows: usize) -> Vec<usize>;

    /// Returns what reads its examples.
    fn loader<'a>(&self, data: &'a Dataset) -> Loader<'a>;

    /// Returns the multiply-adds of a step.
    fn work(&self) -> f64;

    /// Takes a step; returns what is added to the sums of the epoch, and how many items that is of.
    ///
    /// Errors: a loss is no longer a finite number; the device failed.
    fn step(&mut self, batch: &Batch) -> Result<(Vec<f64>, usize), Failure>;

    /// Names of what is measured after each epoch.
    fn measures(&self) -> Vec<String> {
        Vec::new()
    }

    /// Measures it after so many epochs of so many steps.
    ///
    /// Errors: a weight is no longer a finite number; stopped.
    fn measure(&self, _job: &Job, _cx: &dyn Context, _at: (usize, usize)) -> Result<Vec<f64>, Failure> {
        Ok(Vec::new())
    }

    /// Returns whether training ends here: a function of the history alone, so that a run that went on after a stop agrees.
    fn over(&self, _history: &Table) -> bool {
        false
    }

    /// Checks that no device failed so far: what was read of one that did is zeros.
    ///
    /// Errors: what failed first.
    fn check(&self) -> Result<(), Failure>;

    /// Returns all weights.
    fn weights(&self) -> Weights;

    /// Returns the network whose weights they are.
    fn net(&self) -> Arc<Net>;

    /// Writes weights and what optimisers remember.
    fn save(&self, to: &mut Writer);

    /// Reads what [`Learner::save`] wrote; nothing where it is not of this learner.
    fn restore(&mut self, from: &mut Reader) -> Option<()>;
}

/// A training under way.
pub struct Course<L> {
    /// What is trained.
    pub learner: L,
    data: Arc<Dataset>,
    /// Examples of each step of an epoch.
    batches: Vec<usize>,
    /// Epochs completed, and steps taken in the one under way.
    epoch: usize,
    step: usize,
    /// Sums over the epoch under way, and the items that they are of.
    sums: Vec<f64>,
    seen: usize,
    history: Table,
    snapshots: Vec<(usize, Weights)>,
}

impl<L: Learner> Course<L> {
    /// Returns the course before its first step.
    pub fn new(learner: L, data: Arc<Dataset>) -> Self {
        let means = L::MEANS.iter().map(|(name, _)| name.to_string());
        let names = std::iter::once("epoch".to_string()).chain(means).chain(["rate".to_string()]).chain(learner.measures());
        let mut course = Course {
            batches: learner.batches(data.len()),
            epoch: 0,
            step: 0,
            sums: vec![0.0; L::MEANS.len()],
            seen: 0,
            history: Table { columns: names.map(|n| (n, Column::Numbers(Vec::new()))).collect() },
            snapshots: Vec::new(),
            learner,
            data,
        };
        course.snapshot();
        course
    }

    /// Trains until the last epoch is done, or the learner's training is over.
    ///
    /// Errors: those of the learner; stopped, with a checkpoint left behind.
    pub fn run(&mut self, job: &Job, cx: &dyn Context) -> Result<(), Failure> {
        let data = self.data.clone();
        let loader = self.learner.loader(&data);
        while self.epoch < self.learner.pace().epochs && !self.learner.over(&self.history) {
            side_by_side(cx, self.learner.work(), || self.epoch(job, cx, &loader))?;
        }
        Ok(())
    }

    /// Takes the steps of an epoch that are left. While a step is computed, the examples of the next are read and augmented.
    fn epoch(&mut self, job: &Job, cx: &dyn Context, loader: &Loader) -> Result<(), Failure> {
        let (sizes, pace) = (self.batches.clone(), self.learner.pace().clone());
        let starts: Vec<usize> = sizes.iter().scan(0, |end, size| Some(std::mem::replace(end, *end + size))).collect();
        let total = (sizes.len() * pace.epochs) as u64;
        let order = shuffled(loader.len(), job.stream.named("order").numbered(self.epoch as u64));
        let stream = job.stream.named("augmentation").numbered(self.epoch as u64);
        let rows = |step: usize| sizes.get(step).map_or(&order[..0], |size| &order[starts[step]..][..*size]);
        let read = |step: usize, into: &mut Vec<f32>| {
            into.resize(rows(step).len() * loader.size(), 0.0);
            loader.fill(rows(step), &pace.augment, stream, into);
        };
        let (mut now, mut next) = (Vec::new(), Vec::new());
        read(self.step, &mut now);
        while self.step < sizes.len() {
            if cx.interrupted() {
                self.keep(cx)?;
                return Err(Failure::Interrupted);
            }
            if cx.checkpoint_due() {
                self.keep(cx)?;
            }
            let (step, done) = (self.step, (self.epoch * sizes.len() + self.step) as u64);
            let batch = Batch {
                numbers: &now,
                rows: rows(step),
                loader,
                stream: job.stream.named("steps").numbered(done),
                rate: pace.rate.at(done, total, self.epoch),
                at: (self.epoch + 1, step + 1),
            };
            let (taken, _) = rayon::join(|| self.learner.step(&batch), || read(step + 1, &mut next));
            let (found, items) = taken?;
            std::mem::swap(&mut now, &mut next);
            self.sums.iter_mut().zip(found).for_each(|(sum, x)| *sum += x);
            self.seen += items;
            self.step += 1;
            let shown = L::MEANS.iter().zip(self.means()).map(|((_, word), mean)| (*word, mean));
            cx.progress(done + 1, total, &shown.filter(|(word, _)| !word.is_empty()).collect::<Vec<_>>());
        }
        self.finish_epoch(job, cx, total)
    }

    fn means(&self) -> impl Iterator<Item = f64> {
        self.sums.iter().map(|sum| sum / self.seen as f64)
    }

    /// Measures what is recorded and adds a row to the history.
    fn finish_epoch(&mut self, job: &Job, cx: &dyn Context, total: u64) -> Result<(), Failure> {
        let steps = self.batches.len();
        let measured = match self.learner.measure(job, cx, (self.epoch + 1, steps)) {
            Err(Failure::Interrupted) => {
                self.keep(cx)?;
                return Err(Failure::Interrupted);
            }
            other => other?,
        };
        let rate = self.learner.pace().rate.at(((self.epoch + 1) * steps - 1) as u64, total, self.epoch);
        let row: Vec<f64> = std::iter::once((self.epoch + 1) as f64).chain(self.means()).chain([rate]).chain(measured).collect();
        for ((_, column), x) in self.history.columns.iter_mut().zip(row) {
            if let Column::Numbers(numbers) = column {
                numbers.push(x);
            }
        }
        self.epoch += 1;
        self.step = 0;
        self.sums.fill(0.0);
        self.seen = 0;
        self.snapshot();
        self.learner.check()
    }

    /// Keeps the weights where they are wanted after this epoch.
    fn snapshot(&mut self) {
        if self.learner.pace().snapshots.contains(&self.epoch) {
            self.snapshots.push((self.epoch, self.learner.weights()));
        }
    }

    /// Leaves a checkpoint, unless a device failed.
    fn keep(&self, cx: &dyn Context) -> Result<(), Failure> {
        let bytes = self.checkpoint();
        self.learner.check()?;
        cx.checkpoint(&bytes);
        Ok(())
    }

    fn checkpoint(&self) -> Vec<u8> {
        closed(|w| {
            [self.epoch, self.step, self.seen].iter().for_each(|x| w.int(*x as u64));
            w.floats(&self.sums);
            for (name, _) in &self.history.columns {
                w.floats(self.history.numbers(name).unwrap_or_default());
            }
            self.learner.save(w);
            w.int(self.snapshots.len() as u64);
            for (epoch, weights) in &self.snapshots {
                w.int(*epoch as u64);
                weights.iter().for_each(|(_, _, numbers)| w.singles(numbers));
            }
        })
    }

    /// Goes back to where a checkpoint was taken; nothing where it is not one of this course's.
    pub fn restore(&mut self, bytes: &[u8]) -> Option<()> {
        opened(bytes, |r| {
            self.epoch = r.int()? as usize;
            self.step = r.int()? as usize;
            self.seen = r.int()? as usize;
            self.sums = r.floats()?;
            for (_, column) in &mut self.history.columns {
                *column = Column::Numbers(r.floats()?);
            }
            self.learner.restore(r)?;
            let count = r.int()?;
            self.snapshots.clear();
            for _ in 0..count {
                let epoch = r.int()? as usize;
                let mut weights = self.learner.weights();
                for (_, _, numbers) in &mut weights {
                    r.singles(numbers)?;
                }
                self.snapshots.push((epoch, weights));
            }
            Some(())
        })
    }

    /// Returns the trained model.
    ///
    /// Errors: a device failed.
    pub fn into_model(self) -> Result<Model, Failure> {
        let weights = self.learner.weights();
        self.learner.check()?;
        let mut ids = self.data.ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        Ok(Model {
            weights: Arc::new(weights),
            net: self.learner.net(),
            snapshots: self.snapshots.into_iter().map(|(e, w)| (e, Arc::new(w))).collect(),
            history: self.history,
            trained_on: Arc::new(ids),
            classes: self.data.classes().to_vec(),
        })
    }
}

/// Runs a training to its end, from the checkpoint that an earlier attempt left if there is one.
///
/// Errors: those of the learner and of making it.
pub fn train<L: Learner>(
    job: &Job,
    cx: &dyn Context,
    data: &Arc<Dataset>,
    learner: impl Fn() -> Result<L, Failure>,
) -> Result<Model, Failure> {
    let mut course = Course::new(learner()?, data.clone());
    // A checkpoint that cannot be read is no reason to fail: training starts over.
    if let Some(bytes) = cx.restore()
        && course.restore(&bytes).is_none()
    {
        course = Course::new(learner()?, data.clone());
    }
    course.run(job, cx)?;
    course.into_model()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::net::ir::Source;
    use crate::ops::nn::settings::pace;
    use crate::ops::nn::tests::build::{Builder, bars};
    use crate::ops::nn::tests::running::{Stopping, training};

    /// Learns nothing. Its device fails after some steps, and tells only who asks.
    struct Failing {
        pace: Pace,
        net: Arc<Net>,
        left: usize,
    }

    impl Learner for Failing {
        const MEANS: &'static [(&'static str, &'static str)] = &[("loss", "loss")];

        fn pace(&self) -> &Pace {
            &self.pace
        }

        fn batches(&self, rows: usize) -> Vec<usize> {
            vec![10; rows / 10]
        }

        fn loader<'a>(&self, data: &'a Dataset) -> Loader<'a> {
            Loader::new(data)
        }

        fn work(&self) -> f64 {
            0.0
        }

        fn step(&mut self, _batch: &Batch) -> Result<(Vec<f64>, usize), Failure> {
            self.left = self.left.saturating_sub(1);
            Ok((vec![1.0], 1))
        }

        fn check(&self) -> Result<(), Failure> {
            if self.left == 0 { Err(Failure::new("the device failed")) } else { Ok(()) }
        }

        fn weights(&self) -> Weights {
            Weights::new()
        }

        fn net(&self) -> Arc<Net> {
            self.net.clone()
        }

        fn save(&self, to: &mut Writer) {
            to.int(0);
        }

        fn restore(&mut self, from: &mut Reader) -> Option<()> {
            from.int().map(|_| ())
        }
    }

    #[test]
    fn nothing_is_kept_of_a_device_that_failed() {
        let data = bars(40, 8, 1);
        let mut b = Builder::new(&[8, 8, 1]);
        b.linear(Source::Input, 3);
        let net = b.finish();
        let job = training(&net, &data, 2.0, &[]);
        let run = |left: usize, cx: &Stopping| {
            train(&job, cx, &data, || Ok(Failing { pace: pace(&job.settings).expect("a pace"), net: net.clone(), left }))
        };
        // In the last step of an epoch, and of all.
        for left in [4, 8] {
            let cx = Stopping::new(u64::MAX, None);
            assert!(matches!(run(left, &cx), Err(Failure::Failed { .. })), "{left}");
        }
        assert!(run(9, &Stopping::new(u64::MAX, None)).is_ok());
        // When it is asked to stop after the third step.
        let failed = Stopping::new(3, None);
        assert!(matches!(run(3, &failed), Err(Failure::Failed { .. })));
        assert_eq!(*failed.kept.lock().unwrap(), None);
        let sound = Stopping::new(3, None);
        assert_eq!(run(9, &sound).err(), Some(Failure::Interrupted));
        assert!(sound.kept.lock().unwrap().is_some());
    }
}
