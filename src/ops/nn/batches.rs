//! From a data set to batches: normalisation, the order of an epoch, augmentation.

use super::given::{Given, constructor, elements};
use crate::base::Stream;
use crate::engine::value::{Dataset, Images, Pixels};
use crate::lang::Static;
use crate::settings;
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// The widest border that images are padded with.
const PAD: f64 = 4096.0;

settings! {
    /// Fields of `crop`.
    struct Crop("crop") { pad: Given }
}
settings! {
    /// Fields of `gaussian_noise`.
    struct Noise("gaussian_noise") { sigma: Given }
}

/// A random change of an example, different in every epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Augment {
    /// Pads with black on all sides and cuts out the original size at a random place.
    Crop { pad: usize },
    /// Mirrors left and right with probability 1/2.
    Flip,
    /// Adds N(0, sigma^2) to every number of the normalised example.
    Noise { sigma: f64 },
}

impl Augment {
    /// Returns the list that a setting names.
    ///
    /// Errors: a value out of its range, in a sentence.
    pub fn parse(setting: &Static) -> Result<Vec<Self>, String> {
        elements(setting)
            .iter()
            .map(|item| {
                let (name, fields) = constructor(item)?.unwrap_or_default();
                match name {
                    "crop" => match Crop::read(&fields).pad.0 {
                        pad if pad >= 0.0 && pad.fract() == 0.0 && pad <= PAD => Ok(Augment::Crop { pad: pad as usize }),
                        pad => Err(format!("`crop({pad})` has no such border: a whole number of pixels from 0 to {PAD}")),
                    },
                    "flip" => Ok(Augment::Flip),
                    "gaussian_noise" => match Noise::read(&fields).sigma.0 {
                        sigma if sigma >= 0.0 && sigma.is_finite() => Ok(Augment::Noise { sigma }),
                        sigma => Err(format!("`gaussian_noise({sigma})` has no such standard deviation")),
                    },
                    other => Err(format!("there is no augmentation `{other}`")),
                }
            })
            .collect()
    }
}

impl Augment {
    /// Returns the seconds that it is expected to take for each number of an example.
    pub fn seconds(&self) -> f64 {
        match self {
            Augment::Crop { .. } | Augment::Flip => 2e-9,
            Augment::Noise { .. } => 1e-8,
        }
    }
}

/// Reads examples of a data set as normalised numbers.
pub struct Loader<'a> {
    data: &'a Dataset,
    /// The images as they were read, and the noise to add: the standard deviation in units of these numbers, channel by channel, and its stream.
    images: &'a Images,
    noise: Vec<(Vec<f32>, Stream)>,
    /// For bytes: the normalised value of each byte in each channel, `256 x channels`.
    table: Vec<f32>,
    mean: Vec<f32>,
    std: Vec<f32>,
    channels: usize,
    height: usize,
    width: usize,
}

impl<'a> Loader<'a> {
    /// Returns a reader: bytes divided by the divisor, then `(x - mean) / std` channel by channel where the data set has them.
    pub fn new(data: &'a Dataset) -> Self {
        let images = &data.source.images;
        Loader::with(data, images.mean.clone(), images.std.clone())
    }

    /// Returns a reader that normalises every channel by one mean and one deviation, whatever the data set says.
    pub fn scaled(data: &'a Dataset, mean: f32, std: f32) -> Self {
        Loader::with(data, vec![mean], vec![std])
    }

    fn with(data: &'a Dataset, mean: Vec<f32>, std: Vec<f32>) -> Self {
        let mut images = &data.source.images;
        let channels = images.shape.last().copied().unwrap_or(1).max(1);
        let of = |list: &[f32], c: usize| if list.is_empty() { 1.0 } else { list[c % list.len()] };
        let mut noise = Vec::new();
        while let Pixels::Noisy(source, sd, stream) = &images.data {
            let scale = |c: usize| *sd as f32 * of(&images.std, c) / of(&std, c);
            noise.insert(0, ((0..channels).map(scale).collect(), *stream));
            images = &source.images;
        }
        let (height, width) = match images.shape[..] {
            [h, w, _] => (h, w),
            _ => (1, images.shape.iter().product::<usize>() / channels),
        };
        let mut loader = Loader { data, images, noise, table: Vec::new(), mean, std, channels, height, width };
        if let Pixels::Bytes { divisor, .. } = images.data {
            loader.table =
                (0..256 * channels).map(|i| loader.normalised((i / channels) as f32 / divisor, i % channels)).collect();
        }
        loader
    }

    /// Returns the numbers in one example.
    pub fn size(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Returns how many examples there are.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Returns whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Returns the labels of rows of the data set, one a row; of words, the word that follows each.
    pub fn labels(&self, rows: &[usize]) -> Vec<u32> {
        if let Pixels::Words(data) = &self.images.data {
            let each = self.size() + 1;
            let after = |row: &usize| &data[self.data.ids[*row] as usize * each..][1..each];
            return rows.iter().flat_map(after).copied().collect();
        }
        rows.iter().map(|r| self.data.labels.get(*r).copied().unwrap_or(0)).collect()
    }

    fn normalised(&self, x: f32, channel: usize) -> f32 {
        let of = |list: &[f32], none: f32| if list.is_empty() { none } else { list[channel % list.len()] };
        (x - of(&self.mean, 0.0)) / of(&self.std, 1.0)
    }

    /// Writes rows of the data set one after another. Each example's augmentation draws from the stream numbered by its id.
    pub fn fill(&self, rows: &[usize], augment: &[Augment], stream: Stream, out: &mut [f32]) {
        let size = self.size().max(1);
        // What changes images leaves words as they are.
        let words = matches!(self.images.data, Pixels::Words(_));
        out.par_chunks_mut(size).zip(rows.par_iter()).for_each(|(out, row)| {
            let id = self.data.ids[*row];
            if augment.is_empty() || words {
                self.read(id as usize, 0, 0, false, out);
                self.add_noise(id, out);
                return;
            }
            let mut rng = stream.numbered(id as u64).rng();
            let (mut dy, mut dx, mut mirrored) = (0isize, 0isize, false);
            for change in augment {
                match change {
                    Augment::Crop { pad } => {
                        let side = *pad as isize;
                        dy += below(&mut rng, 2 * pad + 1) as isize - side;
                        dx += below(&mut rng, 2 * pad + 1) as isize - side;
                    }
                    Augment::Flip => mirrored ^= below(&mut rng, 2) == 1,
                    Augment::Noise { .. } => {}
                }
            }
            match self.noise.is_empty() {
                true => self.read(id as usize, dy, dx, mirrored, out),
                false => {
                    let mut noisy = vec![0.0; size];
                    self.read(id as usize, 0, 0, false, &mut noisy);
                    self.add_noise(id, &mut noisy);
                    self.shift(&noisy, (dy, dx), mirrored, out);
                }
            }
            for change in augment {
                if let Augment::Noise { sigma } = change {
                    for x in out.iter_mut() {
                        let z: f64 = StandardNormal.sample(&mut rng);
                        *x += (sigma * z) as f32;
                    }
                }
            }
        });
    }

    /// Adds the noise of an example, which its id numbers.
    fn add_noise(&self, id: u32, out: &mut [f32]) {
        for (scale, stream) in &self.noise {
            let mut rng = stream.numbered(id as u64).rng();
            for (i, x) in out.iter_mut().enumerate() {
                let z: f64 = StandardNormal.sample(&mut rng);
                *x += scale[i % self.channels] * z as f32;
            }
        }
    }

    /// Writes an example that was read already, shifted and mirrored; what comes from outside is black (0 before normalisation).
    fn shift(&self, from: &[f32], (dy, dx): (isize, isize), mirrored: bool, out: &mut [f32]) {
        let (h, w, c) = (self.height as isize, self.width as isize, self.channels);
        for (place, out) in out.chunks_exact_mut(c).enumerate() {
            let (y, x) = (place as isize / w, place as isize % w);
            let (y, x) = (y + dy, if mirrored { w - 1 - x } else { x } + dx);
            let inside = y >= 0 && y < h && x >= 0 && x < w;
            let at = if inside { (y * w + x) as usize * c } else { 0 };
            out.iter_mut().enumerate().for_each(|(k, o)| *o = if inside { from[at + k] } else { self.normalised(0.0, k) });
        }
    }

    /// Writes one example, shifted and mirrored; what comes from outside is black (0 before normalisation).
    fn read(&self, id: usize, dy: isize, dx: isize, mirrored: bool, out: &mut [f32]) {
        let (h, w, c) = (self.height as isize, self.width as isize, self.channels);
        let start = id * self.size();
        let plain = dy == 0 && dx == 0 && !mirrored;
        match &self.images.data {
            Pixels::Bytes { data, .. } if plain => {
                let bytes = &data[start..start + out.len()];
                for (out, bytes) in out.chunks_exact_mut(c).zip(bytes.chunks_exact(c)) {
                    out.iter_mut().zip(bytes).enumerate().for_each(|(k, (o, b))| *o = self.table[*b as usize * c + k]);
                }
            }
            Pixels::Words(data) => {
                let words = &data[id * (out.len() + 1)..][..out.len()];
                out.iter_mut().zip(words).for_each(|(o, w)| *o = *w as f32);
            }
            Pixels::Floats(data) if plain => {
                let numbers = &data[start..start + out.len()];
                out.iter_mut().zip(numbers).enumerate().for_each(|(i, (o, x))| *o = self.normalised(*x, i % c));
            }
            pixels => {
                for (place, out) in out.chunks_exact_mut(c).enumerate() {
                    let (y, x) = (place as isize / w, place as isize % w);
                    let (y, x) = (y + dy, if mirrored { w - 1 - x } else { x } + dx);
                    let inside = y >= 0 && y < h && x >= 0 && x < w;
                    let at = if inside { start + (y * w + x) as usize * c } else { 0 };
                    for (k, o) in out.iter_mut().enumerate() {
                        *o = match pixels {
                            Pixels::Bytes { data, .. } => self.table[if inside { data[at + k] as usize } else { 0 } * c + k],
                            Pixels::Floats(data) => self.normalised(if inside { data[at + k] } else { 0.0 }, k),
                            Pixels::Words(_) | Pixels::Noisy(..) => 0.0,
                        };
                    }
                }
            }
        }
    }
}

/// Returns the rows of an epoch in the order they are taken, a Fisher-Yates shuffle from the epoch's stream.
pub fn shuffled(rows: usize, stream: Stream) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    let mut rng = stream.rng();
    for i in (1..rows).rev() {
        order.swap(i, below(&mut rng, i + 1));
    }
    order
}

/// Returns a whole number below `n`, each as likely as another up to 2^-64.
pub fn below(rng: &mut impl Rng, n: usize) -> usize {
    ((rng.next_u64() as u128 * n as u128) >> 64) as usize
}
