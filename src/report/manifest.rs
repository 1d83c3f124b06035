//! The manifest: what was computed, from what, where, and at what cost; as JSON in a stable order.
//!
//! Cells of one call stand together, and what they have in common stands once: a value where all agree, a list in the order of `ids` where
//! they do not. Cells whose results are not stored are counted, not listed; of long lists their length, their ends and their hash stand
//! here, so that a manifest of a million cells has the size of one of a thousand.

use super::files::Output;
use super::formats::place;
use super::input::{CellRecord, Outcome, ReportInput};
use super::settling::Settling;
use super::shown::Shown;
use crate::base::{Hash, Name, Span};
use crate::engine::device::accelerated;
use crate::engine::value::Value;
use crate::plan::estimate::together;
use crate::plan::facts::Policy;
use crate::plan::graph::{Cell, CellId, Declared, Entry};
use crate::plan::record::{Recorded, record as grouped};
use crate::plan::share;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Longer runs of entries that are known before the run are counted.
const LISTED: usize = 64;

/// Of lists longer than this, only length, ends and hash are written.
pub const LONGEST: usize = 1000;

/// Returns the manifest. `outputs`: the files written so far.
pub fn manifest(input: &ReportInput, settling: &Settling, figures: &[Shown], outputs: &[Output]) -> Json {
    let graph = input.graph;
    let groups = grouped(graph);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for i in 0..graph.cells.len() {
        *counts.entry(record(input, i).outcome.word()).or_insert(0) += 1;
    }
    json!({
        "format": "cfx.manifest.4",
        "title": graph.title,
        "seed": graph.seed,
        "cfx": input.build.version,
        "devices": input.build.devices,
        "overrides": graph.overrides.iter().map(|o| json!({ "name": o.name, "value": o.value, "default": o.default })).collect::<Vec<_>>(),
        "script": { "name": input.script.name, "blake3": Hash::of(input.script.text.as_bytes()).to_string() },
        "lock": input.script.lock.as_ref().map(|differences| json!({ "differences": differences })),
        "files": groups.record.files.iter().map(|(path, hash)| json!({ "path": path, "blake3": hash })).collect::<Vec<_>>(),
        "settings": list(groups.record.settings.len(), groups.record.settings.iter().cloned()),
        "axes": groups.record.axes.iter().map(|(name, coordinates)| json!({ "name": name, "coordinates": list(coordinates.len(), coordinates.iter().map(|c| json!(c))) })).collect::<Vec<_>>(),
        "calls": groups.cells.iter().enumerate().map(|(g, ids)| call(input, &groups, g, ids)).collect::<Vec<_>>(),
        "totals": totals(input, &counts),
        "values": graph.values.iter().map(|v| json!({
            "keyword": v.keyword,
            "name": v.name,
            "kind": v.kind,
            "axes": v.axes.iter().map(|a| json!({ "name": a.name, "role": a.role, "count": a.coordinates.len() })).collect::<Vec<_>>(),
            "entries": entries(&v.entries),
        })).collect::<Vec<_>>(),
        "claims": claims(input, settling),
        "figures": figures.iter().filter_map(|f| figure(input, f)).collect::<Vec<_>>(),
        "outputs": outputs.iter().map(output).collect::<Vec<_>>(),
    })
}

/// Returns the claims with their outcomes: `holds` is null where a claim is not decided, and `text` then says why.
fn claims(input: &ReportInput, settling: &Settling) -> Vec<Json> {
    let claims = input.graph.values.iter().filter(|v| v.keyword == "claim");
    let places = claims.flat_map(|v| v.entries.iter().enumerate().map(move |(i, entry)| (v, i, entry)));
    let one = |(v, i, entry): (&Declared, usize, &Entry)| {
        let (holds, within_error, no_error, text) = match (input.value)(entry) {
            Value::Truth(t) => (Some(t.holds), Some(t.within_error), Some(t.no_error), t.text),
            Value::Absent(why) => (None, None, None, why),
            other => (None, None, None, format!("a {} is not a truth value", other.word())),
        };
        json!({
            "name": v.name, "at": at(&place(v, i)), "holds": holds, "within_error": within_error,
            "no_error_known": no_error, "text": text,
            "doubt": settling.behind(entry),
        })
    };
    places.map(one).collect()
}

/// Returns a figure: its title, place, files without extension and caption, or why there is none.
fn figure(input: &ReportInput, shown: &Shown) -> Option<Json> {
    let declared = input.graph.values.get(shown.declared)?;
    let mut out = json!({ "name": declared.name, "at": at(&place(declared, shown.place)) });
    match &shown.figure {
        Some(figure) => {
            out["file"] = json!(shown.file);
            out["caption"] = json!(figure.caption);
        }
        None => out["absent"] = json!(shown.absent),
    }
    Some(out)
}

fn output(file: &Output) -> Json {
    let mut out = json!({ "path": file.path, "blake3": file.hash.to_string(), "is": file.is, "of": file.of });
    if !file.at.is_empty() {
        out["at"] = at(&file.at);
    }
    out
}

/// Returns a place as a map from axes to coordinates as written.
fn at(place: &[(String, String)]) -> Json {
    Json::Object(place.iter().map(|(axis, here)| (axis.clone(), json!(here))).collect())
}

/// Returns a manifest as text: one line for each part of a list, so that two of them can be compared line by line.
pub fn text(manifest: &Json) -> String {
    let mut out = String::from("{\n");
    let Some(parts) = manifest.as_object() else { return out };
    for (i, (name, part)) in parts.iter().enumerate() {
        let end = if i + 1 < parts.len() { ",\n" } else { "\n" };
        match part.as_array().filter(|list| !list.is_empty()) {
            Some(list) => {
                let lines: Vec<String> = list.iter().map(|item| format!("    {item}")).collect();
                out.push_str(&format!("  {}: [\n{}\n  ]{end}", json!(name), lines.join(",\n")));
            }
            None => out.push_str(&format!("  {}: {part}{end}", json!(name))),
        }
    }
    out.push_str("}\n");
    out
}

fn totals(input: &ReportInput, counts: &BTreeMap<&str, usize>) -> Json {
    let graph = input.graph;
    // Cells that ran, in this run or in the one that stored them: for these there is something to compare estimates with.
    let ran: Vec<CellId> = (0..graph.cells.len()).filter(|i| record(input, *i).outcome.ran()).collect();
    let now: Vec<CellId> = ran.iter().copied().filter(|i| record(input, *i).outcome != Outcome::Stored).collect();
    let pair = |estimate: f64, actual: f64| json!({ "estimate": round(estimate), "actual": round(actual) });
    let sum = |of: &[CellId], f: &dyn Fn(CellId) -> f64| of.iter().map(|i| f(*i)).sum::<f64>();
    let most = |of: &[CellId], f: &dyn Fn(CellId) -> f64| of.iter().map(|i| f(*i)).fold(0.0, f64::max);
    let planned: BTreeMap<CellId, f64> = ran.iter().copied().zip(share::seconds(graph, &ran)).collect();
    let seconds =
        |of: &[CellId]| pair(sum(of, &|i| planned.get(&i).copied().unwrap_or(0.0)), sum(of, &|i| record(input, i).seconds));
    let disk = |of: &[CellId]| {
        let of: Vec<CellId> = of.iter().copied().filter(|i| graph.cells[*i].policy == Policy::Stored).collect();
        pair(sum(&of, &|i| graph.cells[i].cost.disk), sum(&of, &|i| record(input, i).disk))
    };
    let mut operations: BTreeMap<&str, Vec<CellId>> = BTreeMap::new();
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
    let peak = together(graph, &now, input.build.threads).memory;
    json!({
        "cells": counts,
        "seconds": seconds(&ran),
        "memory": pair(peak, input.build.peak_memory.map_or(f64::NAN, |m| m as f64)),
        "disk": disk(&ran),
        "operations": operations,
    })
}

/// Returns what became of a cell; cells without a record have not run.
pub fn record<'a>(input: &'a ReportInput, id: usize) -> &'a CellRecord {
    static NONE: LazyLock<CellRecord> = LazyLock::new(|| CellRecord {
        outcome: Outcome::NotRun,
        content: None,
        device: Name::default(),
        seconds: 0.0,
        memory: 0.0,
        disk: 0.0,
    });
    input.records.get(id).unwrap_or(&NONE)
}

/// Returns the cells of a call.
fn call(input: &ReportInput, groups: &Recorded, number: usize, ids: &[CellId]) -> Json {
    let group = &groups.record.groups[number];
    let cells: Vec<&Cell> = ids.iter().map(|id| &input.graph.cells[*id]).collect();
    let records: Vec<&CellRecord> = ids.iter().map(|id| record(input, *id)).collect();
    let of_cells = |f: &dyn Fn(&Cell) -> Json| common(&|i| f(cells[i]), cells.len());
    let of_records = |f: &dyn Fn(&CellRecord) -> Json| common(&|i| f(records[i]), records.len());
    let inputs = if group.inline { Json::Null } else { inputs(&cells) };
    let listed = |value: &dyn Fn() -> Json| if group.inline { Json::Null } else { value() };
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    records.iter().for_each(|r| *outcomes.entry(r.outcome.word()).or_insert(0) += 1);
    let kept = match cells.first().map(|c| c.policy) {
        Some(Policy::Inline) => "no",
        Some(Policy::Transient) => "while there is room",
        _ => "yes",
    };
    let mut out = json!({
        "label": group.label,
        "op": group.op,
        "version": group.version,
        "line": cells.first().and_then(|c| line(input, c.span)),
        "lines": cells.first().map_or(Json::Null, |c| lines(input, c)),
        "stored": kept,
        "cells": ids.len(),
        "ids": runs(ids),
        "axes": group.axes,
        "at": if group.at.iter().enumerate().all(|(i, at)| i == *at) { Json::Null } else { numbers(&group.at) },
        "settings": if group.settings.len() == 1 { json!(group.settings[0]) } else { numbers(&group.settings) },
        "files": group.files,
        "inputs": inputs,
        "keys": listed(&|| list(cells.len(), cells.iter().map(|c| json!(c.key.to_string())))),
        "contents": listed(&|| list(cells.len(), records.iter().map(|r| json!(r.content.map(|h| h.to_string()))))),
        "streams": listed(&|| of_cells(&|c| json!(c.stream.map(|h| h.to_string())))),
        "outcomes": if group.inline || ids.len() > LONGEST { json!(outcomes) } else { of_records(&|r| json!(r.outcome.word())) },
        "reasons": listed(&|| of_records(&|r| json!(reason(&r.outcome).0))),
        "help": listed(&|| of_records(&|r| json!(reason(&r.outcome).1))),
        "devices": of_records(&|r| json!(r.device.as_str())),
        "bits_may_differ": cells.iter().zip(&records).any(|(c, r)| c.on_device > 0.0 && accelerated(r.device.as_str())).then_some(true),
        "estimate": listed(&|| json!({
            "seconds": measure(&|i| cells[i].cost.seconds, cells.len()),
            "memory": measure(&|i| cells[i].cost.memory, cells.len()),
            "disk": measure(&|i| cells[i].cost.disk, cells.len()),
        })),
        "actual": listed(&|| json!({
            "seconds": measure(&|i| records[i].seconds, cells.len()),
            "memory": measure(&|i| records[i].memory, cells.len()),
            "disk": measure(&|i| records[i].disk, cells.len()),
        })),
    });
    // What there is nothing to say about is left out.
    if let Some(fields) = out.as_object_mut() {
        fields.retain(|_, v| !v.is_null());
    }
    out
}

/// Returns the line of the script on which something is written, from 1; `None` if it stands in a file that the script uses.
fn line(input: &ReportInput, span: Span) -> Option<usize> {
    let at = (span.start as usize).checked_sub(input.script.base)?;
    let before = input.script.text.as_bytes().get(..at)?;
    (at < input.script.text.len()).then(|| 1 + before.iter().filter(|b| **b == b'\n').count())
}

/// Returns the lines of those settings that stand on others than the call.
fn lines(input: &ReportInput, cell: &Cell) -> Json {
    let own = line(input, cell.span);
    let apart = cell.places.iter().filter_map(|(name, span)| Some((name, line(input, *span)?))).filter(|(_, l)| Some(*l) != own);
    let all: Map<String, Json> = apart.map(|(name, l)| (name.clone(), json!(l))).collect();
    if all.is_empty() { Json::Null } else { Json::Object(all) }
}

/// Returns the cells that each cell of a call is given, by parameter.
fn inputs(cells: &[&Cell]) -> Json {
    let Some(first) = cells.first() else { return Json::Null };
    let slot = |name: &str| {
        let given =
            |i: usize| entries(cells[i].inputs.iter().find(|(n, _)| *n == name).map(|(_, s)| s.entries).unwrap_or_default());
        common(&given, cells.len())
    };
    let names = first.inputs.iter().map(|(name, _)| name.as_str());
    Json::Object(names.map(|name| (name.to_string(), slot(name))).collect())
}

/// Returns the value that all have, or a list of them.
fn common(value: &dyn Fn(usize) -> Json, count: usize) -> Json {
    let first = if count > 0 { value(0) } else { Json::Null };
    match (1..count).all(|i| value(i) == first) {
        true if count > 0 => first,
        _ => json!({ "each": list(count, (0..count).map(value)) }),
    }
}

/// Returns the measure that all have, a list of them, or of many their sum and ends.
fn measure(value: &dyn Fn(usize) -> f64, count: usize) -> Json {
    let least = (0..count).map(value).fold(f64::INFINITY, f64::min);
    let most = (0..count).map(value).fold(f64::NEG_INFINITY, f64::max);
    match count > LONGEST && least < most {
        true => json!({ "sum": round((0..count).map(value).sum()), "least": round(least), "most": round(most) }),
        false => common(&|i| round(value(i)), count),
    }
}

/// Returns a list; of a long one its length, its ends, and the hash of its elements, one a line.
fn list(count: usize, values: impl Iterator<Item = Json>) -> Json {
    if count <= LONGEST {
        return Json::Array(values.collect());
    }
    let (mut hasher, mut first, mut last) = (blake3::Hasher::new(), None, Json::Null);
    for value in values {
        hasher.update(format!("{value}\n").as_bytes());
        first.get_or_insert_with(|| value.clone());
        last = value;
    }
    json!({ "count": count, "first": first, "last": last, "blake3": Hash(*hasher.finalize().as_bytes()).to_string() })
}

fn numbers(all: &[usize]) -> Json {
    list(all.len(), all.iter().map(|n| json!(n)))
}

fn reason(outcome: &Outcome) -> (Option<&str>, Option<&str>) {
    match outcome {
        Outcome::Absent(why) | Outcome::Blocked(why) => (Some(why), None),
        Outcome::Failed { message, help } => (Some(message), help.as_deref()),
        _ => (None, None),
    }
}

/// Returns numbers, those that follow each other as `[first, last]`.
fn runs(ids: &[CellId]) -> Json {
    let all = ranges(ids);
    list(all.len(), all.into_iter())
}

fn ranges(ids: &[CellId]) -> Vec<Json> {
    let mut out: Vec<(CellId, CellId)> = Vec::new();
    for id in ids {
        match out.last_mut() {
            Some((_, last)) if *last + 1 == *id => *last = *id,
            _ => out.push((*id, *id)),
        }
    }
    out.iter().map(|(a, b)| if a == b { json!(a) } else { json!([a, b]) }).collect()
}

/// Returns entries: cells by number, those that follow each other as `[first, last]`; what is known before the run as it is, or counted
/// where there is much of it.
fn entries(all: &[Entry]) -> Json {
    let mut out = Vec::new();
    let mut rest = all;
    while let Some(first) = rest.first() {
        let cells = rest.iter().take_while(|e| matches!(e, Entry::Cell(_))).count();
        if cells > 0 {
            let ids: Vec<CellId> =
                rest[..cells].iter().filter_map(|e| if let Entry::Cell(id) = e { Some(*id) } else { None }).collect();
            out.extend(ranges(&ids));
            rest = &rest[cells..];
            continue;
        }
        let alike = |e: &&Entry| std::mem::discriminant(*e) == std::mem::discriminant(first);
        let count = rest.iter().take_while(alike).count();
        match count > LISTED {
            true => out.push(json!({ "known": count, "first": known(first) })),
            false => out.extend(rest[..count].iter().map(known)),
        }
        rest = &rest[count..];
    }
    list(out.len(), out.into_iter())
}

fn known(entry: &Entry) -> Json {
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
