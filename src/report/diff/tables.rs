//! The tables of two runs: row by row, each number with its error.

use super::Side;
use super::side;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// How two numbers stand to each other that are not equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// By more than their errors.
    Beyond,
    /// No error is known of one of them, or they are no numbers.
    Unknown,
    /// By no more than their errors.
    Within,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Verdict::Beyond => "beyond",
            Verdict::Unknown => "no error known",
            Verdict::Within => "within",
        }
    }
}

/// A value that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// Its row: coordinates.
    pub at: String,
    /// Its column.
    pub column: String,
    /// What stands there on each side, and its standard error.
    pub sides: [(String, Option<f64>); 2],
    /// How they stand to each other.
    pub verdict: Verdict,
    /// |a - b| / √(e² + f²), where errors are known.
    pub errors: Option<f64>,
}

/// How two tables of one name differ.
#[derive(Clone, Debug, PartialEq)]
pub struct TableDiff {
    /// The declaration.
    pub name: String,
    /// Values in both.
    pub both: usize,
    /// Those that differ, the farthest apart first.
    pub differ: Vec<Number>,
    /// Rows that only one of them has.
    pub rows: [usize; 2],
    /// Why the tables could not be compared, where that is so.
    pub unread: Option<String>,
}

impl TableDiff {
    /// Returns how many values have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.differ.iter().filter(|n| n.verdict == verdict).count()
    }

    pub(super) fn json(&self) -> Json {
        let one = |n: &Number| {
            let side = |(text, error): &(String, Option<f64>)| json!({ "value": value(text), "se": error });
            json!({
                "at": n.at, "column": n.column, "a": side(&n.sides[0]), "b": side(&n.sides[1]),
                "verdict": n.verdict.word(), "errors": n.errors,
            })
        };
        json!({
            "name": self.name, "both": self.both,
            "beyond": self.count(Verdict::Beyond), "within": self.count(Verdict::Within), "no_error_known": self.count(Verdict::Unknown),
            "rows_only_a": self.rows[0], "rows_only_b": self.rows[1], "unread": self.unread,
            "differ": self.differ.iter().map(one).collect::<Vec<_>>(),
        })
    }
}

/// Returns what stands in a table as JSON: a number where it is a finite one.
fn value(text: &str) -> Json {
    match text.parse::<f64>() {
        Ok(x) if x.is_finite() => json!(x),
        _ => json!(text),
    }
}

/// Compares all tables of two runs; those of equal bytes are not looked at.
pub(super) fn tables(a: &Side, b: &Side) -> Vec<TableDiff> {
    let paths = |s: &Side| -> BTreeSet<String> {
        let all = s.list("outputs").iter().filter(|o| o["is"] == "table").filter_map(|o| o["path"].as_str());
        all.filter(|p| p.ends_with(".csv")).map(str::to_string).collect()
    };
    let (ours, theirs) = (paths(a), paths(b));
    let mut out = Vec::new();
    for path in ours.union(&theirs) {
        if a.hash(path).is_some() && a.hash(path) == b.hash(path) {
            continue;
        }
        let name = path.trim_start_matches("tables/").trim_end_matches(".csv").to_string();
        let mut diff = TableDiff { name, both: 0, differ: Vec::new(), rows: [0, 0], unread: None };
        match (Table::read(a, path), Table::read(b, path)) {
            (Ok(x), Ok(y)) => compare(x.as_ref(), y.as_ref(), &mut diff),
            (Err(words), _) | (_, Err(words)) => diff.unread = Some(words),
        }
        if !diff.differ.is_empty() || diff.rows != [0, 0] || diff.unread.is_some() {
            out.push(diff);
        }
    }
    out
}

/// A table as it was read: by row, the values of each column that holds some.
struct Table {
    rows: BTreeMap<String, BTreeMap<String, (String, Option<f64>)>>,
}

impl Table {
    /// Reads a table; `None` if the run has none of that path.
    ///
    /// Errors: a sentence: the files are not those that the run wrote.
    fn read(side: &side::Side, path: &str) -> Result<Option<Table>, String> {
        if side.hash(path).is_none() {
            return Ok(None);
        }
        let about = path.replace(".csv", ".json");
        let gone = |p: &str| format!("{p} is missing, or changed since the run");
        let text = side.file(path).ok_or_else(|| gone(path))?;
        let about: Json = side.file(&about).and_then(|b| serde_json::from_slice(&b).ok()).ok_or_else(|| gone(&about))?;
        let columns = about["columns"].as_array().map_or(&[][..], Vec::as_slice);
        let is = |i: usize| columns.get(i).and_then(|c| c["is"].as_str()).unwrap_or_default();
        let name = |i: usize| columns.get(i).and_then(|c| c["name"].as_str()).unwrap_or_default();
        let error = |i: usize| {
            let of = &columns.get(i)?["of"];
            (0..columns.len()).find(|j| is(*j) == "error" && columns[*j]["of"] == *of)
        };
        let mut rows = BTreeMap::new();
        let mut reader = csv::Reader::from_reader(text.as_slice());
        for record in reader.records() {
            let record = record.map_err(|e| format!("{path}: {e}"))?;
            let there = |i: usize| record.get(i).unwrap_or_default();
            let keys =
                (0..record.len()).filter(|i| matches!(is(*i), "axis" | "example" | "row" | "item") && !there(*i).is_empty());
            let key = keys.map(|i| format!("{}: {}", name(i), there(i))).collect::<Vec<_>>().join(", ");
            let mut values = BTreeMap::new();
            for i in (0..record.len()).filter(|i| matches!(is(*i), "value" | "column" | "absent")) {
                let own = (is(i) == "value").then(|| error(i)).flatten();
                values.insert(name(i).to_string(), (there(i).to_string(), own.and_then(|j| there(j).parse().ok())));
            }
            // Rows of an operation's table have no coordinates of their own.
            let mut n = 1;
            let mut numbered = key.clone();
            while rows.contains_key(&numbered) {
                n += 1;
                numbered = format!("{key} #{n}").trim_start().to_string();
            }
            rows.insert(numbered, values);
        }
        Ok(Some(Table { rows }))
    }
}

fn compare(a: Option<&Table>, b: Option<&Table>, out: &mut TableDiff) {
    let none = BTreeMap::new();
    let (ours, theirs) = (a.map_or(&none, |t| &t.rows), b.map_or(&none, |t| &t.rows));
    out.rows =
        [ours.keys().filter(|k| !theirs.contains_key(*k)).count(), theirs.keys().filter(|k| !ours.contains_key(*k)).count()];
    for (at, values) in ours {
        let Some(others) = theirs.get(at) else { continue };
        let columns: BTreeSet<&String> = values.keys().chain(others.keys()).collect();
        for column in columns {
            let nothing = (String::new(), None);
            let (x, y) = (values.get(column).unwrap_or(&nothing), others.get(column).unwrap_or(&nothing));
            out.both += 1;
            if x.0 != y.0 {
                out.differ.push(number(at, column, x.clone(), y.clone()));
            }
        }
    }
    let rank = |n: &Number| (n.verdict, std::cmp::Reverse((1e6 * n.errors.unwrap_or_else(|| apart(n)).min(1e12)) as u64));
    out.differ.sort_by_key(rank);
}

/// Returns how far two values without errors lie apart, as a share of the larger one; words and a number that is missing, further than any.
fn apart(of: &Number) -> f64 {
    match [&of.sides[0].0, &of.sides[1].0].map(|text| text.parse::<f64>()) {
        [Ok(a), Ok(b)] if a.is_finite() && b.is_finite() => (a - b).abs() / a.abs().max(b.abs()).max(f64::MIN_POSITIVE),
        _ => f64::INFINITY,
    }
}

fn number(at: &str, column: &str, x: (String, Option<f64>), y: (String, Option<f64>)) -> Number {
    let errors = match (x.0.parse::<f64>(), y.0.parse::<f64>(), x.1, y.1) {
        (Ok(a), Ok(b), Some(e), Some(f)) => Some((a - b).abs() / (e * e + f * f).sqrt()).filter(|r| !r.is_nan()),
        _ => None,
    };
    let verdict = match errors {
        None => Verdict::Unknown,
        Some(r) if r < 2.0 => Verdict::Within,
        Some(_) => Verdict::Beyond,
    };
    Number { at: at.to_string(), column: column.to_string(), sides: [x, y], verdict, errors }
}
