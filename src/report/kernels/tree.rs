//! Trees of clusters beside heat maps: the order of their leaves, and their branches.

use super::cube::cell_text;
use super::field::Field;
use crate::engine::kernel::Failure;
use crate::engine::value::{Table, Value};
use crate::report::figure::Branches;

/// A tree as `cluster` gives it.
pub struct Tree {
    /// Names of the leaves from left to right.
    pub leaves: Vec<String>,
    /// Two leaves (below their number, in the order of coordinates) or earlier merges (their number and up), and the height at which they meet.
    merges: Vec<(usize, usize, f64)>,
    /// Places of the leaves by their index.
    places: Vec<usize>,
}

impl Tree {
    /// Reads the tree of a record with the tables `merges` (first, second, height) and `leaves` (place, index, name).
    ///
    /// Errors: the value is no such record, or is several.
    pub fn read(field: &Field) -> Result<Tree, Failure> {
        let wrong = |what: &str| {
            Failure::new(format!("`{}` is not a tree: {what}", field.name))
                .help("give what `cluster` makes: `tree: cluster(d, over: run)`")
        };
        let fields = match field.values.as_slice() {
            [Value::Record(fields)] => fields,
            [Value::Absent(why)] => return Err(Failure::Absent(why.clone())),
            [_] => return Err(wrong("it is no record")),
            _ => return Err(wrong("it is several, one for each coordinate of its axes")),
        };
        let table = |name: &str| {
            let found = fields.iter().find(|(n, _)| n == name);
            match found {
                Some((_, Value::Table(t))) => Ok(t.clone()),
                _ => Err(wrong(&format!("it has no table `{name}`"))),
            }
        };
        let (merges, leaves) = (table("merges")?, table("leaves")?);
        let column = |t: &Table, name: &str| -> Result<Vec<f64>, Failure> {
            t.numbers(name).map(|c| c.to_vec()).ok_or_else(|| wrong(&format!("it has no column `{name}`")))
        };
        let index: Vec<usize> = column(&leaves, "index")?.into_iter().map(|x| x as usize).collect();
        let mut places = vec![0; index.len()];
        for (place, at) in index.iter().enumerate() {
            *places.get_mut(*at).ok_or_else(|| wrong("its leaves are not numbered from 0"))? = place;
        }
        let names = (0..leaves.rows()).map(|row| cell_text(&leaves, "name", row).unwrap_or_default()).collect();
        let (first, second, height) = (column(&merges, "first")?, column(&merges, "second")?, column(&merges, "height")?);
        let merges: Vec<(usize, usize, f64)> =
            first.iter().zip(&second).zip(height).map(|((a, b), h)| (*a as usize, *b as usize, h)).collect();
        let ordered = merges.iter().enumerate().all(|(k, (a, b, _))| *a < index.len() + k && *b < index.len() + k);
        if !ordered {
            return Err(wrong("a merge comes before what it merges"));
        }
        Ok(Tree { leaves: names, merges, places })
    }

    /// Returns the branches: lines between a height and a place among the leaves.
    pub fn branches(&self, label: String) -> Branches {
        let mut at: Vec<(f64, f64)> = self.places.iter().map(|p| (0.0, *p as f64)).collect();
        let mut lines = Vec::new();
        for (a, b, height) in &self.merges {
            let (first, second) = (at[*a], at[*b]);
            lines.push((first, (*height, first.1)));
            lines.push((second, (*height, second.1)));
            lines.push(((*height, first.1), (*height, second.1)));
            at.push((*height, (first.1 + second.1) / 2.0));
        }
        let top = self.merges.iter().map(|m| m.2).fold(0.0, f64::max);
        Branches { lines, top, label }
    }
}
