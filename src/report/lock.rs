//! The lock of a script: what its results hang on beside its text (contents of the files that it reads, versions, the kinds of device, parameters), written
//! down in a file beside it; and how a run differs from that.

use super::manifest;
use crate::base::{Hash, Hasher};
use crate::plan::graph::Graph;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What the file calls itself.
const FORMAT: &str = "cfx.lock.2";

/// Of more files in one folder than this, the count and one hash are written.
const LISTED: usize = 100;

/// What a file of the lock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Is {
    /// A file.
    File,
    /// All files of one folder that are read, names and contents.
    Files,
    /// The names in a folder that is listed.
    Names,
}

const WORDS: [(Is, &str); 3] = [(Is::File, "file"), (Is::Files, "files"), (Is::Names, "names")];

/// Something that is read: below the script's folder, or below one that `--data` names.
type Place = (bool, String, Is);

/// A lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    version: String,
    devices: BTreeSet<String>,
    parameters: BTreeMap<String, String>,
    operations: BTreeMap<String, u32>,
    /// Hashes, and of how many files.
    files: BTreeMap<Place, (String, usize)>,
}

impl Lock {
    /// Returns the lock of a plan. `roots`: the folders that the script reads from, its own first; `parameters`: their values as written; `devices`: the
    /// kinds of device that its results are of.
    pub fn of(
        graph: &Graph,
        roots: &[PathBuf],
        parameters: BTreeMap<String, String>,
        version: &str,
        devices: BTreeSet<String>,
    ) -> Lock {
        let operations = graph.cells.iter().map(|c| (c.op.to_string(), c.version)).collect();
        let whole = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let roots: Vec<PathBuf> = roots.iter().map(|r| whole(r)).collect();
        let mut folders: BTreeMap<(bool, String), BTreeMap<String, Hash>> = BTreeMap::new();
        let mut files: BTreeMap<Place, (String, usize)> = BTreeMap::new();
        let mut met: BTreeSet<&str> = BTreeSet::new();
        for seen in graph.cells.iter().flat_map(|c| c.files.iter()).filter(|f| f.there()) {
            if !met.insert(&seen.path) {
                continue;
            }
            let (data, path) = below(&roots, Path::new(&seen.path));
            match seen.folder {
                true => {
                    files.insert((data, path, Is::Names), (seen.hash.to_string(), 1));
                }
                false => {
                    let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
                    folders.entry((data, folder.to_string())).or_default().insert(name.to_string(), seen.hash);
                }
            }
        }
        for ((data, folder), all) in folders {
            let at = |name: &str| if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") };
            if all.len() > LISTED {
                let mut hasher = Hasher::new("files");
                all.iter().for_each(|(name, hash)| {
                    hasher.text(name).hash(hash);
                });
                files.insert((data, at("*"), Is::Files), (hasher.finish().to_string(), all.len()));
                continue;
            }
            files.extend(all.iter().map(|(name, hash)| ((data, at(name), Is::File), (hash.to_string(), 1))));
        }
        Lock { version: version.to_string(), devices, parameters, operations, files }
    }

    /// Returns the lock as the text of its file: the same for equal locks.
    pub fn text(&self) -> String {
        let word = |is: &Is| WORDS.iter().find(|(i, _)| i == is).map_or("", |(_, w)| *w);
        let file = |((data, path, is), (hash, count)): (&Place, &(String, usize))| {
            let mut out = json!({ "path": path, "is": word(is), "blake3": hash });
            if *data {
                out["below"] = json!("--data");
            }
            if *is == Is::Files {
                out["count"] = json!(count);
            }
            out
        };
        manifest::text(&json!({
            "format": FORMAT,
            "cfx": self.version,
            "devices": self.devices,
            "parameters": self.parameters.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
            "operations": self.operations.iter().map(|(name, version)| json!({ "name": name, "version": version })).collect::<Vec<_>>(),
            "files": self.files.iter().map(file).collect::<Vec<_>>(),
        }))
    }

    /// Reads the text of a lock's file.
    ///
    /// Errors: a sentence: it is none, or one that this version does not read.
    pub fn read(text: &str) -> Result<Lock, String> {
        let json: Json = serde_json::from_str(text).map_err(|e| format!("it is no lock: {e}"))?;
        match json["format"].as_str() {
            Some(FORMAT) => {}
            Some(other) if other.starts_with("cfx.lock.") => {
                return Err(format!("its form is `{other}`, and this cfx reads `{FORMAT}`"));
            }
            _ => return Err("it is no lock of cfx".to_string()),
        }
        let read = || -> Option<Lock> {
            let text = |j: &Json, name: &str| j[name].as_str().map(str::to_string);
            let list = |name: &str| json[name].as_array();
            let file = |j: &Json| {
                let word = text(j, "is")?;
                let is = WORDS.iter().find(|(_, w)| *w == word)?.0;
                let count = if is == Is::Files { j["count"].as_u64()? as usize } else { 1 };
                Some(((j["below"].as_str().is_some(), text(j, "path")?, is), (text(j, "blake3")?, count)))
            };
            let operation = |j: &Json| Some((text(j, "name")?, u32::try_from(j["version"].as_u64()?).ok()?));
            Some(Lock {
                version: text(&json, "cfx")?,
                devices: list("devices")?.iter().map(|j| j.as_str().map(str::to_string)).collect::<Option<_>>()?,
                parameters: list("parameters")?
                    .iter()
                    .map(|j| Some((text(j, "name")?, text(j, "value")?)))
                    .collect::<Option<_>>()?,
                operations: list("operations")?.iter().map(operation).collect::<Option<_>>()?,
                files: list("files")?.iter().map(file).collect::<Option<_>>()?,
            })
        };
        read().ok_or_else(|| "it is damaged".to_string())
    }

    /// Returns the kinds of device that the results are of.
    pub fn devices(&self) -> &BTreeSet<String> {
        &self.devices
    }

    /// Returns how another lock differs from this one: a sentence each, with what it is about, what it was here and what it is there.
    pub fn differences(&self, now: &Lock) -> Vec<String> {
        let mut out = Vec::new();
        if self.version != now.version {
            out.push(format!("cfx was {}, and is {}", self.version, now.version));
        }
        out.extend(now.devices.iter().filter_map(|kind| other_kind(&self.devices, kind)));
        let named = |name: &String| format!("the parameter `{name}`");
        apart(&self.parameters, &now.parameters, &named, &|value| format!("`{value}`"), &mut out);
        let named = |name: &String| format!("the operation `{name}`");
        apart(&self.operations, &now.operations, &named, &|version| format!("version {version}"), &mut out);
        let named = |(data, path, is): &Place| {
            let below = if *data { " below `--data`" } else { "" };
            match is {
                Is::File => format!("the file `{path}`{below}"),
                Is::Files => format!("what the files `{path}`{below} hold"),
                Is::Names => format!("the list of names in `{path}`{below}"),
            }
        };
        let short = |(hash, count): &(String, usize)| {
            let hash = hash.get(..12).unwrap_or(hash);
            if *count > 1 { format!("{hash} ({count} files)") } else { hash.to_string() }
        };
        apart(&self.files, &now.files, &named, &short, &mut out);
        out
    }
}

/// Says that a kind of device is none of those that a lock names; nothing where it is one.
pub fn other_kind(known: &BTreeSet<String>, kind: &str) -> Option<String> {
    let all: Vec<String> = known.iter().map(|k| format!("`{k}`")).collect();
    (!known.contains(kind)).then(|| format!("the kind of device was {}, and is `{kind}`", all.join(" or ")))
}

/// Says what was another one, is new, or is gone.
fn apart<K: Ord, V: PartialEq>(
    was: &BTreeMap<K, V>,
    is: &BTreeMap<K, V>,
    name: &dyn Fn(&K) -> String,
    show: &dyn Fn(&V) -> String,
    out: &mut Vec<String>,
) {
    for key in was.keys().chain(is.keys()).collect::<BTreeSet<&K>>() {
        match (was.get(key), is.get(key)) {
            (Some(a), Some(b)) if a != b => out.push(format!("{} was {}, and is {}", name(key), show(a), show(b))),
            (Some(a), None) => out.push(format!("{} was {}, and is used no longer", name(key), show(a))),
            (None, Some(b)) => out.push(format!("{} was not used, and is {}", name(key), show(b))),
            _ => {}
        }
    }
}

/// Returns whether a file lies below a folder that was granted rather than the script's own, and its path below that.
fn below(roots: &[PathBuf], path: &Path) -> (bool, String) {
    let whole = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let words = |p: &Path| p.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
    let found = roots.iter().enumerate().filter_map(|(n, root)| Some((n > 0, whole.strip_prefix(root).ok()?)));
    // Of folders within each other the inner one counts, wherever they lie.
    let inner = found.min_by_key(|(_, rest)| rest.components().count());
    inner.map_or_else(|| (false, words(path)), |(data, rest)| (data, words(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lock() -> Lock {
        let file = |data, path: &str, is, count| ((data, path.to_string(), is), (Hash::of(path.as_bytes()).to_string(), count));
        Lock {
            version: "0.2.0".to_string(),
            devices: BTreeSet::from(["x86_64 cpu".to_string(), "x86_64 GPU".to_string()]),
            parameters: BTreeMap::from([("epochs".to_string(), "12".to_string())]),
            operations: BTreeMap::from([("svd".to_string(), 1), ("train".to_string(), 3)]),
            files: BTreeMap::from([
                file(false, "a.npy", Is::File, 1),
                file(true, "img/cat/*", Is::Files, 500),
                file(true, "img/cat", Is::Names, 1),
            ]),
        }
    }

    #[test]
    fn what_is_written_is_read_and_other_things_are_refused() {
        assert_eq!(Lock::read(&lock().text()).unwrap(), lock());
        for text in
            ["", "{}", "[1]", "{\"format\": \"cfx.lock.9\"}", &lock().text().replace("\"svd\"", "7"), &lock().text()[..200]]
        {
            assert!(Lock::read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: crate::base::cases(200), failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn damaged_locks_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 1..6)) {
            let mut bytes = lock().text().into_bytes();
            for (at, byte, cut) in changes {
                let at = at.index(bytes.len());
                match cut {
                    true => bytes.truncate(at.max(1)),
                    false => bytes[at] = byte,
                }
            }
            if let Ok(read) = Lock::read(&String::from_utf8_lossy(&bytes)) {
                read.differences(&lock());
                lock().differences(&read);
            }
        }
    }

    #[test]
    fn each_difference_is_a_sentence_with_what_was_and_what_is() {
        assert!(lock().differences(&lock()).is_empty());
        let mut now = lock();
        now.version = "0.3.0".to_string();
        // One of several is none that is new.
        now.devices = BTreeSet::from(["aarch64 cpu".to_string(), "x86_64 cpu".to_string()]);
        now.parameters.insert("epochs".to_string(), "20".to_string());
        now.operations.insert("train".to_string(), 4);
        now.operations.remove("svd");
        now.files.insert((false, "b.npy".to_string(), Is::File), ("0123456789abcdef".to_string(), 1));
        now.files.insert((true, "img/cat/*".to_string(), Is::Files), ("fedcba9876543210".to_string(), 501));
        let was = &Hash::of(b"img/cat/*").to_string()[..12];
        assert_eq!(
            lock().differences(&now),
            [
                "cfx was 0.2.0, and is 0.3.0",
                "the kind of device was `x86_64 GPU` or `x86_64 cpu`, and is `aarch64 cpu`",
                "the parameter `epochs` was `12`, and is `20`",
                "the operation `svd` was version 1, and is used no longer",
                "the operation `train` was version 3, and is version 4",
                "the file `b.npy` was not used, and is 0123456789ab",
                &format!("what the files `img/cat/*` below `--data` hold was {was} (500 files), and is fedcba987654 (501 files)"),
            ]
        );
        now.devices.clear();
        assert_eq!(lock().differences(&now).len(), 6);
    }
}
