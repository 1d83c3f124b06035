//! Layers that bring images together: sums, concatenation, and the shortcut without parameters.

use super::layer::{Backward, Layer, Saved};
use super::parallel::{map1, map2};
use crate::ops::nn::buffer::Buffer;
use crate::ops::nn::spec::{Add, Concat, Pass, Reshape, SubsamplePad};
use rayon::prelude::*;

impl Layer for Add {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let len = pass.batch * self.len;
        let out = &mut out.host_mut()[..len];
        match inputs {
            [a, b, rest @ ..] => {
                map2(out, &a.host()[..len], &b.host()[..len], false, |a, b| a + b);
                rest.iter().for_each(|x| map1(out, &x.host()[..len], true, |x| x));
            }
            [a] => map1(out, &a.host()[..len], false, |x| x),
            [] => out.fill(0.0),
        }
    }

    fn backward(&self, b: Backward) {
        let len = b.pass.batch * self.len;
        for sink in b.sinks.iter_mut().flatten() {
            map1(&mut sink.buffer.host_mut()[..len], &b.grad.host()[..len], sink.add, |d| d);
        }
    }
}

impl Layer for Concat {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let total: usize = self.widths.iter().sum();
        let out = &mut out.host_mut()[..pass.batch * self.positions * total];
        out.par_chunks_mut(total).enumerate().for_each(|(row, out)| {
            let mut at = 0;
            for (x, width) in inputs.iter().zip(&self.widths) {
                out[at..at + width].copy_from_slice(&x.host()[row * width..][..*width]);
                at += width;
            }
        });
    }

    fn backward(&self, b: Backward) {
        let total: usize = self.widths.iter().sum();
        let dy = &b.grad.host()[..b.pass.batch * self.positions * total];
        let mut at = 0;
        for (sink, width) in b.sinks.iter_mut().zip(&self.widths) {
            if let Some(sink) = sink {
                let add = sink.add;
                let dx = &mut sink.buffer.host_mut()[..b.pass.batch * self.positions * width];
                dx.par_chunks_mut(*width).zip(dy.par_chunks(total)).for_each(|(dx, dy)| {
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
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let size = self.from.0 * self.from.1;
        let x = &inputs[0].host()[..pass.batch * size];
        let out = &mut out.host_mut()[..pass.batch * size];
        out.par_chunks_mut(size).zip(x.par_chunks(size)).for_each(|(out, x)| self.each(|to, from| out[to] = x[from]));
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let (add, size) = (sink.add, self.from.0 * self.from.1);
        let dx = &mut sink.buffer.host_mut()[..b.pass.batch * size];
        dx.par_chunks_mut(size).zip(b.grad.host().par_chunks(size)).for_each(|(dx, dy)| {
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
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let (input, output) = (self.h * self.w * self.c, self.oh * self.ow * self.n);
        let x = &inputs[0].host()[..pass.batch * input];
        out.host_mut()[..pass.batch * output].par_chunks_mut(output).zip(x.par_chunks(input)).for_each(|(out, x)| {
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
        let dx = &mut sink.buffer.host_mut()[..b.pass.batch * input];
        dx.par_chunks_mut(input).zip(b.grad.host().par_chunks(output)).for_each(|(dx, dy)| {
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
