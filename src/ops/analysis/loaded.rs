//! What numbers per example err by together, through means over cells and through sums of examples.

use super::align::Aligned;
use super::drawn::{AXES, Origin, shares_of_units};
use super::sample::{Sample, Statistic};
use super::standing::Standing;
use crate::base::statistics::{deviation, mean};
use crate::base::{Hash, Hasher};
use crate::engine::loadings::{Load, Loadings, Wholes};
use crate::engine::parts::{size, source};
use crate::engine::value::{Number, Scores};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Returns what the means over cells err by together, example by example: `cells` has the scores of each cell and where it stands.
///
/// Each coordinate c of an axis with m of them was drawn: it moves the mean of an example by (mean at c - mean of all) / sqrt(m (m - 1)), so that
/// over some examples the root of the sum of squares of the mean loadings is s / sqrt(m), the error of their mean with other coordinates.
/// Sources that several cells share move the mean by the mean of what they move; those of one cell are in the spread of the cells.
pub fn of_mean(scores: &[&Scores], aligned: &Aligned, standing: &Standing) -> Loadings {
    let (rows, cells) = (aligned.ids.len(), scores.len());
    let value = |cell: usize, row: usize| aligned.value(scores[cell], cell, row);
    let mut out = Loadings::default();
    for (_, names, groups) in by_coordinate(scores, standing) {
        let means: Vec<Vec<f64>> = groups
            .iter()
            .map(|all| {
                let mean = |row| {
                    let there = all.iter().map(|c| value(*c, row)).filter(|v| !v.is_nan());
                    let (sum, n) = there.fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
                    sum / n
                };
                (0..rows).map(mean).collect()
            })
            .collect();
        let loads = of_coordinates(&means, &aligned.labels);
        // Where all coordinates agree, none moves anything.
        let moves = names.into_iter().zip(loads).filter(|(_, load)| load.iter().any(|x| *x != 0.0));
        moves.for_each(|(source, load)| out.add(source, Load::Each(Arc::new(load))));
    }
    let mut met: BTreeMap<u64, usize> = BTreeMap::new();
    let own: Vec<Loadings> = scores.iter().enumerate().map(|(c, s)| aligned.loadings(s, c)).collect();
    own.iter().flat_map(Loadings::iter).for_each(|(source, _)| *met.entry(source).or_default() += 1);
    let shared: BTreeSet<u64> = met.into_iter().filter(|(_, n)| *n > 1 || cells == 1).map(|(source, _)| source).collect();
    for all in own {
        for (source, load) in all.iter().filter(|(source, _)| shared.contains(source)) {
            let each = (0..rows).map(|row| load.at(row) / cells as f64).collect();
            out.add(source, if let Load::All(x) = load { Load::All(x / cells as f64) } else { Load::Each(Arc::new(each)) });
        }
    }
    out.standing(wholes(scores))
}

/// Returns how far each coordinate moves the mean of each example over coordinates, given what stands there (NaN where nothing does).
///
/// With m of M coordinates at an example, one of them moves its mean by (value - centre) / m * sqrt(M / (M - 1)), so that where all are there the root
/// of the sum of squares is s / sqrt(M). The centre is the example's mean; where coordinates are missing at some examples, it is what the example would have at
/// an average coordinate, by effects of coordinates and examples that are fitted to each class (least squares): of an example that one coordinate alone has, its
/// own mean would hide the coordinate's effect.
fn of_coordinates(values: &[Vec<f64>], labels: &[u32]) -> Vec<Vec<f64>> {
    let (all, rows) = (values.len(), values.first().map_or(0, Vec::len));
    let mut out = vec![vec![0.0; rows]; all];
    let mut classes: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    (0..rows).for_each(|row| classes.entry(labels.get(row).copied().unwrap_or_default()).or_default().push(row));
    for of_class in classes.values() {
        let effects = effects(values, of_class);
        for row in of_class.iter().copied() {
            let there: Vec<usize> = (0..all).filter(|k| !values[*k][row].is_nan()).collect();
            let (m, most) = (there.len() as f64, all as f64);
            let centre = there.iter().map(|k| values[*k][row] - effects[*k]).sum::<f64>() / m;
            let scale = if there.len() == all { (m * (m - 1.0)).sqrt() } else { m / (most / (most - 1.0)).sqrt() };
            there.iter().for_each(|k| out[*k][row] = (values[*k][row] - centre) / scale);
        }
    }
    out
}

/// Steps of the fit of [`effects`], and the change, relative to the largest effect, that ends it.
const STEPS: usize = 100;
const SETTLED: f64 = 1e-9;

/// Returns what each coordinate adds to the values of some examples, by least squares with an effect of each example; 0 where all coordinates are at all of
/// them: the examples' own means are fitted then.
fn effects(values: &[Vec<f64>], rows: &[usize]) -> Vec<f64> {
    let mut effects = vec![0.0; values.len()];
    if rows.iter().all(|row| values.iter().all(|v| !v[*row].is_nan())) {
        return effects;
    }
    for _ in 0..STEPS {
        let mut sums = vec![(0.0, 0.0); values.len()];
        for row in rows {
            let there: Vec<usize> = (0..values.len()).filter(|k| !values[*k][*row].is_nan()).collect();
            let centre = there.iter().map(|k| values[*k][*row] - effects[*k]).sum::<f64>() / there.len() as f64;
            for k in there {
                sums[k].0 += values[k][*row] - centre;
                sums[k].1 += 1.0;
            }
        }
        let found: Vec<f64> = sums.iter().map(|(sum, n): &(f64, f64)| if *n > 0.0 { sum / n } else { 0.0 }).collect();
        let middle = found.iter().sum::<f64>() / found.len() as f64;
        let next: Vec<f64> = found.iter().map(|e| e - middle).collect();
        let change = next.iter().zip(&effects).fold(0.0f64, |m, (a, b)| m.max((a - b).abs()));
        effects = next;
        if change <= SETTLED * effects.iter().fold(0.0f64, |m, e| m.max(e.abs())) {
            break;
        }
    }
    effects
}

/// Returns the sources of scores that stand for several.
fn wholes(scores: &[&Scores]) -> Wholes {
    scores.iter().flat_map(|s| s.loadings.wholes()).map(|(name, all)| (*name, all.clone())).collect()
}

/// Returns what another statistic of each example over cells errs by together, as [`of_mean`] does of the mean: each coordinate moves an example's
/// statistic by what the values there add to it (their influence), so that the root of the sum of squares is its standard error over the cells.
/// Sources that several cells share move it by what its derivative by each value says; the quantiles of each as they move the mean.
pub fn of_statistic(scores: &[&Scores], aligned: &Aligned, standing: &Standing, which: Statistic) -> Loadings {
    let (rows, cells) = (aligned.ids.len(), scores.len());
    let mut out = Loadings::default();
    let mut drawn = Drawn::of(scores, standing, rows);
    let own: Vec<Loadings> = scores.iter().enumerate().map(|(c, s)| aligned.loadings(s, c)).collect();
    let mut shared: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for row in 0..rows {
        let there: Vec<usize> = (0..cells).filter(|c| !aligned.value(scores[*c], *c, row).is_nan()).collect();
        if there.is_empty() {
            continue;
        }
        let mut sample = Sample::default();
        for c in &there {
            let origin = Origin { cell: *c as u32, at: standing.at[*c], example: None, units: None };
            sample.push(Number::exact(aligned.value(scores[*c], *c, row)), (drawn.axes.len() > 1).then_some(origin));
        }
        let error = sample.statistic(which).and_then(|n| n.error).filter(|e| *e > 0.0);
        let Some(adds) = sample.influences(which) else { return Loadings::default() };
        if let Some(error) = error {
            drawn.move_row(row, &there, &adds, &sample.origins, error);
        }
        let (m, sd, n) = (mean(&sample.values), deviation(&sample.values), there.len() as f64);
        for (c, v) in there.iter().zip(&sample.values) {
            let slope = if which == Statistic::Std { (v - m) / sd / (n - 1.0) } else { 1.0 / n };
            for (source, load) in own[*c].iter().filter(|_| slope.is_finite()) {
                shared.entry(source).or_insert_with(|| vec![0.0; rows])[row] += slope * load.at(row);
            }
        }
    }
    for (source, load) in drawn.moving().chain(moving(shared)) {
        out.add(source, load);
    }
    out.standing(wholes(scores))
}

/// What the coordinates of the axes that cells differ along move: for each of these coordinates its source, and how far it moves each example.
pub struct Drawn {
    /// The axes.
    pub axes: Vec<usize>,
    /// For each axis the place of each cell's coordinate in the two lists below.
    places: Vec<Vec<usize>>,
    names: Vec<u64>,
    loads: Vec<Vec<f64>>,
}

impl Drawn {
    /// Returns it for cells with these scores, over so many examples; nothing is moved yet.
    pub fn of(scores: &[&Scores], standing: &Standing, rows: usize) -> Drawn {
        let (mut axes, mut places, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for (axis, sources, groups) in by_coordinate(scores, standing) {
            let mut place = vec![0; standing.at.len()];
            for (k, all) in groups.iter().enumerate() {
                all.iter().for_each(|c| place[*c] = names.len() + k);
            }
            axes.push(axis);
            places.push(place);
            names.extend(sources);
        }
        let loads = vec![vec![0.0; rows]; names.len()];
        Drawn { axes, places, names, loads }
    }

    /// Moves an example, which the cells `there` have, given what each of these adds to its number, where they stand, and the number's error.
    pub fn move_row(&mut self, row: usize, there: &[usize], adds: &[f64], origins: &[Origin], error: f64) {
        // By place, 1 added: 0 is no name.
        let mut units = vec![[0; AXES]; there.len()];
        for (place, k) in self.places.iter().zip(0..AXES) {
            let slot = if self.axes.len() > 1 { self.axes[k] } else { 0 };
            there.iter().zip(&mut units).for_each(|(c, unit)| unit[slot] = place[*c] as u64 + 1);
        }
        let shares = shares_of_units(adds, origins, &units, &[]);
        let whole = size(shares.iter().copied());
        for (unit, share) in shares.into_iter().filter(|_| whole > 0.0) {
            if let Some(load) = (unit as usize).checked_sub(1).and_then(|u| self.loads.get_mut(u)) {
                load[row] += share / whole * error;
            }
        }
    }

    /// Returns the sources that move an example.
    pub fn moving(self) -> impl Iterator<Item = (u64, Load)> {
        let moves = self.names.into_iter().zip(self.loads).filter(|(_, load)| load.iter().any(|x| *x != 0.0));
        moves.map(|(source, load)| (source, Load::Each(Arc::new(load))))
    }
}

/// Returns what a function of each example's values over cells errs by together, given its derivatives by the values (NaN where a cell has none): the
/// sources of the cells, or those alone that several cells share, the others being in their spread.
pub fn of_slopes(scores: &[&Scores], aligned: &Aligned, only_shared: bool, slopes: impl Fn(&[f64]) -> Vec<f64>) -> Loadings {
    let own: Vec<Loadings> = scores.iter().enumerate().map(|(c, s)| aligned.loadings(s, c)).collect();
    let mut met: BTreeMap<u64, usize> = BTreeMap::new();
    own.iter().flat_map(Loadings::iter).for_each(|(source, _)| *met.entry(source).or_default() += 1);
    if met.is_empty() {
        return Loadings::default();
    }
    let counts = |source: &u64| !only_shared || scores.len() == 1 || met[source] > 1;
    let rows = aligned.ids.len();
    let mut loads: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for row in 0..rows {
        let values: Vec<f64> = scores.iter().enumerate().map(|(c, s)| aligned.value(s, c, row)).collect();
        for (slope, own) in slopes(&values).iter().zip(&own).filter(|(slope, _)| **slope != 0.0) {
            for (source, load) in own.iter().filter(|(source, _)| counts(source)) {
                loads.entry(source).or_insert_with(|| vec![0.0; rows])[row] += slope * load.at(row);
            }
        }
    }
    Loadings::kept(moving(loads)).standing(wholes(scores))
}

/// Returns what `all` (or `any`) of each example's truth values over cells err by together. Each coordinate of an axis was drawn: it moves an outcome by what
/// leaving it out turns, (outcome without it - mean of these) sqrt((m - 1) / m) for m coordinates: the jackknife over them, whose variance is no smaller
/// than the true one (Efron & Stein 1981). Sources that several cells share move it where the other cells leave it open.
pub fn of_quantifier(scores: &[&Scores], aligned: &Aligned, standing: &Standing, all_of_them: bool) -> Loadings {
    let rows = aligned.ids.len();
    // A value that decides alone: one that does not hold, of all; one that holds, of any.
    let decides = |v: f64| !v.is_nan() && (v != 0.0) != all_of_them;
    let mut loads: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for (_, names, groups) in by_coordinate(scores, standing) {
        for row in 0..rows {
            // By coordinate, how many are there and how many decide.
            let tally = |all: &Vec<usize>| {
                let there = all.iter().map(|c| aligned.value(scores[*c], *c, row)).filter(|v| !v.is_nan());
                there.fold((0, 0), |(n, against), v| (n + 1, against + decides(v) as usize))
            };
            let found: Vec<(usize, usize)> = groups.iter().map(tally).collect();
            let against: usize = found.iter().map(|f| f.1).sum();
            let m = found.iter().filter(|f| f.0 > 0).count() as f64;
            if m < 2.0 || against == 0 {
                continue;
            }
            // Without a coordinate nothing decides: of all the outcome then holds, of any it fails.
            let turned = |f: &(usize, usize)| (against == f.1) as u8 as f64 * if all_of_them { 1.0 } else { -1.0 };
            let middle = found.iter().filter(|f| f.0 > 0).map(turned).sum::<f64>() / m;
            for (source, f) in names.iter().zip(&found).filter(|(_, f)| f.0 > 0) {
                let load = (middle - turned(f)) * ((m - 1.0) / m).sqrt();
                loads.entry(*source).or_insert_with(|| vec![0.0; rows])[row] += load;
            }
        }
    }
    let shared = of_slopes(scores, aligned, true, |values| {
        let against = values.iter().filter(|v| decides(**v)).count();
        values.iter().map(|v| (!v.is_nan() && against == decides(*v) as usize) as u8 as f64).collect()
    });
    Loadings::kept(moving(loads)).plus(shared)
}

/// Returns what the largest (or smallest) of each example's values over cells errs by together. Each coordinate of an axis was drawn: it moves the extreme by
/// what leaving it out does, by the jackknife, as in [`of_quantifier`]. Sources that several cells share move it through the cell that is the extreme.
pub fn of_extreme(scores: &[&Scores], aligned: &Aligned, standing: &Standing, largest: bool) -> Loadings {
    let rows = aligned.ids.len();
    let sign = if largest { 1.0 } else { -1.0 };
    let mut loads: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for (_, names, groups) in by_coordinate(scores, standing) {
        for row in 0..rows {
            // The extreme at each coordinate, turned so that it is the largest.
            let most = |all: &Vec<usize>| {
                let there = all.iter().map(|c| sign * aligned.value(scores[*c], *c, row)).filter(|v| !v.is_nan());
                there.reduce(f64::max)
            };
            let found: Vec<Option<f64>> = groups.iter().map(most).collect();
            let mut there: Vec<f64> = found.iter().flatten().copied().filter(|v| v.is_finite()).collect();
            there.sort_unstable_by(|a, b| b.total_cmp(a));
            let [first, second, ..] = there[..] else { continue };
            let m = there.len() as f64;
            // Without the coordinate that has it, the second is the extreme; without another one nothing changes.
            let without = |v: f64| if v == first { second } else { first };
            let middle = there.iter().map(|v| without(*v)).sum::<f64>() / m;
            for (source, v) in names.iter().zip(&found).filter_map(|(s, v)| Some((s, (*v)?))).filter(|(_, v)| v.is_finite()) {
                let load = sign * (middle - without(v)) * ((m - 1.0) / m).sqrt();
                loads.entry(*source).or_insert_with(|| vec![0.0; rows])[row] += load;
            }
        }
    }
    let shared = of_slopes(scores, aligned, true, |values| {
        let there = (0..values.len()).filter(|i| !values[*i].is_nan());
        let best = there.reduce(|best, i| if sign * values[i] > sign * values[best] { i } else { best });
        (0..values.len()).map(|i| (Some(i) == best) as u8 as f64).collect()
    });
    Loadings::kept(moving(loads)).plus(shared)
}

/// Returns the sources that move an example.
fn moving(loads: BTreeMap<u64, Vec<f64>>) -> impl Iterator<Item = (u64, Load)> {
    let moves = loads.into_iter().filter(|(_, load)| load.iter().any(|x| *x != 0.0));
    moves.map(|(source, load)| (source, Load::Each(Arc::new(load))))
}

/// Returns each axis along which cells differ, the sources that its coordinates are, and the cells at each of them.
fn by_coordinate(scores: &[&Scores], standing: &Standing) -> Vec<(usize, Vec<u64>, Vec<Vec<usize>>)> {
    let differs = |k: &usize| standing.at.iter().any(|at| at[*k] != standing.at[0][*k]);
    let one = |k: usize| {
        let mut groups: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        (0..standing.at.len()).for_each(|c| groups.entry(standing.at[c][k]).or_default().push(c));
        let groups: Vec<Vec<usize>> = groups.into_values().collect();
        (k, groups.iter().map(|all| name(scores, standing, k, all)).collect(), groups)
    };
    (0..AXES).filter(differs).map(one).collect()
}

/// Returns the source that a coordinate is, of some cells: the same wherever it is named, else known by what stands there.
fn name(scores: &[&Scores], standing: &Standing, axis: usize, cells: &[usize]) -> u64 {
    match cells.first().map(|c| standing.units[*c][axis]) {
        Some(unit) if standing.named && unit != 0 => unit,
        _ => {
            let mut h = Hasher::new("scores");
            for c in cells {
                let bytes: Vec<u8> = scores[*c].values.iter().flat_map(|v| v.to_le_bytes()).collect();
                h.bytes(&Hash::of(&bytes).0);
            }
            source(&h.finish())
        }
    }
}
