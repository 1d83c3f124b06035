//! Signals that stop a run: Ctrl-C, the end of the terminal, the wish of the system.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Returns a flag that Ctrl-C, SIGTERM and SIGHUP set: cells then stop, with checkpoints. The second Ctrl-C or SIGTERM ends the process at
/// once. Signals that the process was started to ignore (`nohup`) are ignored.
#[cfg(unix)]
pub fn flag() -> Arc<AtomicBool> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|s| !is_ignored(*s)) {
        // The second signal finds the flag set and ends the process; only then is it set by the first. A terminal that goes sends several.
        if signal != SIGHUP {
            let _ = signal_hook::flag::register_conditional_shutdown(signal, 130, flag.clone());
        }
        let _ = signal_hook::flag::register(signal, flag.clone());
    }
    flag
}

/// Returns a flag that the signals of a batch system set: the end of the job's time is near (SIGUSR1), the job is preempted or cancelled (SIGTERM).
/// None of them ends the process, however often it comes.
#[cfg(unix)]
pub fn of_job() -> Arc<AtomicBool> {
    use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGUSR1, SIGTERM, SIGINT] {
        let _ = signal_hook::flag::register(signal, flag.clone());
    }
    flag
}

/// Returns a flag that Ctrl-C sets.
#[cfg(not(unix))]
pub fn of_job() -> Arc<AtomicBool> {
    flag()
}

/// Returns a flag that Ctrl-C sets.
#[cfg(not(unix))]
pub fn flag() -> Arc<AtomicBool> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 130, flag.clone());
        let _ = signal_hook::flag::register(signal, flag.clone());
    }
    flag
}

/// Lets the process end, while the flag is set, when nothing reads its output any more.
#[cfg(unix)]
pub fn without_reader(ends: &Arc<AtomicBool>) {
    let _ = signal_hook::flag::register_conditional_default(signal_hook::consts::SIGPIPE, ends.clone());
}

/// Lets the process end when nothing reads its output any more: nothing to do where the system has no signal for it.
#[cfg(not(unix))]
pub fn without_reader(_ends: &Arc<AtomicBool>) {}

/// Returns whether the process was started with a signal ignored, where the system tells.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:")).and_then(|m| u64::from_str_radix(m.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
