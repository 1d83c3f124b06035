//! Layer normalisation over the last axis (Ba et al. 2016).

use super::functions::{sum64, wide};
use super::layer::{Backward, Layer, Saved};
use super::parallel::{reduce_rows, rows_per_piece};
use crate::ops::nn::spec::{LayerNorm, Pass};
use rayon::prelude::*;

impl Layer for LayerNorm {
    fn forward(&self, _pass: Pass, state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], saved: &mut Saved) {
        let (c, x) = (self.features, inputs[0]);
        let rows = x.len() / c;
        saved.numbers.resize(saved.numbers.len().max(2 * rows), 0.0);
        let each = rows_per_piece(c);
        let (scale, shift) = (&state[0][..], &state[1][..]);
        let pieces = out.par_chunks_mut(each * c).zip(x.par_chunks(each * c));
        pieces.zip(saved.numbers[..2 * rows].par_chunks_mut(2 * each)).for_each(|((out, x), saved)| {
            for ((out, x), saved) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)).zip(saved.chunks_exact_mut(2)) {
                normalise(x, (scale, shift), self.eps, saved, out);
            }
        });
    }

    fn backward(&self, b: Backward) {
        let (c, x, dy) = (self.features, b.inputs[0], b.grad);
        let rows = x.len() / c;
        let saved = &b.saved.numbers[..2 * rows];
        if let [scale, shift] = b.grad_state {
            let sums = reduce_rows(rows, c, 2 * c, |range, partial| {
                let (s, p) = partial.split_at_mut(c);
                for i in range {
                    let (m, r) = (saved[2 * i], saved[2 * i + 1]);
                    let row = x[i * c..][..c].iter().zip(&dy[i * c..][..c]);
                    row.zip(s.iter_mut().zip(p.iter_mut())).for_each(|((x, d), (s, p))| {
                        *s += d;
                        *p += d * (x - m) * r;
                    });
                }
            });
            for i in 0..c {
                shift[i] = sums[i] as f32;
                scale[i] = sums[c + i] as f32;
            }
        }
        let Some(sink) = &mut b.sinks[0] else { return };
        let add = sink.add;
        let scale = &b.state[0];
        let each = rows_per_piece(c);
        sink.out.par_chunks_mut(each * c).enumerate().for_each(|(piece, dx)| {
            for (i, dx) in dx.chunks_exact_mut(c).enumerate() {
                let row = piece * each + i;
                let (m, r) = (saved[2 * row], saved[2 * row + 1]);
                gradient((&x[row * c..][..c], &dy[row * c..][..c]), scale, (m, r), dx, add);
            }
        });
    }
}

wide! {
    /// Writes a normalised row, and what it was normalised with: mean and inverse deviation.
    fn normalise(x: &[f32], affine: (&[f32], &[f32]), eps: f64, saved: &mut [f32], out: &mut [f32]) {
        let c = x.len();
        let mean = sum64(c, |i| x[i] as f64) / c as f64;
        let var = sum64(c, |i| (x[i] as f64 - mean) * (x[i] as f64 - mean)) / c as f64;
        let (mean, inverse) = (mean as f32, (1.0 / (var + eps).sqrt()) as f32);
        (saved[0], saved[1]) = (mean, inverse);
        let row = out.iter_mut().zip(x).zip(affine.0.iter().zip(affine.1));
        row.for_each(|((o, x), (a, b))| *o = (x - mean) * inverse * a + b);
    }
}

wide! {
    /// Writes, or adds, the gradient by a row from the row, the gradient by its output, and its mean and inverse deviation.
    fn gradient(row: (&[f32], &[f32]), scale: &[f32], moments: (f32, f32), dx: &mut [f32], add: bool) {
        let ((x, dy), (m, r), c) = (row, moments, dx.len());
        let (x, dy, scale) = (&x[..c], &dy[..c], &scale[..c]);
        let sum = (sum64(c, |i| (dy[i] * scale[i]) as f64) / c as f64) as f32;
        let product = (sum64(c, |i| (dy[i] * scale[i] * (x[i] - m) * r) as f64) / c as f64) as f32;
        for (((o, x), d), a) in dx.iter_mut().zip(x).zip(dy).zip(scale) {
            let value = r * (d * a - sum - (x - m) * r * product);
            *o = if add { *o + value } else { value };
        }
    }
}
