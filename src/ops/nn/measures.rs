//! Measures of a model on a data set: accuracy, F-score, loss, confusion, correctness, input gradient, history.

use super::evaluate::{Outcome, fits, fits_one, input_gradients, open, outcome};
use super::place::Place;
use super::program::Purpose;
use crate::engine::value::{Column, Dataset, Number, Scores, Table};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use std::sync::Arc;

/// Floating-point operations a second that one core is expected to reach; for estimates only.
pub const SPEED: f64 = 6e10;

/// Runs the model of a job over its data set.
///
/// Errors: they do not fit each other; the data set is empty (the cell is absent).
pub fn run(job: &Job, cx: &dyn Context) -> Result<(Outcome, Arc<Dataset>), Failure> {
    let (model, data) = (job.model("net")?, job.dataset("data")?);
    if data.is_empty() {
        return Err(Failure::Absent("there is no example to measure on".to_string()));
    }
    fits(&model.net, data, true)?;
    let mut network = open(model, Purpose::Evaluation, &[model.net.output], data.len(), &Place::of(cx)?)?;
    Ok((outcome(&mut network, data, cx)?, data.clone()))
}

/// Returns the seconds that one example's forward pass through the model is expected to take on one core.
pub fn forward_seconds(inputs: &[KnownInput]) -> f64 {
    let work = ["net", "m"].iter().filter_map(|slot| known(inputs, slot)).find_map(|f| f.multiply_adds);
    1e-5 + work.map_or(1e-4, |w| 2.0 * w as f64 / SPEED)
}

/// Returns the bytes that a pass of the model over a batch is expected to take.
pub fn pass_bytes(inputs: &[KnownInput]) -> f64 {
    ["net", "m"].iter().filter_map(|slot| known(inputs, slot)).find_map(|f| f.pass_bytes).unwrap_or(1e8)
}

/// Bytes that a number takes in the store.
const NUMBER: f64 = 130.0;
/// Bytes that the number of an example takes in the store, with its id and label.
const SCORE: f64 = 16.0;

fn cost_of_pass(inputs: &[KnownInput]) -> Cost {
    let rows = known(inputs, "data").and_then(|f| f.most_rows()).unwrap_or(0) as f64;
    Cost { seconds: 1e-3 + rows * forward_seconds(inputs), memory: pass_bytes(inputs), disk: NUMBER }
}

/// Defines a kernel that measures a model on a data set.
macro_rules! measure {
    ($(#[$doc:meta])* $name:ident, |$job:ident, $cx:ident| $body:expr) => {
        measure!($(#[$doc])* $name, 0.0, |$job, $cx| $body);
    };
    ($(#[$doc:meta])* $name:ident, $each:expr, |$job:ident, $cx:ident| $body:expr) => {
        $(#[$doc])*
        pub struct $name;

        impl Planned for $name {
            fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
                let data = known(inputs, "data").cloned().unwrap_or_default();
                Ok(data.each_example())
            }

            fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
                let rows = known(inputs, "data").and_then(|f| f.most_rows()).unwrap_or(0) as f64;
                let pass = cost_of_pass(inputs);
                Cost { disk: pass.disk + $each * rows, ..pass }
            }
        }

        impl Kernel for $name {
            fn run(&self, $job: &Job, $cx: &dyn Context) -> Result<Value, Failure> {
                $body
            }
        }
    };
}

measure!(
    /// The kernel of `accuracy`: share of right predictions with its binomial standard error.
    Accuracy,
    |job, cx| {
        let (outcome, data) = run(job, cx)?;
        let p = outcome.accuracy(&data);
        let n = data.len() * data.labels_each();
        Ok(Value::Number(Number { value: p, error: Some((p * (1.0 - p) / n as f64).sqrt()), count: Some(n as u64) }))
    }
);

measure!(
    /// The kernel of `loss`: mean cross-entropy with its standard error over examples.
    Loss,
    |job, cx| {
        let (outcome, _) = run(job, cx)?;
        Ok(Value::Number(mean(&outcome.losses)))
    }
);

measure!(
    /// The kernel of `f_score`.
    FScore,
    |job, cx| {
        let (outcome, data) = run(job, cx)?;
        let value = f_score(&outcome.labels, &outcome.predicted, job.settings.word("average") == "macro");
        Ok(Value::Number(Number { value, error: None, count: Some(data.len() as u64) }))
    }
);

measure!(
    /// The kernel of `correct`: 1 for each example whose label is predicted, 0 for others; of words, the share of them.
    Correct,
    SCORE,
    |job, cx| {
        let (outcome, data) = run(job, cx)?;
        let values = outcome.correct(&data).collect();
        Ok(Value::Scores(Arc::new(scores(values, &data))))
    }
);

measure!(
    /// The kernel of `example_loss`: the cross-entropy of each example.
    ExampleLoss,
    SCORE,
    |job, cx| {
        let (outcome, data) = run(job, cx)?;
        Ok(Value::Scores(Arc::new(scores(outcome.losses, &data))))
    }
);

measure!(
    /// The kernel of `confusion`: counts by label and prediction.
    Confusion,
    |job, cx| {
        fits_one(&job.model("net")?.net, job.dataset("data")?)?;
        let (outcome, data) = run(job, cx)?;
        Ok(Value::Table(Arc::new(confusion(&data, &outcome.predicted))))
    }
);

measure!(
    /// The kernel of `input_gradient`: mean over examples of the summed absolute gradient of the loss by the normalised input.
    InputGradient,
    |job, cx| {
        let (model, data) = (job.model("net")?, job.dataset("data")?);
        if data.is_empty() {
            return Err(Failure::Absent("there is no example to measure on".to_string()));
        }
        fits(&model.net, data, true)?;
        let mut network = open(model, Purpose::InputGradient, &[], data.len(), &Place::of(cx)?)?;
        Ok(Value::Number(mean(&input_gradients(&mut network, data, cx)?)))
    }
);

/// The kernel of `history`: the model's history as a table.
pub struct History;

impl Planned for History {
    fn policy(&self) -> Policy {
        Policy::Stored
    }
}

impl Kernel for History {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        Ok(Value::Table(Arc::new(job.model("m")?.history.clone())))
    }
}

/// Returns the mean with its standard error.
pub fn mean(values: &[f64]) -> Number {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
    let error = (n > 1.0).then(|| (square / (n - 1.0) / n).sqrt());
    Number { value: mean, error, count: Some(values.len() as u64) }
}

fn scores(values: Vec<f64>, data: &Dataset) -> Scores {
    Scores { values, ids: data.ids.clone(), labels: data.labels.clone(), classes: data.classes().to_vec() }
}

/// Returns the mean over classes of 2 TP / (2 TP + FP + FN): weighted by the classes' examples, or (`macro_mean`) over all classes that occur among labels or predictions.
pub fn f_score(labels: &[u32], predicted: &[u32], macro_mean: bool) -> f64 {
    let classes = labels.iter().chain(predicted).max().map_or(0, |m| *m as usize + 1);
    let (mut hit, mut of, mut said) = (vec![0f64; classes], vec![0f64; classes], vec![0f64; classes]);
    for (l, p) in labels.iter().zip(predicted) {
        of[*l as usize] += 1.0;
        said[*p as usize] += 1.0;
        if l == p {
            hit[*l as usize] += 1.0;
        }
    }
    let (mut sum, mut weight) = (0.0, 0.0);
    for c in (0..classes).filter(|c| of[*c] + said[*c] > 0.0) {
        let w = if macro_mean { 1.0 } else { of[c] };
        sum += w * 2.0 * hit[c] / (of[c] + said[c]);
        weight += w;
    }
    sum / weight
}

/// Returns the rows `label, predicted, count`, all pairs of classes.
fn confusion(data: &Dataset, predicted: &[u32]) -> Table {
    let names = data.classes();
    let classes = data.labels.iter().chain(predicted).max().map_or(0, |m| *m as usize + 1).max(names.len());
    let mut counts = vec![0f64; classes * classes];
    for (l, p) in data.labels.iter().zip(predicted) {
        counts[*l as usize * classes + *p as usize] += 1.0;
    }
    let name = |c: usize| names.get(c).cloned().unwrap_or_else(|| c.to_string());
    let pairs = || (0..classes).flat_map(|l| (0..classes).map(move |p| (l, p)));
    Table {
        columns: vec![
            ("label".to_string(), Column::Texts(pairs().map(|(l, _)| name(l)).collect())),
            ("predicted".to_string(), Column::Texts(pairs().map(|(_, p)| name(p)).collect())),
            ("count".to_string(), Column::Numbers(counts)),
        ],
    }
}
