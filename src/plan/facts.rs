//! What is known of a result before it is computed, and what an operation says about itself before it runs.

use super::axis::LabelledAxis;
use super::files::Files;
pub use super::problem::Problem;
use crate::base::Name;
use crate::lang::Settings;
use crate::lang::kind::Kind;
use crate::lang::net::ir::Net;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// What is known of a result before it is computed. Everything is optional; what is known is right.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Names of the classes of a data set, or of what was made from one.
    pub classes: Option<Vec<String>>,
    /// Whether the classes are folders in natural order (2 before 10): programs that sort names number them otherwise.
    pub natural: bool,
    /// Number of examples in each class.
    pub class_sizes: Option<Vec<usize>>,
    /// The splits of the data set that the examples come from, whole.
    pub splits: Vec<SplitFacts>,
    /// Names of the splits that these examples may come from.
    pub from: Vec<String>,
    /// Splits whose examples may be mixed here without anyone having said so: several names for a data set of several splits, and for
    /// choices of it; none after `split` (`d.train`, or `d.all`, which says that all are meant).
    pub mixed: Vec<String>,
    /// Number of examples (rows).
    pub rows: Option<usize>,
    /// No more examples than this, where only a result tells their number.
    pub rows_at_most: Option<usize>,
    /// Whether the examples have labels.
    pub labelled: Option<bool>,
    /// Whose examples these are: the name of the data set that their ids count. Nothing where rows are only numbered.
    pub source: Option<Arc<str>>,
    /// Number of units of a representation (columns).
    pub dim: Option<usize>,
    /// Shape of one example: `[height, width, channels]` or `[features]`.
    pub shape: Option<Vec<usize>>,
    /// Labels of one example, where it has several: a word to predict at each of its words.
    pub labels_each: Option<usize>,
    /// Coordinates of the axis that the operation adds, where only files tell (the stages of `load_stages`).
    pub coordinates: Option<Vec<String>>,
    /// Taps of a model's network: name, and shape of one example's activation.
    pub taps: Vec<(String, Vec<usize>)>,
    /// A model's network, once the shapes of its data are known.
    pub net: Option<Arc<Net>>,
    /// Columns of the tables among a record's parts: the part, and its columns.
    pub tables: Vec<(String, Vec<String>)>,
    /// Epochs after which a model's weights are kept, ascending, the last one among them.
    pub kept: Option<Vec<usize>>,
    /// Bytes of the buffers of a pass of a model over a batch of examples, in evaluation.
    pub pass_bytes: Option<f64>,
    /// What numbers of examples are subtracted from and divided by, of a model those that it was trained on: means and deviations of channels,
    /// one where all channels have the same. Empty where nothing is.
    pub scaled: Option<Arc<[f64]>>,
    /// Splits whose examples a model was trained on, each with the name of its data set.
    pub learnt: Vec<(Arc<str>, String)>,
    /// Multiply-adds of one example's forward pass through a model.
    pub multiply_adds: Option<u64>,
    /// Columns of a table, or of a model's history. Nothing where only the run tells.
    pub columns: Option<Vec<String>>,
    /// Columns that are known to hold words; those of a table among a record's parts stand behind the part's name: `leaves.name`.
    pub texts: Vec<String>,
    /// Whether a representation tells how much of its energy `svd` kept. Nothing where only the run tells.
    pub reduced: Option<bool>,
    /// What a fitted density will be, for what is computed from it.
    pub density: Option<DensityFacts>,
    /// Units of the result's numbers: the part of a record (empty for the value itself), and its unit.
    pub units: Vec<(String, String)>,
    /// The words that the result may be, where it is one: those of a group. None where it is absent.
    pub words: Option<Vec<String>>,
    /// Names of axes along which results share units of pairs: the partner of the axis was taken in (`mean(k, over: run_other)` over `run`).
    pub shared: Vec<Name>,
    /// Files that the operation reads; their contents enter the key.
    pub files: Vec<PathBuf>,
    /// Size of the artifact in bytes, where it can be told.
    pub bytes: Option<u64>,
    /// What is right and worth a warning.
    pub warnings: Vec<Problem>,
}

/// One split of a data set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SplitFacts {
    /// Its name.
    pub name: String,
    /// Its examples.
    pub rows: usize,
    /// Its examples in each class, where labels are known before the run.
    pub class_sizes: Option<Vec<usize>>,
}

impl Facts {
    /// Returns the number of examples, or the most that there can be: what estimates go by.
    pub fn most_rows(&self) -> Option<usize> {
        self.rows.or(self.rows_at_most)
    }

    /// Returns what is known of a result with a row or a number for each of these examples: which they are, and their classes.
    pub fn each_example(&self) -> Facts {
        Facts {
            classes: self.classes.clone(),
            natural: self.natural,
            class_sizes: self.class_sizes.clone(),
            rows: self.rows,
            rows_at_most: self.rows_at_most,
            labelled: self.labelled,
            source: self.source.clone(),
            splits: self.splits.clone(),
            mixed: self.mixed.clone(),
            from: self.from.clone(),
            ..Facts::default()
        }
    }

    /// Returns what is known of a value that is this or another: what holds of both.
    pub fn either(&self, other: &Facts) -> Facts {
        fn same<T: Clone + PartialEq>(a: &Option<T>, b: &Option<T>) -> Option<T> {
            a.clone().filter(|_| a == b)
        }
        fn list<T: Clone + PartialEq>(a: &[T], b: &[T]) -> Vec<T> {
            if a == b { a.to_vec() } else { Vec::new() }
        }
        fn most<T: PartialOrd>(a: Option<T>, b: Option<T>) -> Option<T> {
            a.zip(b).map(|(a, b)| if a < b { b } else { a })
        }
        let all = |a: &[String], b: &[String]| {
            let more = b.iter().filter(|name| !a.contains(name));
            a.iter().chain(more).cloned().collect::<Vec<_>>()
        };
        let rows = same(&self.rows, &other.rows);
        Facts {
            classes: same(&self.classes, &other.classes),
            natural: self.natural && other.natural,
            class_sizes: same(&self.class_sizes, &other.class_sizes),
            splits: list(&self.splits, &other.splits),
            from: if self.from.is_empty() || other.from.is_empty() { Vec::new() } else { all(&self.from, &other.from) },
            mixed: all(&self.mixed, &other.mixed),
            rows,
            rows_at_most: most(self.most_rows(), other.most_rows()).filter(|_| rows.is_none()),
            labelled: same(&self.labelled, &other.labelled),
            source: same(&self.source, &other.source),
            dim: same(&self.dim, &other.dim),
            shape: same(&self.shape, &other.shape),
            labels_each: same(&self.labels_each, &other.labels_each),
            coordinates: same(&self.coordinates, &other.coordinates),
            taps: list(&self.taps, &other.taps),
            net: same(&self.net, &other.net),
            tables: list(&self.tables, &other.tables),
            kept: same(&self.kept, &other.kept),
            pass_bytes: most(self.pass_bytes, other.pass_bytes),
            multiply_adds: most(self.multiply_adds, other.multiply_adds),
            scaled: same(&self.scaled, &other.scaled),
            learnt: self.learnt.iter().chain(other.learnt.iter().filter(|l| !self.learnt.contains(l))).cloned().collect(),
            columns: same(&self.columns, &other.columns),
            texts: self.texts.iter().filter(|name| other.texts.contains(name)).cloned().collect(),
            reduced: same(&self.reduced, &other.reduced),
            density: same(&self.density, &other.density),
            units: list(&self.units, &other.units),
            words: self.words.as_ref().zip(other.words.as_ref()).map(|(a, b)| all(a, b)),
            shared: self.shared.iter().chain(other.shared.iter().filter(|n| !self.shared.contains(n))).cloned().collect(),
            files: Vec::new(),
            bytes: most(self.bytes, other.bytes),
            warnings: Vec::new(),
        }
    }

    /// Returns the numbers of the examples of the splits that these may come from, where these are known: splits lie one after another.
    pub fn spans(&self) -> Vec<Range<usize>> {
        if !self.from.iter().all(|name| self.splits.iter().any(|s| s.name == *name)) {
            return Vec::new();
        }
        let ends = self.splits.iter().scan(0, |end, split| {
            *end += split.rows;
            Some(*end)
        });
        let from = self.splits.iter().zip(ends).filter(|(split, _)| self.from.contains(&split.name));
        from.map(|(split, end)| end - split.rows..end).collect()
    }

    /// Returns the lowest number that an example of the splits that these may come from has, where these are known.
    pub fn first_number(&self) -> Option<usize> {
        self.spans().first().map(|span| span.start)
    }

    /// Returns the number of examples of the splits that these may come from, where they are all of them.
    pub fn whole(&self) -> Option<usize> {
        let all: usize = self.splits.iter().filter(|s| self.from.contains(&s.name)).map(|s| s.rows).sum();
        self.rows.filter(|n| !self.from.is_empty() && *n == all)
    }
}

/// Checks that two inputs, `a` and the parameter `b`, are about examples of one data set, where that is known.
pub fn one_source(a: (&str, &Facts), b: (&'static str, &Facts)) -> Result<(), Problem> {
    match (&a.1.source, &b.1.source) {
        (Some(first), Some(second)) if first != second => Err(Problem {
            code: "cfx::data::other_examples",
            parameter: Some(b.0),
            message: format!("`{}` is about examples of `{first}`, and `{}` about examples of `{second}`", a.0, b.0),
            help: Some("examples meet by their places in one data set: make both from the same".to_string()),
        }),
        _ => Ok(()),
    }
}

/// What is known of a density before it is fitted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DensityFacts {
    /// Whether it is of one class, among others of theirs.
    pub by_class: bool,
    /// Rows of the largest class; its own rows where it is not by class.
    pub most_rows: Option<usize>,
    /// States that it keeps, and chains that they are of.
    pub states: usize,
    pub chains: usize,
    /// Whether it is fitted as the published code did.
    pub published: bool,
    /// Distinct components that its states are expected to have.
    pub components: f64,
    /// Seconds of one core that fitting it takes.
    pub seconds: f64,
    /// Whether these are the most it takes.
    pub at_most: bool,
}

/// What a cell is expected to take.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Seconds of one core.
    pub seconds: f64,
    /// Bytes of memory at the peak.
    pub memory: f64,
    /// Bytes of the artifact on disk.
    pub disk: f64,
}

/// Work that a cell shares with others that run beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// The work: who does it finds it by this name (`engine::Kernels::joint`).
    pub work: &'static str,
    /// Slots whose cells must be the same for two cells to share it.
    pub slots: &'static [&'static str],
    /// Seconds of one core, among those of [`Cost`], that are taken once for all.
    pub seconds: f64,
}

/// How an operation's results are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// In the store.
    Stored,
    /// Nowhere: cheaper to compute than to keep (selection, arithmetic, views of data sets).
    Inline,
    /// In the store until every planned consumer has run, then only its key and content hash (weights).
    Transient,
}

/// An input as it is known before the run: the slot's name, the coordinates of gathered cells (empty for one cell), their facts.
pub type KnownInput<'a> = (&'a str, Vec<&'a Facts>);

/// The shape of what a slot is given, as it is known before the run.
#[derive(Clone, Debug)]
pub struct Shape<'a> {
    /// The slot's name.
    pub slot: &'a str,
    /// What each cell holds.
    pub kind: &'a Kind,
    /// The axes taken in whole, outermost first. An axis whose coordinates only files tell has the one coordinate `?` during `check`.
    pub axes: &'a [LabelledAxis],
    /// Whether examples behind it are of classes: labelled, or from a file that may have labels.
    pub classes: bool,
    /// What is known of each cell, in row-major order.
    pub facts: &'a [&'a Facts],
}

/// What an operation says about itself before it runs. `engine::Kernel` adds the running.
pub trait Planned: Send + Sync {
    /// Returns the version of the computation; raised whenever results change for equal inputs.
    fn version(&self) -> u32 {
        1
    }

    /// Returns how results are kept.
    fn policy(&self) -> Policy {
        Policy::Stored
    }

    /// Returns whether the operation is to see an absent value in this slot; otherwise the cell is absent without being run.
    /// (Slots with axes always hold their absent values.)
    fn takes_absent(&self, _slot: &str) -> bool {
        false
    }

    /// Returns the settings that came when results were already kept, with the word that leaves everything as it was (`none`: nothing, or
    /// an empty list): at that word, they are no part of the key.
    fn later(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Returns how many numbers a network given to the operation must end in, for data of `classes` classes.
    fn outputs(&self, classes: usize) -> usize {
        classes
    }

    /// Returns the part that is meant of a network that ends in one number in place of [`Planned::outputs`]: the generator of two networks against
    /// each other.
    fn part(&self, _network: &Net) -> Option<Arc<Net>> {
        None
    }

    /// Returns the slot of which the operation is told whether it holds truth values, and the setting that says so: truth values per example are kept as
    /// numbers.
    fn told_of_truths(&self) -> Option<(&'static str, &'static str)> {
        None
    }

    /// Says whether the inputs are of shapes that the operation can do something with, and whether each setting has something to act on.
    fn fits(&self, _settings: &Settings, _shapes: &[Shape]) -> Result<(), Problem> {
        Ok(())
    }

    /// Returns what is right about these shapes and worth a warning.
    fn doubts(&self, _settings: &Settings, _shapes: &[Shape]) -> Option<Problem> {
        None
    }

    /// Returns what is known of the result. `files` is nothing during `check`, which reads no data.
    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        // Most operations keep the classes of their first input and nothing else.
        Ok(inputs
            .first()
            .and_then(|(_, f)| f.first())
            .map_or_else(Facts::default, |f| Facts { classes: f.classes.clone(), ..Facts::default() }))
    }

    /// Returns what the cell is expected to take.
    fn cost(&self, _settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        Cost { seconds: 1e-4, memory: 1e4, disk: 200.0 }
    }

    /// Returns the bytes that the cell takes on the device that networks run on, where they do not run on the host's cores: 0 where it runs none.
    fn on_device(&self, _settings: &Settings, _inputs: &[KnownInput]) -> f64 {
        0.0
    }

    /// Returns whether the cost is the most that the cell takes: what it takes hangs on what it finds, and may be far less.
    fn at_most(&self, _settings: &Settings, _inputs: &[KnownInput]) -> bool {
        false
    }

    /// Returns the work that the cell shares with others of the same inputs, where they run together.
    fn share(&self, _settings: &Settings, _inputs: &[KnownInput]) -> Option<Share> {
        None
    }

    /// As [`Planned::cost`], for operations that need what is known of their own result: readers of data.
    fn cost_of(&self, settings: &Settings, inputs: &[KnownInput], _result: &Facts) -> Cost {
        self.cost(settings, inputs)
    }
}

/// Finds operations by name.
pub trait Operations {
    /// Returns the operation of that name.
    fn planned(&self, name: &str) -> Option<&dyn Planned>;
}

/// Returns the facts of the first cell in the slot of that name.
pub fn known<'a>(inputs: &'a [KnownInput<'a>], slot: &str) -> Option<&'a Facts> {
    inputs.iter().find(|(n, _)| *n == slot).and_then(|(_, f)| f.first().copied())
}
