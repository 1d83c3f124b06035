//! The base measure in the frame: marginal likelihoods, draws of Gaussians, and the forms by which rows are weighed.

use super::super::hyper::Measure;
use super::super::lanes::Lanes;
use super::super::matrix::{cholesky, inverse_transposed, solve_lower};
use super::super::niw::{Niw, Shape};
use super::super::simd::{LANES, padded};
use super::sums::Sums;
use libm::lgamma;
use rand_distr::{ChiSquared, Distribution, Gamma, StandardNormal};
use std::f64::consts::PI;

/// Rows of a form that are worked on together.
const ROWS: usize = 4;

/// A base measure with `mu0 = 0`. It has no tables, whose length would be the number of rows.
#[derive(Clone, Debug)]
pub struct Base {
    /// Dimension.
    pub d: usize,
    kappa0: f64,
    nu0: f64,
    shape: Shape,
    /// `S0`, lower triangle of d x d; empty where it is the identity.
    scale: Vec<f64>,
    log_scale: f64,
}

/// What a set of rows makes of a base measure.
pub struct Known {
    /// Number of rows.
    pub n: usize,
    kappa: f64,
    nu: f64,
    mu: Vec<f64>,
    /// Lower Cholesky factor of `S_n`, d x d; of other shapes than the full one the root of each dimension's entry.
    lower: Vec<f64>,
    log_det: f64,
}

impl Base {
    /// Returns the measure whose frame is the rows' own.
    pub fn of(niw: &Niw) -> Base {
        Base { d: niw.d, kappa0: niw.kappa0, nu0: niw.nu0, shape: niw.shape, scale: Vec::new(), log_scale: 0.0 }
    }

    /// Returns a learned measure.
    pub fn learned(measure: &Measure, d: usize, kappa0: f64) -> Base {
        let log_scale = 2.0 * (0..d).map(|a| measure.factor[a * (a + 3) / 2].ln()).sum::<f64>();
        Base { d, kappa0, nu0: measure.dof, shape: Shape::Full, scale: measure.scale(d), log_scale }
    }

    /// Returns whether covariances are full matrices.
    pub fn full(&self) -> bool {
        self.shape == Shape::Full
    }

    /// Returns the posterior parameters given rows: `S_n = S0 + scatter + kappa0 n / kappa_n m m'`.
    pub fn given(&self, s: &Sums) -> Known {
        let (d, dp, n) = (self.d, s.mean.len(), s.n as f64);
        let kappa = self.kappa0 + n;
        let mu = s.mean[..d].iter().map(|m| m * n / kappa).collect();
        let between = self.kappa0 * n / kappa;
        let rank = if self.shape == Shape::Spherical { d as f64 } else { 1.0 };
        let nu = self.nu0 + rank * n;
        let own = |j: usize| s.scatter[j] + between * s.mean[j] * s.mean[j];
        let (lower, log_det) = match self.shape {
            Shape::Full => {
                let mut m = if self.scale.is_empty() {
                    (0..d * d).map(|k| f64::from(u8::from(k / d == k % d))).collect()
                } else {
                    self.scale.clone()
                };
                for a in 0..d {
                    for b in 0..=a {
                        m[a * d + b] += s.scatter[a * dp + b] + between * s.mean[a] * s.mean[b];
                    }
                }
                factor(m, d)
            }
            Shape::Diagonal => {
                let all: Vec<f64> = (0..d).map(|j| 1.0 + own(j)).collect();
                (all.iter().map(|v| v.sqrt()).collect(), all.iter().map(|v| v.ln()).sum())
            }
            Shape::Spherical => {
                let one: f64 = 1.0 + (0..d).map(own).sum::<f64>();
                (vec![one.sqrt(); d], d as f64 * one.ln())
            }
        };
        Known { n: s.n, kappa, nu, mu, lower, log_det }
    }

    /// Returns the log marginal likelihood of rows in the frame (Murphy, 2007, sections 6 and 9).
    pub fn log_marginal(&self, s: &Sums) -> f64 {
        let (known, d) = (self.given(s), self.d as f64);
        let (nu, nu0) = (known.nu, self.nu0);
        let gammas = match self.shape {
            Shape::Full => (0..self.d).map(|j| lgamma(0.5 * (nu - j as f64)) - lgamma(0.5 * (nu0 - j as f64))).sum(),
            Shape::Diagonal => d * (lgamma(0.5 * nu) - lgamma(0.5 * nu0)),
            Shape::Spherical => lgamma(0.5 * nu) - lgamma(0.5 * nu0),
        };
        let power = if self.shape == Shape::Spherical { nu / d } else { nu };
        gammas - 0.5 * known.n as f64 * d * PI.ln() + 0.5 * d * (self.kappa0 / known.kappa).ln() + 0.5 * nu0 * self.log_scale
            - 0.5 * power * known.log_det
    }

    /// Draws a Gaussian given its rows, and beside it the logarithm of a `Gamma(n, 1)` number: over all components these are, but for a common
    /// factor, the weights, which are `Dirichlet(n_1, n_2, …)`.
    ///
    /// With `S_n = L L'` and `U U'` a Wishart matrix with upper factor U (Bartlett), the inverse covariance is `T' T` with `T = U' L^-1`.
    pub fn draw(&self, known: &Known, rng: &mut impl rand::Rng) -> Form {
        let d = self.d;
        let t = match self.shape {
            Shape::Full => {
                let mut upper = vec![0.0; d * d];
                for a in 0..d {
                    upper[a * d + a] = chi(known.nu - (d - 1 - a) as f64, rng);
                    (a + 1..d).for_each(|b| upper[a * d + b] = normal(rng));
                }
                let inverse = inverse_transposed(&known.lower, d);
                let mut t = vec![0.0; d * d];
                for a in 0..d {
                    for b in 0..=a {
                        t[a * d + b] = (b..=a).map(|k| upper[k * d + a] * inverse[b * d + k]).sum();
                    }
                }
                t
            }
            Shape::Diagonal => known.lower.iter().map(|root| chi(known.nu, rng) / root).collect(),
            Shape::Spherical => vec![chi(known.nu, rng) / known.lower[0]; d],
        };
        let mut mu: Vec<f64> = (0..d).map(|_| normal(rng) / known.kappa.sqrt()).collect();
        if self.full() {
            solve_lower(&t, d, &mut mu);
        } else {
            mu.iter_mut().zip(&t).for_each(|(m, t)| *m /= t);
        }
        mu.iter_mut().zip(&known.mu).for_each(|(m, centre)| *m += centre);
        let weight: f64 = Gamma::new(known.n as f64, 1.0).map_or(f64::NAN, |g| g.sample(rng));
        let mut form = Form::new(&t, &mu, d, self.full());
        form.constant += weight.max(f64::MIN_POSITIVE).ln();
        form
    }

    /// Returns the predictive of a side with its size: Student's t; of diagonal measures one t in all dimensions, which proposals may use.
    pub fn predictive(&self, known: &Known) -> Form {
        let d = self.d;
        let t = if self.full() {
            let inverse = inverse_transposed(&known.lower, d);
            (0..d * d).map(|k| inverse[k % d * d + k / d]).collect()
        } else {
            known.lower.iter().map(|root| root.recip()).collect::<Vec<f64>>()
        };
        let dof = if self.full() { known.nu - d as f64 + 1.0 } else { known.nu };
        let mut form = Form::new(&t, &known.mu, d, self.full());
        form.power = 0.5 * (dof + d as f64);
        form.stretch = known.kappa / (known.kappa + 1.0);
        form.constant +=
            (known.n as f64 + 0.5).ln() + lgamma(form.power) - lgamma(0.5 * dof) + 0.5 * d as f64 * form.stretch.ln();
        form
    }
}

impl Known {
    /// Returns `S_n^-1 v`, padded.
    pub fn solve(&self, v: &[f64]) -> Vec<f64> {
        let d = self.mu.len();
        let mut out = v.to_vec();
        if self.lower.len() == d {
            out.iter_mut().zip(&self.lower).for_each(|(x, root)| *x /= root * root);
        } else {
            let inverse = inverse_transposed(&self.lower, d);
            solve_lower(&self.lower, d, &mut out[..d]);
            let y = out.clone();
            (0..d).for_each(|c| out[c] = (c..d).map(|j| inverse[c * d + j] * y[j]).sum());
        }
        out
    }
}

fn normal(rng: &mut impl rand::Rng) -> f64 {
    StandardNormal.sample(rng)
}

/// Returns the root of a chi-squared number, above 0.
fn chi(dof: f64, rng: &mut impl rand::Rng) -> f64 {
    ChiSquared::new(dof).map_or(f64::NAN, |c| c.sample(rng)).max(f64::MIN_POSITIVE).sqrt()
}

/// Returns the lower Cholesky factor with the log-determinant. Where rounding has left a matrix without one, its diagonal is raised until it has.
fn factor(m: Vec<f64>, d: usize) -> (Vec<f64>, f64) {
    let mut raised = 0.0;
    loop {
        let mut lower = m.clone();
        (0..d).for_each(|a| lower[a * d + a] *= 1.0 + raised);
        match cholesky(&mut lower, d) {
            Some(log_det) => return (lower, log_det),
            None if raised > 1.0 => return (m, f64::NAN),
            None => raised = if raised == 0.0 { 1e-14 } else { raised * 10.0 },
        }
    }
}

/// Log density of a row up to a constant: `constant - q / 2`, or `constant - power ln(1 + stretch q)`, with `q = |T x - shift|^2`.
#[derive(Clone, Debug)]
pub struct Form {
    /// See above.
    pub constant: f64,
    /// 0 for Gaussians.
    pub power: f64,
    /// See above.
    pub stretch: f64,
    /// The mean, padded.
    pub mean: Vec<f64>,
    d: usize,
    full: bool,
    /// Four rows of T at a time, column by column up to the last row's diagonal; of diagonal ones the diagonal.
    t: Vec<f64>,
    shift: Vec<f64>,
}

impl Form {
    /// Returns the Gaussian with inverse covariance `T' T`, T lower (d x d, or its diagonal), without its factor `(2 pi)^(-d/2)`.
    pub fn new(t: &[f64], mu: &[f64], d: usize, full: bool) -> Form {
        let mut mean = vec![0.0; padded(d)];
        mean[..d].copy_from_slice(mu);
        let diagonal = |a: usize| if full { t[a * d + a] } else { t[a] };
        let constant = (0..d).map(|a| diagonal(a).ln()).sum();
        let mut form = Form { constant, power: 0.0, stretch: 0.0, mean, d, full, t: Vec::new(), shift: Vec::new() };
        if !full {
            form.t = t.to_vec();
            form.shift = t.iter().zip(mu).map(|(t, m)| t * m).collect();
            return form;
        }
        let entry = |a: usize, b: usize| if a < d && b <= a { t[a * d + b] } else { 0.0 };
        for first in (0..d).step_by(ROWS) {
            (0..d.min(first + ROWS)).for_each(|b| form.t.extend((first..first + ROWS).map(|a| entry(a, b))));
            form.shift.extend((first..first + ROWS).map(|a| (0..d).map(|b| entry(a, b) * mu[b]).sum::<f64>()));
        }
        form
    }

    /// Returns the quadratic forms of eight rows, given dimension by dimension.
    #[inline(always)]
    pub fn squares<V: Lanes>(&self, x: &[[f64; LANES]]) -> V {
        let mut total = V::splat(0.0);
        if !self.full {
            for ((t, s), x) in self.t.iter().zip(&self.shift).zip(x) {
                let y = V::splat(*t).fma(V::load(x), V::splat(-s));
                total = y.fma(y, total);
            }
            return total;
        }
        let mut t = self.t.as_chunks::<ROWS>().0;
        for (group, s) in self.shift.as_chunks::<ROWS>().0.iter().enumerate() {
            let (own, rest) = t.split_at(self.d.min((group + 1) * ROWS));
            t = rest;
            let (mut p, mut q, mut r, mut u) = (V::splat(-s[0]), V::splat(-s[1]), V::splat(-s[2]), V::splat(-s[3]));
            for (t, x) in own.iter().zip(x) {
                let x = V::load(x);
                p = V::splat(t[0]).fma(x, p);
                q = V::splat(t[1]).fma(x, q);
                r = V::splat(t[2]).fma(x, r);
                u = V::splat(t[3]).fma(x, u);
            }
            total = u.fma(u, r.fma(r, q.fma(q, p.fma(p, total))));
        }
        total
    }
}
