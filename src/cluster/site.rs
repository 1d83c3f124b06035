//! What a site is like: which batch system, which partitions and resources by kind of work, what it allows. Read from a TOML file, so that the script
//! says nothing of it.
//!
//! In: the text of a site file. Out: a [`Site`], or messages at the places that are wrong.

mod read;
#[cfg(test)]
mod tests;

use super::cut::{Kind, Limits};
use crate::base::{Diag, Diags, SourceMap, Span};
use read::Table;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// A place where jobs run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// Its name: that in `sites.toml`, or of its file.
    pub name: String,
    /// The account that jobs are charged to.
    pub account: Option<String>,
    /// Lines of shell that each job runs first.
    pub setup: Vec<String>,
    /// What stands before the command in each job: a container's `exec`.
    pub prefix: String,
    /// The `cfx` that jobs run, where it is not the one that sends them.
    pub cfx: Option<PathBuf>,
    /// What networks run on (`--device` of a run).
    pub device: String,
    /// Jobs of each kind, in the order of [`Kind::ALL`].
    pub resources: [Resources; 3],
    /// What the site allows.
    pub bounds: Bounds,
}

/// What jobs of one kind ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// The partition; the site's usual one where there is none.
    pub partition: Option<String>,
    /// The quality of service.
    pub qos: Option<String>,
    /// Cores of a job.
    pub cores: usize,
    /// GPUs of a job.
    pub gpus: usize,
    /// Bytes of memory of a job; by the estimates of its cells where there is none.
    pub memory: Option<f64>,
    /// Seconds that a job may take at most. One that takes longer goes on in another.
    pub time: f64,
    /// Further options of the batch system, as they are written there.
    pub extra: Vec<String>,
}

/// What a site allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// Tasks in an array at most.
    pub array: usize,
    /// Tasks in the queue at most.
    pub tasks: usize,
    /// Tasks of an array that run at one time; 0: any number.
    pub at_once: usize,
    /// Submissions a second at most.
    pub submissions: f64,
    /// Seconds that a task should take.
    pub task: f64,
    /// Seconds before the end of its time at which a job is told to keep a checkpoint.
    pub notice: f64,
    /// How often a cell is tried whose process dies.
    pub tries: u32,
}

impl Site {
    /// Returns what jobs of a kind ask for.
    pub fn of(&self, kind: Kind) -> &Resources {
        &self.resources[kind as usize]
    }

    /// Returns what cutting a plan for the site must keep to.
    pub fn limits(&self) -> Limits {
        let shortest = self.resources.iter().map(|r| r.time).fold(f64::INFINITY, f64::min);
        Limits {
            // A task should end well within the time of its job.
            task: self.bounds.task.min(0.5 * shortest),
            // The last task has a place in the queue as well.
            tasks: self.bounds.tasks.saturating_sub(1).max(1),
            array: self.bounds.array,
            cores: self.resources.clone().map(|r| r.cores as f64),
        }
    }
}

/// Reads the file of one site.
///
/// Errors: messages at the places that are wrong, with the text.
pub fn of_file(path: &Path, text: &str) -> Result<Site, (Diags, SourceMap)> {
    let name = path.file_stem().map_or("site".to_string(), |s| s.to_string_lossy().into_owned());
    read(&path.display().to_string(), text, |root, diags| Some(site(&name, root, diags)))
}

/// Reads the site of a name from a file of several, each a table.
///
/// Errors: as [`of_file`]; there is no site of that name.
pub fn of_name(name: &str, path: &Path, text: &str) -> Result<Site, (Diags, SourceMap)> {
    read(&path.display().to_string(), text, |mut root, diags| {
        let names = root.names();
        let table = root.table(name, diags);
        if table.is_none() && diags.0.is_empty() {
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            diags.push(
                Diag::error("cfx::site::unknown", root.span, format!("no site is called `{name}`"))
                    .help(crate::lang::suggest::nearest_or_list(name, &known)),
            );
        }
        table.map(|table| site(name, table, diags))
    })
}

fn read(
    name: &str,
    text: &str,
    make: impl for<'a> FnOnce(Table<'a>, &mut Diags) -> Option<Site>,
) -> Result<Site, (Diags, SourceMap)> {
    let mut sources = SourceMap::new();
    let file = sources.add(name, text);
    let mut diags = Diags::default();
    let made = match Table::parse(&file.text, file.base) {
        Ok(root) => make(root, &mut diags),
        Err((span, message)) => {
            diags.push(
                Diag::error("cfx::site::syntax", span, message)
                    .help("a site file is in TOML: `partition = \"gpu\"`, `[networks]`"),
            );
            None
        }
    };
    match made.filter(|_| !diags.has_errors()) {
        Some(site) => Ok(site),
        None => Err((diags.sorted(), sources)),
    }
}

/// Seconds that a job may take where the file does not say.
const TIME: f64 = 24.0 * 3600.0;

fn site(name: &str, mut root: Table, diags: &mut Diags) -> Site {
    if let Some((scheduler, span)) = root.text("scheduler", diags)
        && scheduler != "slurm"
    {
        diags.push(
            Diag::error("cfx::site::value", span, format!("`{scheduler}` is not a batch system that cfx knows"))
                .help("write `scheduler = \"slurm\"`, or leave it out"),
        );
    }
    let account = root.words("account", diags);
    let setup = root.texts("setup", diags);
    let prefix = root.words("prefix", diags).unwrap_or_default();
    let cfx = root.words("cfx", diags).map(PathBuf::from);
    let device = root.words("device", diags).unwrap_or_else(|| "auto".to_string());
    let common = Resources {
        partition: root.words("partition", diags),
        qos: root.words("qos", diags),
        cores: 1,
        gpus: 0,
        memory: None,
        time: root.seconds("time", diags).unwrap_or(TIME),
        extra: root.texts("extra", diags),
    };
    let resources = Kind::ALL.map(|kind| match root.table(kind.word(), diags) {
        Some(table) => resources(table, &common, diags),
        None => common.clone(),
    });
    let mut limits = root.table("limits", diags).unwrap_or_else(|| Table::empty(root.span));
    let bounds = Bounds {
        array: limits.count("array", 1, diags).unwrap_or(1000),
        tasks: limits.count("tasks", 2, diags).unwrap_or(5000),
        at_once: limits.count("at_once", 1, diags).unwrap_or(0),
        submissions: limits.amount("submissions_per_second", diags).unwrap_or(1.0),
        task: limits.seconds("task_time", diags).unwrap_or(3600.0),
        notice: limits.seconds("notice", diags).unwrap_or(120.0),
        tries: limits.count("tries", 1, diags).map_or(3, |n| n.min(1000) as u32),
    };
    limits.rest(&["array", "tasks", "at_once", "submissions_per_second", "task_time", "notice", "tries"], diags);
    let mut keys =
        vec!["scheduler", "account", "setup", "prefix", "cfx", "device", "partition", "qos", "time", "extra", "limits"];
    keys.extend(Kind::ALL.map(Kind::word));
    root.rest(&keys, diags);
    Site { name: name.to_string(), account, setup, prefix, cfx, device, resources, bounds }
}

fn resources(mut table: Table, common: &Resources, diags: &mut Diags) -> Resources {
    let out = Resources {
        partition: table.words("partition", diags).or_else(|| common.partition.clone()),
        qos: table.words("qos", diags).or_else(|| common.qos.clone()),
        cores: table.count("cores", 1, diags).unwrap_or(common.cores),
        gpus: table.count("gpus", 0, diags).unwrap_or(common.gpus),
        memory: table.bytes("memory", diags),
        time: table.seconds("time", diags).unwrap_or(common.time),
        extra: if table.has("extra") { table.texts("extra", diags) } else { common.extra.clone() },
    };
    table.rest(&["partition", "qos", "cores", "gpus", "memory", "time", "extra"], diags);
    out
}

/// Returns where the sites of this user are described: `cfx/sites.toml` in the folder of configurations.
pub fn usual_file() -> Option<PathBuf> {
    let given = std::env::var_os("XDG_CONFIG_HOME").filter(|v| !v.is_empty()).map(PathBuf::from);
    let folder = given.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))?;
    Some(folder.join("cfx").join("sites.toml"))
}

/// Returns the place of a range of a text that begins at `base`.
fn place(base: usize, range: std::ops::Range<usize>) -> Span {
    Span::new(base + range.start, base + range.end)
}
