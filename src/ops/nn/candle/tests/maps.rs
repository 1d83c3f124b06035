//! Maps between positions: windows, weighted sums, and that each transpose is one.

use crate::ops::nn::candle::positions::{Sums, Windows};
use crate::ops::nn::tests::build::numbers;
use candle_core::{Device, Tensor};

fn tensor(len: usize, salt: u64, shape: &[usize]) -> Tensor {
    Tensor::from_vec(numbers(len, salt), shape, &Device::Cpu).unwrap()
}

/// Returns the sum of products of two tensors of as many numbers.
fn dot(a: &Tensor, b: &Tensor) -> f64 {
    let list = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    list(a).iter().zip(list(b)).map(|(a, b)| *a as f64 * b as f64).sum()
}

#[test]
fn windows_are_gathered_with_zeros_outside() {
    // A row 1, 2, 3; windows of 3 with a zero on each side, in a column of height 1.
    let (windows, _) = Windows::square([1, 3, 1, 3], [3, 1, 1, 1], &Device::Cpu).unwrap();
    let x = Tensor::new(&[[[1f32], [2.0], [3.0]]], &Device::Cpu).unwrap();
    let found = windows.gather(&x).unwrap().reshape((3, 3, 3)).unwrap().to_vec3::<f32>().unwrap();
    let rows: Vec<Vec<f32>> = found.into_iter().map(|w| w[1].clone()).collect();
    assert_eq!(rows, [[0.0, 1.0, 2.0], [1.0, 2.0, 3.0], [2.0, 3.0, 0.0]]);
    assert!(windows.holes());
}

#[test]
fn transposes_lead_back() {
    // <A x, y> = <x, A' y> for every map.
    for [h, w, kernel, stride, pad, dilation] in
        [[4, 5, 3, 1, 1, 1], [5, 6, 3, 2, 1, 1], [6, 6, 2, 2, 0, 1], [7, 5, 3, 2, 2, 2], [3, 3, 2, 3, 0, 1]]
    {
        let size = |n: usize| (n + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
        let (oh, ow) = (size(h), size(w));
        let (windows, _) = Windows::square([h, w, oh, ow], [kernel, stride, pad, dilation], &Device::Cpu).unwrap();
        let x = tensor(2 * h * w * 3, 1, &[2, h * w, 3]);
        let y = tensor(2 * oh * ow * kernel * kernel * 3, 2, &[2, oh * ow, kernel * kernel, 3]);
        let (a, b) = (dot(&windows.gather(&x).unwrap(), &y), dot(&x, &windows.scatter(&y).unwrap()));
        assert!((a - b).abs() < 1e-4, "{h} x {w}, kernel {kernel}: {a} and {b}");
    }
    let lists = vec![vec![(0, 0.5), (2, 0.25)], vec![], vec![(2, 2.0), (1, -1.0), (0, 1.0)], vec![(2, 1.0)]];
    let sums = Sums::new(3, &lists, &Device::Cpu).unwrap();
    let (x, y) = (tensor(2 * 3 * 2, 3, &[2, 3, 2]), tensor(2 * 4 * 2, 4, &[2, 4, 2]));
    let (a, b) = (dot(&sums.apply(&x).unwrap(), &y), dot(&x, &sums.transpose(&y).unwrap()));
    assert!((a - b).abs() < 1e-5, "{a} and {b}");
}
