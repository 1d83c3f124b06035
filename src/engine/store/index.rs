//! What is known of cells: lines in append-only logs, each with a checksum; the latest line on a key counts.

use crate::base::Hash;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// What is known of a cell that has been computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Content hash of its result.
    pub hash: Hash,
    /// The operation.
    pub op: String,
    /// What the cell was called when it was computed.
    pub title: String,
    /// Size of the artifact in bytes.
    pub bytes: u64,
    /// The device kind it was computed on.
    pub device: String,
    /// Seconds it took.
    pub seconds: f64,
    /// Bytes of memory at the peak, where it was seen.
    pub memory: Option<u64>,
    /// The reason, where the result is absent.
    pub absent: Option<String>,
    /// Hash of the cell without its inputs.
    pub form: Option<Hash>,
    /// When, in milliseconds since 1970.
    pub created: u64,
    /// Where the artifact lies; nothing where only its hash is kept.
    pub place: Option<Place>,
}

/// Where an artifact lies.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// In a file of its own.
    File,
    /// In a pack: its name, and where it begins.
    Pack(String, u64),
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// A cell was computed.
    Cell { key: Hash, entry: Entry },
    /// A plan key and the content key that it came to.
    Same { plan: Hash, key: Hash, created: u64 },
    /// The artifact of a cell was let go.
    Gone { key: Hash, created: u64 },
}

impl Line {
    /// Returns the line as written: sixteen digits of the BLAKE3 hash of the rest, a space, JSON, a newline.
    pub fn to_text(&self) -> String {
        let json = match self {
            Line::Cell { key, entry: e } => {
                let place = match &e.place {
                    None => Json::Null,
                    Some(Place::File) => json!("file"),
                    Some(Place::Pack(name, at)) => json!([name, at]),
                };
                json!({
                    "line": "cell", "key": key.to_string(), "hash": e.hash.to_string(), "op": e.op, "title": e.title, "bytes": e.bytes,
                    "device": e.device, "seconds": e.seconds, "memory": e.memory, "absent": e.absent,
                    "form": e.form.map(|f| f.to_string()), "created": e.created, "place": place,
                })
            }
            Line::Same { plan, key, created } => {
                json!({ "line": "same", "plan": plan.to_string(), "key": key.to_string(), "created": created })
            }
            Line::Gone { key, created } => json!({ "line": "gone", "key": key.to_string(), "created": created }),
        };
        let text = json.to_string();
        format!("{} {text}\n", &Hash::of(text.as_bytes()).to_string()[..16])
    }

    /// Returns the line that a text (without its newline) holds, or nothing where it is damaged.
    pub fn from_text(text: &str) -> Option<Line> {
        let (check, text) = text.split_once(' ')?;
        if check != &Hash::of(text.as_bytes()).to_string()[..16] {
            return None;
        }
        let json: Json = serde_json::from_str(text).ok()?;
        let hash = |name: &str| json[name].as_str().and_then(Hash::parse);
        let created = json["created"].as_u64()?;
        let word = |name: &str| json[name].as_str().map(str::to_string);
        Some(match json["line"].as_str()? {
            "cell" => Line::Cell {
                key: hash("key")?,
                entry: Entry {
                    hash: hash("hash")?,
                    op: word("op")?,
                    title: word("title")?,
                    bytes: json["bytes"].as_u64()?,
                    device: word("device")?,
                    seconds: json["seconds"].as_f64().unwrap_or(0.0),
                    memory: json["memory"].as_u64(),
                    absent: word("absent"),
                    form: hash("form"),
                    created,
                    place: match &json["place"] {
                        Json::Null => None,
                        Json::String(_) => Some(Place::File),
                        pack => Some(Place::Pack(pack[0].as_str()?.to_string(), pack[1].as_u64()?)),
                    },
                },
            },
            "same" => Line::Same { plan: hash("plan")?, key: hash("key")?, created },
            "gone" => Line::Gone { key: hash("key")?, created },
            _ => return None,
        })
    }
}

/// All lines taken together.
#[derive(Debug, Default)]
pub struct Index {
    /// Cells by content key.
    pub entries: BTreeMap<Hash, Entry>,
    /// Content keys by plan key.
    pub aliases: BTreeMap<Hash, Hash>,
    /// Forms of the cells.
    pub forms: BTreeSet<Hash>,
    /// Where artifacts lie, with the number of cells that have them.
    pub places: BTreeMap<Hash, (Place, usize)>,
    /// Damaged lines met.
    pub damaged: usize,
    /// When the artifact of each cell was last let go: logs are read one after the other, and that may be read before the cell itself.
    gone: BTreeMap<Hash, u64>,
    /// When each alias was said.
    said: BTreeMap<Hash, u64>,
    /// Bytes read of each log.
    read: BTreeMap<String, u64>,
}

impl Index {
    /// Takes a line in; where one on the same key is there already, the later one counts.
    pub fn take_in(&mut self, line: Line) {
        match line {
            Line::Cell { key, mut entry } => {
                if self.entries.get(&key).is_some_and(|old| old.created > entry.created) {
                    return;
                }
                if self.gone.get(&key).is_some_and(|gone| entry.created <= *gone) {
                    entry.place = None;
                }
                self.forms.extend(entry.form);
                self.forget_place(&key);
                if let Some(place) = &entry.place {
                    let slot = self.places.entry(entry.hash).or_insert_with(|| (place.clone(), 0));
                    slot.0 = place.clone();
                    slot.1 += 1;
                }
                self.entries.insert(key, entry);
            }
            Line::Same { plan, key, created } => {
                if self.said.get(&plan).is_none_or(|old| *old <= created) {
                    self.aliases.insert(plan, key);
                    self.said.insert(plan, created);
                }
            }
            Line::Gone { key, created } => {
                let gone = self.gone.entry(key).or_default();
                *gone = created.max(*gone);
                if self.entries.get(&key).is_some_and(|e| e.created <= created) {
                    self.forget_place(&key);
                    if let Some(entry) = self.entries.get_mut(&key) {
                        entry.place = None;
                    }
                }
            }
        }
    }

    /// Returns a time for the next line on a content key: the present, but later than all lines until now, whatever the clock says.
    pub fn time_for(&self, key: &Hash) -> u64 {
        let said = self.entries.get(key).map(|e| e.created).max(self.gone.get(key).copied());
        super::now().max(said.map_or(0, |t| t + 1))
    }

    /// Returns a time for the next line on a plan key, as [`Index::time_for`].
    pub fn time_for_plan(&self, plan: &Hash) -> u64 {
        super::now().max(self.said.get(plan).map_or(0, |t| t + 1))
    }

    /// Returns all that is known as lines: what a log that replaces the others has to say.
    pub fn lines(&self) -> Vec<Line> {
        let cells = self.entries.iter().map(|(key, entry)| Line::Cell { key: *key, entry: entry.clone() });
        let same = self.aliases.iter().map(|(plan, key)| {
            let created = self.said.get(plan).copied().unwrap_or(0);
            Line::Same { plan: *plan, key: *key, created }
        });
        cells.chain(same).collect()
    }

    fn forget_place(&mut self, key: &Hash) {
        let Some(entry) = self.entries.get(key).filter(|e| e.place.is_some()) else { return };
        if let Some(slot) = self.places.get_mut(&entry.hash) {
            slot.1 -= 1;
            if slot.1 == 0 {
                self.places.remove(&entry.hash);
            }
        }
    }

    /// Reads what has been added to the logs of a folder since the last time, except to the log `own`.
    ///
    /// An unfinished line at the end of a log is left for the next time; a damaged one is counted and skipped.
    pub fn read_new(&mut self, folder: &Path, own: &str) {
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .map(|entries| entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect())
            .unwrap_or_default();
        names.retain(|n| n.ends_with(".log") && n != own);
        names.sort();
        for name in names {
            let start = self.read.get(&name).copied().unwrap_or(0);
            let path = folder.join(&name);
            if std::fs::metadata(&path).is_ok_and(|m| m.len() <= start) {
                continue;
            }
            let Ok(mut file) = std::fs::File::open(&path) else { continue };
            let mut bytes = Vec::new();
            if file.seek(SeekFrom::Start(start)).and_then(|_| file.read_to_end(&mut bytes)).is_err() {
                continue;
            }
            let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
            for line in bytes[..whole].split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
                match std::str::from_utf8(line).ok().and_then(Line::from_text) {
                    Some(line) => self.take_in(line),
                    None => self.damaged += 1,
                }
            }
            self.read.insert(name, start + whole as u64);
        }
    }
}
