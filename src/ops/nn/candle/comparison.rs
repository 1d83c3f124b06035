//! Whether the library of a device computes what the composed operations do: compared once in a process, when a device is opened, on small shapes.
//! Where it does not, or gives other bits the second time, convolutions are composed.

use super::conv::Gathered;
use super::layer::{Normalised, Products};
#[cfg(feature = "cuda")]
use super::native;
use super::native::Way;
use super::norm;
use crate::ops::nn::spec::{BatchNorm, Geometry};
use candle_core::{Device, Result, Tensor};

/// Largest difference in 32 bits, relative to the largest number.
const CLOSE: f32 = 1e-4;
/// The same where factors and results have 16 bits, of which 8 are the number's digits.
const CLOSE_SHORT: f32 = 3e-2;
/// Examples of a batch.
const BATCH: usize = 3;

/// What the library makes of a convolution, as [`super::native::convolution`].
pub type Convolution<'a> = &'a dyn Fn(Way, &Geometry, Products, &Tensor, &Tensor) -> Result<Option<Tensor>>;

/// What it makes of a batch normalisation, as [`super::native::normalised`] and [`super::native::normalised_back`].
pub type Normalisation<'a> = (
    &'a dyn Fn(&BatchNorm, usize, &Tensor, &Tensor, &Tensor) -> Result<Option<Normalised>>,
    &'a dyn Fn(&BatchNorm, usize, (&Tensor, &Tensor), &Tensor, (&Tensor, &Tensor)) -> Result<Option<[Tensor; 3]>>,
);

/// Has convolutions and batch normalisation on a device go through its library where that passes. Returns the library's name; nothing where this build has none for it.
///
/// Errors: that it is left aside and why.
#[cfg(feature = "cuda")]
pub fn settle(device: &Device, short: bool) -> std::result::Result<Option<String>, String> {
    let Some(name) = native::library(device) else { return Ok(None) };
    // What a library does that was never seen here must not end the process.
    let found = std::panic::catch_unwind(|| {
        examine(device, short, &native::convolution)?;
        examine_norm(device, (&native::normalised, &native::normalised_back))
    });
    match found {
        Ok(Ok(())) => {
            native::trust(device);
            Ok(Some(name))
        }
        Ok(Err(why)) => Err(format!("{name} is not used: {why}")),
        Err(_) => Err(format!("{name} is not used: it panicked in the comparison with the composed operations")),
    }
}

/// Compares a library with the composed operations, in 32 bits and, where `short`, in 16.
///
/// Errors: where they differ first, or that the library computes nothing of all this.
pub fn examine(device: &Device, short: bool, library: Convolution) -> std::result::Result<(), String> {
    let mut computed = 0;
    for short in if short { &[false, true][..] } else { &[false] } {
        for g in shapes() {
            let one = compared(device, &g, Products { short: *short }, library);
            computed += one.map_err(|e| format!("it fails: {e}"))??;
        }
    }
    if computed == 0 { Err("it has no algorithm for any of the shapes tried".to_string()) } else { Ok(()) }
}

/// Convolutions as networks have them: 3 x 3 at stride 1 and 2, 1 x 1, 5 x 5 spread apart, in groups; heights other than widths.
fn shapes() -> Vec<Geometry> {
    let of = |[h, w, c, n]: [usize; 4], [kernel, stride, pad, dilation, groups]: [usize; 5]| {
        let windows = |size: usize| (size + 2 * pad - dilation * (kernel - 1) - 1) / stride + 1;
        Geometry { h, w, c, oh: windows(h), ow: windows(w), n, kernel, stride, pad, dilation, groups }
    };
    vec![
        of([8, 6, 16, 32], [3, 1, 1, 1, 1]),
        of([8, 7, 16, 24], [3, 2, 1, 1, 1]),
        of([6, 6, 8, 16], [1, 1, 0, 1, 1]),
        of([6, 6, 8, 16], [1, 2, 0, 1, 1]),
        of([9, 9, 3, 8], [5, 1, 4, 2, 1]),
        of([8, 8, 16, 16], [3, 1, 1, 1, 4]),
    ]
}

/// Compares all that there is of one convolution; returns how much of it the library computed, or where it differs.
fn compared(
    device: &Device,
    g: &Geometry,
    products: Products,
    library: Convolution,
) -> Result<std::result::Result<usize, String>> {
    let numbers = |rows: usize, each: usize, step: f32| numbers(device, rows, each, step);
    let x = numbers(BATCH, g.h * g.w * g.c, 0.61)?;
    let weight = numbers(1, g.groups * g.depth() * g.group_out(), 0.37)?.flatten_all()?;
    let dy = numbers(BATCH, g.windows() * g.n, 0.83)?;
    let composed = Gathered::composed(*g, products, device)?;
    let mut computed = 0;
    for (way, name) in [(Way::Forward, "output"), (Way::ByImages, "gradient by images"), (Way::ByWeight, "gradient by weights")] {
        let (a, b) = match way {
            Way::Forward => (&x, &weight),
            Way::ByImages => (&dy, &weight),
            Way::ByWeight => (&x, &dy),
        };
        let Some(first) = library(way, g, products, a, b)? else { continue };
        let right = match way {
            Way::Forward => composed.convolve(a, b)?,
            Way::ByImages => composed.back(a, b)?,
            Way::ByWeight => composed.by_weight(a, b)?,
        };
        let (first, right) = (host(&first)?, host(&right)?);
        let shape = format!(
            "of a {0} x {0} convolution (stride {1}, {2} groups, {3} bits)",
            g.kernel,
            g.stride,
            g.groups,
            if products.short { 16 } else { 32 }
        );
        if !agree(&first, &right, if products.short { CLOSE_SHORT } else { CLOSE }) {
            return Ok(Err(format!("its {name} {shape} is not that of the composed operations")));
        }
        let again = library(way, g, products, a, b)?.map(|x| host(&x)).transpose()?;
        if again.is_none_or(|again| again.iter().zip(&first).any(|(a, b)| a.to_bits() != b.to_bits())) {
            return Ok(Err(format!("its {name} {shape} has other bits the second time")));
        }
        computed += 1;
    }
    Ok(Ok(computed))
}

/// Compares a library's batch normalisation and its gradients with the composed ones: few features and many, at positions of one example and of
/// several.
///
/// Errors: where they differ first.
pub fn examine_norm(device: &Device, library: Normalisation) -> std::result::Result<(), String> {
    for (batch, positions, features) in [(5, 1, 3), (4, 30, 16), (3, 9, 130)] {
        let of = BatchNorm { positions, features, eps: 1e-5, momentum: 0.1, zero_scale: false, residual: false, relu: false };
        norm_compared(device, &of, batch, library).map_err(|e| format!("it fails: {e}"))??;
    }
    Ok(())
}

fn norm_compared(
    device: &Device,
    of: &BatchNorm,
    batch: usize,
    (forward, back): Normalisation,
) -> Result<std::result::Result<(), String>> {
    let rows = batch * of.positions;
    // Means far from 0 beside their spread, as behind a ReLU.
    let x = (numbers(device, rows, of.features, 0.61)? + 2.0)?;
    let d = numbers(device, rows, of.features, 0.83)?;
    let [scale, shift] = [0.37, 0.53].map(|step| numbers(device, 1, of.features, step).and_then(|x| x.flatten_all()));
    let (scale, shift) = (scale?, shift?);
    let right = norm::BatchNorm::composed(of, batch, &x, &scale, &shift)?;
    let statistics = (&right.mean, &right.inverse);
    let gradients = norm::BatchNorm::composed_back(of, batch, (&x, &d), &scale, statistics, false)?;
    let all = || -> Result<Option<Vec<Vec<f32>>>> {
        let Some(found) = forward(of, batch, &x, &scale, &shift)? else { return Ok(None) };
        let Some([a, b, c]) = back(of, batch, (&x, &d), &scale, statistics)? else { return Ok(None) };
        [found.y, found.mean, found.var, found.inverse, a, b, c].iter().map(host).collect::<Result<Vec<_>>>().map(Some)
    };
    let Some(first) = all()? else { return Ok(Err("it has no batch normalisation".to_string())) };
    let [a, b, c] = &gradients;
    let names = ["result", "means", "variances", "deviations", "gradient by inputs", "gradient by scales", "gradient by shifts"];
    for ((name, found), right) in names.iter().zip(&first).zip([&right.y, &right.mean, &right.var, &right.inverse, a, b, c]) {
        if !agree(found, &host(right)?, CLOSE) {
            let features = of.features;
            return Ok(Err(format!(
                "its {name} of a batch normalisation of {features} features is not that of the composed operations"
            )));
        }
    }
    let bits = |all: &[Vec<f32>]| all.iter().flatten().map(|x| x.to_bits()).collect::<Vec<_>>();
    match all()? {
        Some(again) if bits(&again) == bits(&first) => Ok(Ok(())),
        _ => Ok(Err("its batch normalisation has other bits the second time".to_string())),
    }
}

/// Returns numbers between -1 and 1.
fn numbers(device: &Device, rows: usize, each: usize, step: f32) -> Result<Tensor> {
    let all: Vec<f32> = (0..rows * each).map(|i| (1.0 + i as f32 * step).sin()).collect();
    Tensor::from_vec(all, (rows, each), device)
}

fn host(x: &Tensor) -> Result<Vec<f32>> {
    x.flatten_all()?.to_vec1::<f32>()
}

/// Returns whether numbers agree within a tolerance relative to the largest; NaN agrees with nothing.
fn agree(found: &[f32], right: &[f32], close: f32) -> bool {
    let largest = right.iter().fold(0f32, |m, x| m.max(x.abs()));
    found.len() == right.len() && found.iter().zip(right).all(|(a, b)| (a - b).abs() <= close * largest)
}
