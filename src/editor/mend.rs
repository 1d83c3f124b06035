//! Mends: changes of the script that take a message away.

use super::document::Document;
use super::rename::{Edit, applied};
use crate::api::{self, Registry, Source};
use crate::base::{Diag, Severity};
use crate::syntax::ast::{ItemKind, UsePath};
use std::ops::Range;

/// A change that takes a message away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    /// What it does: ``write `accuracy` ``.
    pub title: String,
    /// The message's place in the list of messages.
    pub diag: usize,
    /// What changes.
    pub edits: Vec<Edit>,
}

/// Returns the mends of the messages that touch some bytes of the script.
///
/// Help lines propose spellings and names to take from the library. A proposal is a mend only if the script, checked again with it, has
/// lost that message and gained none.
pub fn mends(document: &Document, bytes: &Range<usize>, registry: &Registry) -> Vec<Mend> {
    let mut out = Vec::new();
    for (i, diag) in document.checked.diags.0.iter().enumerate() {
        let Some(place) = document.bytes(diag.span()) else { continue };
        if place.start > bytes.end || bytes.start > place.end {
            continue;
        }
        for (title, edits) in proposals(document, diag, &place) {
            if helps(document, diag, &edits, registry) {
                out.push(Mend { title, diag: i, edits });
            }
        }
    }
    out
}

/// Returns the changes that a message's help line proposes.
fn proposals(document: &Document, diag: &Diag, place: &Range<usize>) -> Vec<(String, Vec<Edit>)> {
    let mut out = Vec::new();
    let help = diag.help.as_deref().unwrap_or("");
    let quoted = |after: &str| help.split_once(after).and_then(|(_, rest)| rest.split_once('`')).map(|(word, _)| word);
    let instead = ["did you mean `", "here it is called `"].iter().find_map(|before| quoted(before));
    // The standard library's name, to be taken with `use`: `use std.data { digits }`.
    let taken = quoted("`use std.").and_then(|t| t.strip_suffix(" }")).and_then(|t| t.split_once(" { "));
    let mut edits = Vec::new();
    let mut title = Vec::new();
    if let Some(word) = instead {
        edits.push(Edit { bytes: place.clone(), text: word.to_string() });
        title.push(format!("write `{word}`"));
    }
    if let Some((topic, name)) = taken {
        edits.push(taking(document, topic, name));
        title.push(format!("take `{name}` from std.{topic}"));
    }
    if !edits.is_empty() {
        out.push((title.join(" and "), edits));
    }
    out
}

/// Returns the change that takes a name from a topic: a longer `use`, or a new one behind the last, behind the experiment, or at the beginning.
fn taking(document: &Document, topic: &str, name: &str) -> Edit {
    let mut behind = 0;
    for (_, item) in document.items() {
        match &item.kind {
            ItemKind::Use { path: UsePath::Dotted(parts), names } => {
                let of = parts.iter().map(|p| p.name.as_str()).collect::<Vec<_>>();
                if let (["std", t], Some(last)) = (of.as_slice(), names.last())
                    && *t == topic
                    && let Some(place) = document.bytes(last.alias.as_ref().unwrap_or(&last.name).span)
                {
                    return Edit { bytes: place.end..place.end, text: format!(", {name}") };
                }
                behind = document.bytes(item.span).map_or(behind, |b| b.end);
            }
            ItemKind::Experiment { .. } | ItemKind::Use { .. } => {
                behind = document.bytes(item.span).map_or(behind, |b| b.end);
            }
            _ => {}
        }
    }
    let edition = document.text().find("cfx 1").filter(|at| *at < 4).map(|at| at + "cfx 1".len());
    let behind = if behind == 0 { edition.unwrap_or(0) } else { behind };
    // Behind a comment on the same line.
    let end = document.text()[behind..].find('\n').map_or(document.text().len(), |n| behind + n);
    let line = format!("use std.{topic} {{ {name} }}");
    let text = if behind == 0 { format!("{line}\n") } else { format!("\n{line}") };
    let at = if behind == 0 { 0 } else { end };
    Edit { bytes: at..at, text }
}

/// Returns whether the script has lost a message with some changes, and gained no error.
fn helps(document: &Document, diag: &Diag, edits: &[Edit], registry: &Registry) -> bool {
    let text = applied(document.text(), edits);
    let checked = api::check(&Source { text, ..document.source.clone() }, registry);
    let errors = |diags: &[Diag]| diags.iter().filter(|d| d.severity == Severity::Error).count();
    let like = |d: &&Diag| d.code == diag.code && d.message == diag.message;
    let before = &document.checked.diags.0;
    let after = &checked.diags.0;
    let gone = after.iter().filter(like).count() < before.iter().filter(like).count();
    // What one mistake hid may come to light: it stands elsewhere and is no worse.
    gone && errors(after) <= errors(before)
}
