//! Linear maps between the positions of images, as lists of places: windows of convolutions and pooling, interpolation, subsampling.
//!
//! A map gathers, for each position that goes out, a fixed number of positions that come in; its transpose gathers the other way. So gradients
//! need no additions into shared places, whose order would be chance on a GPU.

use candle_core::{Device, Result, Tensor};

/// A position that comes in, with its weight.
pub type Place = (usize, f32);

/// Positions to gather, the same number for each position that goes out.
#[derive(Debug)]
struct Side {
    /// Positions that go out, and places of each.
    to: usize,
    each: usize,
    /// The places, `to x each`; `from` stands for a place that is nowhere and counts as zeros.
    ids: Tensor,
    /// The weights, `1 x to x each x 1`; none where all are 1.
    weights: Option<Tensor>,
    holes: bool,
}

impl Side {
    fn new(from: usize, each: usize, lists: &[Vec<Place>], device: &Device) -> Result<Self> {
        let to = lists.len();
        let (mut ids, mut weights) = (vec![from as u32; to * each], vec![0f32; to * each]);
        for (list, (ids, weights)) in lists.iter().zip(ids.chunks_mut(each).zip(weights.chunks_mut(each))) {
            for ((place, weight), (i, w)) in list.iter().zip(ids.iter_mut().zip(weights)) {
                (*i, *w) = (*place as u32, *weight);
            }
        }
        let holes = ids.contains(&(from as u32));
        let plain = ids.iter().zip(&weights).all(|(i, w)| *i == from as u32 || *w == 1.0);
        let weights = if plain { None } else { Some(Tensor::from_vec(weights, (1, to, each, 1), device)?) };
        Ok(Side { to, each, ids: Tensor::from_vec(ids, to * each, device)?, weights, holes })
    }

    /// Returns what lies at the places: from `batch x from x c` to `batch x to x each x c`, without weights.
    fn gather(&self, x: &Tensor) -> Result<Tensor> {
        let (batch, _, c) = x.dims3()?;
        let x = if self.holes { x.pad_with_zeros(1, 0, 1)? } else { x.clone() };
        x.contiguous()?.index_select(&self.ids, 1)?.reshape((batch, self.to, self.each, c))
    }

    /// Returns the weighted sums: from `batch x from x c` to `batch x to x c`.
    fn sum(&self, x: &Tensor) -> Result<Tensor> {
        let all = self.gather(x)?;
        let all = match &self.weights {
            Some(weights) => all.broadcast_mul(weights)?,
            None => all,
        };
        if self.each == 1 { all.squeeze(2) } else { all.sum(2) }
    }
}

/// Turns lists round: for each position that came in, the lists that name it.
fn transposed(from: usize, lists: &[Vec<Place>]) -> Vec<Vec<Place>> {
    let mut out = vec![Vec::new(); from];
    for (i, list) in lists.iter().enumerate() {
        list.iter().for_each(|(place, weight)| out[*place].push((i, *weight)));
    }
    out
}

fn longest(lists: &[Vec<Place>]) -> usize {
    lists.iter().map(Vec::len).max().unwrap_or(0).max(1)
}

/// Weighted sums over places, and their transpose.
#[derive(Debug)]
pub struct Sums {
    forward: Side,
    back: Side,
}

impl Sums {
    /// Returns the map from `from` positions whose results are the weighted sums over the lists.
    ///
    /// Errors: what the device says.
    pub fn new(from: usize, lists: &[Vec<Place>], device: &Device) -> Result<Self> {
        let turned = transposed(from, lists);
        let forward = Side::new(from, longest(lists), lists, device)?;
        Ok(Sums { forward, back: Side::new(lists.len(), longest(&turned), &turned, device)? })
    }

    /// Returns the results: from `batch x from x c` to `batch x to x c`.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        self.forward.sum(x)
    }

    /// Returns the transpose's results: from `batch x to x c` to `batch x from x c`.
    pub fn transpose(&self, x: &Tensor) -> Result<Tensor> {
        self.back.sum(x)
    }
}

/// Windows of an image, each place of each apart, and their transpose.
#[derive(Debug)]
pub struct Windows {
    forward: Side,
    back: Side,
}

impl Windows {
    /// Returns the map from `from` positions to windows, each a list of places, `None` for a place outside.
    ///
    /// Errors: what the device says.
    pub fn new(from: usize, windows: &[Vec<Option<usize>>], device: &Device) -> Result<Self> {
        let each = windows.first().map_or(1, Vec::len).max(1);
        let outside = |place: &Option<usize>| (place.unwrap_or(from), 1.0);
        let lists: Vec<Vec<Place>> = windows.iter().map(|w| w.iter().map(outside).collect()).collect();
        let single: Vec<Vec<Place>> = windows.iter().flatten().map(|p| p.iter().map(|p| (*p, 1.0)).collect()).collect();
        let turned = transposed(from, &single);
        let forward = Side::new(from, each, &lists, device)?;
        Ok(Windows { forward, back: Side::new(single.len(), longest(&turned), &turned, device)? })
    }

    /// Returns the square windows of an image of `h x w` positions, `oh x ow` of them, places in the order of rows.
    pub fn square(
        [h, w, oh, ow]: [usize; 4],
        [kernel, stride, pad, dilation]: [usize; 4],
        device: &Device,
    ) -> Result<(Self, Vec<Vec<Option<usize>>>)> {
        let at =
            |start: usize, step: usize, size: usize| (start * stride + step * dilation).checked_sub(pad).filter(|at| *at < size);
        let one = |place: usize| -> Vec<Option<usize>> {
            let (oy, ox) = (place / ow, place % ow);
            let places = (0..kernel).flat_map(|ky| (0..kernel).map(move |kx| (ky, kx)));
            places.map(|(ky, kx)| Some(at(oy, ky, h)? * w + at(ox, kx, w)?)).collect()
        };
        let windows: Vec<_> = (0..oh * ow).map(one).collect();
        Ok((Windows::new(h * w, &windows, device)?, windows))
    }

    /// Returns the windows: from `batch x from x c` to `batch x windows x places x c`; places outside are zeros.
    pub fn gather(&self, x: &Tensor) -> Result<Tensor> {
        self.forward.gather(x)
    }

    /// Returns the sums of what windows hold of each position: from `batch x windows x places x c` to `batch x from x c`.
    pub fn scatter(&self, windows: &Tensor) -> Result<Tensor> {
        let (batch, to, each, c) = windows.dims4()?;
        self.back.sum(&windows.reshape((batch, to * each, c))?)
    }

    /// Returns whether a window has a place outside.
    pub fn holes(&self) -> bool {
        self.forward.holes
    }
}
