//! Components of variance: what crossed effects have in the variance of a mean, by the method of moments.

use crate::base::statistics::sum;

/// The variance of a mean under crossed effects: of cells and examples, or of the units on two sides.
pub struct Crossed {
    /// The whole of it.
    pub variance: f64,
    /// The part that the effects of the second ones, the examples, have in it.
    pub of_right: f64,
    /// The part of those of the first ones.
    pub of_left: f64,
    /// The part of what is left: each number by itself.
    pub rest: f64,
}

impl Crossed {
    /// Returns it for numbers less their mean, each of which belongs to one of the left and one of the right.
    pub fn of(residuals: &[f64], left: &[u32], right: &[u32]) -> Crossed {
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
        let (of_left, rest) = (v[0] * c.squares / (n * n), v[2] / n);
        Crossed { variance: of_left + of_right + rest, of_right, of_left, rest }
    }
}

/// The variance of a mean under effects of several axes that are crossed, `v(i, j, …) = m + a(i) + b(j) + … + r(i, j, …)`: what each axis and what is
/// left have in it. The variances come from the method of moments (Henderson 1953), as those of [`Crossed`]; of a complete table of two axes
/// they are those of the analysis of variance. Effects that two of three axes have together count as what is left, and the two axes with them.
pub struct Multiway {
    /// What the effects of each axis have in the variance.
    pub of_axes: Vec<f64>,
    /// What is left: each number by itself.
    pub rest: f64,
}

impl Multiway {
    /// Returns it for numbers less their mean, and for each axis the coordinate that each number stands at.
    pub fn of(residuals: &[f64], axes: &[Vec<u32>]) -> Multiway {
        let n = residuals.len() as f64;
        let by: Vec<Clusters> = axes.iter().map(|keys| Clusters::of(keys, residuals)).collect();
        // In an order that does not depend on that of the axes, so that their order changes no bit.
        let mut order: Vec<usize> = (0..axes.len()).collect();
        order.sort_by(|a, b| by[*a].found.total_cmp(&by[*b].found).then(by[*a].squares.total_cmp(&by[*b].squares)));
        let met = |a: usize, b: usize| {
            let mut cells: std::collections::BTreeMap<(u32, u32), f64> = std::collections::BTreeMap::new();
            axes[a].iter().zip(&axes[b]).for_each(|(x, y)| *cells.entry((*x, *y)).or_default() += 1.0);
            let squares = sum(cells.values().map(|k| k * k));
            let mixed = sum(cells.iter().map(|((x, y), k)| k * by[a].size(*x) * by[b].size(*y)));
            squares - 2.0 * mixed / n + by[a].squares * by[b].squares / (n * n)
        };
        let rest = |a: usize| n - by[a].squares / n;
        let mut rows: Vec<Vec<f64>> =
            order.iter().map(|a| order.iter().map(|b| met(*a, *b)).chain([rest(*a)]).collect()).collect();
        rows.push(order.iter().map(|a| rest(*a)).chain([n - 1.0]).collect());
        let own = sum(residuals.iter().map(|r| r * r));
        let found: Vec<f64> = order.iter().map(|a| by[*a].found).chain([own]).collect();
        let told: Vec<bool> = order.iter().map(|a| by[*a].told()).chain([true]).collect();
        let v = components(&rows, &found, &told);
        let mut of_axes = vec![0.0; axes.len()];
        order.iter().zip(&v).for_each(|(a, v)| of_axes[*a] = v * by[*a].squares / (n * n));
        Multiway { of_axes, rest: v[axes.len()] / n }
    }

    /// Returns the whole of it.
    pub fn variance(&self) -> f64 {
        let mut all = self.of_axes.clone();
        all.sort_by(f64::total_cmp);
        sum(all.into_iter()) + self.rest
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
pub fn components(rows: &[Vec<f64>], found: &[f64], told: &[bool]) -> Vec<f64> {
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
