//! A model run over a data set in evaluation mode, batch by batch.

use super::batches::Loader;
use super::given::failed;
use super::loss::{cross_entropy, highest};
use super::network::Network;
use super::place::Place;
use super::steps::Purpose;
use super::suits::{self, Labels};
use crate::base::Stream;
use crate::engine::value::{Dataset, Model, Pixels, Scores};
use crate::engine::{Context, Failure, Job, Value};
use crate::lang::net::ir::{Net, NodeId};
use crate::plan::facts::Facts;
use std::sync::Arc;

/// Numbers that the largest activation of an evaluation batch may have.
const ACTIVATION: usize = 1 << 24;

/// Returns the size of batches in evaluation: a function of the network alone.
pub fn batch_size(net: &Net) -> usize {
    let largest = net.nodes.iter().map(|n| n.shape.iter().product::<usize>()).max().unwrap_or(1).max(1);
    (ACTIVATION / largest).clamp(16, 256)
}

/// Returns the size of batches of passes for a purpose: with gradients, a batch takes several times the memory.
pub fn batch_for(net: &Net, purpose: Purpose) -> usize {
    match purpose {
        Purpose::Evaluation => batch_size(net),
        _ => batch_size(net).min(64),
    }
}

/// Returns a network with the model's weights, for evaluation or for gradients by the input.
///
/// Errors: the weights do not fit the network, or the network the memory of its device.
pub fn open(model: &Model, purpose: Purpose, keep: &[NodeId], rows: usize, place: &Place) -> Result<Network, Failure> {
    let batch = batch_for(&model.net, purpose);
    let mut network = Network::new(&model.net, purpose, keep, batch.min(rows.max(1)), place);
    network.load(&model.weights)?;
    network.check()?;
    Ok(network)
}

/// Checks that a data set fits a network, as [`suits::fits_net`] does what is known of it.
///
/// Errors: what does not fit, in a sentence.
pub fn fits(net: &Net, data: &Dataset, labels: Labels) -> Result<(), Failure> {
    let words = matches!(data.source.images.data, Pixels::Words(_));
    let highest = data.labels.iter().max().map_or(0, |l| *l as usize + 1);
    let facts = Facts {
        shape: Some(data.source.images.shape.clone()),
        classes: Some(data.classes().to_vec()),
        class_sizes: Some(vec![1; highest]),
        labelled: Some(words || data.labels.len() == data.len()),
        labels_each: words.then(|| data.labels_each()),
        ..Facts::default()
    };
    suits::fits_net(net, &facts, "data", labels).map_err(failed)
}

/// Returns the model of a job and the data that it is measured on.
///
/// Errors: there is no example (the cell is absent); they do not fit each other.
pub fn measured(job: &Job, labels: Labels) -> Result<(&Arc<Model>, &Arc<Dataset>), Failure> {
    let (model, data) = (job.model("net")?, job.dataset("data")?);
    some(data)?;
    fits(&model.net, data, labels)?;
    Ok((model, data))
}

/// Checks that there is something to measure on.
///
/// Errors: there is no example (the cell is absent).
pub fn some(data: &Dataset) -> Result<(), Failure> {
    if data.is_empty() { Err(Failure::Absent("there is no example to measure on".to_string())) } else { Ok(()) }
}

/// Returns a number for each example of a data set as the value of a cell.
pub fn of_examples(values: Vec<f64>, data: &Dataset) -> Value {
    let (ids, labels, classes) = (data.ids.clone(), data.labels.clone(), data.classes().to_vec());
    Value::Scores(Arc::new(Scores { values, ids, labels, classes, ..Scores::default() }))
}

/// Bytes that the number of an example takes in the store, with its id and label.
pub const SCORE: f64 = 16.0;

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
    batch_for(net, purpose).min(rows.max(1))
}
