//! The frame of a base measure: whitens data by the prior's location and scale, derived from the data or given.

use super::matrix::{cholesky, lower_times, solve_lower};
use super::simd::padded;

/// An affine map `x = centre + L y` with lower triangular L, under which the prior is canonical.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Dimension.
    pub d: usize,
    /// `mu0`, in the data's units.
    pub centre: Vec<f64>,
    /// Lower Cholesky factor of `S0`, row-major d x d; its diagonal alone where `S0` is diagonal.
    pub factor: Vec<f64>,
    /// `ln |S0| / 2`: what is subtracted from canonical log densities.
    pub log_volume: f64,
}

/// How `S0` is derived.
#[derive(Clone, Debug, PartialEq)]
pub enum Scale {
    /// `diag(variance)/K^(2/d)`, as published.
    Diagonal,
    /// The mean of the dimensions' variances over `K^(2/d)`, times the identity.
    Spherical,
    /// Full covariance (divisor n) over `K^(2/d)`: does not depend on the axes.
    Full,
    /// `mu0 = mean` in each dimension, `S0 = scale I`.
    Given {
        /// The mean.
        mean: f64,
        /// The scale.
        scale: f64,
    },
}

/// Share of the largest variance that a constant dimension gets as its own.
const FLOOR: f64 = 1e-10;

impl Frame {
    /// Returns the frame for row-major `x` (n x d). `components` is the K of `K^(2/d)`.
    ///
    /// A constant dimension gets a variance of 1e-10 times the largest one, so that its predictive is narrow but proper.
    /// Errors: a sentence where the data determine no scale (all rows equal, or a singular covariance with `Full`).
    pub fn derive(x: &[f64], d: usize, scale: &Scale, components: f64) -> Result<Frame, String> {
        let n = x.len() / d.max(1);
        if let Scale::Given { mean, scale } = scale {
            return Ok(Frame::diagonal(vec![*mean; d], vec![scale.sqrt(); d]));
        }
        let centre: Vec<f64> = (0..d).map(|j| (0..n).map(|i| x[i * d + j]).sum::<f64>() / n as f64).collect();
        let shrink = components.powf(-2.0 / d as f64);
        let variance: Vec<f64> =
            (0..d).map(|j| (0..n).map(|i| (x[i * d + j] - centre[j]).powi(2)).sum::<f64>() / n as f64).collect();
        let largest = variance.iter().fold(0.0f64, |a, b| a.max(*b));
        // Rounding alone makes equal large numbers differ from their mean by a few units in the last place.
        let size = x.iter().fold(0.0f64, |a, b| a.max(b.abs()));
        if largest <= (4.0 * f64::EPSILON * size).powi(2) || !largest.is_finite() {
            return Err(format!("the {n} rows are all equal (or too large), so their variance gives the prior no scale"));
        }
        if *scale == Scale::Diagonal {
            // A dimension is constant where it varies by no more than rounding; how small its unit is says nothing.
            let column = |j: usize| (0..n).fold(0.0f64, |a, i| a.max(x[i * d + j].abs()));
            let constant = |j: usize| variance[j] <= (4.0 * f64::EPSILON * column(j)).powi(2);
            let unit = |j: usize| if constant(j) { FLOOR * largest } else { variance[j] };
            return Ok(Frame::diagonal(centre, (0..d).map(|j| (unit(j) * shrink).sqrt()).collect()));
        }
        if *scale == Scale::Spherical {
            let mean = variance.iter().sum::<f64>() / d as f64;
            return Ok(Frame::diagonal(centre, vec![(mean * shrink).sqrt(); d]));
        }
        let mut s = vec![0.0; d * d];
        for row in x.chunks_exact(d) {
            for a in 0..d {
                for b in 0..=a {
                    s[a * d + b] += (row[a] - centre[a]) * (row[b] - centre[b]);
                }
            }
        }
        let singular = || format!("the covariance of {n} rows in {d} dimensions is singular, so it cannot be the prior's scale");
        let unit: Vec<f64> = variance.iter().map(|v| v.sqrt()).collect();
        if unit.contains(&0.0) {
            return Err(singular());
        }
        // Factor the correlation matrix, whose conditioning does not depend on the units.
        for a in 0..d {
            for b in 0..=a {
                s[a * d + b] /= n as f64 * unit[a] * unit[b];
            }
        }
        cholesky(&mut s, d).ok_or_else(singular)?;
        if (0..d).any(|a| s[a * d + a] < 1e-6) {
            return Err(singular());
        }
        let root = shrink.sqrt();
        for a in 0..d {
            for b in 0..=a {
                s[a * d + b] *= unit[a] * root;
            }
        }
        let log_volume = (0..d).map(|a| s[a * d + a].ln()).sum();
        Ok(Frame { d, centre, factor: s, log_volume })
    }

    /// Returns the frame with a diagonal factor.
    pub fn diagonal(centre: Vec<f64>, factor: Vec<f64>) -> Frame {
        let log_volume = factor.iter().map(|f| f.ln()).sum();
        Frame { d: centre.len(), centre, factor, log_volume }
    }

    /// Returns the frame with `S0` multiplied by a factor above 0.
    pub fn inflated(mut self, factor: f64) -> Frame {
        self.factor.iter_mut().for_each(|f| *f *= factor.sqrt());
        self.log_volume += 0.5 * self.d as f64 * factor.ln();
        self
    }

    /// Returns the canonical coordinates of row-major points as rows padded with zeros.
    pub fn whiten(&self, x: &[f64]) -> Vec<f64> {
        let (d, dp) = (self.d, padded(self.d));
        let mut out = vec![0.0; x.len() / d * dp];
        for (row, y) in x.chunks_exact(d).zip(out.chunks_exact_mut(dp)) {
            for j in 0..d {
                y[j] = row[j] - self.centre[j];
            }
            if self.factor.len() == d {
                y.iter_mut().zip(&self.factor).for_each(|(y, f)| *y /= f);
            } else {
                solve_lower(&self.factor, d, &mut y[..d]);
            }
        }
        out
    }

    /// Returns the point whose canonical coordinates are given.
    pub fn restore(&self, y: &[f64]) -> Vec<f64> {
        let moved: Vec<f64> = if self.factor.len() == self.d {
            self.factor.iter().zip(y).map(|(f, y)| f * y).collect()
        } else {
            lower_times(&self.factor, self.d, y)
        };
        moved.iter().zip(&self.centre).map(|(m, c)| m + c).collect()
    }
}
