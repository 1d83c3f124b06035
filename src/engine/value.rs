//! What cells hold. Values are immutable and shared; arrays are plain vectors in row-major order.

use super::loadings::Loadings;
use super::parts::{Parts, Shares};
use crate::base::statistics::norm;
use crate::base::{Hash, Stream};
use crate::lang::net::ir::Net;
use ndarray::Array2;
use serde_json::Value as Json;
use std::sync::Arc;

/// The result of a cell.
#[derive(Clone, Debug)]
pub enum Value {
    /// Examples with labels.
    Dataset(Arc<Dataset>),
    /// A trained or imported network.
    Model(Arc<Model>),
    /// A representation: examples x units.
    Stages(Arc<Stages>),
    /// One number per example.
    Scores(Arc<Scores>),
    /// A number, with its standard error where it is an estimate.
    Number(Number),
    /// The outcome of a comparison.
    Truth(Truth),
    /// A word, such as the group that a class falls into.
    Word(String),
    /// Named parts.
    Record(Vec<(String, Value)>),
    /// One value for each coordinate of an axis that the operation takes in whole and hands out whole.
    List(Vec<Value>),
    /// Columns of equal length.
    Table(Arc<Table>),
    /// A picture.
    Figure(Arc<Figure>),
    /// Whatever one family of kernels keeps for itself (a density's draws): arrays with a description.
    Pack(Arc<Pack>),
    /// No value here, for a reason that tables and figures state.
    Absent(String),
}

/// Where examples come from: all splits of a data set, read once.
#[derive(Debug)]
pub struct Source {
    /// Name of the data set, for reading.
    pub name: String,
    /// Pixels or features of all examples.
    pub images: Images,
    /// Labels as the files give them, one an example; empty where there are none.
    pub labels: Vec<u32>,
    /// Names of the classes, by label.
    pub classes: Vec<String>,
    /// Splits as ranges of examples: `train`, `test`; a single one named `all` where the files know none.
    pub splits: Vec<(String, std::ops::Range<usize>)>,
}

/// Pixels or features: `count` examples of one shape, channels last.
#[derive(Debug)]
pub struct Images {
    /// Shape of one example: `[height, width, channels]`, `[features]`, or `[words]`.
    pub shape: Vec<usize>,
    /// The numbers, example after example.
    pub data: Pixels,
    /// Per channel: what is subtracted, and what is divided by, after scaling bytes to 0..1. Empty: nothing.
    pub mean: Vec<f32>,
    /// See `mean`.
    pub std: Vec<f32>,
}

/// Raw numbers of images.
#[derive(Debug)]
pub enum Pixels {
    /// Bytes, read as value / 255 (or the divisor given, 16 for scikit-learn's digits).
    Bytes { data: Vec<u8>, divisor: f32 },
    /// Numbers as they are.
    Floats(Vec<f32>),
    /// Numbers of words: `shape[0]` of each example, and the one that follows. What is to be predicted at each is the next.
    Words(Vec<u32>),
    /// Those of another source with noise added after normalisation: its standard deviation in normalised units, and the stream that it is
    /// drawn from, a part of which by the id of each example.
    Noisy(Arc<Source>, f64, Stream),
}

/// A choice of examples from a source, with the labels they carry here.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Where they come from.
    pub source: Arc<Source>,
    /// The examples chosen, as indices into the source: their ids. They survive subsetting and relabelling.
    pub ids: Arc<Vec<u32>>,
    /// Their labels here, which may differ from the source's.
    pub labels: Arc<Vec<u32>>,
}

impl Dataset {
    /// Returns the number of examples.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Returns the names of the classes, by label; of words their vocabulary.
    pub fn classes(&self) -> &[String] {
        &self.source.classes
    }

    /// Returns how many labels an example has: one, or, of words, one at each.
    pub fn labels_each(&self) -> usize {
        match self.source.images.data {
            Pixels::Words(_) => self.source.images.shape.iter().product(),
            _ => 1,
        }
    }
}

/// Named weights: `(name, shape, numbers)`, in the network's order, PyTorch's names and layouts.
pub type Weights = Vec<(String, Vec<usize>, Vec<f32>)>;

/// A network with weights, and what it remembers of its training.
#[derive(Clone, Debug)]
pub struct Model {
    /// The network.
    pub net: Arc<Net>,
    /// Parameters and running statistics after the last epoch.
    pub weights: Arc<Weights>,
    /// Kept weights of earlier epochs: `(epochs trained, weights)`.
    pub snapshots: Vec<(usize, Arc<Weights>)>,
    /// Per epoch: columns `epoch`, `loss`, `accuracy`, `rate`, and what was recorded.
    pub history: Table,
    /// Ids of the examples trained on, ascending.
    pub trained_on: Arc<Vec<u32>>,
    /// Names of the classes, by output.
    pub classes: Vec<String>,
}

/// A representation of examples.
#[derive(Clone, Debug)]
pub struct Stages {
    /// Examples x units.
    pub x: Array2<f64>,
    /// Ids of the rows.
    pub ids: Arc<Vec<u32>>,
    /// Labels of the rows; empty where there are none.
    pub labels: Arc<Vec<u32>>,
    /// Names of the classes, by label.
    pub classes: Vec<String>,
    /// Whether ids only number the rows, so that equal ids of two representations need not mean one example; else they are those of a
    /// data set's examples.
    pub numbered: bool,
    /// What is to be known of how it was made, such as `captured energy`.
    pub notes: Vec<(String, f64)>,
}

/// One number per example.
#[derive(Clone, Debug, Default)]
pub struct Scores {
    /// The numbers; NaN where an example has none.
    pub values: Vec<f64>,
    /// Ids of the examples.
    pub ids: Arc<Vec<u32>>,
    /// Labels of the examples; empty where there are none.
    pub labels: Arc<Vec<u32>>,
    /// Names of the classes, by label.
    pub classes: Vec<String>,
    /// Why no example of a label has a number, where that is known: the label, and the reason.
    pub missing: Arc<Vec<(u32, String)>>,
    /// What the numbers err by together: an estimate that all were compared with, the runs that each is a mean over.
    pub loadings: Loadings,
    /// The data set whose examples these are, where the plan knows it: the engine says so when it hands scores on. It is no part of the value.
    pub about: Option<Arc<str>>,
}

/// The first id of rows of tables: far above the ids of examples, so that a row and an example never meet.
pub const ROW_IDS: u32 = 1 << 31;

/// Why a value about a class, a bin or a group is absent that no example is of.
pub const NO_EXAMPLES: &str = "no examples here";

impl Scores {
    /// Returns the numbers of a table's column, one for each row. They meet numbers of other rows by their places.
    pub fn of_rows(values: Vec<f64>) -> Scores {
        let ids = (0..values.len() as u32).map(|i| ROW_IDS | i).collect();
        Scores { values, ids: Arc::new(ids), ..Scores::default() }
    }

    /// Returns other numbers of the same examples, which err by nothing together.
    pub fn with(&self, values: Vec<f64>) -> Scores {
        Scores { values, loadings: Loadings::default(), ..self.clone() }
    }

    /// Returns why an example (its place in the list) has no number, where that is known.
    pub fn reason(&self, i: usize) -> Option<&str> {
        let label = self.labels.get(i)?;
        self.missing.iter().find(|(l, _)| l == label).map(|(_, why)| why.as_str())
    }

    /// Returns what an id numbers, `example` or `row`, and its number.
    pub fn named(id: u32) -> (&'static str, u32) {
        if id < ROW_IDS { ("example", id) } else { ("row", id - ROW_IDS) }
    }
}

/// A number with its standard error.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// The number.
    pub value: f64,
    /// Its Monte Carlo (or sampling) standard error, where it is an estimate.
    pub error: Option<f64>,
    /// How many values it was made from, where some were absent or it is a reduction.
    pub count: Option<u64>,
    /// What its error is made of, where that is told apart.
    pub parts: Parts,
}

impl Number {
    /// Returns a number with its standard error and how many values it was made from, where these are known.
    pub fn new(value: f64, error: Option<f64>, count: Option<u64>) -> Self {
        Number { value, error, count, parts: Parts::default() }
    }

    /// Returns an exact number: a count, a setting, a coordinate.
    pub fn exact(value: f64) -> Self {
        Number { value, error: None, count: None, parts: Parts::exact() }
    }

    /// Returns whether this is a measurement whose error nobody knows.
    pub fn no_error_known(&self) -> bool {
        self.error.is_none() && !self.parts.is_exact()
    }

    /// Returns an estimate with its standard error.
    pub fn estimate(value: f64, error: f64) -> Self {
        Number::new(value, Some(error), None)
    }

    /// Returns the number as it is handed on: what only it errs by is named by the key of its cell.
    pub fn named(self, key: &Hash) -> Self {
        match self.error.filter(|e| *e > 0.0 && e.is_finite()) {
            Some(error) => Number { parts: self.parts.named(error, key), ..self },
            None => self,
        }
    }

    /// Returns the standard error of a function of numbers, given its derivative by each, and what that error is made of: first order, numbers
    /// that share sources of error err together, others independently. No error where all numbers are exact, where that of one is not known, or
    /// where it would not be finite.
    pub fn propagated(terms: &[(f64, &Number)]) -> (Option<f64>, Parts) {
        let mut shares = Shares::default();
        let (mut untold, mut some) = (Vec::new(), false);
        if terms.iter().any(|(_, n)| n.no_error_known()) {
            return (None, Parts::default());
        }
        // Of one estimate among exact numbers: so many times what it errs by.
        let mut erring = terms.iter().filter(|(_, n)| n.error.is_some());
        if let (Some((slope, n)), None) = (erring.next(), erring.next())
            && let Some(error) = n.error.map(|e| (slope * e).abs()).filter(|e| e.is_finite())
            && n.parts.told().is_some()
        {
            return (Some(error), n.parts.times(*slope));
        }
        for (slope, n) in terms {
            let Some(error) = n.error else { continue };
            if !(slope * error).is_finite() {
                return (None, Parts::default());
            }
            some = true;
            match n.parts.told() {
                Some(parts) => parts.for_each(|(source, share)| shares.add(source, slope * share)),
                None => untold.push(slope * error),
            }
        }
        if !some {
            return (None, Parts::exact());
        }
        let (error, parts) = shares.finish();
        let (error, parts) = match untold.iter().all(|e| *e == 0.0) {
            true => (error, parts),
            false => (norm(untold.into_iter().chain([error])), Parts::default()),
        };
        (Some(error).filter(|e| e.is_finite()), parts)
    }
}

/// The outcome of a comparison, with both sides as they were.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Whether it holds.
    pub holds: bool,
    /// Whether the sides are closer than two standard errors.
    pub within_error: bool,
    /// Whether a side is a measurement whose error nobody knows, so that nothing tells whether the sides are closer than that.
    pub no_error: bool,
    /// Both sides, written out.
    pub text: String,
}

impl Truth {
    /// Returns what became of it, as claims and reports say.
    pub fn verdict(&self) -> &'static str {
        match (self.holds, self.within_error, self.no_error) {
            (true, false, false) => "held",
            (true, true, _) => "held, within error",
            (false, true, _) => "failed, within error",
            (false, false, false) => "failed",
            (true, false, true) => "held, no error known",
            (false, false, true) => "failed, no error known",
        }
    }
}

/// Columns of equal length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Names and cells of the columns.
    pub columns: Vec<(String, Column)>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Numbers; NaN where there is none.
    Numbers(Vec<f64>),
    /// Texts.
    Texts(Vec<String>),
}

impl Column {
    /// Returns the number of cells.
    pub fn len(&self) -> usize {
        match self {
            Column::Numbers(x) => x.len(),
            Column::Texts(x) => x.len(),
        }
    }

    /// Returns whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Table {
    /// Returns a column's numbers by name.
    pub fn numbers(&self, name: &str) -> Option<&[f64]> {
        self.columns.iter().find_map(|(n, c)| match c {
            Column::Numbers(x) if n == name => Some(x.as_slice()),
            _ => None,
        })
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |c| c.1.len())
    }

    /// Returns the first rows, `count` of them at most.
    pub fn head(&self, count: usize) -> Table {
        let columns = self.columns.iter().map(|(name, column)| {
            let head = match column {
                Column::Numbers(x) => Column::Numbers(x.iter().take(count).copied().collect()),
                Column::Texts(x) => Column::Texts(x.iter().take(count).cloned().collect()),
            };
            (name.clone(), head)
        });
        Table { columns: columns.collect() }
    }
}

/// A picture in both forms.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Scalable form.
    pub svg: String,
    /// Pixels, as a PNG file.
    pub png: Vec<u8>,
    /// What is shown, in a sentence or two: pooling, counts, errors.
    pub caption: String,
    /// The numbers that were drawn.
    pub data: Table,
}

/// Arrays with a description: what artifacts are made of on disk, and what families of kernels keep between themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct Pack {
    /// What it is, such as `density.dp`.
    pub kind: String,
    /// Everything that is not an array.
    pub meta: Json,
    /// Arrays by name, in a fixed order.
    pub arrays: Vec<(String, Array)>,
}

/// An array of any shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its numbers in row-major order.
    pub data: ArrayData,
}

/// The numbers of an array.
#[derive(Clone, Debug, PartialEq)]
pub enum ArrayData {
    /// 64-bit floats.
    F64(Vec<f64>),
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 32-bit unsigned integers.
    U32(Vec<u32>),
    /// Bytes.
    U8(Vec<u8>),
}

impl Pack {
    /// Returns an array by name.
    pub fn array(&self, name: &str) -> Option<&Array> {
        self.arrays.iter().find(|(n, _)| n == name).map(|(_, a)| a)
    }

    /// Returns the numbers of an `f64` array by name, empty where there is none.
    pub fn f64s(&self, name: &str) -> &[f64] {
        match self.array(name) {
            Some(Array { data: ArrayData::F64(x), .. }) => x,
            _ => &[],
        }
    }

    /// Returns the numbers of a `u32` array by name, empty where there is none.
    pub fn u32s(&self, name: &str) -> &[u32] {
        match self.array(name) {
            Some(Array { data: ArrayData::U32(x), .. }) => x,
            _ => &[],
        }
    }
}

impl Value {
    /// Returns the word for what this is, for messages.
    pub fn word(&self) -> &'static str {
        match self {
            Value::Dataset(_) => "dataset",
            Value::Model(_) => "model",
            Value::Stages(_) => "stages",
            Value::Scores(_) => "scores",
            Value::Number(_) => "number",
            Value::Truth(_) => "truth",
            Value::Word(_) => "word",
            Value::Record(_) => "record",
            Value::List(_) => "list",
            Value::Table(_) => "table",
            Value::Figure(_) => "figure",
            Value::Pack(_) => "pack",
            Value::Absent(_) => "absent",
        }
    }
}
