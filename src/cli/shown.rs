//! A result in words, for `cfx show`: numbers with their errors, first rows of tables, shapes of what is large.

use crate::engine::value::{Column, Number, Table, Value};
use std::fmt::Write;

/// Rows and elements that are written out.
const FIRST: usize = 12;

/// Returns a result in words.
pub fn value(value: &Value) -> String {
    match value {
        Value::Number(n) => number(n),
        Value::Truth(t) => format!("{}: {}", if t.holds { "holds" } else { "does not hold" }, t.text),
        Value::Word(w) => w.clone(),
        Value::Absent(why) => format!("absent: {why}"),
        Value::Record(parts) => lines(parts.iter().map(|(name, part)| format!("{name}: {}", self::value(part))), parts.len()),
        Value::List(items) => lines(items.iter().enumerate().map(|(i, item)| format!("{i}: {}", self::value(item))), items.len()),
        Value::Table(t) => table(t),
        Value::Scores(s) => {
            let rows = s.ids.iter().zip(&s.values).map(|(id, v)| format!("example {id}: {}", plain(*v)));
            lines(rows, s.values.len())
        }
        Value::Stages(s) => {
            let notes: String = s.notes.iter().map(|(name, v)| format!("; {name} {}", plain(*v))).collect();
            format!("{} examples × {} units, {} classes{notes}", s.x.nrows(), s.x.ncols(), s.classes.len())
        }
        Value::Dataset(d) => format!("{} examples of {}, {} classes", d.len(), d.source.name, d.classes().len()),
        Value::Model(m) => {
            let head = format!("{} parameters, trained on {} examples", m.net.parameters(), m.trained_on.len());
            if m.history.rows() > 0 { format!("{head}\n{}", table(&m.history)) } else { head }
        }
        Value::Figure(f) => format!("{}\n{}", f.caption, table(&f.data)),
        Value::Pack(p) => {
            let shapes = p
                .arrays
                .iter()
                .map(|(name, a)| format!("{name}: {}", a.shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ")));
            format!("{}\n{}", p.kind, lines(shapes, usize::MAX))
        }
    }
}

fn plain(x: f64) -> String {
    // Six significant digits are what a look needs; files have all of them.
    let exponent = if x == 0.0 || !x.is_finite() { 0 } else { x.abs().log10().floor() as i32 };
    match exponent {
        -5..=9 => format!("{x:.*}", (5 - exponent).clamp(0, 10) as usize),
        _ => format!("{x:.5e}"),
    }
}

fn number(n: &Number) -> String {
    let error = n.error.map_or_else(String::new, |e| format!(" ± {}", plain(e)));
    let count = n.count.map_or_else(String::new, |c| format!(" (n = {c})"));
    format!("{}{error}{count}", plain(n.value))
}

/// Returns the first lines, and how many there are in all.
fn lines(all: impl Iterator<Item = String>, of: usize) -> String {
    let mut out: Vec<String> = all.take(if of == usize::MAX { of } else { FIRST }).collect();
    if of > FIRST && of != usize::MAX {
        out.push(format!("… {of} in all"));
    }
    out.join("\n")
}

fn table(t: &Table) -> String {
    let cell = |column: &Column, row: usize| match column {
        // Epochs and counts are whole numbers.
        Column::Numbers(x) => x.get(row).map_or_else(String::new, |v| match v.fract() == 0.0 && v.abs() < 1e10 {
            true => format!("{v:.0}"),
            false => plain(*v),
        }),
        Column::Texts(x) => x.get(row).cloned().unwrap_or_default(),
    };
    let rows = t.rows().min(FIRST);
    let columns: Vec<Vec<String>> = t
        .columns
        .iter()
        .map(|(name, column)| std::iter::once(name.clone()).chain((0..rows).map(|r| cell(column, r))).collect())
        .collect();
    let widths: Vec<usize> = columns.iter().map(|c| c.iter().map(|t| t.chars().count()).max().unwrap_or(0)).collect();
    let mut out = String::new();
    for row in 0..=rows {
        let line: Vec<String> = columns.iter().zip(&widths).map(|(c, w)| format!("{:>w$}", c[row])).collect();
        let _ = writeln!(out, "{}", line.join("  "));
    }
    if t.rows() > FIRST {
        let _ = writeln!(out, "… {} rows in all", t.rows());
    }
    out.trim_end().to_string()
}
