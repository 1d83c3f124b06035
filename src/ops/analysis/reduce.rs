//! Reductions: mean, spread, quantiles, extremes, counts and sums over axes, examples, or both.

use super::drawn::independent;
use super::gather::{Cell, Gathered, gather, pass_cost};
use super::refuse;
use super::sample::{Sample, Statistic};
use super::settings::{AnswerSettings, CountSettings, Over, QuantileSettings, ReduceSettings};
use crate::base::statistics::share_error;
use crate::engine::kernel::{Context, Failure, Job, Kernel};
use crate::engine::value::{Number, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, Shape};
use crate::plan::files::Files;
use std::sync::Arc;

/// One of the reductions `x, over, by -> number`.
struct Reduce(Kind);

/// Which one.
#[derive(Clone, Copy)]
enum Kind {
    /// A statistic without settings.
    Fixed(Statistic),
    /// The quantile at the setting `q`.
    Quantile,
}

/// Returns the kernels of this file.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    let fixed = |s| Box::new(Reduce(Kind::Fixed(s))) as Box<dyn Kernel>;
    vec![
        ("mean", fixed(Statistic::Mean)),
        ("std", fixed(Statistic::Std)),
        ("median", fixed(Statistic::Median)),
        ("quantile", Box::new(Reduce(Kind::Quantile))),
        ("minimum", fixed(Statistic::Minimum)),
        ("maximum", fixed(Statistic::Maximum)),
        ("count", fixed(Statistic::Count)),
        ("mode", fixed(Statistic::Mode)),
        ("total", fixed(Statistic::Total)),
        ("standard_error", fixed(Statistic::StandardError)),
        ("describe", Box::new(Describe)),
    ]
}

impl Kind {
    /// Returns the statistic with its settings, and what it is taken over.
    fn read(self, settings: &Settings) -> (Statistic, Over) {
        match self {
            Kind::Fixed(s) => (s, ReduceSettings::read(settings).over),
            Kind::Quantile => {
                let s = QuantileSettings::read(settings);
                (Statistic::Quantile(s.q), s.over)
            }
        }
    }
}

impl Planned for Reduce {
    /// 3: pairs once (both orders being the same but for rounding), errors by the units that are paired, two-way clustering unbiased for few
    /// cells, inner reductions first. 4: a result above the largest number is absent; `count` counts truth values that hold. 5: axes that are
    /// taken in together are crossed; an error that numbers share stays whole. 6: means of each example remember what they were taken over. 7: the
    /// spread of many values whatever their distribution; examples that are all right or all wrong have the error of a share. 8: errors remember the
    /// examples that they come from; medians, spreads and quantiles of each example what they were taken over. 9: means over pairs and other axes remember
    /// the units; extremes and sums of each example what their values err by. 10, `std` alone: the jackknife's error from ten values on.
    /// 11: errors over runs and examples, several axes, and pairs are told by sums of squares, so that their differences are paired. 12: the error of a
    /// share is that of answers alone; extremes of each example move with the coordinates, means where some are missing with the coordinates' effects;
    /// a deviation does not count chance twice. 13: over pairs of several axes at once no error is known.
    fn version(&self) -> u32 {
        13
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    /// Of an absent value there are 0.
    fn takes_absent(&self, slot: &str) -> bool {
        slot == "x" && matches!(self.0, Kind::Fixed(Statistic::Count))
    }

    fn told_of_truths(&self) -> Option<(&'static str, &'static str)> {
        matches!(self.0, Kind::Fixed(Statistic::Count)).then_some(("x", "truths"))
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        refuse::unlabelled(settings, shapes)
    }

    fn doubts(&self, settings: &Settings, shapes: &[Shape]) -> Option<Problem> {
        match self.0.read(settings).0 {
            Statistic::Count
            | Statistic::Holding
            | Statistic::Minimum
            | Statistic::Maximum
            | Statistic::Total
            | Statistic::Mode => None,
            Statistic::Median | Statistic::Quantile(_) => refuse::shared_units("median", shapes),
            Statistic::Std => refuse::shared_units("std", shapes),
            Statistic::Mean | Statistic::StandardError => refuse::shared_units("mean", shapes),
        }
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        if let (Statistic::Quantile(q), _) = self.0.read(settings)
            && !(0.0..=1.0).contains(&q)
        {
            return Err(Problem {
                code: "cfx::analysis::setting",
                parameter: Some("q"),
                message: format!("a quantile's level is between 0 and 1, not {q}"),
                // 2 is as well 200%.
                help: Some(match (10.0..=100.0).contains(&q) {
                    true => format!("write `{q}%`"),
                    false => "a level is a share: the lower quartile is `q: 25%`, the median `q: 50%`".to_string(),
                }),
            });
        }
        Ok(keep_classes(inputs))
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 2e-8)
    }
}

/// Returns facts with the classes of the first input that knows any.
pub fn keep_classes(inputs: &[KnownInput]) -> Facts {
    let classes = inputs.iter().flat_map(|(_, f)| f.iter()).find_map(|f| f.classes.clone());
    Facts { classes, ..Facts::default() }
}

impl Kernel for Reduce {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (statistic, over) = self.0.read(&job.settings);
        let gathered = gather(job, "x")?;
        let truths =
            || CountSettings::read(&job.settings).truths || gathered.cells.iter().any(|(_, c)| matches!(c, Cell::Truth(_)));
        let statistic = if statistic == Statistic::Count && truths() { Statistic::Holding } else { statistic };
        reduce(&gathered, (over, &job.op), cx, statistic, AnswerSettings::read(&job.settings).right)
    }
}

/// Returns the statistic of what was gathered: one number, or one per example where the examples are not reduced. `right`: the numbers are answers.
fn reduce(
    gathered: &Gathered,
    (over, op): (Over, &str),
    cx: &dyn Context,
    statistic: Statistic,
    right: bool,
) -> Result<Value, Failure> {
    if gathered.cells.is_empty() && !matches!(statistic, Statistic::Count | Statistic::Holding) {
        return Err(gathered.nothing());
    }
    if gathered.per_example() && !over.examples {
        let scores = gathered.statistic_of_each(cx, statistic)?;
        return Ok(Value::Scores(Arc::new(scores)));
    }
    let (found, sample) = gathered.reduced(statistic)?;
    if found.as_ref().is_some_and(|n| n.value.is_infinite()) && sample.finite() {
        return Err(Failure::overflows(&op.replace('_', " ")));
    }
    let found = found.map(|number| match statistic {
        Statistic::Mean if right && gathered.per_example() => unanimous(number, &sample),
        Statistic::StandardError if right && gathered.per_example() && number.value == 0.0 => {
            let mean = Number::estimate(sample.values.first().copied().unwrap_or(0.0), 0.0);
            Number { value: unanimous(mean, &sample).error.unwrap_or(0.0), ..number }
        }
        _ => number,
    });
    found.map(Value::Number).ok_or_else(|| {
        if sample.dependent && !sample.is_empty() && statistic == Statistic::StandardError {
            return Failure::Absent("its values share members of pairs, so their spread gives no error".to_string());
        }
        let absent = if sample.absent > 0 { format!(", {} absent", sample.absent) } else { String::new() };
        let have = match sample.len() {
            0 => "no value".to_string(),
            1 => "a single value".to_string(),
            n => format!("{n} values"),
        };
        let why = sample.reason.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        Failure::Absent(format!("{} of {have}{absent}{why}", op.replace('_', " ")))
    })
}

/// Returns the mean of answers of which all are right (1) or all are wrong (0) with the error of such a share, as `accuracy` and `share` have it: that none
/// of these examples differs does not say that no other would.
fn unanimous(mean: Number, sample: &Sample) -> Number {
    let all = |x: f64| sample.values.iter().all(|v| *v == x);
    let moved = sample.loads.values().flatten().any(|(_, load)| *load != 0.0);
    match (all(0.0) || all(1.0)) && sample.errors.is_empty() && !moved && mean.error == Some(0.0) {
        true => Number { error: Some(share_error(mean.value, independent(sample.len(), &sample.origins) as f64)), ..mean },
        false => mean,
    }
}

/// Returns the failure for scores whose examples are to be kept, of an operation that takes them in.
pub fn needs_examples(job: &Job, over: Over, per_example: bool) -> Result<(), Failure> {
    if per_example && !over.examples {
        return Err(
            Failure::new(format!("`{}` reduces over examples, so they cannot be kept", job.op)).help("add `example` to `over:`")
        );
    }
    Ok(())
}

/// `describe`: mean, spread, median, extremes and count at once.
struct Describe;

impl Planned for Describe {
    /// As `std`.
    fn version(&self) -> u32 {
        13
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn takes_absent(&self, slot: &str) -> bool {
        slot == "x"
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        refuse::unlabelled(settings, shapes)
    }

    fn doubts(&self, _settings: &Settings, shapes: &[Shape]) -> Option<Problem> {
        refuse::shared_units("describe", shapes)
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-7)
    }
}

impl Kernel for Describe {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let over = ReduceSettings::read(&job.settings).over;
        let right = AnswerSettings::read(&job.settings).right;
        let gathered = gather(job, "x")?;
        let parts = [
            ("mean", Statistic::Mean),
            ("std", Statistic::Std),
            ("median", Statistic::Median),
            ("min", Statistic::Minimum),
            ("max", Statistic::Maximum),
            ("count", Statistic::Count),
        ];
        let mut record = Vec::new();
        for (name, statistic) in parts {
            let value = match reduce(&gathered, (over, name), cx, statistic, right) {
                Err(Failure::Absent(why)) => Value::Absent(why),
                other => other?,
            };
            record.push((name.to_string(), value));
        }
        Ok(Value::Record(record))
    }
}
