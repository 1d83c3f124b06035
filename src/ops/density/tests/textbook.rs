//! Chains against an independent sampler's (tests/data/density/textbook.json, made by textbook.py beside it, NumPy and SciPy only).

use super::super::alpha::AlphaPrior;
use super::super::fit::{Rows, fit};
use super::super::frame::Scale;
use super::super::niw::Shape;
use super::super::posterior::Posterior;
use super::super::predictive::Predictive;
use super::super::settings::Fit;
use super::super::setup::{Method, Setup};
use super::super::start::Start;
use super::one_chain;
use crate::base::Stream;
use crate::engine::kernel::Quiet;
use serde_json::Value as Json;

fn numbers(j: &Json) -> Vec<f64> {
    match j {
        Json::Array(items) => items.iter().flat_map(numbers).collect(),
        other => vec![other.as_f64().expect("a number")],
    }
}

fn fitted(set: &Json, method: Method, published: bool) -> Posterior {
    let d = set["d"].as_u64().expect("d") as usize;
    let x = numbers(&set["x"]);
    let setup = Setup {
        burn_in: 600,
        thin: 9,
        chains: 4,
        start: Start::Dispersed,
        components: 6,
        published,
        ..one_chain(AlphaPrior::Gamma { shape: 1.0, rate: 1.0 }, method, 6000)
    };
    let settings = Fit { kappa: 0.01, dof: [1.0, 2.0], inflate: [0.0, 1.0], shape: Shape::Full, scale: Scale::Diagonal, setup };
    let rows = Rows { d, ids: (0..(x.len() / d) as u32).collect(), x, ..Rows::default() };
    fit(rows, &settings, &Stream::root(12), &Quiet::default(), false).expect("fits")
}

/// Returns mean and standard error of batch means, chain by chain.
fn estimate(chains: &[Vec<f64>]) -> (f64, f64) {
    let means: Vec<f64> =
        chains.iter().flat_map(|c| c.chunks_exact(c.len() / 15).map(|b| b.iter().sum::<f64>() / b.len() as f64)).collect();
    let count = means.len() as f64;
    let mean = means.iter().sum::<f64>() / count;
    (mean, (means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / (count - 1.0) / count).sqrt())
}

/// Returns the largest distance in standard errors: of the share of passes with 1, 2, … 8 components, of densities at unseen points.
fn distances(set: &Json, p: &Posterior) -> [f64; 2] {
    let distance = |series: Vec<Vec<f64>>, theirs: f64, their_error: f64| {
        let (ours, error) = estimate(&series);
        // Below a share of 1 % batch means say little of their own error.
        (ours - theirs).abs() / (error.powi(2) + their_error.powi(2) + (2e-3 * theirs.abs().max(1e-3)).powi(2)).sqrt()
    };
    let occupied = p.series(1);
    let (shares, errors) = (numbers(&set["occupied"]), numbers(&set["occupied_error"]));
    let components = (0..shares.len())
        .filter(|k| shares[*k] > 0.01)
        .map(|k| {
            let is = |c: &Vec<f64>| c.iter().map(|v| f64::from(u8::from(*v == (k + 1) as f64))).collect();
            distance(occupied.iter().map(is).collect(), shares[k], errors[k])
        })
        .fold(0.0, f64::max);
    let points = numbers(&set["points"]);
    let states = p.states();
    let by_state = Predictive::new(p).by_state(&points);
    let (values, errors) = (numbers(&set["density"]), numbers(&set["density_error"]));
    let densities = by_state
        .chunks_exact(states)
        .enumerate()
        .map(|(i, row)| {
            let chains = row.chunks_exact(states / 4).map(|c| c.iter().map(|l| l.exp()).collect()).collect();
            distance(chains, values[i], errors[i])
        })
        .fold(0.0, f64::max);
    [components, densities]
}

#[test]
fn an_independent_sampler_s_chains_agree() {
    let text = include_str!("../../../../tests/data/density/textbook.json");
    let sets: Json = serde_json::from_str(text).expect("the reference file is JSON");
    for set in sets.as_array().expect("sets") {
        for method in [Method::Gibbs, Method::SplitMerge { proposals: 1, scans: 3, every: 1 }] {
            let z = distances(set, &fitted(set, method, false));
            assert!(z.iter().all(|z| *z < 4.0), "{method:?}, {}: {z:.2?} standard errors", set["name"]);
        }
        // The published choices are another posterior, and the test can tell.
        let z = distances(set, &fitted(set, Method::Block(4), true));
        assert!(z[0].max(z[1]) > 4.5, "published, {}: {z:.2?}", set["name"]);
    }
}
