//! Why cells would run: what differs from the plan of the last run, a line for each call, back to where it began.

use super::graph::{CellId, Declared, Entry, Graph};
use super::record::{Group, Record, Recorded, mark, record};
use crate::base::{SourceMap, Span};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// Returns, in sentences, what differs for a declaration between the record of the last run and this plan, and which of its results are
/// no longer kept and have to be made again. `runs` tells of a cell whether it would run. Nothing at all: the declaration does not exist.
///
/// Cells are compared by their keys, so that other names change nothing. What changed is told once for each call, with its place as
/// `file:line:column`.
pub fn why(
    graph: &Graph,
    declaration: &str,
    last: &Record,
    sources: &SourceMap,
    runs: &dyn Fn(CellId) -> bool,
) -> Option<Vec<String>> {
    let value = graph.values.iter().find(|v| v.name == declaration);
    let mut own: BTreeSet<CellId> = (0..graph.cells.len()).filter(|c| graph.cells[*c].label == declaration).collect();
    let results: BTreeSet<CellId> = value.iter().flat_map(|v| &v.entries).filter_map(cell).collect();
    own.extend(&results);
    if value.is_none() && own.is_empty() {
        return None;
    }
    let now = record(graph);
    let comparison = Comparison::new(graph, &now, last, sources);
    let changed: BTreeSet<CellId> = own.iter().copied().filter(|id| comparison.changed(*id)).collect();
    let mut lines: Vec<String> = value.iter().flat_map(|v| comparison.constants(v)).collect();
    let constant = !lines.is_empty();
    lines.extend(comparison.causes(&changed));
    // What is counted are the declaration's own cells, not those of calls inside it.
    let counted = if results.is_empty() { &own } else { &results };
    let same = counted.difference(&changed).count();
    if changed.is_empty() && !constant {
        lines.push(format!("`{declaration}` is as it was in the last run"));
    } else if same > 0 && !changed.is_empty() {
        lines.push(format!("{} of `{declaration}` {} as {} in the last run", cells(same), is(same), was(same)));
    }
    lines.extend(comparison.gone(&own, runs));
    Some(lines)
}

struct Comparison<'a> {
    graph: &'a Graph,
    now: &'a Recorded,
    last: &'a Record,
    sources: &'a SourceMap,
    /// Marks of all keys of the last plan.
    keys: BTreeSet<u64>,
    /// Whether a group that is not stored is as it was.
    same: Vec<bool>,
    /// What each group's cells are in words: those of a declaration, or of a call inside it.
    names: Vec<String>,
}

impl<'a> Comparison<'a> {
    fn new(graph: &'a Graph, now: &'a Recorded, last: &'a Record, sources: &'a SourceMap) -> Self {
        let keys: BTreeSet<u64> = last.groups.iter().flat_map(|g| g.keys.iter().copied()).collect();
        let same = now.record.groups.iter().map(|g| g.inline && g.keys.iter().all(|k| keys.contains(k))).collect();
        let results: BTreeSet<CellId> = graph.values.iter().flat_map(|v| &v.entries).filter_map(cell).collect();
        let named = |(group, cells): (&Group, &Vec<CellId>)| match cells.iter().any(|c| results.contains(c)) {
            true => format!("`{}`", group.label),
            false => format!("`{}` inside `{}`", group.op, group.label),
        };
        let names = now.record.groups.iter().zip(&now.cells).map(named).collect();
        Comparison { graph, now, last, sources, keys, same, names }
    }

    /// Returns whether a cell was not in the last plan.
    fn changed(&self, id: CellId) -> bool {
        let g = self.now.group[id];
        match self.now.record.groups[g].inline {
            true => !self.same[g],
            false => !self.keys.contains(&mark(&self.graph.cells[id].key)),
        }
    }

    /// Returns what differs of a declared value where it is known before the run, with where it comes from.
    fn constants(&self, declared: &Declared) -> Vec<String> {
        let (now, last) = (&self.now.record.constants, &self.last.constants);
        let own = now.differences(declared, last);
        if own.is_empty() {
            return Vec::new();
        }
        let place = self.place(declared.span);
        let mut out: Vec<String> = own.into_iter().map(|words| format!("{words}{place}")).collect();
        out.extend(now.overridden(declared, last));
        let named = now.named(declared, self.graph, last);
        out.extend(named.iter().map(|v| format!("`{}`, which it names, differs{}", v.name, self.place(v.span))));
        out
    }

    /// Returns what other numbers a group's cells are given, in words: the declared values and parameters that differ, where the
    /// declaration names any.
    fn other_numbers(&self, group: &Group) -> String {
        let (now, last) = (&self.now.record.constants, &self.last.constants);
        let Some(declared) = self.graph.values.iter().find(|v| v.name == group.label) else {
            return "is given other numbers".to_string();
        };
        let mut why: Vec<String> = now.named(declared, self.graph, last).iter().flat_map(|v| now.differences(v, last)).collect();
        why.extend(now.overridden(declared, last));
        if why.is_empty() { "is given other numbers".to_string() } else { format!("is given other numbers: {}", why.join("; ")) }
    }

    /// Returns what differs of these cells and of all that they are made from, the last cause first.
    fn causes(&self, changed: &BTreeSet<CellId>) -> Vec<String> {
        let mut seen: BTreeSet<CellId> = changed.clone();
        let mut open: Vec<CellId> = changed.iter().copied().collect();
        while let Some(id) = open.pop() {
            for input in self.graph.cells[id].takes() {
                if self.changed(input) && seen.insert(input) {
                    open.push(input);
                }
            }
        }
        let mut by_group: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for id in seen {
            let g = self.now.group[id];
            let number = self.now.cells[g].partition_point(|c| *c < id);
            by_group.entry(g).or_default().push(number);
        }
        let mut out = Vec::new();
        // Declarations follow those that they are made from: what a reader asks for comes first.
        for (g, numbers) in by_group.iter().rev() {
            let upstream = self.now.record.groups[*g].inputs.iter().flat_map(|i| &i.groups).any(|i| by_group.contains_key(i));
            out.extend(self.group(*g, numbers, upstream));
        }
        out
    }

    /// Returns what differs of some cells of a group, given whether something that they are made from does.
    fn group(&self, g: usize, numbers: &[usize], upstream: bool) -> Vec<String> {
        let group = &self.now.record.groups[g];
        let what = format!("{} of {}", cells(numbers.len()), self.names[g]);
        let span = self.graph.cells[self.now.cells[g][0]].span;
        let Some(before) = self.counterpart(group) else {
            return vec![format!("{what} {} new: `{}`{}", is(numbers.len()), group.op, self.place(span))];
        };
        let mut out = Vec::new();
        if before.version != group.version {
            out.push(format!("{what}: the operation `{}` has a new version ({} → {})", group.op, before.version, group.version));
        }
        let (pairs, added) = self.paired(group, before, numbers);
        if !added.is_empty() && added.len() < group.at.len() {
            let first = self.now.record.coordinates(group, added[0]).join(", ");
            let more = if added.len() > 1 { " and others" } else { "" };
            out.push(format!(
                "{} of {} {} at coordinates that are new: [{first}]{more}{}",
                cells(added.len()),
                self.names[g],
                is(added.len()),
                self.place(span)
            ));
        }
        out.extend(self.settings(g, before, &pairs));
        out.extend(self.files(group, before).into_iter().map(|words| format!("{what}: {words}{}", self.place(span))));
        out.extend(self.streams(group, before, &pairs).map(|words| format!("{what}: {words}{}", self.place(span))));
        for input in &group.inputs {
            let words = match before.inputs.iter().find(|i| i.slot == input.slot) {
                None => "is new".to_string(),
                Some(old) if old.constants != input.constants => self.other_numbers(group),
                Some(old) if old.count != input.count && before.at.len() == group.at.len() => {
                    format!("is given {} values where it had {}", input.count, old.count)
                }
                _ => continue,
            };
            out.push(format!("{what}: the input `{}` {words}{}", input.slot, self.place(span)));
        }
        let removed = before.inputs.iter().filter(|i| group.inputs.iter().all(|n| n.slot != i.slot));
        out.extend(removed.map(|i| format!("{what}: the input `{}` is no longer given{}", i.slot, self.place(span))));
        if out.is_empty() && !upstream {
            out.push(format!("{what}: {} made from other results than in the last run{}", is(numbers.len()), self.place(span)));
        }
        out
    }

    /// Returns the group of the last plan that became this one: that of the same name and operation, or one of the same operation whose
    /// name is there no more. Of several, the one that agrees in most.
    fn counterpart(&self, group: &Group) -> Option<&'a Group> {
        let names: BTreeSet<&str> = self.now.record.groups.iter().map(|g| g.label.as_str()).collect();
        let alike = |old: &&Group| old.label == group.label || !names.contains(old.label.as_str());
        let candidates = self.last.groups.iter().filter(|old| old.op == group.op).filter(alike);
        candidates.max_by_key(|old| {
            let settings = self.last.settings.get(old.settings_of(0)) == self.now.record.settings.get(group.settings_of(0));
            let slots = old.inputs.len() == group.inputs.len();
            let places = old.at.len() == group.at.len();
            (old.label == group.label, settings, slots, places)
        })
    }

    /// Returns the cells that have a counterpart at the same coordinates, with it, and those that have none. Coordinates are compared as
    /// written, whatever their axes are called.
    fn paired(&self, group: &Group, before: &Group, numbers: &[usize]) -> (Vec<(usize, usize)>, Vec<usize>) {
        let old: BTreeMap<Vec<&str>, usize> = (0..before.at.len()).map(|i| (self.last.coordinates(before, i), i)).collect();
        let (mut pairs, mut added) = (Vec::new(), Vec::new());
        for number in numbers {
            match old.get(&self.now.record.coordinates(group, *number)) {
                Some(other) => pairs.push((*number, *other)),
                None => added.push(*number),
            }
        }
        (pairs, added)
    }

    /// Returns the settings that differ, with how many cells each concerns.
    fn settings(&self, g: usize, before: &Group, pairs: &[(usize, usize)]) -> Vec<String> {
        let group = &self.now.record.groups[g];
        let mut alike: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        pairs.iter().for_each(|(n, o)| *alike.entry((group.settings_of(*n), before.settings_of(*o))).or_insert(0) += 1);
        let mut found: BTreeMap<(String, String, String), usize> = BTreeMap::new();
        for ((new, old), count) in alike {
            let (Some(a), Some(b)) = (self.last.settings.get(old), self.now.record.settings.get(new)) else { continue };
            let names: BTreeSet<&String> = a.as_object().into_iter().chain(b.as_object()).flat_map(|o| o.keys()).collect();
            for name in names.into_iter().filter(|n| a[n.as_str()] != b[n.as_str()]) {
                *found.entry((name.clone(), said(a.get(name)), said(b.get(name)))).or_insert(0) += count;
            }
        }
        let cell = &self.graph.cells[self.now.cells[g][0]];
        let mut fields: BTreeMap<&str, Vec<(&str, &str, usize)>> = BTreeMap::new();
        found.iter().for_each(|((name, a, b), n)| fields.entry(name).or_default().push((a, b, *n)));
        let mut out = Vec::new();
        for (name, ways) in fields {
            let span = cell.places.iter().find(|(n, _)| n == name).map_or(cell.span, |(_, s)| *s);
            let here = self.place(span);
            let total: usize = ways.iter().map(|w| w.2).sum();
            let words = match (name, ways.as_slice()) {
                ("network", _) => "its network is another one".to_string(),
                (_, [(a, b, _)]) => format!("`{name}` was {a} and is {b}"),
                (_, [(a, b, _), ..]) => format!("`{name}` was {a} and is {b}, others likewise"),
                (_, []) => continue,
            };
            out.push(format!("{} of {}: {words}{here}", cells(total), self.names[g]));
        }
        out
    }

    fn files(&self, group: &Group, before: &Group) -> Vec<String> {
        let old: BTreeMap<&str, &str> =
            before.files.iter().filter_map(|f| self.last.files.get(*f)).map(|(p, h)| (p.as_str(), h.as_str())).collect();
        let words = |(path, hash): &(String, String)| match old.get(path.as_str()) {
            Some(h) if h == hash => None,
            Some(_) => Some(format!("the file {path} has other contents")),
            None => Some(format!("it reads {path}")),
        };
        group.files.iter().filter_map(|f| self.now.record.files.get(*f)).filter_map(words).collect()
    }

    fn streams(&self, group: &Group, before: &Group, pairs: &[(usize, usize)]) -> Option<String> {
        let differs = |(n, o): &(usize, usize)| group.streams.get(*n) != before.streams.get(*o);
        let differ = match group.inline {
            true => group.streams != before.streams,
            false => pairs.iter().any(differs),
        };
        differ.then(|| match self.last.seed == self.now.record.seed {
            true => "what is drawn differs: `seed:` or a coordinate is written otherwise".to_string(),
            false => format!("the root seed was {} and is {}", self.last.seed, self.now.record.seed),
        })
    }

    /// Returns which results that were there in the last run are gone, among those that these cells are made from, and are made again.
    fn gone(&self, own: &BTreeSet<CellId>, runs: &dyn Fn(CellId) -> bool) -> Vec<String> {
        let mut seen = own.clone();
        let mut open: Vec<CellId> = own.iter().copied().collect();
        while let Some(id) = open.pop() {
            self.graph.cells[id].takes().for_each(|input| {
                if seen.insert(input) {
                    open.push(input);
                }
            });
        }
        let mut again: BTreeMap<usize, usize> = BTreeMap::new();
        for id in seen.into_iter().filter(|id| runs(*id) && !self.changed(*id)) {
            *again.entry(self.now.group[id]).or_insert(0) += 1;
        }
        let line = |(g, count): (usize, usize)| {
            let kept = match self.graph.cells[self.now.cells[g][0]].policy {
                super::facts::Policy::Transient => "were let go after their last use",
                _ => "are not in the store",
            };
            format!("{} of {} {kept} and {} made again", cells(count), self.names[g], is(count))
        };
        again.into_iter().map(line).collect()
    }

    fn place(&self, span: Span) -> String {
        self.sources.place(span).map_or(String::new(), |(f, l, c)| format!(" ({f}:{l}:{c})"))
    }
}

fn cell(entry: &Entry) -> Option<CellId> {
    if let Entry::Cell(id) = entry { Some(*id) } else { None }
}

fn cells(count: usize) -> String {
    if count == 1 { "1 cell".to_string() } else { format!("{count} cells") }
}

fn is(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

fn was(count: usize) -> &'static str {
    if count == 1 { "it was" } else { "they were" }
}

/// Returns a setting, given in canonical JSON, as it is written in a script.
fn said(value: Option<&Json>) -> String {
    let text = match value {
        None => "not given".to_string(),
        Some(value) => written(value),
    };
    if text.chars().count() > 120 { format!("{}…", text.chars().take(120).collect::<String>()) } else { text }
}

fn written(value: &Json) -> String {
    let fields = |list: &Json, omit: bool| -> Vec<String> {
        let field = |f: &Json| {
            let name = f[0].as_str().unwrap_or_default();
            (!(omit && f[1].is_null())).then(|| format!("{name}: {}", written(&f[1])))
        };
        list.as_array().into_iter().flatten().filter_map(field).collect()
    };
    match value {
        Json::Null => "none".to_string(),
        Json::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        Json::Object(o) => {
            if let Some(word) = o.get("word").or_else(|| o.get("input")) {
                return word.as_str().unwrap_or_default().to_string();
            }
            if let Some(name) = o.get("make") {
                let (name, with) = (name.as_str().unwrap_or_default(), fields(&o["with"], true));
                // A coordinate is called by its name.
                let own = o["with"].as_array().into_iter().flatten().find(|f| f[0] == "name");
                return match (name, own) {
                    ("at" | "axis", Some(field)) => field[1].as_str().unwrap_or_default().to_string(),
                    _ if with.is_empty() => name.to_string(),
                    _ => format!("{name}({})", with.join(", ")),
                };
            }
            if let Some(map) = o.get("map") {
                return format!("{{ {} }}", fields(map, false).join(", "));
            }
            if let Some(affine) = o.get("affine") {
                return format!("{} * {} + {}", affine[0], affine[1].as_str().unwrap_or_default(), affine[2]);
            }
            "another network".to_string()
        }
        other => other.to_string(),
    }
}
