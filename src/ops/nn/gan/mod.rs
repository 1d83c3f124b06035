//! Two networks against each other (Goodfellow et al. 2014; DCGAN, Radford et al. 2016), and what a trained generator is good for.
//!
//! In: one network program that runs from latent numbers through a tap `generator` to one number, a data set. Out: the generator as a
//! model; images made by it; the images that excite the outputs of another network most. Images lie in -1..1 here, 2 x - 1 of 0..1.
//! Never: a draw outside the cell's stream.

mod ascend;
mod generate;
mod images;
mod pair;
mod recipe;
pub mod seam;
mod train;

#[cfg(test)]
mod tests;

use crate::engine::Kernel;

/// Returns the kernels by name.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![
        ("train_gan", Box::new(train::TrainGan)),
        ("generate", Box::new(generate::Generate)),
        ("maximize_activation", Box::new(ascend::MaximizeActivation)),
    ]
}
