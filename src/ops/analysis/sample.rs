//! A sample of numbers, and its statistics with their standard errors.

use super::drawn::{AXES, Origin, error_of_mean, shares_of_units};
use super::sources::Sources;
use super::variance::of_table;
use crate::base::statistics::{deviation, magnitude, mean, norm, quantile_of_sorted, sum};
use crate::engine::loadings::{Loadings, Wholes};
use crate::engine::parts::{self, Parts, Shares};
use crate::engine::value::Number;
use std::collections::{BTreeMap, BTreeSet};

/// Numbers to be reduced to one. NaN is never among them: it is counted as absent.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// The numbers.
    pub values: Vec<f64>,
    /// Their own standard errors, 0 where exact; empty where all are.
    pub errors: Vec<f64>,
    /// What these errors are made of; as many as there are errors.
    pub parts: Vec<Parts>,
    /// What several numbers err by together: for each source of error the numbers that it moves, and how far.
    pub loads: BTreeMap<u64, Vec<(usize, f64)>>,
    /// Which of these sources stand for several.
    pub wholes: Wholes,
    /// Where each number comes from, where some were not drawn one by one; empty otherwise.
    pub origins: Vec<Origin>,
    /// For each number the sources that the coordinates it stands at are, 0 for axes that are not there; empty where nothing was drawn along axes.
    pub units: Vec<[u64; AXES]>,
    /// For each number the source that its example is; empty where there is not one number per example.
    pub examples: Vec<u64>,
    /// Places of the numbers whose errors nobody knows.
    pub unknown: Vec<usize>,
    /// How many numbers were absent.
    pub absent: usize,
    /// Why one of them was, where that is known.
    pub reason: Option<String>,
    /// Whether the numbers depend on one another in a way that nothing tells: they then have no error in common.
    pub dependent: bool,
}

/// What a sample is reduced to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// Arithmetic mean.
    Mean,
    /// Standard deviation with n - 1.
    Std,
    /// Median.
    Median,
    /// Quantile at a level between 0 and 1, by linear interpolation.
    Quantile(f64),
    /// Smallest number.
    Minimum,
    /// Largest number.
    Maximum,
    /// How many numbers there are.
    Count,
    /// How many truth values hold: numbers that are not 0.
    Holding,
    /// The number that occurs most often, the smallest of several.
    Mode,
    /// Sum.
    Total,
    /// Standard error of the mean.
    StandardError,
}

/// Pairs of fewer units than these do not tell the error of their standard deviation: it came out at 0.6 of the true spread for eight.
const UNITS: usize = 20;

/// From this many numbers on, the jackknife knows the error of their standard deviation, whatever their distribution.
const MANY: usize = 10;

impl Statistic {
    /// Returns what inner axes are reduced by before this statistic is taken of the outer ones: the mean before a mean and its spread, the
    /// quantile before a quantile, itself before a sum or an extreme. Nothing of counts: those of inner ones add up.
    pub fn inner(self) -> Option<Statistic> {
        match self {
            Statistic::Mean | Statistic::Std | Statistic::StandardError => Some(Statistic::Mean),
            Statistic::Count | Statistic::Holding => None,
            _ => Some(self),
        }
    }
}

impl Sample {
    /// Returns the sample of plain numbers.
    pub fn of(values: &[f64]) -> Self {
        let mut sample = Sample::default();
        values.iter().for_each(|v| sample.push_value(*v));
        sample
    }

    /// Forgets all numbers; `absent` of the next are absent from the start.
    pub fn clear(&mut self, absent: usize) {
        self.values.clear();
        self.errors.clear();
        self.parts.clear();
        self.loads.clear();
        self.wholes.clear();
        self.units.clear();
        self.examples.clear();
        self.unknown.clear();
        self.origins.clear();
        self.absent = absent;
    }

    /// Adds an exact number; NaN counts as absent.
    pub fn push_value(&mut self, value: f64) {
        self.push(Number::exact(value), None);
    }

    /// Adds a number with its error, and where it comes from; NaN counts as absent.
    pub fn push(&mut self, number: Number, origin: Option<Origin>) {
        self.push_at(number, origin, None);
    }

    /// Adds a number as [`Sample::push`] does, with the sources that the coordinates it stands at are.
    pub fn push_at(&mut self, number: Number, origin: Option<Origin>, units: Option<[u64; AXES]>) {
        if number.value.is_nan() {
            self.absent += 1;
            return;
        }
        self.units.extend(units);
        if number.no_error_known() {
            self.unknown.push(self.values.len());
        }
        if let Some(e) = number.error.filter(|e| *e > 0.0) {
            self.errors.resize(self.values.len(), 0.0);
            self.parts.resize(self.values.len(), Parts::default());
            self.errors.push(e);
            self.parts.push(number.parts);
        } else if !self.errors.is_empty() {
            self.errors.push(0.0);
            self.parts.push(Parts::default());
        }
        self.values.push(number.value);
        self.origins.extend(origin);
    }

    /// Adds the exact number of an example, which is a source of error, as [`Sample::push_at`] does.
    pub fn push_example(&mut self, value: f64, origin: Option<Origin>, units: Option<[u64; AXES]>, example: u64) {
        if !value.is_nan() {
            self.examples.push(example);
        }
        self.push_at(Number::exact(value), origin, units);
    }

    /// Says what the number that is added next errs by together with others: what moves the example at a place of scores.
    pub fn load(&mut self, loadings: &Loadings, place: usize) {
        let next = self.values.len();
        if next == 0 || self.wholes.len() < loadings.wholes().len() {
            self.wholes.extend(loadings.wholes().clone());
        }
        for (source, load) in loadings.iter() {
            self.loads.entry(source).or_default().push((next, load.at(place)));
        }
    }

    /// Returns the number of values.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns whether none of the values is infinite.
    pub fn finite(&self) -> bool {
        self.values.iter().all(|v| v.is_finite())
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the statistic; `None` if there are too few numbers for it.
    pub fn statistic(&self, which: Statistic) -> Option<Number> {
        let n = self.len();
        let exact = (None, Parts::exact());
        let (value, (error, parts)) = match which {
            Statistic::Count => (n as f64, exact),
            Statistic::Holding => (self.values.iter().filter(|v| **v != 0.0).count() as f64, exact),
            _ if n == 0 => return None,
            Statistic::Mean => (mean(&self.values), self.mean_error(None)),
            Statistic::Std if n < 2 => return None,
            Statistic::Std => {
                let sd = deviation(&self.values);
                (sd, self.error_of_deviation(sd))
            }
            Statistic::Median => self.quantile(0.5),
            Statistic::Quantile(q) => self.quantile(q),
            Statistic::Minimum => self.extreme(|a, b| a < b),
            Statistic::Maximum => self.extreme(|a, b| a > b),
            Statistic::Mode => (self.mode(), (None, Parts::default())),
            Statistic::Total => (sum(self.values.iter().copied()), self.own(|_| 1.0)),
            Statistic::StandardError => (self.error_of_mean()?, (None, Parts::default())),
        };
        // Of what is no finite number nobody knows how far it is off.
        let known = value.is_finite() && error.is_none_or(f64::is_finite);
        let (error, parts) = if known { (error, parts) } else { (None, Parts::default()) };
        Some(Number { value, error, count: Some(n as u64), parts })
    }

    /// Returns the standard error of the mean of a sample: see `mean` in the standard library.
    pub fn error_of_mean(&self) -> Option<f64> {
        self.mean_error(None).0
    }

    /// Returns the mean, the error of whose spread is no smaller than `least`: that of a share.
    pub fn mean_of_at_least(&self, least: f64) -> Number {
        let (error, parts) = self.mean_error(Some(least));
        Number { value: mean(&self.values), error, count: Some(self.len() as u64), parts }
    }

    /// Returns the standard error of the mean, and what it is made of.
    ///
    /// The parts of a mean are the mean of the parts of the numbers' own errors, and, for each unit that was drawn, the spread of the numbers
    /// ([`error_of_mean`]) less what of it these parts give. So the spread of estimates, which contains their errors, is not added to
    /// them; a mean over coordinates that agree better than their errors allow keeps those; and an error that all numbers share, which
    /// their spread does not show, stays whole. Along one axis, and over the examples of one cell, what is taken off is told by source and unit
    /// ([`Sources::taken_off`]), so that the difference of two means has the error of the mean difference; over several axes the units' shares are made as much smaller.
    fn mean_error(&self, least: Option<f64>) -> (Option<f64>, Parts) {
        if self.dependent {
            return (None, Parts::default());
        }
        let n = self.len();
        let spread = error_of_mean(&self.values, &self.origins);
        let spread = match (spread, least) {
            (Some(e), Some(least)) => Some(e.max(least)),
            (e, least) => e.or(least),
        };
        let by_unit = self.units.len() == n;
        let Some(sources) = self.sources() else {
            let parts = spread.filter(|e| *e > 0.0).map_or_else(Parts::default, |e| self.of_units(&self.values, e));
            return (spread, parts);
        };
        let loads = self.loads.values().flatten().map(|(_, share)| *share);
        let p = magnitude(self.errors.iter().copied().chain(loads).chain(spread));
        let e = spread.unwrap_or(0.0) / p;
        // That the units of this very sample were drawn is what the spread is of.
        let drawn: BTreeSet<u64> = if by_unit { self.units.iter().flatten().copied().collect() } else { BTreeSet::new() };
        let seen = sources.seen(&self.origins, p, |source| !drawn.contains(&source));
        let mut shares = self.own_shares(|_| 1.0 / n as f64);
        let (own, own_parts) = shares.clone().finish();
        // Errors that cancel each other in the mean by chance, as where some runs are right about what others are wrong about, do not make it better
        // known than the spread says: a variance of examples below 0 counts as 0.
        let most = (own / p).powi(2);
        let cancel = seen > most && sources.plain(|source| drawn.contains(&source));
        // Where neither runs nor examples have a variance of their own, all is pooled, as of runs and examples at once.
        let pooled = (cancel && e * e < seen && self.origins.is_empty() && !self.loads.is_empty())
            .then(|| of_table(most, e * e, seen, sources.how_many() as f64, n as f64).sqrt() * p);
        let (seen, kept) = if cancel { (most, (most / seen).sqrt()) } else { (seen, 1.0) };
        let left = (e * e - seen).max(0.0).sqrt() * p;
        let mut taken_off = self.taken_off(&sources, |source| !drawn.contains(&source));
        taken_off.iter_mut().flatten().for_each(|(_, share)| *share *= kept);
        let (mut error, mut parts) = match (taken_off, spread) {
            (Some(off), Some(spread)) => {
                shares.add_parts(&self.of_units(&self.values, spread), 1.0);
                // Of many sources the sums by bucket stand for what is taken off, and its size is known better.
                let known = (off.len() > parts::MOST).then(|| parts::less(shares.clone().finish().0, seen.max(0.0).sqrt() * p));
                shares.add_many(off);
                let (found, parts) = shares.finish();
                match known {
                    Some(error) => (error, parts.of_size(error)),
                    None => (found, parts),
                }
            }
            _ => {
                let spreads = if left > 0.0 { self.of_units(&self.values, left) } else { Parts::exact() };
                match spreads.shares() {
                    Some(_) => shares.add_parts(&spreads, 1.0),
                    None => shares.add_own(left),
                }
                shares.finish()
            }
        };
        if self.loads.is_empty() && sources.apart(|source| drawn.contains(&source)) {
            // The same to the last bit: the larger of both.
            error = (norm(self.errors.iter().copied()) / n as f64).max(spread.unwrap_or(0.0));
        } else if own_parts.apart_from(&self.units, &self.examples) {
            // Nothing that both come from: the error is known better than its parts are told apart.
            error = own.hypot(left);
            parts = parts.of_size(error);
        }
        if let Some(pooled) = pooled {
            error = pooled;
            parts = parts.of_size(error);
        }
        (Some(error), if sources.told { parts } else { Parts::default() })
    }

    /// Returns what of the spread of the numbers their own errors give, as parts that count against it: see [`Sources::taken_off`]. Nothing where the numbers
    /// do not stand along one axis, or at the examples of one cell, whose coordinates have names.
    fn taken_off(&self, sources: &Sources, counts: impl Fn(u64) -> bool) -> Option<Vec<(u64, f64)>> {
        let n = self.len();
        let named = match self.units.len() == n {
            true => self.examples.is_empty() && self.units.iter().all(|u| u[0] != 0),
            false => self.examples.len() == n,
        };
        let unit = |i: usize| if self.units.len() == n { self.units[i][0] } else { self.examples[i] };
        (self.origins.is_empty() && n > 1 && named && sources.told).then(|| sources.taken_off(unit, counts))?
    }

    /// Returns the parts of an error that the units and examples of the sample have, given what each number adds; nothing where they are not told.
    fn of_units(&self, adds: &[f64], error: f64) -> Parts {
        let n = self.len();
        let there = |len: usize| len == n && n > 0;
        if !there(self.units.len()) && !there(self.examples.len()) {
            return Parts::default();
        }
        let units = if there(self.units.len()) { self.units.as_slice() } else { &[] };
        let examples = if there(self.examples.len()) { self.examples.as_slice() } else { &[] };
        Parts::of_units(shares_of_units(adds, &self.origins, units, examples), error)
    }

    /// Returns the shares of a sum of the numbers, each times its weight, that their own errors give. Numbers that are multiples of one estimate are added up first.
    fn own_shares(&self, weight: impl Fn(usize) -> f64) -> Shares {
        let mut shares = Shares::default();
        for (source, all) in &self.loads {
            all.iter().for_each(|(i, share)| self.put(&mut shares, *source, weight(*i) * share));
        }
        // By list of shares: the first of its numbers, and the sum of the multiples of that, and of their sizes.
        let mut lists: Vec<(usize, f64, f64)> = Vec::new();
        let mut places: BTreeMap<usize, usize> = BTreeMap::new();
        for (i, (error, parts)) in self.errors.iter().zip(&self.parts).enumerate().filter(|(_, (e, _))| **e > 0.0) {
            match parts.list().filter(|_| parts.told().is_some()) {
                Some((list, scale)) => {
                    let place = *places.entry(list).or_insert_with(|| {
                        lists.push((i, 0.0, 0.0));
                        lists.len() - 1
                    });
                    let of_first = self.parts[lists[place].0].list().map_or(1.0, |l| l.1);
                    let times = weight(i) * scale / of_first;
                    lists[place].1 += times;
                    lists[place].2 += times.abs();
                }
                None => shares.add(Sources::nameless(i), weight(i) * error),
            }
        }
        lists.iter().for_each(|(first, sum, size)| shares.add_multiples(&self.parts[*first], *sum, *size));
        shares
    }

    /// Adds the share of a source; of one that stands for several, the shares of these.
    fn put(&self, shares: &mut Shares, source: u64, share: f64) {
        match self.wholes.get(&source) {
            Some(all) => all.iter().for_each(|(source, part)| shares.add(*source, part * share)),
            None => shares.add(source, share),
        }
    }

    /// Returns the error of the mean that sources give which several numbers share, and which their spread does not show.
    pub fn shared_error(&self) -> f64 {
        let Some(sources) = self.sources() else { return 0.0 };
        let mut all = Shares::default();
        sources.each(|source, of| {
            if of.len() > 1 {
                all.add(source, sources.unseen(of));
            }
        });
        all.finish().0
    }

    /// Returns what the numbers' own errors come from; `None` if all are exact.
    fn sources(&self) -> Option<Sources> {
        let any = !self.errors.is_empty() || !self.loads.is_empty();
        (any && !self.dependent).then(|| Sources::of(&self.errors, &self.parts, &self.loads, self.len()))
    }

    /// Returns the statistic as one unit of a larger sample. A mean has the error that the numbers' own errors give it, whatever their
    /// spread: that of the units has theirs in it. Nothing where there is no number.
    pub fn as_unit(&self, which: Statistic) -> Option<Number> {
        if which != Statistic::Mean {
            return self.statistic(which);
        }
        let n = self.len() as f64;
        let unit = || {
            let (error, parts) = self.own(|_| 1.0 / n);
            Number { value: mean(&self.values), error, count: Some(self.len() as u64), parts }
        };
        (!self.is_empty()).then(unit)
    }

    /// Returns the error of a sum of the numbers, each times its weight, that their own errors give, and its parts; `None` if all are exact.
    fn own(&self, weight: impl Fn(usize) -> f64) -> (Option<f64>, Parts) {
        let Some(sources) = self.sources().filter(|_| self.unknown.is_empty()) else {
            return (None, if self.unknown.is_empty() && !self.dependent { Parts::exact() } else { Parts::default() });
        };
        let (error, parts) = self.own_shares(weight).finish();
        (Some(error), if sources.told { parts } else { Parts::default() })
    }

    /// Returns an error with what sources that several numbers share add to it, which the spread of the numbers does not show. `adds` says what each
    /// number adds to the statistic: the error is shared out to the units by it.
    fn with_shared(
        &self,
        error: Option<f64>,
        adds: &[f64],
        of: impl Fn(&Sources, &[(usize, f64)]) -> f64,
    ) -> (Option<f64>, Parts) {
        let Some(found) = error else { return (error, Parts::default()) };
        let by_units = || if found > 0.0 { self.of_units(adds, found) } else { Parts::default() };
        let Some(sources) = self.sources() else { return (error, by_units()) };
        let mut shares = Shares::default();
        sources.each(|source, all| {
            if all.len() > 1 {
                self.put(&mut shares, source, of(&sources, all));
            }
        });
        let (shared, shared_parts) = shares.clone().finish();
        if shared == 0.0 {
            return (error, if sources.told { by_units() } else { Parts::default() });
        }
        let spread = by_units();
        match spread.shares() {
            Some(_) => shares.add_parts(&spread, 1.0),
            None => shares.add_own(found),
        }
        let (mut error, mut parts) = shares.finish();
        if shared_parts.apart_from(&self.units, &self.examples) {
            error = shared.hypot(found);
            parts = parts.of_size(error);
        }
        (Some(error), if sources.told { parts } else { Parts::default() })
    }

    /// Returns what each number adds to the statistic, to first order, up to a factor: its influence (Hampel 1974). Nothing of statistics that have none.
    pub fn influences(&self, which: Statistic) -> Option<Vec<f64>> {
        match which {
            Statistic::Mean | Statistic::Total => Some(self.values.clone()),
            Statistic::Std => {
                let (m, sd) = (mean(&self.values), deviation(&self.values));
                Some(self.values.iter().map(|v| (((v - m) / sd).powi(2) - 1.0) / 2.0).collect())
            }
            Statistic::Median => self.influences(Statistic::Quantile(0.5)),
            Statistic::Quantile(level) => {
                let mut sorted = self.values.clone();
                sorted.sort_unstable_by(f64::total_cmp);
                let value = quantile_of_sorted(&sorted, level);
                Some(self.values.iter().map(|v| if *v <= value { level - 1.0 } else { level }).collect())
            }
            _ => None,
        }
    }

    /// Returns how many units the numbers are of pairs of; nothing where they are of none.
    fn paired_units(&self) -> Option<usize> {
        let of_pair = |o: &Origin| o.units.map(|(a, b)| [a, b]);
        let units = self.origins.iter().map(of_pair).collect::<Option<Vec<_>>>()?;
        Some(units.into_iter().flatten().collect::<BTreeSet<u32>>().len()).filter(|n| *n > 0)
    }

    /// Returns the standard error of the standard deviation `sd`: that of a normal sample; of many numbers ([`MANY`]) the jackknife's (Efron & Stein 1981);
    /// of numbers that were not drawn one by one that of the mean of what each adds to it, ((v - m)^2 - sd^2) / (2 sd). Errors that several numbers share
    /// move it too.
    fn error_of_deviation(&self, sd: f64) -> (Option<f64>, Parts) {
        if self.dependent {
            return (None, Parts::default());
        }
        if sd == 0.0 {
            return (Some(0.0), Parts::default());
        }
        let m = mean(&self.values);
        let n = self.len() as f64;
        let adds = self.influences(Statistic::Std).unwrap_or_default();
        let error = match self.origins.is_empty() {
            true if self.len() < MANY => Some(sd / (2.0 * (n - 1.0)).sqrt()),
            true => {
                // Without v it is the root of ((n - 1) sd^2 - n (v - m)^2 / (n - 1)) / (n - 2).
                let without = |v: &f64| ((n - 1.0 - n / (n - 1.0) * ((v - m) / sd).powi(2)).max(0.0) / (n - 2.0)).sqrt();
                let without: Vec<f64> = self.values.iter().map(without).collect();
                Some(sd * deviation(&without) * (n - 1.0) / n.sqrt())
            }
            false if self.paired_units().is_some_and(|units| units < UNITS) => None,
            false => error_of_mean(&adds, &self.origins).map(|e| e * sd),
        };
        let moves = |all: &[(usize, f64)]| sum(all.iter().map(|(i, share)| (self.values[*i] - m) / sd * share)) / (n - 1.0);
        // Where a source moves the numbers differently, by chance, that is in their spread already: what it then does to the deviation on average
        // is taken off, over all sources together.
        let (mut found, mut chance) = (0.0, 0.0);
        if let Some(sources) = self.sources() {
            sources.each(|_, all| {
                if all.len() > 1 {
                    let middle = sum(all.iter().map(|(_, share)| *share)) / n;
                    let others = (n - all.len() as f64) * middle * middle;
                    let squares = sum(all.iter().map(|(_, share)| (share - middle).powi(2))) + others;
                    // What of it follows the numbers moves the deviation; by the rest chance is told.
                    let moved = moves(all).powi(2);
                    found += moved;
                    chance += (squares - (n - 1.0) * moved).max(0.0) / ((n - 1.0) * (n - 2.0).max(1.0));
                }
            });
        }
        let kept = if found > chance { (1.0 - chance / found).sqrt() } else { 0.0 };
        self.with_shared(error, &adds, |_, all| kept * moves(all))
    }

    /// Returns the quantile and its standard error by Woodruff's method (1952): half the distance between the quantiles one
    /// standard error of the share of values below to either side; none at levels 0 and 1 and below two numbers. Errors that several
    /// numbers share move it as they move the mean.
    fn quantile(&self, level: f64) -> (f64, (Option<f64>, Parts)) {
        let mut sorted = self.values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let value = quantile_of_sorted(&sorted, level);
        let step = match self.origins.is_empty() {
            _ if self.dependent => None,
            true => Some((level * (1.0 - level) / sorted.len() as f64).sqrt()),
            false => {
                let below: Vec<f64> = self.values.iter().map(|v| (*v <= value) as u8 as f64).collect();
                error_of_mean(&below, &self.origins)
            }
        };
        let error = step.filter(|s| sorted.len() > 1 && *s > 0.0 && level > 0.0 && level < 1.0).map(|step| {
            let (low, high) = ((level - step).max(0.0), (level + step).min(1.0));
            (quantile_of_sorted(&sorted, high) - quantile_of_sorted(&sorted, low)) / 2.0
        });
        let adds = self.influences(Statistic::Quantile(level)).unwrap_or_default();
        (value, self.with_shared(error, &adds, |sources, all| sources.unseen(all)))
    }

    /// Returns the number that occurs most often, the smallest of several as often.
    fn mode(&self) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let runs = sorted.chunk_by(|a, b| a == b);
        runs.fold((0, f64::NAN), |best, run| if run.len() > best.0 { (run.len(), run[0]) } else { best }).1
    }

    /// Returns the number that beats all before it, with its own error.
    fn extreme(&self, beats: impl Fn(f64, f64) -> bool) -> (f64, (Option<f64>, Parts)) {
        let mut best = 0;
        for i in 1..self.len() {
            if beats(self.values[i], self.values[best]) {
                best = i;
            }
        }
        let mut shared = Shares::default();
        for (source, all) in &self.loads {
            all.iter().filter(|(i, _)| *i == best).for_each(|(_, share)| self.put(&mut shared, *source, *share));
        }
        let found = match self.errors.get(best).copied().filter(|e| *e > 0.0) {
            None if !self.loads.is_empty() => {
                let (error, parts) = shared.finish();
                (Some(error), parts)
            }
            Some(error) => (Some(error), self.parts[best].clone()),
            None if self.unknown.contains(&best) => (None, Parts::default()),
            None => (None, Parts::exact()),
        };
        (self.values[best], found)
    }
}
