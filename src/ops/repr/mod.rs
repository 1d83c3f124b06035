//! Representations: activations read from files, reduced, imitated by Gaussians, measured and compared.
//!
//! In: representations (examples x units, with ids and labels), activation files. Out: representations and numbers.
//! Never: networks (taps are `nn`'s), densities, or a guess at which way round a matrix lies. Rows keep their order, ids and labels.

pub mod apart;
pub mod canonical;
pub mod compare;
pub mod correlation;
pub mod distance;
pub mod gaussian;
pub mod load;
pub mod rows;
pub mod scale;
pub mod spectrum;
pub mod svd;
#[cfg(test)]
mod tests;
pub mod units;

use crate::engine::Kernel;

/// Operations that choose what they make of each row by looking at all rows.
pub const CHOSEN_BY_ROWS: [&str; 1] = ["svd"];

/// Returns the kernels of this topic by the names of their signatures in `stdlib/representations.cfx`.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![
        ("svd", Box::new(svd::Svd) as Box<dyn Kernel>),
        ("captured_energy", Box::new(svd::CapturedEnergy)),
        ("dimension", Box::new(svd::Dimension)),
        ("spectrum", Box::new(spectrum::Spectrum)),
        ("load_stages", Box::new(load::LoadStages)),
        ("matched_gaussian", Box::new(gaussian::MatchedGaussian)),
        ("gaussian_stages", Box::new(gaussian::GaussianStages)),
        ("mean_distance", Box::new(distance::MeanDistance)),
        ("class_means", Box::new(distance::ClassMeans)),
        ("cca", Box::new(correlation::Cca)),
        ("canonical_correlations", Box::new(canonical::CanonicalCorrelations)),
        ("canonical_directions", Box::new(canonical::CanonicalDirections)),
        ("cka", Box::new(compare::Cka)),
        ("procrustes", Box::new(compare::Procrustes)),
        ("cosine_distance", Box::new(apart::CosineDistance)),
        ("euclidean_distance", Box::new(apart::EuclideanDistance)),
        ("units", Box::new(units::Units)),
        ("join", Box::new(units::Join)),
    ]
}
