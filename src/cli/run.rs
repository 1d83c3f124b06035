//! The pipeline of each command, from arguments to exit code.

use super::arguments::{Check, Emit, Fmt, Plan, Run, Script};
use super::{Exit, listing, render};
use crate::api::{self, Checked, Registry, Source};
use crate::base::Diags;
use crate::engine::progress::Silent;
use crate::engine::{Options, RunState, Store};
use crate::syntax;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Reads a script with its parameters and roots.
fn source(script: &Script) -> Result<Source, Exit> {
    match Source::read(&script.script) {
        Ok(s) => Ok(Source { granted: script.data.clone(), set: script.set.clone(), ..s }),
        Err(e) => {
            eprintln!("{} cannot be read: {e}", script.script.display());
            Err(Exit::Usage)
        }
    }
}

fn report(diags: &Diags, checked: &Checked) {
    if !diags.0.is_empty() {
        eprint!("{}", render::render(diags, &checked.program.sources, std::io::stderr().is_terminal()));
    }
}

/// `cfx check`
pub fn check(arguments: &Check) -> Exit {
    let source = match source(&arguments.script) {
        Ok(s) => s,
        Err(e) => return e,
    };
    let registry = Registry::standard();
    let checked = api::check(&source, &registry);
    report(&checked.diags, &checked);
    if arguments.types {
        for (name, ty) in api::types(&checked.script) {
            println!("{name} : {ty}");
        }
    }
    match arguments.emit {
        Some(Emit::Ast) => println!("{:#?}", checked.program.modules[checked.program.main].file),
        Some(Emit::Typed) => println!("{:#?}", checked.script.values),
        Some(Emit::Plan) => match api::plan(&source, &checked, &registry) {
            Ok(graph) => println!("{:#?}", graph.cells),
            Err(diags) => report(&diags, &checked),
        },
        None => {}
    }
    if checked.diags.has_errors() { Exit::Script } else { Exit::Done }
}

/// `cfx plan`
pub fn plan(arguments: &Plan) -> Exit {
    let source = match source(&arguments.script) {
        Ok(s) => s,
        Err(e) => return e,
    };
    let registry = Registry::standard();
    let checked = api::check(&source, &registry);
    let graph = match api::plan(&source, &checked, &registry) {
        Ok(graph) => graph,
        Err(diags) => {
            report(&diags, &checked);
            return Exit::Script;
        }
    };
    report(&checked.diags, &checked);
    let store = match open_store(&arguments.store, &source) {
        Ok(s) => s,
        Err(e) => return e,
    };
    let standings = api::standings(&graph, &store);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    print!("{}", listing::listing(&graph, &standings, threads));
    Exit::Done
}

/// `cfx run`: script to report.
pub fn run(arguments: &Run) -> Exit {
    let source = match source(&arguments.script) {
        Ok(s) => s,
        Err(e) => return e,
    };
    let registry = Registry::standard();
    let checked = api::check(&source, &registry);
    let graph = match api::plan(&source, &checked, &registry) {
        Ok(graph) => graph,
        Err(diags) => {
            report(&diags, &checked);
            return Exit::Script;
        }
    };
    report(&checked.diags, &checked);
    let store = match open_store(&arguments.store, &source) {
        Ok(s) => s,
        Err(e) => return e,
    };
    let mut options = Options::new(&source.folder);
    options.files = source.files();
    options.threads = arguments.threads.unwrap_or(options.threads).max(1);
    options.memory = arguments.memory.map_or(options.memory, |g| g * 1073741824.0);
    options.fail_fast = arguments.fail_fast;
    options.same_kind = arguments.same_kind;
    options.interrupt = interrupt();
    let outcome = match api::run(&graph, &registry, &store, &options, &Silent) {
        Ok(o) => o,
        Err(e) => {
            eprintln!("{e}");
            return Exit::Store;
        }
    };
    for c in graph.cells.iter().zip(&outcome.cells) {
        if let Some(m) = &c.1.message {
            eprintln!("{}: {m}", c.0.title());
        }
    }
    match outcome.state {
        RunState::Done => Exit::Done,
        RunState::Failed => Exit::CellFailed,
        RunState::Interrupted => Exit::Interrupted,
    }
}

/// `cfx fmt`
pub fn fmt(arguments: &Fmt) -> Exit {
    let mut exit = Exit::Done;
    for path in &arguments.scripts {
        let text = match std::fs::read_to_string(path) {
            Ok(t) => t,
            Err(e) => {
                eprintln!("{} cannot be read: {e}", path.display());
                return Exit::Usage;
            }
        };
        let mut sources = crate::base::SourceMap::new();
        let source = sources.add(path.display().to_string(), text.as_str());
        let (file, diags) = syntax::parse(&source);
        if diags.has_errors() {
            eprint!("{}", render::render(&diags, &sources, std::io::stderr().is_terminal()));
            exit = Exit::Script;
            continue;
        }
        let formatted = syntax::format(&file, &source);
        if formatted == text {
            continue;
        }
        if arguments.check {
            println!("{} is not in the standard format", path.display());
            exit = Exit::Script;
        } else if let Err(e) = std::fs::write(path, formatted) {
            eprintln!("{} cannot be written: {e}", path.display());
            return Exit::Usage;
        }
    }
    exit
}

/// Opens the store: the one named, or `.cfx` beside the script.
fn open_store(named: &Option<PathBuf>, source: &Source) -> Result<Store, Exit> {
    let at = named.clone().unwrap_or_else(|| source.folder.join(".cfx"));
    Store::open(&at).map_err(|e| {
        eprintln!("{e}");
        Exit::Store
    })
}

/// Returns a flag that Ctrl-C sets; a second Ctrl-C ends the process at once.
fn interrupt() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // The second signal finds the flag set and ends the process; only then is it set by the first.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 130, flag.clone());
        let _ = signal_hook::flag::register(signal, flag.clone());
    }
    flag
}

/// Returns the folder of the results: the one named, or `results/NAME` beside the script.
pub fn results_folder(named: &Option<PathBuf>, source: &Source, script: &Path) -> PathBuf {
    let name = script.file_stem().and_then(|s| s.to_str()).unwrap_or("script");
    named.clone().unwrap_or_else(|| source.folder.join("results").join(name))
}
