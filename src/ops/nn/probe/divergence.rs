//! How differently two networks answer (Gu & Tresp 2019, Eq. 2): relative entropy of their softmax outputs, for each example.

use super::common::passes;
use crate::engine::value::{Dataset, Model};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::lang::net::ir::Net;
use crate::ops::nn::cost;
use crate::ops::nn::evaluate::{SCORE, fits, of_examples, open, some, sweep};
use crate::ops::nn::place::Place;
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::suits::{self, Labels};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, known};
use crate::plan::files::Files;

/// The kernel of `output_divergence`.
pub struct OutputDivergence;

impl Planned for OutputDivergence {
    /// 2: a number for each example.
    fn version(&self) -> u32 {
        2
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        suits::fits(inputs, "net", "inputs", Labels::Any)?;
        suits::fits(inputs, "against", "inputs", Labels::Any)?;
        let net = |slot: &str| known(inputs, slot).and_then(|m| m.net.clone());
        if let (Some(first), Some(second)) = (net("net"), net("against")) {
            let (k, other) = (size(&first), size(&second));
            if k != other {
                let message = format!("the network `{}` has {k} outputs, and `{}` has {other}", first.name, second.name);
                return Err(suits::unfit("against", message, "compare networks with the same classes"));
            }
        }
        Ok(known(inputs, "inputs").map_or_else(Facts::default, Facts::each_example))
    }

    fn on_device(&self, _settings: &Settings, inputs: &[KnownInput]) -> f64 {
        cost::on_device(inputs, Purpose::Evaluation, None)
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let rows = cost::rows(inputs, "inputs");
        let of = |slot: &str| {
            cost::net(inputs, &[slot]).map_or(1e-4 * rows as f64, |net| cost::sweep_seconds(net, Purpose::Evaluation, rows))
        };
        let disk = SCORE * rows as f64;
        Cost { seconds: 1e-3 + of("net") + of("against"), disk, ..passes(inputs, "inputs", 1.0) }
    }
}

impl Kernel for OutputDivergence {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (first, second, data) = (job.model("net")?, job.model("against")?, job.dataset("inputs")?);
        some(data)?;
        let (k, other) = (outputs(first), outputs(second));
        if k != other {
            let names = (&first.net.name, &second.net.name);
            return Err(Failure::new(format!("the network `{}` has {k} outputs, and `{}` has {other}", names.0, names.1)));
        }
        let (p, q) = (scores(first, data, cx)?, scores(second, data, cx)?);
        let values = p.chunks_exact(k.max(1)).zip(q.chunks_exact(k.max(1))).map(|(p, q)| divergence(p, q)).collect();
        Ok(of_examples(values, data))
    }
}

fn size(net: &Net) -> usize {
    net.nodes.get(net.output).map_or(0, |n| n.shape.iter().product())
}

fn outputs(model: &Model) -> usize {
    size(&model.net)
}

/// Returns the class scores of all examples: examples x classes.
fn scores(model: &Model, data: &Dataset, cx: &dyn Context) -> Result<Vec<f32>, Failure> {
    fits(&model.net, data, Labels::Any)?;
    let node = model.net.output;
    let mut network = open(model, Purpose::Evaluation, &[node], data.len(), &Place::of(cx)?)?;
    let mut out = Vec::with_capacity(data.len() * outputs(model));
    sweep(&mut network, data, cx, |_, _, network| {
        out.extend_from_slice(network.value(node));
        Ok(())
    })?;
    Ok(out)
}

/// Returns KL(softmax(p) || softmax(q)) in nats.
pub fn divergence(p: &[f32], q: &[f32]) -> f64 {
    let (p, q) = (log_softmax(p), log_softmax(q));
    p.iter().zip(&q).map(|(p, q)| if *p == f64::NEG_INFINITY { 0.0 } else { p.exp() * (p - q) }).sum::<f64>().max(0.0)
}

fn log_softmax(scores: &[f32]) -> Vec<f64> {
    let highest = scores.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b)) as f64;
    let total = scores.iter().map(|s| (*s as f64 - highest).exp()).sum::<f64>().ln();
    scores.iter().map(|s| *s as f64 - highest - total).collect()
}
