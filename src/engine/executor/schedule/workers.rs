//! Threads that run cells. A cell has a thread of its own, outside the pool that kernels spread their loops over: a thread of the pool
//! that waits for pieces of its loop would take up another cell meanwhile, and the first one could not go on before that is done.

use crate::base::Hash;
use crate::engine::executor::cell::Done;
use crate::engine::executor::{Shared, cell, joint};
use crate::engine::store::StoreError;
use crate::plan::graph::CellId;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, Scope};
use std::time::Duration;

/// Cells for a worker, with their content keys.
pub(super) struct Task {
    pub cells: Vec<(CellId, Hash)>,
    /// The work that they share, where they do: they then run all at once, else one after the other.
    pub work: Option<&'static str>,
}

/// Bytes of stack of a thread.
const STACK: usize = 64 << 20;

/// Returns the pool for the loops of kernels, where it is not the process's own (which `engine::init` makes of the right size).
pub(super) fn pool(threads: usize) -> Result<Option<rayon::ThreadPool>, StoreError> {
    if rayon::current_num_threads() == threads.max(1) {
        return Ok(None);
    }
    crate::engine::device::threads(threads).build().map(Some).map_err(|e| StoreError::new(format!("cannot start threads: {e}")))
}

/// Threads that run cells, started when first needed.
pub(super) struct Workers<'scope, 'a> {
    shared: &'a Shared<'a>,
    scope: &'scope Scope<'scope, 'a>,
    pool: Option<&'a rayon::ThreadPool>,
    started: usize,
    tasks: Sender<Task>,
    queue: Arc<Mutex<Receiver<Task>>>,
    sender: Sender<Vec<(CellId, Done)>>,
    receiver: Receiver<Vec<(CellId, Done)>>,
}

impl<'scope, 'a> Workers<'scope, 'a> {
    /// Returns workers without threads yet. They end when this is dropped.
    pub(super) fn new(scope: &'scope Scope<'scope, 'a>, shared: &'a Shared<'a>, pool: Option<&'a rayon::ThreadPool>) -> Self {
        let ((tasks, queue), (sender, receiver)) = (channel(), channel());
        Workers { shared, scope, pool, started: 0, tasks, queue: Arc::new(Mutex::new(queue)), sender, receiver }
    }

    /// Has cells run; `working` workers are busy with them. Errors: no thread can be started.
    pub(super) fn give(&mut self, task: Task, working: usize) -> Result<(), String> {
        if working > self.started {
            let (shared, pool, queue, sender) = (self.shared, self.pool, self.queue.clone(), self.sender.clone());
            let builder = Builder::new().name(format!("{}-{}", crate::engine::panics::THREAD, self.started)).stack_size(STACK);
            match builder.spawn_scoped(self.scope, move || work(shared, pool, &queue, &sender)) {
                Ok(_) => self.started += 1,
                // Those that are there will come to it.
                Err(_) if self.started > 0 => {}
                Err(e) => return Err(format!("cannot start a thread: {e}")),
            }
        }
        self.tasks.send(task).map_err(|e| e.to_string())
    }

    /// Waits for cells to be done, and returns all that are, as they were given.
    pub(super) fn wait(&self, pause: Duration) -> Vec<Vec<(CellId, Done)>> {
        let first = self.receiver.recv_timeout(pause).ok();
        first.into_iter().chain(self.receiver.try_iter()).collect()
    }
}

/// Runs cells until no more come.
fn work(shared: &Shared, pool: Option<&rayon::ThreadPool>, queue: &Mutex<Receiver<Task>>, sender: &Sender<Vec<(CellId, Done)>>) {
    loop {
        let task = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(task) = task else { return };
        let one = |(id, key): (CellId, Hash)| {
            let done = catch_unwind(AssertUnwindSafe(|| cell::run(shared, id, &key))).unwrap_or_else(|_| Done::Failed {
                message: "internal error in the executor".to_string(),
                help: None,
                internal: true,
                detail: String::new(),
            });
            (id, done)
        };
        let run = || {
            // What took long is written when it is done, not when the last of all workers is.
            let _together = (task.cells.len() > 1).then(|| shared.store.batch());
            match task.work.and_then(|work| shared.kernels.joint(work)) {
                Some(work) => joint::run(shared, &task.cells, work),
                None => task.cells.into_iter().map(one).collect(),
            }
        };
        let done = match pool {
            Some(pool) => pool.install(run),
            None => run(),
        };
        if sender.send(done).is_err() {
            return;
        }
    }
}
