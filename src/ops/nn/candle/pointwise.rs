//! Layers that look at numbers one by one: activation functions, sums, dropout.

use super::layer::{Backward, Gradients, Layer, relu, softmax_gradient, where_positive};
use crate::ops::nn::masks::draw;
use crate::ops::nn::spec::{self, Function, Pass};
use candle_core::{Result, Tensor};
use candle_nn::ops::{sigmoid, softmax_last_dim};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI, PI};

/// A function of every number. Composed, because candle's gradient of ReLU at 0 is 1 and its GELU keeps few digits of its constants.
pub struct Activation(pub Function);

/// The factor of the cube in the approximate GELU.
const CUBE: f64 = 0.044715;

/// Returns the normal distribution function.
fn phi(x: &Tensor) -> Result<Tensor> {
    ((x * FRAC_1_SQRT_2)?.erf()? + 1.0)? * 0.5
}

/// Returns the hyperbolic tangent within the approximate GELU.
fn inner(x: &Tensor) -> Result<Tensor> {
    let cube = (x.sqr()? * x)?;
    ((x + (cube * CUBE)?)? * FRAC_2_PI.sqrt())?.tanh()
}

impl Layer for Activation {
    fn forward(&self, _pass: Pass, _state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let x = &inputs[0];
        let y = match self.0 {
            Function::Relu => relu(x)?,
            Function::LeakyRelu(slope) => x.gt(0f32)?.where_cond(x, &(x * slope as f64)?)?,
            Function::Gelu => (x * phi(x)?)?,
            Function::GeluTanh => ((x * (inner(x)? + 1.0)?)? * 0.5)?,
            Function::Tanh => x.tanh()?,
            Function::Sigmoid => sigmoid(x)?,
        };
        Ok((y, Vec::new()))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let (x, y, d) = (&b.inputs[0], b.output, b.grad);
        let dx = match self.0 {
            Function::Relu => where_positive(x, d)?,
            Function::LeakyRelu(slope) => x.gt(0f32)?.where_cond(d, &(d * slope as f64)?)?,
            Function::Gelu => {
                let density = ((x.sqr()? * -0.5)?.exp()? * (1.0 / (2.0 * PI).sqrt()))?;
                (d * (phi(x)? + (x * density)?)?)?
            }
            Function::GeluTanh => {
                let t = inner(x)?;
                let slope = ((x.sqr()? * (3.0 * CUBE))? + 1.0)?;
                let rise = (((1.0 - t.sqr()?)? * x)? * slope)? * (0.5 * FRAC_2_PI.sqrt());
                (d * (((t + 1.0)? * 0.5)? + rise?)?)?
            }
            Function::Tanh => (d * (1.0 - y.sqr()?)?)?,
            Function::Sigmoid => (d * (y * (1.0 - y)?)?)?,
        };
        Ok(Gradients::input(dx))
    }
}

/// Softmax over the last axis.
pub struct Softmax(pub spec::Softmax);

impl Layer for Softmax {
    fn forward(&self, pass: Pass, _state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        Ok((softmax_last_dim(&inputs[0].reshape((pass.batch * self.0.positions, self.0.features))?)?, Vec::new()))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let rows = |x: &Tensor| x.reshape((b.pass.batch * self.0.positions, self.0.features));
        Ok(Gradients::input(softmax_gradient(&rows(b.output)?, &rows(b.grad)?)?))
    }
}

/// The sum of the inputs; of one, a copy.
pub struct Add;

impl Layer for Add {
    fn forward(&self, _pass: Pass, _state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let mut sum = inputs[0].clone();
        for x in &inputs[1..] {
            sum = (sum + x)?;
        }
        Ok((sum, Vec::new()))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        Ok(Gradients { inputs: b.wanted.iter().map(|w| w.then(|| b.grad.clone())).collect(), parameters: Vec::new() })
    }
}

/// Dropout of numbers, or of whole channels of an example: the factors are the host's, drawn from the stream of the step.
pub struct Dropout(pub spec::Dropout);

impl Dropout {
    fn apply(&self, x: &Tensor, mask: &Tensor, batch: usize) -> Result<Tensor> {
        x.reshape((batch, self.0.positions, self.0.c))?.broadcast_mul(mask)
    }
}

impl Layer for Dropout {
    /// Saves the factors.
    fn forward(&self, pass: Pass, _state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        if !pass.training {
            return Ok((inputs[0].clone(), Vec::new()));
        }
        let mut mask = vec![0f32; pass.batch * self.0.c];
        draw(&mut mask, self.0.rate, pass.stream, self.0.node);
        let mask = Tensor::from_vec(mask, (pass.batch, 1, self.0.c), inputs[0].device())?;
        Ok((self.apply(&inputs[0], &mask, pass.batch)?, vec![mask]))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let dx = match b.saved {
            [mask] => self.apply(b.grad, mask, b.pass.batch)?,
            _ => b.grad.clone(),
        };
        Ok(Gradients::input(dx))
    }
}
