//! Records of runs: which cells each was about, so that sweeping knows what is still of use; and logs of what failed.

use super::{Store, StoreError, now, trouble};
use crate::base::{Hash, Hasher};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

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
        if self.writable && std::fs::read(&path).map_or(true, |there| there != bytes) {
            self.disk.replace(&path, &bytes, false, &|| false).map_err(trouble("write", &path))?;
        }
        let id = format!("{}-{}", now(), self.name.split_once('-').map_or("", |n| n.1));
        let run = Run { folder: self.root.join("runs").join(&id), id, plans: hash, title: title.to_string(), started: now() };
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
        let folder = self.root.join("runs");
        let mut out: Vec<RunRecord> = Vec::new();
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(id) = name.strip_suffix(".json") else { continue };
            let Some(json) = std::fs::read(entry.path()).ok().and_then(|b| serde_json::from_slice::<Json>(&b).ok()) else {
                continue;
            };
            let word = |name: &str| json[name].as_str().unwrap_or_default().to_string();
            let plans = std::fs::read(folder.join(format!("{}.plans", word("plans")))).unwrap_or_default();
            out.push(RunRecord {
                id: id.to_string(),
                title: word("title"),
                started: json["started"].as_u64().unwrap_or(0),
                state: word("state"),
                plans: plans.as_chunks().0.iter().map(|b| Hash(*b)).collect(),
            });
        }
        out.sort_by(|a, b| (b.started, &b.id).cmp(&(a.started, &a.id)));
        out
    }
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
