//! Sums of numbers that are given by their logarithms.

/// Returns the logarithm of a sum of numbers given by their logarithms; minus infinity of nothing.
pub fn sum_of_logs(logs: &[f64]) -> f64 {
    let top = logs.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
    if top == f64::NEG_INFINITY { top } else { top + logs.iter().map(|l| (l - top).exp()).sum::<f64>().ln() }
}
