//! What the numbers of several examples err by together: how far each source of error moves each of them, to first order.

use super::parts::{Parts, size, together};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Sources of error that examples share, and how far each moves each example: the loadings of factor analysis, in units of the scores. Nothing where
/// the numbers are exact or err each by itself.
///
/// A mean of scores then errs by the mean of its examples' loadings, source by source. As [`Parts`], all are equal to one another.
#[derive(Clone, Debug, Default)]
pub struct Loadings {
    loads: BTreeMap<u64, Load>,
    /// Sources that stand for several, and what each of these has in it: shares of which the sum of squares is 1.
    wholes: Wholes,
}

/// Sources that stand for several: for each the shares of these, by source, of which the size is 1.
pub type Wholes = BTreeMap<u64, Arc<Vec<(u64, f64)>>>;

/// How far a source moves the examples.
#[derive(Clone, Debug)]
pub enum Load {
    /// All alike.
    All(f64),
    /// Each by so much.
    Each(Arc<Vec<f64>>),
}

/// So many sources of one number are told apart in scores; more are one that stands for all.
const MOST: usize = 64;

impl PartialEq for Loadings {
    fn eq(&self, _: &Loadings) -> bool {
        true
    }
}

impl Load {
    /// Returns how far the source moves an example, by its place.
    pub fn at(&self, i: usize) -> f64 {
        match self {
            Load::All(x) => *x,
            Load::Each(all) => all.get(i).copied().unwrap_or(0.0),
        }
    }

    fn times(&self, slopes: &Load, count: usize) -> Load {
        match (self, slopes) {
            (Load::All(x), Load::All(slope)) => Load::All(x * slope),
            _ => Load::Each(Arc::new((0..count).map(|i| self.at(i) * slopes.at(i)).collect())),
        }
    }

    fn plus(&self, other: &Load) -> Load {
        match (self, other) {
            (Load::All(a), Load::All(b)) => Load::All(a + b),
            (Load::Each(a), _) => Load::Each(Arc::new(a.iter().enumerate().map(|(i, a)| a + other.at(i)).collect())),
            (Load::All(_), Load::Each(_)) => other.plus(self),
        }
    }
}

impl Loadings {
    /// Returns those of a number that stands for every example.
    pub fn of(parts: &Parts) -> Loadings {
        let shares: Vec<(u64, f64)> = parts.told().into_iter().flatten().collect();
        let whole = size(shares.iter().copied());
        if shares.len() <= MOST || whole == 0.0 || !whole.is_finite() {
            return Loadings::kept(shares.iter().map(|(source, share)| (*source, Load::All(*share))));
        }
        let each: Vec<(u64, f64)> = shares.iter().map(|(source, share)| (*source, share / whole)).collect();
        let name = together(&each.iter().flat_map(|(source, share)| [*source, share.to_bits()]).collect::<Vec<u64>>());
        Loadings { loads: [(name, Load::All(whole))].into(), wholes: [(name, Arc::new(each))].into() }
    }

    /// Returns those that were kept.
    pub fn kept(all: impl IntoIterator<Item = (u64, Load)>) -> Loadings {
        Loadings { loads: all.into_iter().collect(), wholes: Wholes::default() }
    }

    /// Returns the same, some of whose sources stand for several.
    pub fn standing(self, wholes: Wholes) -> Loadings {
        Loadings { wholes, ..self }
    }

    /// Returns the sources that stand for several.
    pub fn wholes(&self) -> &Wholes {
        &self.wholes
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.loads.is_empty()
    }

    /// Returns the sources with what each moves, ascending by source.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Load)> {
        self.loads.iter().map(|(source, load)| (*source, load))
    }

    /// Adds what a source moves.
    pub fn add(&mut self, source: u64, load: Load) {
        match self.loads.get_mut(&source) {
            Some(there) => *there = there.plus(&load),
            None => {
                self.loads.insert(source, load);
            }
        }
    }

    /// Returns those of a function of `count` examples, given its derivative at each.
    pub fn times(&self, slopes: &Load, count: usize) -> Loadings {
        Loadings::kept(self.iter().map(|(source, load)| (source, load.times(slopes, count)))).standing(self.wholes.clone())
    }

    /// Returns those of the sum of what two have.
    pub fn plus(mut self, other: Loadings) -> Loadings {
        self.wholes.extend(other.wholes);
        other.loads.into_iter().for_each(|(source, load)| self.add(source, load));
        self
    }

    /// Returns these for the examples of which it is said, and those of `other` for the others.
    pub fn or(&self, these: &[bool], other: &Loadings) -> Loadings {
        let sources = self.loads.keys().chain(other.loads.keys().filter(|s| !self.loads.contains_key(s)));
        let at = |of: &Loadings, source: &u64, i: usize| of.loads.get(source).map_or(0.0, |load| load.at(i));
        let one = |source: &u64| {
            let each = these.iter().enumerate().map(|(i, this)| at(if *this { self } else { other }, source, i)).collect();
            (*source, Load::Each(Arc::new(each)))
        };
        let wholes = self.wholes.iter().chain(&other.wholes).map(|(name, all)| (*name, all.clone())).collect();
        Loadings::kept(sources.map(one)).standing(wholes)
    }

    /// Returns those of some of the examples, by their places.
    pub fn select(&self, rows: &[usize]) -> Loadings {
        let one = |load: &Load| match load {
            Load::All(x) => Load::All(*x),
            Load::Each(all) => Load::Each(Arc::new(rows.iter().map(|i| all.get(*i).copied().unwrap_or(0.0)).collect())),
        };
        Loadings::kept(self.iter().map(|(source, load)| (source, one(load)))).standing(self.wholes.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Hash;
    use crate::base::statistics::norm;
    use crate::engine::parts::source;

    #[test]
    fn sources_add_scale_and_are_chosen_with_their_examples() {
        let each = Load::Each(Arc::new(vec![1.0, 2.0, 3.0]));
        let a = Loadings::kept([(7, Load::All(0.5)), (9, each.clone())]);
        let b = Loadings::kept([(9, Load::All(-1.0))]);
        let sum = a.times(&Load::All(2.0), 3).plus(b.times(&each, 3));
        let found: Vec<(u64, Vec<f64>)> = sum.select(&[2, 0]).iter().map(|(s, l)| (s, vec![l.at(0), l.at(1)])).collect();
        assert_eq!(found, vec![(7, vec![1.0, 1.0]), (9, vec![3.0, 1.0])]);
    }

    #[test]
    fn of_many_sources_one_stands_for_all() {
        let shares: Vec<(u64, f64)> = (1..=500).map(|s| (s, s as f64)).collect();
        let all = Loadings::of(&Parts::kept(shares.clone()));
        let expect = norm(shares.iter().map(|s| s.1));
        let found: Vec<(u64, f64)> = all.iter().map(|(s, l)| (s, l.at(0))).collect();
        let [(name, share)] = found[..] else { panic!("{found:?}") };
        assert!((share - expect).abs() < 1e-9 * expect);
        let back: Vec<(u64, f64)> = all.wholes()[&name].iter().map(|(s, part)| (*s, part * share)).collect();
        assert!(back.iter().zip(&shares).all(|(a, b)| a.0 == b.0 && (a.1 - b.1).abs() < 1e-9));
        // The same number is the same source, another is another; halves of it too.
        assert_eq!(Loadings::of(&Parts::kept(shares.clone())).iter().next().map(|s| s.0), Some(name));
        let others = Parts::kept(shares.iter().map(|(s, share)| (*s, share * share)).collect());
        assert_ne!(Loadings::of(&others).iter().next().map(|s| s.0), Some(name));
        let half = all.times(&Load::All(0.5), 1);
        assert!(
            half.wholes().contains_key(&name)
                && half.plus(all).iter().all(|(_, l)| (l.at(0) - 1.5 * expect).abs() < 1e-9 * expect)
        );
        assert!(Loadings::of(&Parts::default()).is_empty() && Loadings::of(&Parts::exact()).is_empty());
        let named = Parts::default().named(0.5, &Hash::of(b"cell"));
        assert_eq!(
            Loadings::of(&named).iter().map(|(s, l)| (s, l.at(3))).collect::<Vec<_>>(),
            vec![(source(&Hash::of(b"cell")), 0.5)]
        );
    }
}
