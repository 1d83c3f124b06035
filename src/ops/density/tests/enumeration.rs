//! The exact samplers against the posterior over all set partitions of a few points.

use super::super::alpha::AlphaPrior;
use super::super::cache::Observations;
use super::super::chain::Chain;
use super::super::component::Built;
use super::super::niw::Niw;
use super::super::setup::{Method, Setup};
use super::super::start::compact;
use super::super::sub_clusters::Parts;
use super::super::walk::Walk;
use super::{cloud, one_chain};
use crate::base::Stream;
use rand::RngExt;
use std::collections::BTreeMap;

/// Returns all set partitions of n points as restricted growth strings.
pub fn partitions(n: usize) -> Vec<Vec<u32>> {
    let mut all = vec![vec![0u32]];
    for _ in 1..n {
        all = all
            .into_iter()
            .flat_map(|p| {
                let top = p.iter().max().map_or(0, |m| m + 1);
                (0..=top).map(move |k| [p.as_slice(), &[k]].concat())
            })
            .collect();
    }
    all
}

/// Returns the exact posterior of the partitions, alpha integrated out by the trapezoid rule in ln alpha.
fn posterior(data: &Observations, niw: &Niw, alpha: AlphaPrior) -> Vec<(Vec<u32>, f64)> {
    let n = data.n as f64;
    let weight = |k: f64| -> f64 {
        let at = |a: f64| k * a.ln() + libm::lgamma(a) - libm::lgamma(a + n) + alpha.log_density(a);
        match alpha {
            AlphaPrior::Fixed(a) => at(a),
            AlphaPrior::Gamma { .. } => {
                (0..4000).map(|i| (i as f64 * 0.01 - 30.0).exp()).map(|a| (at(a) + a.ln()).exp() * 0.01).sum::<f64>().ln()
            }
        }
    };
    let logs: Vec<(Vec<u32>, f64)> = partitions(data.n)
        .into_iter()
        .map(|p| {
            let k = p.iter().max().map_or(0, |m| m + 1);
            let parts: f64 = (0..k)
                .map(|c| {
                    let rows: Vec<&[f64]> = (0..data.n).filter(|i| p[*i] == c).map(|i| data.row(i)).collect();
                    let built = Built::from_members(niw, data.dp, rows.iter().copied());
                    libm::lgamma(rows.len() as f64) + niw.log_marginal(rows.len(), built.log_det)
                })
                .sum();
            (p, parts + weight(f64::from(k)))
        })
        .collect();
    let top = logs.iter().fold(f64::NEG_INFINITY, |a, b| a.max(b.1));
    let total: f64 = logs.iter().map(|l| (l.1 - top).exp()).sum();
    logs.into_iter().map(|(p, l)| (p, (l - top).exp() / total)).collect()
}

/// Returns values of alpha with their cumulated mass given the number of components, on a grid.
fn alpha_given(k: usize, n: usize, alpha: AlphaPrior) -> Vec<(f64, f64)> {
    let AlphaPrior::Gamma { .. } = alpha else { return vec![(alpha.initial(), 1.0)] };
    let log = |a: f64| (k as f64 + 1.0) * a.ln() + libm::lgamma(a) - libm::lgamma(a + n as f64) + alpha.log_density(a);
    let mut total = 0.0;
    let grid = (0..2000).map(|i| (i as f64 * 0.01 - 14.0).exp()).map(|a| {
        total += log(a).exp();
        (a, total)
    });
    let grid: Vec<(f64, f64)> = grid.collect();
    grid.into_iter().map(|(a, mass)| (a, mass / total)).collect()
}

/// Starts many short chains from exact posterior draws and returns (chi squared, degrees of freedom) of where they end.
fn chi_squared(niw: &Niw, n: usize, alpha: AlphaPrior, method: Method, published: bool, chains: usize) -> (f64, f64) {
    chi_squared_of(niw, n, alpha, method, published, chains, |_| ())
}

/// The same of chains that are changed before they run.
fn chi_squared_of(
    niw: &Niw,
    n: usize,
    alpha: AlphaPrior,
    method: Method,
    published: bool,
    chains: usize,
    change: impl Fn(&mut Chain),
) -> (f64, f64) {
    let d = niw.d;
    let data = cloud(n, d, 1.2, 40 + d as u64);
    let exact = posterior(&data, niw, alpha);
    // Chains under a heated measure stay in their first, hottest passes.
    let heated = if niw.heat == 1.0 { 0 } else { 1_000_000 };
    let setup = Setup { published, heated, ..one_chain(alpha, method, 8) };
    let mut counts: BTreeMap<Vec<u32>, f64> = BTreeMap::new();
    let alphas: Vec<Vec<(f64, f64)>> = (0..=n).map(|k| alpha_given(k, n, alpha)).collect();
    let root = Stream::root(7).named("enumeration");
    for c in 0..chains {
        let stream = root.numbered(c as u64);
        let mut rng = stream.named("exact").rng();
        let mut left: f64 = rng.random();
        let from = exact.iter().find(|(_, p)| {
            left -= p;
            left < 0.0
        });
        let z = from.map_or_else(|| vec![0; n], |f| f.0.clone());
        let k = z.iter().max().map_or(1, |m| *m as usize + 1);
        let u: f64 = rng.random();
        let a = alphas[k][alphas[k].partition_point(|a| a.1 < u).min(alphas[k].len() - 1)].0;
        let mut chain = Chain::new(&data, niw, &setup, 0.0, &stream, 0, Some((z, a)));
        change(&mut chain);
        (0..setup.passes).for_each(|_| chain.step());
        *counts.entry(compact(chain.z())).or_default() += 1.0;
    }
    let (mut chi, mut cells, mut rest) = (0.0, 0.0, (0.0, 0.0));
    for (p, probability) in &exact {
        let (expected, seen) = (probability * chains as f64, counts.get(p).copied().unwrap_or(0.0));
        if expected < 5.0 {
            rest = (rest.0 + expected, rest.1 + seen);
        } else {
            chi += (seen - expected).powi(2) / expected;
            cells += 1.0;
        }
    }
    if rest.0 > 5.0 {
        chi += (rest.1 - rest.0).powi(2) / rest.0;
        cells += 1.0;
    }
    (chi, cells - 1.0)
}

/// Asserts that chi squared lies below its quantile of about 1e-4 (Wilson and Hilferty), at a fixed seed.
fn accept(niw: &Niw, n: usize, alpha: AlphaPrior, method: Method) {
    let (chi, dof) = chi_squared(niw, n, alpha, method, false, 10_000);
    below(chi, dof, &format!("{method:?} n {n} d {} {alpha:?} {:?}", niw.d, niw.shape));
}

fn below(chi: f64, dof: f64, what: &str) {
    let cut = dof * (1.0 - 2.0 / (9.0 * dof) + 3.7 * (2.0 / (9.0 * dof)).sqrt()).powi(3);
    assert!(dof > 3.0 && chi < cut, "{what}: chi2 {chi:.1} on {dof}, cut {cut:.1}");
}

const RANDOM: AlphaPrior = AlphaPrior::Gamma { shape: 1.0, rate: 1.0 };
const SPLITS: Method = Method::SplitMerge { proposals: 2, scans: 2, every: 1 };

fn full(n: usize, d: usize) -> Niw {
    Niw::new(d, 0.3, d as f64 + 2.0, n)
}

const ALLOCATED: Method = Method::MergeSplit { proposals: 2, every: 1 };

#[test]
fn gibbs_has_the_exact_posterior() {
    for (n, d) in [(5, 1), (6, 2), (7, 3)] {
        accept(&full(n, d), n, AlphaPrior::Fixed(0.8), Method::Gibbs);
        accept(&full(n, d), n, RANDOM, Method::Gibbs);
    }
}

#[test]
fn split_merge_has_the_exact_posterior() {
    for (n, d) in [(5, 1), (6, 2), (7, 3)] {
        accept(&full(n, d), n, AlphaPrior::Fixed(0.8), SPLITS);
        accept(&full(n, d), n, RANDOM, SPLITS);
        accept(&full(n, d), n, AlphaPrior::Fixed(0.8), ALLOCATED);
        accept(&full(n, d), n, RANDOM, ALLOCATED);
    }
}

#[test]
fn heated_chains_have_the_posterior_of_their_power() {
    for (n, d) in [(6, 2), (7, 3)] {
        let hot = full(n, d).heated(0.1);
        for method in [Method::Gibbs, SPLITS, ALLOCATED] {
            accept(&hot, n, RANDOM, method);
        }
        // The test can tell: it is another posterior.
        let data = cloud(n, d, 1.2, 40 + d as u64);
        let (a, b) = (posterior(&data, &hot, RANDOM), posterior(&data, &full(n, d), RANDOM));
        let apart: f64 = a.iter().zip(&b).map(|(a, b)| (a.1 - b.1).abs()).sum::<f64>() / 2.0;
        assert!(apart > 0.2, "total variation {apart}");
    }
}

#[test]
fn blocks_of_one_are_exact_and_blocks_of_four_are_not() {
    accept(&full(6, 2), 6, AlphaPrior::Fixed(0.8), Method::Block(1));
    let (chi, dof) = chi_squared(&full(6, 2), 6, AlphaPrior::Fixed(0.8), Method::Block(4), false, 10_000);
    assert!(chi > 10.0 * dof, "the published approximation shows: {chi} on {dof}");
}

#[test]
fn the_published_alpha_is_caught() {
    let (chi, dof) = chi_squared(&full(6, 2), 6, RANDOM, Method::Gibbs, true, 10_000);
    assert!(chi > 5.0 * dof, "the published alpha update is not the posterior's: {chi} on {dof}");
}

#[test]
fn diagonal_and_spherical_covariances_have_the_exact_posterior() {
    for (n, d) in [(5, 1), (6, 2), (7, 3)] {
        let niw = Niw::diagonal(d, 0.3, 3.0, n);
        for method in [Method::Gibbs, Method::Block(1), SPLITS] {
            accept(&niw, n, AlphaPrior::Fixed(0.8), method);
        }
        accept(&niw, n, RANDOM, Method::Gibbs);
    }
    for (n, d) in [(6, 2), (7, 3)] {
        let niw = Niw::spherical(d, 0.3, 3.0, n);
        for method in [Method::Gibbs, Method::Block(1), SPLITS] {
            accept(&niw, n, RANDOM, method);
        }
    }
    // The tests can tell the measures apart: the full one's posterior is another.
    let (data, diagonal) = (cloud(6, 2, 1.2, 42), Niw::diagonal(2, 0.3, 3.0, 6));
    let (a, b) = (posterior(&data, &diagonal, RANDOM), posterior(&data, &full(6, 2), RANDOM));
    let apart: f64 = a.iter().zip(&b).map(|(a, b)| (a.1 - b.1).abs()).sum::<f64>() / 2.0;
    assert!(apart > 0.05, "total variation {apart}");
    let c = posterior(&data, &Niw::spherical(2, 0.3, 3.0, 6), RANDOM);
    let apart: f64 = a.iter().zip(&c).map(|(a, c)| (a.1 - c.1).abs()).sum::<f64>() / 2.0;
    assert!(apart > 0.02, "total variation {apart}");
}

#[test]
fn sub_clusters_have_the_exact_posterior_and_so_has_each_of_their_moves() {
    let method = Method::SubClusters { proposals: 2 };
    let parts = |rows, fitted, blind| Parts { rows, fitted, blind };
    let all = parts(true, true, true);
    let each = [parts(true, false, false), parts(false, true, false), parts(false, false, true), all];
    let (diagonal, spherical) = (Niw::diagonal(2, 0.3, 3.0, 6), Niw::spherical(2, 0.3, 3.0, 6));
    for (n, niw, moves) in [(5, full(5, 1), &each[..]), (6, full(6, 2), &each), (6, diagonal, &[all]), (6, spherical, &[all])] {
        for parts in moves {
            let alpha = if parts.rows { RANDOM } else { AlphaPrior::Fixed(0.8) };
            let (chi, dof) = chi_squared_of(&niw, n, alpha, method, false, 3000, |c| {
                if let Walk::AtOnce(w) = c.walk() {
                    w.parts = *parts;
                }
            });
            below(chi, dof, &format!("{parts:?} n {n} d {} {:?}", niw.d, niw.shape));
        }
    }
}
