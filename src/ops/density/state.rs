//! The state of a chain: the partition with its components and cache; taking observations out and putting them in.

use super::aligned::Aligned;
use super::cache::{Cache, Observations, freshen};
use super::component::{Component, REFRESH};
use super::niw::{Niw, Shape};
use super::simd::{LANES, padded};

/// No component: marks an observation that is taken out, and the choice of a new component.
pub const NONE: u32 = u32::MAX;

/// Per slot, what a visit needs: `log weight = a - b ln(1 + f q)`.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    /// `ln n_k + constant(n_k) - ln|S_k|/2`; minus infinity for free slots.
    pub a: Vec<f64>,
    /// `(nu_k + 1)/2`.
    pub b: Vec<f64>,
    /// `kappa_k / (kappa_k + 1)`.
    pub f: Vec<f64>,
    /// The same with one member fewer, for the observation's own component.
    pub own: Vec<[f64; 3]>,
}

/// How likely each observation is to stay where it is, given all others: `1 / p = m + alpha g + h / alpha`, as long as no component changes.
#[derive(Clone, Debug)]
pub struct Stay {
    /// Changes of all components when the observation was weighed.
    pub at: Vec<u64>,
    /// See above.
    pub m: Vec<f64>,
    /// See above.
    pub g: Vec<f64>,
    /// See above; not 0 where the observation is alone in its component, where it stays by founding a new one.
    pub h: Vec<f64>,
    /// Changes of all components at a time when all observations were weighed.
    pub all: u64,
}

impl Stay {
    fn new(n: usize) -> Stay {
        Stay { at: vec![u64::MAX; n], m: vec![0.0; n], g: vec![0.0; n], h: vec![0.0; n], all: u64::MAX }
    }

    /// Forgets everything.
    fn forget(&mut self) {
        self.at.fill(u64::MAX);
        self.all = u64::MAX;
    }
}

/// Returns the log predictive of each observation under the prior.
fn outside(data: &Observations, niw: &Niw) -> Vec<f64> {
    let empty = Component::empty(niw);
    let mut unused = Vec::new();
    let form = |i: usize| if niw.shape == Shape::Diagonal { empty.quadratic(data.row(i), &mut unused) } else { data.q0[i] };
    (0..data.n).map(form).map(|q| niw.log_predictive(0, 0.0, q)).collect()
}

/// A partition of the observations, with everything derived from it.
pub struct State {
    /// The observations.
    pub data: Observations,
    /// The base measure.
    pub niw: Niw,
    /// Slot of each observation.
    pub z: Vec<u32>,
    /// Slots; free ones have no members.
    pub comps: Vec<Component>,
    /// Concentration.
    pub alpha: f64,
    /// Quadratic forms.
    pub cache: Cache,
    /// Log predictive of each observation under the prior.
    pub log_new: Vec<f64>,
    /// What visits need, by slot.
    pub weights: Weights,
    /// How likely each observation is to stay.
    pub stay: Stay,
    /// Changes of all components so far.
    pub changes: u64,
    /// Whether components are kept in single precision and never refreshed between checkpoints, as the published code kept them.
    pub single: bool,
    /// Working vector.
    pub scratch: Aligned,
}

impl State {
    /// Returns the state of a partition; labels need not be contiguous, but slots are made for all up to the largest.
    pub fn new(data: &Observations, niw: &Niw, z: Vec<u32>, alpha: f64) -> State {
        let slots = z.iter().filter(|k| **k != NONE).max().map_or(0, |k| *k as usize + 1);
        let log_new = outside(data, niw);
        let mut state = State {
            data: data.clone(),
            niw: niw.clone(),
            z,
            comps: (0..slots).map(|_| Component::empty(niw)).collect(),
            alpha,
            cache: Cache::new(data.n),
            log_new,
            weights: Weights::default(),
            stay: Stay::new(data.n),
            changes: 0,
            single: false,
            scratch: Aligned::zeros(padded(data.d)),
        };
        state.make_room();
        (0..slots).for_each(|k| state.rebuild(k));
        state
    }

    /// Takes another base measure, and the observations in its coordinates; the partition stays.
    pub fn reframe(&mut self, data: Observations, niw: Niw) {
        self.log_new = outside(&data, &niw);
        (self.data, self.niw) = (data, niw);
        // Free slots, too, hold what the former measure made of them.
        (0..self.comps.len()).for_each(|k| self.rebuild(k));
        self.cache.doubt_all();
        self.stay.forget();
    }

    fn make_room(&mut self) {
        self.cache.reserve(self.comps.len());
        let width = self.cache.width;
        self.weights.a.resize(width, f64::NEG_INFINITY);
        self.weights.b.resize(width, 0.0);
        self.weights.f.resize(width, 0.0);
        self.weights.own.resize(width, [f64::NEG_INFINITY, 0.0, 0.0]);
    }

    /// Returns the number of occupied components.
    pub fn occupied(&self) -> usize {
        self.comps.iter().filter(|c| c.n > 0).count()
    }

    /// Returns a free slot, the lowest there is.
    pub fn free_slot(&mut self) -> usize {
        let k = self.comps.iter().position(|c| c.n == 0).unwrap_or(self.comps.len());
        if k == self.comps.len() {
            self.comps.push(Component::empty(&self.niw));
            self.make_room();
        } else {
            self.comps[k].reset(self.data.d);
        }
        k
    }

    /// Takes an observation out of its component.
    pub fn take(&mut self, i: usize) {
        let k = self.z[i] as usize;
        self.z[i] = NONE;
        self.changes += 1;
        if self.comps[k].n == 1 {
            self.comps[k].reset(self.data.d);
        } else {
            self.comps[k].remove(&self.niw, self.data.row(i), &mut self.scratch);
        }
        self.settle(k);
    }

    /// Puts an observation that is out into a slot.
    pub fn put(&mut self, i: usize, k: usize) {
        self.z[i] = k as u32;
        self.changes += 1;
        self.comps[k].insert(&self.niw, self.data.row(i), &mut self.scratch);
        self.settle(k);
    }

    /// Rebuilds a component when it is time, else brings what visits need up to date.
    fn settle(&mut self, k: usize) {
        let due = !self.single && self.comps[k].changes >= REFRESH.max(self.comps[k].n as u32);
        if due || self.comps[k].doubtful {
            self.rebuild(k);
        } else {
            if self.single {
                self.comps[k].round_to_single();
            }
            self.weigh(k);
        }
    }

    /// Builds a component anew from its members.
    pub fn rebuild(&mut self, k: usize) {
        self.changes += 1;
        let (z, data) = (&self.z, &self.data);
        let members = z.iter().enumerate().filter(|(_, s)| **s == k as u32).map(|(i, _)| data.row(i));
        if members.clone().next().is_none() {
            self.comps[k].reset(data.d);
        } else {
            self.comps[k].rebuild(&self.niw, members);
        }
        self.weigh(k);
    }

    /// Rebuilds every component that has changed since it was last built, and drops free slots at the end.
    ///
    /// What follows then depends on partition, concentration and generator alone: the place for checkpoints.
    pub fn canonicalise(&mut self) {
        for k in 0..self.comps.len() {
            if self.comps[k].changes > 0 {
                self.rebuild(k);
            }
        }
        while self.comps.last().is_some_and(|c| c.n == 0) {
            self.comps.pop();
            self.cache.forget(self.comps.len());
        }
        self.cache.doubt_all();
        self.stay.forget();
    }

    /// Brings what visits need of one slot up to date.
    fn weigh(&mut self, k: usize) {
        let (c, niw, w) = (&self.comps[k], &self.niw, &mut self.weights);
        if c.n == 0 {
            (w.a[k], w.b[k], w.f[k], w.own[k]) = (f64::NEG_INFINITY, 0.0, 0.0, [f64::NEG_INFINITY, 0.0, 0.0]);
            return;
        }
        let kappa = niw.kappa(c.n);
        w.a[k] = niw.ln(c.n) + niw.constant(c.n) - 0.5 * niw.heat * c.log_det;
        w.b[k] = niw.power(c.n);
        w.f[k] = kappa / (kappa + 1.0);
        // With y = 1 - c q: -ln|S'|/2 = -ln|S|/2 - ln(y)/2 (d times the last where one variance is all dimensions'), and 1 + f' q' = 1/y.
        w.own[k] = [
            niw.ln(c.n - 1) + niw.constant(c.n - 1) - 0.5 * niw.heat * c.log_det,
            -0.5 * niw.heat * (niw.nu(c.n) - niw.rank),
            -kappa / (kappa - 1.0),
        ];
    }

    /// Brings the quadratic forms of some observations up to date.
    pub fn freshen(&mut self, tile: &[u32]) {
        freshen(&mut self.cache, &self.data, &self.comps, &self.z, self.changes, tile, &mut self.scratch);
    }

    /// Returns `ln(|S without x_i| / |S|)` from scratch (of one dimension where all have one variance), for the rare member that nearly is its component's whole scatter.
    pub fn exact_own(&self, i: usize) -> f64 {
        let k = self.z[i];
        let members = self.z.iter().enumerate().filter(|(j, s)| **s == k && *j != i).map(|(j, _)| self.data.row(j));
        let (mut without, mut with) = (Component::empty(&self.niw), Component::empty(&self.niw));
        without.rebuild(&self.niw, members);
        with.rebuild(&self.niw, self.z.iter().enumerate().filter(|(_, s)| **s == k).map(|(j, _)| self.data.row(j)));
        (without.log_det - with.log_det) / self.niw.rank
    }

    /// Returns the log of the joint density of data (canonical coordinates) and partition given alpha, likelihoods as they are where passes are heated.
    pub fn log_joint(&self) -> f64 {
        let n = self.data.n;
        let mut total = libm::lgamma(self.alpha) - libm::lgamma(self.alpha + n as f64);
        for c in self.comps.iter().filter(|c| c.n > 0) {
            total += self.alpha.ln() + self.niw.ln_gamma(c.n) + self.niw.log_marginal(c.n, c.log_det) / self.niw.heat;
        }
        total
    }

    /// Returns the slots a row has room for; the first one past the used slots stands for a new component.
    pub fn width(&self) -> usize {
        debug_assert!(self.comps.len() < self.cache.width && self.cache.width.is_multiple_of(LANES));
        self.cache.width
    }
}
