//! Canonical correlations of two representations: mean CCA, SVCCA (Raghu et al. 2017), PWCCA (Morcos et al. 2018), with their null.

use super::rows::{against, compared, matched, problem, shared};
use super::scale::{self, Centred};
use crate::engine::value::Number;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::data::select::random_order;
use crate::ops::linalg::{PRODUCT, SQUARE, TALL, WIDE, thin_svd};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, known};
use crate::plan::files::Files;
use crate::{settings, words};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};

words! {
    /// How correlations become one number.
    enum Variant {
        /// Their mean.
        Mean = "mean",
        /// Their mean, after each side was cut to a share of its variance.
        Svcca = "svcca",
        /// Their mean, weighted by what each variate of the first side accounts for.
        Pwcca = "pwcca",
    }
}

settings! {
    /// Settings of `cca`.
    struct CcaSettings("cca") { variant: Variant, variance: f64, tolerance: f64, permutations: usize }
}

/// Canonical correlation analysis of matched rows.
pub struct Cca;

/// An orthonormal basis of the centred columns, and the centred columns.
struct Side {
    basis: Array2<f64>,
    centred: Centred,
}

/// Returns a side of the comparison.
///
/// Directions are kept whose singular values are above `tolerance` of the largest (and above rounding, whatever the tolerance); of those,
/// under `svcca`, as many as hold the share of the variance.
fn side(x: &Array2<f64>, settings: &CcaSettings, name: &str) -> Result<Side, Failure> {
    let centred = scale::centred(x.view());
    let (u, values, _) = thin_svd(centred.x.view()).map_err(|e| Failure::new(format!("`{name}`: {e}")))?;
    let largest = values.first().copied().unwrap_or(0.0);
    let rounding = x.nrows().max(x.ncols()) as f64 * f64::EPSILON;
    let mut rank = values.iter().take_while(|v| **v > settings.tolerance.max(rounding) * largest).count();
    if settings.variant == Variant::Svcca {
        let all: f64 = values.iter().map(|v| v * v).sum();
        let mut sum = 0.0;
        let enough = values.iter().position(|v| {
            sum += v * v;
            sum >= settings.variance * all
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
    let weights: Array1<f64> = variates.t().dot(&side.centred.x).mapv(f64::abs).sum_axis(Axis(1));
    let total = weights.sum();
    if total > 0.0 { rho.iter().zip(&weights).map(|(r, a)| r * a).sum::<f64>() / total } else { 0.0 }
}

/// Returns why so few examples cannot tell so many directions apart, and what to do.
fn too_few(n: usize, a: usize, b: usize, svcca: bool) -> (String, String) {
    let message = format!(
        "{n} examples are too few for {a} + {b} directions: {} or more of the correlations would be exactly 1, whatever the data",
        a + b + 1 - n
    );
    let other = if svcca { "a smaller `variance:`" } else { "`variant: svcca`" };
    (message, format!("use more examples, reduce both sides with `svd`, or {other}"))
}

/// The share of the variance that `svcca` keeps where none is given, as in the signature.
const ALL_BUT_NOISE: f64 = 0.99;

impl Planned for Cca {
    fn version(&self) -> u32 {
        2
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let settings = CcaSettings::read(settings);
        let (share, tolerance) = (settings.variance, settings.tolerance);
        if settings.variant == Variant::Svcca && !(share > 0.0 && share <= 1.0) {
            return Err(problem("variance", format!("a share of {share} of the variance cannot be kept")));
        }
        if settings.variant != Variant::Svcca && share != ALL_BUT_NOISE {
            return Err(Problem {
                help: Some("write `variant: svcca`, or leave out `variance:`".to_string()),
                ..problem("variance", "only `svcca` cuts each side to a share of its variance")
            });
        }
        if !(0.0..1.0).contains(&tolerance) {
            return Err(problem("tolerance", format!("a tolerance of {tolerance} is none: it is a share, from 0 up to 1")));
        }
        if settings.permutations == 0 {
            return Err(problem("permutations", "the null needs at least one permutation"));
        }
        compared(inputs)?;
        let examples = shared(inputs, 3)?;
        let dims = ["x", "against"].map(|side| known(inputs, side).and_then(|f| f.dim));
        // How many directions hold a share of the variance only the data tell.
        if let (Some(n), [Some(a), Some(b)]) = (examples.filter(|_| settings.variant != Variant::Svcca), dims) {
            let (a, b) = (a.min(n - 1), b.min(n - 1));
            if n - 1 < a + b {
                let (message, help) = too_few(n, a, b, false);
                return Err(Problem { help: Some(help), ..problem("x", message) });
            }
        }
        Ok(Facts::default())
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let settings = CcaSettings::read(settings);
        let sides = ["x", "against"].map(|side| known(inputs, side).cloned().unwrap_or_default());
        let n = sides.iter().filter_map(|f| f.most_rows()).min().unwrap_or(10_000) as f64;
        let [a, b] = sides.map(|f| f.dim.unwrap_or(64) as f64);
        let decomposed = |d: f64| if d > n { WIDE * n * n * d } else { TALL * n * d * d };
        let (ra, rb) = (a.min(n), b.min(n));
        let round = PRODUCT * n * ra * rb + SQUARE * ra * rb * ra.min(rb);
        Cost {
            seconds: 1e-3 + decomposed(a) + decomposed(b) + round * (1.0 + settings.permutations as f64),
            memory: 8.0 * n * (4.0 * a + 4.0 * b),
            disk: 500.0,
        }
    }
}

impl Kernel for Cca {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (x, y) = matched(job.stages("x")?, against(job)?)?;
        let settings = CcaSettings::read(&job.settings);
        let (a, b) = (side(&x, &settings, "x")?, side(&y, &settings, "against")?);
        let (n, ranks) = (x.nrows(), a.basis.ncols() + b.basis.ncols());
        if n < ranks + 1 {
            let (message, help) = too_few(n, a.basis.ncols(), b.basis.ncols(), settings.variant == Variant::Svcca);
            return Err(Failure::new(message).help(help));
        }
        let (rho, w) = correlations(a.basis.view(), b.basis.view())?;
        let summary = |rho: &Array1<f64>, w: &Array2<f64>| match settings.variant {
            Variant::Pwcca => projection_weighted(&a, rho, w),
            _ => rho.mean().unwrap_or(0.0),
        };
        let similarity = summary(&rho, &w);
        let rounds = settings.permutations.max(1);
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
