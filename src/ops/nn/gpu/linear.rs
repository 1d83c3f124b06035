//! Affine maps, attention, softmax, and long short-term memory: products of matrices.

use super::accelerator::Format;
use super::work::{Gpu, Slot, after, half, kept, rows};
use crate::ops::nn::buffer::Buffer;
use crate::ops::nn::cpu::{attention, linear, lstm};
use crate::ops::nn::layer::{Backward, Layer, Parameter, Pass, Saved};

/// An affine map of the last axis.
pub struct Linear {
    pub of: linear::Linear,
    pub gpu: Gpu,
}

impl Layer for Linear {
    fn parameters(&self) -> Vec<Parameter> {
        self.of.parameters()
    }

    fn forward(&self, pass: Pass, state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, saved: &mut Saved) {
        let (gpu, count) = (&self.gpu, pass.batch * self.of.positions);
        let (d, n) = (self.of.input, self.of.output);
        let w = gpu.weights(&state[0], saved, 0);
        let y = out.address();
        gpu.product((count, n, d), rows(inputs[0].address(), d), rows(w, n), (rows(y, n), gpu.format()), false, 1);
        if let [_, bias] = state {
            gpu.run("add_row", count * n, &[y, bias.address()], &[count * n, n, half(gpu.format())], &[]);
        }
    }

    fn backward(&self, b: Backward) {
        let (gpu, count) = (&self.gpu, b.pass.batch * self.of.positions);
        let (d, n) = (self.of.input, self.of.output);
        let (x, dy) = (rows(b.inputs[0].address(), d), rows(b.grad.address(), n));
        if let [weight, bias @ ..] = b.grad_state {
            gpu.product((d, n, count), x.t(), dy, (rows(weight.address(), n), Format::F32), false, 1);
            if let [bias] = bias {
                gpu.sum_columns((dy.at, gpu.format()), count, n, (bias.address(), n), 0);
            }
        }
        let Some(sink) = &mut b.sinks[0] else { return };
        let w = rows(gpu.kept_weights(&b.state[0], b.saved, 0), n);
        gpu.product((count, d, n), dy, w.t(), (rows(sink.buffer.address(), d), gpu.format()), sink.add, 1);
    }
}

/// Attention, whose weights are kept for the backward pass: `heads x batch x tokens x tokens`.
pub struct Attention {
    pub of: attention::Attention,
    pub gpu: Gpu,
}

impl Attention {
    /// Returns the scale, and what lies where: the address of a part (queries, keys, values) of a head, and of its weights.
    fn part(&self, x: u64, part: usize, head: usize) -> u64 {
        let d = self.of.features / self.of.heads;
        after(x, self.gpu.format(), part * self.of.features + head * d)
    }

    fn scale(&self) -> f32 {
        1.0 / ((self.of.features / self.of.heads) as f32).sqrt()
    }
}

impl Layer for Attention {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, saved: &mut Saved) {
        let (gpu, format, batch) = (&self.gpu, self.gpu.format(), pass.batch);
        let (n, c, heads) = (self.of.tokens, self.of.features, self.of.heads);
        let d = c / heads;
        let x = inputs[0].address();
        let weights = gpu.saved(saved, 0, format, heads * batch * n * n);
        let of_head = |head: usize| rows(after(weights, format, head * batch * n * n), n).apart(n * n);
        let input = |part, head| rows(self.part(x, part, head), 3 * c).apart(n * 3 * c);
        for head in 0..heads {
            gpu.product((n, n, d), input(0, head), input(1, head).t(), (of_head(head), format), false, batch);
        }
        let all = heads * batch * n;
        gpu.run_wide("softmax", all, &[weights, weights], &[all, n, half(format), self.of.causal as usize], &[self.scale()]);
        for head in 0..heads {
            let y = rows(after(out.address(), format, head * d), c).apart(n * c);
            gpu.product((n, d, n), of_head(head), input(2, head), (y, format), false, batch);
        }
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let (gpu, format, batch) = (&self.gpu, self.gpu.format(), b.pass.batch);
        let (n, c, heads) = (self.of.tokens, self.of.features, self.of.heads);
        let d = c / heads;
        let (x, dx) = (b.inputs[0].address(), sink.buffer.address());
        let weights = kept(b.saved, 0);
        let grads = gpu.scratch(Slot::First, format, heads * batch * n * n);
        let square = |all: u64, head: usize| rows(after(all, format, head * batch * n * n), n).apart(n * n);
        let of = |all: u64, part, head| rows(self.part(all, part, head), 3 * c).apart(n * 3 * c);
        let dy = |head: usize| rows(after(b.grad.address(), format, head * d), c).apart(n * c);
        for head in 0..heads {
            gpu.product((n, d, n), square(weights, head).t(), dy(head), (of(dx, 2, head), format), sink.add, batch);
            gpu.product((n, n, d), dy(head), of(x, 2, head).t(), (square(grads, head), format), false, batch);
        }
        let all = heads * batch * n;
        gpu.run_wide("softmax_back", all, &[weights, grads, grads], &[all, n, half(format), 0], &[self.scale()]);
        for head in 0..heads {
            gpu.product((n, d, n), square(grads, head), of(x, 1, head), (of(dx, 0, head), format), sink.add, batch);
            gpu.product((n, d, n), square(grads, head).t(), of(x, 0, head), (of(dx, 1, head), format), sink.add, batch);
        }
    }
}

/// Softmax over the last axis.
pub struct Softmax {
    pub of: attention::Softmax,
    pub gpu: Gpu,
}

impl Layer for Softmax {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let count = pass.batch * self.of.positions;
        let n = [count, self.of.features, half(self.gpu.format()), 0];
        self.gpu.run_wide("softmax", count, &[inputs[0].address(), out.address()], &n, &[1.0]);
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let count = b.pass.batch * self.of.positions;
        let n = [count, self.of.features, half(self.gpu.format()), sink.add as usize];
        let p = [b.output.address(), b.grad.address(), sink.buffer.address()];
        self.gpu.run_wide("softmax_back", count, &p, &n, &[1.0]);
    }
}

/// Long short-term memory; gates and cells are kept in 32 bits.
pub struct Lstm {
    pub of: lstm::Lstm,
    pub gpu: Gpu,
}

impl Layer for Lstm {
    fn parameters(&self) -> Vec<Parameter> {
        self.of.parameters()
    }

    fn forward(&self, pass: Pass, state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, saved: &mut Saved) {
        let (gpu, format, batch) = (&self.gpu, self.gpu.format(), pass.batch);
        let (n, d, h) = (self.of.tokens, self.of.input, self.of.hidden);
        let (count, g, y) = (batch * n, 4 * h, out.address());
        let from_input = rows(gpu.weights(&state[0], saved, 0), g);
        let recurrent = rows(gpu.weights(&state[1], saved, 1), g);
        let gates = gpu.saved(saved, 2, Format::F32, count * g);
        let cells = gpu.saved(saved, 3, Format::F32, count * h);
        gpu.product((count, g, d), rows(inputs[0].address(), d), from_input, (rows(gates, g), Format::F32), false, 1);
        for bias in &state[2..4] {
            gpu.run("add_row", count * g, &[gates, bias.address()], &[count * g, g, 0], &[]);
        }
        for t in 0..n {
            if t > 0 {
                let before = rows(after(y, format, (t - 1) * h), n * h);
                let out = rows(after(gates, Format::F32, t * g), n * g);
                gpu.product((batch, g, h), before, recurrent, (out, Format::F32), true, 1);
            }
            gpu.run("lstm_step", batch * h, &[gates, cells, y], &[batch, n, h, t, half(format)], &[]);
        }
    }

    fn backward(&self, b: Backward) {
        let (gpu, format, batch) = (&self.gpu, self.gpu.format(), b.pass.batch);
        let (n, d, h) = (self.of.tokens, self.of.input, self.of.hidden);
        let (count, g) = (batch * n, 4 * h);
        let (gates, cells) = (kept(b.saved, 2), kept(b.saved, 3));
        let grads = gpu.scratch(Slot::First, format, count * g);
        let by_hidden = gpu.scratch(Slot::Second, Format::F32, batch * h);
        let by_cell = gpu.scratch(Slot::Third, Format::F32, batch * h);
        let recurrent = rows(gpu.kept_weights(&b.state[1], b.saved, 1), g).t();
        for t in (0..n).rev() {
            if t + 1 < n {
                let next = rows(after(grads, format, (t + 1) * g), n * g);
                gpu.product((batch, h, g), next, recurrent, (rows(by_hidden, h), Format::F32), false, 1);
            }
            let p = [gates, cells, b.grad.address(), by_hidden, by_cell, grads];
            gpu.run("lstm_step_back", batch * h, &p, &[batch, n, h, t, half(format)], &[]);
        }
        let x = rows(b.inputs[0].address(), d);
        if let [from_input, recurrent, first, second] = b.grad_state {
            gpu.product((d, g, count), x.t(), rows(grads, g), (rows(from_input.address(), g), Format::F32), false, 1);
            // Hidden states one token late, zeros at the first.
            let late = gpu.scratch(Slot::Fourth, format, count * h);
            gpu.handle.clear(late, count * h * format.bytes());
            let distances = [0, n * h, h, 1];
            gpu.copy4(
                (b.output.address(), format, distances),
                (after(late, format, h), format, distances),
                [1, batch, n - 1, h],
                1.0,
                false,
            );
            gpu.product((h, g, count), rows(late, h).t(), rows(grads, g), (rows(recurrent.address(), g), Format::F32), false, 1);
            for bias in [first, second] {
                gpu.sum_columns((grads, format), count, g, (bias.address(), g), 0);
            }
        }
        let Some(sink) = &mut b.sinks[0] else { return };
        let from_input = rows(gpu.kept_weights(&b.state[0], b.saved, 0), g).t();
        gpu.product((count, d, g), rows(grads, g), from_input, (rows(sink.buffer.address(), d), format), sink.add, 1);
    }
}
