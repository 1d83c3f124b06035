//! Measures of a model on a data set: accuracy, F-score, loss, confusion, correctness, input gradient, history.

use super::cost;
use super::evaluate::{Outcome, SCORE, fits, input_gradients, measured, of_examples, open};
use super::pass::{self, Made, Reader};
use super::place::Place;
use super::steps::Purpose;
use super::suits::{self, Labels};
use crate::base::f_score::f_score;
use crate::base::statistics::{clustered_share_error, share_error};
use crate::engine::parts::Parts;
use crate::engine::value::{Column, Dataset, Number, Table};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::lang::net::ir::NodeId;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Share, known};
use crate::plan::files::Files;
use crate::{settings, words};
use std::sync::Arc;

/// What a measure reads off a pass: predictions and losses.
struct Scored<F> {
    node: NodeId,
    each: usize,
    outcome: Outcome,
    conclude: Option<F>,
}

/// Returns the reader of predictions and losses of a job's model on its data set, of which `conclude` makes the value.
///
/// Errors: they do not fit each other; the data set is empty (the cell is absent).
pub fn reader<F>(job: &Job, conclude: F) -> Made
where
    F: FnOnce(Outcome, Arc<Dataset>) -> Result<Value, Failure> + 'static,
{
    let (model, data) = measured(job, Labels::Needed)?;
    let data = data.clone();
    let each = data.labels_each().max(1);
    let conclude = Some(move |outcome| conclude(outcome, data));
    Ok(Box::new(Scored { node: model.net.output, each, outcome: Outcome::default(), conclude }))
}

impl<F: FnOnce(Outcome) -> Result<Value, Failure>> Reader for Scored<F> {
    fn node(&self) -> NodeId {
        self.node
    }

    fn take(&mut self, _start: usize, labels: &[u32], scores: &[f32]) -> Result<(), Failure> {
        self.outcome.take(scores, labels, self.each);
        Ok(())
    }

    fn finish(&mut self) -> Result<Value, Failure> {
        match self.conclude.take() {
            Some(conclude) => conclude(std::mem::take(&mut self.outcome)),
            None => Err(Failure::new("the pass was read already")),
        }
    }
}

/// Bytes that a number takes in the store.
const NUMBER: f64 = 130.0;

/// What is known of what a measure gives: one number for each example, or a value of them all.
fn facts(inputs: &[KnownInput], labels: Labels, each: f64) -> Result<Facts, Problem> {
    suits::fits(inputs, "net", "data", labels)?;
    let data = known(inputs, "data").cloned().unwrap_or_default();
    let warnings = suits::doubts(inputs, &data, each == 0.0);
    if each > 0.0 {
        return Ok(Facts { warnings, ..data.each_example() });
    }
    Ok(Facts { classes: data.classes, warnings, ..Facts::default() })
}

/// Defines a kernel that measures a model on a data set: what it needs of labels, the passes that it takes, and the bytes that it keeps for each example.
macro_rules! measure {
    ($(#[$doc:meta])* $name:ident, $version:expr, $labels:expr, $each:expr, |$job:ident, $outcome:ident, $data:ident| $body:expr) => {
        $(#[$doc])*
        pub struct $name;

        impl Planned for $name {
            fn version(&self) -> u32 {
                $version
            }

            fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
                facts(inputs, $labels, $each)
            }

            fn on_device(&self, _settings: &Settings, inputs: &[KnownInput]) -> f64 {
                cost::on_device(inputs, Purpose::Evaluation, None)
            }

            fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
                let disk = NUMBER + $each * cost::rows(inputs, "data") as f64;
                Cost { seconds: 1e-3 + cost::pass_seconds(inputs, "data"), memory: cost::pass_bytes(inputs), disk }
            }

            fn share(&self, _settings: &Settings, inputs: &[KnownInput]) -> Option<Share> {
                pass::share(cost::pass_seconds(inputs, "data"))
            }
        }

        impl $name {
            /// Returns the reader of a job of this measure.
            pub fn of(job: &Job) -> Made {
                let $job = job.clone();
                reader(job, move |$outcome, $data| $body)
            }
        }

        impl Kernel for $name {
            fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
                pass::alone(job, Self::of(job), cx)
            }
        }
    };
}

words! {
    /// How the F-scores of classes are averaged.
    enum Average {
        /// By the number of examples of a class.
        Weighted = "weighted",
        /// Every class the same.
        Macro = "macro",
    }
}
settings! {
    /// The settings of `f_score`.
    struct FScoreSettings("f_score") { average: Average }
}

measure!(
    /// The kernel of `accuracy`: share of right predictions with its standard error; of words, whose examples hang together, with that of a mean
    /// over examples. 3: the error does not vanish where all or none are right. 4: it remembers the examples. 5: and whose they are.
    Accuracy,
    5,
    Labels::Needed,
    0.0,
    |_job, outcome, data| {
        let p = outcome.accuracy(&data);
        let n = data.len() * data.labels_each();
        let error = match data.labels_each() {
            0 | 1 => share_error(p, n as f64),
            _ => {
                let of_mean = mean(&outcome.correct(&data).collect::<Vec<_>>()).error;
                clustered_share_error(p, n as f64, of_mean, data.len() as f64)
            }
        };
        Ok(Value::Number(over_examples(Number::new(p, Some(error), Some(n as u64)), &data, &outcome.correct(&data).collect::<Vec<_>>())))
    }
);

measure!(
    /// The kernel of `loss`: mean cross-entropy with its standard error over examples. 2: it remembers the examples. 3: and whose they are.
    Loss,
    3,
    Labels::Needed,
    0.0,
    |_job, outcome, data| {
        Ok(Value::Number(over_examples(mean(&outcome.losses), &data, &outcome.losses)))
    }
);

measure!(
    /// The kernel of `f_score`. 2: with its standard error over examples. 3: it remembers the examples. 4: no larger where some
    /// scores scatter less than shares. 5: it remembers whose examples they are.
    FScore,
    5,
    Labels::Needed,
    0.0,
    |job, outcome, data| {
        let macro_mean = FScoreSettings::read(&job.settings).average == Average::Macro;
        let (value, error, adds) = f_score(&outcome.labels, &outcome.predicted, macro_mean, data.labels_each().max(1));
        Ok(Value::Number(over_examples(Number::new(value, Some(error), Some(data.len() as u64)), &data, &adds)))
    }
);

measure!(
    /// The kernel of `correct`: 1 for each example whose label is predicted, 0 for others; of words, the share of them.
    Correct,
    1,
    Labels::Needed,
    SCORE,
    |_job, outcome, data| {
        Ok(of_examples(outcome.correct(&data).collect(), &data))
    }
);

measure!(
    /// The kernel of `example_loss`: the cross-entropy of each example.
    ExampleLoss,
    1,
    Labels::Needed,
    SCORE,
    |_job, outcome, data| {
        Ok(of_examples(outcome.losses, &data))
    }
);

measure!(
    /// The kernel of `confusion`: counts by label and prediction. 2: shares beside counts.
    Confusion,
    2,
    Labels::One,
    0.0,
    |job, outcome, data| {
        fits(&job.model("net")?.net, &data, Labels::One)?;
        Ok(Value::Table(Arc::new(confusion(&data, &outcome.predicted))))
    }
);

/// The kernel of `input_gradient`: mean over examples of the summed absolute gradient of the loss by the normalised input.
pub struct InputGradient;

impl Planned for InputGradient {
    /// 2: it remembers the examples.
    fn version(&self) -> u32 {
        3
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        if known(inputs, "data").is_some_and(|d| d.labels_each.is_some()) {
            return Err(suits::unfit(
                "data",
                "the numbers of words have no gradient".to_string(),
                "give images, or other numbers",
            ));
        }
        facts(inputs, Labels::Needed, 0.0)
    }

    fn on_device(&self, _settings: &Settings, inputs: &[KnownInput]) -> f64 {
        cost::on_device(inputs, Purpose::InputGradient, None)
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let rows = cost::rows(inputs, "data");
        let seconds =
            cost::net(inputs, &["net"]).map_or(1e-4 * rows as f64, |net| cost::sweep_seconds(net, Purpose::InputGradient, rows));
        Cost { seconds: 1e-3 + seconds, memory: 3.0 * cost::pass_bytes(inputs), disk: NUMBER }
    }
}

impl Kernel for InputGradient {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (model, data) = measured(job, Labels::Needed)?;
        let mut network = open(model, Purpose::InputGradient, &[], data.len(), &Place::of(cx)?)?;
        let each = input_gradients(&mut network, data, cx)?;
        Ok(Value::Number(over_examples(mean(&each), data, &each)))
    }
}

/// The kernel of `history`: the model's history as a table.
pub struct History;

impl Planned for History {
    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let model = known(inputs, "m").cloned().unwrap_or_default();
        Ok(Facts { columns: model.columns, ..Facts::default() })
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
    Number::new(mean, error, Some(values.len() as u64))
}

/// Returns an estimate over examples whose error knows them: `adds` says what each adds to the estimate, up to a factor.
pub fn over_examples(number: Number, data: &Dataset, adds: &[f64]) -> Number {
    over_some(number, data, &data.ids, adds)
}

/// Returns an estimate over some examples of a data set, as [`over_examples`] does.
pub fn over_some(number: Number, data: &Dataset, ids: &[u32], adds: &[f64]) -> Number {
    let Some(error) = number.error.filter(|_| adds.len() == ids.len()) else { return number };
    Number { parts: Parts::of_examples((&data.source.name, data.classes()), ids, adds, error), ..number }
}

/// Returns the rows `label, predicted, count, share`, all pairs of classes; shares are of the examples of a label, NaN where there is none.
fn confusion(data: &Dataset, predicted: &[u32]) -> Table {
    let names = data.classes();
    let classes = data.labels.iter().chain(predicted).max().map_or(0, |m| *m as usize + 1).max(names.len());
    let mut counts = vec![0f64; classes * classes];
    for (l, p) in data.labels.iter().zip(predicted) {
        counts[*l as usize * classes + *p as usize] += 1.0;
    }
    let shares = counts.chunks(classes.max(1)).flat_map(|row| {
        let all: f64 = row.iter().sum();
        row.iter().map(move |n| n / all)
    });
    let shares: Vec<f64> = shares.collect();
    let name = |c: usize| names.get(c).cloned().unwrap_or_else(|| c.to_string());
    let pairs = || (0..classes).flat_map(|l| (0..classes).map(move |p| (l, p)));
    Table {
        columns: vec![
            ("label".to_string(), Column::Texts(pairs().map(|(l, _)| name(l)).collect())),
            ("predicted".to_string(), Column::Texts(pairs().map(|(_, p)| name(p)).collect())),
            ("count".to_string(), Column::Numbers(counts)),
            ("share".to_string(), Column::Numbers(shares)),
        ],
    }
}
