//! Chains that go on until they settle: how long, what comes out, stopped and resumed.

use super::super::diagnostics::{Glance, Verdict, stuck};
use super::super::posterior::Posterior;
use super::tests::{Stopping, class, run, run_with, stages, started, wrap};
use crate::base::Stream;
use crate::engine::kernel::{Labelled, Quiet};
use crate::engine::value::{Pack, Stages};
use crate::engine::{Failure, Value};
use crate::lang::Static;
use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};
use std::sync::Arc;

/// Returns a sampler of three chains with burn-in of half their passes, and a budget where one is given.
fn sampler(passes: f64, thin: f64, budget: Option<f64>) -> (&'static str, Static) {
    let n = |k: &str, v: f64| (k.to_string(), Static::Number(v));
    let mut fields = vec![n("passes", passes), n("burn_in", passes / 2.0), n("thin", thin), n("chains", 3.0)];
    fields.extend([
        n("proposals", 1.0),
        n("every", 1.0),
        n("heated", 30.0),
        ("start".to_string(), Static::Word("dispersed".into())),
    ]);
    fields.push(("budget".to_string(), budget.map_or(Static::None, Static::Number)));
    ("sampler", Static::Make("merge_split".into(), fields))
}

fn hierarchical() -> (&'static str, Static) {
    ("prior", super::tests::prior("hierarchical"))
}

fn fitted(s: &Stages, sampler: (&'static str, Static)) -> Arc<Posterior> {
    let Ok(Value::Pack(pack)) = run("dp_mixture", vec![("by", class(1)), hierarchical(), sampler], vec![("x", wrap(s))]) else {
        panic!("fits")
    };
    let p = Posterior::unpack(&pack).expect("reads back");
    assert_eq!(p.pack(), *pack);
    p
}

#[test]
fn chains_go_on_to_the_first_length_at_which_they_have_settled() {
    let s = stages(60, 2);
    let verdict = |p: &Posterior| Verdict::of(p.judged()).0;
    let plain: Vec<Arc<Posterior>> =
        (0..8).map(|k| fitted(&s, sampler(120.0 * 2f64.powi(k), 10.0 * 2f64.powi(k), None))).collect();
    let first = plain.iter().position(|p| verdict(p) == Verdict::Settled).expect("settles within 15,360 passes");
    assert!(first > 0, "180 draws cannot settle");
    let p = fitted(&s, sampler(120.0, 10.0, Some(1e6)));
    assert_eq!((p.fit.setup.passes, p.fit.setup.until.doubled as usize), (120 << first, first));
    // It is the fit of that length, number for number; only the budget is noted.
    assert_eq!(p.chains, plain[first].chains);
    assert_eq!(p.dof.to_bits(), plain[first].dof.to_bits());
    let note = Glance::of(p.judged()).note;
    assert!(note.ends_with(&format!("settled after {} passes", 120 << first)), "{note}");
    // A refit begins with the lengths that were asked for.
    let asked = p.fit.asked().setup;
    assert_eq!((asked.passes, asked.burn_in, asked.thin, asked.until.budget), (120, 60, 10, Some(1_000_000)));
    assert_eq!(fitted(&s, sampler(120.0, 10.0, Some(1e6))).fit.asked(), p.fit.asked());
    // Where the budget ends before that, the verdict is what it would be without one, and says why it stopped.
    let short = fitted(&s, sampler(120.0, 10.0, Some(120.0 * 2f64.powi(first as i32) - 1.0)));
    assert_eq!(short.chains, plain[first - 1].chains);
    assert_eq!(verdict(&short), verdict(&plain[first - 1]));
    let (note, passes) = (Glance::of(short.judged()).note, 120 << (first - 1));
    assert!(note.contains(&format!("not settled after {passes} passes, and twice as many are beyond the budget of")), "{note}");
    assert!(!Glance::of(plain[first - 1].judged()).note.contains("budget"));
}

#[test]
fn fits_with_a_budget_are_the_same_stopped_and_resumed_and_for_any_number_of_threads() {
    let s = stages(50, 3);
    // Lengths of 70, 140, 280 and 560 passes, of which only 140 times a whole number ends where a checkpoint is left.
    let settings = || vec![("by", class(1)), hierarchical(), sampler(70.0, 9.0, Some(600.0))];
    let inputs = || vec![("x", Labelled::single(wrap(&s)))];
    let whole = |threads: usize| -> Arc<Pack> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        let got = pool.install(|| run_with("dp_mixture", settings(), inputs(), &Quiet::default()));
        let Ok(Value::Pack(pack)) = got else { panic!("{got:?}") };
        pack
    };
    let one = whole(1);
    assert_eq!(one.meta["settings"]["passes"], 560, "three chains of 280 draws have not settled");
    assert_eq!(whole(4), one);
    for polls in [3 * 60, 3 * 70 + 5, 3 * 110, 3 * 140 + 2, 3 * 270, 3 * 500] {
        let cx = Stopping::after(polls);
        let stopped = run_with("dp_mixture", settings(), inputs(), &cx);
        assert!(matches!(stopped, Err(Failure::Interrupted)), "{polls}: {stopped:?}");
        assert!(cx.left(), "a checkpoint was left after {polls}");
        // Stopped once more on the way.
        cx.again(40);
        assert!(matches!(run_with("dp_mixture", settings(), inputs(), &cx), Err(Failure::Interrupted)));
        cx.again(u64::MAX);
        let Ok(Value::Pack(resumed)) = run_with("dp_mixture", settings(), inputs(), &cx) else { panic!("resumes") };
        assert_eq!(resumed, one, "stopped after {polls}");
    }
}

/// Returns eight lumps far apart: single moves neither split nor merge them.
fn lumps() -> Stages {
    let mut rng = Stream::root(2).named("lumps").rng();
    let at = |i: usize, j: usize| if j % 8 == i % 8 { 30.0 } else { 0.0 };
    let x = Array2::from_shape_fn((160, 40), |(i, j)| {
        let e: f64 = StandardNormal.sample(&mut rng);
        e + at(i, j)
    });
    let ids = Arc::new((0..160).collect());
    Stages { x, ids, labels: Arc::new(Vec::new()), classes: Vec::new(), numbered: true, notes: Vec::new() }
}

#[test]
fn chains_that_stand_still_apart_do_not_use_up_their_budget() {
    let s = lumps();
    let fit = |budget: Option<f64>| {
        let Static::Make(name, mut fields) = started("gibbs", 160.0, 80.0, 3.0, "dispersed") else { panic!("a sampler") };
        fields.push(("budget".to_string(), budget.map_or(Static::None, Static::Number)));
        let settings = vec![("prior", super::tests::prior("niw")), ("sampler", Static::Make(name, fields))];
        let Ok(Value::Pack(pack)) = run("dp_mixture", settings, vec![("x", wrap(&s))]) else { panic!("fits") };
        (*Posterior::unpack(&pack).expect("reads back")).clone()
    };
    let (plain, mut p) = (fit(None), fit(Some(640.0)));
    assert_eq!(p.fit.setup.passes, 160);
    assert_eq!(p.chains, plain.chains);
    assert_eq!(Verdict::of(p.judged()).0, Verdict::Disagree);
    let note = Glance::of(p.judged()).note;
    assert!(note.contains("ended after 160 passes: no chain changed its number of components"), "{note}");
    assert!(stuck(p.judged()) && !stuck(plain.judged()), "without a budget nothing ends sooner");
    // Eighty passes without a change leave room for thousands of changes in a million passes.
    p.fit.setup.until.budget = Some(1_000_000);
    assert!(!stuck(p.judged()));
    // Nor is it over where one chain moved, or all stand still alike.
    p.fit.setup.until.budget = Some(640);
    let mut moved = p.clone();
    moved.chains[0].trace.last_mut().expect("a trace")[1] += 1.0;
    assert!(!stuck(moved.judged()));
    p.chains.iter_mut().flat_map(|c| &mut c.trace).for_each(|t| t[1] = 3.0);
    assert!(!stuck(p.judged()));
}
