//! A network with weights, ready to run batches forward and backward, whatever engine computes it.

use super::candle::memory;
use super::candle::run::Tensors;
use super::checkpoint::{Reader, Writer};
use super::engine::{Edit, Engine};
use super::optimizer::Clip;
use super::place::Place;
use super::planned::Planned;
use super::program::Program;
use super::spec::Parameter;
use super::steps::Purpose;
use super::weights;
use crate::base::Stream;
use crate::engine::Failure;
use crate::engine::value::Weights;
use crate::lang::net::ir::{Net, NodeId, Source};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A network on a device, made for a largest batch; what it does beside its own methods are those of its engine.
///
/// What callers read and write lies in the host's memory.
pub struct Network {
    net: Arc<Net>,
    place: Place,
    capacity: usize,
    engine: Box<dyn Engine>,
    /// Each parameter and statistic with the node that it belongs to.
    parameters: Vec<(NodeId, Parameter)>,
}

impl Deref for Network {
    type Target = dyn Engine;

    fn deref(&self) -> &Self::Target {
        &*self.engine
    }
}

impl DerefMut for Network {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.engine
    }
}

impl Network {
    /// Returns a network with weights of zero. `keep` names nodes whose outputs stay readable; with none, every node is run and the output stays.
    pub fn new(net: &Arc<Net>, purpose: Purpose, keep: &[NodeId], capacity: usize, place: &Place) -> Self {
        Network::partly(net, purpose, keep, &[], capacity, place)
    }

    /// Returns a network as [`Network::new`] whose nodes marked as `frozen` compute as in evaluation and learn nothing.
    pub fn partly(net: &Arc<Net>, purpose: Purpose, keep: &[NodeId], frozen: &[bool], capacity: usize, place: &Place) -> Self {
        let engine: Box<dyn Engine> = match place {
            Place::Host => Box::new(Planned::new(net, purpose, keep, frozen, capacity)),
            Place::Candle { device, short } => Box::new(Tensors::new(net, purpose, keep, frozen, capacity, (device, *short))),
        };
        Network { net: net.clone(), place: place.clone(), capacity, parameters: engine.parameters(), engine }
    }

    /// Returns where it runs.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Returns the network that is run.
    pub fn net(&self) -> &Arc<Net> {
        &self.net
    }

    /// Returns the largest batch.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Returns the whole name of a parameter.
    fn name(&self, index: usize) -> String {
        let (owner, parameter) = &self.parameters[index];
        parameter.under(&self.net.nodes[*owner].path)
    }

    /// Sets all parameters to their initial values. Each tensor draws from a stream of its own name, so no tensor depends on another.
    pub fn initialise(&mut self, stream: Stream) {
        for i in 0..self.parameters.len() {
            let numbers = weights::initial(&self.parameters[i].1, stream.named(&self.name(i)));
            self.engine.set_state(i, &weights::import(&self.parameters[i].1, &numbers));
        }
    }

    /// Sets the weights. Tensors that this network does not run are ignored.
    ///
    /// Errors: a tensor is missing or of another shape.
    pub fn load(&mut self, from: &Weights) -> Result<(), Failure> {
        for i in 0..self.parameters.len() {
            let parameter = &self.parameters[i].1;
            let numbers = weights::find(from, &self.name(i), &parameter.shape)?;
            self.engine.set_state(i, &weights::import(parameter, numbers));
        }
        Ok(())
    }

    /// Returns the weights in the network's order, PyTorch's names and layouts.
    pub fn weights(&self) -> Weights {
        let mut order: Vec<usize> = (0..self.parameters.len()).collect();
        order.sort_by_key(|i| self.parameters[*i].0);
        let one = |i: usize| {
            let parameter = &self.parameters[i].1;
            (self.name(i), parameter.shape.clone(), weights::export(parameter, self.engine.state(i)))
        };
        order.into_iter().map(one).collect()
    }

    /// Returns all gradients by parameters under the names and in the layouts of [`Network::weights`].
    pub fn weight_gradients(&self) -> Weights {
        let trained = (0..self.parameters.len()).filter(|i| self.parameters[*i].1.trained);
        let one = |(j, i): (usize, usize)| {
            let parameter = &self.parameters[i].1;
            (self.name(i), parameter.shape.clone(), weights::export(parameter, self.engine.gradient(j)))
        };
        trained.enumerate().map(one).collect()
    }

    /// Copies parameters and running statistics of another network that runs the same steps.
    pub fn copy_states(&mut self, other: &Network) {
        (0..self.parameters.len()).for_each(|i| self.engine.set_state(i, &other.engine.state(i)));
    }

    /// Returns whether every parameter and running statistic is a finite number.
    pub fn finite(&self) -> bool {
        (0..self.parameters.len()).all(|i| self.engine.state(i).iter().all(|x| x.is_finite()))
    }

    /// Returns the room for a batch of inputs: `batch x input`, channels last.
    pub fn input_mut(&mut self, batch: usize) -> &mut [f32] {
        self.engine.input_mut(batch.min(self.capacity))
    }

    /// Runs the batch that was written to [`Network::input_mut`].
    pub fn forward(&mut self, batch: usize, stream: Stream) {
        self.forward_with(batch, stream, &[], &mut |_, _| {});
    }

    /// Runs the batch as [`Network::forward`]; `edit` may change what each of the nodes put out (`batch x size` numbers) before anything
    /// reads it. Nodes fused into others are never seen: keep those that are to be edited.
    pub fn forward_with(&mut self, batch: usize, stream: Stream, nodes: &[NodeId], edit: Edit) {
        self.engine.forward(batch.min(self.capacity), stream, nodes, edit);
    }

    /// Returns the nodes to keep so that [`Engine::resume`] can run after `node`: the node, those that later nodes look back to, the output.
    pub fn needed_after(net: &Net, node: NodeId) -> Vec<NodeId> {
        let later = net.nodes.iter().skip(node + 1).flat_map(|n| &n.inputs);
        let earlier = later.filter_map(|s| if let Source::Node(id) = s { Some(*id) } else { None }).filter(|id| *id <= node);
        let mut out: Vec<NodeId> = earlier.chain([node, net.output]).collect();
        out.sort_unstable();
        out.dedup();
        out
    }

    /// Computes gradients by parameters (training) or by the input, from the one written to [`Engine::output_and_gradient`].
    pub fn backward(&mut self) {
        self.engine.backward(true);
    }

    /// Computes the gradient by the input as [`Network::backward`] does, and leaves those by parameters alone.
    pub fn backward_by_input(&mut self) {
        self.engine.backward(false);
    }

    /// Cuts the gradients by parameters.
    pub fn clip(&mut self, clip: Clip) {
        match clip {
            Clip::Norm(limit) => {
                let scale = limit / (self.engine.norm() + 1e-6);
                if scale < 1.0 {
                    self.engine.scale_gradients(scale as f32);
                }
            }
            Clip::Value(limit) => self.engine.limit_gradients(limit as f32),
        }
    }

    /// Sets parameters and running statistics aside, and moves the parameters by `radius g / |g|` along their gradients g; [`Engine::take_back`] goes back.
    pub fn climb(&mut self, radius: f64) {
        let scale = (radius / (self.engine.norm() + 1e-12)) as f32;
        self.engine.set_aside();
        self.engine.ascend(scale);
    }

    /// Writes parameters, running statistics and what the optimiser remembers.
    pub fn save(&self, to: &mut Writer) {
        let (steps, memory) = self.engine.memory();
        to.int(steps);
        (0..self.parameters.len()).for_each(|i| to.singles(&self.engine.state(i)));
        memory.iter().for_each(|m| to.singles(m));
    }

    /// Reads what [`Network::save`] wrote of an equal network; `None` if that is not what comes.
    pub fn restore(&mut self, from: &mut Reader) -> Option<()> {
        let steps = from.int()?;
        for (i, (_, parameter)) in self.parameters.iter().enumerate() {
            let mut numbers = vec![0.0; parameter.len()];
            from.singles(&mut numbers)?;
            self.engine.set_state(i, &numbers);
        }
        self.engine.set_memory(steps, &mut |numbers| from.singles(numbers))
    }

    /// Returns the path of the last layer with weights.
    pub fn head(&self) -> Option<String> {
        let last = self.parameters.iter().map(|(owner, _)| *owner).max();
        last.map(|owner| self.net.nodes[owner].path.clone())
    }

    /// Returns the bytes that it takes at most of the memory of a device, in batches of so many examples; with `short`, values have 16 bits.
    pub fn device_bytes(net: &Arc<Net>, purpose: Purpose, batch: usize, short: bool) -> f64 {
        memory::bytes(net, purpose, batch, short)
    }

    /// Returns the bytes that it takes at most of the host's memory: planned buffers, weights, their gradients, and the scratch of the layer that needs most.
    pub fn bytes(net: &Arc<Net>, purpose: Purpose, capacity: usize) -> f64 {
        let program = Program::new(net, purpose, &[]);
        let mut numbers = program.slot_sizes.iter().chain(&program.gradient_sizes).sum::<usize>() * capacity;
        numbers += net.parameters() * if purpose.trains() { 2 } else { 1 };
        numbers += program.steps.iter().map(|s| s.layer.saved(capacity)).sum::<usize>();
        if purpose != Purpose::Evaluation {
            numbers += program.steps.iter().map(|s| s.layer.scratch(capacity)).max().unwrap_or(0);
        }
        4.0 * numbers as f64
    }
}
