//! Matrix products on one core, behind bounds checks.

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
    // SAFETY: the three assertions above bound every address that the strides reach, and `out` is borrowed alone.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            row as isize,
            add,
            a.data.as_ptr(),
            a.col as isize,
            a.row as isize,
            b.data.as_ptr(),
            b.col as isize,
            b.row as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
