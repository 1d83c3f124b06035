//! The world that laws are tried in: small values of every kind, and a store in which each of them is computed once.

use crate::script::{entry, repository, source};
use cfx::api::{self, Checked, Registry, Source};
use cfx::base::{Diags, Severity};
use cfx::engine::progress::Silent;
use cfx::engine::{Kernels, Options, Results, Status, Store, Value};
use cfx::lang::kind::Kind;
use cfx::lang::scope::Program;
use cfx::plan::graph::{Declared, Entry, Graph, LabelledAxis};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock};

/// Declarations of small values of every kind, one a line.
pub const WORLD: &str = include_str!("world.cfx");

thread_local! {
    /// The registry that this test plants a fault in.
    static PLANTED: std::cell::Cell<Option<fn() -> Registry>> = const { std::cell::Cell::new(None) };
}

/// Returns the operations that scripts are checked and run with: the built-in ones, or those of a test that plants a fault.
fn registry() -> Registry {
    PLANTED.get().map_or_else(Registry::standard, |make| make())
}

/// Does something with other operations in the place of the built-in ones.
pub fn with<T>(make: fn() -> Registry, run: impl FnOnce() -> T) -> T {
    PLANTED.set(Some(make));
    let out = run();
    PLANTED.set(None);
    out
}

/// Returns the standard library.
pub fn library() -> &'static Program {
    static LIBRARY: OnceLock<Program> = OnceLock::new();
    LIBRARY.get_or_init(|| Program::load("empty.cfx", "", &|_| Err(("cfx::file::missing", String::new(), String::new()))).0)
}

/// The one store of this process, with its folder; one run at a time.
fn store() -> &'static Mutex<(Store, tempfile::TempDir)> {
    static STORE: OnceLock<Mutex<(Store, tempfile::TempDir)>> = OnceLock::new();
    STORE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder for the store");
        Mutex::new((Store::open(folder.path()).expect("a store"), folder))
    })
}

/// A declared value of the world.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Names of its axes.
    pub axes: Vec<String>,
}

/// Returns the values that the world declares.
pub fn known() -> &'static [Known] {
    static KNOWN: OnceLock<Vec<Known>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let (checked, diags) = check(WORLD);
        assert!(!diags.has_errors(), "{:#?}", diags.0);
        let script = &checked.script;
        let of = |v: &usize| {
            let value = &script.values[*v];
            let axes = value.typed.axes.iter().map(|a| script.axes.get(*a).name.clone()).collect();
            Known { name: value.name.clone(), kind: value.typed.kind.clone(), axes }
        };
        script.order.iter().map(of).collect()
    })
}

/// Returns the folder of the files that tests make.
fn made() -> &'static std::path::Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder for files")).path()
}

/// Makes a file below [`made`], with zeros behind its bytes up to a length. It is there as a whole or not at all: several tests make and read it.
/// What is there stays: a name stands for the same bytes everywhere.
pub fn put(name: &str, bytes: &[u8], length: usize) {
    let path = made().join(name);
    if path.exists() {
        return;
    }
    let folder = path.parent().expect("a folder");
    std::fs::create_dir_all(folder).expect("a folder");
    let mut file = tempfile::NamedTempFile::new_in(folder).expect("a file");
    std::io::Write::write_all(&mut file, bytes).expect("room for a file");
    file.as_file().set_len(length.max(bytes.len()) as u64).expect("room for zeros");
    file.persist(path).expect("the file's name");
}

/// Returns a text as a script that may read the files of the suite.
fn script(text: &str) -> Source {
    let mut source = source("laws.cfx", text, &repository("tests/suite/files"), &[]);
    source.granted.push(repository("tests/laws"));
    source.granted.push(made().to_path_buf());
    source
}

/// Checks and plans a script; the messages are those of whichever refuses it.
fn check(text: &str) -> (Checked, Diags) {
    let registry = registry();
    let source = script(text);
    let checked = api::check(&source, &registry);
    let diags = match api::plan(&source, &checked, &registry) {
        Ok(_) => checked.diags.clone(),
        Err(diags) => diags,
    };
    (checked, diags)
}

/// A declaration to be tried: its name or title, and its line.
#[derive(Clone, Debug)]
pub struct Line {
    /// Name or title.
    pub name: String,
    /// The declaration.
    pub text: String,
}

/// Returns which of the lines a world refuses, with the messages.
pub fn refusals(world: &str, lines: &[Line]) -> BTreeMap<String, String> {
    let mut refused: BTreeMap<String, String> = BTreeMap::new();
    loop {
        let left: Vec<&Line> = lines.iter().filter(|l| !refused.contains_key(&l.name)).collect();
        let mut text = world.to_string();
        let mut places: Vec<(usize, &str)> = Vec::new();
        for line in &left {
            places.push((text.len(), &line.name));
            text.push_str(&line.text);
            text.push('\n');
        }
        let (checked, diags) = check(&text);
        let base = checked.program.sources.files()[checked.program.main].base;
        let before = refused.len();
        for diag in diags.0.iter().filter(|d| d.severity == Severity::Error) {
            // The first place in the script itself: what is wrong may stand in the library.
            let at = diag.labels.iter().find_map(|(span, _)| (span.start as usize).checked_sub(base));
            let line = at.and_then(|at| places.iter().rev().find(|(start, _)| *start <= at));
            let (_, name) = line.unwrap_or_else(|| panic!("the world itself is refused: {diag:#?}\n{world}"));
            let help = diag.help.as_deref().unwrap_or_default();
            refused.entry(name.to_string()).or_insert_with(|| format!("[{}] {}; {help}", diag.code, diag.message));
        }
        if refused.len() == before {
            return refused;
        }
    }
}

/// Returns what the cells of a world with these lines, none of which it refuses, are expected to take: label, seconds, bytes of memory.
pub fn costs(world: &str, lines: &[Line]) -> Vec<(String, f64, f64)> {
    let (_, graph) = planned(world, lines);
    graph.cells.iter().map(|c| (c.label.to_string(), c.cost.seconds, c.cost.memory)).collect()
}

/// Values of a script after its run.
pub struct Ran {
    values: BTreeMap<String, Vec<Cell>>,
}

/// One value at its coordinates.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Coordinates by axis.
    pub at: BTreeMap<String, String>,
    /// The value; where the cell failed, the message.
    pub value: Result<Value, String>,
    /// The cell's key, where it is a cell.
    pub key: Option<String>,
}

/// Runs the world with these lines, none of which it refuses, with other kernels than the registry's, on so many threads, in a store of its own.
pub fn run_with(world: &str, lines: &[Line], kernels: &dyn Kernels, threads: usize) {
    let (source, graph) = planned(world, lines);
    let folder = tempfile::tempdir().expect("a folder for the store");
    let store = Store::open(folder.path()).expect("a store");
    let options = Options { files: source.files(), threads, ..Options::new(&source.folder) };
    let cells = wanted(&graph, lines);
    cfx::engine::execute(&graph, &cells, kernels, &store, &options, &Silent).expect("the store can be written");
}

/// Returns the plan of the world with these lines, none of which it refuses.
fn planned(world: &str, lines: &[Line]) -> (Source, Graph) {
    let text: String = std::iter::once(world).chain(lines.iter().flat_map(|l| [l.text.as_str(), "\n"])).collect();
    let registry = registry();
    let source = script(&text);
    let checked = api::check(&source, &registry);
    let graph = api::plan(&source, &checked, &registry).unwrap_or_else(|d| panic!("{:#?}", d.0));
    (source, graph)
}

/// Returns the cells of these lines: data sets as well, which a run of a script makes only for those that use them.
fn wanted(graph: &Graph, lines: &[Line]) -> Vec<usize> {
    let names: BTreeSet<&str> = lines.iter().map(|l| l.name.as_str()).collect();
    let of = |e: &Entry| if let Entry::Cell(id) = e { Some(*id) } else { None };
    let named = graph.values.iter().filter(|v| names.contains(v.name.as_str()));
    named.flat_map(|v| v.entries.iter().filter_map(of)).collect::<BTreeSet<usize>>().into_iter().collect()
}

/// Runs the world with these lines, none of which it refuses.
pub fn run(world: &str, lines: &[Line]) -> Ran {
    let store = store().lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    run_in(&store.0, world, lines)
}

/// Runs the world with these lines as [`run`] does, in a store of its own, so that nothing is answered by what was computed elsewhere.
pub fn run_anew(world: &str, lines: &[Line]) -> Ran {
    let folder = tempfile::tempdir().expect("a folder for the store");
    run_in(&Store::open(folder.path()).expect("a store"), world, lines)
}

fn run_in(store: &Store, world: &str, lines: &[Line]) -> Ran {
    let registry = registry();
    let (source, graph) = planned(world, lines);
    let mut options = Options::new(&source.folder);
    options.files = source.files();
    if PLANTED.get().is_some() {
        // A fault may take what comes first in the place of all: what that is must not be up to threads.
        options.threads = 1;
    }
    let names: BTreeSet<&str> = lines.iter().map(|l| l.name.as_str()).collect();
    let cells_wanted = wanted(&graph, lines);
    let outcome =
        cfx::engine::execute(&graph, &cells_wanted, &registry, store, &options, &Silent).expect("the store can be written");
    let mut values = BTreeMap::new();
    {
        let results = api::results(&graph, &registry, store, &source, &outcome);
        for declared in graph.values.iter().filter(|v| names.contains(v.name.as_str())) {
            values.insert(declared.name.clone(), cells(&graph, declared, &results, &outcome.cells));
        }
    }
    Ran { values }
}

fn cells(graph: &Graph, declared: &Declared, results: &Results, outcomes: &[cfx::engine::CellOutcome]) -> Vec<Cell> {
    let of = |place: Vec<(String, String)>| {
        let found = entry(declared, &place).expect("a place of the value");
        let failed = |id: usize| {
            let cell = &outcomes[id];
            matches!(cell.status, Status::Failed | Status::Skipped).then(|| cell.message.clone().unwrap_or_default().to_string())
        };
        let value = match &found {
            Entry::Absent(why) => Ok(Value::Absent(why.clone())),
            Entry::Cell(id) => failed(*id).map_or_else(|| results.entry(&found).map_err(|m| m.to_string()), Err),
            other => results.entry(other).map_err(|m| m.to_string()),
        };
        let key = if let Entry::Cell(id) = &found { Some(graph.cells[*id].key.to_string()) } else { None };
        Cell { at: place.into_iter().collect(), value, key }
    };
    places(&declared.axes).into_iter().map(of).collect()
}

/// Returns all combinations of coordinates.
fn places(axes: &[LabelledAxis]) -> Vec<Vec<(String, String)>> {
    let mut out = vec![Vec::new()];
    for axis in axes {
        let mut longer = Vec::with_capacity(out.len() * axis.coordinates.len());
        for place in &out {
            for coordinate in &axis.coordinates {
                let mut place: Vec<(String, String)> = place.clone();
                place.push((axis.name.clone(), coordinate.clone()));
                longer.push(place);
            }
        }
        out = longer;
    }
    out
}

impl Ran {
    /// Returns the cells of a declared value.
    pub fn cells(&self, name: &str) -> &[Cell] {
        self.values.get(name).map(Vec::as_slice).unwrap_or_else(|| panic!("nothing is declared as `{name}`"))
    }
}
