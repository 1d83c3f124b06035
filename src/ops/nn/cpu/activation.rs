//! Activation functions, number by number.

use super::functions::{erf, exp, tanh, wide};
use super::layer::{Backward, Layer, Saved};
use crate::ops::nn::spec::{Activation, Function, Pass};
use rayon::prelude::*;

/// Numbers of one task.
const PIECE: usize = 1 << 14;

impl Layer for Activation {
    fn forward(&self, _pass: Pass, _state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], _saved: &mut Saved) {
        out.par_chunks_mut(PIECE).zip(inputs[0].par_chunks(PIECE)).for_each(|(out, x)| apply(self.function, x, out));
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let add = sink.add;
        let (x, y, dy) = (b.inputs[0], b.output, b.grad);
        let pieces = sink.out.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE)).zip(y.par_chunks(PIECE)).zip(dy.par_chunks(PIECE));
        pieces.for_each(|(((dx, x), y), dy)| gradient(self.function, Piece { x, y, dy }, dx, add));
    }
}

/// Inputs, outputs, and the gradient by the outputs.
#[derive(Clone, Copy)]
struct Piece<'a> {
    x: &'a [f32],
    y: &'a [f32],
    dy: &'a [f32],
}

wide! {
    /// Writes the function of each number.
    fn apply(function: Function, x: &[f32], out: &mut [f32]) {
        match function {
            Function::Relu => each(x, out, |x| if x < 0.0 { 0.0 } else { x }),
            Function::LeakyRelu(slope) => each(x, out, |x| if x > 0.0 { x } else { slope * x }),
            Function::Gelu => each(x, out, |x| x * phi(x)),
            Function::GeluTanh => each(x, out, |x| 0.5 * x * (1.0 + tanh(inner(x)))),
            Function::Tanh => each(x, out, f32::tanh),
            Function::Sigmoid => each(x, out, |x| 1.0 / (1.0 + (-x).exp())),
        }
    }
}

wide! {
    /// Writes, or adds, the gradient by the inputs.
    fn gradient(function: Function, piece: Piece, dx: &mut [f32], add: bool) {
        match function {
            Function::Relu => chain(piece, dx, add, |x, _, d| if x <= 0.0 { 0.0 } else { d }),
            Function::LeakyRelu(slope) => chain(piece, dx, add, |x, _, d| if x > 0.0 { d } else { slope * d }),
            Function::Gelu => gelu_gradient(piece, dx, add),
            Function::GeluTanh => chain(piece, dx, add, |x, _, d| {
                let t = tanh(inner(x));
                d * (0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * ROOT * (1.0 + 3.0 * CUBE * x * x))
            }),
            Function::Tanh => chain(piece, dx, add, |_, y, d| d * (1.0 - y * y)),
            Function::Sigmoid => chain(piece, dx, add, |_, y, d| d * y * (1.0 - y)),
        }
    }
}

#[inline(always)]
fn each(x: &[f32], out: &mut [f32], f: impl Fn(f32) -> f32) {
    out.iter_mut().zip(x).for_each(|(o, x)| *o = f(*x));
}

/// Writes, or adds, `f(x, y, d)`: the gradient by the input where `d` is that by the output.
#[inline(always)]
fn chain(piece: Piece, dx: &mut [f32], add: bool, f: impl Fn(f32, f32, f32) -> f32) {
    let numbers = dx.iter_mut().zip(piece.x.iter().zip(piece.y).zip(piece.dy));
    if add {
        numbers.for_each(|(o, ((x, y), d))| *o += f(*x, *y, *d));
    } else {
        numbers.for_each(|(o, ((x, y), d))| *o = f(*x, *y, *d));
    }
}

/// Writes, or adds, the gradient of the exact GELU: `d (Phi(x) + x phi(x))`, densities first, which leaves processors registers enough for each loop.
#[inline(always)]
fn gelu_gradient(piece: Piece, dx: &mut [f32], add: bool) {
    const RUN: usize = 256;
    let mut densities = [0f32; RUN];
    let runs = dx.chunks_mut(RUN).zip(piece.x.chunks(RUN).zip(piece.dy.chunks(RUN)));
    for (dx, (x, dy)) in runs {
        let y = &mut densities[..x.len()];
        each(x, y, |x| x * DENSITY * exp(-0.5 * x * x));
        chain(Piece { x, y, dy }, dx, add, |x, y, d| d * (phi(x) + y));
    }
}

/// 1 / sqrt(2 pi)
const DENSITY: f32 = 0.398_942_3;
/// sqrt(2 / pi)
const ROOT: f32 = 0.797_884_6;
const CUBE: f32 = 0.044_715;

/// Returns the normal distribution function.
#[inline(always)]
fn phi(x: f32) -> f32 {
    0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// Returns what the approximate form takes the hyperbolic tangent of.
#[inline(always)]
fn inner(x: f32) -> f32 {
    ROOT * (x + CUBE * x * x * x)
}
