//! The two functions of certification by smoothing: a lower confidence bound of a proportion, and the normal quantile.

use std::f64::consts::{PI, SQRT_2};

/// Returns the exact one-sided lower confidence bound, at level 1 - alpha, of a proportion of which `hits` of `n` draws were seen
/// (Clopper & Pearson 1934): the alpha quantile of Beta(hits, n - hits + 1); 0 without a hit, alpha^(1/n) where all are.
pub fn clopper_pearson_lower(hits: u64, n: u64, alpha: f64) -> f64 {
    if hits == 0 || n == 0 {
        return 0.0;
    }
    if hits >= n {
        return alpha.powf(1.0 / n as f64);
    }
    let (a, b) = (hits as f64, (n - hits) as f64 + 1.0);
    // The quantile lies below hits / n for any alpha below 1/2; above it, bisection still ends at the right place.
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if beta_regularised(a, b, middle) < alpha { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// Returns I_x(a, b), the share of a Beta(a, b) distribution below x, by its continued fraction (Lentz's method; DLMF 8.17.22).
pub fn beta_regularised(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta_regularised(b, a, 1.0 - x);
    }
    let log_front = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * x.ln() + b * libm::log1p(-x);
    const TINY: f64 = 1e-300;
    let away = |x: f64| if x.abs() < TINY { TINY } else { x };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    // Converges within some multiple of sqrt(a + b) steps on this side of the mean.
    for m in 1..100_000 {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    log_front.exp() * fraction / a
}

/// Returns the standard normal quantile of p; -inf at 0, inf at 1.
///
/// A first value by `erfc_inv`, then one Halley step against `erfc`, taken in the nearer tail so that p close to 1 keeps its digits.
pub fn normal_quantile(p: f64) -> f64 {
    if p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if p >= 1.0 {
        return f64::INFINITY;
    }
    let tail = p.min(1.0 - p);
    // The z with an upper tail of that size.
    let z = SQRT_2 * statrs::function::erf::erfc_inv(2.0 * tail);
    let error = 0.5 * libm::erfc(z / SQRT_2) - tail;
    let step = error / ((-0.5 * z * z).exp() / (2.0 * PI).sqrt());
    let z = z + step / (1.0 - 0.5 * z * step);
    if p < 0.5 { -z } else { z }
}
