//! CERTIFY (Cohen, Rosenfeld & Kolter 2019): radii within which a classifier smoothed by Gaussian noise provably keeps its prediction.

use super::bounds::{clopper_pearson_lower, normal_quantile};
use super::common::{numbers, problem};
use crate::base::Stream;
use crate::base::f_score::f_score;
use crate::base::statistics::share_error;
use crate::engine::value::{Dataset, Number};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::nn::batches::Loader;
use crate::ops::nn::checkpoint::{closed, opened};
use crate::ops::nn::cost;
use crate::ops::nn::evaluate::fits;
use crate::ops::nn::given::{BATCH, Given, REPEATS, failed};
use crate::ops::nn::loss::highest;
use crate::ops::nn::measures::{mean, over_some};
use crate::ops::nn::network::Network;
use crate::ops::nn::place::Place;
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::suits::{self, Labels};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, known};
use crate::plan::files::Files;
use crate::settings;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use std::sync::Arc;

settings! {
    /// The settings of `certify`.
    struct CertifySettings("certify") { sigma: Given, n0: Given, n: Given, alpha: Given, batch: Given, examples: Given }
}

/// Columns of the table.
const COLUMNS: [&str; 5] = ["idx", "label", "predict", "radius", "correct"];

/// What is drawn, and what is concluded from it.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Standard deviation of the noise, in normalised units.
    pub sigma: f64,
    /// Draws that choose the class.
    pub n0: usize,
    /// Draws that bound its probability.
    pub n: usize,
    /// Probability that a radius is wrong.
    pub alpha: f64,
    /// Draws that go through the network at a time.
    pub batch: usize,
    /// Examples certified; 0 for all.
    pub examples: usize,
}

impl Plan {
    /// Returns the plan that the settings describe.
    ///
    /// Errors: a value out of its range; so few draws that every example would be abstained from.
    pub fn parse(settings: &Settings) -> Result<Self, Problem> {
        let given = CertifySettings::read(settings);
        let positive = |s: f64| s > 0.0 && s.is_finite();
        let below_half = |a: f64| a > 0.0 && a < 0.5;
        let plan = Plan {
            sigma: given.sigma.held("sigma", positive, "a standard deviation above 0, in normalised units, such as 0.5")?,
            n0: given.n0.whole("n0", 1, REPEATS, "draws that choose the class")?,
            n: given.n.whole("n", 1, REPEATS, "draws that bound the probability of the class")?,
            alpha: given.alpha.held(
                "alpha",
                below_half,
                "the probability that a radius is wrong, between 0 and 1/2, such as 0.001",
            )?,
            batch: given.batch.whole("batch", 1, BATCH, "noisy copies that go through the network at a time")?,
            examples: given.examples.whole("examples", 0, u32::MAX as usize, "examples to certify, 0 for all")?,
        };
        let alpha = plan.alpha;
        if clopper_pearson_lower(plan.n as u64, plan.n as u64, alpha) <= 0.5 {
            let least = (alpha.ln() / 0.5f64.ln()).floor() as usize + 1;
            let message = format!(
                "with n = {} draws and alpha = {alpha} no example can be answered: even if all draws agree, their class may \
                 have probability 1/2",
                plan.n
            );
            let help = format!("take at least {least} draws; 100k is what the paper takes");
            return Err(problem("n", message, &help));
        }
        Ok(plan)
    }

    /// Returns the radius that `hits` of the n draws certify, in normalised units; `None` if the answer is to abstain.
    ///
    /// sigma * Phi^-1(pA) with pA the Clopper-Pearson lower bound at level 1 - alpha, where pA > 1/2 (Cohen et al. 2019, CERTIFY).
    pub fn radius(&self, hits: u64) -> Option<f64> {
        let p = clopper_pearson_lower(hits, self.n as u64, self.alpha);
        (p > 0.5).then(|| self.sigma * normal_quantile(p))
    }

    /// Checks that there are as many examples as are asked for.
    ///
    /// Errors: there are fewer.
    pub fn takes(&self, len: usize) -> Result<(), Problem> {
        if self.examples <= len {
            return Ok(());
        }
        let message = format!("{} examples are to be certified, and there are {len}", self.examples);
        Err(problem("examples", message, "ask for fewer; `examples: 0`, the default, takes all"))
    }

    /// Returns the rows certified: all, or as many as asked for at equal distances.
    pub fn rows(&self, len: usize) -> Vec<usize> {
        match self.examples {
            0 => (0..len).collect(),
            k => (0..k).map(|i| (i as u128 * len as u128 / k as u128) as usize).collect(),
        }
    }
}

/// What the draws say of one example: the class chosen, and how many of the n draws fell to it.
pub type Drawn = (u64, u64);

/// Draws noise around one example and counts predictions.
///
/// Draw k takes its noise from the stream of that number, so that counts do not depend on how draws are batched.
///
/// Errors: an interruption.
fn count(
    network: &mut Network,
    example: &[f32],
    (sigma, draws): (f64, usize),
    stream: Stream,
    counts: &mut [u64],
    cx: &dyn Context,
) -> Result<(), Failure> {
    let node = network.net().output;
    for start in (0..draws).step_by(network.capacity().max(1)) {
        if start > 0 && cx.interrupted() {
            return Err(Failure::Interrupted);
        }
        let batch = (draws - start).min(network.capacity());
        let input = network.input_mut(batch);
        input.par_chunks_mut(example.len().max(1)).enumerate().for_each(|(i, out)| {
            let mut rng = stream.numbered((start + i) as u64).rng();
            for (o, x) in out.iter_mut().zip(example) {
                let z: f64 = StandardNormal.sample(&mut rng);
                *o = *x + (sigma * z) as f32;
            }
        });
        network.forward(batch, stream);
        for scores in network.value(node).chunks_exact(counts.len()) {
            counts[highest(scores)] += 1;
        }
        network.check()?;
    }
    Ok(())
}

/// The kernel of `certify`.
pub struct Certify;

impl Planned for Certify {
    /// 3: errors of shares do not vanish. 4: the F-score has an error. 5: errors remember the examples. 6: the error
    /// of the F-score is no larger than it scatters where it abstains. 7: errors remember whose examples they are.
    fn version(&self) -> u32 {
        7
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let plan = Plan::parse(settings)?;
        suits::fits(inputs, "net", "data", Labels::One)?;
        let data = known(inputs, "data");
        data.and_then(|d| d.rows).map_or(Ok(()), |rows| plan.takes(rows))?;
        let columns = COLUMNS.iter().map(|c| c.to_string()).collect();
        let classes = data.and_then(|d| d.classes.clone());
        Ok(Facts { classes, tables: vec![("table".to_string(), columns)], ..Facts::default() })
    }

    fn on_device(&self, settings: &Settings, inputs: &[KnownInput]) -> f64 {
        let batch = Plan::parse(settings).map(|plan| plan.batch.min(plan.n.max(plan.n0)));
        cost::on_device(inputs, Purpose::Evaluation, batch.ok())
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let Ok(plan) = Plan::parse(settings) else { return Cost::default() };
        let all = cost::rows(inputs, "data");
        let rows = if plan.examples == 0 { all } else { plan.examples.min(all) } as f64;
        let size = known(inputs, "data").and_then(|f| f.shape.as_ref()).map_or(64, |s| s.iter().product::<usize>()) as f64;
        let capacity = plan.batch.min(plan.n.max(plan.n0));
        let draws = (plan.n0 + plan.n) as f64;
        let net = cost::net(inputs, &["net"]);
        let network = net.map_or(draws * 1e-4, |net| {
            let batches =
                |draws: usize| cost::batched(draws, capacity, |b| cost::batch_seconds(net, Purpose::Evaluation, b, None));
            batches(plan.n0) + batches(plan.n)
        });
        let memory = net.map_or(2e8 + capacity as f64 * size * 500.0, |net| Network::bytes(net, Purpose::Evaluation, capacity));
        // Noise: a stream for each draw, a normal number for each number.
        let noise = draws * (2e-7 + size * cost::NORMAL);
        Cost { seconds: 1e-3 + rows * (network + noise), memory, disk: 1e3 + 40.0 * rows }
    }
}

impl Kernel for Certify {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let plan = Plan::parse(&job.settings).map_err(failed)?;
        let (model, data) = (job.model("net")?, job.dataset("data")?);
        if data.is_empty() {
            return Err(Failure::Absent("there is no example to certify".to_string()));
        }
        fits(&model.net, data, Labels::One)?;
        plan.takes(data.len()).map_err(failed)?;
        let rows = plan.rows(data.len());
        let mut drawn = cx.restore().and_then(|bytes| restored(&bytes, rows.len())).unwrap_or_default();
        let capacity = plan.batch.min(plan.n.max(plan.n0));
        let mut network = Network::new(&model.net, Purpose::Evaluation, &[model.net.output], capacity, &Place::of(cx)?);
        network.load(&model.weights)?;
        let classes = model.net.nodes.get(model.net.output).map_or(0, |n| n.shape.iter().product::<usize>());
        let loader = Loader::new(data);
        let mut example = vec![0f32; loader.size()];
        while drawn.len() < rows.len() {
            if cx.interrupted() {
                cx.checkpoint(&kept(&drawn));
                return Err(Failure::Interrupted);
            }
            if cx.checkpoint_due() {
                cx.checkpoint(&kept(&drawn));
            }
            let row = rows[drawn.len()];
            let id = data.ids[row] as u64;
            loader.fill(&[row], &[], job.stream, &mut example);
            let mut counts = vec![0u64; classes];
            let selection = job.stream.named("selection").numbered(id);
            let estimation = job.stream.named("estimation").numbered(id);
            let mut draw = |draws: usize, stream: Stream, counts: &mut [u64]| {
                let done = count(&mut network, &example, (plan.sigma, draws), stream, counts, cx);
                // A stop within an example forgets its draws.
                done.inspect_err(|_| cx.checkpoint(&kept(&drawn)))
            };
            draw(plan.n0, selection, &mut counts)?;
            // The first of equally frequent classes.
            let class = (0..classes).rev().max_by_key(|c| counts[*c]).unwrap_or(0);
            counts.fill(0);
            draw(plan.n, estimation, &mut counts)?;
            drawn.push((class as u64, counts.get(class).copied().unwrap_or(0)));
            cx.progress(drawn.len() as u64, rows.len() as u64, &[]);
        }
        Ok(summary(&plan, data, &rows, &drawn))
    }
}

fn kept(drawn: &[Drawn]) -> Vec<u8> {
    closed(|w| w.ints(&drawn.iter().flat_map(|d| [d.0, d.1]).collect::<Vec<_>>()))
}

fn restored(bytes: &[u8], most: usize) -> Option<Vec<Drawn>> {
    let all = opened(bytes, |r| r.ints()).filter(|all| all.len() <= 2 * most)?;
    Some(all.chunks_exact(2).map(|d| (d[0], d[1])).collect())
}

/// Returns the standard deviation of two values or more with its standard error, sqrt((m4 - s^4) / k) / (2 s) of the fourth central moment m4:
/// radii are far from normal, many of them at the largest that the draws can certify.
pub fn spread_of(values: &[f64]) -> Number {
    let k = values.len() as f64;
    let m = values.iter().sum::<f64>() / k;
    let moment = |power: i32| values.iter().map(|x| (x - m).powi(power)).sum::<f64>();
    let s = (moment(2) / (k - 1.0)).sqrt();
    let error = if s > 0.0 { ((moment(4) / k - s.powi(4)).max(0.0) / k).sqrt() / (2.0 * s) } else { 0.0 };
    Number::new(s, Some(error), Some(values.len() as u64))
}

/// Returns the numbers over all examples, and the table of each.
pub fn summary(plan: &Plan, data: &Dataset, rows: &[usize], drawn: &[Drawn]) -> Value {
    let labels: Vec<u32> = rows.iter().map(|r| data.labels[*r]).collect();
    let radii: Vec<Option<f64>> = drawn.iter().map(|(_, hits)| plan.radius(*hits)).collect();
    let right: Vec<bool> =
        drawn.iter().zip(&radii).zip(&labels).map(|(((class, _), r), label)| r.is_some() && *class == *label as u64).collect();
    let n = rows.len();
    let ids: Vec<u32> = rows.iter().map(|r| data.ids[*r]).collect();
    let share = |holds: Vec<f64>| {
        let p = holds.iter().sum::<f64>() / n as f64;
        let number = Number::new(p, Some(share_error(p, n as f64)), Some(n as u64));
        Value::Number(over_some(number, data, &ids, &holds))
    };
    let answered: Vec<f64> = radii.iter().flatten().copied().collect();
    let of_answered: Vec<u32> = ids.iter().zip(&radii).filter(|(_, r)| r.is_some()).map(|(id, _)| *id).collect();
    let over_answered = |number: Number, adds: &[f64]| Value::Number(over_some(number, data, &of_answered, adds));
    let few = |least: usize| Value::Absent(format!("{} examples are answered, and it takes {least}", answered.len()));
    let middle = mean(&answered);
    let squares: Vec<f64> = answered.iter().map(|r| (r - middle.value).powi(2)).collect();
    let radius = if answered.is_empty() { few(1) } else { over_answered(middle, &answered) };
    let spread = if answered.len() < 2 { few(2) } else { over_answered(spread_of(&answered), &squares) };
    // Abstentions are predictions of a class that no label names.
    let nowhere = labels.iter().max().map_or(0, |l| l + 1).max(drawn.iter().map(|d| d.0 as u32 + 1).max().unwrap_or(0));
    let predicted: Vec<u32> =
        drawn.iter().zip(&radii).map(|((class, _), r)| if r.is_some() { *class as u32 } else { nowhere }).collect();
    let (f, f_error, adds) = f_score(&labels, &predicted, false, 1);
    let f = over_some(Number::new(f, Some(f_error), Some(n as u64)), data, &ids, &adds);
    // Where it abstains there is no prediction and no radius: missing numbers, so that means over the table are those over the answers.
    let [idx, label, predict, radius_of, correct] = COLUMNS;
    let table = numbers([
        (idx, rows.iter().map(|r| data.ids[*r] as f64).collect()),
        (label, labels.iter().map(|l| *l as f64).collect()),
        (predict, drawn.iter().zip(&radii).map(|(d, r)| r.map_or(f64::NAN, |_| d.0 as f64)).collect()),
        (radius_of, radii.iter().map(|r| r.unwrap_or(f64::NAN)).collect()),
        (correct, right.iter().map(|r| *r as u8 as f64).collect()),
    ]);
    Value::Record(vec![
        ("radius".into(), radius),
        ("radius_std".into(), spread),
        ("answered".into(), share(radii.iter().map(|r| r.is_some() as u8 as f64).collect())),
        ("accuracy".into(), share(right.iter().map(|r| *r as u8 as f64).collect())),
        ("f_score".into(), Value::Number(f)),
        ("table".into(), Value::Table(Arc::new(table))),
    ])
}
