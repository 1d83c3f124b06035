//! Messages as JSON, for editors and other programs.

use crate::api::{self, Checked};
use crate::base::{Severity, SourceMap, Span};
use serde_json::{Value as Json, json};

/// Returns what checking found as one object: `diagnostics`, each with `code`, `severity`, `message`, `help` (or null) and `labels`, the main
/// one first; with `types`, also the type of every declaration.
pub fn json(checked: &Checked, types: bool) -> Json {
    let sources = &checked.program.sources;
    let diagnostics = checked.diags.0.iter().map(|d| {
        json!({
            "code": d.code,
            "severity": match d.severity { Severity::Error => "error", Severity::Warning => "warning" },
            "message": d.message,
            "help": d.help,
            "labels": d.labels.iter().map(|(span, words)| label(sources, *span, words)).collect::<Vec<_>>(),
        })
    });
    let mut out = json!({ "format": "cfx.check.1", "diagnostics": diagnostics.collect::<Vec<_>>() });
    if types {
        let all = api::types(&checked.script).into_iter().map(|(name, ty)| json!({ "name": name, "type": ty }));
        out["types"] = all.collect();
    }
    out
}

/// Returns a place with its words: file, start and end, each with line and column (from 1, columns in characters) and byte (from 0).
fn label(sources: &SourceMap, span: Span, words: &str) -> Json {
    let Some(file) = sources.file(span) else { return json!({ "file": null, "text": words }) };
    let at = |offset: u32| {
        let place = sources.place(Span { start: offset, end: offset });
        let (_, line, column) = place.unwrap_or_default();
        json!({ "line": line, "column": column, "byte": offset as usize - file.base })
    };
    json!({ "file": file.name, "start": at(span.start), "end": at(span.end), "text": words })
}
