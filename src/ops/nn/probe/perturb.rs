//! Noise on all units (Morcos et al. 2018): accuracy while N(0, s^2 var) is added to every unit, var its own variance over the data.

use super::clamp::{Bench, Layers, channels, check_layers, edited, layers};
use super::common::{collect, columns, numbers, problem};
use crate::base::Stream;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::nn::cost::{self, NORMAL};
use crate::ops::nn::evaluate::measured;
use crate::ops::nn::given::{Given, REPEATS, failed};
use crate::ops::nn::place::Place;
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::suits::{self, Labels};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem};
use crate::plan::files::Files;
use crate::settings;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::sync::Arc;

settings! {
    /// The settings of `perturb`.
    struct PerturbSettings("perturb") { at: Layers, scale: Vec<Given>, draws: Given }
}

/// What is added where, and how often.
struct Plan {
    at: Layers,
    scales: Vec<f64>,
    draws: usize,
}

impl Plan {
    fn parse(settings: &Settings) -> Result<Self, Problem> {
        let given = PerturbSettings::read(settings);
        if given.scale.is_empty() {
            return Err(problem("scale", "there is no scale of noise".to_string(), "give some, such as `[0, 0.5, 1]`"));
        }
        let held = |s: &Given| {
            s.held("scale", |s| s >= 0.0 && s.is_finite(), "scales are 0 or more, in standard deviations of each unit")
        };
        Ok(Plan {
            at: given.at,
            scales: given.scale.iter().map(held).collect::<Result<_, _>>()?,
            draws: given.draws.whole("draws", 1, REPEATS / 1000, "draws of the noise")?,
        })
    }
}

/// Columns of the table.
const COLUMNS: [&str; 3] = ["draw", "scale", "accuracy"];

/// The kernel of `perturb`.
pub struct Perturb;

impl Planned for Perturb {
    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let plan = Plan::parse(settings)?;
        suits::fits(inputs, "net", "data", Labels::One)?;
        check_layers(&plan.at, inputs)?;
        Ok(columns(&COLUMNS))
    }

    fn on_device(&self, _settings: &Settings, inputs: &[KnownInput]) -> f64 {
        cost::on_device(inputs, Purpose::Evaluation, None)
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let Ok(plan) = Plan::parse(settings) else { return Cost::default() };
        let runs = (plan.scales.len() * plan.draws) as f64;
        let noisy = (plan.scales.iter().filter(|s| **s > 0.0).count() * plan.draws) as f64;
        let numbers = cost::net(inputs, &["net"]).and_then(|net| {
            let nodes = layers(net, &plan.at).ok()?;
            Some(nodes.iter().map(|n| net.nodes[*n].shape.iter().product::<usize>()).sum::<usize>())
        });
        let noise = (cost::rows(inputs, "data") * numbers.unwrap_or(0)) as f64 * NORMAL;
        let pass = edited(inputs, "data", 2.0 + runs, &plan.at);
        Cost { seconds: pass.seconds + noisy * noise, disk: 200.0 + 24.0 * runs, ..pass }
    }
}

impl Kernel for Perturb {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (model, data) = measured(job, Labels::One)?;
        let Plan { at, scales, draws } = Plan::parse(&job.settings).map_err(failed)?;
        let nodes = layers(&model.net, &at)?;
        let mut bench = Bench::open(model, data, &nodes, &Place::of(cx)?)?;
        let moments = bench.moments(&nodes, cx)?;
        let hits = collect(cx, scales.len() * draws, |i| {
            let (draw, scale) = (i / scales.len(), scales[i % scales.len()]);
            // One draw uses the same noise at every scale, multiplied.
            let stream = job.stream.named("noise").numbered(draw as u64);
            bench.hits(cx, &nodes, &|start, node, out| {
                let Some(moments) = moments.get(&node).filter(|_| scale > 0.0) else { return };
                let deviations: Vec<f64> = moments.iter().map(|m| scale * m.1.sqrt()).collect();
                let size: usize = model.net.nodes[node].shape.iter().product();
                add_noise(out, size, &deviations, |row| stream.numbered(node as u64).numbered((start + row) as u64));
            })
        })?;
        debug_assert!(nodes.iter().all(|n| moments.get(n).is_some_and(|m| m.len() == channels(&model.net, *n))));
        let each = |f: &dyn Fn(usize) -> f64| (0..hits.len()).map(f).collect::<Vec<f64>>();
        Ok(Value::Table(Arc::new(numbers([
            (COLUMNS[0], each(&|i| (i / scales.len()) as f64)),
            (COLUMNS[1], each(&|i| scales[i % scales.len()])),
            (COLUMNS[2], each(&|i| hits[i] as f64 / data.len() as f64)),
        ]))))
    }
}

/// Adds normal noise to rows of `size` numbers, with a standard deviation for each channel; each row draws from a stream of its own.
fn add_noise(out: &mut [f32], size: usize, deviations: &[f64], stream: impl Fn(usize) -> Stream + Sync) {
    out.par_chunks_mut(size.max(1)).enumerate().for_each(|(row, out)| {
        let mut rng = stream(row).rng();
        for position in out.chunks_exact_mut(deviations.len()) {
            for (x, s) in position.iter_mut().zip(deviations) {
                let z: f64 = StandardNormal.sample(&mut rng);
                *x += (s * z) as f32;
            }
        }
    });
}
