//! Sweeps over rows in parallel: cut into blocks by the number of rows alone, each block with its own stream, put together in order.

use super::super::cache::Observations;
use super::base::Form;
use super::sums::{Running, Sums, gather, scatter_len};
use super::tiles::{STAYS, join, part};
use crate::base::Stream;
use rand::RngExt;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// Rows of a block.
const BLOCK: usize = 2048;
/// The most pieces, each of which has sums of its own.
const PIECES: usize = 64;
/// The most numbers in the sums of all pieces.
const NUMBERS: usize = 1 << 25;

/// Whether to stop; once it is so, it stays so, and what a sweep gives is of no use.
pub struct Halt<'h> {
    ask: &'h (dyn Fn() -> bool + Sync),
    seen: AtomicBool,
}

impl<'h> Halt<'h> {
    /// Returns one that asks.
    pub fn new(ask: &'h (dyn Fn() -> bool + Sync)) -> Self {
        Halt { ask, seen: AtomicBool::new(false) }
    }

    /// Returns whether to stop.
    pub fn now(&self) -> bool {
        if !self.seen.load(Ordering::Relaxed) && (self.ask)() {
            self.seen.store(true, Ordering::Relaxed);
        }
        self.seen.load(Ordering::Relaxed)
    }
}

/// Returns what becomes of each item, in parallel where there are several.
fn each<T: Send, R: Send>(items: Vec<T>, of: impl Fn((usize, T)) -> R + Sync + Send) -> Vec<R> {
    if items.len() < 2 {
        return items.into_iter().enumerate().map(of).collect();
    }
    items.into_par_iter().enumerate().map(of).collect()
}

/// What a sweep goes over.
#[derive(Clone, Copy)]
pub struct Sweep<'s> {
    /// The rows.
    pub data: &'s Observations,
    /// Whether scatters are matrices.
    pub full: bool,
    /// Stops sweeps.
    pub halt: &'s Halt<'s>,
}

/// How rows are put on two sides.
pub enum Sides<'s> {
    /// By their weights.
    Weights(&'s [Form; 2]),
    /// The second with this probability, whatever the row.
    Chance(f64),
    /// By the side of a plane that they are on: the second where the inner product (padded) is above the number.
    Plane(&'s [f64], f64),
}

/// Rows on two sides.
pub struct Parted {
    /// Side of each.
    pub sides: Vec<u32>,
    /// Log probability of the sides, where they were drawn by weights.
    pub log_q: f64,
    /// What each side says; nothing where sides were given.
    pub sums: Vec<Sums>,
}

/// Which rows may join which of the components, whose first rows in a random order stay where they are: the order of keys, which a seed makes.
pub struct Order {
    seed: u64,
    /// Keys of the first rows, ascending.
    pub keys: Vec<(u64, u32)>,
}

impl Order {
    /// Returns a row's key: splitmix64's mixing of seed and number, a permutation of 64-bit numbers.
    fn key(seed: u64, i: u32) -> u64 {
        let mut z = seed.wrapping_add((u64::from(i) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns the order of a seed with the first row of each label, and the labels in that order.
    pub fn of(seed: u64, z: &[u32], labels: usize) -> (Order, Vec<u32>) {
        let least = |rows: &[u32], from: usize| {
            let mut first = vec![(u64::MAX, u32::MAX); labels];
            for (j, k) in rows.iter().enumerate() {
                let i = (from + j) as u32;
                let (first, key) = (&mut first[*k as usize], (Order::key(seed, i), i));
                *first = key.min(*first);
            }
            first
        };
        // Smallest keys are the same in whatever order they are found.
        let piece = z.len().div_ceil(PIECES).max(BLOCK);
        let all = each(z.chunks(piece).collect(), |(p, rows)| least(rows, p * piece));
        let start = vec![(u64::MAX, u32::MAX); labels];
        let first = all.into_iter().fold(start, |a, b| a.into_iter().zip(b).map(|(a, b)| a.min(b)).collect::<Vec<_>>());
        let mut order: Vec<u32> = (0..labels as u32).collect();
        order.sort_unstable_by_key(|k| first[*k as usize]);
        (Order { seed, keys: order.iter().map(|k| first[*k as usize]).collect() }, order)
    }

    /// Returns how many components, in the order of their first rows, a row may join; nothing where it is such a first row itself.
    pub fn open(&self, i: u32) -> Option<usize> {
        let key = (Order::key(self.seed, i), i);
        match self.keys.last() {
            Some(last) if key > *last => Some(self.keys.len()),
            _ => self.keys.binary_search(&key).err(),
        }
    }
}

impl Sweep<'_> {
    /// Returns how many of `n` rows make a piece when each piece keeps the sums of `labels` sets.
    fn piece(&self, n: usize, labels: usize) -> usize {
        let own = labels * (scatter_len(self.data.d, self.data.dp, self.full) + self.data.dp);
        let most = (NUMBERS / own.max(1)).clamp(1, PIECES);
        n.div_ceil(most).next_multiple_of(BLOCK)
    }

    fn none(&self, labels: usize) -> Vec<Running> {
        vec![Running::new(self.data.d, self.data.dp, self.full); labels]
    }

    fn together(&self, pieces: Vec<Vec<Running>>, points: &[f64], labels: usize) -> Vec<Sums> {
        let mut all = self.none(labels);
        pieces.iter().for_each(|p| all.iter_mut().zip(p).for_each(|(a, b)| a.add(b)));
        all.into_iter().zip(points.chunks_exact(self.data.dp)).map(|(r, at)| r.finish(at)).collect()
    }

    /// Returns what the rows of each label say, their mean first.
    pub fn sums(&self, z: &[u32], labels: usize) -> Vec<Sums> {
        let zeros = vec![0.0; labels * self.data.dp];
        let means: Vec<f64> = self.about(z, labels, &zeros).into_iter().flat_map(|s| s.mean).collect();
        self.about(z, labels, &means)
    }

    fn about(&self, z: &[u32], labels: usize, points: &[f64]) -> Vec<Sums> {
        let piece = self.piece(z.len(), labels);
        let of_piece = |(p, z): (usize, &[u32])| {
            let mut own = self.none(labels);
            for (b, z) in z.chunks(BLOCK).enumerate().filter(|_| !self.halt.now()) {
                let from = (p * piece + b * BLOCK) as u32;
                let rows: Vec<u32> = (from..from + z.len() as u32).collect();
                gather(self.data, &rows, z, points, &mut own);
            }
            own
        };
        let pieces = each(z.chunks(piece.max(1)).collect(), of_piece);
        self.together(pieces, points, labels)
    }

    /// Draws the component of every row that is no first one, given weights and Gaussians (in the order of first rows; `names` are their labels).
    /// Returns what the rows of each label say, and how many changed theirs.
    pub fn assign(&self, z: &mut [u32], forms: &[Form], names: &[u32], order: &Order, stream: &Stream) -> (Vec<Sums>, u64) {
        let (labels, piece) = (forms.len(), self.piece(z.len(), forms.len()));
        let mut points = vec![0.0; labels * self.data.dp];
        for (form, name) in forms.iter().zip(names) {
            points[*name as usize * self.data.dp..][..self.data.dp].copy_from_slice(&form.mean);
        }
        let of_piece = |(p, z): (usize, &mut [u32])| {
            let (mut own, mut moves) = (self.none(labels), 0);
            let mut joined = vec![0; BLOCK];
            for (b, z) in z.chunks_mut(BLOCK).enumerate().filter(|_| !self.halt.now()) {
                let from = p * piece + b * BLOCK;
                let mut rng = stream.numbered((from / BLOCK) as u64).rng();
                let rows: Vec<u32> = (from as u32..(from + z.len()) as u32).collect();
                let uniforms: Vec<f64> = z.iter().map(|_| rng.random()).collect();
                let places: Vec<Option<usize>> = rows.iter().map(|i| order.open(*i)).collect();
                let open: Vec<u32> = places.iter().map(|p| p.unwrap_or(labels) as u32).collect();
                join(self.data, &rows, forms, &open, &uniforms, &mut joined[..z.len()]);
                for ((z, to), place) in z.iter_mut().zip(&joined).zip(&places) {
                    if place.is_some() && *to != STAYS && names[*to as usize] != *z {
                        *z = names[*to as usize];
                        moves += 1;
                    }
                }
                gather(self.data, &rows, z, &points, &mut own);
            }
            (own, moves)
        };
        let pieces = each(z.chunks_mut(piece.max(1)).collect(), of_piece);
        let moves = pieces.iter().map(|p| p.1).sum();
        (self.together(pieces.into_iter().map(|p| p.0).collect(), &points, labels), moves)
    }

    /// Puts some rows on two sides, or, `given` these, returns their probability. `at`: a point near the rows, padded.
    pub fn part(&self, rows: &[u32], how: &Sides, given: Option<Vec<u32>>, at: &[f64], stream: &Stream) -> Parted {
        let piece = self.piece(rows.len(), 2);
        let (forced, points) = (given.is_some(), [at, at].concat());
        let mut sides = given.unwrap_or_else(|| vec![0; rows.len()]);
        let of_piece = |(p, (rows, sides)): (usize, (&[u32], &mut [u32]))| {
            let (mut own, mut log_q) = (self.none(2), 0.0);
            for (b, (rows, sides)) in rows.chunks(BLOCK).zip(sides.chunks_mut(BLOCK)).enumerate().filter(|_| !self.halt.now()) {
                let mut rng = stream.numbered((p * piece / BLOCK + b) as u64).rng();
                let mut drawn = || -> Vec<f64> { rows.iter().map(|_| rng.random()).collect() };
                match how {
                    Sides::Weights(forms) => {
                        log_q +=
                            part(self.data, rows, forms, &if forced { vec![0.0; rows.len()] } else { drawn() }, forced, sides);
                    }
                    Sides::Chance(second) => sides.iter_mut().zip(drawn()).for_each(|(s, u)| *s = u32::from(u < *second)),
                    Sides::Plane(normal, off) => {
                        for (s, i) in sides.iter_mut().zip(rows) {
                            let along: f64 = normal.iter().zip(self.data.row(*i as usize)).map(|(a, x)| a * x).sum();
                            *s = u32::from(along > *off);
                        }
                    }
                }
                if !forced {
                    gather(self.data, rows, sides, &points, &mut own);
                }
            }
            (own, log_q)
        };
        let pieces = each(rows.chunks(piece.max(1)).zip(sides.chunks_mut(piece.max(1))).collect(), of_piece);
        let log_q = pieces.iter().map(|p| p.1).sum();
        let sums = if forced { Vec::new() } else { self.together(pieces.into_iter().map(|p| p.0).collect(), &points, 2) };
        Parted { sides, log_q, sums }
    }
}
