//! CIFAR-10 and CIFAR-100 in their Python version: pickled dictionaries of labels and a NumPy array of bytes, read as data and never run.

use super::bytes::{broken, with_help};
use crate::ops::foreign::pickle::{self, Id, Item, Pickle};
use crate::plan::facts::Problem;
use std::fs::File;
use std::io::BufReader;
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
    let mut file = BufReader::with_capacity(1 << 18, File::open(path).map_err(cannot)?);
    let pickle = pickle::read_within(&mut file, LONGEST).map_err(|why| match why.help {
        Some(_) => with_help(broken(path, why.words), "only the files of the official Python version are read"),
        None => broken(path, why.words),
    })?;
    let lacks = |what: &str| broken(path, format!("has no `{what}`, as the Python version of CIFAR has"));
    let numbers = match field(&pickle, labels).map(|id| pickle.item(id)) {
        Some(Item::Sequence(items)) => items.iter().map(|id| if let Item::Int(n) = pickle.item(*id) { Some(*n) } else { None }),
        _ => return Err(lacks(labels)),
    };
    let numbers: Vec<i128> = numbers.collect::<Option<_>>().ok_or_else(|| lacks(labels))?;
    let Some(Item::Array { shape, of, columns_first: false, bytes }) = field(&pickle, "data").map(|id| pickle.item(id)) else {
        return Err(lacks("data"));
    };
    let Item::Bytes(planes) = pickle.item(*bytes) else { return Err(lacks("data")) };
    let wanted = [numbers.len() as u64, record as u64];
    if *shape != wanted || of != "u1" || planes.len() as u64 != wanted[0] * wanted[1] {
        return Err(broken(
            path,
            format!("holds images of shape {shape:?} and {} labels; the shape should be {wanted:?}", numbers.len()),
        ));
    }
    Ok(Batch { labels: numbers, planes: planes.clone() })
}

/// Returns the value under a key of the outermost dictionary.
fn field(pickle: &Pickle, name: &str) -> Option<Id> {
    let Item::Dict(pairs) = pickle.item(pickle.root) else { return None };
    // Python 3 may have written names as bytes.
    let is = |id: Id| match pickle.item(id) {
        Item::Text(text) => text == name,
        Item::Bytes(bytes) => bytes == name.as_bytes(),
        _ => false,
    };
    pairs.iter().find(|(key, _)| is(*key)).map(|(_, value)| *value)
}
