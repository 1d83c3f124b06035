//! Long short-term memory (Hochreiter & Schmidhuber 1997; with forget gates, Gers et al. 2000), as PyTorch has it.
//!
//! The input's part of all gates is one matrix product over all tokens. Examples do not depend on each other, so each task takes a few of them
//! through all tokens, one product of hidden states with the recurrent weights a token.

use super::functions::{sigmoid, tanh, wide};
use super::gemm::{Matrix, gemm, long_product, long_product_scratch, product, product_turned, turn};
use super::layer::{Backward, Layer, Saved};
use super::parallel::{column_sums, take};
use crate::ops::nn::spec::{Lstm, Pass};
use rayon::prelude::*;

/// Columns of a strip of the turned recurrent weights: few examples go through them token by token, so that they are read where they lie.
const STRIP: usize = 64;
/// Tasks that a batch is split into, and the most examples of one.
const TASKS: usize = 4;
const EXAMPLES: usize = 16;

impl Lstm {
    /// Returns the number of examples of one task.
    fn each(&self, batch: usize) -> usize {
        batch.div_ceil(TASKS).clamp(1, EXAMPLES)
    }
}

impl Layer for Lstm {
    fn scratch(&self, batch: usize) -> usize {
        let (rows, d, h, g) = (batch * self.tokens, self.input, self.hidden, 4 * self.hidden);
        let products = long_product_scratch((d, g, rows)).max(long_product_scratch((h, g, rows)));
        rows * (g + h) + products.max(d.max(h) * g)
    }

    /// Saves the gates after their functions, then the cells.
    fn forward(&self, pass: Pass, state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], saved: &mut Saved) {
        let (n, d, h) = (self.tokens, self.input, self.hidden);
        let (rows, g) = (pass.batch * n, 4 * h);
        let x = inputs[0];
        saved.numbers.resize(saved.numbers.len().max(rows * 5 * h), 0.0);
        let (gates, cells) = saved.numbers[..rows * 5 * h].split_at_mut(rows * g);
        let (from_input, recurrent) = (&state[0][..], Matrix::rows(&state[1][..], g));
        let bias: Vec<f32> = state[2].iter().zip(&state[3]).map(|(a, b)| a + b).collect();
        product((rows, g, d), gates, Matrix::rows(x, d), |cols| Matrix::rows(&from_input[cols.start..], g), &bias, false);
        let each = self.each(pass.batch) * n;
        let zeros = vec![0f32; h];
        let tasks = gates.par_chunks_mut(each * g).zip(cells.par_chunks_mut(each * h)).zip(out.par_chunks_mut(each * h));
        tasks.for_each(|((gates, cells), out)| {
            let count = out.len() / (n * h);
            for t in 0..n {
                if t > 0 {
                    let before = Matrix::rows(&out[(t - 1) * h..], n * h);
                    gemm((count, g, h), &mut gates[t * g..], n * g, before, recurrent, true);
                }
                for i in 0..count {
                    let row = i * n + t;
                    let (earlier, now) = cells.split_at_mut(row * h);
                    let before = if t > 0 { &earlier[(row - 1) * h..] } else { &zeros[..] };
                    step(&mut gates[row * g..][..g], &before[..h], &mut now[..h], &mut out[row * h..][..h]);
                }
            }
        });
    }

    fn backward(&self, b: Backward) {
        let (n, d, h) = (self.tokens, self.input, self.hidden);
        let batch = b.pass.batch;
        let (rows, g) = (batch * n, 4 * h);
        let (x, y, dy) = (b.inputs[0], b.output, b.grad);
        let (gates, cells) = b.saved.numbers[..rows * 5 * h].split_at(rows * g);
        // Gradients by the gates before their functions; hidden states one token late, zeros at the first.
        let (grads, rest) = take(b.work, self.scratch(batch)).split_at_mut(rows * g);
        let (late, scratch) = rest.split_at_mut(rows * h);
        let recurrent = &mut scratch[..h * g];
        recurrent.par_chunks_mut(STRIP * g).zip(b.state[1].par_chunks(STRIP * g)).for_each(|(out, weight)| {
            turn(weight, weight.len() / g, g, out);
        });
        let recurrent = &*recurrent;
        let each = self.each(batch) * n;
        let zeros = vec![0f32; h];
        let tasks = grads.par_chunks_mut(each * g).zip(gates.par_chunks(each * g)).zip(cells.par_chunks(each * h));
        tasks.zip(dy.par_chunks(each * h)).for_each(|(((grads, gates), cells), dy)| {
            let count = dy.len() / (n * h);
            let mut by_hidden = vec![0f32; count * h];
            let mut by_cell = vec![0f32; count * h];
            for t in (0..n).rev() {
                if t + 1 < n {
                    let after = Matrix::rows(&grads[(t + 1) * g..], n * g);
                    for (i, strip) in recurrent.chunks(STRIP * g).enumerate() {
                        let width = strip.len() / g;
                        gemm((count, width, g), &mut by_hidden[i * STRIP..], h, after, Matrix::rows(strip, width), false);
                    }
                }
                for i in 0..count {
                    let row = i * n + t;
                    let before = if t > 0 { &cells[(row - 1) * h..] } else { &zeros[..] };
                    let known = Known { gates: &gates[row * g..][..g], cells: &cells[row * h..][..h], before: &before[..h] };
                    let by_output = (&dy[row * h..][..h], &by_hidden[i * h..][..h]);
                    step_back(known, by_output, &mut by_cell[i * h..][..h], &mut grads[row * g..][..g]);
                }
            }
        });
        let grads = &*grads;
        if let [by_input, by_hidden, bias, second] = b.grad_state {
            late.par_chunks_mut(n * h).zip(y.par_chunks(n * h)).for_each(|(late, y)| {
                late[..h].fill(0.0);
                late[h..].copy_from_slice(&y[..(n - 1) * h]);
            });
            long_product((d, g, rows), by_input, x, grads, scratch);
            long_product((h, g, rows), by_hidden, late, grads, scratch);
            column_sums(grads, g, bias);
            second.copy_from_slice(bias);
        }
        let Some(sink) = &mut b.sinks[0] else { return };
        product_turned((rows, d, g), sink.out, grads, &b.state[0], sink.add, scratch);
    }
}

wide! {
    /// Applies the gates' functions, and writes the cells and hidden states of one example at one token.
    fn step(gates: &mut [f32], before: &[f32], cells: &mut [f32], out: &mut [f32]) {
        let h = out.len();
        let (input, rest) = gates.split_at_mut(h);
        let (forget, rest) = rest.split_at_mut(h);
        let (fresh, output) = rest.split_at_mut(h);
        let (output, before, cells) = (&mut output[..h], &before[..h], &mut cells[..h]);
        for j in 0..h {
            input[j] = sigmoid(input[j]);
            forget[j] = sigmoid(forget[j]);
            fresh[j] = tanh(fresh[j]);
            output[j] = sigmoid(output[j]);
        }
        for j in 0..h {
            cells[j] = forget[j] * before[j] + input[j] * fresh[j];
            out[j] = output[j] * tanh(cells[j]);
        }
    }
}

/// What the forward pass left of one example at one token.
#[derive(Clone, Copy)]
struct Known<'a> {
    gates: &'a [f32],
    cells: &'a [f32],
    before: &'a [f32],
}

wide! {
    /// Writes the gradients by the gates before their functions, and takes the gradient by the cells one token back. The gradient by the hidden
    /// states is the sum of two.
    fn step_back(known: Known, by_output: (&[f32], &[f32]), by_cell: &mut [f32], grads: &mut [f32]) {
        let h = by_cell.len();
        let Known { gates, cells, before } = known;
        let (i, f, g, o) = (&gates[..h], &gates[h..2 * h], &gates[2 * h..3 * h], &gates[3 * h..4 * h]);
        let (cells, before, first, second) = (&cells[..h], &before[..h], &by_output.0[..h], &by_output.1[..h]);
        let (by_input, rest) = grads.split_at_mut(h);
        let (by_forget, rest) = rest.split_at_mut(h);
        let (by_fresh, by_out) = rest.split_at_mut(h);
        let by_out = &mut by_out[..h];
        for j in 0..h {
            let tan = tanh(cells[j]);
            let hidden = first[j] + second[j];
            let cell = by_cell[j] + hidden * o[j] * (1.0 - tan * tan);
            by_input[j] = cell * g[j] * i[j] * (1.0 - i[j]);
            by_forget[j] = cell * before[j] * f[j] * (1.0 - f[j]);
            by_fresh[j] = cell * i[j] * (1.0 - g[j] * g[j]);
            by_out[j] = hidden * tan * o[j] * (1.0 - o[j]);
            by_cell[j] = cell * f[j];
        }
    }
}
