//! What each pair of numbers adds to a correlation, to first order: its influence (Hampel 1974). The mean of influences is 0, and their
//! spread is that of the coefficient.

use crate::base::statistics::{centred, mean, norm, ranks, sum};

/// Returns numbers less their mean, in units of their standard deviation (with n).
fn standard(values: &[f64]) -> Vec<f64> {
    let (from_mean, _) = centred(values);
    let s = norm(from_mean.iter().copied()) / (values.len() as f64).sqrt();
    from_mean.iter().map(|r| r / s).collect()
}

/// Returns the mean of products.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    sum(a.iter().zip(b).map(|(a, b)| a * b)) / a.len() as f64
}

/// Returns the influences on Pearson's r: z_x z_y - r (z_x^2 + z_y^2) / 2.
pub fn pearson(x: &[f64], y: &[f64]) -> Vec<f64> {
    let (a, b) = (standard(x), standard(y));
    let r = dot(&a, &b);
    a.iter().zip(&b).map(|(a, b)| a * b - r * (a * a + b * b) / 2.0).collect()
}

/// Returns for each k the mean over j of `weights[j]` where `values[j]` is larger than `values[k]`, half of it where they are equal: how the
/// weighted mean rank moves with an observation at `values[k]`.
fn above(values: &[f64], weights: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    let mut out = vec![0.0; values.len()];
    let mut larger = 0.0;
    for group in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let here: f64 = group.iter().map(|j| weights[*j]).sum();
        group.iter().for_each(|k| out[*k] = (larger + here / 2.0) / values.len() as f64);
        larger += here;
    }
    out
}

/// Returns the influences on Spearman's correlation: on Pearson's of the ranks, through the pair itself and through the ranks of all others.
pub fn spearman(x: &[f64], y: &[f64]) -> Vec<f64> {
    let n = x.len() as f64;
    // Ranks as shares of values below, less their mean.
    let centred = |v: &[f64]| ranks(v).into_iter().map(|r| (r - (n + 1.0) / 2.0) / n).collect::<Vec<f64>>();
    let (a, b) = (centred(x), centred(y));
    let (aa, bb, ab) = (dot(&a, &a), dot(&b, &b), dot(&a, &b));
    let r = ab / (aa * bb).sqrt();
    let less_mean = |v: Vec<f64>| {
        let m = mean(&v);
        v.into_iter().map(|x| x - m).collect::<Vec<f64>>()
    };
    let (xb, ya) = (less_mean(above(x, &b)), less_mean(above(y, &a)));
    let (xa, yb) = (less_mean(above(x, &a)), less_mean(above(y, &b)));
    (0..x.len())
        .map(|k| {
            let on_both = a[k] * b[k] - ab + xb[k] + ya[k];
            let on_x = a[k] * a[k] - aa + 2.0 * xa[k];
            let on_y = b[k] * b[k] - bb + 2.0 * yb[k];
            on_both / (aa * bb).sqrt() - r / 2.0 * (on_x / aa + on_y / bb)
        })
        .collect()
}

/// Returns the influences on Kendall's tau-b, in O(n log n): twice what a pair's own mean concordance exceeds that of all by, less the like
/// for ties.
pub fn kendall(x: &[f64], y: &[f64]) -> Vec<f64> {
    let n = x.len();
    let (own, both) = (concordance(x, y), |f: &[f64]| mean(f));
    // Shares of the others that differ.
    let differ = |v: &[f64]| {
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|a, b| v[*a].total_cmp(&v[*b]));
        let mut out = vec![0.0; n];
        for group in order.chunk_by(|a, b| v[*a] == v[*b]) {
            group.iter().for_each(|k| out[*k] = (n - group.len()) as f64 / (n as f64 - 1.0));
        }
        out
    };
    let (tx, ty) = (differ(x), differ(y));
    let (c, dx, dy) = (both(&own), both(&tx), both(&ty));
    let tau = c / (dx * dy).sqrt();
    (0..n).map(|k| 2.0 * ((own[k] - c) / (dx * dy).sqrt() - tau / 2.0 * ((tx[k] - dx) / dx + (ty[k] - dy) / dy))).collect()
}

/// Returns for each pair the mean over the others of the product of signs of the differences.
fn concordance(x: &[f64], y: &[f64]) -> Vec<f64> {
    let n = x.len();
    // Ranks of y, equal ones alike, as places in a tree of counts.
    let place: Vec<usize> = {
        let mut sorted = y.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted.dedup_by(|a, b| *a == *b);
        y.iter().map(|v| sorted.partition_point(|s| *s < *v) + 1).collect()
    };
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| x[*a].total_cmp(&x[*b]));
    let mut out = vec![0.0; n];
    // Against those with smaller x, then, from the other end, against those with larger x.
    for sign in [1.0, -1.0] {
        let (mut tree, mut count) = (vec![0u32; n + 2], 0u32);
        for group in order.chunk_by(|a, b| x[*a] == x[*b]) {
            for k in group {
                let below = prefix(&tree, place[*k] - 1);
                let beyond = count - prefix(&tree, place[*k]);
                out[*k] += sign * (below as f64 - beyond as f64);
            }
            for k in group {
                let mut i = place[*k];
                while i < tree.len() {
                    tree[i] += 1;
                    i += i & i.wrapping_neg();
                }
                count += 1;
            }
        }
        order.reverse();
    }
    out.into_iter().map(|s| s / (n as f64 - 1.0)).collect()
}

/// Returns the sum of the first `i` counts of a Fenwick tree.
fn prefix(tree: &[u32], mut i: usize) -> u32 {
    let mut total = 0;
    while i > 0 {
        total += tree[i];
        i &= i - 1;
    }
    total
}
