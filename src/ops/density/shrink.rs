//! A correlation matrix shrunk towards the identity, by as much as predicts each row best from the others.

use super::matrix::{cholesky, solve_lower};

/// Shares of the identity that are tried.
const SHARES: [f64; 14] = [1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08, 0.05, 0.03, 0.02, 0.01, 0.003, 0.001];

/// Returns the lower Cholesky factor of `(1 - r) S + r I`, S (lower triangle, d x d) the correlation matrix of `rows` (n x d, centred, unit variances with divisor n).
///
/// r is the share of [`SHARES`] with the largest sum over rows of the Gaussian log density under mean and covariance of the other rows, whose
/// determinants and forms follow from those of all rows. Shrinkage as in Ledoit and Wolf (2004), its size by likelihood rather than squared error, which
/// says little of small eigenvalues. Positive definite whatever n is.
pub fn shrunk(s: &[f64], rows: &[f64], d: usize) -> Vec<f64> {
    let mut best: Option<(f64, f64)> = None;
    for share in SHARES {
        let score = left_out(s, rows, d, share);
        if best.is_none_or(|b| score > b.0) {
            best = Some((score, share));
        }
    }
    let share = best.map_or(1.0, |b| b.1);
    let mut lower = blend(s, d, 1.0 - share, share);
    if cholesky(&mut lower, d).is_none() {
        lower = blend(s, d, 0.0, 1.0);
    }
    lower
}

fn blend(s: &[f64], d: usize, own: f64, identity: f64) -> Vec<f64> {
    (0..d * d).map(|k| own * s[k] + if k / d == k % d { identity } else { 0.0 }).collect()
}

/// Returns the sum of log densities of the rows, each under the others' mean and shrunk covariance, less a constant.
///
/// With z a row and n rows, the others' covariance is `n S / (n - 1) - n z z' / (n - 1)^2`, and the row lies `n z / (n - 1)` from their mean.
fn left_out(s: &[f64], rows: &[f64], d: usize, share: f64) -> f64 {
    let n = (rows.len() / d) as f64;
    let mut lower = blend(s, d, (1.0 - share) * n / (n - 1.0), share);
    let Some(log_det) = cholesky(&mut lower, d) else { return f64::NEG_INFINITY };
    let weight = (1.0 - share) * n / (n - 1.0).powi(2);
    let mut y = vec![0.0; d];
    let mut total = 0.0;
    for row in rows.chunks_exact(d) {
        y.copy_from_slice(row);
        solve_lower(&lower, d, &mut y);
        let q: f64 = y.iter().map(|v| v * v).sum();
        let left = 1.0 - weight * q;
        if !(left > 1e-12) {
            return f64::NEG_INFINITY;
        }
        total -= 0.5 * (log_det + left.ln() + (n / (n - 1.0)).powi(2) * q / left);
    }
    total
}
