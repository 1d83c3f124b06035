//! Places, messages and changes in the words of the protocol.

use super::{library, uri};
use crate::base::{Diag, Diags, Severity, SourceFile, SourceMap, Span};
use crate::editor::{Document, Edit, Lines, Target, Where};
use lsp_server::Notification;
use serde_json::{Value as Json, json};
use std::ops::Range;
use std::sync::Arc;

/// Returns bytes of a text as a range.
pub fn range(text: &str, lines: &Lines, bytes: &Range<usize>) -> Json {
    let at = |byte: usize| {
        let (line, character) = lines.place(text, byte);
        json!({ "line": line, "character": character })
    };
    json!({ "start": at(bytes.start), "end": at(bytes.end) })
}

/// Returns bytes of a script as a range.
pub fn range_in(document: &Document, bytes: &Range<usize>) -> Json {
    range(document.text(), &document.lines, bytes)
}

/// Returns the byte of a script that a position names.
pub fn byte(document: &Document, position: &Json) -> usize {
    let number = |name: &str| position[name].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    document.lines.byte(document.text(), number("line"), number("character"))
}

/// Returns changes of a script.
pub fn edits(document: &Document, edits: &[Edit]) -> Json {
    edits.iter().map(|e| json!({ "range": range_in(document, &e.bytes), "newText": e.text })).collect()
}

/// Returns a place in a file; `None` if the file cannot be read.
pub fn location(target: &Target, script: &str) -> Option<Json> {
    let name = match &target.file {
        Where::Script => script.to_string(),
        Where::Other(path) => uri::of(path),
        Where::Library(name) => uri::of(&library::file(name, &target.text).ok()?),
    };
    Some(json!({ "uri": name, "range": range(&target.text, &Lines::of(&target.text), &target.bytes) }))
}

/// Returns the messages that are about a script's own file, those about other files at its beginning.
pub fn diagnostics(diags: &Diags, sources: &SourceMap, main: &Arc<SourceFile>, name: &str) -> Vec<Json> {
    let lines = Lines::of(&main.text);
    diags.0.iter().map(|d| diagnostic(d, sources, main, &lines, name)).collect()
}

fn diagnostic(diag: &Diag, sources: &SourceMap, main: &Arc<SourceFile>, lines: &Lines, name: &str) -> Json {
    let own = |span: Span| {
        let file = sources.file(span)?;
        Arc::ptr_eq(file, main).then(|| span.start as usize - file.base..span.end as usize - file.base)
    };
    let place = own(diag.span());
    let mut words = diag.message.clone();
    if place.is_none()
        && let Some((file, line, _)) = sources.place(diag.span())
    {
        words = format!("{file}, line {line}: {words}");
    }
    if let Some((_, here)) = diag.labels.first().filter(|(_, here)| !here.is_empty()) {
        words.push_str(&format!(" ({here})"));
    }
    if let Some(help) = &diag.help {
        words.push_str(&format!("\n{help}"));
    }
    let related = diag.labels.iter().skip(1).filter_map(|(span, said)| {
        let at = range(&main.text, lines, &own(*span)?);
        Some(json!({ "location": { "uri": name, "range": at }, "message": if said.is_empty() { "here" } else { said } }))
    });
    let unused = diag.code.ends_with("::unused");
    json!({
        "range": range(&main.text, lines, &place.unwrap_or(0..0)),
        "severity": match diag.severity { Severity::Error => 1, Severity::Warning => 2 },
        "code": diag.code,
        "source": "cfx",
        "message": words,
        "tags": if unused { json!([1]) } else { json!([]) },
        "relatedInformation": related.collect::<Vec<_>>(),
    })
}

/// Returns the message that shows the messages about a script.
pub fn published(name: &str, version: Option<i64>, diagnostics: Vec<Json>) -> Notification {
    let mut given = json!({ "uri": name, "diagnostics": diagnostics });
    if let Some(version) = version {
        given["version"] = json!(version);
    }
    Notification::new("textDocument/publishDiagnostics".to_string(), given)
}
