//! Monte Carlo estimates with standard errors: relative entropy from a Gaussian, divergence between two densities.
//!
//! What is closed is not drawn. A predictive is a mixture of Student-t components `t_k` with weights `w_k`; each has a known
//! `E[log t_k]`, mean and covariance, hence a known `E[log q]` for Gaussian q. What is left of a relative entropy is the mean of
//! `log p(x) - log t_k(x)` for x drawn from component k, which lies above `log w_k` and has exponential tails (`E exp <= 1`): all its
//! moments exist, whatever the degrees of freedom. A difference of logarithms of mixtures of t has polynomials of `log |x|` for
//! moments, which exist under any t, so the error of a divergence exists as well.
//!
//! Draws come in pairs: of m pairs, pair j has its components drawn from the j-th m-th of the cumulative weights, so that
//! components are met in proportion; half the squared difference within pairs estimates the variance within strata without bias.
//! A new component, whose weight is often that of less than one draw, gets a tenth of the draws, each of which counts less.

use super::frame::{Frame, Scale};
use super::predictive::{Part, Predictive};
use super::sample::draw;
use crate::base::Stream;
use crate::engine::value::Number;
use rand::RngExt;
use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Pairs of draws that share one stream.
const CHUNK: usize = 256;

/// Share of the draws that a new component gets, whose weight is often less than that of one draw.
const NEW: f64 = 0.1;

/// Which predictive an estimate is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimator {
    /// The pooled predictive: Eq. 4 as defined.
    Pooled,
    /// The mean over states of each state's own divergence, as the paper computes it: an upper bound of the pooled one.
    PerState,
}

/// How an estimate is drawn.
#[derive(Clone, Copy)]
pub struct Drawing<'a> {
    /// Draws in all.
    pub draws: usize,
    /// What is estimated.
    pub estimator: Estimator,
    /// Where randomness comes from.
    pub stream: &'a Stream,
    /// Asked between chunks; true gives up.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// Why there is no estimate.
#[derive(Clone, Debug, PartialEq)]
pub enum Without {
    /// A component has these degrees of freedom, at most two, and no variance: the relative entropy is infinite.
    Infinite(f64),
    /// It was given up.
    Stopped,
}

/// A Gaussian with the data's mean and variances or covariance (divisor n).
pub struct Gaussian(Frame);

impl Gaussian {
    /// Returns the Gaussian of row-major data; an error in words where the covariance is singular.
    pub fn of(x: &[f64], d: usize, full: bool) -> Result<Gaussian, String> {
        Frame::derive(x, d, if full { &Scale::Full } else { &Scale::Diagonal }, 1.0).map(Gaussian)
    }

    fn constant(&self) -> f64 {
        -0.5 * self.0.d as f64 * (2.0 * std::f64::consts::PI).ln() - self.0.log_volume
    }

    /// Returns the log densities of row-major points.
    pub fn log_density(&self, x: &[f64]) -> Vec<f64> {
        let y = self.0.whiten(x);
        y.chunks_exact(super::simd::padded(self.0.d)).map(|r| self.constant() - 0.5 * super::simd::inner(r, r)).collect()
    }

    /// Returns the expected log density under a component whose coordinates are those of `frame`; `None` if that is minus
    /// infinity because the component has no variance.
    pub fn expected_log_density(&self, part: &Part, frame: &Frame) -> Option<f64> {
        let d = self.0.d;
        let spread = part.variance_factor()?;
        let square = |y: &[f64]| y.iter().map(|v| v * v).sum::<f64>();
        let mean = square(&self.0.whiten(&frame.restore(&part.mu[..d])));
        let mut trace = 0.0;
        let mut direction = vec![0.0; d];
        for j in 0..d {
            part.column(j, &mut direction);
            trace += square(&self.0.whiten_direction(&frame.stretch(&direction)));
        }
        Some(self.constant() - 0.5 * (mean + spread * trace))
    }
}

/// Sums over pairs of draws.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    pairs: f64,
    value: f64,
    control: f64,
    /// Squared differences within pairs: of values, of values times controls, of controls.
    squares: [f64; 3],
}

impl Sums {
    fn add(&mut self, other: &Sums) {
        self.pairs += other.pairs;
        self.value += other.value;
        self.control += other.control;
        (0..3).for_each(|i| self.squares[i] += other.squares[i]);
    }

    /// Returns the sums in which every value counts so much.
    fn counting(self, w: f64) -> Sums {
        let squares = self.squares.map(|s| s * w * w);
        Sums { value: self.value * w, control: self.control * w, squares, ..self }
    }

    fn pair(&mut self, value: [f64; 2], control: [f64; 2]) {
        let (f, c) = (value[0] - value[1], control[0] - control[1]);
        self.add(&Sums {
            pairs: 1.0,
            value: value[0] + value[1],
            control: control[0] + control[1],
            squares: [f * f, f * c, c * c],
        });
    }
}

/// Returns `each(points, log density of each under the component it comes from, that component, what it counts)` of chunks of pairs of draws
/// from a mixture; `None` if it was given up. Log densities are in the data's units.
pub fn draws_in_pairs<T: Send>(
    p: &Predictive,
    pairs: usize,
    stream: &Stream,
    stop: &(dyn Fn() -> bool + Sync),
    each: &(dyn Fn(&[f64], &[f64], &[usize], &[f64]) -> T + Sync),
) -> Option<Vec<T>> {
    let d = p.frame.d;
    // Components of like spread lie together, so that a stratum holds like ones.
    let mut order: Vec<usize> = (0..p.parts.len()).filter(|k| p.pooled[*k] > 0.0).collect();
    order.sort_by(|a, b| p.parts[*a].mean_log_density(d).total_cmp(&p.parts[*b].mean_log_density(d)).then(a.cmp(b)));
    // A new component gets a tenth of the draws at least, however small its weight; `counts` is what a draw of a component counts.
    let new: f64 = order.iter().filter(|k| p.parts[**k].members == 0).map(|k| p.pooled[*k]).sum();
    let share = if new > 0.0 && new < NEW { NEW } else { new };
    let counts: Vec<f64> =
        order.iter().map(|k| if p.parts[*k].members == 0 { new / share } else { (1.0 - new) / (1.0 - share) }).collect();
    let mut total = 0.0;
    let cumulative: Vec<f64> = order
        .iter()
        .zip(&counts)
        .map(|(k, c)| {
            total += p.pooled[*k] / c;
            total
        })
        .collect();
    let chunk = |c: usize| {
        if stop() {
            return None;
        }
        let mut rng = stream.named("pairs").numbered(c as u64).rng();
        let (first, to) = (c * CHUNK, ((c + 1) * CHUNK).min(pairs));
        let size = 2 * (to - first);
        let (mut x, mut own) = (Vec::with_capacity(size * d), Vec::with_capacity(size));
        let (mut from, mut count) = (Vec::with_capacity(size), Vec::with_capacity(size));
        for i in 2 * first..2 * to {
            let u = ((i / 2) as f64 + rng.random::<f64>()) / pairs as f64 * total;
            let at = cumulative.partition_point(|c| *c <= u).min(order.len() - 1);
            let (y, log) = draw(&p.parts[order[at]], d, &mut rng);
            x.extend(p.frame.restore(&y));
            own.push(log - p.frame.log_volume);
            from.push(order[at]);
            count.push(counts[at]);
        }
        Some(each(&x, &own, &from, &count))
    };
    (0..pairs.div_ceil(CHUNK)).into_par_iter().map(chunk).collect()
}

/// Returns sums of `value(points)` over pairs of draws from a mixture; the control is the log density of each draw under the
/// component it comes from, in the data's units.
fn pairs(
    p: &Predictive,
    pairs: usize,
    stream: &Stream,
    value: &(dyn Fn(&[f64], &[f64]) -> Vec<f64> + Sync),
    stop: &(dyn Fn() -> bool + Sync),
) -> Option<Sums> {
    let parts = draws_in_pairs(p, pairs, stream, stop, &|x, own, _, count| {
        let values = value(x, own);
        let mut sums = Sums::default();
        for ((v, c), w) in values.as_chunks::<2>().0.iter().zip(own.as_chunks::<2>().0).zip(count.as_chunks::<2>().0) {
            sums.pair([v[0] * w[0], v[1] * w[1]], [c[0] * w[0], c[1] * w[1]]);
        }
        sums
    })?;
    let mut all = Sums::default();
    parts.iter().for_each(|s| all.add(s));
    Some(all)
}

/// Returns the mixtures that an estimate averages over with what each counts, 1 on average, and the pairs of draws of each.
fn mixtures(p: &Predictive, drawing: &Drawing) -> (Vec<(usize, f64)>, usize) {
    match drawing.estimator {
        Estimator::Pooled => (vec![(0, 1.0)], drawing.draws.div_ceil(2).max(2)),
        Estimator::PerState => {
            let used: Vec<usize> = (0..p.states.len()).filter(|t| p.shares[*t] > 0.0).collect();
            let each = drawing.draws.div_ceil(2 * used.len()).max(2);
            (used.iter().map(|t| (*t, p.shares[*t] * used.len() as f64)).collect(), each)
        }
    }
}

/// What the states of a mean over states come to: chain, share of the mean, value.
type ByState = Vec<(usize, f64, f64)>;

/// Returns the variance over chains of a mean over states, `C / (C - 1) sum w_c^2 (m_c - mean)^2` with the weights w_c and means m_c of C
/// chains; that of the draws is in it. 0 for one chain.
fn over_chains(states: &ByState) -> f64 {
    let mut chains: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for (c, share, value) in states {
        let chain = chains.entry(*c).or_default();
        *chain = (chain.0 + share, chain.1 + share * value);
    }
    let count = chains.len() as f64;
    let mean: f64 = chains.values().map(|c| c.1).sum();
    if chains.len() < 2 { 0.0 } else { count / (count - 1.0) * chains.values().map(|c| (c.1 - c.0 * mean).powi(2)).sum::<f64>() }
}

fn mixture<'p>(p: &'p Predictive, estimator: Estimator, state: usize) -> Cow<'p, Predictive> {
    if estimator == Estimator::Pooled { Cow::Borrowed(p) } else { Cow::Owned(p.state(state)) }
}

fn stream_of(drawing: &Drawing, state: usize) -> Stream {
    if drawing.estimator == Estimator::Pooled { *drawing.stream } else { drawing.stream.named("state").numbered(state as u64) }
}

/// Returns `E_p[log p(x) - log q(x)]` for a Gaussian q with the standard error of its draws; of the mean over states, with that over chains.
///
/// Everything but the mean of `log p(x) - log t_k(x)` is closed. Where all rows of a state share one component nothing is left to draw, and the
/// error is that of rounding.
pub fn relative_entropy(p: &Predictive, q: &Gaussian, drawing: &Drawing) -> Result<Number, Without> {
    let d = p.frame.d;
    let used = |k: usize| p.pooled[k] > 0.0;
    // E[log t_k - log q] of every component.
    let closed: Vec<Option<f64>> = (0..p.parts.len())
        .into_par_iter()
        .map(|k| {
            let part = &p.parts[k];
            let own = part.mean_log_density(d) - p.frame.log_volume;
            used(k).then(|| q.expected_log_density(part, &p.frame)).flatten().map(|e| own - e)
        })
        .collect();
    if let Some(k) = (0..closed.len()).find(|k| used(*k) && closed[*k].is_none()) {
        return Err(Without::Infinite(p.parts[k].dof));
    }
    let expected: f64 = p.pooled.iter().zip(&closed).map(|(w, e)| w * e.unwrap_or(0.0)).sum();
    let (states, each) = mixtures(p, drawing);
    let mut sums = Sums::default();
    let mut by_state = ByState::new();
    for (t, count) in &states {
        let m = mixture(p, drawing.estimator, *t);
        let rest = |x: &[f64], own: &[f64]| m.log_density(x).iter().zip(own).map(|(p, t)| p - t).collect();
        let own = pairs(&m, each, &stream_of(drawing, *t), &rest, drawing.stop).ok_or(Without::Stopped)?;
        sums.add(&own.counting(*count));
        if drawing.estimator == Estimator::PerState {
            let closed: f64 = p.states[*t].parts.iter().map(|(k, w)| w * closed[*k].unwrap_or(0.0)).sum();
            by_state.push((p.chain[*t], p.shares[*t], closed + own.value / (2.0 * own.pairs)));
        }
    }
    let draws = 2.0 * sums.pairs;
    let error = (sums.squares[0].sqrt() / draws).max(over_chains(&by_state).sqrt());
    Ok(Number::new(expected + sums.value / draws, Some(error), Some(draws as u64)))
}

/// Returns `E_p[log p(x) - log q(x)]` for a mixture q, with the standard error of its draws; of the mean over states, with that over p's chains.
///
/// `against` returns the log densities of q (pooled estimator), or of q's part for the state given (per state). The log density of a
/// draw's own component, whose expectation is known, is a control variate; its coefficient comes from the differences within pairs.
pub fn divergence(
    p: &Predictive,
    drawing: &Drawing,
    against: &(dyn Fn(&[f64], Option<usize>) -> Vec<f64> + Sync),
) -> Result<Number, Without> {
    let d = p.frame.d;
    let own_log = |k: usize| p.parts[k].mean_log_density(d) - p.frame.log_volume;
    let known: f64 = p.pooled.iter().enumerate().filter(|(_, w)| **w > 0.0).map(|(k, w)| w * own_log(k)).sum();
    let (states, each) = mixtures(p, drawing);
    let mut sums = Sums::default();
    // Per state: its means of values and of controls less what is known of them.
    let mut means = Vec::new();
    for (t, count) in &states {
        let m = mixture(p, drawing.estimator, *t);
        let state = (drawing.estimator == Estimator::PerState).then_some(*t);
        let difference = |x: &[f64], _: &[f64]| m.log_density(x).iter().zip(against(x, state)).map(|(p, q)| p - q).collect();
        let own = pairs(&m, each, &stream_of(drawing, *t), &difference, drawing.stop).ok_or(Without::Stopped)?;
        sums.add(&own.counting(*count));
        if state.is_some() {
            let known: f64 = p.states[*t].parts.iter().map(|(k, w)| w * own_log(*k)).sum();
            means.push((*t, own.value / (2.0 * own.pairs), own.control / (2.0 * own.pairs) - known));
        }
    }
    let draws = 2.0 * sums.pairs;
    let [ff, fc, cc] = sums.squares;
    let slope = if cc > 0.0 { fc / cc } else { 0.0 };
    let left = (ff - slope * fc).max(0.0) * sums.pairs / (sums.pairs - 1.0).max(1.0);
    let by_state: ByState = means.iter().map(|(t, value, off)| (p.chain[*t], p.shares[*t], value - slope * off)).collect();
    Ok(Number::new(
        (sums.value - slope * (sums.control - draws * known)) / draws,
        Some((left.sqrt() / draws).max(over_chains(&by_state).sqrt())),
        Some(draws as u64),
    ))
}
