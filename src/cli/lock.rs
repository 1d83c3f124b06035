//! `cfx lock`: writes down beside a script what its results depend on.

use super::Exit;
use super::arguments::Lock;
use super::locked::{place, text};
use super::out::{say, tell};
use super::run::{planned, source};
use crate::api::{self, Registry};
use crate::engine::Options;
use crate::engine::files::write_beside;
use std::io;

/// `cfx lock`: writes down what the script's results depend on.
pub fn lock(arguments: &Lock) -> Exit {
    let source = match source(&arguments.script) {
        Ok(source) => source,
        Err(exit) => return exit,
    };
    let (checked, graph) = match planned(&source, &Registry::standard()) {
        Ok(planned) => planned,
        Err(exit) => return exit,
    };
    let mut options = Options::new(&source.folder);
    match api::use_device(&mut options, &arguments.device) {
        Ok(None) => {}
        Ok(Some(said)) => tell!("{said}"),
        Err(why) => {
            tell!("`--device {}` cannot be used here: {why}", arguments.device);
            return Exit::Usage;
        }
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
    let lock = api::lock(&source, &checked, &graph, &options.accelerator);
    match write_beside(&path, lock.text().as_bytes()) {
        Ok(()) => {
            say!("{}", path.display());
            Exit::Done
        }
        Err(e) => {
            tell!("{} cannot be written: {e}", path.display());
            Exit::unwritten(&e)
        }
    }
}
