//! Linear algebra: the one seam to LAPACK (OpenBLAS through ndarray-linalg). Equal inputs give equal bits, whatever the threads.
//!
//! OpenBLAS runs on the calling thread alone; what is parallel here is cut into pieces whose number does not depend on the threads.
//!
//! A call of LAPACK cannot be interrupted. One that takes long has a thread of its own, and the cell looks meanwhile whether the run stops;
//! if so, the cell ends at once, and what the thread comes to is dropped. Products are made in pieces, with a look before each.

use crate::engine::{self, Context, Failure, Unheard};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use ndarray_linalg::{Cholesky, Diag, Eigh, JobSvd, QR, SVD, SVDDC, SolveTriangular, UPLO};
use rayon::prelude::*;
use std::fmt;
use std::sync::Once;

#[cfg(test)]
mod tests;

/// Rows of one piece of a Gram matrix.
const PIECE: usize = 1024;

/// Pieces that are held at once.
const HELD: usize = 8;

/// Seconds of one core for a thin singular value decomposition, for each `n d min(n, d)`: of tall matrices, of wide ones (measured at 4,000 x
/// 256 and 500 x 3,000), and of small square ones.
pub const TALL: f64 = 9e-10;
/// See [`TALL`].
pub const WIDE: f64 = 3.5e-10;
/// See [`TALL`].
pub const SQUARE: f64 = 6e-10;

/// Seconds of one core for a multiply-add of a product of matrices.
pub const PRODUCT: f64 = 9e-11;

/// Seconds of one core for the eigenvectors of a symmetric d x d matrix, for each `d^3`.
pub const EIGEN: f64 = 1.2e-9;

/// Multiply-adds of a product of matrices between two looks at whether the run stops: a third of a second of one core.
const PRODUCTS: usize = 1 << 32;

/// What linear algebra could not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The matrix is not positive definite.
    Indefinite,
    /// A number is NaN or infinite.
    NotFinite,
    /// The matrix has no rows or no columns: LAPACK must not see it.
    Empty,
    /// LAPACK gave up, for a reason in its words.
    Lapack(String),
    /// The run stops.
    Stopped,
}

impl Trouble {
    /// Returns the end of a cell: a failure that begins with these words, or that the run stops.
    pub fn failure(self, words: &str) -> Failure {
        match self {
            Trouble::Stopped => Failure::Interrupted,
            other => Failure::new(format!("{words}: {other}")),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Indefinite => f.write_str("the matrix is not positive definite"),
            Trouble::NotFinite => f.write_str("the matrix holds numbers that are not finite"),
            Trouble::Empty => f.write_str("the matrix has no rows or no columns"),
            Trouble::Lapack(words) => write!(f, "the decomposition failed: {words}"),
            Trouble::Stopped => f.write_str("the run stops"),
        }
    }
}

unsafe extern "C" {
    fn openblas_set_num_threads(count: std::ffi::c_int);
}

/// Keeps OpenBLAS on the calling thread: its own threads would change bits with their number, and crowd out rayon's.
fn one_thread() {
    static ONCE: Once = Once::new();
    // SAFETY: the function takes a plain number, sets a global of OpenBLAS, and is called once, before any of its routines.
    ONCE.call_once(|| unsafe { openblas_set_num_threads(1) });
}

/// Checks that a matrix may be given to LAPACK.
fn sound(x: &ArrayView2<f64>) -> Result<(), Trouble> {
    match x.iter().all(|v| v.is_finite()) {
        _ if x.is_empty() => Err(Trouble::Empty),
        true => Ok(()),
        false => Err(Trouble::NotFinite),
    }
}

fn lapack(e: ndarray_linalg::error::LinalgError) -> Trouble {
    Trouble::Lapack(e.to_string())
}

/// Returns what a call gives that cannot be interrupted and takes about so many seconds.
///
/// Errors: its own; the run stops. Then a call under way goes on by itself, and nobody hears of its result.
pub fn apart<T: Send + 'static>(
    cx: &dyn Context,
    seconds: f64,
    call: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    engine::apart(cx, "decomposition", seconds, call).unwrap_or_else(|unheard| {
        Err(match unheard {
            Unheard::Stopped => Trouble::Stopped,
            Unheard::Thread(words) => Trouble::Lapack(words),
        })
    })
}

/// Returns how many rows of a product are made at once, where each takes so many multiply-adds.
fn rows_at_once(each: usize) -> usize {
    (PRODUCTS / each.max(1)).max(8)
}

/// Returns `XᵀX` (d x d) of an n x d matrix, summed in a fixed order.
///
/// Errors: the run stops.
pub fn gram(x: ArrayView2<f64>, cx: &dyn Context) -> Result<Array2<f64>, Trouble> {
    one_thread();
    let (n, d) = x.dim();
    let starts: Vec<usize> = (0..n).step_by(PIECE).collect();
    let mut out = Array2::zeros((d, d));
    for group in starts.chunks(HELD) {
        let parts: Result<Vec<Array2<f64>>, Trouble> = group
            .par_iter()
            .map(|start| {
                let piece = x.slice(s![*start..(*start + PIECE).min(n), ..]);
                rows_of_product(piece.t(), piece, rows_at_once(PIECE * d), cx)
            })
            .collect();
        parts?.iter().for_each(|part| out += part);
    }
    // The product is symmetric only up to rounding; the lower triangle decides.
    for i in 0..d {
        for j in i + 1..d {
            out[[i, j]] = out[[j, i]];
        }
    }
    Ok(out)
}

/// Returns `X V` row block by row block; each row's result does not depend on the blocks.
///
/// Errors: the run stops.
pub fn project(x: ArrayView2<f64>, v: ArrayView2<f64>, cx: &dyn Context) -> Result<Array2<f64>, Trouble> {
    rows_of_product(x, v, PIECE.min(rows_at_once(v.len())), cx)
}

/// Returns `A B`.
///
/// Errors: the run stops.
pub fn product(a: ArrayView2<f64>, b: ArrayView2<f64>, cx: &dyn Context) -> Result<Array2<f64>, Trouble> {
    rows_of_product(a, b, rows_at_once(b.len()), cx)
}

/// Returns `A B`, made of so many rows at once.
fn rows_of_product(a: ArrayView2<f64>, b: ArrayView2<f64>, rows: usize, cx: &dyn Context) -> Result<Array2<f64>, Trouble> {
    one_thread();
    let look = || if cx.interrupted() { Err(Trouble::Stopped) } else { Ok(()) };
    if a.nrows() <= rows {
        return look().map(|()| a.dot(&b));
    }
    let mut out = Array2::zeros((a.nrows(), b.ncols()));
    out.axis_chunks_iter_mut(Axis(0), rows)
        .into_par_iter()
        .zip(a.axis_chunks_iter(Axis(0), rows).into_par_iter())
        .try_for_each(|(mut to, from)| look().map(|()| to.assign(&from.dot(&b))))?;
    Ok(out)
}

/// Returns eigenvalues, largest first, and eigenvectors as columns of a symmetric matrix (its lower triangle is read).
///
/// Errors: a number is not finite, or there is none; LAPACK's `dsyev` does not converge; the run stops.
pub fn symmetric_eigen(a: ArrayView2<f64>, cx: &dyn Context) -> Result<(Array1<f64>, Array2<f64>), Trouble> {
    one_thread();
    sound(&a)?;
    let a = a.to_owned();
    let (values, vectors) = apart(cx, EIGEN * (a.nrows() as f64).powi(3), move || a.eigh(UPLO::Lower).map_err(lapack))?;
    Ok((values.slice(s![..;-1]).to_owned(), vectors.slice(s![.., ..;-1]).as_standard_layout().into_owned()))
}

/// Returns the seconds of one core that a singular value decomposition takes.
fn seconds(a: &ArrayView2<f64>) -> f64 {
    let (n, d) = (a.nrows() as f64, a.ncols() as f64);
    if d > n { WIDE * n * n * d } else { TALL * n * d * d }
}

/// Returns the thin singular value decomposition `U (n x r), s (r), Vᵀ (r x d)` with r = min(n, d), largest values first.
///
/// Errors: a number is not finite, or there is none; LAPACK's `dgesdd` does not converge; the run stops.
pub fn thin_svd(a: ArrayView2<f64>, cx: &dyn Context) -> Result<(Array2<f64>, Array1<f64>, Array2<f64>), Trouble> {
    one_thread();
    sound(&a)?;
    let (seconds, a) = (seconds(&a), a.to_owned());
    match apart(cx, seconds, move || a.svddc(JobSvd::Some).map_err(lapack))? {
        (Some(u), s, Some(vt)) => Ok((u, s, vt)),
        _ => Err(Trouble::Lapack("no vectors were given".to_string())),
    }
}

/// Returns singular values, largest first, and right singular vectors as rows of a tall matrix (n >= d): no left ones are made.
///
/// Errors: a number is not finite, or there is none; LAPACK's `dgesvd` does not converge; the run stops.
pub fn right_svd(a: ArrayView2<f64>, cx: &dyn Context) -> Result<(Array1<f64>, Array2<f64>), Trouble> {
    one_thread();
    sound(&a)?;
    let (seconds, a) = (seconds(&a), a.as_standard_layout().into_owned());
    match apart(cx, seconds, move || a.svd(false, true).map_err(lapack))? {
        (_, s, Some(vt)) => Ok((s, vt)),
        _ => Err(Trouble::Lapack("no vectors were given".to_string())),
    }
}

/// Returns all min(n, d) singular values, largest first: no vectors are made.
///
/// Errors: a number is not finite, or there is none; LAPACK's `dgesvd` does not converge; the run stops.
pub fn singular_values(a: ArrayView2<f64>, cx: &dyn Context) -> Result<Array1<f64>, Trouble> {
    one_thread();
    sound(&a)?;
    let (seconds, a) = (seconds(&a), a.as_standard_layout().into_owned());
    apart(cx, seconds, move || a.svd(false, false).map(|(_, s, _)| s).map_err(lapack))
}

/// Returns an orthonormal basis of the columns of a tall matrix (n >= d), each in the span of those up to it: the `Q` of `A = Q R`.
///
/// Errors: a number is not finite, or there is none; the run stops.
pub fn orthonormal(a: ArrayView2<f64>, cx: &dyn Context) -> Result<Array2<f64>, Trouble> {
    one_thread();
    sound(&a)?;
    let (seconds, a) = (seconds(&a), a.as_standard_layout().into_owned());
    apart(cx, seconds, move || a.qr().map(|(q, _)| q).map_err(lapack))
}

/// Returns the lower triangular `L` with `L Lᵀ = A`.
///
/// Errors: the matrix is not positive definite, a number is not finite, or there is none.
pub fn cholesky(a: ArrayView2<f64>) -> Result<Array2<f64>, Trouble> {
    one_thread();
    sound(&a)?;
    a.to_owned().cholesky(UPLO::Lower).map_err(|_| Trouble::Indefinite)
}

/// Returns `L⁻¹ B` for a lower triangular `L`.
///
/// Errors: the triangle is singular.
pub fn solve_lower(l: ArrayView2<f64>, b: ArrayView2<f64>) -> Result<Array2<f64>, Trouble> {
    one_thread();
    sound(&l)?;
    sound(&b)?;
    let l = l.to_owned();
    l.solve_triangular(UPLO::Lower, Diag::NonUnit, &b.to_owned()).map_err(lapack)
}

/// Returns `A⁻¹ B` for a symmetric positive definite `A`.
///
/// Errors: as [`cholesky`].
pub fn solve_positive(a: ArrayView2<f64>, b: ArrayView2<f64>) -> Result<Array2<f64>, Trouble> {
    let l = cholesky(a)?;
    let half = solve_lower(l.view(), b)?;
    let upper = l.t().as_standard_layout().into_owned();
    upper.solve_triangular(UPLO::Upper, Diag::NonUnit, &half).map_err(lapack)
}

/// Turns each column so that its entry of largest magnitude (the first among equals) is positive.
pub fn fix_signs(vectors: &mut Array2<f64>) {
    for mut column in vectors.columns_mut() {
        let mut largest = 0.0f64;
        for v in column.iter() {
            if v.abs() > largest.abs() {
                largest = *v;
            }
        }
        if largest < 0.0 {
            column.mapv_inplace(|v| -v);
        }
    }
}

/// Leading right singular vectors.
#[derive(Clone, Debug)]
pub struct Leading {
    /// The vectors as columns, d x k, signs fixed by [`fix_signs`].
    pub vectors: Array2<f64>,
    /// All min(n, d) squared singular values, largest first; none below zero.
    pub squares: Vec<f64>,
    /// Whether a singular value decomposition was needed.
    pub by_svd: bool,
}

/// Smallest ratio of the last kept to the first eigenvalue for which the Gram matrix is accurate enough: rounding of about
/// 1e-16 of the first then leaves at least eight digits of the last.
const GRAM_RATIO: f64 = 1e-8;

/// Returns the `k` leading right singular vectors of an n x d matrix, k <= min(n, d).
///
/// Through the eigenvectors of the Gram matrix where n >= d and the spectrum allows it, else through a thin singular value
/// decomposition. Errors: a number is not finite, or there is none; LAPACK does not converge; the run stops.
pub fn leading_right(x: ArrayView2<f64>, k: usize, cx: &dyn Context) -> Result<Leading, Trouble> {
    sound(&x)?;
    let (n, d) = x.dim();
    let k = k.min(n).min(d);
    if n >= d {
        let (values, vectors) = symmetric_eigen(gram(x, cx)?.view(), cx)?;
        let accurate = k == 0 || values[k - 1] > GRAM_RATIO * values[0];
        if accurate {
            let mut vectors = vectors.slice(s![.., ..k]).to_owned();
            fix_signs(&mut vectors);
            return Ok(Leading { vectors, squares: values.iter().map(|v| v.max(0.0)).collect(), by_svd: false });
        }
    }
    let (values, vt) = if n >= d { right_svd(x, cx)? } else { thin_svd(x, cx).map(|(_, values, vt)| (values, vt))? };
    let mut vectors = vt.slice(s![..k, ..]).t().as_standard_layout().into_owned();
    fix_signs(&mut vectors);
    Ok(Leading { vectors, squares: values.iter().map(|v| v * v).collect(), by_svd: true })
}

/// Returns the Euclidean norm of a vector.
pub fn norm(v: ArrayView1<f64>) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}
