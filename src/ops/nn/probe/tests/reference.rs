//! Formulas against values of NumPy, SciPy and scikit-learn (tests/data/probes/make_reference.py).

use crate::engine::value::{Column, Table};
use crate::ops::nn::probe::ablate::{area, counts};
use crate::ops::nn::probe::bits::{Bits, transposed};
use crate::ops::nn::probe::bounds::{beta_regularised, clopper_pearson_lower, normal_quantile};
use crate::ops::nn::probe::certify::Plan;
use crate::ops::nn::probe::divergence::divergence;
use crate::ops::nn::probe::information::{equal_mass, information};
use crate::ops::nn::probe::selectivity::selectivities;
use crate::ops::nn::probe::trials::{Trials, difference, difference_error};
use crate::ops::nn::probe::units::spearman;
use ndarray::Array2;
use serde_json::Value as Json;

fn reference() -> Json {
    serde_json::from_str(include_str!("../../../../../tests/data/probes/reference.json")).unwrap()
}

/// NaN stands for null.
fn number(x: &Json) -> f64 {
    x.as_f64().unwrap_or(f64::NAN)
}

fn list(x: &Json) -> Vec<f64> {
    x.as_array().unwrap().iter().map(number).collect()
}

fn rows(x: &Json) -> Vec<Vec<f64>> {
    x.as_array().unwrap().iter().map(list).collect()
}

/// Asserts equality up to a relative error, and NaN where NaN is expected.
fn close(got: f64, want: f64, tolerance: f64, what: &str) {
    let equal = (got.is_nan() && want.is_nan()) || (got - want).abs() <= tolerance * want.abs().max(1e-300);
    assert!(equal, "{what}: {got} in place of {want}");
}

#[test]
fn bounds_are_those_of_scipy() {
    let all = rows(&reference()["clopper_pearson"]);
    assert!(all.len() > 50);
    for case in all {
        let [k, n, alpha, want] = case[..] else { panic!("four numbers") };
        close(clopper_pearson_lower(k as u64, n as u64, alpha), want, 1e-10, &format!("{k} of {n} at {alpha}"));
    }
    assert_eq!(clopper_pearson_lower(0, 100, 0.001), 0.0);
    // I_x(a, b) = 1 - I_(1-x)(b, a), and I_x(1, 1) = x.
    assert!((beta_regularised(3.0, 7.0, 0.4) + beta_regularised(7.0, 3.0, 0.6) - 1.0).abs() < 1e-14);
    assert!((beta_regularised(1.0, 1.0, 0.37) - 0.37).abs() < 1e-14);
}

#[test]
fn normal_quantiles_are_those_of_scipy() {
    for case in rows(&reference()["normal_quantile"]) {
        let tolerance = if case[1].abs() < 1e-3 { 1e-9 } else { 1e-13 };
        close(normal_quantile(case[0]), case[1], tolerance, &case[0].to_string());
    }
    assert_eq!([0.0, 1.0].map(normal_quantile), [f64::NEG_INFINITY, f64::INFINITY]);
}

#[test]
fn radii_are_those_of_scipy_and_of_the_published_tables() {
    let plan = |sigma, n, alpha| Plan { sigma, n0: 100, n, alpha, batch: 1, examples: 0 };
    for case in rows(&reference()["radius"]) {
        let [sigma, k, n, alpha, want] = case[..] else { panic!("five numbers") };
        let got = plan(sigma, n as usize, alpha).radius(k as u64).unwrap_or(-1.0);
        close(got, want, 1e-9, &format!("sigma {sigma}, {k} of {n}"));
    }
    // The largest radii that Cohen et al. 2019 publish for CIFAR-10 (n = 100,000), three digits: those of n, n - 1, n - 2, ... hits. Their files
    // with times in h:mm:ss are explained by alpha = 0.001, those with times in seconds (and all for ImageNet) by alpha = 0.01.
    let largest = [
        (0.12, 0.001, vec![0.457, 0.449, 0.443, 0.438]),
        (0.25, 0.01, vec![0.978, 0.955, 0.941]),
        (0.5, 0.001, vec![1.91, 1.87, 1.84]),
        (0.5, 0.01, vec![1.96, 1.91, 1.88, 1.86]),
    ];
    for (sigma, alpha, published) in largest {
        for (missed, want) in published.into_iter().enumerate() {
            let got = plan(sigma, 100_000, alpha).radius(100_000 - missed as u64).unwrap();
            let half = if want < 1.0 { 0.0005 } else { 0.005 };
            assert!((got - want).abs() <= half, "sigma {sigma}, {missed} missed: {got} in place of {want}");
        }
    }
}

#[test]
fn rows_to_certify_lie_at_equal_distances() {
    let plan = |examples| Plan { sigma: 1.0, n0: 1, n: 100, alpha: 0.001, batch: 1, examples };
    assert_eq!(plan(0).rows(3), [0, 1, 2]);
    assert!(plan(9).takes(3).is_err() && plan(3).takes(3).is_ok());
    assert_eq!(plan(3).rows(3), [0, 1, 2]);
    assert_eq!(plan(5).rows(10_000), [0, 2000, 4000, 6000, 8000]);
}

#[test]
fn memorization_and_influence_are_those_of_numpy() {
    let r = &reference()["memorization"];
    let bits = |name: &str| -> Vec<Bits> { rows(&r[name]).iter().map(|row| row.iter().map(|x| *x == 1.0).collect()).collect() };
    let (member, correct, tested) = (bits("member"), bits("correct"), bits("tested"));
    let trials = |right: &[Bits], m: usize| Trials {
        count: member.len() as u64,
        member: transposed(member.iter(), 9),
        correct: transposed(right.iter(), m),
    };
    let own = trials(&correct, 9);
    for (i, (score, error)) in list(&r["scores"]).into_iter().zip(list(&r["errors"])).enumerate() {
        close(difference(own.sides(i, i)), score, 1e-14, "memorization");
        close(difference_error(own.sides(i, i)), error, 1e-14, "its error");
    }
    assert!(list(&r["scores"])[3].is_nan() && list(&r["scores"])[7].is_nan());
    let other = trials(&tested, 5);
    for (i, row) in rows(&r["influence"]).into_iter().enumerate() {
        for (j, want) in row.into_iter().enumerate() {
            close(difference(other.sides(i, j)), want, 1e-14, "influence");
        }
    }
}

#[test]
fn bits_survive_packing_and_turning() {
    for len in [0usize, 1, 7, 8, 63, 64, 65, 200] {
        let bits: Bits = (0..len).map(|i| i * i % 7 < 3).collect();
        assert_eq!(Bits::from_bytes(&bits.bytes(), len), Some(bits.clone()));
        assert_eq!(bits.count(), (0..len).filter(|i| i * i % 7 < 3).count() as u64);
        assert_eq!(
            transposed(transposed([bits.clone()].iter(), len).iter(), 1),
            if len == 0 { vec![Bits::none(0)] } else { vec![bits] }
        );
    }
    assert_eq!(Bits::from_bytes(&[0, 0], 17), None);
}

#[test]
fn selectivity_and_information_are_those_of_numpy_and_scikit_learn() {
    let r = &reference()["units"];
    let x = rows(&r["x"]);
    let x = Array2::from_shape_fn((x.len(), x[0].len()), |(i, j)| x[i][j]);
    let labels: Vec<u32> = list(&r["labels"]).into_iter().map(|l| l as u32).collect();
    let found = selectivities(&x, &labels);
    for (u, (value, class)) in list(&r["selectivity"]).into_iter().zip(list(&r["class"])).enumerate() {
        close(found[u].value, value, 1e-12, "selectivity");
        // A silent unit prefers no class.
        assert_eq!(found[u].class, (u != 3).then_some(class as usize));
    }
    assert!(found[3].value.is_nan(), "a silent unit has no selectivity");
    let mut signed = x.clone();
    signed[[0, 0]] = -1e6;
    assert!(selectivities(&signed, &labels)[0].value.is_nan(), "neither has one with a negative mean");
    assert!(selectivities(&x, &vec![0; labels.len()]).is_empty());
    for (u, want) in rows(&r["information"]).into_iter().enumerate() {
        let b = equal_mass(&x.column(u).to_vec(), 6);
        assert_eq!(*b.iter().max().unwrap() as f64 + 1.0, want[2], "bins of unit {u}");
        assert!((information(&b, &labels, false) - want[0]).abs() < 1e-12, "unit {u}");
        assert!((information(&b, &labels, true) - want[1]).abs() < 1e-12, "unit {u}, corrected");
    }
}

#[test]
fn bins_have_equal_mass_where_values_differ() {
    let values: Vec<f64> = (0..100).map(|i| ((i * 37) % 100) as f64).collect();
    let bins = equal_mass(&values, 8);
    let sizes: Vec<usize> = (0..8).map(|b| bins.iter().filter(|x| **x == b).count()).collect();
    assert!(sizes.iter().all(|s| *s == 12 || *s == 13), "{sizes:?}");
    // A unit that tells the class exactly tells log2 of the number of classes.
    let labels: Vec<u32> = values.iter().map(|v| (*v as u32) / 25).collect();
    assert!((information(&equal_mass(&values, 4), &labels, false) - 2.0).abs() < 1e-12);
}

#[test]
fn divergences_are_those_of_scipy() {
    let r = &reference()["divergence"];
    for ((p, q), want) in rows(&r["p"]).into_iter().zip(rows(&r["q"])).zip(list(&r["kl"])) {
        let floats = |x: &[f64]| x.iter().map(|x| *x as f32).collect::<Vec<_>>();
        close(divergence(&floats(&p), &floats(&q)), want, 1e-10, "divergence");
        assert_eq!(divergence(&floats(&p), &floats(&p)), 0.0);
    }
    assert!((divergence(&[2000.0, 0.0], &[0.0, 0.0]) - 2f64.ln()).abs() < 1e-12);
}

#[test]
fn areas_are_those_of_numpy() {
    let r = &reference()["area"];
    let (x, curves) = (list(&r["fraction"]), rows(&r["accuracy"]));
    let column = |name: &str, f: &dyn Fn(usize, usize) -> f64| {
        let all = (0..curves.len()).flat_map(|o| (0..x.len()).map(move |i| (o, i)));
        (name.to_string(), Column::Numbers(all.map(|(o, i)| f(o, i)).collect()))
    };
    let table = Table {
        columns: vec![
            column("order", &|o, _| o as f64),
            column("fraction", &|_, i| x[i]),
            column("accuracy", &|o, i| curves[o][i]),
        ],
    };
    let got = area(&table).unwrap();
    close(got.value, number(&r["mean"]), 1e-14, "area");
    close(got.error.unwrap(), number(&r["error"]), 1e-12, "its error");
    assert!(area(&Table::default()).is_err());
}

#[test]
fn steps_of_ablation_begin_at_none_and_end_at_all() {
    assert_eq!(counts(100, 4), [0, 25, 50, 75, 100]);
    assert_eq!(counts(3, 20), [0, 1, 2, 3]);
    assert_eq!(counts(7, 1), [0, 7]);
    assert_eq!(counts(1, 20), [0, 1]);
}

#[test]
fn rank_correlations_are_those_of_scipy() {
    let r = &reference()["spearman"];
    let pairs: Vec<(f64, f64)> = rows(&r["pairs"]).into_iter().map(|p| (p[0], p[1])).collect();
    let got = spearman(&pairs).unwrap();
    close(got.value, number(&r["r"]), 1e-12, "rank correlation");
    assert_eq!(got.count, Some(25));
    assert!(spearman(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]).is_err());
}
