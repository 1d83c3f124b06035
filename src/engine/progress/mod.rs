//! What is said while a run is going on.
//!
//! In: events of the executor, from several threads. Out: words and bars on the error output. Never: anything that results depend on.

pub mod bars;
pub mod json;
pub mod lines;
pub mod tally;

#[cfg(test)]
mod tests;

use std::io::IsTerminal;
use std::path::PathBuf;

pub use bars::Bars;
pub use json::JsonLines;
pub use lines::Lines;

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The run begins: the cells asked for as far as known, how many of them are in the store, and the seconds of one core expected for the others.
    Plan { cells: usize, cached: usize, seconds: f64, threads: usize },
    /// Another cell is needed than was known at the start, with the seconds it is expected to take.
    Needed { cell: usize, seconds: f64 },
    /// A cell begins.
    Started { cell: usize, title: String },
    /// A cell is so far, with a few figures.
    Progress { cell: usize, title: String, done: u64, total: u64, figures: Vec<(String, f64)> },
    /// A cell waits for another process that computes it.
    Waiting { cell: usize, title: String, holder: String },
    /// A cell is done.
    Finished { cell: usize, title: String, seconds: f64, expected: f64 },
    /// A cell turned out to be in the store.
    Cached { cell: usize, title: String },
    /// A cell has no value, for a reason.
    Absent { cell: usize, title: String, reason: String },
    /// A cell failed.
    Failed { cell: usize, title: String, message: String, help: Option<String>, log: Option<PathBuf> },
    /// A cell was not run because another one failed.
    Skipped { cell: usize, title: String, because: String },
    /// Something worth knowing, such as a damaged artifact that is computed again.
    Note { text: String },
    /// The run is over: cells computed, from the store, absent, failed, skipped or stopped.
    Ended { computed: usize, cached: usize, absent: usize, failed: usize, left: usize, seconds: f64 },
}

/// Whatever listens to a run. Called from several threads.
pub trait Observer: Sync {
    /// Takes an event.
    fn event(&self, event: &Event);
}

/// Listens to nothing.
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _event: &Event) {}
}

/// Returns what listens on the error output: JSON lines where asked for, bars on a terminal, plain lines elsewhere.
pub fn on_stderr(json: bool) -> Box<dyn Observer> {
    let out = std::io::stderr();
    if json {
        Box::new(JsonLines::new(out))
    } else if out.is_terminal() && std::env::var("TERM").is_ok_and(|t| t != "dumb") {
        Box::new(Bars::new(out))
    } else {
        Box::new(Lines::new(out))
    }
}
