//! Larger images: positions repeated, or interpolated between their centres.

use super::layer::{Backward, Layer, Saved};
use crate::ops::nn::spec::{Pass, Upsample};
use rayon::prelude::*;

impl Upsample {
    fn sizes(&self) -> (usize, usize) {
        let input = self.h * self.w * self.c;
        (input, input * self.factor * self.factor)
    }
}

impl Layer for Upsample {
    fn forward(&self, _pass: Pass, _state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], _saved: &mut Saved) {
        let (small, large) = self.sizes();
        let c = self.c;
        out.par_chunks_mut(large).zip(inputs[0].par_chunks(small)).for_each(|(out, x)| {
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
        sink.out.par_chunks_mut(small).zip(b.grad.par_chunks(large)).for_each(|(dx, dy)| {
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
