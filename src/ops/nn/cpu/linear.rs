//! Affine map of the last axis.

use super::gemm::{Matrix, long_product, long_product_scratch, product, product_turned};
use super::layer::{Backward, Layer, Saved};
use super::parallel::{column_sums, take};
use crate::ops::nn::spec::{Linear, Pass};

impl Layer for Linear {
    fn scratch(&self, batch: usize) -> usize {
        let rows = batch * self.positions;
        (self.input * self.output).max(long_product_scratch((self.input, self.output, rows)))
    }

    fn forward(&self, pass: Pass, state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], _saved: &mut Saved) {
        let rows = pass.batch * self.positions;
        let x = Matrix::rows(inputs[0], self.input);
        let weight = &state[0];
        let bias = if self.bias { &state[1][..] } else { &[] };
        product((rows, self.output, self.input), out, x, |cols| Matrix::rows(&weight[cols.start..], self.output), bias, false);
    }

    fn backward(&self, b: Backward) {
        let rows = b.pass.batch * self.positions;
        let (x, dy) = (b.inputs[0], b.grad);
        if let [weight, bias @ ..] = b.grad_state {
            let size = (self.input, self.output, rows);
            long_product(size, weight, x, dy, take(b.work, long_product_scratch(size)));
            if let [bias] = bias {
                column_sums(dy, self.output, bias);
            }
        }
        let Some(sink) = &mut b.sinks[0] else { return };
        let scratch = take(b.work, self.input * self.output);
        product_turned((rows, self.input, self.output), sink.out, dy, &b.state[0], sink.add, scratch);
    }
}
