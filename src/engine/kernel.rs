//! The contract between the engine and whatever computes.

use super::value::{Dataset, Model, Number, Pack, Scores, Stages, Value};
use crate::base::Stream;
use crate::lang::Settings;
use crate::plan::facts::Planned;
use crate::plan::files::Files;
pub use crate::plan::graph::LabelledAxis;
use std::sync::Arc;

/// An operation that can be run. One implementation for each `extern` of the standard library.
pub trait Kernel: Planned {
    /// Computes one cell. Must give equal bits for equal jobs, whatever the number of threads.
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure>;
}

/// One cell's work.
#[derive(Clone, Debug)]
pub struct Job {
    /// The operation's name.
    pub op: String,
    /// Its settings, defaults filled in.
    pub settings: Settings,
    /// Its inputs by parameter name.
    pub inputs: Vec<(String, Labelled)>,
    /// Its random stream: named by the root seed, the operation, and `seed:` or the cell's coordinates.
    pub stream: Stream,
    /// The cell's coordinates, outermost axis first: axis name, coordinate.
    pub at: Vec<(String, String)>,
}

/// Values over the axes that an operation takes in whole; no axes: a single value.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// The axes, outermost first.
    pub axes: Vec<LabelledAxis>,
    /// The values in row-major order; as many as the product of the axes' lengths.
    pub values: Vec<Value>,
}

impl Labelled {
    /// Returns a single value without axes.
    pub fn single(value: Value) -> Self {
        Labelled { axes: Vec::new(), values: vec![value] }
    }
}

/// Why a cell has no result.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The data do not allow it: a sentence, and what to do. The cell is reported as failed.
    Failed { message: String, help: Option<String> },
    /// There is nothing to compute here, for a reason (a class with too few members). The cell ends absent.
    Absent(String),
    /// The run was interrupted; checkpoints are written.
    Interrupted,
}

/// What is said of a result that no number is large enough for.
pub const OVERFLOWS: &str = "overflows: larger than 1.8e308";

impl Failure {
    /// Returns that there is no result because no number is large enough for `what`.
    pub fn overflows(what: &str) -> Self {
        Failure::Absent(format!("{what} {OVERFLOWS}"))
    }

    /// Returns a failure with a sentence.
    pub fn new(message: impl Into<String>) -> Self {
        Failure::Failed { message: message.into(), help: None }
    }

    /// Adds what to do.
    pub fn help(self, words: impl Into<String>) -> Self {
        match self {
            Failure::Failed { message, .. } => Failure::Failed { message, help: Some(words.into()) },
            other => other,
        }
    }
}

/// What the engine offers a running kernel.
pub trait Context: Sync {
    /// Returns whether the run is being stopped: write a checkpoint and return [`Failure::Interrupted`].
    fn interrupted(&self) -> bool;

    /// Says how far the cell is: steps done and in all, and a few figures to show (`loss`, `components`).
    fn progress(&self, done: u64, total: u64, figures: &[(&str, f64)]);

    /// Returns the checkpoint that an earlier, stopped run of this very cell left.
    fn restore(&self) -> Option<Vec<u8>>;

    /// Keeps a checkpoint of this cell. Atomic; replaces the last one.
    fn checkpoint(&self, bytes: &[u8]);

    /// Returns whether it is time for a checkpoint (the engine decides by the clock; results never depend on it).
    fn checkpoint_due(&self) -> bool;

    /// Returns the files that may be read.
    fn files(&self) -> &Files;

    /// Returns whether other cells keep the rest of the machine busy now, so that a loop too short to be worth spreading had better not
    /// be. Results never depend on it.
    fn busy(&self) -> bool {
        false
    }

    /// Returns the name of the data set whose examples the inputs are about, where the plan knows it.
    fn about(&self) -> Option<Arc<str>> {
        None
    }

    /// Returns what networks run on: `cpu`, or the name of an accelerator.
    fn device(&self) -> &str {
        "cpu"
    }
}

/// A context that does nothing: for tests and for use as a library.
pub struct Quiet {
    /// The files that may be read.
    pub files: Files,
}

impl Default for Quiet {
    fn default() -> Self {
        Quiet { files: Files::new(std::path::Path::new("."), &[]) }
    }
}

impl Context for Quiet {
    fn interrupted(&self) -> bool {
        false
    }
    fn progress(&self, _done: u64, _total: u64, _figures: &[(&str, f64)]) {}
    fn restore(&self) -> Option<Vec<u8>> {
        None
    }
    fn checkpoint(&self, _bytes: &[u8]) {}
    fn checkpoint_due(&self) -> bool {
        false
    }
    fn files(&self) -> &Files {
        &self.files
    }
}

impl Job {
    /// Returns the input of that name with its axes, where the call gave one.
    pub fn labelled(&self, name: &str) -> Option<&Labelled> {
        self.inputs.iter().find(|(n, _)| n == name).map(|(_, l)| l)
    }

    /// Returns the single value of the input of that name, where the call gave one.
    pub fn input(&self, name: &str) -> Option<&Value> {
        self.labelled(name).and_then(|l| l.values.first())
    }

    /// Returns a data set. An absent input makes the cell absent; the checker has ruled out everything else.
    pub fn dataset(&self, name: &str) -> Result<&Arc<Dataset>, Failure> {
        match self.input(name) {
            Some(Value::Dataset(d)) => Ok(d),
            other => Err(mismatch(name, "dataset", other)),
        }
    }

    /// Returns a model; as [`Job::dataset`].
    pub fn model(&self, name: &str) -> Result<&Arc<Model>, Failure> {
        match self.input(name) {
            Some(Value::Model(m)) => Ok(m),
            other => Err(mismatch(name, "model", other)),
        }
    }

    /// Returns a representation; as [`Job::dataset`], absent too where it has no rows.
    pub fn stages(&self, name: &str) -> Result<&Arc<Stages>, Failure> {
        match self.input(name) {
            Some(Value::Stages(s)) if s.x.nrows() == 0 => Err(Failure::Absent(format!("`{name}` has no examples"))),
            Some(Value::Stages(s)) => Ok(s),
            other => Err(mismatch(name, "stages", other)),
        }
    }

    /// Returns scores; as [`Job::dataset`].
    pub fn scores(&self, name: &str) -> Result<&Arc<Scores>, Failure> {
        match self.input(name) {
            Some(Value::Scores(s)) => Ok(s),
            other => Err(mismatch(name, "scores", other)),
        }
    }

    /// Returns a number; as [`Job::dataset`].
    pub fn number(&self, name: &str) -> Result<Number, Failure> {
        match self.input(name) {
            Some(Value::Number(n)) => Ok(n.clone()),
            other => Err(mismatch(name, "number", other)),
        }
    }

    /// Returns a pack; as [`Job::dataset`].
    pub fn pack(&self, name: &str) -> Result<&Arc<Pack>, Failure> {
        match self.input(name) {
            Some(Value::Pack(p)) => Ok(p),
            other => Err(mismatch(name, "pack", other)),
        }
    }
}

/// Returns the failure for an input that is not what the kernel needs; absence is passed on.
pub fn mismatch(name: &str, wanted: &str, got: Option<&Value>) -> Failure {
    match got {
        Some(Value::Absent(why)) => Failure::Absent(why.clone()),
        Some(other) => Failure::new(format!("the input `{name}` is a {} where a {wanted} is needed", other.word())),
        None => Failure::new(format!("the input `{name}` is missing")),
    }
}

/// Work that cells of several operations share: a pass of a network over a data set.
pub trait Joint: Send + Sync {
    /// Computes cells that have the work in common, each with the bits that [`Kernel::run`] gives it. One result for each job, in their order.
    fn run(&self, jobs: &[Job], cx: &dyn Context) -> Vec<Result<Value, Failure>>;
}

/// Finds kernels by the operation's name.
pub trait Kernels: Sync {
    /// Returns the kernel of that name.
    fn kernel(&self, name: &str) -> Option<&dyn Kernel>;

    /// Returns who does the shared work of that name ([`crate::plan::facts::Share`]); without one, cells that share it run one by one.
    fn joint(&self, _work: &str) -> Option<&dyn Joint> {
        None
    }
}
