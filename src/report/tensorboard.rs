//! Event files of TensorBoard: what cells say of themselves while they run, and the histories of trained models.
//!
//! A file is a row of records (TFRecord): the length as 8 bytes, its checksum, the data, their checksum, all with the lowest byte first. The data
//! are protocol buffers, `Event` of tensorflow/core/util/event.proto, of which few fields are used.

use super::formats::{place_words, slug};
use crate::engine::value::{Column, Table, Value};
use crate::engine::{Event, Observer};
use crate::plan::graph::{Entry, Graph};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// One event file: scalars by tag and step.
pub struct EventFile(File);

impl EventFile {
    /// Begins a file in a folder of its own, which TensorBoard shows as one run.
    ///
    /// Errors: it cannot be written.
    pub fn create(folder: &Path) -> io::Result<EventFile> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("events.out.tfevents.{:.6}.cfx", now()));
        let mut file = EventFile(File::create(path)?);
        let mut event = time();
        field_bytes(&mut event, 3, b"brain.Event:2");
        file.record(&event)?;
        Ok(file)
    }

    /// Appends a number. `step`: of training, or the pass of a chain.
    ///
    /// Errors: it cannot be written.
    pub fn scalar(&mut self, tag: &str, step: u64, value: f64) -> io::Result<()> {
        let mut scalar = Vec::new();
        field_bytes(&mut scalar, 1, tag.as_bytes());
        scalar.push(2 << 3 | 5);
        scalar.extend((value as f32).to_le_bytes());
        let mut summary = Vec::new();
        field_bytes(&mut summary, 1, &scalar);
        let mut event = time();
        event.push(2 << 3);
        varint(&mut event, step);
        field_bytes(&mut event, 5, &summary);
        self.record(&event)
    }

    fn record(&mut self, data: &[u8]) -> io::Result<()> {
        let length = (data.len() as u64).to_le_bytes();
        let mut out = Vec::with_capacity(data.len() + 16);
        out.extend(length);
        out.extend(masked(crc32c(&length)).to_le_bytes());
        out.extend(data);
        out.extend(masked(crc32c(data)).to_le_bytes());
        self.0.write_all(&out)
    }
}

/// Returns the beginning of an event: the time.
fn time() -> Vec<u8> {
    let mut out = vec![1 << 3 | 1];
    out.extend(now().to_le_bytes());
    out
}

/// Returns seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// Writes a field of bytes (wire type 2).
fn field_bytes(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend(bytes);
}

/// Writes a whole number, 7 bits a byte.
fn varint(out: &mut Vec<u8>, mut x: u64) {
    while x >= 0x80 {
        out.push(x as u8 | 0x80);
        x >>= 7;
    }
    out.push(x as u8);
}

/// Returns the checksum CRC-32C (Castagnoli; RFC 3720, appendix B.4).
pub fn crc32c(bytes: &[u8]) -> u32 {
    let step =
        |crc: u32, byte: &u8| (0..8).fold(crc ^ u32::from(*byte), |c, _| c >> 1 ^ if c & 1 == 1 { 0x82f6_3b78 } else { 0 });
    !bytes.iter().fold(!0, step)
}

/// Returns a checksum as TFRecord keeps it.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Writes what cells say of themselves while they run, one folder a cell: loss and accuracy of a training by its step, components and log posterior
/// of a density's chains by the pass.
pub struct Board {
    folder: PathBuf,
    open: Mutex<BTreeMap<usize, Option<EventFile>>>,
}

impl Board {
    /// Returns a writer below a folder.
    ///
    /// Errors: the folder cannot be made.
    pub fn new(folder: &Path) -> io::Result<Board> {
        std::fs::create_dir_all(folder)?;
        Ok(Board { folder: folder.to_path_buf(), open: Mutex::default() })
    }
}

impl Observer for Board {
    fn event(&self, event: &Event) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Progress { cell, title, done, figures, .. } if !figures.is_empty() => {
                let file = open.entry(*cell).or_insert_with(|| EventFile::create(&self.folder.join(slug(title))).ok());
                let chain = figures.iter().find(|(name, _)| name == "chain").map(|(_, chain)| *chain);
                for (name, value) in figures.iter().filter(|(name, x)| name != "chain" && x.is_finite()) {
                    let tag = chain.map_or_else(|| format!("running/{name}"), |c| format!("running/{name}/chain {c}"));
                    // A disk that takes no more costs curves, not results.
                    if file.as_mut().is_some_and(|f| f.scalar(&tag, *done, *value).is_err()) {
                        *file = None;
                    }
                }
            }
            Event::Finished { cell, .. } | Event::Failed { cell, .. } | Event::Absent { cell, .. } => {
                open.remove(cell);
            }
            _ => {}
        }
    }
}

/// Writes the histories of the declared models, one folder a model, each column but the epoch by the epoch. What came from the store is among them.
///
/// Errors: a file cannot be written.
pub fn histories(graph: &Graph, value: &dyn Fn(&Entry) -> Value, folder: &Path) -> io::Result<()> {
    for declared in graph.values.iter().filter(|v| v.keyword == "model") {
        for (i, entry) in declared.entries.iter().enumerate() {
            if let Value::Model(model) = value(entry) {
                let name = format!("{}{}", declared.name, place_words(declared, i));
                history(&model.history, &folder.join(slug(&name)))?;
            }
        }
    }
    Ok(())
}

fn history(table: &Table, folder: &Path) -> io::Result<()> {
    let numbers = |c: &Column| if let Column::Numbers(x) = c { Some(x.clone()) } else { None };
    let columns: Vec<(&str, Vec<f64>)> = table.columns.iter().filter_map(|(n, c)| Some((n.as_str(), numbers(c)?))).collect();
    let Some((_, epochs)) = columns.iter().find(|(name, _)| *name == "epoch") else { return Ok(()) };
    let mut file = EventFile::create(folder)?;
    for (name, values) in columns.iter().filter(|(name, _)| *name != "epoch") {
        for (epoch, value) in epochs.iter().zip(values).filter(|(_, v)| v.is_finite()) {
            file.scalar(&format!("epoch/{name}"), *epoch as u64, *value)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums() {
        // RFC 3720, B.4: 32 bytes of zeros, of ones, rising, falling. The check value of the catalogue of parametrised CRC algorithms.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
        assert_eq!(crc32c(&(0..32).rev().collect::<Vec<u8>>()), 0x113f_db5c);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    /// Reads a whole number.
    fn number(bytes: &mut &[u8]) -> u64 {
        let (mut out, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            out |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return out;
            }
        }
    }

    /// Reads the fields of a message: number, bytes.
    fn fields(mut bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
        let mut out = Vec::new();
        while !bytes.is_empty() {
            let key = number(&mut bytes);
            let length = match key & 7 {
                0 => {
                    out.push((key >> 3, number(&mut bytes).to_le_bytes().to_vec()));
                    continue;
                }
                1 => 8,
                2 => number(&mut bytes) as usize,
                5 => 4,
                other => panic!("wire type {other}"),
            };
            out.push((key >> 3, bytes[..length].to_vec()));
            bytes = &bytes[length..];
        }
        out
    }

    fn field(all: &[(u64, Vec<u8>)], number: u64) -> Vec<u8> {
        all.iter().find(|(n, _)| *n == number).map(|(_, b)| b.clone()).unwrap_or_default()
    }

    /// Reads the scalars of the one file in a folder: tag, step, value.
    fn scalars(folder: &Path) -> Vec<(String, u64, f32)> {
        let files: Vec<PathBuf> = std::fs::read_dir(folder).expect("a folder").flatten().map(|e| e.path()).collect();
        assert_eq!(files.len(), 1);
        let bytes = std::fs::read(&files[0]).expect("a file");
        let (mut rest, mut out) = (bytes.as_slice(), Vec::new());
        let u32_at = |b: &[u8]| u32::from_le_bytes(b[..4].try_into().expect("4 bytes"));
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().expect("8 bytes")) as usize;
            assert_eq!(u32_at(&rest[8..]), masked(crc32c(&rest[..8])));
            let data = &rest[12..12 + length];
            assert_eq!(u32_at(&rest[12 + length..]), masked(crc32c(data)));
            rest = &rest[16 + length..];
            let event = fields(data);
            assert!(f64::from_le_bytes(field(&event, 1).try_into().expect("8 bytes")) > 1e9);
            let summary = field(&event, 5);
            if summary.is_empty() {
                assert_eq!(field(&event, 3), b"brain.Event:2");
                continue;
            }
            let scalar = fields(&field(&fields(&summary), 1));
            let step = u64::from_le_bytes(field(&event, 2).try_into().expect("8 bytes"));
            let value = f32::from_le_bytes(field(&scalar, 2).try_into().expect("4 bytes"));
            out.push((String::from_utf8(field(&scalar, 1)).expect("text"), step, value));
        }
        out
    }

    #[test]
    fn events_are_read_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let board = Board::new(folder.path()).expect("a folder");
        let progress = |done, figures: &[(&str, f64)]| Event::Progress {
            cell: 3,
            title: "net[run: 0] (train)".into(),
            done,
            total: 900,
            figures: figures.iter().map(|(n, x)| (n.to_string(), *x)).collect(),
        };
        board.event(&progress(1, &[("loss", 2.5), ("accuracy", f64::NAN)]));
        board.event(&progress(300, &[("loss", 0.5)]));
        board.event(&progress(301, &[("chain", 2.0), ("components", 7.0)]));
        let wanted = [("running/loss", 1, 2.5), ("running/loss", 300, 0.5), ("running/components/chain 2", 301, 7.0)];
        let wanted: Vec<(String, u64, f32)> = wanted.iter().map(|(t, s, v)| (t.to_string(), *s, *v)).collect();
        assert_eq!(scalars(&folder.path().join(slug("net[run: 0] (train)"))), wanted);
        let table = Table {
            columns: vec![
                ("epoch".into(), Column::Numbers(vec![1.0, 2.0])),
                ("loss".into(), Column::Numbers(vec![1.5, f64::NAN])),
                ("rate".into(), Column::Numbers(vec![0.1, 0.1])),
            ],
        };
        history(&table, &folder.path().join("net")).expect("written");
        let tags: Vec<(String, u64)> = scalars(&folder.path().join("net")).into_iter().map(|(t, s, _)| (t, s)).collect();
        assert_eq!(tags, [("epoch/loss".into(), 1), ("epoch/rate".into(), 1), ("epoch/rate".into(), 2)]);
    }
}
