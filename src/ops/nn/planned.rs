//! The engine of planned buffers: layers of the host or an accelerator, run in order over buffers that are lent out again and again.

use super::buffer::Buffer;
use super::cpu::loss::{cross_entropy, right};
use super::engine::{Edit, Engine};
use super::gpu::accelerator::Format;
use super::gpu::work::Slot;
use super::layer::{Backward, Parameter, Pass, Saved, Sink};
use super::optimizer::{Optimizer, Running};
use super::place::Place;
use super::program::{Program, Purpose, Step};
use super::vector;
use crate::base::Stream;
use crate::engine::Failure;
use crate::lang::net::ir::{Net, NodeId};
use std::sync::{Arc, OnceLock};

/// A network over buffers that are planned once for a largest batch and used again by every pass.
///
/// What callers read and write lies in the host's memory: on an accelerator, copies that are fetched when first asked for after a pass.
pub struct Planned {
    net: Arc<Net>,
    place: Place,
    program: Program,
    values: Vec<Buffer>,
    gradients: Vec<Buffer>,
    detour: Buffer,
    states: Vec<Vec<Buffer>>,
    grad_states: Vec<Vec<Buffer>>,
    saved: Vec<Saved>,
    work: Vec<f32>,
    pass: Pass,
    staged: Staged,
    optimizer: Option<Running>,
    /// Trained weights, then running statistics, that were set aside.
    aside: (Vec<Buffer>, Vec<Buffer>),
    /// Gradients that were kept.
    kept: Vec<Buffer>,
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

impl Planned {
    /// Returns a network with weights of zero; arguments as those of [`super::network::Network::partly`].
    pub fn new(net: &Arc<Net>, purpose: Purpose, keep: &[NodeId], frozen: &[bool], capacity: usize, place: &Place) -> Self {
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
        Planned {
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
            staged,
            optimizer: None,
            aside: Default::default(),
            kept: Vec::new(),
        }
    }

    /// Returns each trained parameter with its gradient, in a fixed order.
    fn trained(&mut self) -> impl Iterator<Item = (&mut Buffer, &Buffer)> {
        trained(&self.program, &mut self.states, &self.grad_states)
    }

    /// Returns the running statistics for writing, in a fixed order.
    fn statistics(&mut self) -> impl Iterator<Item = &mut Buffer> {
        let steps = self.program.steps.iter().zip(&mut self.states);
        steps.flat_map(|(step, states)| step.parameters.iter().zip(states).filter(|(p, _)| p.statistic()).map(|(_, s)| s))
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

    /// Returns the buffers of the network's output and of the gradient by it.
    fn ends(&self) -> Option<(usize, usize)> {
        let node = self.net.output;
        let gradient = self.program.steps.iter().position(|s| s.output == node + 1).and_then(|i| self.program.gradients[i]);
        Some((self.program.slots[node + 1]?, gradient?))
    }
}

impl Engine for Planned {
    fn parameters(&self) -> Vec<(NodeId, Parameter)> {
        self.program.steps.iter().flat_map(|s| s.parameters.iter().map(|p| (s.owner, p.clone()))).collect()
    }

    fn state(&self, index: usize) -> Vec<f32> {
        self.states.iter().flatten().nth(index).map_or(Vec::new(), Buffer::to_vec)
    }

    fn set_state(&mut self, index: usize, numbers: &[f32]) {
        if let Some(state) = self.states.iter_mut().flatten().nth(index) {
            state.write(numbers);
        }
    }

    fn gradient(&self, index: usize) -> Vec<f32> {
        self.grad_states.iter().flatten().nth(index).map_or(Vec::new(), Buffer::to_vec)
    }

    fn input_mut(&mut self, batch: usize) -> &mut [f32] {
        let len = batch * self.program.slot_sizes[0];
        match (&self.place, self.program.slots[0]) {
            (Place::Gpu(_), _) => &mut self.staged.input[..len],
            (Place::Host, Some(slot)) => &mut self.values[slot].host_mut()[..len],
            (Place::Host, None) => &mut [],
        }
    }

    fn forward(&mut self, batch: usize, stream: Stream, nodes: &[NodeId], edit: Edit) {
        self.pass = Pass { batch, stream, ..self.pass };
        self.take_input();
        self.run_from(0, nodes, edit);
    }

    fn resume(&mut self, node: NodeId) {
        let first = self.program.steps.iter().position(|s| s.output > node + 1).unwrap_or(self.program.steps.len());
        self.run_from(first, &[], &mut |_, _| {});
    }

    fn set_value(&mut self, node: NodeId, numbers: &[f32]) {
        let len = self.len_of(node).min(numbers.len());
        if let Some(slot) = self.program.slots[node + 1] {
            self.values[slot].write(&numbers[..len]);
        }
        self.staged.forget(node);
    }

    fn value(&self, node: NodeId) -> &[f32] {
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

    fn output_and_gradient(&mut self) -> (&[f32], &mut [f32]) {
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

    fn cross_entropy(&mut self, labels: &[u32], smoothing: f64, scale: f64) -> (Vec<f64>, usize) {
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

    fn backward(&mut self, parameters: bool) {
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

    fn input_gradient(&self) -> &[f32] {
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

    fn optimise(&mut self, optimizer: Optimizer) {
        self.optimizer = Some(Running::new(optimizer, self.trained().map(|(w, _)| w)));
    }

    fn step(&mut self, rate: f64) {
        if let Some(optimizer) = &mut self.optimizer {
            optimizer.step(trained(&self.program, &mut self.states, &self.grad_states), rate);
        }
    }

    fn memory(&self) -> (u64, Vec<Vec<f32>>) {
        let Some(optimizer) = &self.optimizer else { return (0, Vec::new()) };
        (optimizer.steps, optimizer.memory.iter().flatten().map(Buffer::to_vec).collect())
    }

    fn set_memory(&mut self, steps: u64, read: &mut dyn FnMut(&mut [f32]) -> Option<()>) -> Option<()> {
        let Some(optimizer) = &mut self.optimizer else { return (steps == 0).then_some(()) };
        optimizer.steps = steps;
        for memory in optimizer.memory.iter_mut().flatten() {
            let mut numbers = vec![0.0; memory.len()];
            read(&mut numbers)?;
            memory.write(&numbers);
        }
        Some(())
    }

    fn norm(&self) -> f64 {
        self.grad_states.iter().flatten().map(vector::squares).sum::<f64>().sqrt()
    }

    fn scale_gradients(&mut self, by: f32) {
        self.grad_states.iter_mut().flatten().for_each(|g| vector::scale(g, by));
    }

    fn limit_gradients(&mut self, limit: f32) {
        self.grad_states.iter_mut().flatten().for_each(|g| vector::limit(g, limit));
    }

    fn keep_gradients(&mut self) {
        if self.kept.is_empty() {
            self.kept = self.grad_states.iter().flatten().map(Buffer::alike).collect();
        }
        self.kept.iter_mut().zip(self.grad_states.iter().flatten()).for_each(|(kept, g)| kept.copy_from(g));
    }

    fn add_kept_gradients(&mut self) {
        self.grad_states.iter_mut().flatten().zip(&self.kept).for_each(|(g, kept)| vector::add(g, kept, 1.0));
    }

    fn set_aside(&mut self) {
        let weights = self.trained().map(|(w, _)| copy(w)).collect();
        let statistics = self.statistics().map(|s| copy(s)).collect();
        self.aside = (weights, statistics);
    }

    fn ascend(&mut self, scale: f32) {
        self.trained().for_each(|(w, g)| vector::add(w, g, scale));
    }

    fn take_back(&mut self) {
        let (weights, statistics) = std::mem::take(&mut self.aside);
        self.trained().zip(&weights).for_each(|((w, _), old)| w.copy_from(old));
        self.statistics().zip(&statistics).for_each(|(s, old)| s.copy_from(old));
    }

    fn wait(&self) {
        // Reading numbers waits for an accelerator.
        self.state(0);
    }

    fn check(&self) -> Result<(), Failure> {
        self.place.check()
    }
}

/// Returns a copy on the same device.
fn copy(of: &Buffer) -> Buffer {
    let mut out = of.alike();
    out.copy_from(of);
    out
}

/// Returns each trained parameter with its gradient, in a fixed order.
fn trained<'a>(
    program: &'a Program,
    states: &'a mut [Vec<Buffer>],
    gradients: &'a [Vec<Buffer>],
) -> impl Iterator<Item = (&'a mut Buffer, &'a Buffer)> {
    let of = |((step, states), grads): ((&'a Step, &'a mut Vec<Buffer>), &'a Vec<Buffer>)| {
        step.parameters.iter().zip(states).filter(|(p, _)| p.trained).map(|(_, s)| s).zip(grads)
    };
    program.steps.iter().zip(states).zip(gradients).flat_map(of)
}
