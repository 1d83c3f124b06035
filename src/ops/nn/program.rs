//! From a network to the host's layers and slots: which buffer holds which value at which time.

use super::cpu;
use super::cpu::layer::Layer;
use super::spec::Parameter;
use super::steps::{Laid, Purpose, ValueId, lay};
use crate::lang::net::ir::{Net, NodeId};

/// One step: a layer, or several fused into one.
pub struct Step {
    /// The layer.
    pub layer: Box<dyn Layer>,
    /// The values it takes.
    pub inputs: Vec<ValueId>,
    /// The value it makes.
    pub output: ValueId,
    /// The node whose path its parameters carry.
    pub owner: NodeId,
    /// Its parameters. Where the step is frozen, none is trained.
    pub parameters: Vec<Parameter>,
    /// Whether it computes as in evaluation and learns nothing.
    pub frozen: bool,
}

/// Where a gradient goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GradientSlot {
    /// The slot.
    pub slot: usize,
    /// Whether to add to what earlier consumers (in reverse order) left there.
    pub add: bool,
    /// Whether the same step already writes this very slot, so that a detour is needed.
    pub again: bool,
}

/// Steps in order, and the slots of values and gradients.
pub struct Program {
    /// The steps.
    pub steps: Vec<Step>,
    /// Numbers of one example of each value.
    pub sizes: Vec<usize>,
    /// Slot of each value; `None` if the value is never made.
    pub slots: Vec<Option<usize>>,
    /// Numbers of one example in each slot.
    pub slot_sizes: Vec<usize>,
    /// Slot of the gradient by each step's output; `None` if no gradient reaches it.
    pub gradients: Vec<Option<usize>>,
    /// Where each step writes the gradients by its inputs.
    pub sinks: Vec<Vec<Option<GradientSlot>>>,
    /// Slot of the gradient by the network's input.
    pub input_gradient: Option<usize>,
    /// Numbers of one example in each gradient slot.
    pub gradient_sizes: Vec<usize>,
}

impl Program {
    /// Returns the program that makes the outputs of `keep` and leaves them readable. With nothing to keep every node is run.
    pub fn new(net: &Net, purpose: Purpose, keep: &[NodeId]) -> Program {
        Program::partly(net, purpose, keep, &[])
    }

    /// Returns the program as [`Program::new`] in which the nodes marked as `frozen` compute as in evaluation and learn nothing.
    pub fn partly(net: &Net, purpose: Purpose, keep: &[NodeId], frozen: &[bool]) -> Program {
        let kept: Vec<NodeId> = if keep.is_empty() { vec![net.output] } else { keep.to_vec() };
        let step = |laid: Laid| Step {
            layer: cpu::layer(laid.spec),
            inputs: laid.inputs,
            output: laid.output,
            owner: laid.owner,
            parameters: laid.parameters,
            frozen: laid.frozen,
        };
        let steps: Vec<Step> = lay(net, keep, frozen).into_iter().map(step).collect();
        let sizes: Vec<usize> =
            std::iter::once(&net.input).chain(net.nodes.iter().map(|n| &n.shape)).map(|shape| shape.iter().product()).collect();
        let (slots, slot_sizes) = value_slots(&steps, &sizes, &kept, purpose);
        let mut program = Program {
            gradients: vec![None; steps.len()],
            sinks: steps.iter().map(|s| vec![None; s.inputs.len()]).collect(),
            steps,
            sizes,
            slots,
            slot_sizes,
            input_gradient: None,
            gradient_sizes: Vec::new(),
        };
        if purpose != Purpose::Evaluation {
            program.plan_gradients(net, purpose);
        }
        program
    }

    fn plan_gradients(&mut self, net: &Net, purpose: Purpose) {
        let sizes = &self.sizes;
        let mut wanted = vec![false; sizes.len()];
        wanted[0] = matches!(purpose, Purpose::InputGradient | Purpose::Adversary);
        for step in &self.steps {
            let trains = purpose.trains() && step.parameters.iter().any(|p| p.trained);
            wanted[step.output] = trains || step.inputs.iter().any(|v| wanted[*v]);
        }
        let mut free: Vec<usize> = Vec::new();
        let mut slot_of: Vec<Option<usize>> = vec![None; sizes.len()];
        slot_of[net.output + 1] = Some(grab(sizes[net.output + 1], &mut free, &mut self.gradient_sizes));
        for (i, step) in self.steps.iter().enumerate().rev() {
            let Some(own) = slot_of[step.output] else { continue };
            self.gradients[i] = Some(own);
            for (j, v) in step.inputs.iter().enumerate() {
                if !wanted[*v] {
                    continue;
                }
                let again = step.inputs[..j].contains(v);
                let add = slot_of[*v].is_some();
                let slot = match slot_of[*v] {
                    Some(slot) => slot,
                    None => grab(sizes[*v], &mut free, &mut self.gradient_sizes),
                };
                slot_of[*v] = Some(slot);
                self.sinks[i][j] = Some(GradientSlot { slot, add, again });
            }
            free.push(own);
        }
        self.input_gradient = slot_of[0];
    }
}

/// Returns the slot of each value and the sizes of slots: a slot each where gradients will need them, shared over time otherwise.
fn value_slots(steps: &[Step], sizes: &[usize], kept: &[NodeId], purpose: Purpose) -> (Vec<Option<usize>>, Vec<usize>) {
    let mut slots: Vec<Option<usize>> = vec![None; sizes.len()];
    let mut all: Vec<usize> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut last_use = vec![0usize; sizes.len()];
    for (i, step) in steps.iter().enumerate() {
        step.inputs.iter().for_each(|v| last_use[*v] = i);
        last_use[step.output] = last_use[step.output].max(i);
    }
    kept.iter().for_each(|id| last_use[id + 1] = usize::MAX);
    slots[0] = Some(grab(sizes[0], &mut free, &mut all));
    for (i, step) in steps.iter().enumerate() {
        slots[step.output] = Some(grab(sizes[step.output], &mut free, &mut all));
        if purpose != Purpose::Evaluation {
            continue;
        }
        let mut done: Vec<ValueId> = step.inputs.iter().copied().chain([step.output]).filter(|v| last_use[*v] == i).collect();
        done.sort_unstable();
        done.dedup();
        // The input's slot is filled before the run, so it is not lent to anything else.
        free.extend(done.into_iter().filter(|v| *v != 0).filter_map(|v| slots[v]));
    }
    (slots, all)
}

/// Returns a free slot, the one that grows least, or a new one.
fn grab(size: usize, free: &mut Vec<usize>, all: &mut Vec<usize>) -> usize {
    let best = (0..free.len()).min_by_key(|i| (size.saturating_sub(all[free[*i]]), all[free[*i]]));
    match best {
        Some(i) => {
            let slot = free.swap_remove(i);
            all[slot] = all[slot].max(size);
            slot
        }
        None => {
            all.push(size);
            all.len() - 1
        }
    }
}
