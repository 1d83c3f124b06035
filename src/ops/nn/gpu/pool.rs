//! Pooling, the mean over all positions, and larger images.

use super::accelerator::Format;
use super::work::{Gpu, half, kept};
use crate::ops::nn::buffer::Buffer;
use crate::ops::nn::cpu::{pool, upsample};
use crate::ops::nn::layer::{Backward, Layer, Pass, Saved};

/// Returns the sizes that all kernels of windows take.
fn sizes(w: &pool::Windows, count: usize, gpu: &Gpu, add: bool) -> [usize; 11] {
    [count, w.h, w.w, w.c, w.oh, w.ow, w.kernel, w.stride, w.pad, half(gpu.format()), add as usize]
}

/// Maximum over windows.
pub struct MaxPool {
    pub of: pool::MaxPool,
    pub gpu: Gpu,
}

impl Layer for MaxPool {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, saved: &mut Saved) {
        let w = &self.of.0;
        let count = pass.batch * w.oh * w.ow * w.c;
        let places = self.gpu.saved(saved, 0, Format::F32, count);
        let n = sizes(w, count, &self.gpu, false);
        self.gpu.run("max_pool", count, &[inputs[0].address(), out.address(), places], &n, &[]);
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let w = &self.of.0;
        let count = b.pass.batch * w.h * w.w * w.c;
        let n = sizes(w, count, &self.gpu, sink.add);
        self.gpu.run("max_pool_back", count, &[kept(b.saved, 0), b.grad.address(), sink.buffer.address()], &n, &[]);
    }
}

/// Mean over windows.
pub struct AvgPool {
    pub of: pool::AvgPool,
    pub gpu: Gpu,
}

impl AvgPool {
    fn scale(&self) -> f32 {
        1.0 / (self.of.0.kernel * self.of.0.kernel) as f32
    }
}

impl Layer for AvgPool {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let w = &self.of.0;
        let count = pass.batch * w.oh * w.ow * w.c;
        let n = sizes(w, count, &self.gpu, false);
        self.gpu.run("avg_pool", count, &[inputs[0].address(), out.address()], &n, &[self.scale()]);
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let w = &self.of.0;
        let count = b.pass.batch * w.h * w.w * w.c;
        let n = sizes(w, count, &self.gpu, sink.add);
        self.gpu.run("avg_pool_back", count, &[b.grad.address(), sink.buffer.address()], &n, &[self.scale()]);
    }
}

/// Mean over all positions.
pub struct GlobalMean {
    pub of: pool::GlobalMean,
    pub gpu: Gpu,
}

impl Layer for GlobalMean {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let count = pass.batch * self.of.c;
        let n = [count, self.of.positions, self.of.c, half(self.gpu.format())];
        self.gpu.run("global_mean", count, &[inputs[0].address(), out.address()], &n, &[]);
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let (p, c, format) = (self.of.positions, self.of.c, self.gpu.format());
        let from = (b.grad.address(), format, [0, c, 0, 1]);
        let to = (sink.buffer.address(), format, [0, p * c, c, 1]);
        self.gpu.copy4(from, to, [1, b.pass.batch, p, c], 1.0 / p as f32, sink.add);
    }
}

/// Larger images.
pub struct Upsample {
    pub of: upsample::Upsample,
    pub gpu: Gpu,
}

impl Upsample {
    fn sizes(&self, count: usize, add: bool) -> [usize; 8] {
        let g = &self.of;
        [count, g.h, g.w, g.c, g.factor, g.bilinear as usize, half(self.gpu.format()), add as usize]
    }
}

impl Layer for Upsample {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let g = &self.of;
        let count = pass.batch * g.h * g.w * g.c * g.factor * g.factor;
        self.gpu.run("upsample", count, &[inputs[0].address(), out.address()], &self.sizes(count, false), &[]);
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let g = &self.of;
        let count = b.pass.batch * g.h * g.w * g.c;
        self.gpu.run("upsample_back", count, &[b.grad.address(), sink.buffer.address()], &self.sizes(count, sink.add), &[]);
    }
}
