//! What an attempt says of itself while it computes: a small file, written every few seconds where there is something new.

use crate::cluster::campaign::{Folder, Stage, State};
use crate::engine::Observer;
use crate::engine::progress::Event;
use crate::engine::progress::tally::Tally;
use crate::engine::store::now;
use crate::plan::graph::CellId;
use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The file is written this often.
const BEAT: Duration = Duration::from_secs(3);

/// Listens to a run, hands everything on, and keeps a file about it.
pub(super) struct Recorder<'a> {
    folder: &'a Folder,
    task: usize,
    inner: &'a dyn Observer,
    own: BTreeSet<CellId>,
    told: Mutex<Told>,
    over: Condvar,
}

struct Told {
    state: State,
    tally: Tally,
    done: BTreeSet<CellId>,
    failed: BTreeSet<CellId>,
    over: bool,
}

impl<'a> Recorder<'a> {
    pub fn new(folder: &'a Folder, task: usize, attempt: &str, own: &[CellId], inner: &'a dyn Observer) -> Recorder<'a> {
        let node = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_string();
        // On a machine with several nodes of Slurm's the node's name tells more.
        let node = std::env::var("SLURMD_NODENAME").unwrap_or(node);
        let state = State {
            attempt: attempt.to_string(),
            stage: Stage::Running,
            node,
            began: now(),
            beat: now(),
            cells: own.len(),
            done: 0,
            failed: 0,
            now: String::new(),
            left: None,
        };
        let told = Told { state, tally: Tally::default(), done: BTreeSet::new(), failed: BTreeSet::new(), over: false };
        Recorder { folder, task, inner, own: own.iter().copied().collect(), told: Mutex::new(told), over: Condvar::new() }
    }

    /// Takes down which cells are there.
    pub fn found(&self, own: &[CellId], there: &dyn Fn(CellId) -> bool) {
        let found: Vec<CellId> = own.iter().copied().filter(|id| there(*id)).collect();
        self.told().done.extend(found);
    }

    /// Writes the file every few seconds until [`Recorder::end`].
    pub fn beat(&self) {
        let mut told = self.told();
        while !told.over {
            told.write(self.folder, self.task);
            told = self.over.wait_timeout(told, BEAT).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Writes how it ended, unless another attempt has begun.
    pub fn end(&self, stage: Stage, present: bool) {
        let mut told = self.told();
        told.over = true;
        told.state.stage = stage;
        if present {
            told.write(self.folder, self.task);
        }
        self.over.notify_all();
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn write(&mut self, folder: &Folder, task: usize) {
        let running: Vec<String> = self.tally.running.values().take(3).map(|c| c.title.clone()).collect();
        let state = &mut self.state;
        state.beat = now();
        state.failed = self.failed.len();
        state.done = self.done.difference(&self.failed).count();
        state.now = if state.stage == Stage::Running { running.join(", ") } else { String::new() };
        state.left = self.tally.left().filter(|_| state.stage == Stage::Running);
        folder.say(task, state);
    }
}

impl Observer for Recorder<'_> {
    fn event(&self, event: &Event) {
        {
            let mut told = self.told();
            told.tally.take_in(event);
            match event {
                Event::Finished { cell, .. } | Event::Cached { cell, .. } | Event::Absent { cell, .. }
                    if self.own.contains(cell) =>
                {
                    told.done.insert(*cell);
                    told.failed.remove(cell);
                }
                Event::Failed { cell, .. } if self.own.contains(cell) => {
                    told.failed.insert(*cell);
                }
                _ => {}
            }
        }
        self.inner.event(event);
    }
}
