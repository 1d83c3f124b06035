//! Inputs of figures as labelled arrays: finding axes, splitting scores into them.

use super::frame::Frame;
use super::named::{AxisName, Doubted};
use crate::engine::kernel::{Job, Labelled, LabelledAxis};
use crate::engine::value::{NO_EXAMPLES, Number, Scores, Value};
use crate::lang::settings::optional;
use crate::plan::doubt::Place;
use crate::plan::units::unit;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a value is absent that stands in another panel: it is not counted.
pub const ELSEWHERE: &str = "in another panel";

/// Returns whether a value stands in another panel.
pub fn elsewhere(value: &Value) -> bool {
    matches!(value, Value::Absent(why) if why == ELSEWHERE)
}

/// An input with its axes and what it is called in the script.
#[derive(Clone, Debug)]
pub struct Field {
    /// The argument as written.
    pub name: String,
    /// What is written along an axis of its numbers, without their unit.
    pub words: String,
    /// Units of its numbers: the part of a record (empty for the value itself), and its unit.
    pub units: Vec<(String, String)>,
    /// Its axes, outermost first.
    pub axes: Vec<LabelledAxis>,
    /// Its values in row-major order.
    pub values: Vec<Value>,
    /// Places at which its numbers come from densities that did not settle.
    pub doubts: Arc<[Place]>,
}

/// Returns the inputs of a parameter: one, or several where a list was given (slots `y.0`, `y.1`, …).
pub fn fields(job: &Job, parameter: &str, frame: &Frame) -> Vec<Field> {
    let doubted: Doubted = optional(&job.settings, "figure", "doubts", Doubted::default());
    let new = |slot: &str, l: &Labelled| Field {
        doubts: doubted.of(slot),
        words: frame.label(slot),
        ..Field::new(l, frame.names.of(slot), frame.units.of(slot))
    };
    if let Some(one) = job.labelled(parameter) {
        return vec![new(parameter, one)];
    }
    let own = |slot: &str| slot.strip_prefix(parameter).is_some_and(|r| r.starts_with('.'));
    job.inputs.iter().filter(|(n, _)| own(n)).map(|(slot, l)| new(slot, l)).collect()
}

/// Returns the only input of a parameter, where the call gave one.
pub fn field(job: &Job, parameter: &str, frame: &Frame) -> Option<Field> {
    fields(job, parameter, frame).into_iter().next()
}

impl Field {
    /// Returns an input as a field; lists of one length become an inner axis `item`.
    pub fn new(labelled: &Labelled, name: String, units: Vec<(String, String)>) -> Field {
        let (axes, values) = (labelled.axes.clone(), labelled.values.clone());
        let mut out = Field { words: name.clone(), name, units, axes, values, doubts: Vec::new().into() };
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

    /// Returns whether numbers at a place (axis names with coordinates) come from a density that did not settle.
    pub fn doubtful(&self, place: &[(&str, &str)]) -> bool {
        doubtful(&self.doubts, place)
    }

    /// Returns what to write along an axis of its numbers: its words with their unit.
    pub fn label(&self) -> String {
        match unit(&self.units, "") {
            Some(unit) if self.words.is_empty() => unit.to_string(),
            Some(unit) if !says(&self.words, unit) => format!("{} ({unit})", self.words),
            _ => self.words.clone(),
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

    /// Returns the field at some coordinates of one of its axes.
    pub fn keep(self, axis: usize, keep: impl Fn(&str) -> bool) -> Field {
        let kept: Vec<bool> = self.axes[axis].coordinates.iter().map(|c| keep(c)).collect();
        if kept.iter().all(|k| *k) {
            return self;
        }
        let here = (0..self.values.len()).filter(|i| kept[self.places(*i)[axis]]);
        let values = here.map(|i| self.values[i].clone()).collect();
        let mut axes = self.axes;
        axes[axis].coordinates.retain(|c| keep(c));
        Field { axes, values, ..self }
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
        Field {
            name: part.to_string(),
            words: part.replace('_', " "),
            units,
            values: self.values.iter().map(pick).collect(),
            ..self.clone()
        }
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

    /// Returns the field with scores split into an axis that it lacks: by label for classes, otherwise by the ids of the data sets that
    /// the axis's coordinates stand for. Data sets made at each place of other axes (bins of each run's scores) split the scores at those
    /// places, axes matched by name. The field itself where it has the axis or no scores, or nothing tells how.
    pub fn split(&self, axis: &AxisName, sets: Option<&Labelled>) -> Field {
        if self.find(axis).is_some() || !self.has_scores() {
            return self.clone();
        }
        if axis.is_class() {
            return self.split_by_label(axis);
        }
        match sets.filter(|s| s.axes.iter().any(|a| a.name == axis.name)) {
            Some(sets) => self.split_by_sets(sets),
            None => self.clone(),
        }
    }

    fn split_by_label(&self, axis: &AxisName) -> Field {
        let coordinates = self.classes();
        let mut values = Vec::with_capacity(self.values.len() * coordinates.len());
        for value in &self.values {
            for c in 0..coordinates.len() {
                values.push(match value {
                    Value::Scores(s) => restrict(s, |i| s.labels.get(i) == Some(&(c as u32))),
                    other => other.clone(),
                });
            }
        }
        let mut axes = self.axes.clone();
        axes.push(LabelledAxis { name: axis.name.clone(), role: "class".into(), coordinates, ..LabelledAxis::default() });
        Field { axes, values, ..self.clone() }
    }

    fn split_by_sets(&self, sets: &Labelled) -> Field {
        let ids: Vec<Option<Vec<u32>>> = sets
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
        let added: Vec<LabelledAxis> =
            sets.axes.iter().filter(|a| self.axes.iter().all(|own| own.name != a.name)).cloned().collect();
        let mut axes = self.axes.clone();
        axes.extend(added);
        // For each axis of the data sets: which axis of the result it is, and the data sets' place for each of its coordinates.
        let places: Vec<(usize, Vec<Option<usize>>)> = sets
            .axes
            .iter()
            .filter_map(|a| {
                let at = axes.iter().position(|own| own.name == a.name)?;
                let place = |c: &String| a.coordinates.iter().position(|other| other == c);
                Some((at, axes[at].coordinates.iter().map(place).collect()))
            })
            .collect();
        let total: usize = axes.iter().map(|a| a.coordinates.len()).product();
        let each = total / self.values.len().max(1);
        let values = (0..total).map(|i| {
            let at = places_in(&axes, i);
            let set = sets.axes.iter().zip(&places).try_fold(0, |index, (a, (axis, found))| {
                found.get(at[*axis]).copied().flatten().map(|p| index * a.coordinates.len() + p)
            });
            let ids = set.and_then(|s| ids.get(s)).and_then(Option::as_ref);
            match (&self.values[i / each.max(1)], ids) {
                (Value::Scores(s), Some(ids)) => restrict(s, |k| s.ids.get(k).is_some_and(|id| ids.binary_search(id).is_ok())),
                (Value::Scores(_), None) => Value::Absent("no data set at this coordinate".into()),
                (other, _) => other.clone(),
            }
        });
        let values = values.collect();
        Field { axes, values, ..self.clone() }
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

    /// Returns the number of its values.
    pub fn count(&self) -> usize {
        self.values.iter().filter(|v| !elsewhere(v)).count()
    }

    /// Returns what is absent: reasons with counts, in order of the reasons.
    pub fn absent(&self) -> BTreeMap<String, usize> {
        let mut out = BTreeMap::new();
        for v in &self.values {
            if let (Value::Absent(why), false) = (v, elsewhere(v)) {
                *out.entry(why.clone()).or_insert(0) += 1;
            }
        }
        out
    }
}

/// Returns whether a place agrees with any of those in doubt, on the axes that both have.
pub fn doubtful(doubts: &[Place], place: &[(&str, &str)]) -> bool {
    let agrees = |(axis, coordinate): &(String, String)| place.iter().all(|(a, c)| a != axis || c == coordinate);
    doubts.iter().any(|d| d.iter().all(agrees))
}

/// Returns the place along each axis of the i-th combination of coordinates, row-major.
pub fn places_in(axes: &[LabelledAxis], index: usize) -> Vec<usize> {
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
pub fn restrict(s: &Arc<Scores>, keep: impl Fn(usize) -> bool) -> Value {
    let chosen: Vec<usize> = (0..s.values.len()).filter(|i| keep(*i)).collect();
    if chosen.is_empty() {
        return Value::Absent(NO_EXAMPLES.into());
    }
    Value::Scores(Arc::new(Scores {
        values: chosen.iter().map(|i| s.values[*i]).collect(),
        ids: Arc::new(chosen.iter().filter_map(|i| s.ids.get(*i).copied()).collect()),
        labels: Arc::new(chosen.iter().filter_map(|i| s.labels.get(*i).copied()).collect()),
        classes: s.classes.clone(),
        missing: s.missing.clone(),
        loadings: s.loadings.select(&chosen),
        about: s.about.clone(),
    }))
}

/// Returns whether only files tell the coordinates, and none was read.
pub fn unknown(axis: &LabelledAxis) -> bool {
    matches!(axis.coordinates.as_slice(), [one] if one == "?")
}

/// Returns a value as one number: scores as their mean over examples, truths as 0 or 1; `None` if it is none or not finite.
pub fn scalar(value: &Value) -> Option<Number> {
    let number = match value {
        Value::Number(n) => n.clone(),
        Value::Truth(t) => Number::exact(t.holds as u8 as f64),
        Value::Scores(s) => {
            let finite: Vec<f64> = s.values.iter().copied().filter(|v| v.is_finite()).collect();
            let n = finite.len();
            if n == 0 {
                return None;
            }
            Number::new(finite.iter().sum::<f64>() / n as f64, None, Some(n as u64))
        }
        _ => return None,
    };
    number.value.is_finite().then_some(number)
}

/// Returns whether words end with a unit themselves: "Loss, in nats", "Loss (nats)".
fn says(words: &str, unit: &str) -> bool {
    let words = words.trim_end_matches([')', ']', '.']);
    words.strip_suffix(unit).is_some_and(|before| before.ends_with([' ', '(', '[']))
}
