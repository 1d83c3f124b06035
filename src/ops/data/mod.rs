//! Data sets: reading them from files, choosing examples, and giving examples other labels.
//!
//! In: files of known formats, below the folders that a script may read; data sets and scores. Out: data sets and labels, kept nowhere.
//! Never: trusting a size that a file claims, running anything that a file holds, changing pixels as read (noise is said beside them), or
//! reading more than headers and labels at plan time. Ids are positions in the source: they survive every choice and every relabelling.

mod among;
pub mod arrays;
pub mod bytes;
pub mod cifar;
mod cifar_python;
mod classes;
pub mod corpus;
pub mod digits;
mod folds;
pub mod idx;
mod image_csv;
pub mod image_folder;
pub mod image_list;
pub mod label_files;
pub mod labels;
mod noise;
pub mod npy;
pub mod parts;
pub mod scores;
pub mod select;
#[cfg(test)]
mod tests;

use crate::engine::Kernel;
use parts::Reading;

/// Returns the kernels of this topic by the names of their signatures in `stdlib/data.cfx`.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![
        ("digits", Box::new(Reading(digits::Digits)) as Box<dyn Kernel>),
        ("idx", Box::new(Reading(idx::Idx))),
        ("mnist", Box::new(Reading(idx::Mnist))),
        ("cifar10", Box::new(Reading(cifar::Cifar10))),
        ("cifar100", Box::new(Reading(cifar::Cifar100))),
        ("arrays", Box::new(Reading(arrays::Arrays))),
        ("image_folder", Box::new(Reading(image_folder::ImageFolder))),
        ("corpus", Box::new(Reading(corpus::Corpus))),
        ("split", Box::new(select::Split)),
        ("subset", Box::new(select::Subset)),
        ("sample", Box::new(select::Sample)),
        ("where", Box::new(select::Where)),
        ("lowest", Box::new(select::Extreme { highest: false })),
        ("highest", Box::new(select::Extreme { highest: true })),
        ("without", Box::new(select::Except)),
        ("union", Box::new(classes::Union)),
        ("of_class", Box::new(classes::OfClass)),
        ("label", Box::new(classes::Label)),
        ("add_noise", Box::new(noise::AddNoise)),
        ("quantile_bins", Box::new(select::QuantileBins)),
        ("folds", Box::new(folds::Folds)),
        ("corrupt_labels", Box::new(labels::CorruptLabels)),
        ("relabel", Box::new(labels::Relabel)),
        ("load_scores", Box::new(scores::LoadScores)),
        ("among", Box::new(among::Among)),
        ("with_ids", Box::new(scores::WithIds)),
    ]
}
