//! What of a plan is kept for the next one to be compared with: the cells of each call together, what they have in common said once.

use super::constants::Constants;
use super::facts::Policy;
use super::graph::{Cell, CellId, Entry, Graph};
use crate::base::{Hash, Hasher, Name, Span};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The version of the form in which records are written.
const FORMAT: u64 = 3;

/// A plan as it is recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// Root seed.
    pub seed: u64,
    /// All settings that cells have, each once: canonical JSON.
    pub settings: Vec<Json>,
    /// Files read: path, hash.
    pub files: Vec<(String, String)>,
    /// Axes: name, coordinates.
    pub axes: Vec<(String, Vec<String>)>,
    /// Cells by the calls that made them.
    pub groups: Vec<Group>,
    /// What is known before the run.
    pub constants: Constants,
}

/// The cells that one call of a declaration made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// The declaration.
    pub label: String,
    /// The operation.
    pub op: String,
    /// Its version.
    pub version: u64,
    /// Whether results are not stored: then there is one mark for all cells together.
    pub inline: bool,
    /// The axes that the cells lie on, as numbers in the record, and the place of each cell.
    pub axes: Vec<usize>,
    pub at: Vec<usize>,
    /// The first eight bytes of each cell's key; of all keys together where results are not stored.
    pub keys: Vec<u64>,
    /// The settings of each cell, as numbers in the record; a single one where all have the same.
    pub settings: Vec<usize>,
    /// As `keys`, of random streams. Nothing where nothing is drawn.
    pub streams: Vec<u64>,
    /// Files read, as numbers in the record.
    pub files: Vec<usize>,
    /// Inputs.
    pub inputs: Vec<Input>,
}

/// An input of a group's cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Input {
    /// The parameter.
    pub slot: String,
    /// The groups whose cells are given.
    pub groups: Vec<usize>,
    /// How many values all cells together are given.
    pub count: usize,
    /// Mark of those values that are known before the run.
    pub constants: u64,
}

/// A recorded plan beside the plan itself.
#[derive(Debug)]
pub struct Recorded {
    /// The record.
    pub record: Record,
    /// The cells of each group.
    pub cells: Vec<Vec<CellId>>,
    /// The group of each cell.
    pub group: Vec<usize>,
}

impl Group {
    /// Returns the settings of the cell of that number.
    pub fn settings_of(&self, cell: usize) -> usize {
        self.settings.get(cell).or(self.settings.first()).copied().unwrap_or(0)
    }
}

/// Returns the record of a plan.
pub fn record(graph: &Graph) -> Recorded {
    let mut making = Making::default();
    making.record.seed = graph.seed;
    making.record.constants = Constants::of(graph);
    for (id, cell) in graph.cells.iter().enumerate() {
        making.take_in(id, cell);
    }
    let Making { mut record, cells, group, .. } = making;
    for (g, ids) in cells.iter().enumerate() {
        let own = &mut record.groups[g];
        own.inputs = inputs(graph, ids, &group);
        let keys = ids.iter().map(|id| graph.cells[*id].key);
        let streams = ids.iter().filter_map(|id| graph.cells[*id].stream);
        match own.inline {
            true => {
                own.keys = vec![all(keys)];
                own.streams = if graph.cells[ids[0]].stream.is_some() { vec![all(streams)] } else { Vec::new() };
            }
            false => {
                own.keys = keys.map(|k| mark(&k)).collect();
                own.streams = streams.map(|s| mark(&s)).collect();
            }
        }
        if own.settings.iter().all(|s| *s == own.settings[0]) {
            own.settings.truncate(1);
        }
    }
    Recorded { record, cells, group }
}

#[derive(Default)]
struct Making {
    record: Record,
    cells: Vec<Vec<CellId>>,
    group: Vec<usize>,
    by_call: BTreeMap<(String, String, u32, u32), usize>,
    settings: BTreeMap<String, usize>,
    addresses: BTreeMap<usize, usize>,
    axes: BTreeMap<usize, usize>,
    files: BTreeMap<String, usize>,
    /// The call of the last cell, and its group.
    last: Option<(Name, Name, Span, usize)>,
}

impl Making {
    fn take_in(&mut self, id: CellId, cell: &Cell) {
        let g = self.group_of(cell);
        let address = cell.settings.address();
        let settings = match self.addresses.get(&address) {
            Some(known) => *known,
            None => {
                let next = self.record.settings.len();
                let number = *self.settings.entry(cell.settings.canonical().to_string()).or_insert(next);
                if number == next {
                    self.record.settings.push(cell.settings.to_json());
                }
                self.addresses.insert(address, number);
                number
            }
        };
        for file in cell.files.iter().filter(|f| f.there()) {
            let next = self.record.files.len();
            let number = *self.files.entry(file.path.clone()).or_insert(next);
            if number == next {
                self.record.files.push((file.path.clone(), file.hash.to_string()));
            }
            if !self.record.groups[g].files.contains(&number) {
                self.record.groups[g].files.push(number);
            }
        }
        let group = &mut self.record.groups[g];
        group.settings.push(settings);
        group.at.push(cell.at.index());
        self.cells[g].push(id);
        self.group.push(g);
    }

    /// Returns the group of a cell. Cells of a call follow each other.
    fn group_of(&mut self, cell: &Cell) -> usize {
        if let Some((label, op, span, known)) = &self.last
            && *span == cell.span
            && *op == cell.op
            && *label == cell.label
        {
            return *known;
        }
        let number = self.group_by_call(cell);
        self.last = Some((cell.label.clone(), cell.op.clone(), cell.span, number));
        number
    }

    fn group_by_call(&mut self, cell: &Cell) -> usize {
        let key = (cell.label.to_string(), cell.op.to_string(), cell.span.start, cell.span.end);
        if let Some(known) = self.by_call.get(&key) {
            return *known;
        }
        let axes = cell
            .at
            .space()
            .iter()
            .map(|(name, coordinates)| {
                let next = self.record.axes.len();
                let number = *self.axes.entry(Arc::as_ptr(coordinates).cast::<u8>() as usize).or_insert(next);
                if number == next {
                    self.record.axes.push((name.to_string(), coordinates.iter().map(|c| c.to_string()).collect()));
                }
                number
            })
            .collect();
        let number = self.record.groups.len();
        self.record.groups.push(Group {
            label: key.0.clone(),
            op: key.1.clone(),
            version: cell.version.into(),
            inline: cell.policy == Policy::Inline,
            axes,
            ..Group::default()
        });
        self.cells.push(Vec::new());
        self.by_call.insert(key, number);
        number
    }
}

/// Returns what the cells of a group are given, by parameter.
fn inputs(graph: &Graph, ids: &[CellId], group: &[usize]) -> Vec<Input> {
    let mut out: Vec<(Input, Hasher)> = Vec::new();
    for (number, id) in ids.iter().enumerate() {
        for (slot, given) in graph.cells[*id].inputs.iter() {
            let at = out.iter().position(|(i, _)| *slot == i.slot).unwrap_or_else(|| {
                out.push((Input { slot: slot.to_string(), ..Input::default() }, Hasher::new("cfx.record.constants")));
                out.len() - 1
            });
            let (input, constants) = &mut out[at];
            input.count += given.entries.len();
            for entry in given.entries {
                match entry {
                    Entry::Cell(of) => {
                        let g = group[*of];
                        if input.groups.last() != Some(&g) && !input.groups.contains(&g) {
                            input.groups.push(g);
                        }
                    }
                    Entry::Number(x) => {
                        constants.int(number as u64).int(x.to_bits());
                    }
                    Entry::Truth(b) => {
                        constants.int(number as u64).int(u64::from(*b));
                    }
                    Entry::Word(w) => {
                        constants.int(number as u64).text(w);
                    }
                    Entry::Absent(_) => {
                        constants.int(number as u64).text("absent");
                    }
                }
            }
        }
    }
    out.into_iter().map(|(input, constants)| Input { constants: mark(&constants.finish()), ..input }).collect()
}

/// Returns the first eight bytes of a hash: enough to tell cells of a script apart.
pub fn mark(hash: &Hash) -> u64 {
    hash.0.iter().take(8).fold(0, |n, b| n << 8 | u64::from(*b))
}

/// Returns the mark of several hashes together.
fn all(hashes: impl Iterator<Item = Hash>) -> u64 {
    let mut h = Hasher::new("cfx.record.all");
    for hash in hashes {
        h.hash(&hash);
    }
    mark(&h.finish())
}

impl Record {
    /// Returns the record as it is written.
    pub fn to_json(&self) -> Json {
        let marks = |marks: &[u64]| marks.iter().map(|m| format!("{m:016x}")).collect::<String>();
        let groups: Vec<Json> = self
            .groups
            .iter()
            .map(|g| {
                let whole = g.at.iter().enumerate().all(|(i, at)| i == *at);
                let inputs: Vec<Json> =
                    g.inputs.iter().map(|i| json!([i.slot, i.groups, i.count, format!("{:016x}", i.constants)])).collect();
                json!([
                    g.label,
                    g.op,
                    g.version,
                    g.inline,
                    g.axes,
                    if whole { json!(g.at.len()) } else { json!(g.at) },
                    marks(&g.keys),
                    g.settings,
                    marks(&g.streams),
                    g.files,
                    inputs,
                ])
            })
            .collect();
        json!({
            "format": FORMAT,
            "seed": self.seed,
            "settings": self.settings,
            "files": self.files,
            "axes": self.axes,
            "groups": groups,
            "constants": self.constants.to_json(),
        })
    }

    /// Returns the record that was written; `None` if it is of another form.
    pub fn from_json(json: &Json) -> Option<Record> {
        if json["format"].as_u64() != Some(FORMAT) {
            return None;
        }
        let numbers = |j: &Json| -> Option<Vec<usize>> { j.as_array()?.iter().map(|n| Some(n.as_u64()? as usize)).collect() };
        let one = |text: &str| u64::from_str_radix(text, 16).ok();
        let marks = |j: &Json| -> Option<Vec<u64>> {
            j.as_str()?.as_bytes().chunks(16).map(|c| one(std::str::from_utf8(c).ok()?)).collect()
        };
        let text = |j: &Json| j.as_str().map(str::to_string);
        let input = |j: &Json| {
            Some(Input {
                slot: text(&j[0])?,
                groups: numbers(&j[1])?,
                count: j[2].as_u64()? as usize,
                constants: one(j[3].as_str()?)?,
            })
        };
        let group = |j: &Json| {
            Some(Group {
                label: text(&j[0])?,
                op: text(&j[1])?,
                version: j[2].as_u64()?,
                inline: j[3].as_bool()?,
                axes: numbers(&j[4])?,
                at: j[5].as_u64().map(|n| (0..n as usize).collect()).or_else(|| numbers(&j[5]))?,
                keys: marks(&j[6])?,
                settings: numbers(&j[7])?,
                streams: marks(&j[8])?,
                files: numbers(&j[9])?,
                inputs: j[10].as_array()?.iter().map(input).collect::<Option<_>>()?,
            })
        };
        let pair = |j: &Json| Some((text(&j[0])?, text(&j[1])?));
        let axis = |j: &Json| Some((text(&j[0])?, j[1].as_array()?.iter().map(text).collect::<Option<Vec<_>>>()?));
        Some(Record {
            seed: json["seed"].as_u64()?,
            settings: json["settings"].as_array()?.clone(),
            files: json["files"].as_array()?.iter().map(pair).collect::<Option<_>>()?,
            axes: json["axes"].as_array()?.iter().map(axis).collect::<Option<_>>()?,
            groups: json["groups"].as_array()?.iter().map(group).collect::<Option<_>>()?,
            constants: Constants::from_json(&json["constants"])?,
        })
    }

    /// Returns the coordinates of a group's cell, outermost axis first.
    pub fn coordinates(&self, group: &Group, cell: usize) -> Vec<&str> {
        let mut rest = group.at.get(cell).copied().unwrap_or(0);
        let mut out: Vec<&str> = group
            .axes
            .iter()
            .rev()
            .filter_map(|a| self.axes.get(*a))
            .map(|(_, coordinates)| {
                let n = coordinates.len().max(1);
                let here = coordinates.get(rest % n).map_or("", String::as_str);
                rest /= n;
                here
            })
            .collect();
        out.reverse();
        out
    }
}
