//! What is said about a fit: summary, diagnostics, traces, co-clustering.

use super::super::chain::SCALARS;
use super::super::diagnostics::{Glance, Verdict, dispersed, ess_bulk, ess_mean, ess_tail, median, rhat, scalar};
use super::super::posterior::Posterior;
use super::super::predictive::Predictive;
use super::super::settings::{refused, wrong};
use super::super::stacking::Stack;
use super::{density, scoring};
use crate::engine::parts::Parts;
use crate::engine::value::{Column, Number, Table, Truth};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, known};
use crate::plan::files::Files;
use std::sync::Arc;

/// Posterior means of the scalars, each with its Monte Carlo error, and the mean log density of the rows.
pub struct DensitySummary;

/// R-hat, effective sample sizes and verdict.
pub struct Diagnose;

/// The verdict as values that claims can compare.
pub struct Mixing;

/// Scalars of every pass.
pub struct Trace;

/// How often two rows share a component.
pub struct CoClustering;

/// Stacking weights of the chains.
pub struct Stacking;

impl Planned for DensitySummary {
    /// 3: the error of the mean log density remembers the examples. 4: and whose they are.
    fn version(&self) -> u32 {
        4
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let p = known(inputs, "p");
        let n = p.and_then(Facts::most_rows).unwrap_or(1000) as f64;
        let d = p.and_then(|f| f.dim).unwrap_or(16) as f64;
        let (states, components) = p.and_then(|f| f.density).map_or((80.0, 240.0), |f| (f.states as f64, f.components));
        Cost { seconds: 1e-3 + scoring(n, d, components), memory: n * d * 16.0 + n * states * 8.0, disk: 700.0 }
    }
}

impl Planned for Diagnose {
    fn version(&self) -> u32 {
        2
    }
}

impl Planned for Mixing {
    fn version(&self) -> u32 {
        2
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let alone = known(inputs, "p").and_then(|f| f.density).is_some_and(|d| d.chains == 1);
        let message = "this density is fitted by one chain, which cannot show whether chains settle: `settled` and `disagree` do not hold, whatever \
                       comes out";
        let help = "give its sampler several chains, as in `gibbs(passes: 400, burn_in: 200, thin: 20, chains: 4)`";
        let warnings = if alone { vec![wrong("p", message, help)] } else { Vec::new() };
        Ok(Facts { warnings, ..Facts::default() })
    }
}

impl Planned for Trace {}

impl Planned for Stacking {
    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let p = known(inputs, "p");
        let n = p.and_then(Facts::most_rows).unwrap_or(1000) as f64;
        let d = p.and_then(|f| f.dim).unwrap_or(16) as f64;
        let components = p.and_then(|f| f.density).map_or(240.0, |f| f.components);
        Cost { seconds: 1e-3 + 4.0 * scoring(n, d, components), memory: n * d * 16.0 + n * 800.0, disk: 1000.0 }
    }
}

/// The most rows that `co_clustering` pairs.
const PAIRED: usize = 2000;

/// Returns the problem of pairing n rows.
fn too_many(n: usize) -> Problem {
    let message = format!("co-clustering of {n} rows would have {} pairs", n * (n - 1) / 2);
    wrong("p", message, "fit at most 2000 rows, or one class at a time")
}

impl Planned for CoClustering {
    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let p = known(inputs, "p").cloned().unwrap_or_default();
        match p.rows {
            Some(n) if n > PAIRED => Err(too_many(n)),
            _ => Ok(Facts { classes: p.classes, ..Facts::default() }),
        }
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let p = known(inputs, "p");
        let n = p.and_then(Facts::most_rows).unwrap_or(500) as f64;
        let states = p.and_then(|f| f.density).map_or(80.0, |f| f.states as f64);
        Cost { seconds: 1e-3 + n * n * (states * 5e-10 + 2e-8), memory: n * n * 20.0, disk: n * n * 12.0 }
    }
}

/// Returns the mean of a scalar after burn-in; its error is the deviation over the root of the effective sample size of the mean, which
/// chains that disagree make as small as their number. No error where nothing tells it: of a scalar that never moved in chains that
/// began alike.
pub fn posterior_mean(p: &Posterior, which: usize) -> Number {
    let series = scalar(p.judged(), which);
    let all: Vec<f64> = series.concat();
    let (n, count) = (all.len() as f64, Some(all.len() as u64));
    if all.iter().all(|x| *x == all[0]) {
        return Number::new(all.first().copied().unwrap_or(f64::NAN), dispersed(p.judged()).then_some(0.0), count);
    }
    let mean = all.iter().sum::<f64>() / n;
    let deviation = (all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0)).sqrt();
    let error = deviation / ess_mean(&series).sqrt();
    Number::new(mean, error.is_finite().then_some(error), count)
}

/// Returns the mean log density of the fitted rows. Its error has two parts: that of a mean over rows, and, by a jackknife over chains,
/// how far another set of chains would lie; none where there is one chain, which cannot tell.
///
/// Errors: the run stops.
pub fn training_density(p: &Posterior, cx: &dyn Context) -> Result<Number, Failure> {
    let predictive = Predictive::until(p, &|| cx.interrupted()).ok_or(Failure::Interrupted)?;
    let (n, states) = (p.n(), p.states());
    let chains: Vec<usize> = p.chains.iter().map(|c| c.kept.len()).filter(|k| *k > 0).collect();
    let mut values = Vec::with_capacity(n);
    // Means of log densities pooled over all chains but one.
    let mut without = vec![0.0; chains.len()];
    for rows in p.rows.chunks(predictive.piece() * p.d) {
        if cx.interrupted() {
            return Err(Failure::Interrupted);
        }
        for logs in predictive.by_state(rows).chunks_exact(states) {
            let top = logs.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
            let mut rest = logs;
            let sums: Vec<f64> = chains
                .iter()
                .map(|k| {
                    let (own, others) = rest.split_at(*k);
                    rest = others;
                    own.iter().map(|l| (l - top).exp()).sum()
                })
                .collect();
            values.push(top + (sums.iter().sum::<f64>() / states as f64).ln());
            if chains.len() > 1 {
                for (c, mean) in without.iter_mut().enumerate() {
                    let others: f64 = sums.iter().enumerate().filter(|(o, _)| *o != c).map(|(_, s)| s).sum();
                    *mean += (top + (others / (states - chains[c]) as f64).max(f64::MIN_POSITIVE).ln()) / n as f64;
                }
            }
        }
    }
    let squares = |x: &[f64], centre: f64| x.iter().map(|v| (v - centre).powi(2)).sum::<f64>();
    let value = values.iter().sum::<f64>() / n as f64;
    let count = chains.len() as f64;
    let between = (count - 1.0) / count * squares(&without, without.iter().sum::<f64>() / count);
    let rows = squares(&values, value) / ((n as f64 - 1.0).max(1.0) * n as f64);
    let error = (chains.len() > 1 && n > 1).then(|| (between + rows).sqrt());
    let parts = match error {
        Some(_) => {
            Parts::of_examples((&cx.about().unwrap_or_default(), &p.classes), &p.ids, &values, rows.sqrt()).beside(between.sqrt())
        }
        None => Parts::default(),
    };
    Ok(Number { parts, ..Number::new(value, error, Some(n as u64)) })
}

impl Kernel for DensitySummary {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let p = density(job, "p")?;
        let part = |name: &str, scalar: usize| (name.to_string(), Value::Number(posterior_mean(&p, scalar)));
        Ok(Value::Record(vec![
            part("components", 1),
            part("alpha", 0),
            part("entropy", 4),
            part("largest_share", 3),
            part("log_posterior", 2),
            ("log_density".to_string(), Value::Number(training_density(&p, cx)?)),
            ("units".to_string(), Value::Number(Number::exact(p.d as f64))),
        ]))
    }
}

impl Kernel for Diagnose {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let p = density(job, "p")?;
        let glance = Glance::of(p.judged());
        let numbers = |f: &dyn Fn(usize) -> f64| Column::Numbers((0..SCALARS.len()).map(f).collect());
        let texts = |text: &str| Column::Texts(vec![text.to_string(); SCALARS.len()]);
        let table = Table {
            columns: vec![
                ("quantity".into(), Column::Texts(SCALARS.iter().map(|s| s.to_string()).collect())),
                ("mean".into(), numbers(&|s| posterior_mean(&p, s).value)),
                ("r_hat".into(), numbers(&|s| rhat(&scalar(p.judged(), s)))),
                ("ess_bulk".into(), numbers(&|s| ess_bulk(&scalar(p.judged(), s)))),
                ("ess_tail".into(), numbers(&|s| ess_tail(&scalar(p.judged(), s)))),
                ("chains".into(), numbers(&|_| p.chains.len() as f64)),
                ("passes".into(), numbers(&|s| p.series(s).concat().len() as f64)),
                ("units".into(), numbers(&|_| p.d as f64)),
                ("verdict".into(), texts(glance.verdict.word())),
                ("note".into(), texts(&glance.note)),
            ],
        };
        Ok(Value::Table(Arc::new(table)))
    }
}

impl Kernel for Mixing {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let Glance { verdict, r_hat, ess, note } = Glance::of(density(job, "p")?.judged());
        let number = |value: f64| match value.is_nan() {
            false => Value::Number(Number::new(value, None, None)),
            true => Value::Absent("no scalar varies, or too few draws".to_string()),
        };
        let truth = |holds: bool| {
            Value::Truth(Truth { holds, within_error: false, no_error: false, text: format!("{}: {note}", verdict.word()) })
        };
        Ok(Value::Record(vec![
            ("settled".into(), truth(verdict == Verdict::Settled)),
            ("disagree".into(), truth(verdict == Verdict::Disagree)),
            ("r_hat".into(), number(r_hat)),
            ("ess".into(), number(ess)),
        ]))
    }
}

impl Kernel for Stacking {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let p = density(job, "p")?;
        let stack = Stack::of(&p, &|| cx.interrupted()).ok_or(Failure::Interrupted)?;
        let chains = stack.logs.len();
        let numbers = |f: &dyn Fn(usize) -> f64| Column::Numbers((0..chains).map(f).collect());
        let middle = |which: usize, c: usize| p.series(which).get(c).map_or(f64::NAN, |s| median(s));
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let columns = vec![
            ("chain".into(), numbers(&|c| c as f64)),
            ("weight".into(), numbers(&|c| stack.weights[c])),
            ("log_density".into(), numbers(&|c| mean(&stack.logs[c]))),
            ("log_posterior".into(), numbers(&|c| middle(2, c))),
            ("components".into(), numbers(&|c| middle(1, c))),
        ];
        Ok(Value::Table(Arc::new(Table { columns })))
    }
}

impl Kernel for Trace {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let p = density(job, "p")?;
        let mut columns = vec![("chain".to_string(), Vec::new()), ("pass".to_string(), Vec::new())];
        columns.extend(SCALARS.iter().map(|s| (s.to_string(), Vec::new())));
        for (c, record) in p.chains.iter().enumerate() {
            for (t, scalars) in record.trace.iter().enumerate() {
                columns[0].1.push(c as f64);
                columns[1].1.push(t as f64);
                scalars.iter().enumerate().for_each(|(s, x)| columns[s + 2].1.push(*x));
            }
        }
        let columns = columns.into_iter().map(|(n, x)| (n, Column::Numbers(x))).collect();
        Ok(Value::Table(Arc::new(Table { columns })))
    }
}

impl Kernel for CoClustering {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let p = density(job, "p")?;
        let n = p.n();
        if n > PAIRED {
            return Err(refused(too_many(n)));
        }
        let mut together = vec![0.0; n * n];
        for kept in p.kept() {
            if cx.interrupted() {
                return Err(Failure::Interrupted);
            }
            for i in 0..n {
                for j in 0..i {
                    together[i * n + j] += f64::from(u8::from(kept.z[i] == kept.z[j]));
                }
            }
        }
        let states = p.states() as f64;
        let mut columns = [Vec::new(), Vec::new(), Vec::new()];
        for i in 0..n {
            for j in 0..i {
                columns[0].push(f64::from(p.ids[j]));
                columns[1].push(f64::from(p.ids[i]));
                columns[2].push(together[i * n + j] / states);
            }
        }
        let names = ["first", "second", "share"].map(String::from);
        let columns = names.into_iter().zip(columns.map(Column::Numbers)).collect();
        Ok(Value::Table(Arc::new(Table { columns })))
    }
}
