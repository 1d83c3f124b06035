//! Running one cell: its job, its context, and what a panic in it comes to.

use super::Shared;
use crate::base::{Hash, Stream};
use crate::engine::kernel::{Context, Failure, Job, Labelled};
use crate::engine::pack;
use crate::engine::panics::last_panics;
use crate::engine::progress::Event;
use crate::engine::store::{Fault, Made};
use crate::engine::value::{Number, Truth, Value};
use crate::lang::Settings;
use crate::plan::facts::{Policy, Problem};
use crate::plan::files::Files;
use crate::plan::graph::{Cell, CellId, Entry, Graph};
use crate::plan::seen::guarded;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a worker says about a cell it has run.
pub(super) enum Done {
    /// There is a result, and it is in the store where it should be. `noted`: the store knows the hash of what came out.
    Made { hash: Hash, bytes: u64, value: Value, seconds: f64, noted: bool },
    /// The artifact of an input could not be read after all.
    Lost(CellId, Fault),
    /// It failed. `detail` is for the log.
    Failed { message: String, help: Option<String>, internal: bool, detail: String },
    /// It was stopped.
    Stopped,
    /// Another process took it over meanwhile; what was made is not kept.
    TakenOver,
}

/// A cell about to run: its job, or why it is absent.
pub(super) struct Prepared {
    pub job: Result<Job, String>,
    /// Whether the store is told the hash of what comes out.
    pub noted: bool,
}

/// Returns the job of a cell, its inputs read.
///
/// Errors: an input cannot be read, or nobody can run the operation.
pub(super) fn prepare(shared: &Shared, id: CellId) -> Result<Prepared, Done> {
    let cell = &shared.graph.cells[id];
    let inputs = gather(shared, cell).map_err(|(lost, fault)| Done::Lost(lost, fault))?;
    let Some(kernel) = shared.kernels.kernel(&cell.op) else {
        return Err(internal(format!("there is no kernel for the operation `{}`", cell.op), String::new()));
    };
    let absent = inputs.iter().find_map(|(name, input)| match input.values.first() {
        Some(Value::Absent(why)) if input.axes.is_empty() && !kernel.takes_absent(name) => Some(why.clone()),
        _ => None,
    });
    let noted = cell.policy != Policy::Inline || cell.cost.seconds > 1e-3 || !inputs.iter().all(|(_, i)| light(&i.values));
    Ok(Prepared { job: absent.map_or_else(|| Ok(job(cell, inputs)), Err), noted })
}

/// Runs a cell under a content key. Does not panic.
pub(super) fn run(shared: &Shared, id: CellId, key: &Hash) -> Done {
    let cell = &shared.graph.cells[id];
    let start = Instant::now();
    let prepared = match prepare(shared, id) {
        Ok(prepared) => prepared,
        Err(done) => return done,
    };
    let value = match (prepared.job, shared.kernels.kernel(&cell.op)) {
        (Ok(job), Some(kernel)) => {
            let context = Running::new(shared, id, *key);
            match caught(&cell.op, || checked(cell, || kernel.run(&job, &context))) {
                Ok(result) => result,
                Err(done) => return done,
            }
        }
        (Err(why), _) => Ok(Value::Absent(why)),
        (Ok(_), None) => return internal(format!("there is no kernel for the operation `{}`", cell.op), String::new()),
    };
    conclude(shared, id, key, value, start.elapsed().as_secs_f64(), prepared.noted)
}

/// Returns what `run` gives.
///
/// Errors: it panicked, which is a defect of the kernel.
pub(super) fn caught<T>(op: &str, run: impl FnOnce() -> T) -> Result<T, Done> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        let words = payload
            .downcast_ref::<&str>()
            .map(|s| s.to_string())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without words".to_string());
        internal(format!("internal error in `{op}`: {words}"), last_panics())
    })
}

/// Keeps what a kernel gave, and says what became of the cell.
pub(super) fn conclude(
    shared: &Shared,
    id: CellId,
    key: &Hash,
    value: Result<Value, Failure>,
    seconds: f64,
    noted: bool,
) -> Done {
    let cell = &shared.graph.cells[id];
    let value = match value {
        Ok(value) => value,
        Err(Failure::Absent(why)) => Value::Absent(why),
        Err(Failure::Interrupted) => return Done::Stopped,
        Err(Failure::Failed { message, help }) => {
            return Done::Failed { message, help, internal: false, detail: String::new() };
        }
    };
    let noted = noted || !light(std::slice::from_ref(&value));
    match keep(shared, cell, key, &value, seconds, noted) {
        Ok((hash, bytes)) => Done::Made { hash, bytes, value, seconds, noted },
        Err(done) => *done,
    }
}

/// Returns what a kernel makes of the files that the cell's key names.
///
/// Errors: its own; or a file is not what it was when it was hashed.
pub(super) fn checked(cell: &Cell, run: impl FnMut() -> Result<Value, Failure>) -> Result<Value, Failure> {
    let changed = |p: Problem| Failure::Failed { message: p.message, help: p.help };
    guarded(&cell.files, run).map_err(changed)?
}

/// Puts a result into the store as the cell's policy says; returns its content hash and size.
fn keep(shared: &Shared, cell: &Cell, key: &Hash, value: &Value, seconds: f64, noted: bool) -> Result<(Hash, u64), Box<Done>> {
    let wrong = |e: pack::PackError| {
        Box::new(internal(format!("internal error: the result of `{}` cannot be kept: {e}", cell.op), String::new()))
    };
    let full = |e: crate::engine::store::StoreError| {
        if e.locked {
            return Box::new(Done::TakenOver);
        }
        let help = Some("make room on the disk, or remove what recent runs did not use with `cfx gc`".to_string());
        Box::new(Done::Failed { message: e.message, help, internal: false, detail: String::new() })
    };
    if cell.policy == Policy::Inline {
        let hash = pack::content_hash(value).map_err(wrong)?;
        if noted {
            shared.store.put_hash(key, hash, &made(shared, cell, value, seconds)).map_err(full)?;
        }
        return Ok((hash, 0));
    }
    let bytes = pack::encode(value).map_err(wrong)?;
    let made = made(shared, cell, value, seconds);
    let hash = shared.store.put(key, &bytes, &made, cell.policy == Policy::Stored).map_err(full)?;
    shared.store.drop_checkpoint(key);
    if holds_kept_weights(cell) {
        shared.store.keep(key);
    }
    Ok((hash, bytes.len() as u64))
}

/// Returns whether a cell's result is a network whose weights are to stay (`keep: weights`).
pub(super) fn holds_kept_weights(cell: &Cell) -> bool {
    cell.policy == Policy::Stored && cell.facts.net.is_some()
}

/// Returns what the store is told of a result.
fn made(shared: &Shared, cell: &Cell, value: &Value, seconds: f64) -> Made {
    Made {
        op: cell.op.to_string(),
        title: cell.title(),
        device: shared.device.clone(),
        seconds,
        memory: None,
        absent: if let Value::Absent(why) = value { Some(why.clone()) } else { None },
        form: form(cell),
    }
}

/// Returns whether these are few and small values: what is made of such, and is such, is sooner made again than looked up.
fn light(values: &[Value]) -> bool {
    let small = |v: &Value| match v {
        Value::Number(_) | Value::Truth(_) | Value::Word(_) | Value::Absent(_) => true,
        Value::Record(parts) => parts.len() <= 16 && parts.iter().all(|(_, part)| light(std::slice::from_ref(part))),
        _ => false,
    };
    values.len() <= 64 && values.iter().all(small)
}

pub(super) fn internal(message: String, detail: String) -> Done {
    let help = Some("this is an error in cfx, not in the script; please report it with the log".to_string());
    Done::Failed { message, help, internal: true, detail }
}

/// Returns the first bytes of the hash of a cell without its inputs.
pub(super) fn form(cell: &Cell) -> u64 {
    crate::plan::record::mark(&cell.hash_with(&|_| Hash([0; 32])))
}

/// Returns the job of a cell.
pub(super) fn job(cell: &Cell, inputs: Vec<(String, Labelled)>) -> Job {
    // Operations that draw nothing have no stream; the key names one that nobody uses.
    let stream = Stream::from_hash(cell.stream.unwrap_or(cell.key));
    Job { op: cell.op.to_string(), settings: Settings::clone(&cell.settings), inputs, stream, at: cell.at.to_vec() }
}

/// So many steps back it is looked for whose examples a cell is about: a density is about those of its rows.
const BACK: usize = 4;

/// Returns the data set whose examples the inputs of a cell are about: of the first that is about any.
fn about(graph: &Graph, cell: &Cell, back: usize) -> Option<Arc<str>> {
    let inputs = || cell.inputs.iter().flat_map(|(_, slot)| slot.entries.iter().take(1));
    let cells = || inputs().filter_map(|e| if let Entry::Cell(id) = e { Some(&graph.cells[*id]) } else { None });
    cells().find_map(|c| c.facts.source.clone()).or_else(|| cells().find_map(|c| about(graph, c, back.checked_sub(1)?)))
}

/// Returns the value of a cell with the data set that its numbers per example are about.
pub(super) fn of_its_data(cell: &Cell, value: Value) -> Value {
    match value {
        Value::Scores(mut scores) if scores.about != cell.facts.source => {
            Arc::make_mut(&mut scores).about = cell.facts.source.clone();
            Value::Scores(scores)
        }
        other => other,
    }
}

/// Returns the value of a cell as others take it: the error of a number is named by the cell.
pub(super) fn handed_on(cell: &Cell, value: Value) -> Value {
    match value {
        Value::Number(n) => Value::Number(n.named(&cell.key)),
        other => other,
    }
}

/// Returns the value of an entry that is no cell.
pub(super) fn constant(entry: &Entry) -> Option<Value> {
    match entry {
        Entry::Cell(_) => None,
        Entry::Number(x) => Some(Value::Number(Number::exact(*x))),
        Entry::Truth(holds) => {
            Some(Value::Truth(Truth { holds: *holds, within_error: false, no_error: false, text: holds.to_string() }))
        }
        Entry::Word(w) => Some(Value::Word(w.clone())),
        Entry::Absent(why) => Some(Value::Absent(why.clone())),
    }
}

/// Returns the inputs of a cell, from memory or from the store.
fn gather(shared: &Shared, cell: &Cell) -> Result<Vec<(String, Labelled)>, (CellId, Fault)> {
    let mut out = Vec::new();
    for (name, slot) in cell.inputs.iter() {
        let mut values = Vec::with_capacity(slot.entries.len());
        for entry in slot.entries {
            values.push(match entry {
                Entry::Cell(id) => handed_on(&shared.graph.cells[*id], shared.value(*id).map_err(|fault| (*id, fault))?),
                other => constant(other).unwrap_or_else(|| Value::Absent(String::new())),
            });
        }
        out.push((name.to_string(), Labelled { axes: slot.axes.to_vec(), values }));
    }
    Ok(out)
}

/// The context of a running cell.
pub(super) struct Running<'a> {
    shared: &'a Shared<'a>,
    cell: &'a Cell,
    id: CellId,
    key: Hash,
    /// Where the cell reads files: those alone that its key holds.
    files: Option<Files>,
    /// When progress was last passed on.
    said: Mutex<Option<Instant>>,
    /// When a checkpoint was last kept.
    kept: Mutex<Instant>,
    /// When the kernel began, and after how many milliseconds it last looked whether the run stops.
    began: Instant,
    looked: AtomicU64,
}

/// Progress of a cell is passed on this often at most.
const SAY_EVERY: Duration = Duration::from_millis(100);

impl<'a> Running<'a> {
    pub(super) fn new(shared: &'a Shared<'a>, id: CellId, key: Hash) -> Self {
        let cell = &shared.graph.cells[id];
        Running {
            shared,
            cell,
            id,
            key,
            files: (!cell.files.is_empty()).then(|| shared.options.files.only(&cell.files)),
            said: Mutex::new(None),
            kept: Mutex::new(Instant::now()),
            began: Instant::now(),
            looked: AtomicU64::new(0),
        }
    }

    /// Takes down how long the kernel did not look whether the run stops, where that is long: steps of a large network.
    fn paced(&self) {
        let now = self.began.elapsed().as_millis() as u64;
        let last = self.looked.swap(now, Ordering::Relaxed);
        let pause = Duration::from_millis(now.saturating_sub(last));
        if last > 0 && pause > super::DEAF / 3 {
            let mut paces = self.shared.paces.lock().unwrap_or_else(PoisonError::into_inner);
            let longest = paces.entry(self.id).or_default();
            *longest = pause.max(*longest);
        }
    }
}

impl Context for Running<'_> {
    fn interrupted(&self) -> bool {
        let stopping = self.shared.stopping();
        self.paced();
        if stopping {
            self.shared.parting.lock().unwrap_or_else(PoisonError::into_inner).insert(self.id);
        }
        stopping
    }

    fn progress(&self, done: u64, total: u64, figures: &[(&str, f64)]) {
        {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            if done < total && said.is_some_and(|t| t.elapsed() < SAY_EVERY) {
                return;
            }
            *said = Some(Instant::now());
        }
        let figures = figures.iter().map(|(n, x)| (n.to_string(), *x)).collect();
        self.shared.observer.event(&Event::Progress { cell: self.id, title: self.cell.title(), done, total, figures });
    }

    fn restore(&self) -> Option<Vec<u8>> {
        self.shared.store.checkpoint(&self.key, &self.shared.device)
    }

    fn checkpoint(&self, bytes: &[u8]) {
        if self.cell.policy == Policy::Inline {
            return;
        }
        // Of two attempts at the same work the later one's checkpoints count.
        if self.shared.options.part.as_ref().is_some_and(|p| !p.fence.holds()) {
            self.shared.stop.store(true, Ordering::Relaxed);
            return;
        }
        if !self.shared.store.put_checkpoint(&self.key, &self.shared.device, bytes) {
            self.shared.note(format!("a checkpoint of {} could not be written", self.cell.title()));
        }
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn about(&self) -> Option<Arc<str>> {
        about(self.shared.graph, self.cell, BACK)
    }

    fn device(&self) -> &str {
        &self.shared.options.network_device
    }

    fn checkpoint_due(&self) -> bool {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).elapsed() >= self.shared.options.checkpoint_every
    }

    fn files(&self) -> &Files {
        self.files.as_ref().unwrap_or(&self.shared.options.files)
    }

    fn busy(&self) -> bool {
        let threads = self.shared.options.threads.max(1);
        threads > 1 && self.shared.running.load(Ordering::Relaxed) >= threads
    }
}

impl Shared<'_> {
    /// Returns whether cells should stop at their next checkpoint.
    pub(super) fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.options.interrupt.load(Ordering::Relaxed)
    }
}
