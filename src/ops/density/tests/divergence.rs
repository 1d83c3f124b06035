//! Relative entropies and divergences against numerical integrals (tests/data/density/divergence.json, made by divergence.py beside it).

use super::super::estimate::{Drawing, Estimator, Gaussian, Without, divergence, relative_entropy};
use super::super::niw::Shape;
use super::super::posterior::Posterior;
use super::super::predictive::Predictive;
use super::given::{self, numbers, states};
use crate::base::Stream;
use crate::engine::value::Number;
use serde_json::Value as Json;

/// Returns the density of given partitions.
fn density(rows: &Json, of: &Json, d: usize, kappa: f64, dof: f64, shape: Shape) -> Posterior {
    given::density(numbers(rows), d, vec![states(of)], (kappa, dof), shape)
}

#[test]
fn estimates_are_the_integrals() {
    let text = include_str!("../../../../tests/data/density/divergence.json");
    let reference: Json = serde_json::from_str(text).expect("the reference file is JSON");
    let (d, kappa) = (reference["d"].as_u64().expect("d") as usize, reference["kappa0"].as_f64().expect("kappa0"));
    for case in reference["cases"].as_array().expect("cases") {
        let shape = match case["shape"].as_str().expect("a word") {
            "full" => Shape::Full,
            "diagonal" => Shape::Diagonal,
            _ => Shape::Spherical,
        };
        let dof = case["nu0"].as_f64().expect("nu0");
        let p = density(&reference["x"], &reference["zx"], d, kappa, dof, shape);
        let q = density(&reference["y"], &reference["zy"], d, kappa, dof, shape);
        let new = case["new"].as_bool().expect("a truth value");
        let predictive = |p: &Posterior| if new { Predictive::new(p) } else { Predictive::new(p).occupied() };
        let (from, to) = (predictive(&p), predictive(&q));
        let stream = Stream::root(3);
        let drawing = |estimator| Drawing { draws: 40_000, estimator, stream: &stream, stop: &|| false };
        let near = |got: Result<Number, Without>, name: &str, most: f64| {
            let (got, wanted) = (got.expect("finite"), case[name].as_f64().expect("a number"));
            let error = got.error.expect("an error");
            let what = format!("{shape:?}, new component {new}: {name} {got:?} against {wanted}");
            assert!((got.value - wanted).abs() < 4.0 * error + 1e-5 && error < most, "{what}");
        };
        let gaussian = |full| Gaussian::of(&p.rows, d, full).expect("proper");
        near(relative_entropy(&from, &gaussian(false), &drawing(Estimator::Pooled)), "diagonal", 0.005);
        near(relative_entropy(&from, &gaussian(true), &drawing(Estimator::Pooled)), "full", 0.004);
        near(relative_entropy(&from, &gaussian(false), &drawing(Estimator::PerState)), "per_state", 0.004);
        let against = |x: &[f64], state: Option<usize>| state.map_or_else(|| to.log_density(x), |t| to.under_state(x, t));
        near(divergence(&from, &drawing(Estimator::Pooled), &against), "kl", 0.02);
        near(divergence(&from, &drawing(Estimator::PerState), &against), "kl_per_state", 0.02);
    }
}

#[test]
fn what_has_no_variance_is_infinitely_far_from_a_gaussian() {
    let text = include_str!("../../../../tests/data/density/divergence.json");
    let reference: Json = serde_json::from_str(text).expect("the reference file is JSON");
    // In two dimensions a new component has `dof - 1` degrees of freedom, one of eight rows eight more.
    let p = density(&reference["x"], &reference["zx"], 2, 0.4, 3.0, Shape::Full);
    let gaussian = Gaussian::of(&p.rows, 2, false).expect("proper");
    let stream = Stream::root(3);
    let drawing = Drawing { draws: 1000, estimator: Estimator::Pooled, stream: &stream, stop: &|| false };
    assert_eq!(relative_entropy(&Predictive::new(&p), &gaussian, &drawing), Err(Without::Infinite(2.0)));
    assert!(relative_entropy(&Predictive::new(&p).occupied(), &gaussian, &drawing).is_ok_and(|n| n.value.is_finite()));
    let stopped = Drawing { stop: &|| true, ..drawing };
    assert_eq!(relative_entropy(&Predictive::new(&p).occupied(), &gaussian, &stopped), Err(Without::Stopped));
}
