//! Transposed convolution: what a convolution's gradient by its input computes, run forward.

use super::conv::{convolve, grad_weight, scatter_back, transpose};
use super::layer::{Backward, Layer, Saved};
use super::parallel::{add_to_rows, column_sums, take};
use super::winograd;
use crate::ops::nn::spec::{ConvTransposed, Pass};
use rayon::prelude::*;

impl Layer for ConvTransposed {
    fn forward(&self, _pass: Pass, state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], _saved: &mut Saved) {
        let g = &self.back;
        let weight = &state[0];
        let bias = if self.bias { &state[1][..] } else { &[] };
        let mut turned = vec![0f32; weight.len()];
        transpose(g, weight, &mut turned);
        scatter_back(g, inputs[0], &turned, out, false);
        if !bias.is_empty() {
            out.par_chunks_mut(g.h * g.w * g.c).for_each(|image| add_to_rows(image, bias));
        }
    }

    fn backward(&self, b: Backward) {
        let g = &self.back;
        let (batch, dy) = (b.pass.batch, b.grad);
        if let [weight, bias @ ..] = b.grad_state {
            grad_weight(g, batch, dy, b.inputs[0], weight, b.work);
            if let [bias] = bias {
                column_sums(dy, g.c, bias);
            }
        }
        let Some(sink) = &mut b.sinks[0] else { return };
        let scratch = take(b.work, winograd::scratch(g, batch));
        convolve(g, dy, &b.state[0], &[], sink.out, sink.add, scratch);
    }
}
