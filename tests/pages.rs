//! The examples: every script below examples/ checks without an error, and the pages of the papers run in their tiny sizes.
//!
//! What comes out of a page in its tiny size stands in `tests/pages/NAME.txt`, in the words of the suite (see `expect`). Claims that
//! are not listed there are about effects that so few examples need not show: they must be decided, one way or the other.

use crate::expect::{failures, parameters};
use crate::script::{files_below, repository, run, source};
use cfx::api::{self, Registry};
use cfx::cli::render::render;
use cfx::engine::Value;

fn complaints(name: &str, text: &str) -> Option<String> {
    let source = source(name, text, &repository("."), &[]);
    let checked = api::check(&source, &Registry::standard());
    // Examples may stop short of using what they declare.
    let mut diags = checked.diags.clone();
    diags.0.retain(|d| d.severity == cfx::base::Severity::Error);
    (!diags.0.is_empty()).then(|| render(&diags, &checked.program.sources, false))
}

#[test]
fn examples_check() {
    let mut wrong = String::new();
    let all = files_below(&repository("examples"), ".cfx");
    assert!(!all.is_empty());
    for path in all {
        let text = std::fs::read_to_string(&path).expect("an example");
        if let Some(found) = complaints(&path.display().to_string(), &text) {
            wrong.push_str(&found);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Runs a page in its tiny size; panics with everything that is not as the file of that name says.
fn page(name: &str) {
    let folder = repository("examples/papers").join(name);
    let read = |path: std::path::PathBuf| std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (text, expected) = (read(folder.join("exp.cfx")), read(repository("tests/pages").join(format!("{name}.txt"))));
    let set = parameters(&expected);
    let set: Vec<(&str, &str)> = set.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let ran = match run(source(name, &text, &folder, &set)) {
        Ok(ran) => ran,
        Err(found) => panic!("{}", render(&found.1, &found.0.program.sources, false)),
    };
    let mut wrong = failures(&expected, &ran);
    for cell in ran.outcome.cells.iter().filter(|c| matches!(c.status, cfx::engine::Status::Failed)) {
        wrong.push(format!("a cell failed: {}", cell.message.as_deref().unwrap_or("without a word")));
    }
    let mut claims = 0;
    for value in ran.graph.values.iter().filter(|v| v.keyword == "claim") {
        claims += 1;
        match ran.value(&value.entries[0]) {
            Ok(Value::Truth(_)) => {}
            Ok(other) => wrong.push(format!("the claim \"{}\" is a {}", value.name, other.word())),
            Err(why) => wrong.push(format!("the claim \"{}\" {why}", value.name)),
        }
    }
    assert!(claims > 0, "the page claims nothing");
    assert!(wrong.is_empty(), "\n    {}", wrong.join("\n    "));
}

macro_rules! pages {
    ($($name:ident),*) => {
        $(#[test] fn $name() { page(stringify!($name)); })*

        #[test]
        fn every_page_is_run() {
            let known = [$(stringify!($name)),*];
            for path in files_below(&repository("examples/papers"), "exp.cfx") {
                let name = path.parent().and_then(|p| p.file_name()).map(|n| n.to_string_lossy().to_string()).unwrap_or_default();
                assert!(known.contains(&name.as_str()), "examples/papers/{name} is no page of tests/pages.rs");
            }
        }
    };
}

pages!(canonical_correlations, class_fitting, learning_dynamics, one_way_to_learn, single_directions, unit_representations);
