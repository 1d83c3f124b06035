//! `train_gan`: what it says before it runs, and its kernel. What learns is in [`super::pair`], its course in [`crate::ops::nn::course`].

use super::pair::Pair;
use super::recipe::Recipe;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::lang::net::ir::Net;
use crate::ops::nn::batches::Augment;
use crate::ops::nn::cost;
use crate::ops::nn::course::{self, Learner};
use crate::ops::nn::given::failed;
use crate::ops::nn::idle;
use crate::ops::nn::models::of_net;
use crate::ops::nn::network::Network;
use crate::ops::nn::place::{Place, Precision};
use crate::ops::nn::settings::wrong;
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::suits;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use std::sync::Arc;

/// The kernel of `train_gan`.
pub struct TrainGan;

/// Returns the columns of the history.
fn columns() -> Vec<String> {
    let means = Pair::MEANS.iter().map(|(name, _)| *name);
    std::iter::once("epoch").chain(means).chain(["rate"]).map(str::to_string).collect()
}

impl Planned for TrainGan {
    /// 2: the discriminator's weights are kept beside the generator's.
    fn version(&self) -> u32 {
        2
    }

    fn policy(&self) -> Policy {
        Policy::Transient
    }

    fn later(&self) -> &'static [(&'static str, &'static str)] {
        &[("precision", "f32"), ("snapshots", "none")]
    }

    fn outputs(&self, _classes: usize) -> usize {
        1
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        suits::unmixed(inputs, "data")?;
        let data = known(inputs, "data");
        let classes = data.and_then(|d| d.classes.clone());
        let columns = Some(columns());
        let Some(recipe) = Recipe::known(settings)? else { return Ok(Facts { classes, columns, ..Facts::default() }) };
        let made = &recipe.judge.input;
        if let Some(shape) = data.and_then(|d| d.shape.as_ref())
            && shape.iter().product::<usize>() != made.iter().product::<usize>()
        {
            let message = format!("the generator makes images of shape {made:?}, and the data have {shape:?}");
            return Err(suits::unfit("data", message, "give the network the channels and size of the data"));
        }
        if let Some(rows) = data.and_then(|d| d.rows).filter(|rows| *rows == 1) {
            return Err(wrong("data", format!("there is {rows} example to train on, too few for a step")));
        }
        if let Some(start) = known(inputs, "from").and_then(|f| f.net.as_ref()) {
            let help = "continue with a generator that `train_gan` made from the same network";
            suits::continues(&recipe.generator, start, None, help)?;
        }
        let continued = known(inputs, "from").is_some();
        let mut warnings = idle::of_pace(&recipe.pace, settings, &recipe.judge.input, continued);
        warnings.extend(idle::too_large(&recipe.pace, data.and_then(|d| d.rows)));
        Ok(Facts { columns, warnings, kept: Some(recipe.pace.kept.clone()), ..of_net(&recipe.generator, classes) })
    }

    fn on_device(&self, settings: &Settings, inputs: &[KnownInput]) -> f64 {
        let Ok(recipe) = Recipe::parse(settings) else { return 0.0 };
        let batch = recipe.pace.batch.min(cost::rows(inputs, "data").max(1));
        let one = |net: &Arc<Net>, purpose| {
            let moments = 4.0 * (recipe.optimizer.memories() * net.parameters()) as f64;
            Network::device_bytes(net, purpose, batch, recipe.pace.precision == Precision::Bf16) + moments
        };
        // The discriminator's gradients are kept once more.
        let kept = 4.0 * recipe.judge.parameters() as f64;
        one(&recipe.generator, Purpose::Training) + one(&recipe.judge, Purpose::Adversary) + kept
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let Ok(recipe) = Recipe::parse(settings) else { return Cost::default() };
        let (rows, batch) = (cost::rows(inputs, "data"), recipe.pace.batch);
        let bytes = |net: &Arc<Net>, purpose| Network::bytes(net, purpose, batch) + 8.0 * net.parameters() as f64;
        let (judge, generator) = (&recipe.judge, &recipe.generator);
        let latent = generator.input.iter().product::<usize>() as f64 * cost::NORMAL;
        let changes: f64 = recipe.pace.augment.iter().map(Augment::seconds).sum();
        // Discriminator: two passes with all gradients and one with those by the input; generator: one.
        let step = |b: usize| {
            2.0 * cost::batch_seconds(judge, Purpose::Adversary, b, None)
                + cost::batch_seconds(judge, Purpose::InputGradient, b, None)
                + cost::batch_seconds(generator, Purpose::Training, b, None)
                + b as f64 * (latent + changes * judge.input.iter().product::<usize>() as f64)
        };
        let whole = (rows / batch) as f64;
        let rest = rows % batch;
        let kept = 4.0 * (generator.parameters() + judge.parameters()) as f64;
        let epoch = whole * step(batch) + if rest > 1 { step(rest) } else { 0.0 };
        Cost {
            seconds: 2e-3 + recipe.pace.epochs as f64 * epoch,
            memory: bytes(generator, Purpose::Training)
                + bytes(judge, Purpose::Adversary)
                + kept * recipe.pace.snapshots.len() as f64,
            disk: kept * (1 + recipe.pace.snapshots.len()) as f64,
        }
    }
}

impl Kernel for TrainGan {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let recipe = Recipe::parse(&job.settings).map_err(failed)?;
        let data = job.dataset("data")?.clone();
        let place = Place::of(cx)?.with(recipe.pace.precision)?;
        let model = course::train(job, cx, &data, || Pair::new(job, recipe.clone(), &data, &place))?;
        Ok(Value::Model(Arc::new(model)))
    }
}
