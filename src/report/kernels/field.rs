//! Inputs of figures as labelled arrays: finding axes, splitting scores into them, aligning arrays by the names of their axes.

use crate::engine::kernel::{Job, Labelled, LabelledAxis};
use crate::engine::value::{Column, Number, Scores, Value};
use crate::lang::Static;
use crate::plan::units::unit;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An input with its axes and what it is called in the script.
#[derive(Clone, Debug)]
pub struct Field {
    /// The argument as written.
    pub name: String,
    /// Units of its numbers: the part of a record (empty for the value itself), and its unit.
    pub units: Vec<(String, String)>,
    /// Its axes, outermost first.
    pub axes: Vec<LabelledAxis>,
    /// Its values in row-major order.
    pub values: Vec<Value>,
}

/// An axis named by a setting: name and role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AxisName {
    /// Its name.
    pub name: String,
    /// Its role; empty where the setting gave none.
    pub role: String,
}

/// Returns the axis that a setting names, nothing where it is `none`.
pub fn axis_setting(setting: &Static) -> Option<AxisName> {
    match setting {
        Static::Make(_, fields) => {
            let field = |n: &str| fields.iter().find(|(k, _)| k == n).and_then(|(_, v)| v.word()).unwrap_or("").to_string();
            Some(AxisName { name: field("name"), role: field("role") }).filter(|a| !a.name.is_empty())
        }
        Static::Word(w) | Static::Text(w) if w != "none" => Some(AxisName { name: w.clone(), role: String::new() }),
        _ => None,
    }
}

/// Returns the inputs of a parameter: one, or several where a list was given (slots `y.0`, `y.1`, …).
pub fn fields(job: &Job, parameter: &str) -> Vec<Field> {
    let indexed: Vec<_> =
        job.inputs.iter().filter(|(n, _)| n.strip_prefix(parameter).is_some_and(|r| r.starts_with('.'))).collect();
    if let Some(one) = job.labelled(parameter) {
        return vec![Field::new(one, words_of(job, parameter), units_of(job, parameter))];
    }
    let parts = list_parts(&words_of(job, parameter));
    indexed
        .into_iter()
        .enumerate()
        .map(|(i, (slot, labelled))| {
            let own = words_of(job, slot);
            let name = if own == *slot { parts.get(i).cloned().unwrap_or(own) } else { own };
            Field::new(labelled, name, units_of(job, slot))
        })
        .collect()
}

/// Returns the only input of a parameter, where the call gave one.
pub fn field(job: &Job, parameter: &str) -> Option<Field> {
    fields(job, parameter).into_iter().next()
}

/// Returns an argument as written in the script: the setting `names` that the checker fills; the parameter's name otherwise.
fn words_of(job: &Job, parameter: &str) -> String {
    match job.settings.get("names") {
        Static::Map(entries) => entries.iter().find(|(n, _)| n == parameter).and_then(|(_, v)| v.word()).map(tidy),
        _ => None,
    }
    .unwrap_or_else(|| parameter.to_string())
}

/// Returns the units of an input's numbers, which the plan knows.
fn units_of(job: &Job, slot: &str) -> Vec<(String, String)> {
    let entry = |of: &Static, name: &str| match of {
        Static::Map(entries) => entries.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()),
        _ => None,
    };
    match entry(job.settings.get("units"), slot) {
        Some(Static::Map(parts)) => parts.into_iter().filter_map(|(p, u)| Some((p, u.word()?.to_string()))).collect(),
        _ => Vec::new(),
    }
}

/// Returns the text with runs of white space as one space.
fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the elements of a list as written, `[a, f(b, c)]`; the text itself where it is no list.
fn list_parts(text: &str) -> Vec<String> {
    let Some(inner) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) else { return vec![text.to_string()] };
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for c in inner.chars() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = parts.last_mut() {
            last.push(c);
        }
    }
    parts.into_iter().map(|p| tidy(&p)).filter(|p| !p.is_empty()).collect()
}

impl Field {
    /// Returns an input as a field; lists of one length become an inner axis `item`.
    pub fn new(labelled: &Labelled, name: String, units: Vec<(String, String)>) -> Field {
        let mut out = Field { name, units, axes: labelled.axes.clone(), values: labelled.values.clone() };
        let lengths: Vec<usize> =
            out.values.iter().filter_map(|v| if let Value::List(l) = v { Some(l.len()) } else { None }).collect();
        if let Some(&length) = lengths.first()
            && lengths.iter().all(|l| *l == length)
            && out.values.iter().all(|v| matches!(v, Value::List(_) | Value::Absent(_)))
        {
            out.axes.push(LabelledAxis {
                name: "item".into(),
                role: "item".into(),
                coordinates: (0..length).map(|i| i.to_string()).collect(),
                ..LabelledAxis::default()
            });
            out.values = out
                .values
                .into_iter()
                .flat_map(|v| match v {
                    Value::List(items) => items,
                    other => vec![other; length],
                })
                .collect();
        }
        out
    }

    /// Returns what to write along an axis of its numbers: its name with their unit.
    pub fn label(&self) -> String {
        match unit(&self.units, "") {
            Some(unit) => format!("{} ({unit})", self.name),
            None => self.name.clone(),
        }
    }

    /// Returns the position of an axis by name, or by role where the setting gave a role and no axis has the name.
    pub fn find(&self, axis: &AxisName) -> Option<usize> {
        let named = self.axes.iter().position(|a| a.name == axis.name);
        named.or_else(|| self.axes.iter().position(|a| axis.role == "class" && a.role == "class"))
    }

    /// Returns the position of the axis of a role.
    pub fn role(&self, role: &str) -> Option<usize> {
        self.axes.iter().position(|a| a.role == role)
    }

    /// Returns the place of a value along each axis.
    pub fn places(&self, index: usize) -> Vec<usize> {
        places_in(&self.axes, index)
    }

    /// Returns the value at a place.
    pub fn at(&self, places: &[usize]) -> Option<&Value> {
        let index = self.axes.iter().zip(places).fold(0, |i, (a, p)| i * a.coordinates.len() + p);
        self.values.get(index)
    }

    /// Returns whether any value holds one number per example.
    pub fn has_scores(&self) -> bool {
        self.values.iter().any(|v| matches!(v, Value::Scores(_)))
    }

    /// Returns the field with every record or table narrowed to one of its parts.
    pub fn part(&self, part: &str) -> Field {
        let pick = |v: &Value| match v {
            Value::Record(fields) => fields
                .iter()
                .find(|(n, _)| n == part)
                .map_or_else(|| Value::Absent(format!("no part `{part}`")), |(_, v)| v.clone()),
            other => other.clone(),
        };
        let units = unit(&self.units, part).map(|u| (String::new(), u.to_string())).into_iter().collect();
        Field { name: part.to_string(), units, axes: self.axes.clone(), values: self.values.iter().map(pick).collect() }
    }

    /// Returns the names of the parts of records that are numbers; empty where the values are no records.
    pub fn parts(&self) -> Vec<String> {
        self.values
            .iter()
            .find_map(|v| match v {
                Value::Record(fields) => Some(
                    fields
                        .iter()
                        .filter(|(_, v)| matches!(v, Value::Number(_) | Value::Scores(_) | Value::Truth(_)))
                        .map(|(n, _)| n.clone())
                        .collect(),
                ),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// Returns the field with scores split into an axis that it lacks: by label for classes, by the ids of the data sets that
    /// the axis's coordinates stand for otherwise. The field itself where it has the axis or no scores, or nothing tells how.
    pub fn split(&self, axis: &AxisName, sets: Option<&Labelled>) -> Field {
        if self.find(axis).is_some() || !self.has_scores() {
            return self.clone();
        }
        let ids: Vec<Option<Vec<u32>>>;
        let coordinates: Vec<String>;
        if axis.role == "class" || (axis.role.is_empty() && axis.name == "class") {
            coordinates = self.classes();
            ids = Vec::new();
        } else if let Some(sets) = sets.filter(|s| s.axes.len() == 1 && s.axes[0].name == axis.name) {
            coordinates = sets.axes[0].coordinates.clone();
            ids = sets
                .values
                .iter()
                .map(|v| match v {
                    Value::Dataset(d) => {
                        let mut ids = d.ids.to_vec();
                        ids.sort_unstable();
                        Some(ids)
                    }
                    _ => None,
                })
                .collect();
        } else {
            return self.clone();
        }
        let mut axes = self.axes.clone();
        let role = if ids.is_empty() { "class".to_string() } else { axis.role.clone() };
        axes.push(LabelledAxis { name: axis.name.clone(), role, coordinates: coordinates.clone(), ..LabelledAxis::default() });
        let mut values = Vec::with_capacity(self.values.len() * coordinates.len());
        for value in &self.values {
            for c in 0..coordinates.len() {
                values.push(match value {
                    Value::Scores(s) if ids.is_empty() => restrict(s, |i| s.labels.get(i) == Some(&(c as u32))),
                    Value::Scores(s) => match ids.get(c) {
                        Some(Some(ids)) => restrict(s, |i| s.ids.get(i).is_some_and(|id| ids.binary_search(id).is_ok())),
                        _ => Value::Absent("no data set at this coordinate".into()),
                    },
                    other => other.clone(),
                });
            }
        }
        Field { name: self.name.clone(), units: self.units.clone(), axes, values }
    }

    /// Returns the field with inner axes averaged out where they and the axes that they nest in are both left over: bins of each run
    /// before runs. `used` are the axes that the figure shows. With it, what was averaged, in words.
    pub fn inner_averaged(&self, used: &[&AxisName]) -> (Field, Vec<String>) {
        let shown: Vec<usize> = used.iter().filter_map(|a| self.find(a)).collect();
        let left: Vec<usize> = (0..self.axes.len()).filter(|i| !shown.contains(i)).collect();
        let levels = LabelledAxis::inner_first(&self.axes, &left);
        if levels.is_empty() || self.values.iter().any(|v| matches!(v, Value::Table(_) | Value::Word(_))) {
            return (self.clone(), Vec::new());
        }
        let (mut out, mut words) = (self.clone(), Vec::new());
        for level in levels {
            // Positions in the field as it is now: axes averaged out before are gone.
            let level: Vec<usize> =
                level.iter().filter_map(|i| out.axes.iter().position(|a| a.name == self.axes[*i].name)).collect();
            let mut groups: BTreeMap<Vec<usize>, Vec<&Value>> = BTreeMap::new();
            for (i, value) in out.values.iter().enumerate() {
                let at = out.places(i);
                let outer = (0..at.len()).filter(|k| !level.contains(k)).map(|k| at[k]).collect();
                groups.entry(outer).or_default().push(value);
            }
            let values = groups.values().map(|g| mean_of(g)).collect();
            for i in &level {
                let (inner, outer) = (&out.axes[*i], out.axes[*i].within.join(" and "));
                words.push(format!("{} ({}) is averaged within each {outer}", inner.name, inner.coordinates.len()));
            }
            let axes = (0..out.axes.len()).filter(|k| !level.contains(k)).map(|k| out.axes[k].clone()).collect();
            out = Field { name: out.name, units: out.units, axes, values };
        }
        (out, words)
    }

    /// Returns the names of the classes of the scores; labels as numbers where they have no names.
    pub fn classes(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for v in &self.values {
            if let Value::Scores(s) = v {
                let count = s.labels.iter().map(|l| *l as usize + 1).max().unwrap_or(0).max(s.classes.len());
                for i in names.len()..count {
                    names.push(s.classes.get(i).cloned().unwrap_or_else(|| i.to_string()));
                }
            }
        }
        names
    }

    /// Returns what is absent: reasons with counts, in order of the reasons.
    pub fn absent(&self) -> BTreeMap<String, usize> {
        let mut out = BTreeMap::new();
        for v in &self.values {
            if let Value::Absent(why) = v {
                *out.entry(why.clone()).or_insert(0) += 1;
            }
        }
        out
    }
}

/// Returns the place along each axis of the i-th combination of coordinates, row-major.
fn places_in(axes: &[LabelledAxis], index: usize) -> Vec<usize> {
    let mut out = vec![0; axes.len()];
    let mut rest = index;
    for (place, axis) in out.iter_mut().zip(axes).rev() {
        let n = axis.coordinates.len().max(1);
        *place = rest % n;
        rest /= n;
    }
    out
}

/// Returns the scores of the examples that a test on their position keeps.
fn restrict(s: &Arc<Scores>, keep: impl Fn(usize) -> bool) -> Value {
    let chosen: Vec<usize> = (0..s.values.len()).filter(|i| keep(*i)).collect();
    if chosen.is_empty() {
        return Value::Absent("no examples here".into());
    }
    Value::Scores(Arc::new(Scores {
        values: chosen.iter().map(|i| s.values[*i]).collect(),
        ids: Arc::new(chosen.iter().filter_map(|i| s.ids.get(*i).copied()).collect()),
        labels: Arc::new(chosen.iter().filter_map(|i| s.labels.get(*i).copied()).collect()),
        classes: s.classes.clone(),
    }))
}

/// Returns a value as one number: scores as their mean over examples, truths as 0 or 1; nothing where it is none or not finite.
pub fn scalar(value: &Value) -> Option<Number> {
    let number = match value {
        Value::Number(n) => *n,
        Value::Truth(t) => Number::exact(t.holds as u8 as f64),
        Value::Scores(s) => {
            let finite: Vec<f64> = s.values.iter().copied().filter(|v| v.is_finite()).collect();
            let n = finite.len();
            if n == 0 {
                return None;
            }
            Number { value: finite.iter().sum::<f64>() / n as f64, error: None, count: Some(n as u64) }
        }
        Value::Record(fields) => return fields.iter().find_map(|(_, v)| scalar(v)),
        Value::Table(t) => match t.columns.as_slice() {
            [(_, Column::Numbers(x))] if x.len() == 1 => Number::exact(x[0]),
            _ => return None,
        },
        _ => return None,
    };
    number.value.is_finite().then_some(number)
}

/// Returns the mean of the values that are there; the first reason where none is.
fn mean_of(values: &[&Value]) -> Value {
    let numbers: Vec<f64> = values.iter().filter_map(|v| scalar(v)).map(|n| n.value).collect();
    match (numbers.len(), values.first()) {
        (0, Some(Value::Absent(why))) => Value::Absent(why.clone()),
        (0, _) => Value::Absent("no values".into()),
        (n, _) => Value::Number(Number { value: numbers.iter().sum::<f64>() / n as f64, error: None, count: Some(n as u64) }),
    }
}

/// Several fields over the union of their axes, matched by name; coordinates by their text, or by place where no text agrees.
pub struct Aligned {
    /// The union of the axes, in order of first appearance.
    pub axes: Vec<LabelledAxis>,
    /// For each field, for each of its axes: which axis of the union, and the field's place for each of the union's coordinates.
    maps: Vec<Vec<(usize, Vec<Option<usize>>)>>,
}

impl Aligned {
    /// Returns the alignment of some fields. The first field with an axis decides its coordinates.
    pub fn new(fields: &[&Field]) -> Aligned {
        let mut axes: Vec<LabelledAxis> = Vec::new();
        let mut maps = Vec::new();
        for field in fields {
            let mut map = Vec::new();
            for axis in &field.axes {
                match axes.iter().position(|a| a.name == axis.name) {
                    None => {
                        map.push((axes.len(), (0..axis.coordinates.len()).map(Some).collect()));
                        axes.push(axis.clone());
                    }
                    Some(at) => {
                        let places: BTreeMap<&str, usize> =
                            axis.coordinates.iter().enumerate().map(|(i, c)| (c.as_str(), i)).collect();
                        let mut found: Vec<Option<usize>> =
                            axes[at].coordinates.iter().map(|c| places.get(c.as_str()).copied()).collect();
                        if found.iter().all(Option::is_none) && axes[at].coordinates.len() == axis.coordinates.len() {
                            found = (0..axis.coordinates.len()).map(Some).collect();
                        }
                        map.push((at, found));
                    }
                }
            }
            maps.push(map);
        }
        Aligned { axes, maps }
    }

    /// Returns the number of combinations of coordinates.
    pub fn len(&self) -> usize {
        self.axes.iter().map(|a| a.coordinates.len()).product()
    }

    /// Returns the place along each axis of the i-th combination.
    pub fn places(&self, index: usize) -> Vec<usize> {
        places_in(&self.axes, index)
    }

    /// Returns the value of a field at a place of the union.
    pub fn value<'a>(&self, which: usize, field: &'a Field, places: &[usize]) -> Option<&'a Value> {
        let map = self.maps.get(which)?;
        let own: Option<Vec<usize>> = map.iter().map(|(axis, found)| found.get(places[*axis]).copied().flatten()).collect();
        field.at(&own?)
    }
}
