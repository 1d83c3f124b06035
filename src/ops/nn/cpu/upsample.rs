//! Larger images: positions repeated, or interpolated between their centres.

use crate::ops::nn::buffer::Buffer;
use crate::ops::nn::layer::{Backward, Layer, Pass, Saved};
use rayon::prelude::*;

/// An image `factor` times as high and wide.
#[derive(Clone, Copy, Debug)]
pub struct Upsample {
    /// Input height.
    pub h: usize,
    /// Input width.
    pub w: usize,
    /// Channels.
    pub c: usize,
    /// How many times as high and wide.
    pub factor: usize,
    /// Whether to interpolate.
    pub bilinear: bool,
}

/// Two input places and the weight of the second.
type Between = (usize, usize, f32);

impl Upsample {
    /// Returns, for each output place along an axis, where it comes from: with s = (i + 1/2) / factor - 1/2, not below 0, places floor(s) and the next one.
    fn axis(&self, size: usize) -> Vec<Between> {
        (0..size * self.factor)
            .map(|i| {
                if !self.bilinear {
                    return (i / self.factor, i / self.factor, 0.0);
                }
                let s = ((i as f64 + 0.5) / self.factor as f64 - 0.5).max(0.0);
                let low = (s.floor() as usize).min(size - 1);
                (low, (low + 1).min(size - 1), (s - low as f64) as f32)
            })
            .collect()
    }

    /// Calls `f` with each output place and its four input places with their weights.
    pub fn each(&self, mut f: impl FnMut(usize, [(usize, f32); 4])) {
        let (ys, xs) = (self.axis(self.h), self.axis(self.w));
        for (y, (y0, y1, ty)) in ys.iter().enumerate() {
            for (x, (x0, x1, tx)) in xs.iter().enumerate() {
                let from = [
                    (y0 * self.w + x0, (1.0 - ty) * (1.0 - tx)),
                    (y0 * self.w + x1, (1.0 - ty) * tx),
                    (y1 * self.w + x0, ty * (1.0 - tx)),
                    (y1 * self.w + x1, ty * tx),
                ];
                f(y * xs.len() + x, from);
            }
        }
    }

    fn sizes(&self) -> (usize, usize) {
        let input = self.h * self.w * self.c;
        (input, input * self.factor * self.factor)
    }
}

impl Layer for Upsample {
    fn forward(&self, pass: Pass, _state: &mut [Buffer], inputs: &[&Buffer], out: &mut Buffer, _saved: &mut Saved) {
        let (small, large) = self.sizes();
        let c = self.c;
        let x = &inputs[0].host()[..pass.batch * small];
        out.host_mut()[..pass.batch * large].par_chunks_mut(large).zip(x.par_chunks(small)).for_each(|(out, x)| {
            self.each(|place, from| {
                let out = &mut out[place * c..][..c];
                if !self.bilinear {
                    out.copy_from_slice(&x[from[0].0 * c..][..c]);
                    return;
                }
                out.fill(0.0);
                for (at, weight) in from.into_iter().filter(|f| f.1 != 0.0) {
                    out.iter_mut().zip(&x[at * c..]).for_each(|(o, x)| *o += weight * x);
                }
            });
        });
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let (small, large) = self.sizes();
        let (add, c) = (sink.add, self.c);
        let dy = &b.grad.host()[..b.pass.batch * large];
        let dx = &mut sink.buffer.host_mut()[..b.pass.batch * small];
        dx.par_chunks_mut(small).zip(dy.par_chunks(large)).for_each(|(dx, dy)| {
            if !add {
                dx.fill(0.0);
            }
            self.each(|place, from| {
                let dy = &dy[place * c..][..c];
                for (at, weight) in from.into_iter().filter(|f| f.1 != 0.0) {
                    dx[at * c..].iter_mut().zip(dy).for_each(|(o, d)| *o += weight * d);
                }
            });
        });
    }
}
