//! Networks: training, and what trained networks make of examples.
//!
//! In: a static network program ([`crate::lang::net::ir::Net`]), data sets, settings. Out: models, representations, measures.
//! A [`network::Network`] is run by one of two engines ([`engine::Engine`]): the host's, layers with an explicit forward and backward ([`cpu`]) over
//! buffers that a [`program::Program`] plans ahead ([`planned`]), or one over candle's tensors, on any device that candle has ([`candle`]).
//! Never: candle's autograd, an unseeded draw, or a result that depends on the number of threads.

mod answers;
pub mod batches;
pub mod buffer;
pub mod candle;
mod checkpoint;
pub mod checkpoints;
pub mod cost;
mod course;
pub mod cpu;
pub mod engine;
pub mod evaluate;
mod gan;
mod given;
mod idle;
mod loss;
mod masks;
mod measures;
mod models;
pub mod network;
mod one_pass;
pub mod optimizer;
mod pass;
pub mod place;
mod planned;
pub mod probe;
pub mod program;
mod project;
pub mod rate;
mod settings;
mod snapshot;
pub mod spec;
pub mod steps;
mod suits;
mod tap;
mod train;
mod trainer;
pub mod weights;

#[cfg(test)]
pub(crate) mod tests;

use crate::engine::Kernel;

pub use candle::device;
pub use one_pass::joint;
pub use weights::weights_to_safetensors;

/// Returns the kernels of stdlib/training.cfx and stdlib/probes.cfx by name.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    let mut all: Vec<(&'static str, Box<dyn Kernel>)> = vec![
        ("train", Box::new(train::Train)),
        ("untrained", Box::new(train::Untrained)),
        ("import_weights", Box::new(checkpoints::import::ImportWeights)),
        ("snapshot", Box::new(snapshot::Snapshot)),
        ("tap", Box::new(tap::Tap)),
        ("project", Box::new(project::Project)),
        ("accuracy", Box::new(measures::Accuracy)),
        ("loss", Box::new(measures::Loss)),
        ("example_loss", Box::new(measures::ExampleLoss)),
        ("f_score", Box::new(measures::FScore)),
        ("correct", Box::new(measures::Correct)),
        ("predicted", Box::new(answers::Answer::Predicted)),
        ("probability", Box::new(answers::Answer::Probability)),
        ("confidence", Box::new(answers::Answer::Confidence)),
        ("margin", Box::new(answers::Answer::Margin)),
        ("confusion", Box::new(measures::Confusion)),
        ("input_gradient", Box::new(measures::InputGradient)),
        ("history", Box::new(measures::History)),
    ];
    all.extend(gan::kernels());
    all.extend(probe::kernels());
    all
}
