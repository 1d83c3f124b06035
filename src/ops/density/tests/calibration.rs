//! Simulation-based calibration (Talts et al., 2018; Modrak et al., 2023): ranks of the truth among posterior draws are uniform.
//!
//! Truth and data are drawn from the model with fixed hyper-parameters; test quantities are alpha, and the log density that a state
//! gives to a point that was held out.

use super::super::alpha::AlphaPrior;
use super::super::cache::Observations;
use super::super::chain::Chain;
use super::super::component::Component;
use super::super::niw::Niw;
use super::super::setup::{Method, Setup};
use super::geweke::{D, N, data_given, partition};
use super::one_chain;
use crate::base::Stream;

/// Posterior draws that the truth is ranked among, and passes between them.
const DRAWS: usize = 15;
const THIN: usize = 12;

/// Returns the log predictive density of a fixed point that is not among the rows, under one state.
fn held_out(z: &[u32], alpha: f64, data: &Observations, niw: &Niw) -> f64 {
    let point = [0.8, -0.4, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let mut scratch = vec![0.0; point.len()];
    let mut total = alpha * niw.log_predictive(0, 0.0, Component::empty(niw).quadratic(&point, &mut scratch)).exp();
    for k in 0..=z.iter().copied().max().unwrap_or(0) {
        let rows: Vec<&[f64]> = (0..N).filter(|i| z[*i] == k).map(|i| data.row(i)).collect();
        if !rows.is_empty() {
            let mut c = Component::empty(niw);
            c.rebuild(niw, rows.iter().copied());
            total += c.n as f64 * niw.log_predictive(c.n, c.log_det, c.quadratic(&point, &mut scratch)).exp();
        }
    }
    (total / (N as f64 + alpha)).ln()
}

/// Returns chi squared of the ranks of alpha and of the held-out log density against uniform ones, each on `DRAWS` degrees of freedom.
fn ranks(niw: &Niw, method: Method, published: bool) -> [f64; 2] {
    let alpha = AlphaPrior::Gamma { shape: 2.0, rate: 1.5 };
    let setup = Setup { published, ..one_chain(alpha, method, 1) };
    let (root, rounds) = (Stream::root(29).named("calibration"), 3000);
    let mut counts = [[0.0f64; DRAWS + 1]; 2];
    for round in 0..rounds {
        let stream = root.numbered(round);
        let mut rng = stream.named("truth").rng();
        let a = alpha.draw(&mut rng);
        let z = partition(a, &mut rng);
        let data = data_given(&z, niw, &mut rng);
        let truth = [a, held_out(&z, a, &data, niw)];
        let mut chain = Chain::new(&data, niw, &setup, 0.0, &stream, 0, None);
        let mut below = [0; 2];
        for _ in 0..DRAWS {
            (0..THIN).for_each(|_| chain.step());
            let state = chain.state().expect("it has a cache");
            let draw = [state.alpha, held_out(&state.z, state.alpha, &data, niw)];
            (0..2).for_each(|q| below[q] += usize::from(draw[q] < truth[q]));
        }
        (0..2).for_each(|q| counts[q][below[q]] += 1.0);
    }
    let expected = rounds as f64 / (DRAWS + 1) as f64;
    counts.map(|c| c.iter().map(|seen| (seen - expected).powi(2) / expected).sum())
}

#[test]
fn ranks_of_alpha_and_of_held_out_densities_are_uniform() {
    // Chi squared on 15 degrees of freedom lies below 44.3 with probability 1 - 1e-4.
    let niw = Niw::new(D, 0.7, D as f64 + 3.0, N + 1);
    for method in [Method::Gibbs, Method::SplitMerge { proposals: 1, scans: 1, every: 1 }] {
        let chi = ranks(&niw, method, false);
        assert!(chi.iter().all(|c| *c < 44.3), "{method:?}: {chi:.1?}");
    }
    let wrong = ranks(&niw, Method::Gibbs, true);
    assert!(wrong[0] > 150.0, "the published update of alpha is caught: {wrong:.1?}");
}
