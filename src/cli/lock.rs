//! `cfx lock`: writes down beside a script what its results depend on.

use super::Exit;
use super::arguments::Lock;
use super::locked::{place, text};
use super::out::{say, tell};
use super::run::{Prepared, prepare};
use crate::api::{self, Registry};
use crate::engine::files::write_beside;
use crate::engine::{Options, Store, device};
use std::collections::BTreeSet;
use std::io;

/// `cfx lock`: writes down what the script's results depend on.
pub fn lock(arguments: &Lock) -> Exit {
    let registry = Registry::standard();
    let Prepared { source, checked, graph, store } = match prepare(&arguments.script, &arguments.store, &registry, Store::look) {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    // The kinds of device that the results are of, wherever they were computed; of this machine where there are none.
    let mut kinds = api::kinds(&graph, &store);
    if kinds.is_empty() || arguments.device != "auto" {
        let mut options = Options::new(&source.folder);
        match api::use_device(&mut options, &arguments.device) {
            Ok(None) => {}
            Ok(Some(said)) => tell!("{said}"),
            Err(why) => {
                tell!("`--device {}` cannot be used here: {why}", arguments.device);
                return Exit::Usage;
            }
        }
        kinds = BTreeSet::from([device::kind(&options.accelerator)]);
    }
    let path = place(&arguments.script.script);
    match text(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        // One of another version is written anew.
        Ok(text) if text.contains("\"cfx.lock.") => {}
        Ok(_) => {
            tell!("{} exists and is not a lock of cfx: it is not overwritten", path.display());
            return Exit::Usage;
        }
        Err(e) => {
            tell!("{} cannot be read: {e}", path.display());
            return Exit::Usage;
        }
    }
    let words: Vec<&str> = kinds.iter().map(String::as_str).collect();
    let said = format!("kinds of device: {}", words.join("; "));
    let lock = api::lock(&source, &checked, &graph, kinds);
    match write_beside(&path, lock.text().as_bytes()) {
        Ok(()) => {
            say!("{}", path.display());
            say!("{said}");
            Exit::Done
        }
        Err(e) => {
            tell!("{} cannot be written: {e}", path.display());
            Exit::unwritten(&e)
        }
    }
}
