//! Split and merge proposals by restricted Gibbs scans (Jain & Neal, 2004): exact, for chains that single moves leave stuck.

use super::aligned::Aligned;
use super::cache::Observations;
use super::component::Component;
use super::niw::Niw;
use super::simd::padded;
use super::state::State;
use rand::RngExt;

/// Two components over a set of observations, of which `pair[0]` and `pair[1]` stay in the first and the second.
pub struct Launch<'s> {
    data: &'s Observations,
    niw: &'s Niw,
    sides: [Component; 2],
    /// The other members, and the side each is on.
    members: &'s [usize],
    /// See `members`.
    pub side: Vec<usize>,
    scratch: Aligned,
}

impl<'s> Launch<'s> {
    /// Returns one with nobody on either side yet; observations are in the coordinates of the measure.
    pub fn new(data: &'s Observations, niw: &'s Niw, members: &'s [usize]) -> Self {
        let scratch = Aligned::zeros(padded(data.d));
        Launch { data, niw, sides: [Component::empty(niw), Component::empty(niw)], members, side: Vec::new(), scratch }
    }

    fn build(&mut self, pair: [usize; 2]) {
        let data = self.data;
        for (s, fixed) in pair.into_iter().enumerate() {
            let others = self.members.iter().zip(&self.side).filter(|(_, x)| **x == s).map(|(i, _)| *i);
            let rows: Vec<&[f64]> = std::iter::once(fixed).chain(others).map(|i| data.row(i)).collect();
            self.sides[s].rebuild(self.niw, rows.iter().copied());
        }
    }

    /// Draws every member's side given the others'; `forced` names the sides to be taken instead. Returns the log probability.
    fn scan(&mut self, forced: Option<&[usize]>, pair: [usize; 2], rng: &mut impl rand::Rng) -> f64 {
        let niw = self.niw;
        let mut total = 0.0;
        for at in 0..self.members.len() {
            let x = self.data.row(self.members[at]);
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
    pub fn allocate(&mut self, forced: Option<&[usize]>, pair: [usize; 2], rng: &mut impl rand::Rng) -> f64 {
        let niw = self.niw;
        for (s, fixed) in pair.into_iter().enumerate() {
            self.sides[s].reset(niw.d);
            self.sides[s].insert(niw, self.data.row(fixed), &mut self.scratch);
        }
        self.side.clear();
        let mut total = 0.0;
        for at in 0..self.members.len() {
            let x = self.data.row(self.members[at]);
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
        self.sides.iter().map(|c| log_part(self.niw, c)).sum()
    }
}

/// Two observations, whose components are to be split or merged, and the others there.
pub struct Pair {
    /// The two.
    pub pair: [usize; 2],
    /// The slots that they are in.
    pub slots: [u32; 2],
    /// The other members.
    pub members: Vec<usize>,
}

impl Pair {
    /// Draws two at random; `None` if there are not two. With `shuffled` the others are in random order.
    pub fn draw(state: &State, shuffled: bool, rng: &mut impl rand::Rng) -> Option<Pair> {
        let n = state.data.n;
        if n < 2 {
            return None;
        }
        let i = rng.random_range(0..n);
        let j = (i + 1 + rng.random_range(0..n - 1)) % n;
        let (a, b) = (state.z[i], state.z[j]);
        let mut members: Vec<usize> = (0..n).filter(|m| *m != i && *m != j && (state.z[*m] == a || state.z[*m] == b)).collect();
        if shuffled {
            for at in (1..members.len()).rev() {
                members.swap(at, rng.random_range(0..=at));
            }
        }
        Some(Pair { pair: [i, j], slots: [a, b], members })
    }

    /// Returns whether they share a component, which is then to be split.
    pub fn split(&self) -> bool {
        self.slots[0] == self.slots[1]
    }

    /// Returns the sides that the others are on where they do not.
    pub fn sides(&self, state: &State) -> Vec<usize> {
        self.members.iter().map(|m| usize::from(state.z[*m] == self.slots[1])).collect()
    }

    /// Returns the members of both, ascending.
    pub fn all(&self) -> Vec<usize> {
        let mut all = self.members.clone();
        all.extend(self.pair);
        all.sort_unstable();
        all
    }

    /// Splits the component by the sides given; returns the new slot.
    pub fn part(&self, state: &mut State, side: &[usize]) -> usize {
        let k = state.free_slot();
        state.z[self.pair[1]] = k as u32;
        self.members.iter().zip(side).filter(|(_, s)| **s == 1).for_each(|(m, _)| state.z[*m] = k as u32);
        state.rebuild(k);
        state.rebuild(self.slots[0] as usize);
        k
    }

    /// Merges the two components into the first one's slot.
    pub fn merge(&self, state: &mut State) {
        self.all().iter().for_each(|m| state.z[*m] = self.slots[0]);
        self.slots.iter().for_each(|k| state.rebuild(*k as usize));
    }
}

/// Returns `ln(1 + e^x)`.
fn softplus(x: f64) -> f64 {
    if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() }
}

/// Returns a component's share of the joint: `ln Gamma(n) + ln p(members)`.
fn log_part(niw: &Niw, c: &Component) -> f64 {
    niw.ln_gamma(c.n) + niw.log_marginal(c.n, c.log_det)
}

/// How the two sides of a proposal come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// So many restricted Gibbs scans from random sides, then a last one that is the proposal (Jain & Neal, 2004).
    Restricted(usize),
    /// Members join one after the other, in random order, the side that predicts them better (Dahl, 2005).
    Sequential,
    /// The same, then this number of scans and a last one as above.
    Launched(usize),
}

/// Proposes to split or merge the components of two observations drawn at random; returns whether it was accepted.
///
/// Acceptance: `alpha Gamma(n1) Gamma(n2) / Gamma(n) * L1 L2 / L / q(split)` for a split, the inverse for a merge, where
/// `q(split)` is the probability of the last restricted scan from the launch state (Jain & Neal, equations 3.13 to 3.16), or of the
/// choices of a sequential allocation in an order that is drawn alike for both.
pub fn propose(state: &mut State, proposal: Proposal, rng: &mut impl rand::Rng) -> bool {
    let Some(chosen) = Pair::draw(state, !matches!(proposal, Proposal::Restricted(_)), rng) else { return false };
    let (pair, [a, b], split) = (chosen.pair, chosen.slots, chosen.split());
    let sides_now = chosen.sides(state);
    let forced = if split { None } else { Some(&*sides_now) };
    let mut launch = Launch::new(&state.data, &state.niw, &chosen.members);
    let log_q = match proposal {
        Proposal::Restricted(scans) => {
            launch.side = launch.members.iter().map(|_| usize::from(rng.random::<bool>())).collect();
            launch.build(pair);
            (0..scans).for_each(|_| {
                launch.scan(None, pair, rng);
            });
            launch.scan(forced, pair, rng)
        }
        Proposal::Sequential => launch.allocate(forced, pair, rng),
        Proposal::Launched(scans) => {
            launch.allocate(None, pair, rng);
            (0..scans).for_each(|_| {
                launch.scan(None, pair, rng);
            });
            launch.scan(forced, pair, rng)
        }
    };
    let part = |slot: u32| log_part(&state.niw, &state.comps[slot as usize]);
    let (apart, together) = if split {
        launch.build(pair);
        (launch.log_marginal(), part(a))
    } else {
        let mut whole = Component::empty(&state.niw);
        whole.rebuild(&state.niw, chosen.all().iter().map(|m| state.data.row(*m)));
        (part(a) + part(b), log_part(&state.niw, &whole))
    };
    let apart = apart + state.alpha.ln();
    let ratio = if split { apart - together - log_q } else { together - apart + log_q };
    let side = launch.side;
    if rng.random::<f64>().ln() >= ratio {
        return false;
    }
    if split {
        chosen.part(state, &side);
    } else {
        chosen.merge(state);
    }
    true
}
