//! Correlations of two values over axes and examples: Pearson, Spearman, Kendall.

use super::align::{Aligned, align};
use super::gather::{Cell, Gathered, gather, not_a_number, pass_cost, position, takes_examples, tell_dropped};
use super::reduce::keep_classes;
use super::sample::{mean, ranks, sum};
use crate::engine::kernel::{Context, Failure, Job, Kernel, Labelled, mismatch};
use crate::engine::value::{Number, Scores, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem};
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
}

impl Pairs {
    /// Adds a pair, unless either is NaN.
    fn push(&mut self, x: f64, y: f64) {
        if !x.is_nan() && !y.is_nan() {
            self.x.push(x);
            self.y.push(y);
        }
    }
}

/// Pairs over everything, or for each example.
pub enum Paired {
    /// Over all axes and examples taken in.
    Pooled(Pairs),
    /// For each example over the axes.
    Each(Aligned, Vec<Pairs>),
}

/// Returns the pairs of the inputs `x` and `y`: entries at the same coordinates of the axes they share (an axis that only one
/// has repeats the other along it), examples of the same id; a number beside scores repeats for each example.
pub fn paired(job: &Job, cx: &dyn Context) -> Result<Paired, Failure> {
    let (x, y) = (gather(job, "x")?, gather(job, "y")?);
    for side in [&x, &y] {
        if side.cells.is_empty() {
            return Err(side.nothing());
        }
    }
    let missing = |slot| mismatch(slot, "number", None);
    let (x_input, y_input) = (job.labelled("x").ok_or_else(|| missing("x"))?, job.labelled("y").ok_or_else(|| missing("y"))?);
    let places: Vec<(usize, usize)> = matches(&x, x_input, &y, y_input);
    let cells: Vec<(&Cell, &Cell)> = places.iter().map(|(i, j)| (&x.cells[*i].1, &y.cells[*j].1)).collect();
    if !(x.per_example() || y.per_example()) || takes_examples(&job.settings, "over") {
        let mut pairs = Pairs::default();
        for (a, b) in cells {
            pool(a, b, cx, &mut pairs)?;
        }
        return Ok(Paired::Pooled(pairs));
    }
    let flat: Vec<&Cell> = cells.iter().flat_map(|(a, b)| [*a, *b]).collect();
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
        numbers.chunks_exact(2).for_each(|p| pairs.push(p[0], p[1]));
        all.push(pairs);
    }
    Ok(Paired::Each(aligned, all))
}

/// Adds the pairs of two cells, examples included.
fn pool(a: &Cell, b: &Cell, cx: &dyn Context, pairs: &mut Pairs) -> Result<(), Failure> {
    let number = |c: &Cell| c.number().ok_or_else(|| not_a_number(c));
    match (a, b) {
        (Cell::Scores(a), Cell::Scores(b)) => {
            let aligned = align(&[a, b])?;
            tell_dropped(cx, &aligned);
            (0..aligned.ids.len()).for_each(|i| pairs.push(aligned.value(a, 0, i), aligned.value(b, 1, i)));
        }
        (Cell::Scores(a), b) => {
            let y = number(b)?.value;
            a.values.iter().for_each(|x| pairs.push(*x, y));
        }
        (a, Cell::Scores(b)) => {
            let x = number(a)?.value;
            b.values.iter().for_each(|y| pairs.push(x, *y));
        }
        (a, b) => pairs.push(number(a)?.value, number(b)?.value),
    }
    Ok(())
}

/// Returns the present cells that belong together, as places in both lists, in the order of the first.
fn matches(x: &Gathered, x_input: &Labelled, y: &Gathered, y_input: &Labelled) -> Vec<(usize, usize)> {
    // For each axis of y that x has too: its place in x.
    let shared: Vec<Option<usize>> =
        y_input.axes.iter().map(|a| x_input.axes.iter().position(|b| b.name == a.name && b.role == a.role)).collect();
    let y_at: Vec<Vec<usize>> = y.cells.iter().map(|(place, _)| position(y_input, *place)).collect();
    let mut out = Vec::new();
    for (i, (place, _)) in x.cells.iter().enumerate() {
        let at = position(x_input, *place);
        for (j, other) in y_at.iter().enumerate() {
            let agrees = shared
                .iter()
                .enumerate()
                .all(|(k, s)| s.is_none_or(|s| x_input.axes[s].coordinates[at[s]] == y_input.axes[k].coordinates[other[k]]));
            if agrees {
                out.push((i, j));
            }
        }
    }
    out
}

impl Correlation {
    /// Returns the coefficient with its standard error, or why there is none.
    ///
    /// Errors follow from the variance of Fisher's z by the delta method: (1 - r^2) sqrt(v / (n - c)) with v / (n - c) = 1 / (n - 3)
    /// for Pearson, (1 + r^2 / 2) / (n - 3) for Spearman (Bonett & Wright 2000), 0.437 / (n - 4) for Kendall (Fieller, Hartley &
    /// Pearson 1957); none below five pairs.
    fn of(self, pairs: &Pairs) -> Result<Number, String> {
        let n = pairs.x.len();
        if n < 2 {
            return Err(format!("a correlation needs two pairs, {n} present"));
        }
        for (name, side) in [("x", &pairs.x), ("y", &pairs.y)] {
            if side.iter().all(|v| *v == side[0]) {
                return Err(format!("all {n} values of {name} are equal: no correlation"));
            }
        }
        let m = n as f64;
        let (r, variance) = match self {
            Correlation::Pearson => (pearson(&pairs.x, &pairs.y), 1.0 / (m - 3.0)),
            Correlation::Spearman => {
                let r = pearson(&ranks(&pairs.x), &ranks(&pairs.y));
                (r, (1.0 + r * r / 2.0) / (m - 3.0))
            }
            Correlation::Kendall => (kendall(&pairs.x, &pairs.y), 0.437 / (m - 4.0)),
        };
        let error = (n >= 5).then(|| (1.0 - r * r) * variance.sqrt());
        Ok(Number { value: r, error, count: Some(n as u64) })
    }
}

/// Returns Pearson's r.
fn pearson(x: &[f64], y: &[f64]) -> f64 {
    let (mx, my) = (mean(x), mean(y));
    let both = |f: &dyn Fn(f64, f64) -> f64| sum(x.iter().zip(y).map(|(a, b)| f(a - mx, b - my)));
    let r = both(&|a, b| a * b) / (both(&|a, _| a * a).sqrt() * both(&|_, b| b * b).sqrt());
    r.clamp(-1.0, 1.0)
}

/// Returns Kendall's tau-b in O(n log n) (Knight 1966).
fn kendall(x: &[f64], y: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|a, b| x[*a].total_cmp(&x[*b]).then(y[*a].total_cmp(&y[*b])));
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

/// Returns the number of pairs among so many.
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
    fn policy(&self) -> Policy {
        Policy::Inline
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
        match paired(job, cx)? {
            Paired::Pooled(pairs) => self.of(&pairs).map(Value::Number).map_err(Failure::Absent),
            Paired::Each(aligned, all) => {
                let values = all.iter().map(|p| self.of(p).map_or(f64::NAN, |n| n.value)).collect();
                Ok(Value::Scores(Arc::new(aligned.scores(values))))
            }
        }
    }
}
