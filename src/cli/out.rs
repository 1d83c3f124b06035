//! Words for the terminal: names of scripts, files and classes reach it as plain text, and an output that takes no more words costs no result.

use crate::base::text::harmless;
use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether something could not be written to the standard output.
static FULL: AtomicBool = AtomicBool::new(false);

/// Writes a line to the standard output.
macro_rules! say {
    ($($words:tt)*) => { $crate::cli::out::said(&format!("{}\n", format_args!($($words)*))) };
}

/// Writes a line to the standard error.
macro_rules! tell {
    ($($words:tt)*) => { $crate::cli::out::told(format_args!($($words)*)) };
}

pub(super) use {say, tell};

/// Writes a text to the standard output, control characters made visible.
pub fn said(text: &str) {
    let mut out = io::stdout().lock();
    if out.write_all(harmless(text).as_bytes()).and_then(|()| out.flush()).is_err() {
        FULL.store(true, Ordering::Relaxed);
    }
}

/// Writes a line to the standard error, control characters made visible. Where nothing can be written there is nobody to be told.
pub fn told(words: fmt::Arguments) {
    let _ = writeln!(io::stderr().lock(), "{}", harmless(&words.to_string()));
}

/// Writes messages as they were drawn, with their colours, to the standard error.
pub fn drawn(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Returns whether something could not be written to the standard output.
pub fn full() -> bool {
    FULL.load(Ordering::Relaxed)
}
