//! The frame of a base measure: whitens data by the prior's location and scale, derived from the data or given.

use super::aligned::Aligned;
use super::cache::Observations;
use super::matrix::{cholesky, lower_times, solve_lower};
use super::shrink::shrunk;
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
    /// Covariance shrunk towards its diagonal (see [`super::shrink`]): the mean of a mean covariance that is itself learned (see [`super::hyper`]).
    Learned,
    /// `mu0 = mean` in each dimension, `S0 = scale I`.
    Given {
        /// The mean.
        mean: f64,
        /// The scale.
        scale: f64,
    },
}

impl Frame {
    /// Returns the frame for row-major `x` (n x d). `components` is the K of `K^(2/d)`.
    ///
    /// Errors: a sentence where the data determine no scale (a constant unit, or a singular covariance with `Full`).
    pub fn derive(x: &[f64], d: usize, scale: &Scale, components: f64) -> Result<Frame, String> {
        let n = x.len() / d.max(1);
        if let Scale::Given { mean, scale } = scale {
            return Ok(Frame::diagonal(vec![*mean; d], vec![scale.sqrt(); d]));
        }
        let column = |j: usize| (0..n).map(move |i| x[i * d + j]);
        // Differences from the first row, so that a constant's own size leaves nothing behind.
        let centre: Vec<f64> = (0..d).map(|j| x[j] + column(j).map(|v| (v - x[j]) / n as f64).sum::<f64>()).collect();
        let width: Vec<f64> = (0..d).map(|j| column(j).fold(0.0f64, |a, v| a.max((v - centre[j]).abs()))).collect();
        let widest = width.iter().fold(0.0f64, |a, b| a.max(*b));
        if !(widest > 0.0 && widest.is_finite()) {
            return Err(format!("the {n} rows are all equal (or too large), so their variance gives the prior no scale"));
        }
        // Root mean squares of deviations over `unit`: no square is taken of a number that is very large or very small.
        let spread = |j: usize, unit: f64| column(j).map(|v| ((v - centre[j]) / unit).powi(2)).sum::<f64>() / n as f64;
        let root = components.powf(-1.0 / d as f64);
        if *scale == Scale::Spherical {
            let mean = (0..d).map(|j| spread(j, widest)).sum::<f64>() / d as f64;
            return Ok(Frame::diagonal(centre, vec![widest * mean.sqrt() * root; d]));
        }
        if let Some(j) = (0..d).find(|j| width[*j] == 0.0) {
            return Err(format!("unit {j} is constant, so its variance gives no scale"));
        }
        let deviation: Vec<f64> = (0..d).map(|j| width[j] * spread(j, width[j]).sqrt()).collect();
        if *scale == Scale::Diagonal {
            return Ok(Frame::diagonal(centre, deviation.iter().map(|s| s * root).collect()));
        }
        // Factor the correlation matrix, whose conditioning does not depend on the units.
        let mut s = vec![0.0; d * d];
        let mut z = vec![0.0; d];
        let mut standard = Vec::with_capacity(if *scale == Scale::Learned { x.len() } else { 0 });
        for row in x.chunks_exact(d) {
            (0..d).for_each(|j| z[j] = (row[j] - centre[j]) / deviation[j]);
            if *scale == Scale::Learned {
                standard.extend_from_slice(&z);
            }
            for a in 0..d {
                for b in 0..=a {
                    s[a * d + b] += z[a] * z[b];
                }
            }
        }
        s.iter_mut().for_each(|v| *v /= n as f64);
        if *scale == Scale::Learned {
            let mut factor = shrunk(&s, &standard, d);
            (0..d * d).for_each(|k| factor[k] *= deviation[k / d]);
            let log_volume = (0..d).map(|a| factor[a * d + a].ln()).sum();
            return Ok(Frame { d, centre, factor, log_volume });
        }
        let singular = || {
            format!(
                "the covariance of {n} rows in {d} units is singular, so it has no inverse: take fewer units (`svd`) or a diagonal one"
            )
        };
        cholesky(&mut s, d).ok_or_else(singular)?;
        if (0..d).any(|a| s[a * d + a] < 1e-6) {
            return Err(singular());
        }
        for a in 0..d {
            for b in 0..=a {
                s[a * d + b] *= deviation[a] * root;
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
        let mut out = vec![0.0; x.len() / self.d * padded(self.d)];
        self.whiten_into(x, &mut out);
        out
    }

    /// Writes the same over padded zeros.
    fn whiten_into(&self, x: &[f64], out: &mut [f64]) {
        let (d, dp) = (self.d, padded(self.d));
        for (row, y) in x.chunks_exact(d).zip(out.chunks_exact_mut(dp)) {
            (0..d).for_each(|j| y[j] = row[j] - self.centre[j]);
            self.shrink(&mut y[..d]);
        }
    }

    /// Returns row-major points as observations in canonical coordinates, with `single` rounded to 32 bits.
    pub fn observations(&self, x: &[f64], single: bool) -> Observations {
        let mut out = Aligned::zeros(x.len() / self.d * padded(self.d));
        self.whiten_into(x, &mut out);
        if single {
            out.iter_mut().for_each(|x| *x = f64::from(*x as f32));
        }
        Observations::aligned(out, self.d)
    }

    /// Returns the canonical coordinates of a difference of two points.
    pub fn whiten_direction(&self, x: &[f64]) -> Vec<f64> {
        let mut y = x.to_vec();
        self.shrink(&mut y);
        y
    }

    /// Solves for the canonical coordinates of a difference, in place.
    fn shrink(&self, y: &mut [f64]) {
        if self.factor.len() == self.d {
            y.iter_mut().zip(&self.factor).for_each(|(y, f)| *y /= f);
        } else {
            solve_lower(&self.factor, self.d, y);
        }
    }

    /// Returns the difference of two points whose canonical coordinates are given.
    pub fn stretch(&self, y: &[f64]) -> Vec<f64> {
        if self.factor.len() == self.d {
            self.factor.iter().zip(y).map(|(f, y)| f * y).collect()
        } else {
            lower_times(&self.factor, self.d, y)
        }
    }

    /// Returns the point whose canonical coordinates are given.
    pub fn restore(&self, y: &[f64]) -> Vec<f64> {
        self.stretch(y).iter().zip(&self.centre).map(|(m, c)| m + c).collect()
    }
}
