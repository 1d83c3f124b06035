//! Calls that cannot be interrupted: one that takes long has a thread of its own, and its cell looks meanwhile whether the run stops.

use super::kernel::Context;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

/// A call that is expected to take more seconds than this has a thread of its own.
pub const LONG: f64 = 0.2;

/// How long a cell waits for such a call before it looks again.
const WAIT: Duration = Duration::from_millis(50);

/// Why a call gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unheard {
    /// The run stops.
    Stopped,
    /// Its thread could not be started, or ended without a result.
    Thread(String),
}

/// Returns what a call gives that cannot be interrupted and takes about so many seconds; `name` is what its thread is called.
///
/// Errors: the run stops (then a call under way goes on by itself, and nobody hears of its result); no thread could be started.
pub fn apart<T: Send + 'static>(
    cx: &dyn Context,
    name: &str,
    seconds: f64,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Unheard> {
    if cx.interrupted() {
        return Err(Unheard::Stopped);
    }
    if seconds < LONG {
        return Ok(call());
    }
    let (tell, told) = sync_channel(1);
    // Nobody may listen any more.
    let thread = std::thread::Builder::new().name(name.to_string()).spawn(move || drop(tell.send(call())));
    let thread = thread.map_err(|e| Unheard::Thread(format!("no thread could be started: {e}")))?;
    loop {
        match told.recv_timeout(WAIT) {
            Ok(result) => return Ok(result),
            Err(RecvTimeoutError::Timeout) if cx.interrupted() => return Err(Unheard::Stopped),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => match thread.join() {
                Err(panic) => std::panic::resume_unwind(panic),
                Ok(()) => return Err(Unheard::Thread("it gave no result".to_string())),
            },
        }
    }
}
