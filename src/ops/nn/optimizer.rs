//! Optimisers: what a step does to the weights, as PyTorch defines them.

use super::buffer::Buffer;
use super::cpu::parallel::{map1, map2, update1, update2};
use crate::lang::Static;

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
        let real = |field: &str, default: f64| fields.get(field).number().unwrap_or(default);
        let range = |field: &str, value: f64, below: f64| {
            let held = value >= 0.0 && value < below;
            if held { Ok(value) } else { Err(format!("`{field}: {value}` of `{name}` is not in [0, {below})")) }
        };
        let decay = |default| range("weight_decay", real("weight_decay", default), f64::INFINITY);
        match name {
            "sgd" => Ok(Optimizer::Sgd {
                momentum: range("momentum", real("momentum", 0.0), 1.0)?,
                nesterov: fields.flag("nesterov"),
                decay: decay(0.0)?,
            }),
            "adam" | "adamw" => Ok(Optimizer::Adam {
                beta1: range("beta1", real("beta1", 0.9), 1.0)?,
                beta2: range("beta2", real("beta2", 0.999), 1.0)?,
                eps: range("eps", real("eps", 1e-8), f64::INFINITY)?,
                decay: decay(if name == "adamw" { 0.01 } else { 0.0 })?,
                decoupled: name == "adamw",
            }),
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
    /// Returns the optimiser before its first step. `sizes` are those of the trained parameters.
    pub fn new(optimizer: Optimizer, sizes: &[usize]) -> Self {
        let memory = sizes.iter().map(|n| vec![vec![0.0; *n]; optimizer.memories()]).collect();
        Running { optimizer, memory, steps: 0 }
    }

    /// Takes one step with the given rate. `trained` yields parameters and gradients in the order of the sizes.
    pub fn step<'a>(&mut self, trained: impl Iterator<Item = (&'a mut Buffer, &'a Buffer)>, rate: f64) {
        self.steps += 1;
        for ((weight, grad), memory) in trained.zip(&mut self.memory) {
            let (w, g) = (weight.host_mut(), grad.host());
            match (self.optimizer, &mut memory[..]) {
                (Optimizer::Sgd { decay, .. }, []) => {
                    let (rate, decay) = (rate as f32, decay as f32);
                    if decay != 0.0 {
                        update1(w, |w| w - rate * decay * w);
                    }
                    map1(w, g, true, |g| -rate * g);
                }
                (Optimizer::Sgd { momentum, nesterov, decay }, [v, ..]) => {
                    let (rate, momentum, decay) = (rate as f32, momentum as f32, decay as f32);
                    update2(v, g, w, |v, g, w| momentum * v + (g + decay * w));
                    if nesterov {
                        update2(w, g, v, |w, g, v| w - rate * (g + decay * w + momentum * v));
                    } else {
                        map1(w, v, true, |v| -rate * v);
                    }
                }
                (Optimizer::Adam { beta1, beta2, eps, decay, decoupled }, [m, v]) => {
                    let t = self.steps as i32;
                    let step = (rate / (1.0 - beta1.powi(t))) as f32;
                    let second = (1.0 / (1.0 - beta2.powi(t)).sqrt()) as f32;
                    let added = if decoupled { 0.0 } else { decay as f32 };
                    let (b1, b2, eps) = (beta1 as f32, beta2 as f32, eps as f32);
                    let (c1, c2) = ((1.0 - beta1) as f32, (1.0 - beta2) as f32);
                    update2(m, g, w, |m, g, w| b1 * m + c1 * (g + added * w));
                    update2(v, g, w, |v, g, w| b2 * v + c2 * (g + added * w) * (g + added * w));
                    if decoupled && decay != 0.0 {
                        let shrink = (rate * decay) as f32;
                        update1(w, |w| w - shrink * w);
                    }
                    map2(w, m, v, true, |m, v| -step * m / (v.sqrt() * second + eps));
                }
                _ => {}
            }
        }
    }
}
