//! The command: arguments, the pipeline in one function, diagnostics on the terminal.
//!
//! In: arguments. Out: words on the terminal, files, an exit code. Never: work that the library could not do as well.

pub mod arguments;
mod cluster;
mod cut;
mod diff;
pub mod doc;
mod exchange;
mod export;
mod format;
pub mod listing;
mod lock;
mod locked;
mod lsp;
pub mod messages;
mod out;
mod plan;
pub mod render;
mod room;
pub mod run;
mod serve;
mod shells;
pub mod shown;
mod stop;
pub mod store;
mod templates;
mod usage;
mod watch;

use crate::engine::files::is_of_name;
use arguments::{Arguments, Command};
use clap::Parser;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How the command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything went well.
    Done = 0,
    /// A cell failed.
    CellFailed = 1,
    /// The arguments are wrong.
    Usage = 2,
    /// The script is wrong.
    Script = 3,
    /// A claim failed, under `--strict`.
    Claim = 4,
    /// The store is in use, or something cannot be written: the store, the results, the standard output.
    Store = 5,
    /// A job of a cluster stopped before its end and left checkpoints: it is to be queued again.
    Again = 75,
    /// Interrupted; run again to go on.
    Interrupted = 130,
}

impl Exit {
    /// Returns how a command ends that could not write a file: it was given a name that it cannot have, or the place does not take it.
    fn unwritten(error: &std::io::Error) -> Exit {
        if is_of_name(error) { Exit::Usage } else { Exit::Store }
    }
}

/// Runs the command with the process's arguments.
pub fn main() -> ExitCode {
    // A reader that has seen enough (`cfx doc | head`) ends the command, as it ends others.
    let ends = Arc::new(AtomicBool::new(true));
    stop::without_reader(&ends);
    let arguments = match Arguments::try_parse() {
        Ok(a) => a,
        Err(e) => {
            // Help and version are no mistakes.
            let exit = if e.use_stderr() { Exit::Usage } else { Exit::Done };
            let given: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
            let (e, help) = usage::explained(e, &given);
            let _ = e.print();
            if let Some(help) = help {
                out::tell!("help: {help}");
            }
            return ExitCode::from(exit as u8);
        }
    };
    // What computes or copies goes on without one: its results are files.
    let shows = !matches!(
        arguments.command,
        Command::Run(_) | Command::Serve(_) | Command::Work(_) | Command::Push(_) | Command::Pull(_) | Command::Gc { .. }
    );
    ends.store(shows, Ordering::Relaxed);
    let exit = match &arguments.command {
        Command::Run(a) if a.watch && !cluster::is_meant(&a.on) => watch::watch(&a.script.script),
        Command::Run(a) if cluster::is_meant(&a.on) => cluster::run(a),
        Command::Run(a) => run::run(a),
        Command::Serve(a) => serve::serve(a),
        Command::Check(a) => run::check(a),
        Command::Plan(a) if cluster::is_meant(&a.on) => cluster::plan(a),
        Command::Plan(a) => plan::plan(a),
        Command::Fmt(a) => format::fmt(a),
        Command::Doc { name } => doc::doc(name.as_deref()),
        Command::New { name, template } => templates::new(name, *template),
        Command::Lsp => lsp::lsp(),
        Command::Completions { shell } => shells::completions(*shell),
        Command::Man { folder } => shells::man(folder),
        Command::Ls(a) => store::ls(a),
        Command::Show { key, store } => store::show(key, store),
        Command::Gc { keep, store } => store::gc(*keep, store),
        Command::Export(a) => export::export(a),
        Command::Lock(a) => lock::lock(a),
        Command::Diff(a) => diff::diff(a),
        Command::Push(a) => exchange::push(a),
        Command::Pull(a) => exchange::pull(a),
        Command::Status(a) => cluster::status(a),
        Command::Attach(a) => cluster::attach(a),
        Command::Cancel(a) => cluster::cancel(a),
        Command::Work(a) => cluster::work(a),
    };
    if out::full() && exit == Exit::Done {
        out::tell!("not everything could be written to the standard output");
        return ExitCode::from(Exit::Store as u8);
    }
    ExitCode::from(exit as u8)
}
