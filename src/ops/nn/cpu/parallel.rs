//! Work split into pieces whose sizes never depend on the number of threads, and sums taken in a fixed order.

use crate::ops::nn::buffer::zeros;
use rayon::prelude::*;
use std::cell::RefCell;

/// Numbers that one task of elementwise work covers.
const PIECE: usize = 1 << 15;
/// Numbers, and rows, that one task of a reduction covers at most: short sums keep 32-bit rounding small.
const REDUCED: usize = 1 << 14;
const ROWS: usize = 1 << 10;

/// Columns of a wide matrix that one task sums, how many columns are wide, and rows that are summed in 32 bits.
const STRIP: usize = 512;
const WIDE: usize = 2048;
const RUN: usize = 64;

/// Writes `f(a)` to, or adds it to, each number of `out`.
pub fn map1(out: &mut [f32], a: &[f32], add: bool, f: impl Fn(f32) -> f32 + Sync) {
    out.par_chunks_mut(PIECE).zip(a.par_chunks(PIECE)).for_each(|(out, a)| {
        if add {
            out.iter_mut().zip(a).for_each(|(o, a)| *o += f(*a));
        } else {
            out.iter_mut().zip(a).for_each(|(o, a)| *o = f(*a));
        }
    });
}

/// Writes `f(a, b)` to, or adds it to, each number of `out`.
pub fn map2(out: &mut [f32], a: &[f32], b: &[f32], add: bool, f: impl Fn(f32, f32) -> f32 + Sync) {
    out.par_chunks_mut(PIECE).zip(a.par_chunks(PIECE)).zip(b.par_chunks(PIECE)).for_each(|((out, a), b)| {
        if add {
            out.iter_mut().zip(a).zip(b).for_each(|((o, a), b)| *o += f(*a, *b));
        } else {
            out.iter_mut().zip(a).zip(b).for_each(|((o, a), b)| *o = f(*a, *b));
        }
    });
}

/// Writes `f(a, b, c)` to, or adds it to, each number of `out`.
pub fn map3(out: &mut [f32], a: &[f32], b: &[f32], c: &[f32], add: bool, f: impl Fn(f32, f32, f32) -> f32 + Sync) {
    out.par_chunks_mut(PIECE).zip(a.par_chunks(PIECE)).zip(b.par_chunks(PIECE)).zip(c.par_chunks(PIECE)).for_each(
        |(((out, a), b), c)| {
            if add {
                out.iter_mut().zip(a).zip(b).zip(c).for_each(|(((o, a), b), c)| *o += f(*a, *b, *c));
            } else {
                out.iter_mut().zip(a).zip(b).zip(c).for_each(|(((o, a), b), c)| *o = f(*a, *b, *c));
            }
        },
    );
}

/// Replaces each number by `f(number)`.
pub fn update1(out: &mut [f32], f: impl Fn(f32) -> f32 + Sync) {
    out.par_chunks_mut(PIECE).for_each(|out| out.iter_mut().for_each(|o| *o = f(*o)));
}

/// Replaces each number by `f(number, a, b)`.
pub fn update2(out: &mut [f32], a: &[f32], b: &[f32], f: impl Fn(f32, f32, f32) -> f32 + Sync) {
    out.par_chunks_mut(PIECE).zip(a.par_chunks(PIECE)).zip(b.par_chunks(PIECE)).for_each(|((out, a), b)| {
        out.iter_mut().zip(a).zip(b).for_each(|((o, a), b)| *o = f(*o, *a, *b));
    });
}

/// Returns how many rows of that width one task of a reduction covers.
pub fn rows_per_piece(width: usize) -> usize {
    (REDUCED / width.max(1)).clamp(1, ROWS)
}

/// Returns sums over rows: `f` adds the rows of a range to a zeroed partial of `len` numbers, and partials are added in the order of rows.
pub fn reduce_rows(rows: usize, width: usize, len: usize, f: impl Fn(std::ops::Range<usize>, &mut [f32]) + Sync) -> Vec<f64> {
    let each = rows_per_piece(width);
    let pieces = rows.div_ceil(each);
    let mut partials = vec![0f32; pieces * len];
    partials.par_chunks_mut(len.max(1)).enumerate().for_each(|(i, partial)| f(i * each..rows.min((i + 1) * each), partial));
    let mut sums = vec![0f64; len];
    for partial in partials.chunks(len.max(1)) {
        sums.iter_mut().zip(partial).for_each(|(s, p)| *s += *p as f64);
    }
    sums
}

/// Writes the sums of the columns of a row-major matrix.
pub fn column_sums(matrix: &[f32], width: usize, out: &mut [f32]) {
    if width >= WIDE {
        return out.par_chunks_mut(STRIP).enumerate().for_each(|(strip, out)| {
            let mut sums = [0f64; STRIP];
            for rows in matrix.chunks(RUN * width) {
                let mut partial = [0f32; STRIP];
                for row in rows.chunks_exact(width) {
                    partial.iter_mut().zip(&row[strip * STRIP..][..out.len()]).for_each(|(p, x)| *p += x);
                }
                sums.iter_mut().zip(&partial).for_each(|(s, p)| *s += *p as f64);
            }
            out.iter_mut().zip(&sums).for_each(|(o, s)| *o = *s as f32);
        });
    }
    let sums = reduce_rows(matrix.len() / width.max(1), width, width, |range, partial| {
        for row in matrix[range.start * width..range.end * width].chunks_exact(width) {
            partial.iter_mut().zip(row).for_each(|(p, x)| *p += x);
        }
    });
    out.iter_mut().zip(sums).for_each(|(o, s)| *o = s as f32);
}

/// Returns the sum of the squares of all numbers, piece by piece in order.
pub fn sum_of_squares(numbers: &[f32]) -> f64 {
    let pieces: Vec<f64> = numbers.par_chunks(PIECE).map(|p| p.iter().map(|x| *x as f64 * *x as f64).sum()).collect();
    pieces.iter().sum()
}

/// Adds the same row to every row of a matrix.
pub fn add_to_rows(matrix: &mut [f32], row: &[f32]) {
    for line in matrix.chunks_exact_mut(row.len().max(1)) {
        line.iter_mut().zip(row).for_each(|(x, b)| *x += b);
    }
}

/// Returns the first `len` numbers of the scratch, which grows as needed and then forgets what was there.
pub fn take(work: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if work.len() < len {
        *work = zeros(len);
    }
    &mut work[..len]
}

/// Runs `f` with scratch of this thread. `f` must start no parallel work.
pub fn with_scratch<R>(len: usize, f: impl FnOnce(&mut [f32]) -> R) -> R {
    thread_local!(static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) });
    SCRATCH.with(|cell| f(take(&mut cell.borrow_mut(), len)))
}
