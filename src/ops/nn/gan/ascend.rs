//! `maximize_activation`: for each class the generated images that a network gives the highest scores, by gradient ascent in the
//! generator's latent numbers (Gu & Tresp 2019, section 3.2).

use super::images::{images, known_to_make, latent, makes_images};
use crate::engine::value::{Dataset, Model};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::lang::net::ir::Net;
use crate::ops::data::select::GENERATED;
use crate::ops::nn::checkpoint::{closed, opened};
use crate::ops::nn::cost;
use crate::ops::nn::course::side_by_side;
use crate::ops::nn::cpu::parallel::map1;
use crate::ops::nn::evaluate::{batch_size, fits, open};
use crate::ops::nn::given::{Given, REPEATS, failed};
use crate::ops::nn::network::Network;
use crate::ops::nn::place::Place;
use crate::ops::nn::settings::of_training;
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::suits::{self, Labels};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, known};
use crate::plan::files::Files;
use crate::settings;
use std::sync::Arc;

/// The kernel of `maximize_activation`.
pub struct MaximizeActivation;

impl Planned for MaximizeActivation {
    /// 2: a start has one z for every class, and images come start by start.
    fn version(&self) -> u32 {
        2
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let plan = Plan::parse(settings)?;
        let (judge, generator) = (cost::net(inputs, &["m"]), cost::net(inputs, &["through"]));
        if let (Some(judge), Some(generator)) = (judge, generator)
            && judge.input.len() == 1
            && generator.input.len() == 3
        {
            let message = "the two models are swapped: `through:` takes the generator".to_string();
            return Err(suits::unfit("through", message, "write `maximize_activation(classifier, through: generator)`"));
        }
        known_to_make(inputs, "through")?;
        let data = known(inputs, "data").cloned().unwrap_or_default();
        let classes = data.classes.as_ref().map(Vec::len);
        if let Some(judge) = judge {
            suits::fits_net(judge, &data, "m", Labels::Any)?;
            let outputs = judge.nodes.get(judge.output).map_or(0, |n| n.shape.iter().product::<usize>());
            if classes.is_some_and(|k| k != outputs) {
                let message = format!("the network has {outputs} outputs, and the data {} classes", classes.unwrap_or(0));
                return Err(suits::unfit("m", message, "give the classifier of these data"));
            }
        }
        Ok(Facts {
            class_sizes: classes.map(|k| vec![plan.restarts; k]),
            rows: classes.map(|k| k * plan.restarts),
            labelled: Some(true),
            classes: data.classes,
            shape: data.shape,
            source: Some(GENERATED.into()),
            ..Facts::default()
        })
    }

    fn on_device(&self, _settings: &Settings, inputs: &[KnownInput]) -> f64 {
        cost::on_device(inputs, Purpose::InputGradient, None)
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let Ok(plan) = Plan::parse(settings) else { return Cost::default() };
        let data = known(inputs, "data");
        let classes = data.and_then(|d| d.classes.as_ref().map(Vec::len)).unwrap_or(0);
        let numbers = data.and_then(|d| d.shape.as_ref()).map_or(0, |s| s.iter().product::<usize>());
        let disk = 4.0 * (classes * plan.restarts * numbers) as f64;
        let (Some(judge), Some(generator)) = (cost::net(inputs, &["m"]), cost::net(inputs, &["through"])) else {
            return Cost { seconds: 0.1, memory: 3e8 + disk, disk };
        };
        let most = group(judge, generator, plan.restarts);
        let both = |b: usize| {
            [judge, generator].map(|net| cost::batch_seconds(net, Purpose::InputGradient, b, None)).iter().sum::<f64>()
        };
        let bytes = [judge, generator].map(|net| Network::bytes(net, Purpose::InputGradient, most)).iter().sum::<f64>();
        let climb = classes as f64 * plan.steps as f64 * cost::batched(plan.restarts, most, both);
        Cost { seconds: 1e-2 + climb + disk * 2e-9, memory: bytes + 2.0 * disk, disk }
    }
}

settings! {
    /// The settings of `maximize_activation`.
    struct AscentSettings("maximize_activation") { restarts: Given, steps: Given, rate: Given }
}

/// How an ascent goes.
#[derive(Clone, Copy)]
struct Plan {
    restarts: usize,
    steps: usize,
    rate: f64,
}

impl Plan {
    fn parse(settings: &Settings) -> Result<Self, Problem> {
        let given = AscentSettings::read(settings);
        let held = |x: f64| x >= 0.0 && x.is_finite();
        let parse = || {
            Ok(Plan {
                restarts: given.restarts.whole("restarts", 1, 10_000_000, "starts for each class")?,
                steps: given.steps.whole("steps", 0, REPEATS, "steps of each ascent")?,
                rate: given.rate.held("rate", held, "a length of step, 0 or more")?,
            })
        };
        parse().map_err(of_training)
    }
}

/// Returns how many starts climb at a time.
fn group(judge: &Net, generator: &Net, restarts: usize) -> usize {
    batch_size(judge).min(batch_size(generator)).min(64).min(restarts)
}

impl Kernel for MaximizeActivation {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let mut climb = Climb::new(job, &Place::of(cx)?)?;
        if let Some(bytes) = cx.restore()
            && climb.restore(&bytes).is_none()
        {
            climb = Climb::new(job, &Place::of(cx)?)?;
        }
        let work = climb.work();
        while climb.done.len() < climb.classes * climb.restarts * climb.size {
            side_by_side(cx, work, || climb.group(job, cx))?;
        }
        let (classes, restarts, size) = (climb.classes, climb.restarts, climb.size);
        let places = (0..restarts).flat_map(|start| (0..classes).map(move |class| class * restarts + start));
        let numbers: Vec<f32> = places.flat_map(|place| &climb.done[place * size..(place + 1) * size]).copied().collect();
        let labels: Vec<u32> = (0..restarts).flat_map(|_| 0..classes as u32).collect();
        let name = format!("what excites {}", climb.model.net.name);
        Ok(Value::Dataset(Arc::new(images(&name, &climb.data, &numbers, labels))))
    }
}

/// An ascent under way, group of starts after group of starts.
struct Climb {
    model: Arc<Model>,
    data: Arc<Dataset>,
    judge: Network,
    generator: Network,
    classes: usize,
    restarts: usize,
    plan: Plan,
    /// Numbers of an image, of a point in latent space, and starts in a group.
    size: usize,
    width: usize,
    batch: usize,
    /// Images of the starts that are through, class by class.
    done: Vec<f32>,
    /// Latent points of the group under way (none: not begun), and the steps they have taken.
    z: Vec<f32>,
    step: usize,
}

impl Climb {
    fn new(job: &Job, place: &Place) -> Result<Self, Failure> {
        let (model, through, data) = (job.model("m")?.clone(), job.model("through")?, job.dataset("data")?.clone());
        fits(&model.net, &data, Labels::Any)?;
        makes_images(&through.net, &data)?;
        let classes = model.net.nodes[model.net.output].shape.iter().product::<usize>();
        if classes != data.classes().len() {
            let message = format!("the network has {classes} outputs, and the data {} classes", data.classes().len());
            return Err(Failure::new(message));
        }
        let plan = Plan::parse(&job.settings).map_err(failed)?;
        let batch = group(&model.net, &through.net, plan.restarts);
        Ok(Climb {
            judge: open(&model, Purpose::InputGradient, &[], batch, place)?,
            generator: open(through, Purpose::InputGradient, &[], batch, place)?,
            classes,
            restarts: plan.restarts,
            plan,
            size: data.source.images.shape.iter().product(),
            width: through.net.input.iter().product(),
            batch,
            model,
            data,
            done: Vec::new(),
            z: Vec::new(),
            step: 0,
        })
    }

    fn work(&self) -> f64 {
        2.0 * self.batch as f64 * (self.model.net.multiply_adds() + self.generator.net().multiply_adds()) as f64
    }

    /// Takes the steps of one group of starts that are left, and adds its images.
    fn group(&mut self, job: &Job, cx: &dyn Context) -> Result<(), Failure> {
        let first = self.done.len() / self.size;
        let class = first / self.restarts;
        let rows = self.batch.min((class + 1) * self.restarts - first);
        let (steps, rate) = (self.plan.steps, self.plan.rate as f32);
        if self.z.is_empty() {
            self.z.resize(rows * self.width, 0.0);
            latent(job.stream.named("start"), first - class * self.restarts, self.width, &mut self.z);
        }
        let total = (self.classes * self.restarts * steps) as u64;
        while self.step < steps {
            if cx.interrupted() || cx.checkpoint_due() {
                cx.checkpoint(&self.checkpoint());
            }
            if cx.interrupted() {
                return Err(Failure::Interrupted);
            }
            let score = self.climb(job, rows, class, rate);
            self.check()?;
            self.step += 1;
            cx.progress((first * steps + rows * self.step) as u64, total, &[("score", score)]);
        }
        self.make(job, rows);
        self.done.extend_from_slice(self.generator.value(self.generator.net().output));
        self.check()?;
        self.z.clear();
        self.step = 0;
        Ok(())
    }

    /// Checks that nothing failed on the networks' device.
    fn check(&self) -> Result<(), Failure> {
        self.generator.check()?;
        self.judge.check()
    }

    fn make(&mut self, job: &Job, rows: usize) {
        self.generator.input_mut(rows).copy_from_slice(&self.z);
        self.generator.forward(rows, job.stream);
    }

    /// Goes one step up the score of the class; returns the mean score before it.
    fn climb(&mut self, job: &Job, rows: usize, class: usize, rate: f32) -> f64 {
        self.make(job, rows);
        let of = &self.data.source.images;
        let channels = of.shape.last().copied().unwrap_or(1).max(1);
        let at = |list: &[f32], c: usize, none: f32| if list.is_empty() { none } else { list[c % list.len()] };
        let image = self.generator.value(self.generator.net().output);
        // From -1..1 to the numbers that the other network was trained on.
        self.judge.input_mut(rows).iter_mut().zip(image).enumerate().for_each(|(i, (x, made))| {
            *x = (0.5 * made + 0.5 - at(&of.mean, i % channels, 0.0)) / at(&of.std, i % channels, 1.0);
        });
        self.judge.forward(rows, job.stream);
        let (scores, gradient) = self.judge.output_and_gradient();
        let mut mean = 0.0;
        for (scores, gradient) in scores.chunks_exact(self.classes).zip(gradient.chunks_exact_mut(self.classes)) {
            gradient.fill(0.0);
            gradient[class] = 1.0;
            mean += scores[class] as f64 / rows as f64;
        }
        self.judge.backward();
        let (_, gradient) = self.generator.output_and_gradient();
        gradient.iter_mut().zip(self.judge.input_gradient()).enumerate().for_each(|(i, (g, d))| {
            *g = 0.5 * d / at(&of.std, i % channels, 1.0);
        });
        self.generator.backward();
        map1(&mut self.z, self.generator.input_gradient(), true, |g| rate * g);
        mean
    }

    fn checkpoint(&self) -> Vec<u8> {
        closed(|w| {
            [self.step, self.done.len(), self.z.len()].iter().for_each(|x| w.int(*x as u64));
            w.singles(&self.done);
            w.singles(&self.z);
        })
    }

    fn restore(&mut self, bytes: &[u8]) -> Option<()> {
        opened(bytes, |r| {
            let (step, done, z) = (r.int()? as usize, r.int()? as usize, r.int()? as usize);
            let most = self.classes * self.restarts;
            if done > most * self.size || !done.is_multiple_of(self.size) || z > self.batch * self.width {
                return None;
            }
            (self.step, self.done, self.z) = (step, vec![0.0; done], vec![0.0; z]);
            r.singles(&mut self.done)?;
            r.singles(&mut self.z)
        })
    }
}
