//! Layers of images that learn nothing: pooling, larger and smaller images.

/// Sizes of a pooling layer; windows may overlap and reach into the padding.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    /// Input height.
    pub h: usize,
    /// Input width.
    pub w: usize,
    /// Channels.
    pub c: usize,
    /// Output height.
    pub oh: usize,
    /// Output width.
    pub ow: usize,
    /// Edge of the window.
    pub kernel: usize,
    /// Distance between windows.
    pub stride: usize,
    /// Padding on each side.
    pub pad: usize,
}

/// Maximum over windows; padding counts as minus infinity, and of equal numbers the first counts.
#[derive(Clone, Copy, Debug)]
pub struct MaxPool(pub Windows);

/// Mean over windows; padding counts as zeros in the mean.
#[derive(Clone, Copy, Debug)]
pub struct AvgPool(pub Windows);

/// Mean over all positions.
#[derive(Clone, Copy, Debug)]
pub struct GlobalMean {
    /// Positions in one example.
    pub positions: usize,
    /// Channels.
    pub c: usize,
}

/// An image `factor` times as high and wide.
#[derive(Clone, Copy, Debug)]
pub struct Upsample {
    /// Input height.
    pub h: usize,
    /// Input width.
    pub w: usize,
    /// Channels.
    pub c: usize,
    /// How many times as high and wide.
    pub factor: usize,
    /// Whether to interpolate.
    pub bilinear: bool,
}

/// Two input places and the weight of the second.
type Between = (usize, usize, f32);

impl Upsample {
    /// Returns, for each output place along an axis, where it comes from: with s = (i + 1/2) / factor - 1/2, not below 0, places floor(s) and the next one.
    pub fn axis(&self, size: usize) -> Vec<Between> {
        (0..size * self.factor)
            .map(|i| {
                if !self.bilinear {
                    return (i / self.factor, i / self.factor, 0.0);
                }
                let s = ((i as f64 + 0.5) / self.factor as f64 - 0.5).max(0.0);
                let low = (s.floor() as usize).min(size - 1);
                (low, (low + 1).min(size - 1), (s - low as f64) as f32)
            })
            .collect()
    }

    /// Calls `f` with each output place and its four input places with their weights.
    pub fn each(&self, mut f: impl FnMut(usize, [(usize, f32); 4])) {
        let (ys, xs) = (self.axis(self.h), self.axis(self.w));
        for (y, (y0, y1, ty)) in ys.iter().enumerate() {
            for (x, (x0, x1, tx)) in xs.iter().enumerate() {
                let from = [
                    (y0 * self.w + x0, (1.0 - ty) * (1.0 - tx)),
                    (y0 * self.w + x1, (1.0 - ty) * tx),
                    (y1 * self.w + x0, ty * (1.0 - tx)),
                    (y1 * self.w + x1, ty * tx),
                ];
                f(y * xs.len() + x, from);
            }
        }
    }
}

/// Every `stride`-th position, with channels of zeros on both sides (the option-A shortcut of He et al. 2016).
#[derive(Clone, Copy, Debug)]
pub struct SubsamplePad {
    /// Input width.
    pub w: usize,
    /// Input height.
    pub h: usize,
    /// Input channels.
    pub c: usize,
    /// Output height.
    pub oh: usize,
    /// Output width.
    pub ow: usize,
    /// Output channels.
    pub n: usize,
    /// Distance between the positions taken.
    pub stride: usize,
}
