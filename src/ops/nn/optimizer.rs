//! Optimisers: what a step does to the weights, as PyTorch defines them; sharpness-aware steps and clipped gradients.

use super::buffer::zeros;
use super::given::{Given, constructor};
use crate::lang::Static;
use crate::settings;
use rayon::prelude::*;

settings! {
    /// Fields of `sgd`.
    struct Sgd("sgd") { momentum: Given, nesterov: bool, weight_decay: Given }
}
settings! {
    /// Fields of `adam` and `adamw`.
    struct Adam("adam") { beta1: Given, beta2: Given, eps: Given, weight_decay: Given }
}
settings! {
    /// Fields of `sam`.
    struct Sam("sam") { rho: Given, base: Static }
}
settings! {
    /// Fields of `by_norm` and `by_value`.
    struct Limit("clipping") { limit: Given }
}

/// An optimiser with its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// Stochastic gradient descent: `g += decay w; v = momentum v + g; w -= rate (g + momentum v)` with Nesterov, `w -= rate v` without.
    Sgd { momentum: f64, nesterov: bool, decay: f64 },
    /// Adam (Kingma & Ba 2015); `decoupled` weight decay makes it AdamW (Loshchilov & Hutter 2019).
    Adam { beta1: f64, beta2: f64, eps: f64, decay: f64, decoupled: bool },
}

impl Optimizer {
    /// Returns the optimiser that a setting names.
    ///
    /// Errors: a value out of its range, in a sentence.
    pub fn parse(setting: &Static) -> Result<Self, String> {
        let Some((name, fields)) = setting.make() else { return Err("the optimizer is missing".into()) };
        if name == "sam" {
            return Err("`sam` wraps another optimizer, not itself".into());
        }
        let range = |field: &str, value: Given, below: f64| within(name, field, value.0, below);
        match name {
            "sgd" => {
                let given = Sgd::read(&fields);
                Ok(Optimizer::Sgd {
                    momentum: range("momentum", given.momentum, 1.0)?,
                    nesterov: given.nesterov,
                    decay: range("weight_decay", given.weight_decay, f64::INFINITY)?,
                })
            }
            "adam" | "adamw" => {
                let given = Adam::read(&fields);
                Ok(Optimizer::Adam {
                    beta1: range("beta1", given.beta1, 1.0)?,
                    beta2: range("beta2", given.beta2, 1.0)?,
                    eps: range("eps", given.eps, f64::INFINITY)?,
                    decay: range("weight_decay", given.weight_decay, f64::INFINITY)?,
                    decoupled: name == "adamw",
                })
            }
            other => Err(format!("there is no optimizer `{other}`")),
        }
    }

    /// Returns how many numbers it remembers for each weight.
    pub fn memories(&self) -> usize {
        match self {
            Optimizer::Sgd { momentum, .. } => (*momentum != 0.0) as usize,
            Optimizer::Adam { .. } => 2,
        }
    }
}

/// An optimiser in use: what it remembers of earlier steps.
pub struct Running {
    optimizer: Optimizer,
    /// For each parameter, each memory: momentum, or first and second moments.
    pub memory: Vec<Vec<Vec<f32>>>,
    /// Steps taken.
    pub steps: u64,
}

impl Running {
    /// Returns the optimiser of parameters before its first step.
    pub fn new<'a>(optimizer: Optimizer, trained: impl Iterator<Item = &'a mut Vec<f32>>) -> Self {
        let memory = trained.map(|w| (0..optimizer.memories()).map(|_| zeros(w.len())).collect()).collect();
        Running { optimizer, memory, steps: 0 }
    }

    /// Takes one step with the given rate. `trained` yields parameters and gradients in the order of the sizes.
    pub fn step<'a>(&mut self, trained: impl Iterator<Item = (&'a mut Vec<f32>, &'a Vec<f32>)>, rate: f64) {
        self.steps += 1;
        for ((w, g), memory) in trained.zip(&mut self.memory) {
            match (self.optimizer, &mut memory[..]) {
                (Optimizer::Sgd { decay, .. }, []) => {
                    let (rate, decay) = (rate as f32, decay as f32);
                    one(w, g, |w, g| w - rate * (g + decay * w));
                }
                (Optimizer::Sgd { momentum, nesterov, decay }, [v, ..]) => {
                    let (rate, momentum, decay) = (rate as f32, momentum as f32, decay as f32);
                    if nesterov {
                        two(w, v, g, |w, v, g| {
                            let g = g + decay * w;
                            let v = momentum * v + g;
                            (w - rate * (g + momentum * v), v)
                        });
                    } else {
                        two(w, v, g, |w, v, g| {
                            let v = momentum * v + (g + decay * w);
                            (w - rate * v, v)
                        });
                    }
                }
                (Optimizer::Adam { beta1, beta2, eps, decay, decoupled }, [m, v]) => {
                    let [step, second, added, shrink, b1, b2, c1, c2, eps] =
                        adam([beta1, beta2, eps, decay], decoupled, self.steps, rate);
                    three(w, m, v, g, |w, m, v, g| {
                        let g = g + added * w;
                        let (m, v) = (b1 * m + c1 * g, b2 * v + c2 * g * g);
                        ((w - shrink * w) - step * m / (v.sqrt() * second + eps), m, v)
                    });
                }
                _ => {}
            }
        }
    }
}

/// Returns the numbers of a step of Adam: its length, the scale of second moments, decay added to the gradient, decay of the weight,
/// both betas, what is left of them to 1, and epsilon.
pub fn adam([beta1, beta2, eps, decay]: [f64; 4], decoupled: bool, steps: u64, rate: f64) -> [f32; 9] {
    let t = steps as i32;
    let (added, shrink) = if decoupled { (0.0, rate * decay) } else { (decay, 0.0) };
    let (step, second) = (rate / (1.0 - beta1.powi(t)), 1.0 / (1.0 - beta2.powi(t)).sqrt());
    [step, second, added, shrink, beta1, beta2, 1.0 - beta1, 1.0 - beta2, eps].map(|x| x as f32)
}

/// Numbers that one task covers.
const PIECE: usize = 1 << 14;

fn one(w: &mut [f32], g: &[f32], f: impl Fn(f32, f32) -> f32 + Sync) {
    w.par_chunks_mut(PIECE).zip(g.par_chunks(PIECE)).for_each(|(w, g)| w.iter_mut().zip(g).for_each(|(w, g)| *w = f(*w, *g)));
}

fn two(w: &mut [f32], v: &mut [f32], g: &[f32], f: impl Fn(f32, f32, f32) -> (f32, f32) + Sync) {
    w.par_chunks_mut(PIECE).zip(v.par_chunks_mut(PIECE)).zip(g.par_chunks(PIECE)).for_each(|((w, v), g)| {
        w.iter_mut().zip(v).zip(g).for_each(|((w, v), g)| (*w, *v) = f(*w, *v, *g));
    });
}

fn three(w: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32], f: impl Fn(f32, f32, f32, f32) -> (f32, f32, f32) + Sync) {
    let moments = m.par_chunks_mut(PIECE).zip(v.par_chunks_mut(PIECE));
    w.par_chunks_mut(PIECE).zip(moments).zip(g.par_chunks(PIECE)).for_each(|((w, (m, v)), g)| {
        w.iter_mut().zip(m.iter_mut().zip(v)).zip(g).for_each(|((w, (m, v)), g)| (*w, *m, *v) = f(*w, *m, *v, *g));
    });
}

fn within(name: &str, field: &str, value: f64, below: f64) -> Result<f64, String> {
    let held = value >= 0.0 && value < below;
    if held { Ok(value) } else { Err(format!("`{field}: {value}` of `{name}` is not in [0, {below})")) }
}

/// What surrounds the optimiser's step.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Around {
    /// Radius of sharpness-aware minimisation (Foret et al. 2021): the gradient is taken at `w + radius g / |g|`; 0 is off.
    pub radius: f64,
    /// What gradients are cut to.
    pub clip: Option<Clip>,
}

/// What gradients are cut to before a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clip {
    /// All gradients together are scaled to this Euclidean norm where they are longer: by `limit / (norm + 1e-6)`, as PyTorch does.
    Norm(f64),
    /// Each number is cut to [-limit, limit].
    Value(f64),
}

/// Returns the optimiser that a setting names, and the radius where it is wrapped in `sam`.
///
/// Errors: a value out of its range, in a sentence.
pub fn parse(setting: &Static) -> Result<(Optimizer, f64), String> {
    match setting.make() {
        Some(("sam", fields)) => {
            let given = Sam::read(&fields);
            Ok((Optimizer::parse(&given.base)?, within("sam", "rho", given.rho.0, f64::INFINITY)?))
        }
        _ => Optimizer::parse(setting).map(|o| (o, 0.0)),
    }
}

impl Clip {
    /// Returns the limit that a setting names, where it names one.
    ///
    /// Errors: a limit that is not above 0, in a sentence.
    pub fn parse(setting: &Static) -> Result<Option<Clip>, String> {
        let Some((name, fields)) = constructor(setting)? else { return Ok(None) };
        let limit = Limit::read(&fields).limit.0;
        if !(limit > 0.0 && limit.is_finite()) {
            return Err(format!("`{name}({limit})` would stop all gradients: the limit is above 0"));
        }
        match name {
            "by_norm" => Ok(Some(Clip::Norm(limit))),
            "by_value" => Ok(Some(Clip::Value(limit))),
            other => Err(format!("there is no clipping `{other}`")),
        }
    }
}
