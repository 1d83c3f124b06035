//! Spectra, canonical correlations and their directions, and plain distances, against NumPy (tests/data/repr/make.py).

use super::*;

/// Returns the numbers under a name of an object of the reference.
fn list(r: &Reference, of: &str, name: &str) -> Vec<f64> {
    r.0[of][name].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// The tolerance that the signature has.
fn usual() -> (&'static str, Static) {
    ("tolerance", Static::Number(1e-6))
}

fn all_near(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).for_each(|(a, b)| near(*a, *b, tolerance));
}

fn table(value: &Value) -> Arc<Table> {
    match value {
        Value::Table(t) => t.clone(),
        Value::Record(parts) => table(&parts.iter().find(|(n, _)| n == "table").unwrap().1),
        other => panic!("{other:?}"),
    }
}

fn both(r: &Reference) -> Vec<(&'static str, Value)> {
    vec![("x", stages(r.matrix("x", 6), Vec::new())), ("against", stages(r.matrix("y", 4), Vec::new()))]
}

#[test]
fn spectra_are_numpys() {
    let r = Reference::read();
    let whole = r.matrix("x", 6);
    let few = whole.slice(ndarray::s![..5, ..]).to_owned();
    for (name, x, centred) in [("spectrum", &whole, false), ("spectrum_centred", &whole, true), ("spectrum_wide", &few, false)] {
        let settings = [("width", Static::Number(2.0)), ("centred", Static::Bool(centred))];
        let value = here("spectrum", &settings, vec![("x", stages(x.clone(), Vec::new()))]).unwrap();
        let t = table(&value);
        all_near(t.numbers("singular_value").unwrap(), &list(&r, name, "values"), 1e-12);
        let energy = list(&r, name, "energy");
        all_near(t.numbers("energy").unwrap(), &energy, 1e-13);
        near(field(&value, "energy"), energy[1], 1e-13);
        let retained = t.numbers("retained").unwrap();
        assert!(retained[..2] == t.numbers("energy").unwrap()[..2] && retained[2..].iter().all(|v| v.is_nan()));
        near(field(&value, "effective_rank"), r.0[name]["effective_rank"].as_f64().unwrap(), 1e-12);
        near(field(&value, "participation_ratio"), r.0[name]["participation"].as_f64().unwrap(), 1e-12);
    }
    // Scales change the singular values alone, and leave no overflow behind.
    let plain = [("width", Static::None), ("centred", Static::Bool(false))];
    let huge = here("spectrum", &plain, vec![("x", stages(&whole * 1e300, Vec::new()))]).unwrap();
    near(field(&huge, "participation_ratio"), r.0["spectrum"]["participation"].as_f64().unwrap(), 1e-12);
    let nothing = here("spectrum", &plain, vec![("x", stages(Array2::zeros((5, 3)), Vec::new()))]);
    assert!(matches!(nothing, Err(Failure::Absent(_))));
}

#[test]
fn directions_are_numpys() {
    let r = Reference::read();
    let t = table(&here("canonical_correlations", &[usual()], both(&r)).unwrap());
    all_near(t.numbers("correlation").unwrap(), &list(&r, "canonical_x", "correlation"), 1e-12);
    let weights: Vec<f64> = r.0["pwcca_weights"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    all_near(t.numbers("weight").unwrap(), &weights, 1e-12);
    for (of, suffix) in [("canonical_x", ""), ("canonical_y", "_against")] {
        all_near(t.numbers(&format!("share{suffix}")).unwrap(), &list(&r, of, "share"), 1e-12);
        all_near(t.numbers(&format!("spread{suffix}")).unwrap(), &list(&r, of, "spread"), 1e-10);
        let side = if suffix.is_empty() { "x" } else { "against" };
        let d = table(&here("canonical_directions", &[("of", word(side)), usual()], both(&r)).unwrap());
        all_near(d.numbers("coefficient").unwrap(), &list(&r, of, "coefficient"), 1e-10);
        all_near(d.numbers("loading").unwrap(), &list(&r, of, "loading"), 1e-10);
        assert_eq!(d.numbers("unit").unwrap()[..5], if side == "x" { [0., 1., 2., 3., 4.] } else { [0., 1., 2., 3., 0.] });
    }
    // A unit that is constant takes part in no direction, and correlates with none.
    let mut x = r.matrix("x", 6);
    x.column_mut(2).fill(0.1);
    let inputs = vec![("x", stages(x, Vec::new())), ("against", stages(r.matrix("y", 4), Vec::new()))];
    let d = table(&here("canonical_directions", &[("of", word("x")), usual()], inputs).unwrap());
    assert!(d.numbers("coefficient").unwrap()[2].abs() < 1e-12 && d.numbers("loading").unwrap()[2].is_nan());
}

#[test]
fn the_published_weights_are_those_of_the_published_code() {
    let r = Reference::read();
    let settings = |variant: &str| {
        let rest = [("variance", Static::Number(0.99)), ("permutations", Static::Number(3.0)), usual()];
        [("variant", word(variant))].into_iter().chain(rest).collect::<Vec<_>>()
    };
    let cca = |variant: &str, inputs| field(&here("cca", &settings(variant), inputs).unwrap(), "similarity");
    near(cca("pwcca_published", both(&r)), r.number("pwcca_published"), 1e-12);
    // It takes the side of fewer units, whichever comes first; the paper's takes the first.
    let mut turned = both(&r);
    turned.reverse();
    turned[0].0 = "x";
    turned[1].0 = "against";
    near(cca("pwcca_published", turned), r.number("pwcca_published"), 1e-12);
    // A constant added to a unit changes the published code's weights, and not the paper's.
    let mut shifted = both(&r);
    let mut y = r.matrix("y", 4);
    y.column_mut(1).mapv_inplace(|v| v + 10.0);
    shifted[1].1 = stages(y, Vec::new());
    near(cca("pwcca", shifted.clone()), r.number("pwcca"), 1e-12);
    assert!((cca("pwcca_published", shifted) - r.number("pwcca_published")).abs() > 1e-3);
    let mut dependent = r.matrix("y", 4);
    let copy = dependent.column(0).to_owned();
    dependent.column_mut(3).assign(&copy);
    let inputs = vec![("x", stages(r.matrix("x", 6), Vec::new())), ("against", stages(dependent, Vec::new()))];
    assert!(matches!(here("cca", &settings("pwcca_published"), inputs), Err(Failure::Absent(_))));
}

#[test]
fn plain_distances_are_numpys() {
    let r = Reference::read();
    let inputs = || vec![("x", stages(r.matrix("x", 6), Vec::new())), ("against", stages(r.matrix("square", 6), Vec::new()))];
    near(as_number(here("cosine_distance", &[], inputs())).value, r.number("cosine"), 1e-12);
    near(as_number(here("euclidean_distance", &[], inputs())).value, r.number("euclidean"), 1e-12);
    let huge = |m: &str| stages(r.matrix(m, 6) * 1e200, Vec::new());
    let inputs = || vec![("x", huge("x")), ("against", huge("square"))];
    near(as_number(here("cosine_distance", &[], inputs())).value, r.number("cosine"), 1e-12);
    near(as_number(here("euclidean_distance", &[], inputs())).value / 1e200, r.number("euclidean"), 1e-12);
    assert!(message(here("cosine_distance", &[], both(&r))).contains("6 units and `against` 4"));
}

#[test]
fn weights_of_correlations_of_which_some_are_equal_are_refused() {
    let r = Reference::read();
    let (x, mut y) = (r.matrix("x", 6), r.matrix("y", 4));
    // Two units of both sides are the same: two correlations are 1, the others are below.
    (0..2).for_each(|i| y.column_mut(i).assign(&x.column(i)));
    let of = |variant: &str, y: &Array2<f64>| {
        let settings =
            [("variant", word(variant)), ("variance", Static::Number(0.99)), ("permutations", Static::Number(3.0)), usual()];
        here("cca", &settings, vec![("x", stages(x.clone(), Vec::new())), ("against", stages(y.clone(), Vec::new()))])
    };
    for variant in ["pwcca", "pwcca_published"] {
        assert!(matches!(of(variant, &y), Err(Failure::Absent(why)) if why.contains("not unique")), "{variant}");
    }
    assert!(of("mean", &y).is_ok());
    // Where all are equal any weights give the same mean.
    near(field(&of("pwcca", &x).unwrap(), "similarity"), 1.0, 1e-12);
}
