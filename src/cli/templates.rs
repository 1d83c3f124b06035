//! `cfx new`: scripts to begin with.

use super::Exit;
use super::arguments::Template;
use super::out::{say, tell};
use std::io::Write;
use std::path::{Path, PathBuf};

impl Template {
    /// Returns the script.
    pub fn text(self) -> &'static str {
        match self {
            Template::Train => include_str!("templates/train.cfx"),
            Template::Densities => include_str!("templates/densities.cfx"),
            Template::Compare => include_str!("templates/compare.cfx"),
            Template::Activations => include_str!("templates/activations.cfx"),
        }
    }
}

/// Writes a new script; one that is there stays as it is.
pub fn new(name: &Path, template: Template) -> Exit {
    let path = if name.extension().is_some_and(|e| e == "cfx") { name.to_path_buf() } else { name.join("exp.cfx") };
    match write(&path, template.text()) {
        Ok(()) => {
            say!("{}", path.display());
            tell!("run it with `cfx run {}`", crate::cluster::executor::quoted(&path.display().to_string()));
            Exit::Done
        }
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
            tell!("{} is there already; give another name", path.display());
            Exit::Usage
        }
        Err(e) => {
            tell!("{} cannot be written: {e}", path.display());
            Exit::unwritten(&e)
        }
    }
}

fn write(path: &PathBuf, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}
