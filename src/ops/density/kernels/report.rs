//! What is said about a fit: summary, diagnostics, traces, co-clustering.

use super::super::chain::SCALARS;
use super::super::diagnostics::{Glance, Verdict, ess_bulk, ess_tail, rhat};
use super::super::posterior::Posterior;
use super::density;
use crate::engine::value::{Column, Number, Table, Truth};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::plan::facts::Planned;
use std::sync::Arc;

/// Posterior means of the scalars, each with its Monte Carlo error.
pub struct DensitySummary;

/// R-hat, effective sample sizes and verdict.
pub struct Diagnose;

/// The verdict as values that claims can compare.
pub struct Mixing;

/// Scalars of every pass.
pub struct Trace;

/// How often two rows share a component.
pub struct CoClustering;

impl Planned for DensitySummary {}
impl Planned for Diagnose {}
impl Planned for Mixing {}
impl Planned for Trace {}
impl Planned for CoClustering {}

/// Returns the mean of a scalar after burn-in; its error is the deviation over the root of the effective sample size.
fn posterior_mean(p: &Posterior, scalar: usize) -> Number {
    let series = p.series(scalar);
    let all: Vec<f64> = series.concat();
    let n = all.len() as f64;
    let mean = all.iter().sum::<f64>() / n;
    let deviation = (all.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0)).sqrt();
    let effective = ess_bulk(&series);
    let error = if deviation == 0.0 {
        Some(0.0)
    } else {
        (deviation / effective.sqrt()).is_finite().then(|| deviation / effective.sqrt())
    };
    Number { value: mean, error, count: Some(all.len() as u64) }
}

impl Kernel for DensitySummary {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let p = density(job, "p")?;
        let part = |name: &str, scalar: usize| (name.to_string(), Value::Number(posterior_mean(&p, scalar)));
        Ok(Value::Record(vec![
            part("components", 1),
            part("alpha", 0),
            part("entropy", 4),
            part("largest_share", 3),
            part("log_posterior", 2),
        ]))
    }
}

impl Kernel for Diagnose {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let p = density(job, "p")?;
        let verdict = Verdict::of(&p).word();
        let numbers = |f: &dyn Fn(usize) -> f64| Column::Numbers((0..SCALARS.len()).map(f).collect());
        let table = Table {
            columns: vec![
                ("quantity".into(), Column::Texts(SCALARS.iter().map(|s| s.to_string()).collect())),
                ("mean".into(), numbers(&|s| posterior_mean(&p, s).value)),
                ("r_hat".into(), numbers(&|s| rhat(&p.series(s)))),
                ("ess_bulk".into(), numbers(&|s| ess_bulk(&p.series(s)))),
                ("ess_tail".into(), numbers(&|s| ess_tail(&p.series(s)))),
                ("chains".into(), numbers(&|_| p.chains.len() as f64)),
                ("passes".into(), numbers(&|s| p.series(s).concat().len() as f64)),
                ("verdict".into(), Column::Texts(vec![verdict.to_string(); SCALARS.len()])),
            ],
        };
        Ok(Value::Table(Arc::new(table)))
    }
}

impl Kernel for Mixing {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let Glance { verdict, r_hat, ess, note } = Glance::of(&*density(job, "p")?);
        let number = |value: f64| match value.is_finite() {
            true => Value::Number(Number { value, error: None, count: None }),
            false => Value::Absent("no scalar varies, or too few draws".to_string()),
        };
        let truth = |holds: bool| Value::Truth(Truth { holds, within_error: false, text: format!("{}: {note}", verdict.word()) });
        Ok(Value::Record(vec![
            ("settled".into(), truth(verdict == Verdict::Settled)),
            ("disagree".into(), truth(verdict == Verdict::Disagree)),
            ("r_hat".into(), number(r_hat)),
            ("ess".into(), number(ess)),
        ]))
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
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let p = density(job, "p")?;
        let (n, limit) = (p.n(), 2000);
        if n > limit {
            return Err(Failure::new(format!("co-clustering of {n} rows would have {} pairs", n * (n - 1) / 2))
                .help(format!("fit at most {limit} rows, or one class at a time")));
        }
        let mut together = vec![0.0; n * n];
        for kept in p.kept() {
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
