//! The examples of the documents: every script in them is right, those that need no files run, and their claims hold.

use crate::script::{self, Ran, repository};
use cfx::api::{self, Registry, Source};
use cfx::engine::Status;
use std::path::Path;

/// A fenced script of a document.
struct Example {
    /// Line of its first line.
    line: usize,
    /// Whether it is only checked.
    check_only: bool,
    text: String,
}

/// Returns the scripts of a document: what is fenced and begins with the edition.
fn examples(document: &str) -> Vec<Example> {
    let text = std::fs::read_to_string(repository(document)).expect("a document of the repository");
    let mut out = Vec::new();
    let mut open: Option<(usize, bool, String)> = None;
    for (i, line) in text.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some((i + 2, info.trim() == "cfx check", String::new())),
            (Some(_), Some(_)) => {
                if let Some((line, check_only, text)) = open.take().filter(|(_, _, t)| t.starts_with("cfx 1\n")) {
                    out.push(Example { line, check_only, text });
                }
            }
            (None, Some((_, _, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    out
}

/// Checks the scripts of a document without a message, runs those that can run, and demands that their claims hold.
fn right(document: &str, at_least: usize) {
    let examples = examples(document);
    assert!(examples.len() >= at_least, "{document} has {} scripts", examples.len());
    let mut wrong = Vec::new();
    for example in examples {
        let name = format!("{document}:{}", example.line);
        let checked = api::check(&Source::text(&name, &example.text, Path::new(".")), &Registry::standard());
        let mut messages: Vec<String> = checked.diags.0.iter().map(|d| format!("{}: {}", d.code, d.message)).collect();
        // Examples of data sets and settings need not use what they make.
        messages.retain(|m| !m.starts_with("cfx::name::unused"));
        let reads_files = example.text.contains("load_stages(");
        if messages.is_empty() && !example.check_only && !reads_files {
            match script::run(Source::text(&name, &example.text, Path::new("."))) {
                Ok(ran) => messages.extend(unfulfilled(&ran)),
                Err(wrong) => messages.extend(wrong.1.0.iter().map(|d| d.message.clone())),
            }
        }
        wrong.extend(messages.into_iter().map(|m| format!("{name}: {m}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Returns cells that failed, and claims that do not hold.
fn unfulfilled(ran: &Ran) -> Vec<String> {
    let failed = ran.outcome.cells.iter().filter(|c| c.status == Status::Failed);
    let mut out: Vec<String> = failed.map(|c| c.message.clone().unwrap_or_default().to_string()).collect();
    let results = api::results(&ran.graph, &ran.registry, &ran.store, &ran.source, &ran.outcome);
    out.extend(api::claims(&ran.graph, &results).iter().filter(|c| !c.holds()).map(|c| c.line()));
    out
}

#[test]
fn examples_of_the_reference() {
    right("docs/language.md", 15);
}

#[test]
fn examples_of_the_front_page() {
    right("README.md", 2);
}

#[test]
fn the_list_of_built_ins_is_complete() {
    let text = std::fs::read_to_string(repository("docs/language.md")).expect("the reference");
    let registry = Registry::standard();
    let missing: Vec<&str> = registry.names().into_iter().filter(|name| !text.contains(&format!("- `{name}("))).collect();
    assert!(missing.is_empty(), "run `python docs/builtins.py`: {missing:?}");
}
