//! Tests and intervals from resampling: permutation tests of a difference, bootstrap intervals of a mean.

use super::correlate::{Paired, Pairs, paired};
use super::gather::{Gathered, gather, takes_examples};
use super::reduce::keep_classes;
use super::sample::{Sample, deviation, mean, quantile_of_sorted, sum};
use crate::base::Stream;
use crate::engine::kernel::{Context, Failure, Job, Kernel};
use crate::engine::value::{Number, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem};
use crate::plan::files::Files;
use rand::RngExt;
use rayon::prelude::*;

/// `permutation_test`.
struct PermutationTest;

/// `bootstrap`.
struct Bootstrap;

/// Draws between two looks at whether the run is being stopped.
const BLOCK: usize = 256;

/// Returns the kernels of this file.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![("permutation_test", Box::new(PermutationTest)), ("bootstrap", Box::new(Bootstrap))]
}

/// Returns facts, or what is wrong with the number of draws.
fn drawing(settings: &Settings, inputs: &[KnownInput]) -> Result<Facts, Problem> {
    let draws = settings.real("draws");
    if !(1.0..=1e8).contains(&draws) {
        return Err(Problem {
            code: "cfx::analysis::setting",
            parameter: Some("draws"),
            message: format!("the number of draws lies between 1 and 100M, not at {draws}"),
            help: None,
        });
    }
    Ok(keep_classes(inputs))
}

/// Returns what so many passes over the inputs take.
fn drawing_cost(settings: &Settings, inputs: &[KnownInput]) -> Cost {
    let numbers: usize = inputs.iter().flat_map(|(_, f)| f.iter()).map(|f| f.rows.unwrap_or(1)).sum();
    let draws = settings.int("draws") as f64;
    Cost { seconds: 1e-6 + draws * (1e-6 + 4e-9 * numbers as f64), memory: 64.0 * numbers as f64 + 16.0 * draws, disk: 300.0 }
}

/// Returns one number a draw, each from its own stream, in the order of the draws.
fn draw(draws: usize, stream: Stream, cx: &dyn Context, one: impl Fn(Stream) -> f64 + Sync) -> Result<Vec<f64>, Failure> {
    let mut out = Vec::with_capacity(draws);
    for start in (0..draws).step_by(BLOCK) {
        if cx.interrupted() {
            return Err(Failure::Interrupted);
        }
        let block = start..(start + BLOCK).min(draws);
        out.extend(block.into_par_iter().map(|i| one(stream.numbered(i as u64))).collect::<Vec<f64>>());
        cx.progress(out.len() as u64, draws as u64, &[]);
    }
    Ok(out)
}

impl Planned for PermutationTest {
    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        drawing(settings, inputs)
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        drawing_cost(settings, inputs)
    }
}

/// Returns the numbers of an input; scores over other axes are averaged for each example first, so that examples are the units.
fn units(gathered: &Gathered, cx: &dyn Context) -> Result<Vec<f64>, Failure> {
    if gathered.cells.is_empty() {
        return Err(gathered.nothing());
    }
    if gathered.per_example() && gathered.cells.len() > 1 {
        let means = gathered.each(cx, |s| mean(&s.values))?.values;
        return Ok(means.into_iter().filter(|m| !m.is_nan()).collect());
    }
    Ok(gathered.pooled()?.values)
}

/// Returns the failure for scores whose examples are to be kept: resampling takes them in.
fn needs_examples(job: &Job, gathered: &[&Gathered]) -> Result<(), Failure> {
    if gathered.iter().any(|g| g.per_example()) && !takes_examples(&job.settings, "over") {
        return Err(Failure::new(format!("`{}` takes examples in: they cannot be kept", job.op)).help("add `example` to `over:`"));
    }
    Ok(())
}

impl Kernel for PermutationTest {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (x, y) = (gather(job, "x")?, gather(job, "y")?);
        needs_examples(job, &[&x, &y])?;
        let draws = job.settings.int("draws").max(1);
        let stream = job.stream.named("permutation");
        let (difference, error, count, drawn) = if job.settings.flag("paired") {
            let pairs = match paired(job, cx)? {
                Paired::Pooled(pairs) => pairs,
                Paired::Each(..) => Pairs::default(),
            };
            let d: Vec<f64> = pairs.x.iter().zip(&pairs.y).map(|(a, b)| a - b).collect();
            enough(d.len(), "pairs")?;
            let drawn = draw(draws, stream, cx, |s| signed_mean(&d, s))?;
            (mean(&d), deviation(&d) / (d.len() as f64).sqrt(), d.len(), drawn)
        } else {
            let (x, y) = (units(&x, cx)?, units(&y, cx)?);
            enough(x.len(), "values of x")?;
            enough(y.len(), "values of y")?;
            let all: Vec<f64> = x.iter().chain(&y).copied().collect();
            let drawn = draw(draws, stream, cx, |s| shuffled_difference(&all, x.len(), s))?;
            let error = (deviation(&x).powi(2) / x.len() as f64 + deviation(&y).powi(2) / y.len() as f64).sqrt();
            (mean(&x) - mean(&y), error, all.len(), drawn)
        };
        // Sums taken in another order differ in the last bits: equal in exact arithmetic counts as equal.
        let slack = 1e-12 * difference.abs().max(f64::MIN_POSITIVE);
        let extreme = drawn.iter().filter(|d| d.abs() >= difference.abs() - slack).count() as f64;
        let p = (1.0 + extreme) / (1.0 + draws as f64);
        Ok(Value::Record(vec![
            (
                "difference".to_string(),
                Value::Number(Number { value: difference, error: Some(error), count: Some(count as u64) }),
            ),
            ("p_value".to_string(), Value::Number(Number::estimate(p, (p * (1.0 - p) / draws as f64).sqrt()))),
        ]))
    }
}

/// Returns the mean with each sign drawn anew.
fn signed_mean(d: &[f64], stream: Stream) -> f64 {
    let mut rng = stream.rng();
    let signed = d.iter().map(|v| if rng.random::<bool>() { *v } else { -*v });
    sum(signed) / d.len() as f64
}

/// Returns the difference of means after the numbers were dealt anew, `first` of them to the first side.
fn shuffled_difference(all: &[f64], first: usize, stream: Stream) -> f64 {
    let mut rng = stream.rng();
    let mut dealt = all.to_vec();
    for i in 0..first {
        let j = rng.random_range(i as u64..all.len() as u64) as usize;
        dealt.swap(i, j);
    }
    mean(&dealt[..first]) - mean(&dealt[first..])
}

/// Returns an absence where there are fewer than two.
fn enough(n: usize, what: &str) -> Result<(), Failure> {
    if n < 2 { Err(Failure::Absent(format!("two {what} are needed, {n} present"))) } else { Ok(()) }
}

impl Planned for Bootstrap {
    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let level = settings.real("level");
        if !(level > 0.0 && level < 1.0) {
            return Err(Problem {
                code: "cfx::analysis::setting",
                parameter: Some("level"),
                message: format!("the level of an interval lies between 0 and 1, not at {level}"),
                help: Some("write it as `level: 95%`".to_string()),
            });
        }
        drawing(settings, inputs)
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        drawing_cost(settings, inputs)
    }
}

impl Kernel for Bootstrap {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let gathered = gather(job, "x")?;
        needs_examples(job, &[&gathered])?;
        let values = Sample::of(&units(&gathered, cx)?).values;
        enough(values.len(), "values")?;
        let n = values.len();
        let mut means = draw(job.settings.int("draws").max(1), job.stream.named("bootstrap"), cx, |s| {
            let mut rng = s.rng();
            sum((0..n).map(|_| values[rng.random_range(0..n as u64) as usize])) / n as f64
        })?;
        let error = if means.len() > 1 { Some(deviation(&means)) } else { None };
        means.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - job.settings.real("level")) / 2.0;
        let count = Some(n as u64);
        let bound = |q| Value::Number(Number { count, ..Number::exact(quantile_of_sorted(&means, q)) });
        Ok(Value::Record(vec![
            ("mean".to_string(), Value::Number(Number { value: mean(&values), error, count })),
            ("low".to_string(), bound(tail)),
            ("high".to_string(), bound(1.0 - tail)),
        ]))
    }
}
