//! Transposed convolution: what a convolution's gradient by its input computes, run forward.

use super::conv::{convolve, grad_weight, scatter_back, transpose};
use super::layer::{Backward, Layer, Saved};
use super::parallel::{add_to_rows, column_sums, take};
use super::winograd;
use crate::ops::nn::buffer::Buffer;
use crate::ops::nn::spec::{ConvTransposed, Pass};
use rayon::prelude::*;

impl Layer for ConvTransposed {
    fn forward(&self, pass: Pass, state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let g = &self.back;
        let (small, large) = (g.windows() * g.n, g.h * g.w * g.c);
        let x = &inputs[0].host()[..pass.batch * small];
        let weight = state[0].host();
        let bias = if self.bias { state[1].host() } else { &[] };
        let mut turned = vec![0f32; weight.len()];
        transpose(g, weight, &mut turned);
        let out = &mut out.host_mut()[..pass.batch * large];
        scatter_back(g, x, &turned, out, false);
        if !bias.is_empty() {
            out.par_chunks_mut(large).for_each(|image| add_to_rows(image, bias));
        }
    }

    fn backward(&self, b: Backward) {
        let g = &self.back;
        let batch = b.pass.batch;
        let (small, large) = (batch * g.windows() * g.n, batch * g.h * g.w * g.c);
        let dy = &b.grad.host()[..large];
        if let [weight, bias @ ..] = b.grad_state {
            grad_weight(g, batch, dy, &b.inputs[0].host()[..small], weight.host_mut(), b.work);
            if let [bias] = bias {
                column_sums(dy, g.c, bias.host_mut());
            }
        }
        let Some(sink) = &mut b.sinks[0] else { return };
        let scratch = take(b.work, winograd::scratch(g, batch));
        convolve(g, dy, b.state[0].host(), &[], &mut sink.buffer.host_mut()[..small], sink.add, scratch);
    }
}
