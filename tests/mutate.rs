//! Whatever stands in a script, checking it ends and does not panic: valid scripts, mutated.

use crate::script::{files_below, repository, source};
use cfx::api::{self, Registry};
use cfx::cli::render::render;
use proptest::prelude::*;
use std::path::Path;
use std::sync::OnceLock;

/// The scripts of the suite, cut into words, blanks and signs.
fn scripts() -> &'static Vec<Vec<String>> {
    static ALL: OnceLock<Vec<Vec<String>>> = OnceLock::new();
    ALL.get_or_init(|| {
        let texts = files_below(&repository("tests/suite"), ".cfx").into_iter().filter_map(|p| std::fs::read_to_string(p).ok());
        texts.map(|t| tokens(&t)).collect()
    })
}

fn tokens(text: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for line in text.lines().filter(|l| !l.starts_with('#')) {
        let mut word = String::new();
        for c in line.chars() {
            if c.is_alphanumeric() || c == '_' {
                word.push(c);
                continue;
            }
            if !word.is_empty() {
                out.push(std::mem::take(&mut word));
            }
            out.push(c.to_string());
        }
        if !word.is_empty() {
            out.push(word);
        }
        out.push("\n".to_string());
    }
    out
}

/// One change of a script: what, where, and with what.
type Change = (u8, prop::sample::Index, prop::sample::Index);

fn mutate(script: usize, changes: &[Change]) -> String {
    let all = scripts();
    let mut text = all[script % all.len()].clone();
    for (what, at, other) in changes {
        if text.is_empty() {
            break;
        }
        let (i, j) = (at.index(text.len()), other.index(text.len()));
        match what % 5 {
            0 => {
                text.remove(i);
            }
            1 => text.swap(i, j),
            2 => text[i] = text[j].clone(),
            3 => text.insert(i, text[j].clone()),
            _ => {
                let from = &all[(script + 1 + *what as usize) % all.len()];
                text[i] = from[other.index(from.len())].clone();
            }
        }
    }
    text.concat()
}

/// Returns how many scripts are tried: as many as `CFX_CASES` says, or 300.
fn cases() -> u32 {
    std::env::var("CFX_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(300)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn checking_never_panics(
        script in 0usize..1000,
        changes in prop::collection::vec((any::<u8>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..6),
    ) {
        let text = mutate(script, &changes);
        let checked = api::check(&source("exp.cfx", &text, Path::new("tests"), &[]), &Registry::standard());
        render(&checked.diags, &checked.program.sources, false);
        api::types(&checked.script);
    }
}
