//! Leave-one-out predictive densities of the fitted rows, chain by chain, without a refit.
//!
//! A partition drawn given all rows, less row i, is a draw given the other rows once it counts `1 / p(x_i | z_-i, x_-i)` (Gelfand, 1996,
//! "Model determination using sampling-based methods"). So the density of row i given the others is the harmonic mean, over a chain's kept
//! states, of `p(x_i | z_-i, x_-i)`, in which the row's own component is summed over and all Gaussians are integrated out.

use super::cache::Observations;
use super::chain::Kept;
use super::component::{Built, Component};
use super::logs::sum_of_logs;
use super::niw::Niw;
use super::posterior::Posterior;
use super::simd::padded;
use rayon::prelude::*;

/// Multiply-adds between two questions whether to stop: about a tenth of a second of one core.
const LOOK: usize = 1 << 28;

/// Returns `log p(x_i | z_-i, x_-i)` of every row under one kept state, in the coordinates of the rows given. Nothing once `stop` says so.
pub fn of_state(data: &Observations, niw: &Niw, kept: &Kept, stop: &(dyn Fn() -> bool + Sync)) -> Option<Vec<f64>> {
    let count = kept.z.iter().max().map_or(0, |k| *k as usize + 1);
    let members = |k: u32| kept.z.iter().enumerate().filter(move |(_, s)| **s == k).map(|(i, _)| i);
    let built = |k: u32| {
        let mut c = Component::empty(niw);
        c.rebuild(niw, members(k).map(|i| data.row(i)));
        c
    };
    let comps: Option<Vec<Component>> = (0..count as u32).map(|k| (!stop()).then(|| built(k))).collect();
    let comps = comps?;
    let prior = Component::empty(niw);
    let mut scratch = vec![0.0; padded(data.d)];
    let mut logs = Vec::with_capacity(count + 1);
    let rows = (LOOK / ((count + 1) * data.d * data.d).max(1)).max(1);
    (0..data.n)
        .map(|i| {
            if i % rows == 0 && stop() {
                return None;
            }
            let x = data.row(i);
            logs.clear();
            logs.push(kept.alpha.ln() + niw.log_predictive(0, 0.0, prior.quadratic(x, &mut scratch)));
            for (k, c) in comps.iter().enumerate() {
                if kept.z[i] as usize != k {
                    logs.push(c.log_weight(niw, x, &mut scratch));
                } else if c.n > 1 {
                    let own = c.log_weight_without(niw, x, &mut scratch).unwrap_or_else(|| {
                        // The row is nearly the component's whole scatter: built anew without it.
                        let rest = members(k as u32).filter(|j| *j != i).map(|j| data.row(j));
                        let built = Built::from_members(niw, data.dp, rest.clone());
                        let mut without = Component::empty(niw);
                        without.rebuild(niw, rest);
                        niw.ln(built.n) + niw.log_predictive(built.n, built.log_det, without.quadratic(x, &mut scratch).max(0.0))
                    });
                    logs.push(own);
                }
            }
            Some(sum_of_logs(&logs) - (data.n as f64 - 1.0 + kept.alpha).ln())
        })
        .collect()
}

/// Returns the log density of every row given the others under each chain's kept states, in nats of the data's units: one series a chain.
/// A chain without kept states has none. Nothing once `stop` says so.
pub fn by_chain(p: &Posterior, stop: &(dyn Fn() -> bool + Sync)) -> Option<Vec<Vec<f64>>> {
    let data = p.observations();
    let states: Vec<&Kept> = p.kept().collect();
    let one = |kept: &&Kept| -> Option<Vec<f64>> {
        let (own, niw, volume) = p.in_state(kept, &data);
        Some(of_state(&own, &niw, kept, stop)?.into_iter().map(|log| log - volume).collect())
    };
    let logs: Option<Vec<Vec<f64>>> = states.par_iter().map(one).collect();
    let logs = logs?;
    let mut rest = logs.as_slice();
    let each = p
        .chains
        .iter()
        .map(|chain| {
            let (own, others) = rest.split_at(chain.kept.len());
            rest = others;
            if own.is_empty() {
                return Vec::new();
            }
            let mut inverse = vec![0.0; own.len()];
            (0..data.n)
                .map(|i| {
                    inverse.iter_mut().zip(own).for_each(|(v, logs)| *v = -logs[i]);
                    (own.len() as f64).ln() - sum_of_logs(&inverse)
                })
                .collect()
        })
        .collect();
    Some(each)
}
