//! Split and merge proposals by restricted Gibbs scans (Jain & Neal, 2004): exact, for chains that single moves leave stuck.

use super::aligned::Aligned;
use super::component::Component;
use super::state::State;
use rand::RngExt;

/// Two components over a set of observations, of which `pair[0]` and `pair[1]` stay in the first and the second.
struct Launch<'s, 'a> {
    state: &'s State<'a>,
    sides: [Component; 2],
    /// The other members, ascending, and the side each is on.
    members: Vec<usize>,
    side: Vec<usize>,
    scratch: Aligned,
}

impl Launch<'_, '_> {
    fn build(&mut self, pair: [usize; 2]) {
        let data = self.state.data;
        for (s, fixed) in pair.into_iter().enumerate() {
            let others = self.members.iter().zip(&self.side).filter(|(_, x)| **x == s).map(|(i, _)| *i);
            let rows: Vec<&[f64]> = std::iter::once(fixed).chain(others).map(|i| data.row(i)).collect();
            self.sides[s].rebuild(self.state.niw, rows.iter().copied());
        }
    }

    /// Draws every member's side given the others'; `forced` names the sides to be taken instead. Returns the log probability.
    fn scan(&mut self, forced: Option<&[usize]>, pair: [usize; 2], rng: &mut impl rand::Rng) -> f64 {
        let niw = self.state.niw;
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

/// Proposes to split or merge the components of two observations drawn at random; returns whether it was accepted.
///
/// Acceptance: `alpha Gamma(n1) Gamma(n2) / Gamma(n) * L1 L2 / L / q(split)` for a split, the inverse for a merge, where
/// `q(split)` is the probability of the last restricted scan from the launch state (Jain & Neal, equations 3.13 to 3.16).
pub fn propose(state: &mut State, scans: usize, rng: &mut impl rand::Rng) -> bool {
    let n = state.data.n;
    if n < 2 {
        return false;
    }
    let i = rng.random_range(0..n);
    let j = (i + 1 + rng.random_range(0..n - 1)) % n;
    let (a, b) = (state.z[i], state.z[j]);
    let members: Vec<usize> = (0..n).filter(|m| *m != i && *m != j && (state.z[*m] == a || state.z[*m] == b)).collect();
    let sides_now: Vec<usize> = members.iter().map(|m| usize::from(state.z[*m] == b)).collect();
    let side = members.iter().map(|_| usize::from(rng.random::<bool>())).collect();
    let scratch = state.scratch.clone();
    let mut launch = Launch { state, sides: [Component::empty(state.niw), Component::empty(state.niw)], members, side, scratch };
    launch.build([i, j]);
    for _ in 0..scans {
        launch.scan(None, [i, j], rng);
    }
    let split = a == b;
    let log_q = launch.scan(if split { None } else { Some(&sides_now) }, [i, j], rng);
    let mut all = launch.members.clone();
    all.extend([i, j]);
    all.sort_unstable();
    let (now, comps) = (launch.state, &launch.state.comps);
    let (apart, together) = if split {
        launch.build([i, j]);
        (launch.log_marginal(), log_part(now, &comps[a as usize]))
    } else {
        let mut whole = Component::empty(now.niw);
        whole.rebuild(now.niw, all.iter().map(|m| now.data.row(*m)));
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
