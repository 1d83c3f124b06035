//! Matrices brought to a scale at which squares neither overflow nor vanish, with what is the same for all examples taken away exactly.
//!
//! Scales are powers of two, so that numbers keep their digits. A unit is constant where its smallest number equals its largest.

use crate::engine::Failure;
use ndarray::{Array1, Array2, ArrayView2, Axis};

/// A matrix (examples x units) whose columns have mean zero, at a scale where its largest number is from 1 up to 2 (or all are 0).
pub struct Centred {
    /// The numbers, in units of `2^exponent`.
    pub x: Array2<f64>,
    /// The scale.
    pub exponent: i32,
    /// What was taken away from each column: its mean, as it was.
    pub means: Array1<f64>,
}

impl Centred {
    /// Returns whether all rows are the same.
    pub fn is_nothing(&self) -> bool {
        self.x.iter().all(|v| *v == 0.0)
    }
}

/// Returns the exponent of the largest magnitude among numbers: `2^e <= |v| < 2^(e + 1)`; 0 where all are zero.
pub fn exponent<'a>(numbers: impl IntoIterator<Item = &'a f64>) -> i32 {
    let largest = numbers.into_iter().fold(0.0f64, |m, v| m.max(v.abs()));
    if largest > 0.0 && largest.is_finite() { largest.log2().floor() as i32 } else { 0 }
}

/// Multiplies numbers by `2^by`, in two steps where one would leave the range of floats.
pub fn shift<'a>(numbers: impl IntoIterator<Item = &'a mut f64>, by: i32) {
    let (first, second) = (2f64.powi(by / 2), 2f64.powi(by - by / 2));
    if by != 0 {
        numbers.into_iter().for_each(|v| *v = *v * first * second);
    }
}

/// Brings results back to the scale of the data: `2^by` times what they are.
///
/// Errors: a number is then beyond the range of floats; `what` names it.
pub fn restore<'a>(numbers: impl IntoIterator<Item = &'a mut f64>, by: i32, what: &str) -> Result<(), Failure> {
    let mut fits = true;
    for number in numbers {
        let finite = number.is_finite();
        shift([&mut *number], by);
        fits &= number.is_finite() || !finite;
    }
    if fits { Ok(()) } else { Err(Failure::overflows(what)) }
}

/// Returns a matrix at a scale where its largest number is from 1 up to 2, and the exponent of that scale.
pub fn scaled(x: ArrayView2<f64>) -> (Array2<f64>, i32) {
    let exponent = exponent(x.iter());
    let mut out = x.to_owned();
    shift(out.iter_mut(), -exponent);
    (out, exponent)
}

/// Returns a matrix without its first row (taken from all rows, which no distance or correlation sees), and the exponent of its scale.
///
/// What is the same for all examples is then exactly 0, and shifting all rows by what floats can hold changes nothing.
pub fn from_first(x: ArrayView2<f64>) -> (Array2<f64>, i32) {
    // Halves cannot overflow when they are subtracted.
    let halved = exponent(x.iter()) > 1020;
    let mut out = x.to_owned();
    if halved {
        shift(out.iter_mut(), -2);
    }
    if let Some(first) = out.rows().into_iter().next().map(|r| r.to_owned()) {
        out.rows_mut().into_iter().for_each(|mut row| row -= &first);
    }
    let exponent = exponent(out.iter());
    shift(out.iter_mut(), -exponent);
    (out, exponent + if halved { 2 } else { 0 })
}

/// Returns a matrix with its column means taken away.
pub fn centred(x: ArrayView2<f64>) -> Centred {
    let (mut out, from) = from_first(x);
    let mut means = out.mean_axis(Axis(0)).unwrap_or_else(|| Array1::zeros(out.ncols()));
    out -= &means;
    // Differences that cancel leave smaller numbers than there were.
    let more = exponent(out.iter());
    shift(out.iter_mut(), -more);
    // A mean fits where its numbers do, though its distance from the first may not.
    let low = if from > 1020 { 2 } else { 0 };
    shift(means.iter_mut(), from - low);
    if let Some(first) = x.rows().into_iter().next() {
        let mut first = first.to_owned();
        shift(first.iter_mut(), -low);
        means += &first;
    }
    shift(means.iter_mut(), low);
    Centred { x: out, exponent: from + more, means }
}

/// Returns the columns whose numbers are not all the same.
pub fn varying(x: ArrayView2<f64>) -> Vec<usize> {
    let varies = |j: &usize| x.column(*j).iter().any(|v| *v != x[[0, *j]]);
    if x.nrows() == 0 { Vec::new() } else { (0..x.ncols()).filter(varies).collect() }
}

/// Returns the Euclidean norm of numbers.
pub fn norm(numbers: &Array1<f64>) -> f64 {
    let exponent = exponent(numbers);
    let mut x = numbers.to_owned();
    shift(x.iter_mut(), -exponent);
    let mut length = [x.iter().map(|v| v * v).sum::<f64>().sqrt()];
    shift(length.iter_mut(), exponent);
    length[0]
}
