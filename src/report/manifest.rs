//! The manifest: what was computed, from what, where, and at what cost; as JSON in a stable order.

use super::{CellRecord, Outcome, ReportInput};
use crate::base::Hash;
use crate::plan::graph::{Cell, Entry};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// Returns the manifest. `outputs`: the files written so far, relative to the folder of results, with their hashes.
pub fn manifest(input: &ReportInput, outputs: &[(String, Hash)]) -> Json {
    let graph = input.graph;
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    for cell in &graph.cells {
        for (path, hash) in &cell.files {
            files.insert(path, hash.to_string());
        }
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for i in 0..graph.cells.len() {
        *counts.entry(record(input, i).outcome.word()).or_insert(0) += 1;
    }
    let sum = |f: &dyn Fn(usize) -> f64| (0..graph.cells.len()).map(f).sum::<f64>();
    json!({
        "format": "cfx.manifest.1",
        "title": graph.title,
        "seed": graph.seed,
        "cfx": input.build.version,
        "devices": input.build.devices,
        "script": { "name": input.script.name, "blake3": Hash::of(input.script.text.as_bytes()).to_string() },
        "files": files.iter().map(|(path, hash)| json!({ "path": path, "blake3": hash })).collect::<Vec<_>>(),
        "cells": graph.cells.iter().enumerate().map(|(i, c)| cell(input, i, c)).collect::<Vec<_>>(),
        "totals": {
            "cells": counts,
            "seconds": { "estimate": round(sum(&|i| graph.cells[i].cost.seconds)), "actual": round(sum(&|i| record(input, i).seconds)) },
        },
        "values": graph.values.iter().map(|v| json!({
            "keyword": v.keyword,
            "name": v.name,
            "kind": v.kind,
            "axes": v.axes.iter().map(|a| json!({ "name": a.name, "role": a.role, "coordinates": a.coordinates })).collect::<Vec<_>>(),
            "entries": v.entries.iter().map(entry).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "outputs": outputs.iter().map(|(path, hash)| json!({ "path": path, "blake3": hash.to_string() })).collect::<Vec<_>>(),
    })
}

/// Returns what became of a cell; cells without a record have not run.
pub fn record<'a>(input: &'a ReportInput, id: usize) -> &'a CellRecord {
    static NONE: CellRecord =
        CellRecord { outcome: Outcome::NotRun, content: None, device: String::new(), seconds: 0.0, memory: 0.0, disk: 0.0 };
    input.records.get(id).unwrap_or(&NONE)
}

fn cell(input: &ReportInput, id: usize, cell: &Cell) -> Json {
    let r = record(input, id);
    let at: Map<String, Json> = cell.at.iter().map(|(a, c)| (a.clone(), json!(c))).collect();
    let inputs: Map<String, Json> =
        cell.inputs.iter().map(|(name, slot)| (name.clone(), Json::Array(slot.entries.iter().map(entry).collect()))).collect();
    let (reason, help) = match &r.outcome {
        Outcome::Absent(why) | Outcome::Blocked(why) => (Some(why), None),
        Outcome::Failed { message, help } => (Some(message), help.as_ref()),
        _ => (None, None),
    };
    json!({
        "cell": id,
        "label": cell.label,
        "op": cell.op,
        "version": cell.version,
        "at": at,
        "settings": cell.settings.to_json(),
        "inputs": inputs,
        "stream": cell.stream.map(|h| h.to_string()),
        "files": cell.files.iter().map(|(path, _)| path).collect::<Vec<_>>(),
        "key": cell.key.to_string(),
        "content": r.content.map(|h| h.to_string()),
        "outcome": r.outcome.word(),
        "reason": reason,
        "help": help,
        "device": r.device,
        "estimate": { "seconds": round(cell.cost.seconds), "memory": round(cell.cost.memory), "disk": round(cell.cost.disk) },
        "actual": { "seconds": round(r.seconds), "memory": round(r.memory), "disk": round(r.disk) },
    })
}

fn entry(entry: &Entry) -> Json {
    match entry {
        Entry::Cell(id) => json!(id),
        Entry::Number(x) => json!({ "number": x }),
        Entry::Truth(b) => json!({ "truth": b }),
        Entry::Word(w) => json!({ "word": w }),
        Entry::Absent(why) => json!({ "absent": why }),
    }
}

/// Returns a measure with at most milli precision; numbers that JSON cannot write become null.
fn round(x: f64) -> Json {
    match (x * 1000.0).round() / 1000.0 {
        r if r.is_finite() && r.fract() == 0.0 && r.abs() < 9e15 => json!(r as i64),
        r if r.is_finite() => json!(r),
        _ => Json::Null,
    }
}
