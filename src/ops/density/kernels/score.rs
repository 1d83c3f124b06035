//! `log_density` and `sample_density`: points scored under, and drawn from, the posterior predictive.

use super::super::fit::{Rows, fit};
use super::super::posterior::Posterior;
use super::super::predictive::Predictive;
use super::super::sample::sample;
use super::{all_rows, coordinate};
use crate::base::Stream;
use crate::engine::kernel::mismatch;
use crate::engine::value::{Scores, Stages};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, known};
use crate::plan::files::Files;
use ndarray::Array2;
use rand::RngExt;
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Log density of every example under its own class, or under the class asked for.
pub struct LogDensity;

/// Points drawn from a density.
pub struct SampleDensity;

impl Planned for LogDensity {
    fn version(&self) -> u32 {
        3
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let x = known(inputs, "x").cloned().unwrap_or_default();
        Ok(x.each_example())
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let x = known(inputs, "x");
        let n = x.and_then(|f| f.most_rows()).unwrap_or(1000) as f64;
        let d = x.and_then(|f| f.dim).unwrap_or(16) as f64;
        let folds = settings.int("held_out") as f64;
        // Some forty distinct components at one gemm each; refitting as `dp_mixture` would at its defaults.
        let seconds = 2e-3 + n * 40.0 * (1e-9 + d * d * 6e-11) + folds * n * 400.0 * (6e-8 + 2.5e-10 * d * d);
        Cost { seconds, memory: n * d * 16.0 + 40.0 * d * d * 8.0, disk: n * 12.0 }
    }
}

impl Kernel for LogDensity {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let x = job.stages("x")?;
        let rows = all_rows(x);
        rows.check()?;
        let given = job.labelled("p").ok_or_else(|| mismatch("p", "density", None))?;
        let mut densities = Vec::new();
        for value in &given.values {
            match value {
                Value::Pack(p) => densities.push(Posterior::unpack(p)?),
                Value::Absent(_) => {}
                other => return Err(mismatch("p", "density", Some(other))),
            }
        }
        if densities.is_empty() {
            return Err(mismatch("p", "density", given.values.first()));
        }
        let under = coordinate(&job.settings, "under").map(|c| c.index as u32);
        let folds = job.settings.int("held_out");
        // Which rows each density scores: its class's, or all with `under` or without classes.
        let by_class = densities.iter().any(|p| p.class.is_some());
        if by_class && under.is_none() && x.labels.is_empty() {
            return Err(Failure::new("the representation has no labels, so its rows have no class to be scored under")
                .help("score them under each class with `under: class`"));
        }
        let mut values = vec![f64::NAN; rows.n()];
        let mut done = 0;
        for p in &densities {
            if under.is_some() && p.class.is_some() && p.class != under {
                continue;
            }
            let mine: Vec<usize> = match (p.class, under) {
                (Some(c), None) => (0..rows.n()).filter(|i| rows.labels[*i] == c).collect(),
                _ => (0..rows.n()).collect(),
            };
            if p.d != rows.d {
                return Err(Failure::new(format!("the density has {} dimensions, the representation {}", p.d, rows.d)));
            }
            let chosen = rows.select(&mine);
            let scores = match folds {
                0 | 1 if p.fit.setup.published => published(p, &chosen.x),
                0 | 1 => Predictive::new(p).log_density(&chosen.x),
                _ => held_out(p, &chosen, folds, &job.stream.named("held out").numbered(u64::from(p.class.unwrap_or(0))), cx)?,
            };
            mine.iter().zip(scores).for_each(|(i, s)| values[*i] = s);
            done += 1;
            cx.progress(done, densities.len() as u64, &[]);
            if cx.interrupted() {
                return Err(Failure::Interrupted);
            }
        }
        if done == 0 {
            return Err(Failure::Absent("no density of that class".into()));
        }
        Ok(Value::Scores(Arc::new(Scores { values, ids: x.ids.clone(), labels: x.labels.clone(), classes: x.classes.clone() })))
    }
}

/// Returns log densities averaged over states, as the published code averages them (recipes.md A, difference 4).
fn published(p: &Posterior, x: &[f64]) -> Vec<f64> {
    let predictive = Predictive::new(p);
    let states = predictive.states.len();
    predictive.by_state(x).chunks_exact(states).map(|s| s.iter().sum::<f64>() / states as f64).collect()
}

/// Returns each row's log density under a density fitted to the other folds; the rows must be those that `p` was fitted to.
fn held_out(p: &Posterior, rows: &Rows, folds: usize, stream: &Stream, cx: &dyn Context) -> Result<Vec<f64>, Failure> {
    let place: BTreeMap<u32, usize> = p.ids.iter().enumerate().map(|(i, id)| (*id, i)).collect();
    let same =
        |i: usize| place.get(&rows.ids[i]).is_some_and(|j| p.rows[j * p.d..(j + 1) * p.d] == rows.x[i * p.d..(i + 1) * p.d]);
    if !(0..rows.n()).all(same) {
        return Err(Failure::new("held-out densities refit on parts of the fitted rows, but some rows of `x` were not fitted")
            .help("pass the stages that the density was fitted to, restricted as they were"));
    }
    let fold = fold_of(rows.n(), folds, stream);
    let parts: Result<Vec<(Vec<usize>, Vec<f64>)>, Failure> = (0..folds.min(rows.n()))
        .into_par_iter()
        .map(|f| {
            let (test, train): (Vec<usize>, Vec<usize>) = (0..rows.n()).partition(|i| fold[*i] == f);
            let refit = fit(rows.select(&train), &p.fit, &stream.named("fold").numbered(f as u64), cx, false)?;
            let scores = Predictive::new(&refit).log_density(&rows.select(&test).x);
            Ok((test, scores))
        })
        .collect();
    let mut out = vec![f64::NAN; rows.n()];
    for (test, scores) in parts? {
        test.iter().zip(scores).for_each(|(i, s)| out[*i] = s);
    }
    Ok(out)
}

/// Returns a fold for each of n rows: a random order dealt out in turn, so sizes differ by one at most.
pub fn fold_of(n: usize, folds: usize, stream: &Stream) -> Vec<usize> {
    let mut rng = stream.named("folds").rng();
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, rng.random_range(0..=i));
    }
    let mut fold = vec![0; n];
    order.iter().enumerate().for_each(|(at, i)| fold[*i] = at % folds.max(1));
    fold
}

impl Planned for SampleDensity {
    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let p = known(inputs, "p").cloned().unwrap_or_default();
        Ok(Facts { classes: p.classes, rows: Some(settings.int("draws")), dim: p.dim, ..Facts::default() })
    }
}

impl Kernel for SampleDensity {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let p = super::density(job, "p")?;
        let draws = job.settings.int("draws");
        let x = sample(&Predictive::new(&p), None, draws, &job.stream);
        let x = Array2::from_shape_vec((draws, p.d), x).map_err(|e| Failure::new(e.to_string()))?;
        let labels = p.class.map_or_else(Vec::new, |c| vec![c; draws]);
        Ok(Value::Stages(Arc::new(Stages {
            x,
            ids: Arc::new((0..draws as u32).collect()),
            labels: Arc::new(labels),
            classes: p.classes.clone(),
            numbered: true,
            notes: Vec::new(),
        })))
    }
}
