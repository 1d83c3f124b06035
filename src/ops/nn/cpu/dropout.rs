//! Dropout (Srivastava et al. 2014), drawn from the stream of the step.

use super::parallel::{map1, map2};
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
        let stream = pass.stream.named("dropout").numbered(self.node as u64);
        let scale = if self.rate < 1.0 { (1.0 / (1.0 - self.rate)) as f32 } else { 0.0 };
        let threshold = (self.rate.clamp(0.0, 1.0) * 4_294_967_296.0) as u64;
        saved.numbers[..len].par_chunks_mut(PIECE).enumerate().for_each(|(i, mask)| {
            let mut rng = stream.numbered(i as u64).rng();
            mask.iter_mut().for_each(|m| *m = if (rng.next_u32() as u64) < threshold { 0.0 } else { scale });
        });
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
