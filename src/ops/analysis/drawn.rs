//! Standard errors of means whose numbers were not drawn one by one: repeats on the same examples, pairs that share a unit, or both.

use super::variance::{Crossed, Multiway, components, multiples};
use crate::base::statistics::{centred, mean, sum};
use crate::engine::parts::{against, met, together};
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
///   so that it is unbiased for few cells also. A variance below 0 counts as 0, and the others are found anew ([`components`]).
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
    let (residuals, p) = centred(values);
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

/// Returns the axes along which cells differ.
fn differing(origins: &[Origin]) -> Vec<usize> {
    (0..AXES).filter(|k| origins.iter().any(|o| o.at[*k] != origins[0].at[*k])).collect()
}

/// Returns for each axis along which cells differ the coordinate of each value.
fn axes(origins: &[Origin]) -> Vec<Vec<u32>> {
    let along = |k: usize| origins.iter().map(|o| o.at[k]).collect::<Vec<u32>>();
    differing(origins).into_iter().map(along).collect()
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

/// Numbers by what they have in common: for each the source of error that this is, 0 where it has no name, what it is among these numbers, and what the number
/// adds.
struct Common {
    each: Vec<(u64, u64, f64)>,
    /// How often the square of a sum counts in the variance of the mean: so often, ...
    multiple: f64,
    /// ... and so often over how many there are of it, each number counting as so many, and some less.
    rest: f64,
    size: f64,
    less: f64,
}

impl Common {
    fn of(multiple: f64, values: &[f64], source: &dyn Fn(usize) -> u64, id: &dyn Fn(usize) -> u64) -> Common {
        let each = values.iter().enumerate().map(|(i, r)| (source(i), id(i), *r)).collect();
        Common { each, multiple, rest: 0.0, size: 1.0, less: 0.0 }
    }

    /// Returns it where the squares of single numbers, which count `rest` times, are held apart from those of the sums.
    fn over(self, rest: f64, size: f64, less: f64) -> Common {
        Common { rest, size, less, ..self }
    }

    /// Returns for each of what is common the sum of the numbers, and how often its square counts.
    fn sums(mut self, by: impl Fn(&(u64, u64, f64)) -> u64) -> Vec<(u64, f64, f64)> {
        // Stable, so that what is added up stays in the order of the values.
        self.each.sort_by_key(&by);
        let one = |group: &[(u64, u64, f64)]| {
            let count = self.size * group.len() as f64 - self.less;
            let times = self.multiple + if count > 0.0 { self.rest / count } else { 0.0 };
            (by(&group[0]), group.iter().map(|e| e.2).sum(), times)
        };
        self.each.chunk_by(|a, b| by(a) == by(b)).map(one).collect()
    }
}

/// Returns for each value the mean of those that it has something in common with: `of` says what. Each value counts as so many (`size`), and of all
/// some are `less`.
fn means(values: &[f64], of: &dyn Fn(usize) -> u64, size: f64, less: f64) -> Vec<f64> {
    let ids: Vec<u64> = (0..values.len()).map(of).collect();
    let mut all = ids.clone();
    all.sort_unstable();
    all.dedup();
    // Numbers in a row are their own places.
    let in_a_row = all.last().is_some_and(|last| *last < all.len() as u64);
    let place = |id: u64| if in_a_row { id as usize } else { all.binary_search(&id).unwrap_or(0) };
    let mut sums = vec![(0.0, 0.0); all.len()];
    for (id, v) in ids.iter().zip(values) {
        let entry = &mut sums[place(*id)];
        *entry = (entry.0 + v, entry.1 + size);
    }
    let mean = |(sum, n): (f64, f64)| if n > less { sum / (n - less) } else { 0.0 };
    ids.iter().map(|id| mean(sums[place(*id)])).collect()
}

/// Returns what each unit that was drawn adds to the mean of `values`, as shares that stand to one another as those of its error: the sources are the
/// coordinates of the axes, the examples, and, of several of these, what is left at each cell; of pairs the units and what is left at each pair. `units`
/// has the sources of each value by axis (of a pair those of its two units), 0 for axes that are not there, `examples` that of its example; either is
/// empty where nothing was drawn in this way. `origins` is empty for values of one axis or of the examples of one cell. What has no name is together
/// the source 0.
///
/// The variance of the mean is a sum of multiples of sums of squares ([`Crossed`]). So each share is the sum of the residuals of what has a source in common,
/// times the root of its multiple; what is left of single numbers, when the means of all that they have in common are taken off, has a multiple below 0: it is in
/// the other sums as well, and counts against ([`against`]). Shares are linear in the values: the difference of two means over the same units has the error of
/// the mean difference, whatever they share.
pub fn shares_of_units(values: &[f64], origins: &[Origin], units: &[[u64; AXES]], examples: &[u64]) -> Vec<(u64, f64)> {
    let (residuals, _) = centred(values);
    let (mut out, mut unnamed) = (Vec::new(), 0.0);
    for part in (Units { residuals: &residuals, origins, units, examples }).parts() {
        if part.each.iter().any(|(source, ..)| *source == 0) {
            unnamed += sum(part.sums(|(_, id, _)| *id).into_iter().map(|(_, s, times)| times * s * s));
            continue;
        }
        let shares = part.sums(|(source, ..)| *source).into_iter().filter(|(.., times)| *times != 0.0);
        out.extend(shares.map(|(source, s, times)| (if times < 0.0 { against(source) } else { source }, s * times.abs().sqrt())));
    }
    if unnamed > 0.0 {
        out.push((0, unnamed.sqrt()));
    }
    out
}

/// Values less their mean, and what each has in common with others.
struct Units<'a> {
    residuals: &'a [f64],
    origins: &'a [Origin],
    units: &'a [[u64; AXES]],
    examples: &'a [u64],
}

impl Units<'_> {
    fn unit(&self, i: usize, k: usize) -> u64 {
        self.units.get(i).map_or(0, |u| u[k])
    }

    fn example(&self, i: usize) -> u64 {
        self.examples.get(i).copied().unwrap_or(0)
    }

    fn cell(&self, i: usize) -> u64 {
        self.units.get(i).map_or(0, |u| together(u))
    }

    /// Returns what the variance of the mean consists of.
    fn parts(&self) -> Vec<Common> {
        let alone = |i: usize| i as u64;
        match self.origins.first() {
            None if !self.examples.is_empty() => vec![Common::of(1.0, self.residuals, &|i| self.example(i), &alone)],
            None => vec![Common::of(1.0, self.residuals, &|i| self.unit(i, 0), &alone)],
            Some(Origin { units: Some(_), .. }) => self.of_pairs(),
            Some(Origin { example: None, .. }) => self.of_axes(&Multiway::of(self.residuals, &axes(self.origins)).multiples, 1.0),
            Some(_) => {
                let at: Vec<u32> = self.origins.iter().map(|o| o.cell).collect();
                let crossed = Crossed::of(self.residuals, &at, &examples(self.origins));
                match differing(self.origins).as_slice() {
                    [one] => {
                        let [by_cell, ..] = crossed.multiples;
                        let cells = Common::of(by_cell, self.residuals, &|i| self.unit(i, *one), &|i| at[i] as u64);
                        self.with_examples(&crossed.multiples, &|i| self.unit(i, *one), &|i| at[i] as u64, cells)
                    }
                    _ => {
                        // Cells stand in units of their mean number of examples.
                        let each = self.residuals.len() as f64 / at.iter().collect::<BTreeSet<_>>().len().max(1) as f64;
                        let mut found = of_cells(self.residuals, self.origins, &axes(self.origins)).multiples;
                        found.iter_mut().for_each(|q| *q /= each * each);
                        let [by_cell, _, by_number] = crossed.multiples_of_right;
                        if let Some(rest) = found.last_mut() {
                            *rest += by_cell + by_number / each;
                        }
                        let nothing = Common::of(0.0, &[], &alone, &alone);
                        let examples =
                            self.with_examples(&crossed.multiples_of_right, &|i| self.cell(i), &|i| at[i] as u64, nothing);
                        self.of_axes(&found, each).into_iter().chain(examples).collect()
                    }
                }
            }
        }
    }

    /// Returns what examples have in it, and what is left of each number, beside what the cells have.
    fn with_examples(
        &self,
        [_, by_example, by_number]: &[f64; 3],
        cell: &dyn Fn(usize) -> u64,
        at: &dyn Fn(usize) -> u64,
        cells: Common,
    ) -> Vec<Common> {
        let of_example = |i: usize| self.origins[i].example.unwrap_or_default() as u64;
        let (by_cell, by_row) = (means(self.residuals, at, 1.0, 0.0), means(self.residuals, &of_example, 1.0, 0.0));
        let left: Vec<f64> = (0..self.residuals.len()).map(|i| self.residuals[i] - by_cell[i] - by_row[i]).collect();
        let both = |i: usize| {
            let (a, b) = (cell(i), self.example(i));
            if a == 0 || b == 0 { 0 } else { met(a, b) }
        };
        let examples = Common::of(*by_example, self.residuals, &|i| self.example(i), &of_example);
        vec![
            examples.over(*by_number, 1.0, 0.0),
            cells.over(*by_number, 1.0, 0.0),
            Common::of(*by_number, &left, &both, &|i| i as u64),
        ]
    }

    /// Returns what the axes have in it, and what is left at each cell of `each` numbers, given how often the squares of sums count.
    fn of_axes(&self, multiples: &[f64], each: f64) -> Vec<Common> {
        let differ = differing(self.origins);
        let rest = multiples.last().copied().unwrap_or(0.0);
        let mut left = self.residuals.to_vec();
        let mut out = Vec::new();
        for (k, q) in differ.iter().zip(multiples) {
            let at = |i: usize| self.origins[i].at[*k] as u64;
            left.iter_mut().zip(means(self.residuals, &at, 1.0, 0.0)).for_each(|(l, mean)| *l -= mean);
            out.push(Common::of(*q, self.residuals, &|i| self.unit(i, *k), &at).over(rest, 1.0 / each, 0.0));
        }
        out.push(Common::of(rest, &left, &|i| self.cell(i), &|i| self.origins[i].cell as u64));
        out
    }

    fn of_pairs(&self) -> Vec<Common> {
        let pairs = Pairs::of(self.residuals, self.origins);
        let Some(found) = pairs.effects() else {
            return vec![Common::of(1.0, &[1.0], &|_| 0, &|_| 0)];
        };
        let ends = |i: usize| self.origins[i].units.unwrap_or_default();
        let (first, second) = (|i: usize| ends(i).0 as u64, |i: usize| ends(i).1 as u64);
        let pair = |i: usize| {
            let (a, b) = (self.unit(i, 0), self.unit(i, 1));
            if a == 0 || b == 0 { 0 } else { together(&[a.min(b), a.max(b)]) }
        };
        let place = |i: usize| pairs.index[&ordered(ends(i))] as u64;
        // How many numbers a pair has.
        let each = self.residuals.len() as f64 / pairs.means.len().max(1) as f64;
        let [of_ends, of_left, of_right, mut of_pairs] = found.multiples;
        let mut out = Vec::new();
        if self.origins.iter().any(|o| o.example.is_some()) {
            let at: Vec<u32> = (0..self.residuals.len()).map(|i| place(i) as u32).collect();
            let of_examples = Crossed::of(self.residuals, &at, &examples(self.origins)).multiples_of_right;
            of_pairs += of_examples[0] + of_examples[2] / each;
            out = self.with_examples(&of_examples, &pair, &place, Common::of(0.0, &[], &first, &first));
        }
        let mut left = self.residuals.to_vec();
        let mut take_off = |off: Vec<f64>| left.iter_mut().zip(off).for_each(|(l, off)| *l -= off / each);
        if of_ends != 0.0 {
            // A unit's pairs have another unit each, whose effects add up to its own with the other sign.
            let mut all = Common::of(of_ends, self.residuals, &|i| self.unit(i, 0), &first);
            all.each.extend(Common::of(of_ends, self.residuals, &|i| self.unit(i, 1), &second).each);
            let twice = [self.residuals, self.residuals].concat();
            let n = self.residuals.len();
            let off = means(&twice, &|i| if i < n { first(i) } else { second(i - n) }, 1.0 / each, 1.0);
            take_off(off[..n].to_vec());
            take_off(off[n..].to_vec());
            out.push(all.over(of_pairs, 1.0 / each, 1.0));
        } else {
            take_off(means(self.residuals, &first, 1.0 / each, 0.0));
            take_off(means(self.residuals, &second, 1.0 / each, 0.0));
            out.push(Common::of(of_left, self.residuals, &|i| self.unit(i, 0), &first).over(of_pairs, 1.0 / each, 0.0));
            out.push(Common::of(of_right, self.residuals, &|i| self.unit(i, 1), &second).over(of_pairs, 1.0 / each, 0.0));
        }
        out.push(Common::of(of_pairs, &left, &pair, &place));
        out
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
    /// What the whole is as multiples of sums of squares: of the sums of all values by unit on either side, by unit on the left, on the right, and by pair
    /// (of pairs of unlike numbers of values, as if all had the mean number); as in [`Crossed`].
    multiples: [f64; 4],
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
            let [of_left, of_right, rest] = found.multiples.map(|q| q / (w[0] * w[0]));
            let multiples = [0.0, of_left, of_right, rest];
            return Some(Effects { ends: 0.0, left: found.of_left, right: found.of_right, rest: found.rest, multiples });
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
        let of_sums = multiples(&rows, &[true, true], &weights);
        let found = components(&rows, &found, &[true, true]);
        let multiples = [of_sums[0], 0.0, 0.0, of_sums[1] * w.len() as f64 / total];
        Some(Effects { ends: found[0] * weights[0], left: 0.0, right: 0.0, rest: found[1] * weights[1], multiples })
    }
}
