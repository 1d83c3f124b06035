//! Canonical correlations of two representations: mean CCA, SVCCA (Raghu et al. 2017), PWCCA (Morcos et al. 2018), with their null.

use super::rows::{against, matched, problem};
use crate::engine::value::Number;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::data::select::random_order;
use crate::ops::linalg::thin_svd;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem};
use crate::plan::files::Files;
use ndarray::{Array1, Array2, ArrayView2, Axis, s};

/// Canonical correlation analysis of matched rows.
pub struct Cca;

/// An orthonormal basis of the centred columns, and the centred columns.
struct Side {
    basis: Array2<f64>,
    centred: Array2<f64>,
}

/// Which directions of a side are kept.
enum Cut {
    /// Singular values above this share of the largest.
    Tolerance(f64),
    /// As many as hold this share of the variance (and are above the tolerance).
    Variance(f64, f64),
}

/// Returns x with its column means taken away.
pub fn centred(x: &Array2<f64>) -> Array2<f64> {
    match x.mean_axis(Axis(0)) {
        Some(mean) => x - &mean,
        None => x.clone(),
    }
}

/// Returns a side of the comparison.
fn side(x: &Array2<f64>, cut: &Cut, name: &str) -> Result<Side, Failure> {
    let centred = centred(x);
    let (u, values, _) = thin_svd(centred.view()).map_err(|e| Failure::new(format!("`{name}`: {e}")))?;
    let largest = values.first().copied().unwrap_or(0.0);
    let (Cut::Tolerance(tolerance) | Cut::Variance(_, tolerance)) = cut;
    let mut rank = values.iter().take_while(|v| **v > tolerance * largest).count();
    if let Cut::Variance(share, _) = cut {
        let all: f64 = values.iter().map(|v| v * v).sum();
        let mut sum = 0.0;
        let enough = values.iter().position(|v| {
            sum += v * v;
            sum >= share * all
        });
        rank = rank.min(enough.map_or(rank, |i| i + 1));
    }
    if rank == 0 {
        return Err(Failure::Absent(format!("`{name}` is the same for all examples")));
    }
    Ok(Side { basis: u.slice(s![.., ..rank]).to_owned(), centred })
}

/// Returns canonical correlations, largest first, and the first side's variates in terms of its basis (as columns).
fn correlations(a: ArrayView2<f64>, b: ArrayView2<f64>) -> Result<(Array1<f64>, Array2<f64>), Failure> {
    let (w, rho, _) = thin_svd(a.t().dot(&b).view()).map_err(|e| Failure::new(e.to_string()))?;
    Ok((rho.mapv(|r| r.clamp(0.0, 1.0)), w))
}

/// Returns the projection-weighted mean: weights sum_j |<h_i, x_j>| over the columns x_j (Morcos et al. 2018, section 2.1).
fn projection_weighted(side: &Side, rho: &Array1<f64>, w: &Array2<f64>) -> f64 {
    let variates = side.basis.dot(w);
    let weights: Array1<f64> = variates.t().dot(&side.centred).mapv(f64::abs).sum_axis(Axis(1));
    let total = weights.sum();
    if total > 0.0 { rho.iter().zip(&weights).map(|(r, a)| r * a).sum::<f64>() / total } else { 0.0 }
}

impl Planned for Cca {
    fn facts(&self, settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let share = settings.real("variance");
        if settings.word("variant") == "svcca" && !(share > 0.0 && share <= 1.0) {
            return Err(problem("variance", format!("a share of {share} of the variance cannot be kept")));
        }
        if settings.int("permutations") == 0 {
            return Err(problem("permutations", "the null needs at least one permutation"));
        }
        Ok(Facts::default())
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let facts = super::rows::like_x(inputs);
        let (n, d) = (facts.rows.unwrap_or(10_000) as f64, facts.dim.unwrap_or(64) as f64);
        let rounds = 10.0 + settings.int("permutations") as f64;
        Cost { seconds: 5e-10 * n * d * d * rounds, memory: 64.0 * n * d, disk: 500.0 }
    }
}

impl Kernel for Cca {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (x, y) = matched(job.stages("x")?, against(job)?)?;
        let (variant, tolerance) = (job.settings.word("variant"), job.settings.real("tolerance"));
        let cut =
            if variant == "svcca" { Cut::Variance(job.settings.real("variance"), tolerance) } else { Cut::Tolerance(tolerance) };
        let (a, b) = (side(&x, &cut, "x")?, side(&y, &cut, "against")?);
        let (n, ranks) = (x.nrows(), a.basis.ncols() + b.basis.ncols());
        if n - 1 < ranks {
            let message = format!(
                "{n} examples are too few for {} + {} directions: {} or more of the correlations would be exactly 1, whatever the data",
                a.basis.ncols(),
                b.basis.ncols(),
                ranks - (n - 1)
            );
            let other = if variant == "svcca" { "a smaller `variance:`" } else { "`variant: svcca`" };
            return Err(Failure::new(message).help(format!("use more examples, reduce both sides with `svd`, or {other}")));
        }
        let (rho, w) = correlations(a.basis.view(), b.basis.view())?;
        let summary = |rho: &Array1<f64>, w: &Array2<f64>| match variant {
            "pwcca" => projection_weighted(&a, rho, w),
            _ => rho.mean().unwrap_or(0.0),
        };
        let similarity = summary(&rho, &w);
        let rounds = job.settings.int("permutations").max(1);
        let mut null = Vec::with_capacity(rounds);
        for round in 0..rounds {
            if cx.interrupted() {
                return Err(Failure::Interrupted);
            }
            let order = random_order(&job.stream.named("permutation").numbered(round as u64), n);
            let (rho, w) = correlations(a.basis.view(), b.basis.select(Axis(0), &order).view())?;
            null.push(summary(&rho, &w));
        }
        let number = |value| Value::Number(Number { value, error: None, count: Some(n as u64) });
        Ok(Value::Record(vec![
            ("similarity".to_string(), number(similarity)),
            ("distance".to_string(), number(1.0 - similarity)),
            ("null".to_string(), Value::Number(mean_of(&null))),
            ("largest".to_string(), number(rho.first().copied().unwrap_or(0.0))),
            ("directions".to_string(), Value::Number(Number::exact(rho.len() as f64))),
            ("examples_per_direction".to_string(), Value::Number(Number::exact(n as f64 / ranks as f64))),
        ]))
    }
}

/// Returns the mean with its standard error, where there are two numbers or more.
fn mean_of(x: &[f64]) -> Number {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let error = (x.len() > 1).then(|| (x.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0) / n).sqrt());
    Number { value: mean, error, count: Some(x.len() as u64) }
}
