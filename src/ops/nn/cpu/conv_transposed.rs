//! Transposed convolution: what a convolution's gradient by its input computes, run forward.

use super::conv::{convolve, grad_weight, scatter_back, transpose};
use super::im2col::Geometry;
use super::parallel::{add_to_rows, column_sums, take};
use super::winograd;
use crate::ops::nn::buffer::Buffer;
use crate::ops::nn::layer::{Backward, Init, Layer, Order, Parameter, Pass, Saved};
use rayon::prelude::*;

/// A transposed convolution of fixed sizes. State: weight `[input, output / groups, kernel, kernel]`, and bias where it has one.
#[derive(Clone, Copy, Debug)]
pub struct ConvTransposed {
    /// The sizes of the convolution that leads back: from this layer's output (`h`, `w`, `c`) to its input (`oh`, `ow`, `n`).
    pub back: Geometry,
    /// Whether a bias is added.
    pub bias: bool,
}

impl Layer for ConvTransposed {
    fn parameters(&self) -> Vec<Parameter> {
        let g = &self.back;
        // PyTorch takes the second axis of the weight for the fan-in, here the output channels of a group.
        let init = Init::Uniform(1.0 / (g.depth() as f32).sqrt());
        let order = Order::ChannelsLast { groups: g.groups };
        let mut out =
            vec![Parameter { name: "weight", shape: vec![g.n, g.group_in(), g.kernel, g.kernel], order, init, trained: true }];
        if self.bias {
            out.push(Parameter { name: "bias", shape: vec![g.c], order: Order::Same, init, trained: true });
        }
        out
    }

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
