//! The comparison that a device's library must pass, with stand-ins for a library.

use super::super::comparison::{examine, examine_norm};
use super::super::conv::Gathered;
use super::super::layer::Products;
use super::super::native::{Way, columns, rows};
use super::super::norm::BatchNorm;
use crate::ops::nn::spec::Geometry;
use candle_core::{Device, Result, Tensor};
use std::cell::Cell;

fn composed(way: Way, g: &Geometry, products: Products, a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let of = Gathered::composed(*g, products, &Device::Cpu)?;
    match way {
        Way::Forward => of.convolve(a, b),
        Way::ByImages => of.back(a, b),
        Way::ByWeight => of.by_weight(a, b),
    }
}

#[test]
fn a_library_that_agrees_passes() {
    examine(&Device::Cpu, true, &|way, g, p, a, b| composed(way, g, p, a, b).map(Some)).unwrap();
}

#[test]
fn a_library_that_is_wrong_in_one_kind_of_gradient_is_refused() {
    for wrong in [Way::Forward, Way::ByImages, Way::ByWeight] {
        let said = examine(&Device::Cpu, true, &|way, g, p, a, b| {
            let right = composed(way, g, p, a, b)?;
            // Wrong by one part in a thousand, and in groups alone.
            Ok(Some(if way == wrong && g.groups > 1 { (right * 1.001)? } else { right }))
        });
        let said = said.unwrap_err();
        assert!(said.contains("4 groups, 32 bits) is not that of the composed operations"), "{said}");
    }
}

#[test]
fn a_library_that_gives_nan_or_other_bits_or_nothing_is_refused() {
    let nan = examine(&Device::Cpu, false, &|way, g, p, a, b| Ok(Some((composed(way, g, p, a, b)? * f64::NAN)?)));
    assert!(nan.unwrap_err().contains("is not that of"));
    let calls = Cell::new(0);
    let other = examine(&Device::Cpu, false, &|way, g, p, a, b| {
        calls.set(calls.get() + 1);
        Ok(Some((composed(way, g, p, a, b)? * (1.0 + 1e-6 * f64::from(calls.get())))?))
    });
    assert!(other.unwrap_err().contains("other bits the second time"));
    let none = examine(&Device::Cpu, false, &|_, _, _, _, _| Ok(None));
    assert!(none.unwrap_err().contains("no algorithm"));
    let fails = examine(&Device::Cpu, false, &|_, _, _, _, _| candle_core::bail!("not supported"));
    assert!(fails.unwrap_err().starts_with("it fails: not supported"));
}

/// cuDNN's layout of weights, held against candle's own convolution of one group, which takes `n x c x kernel x kernel`.
#[test]
fn weights_lie_as_the_library_has_them() {
    let g = Geometry { h: 5, w: 4, c: 3, oh: 5, ow: 4, n: 2, kernel: 3, stride: 1, pad: 1, dilation: 1, groups: 1 };
    let numbers = |len: usize| (0..len).map(|i| (i as f32 * 0.7).sin()).collect::<Vec<_>>();
    let x = Tensor::from_vec(numbers(60), (1, 60), &Device::Cpu).unwrap();
    let weight = Tensor::from_vec(numbers(54), 54, &Device::Cpu).unwrap();
    let own = composed(Way::Forward, &g, Products { short: false }, &x, &weight).unwrap();
    let images = x.reshape((1, 5, 4, 3)).unwrap().permute((0, 3, 1, 2)).unwrap().contiguous().unwrap();
    let turned = rows(&g, &weight).unwrap().reshape((2, 3, 3, 3)).unwrap().permute((0, 3, 1, 2)).unwrap().contiguous().unwrap();
    let theirs = images.conv2d(&turned, 1, 1, 1, 1).unwrap().permute((0, 2, 3, 1)).unwrap().contiguous().unwrap();
    let host = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for (a, b) in host(&own).iter().zip(host(&theirs)) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    let grouped = Geometry { c: 4, n: 6, groups: 2, ..g };
    let weight = Tensor::from_vec(numbers(108), 108, &Device::Cpu).unwrap();
    assert_eq!(host(&columns(&grouped, &rows(&grouped, &weight).unwrap()).unwrap()), host(&weight));
}

#[test]
fn a_batch_normalisation_that_is_wrong_is_refused() {
    type Spec = crate::ops::nn::spec::BatchNorm;
    let examined = |wrong: usize| {
        let made = |of: &Spec, n: usize, x: &Tensor, a: &Tensor, b: &Tensor| {
            let mut found = BatchNorm::composed(of, n, x, a, b)?;
            let all = [&mut found.y, &mut found.mean, &mut found.var, &mut found.inverse];
            if let Some(one) = all.into_iter().nth(wrong) {
                *one = (&*one * 1.001)?;
            }
            Ok(Some(found))
        };
        let back = |of: &Spec, n: usize, rows: (&Tensor, &Tensor), scale: &Tensor, statistics: (&Tensor, &Tensor)| {
            let mut found = BatchNorm::composed_back(of, n, rows, scale, statistics, false)?;
            if let Some(one) = wrong.checked_sub(4).and_then(|i| found.get_mut(i)) {
                *one = (&*one * 1.001)?;
            }
            Ok(Some(found))
        };
        examine_norm(&Device::Cpu, (&made, &back))
    };
    assert_eq!(examined(7), Ok(()));
    for wrong in 0..7 {
        let said = examined(wrong).unwrap_err();
        assert!(said.contains("of a batch normalisation of 3 features is not that of the composed operations"), "{said}");
    }
    let none = examine_norm(&Device::Cpu, (&|_, _, _, _, _| Ok(None), &|_, _, _, _, _| Ok(None)));
    assert_eq!(none, Err("it has no batch normalisation".to_string()));
}
