//! The kernels of `stdlib/figures.cfx`: from labelled arrays to figures.
//!
//! In: jobs whose inputs are gathered over all their axes. Out: figures with captions and the numbers drawn.
//! Never: reading the store, random numbers.

mod bars;
mod cube;
mod curves;
mod field;
mod heatmap;
mod profile;
mod scatter;
mod summary;

pub use cube::numeric;
#[cfg(test)]
mod tests;

use super::figure::{Plot, png};
use crate::engine::kernel::{Failure, Job, Kernel};
use crate::engine::value::{Column, Figure, Table, Value};
use std::sync::Arc;

/// Returns the kernels of the figures by name.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![
        ("profile", Box::new(profile::Profile)),
        ("scatter", Box::new(scatter::Scatter)),
        ("curves", Box::new(curves::Curves)),
        ("bands", Box::new(curves::Bands)),
        ("bars", Box::new(bars::Bars)),
        ("heatmap", Box::new(heatmap::Heatmap)),
    ]
}

/// Returns the figure's title: the title of the declaration, which the checker passes.
fn title(job: &Job) -> String {
    job.settings.word("title").to_string()
}

/// Returns the figure in both forms.
fn finish(plot: &Plot, caption: Vec<String>, data: Table) -> Result<Value, Failure> {
    let svg = plot.svg();
    let png = png::render(&svg).map_err(Failure::new)?;
    Ok(Value::Figure(Arc::new(Figure { svg, png, caption: caption.join(" "), data })))
}

/// Returns the failure of a figure without a number: absent, with the reasons.
fn nothing(absent: &std::collections::BTreeMap<String, usize>) -> Failure {
    let reasons: Vec<_> = absent.keys().cloned().collect();
    Failure::Absent(match reasons.is_empty() {
        true => "nothing to draw: no finite number".to_string(),
        false => format!("nothing to draw: {}", reasons.join("; ")),
    })
}

/// Returns what a caption says of absent places, such as `3 of 60 values are absent (too few members: 3).`
fn absent_words(absent: &std::collections::BTreeMap<String, usize>, of: usize) -> Option<String> {
    let total: usize = absent.values().sum();
    let reasons: Vec<_> = absent.iter().map(|(why, n)| format!("{why}: {n}")).collect();
    (total > 0)
        .then(|| format!("{total} of {of} values {} absent ({}).", if total == 1 { "is" } else { "are" }, reasons.join("; ")))
}

/// A table being filled row by row.
#[derive(Default)]
struct Rows {
    columns: Vec<(String, Column)>,
}

/// A cell of a row.
enum Cell<'a> {
    Text(&'a str),
    Number(f64),
}

impl Rows {
    /// Adds a row; the first row decides the columns.
    fn push(&mut self, row: &[(&str, Cell)]) {
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
    fn finish(self) -> Table {
        let full = |c: &Column| !matches!(c, Column::Texts(t) if t.iter().all(String::is_empty));
        Table { columns: self.columns.into_iter().filter(|(_, c)| full(c)).collect() }
    }
}

/// Implements the plan's side of a figure's kernel: a figure knows nothing of its result; most of its time is drawing pixels.
macro_rules! planned {
    ($kernel:ty) => {
        impl crate::plan::facts::Planned for $kernel {
            fn facts(
                &self,
                _settings: &crate::lang::Settings,
                _inputs: &[crate::plan::facts::KnownInput],
                _files: Option<&crate::plan::files::Files>,
            ) -> Result<crate::plan::facts::Facts, crate::plan::facts::Problem> {
                Ok(crate::plan::facts::Facts::default())
            }

            fn cost(
                &self,
                _settings: &crate::lang::Settings,
                _inputs: &[crate::plan::facts::KnownInput],
            ) -> crate::plan::facts::Cost {
                crate::plan::facts::Cost { seconds: 0.03, memory: 2e7, disk: 6e4 }
            }
        }
    };
}
use planned;
