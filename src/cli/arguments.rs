//! Arguments of the command.

use crate::base::size;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};

/// A declarative experiment language for people who study neural representations.
#[derive(Debug, Parser)]
#[command(name = "cfx", version, about)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a script: numbers, pictures and a report.
    Run(Run),
    /// Run a script and show the run, and then its report, in a browser of this machine.
    Serve(Serve),
    /// Check a script without reading data.
    Check(Check),
    /// Say what a run would do: cells, what is cached, time, memory, disk.
    Plan(Plan),
    /// Write scripts in the standard format.
    Fmt(Fmt),
    /// Describe a built-in, or list them.
    Doc {
        /// Its name, a topic, or a word of the language: a keyword, or one that names axes (`by`, `over`).
        name: Option<String>,
    },
    /// Write a new script to begin with: `cfx new noise` writes noise/exp.cfx, `cfx new noise.cfx` that file.
    New {
        /// Folder or script.
        name: PathBuf,
        /// What it begins with.
        #[arg(long, value_enum, default_value_t = Template::Train)]
        template: Template,
    },
    /// Serve an editor over standard input and output (Language Server Protocol).
    Lsp,
    /// Print what a shell needs to complete the command's arguments.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual's pages, one a command, to a folder.
    Man {
        /// The folder.
        folder: PathBuf,
    },
    /// List what a store holds.
    Ls(StoreArgs),
    /// Show one result of a store.
    Show {
        /// Its key or the first digits of it; or the name of a declaration, with coordinates or without: `acc`, `acc[run: 0]`.
        key: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Show the progress of a script's run on a cluster.
    Status(Cluster),
    /// Follow the run of a script on a cluster until it is over.
    Attach(Cluster),
    /// Remove the jobs of a script from a cluster's queue and end those that run.
    Cancel(Cluster),
    /// Compute one task of a run on a cluster: what its jobs run.
    #[command(hide = true)]
    Work(Work),
    /// Write a script, the scripts that it uses and its results into one archive, without its data.
    Export(Export),
    /// Write down beside a script what its results depend on: hashes of the files that it reads, versions, the kind of device, parameters.
    Lock(Lock),
    /// Say how two runs differ: settings, numbers with their errors, claims, versions. Exits with 1 if they do.
    Diff(Diff),
    /// Copy the results of a script to another store, by content.
    Push(Push),
    /// Copy the results of a script from another store, by content.
    Pull(Pull),
    /// Remove from a store what recent runs did not use.
    Gc {
        /// Runs to keep.
        #[arg(long, default_value_t = 5)]
        keep: usize,
        #[command(flatten)]
        store: StoreArgs,
    },
}

/// What a new script begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// A network trained on data that come with cfx, its accuracy over repeated runs.
    Train,
    /// Class densities of a network's stages.
    Densities,
    /// Representations of two trainings compared.
    Compare,
    /// Activations that another program wrote.
    Activations,
}

/// Where a store is.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// Script whose store it is; without one, the store of this folder.
    pub script: Option<PathBuf>,
    /// Folder of the store, if it is another one.
    #[arg(long)]
    pub store: Option<PathBuf>,
    /// Another store to read; nothing is written to it. May be given more than once.
    #[arg(long, value_name = "DIR")]
    pub also: Vec<PathBuf>,
}

impl StoreArgs {
    /// Returns the folder of the store: the one named, or `.cfx` beside the script, or in this folder.
    pub fn folder(&self) -> PathBuf {
        let beside = || self.script.as_ref().and_then(|s| s.parent()).unwrap_or(Path::new("")).join(".cfx");
        self.store.clone().unwrap_or_else(beside)
    }
}

/// A script and what it is given.
#[derive(Clone, Debug, Args)]
pub struct Script {
    /// The script; `check` takes `-` for standard input.
    pub script: PathBuf,
    /// Value of a parameter: `--set epochs=10`.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub set: Vec<(String, String)>,
    /// Another folder that the script may read from.
    #[arg(long = "data", value_name = "DIR")]
    pub data: Vec<PathBuf>,
}

/// `cfx check`
#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub script: Script,
    /// Print the type of every declaration.
    #[arg(long)]
    pub types: bool,
    /// Print messages (and types) as one JSON object on standard output.
    #[arg(long)]
    pub json: bool,
    /// File whose name messages use for a script from standard input, and below whose folder it reads.
    #[arg(long, value_name = "FILE")]
    pub name: Option<PathBuf>,
    /// Print the script as a stage of the pipeline sees it.
    #[arg(long, value_enum)]
    pub emit: Option<Emit>,
}

/// Stages of the pipeline that can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Emit {
    /// The syntax tree.
    Ast,
    /// The typed tree.
    Typed,
    /// The cells.
    Plan,
}

/// `cfx plan`
#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    pub script: Script,
    /// Folder of the store (default: `.cfx` beside the script).
    #[arg(long)]
    pub store: Option<PathBuf>,
    /// Another store, whose results are used if this one has none; nothing is written to it. May be given more than once.
    #[arg(long, value_name = "DIR")]
    pub also: Vec<PathBuf>,
    /// Print the graph of declarations in Graphviz's language.
    #[arg(long)]
    pub dot: bool,
    /// Write the graph of declarations as an SVG picture.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Say what changed since the last run for this declaration.
    #[arg(long, value_name = "NAME")]
    pub why: Option<String>,
    /// Plan only what this declaration, figure or claim needs, by its name or title. May be given more than once.
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Plan only the declarations of the script up to this one.
    #[arg(long, value_name = "NAME")]
    pub until: Option<String>,
    /// Show the jobs that a run on this site would submit: a site's file, or the name of one in `~/.config/cfx/sites.toml`.
    #[arg(long, value_name = "SITE")]
    pub on: Option<String>,
    /// Exit with 3 if data, versions or parameters are not those of the script's lock (`cfx lock`).
    #[arg(long)]
    pub locked: bool,
    /// Room for weights that stay for later runs, as in `run`.
    #[arg(long, value_name = "SIZE", value_parser = room, allow_hyphen_values = true)]
    pub keep_under: Option<f64>,
}

/// `cfx run`
#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    pub script: Script,
    /// Folder of the store (default: `.cfx` beside the script).
    #[arg(long)]
    pub store: Option<PathBuf>,
    /// Another store, whose results are used if this one has none; nothing is written to it. May be given more than once.
    #[arg(long, value_name = "DIR")]
    pub also: Vec<PathBuf>,
    /// Folder of the results (default: `results/NAME` beside the script).
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Run on a cluster and return: a site's file, or the name of one in `~/.config/cfx/sites.toml`. `local` is this machine.
    #[arg(long, value_name = "SITE")]
    pub on: Option<String>,
    /// Threads.
    #[arg(long, value_parser = cores, allow_hyphen_values = true)]
    pub threads: Option<usize>,
    /// Memory that cells running side by side may take, in GiB (default: half of what the machine, its container or its job has). A cell that needs more does not start.
    #[arg(long, value_parser = positive, allow_hyphen_values = true)]
    pub memory: Option<f64>,
    /// Memory of the GPU that cells running side by side may take, in GiB (default: nine tenths of it). A cell that needs more has the GPU to
    /// itself.
    #[arg(long, value_parser = positive, allow_hyphen_values = true)]
    pub device_memory: Option<f64>,
    /// Run again whenever the script, or a script that it uses, is saved.
    #[arg(long)]
    pub watch: bool,
    /// Compute only what this declaration, figure or claim needs, by its name or title. May be given more than once.
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Compute only the declarations of the script up to this one.
    #[arg(long, value_name = "NAME")]
    pub until: Option<String>,
    /// Do not run, and end with 3, where data, versions, parameters or the kind of device are other ones than the script's lock says (`cfx lock`).
    #[arg(long)]
    pub locked: bool,
    /// Stop at the first failure.
    #[arg(long)]
    pub fail_fast: bool,
    /// After a failure, compute all cells that do not need the failed one (the default).
    #[arg(long, conflicts_with = "fail_fast")]
    pub keep_going: bool,
    /// Exit with 4 if a claim fails.
    #[arg(long)]
    pub strict: bool,
    /// Use only results of this kind of device.
    #[arg(long)]
    pub same_kind: bool,
    /// Device of networks: `auto`, `cpu`, `cuda:N`, `metal`, or `candle` (the GPU engine on the CPU).
    #[arg(long, default_value = "auto")]
    pub device: String,
    /// Write curves of training, and traces of chains, as TensorBoard's event files below this folder during the run.
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
    /// Report progress as one JSON object a line.
    #[arg(long)]
    pub json: bool,
    /// Stop when a run exceeds this: `2h`, `16GiB` of memory, `disk:50GiB`. May be given more than once.
    #[arg(long, value_name = "LIMIT", allow_hyphen_values = true)]
    pub limit: Vec<String>,
    /// Use leases instead of file locks in this store from now on: for network file systems whose locks hold on one machine only. File
    /// systems without locks are detected.
    #[arg(long)]
    pub leases: bool,
    /// Keep weights for later runs while they take no more than this in the store; above it, those cheapest to make and oldest are removed first.
    /// `0` keeps none (default: 20G, or half of the free disk if that is less). Weights with `keep: weights` always stay.
    #[arg(long, value_name = "SIZE", value_parser = room, allow_hyphen_values = true)]
    pub keep_under: Option<f64>,
}

/// `cfx serve`
#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    pub run: Run,
    /// Port of this machine to listen on; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    pub port: u16,
}

/// `cfx status`, `cfx attach`, `cfx cancel`
#[derive(Debug, Args)]
pub struct Cluster {
    /// The script.
    pub script: PathBuf,
    /// Folder of the store (default: `.cfx` beside the script).
    #[arg(long)]
    pub store: Option<PathBuf>,
}

/// `cfx export`
#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    pub script: Script,
    /// Folder of the results (default: `results/NAME` beside the script).
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// The archive (default: `NAME.zip` beside the script).
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}

/// `cfx lock`
#[derive(Debug, Args)]
pub struct Lock {
    #[command(flatten)]
    pub script: Script,
    /// Folder of the store (default: `.cfx` beside the script), whose results say on which kinds of device they were computed.
    #[arg(long)]
    pub store: Option<PathBuf>,
    /// Lock the kind of device of this machine with networks on this device, and not the kinds of the results in the store.
    #[arg(long, default_value = "auto")]
    pub device: String,
}

/// `cfx diff`
#[derive(Debug, Args)]
pub struct Diff {
    /// A folder of results, its manifest.json, or an archive of `cfx export`.
    pub a: PathBuf,
    /// Another.
    pub b: PathBuf,
    /// Print the differences as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// What of a store is copied.
#[derive(Debug, Args)]
pub struct Carried {
    #[command(flatten)]
    pub script: Script,
    /// Folder of the script's store (default: `.cfx` beside the script).
    #[arg(long)]
    pub store: Option<PathBuf>,
    /// Copy everything in the store, of all scripts.
    #[arg(long)]
    pub all: bool,
    /// Also copy weights without `keep: weights`, if they are still there.
    #[arg(long)]
    pub weights: bool,
}

/// `cfx push`
#[derive(Debug, Args)]
pub struct Push {
    #[command(flatten)]
    pub what: Carried,
    /// The other store: a folder, one of another machine as `ssh://HOST/PATH` or `HOST:PATH` (by rsync), or one in a bucket as `s3://BUCKET/FOLDER`, `gs://…`
    /// or `az://…`.
    #[arg(long, value_name = "STORE")]
    pub to: String,
}

/// `cfx pull`
#[derive(Debug, Args)]
pub struct Pull {
    #[command(flatten)]
    pub what: Carried,
    /// The other store: a folder, one of another machine as `ssh://HOST/PATH` or `HOST:PATH` (by rsync), or one in a bucket as `s3://BUCKET/FOLDER`, `gs://…`
    /// or `az://…`.
    #[arg(long, value_name = "STORE")]
    pub from: String,
}

/// `cfx work`
#[derive(Debug, Args)]
pub struct Work {
    /// The folder of the run.
    pub folder: PathBuf,
    /// The number of the task.
    pub task: usize,
    /// The attempt: `JOB.RESTARTS.ROUND`.
    #[arg(long)]
    pub attempt: String,
    /// How the process of the round before died.
    #[arg(long)]
    pub crashed: Option<i32>,
}

/// `cfx fmt`
#[derive(Debug, Args)]
pub struct Fmt {
    /// The scripts.
    #[arg(required = true)]
    pub scripts: Vec<PathBuf>,
    /// Write nothing; exit with 3 where a script is not in the standard format.
    #[arg(long)]
    pub check: bool,
}

fn room(text: &str) -> Result<f64, String> {
    size::parse(text).ok_or_else(|| "write a size, such as `--keep-under 20G`, or 0".to_string())
}

fn cores(text: &str) -> Result<usize, String> {
    text.trim().parse().map_err(|_| "write a whole number, such as `--threads 4`".to_string())
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.trim().parse().ok().filter(|x: &f64| *x > 0.0 && x.is_finite());
    number.ok_or_else(|| "write a number above 0, such as `--memory 8`".to_string())
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_string(), value.trim().to_string())),
        _ => Err("write NAME=VALUE, such as `--set epochs=10`".to_string()),
    }
}
