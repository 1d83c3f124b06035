//! What is said of the name at a place.

use super::callee::Callee;
use super::context::{Context, Place};
use super::document::Document;
use super::mention::{Means, mention_at};
use super::pages;
use crate::api::Expected;
use crate::base::Span;
use crate::base::time::duration;
use crate::lang::axes::{Axes, AxisId};
use crate::lang::def_id::DefId;
use crate::lang::scope::declared;
use crate::syntax::ast::{ItemKind, Keyword, Param};
use std::ops::Range;

/// Most coordinates of an axis that are shown.
const MOST_COORDINATES: usize = 20;

/// What is said of a place, and the bytes it is said of.
#[derive(Clone, Debug, PartialEq)]
pub struct Hover {
    /// The bytes of the name.
    pub bytes: Range<usize>,
    /// What is said, in Markdown.
    pub text: String,
}

/// Returns what is said of the name at a byte of the script; `None` if there is no name. `expected` is what a run would do, where a plan was made.
pub fn hover(document: &Document, byte: usize, expected: &[Expected]) -> Option<Hover> {
    let at = document.offset(byte);
    let program = document.program();
    let Some(mention) = mention_at(document, at) else {
        let word = word_around(document.text(), byte)?;
        let name = &document.text()[word.clone()];
        let text = pages::keyword(name).or_else(|| pages::axis_word(program, name))?;
        return Some(Hover { bytes: word, text: plain(&text) });
    };
    let text = match &mention.means {
        Means::Declares(def) | Means::Refers(def) | Means::Taken(def) => declaration(document, *def, expected),
        Means::Parameter(def, i) => match &program.item(*def).kind {
            ItemKind::Network { params, .. } => params.get(*i).map(|p| code(&parameter(document, p))),
            _ => None,
        },
        Means::Operation | Means::Constructor => {
            let page = pages::pages(program, &mention.name).first().map(|p| page(p));
            let call = document.expression_at(mention.span.start).filter(|t| t.span.start <= mention.span.start);
            let ty = call.filter(|t| !t.is_error()).map(|t| code(&t.describe(&document.checked.script.axes)));
            Some([ty, page].into_iter().flatten().collect::<Vec<_>>().join("\n\n"))
        }
        Means::Argument(callee, in_body, i) | Means::Option(callee, in_body, i) => {
            let called = Callee::find(program, program.main, callee, *in_body)?;
            let param = called.params.get(*i)?;
            let comment = note(document, param).map(|n| format!("\n\n{n}")).unwrap_or_default();
            Some(format!("{}{comment}\n\nof `{callee}`", code(&parameter(document, param))))
        }
        Means::Module(module) => program.modules[*module].topic.as_deref().map(|topic| {
            let lines = pages::topics(program).into_iter().find(|(t, _)| *t == topic).map(|(_, l)| l.join("\n"));
            format!("`std.{topic}`\n\n{}", plain(&lines.unwrap_or_default()))
        }),
    };
    Some(Hover { bytes: document.bytes(mention.span)?, text: text.filter(|t| !t.is_empty())? })
}

/// Returns what is said of a declaration.
fn declaration(document: &Document, def: DefId, expected: &[Expected]) -> Option<String> {
    let program = document.program();
    let item = program.item(def);
    let name = declared(&item.kind)?;
    let mut out = Vec::new();
    let script = &document.checked.script;
    if let Some(ty) = document.type_of(def) {
        let keyword = document.value(def).map_or("", |v| v.keyword.word());
        out.push(code(&format!("{keyword} {}: {ty}", name.name)));
    } else if let Some(axis) = script.declared_axes.get(&def) {
        out.push(code(&coordinates(&script.axes, *axis)));
    } else if let Some(value) = script.params.get(&def) {
        let written = program.sources.text(item.span).trim();
        let set = script.overrides.iter().any(|(n, ..)| *n == name.name);
        out.push(code(written));
        if set {
            out.push(format!("set to `{}`", value.to_json()));
        }
    } else {
        let text = program.sources.text(item.span).trim_end();
        out.push(code(&first_lines(text, 12)));
    }
    if let Some(cost) = expected.iter().find(|e| e.name == name.name && def.module == program.main) {
        out.push(costs(cost));
    }
    if let Some(doc) = &item.doc {
        out.push(plain(doc.trim()));
    }
    if let Some(topic) = &program.modules[def.module].topic {
        out.push(format!("std.{topic}"));
    }
    Some(out.join("\n\n"))
}

/// Returns what a run would do for a declaration, in a sentence.
fn costs(of: &Expected) -> String {
    let time = if of.to_run == 0 {
        String::new()
    } else {
        format!(", {} {} of one core", if of.at_most { "at most" } else { "about" }, duration(of.seconds))
    };
    let spared = if of.spared == 0 { String::new() } else { format!(", {} not needed", of.spared) };
    match of.cells {
        0 => "a view: it is not stored".to_string(),
        n => format!("{n} cell{}: {} in the store, {} to run{time}{spared}", if n == 1 { "" } else { "s" }, of.kept, of.to_run),
    }
}

fn coordinates(axes: &Axes, id: AxisId) -> String {
    let axis = axes.get(id);
    match &axis.coordinates {
        None => format!("axis {}: coordinates are known when files are read", axis.name),
        Some(all) => {
            let shown: Vec<&str> = all.iter().take(MOST_COORDINATES).map(|c| c.text.as_str()).collect();
            let more = if all.len() > MOST_COORDINATES { ", …" } else { "" };
            format!("axis {}({}): {}{more}", axis.name, all.len(), shown.join(", "))
        }
    }
}

/// Returns a parameter as its signature writes it.
fn parameter(document: &Document, param: &Param) -> String {
    let text = |span: Span| document.program().sources.text(span).to_string();
    let ty = param.ty.as_ref().map(|t| format!(": {}", text(t.span).trim())).unwrap_or_default();
    let default = param.default.as_ref().map(|d| format!(" = {}", text(d.span))).unwrap_or_default();
    format!("{}{ty}{default}", param.name.name)
}

/// Returns the comment behind a parameter on its line.
fn note(document: &Document, param: &Param) -> Option<String> {
    let sources = &document.program().sources;
    let file = sources.file(param.name.span)?;
    let rest = file.text.get(param.name.span.start as usize - file.base..)?;
    let line = rest.split('\n').next()?;
    line.split_once(" # ").map(|(_, note)| note.trim().to_string())
}

/// Returns Markdown that shows a text as it is.
fn plain(text: &str) -> String {
    // Lines of the reference end where they end; `<` begins no tag.
    text.replace('<', "&lt;").lines().collect::<Vec<_>>().join("  \n")
}

fn code(text: &str) -> String {
    format!("```cfx\n{text}\n```")
}

/// Returns a page of the library: its signature as code, the rest as text.
fn page(page: &str) -> String {
    let (signature, rest) = page.split_once("\n\n").unwrap_or((page, ""));
    format!("{}\n\n{}", code(signature), plain(rest))
}

fn first_lines(text: &str, most: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() <= most { text.to_string() } else { format!("{}\n  …", lines[..most].join("\n")) }
}

/// Returns the bytes of the word around a byte.
pub(super) fn word_around(text: &str, byte: usize) -> Option<Range<usize>> {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let before = text.get(..byte)?.chars().rev().take_while(|c| part(*c)).map(char::len_utf8).sum::<usize>();
    let after = text.get(byte..)?.chars().take_while(|c| part(*c)).map(char::len_utf8).sum::<usize>();
    (before + after > 0).then(|| byte - before..byte + after)
}

/// A call's signature, and which of its parameters is being written.
#[derive(Clone, Debug, PartialEq)]
pub struct SignatureHelp {
    /// `accuracy(m: model, data: dataset)`
    pub label: String,
    /// Its parameters, each as it stands in the label.
    pub parameters: Vec<String>,
    /// The parameter being written.
    pub active: Option<usize>,
    /// What is said of it.
    pub text: String,
}

/// Returns the signature of the call around a byte of the script.
pub fn signature_help(document: &Document, byte: usize) -> Option<SignatureHelp> {
    let context = Context::at(document, byte);
    let (Place::Argument { callee, in_body, position, .. } | Place::Setting { callee, in_body, position, .. }) = &context.place
    else {
        return None;
    };
    let program = document.program();
    let called = Callee::find(program, program.main, callee, *in_body)?;
    let named = match &context.place {
        Place::Setting { name, .. } => called.params.iter().position(|p| p.name.name == *name),
        _ => None,
    };
    let parameters: Vec<String> = called.params.iter().map(|p| parameter(document, p)).collect();
    let active = named.or_else(|| (*position < parameters.len()).then_some(*position));
    let text = plain(called.doc.lines().next().unwrap_or(""));
    Some(SignatureHelp { label: format!("{callee}({})", parameters.join(", ")), parameters, active, text })
}

/// Returns the words of the language that begin a declaration, with what the reference says of each.
pub(super) fn keywords() -> Vec<(&'static str, String)> {
    let open = Keyword::ALL.iter().filter(|k| !matches!(k, Keyword::Extern | Keyword::Variant));
    open.map(|k| (k.word(), pages::keyword(k.word()).unwrap_or_default())).collect()
}
