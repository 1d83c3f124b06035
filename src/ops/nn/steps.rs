//! From a network to steps, for every engine alike: which layers are needed, and which run fused.

use super::spec::{BatchNorm, Parameter, Spec, spec};
use crate::lang::net::ir::{LayerOp, Net, NodeId, Source};

/// What a network is run for; decides how long values are kept.
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

/// Returns all parameters and running statistics of a network with their names, in its order.
pub fn parameters(net: &Net) -> Vec<(String, Parameter)> {
    let mut steps: Vec<Laid> = lay(net, &[], &[]);
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
        let (layer, inputs, owner): (Spec, Vec<Source>, NodeId) = match fused[id] {
            Some((bn, other)) => {
                let from = &net.nodes[bn];
                let LayerOp::BatchNorm { features, eps, momentum, zero_scale } = from.op else { continue };
                let positions = from.shape.iter().product::<usize>() / features.max(1);
                let norm = BatchNorm { positions, features, eps, momentum, zero_scale, residual: other.is_some(), relu: true };
                (Spec::BatchNorm(norm), from.inputs.iter().copied().chain(other).collect(), bn)
            }
            None => {
                let shapes: Vec<_> = node.inputs.iter().map(|s| net.shape_of(*s)).collect();
                (spec(&node.op, id, &shapes, &node.shape), node.inputs.clone(), id)
            }
        };
        let still = frozen.get(owner).is_some_and(|f| *f);
        let mut parameters = layer.parameters();
        parameters.iter_mut().for_each(|p| p.trained &= !still);
        let inputs = inputs.into_iter().map(value).collect();
        steps.push(Laid { spec: layer, inputs, output: id + 1, owner, parameters, frozen: still });
    }
    steps
}
