//! Split and merge proposals by restricted Gibbs scans (Jain & Neal, 2004): exact, for chains that single moves leave stuck.

use super::aligned::Aligned;
use super::component::Component;
use super::state::State;
use rand::RngExt;

/// Two components over a set of observations, of which `pair[0]` and `pair[1]` stay in the first and the second.
struct Launch<'s> {
    state: &'s State,
    sides: [Component; 2],
    /// The other members, ascending, and the side each is on.
    members: Vec<usize>,
    side: Vec<usize>,
    scratch: Aligned,
}

impl Launch<'_> {
    fn build(&mut self, pair: [usize; 2]) {
        let data = &self.state.data;
        for (s, fixed) in pair.into_iter().enumerate() {
            let others = self.members.iter().zip(&self.side).filter(|(_, x)| **x == s).map(|(i, _)| *i);
            let rows: Vec<&[f64]> = std::iter::once(fixed).chain(others).map(|i| data.row(i)).collect();
            self.sides[s].rebuild(&self.state.niw, rows.iter().copied());
        }
    }

    /// Draws every member's side given the others'; `forced` names the sides to be taken instead. Returns the log probability.
    fn scan(&mut self, forced: Option<&[usize]>, pair: [usize; 2], rng: &mut impl rand::Rng) -> f64 {
        let niw = &self.state.niw;
        let mut total = 0.0;
        for at in 0..self.members.len() {
            let x = self.state.data.row(self.members[at]);
            let from = self.side[at];
            // Nothing is taken out in order to look, but where digits would run out.
            let known = self.sides[from].log_weight_without(niw, x, &mut self.scratch);
            if known.is_none() {
                self.sides[from].remove(niw, x, &mut self.scratch);
            }
            let own = known.unwrap_or_else(|| self.sides[from].log_weight(niw, x, &mut self.scratch));
            let other = self.sides[1 - from].log_weight(niw, x, &mut self.scratch);
            let gap = if from == 1 { own - other } else { other - own };
            // Probability of the second side, and the logs of both, without overflow.
            let second = 1.0 / (1.0 + (-gap).exp());
            let to = match forced {
                Some(sides) => sides[at],
                None => usize::from(rng.random::<f64>() < second),
            };
            total -= if to == 1 { softplus(-gap) } else { softplus(gap) };
            if known.is_some() {
                if to == from {
                    continue;
                }
                self.sides[from].remove(niw, x, &mut self.scratch);
            }
            self.side[at] = to;
            self.sides[to].insert(niw, x, &mut self.scratch);
            if self.sides.iter().any(|c| c.doubtful || c.changes >= super::component::REFRESH) {
                self.build(pair);
            }
        }
        total
    }

    /// Lets the members join the two sides one after the other, each side predicting from those that are there; `forced` names the sides to
    /// be taken instead. Returns the log probability.
    fn allocate(&mut self, forced: Option<&[usize]>, pair: [usize; 2], rng: &mut impl rand::Rng) -> f64 {
        let niw = &self.state.niw;
        for (s, fixed) in pair.into_iter().enumerate() {
            self.sides[s].reset(niw.d);
            self.sides[s].insert(niw, self.state.data.row(fixed), &mut self.scratch);
        }
        self.side.clear();
        let mut total = 0.0;
        for at in 0..self.members.len() {
            let x = self.state.data.row(self.members[at]);
            let first = self.sides[0].log_weight(niw, x, &mut self.scratch);
            let gap = self.sides[1].log_weight(niw, x, &mut self.scratch) - first;
            let to = match forced {
                Some(sides) => sides[at],
                None => usize::from(rng.random::<f64>() < 1.0 / (1.0 + (-gap).exp())),
            };
            total -= if to == 1 { softplus(-gap) } else { softplus(gap) };
            self.side.push(to);
            self.sides[to].insert(niw, x, &mut self.scratch);
        }
        total
    }

    fn log_marginal(&self) -> f64 {
        self.sides.iter().map(|c| log_part(self.state, c)).sum()
    }
}

/// Returns `ln(1 + e^x)`.
fn softplus(x: f64) -> f64 {
    if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() }
}

/// Returns a component's share of the joint: `ln Gamma(n) + ln p(members)`.
fn log_part(state: &State, c: &Component) -> f64 {
    state.niw.ln_gamma(c.n) + state.niw.log_marginal(c.n, c.log_det)
}

/// How the two sides of a proposal come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// So many restricted Gibbs scans from random sides, then a last one that is the proposal (Jain & Neal, 2004).
    Restricted(usize),
    /// Members join one after the other, in random order, the side that predicts them better (Dahl, 2005).
    Sequential,
    /// The same, then so many scans and a last one as above.
    Launched(usize),
}

/// Proposes to split or merge the components of two observations drawn at random; returns whether it was accepted.
///
/// Acceptance: `alpha Gamma(n1) Gamma(n2) / Gamma(n) * L1 L2 / L / q(split)` for a split, the inverse for a merge, where
/// `q(split)` is the probability of the last restricted scan from the launch state (Jain & Neal, equations 3.13 to 3.16), or of the
/// choices of a sequential allocation in an order that is drawn alike for both.
pub fn propose(state: &mut State, proposal: Proposal, rng: &mut impl rand::Rng) -> bool {
    let n = state.data.n;
    if n < 2 {
        return false;
    }
    let i = rng.random_range(0..n);
    let j = (i + 1 + rng.random_range(0..n - 1)) % n;
    let (a, b) = (state.z[i], state.z[j]);
    let mut members: Vec<usize> = (0..n).filter(|m| *m != i && *m != j && (state.z[*m] == a || state.z[*m] == b)).collect();
    if !matches!(proposal, Proposal::Restricted(_)) {
        for at in (1..members.len()).rev() {
            members.swap(at, rng.random_range(0..=at));
        }
    }
    let sides_now: Vec<usize> = members.iter().map(|m| usize::from(state.z[*m] == b)).collect();
    let split = a == b;
    let forced = if split { None } else { Some(&*sides_now) };
    let scratch = state.scratch.clone();
    let mut launch =
        Launch { state, sides: [Component::empty(&state.niw), Component::empty(&state.niw)], members, side: Vec::new(), scratch };
    let log_q = match proposal {
        Proposal::Restricted(scans) => {
            launch.side = launch.members.iter().map(|_| usize::from(rng.random::<bool>())).collect();
            launch.build([i, j]);
            (0..scans).for_each(|_| {
                launch.scan(None, [i, j], rng);
            });
            launch.scan(forced, [i, j], rng)
        }
        Proposal::Sequential => launch.allocate(forced, [i, j], rng),
        Proposal::Launched(scans) => {
            launch.allocate(None, [i, j], rng);
            (0..scans).for_each(|_| {
                launch.scan(None, [i, j], rng);
            });
            launch.scan(forced, [i, j], rng)
        }
    };
    let mut all = launch.members.clone();
    all.extend([i, j]);
    all.sort_unstable();
    let (now, comps) = (launch.state, &launch.state.comps);
    let (apart, together) = if split {
        launch.build([i, j]);
        (launch.log_marginal(), log_part(now, &comps[a as usize]))
    } else {
        let mut whole = Component::empty(&now.niw);
        whole.rebuild(&now.niw, all.iter().map(|m| now.data.row(*m)));
        (log_part(now, &comps[a as usize]) + log_part(now, &comps[b as usize]), log_part(now, &whole))
    };
    let apart = apart + now.alpha.ln();
    let ratio = if split { apart - together - log_q } else { together - apart + log_q };
    let Launch { members, side, .. } = launch;
    if rng.random::<f64>().ln() >= ratio {
        return false;
    }
    if split {
        let k = state.free_slot();
        state.z[j] = k as u32;
        members.iter().zip(&side).filter(|(_, s)| **s == 1).for_each(|(m, _)| state.z[*m] = k as u32);
        state.rebuild(k);
        state.rebuild(a as usize);
    } else {
        all.iter().for_each(|m| state.z[*m] = a);
        state.rebuild(a as usize);
        state.rebuild(b as usize);
    }
    true
}
