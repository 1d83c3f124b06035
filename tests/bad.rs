//! Bad programs: each folder below tests/bad holds a script, `exp.cfx`, and everything that is said about it, `expected.txt`.
//!
//! `CFX_BLESS=1 cargo test --test main bad` rewrites what is expected; read the difference before committing it.
//! Parameters are set by comments, `#! set NAME = TEXT`; other files of the folder are there to be read.

use crate::expect::parameters;
use crate::script::{files_below, repository, source};
use cfx::api::{self, Registry};
use cfx::base::{Diags, Severity};
use cfx::cli::render::render;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Codes that no script can bring about: faults of the standard library and of the program itself, files that change while a plan is made.
const NOT_OF_SCRIPTS: [&str; 8] = [
    "cfx::internal",
    "cfx::signature::type",
    "cfx::network::unknown",
    "cfx::file::changed",
    // Of the files of sites, which have tests of their own.
    "cfx::site::key",
    "cfx::site::value",
    "cfx::site::syntax",
    "cfx::site::unknown",
];

/// Returns all bad programs with what is said about them.
fn all() -> &'static Vec<(PathBuf, Diags, String)> {
    static ALL: OnceLock<Vec<(PathBuf, Diags, String)>> = OnceLock::new();
    ALL.get_or_init(|| {
        folders()
            .into_iter()
            .map(|folder| {
                let (diags, shown) = said(&folder);
                (folder, diags, shown)
            })
            .collect()
    })
}

/// Returns everything that is said about a script, checked and, where that finds nothing wrong, planned.
fn said(folder: &Path) -> (Diags, String) {
    let text = std::fs::read_to_string(folder.join("exp.cfx")).expect("a script");
    let set = parameters(&text);
    let set: Vec<(&str, &str)> = set.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let mut source = source("exp.cfx", &text, folder, &set);
    source.granted.clear();
    let registry = Registry::standard();
    let checked = api::check(&source, &registry);
    let diags = match api::plan(&source, &checked, &registry) {
        Ok(graph) => Diags::from(checked.diags.0.iter().chain(&graph.warnings.0).cloned().collect::<Vec<_>>()),
        Err(diags) => diags,
    };
    // Paths are shown as below this folder, whatever the checkout's place, before lines are broken.
    let whole = std::fs::canonicalize(folder).unwrap_or_default().display().to_string();
    let below = |text: &str| text.replace(&whole, "FOLDER").replace(&folder.display().to_string(), "FOLDER");
    let mut named = diags.clone();
    for d in &mut named.0 {
        d.message = below(&d.message);
        d.help = d.help.as_deref().map(below);
    }
    let shown = render(&named, &checked.program.sources, false);
    let shown: String = shown.lines().map(|l| format!("{}\n", l.trim_end())).collect();
    (diags, shown)
}

fn folders() -> Vec<std::path::PathBuf> {
    files_below(Path::new("tests/bad"), "exp.cfx").iter().filter_map(|p| p.parent().map(Path::to_path_buf)).collect()
}

#[test]
fn every_bad_program_is_told_what_is_wrong() {
    let bless = std::env::var("CFX_BLESS").is_ok();
    let mut wrong = String::new();
    for (folder, diags, shown) in all() {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().to_string();
        // A script of warnings alone is named so.
        if !diags.has_errors() && !name.starts_with("warn_") {
            wrong.push_str(&format!("== {name}: nothing is wrong with it\n{shown}"));
            continue;
        }
        let at = folder.join("expected.txt");
        let expected = std::fs::read_to_string(&at).unwrap_or_default();
        if *shown != expected {
            if bless {
                std::fs::write(&at, shown).expect("the expected file can be written");
            } else {
                wrong.push_str(&format!("== {name}: expected\n{expected}\n-- but this is said\n{shown}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn messages_are_well_formed() {
    for (folder, diags, _) in all() {
        for d in &diags.0 {
            let place = format!("{}: {}: {}", folder.display(), d.code, d.message);
            assert!(!d.message.is_empty() && !d.message.ends_with('.'), "a message is a sentence without a full stop: {place}");
            assert!(!d.message.contains('\n') && !d.message.contains("  "), "a message is one line: {place}");
            assert!(!d.labels.is_empty(), "a message points somewhere: {place}");
            assert!(d.help.as_ref().is_none_or(|h| !h.is_empty()), "no empty help: {place}");
        }
    }
}

#[test]
fn there_are_enough_bad_programs() {
    let all = all();
    assert!(all.len() >= 80, "only {} bad programs", all.len());
    let many = all.iter().filter(|f| f.1.0.iter().filter(|d| d.severity == Severity::Error).count() >= 3).count();
    assert!(many >= 10, "only {many} programs with three errors or more");
}

/// Returns the codes that the source can give.
fn codes() -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for path in files_below(&repository("src"), ".rs") {
        if path.to_string_lossy().contains("tests") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a source file");
        for piece in text.split("\"cfx::").skip(1) {
            let code: String = piece.chars().take_while(|c| *c != '"').collect();
            if code.chars().all(|c| c.is_ascii_alphanumeric() || "_:-".contains(c)) && !code.ends_with(':') {
                out.push(format!("cfx::{code}"));
            }
        }
    }
    out.sort();
    out.dedup();
    out
}

#[test]
fn every_code_is_seen_at_least_twice() {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (_, diags, _) in all() {
        for d in &diags.0 {
            *seen.entry(d.code.to_string()).or_default() += 1;
        }
    }
    let rare: Vec<String> = codes()
        .into_iter()
        .filter(|c| !NOT_OF_SCRIPTS.contains(&c.as_str()))
        .map(|c| (seen.get(&c).copied().unwrap_or(0), c))
        .filter(|(n, _)| *n < 2)
        .map(|(n, c)| format!("{c} ({n})"))
        .collect();
    assert!(rare.is_empty(), "codes seen less than twice: {}", rare.join(", "));
}

#[test]
fn every_code_is_documented() {
    let page = std::fs::read_to_string(repository("docs/errors.md")).expect("docs/errors.md");
    let missing: Vec<String> = codes().into_iter().filter(|c| !page.contains(&format!("`{c}`"))).collect();
    assert!(missing.is_empty(), "docs/errors.md does not list {}", missing.join(", "));
}

#[test]
fn every_documented_code_exists() {
    let page = std::fs::read_to_string(repository("docs/errors.md")).expect("docs/errors.md");
    let known = codes();
    let mut gone = Vec::new();
    for line in page.lines().filter(|l| l.starts_with("| `cfx::")) {
        let code: String = line.trim_start_matches("| `").chars().take_while(|c| *c != '`').collect();
        if !known.contains(&code) {
            gone.push(code);
        }
    }
    assert!(gone.is_empty(), "docs/errors.md lists codes that nothing gives: {}", gone.join(", "));
}
