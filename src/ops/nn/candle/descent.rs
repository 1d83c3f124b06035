//! Steps of optimisers over tensors: the formulas of [`crate::ops::nn::optimizer`].
//!
//! candle-nn's SGD knows no momentum, and what its AdamW remembers cannot be read, so that a training could not stop and go on.

use crate::ops::nn::optimizer::{Optimizer, adam};
use candle_core::{Result, Tensor};

/// An optimiser in use.
pub struct Running {
    optimizer: Optimizer,
    /// For each trained parameter, each memory: momentum, or first and second moments.
    pub memory: Vec<Vec<Tensor>>,
    /// Steps taken.
    pub steps: u64,
}

impl Running {
    /// Returns the optimiser before its first step.
    ///
    /// Errors: what the device says.
    pub fn new<'a>(optimizer: Optimizer, trained: impl Iterator<Item = &'a Tensor>) -> Result<Self> {
        let zeros = |w: &Tensor| (0..optimizer.memories()).map(|_| w.zeros_like()).collect::<Result<Vec<_>>>();
        Ok(Running { optimizer, memory: trained.map(zeros).collect::<Result<_>>()?, steps: 0 })
    }

    /// Takes one step with the given rate over parameters with their gradients.
    ///
    /// Errors: what the device says.
    pub fn step<'a>(&mut self, trained: impl Iterator<Item = (&'a mut Tensor, &'a Tensor)>, rate: f64) -> Result<()> {
        self.steps += 1;
        for ((w, g), memory) in trained.zip(&mut self.memory) {
            match (self.optimizer, &mut memory[..]) {
                (Optimizer::Sgd { decay, .. }, []) => {
                    *w = (&*w - (decayed(w, g, decay)? * rate)?)?;
                }
                (Optimizer::Sgd { momentum, nesterov, decay }, [v, ..]) => {
                    let g = decayed(w, g, decay)?;
                    *v = ((&*v * momentum)? + &g)?;
                    let along = if nesterov { (g + (&*v * momentum)?)? } else { v.clone() };
                    *w = (&*w - (along * rate)?)?;
                }
                (Optimizer::Adam { beta1, beta2, eps, decay, decoupled }, [m, v]) => {
                    let [step, second, added, shrink, b1, b2, c1, c2, eps] =
                        adam([beta1, beta2, eps, decay], decoupled, self.steps, rate).map(f64::from);
                    let g = decayed(w, g, added)?;
                    *m = ((&*m * b1)? + (&g * c1)?)?;
                    *v = ((&*v * b2)? + (g.sqr()? * c2)?)?;
                    let along = (&*m / ((v.sqrt()? * second)? + eps)?)?;
                    *w = ((&*w - (&*w * shrink)?)? - (along * step)?)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Returns the gradient with the decay of the weight added.
fn decayed(w: &Tensor, g: &Tensor, decay: f64) -> Result<Tensor> {
    if decay == 0.0 { Ok(g.clone()) } else { g + (w * decay)? }
}
