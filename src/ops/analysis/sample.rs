//! A sample of numbers, and its statistics with their standard errors.

use crate::engine::value::{Number, ROW_IDS, Scores};

/// Numbers to be reduced to one. NaN is never among them: it is counted as absent.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// The numbers.
    pub values: Vec<f64>,
    /// Their own standard errors, 0 where exact; empty where all are.
    pub errors: Vec<f64>,
    /// For numbers per example of several cells: cell and id of each number; empty otherwise.
    pub origins: Vec<(u32, u32)>,
    /// How many numbers were absent.
    pub absent: usize,
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
    /// Sum.
    Total,
    /// Standard error of the mean.
    StandardError,
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
        self.push(Number::exact(value));
    }

    /// Adds a number with its error; NaN counts as absent.
    pub fn push(&mut self, number: Number) {
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
    }

    /// Adds the numbers of all examples of a cell.
    pub fn extend_scores(&mut self, cell: u32, scores: &Scores) {
        for (value, id) in scores.values.iter().zip(scores.ids.iter()) {
            let before = self.values.len();
            self.push_value(*value);
            if self.values.len() > before {
                self.origins.push((cell, *id % ROW_IDS));
            }
        }
    }

    /// Returns the number of values.
    pub fn len(&self) -> usize {
        self.values.len()
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
            _ if n == 0 => return None,
            Statistic::Mean => (mean(&self.values), self.error_of_mean()),
            Statistic::Std if n < 2 => return None,
            Statistic::Std => {
                let sd = deviation(&self.values);
                (sd, Some(sd / (2.0 * (n as f64 - 1.0)).sqrt()))
            }
            Statistic::Median => self.quantile(0.5),
            Statistic::Quantile(q) => self.quantile(q),
            Statistic::Minimum => self.extreme(|a, b| a < b),
            Statistic::Maximum => self.extreme(|a, b| a > b),
            Statistic::Total => (sum(self.values.iter().copied()), self.own_error()),
            Statistic::StandardError => (self.error_of_mean()?, None),
        };
        Some(Number { value, error, count: Some(n as u64) })
    }

    /// Returns the standard error of the mean of a sample: see `mean` in the standard library.
    ///
    /// Plain numbers: the larger of s / sqrt(n) and what the numbers' own errors give, sqrt(sum of squares) / n. (The spread of
    /// estimates already contains their errors, so the two are not added; a mean over coordinates that agree better than their
    /// errors allow keeps those.) Numbers per example of several cells: two-way clustered by example and by cell.
    pub fn error_of_mean(&self) -> Option<f64> {
        let n = self.len() as f64;
        let own = self.own_error().map(|e| e / n);
        if self.len() < 2 {
            return own;
        }
        let spread = if self.origins.is_empty() { deviation(&self.values) / n.sqrt() } else { self.clustered_error() };
        Some(own.map_or(spread, |e| e.max(spread)))
    }

    /// Returns the mean with the error that the numbers' own errors give it, whatever their spread: one unit of a larger sample, whose
    /// spread has theirs in it. Nothing where there is no number.
    pub fn as_unit(&self) -> Option<Number> {
        let n = self.len() as f64;
        let unit =
            || Number { value: mean(&self.values), error: self.own_error().map(|e| e / n), count: Some(self.len() as u64) };
        (!self.is_empty()).then(unit)
    }

    /// Returns the square root of the sum of squared own errors, where any number has one.
    fn own_error(&self) -> Option<f64> {
        (!self.errors.is_empty()).then(|| sum(self.errors.iter().map(|e| e * e)).sqrt())
    }

    /// Returns the standard error of the mean, two-way clustered (Cameron, Gelbach & Miller 2011, Eq. 2.9): the variance by
    /// examples plus the variance by cells minus the variance of single numbers, and no less than any of the three.
    fn clustered_error(&self) -> f64 {
        let (n, m) = (self.len() as f64, mean(&self.values));
        let residuals: Vec<f64> = self.values.iter().map(|v| v - m).collect();
        let single = sum(residuals.iter().map(|r| r * r)) / (n * (n - 1.0));
        let by_cell = self.cluster_variance(&residuals, |o| o.0);
        let by_example = self.cluster_variance(&residuals, |o| o.1);
        (by_cell + by_example - single).max(by_cell).max(by_example).max(single).sqrt()
    }

    /// Returns the variance of the mean with whole clusters as the units, 0 where there is but one cluster.
    fn cluster_variance(&self, residuals: &[f64], cluster: impl Fn(&(u32, u32)) -> u32) -> f64 {
        let count = self.origins.iter().map(&cluster).max().map_or(0, |k| k as usize + 1);
        let mut by_key: Vec<Option<f64>> = vec![None; count];
        for (origin, residual) in self.origins.iter().zip(residuals) {
            *by_key[cluster(origin) as usize].get_or_insert(0.0) += residual;
        }
        let sums: Vec<f64> = by_key.into_iter().flatten().collect();
        let g = sums.len() as f64;
        if sums.len() < 2 {
            return 0.0;
        }
        let n = residuals.len() as f64;
        sum(sums.iter().map(|s| s * s)) / (n * n) * g / (g - 1.0)
    }

    /// Returns the quantile and its standard error by Woodruff's method (1952): half the distance between the quantiles one
    /// standard error of the level to either side; none at levels 0 and 1 and below two numbers.
    fn quantile(&self, level: f64) -> (f64, Option<f64>) {
        let mut sorted = self.values.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let step = (level * (1.0 - level) / sorted.len() as f64).sqrt();
        let error = (sorted.len() > 1 && step > 0.0).then(|| {
            let (low, high) = ((level - step).max(0.0), (level + step).min(1.0));
            (quantile_of_sorted(&sorted, high) - quantile_of_sorted(&sorted, low)) / 2.0
        });
        (quantile_of_sorted(&sorted, level), error)
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

/// Returns the sum, compensated (Neumaier 1974), in the order given.
pub fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let (mut total, mut lost) = (0.0f64, 0.0f64);
    for v in values {
        let next = total + v;
        if next.is_finite() {
            lost += if total.abs() >= v.abs() { (total - next) + v } else { (v - next) + total };
        }
        total = next;
    }
    total + lost
}

/// Returns the mean, NaN of nothing.
pub fn mean(values: &[f64]) -> f64 {
    sum(values.iter().copied()) / values.len() as f64
}

/// Returns the standard deviation with n - 1, in two passes.
pub fn deviation(values: &[f64]) -> f64 {
    let m = mean(values);
    (sum(values.iter().map(|v| (v - m) * (v - m))) / (values.len() as f64 - 1.0)).sqrt()
}

/// Returns the quantile of sorted numbers by linear interpolation between order statistics (Hyndman & Fan's type 7, as NumPy).
pub fn quantile_of_sorted(sorted: &[f64], level: f64) -> f64 {
    let at = level.clamp(0.0, 1.0) * (sorted.len() as f64 - 1.0);
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    if low == high { sorted[low] } else { sorted[low] + (at - low as f64) * (sorted[high] - sorted[low]) }
}

/// Returns the ranks 1..=n of numbers, equal ones sharing the mean of their ranks.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut out = vec![0.0; values.len()];
    let mut at = 0;
    for group in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let rank = at as f64 + (group.len() as f64 + 1.0) / 2.0;
        group.iter().for_each(|i| out[*i] = rank);
        at += group.len();
    }
    out
}
