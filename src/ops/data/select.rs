//! Choosing examples: splits, random subsets, choices by score, bins. What is chosen keeps its order, its ids and its labels.

use super::bytes::unfit;
use super::parts::sizes;
use crate::base::Stream;
use crate::engine::kernel::mismatch;
use crate::engine::value::{Dataset, Images, Pixels, Scores, Source};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use rand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Returns the choice of the examples at these positions.
pub fn choose(data: &Dataset, positions: &[usize]) -> Value {
    let ids = positions.iter().map(|i| data.ids[*i]).collect();
    let labels = positions.iter().filter_map(|i| data.labels.get(*i).copied()).collect();
    Value::Dataset(Arc::new(Dataset { source: data.source.clone(), ids: Arc::new(ids), labels: Arc::new(labels) }))
}

/// Returns an unbiased draw from `0..n` (D. Lemire 2019, Fast random integer generation in an interval); 0 where `n` is 0.
pub fn below(rng: &mut impl Rng, n: u64) -> u64 {
    let threshold = n.wrapping_neg().checked_rem(n).unwrap_or(0);
    loop {
        let wide = rng.next_u64() as u128 * n as u128;
        if wide as u64 >= threshold {
            return (wide >> 64) as u64;
        }
    }
}

/// Returns a random order of `0..n`, of which every prefix is a random choice without replacement (Fisher and Yates).
pub fn random_order(stream: &Stream, n: usize) -> Vec<usize> {
    let mut rng = stream.rng();
    let mut out: Vec<usize> = (0..n).collect();
    for i in 0..n.saturating_sub(1) {
        out.swap(i, i + below(&mut rng, (n - i) as u64) as usize);
    }
    out
}

/// Returns the share of `n` examples, rounded to the nearest whole number (halves up).
pub fn share(fraction: f64, n: usize) -> usize {
    ((fraction * n as f64 + 0.5).floor() as usize).min(n)
}

/// Returns a setting that must be a share of 0 to 1.
pub fn fraction(settings: &Settings) -> Result<f64, Problem> {
    let value = settings.real("fraction");
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        Err(unfit("fraction", format!("a share of {value} is not between 0% and 100%")))
    }
}

/// Returns facts of a choice of so many examples of the input `data`.
fn chosen(inputs: &[KnownInput], rows: Option<usize>) -> Facts {
    let data = known(inputs, "data").cloned().unwrap_or_default();
    Facts { classes: data.classes, shape: data.shape, labels_each: data.labels_each, rows, ..Facts::default() }
}

/// What all choices cost: next to nothing.
const CHEAP: Cost = Cost { seconds: 1e-3, memory: 1e6, disk: 0.0 };

/// Implements the parts of `Planned` that all choices share.
macro_rules! inline {
    () => {
        fn policy(&self) -> Policy {
            Policy::Inline
        }

        fn cost(&self, _settings: &Settings, _inputs: &[KnownInput]) -> Cost {
            CHEAP
        }
    };
}

/// One split of a data set, by name.
pub struct Split;

impl Planned for Split {
    inline!();

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let name = settings.word("name");
        let data = known(inputs, "data").cloned().unwrap_or_default();
        let size = data.splits.iter().find(|(n, _)| n == name).map(|(_, size)| *size);
        if size.is_none() && !data.splits.is_empty() {
            let names: Vec<_> = data.splits.iter().map(|(n, _)| format!("`{n}`")).collect();
            let problem = unfit("name", format!("the data set has no split `{name}`"));
            return Err(Problem { help: Some(format!("it has {}", names.join(" and "))), ..problem });
        }
        let splits = size.map(|s| (name.to_string(), s)).into_iter().collect();
        Ok(Facts { splits, ..chosen(inputs, size) })
    }
}

impl Kernel for Split {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let name = job.settings.word("name");
        let Some((_, range)) = data.source.splits.iter().find(|(n, _)| n == name) else {
            let names: Vec<_> = data.source.splits.iter().map(|(n, _)| format!("`{n}`")).collect();
            return Err(Failure::new(format!("`{}` has no split `{name}`", data.source.name))
                .help(format!("it has {}", names.join(" and "))));
        };
        let positions: Vec<_> = (0..data.len()).filter(|i| range.contains(&(data.ids[*i] as usize))).collect();
        if positions.is_empty() {
            return Err(Failure::new(format!("the choice of examples has none of the split `{name}`")));
        }
        Ok(choose(data, &positions))
    }
}

/// A random share of the examples, without replacement.
pub struct Subset;

impl Planned for Subset {
    inline!();

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let fraction = fraction(settings)?;
        let rows = known(inputs, "data").and_then(|d| d.rows).map(|n| share(fraction, n));
        if rows == Some(0) {
            return Err(unfit("fraction", format!("a share of {fraction} leaves no example")));
        }
        Ok(chosen(inputs, rows))
    }
}

/// Returns a random choice of `count` examples.
fn random(data: &Dataset, count: usize, stream: &Stream) -> Value {
    let mut positions = random_order(&stream.named("chosen"), data.len());
    positions.truncate(count);
    positions.sort_unstable();
    choose(data, &positions)
}

impl Kernel for Subset {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let fraction = fraction(&job.settings).map_err(super::bytes::failed)?;
        Ok(random(data, share(fraction, data.len()), &job.stream))
    }
}

/// A random choice of so many examples, without replacement.
pub struct Sample;

impl Planned for Sample {
    inline!();

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let count = settings.int("count");
        if let Some(rows) = known(inputs, "data").and_then(|d| d.rows).filter(|n| *n < count) {
            return Err(unfit("count", format!("{count} examples are asked for, and there are {rows}")));
        }
        Ok(chosen(inputs, Some(count)))
    }
}

impl Kernel for Sample {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let count = job.settings.int("count");
        if count > data.len() {
            return Err(Failure::new(format!("{count} examples are asked for, and there are {}", data.len())));
        }
        Ok(random(data, count, &job.stream))
    }
}

/// Returns scores by id, without those that are NaN.
fn by_id(scores: &Scores) -> BTreeMap<u32, f64> {
    scores.ids.iter().copied().zip(scores.values.iter().copied()).filter(|(_, x)| !x.is_nan()).collect()
}

/// The examples for which a condition on a score holds.
pub struct Where;

impl Planned for Where {
    inline!();

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(chosen(inputs, None))
    }
}

impl Kernel for Where {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let held = match job.input("condition") {
            Some(Value::Scores(s)) => by_id(s),
            Some(Value::Truth(t)) => data.ids.iter().map(|id| (*id, t.holds as u8 as f64)).collect(),
            Some(Value::Number(n)) => data.ids.iter().map(|id| (*id, n.value)).collect(),
            other => return Err(mismatch("condition", "score", other)),
        };
        if !data.is_empty() && !data.ids.iter().any(|id| held.contains_key(id)) {
            return Err(Failure::new("the condition is about none of these examples")
                .help("scores must come from the same data set, or from a choice of it"));
        }
        let positions: Vec<_> = (0..data.len()).filter(|i| held.get(&data.ids[*i]).is_some_and(|x| *x != 0.0)).collect();
        Ok(choose(data, &positions))
    }
}

/// Returns the data set of the input `data`, or one that has the ids and labels of the scores and no images.
fn data_of(job: &Job, scores: &Scores) -> Result<Arc<Dataset>, Failure> {
    if job.labelled("data").is_some() {
        return job.dataset("data").cloned();
    }
    let images = Images { shape: vec![0], data: Pixels::Floats(Vec::new()), mean: Vec::new(), std: Vec::new() };
    let source =
        Source { name: "scores".to_string(), images, labels: Vec::new(), classes: scores.classes.clone(), splits: Vec::new() };
    Ok(Arc::new(Dataset { source: Arc::new(source), ids: scores.ids.clone(), labels: scores.labels.clone() }))
}

/// Returns positions of examples in `data` that have a score, ordered by score (ties: by id).
fn ordered(data: &Dataset, scores: &Scores) -> Vec<usize> {
    let by_id = by_id(scores);
    let mut scored: Vec<(f64, u32, usize)> =
        data.ids.iter().enumerate().filter_map(|(i, id)| by_id.get(id).map(|x| (*x, *id, i))).collect();
    scored.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    scored.into_iter().map(|(_, _, i)| i).collect()
}

/// The examples of the lowest or the highest scores.
pub struct Extreme {
    /// Which end.
    pub highest: bool,
}

impl Planned for Extreme {
    inline!();

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let count = settings.int("count");
        if let Some(rows) = known(inputs, "data").and_then(|d| d.rows).filter(|n| *n < count) {
            return Err(unfit("count", format!("{count} examples are asked for, and there are {rows}")));
        }
        let facts = chosen(inputs, Some(count));
        let classes = facts.classes.clone().or_else(|| known(inputs, "x").and_then(|x| x.classes.clone()));
        Ok(Facts { classes, ..facts })
    }
}

impl Kernel for Extreme {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let scores = job.scores("x")?;
        let data = data_of(job, scores)?;
        let count = job.settings.int("count");
        let mut positions = ordered(&data, scores);
        if count > positions.len() {
            return Err(Failure::new(format!("{count} examples are asked for, and {} have a score", positions.len())));
        }
        if self.highest {
            positions.reverse();
        }
        positions.truncate(count);
        positions.sort_unstable();
        Ok(choose(&data, &positions))
    }
}

/// A data set without the examples of another.
pub struct Except;

impl Planned for Except {
    inline!();

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(chosen(inputs, None))
    }
}

impl Kernel for Except {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let (data, other) = (job.dataset("data")?, job.dataset("other")?);
        let (a, b) = (&data.source, &other.source);
        if !Arc::ptr_eq(a, b) && !b.splits.is_empty() && (a.name != b.name || a.splits != b.splits) {
            return Err(Failure::new(format!("examples of `{}` cannot be left out of `{}`", b.name, a.name))
                .help("both must be choices of the same data set"));
        }
        let out: BTreeSet<u32> = other.ids.iter().copied().collect();
        let positions: Vec<_> = (0..data.len()).filter(|i| !out.contains(&data.ids[*i])).collect();
        Ok(choose(data, &positions))
    }
}

/// One of several bins of equal size along a score, the lowest first.
pub struct QuantileBins;

impl Planned for QuantileBins {
    inline!();

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let count = settings.int("count");
        if count == 0 {
            return Err(unfit("count", "examples cannot be put into no bins"));
        }
        let known_rows = known(inputs, "data").or_else(|| known(inputs, "x")).and_then(|d| d.rows);
        if let Some(rows) = known_rows.filter(|n| *n < count) {
            return Err(unfit("count", format!("{rows} examples do not fill {count} bins")));
        }
        let facts = chosen(inputs, None);
        let classes = facts.classes.clone().or_else(|| known(inputs, "x").and_then(|x| x.classes.clone()));
        Ok(Facts { classes, ..facts })
    }
}

impl Kernel for QuantileBins {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let scores = job.scores("x")?;
        let data = data_of(job, scores)?;
        let count = job.settings.int("count").max(1);
        let bin = job.settings.get("at").make().map_or(0, |(_, fields)| fields.int("index"));
        let order = ordered(&data, scores);
        if order.len() < count {
            return Err(Failure::new(format!("{} examples with a score do not fill {count} bins", order.len())));
        }
        if bin >= count {
            return Err(Failure::new(format!("there are {count} bins, and bin {bin} is asked for")));
        }
        let mut positions = order[bin * order.len() / count..(bin + 1) * order.len() / count].to_vec();
        positions.sort_unstable();
        Ok(choose(&data, &positions))
    }
}

/// Returns how many examples each class has in a data set.
pub fn class_sizes(data: &Dataset) -> Vec<usize> {
    sizes(&data.labels, data.classes().len())
}
