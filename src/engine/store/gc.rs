//! Listing the store and sweeping it: what no recent run was about goes.

use super::leases::split;
use super::line::{Entry, Line, Place};
use super::opening::OPEN;
use super::runs::{RunRecord, own_name};
use super::{Store, StoreError, trouble};
use crate::base::Hash;
use crate::engine::unfinished;
use crate::plan::seen;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// An artifact of the store, for listing.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// Content key of the cell.
    pub key: Hash,
    /// What is known of it.
    pub entry: Entry,
    /// Whether the artifact is there.
    pub present: bool,
    /// The store beside the one that was asked which has it, where that is so.
    pub from: Option<PathBuf>,
}

/// What sweeping did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Cells forgotten.
    pub cells: usize,
    /// Bytes before and after.
    pub bytes: (u64, u64),
    /// Records of runs dropped.
    pub runs: usize,
}

impl Store {
    /// Returns all cells that the store knows, the latest first.
    pub fn list(&self) -> Vec<Listing> {
        self.select(|_, _| true)
    }

    /// Returns the cells whose content key, content hash or plan key begins with these hexadecimal digits.
    pub fn find(&self, digits: &str) -> Vec<Listing> {
        let begins = |hash: &Hash| hash.to_string().starts_with(digits);
        let of = |s: &Store| s.index().aliases().filter(|(plan, ..)| begins(plan)).map(|(_, key, _)| key).collect::<Vec<_>>();
        let planned: BTreeSet<Hash> = self.all_stores().flat_map(of).collect();
        self.select(|key, entry| begins(key) || begins(&entry.hash) || planned.contains(key))
    }

    /// Returns the cells that are wanted, the latest first.
    pub fn select(&self, wanted: impl Fn(&Hash, &Entry) -> bool) -> Vec<Listing> {
        let mut out: Vec<Listing> = Vec::new();
        let mut met: BTreeSet<Hash> = BTreeSet::new();
        for (n, store) in self.all_stores().enumerate() {
            let found: Vec<(Hash, Entry)> = store.index().entries().filter(|(key, entry)| wanted(key, entry)).collect();
            for (key, entry) in found {
                let known = self.known(&key);
                // Of what two have, the one counts that is read.
                if known.as_ref().is_some_and(|k| k.of == n) && met.insert(key) {
                    let present = known.is_some_and(|k| self.present(&k));
                    out.push(Listing { key, present, entry, from: (n > 0).then(|| store.root.clone()) });
                }
            }
        }
        out.sort_by(|a, b| (b.entry.created, a.key).cmp(&(a.entry.created, b.key)));
        out
    }

    /// Returns the bytes that the store takes on the disk.
    pub fn size(&self) -> u64 {
        folder_size(&self.root)
    }

    /// Forgets all cells that none of the last `keep` runs was about, and packs what stays.
    ///
    /// Errors: another process has the store open; what the runs to keep were about is not known, since the record of one is damaged, or there is none.
    /// Nothing is done then.
    pub fn sweep(self, keep: usize) -> Result<Swept, StoreError> {
        self.sweep_but(keep, |_| BTreeSet::new())
    }

    /// Forgets as [`Store::sweep`], but keeps also what those runs are about that `open` names once nobody else has the store open: runs that go on without a
    /// process that has it open.
    ///
    /// Errors: as there.
    pub fn sweep_but(self, keep: usize, open: impl FnOnce(&Path) -> BTreeSet<String>) -> Result<Swept, StoreError> {
        let _alone = self.alone()?;
        self.refresh();
        let before = self.size();
        let (runs, damaged) = self.found_runs();
        self.knows_runs(keep, &runs, &damaged)?;
        let open = open(&self.root);
        let (kept, dropped): (Vec<_>, Vec<_>) =
            runs.iter().enumerate().partition(|(place, run)| *place < keep || open.contains(&run.id));
        let roots: BTreeSet<Hash> = kept.iter().flat_map(|(_, r)| r.plans.iter().copied()).collect();
        let (mut lines, forgotten) = {
            let index = self.index();
            let same: Vec<Line> = index
                .aliases()
                .filter(|(plan, ..)| roots.contains(plan))
                .map(|(plan, key, created)| Line::Same { plan, key, created })
                .collect();
            let mut wanted = roots;
            wanted.extend(same.iter().filter_map(|l| if let Line::Same { key, .. } = l { Some(*key) } else { None }));
            let cells = index.entries().filter(|(key, _)| wanted.contains(key)).map(|(key, entry)| Line::Cell { key, entry });
            let cells: Vec<Line> = cells.collect();
            let forgotten = index.cells() - cells.len();
            let spare = index.spares().filter(|s| wanted.contains(&s.key)).map(|s| Line::Spare { key: s.key, created: s.used });
            (cells.into_iter().chain(same).chain(spare).collect::<Vec<Line>>(), forgotten)
        };
        let name = format!("{}-swept", self.name);
        self.repack(&mut lines, &name)?;
        self.write_log(&lines, &name)?;
        // From here on the new log says everything; what it does not name may go, in any order.
        let cells = || lines.iter().filter_map(|l| if let Line::Cell { key, entry } = l { Some((key, entry)) } else { None });
        let objects: BTreeSet<Hash> = cells().filter(|(_, e)| e.place == Some(Place::File)).map(|(_, e)| e.hash).collect();
        let done: BTreeSet<Hash> = cells().map(|(key, _)| *key).collect();
        remove_others(&self.root.join("packs"), &|n| own_name(n, ".pack"), &|n| n == format!("{name}.pack"));
        // Leases of others are dead, or there would be somebody else.
        let own = format!("{OPEN}{}", self.name);
        let lease = |name: &str| is_hash(name) || name.starts_with(OPEN) && name != own;
        let lock = |n: &str| is_hash(n) || split(n).is_some_and(|(name, _)| lease(&name));
        remove_others(&self.root.join("locks"), &lock, &|_| false);
        remove_others(&self.root.join("checkpoints"), &is_hash, &|n| {
            // A checkpoint belongs to a cell that is not done yet; it stays as long as there are runs to go on with.
            !kept.is_empty() && Hash::parse(n).is_some_and(|k| !done.contains(&k))
        });
        for folder in std::fs::read_dir(self.root.join("objects")).into_iter().flatten().flatten() {
            let head = folder.file_name().to_string_lossy().into_owned();
            let ours = |n: &str| is_hash(&format!("{head}{n}"));
            remove_others(&folder.path(), &ours, &|n| Hash::parse(&format!("{head}{n}")).is_some_and(|h| objects.contains(&h)));
        }
        let records: BTreeSet<String> = kept.iter().map(|(_, r)| format!("{}.json", r.id)).collect();
        for (_, run) in &dropped {
            // A run without failures has no folder.
            let _ = std::fs::remove_dir_all(self.root.join("runs").join(&run.id));
        }
        let plans: BTreeSet<String> = records
            .iter()
            .filter_map(|r| seen::read(&self.root.join("runs").join(r)).ok())
            .filter_map(|b| serde_json::from_slice::<serde_json::Value>(&b).ok())
            .filter_map(|j| j["plans"].as_str().map(|p| format!("{p}.plans")))
            .collect();
        remove_others(&self.root.join("kept"), &is_hash, &|n| Hash::parse(n).is_some_and(|k| done.contains(&k)));
        // Records before the lists that they name: one without its list would be a damaged one.
        remove_others(&self.root.join("runs"), &|n| own_name(n, ".json"), &|n| records.contains(n));
        remove_others(&self.root.join("runs"), &|n| n.strip_suffix(".plans").is_some_and(is_hash), &|n| plans.contains(n));
        remove_others(&self.root, &|_| false, &|_| true);
        // Runs on a cluster have folders of their own, which jobs write to that do not hold the store.
        kept.iter().for_each(|(_, run)| unfinished::clear_below(&self.root.join("runs").join(&run.id)));
        Ok(Swept { cells: forgotten, bytes: (before, self.size()), runs: dropped.len() })
    }

    /// Errors: what the runs to keep were about is not known.
    fn knows_runs(&self, keep: usize, runs: &[RunRecord], damaged: &[String]) -> Result<(), StoreError> {
        let all = "`--keep 0` takes everything out";
        match damaged.first() {
            _ if keep == 0 => Ok(()),
            Some(name) => Err(StoreError::new(format!(
                "{} is damaged, the record of a run: which results it was about is not known, and nothing is taken out; remove that file to do without \
                 it, or {all}",
                self.root.join("runs").join(name).display()
            ))),
            None if runs.is_empty() && self.index().cells() > 0 => Err(StoreError::new(format!(
                "the store {} has no record of any run: what is still of use is not known, and nothing is taken out; {all}",
                self.root.display()
            ))),
            None => Ok(()),
        }
    }

    /// Returns the number of logs of the index.
    pub(super) fn logs(&self) -> usize {
        std::fs::read_dir(self.root.join("index")).map_or(0, Iterator::count)
    }

    /// Writes what all logs say into one. The caller has the store for itself.
    pub(super) fn merge_logs(&self) -> Result<(), StoreError> {
        self.refresh();
        let index = self.index();
        let cells = index.entries().map(|(key, entry)| Line::Cell { key, entry });
        let same = index.aliases().map(|(plan, key, created)| Line::Same { plan, key, created });
        let spare = index.spares().map(|s| Line::Spare { key: s.key, created: s.used });
        self.write_log(&cells.chain(same).chain(spare).collect::<Vec<Line>>(), &format!("{}-merged", self.name))
    }

    /// Writes a log that replaces all others.
    fn write_log(&self, lines: &[Line], name: &str) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        lines.iter().for_each(|line| line.write(&mut bytes));
        let name = format!("{name}.log");
        let path = self.root.join("index").join(&name);
        self.disk.replace(&path, &bytes, true, &|| false).map_err(trouble("write", &path))?;
        remove_others(&self.root.join("index"), &|n| own_name(n, ".log"), &|n| n == name);
        Ok(())
    }

    /// Copies the small artifacts of these cells into one new pack, in their order; damaged ones are forgotten.
    fn repack(&self, lines: &mut Vec<Line>, name: &str) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        let mut done: BTreeMap<Hash, u64> = BTreeMap::new();
        lines.retain_mut(|line| {
            let Line::Cell { entry, .. } = line else { return true };
            let Some(place @ Place::Pack(..)) = &entry.place else { return true };
            let start = match done.get(&entry.hash) {
                Some(start) => *start,
                None => {
                    let spot = self.index().spot(place);
                    let Ok(own) = self.read_at(&entry.hash, entry.bytes, spot) else { return false };
                    let start = bytes.len() as u64;
                    bytes.extend_from_slice(&own);
                    done.insert(entry.hash, start);
                    start
                }
            };
            entry.place = Some(Place::Pack(name.to_string(), start));
            true
        });
        let path = self.pack_path(name);
        self.disk.replace(&path, &bytes, true, &|| false).map_err(trouble("write", &path)).map(|_| ())
    }
}

fn is_hash(name: &str) -> bool {
    Hash::parse(name).is_some()
}

/// Removes the files of a folder that the store makes (`ours`) and that are not to be kept, and what a process that was killed left half
/// written; folders in it and files of other names stay.
fn remove_others(folder: &Path, ours: &dyn Fn(&str) -> bool, keep: &dyn Fn(&str) -> bool) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let goes = ours(&name) && !keep(&name) || unfinished::is_ours(&name);
        if goes && entry.file_type().is_ok_and(|t| t.is_file()) {
            // What cannot be removed now is removed the next time.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn folder_size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|e| match e.metadata() {
            Ok(m) if m.is_dir() => folder_size(&e.path()),
            Ok(m) => m.len(),
            Err(_) => 0,
        })
        .sum()
}
