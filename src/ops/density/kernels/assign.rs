//! `classify`: the class whose density, and whose share of the rows, make an example most likely.

use super::super::posterior::Posterior;
use super::super::settings::wrong;
use super::super::stacking::Pooling;
use super::all_rows;
use super::score::under_each;
use crate::engine::kernel::mismatch;
use crate::engine::value::Scores;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Shape, known};
use crate::plan::files::Files;
use crate::{settings, words};
use std::sync::Arc;

/// The kernel.
pub struct Classify;

words! {
    /// How likely a class is before an example is seen.
    enum ClassPrior {
        /// As its share of the rows that densities were fitted to.
        ClassSizes = "class_sizes",
        /// As any other.
        Equal = "equal",
    }
}

words! {
    /// What is told of an example.
    enum Give {
        /// The number of its most likely class.
        Class = "class",
        /// The probability of its own class.
        Probability = "probability",
        /// The probability of the most likely class.
        Confidence = "confidence",
    }
}

settings! {
    struct AssignSettings("classify") { prior: ClassPrior, give: Give, pooling: Pooling }
}

const NOT_BY_CLASS: &str = "the density is not by class, so it cannot tell classes apart";

impl Planned for Classify {
    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let x = known(inputs, "x").cloned().unwrap_or_default();
        let p = known(inputs, "p");
        if p.and_then(|f| f.density).is_some_and(|d| !d.by_class) {
            return Err(wrong("p", NOT_BY_CLASS, "fit it `by: class`"));
        }
        if let (Some(p), Some(dim)) = (p.and_then(|f| f.dim), x.dim)
            && p != dim
        {
            let message = format!("the densities are of {p} units, the representation has {dim}");
            return Err(wrong("x", message, "classify the representation that was fitted, or another that is as wide"));
        }
        if AssignSettings::read(settings).give == Give::Probability && x.labelled == Some(false) {
            return Err(wrong("give", "these rows have no labels, so they have no class of their own", "leave `give:` out"));
        }
        Ok(x.each_example())
    }

    fn doubts(&self, settings: &Settings, shapes: &[Shape]) -> Option<Problem> {
        super::one_chain(AssignSettings::read(settings).pooling, shapes)
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let x = known(inputs, "x");
        let n = x.and_then(Facts::most_rows).unwrap_or(1000) as f64;
        let d = x.and_then(|f| f.dim).unwrap_or(16) as f64;
        let densities = inputs.iter().find(|(slot, _)| *slot == "p").map_or(&[][..], |(_, f)| f.as_slice());
        let components: f64 = densities.iter().map(|f| f.density.map_or(40.0, |p| p.components)).sum();
        let memory = n * d * 24.0 + n * densities.len() as f64 * 8.0 + components * d * d * 16.0;
        Cost { seconds: 2e-3 + super::scoring(n, d, components), memory, disk: n * 12.0 }
    }
}

impl Kernel for Classify {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let s = AssignSettings::read(&job.settings);
        let x = job.stages("x")?;
        let rows = all_rows(x);
        rows.check()?;
        let given = job.labelled("p").ok_or_else(|| mismatch("p", "density", None))?;
        let mut densities: Vec<Arc<Posterior>> = Vec::new();
        for value in &given.values {
            match value {
                Value::Pack(p) => densities.push(Posterior::unpack(p)?),
                Value::Absent(_) => {}
                other => return Err(mismatch("p", "density", Some(other))),
            }
        }
        match densities.as_slice() {
            [] => return Err(mismatch("p", "density", given.values.first())),
            [one] if one.class.is_none() => return Err(Failure::new(NOT_BY_CLASS).help("fit it `by: class`")),
            [_] => return Err(Failure::Absent("only one class has a density, so there is nothing to compare it with".into())),
            _ => {}
        }
        let labelled = x.labels.len() == rows.n();
        if s.give == Give::Probability && !labelled {
            return Err(Failure::new("these rows have no labels, so they have no class of their own").help("leave `give:` out"));
        }
        let mut scored = under_each(&densities, &rows, s.pooling, cx)?;
        if s.prior == ClassPrior::ClassSizes {
            for (p, scores) in densities.iter().zip(&mut scored) {
                let share = libm::log(p.ids.len() as f64);
                scores.iter_mut().for_each(|x| *x += share);
            }
        }
        let class = |c: usize| densities[c].class.unwrap_or(0);
        let value = |row: usize| {
            let best = (1..scored.len()).fold(0, |b, c| if scored[c][row] > scored[b][row] { c } else { b });
            let total = || -> f64 { scored.iter().map(|s| libm::exp(s[row] - scored[best][row])).sum() };
            match s.give {
                Give::Class => f64::from(class(best)),
                Give::Confidence => 1.0 / total(),
                Give::Probability => match (0..scored.len()).find(|c| class(*c) == x.labels[row]) {
                    Some(own) => libm::exp(scored[own][row] - scored[best][row]) / total(),
                    // A class without a density is never thought of.
                    None => 0.0,
                },
            }
        };
        let values = (0..rows.n()).map(value).collect();
        let (ids, labels, classes) = (x.ids.clone(), x.labels.clone(), x.classes.clone());
        Ok(Value::Scores(Arc::new(Scores { values, ids, labels, classes, ..Scores::default() })))
    }
}
