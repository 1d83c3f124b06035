//! Sending a plan to a site: cut, frozen, submitted, forgotten.
//!
//! In: a plan, a store, a site. Out: what would be sent, and what was.

#[cfg(test)]
mod tests;

use super::campaign::{Array, Campaign, Folder, Frozen, Kinds, keys_of};
use super::cut::{Cut, Kind, cut};
use super::executor::{Executor, Order};
use super::pieces::{Missing, missing};
use super::site::Site;
use crate::api::{self, Checked, Source};
use crate::base::size::bytes;
use crate::engine::{self, Store, store};
use crate::plan::facts::Policy;
use crate::plan::graph::{CellId, Graph};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What would be sent.
#[derive(Debug)]
pub struct Jobs {
    /// What is missing.
    pub missing: Missing,
    /// How it is cut.
    pub cut: Cut,
    /// The batches, the report's last.
    pub batches: Vec<Frozen>,
}

/// Seconds that a job may take at least: estimates of what is quick are rough, and a process has to start.
const SHORTEST: f64 = 600.0;
/// A job may take this many times the expected time of its longest task.
const ROOM: f64 = 3.0;
/// Memory beyond the estimate: in part, and in bytes for the program and what it holds of inputs.
const MEMORY: (f64, f64) = (1.3, 5e8);

impl Jobs {
    /// Cuts what is missing of a plan for the cells that are wanted.
    pub fn of(graph: &Graph, wanted: &[CellId], store: &Store, site: &Site) -> Jobs {
        // What is not stored is made again for the report.
        let inline = graph.cells.iter().filter(|c| c.policy == Policy::Inline).map(|c| c.cost.memory);
        let beside = inline.filter(|m| m.is_finite()).fold(0.0, f64::max);
        Jobs::cut(missing(graph, &engine::statuses(graph, wanted, store, None), store), beside, site)
    }

    /// Cuts pieces. The report takes `beside` bytes of memory whatever its own pieces take.
    fn cut(missing: Missing, beside: f64, site: &Site) -> Jobs {
        let cut = cut(&missing.pieces, &site.limits());
        let mut batches: Vec<Frozen> = Vec::new();
        for batch in &cut.batches {
            let tasks = &cut.tasks[batch.tasks.0..batch.tasks.1];
            let most = |f: fn(&super::cut::Task) -> f64| tasks.iter().map(f).fold(0.0, f64::max);
            let resources = site.of(batch.kind);
            batches.push(Frozen {
                kind: batch.kind,
                tasks: batch.tasks,
                after: batch.after.clone(),
                cells: tasks.iter().map(|t| t.pieces.len()).sum(),
                seconds: (ROOM * most(|t| t.seconds)).max(SHORTEST).min(resources.time),
                memory: resources.memory.unwrap_or_else(|| memory(most(|t| t.memory))),
                expected: tasks.iter().map(|t| t.seconds).sum(),
            });
        }
        batches.push(last(&missing, beside, &cut, site));
        Jobs { missing, cut, batches }
    }

    /// Returns the cells of every task, those of the last one at the end.
    pub fn cells(&self) -> Vec<Vec<CellId>> {
        let cells = |pieces: &[usize]| pieces.iter().map(|p| self.missing.cells[*p]).collect();
        self.cut.tasks.iter().map(|t| cells(&t.pieces)).chain(std::iter::once(cells(&self.cut.last))).collect()
    }

    /// Returns why jobs could only fail on this site, a sentence each: a cell that takes more memory than its job may have, more jobs than the site
    /// takes.
    pub fn hopeless(&self, graph: &Graph, site: &Site) -> Vec<String> {
        let mut out = Vec::new();
        let tasks = self.cells();
        for batch in &self.batches {
            let own = tasks.get(batch.tasks.0..batch.tasks.1).unwrap_or_default().iter().flatten();
            let large = own.map(|id| (graph.cells[*id].cost.memory, *id)).filter(|(memory, _)| *memory > batch.memory);
            if let Some((memory, id)) = large.max_by(|a, b| a.0.total_cmp(&b.0)) {
                let (title, word) = (graph.cells[id].title(), batch.kind.word());
                out.push(format!(
                    "{title} takes about {} of memory, and jobs of {word} have {}: write more, or leave `memory` out of [{word}], and it is asked for by \
                     what they take",
                    bytes(memory),
                    bytes(batch.memory)
                ));
            }
        }
        out.dedup();
        let count = tasks.len();
        if count > site.bounds.tasks {
            out.push(format!(
                "these are {count} jobs at the least, and the site takes {} in its queue (`tasks` of [limits]): run a part first (`--only`, `--until`)",
                site.bounds.tasks
            ));
        }
        out
    }

    /// Returns hours of jobs, and of GPUs.
    pub fn hours(&self, site: &Site) -> (f64, f64) {
        let hours = |b: &Frozen| b.expected / 3600.0;
        let gpus = |b: &Frozen| hours(b) * site.of(b.kind).gpus as f64;
        (self.batches.iter().map(hours).sum(), self.batches.iter().map(gpus).sum())
    }
}

fn memory(estimate: f64) -> f64 {
    MEMORY.0 * estimate + MEMORY.1
}

/// Returns the batch of the task that writes the report. It waits for all others.
fn last(missing: &Missing, beside: f64, cut: &Cut, site: &Site) -> Frozen {
    let own = cut.last.iter().map(|p| &missing.pieces[*p]);
    let resources = site.of(Kind::Reports);
    let (seconds, most) = own.fold((0.0, beside), |(s, m): (f64, f64), p| (s + p.seconds, m.max(p.memory)));
    let number = cut.tasks.len();
    Frozen {
        kind: Kind::Reports,
        tasks: (number, number + 1),
        after: (0..cut.batches.len()).collect(),
        cells: cut.last.len(),
        seconds: (ROOM * seconds).max(SHORTEST).min(resources.time),
        memory: resources.memory.unwrap_or_else(|| memory(most)),
        expected: seconds / resources.cores.max(1) as f64,
    }
}

/// What a run on a cluster is about.
pub struct Asked<'a> {
    /// The script.
    pub source: &'a Source,
    /// The script, checked.
    pub checked: &'a Checked,
    /// The plan.
    pub graph: &'a Graph,
    /// Where results go.
    pub out: &'a Path,
    /// The declarations that are asked for, as [`api::wanted_for`] takes them.
    pub only: &'a [String],
    /// The declaration up to which all are asked for.
    pub until: Option<&'a str>,
    /// Name of the note about the plan that the run leaves.
    pub note: String,
    /// Name of the note by which the run is found again.
    pub found_by: String,
    /// Bytes that weights may take after their last use.
    pub keep_under: u64,
    /// The kinds of device of the lock beside the script, where there is one.
    pub kinds: Option<Kinds>,
    /// The site.
    pub site: &'a Site,
}

/// What was sent.
#[derive(Debug)]
pub struct Sent {
    /// The run's folder.
    pub folder: Folder,
    /// Ids of the arrays.
    pub ids: Vec<String>,
    /// Tasks in all.
    pub tasks: usize,
}

/// Freezes a run and sends its jobs. `pause` waits for a number of seconds between submissions.
///
/// Errors: a sentence; nothing is left in the queue then.
pub fn send(
    asked: &Asked,
    jobs: &Jobs,
    store: &Store,
    executor: &mut dyn Executor,
    pause: &dyn Fn(Duration),
) -> Result<Sent, String> {
    let site = asked.site;
    let run = store.start_run(&asked.graph.title, asked.graph.cells.iter().map(|c| c.key)).map_err(|e| e.message)?;
    store.sync().map_err(|e| e.message)?;
    let root = whole(store.root())?;
    let folder = Folder::of(&root, &run.id);
    let tasks = jobs.cells();
    let cfx = match &site.cfx {
        Some(cfx) => cfx.clone(),
        None => std::env::current_exe()
            .map_err(|e| format!("it is not known where `cfx` lies: {e}; name it with `cfx = \"…\"` in the site's file"))?,
    };
    let campaign = Campaign {
        version: env!("CARGO_PKG_VERSION").to_string(),
        id: run.id.clone(),
        title: asked.graph.title.clone(),
        name: asked.source.name.clone(),
        text: asked.source.text.clone(),
        texts: api::used_texts(asked.checked),
        lock: asked.source.lock.clone(),
        kinds: asked.kinds.clone(),
        folder: whole(&asked.source.folder)?,
        granted: asked.source.granted.iter().map(|g| whole(g)).collect::<Result<_, _>>()?,
        set: asked.source.set.clone(),
        only: asked.only.to_vec(),
        until: asked.until.map(str::to_string),
        store: root,
        out: made(asked.out)?,
        note: asked.note.clone(),
        site: site.clone(),
        keep_under: asked.keep_under,
        keys: keys_of(asked.graph).to_string(),
        batches: jobs.batches.clone(),
        tasks: tasks.len(),
        created: store::now(),
    };
    folder.freeze(&campaign, &tasks)?;
    // Before the first job is sent: a command that is killed among them leaves none that is not found.
    let earlier = store.note(&asked.found_by);
    if !store.keep_note(&asked.found_by, &run.id) {
        return Err(format!("the store {} cannot be written, and the jobs would not be found again", store.root().display()));
    }
    let mut ids: Vec<String> = Vec::new();
    let sent = submit(&campaign, &folder, &cfx, executor, pause, &mut ids);
    if let Err(words) = sent {
        // Half a run is none.
        let _ = folder.cancel();
        let _ = executor.cancel(&ids);
        if let Some(earlier) = earlier {
            store.keep_note(&asked.found_by, &earlier);
        }
        return Err(words);
    }
    Ok(Sent { folder, ids, tasks: tasks.len() })
}

/// Sends some tasks of a run again, each batch after those that it waits for among them, and the last task after all.
///
/// Errors: a sentence.
pub fn again(
    campaign: &Campaign,
    folder: &Folder,
    tasks: &[usize],
    executor: &mut dyn Executor,
    pause: &dyn Fn(Duration),
) -> Result<(), String> {
    let wait = wait(campaign);
    let mut arrays = folder.jobs();
    let mut ids: Vec<Option<String>> = vec![None; campaign.batches.len()];
    for (number, batch) in campaign.batches.iter().enumerate() {
        let last = number + 1 == campaign.batches.len();
        let own: Vec<usize> =
            (batch.tasks.0..batch.tasks.1).filter(|t| last || tasks.contains(t)).map(|t| t - batch.tasks.0).collect();
        if own.is_empty() {
            continue;
        }
        let after: Vec<String> = batch.after.iter().filter_map(|b| ids[*b].clone()).collect();
        let id = executor.submit(&folder.script(number), &after, Some(&own))?;
        ids[number] = Some(id.clone());
        arrays.push(Array { id, batch: number });
        folder.keep_jobs(&arrays)?;
        pause(wait);
    }
    Ok(())
}

/// Returns the time between two submissions.
fn wait(campaign: &Campaign) -> Duration {
    Duration::from_secs_f64((1.0 / campaign.site.bounds.submissions).min(600.0))
}

fn submit(
    campaign: &Campaign,
    folder: &Folder,
    cfx: &Path,
    executor: &mut dyn Executor,
    pause: &dyn Fn(Duration),
    ids: &mut Vec<String>,
) -> Result<(), String> {
    let wait = wait(campaign);
    let stem = Path::new(&campaign.name).file_stem().map_or("exp".into(), |s| s.to_string_lossy().into_owned());
    for (number, batch) in campaign.batches.iter().enumerate() {
        if number > 0 {
            pause(wait);
        }
        let order = Order {
            name: format!("cfx-{}-{number}", crate::report::slug(&stem)),
            site: &campaign.site,
            kind: batch.kind,
            first: batch.tasks.0,
            count: batch.tasks.1 - batch.tasks.0,
            seconds: batch.seconds,
            memory: batch.memory,
            cfx: cfx.to_path_buf(),
            folder: folder.path().to_path_buf(),
        };
        let script = folder.keep_script(number, &executor.script(&order))?;
        let after: Vec<String> = batch.after.iter().filter_map(|b| ids.get(*b).cloned()).collect();
        ids.push(executor.submit(&script, &after, None)?);
        let arrays: Vec<Array> = ids.iter().enumerate().map(|(batch, id)| Array { id: id.clone(), batch }).collect();
        folder.keep_jobs(&arrays)?;
    }
    Ok(())
}

/// Returns the whole path of a folder that is there.
fn whole(path: &Path) -> Result<PathBuf, String> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    std::fs::canonicalize(path).map_err(|e| format!("{} cannot be found: {e}", path.display()))
}

/// Returns the whole path of a folder, which is made where it is not there.
fn made(path: &Path) -> Result<PathBuf, String> {
    std::fs::create_dir_all(path).map_err(|e| format!("{} cannot be made: {e}", path.display()))?;
    whole(path)
}
