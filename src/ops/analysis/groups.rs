//! Groups: values along an axis split at their largest gap or at a threshold, and their ranks.

use super::gather::{Cell, Gathered, gather, gather_all, not_a_number, pass_cost, place_of, position};
use super::pairs::Pairing;
use super::reduce::keep_classes;
use super::refuse;
use super::settings::{ReduceSettings, ThresholdSettings};
use crate::base::statistics::ranks;
use crate::engine::kernel::{Context, Failure, Job, Kernel, mismatch};
use crate::engine::value::{Number, Scores, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, Shape};
use crate::plan::files::Files;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The kernels of this file.
#[derive(Clone, Copy)]
enum Group {
    Split,
    Gap,
    Rank,
    Threshold,
}

/// Returns the kernels of this file.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![
        ("split_at_largest_gap", Box::new(Group::Split)),
        ("largest_gap", Box::new(Group::Gap)),
        ("rank", Box::new(Group::Rank)),
        ("threshold", Box::new(Group::Threshold)),
    ]
}

/// The largest gap between neighbours of sorted numbers.
struct Gap {
    /// The neighbours.
    low: Number,
    high: Number,
}

impl Gap {
    /// Returns the largest gap, the lowest one of several as large. Absent below two numbers.
    fn of(numbers: &[Number]) -> Result<Gap, Failure> {
        if numbers.len() < 2 {
            let have = if numbers.is_empty() { "none is" } else { "one is" };
            return Err(Failure::Absent(format!("a gap needs two values, and {have} present")));
        }
        let mut sorted = numbers.to_vec();
        sorted.sort_by(|a, b| a.value.total_cmp(&b.value));
        let mut best = 0;
        for i in 1..sorted.len() - 1 {
            if sorted[i + 1].value - sorted[i].value > sorted[best + 1].value - sorted[best].value {
                best = i;
            }
        }
        let high = sorted.swap_remove(best + 1);
        Ok(Gap { low: sorted.swap_remove(best), high })
    }

    /// Returns its width, with the error that its two ends give.
    fn width(&self, count: usize) -> Number {
        let (error, parts) = Number::propagated(&[(1.0, &self.high), (-1.0, &self.low)]);
        Number { value: self.high.value - self.low.value, error, count: Some(count as u64), parts }
    }

    /// Returns its centre.
    fn centre(&self) -> f64 {
        self.low.value + (self.high.value - self.low.value) / 2.0
    }

    /// Returns `low` or `high` for a number.
    fn side(&self, x: f64) -> Value {
        // Between two adjacent floats the centre is one of them, so the lower end decides.
        Value::Word(if x <= self.low.value || x < self.centre() { "low" } else { "high" }.to_string())
    }
}

/// Returns the numbers of what was gathered; fails on words.
fn numbers(gathered: &Gathered) -> Result<Vec<(usize, Number)>, Failure> {
    let one = |(place, cell): &(usize, Cell)| match cell {
        Cell::Scores(_) => Err(Failure::new("one number per example cannot be sorted into groups along another axis")
            .help("average it first, as in `mean(x, by: class)`")),
        other => other.number().map(|n| (*place, n)).ok_or_else(|| not_a_number(other)),
    };
    gathered.cells.iter().map(one).collect()
}

/// Returns a list along the gathered axis: what `of` makes of the present numbers, absences where they were.
fn along(job: &Job, numbers: &[(usize, Number)], of: impl Fn(usize, f64) -> Value) -> Result<Value, Failure> {
    let input = job.labelled("x").ok_or_else(|| mismatch("x", "number", None))?;
    let mut out: Vec<Value> = input
        .values
        .iter()
        .map(|v| match v {
            Value::Absent(why) => Value::Absent(why.clone()),
            _ => Value::Absent("not a number".to_string()),
        })
        .collect();
    numbers.iter().enumerate().for_each(|(k, (place, n))| out[*place] = of(k, n.value));
    Ok(Value::List(out))
}

impl Planned for Group {
    /// Of gaps 2: both orders of a pair are one where they differ by rounding alone; 3: an error that both ends share is none of the gap. Of
    /// ranks 2: each pair is ranked once.
    fn version(&self) -> u32 {
        match self {
            Group::Gap => 3,
            Group::Rank => 2,
            Group::Split | Group::Threshold => 1,
        }
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        let along = "one number per example cannot be sorted into groups along another axis";
        match self {
            Group::Split => refuse::each_example(along, shapes),
            Group::Threshold => refuse::each_example("a threshold sorts one number, and there is one per example", shapes),
            Group::Gap if !ReduceSettings::read(settings).over.examples => refuse::each_example(along, shapes),
            Group::Rank if shapes.iter().any(|s| !s.axes.is_empty()) => refuse::each_example(along, shapes),
            Group::Gap | Group::Rank => Ok(()),
        }
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let words = match self {
            Group::Split | Group::Threshold => Some(vec!["low".to_string(), "high".to_string()]),
            Group::Gap | Group::Rank => None,
        };
        Ok(Facts { words, ..keep_classes(inputs) })
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-7)
    }
}

impl Kernel for Group {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        // What keeps its axes has a result at each place; of a gap each pair counts once.
        let gathered = if matches!(self, Group::Gap) { gather(job, "x")? } else { gather_all(job, "x")? };
        if gathered.cells.is_empty() {
            return Err(gathered.nothing());
        }
        match self {
            Group::Split => {
                let numbers = numbers(&gathered)?;
                let plain: Vec<Number> = numbers.iter().map(|(_, n)| n.clone()).collect();
                let gap = Gap::of(&plain)?;
                if gap.low.value == gap.high.value {
                    return Err(Failure::Absent(format!("all {} values are equal: there is no gap to split at", plain.len())));
                }
                along(job, &numbers, |_, x| gap.side(x))
            }
            Group::Gap => {
                let plain: Vec<Number> = if gathered.per_example() && ReduceSettings::read(&job.settings).over.examples {
                    gathered.pooled()?.values.into_iter().map(Number::exact).collect()
                } else {
                    numbers(&gathered)?.into_iter().map(|(_, n)| n).collect()
                };
                let width = Gap::of(&plain)?.width(plain.len());
                Ok(Value::Number(Number { error: width.error.filter(|_| !gathered.dependent), ..width }))
            }
            Group::Rank => match gathered.cells.as_slice() {
                [(_, Cell::Scores(s))] => Ok(Value::Scores(Arc::new(rank_scores(s)))),
                _ => {
                    let numbers = numbers(&gathered)?;
                    let (ranks, count) = ranks_at(job, &gathered, &numbers)?;
                    // Ranks of exact numbers are exact; of others nothing tells how sure they are.
                    let exact = numbers.iter().all(|(_, n)| n.error.is_none() && n.parts.is_exact());
                    let of = |k: usize| if exact { Number::exact(ranks[k]) } else { Number::new(ranks[k], None, None) };
                    along(job, &numbers, |k, _| Value::Number(Number { count: Some(count as u64), ..of(k) }))
                }
            },
            Group::Threshold => {
                let at = ThresholdSettings::read(&job.settings).at;
                match numbers(&gathered)?.as_slice() {
                    [(_, n)] => Ok(Value::Word(if n.value < at { "low" } else { "high" }.to_string())),
                    several => Err(Failure::new(format!("a threshold takes one number, and {} are given", several.len()))),
                }
            }
        }
    }
}

/// Returns the rank of each number, and how many were ranked: each pair of a symmetric measure once, so that both its orders have its rank.
fn ranks_at(job: &Job, gathered: &Gathered, all: &[(usize, Number)]) -> Result<(Vec<f64>, usize), Failure> {
    let Some(pairing) = Pairing::of(&gathered.axes) else {
        return Ok((ranks(&all.iter().map(|(_, n)| n.value).collect::<Vec<_>>()), all.len()));
    };
    let once = numbers(&gather(job, "x")?)?;
    let found = ranks(&once.iter().map(|(_, n)| n.value).collect::<Vec<_>>());
    let at: BTreeMap<usize, f64> = once.iter().map(|(place, _)| *place).zip(found).collect();
    let turned = |place: usize| {
        let other = pairing.turned(&gathered.axes, &position(&gathered.axes, place))?;
        at.get(&place_of(&gathered.axes, &other)).copied()
    };
    let rank = |place: &usize| at.get(place).copied().or_else(|| turned(*place)).unwrap_or(f64::NAN);
    Ok((all.iter().map(|(place, _)| rank(place)).collect(), at.len()))
}

/// Returns the ranks of examples among those that have a number.
fn rank_scores(scores: &Scores) -> Scores {
    let present: Vec<usize> = (0..scores.values.len()).filter(|i| !scores.values[*i].is_nan()).collect();
    let ranks = ranks(&present.iter().map(|i| scores.values[*i]).collect::<Vec<_>>());
    let mut values = vec![f64::NAN; scores.values.len()];
    present.iter().zip(ranks).for_each(|(i, r)| values[*i] = r);
    scores.with(values)
}
