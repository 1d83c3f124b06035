//! What every figure is made with: the picture in both forms, words about absences, the table of the numbers drawn.

use crate::engine::kernel::Failure;
use crate::engine::value::{Column, Figure, Table, Value};
use crate::plan::facts::Cost;
use crate::report::figure::{Color, Key, Legend, Mark, Marker, Panel, Plot, Sign, color, png};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Returns the figure in both forms.
pub fn finish(plot: &Plot, caption: Vec<String>, data: Table) -> Result<Value, Failure> {
    let svg = match crossed(&plot.rows) {
        None => plot.svg(),
        Some(legend) => {
            let mut plot = plot.clone();
            plot.legends.push(legend);
            plot.svg()
        }
    };
    let png = png::render(&svg).map_err(Failure::new)?;
    Ok(Value::Figure(Arc::new(Figure { svg, png, caption: caption.join(" "), data })))
}

/// Returns the failure of a figure without a number: absent, with the reasons.
pub fn nothing(absent: &BTreeMap<String, usize>) -> Failure {
    let reasons: Vec<_> = absent.keys().cloned().collect();
    Failure::Absent(match reasons.is_empty() {
        true => "nothing to draw: no finite number".to_string(),
        false => format!("nothing to draw: {}", reasons.join("; ")),
    })
}

/// Returns what a caption says of absent places, such as `3 of 60 values are absent (too few members: 3).`
pub fn absent_words(absent: &BTreeMap<String, usize>, of: usize) -> Option<String> {
    let total: usize = absent.values().sum();
    let reasons: Vec<_> = absent.iter().map(|(why, n)| format!("{why}: {n}")).collect();
    (total > 0)
        .then(|| format!("{total} of {of} values {} absent ({}).", if total == 1 { "is" } else { "are" }, reasons.join("; ")))
}

/// Returns what a caption says of numbers that a logarithmic axis cannot hold.
pub fn not_positive(count: usize, what: &str) -> Option<String> {
    (count > 0).then(|| format!("Not drawn, since they are not positive: {count} {what}."))
}

/// What a figure takes: most of its time is drawing pixels.
pub const COST: Cost = Cost { seconds: 0.03, memory: 2e7, disk: 6e4 };

/// Returns crosses over what comes from densities that did not settle; `None` if there is none.
pub fn crosses(at: Vec<(f64, f64)>, radius: f64) -> Option<Mark> {
    crosses_in(color::INK, at, radius)
}

/// Returns crosses of a colour.
pub fn crosses_in(ink: Color, at: Vec<(f64, f64)>, radius: f64) -> Option<Mark> {
    let radius = (1.5 * radius).max(3.4);
    (!at.is_empty()).then(|| Mark::Points { at, colors: vec![ink], marker: Marker::Cross, radius, opacity: 1.0 })
}

/// Returns what a legend says of crosses, where any panel has them.
pub fn crossed(rows: &[Vec<Panel>]) -> Option<Legend> {
    let cross = |m: &Mark| matches!(m, Mark::Points { marker: Marker::Cross, .. });
    let any = rows.iter().flatten().flat_map(|p| &p.marks).any(cross);
    let key = || Key { text: "density did not settle".into(), color: color::INK, sign: Sign::Point(Marker::Cross) };
    any.then(|| Legend { title: String::new(), entries: vec![key()] })
}

/// A table being filled row by row.
#[derive(Default)]
pub struct Rows {
    columns: Vec<(String, Column)>,
}

/// A cell of a row.
pub enum Cell<'a> {
    /// Words.
    Text(&'a str),
    /// A number; NaN for none.
    Number(f64),
}

impl Rows {
    /// Adds a row; the first row decides the columns.
    pub fn push(&mut self, row: &[(&str, Cell)]) {
        if self.columns.is_empty() {
            for (name, cell) in row {
                let column = match cell {
                    Cell::Text(_) => Column::Texts(Vec::new()),
                    Cell::Number(_) => Column::Numbers(Vec::new()),
                };
                self.columns.push((name.to_string(), column));
            }
        }
        for ((_, column), (_, cell)) in self.columns.iter_mut().zip(row) {
            match (column, cell) {
                (Column::Texts(c), Cell::Text(t)) => c.push(t.to_string()),
                (Column::Numbers(c), Cell::Number(x)) => c.push(*x),
                (Column::Texts(c), Cell::Number(x)) => c.push(x.to_string()),
                (Column::Numbers(c), Cell::Text(_)) => c.push(f64::NAN),
            }
        }
    }

    /// Returns the table without columns of empty texts.
    pub fn finish(self) -> Table {
        let full = |c: &Column| !matches!(c, Column::Texts(t) if t.iter().all(String::is_empty));
        Table { columns: self.columns.into_iter().filter(|(_, c)| full(c)).collect() }
    }
}
