//! Quantifiers: whether all or any of several truth values hold, and what share of them does.

use super::gather::{Cell, Gathered, gather, pass_cost, place_in_words, position, takes_examples};
use crate::engine::kernel::{Context, Failure, Job, Kernel, Labelled, mismatch};
use crate::engine::value::{Number, Truth, Value};
use crate::lang::{Settings, Static};
use crate::plan::facts::{Cost, KnownInput, Planned, Policy};
use std::sync::Arc;

/// `all` and `any`.
#[derive(Clone, Copy)]
enum Quantifier {
    All,
    Any,
}

/// `share`.
struct Share;

/// How many coordinates a text names before it says how many more there are.
const NAMED: usize = 3;

/// Returns the kernels of this file.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![("all", Box::new(Quantifier::All)), ("any", Box::new(Quantifier::Any)), ("share", Box::new(Share))]
}

/// Tallies of truth values.
#[derive(Default)]
struct Tally {
    /// How many there are.
    n: usize,
    /// How many hold.
    held: usize,
    /// How many hold, within error.
    held_unsure: usize,
    /// How many do not hold, within error.
    failed_unsure: usize,
    /// Those that hold, in words.
    held_words: Vec<String>,
    /// Those that do not hold, in words.
    failed_words: Vec<String>,
}

impl Tally {
    /// Returns the tallies of what was gathered.
    fn of(gathered: &Gathered, input: &Labelled) -> Result<Tally, Failure> {
        let mut t = Tally::default();
        for (place, cell) in &gathered.cells {
            match cell {
                Cell::Truth(truth) => {
                    let at = place_in_words(input, *place);
                    let words = if at.is_empty() { truth.text.clone() } else { format!("{at}: {}", truth.text) };
                    t.add(truth.holds, truth.within_error, words);
                }
                Cell::Scores(s) => {
                    for (value, id) in s.values.iter().zip(s.ids.iter()).filter(|(v, _)| !v.is_nan()) {
                        t.add(*value != 0.0, false, format!("example {id}"));
                    }
                }
                other => return Err(Failure::new(format!("there is a {} where a truth is needed", other.word()))),
            }
        }
        Ok(t)
    }

    /// Adds one truth value.
    fn add(&mut self, holds: bool, unsure: bool, words: String) {
        self.n += 1;
        self.held += holds as usize;
        let (count, list) =
            if holds { (&mut self.held_unsure, &mut self.held_words) } else { (&mut self.failed_unsure, &mut self.failed_words) };
        *count += unsure as usize;
        if list.len() <= NAMED {
            list.push(words);
        }
    }
}

/// Returns the first few of many in words.
fn some_of(words: &[String], many: usize) -> String {
    let shown = words.len().min(NAMED);
    let more = if many > shown { format!("; and {} more", many - shown) } else { String::new() };
    format!("{}{more}", words[..shown].join("; "))
}

impl Quantifier {
    /// Returns the outcome of tallies.
    fn truth(self, t: &Tally, absent: usize) -> Truth {
        let failed = t.n - t.held;
        let (holds, within_error, example) = match self {
            Quantifier::All if failed == 0 => (true, t.held_unsure > 0, String::new()),
            Quantifier::All => (false, t.failed_unsure == failed, format!("; not for {}", some_of(&t.failed_words, failed))),
            Quantifier::Any if t.held > 0 => (true, t.held_unsure == t.held, format!(": for {}", some_of(&t.held_words, t.held))),
            Quantifier::Any => (false, t.failed_unsure > 0, String::new()),
        };
        let mut text = match (t.n, t.held) {
            (1, _) => t.held_words.iter().chain(&t.failed_words).next().cloned().unwrap_or_default(),
            (n, held) if n == held => format!("held in all {n}"),
            (n, 0) => format!("held in none of {n}"),
            (n, held) => format!("held in {held} of {n}"),
        };
        if t.n > 1 {
            text.push_str(&example);
        }
        match t.held_unsure + t.failed_unsure {
            0 => {}
            _ if t.n == 1 => {}
            k => text.push_str(&format!(" ({k} within error)")),
        }
        if absent > 0 {
            text.push_str(&format!(" ({absent} absent)"));
        }
        Truth { holds, within_error, text }
    }
}

impl Planned for Quantifier {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-7)
    }
}

impl Kernel for Quantifier {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let gathered = gather(job, "x")?;
        let input = job.labelled("x").ok_or_else(|| mismatch("x", "truth", None))?;
        if gathered.cells.is_empty() {
            return Err(gathered.nothing());
        }
        if gathered.per_example() && !takes_examples(&job.settings, "over") {
            let scores = gathered.each(cx, |s| match self {
                _ if s.is_empty() => f64::NAN,
                Quantifier::All => s.values.iter().all(|v| *v != 0.0) as u8 as f64,
                Quantifier::Any => s.values.iter().any(|v| *v != 0.0) as u8 as f64,
            })?;
            return Ok(Value::Scores(Arc::new(scores)));
        }
        let tally = Tally::of(&gathered, input)?;
        if tally.n == 0 {
            return Err(Failure::Absent("no example has a truth value here".to_string()));
        }
        Ok(Value::Truth(self.truth(&tally, gathered.absent)))
    }
}

impl Planned for Share {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-8)
    }
}

/// Returns the share of `held` in `n` with its standard error.
///
/// The error is that of Agresti & Coull (1998): sqrt(p (1 - p) / (n + 4)) at p = (held + 2) / (n + 4), which does not vanish where
/// all or none hold.
pub fn proportion(held: u64, n: u64) -> Number {
    let (k, m) = (held as f64 + 2.0, n as f64 + 4.0);
    let p = k / m;
    Number { value: held as f64 / n as f64, error: Some((p * (1.0 - p) / m).sqrt()), count: Some(n) }
}

/// Returns whether an entry counts towards the share.
fn counts(cell: &Cell, of: Option<&str>) -> Result<bool, Failure> {
    match (cell, of) {
        (Cell::Truth(t), None) => Ok(t.holds),
        (Cell::Word(w), Some(word)) => Ok(w == word),
        (Cell::Word(_), None) => {
            Err(Failure::new("a share of words needs the word").help("name it, as in `share(modes, of: high)`"))
        }
        (other, _) => Err(Failure::new(format!("there is a {} where a truth or a word is needed", other.word()))),
    }
}

impl Kernel for Share {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let input = job.labelled("x").ok_or_else(|| mismatch("x", "truth or group", None))?;
        let of = match job.settings.get("of") {
            Static::None => None,
            other => other.word().filter(|w| *w != "none"),
        };
        let class_axis = input.axes.iter().position(|a| a.role == "class");
        let by_sets = job.labelled("by").is_some() && *job.settings.get("by.1") == Static::None;
        if let (Some(axis), true) = (class_axis, by_sets) {
            return weighted(job, input, axis, of);
        }
        let gathered = gather(job, "x")?;
        if gathered.cells.is_empty() {
            return Err(gathered.nothing());
        }
        if gathered.per_example() {
            if !takes_examples(&job.settings, "over") {
                let share = |v: &[f64]| v.iter().filter(|x| **x != 0.0).count() as f64 / v.len() as f64;
                return Ok(Value::Scores(Arc::new(gathered.each(cx, |s| share(&s.values))?)));
            }
            let sample = gathered.pooled()?;
            if sample.is_empty() {
                return Err(Failure::Absent("no example has a truth value here".to_string()));
            }
            return Ok(Value::Number(proportion(
                sample.values.iter().filter(|v| **v != 0.0).count() as u64,
                sample.len() as u64,
            )));
        }
        let mut held = 0;
        for (_, cell) in &gathered.cells {
            held += counts(cell, of)? as u64;
        }
        Ok(Value::Number(proportion(held, gathered.cells.len() as u64)))
    }
}

/// Returns the share of a data set's examples whose class counts: a value over classes, seen through the data set in `by`.
fn weighted(job: &Job, input: &Labelled, axis: usize, of: Option<&str>) -> Result<Value, Failure> {
    let data = job.dataset("by")?;
    let mut sizes = vec![0u64; input.axes[axis].coordinates.len()];
    for label in data.labels.iter() {
        if let Some(size) = sizes.get_mut(*label as usize) {
            *size += 1;
        }
    }
    let (mut held, mut n) = (0, 0);
    for (place, value) in input.values.iter().enumerate() {
        if let Ok(cell) = Cell::of("x", value)? {
            let size = sizes[position(input, place)[axis]];
            n += size;
            held += if counts(&cell, of)? { size } else { 0 };
        }
    }
    if n == 0 {
        return Err(Failure::Absent("no example of these classes here".to_string()));
    }
    Ok(Value::Number(proportion(held, n)))
}
