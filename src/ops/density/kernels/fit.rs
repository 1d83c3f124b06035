//! `dp_mixture`: fits the rows of one class, or all rows, and keeps the posterior as a pack.

use super::super::fit::fit;
use super::super::settings::{Fit, FitSettings, refused, whole, wrong};
use super::super::setup::{Method, Setup, learning_interval};
use super::{all_rows, ids_of, rows_where};
use crate::engine::value::Stages;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, DensityFacts, Facts, KnownInput, Planned, Problem, known};
use crate::plan::files::Files;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The kernel.
pub struct DpMixture;

/// What is known of the rows of a fit.
struct Known {
    /// Their number, or the most that there can be; a class's share where sizes are not known.
    expected: Option<usize>,
    /// Whether `expected` is their number.
    exact: bool,
    /// No class has more rows; without classes, there are no more.
    most: Option<usize>,
}

fn rows(s: &FitSettings, inputs: &[KnownInput]) -> Known {
    let facts = known(inputs, "x");
    let all = facts.and_then(Facts::most_rows);
    let part = |slot: &str| known(inputs, slot).map(|f| f.most_rows().unwrap_or(usize::MAX));
    let restricted = |n: usize| n.min(part("within").unwrap_or(n)).min(part("by").unwrap_or(n));
    let whole = part("within").is_none() && part("by").is_none() && facts.is_some_and(|f| f.rows.is_some());
    match s.by.as_ref().filter(|at| at.is_class()) {
        None => Known { expected: all.map(restricted), exact: whole, most: all.map(restricted) },
        Some(at) => {
            let sizes = facts.and_then(|f| f.class_sizes.as_ref());
            let own = sizes.and_then(|s| s.get(at.index).copied());
            let even = facts.and_then(|f| f.classes.as_ref()).and_then(|k| all.map(|n| n / k.len().max(1)));
            let most = sizes.and_then(|s| s.iter().max().copied()).map(restricted);
            Known { expected: own.or(even).map(restricted), exact: whole && own.is_some(), most }
        }
    }
}

/// Returns the most passes that a chain may take.
fn longest(setup: &Setup) -> usize {
    std::iter::successors(Some(setup.clone()), Setup::longer).last().map_or(setup.passes, |s| s.passes)
}

/// Returns what fitting n rows in d dimensions takes: a pass looks at every row under some six components, and about one
/// visit in eight moves; a proposal to split or merge takes as much again for each row, and a share of each pass whatever the dimension (measured rates;
/// fragmented chains take up to ten times as long). With a budget, the most: as if chains never settled.
pub fn fit_cost(fit: &Fit, n: f64, d: f64) -> Cost {
    let setup = &fit.setup;
    let block = if matches!(setup.method, Method::Block(_)) { 2.0 * d * d } else { 0.0 };
    let (proposals, each) = match setup.method {
        Method::SplitMerge { proposals, scans, every } => ((proposals * (scans + 1)) as f64 / every as f64, 2e-7),
        Method::MergeSplit { proposals, every } => (proposals as f64 / every as f64, 7e-7),
        _ => (0.0, 0.0),
    };
    let together = match setup.method {
        Method::SplitMerge { proposals, .. } | Method::MergeSplit { proposals, .. } => proposals as f64,
        _ => 0.0,
    };
    // Moves of all rows at once hold a label of each row, and learn from sums alone.
    let at_once = match setup.method {
        Method::SubClusters { proposals } => Some(proposals as f64),
        _ => None,
    };
    let of_row = if at_once.is_some() { 8.0 } else { 16.0 * 12.0 };
    let pass = match at_once {
        Some(proposals) => {
            // Sub-clusters are fitted and judged by factors of matrices, whatever the number of rows.
            let visit = 2e-7 + 2.5e-10 * d * d + proposals * (2e-8 + 5e-11 * d * d);
            let learning = if fit.learns() {
                3.0 * proposals * (3e-5 + 2.5e-8 * d.powi(3)) / learning_interval(d as usize) as f64
            } else {
                0.0
            };
            n * visit + proposals * (3e-5 + 1e-8 * d.powi(3)) + learning
        }
        None => {
            let visit = 4e-7 + proposals * each + 2.5e-10 * (d * d + block + proposals * 3.0 * d * d);
            // What is learned is drawn every d / 16 passes, from the scatters of some six components, whatever the dimension a share of a pass; a proposal
            // to split or merge with it takes one or two more.
            let learning = if fit.learns() {
                (3e-5 + 4e-7 * n + (1.0 + 0.25 * together) * 2.5e-10 * (4.0 * n * d * d + 80.0 * d.powi(3))) / (d / 16.0).ceil()
            } else {
                0.0
            };
            n * visit + learning
        }
    };
    let scales = if fit.learns() { 4.0 * d * d } else { 0.0 };
    let kept = (setup.passes - setup.burn_in).div_ceil(setup.thin) as f64;
    let (chains, passes) = (setup.chains as f64, longest(setup) as f64);
    let left = chains * (kept * (n * 4.0 + scales) + passes * 40.0);
    Cost {
        seconds: 1e-3 + chains * passes * pass,
        memory: n * d * 24.0 + chains * n * of_row + chains * 30.0 * d * d * 8.0 + 2.0 * left,
        disk: n * d * 8.0 + left,
    }
}

/// Returns how many distinct components the states of a fit are expected to have together: few of a state's are another's.
pub fn components(fit: &Fit) -> f64 {
    let own = if fit.learns() { 1.0 } else { 0.0 };
    1.0 + (3.0 + own) * fit.states() as f64
}

impl Planned for DpMixture {
    /// 11: chains that stand still apart do not use up their budget.
    fn version(&self) -> u32 {
        11
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let s = FitSettings::read(settings);
        let fit = Fit::of(&s)?;
        let least = whole("at_least", s.at_least, 1..=1_000_000_000, "")?;
        let x = known(inputs, "x");
        let dim = x.and_then(|f| f.dim);
        if let Some(d) = dim {
            fit.fits(d)?;
        }
        let by_class = s.by.as_ref().is_some_and(|at| at.is_class());
        if by_class && x.is_some_and(|f| f.labelled == Some(false)) {
            return Err(wrong(
                "by",
                "the representation has no labels, so it cannot be fitted by class",
                "give its reader `labels:`, or leave out `by: class`",
            ));
        }
        let Known { expected, exact, most } = rows(&s, inputs);
        if let Some(most) = most {
            let what = if by_class { "the largest class has" } else { "there are" };
            let have = format!("{what} {most} {}", if most == 1 { "row" } else { "rows" });
            if most < least {
                return Err(wrong(
                    "at_least",
                    format!("{have}, fewer than `at_least: {least}`"),
                    "lower `at_least`, or give more rows",
                ));
            }
            let fewest = fit.fewest(dim.unwrap_or(0));
            if most < fewest {
                let why = format!("{have}, and the prior's scale takes at least {fewest}");
                return Err(wrong(
                    "prior",
                    why,
                    "give it a scale, `niw_fixed(mean: …, scale: …)`; `scale: full` takes more rows than units",
                ));
            }
        }
        let seconds = fit_cost(&fit, expected.unwrap_or(1000) as f64, dim.unwrap_or(16) as f64).seconds;
        Ok(Facts {
            classes: x.and_then(|f| f.classes.clone()),
            rows: expected.filter(|_| exact),
            rows_at_most: expected.filter(|_| !exact),
            dim,
            source: x.and_then(|f| f.source.clone()),
            from: x.map_or_else(Vec::new, |f| f.from.clone()),
            density: Some(DensityFacts {
                by_class,
                most_rows: most,
                states: fit.states(),
                chains: fit.setup.chains,
                published: fit.setup.published,
                components: components(&fit),
                seconds,
                at_most: fit.setup.longer().is_some(),
            }),
            ..Facts::default()
        })
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let s = FitSettings::read(settings);
        let Ok(fit) = Fit::of(&s) else { return Cost::default() };
        let n = rows(&s, inputs).expected.unwrap_or(1000).max(1) as f64;
        fit_cost(&fit, n, known(inputs, "x").and_then(|f| f.dim).unwrap_or(16) as f64)
    }

    fn at_most(&self, settings: &Settings, _inputs: &[KnownInput]) -> bool {
        Fit::of(&FitSettings::read(settings)).is_ok_and(|fit| fit.setup.longer().is_some())
    }
}

impl Kernel for DpMixture {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let s = FitSettings::read(&job.settings);
        let settings = Fit::of(&s).map_err(refused)?;
        let least = whole("at_least", s.at_least, 1..=1_000_000_000, "").map_err(refused)?;
        let x = job.stages("x")?;
        let within = ids_of(job, "within")?;
        let part = ids_of(job, "by")?;
        let class = s.by.as_ref().filter(|at| at.is_class());
        if class.is_some() && x.labels.is_empty() {
            return Err(Failure::new("the representation has no labels, so it cannot be fitted by class"));
        }
        let keep = |i: usize| {
            let id = x.ids[i];
            class.is_none_or(|c| x.labels[i] as usize == c.index)
                && within.as_ref().is_none_or(|w| w.contains(&id))
                && part.as_ref().is_none_or(|w| w.contains(&id))
        };
        let mut rows = rows_where(x, keep);
        rows.class = class.map(|c| c.index as u32);
        rows.class_name = s.by.as_ref().map(|at| at.name.clone()).unwrap_or_default();
        if rows.n() < least {
            return Err(Failure::Absent(format!("only {} of at least {least} rows", rows.n())));
        }
        if let Some(c) = class {
            enough_everywhere(job, x, c.index, least)?;
        }
        Ok(Value::Pack(Arc::new(fit(rows, &settings, &job.stream, cx, true)?.pack())))
    }
}

/// With `in_every`, all data sets of that axis are given: a class too small in one of them is absent in all.
fn enough_everywhere(job: &Job, x: &Stages, class: usize, least: usize) -> Result<(), Failure> {
    let Some(all) = job.labelled("in_every") else { return Ok(()) };
    for value in &all.values {
        if let Value::Dataset(d) = value {
            let ids: BTreeSet<u32> = d.ids.iter().copied().collect();
            let rows = all_rows(x);
            let n = rows.ids.iter().zip(&rows.labels).filter(|(id, l)| **l as usize == class && ids.contains(id)).count();
            if n < least {
                return Err(Failure::Absent(format!("only {n} of at least {least} rows in one of the groups")));
            }
        }
    }
    Ok(())
}
