//! Correlations of two values over axes and examples: Pearson, Spearman, Kendall.

use super::align::{Aligned, align};
use super::drawn::{AXES, Origin, error_of_mean, shares_of_units};
use super::gather::{Cell, Gathered, gather_all, not_a_number, pass_cost, place_of, position, tell_dropped};
use super::influence;
use super::loaded::Drawn;
use super::pairs::Pairing;
use super::reduce::keep_classes;
use super::refuse;
use super::sample::Statistic;
use super::settings::{Over, ReduceSettings};
use super::standing::Standing;
use crate::base::statistics::{by_size, constant, pearson, spearman, spearman_error};
use crate::engine::kernel::{Context, Failure, Job, Kernel, LabelledAxis};
use crate::engine::loadings::Loadings;
use crate::engine::parts::{Parts, examples};
use crate::engine::value::{Number, ROW_IDS, Scores, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, Shape};
use crate::plan::files::Files;
use std::sync::Arc;

/// A coefficient of correlation.
#[derive(Clone, Copy)]
enum Correlation {
    Pearson,
    Spearman,
    Kendall,
}

/// Returns the kernels of this file.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![
        ("pearson", Box::new(Correlation::Pearson)),
        ("spearman", Box::new(Correlation::Spearman)),
        ("kendall", Box::new(Correlation::Kendall)),
    ]
}

/// Two samples of equal length whose numbers belong together.
#[derive(Clone, Debug, Default)]
pub struct Pairs {
    /// First numbers.
    pub x: Vec<f64>,
    /// Second numbers.
    pub y: Vec<f64>,
    /// Where each pair comes from, where some were not drawn one by one; empty otherwise.
    pub origins: Vec<Origin>,
    /// For each pair the sources that its coordinates and its example are; empty where there is none.
    pub units: Vec<[u64; AXES]>,
    /// See `units`.
    pub examples: Vec<u64>,
    /// Whether pairs depend on one another in a way that nothing tells.
    pub dependent: bool,
}

impl Pairs {
    /// Adds a pair, unless either is NaN; says whether it did.
    fn push(&mut self, x: f64, y: f64, origin: Option<Origin>) -> bool {
        let there = !x.is_nan() && !y.is_nan();
        if there {
            self.x.push(x);
            self.y.push(y);
            self.origins.extend(origin);
        }
        there
    }

    /// Returns the parts of an error, given what each pair adds to the coefficient; unknown if the units are.
    fn parts(&self, adds: &[f64], error: Option<f64>) -> Parts {
        let n = self.x.len();
        let told = self.units.len() == n || self.examples.len() == n;
        match error.filter(|e| *e > 0.0 && told && !self.dependent) {
            Some(e) => {
                let units = if self.units.len() == n { self.units.as_slice() } else { &[] };
                let examples = if self.examples.len() == n { self.examples.as_slice() } else { &[] };
                Parts::of_units(shares_of_units(adds, &self.origins, units, examples), e)
            }
            None => Parts::default(),
        }
    }
}

/// The cells of `x` and `y` that belong together: entries at the same coordinates of the axes they share (an axis that only one has repeats
/// the other along it), each pair of paired axes once.
#[derive(Default)]
pub struct Matched {
    /// The axes of x, then those that only y has.
    axes: Vec<LabelledAxis>,
    /// Axes, as positions, at each of whose places the examples were chosen anew.
    outer: Vec<usize>,
    /// Place in row-major order of the axes, and both cells.
    cells: Vec<(usize, Cell, Cell)>,
    /// For each the two units that it pairs; empty where no axes are paired.
    units: Vec<(u32, u32)>,
    /// Whether values of either share units of pairs whose other side was taken in before.
    dependent: bool,
}

impl Matched {
    /// Returns the cells of the inputs `x` and `y` that belong together, in the order of the first.
    pub fn of(job: &Job) -> Result<Matched, Failure> {
        let (x, y) = (gather_all(job, "x")?, gather_all(job, "y")?);
        for side in [&x, &y] {
            if side.cells.is_empty() {
                return Err(side.nothing());
            }
        }
        let mut axes = x.axes.clone();
        // For each axis of y: its place among all axes.
        let places: Vec<usize> = y
            .axes
            .iter()
            .map(|a| {
                axes.iter().position(|b| b.name == a.name && b.role == a.role).unwrap_or_else(|| {
                    axes.push(a.clone());
                    axes.len() - 1
                })
            })
            .collect();
        let mut outer = x.outer.clone();
        outer.extend(y.outer.iter().map(|k| places[*k]).filter(|k| !x.outer.contains(k)));
        let y_at: Vec<Vec<usize>> = y.cells.iter().map(|(place, _)| position(&y.axes, *place)).collect();
        let (mut cells, mut at) = (Vec::new(), Vec::new());
        for (place, cell) in &x.cells {
            let mut here = position(&x.axes, *place);
            here.resize(axes.len(), 0);
            for (other, (_, beside)) in y_at.iter().zip(&y.cells) {
                let mut both = here.clone();
                let agrees = places.iter().zip(other).enumerate().all(|(k, (on, i))| {
                    if *on >= x.axes.len() {
                        both[*on] = *i;
                        return true;
                    }
                    axes[*on].coordinates[here[*on]] == y.axes[k].coordinates[*i]
                });
                if agrees {
                    cells.push((place_of(&axes, &both), cell.clone(), beside.clone()));
                    at.push(both);
                }
            }
        }
        let mut out = Matched { axes, outer, cells, units: Vec::new(), dependent: x.dependent || y.dependent };
        if let Some(pairing) = Pairing::of(&out.axes) {
            let (x, y) = (Cell::slack(out.cells.iter().map(|c| &c.1)), Cell::slack(out.cells.iter().map(|c| &c.2)));
            let same = |i: usize, j: usize| out.cells[i].1.same(&out.cells[j].1, x) && out.cells[i].2.same(&out.cells[j].2, y);
            let once = pairing.once(&out.axes, &at, same);
            let mut keep = once.keep.iter();
            out.cells.retain(|_| *keep.next().unwrap_or(&true));
            out.units = once.units.into_iter().zip(once.keep).filter(|(_, k)| *k).map(|(u, _)| u).collect();
        }
        Ok(out)
    }

    /// Returns whether any cell is one number per example.
    pub fn per_example(&self) -> bool {
        self.cells.iter().any(|(_, a, b)| matches!(a, Cell::Scores(_)) || matches!(b, Cell::Scores(_)))
    }

    /// Returns what `of` makes of each two cells, as gathered numbers: of numbers a number, of numbers per example one for each that both have.
    pub fn each(&self, cx: &dyn Context, of: impl Fn(f64, f64) -> f64) -> Result<Gathered, Failure> {
        let number = |c: &Cell| c.number().map(|n| n.value).ok_or_else(|| not_a_number(c));
        let mut cells = Vec::new();
        for (place, a, b) in &self.cells {
            let cell = match (a, b) {
                (Cell::Scores(a), Cell::Scores(b)) => {
                    let aligned = align(&[a, b])?;
                    tell_dropped(cx, &aligned);
                    let values = (0..aligned.ids.len()).map(|i| of(aligned.value(a, 0, i), aligned.value(b, 1, i))).collect();
                    Cell::Scores(Arc::new(aligned.scores(values)))
                }
                (Cell::Scores(a), b) => {
                    let y = number(b)?;
                    Cell::Scores(Arc::new(a.with(a.values.iter().map(|x| of(*x, y)).collect())))
                }
                (a, Cell::Scores(b)) => {
                    let x = number(a)?;
                    Cell::Scores(Arc::new(b.with(b.values.iter().map(|y| of(x, *y)).collect())))
                }
                (a, b) => Cell::Number(Number::exact(of(number(a)?, number(b)?))),
            };
            cells.push((*place, cell));
        }
        let (axes, units, outer) = (self.axes.clone(), self.units.clone(), self.outer.clone());
        Ok(Gathered { axes, cells, units, outer, dependent: self.dependent, absent: 0, reason: None })
    }

    /// Returns the pairs of numbers of some of the cells (by their places in the list), examples of the same id together.
    fn pooled(&self, which: &[usize], cx: &dyn Context) -> Result<Pairs, Failure> {
        let number = |c: &Cell| c.number().map(|n| n.value).ok_or_else(|| not_a_number(c));
        let per_example = self.per_example();
        let mut pairs = Pairs { dependent: self.dependent, ..Pairs::default() };
        let places: Vec<Vec<usize>> = which.iter().map(|k| position(&self.axes, self.cells[*k].0)).collect();
        let standing = Standing::of(&self.axes, &places, self.units.is_empty());
        let ends = Pairing::of(&self.axes).map_or_else(Vec::new, |p| p.sources(&self.axes, &places));
        for (cell, (at, k)) in standing.at.iter().copied().zip(which).enumerate() {
            let (_, a, b) = &self.cells[*k];
            let units = self.units.get(*k).copied();
            let told = units.is_some() || standing.axes > 1 || (per_example && which.len() > 1);
            let drawn = match units {
                Some(_) => ends.get(cell).copied(),
                None => (standing.axes > 0 && standing.named).then_some(standing.units[cell]),
            };
            let origin =
                |id: Option<u32>| told.then(|| Origin { cell: *k as u32, at, example: id.map(|id| id % ROW_IDS), units });
            match (a, b) {
                (Cell::Scores(a), Cell::Scores(b)) => {
                    let aligned = align(&[a, b])?;
                    tell_dropped(cx, &aligned);
                    let name = examples(aligned.about.as_deref().unwrap_or_default(), &aligned.classes);
                    for (i, id) in aligned.ids.iter().enumerate() {
                        if pairs.push(aligned.value(a, 0, i), aligned.value(b, 1, i), origin(Some(*id))) {
                            pairs.units.extend(drawn);
                            pairs.examples.push(name(*id));
                        }
                    }
                }
                (Cell::Scores(a), b) => {
                    let (y, name) = (number(b)?, examples(a.about.as_deref().unwrap_or_default(), &a.classes));
                    for (x, id) in a.values.iter().zip(a.ids.iter()) {
                        if pairs.push(*x, y, origin(Some(*id))) {
                            pairs.units.extend(drawn);
                            pairs.examples.push(name(*id));
                        }
                    }
                }
                (a, Cell::Scores(b)) => {
                    let (x, name) = (number(a)?, examples(b.about.as_deref().unwrap_or_default(), &b.classes));
                    for (y, id) in b.values.iter().zip(b.ids.iter()) {
                        if pairs.push(x, *y, origin(Some(*id))) {
                            pairs.units.extend(drawn);
                            pairs.examples.push(name(*id));
                        }
                    }
                }
                (a, b) if !per_example => {
                    if pairs.push(number(a)?, number(b)?, origin(None)) {
                        pairs.units.extend(drawn);
                    }
                }
                (a, _) => {
                    return Err(Failure::new(format!(
                        "there is a {} among numbers per example: they cannot be pooled",
                        a.word()
                    ))
                    .help("reduce over `example` first, then over the other axes"));
                }
            }
        }
        Ok(pairs)
    }

    /// Returns the pairs over the axes for each example that all cells have.
    fn by_example(&self, cx: &dyn Context) -> Result<(Aligned, Vec<Pairs>), Failure> {
        let flat: Vec<&Cell> = self.cells.iter().flat_map(|(_, a, b)| [a, b]).collect();
        let scores: Vec<&Scores> =
            flat.iter().filter_map(|c| if let Cell::Scores(s) = c { Some(s.as_ref()) } else { None }).collect();
        let aligned = align(&scores)?;
        tell_dropped(cx, &aligned);
        let mut all = Vec::with_capacity(aligned.ids.len());
        for row in 0..aligned.ids.len() {
            let mut which = 0;
            let mut numbers = Vec::with_capacity(flat.len());
            for cell in &flat {
                numbers.push(match cell {
                    Cell::Scores(s) => {
                        which += 1;
                        aligned.value(s, which - 1, row)
                    }
                    other => other.number().ok_or_else(|| not_a_number(other))?.value,
                });
            }
            let mut pairs = Pairs::default();
            numbers.chunks_exact(2).for_each(|p| {
                pairs.push(p[0], p[1], None);
            });
            all.push(pairs);
        }
        Ok((aligned, all))
    }

    /// Returns the places in the list of the cells at each place of the outer axes.
    fn groups(&self) -> Vec<Vec<usize>> {
        let mut out: std::collections::BTreeMap<Vec<usize>, Vec<usize>> = std::collections::BTreeMap::new();
        for (k, (place, _, _)) in self.cells.iter().enumerate() {
            let at = position(&self.axes, *place);
            out.entry(self.outer.iter().map(|a| at[*a]).collect()).or_default().push(k);
        }
        out.into_values().collect()
    }
}

impl Correlation {
    /// Returns the coefficient with its standard error, or why there is none.
    ///
    /// Of pairs drawn one by one errors follow from the variance of Fisher's z by the delta method: (1 - r^2) sqrt(v / (n - c)) with
    /// v / (n - c) = 1 / (n - 3) for Pearson, (1 + r^2 / 2) / (n - 3) for Spearman (Bonett & Wright 2000), 0.437 / (n - 4) for Kendall
    /// (Fieller, Hartley & Pearson 1957); none below five pairs. Of others the error is that of the mean of what each pair adds to the
    /// coefficient (its influence: Hampel 1974), by [`error_of_mean`].
    fn of(self, pairs: &Pairs) -> Result<Number, String> {
        let n = pairs.x.len();
        if n < 2 {
            return Err(format!("a correlation needs two pairs, {n} present"));
        }
        for (name, side) in [("x", &pairs.x), ("y", &pairs.y)] {
            if constant(side) {
                return Err(format!("all {n} values of {name} are equal: no correlation"));
            }
        }
        let none = || "a side is constant: no correlation".to_string();
        let m = n as f64;
        let (r, error) = match self {
            Correlation::Pearson => {
                let r = pearson(&pairs.x, &pairs.y).ok_or_else(none)?;
                (r, (n >= 5).then(|| (1.0 - r * r) / (m - 3.0).sqrt()))
            }
            Correlation::Spearman => {
                let r = spearman(&pairs.x, &pairs.y).ok_or_else(none)?;
                (r, spearman_error(r, n))
            }
            Correlation::Kendall => {
                let r = kendall(&pairs.x, &pairs.y);
                (r, (n >= 5).then(|| (1.0 - r * r) * (0.437 / (m - 4.0)).sqrt()))
            }
        };
        if n < 5 {
            return Ok(Number::new(r, error.filter(|_| !pairs.dependent), Some(n as u64)));
        }
        let adds = match pairs.origins.is_empty() && pairs.units.is_empty() && pairs.examples.is_empty() {
            true => Vec::new(),
            false => self.influences(pairs),
        };
        let error = match pairs.origins.is_empty() {
            _ if pairs.dependent => None,
            true => error,
            false => error_of_mean(&adds, &pairs.origins),
        };
        Ok(Number { parts: pairs.parts(&adds, error), ..Number::new(r, error, Some(n as u64)) })
    }
}

impl Correlation {
    /// Returns what the correlations of examples over cells err by together: the coordinates of the cells, which were drawn. Nothing of pairs of units.
    fn loadings(self, matched: &Matched, all: &[Pairs]) -> Loadings {
        let places: Vec<Vec<usize>> = matched.cells.iter().map(|(place, _, _)| position(&matched.axes, *place)).collect();
        let standing = Standing::of(&matched.axes, &places, true);
        if !matched.units.is_empty() || matched.dependent || !standing.named || places.len() < 5 {
            return Loadings::default();
        }
        let mut drawn = Drawn::of(&[], &standing, all.len());
        for (row, pairs) in all.iter().enumerate() {
            // Where an example lacks a value nothing tells which cells its pairs are of.
            if pairs.x.len() < places.len() {
                continue;
            }
            let there: Vec<usize> = (0..places.len()).collect();
            let origin = |c: &usize| Origin { cell: *c as u32, at: standing.at[*c], example: None, units: None };
            let origins = if drawn.axes.len() > 1 { there.iter().map(origin).collect() } else { Vec::new() };
            let whole = Pairs { x: pairs.x.clone(), y: pairs.y.clone(), origins, ..Pairs::default() };
            if let Some(error) = self.of(&whole).ok().and_then(|n| n.error).filter(|e| *e > 0.0) {
                drawn.move_row(row, &there, &self.influences(&whole), &whole.origins, error);
            }
        }
        Loadings::kept(drawn.moving())
    }

    /// Returns what each pair adds to the coefficient.
    fn influences(self, pairs: &Pairs) -> Vec<f64> {
        match self {
            Correlation::Pearson => influence::pearson(&pairs.x, &pairs.y),
            Correlation::Spearman => influence::spearman(&pairs.x, &pairs.y),
            Correlation::Kendall => influence::kendall(&pairs.x, &pairs.y),
        }
    }
}

/// Returns Kendall's tau-b in O(n log n) (Knight 1966).
fn kendall(x: &[f64], y: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|a, b| by_size(&x[*a], &x[*b]).then(by_size(&y[*a], &y[*b])));
    let sorted_x: Vec<f64> = order.iter().map(|i| x[*i]).collect();
    let mut by_x: Vec<f64> = order.iter().map(|i| y[*i]).collect();
    let n = x.len() as f64;
    let all = n * (n - 1.0) / 2.0;
    let both: f64 = (0..order.len())
        .collect::<Vec<_>>()
        .chunk_by(|a, b| sorted_x[*a] == sorted_x[*b] && by_x[*a] == by_x[*b])
        .map(|g| choose_two(g.len()))
        .sum();
    let ties_x: f64 = sorted_x.chunk_by(|a, b| a == b).map(|g| choose_two(g.len())).sum();
    let mut scratch = by_x.clone();
    let swaps = inversions(&mut by_x, &mut scratch);
    let ties_y: f64 = by_x.chunk_by(|a, b| a == b).map(|g| choose_two(g.len())).sum();
    let score = all - ties_x - ties_y + both - 2.0 * swaps as f64;
    (score / ((all - ties_x).sqrt() * (all - ties_y).sqrt())).clamp(-1.0, 1.0)
}

/// Returns the number of pairs among k.
fn choose_two(k: usize) -> f64 {
    k as f64 * (k as f64 - 1.0) / 2.0
}

/// Sorts the numbers and returns how many pairs stood in the wrong order.
fn inversions(v: &mut [f64], scratch: &mut [f64]) -> u64 {
    let n = v.len();
    if n < 2 {
        return 0;
    }
    let middle = n / 2;
    let mut count = inversions(&mut v[..middle], &mut scratch[..middle]) + inversions(&mut v[middle..], &mut scratch[middle..]);
    let (mut i, mut j) = (0, middle);
    for slot in scratch.iter_mut() {
        if j >= n || (i < middle && v[i] <= v[j]) {
            *slot = v[i];
            i += 1;
        } else {
            *slot = v[j];
            j += 1;
            count += (middle - i) as u64;
        }
    }
    v.copy_from_slice(scratch);
    count
}

impl Planned for Correlation {
    /// 3: errors of pairs that were not drawn one by one, pairs of paired axes once, both orders being the same but for rounding. 4: axes that
    /// are taken in together are crossed. 5: errors remember the examples and coordinates that they come from. 6: those of pairs their units, and correlations
    /// of each example what they were taken over. 7: differences are paired, as those of means. 8: Kendall's tau takes 0 and -0 as equal.
    /// 9: over pairs of several axes at once no error is known.
    fn version(&self) -> u32 {
        9
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        refuse::unlabelled(settings, shapes)?;
        refuse::same_for_all(shapes)
    }

    fn doubts(&self, _settings: &Settings, shapes: &[Shape]) -> Option<Problem> {
        refuse::shared_units("correlation", shapes)
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(keep_classes(inputs))
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 3e-7)
    }
}

impl Kernel for Correlation {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let Over { examples } = ReduceSettings::read(&job.settings).over;
        let matched = Matched::of(job)?;
        if matched.per_example() && !examples {
            let (aligned, all) = matched.by_example(cx)?;
            let values = all.iter().map(|p| self.of(p).map_or(f64::NAN, |n| n.value)).collect();
            let loadings = self.loadings(&matched, &all);
            return Ok(Value::Scores(Arc::new(Scores { loadings, ..aligned.scores(values) })));
        }
        if matched.outer.is_empty() || !matched.per_example() {
            let all: Vec<usize> = (0..matched.cells.len()).collect();
            return self.of(&matched.pooled(&all, cx)?).map(Value::Number).map_err(Failure::Absent);
        }
        // Examples chosen anew at each place: the mean of the correlations there.
        let (axes, dependent, mut reason) = (matched.axes.clone(), matched.dependent, None);
        let mut found = Gathered { axes, dependent, ..Gathered::default() };
        for group in matched.groups() {
            match self.of(&matched.pooled(&group, cx)?) {
                Ok(n) => {
                    let mut at = position(&matched.axes, matched.cells[group[0]].0);
                    (0..at.len()).filter(|k| !matched.outer.contains(k)).for_each(|k| at[k] = 0);
                    found.cells.push((place_of(&matched.axes, &at), Cell::Number(n)));
                }
                Err(why) => {
                    reason.get_or_insert(why);
                }
            }
        }
        let found = found.pooled()?.statistic(Statistic::Mean).map(Value::Number);
        found.ok_or_else(|| Failure::Absent(reason.unwrap_or_else(|| "no pairs".to_string())))
    }
}
