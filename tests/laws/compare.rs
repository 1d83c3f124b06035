//! Whether two results are the same: every number within rounding, every word, whatever the order of a table's columns and rows.

use super::world::Cell;
use cfx::engine::Value;
use cfx::engine::value::{ArrayData, Column, Number, Pixels, Table, Truth};

/// What a result says, as a list of words and numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Atom {
    /// A word.
    Word(String),
    /// A number.
    Number(f64),
}

/// How closely numbers agree, relative to the larger.
pub const ROUNDING: f64 = 1e-9;

/// Returns everything that a value says.
pub fn atoms(value: &Result<Value, String>) -> Vec<Atom> {
    let mut out = Vec::new();
    match value {
        Ok(value) => say(value, &mut out),
        Err(why) => out.push(word(&format!("failed: {why}"))),
    }
    out
}

fn word(text: &str) -> Atom {
    Atom::Word(text.to_string())
}

fn say(value: &Value, out: &mut Vec<Atom>) {
    out.push(word(value.word()));
    match value {
        Value::Number(Number { value, error, count, .. }) => {
            out.push(Atom::Number(*value));
            out.push(error.map_or_else(|| word("exact"), Atom::Number));
            out.push(count.map_or_else(|| word("no count"), |c| Atom::Number(c as f64)));
        }
        Value::Truth(Truth { holds, within_error, .. }) => {
            out.extend([word(&holds.to_string()), word(&within_error.to_string())])
        }
        Value::Word(w) => out.push(word(w)),
        Value::Absent(_) => {}
        Value::Record(parts) => parts.iter().for_each(|(name, part)| {
            out.push(word(name));
            say(part, out);
        }),
        Value::List(items) => items.iter().for_each(|v| say(v, out)),
        Value::Scores(s) => {
            let mut rows: Vec<(u32, f64)> = s.ids.iter().copied().zip(s.values.iter().copied()).collect();
            rows.sort_by_key(|r| r.0);
            rows.iter().for_each(|(id, x)| out.extend([Atom::Number(*id as f64), Atom::Number(*x)]));
        }
        Value::Table(t) => table(t, out),
        Value::Figure(f) => table(&f.data, out),
        Value::Dataset(d) => {
            d.ids.iter().chain(d.labels.iter()).for_each(|x| out.push(Atom::Number(*x as f64)));
            d.source.splits.iter().for_each(|(name, range)| out.extend([word(name), Atom::Number(range.len() as f64)]));
            let images = &d.source.images;
            images.mean.iter().chain(&images.std).for_each(|x| out.push(Atom::Number(*x as f64)));
            images.shape.iter().for_each(|x| out.push(Atom::Number(*x as f64)));
            match &images.data {
                Pixels::Bytes { data, divisor } => {
                    out.push(Atom::Number(*divisor as f64));
                    out.extend(data.iter().take(4096).map(|x| Atom::Number(*x as f64)));
                }
                Pixels::Floats(x) => out.extend(x.iter().take(4096).map(|x| Atom::Number(*x as f64))),
                Pixels::Words(x) => out.extend(x.iter().take(4096).map(|x| Atom::Number(*x as f64))),
                Pixels::Noisy(of, sd, stream) => {
                    out.extend([word(&of.name), word(&stream.hash().to_string()), Atom::Number(*sd)]);
                }
            }
        }
        Value::Model(m) => {
            for (name, _, x) in m.weights.iter() {
                out.push(word(name));
                out.extend(x.iter().map(|x| Atom::Number(*x as f64)));
            }
            m.snapshots.iter().for_each(|(epoch, _)| out.push(Atom::Number(*epoch as f64)));
            table(&m.history, out);
            out.extend(m.trained_on.iter().map(|x| Atom::Number(*x as f64)));
        }
        Value::Stages(s) => {
            out.extend(s.x.iter().map(|x| Atom::Number(*x)));
            out.extend(s.ids.iter().chain(s.labels.iter()).map(|x| Atom::Number(*x as f64)));
        }
        Value::Pack(p) => {
            out.push(word(&p.meta.to_string()));
            for (name, array) in &p.arrays {
                out.push(word(name));
                match &array.data {
                    ArrayData::F64(x) => out.extend(x.iter().map(|x| Atom::Number(*x))),
                    ArrayData::F32(x) => out.extend(x.iter().map(|x| Atom::Number(*x as f64))),
                    ArrayData::U32(x) => out.extend(x.iter().map(|x| Atom::Number(*x as f64))),
                    ArrayData::U8(x) => out.extend(x.iter().map(|x| Atom::Number(*x as f64))),
                }
            }
        }
    }
}

/// Says a table with its columns by name and its rows in the order of what they say.
fn table(t: &Table, out: &mut Vec<Atom>) {
    let mut columns: Vec<&(String, Column)> = t.columns.iter().collect();
    columns.sort_by(|x, y| x.0.cmp(&y.0));
    columns.iter().for_each(|(name, _)| out.push(word(name)));
    let cell = |column: &Column, row: usize| match column {
        Column::Numbers(x) => Atom::Number(x[row]),
        Column::Texts(x) => Atom::Word(x[row].clone()),
    };
    let shown = |row: &Vec<Atom>| -> Vec<String> {
        let text = |a: &Atom| match a {
            Atom::Number(x) => format!("{x:.6e}"),
            Atom::Word(w) => w.clone(),
        };
        row.iter().map(text).collect()
    };
    let mut rows: Vec<Vec<Atom>> = (0..t.rows()).map(|r| columns.iter().map(|(_, c)| cell(c, r)).collect()).collect();
    rows.sort_by_cached_key(shown);
    out.extend(rows.into_iter().flatten());
}

/// Returns what differs between two lists; `None` if they agree.
pub fn difference(x: &[Atom], y: &[Atom]) -> Option<String> {
    let near =
        |x: f64, y: f64| x == y || (x.is_nan() && y.is_nan()) || (x - y).abs() <= ROUNDING * x.abs().max(y.abs()).max(1e-6);
    let shown = |a: &Atom| match a {
        Atom::Word(w) => w.chars().take(120).collect(),
        Atom::Number(x) => x.to_string(),
    };
    for (x, y) in x.iter().zip(y) {
        let same = match (x, y) {
            (Atom::Number(x), Atom::Number(y)) => near(*x, *y),
            (x, y) => x == y,
        };
        if !same {
            return Some(format!("{} against {}", shown(x), shown(y)));
        }
    }
    (x.len() != y.len()).then(|| format!("{} atoms against {}", x.len(), y.len()))
}

/// Returns what differs between two values at all coordinates that both have, and where.
///
/// `places`: whether both must have the same coordinates.
pub fn cells(x: &[Cell], y: &[Cell], same_places: bool) -> Option<String> {
    for cell in x {
        let Some(other) = y.iter().find(|c| c.at == cell.at) else {
            if same_places {
                return Some(format!("one has no {:?}, but {:?}", cell.at, y.first().map(|c| &c.at)));
            }
            continue;
        };
        if let Some(why) = difference(&atoms(&cell.value), &atoms(&other.value)) {
            return Some(format!("{why} at {:?}", cell.at));
        }
    }
    (same_places && x.len() != y.len()).then(|| format!("{} places against {}", x.len(), y.len()))
}
