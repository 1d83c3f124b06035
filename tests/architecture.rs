//! The shape of the source: which room may use which, what a file looks like, what never stands in it.

use crate::script::{files_below, repository};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The rooms, each of which may use those before it.
const ROOMS: [&str; 11] = ["base", "syntax", "lang", "plan", "engine", "ops", "report", "api", "cluster", "editor", "cli"];

/// Files of the library with their paths below src and their texts.
fn sources() -> Vec<(String, String)> {
    let root = repository("src");
    let read = |p: PathBuf| {
        let shown = p.strip_prefix(&root).expect("below src").display().to_string();
        (shown, std::fs::read_to_string(&p).expect("a source file"))
    };
    files_below(&root, ".rs").into_iter().map(read).collect()
}

/// Returns a line without its comment.
fn code(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

fn room(path: &str) -> Option<usize> {
    let first = path.split('/').next().unwrap_or_default().trim_end_matches(".rs");
    ROOMS.iter().position(|r| *r == first)
}

#[test]
fn rooms_use_only_rooms_before_them() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        // Tests may take a room from further up to set the scene.
        let Some(own) = room(&path).filter(|_| !path.contains("tests")) else { continue };
        for (i, line) in text.lines().enumerate() {
            for piece in code(line).split("crate::").skip(1) {
                let inner = piece.trim_start_matches('{');
                let names: Vec<&str> = if piece.starts_with('{') { inner.split([',', '}']).collect() } else { vec![inner] };
                for name in names {
                    let used: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    if ROOMS.iter().position(|r| *r == used).is_some_and(|other| other > own) {
                        wrong.push(format!("src/{path}:{}: {} uses {used}", i + 1, ROOMS[own]));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns the module that a file is, as a path from the crate's root.
fn module(path: &str) -> Vec<String> {
    let mut parts: Vec<String> = path.trim_end_matches(".rs").split('/').map(str::to_string).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib")) {
        parts.pop();
    }
    parts
}

/// Returns the paths that a file names from `crate`, `super` or `self` on, with their lines; trees of `use` are taken apart.
fn paths(text: &str) -> Vec<(usize, Vec<String>)> {
    let text: String = text.lines().map(|l| format!("{}\n", code(l))).collect();
    let chars: Vec<char> = text.chars().collect();
    let name = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        line += (chars[at] == '\n') as usize;
        let begins = name(chars[at]) && (at == 0 || (!name(chars[at - 1]) && chars[at - 1] != ':'));
        if begins && let Some(found) = tree(&chars, at, Vec::new()) {
            out.extend(
                found
                    .0
                    .into_iter()
                    .filter(|p| p.len() > 1 && matches!(p[0].as_str(), "crate" | "super" | "self"))
                    .map(|p| (line, p)),
            );
        }
        at += 1;
    }
    out
}

/// Reads a path or a tree of paths from a place on: the paths, and where it ends.
fn tree(chars: &[char], mut at: usize, mut before: Vec<String>) -> Option<(Vec<Vec<String>>, usize)> {
    let name = |c: char| c.is_alphanumeric() || c == '_';
    loop {
        let start = at;
        while at < chars.len() && name(chars[at]) {
            at += 1;
        }
        if at == start {
            break;
        }
        before.push(chars[start..at].iter().collect());
        if chars.get(at..at + 2) != Some(&[':', ':']) {
            return Some((vec![before], at));
        }
        at += 2;
    }
    if chars.get(at) != Some(&'{') {
        return Some((vec![before], at));
    }
    at += 1;
    let mut out = Vec::new();
    loop {
        while chars.get(at).is_some_and(|c| c.is_whitespace() || *c == ',') {
            at += 1;
        }
        match chars.get(at)? {
            '}' => return Some((out, at + 1)),
            '*' => at += 1,
            _ => {
                let (found, end) = tree(chars, at, before.clone())?;
                out.extend(found);
                at = end;
                // What follows is `as NAME`, at most.
                while chars.get(at).is_some_and(|c| !matches!(c, ',' | '}')) {
                    at += 1;
                }
            }
        }
    }
}

/// Returns which files import which, with line and path. Tests do not count, nor does a module that lists its own files.
fn imports() -> BTreeMap<(String, String), (usize, String)> {
    let files: Vec<(String, String)> = sources().into_iter().filter(|(p, _)| !p.contains("tests") && p != "main.rs").collect();
    let modules: BTreeMap<Vec<String>, &str> = files.iter().map(|(p, _)| (module(p), p.as_str())).collect();
    let mut out = BTreeMap::new();
    for (path, text) in &files {
        for (line, named) in paths(text) {
            let mut full = if named[0] == "crate" { Vec::new() } else { module(path) };
            for part in &named {
                match part.as_str() {
                    "crate" | "self" => {}
                    "super" => {
                        full.pop();
                    }
                    part => full.push(part.to_string()),
                }
            }
            let used = (1..=full.len()).rev().find_map(|n| modules.get(&full[..n]));
            if let Some(used) = used.filter(|u| **u != path && **u != "lib.rs") {
                out.entry((path.clone(), used.to_string())).or_insert((line, full.join("::")));
            }
        }
    }
    out
}

/// Files that still import each other in a circle. This list may only shrink.
const CIRCLES: [&[&str]; 0] = [];

#[test]
fn no_files_import_each_other() {
    let imports = imports();
    assert!(imports.len() > 300, "only {} imports were found", imports.len());
    // What can be reached from each file.
    let mut reach: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    imports.keys().for_each(|(from, to)| {
        reach.entry(from).or_default().insert(to);
    });
    loop {
        let mut grown = false;
        for file in reach.keys().copied().collect::<Vec<_>>() {
            let further: BTreeSet<&str> = reach[file].iter().filter_map(|next| reach.get(next)).flatten().copied().collect();
            let own = reach.get_mut(file).expect("a file that imports");
            let before = own.len();
            own.extend(further);
            grown |= own.len() > before;
        }
        if !grown {
            break;
        }
    }
    let mut circles: BTreeSet<Vec<&str>> = BTreeSet::new();
    for (file, reached) in reach.iter().filter(|(file, reached)| reached.contains(*file)) {
        let circle = reached.iter().filter(|other| reach.get(*other).is_some_and(|r| r.contains(file)));
        circles.insert(circle.copied().collect());
    }
    let mut wrong = String::new();
    let within = |circle: &[&str], known: &[&str]| circle.iter().all(|file| known.contains(file));
    for circle in circles.iter().filter(|c| !CIRCLES.iter().any(|known| within(c, known))) {
        wrong.push_str(&format!("\n{}", circle.join(", ")));
        for ((from, to), (line, path)) in &imports {
            if circle.contains(&from.as_str()) && circle.contains(&to.as_str()) {
                wrong.push_str(&format!("\n    src/{from}:{line}: {path} from {to}"));
            }
        }
    }
    assert!(wrong.is_empty(), "files import each other:{wrong}");
    let gone: Vec<_> = CIRCLES.iter().filter(|known| !circles.iter().any(|c| within(c, known))).collect();
    assert!(gone.is_empty(), "these circles are gone; take them off the list: {gone:?}");
}

/// Asserts that a crate is used only below these folders.
fn only_in(name: &str, folders: &[&str]) {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        if folders.iter().any(|f| path.starts_with(f)) {
            continue;
        }
        for (i, line) in text.lines().enumerate() {
            let line = code(line);
            if line.contains(&format!("{name}::")) || line.contains(&format!("use {name};")) {
                wrong.push(format!("src/{path}:{}: {}", i + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{name} stands outside {folders:?}:\n{}", wrong.join("\n"));
}

#[test]
fn the_parser_generator_stays_in_syntax() {
    only_in("pest", &["syntax/"]);
    only_in("pest_derive", &["syntax/"]);
}

#[test]
fn the_tensor_library_stays_with_data_networks_and_representations() {
    for name in ["candle", "candle_core", "candle_nn"] {
        only_in(name, &["ops/data", "ops/nn", "ops/repr"]);
    }
}

#[test]
fn asynchronous_work_stays_at_the_seam_to_buckets() {
    for name in ["object_store", "tokio", "futures_util", "rustls", "reqwest"] {
        only_in(name, &["engine/exchange/bucket.rs"]);
    }
}

#[test]
fn terminals_stay_in_the_command() {
    only_in("clap", &["cli/"]);
    only_in("miette", &["cli/"]);
    let printing = ["println!", "eprintln!", "print!", "eprint!"];
    for (path, text) in sources() {
        if path.starts_with("cli/") || path.starts_with("engine/progress") || path.contains("tests") {
            continue;
        }
        for (i, line) in text.lines().enumerate() {
            let found = printing.iter().any(|p| code(line).contains(p));
            assert!(!found, "src/{path}:{}: only the command prints", i + 1);
        }
    }
}

#[test]
fn files_say_what_they_are_and_are_not_too_long() {
    for (path, text) in sources() {
        if text.is_empty() && path.ends_with("tests.rs") {
            continue;
        }
        // The front page may be taken from a file.
        let opens = text.starts_with("//! ") || text.starts_with("#![doc = ");
        assert!(opens, "src/{path} does not open with its purpose");
        let lines = text.lines().count();
        assert!(lines <= 900, "src/{path} has {lines} lines");
    }
    for path in files_below(&repository("tests"), ".rs") {
        let text = std::fs::read_to_string(&path).expect("a test");
        assert!(text.starts_with("//! "), "{} does not open with its purpose", path.display());
        assert!(text.lines().count() <= 900, "{} is too long", path.display());
    }
}

#[test]
fn nothing_is_left_to_do() {
    let todo = ["TO", "DO"].concat();
    let words = [todo.as_str(), "FIXME", "XXX", "dbg!(", "todo!(", "unimplemented!(", "#[should_panic", "#[ignore"];
    for (path, text) in sources() {
        for (i, line) in text.lines().enumerate() {
            if let Some(word) = words.iter().find(|w| line.contains(**w)) {
                panic!("src/{path}:{}: {word}", i + 1);
            }
        }
    }
}

#[test]
fn lints_are_allowed_for_a_reason() {
    for (path, text) in sources() {
        for (i, line) in text.lines().enumerate() {
            let allows = line.contains("#[allow(") || line.contains("#![allow(") || line.contains("#[expect(");
            let reason = line.contains("reason =") || text.lines().skip(i).take(4).any(|l| l.contains("reason ="));
            let comment = i > 0 && text.lines().nth(i - 1).is_some_and(|l| l.trim_start().starts_with("//"));
            assert!(!allows || reason || comment, "src/{path}:{}: a lint is allowed without a reason", i + 1);
        }
    }
}

#[test]
fn iteration_order_is_never_left_to_hashing() {
    for (path, text) in sources() {
        for (i, line) in text.lines().enumerate() {
            let line = code(line);
            assert!(!line.contains("HashMap") && !line.contains("HashSet"), "src/{path}:{}: use BTreeMap or BTreeSet", i + 1);
        }
    }
}
