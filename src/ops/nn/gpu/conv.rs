//! Convolutions and transposed convolutions.

use super::accelerator::{Convolution, Direction, Format};
use super::work::{Gpu, Slot, half};
use crate::ops::nn::buffer::Buffer;
use crate::ops::nn::cpu::{Geometry, conv, conv_transposed};
use crate::ops::nn::layer::{Backward, Layer, Order, Parameter, Pass, Saved, Sink};

/// Returns the parameters with the weight's output channels first.
fn output_first(mut parameters: Vec<Parameter>) -> Vec<Parameter> {
    parameters[0].order = Order::OutputFirst;
    parameters
}

fn convolve(gpu: &Gpu, geometry: Geometry, batch: usize, direction: Direction, [x, w, y]: [u64; 3]) {
    let (format, precision) = (gpu.format(), gpu.precision);
    gpu.handle.convolve(&Convolution { direction, batch, geometry, format, precision, x, w, y });
}

/// Writes the gradient by the weight in 32 bits.
fn by_weight(gpu: &Gpu, geometry: Geometry, batch: usize, x: u64, y: u64, out: &mut Buffer) {
    if gpu.format() == Format::F32 {
        convolve(gpu, geometry, batch, Direction::ByWeight, [x, out.address(), y]);
        return;
    }
    let short = gpu.scratch(Slot::Gradient, gpu.format(), out.len());
    convolve(gpu, geometry, batch, Direction::ByWeight, [x, short, y]);
    gpu.combine((short, gpu.format()), (out.address(), Format::F32), out.len(), 1.0, false);
}

/// Calls `write` with the place that the gradient by the input of `len` numbers is to be written to, and adds it where that is wanted.
fn into(gpu: &Gpu, sink: &mut Sink, len: usize, write: impl FnOnce(u64)) {
    let format = gpu.format();
    if !sink.add {
        return write(sink.buffer.address());
    }
    let fresh = gpu.scratch(Slot::Gradient, format, len);
    write(fresh);
    gpu.combine((fresh, format), (sink.buffer.address(), format), len, 1.0, true);
}

fn add_bias(gpu: &Gpu, bias: &[Buffer], out: u64, count: usize, width: usize) {
    if let [bias] = bias {
        gpu.run("add_row", count, &[out, bias.address()], &[count, width, half(gpu.format())], &[]);
    }
}

/// A convolution.
pub struct Conv {
    pub of: conv::Conv,
    pub gpu: Gpu,
}

impl Layer for Conv {
    fn parameters(&self) -> Vec<Parameter> {
        output_first(self.of.parameters())
    }

    fn forward(&self, pass: Pass, state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, saved: &mut Saved) {
        let g = self.of.geometry;
        let w = self.gpu.weights(&state[0], saved, 0);
        convolve(&self.gpu, g, pass.batch, Direction::Forward, [inputs[0].address(), w, out.address()]);
        add_bias(&self.gpu, &state[1..], out.address(), pass.batch * g.windows() * g.n, g.n);
    }

    fn backward(&self, b: Backward) {
        let (g, gpu, batch) = (self.of.geometry, &self.gpu, b.pass.batch);
        let (x, dy) = (b.inputs[0].address(), b.grad.address());
        if let [weight, bias @ ..] = b.grad_state {
            by_weight(gpu, g, batch, x, dy, weight);
            if let [bias] = bias {
                gpu.sum_columns((dy, gpu.format()), batch * g.windows(), g.n, (bias.address(), g.n), 0);
            }
        }
        let Some(sink) = &mut b.sinks[0] else { return };
        let w = gpu.kept_weights(&b.state[0], b.saved, 0);
        into(gpu, sink, batch * g.h * g.w * g.c, |dx| convolve(gpu, g, batch, Direction::ByInput, [dx, w, dy]));
    }
}

/// A transposed convolution: `of.back` leads from its output back to its input.
pub struct ConvTransposed {
    pub of: conv_transposed::ConvTransposed,
    pub gpu: Gpu,
}

impl Layer for ConvTransposed {
    fn parameters(&self) -> Vec<Parameter> {
        output_first(self.of.parameters())
    }

    fn forward(&self, pass: Pass, state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, saved: &mut Saved) {
        let g = self.of.back;
        let w = self.gpu.weights(&state[0], saved, 0);
        convolve(&self.gpu, g, pass.batch, Direction::ByInput, [out.address(), w, inputs[0].address()]);
        add_bias(&self.gpu, &state[1..], out.address(), pass.batch * g.h * g.w * g.c, g.c);
    }

    fn backward(&self, b: Backward) {
        let (g, gpu, batch) = (self.of.back, &self.gpu, b.pass.batch);
        let (x, dy) = (b.inputs[0].address(), b.grad.address());
        if let [weight, bias @ ..] = b.grad_state {
            by_weight(gpu, g, batch, dy, x, weight);
            if let [bias] = bias {
                gpu.sum_columns((dy, gpu.format()), batch * g.h * g.w, g.c, (bias.address(), g.c), 0);
            }
        }
        let Some(sink) = &mut b.sinks[0] else { return };
        let w = gpu.kept_weights(&b.state[0], b.saved, 0);
        into(gpu, sink, batch * g.windows() * g.n, |dx| convolve(gpu, g, batch, Direction::Forward, [dy, w, dx]));
    }
}
