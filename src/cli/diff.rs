//! `cfx diff`: two runs side by side.

use super::Exit;
use super::arguments::Diff as Arguments;
use super::out::{said, say, tell};
use crate::report::diff::{Diff, Side};

/// Says how two runs differ. Exit code 0: they do not; 1: they do.
pub fn diff(arguments: &Arguments) -> Exit {
    let (a, b) = match (Side::read(&arguments.a), Side::read(&arguments.b)) {
        (Ok(a), Ok(b)) => (a, b),
        (Err(words), _) | (_, Err(words)) => {
            tell!("{words}");
            return Exit::Usage;
        }
    };
    let diff = Diff::of(&a, &b);
    match arguments.json {
        true => say!("{}", diff.json()),
        false => said(&diff.text()),
    }
    if diff.is_same() { Exit::Done } else { Exit::CellFailed }
}
