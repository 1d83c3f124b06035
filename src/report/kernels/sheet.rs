//! What every figure is made with: the picture in both forms, words about absences, the table of the numbers drawn.

use crate::engine::kernel::{Context, Failure};
use crate::engine::value::{Column, Figure, Table, Value};
use crate::engine::{self, Unheard};
use crate::plan::facts::{Cost, KnownInput};
use crate::report::figure::{Color, Key, Legend, Mark, Marker, Panel, Plot, Sign, color, png};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Seconds of one core for what is drawn at one place: as words of SVG, and as pixels.
const DRAWN: f64 = 4e-6;

/// Returns the figure in both forms.
///
/// Errors: the picture cannot be drawn; the run stops.
pub fn finish(mut plot: Plot, caption: Vec<String>, data: Table, cx: &dyn Context) -> Result<Value, Failure> {
    plot.legends.extend(crossed(&plot.rows));
    let places: usize = plot.rows.iter().flatten().flat_map(|p| &p.marks).map(Mark::places).sum();
    let drawn = engine::apart(cx, "drawing", DRAWN * places as f64, move || {
        let svg = plot.svg();
        png::render(&svg).map(|png| (svg, png))
    });
    let (svg, png) = match drawn {
        Ok(pictures) => pictures.map_err(Failure::new)?,
        Err(Unheard::Stopped) => return Err(Failure::Interrupted),
        Err(Unheard::Thread(words)) => return Err(Failure::new(words)),
    };
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

/// What a figure takes of few values: most of its time is drawing pixels.
pub const COST: Cost = Cost { seconds: 0.03, memory: 2e7, disk: 6e4 };

/// What a figure takes for each value that it is given.
pub struct Each {
    /// Seconds of one core.
    pub seconds: f64,
    /// Bytes of memory.
    pub memory: f64,
    /// Bytes of the pictures and of the table of what is drawn.
    pub disk: f64,
}

/// Returns what a figure takes that draws every value of the input that has most of them.
pub fn cost(inputs: &[KnownInput], each: Each) -> Cost {
    let values = |(_, all): &KnownInput| all.iter().map(|f| f.most_rows().unwrap_or(1)).sum::<usize>();
    let n = inputs.iter().map(values).max().unwrap_or(0) as f64;
    Cost { seconds: COST.seconds + each.seconds * n, memory: COST.memory + each.memory * n, disk: COST.disk + each.disk * n }
}

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
