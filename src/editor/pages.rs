//! What is said of a name: built-ins, networks and recipes from the standard library itself, words of the language from its reference.

use crate::lang::scope::{Program, declared};
use crate::syntax::ast::{Item, ItemKind, Keyword, TypeAtom};
use std::collections::BTreeMap;

/// The reference of the language.
const REFERENCE: &str = include_str!("../../docs/language.md");

/// What is said of every operation that draws random numbers.
const SEED: &str = "It draws random numbers, so it also takes `seed:`: `seed: 7`, or `seed: run` over `axis run = 0..5` \
                    for a result of each seed.";

/// Types of parameters that name axes.
const AXIS_TYPES: [&str; 5] = ["reduces", "splits", "taps", "pairs", "axis"];

/// Returns the pages of whatever has this name; one name may be several things: an operation, a metric, a word.
pub fn pages(program: &Program, name: &str) -> Vec<String> {
    let mut pages = entries(program, name);
    pages.extend(keyword(name));
    pages.extend(axis_word(program, name));
    pages
}

/// Returns every name that has a page.
pub fn names(program: &Program) -> Vec<&str> {
    let mut all: Vec<&str> = items(program).map(|(_, _, name)| name).collect();
    all.extend(Keyword::ALL.iter().map(|k| k.word()));
    all.extend(axis_words(program).keys());
    all
}

/// Returns the declarations of the standard library: topic, item, name.
fn items(program: &Program) -> impl Iterator<Item = (&str, &Item, &str)> {
    let modules = program.modules.iter().filter_map(|m| m.topic.as_deref().map(|t| (t, m)));
    modules.flat_map(|(topic, m)| m.file.items.iter().filter_map(move |i| Some((topic, i, declared(&i.kind)?.name.as_str()))))
}

/// Returns the names whose own letters, options or text hold a word, in the order of the library: names first, then texts.
pub fn mentioning<'a>(program: &'a Program, word: &str) -> Vec<&'a str> {
    let word = word.to_lowercase();
    if word.chars().count() < 3 {
        return Vec::new();
    }
    let own = |(_, _, name): &(&str, &Item, &str)| name.to_lowercase().contains(&word);
    let text = |item: &Item| format!("{}\n{}", program.sources.text(item.span), item.doc.as_deref().unwrap_or("")).to_lowercase();
    let named = items(program).filter(own);
    let told = items(program).filter(|i| !own(i) && text(i.1).contains(&word));
    let mut found: Vec<&str> = Vec::new();
    for (_, _, name) in named.chain(told) {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// Returns the topics with a line for each of their names, in the order of the library.
pub fn topics(program: &Program) -> Vec<(&str, Vec<String>)> {
    let mut out: Vec<(&str, Vec<String>)> = Vec::new();
    for (topic, item, name) in items(program) {
        let line = format!("{name:<26} {}", item.doc.as_deref().unwrap_or("").lines().next().unwrap_or("").trim());
        match out.last_mut().filter(|(t, _)| *t == topic) {
            Some((_, list)) => list.push(line),
            None => out.push((topic, vec![line])),
        }
    }
    out
}

/// Returns the pages of whatever has this name: first what is called so, then types of settings that it makes.
fn entries(program: &Program, name: &str) -> Vec<String> {
    let makes = |kind: &ItemKind| match kind {
        ItemKind::Variant { constructors, .. } => constructors.iter().any(|c| c.name.name == name),
        _ => false,
    };
    let page = |(topic, item): (&str, &Item)| {
        let text = program.sources.text(item.span).trim_end();
        let draws =
            matches!(&item.kind, ItemKind::Extern { result, .. } if result.effects.iter().any(|e| e.word.name == "random"));
        let more = if draws { format!("\n\n{SEED}") } else { String::new() };
        format!("{text}\n\n{}{more}\n\nstd.{topic}", item.doc.as_deref().unwrap_or("").trim())
    };
    let own = items(program).filter(|(_, _, n)| *n == name).map(|(t, i, _)| (t, i));
    let inside = items(program).filter(|(_, i, n)| *n != name && makes(&i.kind)).map(|(t, i, _)| (t, i));
    own.chain(inside).map(page).collect()
}

/// Returns what the reference says of a keyword.
pub fn keyword(word: &str) -> Option<String> {
    Keyword::ALL.iter().find(|k| k.word() == word)?;
    let rows: Vec<String> = rows("Declarations").filter(|cells| begins(cells[0], word)).map(|cells| line(&cells)).collect();
    let (heading, more) = match word {
        "axis" => ("Axes", rows_text("Axes")),
        "extern" | "variant" => {
            ("Built-ins by topic", "Only in the standard library: the signature of a built-in, a type of settings.".into())
        }
        _ => ("Declarations", String::new()),
    };
    let body = [rows.join("\n"), more].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("\n\n");
    Some(format!("{body}\n\ndocs/language.md, \"{heading}\""))
}

/// Returns what the reference says of a word that names axes, and which built-ins take it.
pub fn axis_word(program: &Program, word: &str) -> Option<String> {
    let by_type = axis_words(program).remove(word)?;
    let mut out = Vec::new();
    for (ty, operations) in by_type {
        let says = rows("Axis words").find(|cells| cells[0].trim_matches('`') == ty).map(|cells| line(&cells[1..]));
        out.push(format!("`{word}:` in {}\n{}", operations.join(", "), says.unwrap_or_default()));
    }
    out.push("docs/language.md, \"Axis words\"".to_string());
    Some(out.join("\n\n"))
}

/// Returns the parameters that name axes: by name, then by type, the built-ins that have them.
fn axis_words(program: &Program) -> BTreeMap<&str, BTreeMap<&str, Vec<&str>>> {
    let mut out: BTreeMap<&str, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
    for (operation, signature) in &program.operations {
        for param in &signature.params {
            let atoms = param.ty.iter().flat_map(|t| &t.alternatives);
            for name in atoms.filter_map(|a| type_name(a)).filter(|t| AXIS_TYPES.contains(t)) {
                let list = out.entry(&param.name.name).or_default().entry(name).or_default();
                if list.last() != Some(&operation.as_str()) {
                    list.push(operation);
                }
            }
        }
    }
    out
}

fn type_name(atom: &TypeAtom) -> Option<&str> {
    match atom {
        TypeAtom::Name(name) => Some(&name.name),
        TypeAtom::List(inner) => inner.alternatives.iter().find_map(type_name),
        _ => None,
    }
}

/// Returns the rows of the first table of a section of the reference, as cells.
fn rows(section: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let heading = format!("\n## {section}\n");
    let text = REFERENCE.split_once(heading.as_str()).map_or("", |(_, rest)| rest.split("\n## ").next().unwrap_or(""));
    let lines = text.lines().skip_while(|l| !l.starts_with('|')).take_while(|l| l.starts_with('|')).skip(2);
    lines.map(|l| l.trim_matches('|').split(" | ").map(str::trim).collect())
}

fn rows_text(section: &str) -> String {
    rows(section).map(|cells| line(&cells)).collect::<Vec<_>>().join("\n")
}

fn line(cells: &[&str]) -> String {
    cells.join("\n    ")
}

/// Returns whether one of the pieces of code in a cell begins with the word.
fn begins(cell: &str, word: &str) -> bool {
    cell.split('`').skip(1).step_by(2).any(|code| code.split(|c: char| !c.is_alphanumeric()).next() == Some(word))
}
