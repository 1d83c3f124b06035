//! Batch normalisation (Ioffe & Szegedy 2015), with the addition of a shortcut and the ReLU that may follow it in the same sweep.

use super::layer::{Backward, Layer, Saved};
use super::parallel::{reduce_rows, rows_per_piece};
use crate::ops::nn::spec::{BatchNorm, Pass};
use rayon::prelude::*;

impl Layer for BatchNorm {
    fn forward(&self, pass: Pass, state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], saved: &mut Saved) {
        let (c, x) = (self.features, inputs[0]);
        saved.numbers.resize(2 * c, 0.0);
        if pass.training {
            let (mean, var) = moments(x, c);
            let rows = (x.len() / c) as f64;
            let unbiased = if rows > 1.0 { rows / (rows - 1.0) } else { 1.0 };
            let keep = 1.0 - self.momentum;
            for (i, m) in mean.iter().enumerate() {
                let running = &mut state[2][i];
                *running = (keep * *running as f64 + self.momentum * m) as f32;
                let running = &mut state[3][i];
                *running = (keep * *running as f64 + self.momentum * var[i] * unbiased) as f32;
                saved.numbers[i] = *m as f32;
                saved.numbers[c + i] = (1.0 / (var[i] + self.eps).sqrt()) as f32;
            }
        } else {
            for i in 0..c {
                saved.numbers[i] = state[2][i];
                saved.numbers[c + i] = (1.0 / (state[3][i] as f64 + self.eps).sqrt()) as f32;
            }
        }
        let (mean, inverse) = saved.numbers.split_at(c);
        let factor: Vec<f32> = inverse.iter().zip(&state[0]).map(|(i, s)| i * s).collect();
        let shift = &state[1];
        let each = rows_per_piece(c) * c;
        let floor = if self.relu { 0.0 } else { f32::NEG_INFINITY };
        let line = |out: &mut [f32], x: &[f32]| {
            let affine = mean.iter().zip(&factor).zip(shift);
            out.iter_mut().zip(x).zip(affine).for_each(|((o, x), ((m, f), s))| *o = at_least((x - m) * f + s, floor));
        };
        if self.residual {
            let other = inputs[1];
            out.par_chunks_mut(each).zip(x.par_chunks(each)).zip(other.par_chunks(each)).for_each(|((out, x), r)| {
                for ((out, x), r) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)).zip(r.chunks_exact(c)) {
                    let affine = mean.iter().zip(&factor).zip(shift);
                    out.iter_mut()
                        .zip(x)
                        .zip(r)
                        .zip(affine)
                        .for_each(|(((o, x), r), ((m, f), s))| *o = at_least((x - m) * f + s + r, floor));
                }
            });
        } else {
            out.par_chunks_mut(each).zip(x.par_chunks(each)).for_each(|(out, x)| {
                out.chunks_exact_mut(c).zip(x.chunks_exact(c)).for_each(|(out, x)| line(out, x));
            });
        }
    }

    fn backward(&self, b: Backward) {
        let (c, x, y, dy) = (self.features, b.inputs[0], b.output, b.grad);
        let rows = x.len() / c;
        let (mean, inverse) = b.saved.numbers.split_at(c);
        // A negative floor lets every gradient through where there is no ReLU.
        let floor = if self.relu { 0.0 } else { f32::NEG_INFINITY };
        let masked = |d: f32, y: f32| if y <= floor { 0.0 } else { d };

        let (mut sum, mut product) = (vec![0f64; c], vec![0f64; c]);
        if b.pass.training || !b.grad_state.is_empty() {
            let sums = reduce_rows(rows, c, 2 * c, |range, partial| {
                let (s, p) = partial.split_at_mut(c);
                let range = range.start * c..range.end * c;
                let rows = x[range.clone()].chunks_exact(c).zip(y[range.clone()].chunks_exact(c)).zip(dy[range].chunks_exact(c));
                for ((x, y), dy) in rows {
                    let sums = s.iter_mut().zip(p.iter_mut()).zip(mean);
                    x.iter().zip(y).zip(dy).zip(sums).for_each(|(((x, y), dy), ((s, p), m))| {
                        let d = masked(*dy, *y);
                        *s += d;
                        *p += d * (x - m);
                    });
                }
            });
            sum.copy_from_slice(&sums[..c]);
            product.copy_from_slice(&sums[c..]);
        }
        if let [scale, shift, ..] = b.grad_state {
            for i in 0..c {
                scale[i] = (product[i] * inverse[i] as f64) as f32;
                shift[i] = sum[i] as f32;
            }
        }

        let each = rows_per_piece(c) * c;
        let factor: Vec<f32> = inverse.iter().zip(&b.state[0]).map(|(i, s)| i * s).collect();
        if let Some(sink) = &mut b.sinks[0] {
            // dx = factor (d - sum / n - (x - mean) inverse^2 product / n) = factor d + slope (x - mean) + level
            let n = rows as f64;
            let coefficient = |at: f64| if b.pass.training { at / n } else { 0.0 };
            let slope: Vec<f32> =
                (0..c).map(|i| (-(factor[i] as f64) * (inverse[i] as f64).powi(2) * coefficient(product[i])) as f32).collect();
            let level: Vec<f32> = (0..c).map(|i| (-(factor[i] as f64) * coefficient(sum[i])) as f32).collect();
            let add = sink.add;
            sink.out.par_chunks_mut(each).zip(x.par_chunks(each)).zip(y.par_chunks(each)).zip(dy.par_chunks(each)).for_each(
                |(((dx, x), y), dy)| {
                    let rows = dx.chunks_exact_mut(c).zip(x.chunks_exact(c)).zip(y.chunks_exact(c)).zip(dy.chunks_exact(c));
                    for (((dx, x), y), dy) in rows {
                        let channel = factor.iter().zip(&slope).zip(&level).zip(mean);
                        let numbers = dx.iter_mut().zip(x).zip(y).zip(dy).zip(channel);
                        if add {
                            numbers.for_each(|((((o, x), y), d), (((f, s), l), m))| *o += f * masked(*d, *y) + (s * (x - m) + l));
                        } else {
                            numbers.for_each(|((((o, x), y), d), (((f, s), l), m))| *o = f * masked(*d, *y) + (s * (x - m) + l));
                        }
                    }
                },
            );
        }
        if let Some(Some(sink)) = b.sinks.get_mut(1) {
            let add = sink.add;
            super::parallel::map2(sink.out, dy, y, add, masked);
        }
    }
}

/// Returns the larger number; unlike `f32::max` it carries NaN on, as a diverged network must show.
fn at_least(x: f32, floor: f32) -> f32 {
    if x < floor { floor } else { x }
}

/// Returns mean and biased variance of each column: sums of squared deviations piece by piece, merged in order (Chan et al. 1979).
pub fn moments(x: &[f32], c: usize) -> (Vec<f64>, Vec<f64>) {
    let each = rows_per_piece(c);
    let pieces = x.len().div_ceil(each * c);
    let mut partials = vec![0f32; pieces * 2 * c];
    partials.par_chunks_mut(2 * c).zip(x.par_chunks(each * c)).for_each(|(partial, x)| {
        let (mean, square) = partial.split_at_mut(c);
        // Relative to the first row, so that a mean far from zero costs no digits.
        let first = &x[..c];
        for row in x.chunks_exact(c) {
            mean.iter_mut().zip(row).zip(first).for_each(|((m, x), f)| *m += x - f);
        }
        let scale = c as f32 / x.len() as f32;
        mean.iter_mut().zip(first).for_each(|(m, f)| *m = *m * scale + f);
        for row in x.chunks_exact(c) {
            square.iter_mut().zip(row).zip(mean.iter()).for_each(|((q, x), m)| *q += (x - m) * (x - m));
        }
    });
    let (mut mean, mut square, mut count) = (vec![0f64; c], vec![0f64; c], 0f64);
    for (i, partial) in partials.chunks_exact(2 * c).enumerate() {
        let n = (each.min(x.len() / c - i * each)) as f64;
        let total = count + n;
        for j in 0..c {
            let delta = partial[j] as f64 - mean[j];
            mean[j] += delta * n / total;
            square[j] += partial[c + j] as f64 + delta * delta * count * n / total;
        }
        count = total;
    }
    square.iter_mut().for_each(|q| *q /= count.max(1.0));
    (mean, square)
}
