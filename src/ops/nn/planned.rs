//! The host's engine: layers run in order over buffers that are planned ahead and lent out again and again.

use super::buffer::Buffer;
use super::cpu::layer::{Backward, Saved, Sink};
use super::cpu::parallel::{map1, sum_of_squares, update1};
use super::engine::{Edit, Engine};
use super::loss::{cross_entropy, right};
use super::optimizer::{Optimizer, Running};
use super::program::{Program, Step};
use super::spec::{Parameter, Pass};
use super::steps::Purpose;
use crate::base::Stream;
use crate::engine::Failure;
use crate::lang::net::ir::{Net, NodeId};
use std::sync::Arc;

/// A network over buffers that are planned once for a largest batch and used again by every pass.
pub struct Planned {
    net: Arc<Net>,
    program: Program,
    values: Vec<Buffer>,
    gradients: Vec<Buffer>,
    detour: Buffer,
    states: Vec<Vec<Buffer>>,
    grad_states: Vec<Vec<Buffer>>,
    saved: Vec<Saved>,
    work: Vec<f32>,
    pass: Pass,
    optimizer: Option<Running>,
    /// Trained weights, then running statistics, that were set aside.
    aside: (Vec<Buffer>, Vec<Buffer>),
    /// Gradients that were kept.
    kept: Vec<Buffer>,
}

impl Planned {
    /// Returns a network with weights of zero; arguments as those of [`super::network::Network::partly`].
    pub fn new(net: &Arc<Net>, purpose: Purpose, keep: &[NodeId], frozen: &[bool], capacity: usize) -> Self {
        let program = Program::partly(net, purpose, keep, frozen);
        let buffers = |sizes: &[usize]| sizes.iter().map(|n| Buffer::zeros(n * capacity)).collect::<Vec<_>>();
        let numbers = |p: &Parameter| Buffer::zeros(p.len());
        let states = program.steps.iter().map(|s| s.parameters.iter().map(numbers).collect()).collect();
        let grad_states = program
            .steps
            .iter()
            .map(|s| match purpose.trains() {
                true => s.parameters.iter().filter(|p| p.trained).map(numbers).collect(),
                false => Vec::new(),
            })
            .collect();
        Planned {
            values: buffers(&program.slot_sizes),
            gradients: buffers(&program.gradient_sizes),
            detour: Buffer::default(),
            saved: program.steps.iter().map(|_| Saved::default()).collect(),
            states,
            grad_states,
            work: Vec::new(),
            pass: Pass { batch: 0, training: purpose.trains(), stream: Stream::root(0) },
            net: net.clone(),
            program,
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

    fn run_from(&mut self, first: usize, nodes: &[NodeId], edit: &mut dyn FnMut(NodeId, &mut [f32])) {
        for (i, step) in self.program.steps.iter().enumerate().skip(first) {
            let Some(slot) = self.program.slots[step.output] else { continue };
            let mut out = std::mem::take(&mut self.values[slot]);
            let inputs: Vec<&Buffer> =
                step.inputs.iter().filter_map(|v| self.program.slots[*v]).map(|slot| &self.values[slot]).collect();
            let pass = Pass { training: self.pass.training && !step.frozen, ..self.pass };
            step.layer.forward(pass, &mut self.states[i], &inputs, &mut out, &mut self.saved[i]);
            if let Some(node) = step.output.checked_sub(1).filter(|node| nodes.contains(node)) {
                let len = (self.pass.batch * self.net.nodes[node].shape.iter().product::<usize>()).min(out.len());
                edit(node, &mut out.host_mut()[..len]);
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
        self.program.slots[0].map_or(&mut [], |slot| &mut self.values[slot].host_mut()[..len])
    }

    fn forward(&mut self, batch: usize, stream: Stream, nodes: &[NodeId], edit: Edit) {
        self.pass = Pass { batch, stream, ..self.pass };
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
    }

    fn value(&self, node: NodeId) -> &[f32] {
        let (len, Some(slot)) = (self.len_of(node), self.program.slots[node + 1]) else { return &[] };
        &self.values[slot].host()[..len]
    }

    fn output_and_gradient(&mut self) -> (&[f32], &mut [f32]) {
        let node = self.net.output;
        let len = self.len_of(node);
        let Some((value, gradient)) = self.ends() else { return (&[], &mut []) };
        (&self.values[value].host()[..len], &mut self.gradients[gradient].host_mut()[..len])
    }

    fn cross_entropy(&mut self, labels: &[u32], smoothing: f64, scale: f64) -> (Vec<f64>, usize) {
        let mut losses = vec![0f64; labels.len()];
        let (scores, grad) = self.output_and_gradient();
        cross_entropy(scores, labels, smoothing, &mut losses, Some((grad, scale)));
        (losses, right(scores, labels))
    }

    fn backward(&mut self, parameters: bool) {
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
                        detour = Buffer::zeros(inputs[j].len());
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
                        add(&mut self.gradients[s.slot], &buffer, 1.0);
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
        &self.gradients[slot].host()[..len]
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
        self.grad_states.iter().flatten().map(|g| sum_of_squares(g.host())).sum::<f64>().sqrt()
    }

    fn scale_gradients(&mut self, by: f32) {
        self.grad_states.iter_mut().flatten().for_each(|g| update1(g.host_mut(), |x| x * by));
    }

    fn limit_gradients(&mut self, limit: f32) {
        self.grad_states.iter_mut().flatten().for_each(|g| update1(g.host_mut(), |x| x.clamp(-limit, limit)));
    }

    fn keep_gradients(&mut self) {
        self.kept.resize_with(self.grad_states.iter().map(Vec::len).sum(), Buffer::default);
        self.kept.iter_mut().zip(self.grad_states.iter().flatten()).for_each(|(kept, g)| *kept = copy(g));
    }

    fn add_kept_gradients(&mut self) {
        self.grad_states.iter_mut().flatten().zip(&self.kept).for_each(|(g, kept)| add(g, kept, 1.0));
    }

    fn set_aside(&mut self) {
        let weights = self.trained().map(|(w, _)| copy(w)).collect();
        let statistics = self.statistics().map(|s| copy(s)).collect();
        self.aside = (weights, statistics);
    }

    fn ascend(&mut self, scale: f32) {
        self.trained().for_each(|(w, g)| add(w, g, scale));
    }

    fn take_back(&mut self) {
        let (weights, statistics) = std::mem::take(&mut self.aside);
        self.trained().zip(&weights).for_each(|((w, _), old)| w.copy_from(old));
        self.statistics().zip(&statistics).for_each(|(s, old)| s.copy_from(old));
    }

    fn wait(&self) {}

    fn check(&self) -> Result<(), Failure> {
        Ok(())
    }
}

fn copy(of: &Buffer) -> Buffer {
    Buffer::from_vec(of.to_vec())
}

/// Adds `scale` times a buffer to another.
fn add(to: &mut Buffer, from: &Buffer, scale: f32) {
    map1(to.host_mut(), from.host(), true, |x| scale * x);
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
