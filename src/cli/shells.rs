//! What shells and `man` need, made from the command's own arguments.

use super::Exit;
use super::arguments::Arguments;
use super::out::{said, tell};
use clap::CommandFactory;
use std::path::Path;

/// Prints a shell's script of completions.
pub fn completions(shell: clap_complete::Shell) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "cfx", &mut text);
    said(&String::from_utf8_lossy(&text));
    Exit::Done
}

/// Writes the pages of the manual.
pub fn man(folder: &Path) -> Exit {
    match std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Arguments::command(), folder)) {
        Ok(()) => Exit::Done,
        Err(e) => {
            tell!("the pages cannot be written to {}: {e}", folder.display());
            Exit::unwritten(&e)
        }
    }
}
