//! Which files a script may read: those below its own folder and below roots that the user granted.

use super::problem::Problem;
use super::seen::{self, Seen, Stamp};
use crate::base::natural;
use crate::base::text::on_a_line;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The folders that a script may read from, the script's own first.
#[derive(Clone, Debug)]
pub struct Files {
    roots: Vec<PathBuf>,
    /// Files that were found, with their stamps when they first were.
    found: Arc<Mutex<BTreeMap<PathBuf, Option<Stamp>>>>,
    /// What the key of the cell holds that reads here; nothing else is found then.
    only: Option<Arc<[Seen]>>,
}

impl Files {
    /// Returns a view on the folder of the script and the granted roots.
    pub fn new(folder: &Path, granted: &[PathBuf]) -> Self {
        Files {
            roots: std::iter::once(folder.to_path_buf()).chain(granted.iter().cloned()).collect(),
            found: Arc::default(),
            only: None,
        }
    }

    /// Returns the view of a cell whose key holds these files: a path that leads elsewhere since, by a link or to a file that was not there, is refused.
    pub fn only(&self, seen: &Arc<[Seen]>) -> Files {
        Files { only: Some(seen.clone()), ..self.clone() }
    }

    /// Returns whether a real path is one that a cell's key holds. A folder is, where the key holds no names of folders: files in it may be links.
    fn is_planned(&self, real: &Path) -> bool {
        let Some(seen) = &self.only else { return true };
        if real.is_dir() {
            return seen.iter().all(|s| !s.folder) || seen.iter().any(|s| Path::new(&s.path).starts_with(real));
        }
        seen.iter().any(|s| Path::new(&s.path) == real)
    }

    /// Notes how a file, or a folder that is to be listed, stands before anything of it is read, the first time.
    pub fn note(&self, path: &Path) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if !found.contains_key(path) {
            found.insert(path.to_path_buf(), Stamp::of(path).ok());
        }
    }

    /// Returns a file that is no longer as it was when it was first found here, if there is one.
    pub fn changed(&self) -> Option<PathBuf> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.iter().find(|(path, stamp)| Stamp::of(path).ok() != **stamp).map(|(path, _)| path.clone())
    }

    /// Returns whether a real path, without links, lies below one of the roots.
    pub fn inside(&self, real: &Path) -> bool {
        self.roots.iter().any(|root| root.canonicalize().is_ok_and(|root| real.starts_with(root)))
    }

    /// Returns where a path of the script lies: below the first root that has it.
    ///
    /// Errors: the path is empty, absolute, climbs with `..`, leads by a link to where nothing may be read, is nowhere, or is neither a file nor
    /// a folder (a named pipe, a device).
    pub fn find(&self, path: &str) -> Result<PathBuf, Problem> {
        let problem = |code, message: String, help: &str| Problem {
            code,
            parameter: None,
            message: on_a_line(&message).into_owned(),
            help: Some(on_a_line(help).into_owned()),
        };
        let relative = Path::new(path);
        if path.trim().is_empty() {
            return Err(problem("cfx::file::missing", "the path is empty".to_string(), "write the name of a file or folder"));
        }
        if relative.components().any(|c| !matches!(c, Component::Normal(_) | Component::CurDir)) {
            return Err(problem(
                "cfx::file::escapes",
                format!("the path `{path}` leaves the script's folder"),
                "write a path below the script's folder, or grant its folder with `--data DIR` and write the path below that",
            ));
        }
        if relative.components().next().is_some_and(|c| c.as_os_str() == "~") && !self.roots.iter().any(|r| r.join("~").exists())
        {
            return Err(problem(
                "cfx::file::missing",
                format!("there is no file or folder `{path}`: `~` is none of its own here"),
                "grant its folder, which the shell spells out, with `--data ~/FOLDER`, and write the path below that",
            ));
        }
        for root in &self.roots {
            let Ok(real) = root.join(relative).canonicalize() else { continue };
            if !self.inside(&real) {
                return Err(outside(path, &real));
            }
            if let Some(what) = seen::no_file(&real) {
                return Err(once(path, what));
            }
            is_text(&real)?;
            if !self.is_planned(&real) {
                return Err(problem(
                    "cfx::file::changed",
                    format!("`{path}` leads to `{}`, and led elsewhere when the run was planned", real.display()),
                    "nothing was kept of what was read; run again, so that the plan is made for the files as they are now",
                ));
            }
            if real.is_file() {
                self.note(&real);
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

    /// Returns the files below the roots that match a pattern with `*` in its last part, in natural order (`a2` before `a10`). Names that begin
    /// with a dot match only where the pattern does.
    ///
    /// Errors: as [`Files::find`]; also where nothing matches, and where a link that matches leads to where nothing may be read.
    pub fn matching(&self, pattern: &str) -> Result<Vec<PathBuf>, Problem> {
        if !pattern.contains('*') {
            return Ok(vec![self.find(pattern)?]);
        }
        let (folder, last) = self::pattern(pattern);
        let dir = self.find(folder)?;
        let mut found: Vec<PathBuf> =
            std::fs::read_dir(&dir).map(|entries| entries.flatten().map(|e| e.path()).collect()).unwrap_or_default();
        let fits = |n: &str| matches(last, n) && n.starts_with('.') == last.starts_with('.');
        found.retain(|p| !p.is_dir() && p.file_name().is_some_and(|n| fits(&n.to_string_lossy())));
        found.sort_by_key(|p| natural(&p.file_name().unwrap_or_default().to_string_lossy()));
        for path in &found {
            is_text(path)?;
            match path.canonicalize() {
                Ok(real) if self.inside(&real) => match seen::no_file(&real) {
                    None => self.note(path),
                    Some(what) => return Err(once(&path.display().to_string(), what)),
                },
                Ok(real) => return Err(outside(&path.display().to_string(), &real)),
                Err(_) => return Err(nowhere(path)),
            }
        }
        if found.is_empty() {
            return Err(Problem {
                code: "cfx::file::missing",
                parameter: None,
                message: format!("no file matches `{pattern}`"),
                help: Some(format!("looked in {}; names that begin with a dot are skipped", dir.display())),
            });
        }
        Ok(found)
    }
}

/// Returns the problem of a link that leads out of all folders that may be read.
fn outside(path: &str, real: &Path) -> Problem {
    let folder = real.parent().unwrap_or(real).display();
    Problem {
        code: "cfx::file::escapes",
        parameter: None,
        message: on_a_line(&format!("`{path}` is a link to `{}`, outside the folders that may be read", real.display()))
            .into_owned(),
        help: Some(on_a_line(&format!("grant the folder that it points to: `--data {folder}`")).into_owned()),
    }
}

/// Checks that a path can be written down as a text: keys, manifests and locks hold it.
///
/// Errors: it is no UTF-8.
pub fn is_text(path: &Path) -> Result<(), Problem> {
    if path.to_str().is_some() {
        return Ok(());
    }
    Err(Problem {
        code: "cfx::file::broken",
        parameter: None,
        message: on_a_line(&format!("the path `{}` is not text in UTF-8", path.display())).into_owned(),
        help: Some(
            "rename the file or folder: `convmv -f latin1 -t utf8 -r --notest FOLDER` renames all in a folder".to_string(),
        ),
    })
}

/// Returns the problem of what is neither a file nor a folder.
fn once(path: &str, what: &str) -> Problem {
    Problem {
        code: "cfx::file::broken",
        parameter: None,
        message: on_a_line(&format!("`{path}` is {what}, which can be read once at most")).into_owned(),
        help: Some("write its output into a file, and name the file".to_string()),
    }
}

/// Returns the problem of a link to nothing.
fn nowhere(path: &Path) -> Problem {
    let to = std::fs::read_link(path).map(|to| format!(" (`{}`)", to.display())).unwrap_or_default();
    Problem {
        code: "cfx::file::missing",
        parameter: None,
        message: on_a_line(&format!("`{}` is a link to what is not there{to}", path.display())).into_owned(),
        help: Some("fetch the file (`git annex get`, `dvc pull`), or remove the link".to_string()),
    }
}

/// Returns the folder of a pattern, and what names in it match.
pub fn pattern(text: &str) -> (&str, &str) {
    text.rsplit_once('/').unwrap_or((".", text))
}

/// Returns whether a name matches a pattern in which `*` stands for any run of characters.
pub fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut rest) = name.strip_prefix(head) else { return false };
    // Each part as far in front as it stands, the last one at the end: no other way of taking them fits where this one does not.
    let (middle, last) = tail.rsplit_once('*').unwrap_or(("", tail));
    for part in middle.split('*') {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_runs_of_characters_in_little_time() {
        for (pattern, name) in
            [("*", ""), ("*", "a"), ("a*", "a"), ("*.npy", "l1.npy"), ("a*b*c", "aXbYbc"), ("a**c", "ac"), ("*é*", "aéb")]
        {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("a*a", "a"), ("*.npy", "l1.npz"), ("a*b*c", "acb"), ("", "a"), ("*ab*ba*", "aba"), ("x*", "y")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        // A pattern of many parts takes no longer than the name is long.
        assert!(!matches(&"*a".repeat(100), &format!("{}b", "a".repeat(250))));
    }

    #[cfg(unix)]
    #[test]
    fn links_lead_where_may_be_read_and_hidden_names_are_passed_over() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let act = here.path().join("act");
        std::fs::create_dir(&act).unwrap();
        for name in ["l1.npy", "._l1.npy", ".l2.npy"] {
            std::fs::write(act.join(name), b"x").unwrap();
        }
        let real = there.path().join("l3.npy");
        std::fs::write(&real, b"x").unwrap();
        std::os::unix::fs::symlink(&real, act.join("l3.npy")).unwrap();
        let names = |files: &Files, pattern: &str| -> Result<Vec<String>, Problem> {
            let found = files.matching(pattern)?;
            Ok(found.iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect())
        };
        let granted = Files::new(here.path(), &[there.path().to_path_buf()]);
        assert_eq!(names(&granted, "act/*.npy").unwrap(), ["l1.npy", "l3.npy"]);
        assert_eq!(names(&granted, "act/.*.npy").unwrap(), ["._l1.npy", ".l2.npy"]);
        assert!(granted.find("act/l3.npy").is_ok());
        // Without the grant, both say which one is missing.
        let alone = Files::new(here.path(), &[]);
        let folder = there.path().canonicalize().unwrap().display().to_string();
        for problem in [alone.matching("act/*.npy").unwrap_err(), alone.find("act/l3.npy").unwrap_err()] {
            assert!(problem.message.contains("is a link to") && problem.help.unwrap().contains(&format!("--data {folder}")));
        }
        assert!(alone.find(" ").unwrap_err().message.contains("is empty"));
    }

    #[cfg(unix)]
    #[test]
    fn what_matches_a_pattern_and_cannot_be_read_is_told() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let names: [(&[u8], &str); 3] = [
            (b"l2.npy", "is a link to what is not there (`/nowhere/l2.npy`)"),
            (b"pipe.npy", "a named pipe, which can be read once at most"),
            (b"l\xff.npy", "is not text in UTF-8"),
        ];
        for (name, words) in names {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("l1.npy"), b"x").unwrap();
            let (files, path) = (Files::new(dir.path(), &[]), dir.path().join(OsStr::from_bytes(name)));
            match name {
                b"l2.npy" => std::os::unix::fs::symlink("/nowhere/l2.npy", &path).unwrap(),
                b"pipe.npy" => assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success()),
                _ => std::fs::write(&path, b"x").unwrap(),
            }
            let said = files.matching("*.npy").unwrap_err().message;
            assert!(said.contains(words), "{said}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_elsewhere_since_the_plan_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for folder in ["one", "two"] {
            std::fs::create_dir(at(folder)).unwrap();
            std::fs::write(at(folder).join("s.npy"), folder).unwrap();
        }
        let lead = |to: &str| {
            let _ = std::fs::remove_file(at("now"));
            std::os::unix::fs::symlink(at(to), at("now")).unwrap();
        };
        let files = Files::new(dir.path(), &[]);
        let seen = |path: &str| -> Arc<[Seen]> { Arc::new([Seen::now(&files.find(path).unwrap())]) };
        for path in ["now/s.npy", "now"] {
            lead("one");
            let cell = files.only(&seen(path));
            assert!(cell.find(path).is_ok());
            lead("two");
            assert!(cell.find(path).unwrap_err().message.contains("led elsewhere when the run was planned"), "{path}");
        }
        assert!(files.find("now/s.npy").is_ok());
    }
}
