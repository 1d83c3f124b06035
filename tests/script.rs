//! One script taken through the library: checked, planned, run in a store of its own, and read.

use cfx::api::{self, Checked, Registry, Source};
use cfx::base::Diags;
use cfx::engine::progress::Silent;
use cfx::engine::{Options, RunOutcome, Store, Value};
use cfx::plan::graph::{Declared, Entry, Graph};
use std::path::{Path, PathBuf};

/// Returns a path below the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Returns all files below a folder whose name ends so, in order of their paths.
pub fn files_below(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return out };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            out.extend(files_below(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            out.push(path);
        }
    }
    out.sort();
    out
}

/// Returns a text as a script of that name in a folder.
pub fn source(name: &str, text: &str, folder: &Path, set: &[(&str, &str)]) -> Source {
    let mut source = Source::text(name, text, folder);
    source.granted.push(repository("tests/data"));
    source.set = set.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
    source
}

/// Returns a script without a file, checked and planned; the messages where it is wrong.
pub fn plan(text: &str) -> Result<Graph, Diags> {
    let registry = Registry::standard();
    let source = source("exp.cfx", text, Path::new("."), &[]);
    let checked = api::check(&source, &registry);
    api::plan(&source, &checked, &registry)
}

/// A script after its run.
pub struct Ran {
    pub checked: Checked,
    pub graph: Graph,
    pub outcome: RunOutcome,
    pub store: Store,
    pub registry: Registry,
    pub source: Source,
    _folder: tempfile::TempDir,
}

/// Runs a script in a new store. Errors: the messages, where it is wrong.
pub fn run(source: Source) -> Result<Ran, Box<(Checked, Diags)>> {
    run_on(source, "cpu")
}

/// Runs a script in a new store, its networks on a device. Errors: as [`run`].
pub fn run_on(source: Source, device: &str) -> Result<Ran, Box<(Checked, Diags)>> {
    let registry = Registry::standard();
    let checked = api::check(&source, &registry);
    let graph = match api::plan(&source, &checked, &registry) {
        Ok(graph) => graph,
        Err(diags) => return Err(Box::new((checked, diags))),
    };
    let folder = tempfile::tempdir().expect("a folder for the store");
    let store = Store::open(folder.path()).expect("a store");
    let mut options = Options::new(&source.folder);
    options.files = source.files();
    api::use_device(&mut options, device).expect("the device is there");
    let outcome = api::run(&graph, &registry, &store, &options, &Silent).expect("the store can be written");
    Ok(Ran { checked, graph, outcome, store, registry, source, _folder: folder })
}

impl Ran {
    /// Returns the value of an entry, or why there is none.
    pub fn value(&self, entry: &Entry) -> Result<Value, String> {
        if let Entry::Absent(why) = entry {
            return Ok(Value::Absent(why.clone()));
        }
        if let Entry::Cell(id) = entry
            && let Some(message) = &self.outcome.cells[*id].message
            && !matches!(self.outcome.cells[*id].status, cfx::engine::Status::Absent)
        {
            return Err(format!("failed: {message}"));
        }
        api::results(&self.graph, &self.registry, &self.store, &self.source, &self.outcome)
            .entry(entry)
            .map_err(|m| m.to_string())
    }
}

/// Returns the declaration of a name or title.
pub fn declared<'g>(graph: &'g Graph, name: &str) -> Result<&'g Declared, String> {
    graph.values.iter().find(|v| v.name == name).ok_or_else(|| format!("nothing is declared as `{name}`"))
}

/// Returns the entry at coordinates given as `axis: coordinate`, in any order; all axes must be named.
pub fn entry(value: &Declared, at: &[(String, String)]) -> Result<Entry, String> {
    let mut index = 0;
    for axis in value.axes.iter() {
        let Some((_, wanted)) = at.iter().find(|(a, _)| *a == axis.name) else {
            return Err(format!("`{}` has the axis `{}`, which is not selected", value.name, axis.name));
        };
        let Some(i) = axis.coordinates.iter().position(|c| c == wanted) else {
            return Err(format!("`{}` has no coordinate `{wanted}`, only {}", axis.name, axis.coordinates.join(", ")));
        };
        index = index * axis.coordinates.len() + i;
    }
    if let Some((axis, _)) = at.iter().find(|(a, _)| !value.axes.iter().any(|x| x.name == *a)) {
        let names: Vec<_> = value.axes.iter().map(|a| a.name.as_str()).collect();
        return Err(format!("`{}` has no axis `{axis}`, only {}", value.name, names.join(", ")));
    }
    value.entries.get(index).cloned().ok_or_else(|| format!("`{}` has no entry {index}", value.name))
}
