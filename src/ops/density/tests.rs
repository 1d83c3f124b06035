//! Checks of the sampler's parts; the larger ones have files of their own.

mod calibration;
mod divergence;
mod enumeration;
mod exactness;
mod formulas;
mod geweke;
mod given;
mod hyper;
mod learned;
mod stacking;
mod textbook;

use super::alpha::AlphaPrior;
use super::cache::Observations;
use super::frame::Frame;
use super::hyper::Grid;
use super::setup::{Method, Setup, Until};
use super::simd::padded;
use super::start::Start;
use crate::base::Stream;
use rand_distr::{Distribution, StandardNormal};

/// Returns what one chain does that keeps each of its passes; tests change what they are about.
pub(super) fn one_chain(alpha: AlphaPrior, method: Method, passes: usize) -> Setup {
    Setup {
        alpha,
        method,
        passes,
        burn_in: 0,
        thin: 1,
        chains: 1,
        start: Start::One,
        components: 1,
        published: false,
        heated: 0,
        until: Until::default(),
    }
}

/// Returns n canonical observations in d dimensions: a standard normal cloud, with a second one `shift` away.
pub(super) fn cloud(n: usize, d: usize, shift: f64, seed: u64) -> Observations {
    let mut rng = Stream::root(seed).named("cloud").rng();
    let dp = padded(d);
    let mut x = vec![0.0; n * dp];
    for (i, row) in x.chunks_exact_mut(dp).enumerate() {
        for v in row[..d].iter_mut() {
            let z: f64 = StandardNormal.sample(&mut rng);
            *v = z + if i % 2 == 0 { shift } else { -shift };
        }
    }
    Observations::new(x, d)
}

/// Returns the grid of a hierarchical measure in the frame of a matrix whose correlations are not 0.
pub(super) fn correlated(d: usize, kappa: f64, members: usize) -> Grid {
    let factor = (0..d * d)
        .map(|k| if k / d < k % d { 0.0 } else { 0.4 + 0.3 * ((k * k) as f64).sin() + f64::from(u8::from(k / d == k % d)) });
    Grid::of(&Frame { d, centre: vec![0.0; d], factor: factor.collect(), log_volume: 0.0 }, kappa, members)
}
