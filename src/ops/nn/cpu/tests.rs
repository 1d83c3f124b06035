//! Products in tiles, sums of columns and cross-entropy against plain sums in 64 bits.

use super::Geometry;
use super::gemm::{Matrix, long_product, long_product_scratch, product, product_turned};
use super::layer::{Backward, Layer, Saved, Sink};
use super::parallel::column_sums;
use super::winograd;
use crate::base::Stream;
use crate::ops::nn::loss::cross_entropy;
use crate::ops::nn::spec::Conv;
use crate::ops::nn::spec::Pass;

/// Returns numbers between -1 and 1.
fn numbers(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0).collect()
}

/// Checks an m x n product over k terms, whose factors `a(row, term)` and `b(term, col)` return.
fn check(
    size: (usize, usize, usize),
    found: &[f32],
    a: impl Fn(usize, usize) -> f32,
    b: impl Fn(usize, usize) -> f32,
    plus: f64,
) {
    let (m, n, k) = size;
    for i in (0..m).step_by(7).chain([m - 1]) {
        for j in (0..n).step_by(5).chain([n - 1]) {
            let wanted = plus + (0..k).map(|t| a(i, t) as f64 * b(t, j) as f64).sum::<f64>();
            let got = found[i * n + j] as f64;
            assert!((got - wanted).abs() < 2e-6 * k as f64, "{size:?}, entry {i}, {j}: {got}, not {wanted}");
        }
    }
}

/// Runs `f` on `threads` threads.
fn on<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
}

#[test]
fn products_of_several_tiles_are_right_on_any_number_of_threads() {
    for size in [(300, 200, 500), (700, 150, 33), (64, 1000, 900), (5, 3, 2), (1, 257, 40)] {
        let (m, n, k) = size;
        let (a, b, bias) = (numbers(m * k, 1), numbers(k * n, 2), vec![0.5; n]);
        let run = |threads| {
            on(threads, || {
                let mut out = vec![2f32; m * n];
                product(size, &mut out, Matrix::rows(&a, k), |cols| Matrix::rows(&b[cols.start..], n), &bias, true);
                let mut turned = vec![f32::NAN; m * n];
                // The same numbers read as n x k.
                product_turned(size, &mut turned, &a, &b, false, &mut vec![0.0; n * k]);
                (out, turned)
            })
        };
        let (out, turned) = run(1);
        check(size, &out, |i, t| a[i * k + t], |t, j| b[t * n + j], 2.5);
        check(size, &turned, |i, t| a[i * k + t], |t, j| b[j * k + t], 0.0);
        assert!((out, turned) == run(3), "{size:?}: bits depend on the number of threads");
    }
}

#[test]
fn long_sums_are_taken_in_parts_and_right_on_any_number_of_threads() {
    for (size, in_parts) in [((30, 50, 9001), true), ((64, 256, 4099), true), ((200, 300, 130), false)] {
        let (m, n, k) = size;
        assert_eq!(long_product_scratch(size) > 0, in_parts, "{size:?}");
        let (a, b) = (numbers(k * m, 3), numbers(k * n, 4));
        let run = |threads| {
            on(threads, || {
                let mut out = vec![f32::NAN; m * n];
                long_product(size, &mut out, &a, &b, &mut vec![f32::NAN; long_product_scratch(size)]);
                out
            })
        };
        let out = run(1);
        check(size, &out, |i, t| a[t * m + i], |t, j| b[t * n + j], 0.0);
        assert!(out == run(3), "{size:?}: bits depend on the number of threads");
    }
}

#[test]
fn columns_of_narrow_and_wide_matrices_are_summed() {
    for (rows, width) in [(1500, 7), (130, 2048), (67, 2500), (1, 5000)] {
        let matrix = numbers(rows * width, 5);
        let mut out = vec![f32::NAN; width];
        column_sums(&matrix, width, &mut out);
        for (j, found) in out.iter().enumerate() {
            let wanted: f64 = (0..rows).map(|i| matrix[i * width + j] as f64).sum();
            assert!((*found as f64 - wanted).abs() < 1e-4, "{rows} x {width}, column {j}: {found}, not {wanted}");
        }
    }
}

#[test]
fn cross_entropy_over_many_classes_and_its_gradient_are_those_in_64_bits() {
    let (rows, classes, scale) = (40, 777, 0.25);
    for smoothing in [0.0, 0.1] {
        let mut scores: Vec<f32> = numbers(rows * classes, 6).iter().map(|x| 6.0 * x).collect();
        let labels: Vec<u32> = (0..rows as u32).map(|i| i * 19 % classes as u32).collect();
        // A row that is nearly sure, and one far from zero.
        scores[labels[0] as usize] = 25.0;
        scores[classes..2 * classes].iter_mut().for_each(|s| *s += 3000.0);
        let (mut losses, mut unasked, mut grad) = (vec![0.0; rows], vec![0.0; rows], vec![f32::NAN; rows * classes]);
        cross_entropy(&scores, &labels, smoothing, &mut losses, Some((&mut grad, scale)));
        cross_entropy(&scores, &labels, smoothing, &mut unasked, None);
        assert_eq!(losses, unasked);
        for row in 0..rows {
            let own: Vec<f64> = scores[row * classes..][..classes].iter().map(|s| *s as f64).collect();
            let top = own.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
            let log_total = top + own.iter().map(|s| (s - top).exp()).sum::<f64>().ln();
            let mut loss = 0.0;
            for (c, s) in own.iter().enumerate() {
                let target = smoothing / classes as f64 + if c == labels[row] as usize { 1.0 - smoothing } else { 0.0 };
                loss += target * (log_total - s);
                let (found, wanted) = (grad[row * classes + c] as f64, scale * ((s - log_total).exp() - target));
                assert!((found - wanted).abs() < 1e-6 * wanted.abs() + 1e-9, "row {row}, class {c}: {found}, not {wanted}");
            }
            assert!((losses[row] - loss).abs() < 1e-6 * (1.0 + loss), "row {row}: {}, not {loss}", losses[row]);
        }
    }
}

#[test]
fn convolutions_with_fewer_multiplications_are_right_on_any_number_of_threads() {
    for (h, w, pad) in [(7, 9, 1), (8, 8, 1), (6, 5, 0), (5, 4, 2)] {
        let (batch, c, n) = (67, 64, 80);
        let geometry =
            Geometry { h, w, c, oh: h + 2 * pad - 2, ow: w + 2 * pad - 2, n, kernel: 3, stride: 1, pad, dilation: 1, groups: 1 };
        assert!(winograd::suits(&geometry, batch) && winograd::suits(&geometry.back(), batch));
        let (oh, ow) = (geometry.oh, geometry.ow);
        let (x, weight, dy) = (numbers(batch * h * w * c, 1), numbers(9 * c * n, 2), numbers(batch * oh * ow * n, 3));
        let conv = Conv { geometry, bias: true };
        let run = |threads| {
            on(threads, || {
                let pass = Pass { batch, training: true, stream: Stream::root(0) };
                let mut state = [weight.clone(), vec![0.5; n]];
                let (mut out, mut saved) = (vec![0.0; dy.len()], Saved::default());
                conv.forward(pass, &mut state, &[&x], &mut out, &mut saved);
                // The gradient by the input is added to ones.
                let mut dx = vec![1.0; x.len()];
                let mut grads = [vec![0.0; weight.len()], vec![0.0; n]];
                conv.backward(Backward {
                    pass,
                    state: &state,
                    inputs: &[&x],
                    output: &out,
                    saved: &saved,
                    grad: &dy,
                    sinks: &mut [Some(Sink { out: &mut dx, add: true })],
                    grad_state: &mut grads,
                    work: &mut Vec::new(),
                });
                let [dw, db] = grads;
                [out, dx, dw, db]
            })
        };
        let [out, dx, dw, db] = run(1);
        // Input place of an output place and a place of the kernel.
        let from = |image: usize, y: usize, xx: usize, place: usize| {
            let (y, xx) = (y + place / 3, xx + place % 3);
            let inside = y >= pad && xx >= pad && y - pad < h && xx - pad < w;
            inside.then(|| ((image * h + y - pad) * w + xx - pad) * c)
        };
        let (mut by_input, mut by_weight) = (vec![1f64; x.len()], vec![0f64; weight.len()]);
        for row in 0..batch * oh * ow {
            let (image, y, xx) = (row / (oh * ow), row / ow % oh, row % ow);
            for o in (0..n).step_by(3) {
                let sum: f64 = (0..9)
                    .filter_map(|place| from(image, y, xx, place).map(|at| (place, at)))
                    .flat_map(|(place, at)| (0..c).map(move |i| (at + i, (place * c + i) * n + o)))
                    .map(|(i, k)| x[i] as f64 * weight[k] as f64)
                    .sum();
                let got = out[row * n + o] as f64;
                assert!((got - sum - 0.5).abs() < 1e-4, "output {row}, {o}: {got}, not {}", sum + 0.5);
            }
            for place in 0..9 {
                let Some(at) = from(image, y, xx, place) else { continue };
                for i in 0..c {
                    for o in 0..n {
                        let d = dy[row * n + o] as f64;
                        by_input[at + i] += d * weight[(place * c + i) * n + o] as f64;
                        by_weight[(place * c + i) * n + o] += d * x[at + i] as f64;
                    }
                }
            }
        }
        assert!(dx.iter().zip(&by_input).all(|(a, b)| (*a as f64 - b).abs() < 2e-4));
        assert!(dw.iter().zip(&by_weight).all(|(a, b)| (*a as f64 - b).abs() < 2e-3));
        assert!([out, dx, dw, db] == run(3), "bits depend on the number of threads");
    }
}
