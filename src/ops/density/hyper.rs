//! What a hierarchical base measure learns with the partition: how closely components keep to a mean covariance, and that covariance's size and shape.
//!
//! In the frame of a matrix C (the rows' own covariance, shrunk; see [`super::shrink`]) the measure is normal-inverse-Wishart with `mu0 = 0`, a known `kappa0`,
//! `nu0 = d + 1 + excess` and `S0 = excess U`, so that components have the covariance U in the mean. U is `size` times a matrix between C and its diagonal D:
//! `D^1/2 R^p D^1/2` with R the correlation matrix of C. All three are points of a grid (see [`Grid::log_priors`] for their probabilities), so that they are drawn given the
//! partition alone, at once and independently of what they were: whatever a chain moves slowly, it is not these. Learned base measures are those of Görür
//! and Rasmussen (2010), "Dirichlet process Gaussian mixture models: choice of the base distribution"; drawing from a grid is Ritter and Tanner's (1992).
//!
//! A matrix U that is free (Wishart about C) has d (d + 1) / 2 numbers that hang on the partition, and it on them: chains then keep for tens of thousands of
//! passes to one component or to several, each with its own U.

use super::cache::Observations;
use super::frame::Frame;
use super::logs::sum_of_logs;
use super::matrix::{cholesky, powers, solve_lower};
use super::niw::Niw;
use super::simd::{axpy, outer};
use super::spectrum::Spectrum;
use rand::RngExt;
use std::sync::OnceLock;

/// Values of `excess`, equally far apart in their logarithms, from 1, the published measure's, to [`most`].
const EXCESSES: usize = 10;
/// Values of `size`: 1, 1/2, 1/4 and so on.
const SIZES: usize = 14;
/// Values of p: from C to its diagonal.
const POWERS: [f64; 4] = [1.0, 2.0 / 3.0, 1.0 / 3.0, 0.0];

/// Values of what is learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    /// Number of the grid's point: shape, excess, size, the last changing fastest.
    pub point: usize,
    /// Degrees of freedom of the measure above d + 1.
    pub excess: f64,
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
    /// Returns the dimension.
    fn d(&self) -> usize {
        self.shape.len().isqrt()
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
}

/// The grid of what is learned, for the rows of one fit.
pub struct Grid {
    d: usize,
    kappa: f64,
    /// Largest number of members, and one more.
    members: usize,
    /// Lower Cholesky factors of U at size 1, in the frame, and the logarithms of their determinants.
    shapes: Vec<(Vec<f64>, f64)>,
    excesses: Vec<f64>,
    /// Logarithms of the points' probabilities.
    priors: Vec<f64>,
    measures: Vec<OnceLock<Niw>>,
}

impl Grid {
    /// Returns the grid in the frame of C, for up to `members` members. Where C is diagonal there is one shape.
    pub fn of(frame: &Frame, kappa: f64, members: usize) -> Grid {
        let d = frame.d;
        let excesses = (0..EXCESSES).map(|k| most(d).powf(k as f64 / (EXCESSES - 1) as f64)).collect();
        let excesses: Vec<f64> = excesses;
        let all = shapes(frame);
        let charges: Vec<f64> = all
            .iter()
            .flat_map(|(_, numbers)| excesses.iter().map(|e| charge(*numbers, members.saturating_sub(1) as f64, *e)))
            .flat_map(|charge| std::iter::repeat_n(-charge, SIZES))
            .collect();
        let total = sum_of_logs(&charges);
        let priors = charges.iter().map(|c| c - total).collect();
        let shapes = all.into_iter().map(|(s, _)| ((0..d).map(|j| s[j * d + j].ln()).sum(), s)).map(|(v, s)| (s, v)).collect();
        let measures = (0..EXCESSES).map(|_| OnceLock::new()).collect();
        Grid { d, kappa, members, shapes, excesses, priors, measures }
    }

    /// Returns the dimension.
    pub fn d(&self) -> usize {
        self.d
    }

    /// Returns the number of points.
    pub fn points(&self) -> usize {
        self.shapes.len() * EXCESSES * SIZES
    }

    /// Returns the logarithms of the points' prior probabilities: in proportion to `exp(-m / 2 * e / (n + e))` for n rows, m the numbers of C that U is made of.
    ///
    /// C is made from the rows, and a measure firm about it has seen them already. Twice the logarithm of the likelihood of n rows of one Gaussian is higher by m (chi-squared) in
    /// the mean at their own covariance than at the true one; of the measure, which adds e rows of C to them, that share of it counts. Without the charge one component with
    /// a firm measure has hundreds of nats too many in many dimensions. All sizes have the same probability.
    ///
    /// It is a proper distribution for every n. It hangs on n, as unit-information priors do (Kass and Wasserman, 1995), so that a fit to two halves is no product of
    /// two updates; as n grows it tends to the uniform one for any e. Where rows are few C is shrunk and holds fewer numbers than m, and the charge is too high.
    pub fn log_priors(&self) -> &[f64] {
        &self.priors
    }

    /// Returns the values at a point.
    pub fn at(&self, point: usize) -> Learned {
        let root = size(point % SIZES).sqrt();
        let shape = self.shapes[point / (EXCESSES * SIZES)].0.iter().map(|v| v * root).collect();
        Learned { point, excess: self.excesses[point / SIZES % EXCESSES], shape }
    }

    /// Returns the point that chains start from: components like the rows, as firm as some d further rows.
    pub fn start(&self) -> usize {
        let off = |k: &usize| (self.excesses[*k] / self.d as f64).ln().abs();
        (0..EXCESSES).min_by(|a, b| off(a).total_cmp(&off(b))).unwrap_or(0) * SIZES
    }

    /// Returns the base measure of a point in the coordinates in which `S0` is the identity.
    pub fn niw(&self, point: usize) -> &Niw {
        let k = point / SIZES % EXCESSES;
        self.measures[k].get_or_init(|| Niw::new(self.d, self.kappa, self.d as f64 + 1.0 + self.excesses[k], self.members))
    }

    /// Returns the log marginal likelihood of a component at every point. `members`: its rows in the frame, padded to `dp` numbers.
    pub fn log_likelihoods<'a>(&self, dp: usize, members: impl Iterator<Item = &'a [f64]> + Clone) -> Vec<f64> {
        let Scatter { n, mean, matrix } = Scatter::of(self.d, dp, members);
        self.log_likelihoods_of(n, matrix, &mean)
    }

    /// Returns the same of n rows with this mean and this scatter about it (symmetric, d x d), in the frame.
    pub fn log_likelihoods_of(&self, n: usize, matrix: Vec<f64>, mean: &[f64]) -> Vec<f64> {
        let d = self.d;
        let scatter = Scatter { n, mean: mean.to_vec(), matrix };
        let n = scatter.n as f64;
        let gammas: Vec<f64> = self.excesses.iter().map(|e| Spectrum::log_gammas(d, scatter.n, d as f64 + 1.0 + e)).collect();
        let mut out = Vec::with_capacity(self.points());
        for (shape, volume) in &self.shapes {
            let own = scatter.whitened(shape, d);
            let spectrum = Spectrum::of(own.n, own.matrix, &own.mean);
            for (excess, gammas) in self.excesses.iter().zip(&gammas) {
                let nu = d as f64 + 1.0 + excess;
                out.extend((0..SIZES).map(|j| gammas + spectrum.log_rest(self.kappa, nu, excess * size(j)) - n * volume));
            }
        }
        out
    }

    /// Draws a point from the logarithms of its probabilities, up to a constant: the log priors and the log marginal likelihoods of all rows.
    pub fn pick(&self, logs: &[f64], rng: &mut impl rand::Rng) -> Learned {
        let top = logs.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
        let weights: Vec<f64> = logs.iter().map(|w| (*w - top).exp()).collect();
        let mut left = rng.random::<f64>() * weights.iter().sum::<f64>();
        let point = weights.iter().position(|w| {
            left -= w;
            left < 0.0
        });
        self.at(point.unwrap_or_else(|| self.start()))
    }
}

/// Returns the largest `excess` in d dimensions: 4 d, and above 8 dimensions d^2 / 2, about as many as a covariance has numbers.
///
/// A covariance drawn from an inverse Wishart distribution with mean U and e further degrees of freedom lies about d^2 / (4 e) nats from U (the relative entropy
/// of Gaussians of the same mean, for e far above d). With d^2 / 2 that is half a nat in any dimension; with 4 d it grows with d, so that even
/// the most alike components differ by nats a row and hardly ever merge.
fn most(d: usize) -> f64 {
    let d = d as f64;
    (4.0 * d).max(0.5 * d * d)
}

/// Returns the nats by which n rows seen twice raise the likelihood of a measure with e further degrees of freedom about `numbers` of their own second moments.
fn charge(numbers: f64, n: f64, e: f64) -> f64 {
    0.5 * numbers * e / (n + e)
}

/// Returns a size by its number.
fn size(number: usize) -> f64 {
    0.5f64.powi(number as i32)
}

/// Returns the lower Cholesky factors of `D^1/2 R^p D^1/2` in the frame of C, d x d each, and how many numbers of C each is made of: the d variances, and of the
/// correlations a share of `1 - (1 - p)^2`, by which their sum of squares falls from one at the identity to one at R.
fn shapes(frame: &Frame) -> Vec<(Vec<f64>, f64)> {
    let d = frame.d;
    let numbers = |p: f64| d as f64 * (1.0 + 0.5 * (d as f64 - 1.0) * (1.0 - (1.0 - p).powi(2)));
    let identity = |p: f64| vec![((0..d * d).map(|k| f64::from(u8::from(k / d == k % d))).collect::<Vec<f64>>(), numbers(p))];
    if frame.factor.len() != d * d {
        return identity(0.0);
    }
    // R and its factor: the frame's rows at unit length.
    let mut lower = frame.factor.clone();
    for row in lower.chunks_exact_mut(d) {
        let length = row.iter().map(|v| v * v).sum::<f64>().sqrt();
        row.iter_mut().for_each(|v| *v /= length);
    }
    let correlation: Vec<f64> =
        (0..d * d).map(|k| lower[k / d * d..][..d].iter().zip(&lower[k % d * d..][..d]).map(|(a, b)| a * b).sum()).collect();
    if (0..d * d).all(|k| k / d == k % d || correlation[k].abs() < 1e-9) {
        return identity(0.0);
    }
    let mut all = identity(1.0);
    for (mut m, p) in powers(&correlation, d, &POWERS[1..]).into_iter().zip(&POWERS[1..]) {
        // L^-1 R^p L^-T, one side at a time.
        for _ in 0..2 {
            m.chunks_exact_mut(d).for_each(|row| solve_lower(&lower, d, row));
            (0..d).for_each(|a| (0..a).for_each(|b| m.swap(a * d + b, b * d + a)));
        }
        if cholesky(&mut m, d).is_some() {
            all.push((m, numbers(*p)));
        }
    }
    all
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
