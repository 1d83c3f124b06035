//! `cfx ls`, `cfx show`, `cfx gc`: looking into a store.

use super::arguments::StoreArgs;
use super::out::{say, tell};
use super::run::beside;
use super::{Exit, shown};
use crate::base::size::bytes;
use crate::base::time::duration;
use crate::cluster::campaign::open_campaigns;
use crate::engine::store::now;
use crate::engine::{Store, StoreError, pack};
use std::path::Path;

/// Opens the store that is meant, to be written or to be looked at; none is made.
fn open(arguments: &StoreArgs, open: fn(&Path) -> Result<Store, StoreError>) -> Result<Store, Exit> {
    if let Some(script) = &arguments.script {
        let folder = script.is_dir();
        if folder || !script.exists() {
            let why = if folder { "is a folder, and no script" } else { "is not there" };
            tell!("{} {why}; name the script whose store it is, or the folder of the store with --store", script.display());
            return Err(Exit::Usage);
        }
    }
    let at = arguments.folder();
    match Store::is_there(&at).and_then(|there| if there { open(&at).map(Some) } else { Ok(None) }) {
        Ok(Some(store)) => beside(store, &arguments.also),
        // Where others are named, the script's own may not have been made yet.
        Ok(None) if !arguments.also.is_empty() => {
            Store::look(&at).map_err(|_| Exit::Store).and_then(|s| beside(s, &arguments.also))
        }
        Ok(None) => {
            tell!("there is no store at {}; name the script whose store it is, or its folder with --store", at.display());
            Err(Exit::Usage)
        }
        Err(e) => {
            tell!("{e}");
            Err(Exit::Store)
        }
    }
}

/// Lists what a store holds, newest first.
pub fn ls(arguments: &StoreArgs) -> Exit {
    let store = match open(arguments, Store::look) {
        Ok(s) => s,
        Err(e) => return e,
    };
    let now = now();
    for l in store.list() {
        let kept = if l.present { "" } else { "  (hash only)" };
        let from = l.from.as_ref().map_or_else(String::new, |f| format!("  in {}", f.display()));
        let (size, took) = (bytes(l.entry.bytes as f64), duration(l.entry.seconds));
        let age = duration(now.saturating_sub(l.entry.created) as f64 / 1000.0);
        say!("{}  {size:>10}  took {took:>8}  {age:>8} ago  {}{kept}{from}", l.key.short(), l.entry.title);
    }
    say!("{} in {}", bytes(store.size() as f64), arguments.folder().display());
    Exit::Done
}

/// Shows one result.
pub fn show(key: &str, arguments: &StoreArgs) -> Exit {
    let store = match open(arguments, Store::look) {
        Ok(s) => s,
        Err(e) => return e,
    };
    let mut found = store.find(key);
    if found.is_empty() {
        // Not a key: the name of a declaration, with coordinates or without.
        found = store.select(|_, entry| called(&entry.title, key));
    }
    match found.as_slice() {
        [] => {
            tell!("nothing in the store is called `{key}` or has a key that begins so; `cfx ls` lists what there is");
            Exit::Usage
        }
        [one] => {
            say!("key       {}", one.key);
            say!("content   {}", one.entry.hash);
            say!("name      {}", one.entry.title);
            say!("operation {}", one.entry.op);
            say!("size      {}", bytes(one.entry.bytes as f64));
            say!("took      {}", duration(one.entry.seconds));
            if let Some(memory) = one.entry.memory {
                say!("memory    {} at the peak", bytes(memory as f64));
            }
            say!("made      {} ago", duration(now().saturating_sub(one.entry.created) as f64 / 1000.0));
            if store.is_kept(&one.key) {
                say!("kept      until it is swept (`keep: weights`)");
            } else if store.is_spare(&one.key) {
                say!("kept      for later runs while there is room (`--keep-under`)");
            }
            say!("device    {}", one.entry.device);
            if let Some(from) = &one.from {
                say!("in        {}", from.display());
            }
            if !one.present {
                say!("only its hash is kept");
                return Exit::Done;
            }
            let bytes = store.known(&one.key).map(|known| store.read(&known));
            match bytes.map(|read| read.map(|bytes| pack::decode(&bytes))) {
                Some(Ok(Ok(value))) => say!("\n{}", shown::value(&value)),
                _ => say!("\nits artifact is damaged; the next run computes it again"),
            }
            Exit::Done
        }
        several => {
            for l in several {
                say!("{}  {}", l.key.short(), l.entry.title);
            }
            Exit::Done
        }
    }
}

/// Returns whether a result with this title (`acc[run: 0] (accuracy)`) is meant by a name, which may have coordinates: `acc[run: 0]`.
fn called(title: &str, name: &str) -> bool {
    let title = title.rsplit_once(" (").map_or(title, |(t, _)| t);
    let squeezed = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    squeezed(title) == squeezed(name) || title.split_once('[').map_or(title, |(t, _)| t) == name
}

/// Sweeps a store.
pub fn gc(keep: usize, arguments: &StoreArgs) -> Exit {
    let store = match open(arguments, Store::open) {
        Ok(s) => s,
        Err(e) => return e,
    };
    let mut stay = Vec::new();
    let open = |root: &Path| {
        stay = open_campaigns(root);
        stay.iter().map(|c| c.id.clone()).collect()
    };
    match store.sweep_but(keep, open) {
        Ok(swept) => {
            for campaign in &stay {
                say!(
                    "the run of {} on {} is not over, and what it is about stays (`cfx status`, `cfx cancel`)",
                    campaign.name,
                    campaign.site.name
                );
            }
            say!(
                "{} results forgotten; {} before, {} now",
                swept.cells,
                bytes(swept.bytes.0 as f64),
                bytes(swept.bytes.1 as f64)
            );
            Exit::Done
        }
        Err(e) => {
            tell!("{e}");
            Exit::Store
        }
    }
}
