//! One of two runs: its manifest, and how its files are read, from a folder or an archive.

use crate::base::Hash;
use crate::ops::foreign::packed;
use crate::plan::seen;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

/// A manifest of more bytes than this is none.
const MOST: u64 = 1 << 30;

/// A run.
#[derive(Debug)]
pub struct Side {
    /// Its manifest.
    pub manifest: Json,
    files: Place,
}

/// Where its files are.
#[derive(Debug)]
enum Place {
    Folder(PathBuf),
    /// An archive, and the folder in it.
    Archive(PathBuf, String),
}

impl Side {
    /// Reads a run: a folder of results, its `manifest.json`, or an archive that `cfx export` wrote.
    ///
    /// Errors: a sentence.
    pub fn read(path: &Path) -> Result<Side, String> {
        let shown = path.display();
        let (bytes, files) = if path.is_dir() {
            let manifest = path.join("manifest.json");
            let bytes = contents(&manifest).map_err(|e| format!("{shown} is not a folder of results: its manifest.json: {e}"))?;
            (bytes, Place::Folder(path.to_path_buf()))
        } else {
            let mut file = seen::open(path).map_err(|e| format!("{shown} cannot be read: {e}"))?;
            let mut head = [0; 2];
            if file.read_exact(&mut head).is_ok() && &head == b"PK" {
                let folder = in_archive(path)?;
                let place = Place::Archive(path.to_path_buf(), folder);
                (place.bytes("manifest.json").unwrap_or_default(), place)
            } else {
                let bytes = contents(path).map_err(|e| format!("{shown} cannot be read: {e}"))?;
                (bytes, Place::Folder(path.parent().unwrap_or(Path::new("")).to_path_buf()))
            }
        };
        let manifest: Json = serde_json::from_slice(&bytes).unwrap_or(Json::Null);
        if !manifest["format"].as_str().is_some_and(|f| f.starts_with("cfx.manifest.")) {
            return Err(format!(
                "{shown} holds no manifest of a run: name a folder of results, its manifest.json, or an archive of `cfx export`"
            ));
        }
        Ok(Side { manifest, files })
    }

    /// Returns a list of the manifest.
    pub fn list(&self, name: &str) -> &[Json] {
        self.manifest[name].as_array().map_or(&[], Vec::as_slice)
    }

    /// Returns the bytes of a file that the manifest lists; `None` if it is not there, or is not the one that the run wrote.
    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        let hash = self.hash(path)?;
        self.files.bytes(path).filter(|bytes| Hash::of(bytes).to_string() == hash)
    }

    /// Returns the hash of a file that the manifest lists.
    pub fn hash(&self, path: &str) -> Option<&str> {
        self.list("outputs").iter().find(|o| o["path"] == path)?["blake3"].as_str()
    }
}

impl Place {
    fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        match self {
            // A manifest may be a stranger's: it names files below its folder, and nothing else is opened.
            Place::Folder(folder) => {
                let below = Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
                below.then(|| contents(&folder.join(path)).ok()).flatten()
            }
            Place::Archive(file, folder) => {
                let mut archive = zip::ZipArchive::new(seen::open(file).ok()?).ok()?;
                let entry = archive.by_name(&format!("{folder}{path}")).ok()?;
                let mut bytes = Vec::new();
                let most = MOST.min(packed::most(entry.compressed_size()));
                entry.take(most).read_to_end(&mut bytes).ok()?;
                Some(bytes)
            }
        }
    }
}

/// Returns the contents of a file, as far as they are read here.
fn contents(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    seen::open(path)?.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns the folder in an archive where the manifest is.
fn in_archive(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let broken = |e: &dyn std::fmt::Display| format!("{shown} cannot be read: {e}");
    let archive = zip::ZipArchive::new(seen::open(path).map_err(|e| broken(&e))?).map_err(|e| broken(&e))?;
    let found = archive
        .file_names()
        .flatten()
        .filter_map(|n| n.strip_suffix("manifest.json").map(str::to_string))
        .min_by_key(String::len);
    found.ok_or_else(|| format!("{shown} holds no results: there is no manifest.json in it"))
}

/// A call of a run.
#[derive(Debug, Default)]
pub(super) struct Call {
    /// Its settings, by the path to each; where cells have several, all of them.
    pub settings: BTreeMap<String, String>,
    /// How many cells it makes.
    pub cells: u64,
    line: Option<u64>,
    lines: BTreeMap<String, u64>,
}

impl Call {
    /// Returns the line on which a setting is written, or the call where it has none of its own.
    pub fn line(&self, setting: &str) -> Option<u64> {
        let name = setting.split('.').next().unwrap_or_default();
        self.lines.get(name).copied().or(self.line)
    }
}

/// The calls of a run, by declaration and operation.
pub(super) struct Calls(pub BTreeMap<String, Call>);

impl Calls {
    pub fn of(side: &Side) -> Calls {
        let all = side.list("settings");
        let mut out: BTreeMap<String, Call> = BTreeMap::new();
        for call in side.list("calls") {
            let name = format!("{} ({})", call["label"].as_str().unwrap_or_default(), call["op"].as_str().unwrap_or_default());
            let numbers: BTreeSet<u64> = match &call["settings"] {
                Json::Number(n) => n.as_u64().into_iter().collect(),
                Json::Array(each) => each.iter().filter_map(Json::as_u64).collect(),
                _ => BTreeSet::new(),
            };
            let mut leaves: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            for settings in numbers.iter().filter_map(|n| all.get(*n as usize)) {
                flatten(settings, "", &mut leaves);
            }
            let own = out.entry(name).or_default();
            own.cells += call["cells"].as_u64().unwrap_or(0);
            own.line = own.line.or_else(|| call["line"].as_u64());
            let lines = call["lines"].as_object().into_iter().flatten();
            own.lines.extend(lines.filter_map(|(name, line)| Some((name.clone(), line.as_u64()?))));
            for (path, values) in leaves {
                let more = values.into_iter().collect::<Vec<_>>().join(", ");
                let all = own.settings.entry(path).or_default();
                // Several calls of one declaration stand one after the other.
                *all = if all.is_empty() { more } else { format!("{all}; {more}") };
            }
        }
        Calls(out)
    }
}

/// Gathers the leaves of settings by the paths to them: `optimizer.momentum`.
fn flatten(value: &Json, path: &str, out: &mut BTreeMap<String, BTreeSet<String>>) {
    let below = |name: &str| if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
    let mut leaf = |text: String| {
        out.entry(path.to_string()).or_default().insert(text);
    };
    match value {
        Json::Object(fields) => match (fields.get("make").and_then(Json::as_str), fields.get("with").and_then(Json::as_array)) {
            // A constructor with its fields.
            (Some(name), Some(with)) => {
                leaf(name.to_string());
                for pair in with {
                    if let (Some(field), Some(value)) = (pair[0].as_str(), pair.get(1)) {
                        flatten(value, &below(field), out);
                    }
                }
            }
            _ if fields.len() == 1 && !path.is_empty() => match fields.iter().next() {
                // A word, a network by its hash: what it is stands before it.
                Some((_, inner)) if !inner.is_object() => leaf(super::short(inner).unwrap_or_default()),
                Some((name, inner)) => flatten(inner, &below(name), out),
                None => {}
            },
            _ => fields.iter().for_each(|(name, inner)| flatten(inner, &below(name), out)),
        },
        other => leaf(other.as_str().map_or_else(|| other.to_string(), str::to_string)),
    }
}
