//! Dropout (Srivastava et al. 2014), of numbers and of whole channels (Tompson et al. 2015), drawn from the stream of the step.

use super::layer::{Backward, Layer, Saved};
use super::parallel::map1;
use crate::ops::nn::buffer::Buffer;
use crate::ops::nn::masks::draw;
use crate::ops::nn::spec::{Dropout, Pass};
use rayon::prelude::*;

impl Dropout {
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

impl Layer for Dropout {
    fn saved(&self, batch: usize) -> usize {
        batch * self.c
    }

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
