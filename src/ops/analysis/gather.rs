//! What a kernel of this topic finds in an input: present cells, with `by:` applied and absences counted.

use super::align::{Aligned, align};
use super::sample::Sample;
use crate::engine::kernel::{Context, Failure, Job, Labelled, LabelledAxis, mismatch};
use crate::engine::value::{Number, Scores, Truth, Value};
use crate::lang::{Settings, Static};
use crate::plan::facts::{Cost, KnownInput};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A value that is there.
#[derive(Clone, Debug)]
pub enum Cell {
    /// A number.
    Number(Number),
    /// A truth value.
    Truth(Truth),
    /// A word.
    Word(String),
    /// One number per example.
    Scores(Arc<Scores>),
}

impl Cell {
    /// Returns the cell that a value is, nothing where it is absent (a number that is NaN is).
    pub fn of(slot: &str, value: &Value) -> Result<Result<Cell, String>, Failure> {
        Ok(match value {
            Value::Number(n) if n.value.is_nan() => Err("not a number".to_string()),
            Value::Number(n) => Ok(Cell::Number(*n)),
            Value::Truth(t) => Ok(Cell::Truth(t.clone())),
            Value::Word(w) => Ok(Cell::Word(w.clone())),
            Value::Scores(s) => Ok(Cell::Scores(s.clone())),
            Value::Absent(why) => Err(why.clone()),
            other => return Err(mismatch(slot, "number", Some(other))),
        })
    }

    /// Returns the number; a truth value is 1 or 0.
    pub fn number(&self) -> Option<Number> {
        match self {
            Cell::Number(n) => Some(*n),
            Cell::Truth(t) => Some(Number::exact(t.holds as u8 as f64)),
            Cell::Word(_) | Cell::Scores(_) => None,
        }
    }

    /// Returns the word for what this is.
    pub fn word(&self) -> &'static str {
        match self {
            Cell::Number(_) => "number",
            Cell::Truth(_) => "truth",
            Cell::Word(_) => "word",
            Cell::Scores(_) => "number per example",
        }
    }
}

/// The present cells of an input.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// Place in the input, and what is there.
    pub cells: Vec<(usize, Cell)>,
    /// How many were absent.
    pub absent: usize,
    /// Why the first of them was.
    pub reason: Option<String>,
}

/// What one axis of `by:` leaves of an input in this cell.
enum Part {
    /// The entries at one coordinate of a gathered axis: axis position, coordinate position.
    Coordinate(usize, usize),
    /// The examples of one label.
    Label(u32),
    /// The examples with these ids, sorted.
    Ids(Vec<u32>),
    /// Nothing that an input without examples could be split by.
    Unknown(String),
}

/// Returns the present cells of an input, restricted to the cell's coordinate of `by`.
///
/// `by` restricts scores to the ids of the data set in the slot `by`, else to the label of a class coordinate; where the input
/// itself was taken in whole over that very axis, the entries at the coordinate are kept. Numbers without that axis stay whole.
pub fn gather(job: &Job, slot: &str) -> Result<Gathered, Failure> {
    let input = job.labelled(slot).ok_or_else(|| mismatch(slot, "number", None))?;
    let parts = parts(job, input)?;
    let mut out = Gathered::default();
    for (place, value) in input.values.iter().enumerate() {
        let elsewhere = |p: &Part| matches!(p, Part::Coordinate(axis, at) if position(input, place)[*axis] != *at);
        if parts.iter().any(elsewhere) {
            continue;
        }
        let mut cell = Cell::of(slot, value)?;
        for part in &parts {
            cell = match cell {
                Ok(Cell::Scores(s)) => restrict(&s, part)?.map(Cell::Scores),
                other => other,
            };
        }
        match cell {
            Ok(cell) => out.cells.push((place, cell)),
            Err(why) => {
                out.absent += 1;
                out.reason.get_or_insert(why);
            }
        }
    }
    Ok(out)
}

/// Returns what `by:` leaves of an input: a part for each axis that it names.
fn parts(job: &Job, input: &Labelled) -> Result<Vec<Part>, Failure> {
    let slots = ["by".to_string()].into_iter().chain((1..).map(|k| format!("by.{k}")));
    slots.map_while(|slot| job.settings.get(&slot).make().map(|(_, by)| part(job, input, &slot, &by))).collect()
}

fn part(job: &Job, input: &Labelled, slot: &str, by: &Settings) -> Result<Part, Failure> {
    let (axis, role, name) = (by.word("axis"), by.word("role"), by.word("name"));
    if let Some(k) = input.axes.iter().position(|a| a.name == axis && a.role == role) {
        let at = input.axes[k].coordinates.iter().position(|c| c == name);
        return at.map(|at| Part::Coordinate(k, at)).ok_or_else(|| Failure::Absent(format!("no {axis} {name}")));
    }
    if job.labelled(slot).is_some() {
        let mut ids = job.dataset(slot)?.ids.to_vec();
        ids.sort_unstable();
        return Ok(Part::Ids(ids));
    }
    Ok(if role == "class" { Part::Label(by.int("index") as u32) } else { Part::Unknown(axis.to_string()) })
}

/// Returns the examples of scores that belong to the part, or the reason why there are none.
fn restrict(scores: &Arc<Scores>, part: &Part) -> Result<Result<Arc<Scores>, String>, Failure> {
    let keep: Vec<usize> = match part {
        Part::Coordinate(..) => return Ok(Ok(scores.clone())),
        Part::Label(_) if scores.labels.is_empty() => {
            return Err(Failure::new("these scores carry no labels to split them by")
                .help("make them from a data set with labels, or leave out `by: class`"));
        }
        Part::Label(label) => (0..scores.labels.len()).filter(|i| scores.labels[*i] == *label).collect(),
        Part::Ids(ids) => (0..scores.ids.len()).filter(|i| ids.binary_search(&scores.ids[*i]).is_ok()).collect(),
        Part::Unknown(axis) => return Err(Failure::new(format!("scores cannot be split by `{axis}`"))),
    };
    if keep.is_empty() {
        return Ok(Err("no examples here".to_string()));
    }
    let labels = if scores.labels.is_empty() { Vec::new() } else { keep.iter().map(|i| scores.labels[*i]).collect() };
    Ok(Ok(Arc::new(Scores {
        values: keep.iter().map(|i| scores.values[*i]).collect(),
        ids: Arc::new(keep.iter().map(|i| scores.ids[*i]).collect()),
        labels: Arc::new(labels),
        classes: scores.classes.clone(),
    })))
}

/// Returns the coordinate positions of the place in a row-major input, outermost axis first.
pub fn position(input: &Labelled, place: usize) -> Vec<usize> {
    let mut rest = place;
    let mut out: Vec<usize> = input
        .axes
        .iter()
        .rev()
        .map(|a| {
            let n = a.coordinates.len().max(1);
            let at = rest % n;
            rest /= n;
            at
        })
        .collect();
    out.reverse();
    out
}

/// Returns a place in words: `run: 3, stage: stage1`.
pub fn place_in_words(input: &Labelled, place: usize) -> String {
    let at = position(input, place);
    let words: Vec<_> = input.axes.iter().zip(at).map(|(a, i)| format!("{}: {}", a.name, a.coordinates[i])).collect();
    words.join(", ")
}

/// Returns whether the axes named by the setting include the examples of scores. Without the setting they do.
pub fn takes_examples(settings: &Settings, parameter: &str) -> bool {
    let is = |s: &Static| match s {
        Static::Make(_, fields) => fields.iter().any(|(_, v)| v.word() == Some("example")),
        other => matches!(other.word(), Some("example" | "rest" | "everything")),
    };
    match settings.get(parameter) {
        Static::List(items) => items.iter().any(is),
        Static::None => true,
        other => is(other),
    }
}

impl Gathered {
    /// Returns whether any of the cells is one number per example.
    pub fn per_example(&self) -> bool {
        self.cells.iter().any(|(_, c)| matches!(c, Cell::Scores(_)))
    }

    /// Returns the cells of an input with inner axes averaged out first: bins of each run before runs. The cells as they are where no
    /// axis of the input nests in another, and where there is one number for each example.
    pub fn averaged(&self, input: &Labelled) -> Result<Gathered, Failure> {
        let all: Vec<usize> = (0..input.axes.len()).collect();
        let levels = LabelledAxis::inner_first(&input.axes, &all);
        if levels.is_empty() || self.per_example() {
            return Ok(self.clone());
        }
        let mut numbers: Vec<(Vec<usize>, Number)> = Vec::with_capacity(self.cells.len());
        for (place, cell) in &self.cells {
            numbers.push((position(input, *place), cell.number().ok_or_else(|| not_a_number(cell))?));
        }
        for level in levels {
            let mut groups: BTreeMap<Vec<usize>, Sample> = BTreeMap::new();
            for (mut at, number) in numbers {
                level.iter().for_each(|axis| at[*axis] = 0);
                groups.entry(at).or_default().push(number);
            }
            numbers = groups.into_iter().filter_map(|(at, sample)| sample.as_unit().map(|n| (at, n))).collect();
        }
        Ok(Gathered { cells: numbers.into_iter().map(|(_, n)| Cell::Number(n)).enumerate().collect(), ..self.clone() })
    }

    /// Returns all numbers in one sample, examples included.
    pub fn pooled(&self) -> Result<Sample, Failure> {
        let mut sample = Sample { absent: self.absent, ..Sample::default() };
        let per_example = self.per_example();
        for (k, (_, cell)) in self.cells.iter().enumerate() {
            match cell {
                Cell::Scores(s) if self.cells.len() > 1 => sample.extend_scores(k as u32, s),
                Cell::Scores(s) => s.values.iter().for_each(|v| sample.push_value(*v)),
                other if per_example => return Err(mixed(other)),
                other => sample.push(other.number().ok_or_else(|| not_a_number(other))?),
            }
        }
        Ok(sample)
    }

    /// Returns one number for each example, made by `of` from the sample of its numbers in all cells; numbers without examples
    /// count for each of them.
    pub fn each(&self, cx: &dyn Context, mut of: impl FnMut(&Sample) -> f64) -> Result<Scores, Failure> {
        let scores: Vec<&Scores> =
            self.cells.iter().filter_map(|(_, c)| if let Cell::Scores(s) = c { Some(s.as_ref()) } else { None }).collect();
        let aligned = align(&scores)?;
        tell_dropped(cx, &aligned);
        let mut values = Vec::with_capacity(aligned.ids.len());
        let mut sample = Sample::default();
        for row in 0..aligned.ids.len() {
            sample.clear(self.absent);
            let mut which = 0;
            for (_, cell) in &self.cells {
                match cell {
                    Cell::Scores(s) => {
                        sample.push_value(aligned.value(s, which, row));
                        which += 1;
                    }
                    other => sample.push(other.number().ok_or_else(|| not_a_number(other))?),
                }
            }
            values.push(of(&sample));
        }
        Ok(aligned.scores(values))
    }

    /// Returns the failure for an input none of whose cells is there.
    pub fn nothing(&self) -> Failure {
        Failure::Absent(match (&self.reason, self.absent) {
            (Some(why), 1) => why.clone(),
            (Some(why), n) => format!("all {n} values are absent: {why}"),
            (None, _) => "no values".to_string(),
        })
    }
}

/// Returns the failure for a word where a number is needed.
pub fn not_a_number(cell: &Cell) -> Failure {
    Failure::new(format!("there is a {} where a number is needed", cell.word()))
}

/// Returns the failure for a number among scores.
fn mixed(cell: &Cell) -> Failure {
    Failure::new(format!("a {} stands among numbers per example: they cannot be pooled", cell.word()))
        .help("reduce over `example` first, then over the other axes")
}

/// Tells how many examples were left out because they are not in all cells.
pub fn tell_dropped(cx: &dyn Context, aligned: &Aligned) {
    if aligned.dropped > 0 {
        cx.progress(1, 1, &[("examples dropped", aligned.dropped as f64)]);
    }
}

/// Returns what a pass over all numbers of the inputs takes, with `each` seconds a number.
pub fn pass_cost(inputs: &[KnownInput], each: f64) -> Cost {
    let numbers: usize = inputs.iter().flat_map(|(_, f)| f.iter()).map(|f| f.rows.unwrap_or(1)).sum();
    Cost { seconds: 1e-6 + each * numbers as f64, memory: 16.0 * numbers as f64, disk: 0.0 }
}
