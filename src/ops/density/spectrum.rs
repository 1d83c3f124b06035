//! A component's marginal likelihood as a function of the base measure's hyper-parameters: O(d) a value once its scatter is tridiagonal.

use super::simd::{axpy, inner, padded};
use libm::lgamma;
use std::f64::consts::PI;

/// A scatter about the members' mean, reduced to tridiagonal form by reflections, with the mean turned alike.
#[derive(Clone, Debug)]
pub struct Spectrum {
    n: usize,
    diagonal: Vec<f64>,
    /// Entries beside the diagonal; `off[j]` lies between j - 1 and j.
    off: Vec<f64>,
    mean: Vec<f64>,
}

impl Spectrum {
    /// Returns what `n` members with this scatter (symmetric, d x d) about this mean say.
    pub fn of(n: usize, matrix: Vec<f64>, mean: &[f64]) -> Spectrum {
        let d = mean.len();
        let dp = padded(d);
        let mut s = vec![0.0; d * dp];
        for (row, from) in s.chunks_exact_mut(dp).zip(matrix.chunks_exact(d)) {
            row[..d].copy_from_slice(from);
        }
        let mut turned = vec![0.0; dp];
        turned[..d].copy_from_slice(mean);
        let mut off = vec![0.0; d];
        if n > 1 {
            reduce(&mut s, d, &mut off, &mut turned);
        }
        turned.truncate(d);
        Spectrum { n, diagonal: (0..d).map(|a| s[a * dp + a]).collect(), off, mean: turned }
    }

    /// Returns `ln |S_n|`, `S_n = scale I + scatter + kappa n / (kappa + n) m m'`, by the pivots of the tridiagonal matrix and the determinant lemma.
    pub fn log_det(&self, kappa: f64, scale: f64) -> f64 {
        let n = self.n as f64;
        let (mut pivot, mut y) = (self.diagonal[0] + scale, self.mean[0]);
        let (mut product, mut log, mut q) = (pivot, 0.0, y * y / pivot);
        for j in 1..self.diagonal.len() {
            let l = self.off[j] / pivot;
            // At least the scale but for rounding.
            pivot = (self.diagonal[j] + scale - self.off[j] * l).max(0.5 * scale);
            y = self.mean[j] - l * y;
            q += y * y / pivot;
            product *= pivot;
            if !(1e-150..1e150).contains(&product) {
                log += product.ln();
                product = 1.0;
            }
        }
        log + product.ln() + (kappa * n / (kappa + n) * q).ln_1p()
    }

    /// Returns the log marginal likelihood of the members under `mu0 = 0`, kappa, nu and `S0 = scale I` (Murphy, 2007, section 9).
    pub fn log_marginal(&self, kappa: f64, nu: f64, scale: f64) -> f64 {
        Spectrum::log_gammas(self.diagonal.len(), self.n, nu) + self.log_rest(kappa, nu, scale)
    }

    /// Returns the log marginal likelihood's part that hangs on dimension, number of members and nu alone: `ln Gamma_d((nu + n) / 2) - ln Gamma_d(nu / 2)`.
    pub fn log_gammas(d: usize, n: usize, nu: f64) -> f64 {
        (0..d).map(|j| lgamma(0.5 * (nu + n as f64 - j as f64)) - lgamma(0.5 * (nu - j as f64))).sum()
    }

    /// Returns the rest of it.
    pub fn log_rest(&self, kappa: f64, nu: f64, scale: f64) -> f64 {
        let (dim, n) = (self.diagonal.len() as f64, self.n as f64);
        0.5 * dim * (kappa / (kappa + n)).ln() - 0.5 * n * dim * PI.ln() + 0.5 * nu * dim * scale.ln()
            - 0.5 * (nu + n) * self.log_det(kappa, scale)
    }
}

/// Reduces a symmetric matrix (padded rows) to tridiagonal form by Householder reflections from the last row up, and turns a vector alike.
fn reduce(s: &mut [f64], d: usize, off: &mut [f64], turned: &mut [f64]) {
    let dp = turned.len();
    let (mut v, mut p) = (vec![0.0; dp], vec![0.0; dp]);
    for i in (1..d).rev() {
        // Row i, columns 0..i, is brought onto column i - 1.
        v.fill(0.0);
        v[..i].copy_from_slice(&s[i * dp..i * dp + i]);
        let norm = inner(&v, &v).sqrt();
        let onto = if v[i - 1] > 0.0 { -norm } else { norm };
        off[i] = if i == 1 { v[0] } else { onto };
        v[i - 1] -= onto;
        let square = inner(&v, &v);
        if i == 1 || square == 0.0 {
            continue;
        }
        let beta = 2.0 / square;
        let end = padded(i);
        p.fill(0.0);
        for a in 0..i {
            p[a] = beta * inner(&s[a * dp..a * dp + end], &v[..end]);
        }
        let half = 0.5 * beta * inner(&p, &v);
        axpy(-half, &v, &mut p);
        for a in 0..i {
            let row = &mut s[a * dp..a * dp + end];
            axpy(-v[a], &p[..end], row);
            axpy(-p[a], &v[..end], row);
        }
        let along = beta * inner(turned, &v);
        axpy(-along, &v, turned);
    }
}
