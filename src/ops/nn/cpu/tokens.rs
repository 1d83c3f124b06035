//! Layers of tokens: a learned token, learned places, one token of several, tokens and features exchanged, words as vectors.

use super::layer::{Backward, Layer, Saved};
use super::parallel::map1;
use crate::ops::nn::spec::{ClassToken, Embedding, Pass, PositionEmbedding, Token, Transpose};
use rayon::prelude::*;

/// Numbers of one task of a sum over examples.
const PIECE: usize = 1 << 12;
/// Words of one task of an embedding's gradient.
const WORDS: usize = 256;

/// Writes the sums over examples of the front of each.
fn sum_over_examples(dy: &[f32], size: usize, out: &mut [f32]) {
    out.par_chunks_mut(PIECE).enumerate().for_each(|(i, out)| {
        out.fill(0.0);
        for dy in dy.chunks_exact(size) {
            out.iter_mut().zip(&dy[i * PIECE..]).for_each(|(o, d)| *o += d);
        }
    });
}

/// Writes, or adds, the transpose of a matrix.
fn transpose(from: &[f32], rows: usize, cols: usize, out: &mut [f32], add: bool) {
    const BLOCK: usize = 16;
    for r0 in (0..rows).step_by(BLOCK) {
        let r1 = rows.min(r0 + BLOCK);
        for (c, out) in out.chunks_exact_mut(rows).enumerate() {
            for (r, o) in out[r0..r1].iter_mut().enumerate() {
                let value = from[(r0 + r) * cols + c];
                *o = if add { *o + value } else { value };
            }
        }
    }
}

impl Layer for Transpose {
    fn forward(&self, _pass: Pass, _state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], _saved: &mut Saved) {
        let size = self.rows * self.cols;
        out.par_chunks_mut(size)
            .zip(inputs[0].par_chunks(size))
            .for_each(|(out, x)| transpose(x, self.rows, self.cols, out, false));
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let (add, size) = (sink.add, self.rows * self.cols);
        sink.out
            .par_chunks_mut(size)
            .zip(b.grad.par_chunks(size))
            .for_each(|(dx, dy)| transpose(dy, self.cols, self.rows, dx, add));
    }
}

impl Layer for ClassToken {
    fn forward(&self, _pass: Pass, state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], _saved: &mut Saved) {
        let (c, size) = (self.features, self.tokens * self.features);
        let token = &state[0];
        out.par_chunks_mut(size + c).zip(inputs[0].par_chunks(size)).for_each(|(out, x)| {
            out[..c].copy_from_slice(token);
            out[c..].copy_from_slice(x);
        });
    }

    fn backward(&self, b: Backward) {
        let (c, size) = (self.features, self.tokens * self.features);
        let dy = b.grad;
        if let [token] = b.grad_state {
            sum_over_examples(dy, size + c, token);
        }
        let Some(sink) = &mut b.sinks[0] else { return };
        let add = sink.add;
        sink.out.par_chunks_mut(size).zip(dy.par_chunks(size + c)).for_each(|(dx, dy)| {
            dx.iter_mut().zip(&dy[c..]).for_each(|(o, d)| *o = if add { *o + d } else { *d });
        });
    }
}

impl Layer for PositionEmbedding {
    fn forward(&self, _pass: Pass, state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], _saved: &mut Saved) {
        let size = self.tokens * self.features;
        let place = &state[0];
        out.par_chunks_mut(size).zip(inputs[0].par_chunks(size)).for_each(|(out, x)| {
            out.iter_mut().zip(x).zip(place).for_each(|((o, x), p)| *o = x + p);
        });
    }

    fn backward(&self, b: Backward) {
        let size = self.tokens * self.features;
        let dy = b.grad;
        if let [place] = b.grad_state {
            sum_over_examples(dy, size, place);
        }
        let Some(sink) = &mut b.sinks[0] else { return };
        map1(sink.out, dy, sink.add, |d| d);
    }
}

impl Layer for Token {
    fn forward(&self, _pass: Pass, _state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], _saved: &mut Saved) {
        let (c, size) = (self.features, self.tokens * self.features);
        let rows = inputs[0].chunks_exact(size);
        let out = out.chunks_exact_mut(c);
        out.zip(rows).for_each(|(out, x)| out.copy_from_slice(&x[self.index * c..][..c]));
    }

    fn backward(&self, b: Backward) {
        let Some(sink) = &mut b.sinks[0] else { return };
        let (c, size) = (self.features, self.tokens * self.features);
        let add = sink.add;
        sink.out.par_chunks_mut(size).zip(b.grad.par_chunks(c)).for_each(|(dx, dy)| {
            if !add {
                dx.fill(0.0);
            }
            dx[self.index * c..].iter_mut().zip(dy).for_each(|(o, d)| *o += d);
        });
    }
}

impl Embedding {
    /// Returns the row of a word; what is no word's number, which data are checked for, counts as the nearest one.
    fn row(&self, word: f32) -> usize {
        (word as usize).min(self.words - 1)
    }
}

impl Layer for Embedding {
    fn forward(&self, _pass: Pass, state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], _saved: &mut Saved) {
        let c = self.features;
        let weight = &state[0];
        let rows = out.par_chunks_mut(c).zip(inputs[0].par_iter()).with_min_len(64);
        rows.for_each(|(out, word)| out.copy_from_slice(&weight[self.row(*word) * c..][..c]));
    }

    fn backward(&self, b: Backward) {
        let c = self.features;
        if let [weight] = b.grad_state {
            weight.par_chunks_mut(WORDS * c).enumerate().for_each(|(i, out)| {
                out.fill(0.0);
                let own = i * WORDS..i * WORDS + out.len() / c;
                for (word, dy) in b.inputs[0].iter().zip(b.grad.chunks_exact(c)) {
                    let word = self.row(*word);
                    if own.contains(&word) {
                        out[(word - own.start) * c..].iter_mut().zip(dy).for_each(|(o, d)| *o += d);
                    }
                }
            });
        }
        // A word's number is no quantity: the gradient by it is 0.
        let Some(sink) = &mut b.sinks[0] else { return };
        if !sink.add {
            sink.out.fill(0.0);
        }
    }
}
