//! What a job does: the cells of its task, from the frozen script, with the store's locks, checkpoints and keys.
//!
//! In: the folder of a run, the number of a task, what attempt this is. Out: results in the store, what became of the cells, how to end.

mod attempt;
mod recorder;
#[cfg(test)]
mod tests;

use super::campaign::{Campaign, Failed, Folder, Stage, keys_of};
use super::executor::Executor;
use super::submit;
use crate::api::{self, Checked, Registry, Source};
use crate::engine::{Fence, Observer, Options, Part, RunOutcome, RunState, Status, Store, Told, device};
use crate::plan::facts::Policy;
use crate::plan::graph::{CellId, Graph};
use crate::plan::record;
use crate::report::lock::other_kind;
use attempt::newer;
use recorder::Recorder;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What a job is asked to do.
pub struct Asked<'a> {
    /// The folder of the run.
    pub folder: &'a Path,
    /// The task.
    pub task: usize,
    /// The attempt: `JOB.RESTARTS.ROUND`.
    pub attempt: &'a str,
    /// How the process of the round before died, where one did.
    pub crashed: Option<i32>,
    /// Set when the job is to stop.
    pub interrupt: Arc<AtomicBool>,
    /// What sends jobs: tasks that were lost are sent again.
    pub executor: &'a Mutex<dyn Executor + Send>,
    /// Ends the process where a kernel does not see that the job is to stop; where it returns, the kernel is waited for.
    pub leave: &'a dyn Fn(Ended),
}

/// How a job ends.
#[derive(Debug, PartialEq)]
pub enum Ended {
    /// All cells of the task are there.
    Done,
    /// Some failed, or could not be computed because others failed.
    Failed,
    /// It was stopped and left checkpoints: it is to go on.
    Stopped,
    /// There is nothing to do: the run is cancelled, or another attempt has begun.
    Over,
}

/// A task taken up.
struct Work<'a> {
    asked: &'a Asked<'a>,
    folder: Folder,
    campaign: Campaign,
    source: Source,
    checked: Checked,
    graph: Graph,
    registry: Registry,
    store: Store,
    own: Vec<CellId>,
    /// Of each cell, whether some task computes it.
    due: Vec<bool>,
    /// The cells of the tasks of others.
    tasks: Vec<Vec<CellId>>,
    last: bool,
}

/// Does the work of a job. What is worth saying goes to the observer, and at the end to `tell`.
///
/// Errors: a sentence; the task cannot be begun.
pub fn work(asked: &Asked, observer: &dyn Observer, tell: &dyn Fn(&str)) -> Result<Ended, String> {
    work_by(Registry::standard(), asked, observer, tell)
}

/// Does the same with these operations.
fn work_by(registry: Registry, asked: &Asked, observer: &dyn Observer, tell: &dyn Fn(&str)) -> Result<Ended, String> {
    let folder = Folder::at(asked.folder);
    let campaign = folder.campaign()?;
    if folder.is_cancelled() {
        tell("the run is cancelled");
        return Ok(Ended::Over);
    }
    if let Some(other) = newer(&folder.attempt(asked.task), asked.attempt) {
        tell(&format!("the attempt {other} at this task is later than {}", asked.attempt));
        return Ok(Ended::Over);
    }
    folder.begin(asked.task, asked.attempt)?;
    let work = Work::new(registry, asked, folder, campaign)?;
    let recorder = Recorder::new(&work.folder, asked.task, asked.attempt, &work.own, observer);
    recorder.found(&work.own, &|id| work.there(id));
    let ended = std::thread::scope(|scope| {
        scope.spawn(|| recorder.beat());
        let ended = match work.last {
            true => work.report(&recorder, tell),
            false => work.compute(&recorder),
        };
        let stage = match &ended {
            Ok(Ended::Done) => Stage::Done,
            Ok(Ended::Failed) | Err(_) => Stage::Failed,
            Ok(Ended::Stopped | Ended::Over) => Stage::Stopped,
        };
        recorder.found(&work.own, &|id| work.there(id));
        // What another attempt says counts.
        recorder.end(stage, work.fence().holds());
        ended
    })?;
    if ended == Ended::Stopped && !work.fence().holds() {
        tell("another attempt at this task has begun");
        return Ok(Ended::Over);
    }
    Ok(ended)
}

impl<'a> Work<'a> {
    fn new(registry: Registry, asked: &'a Asked<'a>, folder: Folder, campaign: Campaign) -> Result<Work<'a>, String> {
        let version = env!("CARGO_PKG_VERSION");
        if campaign.version != version {
            return Err(format!("the run was sent by cfx {}, and this is {version}", campaign.version));
        }
        let mut tasks = folder.tasks()?;
        let own = tasks.get_mut(asked.task).map(std::mem::take).ok_or_else(|| format!("the run has no task {}", asked.task))?;
        let source = campaign.source();
        let (checked, graph) = api::prepare(&source, &registry);
        let graph = graph.map_err(|diags| {
            let first = diags.0.first().map(|d| d.message.clone()).unwrap_or_default();
            format!("the script can no longer be planned: {first}")
        })?;
        if keys_of(&graph).to_string() != campaign.keys {
            return Err("the plan is another one than was sent: data or files have changed since; run again".to_string());
        }
        let mut due = vec![false; graph.cells.len()];
        tasks.iter().flatten().chain(&own).for_each(|id| {
            if let Some(due) = due.get_mut(*id) {
                *due = true;
            }
        });
        let store = Store::open(&campaign.store).map_err(|e| e.message)?;
        if own.iter().any(|id| *id >= graph.cells.len()) {
            return Err(format!("{} is damaged", folder.path().join("tasks").display()));
        }
        let last = asked.task + 1 == campaign.tasks;
        Ok(Work { asked, folder, campaign, source, checked, graph, registry, store, own, due, tasks, last })
    }

    fn fence(&self) -> Fence {
        Fence::new(self.folder.attempt(self.asked.task), self.asked.attempt)
    }

    /// Returns whether the result of a cell is in the store.
    fn there(&self, id: CellId) -> bool {
        self.graph.cells.get(id).and_then(|c| self.store.alias(&c.key)).is_some_and(|key| self.store.known(&key).is_some())
    }

    /// Returns how this job runs cells.
    fn options(&self) -> Result<Options, String> {
        let batch = self.campaign.batch_of(self.asked.task).ok_or("the task is in no batch")?;
        let mut options = Options::new(&self.source.folder);
        options.files = self.source.files();
        options.threads = self.campaign.site.of(batch.kind).cores;
        options.most_memory = batch.memory;
        options.memory = 0.8 * batch.memory;
        options.interrupt = self.asked.interrupt.clone();
        // Weights that wait for jobs that are to come do not go before these are over.
        options.keep_under = if self.last { self.campaign.keep_under } else { u64::MAX };
        api::use_device(&mut options, &self.campaign.site.device)?;
        let mut own = vec![false; self.graph.cells.len()];
        self.own.iter().for_each(|id| {
            if let Some(own) = own.get_mut(*id) {
                *own = true;
            }
        });
        options.part = Some(Part {
            run: self.campaign.id.clone(),
            own,
            due: self.due.clone(),
            failed: self.told(),
            last: self.last,
            fence: self.fence(),
        });
        Ok(options)
    }

    /// Returns the cells that failed for good in whichever task.
    fn told(&self) -> BTreeMap<CellId, Told> {
        let failed = self.folder.failed();
        if failed.is_empty() {
            return BTreeMap::new();
        }
        let cells = self.graph.cells.iter().enumerate();
        cells.filter_map(|(id, c)| failed.get(&c.key).map(|f| (id, Told::from(f.clone())))).collect()
    }

    /// Returns why nothing is to be computed here: the run is held to a lock which does not name the kind of this node's device.
    fn refused(&self, options: &Options) -> Option<String> {
        let kinds = self.campaign.kinds.as_ref().filter(|k| k.only)?;
        other_kind(&kinds.known, &device::kind(&options.accelerator))
    }

    /// Takes down that the missing cells of the task are refused here; returns whether they are.
    fn is_refused(&self, options: &mut Options) -> bool {
        let Some(words) = self.refused(options) else { return false };
        let missing: Vec<CellId> = self.own.iter().copied().filter(|id| !self.there(*id)).collect();
        for id in &missing {
            let cell = &self.graph.cells[*id];
            let failed = Failed {
                title: cell.title(),
                message: format!("the run is held to its lock (`--locked`), and here {words}"),
                help: Some(
                    "keep the jobs to nodes of that kind (`extra` in the site's file), or run without `--locked`".to_string(),
                ),
                log: self.campaign.log(&self.folder, self.asked.task),
                tries: 0,
            };
            self.folder.fail(&cell.key, &failed);
        }
        if let Some(part) = &mut options.part {
            part.failed = self.told();
        }
        !missing.is_empty()
    }

    /// Returns how the run differs from the lock beside its script, with the kinds of device on which its results were computed.
    fn lock(&self) -> Option<Vec<String>> {
        let mut out = self.source.lock.clone()?;
        // A lock that cannot be read names none.
        if let Some(kinds) = self.campaign.kinds.as_ref().filter(|k| !k.known.is_empty()) {
            let others = api::kinds(&self.graph, &self.store);
            let news = others.iter().filter_map(|kind| other_kind(&kinds.known, kind)).filter(|words| !out.contains(words));
            out.extend(news.collect::<Vec<_>>());
        }
        Some(out)
    }

    /// Computes the cells of the task: all together, or each by itself where a process died with them.
    fn compute(&self, recorder: &Recorder) -> Result<Ended, String> {
        let mut options = self.options()?;
        if self.is_refused(&mut options) {
            return Ok(Ended::Failed);
        }
        crate::engine::init(options.threads);
        let given_up = self.give_up();
        let mut open: Vec<CellId> = self.own.iter().copied().filter(|id| !given_up.contains_key(id)).collect();
        if let Some(part) = &mut options.part {
            given_up.iter().for_each(|(id, told)| {
                part.own[*id] = false;
                part.failed.insert(*id, told.clone());
            });
        }
        if self.asked.crashed.is_some() || !self.folder.tries(self.asked.task).deaths.is_empty() {
            return self.one_by_one(&open, &options, recorder, !given_up.is_empty());
        }
        let mut failed = !given_up.is_empty();
        for round in 1..=self.campaign.site.bounds.tries {
            let outcome = self.run(&open, &options, recorder)?;
            if outcome.state == RunState::Interrupted || self.stopping(&options) {
                return Ok(Ended::Stopped);
            }
            let again = self.note_failures(&open, &outcome, round);
            failed |= outcome.state == RunState::Failed;
            if again.is_empty() {
                break;
            }
            failed = !given_up.is_empty();
            open = again;
        }
        failed |= self.own.iter().any(|id| !self.there(*id));
        Ok(if failed { Ended::Failed } else { Ended::Done })
    }

    fn stopping(&self, options: &Options) -> bool {
        options.interrupt.load(Ordering::Relaxed) || !self.fence().holds()
    }

    fn run(&self, wanted: &[CellId], options: &Options, recorder: &Recorder) -> Result<RunOutcome, String> {
        let leave = |_: &RunOutcome| (self.asked.leave)(self.left_behind(recorder));
        crate::engine::execute_or_leave(&self.graph, wanted, &self.registry, &self.store, options, recorder, Some(&leave))
            .map_err(|e| e.message)
    }

    /// Takes down that the attempt ends while a kernel is at work which does not see that it is to; returns how it ends.
    fn left_behind(&self, recorder: &Recorder) -> Ended {
        let mut tries = self.folder.tries(self.asked.task);
        if tries.now.take().is_some() {
            // A cell that is left behind did not kill its process.
            let _ = self.folder.keep_tries(self.asked.task, &tries);
        }
        let present = self.fence().holds();
        recorder.found(&self.own, &|id| self.there(id));
        recorder.end(Stage::Stopped, present);
        if present { Ended::Stopped } else { Ended::Over }
    }

    /// Takes down which cells failed for good; returns those whose failure says nothing about the next time: defects of the program, which may be
    /// of the machine as well.
    fn note_failures(&self, cells: &[CellId], outcome: &RunOutcome, round: u32) -> Vec<CellId> {
        let mut again = Vec::new();
        for id in cells {
            let cell = &outcome.cells[*id];
            if cell.status != Status::Failed {
                continue;
            }
            if cell.internal && round < self.campaign.site.bounds.tries {
                again.push(*id);
                continue;
            }
            let failed = Failed {
                title: self.graph.cells[*id].title(),
                message: cell.message.as_ref().map(|m| m.to_string()).unwrap_or_default(),
                help: cell.help.as_ref().map(|h| h.to_string()),
                log: cell.log.as_ref().map(|l| l.to_path_buf()),
                tries: round,
            };
            self.folder.fail(&self.graph.cells[*id].key, &failed);
        }
        again
    }

    /// Counts the death of the process that computed one cell alone, and gives up cells with which it died as often as cells are tried.
    fn give_up(&self) -> BTreeMap<CellId, Told> {
        let mut tries = self.folder.tries(self.asked.task);
        let mut out = BTreeMap::new();
        if let (Some(code), Some(id)) = (self.asked.crashed, tries.now.take()) {
            let deaths = tries.deaths.entry(id).or_insert(0);
            *deaths += 1;
            let _ = self.folder.keep_tries(self.asked.task, &tries);
            if tries.deaths[&id] >= self.campaign.site.bounds.tries
                && let Some(cell) = self.graph.cells.get(id)
            {
                let log = self.campaign.log(&self.folder, self.asked.task);
                let failed = Failed {
                    title: cell.title(),
                    message: format!("its process died {} times, {}", tries.deaths[&id], death(code)),
                    help: Some(
                        "give its jobs more memory where that was the reason; the log says what the process said".to_string(),
                    ),
                    log,
                    tries: tries.deaths[&id],
                };
                self.folder.fail(&cell.key, &failed);
            }
        }
        let failed = self.folder.failed();
        for id in &self.own {
            if let Some(f) = self.graph.cells.get(*id).and_then(|c| failed.get(&c.key)) {
                out.insert(*id, Told::from(f.clone()));
            }
        }
        out
    }

    /// Computes cells one by one, those last with which a process died: so it is known with which it dies.
    fn one_by_one(&self, open: &[CellId], options: &Options, recorder: &Recorder, mut failed: bool) -> Result<Ended, String> {
        let mut tries = self.folder.tries(self.asked.task);
        let mut order: Vec<CellId> = open.to_vec();
        // What such a cell needs has a smaller number, and as many deaths or fewer, or it would be waited for in vain.
        order.sort_by_key(|id| (tries.deaths.get(id).copied().unwrap_or(0), *id));
        for id in order {
            if self.there(id) && self.graph.cells[id].policy == Policy::Stored {
                continue;
            }
            let mut options = options.clone();
            if let Some(part) = &mut options.part {
                // Nothing else may be computed beside it.
                part.own.iter_mut().enumerate().for_each(|(other, own)| *own = other == id);
            }
            tries.now = Some(id);
            self.folder.keep_tries(self.asked.task, &tries)?;
            let outcome = self.run(&[id], &options, recorder)?;
            tries.now = None;
            self.folder.keep_tries(self.asked.task, &tries)?;
            if outcome.state == RunState::Interrupted || self.stopping(&options) {
                return Ok(Ended::Stopped);
            }
            self.note_failures(&[id], &outcome, self.campaign.site.bounds.tries);
            failed |= outcome.state == RunState::Failed;
        }
        Ok(if failed { Ended::Failed } else { Ended::Done })
    }

    /// Sends tasks again whose cells are missing though nothing that they need failed: their jobs were killed, or ran out of time without a word. Returns
    /// whether any were sent, and this task after them.
    fn sent_again(&self, tell: &dyn Fn(&str)) -> bool {
        let lost = self.lost();
        let sent = self.folder.repairs();
        if lost.is_empty() || sent >= self.campaign.site.bounds.tries || self.folder.is_cancelled() {
            return false;
        }
        // The count first: whatever happens then, there is an end.
        if self.folder.keep_repairs(sent + 1).is_err() {
            return false;
        }
        let mut executor = self.asked.executor.lock().unwrap_or_else(PoisonError::into_inner);
        match submit::again(&self.campaign, &self.folder, &lost, &mut *executor, &|pause| std::thread::sleep(pause)) {
            Ok(()) => {
                let numbers: Vec<String> = lost.iter().map(usize::to_string).collect();
                tell(&format!("the jobs of these tasks were lost and are sent again: {}", numbers.join(" ")));
                true
            }
            Err(words) => {
                tell(&format!("tasks were lost and cannot be sent again from here: {words}"));
                false
            }
        }
    }

    /// Returns the tasks that have cells which are not there, did not fail, and need nothing that failed.
    fn lost(&self) -> Vec<usize> {
        let failed = self.told();
        // Inputs have smaller numbers.
        let mut doomed = vec![false; self.graph.cells.len()];
        for (id, cell) in self.graph.cells.iter().enumerate() {
            doomed[id] = failed.contains_key(&id) || cell.takes().any(|d| doomed[d]);
        }
        let open = |cells: &Vec<CellId>| cells.iter().any(|id| !doomed.get(*id).copied().unwrap_or(true) && !self.there(*id));
        self.tasks.iter().enumerate().filter(|(_, cells)| open(cells)).map(|(task, _)| task).collect()
    }

    /// Does the last task: what is left of tables and figures, and all files for people.
    fn report(&self, recorder: &Recorder, tell: &dyn Fn(&str)) -> Result<Ended, String> {
        let mut options = self.options()?;
        crate::engine::init(options.threads);
        if self.sent_again(tell) {
            return Ok(Ended::Over);
        }
        self.is_refused(&mut options);
        let wanted = api::wanted_for(&self.graph, &self.campaign.only, self.campaign.until.as_deref());
        let wanted = wanted.map_err(|name| format!("the script declares no `{name}`"))?;
        let outcome = self.run(&wanted, &options, recorder)?;
        if outcome.state == RunState::Interrupted || self.stopping(&options) {
            return Ok(Ended::Stopped);
        }
        self.note_failures(&self.own, &outcome, self.campaign.site.bounds.tries);
        self.store.keep_note(&self.campaign.note, &record::record(&self.graph).record.to_json().to_string());
        let source = Source { lock: self.lock(), ..self.source.clone() };
        let results = api::results(&self.graph, &self.registry, &self.store, &source, &outcome);
        let out = &self.campaign.out;
        api::write(&source, &self.checked, &self.graph, &outcome, &results, out)
            .map_err(|e| format!("the results cannot be written to {}: {e}", out.display()))?;
        api::claims(&self.graph, &results).iter().for_each(|claim| tell(&claim.line()));
        tell(&out.join("report.html").display().to_string());
        Ok(if outcome.state == RunState::Done { Ended::Done } else { Ended::Failed })
    }
}

/// Returns how a process died, by the code that the shell gives.
fn death(code: i32) -> String {
    match code - 128 {
        9 => "the last time killed from outside, as the system does with what takes too much memory".to_string(),
        11 => "the last time by an invalid access to memory (signal 11)".to_string(),
        signal if signal > 0 => format!("the last time by signal {signal}"),
        _ => format!("the last time with code {code}"),
    }
}
