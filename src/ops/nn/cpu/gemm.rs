//! Matrix products behind bounds checks: one on one core, or a large one cut into tiles whose sizes depend on the problem alone.

use super::parallel::add_to_rows;
use rayon::prelude::*;
use std::ops::Range;

/// A view on numbers as a matrix.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    /// The numbers, first entry first.
    pub data: &'a [f32],
    /// Distance between rows.
    pub row: usize,
    /// Distance between columns.
    pub col: usize,
}

impl<'a> Matrix<'a> {
    /// Returns a row-major matrix with the given distance between rows.
    pub fn rows(data: &'a [f32], row: usize) -> Self {
        Matrix { data, row, col: 1 }
    }

    /// Returns the transpose.
    pub fn t(self) -> Self {
        Matrix { data: self.data, row: self.col, col: self.row }
    }

    fn reaches(&self, rows: usize, cols: usize) -> bool {
        rows == 0 || cols == 0 || (rows - 1) * self.row + (cols - 1) * self.col < self.data.len()
    }
}

/// Computes `out = a b`, or `out += a b` where `add`: `out` is m x n, row-major with `row` between its rows, and `a` is m x k.
///
/// The order of summation depends on the sizes alone.
pub fn gemm(size: (usize, usize, usize), out: &mut [f32], row: usize, a: Matrix, b: Matrix, add: bool) {
    let (m, n, k) = size;
    if m == 0 || n == 0 {
        return;
    }
    assert!((m - 1) * row + n <= out.len() && n <= row, "the product does not fit its buffer");
    assert!(a.reaches(m, k) && b.reaches(k, n), "a factor is shorter than its sizes say");
    // SAFETY: the assertions above are what is asked for, and `out` is borrowed alone.
    unsafe { multiply(size, out.as_mut_ptr(), row, a, b, add) }
}

/// Computes a product as [`gemm`] does.
///
/// # Safety
/// `out` must be valid for m rows of n numbers at distance `row`, and touched by nobody else meanwhile; `a` must reach m x k and `b` k x n.
unsafe fn multiply(size: (usize, usize, usize), out: *mut f32, row: usize, a: Matrix, b: Matrix, add: bool) {
    let (m, n, k) = size;
    let (row, a_strides, b_strides) = (row as isize, (a.col as isize, a.row as isize), (b.col as isize, b.row as isize));
    // SAFETY: the caller vouches for every address that the strides reach.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out,
            1,
            row,
            add,
            a.data.as_ptr(),
            a_strides.0,
            a_strides.1,
            b.data.as_ptr(),
            b_strides.0,
            b_strides.1,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// Most rows and columns of a tile. A strip of 128 columns is the widest whose left factor is read where it lies, as it is by the kernels for
/// 512-bit vectors; over 256 rows the copy that is made of the right factor's strip costs little.
const TILE: (usize, usize) = (256, 128);
/// Least rows and columns of a tile that is halved to make more of them, the number of tiles sought, and the multiply-adds of a tile
/// that is not worth halving.
const LEAST: (usize, usize) = (64, 64);
const TASKS: usize = 16;
const WORTH: usize = 1 << 23;
/// Least terms of one part of a long sum.
const TERMS: usize = 1 << 10;

/// Returns rows and columns of the tiles of an m x n product over k terms.
fn tile(size: (usize, usize, usize)) -> (usize, usize) {
    let (m, n, k) = size;
    let (mut rows, mut cols) = (TILE.0.min(m).max(1), TILE.1.min(n).max(1));
    while m.div_ceil(rows) * n.div_ceil(cols) < TASKS && rows * cols * k > WORTH {
        if rows > cols && rows / 2 >= LEAST.0 {
            rows = rows.div_ceil(2);
        } else if cols / 2 >= LEAST.1 {
            cols = cols.div_ceil(2);
        } else if rows / 2 >= LEAST.0 {
            rows = rows.div_ceil(2);
        } else {
            break;
        }
    }
    (rows, cols)
}

/// A matrix that several tasks write to, each to tiles of its own.
#[derive(Clone, Copy)]
struct Shared(*mut f32);

// SAFETY: whoever writes through the pointer keeps to entries that no other task touches (see `product`).
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Shared {
    /// Returns where an entry is.
    ///
    /// # Safety
    /// The entry must lie in the matrix.
    unsafe fn entry(&self, index: usize) -> *mut f32 {
        // SAFETY: the caller vouches for the index.
        unsafe { self.0.add(index) }
    }
}

/// Computes the tiles of `out = a b`, or `out += a b` where `add`, each a task: `out` is m x n with nothing between its rows, `a` is m x k, and `b`
/// returns the given columns of the k x n factor. A `bias` of n numbers is added to each row unless it is empty.
pub fn product<'a>(
    size: (usize, usize, usize),
    out: &mut [f32],
    a: Matrix,
    b: impl Fn(Range<usize>) -> Matrix<'a> + Sync,
    bias: &[f32],
    add: bool,
) {
    let (m, n, k) = size;
    assert!(out.len() >= m * n && (bias.is_empty() || bias.len() == n), "the product does not fit its buffer");
    let (rows, cols) = tile(size);
    let across = n.div_ceil(cols);
    let shared = Shared(out.as_mut_ptr());
    (0..m.div_ceil(rows) * across).into_par_iter().for_each(|task| {
        let (top, left) = (task / across * rows, task % across * cols);
        let (height, width) = (rows.min(m - top), cols.min(n - left));
        let (a, b) = (Matrix { data: &a.data[top * a.row..], ..a }, b(left..left + width));
        assert!(a.reaches(height, k) && b.reaches(k, width), "a factor is shorter than its sizes say");
        // SAFETY: rows `top..top + height` and columns `left..left + width` lie in `out` by the assertion before the loop, belong to this task alone,
        // and the factors hold what their sizes say.
        unsafe {
            let at = shared.entry(top * n + left);
            multiply((height, width, k), at, n, a, b, add);
            if !bias.is_empty() {
                for row in 0..height {
                    add_to_rows(std::slice::from_raw_parts_mut(at.add(row * n), width), &bias[left..left + width]);
                }
            }
        }
    });
}

/// Returns in how many parts the sum over k terms of an m x n product is taken: more than one where the product has few tiles and a long sum.
fn parts(size: (usize, usize, usize)) -> usize {
    let (m, n, k) = size;
    let (rows, cols) = tile(size);
    (TASKS / (m.div_ceil(rows) * n.div_ceil(cols)).max(1)).min(k / TERMS).max(1)
}

/// Returns how many numbers of scratch [`long_product`] takes.
pub fn long_product_scratch(size: (usize, usize, usize)) -> usize {
    match parts(size) {
        1 => 0,
        parts => parts * size.0 * size.1,
    }
}

/// Computes `out = a' b`, where `a` is k x m and `b` is k x n, both row-major, and k may be large: parts of the sum are taken apart and added in order.
pub fn long_product(size: (usize, usize, usize), out: &mut [f32], a: &[f32], b: &[f32], scratch: &mut [f32]) {
    let (m, n, k) = size;
    let (parts, len) = (parts(size), m * n);
    if parts == 1 {
        return product(size, out, Matrix::rows(a, m).t(), |cols| Matrix::rows(&b[cols.start..], n), &[], false);
    }
    let each = k.div_ceil(parts);
    let partials = &mut scratch[..parts * len];
    partials.par_chunks_mut(len).zip(a.par_chunks(each * m).zip(b.par_chunks(each * n))).for_each(|(partial, (a, b))| {
        let size = (m, n, a.len() / m);
        product(size, partial, Matrix::rows(a, m).t(), |cols| Matrix::rows(&b[cols.start..], n), &[], false);
    });
    let count = k.div_ceil(each);
    out.copy_from_slice(&partials[..len]);
    for partial in partials[len..count * len].chunks_exact(len) {
        out.iter_mut().zip(partial).for_each(|(o, p)| *o += p);
    }
}

/// Computes `out = a b'`, or `out += a b'` where `add`: `out` is m x n, `a` is m x k and `b` is n x k, all row-major. Takes k n numbers of scratch.
///
/// `b` is turned strip by strip before, once: the kernels read it row by row, and would turn it anew for each tile, number by number.
pub fn product_turned(size: (usize, usize, usize), out: &mut [f32], a: &[f32], b: &[f32], add: bool, scratch: &mut [f32]) {
    let (m, n, k) = size;
    if m * n * k == 0 {
        return product(size, out, Matrix::rows(a, k), |_| Matrix::rows(&[], n), &[], add);
    }
    let turned = &mut scratch[..k * n];
    let strip = tile(size).1 * k;
    turned.par_chunks_mut(strip).zip(b[..n * k].par_chunks(strip)).for_each(|(out, b)| turn(b, b.len() / k, k, out));
    let turned = &*turned;
    product(size, out, Matrix::rows(a, k), |cols| Matrix::rows(&turned[cols.start * k..], cols.len()), &[], add);
}

/// Writes the transpose of a `rows` x `cols` matrix.
pub fn turn(from: &[f32], rows: usize, cols: usize, out: &mut [f32]) {
    const BLOCK: usize = 16;
    for top in (0..rows).step_by(BLOCK) {
        let bottom = rows.min(top + BLOCK);
        for (c, out) in out.chunks_exact_mut(rows).enumerate() {
            for (r, o) in (top..bottom).zip(&mut out[top..bottom]) {
                *o = from[r * cols + c];
            }
        }
    }
}
