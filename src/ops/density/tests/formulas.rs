//! Closed forms against SciPy's values (tests/data/density/formulas.json, made by formulas.py beside it).

use super::super::alpha::AlphaPrior;
use super::super::component::{Built, Component};
use super::super::frame::{Frame, Scale};
use super::super::niw::{Niw, Shape};
use super::super::predictive::Predictive;
use super::super::simd::padded;
use super::given::{self, numbers, states};
use crate::base::Stream;
use rand_distr::{Distribution, StandardNormal};
use serde_json::Value as Json;

fn reference() -> Json {
    serde_json::from_str(include_str!("../../../../tests/data/density/formulas.json")).expect("the reference file is JSON")
}

fn close(a: f64, b: f64, what: &str) {
    assert!((a - b).abs() <= 1e-10 * (1.0 + b.abs()), "{what}: {a} against {b}");
}

#[test]
fn predictives_and_marginal_likelihoods_are_scipys() {
    for case in reference()["niw"].as_array().expect("cases") {
        let d = case["d"].as_u64().expect("d") as usize;
        let (kappa, nu) = (case["kappa0"].as_f64().expect("kappa0"), case["nu0"].as_f64().expect("nu0"));
        let x = numbers(&case["x"]);
        let n = x.len() / d;
        let niw = Niw::new(d, kappa, nu, n + 1);
        // The prior's own frame, given as a full or diagonal scale matrix.
        let centre = numbers(&case["mu0"]);
        let mut factor = numbers(&case["s0"]);
        super::super::matrix::cholesky(&mut factor, d).expect("positive definite");
        let log_volume = (0..d).map(|j| factor[j * d + j].ln()).sum();
        let frame = Frame { d, centre, factor, log_volume };
        let y = frame.whiten(&x);
        let dp = padded(d);
        let built = Built::from_members(&niw, dp, y.chunks_exact(dp));
        close(
            niw.log_marginal(n, built.log_det) - n as f64 * log_volume,
            case["log_marginal"].as_f64().expect("number"),
            "marginal",
        );
        let mut c = Component::empty(&niw);
        c.rebuild(&niw, y.chunks_exact(dp));
        let mut scratch = vec![0.0; dp];
        for (point, expected) in numbers(&case["points"]).chunks_exact(d).zip(numbers(&case["log_predictive"])) {
            let p = frame.whiten(point);
            let got = niw.log_predictive(n, c.log_det, c.quadratic(&p, &mut scratch)) - log_volume;
            close(got, expected, "predictive");
        }
    }
}

#[test]
fn diagonal_measures_are_products_over_dimensions() {
    let (d, n) = (11, 9);
    let data = super::cloud(n, d, 0.7, 5);
    let (all, one) = (Niw::diagonal(d, 0.3, 2.5, n + 1), Niw::new(1, 0.3, 2.5, n + 1));
    let mut c = Component::empty(&all);
    c.rebuild(&all, (1..n).map(|i| data.row(i)));
    let (mut marginal, mut predictive, mut scratch) = (0.0, 0.0, vec![0.0; padded(1)]);
    for j in 0..d {
        let column: Vec<Vec<f64>> = (0..n).map(|i| [&[data.row(i)[j]][..], &[0.0; 7]].concat()).collect();
        let mut single = Component::empty(&one);
        single.rebuild(&one, column[1..].iter().map(|r| r.as_slice()));
        marginal += one.log_marginal(n - 1, single.log_det);
        predictive += one.log_predictive(n - 1, single.log_det, single.quadratic(&column[0], &mut scratch));
    }
    close(all.log_marginal(n - 1, c.log_det), marginal, "marginal");
    close(all.log_predictive(n - 1, c.log_det, c.quadratic(data.row(0), &mut [])), predictive, "predictive");
}

#[test]
fn predictives_of_mixtures_are_scipys_for_every_shape_of_covariance() {
    let reference = &reference()["mixture"];
    let (d, kappa) = (reference["d"].as_u64().expect("d") as usize, reference["kappa0"].as_f64().expect("kappa0"));
    let (rows, points) = (numbers(&reference["x"]), numbers(&reference["points"]));
    let kept = states(&reference["states"]);
    for case in reference["cases"].as_array().expect("cases") {
        let shape = match case["shape"].as_str().expect("a word") {
            "full" => Shape::Full,
            "diagonal" => Shape::Diagonal,
            _ => Shape::Spherical,
        };
        let dof = case["nu0"].as_f64().expect("nu0");
        let p = given::density(rows.clone(), d, vec![kept.clone()], (kappa, dof), shape);
        let got = Predictive::new(&p).log_density(&points);
        got.iter().zip(numbers(&case["log_density"])).for_each(|(a, b)| close(*a, b, &format!("{shape:?}")));
    }
}

#[test]
fn alpha_has_its_posterior_given_the_components() {
    let prior = AlphaPrior::Gamma { shape: 1.0, rate: 1.0 };
    for case in reference()["alpha"].as_array().expect("cases") {
        let (k, n) = (case["k"].as_u64().expect("k") as usize, case["n"].as_u64().expect("n") as usize);
        let (mean, sd) = (case["mean"].as_f64().expect("mean"), case["sd"].as_f64().expect("sd"));
        let mut rng = Stream::root(3).named("alpha").rng();
        let (mut a, mut published) = (1.0, 1.0);
        let (mut sum, mut square, mut wrong) = (0.0, 0.0, 0.0);
        let draws = 200_000;
        for _ in 0..draws {
            a = prior.update(a, k, n, &mut rng);
            published = prior.update_published(published, k, n, &mut rng);
            sum += a;
            square += a * a;
            wrong += published;
        }
        let got = sum / f64::from(draws);
        assert!((got - mean).abs() < 0.015 * mean, "k {k} n {n}: mean {got} against {mean}");
        let spread = (square / f64::from(draws) - got * got).sqrt();
        assert!((spread - sd).abs() < 0.03 * sd, "k {k} n {n}: deviation {spread} against {sd}");
        assert!(n < 100 || wrong / f64::from(draws) > (1.0 + 0.5 / k as f64) * mean, "the published update is another one");
    }
}

#[test]
fn the_frame_is_the_published_prior() {
    let x = [1.0, 10.0, 2.0, 30.0, 4.0, 20.0, 5.0, 40.0];
    let f = Frame::derive(&x, 2, &Scale::Diagonal, 6.0).expect("proper");
    close(f.centre[0], 3.0, "mean");
    close(f.factor[0].powi(2), 2.5 / 6.0, "scale");
    close(f.factor[1].powi(2), 125.0 / 6.0, "scale");
    let full = Frame::derive(&x, 2, &Scale::Full, 6.0).expect("proper");
    let s01 = full.factor[0] * full.factor[2];
    close(s01, (30.0 - 5.0 - 5.0 + 30.0) / 4.0 / 6.0, "covariance");
    for (p, row) in full.whiten(&x).chunks_exact(8).zip(x.chunks_exact(2)) {
        full.restore(&p[..2]).iter().zip(row).for_each(|(a, b)| close(*a, *b, "there and back"));
    }
    let (wide, factor) = (full.clone().inflated(9.0), full.factor[0]);
    close(wide.factor[0], 3.0 * factor, "inflated");
    close(wide.log_volume, full.log_volume + 9f64.ln(), "volume of an inflated frame");
    assert!(Frame::derive(&[1.0, 1.0, 1.0, 1.0], 2, &Scale::Diagonal, 6.0).is_err(), "equal rows have no scale");
    assert!(Frame::derive(&[1.0, 2.0, 2.0, 4.0, 3.0, 6.0], 2, &Scale::Full, 6.0).is_err(), "a singular covariance");
}

#[test]
fn diagnostics_are_arviz_s() {
    let text = include_str!("../../../../tests/data/density/diagnostics.json");
    let reference: Json = serde_json::from_str(text).expect("the reference file is JSON");
    use super::super::diagnostics::{apart, ess_bulk, ess_tail, rhat};
    for (i, set) in reference["sets"].as_array().expect("sets").iter().enumerate() {
        let chains: Vec<Vec<f64>> = set["chains"].as_array().expect("chains").iter().map(numbers).collect();
        let value = |name: &str| set[name].as_f64().expect("a number");
        let near = |a: f64, b: f64, what: &str| assert!((a - b).abs() < 1e-7 * b.abs(), "set {i}: {what} {a} against {b}");
        if !set["r_hat"].is_null() {
            near(rhat(&chains), value("r_hat"), "R-hat");
        }
        near(ess_bulk(&chains), value("bulk"), "bulk");
        near(ess_tail(&chains), value("tail"), "tail");
    }
    // Slow chains of one distribution are no disagreement; chains that stay at different places are.
    let chains = |gap: f64, memory: f64| -> Vec<Vec<f64>> {
        let chain = |c: u64| {
            let mut rng = Stream::root(50 + c).rng();
            let mut x = 0.0;
            (0..2000)
                .map(|_| {
                    let e: f64 = StandardNormal.sample(&mut rng);
                    x = memory * x + (1.0 - memory * memory).sqrt() * e;
                    x + gap * c as f64
                })
                .collect()
        };
        (0..4).map(chain).collect()
    };
    assert!(apart(&chains(0.0, 0.0)) < 5.0 && apart(&chains(0.0, 0.97)) < 12.0, "{}", apart(&chains(0.0, 0.97)));
    assert!(rhat(&chains(0.0, 0.97)) > 1.01 && apart(&chains(2.0, 0.5)) > 100.0);
}
