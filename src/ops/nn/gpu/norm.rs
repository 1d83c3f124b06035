//! Normalisations: of batches, with the shortcut and the ReLU that may follow, and of each example.

use super::accelerator::Format;
use super::work::{Gpu, Slot, half, kept, side_by_side};
use crate::ops::nn::buffer::Buffer;
use crate::ops::nn::cpu::BatchNorm as Sizes;
use crate::ops::nn::layer::{Backward, Layer, Parameter, Pass, Saved, scale_and_shift};

/// Batch normalisation.
pub struct BatchNorm {
    pub of: Sizes,
    pub gpu: Gpu,
}

impl Layer for BatchNorm {
    fn parameters(&self) -> Vec<Parameter> {
        self.of.parameters()
    }

    fn forward(&self, pass: Pass, state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, saved: &mut Saved) {
        let (gpu, c, half) = (&self.gpu, self.of.features, half(self.gpu.format()));
        let (count, each) = (pass.batch * self.of.positions, side_by_side(c));
        let x = inputs[0].address();
        let statistics = gpu.saved(saved, 0, Format::F32, 2 * c);
        let (mean, var) = (state[2].address(), state[3].address());
        if pass.training {
            let rows = gpu.rows_a_chunk(count, c, each);
            let chunks = count.div_ceil(rows);
            let partial = gpu.scratch(Slot::Partial, Format::F32, chunks * 2 * c);
            gpu.run("moments", chunks * c / each, &[x, partial], &[count, c, rows, half, each], &[]);
            let f = [self.of.momentum as f32, self.of.eps as f32];
            gpu.run_wide("normalise_by", c, &[partial, statistics, mean, var], &[count, c, rows], &f);
        } else {
            gpu.run("normalise_fixed", c, &[statistics, mean, var], &[c], &[self.of.eps as f32]);
        }
        let other = if self.of.residual { inputs[1].address() } else { 0 };
        let p = [x, statistics, state[0].address(), state[1].address(), other, out.address()];
        gpu.run("batch_norm", count * c / each, &p, &[count * c, c, half, self.of.relu as usize, each], &[]);
    }

    fn backward(&self, b: Backward) {
        let (gpu, c, half) = (&self.gpu, self.of.features, half(self.gpu.format()));
        let (count, each) = (b.pass.batch * self.of.positions, side_by_side(c));
        let relu = self.of.relu as usize;
        let statistics = kept(b.saved, 0);
        let (x, y, dy) = (b.inputs[0].address(), b.output.address(), b.grad.address());
        let rows = gpu.rows_a_chunk(count, c, each);
        let chunks = count.div_ceil(rows);
        let partial = gpu.scratch(Slot::Partial, Format::F32, chunks * 2 * c);
        let n = [count, c, rows, half, relu, each];
        gpu.run("batch_norm_sums", chunks * c / each, &[x, y, dy, statistics, partial], &n, &[]);
        let (scale, shift) = match b.grad_state {
            [scale, shift, ..] => (scale.address(), shift.address()),
            _ => (0, 0),
        };
        let coefficients = gpu.scratch(Slot::Sums, Format::F32, 3 * c);
        let p = [partial, statistics, b.state[0].address(), scale, shift, coefficients];
        gpu.run_wide("batch_norm_coefficients", c, &p, &[count, c, rows, b.pass.training as usize], &[]);
        let sink = |at: usize| b.sinks.get(at).and_then(|s| s.as_ref()).map_or((0, false), |s| (s.buffer.address(), s.add));
        let ((dx, add), (other, add_other)) = (sink(0), sink(1));
        if dx != 0 || other != 0 {
            let n = [count * c, c, each, half, relu, add as usize, add_other as usize];
            gpu.run("batch_norm_back", count * c / each, &[x, y, dy, statistics, coefficients, dx, other], &n, &[]);
        }
    }
}

/// Normalisation of each example over positions and the channels of a group; layer normalisation has one group and one position a row.
pub struct GroupNorm {
    pub positions: usize,
    pub features: usize,
    pub groups: usize,
    pub eps: f64,
    /// Rows of an example that are normalised apart.
    pub apart: usize,
    pub gpu: Gpu,
}

impl Layer for GroupNorm {
    fn parameters(&self) -> Vec<Parameter> {
        scale_and_shift(self.features)
    }

    fn forward(&self, pass: Pass, state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, saved: &mut Saved) {
        let count = pass.batch * self.apart * self.groups;
        let statistics = self.gpu.saved(saved, 0, Format::F32, 2 * count);
        let n = [count, self.positions, self.features, self.groups, half(self.gpu.format())];
        let p = [inputs[0].address(), state[0].address(), state[1].address(), out.address(), statistics];
        self.gpu.run_wide("group_norm", count, &p, &n, &[self.eps as f32]);
    }

    fn backward(&self, b: Backward) {
        let (gpu, c, half) = (&self.gpu, self.features, half(self.gpu.format()));
        let (x, dy, statistics) = (b.inputs[0].address(), b.grad.address(), kept(b.saved, 0));
        if let [scale, shift] = b.grad_state {
            let all = b.pass.batch * self.apart * self.positions;
            let rows = gpu.rows_a_chunk(all, c, 1);
            let chunks = all.div_ceil(rows);
            let partial = gpu.scratch(Slot::Partial, Format::F32, chunks * 2 * c);
            let n = [all, self.positions, c, self.groups, rows, half];
            gpu.run("group_norm_sums", chunks * c, &[x, dy, statistics, partial], &n, &[]);
            gpu.fold(partial, chunks, 2 * c, (scale.address(), c), shift.address());
        }
        let Some(sink) = &mut b.sinks[0] else { return };
        let count = b.pass.batch * self.apart * self.groups;
        let n = [count, self.positions, c, self.groups, half, sink.add as usize];
        let p = [x, b.state[0].address(), dy, sink.buffer.address(), statistics];
        gpu.run_wide("group_norm_back", count, &p, &n, &[]);
    }
}
