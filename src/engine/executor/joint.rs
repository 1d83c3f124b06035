//! Cells that share work, run together: one pass of a network for all that is read off it.

use super::Shared;
use super::cell::{Done, Prepared, Running, caught, conclude, prepare};
use crate::base::Hash;
use crate::engine::kernel::{Context, Failure, Job, Joint};
use crate::engine::value::Value;
use crate::plan::files::Files;
use crate::plan::graph::CellId;
use std::sync::Arc;
use std::time::Instant;

/// Runs cells that have work in common under their content keys. Each is taken to have had an equal part of the time. Does not panic.
pub(super) fn run(shared: &Shared, cells: &[(CellId, Hash)], joint: &dyn Joint) -> Vec<(CellId, Done)> {
    let start = Instant::now();
    let mut done = Vec::new();
    let mut jobs: Vec<Job> = Vec::new();
    let mut places: Vec<(CellId, Hash, bool)> = Vec::new();
    for (id, key) in cells {
        match prepare(shared, *id) {
            Ok(Prepared { job: Ok(job), noted }) => {
                jobs.push(job);
                places.push((*id, *key, noted));
            }
            Ok(Prepared { job: Err(why), noted }) => {
                done.push((*id, conclude(shared, *id, key, Ok(Value::Absent(why)), 0.0, noted)));
            }
            Err(why) => done.push((*id, why)),
        }
    }
    let context = Together(places.iter().map(|(id, key, _)| Running::new(shared, *id, *key)).collect());
    let op = jobs.first().map_or("", |j| j.op.as_str());
    let results = if jobs.is_empty() { Ok(Vec::new()) } else { caught(op, || joint.run(&jobs, &context)) };
    let seconds = start.elapsed().as_secs_f64() / jobs.len().max(1) as f64;
    let mut results = match results {
        Ok(results) => results.into_iter(),
        Err(Done::Failed { message, detail, .. }) => {
            let failed = || Done::Failed { message: message.clone(), help: None, internal: true, detail: detail.clone() };
            done.extend(places.iter().map(|(id, _, _)| (*id, failed())));
            return done;
        }
        Err(_) => Vec::new().into_iter(),
    };
    for (id, key, noted) in places {
        let result = results.next().unwrap_or_else(|| Err(Failure::new("the shared work gave no result for this cell")));
        done.push((id, conclude(shared, id, &key, result, seconds, noted)));
    }
    done
}

/// The contexts of cells that run together. Shared work keeps no checkpoints.
struct Together<'a>(Vec<Running<'a>>);

impl Context for Together<'_> {
    fn interrupted(&self) -> bool {
        self.0.iter().any(Running::interrupted)
    }

    fn progress(&self, done: u64, total: u64, figures: &[(&str, f64)]) {
        self.0.iter().for_each(|cell| cell.progress(done, total, figures));
    }

    fn restore(&self) -> Option<Vec<u8>> {
        None
    }

    fn checkpoint(&self, _bytes: &[u8]) {}

    fn checkpoint_due(&self) -> bool {
        false
    }

    fn files(&self) -> &Files {
        self.0[0].files()
    }

    fn busy(&self) -> bool {
        self.0.iter().any(Running::busy)
    }

    fn about(&self) -> Option<Arc<str>> {
        self.0.first().and_then(Running::about)
    }

    fn device(&self) -> &str {
        self.0[0].device()
    }
}
