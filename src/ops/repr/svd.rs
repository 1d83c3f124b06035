//! Projection on leading right singular vectors, and the energy that they capture (Jamroz and Kurdziel 2023, section 2, figure A.6).

use super::rows::{like_x, problem, same_rows};
use super::scale;
use crate::engine::value::Number;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::linalg::{EIGEN, PRODUCT, Trouble, WIDE, leading_right, project};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use crate::settings;
use ndarray::s;
use std::sync::Arc;

settings! {
    /// Settings of `svd`.
    struct SvdSettings("svd") { width: usize, centred: bool }
}

/// Name of the note that holds the share of energy kept.
pub const ENERGY: &str = "captured energy";

/// `X V_k`: X as it is (uncentred) or with its column means taken away, V_k its `width` leading right singular vectors.
pub struct Svd;

impl Planned for Svd {
    fn version(&self) -> u32 {
        3
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let facts = like_x(inputs);
        let width = SvdSettings::read(settings).width;
        if width == 0 {
            return Err(problem("width", "a representation needs at least one unit"));
        }
        if let Some(dim) = facts.dim.filter(|d| *d < width) {
            let help = Some(format!("write a width of at most {dim}"));
            return Err(Problem { help, ..problem("width", format!("a width of {width} is above the {dim} units there are")) });
        }
        if let Some(rows) = facts.most_rows().filter(|n| *n < width) {
            return Err(problem("width", format!("a width of {width} is above the {rows} examples there are")));
        }
        let bytes = facts.most_rows().map(|n| (n * width * 8) as u64);
        Ok(Facts { dim: Some(width), bytes, reduced: Some(true), ..facts })
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let facts = like_x(inputs);
        let (n, d) = (facts.most_rows().unwrap_or(10_000) as f64, facts.dim.unwrap_or(512) as f64);
        let width = SvdSettings::read(settings).width as f64;
        Cost {
            // The Gram matrix and its eigenvectors, or a thin singular value decomposition; then the projection.
            seconds: 1e-3
                + if n >= d { PRODUCT * n * d * d + EIGEN * d * d * d } else { WIDE * n * n * d }
                + PRODUCT * n * d * width,
            memory: 8.0 * (3.0 * n * d + 9.0 * d * d.min(n)),
            disk: 8.0 * n * width,
        }
    }
}

impl Kernel for Svd {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let stages = job.stages("x")?;
        let SvdSettings { width, centred } = SvdSettings::read(&job.settings);
        let (n, d) = stages.x.dim();
        if width == 0 || width > d.min(n) {
            return Err(Failure::new(format!("a width of {width} does not fit {n} examples x {d} units"))
                .help(format!("write a width of 1 to {}", d.min(n))));
        }
        // A common scale leaves the vectors as they are, and keeps squares from overflowing or vanishing.
        let (x, exponent) = match centred {
            true => {
                let centred = scale::centred(stages.x.view());
                (centred.x, centred.exponent)
            }
            false => scale::scaled(stages.x.view()),
        };
        let not_found = |e: Trouble| e.failure("the singular vectors were not found");
        let leading = leading_right(x.view(), width, cx).map_err(not_found)?;
        let all: f64 = leading.squares.iter().sum();
        let kept: f64 = leading.squares.iter().take(width).sum();
        // A representation that is zero everywhere loses nothing.
        let energy = if all > 0.0 { (kept / all).min(1.0) } else { 1.0 };
        let mut projected = project(x.view(), leading.vectors.view(), cx).map_err(not_found)?;
        // Directions that rounding alone gives: the rows have nothing there.
        let least = n.max(d) as f64 * f64::EPSILON;
        let first = leading.squares.first().copied().unwrap_or(0.0);
        let something = leading.squares.iter().take(width).filter(|s| **s > least * least * first).count();
        projected.slice_mut(s![.., something..]).fill(0.0);
        scale::restore(projected.iter_mut(), exponent, "a projection")?;
        let square = |i: usize| {
            let mut value = [leading.squares.get(i).copied().unwrap_or(0.0)];
            scale::shift(value.iter_mut(), exponent.saturating_mul(2));
            value[0]
        };
        let notes = vec![
            (ENERGY.to_string(), energy),
            ("units before".to_string(), d as f64),
            ("directions with anything in them".to_string(), something as f64),
            ("largest squared singular value".to_string(), square(0)),
            ("smallest kept squared singular value".to_string(), square(width - 1)),
        ];
        let notes = notes.into_iter().filter(|(_, value)| value.is_finite()).collect();
        Ok(Value::Stages(Arc::new(same_rows(stages, projected, notes))))
    }
}

/// The share of energy that a representation kept when it was reduced.
pub struct CapturedEnergy;

/// The number of units.
pub struct Dimension;

impl Planned for Dimension {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(Facts { classes: known(inputs, "x").and_then(|f| f.classes.clone()), ..Facts::default() })
    }
}

impl Kernel for Dimension {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        Ok(Value::Number(Number::exact(job.stages("x")?.x.ncols() as f64)))
    }
}

/// What is said of a representation that was not reduced.
const WHOLE: &str = "the representation was not reduced, so it has no captured energy";
const REDUCE: &str = "give the result of `svd`";

impl Planned for CapturedEnergy {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let x = known(inputs, "x");
        match x.and_then(|f| f.reduced) {
            Some(false) => Err(Problem { help: Some(REDUCE.to_string()), ..problem("x", WHOLE) }),
            _ => Ok(Facts { classes: x.and_then(|f| f.classes.clone()), ..Facts::default() }),
        }
    }
}

impl Kernel for CapturedEnergy {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let stages = job.stages("x")?;
        match stages.notes.iter().find(|(n, _)| n == ENERGY) {
            Some((_, energy)) => Ok(Value::Number(Number::exact(*energy))),
            None => Err(Failure::new(WHOLE).help(REDUCE)),
        }
    }
}
