//! How a fit scales with threads, n, d and K; what 50,000 observations take; the density stage of an experiment on synthetic rows.

use super::{points, setup};
use cfx::base::Stream;
use cfx::engine::kernel::Quiet;
use cfx::ops::density::fit::{Rows, fit};
use cfx::ops::density::frame::Scale;
use cfx::ops::density::niw::Shape;
use cfx::ops::density::settings::Fit;
use cfx::ops::density::setup::Setup;
use cfx::ops::density::start::Start;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::time::Instant;

fn settings(setup: Setup) -> Fit {
    Fit { kappa: 0.01, dof: [1.0, 2.0], inflate: [0.0, 1.0], shape: Shape::Full, scale: Scale::Diagonal, setup }
}

fn rows(x: Vec<f64>, d: usize) -> Rows {
    Rows { d, ids: (0..(x.len() / d) as u32).collect(), x, ..Rows::default() }
}

/// Returns seconds of a fit and the occupied components at its end.
fn one(x: Vec<f64>, d: usize, settings: &Fit, seed: u64) -> (f64, f64) {
    let clock = Instant::now();
    let p = fit(rows(x, d), settings, &Stream::root(seed), &Quiet::default(), false).expect("fits");
    (clock.elapsed().as_secs_f64(), p.series(1).last().and_then(|c| c.last().copied()).unwrap_or(0.0))
}

/// Peak resident memory of this process in MiB, where the system tells.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

/// Rows like averaged activations after a ReLU: positive, skewed, a steep spectrum, one to three lumps a class.
fn synthetic(class: usize, d: usize) -> Vec<f64> {
    let mut rng = Stream::root(77).numbered(class as u64).numbered(d as u64).rng();
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    let lumps = 1 + class % 3;
    let centres: Vec<f64> = (0..lumps * d).map(|_| 0.7 * normal()).collect();
    // Neighbouring directions are correlated, as those of an uncentred projection are within a class.
    let mut out = Vec::with_capacity(500 * d);
    for i in 0..500 {
        let common = normal();
        for j in 0..d {
            let v = centres[i % lumps * d + j] + 0.9 * normal() + 0.4 * common;
            out.push((0.25 * v).exp() / (1.0 + j as f64).sqrt());
        }
    }
    out
}

/// Prints everything.
pub fn run() {
    let quick = |passes| settings(setup(passes, Start::Many, 3));
    let lumps = |n, d, k: usize| points(n, d, k, 2.0 * (d as f64).sqrt());
    println!("scaling: seconds a pass from many components on, 40 passes, separate lumps");
    for (n, d, k) in
        [(500, 16, 3), (2000, 16, 3), (8000, 16, 3), (500, 64, 3), (500, 128, 3), (500, 256, 3), (500, 64, 12), (500, 64, 40)]
    {
        let (seconds, found) = one(lumps(n, d, k), d, &quick(40), 1);
        println!("  n={n} d={d} lumps {k}: {:.6} ({found} components)", seconds / 40.0);
    }
    let four = Fit { setup: Setup { chains: 4, ..setup(200, Start::Random, 6) }, ..quick(1) };
    for threads in [1, 2, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let (seconds, _) = pool.install(|| one(points(2000, 16, 8, 4.5), 16, &four, 2));
        println!("  four chains, n=2000 d=16, {threads} threads: {seconds:.2} s");
    }
    let published = settings(Setup { burn_in: 320, thin: 4, ..setup(400, Start::Random, 6) });
    let (mut total, clock) = (0.0, Instant::now());
    for (stage, d) in [16, 16, 64, 64].into_iter().enumerate() {
        let results: Vec<(f64, f64)> =
            (0..100).into_par_iter().map(|c| one(synthetic(100 * stage + c, d), d, &published, c as u64)).collect();
        let components = results.iter().map(|r| r.1).sum::<f64>() / 100.0;
        total += results.iter().map(|r| r.0).sum::<f64>();
        println!("  synthetic stage {} (d={d}): 100 classes, {components:.1} components a class on average", stage + 1);
    }
    println!(
        "  100 classes x 4 stages, synthetic rows, 400 passes each: {:.1} s on {} threads ({total:.1} s of cores)",
        clock.elapsed().as_secs_f64(),
        rayon::current_num_threads()
    );
    let before = peak_memory();
    let (seconds, found) = one(points(50_000, 64, 10, 9.0), 64, &quick(3), 3);
    println!(
        "  n=50000 d=64, {found} components, start from many: {:.2} s a pass; peak memory {:.0} MiB (before: {before:.0})",
        seconds / 3.0,
        peak_memory()
    );
}
