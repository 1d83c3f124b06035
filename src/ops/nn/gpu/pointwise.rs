//! Layers that treat numbers one by one: activations, sums, copies, dropout.

use super::work::{Gpu, half};
use crate::base::Stream;
use crate::ops::nn::buffer::Buffer;
use crate::ops::nn::cpu::{activation, dropout, shape};
use crate::ops::nn::layer::{Backward, Layer, Pass, Saved};
use activation::Function;
use rand::Rng;

/// A function of every number.
pub struct Activation {
    pub of: activation::Activation,
    pub gpu: Gpu,
}

impl Activation {
    /// Returns the function's number in `kernels.cu`, and its slope.
    fn function(&self) -> (usize, f32) {
        match self.of.function {
            Function::Relu => (0, 0.0),
            Function::LeakyRelu(slope) => (1, slope),
            Function::Gelu => (2, 0.0),
            Function::GeluTanh => (3, 0.0),
            Function::Tanh => (4, 0.0),
            Function::Sigmoid => (5, 0.0),
        }
    }
}

impl Layer for Activation {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let (len, (function, slope)) = (pass.batch * self.of.len, self.function());
        let n = [len, half(self.gpu.format()), function];
        self.gpu.run("activation", len, &[inputs[0].address(), out.address()], &n, &[slope]);
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let (len, (function, slope)) = (b.pass.batch * self.of.len, self.function());
        let n = [len, half(self.gpu.format()), function, sink.add as usize];
        let p = [b.inputs[0].address(), b.output.address(), b.grad.address(), sink.buffer.address()];
        self.gpu.run("activation_back", len, &p, &n, &[slope]);
    }
}

/// Sum of its inputs; a copy where there is one.
pub struct Add {
    pub of: shape::Add,
    pub gpu: Gpu,
}

impl Layer for Add {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        for (i, x) in inputs.iter().enumerate() {
            self.gpu.pass_on(x, out, pass.batch * self.of.len, i > 0);
        }
    }

    fn backward(&self, b: Backward) {
        for sink in b.sinks.iter_mut().flatten() {
            self.gpu.pass_on(b.grad, sink.buffer, b.pass.batch * self.of.len, sink.add);
        }
    }
}

/// Dropout, of numbers or of whole channels.
pub struct Dropout {
    /// Numbers in one example.
    pub len: usize,
    /// Channels, where whole ones are dropped.
    pub channels: Option<usize>,
    pub rate: f64,
    pub node: usize,
    pub gpu: Gpu,
}

impl From<(dropout::Dropout, Gpu)> for Dropout {
    fn from((of, gpu): (dropout::Dropout, Gpu)) -> Self {
        Dropout { len: of.len, channels: None, rate: of.rate, node: of.node, gpu }
    }
}

impl From<(dropout::DropoutChannels, Gpu)> for Dropout {
    fn from((of, gpu): (dropout::DropoutChannels, Gpu)) -> Self {
        Dropout { len: of.positions * of.c, channels: Some(of.c), rate: of.rate, node: of.node, gpu }
    }
}

impl Dropout {
    fn apply(&self, pass: Pass, from: &Buffer, to: &mut Buffer, add: bool) {
        let len = pass.batch * self.len;
        if !pass.training {
            return self.gpu.pass_on(from, to, len, add);
        }
        let scale = if self.rate < 1.0 { (1.0 / (1.0 - self.rate)) as f32 } else { 0.0 };
        let threshold = (self.rate.clamp(0.0, 1.0) * 4_294_967_296.0) as usize;
        let (size, channels) = self.channels.map_or((0, 0), |c| (self.len, c));
        let key = key(pass.stream, self.node) as usize;
        let n = [len, half(self.gpu.format()), add as usize, key, threshold, size, channels];
        self.gpu.run("dropout", len, &[from.address(), to.address()], &n, &[scale]);
    }
}

/// Returns the number that all factors of one layer in one step are drawn from.
fn key(stream: Stream, node: usize) -> u64 {
    stream.named("dropout").numbered(node as u64).rng().next_u64()
}

impl Layer for Dropout {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        self.apply(pass, inputs[0], out, false);
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        self.apply(b.pass, b.grad, sink.buffer, sink.add);
    }
}
