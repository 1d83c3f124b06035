//! Similarity of representations beyond correlations: centred kernel alignment (Kornblith et al. 2019), Procrustes distance.

use super::rows::{against, compared, matched, problem, shared};
use super::scale;
use crate::engine::value::Number;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::settings::Setting;
use crate::lang::{Settings, Static};
use crate::ops::linalg::{PRODUCT, SQUARE, Trouble, WIDE, gram, product, thin_svd};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, known};
use crate::plan::files::Files;
use crate::settings;
use ndarray::{Array1, Array2, ArrayView2, s};
use rayon::prelude::*;

/// Rows of a kernel matrix that are held at once by one task.
const PIECE: usize = 128;

/// Most rows among whose pairs the median distance is sought; of more, evenly spaced ones are taken.
const MEDIAN_ROWS: usize = 2048;

/// Centred kernel alignment.
pub struct Cka;

/// Orthogonal Procrustes distance.
pub struct Procrustes;

/// The kernel of one side.
enum KernelOf {
    Linear,
    /// `exp(-d^2 / (2 s^2))`, given 1 / (2 s^2).
    Rbf(f64),
}

settings! {
    /// Settings of `cka`.
    struct CkaSettings("cka") { kernel: Chosen, debiased: bool }
}

settings! {
    /// Fields of a Gaussian kernel.
    struct RbfFields("rbf") { bandwidth: f64 }
}

/// The kernel that a call asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Chosen {
    /// Inner products.
    Linear,
    /// A Gaussian of the distance, its bandwidth as a share of the median distance.
    Rbf(f64),
}

impl Setting for Chosen {
    fn read(value: &Static) -> Option<Self> {
        match value.make() {
            Some(("rbf", fields)) => Some(Chosen::Rbf(RbfFields::read(&fields).bandwidth)),
            Some((name, _)) => (name == "linear").then_some(Chosen::Linear),
            None => (value.word() == Some("linear")).then_some(Chosen::Linear),
        }
    }
}

/// Returns the median distance between rows.
///
/// Errors: the run stops.
fn median_distance(x: &Array2<f64>, cx: &dyn Context) -> Result<f64, Failure> {
    let n = x.nrows();
    let step = n.div_ceil(MEDIAN_ROWS).max(1);
    let rows: Vec<_> = (0..n).step_by(step).collect();
    let mut all = Vec::new();
    for (i, a) in rows.iter().enumerate() {
        if cx.interrupted() {
            return Err(Failure::Interrupted);
        }
        for b in &rows[i + 1..] {
            all.push(x.row(*a).iter().zip(x.row(*b)).map(|(u, v)| (u - v) * (u - v)).sum::<f64>().sqrt());
        }
    }
    if all.is_empty() {
        return Ok(0.0);
    }
    let middle = all.len() / 2;
    let even = all.len().is_multiple_of(2);
    let (below, upper, _) = all.select_nth_unstable_by(middle, f64::total_cmp);
    Ok(match even {
        true => 0.5 * (*upper + below.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        false => *upper,
    })
}

/// Returns rows `start..end` of a side's kernel matrix.
fn kernel_rows(x: ArrayView2<f64>, squares: &Array1<f64>, kernel: &KernelOf, start: usize, end: usize) -> Array2<f64> {
    let mut k = x.slice(s![start..end, ..]).dot(&x.t());
    if let KernelOf::Rbf(scale) = kernel {
        for ((i, j), v) in k.indexed_iter_mut() {
            let squared = if start + i == j { 0.0 } else { (squares[start + i] + squares[j] - 2.0 * *v).max(0.0) };
            *v = (-scale * squared).exp();
        }
    }
    k
}

/// Sums over two kernel matrices from which every variant of HSIC follows.
#[derive(Default)]
struct Sums {
    kl: f64,
    kk: f64,
    ll: f64,
    rows_k: Vec<f64>,
    rows_l: Vec<f64>,
}

/// Returns the sums; the diagonals count as zero where `hollow`.
///
/// Errors: the run stops.
fn sums(
    x: &Array2<f64>,
    y: &Array2<f64>,
    kernels: (&KernelOf, &KernelOf),
    hollow: bool,
    cx: &dyn Context,
) -> Result<Sums, Failure> {
    let n = x.nrows();
    let squares = |m: &Array2<f64>| m.map_axis(ndarray::Axis(1), |r| r.iter().map(|v| v * v).sum::<f64>());
    let (sx, sy) = (squares(x), squares(y));
    let starts: Vec<usize> = (0..n).step_by(PIECE).collect();
    let parts: Result<Vec<Sums>, Failure> = starts
        .par_iter()
        .map(|start| {
            if cx.interrupted() {
                return Err(Failure::Interrupted);
            }
            let end = (start + PIECE).min(n);
            let mut k = kernel_rows(x.view(), &sx, kernels.0, *start, end);
            let mut l = kernel_rows(y.view(), &sy, kernels.1, *start, end);
            if hollow {
                for i in 0..end - start {
                    k[[i, start + i]] = 0.0;
                    l[[i, start + i]] = 0.0;
                }
            }
            let product = |a: &Array2<f64>, b: &Array2<f64>| a.iter().zip(b).map(|(u, v)| u * v).sum::<f64>();
            let rows = |a: &Array2<f64>| a.sum_axis(ndarray::Axis(1)).to_vec();
            Ok(Sums { kl: product(&k, &l), kk: product(&k, &k), ll: product(&l, &l), rows_k: rows(&k), rows_l: rows(&l) })
        })
        .collect();
    let mut out = Sums::default();
    for part in parts? {
        out.kl += part.kl;
        out.kk += part.kk;
        out.ll += part.ll;
        out.rows_k.extend(part.rows_k);
        out.rows_l.extend(part.rows_l);
    }
    Ok(out)
}

/// Returns HSIC from sums: biased `tr(KHLH)`, or the unbiased estimator of Song et al. 2012 (equation 5) times n (n - 3).
fn hsic(product: f64, rows_a: &[f64], rows_b: &[f64], debiased: bool) -> f64 {
    let n = rows_a.len() as f64;
    let cross: f64 = rows_a.iter().zip(rows_b).map(|(a, b)| a * b).sum();
    let (sum_a, sum_b): (f64, f64) = (rows_a.iter().sum(), rows_b.iter().sum());
    if debiased {
        product + sum_a * sum_b / ((n - 1.0) * (n - 2.0)) - 2.0 * cross / (n - 2.0)
    } else {
        product - 2.0 * cross / n + sum_a * sum_b / (n * n)
    }
}

/// Returns linear CKA through the features: `||YᵀX||² / (||XᵀX|| ||YᵀY||)` of centred sides.
///
/// Errors: the run stops.
fn linear_cka(x: &Array2<f64>, y: &Array2<f64>, cx: &dyn Context) -> Result<f64, Trouble> {
    let norm = |m: &Array2<f64>| m.iter().map(|v| v * v).sum::<f64>();
    let cross = norm(&product(y.t(), x.view(), cx)?);
    Ok(cross / (norm(&gram(x.view(), cx)?).sqrt() * norm(&gram(y.view(), cx)?).sqrt()))
}

/// Seconds of one core for a multiply-add of two rows in a kernel matrix, for a pair of rows there, and for a Gaussian of one (measured at
/// 3,000 and 6,000 rows of 16 to 512 units).
const ROWS_PRODUCT: f64 = 1.8e-10;
const PAIR: f64 = 1e-8;
const GAUSSIAN: f64 = 8e-9;

/// Returns examples and units of both sides, as estimates go.
fn sizes(inputs: &[KnownInput]) -> (f64, f64, f64) {
    let sides = ["x", "against"].map(|side| known(inputs, side).cloned().unwrap_or_default());
    let n = sides.iter().filter_map(|f| f.most_rows()).min().unwrap_or(10_000) as f64;
    let [a, b] = sides.map(|f| f.dim.unwrap_or(64) as f64);
    (n, a, b)
}

/// Returns whether linear CKA goes through the features, whose products are no larger than those of examples.
fn by_features(n: usize, a: usize, b: usize) -> bool {
    a.max(b) <= n.max(1024)
}

impl Planned for Cka {
    /// 3: the median of an even number of distances is the mean of the middle two.
    fn version(&self) -> u32 {
        3
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let settings = CkaSettings::read(settings);
        if let Chosen::Rbf(bandwidth) = settings.kernel
            && !(bandwidth > 0.0 && bandwidth.is_finite())
        {
            return Err(problem("kernel", format!("a bandwidth must be above 0, not {bandwidth} median distances")));
        }
        compared(inputs)?;
        shared(inputs, if settings.debiased { 4 } else { 2 })?;
        Ok(Facts::default())
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let settings = CkaSettings::read(settings);
        let (n, a, b) = sizes(inputs);
        let data = 8.0 * n * (a + b) * 2.0;
        if settings.kernel == Chosen::Linear && !settings.debiased && by_features(n as usize, a as usize, b as usize) {
            return Cost {
                seconds: 1e-3 + PRODUCT * n * (a * a + b * b + a * b),
                memory: data + 80.0 * (a * a + b * b),
                disk: 100.0,
            };
        }
        let few = n.min(MEDIAN_ROWS as f64);
        let (exponentials, median) = match settings.kernel {
            Chosen::Linear => (0.0, 0.0),
            Chosen::Rbf(_) => (2.0 * n * n * GAUSSIAN, 0.5 * few * few * (a + b) * 5e-10),
        };
        let seconds = 1e-3 + n * n * (ROWS_PRODUCT * (a + b) + PAIR) + exponentials + median;
        Cost { seconds, memory: data + 16.0 * n * PIECE as f64 * 16.0, disk: 100.0 }
    }
}

impl Kernel for Cka {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (x, y) = matched(job.stages("x")?, against(job)?)?;
        let settings = CkaSettings::read(&job.settings);
        let (n, debiased) = (x.nrows(), settings.debiased);
        if n < 2 || debiased && n < 4 {
            return Err(Failure::Absent(format!("{n} examples are too few")));
        }
        // Centring and scaling change no kernel here: the width of `rbf` is in median distances.
        let (x, y) = (scale::centred(x.view()), scale::centred(y.view()));
        for (name, side) in [("x", &x), ("against", &y)] {
            if side.is_nothing() {
                return Err(Failure::Absent(format!("`{name}` is the same for all examples")));
            }
        }
        let (x, y) = (x.x, y.x);
        let value = match settings.kernel {
            Chosen::Linear if !debiased && by_features(n, x.ncols(), y.ncols()) => {
                linear_cka(&x, &y, cx).map_err(|e| e.failure("the alignment was not found"))?
            }
            kernel => {
                let of = |name: &str, m: &Array2<f64>| match kernel {
                    Chosen::Linear => Ok(KernelOf::Linear),
                    Chosen::Rbf(bandwidth) => match bandwidth * median_distance(m, cx)? {
                        width if width > 0.0 => Ok(KernelOf::Rbf(0.5 / (width * width))),
                        _ => Err(Failure::Absent(format!(
                            "half of the pairs of examples or more are equal in `{name}`, so that the median distance is 0"
                        ))),
                    },
                };
                let s = sums(&x, &y, (&of("x", &x)?, &of("against", &y)?), debiased, cx)?;
                let kl = hsic(s.kl, &s.rows_k, &s.rows_l, debiased);
                let kk = hsic(s.kk, &s.rows_k, &s.rows_k, debiased);
                let ll = hsic(s.ll, &s.rows_l, &s.rows_l, debiased);
                if !(kk > 0.0 && ll > 0.0) {
                    let words =
                        "the unbiased estimate of a side's dependence on itself is not above 0, so there is nothing to divide by";
                    return Err(Failure::Absent(words.to_string()));
                }
                kl / (kk.sqrt() * ll.sqrt())
            }
        };
        Ok(Value::Number(Number::new(value, None, Some(n as u64))))
    }
}

impl Planned for Procrustes {
    fn version(&self) -> u32 {
        2
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        compared(inputs)?;
        shared(inputs, 2)?;
        Ok(Facts::default())
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let (n, a, b) = sizes(inputs);
        let shrink = |d: f64| if d > n { WIDE * n * n * d } else { 0.0 };
        let (ra, rb) = (a.min(n), b.min(n));
        let seconds = 1e-3 + shrink(a) + shrink(b) + PRODUCT * n * ra * rb + SQUARE * ra * rb * ra.min(rb);
        Cost { seconds, memory: 8.0 * (3.0 * n * (a + b) + 4.0 * ra * rb), disk: 100.0 }
    }
}

/// Returns a matrix of no more columns than rows with the same products of rows: `U S` of its singular value decomposition.
///
/// Errors: as [`thin_svd`].
fn narrow(x: Array2<f64>, cx: &dyn Context) -> Result<Array2<f64>, Failure> {
    if x.ncols() <= x.nrows() {
        return Ok(x);
    }
    let (u, values, _) = thin_svd(x.view(), cx).map_err(|e| e.failure("the distance was not found"))?;
    Ok(u * &values)
}

impl Kernel for Procrustes {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (x, y) = matched(job.stages("x")?, against(job)?)?;
        let unit = |name: &str, m: &Array2<f64>| {
            let c = scale::centred(m.view()).x;
            let norm = c.iter().map(|v| v * v).sum::<f64>().sqrt();
            match norm > 0.0 {
                true => narrow(c / norm, cx),
                false => Err(Failure::Absent(format!("`{name}` is the same for all examples"))),
            }
        };
        let (a, b) = (unit("x", &x)?, unit("against", &y)?);
        let found = product(a.t(), b.view(), cx).and_then(|p| thin_svd(p.view(), cx));
        let (_, values, _) = found.map_err(|e| e.failure("the distance was not found"))?;
        let value = (2.0 - 2.0 * values.sum()).max(0.0);
        Ok(Value::Number(Number::new(value, None, Some(x.nrows() as u64))))
    }
}
