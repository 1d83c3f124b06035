//! Splits and merges: by sub-clusters that are fitted to the component, and blindly; the base measure known, or summed over.

use super::super::hyper::{Grid, Learned};
use super::super::logs::sum_of_logs;
use super::base::{Base, Form};
use super::sums::Sums;
use super::sweep::{Parted, Sides, Sweep};
use crate::base::Stream;
use libm::lgamma;
use rand::RngExt;
use rand_distr::{Beta, Distribution};

/// Rounds in which sub-clusters are fitted.
const ROUNDS: usize = 8;
/// Rows that these rounds look at, at most; one round more looks at all.
const FEW: usize = 16_384;
/// Parameter of the beta distribution of a blind split's share: uneven shares are as likely as even ones.
const SHARE: f64 = 0.1;

/// How a split comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By the weights of two sub-clusters.
    Fitted,
    /// Each row for itself with a probability that is drawn once.
    Blind,
}

impl Kind {
    /// Returns how often it is a split that is proposed. Blind ones hardly ever succeed; they are the way back of blind merges.
    fn splits(self) -> f64 {
        if self == Kind::Fitted { 0.5 } else { 0.1 }
    }
}

/// What partitions are judged by.
pub enum Score<'s> {
    /// A known base measure.
    Known(&'s Base),
    /// All points of a grid, summed over.
    Summed(&'s Grid),
}

impl Score<'_> {
    /// Returns the log marginal likelihood of rows, at each point.
    fn of(&self, sums: &Sums) -> Vec<f64> {
        match self {
            Score::Known(base) => vec![base.log_marginal(sums)],
            Score::Summed(grid) => grid.log_likelihoods_of(sums.n, sums.matrix(grid.d()), &sums.mean[..grid.d()]),
        }
    }

    fn prior(&self) -> &[f64] {
        match self {
            Score::Known(_) => &[0.0],
            Score::Summed(grid) => grid.log_priors(),
        }
    }
}

/// A partition that is being changed, and what its components' rows say.
pub struct Partition<'p> {
    /// Rows in the frame.
    pub sweep: Sweep<'p>,
    /// Label of each row.
    pub z: &'p mut [u32],
    /// What the rows of each label say.
    pub comps: &'p mut Vec<Sums>,
    /// Concentration.
    pub alpha: f64,
    /// The measure that sub-clusters are fitted by: the same at all times, so that a split's probability hangs on its rows alone.
    pub reference: &'p Base,
    /// What partitions are judged by.
    pub score: Score<'p>,
    /// Log marginal likelihoods of the components, at each point.
    parts: Vec<Vec<f64>>,
    /// Streams of sweeps, and how many have been taken.
    stream: Stream,
    taken: u64,
    /// Rows that changed component.
    pub moves: u64,
}

impl<'p> Partition<'p> {
    /// Returns one whose sweeps draw from below a stream.
    pub fn new(
        sweep: Sweep<'p>,
        (z, comps): (&'p mut [u32], &'p mut Vec<Sums>),
        alpha: f64,
        reference: &'p Base,
        score: Score<'p>,
        stream: Stream,
    ) -> Self {
        let parts = comps.iter().map(|c| score.of(c)).collect();
        Partition { sweep, z, comps, alpha, reference, score, parts, stream, taken: 0, moves: 0 }
    }

    /// Returns the stream of the next sweep.
    fn next(&mut self) -> Stream {
        self.taken += 1;
        self.stream.numbered(self.taken)
    }

    /// Returns the prior and the log marginal likelihoods of all components but some, and of others, at each point.
    fn total(&self, without: &[usize], with: &[&Vec<f64>]) -> Vec<f64> {
        let mut total = self.score.prior().to_vec();
        let there = self.parts.iter().enumerate().filter(|(k, _)| !without.contains(k)).map(|(_, p)| p);
        there.chain(with.iter().copied()).for_each(|p| total.iter_mut().zip(p).for_each(|(t, v)| *t += v));
        total
    }

    /// Draws the point of a grid given the partition.
    pub fn pick(&self, grid: &Grid, rng: &mut impl rand::Rng) -> Learned {
        grid.pick(&self.total(&[], &[]), rng)
    }

    /// Returns the rows of one or two components, ascending.
    fn members(&self, of: [u32; 2]) -> Vec<u32> {
        self.z.iter().enumerate().filter(|(_, k)| of.contains(k)).map(|(i, _)| i as u32).collect()
    }

    /// Fits two sub-clusters to rows, from a plane between two of them: what comes out hangs on the rows and on chance alone, not on who is where.
    ///
    /// A round draws each row's side given the sides' predictives, as they were before the round.
    fn fit(&mut self, rows: &[u32], all: &Sums, rng: &mut impl rand::Rng) -> [Form; 2] {
        let (data, n) = (self.sweep.data, rows.len());
        let i = rng.random_range(0..n);
        let j = (i + 1 + rng.random_range(0..n - 1)) % n;
        let (a, b) = (data.row(rows[i] as usize), data.row(rows[j] as usize));
        let apart: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
        let normal = self.reference.given(all).solve(&apart);
        let off = normal.iter().zip(a.iter().zip(b)).map(|(w, (a, b))| 0.5 * w * (a + b)).sum();
        let stride = n.div_ceil(FEW);
        let from = rng.random_range(0..stride);
        let few: Vec<u32> = rows.iter().skip(from).step_by(stride).copied().collect();
        let stream = self.next();
        let mut sides = self.sweep.part(&few, &Sides::Plane(&normal, off), None, &all.mean, &stream);
        let forms = |parted: &Parted| [0, 1].map(|s| self.reference.predictive(&self.reference.given(&parted.sums[s])));
        for _ in 0..ROUNDS {
            let forms = forms(&sides);
            self.taken += 1;
            sides = self.sweep.part(&few, &Sides::Weights(&forms), None, &all.mean, &self.stream.numbered(self.taken));
        }
        if stride > 1 {
            let forms = forms(&sides);
            self.taken += 1;
            sides = self.sweep.part(rows, &Sides::Weights(&forms), None, &all.mean, &self.stream.numbered(self.taken));
        }
        forms(&sides)
    }

    /// Returns the log probability of sides with these sizes when each row draws its own with a share that is summed over.
    fn log_blind(a: usize, b: usize) -> f64 {
        let log_beta = |x: f64, y: f64| lgamma(x) + lgamma(y) - lgamma(x + y);
        log_beta(SHARE + a as f64, SHARE + b as f64) - log_beta(SHARE, SHARE)
    }

    /// Proposes a split or a merge; returns whether it was accepted.
    ///
    /// With K components a split is proposed with probability s, of each with 1 / K, and a merge with 1 - s, of each ordered pair with 1 / (K (K - 1)). So a split
    /// into sides drawn with probability q is accepted with probability `p(z') / p(z) (1 - s) / (s (K + 1) q)`, a merge with
    /// `p(z') / p(z) s K q / (1 - s)`, q that of the way back. `p(z)` is `alpha^K` times all `Gamma(n_k)` and marginal likelihoods, summed over
    /// measures where these are.
    pub fn propose(&mut self, kind: Kind, rng: &mut impl rand::Rng) -> bool {
        let (count, level) = (self.comps.len(), rng.random::<f64>().ln());
        let odds = ((1.0 - kind.splits()) / kind.splits()).ln();
        let sizes = |a: usize, b: usize| lgamma(a as f64) + lgamma(b as f64) - lgamma((a + b) as f64);
        if rng.random::<f64>() < kind.splits() {
            let k = rng.random_range(0..count);
            let all = self.comps[k].clone();
            if all.n < 2 {
                return false;
            }
            let rows = self.members([k as u32; 2]);
            let parted = match kind {
                Kind::Fitted => {
                    let forms = self.fit(&rows, &all, rng);
                    let stream = self.next();
                    self.sweep.part(&rows, &Sides::Weights(&forms), None, &all.mean, &stream)
                }
                Kind::Blind => {
                    let share = Beta::new(SHARE, SHARE).map_or(0.5, |b| b.sample(rng));
                    let stream = self.next();
                    let mut parted = self.sweep.part(&rows, &Sides::Chance(share), None, &all.mean, &stream);
                    parted.log_q = Self::log_blind(parted.sums[0].n, parted.sums[1].n);
                    parted
                }
            };
            let [a, b] = [&parted.sums[0], &parted.sums[1]];
            if a.n == 0 || b.n == 0 || self.sweep.halt.now() {
                return false;
            }
            let (first, second) = (self.score.of(a), self.score.of(b));
            let gain = sum_of_logs(&self.total(&[k], &[&first, &second])) - sum_of_logs(&self.total(&[], &[]));
            let ratio = gain + self.alpha.ln() + sizes(a.n, b.n) - parted.log_q + odds - (count as f64 + 1.0).ln();
            // It fails where the ratio is no number.
            let accepted = level < ratio;
            if !accepted {
                return false;
            }
            self.moves += b.n as u64;
            rows.iter().zip(&parted.sides).filter(|(_, s)| **s == 1).for_each(|(i, _)| self.z[*i as usize] = count as u32);
            let mut sums = parted.sums.into_iter();
            self.comps[k].clone_from(&sums.next().unwrap_or(all));
            self.comps.extend(sums);
            self.parts[k] = first;
            self.parts.push(second);
            return true;
        }
        if count < 2 {
            return false;
        }
        let a = rng.random_range(0..count);
        let b = (a + 1 + rng.random_range(0..count - 1)) % count;
        let (sizes, few) = (sizes(self.comps[a].n, self.comps[b].n), self.comps[b].n);
        let all = self.comps[a].with(&self.comps[b]);
        let whole = self.score.of(&all);
        let gain = sum_of_logs(&self.total(&[a, b], &[&whole])) - sum_of_logs(&self.total(&[], &[]));
        let gain = gain - self.alpha.ln() - sizes - odds + (count as f64).ln();
        // The way back has a probability of 1 at most.
        let possible = level < gain;
        if !possible {
            return false;
        }
        let back = match kind {
            Kind::Blind => Self::log_blind(self.comps[a].n, self.comps[b].n),
            Kind::Fitted => {
                let rows = self.members([a as u32, b as u32]);
                let sides = rows.iter().map(|i| u32::from(self.z[*i as usize] == b as u32)).collect();
                let forms = self.fit(&rows, &all, rng);
                let stream = self.next();
                self.sweep.part(&rows, &Sides::Weights(&forms), Some(sides), &all.mean, &stream).log_q
            }
        };
        let accepted = level < gain + back;
        if !accepted || self.sweep.halt.now() {
            return false;
        }
        self.moves += few as u64;
        let last = count as u32 - 1;
        for k in self.z.iter_mut() {
            if *k == b as u32 {
                *k = a as u32;
            }
        }
        // The last label takes the free place.
        if last != b as u32 {
            self.z.iter_mut().filter(|k| **k == last).for_each(|k| *k = b as u32);
        }
        (self.comps[a], self.parts[a]) = (all, whole);
        self.comps.swap_remove(b);
        self.parts.swap_remove(b);
        true
    }
}
