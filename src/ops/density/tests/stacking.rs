//! Leave-one-out densities and stacking weights against SciPy's (tests/data/density/stacking.json, made by stacking.py beside it), and the
//! jackknife over chains against estimates made without each chain.

use super::super::between::{Jackknife, jackknife, of_divergence, of_relative_entropy};
use super::super::estimate::{Drawing, Estimator, Gaussian, divergence, relative_entropy};
use super::super::frame::{Frame, Scale};
use super::super::leave_one_out::by_chain;
use super::super::logs::sum_of_logs;
use super::super::niw::Shape;
use super::super::posterior::Posterior;
use super::super::predictive::Predictive;
use super::super::stacking::{Pooling, Stack, predictive, weights};
use super::given::{self, numbers, states};
use crate::base::Stream;
use serde_json::Value as Json;

fn reference() -> Json {
    serde_json::from_str(include_str!("../../../../tests/data/density/stacking.json")).expect("the reference file is JSON")
}

fn series(j: &Json) -> Vec<Vec<f64>> {
    j.as_array().expect("series").iter().map(numbers).collect()
}

/// Returns the density of given partitions, chain by chain.
fn density(j: &Json, shape: Shape, dof: f64) -> Posterior {
    let (d, kappa) = (j["d"].as_u64().expect("d") as usize, j["kappa0"].as_f64().expect("kappa0"));
    given::density(numbers(&j["x"]), d, j["chains"].as_array().expect("chains").iter().map(states).collect(), (kappa, dof), shape)
}

fn value(logs: &[Vec<f64>], w: &[f64]) -> f64 {
    let n = logs[0].len();
    let row = |i: usize| sum_of_logs(&logs.iter().zip(w).map(|(l, w)| l[i] + w.ln()).collect::<Vec<_>>());
    (0..n).map(row).sum::<f64>() / n as f64
}

#[test]
fn left_out_densities_and_weights_are_scipys() {
    let j = reference();
    for case in j["cases"].as_array().expect("cases") {
        let shape = match case["shape"].as_str().expect("a word") {
            "full" => Shape::Full,
            "diagonal" => Shape::Diagonal,
            _ => Shape::Spherical,
        };
        let p = density(&j, shape, case["nu0"].as_f64().expect("nu0"));
        let logs = by_chain(&p, &|| false).expect("not stopped");
        for (own, other) in logs.iter().flatten().zip(series(&case["logs"]).iter().flatten()) {
            assert!((own - other).abs() < 1e-9, "{shape:?}: {own} against {other}");
        }
        let w = Stack::of(&p, &|| false).expect("not stopped").weights;
        for (own, other) in w.iter().zip(numbers(&case["weights"])) {
            assert!((own - other).abs() < 1e-4, "{shape:?}: {w:?} against {}", case["weights"]);
        }
    }
}

#[test]
fn weights_are_the_best_there_are() {
    for case in reference()["matrices"].as_array().expect("matrices") {
        let logs = series(&case["logs"]);
        let w = weights(&logs, &|| false).expect("not stopped");
        let best = case["value"].as_f64().expect("a number");
        assert!((w.iter().sum::<f64>() - 1.0).abs() < 1e-12 && w.iter().all(|w| *w >= 0.0));
        assert!((value(&logs, &w) - best).abs() < 1e-8, "{w:?}: {} against {best}", value(&logs, &w));
        for (own, other) in w.iter().zip(numbers(&case["weights"])) {
            assert!((own - other).abs() < 1e-4, "{w:?} against {}", case["weights"]);
        }
    }
}

#[test]
fn equal_chains_have_equal_weights_and_a_chain_that_predicts_worse_has_none() {
    let logs: Vec<f64> = (0..30).map(|i| -1.0 - f64::from(i % 7)).collect();
    let worse: Vec<f64> = logs.iter().map(|l| l - 3.0).collect();
    let weights = |logs: &[Vec<f64>]| weights(logs, &|| false).expect("not stopped");
    assert_eq!(weights(&[logs.clone(), logs.clone()]), vec![0.5, 0.5]);
    let w = weights(&[worse, logs.clone(), Vec::new(), logs]);
    assert!(w[0] < 1e-6 && w[2] == 0.0 && (w[1] - w[3]).abs() < 1e-6, "{w:?}");
}

/// Returns the density without a chain.
fn without(p: &Posterior, chain: usize) -> Posterior {
    let mut p = p.clone();
    p.chains.remove(chain);
    p.fit.setup.chains -= 1;
    p
}

#[test]
fn the_jackknife_is_that_of_estimates_made_without_each_chain() {
    let j = reference();
    let (p, q) = (density(&j, Shape::Full, 4.5), density(&j, Shape::Full, 9.0));
    let q = Posterior { rows: q.rows.iter().map(|x| x + 0.5).collect(), ..q };
    let q = Posterior { frame: Frame::derive(&q.rows, 2, &Scale::Diagonal, 6.0).expect("proper"), ..q };
    let stream = Stream::root(5);
    let drawing = Drawing { draws: 100_000, estimator: Estimator::Pooled, stream: &stream, stop: &|| false };
    let gaussian = Gaussian::of(&p.rows, 2, true).expect("proper");
    let occupied = |p: &Posterior, pooling| predictive(p, pooling, &|| false).expect("not stopped").occupied();
    for pooling in [Pooling::Equal, Pooling::Stacked] {
        let chains = |p: &Posterior| Jackknife::of(p, pooling, &|| false).expect("not stopped");
        let (of_p, of_q) = (chains(&p), chains(&q));
        let entropy = |p: &Posterior| relative_entropy(&occupied(p, pooling), &gaussian, &drawing).expect("finite").value;
        let each: Vec<f64> = (0..3).map(|c| entropy(&without(&p, c))).collect();
        let wanted = jackknife(&each).sqrt();
        let got = of_relative_entropy(&occupied(&p, Pooling::Equal), &of_p, &gaussian, &drawing).expect("not stopped").sqrt();
        assert!((got - wanted).abs() < 0.03 * wanted + 0.004, "{pooling:?}: {got} against {wanted}");
        let kl = |p: &Posterior, q: &Posterior| {
            let to = occupied(q, pooling);
            let against = |x: &[f64], _: Option<usize>| to.log_density(x);
            divergence(&occupied(p, pooling), &drawing, &against).expect("finite").value
        };
        let own: Vec<f64> = (0..3).map(|c| kl(&without(&p, c), &q)).collect();
        let other: Vec<f64> = (0..3).map(|c| kl(&p, &without(&q, c))).collect();
        let wanted = (jackknife(&own) + jackknife(&other)).sqrt();
        let (from, to) = (occupied(&p, Pooling::Equal), occupied(&q, Pooling::Equal));
        let got = of_divergence((&from, &of_p), (&to, &of_q), &drawing).expect("not stopped").sqrt();
        assert!((got - wanted).abs() < 0.05 * wanted + 0.01, "{pooling:?}: {got} against {wanted}");
    }
    let one = without(&without(&p, 2), 1);
    let alone = Jackknife::of(&one, Pooling::Equal, &|| false).expect("not stopped");
    assert_eq!(of_relative_entropy(&Predictive::new(&one).occupied(), &alone, &gaussian, &drawing), Some(0.0));
}
