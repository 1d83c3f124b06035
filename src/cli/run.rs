//! The pipeline of each command, from arguments to exit code.

use super::arguments::{Check, Emit, Run, Script};
use super::out::{say, tell};
use super::{Exit, listing, locked, messages, out, render, room, stop, usage};
use crate::api::{self, Checked, Registry, Source};
use crate::base::Diags;
use crate::base::size::{self, bytes};
use crate::engine::progress::{Event, Silent};
use crate::engine::{
    Limits, Observer, Options, Results, RunOutcome, RunState, Standing, Status, Store, StoreError, Value, device, progress,
    statuses, store,
};
use crate::lang::suggest;
use crate::plan::estimate::together;
use crate::plan::facts::Policy;
use crate::plan::graph::{CellId, Graph};
use crate::plan::record;
use crate::report::tensorboard::{self, Board};
use crate::syntax;
use crate::syntax::ast::Keyword;
use std::collections::BTreeSet;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

/// Reads a script with its parameters and roots.
pub(super) fn source(script: &Script) -> Result<Source, Exit> {
    if let Some(folder) = script.data.iter().find(|folder| !folder.is_dir()) {
        tell!("`--data {0}`: {0} is no folder", folder.display());
        return Err(Exit::Usage);
    }
    match Source::read(&script.script) {
        Ok(s) => Ok(Source { granted: script.data.clone(), set: script.set.clone(), ..s }),
        Err(e) => {
            tell!("{} cannot be read: {e}", script.script.display());
            if let Some(meant) = usage::with_ending(&script.script) {
                tell!("help: did you mean `{meant}`?");
            }
            Err(Exit::Usage)
        }
    }
}

fn report(diags: &Diags, checked: &Checked) {
    if !diags.0.is_empty() {
        out::drawn(&render::render(diags, &checked.program.sources, std::io::stderr().is_terminal()));
    }
}

/// Returns the script to check: a file's, or what stands on standard input, as if it were the file named.
fn checked_source(arguments: &Check) -> Result<Source, Exit> {
    if arguments.script.script != Path::new("-") {
        return source(&arguments.script);
    }
    let mut text = String::new();
    if let Err(e) = std::io::stdin().read_to_string(&mut text) {
        tell!("standard input cannot be read: {e}");
        return Err(Exit::Usage);
    }
    let name = arguments.name.clone().unwrap_or_else(|| PathBuf::from("<stdin>"));
    let folder = name.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let script = Source::text(&name.display().to_string(), &text, folder);
    Ok(Source { granted: arguments.script.data.clone(), set: arguments.script.set.clone(), ..script })
}

/// `cfx check`
pub fn check(arguments: &Check) -> Exit {
    let source = match checked_source(arguments) {
        Ok(s) => s,
        Err(e) => return e,
    };
    let registry = Registry::standard();
    let checked = api::check(&source, &registry);
    if arguments.json {
        say!("{}", messages::json(&checked, arguments.types));
        return if checked.diags.has_errors() { Exit::Script } else { Exit::Done };
    }
    report(&checked.diags, &checked);
    if arguments.types {
        for (name, ty) in api::types(&checked.script) {
            say!("{name} : {ty}");
        }
    }
    match arguments.emit {
        Some(Emit::Ast) => say!("{}", syntax::outline(&checked.program.modules[checked.program.main].file)),
        Some(Emit::Typed) => say!("{:#?}", checked.script.values),
        Some(Emit::Plan) => match api::plan(&source, &checked, &registry) {
            Ok(graph) => say!("{:#?}", graph.cells),
            Err(diags) => report(&diags, &checked),
        },
        None => {}
    }
    if checked.diags.has_errors() { Exit::Script } else { Exit::Done }
}

/// A script read, checked and planned, and its store.
pub(super) struct Prepared {
    pub source: Source,
    pub checked: Checked,
    pub graph: Graph,
    pub store: Store,
}

/// Checks and plans a script; what is wrong goes to the terminal.
pub(super) fn planned(source: &Source, registry: &Registry) -> Result<(Checked, Graph), Exit> {
    let (checked, graph) = api::prepare(source, registry);
    let graph = graph.map_err(|diags| {
        report(&diags, &checked);
        Exit::Script
    })?;
    report(&checked.diags, &checked);
    report(&graph.warnings, &checked);
    Ok((checked, graph))
}

/// Returns what is said of a script that computes nothing, where its messages have not said it: of declarations for other scripts, or of data alone.
pub(super) fn idle(checked: &Checked, graph: &Graph) -> Option<&'static str> {
    let said = checked.diags.0.iter().any(|d| d.code == "cfx::name::no_experiment");
    let none = graph.values.iter().all(|v| v.keyword == Keyword::Dataset.word());
    (none && !said).then_some("there is nothing to compute: the script declares no model, analysis, figure or claim")
}

/// Reads, checks and plans a script and opens its store, to be written or to be looked at; what is wrong goes to the terminal.
pub(super) fn prepare(
    script: &Script,
    store: &Option<PathBuf>,
    registry: &Registry,
    open: fn(&Path) -> Result<Store, StoreError>,
) -> Result<Prepared, Exit> {
    let source = source(script)?;
    let (checked, graph) = planned(&source, registry)?;
    let store = open_store(store, &source, open)?;
    Ok(Prepared { source, checked, graph, store })
}

/// Returns the kinds of device that the results of a run will be of: those of what the store has, and this one where anything is computed.
fn kinds(graph: &Graph, wanted: &[CellId], store: &Store, options: &Options) -> BTreeSet<String> {
    let own = device::kind(&options.accelerator);
    let only = Some(own.as_str()).filter(|_| options.same_kind);
    let mut out = if options.same_kind { BTreeSet::new() } else { api::kinds(graph, store) };
    let standings = statuses(graph, wanted, store, only);
    if options.same_kind || standings.iter().any(|s| matches!(s, Standing::Run | Standing::Undecided)) {
        out.insert(own);
    }
    out
}

/// Says that a script declares nothing of a name.
pub(super) fn undeclared(name: &str, graph: &Graph) -> Exit {
    let names: Vec<&str> = graph.values.iter().map(|v| v.name.as_str()).collect();
    tell!("the script declares no `{name}`; {}", suggest::nearest_or_list(name, &names));
    Exit::Usage
}

/// Returns the name under which a store keeps a script's last plan.
pub(super) fn record_name(script: &Script) -> String {
    let stem = script.script.file_name().and_then(|s| s.to_str()).unwrap_or("script");
    format!("plan-{}.json", crate::report::slug(stem))
}

/// `cfx run`: script to report.
pub fn run(arguments: &Run) -> Exit {
    run_seen(arguments, &mut |_| Ok(Box::new(Silent)))
}

/// Runs a script, seen by one more observer beside the terminal. `see` is told the folder of the results once the run is about to begin.
pub(super) fn run_seen(arguments: &Run, see: &mut dyn FnMut(&Path) -> Result<Box<dyn Observer>, Exit>) -> Exit {
    let registry = Registry::standard();
    let open = if arguments.leases { Store::open_with_leases } else { Store::open };
    let Prepared { source, checked, graph, store } = match prepare(&arguments.script, &arguments.store, &registry, open) {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    let store = match beside(store, &arguments.also) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    if let Some(words) = idle(&checked, &graph) {
        tell!("{words}");
    }
    if store.has_leases() {
        tell!("in the store {} leases stand in for file locks", store.root().display());
    }
    let wanted = match api::wanted_for(&graph, &arguments.only, arguments.until.as_deref()) {
        Ok(wanted) => wanted,
        Err(name) => return undeclared(&name, &graph),
    };
    let mut options = Options::new(&source.folder);
    options.files = source.files();
    options.threads = threads(arguments.threads, options.threads);
    if let Some(gigabytes) = arguments.memory {
        options.memory = gigabytes * 1073741824.0;
        options.most_memory = options.memory;
    }
    options.fail_fast = arguments.fail_fast;
    options.same_kind = arguments.same_kind;
    options.interrupt = stop::flag();
    options.keep_under = room::for_weights(arguments.keep_under, &store);
    crate::engine::init(options.threads);
    options.limits = match limits(&arguments.limit) {
        Ok(l) => l,
        Err(text) => {
            tell!("`--limit {text}` is not understood: write a time (`90s`, `2h`), memory (`16GiB`) or disk (`disk:50GiB`)");
            return Exit::Usage;
        }
    };
    match api::use_device(&mut options, &arguments.device) {
        Ok(None) => {}
        Ok(Some(said)) => tell!("{said}"),
        Err(why) => {
            tell!("`--device {}` is not available: {why}", arguments.device);
            return Exit::Usage;
        }
    }
    if let Some(gigabytes) = arguments.device_memory {
        options.device_memory = gigabytes * 1073741824.0;
    }
    let kinds = kinds(&graph, &wanted, &store, &options);
    let source = match locked::compared(&arguments.script, &source, &checked, &graph, kinds, arguments.locked) {
        Ok(held) => Source { lock: held.map(|h| h.differences), ..source },
        Err(exit) => return exit,
    };
    match api::precisions(&graph, &wanted, &options) {
        Ok(None) => {}
        Ok(Some(said)) => tell!("{said}"),
        Err(why) => {
            tell!("{why}");
            return Exit::Usage;
        }
    }
    if let Some(words) = overfull(&graph, &store, &options) {
        tell!("{words}");
        return Exit::Store;
    }
    let out = results_folder(&arguments.out, &source, &arguments.script.script);
    if let Err(e) = api::ready(&source, &graph, &out) {
        return unwritten(&out, &e);
    }
    let mut observers = Several(vec![progress::on_stderr(arguments.json)]);
    match see(&out) {
        Ok(other) => observers.0.push(other),
        Err(exit) => return exit,
    }
    if let Some(folder) = &arguments.tensorboard {
        match Board::new(folder) {
            Ok(board) => observers.0.push(Box::new(board)),
            Err(e) => return unwritten(folder, &e),
        }
    }
    // Writes what there is; `None` if results turn out to be damaged or gone when they are written out, and are to be made again.
    let written = |outcome: &RunOutcome, faults: Option<u64>| -> Option<Exit> {
        store.keep_note(&record_name(&arguments.script), &record::record(&graph).record.to_json().to_string());
        let results = api::results(&graph, &registry, &store, &source, outcome);
        if let Err(e) = api::write(&source, &checked, &graph, outcome, &results, &out) {
            return Some(unwritten(&out, &e));
        }
        if let Some(folder) = &arguments.tensorboard
            && let Err(e) = tensorboard::histories(
                &graph,
                &|entry| results.entry(entry).unwrap_or_else(|_| Value::Absent(String::new())),
                folder,
            )
        {
            return Some(unwritten(folder, &e));
        }
        if outcome.state != RunState::Interrupted && faults.is_some_and(|before| store.faults() > before) {
            let stores: Vec<String> = store.faulty().iter().map(|s| s.display().to_string()).collect();
            tell!("results in the store {} are damaged or missing, and are computed again", stores.join(" and in "));
            return None;
        }
        Some(ended(arguments, &graph, outcome, &results, &store, &out))
    };
    // What is at work when the process is to stop, and does not see it, ends with the process.
    let leave = |outcome: &RunOutcome| {
        let exit = written(outcome, None).unwrap_or(Exit::Interrupted);
        // At once: what libraries tear down at the end may be in use.
        signal_hook::low_level::exit(exit as i32)
    };
    for again in 0..=MOST_REPAIRS {
        let faults = Some(store.faults()).filter(|_| again < MOST_REPAIRS);
        match api::run_or_leave(&graph, &wanted, &registry, &store, &options, &observers, &leave) {
            Ok(outcome) => {
                if let Some(exit) = written(&outcome, faults) {
                    return exit;
                }
            }
            Err(e) => {
                tell!("{e}");
                return Exit::Store;
            }
        }
    }
    Exit::Store
}

/// Several observers of a run.
struct Several(Vec<Box<dyn Observer>>);

impl Observer for Several {
    fn event(&self, event: &Event) {
        self.0.iter().for_each(|o| o.event(event));
    }
}

/// How often results that are damaged or gone are made again in one run: a disk that damages them each time is no place for a store.
const MOST_REPAIRS: usize = 2;

/// Says that results cannot be written, and how the command ends.
pub(super) fn unwritten(out: &Path, error: &std::io::Error) -> Exit {
    tell!("the results cannot be written to {}: {error}", out.display());
    Exit::unwritten(error)
}

/// Says how a run ended that has written its results.
fn ended(arguments: &Run, graph: &Graph, outcome: &RunOutcome, results: &Results, store: &Store, out: &Path) -> Exit {
    if let Some(words) = listing::compared(graph, outcome) {
        tell!("{words}");
    }
    let absent =
        |id: CellId| Some(&outcome.cells[id]).filter(|c| c.status == Status::Absent)?.message.as_ref().map(|m| m.to_string());
    if let Some(words) = listing::absences(graph, absent) {
        tell!("{words}");
    }
    let claims = api::claims(graph, results);
    for claim in &claims {
        say!("{}", claim.line());
    }
    if let Some(words) = api::settling(graph, results).summary() {
        tell!("{words}");
    }
    match outcome.state {
        RunState::Done => {
            say!("{}", out.join("report.html").display());
            if arguments.strict && claims.iter().any(|c| !c.holds()) { Exit::Claim } else { Exit::Done }
        }
        RunState::Failed if store.is_full() => {
            tell!("not everything could be kept in the store {}; what was kept is found by the next run", store.root().display());
            Exit::Store
        }
        RunState::Failed => Exit::CellFailed,
        RunState::Interrupted => {
            tell!("stopped; the same command continues from here");
            Exit::Interrupted
        }
    }
}

/// Returns why a run would be sure to fill the disk, unless a limit stops it before.
fn overfull(graph: &Graph, store: &Store, options: &Options) -> Option<String> {
    let free = room::free(store.root());
    let kept = graph.cells.iter().filter(|c| c.policy != Policy::Inline && c.cost.disk > 0.0);
    // No more than four times of all that is kept is on the disk at any time: only where that could be too much, the store is asked.
    if options.limits.disk.is_some() || !room::overfull(4.0 * kept.map(|c| c.cost.disk).sum::<f64>(), free) {
        return None;
    }
    let expected = together(graph, &listing::to_run(&api::standings(graph, store)), options.threads);
    room::overfull(expected.most_disk, free).then(|| {
        format!(
            "the run would fill the disk: about {} would be needed for {} at the peak, and {} are free; make room, name another folder with \
             `--store DIR`, or let the run stop when the disk is full enough, with `--limit disk:SIZE`",
            bytes(expected.most_disk),
            store.root().display(),
            bytes(free.unwrap_or(0) as f64)
        )
    })
}

/// Reads `--limit`s.
fn limits(texts: &[String]) -> Result<Limits, String> {
    let mut out = Limits::default();
    for text in texts {
        let (disk, rest) = match text.strip_prefix("disk:") {
            Some(rest) => (true, rest),
            None => (false, text.as_str()),
        };
        let split = rest.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (number, unit) = rest.split_at(split);
        let number: f64 = number.trim().parse().map_err(|_| text.clone())?;
        if !(number > 0.0 && number.is_finite()) {
            return Err(text.clone());
        }
        let bytes = size::parse(rest).filter(|_| !unit.is_empty());
        let seconds = match unit {
            "s" => Some(number),
            "min" | "m" => Some(number * 60.0),
            "h" => Some(number * 3600.0),
            "d" => Some(number * 86400.0),
            _ => None,
        };
        match (bytes, seconds) {
            (Some(b), _) if disk => out.disk = Some(b as u64),
            (Some(b), _) => out.memory = Some(b as u64),
            (None, Some(s)) if !disk => out.seconds = Some(s),
            _ => return Err(text.clone()),
        }
    }
    Ok(out)
}

/// Returns a store with others beside it that are read and not written.
pub(super) fn beside(store: Store, also: &[PathBuf]) -> Result<Store, Exit> {
    let mut others = Vec::new();
    for folder in also {
        match Store::is_there(folder).and_then(|there| if there { Store::look(folder).map(Some) } else { Ok(None) }) {
            Ok(Some(other)) => others.push(other),
            Ok(None) => {
                tell!("there is no store at {}, which `--also` names", folder.display());
                return Err(Exit::Usage);
            }
            Err(e) => {
                tell!("{e}");
                return Err(Exit::Store);
            }
        }
    }
    Ok(store.beside(others))
}

/// Opens the store: the one named, or `.cfx` beside the script.
fn open_store(named: &Option<PathBuf>, source: &Source, open: fn(&Path) -> Result<Store, StoreError>) -> Result<Store, Exit> {
    let at = named.clone().unwrap_or_else(|| source.folder.join(store::FOLDER));
    open(&at).map_err(|e| {
        tell!("{e}");
        Exit::Store
    })
}

/// Returns the threads to use: as asked, within what does any good.
fn threads(asked: Option<usize>, usual: usize) -> usize {
    let most = MOST_THREADS.max(4 * usual);
    match asked {
        Some(0) => {
            tell!("--threads 0: one thread is used");
            1
        }
        Some(asked) if asked > most => {
            tell!("--threads {asked}: this machine has {usual} cores; {most} threads are used");
            most
        }
        other => other.unwrap_or(usual),
    }
}

/// Threads that may be asked for on any machine.
const MOST_THREADS: usize = 64;

/// Returns the folder of the results: the one named, or `results/NAME` beside the script.
pub fn results_folder(named: &Option<PathBuf>, source: &Source, script: &Path) -> PathBuf {
    let name = script.file_stem().and_then(|s| s.to_str()).unwrap_or("script");
    named.clone().unwrap_or_else(|| source.folder.join("results").join(name))
}
