//! Whether chains agree and what densities predict, prior by prior: share of fits settled, held-out log density, seconds of a fit.
//!
//! Clusters, a correlated Gaussian, rows without structure; further rows from `.npy` files (64-bit, rows x units) named after the part:
//! `cargo bench --bench density -- agreement class0.npy class1.npy`.

use cfx::base::Stream;
use cfx::engine::kernel::Quiet;
use cfx::ops::density::alpha::AlphaPrior;
use cfx::ops::density::chain::{Method, Setup, Until};
use cfx::ops::density::diagnostics::{Glance, Verdict};
use cfx::ops::density::fit::{Rows, fit};
use cfx::ops::density::frame::{Frame, Scale};
use cfx::ops::density::niw::Shape;
use cfx::ops::density::predictive::Predictive;
use cfx::ops::density::settings::Fit;
use cfx::ops::density::simd::{inner, padded};
use cfx::ops::density::start::Start;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::time::Instant;

/// Name of a setting, scale, kappa, dof and inflation as functions of the dimension, moves.
type Case = (&'static str, Scale, f64, [f64; 2], [f64; 2], Method);

fn cases() -> Vec<Case> {
    let (splits, merges) =
        (Method::SplitMerge { proposals: 1, scans: 4, every: 5 }, Method::MergeSplit { proposals: 1, every: 1 });
    vec![
        ("niw, gibbs", Scale::Diagonal, 0.01, [1.0, 2.0], [0.0, 1.0], Method::Gibbs),
        ("niw, split_merge", Scale::Diagonal, 0.01, [1.0, 2.0], [0.0, 1.0], splits),
        ("niw, firm", Scale::Full, 0.01, [5.0, 0.0], [4.0, -1.0], Method::Gibbs),
        ("hierarchical", Scale::Learned, 0.05, [1.0, 2.0], [0.0, 1.0], merges),
    ]
}

fn settings(case: &Case, passes: usize, chains: usize) -> Fit {
    let (_, scale, kappa, dof, inflate, method) = case.clone();
    let setup = Setup {
        alpha: AlphaPrior::Gamma { shape: 1.0, rate: 1.0 },
        method,
        passes,
        burn_in: passes / 2,
        thin: passes / 40,
        chains,
        start: Start::Dispersed,
        components: 6,
        published: false,
        until: Until::default(),
    };
    Fit { kappa, dof, inflate, shape: Shape::Full, scale, setup }
}

fn rows(x: Vec<f64>, d: usize) -> Rows {
    Rows { d, ids: (0..(x.len() / d) as u32).collect(), x, ..Rows::default() }
}

/// Returns mean log density of rows under one Gaussian of other rows' mean and shrunk covariance.
fn one_gaussian(train: &[f64], test: &[f64], d: usize) -> f64 {
    let frame = Frame::derive(train, d, &Scale::Learned, 1.0).expect("rows vary");
    let constant = -0.5 * d as f64 * (2.0 * std::f64::consts::PI).ln() - frame.log_volume;
    let white = frame.whiten(test);
    let sum: f64 = white.chunks_exact(padded(d)).map(|r| constant - 0.5 * inner(r, r)).sum();
    sum / (test.len() / d) as f64
}

/// Returns the two parts of one of five folds.
fn split(x: &[f64], d: usize, fold: usize) -> (Vec<f64>, Vec<f64>) {
    let part = |test: bool| {
        x.chunks_exact(d).enumerate().filter(|(i, _)| (i % 5 == fold) == test).flat_map(|(_, r)| r.to_vec()).collect()
    };
    (part(false), part(true))
}

/// Returns the held-out log density in nats a row, over five folds.
fn held_out(x: &[f64], d: usize, settings: &Fit) -> f64 {
    let one = |fold: usize| {
        let (train, test) = split(x, d, fold);
        let p = fit(rows(train, d), settings, &Stream::root(40 + fold as u64), &Quiet::default(), false).ok()?;
        let logs = Predictive::new(&p).log_density(&test);
        Some(logs.iter().sum::<f64>() / logs.len() as f64)
    };
    let folds: Option<Vec<f64>> = (0..5usize).into_par_iter().map(one).collect();
    folds.map_or(f64::NAN, |f| f.iter().sum::<f64>() / 5.0)
}

/// Returns rows in `lumps` lumps `apart` from the origin, each with the same correlated noise.
fn lumps(n: usize, d: usize, lumps: usize, apart: f64) -> Vec<f64> {
    let mut rng = Stream::root(9).named("lumps").rng();
    let mut normal = |_: usize| -> f64 { StandardNormal.sample(&mut rng) };
    let mixing: Vec<f64> = (0..d * d).map(&mut normal).collect();
    let centres: Vec<f64> = (0..lumps * d).map(|k| apart * normal(k) / (d as f64).sqrt()).collect();
    (0..n)
        .flat_map(|i| {
            let e: Vec<f64> = (0..d).map(&mut normal).collect();
            let centre = &centres[i % lumps * d..(i % lumps + 1) * d];
            let noise = |j: usize| e[j] + 0.3 * (0..d).map(|k| mixing[j * d + k] * e[k]).sum::<f64>() / (d as f64).sqrt();
            (0..d).map(|j| centre[j] + noise(j)).collect::<Vec<_>>()
        })
        .collect()
}

fn from_file(path: &str) -> (Vec<f64>, usize) {
    let bytes = std::fs::read(path).expect("the file is there");
    let file = npyz::NpyFile::new(bytes.as_slice()).expect("an npy file");
    let d = file.shape()[1] as usize;
    (file.into_vec::<f64>().expect("64-bit numbers"), d)
}

/// Prints the table.
pub fn run() {
    let mut sets: Vec<(String, Vec<f64>, usize)> = vec![
        ("no structure, n = 500, d = 16".into(), lumps(500, 16, 1, 0.0), 16),
        ("three lumps, n = 300, d = 16".into(), lumps(300, 16, 3, 20.0), 16),
        ("eight lumps, n = 600, d = 16".into(), lumps(600, 16, 8, 16.0), 16),
        ("no structure, n = 50, d = 16".into(), lumps(50, 16, 1, 0.0), 16),
    ];
    for path in std::env::args().filter(|a| a.ends_with(".npy")) {
        let (x, d) = from_file(&path);
        sets.push((path, x, d));
    }
    println!("{:44} {:>18} {:>9} {:>10} {:>9} {:>9}", "", "prior, moves", "settled", "components", "held out", "seconds");
    for (name, x, d) in sets {
        let alone = (0..5).map(|f| split(&x, d, f)).map(|(a, b)| one_gaussian(&a, &b, d)).sum::<f64>() / 5.0;
        println!("{name:44} {:>18} {:>9} {:>10} {alone:>9.2}", "one Gaussian", "", "");
        for case in cases() {
            let clock = Instant::now();
            let Ok(p) = fit(rows(x.clone(), d), &settings(&case, 2000, 4), &Stream::root(1), &Quiet::default(), false) else {
                continue;
            };
            let seconds = clock.elapsed().as_secs_f64();
            let glance = Glance::of(p.judged());
            let mut sizes = p.series(1).concat();
            sizes.sort_by(f64::total_cmp);
            let scored = held_out(&x, d, &settings(&case, 400, 1));
            println!(
                "{:44} {:>18} {:>9} {:>10} {scored:>9.2} {seconds:>9.2}",
                "",
                case.0,
                if glance.verdict == Verdict::Settled { "yes" } else { "no" },
                sizes[sizes.len() / 2]
            );
        }
    }
}
