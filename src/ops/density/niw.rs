//! The normal-inverse-Wishart base measure in canonical coordinates (`mu0 = 0`, `S0 = I`): constants, predictive, marginal likelihood.
//!
//! The family is equivariant under affine maps, so data are whitened by the prior's own location and scale once
//! ([`super::frame::Frame`]) and only `kappa0` and `nu0` are left. With n members, `kappa_n = kappa0 + n`,
//! `nu_n = nu0 + n`, and `S_n` is the posterior scale matrix. See Murphy (2007), "Conjugate Bayesian analysis of the
//! Gaussian distribution", section 9, and sampler.md for the determinant identities.

use libm::lgamma;

/// What covariances a component may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Any: normal-inverse-Wishart.
    Full,
    /// Diagonal ones: in every dimension a normal-inverse-Wishart of one dimension.
    Diagonal,
    /// Multiples of the prior's scale: normal-inverse-gamma with one variance for all dimensions.
    Spherical,
}

/// A normal-inverse-Wishart distribution with `mu0 = 0`, `S0 = I`, and its tables for up to `n` members.
#[derive(Clone, Debug)]
pub struct Niw {
    /// Dimension.
    pub d: usize,
    /// Pseudo-count of the mean.
    pub kappa0: f64,
    /// Degrees of freedom; above `d - 1`, or above 0 where the shape is not full.
    pub nu0: f64,
    /// What covariances there are.
    pub shape: Shape,
    /// Degrees of freedom that a member adds: 1, or d where one variance is all dimensions'.
    pub rank: f64,
    /// Power that all likelihoods are raised to; 1 but in passes that are heated (see [`super::setup::Setup::heat`]).
    pub heat: f64,
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
        Self::of(d, kappa0, nu0, n, Shape::Full)
    }

    /// Returns the product over dimensions of the measure in one dimension. `kappa0 > 0` and `nu0 > 0` are the caller's to check.
    pub fn diagonal(d: usize, kappa0: f64, nu0: f64, n: usize) -> Niw {
        Self::of(d, kappa0, nu0, n, Shape::Diagonal)
    }

    /// Returns the distribution of `mu | s ~ N(0, s I / kappa0)`, `s ~ inverse gamma(nu0 / 2, 1 / 2)`: n members leave `nu0 + n d` degrees of
    /// freedom and the scale `1 + sum |x - m|^2 + kappa0 n / kappa_n |m|^2` (Murphy, 2007, section 6, in d dimensions). `kappa0 > 0` and
    /// `nu0 > 0` are the caller's to check.
    pub fn spherical(d: usize, kappa0: f64, nu0: f64, n: usize) -> Niw {
        Self::of(d, kappa0, nu0, n, Shape::Spherical)
    }

    /// Returns the distribution of a shape; see the functions above.
    pub fn of(d: usize, kappa0: f64, nu0: f64, n: usize, shape: Shape) -> Niw {
        let rank = if shape == Shape::Spherical { d as f64 } else { 1.0 };
        let constant = |kappa, nu| match shape {
            Shape::Full => t_constant(d, kappa, nu),
            Shape::Diagonal => d as f64 * t_constant(1, kappa, nu),
            Shape::Spherical => t_constant(d, kappa, nu + d as f64 - 1.0),
        };
        let constants: Vec<f64> = (0..=n).map(|m| constant(kappa0 + m as f64, nu0 + rank * m as f64)).collect();
        let mut marginals = vec![0.0; n + 1];
        for m in 0..n {
            marginals[m + 1] = marginals[m] + constants[m];
        }
        Niw {
            d,
            kappa0,
            nu0,
            shape,
            rank,
            heat: 1.0,
            constants,
            marginals,
            ln_gammas: (0..=n).map(|m| if m == 0 { 0.0 } else { lgamma(m as f64) }).collect(),
            logs: (0..=n).map(|m| (m as f64).ln()).collect(),
        }
    }

    /// Returns the measure with likelihoods, and predictives with them, to another power. They are no densities then, but ratios of likelihoods all the same.
    pub fn heated(&self, heat: f64) -> Niw {
        let by = heat / self.heat;
        let scaled = |numbers: &[f64]| if by == 1.0 { numbers.to_vec() } else { numbers.iter().map(|x| by * x).collect() };
        Niw { heat, constants: scaled(&self.constants), marginals: scaled(&self.marginals), ..self.clone() }
    }

    /// Returns `kappa_n`.
    pub fn kappa(&self, n: usize) -> f64 {
        self.kappa0 + n as f64
    }

    /// Returns `nu_n`.
    pub fn nu(&self, n: usize) -> f64 {
        self.nu0 + self.rank * n as f64
    }

    /// Returns the power of the predictive: `(nu_n + 1)/2`, `(nu_n + d)/2` where the shape is spherical.
    pub fn power(&self, n: usize) -> f64 {
        0.5 * self.heat * (self.nu(n) + self.rank)
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

    /// Returns the log predictive density of a point with quadratic form `q = (x - mu_n)' S_n^-1 (x - mu_n)`; where the shape is diagonal,
    /// `q` is the sum of logarithms of [`super::diagonal::sum_logs`].
    pub fn log_predictive(&self, n: usize, log_det: f64, q: f64) -> f64 {
        if self.shape == Shape::Diagonal {
            return self.constants[n] - 0.5 * self.heat * log_det - self.power(n) * q;
        }
        let kappa = self.kappa(n);
        self.constants[n] - 0.5 * self.heat * log_det - self.power(n) * (kappa / (kappa + 1.0) * q).ln_1p()
    }

    /// Returns the log marginal likelihood of n members with `ln |S_n|`.
    ///
    /// As the predictive is the ratio of two marginal likelihoods, its constants sum to the closed form's
    /// `-(nd/2) ln pi + (d/2) ln(kappa0/kappa_n) + ln Gamma_d(nu_n/2) - ln Gamma_d(nu0/2)`.
    pub fn log_marginal(&self, n: usize, log_det: f64) -> f64 {
        self.marginals[n] - 0.5 * self.heat * self.nu(n) / self.rank * log_det
    }
}

/// Returns the log of the Student-t predictive at its location, less `-ln|S|/2`:
/// `ln Gamma((nu+1)/2) - ln Gamma((nu-d+1)/2) + (d/2) ln(kappa / ((kappa+1) pi))`.
pub fn t_constant(d: usize, kappa: f64, nu: f64) -> f64 {
    lgamma(0.5 * (nu + 1.0)) - lgamma(0.5 * (nu - d as f64 + 1.0))
        + 0.5 * d as f64 * (kappa / ((kappa + 1.0) * std::f64::consts::PI)).ln()
}
