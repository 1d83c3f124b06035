//! Records of runs: which cells each was about, so that sweeping knows what is still of use; and logs of what failed.

use super::{Store, StoreError, now, trouble};
use crate::base::{Hash, Hasher};
use crate::plan::seen;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// A run that is being recorded.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its name: time of its start and process.
    pub id: String,
    /// Its folder, for logs; made when first needed.
    pub folder: PathBuf,
    plans: Hash,
    title: String,
    started: u64,
}

/// A record of a run, as found.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRecord {
    /// Its name.
    pub id: String,
    /// Title of the experiment.
    pub title: String,
    /// When it started, in milliseconds since 1970.
    pub started: u64,
    /// How it ended; `running` where it did not say.
    pub state: String,
    /// Plan keys of its cells.
    pub plans: Vec<Hash>,
}

impl Store {
    /// Records the start of a run about the cells of these plan keys.
    pub fn start_run(&self, title: &str, plans: impl Iterator<Item = Hash>) -> Result<Run, StoreError> {
        let (hash, bytes) = of_plans(plans);
        let path = self.root.join("runs").join(format!("{hash}.plans"));
        // One that is there under the name of its hash may be damaged.
        if self.writable && seen::read(&path).map_or(true, |there| there != bytes) {
            self.disk.replace(&path, &bytes, false, &|| false).map_err(trouble("write", &path))?;
        }
        // Two that begin in one millisecond are two runs.
        let (runs, started) = (self.root.join("runs"), now());
        let own = self.name.split_once('-').map_or("", |n| n.1);
        let mut ids = (started..).map(|at| format!("{at}-{own}"));
        let id = ids.find(|id| !runs.join(format!("{id}.json")).exists()).unwrap_or_default();
        let run = Run { folder: runs.join(&id), id, plans: hash, title: title.to_string(), started };
        self.write_run(&run, "running")?;
        Ok(run)
    }

    /// Returns a run that another process has begun, and of which this one computes a part.
    pub fn join_run(&self, id: &str, title: &str, plans: impl Iterator<Item = Hash>) -> Run {
        let folder = self.root.join("runs").join(id);
        Run { id: id.to_string(), folder, plans: of_plans(plans).0, title: title.to_string(), started: now() }
    }

    /// Records how a run ended.
    pub fn end_run(&self, run: &Run, state: &str) -> Result<(), StoreError> {
        self.write_run(run, state)
    }

    fn write_run(&self, run: &Run, state: &str) -> Result<(), StoreError> {
        if !self.writable {
            return Ok(());
        }
        let path = self.root.join("runs").join(format!("{}.json", run.id));
        let record = json!({ "title": run.title, "started": run.started, "state": state, "plans": run.plans.to_string() });
        let text = record.to_string();
        self.disk.replace(&path, text.as_bytes(), false, &|| false).map_err(trouble("write", &path)).map(|_| ())
    }

    /// Returns the records of runs, the latest first. Damaged ones are left out.
    pub fn runs(&self) -> Vec<RunRecord> {
        self.found_runs().0
    }

    /// Returns the records of runs, the latest first, and the names of the files of those that are damaged, or whose list of cells is.
    pub(super) fn found_runs(&self) -> (Vec<RunRecord>, Vec<String>) {
        let folder = self.root.join("runs");
        let (mut out, mut damaged): (Vec<RunRecord>, Vec<String>) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(id) = name.strip_suffix(".json").filter(|_| own_name(&name, ".json")) else { continue };
            match record(&folder, id) {
                Some(record) => out.push(record),
                None => damaged.push(name),
            }
        }
        out.sort_by(|a, b| (b.started, &b.id).cmp(&(a.started, &a.id)));
        damaged.sort();
        (out, damaged)
    }
}

/// Reads the record of a run and the list of its cells; nothing where one of them is damaged.
fn record(folder: &Path, id: &str) -> Option<RunRecord> {
    let bytes = seen::read(&folder.join(format!("{id}.json"))).ok()?;
    let json: Json = serde_json::from_slice(&bytes).ok()?;
    let word = |name: &str| json[name].as_str().map(str::to_string);
    let named = word("plans")?;
    let plans = seen::read(&folder.join(format!("{named}.plans"))).ok()?;
    let keys: Vec<Hash> = plans.as_chunks().0.iter().map(|b| Hash(*b)).collect();
    let (hash, all) = of_plans(keys.iter().copied());
    (all == plans && Hash::parse(&named) == Some(hash)).then_some(RunRecord {
        id: id.to_string(),
        title: word("title")?,
        started: json["started"].as_u64()?,
        state: word("state")?,
        plans: keys,
    })
}

/// Returns whether a name is one that processes give their own files: time, process, number, and what was done.
pub(super) fn own_name(name: &str, ending: &str) -> bool {
    let Some(stem) = name.strip_suffix(ending) else { return false };
    let parts: Vec<&str> = stem.split('-').collect();
    let digits = |p: &&str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit());
    let numbers = parts.iter().take_while(|p| digits(p)).count();
    (2..=3).contains(&numbers) && parts[numbers..].iter().all(|p| matches!(*p, "swept" | "merged"))
}

/// Returns the hash of the plan keys of a run, and the keys end to end.
fn of_plans(plans: impl Iterator<Item = Hash>) -> (Hash, Vec<u8>) {
    let mut bytes: Vec<u8> = Vec::new();
    plans.for_each(|h| bytes.extend_from_slice(&h.0));
    let mut h = Hasher::new("cfx.plans.1");
    h.bytes(&bytes);
    (h.finish(), bytes)
}

impl Run {
    /// Writes a log into the run's folder, and returns where it lies.
    pub fn log(&self, name: &str, text: &str) -> Option<PathBuf> {
        let path = self.folder.join(name);
        std::fs::create_dir_all(&self.folder).ok()?;
        std::fs::write(&path, text).ok()?;
        Some(path)
    }
}
