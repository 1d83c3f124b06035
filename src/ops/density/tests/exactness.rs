//! Cached quadratic forms, determinants and leave-one-out predictives against recomputation, after many moves.

use super::super::alpha::AlphaPrior;
use super::super::chain::{Chain, Method, Setup, Unwatched};
use super::super::component::Component;
use super::super::lanes::Plain;
use super::super::niw::Niw;
use super::super::simd;
use super::super::start::Start;
use super::super::state::{NONE, State};
use super::cloud;
use crate::base::Stream;
use rand::RngExt;

fn setup(method: Method, passes: usize) -> Setup {
    Setup {
        alpha: AlphaPrior::Gamma { shape: 1.0, rate: 1.0 },
        method,
        passes,
        burn_in: passes / 2,
        thin: 4,
        chains: 1,
        start: Start::Random,
        components: 6,
        published: false,
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
        let mut fresh = Component::empty(state.niw);
        fresh.rebuild(state.niw, members().map(|i| state.data.row(i)).collect::<Vec<_>>().into_iter());
        let close = |a: f64, b: f64, what: &str| {
            assert!((a - b).abs() <= 1e-9 * (1.0 + b.abs()), "{what} of slot {k} ({} members): {a} against {b}", fresh.n)
        };
        close(state.comps[k].log_det, fresh.log_det, "determinant");
        for i in 0..state.data.n {
            let mut q = fresh.quadratic(state.data.row(i), &mut scratch);
            if state.niw.diagonal && state.z[i] == k as u32 {
                q = fresh.log_shrink(state.niw.kappa0, state.data.row(i));
            }
            close(state.cache.row(i)[k], q, "quadratic form");
            if state.z[i] == k as u32 && fresh.n > 1 {
                let mut without = Component::empty(state.niw);
                without
                    .rebuild(state.niw, members().filter(|j| *j != i).map(|j| state.data.row(j)).collect::<Vec<_>>().into_iter());
                close(fresh.log_without(state.niw, state.cache.row(i)[k]), without.log_det - fresh.log_det, "downdate");
            }
        }
    }
}

#[test]
fn caches_agree_with_recomputation_after_thousands_of_moves() {
    for (n, d, diagonal) in
        [(60, 1, false), (60, 3, false), (80, 8, false), (90, 17, false), (70, 40, false), (60, 3, true), (80, 41, true)]
    {
        let data = cloud(n, d, 1.0, 3);
        let niw = if diagonal { Niw::diagonal(d, 0.01, 3.0, n) } else { Niw::new(d, 0.01, d as f64 + 2.0, n) };
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
fn block_weights_agree_with_taking_the_block_out() {
    // A chain of blocks must make the choices that the definition makes: compare with a slow copy of it.
    for niw in [Niw::new(3, 0.05, 5.0, 40), Niw::diagonal(3, 0.05, 3.0, 40)] {
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
    for method in [Method::Gibbs, Method::Block(4), Method::SplitMerge { proposals: 1, scans: 2 }] {
        let data = cloud(60, 5, 0.8, 2);
        let niw = Niw::new(5, 0.01, 7.0, 60);
        let setup = setup(method, 120);
        let stream = Stream::root(11);
        let fresh = || Chain::new(&data, &niw, &setup, 0.3, &stream, 0, None);
        let whole = fresh().run(0, &Unwatched).expect("not stopped");
        let mut first = fresh();
        (0..50).for_each(|_| first.step());
        let bytes = first.save();
        let mut second = fresh();
        assert!(second.restore(&bytes));
        let resumed = second.run(0, &Unwatched).expect("not stopped");
        assert_eq!(whole.trace.len(), 120);
        let bits = |r: &super::super::chain::Record| r.trace.concat().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&whole), bits(&resumed), "{method:?}");
        assert_eq!(whole.kept, resumed.kept);
        assert!(!fresh().restore(&bytes[..bytes.len() - 3]), "a torn checkpoint is refused");
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
