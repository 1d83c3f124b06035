//! The sampler against a textbook one, in one run: seconds a pass, and ratios.
//!
//! The textbook sampler keeps a Cholesky factor of every component, updates it by rank-one rotations whenever an observation
//! is taken out or put in, and solves a triangular system for every component at every visit (Murphy, 2007; Neal, 2000).
//! `cargo bench --bench density`. Printed: seconds a pass, share of visits that move, occupied components, ratio; then the roofline of the
//! dominating kernels, and how fits scale. `-- PART` picks cases whose name holds PART; `roofline`, `scaling`, `log densities` are parts too.

#[path = "density_roofline.rs"]
mod roofline;
#[path = "density_scaling.rs"]
mod scaling;

use cfx::base::Stream;
use cfx::engine::kernel::Quiet;
use cfx::ops::density::alpha::AlphaPrior;
use cfx::ops::density::cache::Observations;
use cfx::ops::density::chain::Chain;
use cfx::ops::density::fit::{Rows, fit};
use cfx::ops::density::frame::{Frame, Scale};
use cfx::ops::density::niw::{Niw, Shape};
use cfx::ops::density::predictive::Predictive;
use cfx::ops::density::settings::Fit;
use cfx::ops::density::setup::{Method, Setup, Until};
use cfx::ops::density::simd::padded;
use cfx::ops::density::start::Start;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use std::time::Instant;

/// A component of the textbook sampler.
struct Plain {
    n: usize,
    mu: Vec<f64>,
    lower: Vec<f64>,
    log_det: f64,
}

/// The textbook sampler.
struct Textbook<'a> {
    niw: &'a Niw,
    data: &'a Observations,
    comps: Vec<Plain>,
    z: Vec<usize>,
    alpha: f64,
}

impl Textbook<'_> {
    fn empty(&self) -> Plain {
        let d = self.data.d;
        let mut lower = vec![0.0; d * d];
        (0..d).for_each(|j| lower[j * d + j] = 1.0);
        Plain { n: 0, mu: vec![0.0; d], lower, log_det: 0.0 }
    }

    /// Rank-one update (sign 1) or downdate (sign -1) of a lower factor stored by columns.
    fn rank_one(lower: &mut [f64], d: usize, v: &mut [f64], sign: f64) {
        for j in 0..d {
            let col = &mut lower[j * d..(j + 1) * d];
            let r = (col[j] * col[j] + sign * v[j] * v[j]).sqrt();
            let (c, s) = (r / col[j], v[j] / col[j]);
            col[j] = r;
            for (l, v) in col[j + 1..].iter_mut().zip(&mut v[j + 1..]) {
                *l = (*l + sign * s * *v) / c;
                *v = c * *v - s * *l;
            }
        }
    }

    fn change(&mut self, i: usize, k: usize, insert: bool) {
        let d = self.data.d;
        let c = &mut self.comps[k];
        let kappa = self.niw.kappa(c.n);
        let (a, g): (f64, f64) =
            if insert { (1.0 / (kappa + 1.0), kappa / (kappa + 1.0)) } else { (-1.0 / (kappa - 1.0), kappa / (kappa - 1.0)) };
        let mut v: Vec<f64> = self.data.row(i)[..d].iter().zip(&c.mu).map(|(x, m)| x - m).collect();
        c.mu.iter_mut().zip(&v).for_each(|(m, v)| *m += a * v);
        v.iter_mut().for_each(|v| *v *= g.sqrt());
        Self::rank_one(&mut c.lower, d, &mut v, if insert { 1.0 } else { -1.0 });
        c.log_det = (0..d).map(|j| 2.0 * c.lower[j * d + j].ln()).sum();
        c.n = if insert { c.n + 1 } else { c.n - 1 };
    }

    fn log_weight(&self, i: usize, c: &Plain, buffer: &mut Vec<f64>) -> f64 {
        let d = self.data.d;
        buffer.clear();
        buffer.extend(self.data.row(i)[..d].iter().zip(&c.mu).map(|(x, m)| x - m));
        let mut q = 0.0;
        for j in 0..d {
            let col = &c.lower[j * d..(j + 1) * d];
            let y = buffer[j] / col[j];
            q += y * y;
            buffer[j + 1..].iter_mut().zip(&col[j + 1..]).for_each(|(b, l)| *b -= y * l);
        }
        let size = if c.n == 0 { self.alpha } else { c.n as f64 };
        size.ln() + self.niw.log_predictive(c.n, c.log_det, q)
    }

    fn pass(&mut self, rng: &mut impl rand::Rng) -> u64 {
        let mut order: Vec<usize> = (0..self.data.n).collect();
        (1..order.len()).rev().for_each(|i| order.swap(i, rng.random_range(0..=i)));
        let (mut moves, mut buffer, fresh) = (0, Vec::new(), self.empty());
        for i in order {
            let from = self.z[i];
            self.change(i, from, false);
            let mut logs: Vec<f64> = self
                .comps
                .iter()
                .map(|c| if c.n == 0 { f64::NEG_INFINITY } else { self.log_weight(i, c, &mut buffer) })
                .collect();
            logs.push(self.log_weight(i, &fresh, &mut buffer));
            let top = logs.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
            let weights: Vec<f64> = logs.iter().map(|l| (l - top).exp()).collect();
            let mut left = rng.random::<f64>() * weights.iter().sum::<f64>();
            let drawn = weights.iter().position(|w| {
                left -= w;
                left < 0.0
            });
            let mut to = drawn.unwrap_or(from);
            if to == self.comps.len() {
                to = self.comps.iter().position(|c| c.n == 0).unwrap_or(to);
                let fresh = self.empty();
                if to == self.comps.len() { self.comps.push(fresh) } else { self.comps[to] = fresh }
            }
            moves += u64::from(to != from);
            self.z[i] = to;
            self.change(i, to, true);
        }
        moves
    }
}

/// Returns n points in `lumps` lumps whose centres lie `apart` standard deviations from the origin.
fn points(n: usize, d: usize, lumps: usize, apart: f64) -> Vec<f64> {
    let mut rng = Stream::root(1).named("points").rng();
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    let scale = apart / (d as f64).sqrt();
    let centres: Vec<f64> = (0..lumps * d).map(|_| normal() * scale).collect();
    (0..n * d).map(|at| centres[(at / d) % lumps * d + at % d] + normal()).collect()
}

fn setup(passes: usize, start: Start, components: usize) -> Setup {
    let alpha = AlphaPrior::Gamma { shape: 1.0, rate: 1.0 };
    Setup {
        alpha,
        method: Method::Gibbs,
        passes,
        burn_in: passes - 1,
        thin: 1,
        chains: 1,
        start,
        components,
        published: false,
        heated: 0,
        until: Until::default(),
    }
}

/// Turns that the two samplers take in a case; the table has medians.
const ROUNDS: usize = 7;

fn middle(mut x: Vec<f64>) -> f64 {
    x.sort_by(f64::total_cmp);
    x[x.len() / 2]
}

fn main() {
    println!(
        "{:34} {:>6} {:>6} {:>6} {:>11} {:>11} {:>7}",
        "case", "K", "moves", "passes", "this s/pass", "text s/pass", "ratio"
    );
    // name, n, d, lumps, distance, K of the prior's scale, passes before measuring
    let cases = [
        ("settled, 1 lump", 500, 16, 1, 0.0, 6.0, 300, 3000),
        ("settled, 1 lump", 2000, 16, 1, 0.0, 6.0, 300, 3000),
        ("settled, 3 lumps", 500, 16, 3, 12.0, 6.0, 300, 3000),
        ("settled, 3 lumps", 500, 64, 3, 25.0, 6.0, 300, 3000),
        ("settled, 3 lumps", 2000, 64, 3, 25.0, 6.0, 100, 1000),
        ("settled, 3 lumps", 500, 256, 3, 60.0, 6.0, 50, 300),
        ("settled, 12 lumps", 500, 64, 12, 25.0, 12.0, 100, 1000),
        ("restless, overlapping lumps", 500, 16, 8, 4.5, 6.0, 20, 30),
        ("fragmented, no structure", 500, 64, 1, 0.0, 6.0, 300, 30),
        ("restless, many small", 500, 64, 60, 6.0, 1e30, 30, 30),
        // A prior so firm that no component is likelier than another: nearly every visit moves.
        ("restless, every visit moves", 500, 64, 1, 0.0, 1.0, 30, 30),
        ("restless, every visit moves", 500, 16, 1, 0.0, 1.0, 30, 30),
        ("restless, every visit moves", 500, 256, 1, 0.0, 1.0, 5, 6),
        ("large, 10 lumps", 5000, 16, 10, 4.0, 10.0, 5, 20),
        ("very large, 10 lumps", 50_000, 64, 10, 9.0, 10.0, 2, 2),
    ];
    let only = std::env::args().skip(1).find(|a| !a.starts_with("--")).unwrap_or_default();
    for (name, n, d, lumps, apart, k, warm, passes) in cases {
        if !name.contains(&only) {
            continue;
        }
        let x = points(n, d, lumps, apart);
        let firm = name.contains("every visit");
        let scale = if firm { Scale::Given { mean: 0.0, scale: 1e6 } } else { Scale::Diagonal };
        let frame = Frame::derive(&x, d, &scale, k).expect("a proper scale");
        let niw = if firm { Niw::new(d, 1e6, 1e6, n + 1) } else { Niw::new(d, 0.01, d as f64 + 2.0, n + 1) };
        let data = Observations::new(frame.whiten(&x), d);
        assert_eq!(data.dp, padded(d));
        let rounds = if n > 1000 && !name.starts_with("settled") { 1 } else { ROUNDS };
        let mut setup = setup(warm + passes * rounds, Start::Random, lumps.max(6));
        if firm {
            setup.alpha = AlphaPrior::Fixed(40.0);
        }
        // Settled cases start from the lumps themselves: from random labels well separated ones stay merged.
        let start = name.starts_with("settled").then(|| ((0..n).map(|i| (i % lumps) as u32).collect(), 1.0));
        let mut chain = Chain::new(&data, &niw, &setup, frame.log_volume, &Stream::root(3), 0, start);
        (0..warm).for_each(|_| chain.step());
        // The textbook sampler goes on from the same state; the two take turns, for the machine may be busy with other things.
        let z: Vec<usize> = chain.z().iter().map(|k| *k as usize).collect();
        let mut plain = Textbook { niw: &niw, data: &data, comps: Vec::new(), z: vec![0; n], alpha: chain.alpha() };
        let slots = z.iter().max().map_or(1, |m| m + 1);
        plain.comps = (0..slots).map(|_| plain.empty()).collect();
        for (i, k) in z.iter().enumerate() {
            plain.z[i] = *k;
            plain.change(i, *k, true);
        }
        let mut rng = Stream::root(4).rng();
        // `-- --own` leaves the slow side out.
        let theirs_passes = if std::env::args().any(|a| a == "--own") { 0 } else { passes.min(4) };
        let before = chain.moves();
        let (mut ours, mut theirs, mut textbook_moves) = (Vec::new(), Vec::new(), 0);
        for _ in 0..rounds {
            ours.push(roofline::timed(|| (0..passes).for_each(|_| chain.step())) / passes as f64);
            let mut moved = 0;
            let seconds = roofline::timed(|| moved = (0..theirs_passes).map(|_| plain.pass(&mut rng)).sum::<u64>());
            theirs.push(seconds / theirs_passes.max(1) as f64);
            textbook_moves += moved;
        }
        let moves = (chain.moves() - before) as f64 / (passes * rounds * n) as f64;
        let occupied = chain.state().map_or(0, |s| s.occupied());
        let ratios = ours.iter().zip(&theirs).map(|(o, t)| t / o).collect();
        println!(
            "{:34} {occupied:>6} {:>5.1}% {passes:>6} {:>11.7} {:>11.6} {:>7.1}   (textbook moves {:.1}%)",
            format!("n={n} d={d}: {name}"),
            100.0 * moves,
            middle(ours.clone()),
            middle(theirs),
            middle(ratios),
            100.0 * textbook_moves as f64 / (rounds * theirs_passes.max(1) * n) as f64
        );
        if moves < 0.001 {
            let exps = roofline::exponentials(n * occupied);
            let fastest = ours.iter().fold(f64::INFINITY, |a, b| a.min(*b));
            println!("{:34} {:.1} x one exponential of each of n x K numbers", "    hardly anything moves:", fastest / exps);
        }
    }
    if "roofline".contains(&only) {
        roofline::run();
    }
    if "scaling".contains(&only) {
        scaling::run();
    }
    if !"log densities".contains(&only) {
        return;
    }
    // 50,000 points under twenty kept states of one fit.
    let mut setup = setup(400, Start::Random, 6);
    (setup.burn_in, setup.thin) = (320, 4);
    for (name, lumps, apart) in [("3 lumps", 3, 6.0), ("no structure", 1, 0.0)] {
        let (n, d) = (500, 64);
        let rows = Rows { d, x: points(n, d, lumps, apart), ids: (0..n as u32).collect(), ..Rows::default() };
        let settings = Fit {
            kappa: 0.01,
            dof: [1.0, 2.0],
            inflate: [0.0, 1.0],
            shape: Shape::Full,
            scale: Scale::Diagonal,
            setup: setup.clone(),
        };
        let clock = Instant::now();
        let p = fit(rows, &settings, &Stream::root(5), &Quiet::default(), false).expect("fits");
        let fitted = clock.elapsed().as_secs_f64();
        let x = points(50_000, d, lumps, apart);
        let clock = Instant::now();
        let predictive = Predictive::new(&p);
        let built = clock.elapsed().as_secs_f64();
        let scores = predictive.log_density(&x);
        let seconds = clock.elapsed().as_secs_f64() - built;
        let parts = predictive.parts.len();
        println!(
            "log densities, {name}: fit {fitted:.2} s, 20 states of {parts} distinct components built in {built:.3} s, {} points in {seconds:.2} s ({:.1} GFLOP/s as full products)",
            scores.len(),
            (parts * scores.len() * 2 * d * d) as f64 / seconds * 1e-9
        );
    }
}
