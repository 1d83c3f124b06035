//! Parts of values: a member of a record, a column of a table, an element of a list.

use super::settings::{FieldSettings, PickSettings};
use crate::engine::kernel::{Context, Failure, Job, Kernel, mismatch};
use crate::engine::value::{Column, Number, Scores, Table, Value};
use crate::lang::Settings;
use crate::lang::suggest::nearest_or_list;
use crate::plan::facts::{Facts, KnownInput, Planned, Policy, Problem, Shape, known};
use crate::plan::files::Files;
use crate::plan::units::unit;
use std::sync::Arc;

/// `field`.
struct Field;

/// `pick`.
struct Pick;

/// Returns the kernels of this file.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![("field", Box::new(Field)), ("pick", Box::new(Pick))]
}

/// Returns the value, an absent one as the reason for having none.
fn present(value: &Value) -> Result<Value, Failure> {
    match value {
        Value::Absent(why) => Err(Failure::Absent(why.clone())),
        other => Ok(other.clone()),
    }
}

/// What to do where a column holds words.
const WORDS: &str = "name a column of numbers; figures take columns of words by name: `x: class`";

/// Returns the failure for a name that is not there.
fn unknown(name: &str, what: &str, names: Vec<&str>) -> Failure {
    Failure::new(format!("there is no {what} `{name}`")).help(format!("it has {}", names.join(", ")))
}

/// Returns a column: one number for each row, or, where the rows are places of an axis, a list with one element a row.
fn column(table: &Table, name: &str, listed: bool) -> Result<Value, Failure> {
    let found = table.columns.iter().find(|(n, _)| n == name).map(|(_, c)| c);
    match found {
        None => Err(unknown(name, "column", table.columns.iter().map(|(n, _)| n.as_str()).collect())),
        Some(Column::Numbers(x)) if !listed => Ok(Value::Scores(Arc::new(Scores::of_rows(x.clone())))),
        Some(Column::Texts(_)) if !listed => {
            Err(Failure::new(format!("the column `{name}` holds words, not numbers")).help(WORDS))
        }
        Some(Column::Numbers(x)) => {
            let one = |v: &f64| {
                if v.is_nan() { Value::Absent("no number here".to_string()) } else { Value::Number(Number::new(*v, None, None)) }
            };
            Ok(Value::List(x.iter().map(one).collect()))
        }
        Some(Column::Texts(x)) => Ok(Value::List(x.iter().cloned().map(Value::Word).collect())),
    }
}

impl Planned for Field {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let Some(of) = known(inputs, "x") else { return Ok(Facts::default()) };
        let FieldSettings { name, rows } = FieldSettings::read(settings);
        if of.columns.is_some() && of.texts.contains(&name) && rows.is_none_or(|r| r.is_empty()) {
            return Err(Problem {
                code: "cfx::type::argument",
                parameter: None,
                message: format!("the column `{name}` holds words, not numbers"),
                help: Some(WORDS.to_string()),
            });
        }
        if let Some(columns) = of.columns.as_ref().filter(|c| !c.contains(&name)) {
            let names: Vec<&str> = columns.iter().map(String::as_str).collect();
            return Err(Problem {
                code: "cfx::name::no_field",
                parameter: None,
                message: format!("the table has no column `{name}`"),
                help: Some(nearest_or_list(&name, &names)),
            });
        }
        let unit = unit(&of.units, &name).map(|u| (String::new(), u.to_string()));
        let columns = of.tables.iter().find(|(part, _)| *part == name).map(|(_, columns)| columns.clone());
        let words = of.words.clone();
        let inside = |text: &String| Some(text.strip_prefix(&name)?.strip_prefix('.')?.to_string());
        let texts = of.texts.iter().filter_map(inside).collect();
        Ok(Facts { classes: of.classes.clone(), units: unit.into_iter().collect(), columns, texts, words, ..Facts::default() })
    }
}

impl Kernel for Field {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let FieldSettings { name, rows } = FieldSettings::read(&job.settings);
        let name = name.as_str();
        match job.input("x") {
            Some(Value::Record(parts)) => match parts.iter().find(|(n, _)| n == name) {
                Some((_, value)) => present(value),
                None => Err(unknown(name, "member", parts.iter().map(|(n, _)| n.as_str()).collect())),
            },
            Some(Value::Table(table)) => column(table, name, rows.is_some_and(|r| !r.is_empty())),
            // Members of an operation that keeps an axis: the member of each element.
            Some(Value::List(items)) => {
                let one = |v: &Value| match v {
                    Value::Record(parts) => parts
                        .iter()
                        .find(|(n, _)| n == name)
                        .map_or_else(|| Value::Absent(format!("no `{name}` here")), |(_, v)| v.clone()),
                    Value::Absent(why) => Value::Absent(why.clone()),
                    other => Value::Absent(format!("a {} has no members", other.word())),
                };
                Ok(Value::List(items.iter().map(one).collect()))
            }
            other => Err(mismatch("x", "record or table", other)),
        }
    }
}

impl Planned for Pick {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    /// No value that a script names is a list: the plan itself picks what operations keep of an axis.
    fn fits(&self, _settings: &Settings, _shapes: &[Shape]) -> Result<(), Problem> {
        Err(Problem {
            code: "cfx::analysis::axis",
            parameter: None,
            message: "`pick` takes an element of a list, and no value of a script is one".to_string(),
            help: Some("select a coordinate: `x[axis: coordinate]`".to_string()),
        })
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let Some(of) = known(inputs, "x") else { return Ok(Facts::default()) };
        let (classes, units, words, shared) = (of.classes.clone(), of.units.clone(), of.words.clone(), of.shared.clone());
        Ok(Facts { classes, units, words, shared, ..Facts::default() })
    }
}

impl Kernel for Pick {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        match job.input("x") {
            Some(Value::List(items)) => {
                let index = PickSettings::read(&job.settings).index;
                let none = || {
                    let count = items.len();
                    Failure::Absent(match job.at.last() {
                        Some((axis, epoch)) if axis == "epoch" => {
                            format!("training ends after epoch {count}, before epoch {epoch}")
                        }
                        _ => format!("there are only {count} values here, none at {index}"),
                    })
                };
                present(items.get(index).ok_or_else(none)?)
            }
            other => Err(mismatch("x", "list", other)),
        }
    }
}
