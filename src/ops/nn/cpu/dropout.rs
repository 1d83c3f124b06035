//! Dropout (Srivastava et al. 2014), of numbers and of whole channels (Tompson et al. 2015), drawn from the stream of the step.

use super::layer::{Backward, Layer, Saved};
use super::parallel::map1;
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

    fn forward(&self, pass: Pass, _state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], saved: &mut Saved) {
        let channels = pass.batch * self.c;
        let x = inputs[0];
        if !pass.training {
            map1(out, x, false, |x| x);
            return;
        }
        saved.numbers.resize(saved.numbers.len().max(channels), 0.0);
        draw(&mut saved.numbers[..channels], self.rate, pass.stream, self.node);
        self.apply(x, &saved.numbers[..channels], out, false);
    }

    fn backward(&self, b: Backward) {
        let channels = b.pass.batch * self.c;
        let Some(sink) = &mut b.sinks[0] else { return };
        if b.pass.training {
            self.apply(b.grad, &b.saved.numbers[..channels], sink.out, sink.add);
        } else {
            map1(sink.out, b.grad, sink.add, |d| d);
        }
    }
}
