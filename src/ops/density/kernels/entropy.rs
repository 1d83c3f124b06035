//! `relative_entropy` and `kl_divergence`: how far a density is from a Gaussian, and from another density.

use super::super::between::{Jackknife, of_divergence, of_relative_entropy};
use super::super::estimate::{Drawing, Estimator, Gaussian, Without, divergence, relative_entropy};
use super::super::posterior::Posterior;
use super::super::predictive::Predictive;
use super::super::settings::{refused, whole, wrong};
use super::super::stacking::Pooling;
use super::super::units::are;
use super::{density, one_chain, scoring};
use crate::engine::value::Number;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Shape, known};
use crate::plan::files::Files;
use crate::{settings, words};

/// Relative entropy from the Gaussian of the fitted rows.
pub struct RelativeEntropy;

/// Divergence between two densities.
pub struct KlDivergence;

settings! {
    struct EntropySettings("relative_entropy") { draws: f64, estimator: Estimator, reference: Reference, new_component: NewComponent, pooling: Pooling }
}
settings! {
    struct DivergenceSettings("kl_divergence") { draws: f64, estimator: Estimator, new_component: NewComponent, pooling: Pooling }
}
words! {
    enum Reference { Diagonal = "diagonal", Full = "full" }
}
words! {
    enum NewComponent { Exclude = "exclude", Include = "include" }
}

impl crate::lang::settings::Setting for Estimator {
    fn read(value: &crate::lang::Static) -> Option<Self> {
        match value.word()? {
            "pooled" => Some(Estimator::Pooled),
            "per_state" => Some(Estimator::PerState),
            _ => None,
        }
    }
}

/// Refuses the new component of a density fitted as the published code did, whose predictive has none.
fn has_new(new: NewComponent, inputs: &[KnownInput], sides: &[&'static str]) -> Result<(), Problem> {
    let published = |side: &&&str| known(inputs, side).and_then(|f| f.density).is_some_and(|d| d.published);
    match sides.iter().find(published) {
        Some(_) if new == NewComponent::Include => Err(wrong(
            "new_component",
            "a density fitted with `published: true` has no new component to include",
            "leave out `new_component:`, or fit it without `published: true`",
        )),
        _ => Ok(()),
    }
}

/// Returns the number of draws asked for. Fewer leave their error unknown.
fn draws(asked: f64) -> Result<usize, Problem> {
    whole("draws", asked, 100..=1_000_000_000, "ten thousand draws are usual; fewer than 100 do not give their own error")
}

/// Returns what drawing and scoring takes under some numbers of components, and what is closed.
fn cost(asked: f64, inputs: &[KnownInput], sides: &[&str], closed: bool) -> Cost {
    let p = known(inputs, "p");
    let d = p.and_then(|f| f.dim).unwrap_or(16) as f64;
    let components = |side: &str| known(inputs, side).and_then(|f| f.density).map_or(100.0, |f| f.components);
    let all: f64 = sides.iter().map(|s| components(s)).sum();
    let own = if closed { components("p") * d * d * d * 1e-9 } else { 0.0 };
    // Half as many draws again tell how far chains lie apart.
    let seconds = 2e-3 + 1.5 * (asked * (d * d * 2e-9 + d * 3e-8) + scoring(asked, d, all)) + own;
    Cost { seconds, memory: 1e6 + all * d * d * 24.0 + 512.0 * d * 16.0, disk: 100.0 }
}

/// A density as it is asked for.
struct Asked {
    /// With all chains alike.
    alike: Predictive,
    /// With its chains pooled as asked.
    pooled: Predictive,
    /// What chains count, and would without each.
    chains: Jackknife,
}

fn asked(p: &Posterior, new: NewComponent, pooling: Pooling, cx: &dyn Context) -> Result<Asked, Failure> {
    let stop = || cx.interrupted();
    let all = Predictive::until(p, &stop).ok_or(Failure::Interrupted)?;
    let alike = if new == NewComponent::Include { all } else { all.occupied() };
    let chains = Jackknife::of(p, pooling, &stop).ok_or(Failure::Interrupted)?;
    let pooled = if pooling == Pooling::Equal { alike.clone() } else { alike.clone().weighted(&chains.all) };
    Ok(Asked { alike, pooled, chains })
}

/// Returns the estimate with the variance over chains in its error.
fn with(number: Number, variance: f64) -> Number {
    Number { error: number.error.map(|e| e.hypot(variance.sqrt())), ..number }
}

/// Returns draws in all and what is estimated. The published code goes state by state and counts draws for each state.
fn drawing(asked: f64, estimator: Estimator, p: &Posterior) -> Result<(usize, Estimator), Failure> {
    let asked = draws(asked).map_err(refused)?;
    Ok(if p.fit.setup.published { (asked.saturating_mul(p.states()), Estimator::PerState) } else { (asked, estimator) })
}

fn without(why: Without) -> Failure {
    match why {
        Without::Stopped => Failure::Interrupted,
        Without::Infinite(dof) => Failure::Absent(format!(
            "it is infinite: a component's Student t has {dof} degrees of freedom, two or fewer, and so no variance"
        )),
    }
}

impl Planned for RelativeEntropy {
    fn version(&self) -> u32 {
        3
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let s = EntropySettings::read(settings);
        draws(s.draws)?;
        has_new(s.new_component, inputs, &["p"])?;
        let p = known(inputs, "p");
        let rows = p.and_then(|f| f.density).and_then(|f| f.most_rows);
        if let (Reference::Full, Some(rows), Some(dim)) = (s.reference, rows, p.and_then(|f| f.dim))
            && rows <= dim
        {
            let message = format!("the covariance of {rows} rows in {dim} units is singular");
            return Err(wrong("reference", message, "use `reference: diagonal`, or fewer units than rows (`svd`)"));
        }
        Ok(Facts { classes: p.and_then(|f| f.classes.clone()), ..Facts::default() })
    }

    fn doubts(&self, settings: &Settings, shapes: &[Shape]) -> Option<Problem> {
        one_chain(EntropySettings::read(settings).pooling, shapes)
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        cost(EntropySettings::read(settings).draws, inputs, &["p"], true)
    }
}

impl Kernel for RelativeEntropy {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let s = EntropySettings::read(&job.settings);
        let p = density(job, "p")?;
        let gaussian = Gaussian::of(&p.rows, p.d, s.reference == Reference::Full).map_err(Failure::Absent)?;
        let (draws, estimator) = drawing(s.draws, s.estimator, &p)?;
        let drawing = Drawing { draws, estimator, stream: &job.stream, stop: &|| cx.interrupted() };
        let asked = asked(&p, s.new_component, s.pooling, cx)?;
        let number = relative_entropy(&asked.pooled, &gaussian, &drawing).map_err(without)?;
        if estimator == Estimator::PerState {
            return Ok(Value::Number(number));
        }
        let between = of_relative_entropy(&asked.alike, &asked.chains, &gaussian, &drawing).ok_or(Failure::Interrupted)?;
        Ok(Value::Number(with(number, between)))
    }
}

impl Planned for KlDivergence {
    fn version(&self) -> u32 {
        3
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let s = DivergenceSettings::read(settings);
        draws(s.draws)?;
        has_new(s.new_component, inputs, &["p", "against"])?;
        let (p, q) = (known(inputs, "p"), known(inputs, "against"));
        if let (Some(a), Some(b)) = (p.and_then(|f| f.dim), q.and_then(|f| f.dim))
            && a != b
        {
            return Err(wrong(
                "against",
                format!("the densities are of {a} and {b} units"),
                "compare densities of one representation, or of some that are as wide (`svd(…, width: …)`)",
            ));
        }
        Ok(Facts { classes: p.and_then(|f| f.classes.clone()), ..Facts::default() })
    }

    fn doubts(&self, settings: &Settings, shapes: &[Shape]) -> Option<Problem> {
        one_chain(DivergenceSettings::read(settings).pooling, shapes)
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        cost(DivergenceSettings::read(settings).draws, inputs, &["p", "against"], false)
    }
}

impl Kernel for KlDivergence {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let s = DivergenceSettings::read(&job.settings);
        let (p, q) = (density(job, "p")?, density(job, "against")?);
        if p.units.width != q.units.width {
            return Err(Failure::new(format!("the densities are of {} and {} units", p.units.width, q.units.width)));
        }
        if p.units.kept != q.units.kept {
            let apart: Vec<usize> = (0..p.units.width).filter(|j| p.units.kept.contains(j) != q.units.kept.contains(j)).collect();
            return Err(Failure::Absent(format!(
                "{} constant in the rows of one density and not in the other's, so the two are over different units",
                are(&apart)
            )));
        }
        let elsewhere = p.units.elsewhere(&q.units);
        if !elsewhere.is_empty() {
            return Err(Failure::Absent(format!(
                "{} constant in the rows of both densities, at different values, so neither says anything about the other's rows",
                are(&elsewhere)
            )));
        }
        let (from, other) = (asked(&p, s.new_component, s.pooling, cx)?, asked(&q, s.new_component, s.pooling, cx)?);
        let to = &other.pooled;
        let states = to.states.len();
        let against = |x: &[f64], state: Option<usize>| match state {
            None => to.log_density(x),
            // State t with state t, as published.
            Some(t) => to.under_state(x, t % states),
        };
        let (draws, estimator) = drawing(s.draws, s.estimator, &p)?;
        let drawing = Drawing { draws, estimator, stream: &job.stream, stop: &|| cx.interrupted() };
        let number = divergence(&from.pooled, &drawing, &against).map_err(without)?;
        if estimator == Estimator::PerState {
            return Ok(Value::Number(number));
        }
        let between = of_divergence((&from.alike, &from.chains), (&other.alike, &other.chains), &drawing);
        Ok(Value::Number(with(number, between.ok_or(Failure::Interrupted)?)))
    }
}
