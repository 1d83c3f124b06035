//! A sample of numbers, and its statistics with their standard errors.

use super::drawn::{Origin, error_of_mean};
use crate::base::statistics::{deviation, mean, norm, quantile_of_sorted, sum};
use crate::engine::value::Number;

/// Numbers to be reduced to one. NaN is never among them: it is counted as absent.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// The numbers.
    pub values: Vec<f64>,
    /// Their own standard errors, 0 where exact; empty where all are.
    pub errors: Vec<f64>,
    /// Where each number comes from, where some were not drawn one by one; empty otherwise.
    pub origins: Vec<Origin>,
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

    /// Forgets all numbers, of which so many are absent from the start.
    pub fn clear(&mut self, absent: usize) {
        self.values.clear();
        self.errors.clear();
        self.origins.clear();
        self.absent = absent;
    }

    /// Adds an exact number; NaN counts as absent.
    pub fn push_value(&mut self, value: f64) {
        self.push(Number::exact(value), None);
    }

    /// Adds a number with its error, and where it comes from; NaN counts as absent.
    pub fn push(&mut self, number: Number, origin: Option<Origin>) {
        if number.value.is_nan() {
            self.absent += 1;
            return;
        }
        if let Some(e) = number.error.filter(|e| *e > 0.0) {
            self.errors.resize(self.values.len(), 0.0);
            self.errors.push(e);
        } else if !self.errors.is_empty() {
            self.errors.push(0.0);
        }
        self.values.push(number.value);
        self.origins.extend(origin);
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

    /// Returns the statistic, nothing where there are too few numbers for it.
    pub fn statistic(&self, which: Statistic) -> Option<Number> {
        let n = self.len();
        let (value, error) = match which {
            Statistic::Count => (n as f64, None),
            Statistic::Holding => (self.values.iter().filter(|v| **v != 0.0).count() as f64, None),
            _ if n == 0 => return None,
            Statistic::Mean => (mean(&self.values), self.error_of_mean()),
            Statistic::Std if n < 2 => return None,
            Statistic::Std => {
                let sd = deviation(&self.values);
                (sd, self.error_of_deviation(sd))
            }
            Statistic::Median => self.quantile(0.5),
            Statistic::Quantile(q) => self.quantile(q),
            Statistic::Minimum => self.extreme(|a, b| a < b),
            Statistic::Maximum => self.extreme(|a, b| a > b),
            Statistic::Mode => (self.mode(), None),
            Statistic::Total => (sum(self.values.iter().copied()), self.own_error()),
            Statistic::StandardError => (self.error_of_mean()?, None),
        };
        Some(Number { value, error, count: Some(n as u64) })
    }

    /// Returns the standard error of the mean of a sample: see `mean` in the standard library.
    ///
    /// The larger of what the spread of the numbers gives ([`error_of_mean`]) and what their own errors give, sqrt(sum of squares) / n.
    /// (The spread of estimates already contains their errors, so the two are not added; a mean over coordinates that agree better than
    /// their errors allow keeps those.)
    pub fn error_of_mean(&self) -> Option<f64> {
        if self.dependent {
            return None;
        }
        let own = self.own_error().map(|e| e / self.len() as f64);
        match (own, error_of_mean(&self.values, &self.origins)) {
            (Some(own), Some(spread)) => Some(own.max(spread)),
            (own, spread) => own.or(spread),
        }
    }

    /// Returns the statistic as one unit of a larger sample. A mean has the error that the numbers' own errors give it, whatever their
    /// spread: that of the units has theirs in it. Nothing where there is no number.
    pub fn as_unit(&self, which: Statistic) -> Option<Number> {
        if which != Statistic::Mean {
            return self.statistic(which);
        }
        let n = self.len() as f64;
        let unit =
            || Number { value: mean(&self.values), error: self.own_error().map(|e| e / n), count: Some(self.len() as u64) };
        (!self.is_empty()).then(unit)
    }

    /// Returns the square root of the sum of squared own errors, where any number has one.
    fn own_error(&self) -> Option<f64> {
        (!self.errors.is_empty() && !self.dependent).then(|| norm(self.errors.iter().copied()))
    }

    /// Returns the standard error of the standard deviation `sd`: that of a normal sample; of numbers that were not drawn one by one, that
    /// of the mean of what each adds to it, ((v - m)^2 - sd^2) / (2 sd).
    fn error_of_deviation(&self, sd: f64) -> Option<f64> {
        if self.dependent {
            return None;
        }
        if self.origins.is_empty() {
            return Some(sd / (2.0 * (self.len() as f64 - 1.0)).sqrt());
        }
        if sd == 0.0 {
            return Some(0.0);
        }
        let m = mean(&self.values);
        let adds: Vec<f64> = self.values.iter().map(|v| (((v - m) / sd).powi(2) - 1.0) / 2.0).collect();
        error_of_mean(&adds, &self.origins).map(|e| e * sd)
    }

    /// Returns the quantile and its standard error by Woodruff's method (1952): half the distance between the quantiles one
    /// standard error of the share of values below to either side; none at levels 0 and 1 and below two numbers.
    fn quantile(&self, level: f64) -> (f64, Option<f64>) {
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
        (value, error)
    }

    /// Returns the number that occurs most often, the smallest of several as often.
    fn mode(&self) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let runs = sorted.chunk_by(|a, b| a == b);
        runs.fold((0, f64::NAN), |best, run| if run.len() > best.0 { (run.len(), run[0]) } else { best }).1
    }

    /// Returns the number that beats all before it, with its own error.
    fn extreme(&self, beats: impl Fn(f64, f64) -> bool) -> (f64, Option<f64>) {
        let mut best = 0;
        for i in 1..self.len() {
            if beats(self.values[i], self.values[best]) {
                best = i;
            }
        }
        (self.values[best], self.errors.get(best).copied().filter(|e| *e > 0.0))
    }
}
