//! Canonical correlations one by one, the directions behind them, and over how many units each of these spreads.

use super::correlation::{Side, correlations, enough, estimated, projection_weights, round, side, told_apart, tolerated};
use super::rows::{against, matched};
use super::spectrum::participation;
use crate::engine::value::{Column, Table};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::linalg::{Trouble, fix_signs, product};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem};
use crate::plan::files::Files;
use crate::{settings, words};
use ndarray::{Array1, Array2, Axis};
use std::sync::Arc;

words! {
    /// The side whose directions are listed.
    enum Of {
        X = "x",
        Against = "against",
    }
}

settings! {
    /// Settings of `canonical_correlations`.
    struct CorrelationsSettings("canonical_correlations") { tolerance: f64 }
}

settings! {
    /// Settings of `canonical_directions`.
    struct DirectionsSettings("canonical_directions") { of: Of, tolerance: f64 }
}

const CORRELATIONS: [&str; 7] = ["direction", "correlation", "weight", "share", "share_against", "spread", "spread_against"];
const DIRECTIONS: [&str; 4] = ["direction", "unit", "coefficient", "loading"];

/// All canonical correlations as a table.
pub struct CanonicalCorrelations;

/// Canonical directions as a table.
pub struct CanonicalDirections;

/// The variates of one side, and what they are made of.
struct Variates {
    /// Examples x directions, orthonormal.
    variates: Array2<f64>,
    /// Units x directions: coefficients of units scaled to equal variance, each column of norm 1.
    coefficients: Array2<f64>,
    /// Norm of each centred unit.
    norms: Array1<f64>,
    centred: Array2<f64>,
}

impl Variates {
    /// Takes apart a side, given its variates in terms of its basis.
    fn new(side: Side, w: &Array2<f64>, cx: &dyn Context) -> Result<Variates, Trouble> {
        let variates = product(side.basis.view(), w.view(), cx)?;
        let scaled = w / &side.values.view().insert_axis(Axis(1));
        let norms = side.centred.x.map_axis(Axis(0), |c| c.iter().map(|v| v * v).sum::<f64>().sqrt());
        let mut coefficients = product(side.right.t(), scaled.view(), cx)? * norms.view().insert_axis(Axis(1));
        for mut column in coefficients.columns_mut() {
            let norm = column.iter().map(|v| v * v).sum::<f64>().sqrt();
            if norm > 0.0 {
                column /= norm;
            }
        }
        Ok(Variates { variates, coefficients, norms, centred: side.centred.x })
    }

    /// Returns for each direction the share of the side's variance that its variate accounts for.
    fn shares(&self, cx: &dyn Context) -> Result<Vec<f64>, Trouble> {
        let all: f64 = self.norms.iter().map(|v| v * v).sum();
        let products = product(self.variates.t(), self.centred.view(), cx)?;
        Ok(products.rows().into_iter().map(|row| row.iter().map(|v| v * v).sum::<f64>() / all).collect())
    }

    /// Returns for each direction the number of units over which it spreads.
    fn spreads(&self) -> Vec<f64> {
        self.coefficients.columns().into_iter().map(|c| participation(&c.iter().map(|v| v * v).collect::<Vec<_>>())).collect()
    }

    /// Returns coefficients and loadings (correlations of units with the variates), units x directions, turned so that each direction's
    /// coefficient of largest magnitude is positive.
    fn directions(self, cx: &dyn Context) -> Result<(Array2<f64>, Array2<f64>), Trouble> {
        let mut turned = self.coefficients.clone();
        fix_signs(&mut turned);
        let products = product(self.centred.t(), self.variates.view(), cx)?;
        let mut loadings = products / &self.norms.mapv(|n| if n > 0.0 { n } else { f64::NAN }).insert_axis(Axis(1));
        for (j, mut column) in loadings.columns_mut().into_iter().enumerate() {
            let kept = turned.column(j).iter().zip(self.coefficients.column(j)).all(|(a, b)| a == b);
            column *= if kept { 1.0 } else { -1.0 };
        }
        Ok((turned, loadings))
    }
}

fn not_found(trouble: Trouble) -> Failure {
    trouble.failure("the directions were not found")
}

/// The two sides of a job, and their correlations.
struct Found {
    sides: [Side; 2],
    rho: Array1<f64>,
    w: Array2<f64>,
    z: Array2<f64>,
}

fn found(job: &Job, tolerance: f64, cx: &dyn Context) -> Result<Found, Failure> {
    let (x, y) = matched(job.stages("x")?, against(job)?)?;
    let sides = [side(&x, tolerance, None, "x", cx)?, side(&y, tolerance, None, "against", cx)?];
    enough(x.nrows(), &sides[0], &sides[1], None)?;
    let (rho, w, z) = correlations(sides[0].basis.view(), sides[1].basis.view(), cx)?;
    Ok(Found { sides, rho, w, z })
}

fn facts(columns: &[&str]) -> Facts {
    Facts { columns: Some(columns.iter().map(|c| c.to_string()).collect()), ..Facts::default() }
}

fn cost(inputs: &[KnownInput], rows: impl Fn(f64, f64) -> f64) -> Cost {
    let (n, a, b, decomposed) = estimated(inputs);
    let seconds = 1e-3 + decomposed + round(n, a, b);
    Cost { seconds, memory: 8.0 * n * (5.0 * a + 5.0 * b), disk: 500.0 + 8.0 * rows(a.min(n), b.min(n)) }
}

fn table<const N: usize>(names: [&str; N], columns: [Vec<f64>; N]) -> Value {
    let columns = names.iter().zip(columns).map(|(name, x)| (name.to_string(), Column::Numbers(x))).collect();
    Value::Table(Arc::new(Table { columns }))
}

impl Planned for CanonicalCorrelations {
    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        tolerated(CorrelationsSettings::read(settings).tolerance)?;
        told_apart(inputs, true, None)?;
        Ok(facts(&CORRELATIONS))
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        cost(inputs, |a, b| 7.0 * a.min(b))
    }
}

impl Kernel for CanonicalCorrelations {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let Found { sides: [a, b], rho, w, z } = found(job, CorrelationsSettings::read(&job.settings).tolerance, cx)?;
        let weights = projection_weights(&a, &w, cx)?.to_vec();
        let side = |side, w| Variates::new(side, w, cx).map_err(not_found);
        let (a, b) = (side(a, &w)?, side(b, &z)?);
        let shares = |side: &Variates| side.shares(cx).map_err(not_found);
        let numbers = (1..=rho.len()).map(|i| i as f64).collect();
        let columns = [numbers, rho.to_vec(), weights, shares(&a)?, shares(&b)?, a.spreads(), b.spreads()];
        Ok(table(CORRELATIONS, columns))
    }
}

impl Planned for CanonicalDirections {
    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        tolerated(DirectionsSettings::read(settings).tolerance)?;
        told_apart(inputs, true, None)?;
        Ok(facts(&DIRECTIONS))
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        cost(inputs, |a, b| 4.0 * a.min(b) * a.max(b))
    }
}

impl Kernel for CanonicalDirections {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let DirectionsSettings { of, tolerance } = DirectionsSettings::read(&job.settings);
        let Found { sides: [a, b], w, z, .. } = found(job, tolerance, cx)?;
        let side = match of {
            Of::X => Variates::new(a, &w, cx),
            Of::Against => Variates::new(b, &z, cx),
        };
        let (coefficients, loadings) = side.and_then(|s| s.directions(cx)).map_err(not_found)?;
        let (units, directions) = coefficients.dim();
        let pairs = || (0..directions).flat_map(|i| (0..units).map(move |j| (i, j)));
        Ok(table(
            DIRECTIONS,
            [
                pairs().map(|(i, _)| (i + 1) as f64).collect(),
                pairs().map(|(_, j)| j as f64).collect(),
                pairs().map(|(i, j)| coefficients[[j, i]]).collect(),
                pairs().map(|(i, j)| loadings[[j, i]]).collect(),
            ],
        ))
    }
}
