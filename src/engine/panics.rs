//! Panics of cells: kept for logs in place of being printed.

use std::cell::Cell as Slot;
use std::sync::{Mutex, PoisonError};

/// Name of the threads that run cells: panics on them are kept for logs.
pub(super) const THREAD: &str = "cfx-cell";

/// The last panics on threads that run cells, with places and stacks.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

thread_local! {
    static IN_HOOK: Slot<bool> = const { Slot::new(false) };
}

/// Keeps panics of cells for logs in place of printing them; others are printed as before.
pub(super) fn catch_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let ours = std::thread::current().name().is_some_and(|n| n.starts_with(THREAD));
        if !ours || IN_HOOK.replace(true) {
            return before(info);
        }
        let text = format!("{info}\n{}", std::backtrace::Backtrace::force_capture());
        let mut panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
        if panics.len() < 16 {
            panics.push(text);
        }
        IN_HOOK.set(false);
    }));
}

/// Takes the panics kept since the last time. Where cells panic at the same moment, one log has them all.
pub(super) fn last_panics() -> String {
    std::mem::take(&mut *PANICS.lock().unwrap_or_else(PoisonError::into_inner)).join("\n")
}
