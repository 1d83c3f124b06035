//! Monte Carlo estimates with standard errors: relative entropy from a Gaussian, divergence between two densities.

use super::frame::{Frame, Scale};
use super::predictive::Predictive;
use super::sample::sample;
use crate::base::Stream;
use crate::engine::value::Number;

/// Which predictive an estimate is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimator {
    /// The pooled predictive: Eq. 4 as defined.
    Pooled,
    /// The mean over states of each state's own divergence, as the paper computes it: an upper bound of the pooled one.
    PerState,
}

/// A Gaussian with the data's mean and variances or covariance (divisor n).
pub struct Gaussian(Frame);

impl Gaussian {
    /// Returns the Gaussian of row-major data; an error in words where the covariance is singular.
    pub fn of(x: &[f64], d: usize, full: bool) -> Result<Gaussian, String> {
        Frame::derive(x, d, if full { &Scale::Full } else { &Scale::Diagonal }, 1.0).map(Gaussian)
    }

    /// Returns the log densities of row-major points.
    pub fn log_density(&self, x: &[f64]) -> Vec<f64> {
        let d = self.0.d;
        let y = self.0.whiten(x);
        let constant = -0.5 * d as f64 * (2.0 * std::f64::consts::PI).ln() - self.0.log_volume;
        y.chunks_exact(super::simd::padded(d)).map(|r| constant - 0.5 * super::simd::inner(r, r)).collect()
    }
}

/// Returns the mean of differences and its standard error.
fn summary(differences: &[f64]) -> (f64, f64) {
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let variance = differences.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, (variance / n).sqrt())
}

/// Returns `E_p[log p(x) - log q(x)]` from `draws` draws in all, with its Monte Carlo standard error.
///
/// `against` returns the log densities of q (pooled estimator), `against_state` those of q's part for state t (per state).
pub fn divergence(
    p: &Predictive,
    draws: usize,
    estimator: Estimator,
    stream: &Stream,
    against: &(dyn Fn(&[f64], Option<usize>) -> Vec<f64> + Sync),
) -> Number {
    if estimator == Estimator::Pooled {
        let x = sample(p, None, draws, stream);
        let differences: Vec<f64> = p.log_density(&x).iter().zip(against(&x, None)).map(|(a, b)| a - b).collect();
        let (mean, error) = summary(&differences);
        return Number { value: mean, error: Some(error), count: Some(draws as u64) };
    }
    let states = p.states.len();
    let each = draws.div_ceil(states).max(2);
    let parts: Vec<(f64, f64)> = (0..states)
        .map(|t| {
            let x = sample(p, Some(t), each, &stream.named("state").numbered(t as u64));
            let own = p.under_state(&x, t);
            summary(&own.iter().zip(against(&x, Some(t))).map(|(a, b)| a - b).collect::<Vec<_>>())
        })
        .collect();
    let mean = parts.iter().map(|p| p.0).sum::<f64>() / states as f64;
    let error = parts.iter().map(|p| p.1 * p.1).sum::<f64>().sqrt() / states as f64;
    Number { value: mean, error: Some(error), count: Some((each * states) as u64) }
}
