//! Units of tapped layers, and what a forward pass does to them: held at a value, or disturbed.

use super::common::{passes, problem};
use crate::base::Stream;
use crate::engine::value::{Dataset, Model};
use crate::engine::{Context, Failure};
use crate::lang::Static;
use crate::lang::net::ir::{Net, NodeId};
use crate::lang::settings::Setting;
use crate::lang::suggest::nearest_or_list;
use crate::ops::nn::batches::Loader;
use crate::ops::nn::cost;
use crate::ops::nn::evaluate::batch_size;
use crate::ops::nn::loss::highest;
use crate::ops::nn::network::Network;
use crate::ops::nn::place::Place;
use crate::ops::nn::spec::image;
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::tap;
use crate::plan::facts::{Cost, KnownInput, Problem, known};
use crate::words;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Positions that one task of an edit covers.
const POSITIONS: usize = 512;

/// A unit: the node that puts it out, and its channel there.
pub type Unit = (NodeId, usize);

words! {
    /// What units are held at.
    pub enum Clamp {
        /// 0.
        Zero = "zero",
        /// The unit's mean over all positions of all examples.
        Mean = "mean",
    }
}

/// Layers by the names of their taps; nothing for all but the network's output.
#[derive(Clone, Debug, PartialEq)]
pub struct Layers(pub Option<Vec<String>>);

impl Setting for Layers {
    fn read(value: &Static) -> Option<Self> {
        let names = Vec::<String>::read(value)?;
        Some(Layers(if names == ["all"] { None } else { Some(names) }))
    }
}

/// Checks the taps that a setting names against those that the model is known to have.
pub fn check_layers(layers: &Layers, inputs: &[KnownInput]) -> Result<(), Problem> {
    let model = known(inputs, "net");
    let taps = model.map(|m| m.taps.as_slice()).unwrap_or_default();
    let known: Vec<&str> = taps.iter().map(|t| t.0.as_str()).collect();
    let Layers(Some(named)) = layers else {
        let none = model.and_then(|m| m.net.as_ref()).is_some_and(|net| net.taps.iter().all(|t| t.1 == net.output));
        let help = "put a label before a step of the network: `stage1: …`";
        return if none {
            Err(problem("at", "the network has no tap whose units could be changed".to_string(), help))
        } else {
            Ok(())
        };
    };
    if named.is_empty() {
        return Err(problem("at", "no layer is named".to_string(), "write `at: all`, or name taps"));
    }
    match named.iter().find(|n| !known.is_empty() && !known.contains(&n.as_str())) {
        Some(name) => Err(problem("at", format!("the network has no tap `{name}`"), &nearest_or_list(name, &known))),
        None => Ok(()),
    }
}

/// Returns the number of units of the layers, where the network is known.
pub fn known_units(at: &Layers, inputs: &[KnownInput]) -> Option<usize> {
    let net = cost::net(inputs, &["net"])?;
    layers(net, at).ok().map(|nodes| units(net, &nodes).len())
}

/// Returns the expected cost of `count` passes over a data set with changed units of layers.
pub fn edited(inputs: &[KnownInput], slot: &str, count: f64, at: &Layers) -> Cost {
    let numbers = cost::net(inputs, &["net"]).and_then(|net| {
        let nodes = layers(net, at).ok()?;
        Some(nodes.iter().map(|n| net.nodes[*n].shape.iter().product::<usize>()).sum::<usize>())
    });
    let each = (cost::rows(inputs, slot) * numbers.unwrap_or(0)) as f64 * 3e-10;
    let pass = passes(inputs, slot, count);
    Cost { seconds: pass.seconds + count * each, ..pass }
}

/// Returns the nodes of the taps that a setting names, each once, in the order of execution. `all` leaves out the network's output.
///
/// Errors: there is no such tap, or none at all.
pub fn layers(net: &Net, at: &Layers) -> Result<Vec<NodeId>, Failure> {
    let mut nodes = match &at.0 {
        Some(names) => names.iter().map(|n| tap::node(net, n)).collect::<Result<Vec<_>, _>>()?,
        None => net.taps.iter().map(|t| t.1).filter(|n| *n != net.output).collect(),
    };
    nodes.sort_unstable();
    nodes.dedup();
    if nodes.is_empty() {
        return Err(Failure::new(format!("the network `{}` has no tap whose units could be changed", net.name))
            .help("put a label before a step of the network: `stage1: …`"));
    }
    Ok(nodes)
}

/// Returns what each unit is held at: 0, or its mean over all positions of all examples.
///
/// Errors: an interruption.
pub fn constants(bench: &mut Bench, nodes: &[usize], all: &[Unit], at: Clamp, cx: &dyn Context) -> Result<Vec<f32>, Failure> {
    if at == Clamp::Zero {
        return Ok(vec![0.0; all.len()]);
    }
    let moments = bench.moments(nodes, cx)?;
    Ok(all.iter().map(|(node, c)| moments.get(node).and_then(|m| m.get(*c)).map_or(0.0, |m| m.0 as f32)).collect())
}

/// Returns the number of channels that a node puts out: the units that are changed as a whole.
pub fn channels(net: &Net, node: NodeId) -> usize {
    image(&net.nodes[node].shape).2.max(1)
}

/// Returns all units of nodes.
pub fn units(net: &Net, nodes: &[NodeId]) -> Vec<Unit> {
    nodes.iter().flat_map(|n| (0..channels(net, *n)).map(|c| (*n, c))).collect()
}

/// What units are held at, by node: for each channel a value, or `None` if it is free.
#[derive(Clone, Debug, Default)]
pub struct Clamps(pub BTreeMap<NodeId, Vec<Option<f32>>>);

impl Clamps {
    /// Holds a unit at a value.
    pub fn hold(&mut self, net: &Net, unit: Unit, value: f32) {
        let row = self.0.entry(unit.0).or_insert_with(|| vec![None; channels(net, unit.0)]);
        if let Some(place) = row.get_mut(unit.1) {
            *place = Some(value);
        }
    }

    /// Holds the units in what a node put out.
    pub fn apply(&self, node: NodeId, out: &mut [f32]) {
        let Some(row) = self.0.get(&node) else { return };
        let held: Vec<(usize, f32)> = row.iter().enumerate().filter_map(|(c, v)| v.map(|v| (c, v))).collect();
        out.par_chunks_mut(row.len() * POSITIONS).for_each(|out| {
            for position in out.chunks_exact_mut(row.len()) {
                held.iter().for_each(|(c, v)| position[*c] = *v);
            }
        });
    }
}

/// A model opened for passes in which nodes are changed, with the examples it is run on.
pub struct Bench<'a> {
    /// The network; the nodes that are changed and its output are kept.
    pub network: Network,
    data: &'a Dataset,
    loader: Loader<'a>,
}

impl<'a> Bench<'a> {
    /// Returns the model with these nodes kept.
    ///
    /// Errors: the weights do not fit the network.
    pub fn open(model: &Model, data: &'a Dataset, nodes: &[NodeId], place: &Place) -> Result<Self, Failure> {
        let mut keep = nodes.to_vec();
        keep.push(model.net.output);
        keep.sort_unstable();
        keep.dedup();
        let batch = batch_size(&model.net).min(data.len().max(1));
        let mut network = Network::new(&model.net, Purpose::Evaluation, &keep, batch, place);
        network.load(&model.weights)?;
        Ok(Bench { network, data, loader: Loader::new(data) })
    }

    /// Returns the number of examples.
    pub fn rows(&self) -> usize {
        self.data.len()
    }

    /// Returns the first rows of the batches.
    pub fn starts(&self) -> impl Iterator<Item = usize> + use<> {
        (0..self.data.len()).step_by(self.network.capacity().max(1))
    }

    /// Runs the batch that begins at a row and returns its labels. `edit` is told the batch's first row,
    /// which of the nodes it is, and what that put out.
    ///
    /// Errors: the device failed.
    pub fn batch(
        &mut self,
        start: usize,
        nodes: &[NodeId],
        edit: &(dyn Fn(usize, NodeId, &mut [f32]) + Sync),
    ) -> Result<Vec<u32>, Failure> {
        let rows: Vec<usize> = (start..self.data.len().min(start + self.network.capacity())).collect();
        let stream = Stream::root(0);
        self.loader.fill(&rows, &[], stream, self.network.input_mut(rows.len()));
        self.network.forward_with(rows.len(), stream, nodes, &mut |node, out| edit(start, node, out));
        self.network.check()?;
        Ok(self.loader.labels(&rows))
    }

    /// Returns whether each example of the last batch is predicted right.
    ///
    /// Errors: the device failed.
    pub fn right(&self, labels: &[u32]) -> Result<Vec<bool>, Failure> {
        let scores = self.network.value(self.network.net().output);
        self.network.check()?;
        let k = (scores.len() / labels.len().max(1)).max(1);
        Ok(scores.chunks_exact(k).zip(labels).map(|(s, l)| highest(s) == *l as usize).collect())
    }

    /// Returns how many examples are predicted right while `edit` changes the nodes.
    ///
    /// Errors: an interruption, or a failure of the device.
    pub fn hits(
        &mut self,
        cx: &dyn Context,
        nodes: &[NodeId],
        edit: &(dyn Fn(usize, NodeId, &mut [f32]) + Sync),
    ) -> Result<u64, Failure> {
        let mut hits = 0;
        for start in self.starts() {
            if cx.interrupted() {
                return Err(Failure::Interrupted);
            }
            let labels = self.batch(start, nodes, edit)?;
            hits += self.right(&labels)?.into_iter().filter(|r| *r).count() as u64;
        }
        Ok(hits)
    }

    /// Returns mean and variance (n) of each channel of the nodes, over all positions of all examples.
    ///
    /// Errors: an interruption, or a failure of the device.
    pub fn moments(&mut self, nodes: &[NodeId], cx: &dyn Context) -> Result<BTreeMap<NodeId, Vec<(f64, f64)>>, Failure> {
        let net = self.network.net().clone();
        // Shifted by the first position seen, so that squares lose no digits.
        let mut sums: BTreeMap<NodeId, Vec<[f64; 3]>> = BTreeMap::new();
        let mut counts: BTreeMap<NodeId, f64> = BTreeMap::new();
        for start in self.starts() {
            if cx.interrupted() {
                return Err(Failure::Interrupted);
            }
            self.batch(start, &[], &|_, _, _| {})?;
            for node in nodes {
                let values = self.network.value(*node);
                let c = channels(&net, *node);
                let sums = sums.entry(*node).or_insert_with(|| values.iter().take(c).map(|x| [*x as f64, 0.0, 0.0]).collect());
                for row in values.chunks_exact(c) {
                    for (s, x) in sums.iter_mut().zip(row) {
                        let d = *x as f64 - s[0];
                        s[1] += d;
                        s[2] += d * d;
                    }
                }
                *counts.entry(*node).or_default() += (values.len() / c) as f64;
            }
            self.network.check()?;
        }
        let finish = |n: f64, s: &[f64; 3]| (s[0] + s[1] / n, (s[2] / n - (s[1] / n).powi(2)).max(0.0));
        Ok(sums.into_iter().map(|(node, s)| (node, s.iter().map(|s| finish(counts[&node], s)).collect())).collect())
    }
}
