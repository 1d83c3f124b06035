//! `cfx run --watch`: a script runs again whenever it, or a script that it uses, is saved.

use super::Exit;
use super::out::tell;
use super::stop;
use crate::api::{self, Source};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

/// How often files are looked at.
const PAUSE: Duration = Duration::from_millis(200);

/// When files were last written; nothing for one that is not there.
type Times = Vec<Option<SystemTime>>;

/// Runs the command with these arguments, without `--watch`, again and again until Ctrl-C. A run that goes on while the script is saved is stopped, with
/// checkpoints, and the next one goes on from there.
pub fn watch(script: &Path) -> Exit {
    let stop = stop::flag();
    let arguments: Vec<_> = std::env::args_os().skip(1).filter(|a| a != "--watch").collect();
    let program = match std::env::current_exe() {
        Ok(p) => p,
        Err(e) => {
            tell!("the command cannot be run again: {e}");
            return Exit::Usage;
        }
    };
    loop {
        let files = used(script);
        let seen = times(&files);
        let mut run = match Command::new(&program).args(&arguments).spawn() {
            Ok(run) => run,
            Err(e) => {
                tell!("the command cannot be run again: {e}");
                return Exit::Usage;
            }
        };
        let mut ended = false;
        loop {
            std::thread::sleep(PAUSE);
            let stopped = stop.load(Ordering::Relaxed);
            if !ended && matches!(run.try_wait(), Ok(Some(_)) | Err(_)) {
                ended = true;
                if !stopped {
                    tell!("waiting for {} to be saved; Ctrl-C ends it", script.display());
                }
            }
            if stopped || times(&files) != seen {
                if !ended {
                    interrupt(&mut run);
                    let _ = run.wait();
                }
                break;
            }
        }
        if stop.load(Ordering::Relaxed) {
            return Exit::Interrupted;
        }
    }
}

/// Returns a script and the scripts that it uses.
fn used(script: &Path) -> Vec<PathBuf> {
    let mut out = vec![script.to_path_buf()];
    if let Ok(source) = Source::read(script) {
        let files = source.files();
        out.extend(api::used(&source).iter().filter_map(|used| files.find(used).ok()));
    }
    out
}

/// Returns when each file was last written.
fn times(files: &[PathBuf]) -> Times {
    files.iter().map(|f| std::fs::metadata(f).and_then(|m| m.modified()).ok()).collect()
}

/// Asks a run to stop with checkpoints, where the system can ask.
fn interrupt(run: &mut Child) {
    #[cfg(unix)]
    if let Some(pid) = i32::try_from(run.id()).ok().and_then(rustix::process::Pid::from_raw)
        && rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_ok()
    {
        return;
    }
    let _ = run.kill();
}
