//! Layers that move numbers: transpositions, tokens, concatenation, shortcuts without parameters, words as vectors.

use super::accelerator::Format;
use super::work::{Gpu, Slot, after, half};
use crate::ops::nn::buffer::Buffer;
use crate::ops::nn::cpu::{shape, tokens};
use crate::ops::nn::layer::{Backward, Layer, Parameter, Pass, Saved};

fn clear(gpu: &Gpu, buffer: &Buffer, len: usize) {
    gpu.handle.clear(buffer.address(), len * buffer.format().bytes());
}

/// Rows and columns of each example exchanged.
pub struct Transpose {
    pub of: tokens::Transpose,
    pub gpu: Gpu,
}

impl Transpose {
    fn apply(&self, (rows, cols): (usize, usize), batch: usize, from: &Buffer, to: &mut Buffer, add: bool) {
        let (size, format) = (rows * cols, self.gpu.format());
        let from = (from.address(), format, [0, size, 1, cols]);
        self.gpu.copy4(from, (to.address(), format, [0, size, rows, 1]), [1, batch, cols, rows], 1.0, add);
    }
}

impl Layer for Transpose {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        self.apply((self.of.rows, self.of.cols), pass.batch, inputs[0], out, false);
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        self.apply((self.of.cols, self.of.rows), b.pass.batch, b.grad, sink.buffer, sink.add);
    }
}

/// Another image of the same numbers.
pub struct Reshape {
    pub of: shape::Reshape,
    pub gpu: Gpu,
}

impl Reshape {
    fn apply(&self, batch: usize, from: &Buffer, to: &mut Buffer, back: bool, add: bool) {
        let ((p, c), (q, k)) = (self.of.from, self.of.to);
        let n = [batch * p * c, p * c, p, c, q, k, half(self.gpu.format()), back as usize, add as usize];
        self.gpu.run("reshape", n[0], &[from.address(), to.address()], &n, &[]);
    }
}

impl Layer for Reshape {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        self.apply(pass.batch, inputs[0], out, false, false);
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        self.apply(b.pass.batch, b.grad, sink.buffer, true, sink.add);
    }
}

/// A learned token before the others.
pub struct ClassToken {
    pub of: tokens::ClassToken,
    pub gpu: Gpu,
}

impl Layer for ClassToken {
    fn parameters(&self) -> Vec<Parameter> {
        self.of.parameters()
    }

    fn forward(&self, pass: Pass, state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let (gpu, format) = (&self.gpu, self.gpu.format());
        let (c, size) = (self.of.features, self.of.tokens * self.of.features);
        let (y, each) = (out.address(), [0, 0, size + c, 1]);
        gpu.copy4((state[0].address(), Format::F32, [0, 0, 0, 1]), (y, format, each), [1, 1, pass.batch, c], 1.0, false);
        let from = (inputs[0].address(), format, [0, 0, size, 1]);
        gpu.copy4(from, (after(y, format, c), format, each), [1, 1, pass.batch, size], 1.0, false);
    }

    fn backward(&self, b: Backward) {
        let (gpu, format, batch) = (&self.gpu, self.gpu.format(), b.pass.batch);
        let (c, size) = (self.of.features, self.of.tokens * self.of.features);
        let dy = b.grad.address();
        if let [token] = b.grad_state {
            let rest = gpu.scratch(Slot::Sums, Format::F32, size);
            gpu.sum_columns((dy, format), batch, size + c, (token.address(), c), rest);
        }
        let Some(sink) = &mut b.sinks[0] else { return };
        let from = (after(dy, format, c), format, [0, 0, size + c, 1]);
        gpu.copy4(from, (sink.buffer.address(), format, [0, 0, size, 1]), [1, 1, batch, size], 1.0, sink.add);
    }
}

/// A learned vector added to each token.
pub struct PositionEmbedding {
    pub of: tokens::PositionEmbedding,
    pub gpu: Gpu,
}

impl Layer for PositionEmbedding {
    fn parameters(&self) -> Vec<Parameter> {
        self.of.parameters()
    }

    fn forward(&self, pass: Pass, state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let (gpu, format, size) = (&self.gpu, self.gpu.format(), self.of.tokens * self.of.features);
        gpu.pass_on(inputs[0], out, pass.batch * size, false);
        let from = (state[0].address(), Format::F32, [0, 0, 0, 1]);
        gpu.copy4(from, (out.address(), format, [0, 0, size, 1]), [1, 1, pass.batch, size], 1.0, true);
    }

    fn backward(&self, b: Backward) {
        let (gpu, size) = (&self.gpu, self.of.tokens * self.of.features);
        if let [place] = b.grad_state {
            gpu.sum_columns((b.grad.address(), gpu.format()), b.pass.batch, size, (place.address(), size), 0);
        }
        let Some(sink) = &mut b.sinks[0] else { return };
        gpu.pass_on(b.grad, sink.buffer, b.pass.batch * size, sink.add);
    }
}

/// One token of several.
pub struct Token {
    pub of: tokens::Token,
    pub gpu: Gpu,
}

impl Layer for Token {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let (format, c, size) = (self.gpu.format(), self.of.features, self.of.tokens * self.of.features);
        let from = (after(inputs[0].address(), format, self.of.index * c), format, [0, 0, size, 1]);
        self.gpu.copy4(from, (out.address(), format, [0, 0, c, 1]), [1, 1, pass.batch, c], 1.0, false);
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let (format, c, size) = (self.gpu.format(), self.of.features, self.of.tokens * self.of.features);
        if !sink.add {
            clear(&self.gpu, sink.buffer, b.pass.batch * size);
        }
        let to = (after(sink.buffer.address(), format, self.of.index * c), format, [0, 0, size, 1]);
        self.gpu.copy4((b.grad.address(), format, [0, 0, c, 1]), to, [1, 1, b.pass.batch, c], 1.0, true);
    }
}

/// A learned vector for each word; words are 32-bit numbers whatever the precision.
pub struct Embedding {
    pub of: tokens::Embedding,
    pub gpu: Gpu,
}

impl Layer for Embedding {
    fn parameters(&self) -> Vec<Parameter> {
        self.of.parameters()
    }

    fn forward(&self, pass: Pass, state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let count = pass.batch * self.of.tokens * self.of.features;
        let n = [count, self.of.words, self.of.features, half(self.gpu.format())];
        self.gpu.run("embedding", count, &[inputs[0].address(), state[0].address(), out.address()], &n, &[]);
    }

    fn backward(&self, b: Backward) {
        let rows = b.pass.batch * self.of.tokens;
        if let [weight] = b.grad_state {
            let count = self.of.words * self.of.features;
            let n = [count, self.of.words, self.of.features, half(self.gpu.format()), rows];
            self.gpu.run("embedding_back", count, &[b.inputs[0].address(), b.grad.address(), weight.address()], &n, &[]);
        }
        // A word's number is no quantity: the gradient by it is 0.
        let Some(sink) = &mut b.sinks[0] else { return };
        if !sink.add {
            clear(&self.gpu, sink.buffer, rows);
        }
    }
}

/// Concatenation along the last axis.
pub struct Concat {
    pub of: shape::Concat,
    pub gpu: Gpu,
}

impl Layer for Concat {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let (format, rows, total) = (self.gpu.format(), pass.batch * self.of.positions, self.of.widths.iter().sum());
        let mut at = 0;
        for (x, width) in inputs.iter().zip(&self.of.widths) {
            let to = (after(out.address(), format, at), format, [0, 0, total, 1]);
            self.gpu.copy4((x.address(), format, [0, 0, *width, 1]), to, [1, 1, rows, *width], 1.0, false);
            at += width;
        }
    }

    fn backward(&self, b: Backward) {
        let (format, rows, total) = (self.gpu.format(), b.pass.batch * self.of.positions, self.of.widths.iter().sum());
        let mut at = 0;
        for (sink, width) in b.sinks.iter_mut().zip(&self.of.widths) {
            if let Some(sink) = sink {
                let from = (after(b.grad.address(), format, at), format, [0, 0, total, 1]);
                let to = (sink.buffer.address(), format, [0, 0, *width, 1]);
                self.gpu.copy4(from, to, [1, 1, rows, *width], 1.0, sink.add);
            }
            at += width;
        }
    }
}

/// Every `stride`-th position, with channels of zeros on both sides.
pub struct SubsamplePad {
    pub of: shape::SubsamplePad,
    pub gpu: Gpu,
}

impl SubsamplePad {
    /// Returns sizes, distances in the input and in the output, and where the output's channels begin.
    fn block(&self, batch: usize) -> ([usize; 4], [usize; 4], [usize; 4], usize) {
        let g = &self.of;
        let input = [g.h * g.w * g.c, g.stride * g.w * g.c, g.stride * g.c, 1];
        ([batch, g.oh, g.ow, g.c], input, [g.oh * g.ow * g.n, g.ow * g.n, g.n, 1], (g.n - g.c) / 2)
    }
}

impl Layer for SubsamplePad {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let (format, (sizes, input, output, low)) = (self.gpu.format(), self.block(pass.batch));
        clear(&self.gpu, out, pass.batch * output[0]);
        let to = (after(out.address(), format, low), format, output);
        self.gpu.copy4((inputs[0].address(), format, input), to, sizes, 1.0, false);
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let (format, (sizes, input, output, low)) = (self.gpu.format(), self.block(b.pass.batch));
        if !sink.add {
            clear(&self.gpu, sink.buffer, b.pass.batch * input[0]);
        }
        let from = (after(b.grad.address(), format, low), format, output);
        self.gpu.copy4(from, (sink.buffer.address(), format, input), sizes, 1.0, true);
    }
}
