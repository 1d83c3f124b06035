//! Small dense linear algebra over slices: Cholesky factor, its inverse, log-determinant, rows of any length.

use super::simd::{dot_plain, padded};

/// Overwrites the lower triangle of the row-major `d x d` matrix by its Cholesky factor (upper triangle: zeros).
///
/// Returns the logarithm of the matrix's determinant, or `None` if it is not positive definite.
pub fn cholesky(a: &mut [f64], d: usize) -> Option<f64> {
    let mut log_det = 0.0;
    for i in 0..d {
        let (above, row) = a.split_at_mut(i * d);
        let row = &mut row[..d];
        for j in 0..i {
            let other = &above[j * d..j * d + d];
            row[j] = (row[j] - dot_plain(&row[..j], &other[..j])) / other[j];
        }
        let pivot = row[i] - dot_plain(&row[..i], &row[..i]);
        if !(pivot > 0.0 && pivot.is_finite()) {
            return None;
        }
        row[i] = pivot.sqrt();
        log_det += pivot.ln();
        row[i + 1..].fill(0.0);
    }
    Some(log_det)
}

/// Returns the transposed inverse of a lower Cholesky factor: row `c` holds column `c` of the inverse (zeros left of `c`).
pub fn inverse_transposed(lower: &[f64], d: usize) -> Vec<f64> {
    let mut out = vec![0.0; d * d];
    for c in 0..d {
        let y = &mut out[c * d..(c + 1) * d];
        y[c] = 1.0 / lower[c * d + c];
        for j in c + 1..d {
            y[j] = -dot_plain(&lower[j * d + c..j * d + j], &y[c..j]) / lower[j * d + j];
        }
    }
    out
}

/// Returns the inverse of `L L'` as a halved lower triangle with padded rows (see [`super::simd::quadratic`]).
pub fn half_inverse(lower: &[f64], d: usize) -> Vec<f64> {
    let m = inverse_transposed(lower, d);
    let dp = padded(d);
    let mut half = vec![0.0; dp * dp];
    for a in 0..d {
        for b in 0..=a {
            let x = dot_plain(&m[a * d + a..(a + 1) * d], &m[b * d + a..(b + 1) * d]);
            half[a * dp + b] = if a == b { 0.5 * x } else { x };
        }
    }
    half
}

/// Solves `L y = x` in place for a lower factor.
pub fn solve_lower(lower: &[f64], d: usize, x: &mut [f64]) {
    for j in 0..d {
        x[j] = (x[j] - dot_plain(&lower[j * d..j * d + j], &x[..j])) / lower[j * d + j];
    }
}

/// Returns `L y` for a lower factor.
pub fn lower_times(lower: &[f64], d: usize, y: &[f64]) -> Vec<f64> {
    (0..d).map(|j| dot_plain(&lower[j * d..j * d + j + 1], &y[..j + 1])).collect()
}

/// Returns powers of a symmetric positive definite matrix (row-major, d x d), by Jacobi's rotations (Golub & Van Loan, section 8.5).
pub fn powers(matrix: &[f64], d: usize, exponents: &[f64]) -> Vec<Vec<f64>> {
    let mut a = matrix.to_vec();
    // Row k of `v` is the eigenvector of `a[k][k]`.
    let mut v = vec![0.0; d * d];
    (0..d).for_each(|i| v[i * d + i] = 1.0);
    let size: f64 = a.iter().map(|x| x * x).sum();
    for _ in 0..60 {
        let off: f64 = (0..d * d).filter(|k| k / d != k % d).map(|k| a[k] * a[k]).sum();
        if off <= 1e-28 * size {
            break;
        }
        for p in 0..d {
            for q in p + 1..d {
                let beside = a[p * d + q];
                if beside == 0.0 {
                    continue;
                }
                let theta = (a[q * d + q] - a[p * d + p]) / (2.0 * beside);
                let t = theta.signum() / (theta.abs() + theta.hypot(1.0));
                let c = 1.0 / t.hypot(1.0);
                let s = t * c;
                for k in 0..d {
                    let (x, y) = (a[k * d + p], a[k * d + q]);
                    (a[k * d + p], a[k * d + q]) = (c * x - s * y, s * x + c * y);
                }
                for m in [&mut a, &mut v] {
                    for k in 0..d {
                        let (x, y) = (m[p * d + k], m[q * d + k]);
                        (m[p * d + k], m[q * d + k]) = (c * x - s * y, s * x + c * y);
                    }
                }
            }
        }
    }
    let power = |exponent: &f64| {
        let mut out = vec![0.0; d * d];
        for k in 0..d {
            let value = a[k * d + k].max(f64::MIN_POSITIVE).powf(*exponent);
            for i in 0..d {
                let factor = value * v[k * d + i];
                out[i * d..(i + 1) * d].iter_mut().zip(&v[k * d..(k + 1) * d]).for_each(|(o, x)| *o += factor * x);
            }
        }
        out
    };
    exponents.iter().map(power).collect()
}
