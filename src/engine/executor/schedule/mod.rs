//! The scheduler: one thread that knows the state of every cell, hands ready ones to workers and takes in what they say.
//!
//! A cell that is asked for is first looked up by its plan key, which needs nothing of its inputs. If that finds nothing, it asks for its
//! inputs' content hashes and looks itself up by its content key. Only if that too finds nothing does it ask for its inputs' values and run.

mod advance;
mod shared_plan;
mod start;
mod workers;

use super::Shared;
use super::cell::Done;
use super::machine::{peak, resident};
use super::outcome::{CellOutcome, RunOutcome, RunState, Status};
use crate::base::{Hash, Name};
use crate::engine::progress::Event;
use crate::engine::store::runs::Run;
use crate::engine::store::{CellLock, StoreError};
use crate::plan::facts::Policy;
use crate::plan::graph::{Cell, CellId};
use crate::plan::links::Lists;
use crate::plan::share;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use workers::{Task, Workers};

/// Cells are handed over together where each is expected to take no more seconds and bytes than this,
const QUICK: f64 = 1e-3;
const LITTLE: f64 = 1e6;
/// and this many at once.
const TOGETHER: usize = 255;

/// Returns whether a cell is expected to take next to nothing.
fn quick(cell: &Cell) -> bool {
    cell.policy != Policy::Transient && cell.cost.seconds <= QUICK && cell.cost.memory <= LITTLE
}

/// Where a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum State {
    /// Not asked for, or waiting for inputs.
    #[default]
    Waiting,
    /// In the queue.
    Ready,
    /// Another process (or a cell of equal content key) computes it.
    Elsewhere,
    /// With a worker.
    Running,
    /// Its content hash is known.
    Settled,
    /// It failed, or something it needs did.
    Lost,
}

/// What the scheduler knows of a cell.
#[derive(Default)]
struct Node {
    state: State,
    /// Somebody needs its hash.
    asked: bool,
    /// Somebody needs its value.
    value_asked: bool,
    /// It has asked for its inputs' hashes.
    asking: bool,
    /// It is needed together with weights that wait to be let go.
    hot: bool,
    wanted: bool,
    /// Its artifact is in the store.
    stored: bool,
    /// Consumers that are not done.
    users: u32,
    /// Whether a consumer did not get done; weights stay then.
    user_lost: bool,
    /// Inputs that have to be done with before it is worth looking at again: no fewer than those of which something is still missing.
    waits: u32,
    /// How often an input turned out to be unreadable.
    faults: u32,
    /// What became of it so far, with its content key and its hash.
    outcome: CellOutcome,
}

impl Node {
    fn key(&self) -> Option<Hash> {
        self.outcome.key
    }

    fn hash(&self) -> Option<Hash> {
        self.outcome.hash
    }
}

/// What a worker is at: a cell, several that share work, or several that are quick.
struct Working {
    cells: Vec<CellId>,
    /// The work that the cells share.
    work: Option<&'static str>,
    /// Of each cell, where there are any.
    locks: Vec<CellLock>,
    memory: f64,
    /// Bytes of the network device's memory.
    device: f64,
    /// Bytes of the process when it began.
    began: Option<u64>,
    /// Most bytes seen since, beyond those.
    peak: Option<u64>,
}

struct Scheduler<'a> {
    shared: &'a Shared<'a>,
    nodes: Vec<Node>,
    inputs: Lists,
    consumers: Lists,
    /// Cells of operations of which some result is not to be kept: among these may be others of equal content key.
    fleeting: Vec<CellId>,
    /// Cells looked at so far.
    looks: u64,
    /// Cells to look at.
    work: Vec<CellId>,
    /// Cells that can run: rank, then the order of the plan.
    queue: BTreeSet<(u8, CellId)>,
    elsewhere: BTreeSet<CellId>,
    /// By the first of its cells.
    working: BTreeMap<CellId, Working>,
    memory: f64,
    /// Bytes that those at work take of the network device's memory.
    device: f64,
    run: Run,
    /// Seconds expected of cells that share work with others of this run.
    sharing: BTreeMap<CellId, f64>,
    /// Whether the plan has been announced: from then on single cells are.
    begun: bool,
    added: u64,
    failed: bool,
    kinds: BTreeSet<String>,
}

/// Runs whatever the wanted cells need.
pub(super) fn run(shared: &Shared, wanted: &[CellId], leave: Option<&dyn Fn(&RunOutcome)>) -> Result<RunOutcome, StoreError> {
    let start = Instant::now();
    let graph = shared.graph;
    shared.store.refresh();
    let plans = graph.cells.iter().map(|c| c.key);
    let run = match &shared.options.part {
        Some(part) => shared.store.join_run(&part.run, &graph.title, plans),
        None => shared.store.start_run(&graph.title, plans)?,
    };
    let nodes = graph.cells.iter().map(|_| Node::default()).collect();
    let inputs = Lists::inputs(graph);
    let ops: BTreeSet<&Name> = graph.cells.iter().filter(|c| c.policy == Policy::Transient).map(|c| &c.op).collect();
    let fleeting = (0..graph.cells.len()).filter(|id| !ops.is_empty() && ops.contains(&graph.cells[*id].op)).collect();
    let mut scheduler = Scheduler {
        shared,
        nodes,
        consumers: inputs.turned(),
        inputs,
        fleeting,
        looks: 0,
        work: Vec::new(),
        queue: BTreeSet::new(),
        elsewhere: BTreeSet::new(),
        working: BTreeMap::new(),
        memory: 0.0,
        device: 0.0,
        run,
        sharing: BTreeMap::new(),
        begun: false,
        added: 0,
        failed: false,
        kinds: BTreeSet::new(),
    };
    for id in wanted.iter().copied().filter(|id| *id < graph.cells.len()) {
        scheduler.nodes[id].wanted = true;
        scheduler.ask(id, graph.cells[id].policy == Policy::Inline, false);
    }
    scheduler.look();
    scheduler.announce();
    let pool = workers::pool(shared.options.threads)?;
    std::thread::scope(|scope| {
        let mut workers = Workers::new(scope, shared, pool.as_ref());
        let deaf = scheduler.go(&mut workers, start, leave.is_some());
        let outcome = shared.store.sync().and_then(|()| scheduler.end(start));
        if let (true, Ok(outcome), Some(leave)) = (deaf, &outcome, leave) {
            leave(outcome);
        }
        outcome
    })
}

impl<'a> Scheduler<'a> {
    fn cell(&self, id: CellId) -> &'a Cell {
        &self.shared.graph.cells[id]
    }

    fn inline(&self, id: CellId) -> bool {
        self.cell(id).policy == Policy::Inline
    }

    /// Starts cells and takes in what they say until nothing is left to do, or the run stops. Returns whether kernels are left that do not see that
    /// it does; where they may not be `left`, they are waited for.
    fn go(&mut self, workers: &mut Workers<'_, 'a>, start: Instant, left: bool) -> bool {
        let mut stopping: Option<Instant> = None;
        let mut synced = Instant::now();
        let mut looked = Instant::now();
        loop {
            self.look();
            if !self.shared.stopping() {
                self.start_ready(workers);
            }
            if self.working.is_empty() && (self.shared.stopping() || self.elsewhere.is_empty()) && self.work.is_empty() {
                return false;
            }
            if left && self.shared.stopping() && self.is_deaf(stopping.get_or_insert_with(Instant::now).elapsed()) {
                return true;
            }
            let pause = if self.elsewhere.is_empty() { 100 } else { 20 };
            for done in workers.wait(Duration::from_millis(pause)) {
                self.take_in_all(done);
            }
            if !self.elsewhere.is_empty() {
                self.retry_elsewhere();
            }
            if looked.elapsed() > Duration::from_millis(100) {
                looked = Instant::now();
                self.watch(start);
            }
            if synced.elapsed() > Duration::from_secs(5) {
                synced = Instant::now();
                self.working.values_mut().flat_map(|w| &mut w.locks).for_each(CellLock::beat);
                if let Err(e) = self.shared.store.sync() {
                    self.shared.note(e.message);
                }
            }
        }
    }

    /// Returns whether nobody is at work any more who has seen that the run stops, so long after it began to.
    fn is_deaf(&self, since: Duration) -> bool {
        let parting = self.shared.parting.lock().unwrap_or_else(PoisonError::into_inner);
        let paces = self.shared.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = |c: &CellId| parting.contains(c) || paces.get(c).is_some_and(|pace| since < 2 * *pace);
        since > super::PARTING || since > super::DEAF && !self.working.values().any(|w| w.cells.iter().any(seen))
    }

    /// Samples memory and compares with the limits.
    fn watch(&mut self, start: Instant) {
        let resident = resident();
        if self.working.len() == 1 {
            self.working.values_mut().for_each(|w| {
                w.peak = w.peak.max(resident.zip(w.began).map(|(now, before)| now.saturating_sub(before)));
            });
        }
        let options = self.shared.options;
        if options.part.as_ref().is_some_and(|p| !p.fence.holds()) && !self.shared.stop.swap(true, Ordering::Relaxed) {
            self.shared.note("stopped: another attempt at the same work has begun".to_string());
        }
        let limits = options.limits;
        let met = if limits.seconds.is_some_and(|s| start.elapsed().as_secs_f64() > s) {
            "time"
        } else if limits.memory.is_some_and(|m| resident.is_some_and(|r| r > m)) {
            "memory"
        } else if limits.disk.is_some_and(|d| self.added > d) {
            "disk"
        } else {
            return;
        };
        if !self.shared.stop.swap(true, Ordering::Relaxed) {
            self.shared.note(format!("stopped at the limit of {met}; run again to continue"));
        }
    }

    fn give(&mut self, workers: &mut Workers<'_, 'a>, working: Working) {
        let cells = working.cells.clone();
        let Some(first) = cells.first() else { return };
        let keyed: Vec<(CellId, Hash)> = cells.iter().map(|c| (*c, self.nodes[*c].key().unwrap_or(self.cell(*c).key))).collect();
        cells.iter().for_each(|c| self.nodes[*c].state = State::Running);
        self.memory += working.memory;
        self.device += working.device;
        let task = Task { cells: keyed, work: working.work };
        self.working.insert(*first, working);
        self.shared.running.store(self.working.len(), Ordering::Relaxed);
        if let Err(e) = workers.give(task, self.working.len()) {
            let failed =
                |c: &CellId| (*c, Done::Failed { message: e.clone(), help: None, internal: false, detail: String::new() });
            self.take_in_all(cells.iter().map(failed).collect());
        }
    }

    /// Looks again at cells that another process computes.
    fn retry_elsewhere(&mut self) {
        for id in std::mem::take(&mut self.elsewhere) {
            let held = self.nodes[id].key().is_none_or(|k| matches!(self.shared.store.try_lock_cell(&k), Ok(None)));
            if held {
                self.elsewhere.insert(id);
            } else {
                self.nodes[id].state = State::Waiting;
                self.shared.store.refresh();
                self.work.push(id);
            }
        }
    }

    /// Takes in what a worker says of the cells that it was given.
    fn take_in_all(&mut self, done: Vec<(CellId, Done)>) {
        let working = done.iter().find_map(|(id, _)| self.working.remove(id));
        self.shared.running.store(self.working.len(), Ordering::Relaxed);
        let peak = working.as_ref().and_then(|w| w.peak);
        self.memory -= working.as_ref().map_or(0.0, |w| w.memory);
        self.device -= working.as_ref().map_or(0.0, |w| w.device);
        {
            let _together = self.shared.store.batch();
            for (id, done) in done {
                self.take_in(id, done, peak);
            }
        }
        // Who gets the lock next finds the result, even while a batch of other cells is open.
        if working.as_ref().is_some_and(|w| !w.locks.is_empty())
            && let Err(e) = self.shared.store.flush()
        {
            self.shared.note(e.message);
        }
    }

    fn take_in(&mut self, id: CellId, done: Done, peak: Option<u64>) {
        let shared = self.shared;
        let cell = self.cell(id);
        let key = self.nodes[id].key().unwrap_or(cell.key);
        let inline = self.inline(id);
        match done {
            Done::Made { hash, bytes, value, seconds, noted } => {
                if noted && let Err(e) = shared.store.put_alias(&cell.key, &key) {
                    shared.note(e.message);
                }
                if self.nodes[id].hash().is_some_and(|old| old != hash) {
                    shared.note(format!("{} has another result than the last time", cell.title()));
                }
                self.added += bytes;
                let absent = if let crate::engine::Value::Absent(why) = &value { Some(why.clone()) } else { None };
                if !inline {
                    shared.observer.event(&match &absent {
                        Some(why) => Event::Absent { cell: id, title: cell.title(), reason: why.clone() },
                        None => Event::Finished { cell: id, title: cell.title(), seconds, expected: self.expected(id) },
                    });
                }
                let node = &mut self.nodes[id];
                node.stored = !inline;
                node.outcome = CellOutcome {
                    status: match (&absent, inline) {
                        (Some(_), _) => Status::Absent,
                        (None, true) => Status::Inline,
                        (None, false) => Status::Computed,
                    },
                    seconds,
                    bytes,
                    peak_memory: peak,
                    message: absent.map(Name::from),
                    ..CellOutcome::default()
                };
                if node.users > 0 || inline && node.wanted {
                    shared.hold(id, &value, bytes);
                }
                self.settle(id, key, hash);
            }
            Done::Lost(input, fault) => {
                self.nodes[id].faults += 1;
                // Each input may be lost, and some of them once more.
                if self.nodes[id].faults as usize > 3 + self.inputs.of(id).len() {
                    let title = self.cell(input).title();
                    return self.fail(id, format!("the artifact of {title} cannot be read back"), None, false, String::new());
                }
                if let Some(key) = self.nodes[input].key() {
                    self.lose(input, key, fault);
                }
                self.nodes[id].state = State::Waiting;
                self.work.push(id);
            }
            Done::Failed { message, help, internal, detail } => self.fail(id, message, help, internal, detail),
            Done::TakenOver => {
                shared.note(format!("another process took over {}: its result is used", cell.title()));
                shared.store.refresh();
                self.nodes[id].state = State::Waiting;
                self.work.push(id);
            }
            Done::Stopped => {
                // Where nobody stopped the run, the kernel stopped by itself, and would again.
                if !shared.stopping() {
                    let words = format!("internal error: `{}` stopped without being asked to", cell.op);
                    return self.fail(id, words, None, true, String::new());
                }
                self.nodes[id].outcome.status = Status::Stopped;
                self.nodes[id].state = State::Waiting;
            }
        }
    }

    fn fail(&mut self, id: CellId, message: String, help: Option<String>, internal: bool, detail: String) {
        let cell = self.cell(id);
        self.failed = true;
        let inputs: Vec<_> = self.inputs.ids(id).map(|d| format!("  {}\n", self.cell(d).title())).collect();
        let text = format!(
            "{}\noperation: {} version {}\nkey: {}\nsettings: {}\ninputs:\n{}\n{message}\n{}\n\n{detail}\n",
            cell.title(),
            cell.op,
            cell.version,
            cell.key,
            cell.settings.to_json(),
            inputs.concat(),
            help.as_deref().map(|h| format!("help: {h}")).unwrap_or_default(),
        );
        let log = self.run.log(&format!("failed-{}.log", cell.key.short()), &text);
        let event =
            Event::Failed { cell: id, title: cell.title(), message: message.clone(), help: help.clone(), log: log.clone() };
        let node = &mut self.nodes[id];
        node.state = State::Lost;
        node.outcome = CellOutcome {
            status: Status::Failed,
            key: node.key(),
            message: Some(message.into()),
            help: help.map(Name::from),
            log: log.map(Arc::from),
            internal,
            ..CellOutcome::default()
        };
        self.shared.observer.event(&event);
        if self.shared.options.fail_fast {
            self.shared.stop.store(true, Ordering::Relaxed);
        }
        self.finish(id, true);
    }

    /// Returns the seconds that a cell is expected to take in this run.
    fn expected(&self, id: CellId) -> f64 {
        self.sharing.get(&id).copied().unwrap_or(self.cell(id).cost.seconds)
    }

    /// Says what is known of the run before anything runs.
    fn announce(&mut self) {
        self.begun = true;
        let asked: Vec<CellId> = (0..self.nodes.len()).filter(|id| self.nodes[*id].asked && !self.inline(*id)).collect();
        let cached = asked.iter().filter(|id| self.nodes[**id].state == State::Settled).count();
        let left: Vec<CellId> = asked.iter().copied().filter(|id| self.nodes[*id].state != State::Settled).collect();
        let each = share::seconds(self.shared.graph, &left);
        let seconds = each.iter().sum();
        self.sharing = left.into_iter().zip(each).filter(|(id, _)| self.cell(*id).share.is_some()).collect();
        let threads = self.shared.options.threads;
        self.shared.observer.event(&Event::Plan { cells: asked.len(), cached, seconds, threads });
    }

    /// Sums up.
    fn end(mut self, start: Instant) -> Result<RunOutcome, StoreError> {
        for id in 0..self.nodes.len() {
            let node = &mut self.nodes[id];
            if node.asked && !matches!(node.state, State::Settled | State::Lost) {
                node.outcome.status = Status::Stopped;
            }
        }
        let stopped = self.nodes.iter().any(|n| n.outcome.status == Status::Stopped);
        // Who stops a run wants to know how to go on, whatever failed before; a run that stops at its first failure has failed.
        let interrupted = self.shared.options.interrupt.load(Ordering::Relaxed);
        let state = match (self.failed, stopped) {
            (_, true) if interrupted => RunState::Interrupted,
            (true, _) => RunState::Failed,
            (false, true) => RunState::Interrupted,
            (false, false) => RunState::Done,
        };
        let part = self.shared.options.part.as_ref();
        if state == RunState::Done && part.is_none_or(|p| p.last) {
            self.retire_idle();
        }
        self.make_room();
        let words = match state {
            RunState::Done => "done",
            RunState::Failed => "failed",
            RunState::Interrupted => "interrupted",
        };
        self.shared.store.sync()?;
        if part.is_none_or(|p| p.last) {
            self.shared.store.end_run(&self.run, words)?;
        }
        let held = std::mem::take(&mut self.shared.held().values);
        let kept = |id: &CellId| self.nodes[*id].wanted && self.inline(*id);
        let kept: BTreeMap<_, _> = held.into_iter().filter(|(id, _)| kept(id)).map(|(id, (value, _))| (id, value)).collect();
        // Where a result comes from is told by what it came from, looked at in this run or not.
        let known = |id: CellId, outcome: CellOutcome| match outcome.status {
            Status::NotNeeded => {
                let key = self.shared.store.alias(&self.shared.graph.cells[id].key);
                let hash = key.and_then(|k| self.shared.store.known(&k)).map(|k| k.hash);
                CellOutcome { key, hash, ..outcome }
            }
            _ => outcome,
        };
        let outcome = RunOutcome {
            state,
            cells: self.nodes.into_iter().enumerate().map(|(id, n)| known(id, n.outcome)).collect(),
            run: self.run.id,
            folder: self.run.folder,
            device: self.shared.device.clone(),
            notes: std::mem::take(&mut *self.shared.notes.lock().unwrap_or_else(PoisonError::into_inner)),
            seconds: start.elapsed().as_secs_f64(),
            threads: self.shared.options.threads,
            peak_memory: peak(),
            looks: self.looks,
            kept: kept.into(),
        };
        self.shared.observer.event(&Event::Ended {
            computed: outcome.count(Status::Computed),
            cached: outcome.count(Status::Cached),
            absent: outcome.count(Status::Absent),
            failed: outcome.count(Status::Failed),
            left: outcome.count(Status::Skipped) + outcome.count(Status::Stopped),
            seconds: outcome.seconds,
        });
        Ok(outcome)
    }

    /// Lets weights go that an earlier, stopped run left and whose consumers turned out to be all in the store.
    fn retire_idle(&mut self) {
        let mut consumed = vec![false; self.nodes.len()];
        (0..self.nodes.len()).for_each(|id| consumed[id] = !self.consumers.of(id).is_empty());
        for (id, consumed) in consumed.into_iter().enumerate() {
            let cell = self.cell(id);
            if cell.policy != Policy::Transient || !consumed || self.nodes[id].wanted {
                continue;
            }
            let key = self.nodes[id].key().or_else(|| self.shared.store.alias(&cell.key));
            if let Some(key) = key
                && !self.needed_elsewhere(id, &key)
                && !self.shared.store.is_kept(&key)
                && !self.shared.store.is_spare(&key)
                && self.shared.store.known(&key).is_some_and(|k| k.spot.is_some())
                && let Err(e) = self.shared.store.spare(&key, self.shared.options.keep_under)
            {
                self.shared.note(e.message);
            }
        }
    }

    /// Lets spare weights go where they take more than they may.
    fn make_room(&self) {
        self.shared.store.end_use();
        if let Err(e) = self.shared.store.make_room(self.shared.options.keep_under) {
            self.shared.note(e.message);
        }
    }
}
