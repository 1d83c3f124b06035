//! Quantifiers: whether all or any of several truth values hold, and what share of them does.

use super::drawn::{error_of_mean, independent};
use super::gather::{Cell, Gathered, gather, labelled, pass_cost, place_in_words, position};
use super::reduce::keep_classes;
use super::refuse;
use super::sample::{Sample, Statistic};
use super::settings::{At, Over, ReduceSettings, ShareSettings};
use super::words;
use crate::base::statistics::{clustered_share_error, mean, share_error};
use crate::engine::kernel::{Context, Failure, Job, Kernel};
use crate::engine::value::{Number, Scores, Truth, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, Shape};
use crate::plan::files::Files;
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
    /// How many hold, and how many do not, by measurements whose errors nobody knows.
    unknown: [usize; 2],
    /// Those that hold, in words.
    held_words: Vec<String>,
    /// Those that do not hold, in words.
    failed_words: Vec<String>,
}

impl Tally {
    /// Returns the tallies of what was gathered.
    fn of(gathered: &Gathered) -> Result<Tally, Failure> {
        let mut t = Tally::default();
        for (place, cell) in &gathered.cells {
            match cell {
                Cell::Truth(truth) => {
                    let at = place_in_words(&gathered.axes, *place);
                    let words = if at.is_empty() { truth.text.clone() } else { format!("{at}: {}", truth.text) };
                    t.add(truth.holds, truth.within_error, words);
                    t.unknown[!truth.holds as usize] += truth.no_error as usize;
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
        let (holds, example) = match self {
            Quantifier::All if failed == 0 => (true, String::new()),
            Quantifier::All => (false, format!("; not for {}", some_of(&t.failed_words, failed))),
            Quantifier::Any if t.held > 0 => (true, format!(": for {}", some_of(&t.held_words, t.held))),
            Quantifier::Any => (false, String::new()),
        };
        // Where one decides, all that decide must be in doubt; where all are needed, one in doubt is enough.
        let doubted = |held: usize, not: usize| match (self, holds) {
            (Quantifier::All, true) => held > 0,
            (Quantifier::All, false) => not == failed,
            (Quantifier::Any, true) => held == t.held,
            (Quantifier::Any, false) => not > 0,
        };
        let (within_error, no_error) = (doubted(t.held_unsure, t.failed_unsure), doubted(t.unknown[0], t.unknown[1]));
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
        Truth { holds, within_error, no_error, text }
    }
}

impl Planned for Quantifier {
    /// 2: outcomes of examples remember what they were taken over.
    fn version(&self) -> u32 {
        2
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-7)
    }
}

impl Kernel for Quantifier {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let over = ReduceSettings::read(&job.settings).over;
        let gathered = gather(job, "x")?;
        if gathered.cells.is_empty() {
            return Err(gathered.nothing());
        }
        if gathered.per_example() && !over.examples {
            return Ok(Value::Scores(Arc::new(gathered.quantified(cx, matches!(self, Quantifier::All))?)));
        }
        let tally = Tally::of(&gathered)?;
        if tally.n == 0 {
            return Err(Failure::Absent("no example has a truth value here".to_string()));
        }
        Ok(Value::Truth(self.truth(&tally, gathered.absent)))
    }
}

impl Planned for Share {
    /// 3: its error is no smaller than that of a mean. 4: axes that are taken in together are crossed. 5: errors remember the examples that they come
    /// from, and what the outcomes of these err by together. 6: those over pairs and other axes remember the units.
    /// 7: their differences are paired, as those of means. 8: over pairs of several axes at once no error is known.
    fn version(&self) -> u32 {
        8
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        refuse::unlabelled(settings, shapes)
    }

    fn doubts(&self, _settings: &Settings, shapes: &[Shape]) -> Option<Problem> {
        refuse::shared_units("share", shapes)
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        match word(settings) {
            Some(word) => words::check(inputs, "x", &word, "of")?,
            None => {
                if let Some(known) = words::of(inputs, "x").filter(|w| !w.is_empty()) {
                    return Err(Problem {
                        code: "cfx::analysis::word",
                        parameter: None,
                        message: "a share of words needs the word".to_string(),
                        help: Some(format!("name it, as in `share(modes, of: {})`", known[0])),
                    });
                }
            }
        }
        Ok(keep_classes(inputs))
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-8)
    }
}

/// Returns the word that counts, where one is given.
fn word(settings: &Settings) -> Option<String> {
    ShareSettings::read(settings).of.filter(|w| w != "none")
}

/// Returns the share that the numbers of a sample other than 0 are, with its standard error; nothing of none. The error is no smaller than that
/// of the mean of the values (1 where one holds, else 0).
fn share_of(sample: &Sample) -> Option<Number> {
    let holds: Vec<f64> = sample.values.iter().map(|v| (*v != 0.0) as u8 as f64).collect();
    let (n, p) = (holds.len() as f64, mean(&holds));
    if n == 0.0 {
        return None;
    }
    let least = match sample.origins.is_empty() {
        true => share_error(p, n),
        false => {
            let of_mean = error_of_mean(&holds, &sample.origins);
            clustered_share_error(p, n, of_mean, independent(holds.len(), &sample.origins) as f64)
        }
    };
    Some(Sample { values: holds, ..sample.clone() }.mean_of_at_least(least))
}

/// Turns words into whether they are the one that counts.
fn counted(gathered: &mut Gathered, of: Option<&str>) -> Result<(), Failure> {
    for (_, cell) in &mut gathered.cells {
        let holds = match (&*cell, of) {
            (Cell::Truth(_) | Cell::Scores(_), None) => continue,
            (Cell::Word(w), Some(word)) => w == word,
            (Cell::Word(_), None) => {
                return Err(Failure::new("a share of words needs the word").help("name it, as in `share(modes, of: high)`"));
            }
            (other, _) => {
                return Err(Failure::new(format!("there is a {} where a truth or a word is needed", other.word())));
            }
        };
        *cell = Cell::Number(Number::exact(holds as u8 as f64));
    }
    Ok(())
}

impl Kernel for Share {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let Over { examples } = ShareSettings::read(&job.settings).over;
        let mut gathered = gather(job, "x")?;
        if gathered.cells.is_empty() {
            return Err(gathered.nothing());
        }
        counted(&mut gathered, word(&job.settings).as_deref())?;
        let seen = seen_by_examples(job, &gathered)?;
        let by_classes = seen.is_some();
        let gathered = seen.unwrap_or(gathered);
        if gathered.per_example() && !examples && !by_classes {
            let holds = |v: &f64| if v.is_nan() { f64::NAN } else { (*v != 0.0) as u8 as f64 };
            let mut truths = gathered;
            for (_, cell) in &mut truths.cells {
                if let Cell::Scores(s) = cell {
                    *cell = Cell::Scores(Arc::new(Scores { values: s.values.iter().map(holds).collect(), ..Scores::clone(s) }));
                }
            }
            return Ok(Value::Scores(Arc::new(truths.mean_of_each(cx)?)));
        }
        let nothing = || match by_classes {
            true => Failure::Absent("no example of these classes here".to_string()),
            false => Failure::Absent("no example has a truth value here".to_string()),
        };
        let within = |g: &Gathered| g.inner_first(&share_of);
        if gathered.chosen_anew() {
            let shares = gathered.at_outer(|g| Ok(share_of(&within(g)?.pooled()?)))?.pooled()?;
            return shares.statistic(Statistic::Mean).map(Value::Number).ok_or_else(nothing);
        }
        let reduced = within(&gathered)?;
        // Shares of inner axes are numbers between 0 and 1, of which the mean is taken; truth values are counted.
        let inner = !gathered.per_example() && gathered.cells.len() != reduced.cells.len();
        let sample = reduced.pooled()?;
        let found = if inner { sample.statistic(Statistic::Mean) } else { share_of(&sample) };
        found.map(Value::Number).ok_or_else(nothing)
    }
}

/// Returns a value over classes as the examples of the data sets in `by:` see it: for each of the other places, whether it holds for the
/// class of each example. Nothing where the value has no axis of classes, or `by:` no data sets.
fn seen_by_examples(job: &Job, gathered: &Gathered) -> Result<Option<Gathered>, Failure> {
    let class = gathered.axes.iter().position(|a| a.role == "class");
    let slots: Vec<String> = At::all(&job.settings).into_iter().map(|(s, _)| s).filter(|s| job.labelled(s).is_some()).collect();
    let (Some(class), false, false) = (class, slots.is_empty(), gathered.per_example()) else { return Ok(None) };
    let rest: Vec<usize> = (0..gathered.axes.len()).filter(|a| *a != class).collect();
    let mut out = Gathered { absent: 0, cells: Vec::new(), units: Vec::new(), ..gathered.clone() };
    for group in gathered.groups(&rest) {
        let Some((first, _)) = group.cells.first() else { continue };
        let at = position(&gathered.axes, *first);
        let mut holds: Vec<Option<bool>> = vec![None; gathered.axes[class].coordinates.len()];
        for (place, cell) in &group.cells {
            holds[position(&gathered.axes, *place)[class]] = cell.number().map(|n| n.value != 0.0);
        }
        let Some((ids, labels)) = examples_at(job, &slots, gathered, &at)? else {
            out.absent += 1;
            continue;
        };
        let value = |l: &u32| holds.get(*l as usize).copied().flatten().map_or(f64::NAN, |h| h as u8 as f64);
        let scores = Scores { values: labels.iter().map(value).collect(), ids: Arc::new(ids), ..Scores::default() };
        out.cells.push((*first, Cell::Scores(Arc::new(scores))));
        out.units.extend(group.units.first());
    }
    // Whether the data sets lie over axes of the value was found by `gather`, which restricts examples only.
    Ok(Some(out))
}

/// Returns the examples, with their labels, that are in the data sets of all slots at a place; `None` if one of these is absent.
fn examples_at(job: &Job, slots: &[String], gathered: &Gathered, at: &[usize]) -> Result<Option<(Vec<u32>, Vec<u32>)>, Failure> {
    let mut kept: Option<Vec<(u32, u32)>> = None;
    for slot in slots {
        let input = labelled(job, slot)?;
        let mut place = 0;
        for own in &input.axes {
            let text = gathered.axes.iter().zip(at).find(|(a, _)| a.name == own.name).map(|(a, i)| &a.coordinates[*i]);
            let Some(i) = text.and_then(|t| own.coordinates.iter().position(|c| c == t)) else { return Ok(None) };
            place = place * own.coordinates.len() + i;
        }
        let data = match &input.values[place] {
            Value::Dataset(d) => d,
            Value::Absent(_) => return Ok(None),
            other => return Err(crate::engine::kernel::mismatch(slot, "dataset", Some(other))),
        };
        let mut here: Vec<(u32, u32)> = data.ids.iter().copied().zip(data.labels.iter().copied()).collect();
        if let Some(before) = kept {
            let mut ids: Vec<u32> = before.iter().map(|(id, _)| *id).collect();
            ids.sort_unstable();
            here.retain(|(id, _)| ids.binary_search(id).is_ok());
        }
        kept = Some(here);
    }
    Ok(kept.map(|k| k.into_iter().unzip()))
}
