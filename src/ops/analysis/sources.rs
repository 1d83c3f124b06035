//! What the errors of the numbers of a sample come from: for each source the numbers that it moves, and how far.

use super::drawn::{AXES, Origin};
use crate::base::statistics::sum;
use crate::engine::parts::{self, Parts};
use std::collections::BTreeMap;

/// The sources of a sample's own errors.
pub struct Sources {
    /// Whether all errors say what they are made of. Those that do not err by themselves alone.
    pub told: bool,
    /// Whether the sources stand for several, whose own names are not told.
    coarse: bool,
    /// For each source the places of the numbers that it moves, and its shares of their errors.
    of: BTreeMap<u64, Vec<(usize, f64)>>,
    /// How many numbers there are.
    count: f64,
}

/// So many shares of sources are held at once. Of more, sources are put together.
const MOST: usize = 1 << 22;

/// So many lists of shares are told apart where there are more shares than are held.
const LISTS: usize = 64;

/// Returns shares of at most so many sources, those of several added up with signs of their own, which keeps sums of squares in the mean. Those that count against
/// are put together apart from the others.
fn coarse(shares: impl Iterator<Item = (u64, f64)>, most: usize) -> Vec<(u64, f64)> {
    let most = most.max(8);
    let mut sums = vec![0.0; 2 * most];
    for (source, share) in shares {
        let (place, sign) = parts::place_among(source, most);
        sums[place + if parts::counts_against(source) { most } else { 0 }] += sign * share;
    }
    let name = |k: usize| if k < most { k as u64 + 1 } else { parts::against((k - most) as u64 + 1) };
    sums.into_iter().enumerate().map(|(k, share)| (name(k), share)).filter(|(_, share)| *share != 0.0).collect()
}

impl Sources {
    /// Returns the sources of errors, given what each is made of, and of what `loads` several, among `count` numbers.
    ///
    /// Of more shares than are held, numbers that are multiples of one estimate have one source for it, and others have few.
    pub fn of(errors: &[f64], parts: &[Parts], loads: &BTreeMap<u64, Vec<(usize, f64)>>, count: usize) -> Sources {
        let all: usize = parts.iter().filter_map(|p| Some(p.told()?.len())).sum();
        let mut out = Sources { told: true, coarse: all > MOST, of: loads.clone(), count: count as f64 };
        let lists = if out.coarse { lists(parts) } else { Vec::new() };
        for (i, (error, parts)) in errors.iter().zip(parts).enumerate().filter(|(_, (e, _))| **e > 0.0) {
            match (parts.told(), parts.list()) {
                (Some(shares), _) if !out.coarse => shares.for_each(|(source, share)| out.push(source, i, share)),
                (Some(_), Some((list, scale))) if lists.contains(&list) => {
                    let k = lists.iter().take_while(|l| **l != list).count();
                    out.push(k as u64 + 1, i, error * scale.signum());
                }
                (Some(shares), _) => {
                    coarse(shares, MOST / errors.len()).into_iter().for_each(|(s, share)| out.push(s, i, share));
                }
                (None, _) => {
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

    /// Returns how many sources there are.
    pub fn how_many(&self) -> usize {
        self.of.len()
    }

    /// Calls `f` for each source with its numbers.
    pub fn each(&self, mut f: impl FnMut(u64, &[(usize, f64)])) {
        self.of.iter().for_each(|(source, all)| f(*source, all));
    }

    /// Returns whether each source moves one number alone, and none is a unit that was `drawn`.
    pub fn apart(&self, drawn: impl Fn(u64) -> bool) -> bool {
        self.of.iter().all(|(source, all)| all.len() == 1 && !drawn(*source))
    }

    /// Returns whether no source is a unit that was `drawn`, and none counts against another.
    pub fn plain(&self, drawn: impl Fn(u64) -> bool) -> bool {
        self.of.keys().all(|source| !drawn(*source) && !parts::counts_against(*source))
    }

    /// Returns how much of the variance that the spread of the numbers gives their mean comes from these sources, those that count, in units of
    /// `scale` squared: the sum over sources of sum (c - mean c)^2 / (n (n - 1)) over a source's shares c of the numbers' errors. Of several axes it is the
    /// largest of those of the cells and of the means at each axis's coordinates.
    pub fn seen(&self, origins: &[Origin], scale: f64, counts: impl Fn(u64) -> bool) -> f64 {
        let several = origins.first().is_some_and(|o| o.units.is_none());
        sum(self.of.iter().filter(|(source, _)| counts(**source)).map(|(source, all)| {
            let sign = if parts::counts_against(*source) { -1.0 } else { 1.0 };
            let scaled: Vec<(usize, f64)> = all.iter().map(|(i, c)| (*i, c / scale)).collect();
            let cells = variance(scaled.iter().map(|(_, c)| *c), self.count);
            sign * match several && all.len() > 1 {
                true => (0..AXES).map(|k| by_axis(&scaled, origins, k)).fold(cells, f64::max),
                false => cells,
            }
        }))
    }

    /// Returns what these sources, those that count, have in the spread of the numbers, as sources that count against: for each number, which the source
    /// `unit` of its place stands for, (c - mean c) / sqrt(n (n - 1)). Of a source that moves one number otherwise than all others it is one share. Their sum of squares
    /// is [`Sources::seen`]. Nothing where they would be too many.
    pub fn taken_off(&self, unit: impl Fn(usize) -> u64, counts: impl Fn(u64) -> bool) -> Option<Vec<(u64, f64)>> {
        if self.coarse {
            return None;
        }
        let n = self.count as usize;
        let scale = 1.0 / (self.count * (self.count - 1.0)).sqrt();
        let mut out = Vec::new();
        let mut each = vec![0.0; n];
        for (source, all) in self.of.iter().filter(|(source, _)| counts(**source)) {
            if out.len() > MOST || all.len() > n {
                return None;
            }
            let lone = match all.as_slice() {
                [(_, c)] if n > 2 => Some(*c),
                [_] => None,
                _ => {
                    all.iter().for_each(|(i, c)| each[*i] = *c);
                    lone(&each)
                }
            };
            match lone {
                // The others are equal, it differs from them by so much.
                Some(c) => out.push((parts::against(*source), c / self.count)),
                None => {
                    all.iter().for_each(|(i, c)| each[*i] = *c);
                    let mean = sum(each.iter().copied()) / self.count;
                    let size = each.iter().fold(0.0f64, |m, c| m.max(c.abs()));
                    let differs = each.iter().enumerate().filter(|(_, c)| (**c - mean).abs() > 1e-12 * size);
                    let at = |i: usize| parts::met(*source, unit(i));
                    let name = |i: usize| if parts::counts_against(*source) { at(i) } else { parts::against(at(i)) };
                    out.extend(differs.map(|(i, c)| (name(i), (c - mean) * scale)));
                }
            }
            all.iter().for_each(|(i, _)| each[*i] = 0.0);
        }
        out.retain(|(_, share)| *share != 0.0);
        Some(out)
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

/// Returns the lists of shares that the parts are multiples of, in the order in which they come; nothing of too many.
fn lists(parts: &[Parts]) -> Vec<usize> {
    let mut out = Vec::new();
    for (list, _) in parts.iter().filter_map(Parts::list) {
        if !out.contains(&list) {
            if out.len() == LISTS {
                return Vec::new();
            }
            out.push(list);
        }
    }
    out
}

/// Returns by how much one of three numbers or more differs from all others, where these are equal but for rounding; 0 where all are.
fn lone(all: &[f64]) -> Option<f64> {
    let [a, b, c, ..] = all else { return None };
    let size = all.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let same = |x: f64, y: f64| (x - y).abs() <= 1e-12 * size;
    // Of three numbers two are among the equal ones.
    let common = if same(*a, *b) || same(*a, *c) { *a } else { *b };
    let mut others = all.iter().filter(|v| !same(**v, common));
    match (others.next(), others.next()) {
        (None, _) => Some(0.0),
        (Some(one), None) => Some(one - common),
        _ => None,
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
