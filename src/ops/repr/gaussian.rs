//! Rows without structure: Gaussian surrogates with the mean and covariance of each class, and plain standard normal rows.
//!
//! What an analysis finds in them it finds in data without structure beyond two moments; that is the null beside every claim.

use super::rows::{classes, like_x, problem, same_rows};
use super::scale;
use crate::base::Stream;
use crate::engine::value::Stages;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::linalg::{self, EIGEN, Trouble, symmetric_eigen};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem};
use crate::plan::files::Files;
use crate::{settings, words};
use ndarray::{Array2, ArrayView2, Axis};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::sync::Arc;

words! {
    /// Whose moments surrogates have.
    enum By {
        /// Those of each class.
        Class = "class",
        /// Those of all rows.
        All = "none",
    }
}

settings! {
    /// Settings of `matched_gaussian`.
    struct MatchedSettings("matched_gaussian") { by: By }
}

settings! {
    /// Settings of `gaussian_stages`.
    struct GaussianSettings("gaussian_stages") { rows: usize, units: usize, classes: usize }
}

/// Most rows that are counted, and most numbers that a representation may have: 8 TiB.
const MOST_ROWS: usize = 1 << 31;
const MOST_NUMBERS: usize = 1 << 40;

/// Numbers that are drawn between two looks at whether the run stops.
const LOOK: usize = 1 << 20;

/// Draws as many rows as there are, with the same ids and labels.
pub struct MatchedGaussian;

impl Planned for MatchedGaussian {
    fn version(&self) -> u32 {
        3
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(like_x(inputs))
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let facts = like_x(inputs);
        let (n, d) = (facts.most_rows().unwrap_or(10_000) as f64, facts.dim.unwrap_or(64) as f64);
        let groups = facts.classes.as_ref().map_or(1, Vec::len).max(1) as f64;
        let decomposed = if n / groups > d { EIGEN * groups * d * d * d } else { 0.0 };
        let width = d.min(n / groups);
        Cost { seconds: 1e-3 + 2e-10 * n * d * width + 1.5e-8 * n * width + decomposed, memory: 24.0 * n * d, disk: 8.0 * n * d }
    }
}

/// Exponents of units may differ by so much before each gets a scale of its own.
const SPREAD: i32 = 24;

/// Brings the columns of a centred matrix to scales of their own where one common scale would lose the smaller ones in rounding; returns
/// the exponents.
fn own_scales(x: &mut Array2<f64>) -> Vec<i32> {
    let mut exponents: Vec<i32> = x.columns().into_iter().map(|c| scale::exponent(c.iter())).collect();
    let (least, most) = exponents.iter().fold((i32::MAX, i32::MIN), |(a, b), e| (a.min(*e), b.max(*e)));
    if most.saturating_sub(least) <= SPREAD {
        exponents.fill(0);
    }
    for (mut column, exponent) in x.columns_mut().into_iter().zip(&exponents) {
        scale::shift(column.iter_mut(), -exponent);
    }
    exponents
}

/// Returns as many rows as `x` has, drawn from N(mean of x, covariance of x); the covariance divides by n - 1. What is the same in all rows
/// stays as it is.
///
/// With no more rows than units the factor of the covariance is the centred rows themselves; else it is `V sqrt(lambda)`.
fn draw(x: ArrayView2<f64>, stream: &Stream, cx: &dyn Context) -> Result<Array2<f64>, Trouble> {
    let (n, d) = x.dim();
    if n < 2 {
        return Ok(x.to_owned());
    }
    let varying = scale::varying(x);
    if varying.is_empty() {
        return Ok(x.to_owned());
    }
    let whole = scale::centred(x);
    let mut centred = whole.x.select(Axis(1), &varying);
    let exponents = own_scales(&mut centred);
    let scale = ((n - 1) as f64).sqrt();
    let factor = if n <= d {
        centred / scale
    } else {
        let (values, vectors) = symmetric_eigen(linalg::gram(centred.view(), cx)?.view(), cx)?;
        let mut factor = vectors;
        linalg::fix_signs(&mut factor);
        for (mut column, value) in factor.columns_mut().into_iter().zip(&values) {
            let length = value.max(0.0).sqrt() / scale;
            column.mapv_inplace(|v| v * length);
        }
        factor.t().as_standard_layout().into_owned()
    };
    let mut rng = stream.rng();
    let mut normals = Array2::zeros((n, factor.nrows()));
    for piece in normals.as_slice_mut().unwrap_or_default().chunks_mut(LOOK) {
        if cx.interrupted() {
            return Err(Trouble::Stopped);
        }
        piece.iter_mut().for_each(|v| *v = StandardNormal.sample(&mut rng));
    }
    let drawn = linalg::project(normals.view(), factor.view(), cx)?;
    let mut out = Array2::zeros((n, d));
    for mut row in out.rows_mut() {
        row.assign(&whole.means);
    }
    for ((j, mut column), exponent) in varying.iter().zip(drawn.columns().into_iter().map(|c| c.to_owned())).zip(exponents) {
        scale::shift(column.iter_mut(), whole.exponent + exponent);
        let mut to = out.column_mut(*j);
        to += &column;
    }
    Ok(out)
}

impl Kernel for MatchedGaussian {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let stages = job.stages("x")?;
        let all = vec![(0, (0..stages.x.nrows()).collect())];
        let groups = match MatchedSettings::read(&job.settings).by {
            By::Class => classes(stages),
            By::All => all,
        };
        let of = |(class, rows): &(u64, Vec<usize>)| {
            let stream = job.stream.named("surrogate").numbered(*class);
            if cx.interrupted() { Err(Trouble::Stopped) } else { draw(stages.x.select(Axis(0), rows).view(), &stream, cx) }
        };
        let drawn: Vec<Result<Array2<f64>, Trouble>> = groups.par_iter().map(of).collect();
        let mut x = Array2::zeros(stages.x.dim());
        for ((class, rows), drawn) in groups.iter().zip(drawn) {
            let drawn = drawn.map_err(|e| e.failure(&format!("no surrogates for class {class}")))?;
            if drawn.iter().any(|v| v.is_infinite()) && stages.x.iter().all(|v| v.is_finite()) {
                return Err(Failure::overflows("a drawn row"));
            }
            rows.iter().zip(drawn.rows()).for_each(|(i, row)| x.row_mut(*i).assign(&row));
        }
        Ok(Value::Stages(Arc::new(same_rows(stages, x, stages.notes.clone()))))
    }
}

/// Draws standard normal rows.
pub struct GaussianStages;

impl Planned for GaussianStages {
    fn version(&self) -> u32 {
        2
    }

    fn facts(&self, settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let GaussianSettings { rows, units, classes } = GaussianSettings::read(settings);
        for (name, value) in [("rows", rows), ("units", units), ("classes", classes)] {
            if value == 0 {
                return Err(problem(name, "must be at least 1"));
            }
        }
        if rows > MOST_ROWS {
            return Err(problem("rows", format!("{rows} rows are more than are counted: at most {MOST_ROWS}")));
        }
        if rows.saturating_mul(units) > MOST_NUMBERS {
            return Err(problem(
                "units",
                format!("{rows} rows of {units} units are more numbers than a representation may have"),
            ));
        }
        if classes > rows {
            return Err(problem("classes", format!("{rows} rows cannot be dealt to {classes} classes")));
        }
        Ok(Facts {
            classes: Some((0..classes).map(|c| c.to_string()).collect()),
            class_sizes: Some((0..classes).map(|c| (rows - c).div_ceil(classes)).collect()),
            labelled: Some(true),
            reduced: Some(false),
            rows: Some(rows),
            dim: Some(units),
            bytes: Some(8 * (rows * units) as u64),
            ..Facts::default()
        })
    }

    fn cost(&self, settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        let settings = GaussianSettings::read(settings);
        let size = settings.rows as f64 * settings.units as f64;
        Cost { seconds: 1e-3 + 2.5e-8 * size, memory: 8.0 * size, disk: 8.0 * size }
    }
}

impl Kernel for GaussianStages {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let GaussianSettings { rows, units, classes } = GaussianSettings::read(&job.settings);
        let classes = classes.max(1);
        let mut rng = job.stream.named("rows").rng();
        let mut x = Array2::zeros((rows, units));
        for piece in x.as_slice_mut().unwrap_or_default().chunks_mut(LOOK) {
            if cx.interrupted() {
                return Err(Failure::Interrupted);
            }
            piece.iter_mut().for_each(|v| *v = StandardNormal.sample(&mut rng));
        }
        Ok(Value::Stages(Arc::new(Stages {
            x,
            ids: Arc::new((0..rows as u32).collect()),
            labels: Arc::new((0..rows).map(|i| (i % classes) as u32).collect()),
            classes: (0..classes).map(|c| c.to_string()).collect(),
            numbered: true,
            notes: Vec::new(),
        })))
    }
}
