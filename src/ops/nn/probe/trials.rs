//! Memorization (Feldman & Zhang 2020): how much more often models are right on an example that they were trained on.

use super::bits::{Bits, transposed};
use super::common::passes;
use crate::base::statistics::share_error;
use crate::base::{Hash, Hasher};
use crate::engine::kernel::mismatch;
use crate::engine::value::{Array, ArrayData, Dataset, Model, Number, Pack};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::nn::cost;
use crate::ops::nn::evaluate::{fits, of_examples, open, outcome, some};
use crate::ops::nn::measures::over_examples;
use crate::ops::nn::place::Place;
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::suits::{self, Labels};
use crate::plan::examples;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, known};
use crate::plan::files::Files;
use serde_json::json;
use std::sync::Arc;

/// Kind of the pack of bits that one trial leaves.
const KIND: &str = "nn.trial_outcome";

/// What one trial says: membership of each example of `data`, and correctness on each example of `on`.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Whether the model was trained on the example.
    pub member: Bits,
    /// Whether it predicts the example's label.
    pub correct: Bits,
}

/// Returns the hash of which examples, with which labels, a trial was taken on.
fn fingerprint(data: &Dataset, on: &Dataset) -> Hash {
    let mut h = Hasher::new("cfx.trial.1");
    for d in [data, on] {
        h.int(d.len() as u64);
        d.ids.iter().chain(d.labels.iter()).for_each(|x| {
            h.int(*x as u64);
        });
    }
    h.finish()
}

/// Returns what a model says of the data sets.
///
/// Errors: the model does not fit the examples; an interruption.
fn trial(model: &Model, data: &Dataset, on: &Dataset, cx: &dyn Context) -> Result<Trial, Failure> {
    fits(&model.net, on, Labels::One)?;
    let mut network = open(model, Purpose::Evaluation, &[model.net.output], on.len(), &Place::of(cx)?)?;
    let outcome = outcome(&mut network, on, cx)?;
    let member = data.ids.iter().map(|id| model.trained_on.binary_search(id).is_ok()).collect();
    Ok(Trial { member, correct: outcome.correct(on).map(|c| c == 1.0).collect() })
}

/// The kernel of `trial_outcome`: the bits of one trial, with accuracy and number of members for reading.
pub struct TrialOutcome;

impl Planned for TrialOutcome {
    /// 2: the accuracy's error does not vanish. 3: it remembers the examples. 4: and whose they are.
    fn version(&self) -> u32 {
        4
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        suits::unmixed(inputs, "data")?;
        suits::fits(inputs, "net", tested_slot(inputs), Labels::One)?;
        let data = known(inputs, "data");
        let rows = data.and_then(|d| d.rows);
        // Whose examples the bits are of, so that they are read with the same.
        let about = data.map(Facts::each_example).unwrap_or_default();
        let (source, from) = (about.source, about.from);
        let classes = data.and_then(|d| d.classes.clone());
        Ok(Facts { bytes: rows.map(|r| 500 + r as u64 / 4), classes, rows, source, from, ..Facts::default() })
    }

    fn on_device(&self, _settings: &Settings, inputs: &[KnownInput]) -> f64 {
        cost::on_device(inputs, Purpose::Evaluation, None)
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let disk = 500.0 + (cost::rows(inputs, "data") + cost::rows(inputs, tested_slot(inputs))) as f64 / 8.0;
        Cost { disk, ..passes(inputs, tested_slot(inputs), 1.0) }
    }
}

/// Checks that trials that were taken before were taken on the examples of `data`, as far as that is known.
///
/// Errors: they were taken on those of another data set, of another split, or on more or fewer.
fn same_trials(inputs: &[KnownInput]) -> Result<(), Problem> {
    let trials = inputs.iter().filter(|(slot, _)| *slot == "net").flat_map(|(_, f)| f.iter());
    let Some(data) = known(inputs, "data") else { return Ok(()) };
    // A model is about no examples: only what `trial_outcome` made has any.
    for taken in trials.filter(|f| f.net.is_none() && f.source.is_some()) {
        let name = |f: &Facts| match f.from.is_empty() {
            true => format!("`{}`", f.source.as_deref().unwrap_or_default()),
            false => format!("`{}` of `{}`", f.from.join("`, `"), f.source.as_deref().unwrap_or_default()),
        };
        let other = data.source.is_some() && taken.source != data.source || examples::apart(&taken.from, &data.from);
        let (there, here) = (taken.rows, data.rows);
        if other || matches!((there, here), (Some(a), Some(b)) if a != b) {
            let count = |rows: Option<usize>| rows.map_or_else(String::new, |n| format!("{n} "));
            return Err(Problem {
                code: "cfx::data::other_examples",
                parameter: Some("data"),
                message: format!(
                    "the trials were taken on {}examples of {}, and these are {}of {}",
                    count(there),
                    name(taken),
                    count(here),
                    name(data)
                ),
                help: Some("give the data set that `trial_outcome` was given".to_string()),
            });
        }
    }
    Ok(())
}

/// Returns the slot of the data set that models are tested on: `on`, where it is given, else the one whose membership counts.
fn tested_slot(inputs: &[KnownInput]) -> &'static str {
    if inputs.iter().any(|(n, _)| *n == "on") { "on" } else { "data" }
}

impl Kernel for TrialOutcome {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let on = tested(job, data)?;
        some(data)?;
        some(on)?;
        let trial = trial(job.model("net")?, data, on, cx)?;
        let bytes = |bits: &Bits| {
            let bytes = bits.bytes();
            Array { shape: vec![bytes.len()], data: ArrayData::U8(bytes) }
        };
        let pack = Pack {
            kind: KIND.to_string(),
            meta: json!({ "examples": fingerprint(data, on).to_string(), "data": data.len(), "on": on.len() }),
            arrays: vec![("member".into(), bytes(&trial.member)), ("correct".into(), bytes(&trial.correct))],
        };
        let (p, n) = (trial.correct.count() as f64 / on.len() as f64, on.len() as f64);
        let right: Vec<f64> = (0..on.len()).map(|i| trial.correct.get(i) as u8 as f64).collect();
        let accuracy = over_examples(Number::new(p, Some(share_error(p, n)), Some(on.len() as u64)), on, &right);
        Ok(Value::Record(vec![
            ("accuracy".into(), Value::Number(accuracy)),
            ("members".into(), Value::Number(Number::exact(trial.member.count() as f64))),
            ("bits".into(), Value::Pack(Arc::new(pack))),
        ]))
    }
}

/// Returns the data set that models are tested on: `on`, where it is given, else the one whose membership counts.
fn tested<'a>(job: &'a Job, data: &'a Arc<Dataset>) -> Result<&'a Arc<Dataset>, Failure> {
    if job.labelled("on").is_some() { job.dataset("on") } else { Ok(data) }
}

/// All trials of a job, transposed: for each example its trials.
pub struct Trials {
    /// Number of trials.
    pub count: u64,
    /// For each example of `data`, the trials that were trained on it.
    pub member: Vec<Bits>,
    /// For each example of `on`, the trials that are right on it.
    pub correct: Vec<Bits>,
}

impl Trials {
    /// Returns the trials in the slot `net`, which holds models or what [`TrialOutcome`] made of them; absent ones are left out.
    ///
    /// Errors: an outcome is of other examples; there is no trial (absent).
    pub fn gather(job: &Job, data: &Dataset, on: &Dataset, cx: &dyn Context) -> Result<Self, Failure> {
        let slot = job.labelled("net").ok_or_else(|| mismatch("net", "model", None))?;
        let wanted = fingerprint(data, on).to_string();
        let mut all = Vec::with_capacity(slot.values.len());
        for (i, value) in slot.values.iter().enumerate() {
            if cx.interrupted() {
                return Err(Failure::Interrupted);
            }
            match value {
                Value::Absent(_) => continue,
                Value::Model(model) => all.push(trial(model, data, on, cx)?),
                Value::Record(parts) => all.push(unpack(parts, &wanted, data.len(), on.len())?),
                other => return Err(mismatch("net", "model", Some(other))),
            }
            cx.progress(i as u64 + 1, slot.values.len() as u64, &[]);
        }
        if all.is_empty() {
            return Err(Failure::Absent("no trial is there".to_string()));
        }
        Ok(Trials {
            count: all.len() as u64,
            member: transposed(all.iter().map(|t| &t.member), data.len()),
            correct: transposed(all.iter().map(|t| &t.correct), on.len()),
        })
    }

    /// Returns how often models were right on example `j` of `on`: `(right, trials)` among those trained on example `i` of `data`, then among the others.
    pub fn sides(&self, i: usize, j: usize) -> [(u64, u64); 2] {
        let (member, correct) = (&self.member[i], &self.correct[j]);
        let (with, right_with) = (member.count(), member.count_both(correct));
        [(right_with, with), (correct.count() - right_with, self.count - with)]
    }
}

fn unpack(parts: &[(String, Value)], wanted: &str, data: usize, on: usize) -> Result<Trial, Failure> {
    let pack = parts.iter().find_map(|(n, v)| match v {
        Value::Pack(p) if n == "bits" && p.kind == KIND => Some(p),
        _ => None,
    });
    let Some(pack) = pack else {
        return Err(Failure::new("the input `net` is a record that no `trial_outcome` made"));
    };
    if pack.meta.get("examples").and_then(|e| e.as_str()) != Some(wanted) {
        return Err(Failure::new("the trials were taken on other examples than those given here")
            .help("pass the same data sets to `trial_outcome` as here, in the same order"));
    }
    let bits = |name: &str, len: usize| match pack.array(name) {
        Some(Array { data: ArrayData::U8(bytes), .. }) => Bits::from_bytes(bytes, len),
        _ => None,
    };
    match (bits("member", data), bits("correct", on)) {
        (Some(member), Some(correct)) => Ok(Trial { member, correct }),
        _ => Err(Failure::new("the bits of a trial do not fit its examples")),
    }
}

/// Returns right / trials with - right / trials without; NaN where either side has no trial.
pub fn difference(sides: [(u64, u64); 2]) -> f64 {
    let [with, without] = sides.map(|(right, trials)| right as f64 / trials as f64);
    with - without
}

/// Returns the standard error of that difference: sqrt(sum over both sides of p (1 - p) / m), p = (right + 1/2) / (m + 1), m trials: the
/// variance of each share at the mean of its posterior under Jeffreys' prior, which does not vanish where all trials agree (Brown, Cai &
/// DasGupta 2001 on that prior); NaN where either side has no trial.
pub fn difference_error(sides: [(u64, u64); 2]) -> f64 {
    if sides.iter().any(|(_, m)| *m == 0) {
        return f64::NAN;
    }
    let variance = sides.map(|(right, m)| {
        let p = (right as f64 + 0.5) / (m as f64 + 1.0);
        p * (1.0 - p) / m as f64
    });
    (variance[0] + variance[1]).sqrt()
}

fn scored(job: &Job, cx: &dyn Context, f: fn([(u64, u64); 2]) -> f64) -> Result<Value, Failure> {
    let data = job.dataset("data")?;
    some(data)?;
    let trials = Trials::gather(job, data, data, cx)?;
    let values = (0..data.len()).map(|i| f(trials.sides(i, i))).collect();
    Ok(of_examples(values, data))
}

/// Defines a kernel that scores examples over trials.
macro_rules! over_trials {
    ($(#[$doc:meta])* $name:ident, $version:expr, $f:expr) => {
        $(#[$doc])*
        pub struct $name;

        impl Planned for $name {
            fn version(&self) -> u32 {
                $version
            }

            fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
                suits::fits(inputs, "net", "data", Labels::One)?;
                same_trials(inputs)?;
                Ok(known(inputs, "data").map(|d| d.each_example()).unwrap_or_default())
            }

            fn on_device(&self, _settings: &Settings, inputs: &[KnownInput]) -> f64 {
                cost::on_device(inputs, Purpose::Evaluation, None)
            }

            fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
                let rows = cost::rows(inputs, "data") as f64;
                let trials = inputs.iter().find(|(n, _)| *n == "net").map_or(1, |(_, f)| f.len()) as f64;
                // Given models, a pass of each; given outcomes, their bits.
                let one = if cost::net(inputs, &["net"]).is_some() { cost::pass_seconds(inputs, "data") } else { rows * 4e-9 };
                let memory = 1e6 + cost::pass_bytes(inputs).min(1e9) + trials * rows / 4.0;
                Cost { seconds: 1e-3 + trials * one + rows * trials * 1e-10, memory, disk: 200.0 + 16.0 * rows }
            }
        }

        impl Kernel for $name {
            fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
                scored(job, cx, $f)
            }
        }
    };
}

over_trials!(
    /// The kernel of `memorization`.
    Memorization,
    1,
    difference
);

over_trials!(
    /// The kernel of `memorization_error`.
    MemorizationError,
    2,
    difference_error
);
