//! Standard errors of means whose numbers were not drawn one by one: repeats on the same examples, pairs that share a unit, or both.

use crate::base::statistics::{magnitude, mean, sum};
use std::collections::{BTreeMap, BTreeSet};

/// Where a number of a sample comes from. What two numbers have in common makes them dependent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The cell: its place among the coordinates taken in.
    pub cell: u32,
    /// The example, where there is one number per example.
    pub example: Option<u32>,
    /// The two units that were paired, where axes are paired with themselves.
    pub units: Option<(u32, u32)>,
}

/// Returns the standard error of the mean of `values`, nothing where there are too few. `origins` is empty for numbers drawn one by one,
/// else one for each value.
///
/// - One by one: s / sqrt(n).
/// - Examples in several cells: the variance of the mean under crossed random effects of cell and example,
///   `v(c, e) = m + a(c) + b(e) + r(c, e)`: Var = A sum_c n_c^2 / n^2 + B sum_e n_e^2 / n^2 + R / n, with the three variances by the
///   method of moments (Henderson 1953) from the sums of squares of residuals by cell, by example and alone. This is two-way
///   clustering (Cameron, Gelbach & Miller 2011) with the term subtracted for what both clusterings count freed of the two effects,
///   so that it is unbiased for few cells also. A variance below 0 counts as 0.
/// - Pairs: the variance of a mean over pairs `h(i, j) = m + a(i) + a(j) + r(i, j)`, a U-statistic (Hoeffding 1948):
///   Var = A sum_i m_i^2 / n^2 + R / n, where unit i is in m_i pairs; for all pairs of k units 4 A / k + 2 R / (k (k - 1)).
///   A and R by the method of moments (for all pairs they are Griffing's 1956, method 4). Where R cannot be told (three units) it
///   counts as 0, which gives the jackknife over units. The jackknife would count R twice: for many units both are one.
///   Several values of one pair (both orders of a measure that is not symmetric, other axes) are averaged first. Where no unit stands on
///   both sides (a rectangle of the pairs), the sides may differ, and their effects are crossed as those of cells and examples.
/// - Pairs with examples: the variance of the pairs' means, plus that of the examples, B sum_e n_e^2 / n^2 from above.
pub fn error_of_mean(values: &[f64], origins: &[Origin]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let m = mean(values);
    let p = magnitude(values.iter().map(|v| v - m));
    let residuals: Vec<f64> = values.iter().map(|v| (v - m) / p).collect();
    let n = values.len() as f64;
    let variance = match origins.first() {
        None => Some(sum(residuals.iter().map(|r| r * r)) / (n * (n - 1.0))),
        Some(Origin { units: Some(_), example, .. }) => {
            let pairs = Pairs::of(&residuals, origins);
            match example {
                None => pairs.variance(),
                Some(_) => {
                    let cells: Vec<u32> = origins.iter().map(|o| pairs.index[&ordered(o.units.unwrap_or_default())]).collect();
                    let crossed = Crossed::of(&residuals, &cells, &examples(origins));
                    pairs.variance().map(|v| v + crossed.of_right).or(Some(crossed.variance))
                }
            }
        }
        Some(_) => {
            let cells: Vec<u32> = origins.iter().map(|o| o.cell).collect();
            Some(Crossed::of(&residuals, &cells, &examples(origins)).variance)
        }
    };
    variance.map(|v| v.max(0.0).sqrt() * p)
}

/// Returns how many values drawn one by one the sample holds for sure: its examples, half of the units that were paired (disjoint pairs),
/// or all of its values.
pub fn independent(count: usize, origins: &[Origin]) -> usize {
    let distinct = |of: &dyn Fn(&Origin) -> Vec<u32>| {
        let mut ids: Vec<u32> = origins.iter().flat_map(of).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    };
    match origins.first() {
        None => count,
        Some(Origin { example: Some(_), .. }) => distinct(&|o| o.example.into_iter().collect()).min(count),
        Some(Origin { units: Some(_), .. }) => {
            (distinct(&|o| o.units.map_or_else(Vec::new, |(a, b)| vec![a, b])) / 2).clamp(1, count.max(1))
        }
        Some(_) => count,
    }
}

/// Returns the example of each value.
fn examples(origins: &[Origin]) -> Vec<u32> {
    origins.iter().map(|o| o.example.unwrap_or_default()).collect()
}

/// Returns a pair without its order.
fn ordered((a, b): (u32, u32)) -> (u32, u32) {
    (a.min(b), a.max(b))
}

/// Numbers by pair: the mean of each pair's, and how many they are.
struct Pairs {
    /// Place of each pair in the two lists below.
    index: BTreeMap<(u32, u32), u32>,
    means: Vec<f64>,
    weights: Vec<f64>,
    /// For each pair its unit on the left and that on the right, where no unit stands on both sides.
    sides: Option<(Vec<u32>, Vec<u32>)>,
}

impl Pairs {
    fn of(values: &[f64], origins: &[Origin]) -> Pairs {
        let mut by_pair: BTreeMap<(u32, u32), Vec<f64>> = BTreeMap::new();
        for (v, o) in values.iter().zip(origins) {
            by_pair.entry(ordered(o.units.unwrap_or_default())).or_default().push(*v);
        }
        let left: BTreeSet<u32> = origins.iter().filter_map(|o| o.units).map(|u| u.0).collect();
        let apart = origins.iter().filter_map(|o| o.units).all(|u| !left.contains(&u.1));
        let sides = apart.then(|| by_pair.keys().map(|(a, b)| if left.contains(a) { (*a, *b) } else { (*b, *a) }).unzip());
        Pairs {
            sides,
            index: by_pair.keys().copied().zip(0..).collect(),
            means: by_pair.values().map(|v| mean(v)).collect(),
            weights: by_pair.values().map(|v| v.len() as f64).collect(),
        }
    }

    /// Returns the variance of the weighted mean of the pairs; nothing where they are fewer than two.
    fn variance(&self) -> Option<f64> {
        if self.means.len() < 2 {
            return None;
        }
        let w = &self.weights;
        let total = sum(w.iter().copied());
        let centre = sum(w.iter().zip(&self.means).map(|(w, h)| w * h)) / total;
        let r: Vec<f64> = self.means.iter().map(|h| h - centre).collect();
        if let Some((left, right)) = self.sides.as_ref().filter(|_| w.iter().all(|v| *v == w[0])) {
            return Some(Crossed::of(&r, left, right).variance);
        }
        // By unit: the weight of its pairs (twice that of a pair with itself), the diagonal of the common weights, the sum of residuals.
        let mut units: BTreeMap<u32, [f64; 3]> = BTreeMap::new();
        for ((a, b), k) in &self.index {
            let (k, same) = (*k as usize, a == b);
            for (u, z) in if same { vec![(a, 2.0)] } else { vec![(a, 1.0), (b, 1.0)] } {
                let entry = units.entry(*u).or_default();
                entry[0] += w[k] * z;
                entry[1] += w[k] * z * z;
                entry[2] += w[k] * z * r[k];
            }
        }
        let m = |u: &u32| units[u][0];
        let each = |f: &dyn Fn(&[f64; 3]) -> f64| sum(units.values().map(f));
        let (squares, diagonal) = (each(&|u| u[0] * u[0]), each(&|u| u[1]));
        let w2 = sum(w.iter().map(|w| w * w));
        let over_pairs = |f: &dyn Fn(&u32, &u32, f64) -> f64| sum(self.index.iter().map(|((a, b), k)| f(a, b, w[*k as usize])));
        let beside = |same: f64, apart: f64| move |a: &u32, b: &u32| if a == b { same } else { apart };
        // Expectations of the two sums of squares, as multiples of A and R: traces of Z'DMZ and its like, written out over pairs.
        let common = each(&|u| u[1] * u[1]) + over_pairs(&|a, b, w| beside(0.0, 2.0)(a, b) * w * w);
        let crossed = each(&|u| u[1] * u[0] * u[0]) + over_pairs(&|a, b, w| beside(0.0, 2.0)(a, b) * w * m(a) * m(b));
        let by_unit = [
            common - 2.0 / total * crossed + squares * squares / (total * total),
            over_pairs(&|a, b, w| w * w * beside(4.0, 2.0)(a, b)) - 2.0 / total * over_pairs(&|a, b, w| w * w * (m(a) + m(b)))
                + squares * w2 / (total * total),
        ];
        let alone = [diagonal - squares / total, total - w2 / total];
        let found = [each(&|u| u[2] * u[2]), sum(w.iter().zip(&r).map(|(w, r)| w * r * r))];
        let weights = [squares / (total * total), w2 / (total * total)];
        let rows = vec![by_unit.to_vec(), alone.to_vec()];
        Some(components(&rows, &found, &[true, true]).iter().zip(weights).map(|(v, w)| v * w).sum())
    }
}

/// The variance of a mean under crossed effects: of cells and examples, or of the units on two sides.
struct Crossed {
    /// The whole of it.
    variance: f64,
    /// The part that the effects of the second ones, the examples, have in it.
    of_right: f64,
}

impl Crossed {
    fn of(residuals: &[f64], left: &[u32], right: &[u32]) -> Crossed {
        let n = residuals.len() as f64;
        let (c, e) = (Clusters::of(left, residuals), Clusters::of(right, residuals));
        let met = sum((0..residuals.len()).map(|i| c.size(left[i]) * e.size(right[i])));
        let own = |k: &Clusters| k.squares - 2.0 * k.cubes / n + k.squares * k.squares / (n * n);
        let both = n - 2.0 * met / n + c.squares * e.squares / (n * n);
        let (from_c, from_e) = (n - c.squares / n, n - e.squares / n);
        let rows = vec![vec![own(&c), both, from_c], vec![both, own(&e), from_e], vec![from_c, from_e, n - 1.0]];
        let found = [c.found, e.found, sum(residuals.iter().map(|r| r * r))];
        let v = components(&rows, &found, &[c.told(), e.told(), true]);
        let of_right = v[1] * e.squares / (n * n);
        Crossed { variance: v[0] * c.squares / (n * n) + of_right + v[2] / n, of_right }
    }
}

/// Numbers by cluster.
struct Clusters {
    /// Size and sum of each, by its number; of size 0 where there is none of that number.
    by_key: Vec<(f64, f64)>,
    /// Sum of squared sizes, and of their cubes.
    squares: f64,
    cubes: f64,
    /// Sum of squared sums.
    found: f64,
}

impl Clusters {
    fn of(keys: &[u32], values: &[f64]) -> Clusters {
        let mut by_key = vec![(0.0, 0.0); keys.iter().max().map_or(0, |k| *k as usize + 1)];
        for (k, v) in keys.iter().zip(values) {
            let entry: &mut (f64, f64) = &mut by_key[*k as usize];
            *entry = (entry.0 + 1.0, entry.1 + v);
        }
        let each = |f: &dyn Fn(f64, f64) -> f64| sum(by_key.iter().map(|(n, s)| f(*n, *s)));
        let (squares, cubes, found) = (each(&|n, _| n * n), each(&|n, _| n * n * n), each(&|_, s| s * s));
        Clusters { by_key, squares, cubes, found }
    }

    fn size(&self, key: u32) -> f64 {
        self.by_key[key as usize].0
    }

    /// Returns whether an effect of clusters can be told from the mean and from single numbers: there are two, one of them of several.
    fn told(&self) -> bool {
        self.by_key.iter().filter(|(n, _)| *n > 0.0).take(2).count() == 2 && self.by_key.iter().any(|(n, _)| *n > 1.0)
    }
}

/// Returns variances, none below 0, from sums of squares `found` and what each variance adds to each of them (`rows`). Those that are not
/// `told` apart count as 0; so do, one after another, those that come out below 0 and, where the equations do not tell them, the last.
fn components(rows: &[Vec<f64>], found: &[f64], told: &[bool]) -> Vec<f64> {
    let mut active: Vec<usize> = (0..rows.len()).filter(|k| told[*k]).collect();
    let mut out = vec![0.0; rows.len()];
    while !active.is_empty() {
        let system: Vec<Vec<f64>> =
            active.iter().map(|i| active.iter().map(|j| rows[*i][*j]).chain([found[*i]]).collect()).collect();
        let Some(solved) = solve(system) else {
            active.pop();
            continue;
        };
        match (0..solved.len()).min_by(|a, b| solved[*a].total_cmp(&solved[*b])) {
            Some(least) if solved[least] < 0.0 && active.len() > 1 => {
                active.remove(least);
            }
            _ => {
                active.iter().zip(solved).for_each(|(k, v)| out[*k] = v.max(0.0));
                break;
            }
        }
    }
    out
}

/// Returns the solution of a few equations, each with its right side last; nothing where they do not determine it.
fn solve(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let n = rows.len();
    for row in &mut rows {
        let size = row[..n].iter().fold(0.0f64, |a, v| a.max(v.abs()));
        if size == 0.0 {
            return None;
        }
        row.iter_mut().for_each(|v| *v /= size);
    }
    for k in 0..n {
        let best = (k..n).max_by(|a, b| rows[*a][k].abs().total_cmp(&rows[*b][k].abs()))?;
        rows.swap(k, best);
        if rows[k][k].abs() < 1e-10 {
            return None;
        }
        for i in k + 1..n {
            let f = rows[i][k] / rows[k][k];
            let above = rows[k].clone();
            rows[i].iter_mut().zip(&above).for_each(|(a, b)| *a -= f * b);
        }
    }
    let mut x = vec![0.0; n];
    for k in (0..n).rev() {
        x[k] = (rows[k][n] - (k + 1..n).map(|j| rows[k][j] * x[j]).sum::<f64>()) / rows[k][k];
    }
    Some(x)
}
