//! Similarity of representations beyond correlations: centred kernel alignment (Kornblith et al. 2019), Procrustes distance.

use super::correlation::centred;
use super::rows::{against, matched, problem};
use crate::engine::value::Number;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::linalg::{gram, thin_svd};
use crate::plan::facts::{Facts, KnownInput, Planned, Problem};
use crate::plan::files::Files;
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

/// Returns the word or constructor of the kernel, and the bandwidth as a share of the median distance.
fn kernel_setting(settings: &Settings) -> (bool, f64) {
    match settings.get("kernel").make() {
        Some((name, fields)) => (name == "rbf", fields.real("bandwidth")),
        None => (settings.word("kernel") == "rbf", 0.5),
    }
}

/// Returns the median distance between rows.
fn median_distance(x: &Array2<f64>) -> f64 {
    let n = x.nrows();
    let step = n.div_ceil(MEDIAN_ROWS).max(1);
    let rows: Vec<_> = (0..n).step_by(step).collect();
    let mut all = Vec::new();
    for (i, a) in rows.iter().enumerate() {
        for b in &rows[i + 1..] {
            all.push(x.row(*a).iter().zip(x.row(*b)).map(|(u, v)| (u - v) * (u - v)).sum::<f64>().sqrt());
        }
    }
    if all.is_empty() {
        return 0.0;
    }
    let middle = all.len() / 2;
    *all.select_nth_unstable_by(middle, f64::total_cmp).1
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
fn sums(x: &Array2<f64>, y: &Array2<f64>, kernels: (&KernelOf, &KernelOf), hollow: bool) -> Sums {
    let n = x.nrows();
    let squares = |m: &Array2<f64>| m.map_axis(ndarray::Axis(1), |r| r.iter().map(|v| v * v).sum::<f64>());
    let (sx, sy) = (squares(x), squares(y));
    let starts: Vec<usize> = (0..n).step_by(PIECE).collect();
    let parts: Vec<Sums> = starts
        .par_iter()
        .map(|start| {
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
            Sums { kl: product(&k, &l), kk: product(&k, &k), ll: product(&l, &l), rows_k: rows(&k), rows_l: rows(&l) }
        })
        .collect();
    let mut out = Sums::default();
    for part in parts {
        out.kl += part.kl;
        out.kk += part.kk;
        out.ll += part.ll;
        out.rows_k.extend(part.rows_k);
        out.rows_l.extend(part.rows_l);
    }
    out
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
fn linear_cka(x: &Array2<f64>, y: &Array2<f64>) -> f64 {
    let norm = |m: &Array2<f64>| m.iter().map(|v| v * v).sum::<f64>();
    let cross = norm(&y.t().dot(x));
    cross / (norm(&gram(x.view())).sqrt() * norm(&gram(y.view())).sqrt())
}

impl Planned for Cka {
    fn facts(&self, settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        match kernel_setting(settings) {
            (true, bandwidth) if !(bandwidth > 0.0 && bandwidth.is_finite()) => {
                Err(problem("kernel", format!("a bandwidth of {bandwidth} median distances is none")))
            }
            _ => Ok(Facts::default()),
        }
    }
}

impl Kernel for Cka {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let (x, y) = matched(job.stages("x")?, against(job)?)?;
        let (n, debiased) = (x.nrows(), job.settings.flag("debiased"));
        if n < 2 || debiased && n < 4 {
            return Err(Failure::Absent(format!("{n} examples are too few")));
        }
        // Centring changes no kernel here and keeps products small.
        let (x, y) = (centred(&x), centred(&y));
        let value = match kernel_setting(&job.settings) {
            (false, _) if !debiased => linear_cka(&x, &y),
            (rbf, bandwidth) => {
                let kernel = |m: &Array2<f64>| {
                    let width = bandwidth * median_distance(m);
                    if rbf { KernelOf::Rbf(0.5 / (width * width)) } else { KernelOf::Linear }
                };
                let s = sums(&x, &y, (&kernel(&x), &kernel(&y)), debiased);
                let kl = hsic(s.kl, &s.rows_k, &s.rows_l, debiased);
                let kk = hsic(s.kk, &s.rows_k, &s.rows_k, debiased);
                let ll = hsic(s.ll, &s.rows_l, &s.rows_l, debiased);
                kl / (kk * ll).sqrt()
            }
        };
        if !value.is_finite() {
            return Err(Failure::Absent("one of the representations is the same for all examples".to_string()));
        }
        Ok(Value::Number(Number { value, error: None, count: Some(n as u64) }))
    }
}

impl Planned for Procrustes {
    fn facts(&self, _settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(Facts::default())
    }
}

impl Kernel for Procrustes {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let (x, y) = matched(job.stages("x")?, against(job)?)?;
        let unit = |m: &Array2<f64>| {
            let c = centred(m);
            let norm = c.iter().map(|v| v * v).sum::<f64>().sqrt();
            (norm > 0.0).then(|| c / norm)
        };
        let (Some(a), Some(b)) = (unit(&x), unit(&y)) else {
            return Err(Failure::Absent("one of the representations is the same for all examples".to_string()));
        };
        let (_, values, _) = thin_svd(a.t().dot(&b).view()).map_err(|e| Failure::new(e.to_string()))?;
        let value = (2.0 - 2.0 * values.sum()).max(0.0);
        Ok(Value::Number(Number { value, error: None, count: Some(x.nrows() as u64) }))
    }
}
