//! The folder of a run on a cluster, within the store: what was frozen when it was sent, what its tasks are, and what became of them.
//!
//! Files: `campaign.json`, `tasks` (a line of cell numbers each), `jobs/N.sh` batch scripts, `jobs.json` arrays sent, `repairs.json` how often lost tasks were sent again, `logs/`, `state/T.json` what the
//! present attempt at a task says, `state/T.attempt` its name, `state/T.cell` the cell computed alone after a crash, `failed/KEY.json`, `cancelled`.
//! Each is written whole and renamed; none is appended to by two processes.

use super::cut::Kind;
use super::site::Site;
use crate::api::Source;
use crate::base::Hash;
use crate::engine::Told;
use crate::engine::files::write_atomically;
use crate::plan::graph::{CellId, Graph};
use crate::plan::seen;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A run on a cluster, as it was frozen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Campaign {
    /// Version of cfx that froze it.
    pub version: String,
    /// Name of the run in the store.
    pub id: String,
    /// Title of the experiment.
    pub title: String,
    /// Name of the script in messages.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The files that it uses.
    pub texts: BTreeMap<String, String>,
    /// How it differs from the lock beside the script, where there is one.
    pub lock: Option<Vec<String>>,
    /// The kinds of device of that lock.
    pub kinds: Option<Kinds>,
    /// Folder below which it reads.
    pub folder: PathBuf,
    /// More folders that it may read.
    pub granted: Vec<PathBuf>,
    /// Values of parameters.
    pub set: Vec<(String, String)>,
    /// The declarations that are asked for; none: all of the script.
    #[serde(default)]
    pub only: Vec<String>,
    /// The declaration up to which all are asked for.
    pub until: Option<String>,
    /// The store.
    pub store: PathBuf,
    /// Where results go.
    pub out: PathBuf,
    /// Name of the note about the plan that the run leaves.
    pub note: String,
    /// The site.
    pub site: Site,
    /// Bytes that weights may take after their last use.
    pub keep_under: u64,
    /// Hash of the keys of all cells.
    pub keys: String,
    /// The batches; the last one is the task that writes the report.
    pub batches: Vec<Frozen>,
    /// Tasks in all.
    pub tasks: usize,
    /// When it was frozen, in milliseconds since 1970.
    pub created: u64,
}

/// The kinds of device that a lock names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kinds {
    /// The kinds.
    pub known: BTreeSet<String>,
    /// Whether nothing is computed on others.
    pub only: bool,
}

/// A batch as it was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Frozen {
    /// Name of the kind.
    pub kind: Kind,
    /// Numbers of its tasks: from, and up to but without.
    pub tasks: (usize, usize),
    /// Batches that it waits for.
    pub after: Vec<usize>,
    /// Cells that its tasks compute.
    pub cells: usize,
    /// Seconds that each of its jobs may take.
    pub seconds: f64,
    /// Bytes of memory that each of its jobs may take.
    pub memory: f64,
    /// Seconds that its tasks are expected to take together, of a whole job.
    pub expected: f64,
}

/// An array of jobs as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Array {
    /// The batch system's id.
    pub id: String,
    /// Number of the batch.
    pub batch: usize,
}

/// How far an attempt at a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// It computes.
    Running,
    /// All its cells are done.
    Done,
    /// It ended, and some of its cells failed or could not be computed.
    Failed,
    /// It was stopped, and is to go on.
    Stopped,
}

/// What an attempt at a task says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The attempt.
    pub attempt: String,
    /// How far it is.
    pub stage: Stage,
    /// Its machine.
    pub node: String,
    /// When it began, in milliseconds since 1970.
    pub began: u64,
    /// When it last said something.
    pub beat: u64,
    /// Cells of the task.
    pub cells: usize,
    /// Those that are there.
    pub done: usize,
    /// Those that failed.
    pub failed: usize,
    /// What it computes now, in words.
    pub now: String,
    /// Seconds that it expects to take still.
    pub left: Option<f64>,
}

/// A cell that failed for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// What it is called.
    pub title: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The log.
    pub log: Option<PathBuf>,
    /// How often it was tried.
    pub tries: u32,
}

impl Campaign {
    /// Returns the script as it was frozen.
    pub fn source(&self) -> Source {
        Source {
            name: self.name.clone(),
            text: self.text.clone(),
            folder: self.folder.clone(),
            granted: self.granted.clone(),
            set: self.set.clone(),
            texts: self.texts.clone(),
            lock: self.lock.clone(),
        }
    }

    /// Returns where the job of a task writes what its process says.
    pub fn log(&self, folder: &Folder, task: usize) -> Option<PathBuf> {
        let first = self.batch_of(task)?.tasks.0;
        Some(folder.path().join("logs").join(format!("{first}-{}.log", task - first)))
    }

    /// Returns the batch of a task.
    pub fn batch_of(&self, task: usize) -> Option<&Frozen> {
        self.batches.iter().find(|b| b.tasks.0 <= task && task < b.tasks.1)
    }
}

/// Returns the hash of the keys of a plan.
pub fn keys_of(graph: &Graph) -> Hash {
    let mut h = crate::base::Hasher::new("cfx.campaign.1");
    graph.cells.iter().for_each(|c| {
        h.hash(&c.key);
    });
    h.finish()
}

/// The folder of a run on a cluster.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Returns the folder of a run in a store.
    pub fn of(store: &Path, id: &str) -> Folder {
        Folder(store.join("runs").join(id))
    }

    /// Returns the folder at a path.
    pub fn at(path: &Path) -> Folder {
        Folder(path.to_path_buf())
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes the folder and what is frozen in it: the campaign, and of each task its cells.
    ///
    /// Errors: a sentence.
    pub fn freeze(&self, campaign: &Campaign, tasks: &[Vec<CellId>]) -> Result<(), String> {
        for name in ["jobs", "logs", "state", "failed"] {
            let path = self.0.join(name);
            std::fs::create_dir_all(&path).map_err(|e| format!("{} cannot be made: {e}", path.display()))?;
        }
        let mut text = String::new();
        for cells in tasks {
            let numbers: Vec<String> = cells.iter().map(usize::to_string).collect();
            text.push_str(&numbers.join(" "));
            text.push('\n');
        }
        self.write("tasks", text.as_bytes())?;
        self.save("campaign.json", campaign)
    }

    /// Reads the campaign.
    ///
    /// Errors: a sentence.
    pub fn campaign(&self) -> Result<Campaign, String> {
        self.load("campaign.json").ok_or_else(|| format!("{} is not the folder of a run on a cluster", self.0.display()))
    }

    /// Returns the cells of every task.
    ///
    /// Errors: a sentence.
    pub fn tasks(&self) -> Result<Vec<Vec<CellId>>, String> {
        let path = self.0.join("tasks");
        let text = seen::read_text(&path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
        let line = |l: &str| l.split_whitespace().map(|n| n.parse().ok()).collect::<Option<Vec<CellId>>>();
        text.lines().map(line).collect::<Option<_>>().ok_or_else(|| format!("{} is damaged", path.display()))
    }

    /// Keeps the batch script of a batch, and returns where.
    ///
    /// Errors: a sentence.
    pub fn keep_script(&self, batch: usize, text: &str) -> Result<PathBuf, String> {
        self.write(&format!("jobs/{batch}.sh"), text.as_bytes())?;
        Ok(self.script(batch))
    }

    /// Returns where the batch script of a batch lies.
    pub fn script(&self, batch: usize) -> PathBuf {
        self.0.join(format!("jobs/{batch}.sh"))
    }

    /// Keeps which arrays have been sent.
    ///
    /// Errors: a sentence.
    pub fn keep_jobs(&self, arrays: &[Array]) -> Result<(), String> {
        self.save("jobs.json", &arrays)
    }

    /// Returns the arrays that have been sent.
    pub fn jobs(&self) -> Vec<Array> {
        self.load("jobs.json").unwrap_or_default()
    }

    /// Keeps how often lost tasks have been sent again.
    ///
    /// Errors: a sentence.
    pub fn keep_repairs(&self, count: u32) -> Result<(), String> {
        self.save("repairs.json", &count)
    }

    /// Returns how often lost tasks have been sent again.
    pub fn repairs(&self) -> u32 {
        self.load("repairs.json").unwrap_or(0)
    }

    /// Marks the run as cancelled: jobs that begin after that do nothing.
    ///
    /// Errors: a sentence.
    pub fn cancel(&self) -> Result<(), String> {
        self.write("cancelled", b"")
    }

    /// Returns whether the run is cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.join("cancelled").exists()
    }

    /// Returns the file that names the present attempt at a task.
    pub fn attempt(&self, task: usize) -> PathBuf {
        self.0.join(format!("state/{task}.attempt"))
    }

    /// Makes an attempt the present one of a task.
    ///
    /// Errors: a sentence.
    pub fn begin(&self, task: usize, attempt: &str) -> Result<(), String> {
        self.write(&format!("state/{task}.attempt"), attempt.as_bytes())
    }

    /// Keeps what an attempt says of itself. Nothing depends on it.
    pub fn say(&self, task: usize, state: &State) {
        let _ = self.save(&format!("state/{task}.json"), state);
    }

    /// Returns what the present attempt at a task last said.
    pub fn state(&self, task: usize) -> Option<State> {
        self.load(&format!("state/{task}.json"))
    }

    /// Keeps which cell a task computes alone, and how often each has been tried in that way.
    ///
    /// Errors: a sentence.
    pub fn keep_tries(&self, task: usize, tries: &Tries) -> Result<(), String> {
        self.save(&format!("state/{task}.cell"), tries)
    }

    /// Returns which cell a task computed alone.
    pub fn tries(&self, task: usize) -> Tries {
        self.load(&format!("state/{task}.cell")).unwrap_or_default()
    }

    /// Keeps that a cell failed for good.
    pub fn fail(&self, key: &Hash, failed: &Failed) {
        let _ = self.save(&format!("failed/{key}.json"), failed);
    }

    /// Returns the cells that failed for good, by plan key.
    pub fn failed(&self) -> BTreeMap<Hash, Failed> {
        let mut out = BTreeMap::new();
        for entry in std::fs::read_dir(self.0.join("failed")).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(key) = name.strip_suffix(".json").and_then(Hash::parse) else { continue };
            if let Some(failed) = self.load(&format!("failed/{name}")) {
                out.insert(key, failed);
            }
        }
        out
    }

    /// Returns whether jobs of the run may still be in the queue, by what its files say: it is not cancelled, and its last task has not come to an end.
    fn is_open(&self, campaign: &Campaign) -> bool {
        let last = campaign.tasks.checked_sub(1).and_then(|t| self.state(t));
        !self.is_cancelled() && !last.is_some_and(|s| matches!(s.stage, Stage::Done | Stage::Failed))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let path = self.0.join(name);
        write_atomically(&path, bytes, false).map_err(|e| format!("{} cannot be written: {e}", path.display()))
    }

    fn save<T: Serialize>(&self, name: &str, what: &T) -> Result<(), String> {
        let text = serde_json::to_string_pretty(what).map_err(|e| format!("{name} cannot be written: {e}"))?;
        self.write(name, text.as_bytes())
    }

    fn load<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_slice(&seen::read(&self.0.join(name)).ok()?).ok()
    }
}

/// Beginning of the names of notes that say in which folder the last run of a script on a cluster lies.
pub const FOUND_BY: &str = "cluster-";

/// Returns the runs on a cluster in a store that are the last ones of their scripts and are not over.
pub fn open_campaigns(store: &Path) -> Vec<Campaign> {
    let notes = std::fs::read_dir(store.join("notes")).into_iter().flatten().flatten();
    let names = notes.filter(|n| n.file_name().to_string_lossy().starts_with(FOUND_BY));
    let ids: BTreeSet<String> =
        names.filter_map(|n| std::fs::read_to_string(n.path()).ok()).map(|id| id.trim().to_string()).collect();
    let open = |id: String| {
        let folder = Folder::of(store, &id);
        folder.campaign().ok().filter(|campaign| campaign.id == id && folder.is_open(campaign))
    };
    ids.into_iter().filter_map(open).collect()
}

/// Which cell a task computes alone after its process died, and how often those that were have died with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// The cell computed now.
    pub now: Option<CellId>,
    /// Deaths by cell.
    pub deaths: BTreeMap<CellId, u32>,
}

impl From<Failed> for Told {
    fn from(failed: Failed) -> Told {
        Told { message: failed.message, help: failed.help, log: failed.log }
    }
}
