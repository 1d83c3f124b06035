//! `tap`: what a network's layers make of each example, in evaluation mode.

use super::cost;
use super::cpu::image;
use super::evaluate::{batch_size, fits};
use super::given::TapName;
use super::pass::{self, Made, Reader};
use super::program::Purpose;
use super::suits::{self, Labels};
use crate::engine::value::{Dataset, Model, Stages};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::lang::net::ir::{Net, NodeId};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Shape, Share, known};
use crate::plan::files::Files;
use crate::{settings, words};
use ndarray::Array2;
use std::sync::Arc;

words! {
    /// How an image of responses becomes one number per channel.
    pub enum Pool {
        /// Mean over positions (Jamroz & Kurdziel 2023, Eq. 1).
        Mean = "mean",
        /// Maximum over positions.
        Max = "max",
        /// The first position: of tokens, the class token.
        First = "first",
        /// The last position: of words, what has been read of all of them.
        Last = "last",
        /// Not at all: every number is a unit, in the order channels, height, width.
        None = "none",
    }
}

settings! {
    /// The settings of `tap`.
    pub struct TapSettings("tap") { at: TapName, pool: Pool }
}

impl Pool {
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

/// Returns the shape of what a tap of the model in the slot `net` puts out for one example, where it is known.
pub fn shape<'a>(inputs: &'a [KnownInput], name: &str) -> Option<&'a Vec<usize>> {
    known(inputs, "net").and_then(|m| m.taps.iter().find(|(n, _)| n == name)).map(|(_, s)| s)
}

/// The kernel of `tap`.
pub struct Tap;

impl Planned for Tap {
    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let given = TapSettings::read(settings);
        suits::fits(inputs, "net", "data", Labels::Any)?;
        suits::tap(inputs, "net", &given.at.0)?;
        let data = known(inputs, "data").cloned().unwrap_or_default();
        let dim = shape(inputs, &given.at.0).map(|s| given.pool.units(s));
        let bytes = dim.zip(data.most_rows()).map(|(d, r)| (d * r * 8) as u64);
        Ok(Facts { dim, shape: dim.map(|d| vec![d]), bytes, ..data.each_example() })
    }

    /// Pooling does nothing where no tap of the network has positions.
    fn doubts(&self, settings: &Settings, shapes: &[Shape]) -> Option<Problem> {
        let mut taps = shapes.iter().filter(|s| s.slot == "net").flat_map(|s| s.facts).flat_map(|f| &f.taps).peekable();
        taps.peek()?;
        (TapSettings::read(settings).pool != Pool::None && taps.all(|(_, shape)| shape.len() == 1)).then(|| Problem {
            code: "cfx::train::setting",
            parameter: Some("pool"),
            message: "no tap of this network has positions, so there is nothing to pool".to_string(),
            help: Some("leave out `pool:`".to_string()),
        })
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let given = TapSettings::read(settings);
        let rows = cost::rows(inputs, "data");
        let (units, all) = shape(inputs, &given.at.0).map_or((0, 0), |s| (given.pool.units(s), s.iter().product()));
        let bytes = (rows * units * 8) as f64;
        Cost {
            seconds: 1e-3 + seconds(inputs, &given.at.0) + (rows * all) as f64 * 2e-9 + (rows * units) as f64 * 2e-9,
            memory: 2.0 * bytes + cost::pass_bytes(inputs),
            disk: bytes,
        }
    }

    fn share(&self, settings: &Settings, inputs: &[KnownInput]) -> Option<Share> {
        shared(inputs, &TapSettings::read(settings).at.0)
    }
}

/// Returns what is shared by cells that read what the model in the slot `net` makes of the examples in `data` up to a tap.
pub fn shared(inputs: &[KnownInput], name: &str) -> Option<Share> {
    pass::share(seconds(inputs, name))
}

/// Returns the seconds that the examples in the slot `data` take up to a tap of the model in the slot `net`: what comes later is not run.
pub fn seconds(inputs: &[KnownInput], name: &str) -> f64 {
    let Some(net) = cost::net(inputs, &["net"]) else { return cost::pass_seconds(inputs, "data") };
    let whole = cost::pass_seconds(inputs, "data");
    match net.taps.iter().find(|(n, _)| n == name) {
        Some((_, node)) => {
            let batch = batch_size(net);
            let rest = cost::batched(cost::rows(inputs, "data"), batch, |b| {
                cost::batch_seconds(net, Purpose::Evaluation, b, Some(*node))
            });
            (whole - rest).max(0.1 * whole)
        }
        None => whole,
    }
}

/// What a tap reads off a pass: what a layer makes of each example, pooled.
struct Responses<F> {
    node: NodeId,
    channels: usize,
    size: usize,
    pool: Pool,
    /// Examples x units.
    x: Array2<f64>,
    conclude: Option<F>,
}

/// Returns the reader of what the layer at a tap makes of each example, pooled: examples x units, of which `conclude` makes the value.
///
/// Errors: the data do not fit the network, or there is no such tap.
pub fn reader<F>(model: &Model, data: &Dataset, name: &str, pool: Pool, conclude: F) -> Made
where
    F: FnOnce(Array2<f64>) -> Result<Value, Failure> + 'static,
{
    fits(&model.net, data, false)?;
    let node = node(&model.net, name)?;
    let shape = &model.net.nodes[node].shape;
    let (_, _, channels) = image(shape);
    let x = Array2::zeros((data.len(), pool.units(shape)));
    Ok(Box::new(Responses { node, channels, size: shape.iter().product(), pool, x, conclude: Some(conclude) }))
}

impl<F: FnOnce(Array2<f64>) -> Result<Value, Failure>> Reader for Responses<F> {
    fn node(&self) -> NodeId {
        self.node
    }

    fn take(&mut self, start: usize, _labels: &[u32], responses: &[f32]) -> Result<(), Failure> {
        for (i, responses) in responses.chunks_exact(self.size).enumerate() {
            if let Some(out) = self.x.row_mut(start + i).as_slice_mut() {
                self.pool.apply(responses, self.channels, out);
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Value, Failure> {
        match self.conclude.take() {
            Some(conclude) => conclude(std::mem::take(&mut self.x)),
            None => Err(Failure::new("the pass was read already")),
        }
    }
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

/// Returns the reader of a job of `tap`.
pub fn of(job: &Job) -> Made {
    let (model, data) = (job.model("net")?, job.dataset("data")?.clone());
    let given = TapSettings::read(&job.settings);
    reader(model, &data.clone(), &given.at.0, given.pool, move |x| {
        Ok(Value::Stages(Arc::new(Stages {
            x,
            ids: data.ids.clone(),
            labels: data.labels.clone(),
            classes: data.classes().to_vec(),
            numbered: false,
            notes: Vec::new(),
        })))
    })
}

impl Kernel for Tap {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        pass::alone(job, of(job), cx)
    }
}
