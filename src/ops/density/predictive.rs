//! Posterior predictive: log densities of any points under all kept states, at matrix-matrix speed, in tiles, on all cores.
//!
//! The pooled predictive (Eq. 3 of the paper) is a mean over states of mixtures, hence itself one mixture over the distinct
//! components of all states. Components that do not change between kept states are evaluated once.

use super::component::Built;
use super::lanes::Lanes;
use super::matrix::inverse_transposed;
use super::niw::{Niw, Shape};
use super::posterior::Posterior;
use super::simd::{LANES, dispatch, exp8, ln8};
use rayon::prelude::*;
use statrs::function::gamma::digamma;
use std::collections::BTreeMap;

/// Points evaluated together.
const TILE: usize = 256;

/// Points whose coordinates lie side by side: two vectors.
const BLOCK: usize = 2 * LANES;

/// One distinct component: a Student-t.
#[derive(Clone, Debug)]
pub struct Part {
    /// Rows in it; none in a new component.
    pub members: usize,
    /// Location in the frame, padded.
    pub mu: Vec<f64>,
    /// Transposed inverse of the Cholesky factor of `S_n`, d x d; where that is diagonal, its padded diagonal.
    pub inverse: Vec<f64>,
    /// Whether dimensions are independent: a product of Student-t densities.
    pub diagonal: bool,
    /// `(kappa_n + 1) / kappa_n`.
    pub inflation: f64,
    /// `nu_n - d + 1`; `nu_n` where covariances are diagonal or spherical.
    pub dof: f64,
    /// Inverse factor times location.
    shift: Vec<f64>,
    /// Log density at the location.
    peak: f64,
    /// See [`Niw::power`].
    power: f64,
}

/// One kept state: weights over the distinct components; they sum to 1.
#[derive(Clone, Debug)]
pub struct Mixture {
    /// Distinct component and weight.
    pub parts: Vec<(usize, f64)>,
}

/// Everything needed to evaluate and to draw.
#[derive(Clone, Debug)]
pub struct Predictive {
    /// The fitted density's frame.
    pub frame: super::frame::Frame,
    /// Distinct components; the last ones are new components, one for each base measure, unless the density has none.
    pub parts: Vec<Part>,
    /// Kept states.
    pub states: Vec<Mixture>,
    /// What each kept state counts in the pooled predictive; these sum to 1.
    pub shares: Vec<f64>,
    /// The chain of each kept state.
    pub chain: Vec<usize>,
    /// Pooled weight of each distinct component.
    pub pooled: Vec<f64>,
    d: usize,
}

impl Predictive {
    /// Returns the predictive of a fitted density, however long that takes.
    pub fn new(p: &Posterior) -> Predictive {
        Predictive::until(p, &|| false).unwrap_or_else(|| unreachable!("nothing says to stop"))
    }

    /// Returns the predictive of a fitted density; nothing once `stop` says so.
    ///
    /// Weights: `n_k / (n + alpha)`, and `alpha / (n + alpha)` for a new component. As published (recipes.md A, difference 3):
    /// `(alpha + n_k) / sum_j (alpha + n_j)` and no new component.
    pub fn until(p: &Posterior, stop: &(dyn Fn() -> bool + Sync)) -> Option<Predictive> {
        let data = p.observations();
        let n = data.n;
        // A component is its members and, where base measures are learned, its state's.
        let learned = p.fit.learns();
        let niws: Vec<Niw> = if learned {
            p.kept().filter_map(|k| k.measure.as_ref()).map(|m| Niw::new(p.d, p.kappa, m.dof, n + 1)).collect()
        } else {
            vec![p.niw()]
        };
        let mut names: BTreeMap<(usize, Vec<u32>), usize> = BTreeMap::new();
        let mut states: Vec<Vec<(usize, f64)>> = Vec::new();
        for (t, kept) in p.kept().enumerate() {
            let k = kept.z.iter().max().map_or(0, |m| *m as usize + 1);
            let mut members = vec![Vec::new(); k];
            kept.z.iter().enumerate().for_each(|(i, c)| members[*c as usize].push(i as u32));
            let total = if p.fit.setup.published { n as f64 + k as f64 * kept.alpha } else { n as f64 + kept.alpha };
            let mut parts = Vec::with_capacity(k + 1);
            for m in members {
                let size = m.len() as f64 + if p.fit.setup.published { kept.alpha } else { 0.0 };
                let next = names.len();
                parts.push((*names.entry((if learned { t } else { 0 }, m)).or_insert(next), size / total));
            }
            if !p.fit.setup.published {
                parts.push((usize::MAX, kept.alpha / total));
            }
            states.push(parts);
        }
        let first_new = names.len();
        let mut distinct: Vec<(usize, (usize, Vec<u32>))> = names.into_iter().map(|(m, at)| (at, m)).collect();
        distinct.sort_unstable();
        if !p.fit.setup.published {
            distinct.extend((0..niws.len()).map(|t| (first_new + t, (t, Vec::new()))));
        }
        let measures: Vec<_> = p.kept().map(|k| k.measure.as_ref()).collect();
        let part = |(_, (t, members)): &(usize, (usize, Vec<u32>))| {
            let scale = measures.get(*t).copied().flatten().map(|m| m.scale(p.d));
            let rows = members.iter().map(|i| data.row(*i as usize));
            (!stop()).then(|| Part::new(&niws[*t], &Built::on_scale(&niws[*t], data.dp, rows, scale)))
        };
        let parts: Option<Vec<Part>> = distinct.par_iter().map(part).collect();
        let parts = parts?;
        let mut pooled = vec![0.0; parts.len()];
        let count = states.len() as f64;
        for (t, state) in states.iter_mut().enumerate() {
            for (at, weight) in state {
                if *at == usize::MAX {
                    *at = first_new + if learned { t } else { 0 };
                }
                pooled[*at] += *weight / count;
            }
        }
        let chain = p.chains.iter().enumerate().flat_map(|(c, r)| r.kept.iter().map(move |_| c)).collect();
        let shares = vec![1.0 / count; states.len()];
        let states = states.into_iter().map(|parts| Mixture { parts }).collect();
        Some(Predictive { frame: p.frame.clone(), parts, states, shares, chain, pooled, d: p.d })
    }

    /// Returns the number of chains.
    pub fn chains(&self) -> usize {
        self.chain.iter().max().map_or(0, |c| c + 1)
    }

    /// Returns how much each chain's mixture has of each component, `chains x parts`; a chain's states count alike.
    pub fn by_chain(&self) -> Vec<Vec<f64>> {
        let mut out = vec![vec![0.0; self.parts.len()]; self.chains()];
        let mut kept = vec![0.0; out.len()];
        self.chain.iter().for_each(|c| kept[*c] += 1.0);
        for (state, c) in self.states.iter().zip(&self.chain) {
            state.parts.iter().for_each(|(k, w)| out[*c][*k] += w / kept[*c]);
        }
        out
    }

    /// Returns the predictive in which chains count what `weights` says, and the states of a chain alike.
    pub fn weighted(mut self, weights: &[f64]) -> Predictive {
        let mut kept = vec![0.0; weights.len()];
        self.chain.iter().for_each(|c| kept[*c] += 1.0);
        self.shares = self.chain.iter().map(|c| weights[*c] / kept[*c]).collect();
        self.pooled.fill(0.0);
        for (state, share) in self.states.iter().zip(&self.shares) {
            state.parts.iter().for_each(|(k, w)| self.pooled[*k] += w * share);
        }
        self
    }

    /// Returns the predictive without a new component, the weights of the others divided by their sum.
    pub fn occupied(mut self) -> Predictive {
        let Some(prior) = self.parts.iter().position(|p| p.members == 0) else { return self };
        self.parts.truncate(prior);
        self.pooled = vec![0.0; prior];
        for (state, share) in self.states.iter_mut().zip(&self.shares) {
            state.parts.retain(|(k, _)| *k < prior);
            let total: f64 = state.parts.iter().map(|(_, w)| w).sum();
            for (k, weight) in &mut state.parts {
                *weight /= total;
                self.pooled[*k] += *weight * share;
            }
        }
        self
    }

    /// Returns the predictive of one state alone; it is the pooled one of what is returned.
    pub fn state(&self, state: usize) -> Predictive {
        let chosen = &self.states[state].parts;
        Predictive {
            frame: self.frame.clone(),
            parts: chosen.iter().map(|(u, _)| self.parts[*u].clone()).collect(),
            states: Vec::new(),
            shares: Vec::new(),
            chain: Vec::new(),
            pooled: chosen.iter().map(|(_, w)| *w).collect(),
            d: self.d,
        }
    }

    /// Returns the pooled log predictive density (log of the mean over states) of row-major points, in the data's units.
    pub fn log_density(&self, x: &[f64]) -> Vec<f64> {
        self.tiles(x, 1, |logs, count, out| pool(logs, &self.pooled, count, out))
    }

    /// Returns how many points take about half a second of one core: between so many and the next ones it is looked whether the run stops. Results
    /// do not depend on it.
    pub fn piece(&self) -> usize {
        let each = self.parts.len() as f64 * (4e-9 + 6e-11 * (self.d * self.d) as f64);
        TILE * ((0.5 / each.max(1e-12)) as usize / TILE).clamp(1, 1 << 16)
    }

    /// Returns the log density of row-major points under each state: points x states.
    pub fn by_state(&self, x: &[f64]) -> Vec<f64> {
        let states = self.states.len();
        self.tiles(x, states, |logs, count, out| {
            for (s, state) in self.states.iter().enumerate() {
                for i in 0..count {
                    let top = state.parts.iter().fold(f64::NEG_INFINITY, |t, (u, _)| t.max(logs[u * TILE + i]));
                    let sum: f64 = state.parts.iter().map(|(u, w)| w * (logs[u * TILE + i] - top).exp()).sum();
                    out[i * states + s] = top + sum.ln();
                }
            }
        })
    }

    /// Returns the log density of row-major points under each of some mixtures of the components (`mixtures x parts`): points x mixtures.
    pub fn under_mixtures(&self, x: &[f64], mixtures: &[Vec<f64>]) -> Vec<f64> {
        let used: Vec<Vec<(usize, f64)>> =
            mixtures.iter().map(|m| m.iter().copied().enumerate().filter(|(_, w)| *w > 0.0).collect()).collect();
        self.tiles(x, used.len(), |logs, count, out| {
            for (m, parts) in used.iter().enumerate() {
                for i in 0..count {
                    let top = parts.iter().fold(f64::NEG_INFINITY, |t, (u, _)| t.max(logs[u * TILE + i]));
                    let sum: f64 = parts.iter().map(|(u, w)| w * (logs[u * TILE + i] - top).exp()).sum();
                    out[i * used.len() + m] = top + sum.ln();
                }
            }
        })
    }

    /// Returns the log density of row-major points under one state.
    pub fn under_state(&self, x: &[f64], state: usize) -> Vec<f64> {
        self.state(state).log_density(x)
    }

    /// Evaluates all distinct components tile by tile and lets `combine(logs, points, out)` reduce them (`logs`: parts x TILE).
    fn tiles(&self, x: &[f64], width: usize, combine: impl Fn(&[f64], usize, &mut [f64]) + Sync) -> Vec<f64> {
        let d = self.d;
        let n = x.len() / d;
        let mut out = vec![0.0; n * width];
        out.par_chunks_mut(TILE * width).zip(x.par_chunks(TILE * d)).for_each_init(
            || (vec![0.0; d * TILE], vec![0.0; self.parts.len() * TILE]),
            |(y, logs), (out, x)| {
                let count = x.len() / d;
                let white = self.frame.whiten(x);
                let dp = white.len() / count;
                for (i, row) in white.chunks_exact(dp).enumerate() {
                    (0..d).for_each(|j| y[(i / BLOCK * d + j) * BLOCK + i % BLOCK] = row[j]);
                }
                for (part, logs) in self.parts.iter().zip(logs.chunks_exact_mut(TILE)) {
                    part.log_density(d, y, logs);
                }
                combine(logs, count, out);
                out.iter_mut().for_each(|v| *v -= self.frame.log_volume);
            },
        );
        out
    }
}

impl Part {
    fn new(niw: &Niw, built: &Built) -> Part {
        let d = niw.d;
        let (kappa, nu) = (niw.kappa(built.n), niw.nu(built.n));
        if niw.shape == Shape::Diagonal {
            return Part {
                members: built.n,
                shift: Vec::new(),
                inverse: built.lower.clone(),
                diagonal: true,
                inflation: (kappa + 1.0) / kappa,
                dof: nu,
                peak: niw.constant(built.n) - 0.5 * built.log_det,
                power: niw.power(built.n),
                mu: built.mu.clone(),
            };
        }
        let inverse = if niw.shape == Shape::Full {
            inverse_transposed(&built.lower, d)
        } else {
            let entry = built.lower[0].sqrt().recip();
            (0..d * d).map(|at| if at / d == at % d { entry } else { 0.0 }).collect()
        };
        let shift = (0..d).map(|j| (0..=j).map(|c| inverse[c * d + j] * built.mu[c]).sum()).collect();
        Part {
            members: built.n,
            shift,
            inverse,
            diagonal: false,
            inflation: (kappa + 1.0) / kappa,
            dof: if niw.shape == Shape::Full { nu - d as f64 + 1.0 } else { nu },
            peak: niw.constant(built.n) - 0.5 * built.log_det,
            power: niw.power(built.n),
            mu: built.mu.clone(),
        }
    }

    /// Returns the log density, in the frame, of a point with `e'e / chi2` (see [`super::sample::draw`]) in one dimension after the other where
    /// dimensions are independent, else in all of them together.
    pub fn log_at(&self, ratios: impl Iterator<Item = f64>) -> f64 {
        self.peak - self.power * ratios.map(f64::ln_1p).sum::<f64>()
    }

    /// Returns `E[log t(x)]` in the frame: `peak - power (psi((dof + d) / 2) - psi(dof / 2))`, in each dimension where they are independent.
    pub fn mean_log_density(&self, d: usize) -> f64 {
        let (times, together) = if self.diagonal { (d as f64, 1.0) } else { (1.0, d as f64) };
        self.peak - times * self.power * (digamma(0.5 * (self.dof + together)) - digamma(0.5 * self.dof))
    }

    /// Returns what `S_n` is multiplied by to be the covariance, `inflation / (dof - 2)`; `None` if there is no variance.
    pub fn variance_factor(&self) -> Option<f64> {
        (self.dof > 2.0).then(|| self.inflation / (self.dof - 2.0))
    }

    /// Writes column j of the lower Cholesky factor of `S_n`.
    pub fn column(&self, j: usize, out: &mut [f64]) {
        let d = out.len();
        out.fill(0.0);
        if self.diagonal {
            out[j] = self.inverse[j].sqrt();
            return;
        }
        // It solves L^-1 y = e_j; column c of L^-1 is row c of the transposed inverse.
        out[j] = 1.0;
        for c in j..d {
            let row = &self.inverse[c * d..(c + 1) * d];
            out[c] /= row[c];
            let known = out[c];
            out[c + 1..].iter_mut().zip(&row[c + 1..]).for_each(|(y, l)| *y -= l * known);
        }
    }

    /// Writes the log densities of a tile of points; `y`: blocks of [`BLOCK`] points, each d x BLOCK.
    fn log_density(&self, d: usize, y: &[f64], out: &mut [f64]) {
        if self.diagonal {
            return independent(&self.inverse, &self.mu, &[1.0 / self.inflation, self.peak, self.power, d as f64], y, out);
        }
        evaluate(&self.inverse, &self.shift, d, y, out);
        finish(1.0 / self.inflation, self.peak, self.power, out);
    }
}

/// Adds the squares of `R` rows of `L^-1 y - shift` for one block of points.
#[inline(always)]
fn rows<V: Lanes, const R: usize>(inverse: &[f64], shift: &[f64], d: usize, from: usize, y: &[[f64; BLOCK]], q: &mut [V; 2]) {
    let mut acc = [[V::splat(0.0); 2]; R];
    // Row r of the triangle ends at column r; the band's own upper part holds zeros.
    for (c, y) in y[..from + R].iter().enumerate() {
        let halves = y.as_chunks::<LANES>().0;
        let (a, b) = (V::load(&halves[0]), V::load(&halves[1]));
        let column = &inverse[c * d + from..c * d + from + R];
        for r in 0..R {
            let l = V::splat(column[r]);
            acc[r][0] = l.fma(a, acc[r][0]);
            acc[r][1] = l.fma(b, acc[r][1]);
        }
    }
    for r in 0..R {
        let s = V::splat(-shift[from + r]);
        let (a, b) = (acc[r][0].add(s), acc[r][1].add(s));
        *q = [a.fma(a, q[0]), b.fma(b, q[1])];
    }
}

#[inline(always)]
fn evaluate_body<V: Lanes>(inverse: &[f64], shift: &[f64], d: usize, y: &[f64], out: &mut [f64]) {
    for (y, out) in y.as_chunks::<BLOCK>().0.chunks_exact(d).zip(out.as_chunks_mut::<BLOCK>().0) {
        let mut q = [V::splat(0.0); 2];
        let bands = d / 4 * 4;
        for from in (0..bands).step_by(4) {
            rows::<V, 4>(inverse, shift, d, from, y, &mut q);
        }
        for from in bands..d {
            rows::<V, 1>(inverse, shift, d, from, y, &mut q);
        }
        let halves = out.as_chunks_mut::<LANES>().0;
        q[0].store(&mut halves[0]);
        q[1].store(&mut halves[1]);
    }
}

dispatch! {
    /// Writes `|L^-1 y - shift|^2` for every point of a tile: a matrix product that knows its triangle and keeps only squares.
    pub fn evaluate(inverse: &[f64], shift: &[f64], d: usize, y: &[f64], out: &mut [f64]) = evaluate_body
}

#[inline(always)]
fn independent_body<V: Lanes>(scale: &[f64], mu: &[f64], shape: &[f64; 4], y: &[f64], out: &mut [f64]) {
    let [f, peak, power, d] = *shape;
    let d = d as usize;
    for (y, out) in y.as_chunks::<BLOCK>().0.chunks_exact(d).zip(out.as_chunks_mut::<BLOCK>().0) {
        let (mut product, mut total) = ([1.0; BLOCK], [0.0; BLOCK]);
        for (j, y) in y.iter().enumerate() {
            let f = f / scale[j];
            for l in 0..BLOCK {
                let v = y[l] - mu[j];
                let t = V::fma1(f * v, v, 1.0);
                // Far beyond any data, and four such factors still fit a double.
                product[l] *= if t < 1e70 { t } else { 1e70 };
            }
            if j % 4 == 3 || j + 1 == d {
                for (t, p) in total.as_chunks_mut::<LANES>().0.iter_mut().zip(product.as_chunks_mut::<LANES>().0) {
                    let logs = ln8::<V>(p);
                    (0..LANES).for_each(|l| t[l] += logs[l]);
                    *p = [1.0; LANES];
                }
            }
        }
        for l in 0..BLOCK {
            out[l] = V::fma1(-power, total[l], peak);
        }
    }
}

dispatch! {
    /// Writes the log densities of products of Student-t densities for a tile of points; `shape`: 1 / inflation, peak, power, d.
    pub fn independent(scale: &[f64], mu: &[f64], shape: &[f64; 4], y: &[f64], out: &mut [f64]) = independent_body
}

#[inline(always)]
fn finish_body<V: Lanes>(f: f64, peak: f64, power: f64, out: &mut [f64]) {
    for chunk in out.as_chunks_mut::<LANES>().0 {
        let mut t = [0.0; LANES];
        for l in 0..LANES {
            t[l] = V::fma1(f, chunk[l], 1.0);
        }
        let t = ln8::<V>(&t);
        for l in 0..LANES {
            chunk[l] = V::fma1(-power, t[l], peak);
        }
    }
}

dispatch! {
    /// Turns quadratic forms into log densities: `peak - power ln(1 + f q)`.
    pub fn finish(f: f64, peak: f64, power: f64, out: &mut [f64]) = finish_body
}

#[inline(always)]
fn pool_body<V: Lanes>(logs: &[f64], weights: &[f64], count: usize, out: &mut [f64]) {
    for at in (0..count).step_by(LANES) {
        let mut top = [f64::NEG_INFINITY; LANES];
        for (row, w) in logs.chunks_exact(TILE).zip(weights) {
            if *w > 0.0 {
                for l in 0..LANES {
                    let v = row[at + l];
                    top[l] = if v > top[l] { v } else { top[l] };
                }
            }
        }
        let mut sum = [0.0; LANES];
        for (row, w) in logs.chunks_exact(TILE).zip(weights) {
            let mut e = [0.0; LANES];
            for l in 0..LANES {
                e[l] = row[at + l] - top[l];
            }
            let e = exp8::<V>(&e);
            for l in 0..LANES {
                sum[l] = V::fma1(*w, e[l], sum[l]);
            }
        }
        let ln = ln8::<V>(&sum);
        for l in 0..LANES.min(count - at) {
            out[at + l] = top[l] + ln[l];
        }
    }
}

dispatch! {
    /// Writes the log of the weighted sum of densities of each point (`logs`: parts x TILE).
    pub fn pool(logs: &[f64], weights: &[f64], count: usize, out: &mut [f64]) = pool_body
}
