//! The spectrum of a representation: all singular values in one pass, and how many directions it fills.

use super::rows::{finite, like_x, problem};
use super::scale;
use crate::engine::value::{Column, Number, Table};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::linalg::{PRODUCT, singular_values};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem};
use crate::plan::files::Files;
use crate::settings;
use std::sync::Arc;

settings! {
    /// Settings of `spectrum`.
    struct SpectrumSettings("spectrum") { width: Option<usize>, centred: bool }
}

/// Columns of the table.
const COLUMNS: [&str; 5] = ["direction", "singular_value", "share", "energy", "retained"];

/// All singular values of a matrix of examples x units, and summaries of them.
pub struct Spectrum;

impl Planned for Spectrum {
    fn version(&self) -> u32 {
        2
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let x = like_x(inputs);
        if let Some(width) = SpectrumSettings::read(settings).width {
            if width == 0 {
                return Err(problem("width", "a representation needs at least one unit"));
            }
            if let Some(dim) = x.dim.filter(|d| *d < width) {
                let help = Some(format!("write a width of at most {dim}"));
                return Err(Problem {
                    help,
                    ..problem("width", format!("a width of {width} is above the {dim} units there are"))
                });
            }
            if let Some(rows) = x.most_rows().filter(|n| *n < width) {
                return Err(problem("width", format!("a width of {width} is above the {rows} examples there are")));
            }
        }
        let columns = COLUMNS.iter().map(|c| c.to_string()).collect();
        Ok(Facts { tables: vec![("table".to_string(), columns)], ..Facts::default() })
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let x = like_x(inputs);
        let (n, d) = (x.most_rows().unwrap_or(10_000) as f64, x.dim.unwrap_or(512) as f64);
        let small = n.min(d);
        // The larger side is reduced to the smaller by reflections, and that square to two diagonals.
        let seconds = 1e-3 + 2.0 * PRODUCT * n * d * small + 1.5e-9 * small * small * small;
        Cost { seconds, memory: 8.0 * (3.0 * n * d + 4.0 * small * small), disk: 500.0 + 40.0 * small }
    }
}

/// Returns (sum of x)^2 / sum of x^2 of numbers of which none is below 0: how many of them there would be if all were equal (0 of none).
pub fn participation(x: &[f64]) -> f64 {
    let (sum, squares) = x.iter().fold((0.0, 0.0), |(s, q), v| (s + v, q + v * v));
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

/// Returns exp of the entropy of numbers as shares of their sum: the effective rank, of singular values (Roy & Vetterli 2007).
pub fn effective_rank(x: &[f64]) -> f64 {
    let sum: f64 = x.iter().sum();
    let entropy: f64 = x.iter().filter(|v| **v > 0.0).map(|v| -(v / sum) * (v / sum).ln()).sum();
    if sum > 0.0 { entropy.exp() } else { 0.0 }
}

impl Kernel for Spectrum {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let stages = job.stages("x")?;
        finite("x", stages)?;
        let SpectrumSettings { width, centred } = SpectrumSettings::read(&job.settings);
        let (n, d) = stages.x.dim();
        if width.is_some_and(|w| w == 0 || w > d.min(n)) {
            return Err(Failure::new(format!("a width of {} does not fit {n} examples x {d} units", width.unwrap_or(0)))
                .help(format!("write a width of 1 to {}", d.min(n))));
        }
        let (x, exponent) = match centred {
            true => {
                let centred = scale::centred(stages.x.view());
                (centred.x, centred.exponent)
            }
            false => scale::scaled(stages.x.view()),
        };
        let values = singular_values(x.view(), cx).map_err(|e| e.failure("the singular values were not found"))?.to_vec();
        let squares: Vec<f64> = values.iter().map(|v| v * v).collect();
        let all: f64 = squares.iter().sum();
        if all <= 0.0 {
            let what = if centred { "`x` is the same for all examples" } else { "`x` is 0 for all examples" };
            return Err(Failure::Absent(what.to_string()));
        }
        let share: Vec<f64> = squares.iter().map(|s| s / all).collect();
        let energy: Vec<f64> = share
            .iter()
            .scan(0.0, |sum, s| {
                *sum += s;
                Some(f64::min(*sum, 1.0))
            })
            .collect();
        let kept = width.unwrap_or(values.len());
        let retained = energy.iter().enumerate().map(|(i, e)| if i < kept { *e } else { f64::NAN }).collect();
        let mut shown = values.clone();
        scale::restore(shown.iter_mut(), exponent, "a singular value")?;
        let columns = [(1..=values.len()).map(|i| i as f64).collect(), shown, share, energy.clone(), retained];
        let columns = COLUMNS.iter().zip(columns).map(|(name, x)| (name.to_string(), Column::Numbers(x))).collect();
        let number = |value: f64| Value::Number(Number::new(value, None, Some(n as u64)));
        Ok(Value::Record(vec![
            ("table".to_string(), Value::Table(Arc::new(Table { columns }))),
            ("energy".to_string(), number(energy.get(kept.saturating_sub(1)).copied().unwrap_or(1.0))),
            ("effective_rank".to_string(), number(effective_rank(&values))),
            ("participation_ratio".to_string(), number(participation(&squares))),
        ]))
    }
}
