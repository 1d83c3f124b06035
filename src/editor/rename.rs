//! Where a name is declared, where it is used, and what changes with another name.

use super::document::{Document, Target, name_of};
use super::mention::{Means, mention_at, mentions};
use crate::api::{self, Registry, Source};
use crate::base::{Severity, Span};
use crate::lang::def_id::DefId;
use crate::syntax::ast::{ItemKind, Keyword};
use std::ops::Range;

/// A piece of the script and what stands there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The bytes.
    pub bytes: Range<usize>,
    /// The new text.
    pub text: String,
}

/// Why a name cannot be changed, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(pub String);

/// Returns where the name at a byte is declared.
pub fn definition(document: &Document, byte: usize) -> Option<Target> {
    let mention = mention_at(document, document.offset(byte))?;
    let program = document.program();
    let place = match mention.means {
        Means::Declares(def) | Means::Refers(def) | Means::Taken(def) => name_of(&program.item(def).kind)?.1,
        Means::Parameter(def, i) => match &program.item(def).kind {
            ItemKind::Network { params, .. } => params.get(i)?.name.span,
            _ => return None,
        },
        Means::Operation => {
            let items = program.modules.iter().flat_map(|m| &m.file.items);
            let named = |k: &ItemKind| matches!(k, ItemKind::Extern { name, .. } if name.name == mention.name);
            let found: Vec<Span> = items.filter(|i| named(&i.kind)).filter_map(|i| Some(name_of(&i.kind)?.1)).collect();
            // A layer may have the name of an operation.
            let operation = program.operations.get(&mention.name)?.span;
            found.into_iter().find(|s| operation.start <= s.start && s.end <= operation.end)?
        }
        Means::Constructor => constructor(document, &mention.name)?.0,
        Means::Argument(callee, in_body, i) | Means::Option(callee, in_body, i) => {
            super::callee::Callee::find(program, program.main, &callee, in_body)?.params.get(i)?.name.span
        }
        Means::Module(module) => {
            let file = &program.sources.files()[module];
            Span::new(file.base, file.base)
        }
    };
    document.target(place)
}

fn constructor(document: &Document, name: &str) -> Option<(Span, usize)> {
    let all = document.program().variants.values();
    all.flat_map(|v| v.constructors.iter().enumerate()).find(|(_, c)| c.name.name == name).map(|(i, c)| (c.name.span, i))
}

/// Returns the places in the script where what is meant at a byte is named, its declaration among them.
pub fn references(document: &Document, byte: usize) -> Vec<Range<usize>> {
    let Some(mention) = mention_at(document, document.offset(byte)) else { return Vec::new() };
    let same = |means: &Means| match (&mention.means, means) {
        (a, b) if def(a).is_some() => def(a) == def(b),
        (Means::Operation, Means::Operation) | (Means::Constructor, Means::Constructor) => true,
        (a, b) => a == b,
    };
    let named = mentions(document).into_iter().filter(|m| same(&m.means));
    let alike = |name: &str| def(&mention.means).is_some() || name == mention.name;
    named.filter(|m| alike(&m.name)).filter_map(|m| document.bytes(m.span)).collect()
}

fn def(means: &Means) -> Option<(DefId, Option<usize>)> {
    match means {
        Means::Declares(def) | Means::Refers(def) | Means::Taken(def) => Some((*def, None)),
        Means::Parameter(def, i) => Some((*def, Some(*i))),
        _ => None,
    }
}

/// Returns the changes that give what is named at a byte another name.
///
/// Errors: what stands there is no name of the script's own, the new one is no name or is taken, or the script would no longer be
/// the same with it.
pub fn rename(document: &Document, byte: usize, to: &str, registry: &Registry) -> Result<Vec<Edit>, Refusal> {
    let no = |why: &str| Err(Refusal(why.to_string()));
    let Some(mention) = mention_at(document, document.offset(byte)) else { return no("no name stands here") };
    let program = document.program();
    match &mention.means {
        Means::Declares(d) | Means::Refers(d) | Means::Taken(d) | Means::Parameter(d, _) if d.module != program.main => {
            // What is taken from elsewhere keeps its name there and gets another here.
            return no("this is declared in another file; write `use … { name as other }` to call it otherwise here");
        }
        Means::Declares(_) | Means::Refers(_) | Means::Parameter(..) => {}
        _ => return no("this name belongs to the language"),
    }
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    let rest = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !to.starts_with(first) || !to.chars().all(rest) || Keyword::ALL.iter().any(|k| k.word() == to) {
        return no(&format!("`{to}` is not a name: use letters, digits and `_`, no digit first, and no word of the language"));
    }
    let edits: Vec<Edit> = references(document, byte).into_iter().map(|bytes| Edit { bytes, text: to.to_string() }).collect();
    let text = applied(document.text(), &edits);
    let changed = api::check(&Source { text, ..document.source.clone() }, registry);
    let errors = |diags: &crate::base::Diags| diags.0.iter().filter(|d| d.severity == Severity::Error).count();
    if errors(&changed.diags) > errors(&document.checked.diags) {
        let new = changed.diags.0.iter().find(|d| d.severity == Severity::Error);
        return no(&format!("with the name `{to}` the script would have an error: {}", new.map_or("", |d| d.message.as_str())));
    }
    Ok(edits)
}

/// Returns a text with changes made to it.
pub(super) fn applied(text: &str, edits: &[Edit]) -> String {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|e| e.bytes.start);
    let mut out = String::new();
    let mut at = 0;
    for edit in sorted {
        out.push_str(&text[at..edit.bytes.start]);
        out.push_str(&edit.text);
        at = edit.bytes.end;
    }
    out.push_str(&text[at..]);
    out
}
