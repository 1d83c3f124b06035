//! The normal-inverse-Wishart base measure in canonical coordinates (`mu0 = 0`, `S0 = I`): constants, predictive, marginal likelihood.
//!
//! The family is equivariant under affine maps, so data are whitened by the prior's own location and scale once
//! ([`super::frame::Frame`]) and only `kappa0` and `nu0` are left. With n members, `kappa_n = kappa0 + n`,
//! `nu_n = nu0 + n`, and `S_n` is the posterior scale matrix. See Murphy (2007), "Conjugate Bayesian analysis of the
//! Gaussian distribution", section 9, and sampler.md for the determinant identities.

use libm::lgamma;

/// A normal-inverse-Wishart distribution with `mu0 = 0`, `S0 = I`, and its tables for up to `n` members.
#[derive(Clone, Debug)]
pub struct Niw {
    /// Dimension.
    pub d: usize,
    /// Pseudo-count of the mean.
    pub kappa0: f64,
    /// Degrees of freedom; above `d - 1`, or above 0 where `diagonal`.
    pub nu0: f64,
    /// Whether covariances are diagonal: independent dimensions, each with this measure in one dimension (normal-inverse-gamma).
    pub diagonal: bool,
    /// `t_constant(m)` for m = 0..=n.
    constants: Vec<f64>,
    /// Marginal likelihood's constant for m = 0..=n.
    marginals: Vec<f64>,
    /// `ln Gamma(m)` for m = 0..=n (entry 0 unused).
    ln_gammas: Vec<f64>,
    /// `ln m` for m = 0..=n.
    logs: Vec<f64>,
}

impl Niw {
    /// Returns the distribution with tables for up to `n` members. `kappa0 > 0` and `nu0 > d - 1` are the caller's to check.
    pub fn new(d: usize, kappa0: f64, nu0: f64, n: usize) -> Niw {
        Self::of(d, kappa0, nu0, n, false)
    }

    /// Returns the product over dimensions of the measure in one dimension. `kappa0 > 0` and `nu0 > 0` are the caller's to check.
    pub fn diagonal(d: usize, kappa0: f64, nu0: f64, n: usize) -> Niw {
        Self::of(d, kappa0, nu0, n, true)
    }

    fn of(d: usize, kappa0: f64, nu0: f64, n: usize, diagonal: bool) -> Niw {
        let constant = |kappa, nu| if diagonal { d as f64 * t_constant(1, kappa, nu) } else { t_constant(d, kappa, nu) };
        let constants: Vec<f64> = (0..=n).map(|m| constant(kappa0 + m as f64, nu0 + m as f64)).collect();
        let mut marginals = vec![0.0; n + 1];
        for m in 0..n {
            marginals[m + 1] = marginals[m] + constants[m];
        }
        Niw {
            d,
            kappa0,
            nu0,
            diagonal,
            constants,
            marginals,
            ln_gammas: (0..=n).map(|m| if m == 0 { 0.0 } else { lgamma(m as f64) }).collect(),
            logs: (0..=n).map(|m| (m as f64).ln()).collect(),
        }
    }

    /// Returns `kappa_n`.
    pub fn kappa(&self, n: usize) -> f64 {
        self.kappa0 + n as f64
    }

    /// Returns `nu_n`.
    pub fn nu(&self, n: usize) -> f64 {
        self.nu0 + n as f64
    }

    /// Returns the part of the log predictive that depends on n alone; see [`t_constant`].
    pub fn constant(&self, n: usize) -> f64 {
        self.constants[n]
    }

    /// Returns `ln Gamma(n)`.
    pub fn ln_gamma(&self, n: usize) -> f64 {
        self.ln_gammas[n]
    }

    /// Returns `ln n`.
    pub fn ln(&self, n: usize) -> f64 {
        self.logs[n]
    }

    /// Returns the log predictive density of a point with quadratic form `q = (x - mu_n)' S_n^-1 (x - mu_n)`; where `diagonal`, `q` is
    /// the sum of logarithms of [`super::diagonal::sum_logs`].
    pub fn log_predictive(&self, n: usize, log_det: f64, q: f64) -> f64 {
        if self.diagonal {
            return self.constants[n] - 0.5 * log_det - 0.5 * (self.nu(n) + 1.0) * q;
        }
        let kappa = self.kappa(n);
        self.constants[n] - 0.5 * log_det - 0.5 * (self.nu(n) + 1.0) * (kappa / (kappa + 1.0) * q).ln_1p()
    }

    /// Returns the log marginal likelihood of n members with `ln |S_n|`.
    ///
    /// As the predictive is the ratio of two marginal likelihoods, its constants sum to the closed form's
    /// `-(nd/2) ln pi + (d/2) ln(kappa0/kappa_n) + ln Gamma_d(nu_n/2) - ln Gamma_d(nu0/2)`.
    pub fn log_marginal(&self, n: usize, log_det: f64) -> f64 {
        self.marginals[n] - 0.5 * self.nu(n) * log_det
    }
}

/// Returns the log of the Student-t predictive at its location, less `-ln|S|/2`:
/// `ln Gamma((nu+1)/2) - ln Gamma((nu-d+1)/2) + (d/2) ln(kappa / ((kappa+1) pi))`.
pub fn t_constant(d: usize, kappa: f64, nu: f64) -> f64 {
    lgamma(0.5 * (nu + 1.0)) - lgamma(0.5 * (nu - d as f64 + 1.0))
        + 0.5 * d as f64 * (kappa / ((kappa + 1.0) * std::f64::consts::PI)).ln()
}
