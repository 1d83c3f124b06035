//! Activation functions, number by number.

use super::functions;
use super::parallel::{map1, map3};
use crate::ops::nn::buffer::Buffer;
use crate::ops::nn::layer::{Backward, Layer, Pass, Saved};

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    /// max(x, 0)
    Relu,
    /// x where x > 0, slope x elsewhere.
    LeakyRelu(f32),
    /// x Phi(x) with the normal distribution function Phi (Hendrycks & Gimpel 2016, exact form).
    Gelu,
    /// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), the same approximately.
    GeluTanh,
    /// Hyperbolic tangent.
    Tanh,
    /// 1 / (1 + exp(-x))
    Sigmoid,
}

/// The function applied to every number.
#[derive(Clone, Copy, Debug)]
pub struct Activation {
    /// Numbers in one example.
    pub len: usize,
    /// The function.
    pub function: Function,
}

impl Layer for Activation {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let len = pass.batch * self.len;
        let (x, out) = (&inputs[0].host()[..len], &mut out.host_mut()[..len]);
        match self.function {
            Function::Relu => map1(out, x, false, |x| if x < 0.0 { 0.0 } else { x }),
            Function::LeakyRelu(slope) => map1(out, x, false, move |x| if x > 0.0 { x } else { slope * x }),
            Function::Gelu => map1(out, x, false, |x| x * phi(x)),
            Function::GeluTanh => map1(out, x, false, |x| 0.5 * x * (1.0 + functions::tanh(inner(x)))),
            Function::Tanh => map1(out, x, false, f32::tanh),
            Function::Sigmoid => map1(out, x, false, |x| 1.0 / (1.0 + (-x).exp())),
        }
    }

    fn backward(&self, b: Backward) {
        let len = b.pass.batch * self.len;
        let Some(sink) = &mut b.sinks[0] else { return };
        let add = sink.add;
        let dx = &mut sink.buffer.host_mut()[..len];
        let (x, y, dy) = (&b.inputs[0].host()[..len], &b.output.host()[..len], &b.grad.host()[..len]);
        match self.function {
            Function::Relu => map3(dx, x, y, dy, add, |x, _, d| if x <= 0.0 { 0.0 } else { d }),
            Function::LeakyRelu(slope) => map3(dx, x, y, dy, add, move |x, _, d| if x > 0.0 { d } else { slope * d }),
            Function::Gelu => map3(dx, x, y, dy, add, |x, _, d| d * (phi(x) + x * DENSITY * functions::exp(-0.5 * x * x))),
            Function::GeluTanh => map3(dx, x, y, dy, add, |x, _, d| {
                let t = functions::tanh(inner(x));
                d * (0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * ROOT * (1.0 + 3.0 * CUBE * x * x))
            }),
            Function::Tanh => map3(dx, x, y, dy, add, |_, y, d| d * (1.0 - y * y)),
            Function::Sigmoid => map3(dx, x, y, dy, add, |_, y, d| d * y * (1.0 - y)),
        }
    }
}

/// 1 / sqrt(2 pi)
const DENSITY: f32 = 0.398_942_3;

/// Returns the normal distribution function.
fn phi(x: f32) -> f32 {
    0.5 * (1.0 + functions::erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// sqrt(2 / pi)
const ROOT: f32 = 0.797_884_6;
const CUBE: f32 = 0.044_715;

/// Returns what the approximate form takes the hyperbolic tangent of.
fn inner(x: f32) -> f32 {
    ROOT * (x + CUBE * x * x * x)
}
