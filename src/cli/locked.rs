//! What `run` and `plan` say of a lock beside the script.

use super::Exit;
use super::arguments::Script;
use super::out::tell;
use crate::api::{self, Checked, Source};
use crate::plan::graph::Graph;
use crate::plan::seen;
use crate::report::lock::Lock;
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Returns the place of a script's lock: `exp.cfx.lock` beside `exp.cfx`.
pub(super) fn place(script: &Path) -> PathBuf {
    let mut name = script.as_os_str().to_os_string();
    name.push(".lock");
    PathBuf::from(name)
}

/// Reads a script's lock, where it is a file.
///
/// Errors: there is none; it cannot be read, or is longer than any lock.
pub(super) fn text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    match seen::open(path)?.take(LONGEST).read_to_string(&mut text)? as u64 {
        LONGEST => Err(io::Error::other("it is too long for a lock")),
        _ => Ok(text),
    }
}

/// Bytes of a lock at most.
const LONGEST: u64 = 64 << 20;

/// What a lock says of a run.
pub(super) struct Held {
    /// How the run differs, a sentence each.
    pub differences: Vec<String>,
    /// The kinds of device that the lock names.
    pub devices: BTreeSet<String>,
}

/// Says how a run differs from the lock beside its script. Returns the sentences, or nothing where there is no lock. `devices`: the kinds of device of its
/// results, as far as they are known; `only`: whether the run is refused where it differs.
///
/// Errors: it is refused: it differs, or there is no lock that could be read.
pub(super) fn compared(
    script: &Script,
    source: &Source,
    checked: &Checked,
    graph: &Graph,
    devices: BTreeSet<String>,
    only: bool,
) -> Result<Option<Held>, Exit> {
    let path = place(&script.script);
    let shown = path.display();
    let lock = match text(&path).map_err(|e| (e.kind(), e.to_string())) {
        Err((io::ErrorKind::NotFound, _)) if only => {
            tell!("`--locked`: there is no {shown}; `cfx lock {}` writes it", script.script.display());
            return Err(Exit::Usage);
        }
        Err((io::ErrorKind::NotFound, _)) => return Ok(None),
        Err((_, why)) => Err(why),
        Ok(text) => Lock::read(&text),
    };
    let (differences, devices) = match lock {
        Ok(lock) => (lock.differences(&api::lock(source, checked, graph, devices)), lock.devices().clone()),
        Err(why) => {
            let words = format!("{shown} cannot be compared: {why}; `cfx lock {}` writes it anew", script.script.display());
            (vec![words], BTreeSet::new())
        }
    };
    if !differences.is_empty() {
        let verb = if only { "the run is refused, since it differs" } else { "warning: this differs" };
        tell!("{verb} from {shown}:");
        differences.iter().for_each(|d| tell!("  {d}"));
        if only {
            return Err(Exit::Script);
        }
    }
    Ok(Some(Held { differences, devices }))
}
