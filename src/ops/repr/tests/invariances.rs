//! What changes no similarity: shifts, scales from 1e-90 to 1e90, rotations, orders of rows and units, units that are constant. Values with
//! constant and repeated units, and with one unit far above the others, are NumPy's (tests/data/repr/scales.py).

use super::*;

/// Scales that activations may have.
const SCALES: [f64; 7] = [1e-150, 1e-90, 1e-30, 1.0, 1e30, 1e90, 1e150];

struct Scales(Json);

impl Scales {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/repr/scales.json");
        Scales(serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
    }

    fn value(&self, of: &str, name: &str) -> f64 {
        self.0[of][name].as_f64().unwrap()
    }

    fn whole(&self, name: &str) -> Vec<usize> {
        self.0[name].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect()
    }

    fn rotation(&self) -> Array2<f64> {
        let all: Vec<f64> = self.0["rotation"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        Array2::from_shape_vec((6, 6), all).unwrap()
    }
}

/// Every measure of two representations: name and value.
fn similarities(x: &Array2<f64>, y: &Array2<f64>) -> Vec<(&'static str, f64)> {
    let inputs = || vec![("x", stages(x.clone(), Vec::new())), ("against", stages(y.clone(), Vec::new()))];
    let cka = |kernel: Static, debiased: bool| {
        as_number(here("cka", &[("kernel", kernel), ("debiased", Static::Bool(debiased))], inputs())).value
    };
    let rbf = || make("rbf", &[("bandwidth", Static::Number(0.5))]);
    let cca = |variant: &str| field(&here("cca", &[("variant", word(variant))], inputs()).unwrap(), "similarity");
    vec![
        ("cka", cka(make("linear", &[]), false)),
        ("cka debiased", cka(make("linear", &[]), true)),
        ("cka rbf", cka(rbf(), false)),
        ("cka rbf debiased", cka(rbf(), true)),
        ("procrustes", as_number(here("procrustes", &[], inputs())).value),
        ("cca", cca("mean")),
        ("svcca", cca("svcca")),
        ("pwcca", cca("pwcca")),
    ]
}

fn energy(x: &Array2<f64>, centred: bool) -> f64 {
    let reduced = here(
        "svd",
        &[("width", Static::Number(2.0)), ("centred", Static::Bool(centred))],
        vec![("x", stages(x.clone(), vec![]))],
    );
    as_number(here("captured_energy", &[], vec![("x", reduced.unwrap())])).value
}

fn distance(x: &Array2<f64>) -> f64 {
    as_number(here("mean_distance", &[("by", Static::None)], vec![("x", stages(x.clone(), vec![]))])).value
}

fn both() -> (Array2<f64>, Array2<f64>) {
    let r = Reference::read();
    (r.matrix("x", 6), r.matrix("y", 4))
}

fn same(a: &[(&str, f64)], b: &[(&str, f64)], what: &str, but: &[&str]) {
    for ((name, a), (_, b)) in a.iter().zip(b).filter(|((n, _), _)| !but.contains(n)) {
        assert!((a - b).abs() < 1e-9, "{name} {what}: {a} is not {b}");
    }
}

#[test]
fn no_similarity_sees_the_scale() {
    let (x, y) = both();
    let plain = similarities(&x, &y);
    let values = Scales::read();
    near(plain[0].1, values.value("plain", "cka"), 1e-12);
    near(plain[4].1, values.value("plain", "procrustes"), 1e-12);
    for a in SCALES {
        for b in [1e-90, 1.0, 1e90] {
            same(&plain, &similarities(&(&x * a), &(&y * b)), &format!("at scales {a} and {b}"), &[]);
        }
        let scaled = &x * a;
        near(energy(&scaled, false), values.value("plain", "energy"), 1e-12);
        near(energy(&scaled, true), values.value("plain", "centred_energy"), 1e-12);
        near(distance(&scaled) / a, values.value("plain", "distance"), 1e-11);
        let drawn = |x: Array2<f64>| as_stages(here("matched_gaussian", &[], vec![("x", stages(x, vec![]))])).x.clone();
        close(&(drawn(scaled) / a), &drawn(x.clone()), 1e-9);
        let Ok(Value::Table(table)) = here("class_means", &[], vec![("x", stages(&x * a, vec![0; 40]))]) else { panic!() };
        let mean = x.mean_axis(Axis(0)).unwrap();
        near(table.numbers("unit_3").unwrap()[0] / a, mean[3], 1e-12);
        near(table.numbers("norm").unwrap()[0] / a, mean.dot(&mean).sqrt(), 1e-12);
    }
}

#[test]
fn no_similarity_sees_shifts_rotations_and_orders() {
    let (x, y) = both();
    let plain = similarities(&x, &y);
    let values = Scales::read();
    for scale in SCALES {
        let (x, y) = (&x * scale, &y * scale);
        let shifted = &x + &ndarray::arr1(&[3.0, -200.0, 0.5, 1e4, -7.0, 0.1]).mapv(|v| v * scale);
        // The weights of pwcca and nothing else depend on the basis of the units.
        same(&plain, &similarities(&shifted, &y), &format!("shifted, at scale {scale}"), &[]);
        same(&plain, &similarities(&x.dot(&values.rotation()), &y), &format!("rotated, at scale {scale}"), &["pwcca"]);
        let units = x.select(Axis(1), &values.whole("units"));
        same(&plain, &similarities(&units, &y), &format!("units in another order, at scale {scale}"), &[]);
        let order = values.whole("order");
        let rows = (x.select(Axis(0), &order), y.select(Axis(0), &order));
        same(&plain, &similarities(&rows.0, &rows.1), &format!("rows in another order, at scale {scale}"), &[]);
        near(distance(&shifted) / scale, values.value("plain", "distance"), 1e-9);
        near(distance(&x.dot(&values.rotation())) / scale, values.value("plain", "distance"), 1e-9);
    }
}

#[test]
fn constant_units_count_for_nothing_and_repeated_ones_twice() {
    let (x, y) = both();
    let values = Scales::read();
    let column = |v: f64| Array2::from_elem((40, 1), v);
    let constant = ndarray::concatenate(Axis(1), &[x.view(), column(0.1).view(), column(0.0).view()]).unwrap();
    let repeated = ndarray::concatenate(
        Axis(1),
        &[x.view(), x.slice(ndarray::s![.., ..1]), x.slice(ndarray::s![.., ..1]), x.slice(ndarray::s![.., 3..4])],
    )
    .unwrap();
    for scale in SCALES {
        same(&similarities(&x, &y), &similarities(&(&constant * scale), &y), &format!("with constants at {scale}"), &[]);
        for (name, m) in [("constant", &constant), ("repeated", &repeated)] {
            let got = similarities(&(m * scale), &(&y / scale));
            near(got[0].1, values.value(name, "cka"), 1e-11);
            near(got[4].1, values.value(name, "procrustes"), 1e-11);
            // Repeated units add no direction.
            near(got[5].1, Reference::read().number("cca"), 1e-11);
            near(distance(&(m * scale)) / scale, values.value(name, "distance"), 1e-9);
            near(energy(&(m * scale), false), values.value(name, "energy"), 1e-11);
            near(energy(&(m * scale), true), values.value(name, "centred_energy"), 1e-11);
        }
    }
}

#[test]
fn what_is_the_same_for_all_examples_has_no_similarity() {
    let (_, y) = both();
    for value in [0.1, 0.5, 0.0, 1e-90, -1e90, 1.0 / 3.0] {
        let flat = Array2::from_elem((40, 5), value);
        for (x, against) in [(&flat, &y), (&y, &flat), (&flat, &flat)] {
            for op in ["cka", "procrustes", "cca"] {
                for (name, setting) in
                    [("kernel", make("rbf", &[("bandwidth", Static::Number(0.5))])), ("debiased", Static::Bool(false))]
                {
                    let inputs = vec![("x", stages(x.clone(), vec![])), ("against", stages(against.clone(), vec![]))];
                    let got = here(op, &[(name, setting)], inputs);
                    assert!(
                        matches!(&got, Err(Failure::Absent(why)) if why.contains("the same for all")),
                        "{op} of {value}: {got:?}"
                    );
                }
            }
        }
        assert_eq!(distance(&flat), 0.0);
        let drawn = as_stages(here("matched_gaussian", &[], vec![("x", stages(flat.clone(), vec![]))]));
        assert!(drawn.x == flat, "surrogates of what does not vary do not vary");
    }
}

#[test]
fn units_of_unlike_scales_keep_their_own() {
    let (x, y) = both();
    let values = Scales::read();
    let mut mixed = x.clone();
    mixed.slice_mut(ndarray::s![.., ..5]).mapv_inplace(|v| v * 1e-90);
    mixed.slice_mut(ndarray::s![.., 5..]).mapv_inplace(|v| v * 1e90);
    let got = similarities(&mixed, &y);
    near(got[0].1, values.value("large", "cka"), 1e-11);
    near(got[4].1, values.value("large", "procrustes"), 1e-11);
    near(distance(&mixed) / 1e90, values.value("large", "distance"), 1e-9);
    near(energy(&mixed, true), 1.0, 1e-12);
    // Below rounding of the first direction there is nothing to project on.
    let reduced = as_stages(here("svd", &[("width", Static::Number(3.0))], vec![("x", stages(mixed.clone(), vec![]))]));
    assert!(reduced.x.column(1).iter().chain(reduced.x.column(2)).all(|v| *v == 0.0));
    // Surrogates have each unit's own mean and spread, large and small.
    let many = Array2::from_shape_fn((4000, 6), |(i, j)| mixed[[i % 40, j]]);
    let drawn = as_stages(here("matched_gaussian", &[], vec![("x", stages(many.clone(), vec![]))]));
    for j in 0..6 {
        let unit = if j == 5 { 1e90 } else { 1e-90 };
        let spread = |m: &Array2<f64>| (m.column(j).mapv(|v| v / unit).var(0.0)).sqrt();
        let ratio = spread(&drawn.x) / spread(&many);
        // Five standard errors of a standard deviation of normal numbers.
        assert!((ratio - 1.0).abs() < 5.0 / (2.0f64 * 4000.0).sqrt(), "unit {j}: {ratio}");
    }
    let pair = |m: &Array2<f64>| {
        let c = |j: usize, unit: f64| m.column(j).mapv(|v| v / unit) - m.column(j).mapv(|v| v / unit).mean().unwrap();
        let (a, b) = (c(0, 1e-90), c(5, 1e90));
        a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt()
    };
    assert!((pair(&drawn.x) - pair(&many)).abs() < 5.0 / 4000f64.sqrt(), "{} and {}", pair(&drawn.x), pair(&many));
}

#[test]
fn directions_that_rounding_gives_are_nothing() {
    let (x, _) = both();
    let twice = ndarray::concatenate(Axis(1), &[x.view(), x.view()]).unwrap();
    for scale in SCALES {
        let got = as_stages(here("svd", &[("width", Static::Number(9.0))], vec![("x", stages(&twice * scale, vec![]))]));
        assert!((6..9).all(|j| got.x.column(j).iter().all(|v| *v == 0.0)) && got.x.column(5).iter().any(|v| *v != 0.0));
        let note = got.notes.iter().find(|(n, _)| n.starts_with("directions")).unwrap();
        assert_eq!(note.1, 6.0);
    }
}

#[test]
fn near_the_largest_float_a_result_is_right_or_refused() {
    let (x, y) = both();
    let largest = |m: &Array2<f64>| m.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    let huge = &x / largest(&x) * 1.7e308;
    let small = &x / largest(&x);
    let refused = |op: &str, settings: &[(&str, Static)], inputs: Vec<(&'static str, Value)>| match here(op, settings, inputs) {
        Err(Failure::Absent(why)) => assert!(why.contains("overflows"), "{op}: {why}"),
        other => panic!("{op}: {other:?}"),
    };
    let of = |x: &Array2<f64>| vec![("x", stages(x.clone(), vec![0; 40]))];
    refused("spectrum", &[("width", Static::None), ("centred", Static::Bool(false))], of(&huge));
    refused("svd", &[("width", Static::Number(2.0)), ("centred", Static::Bool(false))], of(&huge));
    refused("euclidean_distance", &[], vec![("x", stages(huge.clone(), vec![])), ("against", stages(-&huge, vec![]))]);
    let Ok(Value::Table(table)) = here("class_means", &[], of(&huge)) else { panic!() };
    for (unit, mean) in small.mean_axis(Axis(0)).unwrap().iter().enumerate() {
        near(table.numbers(&format!("unit_{unit}")).unwrap()[0] / 1.7e308, *mean, 1e-12);
    }
    let two = ndarray::concatenate(Axis(0), &[huge.view(), (-&huge).view()]).unwrap();
    let Ok(Value::Table(table)) = here("class_means", &[], vec![("x", stages(two, vec![0; 80]))]) else { panic!() };
    assert!(table.numbers("unit_0").unwrap()[0].abs() < 1e295);
    let far = huge.rows().into_iter().find(|r| r.iter().any(|v| v.abs() > 1.6e308)).unwrap().insert_axis(Axis(0)).to_owned();
    let far = ndarray::concatenate(Axis(0), &[far.view(), (-&far).view()]).unwrap();
    refused("mean_distance", &[("by", Static::None)], vec![("x", stages(far, vec![]))]);
    same(&similarities(&small, &y), &similarities(&huge, &y), "near the largest float", &[]);
}
