//! Two runs side by side: what was set, read and run with, what came out, and whether it differs by more than its errors.
//!
//! In: two folders of results, manifests or archives. Out: the differences, as data, as words, as JSON.
//!
//! Two numbers a ± e and b ± f differ by more than their errors where |a - b| ≥ 2 √(e² + f²): two standard errors of the difference of independent
//! measurements, the rule by which claims are decided. Runs of one seed share draws, and then differ by less than that says.

mod side;
mod tables;
mod words;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value as Json, json};
use side::Calls;
pub use side::Side;
use std::collections::{BTreeMap, BTreeSet};
pub use tables::{Number, TableDiff, Verdict};

/// Something that one run has in another way than the other; nothing on a side that has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What it is about.
    pub what: String,
    /// What it is on each side.
    pub sides: [Option<String>; 2],
    /// The line of the script where it is written, on each side.
    pub lines: [Option<u64>; 2],
}

impl Change {
    fn new(what: impl Into<String>, a: Option<String>, b: Option<String>) -> Change {
        Change { what: what.into(), sides: [a, b], lines: [None, None] }
    }

    fn json(&self) -> Json {
        json!({ "what": self.what, "a": self.sides[0], "b": self.sides[1], "line_a": self.lines[0], "line_b": self.lines[1] })
    }
}

/// How two runs differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    /// Title, seed, parameters, axes, and settings of calls.
    pub settings: Vec<Change>,
    /// Files read.
    pub files: Vec<Change>,
    /// Versions of cfx and of operations, kinds of devices.
    pub versions: Vec<Change>,
    /// Claims that are decided otherwise.
    pub claims: Vec<Change>,
    /// Tables whose numbers, words or rows differ.
    pub tables: Vec<TableDiff>,
    /// Other results of other bytes: weights, densities, arrays without a table.
    pub others: Vec<Change>,
}

impl Diff {
    /// Returns whether nothing differs.
    pub fn is_same(&self) -> bool {
        *self == Diff::default()
    }

    /// Compares two runs.
    pub fn of(a: &Side, b: &Side) -> Diff {
        Diff {
            settings: settings(a, b),
            files: files(a, b),
            versions: versions(a, b),
            claims: claims(a, b),
            tables: tables::tables(a, b),
            others: others(a, b),
        }
    }

    /// Returns the differences as JSON.
    pub fn json(&self) -> Json {
        let list = |all: &[Change]| all.iter().map(Change::json).collect::<Vec<_>>();
        json!({
            "format": "cfx.diff.1",
            "same": self.is_same(),
            "rule": "beyond: |a - b| >= 2 sqrt(se_a^2 + se_b^2), errors taken as independent",
            "settings": list(&self.settings),
            "files": list(&self.files),
            "versions": list(&self.versions),
            "claims": list(&self.claims),
            "tables": self.tables.iter().map(TableDiff::json).collect::<Vec<_>>(),
            "others": list(&self.others),
        })
    }

    /// Returns the differences in words.
    pub fn text(&self) -> String {
        words::text(self)
    }
}

/// Returns a value in short: words as they are, the rest as JSON.
fn short(value: &Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// Compares what two maps hold.
fn maps(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> Vec<Change> {
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let differ = names.into_iter().filter(|n| a.get(*n) != b.get(*n));
    differ.map(|n| Change::new(n.clone(), a.get(n).cloned(), b.get(n).cloned())).collect()
}

fn settings(a: &Side, b: &Side) -> Vec<Change> {
    let mut out = Vec::new();
    for name in ["title", "seed"] {
        let (x, y) = (&a.manifest[name], &b.manifest[name]);
        if x != y {
            out.push(Change::new(name, short(x), short(y)));
        }
    }
    // A run that was not given a parameter had its default.
    let given = |side: &Side, other: &Side| -> BTreeMap<String, String> {
        let named = |o: &Json, value: Option<String>| Some((format!("parameter {}", o["name"].as_str()?), value?));
        let defaults =
            other.list("overrides").iter().filter_map(|o| named(o, Some(format!("{} (default)", short(&o["default"])?))));
        let own = side.list("overrides").iter().filter_map(|o| named(o, short(&o["value"])));
        defaults.chain(own).collect()
    };
    out.extend(maps(&given(a, b), &given(b, a)));
    let axes = |side: &Side| -> BTreeMap<String, String> {
        let all = side.list("axes");
        all.iter().filter_map(|x| Some((format!("axis {}", x["name"].as_str()?), coordinates(&x["coordinates"])))).collect()
    };
    out.extend(maps(&axes(a), &axes(b)));
    let (ours, theirs) = (Calls::of(a), Calls::of(b));
    let names: BTreeSet<&String> = ours.0.keys().chain(theirs.0.keys()).collect();
    for name in names {
        match (ours.0.get(name), theirs.0.get(name)) {
            (Some(x), Some(y)) => {
                for mut change in maps(&x.settings, &y.settings) {
                    change.lines = [x.line(&change.what), y.line(&change.what)];
                    change.what = format!("{name}: {}", change.what);
                    out.push(change);
                }
            }
            (x, y) => {
                let there = |side: Option<&side::Call>| side.map(|c| format!("{} cells", c.cells));
                let mut change = Change::new(name.clone(), there(x), there(y));
                change.lines = [x.and_then(|c| c.line("")), y.and_then(|c| c.line(""))];
                out.push(change);
            }
        }
    }
    out
}

/// Returns the coordinates of an axis, of many the ends.
fn coordinates(all: &Json) -> String {
    let words: Vec<String> = all.as_array().into_iter().flatten().filter_map(short).collect();
    match words.len() {
        0 => all.to_string(),
        1..=8 => words.join(", "),
        n => format!("{}, … {} ({n})", words[..3].join(", "), words[n - 1]),
    }
}

/// Compares the files read: those of equal bytes are the same wherever they lie.
fn files(a: &Side, b: &Side) -> Vec<Change> {
    let listed = |side: &Side| -> Vec<(String, String)> {
        let one = |f: &Json| Some((f["path"].as_str()?.to_string(), f["blake3"].as_str()?.to_string()));
        side.list("files").iter().filter_map(one).collect()
    };
    let (ours, theirs) = (listed(a), listed(b));
    let rest = |of: &[(String, String)], other: &[(String, String)]| -> BTreeMap<String, String> {
        let has = |hash: &String| other.iter().any(|(_, h)| h == hash);
        let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_string();
        of.iter().filter(|(_, h)| !has(h)).map(|(path, h)| (name(path), h.chars().take(12).collect())).collect()
    };
    maps(&rest(&ours, &theirs), &rest(&theirs, &ours))
}

fn versions(a: &Side, b: &Side) -> Vec<Change> {
    let all = |side: &Side| -> BTreeMap<String, String> {
        let mut out = BTreeMap::new();
        out.extend(short(&side.manifest["cfx"]).map(|v| ("cfx".to_string(), v)));
        for call in side.list("calls") {
            if let (Some(op), Some(version)) = (call["op"].as_str(), call["version"].as_u64()) {
                out.insert(format!("operation {op}"), version.to_string());
            }
        }
        out
    };
    let (ours, theirs) = (all(a), all(b));
    // What only one of them runs is no other version.
    let mut out: Vec<Change> = maps(&ours, &theirs).into_iter().filter(|c| c.sides.iter().all(Option::is_some)).collect();
    let kinds = |side: &Side| -> BTreeSet<String> {
        let mut out = BTreeSet::new();
        side.list("calls").iter().for_each(|c| words_in(&c["devices"], &mut out));
        out
    };
    let (ours, theirs) = (kinds(a), kinds(b));
    if ours != theirs {
        let list = |all: BTreeSet<String>| Some(all.into_iter().collect::<Vec<_>>().join(", "));
        out.push(Change::new("kinds of devices", list(ours), list(theirs)));
    }
    out
}

/// Gathers the texts in a value of a manifest that may be one or a list.
fn words_in(value: &Json, out: &mut BTreeSet<String>) {
    match value {
        Json::String(word) if !word.is_empty() => {
            out.insert(word.clone());
        }
        Json::Array(all) => all.iter().for_each(|v| words_in(v, out)),
        Json::Object(fields) => fields.values().for_each(|v| words_in(v, out)),
        _ => {}
    }
}

fn claims(a: &Side, b: &Side) -> Vec<Change> {
    let verdict = |c: &Json| match (c["holds"].as_bool(), c["within_error"].as_bool()) {
        (None, _) => "not decided",
        (Some(true), Some(true)) => "holds, within error",
        (Some(true), _) => "holds",
        (Some(false), Some(true)) => "does not hold, within error",
        (Some(false), _) => "does not hold",
    };
    type Claims = BTreeMap<String, (&'static str, String)>;
    let all = |side: &Side| -> Claims {
        let one = |c: &Json| {
            let at = place(c["at"].as_object());
            let text = c["text"].as_str().unwrap_or_default();
            (format!("{}{at}", c["name"].as_str().unwrap_or_default()), (verdict(c), format!("{}: {text}", verdict(c))))
        };
        side.list("claims").iter().map(one).collect()
    };
    let (ours, theirs) = (all(a), all(b));
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let decided = |side: &Claims, name: &String| side.get(name).map(|c| c.0);
    let differ = names.into_iter().filter(|n| decided(&ours, n) != decided(&theirs, n));
    let text = |side: &Claims, name: &String| side.get(name).map(|c| c.1.clone());
    differ.map(|n| Change::new(n.clone(), text(&ours, n), text(&theirs, n))).collect()
}

/// Returns a place as it is written behind a name.
fn place(at: Option<&Map<String, Json>>) -> String {
    let parts: Vec<String> =
        at.into_iter().flatten().filter_map(|(axis, here)| Some(format!("{axis}: {}", short(here)?))).collect();
    if parts.is_empty() { String::new() } else { format!("[{}]", parts.join(", ")) }
}

/// Compares the results that are in no table.
fn others(a: &Side, b: &Side) -> Vec<Change> {
    let tables = |side: &Side| -> BTreeSet<String> {
        let of = side.list("outputs").iter().filter(|o| o["is"] == "table").filter_map(|o| short(&o["of"]));
        of.collect()
    };
    let told: BTreeSet<String> = tables(a).union(&tables(b)).cloned().collect();
    let all = |side: &Side| -> BTreeMap<String, String> {
        let own = side.list("outputs").iter().filter(|o| match o["is"].as_str() {
            Some("model" | "density") => true,
            Some("array") => !short(&o["of"]).is_some_and(|of| told.contains(&of)),
            _ => false,
        });
        own.filter_map(|o| Some((short(&o["path"])?, short(&o["blake3"])?.chars().take(12).collect()))).collect()
    };
    maps(&all(a), &all(b))
}
