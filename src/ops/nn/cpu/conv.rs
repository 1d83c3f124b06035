//! Two-dimensional convolution: windows as a matrix, tile by tile, and a matrix product.
//!
//! The gradient by the input is a convolution with the flipped kernel at stride 1, and windows added back (col2im) otherwise;
//! the gradient by the weight is a product of windows and output gradients, summed over groups of examples in a fixed order.

use super::gemm::{Matrix, gemm, turn};
use super::layer::{Backward, Layer, Saved};
use super::parallel::{add_to_rows, column_sums, take, with_scratch};
use super::winograd;
use crate::ops::nn::spec::{Conv, Geometry, Pass};
use rayon::prelude::*;

/// Groups of examples whose weight gradients are summed apart; at most, and at least.
const GROUPS: (usize, usize) = (2, 16);
/// Numbers that all partial weight gradients together may have.
const PARTIALS: usize = 1 << 24;
/// Windows of a tile below which copies of the weight, made for each tile, take a noticeable part of a product, and the number of tiles that a batch is
/// at least split into before they become this many.
const FEW: usize = 256;
const SPLIT: usize = 8;
/// Tasks that a batch of small images is split into where windows are added back.
const IMAGES: usize = 8;
/// Numbers that one task of adding partial gradients covers.
const PIECE: usize = 1 << 14;

impl Layer for Conv {
    fn scratch(&self, batch: usize) -> usize {
        let g = &self.geometry;
        let len = g.depth() * g.n;
        if winograd::suits(g, batch) {
            let back = len + winograd::scratch(&g.back(), batch);
            return back.max(winograd::weight_scratch(g, batch, PARTIALS));
        }
        len * batch.div_ceil(images_apart(len, batch))
    }

    fn saved(&self, batch: usize) -> usize {
        winograd::scratch(&self.geometry, batch)
    }

    fn forward(&self, pass: Pass, state: &mut [Vec<f32>], inputs: &[&[f32]], out: &mut [f32], saved: &mut Saved) {
        let g = &self.geometry;
        let bias = if self.bias { &state[1][..] } else { &[] };
        let scratch = take(&mut saved.numbers, winograd::scratch(g, pass.batch));
        convolve(g, inputs[0], &state[0], bias, out, false, scratch);
    }

    fn backward(&self, b: Backward) {
        let g = &self.geometry;
        let batch = b.pass.batch;
        let (x, dy) = (b.inputs[0], b.grad);
        if let [weight, bias @ ..] = b.grad_state {
            grad_weight(g, batch, x, dy, weight, b.work);
            if let [bias] = bias {
                column_sums(dy, g.n, bias);
            }
        }
        let Some(sink) = &mut b.sinks[0] else { return };
        let weight = &b.state[0];
        let reach = g.dilation * (g.kernel - 1);
        if g.stride == 1 && reach >= g.pad {
            let back = g.back();
            let (flipped, scratch) = take(b.work, weight.len() + winograd::scratch(&back, batch)).split_at_mut(weight.len());
            flip(g, weight, flipped);
            convolve(&back, dy, flipped, &[], sink.out, sink.add, scratch);
        } else {
            let turned = take(b.work, weight.len());
            transpose(g, weight, turned);
            scatter_back(g, dy, turned, sink.out, sink.add);
        }
    }
}

/// Writes, or adds, the convolution of a batch; `scratch` has [`winograd::scratch`] numbers.
pub(super) fn convolve(g: &Geometry, x: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32], add: bool, scratch: &mut [f32]) {
    if winograd::suits(g, out.len() / (g.windows() * g.n)) {
        return winograd::convolve(g, x, weight, bias, out, add, scratch);
    }
    let (depth, cg, ng) = (g.depth(), g.group_in(), g.group_out());
    let tile = g.tile().max(FEW.min(out.len() / g.n / SPLIT));
    out.par_chunks_mut(tile * g.n).enumerate().for_each(|(i, out)| {
        let (start, count) = (i * tile, out.len() / g.n);
        for group in 0..g.groups {
            let w = Matrix::rows(&weight[group * depth * ng..][..depth * ng], ng);
            let out = &mut out[group * ng..];
            if g.pointwise() {
                let windows = Matrix::rows(&x[start * g.c + group * cg..], g.c);
                gemm((count, ng, depth), out, g.n, windows, w, add);
            } else {
                with_scratch(count * depth, |cols| {
                    g.gather(x, start, group, cols);
                    gemm((count, ng, depth), out, g.n, Matrix::rows(cols, depth), w, add);
                });
            }
        }
        if !bias.is_empty() {
            add_to_rows(out, bias);
        }
    });
}

/// Returns of how many images each partial gradient of a weight of `len` numbers is the sum.
fn images_apart(len: usize, batch: usize) -> usize {
    batch.div_ceil((PARTIALS / len.max(1)).clamp(GROUPS.0, GROUPS.1)).max(1)
}

/// Writes the gradient by the weight.
pub(super) fn grad_weight(g: &Geometry, batch: usize, x: &[f32], dy: &[f32], out: &mut [f32], work: &mut Vec<f32>) {
    if winograd::suits(g, batch) {
        let scratch = take(work, winograd::weight_scratch(g, batch, PARTIALS));
        return winograd::grad_weight(g, batch, x, dy, out, scratch, PARTIALS);
    }
    let (tile, depth, cg, ng) = (g.tile().max(FEW), g.depth(), g.group_in(), g.group_out());
    let len = out.len();
    let each = images_apart(len, batch) * g.windows();
    let all = batch * g.windows();
    let parts = all.div_ceil(each);
    let partials = take(work, parts * len);
    partials.par_chunks_mut(len).enumerate().for_each(|(i, partial)| {
        let mut start = i * each;
        let end = all.min(start + each);
        let mut add = false;
        while start < end {
            let count = tile.min(end - start);
            for group in 0..g.groups {
                let dy = Matrix::rows(&dy[start * g.n + group * ng..], g.n);
                let partial = &mut partial[group * depth * ng..][..depth * ng];
                if g.pointwise() {
                    let windows = Matrix::rows(&x[start * g.c + group * cg..], g.c);
                    gemm((depth, ng, count), partial, ng, windows.t(), dy, add);
                } else {
                    with_scratch(count * depth, |cols| {
                        g.gather(x, start, group, cols);
                        gemm((depth, ng, count), partial, ng, Matrix::rows(cols, depth).t(), dy, add);
                    });
                }
            }
            start += count;
            add = true;
        }
    });
    let partials = &*partials;
    out.par_chunks_mut(PIECE).enumerate().for_each(|(i, out)| {
        let at = i * PIECE;
        out.copy_from_slice(&partials[at..at + out.len()]);
        for part in 1..parts {
            let from = &partials[part * len + at..][..out.len()];
            out.iter_mut().zip(from).for_each(|(o, p)| *o += p);
        }
    });
}

/// Writes, or adds, the gradient by the input: a product over the windows of a few images, each then added back to where it came from.
pub(super) fn scatter_back(g: &Geometry, dy: &[f32], turned: &[f32], dx: &mut [f32], add: bool) {
    let (depth, ng, windows, size) = (g.depth(), g.group_out(), g.windows(), g.h * g.w * g.c);
    // Several whole images where they have few windows, tiles of one otherwise.
    let tile = g.tile();
    let batch = dx.len() / size.max(1);
    let images = (tile / windows.max(1)).min(batch.div_ceil(IMAGES)).max(1);
    dx.par_chunks_mut(images * size).zip(dy.par_chunks(images * windows * g.n)).for_each(|(dx, dy)| {
        if !add {
            dx.fill(0.0);
        }
        let all = dx.len() / size * windows;
        let tile = if images > 1 { all } else { tile };
        for group in 0..g.groups {
            let w = Matrix::rows(&turned[group * depth * ng..][..depth * ng], depth);
            for start in (0..all).step_by(tile) {
                let count = tile.min(all - start);
                with_scratch(count * depth, |cols| {
                    gemm((count, depth, ng), cols, depth, Matrix::rows(&dy[start * g.n + group * ng..], g.n), w, false);
                    g.scatter(cols, start, group, dx);
                });
            }
        }
    });
}

/// Writes the kernel turned by 180 degrees with input and output channels exchanged.
fn flip(g: &Geometry, weight: &[f32], out: &mut [f32]) {
    let (places, cg, ng) = (g.kernel * g.kernel, g.group_in(), g.group_out());
    let block = cg * ng;
    out.par_chunks_mut(block).enumerate().for_each(|(i, out)| {
        let (group, place) = (i / places, i % places);
        let from = &weight[(group * places + places - 1 - place) * block..][..block];
        turn(from, cg, ng, out);
    });
}

/// Writes the transposed weight matrix of each group.
pub(super) fn transpose(g: &Geometry, weight: &[f32], out: &mut [f32]) {
    let (depth, ng) = (g.depth(), g.group_out());
    out.par_chunks_mut(depth * ng).zip(weight.par_chunks(depth * ng)).for_each(|(out, from)| turn(from, depth, ng, out));
}
