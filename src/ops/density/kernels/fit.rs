//! `dp_mixture`: fits the rows of one class, or all rows, and keeps the posterior as a pack.

use super::super::chain::Method;
use super::super::fit::fit;
use super::super::settings::Fit;
use super::{all_rows, coordinate, ids_of, rows_where};
use crate::engine::value::Stages;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, known};
use crate::plan::files::Files;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The kernel.
pub struct DpMixture;

/// Returns rows and dimension that a fit is expected to have.
pub fn size(settings: &Settings, inputs: &[KnownInput]) -> (f64, f64) {
    let facts = known(inputs, "x");
    let all = facts.and_then(|f| f.rows).unwrap_or(1000);
    let n = match coordinate(settings, "by").filter(|c| c.role == "class") {
        None => all,
        Some(c) => facts
            .and_then(|f| {
                let even = f.classes.as_ref().map(|k| all / k.len().max(1));
                f.class_sizes.as_ref().and_then(|s| s.get(c.index).copied()).or(even)
            })
            .unwrap_or(all),
    };
    (n.max(1) as f64, facts.and_then(|f| f.dim).unwrap_or(16) as f64)
}

/// Returns what fitting n rows in d dimensions takes: a pass looks at every row under some six components, and about one
/// visit in eight moves (measured rates; fragmented chains take up to ten times as long).
pub fn fit_cost(settings: &Settings, n: f64, d: f64) -> Cost {
    let Ok(fit) = Fit::read(settings) else { return Cost::default() };
    let setup = &fit.setup;
    let block = if matches!(setup.method, Method::Block(_)) { 2.0 * d * d } else { 0.0 };
    let proposals = if let Method::SplitMerge { proposals, scans, every } = setup.method {
        (proposals * (scans + 1)) as f64 / every as f64
    } else {
        0.0
    };
    let visit = 6e-8 + 2.5e-10 * (d * d + block + proposals * 3.0 * d * d);
    let kept = (setup.passes - setup.burn_in).div_ceil(setup.thin) as f64;
    let (chains, passes) = (setup.chains as f64, setup.passes as f64);
    Cost {
        seconds: 1e-3 + chains * passes * n * visit,
        memory: n * d * 24.0 + chains * n * 16.0 * 12.0 + chains * 30.0 * d * d * 8.0,
        disk: n * d * 8.0 + chains * (kept * n * 4.0 + passes * 40.0),
    }
}

impl Planned for DpMixture {
    fn version(&self) -> u32 {
        3
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        if let Err(Failure::Failed { message, help }) = Fit::read(settings) {
            return Err(Problem { code: "cfx::density::settings", parameter: Some("sampler"), message, help });
        }
        let x = known(inputs, "x");
        let (n, _) = size(settings, inputs);
        Ok(Facts {
            classes: x.and_then(|f| f.classes.clone()),
            rows: x.and_then(|f| f.rows).map(|_| n as usize),
            dim: x.and_then(|f| f.dim),
            ..Facts::default()
        })
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let (n, d) = size(settings, inputs);
        fit_cost(settings, n, d)
    }
}

impl Kernel for DpMixture {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let settings = Fit::read(&job.settings)?;
        let x = job.stages("x")?;
        let within = ids_of(job, "within")?;
        let part = ids_of(job, "by")?;
        let at = coordinate(&job.settings, "by");
        let class = at.as_ref().filter(|c| c.role == "class");
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
        rows.class_name = at.as_ref().map(|c| c.name.clone()).unwrap_or_default();
        let least = job.settings.get("at_least").number().unwrap_or(2.0).max(1.0) as usize;
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
