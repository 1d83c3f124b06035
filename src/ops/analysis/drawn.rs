//! Standard errors of means whose numbers were not drawn one by one: repeats on the same examples, pairs that share a unit, or both.

use super::variance::{Crossed, Multiway, components};
use crate::base::statistics::{magnitude, mean, norm, sum};
use crate::engine::parts::together;
use std::collections::{BTreeMap, BTreeSet};

/// So many axes are told apart at once; cells of more are told apart by the first of them and by what is left.
pub const AXES: usize = 4;

/// Where a number of a sample comes from. What two numbers have in common makes them dependent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The cell: its place among the coordinates taken in.
    pub cell: u32,
    /// Where the cell stands on each axis taken in, 0 on those that are not there.
    pub at: [u32; AXES],
    /// The example, where there is one number per example.
    pub example: Option<u32>,
    /// The two units that were paired, where axes are paired with themselves.
    pub units: Option<(u32, u32)>,
}

/// Returns the standard error of the mean of `values`; `None` if there are too few. `origins` is empty for numbers drawn one by one,
/// else one for each value.
///
/// - One by one: s / sqrt(n).
/// - Examples in several cells: the variance of the mean under crossed random effects of cell and example,
///   `v(c, e) = m + a(c) + b(e) + r(c, e)`: Var = A sum_c n_c^2 / n^2 + B sum_e n_e^2 / n^2 + R / n, with the three variances by the
///   method of moments (Henderson 1953) from the sums of squares of residuals by cell, by example and alone. This is two-way
///   clustering (Cameron, Gelbach & Miller 2011) with the term subtracted for what both clusterings count freed of the two effects,
///   so that it is unbiased for few cells also. A variance below 0 counts as 0.
/// - Cells of several axes: the variance under crossed effects of the axes ([`Multiway`]).
/// - Examples in cells of several axes: that of the cells' means under crossed effects of the axes, plus that of the examples,
///   B sum_e n_e^2 / n^2 from above.
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
        Some(Origin { example: None, .. }) => Some(Multiway::of(&residuals, &axes(origins)).variance()),
        Some(_) => {
            let cells: Vec<u32> = origins.iter().map(|o| o.cell).collect();
            let crossed = Crossed::of(&residuals, &cells, &examples(origins));
            match axes(origins) {
                several if several.len() > 1 => Some(of_cells(&residuals, origins, &several).variance() + crossed.of_right),
                _ => Some(crossed.variance),
            }
        }
    };
    variance.map(|v| v.max(0.0).sqrt() * p)
}

/// Returns how many values drawn one by one the sample holds for sure: its examples, half of the units that were paired (disjoint pairs), the
/// coordinates of the shortest of several axes, or all of its values.
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
        Some(_) => {
            // Cells of a table of which no two share a row or a column.
            let values = |keys: &Vec<u32>| keys.iter().collect::<BTreeSet<_>>().len();
            axes(origins).iter().map(values).min().unwrap_or(count).min(count)
        }
    }
}

/// Returns for each axis along which cells differ the coordinate of each value.
fn axes(origins: &[Origin]) -> Vec<Vec<u32>> {
    let along = |k: usize| origins.iter().map(|o| o.at[k]).collect::<Vec<u32>>();
    (0..AXES).filter(|k| origins.iter().any(|o| o.at[*k] != origins[0].at[*k])).map(along).collect()
}

/// Returns the variance of the mean of cells of several axes, each cell by the mean of its examples, weighted by their number.
fn of_cells(residuals: &[f64], origins: &[Origin], axes: &[Vec<u32>]) -> Multiway {
    let mut cells: BTreeMap<u32, (f64, f64, usize)> = BTreeMap::new();
    for (i, (r, o)) in residuals.iter().zip(origins).enumerate() {
        let cell = cells.entry(o.cell).or_insert((0.0, 0.0, i));
        (cell.0, cell.1) = (cell.0 + r, cell.1 + 1.0);
    }
    // The mean of all values is that of the cells' sums, each in units of the mean number of examples.
    let each = residuals.len() as f64 / cells.len() as f64;
    let sums: Vec<f64> = cells.values().map(|(sum, _, _)| sum / each).collect();
    let at: Vec<Vec<u32>> = axes.iter().map(|keys| cells.values().map(|(_, _, i)| keys[*i]).collect()).collect();
    Multiway::of(&sums, &at)
}

/// Returns what each unit that was drawn adds to the mean of `values`, as shares of an error whose square is 1: the sources are the coordinates of
/// the axes, the examples, and, of several of these, what is left at each cell; of pairs the units and what is left at each pair. `units` has the
/// sources of each value by axis (of a pair those of its two units), 0 for axes that are not there, `examples` that of its example; either is empty
/// where nothing was drawn in this way. `origins` is empty for values of one axis or of the examples of one cell. What has no name is together the
/// source 0.
pub fn shares_of_units(values: &[f64], origins: &[Origin], units: &[[u64; AXES]], examples: &[u64]) -> Vec<(u64, f64)> {
    let m = mean(values);
    let p = magnitude(values.iter().map(|v| v - m));
    let residuals: Vec<f64> = values.iter().map(|v| (v - m) / p).collect();
    let along = |k: usize| units.iter().map(|u| u[k]).collect::<Vec<u64>>();
    let differ: Vec<usize> = (0..AXES).filter(|k| origins.iter().any(|o| o.at[*k] != origins[0].at[*k])).collect();
    let cells = || units.iter().map(|u| together(u)).collect::<Vec<u64>>();
    // What each value adds at each source, and the variance that the sources have together.
    let by = |keys: Vec<u64>| keys.into_iter().zip(residuals.iter().copied()).collect::<Vec<(u64, f64)>>();
    let parts: Vec<(Vec<(u64, f64)>, f64)> = match origins.first() {
        None if !examples.is_empty() => vec![(by(examples.to_vec()), 1.0)],
        None => vec![(by(along(0)), 1.0)],
        Some(Origin { units: Some(_), example, .. }) => {
            let pairs = Pairs::of(&residuals, origins);
            let Some(found) = pairs.effects() else { return vec![(0, 1.0)] };
            let ends = units.iter().zip(&residuals).flat_map(|(u, r)| [(u[0], *r), (u[1], *r)]).collect();
            let both = units.iter().map(|u| together(&[u[0].min(u[1]), u[0].max(u[1])])).collect();
            let mut parts =
                vec![(ends, found.ends), (by(along(0)), found.left), (by(along(1)), found.right), (by(both), found.rest)];
            if example.is_some() {
                let at: Vec<u32> = origins.iter().map(|o| pairs.index[&ordered(o.units.unwrap_or_default())]).collect();
                parts.push((by(examples.to_vec()), Crossed::of(&residuals, &at, &self::examples(origins)).of_right));
            }
            parts
        }
        Some(Origin { example: None, .. }) => {
            let found = Multiway::of(&residuals, &axes(origins));
            differ.iter().map(|k| by(along(*k))).zip(found.of_axes).chain([(by(cells()), found.rest)]).collect()
        }
        Some(_) => {
            let at: Vec<u32> = origins.iter().map(|o| o.cell).collect();
            let crossed = Crossed::of(&residuals, &at, &self::examples(origins));
            let mut parts = vec![(by(examples.to_vec()), crossed.of_right)];
            match differ.as_slice() {
                [one] => {
                    let met = |(u, e): (&[u64; AXES], &u64)| together(&[u[*one], *e]);
                    parts.push((by(along(*one)), crossed.of_left));
                    parts.push((by(units.iter().zip(examples).map(met).collect()), crossed.rest));
                }
                _ => {
                    let found = of_cells(&residuals, origins, &axes(origins));
                    parts.extend(differ.iter().map(|k| by(along(*k))).zip(found.of_axes));
                    parts.push((by(cells()), found.rest));
                }
            }
            parts
        }
    };
    let (mut out, mut own) = (Vec::new(), 0.0);
    for (mut sums, part) in parts.into_iter().filter(|(_, part)| *part > 0.0) {
        if sums.len() < residuals.len() || sums.iter().any(|(key, _)| *key == 0) {
            own += part;
            continue;
        }
        // Stable, so that what is added up stays in the order of the values.
        sums.sort_by_key(|(k, _)| *k);
        let sums: Vec<(u64, f64)> = sums.chunk_by(|a, b| a.0 == b.0).map(|g| (g[0].0, g.iter().map(|(_, r)| r).sum())).collect();
        let mut sizes: Vec<f64> = sums.iter().map(|(_, s)| *s).collect();
        sizes.sort_by(f64::total_cmp);
        let size = norm(sizes.into_iter());
        let scale = if size > 0.0 { part.sqrt() / size } else { 0.0 };
        out.extend(sums.into_iter().map(|(k, s)| (k, s * scale)));
    }
    if own > 0.0 {
        out.push((0, own.sqrt()));
    }
    out
}

/// Returns the example of each value.
fn examples(origins: &[Origin]) -> Vec<u32> {
    origins.iter().map(|o| o.example.unwrap_or_default()).collect()
}

/// Returns a pair without its order.
fn ordered((a, b): (u32, u32)) -> (u32, u32) {
    (a.min(b), a.max(b))
}

/// What the variance of a mean over pairs consists of.
struct Effects {
    /// The effects of units that stand on both sides.
    ends: f64,
    /// Those of units that stand on the left alone.
    left: f64,
    /// And on the right.
    right: f64,
    /// What is left: each pair by itself.
    rest: f64,
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

    /// Returns the variance of the weighted mean of the pairs; `None` if they are fewer than two.
    fn variance(&self) -> Option<f64> {
        self.effects().map(|e| e.ends + e.left + e.right + e.rest)
    }

    /// Returns what that variance consists of.
    fn effects(&self) -> Option<Effects> {
        if self.means.len() < 2 {
            return None;
        }
        let w = &self.weights;
        let total = sum(w.iter().copied());
        let centre = sum(w.iter().zip(&self.means).map(|(w, h)| w * h)) / total;
        let r: Vec<f64> = self.means.iter().map(|h| h - centre).collect();
        if let Some((left, right)) = self.sides.as_ref().filter(|_| w.iter().all(|v| *v == w[0])) {
            let found = Crossed::of(&r, left, right);
            return Some(Effects { ends: 0.0, left: found.of_left, right: found.of_right, rest: found.rest });
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
        let found = components(&rows, &found, &[true, true]);
        Some(Effects { ends: found[0] * weights[0], left: 0.0, right: 0.0, rest: found[1] * weights[1] })
    }
}
