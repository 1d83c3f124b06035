//! Standard errors against the spread that they stand for: replicates of the sampling that each comment names (docs/calibration.md).

use super::passes::{job, member, number, on, plane, points, random, run, table};
use crate::base::Stream;
use crate::base::f_score::f_score;
use crate::engine::Value;
use crate::engine::value::{Dataset, Model, Number};
use crate::lang::Static;
use crate::lang::net::ir::{LayerOp, Source};
use crate::ops::nn::measures::mean;
use crate::ops::nn::network::Network;
use crate::ops::nn::place::Place;
use crate::ops::nn::probe::bounds::normal_quantile;
use crate::ops::nn::probe::certify::{Plan, spread_of, summary};
use crate::ops::nn::probe::trials::{difference, difference_error};
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::tests::build::Builder;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use std::sync::Arc;

/// Replicates of a simulation that runs no network.
const MANY: usize = 20_000;

/// Replicates of one that does: some hundred, thousands with `CFX_LONG=1`.
fn replicates() -> usize {
    if std::env::var("CFX_LONG").is_ok_and(|v| v == "1") { 5000 } else { 300 }
}

/// Checks that reported errors are the spread of the estimates within 10 %, and that two of them cover the truth in 93 to 97 of 100
/// replicates, both within three standard errors of the simulation.
fn calibrated(what: &str, truth: f64, found: &[(f64, f64)]) {
    let n = found.len() as f64;
    let centre = found.iter().map(|f| f.0).sum::<f64>() / n;
    let spread = (found.iter().map(|f| (f.0 - centre).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let reported = (found.iter().map(|f| f.1.powi(2)).sum::<f64>() / n).sqrt();
    let covered = found.iter().filter(|f| (f.0 - truth).abs() <= 2.0 * f.1).count() as f64 / n;
    let (ratio, doubt, missed) = (reported / spread, 3.0 / (2.0 * n).sqrt(), 3.0 * (0.05 * 0.95 / n).sqrt());
    println!("| {what} | {} | {spread:.4} | {reported:.4} | {ratio:.3} | {:.1} % |", found.len(), 100.0 * covered);
    let fits = |ratio: f64| (ratio - 1.0).abs() < 0.1 + doubt;
    assert!(fits(ratio), "{what}: reported {reported}, spread {spread}");
    assert!(!fits(ratio * 2.0 / 3.0), "{what}: an error a third too small would not be seen");
    assert!((0.93 - missed..=0.97 + missed).contains(&covered), "{what}: {covered} covered");
}

fn hits(rng: &mut impl Rng, n: u64, p: f64) -> u64 {
    (0..n).filter(|_| uniform(rng) < p).count() as u64
}

fn uniform(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

fn normal(rng: &mut impl Rng) -> f64 {
    StandardNormal.sample(rng)
}

fn estimate(value: &Value) -> (f64, f64) {
    match value {
        Value::Number(Number { value, error: Some(error), .. }) => (*value, *error),
        other => panic!("{other:?}"),
    }
}

/// Points of a normal distribution; a share of the labels is not what the plane says.
fn cloud(stream: Stream, count: usize, wrong: f64) -> Arc<Dataset> {
    let mut rng = stream.rng();
    let x: Vec<[f32; 2]> = (0..count).map(|_| [normal(&mut rng) as f32, normal(&mut rng) as f32]).collect();
    let label = |p: &[f32; 2], flip: bool| ((3.0 * p[0] + 4.0 * p[1] - 1.0 > 0.0) != flip) as u32;
    let labels: Vec<u32> = x.iter().map(|p| label(p, uniform(&mut rng) < wrong)).collect();
    points(&x, &labels)
}

#[test]
fn errors_of_measures_over_examples() {
    let model = plane(&[0.6, 0.8], -0.2);
    let clouds = |r: usize| cloud(Stream::root(1).numbered(r as u64), 200, 0.15);
    let of =
        |op: &str| -> Vec<(f64, f64)> { (0..replicates()).map(|r| estimate(&run(&on(op, &model, &clouds(r), &[])))).collect() };
    calibrated("`accuracy`: 200 examples, 85 % right", 0.85, &of("accuracy"));
    let big = cloud(Stream::root(2), 400_000, 0.15);
    calibrated("`loss`: 200 examples", estimate(&run(&on("loss", &model, &big, &[]))).0, &of("loss"));
    let trial = |r: usize| {
        let outcome = run(&on("trial_outcome", &model, &clouds(r), &[]));
        estimate(&member(&outcome, "accuracy"))
    };
    calibrated("`trial_outcome`, accuracy", 0.85, &(0..replicates()).map(trial).collect::<Vec<_>>());
    let other = plane(&[1.0, 0.3], 0.1);
    let divergence = |data: &Arc<Dataset>| {
        let inputs = vec![
            ("net", Value::Model(model.clone())),
            ("against", Value::Model(other.clone())),
            ("inputs", Value::Dataset(data.clone())),
        ];
        let Value::Scores(each) = run(&job("output_divergence", inputs, &[])) else { panic!("scores") };
        estimate(&Value::Number(mean(&each.values)))
    };
    let found: Vec<_> = (0..replicates()).map(|r| divergence(&clouds(r))).collect();
    calibrated("`output_divergence`: 200 inputs", divergence(&big).0, &found);
}

#[test]
fn errors_of_gradients_over_examples() {
    let model = perceptron();
    let of = |data: &Arc<Dataset>| estimate(&run(&on("input_gradient", &model, data, &[])));
    let found: Vec<(f64, f64)> = (0..replicates() as u64).map(|r| of(&cloud(Stream::root(20).numbered(r), 200, 0.15))).collect();
    calibrated("`input_gradient`: 200 examples", of(&cloud(Stream::root(21), 100_000, 0.15)).0, &found);
}

/// Returns labels of three classes of which the last is rare, and predictions that are right with a probability for each class.
fn predictions(rng: &mut impl Rng, n: usize, right: [f64; 3]) -> (Vec<u32>, Vec<u32>) {
    let labels: Vec<u32> = (0..n).map(|_| [0, 0, 0, 1, 1, 2][(uniform(rng) * 6.0) as usize]).collect();
    let said = labels.iter().map(|l| if uniform(rng) < right[*l as usize] { *l } else { (*l + 1) % 3 }).collect();
    (labels, said)
}

#[test]
fn errors_of_f_scores_over_examples() {
    let mut rng = Stream::root(22).rng();
    for macro_mean in [false, true] {
        let mut one = |n: usize| {
            let (labels, said) = predictions(&mut rng, n, [0.9, 0.8, 0.7]);
            let (score, error, _) = f_score(&labels, &said, macro_mean, 1);
            (score, error)
        };
        let found: Vec<(f64, f64)> = (0..MANY / 4).map(|_| one(300)).collect();
        let what = if macro_mean { "`f_score(m, d) { average: macro }`: 300 examples" } else { "`f_score(m, d)`: 300 examples" };
        calibrated(what, one(1_000_000).0, &found);
    }
}

/// Returns what is drawn of examples of two classifiers that find the same ones hard, and certifies: for each the label, and of each classifier the class
/// and its hits.
fn drawn(rng: &mut impl Rng, n: usize, plan: &Plan) -> (Arc<Dataset>, [Vec<(u64, u64)>; 2]) {
    let mut sides = [Vec::new(), Vec::new()];
    let mut labels = Vec::new();
    for _ in 0..n {
        let (label, hard) = ((uniform(rng) * 2.0) as u64, normal(rng));
        labels.push(label as u32);
        for side in &mut sides {
            let sure = 1.0 / (1.0 + (-(1.5 + hard + 0.7 * normal(rng))).exp());
            // Below 1/2 the other class is the more frequent one.
            let (class, p) = if sure >= 0.5 { (label, sure) } else { (1 - label, 1.0 - sure) };
            side.push((class, hits(rng, plan.n as u64, p)));
        }
    }
    (points(&vec![[0.0, 0.0]; n], &labels), sides)
}

#[test]
fn errors_of_certificates_over_examples() {
    let mut rng = Stream::root(23).rng();
    let plan = Plan { sigma: 0.5, n0: 10, n: 100, alpha: 0.001, batch: 10, examples: 0 };
    let rows = |n: usize| (0..n).collect::<Vec<usize>>();
    const MEMBERS: [&str; 5] = ["radius", "radius_std", "answered", "accuracy", "f_score"];
    let of = |record: &Value, name: &str| match member(record, name) {
        Value::Number(n) => n,
        other => panic!("{other:?}"),
    };
    let mut found: Vec<[Vec<(f64, f64)>; 2]> = vec![Default::default(); MEMBERS.len()];
    for _ in 0..MANY / 10 {
        let (data, sides) = drawn(&mut rng, 200, &plan);
        let both = sides.map(|side| summary(&plan, &data, &rows(200), &side));
        for (name, [alone, apart]) in MEMBERS.iter().zip(&mut found) {
            let [a, b] = [0, 1].map(|k| of(&both[k], name));
            alone.push((a.value, a.error.unwrap()));
            let (error, _) = Number::propagated(&[(1.0, &a), (-1.0, &b)]);
            apart.push((a.value - b.value, error.unwrap()));
        }
    }
    let (data, [side, _]) = drawn(&mut rng, 100_000, &plan);
    let whole = summary(&plan, &data, &rows(100_000), &side);
    for (name, [alone, apart]) in MEMBERS.iter().zip(&found) {
        calibrated(&format!("`certify(…).{name}`, 200 examples"), of(&whole, name).value, alone);
        calibrated(&format!("`certify(…).{name}` of two networks on the same 200 examples, difference"), 0.0, apart);
    }
}

#[test]
fn words_of_one_example_hang_together() {
    // 40 examples of 25 words; how hard an example is varies: as independent, the 1000 words would have half of this error.
    let mut rng = Stream::root(3).rng();
    let one = |rng: &mut _| {
        let shares: Vec<f64> = (0..40)
            .map(|_| {
                let hard = uniform(rng) < 0.5;
                hits(rng, 25, if hard { 0.3 } else { 0.7 }) as f64 / 25.0
            })
            .collect();
        let m = mean(&shares);
        (m.value, m.error.unwrap())
    };
    let found: Vec<(f64, f64)> = (0..MANY).map(|_| one(&mut rng)).collect();
    calibrated("`accuracy` of words: 40 examples of 25", 0.5, &found);
}

#[test]
fn errors_of_memorization_over_trials() {
    let mut rng = Stream::root(4).rng();
    for (with, without) in [((70, 0.95), (30, 0.6)), ((70, 0.8), (30, 0.3)), ((50, 0.5), (50, 0.5)), ((140, 0.97), (60, 0.9))] {
        let sides = |rng: &mut _| [with, without].map(|(m, p): (u64, f64)| (hits(rng, m, p), m));
        let found: Vec<(f64, f64)> = (0..MANY)
            .map(|_| {
                let s = sides(&mut rng);
                (difference(s), difference_error(s))
            })
            .collect();
        let what = format!("`memorization_error`: {} of {}, {} of {}", with.1, with.0, without.1, without.0);
        calibrated(&what, with.1 - without.1, &found);
    }
}

#[test]
fn radii_are_wrong_no_more_often_than_alpha() {
    let mut rng = Stream::root(5).rng();
    for (p, n, alpha) in [(0.6, 400, 0.05), (0.9, 400, 0.05), (0.99, 1000, 0.05), (0.8, 200, 0.01)] {
        let plan = Plan { sigma: 0.5, n0: 10, n, alpha, batch: 10, examples: 0 };
        let truth = 0.5 * normal_quantile(p);
        let wrong = (0..MANY).filter(|_| plan.radius(hits(&mut rng, n as u64, p)).is_some_and(|r| r > truth)).count();
        let share = wrong as f64 / MANY as f64;
        println!("| `certify`, a radius too large: p = {p}, n = {n}, alpha = {alpha} | {MANY} | | | | {:.2} % |", 100.0 * share);
        let doubt = 3.0 * (alpha / MANY as f64).sqrt();
        // Counts are whole numbers, so that the bound is a little too careful; it is not twice too careful.
        assert!(share <= alpha + doubt && share >= 0.5 * alpha - doubt, "p = {p}: {share}");
    }
}

#[test]
fn errors_of_the_spread_of_radii() {
    let mut rng = Stream::root(6).rng();
    // Radii between 0 and the largest that can be certified, at which every third lies.
    let radius = |rng: &mut _| (uniform(rng) * 1.5).min(1.0);
    let truth = spread_of(&(0..2_000_000).map(|_| radius(&mut rng)).collect::<Vec<_>>()).value;
    let found: Vec<(f64, f64)> = (0..MANY / 4)
        .map(|_| {
            let s = spread_of(&(0..200).map(|_| radius(&mut rng)).collect::<Vec<_>>());
            (s.value, s.error.unwrap())
        })
        .collect();
    calibrated("`certify`, radius_std: 200 radii", truth, &found);
}

/// A perceptron on points with eight hidden units, weights as they are drawn.
fn perceptron() -> Arc<Model> {
    let mut b = Builder::new(&[2]);
    let x = b.linear(Source::Input, 8);
    let x = b.add(LayerOp::Relu, &[x]);
    b.tap("hidden", x);
    b.linear(x, 2);
    let net = b.finish();
    let mut network = Network::new(&net, Purpose::Training, &[], 1, &Place::Host);
    network.initialise(Stream::root(8));
    let model = plane(&[0.6, 0.8], -0.2);
    Arc::new(Model { weights: Arc::new(network.weights()), net, ..(*model).clone() })
}

#[test]
fn errors_of_ablations() {
    let model = perceptron();
    // Labels are what the network says, but for a tenth.
    let labelled = |data: Arc<Dataset>, stream: Stream| {
        let plain = run(&on("correct", &model, &data, &[]));
        let Value::Scores(right) = plain else { panic!("scores") };
        let mut rng = stream.rng();
        let said = data.labels.iter().zip(&right.values).map(|(l, r)| if *r == 1.0 { *l } else { 1 - *l });
        let labels: Vec<u32> = said.map(|l| if uniform(&mut rng) < 0.1 { 1 - l } else { l }).collect();
        Arc::new(Dataset { labels: Arc::new(labels), ..(*data).clone() })
    };
    let sample = |r: u64, count: usize| labelled(cloud(Stream::root(9).numbered(r), count, 0.0), Stream::root(10).numbered(r));
    let at = ("at", super::passes::at("hidden"));
    let drops = |data: &Arc<Dataset>| {
        let t = table(&run(&on("ablate_each", &model, data, std::slice::from_ref(&at))));
        (t.numbers("drop").unwrap().to_vec(), t.numbers("error").unwrap().to_vec())
    };
    let truth = drops(&sample(1_000_000, 200_000)).0;
    // The unit that matters most: others are hardly ever needed, and counts near 0 are no normal numbers.
    let unit = (0..truth.len()).max_by(|a, b| truth[*a].total_cmp(&truth[*b])).unwrap();
    let found: Vec<(f64, f64)> = (0..replicates() as u64)
        .map(|r| {
            let (drop, error) = drops(&sample(r, 200));
            (drop[unit], error[unit])
        })
        .collect();
    calibrated("`ablate_each`, drop: 200 examples", truth[unit], &found);
    let data = sample(0, 60);
    let area = |r: u64| {
        let given = [("order", random(30.0)), ("steps", Static::Number(8.0))];
        let mut job = on("ablate", &model, &data, &given);
        job.stream = Stream::root(11).numbered(r);
        let ablation = run(&job);
        estimate(&run(&super::passes::job("ablation_area", vec![("ablation", ablation)], &[])))
    };
    let found: Vec<(f64, f64)> = (0..replicates() as u64).map(area).collect();
    let truth = (0..2000).map(|r| area(1_000_000 + r).0).sum::<f64>() / 2000.0;
    calibrated("`ablation_area`: 30 orders", truth, &found);
    assert!(number(&run(&on("accuracy", &model, &data, &[]))) > 0.8);
}
