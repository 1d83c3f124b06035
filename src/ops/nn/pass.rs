//! One pass of a network over a data set, in evaluation mode, read by as many as want something of it.

use super::evaluate::{fits, open, sweep};
use super::network::Network;
use super::place::Place;
use super::steps::{Purpose, lay};
use super::suits::Labels;
use crate::engine::value::{Dataset, Model};
use crate::engine::{Context, Failure, Job, Value};
use crate::lang::net::ir::{Net, NodeId};
use crate::plan::facts::Share;
use std::collections::BTreeSet;

/// Name of the work that cells share which read the same pass.
pub const WORK: &str = "forward pass";

/// What a cell reads off a pass, and what it makes of it.
pub trait Reader {
    /// Returns the node that it looks at.
    fn node(&self) -> NodeId;

    /// Takes in a batch: the number of its first example, its labels, what the node put out for all its examples, end to end.
    fn take(&mut self, start: usize, labels: &[u32], responses: &[f32]) -> Result<(), Failure>;

    /// Returns the cell's value, after all batches.
    fn finish(&mut self) -> Result<Value, Failure>;
}

/// A reader, or why there is none: the model and the data do not fit, or there is nothing to measure.
pub type Made = Result<Box<dyn Reader>, Failure>;

/// Returns what is shared by cells that read a pass of the model `net` over `data`, where the pass is expected to take `seconds`.
pub fn share(seconds: f64) -> Option<Share> {
    Some(Share { work: WORK, slots: &["net", "data"], seconds })
}

/// Returns the value of a cell that runs by itself.
///
/// Errors: as [`run`].
pub fn alone(job: &Job, reader: Made, cx: &dyn Context) -> Result<Value, Failure> {
    let (model, data) = (job.model("net")?, job.dataset("data")?);
    run(model, data, vec![reader], cx).pop().unwrap_or_else(|| Err(Failure::new("the pass gave no result")))
}

/// Runs a model over a data set and returns what each reader makes of it, with the bits that it makes alone.
///
/// Errors: a reader's own; what fails the pass (interrupted, no memory on the device) fails all of them.
pub fn run(model: &Model, data: &Dataset, readers: Vec<Made>, cx: &dyn Context) -> Vec<Result<Value, Failure>> {
    let mut results: Vec<Option<Result<Value, Failure>>> = Vec::with_capacity(readers.len());
    let mut reading: Vec<(usize, Box<dyn Reader>)> = Vec::new();
    for (i, reader) in readers.into_iter().enumerate() {
        match reader {
            Ok(reader) => {
                reading.push((i, reader));
                results.push(None);
            }
            Err(why) => results.push(Some(Err(why))),
        }
    }
    let mut nodes: Vec<NodeId> = reading.iter().map(|(_, r)| r.node()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    for group in compatible(&model.net, &nodes) {
        let (mut now, later): (Vec<_>, Vec<_>) = reading.into_iter().partition(|(_, r)| group.contains(&r.node()));
        reading = later;
        let ended = sweep_once(model, data, &group, &mut now, cx);
        for (i, mut reader) in now {
            results[i] = Some(match &ended {
                Ok(()) => reader.finish(),
                Err(why) => Err(why.clone()),
            });
        }
    }
    results.into_iter().map(|r| r.unwrap_or_else(|| Err(Failure::new("the pass gave no result")))).collect()
}

fn sweep_once(
    model: &Model,
    data: &Dataset,
    nodes: &[NodeId],
    readers: &mut [(usize, Box<dyn Reader>)],
    cx: &dyn Context,
) -> Result<(), Failure> {
    fits(&model.net, data, Labels::Any)?;
    let mut network: Network = open(model, Purpose::Evaluation, nodes, data.len(), &Place::of(cx)?)?;
    let rows = data.len() as u64;
    sweep(&mut network, data, cx, |start, labels, network| {
        let batch = network.capacity().min(data.len() - start);
        for (_, reader) in readers.iter_mut() {
            reader.take(start, labels, network.value(reader.node()))?;
        }
        cx.progress((start + batch) as u64, rows, &[]);
        Ok(())
    })
}

/// Returns nodes in groups whose members one program reads as it would each alone: which layers run fused depends on what is looked at, and
/// fused layers may round otherwise. Nodes inside fused layers are rare, so there is one group nearly always.
fn compatible(net: &Net, nodes: &[NodeId]) -> Vec<Vec<NodeId>> {
    if nodes.len() < 2 {
        return nodes.iter().map(|node| vec![*node]).collect();
    }
    type Steps = BTreeSet<(NodeId, Vec<usize>, usize)>;
    let steps = |keep: &[NodeId]| -> Steps { lay(net, keep, &[]).into_iter().map(|s| (s.owner, s.inputs, s.output)).collect() };
    let alone: Vec<(NodeId, Steps)> = nodes.iter().map(|node| (*node, steps(&[*node]))).collect();
    let fits = |group: &[&(NodeId, Steps)]| {
        let together = steps(&group.iter().map(|(node, _)| *node).collect::<Vec<_>>());
        group.iter().all(|(_, alone)| alone.is_subset(&together))
    };
    let all: Vec<_> = alone.iter().collect();
    let mut groups: Vec<Vec<&(NodeId, Steps)>> = Vec::new();
    if fits(&all) {
        groups.push(all);
    } else {
        for one in &alone {
            match groups.iter_mut().find(|group| fits(&[group.as_slice(), &[one]].concat())) {
                Some(group) => group.push(one),
                None => groups.push(vec![one]),
            }
        }
    }
    groups.into_iter().map(|group| group.into_iter().map(|(node, _)| *node).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lang::net::ir::{LayerOp, Source};
    use crate::ops::nn::tests::build::Builder;

    #[test]
    fn what_is_inside_fused_layers_has_a_pass_of_its_own() {
        let mut b = Builder::new(&[4, 4, 3]);
        let a = b.block(Source::Input, 4, 1);
        let norm = b.conv(a, 4, 3, 1);
        let norm = b.norm(norm);
        let relu = b.add(LayerOp::Relu, &[norm]);
        let end = b.linear(relu, 3);
        let node = |s: Source| if let Source::Node(id) = s { id } else { panic!() };
        let (a, norm, relu, end) = (node(a), node(norm), node(relu), node(end));
        let net = b.finish();
        assert_eq!(compatible(&net, &[a, relu, end]), [vec![a, relu, end]]);
        assert_eq!(compatible(&net, &[a, norm, relu, end]), [vec![a, norm], vec![relu, end]]);
    }
}
