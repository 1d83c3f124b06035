//! The suite: every script below tests/suite is checked, planned and run, and must be as its comments say (see `expect`).
//!
//! `CFX_SUITE=axes/select cargo test --test main suite` runs only scripts whose path has these words.

use crate::expect::{failures, parameters};
use crate::script::{files_below, repository, run, source};
use cfx::cli::render::render;

/// Runs the scripts of one topic; panics with everything that is not as they say.
fn topic(name: &str) {
    let root = repository("tests/suite");
    let wanted = std::env::var("CFX_SUITE").unwrap_or_default();
    let mut wrong = String::new();
    let mut count = 0;
    for path in files_below(&root.join(name), ".cfx") {
        let shown = path.strip_prefix(&root).expect("below the suite").display().to_string();
        let text = std::fs::read_to_string(&path).expect("a script");
        // Files without an experiment are there to be used by others.
        if !shown.contains(&wanted) || !text.contains("\nexperiment ") {
            continue;
        }
        count += 1;
        let set = parameters(&text);
        let set: Vec<(&str, &str)> = set.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        match run(source(&shown, &text, path.parent().expect("a folder"), &set)) {
            Err(found) => {
                let (checked, diags) = *found;
                wrong.push_str(&format!("\n== {shown}\n{}", render(&diags, &checked.program.sources, false)))
            }
            Ok(ran) => {
                let found = failures(&text, &ran);
                if !found.is_empty() {
                    wrong.push_str(&format!("\n== {shown}\n    {}\n", found.join("\n    ")));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count > 0 || !wanted.is_empty(), "no script below tests/suite/{name}");
}

macro_rules! topics {
    ($($name:ident),*) => {
        $(#[test] fn $name() { topic(stringify!($name)); })*

        #[test]
        fn every_folder_is_a_topic() {
            let known = [$(stringify!($name)),*];
            for entry in std::fs::read_dir(repository("tests/suite")).expect("the suite").flatten() {
                let name = entry.file_name().to_string_lossy().to_string();
                assert!(known.contains(&name.as_str()), "tests/suite/{name} is no topic of tests/suite.rs");
            }
        }
    };
}

topics!(absence, axes, claims, data, densities, figures, files, networks, numbers, representations, scores, settings, training);
