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
    /// What the whole is as multiples of sums of squares: of the sums by each of the left, by each of the right, and of the numbers alone. Here no
    /// variance is held at 0, so that the sums of squares of the difference of two such means say the variance of the mean difference.
    pub multiples: [f64; 3],
    /// The same of the part of the right ones.
    pub multiples_of_right: [f64; 3],
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
        let told = [c.told(), e.told(), true];
        let v = components(&rows, &found, &told);
        let weights = [c.squares / (n * n), e.squares / (n * n), 1.0 / n];
        let [of_left, of_right, rest] = [0, 1, 2].map(|k| v[k] * weights[k]);
        let three = |weights: [f64; 3]| {
            let found = multiples(&rows, &told, &weights);
            [found[0], found[1], found[2]]
        };
        let of_right_alone = three([0.0, weights[1], 0.0]);
        Crossed {
            variance: of_left + of_right + rest,
            of_right,
            of_left,
            rest,
            multiples: three(weights),
            multiples_of_right: of_right_alone,
        }
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
    /// What the whole is as multiples of sums of squares: of the sums by coordinate of each axis, and last of the numbers alone; as in [`Crossed`].
    pub multiples: Vec<f64>,
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
        let weight = |a: usize| by[a].squares / (n * n);
        order.iter().zip(&v).for_each(|(a, v)| of_axes[*a] = v * weight(*a));
        let weights: Vec<f64> = order.iter().map(|a| weight(*a)).chain([1.0 / n]).collect();
        let found = multiples(&rows, &told, &weights);
        let mut of_sums = vec![0.0; axes.len() + 1];
        order.iter().chain([&axes.len()]).zip(found).for_each(|(a, q)| of_sums[*a] = q);
        Multiway { of_axes, rest: v[axes.len()] / n, multiples: of_sums }
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
///
/// Where one counts as 0, the others are found anew without it, as of numbers that have no such effect: its sum of squares is pooled with theirs
/// (Thompson 1962), which in balanced tables is what maximum likelihood of the residuals gives. This is the one rule for all means whose numbers were
/// not drawn one by one: examples and runs, several axes, pairs.
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

/// Returns the variance of the mean of a complete table by the rule of [`components`], from the variances that the spread of the means of its rows, that of
/// the means of its columns, and what is left give the mean, and the numbers of rows and of columns.
pub fn of_table(by_rows: f64, by_columns: f64, left: f64, rows: f64, columns: f64) -> f64 {
    let (of_rows, of_columns) = ((by_rows - left) * rows, (by_columns - left) * columns);
    let all = || {
        let squares = (rows - 1.0) * by_rows + (columns - 1.0) * by_columns + (rows - 1.0) * (columns - 1.0) * left;
        squares / (rows * columns - 1.0)
    };
    match (of_rows.min(of_columns) < 0.0, of_rows <= of_columns) {
        (false, _) => by_rows + by_columns - left,
        // Without rows their spread is pooled with what is left, and columns are held against that.
        (true, true) if by_columns * columns >= by_rows + (columns - 1.0) * left => by_columns,
        (true, false) if by_rows * rows >= by_columns + (rows - 1.0) * left => by_rows,
        (true, _) => all(),
    }
}

/// Returns what a sum of variances, each times its weight, is as multiples of the sums of squares that they are found from: see [`components`], but that none is
/// held at 0.
pub fn multiples(rows: &[Vec<f64>], told: &[bool], weights: &[f64]) -> Vec<f64> {
    let mut active: Vec<usize> = (0..rows.len()).filter(|k| told[*k]).collect();
    let mut out = vec![0.0; rows.len()];
    while !active.is_empty() {
        let system = active.iter().map(|j| active.iter().map(|i| rows[*i][*j]).chain([weights[*j]]).collect()).collect();
        if let Some(solved) = solve(system) {
            active.iter().zip(solved).for_each(|(k, q)| out[*k] = q);
            break;
        }
        active.pop();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Stream;
    use rand::RngExt;

    /// Numbers of a table with effects of rows and of columns, less their mean, and the row and the column of each.
    fn table(rows: usize, columns: usize, sizes: [f64; 3], seed: u64) -> (Vec<f64>, Vec<u32>, Vec<u32>) {
        let mut rng = Stream::root(seed).named("table").rng();
        let mut some = |n: usize| (0..n).map(|_| rng.random::<f64>() - 0.5).collect::<Vec<f64>>();
        let (a, b, r) = (some(rows), some(columns), some(rows * columns));
        let values: Vec<f64> =
            (0..rows * columns).map(|i| sizes[0] * a[i / columns] + sizes[1] * b[i % columns] + sizes[2] * r[i]).collect();
        let mean = sum(values.iter().copied()) / values.len() as f64;
        let at = |f: fn(usize, usize) -> usize| (0..values.len()).map(|i| f(i, columns) as u32).collect();
        (values.iter().map(|v| v - mean).collect(), at(|i, n| i / n), at(|i, n| i % n))
    }

    /// Returns the sum of squares of the sums by key.
    fn squares(values: &[f64], keys: &[u32]) -> f64 {
        Clusters::of(keys, values).found
    }

    #[test]
    fn of_a_complete_table_the_variance_is_that_of_its_analysis() {
        let (mut pooled, mut below) = (0, 0);
        for seed in 0..200 {
            let sizes = [[0.0, 0.0, 1.0], [0.6, 0.0, 1.0], [0.0, 0.6, 1.0], [1.0, 1.0, 1.0]][seed as usize % 4];
            let (values, rows, columns) = table(4, 6, sizes, seed);
            let n = values.len() as f64;
            let found = Crossed::of(&values, &rows, &columns);
            // The mean squares of a two-way analysis of variance, as variances of the mean.
            let of_rows = squares(&values, &rows) / 6.0;
            let of_columns = squares(&values, &columns) / 4.0;
            let left = sum(values.iter().map(|v| v * v)) - of_rows - of_columns;
            let [by_rows, by_columns, left] = [of_rows / 3.0, of_columns / 5.0, left / 15.0].map(|ms| ms / n);
            let expect = of_table(by_rows, by_columns, left, 4.0, 6.0);
            assert!((found.variance - expect).abs() < 1e-9 * expect, "{seed}: {} against {expect}", found.variance);
            pooled += (by_rows < left && by_columns < left) as usize;
            below += (by_rows.min(by_columns) < left) as usize;
            // As multiples of sums of squares none is held at 0.
            let sums = [squares(&values, &rows), squares(&values, &columns), sum(values.iter().map(|v| v * v))];
            let whole = sum(found.multiples.iter().zip(sums).map(|(q, s)| q * s));
            assert!((whole - (by_rows + by_columns - left)).abs() < 1e-9 * expect, "{seed}: {whole}");
        }
        assert!(pooled > 5 && below - pooled > 20, "{pooled} {below}");
    }

    #[test]
    fn multiples_of_several_axes_are_those_of_two() {
        for seed in 0..20 {
            let (values, rows, columns) = table(5, 7, [1.0, 1.0, 1.0], seed);
            let (two, several) = (Crossed::of(&values, &rows, &columns), Multiway::of(&values, &[rows, columns]));
            for (a, b) in two.multiples.iter().zip(&several.multiples) {
                assert!((a - b).abs() < 1e-9 * a.abs(), "{a} against {b}");
            }
            assert!((two.variance - several.variance()).abs() < 1e-9 * two.variance);
        }
    }
}
