//! Answers to an editor's questions about an open script.

use super::shape::{byte, edits, location, range_in};
use crate::api::{Expected, Registry};
use crate::editor::{self, Completion, Document, Sort, Symbol};
use crate::syntax;
use crate::syntax::ast::Keyword;
use serde_json::{Value as Json, json};

/// The questions that are answered.
pub const KNOWN: [&str; 12] = [
    "textDocument/hover",
    "textDocument/completion",
    "textDocument/signatureHelp",
    "textDocument/definition",
    "textDocument/references",
    "textDocument/documentHighlight",
    "textDocument/prepareRename",
    "textDocument/rename",
    "textDocument/formatting",
    "textDocument/documentSymbol",
    "textDocument/inlayHint",
    "textDocument/codeAction",
];

/// Returns the answer to one of the questions about a script.
///
/// Errors: a sentence for the user, where there is no answer (a name that cannot be changed).
pub fn answer(
    method: &str,
    given: &Json,
    name: &str,
    document: &Document,
    expected: &[Expected],
    registry: &Registry,
) -> Result<Json, String> {
    let at = byte(document, &given["position"]);
    let own = |bytes: &std::ops::Range<usize>| json!({ "uri": name, "range": range_in(document, bytes) });
    Ok(match method {
        "textDocument/hover" => match editor::hover(document, at, expected) {
            Some(h) => json!({ "contents": { "kind": "markdown", "value": h.text }, "range": range_in(document, &h.bytes) }),
            None => Json::Null,
        },
        "textDocument/completion" => {
            let (bytes, found) = editor::complete(document, at);
            let items = found.iter().map(|c| completion(c, &range_in(document, &bytes)));
            json!({ "isIncomplete": false, "items": items.collect::<Vec<_>>() })
        }
        "textDocument/signatureHelp" => match editor::signature_help(document, at) {
            Some(help) => {
                let parameters: Vec<Json> = help.parameters.iter().map(|p| json!({ "label": p })).collect();
                let documentation = json!({ "kind": "markdown", "value": help.text });
                let signature = json!({ "label": help.label, "documentation": documentation, "parameters": parameters });
                json!({ "signatures": [signature], "activeSignature": 0, "activeParameter": help.active })
            }
            None => Json::Null,
        },
        "textDocument/definition" => editor::definition(document, at).and_then(|t| location(&t, name)).unwrap_or(Json::Null),
        "textDocument/references" => editor::references(document, at).iter().map(own).collect(),
        "textDocument/documentHighlight" => {
            editor::references(document, at).iter().map(|b| json!({ "range": range_in(document, b) })).collect()
        }
        "textDocument/prepareRename" => {
            let places = editor::references(document, at);
            let here = places.iter().find(|b| b.start <= at && at <= b.end).ok_or("there is no name of the script here")?;
            json!({ "range": range_in(document, here), "placeholder": &document.text()[here.clone()] })
        }
        "textDocument/rename" => {
            let to = given["newName"].as_str().unwrap_or("");
            let changes = editor::rename(document, at, to, registry).map_err(|r| r.0)?;
            json!({ "changes": { name: edits(document, &changes) } })
        }
        "textDocument/formatting" => formatted(document)?,
        "textDocument/documentSymbol" => editor::symbols(document).iter().map(|s| symbol(document, s)).collect(),
        "textDocument/inlayHint" => {
            let wanted = byte(document, &given["range"]["start"])..=byte(document, &given["range"]["end"]);
            let shown = editor::hints(document).into_iter().filter(|h| wanted.contains(&h.byte));
            let hint = |h: editor::Hint| {
                let place = range_in(document, &(h.byte..h.byte));
                json!({ "position": place["start"], "label": h.text, "kind": 1 })
            };
            shown.map(hint).collect()
        }
        "textDocument/codeAction" => {
            let place = byte(document, &given["range"]["start"])..byte(document, &given["range"]["end"]);
            editor::mends(document, &place, registry).iter().map(|m| action(document, m, name)).collect()
        }
        _ => Json::Null,
    })
}

fn completion(of: &Completion, range: &Json) -> Json {
    let kind = match of.sort {
        Sort::Keyword => 14,
        Sort::Operation => 3,
        Sort::Network => 7,
        Sort::Constructor => 4,
        Sort::Value => 6,
        Sort::Axis => 13,
        Sort::Argument => 5,
        Sort::Word => 20,
        Sort::Part => 10,
        Sort::Topic => 9,
    };
    let mut item = json!({
        "label": of.label,
        "kind": kind,
        "detail": of.detail,
        "documentation": of.doc,
        "filterText": of.label,
        "sortText": format!("{}{}", if of.fits { 0 } else { 1 }, of.label),
        "textEdit": { "range": range, "newText": of.insert.as_deref().unwrap_or(&of.label) },
    });
    if of.insert.is_some() {
        item["insertTextFormat"] = json!(2);
    }
    item
}

/// Returns the change that puts a script in the house style; empty if it is in it.
///
/// Errors: the script cannot be read.
fn formatted(document: &Document) -> Result<Json, String> {
    let (file, found) = syntax::parse(document.main_file());
    if found.has_errors() {
        return Err("the script has mistakes and cannot be formatted yet".to_string());
    }
    let text = syntax::format(&file, document.main_file());
    if text == document.text() {
        return Ok(json!([]));
    }
    Ok(json!([{ "range": range_in(document, &(0..document.text().len())), "newText": text }]))
}

fn symbol(document: &Document, of: &Symbol) -> Json {
    let kind = match of.keyword {
        Keyword::Network | Keyword::Layer => 5,
        Keyword::Axis => 10,
        Keyword::Param | Keyword::Let => 14,
        Keyword::Recipe => 23,
        Keyword::Figure | Keyword::Claim => 24,
        _ => 13,
    };
    let tap = |(name, bytes): &(String, std::ops::Range<usize>)| {
        let place = range_in(document, bytes);
        json!({ "name": name, "kind": 8, "range": place, "selectionRange": place })
    };
    let keyword = of.keyword.word();
    // The type of many begins with their keyword.
    let detail = match of.detail.strip_prefix(keyword).is_some_and(|rest| rest.is_empty() || rest.starts_with(' ')) {
        true => of.detail.clone(),
        false => format!("{keyword} {}", of.detail),
    };
    json!({
        "name": if of.name.is_empty() { keyword } else { &of.name },
        "detail": detail.trim_end(),
        "kind": kind,
        "range": range_in(document, &of.bytes),
        "selectionRange": range_in(document, &of.name_bytes),
        "children": of.taps.iter().map(tap).collect::<Vec<_>>(),
    })
}

fn action(document: &Document, of: &editor::Mend, name: &str) -> Json {
    json!({
        "title": of.title,
        "kind": "quickfix",
        "isPreferred": true,
        "edit": { "changes": { name: edits(document, &of.edits) } },
    })
}
