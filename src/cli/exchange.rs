//! `cfx push`, `cfx pull`: results copied to and from other stores.

use super::arguments::{Carried, Pull, Push};
use super::out::{say, tell};
use super::run::{Prepared, prepare};
use super::{Exit, stop};
use crate::api::{self, Registry};
use crate::base::size::bytes;
use crate::engine::exchange::choice::Choice;
use crate::engine::exchange::{Copied, Trouble, Watch, at};
use crate::engine::{Store, StoreError};
use crate::plan::graph::Graph;
use std::path::Path;

/// Returns what is meant of a store.
fn chosen(what: &Carried, graph: &Graph, store: &Store) -> Choice {
    if what.all { Choice::all(store) } else { Choice::of_plan(graph, &api::wanted(graph), store, what.weights) }
}

/// Opens a store that must be there.
fn there(folder: &Path) -> Result<Store, StoreError> {
    if Store::is_there(folder)? {
        return Store::open(folder);
    }
    Err(StoreError::new(format!("there is no store at {}", folder.display())))
}

/// `cfx push`
pub fn push(arguments: &Push) -> Exit {
    let what = &arguments.what;
    let Prepared { graph, store, .. } = match prepare(&what.script, &what.store, &Registry::standard(), there) {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    let stop = stop::flag();
    let copied = match at(&arguments.to) {
        Ok(to) => to.push(&store, &chosen(what, &graph, &store), Watch(&stop)),
        Err(words) => return wrong(&words),
    };
    ended(copied, &arguments.to, &store.root().display().to_string())
}

/// `cfx pull`
pub fn pull(arguments: &Pull) -> Exit {
    let what = &arguments.what;
    let Prepared { graph, store, .. } = match prepare(&what.script, &what.store, &Registry::standard(), Store::open) {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    let stop = stop::flag();
    let copied = match at(&arguments.from) {
        Ok(from) => from.pull(&store, &|there| chosen(what, &graph, there), Watch(&stop)),
        Err(words) => return wrong(&words),
    };
    ended(copied, &store.root().display().to_string(), &arguments.from)
}

fn wrong(words: &str) -> Exit {
    tell!("{words}");
    Exit::Usage
}

/// Says what was copied.
fn ended(copied: Result<Copied, Trouble>, to: &str, from: &str) -> Exit {
    let copied = match copied {
        Ok(copied) => copied,
        Err(trouble) => {
            tell!("{trouble}");
            return match trouble {
                Trouble::Store(_) | Trouble::Transport(_) => Exit::Store,
                Trouble::Stopped => Exit::Interrupted,
            };
        }
    };
    let results = |n: usize| if n == 1 { "1 result".to_string() } else { format!("{n} results") };
    say!(
        "{} copied ({}) to {to}; {} were there already ({})",
        results(copied.results),
        bytes(copied.bytes as f64),
        copied.there,
        bytes(copied.there_bytes as f64)
    );
    if copied.others > 0 {
        let words = if copied.others == 1 { "differs there" } else { "differ there" };
        say!("{} {words}, made on another kind of device: what is there stays", results(copied.others));
    }
    if copied.missing > 0 {
        let are = if copied.missing == 1 { "is" } else { "are" };
        say!("{} that the script needs {are} missing in {from}", results(copied.missing));
    }
    if copied.damaged > 0 {
        tell!("not copied, since damaged or missing in {from}: {}; a run computes them again", results(copied.damaged));
        return Exit::CellFailed;
    }
    Exit::Done
}
