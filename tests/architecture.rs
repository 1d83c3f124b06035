//! The shape of the source: which room may use which, what a file looks like, what never stands in it.

use crate::script::{files_below, repository};
use std::path::PathBuf;

/// The rooms, each of which may use those before it.
const ROOMS: [&str; 9] = ["base", "syntax", "lang", "plan", "engine", "ops", "report", "api", "cli"];

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
