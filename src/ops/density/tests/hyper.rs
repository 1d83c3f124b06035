//! What a hierarchical base measure learns: closed forms against the definition, and chains against the exact posterior in one dimension.

use super::super::alpha::AlphaPrior;
use super::super::cache::Observations;
use super::super::chain::Chain;
use super::super::component::Built;
use super::super::frame::{Frame, Scale};
use super::super::hyper::{Grid, Learned};
use super::super::joint;
use super::super::matrix::{cholesky, powers};
use super::super::niw::Niw;
use super::super::setup::{Method, Setup};
use super::super::shrink::shrunk;
use super::super::spectrum::Spectrum;
use super::super::start::{Start, compact};
use super::super::state::State;
use super::enumeration::partitions;
use super::{cloud, correlated, one_chain};
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
    let learned = Learned { point: 0, excess: 2.5, shape: vec![1.2, 0.0, 0.0, -0.3, 0.7, 0.0, 0.4, 0.1, 1.5] };
    let niw = Niw::new(d, 0.05, 6.5, n + 1);
    let white = learned.whiten(&data);
    let own = Built::from_members(&niw, data.dp, (0..n).map(|i| white.row(i)));
    let scale = learned.measure().scale(d);
    let framed = Built::on_scale(&niw, data.dp, (0..n).map(|i| data.row(i)), Some(scale));
    assert!((framed.log_det - own.log_det - 2.0 * learned.log_volume()).abs() < 1e-10);
    assert!((learned.measure().dof - 6.5).abs() < 1e-12);
}

#[test]
fn shapes_lie_between_the_covariance_and_its_diagonal() {
    let (d, grid) = (3, correlated(3, 0.1, 5));
    let factor: Vec<f64> = (0..9)
        .map(
            |k: usize| if k / 3 < k % 3 { 0.0 } else { 0.4 + 0.3 * ((k * k) as f64).sin() + f64::from(u8::from(k / 3 == k % 3)) },
        )
        .collect();
    let times = |a: &[f64], b: &[f64]| -> Vec<f64> {
        (0..9).map(|k| (0..3).map(|j| a[k / 3 * 3 + j] * b[j * 3 + k % 3]).sum()).collect()
    };
    let turned = |a: &[f64]| -> Vec<f64> { (0..9).map(|k| a[k % 3 * 3 + k / 3]).collect() };
    let square = |a: &[f64]| times(a, &turned(a));
    let c = square(&factor);
    let sd: Vec<f64> = (0..3).map(|a| c[a * 4].sqrt()).collect();
    assert_eq!(grid.points(), 4 * 140);
    // At size 1, of each shape: L U L' in the data's coordinates.
    let of = |shape: usize, size: usize| square(&times(&factor, &grid.at(shape * 140 + size).shape));
    let r: Vec<f64> = (0..9).map(|k| c[k] / sd[k / 3] / sd[k % 3]).collect();
    for (shape, p) in [1.0, 2.0 / 3.0, 1.0 / 3.0, 0.0].into_iter().enumerate() {
        let got: Vec<f64> = of(shape, 0).iter().enumerate().map(|(k, v)| v / sd[k / d] / sd[k % d]).collect();
        // R^p to the power 1 / p, or three thirds of it, is R again.
        let back = match shape {
            0 => got.clone(),
            1 => powers(&times(&got, &times(&got, &got)), d, &[0.5])[0].clone(),
            2 => times(&got, &times(&got, &got)),
            _ => (0..9).map(|k| got[k] * r[k]).collect(),
        };
        for k in 0..9 {
            let expected = if shape == 3 && k / d != k % d { 0.0 } else { r[k] };
            assert!((back[k] - expected).abs() < 1e-9, "p {p}: {back:.4?} for {r:.4?}");
        }
    }
    let (whole, eighth) = (of(1, 0), of(1, 3));
    assert!(whole.iter().zip(&eighth).all(|(a, b)| (a / 8.0 - b).abs() < 1e-12));
    // A diagonal matrix has one shape.
    assert_eq!(Grid::of(&Frame::diagonal(vec![0.0; 2], vec![1.0, 2.0]), 0.1, 5).points(), 140);
}

#[test]
fn the_firmest_measure_is_half_a_nat_wide_from_eight_dimensions_on() {
    for (d, most) in [(1, 4.0), (3, 12.0), (8, 32.0), (16, 128.0), (64, 2048.0)] {
        let grid = Grid::of(&Frame::diagonal(vec![0.0; d], vec![1.0; d]), 0.1, 2);
        let excesses: Vec<f64> = (0..grid.points()).map(|point| grid.at(point).excess).collect();
        let largest = excesses.iter().fold(0.0, |a: f64, b| a.max(*b));
        assert!((largest / most - 1.0).abs() < 1e-12 && excesses.iter().all(|e| *e >= 1.0), "d {d}: {largest}");
    }
}

/// Returns the exact posterior of partitions of rows and, beside it, of the grid's points, with the likelihood to a power.
fn exact(data: &Observations, grid: &Grid, alpha: f64, heat: f64) -> (Vec<(Vec<u32>, f64)>, Vec<f64>) {
    let all = partitions(data.n);
    let mut totals = vec![0.0; all.len()];
    let mut points = vec![0.0; grid.points()];
    for (point, mass) in points.iter_mut().enumerate() {
        let learned = grid.at(point);
        let (niw, white, volume) = (grid.niw(point), learned.whiten(data), learned.log_volume());
        // Marginal likelihoods of all subsets, by bits.
        let subsets: Vec<f64> = (0..1usize << data.n)
            .map(|set| {
                let built = Built::from_members(niw, data.dp, (0..data.n).filter(|i| set >> i & 1 == 1).map(|i| white.row(i)));
                libm::lgamma(built.n.max(1) as f64) + heat * (niw.log_marginal(built.n, built.log_det) - built.n as f64 * volume)
            })
            .collect();
        for (p, total) in all.iter().zip(&mut totals) {
            let k = p.iter().max().map_or(0, |m| m + 1);
            let log: f64 =
                (0..k).map(|c| subsets[(0..data.n).filter(|i| p[*i] == c).map(|i| 1 << i).sum::<usize>()] + alpha.ln()).sum();
            let log = log + grid.log_priors()[point];
            *total += log.exp();
            *mass += log.exp();
        }
    }
    let sum: f64 = totals.iter().sum();
    points.iter_mut().for_each(|p| *p /= sum);
    (all.into_iter().zip(totals.iter().map(|t| t / sum)).collect(), points)
}

/// Fails where counts are not those of the probabilities; cells of fewer than five expected are taken together.
fn agrees(name: &str, probabilities: &[f64], counts: &[f64]) {
    let total: f64 = counts.iter().sum();
    let (mut chi, mut cells, mut rest) = (0.0f64, 0.0f64, (0.0, 0.0));
    for (p, seen) in probabilities.iter().zip(counts) {
        if p * total >= 5.0 {
            chi += (seen - p * total).powi(2) / (p * total);
            cells += 1.0;
        } else {
            rest = (rest.0 + p * total, rest.1 + seen);
        }
    }
    if rest.0 >= 5.0 {
        chi += (rest.1 - rest.0).powi(2) / rest.0;
        cells += 1.0;
    }
    let dof = cells - 1.0;
    let cut = dof * (1.0 - 2.0 / (9.0 * dof) + 3.7 * (2.0 / (9.0 * dof)).sqrt()).powi(3);
    assert!(dof > 20.0 && chi < cut, "{name}: chi2 {chi:.1} on {dof}, cut {cut:.1}");
}

#[test]
fn a_learned_measure_has_the_exact_posterior() {
    let (n, alpha, kappa, chains) = (5, 0.8, 0.3, 2500);
    for d in [1, 2] {
        let mut data = cloud(n, d, 1.2, 41);
        data = Observations::new(data.x.iter().map(|v| v * 0.8).collect(), d);
        let grid = correlated(d, kappa, n + 1);
        let allocated = Method::MergeSplit { proposals: 1, every: 1 };
        // Chains of a million heated passes stay in the first, hottest ones.
        for (method, heated) in
            [(Method::Gibbs, 0), (allocated, 0), (allocated, 1_000_000), (Method::SubClusters { proposals: 1 }, 0)]
        {
            let (exact, points) = exact(&data, &grid, alpha, if heated == 0 { 1.0 } else { 0.1 });
            let setup = Setup { heated, start: Start::Random, components: 3, ..one_chain(AlphaPrior::Fixed(alpha), method, 25) };
            let niw = Niw::new(d, kappa, d as f64 + 2.0, n + 1);
            let mut counts: BTreeMap<Vec<u32>, f64> = BTreeMap::new();
            let mut visits = vec![0.0; grid.points()];
            for c in 0..chains {
                let stream = Stream::root(21).numbered(c);
                let mut chain = Chain::new(&data, &niw, &setup, 0.0, &stream, 0, None).learning(&grid);
                (0..setup.passes).for_each(|_| chain.step());
                *counts.entry(compact(chain.z())).or_default() += 1.0;
                visits[chain.learned().expect("it learns").point] += 1.0;
            }
            let seen: Vec<f64> = exact.iter().map(|(p, _)| counts.get(p).copied().unwrap_or(0.0)).collect();
            agrees(&format!("partitions, {method:?}, d = {d}"), &exact.iter().map(|(_, v)| *v).collect::<Vec<_>>(), &seen);
            agrees(&format!("points, {method:?}, d = {d}"), &points, &visits);
        }
        // The test can tell: with the measure fixed where chains begin, the posterior is another.
        let (exact, _) = exact(&data, &grid, alpha, 1.0);
        let fixed: f64 = exact.iter().map(|(p, v)| (v - probability_at_start(&data, &grid, alpha, p)).abs()).sum::<f64>() / 2.0;
        assert!(fixed > 0.05, "total variation {fixed}");
    }
}

#[test]
fn splits_and_merges_with_the_measure_summed_over_have_the_exact_posterior() {
    let (n, alpha, chains) = (5, 0.8, 2000);
    let data = cloud(n, 1, 1.2, 43);
    let grid = correlated(1, 0.3, n + 1);
    let (exact, points) = exact(&data, &grid, alpha, 1.0);
    let mut counts: BTreeMap<Vec<u32>, f64> = BTreeMap::new();
    let mut visits = vec![0.0; grid.points()];
    let start = grid.at(grid.start());
    for c in 0..chains {
        let mut rng = Stream::root(22).numbered(c).rng();
        // No other move than these, from one component or from all apart.
        let z = if c % 2 == 0 { vec![0; n] } else { (0..n as u32).collect() };
        let mut state = State::new(&start.whiten(&data), grid.niw(start.point), z, alpha);
        let mut learned = start.clone();
        for _ in 0..20 {
            learned = joint::learn(&mut state, &grid, learned, &data, 3, &mut rng);
            assert_eq!(state.data.x[0].to_bits(), learned.whiten(&data).x[0].to_bits(), "the state has the measure drawn");
        }
        *counts.entry(compact(&state.z)).or_default() += 1.0;
        visits[learned.point] += 1.0;
    }
    let seen: Vec<f64> = exact.iter().map(|(p, _)| counts.get(p).copied().unwrap_or(0.0)).collect();
    agrees("partitions", &exact.iter().map(|(_, v)| *v).collect::<Vec<_>>(), &seen);
    agrees("points", &points, &visits);
}

/// Returns the posterior probability of a partition under the measure that chains begin with.
fn probability_at_start(data: &Observations, grid: &Grid, alpha: f64, partition: &[u32]) -> f64 {
    let (niw, white) = (grid.niw(grid.start()), grid.at(grid.start()).whiten(data));
    let weight = |p: &[u32]| -> f64 {
        let k = p.iter().max().map_or(0, |m| m + 1);
        let part = |c: u32| {
            let built = Built::from_members(niw, white.dp, (0..white.n).filter(|i| p[*i] == c).map(|i| white.row(i)));
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
