//! Pooling: many values to a centre and a spread.

use super::field::scalar;
use super::named::Show;
use crate::engine::value::Value;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Pooled values: what is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// The finite values that were pooled, in the order of their axes.
    pub values: Vec<f64>,
    /// Standard error of the only value, where it is an estimate.
    pub error: Option<f64>,
    /// How many places had no value.
    pub absent: usize,
    /// Whether the values are examples.
    pub examples: bool,
}

/// A centre with its ends; NaN where there is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Mean or median.
    pub center: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Outer ends, of quantiles.
    pub outer: (f64, f64),
}

impl Summary {
    /// Returns the summary of some places. The only scores are pooled over their examples; scores among several places are
    /// averaged over their examples first.
    pub fn of(values: &[&Value]) -> Summary {
        let mut out = Summary::default();
        if let [Value::Scores(s)] = values {
            out.values = s.values.iter().copied().filter(|v| v.is_finite()).collect();
            out.examples = true;
            out.absent = usize::from(out.values.is_empty());
            return out;
        }
        for value in values {
            match scalar(value) {
                Some(n) => {
                    out.values.push(n.value);
                    out.error = n.error;
                }
                None => out.absent += 1,
            }
        }
        if out.values.len() != 1 {
            out.error = None;
        }
        out
    }

    /// Returns the mean; NaN where there is no value.
    pub fn mean(&self) -> f64 {
        if self.values.is_empty() { f64::NAN } else { self.values.iter().sum::<f64>() / self.values.len() as f64 }
    }

    /// Returns the sample's standard deviation (n - 1); NaN below two values.
    pub fn sd(&self) -> f64 {
        let n = self.values.len() as f64;
        if n < 2.0 {
            return f64::NAN;
        }
        let mean = self.mean();
        (self.values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0)).sqrt()
    }

    /// Returns the quantile by linear interpolation (type 7); NaN where there is no value.
    pub fn quantile(&self, q: f64) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
        let at = q * last as f64;
        let low = at.floor() as usize;
        sorted[low] + (at - low as f64) * (sorted[(low + 1).min(last)] - sorted[low])
    }

    /// Returns what is drawn of a place among others: where several values are pooled at some places, a place with a single one has no
    /// spread of its own, unless the bars are standard errors or intervals, which a single estimate has as well.
    pub fn among(&self, show: Show, pooled: bool) -> Spread {
        let own = self.spread(show);
        match self.values.len() < 2 && pooled && !matches!(show, Show::Se | Show::Ci) {
            true => Spread { low: f64::NAN, high: f64::NAN, outer: (f64::NAN, f64::NAN), ..own },
            false => own,
        }
    }

    /// Returns the centre and the spread.
    pub fn spread(&self, show: Show) -> Spread {
        let none = (f64::NAN, f64::NAN);
        let mean = self.mean();
        let about = |d: f64| Spread { center: mean, low: mean - d, high: mean + d, outer: none };
        let n = self.values.len() as f64;
        match show {
            Show::Quantiles if n >= 2.0 => Spread {
                center: self.quantile(0.5),
                low: self.quantile(0.25),
                high: self.quantile(0.75),
                outer: (self.quantile(0.05), self.quantile(0.95)),
            },
            Show::Ci if n >= 2.0 => {
                let t = StudentsT::new(0.0, 1.0, n - 1.0).map_or(f64::NAN, |t| t.inverse_cdf(0.975));
                about(t * self.sd() / n.sqrt())
            }
            Show::Se if n >= 2.0 => about(self.sd() / n.sqrt()),
            Show::Ci => about(self.error.map_or(f64::NAN, |e| 1.959_963_984_540_054 * e)),
            Show::All if n >= 2.0 => about(f64::NAN),
            _ if n >= 2.0 => about(self.sd()),
            _ => about(self.error.unwrap_or(f64::NAN)),
        }
    }
}

/// Returns Spearman's rank correlation (Pearson's over ranks, ties at their mean rank); nothing below three pairs or without
/// variation.
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    let pairs: Vec<(f64, f64)> =
        x.iter().copied().zip(y.iter().copied()).filter(|(a, b)| a.is_finite() && b.is_finite()).collect();
    if pairs.len() < 3 {
        return None;
    }
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    crate::base::statistics::spearman(&a, &b)
}
