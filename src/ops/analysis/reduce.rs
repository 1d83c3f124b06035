//! Reductions: mean, spread, quantiles, extremes, counts and sums over axes, examples, or both.

use super::gather::{Gathered, gather, pass_cost, takes_examples};
use super::sample::Statistic;
use crate::engine::kernel::{Context, Failure, Job, Kernel};
use crate::engine::value::Value;
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem};
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
        ("total", fixed(Statistic::Total)),
        ("standard_error", fixed(Statistic::StandardError)),
        ("describe", Box::new(Describe)),
    ]
}

impl Kind {
    /// Returns the statistic with its settings.
    fn statistic(self, settings: &Settings) -> Statistic {
        match self {
            Kind::Fixed(s) => s,
            Kind::Quantile => Statistic::Quantile(settings.real("q")),
        }
    }
}

impl Planned for Reduce {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        if let Statistic::Quantile(q) = self.0.statistic(settings)
            && !(0.0..=1.0).contains(&q)
        {
            return Err(Problem {
                code: "cfx::analysis::setting",
                parameter: Some("q"),
                message: format!("a quantile's level lies between 0 and 1, not at {q}"),
                help: Some("write the lower quartile as `q: 25%`".to_string()),
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
        reduce(&gather(job, "x")?, job, cx, self.0.statistic(&job.settings))
    }
}

/// Returns the statistic of what was gathered: one number, or one per example where the examples are not reduced.
pub fn reduce(gathered: &Gathered, job: &Job, cx: &dyn Context, statistic: Statistic) -> Result<Value, Failure> {
    if gathered.cells.is_empty() && statistic != Statistic::Count {
        return Err(gathered.nothing());
    }
    if gathered.per_example() && !takes_examples(&job.settings, "over") {
        let scores = gathered.each(cx, |s| s.statistic(statistic).map_or(f64::NAN, |n| n.value))?;
        return Ok(Value::Scores(Arc::new(scores)));
    }
    let sample = match (statistic, job.labelled("x")) {
        (Statistic::Mean | Statistic::Std | Statistic::StandardError, Some(input)) => gathered.averaged(input)?.pooled()?,
        _ => gathered.pooled()?,
    };
    sample.statistic(statistic).map(Value::Number).ok_or_else(|| {
        let absent = if sample.absent > 0 { format!(", {} absent", sample.absent) } else { String::new() };
        let have = match sample.len() {
            0 => "no value".to_string(),
            1 => "a single value".to_string(),
            n => format!("{n} values"),
        };
        Failure::Absent(format!("{} of {have}{absent}", job.op.replace('_', " ")))
    })
}

/// `describe`: mean, spread, median, extremes and count at once.
struct Describe;

impl Planned for Describe {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-7)
    }
}

impl Kernel for Describe {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let gathered = gather(job, "x")?;
        if gathered.cells.is_empty() {
            return Err(gathered.nothing());
        }
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
            let value = match reduce(&gathered, job, cx, statistic) {
                Err(Failure::Absent(why)) => Value::Absent(why),
                other => other?,
            };
            record.push((name.to_string(), value));
        }
        Ok(Value::Record(record))
    }
}
