//! Probes of trained networks: memorization, certified robustness, ablation, selectivity, mutual information, divergence of outputs.
//!
//! In: models, data sets, settings. Out: scores, numbers, tables (stdlib/probes.cfx). Networks are run in evaluation mode.
//! Never: training, weights changed, or a result that depends on the number of threads.

mod ablate;
mod bits;
mod bounds;
mod certify;
mod clamp;
mod divergence;
mod each;
mod influence;
mod information;
mod perturb;
mod selectivity;
mod trials;
mod units;

#[cfg(test)]
mod tests;

use super::measures::{forward_seconds, pass_bytes};
use crate::engine::Kernel;
use crate::engine::value::{Column, Table};
use crate::plan::facts::{Cost, KnownInput, Problem, known};

/// Returns the kernels of stdlib/probes.cfx by name.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![
        ("trial_outcome", Box::new(trials::TrialOutcome)),
        ("memorization", Box::new(trials::Memorization)),
        ("memorization_error", Box::new(trials::MemorizationError)),
        ("influence", Box::new(influence::Influence)),
        ("certify", Box::new(certify::Certify)),
        ("ablate", Box::new(ablate::Ablate)),
        ("ablation_area", Box::new(ablate::AblationArea)),
        ("ablate_each", Box::new(each::AblateEach)),
        ("perturb", Box::new(perturb::Perturb)),
        ("class_selectivity", Box::new(selectivity::ClassSelectivity)),
        ("mutual_information", Box::new(information::MutualInformation)),
        ("unit_correlation", Box::new(units::UnitCorrelation)),
        ("output_divergence", Box::new(divergence::OutputDivergence)),
    ]
}

/// Returns the problem of a setting that cannot be.
fn problem(parameter: &'static str, message: String, help: &str) -> Problem {
    Problem { code: "cfx::probe::setting", parameter: Some(parameter), message, help: Some(help.to_string()) }
}

/// Returns what so many passes over the data set of a job are expected to take.
fn passes(inputs: &[KnownInput], slot: &str, count: f64) -> Cost {
    let rows = known(inputs, slot).and_then(|f| f.rows).unwrap_or(0) as f64;
    Cost { seconds: 1e-3 + rows * count * forward_seconds(inputs), memory: pass_bytes(inputs), disk: 2e3 }
}

/// Returns a table of numbers.
fn numbers<const N: usize>(columns: [(&str, Vec<f64>); N]) -> Table {
    Table { columns: columns.into_iter().map(|(name, x)| (name.to_string(), Column::Numbers(x))).collect() }
}
