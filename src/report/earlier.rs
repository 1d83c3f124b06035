//! What earlier runs left in a folder of results: known by their manifest, so that what this run does not write can go, and files of people
//! are neither overwritten nor removed.

use crate::base::Hash;
use crate::engine::store::is_store;
use crate::engine::unfinished;
use crate::plan::{files, seen};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

/// The list of files that a run has begun to write and no manifest lists yet: a run that is killed leaves it, the next one takes it over.
const BEGUN: &str = ".cfx-writing";

/// Files in the folder itself; all others lie in folders that a run makes.
const OWN: [&str; 2] = ["manifest.json", "report.html"];

/// The folders that a run makes.
const FOLDERS: [&str; 4] = ["figures", "tables", "arrays", "models"];

/// The files of earlier runs in a folder of results.
#[derive(Debug, Default)]
pub struct Earlier {
    /// Those that a manifest lists, with the hashes of their contents.
    listed: BTreeMap<String, Hash>,
    /// Those that a run began to write, which was not finished.
    begun: BTreeSet<String>,
    /// Whether a run has left a manifest.
    manifest: bool,
    /// Files that this run reads, below the folder.
    inputs: BTreeSet<PathBuf>,
    list: Option<File>,
}

impl Earlier {
    /// Returns the files of earlier runs in a folder, which may not be there yet. `inputs`: files that this run reads.
    ///
    /// Errors: a `manifest.json` that no run of cfx wrote is there; it cannot be read.
    pub fn of(out: &Path, inputs: BTreeSet<PathBuf>) -> io::Result<Earlier> {
        let text = |name: &str| match contents(&out.join(name)) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(io::Error::new(e.kind(), format!("{name}: {e}"))),
        };
        let mut earlier = Earlier { inputs, ..Earlier::default() };
        if let Some(text) = text("manifest.json")? {
            let json: Json = serde_json::from_str(&text).unwrap_or(Json::Null);
            if !json["format"].as_str().is_some_and(|f| f.starts_with("cfx.manifest.")) {
                return Err(not_ours("manifest.json"));
            }
            earlier.manifest = true;
            for output in json["outputs"].as_array().into_iter().flatten() {
                if let (Some(path), Some(hash)) = (output["path"].as_str(), output["blake3"].as_str().and_then(Hash::parse))
                    && is_below(path)
                {
                    earlier.listed.insert(path.to_string(), hash);
                }
            }
        }
        let begun = text(BEGUN)?.unwrap_or_default();
        earlier.begun = begun.lines().filter(|l| is_below(l) || OWN.contains(l)).map(str::to_string).collect();
        Ok(earlier)
    }

    /// Returns whether a run wrote a file.
    fn knows(&self, name: &str) -> bool {
        self.listed.contains_key(name) || self.begun.contains(name) || self.manifest && OWN.contains(&name)
    }

    /// Makes ready for writing a file: takes down that a run begins to write it.
    ///
    /// Errors: a file of that name is there which no run wrote, or which this run reads: it is not overwritten.
    pub fn begin(&mut self, out: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = out.join(name);
        if self.inputs.contains(&path) || std::fs::canonicalize(&path).is_ok_and(|p| self.inputs.contains(&p)) {
            let words = format!("`{name}` is read by this run, and is not overwritten: name another folder with `--out DIR`");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, words));
        }
        if self.knows(name) {
            return Ok(());
        }
        if std::fs::symlink_metadata(&path).is_ok() && !contents(&path).is_ok_and(|there| there == bytes) {
            // Another process may have written the results of a run since this one looked.
            let now = Earlier::of(out, BTreeSet::new())?;
            self.listed.extend(now.listed);
            self.begun.extend(now.begun);
            self.manifest |= now.manifest;
            return if self.knows(name) { Ok(()) } else { Err(not_ours(name)) };
        }
        if self.list.is_none() {
            self.list = Some(File::options().create(true).append(true).open(out.join(BEGUN))?);
        }
        self.list.as_mut().map_or(Ok(()), |list| writeln!(list, "{name}"))?;
        self.begun.insert(name.to_string());
        Ok(())
    }

    /// Removes what earlier runs left and this one, which is complete, did not write; what was changed since stays.
    ///
    /// Errors: none; what cannot be removed stays.
    pub fn clear(self, out: &Path, written: &BTreeSet<&str>) {
        let gone = |name: &String| !written.contains(name.as_str());
        let unchanged = |name: &str, hash: &Hash| contents(&out.join(name)).is_ok_and(|bytes| Hash::of(&bytes) == *hash);
        let old = self.listed.iter().filter(|(name, hash)| gone(name) && unchanged(name, hash)).map(|(name, _)| name);
        // Of a run that was not finished no hash is known; nobody else has written files of these names since they were not there.
        let unfinished = self.begun.iter().filter(|name| gone(name) && !self.listed.contains_key(*name));
        for name in old.chain(unfinished) {
            let path = out.join(name);
            let plain = std::fs::symlink_metadata(&path).is_ok_and(|m| m.is_file());
            if !plain || self.inputs.contains(&path) {
                continue;
            }
            let _ = std::fs::remove_file(&path);
            // Folders that are empty now go, up to the folder of results.
            let folders = Path::new(name).ancestors().skip(1).take_while(|a| *a != Path::new(""));
            folders.map(|f| out.join(f)).take_while(|f| std::fs::remove_dir(f).is_ok()).for_each(drop);
        }
        let _ = std::fs::remove_file(out.join(BEGUN));
    }
}

/// Returns whether results could be written to a folder: it is made, and nothing of other people stands where a run writes. What a run left half
/// written that was killed goes. `listed`: folders of which the run reads whatever lies in them, with their whole paths; `matched`: folders of which
/// it reads the files that match a pattern, with the pattern.
///
/// Errors: it cannot be written, lies in a store, holds a manifest or report that no run of cfx wrote, has a file where a folder is made or a
/// folder where a file is, or results would lie among what is listed: the next run would
/// take them for data.
pub fn ready(out: &Path, listed: &BTreeSet<PathBuf>, matched: &BTreeSet<(PathBuf, String)>) -> io::Result<()> {
    let mut places = std::iter::once(out.to_path_buf()).chain(FOLDERS.iter().map(|folder| out.join(folder)));
    let found = places.find_map(|place| among(&place, listed)).or_else(|| among_matched(out, matched));
    if let Some(among) = found {
        let words = format!(
            "results would lie in `{}`, of which this run reads whatever is there: name another folder with `--out DIR`",
            among.display()
        );
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, words));
    }
    if let Some(store) = std::path::absolute(out)?.ancestors().find(|folder| is_store(folder)) {
        let words = format!("results would lie in the store {}: name another folder with `--out DIR`", store.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, words));
    }
    std::fs::create_dir_all(out)?;
    let there = |name: &&str, folder: bool| out.join(name).metadata().is_ok_and(|m| m.is_dir() != folder);
    if let Some(name) = FOLDERS.iter().find(|n| there(n, true)).or_else(|| OWN.iter().find(|n| there(n, false))) {
        return Err(not_ours(name));
    }
    let earlier = Earlier::of(out, BTreeSet::new())?;
    if !earlier.manifest && !earlier.begun.contains("report.html") && std::fs::symlink_metadata(out.join("report.html")).is_ok() {
        return Err(not_ours("report.html"));
    }
    unfinished::clear(out);
    FOLDERS.iter().for_each(|folder| unfinished::clear_below(&out.join(folder)));
    unfinished::make(out).map(drop)
}

/// Returns the folder of those listed to which a folder, there or not yet, would add something; names that begin with a dot add nothing.
fn among(folder: &Path, listed: &BTreeSet<PathBuf>) -> Option<PathBuf> {
    let whole = std::path::absolute(folder).ok()?;
    let mut new: Option<&Path> = None;
    for place in whole.ancestors() {
        if let Ok(real) = place.canonicalize() {
            let hidden = new.and_then(Path::file_name).is_some_and(|name| name.to_string_lossy().starts_with('.'));
            return Some(real).filter(|real| !hidden && listed.contains(real));
        }
        new = Some(place);
    }
    None
}

/// Returns the folder of those of a pattern into which results would be written as files that may match it; folders in it match none.
fn among_matched(out: &Path, matched: &BTreeSet<(PathBuf, String)>) -> Option<PathBuf> {
    let own = out.canonicalize().ok();
    let below: Vec<PathBuf> = FOLDERS.iter().filter_map(|folder| out.join(folder).canonicalize().ok()).collect();
    let meets = |(folder, names): &&(PathBuf, String)| {
        below.contains(folder) || own.as_ref() == Some(folder) && OWN.iter().any(|name| files::matches(names, name))
    };
    matched.iter().find(meets).map(|(folder, _)| folder.clone())
}

/// Returns the contents of a file; what is none is not opened.
fn contents(path: &Path) -> io::Result<Vec<u8>> {
    seen::read(path)
}

fn not_ours(name: &str) -> io::Error {
    let words = format!(
        "`{name}` is there, and was not written by a run of cfx, so it is not overwritten; name another folder with `--out DIR`"
    );
    io::Error::new(io::ErrorKind::AlreadyExists, words)
}

/// Returns whether a path of a manifest leads to a file in one of the folders that a run makes.
pub fn is_below(path: &str) -> bool {
    let parts: Vec<Component> = Path::new(path).components().collect();
    let plain = parts.iter().all(|p| matches!(p, Component::Normal(_)));
    let first = parts.first().map(|p| p.as_os_str().to_string_lossy().into_owned()).unwrap_or_default();
    plain && parts.len() > 1 && FOLDERS.contains(&first.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn put(out: &Path, name: &str, text: &str) {
        std::fs::create_dir_all(out.join(name).parent().unwrap()).unwrap();
        std::fs::write(out.join(name), text).unwrap();
    }

    fn manifest(out: &Path, files: &[(&str, &str)]) {
        let outputs: Vec<Json> = files
            .iter()
            .map(|(path, text)| serde_json::json!({ "path": path, "blake3": Hash::of(text.as_bytes()).to_string() }))
            .collect();
        put(out, "manifest.json", &serde_json::json!({ "format": "cfx.manifest.3", "outputs": outputs }).to_string());
    }

    #[test]
    fn what_an_earlier_run_left_goes_and_what_is_of_others_stays() {
        let dir = folder();
        let out = dir.path();
        put(out, "tables/old.csv", "1");
        put(out, "tables/changed.csv", "mine");
        put(out, "arrays/p.zarr/a/0", "2");
        put(out, "tables/mine.csv", "3");
        put(out, "notes.txt", "4");
        let listed =
            [("tables/old.csv", "1"), ("tables/changed.csv", "5"), ("arrays/p.zarr/a/0", "2"), ("../x", "6"), ("notes.txt", "4")];
        manifest(out, &listed);
        Earlier::of(out, BTreeSet::new()).unwrap().clear(out, &BTreeSet::new());
        assert!(!out.join("tables/old.csv").exists());
        assert!(!out.join("arrays").exists());
        assert!(["tables/changed.csv", "tables/mine.csv", "notes.txt"].iter().all(|f| out.join(f).exists()));
    }

    #[test]
    fn files_of_others_and_inputs_are_not_overwritten() {
        let dir = folder();
        let out = dir.path();
        put(out, "tables/a.csv", "mine");
        put(out, "arrays/b.npy", "input");
        manifest(out, &[("arrays/b.npy", "input")]);
        let mut earlier = Earlier::of(out, BTreeSet::from([out.join("arrays/b.npy")])).unwrap();
        assert!(earlier.begin(out, "tables/a.csv", b"new").unwrap_err().to_string().contains("was not written by a run of cfx"));
        assert!(earlier.begin(out, "tables/a.csv", b"mine").is_ok());
        assert!(earlier.begin(out, "arrays/b.npy", b"new").unwrap_err().to_string().contains("is read by this run"));
        assert!(earlier.begin(out, "tables/c.csv", b"new").is_ok());
    }

    #[test]
    fn what_another_process_wrote_meanwhile_is_of_a_run() {
        let dir = folder();
        let out = dir.path();
        let mut slow = Earlier::of(out, BTreeSet::new()).unwrap();
        put(out, "tables/a.csv", "1");
        put(out, "tables/mine.csv", "mine");
        manifest(out, &[("tables/a.csv", "1")]);
        slow.begin(out, "tables/a.csv", b"2").unwrap();
        slow.begin(out, "manifest.json", b"2").unwrap();
        assert!(slow.begin(out, "tables/mine.csv", b"2").unwrap_err().to_string().contains("was not written by a run of cfx"));
    }

    #[test]
    fn a_run_that_was_killed_is_taken_over() {
        let dir = folder();
        let out = dir.path();
        let mut first = Earlier::of(out, BTreeSet::new()).unwrap();
        first.begin(out, "tables/a.csv", b"1").unwrap();
        put(out, "tables/a.csv", "1");
        first.begin(out, "tables/b.csv", b"1").unwrap();
        put(out, "tables/b.csv", "1");
        let mut second = Earlier::of(out, BTreeSet::new()).unwrap();
        second.begin(out, "tables/a.csv", b"2").unwrap();
        second.clear(out, &BTreeSet::from(["tables/a.csv"]));
        assert!(out.join("tables/a.csv").exists() && !out.join("tables/b.csv").exists() && !out.join(BEGUN).exists());
    }

    #[test]
    fn a_folder_with_another_manifest_or_report_is_refused() {
        for (name, text) in [("manifest.json", "{\"name\": \"app\"}"), ("report.html", "<p>")] {
            let dir = folder();
            put(dir.path(), name, text);
            assert!(ready(dir.path(), &BTreeSet::new(), &BTreeSet::new()).unwrap_err().to_string().contains(name));
        }
        assert!(ready(&folder().path().join("new"), &BTreeSet::new(), &BTreeSet::new()).is_ok());
    }

    #[test]
    fn results_do_not_lie_among_files_that_are_listed() {
        let dir = folder();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("set/a")).unwrap();
        std::fs::create_dir_all(root.join("own/arrays")).unwrap();
        let listed = BTreeSet::from([root.join("set"), root.join("set/a"), root.join("own/arrays")]);
        for out in ["set", "set/a", "set/new", "set/new/deep", "set/a/new", "own", "own/../set/b"] {
            let said = ready(&root.join(out), &listed, &BTreeSet::new()).map_err(|e| e.to_string());
            assert!(said.as_ref().is_err_and(|e| e.contains("of which this run reads whatever is there")), "{out}: {said:?}");
        }
        assert!(!root.join("set/new").exists() && !root.join("set/b").exists());
        for out in ["set/.results", "other", "own/arrays.2", "."] {
            assert!(ready(&root.join(out), &listed, &BTreeSet::new()).is_ok(), "{out}");
        }
    }

    #[test]
    fn results_do_not_lie_among_files_of_a_pattern() {
        let dir = folder();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("act/arrays")).unwrap();
        let of = |folder: &str, names: &str| BTreeSet::from([(root.join(folder), names.to_string())]);
        let said = |out: &str, matched| ready(&root.join(out), &BTreeSet::new(), &matched).map_err(|e| e.to_string());
        for (out, matched) in [("act", of("act/arrays", "*.npy")), ("act", of("act", "*")), ("act/../act", of("act", "m*.json"))]
        {
            let said = said(out, matched.clone());
            assert!(said.as_ref().is_err_and(|e| e.contains("of which this run reads whatever is there")), "{out} {matched:?}");
        }
        // Folders in it, and files of other names, are none of those that match.
        for out in [".", "act", "results", "act/results/exp"] {
            assert_eq!(said(out, of("act", "*.npy")), Ok(()), "{out}");
            assert_eq!(said(out, of(".", "*.npy")), Ok(()), "{out}");
        }
    }
}
