//! Dropout (Srivastava et al. 2014), of numbers and of whole channels (Tompson et al. 2015), drawn from the stream of the step.

use super::parallel::{map1, map2};
use crate::base::Stream;
use crate::ops::nn::buffer::Buffer;
use crate::ops::nn::layer::{Backward, Layer, Pass, Saved};
use rand::Rng;
use rayon::prelude::*;

/// Numbers drawn from one stream.
const PIECE: usize = 1 << 14;

/// Sets numbers to zero with probability `rate` in training and scales the others by 1 / (1 - rate).
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    /// Numbers in one example.
    pub len: usize,
    /// Probability of a zero.
    pub rate: f64,
    /// Number that tells this layer's stream from those of others.
    pub node: usize,
}

impl Layer for Dropout {
    fn saved(&self, batch: usize) -> usize {
        batch * self.len
    }

    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, saved: &mut Saved) {
        let len = pass.batch * self.len;
        let (x, out) = (&inputs[0].host()[..len], &mut out.host_mut()[..len]);
        if !pass.training {
            map1(out, x, false, |x| x);
            return;
        }
        saved.numbers.resize(saved.numbers.len().max(len), 0.0);
        draw(&mut saved.numbers[..len], self.rate, pass.stream, self.node);
        map2(out, x, &saved.numbers[..len], false, |x, m| x * m);
    }

    fn backward(&self, b: Backward) {
        let len = b.pass.batch * self.len;
        let Some(sink) = &mut b.sinks[0] else { return };
        let add = sink.add;
        let dx = &mut sink.buffer.host_mut()[..len];
        if b.pass.training {
            map2(dx, &b.grad.host()[..len], &b.saved.numbers[..len], add, |d, m| d * m);
        } else {
            map1(dx, &b.grad.host()[..len], add, |d| d);
        }
    }
}

/// Draws factors: 0 with probability `rate`, else 1 / (1 - rate). Layers of other devices take the same.
pub fn draw(mask: &mut [f32], rate: f64, stream: Stream, node: usize) {
    let stream = stream.named("dropout").numbered(node as u64);
    let scale = if rate < 1.0 { (1.0 / (1.0 - rate)) as f32 } else { 0.0 };
    let threshold = (rate.clamp(0.0, 1.0) * 4_294_967_296.0) as u64;
    mask.par_chunks_mut(PIECE).enumerate().for_each(|(i, mask)| {
        let mut rng = stream.numbered(i as u64).rng();
        mask.iter_mut().for_each(|m| *m = if (rng.next_u32() as u64) < threshold { 0.0 } else { scale });
    });
}

/// Sets channels of an example to zero with probability `rate` in training and scales the others by 1 / (1 - rate).
#[derive(Clone, Copy, Debug)]
pub struct DropoutChannels {
    /// Positions in one example.
    pub positions: usize,
    /// Channels.
    pub c: usize,
    /// Probability of a zero.
    pub rate: f64,
    /// Number that tells this layer's stream from those of others.
    pub node: usize,
}

impl DropoutChannels {
    /// Writes, or adds, numbers times the factor of their example and channel.
    fn apply(&self, from: &[f32], mask: &[f32], out: &mut [f32], add: bool) {
        let size = self.positions * self.c;
        let examples = out.par_chunks_mut(size).zip(from.par_chunks(size));
        examples.zip(mask.par_chunks(self.c)).for_each(|((out, x), mask)| {
            for (out, x) in out.chunks_exact_mut(self.c).zip(x.chunks_exact(self.c)) {
                let row = out.iter_mut().zip(x).zip(mask);
                row.for_each(|((o, x), m)| *o = if add { *o + x * m } else { x * m });
            }
        });
    }
}

impl Layer for DropoutChannels {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, saved: &mut Saved) {
        let (len, channels) = (pass.batch * self.positions * self.c, pass.batch * self.c);
        let (x, out) = (&inputs[0].host()[..len], &mut out.host_mut()[..len]);
        if !pass.training {
            map1(out, x, false, |x| x);
            return;
        }
        saved.numbers.resize(saved.numbers.len().max(channels), 0.0);
        draw(&mut saved.numbers[..channels], self.rate, pass.stream, self.node);
        self.apply(x, &saved.numbers[..channels], out, false);
    }

    fn backward(&self, b: Backward) {
        let (len, channels) = (b.pass.batch * self.positions * self.c, b.pass.batch * self.c);
        let Some(sink) = &mut b.sinks[0] else { return };
        let (dx, dy) = (&mut sink.buffer.host_mut()[..len], &b.grad.host()[..len]);
        if b.pass.training {
            self.apply(dy, &b.saved.numbers[..channels], dx, sink.add);
        } else {
            map1(dx, dy, sink.add, |d| d);
        }
    }
}
