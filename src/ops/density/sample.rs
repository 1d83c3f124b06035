//! Draws from the posterior predictive: a state, a component by weight, a Student-t.

use super::predictive::{Part, Predictive};
use crate::base::Stream;
use rand::RngExt;
use rand_distr::{ChiSquared, Distribution, StandardNormal};
use rayon::prelude::*;

/// Draws that share one stream.
const CHUNK: usize = 512;

/// Returns `draws` points, row-major, in the data's units. With `state`, from that kept state; else from the pooled predictive.
/// Draw i depends on the stream and i alone. Nothing once `stop` says that the run stops.
pub fn sample(
    p: &Predictive,
    state: Option<usize>,
    draws: usize,
    stream: &Stream,
    stop: &(dyn Fn() -> bool + Sync),
) -> Option<Vec<f64>> {
    let d = p.frame.d;
    let weights: Vec<(usize, f64)> = match state {
        Some(s) => p.states[s].parts.clone(),
        None => p.pooled.iter().copied().enumerate().collect(),
    };
    let mut cumulative = Vec::with_capacity(weights.len());
    let mut total = 0.0;
    for (_, w) in &weights {
        total += w;
        cumulative.push(total);
    }
    let mut out = vec![0.0; draws * d];
    out.par_chunks_mut(CHUNK * d).enumerate().for_each(|(c, chunk)| {
        if stop() {
            return;
        }
        let mut rng = stream.named("draws").numbered(c as u64).rng();
        for row in chunk.chunks_exact_mut(d) {
            let u = rng.random::<f64>() * total;
            let at = cumulative.partition_point(|c| *c <= u).min(weights.len() - 1);
            row.copy_from_slice(&p.frame.restore(&draw(&p.parts[weights[at].0], d, &mut rng).0));
        }
    });
    (!stop()).then_some(out)
}

/// Returns one draw of a Student-t in the frame and its log density there: `mu + sqrt(inflation / chi2) L e`, e standard normal; dimension by
/// dimension, each with a chi2 of its own, where the part is diagonal.
pub fn draw(part: &Part, d: usize, rng: &mut impl rand::Rng) -> (Vec<f64>, f64) {
    let mut y: Vec<f64> = (0..d).map(|_| StandardNormal.sample(rng)).collect();
    let chi = ChiSquared::new(part.dof);
    let mut one = || chi.as_ref().map_or(f64::NAN, |c| c.sample(rng));
    if part.diagonal {
        let mut ratios = Vec::with_capacity(d);
        for (j, y) in y.iter_mut().enumerate() {
            let chi = one();
            ratios.push(*y * *y / chi);
            *y = part.mu[j] + (part.inflation * part.inverse[j] / chi).sqrt() * *y;
        }
        return (y, part.log_at(ratios.into_iter()));
    }
    let square: f64 = y.iter().map(|e| e * e).sum();
    // L e solves L^-1 y = e; column c of L^-1 is row c of the transposed inverse.
    for c in 0..d {
        let row = &part.inverse[c * d..(c + 1) * d];
        y[c] /= row[c];
        let known = y[c];
        y[c + 1..].iter_mut().zip(&row[c + 1..]).for_each(|(y, l)| *y -= l * known);
    }
    let chi = one();
    let stretch = (part.inflation / chi).sqrt();
    (y.iter().zip(&part.mu).map(|(y, m)| m + stretch * y).collect(), part.log_at(std::iter::once(square / chi)))
}
