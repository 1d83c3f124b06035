//! One component: size, mean, inverse and log-determinant of the posterior scale, and a log of its latest changes.

use super::aligned::Aligned;
use super::diagonal::{log_product, scales, sum_logs};
use super::matrix::{cholesky, half_inverse};
use super::niw::{Niw, Shape};
use super::simd::{axpy, form, inner, outer, padded, rank_one, symmetric_times};

/// Changes (or as many as it has members, if more) after which a component is rebuilt, so that rounding never matters.
pub const REFRESH: u32 = 256;

/// A component's latest changes, by which cached quadratic forms are carried along (sampler.md, point 2): with `r = x'w - shift`,
/// `q <- q + constant - r (slope + gain r)`. That is `q - 2 a t + a^2 s - g / (1 + g s) (t - a s)^2` with `t = (x - mu)'w` and `r = t - a s`.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// `w = S^-1 v`, one padded row a change.
    pub w: Aligned,
    /// `mu'w + a s`, of the mean before the change.
    pub shift: Vec<f64>,
    /// `-2 a`.
    pub minus_slope: Vec<f64>,
    /// `-g / (1 + g s)`.
    pub minus_gain: Vec<f64>,
    /// `-a^2 s`.
    pub constant: Vec<f64>,
}

impl Log {
    /// Returns the number of changes.
    pub fn len(&self) -> usize {
        self.shift.len()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.shift.is_empty()
    }

    /// Forgets the oldest changes.
    fn forget(&mut self, count: usize, dp: usize) {
        self.w.remove_front(count * dp);
        for numbers in [&mut self.shift, &mut self.minus_slope, &mut self.minus_gain, &mut self.constant] {
            numbers.drain(..count);
        }
    }

    fn clear(&mut self) {
        self.w.clear();
        for numbers in [&mut self.shift, &mut self.minus_slope, &mut self.minus_gain, &mut self.constant] {
            numbers.clear();
        }
    }
}

/// What a component's members determine: posterior parameters with the Cholesky factor of the scale.
pub struct Built {
    /// Number of members.
    pub n: usize,
    /// `mu_n`, padded.
    pub mu: Vec<f64>,
    /// Lower Cholesky factor of `S_n`, d x d; where the measure is diagonal, the padded diagonal of `S_n`; where it is spherical, the one
    /// number on it.
    pub lower: Vec<f64>,
    /// `ln |S_n|`.
    pub log_det: f64,
}

impl Built {
    /// Returns the posterior parameters given the members (rows padded to `dp`, in the order given).
    ///
    /// `S_n = I + sum (x - m)(x - m)' + kappa0 n / kappa_n m m'` with m the members' mean, which cancels nothing.
    pub fn from_members<'a>(niw: &Niw, dp: usize, members: impl Iterator<Item = &'a [f64]> + Clone) -> Built {
        Built::on_scale(niw, dp, members, None)
    }

    /// Returns the same with another `S0` than the identity, the lower triangle of d x d, where the shape is full.
    pub fn on_scale<'a>(
        niw: &Niw,
        dp: usize,
        members: impl Iterator<Item = &'a [f64]> + Clone,
        scale: Option<Vec<f64>>,
    ) -> Built {
        let d = niw.d;
        if niw.shape != Shape::Full {
            let (n, mu, mut lower) = scales(niw.kappa0, dp, members);
            if niw.shape == Shape::Diagonal {
                return Built { n, mu, log_det: log_product(&lower), lower };
            }
            // Each entry holds 1 of the prior, as the one number does.
            let scale = 1.0 + lower[..d].iter().map(|s| s - 1.0).sum::<f64>();
            lower = vec![scale];
            return Built { n, mu, log_det: d as f64 * scale.ln(), lower };
        }
        let mut mean = vec![0.0; dp];
        let mut n = 0usize;
        for x in members.clone() {
            axpy(1.0, x, &mut mean);
            n += 1;
        }
        mean.iter_mut().for_each(|m| *m /= n.max(1) as f64);
        let mut s = scale.unwrap_or_else(|| {
            let mut identity = vec![0.0; d * d];
            (0..d).for_each(|j| identity[j * d + j] = 1.0);
            identity
        });
        let weight = (niw.kappa0 * n as f64 / niw.kappa(n)).sqrt();
        let mut v = vec![0.0; dp];
        for x in members {
            v.copy_from_slice(x);
            axpy(-1.0, &mean, &mut v);
            outer(&v, d, &mut s);
        }
        v.iter_mut().zip(&mean).for_each(|(v, m)| *v = m * weight);
        outer(&v, d, &mut s);
        let shrink = n as f64 / niw.kappa(n);
        mean.iter_mut().for_each(|m| *m *= shrink);
        // `S0` inside S keeps it positive definite whatever the members are.
        let log_det = cholesky(&mut s, d).unwrap_or(f64::NAN);
        Built { n, mu: mean, lower: s, log_det }
    }
}

/// A component of the mixture in canonical coordinates.
#[derive(Clone, Debug)]
pub struct Component {
    /// Number of members; 0 marks a free slot.
    pub n: usize,
    /// `mu_n`, padded.
    pub mu: Vec<f64>,
    /// `kappa0` of a diagonal measure.
    pub diagonal: Option<f64>,
    /// Whether one variance is all dimensions'.
    pub spherical: bool,
    /// `S_n^-1` as a halved lower triangle; see [`super::simd::quadratic`]. The padded diagonal of `S_n` where that is diagonal; the one number
    /// on it where that is spherical.
    pub half: Aligned,
    /// `ln |S_n|`.
    pub log_det: f64,
    /// Counts changes; never falls, so that a reused slot is never taken for its former self.
    pub version: u32,
    /// Version before the first change in the log.
    pub log_start: u32,
    /// Whether the log reaches back to the prior, when quadratic forms can start from `q0`.
    pub from_prior: bool,
    /// The latest changes.
    pub log: Log,
    /// Changes since the component was last built from its members.
    pub changes: u32,
    /// Set when a removal lost too many digits: the component must be rebuilt at once.
    pub doubtful: bool,
}

impl Component {
    /// Returns an empty slot.
    pub fn empty(niw: &Niw) -> Component {
        let (d, dp) = (niw.d, padded(niw.d));
        let mut c = Component {
            n: 0,
            mu: vec![0.0; dp],
            diagonal: (niw.shape == Shape::Diagonal).then_some(niw.kappa0),
            spherical: niw.shape == Shape::Spherical,
            half: Aligned::zeros(match niw.shape {
                Shape::Full => dp * dp,
                Shape::Diagonal => dp,
                Shape::Spherical => 1,
            }),
            log_det: 0.0,
            version: 0,
            log_start: 0,
            from_prior: true,
            log: Log::default(),
            changes: 0,
            doubtful: false,
        };
        c.reset(d);
        c
    }

    /// Makes the slot the prior itself: no members.
    pub fn reset(&mut self, d: usize) {
        let dp = self.mu.len();
        self.n = 0;
        self.mu.fill(0.0);
        if self.diagonal.is_some() || self.spherical {
            self.half.fill(1.0);
        } else {
            self.half.fill(0.0);
            (0..d).for_each(|j| self.half[j * dp + j] = 0.5);
        }
        self.log_det = 0.0;
        self.version += 1;
        self.changes = 0;
        self.doubtful = false;
        self.clear_log(true);
    }

    fn clear_log(&mut self, from_prior: bool) {
        self.log_start = self.version;
        self.from_prior = from_prior;
        self.log.clear();
    }

    /// Builds the component from its members (padded canonical rows, in the order given).
    pub fn rebuild<'a>(&mut self, niw: &Niw, members: impl Iterator<Item = &'a [f64]> + Clone) {
        let built = Built::from_members(niw, self.mu.len(), members);
        self.n = built.n;
        self.log_det = built.log_det;
        let half = if niw.shape == Shape::Full { half_inverse(&built.lower, niw.d) } else { built.lower };
        self.half = Aligned::from(&*half);
        self.mu = built.mu;
        self.version += 1;
        self.changes = 0;
        self.doubtful = false;
        self.clear_log(false);
    }

    /// Returns `q = (x - mu)' S^-1 (x - mu)` from scratch; the sum of logarithms for a point outside where the measure is diagonal.
    pub fn quadratic(&self, x: &[f64], scratch: &mut [f64]) -> f64 {
        if let Some(kappa0) = self.diagonal {
            let kappa = kappa0 + self.n as f64;
            return sum_logs(&self.half, &self.mu, x, kappa / (kappa + 1.0));
        }
        scratch.copy_from_slice(x);
        axpy(-1.0, &self.mu, scratch);
        if self.spherical {
            return inner(scratch, scratch) / self.half[0];
        }
        form(&self.half, scratch)
    }

    /// Returns what a member's entry of the cache is where the measure is diagonal: how removing it changes the log-determinant.
    pub fn log_shrink(&self, kappa0: f64, x: &[f64]) -> f64 {
        let kappa = kappa0 + self.n as f64;
        sum_logs(&self.half, &self.mu, x, -kappa / (kappa - 1.0))
    }

    /// Returns `ln(1 - c q)` for a member: how removing it would change the log-determinant. NaN where digits run out.
    pub fn log_without(&self, niw: &Niw, q: f64) -> f64 {
        if niw.shape == Shape::Diagonal {
            return q;
        }
        let kappa = niw.kappa(self.n);
        niw.rank * (-kappa / (kappa - 1.0) * q).ln_1p()
    }

    /// Returns the log weight of the component for a point outside: size and predictive.
    pub fn log_weight(&self, niw: &Niw, x: &[f64], scratch: &mut [f64]) -> f64 {
        niw.ln(self.n) + niw.log_predictive(self.n, self.log_det, self.quadratic(x, scratch).max(0.0))
    }

    /// Returns the log weight, for a member, of the component without it, from the component with it (sampler.md, point 1); nothing
    /// where the member is nearly its whole scatter and digits would run out. There must be another member.
    pub fn log_weight_without(&self, niw: &Niw, x: &[f64], scratch: &mut [f64]) -> Option<f64> {
        let log_y = if niw.shape == Shape::Diagonal {
            self.log_shrink(niw.kappa0, x)
        } else {
            let kappa = niw.kappa(self.n);
            let c = kappa / (kappa - 1.0);
            let y = 1.0 - c * self.quadratic(x, scratch);
            if y > 1e-8 { y.ln() } else { f64::NEG_INFINITY }
        };
        let less = self.n - 1;
        (log_y > f64::NEG_INFINITY)
            .then(|| niw.ln(less) + niw.constant(less) - 0.5 * self.log_det + 0.5 * (niw.nu(self.n) - niw.rank) * log_y)
    }

    /// Puts a point in.
    pub fn insert(&mut self, niw: &Niw, x: &[f64], scratch: &mut [f64]) {
        let kappa = niw.kappa(self.n);
        self.change(x, 1.0 / (kappa + 1.0), kappa / (kappa + 1.0), niw.rank, scratch);
        self.n += 1;
    }

    /// Takes a point out.
    pub fn remove(&mut self, niw: &Niw, x: &[f64], scratch: &mut [f64]) {
        let kappa = niw.kappa(self.n);
        self.change(x, -1.0 / (kappa - 1.0), -kappa / (kappa - 1.0), niw.rank, scratch);
        self.n -= 1;
    }

    /// Moves the mean by `a v` and the scale by `g v v'`, `v = x - mu`: Sherman and Morrison, and the determinant lemma.
    /// `dims`: how many dimensions have the one variance, where it is one.
    fn change(&mut self, x: &[f64], a: f64, g: f64, dims: f64, v: &mut [f64]) {
        let dp = v.len();
        v.copy_from_slice(x);
        axpy(-1.0, &self.mu, v);
        if self.diagonal.is_some() {
            for (s, v) in self.half.iter_mut().zip(&*v) {
                let next = *s + g * v * v;
                self.doubtful |= next.is_nan() || next <= 1e-7 * *s;
                *s = next;
            }
            self.log_det = log_product(&self.half);
            axpy(a, v, &mut self.mu);
            self.version += 1;
            self.changes += 1;
            return;
        }
        if self.spherical {
            let scale = self.half[0];
            let next = scale + g * inner(v, v);
            self.doubtful |= next.is_nan() || next <= 1e-7 * scale;
            self.log_det += dims * (next / scale).ln();
            self.half[0] = next;
            axpy(a, v, &mut self.mu);
            self.version += 1;
            self.changes += 1;
            return;
        }
        // The log holds as many changes as applying them is cheaper than a new quadratic form.
        let capacity = (dp / 2).max(4);
        if self.log.len() >= 2 * capacity {
            self.log.forget(capacity, dp);
            self.log_start += capacity as u32;
            self.from_prior = false;
        }
        let start = self.log.w.len();
        self.log.w.resize(start + dp);
        let w = &mut self.log.w[start..];
        symmetric_times(&self.half, v, w);
        let s = inner(v, w);
        let ratio = 1.0 + g * s;
        self.doubtful |= ratio.is_nan() || ratio <= 1e-7;
        let gain = g / ratio;
        self.log.shift.push(inner(&self.mu, w) + a * s);
        self.log.minus_slope.push(-2.0 * a);
        self.log.minus_gain.push(-gain);
        self.log.constant.push(-a * a * s);
        rank_one(&mut self.half, w, -gain);
        self.log_det += ratio.ln();
        axpy(a, v, &mut self.mu);
        self.version += 1;
        self.changes += 1;
    }
    /// Rounds everything kept to single precision, as code that keeps it so would.
    pub fn round_to_single(&mut self) {
        let round = |x: &mut f64| *x = f64::from(*x as f32);
        self.mu.iter_mut().for_each(round);
        self.half.iter_mut().for_each(round);
        round(&mut self.log_det);
    }
}
