//! Group normalisation (Wu & He 2018).

use super::layer::{Backward, Layer, Saved};
use super::parallel::{column_sums, take};
use crate::ops::nn::spec::{GroupNorm, Pass};
use rayon::prelude::*;

impl GroupNorm {
    /// Returns the channels of one group.
    fn width(&self) -> usize {
        self.features / self.groups
    }
}

impl Layer for GroupNorm {
    fn forward(&self, pass: Pass, state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], saved: &mut Saved) {
        let (c, width, size) = (self.features, self.width(), self.positions * self.features);
        let numbers = 2 * self.groups;
        saved.numbers.resize(saved.numbers.len().max(pass.batch * numbers), 0.0);
        let (scale, shift) = (&state[0][..], &state[1][..]);
        let examples = out.par_chunks_mut(size).zip(inputs[0].par_chunks(size));
        examples.zip(saved.numbers.par_chunks_mut(numbers)).for_each(|((out, x), saved)| {
            let count = (self.positions * width) as f64;
            for group in 0..self.groups {
                let channels = group * width..(group + 1) * width;
                let values = || x.chunks_exact(c).flat_map(|row| row[channels.clone()].iter());
                let mean = values().map(|x| *x as f64).sum::<f64>() / count;
                let var = values().map(|x| (*x as f64 - mean).powi(2)).sum::<f64>() / count;
                let (mean, inverse) = (mean as f32, (1.0 / (var + self.eps).sqrt()) as f32);
                (saved[2 * group], saved[2 * group + 1]) = (mean, inverse);
                let affine = || scale[channels.clone()].iter().zip(&shift[channels.clone()]);
                for (out, x) in out.chunks_exact_mut(c).zip(x.chunks_exact(c)) {
                    let row = out[channels.clone()].iter_mut().zip(&x[channels.clone()]);
                    row.zip(affine()).for_each(|((o, x), (a, b))| *o = (x - mean) * inverse * a + b);
                }
            }
        });
    }

    fn backward(&self, b: Backward) {
        let (c, width, size) = (self.features, self.width(), self.positions * self.features);
        let batch = b.pass.batch;
        let (x, dy) = (b.inputs[0], b.grad);
        let saved = &b.saved.numbers[..batch * 2 * self.groups];
        // For each example and channel: the sum of output gradients, and of their products with the normalised input.
        let sums = take(b.work, batch * 2 * c);
        let examples = sums.par_chunks_mut(2 * c).zip(x.par_chunks(size)).zip(dy.par_chunks(size));
        examples.zip(saved.par_chunks(2 * self.groups)).for_each(|(((sums, x), dy), saved)| {
            sums.fill(0.0);
            let (plain, product) = sums.split_at_mut(c);
            for (x, dy) in x.chunks_exact(c).zip(dy.chunks_exact(c)) {
                for (i, (x, d)) in x.iter().zip(dy).enumerate() {
                    let group = i / width;
                    plain[i] += d;
                    product[i] += d * (x - saved[2 * group]) * saved[2 * group + 1];
                }
            }
        });
        let sums = &*sums;
        if let [scale, shift] = b.grad_state {
            let mut all = vec![0f32; 2 * c];
            column_sums(sums, 2 * c, &mut all);
            shift.copy_from_slice(&all[..c]);
            scale.copy_from_slice(&all[c..]);
        }
        let Some(sink) = &mut b.sinks[0] else { return };
        let add = sink.add;
        let scale = &b.state[0];
        let count = (self.positions * width) as f32;
        let examples = sink.out.par_chunks_mut(size).zip(x.par_chunks(size)).zip(dy.par_chunks(size));
        examples.zip(sums.par_chunks(2 * c)).zip(saved.par_chunks(2 * self.groups)).for_each(|((((dx, x), dy), sums), saved)| {
            for group in 0..self.groups {
                let channels = group * width..(group + 1) * width;
                let of = |sums: &[f32]| {
                    let products = scale[channels.clone()].iter().zip(&sums[channels.clone()]);
                    products.map(|(a, s)| a * s).sum::<f32>() / count
                };
                let (plain, product) = (of(&sums[..c]), of(&sums[c..]));
                let (mean, inverse) = (saved[2 * group], saved[2 * group + 1]);
                for ((dx, x), dy) in dx.chunks_exact_mut(c).zip(x.chunks_exact(c)).zip(dy.chunks_exact(c)) {
                    let row = dx[channels.clone()].iter_mut().zip(&x[channels.clone()]).zip(&dy[channels.clone()]);
                    for (((o, x), d), a) in row.zip(&scale[channels.clone()]) {
                        let value = inverse * (d * a - plain - (x - mean) * inverse * product);
                        *o = if add { *o + value } else { value };
                    }
                }
            }
        });
    }
}
