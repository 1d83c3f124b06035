//! Where chains start: one component, K random labels, or many from a few rounds of k-means; dispersed over chains.

use super::cache::Observations;
use super::simd::{axpy, inner};
use crate::lang::settings::Setting;
use crate::lang::static_value::Static;
use crate::words;
use rand::RngExt;

words! {
    /// Where chains start.
    pub enum Start {
        /// Chain by chain: random, one, many, random …
        Dispersed = "dispersed",
        /// Labels uniform at random over K, as published.
        Random = "random",
        /// All in one component.
        One = "one",
        /// About `5 K` components of neighbours.
        Many = "many",
    }
}

impl Start {
    /// Returns the start of the word in scripts.
    pub fn parse(word: &str) -> Option<Start> {
        Start::read(&Static::Word(word.to_string()))
    }

    /// Returns what the chain of that number does.
    pub fn of_chain(self, chain: usize) -> Start {
        match (self, chain % 3) {
            (Start::Dispersed, 0) => Start::Random,
            (Start::Dispersed, 1) => Start::One,
            (Start::Dispersed, _) => Start::Many,
            (other, _) => other,
        }
    }

    /// Returns first labels, contiguous, in order of first appearance. `components` is K.
    pub fn labels(self, data: &Observations, components: usize, rng: &mut impl rand::Rng) -> Vec<u32> {
        let k = components.clamp(1, data.n.max(1)) as u32;
        let z = match self {
            Start::One => vec![0; data.n],
            Start::Many => nearest(data, (5 * k as usize).min(data.n.div_ceil(2)).max(1), rng),
            Start::Random | Start::Dispersed => (0..data.n).map(|_| rng.random_range(0..k)).collect(),
        };
        compact(&z)
    }
}

/// Returns the labels renumbered in order of first appearance.
pub fn compact(z: &[u32]) -> Vec<u32> {
    let mut names = vec![u32::MAX; z.iter().max().map_or(0, |k| *k as usize + 1)];
    let mut next = 0;
    z.iter()
        .map(|k| {
            let name = &mut names[*k as usize];
            if *name == u32::MAX {
                (*name, next) = (next, next + 1);
            }
            *name
        })
        .collect()
}

/// Returns labels by three rounds of k-means from centres drawn among the observations.
fn nearest(data: &Observations, k: usize, rng: &mut impl rand::Rng) -> Vec<u32> {
    let mut centres: Vec<Vec<f64>> = (0..k).map(|_| data.row(rng.random_range(0..data.n)).to_vec()).collect();
    let mut z = vec![0u32; data.n];
    for _ in 0..3 {
        let norms: Vec<f64> = centres.iter().map(|c| inner(c, c)).collect();
        for (i, label) in z.iter_mut().enumerate() {
            let far = |c: usize| norms[c] - 2.0 * inner(&centres[c], data.row(i));
            *label = (0..k).fold((0, f64::INFINITY), |best, c| if far(c) < best.1 { (c, far(c)) } else { best }).0 as u32;
        }
        let mut sizes = vec![0usize; k];
        let mut sums = vec![vec![0.0; data.dp]; k];
        for (i, label) in z.iter().enumerate() {
            sizes[*label as usize] += 1;
            axpy(1.0, data.row(i), &mut sums[*label as usize]);
        }
        for ((centre, sum), n) in centres.iter_mut().zip(sums).zip(&sizes) {
            if *n > 0 {
                *centre = sum.iter().map(|s| s / *n as f64).collect();
            }
        }
    }
    z
}
