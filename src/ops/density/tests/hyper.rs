//! What a hierarchical base measure learns: closed forms against the definition, and chains against the exact posterior in one dimension.

use super::super::alpha::AlphaPrior;
use super::super::cache::Observations;
use super::super::chain::{Chain, Method, Setup};
use super::super::component::Built;
use super::super::frame::{Frame, Scale};
use super::super::hyper::{Learned, excess_bounds, firmness_bounds};
use super::super::matrix::cholesky;
use super::super::niw::Niw;
use super::super::shrink::shrunk;
use super::super::spectrum::Spectrum;
use super::super::start::{Start, compact};
use super::cloud;
use super::enumeration::partitions;
use crate::base::Stream;
use std::collections::BTreeMap;

/// Returns size, scatter about the mean and mean of the first n rows.
fn scatter(data: &Observations, n: usize) -> (Vec<f64>, Vec<f64>) {
    let d = data.d;
    let mean: Vec<f64> = (0..d).map(|j| (0..n).map(|i| data.row(i)[j]).sum::<f64>() / n as f64).collect();
    let entry = |a: usize, b: usize| (0..n).map(|i| (data.row(i)[a] - mean[a]) * (data.row(i)[b] - mean[b])).sum::<f64>();
    ((0..d * d).map(|k| entry(k / d, k % d)).collect(), mean)
}

#[test]
fn a_spectrum_has_the_marginal_likelihood_of_the_definition() {
    for d in [1usize, 2, 3, 8, 17] {
        for n in [1usize, 2, 7, 40] {
            let data = cloud(n, d, 0.7, 5);
            let (matrix, mean) = scatter(&data, n);
            let spectrum = Spectrum::of(n, matrix, &mean);
            for (kappa, nu, scale) in [(0.05, d as f64 + 2.0, 1.0), (0.7, 3.0 * d as f64, 0.2), (2.0, d as f64 + 9.5, 30.0)] {
                // S0 = scale I is the identity for rows divided by sqrt(scale).
                let rows: Vec<f64> = data.x.iter().map(|v| v / f64::sqrt(scale)).collect();
                let unit = Observations::new(rows, d);
                let niw = Niw::new(d, kappa, nu, n);
                let built = Built::from_members(&niw, data.dp, (0..n).map(|i| unit.row(i)));
                let expected = niw.log_marginal(n, built.log_det) - 0.5 * (n * d) as f64 * scale.ln();
                let got = spectrum.log_marginal(kappa, nu, scale);
                assert!((got - expected).abs() < 1e-9 * (1.0 + expected.abs()), "d {d} n {n} {scale}: {got} for {expected}");
            }
        }
    }
}

#[test]
fn a_measure_in_the_frame_is_the_one_in_its_own_coordinates() {
    let (n, d) = (9, 3);
    let data = cloud(n, d, 0.7, 6);
    let learned = Learned { excess: 2.5, firmness: 8.0, shape: vec![1.2, 0.0, 0.0, -0.3, 0.7, 0.0, 0.4, 0.1, 1.5] };
    let niw = learned.niw(0.05, n + 1);
    let white = learned.whiten(&data);
    let own = Built::from_members(&niw, data.dp, (0..n).map(|i| white.row(i)));
    let scale = learned.measure().scale(d);
    let framed = Built::on_scale(&niw, data.dp, (0..n).map(|i| data.row(i)), Some(scale));
    assert!((framed.log_det - own.log_det - 2.0 * learned.log_volume()).abs() < 1e-10);
    assert!((learned.measure().dof - 6.5).abs() < 1e-12);
}

/// Returns the exact posterior of partitions of rows in one dimension, with `excess` and U integrated over a grid of their logarithms.
fn exact(data: &Observations, kappa: f64, alpha: f64) -> Vec<(Vec<u32>, f64)> {
    let [low, high] = firmness_bounds(1).map(f64::ln);
    let grid = |[low, high]: [f64; 2], count: usize| -> Vec<f64> {
        (0..count).map(|i| (low + (high - low) * (i as f64 + 0.5) / count as f64).exp()).collect()
    };
    let firm = grid([low, high], 60);
    // U = V in one dimension: density of ln U.
    let points: Vec<(f64, f64)> = grid([1e-4f64.ln(), 20f64.ln()], 300)
        .into_iter()
        .map(|u| {
            let mass: f64 = firm
                .iter()
                .map(|m| (0.5 * m * u.ln() - 0.5 * m * u + 0.5 * m * (0.5 * m).ln() - libm::lgamma(0.5 * m)).exp())
                .sum();
            (u, mass)
        })
        .collect();
    let excesses = grid(excess_bounds(1).map(f64::ln), 60);
    let mut totals: BTreeMap<Vec<u32>, f64> = BTreeMap::new();
    let all = partitions(data.n);
    for e in &excesses {
        let niw = Niw::new(1, kappa, 2.0 + e, data.n + 1);
        for (u, mass) in &points {
            let scale = e * u;
            let unit = Observations::new(data.x.iter().map(|v| v / scale.sqrt()).collect(), 1);
            // Marginal likelihoods of all subsets, by bits.
            let subsets: Vec<f64> = (0..1usize << data.n)
                .map(|set| {
                    let rows = (0..data.n).filter(|i| set >> i & 1 == 1).map(|i| unit.row(i));
                    let built = Built::from_members(&niw, data.dp, rows);
                    libm::lgamma(built.n.max(1) as f64) + niw.log_marginal(built.n, built.log_det)
                        - 0.5 * built.n as f64 * scale.ln()
                })
                .collect();
            for p in &all {
                let k = p.iter().max().map_or(0, |m| m + 1);
                let log: f64 =
                    (0..k).map(|c| subsets[(0..data.n).filter(|i| p[*i] == c).map(|i| 1 << i).sum::<usize>()] + alpha.ln()).sum();
                *totals.entry(p.clone()).or_default() += log.exp() * mass;
            }
        }
    }
    let sum: f64 = totals.values().sum();
    totals.into_iter().map(|(p, v)| (p, v / sum)).collect()
}

#[test]
fn a_learned_measure_has_the_exact_posterior() {
    let (n, alpha, kappa, chains) = (5, 0.8, 0.3, 6000);
    let mut data = cloud(n, 1, 1.2, 41);
    let rows: Vec<f64> = data.x.iter().map(|v| v * 0.8).collect();
    data = Observations::new(rows, 1);
    let exact = exact(&data, kappa, alpha);
    for method in [Method::Gibbs, Method::MergeSplit { proposals: 1, every: 1 }] {
        let setup = Setup {
            alpha: AlphaPrior::Fixed(alpha),
            method,
            passes: 81,
            burn_in: 0,
            thin: 1,
            chains: 1,
            start: Start::Random,
            components: 3,
            published: false,
        };
        let niw = Niw::new(1, kappa, 3.0, n + 1);
        let mut counts: BTreeMap<Vec<u32>, f64> = BTreeMap::new();
        for c in 0..chains {
            let stream = Stream::root(21).numbered(c);
            let mut chain = Chain::new(&data, &niw, &setup, 0.0, &stream, 0, None).learning();
            (0..setup.passes).for_each(|_| chain.step());
            *counts.entry(compact(&chain.state().z)).or_default() += 1.0;
        }
        let (mut chi, mut cells) = (0.0f64, 0.0f64);
        for (p, probability) in &exact {
            let (expected, seen) = (probability * chains as f64, counts.get(p).copied().unwrap_or(0.0));
            if expected >= 5.0 {
                chi += (seen - expected).powi(2) / expected;
                cells += 1.0;
            }
        }
        let dof = cells - 1.0;
        let cut = dof * (1.0 - 2.0 / (9.0 * dof) + 3.7 * (2.0 / (9.0 * dof)).sqrt()).powi(3);
        assert!(dof > 20.0 && chi < cut, "{method:?}: chi2 {chi:.1} on {dof}, cut {cut:.1}");
        // The test can tell: with the measure fixed where chains begin, the posterior is another.
        let fixed: f64 = exact.iter().map(|(p, v)| (v - probability_at_start(&data, kappa, alpha, p)).abs()).sum::<f64>() / 2.0;
        assert!(fixed > 0.05, "total variation {fixed}");
    }
}

/// Returns the posterior probability of a partition under the measure that chains begin with.
fn probability_at_start(data: &Observations, kappa: f64, alpha: f64, partition: &[u32]) -> f64 {
    let start = Learned::start(1);
    let (niw, white) = (start.niw(kappa, data.n + 1), start.whiten(data));
    let weight = |p: &[u32]| -> f64 {
        let k = p.iter().max().map_or(0, |m| m + 1);
        let part = |c: u32| {
            let built = Built::from_members(&niw, white.dp, (0..white.n).filter(|i| p[*i] == c).map(|i| white.row(i)));
            alpha.ln() + libm::lgamma(built.n as f64) + niw.log_marginal(built.n, built.log_det)
        };
        (0..k).map(part).sum::<f64>().exp()
    };
    weight(partition) / partitions(data.n).iter().map(|p| weight(p)).sum::<f64>()
}

#[test]
fn shrinkage_is_the_share_that_predicts_each_row_from_the_others() {
    let (n, d) = (7, 3);
    let data = cloud(n, d, 0.4, 9);
    let rows: Vec<f64> = (0..n).flat_map(|i| data.row(i)[..d].to_vec()).collect();
    let frame = Frame::derive(&rows, d, &Scale::Learned, 6.0).expect("rows vary");
    // By the definition: every row left out in turn.
    let gaussian = |others: &[usize], at: usize, share: f64| -> f64 {
        let mean: Vec<f64> = (0..d).map(|j| others.iter().map(|i| rows[i * d + j]).sum::<f64>() / others.len() as f64).collect();
        let cov = |set: &[usize], centre: &[f64], a: usize, b: usize| {
            set.iter().map(|i| (rows[i * d + a] - centre[a]) * (rows[i * d + b] - centre[b])).sum::<f64>() / set.len() as f64
        };
        let all: Vec<usize> = (0..n).collect();
        let whole: Vec<f64> = (0..d).map(|j| all.iter().map(|i| rows[i * d + j]).sum::<f64>() / n as f64).collect();
        let mut s: Vec<f64> = (0..d * d)
            .map(|k| {
                let (a, b) = (k / d, k % d);
                (1.0 - share) * cov(others, &mean, a, b) + if a == b { share * cov(&all, &whole, a, a) } else { 0.0 }
            })
            .collect();
        let log_det = cholesky(&mut s, d).expect("proper");
        let mut y: Vec<f64> = (0..d).map(|j| rows[at * d + j] - mean[j]).collect();
        super::super::matrix::solve_lower(&s, d, &mut y);
        -0.5 * (log_det + y.iter().map(|v| v * v).sum::<f64>())
    };
    let score = |share: f64| -> f64 { (0..n).map(|i| gaussian(&(0..n).filter(|j| *j != i).collect::<Vec<_>>(), i, share)).sum() };
    let shares = [1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05, 0.03, 0.02, 0.01, 0.003, 0.001];
    let best = shares.into_iter().max_by(|a, b| score(*a).total_cmp(&score(*b))).expect("shares");
    let corner = frame.factor[d] * frame.factor[0];
    let mean: Vec<f64> = (0..d).map(|j| (0..n).map(|i| rows[i * d + j]).sum::<f64>() / n as f64).collect();
    let plain = (0..n).map(|i| (rows[i * d] - mean[0]) * (rows[i * d + 1] - mean[1])).sum::<f64>() / n as f64;
    assert!((corner - (1.0 - best) * plain).abs() < 1e-10 * plain.abs(), "share {best}: {corner} of {plain}");
    // Fewer rows than units, even two.
    let few = Frame::derive(&rows[..2 * d], d, &Scale::Learned, 6.0).expect("two rows");
    assert!(few.log_volume.is_finite());
    assert!(shrunk(&[1.0], &[1.0, -1.0], 1)[0] > 0.0);
}
