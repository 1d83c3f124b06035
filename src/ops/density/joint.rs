//! Moves of a hierarchical base measure with the partition: what is learned is drawn given the partition, and components are split and merged with the measure
//! summed over, so that one may change with the other.
//!
//! Few components, each like all rows, go with a firm measure, and several, each of its own shape, with a loose one. Given either measure the other partition is
//! far less likely, so that moves of one with the other fixed hardly ever pass between them. Where passes are heated, so are the likelihoods here.

use super::cache::Observations;
use super::hyper::{Grid, Learned};
use super::logs::sum_of_logs;
use super::split_merge::{Launch, Pair};
use super::state::State;
use rand::RngExt;

/// Logarithms at every point of the grid: its prior probability, then the marginal likelihood of each slot's component (empty for free slots).
struct Parts<'g>(&'g [f64], Vec<Vec<f64>>);

/// Returns the log marginal likelihood of a component of these rows at every point of the grid, to the power that the state has.
fn likelihoods(state: &State, grid: &Grid, base: &Observations, rows: &[usize]) -> Vec<f64> {
    let mut logs = grid.log_likelihoods(base.dp, rows.iter().map(|i| base.row(*i)));
    if state.niw.heat != 1.0 {
        logs.iter_mut().for_each(|l| *l *= state.niw.heat);
    }
    logs
}

impl Parts<'_> {
    /// Returns the sums of the prior and all slots but some, with further ones.
    fn sum<'a>(&'a self, without: &[u32], with: impl IntoIterator<Item = &'a Vec<f64>>) -> Vec<f64> {
        let there = self.1.iter().enumerate().filter(|(k, p)| !p.is_empty() && !without.contains(&(*k as u32))).map(|(_, p)| p);
        let mut total = self.0.to_vec();
        there.chain(with).for_each(|p| total.iter_mut().zip(p).for_each(|(t, v)| *t += v));
        total
    }
}

/// Makes some proposals to split or merge, the measure summed over, then draws the measure given the partition. `base`: the observations in the frame;
/// `state` has the measure `now`. Returns what was drawn, which the state then has.
pub fn learn(
    state: &mut State,
    grid: &Grid,
    now: Learned,
    base: &Observations,
    proposals: usize,
    rng: &mut impl rand::Rng,
) -> Learned {
    let of = |rows: &[usize]| likelihoods(state, grid, base, rows);
    let members = |k: usize| -> Vec<usize> { (0..base.n).filter(|i| state.z[*i] == k as u32).collect() };
    let slots = (0..state.comps.len()).map(members);
    let mut parts = Parts(grid.log_priors(), slots.map(|m| if m.is_empty() { Vec::new() } else { of(&m) }).collect());
    let mut learned = now;
    for _ in 0..proposals {
        if let Some(moved) = propose(state, grid, base, &mut parts, rng) {
            learned = moved;
        }
    }
    let drawn = grid.pick(&parts.sum(&[], []), rng);
    if drawn.point != learned.point {
        state.reframe(drawn.whiten(base), grid.niw(drawn.point).heated(state.niw.heat));
    }
    drawn
}

/// Proposes to split or merge the components of two observations drawn at random, and a measure with that; returns the measure where it was accepted.
///
/// A split is drawn by sequential allocation under the present measure g (see [`super::split_merge::Proposal::Sequential`]), the measure g' after the move given the
/// new partition alone. With `p(z) = sum over g of p(z, rows | g)`, a split of z into z' is accepted with probability `p(z') / p(z) / q_g(z')`, and a merge with
/// `p(z') / p(z) q_g'(z)`: the way back begins with g'. The probabilities of g and g' given z and z' cancel.
fn propose(state: &mut State, grid: &Grid, base: &Observations, parts: &mut Parts, rng: &mut impl rand::Rng) -> Option<Learned> {
    let chosen = Pair::draw(state, true, rng)?;
    let (pair, slots) = (chosen.pair, chosen.slots);
    let heat = state.niw.heat;
    let alone = |n: usize| state.niw.ln_gamma(n);
    let level = rng.random::<f64>().ln();
    let now = parts.sum(&[], []);
    if chosen.split() {
        let mut launch = Launch::new(&state.data, &state.niw, &chosen.members);
        let log_q = launch.allocate(None, pair, rng);
        let side = launch.side;
        let of_side = |s: usize| -> Vec<usize> {
            let others = chosen.members.iter().zip(&side).filter(|(_, x)| **x == s).map(|(m, _)| *m);
            let mut all: Vec<usize> = others.chain([pair[s]]).collect();
            all.sort_unstable();
            all
        };
        let (first, second) = (of_side(0), of_side(1));
        let sizes = alone(first.len()) + alone(second.len()) - alone(first.len() + second.len());
        let (first, second) = (likelihoods(state, grid, base, &first), likelihoods(state, grid, base, &second));
        let then = parts.sum(&slots, [&first, &second]);
        let ratio = sum_of_logs(&then) - sum_of_logs(&now) + state.alpha.ln() + sizes - log_q;
        if level >= ratio {
            return None;
        }
        let new = chosen.part(state, &side);
        parts.1.resize(parts.1.len().max(new + 1), Vec::new());
        (parts.1[slots[0] as usize], parts.1[new]) = (first, second);
        let measure = grid.pick(&then, rng);
        state.reframe(measure.whiten(base), grid.niw(measure.point).heated(heat));
        Some(measure)
    } else {
        let all = chosen.all();
        let count = state.comps[slots[0] as usize].n;
        let sizes = alone(count) + alone(all.len() - count) - alone(all.len());
        let whole = likelihoods(state, grid, base, &all);
        let then = parts.sum(&slots, [&whole]);
        let gain = sum_of_logs(&then) - sum_of_logs(&now) - state.alpha.ln() - sizes;
        // The way back has a probability of 1 at most.
        if level >= gain {
            return None;
        }
        let measure = grid.pick(&then, rng);
        let (white, niw) = (measure.whiten(base), grid.niw(measure.point).heated(heat));
        let back = Launch::new(&white, &niw, &chosen.members).allocate(Some(&chosen.sides(state)), pair, rng);
        if level >= gain + back {
            return None;
        }
        chosen.merge(state);
        (parts.1[slots[0] as usize], parts.1[slots[1] as usize]) = (whole, Vec::new());
        state.reframe(white, niw);
        Some(measure)
    }
}
