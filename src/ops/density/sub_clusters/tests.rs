//! Parts of the sampler for many rows against definitions, its bits for any number of threads, and its posterior beside the collapsed one.

use super::super::alpha::AlphaPrior;
use super::super::chain::Chain;
use super::super::component::Built;
use super::super::hyper::Learned;
use super::super::niw::{Niw, Shape};
use super::super::setup::{Method, Setup};
use super::super::start::Start;
use super::super::state::State;
use super::super::tests::{cloud, correlated, one_chain};
use super::super::walk::Walk;
use super::base::Base;
use super::sums::Sums;
use super::sweep::{Halt, Order, Sides, Sweep};
use crate::base::Stream;
use std::collections::BTreeMap;

const METHOD: Method = Method::SubClusters { proposals: 3 };

fn measures(d: usize, n: usize) -> [Niw; 3] {
    [Niw::new(d, 0.3, d as f64 + 2.5, n), Niw::diagonal(d, 0.3, 3.0, n), Niw::spherical(d, 0.3, 3.0, n)]
}

fn close(a: f64, b: f64, what: &str) {
    assert!((a - b).abs() < 1e-9 * (1.0 + b.abs()), "{what}: {a} against {b}");
}

/// Returns what the rows of each of `labels` labels say.
fn sums(data: &super::Observations, full: bool, z: &[u32], labels: usize) -> Vec<Sums> {
    Sweep { data, full, halt: &Halt::new(&|| false) }.sums(z, labels)
}

#[test]
fn marginal_likelihoods_are_those_of_the_other_samplers() {
    for d in [1, 2, 5, 9, 17] {
        let n = 23;
        let data = cloud(n, d, 0.7, 5);
        let z: Vec<u32> = (0..n as u32).map(|i| i % 3).collect();
        for niw in measures(d, n + 1) {
            let base = Base::of(&niw);
            let parts = sums(&data, base.full(), &z, 3);
            let known = |which: &[u32]| {
                let built = Built::from_members(&niw, data.dp, (0..n).filter(|i| which.contains(&z[*i])).map(|i| data.row(i)));
                niw.log_marginal(built.n, built.log_det)
            };
            for k in 0..3 {
                close(base.log_marginal(&parts[k as usize]), known(&[k]), &format!("d {d} {:?}", niw.shape));
            }
            close(base.log_marginal(&parts[0].with(&parts[2])), known(&[0, 2]), "two sets together");
        }
        // A learned measure, in the frame.
        let mut shape = vec![0.0; d * d];
        (0..d * d)
            .filter(|k| k % d <= k / d)
            .for_each(|k| shape[k] = 0.4 + f64::from(u8::from(k / d == k % d)) + 0.1 * (k as f64).sin());
        let learned = Learned { point: 0, excess: 2.5, shape };
        let niw = Niw::new(d, 0.3, d as f64 + 3.5, n + 1);
        let white = learned.whiten(&data);
        let state = State::new(&white, &niw, z.clone(), 0.9);
        let base = Base::learned(&learned.measure(), d, 0.3);
        let all: f64 = sums(&data, true, &z, 3).iter().map(|s| base.log_marginal(s)).sum();
        let expected: f64 =
            state.comps.iter().map(|c| niw.log_marginal(c.n, c.log_det)).sum::<f64>() - n as f64 * learned.log_volume();
        close(all, expected, "a learned measure");
    }
}

#[test]
fn draws_have_the_moments_of_the_posterior() {
    let (d, n, draws) = (3, 12, 20_000);
    let data = cloud(n, d, 0.7, 8);
    for niw in measures(d, n + 1) {
        let base = Base::of(&niw);
        let known = base.given(&sums(&data, base.full(), &vec![0; n], 1)[0]);
        let built = Built::from_members(&niw, data.dp, (0..n).map(|i| data.row(i)));
        let mut rng = Stream::root(3).rng();
        // E exp(weight - log density of the mean's ratio) would need densities: moments of the mean and of squared distances tell as much.
        let at = [0.9, -0.4, 0.3];
        let x: Vec<[f64; 8]> = at.iter().map(|v| [*v; 8]).collect();
        let (mut mean, mut square, mut q) = (vec![0.0; d], vec![0.0; d], 0.0);
        for _ in 0..draws {
            let form = base.draw(&known, &mut rng);
            (0..d).for_each(|j| mean[j] += form.mean[j] / draws as f64);
            (0..d).for_each(|j| square[j] += (form.mean[j] - built.mu[j]).powi(2) / draws as f64);
            let mut out = [0.0; 8];
            use super::super::lanes::Lanes;
            form.squares::<super::super::lanes::Plain>(&x).store(&mut out);
            q += out[0] / draws as f64;
        }
        let (kappa, nu) = (niw.kappa(n), niw.nu(n));
        let variance = |j: usize| match niw.shape {
            Shape::Full => (0..=j).map(|k| built.lower[j * d + k].powi(2)).sum::<f64>() / (nu - d as f64 - 1.0) / kappa,
            Shape::Diagonal => built.lower[j] / (nu - 2.0) / kappa,
            Shape::Spherical => built.lower[0] / (nu - 2.0) / kappa,
        };
        for j in 0..d {
            let error = (variance(j) / draws as f64).sqrt();
            assert!((mean[j] - built.mu[j]).abs() < 5.0 * error, "{:?}: mean {} for {}", niw.shape, mean[j], built.mu[j]);
            assert!((square[j] / variance(j) - 1.0).abs() < 0.1, "{:?}: {} for {}", niw.shape, square[j], variance(j));
        }
        // E (x - mu)' Lambda (x - mu) = nu (x - mu_n)' S_n^-1 (x - mu_n) + d / kappa_n.
        let mut v: Vec<f64> = (0..d).map(|j| at[j] - built.mu[j]).collect();
        match niw.shape {
            Shape::Full => super::super::matrix::solve_lower(&built.lower, d, &mut v),
            Shape::Diagonal => v.iter_mut().zip(&built.lower).for_each(|(v, s)| *v /= s.sqrt()),
            Shape::Spherical => v.iter_mut().for_each(|v| *v /= built.lower[0].sqrt()),
        }
        let expected = nu * v.iter().map(|v| v * v).sum::<f64>() + d as f64 / kappa;
        assert!((q / expected - 1.0).abs() < 0.03, "{:?}: {q} for {expected}", niw.shape);
    }
}

#[test]
fn sides_have_the_probability_that_is_said_of_them() {
    use super::super::lanes::{Lanes, Plain};
    for d in [1, 3, 6] {
        let n = 21;
        let data = cloud(n, d, 1.0, 4);
        let halt = Halt::new(&|| false);
        for niw in measures(d, n + 1) {
            let base = Base::of(&niw);
            let sweep = Sweep { data: &data, full: base.full(), halt: &halt };
            let z: Vec<u32> = (0..n as u32).map(|i| i % 2).collect();
            let known: Vec<_> = sweep.sums(&z, 2).iter().map(|s| base.given(s)).collect();
            let forms = [base.predictive(&known[0]), base.predictive(&known[1])];
            let rows: Vec<u32> = (0..n as u32).collect();
            let at = vec![0.1; data.dp];
            let drawn = sweep.part(&rows, &Sides::Weights(&forms), None, &at, &Stream::root(5));
            let again = sweep.part(&rows, &Sides::Weights(&forms), Some(drawn.sides.clone()), &at, &Stream::root(6));
            assert_eq!((drawn.log_q.to_bits(), &drawn.sides), (again.log_q.to_bits(), &again.sides));
            let expected: f64 = (0..n)
                .map(|i| {
                    let log = |f: &super::base::Form| {
                        let x: Vec<[f64; 8]> = data.row(i)[..d].iter().map(|v| [*v; 8]).collect();
                        let mut q = [0.0; 8];
                        f.squares::<Plain>(&x).store(&mut q);
                        f.constant - f.power * (f.stretch * q[0]).ln_1p()
                    };
                    let (a, b) = (log(&forms[0]).exp(), log(&forms[1]).exp());
                    (if drawn.sides[i] == 1 { b } else { a } / (a + b)).ln()
                })
                .sum();
            close(drawn.log_q, expected, "log probability");
            // The full measure's predictive is Student's t itself.
            if niw.shape == Shape::Full {
                let built = Built::from_members(&niw, data.dp, (0..n).filter(|i| i % 2 == 0).map(|i| data.row(i)));
                let x: Vec<[f64; 8]> = data.row(3)[..d].iter().map(|v| [*v; 8]).collect();
                let mut v: Vec<f64> = (0..d).map(|j| data.row(3)[j] - built.mu[j]).collect();
                super::super::matrix::solve_lower(&built.lower, d, &mut v);
                let mut q = [0.0; 8];
                forms[0].squares::<Plain>(&x).store(&mut q);
                close(q[0], v.iter().map(|v| v * v).sum(), "quadratic form");
                let got = forms[0].constant - forms[0].power * (forms[0].stretch * q[0]).ln_1p() - (built.n as f64 + 0.5).ln();
                let pi = 0.5 * d as f64 * std::f64::consts::PI.ln();
                close(got - pi, niw.log_predictive(built.n, built.log_det, q[0]), "predictive");
            }
            // What the sides say is what their rows say.
            for (got, own) in drawn.sums.iter().zip(sweep.sums(&drawn.sides, 2)) {
                assert_eq!(got.n, own.n);
                got.mean.iter().zip(&own.mean).for_each(|(a, b)| close(*a, *b, "mean"));
                got.scatter.iter().zip(&own.scatter).for_each(|(a, b)| close(*a, *b, "scatter"));
            }
        }
    }
}

#[test]
fn first_rows_stay_and_rows_before_them_may_not_join() {
    let z: Vec<u32> = (0..40u32).map(|i| [0, 1, 1, 2, 0][i as usize % 5]).collect();
    for seed in 0..50 {
        let (order, names) = Order::of(seed, &z, 3);
        assert!(order.keys.is_sorted());
        for (at, (first, name)) in order.keys.iter().zip(&names).enumerate() {
            assert_eq!(z[first.1 as usize], *name, "the first row of component {name}, number {at}");
        }
        // By the definition: the sum over rows of how many first rows come before them.
        let firsts: Vec<u32> = order.keys.iter().map(|k| k.1).collect();
        assert!(firsts.iter().all(|i| order.open(*i).is_none()));
        for i in (0..40).filter(|i| !firsts.contains(i)) {
            let open = order.open(i).expect("no first row");
            // It may join what it is in, since that one's first row comes before it.
            let own = names.iter().position(|k| *k == z[i as usize]).expect("a label");
            assert!(own < open, "row {i} of {own} may join {open}");
        }
    }
}

fn setup(passes: usize, start: Start) -> Setup {
    Setup { start, components: 6, ..one_chain(AlphaPrior::Gamma { shape: 1.0, rate: 1.0 }, METHOD, passes) }
}

#[test]
fn bits_do_not_depend_on_threads_and_what_components_say_is_what_their_rows_say() {
    let (n, d) = (9000, 3);
    let data = cloud(n, d, 2.0, 6);
    let grid = correlated(d, 0.05, n + 1);
    let niw = Niw::new(d, 0.05, d as f64 + 2.0, 1);
    let setup = setup(6, Start::Random);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let mut chain = Chain::new(&data, &niw, &setup, 0.0, &Stream::root(9), 0, None).learning(&grid);
            (0..setup.passes).for_each(|_| chain.step());
            let learned = chain.learned().expect("it learns").clone();
            let (z, trace) = (chain.z().to_vec(), chain.trace().concat());
            // The running sums against sums from scratch, and the joint density against the cache's.
            let Walk::AtOnce(w) = chain.walk() else { panic!("all at once") };
            let labels = w.comps.len();
            for (a, b) in w.comps.iter().zip(sums(&data, true, &z, labels)) {
                assert_eq!(a.n, b.n);
                a.scatter.iter().zip(&b.scatter).for_each(|(a, b)| assert!((a - b).abs() < 1e-7 * (1.0 + b.abs())));
            }
            let own = Niw::new(d, 0.05, d as f64 + 1.0 + learned.excess, n + 1);
            let state = State::new(&learned.whiten(&data), &own, z.clone(), w.alpha);
            let expected = state.log_joint() - n as f64 * learned.log_volume();
            assert!((w.log_joint() - expected).abs() < 1e-6, "{} for {expected}", w.log_joint());
            (z, trace.iter().map(|v| v.to_bits()).collect::<Vec<_>>())
        })
    };
    let one = run(1);
    assert!(one.0.iter().any(|k| *k > 0), "several components");
    assert_eq!(one, run(3));
}

#[test]
fn a_stopped_pass_ends_the_chain() {
    struct Stop;
    impl super::super::chain::Monitor for Stop {
        fn stop(&self) -> bool {
            true
        }
        fn pass(&self, _chain: usize, _pass: usize, _scalars: &super::super::chain::Scalars) {
            panic!("no pass is over");
        }
        fn snapshot(&self, _chain: usize, _bytes: Vec<u8>) {}
    }
    let data = cloud(50, 2, 1.0, 6);
    let niw = Niw::new(2, 0.1, 4.0, 1);
    let mut chain = Chain::new(&data, &niw, &setup(6, Start::One), 0.0, &Stream::root(9), 0, None);
    assert!(!chain.run(0, &Stop));
}

#[test]
fn two_hundred_rows_have_the_posterior_means_of_the_collapsed_sampler() {
    // Three lumps that overlap, in two dimensions.
    let (n, d) = (200, 2);
    let mut x = cloud(n, d, 0.0, 12).x.to_vec();
    (0..n).for_each(|i| x[i * 8] += [0.0, 2.6, 5.2][i % 3]);
    let data = super::Observations::new(x, d);
    let niw = Niw::new(d, 0.05, d as f64 + 3.0, n + 1);
    let of = |method: Method, passes: usize, seed: u64| {
        // Means over batches, of components, log alpha, entropy, log posterior, and how often rows are together.
        let setup = Setup {
            start: Start::Random,
            components: 4,
            ..one_chain(AlphaPrior::Gamma { shape: 1.0, rate: 1.0 }, method, passes)
        };
        let mut chain = Chain::new(&data, &niw, &setup, 0.0, &Stream::root(seed), 0, None);
        let mut all: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for pass in 0..passes {
            chain.step();
            let s = chain.trace()[pass];
            let together = [(0, 3), (0, 1), (1, 4), (1, 2)].map(|(a, b)| f64::from(u8::from(chain.z()[a] == chain.z()[b])));
            if pass >= passes / 10 {
                let values = [s[1], s[0].ln(), s[4], s[2] / 10.0].into_iter().chain(together);
                values.enumerate().for_each(|(k, v)| all.entry(k).or_default().push(v));
            }
        }
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        all.into_values()
            .map(|v| {
                let batches: Vec<f64> = v.chunks(v.len() / 30).take(30).map(mean).collect();
                let m = mean(&batches);
                (m, batches.iter().map(|b| (b - m).powi(2)).sum::<f64>() / 29.0 / 30.0)
            })
            .collect::<Vec<_>>()
    };
    let collapsed = of(Method::MergeSplit { proposals: 1, every: 1 }, 3000, 1);
    let at_once = of(Method::SubClusters { proposals: 4 }, 3000, 2);
    for (k, (a, b)) in collapsed.iter().zip(&at_once).enumerate() {
        let score = (a.0 - b.0) / (a.1 + b.1).sqrt();
        assert!(score.abs() < 4.5, "quantity {k}: {} for {}, {score:.1} errors apart", b.0, a.0);
    }
}
