//! `tap`: what a network's layers make of each example, in evaluation mode.

use super::cpu::image;
use super::evaluate::{fits, open, sweep};
use super::measures::{forward_seconds, pass_bytes};
use super::network::Network;
use super::place::Place;
use super::program::Purpose;
use crate::engine::value::{Dataset, Model, Stages};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::lang::net::ir::{Net, NodeId};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, known};
use crate::plan::files::Files;
use ndarray::Array2;
use std::sync::Arc;

/// How an image of responses becomes one number per channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pool {
    /// Mean over positions (Jamroz & Kurdziel 2023, Eq. 1).
    Mean,
    /// Maximum over positions.
    Max,
    /// The first position: of tokens, the class token.
    First,
    /// The last position: of words, what has been read of all of them.
    Last,
    /// Not at all: every number is a unit, in the order channels, height, width.
    None,
}

impl Pool {
    fn parse(settings: &Settings) -> Pool {
        match settings.word("pool") {
            "mean" => Pool::Mean,
            "max" => Pool::Max,
            "first" => Pool::First,
            "last" => Pool::Last,
            _ => Pool::None,
        }
    }

    /// Returns the number of units that a shape is pooled to.
    pub fn units(self, shape: &[usize]) -> usize {
        match self {
            Pool::None => shape.iter().product(),
            _ => shape.last().copied().unwrap_or(1),
        }
    }

    /// Writes the units of one example.
    pub fn apply(self, responses: &[f32], channels: usize, out: &mut [f64]) {
        let positions = (responses.len() / channels.max(1)).max(1);
        match self {
            Pool::Mean => {
                out.fill(0.0);
                for row in responses.chunks_exact(channels) {
                    out.iter_mut().zip(row).for_each(|(o, r)| *o += *r as f64);
                }
                out.iter_mut().for_each(|o| *o /= positions as f64);
            }
            Pool::Max => {
                out.fill(f64::NEG_INFINITY);
                for row in responses.chunks_exact(channels) {
                    out.iter_mut().zip(row).for_each(|(o, r)| *o = o.max(*r as f64));
                }
            }
            Pool::First => out.iter_mut().zip(responses).for_each(|(o, r)| *o = *r as f64),
            Pool::Last => {
                let last = &responses[(positions - 1) * channels..];
                out.iter_mut().zip(last).for_each(|(o, r)| *o = *r as f64);
            }
            Pool::None => {
                for (i, o) in out.iter_mut().enumerate() {
                    *o = responses[i % positions * channels + i / positions] as f64;
                }
            }
        }
    }
}

/// Returns the name of the tap that a cell is about.
pub fn tap_name(settings: &Settings) -> String {
    let at = settings.get("at");
    at.make().map(|(_, fields)| fields.word("name").to_string()).unwrap_or_else(|| at.word().unwrap_or("").to_string())
}

/// The kernel of `tap`.
pub struct Tap;

impl Planned for Tap {
    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let data = known(inputs, "data").cloned().unwrap_or_default();
        let name = tap_name(settings);
        let shape = known(inputs, "net").and_then(|m| m.taps.iter().find(|(n, _)| *n == name)).map(|(_, s)| s);
        let dim = shape.map(|s| Pool::parse(settings).units(s));
        let bytes = dim.zip(data.most_rows()).map(|(d, r)| (d * r * 8) as u64);
        let shape = dim.map(|d| vec![d]);
        Ok(Facts { dim, shape, bytes, ..data.each_example() })
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let rows = known(inputs, "data").and_then(|f| f.most_rows()).unwrap_or(0) as f64;
        let name = tap_name(settings);
        let units = known(inputs, "net")
            .and_then(|m| m.taps.iter().find(|(n, _)| *n == name))
            .map_or(0, |(_, s)| Pool::parse(settings).units(s));
        let bytes = rows * units as f64 * 8.0;
        Cost { seconds: 1e-3 + rows * forward_seconds(inputs), memory: 2.0 * bytes + pass_bytes(inputs), disk: bytes }
    }
}

/// Returns what the layer at a tap makes of each example, pooled: examples x units.
///
/// Errors: the data do not fit the network, there is no such tap, or the run was interrupted.
pub fn responses(model: &Model, data: &Dataset, name: &str, pool: Pool, cx: &dyn Context) -> Result<Array2<f64>, Failure> {
    fits(&model.net, data, false)?;
    let node = node(&model.net, name)?;
    let shape = &model.net.nodes[node].shape;
    let (_, _, channels) = image(shape);
    let units = pool.units(shape);
    let size: usize = shape.iter().product();
    let mut x = Array2::<f64>::zeros((data.len(), units));
    let mut network: Network = open(model, Purpose::Evaluation, &[node], data.len(), &Place::of(cx)?)?;
    let rows = data.len() as u64;
    sweep(&mut network, data, cx, |start, labels, network| {
        let batch = labels.len();
        for (i, responses) in network.value(node).chunks_exact(size).enumerate() {
            if let Some(out) = x.row_mut(start + i).as_slice_mut() {
                pool.apply(responses, channels, out);
            }
        }
        cx.progress((start + batch) as u64, rows, &[]);
        Ok(())
    })?;
    Ok(x)
}

/// Returns the node of a tap.
///
/// Errors: the network has no tap of that name.
pub fn node(net: &Net, name: &str) -> Result<NodeId, Failure> {
    net.taps.iter().find(|(n, _)| n == name).map(|(_, node)| *node).ok_or_else(|| {
        let taps: Vec<_> = net.taps.iter().map(|t| t.0.as_str()).collect();
        let message = format!("the network `{}` has no tap `{name}`", net.name);
        Failure::new(message).help(format!("its taps are {}", taps.join(", ")))
    })
}

impl Kernel for Tap {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (model, data) = (job.model("net")?, job.dataset("data")?);
        let x = responses(model, data, &tap_name(&job.settings), Pool::parse(&job.settings), cx)?;
        Ok(Value::Stages(Arc::new(Stages {
            x,
            ids: data.ids.clone(),
            labels: data.labels.clone(),
            classes: data.classes().to_vec(),
            numbered: false,
            notes: Vec::new(),
        })))
    }
}
