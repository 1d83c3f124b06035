//! Tables for people: columns of one type each, with what they are.

use crate::engine::value::{Column, Table};
use std::collections::BTreeMap;

/// Columns of equal length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// The columns, from left to right.
    pub columns: Vec<Field>,
}

/// A column: its name, what it is, and its cells.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Name.
    pub name: String,
    /// What it holds.
    pub is: Is,
    /// The part of a record that its numbers belong to; empty for a value that is no record, and for what is no number.
    pub of: String,
    /// The cells.
    pub cells: Cells,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Is {
    /// Coordinates of an axis.
    Axis,
    /// Ids of examples.
    Example,
    /// Numbers of a table's rows, from 0.
    Row,
    /// Class labels of examples.
    Label,
    /// Places in a list, from 0.
    Item,
    /// Values: numbers, truth values, words.
    Value,
    /// Standard errors of values.
    Error,
    /// How many values a value was made from.
    Count,
    /// Whether the sides of a comparison are closer than two standard errors.
    WithinError,
    /// Both sides of a comparison, written out.
    Sides,
    /// A column of a table that an operation made.
    Column,
    /// Why there is no value.
    Absent,
}

impl Is {
    /// Returns the word for it in files.
    pub fn word(self) -> &'static str {
        match self {
            Is::Axis => "axis",
            Is::Example => "example",
            Is::Row => "row",
            Is::Label => "label",
            Is::Item => "item",
            Is::Value => "value",
            Is::Error => "error",
            Is::Count => "count",
            Is::WithinError => "within error",
            Is::Sides => "sides",
            Is::Column => "column",
            Is::Absent => "absent",
        }
    }
}

/// The cells of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// Numbers; NaN where there is none.
    Numbers(Vec<f64>),
    /// Whole numbers.
    Integers(Vec<Option<i64>>),
    /// Truth values.
    Truths(Vec<Option<bool>>),
    /// Texts.
    Texts(Vec<Option<String>>),
}

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum One<'a> {
    /// A number.
    Number(f64),
    /// A whole number.
    Integer(i64),
    /// A truth value.
    Truth(bool),
    /// A text.
    Text(&'a str),
}

impl Cells {
    /// Returns the number of cells.
    pub fn len(&self) -> usize {
        match self {
            Cells::Numbers(x) => x.len(),
            Cells::Integers(x) => x.len(),
            Cells::Truths(x) => x.len(),
            Cells::Texts(x) => x.len(),
        }
    }

    /// Returns whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the word for its type in files.
    pub fn word(&self) -> &'static str {
        match self {
            Cells::Numbers(_) => "number",
            Cells::Integers(_) => "integer",
            Cells::Truths(_) => "boolean",
            Cells::Texts(_) => "text",
        }
    }

    /// Returns a cell, or `None` if there is none.
    pub fn get(&self, row: usize) -> Option<One<'_>> {
        match self {
            Cells::Numbers(x) => x.get(row).filter(|x| !x.is_nan()).map(|x| One::Number(*x)),
            Cells::Integers(x) => x.get(row).copied().flatten().map(One::Integer),
            Cells::Truths(x) => x.get(row).copied().flatten().map(One::Truth),
            Cells::Texts(x) => x.get(row)?.as_deref().map(One::Text),
        }
    }

    fn like(one: One) -> Cells {
        match one {
            One::Number(_) => Cells::Numbers(Vec::new()),
            One::Integer(_) => Cells::Integers(Vec::new()),
            One::Truth(_) => Cells::Truths(Vec::new()),
            One::Text(_) => Cells::Texts(Vec::new()),
        }
    }

    /// Fills up with nothing to a number of cells.
    fn fill(&mut self, rows: usize) {
        match self {
            Cells::Numbers(x) => x.resize(rows, f64::NAN),
            Cells::Integers(x) => x.resize(rows, None),
            Cells::Truths(x) => x.resize(rows, None),
            Cells::Texts(x) => x.resize(rows, None),
        }
    }

    /// Appends a cell. Whole numbers beside numbers become numbers; other unlike cells become texts.
    fn push(&mut self, one: One) {
        match (&mut *self, one) {
            (Cells::Numbers(x), One::Number(v)) => x.push(v),
            (Cells::Numbers(x), One::Integer(v)) => x.push(v as f64),
            (Cells::Integers(x), One::Integer(v)) => x.push(Some(v)),
            (Cells::Truths(x), One::Truth(v)) => x.push(Some(v)),
            (Cells::Texts(x), v) => x.push(written(v)),
            (Cells::Integers(x), One::Number(_)) => {
                *self = Cells::Numbers(x.iter().map(|v| v.map_or(f64::NAN, |v| v as f64)).collect());
                self.push(one);
            }
            _ => {
                *self = Cells::Texts((0..self.len()).map(|i| self.get(i).and_then(written)).collect());
                self.push(one);
            }
        }
    }
}

/// Returns a cell as text; nothing for NaN.
fn written(one: One) -> Option<String> {
    match one {
        One::Number(x) => Some(super::numeric::written(x)).filter(|t| !t.is_empty()),
        One::Integer(x) => Some(x.to_string()),
        One::Truth(b) => Some(b.to_string()),
        One::Text(t) => Some(t.to_string()),
    }
}

impl Frame {
    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |c| c.cells.len())
    }

    /// Returns a column by name.
    pub fn column(&self, name: &str) -> Option<&Field> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// Returns the first rows, `count` of them at most.
    pub fn first(&self, count: usize) -> Frame {
        let count = count.min(self.rows());
        let columns = self.columns.iter().map(|c| {
            let cells = match &c.cells {
                Cells::Numbers(x) => Cells::Numbers(x[..count].to_vec()),
                Cells::Integers(x) => Cells::Integers(x[..count].to_vec()),
                Cells::Truths(x) => Cells::Truths(x[..count].to_vec()),
                Cells::Texts(x) => Cells::Texts(x[..count].to_vec()),
            };
            Field { name: c.name.clone(), is: c.is, of: c.of.clone(), cells }
        });
        Frame { columns: columns.collect() }
    }
}

impl From<&Table> for Frame {
    fn from(table: &Table) -> Self {
        let columns = table.columns.iter().map(|(name, column)| Field {
            name: name.clone(),
            is: Is::Column,
            of: String::new(),
            cells: match column {
                Column::Numbers(x) => Cells::Numbers(x.clone()),
                Column::Texts(x) => Cells::Texts(x.iter().cloned().map(Some).collect()),
            },
        });
        Frame { columns: columns.collect() }
    }
}

/// Fills columns row by row; a column that begins late is filled up.
#[derive(Default)]
pub struct Builder {
    columns: Vec<Field>,
    /// Places of columns by name.
    places: BTreeMap<String, usize>,
    rows: usize,
    /// Reasons of absence by row, ascending.
    absent: Vec<(usize, String)>,
}

impl Builder {
    /// Writes a cell into the row that is open. `is` and `of` count where the column is new.
    pub fn put(&mut self, name: &str, is: Is, of: &str, one: One) {
        let place = self.place(name, is, of, || Cells::like(one));
        let cells = &mut self.columns[place].cells;
        cells.fill(self.rows);
        cells.push(one);
    }

    /// Leaves a cell of the row that is open empty; the column is there all the same, with cells of the type of `like`.
    pub fn lacks(&mut self, name: &str, is: Is, like: &Cells) {
        self.place(name, is, "", || match like {
            Cells::Numbers(_) => Cells::Numbers(Vec::new()),
            Cells::Integers(_) => Cells::Integers(Vec::new()),
            Cells::Truths(_) => Cells::Truths(Vec::new()),
            Cells::Texts(_) => Cells::Texts(Vec::new()),
        });
    }

    fn place(&mut self, name: &str, is: Is, of: &str, empty: impl FnOnce() -> Cells) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        self.places.insert(name.to_string(), self.columns.len());
        self.columns.push(Field { name: name.to_string(), is, of: of.to_string(), cells: empty() });
        self.columns.len() - 1
    }

    /// Says why the row that is open lacks a value; the first reason counts.
    pub fn absent(&mut self, why: &str) {
        if self.absent.last().is_none_or(|(row, _)| *row != self.rows) {
            self.absent.push((self.rows, why.to_string()));
        }
    }

    /// Ends the row that is open.
    pub fn end(&mut self) {
        self.rows += 1;
    }

    /// Returns the table, with a column `absent` at its end where anything is.
    pub fn finish(mut self) -> Frame {
        let rows = self.rows;
        self.columns.iter_mut().for_each(|c| c.cells.fill(rows));
        if !self.absent.is_empty() {
            let mut reasons = vec![None; rows];
            for (row, why) in self.absent {
                reasons[row] = Some(why);
            }
            self.columns.push(Field { name: "absent".into(), is: Is::Absent, of: String::new(), cells: Cells::Texts(reasons) });
        }
        Frame { columns: self.columns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_widen_and_are_filled_up() {
        let mut b = Builder::default();
        b.put("a", Is::Value, "", One::Integer(2));
        b.end();
        b.put("a", Is::Value, "", One::Number(0.5));
        b.put("late", Is::Value, "", One::Truth(true));
        b.end();
        b.put("late", Is::Value, "", One::Text("x"));
        b.absent("none");
        b.absent("never seen");
        b.end();
        let f = b.finish();
        let cells = |name: &str| f.column(name).expect("there").cells.clone();
        let Cells::Numbers(a) = cells("a") else { panic!("numbers") };
        assert!(a[..2] == [2.0, 0.5] && a[2].is_nan());
        assert_eq!(cells("late"), Cells::Texts(vec![None, Some("true".into()), Some("x".into())]));
        assert_eq!(cells("absent"), Cells::Texts(vec![None, None, Some("none".into())]));
        assert_eq!((f.rows(), f.first(2).rows()), (3, 2));
    }
}
