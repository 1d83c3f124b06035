//! A network with weights and buffers, ready to run batches forward and backward.

use super::buffer::Buffer;
use super::cpu::loss::{cross_entropy, right};
use super::gpu::accelerator::Format;
use super::gpu::work::Slot;
use super::layer::{Backward, Parameter, Pass, Saved, Sink};
use super::place::Place;
use super::program::{Program, Purpose};
use super::{vector, weights};
use crate::base::Stream;
use crate::engine::Failure;
use crate::engine::value::Weights;
use crate::lang::net::ir::{Net, NodeId, Source};
use std::sync::{Arc, OnceLock};

/// A network on a device. Buffers are planned once for a largest batch and used again by every pass.
///
/// What callers read and write lies in the host's memory: on an accelerator, copies that are fetched when first asked for after a pass.
pub struct Network {
    net: Arc<Net>,
    place: Place,
    program: Program,
    purpose: Purpose,
    capacity: usize,
    values: Vec<Buffer>,
    gradients: Vec<Buffer>,
    detour: Buffer,
    states: Vec<Vec<Buffer>>,
    grad_states: Vec<Vec<Buffer>>,
    saved: Vec<Saved>,
    work: Vec<f32>,
    pass: Pass,
    staged: Staged,
}

/// Copies in the host's memory of what lies on an accelerator.
#[derive(Default)]
struct Staged {
    /// The input to be taken there before the next pass.
    input: Vec<f32>,
    /// Values of nodes, fetched when first asked for after a pass; none on the host.
    values: Vec<OnceLock<Vec<f32>>>,
    /// The gradient by the output, to be taken there before the backward pass, and whether it was written here.
    gradient: (Vec<f32>, bool),
    /// The gradient by the input, fetched since the last backward pass.
    by_input: OnceLock<Vec<f32>>,
}

impl Staged {
    /// Forgets what a node put out before.
    fn forget(&mut self, node: NodeId) {
        if let Some(value) = self.values.get_mut(node) {
            *value = OnceLock::new();
        }
    }
}

impl Network {
    /// Returns a network with weights of zero. `keep` names nodes whose outputs stay readable; with none, every node is run and the output stays.
    pub fn new(net: &Arc<Net>, purpose: Purpose, keep: &[NodeId], capacity: usize, place: &Place) -> Self {
        Network::partly(net, purpose, keep, &[], capacity, place)
    }

    /// Returns a network as [`Network::new`] whose nodes marked as `frozen` compute as in evaluation and learn nothing.
    pub fn partly(net: &Arc<Net>, purpose: Purpose, keep: &[NodeId], frozen: &[bool], capacity: usize, place: &Place) -> Self {
        let program = Program::partly(net, purpose, keep, frozen, place);
        let buffers = |sizes: &[usize]| sizes.iter().map(|n| place.activations(n * capacity)).collect::<Vec<_>>();
        let numbers = |p: &Parameter| place.numbers(p.len());
        let states = program.steps.iter().map(|s| s.parameters.iter().map(numbers).collect()).collect();
        let grad_states = program
            .steps
            .iter()
            .map(|s| match purpose.trains() {
                true => s.parameters.iter().filter(|p| p.trained).map(numbers).collect(),
                false => Vec::new(),
            })
            .collect();
        let mut values = buffers(&program.slot_sizes);
        // Numbers of words are no quantities and keep their 32 bits.
        if let Some(slot) = program.slots[0]
            && program.takes_words(net)
        {
            values[slot] = place.numbers(program.slot_sizes[slot] * capacity);
        }
        let staged = match place {
            Place::Host => Staged::default(),
            Place::Gpu(_) => Staged {
                input: vec![0.0; program.slot_sizes[0] * capacity],
                values: net.nodes.iter().map(|_| OnceLock::new()).collect(),
                ..Staged::default()
            },
        };
        Network {
            values,
            gradients: buffers(&program.gradient_sizes),
            detour: Buffer::default(),
            saved: program.steps.iter().map(|_| Saved::default()).collect(),
            states,
            grad_states,
            work: Vec::new(),
            pass: Pass { batch: 0, training: purpose.trains(), stream: Stream::root(0) },
            net: net.clone(),
            place: place.clone(),
            program,
            purpose,
            capacity,
            staged,
        }
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

    /// Sets all parameters to their initial values. Each tensor draws from a stream of its own name, so no tensor depends on another.
    pub fn initialise(&mut self, stream: Stream) {
        for (step, state) in self.program.steps.iter().zip(&mut self.states) {
            let path = &self.net.nodes[step.owner].path;
            for (parameter, buffer) in step.parameters.iter().zip(state) {
                let numbers = weights::initial(parameter, stream.named(&parameter.under(path)));
                weights::import(parameter, &numbers, buffer);
            }
        }
    }

    /// Sets the weights. Tensors that this network does not run are ignored.
    ///
    /// Errors: a tensor is missing or of another shape.
    pub fn load(&mut self, from: &Weights) -> Result<(), Failure> {
        for (step, state) in self.program.steps.iter().zip(&mut self.states) {
            let path = &self.net.nodes[step.owner].path;
            for (parameter, buffer) in step.parameters.iter().zip(state) {
                let numbers = weights::find(from, &parameter.under(path), &parameter.shape)?;
                weights::import(parameter, numbers, buffer);
            }
        }
        Ok(())
    }

    /// Returns the weights in the network's order, PyTorch's names and layouts.
    pub fn weights(&self) -> Weights {
        let mut order: Vec<usize> = (0..self.program.steps.len()).collect();
        order.sort_by_key(|i| self.program.steps[*i].owner);
        let mut out = Vec::new();
        for i in order {
            let step = &self.program.steps[i];
            let path = &self.net.nodes[step.owner].path;
            for (parameter, buffer) in step.parameters.iter().zip(&self.states[i]) {
                let numbers = weights::export(parameter, buffer);
                out.push((parameter.under(path), parameter.shape.clone(), numbers));
            }
        }
        out
    }

    /// Returns all gradients by parameters under the names and in the layouts of [`Network::weights`].
    pub fn weight_gradients(&self) -> Weights {
        let mut out = Vec::new();
        for (step, grads) in self.program.steps.iter().zip(&self.grad_states) {
            let path = &self.net.nodes[step.owner].path;
            for (parameter, buffer) in step.parameters.iter().filter(|p| p.trained).zip(grads) {
                out.push((parameter.under(path), parameter.shape.clone(), weights::export(parameter, buffer)));
            }
        }
        out
    }

    /// Copies all states of another network that runs the same program steps (parameters and running statistics).
    pub fn copy_states(&mut self, other: &Network) {
        for (to, from) in self.states.iter_mut().flatten().zip(other.states.iter().flatten()) {
            to.copy_from(from);
        }
    }

    /// Returns the buffers of all states, in a fixed order.
    pub fn states(&self) -> impl Iterator<Item = &Buffer> {
        self.states.iter().flatten()
    }

    /// Returns the buffers of all states for writing, in the same order.
    pub fn states_mut(&mut self) -> impl Iterator<Item = &mut Buffer> {
        self.states.iter_mut().flatten()
    }

    /// Returns each trained parameter with its gradient, in a fixed order.
    pub fn trained(&mut self) -> impl Iterator<Item = (&mut Buffer, &Buffer)> {
        self.program.steps.iter().zip(&mut self.states).zip(&self.grad_states).flat_map(|((step, states), grads)| {
            step.parameters.iter().zip(states).filter(|(p, _)| p.trained).map(|(_, s)| s).zip(grads)
        })
    }

    /// Returns the gradients by the trained parameters for changing, in the order of [`Network::trained`].
    pub fn gradients_mut(&mut self) -> impl Iterator<Item = &mut Buffer> {
        self.grad_states.iter_mut().flatten()
    }

    /// Returns the running statistics for writing, in a fixed order.
    pub fn statistics_mut(&mut self) -> impl Iterator<Item = &mut Buffer> {
        let steps = self.program.steps.iter().zip(&mut self.states);
        steps.flat_map(|(step, states)| step.parameters.iter().zip(states).filter(|(p, _)| p.statistic()).map(|(_, s)| s))
    }

    /// Returns the room for a batch of inputs: `batch x input`, channels last.
    pub fn input_mut(&mut self, batch: usize) -> &mut [f32] {
        let len = batch.min(self.capacity) * self.program.slot_sizes[0];
        match (&self.place, self.program.slots[0]) {
            (Place::Gpu(_), _) => &mut self.staged.input[..len],
            (Place::Host, Some(slot)) => &mut self.values[slot].host_mut()[..len],
            (Place::Host, None) => &mut [],
        }
    }

    /// Runs the batch that was written to [`Network::input_mut`].
    pub fn forward(&mut self, batch: usize, stream: Stream) {
        self.forward_with(batch, stream, &[], &mut |_, _| {});
    }

    /// Runs the batch as [`Network::forward`]; `edit` may change what each of the nodes put out (`batch x size` numbers) before anything
    /// reads it. Nodes fused into others are never seen: keep those that are to be edited.
    pub fn forward_with(&mut self, batch: usize, stream: Stream, nodes: &[NodeId], edit: &mut dyn FnMut(NodeId, &mut [f32])) {
        self.pass = Pass { batch: batch.min(self.capacity), training: self.purpose.trains(), stream };
        self.take_input();
        self.run_from(0, nodes, edit);
    }

    /// Takes the input to the accelerator.
    fn take_input(&mut self) {
        let (Place::Gpu(gpu), Some(slot)) = (&self.place, self.program.slots[0]) else { return };
        let numbers = &self.staged.input[..self.pass.batch * self.program.slot_sizes[0]];
        let to = &mut self.values[slot];
        match to.format() {
            Format::F32 => to.write(numbers),
            short => {
                let long = gpu.scratch(Slot::First, Format::F32, numbers.len());
                gpu.upload(long, numbers);
                gpu.combine((long, Format::F32), (to.address(), short), numbers.len(), 1.0, false);
            }
        }
    }

    /// Runs what comes after a node once more, over what that node and those before it hold; these are kept ([`Network::needed_after`]).
    pub fn resume(&mut self, node: NodeId) {
        let first = self.program.steps.iter().position(|s| s.output > node + 1).unwrap_or(self.program.steps.len());
        self.run_from(first, &[], &mut |_, _| {});
    }

    /// Returns the nodes to keep so that [`Network::resume`] can run after `node`: the node, those that later nodes look back to, the output.
    pub fn needed_after(net: &Net, node: NodeId) -> Vec<NodeId> {
        let later = net.nodes.iter().skip(node + 1).flat_map(|n| &n.inputs);
        let earlier = later.filter_map(|s| if let Source::Node(id) = s { Some(*id) } else { None }).filter(|id| *id <= node);
        let mut out: Vec<NodeId> = earlier.chain([node, net.output]).collect();
        out.sort_unstable();
        out.dedup();
        out
    }

    fn run_from(&mut self, first: usize, nodes: &[NodeId], edit: &mut dyn FnMut(NodeId, &mut [f32])) {
        for (i, step) in self.program.steps.iter().enumerate().skip(first) {
            let Some(slot) = self.program.slots[step.output] else { continue };
            let mut out = std::mem::take(&mut self.values[slot]);
            let inputs: Vec<&Buffer> =
                step.inputs.iter().filter_map(|v| self.program.slots[*v]).map(|slot| &self.values[slot]).collect();
            let pass = Pass { training: self.pass.training && !step.frozen, ..self.pass };
            step.layer.forward(pass, &mut self.states[i], &inputs, &mut out, &mut self.saved[i]);
            if let Some(node) = step.output.checked_sub(1) {
                if nodes.contains(&node) {
                    let len = (self.pass.batch * self.net.nodes[node].shape.iter().product::<usize>()).min(out.len());
                    match self.place {
                        Place::Host => edit(node, &mut out.host_mut()[..len]),
                        Place::Gpu(_) => {
                            let mut numbers = vec![0.0; len];
                            out.read(&mut numbers);
                            edit(node, &mut numbers);
                            out.write(&numbers);
                        }
                    }
                }
                self.staged.forget(node);
            }
            self.values[slot] = out;
        }
    }

    /// Returns how many numbers a node puts out for the batch.
    fn len_of(&self, node: NodeId) -> usize {
        self.pass.batch * self.net.nodes[node].shape.iter().product::<usize>()
    }

    /// Replaces what a kept node put out: `batch x size`.
    pub fn set_value(&mut self, node: NodeId, numbers: &[f32]) {
        let len = self.len_of(node).min(numbers.len());
        if let Some(slot) = self.program.slots[node + 1] {
            self.values[slot].write(&numbers[..len]);
        }
        self.staged.forget(node);
    }

    /// Returns what a kept node put out: `batch x size`.
    pub fn value(&self, node: NodeId) -> &[f32] {
        let (len, Some(slot)) = (self.len_of(node), self.program.slots[node + 1]) else { return &[] };
        match (&self.place, self.staged.values.get(node)) {
            (Place::Host, _) => &self.values[slot].host()[..len],
            (Place::Gpu(_), Some(staged)) => staged.get_or_init(|| {
                let mut out = vec![0.0; len];
                self.values[slot].read(&mut out);
                out
            }),
            (Place::Gpu(_), None) => &[],
        }
    }

    /// Returns the buffers of the network's output and of the gradient by it.
    fn ends(&self) -> Option<(usize, usize)> {
        let node = self.net.output;
        let gradient = self.program.steps.iter().position(|s| s.output == node + 1).and_then(|i| self.program.gradients[i]);
        Some((self.program.slots[node + 1]?, gradient?))
    }

    /// Returns the network's output and the room for the gradient by it.
    pub fn output_and_gradient(&mut self) -> (&[f32], &mut [f32]) {
        let node = self.net.output;
        let len = self.len_of(node);
        let Some((value, gradient)) = self.ends() else { return (&[], &mut []) };
        if let Place::Host = self.place {
            return (&self.values[value].host()[..len], &mut self.gradients[gradient].host_mut()[..len]);
        }
        self.value(node);
        self.staged.gradient.0.resize(len, 0.0);
        self.staged.gradient.1 = true;
        let output = self.staged.values.get(node).and_then(OnceLock::get).map_or(&[][..], |v| v);
        (output, &mut self.staged.gradient.0[..len])
    }

    /// Writes the gradient of `scale` times the summed cross-entropy by the network's output, for [`Network::backward`];
    /// returns each label's loss and the number of right predictions. With smoothing e the target is (1 - e) at the label plus e / K everywhere.
    pub fn cross_entropy(&mut self, labels: &[u32], smoothing: f64, scale: f64) -> (Vec<f64>, usize) {
        let (Place::Gpu(gpu), Some((value, gradient))) = (&self.place, self.ends()) else {
            let mut losses = vec![0f64; labels.len()];
            let (scores, grad) = self.output_and_gradient();
            cross_entropy(scores, labels, smoothing, &mut losses, Some((grad, scale)));
            return (losses, right(scores, labels));
        };
        self.staged.gradient.1 = false;
        let classes = self.len_of(self.net.output) / labels.len().max(1);
        gpu.cross_entropy(&self.values[value], labels, classes, (smoothing, scale), &self.gradients[gradient])
    }

    /// Computes gradients by parameters (training) or by the input, from the one written to [`Network::output_and_gradient`].
    pub fn backward(&mut self) {
        self.backward_by(true);
    }

    /// Computes the gradient by the input as [`Network::backward`] does, and leaves those by parameters alone.
    pub fn backward_by_input(&mut self) {
        self.backward_by(false);
    }

    fn backward_by(&mut self, parameters: bool) {
        if let (true, Some((_, gradient))) = (self.staged.gradient.1, self.ends()) {
            self.gradients[gradient].write(&self.staged.gradient.0);
        }
        self.staged.by_input = OnceLock::new();
        for (i, step) in self.program.steps.iter().enumerate().rev() {
            let Some(own) = self.program.gradients[i] else { continue };
            let Some(output) = self.program.slots[step.output] else { continue };
            let grad = std::mem::take(&mut self.gradients[own]);
            let inputs: Vec<&Buffer> =
                step.inputs.iter().filter_map(|v| self.program.slots[*v]).map(|slot| &self.values[slot]).collect();
            let plan = &self.program.sinks[i];
            let mut taken: Vec<Option<(Buffer, bool)>> = plan
                .iter()
                .map(|sink| {
                    sink.map(|s| {
                        if s.again { (Buffer::default(), false) } else { (std::mem::take(&mut self.gradients[s.slot]), s.add) }
                    })
                })
                .collect();
            for (j, sink) in plan.iter().enumerate() {
                // The same value twice among the inputs: its second gradient takes a detour and is added below.
                if let (Some(s), Some(t)) = (sink, &mut taken[j])
                    && s.again
                {
                    let mut detour = std::mem::take(&mut self.detour);
                    if detour.len() < inputs[j].len() {
                        detour = self.place.activations(inputs[j].len());
                    }
                    t.0 = detour;
                }
            }
            let mut sinks: Vec<Option<Sink>> =
                taken.iter_mut().map(|t| t.as_mut().map(|(buffer, add)| Sink { buffer, add: *add })).collect();
            step.layer.backward(Backward {
                pass: Pass { training: self.pass.training && !step.frozen, ..self.pass },
                state: &self.states[i],
                inputs: &inputs,
                output: &self.values[output],
                saved: &self.saved[i],
                grad: &grad,
                sinks: &mut sinks,
                grad_state: if parameters { &mut self.grad_states[i] } else { &mut [] },
                work: &mut self.work,
            });
            self.gradients[own] = grad;
            for (sink, taken) in plan.iter().zip(taken) {
                match (sink, taken) {
                    (Some(s), Some((buffer, _))) if s.again => {
                        vector::add(&mut self.gradients[s.slot], &buffer, 1.0);
                        self.detour = buffer;
                    }
                    (Some(s), Some((buffer, _))) => self.gradients[s.slot] = buffer,
                    _ => {}
                }
            }
        }
    }

    /// Returns the gradient by the input: `batch x input`.
    pub fn input_gradient(&self) -> &[f32] {
        let len = self.pass.batch * self.program.slot_sizes[0];
        let Some(slot) = self.program.input_gradient else { return &[] };
        match self.place {
            Place::Host => &self.gradients[slot].host()[..len],
            Place::Gpu(_) => self.staged.by_input.get_or_init(|| {
                let mut out = vec![0.0; len];
                self.gradients[slot].read(&mut out);
                out
            }),
        }
    }

    /// Returns the path of the last layer with weights.
    pub fn head(&self) -> Option<String> {
        let last = self.program.steps.iter().filter(|s| !s.parameters.is_empty()).map(|s| s.owner).max();
        last.map(|owner| self.net.nodes[owner].path.clone())
    }

    /// Returns the bytes that it takes at most: planned buffers, weights, their gradients, and the scratch of the layer that needs most.
    pub fn bytes(net: &Arc<Net>, purpose: Purpose, capacity: usize) -> f64 {
        let program = Program::new(net, purpose, &[], &Place::Host);
        let mut numbers = program.slot_sizes.iter().chain(&program.gradient_sizes).sum::<usize>() * capacity;
        numbers += net.parameters() * if purpose.trains() { 2 } else { 1 };
        numbers += program.steps.iter().map(|s| s.layer.saved(capacity)).sum::<usize>();
        if purpose != Purpose::Evaluation {
            numbers += program.steps.iter().map(|s| s.layer.scratch(capacity)).max().unwrap_or(0);
        }
        4.0 * numbers as f64
    }
}
