//! Components with a diagonal covariance: normal-inverse-gamma in every dimension, hence sums of logarithms over dimensions.
//!
//! Each dimension is the normal-inverse-Wishart of one dimension with scale `s_j`, so the predictive is a product of Student-t
//! densities. With `u_j = (x_j - mu_j)^2 / s_j` everything a visit needs is `sum_j ln(1 + f u_j)`: with `f = kappa / (kappa + 1)` for a
//! point outside, and with `f = -kappa / (kappa - 1)` for a member, where it is `ln(|S without x| / |S|)`. The cache holds
//! these sums in place of quadratic forms.

use super::lanes::Lanes;
use super::simd::{LANES, dispatch, ln8};

/// A factor below this has lost its digits to cancellation.
const TINY: f64 = 1e-8;

#[inline(always)]
fn sum_logs_body<V: Lanes>(scale: &[f64], mu: &[f64], x: &[f64], f: f64) -> f64 {
    let mut total = [0.0; LANES];
    let mut product = [1.0; LANES];
    let mut pending = 0;
    let mut least = [f64::INFINITY; LANES];
    let chunks = scale.as_chunks::<LANES>().0.iter().zip(mu.as_chunks::<LANES>().0).zip(x.as_chunks::<LANES>().0);
    for ((s, m), x) in chunks {
        for l in 0..LANES {
            let v = x[l] - m[l];
            let y = V::fma1(f, v * v / s[l], 1.0);
            least[l] = if y < least[l] { y } else { least[l] };
            // Far beyond any data, and four such factors still fit a double.
            product[l] *= if y < 1e70 { y } else { 1e70 };
        }
        pending += 1;
        if pending == 4 {
            flush::<V>(&mut product, &mut total);
            pending = 0;
        }
    }
    if pending > 0 {
        flush::<V>(&mut product, &mut total);
    }
    let least = least.iter().fold(f64::INFINITY, |a, b| if *b < a { *b } else { a });
    if least < TINY { f64::NEG_INFINITY } else { total.iter().sum() }
}

/// Adds the logarithms of the products to the totals and starts new products.
#[inline(always)]
fn flush<V: Lanes>(product: &mut [f64; LANES], total: &mut [f64; LANES]) {
    let mut safe = [1.0; LANES];
    for l in 0..LANES {
        safe[l] = if product[l] > 1e-300 { product[l] } else { 1e-300 };
    }
    let logs = ln8::<V>(&safe);
    for l in 0..LANES {
        total[l] += logs[l];
        product[l] = 1.0;
    }
}

dispatch! {
    /// Returns `sum_j ln(1 + f (x_j - mu_j)^2 / s_j)` of padded vectors (padding: scale 1, the rest 0); minus infinity where a factor
    /// is below 1e-8, when members must be looked at anew.
    pub fn sum_logs(scale: &[f64], mu: &[f64], x: &[f64], f: f64) -> f64 = sum_logs_body
}

#[inline(always)]
fn log_product_body<V: Lanes>(scale: &[f64]) -> f64 {
    let mut total = [0.0; LANES];
    for s in scale.as_chunks::<LANES>().0 {
        let logs = ln8::<V>(s);
        for l in 0..LANES {
            total[l] += logs[l];
        }
    }
    total.iter().sum()
}

dispatch! {
    /// Returns the sum of logarithms of padded scales (padding: 1): `ln |S|`.
    pub fn log_product(scale: &[f64]) -> f64 = log_product_body
}

/// Returns mean and scales of members (padded rows): `mu_n` and `s_j = 1 + sum (x_j - m_j)^2 + kappa0 n / kappa_n m_j^2`.
pub fn scales<'a>(kappa0: f64, dp: usize, members: impl Iterator<Item = &'a [f64]> + Clone) -> (usize, Vec<f64>, Vec<f64>) {
    let (mut n, mut mean, mut s) = (0usize, vec![0.0; dp], vec![1.0; dp]);
    for x in members.clone() {
        n += 1;
        mean.iter_mut().zip(x).for_each(|(m, x)| *m += x);
    }
    mean.iter_mut().for_each(|m| *m /= n.max(1) as f64);
    for x in members {
        s.iter_mut().zip(x).zip(&mean).for_each(|((s, x), m)| *s += (x - m) * (x - m));
    }
    let kappa = kappa0 + n as f64;
    s.iter_mut().zip(&mut mean).for_each(|(s, m)| {
        *s += kappa0 * n as f64 / kappa * *m * *m;
        *m *= n as f64 / kappa;
    });
    (n, mean, s)
}
