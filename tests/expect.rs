//! Expectations: what a script of the suite says about itself in comments that begin with `#!`.
//!
//! One a line, anywhere in the script. `PLACE` is a declaration with all of its coordinates, in any order: `acc[frac: 20%, run: 0]`,
//! `"A claim's title"`; names of axes and coordinates as the plan shows them.
//!
//! | line | says |
//! | --- | --- |
//! | `#! set NAME = TEXT` | gives a parameter its value, as `--set` does |
//! | `#! type NAME : WORDS` | the type that `check --types` prints |
//! | `#! value PLACE = 3 [± 0.01]` | the number (a truth value is `true` or `false`, a word is itself) |
//! | `#! value PLACE in 0.8 .. 1` | the number lies between the two, both included |
//! | `#! error PLACE = 0.5 [± 0.01]` | its standard error; `none` where it carries none |
//! | `#! count PLACE = 3` | how many values it was made from |
//! | `#! scores PLACE = 1, 0, … [± 0.01]` | the first numbers of those per example, in order of ids |
//! | `#! column PLACE NAME = 1, 2, … [± 0.01]` | the first cells of a column of a table, or of the numbers that a figure draws |
//! | `#! rows PLACE = 12` | the number of examples of a data set, representation or score, or of the rows of a table or of a figure's numbers |
//! | `#! units PLACE = 8` | the number of columns of a representation |
//! | `#! unit PLACE = nats` | the unit of its numbers; `none` where they have none |
//! | `#! labels PLACE = 2, 0, 1` | the first labels of a data set or representation |
//! | `#! caption PLACE "part"` | the caption of a figure has these words |
//! | `#! written PLACE "words"` | a text of the picture is these words; `unwritten`: none is |
//! | `#! claim "TITLE" holds` | or `fails`, or `holds within error`, `fails within error`; `holds without a known error` |
//! | `#! absent PLACE "part of the reason"` | there is no value, for this reason |
//! | `#! failed PLACE "part of the message"` | the cell fails |
//! | `#! warning CODE` | at least one warning of this code; no other codes may be |
//! | `#! cells 12`, `#! cells train 3` | the number of cells of the plan, in all or of one operation |
//! | `#! same PLACE PLACE` | both are one cell; `differ`: they are two |
//! | `#! stream PLACE PLACE` | both draw from one random stream; `streams`: from two |

use crate::script::{Ran, declared, entry};
use cfx::api;
use cfx::base::Severity;
use cfx::engine::Value;
use cfx::engine::value::{Column, Truth};
use cfx::plan::graph::Entry;

/// Returns the expectations of a script: line number and text.
pub fn expectations(text: &str) -> Vec<(usize, String)> {
    text.lines()
        .enumerate()
        .filter_map(|(i, line)| line.trim().strip_prefix("#!").map(|rest| (i + 1, rest.trim().to_string())))
        .collect()
}

/// Returns the parameters that a script sets.
pub fn parameters(text: &str) -> Vec<(String, String)> {
    expectations(text)
        .iter()
        .filter_map(|(_, line)| line.strip_prefix("set ")?.split_once('='))
        .map(|(n, v)| (n.trim().to_string(), v.trim().to_string()))
        .collect()
}

/// Returns everything that is not as the script says.
pub fn failures(text: &str, ran: &Ran) -> Vec<String> {
    let mut out = Vec::new();
    let mut warnings: Vec<&str> = ran
        .checked
        .diags
        .0
        .iter()
        .chain(&ran.graph.warnings.0)
        .filter(|d| d.severity == Severity::Warning)
        .map(|d| d.code)
        .collect();
    for (line, words) in expectations(text) {
        if let Err(why) = one(&words, ran, &mut warnings) {
            out.push(format!("line {line}: {words}\n      {why}"));
        }
    }
    out.extend(warnings.iter().map(|w| format!("a warning that nothing expects: {w}")));
    out
}

fn one(words: &str, ran: &Ran, warnings: &mut Vec<&str>) -> Result<(), String> {
    let (what, rest) = words.split_once(char::is_whitespace).ok_or("an expectation has a word and what it is about")?;
    let mut text = Text(rest.trim());
    match what {
        "set" => Ok(()),
        "type" => {
            let (name, wanted) = rest.split_once(" : ").ok_or("write `type NAME : WORDS`")?;
            let types = api::types(&ran.checked.script);
            let found =
                types.iter().find(|(n, _)| n == name.trim().trim_matches('"')).ok_or(format!("nothing is called `{name}`"))?;
            equal(&found.1, wanted.trim())
        }
        "warning" => {
            let before = warnings.len();
            warnings.retain(|w| *w != rest.trim());
            if warnings.len() < before { Ok(()) } else { Err(format!("the warnings are {warnings:?}")) }
        }
        "cells" => {
            let (op, count) = match rest.trim().split_once(' ') {
                Some((op, count)) => (Some(op), count),
                None => (None, rest.trim()),
            };
            let found = ran.graph.cells.iter().filter(|c| op.is_none_or(|op| c.op == op)).count();
            equal(&found.to_string(), count.trim())
        }
        "same" | "differ" | "stream" | "streams" => {
            let (a, b) = (cell(&text.place(ran)?.1)?, cell(&text.place(ran)?.1)?);
            let same = match what {
                "same" | "differ" => a == b,
                _ => {
                    let (x, y) = (ran.graph.cells[a].stream, ran.graph.cells[b].stream);
                    if x.is_none() || y.is_none() {
                        return Err("one of them draws nothing".to_string());
                    }
                    x == y
                }
            };
            if same == matches!(what, "same" | "stream") {
                Ok(())
            } else {
                Err(format!("cells {a} and {b}: {}", if same { "equal" } else { "different" }))
            }
        }
        "unit" => {
            let id = cell(&text.place(ran)?.1)?;
            let units = &ran.graph.cells[id].facts.units;
            let found = units.iter().find(|(part, _)| part.is_empty()).map_or("none", |(_, unit)| unit.as_str());
            equal(found, text.0.trim().trim_start_matches('=').trim())
        }
        "claim" => {
            let (name, at) = text.place(ran)?;
            let truth = match ran.value(&at)? {
                Value::Truth(t) => t,
                other => return Err(format!("`{name}` is a {}", other.word())),
            };
            let found = format!(
                "{}{}",
                if truth.holds { "holds" } else { "fails" },
                if truth.within_error { " within error" } else { "" }
            );
            // Said only where it is asked for: most claims of tests are about numbers without errors.
            let unknown = if truth.no_error { " without a known error" } else { "" };
            let asked = text.0.trim().ends_with("without a known error");
            let found = if asked { format!("{found}{unknown}") } else { found };
            equal(&found, text.0.trim()).map_err(|e| format!("{e}: {}", truth.text))
        }
        _ => {
            let (_, at) = text.place(ran)?;
            let value = match (what, ran.value(&at)) {
                ("failed", Err(why)) => return contains(&why, text.quoted()?),
                ("failed", Ok(value)) => return Err(format!("it is {}", show(&value))),
                (_, value) => value?,
            };
            about(what, value, &mut text)
        }
    }
}

fn about(what: &str, value: Value, text: &mut Text) -> Result<(), String> {
    if let ("absent", Value::Absent(why)) = (what, &value) {
        return contains(why, text.quoted()?);
    }
    match what {
        "value" => {
            if let Some(range) = text.0.trim().strip_prefix("in ") {
                let (from, to) = range.split_once("..").ok_or("write `in 0.8 .. 1`")?;
                let (from, to) = (number(from)?, number(to)?);
                let found = plain(&value).ok_or_else(|| format!("it is {}", show(&value)))?;
                return if from <= found && found <= to { Ok(()) } else { Err(format!("it is {found}")) };
            }
            let wanted = text.after_equals()?;
            match (&value, plain(&value)) {
                (Value::Truth(t), _) => equal(&t.holds.to_string(), wanted.trim()),
                (Value::Word(w), _) => equal(w, wanted.trim()),
                (_, Some(found)) => near(&[found], wanted),
                _ => Err(format!("it is {}", show(&value))),
            }
        }
        "error" => match (&value, text.after_equals()?) {
            (Value::Number(n), "none") => n.error.map_or(Ok(()), |e| Err(format!("its error is {e}"))),
            (Value::Number(n), wanted) => near(&[n.error.ok_or("it has no error")?], wanted),
            _ => Err(format!("it is {}", show(&value))),
        },
        "count" => match &value {
            Value::Number(n) => equal(&format!("{:?}", n.count), &format!("Some({})", text.after_equals()?)),
            _ => Err(format!("it is {}", show(&value))),
        },
        "scores" => match &value {
            Value::Scores(s) => near(&s.values, text.after_equals()?),
            _ => Err(format!("it is {}", show(&value))),
        },
        "labels" => {
            let labels = match &value {
                Value::Dataset(d) => d.labels.clone(),
                Value::Stages(s) => s.labels.clone(),
                Value::Scores(s) => s.labels.clone(),
                _ => return Err(format!("it is {}", show(&value))),
            };
            near(&labels.iter().map(|l| *l as f64).collect::<Vec<_>>(), text.after_equals()?)
        }
        "rows" => {
            let found = match &value {
                Value::Dataset(d) => d.len(),
                Value::Stages(s) => s.x.nrows(),
                Value::Scores(s) => s.values.len(),
                Value::Table(t) => t.rows(),
                Value::Figure(f) => f.data.rows(),
                _ => return Err(format!("it is {}", show(&value))),
            };
            equal(&found.to_string(), text.after_equals()?)
        }
        "units" => match &value {
            Value::Stages(s) => equal(&s.x.ncols().to_string(), text.after_equals()?),
            _ => Err(format!("it is {}", show(&value))),
        },
        "column" => {
            let table = match &value {
                Value::Table(table) => table,
                Value::Figure(figure) => &figure.data,
                _ => return Err(format!("it is {}", show(&value))),
            };
            let (name, wanted) = text.0.split_once('=').ok_or("write `column PLACE NAME = …`")?;
            match table.columns.iter().find(|(n, _)| n == name.trim()) {
                Some((_, Column::Numbers(x))) => near(x, wanted.trim()),
                Some((_, Column::Texts(x))) => {
                    let wanted: Vec<&str> = wanted.split(',').map(str::trim).collect();
                    equal(&x[..wanted.len().min(x.len())].join(", "), &wanted.join(", "))
                }
                None => {
                    Err(format!("its columns are {}", table.columns.iter().map(|c| c.0.as_str()).collect::<Vec<_>>().join(", ")))
                }
            }
        }
        "caption" => match &value {
            Value::Figure(f) => contains(&f.caption, text.quoted()?),
            _ => Err(format!("it is {}", show(&value))),
        },
        "written" | "unwritten" => match &value {
            Value::Figure(f) => {
                let text = text.quoted()?;
                let there = f.svg.contains(&format!(">{text}</text>"));
                let said = || format!("its texts are {}", texts(&f.svg).join(" | "));
                if there == (what == "written") { Ok(()) } else { Err(said()) }
            }
            _ => Err(format!("it is {}", show(&value))),
        },
        "absent" => Err(format!("it is {}", show(&value))),
        _ => Err(format!("`{what}` is no expectation")),
    }
}

/// Returns the texts of a picture.
fn texts(svg: &str) -> Vec<&str> {
    svg.split("</text>").filter_map(|before| before.rsplit_once('>').map(|(_, text)| text)).filter(|t| !t.is_empty()).collect()
}

fn cell(entry: &Entry) -> Result<usize, String> {
    if let Entry::Cell(id) = entry { Ok(*id) } else { Err(format!("it is no cell: {entry:?}")) }
}

fn plain(value: &Value) -> Option<f64> {
    if let Value::Number(n) = value { Some(n.value) } else { None }
}

fn show(value: &Value) -> String {
    match value {
        Value::Absent(why) => format!("absent: {why}"),
        Value::Number(n) => format!("the number {}", n.value),
        Value::Truth(Truth { holds, text, .. }) => format!("{holds}: {text}"),
        Value::Scores(s) => format!("numbers per example: {:?}…", &s.values[..s.values.len().min(8)]),
        other => format!("a {}", other.word()),
    }
}

fn equal(found: &str, wanted: &str) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("it is {found}")) }
}

fn contains(found: &str, wanted: &str) -> Result<(), String> {
    if found.contains(wanted) { Ok(()) } else { Err(format!("it says: {found}")) }
}

fn number(text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| format!("`{}` is no number", text.trim()))
}

/// Compares the first of the numbers found with those wanted, `1, 2 ± 0.01`; without a tolerance to twelve digits.
fn near(found: &[f64], wanted: &str) -> Result<(), String> {
    let (list, tolerance) = match wanted.split_once('±') {
        Some((list, tolerance)) => (list, Some(number(tolerance)?)),
        None => (wanted, None),
    };
    let list = list.split(',').map(number).collect::<Result<Vec<_>, _>>()?;
    let shown = &found[..found.len().min(list.len())];
    let close = |x: f64, y: f64| (x - y).abs() <= tolerance.unwrap_or(1e-12 * y.abs().max(1e-300));
    if shown.len() == list.len() && shown.iter().zip(&list).all(|(x, y)| close(*x, *y)) {
        Ok(())
    } else {
        Err(format!("it is {shown:?}"))
    }
}

/// What is left of a line.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// Takes a place off the front: name or title, coordinates in brackets.
    fn place(&mut self, ran: &Ran) -> Result<(String, Entry), String> {
        let text = self.0.trim_start();
        let (name, rest) = match text.strip_prefix('"') {
            Some(quoted) => {
                let (name, rest) = quoted.split_once('"').ok_or("a title is not closed")?;
                (name, rest)
            }
            None => text.split_at(text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len())),
        };
        let (at, rest) = match rest.strip_prefix('[') {
            Some(inner) => inner.split_once(']').ok_or("a bracket is not closed")?,
            None => ("", rest),
        };
        let mut coordinates = Vec::new();
        for part in at.split(',').filter(|p| !p.trim().is_empty()) {
            let (axis, coordinate) = part.split_once(':').ok_or("write `[axis: coordinate]`")?;
            coordinates.push((axis.trim().to_string(), coordinate.trim().to_string()));
        }
        self.0 = rest;
        Ok((name.to_string(), entry(declared(&ran.graph, name)?, &coordinates)?))
    }

    fn after_equals(&self) -> Result<&'a str, String> {
        self.0.trim().strip_prefix('=').map(str::trim).ok_or_else(|| "write `= …`".to_string())
    }

    fn quoted(&self) -> Result<&'a str, String> {
        let text = self.0.trim();
        text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).ok_or_else(|| "write the words in quotes".to_string())
    }
}
