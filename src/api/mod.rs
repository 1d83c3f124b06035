//! The pipeline as a library: load, check, plan, run, read results. What the command is made of, and what other programs embed.
//!
//! In: a script's text and the folders it may read. Out: messages, a plan, results. Never: terminals, exit codes.

mod expected;
pub mod registry;

use crate::base::{Diag, Diags, Name, Severity, Span};
use crate::engine::value::{Model, Truth};
use crate::engine::{
    self, CellOutcome, Missing, Observer, Options, Results, RunOutcome, Standing, Status, Store, StoreError, Value,
};
use crate::lang::scope::Program;
use crate::lang::typed::Script;
use crate::lang::{Static, check, typed};
use crate::ops::nn::device;
use crate::plan::facts::Policy;
use crate::plan::files::{self, Files};
use crate::plan::graph::{Cell, CellId, Entry, Graph, Override};
use crate::plan::lower::{self, draws};
use crate::plan::seen;
use crate::report::lock::Lock;
use crate::report::{self, CellRecord, Outcome, ReportInput, Settling};
use crate::syntax::ast::{ItemKind, Keyword};
pub use expected::{Expected, expected};
pub use registry::Registry;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

/// A script with the folders it may read and the values of its parameters.
#[derive(Clone, Debug)]
pub struct Source {
    /// Name shown in messages.
    pub name: String,
    /// The text.
    pub text: String,
    /// Folder below which it may read.
    pub folder: PathBuf,
    /// More folders that the user granted.
    pub granted: Vec<PathBuf>,
    /// Values for its parameters, as `--set` gives them: name, text.
    pub set: Vec<(String, String)>,
    /// Texts of files that it uses, by the names that `use` gives them: those are taken in place of the files.
    pub texts: BTreeMap<String, String>,
    /// How the run differs from the lock beside the script, where there is one and that was looked at: for the report.
    pub lock: Option<Vec<String>>,
}

impl Source {
    /// Reads a script from a file. Its folder is the file's.
    ///
    /// Errors: the file cannot be read, is not UTF-8, is a named pipe or a device (but for `/dev/stdin` and what a shell makes, `<(…)`), or longer than
    /// any script.
    pub fn read(path: &Path) -> std::io::Result<Source> {
        let text = read_text(path)?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf();
        Ok(Source { text, ..Source::text(&path.display().to_string(), "", &folder) })
    }

    /// Returns a script that is not in a file; it reads below `folder`.
    pub fn text(name: &str, text: &str, folder: &Path) -> Source {
        Source {
            name: name.to_string(),
            text: text.to_string(),
            folder: folder.to_path_buf(),
            granted: Vec::new(),
            set: Vec::new(),
            texts: BTreeMap::new(),
            lock: None,
        }
    }

    /// Returns the files that the script may read.
    pub fn files(&self) -> Files {
        Files::new(&self.folder, &self.granted)
    }
}

/// Bytes of a script at most.
const LONGEST_SCRIPT: u64 = 16 << 20;

/// Reads a text that a person wrote: a script, the file of a site. Nobody may be at the other end of a named pipe, and a device may have no end.
///
/// Errors: it cannot be read, is no text in UTF-8, or is longer than any script.
pub fn read_text(path: &Path) -> std::io::Result<String> {
    let of_shell = ["/dev/std", "/dev/fd/", "/proc/"].iter().any(|p| path.as_os_str().to_string_lossy().starts_with(p));
    let file = if of_shell { std::fs::File::open(path)? } else { seen::open(path)? };
    let mut bytes = Vec::new();
    if file.take(LONGEST_SCRIPT + 1).read_to_end(&mut bytes)? as u64 > LONGEST_SCRIPT {
        return Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            format!("it is longer than {} MiB", LONGEST_SCRIPT >> 20),
        ));
    }
    String::from_utf8(bytes).map_err(|e| {
        let bytes = e.as_bytes();
        let words = match bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
            true => "it is UTF-16: save it as UTF-8".to_string(),
            false => {
                let line = bytes[..e.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
                format!("it is not UTF-8, first in line {line}: save it as UTF-8")
            }
        };
        std::io::Error::new(std::io::ErrorKind::InvalidData, words)
    })
}

/// A script after checking: its trees, its types, and everything there is to say about it.
#[derive(Debug)]
pub struct Checked {
    /// Files, names and signatures.
    pub program: Program,
    /// The typed script, in which whatever is wrong is left out.
    pub script: Script,
    /// All messages, ordered by place.
    pub diags: Diags,
}

/// Parses and checks a script without reading any data: names, types, axes, and whatever the operations can tell beforehand.
pub fn check(source: &Source, registry: &Registry) -> Checked {
    let read = read(source);
    let (_, found) = read.cells(registry, None);
    read.with(found)
}

/// Checks a script and lays it out as cells, as [`check`] and [`plan`] do one after the other, in one walk over the cells where nothing is
/// wrong: reading files only adds to what is known.
///
/// Errors (beside what was checked): everything that is wrong, also what `check` could not see without files.
pub fn prepare(source: &Source, registry: &Registry) -> (Checked, Result<Graph, Diags>) {
    let read = read(source);
    if !read.diags.has_errors() {
        let (graph, found) = read.cells(registry, Some(&source.files()));
        if !found.has_errors() {
            let checked = read.with(found);
            let graph = Graph { overrides: overrides(&checked), ..graph };
            return (checked, Ok(graph));
        }
    }
    // What can be seen without files is told before the rest.
    let (_, found) = read.cells(registry, None);
    let checked = read.with(found);
    let graph = plan(source, &checked, registry);
    (checked, graph)
}

/// A script whose names and types have been checked.
struct ReadScript {
    program: Program,
    script: Script,
    diags: Diags,
    /// What seems to be unused.
    idle: Diags,
}

fn read(source: &Source) -> ReadScript {
    let files = source.files();
    let loader = |path: &str| -> Result<String, (&'static str, String, String)> {
        if let Some(text) = source.texts.get(path) {
            return Ok(text.clone());
        }
        let found = files.find(path).map_err(|p| (p.code, p.message, p.help.unwrap_or_default()))?;
        let unreadable =
            |e| ("cfx::file::missing", format!("`{path}` cannot be read: {e}"), "give a script in UTF-8".to_string());
        read_text(&found).map_err(unreadable)
    };
    let (program, mut diags) = Program::load(&source.name, &source.text, &loader);
    let (script, found, idle) = check::check(&program, &source.set);
    diags.extend(found);
    ReadScript { program, script, diags, idle }
}

/// Returns the files that a script takes names from (`use "nets.cfx" { … }`), by their paths as written, those that they use among them.
pub fn used(source: &Source) -> Vec<String> {
    let ReadScript { program, .. } = read(source);
    let own = program.modules.iter().skip(program.main + 1);
    own.filter(|m| m.topic.is_none()).map(|m| m.name.clone()).collect()
}

impl ReadScript {
    /// Returns the script as cells, and what was seen when it was laid out.
    fn cells(&self, registry: &Registry, files: Option<&Files>) -> (Graph, Diags) {
        cells(&self.program, &self.script, registry, files, !self.diags.has_errors())
    }

    /// Returns the script with all there is to say about it; `found` was seen when it was laid out.
    fn with(self, found: Diags) -> Checked {
        let ReadScript { program, script, mut diags, idle } = self;
        // What is wrong in the body of a network is said once, not again where it is put to use.
        let told: Vec<Span> =
            network_bodies(&program).into_iter().filter(|b| diags.0.iter().any(|d| is_error_in(d, *b))).collect();
        diags.extend(found.only(|d| !told.iter().any(|b| is_error_in(d, *b))));
        // Where something is wrong, what seems to be unused may be used there.
        if !diags.has_errors() {
            diags.extend(idle);
        }
        Checked { program, script, diags: diags.sorted().first(MOST_MESSAGES) }
    }
}

/// Most errors, and most warnings, that are told at once.
const MOST_MESSAGES: usize = 100;

/// Returns the places of the networks and layers of a script.
fn network_bodies(program: &Program) -> Vec<Span> {
    let items = program.modules.iter().filter(|m| m.topic.is_none()).flat_map(|m| &m.file.items);
    items.filter(|i| matches!(i.kind, ItemKind::Network { .. })).map(|i| i.span).collect()
}

/// Lays a script out as cells. Where it is `sound`, declarations that are one draw are warned of: beside an error two calls may differ in what was
/// left out.
fn cells(program: &Program, script: &Script, registry: &Registry, files: Option<&Files>, sound: bool) -> (Graph, Diags) {
    let (graph, mut found) = lower::lower(program, script, registry, files);
    if sound && !found.has_errors() {
        found.extend(draws::repeated(program, script, &graph.values));
    }
    (graph, found)
}

fn is_error_in(diag: &Diag, place: Span) -> bool {
    diag.severity == Severity::Error && place.start <= diag.span().start && diag.span().end <= place.end
}

/// Lays a checked script out as cells, reading headers, labels and hashes of the files it names.
///
/// Errors: everything that `check` could not see without files.
pub fn plan(source: &Source, checked: &Checked, registry: &Registry) -> Result<Graph, Diags> {
    if checked.diags.has_errors() {
        return Err(checked.diags.clone());
    }
    let (mut graph, diags) = cells(&checked.program, &checked.script, registry, Some(&source.files()), true);
    graph.overrides = overrides(checked);
    graph.warnings = diags.clone().only(|d| !checked.diags.0.contains(d));
    if diags.has_errors() { Err(diags.sorted().first(MOST_MESSAGES)) } else { Ok(graph) }
}

/// Returns the parameters whose values were given from outside.
fn overrides(checked: &Checked) -> Vec<Override> {
    let given = checked.script.overrides.iter();
    given
        .map(|(name, value, default)| Override {
            name: name.clone(),
            value: value.clone(),
            default: Some(default.clone()).filter(|d| !d.is_empty()),
        })
        .collect()
}

/// Returns what the results of a plan hang on beside the script's text: files, versions, parameters, the kinds of `devices`.
pub fn lock(source: &Source, checked: &Checked, graph: &Graph, devices: BTreeSet<String>) -> Lock {
    let program = &checked.program;
    let parameters = program.modules[program.main].names.iter().filter_map(|(name, def)| match &program.item(*def).kind {
        ItemKind::Param(param) => {
            let given = graph.overrides.iter().find(|o| o.name == *name).map(|o| o.value.clone());
            let default = || param.default.as_ref().map_or(String::new(), |d| program.sources.text(d.span).to_string());
            Some((name.clone(), given.unwrap_or_else(default)))
        }
        _ => None,
    });
    let roots: Vec<PathBuf> = std::iter::once(&source.folder).chain(&source.granted).cloned().collect();
    Lock::of(graph, &roots, parameters.collect(), env!("CARGO_PKG_VERSION"), devices)
}

/// Returns the kinds of device that the results are of which a store has of a plan.
pub fn kinds(graph: &Graph, store: &Store) -> BTreeSet<String> {
    let found = engine::found(graph, store, None).into_iter().flatten();
    found.filter_map(|f| store.entry(&f.key)).map(|e| e.device).collect()
}

/// Returns the texts of the files that a script uses, by the names that `use` gives them ([`Source::texts`]).
pub fn used_texts(checked: &Checked) -> BTreeMap<String, String> {
    let modules = checked.program.modules.iter().zip(checked.program.sources.files()).skip(checked.program.main + 1);
    modules.filter(|(m, _)| m.topic.is_none()).map(|(m, file)| (m.name.clone(), file.text.clone())).collect()
}

/// Returns the cells that a run is for: whatever is written out (figures, claims, analyses, representations, densities, weights that are
/// kept), and every other value that no other declaration uses.
pub fn wanted(graph: &Graph) -> Vec<CellId> {
    let mut used = vec![false; graph.cells.len()];
    for cell in &graph.cells {
        cell.takes().for_each(|d| used[d] = true);
    }
    let mut taken = vec![false; graph.cells.len()];
    let mut out: Vec<CellId> = Vec::new();
    for value in &graph.values {
        // What is written out for people is made wherever it is missing: numbers, pictures, representations, densities, kept weights.
        let always = |id: CellId| match value.keyword.as_str() {
            "analysis" | "figure" | "claim" | "stages" | "density" => true,
            "model" => graph.cells[id].policy == Policy::Stored,
            _ => false,
        };
        for entry in &value.entries {
            if let Entry::Cell(id) = entry
                && (always(*id) || (!used[*id] && value.keyword != Keyword::Dataset.word()))
                && !std::mem::replace(&mut taken[*id], true)
            {
                out.push(*id);
            }
        }
    }
    out
}

/// Returns the cells of some declarations: those of the names and titles `only`, and all up to the one `until` in the order of the script; where neither
/// is given, [`wanted`].
///
/// Errors: a name that the script does not declare.
pub fn wanted_for(graph: &Graph, only: &[String], until: Option<&str>) -> Result<Vec<CellId>, String> {
    if only.is_empty() && until.is_none() {
        return Ok(wanted(graph));
    }
    let place = |name: &str| graph.values.iter().rposition(|v| v.name == name).ok_or_else(|| name.to_string());
    let last = until.map(place).transpose()?;
    only.iter().try_for_each(|name| place(name).map(|_| ()))?;
    let meant = |i: usize, name: &String| last.is_some_and(|last| i <= last) || only.contains(name);
    let values = graph.values.iter().enumerate().filter(|(i, v)| meant(*i, &v.name) && v.keyword != Keyword::Dataset.word());
    let cells: BTreeSet<CellId> =
        values.flat_map(|(_, v)| &v.entries).filter_map(|e| if let Entry::Cell(id) = e { Some(*id) } else { None }).collect();
    Ok(cells.into_iter().collect())
}

/// Returns how each cell of a plan stands with a store.
pub fn standings(graph: &Graph, store: &Store) -> Vec<Standing> {
    engine::statuses(graph, &wanted(graph), store, None)
}

/// Returns how many of the cells that are in the store are read from each of the stores beside it.
pub fn sources(graph: &Graph, standings: &[Standing], store: &Store) -> BTreeMap<PathBuf, usize> {
    let mut out = BTreeMap::new();
    for (found, standing) in engine::found(graph, store, None).iter().zip(standings) {
        if let (Some(found), Standing::Cached) = (found, standing)
            && let Some(folder) = store.source(&found.key)
        {
            *out.entry(folder.to_path_buf()).or_insert(0) += 1;
        }
    }
    out
}

/// Has networks run on a device: `cpu`; `candle`, `cuda:N` or `metal`, devices of candle's; or `auto`, the first GPU where there is one and this build
/// knows GPUs. Cells that run side by side keep within the device's memory. Returns a sentence worth saying: what `auto` found.
///
/// Errors: the device is not available, and why.
pub fn use_device(options: &mut Options, name: &str) -> Result<Option<String>, String> {
    let (name, found) = match name {
        "cpu" => return Ok(None),
        "auto" => match device::automatic() {
            None => return Ok(None),
            Some(name) => match device::open(name) {
                Ok(found) => (name, found),
                Err(why) => return Ok(Some(format!("networks run on the CPU: {why}"))),
            },
        },
        name => (name, device::open(name)?),
    };
    let note = found.note.map_or(String::new(), |note| format!("; {note}"));
    let said = format!("networks run on {name}, {}{note}", found.model);
    options.network_device = name.to_string();
    options.accelerator = found.model;
    options.device_memory = found.memory.map_or(f64::INFINITY, |bytes| 0.9 * bytes as f64);
    Ok(Some(said))
}

/// Says what of the precisions that trainings of the cells `wanted`, and those they need, ask for (`precision: bf16`) the device gives otherwise: a
/// sentence on the CPU, which computes in 32 bits.
///
/// Errors: the device does not compute in 16 bits, in a sentence.
pub fn precisions(graph: &Graph, wanted: &[CellId], options: &Options) -> Result<Option<String>, String> {
    let mut seen = vec![false; graph.cells.len()];
    let mut queue = wanted.to_vec();
    while let Some(id) = queue.pop() {
        if !std::mem::replace(&mut seen[id], true) {
            queue.extend(graph.cells[id].takes());
        }
    }
    let asked = |c: &&Cell| c.settings.find("precision").and_then(Static::word) == Some("bf16");
    let cells = graph.cells.iter().zip(&seen).filter(|(_, seen)| **seen).map(|(c, _)| c);
    let (first, count) = {
        let mut all = cells.filter(asked);
        match all.next() {
            Some(first) => (first.title(), 1 + all.count()),
            None => return Ok(None),
        }
    };
    let who = if count == 1 { format!("{first} asks") } else { format!("{first} and {} others ask", count - 1) };
    if options.network_device == "cpu" {
        return Ok(Some(format!("{who} for `precision: bf16`: the CPU computes in 32 bits")));
    }
    match device::open(&options.network_device) {
        Ok(found) if !device::short(&found.device) => {
            Err(format!("{who} for `precision: bf16`, and {} does not compute in 16 bits: {}", found.model, device::NO_SHORT))
        }
        _ => Ok(None),
    }
}

/// Runs a plan. What became of each cell is in the outcome; [`results`] reads values.
///
/// Errors: the store cannot be written, or threads cannot be started.
pub fn run(
    graph: &Graph,
    registry: &Registry,
    store: &Store,
    options: &Options,
    observer: &dyn Observer,
) -> Result<RunOutcome, StoreError> {
    engine::execute(graph, &wanted(graph), registry, store, options, observer)
}

/// As [`run`], of the cells `wanted` and what they need; where the run stops and a kernel does not see it soon, `leave` is told what became of the run and is expected to end the process.
///
/// Errors: as there.
pub fn run_or_leave(
    graph: &Graph,
    wanted: &[CellId],
    registry: &Registry,
    store: &Store,
    options: &Options,
    observer: &dyn Observer,
    leave: &dyn Fn(&RunOutcome),
) -> Result<RunOutcome, StoreError> {
    engine::execute_or_leave(graph, wanted, registry, store, options, observer, Some(leave))
}

/// Returns a reader of a run's results.
pub fn results<'a>(
    graph: &'a Graph,
    registry: &'a Registry,
    store: &'a Store,
    source: &Source,
    outcome: &RunOutcome,
) -> Results<'a> {
    Results::new(graph, registry, store, source.files(), Some(outcome))
}

/// Returns the types of a script's declarations in words: `m : model over noise(6) × run(10) = 60 cells`.
pub fn types(script: &typed::Script) -> Vec<(String, String)> {
    script.order.iter().map(|v| (script.values[*v].name.clone(), script.values[*v].typed.describe(&script.axes))).collect()
}

/// A claim with its outcome.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Its title.
    pub title: String,
    /// What came out: the truth value with both sides, or why there is none.
    pub outcome: Result<Truth, String>,
    /// What must be said beside it: that it was decided with values from densities that did not settle.
    pub doubt: Option<String>,
}

impl Claim {
    /// Returns whether the claim holds. One that could not be decided does not.
    pub fn holds(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|t| t.holds)
    }

    /// Returns the claim in one line.
    pub fn line(&self) -> String {
        let doubt = self.doubt.as_ref().map_or_else(String::new, |d| format!(" ({d})"));
        match &self.outcome {
            Ok(t) => format!("claim \"{}\": {}: {}{doubt}", self.title, t.verdict(), t.text),
            Err(why) => format!("claim \"{}\": undecided: {why}", self.title),
        }
    }
}

/// Returns which densities of a run settled, and what is made from the others.
pub fn settling(graph: &Graph, results: &Results) -> Settling {
    Settling::of(graph, &|entry| results.entry(entry).unwrap_or_else(|missing| Value::Absent(missing.to_string())))
}

/// Returns the claims of a plan that a run was for with their outcomes, in the order of the script.
pub fn claims(graph: &Graph, results: &Results) -> Vec<Claim> {
    let settling = settling(graph, results);
    graph
        .values
        .iter()
        .filter(|v| v.keyword == Keyword::Claim.word())
        .filter_map(|v| {
            let outcome = match v.entries.first().map(|e| results.entry(e)) {
                Some(Err(Missing::NotAsked)) => return None,
                Some(Ok(Value::Truth(t))) => Ok(t),
                Some(Ok(Value::Absent(why))) => Err(why),
                Some(Ok(other)) => Err(format!("it came out as a {}", other.word())),
                Some(Err(missing)) => Err(missing.to_string()),
                None => Err("it has no cell".to_string()),
            };
            let doubt = v.entries.first().and_then(|e| settling.behind(e));
            Some(Claim { title: v.name.clone(), outcome, doubt })
        })
        .collect()
}

/// Writes the results of a run for people below a folder: report, manifest, figures, tables, arrays. Returns the files written.
///
/// Errors: the folder cannot be written.
pub fn write(
    source: &Source,
    checked: &Checked,
    graph: &Graph,
    outcome: &RunOutcome,
    results: &Results,
    out: &Path,
) -> std::io::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(out)?;
    let why = |entry: &Entry| match entry {
        Entry::Cell(id) => outcome.cells.get(*id).and_then(|c| match c.status {
            Status::Failed => Some(format!("failed: {}", c.message.as_deref().unwrap_or_default())),
            Status::Skipped => c.message.as_ref().map(Name::to_string),
            _ => None,
        }),
        _ => None,
    };
    let value = |entry: &Entry| {
        results.entry(entry).unwrap_or_else(|missing| Value::Absent(why(entry).unwrap_or_else(|| missing.to_string())))
    };
    let device = Name::from(outcome.device.as_str());
    let records: Vec<CellRecord> = outcome.cells.iter().map(|c| record(c, &device)).collect();
    let base = checked.program.sources.files().get(checked.program.main).map_or(0, |f| f.base);
    let weights = |model: &Model| crate::ops::nn::weights_to_safetensors(model).unwrap_or_default();
    let input = ReportInput {
        graph,
        value: &value,
        records: &records,
        script: report::Script { name: source.name.clone(), text: source.text.clone(), base, lock: source.lock.clone() },
        build: report::Build {
            version: env!("CARGO_PKG_VERSION").to_string(),
            devices: vec![outcome.device.clone()],
            threads: outcome.threads,
            peak_memory: outcome.peak_memory,
        },
        weights: Some(&weights),
        largest_array: LARGEST_ARRAY,
        inputs: inputs(source, graph, out),
    };
    report::write(&input, out)
}

/// Returns the files that a run reads and that lie below a folder, with their whole paths; the script is one of them.
fn inputs(source: &Source, graph: &Graph, out: &Path) -> BTreeSet<PathBuf> {
    let whole = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let (below, given) = (whole(out), out.to_path_buf());
    let roots: Vec<PathBuf> = std::iter::once(&source.folder).chain(&source.granted).map(|f| whole(f)).collect();
    let read: BTreeSet<&str> =
        graph.cells.iter().flat_map(|c| c.files.iter().filter(|f| !f.folder).map(|f| f.path.as_str())).collect();
    let all = read.into_iter().chain([source.name.as_str()]);
    let found = all.flat_map(|path| roots.iter().map(move |root| root.join(path)));
    // Under the folder's name as given, too: that is how files are about to be written.
    found.filter_map(|path| path.strip_prefix(&below).ok().map(|rest| [path.clone(), given.join(rest)])).flatten().collect()
}

/// Returns whether results of a plan could be written to a folder.
///
/// Errors: it cannot be written, holds a manifest or report that no run of cfx wrote, or is one of which the plan reads whatever lies there.
pub fn ready(source: &Source, graph: &Graph, out: &Path) -> std::io::Result<()> {
    let readable = source.files();
    let (mut listed, mut matched) = (BTreeSet::new(), BTreeSet::new());
    for cell in graph.cells.iter() {
        listed.extend(cell.files.iter().filter(|f| f.folder).map(|f| PathBuf::from(&f.path)));
        // Where files that match a pattern are the coordinates of an axis, one more of them is one more coordinate.
        for (_, value) in cell.settings.0.iter().filter(|_| cell.facts.coordinates.is_some()) {
            let Static::Text(text) = value else { continue };
            let (folder, names) = files::pattern(text);
            if names.contains('*')
                && let Ok(folder) = readable.find(folder)
            {
                matched.insert((folder, names.to_string()));
            }
        }
    }
    report::earlier::ready(out, &listed, &matched)
}

/// Largest array that is written out as `.npy`, in bytes; larger ones stay in the store.
const LARGEST_ARRAY: u64 = 256 << 20;

fn record(c: &CellOutcome, device: &Name) -> CellRecord {
    let why = || c.message.clone().unwrap_or_default().to_string();
    CellRecord {
        outcome: match c.status {
            Status::Computed | Status::Inline => Outcome::Computed,
            Status::Cached => Outcome::Stored,
            Status::Absent => Outcome::Absent(why()),
            Status::Failed => Outcome::Failed { message: why(), help: c.help.as_ref().map(Name::to_string) },
            Status::Skipped => Outcome::Blocked(why()),
            Status::NotNeeded => Outcome::NotNeeded,
            Status::Stopped => Outcome::NotRun,
        },
        content: c.hash,
        device: c.other_kind.clone().unwrap_or_else(|| device.clone()),
        seconds: c.seconds,
        memory: c.peak_memory.map_or(0.0, |m| m as f64),
        disk: c.bytes as f64,
    }
}
