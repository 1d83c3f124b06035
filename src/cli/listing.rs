//! `cfx plan`: what a run would do, written as a table.

use crate::api::{Expected, expected};
use crate::base::size::bytes;
use crate::base::text::on_a_line;
use crate::base::time::duration;
use crate::engine::{RunOutcome, Standing, Status};
use crate::plan::estimate::{Together, together};
use crate::plan::graph::{CellId, Entry, Graph, WITH_ITSELF};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Returns the cells of a plan that are to run.
pub fn to_run(standings: &[Standing]) -> Vec<usize> {
    (0..standings.len()).filter(|c| matches!(standings[*c], Standing::Run | Standing::Undecided)).collect()
}

/// Returns the plan as a table: declarations with their axes and cells, how many are kept in the store, how many are to run and what these are
/// expected to take.
pub fn listing(graph: &Graph, standings: &[Standing], cost: &Together, threads: usize) -> String {
    let mut out = String::new();
    let _ =
        writeln!(out, "{:<34} {:<22} {:>7} {:>7} {:>7} {:>9}  axes", "declaration", "kind", "cells", "kept", "to run", "time");
    for line in expected(graph, standings) {
        let _ = writeln!(out, "{}", row(&line).trim_end());
    }
    let run = to_run(standings);
    let undecided = standings.iter().filter(|s| **s == Standing::Undecided).count();
    let cached = standings.iter().filter(|s| **s == Standing::Cached).count();
    let inline = standings.iter().filter(|s| **s == Standing::Inline).count();
    // Weights that go after their last use, and checkpoints, are worth a word where they are more than what stays.
    let peak =
        if cost.most_disk > 1.1 * cost.disk + 1e6 { format!(", {} at the peak", bytes(cost.most_disk)) } else { String::new() };
    let _ = writeln!(out);
    let _ = writeln!(
        out,
        "{} {}: {cached} in the store, {} to run{}{}",
        cached + run.len(),
        if cached + run.len() == 1 { "cell" } else { "cells" },
        run.len(),
        if undecided > 0 { format!(" ({undecided} undecided until their inputs are known)") } else { String::new() },
        if inline > 0 { format!("; {inline} views and sums beside them, which are not kept") } else { String::new() }
    );
    let bounded = run.iter().any(|c| graph.cells[*c].at_most);
    let _ = writeln!(
        out,
        "{} {} of one core ({} on {threads} threads), {} of memory at the peak, {} on disk{peak}",
        if bounded { "at most about" } else { "about" },
        duration(cost.seconds),
        duration(cost.seconds / threads as f64),
        bytes(cost.memory),
        bytes(cost.disk)
    );
    if bounded {
        let _ = writeln!(out, "≤ counts the whole `budget` of passes; densities whose chains settle sooner take less");
    }
    let files: BTreeSet<&str> =
        graph.cells.iter().flat_map(|c| c.files.iter().filter(|f| f.there() && !f.folder).map(|f| f.path.as_str())).collect();
    if !files.is_empty() {
        let _ = writeln!(out, "reads:");
        for line in folded(files) {
            let _ = writeln!(out, "  {}", on_a_line(&line));
        }
    }
    let sets = data_sets(graph);
    if !sets.is_empty() {
        let _ = writeln!(out, "data sets:");
        for line in sets {
            let _ = writeln!(out, "  {}", on_a_line(&line));
        }
    }
    if let Some(lines) = absences(graph, |_| None) {
        let _ = writeln!(out, "{lines}");
    }
    out
}

/// Returns the line of a declaration.
fn row(of: &Expected) -> String {
    // Views and sums are neither kept nor run by themselves.
    let number = |n: usize| if of.cells == 0 { "-".to_string() } else { n.to_string() };
    let time = if of.to_run == 0 {
        "-".to_string()
    } else {
        format!("{}{}", if of.at_most { "≤ " } else { "" }, duration(of.seconds))
    };
    let spared = match of.spared {
        0 => String::new(),
        n if n == of.cells => "not needed: the results made from it are kept".to_string(),
        n => format!("{n} not needed: the results made from them are kept"),
    };
    let axes: Vec<String> = of.axes.iter().map(|(name, count)| format!("{name}({count})")).collect();
    let absent = if of.absent > 0 { format!(", {} absent", of.absent) } else { String::new() };
    let axes = format!("{}{absent}", axes.join(" × "));
    let tail = [axes, spared].into_iter().filter(|t| !t.is_empty()).collect::<Vec<_>>().join("; ");
    let (kept, run, entries) = (number(of.kept), number(of.to_run), of.entries);
    format!("{:<34} {:<22} {entries:>7} {kept:>7} {run:>7} {time:>9}  {tail}", cut(&of.name, 34), cut(&of.kind, 22))
}

/// Most classes of a data set that are listed.
const MOST_CLASSES: usize = 12;

/// Returns a line for each data set that is read from files: its splits, and its classes in their order, with their numbers of examples.
fn data_sets(graph: &Graph) -> Vec<String> {
    let read = graph.cells.iter().filter(|c| c.takes().next().is_none() && !c.files.is_empty() && !c.facts.splits.is_empty());
    let mut out: Vec<String> = Vec::new();
    for cell in read {
        let facts = &cell.facts;
        let parts: Vec<String> = facts.splits.iter().map(|s| format!("{} {}", s.name, grouped(s.rows))).collect();
        let mut line = format!("{}: {}", cell.label, parts.join(", "));
        // The classes of words are a vocabulary.
        if let Some(classes) = facts.classes.as_ref().filter(|_| facts.labels_each.is_none()) {
            let each = |(i, name): (usize, &String)| match facts.class_sizes.as_ref().and_then(|s| s.get(i)) {
                Some(size) => format!("{name} ({})", grouped(*size)),
                None => name.clone(),
            };
            let shown: Vec<String> = classes.iter().enumerate().take(MOST_CLASSES).map(each).collect();
            let more = if classes.len() > MOST_CLASSES { ", ..." } else { "" };
            let order = if facts.natural { " in natural order" } else { "" };
            let _ = write!(line, "; {} classes{order}: {}{more}", classes.len(), shown.join(", "));
        }
        if !out.contains(&line) {
            out.push(line);
        }
    }
    out
}

/// Returns a number with commas between thousands.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let parts: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|c| std::str::from_utf8(c).ok()).collect();
    parts.join(",")
}

/// Returns what the cells that ran took beside what was expected of them; `None` if none ran for long enough to tell.
pub fn compared(graph: &Graph, outcome: &RunOutcome) -> Option<String> {
    let ran: Vec<usize> = (0..graph.cells.len()).filter(|i| outcome.cells[*i].status == Status::Computed).collect();
    let seconds: f64 = ran.iter().map(|i| outcome.cells[*i].seconds).sum();
    if seconds < 1.0 {
        return None;
    }
    let expected = together(graph, &ran, outcome.threads);
    let memory = match outcome.peak_memory {
        Some(peak) => format!("; {} of memory at the peak, {} estimated", bytes(peak as f64), bytes(expected.memory)),
        None => String::new(),
    };
    Some(format!("cells took {}, {} estimated{memory}", duration(seconds), duration(expected.seconds)))
}

/// Most reasons of absences that are told.
const REASONS: usize = 8;

/// Returns which results are absent and why, a line for each reason; `None` if all are there. `why` tells of a cell why it is absent.
/// The diagonal of pairs is no absence worth a word.
pub fn absences(graph: &Graph, why: impl Fn(CellId) -> Option<String>) -> Option<String> {
    let mut reasons: Vec<(String, Vec<String>, usize)> = Vec::new();
    for value in &graph.values {
        for (i, entry) in value.entries.iter().enumerate() {
            let reason = match entry {
                Entry::Cell(id) => why(*id),
                Entry::Absent(reason) if reason != WITH_ITSELF => Some(reason.to_string()),
                _ => None,
            };
            let Some(reason) = reason else { continue };
            let full = reasons.len() > REASONS;
            match reasons.iter_mut().find(|(r, ..)| *r == reason) {
                Some((_, places, more)) if places.len() == 3 => *more += 1,
                Some((_, places, _)) => places.push(value.place(i)),
                None if full => {}
                None => reasons.push((reason, vec![value.place(i)], 0)),
            }
        }
    }
    let line = |(reason, places, more): &(String, Vec<String>, usize)| {
        let more = if *more > 0 { format!(" and {more} more") } else { String::new() };
        format!("absent: {}{more}: {reason}", places.join(", "))
    };
    let mut lines: Vec<String> = reasons.iter().take(REASONS).map(line).collect();
    if reasons.len() > REASONS {
        lines.push("others are absent for other reasons; the report lists them".to_string());
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
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
