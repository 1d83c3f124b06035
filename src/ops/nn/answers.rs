//! What a network answers for each example: its prediction, the probability of the label, how sure it is, and by how much.

use super::cost;
use super::evaluate::{SCORE, fits, of_examples};
use super::loss::highest;
use super::pass::{self, Made, Reader};
use super::steps::Purpose;
use super::suits::{self, Labels};
use crate::engine::value::Dataset;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::lang::net::ir::NodeId;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Share, known};
use crate::plan::files::Files;
use crate::{settings, words};
use std::sync::Arc;

/// The kernels of this file: one number for each example, made from the scores that a network gives its classes.
#[derive(Clone, Copy)]
pub enum Answer {
    /// `predicted`: the class of the highest score.
    Predicted,
    /// `probability`: that of the label.
    Probability,
    /// `confidence`: the probability of the prediction.
    Confidence,
    /// `margin`: the probability of the label, or of the prediction, less the highest of the others.
    Margin,
}

words! {
    /// Which class a margin is of.
    enum Of {
        /// The label's.
        Label = "label",
        /// The prediction.
        Prediction = "prediction",
    }
}

settings! {
    /// Settings of `margin`.
    struct MarginSettings("margin") { of: Of }
}

impl Answer {
    /// Returns whether the labels of the examples enter.
    fn needs_labels(self, settings: &Settings) -> bool {
        match self {
            Answer::Predicted | Answer::Confidence => false,
            Answer::Probability => true,
            Answer::Margin => MarginSettings::read(settings).of == Of::Label,
        }
    }

    /// Returns the number of an example from the scores of its classes, and its label where labels enter (else 0).
    fn of(self, scores: &[f32], label: usize, labelled: bool) -> f64 {
        let best = highest(scores);
        match self {
            Answer::Predicted => best as f64,
            Answer::Probability => softmax(scores)[label],
            Answer::Confidence => softmax(scores)[best],
            Answer::Margin => margin(&softmax(scores), if labelled { label } else { best }),
        }
    }
}

/// Returns probabilities of scores, in 64 bits.
pub fn softmax(scores: &[f32]) -> Vec<f64> {
    let highest = scores.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b)) as f64;
    let powers: Vec<f64> = scores.iter().map(|s| libm::exp(*s as f64 - highest)).collect();
    let total: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / total).collect()
}

/// Returns a class's probability less the highest of the others; that probability itself where there is no other.
fn margin(probabilities: &[f64], class: usize) -> f64 {
    let others = probabilities.iter().enumerate().filter(|(c, _)| *c != class).map(|(_, p)| *p);
    probabilities[class] - others.fold(0.0, f64::max)
}

impl Planned for Answer {
    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let data = known(inputs, "data").cloned().unwrap_or_default();
        if data.labels_each.is_some() {
            let message = "these examples have a word to predict at each of their words, not one class".to_string();
            return Err(suits::unfit("data", message, "measure words by `loss`, `example_loss` or `accuracy`"));
        }
        suits::fits(inputs, "net", "data", if self.needs_labels(settings) { Labels::One } else { Labels::Any })?;
        Ok(Facts { warnings: suits::doubts(inputs, &data, false), ..data.each_example() })
    }

    fn on_device(&self, _settings: &Settings, inputs: &[KnownInput]) -> f64 {
        cost::on_device(inputs, Purpose::Evaluation, None)
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let disk = SCORE * cost::rows(inputs, "data") as f64;
        Cost { seconds: 1e-3 + cost::pass_seconds(inputs, "data"), memory: cost::pass_bytes(inputs), disk }
    }

    fn share(&self, _settings: &Settings, inputs: &[KnownInput]) -> Option<Share> {
        pass::share(cost::pass_seconds(inputs, "data"))
    }
}

/// What an answer reads off a pass: a number for each example.
struct Answers {
    answer: Answer,
    labelled: bool,
    node: NodeId,
    data: Arc<Dataset>,
    values: Vec<f64>,
}

impl Reader for Answers {
    fn node(&self) -> NodeId {
        self.node
    }

    fn take(&mut self, _start: usize, labels: &[u32], scores: &[f32]) -> Result<(), Failure> {
        let k = (scores.len() / labels.len().max(1)).max(1);
        let of = |(s, l): (&[f32], &u32)| self.answer.of(s, *l as usize, self.labelled);
        self.values.extend(scores.chunks_exact(k).zip(labels).map(of));
        Ok(())
    }

    fn finish(&mut self) -> Result<Value, Failure> {
        Ok(of_examples(std::mem::take(&mut self.values), &self.data))
    }
}

impl Answer {
    /// Returns the reader of a job of this answer.
    ///
    /// Errors: model and data do not fit each other; the data set is empty (the cell is absent).
    pub fn reader(self, job: &Job) -> Made {
        let (model, data) = (job.model("net")?, job.dataset("data")?.clone());
        if data.is_empty() {
            return Err(Failure::Absent("there is no example to look at".to_string()));
        }
        let labelled = self.needs_labels(&job.settings);
        fits(&model.net, &data, if labelled { Labels::One } else { Labels::Any })?;
        let values = Vec::with_capacity(data.len());
        Ok(Box::new(Answers { answer: self, labelled, node: model.net.output, data, values }))
    }
}

impl Kernel for Answer {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        pass::alone(job, self.reader(job), cx)
    }
}
