//! Windows of channels-last images as the rows of a matrix, and back.

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Input height.
    pub h: usize,
    /// Input width.
    pub w: usize,
    /// Input channels, all groups together.
    pub c: usize,
    /// Output height.
    pub oh: usize,
    /// Output width.
    pub ow: usize,
    /// Output channels, all groups together.
    pub n: usize,
    /// Edge of the square window.
    pub kernel: usize,
    /// Distance between windows.
    pub stride: usize,
    /// Zeros on each side.
    pub pad: usize,
    /// Distance between places within a window.
    pub dilation: usize,
    /// Number of groups.
    pub groups: usize,
}

impl Geometry {
    /// Returns the input channels of one group.
    pub fn group_in(&self) -> usize {
        self.c / self.groups
    }

    /// Returns the output channels of one group.
    pub fn group_out(&self) -> usize {
        self.n / self.groups
    }

    /// Returns the length of one window of one group.
    pub fn depth(&self) -> usize {
        self.kernel * self.kernel * self.group_in()
    }

    /// Returns the number of windows of one image.
    pub fn windows(&self) -> usize {
        self.oh * self.ow
    }

    /// Returns whether a window is one position, so that the image is its own matrix of windows.
    pub fn pointwise(&self) -> bool {
        self.kernel == 1 && self.stride == 1 && self.pad == 0
    }

    /// Returns the number of windows of one tile: a function of the sizes alone.
    pub fn tile(&self) -> usize {
        (TILE / self.depth().max(1)).clamp(96, 1024)
    }

    /// Writes windows `start..` of the batch, counted through all images, as rows of `cols`.
    pub fn gather(&self, x: &[f32], start: usize, group: usize, cols: &mut [f32]) {
        let (k, c, cg) = (self.kernel, self.c, self.group_in());
        let line_len = k * cg;
        for (i, row) in cols.chunks_exact_mut(self.depth()).enumerate() {
            let (image, y0, x0) = self.origin(start + i);
            let image = &x[image];
            for (ky, line) in row.chunks_exact_mut(line_len).enumerate() {
                let y = y0 + (ky * self.dilation) as isize;
                if y < 0 || y >= self.h as isize {
                    line.fill(0.0);
                    continue;
                }
                let source = &image[y as usize * self.w * c..][..self.w * c];
                if self.dilation == 1 && self.groups == 1 {
                    let low = (-x0).clamp(0, k as isize) as usize;
                    let high = (self.w as isize - x0).clamp(low as isize, k as isize) as usize;
                    line[..low * c].fill(0.0);
                    line[high * c..].fill(0.0);
                    if high > low {
                        let from = (x0 + low as isize) as usize * c;
                        line[low * c..high * c].copy_from_slice(&source[from..from + (high - low) * c]);
                    }
                    continue;
                }
                for (kx, place) in line.chunks_exact_mut(cg).enumerate() {
                    let xx = x0 + (kx * self.dilation) as isize;
                    if xx < 0 || xx >= self.w as isize {
                        place.fill(0.0);
                    } else {
                        place.copy_from_slice(&source[xx as usize * c + group * cg..][..cg]);
                    }
                }
            }
        }
    }

    /// Adds rows of windows `start..`, counted through all images, back to where they came from.
    pub fn scatter(&self, cols: &[f32], start: usize, group: usize, images: &mut [f32]) {
        let (k, c, cg) = (self.kernel, self.c, self.group_in());
        let plain = self.dilation == 1 && self.groups == 1;
        for (i, row) in cols.chunks_exact(self.depth()).enumerate() {
            let (image, y0, x0) = self.origin(start + i);
            let image = &mut images[image];
            for (ky, line) in row.chunks_exact(k * cg).enumerate() {
                let y = y0 + (ky * self.dilation) as isize;
                if y < 0 || y >= self.h as isize {
                    continue;
                }
                let target = &mut image[y as usize * self.w * c..][..self.w * c];
                if plain {
                    let low = (-x0).clamp(0, k as isize) as usize;
                    let high = (self.w as isize - x0).clamp(low as isize, k as isize) as usize;
                    let at = (x0 + low as isize).max(0) as usize * c;
                    target[at.min(self.w * c)..].iter_mut().zip(&line[low * c..high * c]).for_each(|(o, v)| *o += v);
                    continue;
                }
                for (kx, values) in line.chunks_exact(cg).enumerate() {
                    let xx = x0 + (kx * self.dilation) as isize;
                    if xx >= 0 && xx < self.w as isize {
                        let to = &mut target[xx as usize * c + group * cg..][..cg];
                        to.iter_mut().zip(values).for_each(|(o, v)| *o += v);
                    }
                }
            }
        }
    }

    /// Returns the range of the image that a window lies in, and the window's first row and column, which may be in the padding.
    fn origin(&self, window: usize) -> (std::ops::Range<usize>, isize, isize) {
        let size = self.h * self.w * self.c;
        let (image, place) = (window / self.windows(), window % self.windows());
        let (oy, ox) = (place / self.ow, place % self.ow);
        let pad = self.pad as isize;
        (image * size..(image + 1) * size, (oy * self.stride) as isize - pad, (ox * self.stride) as isize - pad)
    }
}

/// Numbers of one tile of windows, about what a second-level cache holds.
const TILE: usize = 1 << 17;
