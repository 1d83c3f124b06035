//! Geweke's (2004) joint distribution test: drawing data and chain in turn must leave the prior of everything as it is.

use super::super::alpha::AlphaPrior;
use super::super::cache::Observations;
use super::super::chain::Chain;
use super::super::component::Built;
use super::super::hyper::{Grid, Learned};
use super::super::matrix::lower_times;
use super::super::niw::Niw;
use super::super::setup::{Method, Setup};
use super::super::simd::padded;
use super::{correlated, one_chain};
use crate::base::Stream;
use rand::RngExt;
use rand_distr::{ChiSquared, Distribution, StandardNormal};

pub const N: usize = 8;
pub const D: usize = 2;

/// Returns data drawn given the partition: each row from its component's predictive given the rows before it.
pub fn data_given(z: &[u32], niw: &Niw, rng: &mut impl rand::Rng) -> Observations {
    let dp = padded(D);
    let mut x = vec![0.0; N * dp];
    for i in 0..N {
        let before: Vec<&[f64]> = (0..i).filter(|j| z[*j] == z[i]).map(|j| &x[j * dp..(j + 1) * dp]).collect();
        let c = Built::from_members(niw, dp, before.iter().copied());
        let (kappa, nu) = (niw.kappa(c.n), niw.nu(c.n));
        let e: Vec<f64> = (0..D).map(|_| StandardNormal.sample(rng)).collect();
        let chi = ChiSquared::new(nu - D as f64 + 1.0).expect("positive").sample(rng);
        let stretch = ((kappa + 1.0) / kappa / chi).sqrt();
        let row: Vec<f64> = lower_times(&c.lower, D, &e).iter().zip(&c.mu).map(|(l, m)| m + stretch * l).collect();
        x[i * dp..i * dp + D].copy_from_slice(&row);
    }
    Observations::new(x, D)
}

/// Returns a partition drawn by the Chinese restaurant process.
pub fn partition(alpha: f64, rng: &mut impl rand::Rng) -> Vec<u32> {
    let mut z: Vec<u32> = Vec::new();
    for i in 0..N {
        let seat = rng.random::<f64>() * (i as f64 + alpha);
        let fresh = z.iter().max().map_or(0, |m| m + 1);
        let k = z.get(seat as usize).copied().unwrap_or(fresh);
        z.push(k);
    }
    z
}

fn functionals(z: &[u32], alpha: f64, data: &Observations) -> [f64; 6] {
    let k = z.iter().collect::<std::collections::BTreeSet<_>>().len() as f64;
    let (a, b) = (data.row(0), data.row(1));
    let same = f64::from(u8::from(z[0] == z[1]));
    [k, alpha.ln(), k * alpha.ln(), a[0].abs().tanh(), a[0].tanh() * b[0].tanh(), same * (a[1] - b[1]).abs().tanh()]
}

fn joint(method: Method, published: bool) -> [f64; 6] {
    let niw = Niw::new(D, 0.7, D as f64 + 3.0, N + 1);
    let alpha = AlphaPrior::Gamma { shape: 2.0, rate: 1.5 };
    let setup = Setup { published, ..one_chain(alpha, method, 1) };
    let root = Stream::root(17).named("geweke");
    let rounds = 30_000;
    let mut rng = root.named("prior").rng();
    let direct: Vec<[f64; 6]> = (0..rounds)
        .map(|_| {
            let a = alpha.draw(&mut rng);
            let z = partition(a, &mut rng);
            let x = data_given(&z, &niw, &mut rng);
            functionals(&z, a, &x)
        })
        .collect();
    let mut rng = root.named("data").rng();
    let mut a = alpha.draw(&mut rng);
    let mut z = partition(a, &mut rng);
    let mut turns = Vec::with_capacity(rounds);
    for t in 0..rounds {
        let x = data_given(&z, &niw, &mut rng);
        let mut chain = Chain::new(&x, &niw, &setup, 0.0, &root.numbered(t as u64), 0, Some((z, a)));
        chain.step();
        z = chain.z().to_vec();
        a = chain.alpha();
        turns.push(functionals(&z, a, &x));
    }
    compare(&direct, &turns)
}

/// Returns the distances between means of independent draws and of a chain, in standard errors (of batch means for the chain).
fn compare<const F: usize>(direct: &[[f64; F]], turns: &[[f64; F]]) -> [f64; F] {
    let rounds = direct.len();
    std::array::from_fn(|f| {
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let variance = |v: &[f64]| {
            let m = mean(v);
            v.iter().map(|x| (x - m).powi(2)).sum::<f64>() / (v.len() as f64 - 1.0)
        };
        let straight: Vec<f64> = direct.iter().map(|d| d[f]).collect();
        let series: Vec<f64> = turns.iter().map(|d| d[f]).collect();
        let batches: Vec<f64> = series.chunks(rounds / 60).map(mean).collect();
        let error = (variance(&straight) / rounds as f64 + variance(&batches) / batches.len() as f64).sqrt();
        (mean(&series) - mean(&straight)) / error
    })
}

#[test]
fn the_exact_samplers_pass_and_the_published_alpha_does_not() {
    for method in [
        Method::Gibbs,
        Method::Block(1),
        Method::SplitMerge { proposals: 1, scans: 1, every: 1 },
        Method::SubClusters { proposals: 1 },
    ] {
        let z = joint(method, false);
        assert!(z.iter().all(|z| z.abs() < 4.2), "{method:?}: {z:.2?}");
    }
    let wrong = joint(Method::Block(1), true);
    assert!(wrong[1] > 8.0, "published: {wrong:.2?}");
}

/// Returns data drawn given the partition and the measure, in the frame.
fn data_of(z: &[u32], grid: &Grid, learned: &Learned, rng: &mut impl rand::Rng) -> Observations {
    let own = data_given(z, grid.niw(learned.point), rng);
    let mut x = vec![0.0; N * own.dp];
    for i in 0..N {
        let y: Vec<f64> = own.row(i)[..D].iter().map(|v| v * learned.excess.sqrt()).collect();
        x[i * own.dp..i * own.dp + D].copy_from_slice(&lower_times(&learned.shape, D, &y));
    }
    Observations::new(x, D)
}

fn seen(z: &[u32], l: &Learned, data: &Observations) -> [f64; 9] {
    let k = z.iter().collect::<std::collections::BTreeSet<_>>().len() as f64;
    let (a, b) = (data.row(0), data.row(1));
    let same = f64::from(u8::from(z[0] == z[1]));
    [
        k,
        l.excess.ln(),
        l.point as f64,
        l.shape[0].ln(),
        l.shape[3].ln(),
        l.shape[2].tanh() * (a[0] * a[1]).tanh(),
        l.excess.ln() * l.shape[0].ln(),
        a[0].abs().tanh(),
        same * (a[1] - b[1]).abs().tanh(),
    ]
}

#[test]
fn a_learned_measure_passes() {
    let alpha = AlphaPrior::Fixed(1.1);
    let rounds = 12_000;
    let grid = correlated(D, 0.7, N + 1);
    for method in [Method::Gibbs, Method::MergeSplit { proposals: 1, every: 1 }, Method::SubClusters { proposals: 1 }] {
        let setup = one_chain(alpha, method, 4);
        let root = Stream::root(23).named("learned");
        let mut rng = root.named("prior").rng();
        let direct: Vec<[f64; 9]> = (0..rounds)
            .map(|_| {
                let (z, l) = (partition(1.1, &mut rng), grid.pick(grid.log_priors(), &mut rng));
                let x = data_of(&z, &grid, &l, &mut rng);
                seen(&z, &l, &x)
            })
            .collect();
        let mut rng = root.named("data").rng();
        let (mut z, mut l) = (partition(1.1, &mut rng), grid.pick(grid.log_priors(), &mut rng));
        let niw = Niw::new(D, 0.7, D as f64 + 3.0, N + 1);
        let mut turns = Vec::with_capacity(rounds);
        for t in 0..rounds {
            let x = data_of(&z, &grid, &l, &mut rng);
            let chain = Chain::new(&x, &niw, &setup, 0.0, &root.numbered(t as u64), 0, Some((z, 1.1)));
            let mut chain = chain.learning_from(&grid, l.point);
            (0..4).for_each(|_| chain.step());
            z = chain.z().to_vec();
            l = chain.learned().expect("it learns").clone();
            turns.push(seen(&z, &l, &x));
        }
        let scores = compare(&direct, &turns);
        assert!(scores.iter().all(|z| z.abs() < 4.2), "{method:?}: {scores:.2?}");
    }
}
