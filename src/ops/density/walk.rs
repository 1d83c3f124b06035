//! What a chain moves: rows one by one or in blocks over a cache, or all rows at once.

use super::cache::Observations;
use super::niw::Niw;
use super::setup::{Method, Setup};
use super::split_merge::{self, Proposal};
use super::state::State;
use super::sub_clusters::AtOnce;
use super::{block_gibbs, gibbs};
use rand::RngExt;
use rand_chacha::ChaCha12Rng;

/// Puts the order of visits into a fresh random one.
fn permute(order: &mut [u32], rng: &mut ChaCha12Rng) {
    for i in (1..order.len()).rev() {
        let draw: u32 = rng.random();
        let j = (u64::from(draw) * (i as u64 + 1)) >> 32;
        order.swap(i, j as usize);
    }
}

/// Rows with the cache of their quadratic forms.
pub struct ByRow {
    /// Partition, components and cache.
    pub state: State,
    /// The order of visits.
    pub order: Vec<u32>,
    uniforms: Vec<f64>,
    gibbs: gibbs::Scratch,
    block: block_gibbs::Scratch,
}

impl ByRow {
    /// Returns the rows in a partition.
    pub fn new(data: &Observations, niw: &Niw, z: Vec<u32>, alpha: f64, single: bool) -> ByRow {
        let state = State { single, ..State::new(data, niw, z, alpha) };
        let (order, uniforms) = ((0..data.n as u32).collect(), vec![0.0; data.n]);
        ByRow { state, order, uniforms, gibbs: Default::default(), block: Default::default() }
    }

    /// Makes the pass of a number: visits, proposals, concentration. Returns how many rows the visits moved.
    pub fn pass(&mut self, setup: &Setup, number: usize, rng: &mut ChaCha12Rng) -> u64 {
        let n = self.state.data.n;
        // The published code's first pass goes through the data as they lie.
        let in_order = setup.published && number == 0;
        let shuffle = |order: &mut [u32], rng: &mut ChaCha12Rng| {
            if !in_order {
                permute(order, rng);
            }
        };
        if let Method::Block(size) = setup.method {
            shuffle(&mut self.order, rng);
            return self.blocks(setup, size, rng);
        }
        let (order, uniforms) = (&mut self.order, &mut self.uniforms);
        let moves = gibbs::pass(&mut self.state, order, uniforms, rng, shuffle, &mut self.gibbs);
        let proposing = match setup.method {
            Method::SplitMerge { proposals, scans, every } => Some((proposals, Proposal::Restricted(scans), every)),
            Method::MergeSplit { proposals, every } => Some((proposals, Proposal::Sequential, every)),
            _ => None,
        };
        if let Some((proposals, proposal, every)) = proposing
            && (number + 1).is_multiple_of(every.max(1))
        {
            (0..proposals).for_each(|_| {
                split_merge::propose(&mut self.state, proposal, rng);
            });
        }
        let (k, alpha) = (self.state.occupied(), self.state.alpha);
        self.state.alpha =
            if setup.published { setup.alpha.update_published(alpha, k, n, rng) } else { setup.alpha.update(alpha, k, n, rng) };
        moves
    }

    fn blocks(&mut self, setup: &Setup, size: usize, rng: &mut ChaCha12Rng) -> u64 {
        let order = std::mem::take(&mut self.order);
        let n = self.state.data.n;
        let mut moves = 0;
        for block in order.chunks(size.max(1)) {
            let before = self.state.occupied();
            let next = if setup.published {
                // Drawn from the components before the block is removed, and used one block late.
                Some(setup.alpha.update_published(self.state.alpha, before, n, rng))
            } else {
                None
            };
            moves += block_gibbs::visit(&mut self.state, block, rng, &mut self.block);
            self.state.alpha = match next {
                Some(alpha) => alpha,
                None => setup.alpha.update(self.state.alpha, self.state.occupied(), n, rng),
            };
        }
        self.order = order;
        moves
    }
}

/// What a chain moves.
pub enum Walk<'a> {
    /// Rows one by one, or in blocks.
    ByRow(Box<ByRow>),
    /// All rows at once.
    AtOnce(Box<AtOnce<'a>>),
}

impl Walk<'_> {
    /// Returns the label of each row.
    pub fn z(&self) -> &[u32] {
        match self {
            Walk::ByRow(w) => &w.state.z,
            Walk::AtOnce(w) => &w.z,
        }
    }

    /// Returns the concentration.
    pub fn alpha(&self) -> f64 {
        match self {
            Walk::ByRow(w) => w.state.alpha,
            Walk::AtOnce(w) => w.alpha,
        }
    }

    /// Returns the sizes of occupied components.
    pub fn sizes(&self) -> Vec<usize> {
        match self {
            Walk::ByRow(w) => w.state.comps.iter().map(|c| c.n).filter(|n| *n > 0).collect(),
            Walk::AtOnce(w) => w.sizes().collect(),
        }
    }

    /// Makes what follows hang on partition, concentration, measure and random numbers alone.
    pub fn canonicalise(&mut self) {
        match self {
            Walk::ByRow(w) => w.state.canonicalise(),
            Walk::AtOnce(w) => w.canonicalise(),
        }
    }
}
