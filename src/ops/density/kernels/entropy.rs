//! `relative_entropy` and `kl_divergence`: how far a density is from a Gaussian, and from another density.

use super::super::estimate::{Estimator, Gaussian, divergence};
use super::super::posterior::Posterior;
use super::super::predictive::Predictive;
use super::density;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, KnownInput, Planned, known};

/// Relative entropy from the Gaussian of the fitted rows.
pub struct RelativeEntropy;

/// Divergence between two densities.
pub struct KlDivergence;

fn estimator(settings: &Settings) -> Estimator {
    if settings.word("estimator") == "per_state" { Estimator::PerState } else { Estimator::Pooled }
}

fn cost(settings: &Settings, inputs: &[KnownInput], sides: f64) -> Cost {
    let d = known(inputs, "p").and_then(|f| f.dim).unwrap_or(16) as f64;
    let draws = settings.int("draws") as f64;
    let seconds = 5e-3 + sides * draws * 40.0 * (1e-9 + d * d * 6e-11) + draws * d * d * 2e-9;
    Cost { seconds, memory: draws * d * 24.0 + 80.0 * d * d * 8.0, disk: 100.0 }
}

/// Returns the number of draws and the estimator. The published code goes state by state and counts draws for each state.
fn drawing(job: &Job, p: &Posterior) -> Result<(usize, Estimator), Failure> {
    match job.settings.int("draws") {
        n if n >= 2 && p.fit.setup.published => Ok((n * p.states(), Estimator::PerState)),
        n if n >= 2 => Ok((n, estimator(&job.settings))),
        n => Err(Failure::new(format!("{n} draws are too few for an estimate; give at least 2"))),
    }
}

impl Planned for RelativeEntropy {
    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        cost(settings, inputs, 1.0)
    }
}

impl Kernel for RelativeEntropy {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let p = density(job, "p")?;
        let full = job.settings.word("reference") == "full";
        let gaussian = Gaussian::of(&p.rows, p.d, full)
            .map_err(|words| Failure::new(words).help("use `reference: diagonal`, or fewer dimensions than rows"))?;
        let predictive = Predictive::new(&p);
        let against = |x: &[f64], _: Option<usize>| gaussian.log_density(x);
        let (draws, estimator) = drawing(job, &p)?;
        Ok(Value::Number(divergence(&predictive, draws, estimator, &job.stream, &against)))
    }
}

impl Planned for KlDivergence {
    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        cost(settings, inputs, 2.0)
    }
}

impl Kernel for KlDivergence {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let (p, q) = (density(job, "p")?, density(job, "against")?);
        if p.d != q.d {
            return Err(Failure::new(format!("the densities have {} and {} dimensions", p.d, q.d)));
        }
        let (from, to) = (Predictive::new(&p), Predictive::new(&q));
        let states = to.states.len();
        let against = |x: &[f64], state: Option<usize>| match state {
            None => to.log_density(x),
            // State t with state t, as published.
            Some(t) => to.under_state(x, t % states),
        };
        let (draws, estimator) = drawing(job, &p)?;
        Ok(Value::Number(divergence(&from, draws, estimator, &job.stream, &against)))
    }
}
