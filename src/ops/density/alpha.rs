//! The concentration: its prior, and its update given the number of components (Escobar & West, 1995).

use rand_distr::{Bernoulli, Beta, Distribution, Exp1, Gamma};

/// Prior of the concentration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AlphaPrior {
    /// Known.
    Fixed(f64),
    /// Gamma with shape and rate.
    Gamma {
        /// Shape.
        shape: f64,
        /// Rate.
        rate: f64,
    },
}

impl AlphaPrior {
    /// Returns the value that chains start from: the known one, or the prior's mean.
    pub fn initial(&self) -> f64 {
        match self {
            AlphaPrior::Fixed(value) => *value,
            AlphaPrior::Gamma { shape, rate } => shape / rate,
        }
    }

    /// Returns the log prior density, 0 where alpha is known.
    pub fn log_density(&self, alpha: f64) -> f64 {
        match self {
            AlphaPrior::Fixed(_) => 0.0,
            AlphaPrior::Gamma { shape, rate } => {
                shape * rate.ln() - libm::lgamma(*shape) + (shape - 1.0) * alpha.ln() - rate * alpha
            }
        }
    }

    /// Returns a draw from the prior.
    pub fn draw(&self, rng: &mut impl rand::Rng) -> f64 {
        match self {
            AlphaPrior::Fixed(value) => *value,
            AlphaPrior::Gamma { shape, rate } => gamma(*shape, *rate, rng),
        }
    }

    /// Returns the next concentration given k components among n observations.
    ///
    /// With `v ~ Beta(alpha + 1, n)`, alpha is `Gamma(a + k, b - ln v)` with odds `(a + k - 1) : n (b - ln v)`, else
    /// `Gamma(a + k - 1, b - ln v)`; leaves `p(alpha | k, n)` exactly invariant.
    pub fn update(&self, alpha: f64, k: usize, n: usize, rng: &mut impl rand::Rng) -> f64 {
        let AlphaPrior::Gamma { shape, rate } = self else { return alpha };
        let rate = rate - ln_beta(alpha + 1.0, n as f64, rng);
        let odds = (shape + k as f64 - 1.0) / (n as f64 * rate);
        let more = bernoulli(odds / (1.0 + odds), rng);
        positive(gamma(shape + k as f64 - if more { 0.0 } else { 1.0 }, rate, rng))
    }

    /// Returns the next concentration as the published code draws it: `Gamma(a + k - 1 + u, b - ln v)` with
    /// `u ~ Bernoulli(n / (n + alpha))`, close to the posterior for one component more (recipes.md A, difference 1).
    pub fn update_published(&self, alpha: f64, k: usize, n: usize, rng: &mut impl rand::Rng) -> f64 {
        let AlphaPrior::Gamma { shape, rate } = self else { return alpha };
        let u = bernoulli(n as f64 / (n as f64 + alpha), rng);
        let rate = rate - ln_beta(alpha + 1.0, n as f64, rng);
        positive(gamma(shape + k as f64 - 1.0 + f64::from(u8::from(u)), rate, rng))
    }

    /// Returns the published code's start, `1 + Exp(1)`.
    pub fn initial_published(&self, rng: &mut impl rand::Rng) -> f64 {
        match self {
            AlphaPrior::Fixed(value) => *value,
            AlphaPrior::Gamma { .. } => {
                let e: f64 = Exp1.sample(rng);
                1.0 + e
            }
        }
    }
}

/// Keeps a draw that underflowed away from zero, whose logarithm would be infinite.
fn positive(x: f64) -> f64 {
    x.max(1e-300)
}

/// Returns a gamma draw; shapes and rates here are positive by construction.
fn gamma(shape: f64, rate: f64, rng: &mut impl rand::Rng) -> f64 {
    Gamma::new(shape, 1.0 / rate).map_or(f64::NAN, |g| g.sample(rng))
}

fn ln_beta(a: f64, b: f64, rng: &mut impl rand::Rng) -> f64 {
    Beta::new(a, b).map_or(f64::NAN, |x| positive(x.sample(rng)).ln())
}

fn bernoulli(p: f64, rng: &mut impl rand::Rng) -> bool {
    Bernoulli::new(p.clamp(0.0, 1.0)).is_ok_and(|b| b.sample(rng))
}
