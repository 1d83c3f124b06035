//! Scaled dot-product attention (Vaswani et al. 2017), and the softmax by itself.

use super::functions::{dot, softmax, softmax_gradient};
use super::gemm::{Matrix, gemm};
use super::layer::{Backward, Layer, Saved};
use super::parallel::with_scratch;
use crate::ops::nn::spec::{Attention, Pass, Softmax};
use rayon::prelude::*;

impl Attention {
    /// Returns queries, keys and values of a head in one example.
    fn parts<'a>(&self, x: &'a [f32], head: usize) -> [Matrix<'a>; 3] {
        let (c, d) = (self.features, self.features / self.heads);
        [0, 1, 2].map(|part| Matrix::rows(&x[part * c + head * d..], 3 * c))
    }

    /// Writes the weights of attention: tokens x tokens.
    fn weights(&self, queries: Matrix, keys: Matrix, out: &mut [f32]) {
        let (n, d) = (self.tokens, self.features / self.heads);
        let scale = 1.0 / (d as f32).sqrt();
        gemm((n, n, d), out, n, queries, keys.t(), false);
        for (i, row) in out.chunks_exact_mut(n).enumerate() {
            let seen = if self.causal { i + 1 } else { n };
            softmax(&mut row[..seen], scale);
            row[seen..].fill(0.0);
        }
    }
}

impl Layer for Attention {
    fn forward(&self, _pass: Pass, _state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], _saved: &mut Saved) {
        let (n, c, d) = (self.tokens, self.features, self.features / self.heads);
        out.par_chunks_mut(n * c).zip(inputs[0].par_chunks(n * 3 * c)).for_each(|(out, x)| {
            with_scratch(n * n, |weights| {
                for head in 0..self.heads {
                    let [queries, keys, values] = self.parts(x, head);
                    self.weights(queries, keys, weights);
                    gemm((n, d, n), &mut out[head * d..], c, Matrix::rows(weights, n), values, false);
                }
            });
        });
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let (n, c, d) = (self.tokens, self.features, self.features / self.heads);
        let (x, dy, add) = (b.inputs[0], b.grad, sink.add);
        let scale = 1.0 / (d as f32).sqrt();
        sink.out.par_chunks_mut(n * 3 * c).zip(x.par_chunks(n * 3 * c)).zip(dy.par_chunks(n * c)).for_each(|((dx, x), dy)| {
            with_scratch(2 * n * n, |scratch| {
                let (weights, grads) = scratch.split_at_mut(n * n);
                for head in 0..self.heads {
                    let [queries, keys, values] = self.parts(x, head);
                    let dy = Matrix::rows(&dy[head * d..], c);
                    self.weights(queries, keys, weights);
                    let at = |part: usize| part * c + head * d;
                    gemm((n, d, n), &mut dx[at(2)..], 3 * c, Matrix::rows(weights, n).t(), dy, add);
                    gemm((n, n, d), grads, n, dy, values.t(), false);
                    for (grads, weights) in grads.chunks_exact_mut(n).zip(weights.chunks_exact(n)) {
                        softmax_gradient(weights, grads, scale);
                    }
                    gemm((n, d, n), &mut dx[at(0)..], 3 * c, Matrix::rows(grads, n), keys, add);
                    gemm((n, d, n), &mut dx[at(1)..], 3 * c, Matrix::rows(grads, n).t(), queries, add);
                }
            });
        });
    }
}

/// Rows of one task.
const ROWS: usize = 64;

impl Layer for Softmax {
    fn forward(&self, _pass: Pass, _state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], _saved: &mut Saved) {
        let c = self.features;
        out.par_chunks_mut(ROWS * c).zip(inputs[0].par_chunks(ROWS * c)).for_each(|(out, x)| {
            out.copy_from_slice(x);
            out.chunks_exact_mut(c).for_each(|row| softmax(row, 1.0));
        });
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let (c, y, dy, add) = (self.features, b.output, b.grad, sink.add);
        sink.out.par_chunks_mut(ROWS * c).zip(y.par_chunks(ROWS * c)).zip(dy.par_chunks(ROWS * c)).for_each(|((dx, y), dy)| {
            for ((dx, y), dy) in dx.chunks_exact_mut(c).zip(y.chunks_exact(c)).zip(dy.chunks_exact(c)) {
                let mean = dot(y, dy);
                for ((o, y), d) in dx.iter_mut().zip(y).zip(dy) {
                    let value = y * (d - mean);
                    *o = if add { *o + value } else { value };
                }
            }
        });
    }
}
