//! Noise on all units (Morcos et al. 2018): accuracy while N(0, s^2 var) is added to every unit, var its own variance over the data.

use super::ablate::collect;
use super::clamp::{Bench, channels, check_layers, layers};
use super::{numbers, passes, problem};
use crate::base::Stream;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::{Settings, Static};
use crate::ops::nn::evaluate::fits_one;
use crate::ops::nn::place::Place;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem};
use crate::plan::files::Files;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::sync::Arc;

/// Returns the scales s in a list.
fn scales(settings: &Settings) -> Vec<f64> {
    match settings.get("scale") {
        Static::List(items) => items.iter().filter_map(Static::number).collect(),
        other => other.number().into_iter().collect(),
    }
}

/// The kernel of `perturb`.
pub struct Perturb;

impl Planned for Perturb {
    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        check_layers(settings, inputs)?;
        let scales = scales(settings);
        if scales.is_empty() {
            return Err(problem("scale", "there is no scale of noise".to_string(), "give some, such as `[0, 0.5, 1]`"));
        }
        if let Some(s) = scales.iter().find(|s| !(**s >= 0.0 && s.is_finite())) {
            return Err(problem(
                "scale",
                format!("{s} is no scale of noise"),
                "scales are 0 or more, in standard deviations of each unit",
            ));
        }
        if settings.int("draws") == 0 {
            return Err(problem("draws", "`draws` is 0".to_string(), "at least one draw of the noise is needed"));
        }
        Ok(Facts::default())
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        passes(inputs, "data", (1 + scales(settings).len() * settings.int("draws")) as f64)
    }
}

impl Kernel for Perturb {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (model, data) = (job.model("net")?, job.dataset("data")?);
        if data.is_empty() {
            return Err(Failure::Absent("there is no example to measure on".to_string()));
        }
        fits_one(&model.net, data)?;
        let nodes = layers(&model.net, job.settings.get("at"))?;
        let mut bench = Bench::open(model, data, &nodes, &Place::of(cx)?)?;
        let moments = bench.moments(&nodes, cx)?;
        let (scales, draws) = (scales(&job.settings), job.settings.int("draws"));
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
            ("draw", each(&|i| (i / scales.len()) as f64)),
            ("scale", each(&|i| scales[i % scales.len()])),
            ("accuracy", each(&|i| hits[i] as f64 / data.len() as f64)),
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
