//! What the error of a number is made of: for each source of error its signed share, to first order (the delta method). Numbers that share
//! a source (a common baseline, the same runs) then err together, and what cancels is seen to.

use crate::base::statistics::{mean, norm};
use crate::base::{Hash, Hasher};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is known of how a number errs: nothing (the default), that it is exact, or the shares of its error by source, ascending by source.
///
/// A source is an estimate (named by the key of its cell) or a unit that was drawn (a coordinate of an axis, an example of a data set). Shares
/// are the derivative by the source times its standard error, so that the error is the root of the sum of their squares.
///
/// Of more than [`MOST`] sources each is put, with a sign of its own, into one of that many buckets (a count sketch: Charikar, Chen & Farach-Colton
/// 2002). That is linear, so that what cancels still cancels; the error of a sum of such numbers is right up to a relative error of
/// sqrt(1 / (2 MOST)), 3 %, and that of one number is kept as it is.
/// Some sources count against: of the error's square theirs is taken off ([`against`]). So a mean of estimates over units has three parts: the errors of
/// the estimates, the units with the whole spread of the numbers, and against them what of this spread the estimates' errors give. All three are linear in the numbers, so that
/// the difference of two means has the error of the mean difference.
/// All are equal to one another: what an error is made of is no part of what a number is.
#[derive(Clone, Debug, Default)]
pub struct Parts(Known);

#[derive(Clone, Debug, Default)]
enum Known {
    #[default]
    Nothing,
    Exact,
    /// The shares, each times a number: multiples of an estimate hold one list together.
    Shares(Arc<Vec<(u64, f64)>>, f64),
}

/// The source of what only this number errs by. It is named when the number is handed on.
const OWN: u64 = 0;

/// So many sources are told apart; more are put into as many buckets.
pub const MOST: usize = 512;

/// The first of the names of buckets.
const BUCKETS: u64 = 0xF01D_ED00_0000_0000;

/// The first bits of the names of sources that count against, and which bits these are.
const AGAINST: u64 = 0x5E6A_7100_0000_0000;
const FIRST: u64 = 0xFFFF_FF00_0000_0000;

/// The first of the names of buckets of such sources.
const BUCKETS_AGAINST: u64 = AGAINST | (1 << 39);

/// What is left of shares that cancel, in relation to them, counts as nothing.
const ROUNDING: f64 = 1e-12;

impl PartialEq for Parts {
    fn eq(&self, _: &Parts) -> bool {
        true
    }
}

/// Shares that are being added up: for each source the sum, and the sum of sizes.
#[derive(Clone, Debug, Default)]
pub struct Shares(BTreeMap<u64, (f64, f64)>);

/// Returns whether a source is a bucket of many.
fn is_bucket(source: u64) -> bool {
    [BUCKETS, BUCKETS_AGAINST].iter().any(|first| (*first..*first + MOST as u64).contains(&source))
}

/// Returns whether a source counts against.
pub fn counts_against(source: u64) -> bool {
    source & FIRST == AGAINST
}

/// Returns the source that takes off what another adds, and of one that takes off, one that adds.
pub fn against(source: u64) -> u64 {
    let mixed = mix(source);
    if counts_against(source) { adding(mixed) } else { AGAINST | (mixed & (!FIRST >> 1)) }
}

/// Returns a name that no source has which counts against, nor what only one number errs by.
fn adding(name: u64) -> u64 {
    if counts_against(name) { name ^ (1 << 63) } else { name.max(1) }
}

/// Returns the source that two are where they meet, in either order: a source of error at one of the numbers that it moves, a run at an example.
pub fn met(a: u64, b: u64) -> u64 {
    adding(mix(a.min(b) ^ mix(a.max(b))))
}

/// Returns the bucket of a source, and the sign that its shares have there.
fn bucket(source: u64) -> (u64, f64) {
    match is_bucket(source) {
        true => (source, 1.0),
        false => {
            let (place, sign) = place_among(source, MOST);
            (if counts_against(source) { BUCKETS_AGAINST } else { BUCKETS } + place as u64, sign)
        }
    }
}

/// Returns the place of a source among `count`, and the sign that its shares have there.
pub fn place_among(source: u64, count: usize) -> (usize, f64) {
    let mixed = mix(source);
    ((mixed % count as u64) as usize, if mixed >> 63 == 0 { 1.0 } else { -1.0 })
}

/// Returns the place of a source's bucket among all buckets, those that count against last, and the sign.
fn place(source: u64) -> (usize, f64) {
    let (name, sign) = bucket(source);
    let place = if counts_against(name) { name - BUCKETS_AGAINST + MOST as u64 } else { name - BUCKETS };
    (place as usize, sign)
}

/// Returns a number all of whose bits depend on all bits of another (Steele, Lea & Flood 2014, SplitMix64).
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

impl Shares {
    /// Adds a share of a source.
    pub fn add(&mut self, source: u64, share: f64) {
        let entry = self.0.entry(source).or_default();
        *entry = (entry.0 + share, entry.1 + share.abs());
    }

    /// Adds a share of what nothing else errs by.
    pub fn add_own(&mut self, share: f64) {
        if share != 0.0 {
            self.add(OWN, share);
        }
    }

    /// Adds shares of several sources, each of which nothing else adds to; of many the sums by bucket.
    pub fn add_many(&mut self, all: Vec<(u64, f64)>) {
        if all.len() <= MOST {
            return all.into_iter().for_each(|(source, share)| self.add(source, share));
        }
        for (to, (share, size)) in Shares::by_bucket(all).0 {
            let entry = self.0.entry(to).or_default();
            *entry = (entry.0 + share, entry.1 + size);
        }
    }

    /// Returns shares by bucket.
    fn by_bucket(all: Vec<(u64, f64)>) -> Shares {
        let mut sums = [(0.0, 0.0); 2 * MOST + 1];
        for (source, share) in all {
            let (to, sign) = if source == OWN { (2 * MOST, 1.0) } else { place(source) };
            sums[to] = (sums[to].0 + sign * share, sums[to].1 + share.abs());
        }
        let name = |k: usize| match k / MOST {
            0 => BUCKETS + k as u64,
            1 => BUCKETS_AGAINST + (k - MOST) as u64,
            _ => OWN,
        };
        let there = sums.into_iter().enumerate().filter(|(_, (_, size))| *size != 0.0);
        Shares(there.map(|(k, sum)| (name(k), sum)).collect())
    }

    /// Adds what multiples of one list of shares say, given their sum and the sum of their sizes, in multiples of these parts.
    pub fn add_multiples(&mut self, parts: &Parts, sum: f64, size: f64) {
        for (source, share) in parts.shares().into_iter().flatten() {
            let entry = self.0.entry(source).or_default();
            *entry = (entry.0 + sum * share, entry.1 + size * share.abs());
        }
    }

    /// Adds what parts say, times a slope.
    pub fn add_parts(&mut self, parts: &Parts, slope: f64) {
        parts.shares().into_iter().flatten().for_each(|(source, share)| self.add(source, slope * share));
    }

    /// Returns the error, and its parts. Shares that cancel but for rounding are 0.
    pub fn finish(mut self) -> (f64, Parts) {
        // Beside buckets all others are put into theirs, so that what is one source counts as one.
        let bucketed = self.0.keys().any(|s| is_bucket(*s));
        if bucketed {
            self = self.folded();
        }
        let all = self.left();
        let error = size(all.iter().copied());
        match all.len() > MOST + 1 {
            true => (
                error,
                Parts::kept(Shares(all.into_iter().map(|(s, v)| (s, (v, v.abs()))).collect()).folded().left()).of_size(error),
            ),
            false => (error, Parts::kept(all)),
        }
    }

    /// Returns the shares that do not cancel, ascending by source.
    fn left(self) -> Vec<(u64, f64)> {
        let left = |(source, (share, size)): (u64, (f64, f64))| {
            (!size.is_finite() || share.abs() > ROUNDING * size).then_some((source, share))
        };
        self.0.into_iter().filter_map(left).collect()
    }

    /// Returns the shares by bucket. What is this number's own has no name yet, and waits for one.
    fn folded(self) -> Shares {
        let mut out = Shares::default();
        for (source, (share, size)) in self.0 {
            let (to, sign) = if source == OWN { (OWN, 1.0) } else { bucket(source) };
            let entry = out.0.entry(to).or_default();
            *entry = (entry.0 + sign * share, entry.1 + size);
        }
        out
    }
}

impl Parts {
    /// Returns those of an exact number.
    pub fn exact() -> Parts {
        Parts(Known::Exact)
    }

    /// Returns whether the number is exact.
    pub fn is_exact(&self) -> bool {
        matches!(self.0, Known::Exact)
    }

    /// Returns the parts of an error that comes from units: `shares` says how they stand to one another, by source, each once or several times.
    /// Nothing is told where all are 0.
    pub fn of_units(shares: impl IntoIterator<Item = (u64, f64)>, error: f64) -> Parts {
        let mut all: Vec<(u64, f64)> = shares.into_iter().collect();
        if all.len() > MOST {
            all = Shares::by_bucket(all).left();
        } else {
            all.sort_unstable_by_key(|(source, _)| *source);
            if all.windows(2).any(|w| w[0].0 == w[1].0) || all.iter().any(|(_, share)| *share == 0.0) {
                let mut found = Shares::default();
                all.into_iter().for_each(|(source, share)| found.add(source, share));
                all = found.left();
            }
        }
        let whole = size(all.iter().copied());
        let usable = whole > 0.0 && whole.is_finite() && error.is_finite();
        if usable { Parts::kept(all).of_size(error) } else { Parts::default() }
    }

    /// Returns the parts of an error over examples of a data set (its name and its classes): `adds` says what each adds to the estimate, up to a factor.
    pub fn of_examples((about, classes): (&str, &[String]), ids: &[u32], adds: &[f64], error: f64) -> Parts {
        let (example, middle) = (examples(about, classes), mean(adds));
        Parts::of_units(ids.iter().zip(adds).map(|(id, add)| (example(*id), add - middle)), error)
    }

    /// Returns the parts of an error that consists of these, and of another that nothing else has.
    pub fn beside(&self, own: f64) -> Parts {
        let mut all = Shares::default();
        all.add_parts(self, 1.0);
        all.add_own(own);
        all.finish().1
    }

    /// Returns whether no source is a bucket or one of those that units and examples are.
    pub fn apart_from<const N: usize>(&self, units: &[[u64; N]], examples: &[u64]) -> bool {
        let own: BTreeSet<u64> = self.shares().into_iter().flatten().map(|s| s.0).collect();
        own.iter().all(|s| !is_bucket(*s)) && !units.iter().flatten().chain(examples).any(|s| own.contains(s))
    }

    /// Returns the same, so that the root of the sum of squares is a given one.
    pub fn of_size(self, error: f64) -> Parts {
        let Some(whole) = self.shares().map(size) else { return self };
        match whole > 0.0 {
            true => {
                Parts::kept(self.shares().into_iter().flatten().map(|(source, share)| (source, share / whole * error)).collect())
            }
            false => self,
        }
    }

    /// Returns which list of shares these are multiples of, to tell it from others that are there, and the multiple.
    pub fn list(&self) -> Option<(usize, f64)> {
        match &self.0 {
            Known::Shares(all, scale) => Some((Arc::as_ptr(all) as usize, *scale)),
            _ => None,
        }
    }

    /// Returns those of so many times the number.
    pub fn times(&self, slope: f64) -> Parts {
        match &self.0 {
            Known::Shares(..) if slope == 0.0 => Parts::kept(Vec::new()),
            Known::Shares(all, scale) => Parts(Known::Shares(all.clone(), scale * slope)),
            _ => self.clone(),
        }
    }

    /// Returns parts from shares by source as they were kept.
    pub fn kept(all: Vec<(u64, f64)>) -> Parts {
        Parts(Known::Shares(Arc::new(all), 1.0))
    }

    /// Returns the shares by source, ascending; nothing where they are not told apart.
    pub fn shares(&self) -> Option<impl ExactSizeIterator<Item = (u64, f64)> + Clone + '_> {
        match &self.0 {
            Known::Shares(all, scale) => Some(all.iter().map(move |(source, share)| (*source, share * scale))),
            _ => None,
        }
    }

    /// Returns the shares by source where all sources have names.
    pub fn told(&self) -> Option<impl ExactSizeIterator<Item = (u64, f64)> + Clone + '_> {
        self.shares().filter(|shares| shares.clone().all(|(source, _)| source != OWN))
    }

    /// Returns the parts of an error with a name for what only this number errs by: all of it, where nothing is told.
    pub fn named(&self, error: f64, key: &Hash) -> Parts {
        match self.shares() {
            Some(_) if self.told().is_some() => self.clone(),
            Some(shares) => {
                let mut all = Shares::default();
                shares.for_each(|(s, share)| all.add(if s == OWN { source(key) } else { s }, share));
                all.finish().1.of_size(error)
            }
            None => Parts::kept(vec![(source(key), error)]),
        }
    }
}

/// Returns the root of the sum of squares, added up in an order that the names of sources do not change. What counts against is taken off, but no more than
/// leaves as much: of a mean of estimates no less is left than their own errors give.
pub fn size(all: impl Iterator<Item = (u64, f64)> + Clone) -> f64 {
    let root = |taken_off: bool| {
        let mut sizes: Vec<f64> = all.clone().filter(|s| counts_against(s.0) == taken_off).map(|s| s.1.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        norm(sizes.into_iter())
    };
    less(root(false), root(true))
}

/// Returns the size of what is left of one when another is taken off: see [`size`].
pub fn less(all: f64, off: f64) -> f64 {
    if off > 0.0 && off < all {
        let part = off / all;
        return (all * ((1.0 - part) * (1.0 + part)).sqrt()).max(off);
    }
    all.max(off)
}

/// Returns the name of a source: the first bytes of a hash.
pub fn source(hash: &Hash) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.0[..8]);
    adding(u64::from_le_bytes(bytes))
}

/// Returns the source that a coordinate of an axis is, where what stands at it was drawn.
pub fn unit(axis: &str, coordinate: &str) -> u64 {
    source(&Hasher::new("unit").text(axis).text(coordinate).finish())
}

/// Returns the sources that examples are, by their ids: the same wherever an example of the data set of this name with these classes is meant, as
/// examples meet in arithmetic. The name is empty where rows are only numbered.
pub fn examples(about: &str, classes: &[String]) -> impl Fn(u32) -> u64 + use<> {
    let mut h = Hasher::new("examples");
    h.text(about);
    classes.iter().for_each(|c| {
        h.text(c);
    });
    let of = source(&h.finish());
    move |id| adding(mix(of ^ (id as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93)))
}

/// Returns the source that several units together are.
pub fn together(units: &[u64]) -> u64 {
    let mut h = Hasher::new("units");
    units.iter().for_each(|u| {
        h.int(*u);
    });
    source(&h.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(parts: &Parts) -> Vec<(u64, f64)> {
        parts.shares().into_iter().flatten().collect()
    }

    /// Estimates over units: their own errors, the units with the whole spread, and against them the part that the errors have in it.
    #[test]
    fn what_counts_against_is_taken_off() {
        let (estimate, unit) = (source(&Hash::of(b"estimate")), source(&Hash::of(b"unit")));
        assert!(!counts_against(estimate) && counts_against(against(estimate)) && !counts_against(against(against(estimate))));
        let of = |all: &[(u64, f64)]| {
            let mut shares = Shares::default();
            all.iter().for_each(|(s, share)| shares.add(*s, *share));
            shares.finish().0
        };
        assert_eq!(of(&[(unit, 5.0), (estimate, 3.0), (against(estimate), 3.0)]), 5.0);
        assert_eq!(of(&[(unit, 5.0), (against(unit), 3.0)]), 4.0);
        // No less than the estimates' own errors.
        assert_eq!(of(&[(unit, 2.0), (estimate, 3.0), (against(estimate), 3.0)]), 3.0);
        // Of many the buckets do the same.
        let many = |from: u64| (from..from + 3000).map(|s| adding(mix(s))).collect::<Vec<u64>>();
        let mut shares = Shares::default();
        many(1).into_iter().for_each(|s| shares.add(s, 5.0));
        shares.add_many(many(9000).into_iter().map(|s| (against(s), 4.0)).collect());
        let (error, parts) = shares.clone().finish();
        assert!((error - 3.0 * 3000f64.sqrt()).abs() < 0.4 * error && listed(&parts).len() <= 2 * MOST);
        let mut less = Shares::default();
        less.add_parts(&parts, 1.0);
        less.add_parts(&parts, -1.0);
        assert_eq!(less.finish().0, 0.0);
    }

    #[test]
    fn shares_of_one_source_add_and_cancel() {
        let mut both = Shares::default();
        both.add(7, 0.3);
        both.add(7, -0.3 - 1e-17);
        both.add(9, 0.4);
        both.add(11, 0.3);
        let (error, parts) = both.finish();
        assert!((error - 0.5).abs() < 1e-15);
        assert_eq!(listed(&parts), [(9, 0.4), (11, 0.3)]);
    }

    #[test]
    fn many_sources_keep_the_error_and_what_they_share() {
        let mut all = Shares::default();
        (1..=5000).for_each(|s| all.add(s, s as f64));
        let expect = (1..=5000).map(|s| (s * s) as f64).sum::<f64>().sqrt();
        let (error, parts) = all.finish();
        let shares = listed(&parts);
        assert!(shares.len() <= MOST);
        assert!((norm(shares.iter().map(|s| s.1)) - expect).abs() < 1e-9 * expect && (error - expect).abs() < 1e-9 * expect);
        assert!(shares.windows(2).all(|w| w[0].0 < w[1].0));
        // Of two numbers that share half of their sources half of the variance is left in the difference; of one and itself nothing.
        let side = |from: u64| Parts::of_units((from..from + 4000).map(|s| (s, 1.0)), 1.0);
        let less = |a: &Parts, b: &Parts| {
            let mut all = Shares::default();
            all.add_parts(a, 1.0);
            all.add_parts(b, -1.0);
            all.finish().0
        };
        assert!((less(&side(1), &side(2001)) - 1.0).abs() < 0.1);
        assert_eq!(less(&side(1), &side(1)), 0.0);
        // Few of the sources of many, by name: 100 of 4000 move the difference by 1 - 1 / 40 of their own.
        let few = Parts::of_units((1..=100).map(|s| (s, 1.0)), 40f64.sqrt());
        assert!((less(&few, &side(1)) - (40.0f64 + 1.0 - 2.0).sqrt()).abs() < 0.1 * 40f64.sqrt());
    }

    #[test]
    fn examples_are_the_same_sources_wherever_they_are_meant() {
        let classes = |names: &[&str]| examples("d", &names.iter().map(|n| n.to_string()).collect::<Vec<_>>());
        assert_eq!(classes(&["a", "b"])(7), classes(&["a", "b"])(7));
        assert_ne!(classes(&["a", "b"])(7), classes(&["a", "b"])(8));
        assert_ne!(classes(&["a", "b"])(7), classes(&["ab"])(7));
        assert_ne!(examples("d", &[])(7), examples("e", &[])(7));
    }

    #[test]
    fn what_is_a_number_s_own_is_named_when_it_is_handed_on() {
        let key = Hash::of(b"cell");
        assert_eq!(listed(&Parts::default().named(0.5, &key)), [(source(&key), 0.5)]);
        let mut all = Shares::default();
        all.add_own(0.3);
        let parts = all.finish().1.named(0.3, &key);
        assert_eq!(listed(&parts), [(source(&key), 0.3)]);
        assert_eq!(listed(&parts.named(0.3, &Hash::of(b"other"))), listed(&parts));
        assert_eq!(listed(&parts.times(-2.0)), [(source(&key), -0.6)]);
        assert!(listed(&parts.times(0.0)).is_empty() && parts.times(0.0).shares().is_some());
    }
}
