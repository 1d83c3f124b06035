//! The best of several coordinates: which one it is, what another value is there, and how well choosing by one value serves another.

use super::align::align;
use super::curves::coordinate;
use super::gather::{Cell, labelled, not_a_number, pass_cost, position, tell_dropped};
use super::reduce::keep_classes;
use super::refuse;
use super::settings::{ReduceAlong, SelectionSettings};
use crate::base::statistics::by_size;
use crate::engine::kernel::{Context, Failure, Job, Kernel, Labelled, LabelledAxis};
use crate::engine::parts::{Parts, Shares};
use crate::engine::value::{Number, Scores, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, Shape, known};
use crate::plan::files::Files;
use std::sync::Arc;

/// `best`.
struct Best;

/// `at_best`.
struct AtBest;

/// `selection`.
struct Selection;

/// Returns the kernels of this file.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![("best", Box::new(Best)), ("at_best", Box::new(AtBest)), ("selection", Box::new(Selection))]
}

/// Returns the problem of an axis that this topic can do nothing with.
fn problem(parameter: &'static str, message: String, help: &str) -> Problem {
    Problem { code: "cfx::analysis::axis", parameter: Some(parameter), message, help: Some(help.to_string()) }
}

/// Refuses examples: what is chosen among are coordinates.
fn no_examples(settings: &Settings, shapes: &[Shape], slots: &[&str]) -> Result<(), Problem> {
    let among: Vec<Shape> = shapes.iter().filter(|s| slots.contains(&s.slot)).cloned().collect();
    refuse::each_example("the choice is among coordinates of an axis, not examples", &among)?;
    match ReduceAlong::read(settings).along.examples {
        true => Err(problem("along", "the choice is among coordinates, not examples".to_string(), "name an axis of the values")),
        false => Ok(()),
    }
}

/// Checks that both values have all the axes that are chosen along.
fn both_along(shapes: &[Shape]) -> Result<(), Problem> {
    let axes = |slot: &str| shapes.iter().find(|s| s.slot == slot).map_or(&[][..], |s| s.axes);
    let (x, by) = (axes("x"), axes("by"));
    let lacks =
        |of: &[LabelledAxis], other: &[LabelledAxis]| other.iter().find(|a| !of.iter().any(|o| o.name == a.name)).cloned();
    let help = "both need the axis; a value that is the same at all coordinates needs no choice";
    if let Some(axis) = lacks(x, by) {
        return Err(problem("x", format!("this has no axis `{}` to be chosen along", axis.name), help));
    }
    match lacks(by, x) {
        Some(axis) => Err(problem("by", format!("this has no axis `{}` to be chosen along", axis.name), help)),
        None => Ok(()),
    }
}

/// The numbers of an input along the axes of another, place by place, `None` where one is absent.
struct Along {
    numbers: Vec<Option<Number>>,
    /// Why the first absent one is.
    reason: Option<String>,
}

impl Along {
    fn of(input: &Labelled) -> Result<Along, Failure> {
        let mut out = Along { numbers: Vec::new(), reason: None };
        for value in &input.values {
            out.numbers.push(match Cell::of("x", value)? {
                Ok(cell) => Some(cell.number().ok_or_else(|| not_a_number(&cell))?),
                Err(why) => {
                    out.reason.get_or_insert(why);
                    None
                }
            });
        }
        Ok(out)
    }

    fn nothing(&self) -> Failure {
        Failure::Absent(match &self.reason {
            Some(why) => format!("all {} values are absent: {why}", self.numbers.len()),
            None => "no values".to_string(),
        })
    }

    /// Returns the place of the largest number, that of the lowest coordinates of several as large, and the chances of all places to be that of the largest.
    fn best(&self, axes: &[LabelledAxis]) -> Result<(usize, Vec<f64>), Failure> {
        let places = by_coordinates(axes).into_iter().filter_map(|i| Some((i, self.numbers.get(i)?.clone()?)));
        let present: Vec<(usize, Number)> = places.collect();
        let Some(first) = present.first() else { return Err(self.nothing()) };
        let best = present.iter().fold(first, |b, n| if n.1.value > b.1.value { n } else { b });
        let numbers: Vec<Number> = present.iter().map(|p| p.1.clone()).collect();
        let mut chances = vec![0.0; self.numbers.len()];
        present.iter().zip(largest_of(&numbers)).for_each(|((i, _), q)| chances[*i] = q);
        Ok((best.0, chances))
    }
}

/// Returns all places of axes by their coordinates, the lowest first: by axes in the order of their coordinates (of equal ones in that of their names), numbers
/// by size and before words. The order in which coordinates and axes are written says nothing, nor does what axes are called.
fn by_coordinates(axes: &[LabelledAxis]) -> Vec<usize> {
    let mut names: Vec<usize> = (0..axes.len()).collect();
    names.sort_by_cached_key(|a| {
        let mut coordinates = axes[*a].coordinates.clone();
        coordinates.sort_unstable();
        (coordinates, axes[*a].name.clone())
    });
    let count: usize = axes.iter().map(|a| a.coordinates.len()).product();
    let mut out: Vec<usize> = (0..count).collect();
    out.sort_by(|one, other| {
        let (one, other) = (position(axes, *one), position(axes, *other));
        let each = names.iter().map(|a| {
            let (x, y) = (&axes[*a].coordinates[one[*a]], &axes[*a].coordinates[other[*a]]);
            let number = |c: &str| coordinate(c).unwrap_or(f64::INFINITY);
            number(x).total_cmp(&number(y)).then_with(|| x.cmp(y))
        });
        each.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
    out
}

/// Returns the places of an input's values in the order of other axes.
fn in_order(input: &Labelled, axes: &[LabelledAxis]) -> Result<Vec<usize>, Failure> {
    let own: Vec<usize> = axes
        .iter()
        .map(|a| input.axes.iter().position(|b| b.name == a.name))
        .collect::<Option<_>>()
        .ok_or_else(|| Failure::new("the two values lie along different axes"))?;
    let count: usize = axes.iter().map(|a| a.coordinates.len()).product();
    let place = |k: usize| {
        let at = position(axes, k);
        let mut there = vec![0; input.axes.len()];
        own.iter().zip(at).for_each(|(axis, i)| there[*axis] = i);
        input.axes.iter().zip(there).fold(0, |place, (axis, i)| place * axis.coordinates.len() + i)
    };
    Ok((0..count).map(place).collect())
}

/// Points of the trapezoidal rule on each side of a number, and how many standard errors they reach.
const HALF: usize = 200;
const REACH: f64 = 8.0;

/// Returns for each of several numbers the chance that it is the largest, where each errs by a normal deviate of its standard error, independently.
///
/// q_i = integral of phi(z) prod_{j != i} Phi((m_i + e_i z - m_j) / e_j) dz, by the trapezoidal rule over 401 points within 8 errors; divided by their
/// sum, so that rounding does not matter. A number without an error stands where it is; of exact numbers as large the first is the largest.
pub fn largest_of(numbers: &[Number]) -> Vec<f64> {
    let error = |n: &Number| n.error.unwrap_or(0.0).max(0.0);
    let low = numbers.iter().map(|n| n.value - REACH * error(n)).fold(f64::NEG_INFINITY, f64::max);
    // What lies wholly below another is never the largest, and never keeps one from being it.
    let near: Vec<usize> = (0..numbers.len()).filter(|i| numbers[*i].value + REACH * error(&numbers[*i]) >= low).collect();
    let below = |t: f64, i: usize, j: usize| {
        let (m, e) = (numbers[j].value, error(&numbers[j]));
        match e > 0.0 {
            true => 0.5 * libm::erfc(-(t - m) / e * std::f64::consts::FRAC_1_SQRT_2),
            false => (t > m || t == m && i < j) as u8 as f64,
        }
    };
    let mut out = vec![0.0; numbers.len()];
    for i in &near {
        let (m, e) = (numbers[*i].value, error(&numbers[*i]));
        let all = |t: f64| near.iter().filter(|j| *j != i).map(|j| below(t, *i, *j)).product::<f64>();
        out[*i] = match e > 0.0 {
            false => all(m),
            true => {
                (0..=2 * HALF)
                    .map(|k| {
                        let z = (k as f64 - HALF as f64) / HALF as f64 * REACH;
                        libm::exp(-0.5 * z * z) * all(m + e * z)
                    })
                    .sum::<f64>()
                    * (REACH / HALF as f64 / (2.0 * std::f64::consts::PI).sqrt())
            }
        };
    }
    let total: f64 = out.iter().sum();
    out.iter_mut().for_each(|q| *q /= total);
    out
}

/// Returns whether any of these numbers carries an error.
fn any_error(numbers: &[Option<Number>]) -> bool {
    numbers.iter().flatten().any(|n| n.error.is_some())
}

/// Returns a number with the error that its choice adds, `spread`, which is `None` if everything it was chosen by is exact. Its own error keeps its sources.
fn chosen(there: &Number, spread: Option<f64>, by: &[Option<Number>], count: u64) -> Number {
    let count = Some(count);
    let unknown = there.no_error_known() || spread.is_none() && by.iter().flatten().any(Number::no_error_known);
    match (unknown, spread) {
        (true, _) => Number::new(there.value, None, count),
        (false, None) => Number { count, ..there.clone() },
        (false, Some(spread)) => {
            let (own, parts) = Number::propagated(&[(1.0, there)]);
            let mut shares = Shares::default();
            shares.add_own(spread);
            shares.add_parts(&parts, 1.0);
            let told = parts.is_exact() || parts.shares().is_some();
            let parts = if told { shares.finish().1 } else { Parts::default() };
            Number { value: there.value, error: Some(own.unwrap_or(0.0).hypot(spread)), count, parts }
        }
    }
}

impl Planned for Best {
    /// 2: of exact numbers it is exact, and of numbers whose errors nobody knows no error is known.
    fn version(&self) -> u32 {
        2
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        no_examples(settings, shapes, &["x"])?;
        let axes = shapes.iter().find(|s| s.slot == "x").map_or(&[][..], |s| s.axes);
        numbered(axes).map(|_| ())
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-4)
    }
}

/// Returns the axis whose coordinates are numbers.
fn numbered(axes: &[LabelledAxis]) -> Result<&LabelledAxis, Problem> {
    let [axis] = axes else {
        let help = "name one axis; `at_best` chooses along several";
        return Err(problem("along", format!("a coordinate belongs to one axis, and there are {} here", axes.len()), help));
    };
    if axis.role == "class" {
        let message = "a class is no number, whatever it is called".to_string();
        let help = "`rank(x, along: class)` says the place of each class, and `at_best` what another value is at the best";
        return Err(problem("along", message, help));
    }
    let unknown = matches!(axis.coordinates.as_slice(), [one] if one == "?");
    match axis.coordinates.iter().find(|c| coordinate(c).is_none()).filter(|_| !unknown) {
        Some(word) => Err(problem(
            "along",
            format!("`{word}` of the axis `{}` is not a number", axis.name),
            "`rank(x, along: …)` says the place of each coordinate, and `at_best` what another value is at the best",
        )),
        None => Ok(axis),
    }
}

impl Kernel for Best {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let x = labelled(job, "x")?;
        let axis = numbered(&x.axes).map_err(|p| Failure::Failed { message: p.message, help: p.help })?;
        let numbers = Along::of(x)?;
        let (best, chances) = numbers.best(&x.axes)?;
        let at: Vec<f64> = axis.coordinates.iter().map(|c| coordinate(c).unwrap_or(f64::NAN)).collect();
        let spread = chances.iter().zip(&at).filter(|(q, _)| **q > 0.0).map(|(q, c)| q * (c - at[best]).powi(2)).sum::<f64>();
        let spread = any_error(&numbers.numbers).then(|| spread.sqrt());
        let count = numbers.numbers.iter().flatten().count() as u64;
        Ok(Value::Number(chosen(&Number::exact(at[best]), spread, &numbers.numbers, count)))
    }
}

impl Planned for AtBest {
    /// 2: what the number there errs by stays known, and what is exact stays exact. 3: names of axes decide no ties.
    fn version(&self) -> u32 {
        3
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        no_examples(settings, shapes, &["by"])?;
        both_along(shapes)
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let x = known(inputs, "x").cloned().unwrap_or_default();
        Ok(Facts { ..x.each_example() })
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-4)
    }
}

impl Kernel for AtBest {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (x, by) = (labelled(job, "x")?, labelled(job, "by")?);
        let numbers = Along::of(by)?;
        let (best, chances) = numbers.best(&by.axes)?;
        let order = in_order(x, &by.axes)?;
        match Cell::of("x", &x.values[order[best]])? {
            Err(why) => Err(Failure::Absent(format!("there is no value at the best: {why}"))),
            Ok(Cell::Scores(s)) => scores_at(x, &order, &s, &chances, cx),
            Ok(cell) => {
                let there = cell.number().ok_or_else(|| not_a_number(&cell))?;
                let mut spread = 0.0;
                for (place, q) in chances.iter().enumerate().filter(|(_, q)| **q > 0.0) {
                    if let Ok(other) = Cell::of("x", &x.values[order[place]])?
                        && let Some(n) = other.number()
                    {
                        spread += q * (n.value - there.value).powi(2);
                    }
                }
                let spread = any_error(&numbers.numbers).then(|| spread.sqrt());
                let count = numbers.numbers.iter().flatten().count() as u64;
                Ok(Value::Number(chosen(&there, spread, &numbers.numbers, count)))
            }
        }
    }
}

/// Returns the scores at the best place, of the examples that all possible choices have.
fn scores_at(x: &Labelled, order: &[usize], there: &Arc<Scores>, chances: &[f64], cx: &dyn Context) -> Result<Value, Failure> {
    let others = chances.iter().enumerate().filter(|(_, q)| **q > 0.0).filter_map(|(place, _)| match &x.values[order[place]] {
        Value::Scores(s) => Some(s.as_ref()),
        _ => None,
    });
    let all: Vec<&Scores> = std::iter::once(there.as_ref()).chain(others).collect();
    let aligned = align(&all)?;
    tell_dropped(cx, &aligned);
    let values = (0..aligned.ids.len()).map(|row| aligned.value(there, 0, row)).collect();
    let loadings = aligned.loadings(there, 0);
    Ok(Value::Scores(Arc::new(Scores { loadings, ..aligned.scores(values) })))
}

impl Planned for Selection {
    /// 2: names of axes decide no ties. 3: nor does the sign of 0. 4: of numbers that err no error is known.
    fn version(&self) -> u32 {
        4
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        no_examples(settings, shapes, &["x", "by"])?;
        both_along(shapes)?;
        let Some(by) = shapes.iter().find(|s| s.slot == "by") else { return Ok(()) };
        let there: usize = by.axes.iter().map(|a| a.coordinates.len()).product();
        let unknown = by.axes.iter().any(|a| matches!(a.coordinates.as_slice(), [one] if one == "?"));
        let subset = SelectionSettings::read(settings).subset;
        if there < subset && !unknown {
            let message = format!("subsets of {subset} are asked for, and there are {there} settings");
            return Err(Problem {
                code: "cfx::analysis::setting",
                ..problem("subset", message, "ask for fewer, or name more axes")
            });
        }
        Ok(())
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let s = SelectionSettings::read(settings);
        let (parameter, message) = match (s.subset, s.top) {
            (0..=1, _) => ("subset", format!("there is nothing to choose in subsets of {}", s.subset)),
            (_, 0) => ("top", "`top` must be at least 1".to_string()),
            (subset, top) if top >= subset => ("top", format!("all of {subset} are among the best {top}")),
            _ => return Ok(keep_classes(inputs)),
        };
        let help = "to ask whether a choice among 48 is one of the five best: `subset: 48, top: 5`";
        Err(Problem { code: "cfx::analysis::setting", ..problem(parameter, message, help) })
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-6)
    }
}

/// Returns ln of the number of ways to choose k of n; `None` if there is none.
fn ways(n: usize, k: usize) -> Option<f64> {
    let factorial = |n: usize| libm::lgamma(n as f64 + 1.0);
    (k <= n).then(|| factorial(n) - factorial(k) - factorial(n - k))
}

/// What choosing the largest `by` in each subset gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// Share of the subsets in which fewer than `top` others are better by x than the chosen one.
    pub share: f64,
    /// Mean over subsets of the best x less the chosen one's.
    pub shortfall: f64,
}

/// Returns, over all subsets of k of n settings (`(by, x)` each), what choosing the largest `by` in each gives; exact, by counting.
///
/// The chosen one is setting i where all others come from the L settings after it by `by` (ties: by place): C(L, k - 1) subsets. Of these L, a are
/// better by x; g of them are in the subset in C(a, g) C(L - a, k - 1 - g) ways.
pub fn choices(settings: &[(f64, f64)], k: usize, top: usize) -> Choice {
    let n = settings.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| by_size(&settings[*b].0, &settings[*a].0).then(a.cmp(b)));
    let all = ways(n, k).unwrap_or(0.0);
    let (mut share, mut chosen) = (0.0, 0.0);
    for (place, i) in order.iter().enumerate() {
        let x = settings[*i].1;
        let after = &order[place + 1..];
        let better = after.iter().filter(|j| settings[**j].1 > x).count();
        for g in 0..top.min(k) {
            if let (Some(a), Some(b)) = (ways(better, g), ways(after.len() - better, k - 1 - g)) {
                share += libm::exp(a + b - all);
            }
        }
        if let Some(w) = ways(after.len(), k - 1) {
            chosen += x * libm::exp(w - all);
        }
    }
    let mut x: Vec<f64> = settings.iter().map(|s| s.1).collect();
    x.sort_unstable_by(f64::total_cmp);
    let best: f64 = x.iter().enumerate().filter_map(|(j, x)| Some(x * libm::exp(ways(j, k - 1)? - all))).sum();
    Choice { share: share.min(1.0), shortfall: (best - chosen).max(0.0) }
}

impl Kernel for Selection {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let s = SelectionSettings::read(&job.settings);
        let (x, by) = (labelled(job, "x")?, labelled(job, "by")?);
        let (order, lowest_first) = (in_order(x, &by.axes)?, by_coordinates(&by.axes));
        let (x, by) = (Along::of(x)?, Along::of(by)?);
        let both: Vec<(&Number, &Number)> =
            lowest_first.into_iter().filter_map(|i| Some((by.numbers[i].as_ref()?, x.numbers[order[i]].as_ref()?))).collect();
        // Which setting is chosen, and which is best, is as uncertain as these numbers are.
        let sure = |n: &Number| n.error.unwrap_or(0.0) == 0.0 && !n.no_error_known();
        let exact = both.iter().all(|(by, x)| sure(by) && sure(x));
        let both: Vec<(f64, f64)> = both.into_iter().map(|(by, x)| (by.value, x.value)).collect();
        if both.len() < s.subset {
            let why = by.reason.or(x.reason).map_or_else(String::new, |why| format!(": {why}"));
            return Err(Failure::Absent(format!(
                "{} settings have both values, too few for subsets of {}{why}",
                both.len(),
                s.subset
            )));
        }
        let found = choices(&both, s.subset, s.top);
        let known = |value: f64| if exact { Number::exact(value) } else { Number::new(value, None, None) };
        let number = |value: f64| Value::Number(Number { count: Some(both.len() as u64), ..known(value) });
        Ok(Value::Record(vec![("share".to_string(), number(found.share)), ("shortfall".to_string(), number(found.shortfall))]))
    }
}
