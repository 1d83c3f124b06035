//! The standard library: signatures and implementations correspond, are documented, and are each run by some script of the suite.

use crate::expect::parameters;
use crate::script::{files_below, repository, source};
use cfx::api::{self, Registry};
use cfx::lang::scope::{Program, declared};
use cfx::syntax::ast::ItemKind;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Signatures that need no implementation: the checker itself does what they say.
const OF_THE_CHECKER: [&str; 2] = ["align", "only"];

/// Built-ins that no script of the suite runs, with the reason. This list may only shrink.
const NOT_RUN: [(&str, &str); 0] = [];

fn library() -> Program {
    let (program, diags) = Program::load("empty.cfx", "", &|_| Err(("cfx::file::missing", String::new(), String::new())));
    assert!(diags.0.is_empty(), "{:#?}", diags.0);
    program
}

#[test]
fn signatures_and_implementations_correspond() {
    let program = library();
    let registry = Registry::standard();
    let (declared, implemented): (BTreeSet<&str>, BTreeSet<&str>) = (
        program.operations.keys().map(String::as_str).filter(|n| !OF_THE_CHECKER.contains(n)).collect(),
        registry.names().into_iter().collect(),
    );
    let without_body: Vec<_> = declared.difference(&implemented).collect();
    let without_signature: Vec<_> = implemented.difference(&declared).collect();
    assert!(without_body.is_empty(), "declared and not implemented: {without_body:?}");
    assert!(without_signature.is_empty(), "implemented and not declared: {without_signature:?}");
}

#[test]
fn names_are_declared_once_in_all_topics() {
    let program = library();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for module in &program.modules {
        let Some(topic) = &module.topic else { continue };
        for item in &module.file.items {
            let Some(name) = declared(&item.kind) else { continue };
            // A type of settings may have the name of one of its uses.
            if matches!(item.kind, ItemKind::Variant { .. }) {
                continue;
            }
            if let Some(before) = seen.insert(name.name.clone(), topic.clone()) {
                panic!("`{}` is declared in std.{before} and in std.{topic}", name.name);
            }
        }
    }
}

#[test]
fn everything_is_documented() {
    for module in library().modules.iter().filter(|m| m.topic.is_some()) {
        for item in &module.file.items {
            let Some(name) = declared(&item.kind) else { continue };
            // Pieces of networks explain themselves.
            if matches!(&item.kind, ItemKind::Network { keyword, .. } if keyword.word() == "layer") {
                continue;
            }
            let first = item.doc.as_deref().unwrap_or("").lines().next().unwrap_or("").trim().to_string();
            let place = format!("{} in {}", name.name, module.name);
            assert!(!first.is_empty(), "{place} has no description");
        }
    }
}

#[test]
fn every_built_in_is_run_by_the_suite() {
    let registry = Registry::standard();
    let mut ops: BTreeSet<String> = BTreeSet::new();
    let mut texts = String::new();
    for path in files_below(&repository("tests/suite"), ".cfx") {
        let text = std::fs::read_to_string(&path).expect("a script");
        for line in text.lines().filter(|l| !l.trim_start().starts_with('#')) {
            texts.push_str(line);
            texts.push('\n');
        }
        if !text.contains("\nexperiment ") {
            continue;
        }
        let set = parameters(&text);
        let set: Vec<(&str, &str)> = set.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let source = source("exp.cfx", &text, path.parent().unwrap_or(Path::new(".")), &set);
        let checked = api::check(&source, &registry);
        if let Ok(graph) = api::plan(&source, &checked, &registry) {
            ops.extend(graph.cells.iter().map(|c| c.op.to_string()));
        }
    }
    let words: BTreeSet<&str> = texts.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
    let program = library();
    let called = |name: &str| if OF_THE_CHECKER.contains(&name) { words.contains(name) } else { ops.contains(name) };
    let mut never: Vec<&str> = program.operations.keys().map(String::as_str).filter(|n| !called(n)).collect();
    never.extend(program.layers.keys().map(String::as_str).filter(|n| !words.contains(n)));
    let excused: Vec<&str> = NOT_RUN.iter().map(|(n, _)| *n).collect();
    let left: Vec<_> = never.iter().filter(|n| !excused.contains(n)).collect();
    assert!(left.is_empty(), "no script of the suite runs {left:?}");
    let stale: Vec<_> = excused.iter().filter(|n| !never.contains(n)).collect();
    assert!(stale.is_empty(), "these run now; take them off the list: {stale:?}");
}

#[test]
fn constructors_of_settings_can_be_told_apart() {
    let program = library();
    for variant in program.variants.values() {
        let mut names: Vec<&str> = variant.constructors.iter().map(|c| c.name.name.as_str()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(count, names.len(), "{} has two constructors of one name", variant.name);
    }
}
