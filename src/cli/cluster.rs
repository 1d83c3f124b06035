//! `cfx run --on`, `cfx plan --on`, `cfx status`, `cfx attach`, `cfx cancel`, and what jobs run.

mod words;

use super::arguments::{Cluster, Plan, Run, Work};
use super::out::{drawn, say, tell};
use super::run::{Prepared, prepare, record_name, results_folder, undeclared, unwritten};
use super::{Exit, locked, render, room, stop};
use crate::api::{self, Registry, Source};
use crate::base::Hasher;
use crate::cluster::campaign::{Campaign, FOUND_BY, Folder, Kinds};
use crate::cluster::executor::Executor;
use crate::cluster::site::{self, Site};
use crate::cluster::slurm::Slurm;
use crate::cluster::status::Survey;
use crate::cluster::submit::{self, Asked, Jobs};
use crate::cluster::work as job;
use crate::engine::{Store, progress, store};
use crate::plan::graph::Graph;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Returns whether a run is meant for a cluster.
pub fn is_meant(on: &Option<String>) -> bool {
    on.as_ref().is_some_and(|on| on != "local")
}

/// Reads a site: a file where there is one of that name, or a table of the user's `sites.toml`.
fn site(on: &str) -> Result<Site, Exit> {
    let path = Path::new(on);
    let of_file = path.is_file() || on.contains('/') || on.ends_with(".toml");
    let usual = site::usual_file();
    let file = match (of_file, &usual) {
        (true, _) => path,
        (false, Some(usual)) if usual.is_file() => usual.as_path(),
        (false, _) => {
            let sites = usual.map_or("sites.toml".to_string(), |u| u.display().to_string());
            tell!(
                "there is no file `{on}`, and no {sites} that could describe a site of that name; docs/cluster.md describes \
                 its keys"
            );
            return Err(Exit::Usage);
        }
    };
    let text = api::read_text(file).map_err(|e| {
        tell!("{} cannot be read: {e}", file.display());
        Exit::Usage
    })?;
    let read = if of_file { site::of_file(file, &text) } else { site::of_name(on, file, &text) };
    read.map_err(|(diags, sources)| {
        drawn(&render::render(&diags, &sources, std::io::stderr().is_terminal()));
        Exit::Usage
    })
}

/// Says what of a command's options is of this machine alone.
fn of_this_machine(arguments: &Run) -> Option<String> {
    let given = [
        ("--threads", arguments.threads.is_some(), "the site's file says `cores`"),
        ("--memory", arguments.memory.is_some(), "the site's file says `memory`"),
        ("--device-memory", arguments.device_memory.is_some(), "jobs take nine tenths of their device"),
        ("--device", arguments.device != "auto", "the site's file says `device`"),
        ("--limit", !arguments.limit.is_empty(), "the site's file says `time`"),
        ("--fail-fast", arguments.fail_fast, "cells that do not need a failed cell are computed"),
        ("--watch", arguments.watch, "a script is sent once"),
        ("--also", !arguments.also.is_empty(), OWN_STORE),
        ("--tensorboard", arguments.tensorboard.is_some(), "`cfx status` shows the progress of the jobs"),
        ("--same-kind", arguments.same_kind, "jobs take what the store has"),
        ("--strict", arguments.strict, "`cfx status` says how the run ended"),
        ("--json", arguments.json, "`cfx status` shows the progress of the jobs"),
    ];
    let (name, _, why) = given.into_iter().find(|g| g.1)?;
    Some(format!("`{name}` is for runs on this machine: on a cluster, {why}"))
}

const OWN_STORE: &str = "jobs read the script's own store; `cfx pull` brings results into it";

/// Says what of a command's options a plan of jobs does not answer.
fn of_other_plans(arguments: &Plan) -> Option<String> {
    let given = [("--why", arguments.why.is_some()), ("--dot", arguments.dot), ("--svg", arguments.svg.is_some())];
    if !arguments.also.is_empty() {
        return Some(format!("`--also` is for runs on this machine: on a cluster, {OWN_STORE}"));
    }
    let (name, _) = given.into_iter().find(|g| g.1)?;
    Some(format!("`{name}` says nothing of jobs: leave out `--on`"))
}

/// `cfx run --on SITE`: sends what is missing and returns.
pub fn run(arguments: &Run) -> Exit {
    if let Some(words) = of_this_machine(arguments) {
        tell!("{words}");
        return Exit::Usage;
    }
    let site = match arguments.on.as_deref().map(site) {
        Some(Ok(site)) => site,
        Some(Err(exit)) => return exit,
        None => return Exit::Usage,
    };
    let registry = Registry::standard();
    let open = if arguments.leases { Store::open_with_leases } else { Store::open };
    let Prepared { source, checked, graph, store } = match prepare(&arguments.script, &arguments.store, &registry, open) {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    let kinds = api::kinds(&graph, &store);
    let held = match locked::compared(&arguments.script, &source, &checked, &graph, kinds, arguments.locked) {
        Ok(held) => held,
        Err(exit) => return exit,
    };
    // Jobs find out on which device they run.
    let kinds = held.as_ref().map(|h| Kinds { known: h.devices.clone(), only: arguments.locked });
    let source = Source { lock: held.map(|h| h.differences), ..source };
    let mut slurm = Slurm;
    let note = run_note(&arguments.script.script);
    // From looking until the note of what was sent is there, one command at a time.
    let _sending = match store.try_lock_cell(&Hasher::new("sending").text(&note).finish()) {
        Ok(Some(lock)) => lock,
        Ok(None) => {
            tell!("another `cfx run --on` of this script sends its jobs at this moment; `cfx status` shows their progress");
            return Exit::Usage;
        }
        Err(e) => {
            tell!("{e}");
            return Exit::Store;
        }
    };
    match earlier(&store, &note, &mut slurm) {
        Ok(Some((_, _, survey))) if survey.is_live() => {
            say!("jobs of this script are in the queue; `cfx status` shows their progress, `cfx cancel` takes them out");
            return Exit::Done;
        }
        Ok(_) => {}
        Err(words) => {
            tell!("{words}");
            return Exit::Usage;
        }
    }
    let out = results_folder(&arguments.out, &source, &arguments.script.script);
    if let Err(e) = api::ready(&source, &graph, &out) {
        return unwritten(&out, &e);
    }
    let jobs = match jobs(&graph, &arguments.only, arguments.until.as_deref(), &store, &site) {
        Ok(jobs) => jobs,
        Err(exit) => return exit,
    };
    if is_hopeless(&jobs, &graph, &site) {
        return Exit::Usage;
    }
    let asked = Asked {
        source: &source,
        checked: &checked,
        graph: &graph,
        out: &out,
        only: &arguments.only,
        until: arguments.until.as_deref(),
        note: record_name(&arguments.script),
        found_by: note,
        keep_under: room::for_weights(arguments.keep_under, &store),
        kinds,
        site: &site,
    };
    match submit::send(&asked, &jobs, &store, &mut slurm, &|pause: Duration| std::thread::sleep(pause)) {
        Ok(sent) => {
            say!("{}", words::sent(&jobs, &sent, &site));
            Exit::Done
        }
        Err(words) => {
            tell!("{words}");
            Exit::Usage
        }
    }
}

/// `cfx plan --on SITE`: what would be sent.
pub fn plan(arguments: &Plan) -> Exit {
    if let Some(words) = of_other_plans(arguments) {
        tell!("{words}");
        return Exit::Usage;
    }
    let site = match arguments.on.as_deref().map(site) {
        Some(Ok(site)) => site,
        Some(Err(exit)) => return exit,
        None => return Exit::Usage,
    };
    let registry = Registry::standard();
    let Prepared { source, checked, graph, store } = match prepare(&arguments.script, &arguments.store, &registry, Store::look) {
        Ok(prepared) => prepared,
        Err(exit) => return exit,
    };
    let kinds = api::kinds(&graph, &store);
    if let Err(exit) = locked::compared(&arguments.script, &source, &checked, &graph, kinds, arguments.locked) {
        return exit;
    }
    let jobs = match jobs(&graph, &arguments.only, arguments.until.as_deref(), &store, &site) {
        Ok(jobs) => jobs,
        Err(exit) => return exit,
    };
    super::out::said(&words::planned(&jobs, &site, room::free(store.root())));
    if is_hopeless(&jobs, &graph, &site) { Exit::Usage } else { Exit::Done }
}

/// Cuts what is missing for what is asked for into jobs.
fn jobs(graph: &Graph, only: &[String], until: Option<&str>, store: &Store, site: &Site) -> Result<Jobs, Exit> {
    match api::wanted_for(graph, only, until) {
        Ok(wanted) => Ok(Jobs::of(graph, &wanted, store, site)),
        Err(name) => Err(undeclared(&name, graph)),
    }
}

/// Says why jobs could only fail on a site; returns whether they could.
fn is_hopeless(jobs: &Jobs, graph: &Graph, site: &Site) -> bool {
    let all = jobs.hopeless(graph, site);
    all.iter().for_each(|words| tell!("on {} this can only fail: {words}", site.name));
    !all.is_empty()
}

/// Returns the name of the note that says in which folder the last run of a script on a cluster lies. Several scripts of one name may have one store.
fn run_note(script: &Path) -> String {
    let stem = script.file_name().and_then(|s| s.to_str()).unwrap_or("script");
    let folder = script.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
    let folder = Hasher::new("script").text(&folder.to_string_lossy()).text(stem).finish().to_string();
    format!("{FOUND_BY}{}-{}", crate::report::slug(stem), &folder[..12])
}

/// A run on a cluster: its folder, what was frozen, how it stands.
type Found = (Folder, Campaign, Survey);

/// Returns the last run of a script on a cluster, where there was one.
///
/// Errors: the batch system gives no answer.
fn earlier(store: &Store, note: &str, executor: &mut dyn Executor) -> Result<Option<Found>, String> {
    let Some(folder) = store.note(note).map(|id| Folder::of(store.root(), id.trim())) else { return Ok(None) };
    // A folder that was swept is of a run that is long over.
    let Ok(campaign) = folder.campaign() else { return Ok(None) };
    let queue = executor.jobs()?;
    let survey = Survey::of(&campaign, &folder, &queue);
    Ok(Some((folder, campaign, survey)))
}

/// Finds the last run of a script on a cluster.
fn find(arguments: &Cluster, executor: &mut dyn Executor) -> Result<Found, Exit> {
    let beside = arguments.script.parent().unwrap_or(Path::new("")).join(store::FOLDER);
    let root: PathBuf = arguments.store.clone().unwrap_or(beside);
    let store = Store::look(&root).map_err(|e| {
        tell!("{e}");
        Exit::Store
    })?;
    match earlier(&store, &run_note(&arguments.script), executor) {
        Ok(Some(found)) => Ok(found),
        Ok(None) => {
            tell!("{} has not been run on a cluster with the store {}", arguments.script.display(), root.display());
            Err(Exit::Usage)
        }
        Err(words) => {
            tell!("{words}");
            Err(Exit::Usage)
        }
    }
}

/// Returns how the command ends that tells how a run stands.
fn exit(survey: &Survey) -> Exit {
    if !survey.is_over() || words::all_done(survey) { Exit::Done } else { Exit::CellFailed }
}

/// `cfx status`
pub fn status(arguments: &Cluster) -> Exit {
    match find(arguments, &mut Slurm) {
        Ok((folder, campaign, survey)) => {
            super::out::said(&words::status(&folder, &campaign, &survey));
            exit(&survey)
        }
        Err(exit) => exit,
    }
}

/// The queue is asked this often while a run is followed, and the files are read.
const ASK_EVERY: Duration = Duration::from_secs(30);
const READ_EVERY: Duration = Duration::from_secs(5);

/// `cfx attach`
pub fn attach(arguments: &Cluster) -> Exit {
    let mut slurm = Slurm;
    let (folder, campaign, _) = match find(arguments, &mut slurm) {
        Ok(found) => found,
        Err(exit) => return exit,
    };
    let stop = stop::flag();
    let mut queue = match slurm.jobs() {
        Ok(jobs) => jobs,
        Err(words) => {
            tell!("{words}");
            return Exit::Usage;
        }
    };
    let mut asked = std::time::Instant::now();
    let mut last = String::new();
    loop {
        let mut survey = Survey::of(&campaign, &folder, &queue);
        // What looks over by an old answer may have been sent again.
        if asked.elapsed() >= ASK_EVERY || survey.is_over() {
            match slurm.jobs() {
                Ok(jobs) => queue = jobs,
                // A controller that is restarted answers the next time.
                Err(words) => tell!("{words}"),
            }
            asked = std::time::Instant::now();
            survey = Survey::of(&campaign, &folder, &queue);
        }
        let line = words::line(&survey);
        if line != last {
            tell!("{line}");
            last = line;
        }
        if survey.is_over() {
            super::out::said(&words::status(&folder, &campaign, &survey));
            return exit(&survey);
        }
        for _ in 0..READ_EVERY.as_millis() / 100 {
            if stop.load(std::sync::atomic::Ordering::Relaxed) {
                tell!("the jobs continue; `cfx attach` follows them again");
                return Exit::Interrupted;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// `cfx cancel`
pub fn cancel(arguments: &Cluster) -> Exit {
    let mut slurm = Slurm;
    let (folder, _, survey) = match find(arguments, &mut slurm) {
        Ok(found) => found,
        Err(exit) => return exit,
    };
    if !survey.is_live() {
        say!("no job of this script is in the queue");
        return Exit::Done;
    }
    // The mark first: what begins meanwhile does nothing.
    if let Err(words) = folder.cancel().and_then(|()| slurm.cancel(&folder.jobs().into_iter().map(|a| a.id).collect::<Vec<_>>()))
    {
        tell!("{words}");
        return Exit::Usage;
    }
    say!("the jobs are cancelled; what they computed is kept, and the same `cfx run --on` computes what is missing");
    Exit::Done
}

/// `cfx work`: what a job runs.
pub fn work(arguments: &Work) -> Exit {
    let asked = job::Asked {
        folder: &arguments.folder,
        task: arguments.task,
        attempt: &arguments.attempt,
        crashed: arguments.crashed,
        interrupt: stop::of_job(),
        executor: &std::sync::Mutex::new(Slurm),
        // At once: what libraries tear down at the end may be in use.
        leave: &|ended| signal_hook::low_level::exit(exit_of(&ended) as i32),
    };
    let observer = progress::on_stderr(false);
    match job::work(&asked, observer.as_ref(), &|words: &str| say!("{words}")) {
        Ok(ended) => exit_of(&ended),
        Err(words) => {
            tell!("{words}");
            Exit::Script
        }
    }
}

/// Returns the code with which a job ends, by which its script knows whether it is to be queued again.
fn exit_of(ended: &job::Ended) -> Exit {
    match ended {
        job::Ended::Done | job::Ended::Over => Exit::Done,
        job::Ended::Failed => Exit::CellFailed,
        job::Ended::Stopped => Exit::Again,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_scripts_of_one_name_are_found_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let script = |name: &str| {
            let below = folder.path().join(name);
            std::fs::create_dir(&below).expect("a folder");
            below.join("exp.cfx")
        };
        let (one, two) = (script("a"), script("b"));
        assert_ne!(run_note(&one), run_note(&two));
        assert_eq!(run_note(&one), run_note(&folder.path().join("b/../a/exp.cfx")));
        assert_ne!(run_note(&one), run_note(&one.with_file_name("exp-cfx")));
    }
}
