//! What editors and highlighters know of the language: every keyword and every built-in, and snippets that are scripts.

use crate::script::repository;
use cfx::api::{self, Registry, Source};
use cfx::syntax::ast::{Item, ItemKind, Keyword};
use std::path::Path;

/// The files with lists of words.
const LISTS: [&str; 5] = [
    "editors/vscode/syntaxes/cfx.tmLanguage.json",
    "editors/vim/syntax/cfx.vim",
    "editors/emacs/cfx-mode.el",
    "editors/highlightjs/cfx.js",
    "python/src/cfx/words.py",
];

fn read(path: &str) -> String {
    std::fs::read_to_string(repository(path)).expect(path)
}

/// Returns whether a text has a word that stands by itself. What a pattern puts around it (`\b`, `\<`, `\|`) is no part of it.
fn has(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_none_or(|c| !part(c)) || text[..at].ends_with("\\b");
        before && text[at + word.len()..].chars().next().is_none_or(|c| !part(c))
    })
}

/// Returns every name that the standard library declares, with the makers of its variants.
fn library() -> Vec<String> {
    let checked = api::check(&Source::text("exp.cfx", "cfx 1\n", Path::new(".")), &Registry::standard());
    let items = checked.program.modules.iter().filter(|m| m.topic.is_some()).flat_map(|m| &m.file.items);
    let names = |item: &Item| match &item.kind {
        ItemKind::Extern { name, .. } | ItemKind::Network { name, .. } | ItemKind::Recipe { name, .. } => vec![name.name.clone()],
        ItemKind::Variant { constructors, .. } => constructors.iter().map(|c| c.name.name.clone()).collect(),
        _ => Vec::new(),
    };
    items.flat_map(names).collect()
}

#[test]
fn editors_know_every_word() {
    let keywords = Keyword::ALL.iter().map(|k| k.word());
    let reserved = ["if", "then", "else", "and", "or", "not", "except", "true", "false", "as", "cfx"];
    let library = library();
    let words: Vec<&str> = keywords.chain(reserved).chain(library.iter().map(String::as_str)).collect();
    assert!(words.len() > 250);
    for path in LISTS {
        let text = read(path);
        let missing: Vec<&&str> = words.iter().filter(|w| !has(&text, w)).collect();
        assert!(missing.is_empty(), "{path} lacks {missing:?}: run `python docs/builtins.py`");
    }
}

#[test]
fn the_grammar_for_tree_sitter_has_every_keyword() {
    let text = read("editors/tree-sitter-cfx/grammar.js");
    let reserved = ["if", "then", "else", "and", "or", "not", "except", "true", "false", "as", "cfx"];
    for word in Keyword::ALL.iter().map(|k| k.word()).chain(reserved) {
        assert!(text.contains(&format!("'{word}'")), "grammar.js lacks {word}");
    }
}

/// Returns a snippet as it stands before anything is typed: `${1:name}` is `name`.
fn expanded(body: &str) -> String {
    let mut out = String::new();
    let mut rest = body;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = match rest[at + 1..].strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((field, after)) => {
                out.push_str(field.split_once(':').map_or("", |(_, default)| default));
                after
            }
            None => rest[at + 1..].trim_start_matches(|c: char| c.is_ascii_digit()),
        };
    }
    out + rest
}

#[test]
fn snippets_are_scripts() {
    assert_eq!(expanded("axis ${1:run} = 0..${2:5}$0"), "axis run = 0..5");
    let snippets: serde_json::Value = serde_json::from_str(&read("editors/vscode/snippets/cfx.json")).expect("JSON");
    for (name, snippet) in snippets.as_object().expect("snippets") {
        let body = match &snippet["body"] {
            serde_json::Value::Array(lines) => lines.iter().filter_map(|l| l.as_str()).collect::<Vec<_>>().join("\n"),
            text => text.as_str().expect("a body").to_string(),
        };
        let script = expanded(&body);
        let checked = api::check(&Source::text(name, &script, Path::new(".")), &Registry::standard());
        let wrong: Vec<String> = checked.diags.0.iter().map(|d| format!("{}: {}", d.code, d.message)).collect();
        // A whole script is right as it stands; parts are of names that are not there yet.
        let whole = script.starts_with("cfx 1");
        let bad: Vec<&String> = wrong.iter().filter(|w| whole || w.starts_with("cfx::syntax")).collect();
        assert!(bad.is_empty(), "the snippet `{name}`: {bad:?}\n{script}");
    }
    // The files beside are JSON as well, and name each other.
    let package: serde_json::Value = serde_json::from_str(&read("editors/vscode/package.json")).expect("JSON");
    for (part, field) in [("grammars", "path"), ("snippets", "path"), ("languages", "configuration")] {
        let path = package["contributes"][part][0][field].as_str().expect("a path");
        let text = read(&format!("editors/vscode/{}", path.trim_start_matches("./")));
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{path}");
    }
}
