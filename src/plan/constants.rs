//! Declared values that are known before the run: no cell stands for them, so that they are recorded and compared by themselves.

use super::graph::{Declared, Entry, Graph};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// What is recorded of the values that are known before the run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Constants {
    /// Declared values of which at least one place is known.
    pub values: Vec<Constant>,
    /// Parameters given from outside: name, value, the script's default.
    pub overrides: Vec<(String, String, Option<String>)>,
}

/// A declared value as it is recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Constant {
    /// The declaration.
    pub name: String,
    /// The coordinates of each axis, outermost first. Names of axes do not matter.
    pub axes: Vec<Vec<String>>,
    /// The values in row-major order, as text; `None` if a cell stands or the value is absent.
    pub values: Vec<Option<String>>,
}

impl Constants {
    /// Returns those of a plan.
    pub fn of(graph: &Graph) -> Constants {
        let values = graph.values.iter().filter(|v| v.entries.iter().any(|e| known(e).is_some()));
        let overrides = graph.overrides.iter().map(|o| (o.name.clone(), o.value.clone(), o.default.clone()));
        Constants { values: values.map(Constant::of).collect(), overrides: overrides.collect() }
    }

    /// Returns them as they are written.
    pub fn to_json(&self) -> Json {
        let values: Vec<Json> = self.values.iter().map(|c| json!([c.name, c.axes, c.values])).collect();
        json!({ "values": values, "overrides": self.overrides })
    }

    /// Returns those that were written; `None` if they are of another form.
    pub fn from_json(json: &Json) -> Option<Constants> {
        let value = |j: &Json| {
            let (name, axes, values) = serde_json::from_value(j.clone()).ok()?;
            Some(Constant { name, axes, values })
        };
        Some(Constants {
            values: json["values"].as_array()?.iter().map(value).collect::<Option<_>>()?,
            overrides: serde_json::from_value(json["overrides"].clone()).ok()?,
        })
    }

    /// Returns, in sentences, what differs of a declared value between these and those of the last run: empty if it has no known
    /// places or is as it was, under its own name or, where that is new, under another.
    pub fn differences(&self, declared: &Declared, last: &Constants) -> Vec<String> {
        let Some(now) = self.values.iter().find(|c| c.name == declared.name) else { return Vec::new() };
        let alike = |c: &&Constant| c.axes == now.axes && c.values == now.values;
        let Some(before) = last.values.iter().find(|c| c.name == now.name) else {
            let renamed = last.values.iter().any(|c| alike(&c));
            return if renamed { Vec::new() } else { vec![format!("`{}` was not there as numbers in the last run", now.name)] };
        };
        if alike(&before) {
            return Vec::new();
        }
        let (old, new) = (before.by_coordinates(), now.by_coordinates());
        let mut out = Vec::new();
        let changed: Vec<(usize, &str, &str)> = new
            .iter()
            .filter_map(|(at, (i, value))| {
                let (_, was) = old.get(at)?;
                (was != value).then(|| (*i, was.unwrap_or("absent"), value.unwrap_or("absent")))
            })
            .collect();
        if let Some((i, was, is)) = changed.iter().min_by_key(|c| c.0) {
            let more = others(changed.len());
            out.push(format!("`{}` was {was} and is {is}{more}", declared.place(*i)));
        }
        let added: Vec<usize> = new.iter().filter(|(at, _)| !old.contains_key(*at)).map(|(_, (i, _))| *i).collect();
        if let Some(first) = added.iter().min() {
            let (are, more) = (if added.len() == 1 { "is" } else { "are" }, others(added.len()));
            out.push(format!("`{}`{more} {are} at coordinates that are new", declared.place(*first)));
        }
        let removed = old.keys().filter(|at| !new.contains_key(*at)).count();
        if removed > 0 {
            let places = if removed == 1 { "1 place".to_string() } else { format!("{removed} places") };
            out.push(format!("{places} of `{}` that {} there in the last run {} gone", now.name, were(removed), are(removed)));
        }
        if out.is_empty() {
            out.push(format!("the coordinates of `{}` stand in another order", now.name));
        }
        out
    }

    /// Returns, in sentences, which parameters that a declaration names were given another value from outside than in the last run.
    pub fn overridden(&self, declared: &Declared, last: &Constants) -> Vec<String> {
        let words = words(&declared.source);
        let here = self.overrides.iter().filter(|(name, ..)| words.contains(name.as_str()));
        let mut out: Vec<String> = here
            .filter_map(|(name, value, default)| {
                let was = last.overrides.iter().find(|(n, ..)| n == name).map(|(_, v, _)| v.as_str()).or(default.as_deref());
                (was != Some(value.as_str())).then(|| match was {
                    Some(was) => format!("`{name}` is set to {value} from outside and was {was}"),
                    None => format!("`{name}` is set to {value} from outside"),
                })
            })
            .collect();
        let gone = last.overrides.iter().filter(|(n, ..)| words.contains(n.as_str()) && self.overrides.iter().all(|o| o.0 != *n));
        out.extend(gone.map(|(name, value, _)| format!("`{name}` was set to {value} from outside and is no longer")));
        out
    }

    /// Returns the known values that a declaration names and that differ from those of the last run.
    pub fn named<'a>(&self, declared: &Declared, graph: &'a Graph, last: &Constants) -> Vec<&'a Declared> {
        let words = words(&declared.source);
        let named = graph.values.iter().filter(|v| v.name != declared.name && words.contains(v.name.as_str()));
        named.filter(|v| !self.differences(v, last).is_empty()).collect()
    }
}

impl Constant {
    fn of(declared: &Declared) -> Constant {
        Constant {
            name: declared.name.clone(),
            axes: declared.axes.iter().map(|a| a.coordinates.clone()).collect(),
            values: declared.entries.iter().map(known).collect(),
        }
    }

    /// Returns number and value of each place by its coordinates.
    fn by_coordinates(&self) -> BTreeMap<Vec<&str>, (usize, Option<&str>)> {
        let at = |mut rest: usize| {
            let coordinate = |axis: &'_ Vec<String>| {
                let number = rest % axis.len().max(1);
                rest /= axis.len().max(1);
                number
            };
            let mut numbers: Vec<usize> = self.axes.iter().rev().map(coordinate).collect();
            numbers.reverse();
            self.axes.iter().zip(numbers).map(|(axis, n)| axis.get(n).map_or("", String::as_str)).collect::<Vec<&str>>()
        };
        self.values.iter().enumerate().map(|(i, value)| (at(i), (i, value.as_deref()))).collect()
    }
}

/// Returns a value that is known before the run as text.
fn known(entry: &Entry) -> Option<String> {
    match entry {
        Entry::Number(x) => Some(x.to_string()),
        Entry::Truth(b) => Some(b.to_string()),
        Entry::Word(w) => Some(w.clone()),
        Entry::Cell(_) | Entry::Absent(_) => None,
    }
}

/// Returns the names in the text of a declaration.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').collect()
}

fn others(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        2 => " and 1 other likewise".to_string(),
        n => format!(" and {} others likewise", n - 1),
    }
}

fn were(count: usize) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}
