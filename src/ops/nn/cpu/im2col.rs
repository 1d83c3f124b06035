//! Windows of channels-last images as the rows of a matrix, and back.

use super::functions::wide;
use crate::ops::nn::spec::Geometry;

impl Geometry {
    /// Returns the number of windows of one tile: a function of the sizes alone.
    pub fn tile(&self) -> usize {
        (TILE / self.depth().max(1)).clamp(96, 1024)
    }

    /// Writes windows `start..` of the batch, counted through all images, as rows of `cols`.
    pub fn gather(&self, x: &[f32], start: usize, group: usize, cols: &mut [f32]) {
        let (depth, size) = (self.depth(), self.h * self.w * self.c);
        let mut rest = cols;
        for (image, place, count) in self.runs(start, rest.len() / depth) {
            let (run, after) = std::mem::take(&mut rest).split_at_mut(count * depth);
            gather_run(self, &x[image * size..][..size], place, group, run);
            rest = after;
        }
    }

    /// Adds rows of windows `start..`, counted through all images, back to where they came from.
    pub fn scatter(&self, cols: &[f32], start: usize, group: usize, images: &mut [f32]) {
        let (depth, size) = (self.depth(), self.h * self.w * self.c);
        let mut rest = cols;
        for (image, place, count) in self.runs(start, rest.len() / depth) {
            let (run, after) = rest.split_at(count * depth);
            scatter_run(self, run, place, group, &mut images[image * size..][..size]);
            rest = after;
        }
    }

    /// Returns windows `start..start + count` of a batch by rows of outputs: image, place of the first window within it, number of windows.
    fn runs(&self, start: usize, count: usize) -> impl Iterator<Item = (usize, (usize, usize), usize)> {
        let (ow, windows, end) = (self.ow, self.windows(), start + count);
        let mut at = start;
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let place = (at % windows / ow, at % ow);
            let run = (at / windows, place, (ow - place.1).min(end - at));
            at += run.2;
            Some(run)
        })
    }

    /// Returns the row of the image that a row of a window lies in, unless that is padding.
    fn row(&self, oy: usize, ky: usize) -> Option<usize> {
        (oy * self.stride + ky * self.dilation).checked_sub(self.pad).filter(|y| *y < self.h)
    }

    /// Returns the column of a window's first place in the image, padding to the left counted negative.
    fn column(&self, ox: usize) -> isize {
        (ox * self.stride) as isize - self.pad as isize
    }

    /// Returns which places of a window's row lie inside the image, for windows without gaps.
    fn inside(&self, x0: isize) -> (usize, usize) {
        let low = (-x0).clamp(0, self.kernel as isize) as usize;
        (low, (self.w as isize - x0).clamp(low as isize, self.kernel as isize) as usize)
    }
}

wide! {
    /// Writes windows that lie side by side in one image, from output row and column `place` on.
    fn gather_run(g: &Geometry, image: &[f32], place: (usize, usize), group: usize, cols: &mut [f32]) {
        let (c, cg, depth, len) = (g.c, g.group_in(), g.depth(), g.kernel * g.group_in());
        let plain = g.dilation == 1 && g.groups == 1;
        for ky in 0..g.kernel {
            let Some(y) = g.row(place.0, ky) else {
                cols.chunks_exact_mut(depth).for_each(|row| row[ky * len..][..len].fill(0.0));
                continue;
            };
            let source = &image[y * g.w * c..][..g.w * c];
            for (i, row) in cols.chunks_exact_mut(depth).enumerate() {
                let (line, x0) = (&mut row[ky * len..][..len], g.column(place.1 + i));
                if plain {
                    let (low, high) = g.inside(x0);
                    if high - low == g.kernel {
                        copy(line, &source[x0 as usize * c..][..len]);
                        continue;
                    }
                    line[..low * c].fill(0.0);
                    line[high * c..].fill(0.0);
                    if high > low {
                        let from = (x0 + low as isize) as usize * c;
                        line[low * c..high * c].copy_from_slice(&source[from..from + (high - low) * c]);
                    }
                    continue;
                }
                for (kx, to) in line.chunks_exact_mut(cg).enumerate() {
                    let xx = x0 + (kx * g.dilation) as isize;
                    if xx < 0 || xx >= g.w as isize {
                        to.fill(0.0);
                    } else {
                        to.copy_from_slice(&source[xx as usize * c + group * cg..][..cg]);
                    }
                }
            }
        }
    }
}

wide! {
    /// Adds windows that lie side by side in one image, from output row and column `place` on, back to it.
    fn scatter_run(g: &Geometry, cols: &[f32], place: (usize, usize), group: usize, image: &mut [f32]) {
        let (c, cg, depth, len) = (g.c, g.group_in(), g.depth(), g.kernel * g.group_in());
        let plain = g.dilation == 1 && g.groups == 1;
        for ky in 0..g.kernel {
            let Some(y) = g.row(place.0, ky) else { continue };
            let target = &mut image[y * g.w * c..][..g.w * c];
            for (i, row) in cols.chunks_exact(depth).enumerate() {
                let (line, x0) = (&row[ky * len..][..len], g.column(place.1 + i));
                if plain {
                    let (low, high) = g.inside(x0);
                    if high > low {
                        let to = &mut target[(x0 + low as isize) as usize * c..][..(high - low) * c];
                        to.iter_mut().zip(&line[low * c..]).for_each(|(o, v)| *o += v);
                    }
                    continue;
                }
                for (kx, values) in line.chunks_exact(cg).enumerate() {
                    let xx = x0 + (kx * g.dilation) as isize;
                    if xx >= 0 && xx < g.w as isize {
                        let to = &mut target[xx as usize * c + group * cg..][..cg];
                        to.iter_mut().zip(values).for_each(|(o, v)| *o += v);
                    }
                }
            }
        }
    }
}

/// Copies a line, without a call where it is short and whole vectors.
#[inline(always)]
fn copy(to: &mut [f32], from: &[f32]) {
    const LANES: usize = 16;
    if !to.len().is_multiple_of(LANES) || to.len() > 16 * LANES {
        return to.copy_from_slice(from);
    }
    for (to, from) in to.chunks_exact_mut(LANES).zip(from.chunks_exact(LANES)) {
        if let (Ok(to), Ok(from)) = (<&mut [f32; LANES]>::try_from(to), <&[f32; LANES]>::try_from(from)) {
            *to = *from;
        }
    }
}

/// Numbers of one tile of windows, about what a second-level cache holds.
const TILE: usize = 1 << 17;
