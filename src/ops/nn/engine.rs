//! The seam between a network and what computes it: all that training, evaluation, taps and probes ask of an engine.

use super::optimizer::Optimizer;
use super::spec::Parameter;
use crate::base::Stream;
use crate::engine::Failure;
use crate::lang::net::ir::NodeId;

/// Changes what a node put out (`batch x size` numbers) before anything reads it.
pub type Edit<'a> = &'a mut dyn FnMut(NodeId, &mut [f32]);

/// A network under computation: weights, activations, gradients, and what the optimiser remembers, on whatever device.
///
/// Numbers cross this seam in the host's memory, channels last, `batch x size`. Parameters and statistics are counted through all steps
/// in a fixed order, their numbers in the order of [`Parameter::order`]. What fails on a device is kept as the first fault: later calls do
/// nothing, and [`Engine::check`] tells it.
pub trait Engine: Send + Sync {
    /// Returns parameters and statistics, each with the node whose path it carries.
    fn parameters(&self) -> Vec<(NodeId, Parameter)>;

    /// Returns the numbers of a parameter or statistic.
    fn state(&self, index: usize) -> Vec<f32>;

    /// Replaces the numbers of a parameter or statistic.
    fn set_state(&mut self, index: usize, numbers: &[f32]);

    /// Returns the gradient by a trained parameter, counted among the trained ones.
    fn gradient(&self, index: usize) -> Vec<f32>;

    /// Returns the room for a batch of inputs.
    fn input_mut(&mut self, batch: usize) -> &mut [f32];

    /// Runs the batch that was written to [`Engine::input_mut`]; `edit` is called after each of the nodes.
    fn forward(&mut self, batch: usize, stream: Stream, nodes: &[NodeId], edit: Edit);

    /// Runs what comes after a node once more, over what that node and those before it hold; these are kept
    /// ([`super::network::Network::needed_after`]).
    fn resume(&mut self, node: NodeId);

    /// Returns what a kept node put out: `batch x size`.
    fn value(&self, node: NodeId) -> &[f32];

    /// Replaces what a kept node put out: `batch x size`.
    fn set_value(&mut self, node: NodeId, numbers: &[f32]);

    /// Returns the network's output and the room for the gradient by it.
    fn output_and_gradient(&mut self) -> (&[f32], &mut [f32]);

    /// Writes the gradient of `scale` times the summed cross-entropy by the network's output; returns each label's loss and how many are
    /// predicted right. With smoothing e the target is (1 - e) at the label plus e / K everywhere.
    fn cross_entropy(&mut self, labels: &[u32], smoothing: f64, scale: f64) -> (Vec<f64>, usize);

    /// Computes gradients from that by the output: by the network's input where the purpose wants it, and by the parameters where asked.
    fn backward(&mut self, parameters: bool);

    /// Returns the gradient by the input: `batch x input`.
    fn input_gradient(&self) -> &[f32];

    /// Begins to optimise: what the optimiser remembers is zero.
    fn optimise(&mut self, optimizer: Optimizer);

    /// Takes a step of the optimiser with the gradients that there are.
    fn step(&mut self, rate: f64);

    /// Returns the steps taken, and all that the optimiser remembers of each trained parameter.
    fn memory(&self) -> (u64, Vec<Vec<f32>>);

    /// Replaces the steps taken and what the optimiser remembers; `read` fills each run of numbers. Nothing where that fails.
    fn set_memory(&mut self, steps: u64, read: &mut dyn FnMut(&mut [f32]) -> Option<()>) -> Option<()>;

    /// Returns the Euclidean norm of all gradients by parameters together.
    fn norm(&self) -> f64;

    /// Multiplies all gradients by parameters.
    fn scale_gradients(&mut self, by: f32);

    /// Cuts each number of the gradients by parameters to [-limit, limit].
    fn limit_gradients(&mut self, limit: f32);

    /// Keeps a copy of the gradients by parameters.
    fn keep_gradients(&mut self);

    /// Adds the gradients that were kept to those that there are.
    fn add_kept_gradients(&mut self);

    /// Keeps a copy of the trained parameters and of the running statistics.
    fn set_aside(&mut self);

    /// Moves the trained parameters by `scale` times their gradients.
    fn ascend(&mut self, scale: f32);

    /// Goes back to what was set aside; gradients stay.
    fn take_back(&mut self);

    /// Waits until the device has done all that it was told to.
    fn wait(&self);

    /// Checks that nothing failed so far.
    ///
    /// Errors: what failed first.
    fn check(&self) -> Result<(), Failure>;
}
