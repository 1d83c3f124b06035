//! Tidy tables of values over axes: one row a value, one column an axis.

use super::curves::coordinate;
use super::gather::{pass_cost, position};
use crate::engine::kernel::{Context, Failure, Job, Kernel, Labelled, mismatch};
use crate::engine::value::{Column, Scores, Table, Value};
use crate::lang::Settings;
use crate::lang::kind::Kind;
use crate::plan::facts::{Cost, KnownInput, Planned, Problem, Shape};
use std::sync::Arc;

/// `table`.
struct Tabulate;

/// Returns the kernels of this file.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![("table", Box::new(Tabulate))]
}

impl Planned for Tabulate {
    fn fits(&self, _settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        let held =
            |kind: &Kind| matches!(kind, Kind::Number { .. } | Kind::Truth { .. } | Kind::Group | Kind::Table | Kind::Record(_));
        for shape in shapes {
            let Kind::Record(fields) = shape.kind else { continue };
            if let Some((name, _)) = fields.iter().find(|(_, kind)| !held(kind)) {
                let rest: Vec<String> = fields.iter().filter(|(_, k)| held(k)).map(|(n, _)| format!("`.{n}`")).collect();
                return Err(Problem {
                    code: "cfx::type::argument",
                    parameter: None,
                    message: format!("the part `{name}` of this record is not a number, word or table, so no table can hold it"),
                    help: Some(format!("give it one of the other parts: {}", rest.join(", "))),
                });
            }
        }
        Ok(())
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        Cost { disk: 1e3, ..pass_cost(inputs, 1e-6) }
    }
}

/// A field of a row.
#[derive(Clone)]
enum Field {
    Number(f64),
    Text(String),
}

/// Rows that grow column by column as fields turn up.
#[derive(Default)]
struct Rows {
    /// Columns in order of first appearance; a row without a field has none there.
    columns: Vec<(String, Vec<Option<Field>>)>,
    /// Rows so far.
    count: usize,
}

impl Rows {
    /// Adds a row.
    fn push(&mut self, fields: Vec<(String, Field)>) {
        for (name, field) in fields {
            let at = match self.columns.iter().position(|(n, _)| *n == name) {
                Some(at) => at,
                None => {
                    self.columns.push((name, Vec::new()));
                    self.columns.len() - 1
                }
            };
            let column = &mut self.columns[at].1;
            column.resize(self.count, None);
            column.push(Some(field));
        }
        self.count += 1;
    }

    /// Returns the table: a column is of numbers where all its fields are, else of texts; what is missing is NaN or empty.
    fn table(self) -> Table {
        let count = self.count;
        let columns = self.columns.into_iter().map(|(name, mut fields)| {
            fields.resize(count, None);
            let text = fields.iter().any(|f| matches!(f, Some(Field::Text(_))));
            let column = if text {
                Column::Texts(fields.into_iter().map(|f| f.map_or_else(String::new, Field::text)).collect())
            } else {
                let number = |f: Option<Field>| if let Some(Field::Number(x)) = f { x } else { f64::NAN };
                Column::Numbers(fields.into_iter().map(number).collect())
            };
            (name, column)
        });
        Table { columns: columns.collect() }
    }
}

impl Field {
    /// Returns the field as text.
    fn text(self) -> String {
        match self {
            Field::Number(x) => x.to_string(),
            Field::Text(t) => t,
        }
    }
}

/// Returns the coordinates of a place as fields: numbers where every coordinate of the axis is one.
fn coordinates(input: &Labelled, place: usize) -> Vec<(String, Field)> {
    let at = position(&input.axes, place);
    let field = |(axis, i): (&crate::plan::graph::LabelledAxis, usize)| {
        let numeric = axis.role != "class" && axis.coordinates.iter().all(|c| coordinate(c).is_some());
        let text = &axis.coordinates[i];
        let field = match coordinate(text) {
            Some(x) if numeric => Field::Number(x),
            _ => Field::Text(text.clone()),
        };
        (axis.name.clone(), field)
    };
    input.axes.iter().zip(at).map(field).collect()
}

/// Adds the rows of a value below the given fields; `name` is the column of the value itself.
fn add(rows: &mut Rows, before: Vec<(String, Field)>, name: &str, value: &Value) -> Result<(), Failure> {
    match value {
        Value::Scores(s) => {
            for (i, id) in s.ids.iter().enumerate() {
                let mut row = before.clone();
                let (what, number) = Scores::named(*id);
                row.push((what.to_string(), Field::Number(number as f64)));
                if let Some(label) = s.labels.get(i) {
                    let class = s.classes.get(*label as usize).map_or_else(|| label.to_string(), String::clone);
                    row.push(("class".to_string(), Field::Text(class)));
                }
                row.push((name.to_string(), Field::Number(s.values[i])));
                rows.push(row);
            }
        }
        Value::List(items) => {
            for (i, item) in items.iter().enumerate() {
                let mut row = before.clone();
                row.push(("index".to_string(), Field::Number(i as f64)));
                add(rows, row, name, item)?;
            }
        }
        Value::Table(table) => {
            for i in 0..table.rows() {
                let mut row = before.clone();
                for (column, cells) in &table.columns {
                    let taken = before.iter().any(|(n, _)| n == column);
                    let column = if taken { format!("{column}_value") } else { column.clone() };
                    row.push((column, cell(cells, i)));
                }
                rows.push(row);
            }
        }
        Value::Record(parts) if parts.iter().any(|(_, v)| matches!(v, Value::Scores(_) | Value::List(_) | Value::Table(_))) => {
            // Parts that have rows of their own: one below the other, named by a column.
            for (part, v) in parts {
                let mut row = before.clone();
                row.push(("part".to_string(), Field::Text(part.clone())));
                add(rows, row, name, v)?;
            }
        }
        Value::Record(parts) => {
            let mut row = before;
            for (part, v) in parts {
                row.extend(single(part, v, &format!("{part}_"))?);
            }
            rows.push(row);
        }
        other => {
            let mut row = before;
            row.extend(single(name, other, "")?);
            rows.push(row);
        }
    }
    Ok(())
}

/// Returns a cell of a column.
fn cell(column: &Column, row: usize) -> Field {
    match column {
        Column::Numbers(x) => Field::Number(x.get(row).copied().unwrap_or(f64::NAN)),
        Column::Texts(x) => Field::Text(x.get(row).cloned().unwrap_or_default()),
    }
}

/// Returns the fields of a value that takes one row.
fn single(name: &str, value: &Value, prefix: &str) -> Result<Vec<(String, Field)>, Failure> {
    let of = |what: &str, field| (format!("{prefix}{what}"), field);
    Ok(match value {
        Value::Number(n) => {
            let mut out = vec![(name.to_string(), Field::Number(n.value))];
            out.extend(n.error.map(|e| of("error", Field::Number(e))));
            out.extend(n.count.map(|c| of("count", Field::Number(c as f64))));
            out
        }
        Value::Truth(t) => vec![
            (name.to_string(), Field::Text(t.holds.to_string())),
            of("within_error", Field::Text(t.within_error.to_string())),
            of("text", Field::Text(t.text.clone())),
        ],
        Value::Word(w) => vec![(name.to_string(), Field::Text(w.clone()))],
        Value::Absent(why) => vec![of("absent", Field::Text(why.clone()))],
        other => return Err(mismatch("x", "number, truth, group or table", Some(other))),
    })
}

impl Kernel for Tabulate {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let input = job.labelled("x").ok_or_else(|| mismatch("x", "number", None))?;
        let mut rows = Rows::default();
        for (place, value) in input.values.iter().enumerate() {
            add(&mut rows, coordinates(input, place), "value", value)?;
        }
        Ok(Value::Table(Arc::new(rows.table())))
    }
}
