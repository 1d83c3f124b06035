//! Affine map of the last axis.

use super::gemm::{Matrix, gemm};
use super::parallel::{add_to_rows, column_sums};
use crate::ops::nn::buffer::Buffer;
use crate::ops::nn::layer::{Backward, Init, Layer, Order, Parameter, Pass, Saved};
use rayon::prelude::*;

/// Rows of one task.
const ROWS: usize = 32;

/// An affine map. State: weight (`[input, output]` in memory), and bias where it has one.
#[derive(Clone, Copy, Debug)]
pub struct Linear {
    /// Vectors in one example.
    pub positions: usize,
    /// Length of an input vector.
    pub input: usize,
    /// Length of an output vector.
    pub output: usize,
    /// Whether a bias is added.
    pub bias: bool,
}

impl Layer for Linear {
    fn parameters(&self) -> Vec<Parameter> {
        let init = Init::Uniform(1.0 / (self.input as f32).sqrt());
        let shape = vec![self.output, self.input];
        let mut out = vec![Parameter { name: "weight", shape, order: Order::Transposed, init, trained: true }];
        if self.bias {
            out.push(Parameter { name: "bias", shape: vec![self.output], order: Order::Same, init, trained: true });
        }
        out
    }

    fn forward(&self, pass: Pass, state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let rows = pass.batch * self.positions;
        let x = &inputs[0].host()[..rows * self.input];
        let weight = Matrix::rows(state[0].host(), self.output);
        let bias = if self.bias { state[1].host() } else { &[] };
        let out = &mut out.host_mut()[..rows * self.output];
        out.par_chunks_mut(ROWS * self.output).zip(x.par_chunks(ROWS * self.input)).for_each(|(out, x)| {
            let size = (out.len() / self.output, self.output, self.input);
            gemm(size, out, self.output, Matrix::rows(x, self.input), weight, false);
            if !bias.is_empty() {
                add_to_rows(out, bias);
            }
        });
    }

    fn backward(&self, b: Backward) {
        let rows = b.pass.batch * self.positions;
        let x = &b.inputs[0].host()[..rows * self.input];
        let dy = &b.grad.host()[..rows * self.output];
        if let [weight, bias @ ..] = b.grad_state {
            weight.host_mut().par_chunks_mut(ROWS * self.output).enumerate().for_each(|(i, out)| {
                let size = (out.len() / self.output, self.output, rows);
                let x = Matrix::rows(&x[i * ROWS..], self.input).t();
                gemm(size, out, self.output, x, Matrix::rows(dy, self.output), false);
            });
            if let [bias] = bias {
                column_sums(dy, self.output, bias.host_mut());
            }
        }
        let Some(sink) = &mut b.sinks[0] else { return };
        let add = sink.add;
        let weight = Matrix::rows(b.state[0].host(), self.output).t();
        let dx = &mut sink.buffer.host_mut()[..rows * self.input];
        dx.par_chunks_mut(ROWS * self.input).zip(dy.par_chunks(ROWS * self.output)).for_each(|(dx, dy)| {
            let size = (dx.len() / self.input, self.input, self.output);
            gemm(size, dx, self.input, Matrix::rows(dy, self.output), weight, add);
        });
    }
}
