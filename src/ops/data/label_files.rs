//! Labels in files: NumPy arrays of whole numbers, or JSON that lists the rows of each class.

use super::bytes::{Input, broken, with_help};
use super::npy::{self, Place};
use super::parts::{MOST_CLASSES, numbered_classes};
use crate::plan::facts::Problem;
use serde_json::Value as Json;
use std::path::Path;

/// Names under which archives usually hold labels.
pub const USUAL_LABELS: &[&str] = &["labels", "label", "y", "targets", "tr_labels"];

/// Largest JSON file that is read, in bytes.
const LONGEST_JSON: u64 = 1 << 26;

/// Returns the shape of the array of labels at a place, without reading them; `None` if they are in lists.
///
/// Errors: as [`read`].
pub fn shape(place: &Place) -> Result<Option<Vec<usize>>, Problem> {
    if is_json(&place.path) {
        return Ok(None);
    }
    npy::header(place, USUAL_LABELS).map(|h| Some(h.shape))
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "json")
}

/// Returns the labels at a place, one an example, and the names of the classes that they name.
///
/// A file named `.json` holds a list for each class, `[[rows], …]` or `{"0": [rows], …}`, as `class_indices_split.json` of the
/// published class-fitting code does. Errors: no labels; a label beyond any number of classes; a row named twice or never.
pub fn read(place: &Place) -> Result<(Vec<u32>, Vec<String>), Problem> {
    let path = &place.path;
    let labels = if is_json(path) {
        from_lists(path, &Input::open(path)?.rest(LONGEST_JSON)?)?
    } else {
        npy::read(place, USUAL_LABELS)?.labels(path)?
    };
    let classes = numbered_classes(&labels).map_err(|words| broken(path, words))?;
    Ok((labels, classes))
}

/// Returns labels from lists of rows.
fn from_lists(path: &Path, bytes: &[u8]) -> Result<Vec<u32>, Problem> {
    let form = "a list of rows for each class is read: `[[0, 3], [1, 2]]` or `{\"0\": [0, 3], \"1\": [1, 2]}`";
    let wrong = |words: String| with_help(broken(path, words), form);
    // Some programs put a byte order mark before the text.
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let json: Json = serde_json::from_slice(bytes).map_err(|e| wrong(format!("is no JSON: {e}")))?;
    let lists: Vec<(u32, &Json)> = match &json {
        Json::Array(lists) => lists.iter().enumerate().map(|(c, l)| (c as u32, l)).collect(),
        Json::Object(lists) => {
            let named = lists.iter().map(|(c, l)| c.parse::<u32>().map(|c| (c, l)));
            named.collect::<Result<_, _>>().map_err(|_| wrong("names a class that is not a number".to_string()))?
        }
        _ => return Err(wrong("holds no lists".to_string())),
    };
    let mut pairs = Vec::new();
    for (class, list) in lists {
        if class >= MOST_CLASSES {
            return Err(wrong(format!("names class {class}; classes stay below {MOST_CLASSES}")));
        }
        for row in list.as_array().ok_or_else(|| wrong(format!("has no list for class {class}")))? {
            let row =
                row.as_u64().ok_or_else(|| wrong(format!("has the row {row} in class {class}, which is not a whole number")))?;
            pairs.push((row, class));
        }
    }
    pairs.sort_unstable();
    match pairs.iter().enumerate().find(|(i, (row, _))| *i as u64 != *row) {
        Some((i, _)) => Err(wrong(format!("names {} rows, and row {i} is not named exactly once", pairs.len()))),
        None if pairs.is_empty() => Err(wrong("names no rows".to_string())),
        None => Ok(pairs.into_iter().map(|(_, class)| class).collect()),
    }
}
