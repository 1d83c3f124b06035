//! `cfx plan`: what a run would do, and why.

use super::arguments::{Plan, Script};
use super::out::{say, tell};
use super::run::{Prepared, beside, idle, prepare, record_name, undeclared};
use super::{Exit, listing, locked, out, room};
use crate::api::{self, Checked, Registry};
use crate::engine::files::write_beside;
use crate::engine::{Options, Standing, Store, statuses};
use crate::plan::estimate::together;
use crate::plan::explain;
use crate::plan::graph::{CellId, Graph};
use crate::plan::record::Record;
use crate::plan::seen;
use crate::report::picture;
use std::io::Read;
use std::path::Path;

/// `cfx plan`
pub fn plan(arguments: &Plan) -> Exit {
    let registry = Registry::standard();
    let Prepared { source, checked, graph, store } = match prepare(&arguments.script, &arguments.store, &registry, Store::look) {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    let store = match beside(store, &arguments.also) {
        Ok(store) => store,
        Err(exit) => return exit,
    };
    // On which device what is missing will run is not known.
    let kinds = api::kinds(&graph, &store);
    if let Err(exit) = locked::compared(&arguments.script, &source, &checked, &graph, kinds, arguments.locked) {
        return exit;
    }
    if let Some(name) = &arguments.why {
        return why(name, &graph, &checked, &store, &arguments.script);
    }
    if arguments.dot {
        out::said(&picture::dot(&graph));
        return Exit::Done;
    }
    if let Some(file) = &arguments.svg {
        let (nodes, edges) = picture::declarations(&graph);
        if !is_picture(file) {
            tell!("{} is there, and is no picture in SVG: it is not overwritten", file.display());
            return Exit::Usage;
        }
        if let Err(e) = write_beside(file, picture::draw(&nodes, &edges).as_bytes()) {
            tell!("{} cannot be written: {e}", file.display());
            return Exit::unwritten(&e);
        }
        return Exit::Done;
    }
    let standings = match api::wanted_for(&graph, &arguments.only, arguments.until.as_deref()) {
        Ok(wanted) => statuses(&graph, &wanted, &store, None),
        Err(name) => return undeclared(&name, &graph),
    };
    if let Some(words) = idle(&checked, &graph) {
        tell!("{words}");
    }
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let runs = listing::to_run(&standings);
    let expected = together(&graph, &runs, threads);
    out::said(&listing::listing(&graph, &standings, &expected, threads));
    for (folder, count) in api::sources(&graph, &standings, &store) {
        say!("{count} of those in the store are read from {} (`--also`)", folder.display());
    }
    if let Some(words) = room::weights(&graph, &runs, &store, room::for_weights(arguments.keep_under, &store)) {
        say!("{words}");
    }
    let options = Options::new(store.root());
    for words in room::lacking(&graph, &standings, &expected, &options, room::free(store.root())) {
        tell!("warning: {words}");
    }
    Exit::Done
}

/// Returns whether a picture may be written to a file: it is not there, is empty, or holds one.
fn is_picture(file: &Path) -> bool {
    let mut head = Vec::new();
    match seen::open(file).and_then(|f| f.take(512).read_to_end(&mut head)) {
        Ok(_) => head.is_empty() || String::from_utf8_lossy(&head).contains("<svg"),
        Err(e) => e.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Says what changed for a declaration since the last run.
fn why(name: &str, graph: &Graph, checked: &Checked, store: &Store, script: &Script) -> Exit {
    let last = store.note(&record_name(script)).and_then(|t| serde_json::from_str(&t).ok());
    let Some(last) = last.and_then(|json| Record::from_json(&json)) else {
        say!("the script has not been run with this store and this version of cfx: everything is new");
        return Exit::Done;
    };
    let standings = api::standings(graph, store);
    let runs = |id: CellId| matches!(standings[id], Standing::Run | Standing::Undecided);
    match explain::why(graph, name, &last, &checked.program.sources, &runs) {
        Some(lines) => {
            lines.iter().for_each(|l| say!("{l}"));
            Exit::Done
        }
        None => undeclared(name, graph),
    }
}
