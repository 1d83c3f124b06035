//! Quadratic forms of every observation under every component, brought up to date only when they are looked at.
//!
//! Each entry carries the version of the component it was computed at. An entry that is a few changes behind is corrected by
//! one inner product a change (the change's `w` is in the component's log); one that is far behind is computed anew. So a
//! pass costs what its moves cost, and nothing at all is done for components that nobody looks at.

use super::aligned::Aligned;
use super::component::Component;
use super::lanes::Lanes;
use super::simd::{LANES, dispatch, dot, dot4, dot8, quadratic};

/// Observations in canonical coordinates.
#[derive(Clone, Debug)]
pub struct Observations {
    /// Number of observations.
    pub n: usize,
    /// Dimension.
    pub d: usize,
    /// Padded dimension.
    pub dp: usize,
    /// Rows, padded with zeros.
    pub x: Aligned,
    /// Squared norms: quadratic forms under the prior.
    pub q0: Vec<f64>,
}

impl Observations {
    /// Returns the observations of padded rows.
    pub fn new(x: Vec<f64>, d: usize) -> Observations {
        Observations::aligned(Aligned::from(&*x), d)
    }

    /// Returns the observations of padded rows.
    pub fn aligned(x: Aligned, d: usize) -> Observations {
        let dp = super::simd::padded(d);
        let q0 = x.chunks_exact(dp).map(|r| super::simd::inner(r, r)).collect::<Vec<_>>();
        Observations { n: q0.len(), d, dp, x, q0 }
    }

    /// Returns one padded row.
    #[inline(always)]
    pub fn row(&self, i: usize) -> &[f64] {
        &self.x[i * self.dp..(i + 1) * self.dp]
    }
}

/// The cache: one row of quadratic forms an observation.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Slots a row has room for, a multiple of [`LANES`].
    pub width: usize,
    /// Quadratic forms, n x width.
    pub q: Vec<f64>,
    /// Versions they were computed at, n x width.
    stamp: Vec<u32>,
    /// Per observation: changes of all components when its row was last brought up to date.
    seen: Vec<u64>,
    n: usize,
}

impl Cache {
    /// Returns an empty cache for n observations.
    pub fn new(n: usize) -> Cache {
        Cache { width: LANES, q: vec![0.0; n * LANES], stamp: vec![0; n * LANES], seen: vec![u64::MAX; n], n }
    }

    /// Makes room for `slots` slots and one more.
    pub fn reserve(&mut self, slots: usize) {
        if slots < self.width {
            return;
        }
        let width = (2 * self.width).max((slots + 1).next_multiple_of(LANES));
        let (mut q, mut stamp) = (vec![0.0; self.n * width], vec![0; self.n * width]);
        for i in 0..self.n {
            q[i * width..i * width + self.width].copy_from_slice(&self.q[i * self.width..(i + 1) * self.width]);
            stamp[i * width..i * width + self.width].copy_from_slice(&self.stamp[i * self.width..(i + 1) * self.width]);
        }
        *self = Cache { width, q, stamp, seen: std::mem::take(&mut self.seen), n: self.n };
    }

    /// Forgets which rows are up to date (their entries still know).
    pub fn doubt_all(&mut self) {
        self.seen.fill(u64::MAX);
    }

    /// Forgets a slot: entries of whatever takes it next start anew.
    pub fn forget(&mut self, k: usize) {
        (0..self.n).for_each(|i| {
            self.stamp[i * self.width + k] = 0;
            self.q[i * self.width + k] = 0.0;
        });
    }

    /// Returns one observation's quadratic forms.
    #[inline(always)]
    pub fn row(&self, i: usize) -> &[f64] {
        &self.q[i * self.width..(i + 1) * self.width]
    }
}

/// Brings the rows of some observations up to date, component by component, so that a component's numbers stay in near memory.
#[inline(always)]
pub fn freshen_body<V: Lanes>(
    cache: &mut Cache,
    data: &Observations,
    comps: &[Component],
    z: &[u32],
    changes: u64,
    tile: &[u32],
    scratch: &mut [f64],
) {
    if tile.iter().all(|i| cache.seen[*i as usize] == changes) {
        return;
    }
    for (k, c) in comps.iter().enumerate() {
        if c.n > 0 {
            for i in tile {
                let i = *i as usize;
                freshen_one::<V>(cache, data, c, k, i, z[i] == k as u32, scratch);
            }
        }
    }
    for i in tile {
        cache.seen[*i as usize] = changes;
    }
}

/// Brings one entry up to date; `member` tells whether the observation is in the component, which matters to diagonal ones.
#[inline(always)]
pub fn freshen_one<V: Lanes>(
    cache: &mut Cache,
    data: &Observations,
    c: &Component,
    k: usize,
    i: usize,
    member: bool,
    scratch: &mut [f64],
) {
    let at = i * cache.width + k;
    let stamp = cache.stamp[at];
    if stamp == c.version {
        return;
    }
    cache.stamp[at] = c.version;
    let x = data.row(i);
    let dp = data.dp;
    if let Some(kappa0) = c.diagonal {
        cache.q[at] = if member { c.log_shrink(kappa0, x) } else { c.quadratic(x, scratch) };
        return;
    }
    if c.spherical {
        cache.q[at] = c.quadratic(x, scratch);
        return;
    }
    let (mut q, from) = if stamp >= c.log_start {
        (cache.q[at], (stamp - c.log_start) as usize)
    } else if c.from_prior {
        (data.q0[i], 0)
    } else {
        (0.0, usize::MAX)
    };
    if from == usize::MAX || c.log.len() - from > (dp / 2).max(4) {
        for ((u, x), m) in scratch.iter_mut().zip(x).zip(&c.mu) {
            *u = x - m;
        }
        cache.q[at] = quadratic::<V>(&c.half, scratch);
        return;
    }
    let log = &c.log;
    let mut e = from;
    let mut sum = V::splat(0.0);
    while e + LANES <= log.len() {
        let eight = |numbers: &[f64]| {
            let mut out = [0.0; LANES];
            out.copy_from_slice(&numbers[e..e + LANES]);
            V::load(&out)
        };
        let r = dot8::<V>(&log.w[e * dp..(e + LANES) * dp], x).sub(eight(&log.shift));
        let slope = eight(&log.minus_gain).fma(r, eight(&log.minus_slope));
        sum = slope.fma(r, sum.add(eight(&log.constant)));
        e += LANES;
    }
    if e > from {
        q += sum.sum();
    }
    let mut apply = |e: usize, t: f64| {
        let r = t - log.shift[e];
        q = V::fma1(V::fma1(log.minus_gain[e], r, log.minus_slope[e]), r, q + log.constant[e]);
    };
    while e + 4 <= log.len() {
        let t = dot4::<V>(&log.w[e * dp..(e + 4) * dp], x);
        t.iter().enumerate().for_each(|(r, t)| apply(e + r, *t));
        e += 4;
    }
    while e < log.len() {
        apply(e, dot::<V>(&log.w[e * dp..(e + 1) * dp], x));
        e += 1;
    }
    // A quadratic form is never negative; corrections may round a tiny one below zero.
    cache.q[at] = q.max(0.0);
}

dispatch! {
    /// Brings the rows of some observations up to date.
    pub fn freshen(cache: &mut Cache, data: &Observations, comps: &[Component], z: &[u32], changes: u64, tile: &[u32], scratch: &mut [f64]) = freshen_body
}
