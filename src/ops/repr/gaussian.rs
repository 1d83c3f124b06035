//! Rows without structure: Gaussian surrogates with the mean and covariance of each class, and plain standard normal rows.
//!
//! What an analysis finds in them it finds in data without structure beyond two moments; that is the null beside every claim.

use super::rows::{groups, like_x, problem, same_rows};
use crate::base::Stream;
use crate::engine::value::Stages;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::linalg::{self, Trouble, symmetric_eigen};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem};
use crate::plan::files::Files;
use ndarray::{Array2, ArrayView2, Axis};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::sync::Arc;

/// Draws as many rows as there are, with the same ids and labels.
pub struct MatchedGaussian;

impl Planned for MatchedGaussian {
    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(like_x(inputs))
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let facts = like_x(inputs);
        let (n, d) = (facts.rows.unwrap_or(10_000) as f64, facts.dim.unwrap_or(64) as f64);
        Cost { seconds: 1e-9 * n * d * d + 2e-8 * n * d, memory: 24.0 * n * d, disk: 8.0 * n * d }
    }
}

/// Returns as many rows as `x` has, drawn from N(mean of x, covariance of x); the covariance divides by n - 1.
///
/// With no more rows than units the factor of the covariance is the centred rows themselves; else it is `V sqrt(lambda)`.
fn draw(x: ArrayView2<f64>, stream: &Stream) -> Result<Array2<f64>, Trouble> {
    let (n, d) = x.dim();
    let Some(mean) = x.mean_axis(Axis(0)) else { return Ok(x.to_owned()) };
    if n < 2 {
        return Ok(x.to_owned());
    }
    let centred = &x - &mean;
    let scale = ((n - 1) as f64).sqrt();
    let factor = if n <= d {
        centred / scale
    } else {
        let (values, vectors) = symmetric_eigen(linalg::gram(centred.view()).view())?;
        let mut factor = vectors;
        linalg::fix_signs(&mut factor);
        for (mut column, value) in factor.columns_mut().into_iter().zip(&values) {
            let length = value.max(0.0).sqrt() / scale;
            column.mapv_inplace(|v| v * length);
        }
        factor.t().as_standard_layout().into_owned()
    };
    let mut rng = stream.rng();
    let normals = Array2::from_shape_simple_fn((n, factor.nrows()), || StandardNormal.sample(&mut rng));
    Ok(linalg::project(normals.view(), factor.view()) + &mean)
}

impl Kernel for MatchedGaussian {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let stages = job.stages("x")?;
        let groups = groups(stages, &job.settings, "by");
        let drawn: Vec<Result<Array2<f64>, Trouble>> = groups
            .par_iter()
            .map(|(class, rows)| draw(stages.x.select(Axis(0), rows).view(), &job.stream.named("surrogate").numbered(*class)))
            .collect();
        let mut x = Array2::zeros(stages.x.dim());
        for ((class, rows), drawn) in groups.iter().zip(drawn) {
            let drawn = drawn.map_err(|e| Failure::new(format!("no surrogates for class {class}: {e}")))?;
            rows.iter().zip(drawn.rows()).for_each(|(i, row)| x.row_mut(*i).assign(&row));
        }
        Ok(Value::Stages(Arc::new(same_rows(stages, x, stages.notes.clone()))))
    }
}

/// Draws standard normal rows.
pub struct GaussianStages;

impl Planned for GaussianStages {
    fn facts(&self, settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let (rows, units, classes) = (settings.int("rows"), settings.int("units"), settings.int("classes"));
        for (name, value) in [("rows", rows), ("units", units), ("classes", classes)] {
            if value == 0 {
                return Err(problem(name, "must be at least 1"));
            }
        }
        if classes > rows {
            return Err(problem("classes", format!("{rows} rows cannot be dealt to {classes} classes")));
        }
        Ok(Facts {
            classes: Some((0..classes).map(|c| c.to_string()).collect()),
            class_sizes: Some((0..classes).map(|c| (rows - c).div_ceil(classes)).collect()),
            rows: Some(rows),
            dim: Some(units),
            bytes: Some(8 * (rows * units) as u64),
            ..Facts::default()
        })
    }

    fn cost(&self, settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        let size = settings.int("rows") as f64 * settings.int("units") as f64;
        Cost { seconds: 1e-3 + 1e-8 * size, memory: 8.0 * size, disk: 8.0 * size }
    }
}

impl Kernel for GaussianStages {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let (rows, units) = (job.settings.int("rows"), job.settings.int("units"));
        let classes = job.settings.int("classes").max(1);
        let mut rng = job.stream.named("rows").rng();
        Ok(Value::Stages(Arc::new(Stages {
            x: Array2::from_shape_simple_fn((rows, units), || StandardNormal.sample(&mut rng)),
            ids: Arc::new((0..rows as u32).collect()),
            labels: Arc::new((0..rows).map(|i| (i % classes) as u32).collect()),
            classes: (0..classes).map(|c| c.to_string()).collect(),
            notes: Vec::new(),
        })))
    }
}
