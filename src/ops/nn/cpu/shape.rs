//! Layers that bring images together: sums, concatenation, and the shortcut without parameters.

use super::layer::{Backward, Layer, Saved};
use super::parallel::{map1, map2};
use crate::ops::nn::spec::{Add, Concat, Pass, Reshape, SubsamplePad};
use rayon::prelude::*;

impl Layer for Add {
    fn forward(&self, _pass: Pass, _state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], _saved: &mut Saved) {
        match inputs {
            [a, b, rest @ ..] => {
                map2(out, a, b, false, |a, b| a + b);
                rest.iter().for_each(|x| map1(out, x, true, |x| x));
            }
            [a] => map1(out, a, false, |x| x),
            [] => out.fill(0.0),
        }
    }

    fn backward(&self, b: Backward) {
        for sink in b.sinks.iter_mut().flatten() {
            map1(sink.out, b.grad, sink.add, |d| d);
        }
    }
}

impl Layer for Concat {
    fn forward(&self, _pass: Pass, _state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], _saved: &mut Saved) {
        let total: usize = self.widths.iter().sum();
        out.par_chunks_mut(total).enumerate().for_each(|(row, out)| {
            let mut at = 0;
            for (x, width) in inputs.iter().zip(&self.widths) {
                out[at..at + width].copy_from_slice(&x[row * width..][..*width]);
                at += width;
            }
        });
    }

    fn backward(&self, b: Backward) {
        let total: usize = self.widths.iter().sum();
        let dy = b.grad;
        let mut at = 0;
        for (sink, width) in b.sinks.iter_mut().zip(&self.widths) {
            if let Some(sink) = sink {
                let add = sink.add;
                sink.out.par_chunks_mut(*width).zip(dy.par_chunks(total)).for_each(|(dx, dy)| {
                    dx.iter_mut().zip(&dy[at..]).for_each(|(o, d)| *o = if add { *o + d } else { *d });
                });
            }
            at += width;
        }
    }
}

impl Reshape {
    /// Calls `f` with each output place and the input place that its number comes from.
    fn each(&self, mut f: impl FnMut(usize, usize)) {
        let ((p, c), (q, k)) = (self.from, self.to);
        (0..q * k).for_each(|i| f(i % q * k + i / q, i % p * c + i / p));
    }
}

impl Layer for Reshape {
    fn forward(&self, _pass: Pass, _state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], _saved: &mut Saved) {
        let size = self.from.0 * self.from.1;
        out.par_chunks_mut(size).zip(inputs[0].par_chunks(size)).for_each(|(out, x)| self.each(|to, from| out[to] = x[from]));
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let (add, size) = (sink.add, self.from.0 * self.from.1);
        sink.out.par_chunks_mut(size).zip(b.grad.par_chunks(size)).for_each(|(dx, dy)| {
            self.each(|to, from| dx[from] = if add { dx[from] + dy[to] } else { dy[to] });
        });
    }
}

impl SubsamplePad {
    /// Returns the first output channel that carries an input channel.
    fn low(&self) -> usize {
        (self.n - self.c) / 2
    }

    fn source(&self, place: usize) -> usize {
        ((place / self.ow * self.stride) * self.w + place % self.ow * self.stride) * self.c
    }
}

impl Layer for SubsamplePad {
    fn forward(&self, _pass: Pass, _state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], _saved: &mut Saved) {
        let (input, output) = (self.h * self.w * self.c, self.oh * self.ow * self.n);
        out.par_chunks_mut(output).zip(inputs[0].par_chunks(input)).for_each(|(out, x)| {
            out.fill(0.0);
            for (place, out) in out.chunks_exact_mut(self.n).enumerate() {
                out[self.low()..self.low() + self.c].copy_from_slice(&x[self.source(place)..][..self.c]);
            }
        });
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let add = sink.add;
        let (input, output) = (self.h * self.w * self.c, self.oh * self.ow * self.n);
        sink.out.par_chunks_mut(input).zip(b.grad.par_chunks(output)).for_each(|(dx, dy)| {
            if !add {
                dx.fill(0.0);
            }
            for (place, dy) in dy.chunks_exact(self.n).enumerate() {
                let to = &mut dx[self.source(place)..][..self.c];
                to.iter_mut().zip(&dy[self.low()..]).for_each(|(o, d)| *o += d);
            }
        });
    }
}
