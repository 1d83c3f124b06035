//! What is known of cells: all lines of all logs taken together, the latest line on a key counting. A million cells take some 250 MB: what
//! is the same for many is held once, and tables hold numbers of cells, not keys.

use super::disk::Disk;
use super::line::{Entry, Line, Place, Read};
use super::spare::Spare;
use crate::base::{ByHash, Hash, Name};
use crate::plan::seen;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Bytes of a log that are read at one time.
const CHUNK: usize = 1 << 20;

/// What is known of a cell, as it is held: see [`Entry`].
#[derive(Debug)]
struct Record {
    key: Hash,
    hash: Hash,
    bytes: u64,
    seconds: f64,
    /// Bytes at the peak and one more; 0 where that was not seen.
    memory: u64,
    form: u64,
    created: u64,
    /// Where the artifact begins in its pack.
    start: u64,
    /// Where the title begins among all titles, and its length.
    title: (u32, u32),
    /// Number of the operation, device and reason of absence among those met.
    words: u32,
    /// Number of the pack among those met, or one of the two below.
    pack: u32,
}

/// Instead of a pack's number: the artifact is not kept; it has a file of its own.
const NOWHERE: u32 = u32::MAX;
const FILE: u32 = u32::MAX - 1;

/// What is known of a cell, without what only people read.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Content hash of its result.
    pub hash: Hash,
    /// Size of the artifact in bytes.
    pub bytes: u64,
    /// Seconds it took.
    pub seconds: f64,
    /// Bytes of memory at the peak, where it was seen.
    pub memory: Option<u64>,
    /// The device kind it was computed on.
    pub device: Name,
    /// The reason, where the result is absent.
    pub absent: Option<Name>,
    /// Where the artifact lies; `None` if only its hash is kept.
    pub spot: Option<Spot>,
    /// Which store has it: 0 the one that was asked, and from 1 on those beside it.
    pub of: usize,
}

/// Where an artifact lies, as [`Place`], in little room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    /// In a file of its own.
    File,
    /// In the pack of that number among those that the index knows, and where it begins.
    Pack(u32, u64),
}

/// A plan key and the content key that it came to.
#[derive(Debug)]
struct Alias {
    plan: Hash,
    key: Hash,
    created: u64,
}

/// Texts met, each held once.
#[derive(Debug, Default)]
struct Names<T> {
    all: Vec<T>,
    numbers: BTreeMap<T, u32>,
}

impl<T: Ord + Clone> Names<T> {
    fn number(&mut self, name: T) -> u32 {
        if let Some(known) = self.numbers.get(&name) {
            return *known;
        }
        let number = self.all.len() as u32;
        self.all.push(name.clone());
        self.numbers.insert(name, number);
        number
    }
}

/// Operation, device, and the reason of absence.
type Words = (Name, Name, Option<Name>);

/// All lines taken together.
#[derive(Debug, Default)]
pub struct Index {
    records: Vec<Record>,
    by_key: ByHash,
    /// Records by content hash: of each the first one met.
    by_content: ByHash,
    /// All titles, end to end.
    titles: String,
    words: Names<Words>,
    packs: Names<String>,
    aliases: Vec<Alias>,
    by_plan: ByHash,
    /// First bytes of the forms of the cells.
    forms: BTreeSet<u64>,
    /// How many cells have the artifact of that content in a file of its own.
    files: BTreeMap<Hash, usize>,
    /// When the artifact of each cell was last let go: logs are read one after the other, and that may be read before the cell itself.
    gone: BTreeMap<Hash, u64>,
    /// When each spare artifact was last used; of use only where the cell is there and was not made again later.
    spare: BTreeMap<Hash, u64>,
    /// Damaged lines met.
    pub damaged: usize,
    /// Bytes read of each log.
    read: BTreeMap<String, u64>,
}

impl Index {
    /// Takes a line in; where one on the same key is there already, the later one counts.
    pub fn take_in(&mut self, line: Line) {
        match line {
            Line::Cell { key, entry } => self.take_in_cell(key, entry),
            Line::Same { plan, key, created } => match self.by_plan.get(&plan, |n| &self.aliases[n].plan) {
                Some(n) if self.aliases[n].created > created => {}
                Some(n) => self.aliases[n] = Alias { plan, key, created },
                None => {
                    self.by_plan.insert(&plan, self.aliases.len(), |n| &self.aliases[n].plan);
                    self.aliases.push(Alias { plan, key, created });
                }
            },
            Line::Gone { key, created } => {
                let gone = self.gone.entry(key).or_default();
                *gone = created.max(*gone);
                if let Some(n) = self.number(&key).filter(|n| self.records[*n].created <= created) {
                    self.forget_place(n);
                }
            }
            Line::Spare { key, created } => {
                let used = self.spare.entry(key).or_default();
                *used = created.max(*used);
            }
        }
    }

    fn take_in_cell(&mut self, key: Hash, entry: Entry) {
        let there = self.number(&key);
        if there.is_some_and(|n| self.records[n].created > entry.created) {
            return;
        }
        let (mut pack, mut start) = match entry.place {
            None => (NOWHERE, 0),
            Some(Place::File) => (FILE, 0),
            Some(Place::Pack(name, start)) => (self.packs.number(name), start),
        };
        if self.gone.get(&key).is_some_and(|gone| entry.created <= *gone) {
            (pack, start) = (NOWHERE, 0);
        }
        if entry.form != 0 {
            self.forms.insert(entry.form);
        }
        let begins = self.titles.len() as u32;
        self.titles.push_str(&entry.title);
        let record = Record {
            key,
            hash: entry.hash,
            bytes: entry.bytes,
            seconds: entry.seconds,
            memory: entry.memory.map_or(0, |m| m.saturating_add(1)),
            form: entry.form,
            created: entry.created,
            start,
            title: (begins, self.titles.len() as u32 - begins),
            words: self.words.number((entry.op.into(), entry.device.into(), entry.absent.map(Name::from))),
            pack,
        };
        let n = there.unwrap_or(self.records.len());
        match there {
            Some(n) => {
                self.forget_place(n);
                self.records[n] = record;
            }
            None => {
                self.by_key.insert(&key, n, |n| &self.records[n].key);
                self.records.push(record);
            }
        }
        if pack == FILE {
            *self.files.entry(entry.hash).or_insert(0) += 1;
        }
        if self.by_content.get(&entry.hash, |n| &self.records[n].hash).is_none() {
            self.by_content.insert(&entry.hash, n, |n| &self.records[n].hash);
        }
    }

    fn number(&self, key: &Hash) -> Option<usize> {
        self.by_key.get(key, |n| &self.records[n].key)
    }

    /// Takes down that the artifact of a cell is not kept.
    fn forget_place(&mut self, n: usize) {
        let record = &mut self.records[n];
        if std::mem::replace(&mut record.pack, NOWHERE) == FILE
            && let Some(count) = self.files.get_mut(&record.hash)
        {
            *count -= 1;
            if *count == 0 {
                self.files.remove(&record.hash);
            }
        }
    }

    /// Returns the number of cells known.
    pub fn cells(&self) -> usize {
        self.records.len()
    }

    /// Returns what is known of a cell by its content key.
    pub fn known(&self, key: &Hash) -> Option<Known> {
        let r = &self.records[self.number(key)?];
        let (_, device, absent) = &self.words.all[r.words as usize];
        Some(Known {
            hash: r.hash,
            bytes: r.bytes,
            seconds: r.seconds,
            memory: r.memory.checked_sub(1),
            device: device.clone(),
            absent: absent.clone(),
            spot: r.spot(),
            of: 0,
        })
    }

    /// Returns all that is known of a cell by its content key.
    pub fn entry(&self, key: &Hash) -> Option<Entry> {
        Some(self.entry_of(&self.records[self.number(key)?]))
    }

    fn entry_of(&self, r: &Record) -> Entry {
        let (op, device, absent) = &self.words.all[r.words as usize];
        let (begins, length) = (r.title.0 as usize, r.title.1 as usize);
        Entry {
            hash: r.hash,
            op: op.to_string(),
            title: self.titles.get(begins..begins + length).unwrap_or_default().to_string(),
            bytes: r.bytes,
            device: device.to_string(),
            seconds: r.seconds,
            memory: r.memory.checked_sub(1),
            absent: absent.as_ref().map(Name::to_string),
            form: r.form,
            created: r.created,
            place: r.spot().map(|spot| match spot {
                Spot::File => Place::File,
                Spot::Pack(pack, start) => Place::Pack(self.packs.all[pack as usize].clone(), start),
            }),
        }
    }

    /// Returns everything known of cells, by content key, in the order in which it came to be known.
    pub fn entries(&self) -> impl Iterator<Item = (Hash, Entry)> {
        self.records.iter().map(|r| (r.key, self.entry_of(r)))
    }

    /// Returns all plan keys said to have come to a content key other than themselves: plan key, content key, when.
    pub fn aliases(&self) -> impl Iterator<Item = (Hash, Hash, u64)> {
        self.aliases.iter().map(|a| (a.plan, a.key, a.created))
    }

    /// Returns the content key that a plan key came to. Where nothing was said of it, a cell of that key is one without inputs: its two
    /// keys are made in the same way from the same.
    pub fn alias(&self, plan: &Hash) -> Option<Hash> {
        match self.by_plan.get(plan, |n| &self.aliases[n].plan) {
            Some(n) => Some(self.aliases[n].key),
            None => self.number(plan).map(|_| *plan),
        }
    }

    /// Returns whether a cell of this form, told by its first bytes, is known.
    pub fn knows_form(&self, form: u64) -> bool {
        self.forms.contains(&form)
    }

    /// Returns where an artifact of this content lies.
    pub fn spot_of(&self, content: &Hash) -> Option<Spot> {
        if self.files.contains_key(content) {
            return Some(Spot::File);
        }
        let n = self.by_content.get(content, |n| &self.records[n].hash)?;
        self.records[n].spot()
    }

    /// Returns the name of a pack.
    pub fn pack(&self, number: u32) -> Option<&str> {
        self.packs.all.get(number as usize).map(String::as_str)
    }

    /// Returns where an artifact lies, in little room.
    pub fn spot(&mut self, place: &Place) -> Spot {
        match place {
            Place::File => Spot::File,
            Place::Pack(name, start) => Spot::Pack(self.packs.number(name.clone()), *start),
        }
    }

    /// Returns a time for the next line on a content key: the present, but later than all lines until now, whatever the clock says.
    pub fn time_for(&self, key: &Hash) -> u64 {
        let said =
            self.number(key).map(|n| self.records[n].created).max(self.gone.get(key).copied()).max(self.spare.get(key).copied());
        super::now().max(said.map_or(0, |t| t + 1))
    }

    /// Returns what is known of a spare artifact that is there.
    pub fn spare(&self, key: &Hash) -> Option<Spare> {
        let used = *self.spare.get(key)?;
        let r = &self.records[self.number(key)?];
        let there = r.pack != NOWHERE && r.created <= used;
        there.then_some(Spare { key: *key, seconds: r.seconds, used, bytes: r.bytes })
    }

    /// Returns the spare artifacts that are there.
    pub fn spares(&self) -> impl Iterator<Item = Spare> {
        self.spare.keys().filter_map(|key| self.spare(key))
    }

    /// Returns a time for the next line on a plan key, as [`Index::time_for`].
    pub fn time_for_plan(&self, plan: &Hash) -> u64 {
        let said = self.by_plan.get(plan, |n| &self.aliases[n].plan).map(|n| self.aliases[n].created);
        super::now().max(said.map_or(0, |t| t + 1))
    }

    /// Reads what has been added to the logs of a folder since the last time, except to the log `own`.
    ///
    /// An unfinished line at the end of a log is left for the next time; a damaged one is counted and skipped.
    pub(super) fn read_new(&mut self, disk: &dyn Disk, folder: &Path, own: &str) {
        let mut names = disk.names(folder).unwrap_or_default();
        names.retain(|n| n.ends_with(".log") && n != own);
        names.sort();
        for name in names {
            let start = self.read.get(&name).copied().unwrap_or(0);
            let path = folder.join(&name);
            if std::fs::metadata(&path).is_ok_and(|m| m.len() <= start) {
                continue;
            }
            let Ok(file) = seen::open(&path) else { continue };
            let read = self.read_log(disk, &file, start);
            self.read.insert(name, start + read);
        }
    }

    /// Reads a log from a place to its end, a piece at a time; returns the bytes of all lines that are there in full. Where it cannot be read on,
    /// the rest is left for the next time.
    fn read_log(&mut self, disk: &dyn Disk, file: &std::fs::File, start: u64) -> u64 {
        let (mut bytes, mut done): (Vec<u8>, u64) = (Vec::new(), 0);
        loop {
            let had = bytes.len();
            if disk.read(file, start + done + had as u64, CHUNK as u64, &mut bytes).is_err() {
                return done;
            }
            let more = bytes.len() - had;
            let mut at = 0;
            while at < bytes.len() {
                match Line::read(&bytes[at..]) {
                    Read::Line(line, length) => {
                        self.take_in(*line);
                        at += length;
                    }
                    Read::Damaged(length) => {
                        self.damaged += 1;
                        at += length;
                    }
                    Read::Unfinished => break,
                }
            }
            done += at as u64;
            bytes.drain(..at);
            if more == 0 {
                return done;
            }
        }
    }
}

impl Record {
    fn spot(&self) -> Option<Spot> {
        match self.pack {
            NOWHERE => None,
            FILE => Some(Spot::File),
            pack => Some(Spot::Pack(pack, self.start)),
        }
    }
}
