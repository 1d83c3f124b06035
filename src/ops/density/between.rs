//! How far an estimate made from a fit would lie had its chains been others: a jackknife over chains.
//!
//! With T_c the estimate without chain c, and C chains, its variance is `(C - 1) / C sum (T_c - mean)^2` (Efron and Stein, 1981). All T_c are taken from the
//! same draws, from the mixture in which all chains count alike: a draw from component k counts what T_c's mixture has of k over what that
//! has of it. What the draws add to the sum is known from differences within pairs, and taken off.

use super::estimate::{Drawing, Gaussian, draws_in_pairs};
use super::logs::sum_of_logs;
use super::posterior::Posterior;
use super::predictive::Predictive;
use super::stacking::{Pooling, Stack};

/// Weights of a density's chains: as they are, and with each of them left out.
pub struct Jackknife {
    /// As they are.
    pub all: Vec<f64>,
    /// Without each chain; none where there is one chain.
    pub without: Vec<Vec<f64>>,
}

impl Jackknife {
    /// Returns the weights of a density's chains pooled so. Nothing once `stop` says so.
    pub fn of(p: &Posterior, pooling: Pooling, stop: &(dyn Fn() -> bool + Sync)) -> Option<Jackknife> {
        let count = p.chains.len();
        if count < 2 {
            return Some(Jackknife { all: vec![1.0; count], without: Vec::new() });
        }
        if pooling == Pooling::Stacked {
            let stack = Stack::of(p, stop)?;
            let without: Option<Vec<Vec<f64>>> = (0..count).map(|c| stack.without(c, stop)).collect();
            return Some(Jackknife { without: without?, all: stack.weights });
        }
        let others = |c: usize| (0..count).map(|o| if o == c { 0.0 } else { 1.0 / (count as f64 - 1.0) }).collect();
        Some(Jackknife { all: vec![1.0 / count as f64; count], without: (0..count).map(others).collect() })
    }
}

/// Returns the mixture of chains with these weights: how much it has of each component.
fn mixed(chains: &[Vec<f64>], weights: &[f64]) -> Vec<f64> {
    let parts = chains.first().map_or(0, Vec::len);
    (0..parts).map(|k| chains.iter().zip(weights).map(|(c, w)| c[k] * w).sum()).collect()
}

/// Returns `(C - 1) / C sum (v_c - mean)^2`, and nothing for fewer than two values.
pub fn jackknife(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    if values.len() < 2 { 0.0 } else { (count - 1.0) / count * values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() }
}

/// Returns the variance of an estimate over chains, from `value(points, log densities of each under the component it comes from)`: for each
/// point one number for each of `ratios`, which says what a draw from each component counts; `known` is added to each mean. Nothing where
/// it was given up.
fn variance(
    base: &Predictive,
    ratios: &[Vec<f64>],
    known: &[f64],
    drawing: &Drawing,
    name: &str,
    value: &(dyn Fn(&[f64], &[f64]) -> Vec<f64> + Sync),
) -> Option<f64> {
    let count = ratios.len();
    // Half as many draws: they are needed for differences alone.
    let pairs = drawing.draws.div_ceil(4).max(2);
    // Per point: each value times its count, and its distance from the mean of all.
    let parts = draws_in_pairs(base, pairs, &drawing.stream.named(name), drawing.stop, &|x, own, from, counts| {
        let values = value(x, own);
        let (mut sums, mut noise) = (vec![0.0; count], 0.0);
        let mut pair = vec![0.0; count];
        for (i, (row, (k, w))) in values.chunks_exact(count).zip(from.iter().zip(counts)).enumerate() {
            let own: Vec<f64> = row.iter().zip(ratios).map(|(v, r)| v * r[*k] * w).collect();
            let mean = own.iter().sum::<f64>() / count as f64;
            sums.iter_mut().zip(&own).for_each(|(s, v)| *s += v);
            if i % 2 == 0 {
                pair.iter_mut().zip(&own).for_each(|(p, v)| *p = v - mean);
            } else {
                noise += pair.iter().zip(&own).map(|(p, v)| (p - (v - mean)).powi(2)).sum::<f64>();
            }
        }
        (sums, noise)
    })?;
    let draws = 2.0 * pairs as f64;
    let mut values = known.to_vec();
    let mut noise = 0.0;
    for (sums, part) in parts {
        values.iter_mut().zip(sums).for_each(|(v, s)| *v += s / draws);
        noise += part / (draws * draws);
    }
    Some((jackknife(&values) - (count as f64 - 1.0) / count as f64 * noise).max(0.0))
}

/// Returns the ratios of mixtures to the mixture that is drawn from, component by component.
fn ratios(mixtures: &[Vec<f64>], base: &Predictive) -> Vec<Vec<f64>> {
    let ratio = |m: &Vec<f64>| m.iter().zip(&base.pooled).map(|(w, p)| if *p > 0.0 { w / p } else { 0.0 }).collect();
    mixtures.iter().map(ratio).collect()
}

/// Returns log densities of points under mixtures of chains (`chains`: points x chains): points x mixtures.
pub fn logs_of(chains: &[f64], count: usize, weights: &[Vec<f64>]) -> Vec<f64> {
    let logs: Vec<Vec<f64>> = weights.iter().map(|w| w.iter().map(|w| w.ln()).collect()).collect();
    let mut terms = vec![0.0; count];
    let mut out = Vec::with_capacity(chains.len() / count.max(1) * weights.len());
    for row in chains.chunks_exact(count) {
        for w in &logs {
            terms.iter_mut().zip(row).zip(w).for_each(|((t, l), w)| *t = l + w);
            out.push(sum_of_logs(&terms));
        }
    }
    out
}

/// Returns the variance over chains of the relative entropy of a pooled predictive from a Gaussian: 0 for one chain; `None` if it was
/// given up. `base` has all chains alike.
pub fn of_relative_entropy(base: &Predictive, chains: &Jackknife, q: &Gaussian, drawing: &Drawing) -> Option<f64> {
    if chains.without.is_empty() {
        return Some(0.0);
    }
    let d = base.frame.d;
    let each = base.by_chain();
    let mixtures: Vec<Vec<f64>> = chains.without.iter().map(|w| mixed(&each, w)).collect();
    let closed: Vec<f64> = base
        .parts
        .iter()
        .map(|part| {
            let own = part.mean_log_density(d) - base.frame.log_volume;
            q.expected_log_density(part, &base.frame).map_or(0.0, |e| own - e)
        })
        .collect();
    let known: Vec<f64> = mixtures.iter().map(|m| m.iter().zip(&closed).map(|(w, e)| w * e).sum()).collect();
    let value = |x: &[f64], own: &[f64]| {
        let logs = logs_of(&base.under_mixtures(x, &each), each.len(), &chains.without);
        logs.chunks_exact(mixtures.len()).zip(own).flat_map(|(row, t)| row.iter().map(move |l| l - t)).collect()
    };
    variance(base, &ratios(&mixtures, base), &known, drawing, "between chains", &value)
}

/// Returns the variance over the chains of both densities of a divergence between pooled predictives; `None` if it was given up.
pub fn of_divergence(
    (p, of_p): (&Predictive, &Jackknife),
    (q, of_q): (&Predictive, &Jackknife),
    drawing: &Drawing,
) -> Option<f64> {
    let (p_each, q_each) = (p.by_chain(), q.by_chain());
    let whole_p = mixed(&p_each, &of_p.all);
    let q_logs = |x: &[f64], weights: &[Vec<f64>]| logs_of(&q.under_mixtures(x, &q_each), q_each.len(), weights);
    let mut total = 0.0;
    if !of_p.without.is_empty() {
        let mixtures: Vec<Vec<f64>> = of_p.without.iter().map(|w| mixed(&p_each, w)).collect();
        let whole = [of_q.all.clone()];
        let value = |x: &[f64], _: &[f64]| {
            let own = logs_of(&p.under_mixtures(x, &p_each), p_each.len(), &of_p.without);
            let other = q_logs(x, &whole);
            own.chunks_exact(mixtures.len()).zip(&other).flat_map(|(row, q)| row.iter().map(move |l| l - q)).collect()
        };
        let known = vec![0.0; mixtures.len()];
        total += variance(p, &ratios(&mixtures, p), &known, drawing, "between chains", &value)?;
    }
    if !of_q.without.is_empty() {
        let count = of_q.without.len();
        let value = |x: &[f64], _: &[f64]| q_logs(x, &of_q.without);
        let ratios = ratios(&vec![whole_p; count], p);
        total += variance(p, &ratios, &vec![0.0; count], drawing, "between chains of the other", &value)?;
    }
    Some(total)
}
