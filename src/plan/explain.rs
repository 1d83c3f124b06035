//! Why a cell would run: what differs from the plan of the last run, field by field, back to where it began.

use super::graph::{Cell, CellId, Entry, Graph};
use crate::base::{SourceMap, Span};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// Returns what of a plan the next plan is compared with: for each cell its key, settings, inputs, files, stream and version.
pub fn record(graph: &Graph) -> Json {
    let cells: Map<String, Json> = graph.cells.iter().map(|c| (name(c), describe(graph, c))).collect();
    json!({ "format": 1, "seed": graph.seed, "cells": cells })
}

/// What a cell is called from one plan to the next.
fn name(cell: &Cell) -> String {
    cell.title()
}

fn describe(graph: &Graph, cell: &Cell) -> Json {
    let inputs: Map<String, Json> = cell
        .inputs
        .iter()
        .map(|(slot, s)| {
            let entries: Vec<Json> = s.entries.iter().map(|e| entry(graph, e)).collect();
            (slot.clone(), Json::Array(entries))
        })
        .collect();
    json!({
        "key": cell.key.to_string(),
        "version": cell.version,
        "settings": cell.settings.to_json(),
        "inputs": inputs,
        "files": cell.files.iter().map(|(p, h)| json!([p, h.to_string()])).collect::<Vec<_>>(),
        "stream": cell.stream.map(|h| h.to_string()),
    })
}

fn entry(graph: &Graph, entry: &Entry) -> Json {
    match entry {
        Entry::Cell(id) => json!(name(&graph.cells[*id])),
        Entry::Number(x) => json!(x),
        Entry::Truth(b) => json!(b),
        Entry::Word(w) => json!({ "word": w }),
        Entry::Absent(why) => json!({ "absent": why }),
    }
}

/// Returns, in sentences, what differs for a declaration between the record of the last run and this plan. Places are given as
/// `file:line:column`. Nothing at all: the declaration does not exist.
pub fn why(graph: &Graph, declaration: &str, last: &Json, sources: &SourceMap) -> Option<Vec<String>> {
    let value = graph.values.iter().find(|v| v.name == declaration);
    let mut ids: BTreeSet<CellId> = (0..graph.cells.len()).filter(|c| graph.cells[*c].label == declaration).collect();
    ids.extend(value.iter().flat_map(|v| &v.entries).filter_map(|e| if let Entry::Cell(id) = e { Some(*id) } else { None }));
    if value.is_none() && ids.is_empty() {
        return None;
    }
    let old = Old { cells: last["cells"].as_object(), seed: &last["seed"] };
    let mut out: BTreeMap<String, usize> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    let mut unchanged = 0;
    let mut seen = BTreeSet::new();
    for id in ids {
        let mut lines = Vec::new();
        differences(graph, id, &old, sources, &mut seen, &mut lines);
        if lines.is_empty() {
            unchanged += 1;
        }
        for line in lines {
            if !out.contains_key(&line) {
                order.push(line.clone());
            }
            *out.entry(line).or_insert(0) += 1;
        }
    }
    let mut lines: Vec<String> = order;
    if lines.is_empty() {
        lines.push(format!("`{declaration}` is as it was in the last run"));
    } else if unchanged > 0 {
        lines.push(format!("{unchanged} of its cells are as they were"));
    }
    Some(lines)
}

struct Old<'a> {
    cells: Option<&'a Map<String, Json>>,
    seed: &'a Json,
}

fn differences(graph: &Graph, id: CellId, old: &Old, sources: &SourceMap, seen: &mut BTreeSet<CellId>, out: &mut Vec<String>) {
    if !seen.insert(id) {
        return;
    }
    let cell = &graph.cells[id];
    let here = |span: Span| sources.place(span).map_or(String::new(), |(f, l, c)| format!(" ({f}:{l}:{c})"));
    let Some(before) = old.cells.and_then(|c| c.get(&name(cell))) else {
        out.push(format!("{} is new{}", cell.title(), here(cell.span)));
        return;
    };
    if before["key"] == json!(cell.key.to_string()) {
        return;
    }
    let count = out.len();
    if before["version"] != json!(cell.version) {
        out.push(format!("{}: the operation has a new version ({} → {})", cell.label, before["version"], cell.version));
    }
    let now = cell.settings.to_json();
    let names: BTreeSet<&String> =
        now.as_object().into_iter().chain(before["settings"].as_object()).flat_map(|o| o.keys()).collect();
    for field in names {
        let (a, b) = (&before["settings"][field], &now[field]);
        if a != b {
            let span = cell.places.iter().find(|(n, _)| n == field).map_or(cell.span, |(_, s)| *s);
            out.push(format!("{}: the setting `{field}` was {} and is {}{}", cell.label, short(a), short(b), here(span)));
        }
    }
    for (path, hash) in &cell.files {
        let was = before["files"].as_array().into_iter().flatten().find(|f| f[0] == json!(path));
        match was {
            Some(f) if f[1] != json!(hash.to_string()) => {
                out.push(format!("{}: the file {path} has other contents{}", cell.label, here(cell.span)))
            }
            None => out.push(format!("{}: it reads {path}{}", cell.label, here(cell.span))),
            _ => {}
        }
    }
    if before["stream"] != json!(cell.stream.map(|h| h.to_string())) {
        let words = if *old.seed != json!(graph.seed) {
            format!("the root seed was {} and is {}", old.seed, graph.seed)
        } else {
            "its random stream differs: `seed:` or a coordinate is written otherwise".to_string()
        };
        out.push(format!("{}: {words}{}", cell.label, here(cell.span)));
    }
    for (slot, s) in &cell.inputs {
        let entries: Vec<Json> = s.entries.iter().map(|e| entry(graph, e)).collect();
        let was = before["inputs"][slot].as_array();
        if was != Some(&entries) {
            let (a, b) = (was.map_or(0, |w| w.len()), entries.len());
            let words = if a == b { "other values".to_string() } else { format!("{b} values where it had {a}") };
            out.push(format!("{}: the input `{slot}` is given {words}{}", cell.label, here(cell.span)));
        }
        for e in &s.entries {
            if let Entry::Cell(input) = e {
                differences(graph, *input, old, sources, seen, out);
            }
        }
    }
    if out.len() == count {
        out.push(format!("{}: something that it depends on differs{}", cell.title(), here(cell.span)));
    }
}

fn short(value: &Json) -> String {
    let text = match value {
        Json::Null => "not given".to_string(),
        Json::Object(o) if o.contains_key("word") => o["word"].as_str().unwrap_or("").to_string(),
        Json::Object(o) if o.contains_key("make") => {
            let with: Vec<String> = o["with"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|f| format!("{}: {}", f[0].as_str().unwrap_or(""), short(&f[1])))
                .collect();
            format!("{}({})", o["make"].as_str().unwrap_or(""), with.join(", "))
        }
        other => other.to_string(),
    };
    if text.chars().count() > 120 { format!("{}…", text.chars().take(120).collect::<String>()) } else { text }
}
