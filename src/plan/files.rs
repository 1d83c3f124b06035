//! Which files a script may read: those below its own folder and below roots that the user granted.

use super::problem::Problem;
use crate::base::{Hash, natural};
use std::path::{Component, Path, PathBuf};

/// The folders that a script may read from, the script's own first.
#[derive(Clone, Debug)]
pub struct Files {
    roots: Vec<PathBuf>,
}

impl Files {
    /// Returns a view on the folder of the script and the granted roots.
    pub fn new(folder: &Path, granted: &[PathBuf]) -> Self {
        Files { roots: std::iter::once(folder.to_path_buf()).chain(granted.iter().cloned()).collect() }
    }

    /// Returns where a path of the script lies: below the first root that has it.
    ///
    /// Errors: the path is absolute, climbs with `..`, leaves its root through a link, or is nowhere.
    pub fn find(&self, path: &str) -> Result<PathBuf, Problem> {
        let problem =
            |code, message: String, help: &str| Problem { code, parameter: None, message, help: Some(help.to_string()) };
        let relative = Path::new(path);
        if path.is_empty() || relative.components().any(|c| !matches!(c, Component::Normal(_) | Component::CurDir)) {
            return Err(problem(
                "cfx::file::escapes",
                format!("the path `{path}` leaves the script's folder"),
                "write a path below the script's folder, or grant its folder with `--data DIR` and write the path below that",
            ));
        }
        for root in &self.roots {
            let Ok(real) = root.join(relative).canonicalize() else { continue };
            let inside = root.canonicalize().is_ok_and(|r| real.starts_with(r));
            if !inside {
                return Err(problem(
                    "cfx::file::escapes",
                    format!("`{path}` is a link that leaves the folder it may be read from"),
                    "grant the folder that the link points to with `--data DIR`",
                ));
            }
            return Ok(real);
        }
        let tried: Vec<_> = self.roots.iter().map(|r| r.join(relative).display().to_string()).collect();
        Err(problem(
            "cfx::file::missing",
            format!("there is no file or folder `{path}`"),
            &format!("looked at {}; grant another folder with `--data DIR`", tried.join(" and ")),
        ))
    }

    /// Returns the files below the roots that match a pattern with `*` in its last part, in natural order (`a2` before `a10`).
    ///
    /// Errors: as [`Files::find`]; also where nothing matches.
    pub fn matching(&self, pattern: &str) -> Result<Vec<PathBuf>, Problem> {
        if !pattern.contains('*') {
            return Ok(vec![self.find(pattern)?]);
        }
        let (folder, last) = pattern.rsplit_once('/').unwrap_or((".", pattern));
        let dir = self.find(folder)?;
        let mut found: Vec<PathBuf> =
            std::fs::read_dir(&dir).map(|entries| entries.flatten().map(|e| e.path()).collect()).unwrap_or_default();
        found.retain(|p| p.is_file() && p.file_name().and_then(|n| n.to_str()).is_some_and(|n| matches(last, n)));
        found.retain(|p| p.canonicalize().is_ok_and(|real| real.starts_with(&dir)));
        found.sort_by_key(|p| natural(&p.file_name().unwrap_or_default().to_string_lossy()));
        if found.is_empty() {
            return Err(Problem {
                code: "cfx::file::missing",
                parameter: None,
                message: format!("no file matches `{pattern}`"),
                help: Some(format!("looked in {}", dir.display())),
            });
        }
        Ok(found)
    }
}

/// Returns the hash of the contents of a file; of one that cannot be read, that of the word for it.
pub fn contents(path: &Path) -> Hash {
    let mut hasher = blake3::Hasher::new();
    match std::fs::File::open(path).and_then(|file| hasher.update_reader(file).map(|h| h.finalize())) {
        Ok(hash) => Hash(*hash.as_bytes()),
        Err(_) => Hash::of(b"unreadable"),
    }
}

/// Returns whether a name matches a pattern in which `*` stands for any run of characters.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name
            .strip_prefix(head)
            .is_some_and(|rest| (0..=rest.len()).filter(|i| rest.is_char_boundary(*i)).any(|i| matches(tail, &rest[i..]))),
    }
}
