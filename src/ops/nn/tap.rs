//! `tap`: what a network's layers make of each example, in evaluation mode.

use super::cost;
use super::evaluate::{batch_size, fits};
use super::given::{TapName, failed};
use super::pass::{self, Made, Reader};
use super::spec::image;
use super::steps::Purpose;
use super::suits::{self, Labels};
use crate::engine::value::{Dataset, Model, Stages};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::lang::net::ir::{Net, NodeId};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Shape, Share, known};
use crate::plan::files::Files;
use crate::{settings, words};
use ndarray::{Array2, s};
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
        /// Not at all: every position of an example is a row of its own.
        Positions = "positions",
    }
}

settings! {
    /// The settings of `tap`.
    pub struct TapSettings("tap") { at: TapName, pool: Pool, position: Option<i64> = None }
}

/// What a tap takes of the positions that a layer has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Take {
    /// All of them, pooled.
    Pooled(Pool),
    /// One of them, counted from 0.
    One(usize),
}

impl TapSettings {
    /// Returns what is taken of `positions` positions.
    ///
    /// Errors: there is no such position, or a way of pooling is given as well.
    pub fn take(&self, positions: usize) -> Result<Take, Problem> {
        let wrong = |parameter: &'static str, message: String, help: String| Problem {
            code: "cfx::train::setting",
            parameter: Some(parameter),
            message,
            help: Some(help),
        };
        let Some(at) = self.position else { return Ok(Take::Pooled(self.pool)) };
        if self.pool != Pool::None {
            let message = "`position` takes one position, so there is nothing to pool".to_string();
            return Err(wrong("pool", message, "leave out `pool:` or `position:`".to_string()));
        }
        let place = if at < 0 { positions as i64 + at } else { at };
        match usize::try_from(place).ok().filter(|p| *p < positions) {
            Some(place) => Ok(Take::One(place)),
            None => {
                let message = format!("there is no position {at} among the {positions} of the layer `{}`", self.at.0);
                let last = positions.saturating_sub(1);
                Err(wrong("position", message, format!("positions are 0 to {last}, or -1 to -{positions} from the end")))
            }
        }
    }
}

/// Returns the number of positions of a shape: 1 of a vector.
pub fn positions(shape: &[usize]) -> usize {
    shape.iter().product::<usize>() / shape.last().copied().unwrap_or(1).max(1)
}

impl Take {
    /// Returns the number of units that a shape is taken to.
    pub fn units(self, shape: &[usize]) -> usize {
        match self {
            Take::Pooled(pool) => pool.units(shape),
            Take::One(_) => shape.last().copied().unwrap_or(1),
        }
    }

    /// Returns how many rows an example makes.
    pub fn rows(self, shape: &[usize]) -> usize {
        if self == Take::Pooled(Pool::Positions) { positions(shape) } else { 1 }
    }

    /// Writes the rows of one example, end to end.
    fn apply(self, responses: &[f32], channels: usize, out: &mut [f64]) {
        let copy = |from: &[f32], out: &mut [f64]| out.iter_mut().zip(from).for_each(|(o, r)| *o = *r as f64);
        match self {
            Take::Pooled(Pool::Positions) => copy(responses, out),
            Take::Pooled(pool) => pool.apply(responses, channels, out),
            Take::One(place) => copy(&responses[place * channels..], out),
        }
    }
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
            // One row a position is more than one row an example, which `Take` writes.
            Pool::First | Pool::Positions => out.iter_mut().zip(responses).for_each(|(o, r)| *o = *r as f64),
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
    let model = known(inputs, "net")?;
    let inner = || model.net.as_ref().and_then(|net| net.find(name).map(|node| &net.nodes[node].shape));
    model.taps.iter().find(|(n, _)| n == name).map(|(_, s)| s).or_else(inner)
}

/// Returns what is known of rows that get new numbers, `each` for each example: they no longer stand for examples of the data set.
fn numbered(facts: Facts, each: Option<usize>) -> Facts {
    let times = |n: usize| each.map(|each| n * each);
    Facts {
        rows: facts.rows.and_then(times),
        rows_at_most: facts.rows_at_most.and_then(times),
        class_sizes: facts.class_sizes.and_then(|sizes| sizes.into_iter().map(times).collect()),
        source: None,
        from: Vec::new(),
        ..facts
    }
}

/// The kernel of `tap`.
pub struct Tap;

impl Planned for Tap {
    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let given = TapSettings::read(settings);
        suits::fits(inputs, "net", "data", Labels::Any)?;
        suits::tap(inputs, "net", &given.at.0)?;
        let data = known(inputs, "data").cloned().unwrap_or_default();
        let Some(shape) = shape(inputs, &given.at.0) else {
            let facts = data.each_example();
            return Ok(if given.pool == Pool::Positions { numbered(facts, None) } else { facts });
        };
        let take = given.take(positions(shape))?;
        let (dim, each) = (take.units(shape), take.rows(shape));
        let bytes = data.most_rows().map(|r| (dim * r * each * 8) as u64);
        let facts = Facts { dim: Some(dim), shape: Some(vec![dim]), bytes, reduced: Some(false), ..data.each_example() };
        Ok(if given.pool == Pool::Positions { numbered(facts, Some(each)) } else { facts })
    }

    fn later(&self) -> &'static [(&'static str, &'static str)] {
        &[("position", "none")]
    }

    /// Pooling does nothing if no tap of the network has positions.
    fn doubts(&self, settings: &Settings, shapes: &[Shape]) -> Option<Problem> {
        let mut taps = shapes.iter().filter(|s| s.slot == "net").flat_map(|s| s.facts).flat_map(|f| &f.taps).peekable();
        taps.peek()?;
        let pool = TapSettings::read(settings).pool;
        (!matches!(pool, Pool::None | Pool::Positions) && taps.all(|(_, shape)| shape.len() == 1)).then(|| Problem {
            code: "cfx::train::setting",
            parameter: Some("pool"),
            message: "no tap of this network has positions, so there is nothing to pool".to_string(),
            help: Some("leave out `pool:`".to_string()),
        })
    }

    fn on_device(&self, _settings: &Settings, inputs: &[KnownInput]) -> f64 {
        cost::on_device(inputs, Purpose::Evaluation, None)
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let given = TapSettings::read(settings);
        let rows = cost::rows(inputs, "data");
        let of = |shape: &Vec<usize>| {
            let take = given.take(positions(shape)).unwrap_or(Take::Pooled(given.pool));
            (take.units(shape) * take.rows(shape), shape.iter().product())
        };
        let (units, all) = shape(inputs, &given.at.0).map_or((0, 0), of);
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
    match net.find(name) {
        Some(node) => {
            let batch = batch_size(net);
            let rest = cost::batched(cost::rows(inputs, "data"), batch, |b| {
                cost::batch_seconds(net, Purpose::Evaluation, b, Some(node))
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
    take: Take,
    /// Rows x units.
    x: Array2<f64>,
    /// Rows of one example.
    each: usize,
    conclude: Option<F>,
}

/// Returns the reader of what the layer at a tap makes of each example: examples x units (positions x units where each is a row), of which `conclude` makes the value.
///
/// Errors: the data do not fit the network, or there is no such tap.
pub fn reader<F>(model: &Model, data: &Dataset, name: &str, take: Take, conclude: F) -> Made
where
    F: FnOnce(Array2<f64>) -> Result<Value, Failure> + 'static,
{
    fits(&model.net, data, Labels::Any)?;
    let node = node(&model.net, name)?;
    let shape = &model.net.nodes[node].shape;
    let (_, _, channels) = image(shape);
    let each = take.rows(shape);
    let x = Array2::zeros((data.len() * each, take.units(shape)));
    Ok(Box::new(Responses { node, channels, size: shape.iter().product(), take, x, each, conclude: Some(conclude) }))
}

impl<F: FnOnce(Array2<f64>) -> Result<Value, Failure>> Reader for Responses<F> {
    fn node(&self) -> NodeId {
        self.node
    }

    fn take(&mut self, start: usize, _labels: &[u32], responses: &[f32]) -> Result<(), Failure> {
        for (i, responses) in responses.chunks_exact(self.size).enumerate() {
            let first = (start + i) * self.each;
            if let Some(out) = self.x.slice_mut(s![first..first + self.each, ..]).as_slice_mut() {
                self.take.apply(responses, self.channels, out);
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
    net.find(name).ok_or_else(|| {
        let taps: Vec<_> = net.taps.iter().map(|t| t.0.as_str()).collect();
        let message = format!("the network `{}` has no tap and no layer `{name}`", net.name);
        Failure::new(message).help(format!("its taps are {}", taps.join(", ")))
    })
}

/// Returns the reader of a job of `tap`.
pub fn of(job: &Job) -> Made {
    let (model, data) = (job.model("net")?, job.dataset("data")?.clone());
    let given = TapSettings::read(&job.settings);
    let shape = &model.net.nodes[node(&model.net, &given.at.0)?].shape;
    let take = given.take(positions(shape)).map_err(failed)?;
    reader(model, &data.clone(), &given.at.0, take, move |x| {
        let each = x.nrows() / data.len().max(1);
        let numbered = take == Take::Pooled(Pool::Positions);
        let repeated = |labels: &Vec<u32>| Arc::new(labels.iter().flat_map(|l| std::iter::repeat_n(*l, each)).collect());
        let one_each = data.labels.len() == data.len();
        Ok(Value::Stages(Arc::new(Stages {
            ids: if numbered { Arc::new((0..x.nrows() as u32).collect()) } else { data.ids.clone() },
            labels: if numbered && one_each { repeated(&data.labels) } else { data.labels.clone() },
            x,
            classes: data.classes().to_vec(),
            numbered,
            notes: Vec::new(),
        })))
    })
}

impl Kernel for Tap {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        pass::alone(job, of(job), cx)
    }
}
