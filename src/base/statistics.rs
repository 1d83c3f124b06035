//! Elementary statistics of plain numbers: sums, means, spreads, quantiles, ranks, correlations. At any scale that numbers have.

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

/// Returns the power of two at or below the largest magnitude: dividing by it is exact, and squares then neither overflow nor vanish.
/// 1 where there is nothing to divide by.
pub fn magnitude(values: impl Iterator<Item = f64>) -> f64 {
    let largest = values.map(f64::abs).fold(0.0, f64::max);
    if largest == 0.0 || !largest.is_finite() {
        return 1.0;
    }
    // The bits of the exponent alone. Below the normal numbers there are no exact halves left to win.
    f64::from_bits(largest.to_bits() & 0x7ff0_0000_0000_0000).max(f64::MIN_POSITIVE)
}

/// Returns whether all numbers are one number. (Their spread need not be 0: rounding leaves a residue.)
pub fn constant(values: &[f64]) -> bool {
    values.iter().all(|v| *v == values[0])
}

/// Returns the mean, NaN of nothing. It lies between the smallest and the largest number, so that of equal numbers it is that number.
pub fn mean(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let largest = values.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    let plain = match largest > 1e290 && largest.is_finite() {
        true => {
            let p = magnitude(values.iter().copied());
            sum(values.iter().map(|v| v / p)) / n * p
        }
        false => sum(values.iter().copied()) / n,
    };
    let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
    if low <= high { plain.max(low).min(high) } else { plain }
}

/// Returns the differences from the mean, in units of a power of two near the largest, and that power.
pub fn centred(values: &[f64]) -> (Vec<f64>, f64) {
    // Numbers near the largest one may differ by more than that.
    let large = values.iter().any(|v| v.abs() > 1e300);
    let by = if large { 2f64.powi(-64) } else { 1.0 };
    let m = mean(values) * by;
    let p = magnitude(values.iter().map(|v| v * by - m)).min(2f64.powi(1023) * by);
    (values.iter().map(|v| (v * by - m) / p).collect(), p / by)
}

/// Returns the square root of the sum of squares.
pub fn norm(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let p = magnitude(values.clone());
    sum(values.map(|v| (v / p) * (v / p))).sqrt() * p
}

/// Returns the standard deviation with n - 1, in two passes: 0 of equal numbers, NaN below two.
pub fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    if constant(values) {
        return 0.0;
    }
    let (from_mean, p) = centred(values);
    sum(from_mean.iter().map(|r| r * r)).sqrt() / (values.len() as f64 - 1.0).sqrt() * p
}

/// Returns the quantile of sorted numbers by linear interpolation between order statistics (Hyndman & Fan's type 7, as NumPy).
pub fn quantile_of_sorted(sorted: &[f64], level: f64) -> f64 {
    let at = level.clamp(0.0, 1.0) * (sorted.len() as f64 - 1.0);
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    let (part, apart) = (at - low as f64, sorted[high] - sorted[low]);
    match low == high {
        true => sorted[low],
        // Numbers near the largest one may lie further apart than that.
        false if apart.is_infinite() && sorted[low].is_finite() && sorted[high].is_finite() => {
            (1.0 - part) * sorted[low] + part * sorted[high]
        }
        false => sorted[low] + part * apart,
    }
}

/// Orders numbers by size, as `total_cmp` does, but with -0 equal to 0: what breaks ties then decides between them.
pub fn by_size(a: &f64, b: &f64) -> std::cmp::Ordering {
    (a + 0.0).total_cmp(&(b + 0.0))
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

/// Returns Pearson's correlation of numbers that belong together; `None` if a side is constant or there are fewer than two.
pub fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    if x.len() < 2 || constant(x) || constant(y) {
        return None;
    }
    let ((a, _), (b, _)) = (centred(x), centred(y));
    let dot = |a: &[f64], b: &[f64]| sum(a.iter().zip(b).map(|(a, b)| a * b));
    let r = dot(&a, &b) / (dot(&a, &a).sqrt() * dot(&b, &b).sqrt());
    Some(r.clamp(-1.0, 1.0))
}

/// Returns the standard error of a share of `n` values drawn one by one: sqrt(q (1 - q) / (n + 4)) at q = (n share + 2) / (n + 4) (Agresti &
/// Coull 1998). It does not vanish where all or none hold.
pub fn share_error(share: f64, n: f64) -> f64 {
    let q = (share * n + 2.0) / (n + 4.0);
    (q * (1.0 - q) / (n + 4.0)).sqrt()
}

/// Returns the standard error of a share of `n` values that were not drawn one by one, given that of their mean (each 1 or 0, or a share of its
/// own): the larger of it and [`share_error`] for the effective number of values, share (1 - share) / error^2 (Korn & Graubard 1998). Where all
/// or none hold nothing tells how much they depend on one another, and `sure` of them were drawn one by one.
pub fn clustered_share_error(share: f64, n: f64, of_mean: Option<f64>, sure: f64) -> f64 {
    match of_mean.filter(|e| *e > 0.0) {
        Some(e) => share_error(share, (share * (1.0 - share) / (e * e)).min(n)).max(e),
        None => share_error(share, sure),
    }
}

/// Returns Spearman's rank correlation, ties sharing the mean of their ranks; nothing as in [`pearson`].
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    pearson(&ranks(x), &ranks(y))
}

/// Returns the standard error of Spearman's correlation `r` of `n` pairs, from five on: (1 - r^2) sqrt((1 + r^2 / 2) / (n - 3))
/// (Bonett & Wright 2000, by the delta method from Fisher's z).
pub fn spearman_error(r: f64, n: usize) -> Option<f64> {
    (n >= 5).then(|| (1.0 - r * r) * ((1.0 + r * r / 2.0) / (n as f64 - 3.0)).sqrt())
}

/// Returns the mean over classes of 2 TP / (2 TP + FP + FN), from how many examples of each class are predicted right (`hit`), are of it (`of`), and are said to be (`said`):
/// weighted by the classes' examples, or (`macro_mean`) over all classes that occur among labels or predictions. NaN where nothing is counted.
pub fn f_score(hit: &[f64], of: &[f64], said: &[f64], macro_mean: bool) -> f64 {
    let (mut sum, mut weight) = (0.0, 0.0);
    for c in (0..hit.len()).filter(|c| of[*c] + said[*c] > 0.0) {
        let w = if macro_mean { 1.0 } else { of[c] };
        sum += w * 2.0 * hit[c] / (of[c] + said[c]);
        weight += w;
    }
    sum / weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_scale_changes_a_spread_or_a_correlation() {
        let x = [1.0, 4.0, 2.0, 9.0, 3.5];
        let y = [2.0, 3.0, 8.0, 5.0, 1.0];
        let (s, r) = (deviation(&x), pearson(&x, &y).unwrap());
        for p in [-300, -200, -90, 90, 200, 300] {
            let scale = 10f64.powi(p);
            let scaled: Vec<f64> = x.iter().map(|v| v * scale).collect();
            assert!((deviation(&scaled) / scale - s).abs() < 1e-12 * s, "{p}");
            assert!((pearson(&scaled, &y).unwrap() - r).abs() < 1e-12, "{p}");
            assert!((mean(&scaled) / scale - 3.9).abs() < 1e-12, "{p}");
            assert!((norm(scaled.iter().copied()) / scale - norm(x.iter().copied())).abs() < 1e-12 * s, "{p}");
        }
        assert!(mean(&[1.5e308, 1.5e308, 1.7e308]).is_finite());
    }

    #[test]
    fn errors_of_shares_do_not_vanish() {
        // statsmodels' proportion_confint(10, 10, method="agresti_coull"): the half width at z = 2 is twice the error, at q = 12 / 14.
        assert!((share_error(1.0, 10.0) - (12.0f64 / 14.0 * (2.0 / 14.0) / 14.0).sqrt()).abs() < 1e-15);
        assert!((share_error(0.0, 10.0) - share_error(1.0, 10.0)).abs() < 1e-15);
        // Two clusters that differ: the mean's error stands, which no effective number of values could give.
        assert_eq!(clustered_share_error(0.5, 100.0, Some(0.5), 50.0), 0.5);
        // As if drawn one by one: 0.25 / 0.05^2 = 100 values.
        assert_eq!(clustered_share_error(0.5, 1000.0, Some(0.05), 50.0), 0.05);
        assert_eq!(clustered_share_error(0.0, 1000.0, Some(0.0), 50.0), share_error(0.0, 50.0));
    }

    #[test]
    fn equal_numbers_have_no_spread() {
        for c in [0.1, 0.5, 1e-300, 1e300, -0.3] {
            for n in [2, 3, 7, 10, 1000] {
                let x = vec![c; n];
                assert_eq!((mean(&x), deviation(&x)), (c, 0.0), "{c} {n}");
                assert_eq!(pearson(&x, &(0..n).map(|i| i as f64).collect::<Vec<_>>()), None);
            }
        }
    }
}
