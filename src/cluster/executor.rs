//! Whatever runs jobs: a batch system, as far as cfx needs one. [`super::slurm`] is one; another is another file with these four functions.

use super::cut::Kind;
use super::site::Site;
use std::path::{Path, PathBuf};

/// A batch of alike tasks to be sent as one array of jobs.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// Name of the jobs, for people.
    pub name: String,
    /// Where they run.
    pub site: &'a Site,
    /// What they run on.
    pub kind: Kind,
    /// Number of the first task; the others follow.
    pub first: usize,
    /// How many there are.
    pub count: usize,
    /// Seconds that each may take.
    pub seconds: f64,
    /// Bytes of memory that each may take.
    pub memory: f64,
    /// The `cfx` to run.
    pub cfx: PathBuf,
    /// The folder that says what the tasks are.
    pub folder: PathBuf,
}

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// In the queue.
    Waiting,
    /// On a node.
    Running,
}

/// A job that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The array's id, as [`Executor::submit`] gave it.
    pub id: String,
    /// Its place in the array, from 0.
    pub element: usize,
    /// Where it is.
    pub at: At,
    /// Why it waits, or on which node it runs, in the system's words; empty where it does not say.
    pub words: String,
}

/// A batch system. Every error is a sentence.
pub trait Executor {
    /// Returns the text that [`Executor::submit`] sends: a pure function.
    fn script(&self, order: &Order) -> String;

    /// Sends a batch script that lies in a file; its jobs begin when those of the arrays `after` are over, however they ended. With `elements`, only
    /// those of the array are sent. Returns the array's id.
    fn submit(&mut self, script: &Path, after: &[String], elements: Option<&[usize]>) -> Result<String, String>;

    /// Returns the jobs of this user that are not over, in one question.
    fn jobs(&mut self) -> Result<Vec<Job>, String>;

    /// Ends all jobs of these arrays.
    fn cancel(&mut self, ids: &[String]) -> Result<(), String>;
}

/// Returns a word of shell that stands for this text.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%=".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_string() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
