//! What the error of a number is made of: for each source of error its signed share, to first order (the delta method). Numbers that share
//! a source (a common baseline, the same runs) then err together, and what cancels is seen to.

use crate::base::statistics::norm;
use crate::base::{Hash, Hasher};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is known of how a number errs: nothing (the default), that it is exact, or the shares of its error by source, ascending by source.
///
/// A source is an estimate (named by the key of its cell) or a unit that was drawn (a coordinate of an axis that a mean was taken over). Shares
/// are the derivative by the source times its standard error, so that the error is the root of the sum of their squares.
/// All are equal to one another: what an error is made of is no part of what a number is.
#[derive(Clone, Debug, Default)]
pub struct Parts(Known);

#[derive(Clone, Debug, Default)]
enum Known {
    #[default]
    Nothing,
    Exact,
    Shares(Arc<Vec<(u64, f64)>>),
}

/// The source of what only this number errs by. It is named when the number is handed on.
const OWN: u64 = 0;

/// So many sources are told apart; of more, the smallest are one.
pub const MOST: usize = 1024;

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

    /// Returns the error, and its parts. Shares that cancel but for rounding are 0.
    pub fn finish(self) -> (f64, Parts) {
        let left = |(source, (share, size)): (u64, (f64, f64))| {
            (!size.is_finite() || share.abs() > ROUNDING * size).then_some((source, share))
        };
        let all: Vec<(u64, f64)> = self.0.into_iter().filter_map(left).collect();
        (size(&all), Parts::of(all))
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

    /// Returns shares as parts; they come ascending by source, each once.
    fn of(mut all: Vec<(u64, f64)>) -> Parts {
        if all.len() > MOST {
            all.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
            let rest = all.split_off(MOST - 1);
            let mut h = Hasher::new("sources");
            rest.iter().for_each(|(source, _)| {
                h.int(*source);
            });
            all.push((source(&h.finish()), size(&rest)));
            all.sort_unstable_by_key(|s| s.0);
        }
        Parts::kept(all)
    }

    /// Returns parts from shares by source as they were kept.
    pub fn kept(all: Vec<(u64, f64)>) -> Parts {
        Parts(Known::Shares(Arc::new(all)))
    }

    /// Returns the shares by source, ascending; nothing where they are not told apart.
    pub fn shares(&self) -> Option<&[(u64, f64)]> {
        if let Known::Shares(all) = &self.0 { Some(all) } else { None }
    }

    /// Returns the shares by source where all sources have names.
    pub fn told(&self) -> Option<&[(u64, f64)]> {
        self.shares().filter(|shares| shares.iter().all(|(source, _)| *source != OWN))
    }

    /// Returns the parts of an error with a name for what only this number errs by: all of it, where nothing is told.
    pub fn named(&self, error: f64, key: &Hash) -> Parts {
        match self.shares() {
            Some(_) if self.told().is_some() => self.clone(),
            Some(shares) => {
                let mut all = Shares::default();
                shares.iter().for_each(|(s, share)| all.add(if *s == OWN { source(key) } else { *s }, *share));
                all.finish().1
            }
            None => Parts::kept(vec![(source(key), error)]),
        }
    }
}

/// Returns the root of the sum of squares, added up in an order that the names of sources do not change.
fn size(all: &[(u64, f64)]) -> f64 {
    let mut sizes: Vec<f64> = all.iter().map(|s| s.1.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    norm(sizes.into_iter())
}

/// Returns the name of a source: the first bytes of a hash.
pub fn source(hash: &Hash) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.0[..8]);
    u64::from_le_bytes(bytes).max(1)
}

/// Returns the source that a coordinate of an axis is, where what stands at it was drawn.
pub fn unit(axis: &str, coordinate: &str) -> u64 {
    source(&Hasher::new("unit").text(axis).text(coordinate).finish())
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

    #[test]
    fn shares_of_one_source_add_and_cancel() {
        let mut both = Shares::default();
        both.add(7, 0.3);
        both.add(7, -0.3 - 1e-17);
        both.add(9, 0.4);
        both.add(11, 0.3);
        let (error, parts) = both.finish();
        assert!((error - 0.5).abs() < 1e-15);
        assert_eq!(parts.shares(), Some(&[(9, 0.4), (11, 0.3)][..]));
    }

    #[test]
    fn many_sources_keep_the_error() {
        let mut all = Shares::default();
        (1..=5000).for_each(|s| all.add(s, s as f64));
        let expect = (1..=5000).map(|s| (s * s) as f64).sum::<f64>().sqrt();
        let (error, parts) = all.finish();
        let shares = parts.shares().unwrap();
        assert_eq!(shares.len(), MOST);
        assert!((norm(shares.iter().map(|s| s.1)) - expect).abs() < 1e-9 * expect && (error - expect).abs() < 1e-9 * expect);
        assert!(shares.windows(2).all(|w| w[0].0 < w[1].0));
    }

    #[test]
    fn what_is_a_number_s_own_is_named_when_it_is_handed_on() {
        let key = Hash::of(b"cell");
        assert_eq!(Parts::default().named(0.5, &key).shares(), Some(&[(source(&key), 0.5)][..]));
        let mut all = Shares::default();
        all.add_own(0.3);
        let parts = all.finish().1.named(0.3, &key);
        assert_eq!(parts.shares(), Some(&[(source(&key), 0.3)][..]));
        assert_eq!(parts.named(0.3, &Hash::of(b"other")).shares(), parts.shares());
    }
}
