//! What a run leaves for people: tables, figures, one HTML report, a manifest.
//!
//! In: values, and what became of each cell, as plain data. Out: files that people already read. Never: computing a result.

pub mod figure;
pub mod formats;
pub mod html;
pub mod kernels;
pub mod manifest;
pub mod picture;
pub mod tables;
#[cfg(test)]
mod tests;

pub use kernels::kernels;

use crate::base::Hash;
use crate::engine::value::{Model, Value};
use crate::ops::density::zarr;
use crate::plan::graph::{Declared, Entry, Graph};
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Everything that a report is made from.
pub struct ReportInput<'a> {
    /// The plan.
    pub graph: &'a Graph,
    /// Returns the value of an entry: a cell's result from the store, or what was known before the run.
    /// Values that are gone (transient weights) and those of failed cells are `Absent` with the reason.
    pub value: &'a dyn Fn(&Entry) -> Value,
    /// What became of each cell, by its index in the graph.
    pub records: &'a [CellRecord],
    /// The script.
    pub script: Script,
    /// What ran it.
    pub build: Build,
    /// One for each fitted density; where empty, verdicts are read from the densities themselves.
    pub diagnostics: Vec<Diagnostic>,
    /// Returns a model's weights as a safetensors file; nothing: weights are not written out.
    pub weights: Option<&'a dyn Fn(&Model) -> Vec<u8>>,
    /// Largest array written out, in bytes.
    pub largest_array: u64,
}

/// The script as it was run.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// Name of its file.
    pub name: String,
    /// Its text.
    pub text: String,
    /// Offset of its first byte in the source map.
    pub base: usize,
}

/// What ran the script.
#[derive(Clone, Debug, Default)]
pub struct Build {
    /// Version of cfx.
    pub version: String,
    /// Kinds of devices that cells ran on.
    pub devices: Vec<String>,
    /// Threads that ran cells.
    pub threads: usize,
    /// Bytes of memory of the process at its peak, where the system tells.
    pub peak_memory: Option<u64>,
}

/// What became of a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct CellRecord {
    /// How it ended.
    pub outcome: Outcome,
    /// Hash of its result.
    pub content: Option<Hash>,
    /// Kind of the device it ran on.
    pub device: String,
    /// Seconds it took.
    pub seconds: f64,
    /// Bytes of memory that it took beyond what was there, 0 where unknown.
    pub memory: f64,
    /// Bytes of its artifact.
    pub disk: f64,
}

/// How a cell ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Computed in this run.
    Computed,
    /// Found in the store.
    Stored,
    /// Without a value, for a reason.
    Absent(String),
    /// Failed: a sentence, and what to do.
    Failed { message: String, help: Option<String> },
    /// Not run, since an input failed.
    Blocked(String),
    /// Not needed: whatever takes it was in the store.
    NotNeeded,
    /// Not run.
    NotRun,
}

impl Outcome {
    /// Returns whether the cell ran, in this run or in the one that stored its result.
    pub fn ran(&self) -> bool {
        matches!(self, Outcome::Computed | Outcome::Stored | Outcome::Absent(_))
    }

    /// Returns the word of the manifest.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Computed => "computed",
            Outcome::Stored => "stored",
            Outcome::Absent(_) => "absent",
            Outcome::Failed { .. } => "failed",
            Outcome::Blocked(_) => "blocked",
            Outcome::NotNeeded => "not needed",
            Outcome::NotRun => "not run",
        }
    }
}

/// What is to be known of a density's chains.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// The cell, as its title.
    pub cell: String,
    /// The verdict in words, such as `settled`.
    pub verdict: String,
    /// Whether readers must be warned.
    pub warn: bool,
    /// Largest split R-hat over the scalars watched.
    pub r_hat: Option<f64>,
    /// Smallest effective sample size.
    pub ess: Option<f64>,
    /// What else is to be said.
    pub note: String,
}

/// Writes the report below a folder and returns the files written, in order: figures, tables, arrays, models,
/// `manifest.json`, `report.html`. Each file is complete or not there.
///
/// Errors: a file cannot be written.
pub fn write(results: &ReportInput, out: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Files { out, written: Vec::new(), names: BTreeSet::new() };
    let mut page = html::Page::default();
    for (index, declared) in results.graph.values.iter().enumerate() {
        match declared.keyword.as_str() {
            "figure" => {
                for (i, entry) in declared.entries.iter().enumerate() {
                    let value = (results.value)(entry);
                    let mut shown = html::Shown { declared: index, place: i, ..html::Shown::default() };
                    match value {
                        Value::Figure(figure) => {
                            let name = files.fresh(
                                "figures",
                                &slug(&format!("{}{}", declared.name, html::place_words(declared, i))).to_ascii_lowercase(),
                            );
                            files.put(&format!("figures/{name}.svg"), figure.svg.as_bytes())?;
                            files.put(&format!("figures/{name}.png"), &figure.png)?;
                            if figure.data.rows() > 0 {
                                files.put(&format!("figures/{name}.csv"), &formats::csv(&figure.data)?)?;
                            }
                            shown.file = format!("figures/{name}");
                            shown.figure = Some(figure);
                        }
                        Value::Absent(why) => shown.absent = why,
                        other => shown.absent = format!("a {} is no picture", other.word()),
                    }
                    page.figures.push(shown);
                }
            }
            "claim" => {}
            _ => {
                if let Some(table) = tables::tidy(declared, results.value) {
                    let name = files.fresh("tables", &slug(&declared.name));
                    files.put(&format!("tables/{name}.csv"), &formats::csv(&table)?)?;
                    files.put(&format!("tables/{name}.parquet"), &formats::parquet(&table)?)?;
                    page.tables.push((index, format!("tables/{name}"), table));
                }
                for array in tables::arrays(declared, results.value, results.largest_array) {
                    let name = files.fresh("arrays", &array.name.split('.').map(slug).collect::<Vec<_>>().join("."));
                    files.put(&format!("arrays/{name}.npy"), &formats::npy(&array.shape, &array.data))?;
                    let mut about = serde_json::json!({ "name": array.name, "dims": array.dims });
                    if let Some(ids) = &array.ids {
                        files.put(&format!("arrays/{name}.ids.npy"), &formats::npy_u32(ids))?;
                        about["ids"] = serde_json::json!(format!("{name}.ids.npy"));
                    }
                    files.put(&format!("arrays/{name}.json"), format!("{about:#}\n").as_bytes())?;
                }
                if declared.keyword == "density" {
                    chains(declared, results.value, &mut files)?;
                }
                if let (Some(weights), "model") = (results.weights, declared.keyword.as_str()) {
                    for (i, entry) in declared.entries.iter().enumerate() {
                        if let Value::Model(model) = (results.value)(entry) {
                            let name =
                                files.fresh("models", &slug(&format!("{}{}", declared.name, html::place_words(declared, i))));
                            files.put(&format!("models/{name}.safetensors"), &weights(&model))?;
                        }
                    }
                }
            }
        }
    }
    let hashes: Vec<(String, Hash)> = files.written.clone();
    let manifest = format!("{:#}\n", manifest::manifest(results, &hashes));
    files.put("manifest.json", manifest.as_bytes())?;
    files.put("report.html", html::page(results, &page, &manifest).as_bytes())?;
    Ok(files.written.into_iter().map(|(name, _)| out.join(name)).collect())
}

/// Writes the chains of a density, over all of its cells, as a store that ArviZ opens.
fn chains(declared: &Declared, value: &dyn Fn(&Entry) -> Value, files: &mut Files) -> io::Result<()> {
    let draws = |entry: &Entry| match value(entry) {
        Value::Pack(pack) => zarr::draws(&pack),
        _ => None,
    };
    let cells: Vec<Option<zarr::Draws>> = declared.entries.iter().map(draws).collect();
    let axes: Vec<(String, Vec<String>)> = declared.axes.iter().map(|a| (a.name.clone(), a.coordinates.clone())).collect();
    if let Some(store) = zarr::inference_data(&axes, &cells) {
        let name = files.fresh("arrays", &format!("{}.zarr", slug(&declared.name)));
        for (path, bytes) in store {
            files.put(&format!("arrays/{name}/{path}"), &bytes)?;
        }
    }
    Ok(())
}

/// Files being written below a folder.
struct Files<'a> {
    out: &'a Path,
    written: Vec<(String, Hash)>,
    names: BTreeSet<String>,
}

impl Files<'_> {
    /// Returns the name, or the name with a number where it is taken in its folder (also on disks that do not tell case).
    fn fresh(&mut self, folder: &str, name: &str) -> String {
        let mut candidate = name.to_string();
        let mut n = 2;
        while !self.names.insert(format!("{folder}/{candidate}").to_ascii_lowercase()) {
            candidate = format!("{name}-{n}");
            n += 1;
        }
        candidate
    }

    /// Writes a file beside its place and moves it there.
    fn put(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.out.join(name);
        let folder = path.parent().unwrap_or(self.out);
        std::fs::create_dir_all(folder)?;
        let mut temporary = tempfile::Builder::new().prefix(".cfx-").tempfile_in(folder)?;
        temporary.write_all(bytes)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            // Temporary files are private; results are as readable as any other file.
            temporary.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
        temporary.persist(&path).map_err(|e| e.error)?;
        self.written.push((name.to_string(), Hash::of(bytes)));
        Ok(())
    }
}

/// Returns a file name for a title: ASCII letters, digits, `_` and hyphens, at most 80; `untitled` where nothing is left.
pub fn slug(title: &str) -> String {
    let mut out = String::new();
    for c in title.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            out.push(c);
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    out.truncate(80);
    let out = out.trim_matches('-');
    if out.is_empty() { "untitled".into() } else { out.into() }
}
