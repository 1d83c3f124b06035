//! CIFAR-10 and CIFAR-100 in their Python version: pickled dictionaries of labels and a NumPy array of bytes, read as data and never run.

use super::bytes::{broken, unreadable, with_help};
use crate::ops::foreign::named;
use crate::ops::foreign::pickle::{self, Id, Item, Pickle};
use crate::plan::facts::Problem;
use crate::plan::seen;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Longest file that is read: CIFAR-100's training split has 155 MB.
const LONGEST: u64 = 1 << 29;

/// One file: labels, and pixels as records of 3,072 bytes, planes of red, green and blue.
pub struct Batch {
    /// The labels.
    pub labels: Vec<i128>,
    /// The bytes of all images.
    pub planes: Vec<u8>,
}

/// Reads one file; `labels` is the name of its labels, `record` the bytes of an image.
///
/// Errors: it is no such pickle, refers to anything but plain data, or its labels and images differ in number.
pub fn read(path: &Path, labels: &str, record: usize) -> Result<Batch, Problem> {
    let cannot = |e: std::io::Error| broken(path, format!("cannot be read: {e}"));
    let mut file = BufReader::with_capacity(1 << 18, seen::open(path).map_err(cannot)?);
    let head = file.fill_buf().map_err(cannot)?;
    if head.starts_with(&[0x1f, 0x8b]) {
        return Err(with_help(
            broken(path, "is packed with gzip"),
            "unpack it first: `gunzip`, or `tar -xzf` where it is an archive",
        ));
    }
    if let Some(why) = named::stranger(head) {
        return Err(unreadable(path, why));
    }
    let pickle = pickle::read_within(&mut file, LONGEST).map_err(|why| match why.help {
        Some(_) => with_help(broken(path, why.words), "only the files of the official Python version are read"),
        None => broken(path, why.words),
    })?;
    let Item::Dict(pairs) = pickle.item(pickle.root) else {
        return Err(broken(path, "is a pickle of something else than a dictionary, as the Python version of CIFAR is"));
    };
    let there = || {
        pairs.iter().filter_map(|(key, _)| word(&pickle, *key)).take(8).map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ")
    };
    let lacks = |what: &str| {
        with_help(broken(path, format!("has no `{what}`, as the Python version of CIFAR has")), format!("it has {}", there()))
    };
    let field = |name: &str| pairs.iter().find(|(key, _)| word(&pickle, *key) == Some(name)).map(|(_, value)| *value);
    let found = field(labels).ok_or_else(|| lacks(labels))?;
    let numbers =
        pickle.whole_numbers(found).ok_or_else(|| broken(path, format!("has `{labels}` that are not whole numbers")))?;
    let Some(Item::Array { shape, of, columns_first, bytes }) = field("data").map(|id| pickle.item(id)) else {
        return Err(lacks("data"));
    };
    if of.trim_start_matches(['<', '>', '|', '=']) != "u1" {
        return Err(with_help(
            broken(path, format!("holds images of type `{of}`; bytes (`u1`) are read")),
            "save them with `x.astype(\"uint8\")`",
        ));
    }
    let Item::Bytes(planes) = pickle.item(*bytes) else { return Err(lacks("data")) };
    let (count, wanted) = (numbers.len(), [numbers.len() as u64, record as u64]);
    if *shape != wanted || planes.len() != count * record {
        let problem = broken(path, format!("holds images of shape {shape:?} and {count} labels; the shape should be {wanted:?}"));
        return Err(with_help(problem, "an image is a row: its red plane, then green, then blue, 32 x 32 each"));
    }
    let planes = match columns_first {
        false => planes.clone(),
        true => (0..count * record).map(|i| planes[(i % record) * count + i / record]).collect(),
    };
    Ok(Batch { labels: numbers, planes })
}

/// Returns the text of a key. Python 3 may have written names as bytes.
fn word(pickle: &Pickle, id: Id) -> Option<&str> {
    match pickle.item(id) {
        Item::Text(text) => Some(text),
        Item::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}
