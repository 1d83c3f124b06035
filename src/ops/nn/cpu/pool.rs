//! Pooling: maxima and means over windows, and the mean over all positions.

use super::layer::{Backward, Layer, Saved};
use crate::ops::nn::spec::{AvgPool, GlobalMean, MaxPool, Pass, Windows};
use rayon::prelude::*;
use std::ops::Range;

impl Windows {
    fn input(&self) -> usize {
        self.h * self.w * self.c
    }

    fn output(&self) -> usize {
        self.oh * self.ow * self.c
    }

    /// Returns the rows and columns of the image that a window covers.
    fn window(&self, place: usize) -> (Range<usize>, Range<usize>) {
        let span = |at: usize, size: usize| {
            let start = at * self.stride;
            start.saturating_sub(self.pad)..(start + self.kernel).saturating_sub(self.pad).min(size)
        };
        (span(place / self.ow, self.h), span(place % self.ow, self.w))
    }
}

impl Layer for MaxPool {
    fn saved(&self, batch: usize) -> usize {
        batch * self.0.output()
    }

    fn forward(&self, _pass: Pass, _state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], saved: &mut Saved) {
        let g = &self.0;
        saved.indices.resize(saved.indices.len().max(out.len()), 0);
        let indices = saved.indices[..out.len()].par_chunks_mut(g.output());
        out.par_chunks_mut(g.output()).zip(inputs[0].par_chunks(g.input())).zip(indices).for_each(|((out, x), indices)| {
            for (place, (out, indices)) in out.chunks_exact_mut(g.c).zip(indices.chunks_exact_mut(g.c)).enumerate() {
                let (ys, xs) = g.window(place);
                out.fill(f32::NEG_INFINITY);
                let mut first = true;
                for y in ys {
                    for xx in xs.clone() {
                        let at = (y * g.w + xx) * g.c;
                        for (c, ((o, i), v)) in out.iter_mut().zip(indices.iter_mut()).zip(&x[at..at + g.c]).enumerate() {
                            // NaN is carried on, as a diverged network must show.
                            if first || *v > *o || v.is_nan() {
                                *o = *v;
                                *i = (at + c) as u32;
                            }
                        }
                        first = false;
                    }
                }
            }
        });
    }

    fn backward(&self, b: Backward) {
        let g = &self.0;
        let Some(sink) = &mut b.sinks[0] else { return };
        let add = sink.add;
        let dy = b.grad;
        let indices = &b.saved.indices[..dy.len()];
        let images = sink.out.par_chunks_mut(g.input()).zip(dy.par_chunks(g.output()));
        images.zip(indices.par_chunks(g.output())).for_each(|((dx, dy), indices)| {
            if !add {
                dx.fill(0.0);
            }
            dy.iter().zip(indices).for_each(|(d, i)| dx[*i as usize] += d);
        });
    }
}

impl Layer for AvgPool {
    fn forward(&self, _pass: Pass, _state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], _saved: &mut Saved) {
        let g = &self.0;
        let scale = 1.0 / (g.kernel * g.kernel) as f32;
        out.par_chunks_mut(g.output()).zip(inputs[0].par_chunks(g.input())).for_each(|(out, x)| {
            for (place, out) in out.chunks_exact_mut(g.c).enumerate() {
                let (ys, xs) = g.window(place);
                out.fill(0.0);
                for y in ys {
                    for xx in xs.clone() {
                        out.iter_mut().zip(&x[(y * g.w + xx) * g.c..]).for_each(|(o, v)| *o += v);
                    }
                }
                out.iter_mut().for_each(|o| *o *= scale);
            }
        });
    }

    fn backward(&self, b: Backward) {
        let g = &self.0;
        let Some(sink) = &mut b.sinks[0] else { return };
        let add = sink.add;
        let scale = 1.0 / (g.kernel * g.kernel) as f32;
        sink.out.par_chunks_mut(g.input()).zip(b.grad.par_chunks(g.output())).for_each(|(dx, dy)| {
            if !add {
                dx.fill(0.0);
            }
            for (place, dy) in dy.chunks_exact(g.c).enumerate() {
                let (ys, xs) = g.window(place);
                for y in ys {
                    for xx in xs.clone() {
                        dx[(y * g.w + xx) * g.c..].iter_mut().zip(dy).for_each(|(o, d)| *o += d * scale);
                    }
                }
            }
        });
    }
}

impl Layer for GlobalMean {
    fn forward(&self, _pass: Pass, _state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], _saved: &mut Saved) {
        let size = self.positions * self.c;
        let scale = 1.0 / self.positions as f32;
        out.par_chunks_mut(self.c).zip(inputs[0].par_chunks(size)).for_each(|(out, x)| {
            out.fill(0.0);
            for row in x.chunks_exact(self.c) {
                out.iter_mut().zip(row).for_each(|(o, v)| *o += v);
            }
            out.iter_mut().for_each(|o| *o *= scale);
        });
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let (add, size) = (sink.add, self.positions * self.c);
        let scale = 1.0 / self.positions as f32;
        sink.out.par_chunks_mut(size).zip(b.grad.par_chunks(self.c)).for_each(|(dx, dy)| {
            for row in dx.chunks_exact_mut(self.c) {
                row.iter_mut().zip(dy).for_each(|(o, d)| *o = if add { *o + d * scale } else { d * scale });
            }
        });
    }
}
