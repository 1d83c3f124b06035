//! Choosing examples: splits, random subsets, choices by score, bins. What is chosen keeps its order, its ids and its labels.

use super::bytes::unfit;
use crate::base::Stream;
use crate::base::statistics::by_size;
use crate::engine::kernel::mismatch;
use crate::engine::value::{Dataset, Images, Pixels, Scores, Source};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::at::At;
use crate::plan::examples::{apart, in_both};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, known, one_source};
use crate::plan::files::Files;
use crate::settings;
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

/// Checks a share of 0 to 1.
pub fn fraction(value: f64) -> Result<f64, Problem> {
    if (0.0..=1.0).contains(&value) {
        Ok(value)
    } else {
        let help = match value.fract() == 0.0 && value > 1.0 && value <= 100.0 {
            true => format!(
                "a number of examples is drawn by `sample(data, count: {value})`; {value} of a hundred is written `{value}%`"
            ),
            false if value.fract() == 0.0 && value > 100.0 => {
                format!("a number of examples is drawn by `sample(data, count: {value})`")
            }
            false => "the whole is `100%`, a fifth of it `20%` or `0.2`".to_string(),
        };
        let percent = (value * 1e6).round() / 1e4;
        Err(Problem { help: Some(help), ..unfit("fraction", format!("a share of {percent}% is not between 0% and 100%")) })
    }
}

/// Returns facts of a choice of the examples of a data set: where they come from; how many is not known, but for the most there can be.
pub fn chosen(data: &Facts) -> Facts {
    Facts {
        shape: data.shape.clone(),
        labels_each: data.labels_each,
        scaled: data.scaled.clone(),
        splits: data.splits.clone(),
        from: data.from.clone(),
        class_sizes: None,
        rows: None,
        rows_at_most: data.most_rows(),
        ..data.each_example()
    }
}

/// Returns facts of the examples of a choice of which others tell something as well.
pub fn within(chosen: Facts, others: &Facts) -> Facts {
    let from = in_both(&chosen.from, &others.from);
    let mixed: Vec<String> = chosen.mixed.iter().filter(|split| from.contains(split)).cloned().collect();
    Facts {
        rows_at_most: [chosen.most_rows(), others.most_rows()].into_iter().flatten().min(),
        rows: None,
        mixed: if mixed.len() > 1 { mixed } else { Vec::new() },
        from,
        ..chosen
    }
}

/// Returns facts of a choice of `rows` examples.
fn choice_of(data: &Facts, rows: usize) -> Facts {
    Facts { rows: Some(rows), rows_at_most: None, ..chosen(data) }
}

/// Checks a number of examples to choose.
fn count_of(count: usize, most: Option<usize>) -> Result<usize, Problem> {
    match most {
        _ if count == 0 => Err(unfit("count", "no examples are asked for; ask for at least one")),
        Some(most) if count > most => {
            let help =
                format!("each example is taken once: ask for at most {most}, or leave this out and take the data set itself");
            Err(Problem { help: Some(help), ..unfit("count", format!("{count} examples are asked for, and there are {most}")) })
        }
        _ => Ok(count),
    }
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

/// What examples that a network generated come from.
pub const GENERATED: &str = "generated examples";

/// The name that means all splits together, unless the data set has a split of that name.
const ALL: &str = "all";

settings! {
    /// Settings of `split`.
    struct SplitSettings("split") { name: String }
}

/// One split of a data set, by name, or `all` of them.
pub struct Split;

/// Returns the problem of a split that is not there.
fn no_split(name: &str, of: &str, names: &[&str]) -> Problem {
    let listed: Vec<_> = names.iter().map(|n| format!("`{n}`")).collect();
    let all = if names.len() > 1 { ", and `all` means all of them" } else { "" };
    let problem = unfit("name", format!("{of} has no split `{name}`"));
    Problem { help: Some(format!("it has {}{all}", listed.join(" and "))), ..problem }
}

impl Planned for Split {
    inline!();

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let SplitSettings { name } = SplitSettings::read(settings);
        let data = known(inputs, "data").cloned().unwrap_or_default();
        let Some(split) = data.splits.iter().find(|s| s.name == name) else {
            if name == ALL {
                // Said by the script, so nothing is mixed unknowingly.
                return Ok(Facts { mixed: Vec::new(), files: Vec::new(), warnings: Vec::new(), bytes: None, ..data });
            }
            // What a network generated, or numbers alone, is known to have none; of files it is not known before they are read.
            if data.splits.is_empty() && data.source.as_deref() == Some(GENERATED) {
                let problem = unfit("name", format!("generated examples have no split `{name}`"));
                return Err(Problem { help: Some("leave it out: they are one set".to_string()), ..problem });
            }
            if data.splits.is_empty() {
                return Ok(Facts { mixed: Vec::new(), ..chosen(&data) });
            }
            let names: Vec<&str> = data.splits.iter().map(|s| s.name.as_str()).collect();
            return Err(no_split(&name, "the data set", &names));
        };
        if !data.from.contains(&name) {
            let words = format!("these examples come from {}, so none is of the split `{name}`", data.from.join(" and "));
            return Err(unfit("name", words));
        }
        let whole = data.whole().is_some();
        Ok(Facts {
            class_sizes: split.class_sizes.clone().filter(|_| whole),
            rows: whole.then_some(split.rows),
            rows_at_most: (!whole).then(|| data.most_rows().map_or(split.rows, |n| n.min(split.rows))),
            from: vec![name],
            mixed: Vec::new(),
            ..chosen(&data)
        })
    }
}

impl Kernel for Split {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let SplitSettings { name } = SplitSettings::read(&job.settings);
        let Some((_, range)) = data.source.splits.iter().find(|(n, _)| *n == name) else {
            if name == ALL {
                return Ok(Value::Dataset(data.clone()));
            }
            let names: Vec<&str> = data.source.splits.iter().map(|(n, _)| n.as_str()).collect();
            return Err(super::bytes::failed(no_split(&name, &format!("`{}`", data.source.name), &names)));
        };
        let positions: Vec<_> = (0..data.len()).filter(|i| range.contains(&(data.ids[*i] as usize))).collect();
        if positions.is_empty() {
            return Err(Failure::new(format!("the choice of examples has none of the split `{name}`")));
        }
        Ok(choose(data, &positions))
    }
}

settings! {
    /// Settings of `subset`.
    struct SubsetSettings("subset") { fraction: f64 }
}

/// A random share of the examples, without replacement.
pub struct Subset;

impl Planned for Subset {
    inline!();

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let fraction = fraction(SubsetSettings::read(settings).fraction)?;
        let data = known(inputs, "data").cloned().unwrap_or_default();
        let part = |rows: Option<usize>| rows.map(|n| share(fraction, n));
        let (rows, rows_at_most) = (part(data.rows), part(data.rows_at_most));
        if fraction == 0.0 || rows == Some(0) {
            return Err(unfit("fraction", format!("a share of {fraction} leaves no example")));
        }
        Ok(Facts { rows, rows_at_most, ..chosen(&data) })
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
        let fraction = fraction(SubsetSettings::read(&job.settings).fraction).map_err(super::bytes::failed)?;
        Ok(random(data, share(fraction, data.len()), &job.stream))
    }
}

settings! {
    /// Settings of `sample`.
    struct SampleSettings("sample") { count: usize }
}

/// A random choice of `count` examples, without replacement.
pub struct Sample;

impl Planned for Sample {
    inline!();

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let data = known(inputs, "data").cloned().unwrap_or_default();
        let count = count_of(SampleSettings::read(settings).count, data.most_rows())?;
        Ok(choice_of(&data, count))
    }
}

impl Kernel for Sample {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let count = count_of(SampleSettings::read(&job.settings).count, Some(data.len())).map_err(super::bytes::failed)?;
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
        let data = known(inputs, "data").cloned().unwrap_or_default();
        if let Some(condition) = known(inputs, "condition") {
            one_source(("data", &data), ("condition", condition))?;
            in_common(("data", &data), ("condition", condition))?;
            return Ok(within(chosen(&data), condition));
        }
        Ok(chosen(&data))
    }
}

impl Kernel for Where {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let held = match job.input("condition") {
            Some(Value::Scores(s)) => by_id(s),
            other => return Err(mismatch("condition", "score", other)),
        };
        if !data.is_empty() && !data.ids.iter().any(|id| held.contains_key(id)) {
            return Err(Failure::new("the condition has a value for none of these examples")
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

/// Checks that two inputs can have examples in common: splits that they come from, where these are known.
pub fn in_common(a: (&str, &Facts), b: (&'static str, &Facts)) -> Result<(), Problem> {
    let (one, two) = (&a.1.from, &b.1.from);
    if !apart(one, two) {
        return Ok(());
    }
    let words = format!(
        "`{}` is about examples of `{}`, and `{}` about examples of `{}`: they have none in common",
        a.0,
        one.join("`, `"),
        b.0,
        two.join("`, `")
    );
    Err(Problem { help: Some("make both from the same split".to_string()), ..unfit(b.0, words) })
}

/// Returns facts of the data set that examples with a score are chosen from, with the most that there can be: see [`data_of`].
fn facts_of_data(inputs: &[KnownInput]) -> Result<Facts, Problem> {
    let x = known(inputs, "x").cloned().unwrap_or_default();
    let Some(data) = known(inputs, "data") else {
        return Ok(Facts { shape: None, labels_each: None, ..x.each_example() });
    };
    one_source(("x", &x), ("data", data))?;
    in_common(("x", &x), ("data", data))?;
    let classes = data.classes.clone().or(x.classes.clone());
    Ok(Facts { class_sizes: None, classes, ..within(data.clone(), &x) })
}

/// Returns positions of examples in `data` that have a score, ordered by score (ties: by id).
fn ordered(data: &Dataset, scores: &Scores) -> Vec<usize> {
    let by_id = by_id(scores);
    let mut scored: Vec<(f64, u32, usize)> =
        data.ids.iter().enumerate().filter_map(|(i, id)| by_id.get(id).map(|x| (*x, *id, i))).collect();
    scored.sort_by(|a, b| by_size(&a.0, &b.0).then(a.1.cmp(&b.1)));
    scored.into_iter().map(|(_, _, i)| i).collect()
}

settings! {
    /// Settings of `lowest` and `highest`.
    struct ExtremeSettings("lowest") { count: usize }
}

/// The examples of the lowest or the highest scores.
pub struct Extreme {
    /// Which end.
    pub highest: bool,
}

impl Planned for Extreme {
    /// 2: 0 and -0 are equal scores.
    fn version(&self) -> u32 {
        2
    }

    inline!();

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let data = facts_of_data(inputs)?;
        let count = count_of(ExtremeSettings::read(settings).count, data.most_rows())?;
        Ok(choice_of(&data, count))
    }
}

impl Kernel for Extreme {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let scores = job.scores("x")?;
        let data = data_of(job, scores)?;
        let count = ExtremeSettings::read(&job.settings).count;
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
        let data = known(inputs, "data").cloned().unwrap_or_default();
        let other = known(inputs, "other").cloned().unwrap_or_default();
        one_source(("data", &data), ("other", &other))?;
        // What is left out lies inside where all examples of its splits are here.
        let inside = data.source.is_some() && other.source.is_some() && other.from.iter().all(|s| data.from.contains(s));
        let left = data.whole().filter(|_| inside && !other.from.is_empty()).zip(other.rows).map(|(all, out)| all - out);
        let gone = |name: &String| other.whole().is_some() && other.from.contains(name);
        let stay = |names: &[String]| names.iter().filter(|n| !gone(n)).cloned().collect::<Vec<_>>();
        let (from, mixed) = (stay(&data.from), stay(&data.mixed));
        let problem = |words: &str| Problem { parameter: Some("other"), ..unfit("other", words) };
        let known = data.source.is_some() && data.source == other.source && !data.from.is_empty() && !other.from.is_empty();
        let apart = !other.from.iter().any(|name| data.from.contains(name));
        let doubt = match (known, from.is_empty(), apart) {
            (true, true, _) => Some("nothing is left: all examples of these splits are left out"),
            (true, _, true) => Some("these are of other splits, so that none of them is left out"),
            _ => None,
        };
        let warnings = doubt.map(problem).into_iter().collect();
        Ok(Facts {
            warnings,
            rows: left,
            rows_at_most: data.most_rows().filter(|_| left.is_none()),
            mixed: if mixed.len() > 1 { mixed } else { Vec::new() },
            from: if inside { from } else { data.from.clone() },
            ..chosen(&data)
        })
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

settings! {
    /// Settings of `quantile_bins`.
    struct BinSettings("quantile_bins") {
        count: usize,
        /// Which bin.
        at: Option<At> = None,
    }
}

/// One of several bins of equal size along a score, the lowest first.
pub struct QuantileBins;

/// Returns the problem of fewer examples than bins.
fn unfilled(rows: usize, count: usize) -> Problem {
    let help = Some(format!("a bin holds an example or more: ask for at most {rows} bins"));
    Problem { help, ..unfit("count", format!("{rows} examples with a score do not fill {count} bins")) }
}

impl Planned for QuantileBins {
    /// 2: 0 and -0 are equal scores.
    fn version(&self) -> u32 {
        2
    }

    inline!();

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let count = BinSettings::read(settings).count;
        if count == 0 {
            return Err(unfit("count", "there must be at least one bin"));
        }
        let data = facts_of_data(inputs)?;
        if let Some(rows) = data.most_rows().filter(|n| *n < count) {
            return Err(unfilled(rows, count));
        }
        // Examples without a score are in no bin, which only the scores tell.
        Ok(Facts { rows_at_most: data.most_rows().map(|n| n.div_ceil(count)), ..chosen(&data) })
    }
}

impl Kernel for QuantileBins {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let scores = job.scores("x")?;
        let data = data_of(job, scores)?;
        let settings = BinSettings::read(&job.settings);
        let count = settings.count;
        let bin = settings.at.map_or(0, |at| at.index);
        let order = ordered(&data, scores);
        if order.len() < count || count == 0 {
            return Err(super::bytes::failed(unfilled(order.len(), count)));
        }
        if bin >= count {
            return Err(Failure::new(format!("there are {count} bins, and bin {bin} is asked for")));
        }
        let mut positions = order[bin * order.len() / count..(bin + 1) * order.len() / count].to_vec();
        positions.sort_unstable();
        Ok(choose(&data, &positions))
    }
}
