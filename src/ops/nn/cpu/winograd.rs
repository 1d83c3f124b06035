//! Convolutions by 3 x 3 kernels at stride 1 with four ninths of the multiplications: F(2 x 2, 3 x 3) of Winograd's minimal filtering
//! (Lavin & Gray 2016, Eq. 11), over channels by matrix products.
//!
//! The output is taken in tiles of 2 x 2: `Y = A' [(G g G') . (B' d B)] A` with the kernel g and the 4 x 4 inputs d of a tile. The gradient by
//! the kernel is `G' [(A dY A') . (B' d B)] G`, summed over tiles. Sums over channels become sixteen products of matrices, one for each place.

use super::functions::wide;
use super::gemm::{Matrix, gemm};
use super::im2col::Geometry;
use super::parallel::{add_to_rows, with_scratch};
use rayon::prelude::*;

/// Places of a transformed tile.
const PLACES: usize = 16;
/// Channels below which transformations cost more than the products save.
const CHANNELS: usize = 64;
/// Tiles of a batch below which they do, since transformed kernels are nearly twice as large as kernels.
const LEAST: usize = 256;
/// Channels that are transformed together.
const LANES: usize = 16;
/// Tiles of one task, at most and at least, and the number of tasks sought.
const TILES: (usize, usize) = (256, 64);
const TASKS: usize = 8;
/// Tiles that a partial gradient by the weight is worth.
const PART: usize = 512;
/// Columns of one product: left factors of wider ones would be copied first.
const COLUMNS: usize = 128;
/// Input channels of one task of transforming weights.
const ROWS: usize = 8;

/// Returns whether a convolution of `batch` images is computed this way.
pub fn suits(g: &Geometry, batch: usize) -> bool {
    let channels = |c: usize| c >= CHANNELS && c.is_multiple_of(LANES);
    let plain = g.kernel == 3 && g.stride == 1 && g.dilation == 1 && g.groups == 1;
    let whole = g.oh + 2 == g.h + 2 * g.pad && g.ow + 2 == g.w + 2 * g.pad;
    let tiles = Tiles::of(g);
    plain && whole && channels(g.c) && channels(g.n) && batch * tiles.down * tiles.across >= LEAST
}

/// Returns how many numbers of scratch a convolution takes.
pub fn scratch(g: &Geometry, batch: usize) -> usize {
    if suits(g, batch) { PLACES * g.c * g.n } else { 0 }
}

/// Writes, or adds, the convolution of a batch. `weight` is `3 x 3 x c x n`; `scratch` has room for [`scratch`] numbers.
pub fn convolve(g: &Geometry, x: &[f32], weight: &[f32], bias: &[f32], out: &mut [f32], add: bool, scratch: &mut [f32]) {
    let batch = out.len() / (g.windows() * g.n);
    let kernels = &mut scratch[..PLACES * g.c * g.n];
    transform_weights(g, weight, kernels);
    let kernels = &*kernels;
    let tiles = Tiles::of(g);
    // Whole rows of tiles, so that a task's output is one run of memory.
    let rows = tiles.rows_of_a_task(batch);
    let lines = batch * tiles.down;
    let mut parts = Vec::with_capacity(lines.div_ceil(rows));
    let mut rest = out;
    for first in (0..lines).step_by(rows) {
        let last = (first + rows).min(lines);
        let (part, after) = rest.split_at_mut((tiles.start(last) - tiles.start(first)) * g.n);
        parts.push((first..last, part));
        rest = after;
    }
    parts.into_par_iter().for_each(|(lines, out)| {
        let count = lines.len() * tiles.across;
        with_scratch(PLACES * count * (g.c + g.n), |scratch| {
            let (inputs, outputs) = scratch.split_at_mut(PLACES * count * g.c);
            for (i, line) in lines.clone().enumerate() {
                tiles.transform_inputs(x, line, i * tiles.across, count, inputs);
            }
            for place in 0..PLACES {
                let a = Matrix::rows(&inputs[place * count * g.c..][..count * g.c], g.c);
                let b = &kernels[place * g.c * g.n..][..g.c * g.n];
                let out = &mut outputs[place * count * g.n..][..count * g.n];
                for left in (0..g.n).step_by(COLUMNS) {
                    let width = COLUMNS.min(g.n - left);
                    gemm((count, width, g.c), &mut out[left..], g.n, a, Matrix::rows(&b[left..], g.n), false);
                }
            }
            let base = tiles.start(lines.start);
            for (i, line) in lines.clone().enumerate() {
                tiles.transform_outputs(
                    outputs,
                    line,
                    i * tiles.across,
                    count,
                    &mut out[(tiles.start(line) - base) * g.n..],
                    add,
                );
            }
        });
        if !bias.is_empty() {
            add_to_rows(out, bias);
        }
    });
}

/// Returns how many numbers of scratch the gradient by the weight takes for a batch.
pub fn weight_scratch(g: &Geometry, batch: usize, most: usize) -> usize {
    PLACES * g.c * g.n * parts(g, batch, most).1
}

/// Returns the lines of tiles of each partial gradient, and the number of those: two, or as many as have `most` numbers and work enough.
fn parts(g: &Geometry, batch: usize, most: usize) -> (usize, usize) {
    let tiles = Tiles::of(g);
    let lines = batch * tiles.down;
    let parts = (most / (PLACES * g.c * g.n)).min(lines * tiles.across / PART).clamp(2, 16);
    let each = lines.div_ceil(parts).max(1);
    (each, lines.div_ceil(each))
}

/// Writes the gradient by the weight; partial gradients, which are added in order, have `most` numbers together.
pub fn grad_weight(g: &Geometry, batch: usize, x: &[f32], dy: &[f32], out: &mut [f32], scratch: &mut [f32], most: usize) {
    let tiles = Tiles::of(g);
    let len = PLACES * g.c * g.n;
    let (each, count) = parts(g, batch, most);
    let lines = batch * tiles.down;
    let rows = tiles.rows_of_a_task(batch).min(each);
    let partials = &mut scratch[..count * len];
    partials.par_chunks_mut(len).enumerate().for_each(|(i, partial)| {
        let mut add = false;
        for first in (i * each..lines.min((i + 1) * each)).step_by(rows) {
            let last = (first + rows).min(lines).min((i + 1) * each);
            let count = (last - first) * tiles.across;
            with_scratch(PLACES * count * (g.c + g.n), |scratch| {
                let (inputs, grads) = scratch.split_at_mut(PLACES * count * g.c);
                for (i, line) in (first..last).enumerate() {
                    tiles.transform_inputs(x, line, i * tiles.across, count, inputs);
                    tiles.transform_gradients(dy, line, i * tiles.across, count, grads);
                }
                for place in 0..PLACES {
                    let a = Matrix::rows(&inputs[place * count * g.c..][..count * g.c], g.c).t();
                    let b = Matrix::rows(&grads[place * count * g.n..][..count * g.n], g.n);
                    gemm((g.c, g.n, count), &mut partial[place * g.c * g.n..][..g.c * g.n], g.n, a, b, add);
                }
            });
            add = true;
        }
    });
    let partials = &*partials;
    // Rows of input channels; the nine places of the kernel lie `c n` apart.
    let mut rows: Vec<Vec<&mut [f32]>> = (0..g.c).map(|_| Vec::with_capacity(9)).collect();
    for (i, row) in out.chunks_exact_mut(g.n).enumerate() {
        rows[i % g.c].push(row);
    }
    rows.into_par_iter().with_min_len(ROWS).enumerate().for_each(|(channel, mut kernel)| {
        let mut sums = [[0f32; LANES]; PLACES];
        for left in (0..g.n).step_by(LANES) {
            for (place, sum) in sums.iter_mut().enumerate() {
                *sum = [0.0; LANES];
                for part in 0..count {
                    let from = &partials[part * len + (place * g.c + channel) * g.n + left..][..LANES];
                    sum.iter_mut().zip(from).for_each(|(s, f)| *s += f);
                }
            }
            back_to_kernel(&sums, &mut kernel, left);
        }
    });
}

/// One run of channels at each place of a tile.
type Block = [[f32; LANES]; PLACES];

/// Writes `G' P G`, the kernel's gradient of a run of output channels.
fn back_to_kernel(p: &Block, kernel: &mut [&mut [f32]], left: usize) {
    for lane in 0..LANES {
        let mut half = [[0f32; 4]; 3];
        for j in 0..4 {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| p[4 * i + j][lane]);
            half[0][j] = a + 0.5 * (b + c);
            half[1][j] = 0.5 * (b - c);
            half[2][j] = 0.5 * (b + c) + d;
        }
        for (i, [a, b, c, d]) in half.into_iter().enumerate() {
            kernel[3 * i][left + lane] = a + 0.5 * (b + c);
            kernel[3 * i + 1][left + lane] = 0.5 * (b - c);
            kernel[3 * i + 2][left + lane] = 0.5 * (b + c) + d;
        }
    }
}

/// Writes `G g G'` for all pairs of channels: sixteen matrices `c x n`.
fn transform_weights(g: &Geometry, weight: &[f32], out: &mut [f32]) {
    let block = g.c * g.n;
    let mut rows: Vec<Vec<&mut [f32]>> = (0..g.c.div_ceil(ROWS)).map(|_| Vec::with_capacity(PLACES)).collect();
    for matrix in out.chunks_exact_mut(block) {
        for (i, piece) in matrix.chunks_mut(ROWS * g.n).enumerate() {
            rows[i].push(piece);
        }
    }
    rows.into_par_iter().enumerate().for_each(|(i, mut pieces)| {
        let start = i * ROWS * g.n;
        let len = pieces[0].len();
        let kernel: [&[f32]; 9] = std::array::from_fn(|place| &weight[place * block + start..][..len]);
        let mut places: [&mut [f32]; PLACES] = std::array::from_fn(|_| &mut [][..]);
        places.iter_mut().zip(pieces.iter_mut()).for_each(|(p, piece)| *p = piece);
        to_places(&kernel, &mut places);
    });
}

wide! {
    /// Writes `G g G'` number by number.
    fn to_places(kernel: &[&[f32]; 9], out: &mut [&mut [f32]; PLACES]) {
        for at in 0..kernel[0].len() {
            let mut half = [[0f32; 3]; 4];
            for j in 0..3 {
                let (a, b, c) = (kernel[j][at], kernel[3 + j][at], kernel[6 + j][at]);
                half[0][j] = a;
                half[1][j] = 0.5 * (a + b + c);
                half[2][j] = 0.5 * (a - b + c);
                half[3][j] = c;
            }
            for i in 0..4 {
                let [a, b, c] = half[i];
                out[4 * i][at] = a;
                out[4 * i + 1][at] = 0.5 * (a + b + c);
                out[4 * i + 2][at] = 0.5 * (a - b + c);
                out[4 * i + 3][at] = c;
            }
        }
    }
}

/// How an output is covered by tiles.
#[derive(Clone, Copy)]
struct Tiles {
    g: Geometry,
    /// Rows of tiles of an image, and tiles of a row.
    down: usize,
    across: usize,
}

impl Tiles {
    fn of(g: &Geometry) -> Self {
        Tiles { g: *g, down: g.oh.div_ceil(2), across: g.ow.div_ceil(2) }
    }

    /// Returns the rows of tiles of one task.
    fn rows_of_a_task(&self, batch: usize) -> usize {
        let tiles = (batch * self.down * self.across / TASKS).clamp(TILES.1, TILES.0);
        (tiles / self.across).max(1)
    }

    /// Returns the number of output positions before a row of tiles, counted through all images.
    fn start(&self, line: usize) -> usize {
        (line / self.down * self.g.oh + (2 * (line % self.down)).min(self.g.oh)) * self.g.ow
    }

    /// Writes `B' d B` of a row of tiles as rows `first..` of sixteen matrices of `count` rows.
    fn transform_inputs(&self, x: &[f32], line: usize, first: usize, count: usize, out: &mut [f32]) {
        let g = &self.g;
        let (image, top) = (line / self.down * g.h * g.w, 2 * (line % self.down));
        for tile in 0..self.across {
            // Where each of the tile's inputs lies; nothing beyond the border.
            let places: [Option<usize>; PLACES] = std::array::from_fn(|p| {
                let (y, xx) = (top + p / 4, 2 * tile + p % 4);
                let inside = y >= g.pad && y - g.pad < g.h && xx >= g.pad && xx - g.pad < g.w;
                inside.then(|| (image + (y - g.pad) * g.w + xx - g.pad) * g.c)
            });
            input_tile(x, &places, g.c, out, (first + tile) * g.c, count * g.c);
        }
    }

    /// Writes `A dY A'` of a row of tiles, as [`Tiles::transform_inputs`].
    fn transform_gradients(&self, dy: &[f32], line: usize, first: usize, count: usize, out: &mut [f32]) {
        let g = &self.g;
        let start = self.start(line);
        let below = 2 * (line % self.down) + 1 < g.oh;
        for tile in 0..self.across {
            let beside = 2 * tile + 1 < g.ow;
            let at = (start + 2 * tile) * g.n;
            let places = [
                Some(at),
                beside.then_some(at + g.n),
                below.then_some(at + g.ow * g.n),
                (below && beside).then_some(at + (g.ow + 1) * g.n),
            ];
            gradient_tile(dy, &places, g.n, out, (first + tile) * g.n, count * g.n);
        }
    }

    /// Writes, or adds, `A' M A` of rows `first..` of sixteen matrices to a row of tiles, whose output begins with `out`.
    fn transform_outputs(&self, from: &[f32], line: usize, first: usize, count: usize, out: &mut [f32], add: bool) {
        let g = &self.g;
        let below = 2 * (line % self.down) + 1 < g.oh;
        for tile in 0..self.across {
            let beside = 2 * tile + 1 < g.ow;
            let at = 2 * tile * g.n;
            let places = [
                Some(at),
                beside.then_some(at + g.n),
                below.then_some(at + g.ow * g.n),
                (below && beside).then_some(at + (g.ow + 1) * g.n),
            ];
            output_tile(from, (first + tile) * g.n, count * g.n, g.n, out, &places, add);
        }
    }
}

/// Returns a run of channels; zeros where there is nothing.
#[inline(always)]
fn load(x: &[f32], at: Option<usize>, lane: usize) -> [f32; LANES] {
    let mut out = [0f32; LANES];
    if let Some(at) = at {
        out.copy_from_slice(&x[at + lane..][..LANES]);
    }
    out
}

#[inline(always)]
fn plus(a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
    std::array::from_fn(|i| a[i] + b[i])
}

#[inline(always)]
fn minus(a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
    std::array::from_fn(|i| a[i] - b[i])
}

wide! {
    /// Writes `B' d B` of one tile: place p to `out[p apart + at..]`.
    fn input_tile(x: &[f32], places: &[Option<usize>; PLACES], c: usize, out: &mut [f32], at: usize, apart: usize) {
        for lane in (0..c).step_by(LANES) {
            let mut half = [[0f32; LANES]; PLACES];
            for j in 0..4 {
                let d: [[f32; LANES]; 4] = std::array::from_fn(|i| load(x, places[4 * i + j], lane));
                half[j] = minus(d[0], d[2]);
                half[4 + j] = plus(d[1], d[2]);
                half[8 + j] = minus(d[2], d[1]);
                half[12 + j] = minus(d[1], d[3]);
            }
            for i in 0..4 {
                let d: [[f32; LANES]; 4] = std::array::from_fn(|j| half[4 * i + j]);
                let row = [minus(d[0], d[2]), plus(d[1], d[2]), minus(d[2], d[1]), minus(d[1], d[3])];
                for (j, value) in row.iter().enumerate() {
                    out[(4 * i + j) * apart + at + lane..][..LANES].copy_from_slice(value);
                }
            }
        }
    }
}

wide! {
    /// Writes `A dY A'` of one tile, as [`input_tile`].
    fn gradient_tile(dy: &[f32], places: &[Option<usize>; 4], n: usize, out: &mut [f32], at: usize, apart: usize) {
        for lane in (0..n).step_by(LANES) {
            let zero = [0f32; LANES];
            let mut half = [[[0f32; LANES]; 2]; 4];
            for j in 0..2 {
                let (a, b) = (load(dy, places[j], lane), load(dy, places[2 + j], lane));
                half[0][j] = a;
                half[1][j] = plus(a, b);
                half[2][j] = minus(a, b);
                half[3][j] = minus(zero, b);
            }
            for (i, [a, b]) in half.into_iter().enumerate() {
                for (j, value) in [a, plus(a, b), minus(a, b), minus(zero, b)].iter().enumerate() {
                    out[(4 * i + j) * apart + at + lane..][..LANES].copy_from_slice(value);
                }
            }
        }
    }
}

wide! {
    /// Writes, or adds, `A' M A` of one tile, place p of which lies at `from[p apart + at..]`.
    fn output_tile(from: &[f32], at: usize, apart: usize, n: usize, out: &mut [f32], places: &[Option<usize>; 4], add: bool) {
        for lane in (0..n).step_by(LANES) {
            let mut half = [[[0f32; LANES]; 4]; 2];
            for j in 0..4 {
                let m: [[f32; LANES]; 4] = std::array::from_fn(|i| load(from, Some((4 * i + j) * apart + at), lane));
                half[0][j] = plus(plus(m[0], m[1]), m[2]);
                half[1][j] = minus(minus(m[1], m[2]), m[3]);
            }
            for (i, m) in half.iter().enumerate() {
                let row = [plus(plus(m[0], m[1]), m[2]), minus(minus(m[1], m[2]), m[3])];
                for (value, place) in row.iter().zip(&places[2 * i..]) {
                    let Some(place) = place else { continue };
                    let out = &mut out[place + lane..][..LANES];
                    if add {
                        out.iter_mut().zip(value).for_each(|(o, v)| *o += v);
                    } else {
                        out.copy_from_slice(value);
                    }
                }
            }
        }
    }
}
