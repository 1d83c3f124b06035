//! Declared values as tidy tables: one row an observation, one column an axis or a value.

use super::frame::{Builder, Cells, Field, Frame, Is, One};
use crate::base::Coordinates;
use crate::base::coordinates::whole;
use crate::engine::value::{Column, Scores, Table, Value};
use crate::plan::graph::Declared;
use crate::plan::units::unit;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// Tables with more rows than this are left to arrays.
pub const ROWS: usize = 2_000_000;

/// Columns of operations' tables that count or number things: whole numbers in files, where all of them are.
const COUNTED: [&str; 14] = [
    "epoch", "chain", "pass", "chains", "passes", "count", "absent", "first", "second", "example", "ablated", "unit", "bins",
    "draw",
];

/// Columns of operations' tables that name classes: whole numbers in files where all names are, as class labels are.
const CLASSES: [&str; 5] = ["label", "predicted", "class", "on_label", "highest"];

/// The coordinates of an entry, as a leading column.
#[derive(Clone)]
struct Lead<'a> {
    name: &'a str,
    is: Is,
    one: One<'a>,
}

/// Returns the tidy table of a declared value: one column for each axis, `example` and `label` for scores, then the values,
/// with `_se` and `_count` columns where there are any, and a column `absent` with reasons where values are.
///
/// Coordinates and class labels that are all whole numbers are integers. Nothing for values that are no tables (data sets, densities,
/// representations), and above [`ROWS`] rows.
pub fn tidy(declared: &Declared, values: &[Value]) -> Option<Frame> {
    if values.iter().map(rows_of).sum::<usize>() > ROWS || values.iter().all(|v| rows_of(v) == 0) {
        return None;
    }
    if values.iter().all(|v| matches!(v, Value::Absent(_))) && !matches!(declared.keyword.as_str(), "analysis" | "claim" | "let")
    {
        return None;
    }
    let typed: Vec<Coordinates> = declared.axes.iter().map(|a| Coordinates::of(&a.coordinates, &a.role)).collect();
    let mut out = Builder::default();
    for (i, v) in values.iter().enumerate() {
        let places = places(declared, i);
        let lead: Vec<Lead> = declared
            .axes
            .iter()
            .zip(&places)
            .zip(&typed)
            .map(|((axis, place), typed)| Lead { name: &axis.name, is: Is::Axis, one: coordinate(typed, *place) })
            .collect();
        emit(&mut out, &lead, &declared.name, v);
    }
    Some(out.finish())
}

fn coordinate(all: &Coordinates, place: usize) -> One<'_> {
    match all {
        Coordinates::Integers(x) => One::Integer(x.get(place).copied().unwrap_or_default()),
        Coordinates::Numbers(x) => One::Number(x.get(place).copied().unwrap_or(f64::NAN)),
        Coordinates::Words(x) => One::Text(x.get(place).map_or("", String::as_str)),
    }
}

/// Returns the names of the parts of records that are tables themselves: `table` of `calibration`, `merges` of `cluster`.
pub fn parts(values: &[Value]) -> Vec<String> {
    let fields = values.iter().find_map(|v| if let Value::Record(fields) = v { Some(fields.as_slice()) } else { None });
    let tables = fields.unwrap_or_default().iter().filter(|(_, v)| matches!(v, Value::Table(_)));
    tables.map(|(name, _)| name.clone()).collect()
}

/// Returns a part of a record; what is absent stays so.
pub fn part(value: &Value, name: &str) -> Value {
    match value {
        Value::Record(fields) => match fields.iter().find(|(n, _)| n == name) {
            Some((_, v)) => v.clone(),
            None => Value::Absent(format!("no part `{name}`")),
        },
        other => other.clone(),
    }
}

/// Returns the description of a table, as it stands beside it and in the Parquet file: axes, and for each column what it is, its type, and
/// its unit. `part`: the part of records that it is, where it is one.
pub fn about(declared: &Declared, part: &str, frame: &Frame, units: &[(String, String)]) -> Json {
    let column = |c: &Field| {
        let mut out = json!({ "name": c.name, "is": c.is.word(), "type": c.cells.word() });
        if matches!(c.is, Is::Value | Is::Error | Is::Count | Is::WithinError | Is::Sides) {
            out["of"] = json!(c.of);
        }
        if let (Is::Value | Is::Error, Some(unit)) = (c.is, unit(units, &c.of)) {
            out["unit"] = json!(unit);
        }
        out
    };
    let mut out = json!({
        "format": "cfx.table.1",
        "name": declared.name,
        "keyword": declared.keyword,
        "kind": declared.kind,
        "rows": frame.rows(),
        "axes": axes(declared),
        "columns": frame.columns.iter().map(column).collect::<Vec<_>>(),
    });
    if !part.is_empty() {
        out["part"] = json!(part);
    }
    out
}

/// Returns the axes of a declared value: name, role, coordinates, and what they nest in or pair with.
pub fn axes(declared: &Declared) -> Vec<Json> {
    let one = |a: &crate::plan::graph::LabelledAxis| {
        let mut out =
            json!({ "name": a.name, "role": a.role, "coordinates": Coordinates::of(&a.coordinates, &a.role).to_json() });
        if !a.within.is_empty() {
            out["within"] = json!(a.within);
        }
        if let Some(pairs) = &a.pairs {
            out["pairs"] = json!(pairs);
        }
        out
    };
    declared.axes.iter().map(one).collect()
}

/// Returns the place along each axis of an entry.
pub fn places(declared: &Declared, index: usize) -> Vec<usize> {
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
    lead.iter().for_each(|l| out.put(l.name, l.is, "", l.one));
}

/// Returns the name of a value's column, other than those of the axes.
fn column(lead: &[Lead], owner: &str, name: &str) -> String {
    let taken = lead.iter().any(|l| l.name == name) || matches!(name, "absent");
    if taken { format!("{owner}.{name}") } else { name.to_string() }
}

fn emit(out: &mut Builder, lead: &[Lead], name: &str, value: &Value) {
    match value {
        Value::Scores(s) => scores(out, lead, &[(name.to_string(), "", s.clone())], &[]),
        Value::Record(fields) => {
            let per_example: Vec<(String, &str, Arc<Scores>)> = fields
                .iter()
                .filter_map(|(n, v)| match v {
                    Value::Scores(s) => Some((column(lead, name, n), n.as_str(), s.clone())),
                    _ => None,
                })
                .collect();
            let rest: Vec<&(String, Value)> = fields.iter().filter(|(_, v)| !matches!(v, Value::Scores(_))).collect();
            match per_example.first() {
                Some((_, _, first)) => {
                    let same: Vec<_> = per_example.iter().filter(|(_, _, s)| s.ids == first.ids).cloned().collect();
                    scores(out, lead, &same, &rest);
                }
                None => {
                    lead_in(out, lead);
                    rest.iter().for_each(|(n, v)| single(out, &column(lead, name, n), n, v));
                    out.end();
                }
            }
        }
        Value::List(items) => {
            let inner = column(lead, name, "item");
            for (i, item) in items.iter().enumerate() {
                let mut deeper = lead.to_vec();
                deeper.push(Lead { name: &inner, is: Is::Item, one: One::Integer(i as i64) });
                emit(out, &deeper, name, item);
            }
        }
        Value::Table(t) => table(out, lead, name, t),
        Value::Model(m) => table(out, lead, name, &m.history),
        Value::Dataset(_) | Value::Stages(_) | Value::Figure(_) | Value::Pack(_) => {}
        other => {
            lead_in(out, lead);
            single(out, &column(lead, "value", name), "", other);
            out.end();
        }
    }
}

/// Writes a value that fits one row into the row that is open. `of`: the part of a record that it is.
fn single(out: &mut Builder, name: &str, of: &str, value: &Value) {
    match value {
        Value::Number(n) => {
            out.put(name, Is::Value, of, One::Number(n.value));
            if let Some(e) = n.error {
                out.put(&format!("{name}_se"), Is::Error, of, One::Number(e));
            }
            // How many values a count is of is the count.
            if let Some(c) = n.count.filter(|_| of != "count") {
                out.put(&format!("{name}_count"), Is::Count, of, One::Integer(c as i64));
            }
        }
        Value::Truth(t) => {
            out.put(name, Is::Value, of, One::Truth(t.holds));
            out.put(&format!("{name}_within_error"), Is::WithinError, of, One::Truth(t.within_error));
            out.put(&format!("{name}_text"), Is::Sides, of, One::Text(&t.text));
        }
        Value::Word(w) => out.put(name, Is::Value, of, One::Text(w)),
        Value::Absent(why) => out.absent(why),
        Value::Record(fields) => fields.iter().for_each(|(n, v)| single(out, &format!("{name}.{n}"), of, v)),
        _ => {}
    }
}

fn scores(out: &mut Builder, lead: &[Lead], all: &[(String, &str, Arc<Scores>)], rest: &[&(String, Value)]) {
    let Some((_, _, first)) = all.first() else { return };
    let (class, example, row) = (column(lead, "score", "label"), column(lead, "score", "example"), column(lead, "score", "row"));
    let classes = Coordinates::of(&first.classes, "class");
    for i in 0..first.values.len() {
        lead_in(out, lead);
        if let Some(id) = first.ids.get(i) {
            match Scores::named(*id) {
                ("example", number) => out.put(&example, Is::Example, "", One::Integer(number.into())),
                (_, number) => out.put(&row, Is::Row, "", One::Integer(number.into())),
            }
        }
        if let Some(label) = first.labels.get(i) {
            let named = (*label as usize) < classes.len();
            out.put(
                &class,
                Is::Label,
                "",
                if named { coordinate(&classes, *label as usize) } else { One::Integer((*label).into()) },
            );
        }
        for (name, of, s) in all {
            let x = s.values.get(i).copied().unwrap_or(f64::NAN);
            out.put(name, Is::Value, of, One::Number(x));
            if let Some(why) = s.reason(i).filter(|_| x.is_nan()) {
                out.absent(why);
            }
        }
        rest.iter().for_each(|(n, v)| single(out, n, n, v));
        out.end();
    }
}

fn table(out: &mut Builder, lead: &[Lead], name: &str, t: &Table) {
    let names: Vec<String> = t.columns.iter().map(|(n, _)| column(lead, name, n)).collect();
    let cells: Vec<Cells> = t.columns.iter().map(|(n, c)| of_column(n, c)).collect();
    for i in 0..t.rows() {
        lead_in(out, lead);
        for (n, c) in names.iter().zip(&cells) {
            match c.get(i) {
                Some(one) => out.put(n, Is::Column, "", one),
                None => out.lacks(n, Is::Column, c),
            }
        }
        out.end();
    }
}

/// Returns a column of a table as it stands in files.
fn of_column(name: &str, column: &Column) -> Cells {
    match column {
        Column::Numbers(x) if COUNTED.contains(&name) && x.iter().all(|v| v.is_nan() || (v.fract() == 0.0 && v.abs() < 9e15)) => {
            Cells::Integers(x.iter().map(|v| (!v.is_nan()).then_some(*v as i64)).collect())
        }
        Column::Numbers(x) => Cells::Numbers(x.clone()),
        Column::Texts(x) => match whole(x.iter().map(String::as_str)).filter(|_| CLASSES.contains(&name)) {
            Some(all) => Cells::Integers(all.into_iter().map(Some).collect()),
            None => Cells::Texts(x.iter().cloned().map(Some).collect()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_count_and_name_classes_are_columns_of_operations() {
        let library = [
            include_str!("../../stdlib/analysis.cfx"),
            include_str!("../../stdlib/density.cfx"),
            include_str!("../../stdlib/probes.cfx"),
        ];
        let lists = library.iter().flat_map(|text| text.split("columns(").skip(1)).filter_map(|rest| rest.split(')').next());
        let mut known: Vec<&str> = lists.flat_map(|list| list.split(',').map(str::trim)).collect();
        let training = include_str!("../../stdlib/training.cfx");
        known.extend(training.split("columns(").skip(1).filter_map(|rest| rest.split(')').next()).flat_map(|l| l.split(", ")));
        for name in COUNTED.iter().chain(&CLASSES) {
            assert!(known.contains(name), "no table has a column `{name}`");
        }
    }

    #[test]
    fn counts_are_whole_where_all_are() {
        let numbers = |x: &[f64]| Column::Numbers(x.to_vec());
        assert_eq!(of_column("epoch", &numbers(&[1.0, f64::NAN])), Cells::Integers(vec![Some(1), None]));
        assert_eq!(of_column("loss", &numbers(&[1.0])), Cells::Numbers(vec![1.0]));
        assert_eq!(of_column("count", &numbers(&[1.0, 0.5])), Cells::Numbers(vec![1.0, 0.5]));
        let texts = |x: &[&str]| Column::Texts(x.iter().map(|t| t.to_string()).collect());
        assert_eq!(of_column("label", &texts(&["3", "10"])), Cells::Integers(vec![Some(3), Some(10)]));
        assert_eq!(of_column("label", &texts(&["3", "cat"])), Cells::Texts(vec![Some("3".into()), Some("cat".into())]));
        assert_eq!(of_column("note", &texts(&["3"])), Cells::Texts(vec![Some("3".into())]));
    }
}
