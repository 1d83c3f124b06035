//! The manifest: what was computed, from what, where, and at what cost; as JSON in a stable order.

use super::input::{CellRecord, Outcome, ReportInput};
use crate::base::Hash;
use crate::plan::estimate::together;
use crate::plan::facts::Policy;
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
    // Cells that ran, in this run or in the one that stored them: for these there is something to compare estimates with.
    let ran: Vec<usize> = (0..graph.cells.len()).filter(|i| record(input, *i).outcome.ran()).collect();
    let now: Vec<usize> = ran.iter().copied().filter(|i| record(input, *i).outcome != Outcome::Stored).collect();
    let pair = |estimate: f64, actual: f64| json!({ "estimate": round(estimate), "actual": round(actual) });
    let sum = |of: &[usize], f: &dyn Fn(usize) -> f64| of.iter().map(|i| f(*i)).sum::<f64>();
    let most = |of: &[usize], f: &dyn Fn(usize) -> f64| of.iter().map(|i| f(*i)).fold(0.0, f64::max);
    let seconds = |of: &[usize]| pair(sum(of, &|i| graph.cells[i].cost.seconds), sum(of, &|i| record(input, i).seconds));
    let stored =
        |of: &[usize]| -> Vec<usize> { of.iter().copied().filter(|i| graph.cells[*i].policy == Policy::Stored).collect() };
    let disk = |of: &[usize]| {
        let of = stored(of);
        pair(sum(&of, &|i| graph.cells[i].cost.disk), sum(&of, &|i| record(input, i).disk))
    };
    let mut operations: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    ran.iter().for_each(|i| operations.entry(&graph.cells[*i].op).or_default().push(*i));
    let operations: Map<String, Json> = operations
        .into_iter()
        .map(|(op, of)| {
            // Short cells are over before their memory is looked at.
            let seen = Some(most(&of, &|i| record(input, i).memory)).filter(|m| *m > 0.0);
            let memory = pair(most(&of, &|i| graph.cells[i].cost.memory), seen.unwrap_or(f64::NAN));
            let each = json!({ "cells": of.len(), "seconds": seconds(&of), "largest_memory": memory, "disk": disk(&of) });
            (op.to_string(), each)
        })
        .collect();
    let peak = together(graph, now.into_iter(), input.build.threads).memory;
    json!({
        "format": "cfx.manifest.1",
        "title": graph.title,
        "seed": graph.seed,
        "cfx": input.build.version,
        "devices": input.build.devices,
        "overrides": graph.overrides.iter().map(|o| json!({ "name": o.name, "value": o.value, "default": o.default })).collect::<Vec<_>>(),
        "script": { "name": input.script.name, "blake3": Hash::of(input.script.text.as_bytes()).to_string() },
        "files": files.iter().map(|(path, hash)| json!({ "path": path, "blake3": hash })).collect::<Vec<_>>(),
        "cells": graph.cells.iter().enumerate().map(|(i, c)| cell(input, i, c)).collect::<Vec<_>>(),
        "totals": {
            "cells": counts,
            "seconds": seconds(&ran),
            "memory": pair(peak, input.build.peak_memory.map_or(f64::NAN, |m| m as f64)),
            "disk": disk(&ran),
            "operations": operations,
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
