//! Plans made in the background: what only files tell of a script, and what a run of it would do.

use super::shape;
use crate::api::{self, Expected, Registry, Source};
use crate::engine::Store;
use lsp_server::Message;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

/// A script to be planned.
pub struct Job {
    /// Its address.
    pub name: String,
    /// The version of its text.
    pub version: i64,
    /// The script.
    pub source: Source,
}

/// What is known of the scripts that are open: the version of each, and what was planned for it.
type Known = Arc<Mutex<BTreeMap<String, (i64, Vec<Expected>)>>>;

/// A thread that plans one script after the other.
pub struct Planner {
    jobs: Sender<Job>,
    known: Known,
}

impl Planner {
    /// Starts the thread; `send` takes messages for the editor.
    pub fn start(send: impl Fn(Message) + Send + 'static) -> Planner {
        let (jobs, next) = channel();
        let known = Known::default();
        let shared = known.clone();
        std::thread::spawn(move || work(&next, &shared, &send));
        Planner { jobs, known }
    }

    /// Has a script planned, in place of older versions of it.
    pub fn plan(&self, job: Job) {
        self.changed(&job.name, job.version);
        let _ = self.jobs.send(job);
    }

    /// Notes that a script has another version: what was planned holds no longer.
    pub fn changed(&self, name: &str, version: i64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(name) {
            Some((v, _)) if *v == version => {}
            _ => drop(known.insert(name.to_string(), (version, Vec::new()))),
        }
    }

    /// Notes that a script is no longer open.
    pub fn closed(&self, name: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// Returns what a run of a script would do; empty if that is not known of this version.
    pub fn expected(&self, name: &str) -> Vec<Expected> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(name).map(|(_, e)| e.clone()).unwrap_or_default()
    }
}

fn work(next: &Receiver<Job>, known: &Known, send: &dyn Fn(Message)) {
    let registry = Registry::standard();
    while let Ok(job) = next.recv() {
        let current = || known.lock().unwrap_or_else(PoisonError::into_inner).get(&job.name).map(|k| k.0) == Some(job.version);
        if !current() {
            continue;
        }
        // A fault in planning is the script's own trouble when it runs; the editor goes on without a plan.
        let Ok((diagnostics, expected)) = catch_unwind(AssertUnwindSafe(|| planned(&job, &registry))) else { continue };
        let mut open = known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of) = open.get_mut(&job.name).filter(|k| k.0 == job.version) {
            of.1 = expected;
            send(shape::published(&job.name, Some(job.version), diagnostics).into());
        }
    }
}

/// Returns all messages about a script, and what a run of it would do.
fn planned(job: &Job, registry: &Registry) -> (Vec<serde_json::Value>, Vec<Expected>) {
    let (checked, graph) = api::prepare(&job.source, registry);
    let sources = &checked.program.sources;
    let main = &sources.files()[checked.program.main];
    let mut diags = checked.diags.clone();
    let mut expected = Vec::new();
    match graph {
        Ok(graph) => {
            diags.extend(graph.warnings.clone());
            if let Ok(store) = Store::look(&job.source.folder.join(".cfx")) {
                expected = api::expected(&graph, &api::standings(&graph, &store));
            }
        }
        Err(found) => diags.extend(found),
    }
    (shape::diagnostics(&diags, sources, main, &job.name), expected)
}
