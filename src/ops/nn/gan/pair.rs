//! The learner of `train_gan`: a discriminator and a generator in turns, each against the other's last step.

use super::images::latent;
use super::recipe::Recipe;
use crate::base::Stream;
use crate::engine::value::{Dataset, Model, Weights};
use crate::engine::{Failure, Job, Value};
use crate::lang::net::ir::Net;
use crate::ops::nn::batches::Loader;
use crate::ops::nn::checkpoint::{Reader, Writer};
use crate::ops::nn::course::{Batch, Learner};
use crate::ops::nn::network::Network;
use crate::ops::nn::place::Place;
use crate::ops::nn::settings::Pace;
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::weights::BESIDE;
use rand_distr::{Distribution, StandardNormal};
use std::sync::Arc;

/// Returns the weights of both networks, the discriminator's beside the generator's.
fn weights_of(generator: &Network, judge: &Network) -> Weights {
    let beside = judge.weights().into_iter().map(|(name, shape, x)| (format!("{BESIDE}{name}"), shape, x));
    generator.weights().into_iter().chain(beside).collect()
}

/// Returns the discriminator's part of such weights.
///
/// Errors: there is none.
fn beside(model: &Model) -> Result<Weights, Failure> {
    let own = model
        .weights
        .iter()
        .filter_map(|(name, shape, x)| Some((name.strip_prefix(BESIDE)?.to_string(), shape.clone(), x.clone())));
    let own: Weights = own.collect();
    match own.is_empty() {
        true => Err(Failure::new("the model to continue has no discriminator")
            .help("only models of `train_gan` have both; a file has the weights of the generator alone")),
        false => Ok(own),
    }
}

/// Returns a network with its optimiser.
fn player(net: &Arc<Net>, purpose: Purpose, recipe: &Recipe, stream: Stream, place: &Place) -> Result<Network, Failure> {
    let mut network = Network::new(net, purpose, &[], recipe.pace.batch, place);
    network.initialise(stream);
    if recipe.normal {
        let mut weights: Weights = network.weights();
        for (name, shape, numbers) in &mut weights {
            // Radford et al. 2016 and the code that goes with it: N(0, 0.02) for weights, N(1, 0.02) for scales, 0 for shifts.
            let centre = match (shape.len(), name.rsplit('.').next()) {
                (2.., _) => 0.0,
                (_, Some("weight")) => 1.0,
                _ => continue,
            };
            let mut rng = stream.named(name).rng();
            numbers.iter_mut().for_each(|x| {
                let z: f64 = StandardNormal.sample(&mut rng);
                *x = (centre + 0.02 * z) as f32;
            });
        }
        network.load(&weights)?;
    }
    network.optimise(recipe.optimizer);
    Ok(network)
}

/// A generator and the discriminator that it is trained against.
pub(super) struct Pair {
    recipe: Recipe,
    pub(super) generator: Network,
    pub(super) judge: Network,
}

impl Pair {
    /// Returns both before their first step.
    ///
    /// Errors: data and settings do not fit each other; the model to start from is not of such networks; too few examples for a step (absent).
    pub(super) fn new(job: &Job, recipe: Recipe, data: &Dataset, place: &Place) -> Result<Self, Failure> {
        let (shape, made) = (&data.source.images.shape, &recipe.judge.input);
        if shape.iter().product::<usize>() != made.iter().product::<usize>() {
            return Err(Failure::new(format!("the generator makes images of shape {made:?}, and the data have {shape:?}")));
        }
        if recipe.batches(data.len()).is_empty() {
            return Err(Failure::Absent(format!("there are {} examples to train on, too few for a step", data.len())));
        }
        let stream = job.stream.named("initialisation");
        let mut generator = player(&recipe.generator, Purpose::Training, &recipe, stream, place)?;
        let mut judge = player(&recipe.judge, Purpose::Adversary, &recipe, stream, place)?;
        match job.input("from") {
            Some(Value::Model(model)) => {
                generator.load(&model.weights)?;
                judge.load(&beside(model)?)?;
            }
            Some(Value::Absent(why)) => return Err(Failure::Absent(why.clone())),
            _ => {}
        }
        Ok(Pair { recipe, generator, judge })
    }

    /// Takes one step of both, real images lying in the discriminator's input and random numbers in the generator's: the first goes up the gradient of log D(x) + log(1 - D(G(z))),
    /// then the generator up that of log D(G(z)) with the same z. Returns the mean losses, and D(x) and D(G(z)) before the step.
    ///
    /// Errors: a device failed.
    pub(super) fn learn(&mut self, count: usize, stream: Stream, rate: f64) -> Result<[f64; 4], Failure> {
        let Pair { recipe, generator, judge } = self;
        judge.forward(count, stream.named("real"));
        let real = judged(judge, true);
        judge.backward();
        judge.keep_gradients();
        generator.forward(count, stream.named("generator"));
        let made = recipe.generator.output;
        judge.input_mut(count).copy_from_slice(generator.value(made));
        judge.forward(count, stream.named("generated"));
        let generated = judged(judge, false);
        judge.backward();
        judge.add_kept_gradients();
        judge.step(rate);

        judge.forward(count, stream.named("judged"));
        let fooled = judged(judge, true);
        judge.backward_by_input();
        let (_, gradient) = generator.output_and_gradient();
        gradient.copy_from_slice(judge.input_gradient());
        generator.backward();
        generator.step(rate);
        let losses = [real.0 + generated.0, fooled.0];
        self.check()?;
        Ok([losses[0], losses[1], real.1, generated.1])
    }
}

impl Learner for Pair {
    const MEANS: &'static [(&'static str, &'static str)] =
        &[("discriminator_loss", "discriminator"), ("generator_loss", "generator"), ("real", ""), ("generated", "")];

    fn pace(&self) -> &Pace {
        &self.recipe.pace
    }

    fn batches(&self, rows: usize) -> Vec<usize> {
        self.recipe.batches(rows)
    }

    /// Images lie in -1..1.
    fn loader<'a>(&self, data: &'a Dataset) -> Loader<'a> {
        Loader::scaled(data, 0.5, 0.5)
    }

    fn work(&self) -> f64 {
        let (judge, generator) = (self.recipe.judge.multiply_adds(), self.recipe.generator.multiply_adds());
        // Discriminator: two passes with gradients by weights, one by the input; generator: one forward pass twice used, one backward.
        self.recipe.pace.batch as f64 * (8.0 * judge as f64 + 3.0 * generator as f64)
    }

    fn step(&mut self, batch: &Batch) -> Result<(Vec<f64>, usize), Failure> {
        let count = batch.rows.len();
        self.judge.input_mut(count).copy_from_slice(batch.numbers);
        let width = self.recipe.generator.input.iter().product();
        latent(batch.stream.named("latent"), 0, width, self.generator.input_mut(count));
        let found = self.learn(count, batch.stream, batch.rate)?;
        if found[..2].iter().any(|loss| !loss.is_finite()) {
            let (epoch, step) = batch.at;
            return Err(Failure::new(format!(
                "training diverged at epoch {epoch}, step {step}: a loss is no longer a finite number"
            ))
            .help("lower the rate"));
        }
        // Each is a mean already: steps count alike.
        Ok((found.to_vec(), 1))
    }

    fn check(&self) -> Result<(), Failure> {
        self.generator.check()?;
        self.judge.check()
    }

    fn weights(&self) -> Weights {
        weights_of(&self.generator, &self.judge)
    }

    fn net(&self) -> Arc<Net> {
        self.recipe.generator.clone()
    }

    fn save(&self, to: &mut Writer) {
        self.generator.save(to);
        self.judge.save(to);
    }

    fn restore(&mut self, from: &mut Reader) -> Option<()> {
        self.generator.restore(from)?;
        self.judge.restore(from)
    }
}

/// Writes the gradient of the mean of -log D (`real`) or -log(1 - D), D the logistic function of the output; returns that loss and the mean of D.
fn judged(network: &mut Network, real: bool) -> (f64, f64) {
    let (scores, gradient) = network.output_and_gradient();
    let n = scores.len() as f64;
    let (mut loss, mut mean) = (0.0, 0.0);
    for (score, g) in scores.iter().zip(gradient) {
        let x = *score as f64;
        let d = 1.0 / (1.0 + (-x).exp());
        let against = if real { -x } else { x };
        // ln(1 + exp(a)) without overflow
        loss += against.max(0.0) + (-against.abs()).exp().ln_1p();
        mean += d;
        *g = ((d - if real { 1.0 } else { 0.0 }) / n) as f32;
    }
    (loss / n, mean / n)
}
