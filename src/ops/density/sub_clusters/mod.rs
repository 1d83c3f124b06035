//! A sampler for many rows: all rows are assigned at once, given weights and Gaussians of the components that there are; splits and merges change their number.
//!
//! It follows Chang and Fisher (2013), "Parallel sampling of DP mixture models using sub-cluster splits": weights and Gaussians are drawn for occupied components
//! alone, and components are split by two sub-clusters. Where their Hastings ratios leave a normalising constant out, or a component may become empty, it does
//! otherwise, so that each step leaves the posterior of partition, concentration and measure as it is:
//!
//! 1. **Weights, Gaussians, order.** Given a partition into K components, `pi ~ Dirichlet(n_1, …, n_K)`, each Gaussian is drawn from its posterior, and a random order of
//!    the rows independently of everything. The joint density of partition, weights and Gaussians is then in proportion to
//!    `alpha^K prod_k p(theta_k) / pi_k prod_i pi_{z_i} N(x_i; theta_{z_i})`, over partitions into exactly K labelled components.
//! 2. **Rows.** The first row of each component in the order stays. Given all that was drawn and which rows are first ones, the others are independent: row i joins k in
//!    proportion to `pi_k N(x_i; theta_k)`, among the components whose first row comes before i, which are those that keep the first rows what they are. So no component
//!    becomes empty, and the step is a draw from a conditional distribution of the joint one. Weights and Gaussians are then forgotten.
//! 3. **Splits and merges** (`propose`) are Metropolis-Hastings moves of the partition, Gaussians summed out. Sub-clusters are fitted anew for each proposal, to all rows
//!    concerned, without a look at who is where, and for a merge just as for a split (the launch states of Jain and Neal, 2004). Given them the rows choose sides independently,
//!    which has a probability that can be computed, q. Blind splits, where q hangs on sizes alone (Chang and Fisher's random ones), are the way back of merges of components that
//!    are alike. From any partition blind splits and merges lead to any other, so the chain is ergodic.
//! 4. **Concentration** as in the other samplers.
//! 5. **The measure**, where it is learned, is drawn given the partition alone, every few passes. In these passes splits and merges are judged with the measure summed over,
//!    and it is drawn after them: together, a draw of the measure and a move of the partition whose stationary distribution is the marginal one.
//!
//! A pass reads each row once for all components, once for each split tried of its component some ten times, and keeps of it but its label. Blocks of rows have streams of their own.

mod base;
mod propose;
mod sums;
mod sweep;
mod tiles;

#[cfg(test)]
mod tests;

use super::cache::Observations;
use super::hyper::{Grid, Learned};
use super::niw::Niw;
use super::setup::{Setup, learning_interval};
use super::start::compact;
use crate::base::Stream;
use base::Base;
use libm::lgamma;
use propose::{Kind, Partition, Score};
use rand::RngExt;
use sums::Sums;
pub use sweep::Halt;
use sweep::{Order, Sweep};

/// Blind proposals for each fitted one, in passes that do not draw the measure.
const BLIND: usize = 10;

/// What a pass does: everything, but in tests of its parts.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    /// Whether rows are assigned.
    pub rows: bool,
    /// Whether there are fitted proposals.
    pub fitted: bool,
    /// Whether there are blind ones.
    pub blind: bool,
}

/// A partition of many rows, with what the components' rows say.
pub struct AtOnce<'a> {
    data: &'a Observations,
    full: bool,
    /// The present base measure.
    base: Base,
    /// The measure that sub-clusters are fitted by.
    reference: Base,
    /// Pseudo-count of the mean.
    kappa: f64,
    stream: Stream,
    comps: Vec<Sums>,
    /// Label of each row.
    pub z: Vec<u32>,
    /// Concentration.
    pub alpha: f64,
    /// What a pass does.
    pub parts: Parts,
}

impl<'a> AtOnce<'a> {
    /// Returns the state of a partition; its passes draw from streams below the one given.
    pub fn new(data: &'a Observations, niw: &Niw, z: Vec<u32>, alpha: f64, stream: Stream) -> Self {
        let base = Base::of(niw);
        let parts = Parts { rows: true, fitted: true, blind: true };
        let (full, kappa, reference) = (base.full(), niw.kappa0, base.clone());
        let mut new = AtOnce { data, full, base, reference, kappa, stream, comps: Vec::new(), z, alpha, parts };
        new.canonicalise();
        new
    }

    /// Takes another partition and concentration.
    pub fn reset(&mut self, z: Vec<u32>, alpha: f64) {
        (self.z, self.alpha) = (z, alpha);
        self.canonicalise();
    }

    /// Takes the measure of a point.
    pub fn take_up(&mut self, grid: &Grid, learned: &Learned) {
        let of = |l: &Learned| Base::learned(&l.measure(), self.data.d, self.kappa);
        (self.base, self.reference) = (of(learned), of(&grid.at(grid.start())));
    }

    /// Numbers components by their first rows and sums their rows anew: what follows then hangs on partition, concentration, measure and streams alone.
    pub fn canonicalise(&mut self) {
        self.z = compact(&self.z);
        let labels = self.z.iter().max().map_or(0, |k| *k as usize + 1);
        let halt = Halt::new(&|| false);
        self.comps = Sweep { data: self.data, full: self.full, halt: &halt }.sums(&self.z, labels);
    }

    /// Returns the sizes of components.
    pub fn sizes(&self) -> impl Iterator<Item = usize> + '_ {
        self.comps.iter().map(|c| c.n)
    }

    /// Returns the log of the joint density of rows (in the frame) and partition given alpha.
    pub fn log_joint(&self) -> f64 {
        let of = |c: &Sums| self.alpha.ln() + lgamma(c.n as f64) + self.base.log_marginal(c);
        lgamma(self.alpha) - lgamma(self.alpha + self.data.n as f64) + self.comps.iter().map(of).sum::<f64>()
    }

    /// Makes the pass of a number; returns how many rows changed component. Where it is halted, what is left is of no use. `learned` is what there is of the measure.
    pub fn pass(
        &mut self,
        setup: &Setup,
        proposals: usize,
        number: usize,
        learned: &mut Option<(&Grid, Learned)>,
        halt: &Halt,
        rng: &mut impl rand::Rng,
    ) -> u64 {
        let n = self.data.n;
        let sweep = Sweep { data: self.data, full: self.full, halt };
        let stream = self.stream.named("rows").numbered(number as u64);
        let mut moves = 0;
        if self.parts.rows {
            let (order, names) = Order::of(rng.random(), &self.z, self.comps.len());
            let forms: Vec<_> = names.iter().map(|k| self.base.draw(&self.base.given(&self.comps[*k as usize]), rng)).collect();
            (self.comps, moves) = sweep.assign(&mut self.z, &forms, &names, &order, &stream.numbered(0));
        }
        let grid =
            learned.as_ref().map(|(grid, _)| *grid).filter(|_| (number + 1).is_multiple_of(learning_interval(self.data.d)));
        let (score, blind) = grid.map_or((Score::Known(&self.base), BLIND), |grid| (Score::Summed(grid), 1));
        let ours = (&mut self.z[..], &mut self.comps);
        let mut partition = Partition::new(sweep, ours, self.alpha, &self.reference, score, stream.named("proposals"));
        for _ in 0..proposals {
            if self.parts.fitted && !halt.now() {
                partition.propose(Kind::Fitted, rng);
            }
            for _ in 0..if self.parts.blind { blind } else { 0 } {
                partition.propose(Kind::Blind, rng);
            }
        }
        moves += partition.moves;
        let drawn = grid.map(|grid| (grid, partition.pick(grid, rng)));
        if let Some((grid, drawn)) = drawn {
            self.base = Base::learned(&drawn.measure(), self.data.d, self.kappa);
            *learned = Some((grid, drawn));
        }
        self.alpha = setup.alpha.update(self.alpha, self.comps.len(), n, rng);
        moves
    }
}
