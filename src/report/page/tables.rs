//! The tables, folded: the first rows of each, numbers rounded by their errors, and where there are more rows the range of each column.

use super::super::contents::{Contents, Sheet};
use super::super::figure::svg::escape;
use super::super::frame::{Cells, Field, Is, One};
use super::super::input::ReportInput;
use super::words::{line_link, scrolled, short, with_error};
use crate::plan::graph::Declared;
use crate::plan::units::unit;
use std::fmt::Write;

/// Remarks beside a table that are shown.
const BESIDE: usize = 4;

/// A column as it is shown: a field, and the one with its standard errors.
struct Shown<'a> {
    field: &'a Field,
    error: Option<&'a Field>,
    range: Option<[f64; 3]>,
}

/// Returns the tables in the script's order; empty where there are none.
pub fn tables(input: &ReportInput, contents: &Contents) -> String {
    let mut out = String::new();
    for sheet in &contents.tables {
        let Some(declared) = input.graph.values.get(sheet.declared) else { continue };
        let file = escape(&sheet.file);
        let rows = if sheet.rows == 1 { "1 row".to_string() } else { format!("{} rows", sheet.rows) };
        let _ = write!(
            out,
            "<details class=\"sheet\" id=\"table-{}\">\n<summary><b>{}</b> <span class=\"soft\">{}{} · {rows}</span></summary>\n{}{}{}\
             <p class=\"files\">{}{}<a href=\"{file}.csv\">CSV</a> · <a href=\"{file}.parquet\">Parquet</a></p>\n</details>\n",
            sheet.declared,
            escape(&declared.name),
            escape(&declared.kind),
            over(declared),
            declared.doc.as_ref().map_or_else(String::new, |d| format!("<p>{}</p>\n", escape(d))),
            table(sheet, &declared.name, input.units(declared)),
            beside(contents, declared),
            if sheet.first.rows() < sheet.rows {
                format!("the first {} of {rows} · ", sheet.first.rows())
            } else {
                String::new()
            },
            Some(line_link(input, declared.span)).filter(|l| !l.is_empty()).map_or_else(String::new, |l| format!("{l} · ")),
        );
    }
    out
}

/// Returns the axes of a value in words.
fn over(declared: &Declared) -> String {
    let axes: Vec<String> = declared.axes.iter().map(|a| format!("{} ({})", escape(&a.name), a.coordinates.len())).collect();
    if axes.is_empty() { String::new() } else { format!(" over {}", axes.join(", ")) }
}

/// Returns what must be said of a declaration's values: of densities that did not settle in one sentence, the rest once each.
fn beside(contents: &Contents, declared: &Declared) -> String {
    let all = declared.entries.len();
    let mut words: Vec<(String, usize)> =
        contents.settling.behind_all(&declared.entries).map(|text| (text, all)).into_iter().collect();
    for text in declared.entries.iter().filter_map(|e| contents.held_out.behind(e).map(str::to_string)) {
        match words.iter_mut().find(|w| w.0 == text) {
            Some(w) => w.1 += 1,
            None => words.push((text, 1)),
        }
    }
    let line = |(text, n): &(String, usize)| {
        let which = if *n == all { String::new() } else { format!("{n} of {all}: ") };
        format!("<p class=\"soft\">{which}{}</p>\n", escape(text))
    };
    let more = words.len().saturating_sub(BESIDE);
    let rest = if more > 0 { format!("<p class=\"soft\">and {more} more; see Diagnostics</p>\n") } else { String::new() };
    words.iter().take(BESIDE).map(line).collect::<String>() + &rest
}

/// Returns the columns to show: each value with its standard error in one.
fn columns(sheet: &Sheet) -> Vec<Shown<'_>> {
    let fields = &sheet.first.columns;
    let error =
        |field: &Field| fields.iter().find(|e| e.is == Is::Error && e.of == field.of && e.name == format!("{}_se", field.name));
    let mut out = Vec::new();
    for (i, field) in fields.iter().enumerate().filter(|(_, f)| f.is != Is::Error) {
        let error = if field.is == Is::Value { error(field) } else { None };
        out.push(Shown { field, error, range: sheet.ranges.get(i).copied().flatten() });
    }
    out
}

/// Returns the first rows of a table: columns named as the declaration, or as a part of its record, with their units.
fn table(sheet: &Sheet, own: &str, units: &[(String, String)]) -> String {
    let columns = columns(sheet);
    let right = |f: &Field| if matches!(f.cells, Cells::Numbers(_) | Cells::Integers(_)) { " class=\"r\"" } else { "" };
    let mut out = "<table>\n<thead><tr>".to_string();
    for Shown { field, error, .. } in &columns {
        let unit = unit(units, if field.name == own { "" } else { &field.name });
        let unit = unit.map_or_else(String::new, |u| format!(" <span class=\"soft\">({})</span>", escape(u)));
        let se = if error.is_some() { " <span class=\"soft\">± SE</span>" } else { "" };
        let _ = write!(out, "<th scope=\"col\"{}>{}{unit}{se}</th>", right(field), escape(&field.name));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for i in 0..sheet.first.rows() {
        out.push_str("<tr>");
        for Shown { field, error, .. } in &columns {
            let _ = write!(out, "<td{}>{}</td>", right(field), cell(field, *error, i));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n");
    if sheet.first.rows() < sheet.rows && columns.iter().any(|c| c.range.is_some()) {
        out.push_str("<tfoot>\n");
        for (which, name) in ["lowest", "median", "highest"].iter().enumerate() {
            out.push_str("<tr>");
            for (i, Shown { field, range, .. }) in columns.iter().enumerate() {
                // The name of the row stands in the first column, whose own range no one needs: it is an axis, or counts examples.
                match (i, range) {
                    (0, _) => _ = write!(out, "<th scope=\"row\">{name} of all {}</th>", sheet.rows),
                    (_, Some(range)) if !matches!(field.is, Is::Axis | Is::Example | Is::Row | Is::Item | Is::Label) => {
                        _ = write!(out, "<td class=\"r\">{}</td>", short(range[which]));
                    }
                    _ => out.push_str("<td></td>"),
                }
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</tfoot>\n");
    }
    out.push_str("</table>");
    scrolled(&format!("Table {own}"), &out)
}

/// Returns a cell; a value with its standard error is rounded by it.
fn cell(field: &Field, error: Option<&Field>, row: usize) -> String {
    let number = |f: &Field| match f.cells.get(row) {
        Some(One::Number(x)) => Some(x),
        _ => None,
    };
    match field.cells.get(row) {
        Some(One::Number(x)) => error.and_then(number).map_or_else(|| short(x), |e| with_error(x, e)),
        Some(One::Integer(x)) => x.to_string().replace('-', "−"),
        Some(One::Truth(true)) => "yes".into(),
        Some(One::Truth(false)) => "no".into(),
        Some(One::Text(t)) => escape(t),
        None => String::new(),
    }
}
