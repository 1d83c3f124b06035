//! The host's engine: layers run in order over buffers that are planned ahead and lent out again and again.

use super::buffer::zeros;
use super::cpu::layer::{Backward, Saved, Sink};
use super::cpu::parallel::{map1, sum_of_squares, update1};
use super::engine::{Edit, Engine};
use super::loss::{cross_entropy, right};
use super::optimizer::{Optimizer, Running};
use super::program::{Program, Step};
use super::spec::{Parameter, Pass};
use super::steps::{Purpose, ValueId};
use crate::base::Stream;
use crate::engine::Failure;
use crate::lang::net::ir::{Net, NodeId};
use std::mem::take;
use std::sync::Arc;

/// A network over buffers that are planned once for a largest batch and used again by every pass.
pub struct Planned {
    net: Arc<Net>,
    program: Program,
    values: Vec<Vec<f32>>,
    gradients: Vec<Vec<f32>>,
    detour: Vec<f32>,
    states: Vec<Vec<Vec<f32>>>,
    grad_states: Vec<Vec<Vec<f32>>>,
    saved: Vec<Saved>,
    work: Vec<f32>,
    pass: Pass,
    optimizer: Option<Running>,
    /// Trained weights, then running statistics, that were set aside.
    aside: (Vec<Vec<f32>>, Vec<Vec<f32>>),
    /// Gradients that were kept.
    kept: Vec<Vec<f32>>,
}

impl Planned {
    /// Returns a network with weights of zero; arguments as those of [`super::network::Network::partly`].
    pub fn new(net: &Arc<Net>, purpose: Purpose, keep: &[NodeId], frozen: &[bool], capacity: usize) -> Self {
        let program = Program::partly(net, purpose, keep, frozen);
        let buffers = |sizes: &[usize]| sizes.iter().map(|n| zeros(n * capacity)).collect::<Vec<_>>();
        let numbers = |p: &Parameter| zeros(p.len());
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
            detour: Vec::new(),
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
    fn trained(&mut self) -> impl Iterator<Item = (&mut Vec<f32>, &Vec<f32>)> {
        trained(&self.program, &mut self.states, &self.grad_states)
    }

    /// Returns the running statistics for writing, in a fixed order.
    fn statistics(&mut self) -> impl Iterator<Item = &mut Vec<f32>> {
        let steps = self.program.steps.iter().zip(&mut self.states);
        steps.flat_map(|(step, states)| step.parameters.iter().zip(states).filter(|(p, _)| p.statistic()).map(|(_, s)| s))
    }

    /// Returns how many numbers of a value the batch has.
    fn len_of(&self, value: ValueId) -> usize {
        self.pass.batch * self.program.sizes[value]
    }

    /// Returns what a step takes.
    fn inputs(&self, step: &Step) -> Vec<&[f32]> {
        let there = |v: &ValueId| Some(&self.values[self.program.slots[*v]?][..self.len_of(*v)]);
        step.inputs.iter().filter_map(there).collect()
    }

    fn run_from(&mut self, first: usize, nodes: &[NodeId], edit: &mut dyn FnMut(NodeId, &mut [f32])) {
        for i in first..self.program.steps.len() {
            let step = &self.program.steps[i];
            let Some(slot) = self.program.slots[step.output] else { continue };
            let len = self.len_of(step.output);
            let (mut out, mut states) = (take(&mut self.values[slot]), take(&mut self.states[i]));
            let mut saved = take(&mut self.saved[i]);
            let pass = Pass { training: self.pass.training && !step.frozen, ..self.pass };
            step.layer.forward(pass, &mut states, &self.inputs(step), &mut out[..len], &mut saved);
            if let Some(node) = step.output.checked_sub(1).filter(|node| nodes.contains(node)) {
                edit(node, &mut out[..len]);
            }
            (self.values[slot], self.states[i], self.saved[i]) = (out, states, saved);
        }
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
        self.states.iter().flatten().nth(index).cloned().unwrap_or_default()
    }

    fn set_state(&mut self, index: usize, numbers: &[f32]) {
        if let Some(state) = self.states.iter_mut().flatten().nth(index) {
            state[..numbers.len()].copy_from_slice(numbers);
        }
    }

    fn gradient(&self, index: usize) -> Vec<f32> {
        self.grad_states.iter().flatten().nth(index).cloned().unwrap_or_default()
    }

    fn input_mut(&mut self, batch: usize) -> &mut [f32] {
        let len = batch * self.program.sizes[0];
        self.program.slots[0].map_or(&mut [], |slot| &mut self.values[slot][..len])
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
        let len = self.len_of(node + 1).min(numbers.len());
        if let Some(slot) = self.program.slots[node + 1] {
            self.values[slot][..len].copy_from_slice(&numbers[..len]);
        }
    }

    fn value(&self, node: NodeId) -> &[f32] {
        self.program.slots[node + 1].map_or(&[], |slot| &self.values[slot][..self.len_of(node + 1)])
    }

    fn output_and_gradient(&mut self) -> (&[f32], &mut [f32]) {
        let len = self.len_of(self.net.output + 1);
        let Some((value, gradient)) = self.ends() else { return (&[], &mut []) };
        (&self.values[value][..len], &mut self.gradients[gradient][..len])
    }

    fn cross_entropy(&mut self, labels: &[u32], smoothing: f64, scale: f64) -> (Vec<f64>, usize) {
        let mut losses = vec![0f64; labels.len()];
        let (scores, grad) = self.output_and_gradient();
        cross_entropy(scores, labels, smoothing, &mut losses, Some((grad, scale)));
        (losses, right(scores, labels))
    }

    fn backward(&mut self, parameters: bool) {
        for i in (0..self.program.steps.len()).rev() {
            let (step, plan) = (&self.program.steps[i], &self.program.sinks[i]);
            let (Some(own), Some(output)) = (self.program.gradients[i], self.program.slots[step.output]) else { continue };
            let grad = take(&mut self.gradients[own]);
            let mut taken: Vec<Option<Vec<f32>>> = Vec::with_capacity(plan.len());
            for (sink, v) in plan.iter().zip(&step.inputs) {
                taken.push(match sink {
                    // The same value twice among the inputs: its second gradient takes a detour and is added below.
                    Some(s) if s.again => {
                        let (detour, len) = (take(&mut self.detour), self.pass.batch * self.program.sizes[*v]);
                        Some(if detour.len() < len { zeros(len) } else { detour })
                    }
                    Some(s) => Some(take(&mut self.gradients[s.slot])),
                    None => None,
                });
            }
            let mut sinks: Vec<Option<Sink>> = Vec::with_capacity(plan.len());
            for ((sink, v), out) in plan.iter().zip(&step.inputs).zip(&mut taken) {
                let add = sink.is_some_and(|s| s.add && !s.again);
                sinks.push(out.as_mut().map(|out| Sink { out: &mut out[..self.len_of(*v)], add }));
            }
            let (mut grad_state, mut work) = (take(&mut self.grad_states[i]), take(&mut self.work));
            step.layer.backward(Backward {
                pass: Pass { training: self.pass.training && !step.frozen, ..self.pass },
                state: &self.states[i],
                inputs: &self.inputs(step),
                output: &self.values[output][..self.len_of(step.output)],
                saved: &self.saved[i],
                grad: &grad[..self.len_of(step.output)],
                sinks: &mut sinks,
                grad_state: if parameters { &mut grad_state } else { &mut [] },
                work: &mut work,
            });
            (self.gradients[own], self.grad_states[i], self.work) = (grad, grad_state, work);
            for ((sink, v), out) in plan.iter().zip(&step.inputs).zip(taken) {
                match (sink, out) {
                    (Some(s), Some(out)) if s.again => {
                        let len = self.len_of(*v);
                        add(&mut self.gradients[s.slot][..len], &out[..len], 1.0);
                        self.detour = out;
                    }
                    (Some(s), Some(out)) => self.gradients[s.slot] = out,
                    _ => {}
                }
            }
        }
    }

    fn input_gradient(&self) -> &[f32] {
        self.program.input_gradient.map_or(&[], |slot| &self.gradients[slot][..self.len_of(0)])
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
        (optimizer.steps, optimizer.memory.iter().flatten().cloned().collect())
    }

    fn set_memory(&mut self, steps: u64, read: &mut dyn FnMut(&mut [f32]) -> Option<()>) -> Option<()> {
        let Some(optimizer) = &mut self.optimizer else { return (steps == 0).then_some(()) };
        optimizer.steps = steps;
        for memory in optimizer.memory.iter_mut().flatten() {
            read(memory)?;
        }
        Some(())
    }

    fn norm(&self) -> f64 {
        self.grad_states.iter().flatten().map(|g| sum_of_squares(g)).sum::<f64>().sqrt()
    }

    fn scale_gradients(&mut self, by: f32) {
        self.grad_states.iter_mut().flatten().for_each(|g| update1(g, |x| x * by));
    }

    fn limit_gradients(&mut self, limit: f32) {
        self.grad_states.iter_mut().flatten().for_each(|g| update1(g, |x| x.clamp(-limit, limit)));
    }

    fn keep_gradients(&mut self) {
        self.kept = self.grad_states.iter().flatten().cloned().collect();
    }

    fn add_kept_gradients(&mut self) {
        self.grad_states.iter_mut().flatten().zip(&self.kept).for_each(|(g, kept)| add(g, kept, 1.0));
    }

    fn set_aside(&mut self) {
        let weights = self.trained().map(|(w, _)| w.clone()).collect();
        let statistics = self.statistics().map(|s| s.clone()).collect();
        self.aside = (weights, statistics);
    }

    fn ascend(&mut self, scale: f32) {
        self.trained().for_each(|(w, g)| add(w, g, scale));
    }

    fn take_back(&mut self) {
        let (weights, statistics) = take(&mut self.aside);
        self.trained().zip(&weights).for_each(|((w, _), old)| w.copy_from_slice(old));
        self.statistics().zip(&statistics).for_each(|(s, old)| s.copy_from_slice(old));
    }

    fn wait(&self) {}

    fn check(&self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Adds `scale` times numbers to others.
fn add(to: &mut [f32], from: &[f32], scale: f32) {
    map1(to, from, true, |x| scale * x);
}

/// Returns each trained parameter with its gradient, in a fixed order.
fn trained<'a>(
    program: &'a Program,
    states: &'a mut [Vec<Vec<f32>>],
    gradients: &'a [Vec<Vec<f32>>],
) -> impl Iterator<Item = (&'a mut Vec<f32>, &'a Vec<f32>)> {
    let of = |((step, states), grads): ((&'a Step, &'a mut Vec<Vec<f32>>), &'a Vec<Vec<f32>>)| {
        step.parameters.iter().zip(states).filter(|(p, _)| p.trained).map(|(_, s)| s).zip(grads)
    };
    program.steps.iter().zip(states).zip(gradients).flat_map(of)
}
