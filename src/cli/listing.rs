//! `cfx plan`: what a run would do, written as a table.

use super::store::bytes;
use crate::base::Span;
use crate::engine::Standing;
use crate::plan::estimate::together;
use crate::plan::facts::Policy;
use crate::plan::graph::{Declared, Entry, Graph};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Returns the plan as a table: declarations with their axes and cells, what is cached, what the rest is expected to take.
pub fn listing(graph: &Graph, standings: &[Standing], threads: usize) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{:<34} {:<22} {:>7} {:>7} {:>9}  axes", "declaration", "kind", "cells", "cached", "time");
    for value in &graph.values {
        let cells = cells_of(graph, value);
        let stored: Vec<usize> = cells.iter().copied().filter(|c| graph.cells[*c].policy != Policy::Inline).collect();
        let cached = stored.iter().filter(|c| standings[**c] == Standing::Cached).count();
        let seconds: f64 =
            stored.iter().filter(|c| standings[**c] != Standing::Cached).map(|c| graph.cells[*c].cost.seconds).sum();
        let axes: Vec<String> = value.axes.iter().map(|a| format!("{}({})", a.name, a.coordinates.len())).collect();
        let absent = value.entries.iter().filter(|e| matches!(e, Entry::Absent(_))).count();
        let absent = if absent > 0 { format!(", {absent} absent") } else { String::new() };
        let _ = writeln!(
            out,
            "{:<34} {:<22} {:>7} {:>7} {:>9}  {}{absent}",
            cut(&value.name, 34),
            cut(&value.kind, 22),
            value.entries.len(),
            format!("{cached}/{}", stored.len()),
            duration(seconds),
            axes.join(" × ")
        );
    }
    let run: Vec<usize> =
        (0..graph.cells.len()).filter(|c| matches!(standings[*c], Standing::Run | Standing::Undecided)).collect();
    let undecided = standings.iter().filter(|s| **s == Standing::Undecided).count();
    let cached = standings.iter().filter(|s| **s == Standing::Cached).count();
    let inline = standings.iter().filter(|s| **s == Standing::Inline).count();
    let cost = together(graph, run.iter().copied(), threads);
    let _ = writeln!(out);
    let _ = writeln!(
        out,
        "{} cells: {cached} in the store, {} to run{}{}",
        cached + run.len(),
        run.len(),
        if undecided > 0 { format!(" ({undecided} undecided until their inputs are known)") } else { String::new() },
        if inline > 0 { format!("; {inline} views and sums beside them, which are not kept") } else { String::new() }
    );
    let _ = writeln!(
        out,
        "about {} of one core ({} on {threads} threads), {} of memory at the peak, {} on disk",
        duration(cost.seconds),
        duration(cost.seconds / threads as f64),
        bytes(cost.memory),
        bytes(cost.disk)
    );
    let files: BTreeSet<&str> = graph.cells.iter().flat_map(|c| c.files.iter().map(|(p, _)| p.as_str())).collect();
    if !files.is_empty() {
        let _ = writeln!(out, "reads:");
        for line in folded(files) {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

/// Most lines that files take.
const LINES: usize = 20;

/// Returns the files, those of full folders as one line for each folder as deep as the lines allow.
fn folded(files: BTreeSet<&str>) -> Vec<String> {
    let cut = |path: &str, depth: usize| match path.match_indices('/').nth(depth) {
        Some((at, _)) => path[..=at].to_string(),
        None => path.to_string(),
    };
    let deepest = files.iter().map(|f| f.matches('/').count()).max().unwrap_or(0);
    for depth in (0..=deepest).rev() {
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        files.iter().for_each(|f| *lines.entry(cut(f, depth)).or_insert(0) += 1);
        if lines.len() <= LINES || depth == 0 {
            let words = |(line, n): (String, usize)| if line.ends_with('/') { format!("{line} ({n} files)") } else { line };
            return lines.into_iter().map(words).collect();
        }
    }
    Vec::new()
}

/// Returns the cells of a declaration: those of its entries, and those made on the way to them. A claim and a figure may share a title;
/// then the place in the script tells whose a cell is.
fn cells_of(graph: &Graph, value: &Declared) -> Vec<usize> {
    let alone = graph.values.iter().filter(|v| v.name == value.name).count() < 2;
    let within = |span: Span| value.span.start <= span.start && span.end <= value.span.end;
    let mut out: BTreeSet<usize> = value
        .entries
        .iter()
        .filter_map(|e| match e {
            Entry::Cell(id) => Some(*id),
            _ => None,
        })
        .collect();
    out.extend((0..graph.cells.len()).filter(|c| {
        let cell = &graph.cells[*c];
        cell.label == value.name && (alone || within(cell.span))
    }));
    out.into_iter().collect()
}

/// Returns a duration for reading.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 0.0005 => "0 s".to_string(),
        s if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        s if s < 90.0 => format!("{s:.1} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} days", s / 86400.0),
    }
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        text.to_string()
    } else {
        format!("{}…", text.chars().take(width - 1).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_files_are_told_by_their_folders() {
        let few = BTreeSet::from(["a/b.npy", "c.npy"]);
        assert_eq!(folded(few), ["a/b.npy", "c.npy"]);
        let names: Vec<String> =
            (0..300).map(|i| format!("/data/train/n{}/{i}.png", i % 3)).chain(["/labels.npy".into()]).collect();
        let many = names.iter().map(String::as_str).collect();
        assert_eq!(
            folded(many),
            ["/data/train/n0/ (100 files)", "/data/train/n1/ (100 files)", "/data/train/n2/ (100 files)", "/labels.npy"]
        );
        let wide: Vec<String> = (0..300).map(|i| format!("/data/train/n{i}/x.png")).collect();
        assert_eq!(folded(wide.iter().map(String::as_str).collect()), ["/data/train/ (300 files)"]);
    }
}
