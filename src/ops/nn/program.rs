//! From a network to steps and slots: which layers run fused, and which buffer holds which value at which time.

use super::cpu::{self, Spec};
use super::layer::{Layer, Parameter};
use crate::lang::net::ir::{LayerOp, Net, NodeId, Source};

/// What a program is for; decides how long values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Forward in training mode, gradients by parameters.
    Training,
    /// As training, and the gradient by the network's input as well.
    Adversary,
    /// Forward in evaluation mode, gradients by the network's input.
    InputGradient,
    /// Forward in evaluation mode only.
    Evaluation,
}

impl Purpose {
    /// Returns whether the pass is one of training, with gradients by parameters.
    pub fn trains(self) -> bool {
        matches!(self, Purpose::Training | Purpose::Adversary)
    }
}

/// A value: 0 is the network's input, `i + 1` the output of node `i`.
pub type ValueId = usize;

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

/// One step before there is a layer for it.
pub struct Laid {
    /// The layer's sizes.
    pub spec: Spec,
    /// The values it takes.
    pub inputs: Vec<ValueId>,
    /// The value it makes.
    pub output: ValueId,
    /// The node whose path its parameters carry.
    pub owner: NodeId,
    /// Its parameters, in the host's order. Where the step is frozen, none is trained.
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

/// Returns all parameters and running statistics of a network with their names, in its order.
pub fn parameters(net: &Net) -> Vec<(String, Parameter)> {
    let program = Program::new(net, Purpose::Evaluation, &[]);
    let mut steps: Vec<&Step> = program.steps.iter().collect();
    steps.sort_by_key(|s| s.owner);
    let named = |path: &str, p: &Parameter| (p.under(path), p.clone());
    steps.iter().flat_map(|s| s.parameters.iter().map(|p| named(&net.nodes[s.owner].path, p))).collect()
}

/// Returns the number of a source's value.
pub fn value(source: Source) -> ValueId {
    match source {
        Source::Input => 0,
        Source::Node(id) => id + 1,
    }
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
            slots,
            slot_sizes,
            input_gradient: None,
            gradient_sizes: Vec::new(),
        };
        if purpose != Purpose::Evaluation {
            program.plan_gradients(net, &sizes, purpose);
        }
        program
    }

    fn plan_gradients(&mut self, net: &Net, sizes: &[usize], purpose: Purpose) {
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

/// Returns which nodes are ancestors of the kept ones.
fn needed(net: &Net, keep: &[NodeId]) -> Vec<bool> {
    let mut needed = vec![keep.is_empty(); net.nodes.len()];
    keep.iter().for_each(|id| needed[*id] = true);
    for id in (0..net.nodes.len()).rev() {
        if needed[id] {
            for source in &net.nodes[id].inputs {
                if let Source::Node(from) = source {
                    needed[*from] = true;
                }
            }
        }
    }
    needed
}

/// Returns the steps that make the outputs of `keep` (with none, every node's): batch normalisation takes the ReLU after it, and a sum between the
/// two, into its own sweep where nothing else looks at them. Nodes marked as `frozen` compute as in evaluation and learn nothing.
pub fn lay(net: &Net, keep: &[NodeId], frozen: &[bool]) -> Vec<Laid> {
    let needed = needed(net, keep);
    let kept: Vec<NodeId> = if keep.is_empty() { vec![net.output] } else { keep.to_vec() };
    let mut consumers = vec![0usize; net.nodes.len()];
    for (id, node) in net.nodes.iter().enumerate().filter(|(id, _)| needed[*id]) {
        debug_assert!(node.inputs.iter().all(|s| value(*s) <= id), "nodes come in topological order");
        for source in &node.inputs {
            if let Source::Node(from) = source {
                consumers[*from] += 1;
            }
        }
    }
    let private = |source: Source| match source {
        Source::Node(id) if consumers[id] == 1 && !kept.contains(&id) => Some(id),
        _ => None,
    };
    let norm = |source: Source| private(source).filter(|id| matches!(net.nodes[*id].op, LayerOp::BatchNorm { .. }));
    // For each ReLU that ends a fused group: the normalisation, and the other addend.
    let mut fused: Vec<Option<(NodeId, Option<Source>)>> = vec![None; net.nodes.len()];
    let mut absorbed = vec![false; net.nodes.len()];
    for (id, node) in net.nodes.iter().enumerate().filter(|(id, _)| needed[*id]) {
        if node.op != LayerOp::Relu {
            continue;
        }
        let Some(before) = private(node.inputs[0]) else { continue };
        if norm(node.inputs[0]).is_some() {
            fused[id] = Some((before, None));
            absorbed[before] = true;
        } else if net.nodes[before].op == LayerOp::Add
            && let [a, b] = net.nodes[before].inputs[..]
            && let Some((bn, other)) = norm(a).map(|id| (id, b)).or_else(|| norm(b).map(|id| (id, a)))
        {
            fused[id] = Some((bn, Some(other)));
            absorbed[before] = true;
            absorbed[bn] = true;
        }
    }
    let mut steps = Vec::new();
    for (id, node) in net.nodes.iter().enumerate().filter(|(id, _)| needed[*id] && !absorbed[*id]) {
        let (spec, inputs, owner): (Spec, Vec<Source>, NodeId) = match fused[id] {
            Some((bn, other)) => {
                let from = &net.nodes[bn];
                let LayerOp::BatchNorm { features, eps, momentum, zero_scale } = from.op else { continue };
                let positions = from.shape.iter().product::<usize>() / features.max(1);
                let layer =
                    cpu::BatchNorm { positions, features, eps, momentum, zero_scale, residual: other.is_some(), relu: true };
                (Spec::BatchNorm(layer), from.inputs.iter().copied().chain(other).collect(), bn)
            }
            None => {
                let shapes: Vec<_> = node.inputs.iter().map(|s| net.shape_of(*s)).collect();
                (cpu::spec(&node.op, id, &shapes, &node.shape), node.inputs.clone(), id)
            }
        };
        let still = frozen.get(owner).is_some_and(|f| *f);
        let mut parameters = spec.parameters();
        parameters.iter_mut().for_each(|p| p.trained &= !still);
        let inputs = inputs.into_iter().map(value).collect();
        steps.push(Laid { spec, inputs, output: id + 1, owner, parameters, frozen: still });
    }
    steps
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
