//! `train_gan`: discriminator and generator in turns, each against the other's last step.

use super::images::latent;
use super::seam::split;
use crate::base::Stream;
use crate::engine::value::{Column, Dataset, Model, Table, Weights};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::carried::{kept_epochs, named_epochs};
use crate::lang::net::ir::Net;
use crate::lang::{Settings, Static};
use crate::ops::nn::batches::{Augment, Loader, shuffled};
use crate::ops::nn::candle::memory;
use crate::ops::nn::checkpoint::{Reader, Writer};
use crate::ops::nn::cost;
use crate::ops::nn::given::{BATCH, EPOCHS, Given, failed};
use crate::ops::nn::models::of_net;
use crate::ops::nn::network::Network;
use crate::ops::nn::optimizer::Optimizer;
use crate::ops::nn::place::{Place, Precision};
use crate::ops::nn::program::{Purpose, parameters};
use crate::ops::nn::rate::Rate;
use crate::ops::nn::settings::{of_training, wrong};
use crate::ops::nn::suits;
use crate::ops::nn::trainer::side_by_side;
use crate::ops::nn::weights::BESIDE;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use crate::{settings, words};
use rand_distr::{Distribution, StandardNormal};
use std::sync::Arc;

/// Columns of the history.
const COLUMNS: [&str; 6] = ["epoch", "discriminator_loss", "generator_loss", "real", "generated", "rate"];

/// The kernel of `train_gan`.
pub struct TrainGan;

/// The settings of a run.
pub(super) struct Recipe {
    generator: Arc<Net>,
    judge: Arc<Net>,
    epochs: usize,
    batch: usize,
    optimizer: Optimizer,
    rate: Rate,
    augment: Vec<Augment>,
    /// Whether weights start as in Radford et al. 2016.
    normal: bool,
    /// Epochs after which weights are kept.
    snapshots: Vec<usize>,
    precision: Precision,
}

words! {
    /// How weights start.
    enum Start {
        /// As in Radford et al. 2016.
        Dcgan = "dcgan",
        /// PyTorch's defaults.
        Default = "default",
    }
}
settings! {
    /// The settings of `train_gan`.
    struct GanSettings("train_gan") {
        /// The network; nothing before the shape of the data is known.
        network: Option<Arc<Net>> = None,
        epochs: Given,
        batch: Given,
        optimizer: Static,
        rate: Static,
        augment: Static,
        init: Start,
        snapshots: Static = Static::None,
        precision: Precision = Precision::F32,
    }
}

impl Recipe {
    fn new(given: &GanSettings, net: &Arc<Net>) -> Result<Self, Problem> {
        let of = |parameter: &'static str| move |message: String| wrong(parameter, message);
        let (generator, judge) = split(net).map_err(of("network"))?;
        let epochs = given.epochs.whole("epochs", 0, EPOCHS, "passes over the data").map_err(of_training)?;
        Ok(Recipe {
            generator,
            judge,
            epochs,
            snapshots: named_epochs(&given.snapshots, epochs).map_err(of("snapshots"))?,
            batch: given
                .batch
                .whole("batch", 2, BATCH, "examples in a step: batch normalisation needs two")
                .map_err(of_training)?,
            optimizer: Optimizer::parse(&given.optimizer).map_err(of("optimizer"))?,
            rate: Rate::parse(&given.rate).map_err(of("rate"))?,
            augment: Augment::parse(&given.augment).map_err(of("augment"))?,
            normal: given.init == Start::Dcgan,
            precision: given.precision,
        })
    }

    pub(super) fn parse(settings: &Settings) -> Result<Self, Problem> {
        let given = GanSettings::read(settings);
        let net = given.network.clone().ok_or_else(|| wrong("network", "the network is missing".into()))?;
        Recipe::new(&given, &net)
    }

    /// Returns the steps of an epoch: whole batches, and a last one of two examples or more.
    fn steps(&self, rows: usize) -> usize {
        rows / self.batch + (rows % self.batch > 1) as usize
    }

    fn work(&self) -> f64 {
        // Discriminator: two passes with gradients by weights, one by the input; generator: one forward pass twice used, one backward.
        self.batch as f64 * (8.0 * self.judge.multiply_adds() as f64 + 3.0 * self.generator.multiply_adds() as f64)
    }
}

fn size(net: &Net) -> usize {
    net.nodes.get(net.output).map_or(0, |n| n.shape.iter().product())
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
        let columns = Some(COLUMNS.iter().map(|c| c.to_string()).collect());
        let given = GanSettings::read(settings);
        let Some(net) = &given.network else { return Ok(Facts { classes, columns, ..Facts::default() }) };
        let recipe = Recipe::new(&given, net)?;
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
            fits_start(&recipe.generator, start)?;
        }
        let kept = kept_epochs(&given.snapshots, recipe.epochs).map_err(|m| wrong("snapshots", m))?;
        Ok(Facts { columns, kept: Some(kept), ..of_net(&recipe.generator, classes) })
    }

    fn on_device(&self, settings: &Settings, inputs: &[KnownInput]) -> f64 {
        let Ok(recipe) = Recipe::parse(settings) else { return 0.0 };
        let batch = recipe.batch.min(cost::rows(inputs, "data").max(1));
        let one = |net: &Arc<Net>, purpose| {
            let moments = 4.0 * (recipe.optimizer.memories() * net.parameters()) as f64;
            memory::bytes(net, purpose, batch, recipe.precision == Precision::Bf16) + moments
        };
        // The discriminator's gradients are kept once more.
        let kept = 4.0 * recipe.judge.parameters() as f64;
        one(&recipe.generator, Purpose::Training) + one(&recipe.judge, Purpose::Adversary) + kept
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let Ok(recipe) = Recipe::parse(settings) else { return Cost::default() };
        let (rows, batch) = (cost::rows(inputs, "data"), recipe.batch);
        let bytes = |net: &Arc<Net>, purpose| Network::bytes(net, purpose, batch) + 8.0 * net.parameters() as f64;
        let (judge, generator) = (&recipe.judge, &recipe.generator);
        let latent = generator.input.iter().product::<usize>() as f64 * cost::NORMAL;
        let changes: f64 = recipe.augment.iter().map(Augment::seconds).sum();
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
            seconds: 2e-3 + recipe.epochs as f64 * epoch,
            memory: bytes(generator, Purpose::Training) + bytes(judge, Purpose::Adversary) + kept * recipe.snapshots.len() as f64,
            disk: kept * (1 + recipe.snapshots.len()) as f64,
        }
    }
}

/// Checks that training can go on with the weights of another generator: it has the same parameters.
fn fits_start(net: &Net, start: &Net) -> Result<(), Problem> {
    let theirs = parameters(start);
    let there = |name: &str, shape: &[usize]| theirs.iter().any(|(n, p)| n == name && p.shape == shape);
    match parameters(net).iter().find(|(name, p)| !there(name, &p.shape)) {
        Some((name, _)) => Err(Problem {
            help: Some("continue with a generator that `train_gan` made from the same network".to_string()),
            ..wrong(
                "from",
                format!("the model to continue, a `{}`, has no weights `{name}` in the shape that is needed", start.name),
            )
        }),
        None => Ok(()),
    }
}

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

impl Kernel for TrainGan {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let recipe = Recipe::parse(&job.settings).map_err(failed)?;
        let data = job.dataset("data")?.clone();
        let place = Place::of(cx)?.with(recipe.precision)?;
        let mut run = Run::new(job, recipe, data, &place)?;
        if let Some(bytes) = cx.restore()
            && run.restore(&bytes).is_none()
        {
            run = Run::new(job, run.recipe, run.data, &place)?;
        }
        let work = run.recipe.work();
        while run.epoch < run.recipe.epochs {
            side_by_side(cx, work, || run.epoch(job, cx))?;
        }
        Ok(Value::Model(Arc::new(run.into_model())))
    }
}

/// A network with its optimiser.
pub(super) struct Player {
    pub(super) network: Network,
}

impl Player {
    fn new(net: &Arc<Net>, purpose: Purpose, recipe: &Recipe, stream: Stream, place: &Place) -> Result<Self, Failure> {
        let mut network = Network::new(net, purpose, &[], recipe.batch, place);
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
        Ok(Player { network })
    }
}

/// A run under way.
pub(super) struct Run {
    pub(super) recipe: Recipe,
    data: Arc<Dataset>,
    pub(super) generator: Player,
    pub(super) judge: Player,
    epoch: usize,
    step: usize,
    /// Sums over the epoch: losses of discriminator and generator, mean outputs on real and generated images.
    sums: [f64; 4],
    history: Vec<Vec<f64>>,
    snapshots: Vec<(usize, Weights)>,
}

impl Run {
    pub(super) fn new(job: &Job, recipe: Recipe, data: Arc<Dataset>, place: &Place) -> Result<Self, Failure> {
        let shape = &data.source.images.shape;
        if shape.iter().product::<usize>() != size(&recipe.generator) {
            let made = &recipe.judge.input;
            return Err(Failure::new(format!("the generator makes images of shape {made:?}, and the data have {shape:?}")));
        }
        if recipe.steps(data.len()) == 0 {
            return Err(Failure::Absent(format!("there are {} examples to train on, too few for a step", data.len())));
        }
        let stream = job.stream.named("initialisation");
        let mut generator = Player::new(&recipe.generator, Purpose::Training, &recipe, stream, place)?;
        let mut judge = Player::new(&recipe.judge, Purpose::Adversary, &recipe, stream, place)?;
        match job.input("from") {
            Some(Value::Model(model)) => {
                generator.network.load(&model.weights)?;
                judge.network.load(&beside(model)?)?;
            }
            Some(Value::Absent(why)) => return Err(Failure::Absent(why.clone())),
            _ => {}
        }
        let mut run = Run {
            generator,
            judge,
            recipe,
            data,
            epoch: 0,
            step: 0,
            sums: [0.0; 4],
            history: vec![Vec::new(); COLUMNS.len()],
            snapshots: Vec::new(),
        };
        run.snapshot();
        Ok(run)
    }

    /// Keeps the weights where they are wanted after this epoch.
    fn snapshot(&mut self) {
        if self.recipe.snapshots.contains(&self.epoch) {
            self.snapshots.push((self.epoch, weights_of(&self.generator.network, &self.judge.network)));
        }
    }

    /// Takes the steps of an epoch that are left.
    fn epoch(&mut self, job: &Job, cx: &dyn Context) -> Result<(), Failure> {
        let data = self.data.clone();
        let loader = Loader::scaled(&data, 0.5, 0.5);
        let steps = self.recipe.steps(data.len());
        let total = (steps * self.recipe.epochs) as u64;
        let order = shuffled(data.len(), job.stream.named("order").numbered(self.epoch as u64));
        let augmentation = job.stream.named("augmentation").numbered(self.epoch as u64);
        while self.step < steps {
            if cx.interrupted() || cx.checkpoint_due() {
                cx.checkpoint(&self.checkpoint());
            }
            if cx.interrupted() {
                return Err(Failure::Interrupted);
            }
            let done = (self.epoch * steps + self.step) as u64;
            let rate = self.recipe.rate.at(done, total, self.epoch);
            let rows = &order[self.step * self.recipe.batch..data.len().min((self.step + 1) * self.recipe.batch)];
            loader.fill(rows, &self.recipe.augment, augmentation, self.judge.network.input_mut(rows.len()));
            let stream = job.stream.named("steps").numbered(done);
            let width = self.recipe.generator.input.iter().product();
            latent(stream.named("latent"), 0, width, self.generator.network.input_mut(rows.len()));
            let found = self.take_step(rows.len(), stream, rate)?;
            self.sums.iter_mut().zip(found).for_each(|(s, f)| *s += f);
            self.step += 1;
            let seen = self.step as f64;
            cx.progress(done + 1, total, &[("discriminator", self.sums[0] / seen), ("generator", self.sums[1] / seen)]);
        }
        let rate = self.recipe.rate.at(((self.epoch + 1) * steps - 1) as u64, total, self.epoch);
        let means = self.sums.map(|s| s / steps as f64);
        let row = [(self.epoch + 1) as f64, means[0], means[1], means[2], means[3], rate];
        self.history.iter_mut().zip(row).for_each(|(column, x)| column.push(x));
        self.epoch += 1;
        self.step = 0;
        self.sums = [0.0; 4];
        self.snapshot();
        Ok(())
    }

    /// Takes one step of both, real images lying in the discriminator's input and random numbers in the generator's: the first goes up the gradient of log D(x) + log(1 - D(G(z))),
    /// then the generator up that of log D(G(z)) with the same z. Returns the mean losses, and D(x) and D(G(z)) before the step.
    ///
    /// Errors: a loss is no longer a finite number.
    pub(super) fn take_step(&mut self, count: usize, stream: Stream, rate: f64) -> Result<[f64; 4], Failure> {
        let (judge, generator) = (&mut self.judge, &mut self.generator);
        judge.network.forward(count, stream.named("real"));
        let real = judged(&mut judge.network, true);
        judge.network.backward();
        judge.network.keep_gradients();
        generator.network.forward(count, stream.named("generator"));
        let made = self.recipe.generator.output;
        judge.network.input_mut(count).copy_from_slice(generator.network.value(made));
        judge.network.forward(count, stream.named("generated"));
        let generated = judged(&mut judge.network, false);
        judge.network.backward();
        judge.network.add_kept_gradients();
        judge.network.step(rate);

        judge.network.forward(count, stream.named("judged"));
        let fooled = judged(&mut judge.network, true);
        judge.network.backward_by_input();
        let (_, gradient) = generator.network.output_and_gradient();
        gradient.copy_from_slice(judge.network.input_gradient());
        generator.network.backward();
        generator.network.step(rate);
        let losses = [real.0 + generated.0, fooled.0];
        judge.network.check()?;
        generator.network.check()?;
        if losses.iter().any(|l| !l.is_finite()) {
            let (epoch, step) = (self.epoch + 1, self.step + 1);
            return Err(Failure::new(format!(
                "training diverged at epoch {epoch}, step {step}: a loss is no longer a finite number"
            ))
            .help("lower the rate"));
        }
        Ok([losses[0], losses[1], real.1, generated.1])
    }

    fn checkpoint(&self) -> Vec<u8> {
        let mut w = Writer::default();
        [self.epoch as u64, self.step as u64].iter().for_each(|x| w.int(*x));
        w.reals(&self.sums);
        self.history.iter().for_each(|column| w.reals(column));
        for player in [&self.generator, &self.judge] {
            player.network.save(&mut w);
        }
        w.int(self.snapshots.len() as u64);
        for (epoch, weights) in &self.snapshots {
            w.int(*epoch as u64);
            weights.iter().for_each(|(_, _, numbers)| w.floats(numbers));
        }
        w.finish()
    }

    /// Goes back to where a checkpoint was taken; `None` if it is not one of this run's.
    fn restore(&mut self, bytes: &[u8]) -> Option<()> {
        let mut r = Reader::new(bytes)?;
        self.epoch = r.int()? as usize;
        self.step = r.int()? as usize;
        self.sums = r.reals()?.try_into().ok()?;
        for column in &mut self.history {
            *column = r.reals()?;
        }
        for player in [&mut self.generator, &mut self.judge] {
            player.network.restore(&mut r)?;
        }
        let count = r.int()?;
        self.snapshots.clear();
        for _ in 0..count {
            let epoch = r.int()? as usize;
            let mut weights = weights_of(&self.generator.network, &self.judge.network);
            for (_, _, numbers) in &mut weights {
                r.floats(numbers)?;
            }
            self.snapshots.push((epoch, weights));
        }
        r.finished().then_some(())
    }

    pub(super) fn into_model(self) -> Model {
        let mut ids = self.data.ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let columns = COLUMNS.iter().zip(self.history).map(|(n, c)| (n.to_string(), Column::Numbers(c))).collect();
        Model {
            weights: Arc::new(weights_of(&self.generator.network, &self.judge.network)),
            net: self.recipe.generator,
            snapshots: self.snapshots.into_iter().map(|(e, w)| (e, Arc::new(w))).collect(),
            history: Table { columns },
            trained_on: Arc::new(ids),
            classes: self.data.classes().to_vec(),
        }
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
