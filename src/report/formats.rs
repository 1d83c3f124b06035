//! File formats of tables and arrays: CSV (RFC 4180), Parquet, NumPy's `.npy` (version 1.0); names of files.

use super::frame::{Cells, Frame, One};
use super::numeric::written;
use crate::base::Hash;
use crate::base::text::harmless;
use crate::plan::graph::Declared;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde_json::Value as Json;
use std::borrow::Cow;
use std::io;
use std::sync::Arc;

/// Returns a text as it stands in a cell: one that a spreadsheet would take for a formula has an apostrophe before it, control characters are
/// written out.
fn plain(text: &str) -> Cow<'_, str> {
    let text = harmless(text);
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.trim().parse::<f64>().is_err();
    if formula { Cow::Owned(format!("'{text}")) } else { text }
}

/// Returns a table as CSV: a line of names, then the rows; UTF-8, lines end with LF. Truth values are `true` and `false`; nothing stands where
/// there is no value.
pub fn csv(table: &Frame) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(table.columns.iter().map(|c| c.name.as_str()))?;
    let mut text = String::new();
    for i in 0..table.rows() {
        for column in &table.columns {
            text.clear();
            match column.cells.get(i) {
                Some(One::Text(t)) => {
                    writer.write_field(plain(t).as_bytes())?;
                    continue;
                }
                Some(One::Number(x)) => text.push_str(&written(x)),
                Some(One::Integer(x)) => text.push_str(&x.to_string()),
                Some(One::Truth(b)) => text.push_str(if b { "true" } else { "false" }),
                None => {}
            }
            writer.write_field(&text)?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer.into_inner().map_err(|e| io::Error::other(e.to_string()))
}

/// Returns a table as a Parquet file, Snappy: columns DOUBLE, INT64, BOOLEAN and UTF-8, all optional, null where there is no value. The
/// description `about` stands in the file's metadata under the key `cfx`, as JSON.
pub fn parquet(table: &Frame, about: &Json) -> io::Result<Vec<u8>> {
    let failed = |e: ParquetError| io::Error::other(e.to_string());
    let fields: Result<Vec<_>, ParquetError> = table
        .columns
        .iter()
        .map(|column| {
            let (physical, logical) = match column.cells {
                Cells::Numbers(_) => (Physical::DOUBLE, None),
                Cells::Integers(_) => (Physical::INT64, None),
                Cells::Truths(_) => (Physical::BOOLEAN, None),
                Cells::Texts(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            };
            let built = Type::primitive_type_builder(&column.name, physical)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(logical);
            built.build().map(Arc::new)
        })
        .collect();
    let schema = Type::group_type_builder("schema").with_fields(fields.map_err(failed)?).build().map_err(failed)?;
    let metadata = vec![KeyValue::new("cfx".to_string(), about.to_string())];
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by("cfx".into())
        .set_key_value_metadata(Some(metadata))
        .build();
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, Arc::new(schema), Arc::new(properties)).map_err(failed)?;
    if table.rows() > 0 {
        let mut group = writer.next_row_group().map_err(failed)?;
        for column in &table.columns {
            let Some(mut out) = group.next_column().map_err(failed)? else { break };
            let cells = &column.cells;
            // Levels say which cells are there; only those are written.
            let levels: Vec<i16> = (0..cells.len()).map(|i| i16::from(cells.get(i).is_some())).collect();
            let written = match cells {
                Cells::Numbers(x) => {
                    let there: Vec<f64> = x.iter().copied().filter(|x| !x.is_nan()).collect();
                    out.typed::<DoubleType>().write_batch(&there, Some(&levels), None)
                }
                Cells::Integers(x) => {
                    let there: Vec<i64> = x.iter().copied().flatten().collect();
                    out.typed::<Int64Type>().write_batch(&there, Some(&levels), None)
                }
                Cells::Truths(x) => {
                    let there: Vec<bool> = x.iter().copied().flatten().collect();
                    out.typed::<BoolType>().write_batch(&there, Some(&levels), None)
                }
                Cells::Texts(x) => {
                    let there: Vec<ByteArray> = x.iter().flatten().map(|s| ByteArray::from(s.as_str())).collect();
                    out.typed::<ByteArrayType>().write_batch(&there, Some(&levels), None)
                }
            };
            written.map_err(failed)?;
            out.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
    }
    writer.close().map_err(failed)?;
    Ok(bytes)
}

/// Returns an array of 64-bit floats as a `.npy` file, row-major.
pub fn npy(shape: &[usize], data: &[f64]) -> Vec<u8> {
    let mut out = npy_header("<f8", shape);
    out.reserve(8 * data.len());
    data.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes()));
    out
}

/// Returns an array of signed 64-bit integers as a `.npy` file, row-major.
pub fn npy_i64(shape: &[usize], data: &[i64]) -> Vec<u8> {
    let mut out = npy_header("<i8", shape);
    data.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes()));
    out
}

/// Returns a list of unsigned 32-bit integers as a `.npy` file.
pub fn npy_u32(data: &[u32]) -> Vec<u8> {
    let mut out = npy_header("<u4", &[data.len()]);
    data.iter().for_each(|x| out.extend_from_slice(&x.to_le_bytes()));
    out
}

/// Returns an array of bytes as a `.npy` file, row-major.
pub fn npy_bytes(shape: &[usize], data: &[u8]) -> Vec<u8> {
    let mut out = npy_header("|u1", shape);
    out.extend_from_slice(data);
    out
}

/// Returns arrays as an `.npz` file: a ZIP archive of `.npy` files, without times.
pub fn npz(arrays: &[(&str, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut out = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
    for (name, bytes) in arrays {
        out.start_file(format!("{name}.npy"), options)?;
        io::Write::write_all(&mut out, bytes)?;
    }
    Ok(out.finish()?.into_inner())
}

fn npy_header(kind: &str, shape: &[usize]) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(|n| format!("{n},")).collect();
    let mut text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({}), }}", sizes.join(" "));
    // The whole header is a multiple of 64 bytes and ends with a line feed.
    while !(10 + text.len() + 1).is_multiple_of(64) {
        text.push(' ');
    }
    text.push('\n');
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend_from_slice(&(text.len() as u16).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
    out
}

/// Returns a file name for a title: ASCII letters, digits, `_` and hyphens, at most 80; `untitled` where nothing is left. Titles of which more than
/// signs and spaces is lost (other letters or digits, what is beyond 80, all of it) are told apart by the beginning of their hash: so a file keeps its
/// name wherever its figure stands in the script.
pub fn slug(title: &str) -> String {
    let mut out = String::new();
    for c in title.chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            out.push(c);
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    let long = out.len() > 80;
    out.truncate(80);
    let out = out.trim_matches('-');
    let lost = long || out.is_empty() || title.chars().any(|c| c.is_alphanumeric() && !c.is_ascii());
    let out = if out.is_empty() { "untitled" } else { out };
    if lost { format!("{out}-{}", mark(title)) } else { out.to_string() }
}

/// Returns eight digits by which a title is told from others of the same file name.
pub fn mark(title: &str) -> String {
    Hash::of(title.as_bytes()).to_string()[..8].to_string()
}

/// Returns the place of an entry: axis and coordinate, outermost first.
pub fn place(declared: &Declared, index: usize) -> Vec<(String, String)> {
    let mut rest = index;
    let mut out: Vec<(String, String)> = declared
        .axes
        .iter()
        .rev()
        .map(|a| {
            let n = a.coordinates.len().max(1);
            let here = a.coordinates.get(rest % n).cloned().unwrap_or_default();
            rest /= n;
            (a.name.clone(), here)
        })
        .collect();
    out.reverse();
    out
}

/// Returns the coordinates of an entry in brackets, ` [stage: stage1]`; empty for a value without axes.
pub fn place_words(declared: &Declared, index: usize) -> String {
    let words: Vec<String> = place(declared, index).into_iter().map(|(axis, at)| format!("{axis}: {at}")).collect();
    if words.is_empty() { String::new() } else { format!(" [{}]", words.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn no_text_is_a_formula() {
        let written = ["=HYPERLINK(1)", "+1", "-3.5", "@a", "-", "a=b", "ü", "a\u{1b}[31mred"].map(|t| plain(t).into_owned());
        assert_eq!(written, ["'=HYPERLINK(1)", "+1", "-3.5", "'@a", "'-", "a=b", "ü", "a\\u{1b}[31mred"]);
    }
}
