//! Canonical correlations of two representations: mean CCA, SVCCA (Raghu et al. 2017), PWCCA (Morcos et al. 2018), with their null.

use super::rows::{against, compared, matched, problem, shared};
use super::scale::{self, Centred};
use crate::engine::value::Number;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::data::select::random_order;
use crate::ops::linalg::{PRODUCT, SQUARE, TALL, Trouble, WIDE, fix_signs, orthonormal, product, thin_svd};
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
        /// Their mean, weighted as the code published with PWCCA does it.
        Published = "pwcca_published",
    }
}

settings! {
    /// Settings of `cca`.
    struct CcaSettings("cca") { variant: Variant, variance: f64, tolerance: f64, permutations: usize }
}

/// Canonical correlation analysis of matched rows.
pub struct Cca;

/// One side of a comparison, centred: `X = B S Vᵀ`.
pub struct Side {
    /// An orthonormal basis of the columns, examples x kept directions.
    pub basis: Array2<f64>,
    /// The singular values of the kept directions, at the scale of `centred`.
    pub values: Array1<f64>,
    /// The right singular vectors of the kept directions, as rows.
    pub right: Array2<f64>,
    /// The columns.
    pub centred: Centred,
}

/// Returns a side of a comparison.
///
/// Directions are kept whose singular values are above `tolerance` of the largest (and above rounding, whatever the tolerance); of those,
/// where a share of the variance is given, as many as hold it. Errors: it is the same for all examples (absent); the run stops.
pub fn side(x: &Array2<f64>, tolerance: f64, variance: Option<f64>, name: &str, cx: &dyn Context) -> Result<Side, Failure> {
    let centred = scale::centred(x.view());
    let (u, values, vt) = thin_svd(centred.x.view(), cx).map_err(|e| e.failure(&format!("`{name}`")))?;
    let largest = values.first().copied().unwrap_or(0.0);
    let rounding = x.nrows().max(x.ncols()) as f64 * f64::EPSILON;
    let mut rank = values.iter().take_while(|v| **v > tolerance.max(rounding) * largest).count();
    if let Some(share) = variance {
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
    let kept = |m: Array2<f64>| m.slice(s![..rank, ..]).to_owned();
    Ok(Side { basis: u.slice(s![.., ..rank]).to_owned(), values: values.slice(s![..rank]).to_owned(), right: kept(vt), centred })
}

/// Returns canonical correlations, largest first, and the variates of both sides in terms of their bases (as columns).
pub fn correlations(
    a: ArrayView2<f64>,
    b: ArrayView2<f64>,
    cx: &dyn Context,
) -> Result<(Array1<f64>, Array2<f64>, Array2<f64>), Failure> {
    let found = product(a.t(), b, cx).and_then(|p| thin_svd(p.view(), cx));
    let (w, rho, zt) = found.map_err(|e| e.failure("the correlations were not found"))?;
    Ok((rho.mapv(|r| r.clamp(0.0, 1.0)), w, zt.t().as_standard_layout().into_owned()))
}

/// Returns the weights of PWCCA: sum_j |<h_i, x_j>| over the columns x_j (Morcos et al. 2018, section 2.1), as shares of their sum.
///
/// Errors: the run stops.
pub fn projection_weights(side: &Side, w: &Array2<f64>, cx: &dyn Context) -> Result<Array1<f64>, Failure> {
    let variates = product(side.basis.view(), w.view(), cx).map_err(no_weights)?;
    let products = product(variates.t(), side.centred.x.view(), cx).map_err(no_weights)?;
    Ok(shares(products.mapv(f64::abs).sum_axis(Axis(1))))
}

/// Returns the weights of the code published with PWCCA, of the side given. It differs from the paper in four things: directions are those
/// of the whitened units, `Uᵀ (x - mean)` where the variates are `Uᵀ C^(-1/2) (x - mean)`; the mean of unit i is added to direction i; directions are made
/// orthonormal one after the other; and they are compared with units that are not centred. The signs of directions, on which its weights
/// depend for that reason, it leaves to LAPACK; here a direction's largest coefficient is positive.
///
/// Errors: units of the side are linearly dependent, so that the code has more directions than units tell apart (absent); the run stops.
pub fn published_weights(side: &Side, w: &Array2<f64>, name: &str, cx: &dyn Context) -> Result<Array1<f64>, Failure> {
    let units = side.centred.x.ncols();
    if side.basis.ncols() < units || w.ncols() < units {
        let words = format!("units of `{name}` are linearly dependent, for which the published code's weights are not defined");
        return Err(Failure::Absent(words));
    }
    let mut means = side.centred.means.clone();
    scale::shift(means.iter_mut(), -side.centred.exponent);
    let mut coefficients = product(side.right.t(), w.view(), cx).map_err(no_weights)?;
    fix_signs(&mut coefficients);
    let directions = product(side.centred.x.view(), coefficients.view(), cx).map_err(no_weights)? + &means;
    let basis = orthonormal(directions.view(), cx).map_err(no_weights)?;
    let whole = &side.centred.x + &means;
    let products = product(basis.t(), whole.view(), cx).map_err(no_weights)?;
    Ok(shares(products.mapv(f64::abs).sum_axis(Axis(1))))
}

/// Correlations that differ by less count as equal: their directions are found up to 1e-16 over the difference.
const EQUAL: f64 = 1e-10;

/// Refuses weights of correlations of which some, not all, are equal: any rotation of their directions is as good, and the weights depend on it.
fn untied(rho: &Array1<f64>) -> Result<(), Failure> {
    let all = rho.iter().all(|r| rho[0] - r < EQUAL);
    match rho.windows(2).into_iter().find(|pair| pair[0] - pair[1] < EQUAL).filter(|_| !all) {
        None => Ok(()),
        Some(tied) => Err(Failure::Absent(format!(
            "several canonical correlations are {:.3}, others differ: directions of equal correlations, and with them the weights of pwcca, are not \
             unique; `variant: mean` does not depend on them",
            tied[0]
        ))),
    }
}

fn no_weights(trouble: Trouble) -> Failure {
    trouble.failure("the weights were not found")
}

fn shares(x: Array1<f64>) -> Array1<f64> {
    let total = x.sum();
    if total > 0.0 { x / total } else { x }
}

/// What else `cca` can do about too few examples.
const SVCCA: &str = "`variant: svcca`";

/// Returns the refusal of so few examples; `other` is what else can be done about it.
pub fn enough(n: usize, a: &Side, b: &Side, other: Option<&str>) -> Result<(), Failure> {
    let (a, b) = (a.basis.ncols(), b.basis.ncols());
    if n > a + b {
        return Ok(());
    }
    let (message, help) = too_few(n, a, b, other);
    Err(Failure::new(message).help(help))
}

/// Returns why n examples are too few for a and b directions, and what to do.
fn too_few(n: usize, a: usize, b: usize, other: Option<&str>) -> (String, String) {
    let message = format!(
        "{n} examples are too few for {a} + {b} directions: {} or more of the correlations would be exactly 1, whatever the data",
        a + b + 1 - n
    );
    let other = match other {
        Some(other) => format!("use more examples, reduce both sides with `svd`, or {other}"),
        None => "use more examples, or reduce both sides with `svd`".to_string(),
    };
    (message, other)
}

/// Checks that two representations are compared, on enough examples where their directions are as many as their units.
pub fn told_apart(inputs: &[KnownInput], by_units: bool, other: Option<&str>) -> Result<(), Problem> {
    compared(inputs)?;
    let examples = shared(inputs, 3)?;
    let dims = ["x", "against"].map(|side| known(inputs, side).and_then(|f| f.dim));
    if let (Some(n), [Some(a), Some(b)]) = (examples.filter(|_| by_units), dims) {
        let (a, b) = (a.min(n - 1), b.min(n - 1));
        if n - 1 < a + b {
            let (message, help) = too_few(n, a, b, other);
            return Err(Problem { help: Some(help), ..problem("x", message) });
        }
    }
    Ok(())
}

/// Checks a tolerance.
pub fn tolerated(tolerance: f64) -> Result<(), Problem> {
    match (0.0..1.0).contains(&tolerance) {
        true => Ok(()),
        false => Err(problem("tolerance", format!("a tolerance is a share, from 0 to below 1, not {tolerance}"))),
    }
}

/// Returns examples and units of both sides, and the seconds that their decompositions take, as estimates go.
pub fn estimated(inputs: &[KnownInput]) -> (f64, f64, f64, f64) {
    let sides = ["x", "against"].map(|side| known(inputs, side).cloned().unwrap_or_default());
    let n = sides.iter().filter_map(|f| f.most_rows()).min().unwrap_or(10_000) as f64;
    let [a, b] = sides.map(|f| f.dim.unwrap_or(64) as f64);
    let decomposed = |d: f64| if d > n { WIDE * n * n * d } else { TALL * n * d * d };
    (n, a, b, decomposed(a) + decomposed(b))
}

/// Returns the seconds that one set of canonical correlations takes, given the bases.
pub fn round(n: f64, a: f64, b: f64) -> f64 {
    let (ra, rb) = (a.min(n), b.min(n));
    PRODUCT * n * ra * rb + SQUARE * ra * rb * ra.min(rb)
}

/// The share of the variance that `svcca` keeps where none is given, as in the signature.
const ALL_BUT_NOISE: f64 = 0.99;

impl Planned for Cca {
    /// 3: no weighted mean of equal correlations.
    fn version(&self) -> u32 {
        3
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let settings = CcaSettings::read(settings);
        let (share, tolerance) = (settings.variance, settings.tolerance);
        if settings.variant == Variant::Svcca && !(share > 0.0 && share <= 1.0) {
            let help = "a share is above 0 and at most 1: 99 of a hundred is `99%`, or `0.99`".to_string();
            return Err(Problem {
                help: Some(help),
                ..problem("variance", format!("a share of {share} of the variance cannot be kept"))
            });
        }
        if settings.variant != Variant::Svcca && share != ALL_BUT_NOISE {
            return Err(Problem {
                help: Some("write `variant: svcca`, or leave out `variance:`".to_string()),
                ..problem("variance", "only `svcca` cuts each side to a share of its variance")
            });
        }
        tolerated(tolerance)?;
        if settings.permutations == 0 {
            return Err(problem("permutations", "the null needs at least one permutation"));
        }
        // How many directions hold a share of the variance only the data tell.
        told_apart(inputs, settings.variant != Variant::Svcca, Some(SVCCA))?;
        Ok(Facts::default())
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let settings = CcaSettings::read(settings);
        let (n, a, b, decomposed) = estimated(inputs);
        Cost {
            seconds: 1e-3 + decomposed + round(n, a, b) * (1.0 + settings.permutations as f64),
            memory: 8.0 * n * (4.0 * a + 4.0 * b),
            disk: 500.0,
        }
    }
}

impl Kernel for Cca {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (x, y) = matched(job.stages("x")?, against(job)?)?;
        let settings = CcaSettings::read(&job.settings);
        let variance = (settings.variant == Variant::Svcca).then_some(settings.variance);
        let (a, b) = (side(&x, settings.tolerance, variance, "x", cx)?, side(&y, settings.tolerance, variance, "against", cx)?);
        let (n, ranks) = (x.nrows(), a.basis.ncols() + b.basis.ncols());
        enough(n, &a, &b, Some(if settings.variant == Variant::Svcca { "a smaller `variance:`" } else { SVCCA }))?;
        let (rho, w, z) = correlations(a.basis.view(), b.basis.view(), cx)?;
        let weighted = |rho: &Array1<f64>, weights: &Array1<f64>| rho.iter().zip(weights).map(|(r, a)| r * a).sum::<f64>();
        let summary = |rho: &Array1<f64>, w: &Array2<f64>, z: &Array2<f64>| match settings.variant {
            Variant::Pwcca => Ok(weighted(rho, &projection_weights(&a, w, cx)?)),
            // The side of fewer units, as the code has it; the second one's rows may be in any order.
            Variant::Published if x.ncols() <= y.ncols() => Ok(weighted(rho, &published_weights(&a, w, "x", cx)?)),
            Variant::Published => Ok(weighted(rho, &published_weights(&b, z, "against", cx)?)),
            _ => Ok(rho.mean().unwrap_or(0.0)),
        };
        if matches!(settings.variant, Variant::Pwcca | Variant::Published) {
            untied(&rho)?;
        }
        let similarity = summary(&rho, &w, &z)?;
        let rounds = settings.permutations.max(1);
        let mut null = Vec::with_capacity(rounds);
        for round in 0..rounds {
            if cx.interrupted() {
                return Err(Failure::Interrupted);
            }
            let order = random_order(&job.stream.named("permutation").numbered(round as u64), n);
            let (rho, w, z) = correlations(a.basis.view(), b.basis.select(Axis(0), &order).view(), cx)?;
            null.push(summary(&rho, &w, &z)?);
        }
        let number = |value| Value::Number(Number::new(value, None, Some(n as u64)));
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
    Number::new(mean, error, Some(x.len() as u64))
}
