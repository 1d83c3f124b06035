//! What a hierarchical base measure learns with the partition: the mean covariance of components, and how closely they keep to it.
//!
//! In the frame of a matrix C (the rows' own covariance, shrunk; see [`super::shrink`]) the measure is normal-inverse-Wishart with `mu0 = 0`, a known `kappa0`,
//! `nu0 = d + 1 + excess` and `S0 = excess U`, so that components have the covariance U in the mean. U ~ Wishart(firmness, I / firmness), in
//! the mean C itself; the logarithms of `excess` and `firmness` are uniform between bounds. After Görür and Rasmussen (2010), "Dirichlet process Gaussian
//! mixture models: choice of the base distribution", section 3, with the marginal likelihood in place of the components' covariances where that is closed.

use super::cache::Observations;
use super::matrix::{cholesky, inverse_transposed, solve_lower};
use super::niw::Niw;
use super::simd::{axpy, dot_plain, outer};
use super::spectrum::Spectrum;
use super::state::State;
use rand::RngExt;
use rand_distr::{ChiSquared, Distribution, StandardNormal};

/// Bounds of `excess` in d dimensions: from the published measure's 1 to components that hardly differ in shape.
pub fn excess_bounds(d: usize) -> [f64; 2] {
    [1.0, 20.0 * d as f64]
}

/// Bounds of `firmness` in d dimensions.
pub fn firmness_bounds(d: usize) -> [f64; 2] {
    [d as f64 + 2.0, 200.0 * d as f64]
}

/// Values of what is learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    /// Degrees of freedom of the measure above d + 1.
    pub excess: f64,
    /// Degrees of freedom of U.
    pub firmness: f64,
    /// Lower Cholesky factor of U in the frame, d x d.
    pub shape: Vec<f64>,
}

/// A base measure in the coordinates of a frame, as a kept state has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    /// `nu0`.
    pub dof: f64,
    /// Lower Cholesky factor of `S0` in the frame, row by row up to the diagonal: d (d + 1) / 2 numbers.
    pub factor: Vec<f64>,
}

impl Measure {
    /// Returns observations, given in the frame, in the coordinates in which `S0` is the identity, with `ln |S0| / 2`.
    pub fn whiten(&self, base: &Observations) -> (Observations, f64) {
        let d = base.d;
        let mut lower = vec![0.0; d * d];
        for a in 0..d {
            lower[a * d..=a * d + a].copy_from_slice(&self.factor[a * (a + 1) / 2..(a + 1) * (a + 2) / 2]);
        }
        (whiten(base, &lower, 1.0), (0..d).map(|a| lower[a * d + a].ln()).sum())
    }

    /// Returns `S0` in the frame, lower triangle of d x d.
    pub fn scale(&self, d: usize) -> Vec<f64> {
        let row = |a: usize| &self.factor[a * (a + 1) / 2..(a + 1) * (a + 2) / 2];
        let mut s = vec![0.0; d * d];
        for a in 0..d {
            for b in 0..=a {
                s[a * d + b] = row(a)[..=b].iter().zip(row(b)).map(|(x, y)| x * y).sum();
            }
        }
        s
    }
}

/// Returns observations in the coordinates `y = L^-1 x / root`, L lower, d x d.
fn whiten(base: &Observations, lower: &[f64], root: f64) -> Observations {
    let d = base.d;
    let mut x = base.x.to_vec();
    for row in x.chunks_exact_mut(base.dp) {
        solve_lower(lower, d, &mut row[..d]);
        row[..d].iter_mut().for_each(|v| *v *= root.recip());
    }
    Observations::new(x, d)
}

impl Learned {
    /// Returns the values that chains start from: components like the rows, as firm as d further rows.
    pub fn start(d: usize) -> Learned {
        let mut shape = vec![0.0; d * d];
        (0..d).for_each(|j| shape[j * d + j] = 1.0);
        Learned { excess: d as f64, firmness: 10.0 * d as f64, shape }
    }

    /// Returns the dimension.
    fn d(&self) -> usize {
        self.shape.len().isqrt()
    }

    /// Returns the base measure in the coordinates in which `S0` is the identity, with tables for up to `n` members.
    pub fn niw(&self, kappa: f64, n: usize) -> Niw {
        let d = self.d();
        Niw::new(d, kappa, d as f64 + 1.0 + self.excess, n)
    }

    /// Returns what a kept state keeps.
    pub fn measure(&self) -> Measure {
        let (d, root) = (self.d(), self.excess.sqrt());
        let factor = (0..d).flat_map(|a| self.shape[a * d..a * d + a + 1].iter().map(|v| v * root)).collect();
        Measure { dof: d as f64 + 1.0 + self.excess, factor }
    }

    /// Returns observations, given in the frame, in the coordinates in which `S0` is the identity.
    pub fn whiten(&self, base: &Observations) -> Observations {
        whiten(base, &self.shape, self.excess.sqrt())
    }

    /// Returns `ln |S0| / 2` in the frame.
    pub fn log_volume(&self) -> f64 {
        let d = self.d();
        (0..d).map(|j| self.shape[j * d + j].ln()).sum::<f64>() + 0.5 * d as f64 * self.excess.ln()
    }

    /// Returns the log prior density of ln excess, ln firmness and U.
    pub fn log_prior(&self) -> f64 {
        let d = self.d();
        let flat = |[low, high]: [f64; 2]| -(high / low).ln().ln();
        flat(excess_bounds(d)) + flat(firmness_bounds(d)) + self.log_wishart(self.firmness)
    }

    /// Returns the log density of U under `Wishart(m, I / m)`.
    fn log_wishart(&self, m: f64) -> f64 {
        let (d, dim) = (self.d(), self.d() as f64);
        let log_det = 2.0 * (0..d).map(|j| self.shape[j * d + j].ln()).sum::<f64>();
        let trace: f64 = self.shape.iter().map(|v| v * v).sum();
        let gammas: f64 = (0..d).map(|j| libm::lgamma(0.5 * (m - j as f64))).sum();
        0.5 * (m - dim - 1.0) * log_det - 0.5 * m * trace + 0.5 * m * dim * (0.5 * m).ln()
            - gammas
            - 0.25 * dim * (dim - 1.0) * std::f64::consts::PI.ln()
    }

    /// Draws all of it anew, `cycles` times over, given the state's partition, and gives the state the measure. `base`: the observations in the frame.
    ///
    /// A cycle draws `excess` given U and the partition, covariances out of it; then, given precisions that are drawn for it and forgotten, `firmness`, U out of
    /// it, and U. Each leaves the joint posterior as it is.
    pub fn update(&mut self, state: &mut State, base: &Observations, cycles: usize, rng: &mut impl rand::Rng) {
        let d = base.d;
        let scatters: Vec<Scatter> = (0..state.comps.len())
            .filter(|k| state.comps[*k].n > 0)
            .map(|k| {
                let members = state.z.iter().enumerate().filter(move |(_, s)| **s == k as u32).map(|(i, _)| base.row(i));
                Scatter::of(d, base.dp, members)
            })
            .collect();
        let kappa = state.niw.kappa0;
        for _ in 0..cycles {
            let turned: Vec<Scatter> = scatters.iter().map(|s| s.whitened(&self.shape, d)).collect();
            let spectra: Vec<Spectrum> = turned.iter().map(|s| Spectrum::of(s.n, s.matrix.clone(), &s.mean)).collect();
            let log = |t: f64| spectra.iter().map(|s| s.log_marginal(kappa, d as f64 + 1.0 + t.exp(), t.exp())).sum();
            self.excess = slice(self.excess, excess_bounds(d), &log, rng);
            self.redraw_shape(&turned, kappa, rng);
        }
        state.reframe(self.whiten(base), self.niw(kappa, base.n + 1));
    }

    /// Draws `firmness` and U given precisions drawn for the components, whose scatters are given in the coordinates in which U is the identity.
    ///
    /// There, with `S0 = excess G` and G = I now, precisions are `Wishart(nu0 + n, S_n^-1)`, and the next `G ~ Wishart(firmness + K nu0, (firmness L'L +
    /// excess sum P)^-1)`, U = L G L'.
    fn redraw_shape(&mut self, scatters: &[Scatter], kappa: f64, rng: &mut impl rand::Rng) {
        let d = self.d();
        let nu = d as f64 + 1.0 + self.excess;
        let mut rate = vec![0.0; d * d];
        for s in scatters {
            let n = s.n as f64;
            let mut lower: Vec<f64> = s.matrix.iter().map(|v| v / self.excess).collect();
            let weight = kappa * n / (kappa + n) / self.excess;
            for a in 0..d {
                for b in 0..=a {
                    lower[a * d + b] += weight * s.mean[a] * s.mean[b];
                }
                lower[a * d + a] += 1.0;
            }
            if cholesky(&mut lower, d).is_none() {
                return;
            }
            let root = wishart_root(&lower, d, nu + n, rng);
            for a in 0..d {
                for b in 0..=a {
                    rate[a * d + b] += dot_plain(&root[a * d..(a + 1) * d], &root[b * d..(b + 1) * d]);
                }
            }
        }
        let degrees = scatters.len() as f64 * nu;
        self.firmness = self.redraw_firmness(&rate, degrees, rng);
        for a in 0..d {
            for b in 0..=a {
                let prior: f64 = (a..d).map(|t| self.shape[t * d + a] * self.shape[t * d + b]).sum();
                rate[a * d + b] += self.firmness * prior;
            }
        }
        if cholesky(&mut rate, d).is_none() {
            return;
        }
        let root = wishart_root(&rate, d, self.firmness + degrees, rng);
        let mut product = vec![0.0; d * d];
        for a in 0..d {
            let row = &mut product[a * d..(a + 1) * d];
            for j in 0..=a {
                let l = self.shape[a * d + j];
                row.iter_mut().zip(&root[j * d..(j + 1) * d]).for_each(|(p, r)| *p += l * r);
            }
        }
        let mut next = vec![0.0; d * d];
        for a in 0..d {
            for b in 0..=a {
                next[a * d + b] = dot_plain(&product[a * d..(a + 1) * d], &product[b * d..(b + 1) * d]);
            }
        }
        if cholesky(&mut next, d).is_some() {
            self.shape = next;
        }
    }

    /// Draws `firmness` given precisions, U integrated out: with R their sum times `excess` in the frame and `degrees` K nu0,
    /// `p(m | R) ~ Gamma_d((m + K nu0) / 2) / Gamma_d(m / 2) m^(m d / 2) |m I + R|^-((m + K nu0) / 2)`.
    ///
    /// `rate`: R in the coordinates in which U is the identity, lower triangle.
    fn redraw_firmness(&self, rate: &[f64], degrees: f64, rng: &mut impl rand::Rng) -> f64 {
        let d = self.d();
        // L^-T R L^-1.
        let upper = inverse_transposed(&self.shape, d);
        let full = |a: usize, b: usize| if b <= a { rate[a * d + b] } else { rate[b * d + a] };
        let rows: Vec<f64> = (0..d * d).map(|k| full(k / d, k % d)).collect();
        let mut once = vec![0.0; d * d];
        for a in 0..d {
            let row = &mut once[a * d..(a + 1) * d];
            for j in a..d {
                let u = upper[a * d + j];
                row.iter_mut().zip(&rows[j * d..(j + 1) * d]).for_each(|(o, r)| *o += u * r);
            }
        }
        let mut turned = vec![0.0; d * d];
        for a in 0..d {
            for b in 0..=a {
                let v = dot_plain(&once[a * d + b..(a + 1) * d], &upper[b * d + b..(b + 1) * d]);
                (turned[a * d + b], turned[b * d + a]) = (v, v);
            }
        }
        let spectrum = Spectrum::of(2, turned, &vec![0.0; d]);
        let log = |t: f64| {
            let m = t.exp();
            let gammas: f64 =
                (0..d).map(|j| libm::lgamma(0.5 * (m + degrees - j as f64)) - libm::lgamma(0.5 * (m - j as f64))).sum();
            gammas + 0.5 * m * d as f64 * t - 0.5 * (m + degrees) * spectrum.log_det(1.0, m)
        };
        slice(self.firmness, firmness_bounds(d), &log, rng)
    }
}

/// Size, mean, and scatter about the mean (d x d, symmetric) of a component's members.
struct Scatter {
    n: usize,
    mean: Vec<f64>,
    matrix: Vec<f64>,
}

impl Scatter {
    fn of<'a>(d: usize, dp: usize, members: impl Iterator<Item = &'a [f64]> + Clone) -> Scatter {
        let mut mean = vec![0.0; dp];
        let mut n = 0usize;
        for x in members.clone() {
            axpy(1.0, x, &mut mean);
            n += 1;
        }
        mean.iter_mut().for_each(|m| *m /= n.max(1) as f64);
        let mut matrix = vec![0.0; d * d];
        let mut v = vec![0.0; dp];
        for x in members {
            v.copy_from_slice(x);
            axpy(-1.0, &mean, &mut v);
            outer(&v, d, &mut matrix);
        }
        (0..d).for_each(|a| (0..a).for_each(|b| matrix[b * d + a] = matrix[a * d + b]));
        mean.truncate(d);
        Scatter { n, mean, matrix }
    }

    /// Returns it in the coordinates `y = L^-1 x`.
    fn whitened(&self, lower: &[f64], d: usize) -> Scatter {
        let mut mean = self.mean.clone();
        solve_lower(lower, d, &mut mean);
        // Row by row L^-1 W, transposed, and once more.
        let mut once = self.matrix.clone();
        once.chunks_exact_mut(d).for_each(|row| solve_lower(lower, d, row));
        let mut matrix = vec![0.0; d * d];
        for a in 0..d {
            let row = &mut matrix[a * d..(a + 1) * d];
            (0..d).for_each(|r| row[r] = once[r * d + a]);
            solve_lower(lower, d, row);
        }
        // Rounding leaves the halves apart by a bit.
        (0..d).for_each(|a| (0..a).for_each(|b| matrix[b * d + a] = matrix[a * d + b]));
        Scatter { n: self.n, mean, matrix }
    }
}

/// Returns A, d x d, with `A A' ~ Wishart(dof, (L L')^-1)`: `L^-T` times Bartlett's factor.
fn wishart_root(lower: &[f64], d: usize, dof: f64, rng: &mut impl rand::Rng) -> Vec<f64> {
    let upper = inverse_transposed(lower, d);
    let mut b = vec![0.0; d * d];
    for i in 0..d {
        for j in 0..i {
            b[i * d + j] = StandardNormal.sample(rng);
        }
        b[i * d + i] = ChiSquared::new(dof - i as f64).map_or(f64::NAN, |c| c.sample(rng)).sqrt();
    }
    let mut a = vec![0.0; d * d];
    for i in 0..d {
        let row = &mut a[i * d..(i + 1) * d];
        for j in i..d {
            let t = upper[i * d + j];
            row[..=j].iter_mut().zip(&b[j * d..j * d + j + 1]).for_each(|(a, b)| *a += t * b);
        }
    }
    a
}

/// Draws a positive number by slice sampling in its logarithm, uniform there between bounds (Neal, 2003; shrinkage from the whole range).
fn slice(now: f64, bounds: [f64; 2], log: &dyn Fn(f64) -> f64, rng: &mut impl rand::Rng) -> f64 {
    let (mut low, mut high) = (bounds[0].ln(), bounds[1].ln());
    let at = now.ln().clamp(low, high);
    let level = log(at) + rng.random::<f64>().max(f64::MIN_POSITIVE).ln();
    loop {
        let t = low + (high - low) * rng.random::<f64>();
        // The present value is in the slice, so the interval cannot shrink past it.
        if t == at || log(t) >= level || high - low < 1e-12 {
            return t.exp();
        }
        if t < at { low = t } else { high = t }
    }
}
