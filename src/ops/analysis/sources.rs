//! What the errors of the numbers of a sample come from: for each source the numbers that it moves, and how far.

use super::drawn::{AXES, Origin};
use crate::base::statistics::sum;
use crate::engine::parts::{self, Parts};
use std::collections::BTreeMap;

/// The sources of a sample's own errors.
pub struct Sources {
    /// Whether all errors say what they are made of. Those that do not err by themselves alone.
    pub told: bool,
    /// For each source the places of the numbers that it moves, and its shares of their errors.
    of: BTreeMap<u64, Vec<(usize, f64)>>,
    /// How many numbers there are.
    count: f64,
}

/// So many shares of sources are held at once. Of more, sources are put together.
const MOST: usize = 1 << 22;

/// Returns shares of at most `most` sources, those of several added up with signs of their own, which keeps sums of squares in the mean.
fn coarse(shares: &[(u64, f64)], most: usize) -> Vec<(u64, f64)> {
    let mut sums = vec![0.0; most.max(8)];
    for (source, share) in shares {
        let (place, sign) = parts::place_among(*source, sums.len());
        sums[place] += sign * share;
    }
    (1..).zip(sums).filter(|(_, share)| *share != 0.0).collect()
}

impl Sources {
    /// Returns the sources of errors, given what each is made of, and of what `loads` several, among `count` numbers.
    pub fn of(errors: &[f64], parts: &[Parts], loads: &BTreeMap<u64, Vec<(usize, f64)>>, count: usize) -> Sources {
        let mut out = Sources { told: true, of: loads.clone(), count: count as f64 };
        let all: usize = parts.iter().filter_map(Parts::told).map(<[_]>::len).sum();
        for (i, (error, parts)) in errors.iter().zip(parts).enumerate().filter(|(_, (e, _))| **e > 0.0) {
            match parts.told() {
                Some(shares) if all <= MOST => shares.iter().for_each(|(source, share)| out.push(*source, i, *share)),
                Some(shares) => coarse(shares, MOST / errors.len()).into_iter().for_each(|(s, share)| out.push(s, i, share)),
                None => {
                    out.told = false;
                    out.push(Sources::nameless(i), i, *error);
                }
            }
        }
        out
    }

    /// Returns the name of the source of a number's error that nothing tells.
    pub fn nameless(i: usize) -> u64 {
        u64::MAX - i as u64
    }

    fn push(&mut self, source: u64, i: usize, share: f64) {
        self.of.entry(source).or_default().push((i, share));
    }

    /// Calls `f` for each source with its numbers.
    pub fn each(&self, mut f: impl FnMut(u64, &[(usize, f64)])) {
        self.of.iter().for_each(|(source, all)| f(*source, all));
    }

    /// Returns whether each source moves one number alone, and none is a unit that was `drawn`.
    pub fn apart(&self, drawn: impl Fn(u64) -> bool) -> bool {
        self.of.iter().all(|(source, all)| all.len() == 1 && !drawn(*source))
    }

    /// Returns how much of the variance that the spread of the numbers gives their mean comes from these sources, those that count, in units of
    /// `scale` squared: the sum over sources of sum (c - mean c)^2 / (n (n - 1)) over a source's shares c of the numbers' errors. Of several axes it is the
    /// largest of those of the cells and of the means at each axis's coordinates.
    pub fn seen(&self, origins: &[Origin], scale: f64, counts: impl Fn(u64) -> bool) -> f64 {
        let several = origins.first().is_some_and(|o| o.units.is_none());
        sum(self.of.iter().filter(|(source, _)| counts(**source)).map(|(_, all)| {
            let scaled: Vec<(usize, f64)> = all.iter().map(|(i, c)| (*i, c / scale)).collect();
            let cells = variance(scaled.iter().map(|(_, c)| *c), self.count);
            match several && all.len() > 1 {
                true => (0..AXES).map(|k| by_axis(&scaled, origins, k)).fold(cells, f64::max),
                false => cells,
            }
        }))
    }

    /// Returns how far a source that several numbers share moves their mean beyond what their spread shows.
    pub fn unseen(&self, all: &[(usize, f64)]) -> f64 {
        let scale = all.iter().fold(0.0f64, |m, (_, c)| m.max(c.abs()));
        if scale == 0.0 {
            return 0.0;
        }
        let shares = || all.iter().map(|(_, c)| c / scale);
        let mean = sum(shares()) / self.count;
        mean.signum() * (mean * mean - variance(shares(), self.count)).max(0.0).sqrt() * scale
    }
}

/// Returns the variance of the mean of `count` numbers, those that are not listed being 0.
fn variance(listed: impl Iterator<Item = f64> + Clone, count: f64) -> f64 {
    if count < 2.0 {
        return 0.0;
    }
    let mean = sum(listed.clone()) / count;
    let squares = sum(listed.clone().map(|c| (c - mean) * (c - mean))) + (count - listed.count() as f64) * mean * mean;
    squares / (count * (count - 1.0))
}

/// Returns [`variance`] of the means of shares at the coordinates of an axis.
fn by_axis(shares: &[(usize, f64)], origins: &[Origin], axis: usize) -> f64 {
    let mut sizes: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    origins.iter().for_each(|o| sizes.entry(o.at[axis]).or_default().0 += 1.0);
    for (i, c) in shares {
        if let Some(at) = sizes.get_mut(&origins[*i].at[axis]) {
            at.1 += c;
        }
    }
    variance(sizes.values().map(|(n, c)| c / n), sizes.len() as f64)
}
