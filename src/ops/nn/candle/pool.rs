//! Layers between positions of images: pooling, interpolation, subsampling.

use super::layer::{Backward, Gradients, Layer};
use super::positions::{Place, Sums, Windows};
use crate::ops::nn::spec::{self, Pass, Windows as Sizes};
use candle_core::{DType, Device, Result, Tensor};

/// Weighted sums over positions of each channel.
pub struct Linear {
    sums: Sums,
    from: usize,
    to: usize,
    c: usize,
}

impl Linear {
    fn new(from: usize, lists: &[Vec<Place>], c: usize, device: &Device) -> Result<Self> {
        Ok(Linear { sums: Sums::new(from, lists, device)?, from, to: lists.len(), c })
    }

    /// Returns the means over windows; places outside count as zeros.
    pub fn means(of: Sizes, device: &Device) -> Result<Self> {
        let (_, windows) = Windows::square([of.h, of.w, of.oh, of.ow], [of.kernel, of.stride, of.pad, 1], device)?;
        let weight = 1.0 / (of.kernel * of.kernel) as f32;
        let lists: Vec<Vec<Place>> = windows.iter().map(|w| w.iter().flatten().map(|p| (*p, weight)).collect()).collect();
        Linear::new(of.h * of.w, &lists, of.c, device)
    }

    /// Returns the interpolation of an image.
    pub fn upsampled(of: spec::Upsample, device: &Device) -> Result<Self> {
        let mut lists = vec![Vec::new(); of.h * of.w * of.factor * of.factor];
        of.each(|place, from| {
            let used = if of.bilinear { &from[..] } else { &from[..1] };
            lists[place] = used.iter().copied().filter(|f| f.1 != 0.0).collect();
        });
        Linear::new(of.h * of.w, &lists, of.c, device)
    }
}

impl Layer for Linear {
    fn forward(&self, pass: Pass, _state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        Ok((self.sums.apply(&inputs[0].reshape((pass.batch, self.from, self.c))?)?, Vec::new()))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        Ok(Gradients::input(self.sums.transpose(&b.grad.reshape((b.pass.batch, self.to, self.c))?)?))
    }
}

/// Maxima over windows; places outside count as minus infinity, and of equal numbers the first that the device finds counts.
pub struct MaxPool {
    of: Sizes,
    windows: Windows,
    /// 0 where a place lies inside, minus infinity elsewhere: `1 x windows x places x 1`.
    outside: Tensor,
    /// Numbers of places: `1 x 1 x places x 1`.
    numbers: Tensor,
}

impl MaxPool {
    /// Returns the layer of these sizes.
    pub fn new(of: Sizes, device: &Device) -> Result<Self> {
        let (windows, lists) = Windows::square([of.h, of.w, of.oh, of.ow], [of.kernel, of.stride, of.pad, 1], device)?;
        let places = of.kernel * of.kernel;
        let outside = lists.iter().flatten().map(|p| if p.is_some() { 0f32 } else { f32::NEG_INFINITY }).collect::<Vec<_>>();
        Ok(MaxPool {
            windows,
            outside: Tensor::from_vec(outside, (1, lists.len(), places, 1), device)?,
            numbers: Tensor::arange(0u32, places as u32, device)?.reshape((1, 1, places, 1))?,
            of,
        })
    }
}

impl Layer for MaxPool {
    /// Saves which place of each window has the maximum.
    fn forward(&self, pass: Pass, _state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let of = &self.of;
        let all = self.windows.gather(&inputs[0].reshape((pass.batch, of.h * of.w, of.c))?)?;
        let all = if self.windows.holes() { all.broadcast_add(&self.outside)? } else { all };
        Ok((all.max(2)?, vec![all.argmax(2)?]))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let of = &self.of;
        let [best] = b.saved else { candle_core::bail!("a maximum without its forward pass") };
        let dy = b.grad.reshape((b.pass.batch, of.oh * of.ow, 1, of.c))?;
        let chosen = best.unsqueeze(2)?.broadcast_eq(&self.numbers)?.to_dtype(DType::F32)?;
        Ok(Gradients::input(self.windows.scatter(&chosen.broadcast_mul(&dy)?)?))
    }
}

/// The mean over all positions.
pub struct GlobalMean(pub spec::GlobalMean);

impl Layer for GlobalMean {
    fn forward(&self, pass: Pass, _state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        Ok((inputs[0].reshape((pass.batch, self.0.positions, self.0.c))?.mean(1)?, Vec::new()))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let dy = (b.grad.reshape((b.pass.batch, 1, self.0.c))? / self.0.positions as f64)?;
        Ok(Gradients::input(dy.broadcast_as((b.pass.batch, self.0.positions, self.0.c))?.contiguous()?))
    }
}

/// Every n-th position, with channels of zeros on both sides.
pub struct SubsamplePad {
    of: spec::SubsamplePad,
    sums: Sums,
}

impl SubsamplePad {
    /// Returns the layer of these sizes.
    pub fn new(of: spec::SubsamplePad, device: &Device) -> Result<Self> {
        let at = |place: usize| (place / of.ow * of.stride) * of.w + place % of.ow * of.stride;
        let lists: Vec<Vec<Place>> = (0..of.oh * of.ow).map(|place| vec![(at(place), 1.0)]).collect();
        Ok(SubsamplePad { sums: Sums::new(of.h * of.w, &lists, device)?, of })
    }
}

impl Layer for SubsamplePad {
    fn forward(&self, pass: Pass, _state: &mut [Tensor], inputs: &[Tensor]) -> Result<(Tensor, Vec<Tensor>)> {
        let of = &self.of;
        let x = self.sums.apply(&inputs[0].reshape((pass.batch, of.h * of.w, of.c))?)?;
        let low = (of.n - of.c) / 2;
        Ok((x.pad_with_zeros(2, low, of.n - of.c - low)?, Vec::new()))
    }

    fn backward(&self, b: &Backward) -> Result<Gradients> {
        let of = &self.of;
        let dy = b.grad.reshape((b.pass.batch, of.oh * of.ow, of.n))?.narrow(2, (of.n - of.c) / 2, of.c)?;
        Ok(Gradients::input(self.sums.transpose(&dy.contiguous()?)?))
    }
}
