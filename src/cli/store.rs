//! `cfx ls`, `cfx show`, `cfx gc`: looking into a store.

use super::arguments::StoreArgs;
use super::{Exit, shown};
use crate::base::size::bytes;
use crate::engine::{Store, pack};

fn open(arguments: &StoreArgs) -> Result<Store, Exit> {
    let at = arguments.folder();
    if !at.is_dir() {
        eprintln!("there is no store at {}; name the script whose store it is, or its folder with --store", at.display());
        return Err(Exit::Usage);
    }
    Store::open(&at).map_err(|e| {
        eprintln!("{e}");
        Exit::Store
    })
}

/// Lists what a store holds, newest first.
pub fn ls(arguments: &StoreArgs) -> Exit {
    let store = match open(arguments) {
        Ok(s) => s,
        Err(e) => return e,
    };
    for l in store.list() {
        let kept = if l.present { "" } else { "  (hash only)" };
        println!("{}  {:>10}  {:>8.1} s  {}{kept}", l.key.short(), bytes(l.entry.bytes as f64), l.entry.seconds, l.entry.title);
    }
    println!("{} in {}", bytes(store.size() as f64), arguments.folder().display());
    Exit::Done
}

/// Shows one result.
pub fn show(key: &str, arguments: &StoreArgs) -> Exit {
    let store = match open(arguments) {
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
            eprintln!("nothing in the store is called `{key}` or has a key that begins so; `cfx ls` lists what there is");
            Exit::Usage
        }
        [one] => {
            println!("key       {}", one.key);
            println!("content   {}", one.entry.hash);
            println!("name      {}", one.entry.title);
            println!("operation {}", one.entry.op);
            println!("size      {}", bytes(one.entry.bytes as f64));
            println!("took      {:.2} s", one.entry.seconds);
            println!("device    {}", one.entry.device);
            if !one.present {
                println!("only its hash is kept");
                return Exit::Done;
            }
            let bytes = store.known(&one.key).map(|known| store.read(&known));
            match bytes.map(|read| read.map(|bytes| pack::decode(&bytes))) {
                Some(Ok(Ok(value))) => println!("\n{}", shown::value(&value)),
                _ => println!("\nits artifact is damaged; the next run computes it again"),
            }
            Exit::Done
        }
        several => {
            for l in several {
                println!("{}  {}", l.key.short(), l.entry.title);
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
    let store = match open(arguments) {
        Ok(s) => s,
        Err(e) => return e,
    };
    match store.sweep(keep) {
        Ok(swept) => {
            println!(
                "{} results forgotten; {} before, {} now",
                swept.cells,
                bytes(swept.bytes.0 as f64),
                bytes(swept.bytes.1 as f64)
            );
            Exit::Done
        }
        Err(e) => {
            eprintln!("{e}");
            Exit::Store
        }
    }
}
