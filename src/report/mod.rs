//! What a run leaves for people: tables, figures, one HTML report, a manifest.
//!
//! In: values, and what became of each cell, as plain data. Out: files that people already read. Never: computing a result.

mod chains;
pub mod figure;
pub mod formats;
mod held_out;
pub mod html;
mod input;
pub mod kernels;
mod latex;
pub mod manifest;
pub mod numeric;
pub mod picture;
mod redraw;
pub mod settling;
pub mod tables;
#[cfg(test)]
mod tests;

pub use formats::slug;
pub use input::{Build, CellRecord, Outcome, ReportInput, Script};
pub use kernels::kernels;
pub use settling::Settling;

use crate::base::Hash;
use crate::engine::value::Value;
use crate::ops::density::zarr;
use crate::plan::graph::{Declared, Entry};
use held_out::HeldOut;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes the report below a folder and returns the files written, in order: figures, tables, arrays, models,
/// `manifest.json`, `report.html`. Each file is complete or not there.
///
/// Errors: a file cannot be written.
pub fn write(results: &ReportInput, out: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Files { out, written: Vec::new(), names: BTreeSet::new() };
    let settling = Settling::of(results.graph, results.value);
    let mut page = html::Page { settling, held_out: HeldOut::of(results.graph), ..html::Page::default() };
    for (index, declared) in results.graph.values.iter().enumerate() {
        match declared.keyword.as_str() {
            "figure" => {
                for (i, entry) in declared.entries.iter().enumerate() {
                    let value = (results.value)(entry);
                    let mut shown = html::Shown { declared: index, place: i, ..html::Shown::default() };
                    match value {
                        Value::Figure(figure) => {
                            let figure = redraw::marked(results, &page, entry, figure);
                            let name = files.fresh(
                                "figures",
                                &slug(&format!("{}{}", declared.name, formats::place_words(declared, i))).to_ascii_lowercase(),
                            );
                            files.put(&format!("figures/{name}.svg"), figure.svg.as_bytes())?;
                            files.put(&format!("figures/{name}.png"), &figure.png)?;
                            let pdf = figure::pdf::render(&figure.svg).map_err(io::Error::other)?;
                            files.put(&format!("figures/{name}.pdf"), &pdf)?;
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
                let values: Vec<Value> = declared.entries.iter().map(results.value).collect();
                if let Some(table) = tables::tidy(declared, &values) {
                    let name = files.fresh("tables", &slug(&declared.name));
                    files.put(&format!("tables/{name}.csv"), &formats::csv(&table)?)?;
                    files.put(&format!("tables/{name}.parquet"), &formats::parquet(&table)?)?;
                    if let Some(text) = latex::tabular(declared, &values) {
                        files.put(&format!("tables/{name}.tex"), text.as_bytes())?;
                    }
                    page.tables.push((index, format!("tables/{name}"), table.head(html::ROWS), table.rows()));
                }
                tables::arrays(declared, &values, results.largest_array, &mut |array| files.array(&array))?;
                if declared.keyword == "density" {
                    draws(declared, &values, &mut files)?;
                }
                if let (Some(weights), "model") = (results.weights, declared.keyword.as_str()) {
                    for (i, value) in values.iter().enumerate() {
                        if let Value::Model(model) = value {
                            let name =
                                files.fresh("models", &slug(&format!("{}{}", declared.name, formats::place_words(declared, i))));
                            files.put(&format!("models/{name}.safetensors"), &weights(model))?;
                        }
                    }
                }
            }
        }
    }
    page.chains = pictures(&page.settling, results.value);
    let hashes: Vec<(String, Hash)> = files.written.clone();
    let manifest = manifest::text(&manifest::manifest(results, &hashes));
    files.put("manifest.json", manifest.as_bytes())?;
    files.put("report.html", html::page(results, &page, &manifest).as_bytes())?;
    Ok(files.written.into_iter().map(|(name, _)| out.join(name)).collect())
}

/// Most densities whose chains are drawn.
const DRAWN: usize = 4;

/// Returns pictures of the chains that did not settle, the worst first.
fn pictures(settling: &Settling, value: &dyn Fn(&Entry) -> Value) -> Vec<(String, String, String)> {
    let picture = |fit: &settling::Fit| match value(&Entry::Cell(fit.cell)) {
        Value::Pack(pack) => Some((fit.diagnostic.name.clone(), fit.diagnostic.note.clone(), chains::picture(&pack)?)),
        _ => None,
    };
    settling.worst().into_iter().filter_map(picture).take(DRAWN).collect()
}

/// Writes the chains of a density, over all of its cells, as a store that ArviZ opens.
fn draws(declared: &Declared, values: &[Value], files: &mut Files) -> io::Result<()> {
    let own = |value: &Value| match value {
        Value::Pack(pack) => zarr::draws(pack),
        _ => None,
    };
    let cells: Vec<Option<zarr::Draws>> = values.iter().map(own).collect();
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

    /// Writes an array, with its description beside it.
    fn array(&mut self, array: &tables::NamedArray) -> io::Result<()> {
        let name = self.fresh("arrays", &array.name.split('.').map(slug).collect::<Vec<_>>().join("."));
        self.put(&format!("arrays/{name}.npy"), &formats::npy(&array.shape, &array.data))?;
        let mut about = serde_json::json!({ "name": array.name, "dims": array.dims });
        if let Some(ids) = &array.ids {
            self.put(&format!("arrays/{name}.ids.npy"), &formats::npy_u32(ids))?;
            about["ids"] = serde_json::json!(format!("{name}.ids.npy"));
        }
        self.put(&format!("arrays/{name}.json"), format!("{about:#}\n").as_bytes())
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
