//! A model run over a data set in evaluation mode, batch by batch.

use super::batches::Loader;
use super::cpu::loss::{cross_entropy, highest};
use super::network::Network;
use super::place::Place;
use super::program::Purpose;
use crate::base::Stream;
use crate::engine::value::{Dataset, Model, Pixels};
use crate::engine::{Context, Failure};
use crate::lang::net::ir::{LayerOp, Net, NodeId};

/// Numbers that the largest activation of an evaluation batch may have.
const ACTIVATION: usize = 1 << 24;

/// Returns the size of batches in evaluation: a function of the network alone.
pub fn batch_size(net: &Net) -> usize {
    let largest = net.nodes.iter().map(|n| n.shape.iter().product::<usize>()).max().unwrap_or(1).max(1);
    (ACTIVATION / largest).clamp(16, 256)
}

/// Returns a network with the model's weights, for evaluation or for gradients by the input.
///
/// Errors: the weights do not fit the network, or the network the memory of its device.
pub fn open(model: &Model, purpose: Purpose, keep: &[NodeId], rows: usize, place: &Place) -> Result<Network, Failure> {
    let batch = match purpose {
        Purpose::Evaluation => batch_size(&model.net),
        _ => batch_size(&model.net).min(64),
    };
    let mut network = Network::new(&model.net, purpose, keep, batch.min(rows.max(1)), place);
    network.load(&model.weights)?;
    network.check()?;
    Ok(network)
}

/// Checks that a data set fits a network: shape of an example, and (where `labelled`) a label below the number of outputs for each.
///
/// Errors: what does not fit, in a sentence.
pub fn fits(net: &Net, data: &Dataset, labelled: bool) -> Result<(), Failure> {
    let shape = &data.source.images.shape;
    if *shape != net.input {
        return Err(Failure::new(format!(
            "the data set `{}` has examples of shape {shape:?} where the network `{}` takes {:?}",
            data.source.name, net.name, net.input
        )));
    }
    let words = data.labels_each() > 1 || matches!(data.source.images.data, Pixels::Words(_));
    let vocabulary = data.classes().len();
    if words
        && let Some(known) =
            net.nodes.iter().find_map(|n| if let LayerOp::Embedding { words, .. } = n.op { Some(words) } else { None })
        && known < vocabulary
    {
        return Err(Failure::new(format!(
            "the data set `{}` has {vocabulary} words where the network `{}` has vectors for {known}",
            data.source.name, net.name
        ))
        .help("write `embedding(classes, …)`, which takes the vocabulary of the data"));
    }
    if !labelled {
        return Ok(());
    }
    let shape = net.nodes.get(net.output).map_or(&[][..], |n| &n.shape);
    let several = shape.len() == 2;
    if several != words || words && shape[0] != data.labels_each() {
        let (has, gives) = match words {
            true => ("a word to predict at each of its words", "one score for each class"),
            false => ("one label an example", "scores at each token"),
        };
        return Err(Failure::new(format!(
            "the data set `{}` has {has} where the network `{}` gives {gives}",
            data.source.name, net.name
        )));
    }
    if words {
        return Ok(());
    }
    let outputs = shape.iter().product::<usize>();
    if data.labels.len() != data.len() {
        return Err(Failure::new(format!("the data set `{}` has no labels", data.source.name)));
    }
    match data.labels.iter().max() {
        Some(label) if *label as usize >= outputs => Err(Failure::new(format!(
            "the data set `{}` has a label {label} where the network `{}` has {outputs} outputs",
            data.source.name, net.name
        ))),
        _ => Ok(()),
    }
}

/// Checks as [`fits`], for what counts examples by their one label.
///
/// Errors: as [`fits`]; the data set has several labels an example.
pub fn fits_one(net: &Net, data: &Dataset) -> Result<(), Failure> {
    fits(net, data, true)?;
    if matches!(data.source.images.data, Pixels::Words(_)) {
        let message =
            format!("the data set `{}` has a word to predict at each of its words, not one label an example", data.source.name);
        return Err(Failure::new(message).help("measure words by `loss`, `example_loss` or `accuracy`"));
    }
    Ok(())
}

/// Runs all examples in their order and hands `each` the first row of a batch, its labels, and the network after its forward pass.
///
/// Errors: [`Failure::Interrupted`] between batches; whatever `each` fails with; what fails on a device of its own.
pub fn sweep(
    network: &mut Network,
    data: &Dataset,
    cx: &dyn Context,
    mut each: impl FnMut(usize, &[u32], &mut Network) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let loader = Loader::new(data);
    let stream = Stream::root(0);
    for start in (0..data.len()).step_by(network.capacity().max(1)) {
        if cx.interrupted() {
            return Err(Failure::Interrupted);
        }
        let rows: Vec<usize> = (start..data.len().min(start + network.capacity())).collect();
        loader.fill(&rows, &[], stream, network.input_mut(rows.len()));
        network.forward(rows.len(), stream);
        each(start, &loader.labels(&rows), network)?;
        network.check()?;
    }
    Ok(())
}

/// What a network makes of each example.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Class with the highest score, for each label.
    pub predicted: Vec<u32>,
    /// The labels: one an example, or, of words, one at each.
    pub labels: Vec<u32>,
    /// Cross-entropy at the label of each example; the mean over its labels.
    pub losses: Vec<f64>,
}

impl Outcome {
    /// Adds the scores of further examples of `each` labels.
    pub fn take(&mut self, scores: &[f32], labels: &[u32], each: usize) {
        let k = (scores.len() / labels.len().max(1)).max(1);
        self.predicted.extend(scores.chunks_exact(k).map(|s| highest(s) as u32));
        self.labels.extend_from_slice(labels);
        let start = self.losses.len();
        self.losses.resize(start + labels.len() / each.max(1), 0.0);
        cross_entropy(scores, labels, 0.0, &mut self.losses[start..], None);
    }

    /// Returns, for each example, the share of its labels that were predicted: 0 or 1 where there is one.
    pub fn correct<'a>(&'a self, data: &Dataset) -> impl Iterator<Item = f64> + 'a {
        let each = data.labels_each().max(1);
        let parts = self.predicted.chunks(each).zip(self.labels.chunks(each));
        parts.map(move |(p, l)| p.iter().zip(l).filter(|(p, l)| p == l).count() as f64 / each as f64)
    }

    /// Returns the share of labels that were predicted; NaN where there is none.
    pub fn accuracy(&self, _data: &Dataset) -> f64 {
        self.predicted.iter().zip(&self.labels).filter(|(p, l)| p == l).count() as f64 / self.labels.len() as f64
    }

    /// Returns the mean loss; NaN where there is no example.
    pub fn loss(&self) -> f64 {
        self.losses.iter().sum::<f64>() / self.losses.len() as f64
    }
}

/// Returns predictions and losses of all examples. The network was opened for evaluation.
///
/// Errors: as [`sweep`].
pub fn outcome(network: &mut Network, data: &Dataset, cx: &dyn Context) -> Result<Outcome, Failure> {
    let node = network.net().output;
    let each = data.labels_each().max(1);
    let mut out = Outcome::default();
    sweep(network, data, cx, |_, labels, network| {
        out.take(network.value(node), labels, each);
        Ok(())
    })?;
    Ok(out)
}

/// Returns, for each example, the sum over its numbers of the absolute gradient of its loss (Gu & Tresp 2019, G(x)), by the normalised input.
///
/// Errors: as [`sweep`].
pub fn input_gradients(network: &mut Network, data: &Dataset, cx: &dyn Context) -> Result<Vec<f64>, Failure> {
    if let Pixels::Words(_) = data.source.images.data {
        let message = format!("`{}` has examples of words, whose numbers have no gradient", data.source.name);
        return Err(Failure::new(message));
    }
    let mut out = Vec::with_capacity(data.len());
    sweep(network, data, cx, |_, labels, network| {
        network.cross_entropy(labels, 0.0, 1.0);
        network.backward();
        let gradient = network.input_gradient();
        let size = (gradient.len() / labels.len().max(1)).max(1);
        out.extend(gradient.chunks_exact(size).map(|g| g.iter().map(|x| x.abs() as f64).sum::<f64>()));
        Ok(())
    })?;
    Ok(out)
}

/// Returns a network of another purpose for the weights of one in training. Both run all nodes.
pub fn companion(of: &Network, purpose: Purpose, rows: usize) -> Network {
    Network::new(of.net(), purpose, &[], companion_batch(of.net(), purpose, rows), of.place())
}

/// Returns how many examples at a time a [`companion`] takes.
pub fn companion_batch(net: &Net, purpose: Purpose, rows: usize) -> usize {
    let batch = match purpose {
        Purpose::Evaluation => batch_size(net),
        _ => batch_size(net).min(64),
    };
    batch.min(rows.max(1))
}
