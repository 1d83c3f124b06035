//! `log_density` and `sample_density`: points scored under, and drawn from, the posterior predictive.

use super::super::fit::{Rows, fit, units_of};
use super::super::posterior::Posterior;
use super::super::predictive::Predictive;
use super::super::sample::sample;
use super::super::settings::{At, refused, whole, wrong};
use super::super::stacking::{Pooling, predictive};
use super::super::units::are;
use super::{all_rows, one_chain, scoring};
use crate::base::Stream;
use crate::engine::kernel::{Labelled, mismatch};
use crate::engine::value::{Scores, Stages};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::examples;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Shape, known};
use crate::plan::files::Files;
use crate::settings;
use ndarray::Array2;
use rand::RngExt;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Log density of every example under its own class, or under the class asked for.
pub struct LogDensity;

/// Points drawn from a density.
pub struct SampleDensity;

settings! {
    struct LogDensitySettings("log_density") { under: Option<At> = None, held_out: f64, pooling: Pooling }
}
settings! {
    struct SampleSettings("sample_density") { draws: f64, pooling: Pooling }
}

/// Returns the number of folds, 0 for scores by the density as it is.
fn folds(asked: f64, rows: Option<usize>) -> Result<usize, Problem> {
    if asked == 0.0 {
        return Ok(0);
    }
    let help = "each fold is scored by a fit to the others: 5 and 10 are usual, 0 scores rows by the density as it is";
    whole("held_out", asked, 2..=rows.unwrap_or(1_000_000).max(2), help)
}

/// Returns how many points a sample may have.
fn points(asked: f64) -> Result<usize, Problem> {
    whole("draws", asked, 1..=100_000_000, "")
}

impl Planned for LogDensity {
    /// 6: another hierarchical measure in the fits without a fold. 7: their budgets end sooner.
    fn version(&self) -> u32 {
        7
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let s = LogDensitySettings::read(settings);
        let x = known(inputs, "x").cloned().unwrap_or_default();
        let p = known(inputs, "p");
        let density = p.and_then(|f| f.density);
        folds(s.held_out, density.and_then(|p| p.most_rows))?;
        if let (Some(p), Some(dim)) = (p.and_then(|f| f.dim), x.dim)
            && p != dim
        {
            let message = format!("the density is of {p} units, the representation has {dim}");
            return Err(wrong(
                "x",
                message,
                "score the representation that was fitted, or another that is as wide (`svd(…, width: …)`)",
            ));
        }
        let by_class = density.map(|p| p.by_class);
        if by_class == Some(true) && s.under.is_none() && x.labelled == Some(false) {
            return Err(wrong("x", UNLABELLED, "score them under each class with `under: class`"));
        }
        if by_class == Some(false) && s.under.as_ref().is_some_and(At::is_class) {
            return Err(wrong(
                "under",
                "the density is not by class, so there is no class to score under",
                "fit it `by: class`, or leave out `under:`",
            ));
        }
        if by_class == Some(true) && s.held_out > 0.0 && s.under.as_ref().is_some_and(At::is_class) {
            return Err(wrong(
                "held_out",
                "each class is fitted again without a part of its own rows, so that the rows of other classes are in no part",
                "leave out `under:` to score held-out rows under their own classes, or `held_out:` to score all rows under each class; `generative_classification` does both",
            ));
        }
        if s.held_out > 0.0
            && let Some((p, density)) = p.and_then(|p| Some((p, p.density?)))
        {
            let rows = if density.by_class { x.class_sizes.as_ref().and_then(|s| s.iter().max().copied()) } else { x.rows };
            let more = matches!((rows, density.most_rows), (Some(here), Some(fitted)) if here > fitted);
            let source = matches!((&p.source, &x.source), (Some(a), Some(b)) if a != b);
            if more || source || examples::apart(&p.from, &x.from) {
                return Err(wrong(
                    "x",
                    "`held_out:` fits again without parts of the rows that were fitted, and some rows here were not fitted",
                    "pass the stages that the density was fitted to, restricted as they were; rows that the fit has not seen are scored without `held_out:`",
                ));
            }
        }
        Ok(x.each_example())
    }

    fn doubts(&self, settings: &Settings, shapes: &[Shape]) -> Option<Problem> {
        one_chain(LogDensitySettings::read(settings).pooling, shapes)
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let s = LogDensitySettings::read(settings);
        let x = known(inputs, "x");
        let n = x.and_then(|f| f.most_rows()).unwrap_or(1000) as f64;
        let d = x.and_then(|f| f.dim).unwrap_or(16) as f64;
        let densities = inputs.iter().find(|(slot, _)| *slot == "p").map_or(&[][..], |(_, f)| f.as_slice());
        let known: Vec<_> = densities.iter().filter_map(|f| f.density).collect();
        let components = known.iter().map(|f| f.components).fold(0.0f64, f64::max).max(40.0);
        // A refit leaves out one fold's rows.
        let refits: f64 = known.iter().map(|f| f.seconds * (s.held_out - 1.0).max(0.0)).sum();
        let seconds = 2e-3 + scoring(n, d, components) + refits;
        Cost { seconds, memory: n * d * 24.0 + components * d * d * 16.0, disk: n * 12.0 }
    }

    fn at_most(&self, settings: &Settings, inputs: &[KnownInput]) -> bool {
        let mut densities = inputs.iter().filter(|(slot, _)| *slot == "p").flat_map(|(_, f)| f).filter_map(|f| f.density);
        LogDensitySettings::read(settings).held_out > 0.0 && densities.any(|d| d.at_most)
    }
}

const UNLABELLED: &str = "the representation has no labels, so its rows have no class to be scored under";

impl Kernel for LogDensity {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let s = LogDensitySettings::read(&job.settings);
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
        let under = s.under.as_ref().map(|c| c.index as u32);
        let folds = folds(s.held_out, None).map_err(refused)?;
        // Which rows each density scores: its class's, or all with `under` or without classes.
        let by_class = densities.iter().any(|p| p.class.is_some());
        if by_class && under.is_none() && x.labels.is_empty() {
            return Err(Failure::new(UNLABELLED).help("score them under each class with `under: class`"));
        }
        let chosen: Vec<&Arc<Posterior>> =
            densities.iter().filter(|p| under.is_none() || p.class.is_none() || p.class == under).collect();
        if chosen.is_empty() {
            return Err(Failure::Absent("no density of that class".into()));
        }
        let common = common_units(&densities);
        let mut values = vec![f64::NAN; rows.n()];
        let mut absent = Vec::new();
        for (done, p) in chosen.iter().enumerate() {
            let mine: Vec<usize> = match (p.class, under) {
                (Some(c), None) => (0..rows.n()).filter(|i| rows.labels[*i] == c).collect(),
                _ => (0..rows.n()).collect(),
            };
            let part = rows.select(&mine);
            let points = p.points(&part.x, rows.d).map_err(Failure::new)?;
            let lost: Vec<usize> = p.units.constant.iter().map(|(j, _)| *j).filter(|j| !common.contains(j)).collect();
            let elsewhere =
                densities.iter().map(|q| p.units.elsewhere(&q.units)).find(|lost| !lost.is_empty()).unwrap_or_default();
            let scores = if under.is_some() && !elsewhere.is_empty() {
                Err(Failure::Absent(format!(
                    "{} constant in its rows and in other classes', at different values, so it says nothing about theirs",
                    are(&elsewhere)
                )))
            } else if !lost.is_empty() {
                Err(Failure::Absent(format!(
                    "its density is over fewer units than other classes': {} constant in its rows and not in theirs; take fewer units first (`svd`), or score this class alone",
                    are(&lost)
                )))
            } else if folds > 0 {
                let stream = job.stream.named("held out").numbered(u64::from(p.class.unwrap_or(0)));
                held_out(p, &part, (folds, s.pooling), &stream, cx)
            } else {
                scores(p, s.pooling, &points, cx)
            };
            match scores {
                Ok(scores) => mine.iter().zip(scores).for_each(|(i, s)| values[*i] = s),
                Err(Failure::Absent(why)) => absent.push((p.class, why)),
                Err(other) => return Err(other),
            }
            cx.progress(done as u64 + 1, chosen.len() as u64, &[]);
            if cx.interrupted() {
                return Err(Failure::Interrupted);
            }
        }
        if let Some((_, why)) = absent.first().filter(|_| absent.len() == chosen.len()) {
            return Err(Failure::Absent(why.clone()));
        }
        // Under each class's own density the rows of a class that has none say why.
        let missing = match by_class && under.is_none() {
            true => without_density(given, x, &chosen, absent),
            false => Vec::new(),
        };
        let (ids, labels, classes) = (x.ids.clone(), x.labels.clone(), x.classes.clone());
        Ok(Value::Scores(Arc::new(Scores { values, ids, labels, classes, missing: Arc::new(missing), ..Scores::default() })))
    }
}

/// Returns the labels of rows that are scored by no density, each with the reason: its density was not fitted, does not compare with the others
/// (`absent`), or there is none.
fn without_density(
    given: &Labelled,
    x: &Stages,
    densities: &[&Arc<Posterior>],
    absent: Vec<(Option<u32>, String)>,
) -> Vec<(u32, String)> {
    let mut out: Vec<(u32, String)> = absent.into_iter().filter_map(|(class, why)| Some((class?, why))).collect();
    if let [axis] = given.axes.as_slice() {
        for (name, value) in axis.coordinates.iter().zip(&given.values) {
            if let (Value::Absent(why), Some(label)) = (value, x.classes.iter().position(|c| c == name)) {
                out.push((label as u32, why.clone()));
            }
        }
    }
    let has =
        |label: u32, out: &[(u32, String)]| densities.iter().any(|p| p.class == Some(label)) || out.iter().any(|o| o.0 == label);
    let labels: BTreeSet<u32> = x.labels.iter().copied().collect();
    for label in labels {
        if !has(label, &out) {
            out.push((label, "no density of its class is given".to_string()));
        }
    }
    out.sort();
    out
}

/// Returns the log density of all rows under each of several classes' densities.
///
/// Errors: absent where densities are over different units, so that they do not compare.
pub fn under_each(
    densities: &[Arc<Posterior>],
    rows: &Rows,
    pooling: Pooling,
    cx: &dyn Context,
) -> Result<Vec<Vec<f64>>, Failure> {
    let common = common_units(densities);
    let mut out = Vec::with_capacity(densities.len());
    for (done, p) in densities.iter().enumerate() {
        let own: Vec<usize> = p.units.constant.iter().map(|(j, _)| *j).filter(|j| !common.contains(j)).collect();
        let elsewhere = densities.iter().map(|q| p.units.elsewhere(&q.units)).find(|lost| !lost.is_empty());
        if let Some(lost) = Some(own).filter(|own| !own.is_empty()).or(elsewhere) {
            return Err(Failure::Absent(format!(
                "{} constant in rows of class {} and not in others', or there at another value, so class densities do not compare; take fewer units first (`svd`)",
                are(&lost),
                p.class_name
            )));
        }
        let points = p.points(&rows.x, rows.d).map_err(Failure::new)?;
        out.push(scores(p, pooling, &points, cx)?);
        cx.progress(done as u64 + 1, densities.len() as u64, &[]);
        if cx.interrupted() {
            return Err(Failure::Interrupted);
        }
    }
    Ok(out)
}

/// Returns the units that every density leaves out. Log densities that leave out others do not compare with those that keep them.
fn common_units(densities: &[Arc<Posterior>]) -> Vec<usize> {
    let Some(first) = densities.first() else { return Vec::new() };
    let everywhere = |j: usize| densities.iter().all(|p| p.units.constant.iter().any(|(k, _)| *k == j));
    first.units.constant.iter().map(|(j, _)| *j).filter(|j| everywhere(*j)).collect()
}

/// Returns the predictive of a density.
///
/// Errors: the run stops.
fn mixture_of(p: &Posterior, pooling: Pooling, cx: &dyn Context) -> Result<Predictive, Failure> {
    predictive(p, pooling, &|| cx.interrupted()).ok_or(Failure::Interrupted)
}

/// Returns the log density of row-major points under a density, by the rule that it was fitted for.
///
/// Errors: the run stops.
fn scores(p: &Posterior, pooling: Pooling, x: &[f64], cx: &dyn Context) -> Result<Vec<f64>, Failure> {
    match p.fit.setup.published {
        true => piecewise(p, &mixture_of(p, pooling, cx)?, x, cx, &published),
        false => pooled(p, pooling, x, cx),
    }
}

/// Returns the pooled log predictive density of row-major points.
///
/// Errors: the run stops.
fn pooled(p: &Posterior, pooling: Pooling, x: &[f64], cx: &dyn Context) -> Result<Vec<f64>, Failure> {
    piecewise(p, &mixture_of(p, pooling, cx)?, x, cx, &|q, x| q.log_density(x))
}

/// Returns what is made of row-major points, piece by piece, so that it is seen in between whether the run stops.
///
/// Errors: it does.
fn piecewise(
    p: &Posterior,
    q: &Predictive,
    x: &[f64],
    cx: &dyn Context,
    of: &dyn Fn(&Predictive, &[f64]) -> Vec<f64>,
) -> Result<Vec<f64>, Failure> {
    let mut out = Vec::with_capacity(x.len() / p.d.max(1));
    for piece in x.chunks(q.piece() * p.d.max(1)) {
        if cx.interrupted() {
            return Err(Failure::Interrupted);
        }
        out.extend(of(q, piece));
    }
    Ok(out)
}

/// Returns log densities averaged over states, as the published code averages them (recipes.md A, difference 4).
fn published(predictive: &Predictive, x: &[f64]) -> Vec<f64> {
    let states = predictive.states.len();
    let mean = |s: &[f64]| s.iter().zip(&predictive.shares).filter(|(_, w)| **w > 0.0).map(|(s, w)| s * w).sum();
    predictive.by_state(x).chunks_exact(states).map(mean).collect()
}

/// Returns each row's log density under a density fitted to the other folds; the rows must be those that `p` was fitted to. Absent where a
/// fold leaves too little to fit, or other units than vary in the whole.
fn held_out(
    p: &Posterior,
    rows: &Rows,
    (folds, pooling): (usize, Pooling),
    stream: &Stream,
    cx: &dyn Context,
) -> Result<Vec<f64>, Failure> {
    let n = rows.n();
    let place: BTreeMap<u32, usize> = p.ids.iter().enumerate().map(|(i, id)| (*id, i)).collect();
    let points = p.points(&rows.x, rows.d).map_err(Failure::new)?;
    let same =
        |i: usize| place.get(&rows.ids[i]).is_some_and(|j| p.rows[j * p.d..(j + 1) * p.d] == points[i * p.d..(i + 1) * p.d]);
    if !(0..n).all(same) {
        return Err(Failure::new("held-out densities refit on parts of the fitted rows, but some rows of `x` were not fitted")
            .help("pass the stages that the density was fitted to, restricted as they were"));
    }
    if n < folds {
        return Err(Failure::Absent(format!("{n} rows cannot be dealt into {folds} folds")));
    }
    let fold = fold_of(n, folds, stream);
    let parts: Result<Vec<(Vec<usize>, Vec<f64>)>, Failure> = (0..folds)
        .into_par_iter()
        .map(|f| {
            let (test, train): (Vec<usize>, Vec<usize>) = (0..n).partition(|i| fold[*i] == f);
            let train = rows.select(&train);
            let units = units_of(&train, &p.fit);
            if units.kept != p.units.kept && !units.kept.is_empty() {
                let lost: Vec<usize> = p.units.kept.iter().copied().filter(|j| !units.kept.contains(j)).collect();
                return Err(Failure::Absent(format!("without one fold, {} constant in its rows", are(&lost))));
            }
            let refit = fit(train, &p.fit, &stream.named("fold").numbered(f as u64), cx, false).map_err(|why| match why {
                Failure::Absent(why) => Failure::Absent(format!("without one fold of {folds}: {why}")),
                other => other,
            })?;
            let test_rows = rows.select(&test);
            let scores = pooled(&refit, pooling, &refit.points(&test_rows.x, rows.d).map_err(Failure::new)?, cx)?;
            Ok((test, scores))
        })
        .collect();
    let mut out = vec![f64::NAN; n];
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
    fn version(&self) -> u32 {
        2
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let p = known(inputs, "p").cloned().unwrap_or_default();
        let draws = points(SampleSettings::read(settings).draws)?;
        Ok(Facts { classes: p.classes, rows: Some(draws), dim: p.dim, ..Facts::default() })
    }

    fn doubts(&self, settings: &Settings, shapes: &[Shape]) -> Option<Problem> {
        one_chain(SampleSettings::read(settings).pooling, shapes)
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let draws = SampleSettings::read(settings).draws;
        let d = known(inputs, "p").and_then(|f| f.dim).unwrap_or(16) as f64;
        Cost { seconds: 2e-3 + draws * (d * d * 2e-9 + d * 3e-8), memory: draws * d * 24.0, disk: draws * d * 8.0 }
    }
}

impl Kernel for SampleDensity {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let p = super::density(job, "p")?;
        let s = SampleSettings::read(&job.settings);
        let draws = points(s.draws).map_err(refused)?;
        let drawn = sample(&mixture_of(&p, s.pooling, cx)?, None, draws, &job.stream, &|| cx.interrupted());
        let x = p.units.complete(drawn.ok_or(Failure::Interrupted)?);
        let x = Array2::from_shape_vec((draws, p.units.width), x).map_err(|e| Failure::new(e.to_string()))?;
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
