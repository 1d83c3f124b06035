//! Declared values as tidy tables (one row an observation, one column an axis or a value) and as arrays.

use super::numeric::numeric;
use crate::engine::value::{Column, Scores, Stages, Table, Value};
use crate::plan::graph::Declared;
use serde_json::{Value as Json, json};
use std::io;
use std::sync::Arc;

/// Tables with more rows than this are left to arrays.
pub const ROWS: usize = 2_000_000;

/// An array with named dimensions.
#[derive(Clone, Debug)]
pub struct NamedArray {
    /// Name of the file, without extension.
    pub name: String,
    /// Shape.
    pub shape: Vec<usize>,
    /// Numbers in row-major order; NaN where there is none.
    pub data: Vec<f64>,
    /// The dimensions: name, role, coordinates or their number.
    pub dims: Json,
    /// Ids of the examples, where a dimension is of examples.
    pub ids: Option<Arc<Vec<u32>>>,
}

/// Fills columns row by row; a column that begins late is filled up.
#[derive(Default)]
struct Builder {
    columns: Vec<(String, Column)>,
    rows: usize,
    /// Reasons of absence by row.
    absent: Vec<(usize, String)>,
}

impl Builder {
    fn number(&mut self, name: &str, x: f64) {
        match self.columns.iter_mut().find(|(n, _)| n == name) {
            Some((_, Column::Numbers(c))) => {
                c.resize(self.rows, f64::NAN);
                c.push(x);
            }
            Some((_, Column::Texts(c))) => {
                c.resize(self.rows, String::new());
                c.push(super::formats::cell(x));
            }
            None => {
                let mut column = vec![f64::NAN; self.rows];
                column.push(x);
                self.columns.push((name.to_string(), Column::Numbers(column)));
            }
        }
    }

    fn text(&mut self, name: &str, text: &str) {
        match self.columns.iter_mut().find(|(n, _)| n == name) {
            Some((_, column)) => {
                if let Column::Numbers(x) = column {
                    // A column of numbers in which a word turns up becomes one of texts.
                    *column = Column::Texts(x.iter().map(|v| super::formats::cell(*v)).collect());
                }
                if let Column::Texts(c) = column {
                    c.resize(self.rows, String::new());
                    c.push(text.to_string());
                }
            }
            None => {
                let mut column = vec![String::new(); self.rows];
                column.push(text.to_string());
                self.columns.push((name.to_string(), Column::Texts(column)));
            }
        }
    }

    fn end(&mut self) {
        self.rows += 1;
    }

    fn finish(mut self) -> Table {
        let rows = self.rows;
        for (_, column) in &mut self.columns {
            match column {
                Column::Numbers(c) => c.resize(rows, f64::NAN),
                Column::Texts(c) => c.resize(rows, String::new()),
            }
        }
        if !self.absent.is_empty() {
            let mut reasons = vec![String::new(); rows];
            for (row, why) in self.absent {
                reasons[row] = why;
            }
            self.columns.push(("absent".into(), Column::Texts(reasons)));
        }
        Table { columns: self.columns }
    }
}

/// The coordinates of an entry as leading columns.
enum Lead {
    Number(String, f64),
    Text(String, String),
}

/// Returns the tidy table of a declared value: one column for each axis, `example` and `class` for scores, then the values,
/// with `_se` and `_count` columns where there are any, and a column `absent` with reasons where values are.
///
/// Nothing for values that are no tables (data sets, densities, representations), and above [`ROWS`] rows.
pub fn tidy(declared: &Declared, values: &[Value]) -> Option<Table> {
    if values.iter().map(rows_of).sum::<usize>() > ROWS || values.iter().all(|v| rows_of(v) == 0) {
        return None;
    }
    if values.iter().all(|v| matches!(v, Value::Absent(_))) && !matches!(declared.keyword.as_str(), "analysis" | "claim" | "let")
    {
        return None;
    }
    let numbers: Vec<Option<Vec<f64>>> = declared.axes.iter().map(|a| numeric(&a.coordinates, &a.role).map(|(v, _)| v)).collect();
    let mut out = Builder::default();
    for (i, v) in values.iter().enumerate() {
        let places = places(declared, i);
        let lead: Vec<Lead> = declared
            .axes
            .iter()
            .zip(&places)
            .zip(&numbers)
            .map(|((axis, place), numbers)| match numbers {
                Some(n) => Lead::Number(axis.name.clone(), n.get(*place).copied().unwrap_or(f64::NAN)),
                None => Lead::Text(axis.name.clone(), axis.coordinates.get(*place).cloned().unwrap_or_default()),
            })
            .collect();
        emit(&mut out, &lead, &declared.name, v);
    }
    Some(out.finish())
}

/// Returns the place along each axis of an entry.
fn places(declared: &Declared, index: usize) -> Vec<usize> {
    let mut rest = index;
    let mut out = vec![0; declared.axes.len()];
    for (place, axis) in out.iter_mut().zip(declared.axes.iter()).rev() {
        let n = axis.coordinates.len().max(1);
        *place = rest % n;
        rest /= n;
    }
    out
}

fn rows_of(value: &Value) -> usize {
    match value {
        Value::Scores(s) => s.values.len(),
        Value::Number(_) | Value::Truth(_) | Value::Word(_) | Value::Absent(_) => 1,
        Value::Record(fields) => fields.iter().map(|(_, v)| rows_of(v)).max().unwrap_or(0),
        Value::List(items) => items.iter().map(rows_of).sum(),
        Value::Table(t) => t.rows(),
        Value::Model(m) => m.history.rows(),
        Value::Dataset(_) | Value::Stages(_) | Value::Figure(_) | Value::Pack(_) => 0,
    }
}

fn lead_in(out: &mut Builder, lead: &[Lead]) {
    for l in lead {
        match l {
            Lead::Number(name, x) => out.number(name, *x),
            Lead::Text(name, t) => out.text(name, t),
        }
    }
}

/// Returns the name of a value's column, other than those of the axes.
fn column(lead: &[Lead], owner: &str, name: &str) -> String {
    let taken = lead.iter().any(|l| matches!(l, Lead::Number(n, _) | Lead::Text(n, _) if n == name)) || matches!(name, "absent");
    if taken { format!("{owner}.{name}") } else { name.to_string() }
}

fn emit(out: &mut Builder, lead: &[Lead], name: &str, value: &Value) {
    match value {
        Value::Scores(s) => scores(out, lead, &[(name.to_string(), s.clone())], &[]),
        Value::Record(fields) => {
            let per_example: Vec<(String, Arc<Scores>)> = fields
                .iter()
                .filter_map(|(n, v)| if let Value::Scores(s) = v { Some((column(lead, name, n), s.clone())) } else { None })
                .collect();
            let rest: Vec<&(String, Value)> = fields.iter().filter(|(_, v)| !matches!(v, Value::Scores(_))).collect();
            match per_example.first() {
                Some((_, first)) => {
                    let same: Vec<_> = per_example.iter().filter(|(_, s)| s.ids == first.ids).cloned().collect();
                    scores(out, lead, &same, &rest);
                }
                None => {
                    lead_in(out, lead);
                    rest.iter().for_each(|(n, v)| single(out, &column(lead, name, n), v));
                    out.end();
                }
            }
        }
        Value::List(items) => {
            for (i, item) in items.iter().enumerate() {
                let mut deeper: Vec<Lead> = lead
                    .iter()
                    .map(|l| match l {
                        Lead::Number(n, x) => Lead::Number(n.clone(), *x),
                        Lead::Text(n, t) => Lead::Text(n.clone(), t.clone()),
                    })
                    .collect();
                deeper.push(Lead::Number(column(lead, name, "item"), i as f64));
                emit(out, &deeper, name, item);
            }
        }
        Value::Table(t) => table(out, lead, name, t),
        Value::Model(m) => table(out, lead, name, &m.history),
        Value::Dataset(_) | Value::Stages(_) | Value::Figure(_) | Value::Pack(_) => {}
        other => {
            lead_in(out, lead);
            single(out, &column(lead, "value", name), other);
            out.end();
        }
    }
}

/// Writes a value that fits one row into the row that is open.
fn single(out: &mut Builder, name: &str, value: &Value) {
    match value {
        Value::Number(n) => {
            out.number(name, n.value);
            if let Some(e) = n.error {
                out.number(&format!("{name}_se"), e);
            }
            if let Some(c) = n.count {
                out.number(&format!("{name}_count"), c as f64);
            }
        }
        Value::Truth(t) => {
            out.text(name, if t.holds { "true" } else { "false" });
            out.text(&format!("{name}_within_error"), if t.within_error { "true" } else { "false" });
            out.text(&format!("{name}_text"), &t.text);
        }
        Value::Word(w) => out.text(name, w),
        Value::Absent(why) => {
            let row = out.rows;
            // Rows come one after the other.
            if out.absent.last().is_none_or(|(r, _)| *r != row) {
                out.absent.push((row, why.clone()));
            }
        }
        Value::Record(fields) => fields.iter().for_each(|(n, v)| single(out, &format!("{name}.{n}"), v)),
        _ => {}
    }
}

fn scores(out: &mut Builder, lead: &[Lead], all: &[(String, Arc<Scores>)], rest: &[&(String, Value)]) {
    let Some((_, first)) = all.first() else { return };
    let class = column(lead, "score", "label");
    for i in 0..first.values.len() {
        lead_in(out, lead);
        if let Some(id) = first.ids.get(i) {
            let (what, number) = Scores::named(*id);
            out.number(&column(lead, "score", what), number as f64);
        }
        if let Some(label) = first.labels.get(i) {
            match first.classes.get(*label as usize) {
                Some(name) => out.text(&class, name),
                None => out.text(&class, &label.to_string()),
            }
        }
        for (name, s) in all {
            out.number(name, s.values.get(i).copied().unwrap_or(f64::NAN));
        }
        rest.iter().for_each(|(n, v)| single(out, n, v));
        out.end();
    }
}

fn table(out: &mut Builder, lead: &[Lead], name: &str, t: &Table) {
    let names: Vec<String> = t.columns.iter().map(|(n, _)| column(lead, name, n)).collect();
    for i in 0..t.rows() {
        lead_in(out, lead);
        for (n, (_, c)) in names.iter().zip(&t.columns) {
            match c {
                Column::Numbers(x) => out.number(n, x.get(i).copied().unwrap_or(f64::NAN)),
                Column::Texts(x) => out.text(n, x.get(i).map_or("", String::as_str)),
            }
        }
        out.end();
    }
}

/// Hands on the arrays of a declared value of numbers, scores or representations: one where it is rectangular (axes of the
/// value first, then examples, then units), one for each entry otherwise. Arrays over `largest` bytes are left out.
///
/// Errors: those of `put`.
pub fn arrays(declared: &Declared, values: &[Value], largest: u64, put: &mut Put) -> io::Result<()> {
    let nothing = Value::Absent(String::new());
    let axes: Vec<Json> =
        declared.axes.iter().map(|a| json!({ "name": a.name, "role": a.role, "coordinates": a.coordinates })).collect();
    let mut one = |name: &str, values: &[&Value]| part_arrays(declared, name, values, &axes, largest, put);
    match values.iter().find_map(|v| if let Value::Record(f) = v { Some(f) } else { None }) {
        Some(fields) => fields.iter().try_for_each(|(n, _)| {
            let own: Vec<&Value> = values.iter().map(|v| part(v, n).unwrap_or(&nothing)).collect();
            one(&format!("{}.{n}", declared.name), &own)
        }),
        None => one(&declared.name, &values.iter().collect::<Vec<_>>()),
    }
}

/// What takes arrays, one after the other: there may be room for one of them only.
pub type Put<'a> = dyn FnMut(NamedArray) -> io::Result<()> + 'a;

fn part_arrays(declared: &Declared, name: &str, values: &[&Value], axes: &[Json], largest: u64, put: &mut Put) -> io::Result<()> {
    let fits = |shape: &[usize]| 8 * shape.iter().map(|n| *n as u64).product::<u64>() <= largest;
    if let Some(tail) = inner(values) {
        let whole: Vec<usize> = declared.axes.iter().map(|a| a.coordinates.len()).chain(tail.shape.iter().copied()).collect();
        return match !whole.is_empty() && fits(&whole) {
            true => put(tail.array(name.to_string(), whole, axes.iter().cloned(), values)),
            false => Ok(()),
        };
    }
    for (i, v) in values.iter().enumerate() {
        let one = std::slice::from_ref(v);
        let Some(tail) = inner(one).filter(|t| !t.shape.is_empty() && fits(&t.shape)) else { continue };
        let places = places(declared, i);
        let at = places.iter().zip(declared.axes.iter()).map(|(p, a)| super::formats::slug(&a.coordinates[*p]));
        let name = format!("{name}.{}", at.collect::<Vec<_>>().join("."));
        let shape = tail.shape.clone();
        put(tail.array(name, shape, std::iter::empty(), one))?;
    }
    Ok(())
}

/// Returns a part of a record; what is no record stands for each of its parts.
fn part<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Record(fields) => fields.iter().find(|(n, _)| n == name).map(|(_, v)| v),
        other => Some(other),
    }
}

/// What all values of a rectangle share: their inner shape.
struct Tail {
    shape: Vec<usize>,
    dims: Vec<Json>,
    ids: Option<Arc<Vec<u32>>>,
}

impl Tail {
    fn array(self, name: String, shape: Vec<usize>, axes: impl Iterator<Item = Json>, values: &[&Value]) -> NamedArray {
        let size: usize = self.shape.iter().product();
        let mut data = Vec::with_capacity(size * values.len());
        for v in values {
            match v {
                Value::Number(n) => data.push(n.value),
                Value::Scores(s) => data.extend_from_slice(&s.values),
                Value::Stages(s) => data.extend(s.x.iter()),
                _ => data.extend(std::iter::repeat_n(f64::NAN, size)),
            }
        }
        let dims: Vec<Json> = axes.chain(self.dims).collect();
        NamedArray { name, shape, data, dims: Json::Array(dims), ids: self.ids }
    }
}

/// Returns the inner shape that all present values share; nothing where they differ or are no numbers.
fn inner(values: &[&Value]) -> Option<Tail> {
    let mut found: Option<Tail> = None;
    for v in values {
        let tail = match v {
            Value::Absent(_) => continue,
            Value::Number(_) => Tail { shape: Vec::new(), dims: Vec::new(), ids: None },
            Value::Scores(s) if s.values.len() == s.ids.len() => of_examples(&s.ids, None),
            Value::Stages(s) => of_stages(s),
            _ => return None,
        };
        match &found {
            None => found = Some(tail),
            Some(f) if f.shape == tail.shape && f.ids == tail.ids => {}
            Some(_) => return None,
        }
    }
    found
}

fn of_stages(s: &Stages) -> Tail {
    of_examples(&s.ids, Some(s.x.ncols()))
}

fn of_examples(ids: &Arc<Vec<u32>>, units: Option<usize>) -> Tail {
    let mut shape = vec![ids.len()];
    let what = ids.first().map_or("example", |id| Scores::named(*id).0);
    let mut dims = vec![json!({ "name": what, "role": what, "count": ids.len() })];
    if let Some(units) = units {
        shape.push(units);
        dims.push(json!({ "name": "unit", "role": "unit", "count": units }));
    }
    Tail { shape, dims, ids: Some(ids.clone()) }
}
