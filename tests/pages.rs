//! The examples: every script below examples/ checks without an error.

use crate::script::{files_below, repository, source};
use cfx::api::{self, Registry};
use cfx::cli::render::render;

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
