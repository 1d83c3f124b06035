//! What a run leaves for people: tables, figures, one HTML report, a manifest.
//!
//! In: values, and what became of each cell, as plain data. Out: files that people already read. Never: computing a result.

pub mod arrays;
mod chains;
pub mod contents;
pub mod diff;
pub mod earlier;
pub mod figure;
pub mod files;
pub mod formats;
pub mod frame;
mod held_out;
mod input;
pub mod kernels;
mod latex;
pub mod manifest;
pub mod numeric;
pub mod page;
pub mod picture;
mod redraw;
pub mod settling;
pub mod shown;
pub mod tables;
pub mod tensorboard;
#[cfg(test)]
mod tests;

pub use formats::slug;
pub use input::{Build, CellRecord, Outcome, ReportInput, Script};
pub use kernels::kernels;
pub use settling::Settling;

use crate::base::Coordinates;
use crate::engine::value::{Table, Value};
use crate::ops::density::zarr;
use crate::plan::graph::{Declared, Entry};
use contents::{Chains, Contents, Sheet};
use files::Files;
use frame::Frame;
use held_out::HeldOut;
use shown::Shown;
use std::io;
use std::path::{Path, PathBuf};

/// Writes the report below a folder and returns the files written, in order: figures, tables, arrays, models,
/// `manifest.json`, `report.html`. Each file is complete or not there. What an earlier run left there and this one does not write goes.
///
/// Errors: a file cannot be written; a file is there which no run wrote, or which this run reads.
pub fn write(results: &ReportInput, out: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Files::new(out, results.inputs.clone())?;
    let settling = Settling::of(results.graph, results.value);
    let mut page = Contents { settling, held_out: HeldOut::of(results.graph), ..Contents::default() };
    for (index, declared) in results.graph.values.iter().enumerate() {
        files.belong(declared, None);
        match declared.keyword.as_str() {
            "figure" => figures(results, index, &mut page, &mut files)?,
            "claim" => {}
            _ => {
                let values: Vec<Value> = declared.entries.iter().map(results.value).collect();
                let units = results.units(declared);
                if let Some((name, table)) = table(declared, &values, "", units, &mut files)? {
                    page.tables.push(Sheet::of(index, format!("tables/{name}"), &table));
                }
                for part in tables::parts(&values) {
                    let of: Vec<Value> = values.iter().map(|v| tables::part(v, &part)).collect();
                    table(declared, &of, &part, units, &mut files)?;
                }
                arrays::arrays(declared, &values, units, results.largest_array, &mut |array| files.array(&array))?;
                match declared.keyword.as_str() {
                    "density" => draws(declared, &values, results.largest_array, &mut files)?,
                    "model" => models(results, declared, &values, &mut files)?,
                    _ => {}
                }
            }
        }
    }
    page.chains = pictures(&page.settling, results.value);
    files.of_nothing();
    if page.settling.fits.len() > page::LISTED {
        let name = format!("tables/{}", files.fresh("tables", "diagnostics"));
        files.put("table", &format!("{name}.csv"), &formats::csv(&page::listed(&page.settling))?)?;
        page.diagnostics = Some(name);
    }
    let manifest = manifest::text(&manifest::manifest(results, &page.settling, &page.figures, &files.written));
    files.put("manifest", "manifest.json", manifest.as_bytes())?;
    files.put("report", "report.html", page::page(results, &page, &manifest).as_bytes())?;
    Ok(files.done().into_iter().map(|file| out.join(file.path)).collect())
}

/// Writes the tidy table of a declared value, or of a part of its records that is a table itself, and returns its name and rows; `None` if there
/// is none.
fn table(
    declared: &Declared,
    values: &[Value],
    part: &str,
    units: &[(String, String)],
    files: &mut Files,
) -> io::Result<Option<(String, Frame)>> {
    let Some(table) = tables::tidy(declared, values) else { return Ok(None) };
    let whole = if part.is_empty() { declared.name.clone() } else { format!("{}.{part}", declared.name) };
    let name = files.fresh("tables", &slug(&whole));
    let about = tables::about(declared, part, &table, units);
    files.put("table", &format!("tables/{name}.csv"), &formats::csv(&table)?)?;
    files.put("table", &format!("tables/{name}.parquet"), &formats::parquet(&table, &about)?)?;
    files.put("table", &format!("tables/{name}.json"), format!("{about:#}\n").as_bytes())?;
    if let Some(text) = latex::tabular(declared, values) {
        files.put("table", &format!("tables/{name}.tex"), text.as_bytes())?;
    }
    Ok(Some((name, table)))
}

/// Writes the pictures of a figure, one for each place, with the numbers drawn.
fn figures(results: &ReportInput, index: usize, page: &mut Contents, files: &mut Files) -> io::Result<()> {
    let declared = &results.graph.values[index];
    for (i, entry) in declared.entries.iter().enumerate() {
        files.belong(declared, Some(i));
        let mut shown = Shown { declared: index, place: i, ..Shown::default() };
        match (results.value)(entry) {
            Value::Figure(figure) => {
                let figure = redraw::marked(results, page, entry, figure);
                let title = format!("{}{}", declared.name, formats::place_words(declared, i));
                let name = files.fresh("figures", &slug(&title).to_ascii_lowercase());
                files.put("figure", &format!("figures/{name}.svg"), figure.svg.as_bytes())?;
                files.put("figure", &format!("figures/{name}.png"), &figure.png)?;
                let pdf = figure::pdf::render(&figure.svg).map_err(io::Error::other)?;
                files.put("figure", &format!("figures/{name}.pdf"), &pdf)?;
                files.images(&name, &figure.svg)?;
                if figure.data.rows() > 0 {
                    files.put("figure", &format!("figures/{name}.csv"), &drawn(&figure.data)?)?;
                }
                shown.file = format!("figures/{name}");
                shown.figure = Some(figure);
            }
            Value::Absent(why) => shown.absent = why,
            other => shown.absent = format!("a {} is no picture", other.word()),
        }
        page.figures.push(shown);
    }
    Ok(())
}

/// Returns the numbers of a figure as CSV.
fn drawn(data: &Table) -> io::Result<Vec<u8>> {
    formats::csv(&Frame::from(data))
}

/// Writes the weights of a declared model's places.
fn models(results: &ReportInput, declared: &Declared, values: &[Value], files: &mut Files) -> io::Result<()> {
    let Some(weights) = results.weights else { return Ok(()) };
    for (i, value) in values.iter().enumerate() {
        if let Value::Model(model) = value {
            files.belong(declared, Some(i));
            let name = files.fresh("models", &slug(&format!("{}{}", declared.name, formats::place_words(declared, i))));
            files.put("model", &format!("models/{name}.safetensors"), &weights(model))?;
        }
    }
    Ok(())
}

/// Most densities whose chains are drawn.
const DRAWN: usize = 4;

/// Returns pictures of the chains that did not settle, the worst first.
fn pictures(settling: &Settling, value: &dyn Fn(&Entry) -> Value) -> Vec<Chains> {
    let picture = |fit: &settling::Fit| match value(&Entry::Cell(fit.cell)) {
        Value::Pack(pack) => Some(Chains {
            cell: fit.cell,
            name: fit.diagnostic.name.clone(),
            note: fit.diagnostic.note.clone(),
            svg: chains::picture(&pack)?,
        }),
        _ => None,
    };
    settling.worst().into_iter().filter_map(picture).take(DRAWN).collect()
}

/// Writes the chains of a density, over all of its cells, as a store that ArviZ opens.
fn draws(declared: &Declared, values: &[Value], largest: u64, files: &mut Files) -> io::Result<()> {
    let own = |value: &Value| match value {
        Value::Pack(pack) => zarr::draws(pack),
        _ => None,
    };
    let cells: Vec<Option<zarr::Draws>> = values.iter().map(own).collect();
    let axes: Vec<(String, Coordinates)> =
        declared.axes.iter().map(|a| (a.name.clone(), Coordinates::of(&a.coordinates, &a.role))).collect();
    if let Some(store) = zarr::inference_data(&axes, &cells, largest) {
        let name = files.fresh("arrays", &format!("{}.zarr", slug(&declared.name)));
        for (path, bytes) in store {
            files.put("density", &format!("arrays/{name}/{path}"), &bytes)?;
        }
    }
    Ok(())
}
