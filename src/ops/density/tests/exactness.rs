//! Cached quadratic forms, determinants and leave-one-out predictives against recomputation, after many moves.

use super::super::alpha::AlphaPrior;
use super::super::cache::Observations;
use super::super::chain::{Chain, Unwatched};
use super::super::component::Component;
use super::super::gibbs;
use super::super::lanes::{self as simd_lanes, Plain};
use super::super::niw::{Niw, Shape};
use super::super::setup::{Method, Setup};
use super::super::simd;
use super::super::start::Start;
use super::super::state::{NONE, State};
use super::{cloud, correlated, one_chain};
use crate::base::Stream;
use rand::RngExt;

fn setup(method: Method, passes: usize) -> Setup {
    Setup {
        burn_in: passes / 2,
        thin: 4,
        start: Start::Random,
        components: 6,
        ..one_chain(AlphaPrior::Gamma { shape: 1.0, rate: 1.0 }, method, passes)
    }
}

/// Compares everything cached with components rebuilt from scratch; relative tolerance 1e-9.
fn verify(state: &mut State) {
    let all: Vec<u32> = (0..state.data.n as u32).collect();
    state.freshen(&all);
    let mut scratch = vec![0.0; state.data.dp];
    for k in 0..state.comps.len() {
        let members = || (0..state.data.n).filter(|i| state.z[*i] == k as u32);
        assert_eq!(state.comps[k].n, members().count(), "size of slot {k}");
        if state.comps[k].n == 0 {
            continue;
        }
        let mut fresh = Component::empty(&state.niw);
        fresh.rebuild(&state.niw, members().map(|i| state.data.row(i)).collect::<Vec<_>>().into_iter());
        let close = |a: f64, b: f64, what: &str| {
            assert!((a - b).abs() <= 1e-9 * (1.0 + b.abs()), "{what} of slot {k} ({} members): {a} against {b}", fresh.n)
        };
        close(state.comps[k].log_det, fresh.log_det, "determinant");
        for i in 0..state.data.n {
            let mut q = fresh.quadratic(state.data.row(i), &mut scratch);
            if state.niw.shape == Shape::Diagonal && state.z[i] == k as u32 {
                q = fresh.log_shrink(state.niw.kappa0, state.data.row(i));
            }
            close(state.cache.row(i)[k], q, "quadratic form");
            if state.z[i] == k as u32 && fresh.n > 1 {
                let mut without = Component::empty(&state.niw);
                without.rebuild(
                    &state.niw,
                    members().filter(|j| *j != i).map(|j| state.data.row(j)).collect::<Vec<_>>().into_iter(),
                );
                close(fresh.log_without(&state.niw, state.cache.row(i)[k]), without.log_det - fresh.log_det, "downdate");
            }
        }
    }
}

#[test]
fn caches_agree_with_recomputation_after_thousands_of_moves() {
    use Shape::{Diagonal, Full, Spherical};
    let cases = [
        (60, 1, Full),
        (60, 3, Full),
        (80, 8, Full),
        (90, 17, Full),
        (70, 40, Full),
        (60, 3, Diagonal),
        (80, 41, Diagonal),
        (60, 3, Spherical),
        (80, 41, Spherical),
    ];
    for (n, d, shape) in cases {
        let data = cloud(n, d, 1.0, 3);
        let niw = Niw::of(d, 0.01, if shape == Full { d as f64 + 2.0 } else { 3.0 }, n, shape);
        let mut state = State::new(&data, &niw, vec![0; n], 1.0);
        let mut rng = Stream::root(5).named("moves").rng();
        for step in 0..3000 {
            let i = rng.random_range(0..n);
            state.take(i);
            let occupied: Vec<usize> = (0..state.comps.len()).filter(|k| state.comps[*k].n > 0).collect();
            let to = rng.random_range(0..occupied.len() + 1);
            let k = if to == occupied.len() || occupied.is_empty() {
                if occupied.len() < 9 { state.free_slot() } else { occupied[0] }
            } else {
                occupied[to]
            };
            state.put(i, k);
            if step % 7 == 0 {
                state.freshen(&[rng.random_range(0..n) as u32, i as u32]);
            }
            if step % 500 == 499 {
                verify(&mut state);
            }
        }
        assert!(state.z.iter().all(|z| *z != NONE));
    }
}

#[test]
fn caches_agree_with_recomputation_after_the_measure_has_moved() {
    let data = cloud(80, 9, 1.0, 3);
    let setup = setup(Method::MergeSplit { proposals: 2, every: 1 }, 0);
    let niw = Niw::new(9, 0.05, 11.0, 81);
    let grid = correlated(9, 0.05, 81);
    let mut chain = Chain::new(&data, &niw, &setup, 0.0, &Stream::root(8), 0, None).learning(&grid);
    for _ in 0..60 {
        chain.step();
        let learned = chain.learned().expect("it learns").clone();
        let white = learned.whiten(&data);
        let mut state = State::new(&white, grid.niw(learned.point), chain.z().to_vec(), chain.alpha());
        assert!(
            white.x.iter().zip(chain.state().expect("it has a cache").data.x.iter()).all(|(a, b)| a.to_bits() == b.to_bits())
        );
        assert!((state.log_joint() - chain.state().expect("it has a cache").log_joint()).abs() < 1e-7 * state.log_joint().abs());
        verify(&mut state);
    }
}

#[test]
fn what_is_remembered_of_staying_is_its_probability() {
    // Lumps far enough apart to stay, one point alone; then a pass is settled by one number, which must be the product over visits.
    for shape in [Shape::Full, Shape::Diagonal, Shape::Spherical] {
        let (n, d) = (43, 3);
        let mut x = cloud(n, d, 0.3, 6).x.to_vec();
        let z: Vec<u32> = (0..n as u32).map(|i| if i == 42 { 3 } else { i % 3 }).collect();
        (0..n).for_each(|i| x[i * 8] += [0.0, 4.0, -5.0, 40.0][z[i] as usize]);
        let data = Observations::new(x, d);
        let niw = Niw::of(d, 0.05, 6.0, n, shape);
        let mut state = State::new(&data, &niw, z, 0.6);
        let (mut order, mut uniforms) = ((0..n as u32).collect::<Vec<_>>(), vec![0.0; n]);
        let (mut rng, mut scratch) = (Stream::root(4).rng(), Default::default());
        for _ in 0..50 {
            if state.stay.all == state.changes {
                break;
            }
            gibbs::pass(&mut state, &mut order, &mut uniforms, &mut rng, |_, _| (), &mut scratch);
        }
        assert_eq!(state.stay.all, state.changes, "{shape:?}: a pass moved nobody");
        assert!(state.comps.iter().any(|c| c.n == 1), "{shape:?}: one is alone");
        // Another alpha than at the time of weighing: what is remembered hangs on none.
        state.alpha = 1.7;
        let mut all = 1.0;
        let mut u = vec![0.0; data.dp];
        for i in 0..n {
            let mut weight = |k: usize| {
                let rows: Vec<&[f64]> = (0..n).filter(|j| *j != i && state.z[*j] == k as u32).map(|j| data.row(j)).collect();
                let mut c = Component::empty(&niw);
                c.rebuild(&niw, rows.iter().copied());
                let size = if rows.is_empty() { 1.7 } else { rows.len() as f64 };
                size * niw.log_predictive(c.n, c.log_det, c.quadratic(data.row(i), &mut u)).exp()
            };
            let own = state.z[i] as usize;
            let occupied: Vec<usize> = (0..state.comps.len()).filter(|k| state.comps[*k].n > usize::from(*k == own)).collect();
            // Alone, it stays by founding a component again, which is among the weights once either way.
            let total: f64 = occupied.iter().map(|k| weight(*k)).sum::<f64>() + 1.7 * state.log_new[i].exp();
            let stays = if state.comps[own].n == 1 { 1.7 * state.log_new[i].exp() } else { weight(own) } / total;
            let stay = &state.stay;
            let got = 1.0 / (stay.m[i] + 1.7 * stay.g[i] + stay.h[i] / 1.7);
            assert!((got - stays).abs() < 1e-10 * stays, "{shape:?} observation {i}: {got} against {stays}");
            all *= stays;
        }
        let got = 1.0 / gibbs::nobody(&state);
        assert!((got - all).abs() < 1e-9 * all, "{shape:?}: {got} against {all}");
        assert!(all > 0.01 && all < 0.999, "{shape:?}: the case says something: {all}");
    }
}

#[test]
fn sums_of_eight_vectors_are_the_same_at_every_width() {
    let x = cloud(16, 8, 1.0, 3).x;
    let rows = |plain: bool| -> Vec<u64> {
        let got = if plain { by_eight::<Plain>(&x[..64], &x[64..72]) } else { by_width(&x[..64], &x[64..72]) };
        got.iter().map(|v| v.to_bits()).collect()
    };
    let expected: Vec<f64> = (0..8).map(|r| (0..8).map(|c| x[r * 8 + c] * x[64 + c]).sum()).collect();
    for (a, b) in by_eight::<Plain>(&x[..64], &x[64..72]).iter().zip(&expected) {
        assert!((a - b).abs() < 1e-13, "{a} against {b}");
    }
    // One chunk has no fused additions, so all widths agree to the bit; without AVX both are the plain code.
    assert_eq!(rows(true), rows(false));
}

#[inline(always)]
fn by_eight<V: simd_lanes::Lanes>(rows: &[f64], x: &[f64]) -> [f64; 8] {
    let mut out = [0.0; 8];
    simd::dot8::<V>(rows, x).store(&mut out);
    out
}

simd::dispatch! {
    /// The same as the processor's widest vectors have it.
    pub fn by_width(rows: &[f64], x: &[f64]) -> [f64; 8] = by_eight
}

#[test]
fn block_weights_agree_with_taking_the_block_out() {
    // A chain of blocks must make the choices that the definition makes: compare with a slow copy of it.
    for niw in [Niw::new(3, 0.05, 5.0, 40), Niw::diagonal(3, 0.05, 3.0, 40), Niw::spherical(3, 0.05, 3.0, 40)] {
        blocks_agree(&niw);
    }
}

fn blocks_agree(niw: &Niw) {
    let data = cloud(40, 3, 1.5, 9);
    let z: Vec<u32> = (0..40).map(|i| i % 4).collect();
    for block in [vec![0u32, 4, 8, 12], vec![1, 2, 3, 5], vec![0, 1, 4, 9], vec![7, 11], vec![20]] {
        for trial in 0..40u64 {
            let mut state = State::new(&data, niw, z.clone(), 0.7);
            let mut rng = Stream::root(trial).rng();
            let uniforms: Vec<f64> = block.iter().map(|_| rng.random()).collect();
            let mut slow = State::new(&data, niw, z.clone(), 0.7);
            block.iter().for_each(|i| slow.take(*i as usize));
            let mut scratch = vec![0.0; data.dp];
            let mut expected = z.clone();
            for (i, u) in block.iter().zip(&uniforms) {
                let x = data.row(*i as usize);
                let weight = |c: &Component, s: &mut [f64]| {
                    if c.n == 0 { 0.0 } else { c.n as f64 * niw.log_predictive(c.n, c.log_det, c.quadratic(x, s)).exp() }
                };
                let mut w: Vec<f64> = slow.comps.iter().map(|c| weight(c, &mut scratch)).collect();
                w.push(0.7 * slow.log_new[*i as usize].exp());
                let mut left = u * w.iter().sum::<f64>();
                let k = w.iter().position(|x| {
                    left -= x;
                    left < 0.0
                });
                expected[*i as usize] = k.unwrap_or(0) as u32;
            }
            let mut rng = Stream::root(trial).rng();
            super::super::block_gibbs::visit(&mut state, &block, &mut rng, &mut Default::default());
            assert_eq!(state.z, expected, "block {block:?} trial {trial}");
        }
    }
}

#[test]
fn a_restored_chain_goes_on_bit_for_bit() {
    let methods = [
        (Method::Gibbs, false, 0),
        (Method::Block(4), false, 0),
        (Method::SplitMerge { proposals: 1, scans: 2, every: 1 }, false, 0),
        (Method::MergeSplit { proposals: 1, every: 1 }, false, 0),
        (Method::MergeSplit { proposals: 1, every: 1 }, false, 55),
        (Method::Gibbs, true, 0),
        (Method::MergeSplit { proposals: 1, every: 1 }, true, 0),
        (Method::MergeSplit { proposals: 1, every: 1 }, true, 55),
        (Method::SubClusters { proposals: 2 }, false, 0),
        (Method::SubClusters { proposals: 2 }, true, 0),
    ];
    for (method, learning, heated) in methods {
        let data = cloud(60, 5, 0.8, 2);
        let niw = Niw::new(5, 0.01, 7.0, 60);
        let setup = Setup { heated, ..setup(method, 120) };
        let stream = Stream::root(11);
        let grid = correlated(5, 0.01, 61);
        let fresh = || {
            let chain = Chain::new(&data, &niw, &setup, 0.3, &stream, 0, None);
            if learning { chain.learning(&grid) } else { chain }
        };
        let run = |mut chain: Chain| {
            assert!(chain.run(0, &Unwatched), "not stopped");
            chain.leave()
        };
        let whole = run(fresh());
        let mut first = fresh();
        (0..50).for_each(|_| first.step());
        let bytes = first.save();
        let mut second = fresh();
        assert!(second.restore(&bytes));
        let resumed = run(second);
        assert_eq!(whole.trace.len(), 120);
        let bits = |r: &super::super::chain::Record| r.trace.concat().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&whole), bits(&resumed), "{method:?}");
        assert_eq!(whole.kept, resumed.kept);
        assert!(whole.kept.iter().all(|k| k.measure.is_some() == learning));
        assert!(!fresh().restore(&bytes[..bytes.len() - 3]), "a torn checkpoint is refused");
    }
}

#[test]
fn heated_passes_are_the_first_ones_and_their_likelihood_rises_to_its_own_power() {
    let (data, niw) = (cloud(60, 5, 0.8, 2), Niw::new(5, 0.01, 7.0, 60));
    let setup = Setup { heated: 40, ..setup(Method::MergeSplit { proposals: 1, every: 1 }, 120) };
    let powers: Vec<f64> = (0..120).map(|pass| setup.heat(pass)).collect();
    assert_eq!((powers[0], powers[1], powers[40], powers[119]), (0.1, 0.1, 1.0, 1.0));
    assert!((powers[2] - 0.145).abs() < 1e-12 && (powers[39] - 0.955).abs() < 1e-12 && powers.is_sorted());
    let mut chain = Chain::new(&data, &niw, &setup, 0.3, &Stream::root(11), 0, None);
    for (pass, power) in powers.iter().enumerate() {
        chain.step();
        assert_eq!(chain.state().expect("it has a cache").niw.heat, *power);
        // What is recorded is the posterior density itself.
        let plain = State::new(&data, &niw, chain.z().to_vec(), chain.alpha());
        let expected = plain.log_joint() + setup.alpha.log_density(plain.alpha) - 60.0 * 0.3;
        assert!((chain.trace()[pass][2] - expected).abs() < 1e-7, "pass {pass}");
    }
    // A power of a predictive is that of its number, a power of a marginal likelihood likewise.
    let hot = niw.heated(0.3);
    for n in [0, 1, 7] {
        assert!((hot.log_predictive(n, 1.7, 0.4) - 0.3 * niw.log_predictive(n, 1.7, 0.4)).abs() < 1e-12);
        assert!((hot.log_marginal(n, 1.7) - 0.3 * niw.log_marginal(n, 1.7)).abs() < 1e-12);
    }
}

#[test]
fn logarithms_and_exponentials_are_right_to_the_last_bits() {
    let mut rng = Stream::root(1).rng();
    for _ in 0..20_000 {
        let u: f64 = rng.random();
        let x = ((u - 0.5) * 1400.0).exp();
        let y = simd::ln8::<Plain>(&[x, 1.0, 1.0 + u * 1e-3, 1.0 - u * 0.4, 1e-300, u + 1e-12, 3.0, 1e300]);
        for (a, b) in y.iter().zip([x, 1.0, 1.0 + u * 1e-3, 1.0 - u * 0.4, 1e-300, u + 1e-12, 3.0, 1e300]) {
            assert!((a - b.ln()).abs() <= 4e-16 * b.ln().abs(), "ln {b}: {a}");
        }
        let at = [-u * 700.0, 0.0, -u, -u * 1e-3, -707.9, -708.1, f64::NEG_INFINITY, u * 600.0];
        for (a, b) in simd::exp8::<Plain>(&at).iter().zip(at) {
            let expected = if b > -708.0 { b.exp() } else { 0.0 };
            assert!((a - expected).abs() <= 5e-16 * expected, "exp {b}: {a}");
        }
    }
}
