//! The kernels of stdlib/density.cfx: settings and values in, values out; the mathematics is in the folder above.

mod assign;
mod classify;
mod entropy;
mod fit;
mod report;
mod score;

#[cfg(test)]
mod calibration_tests;
#[cfg(test)]
mod exported_tests;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod until_tests;

use super::fit::Rows;
use super::posterior::Posterior;
use super::settings::wrong;
use super::stacking::Pooling;
use crate::engine::value::Stages;
use crate::engine::{Failure, Job, Kernel, Value};
use crate::plan::facts::{Problem, Shape};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Returns the kernels of this topic by name.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![
        ("dp_mixture", Box::new(fit::DpMixture)),
        ("log_density", Box::new(score::LogDensity)),
        ("sample_density", Box::new(score::SampleDensity)),
        ("relative_entropy", Box::new(entropy::RelativeEntropy)),
        ("kl_divergence", Box::new(entropy::KlDivergence)),
        ("generative_classification", Box::new(classify::GenerativeClassification)),
        ("classify", Box::new(assign::Classify)),
        ("density_summary", Box::new(report::DensitySummary)),
        ("diagnose", Box::new(report::Diagnose)),
        ("mixing", Box::new(report::Mixing)),
        ("trace", Box::new(report::Trace)),
        ("stacking", Box::new(report::Stacking)),
        ("co_clustering", Box::new(report::CoClustering)),
    ]
}

/// Returns what is to be said of pooling by stacking where all densities are of one chain: there is nothing to weigh.
fn one_chain(pooling: Pooling, shapes: &[Shape]) -> Option<Problem> {
    let mut fits = shapes.iter().flat_map(|s| s.facts).filter_map(|f| f.density).peekable();
    fits.peek()?;
    (pooling == Pooling::Stacked && fits.all(|d| d.chains == 1)).then(nothing_to_weigh)
}

fn nothing_to_weigh() -> Problem {
    wrong(
        "pooling",
        "stacking weighs chains against each other, and there is one",
        "fit with several chains (`chains: 4` of the sampler), or leave out `pooling:`",
    )
}

/// Returns the density of an input.
fn density(job: &Job, name: &str) -> Result<Arc<Posterior>, Failure> {
    Posterior::unpack(job.pack(name)?)
}

/// Returns the seconds of one core that scoring n points in d dimensions under `components` components takes: one product with a triangle each.
fn scoring(n: f64, d: f64, components: f64) -> f64 {
    n * components * (4e-9 + d * d * 6e-11)
}

/// Returns all rows of a representation.
fn all_rows(x: &Stages) -> Rows {
    Rows {
        d: x.x.ncols(),
        x: x.x.iter().copied().collect(),
        ids: x.ids.to_vec(),
        labels: x.labels.to_vec(),
        class: None,
        class_name: String::new(),
        classes: x.classes.clone(),
    }
}

/// Returns the rows whose index passes.
fn rows_where(x: &Stages, keep: impl Fn(usize) -> bool) -> Rows {
    let which: Vec<usize> = (0..x.x.nrows()).filter(|i| keep(*i)).collect();
    Rows {
        x: which.iter().flat_map(|i| x.x.row(*i).to_vec()).collect(),
        ids: which.iter().map(|i| x.ids[*i]).collect(),
        labels: if x.labels.is_empty() { Vec::new() } else { which.iter().map(|i| x.labels[*i]).collect() },
        d: x.x.ncols(),
        class: None,
        class_name: String::new(),
        classes: x.classes.clone(),
    }
}

/// Returns the ids of a data set input, if it was given.
fn ids_of(job: &Job, name: &str) -> Result<Option<BTreeSet<u32>>, Failure> {
    match job.input(name) {
        Some(Value::Dataset(d)) => Ok(Some(d.ids.iter().copied().collect())),
        Some(Value::Absent(why)) => Err(Failure::Absent(why.clone())),
        _ => Ok(None),
    }
}
