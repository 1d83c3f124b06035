//! Lists of images in CSV files, as Mini-ImageNet comes (Ravi & Larochelle 2017): `train.csv`, `val.csv` and `test.csv` with the columns
//! `filename` and `label`, beside a folder `images`.

use super::bytes::{Input, broken, utf8, with_help};
use crate::plan::facts::Problem;
use std::path::{Path, PathBuf};

/// Largest list that is read, in bytes.
const LONGEST: u64 = 1 << 28;

/// Names of lists, and the splits that they are of.
const LISTS: [(&str, &str); 5] =
    [("train.csv", "train"), ("val.csv", "valid"), ("valid.csv", "valid"), ("validation.csv", "valid"), ("test.csv", "test")];

/// A list: its split, where it lies, and the file and the class of each image.
pub struct Csv {
    pub split: &'static str,
    pub path: PathBuf,
    pub rows: Vec<(String, String)>,
}

/// Returns the fields of a line: commas part them, except within double quotes, where two quotes stand for one (RFC 4180).
fn fields(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let Some(quoted) = text.trim_start().strip_prefix('"') else {
            let (field, after) = text.split_once(',').map_or((text, None), |(field, after)| (field, Some(after)));
            out.push(field.trim().to_string());
            rest = after;
            continue;
        };
        let (mut field, mut chars) = (String::new(), quoted.chars());
        while let Some(c) = chars.next() {
            match c {
                '"' if chars.as_str().starts_with('"') => {
                    field.push('"');
                    chars.next();
                }
                '"' => break,
                c => field.push(c),
            }
        }
        out.push(field);
        rest = chars.as_str().split_once(',').map(|(_, after)| after);
    }
    out
}

/// Returns the lists in a folder that have the columns of one, and those files that have the name of one alone.
///
/// Errors: a line without one of the columns; two lists for one split; a file is no text.
pub fn lists(root: &Path) -> Result<(Vec<Csv>, Vec<PathBuf>), Problem> {
    let (mut out, mut others) = (Vec::<Csv>::new(), Vec::new());
    for (name, split) in LISTS {
        let path = root.join(name);
        if !path.is_file() {
            continue;
        }
        let text = utf8(&path, Input::text(&path)?.rest(LONGEST)?)?;
        let mut lines = text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty());
        let head = lines.next().map(|(_, l)| fields(l.trim_start_matches('\u{feff}'))).unwrap_or_default();
        let column = |wanted: &str| head.iter().position(|c| c.eq_ignore_ascii_case(wanted));
        let (Some(file), Some(label)) = (column("filename"), column("label")) else {
            others.push(path);
            continue;
        };
        if let Some(other) = out.iter().find(|c| c.split == split) {
            let words = format!("is a second list for one split beside `{}`", other.path.display());
            return Err(with_help(broken(&path, words), "keep one of them"));
        }
        let row = |(i, line): (usize, &str)| {
            let all = fields(line);
            match (all.get(file).filter(|f| !f.is_empty()), all.get(label).filter(|f| !f.is_empty())) {
                (Some(file), Some(label)) => Ok((file.clone(), label.clone())),
                _ => Err(broken(&path, format!("has no file and label on line {}", i + 1))),
            }
        };
        let rows = lines.map(row).collect::<Result<Vec<_>, _>>()?;
        out.push(Csv { split, path: path.clone(), rows });
    }
    Ok((out, others))
}
