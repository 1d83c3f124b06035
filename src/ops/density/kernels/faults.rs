//! What must not pass in silence: chains that never moved, units that are constant, classes too small, settings out of bounds.

use super::super::chain::{Record, Scalars};
use super::super::diagnostics::{Glance, Verdict};
use super::super::posterior::Posterior;
use super::super::start::Start;
use super::tests::{class, number, prior, run, run_with, sampler, settings_of, started, wrap};
use super::{kernels, report};
use crate::base::Stream;
use crate::engine::kernel::{Labelled, LabelledAxis, Quiet};
use crate::engine::value::{Column, Stages};
use crate::engine::{Failure, Value};
use crate::lang::Static;
use crate::plan::facts::{DensityFacts, Facts, KnownInput, Problem};
use crate::plan::files::Files;
use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};
use std::sync::Arc;

fn labelled(x: Array2<f64>, labels: Vec<u32>) -> Stages {
    let n = x.nrows() as u32;
    let classes = (0..labels.iter().max().map_or(0, |m| m + 1)).map(|c| format!("c{c}")).collect();
    Stages { x, ids: Arc::new((0..n).collect()), labels: Arc::new(labels), classes, notes: Vec::new(), numbered: false }
}

fn noise(n: usize, d: usize, seed: u64) -> Array2<f64> {
    let mut rng = Stream::root(seed).named("noise").rng();
    Array2::from_shape_fn((n, d), |_| StandardNormal.sample(&mut rng))
}

fn short() -> Vec<(&'static str, Static)> {
    vec![("sampler", sampler("gibbs", 40.0, 20.0, 2.0))]
}

/// Returns the densities of all classes, absent ones among them, with their axis.
fn by_class(s: &Stages, settings: &[(&'static str, Static)]) -> Labelled {
    let fit = |c: usize| {
        let mut settings = settings.to_vec();
        settings.push(("by", class(c)));
        match run("dp_mixture", settings, vec![("x", wrap(s))]) {
            Err(Failure::Absent(why)) => Value::Absent(why),
            other => other.expect("a density"),
        }
    };
    let axis =
        LabelledAxis { name: "class".into(), role: "class".into(), coordinates: s.classes.clone(), ..LabelledAxis::default() };
    Labelled { axes: vec![axis], values: (0..s.classes.len()).map(fit).collect() }
}

fn scored(p: &Labelled, s: &Stages, settings: Vec<(&str, Static)>) -> Result<Vec<f64>, Failure> {
    let inputs = vec![("p", p.clone()), ("x", Labelled::single(wrap(s)))];
    let Value::Scores(scores) = run_with("log_density", settings, inputs, &Quiet::default())? else { panic!("scores") };
    Ok(scores.values.clone())
}

/// Returns a density whose chains have these scalars after burn-in, and as many moves each.
fn traced(chains: Vec<Vec<Scalars>>, start: Start, moves: u64) -> Posterior {
    let s = labelled(noise(12, 2, 1), vec![0; 12]);
    let Value::Pack(pack) = run("dp_mixture", short(), vec![("x", wrap(&s))]).expect("fits") else { panic!("a pack") };
    let mut p = (*Posterior::unpack(&pack).expect("reads back")).clone();
    (p.fit.setup.burn_in, p.fit.setup.start) = (0, start);
    let kept = p.chains[0].kept.clone();
    p.chains = chains.into_iter().map(|trace| Record { trace, kept: kept.clone(), moves }).collect();
    p
}

/// Returns independent scalars: alpha varies, and with it the log posterior around `level`; `k` components.
fn chain(length: usize, seed: u64, alpha: bool, k: f64, level: f64) -> Vec<Scalars> {
    let mut rng = Stream::root(seed).rng();
    (0..length)
        .map(|_| {
            let e: f64 = if alpha { StandardNormal.sample(&mut rng) } else { 0.0 };
            [1.0 + 0.1 * e, k, level + e, 1.0 / k, k.ln()]
        })
        .collect()
}

#[test]
fn a_verdict_is_given_where_it_can_be_told() {
    let of = |chains: Vec<Vec<Scalars>>, start, moves| Verdict::of(traced(chains, start, moves).judged());
    let four = |length, alpha, k: [f64; 4], level: [f64; 4]| {
        (0..4).map(|c| chain(length, c as u64, alpha, k[c], level[c])).collect::<Vec<_>>()
    };
    let (same, apart) = ([1.0; 4], [1.0, 2.0, 1.0, 3.0]);
    let level = [-500.0; 4];
    // One component everywhere: that means something if chains began apart, and nothing if all began in it.
    assert_eq!(of(four(500, true, same, level), Start::Dispersed, 9).0, Verdict::Settled);
    let (verdict, why) = of(four(500, true, same, level), Start::One, 0);
    assert!(verdict == Verdict::CannotTell && why.contains("began alike"), "{why}");
    assert_eq!(of(four(500, false, same, level), Start::One, 0).0, Verdict::CannotTell);
    assert_eq!(of(four(500, false, same, level), Start::Random, 0).0, Verdict::CannotTell);
    assert_eq!(of(four(500, false, same, level), Start::Random, 40).0, Verdict::Settled);
    assert_eq!(of(four(500, false, same, level), Start::Dispersed, 40).0, Verdict::Settled);
    // Still in every chain, and different: an infinite R-hat; too few passes to say so.
    let (verdict, why) = of(four(400, true, apart, level), Start::Dispersed, 9);
    assert!(verdict == Verdict::Disagree && why.contains("infinite"), "{why}");
    assert_eq!(of(four(20, true, apart, level), Start::Dispersed, 9).0, Verdict::TooShort);
    assert_eq!(of(four(3, true, same, level), Start::Dispersed, 9).0, Verdict::TooShort);
    assert_eq!(of(four(60, true, same, level), Start::Dispersed, 9).0, Verdict::TooShort);
    // As many components, and log posteriors hundreds apart, moving or not.
    for alpha in [true, false] {
        let (verdict, why) = of(four(400, alpha, [8.0; 4], [-900.0, -900.0, -500.0, -900.0]), Start::Dispersed, 9);
        assert!(verdict == Verdict::Disagree && why.contains("log posterior"), "{why}");
    }
    // Rounding is no difference.
    assert_eq!(
        of(four(400, false, same, [-900.0, -900.0 - 1e-9, -900.0 + 2e-9, -900.0]), Start::Dispersed, 9).0,
        Verdict::Settled
    );
    // One chain cannot disagree; two can, and settle.
    let (verdict, why) = of(vec![chain(2000, 1, true, 2.0, -500.0)], Start::Dispersed, 9);
    assert!(verdict == Verdict::CannotTell && why.contains("there is one chain"), "{why}");
    let two = |k| (0..2).map(|c| chain(1000, c, true, 1.0 + c as f64 * k, -500.0)).collect::<Vec<_>>();
    assert_eq!(of(two(0.0), Start::Dispersed, 9).0, Verdict::Settled);
    assert_eq!(of(two(1.0), Start::Dispersed, 9).0, Verdict::Disagree);
    let glance = Glance::of(traced(two(1.0), Start::Dispersed, 9).judged());
    assert!(glance.r_hat.is_infinite() && glance.ess < 5.0, "{glance:?}");
    // Means carry the disagreement, and no error where nothing tells it.
    let mean = |chains, start, which| report::posterior_mean(&traced(chains, start, 9), which);
    let apart = mean(two(1.0), Start::Dispersed, 1);
    assert!(apart.value == 1.5 && apart.error.is_some_and(|e| (e - 0.5 / 2f64.sqrt()).abs() < 0.01), "{apart:?}");
    assert_eq!(mean(two(0.0), Start::One, 1).error, None);
    assert_eq!(mean(two(0.0), Start::Dispersed, 1).error, Some(0.0));
}

#[test]
fn chains_stuck_in_one_component_are_not_called_settled() {
    let mut x = noise(160, 40, 2);
    x.indexed_iter_mut().for_each(|((i, j), v)| {
        if j % 8 == i % 8 {
            *v += 30.0
        }
    });
    let s = labelled(x, Vec::new());
    let fit = |start| {
        let p =
            run("dp_mixture", vec![("sampler", started("gibbs", 230.0, 30.0, 4.0, start))], vec![("x", wrap(&s))]).expect("fits");
        let Ok(Value::Record(mixing)) = run("mixing", vec![], vec![("p", p.clone())]) else { panic!("a record") };
        let truth =
            |i: usize| if let Value::Truth(t) = &mixing[i].1 { (t.holds, t.text.clone()) } else { panic!("a truth value") };
        let Ok(Value::Table(table)) = run("diagnose", vec![], vec![("p", p.clone())]) else { panic!("a table") };
        let column = |name: &str| match &table.columns.iter().find(|(n, _)| n == name).expect(name).1 {
            Column::Texts(t) => t[0].clone(),
            Column::Numbers(x) => x[1].to_string(),
        };
        let Ok(Value::Record(summary)) = run("density_summary", vec![], vec![("p", p)]) else { panic!("a record") };
        (truth(0).0, truth(1).0, truth(0).1, column("verdict"), number(&summary[0].1))
    };
    let (settled, disagree, text, verdict, components) = fit("one");
    assert!(!settled && !disagree && verdict == "cannot tell" && components.value == 1.0, "{text}");
    assert_eq!(components.error, None);
    let (settled, disagree, text, verdict, _) = fit("dispersed");
    assert!(!settled && disagree && verdict == "disagree", "{text}");
}

#[test]
fn a_constant_unit_changes_no_density_whatever_its_constant() {
    let x = noise(60, 3, 3);
    let with = |constant: f64| {
        labelled(
            Array2::from_shape_fn((60, 4), |(i, j)| if j == 1 { constant } else { x[[i, j - usize::from(j > 1)]] }),
            vec![0; 60],
        )
    };
    let density = |s: &Stages, name: &str| {
        let mut settings = short();
        settings.push(("prior", prior(name)));
        run("dp_mixture", settings, vec![("x", wrap(s))]).expect("fits")
    };
    let values = |s: &Stages, p: &Value| scored(&Labelled::single(p.clone()), s, vec![]).expect("scores");
    for name in ["niw", "niw_full", "diagonal"] {
        let plain = labelled(x.clone(), vec![0; 60]);
        let wanted = values(&plain, &density(&plain, name));
        for constant in [0.0, 0.1, 1e6, -1e-300, 1e300] {
            let s = with(constant);
            let p = density(&s, name);
            assert_eq!(values(&s, &p), wanted, "{name}: a unit that is {constant} everywhere");
            let Ok(Value::Record(summary)) = run("density_summary", vec![], vec![("p", p.clone())]) else { panic!("a record") };
            assert_eq!((summary[6].0.as_str(), number(&summary[6].1).value), ("units", 3.0));
            let Value::Pack(pack) = &p else { panic!("a pack") };
            assert!(
                pack.meta["note"].as_str().expect("a note").contains("over 3 of 4 units: unit 1 is constant"),
                "{}",
                pack.meta["note"]
            );
            let Ok(Value::Stages(drawn)) = run("sample_density", vec![("draws", Static::Number(9.0))], vec![("p", p)]) else {
                panic!("draws")
            };
            assert!(drawn.x.ncols() == 4 && drawn.x.column(1).iter().all(|v| *v == constant));
        }
    }
    // A prior whose scale is not the unit's own keeps it, and its constant is no matter either.
    let spread = |constant| {
        let s = with(constant);
        values(&s, &density(&s, "spherical"))
    };
    spread(0.0).iter().zip(spread(0.1)).for_each(|(a, b)| assert!((a - b).abs() < 1e-9));
    let given = run("dp_mixture", vec![("prior", prior("niw_fixed"))], vec![("x", wrap(&with(0.0)))]).expect("fits");
    let infinite = run("relative_entropy", vec![], vec![("p", given)]);
    assert!(matches!(&infinite, Err(Failure::Absent(why)) if why.contains("unit 1 is constant")), "{infinite:?}");
}

#[test]
fn the_scale_of_the_data_shifts_log_densities_and_changes_nothing_else() {
    let x = noise(40, 3, 4);
    let found = |power: i32, name: &str| {
        let s = labelled(x.mapv(|v| v * 2f64.powi(power)), vec![0; 40]);
        let mut settings = short();
        settings.push(("prior", prior(name)));
        let p = run("dp_mixture", settings, vec![("x", wrap(&s))]).expect("fits");
        let logs = scored(&Labelled::single(p.clone()), &s, vec![]).expect("scores");
        (
            logs.iter().map(|l| l + 3.0 * f64::from(power) * 2f64.ln()).collect::<Vec<_>>(),
            number(&run("relative_entropy", vec![], vec![("p", p)]).expect("a number")),
        )
    };
    for name in ["niw", "niw_full", "diagonal", "spherical"] {
        let (plain, entropy) = found(0, name);
        for power in [-900, -300, 300, 900] {
            let (scaled, other) = found(power, name);
            plain.iter().zip(&scaled).for_each(|(a, b)| assert!((a - b).abs() < 1e-8, "{name} at 2^{power}: {a} and {b}"));
            assert!((entropy.value - other.value).abs() < 1e-8, "{name} at 2^{power}: {entropy:?} and {other:?}");
        }
    }
}

#[test]
fn classes_over_other_units_are_not_compared() {
    // Unit 2 is dead in class 1; unit 3 in all classes.
    let mut x = noise(90, 4, 5);
    x.indexed_iter_mut().for_each(|((i, j), v)| {
        if j == 3 || (j == 2 && i % 3 == 1) {
            *v = 0.1
        }
    });
    let s = labelled(x, (0..90).map(|i| i % 3).collect());
    let p = by_class(&s, &short());
    let own = scored(&p, &s, vec![]).expect("scores");
    assert!((0..90).all(|i| own[i].is_nan() == (i % 3 == 1)), "{own:?}");
    let under = |c| scored(&p, &s, vec![("under", class(c))]);
    assert!(under(0).is_ok_and(|v| v.iter().all(|x| x.is_finite())));
    assert!(matches!(under(1), Err(Failure::Absent(why)) if why.contains("unit 2")));
    // Alone, the class has its density.
    let alone = Labelled { axes: Vec::new(), values: vec![p.values[1].clone()] };
    assert!(scored(&alone, &s, vec![]).is_ok_and(|v| (0..90).all(|i| v[i].is_finite() == (i % 3 == 1))));
    let kl =
        |a: usize, b: usize| run("kl_divergence", vec![], vec![("p", p.values[a].clone()), ("against", p.values[b].clone())]);
    assert!(matches!(kl(0, 1), Err(Failure::Absent(why)) if why.contains("unit 2 is")));
    assert!(kl(0, 2).is_ok());
    let guess = run("generative_classification", short(), vec![("x", wrap(&s))]);
    assert!(matches!(&guess, Err(Failure::Absent(why)) if why.contains("unit 2 is constant in rows of class c1")), "{guess:?}");
    let entropy = run("relative_entropy", vec![], vec![("p", p.values[1].clone())]).expect("over the units that vary");
    assert!(number(&entropy).value.is_finite());
}

#[test]
fn a_class_that_cannot_be_fitted_is_absent_alone() {
    // Class 1 has two rows, class 2 equal ones, class 3 three of which two are equal; class 0 many.
    let labels: Vec<u32> = (0..60)
        .map(|i| {
            if i < 40 {
                0
            } else if i < 42 {
                1
            } else if i < 57 {
                2
            } else {
                3
            }
        })
        .collect();
    let mut x = noise(60, 2, 6);
    (42..57).for_each(|i| x.row_mut(i).fill(3.3));
    (57..59).for_each(|i| x.row_mut(i).fill(1.0));
    let s = labelled(x, labels.clone());
    let p = by_class(&s, &short());
    assert!(matches!(&p.values[2], Value::Absent(why) if why.contains("15 rows are all equal")), "{:?}", p.values[2]);
    let held = scored(&p, &s, vec![("held_out", Static::Number(3.0))]).expect("scores");
    assert!((0..60).all(|i| held[i].is_finite() == (labels[i] == 0)), "{held:?}");
    let own = scored(&p, &s, vec![]).expect("scores");
    assert!((0..60).all(|i| own[i].is_finite() == (labels[i] != 2)));
    let alone = Labelled { axes: Vec::new(), values: vec![p.values[1].clone()] };
    let none = scored(&alone, &s, vec![("held_out", Static::Number(2.0))]);
    assert!(matches!(&none, Err(Failure::Absent(why)) if why.contains("without one fold of 2")), "{none:?}");
}

/// Returns what is said of a call before it runs.
fn refused(op: &str, given: Vec<(&str, Static)>, inputs: &[KnownInput]) -> Option<Problem> {
    let all = kernels();
    let kernel = &all.iter().find(|(n, _)| *n == op).expect("a kernel of that name").1;
    let files = Files::new(std::path::Path::new("."), &[]);
    kernel.facts(&settings_of(op, given), inputs, Some(&files)).err()
}

#[test]
fn what_the_script_and_the_headers_show_is_refused_before_the_run() {
    let n = Static::Number;
    let x = Facts {
        rows: Some(60),
        dim: Some(4),
        classes: Some(vec!["a".into(), "b".into()]),
        class_sizes: Some(vec![40, 20]),
        ..Facts::default()
    };
    let unlabelled = Facts { classes: None, class_sizes: None, labelled: Some(false), ..x.clone() };
    let density = |by_class| Facts {
        density: Some(DensityFacts {
            by_class,
            most_rows: Some(40),
            states: 40,
            chains: 4,
            published: false,
            components: 121.0,
            seconds: 1.0,
            at_most: false,
        }),
        ..x.clone()
    };
    let (p, whole) = (density(true), density(false));
    let with = |name: &str, field: &str, value: f64| {
        let Static::Make(made, mut fields) = started(name, 40.0, 20.0, 2.0, "dispersed") else { panic!("a constructor") };
        fields.iter_mut().filter(|(f, _)| f == field).for_each(|f| f.1 = Static::Number(value));
        vec![("sampler", Static::Make(made, fields))]
    };
    let place = |op: &str, given: Vec<(&str, Static)>, inputs: &[KnownInput]| {
        refused(op, given, inputs).unwrap_or_else(|| panic!("{op} is refused")).parameter.expect("a place")
    };
    let fit = |given| place("dp_mixture", given, &[("x", vec![&x])]);
    for (name, field, values, at) in [
        ("gibbs", "chains", vec![0.0, -1.0, 9_007_199_254_740_991.0], "sampler.chains"),
        ("gibbs", "passes", vec![0.0, 9e15], "sampler.passes"),
        ("gibbs", "burn_in", vec![40.0, 41.0, -1.0], "sampler.burn_in"),
        ("gibbs", "thin", vec![0.0, 9e15], "sampler.thin"),
        ("block_gibbs", "block", vec![0.0, 65.0], "sampler.block"),
        ("split_merge", "proposals", vec![0.0, 9e15], "sampler.proposals"),
        ("split_merge", "scans", vec![-1.0, 9e15], "sampler.scans"),
        ("split_merge", "every", vec![0.0], "sampler.every"),
        ("merge_split", "heated", vec![21.0, -1.0], "sampler.heated"),
        ("sub_clusters", "proposals", vec![0.0, 1001.0], "sampler.proposals"),
    ] {
        for value in values {
            assert_eq!(fit(with(name, field, value)), at, "{field}: {value}");
        }
    }
    assert_eq!(fit(vec![("alpha", n(0.0))]), "alpha");
    assert_eq!(fit(vec![("at_least", n(0.0))]), "at_least");
    assert_eq!(fit(vec![("at_least", n(61.0))]), "at_least");
    assert_eq!(fit(vec![("at_least", n(50.0)), ("by", class(0))]), "at_least");
    assert_eq!(refused("dp_mixture", vec![("at_least", n(30.0)), ("by", class(1))], &[("x", vec![&x])]), None);
    assert_eq!(place("dp_mixture", vec![("by", class(0))], &[("x", vec![&unlabelled])]), "by");
    let wide = Facts { dim: Some(60), ..x.clone() };
    assert_eq!(place("dp_mixture", vec![("prior", prior("niw_full"))], &[("x", vec![&wide])]), "prior");
    let mut one_start = vec![("sampler", started("gibbs", 40.0, 20.0, 2.0, "one"))];
    one_start.push(("published", Static::Bool(true)));
    assert_eq!(fit(one_start), "sampler.start");
    let at_once = vec![("sampler", started("sub_clusters", 40.0, 20.0, 2.0, "random")), ("published", Static::Bool(true))];
    assert_eq!(fit(at_once), "sampler");

    let score = |held: f64| refused("log_density", vec![("held_out", n(held))], &[("p", vec![&p]), ("x", vec![&x])]);
    for held in [1.0, -3.0, 41.0, 9e15] {
        assert_eq!(score(held).and_then(|p| p.parameter), Some("held_out"), "{held}");
    }
    assert!([0.0, 2.0, 40.0].iter().all(|h| score(*h).is_none()));
    assert_eq!(place("log_density", vec![], &[("p", vec![&p]), ("x", vec![&unlabelled])]), "x");
    assert_eq!(place("log_density", vec![], &[("p", vec![&p]), ("x", vec![&wide])]), "x");
    assert_eq!(place("log_density", vec![("under", class(0))], &[("p", vec![&whole]), ("x", vec![&x])]), "under");

    for draws in [0.0, 99.0, -5.0, 9e15] {
        assert_eq!(place("relative_entropy", vec![("draws", n(draws))], &[("p", vec![&p])]), "draws");
        assert_eq!(place("kl_divergence", vec![("draws", n(draws))], &[("p", vec![&p]), ("against", vec![&p])]), "draws");
    }
    assert_eq!(place("sample_density", vec![("draws", n(0.0))], &[("p", vec![&p])]), "draws");
    assert_eq!(place("kl_divergence", vec![], &[("p", vec![&p]), ("against", vec![&wide])]), "against");
    let narrow = Facts { dim: Some(50), ..p.clone() };
    assert_eq!(place("relative_entropy", vec![("reference", Static::Word("full".into()))], &[("p", vec![&narrow])]), "reference");
    assert_eq!(place("co_clustering", vec![], &[("p", vec![&Facts { rows: Some(2001), ..Facts::default() }])]), "p");

    let guess = |given| place("generative_classification", given, &[("x", vec![&x])]);
    for folds in [0.0, 1.0, -2.0, 61.0, 9e15] {
        assert_eq!(guess(vec![("folds", n(folds))]), "folds", "{folds}");
    }
    assert_eq!(guess(vec![("folds", n(30.0))]), "folds", "one class of two has thirty rows");
    assert_eq!(guess(vec![("chains", n(-1.0))]), "chains");
    assert_eq!(place("generative_classification", vec![], &[("x", vec![&unlabelled])]), "x");
    // Refits of all folds are counted.
    let all = kernels();
    let kernel = &all.iter().find(|(n, _)| *n == "log_density").expect("there").1;
    let cost = |held: f64| {
        kernel.cost(&settings_of("log_density", vec![("held_out", n(held))]), &[("p", vec![&p, &p]), ("x", vec![&x])]).seconds
    };
    assert!(cost(5.0) - cost(0.0) > 7.9 && cost(5.0) - cost(0.0) < 8.1, "{}", cost(5.0));
}
