//! Stacking of chains: weights under which the chains' mixture predicts left-out rows best (Yao, Vehtari and Gelman, 2022, "Stacking for
//! non-mixing Bayesian computations: the curse and blessing of multimodal posteriors").

use super::leave_one_out::by_chain;
use super::matrix::{cholesky, solve_lower};
use super::posterior::Posterior;
use super::predictive::Predictive;
use crate::words;

words! {
    /// What a chain counts in the predictive.
    pub enum Pooling {
        /// All chains count alike.
        Equal = "equal",
        /// Each by its stacking weight.
        Stacked = "stacked",
    }
}

/// What stacking finds.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Weight of each chain; they sum to 1.
    pub weights: Vec<f64>,
    /// Log density of each row given the others: one series a chain.
    pub logs: Vec<Vec<f64>>,
}

impl Stack {
    /// Returns the stack of a density's chains. Nothing once `stop` says so, here and below.
    pub fn of(p: &Posterior, stop: &(dyn Fn() -> bool + Sync)) -> Option<Stack> {
        let logs = by_chain(p, stop)?;
        Some(Stack { weights: weights(&logs, stop)?, logs })
    }

    /// Returns the weights with one chain left out; it has none. The same for one chain alone.
    pub fn without(&self, chain: usize, stop: &(dyn Fn() -> bool + Sync)) -> Option<Vec<f64>> {
        let others: Vec<Vec<f64>> = self.logs.iter().enumerate().filter(|(c, _)| *c != chain).map(|(_, l)| l.clone()).collect();
        if others.is_empty() {
            return Some(self.weights.clone());
        }
        let mut out = weights(&others, stop)?;
        out.insert(chain, 0.0);
        Some(out)
    }
}

/// Returns the predictive of a density with its chains pooled so.
pub fn predictive(p: &Posterior, pooling: Pooling, stop: &(dyn Fn() -> bool + Sync)) -> Option<Predictive> {
    let all = Predictive::until(p, stop)?;
    Some(if pooling == Pooling::Equal || p.chains.len() < 2 { all } else { all.weighted(&Stack::of(p, stop)?.weights) })
}

/// The gap to the best mean log density, in nats a row, at which the search ends.
const GAP: f64 = 1e-9;

/// Returns the weights w of chains, none below 0 and 1 in all, that maximise the mean over rows of `log sum_c w_c exp(logs[c][i])`; where
/// chains are equal, so are their weights.
///
/// The mean is concave, and with `g` its gradient, `max g - 1` bounds what is missing. Steps are Newton's for the mean less the sum of
/// weights, whose maximum over all weights not below 0 is the same; where such a step gains nothing, `w_c <- w_c g_c` does (the EM step).
pub fn weights(logs: &[Vec<f64>], stop: &(dyn Fn() -> bool + Sync)) -> Option<Vec<f64>> {
    let count = logs.len();
    let kept: Vec<usize> = (0..count).filter(|c| !logs[*c].is_empty()).collect();
    let mut out = vec![0.0; count];
    let m = kept.len();
    if m == 0 {
        return Some(out);
    }
    let n = logs[kept[0]].len();
    // Densities over the largest of a row's: rows x chains.
    let mut p = vec![0.0; n * m];
    for (i, row) in p.chunks_exact_mut(m).enumerate() {
        let top = kept.iter().fold(f64::NEG_INFINITY, |t, c| t.max(logs[*c][i]));
        row.iter_mut().zip(&kept).for_each(|(v, c)| *v = (logs[*c][i] - top).exp());
    }
    let mean = |w: &[f64]| p.chunks_exact(m).map(|row| inner(row, w).ln()).sum::<f64>() / n as f64;
    let mut w = vec![1.0 / m as f64; m];
    let mut value = mean(&w);
    for _ in 0..2000 {
        if stop() {
            return None;
        }
        let (mut gradient, mut curvature) = (vec![0.0; m], vec![0.0; m * m]);
        for row in p.chunks_exact(m) {
            let total = inner(row, &w);
            for a in 0..m {
                let share = row[a] / total;
                gradient[a] += share / n as f64;
                (0..=a).for_each(|b| curvature[a * m + b] += share * row[b] / total / n as f64);
            }
        }
        if gradient.iter().all(|g| *g - 1.0 < GAP) {
            break;
        }
        let newton = newton(&w, &gradient, &curvature);
        let tried = newton.iter().flat_map(|d| [1.0, 0.5, 0.25, 0.1].map(|t| stepped(&w, d, t))).find_map(|v| {
            let found = mean(&v);
            (found > value).then_some((v, found))
        });
        let em: Vec<f64> = w.iter().zip(&gradient).map(|(w, g)| w * g).collect();
        let em_value = mean(&em);
        (w, value) = tried.filter(|(_, found)| *found > em_value).unwrap_or((em, em_value));
    }
    let total: f64 = w.iter().sum();
    kept.iter().zip(&w).for_each(|(c, w)| out[*c] = w / total);
    Some(out)
}

fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Returns the Newton direction among the weights that are free: above 0, or 0 and wanting to rise.
fn newton(w: &[f64], gradient: &[f64], curvature: &[f64]) -> Option<Vec<f64>> {
    let m = w.len();
    let free: Vec<usize> = (0..m).filter(|a| w[*a] > 1e-9 || gradient[*a] > 1.0).collect();
    let f = free.len();
    let ridge = 1e-9 * free.iter().map(|a| curvature[a * m + a]).sum::<f64>() / f.max(1) as f64;
    let mut h = vec![0.0; f * f];
    for (i, a) in free.iter().enumerate() {
        (0..=i).for_each(|j| h[i * f + j] = curvature[a * m + free[j]]);
        h[i * f + i] += ridge;
    }
    cholesky(&mut h, f)?;
    let mut x: Vec<f64> = free.iter().map(|a| gradient[*a] - 1.0).collect();
    solve_lower(&h, f, &mut x);
    for i in (0..f).rev() {
        x[i] = (x[i] - (i + 1..f).map(|j| h[j * f + i] * x[j]).sum::<f64>()) / h[i * f + i];
    }
    let mut out = vec![0.0; m];
    free.iter().zip(x).for_each(|(a, x)| out[*a] = x);
    Some(out)
}

/// Returns weights moved along a direction, those below 0 set to 0, all divided by their sum.
fn stepped(w: &[f64], direction: &[f64], length: f64) -> Vec<f64> {
    let moved: Vec<f64> = w.iter().zip(direction).map(|(w, d)| (w + length * d).max(0.0)).collect();
    let total: f64 = moved.iter().sum();
    if total > 0.0 { moved.iter().map(|w| w / total).collect() } else { w.to_vec() }
}
