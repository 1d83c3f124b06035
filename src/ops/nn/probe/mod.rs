//! Probes of trained networks: memorization, certified robustness, ablation, selectivity, mutual information, divergence of outputs.
//!
//! In: models, data sets, settings. Out: scores, numbers, tables (stdlib/probes.cfx). Networks are run in evaluation mode.
//! Never: training, weights changed, or a result that depends on the number of threads.

mod ablate;
mod bits;
mod bounds;
mod certify;
mod clamp;
mod common;
mod divergence;
mod each;
mod influence;
pub(super) mod information;
mod perturb;
pub(super) mod selectivity;
mod trials;
mod units;

#[cfg(test)]
mod tests;

use crate::engine::Kernel;

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
