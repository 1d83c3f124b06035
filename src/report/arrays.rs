//! Declared values as arrays: axes of the value first, then examples, then units; errors, ids and labels beside.

use super::tables::{axes, places};
use crate::base::Coordinates;
use crate::engine::value::{Number, Scores, Stages, Value};
use crate::plan::graph::Declared;
use crate::plan::units::unit;
use serde_json::{Map, Value as Json, json};
use std::io;
use std::sync::Arc;

/// An array with named dimensions.
#[derive(Clone, Debug)]
pub struct NamedArray {
    /// Name of the file, without extension.
    pub name: String,
    /// The part of a record that it holds; empty for a value that is no record.
    pub part: String,
    /// Coordinates of the one place that it holds, by axis; empty where it holds all.
    pub at: Map<String, Json>,
    /// Unit of its numbers, where there is one.
    pub unit: Option<String>,
    /// Shape.
    pub shape: Vec<usize>,
    /// Numbers in row-major order; NaN where there is none.
    pub data: Vec<f64>,
    /// Standard errors in the same order, where any value has one; NaN where a value has none.
    pub errors: Option<Vec<f64>>,
    /// How many values each value was made from, where any says so; -1 where it does not.
    pub counts: Option<Vec<i64>>,
    /// The dimensions: name, role, coordinates or their number.
    pub dims: Vec<Json>,
    /// Ids of the examples, where a dimension is of examples.
    pub ids: Option<Arc<Vec<u32>>>,
    /// Class labels of the examples, where they are known: one an example, or, where they differ from place to place, in the shape of the
    /// array without units. -1 where there is none.
    pub labels: Option<(Vec<usize>, Vec<i64>)>,
    /// Names of the classes, by label: whole numbers or words.
    pub classes: Option<Json>,
}

impl NamedArray {
    /// Returns the description that stands beside the array, given the name that its files begin with and what they belong to.
    pub fn about(&self, file: &str, declared: &str) -> Json {
        let mut out = json!({ "format": "cfx.array.1", "name": declared, "part": self.part, "at": self.at, "dims": self.dims, "values": format!("{file}.npy") });
        let there = [
            ("unit", self.unit.as_ref().map(|u| json!(u))),
            ("errors", self.errors.as_ref().map(|_| json!(format!("{file}.se.npy")))),
            ("counts", self.counts.as_ref().map(|_| json!(format!("{file}.count.npy")))),
            ("ids", self.ids.as_ref().map(|_| json!(format!("{file}.ids.npy")))),
            ("labels", self.labels.as_ref().map(|_| json!(format!("{file}.labels.npy")))),
            ("classes", self.classes.clone()),
        ];
        there.into_iter().filter_map(|(key, value)| Some((key, value?))).for_each(|(key, value)| out[key] = value);
        out
    }
}

/// What takes arrays, one after the other: there may be room for one of them only.
pub type Put<'a> = dyn FnMut(NamedArray) -> io::Result<()> + 'a;

/// Hands on the arrays of a declared value of numbers, scores or representations: one where it is rectangular (axes of the
/// value first, then examples, then units), one for each entry otherwise. Arrays over `largest` bytes are left out.
///
/// Errors: those of `put`.
pub fn arrays(declared: &Declared, values: &[Value], units: &[(String, String)], largest: u64, put: &mut Put) -> io::Result<()> {
    let nothing = Value::Absent(String::new());
    let mut one = |part: &str, values: &[&Value]| part_arrays(declared, part, values, unit(units, part), largest, put);
    match values.iter().find_map(|v| if let Value::Record(f) = v { Some(f) } else { None }) {
        Some(fields) => fields.iter().try_for_each(|(n, _)| {
            let own: Vec<&Value> = values.iter().map(|v| part(v, n).unwrap_or(&nothing)).collect();
            one(n, &own)
        }),
        None => one("", &values.iter().collect::<Vec<_>>()),
    }
}

fn part_arrays(
    declared: &Declared,
    part: &str,
    values: &[&Value],
    unit: Option<&str>,
    largest: u64,
    put: &mut Put,
) -> io::Result<()> {
    let name = if part.is_empty() { declared.name.clone() } else { format!("{}.{part}", declared.name) };
    let fits = |shape: &[usize]| 8 * shape.iter().map(|n| *n as u64).product::<u64>() <= largest;
    let finish = |array: NamedArray| NamedArray { part: part.to_string(), unit: unit.map(str::to_string), ..array };
    let all = axes(declared);
    if let Some(tail) = inner(values) {
        let whole: Vec<usize> = declared.axes.iter().map(|a| a.coordinates.len()).chain(tail.shape.iter().copied()).collect();
        return match !whole.is_empty() && fits(&whole) {
            true => put(finish(tail.array(name, whole, all, values))),
            false => Ok(()),
        };
    }
    let typed: Vec<Json> = declared.axes.iter().map(|a| Coordinates::of(&a.coordinates, &a.role).to_json()).collect();
    for (i, v) in values.iter().enumerate() {
        let one = std::slice::from_ref(v);
        let Some(tail) = inner(one).filter(|t| !t.shape.is_empty() && fits(&t.shape)) else { continue };
        let places = places(declared, i);
        let words = places.iter().zip(declared.axes.iter()).map(|(p, a)| super::formats::slug(&a.coordinates[*p]));
        let name = format!("{name}.{}", words.collect::<Vec<_>>().join("."));
        let at = places.iter().zip(declared.axes.iter()).zip(&typed).map(|((p, a), t)| (a.name.clone(), t[*p].clone()));
        let shape = tail.shape.clone();
        put(finish(NamedArray { at: at.collect(), ..tail.array(name, shape, Vec::new(), one) }))?;
    }
    Ok(())
}

/// Returns a part of a record; what is no record stands for each of its parts.
fn part<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    match value {
        Value::Record(fields) => fields.iter().find(|(n, _)| n == name).map(|(_, v)| v),
        other => Some(other),
    }
}

/// What all values of a rectangle share: their inner shape.
struct Tail {
    shape: Vec<usize>,
    dims: Vec<Json>,
    ids: Option<Arc<Vec<u32>>>,
}

impl Tail {
    fn array(self, name: String, shape: Vec<usize>, mut dims: Vec<Json>, values: &[&Value]) -> NamedArray {
        let size: usize = self.shape.iter().product();
        let mut data = Vec::with_capacity(size * values.len());
        for v in values {
            match v {
                Value::Number(n) => data.push(n.value),
                Value::Scores(s) => data.extend_from_slice(&s.values),
                Value::Stages(s) => data.extend(s.x.iter()),
                _ => data.extend(std::iter::repeat_n(f64::NAN, size)),
            }
        }
        fn number<'v>(v: &'v &Value) -> Option<&'v Number> {
            if let Value::Number(n) = v { Some(n) } else { None }
        }
        let errors: Vec<f64> = values.iter().map(|v| number(v).and_then(|n| n.error).unwrap_or(f64::NAN)).collect();
        let counts: Vec<i64> = values.iter().map(|v| number(v).and_then(|n| n.count).map_or(-1, |n| n as i64)).collect();
        let outer = &shape[..shape.len() - self.shape.len()];
        let (labels, classes) = match &self.ids {
            Some(ids) => labels(values, outer, ids.len()),
            None => (None, None),
        };
        dims.extend(self.dims);
        NamedArray {
            name,
            part: String::new(),
            at: Map::new(),
            unit: None,
            errors: errors.iter().any(|e| !e.is_nan()).then_some(errors),
            counts: counts.iter().any(|c| *c >= 0).then_some(counts),
            shape,
            data,
            dims,
            ids: self.ids,
            labels,
            classes,
        }
    }
}

/// Labels with their shape, and the names of the classes; `None` if there are none, or where class names differ from place to place.
type Labels = (Option<(Vec<usize>, Vec<i64>)>, Option<Json>);

/// Returns the labels of values of `n` examples each that stand over axes of the lengths `outer`.
fn labels(values: &[&Value], outer: &[usize], n: usize) -> Labels {
    let own = |v: &&Value| match v {
        Value::Scores(s) => Some((s.labels.clone(), s.classes.clone())),
        Value::Stages(s) => Some((s.labels.clone(), s.classes.clone())),
        _ => None,
    };
    let each: Vec<Option<(Arc<Vec<u32>>, Vec<String>)>> = values.iter().map(own).collect();
    let Some((first, classes)) = each.iter().flatten().next() else { return (None, None) };
    if each.iter().flatten().any(|(l, c)| l.len() != n || c != classes) {
        return (None, None);
    }
    let numbers = |l: &[u32]| l.iter().map(|x| i64::from(*x)).collect::<Vec<i64>>();
    let labels = match each.iter().flatten().all(|(l, _)| l == first) {
        true => (vec![n], numbers(first)),
        false => {
            let shape = outer.iter().copied().chain([n]).collect();
            (shape, each.iter().flat_map(|e| e.as_ref().map_or_else(|| vec![-1; n], |(l, _)| numbers(l))).collect())
        }
    };
    (Some(labels), (!classes.is_empty()).then(|| Coordinates::of(classes, "class").to_json()))
}

/// Returns the inner shape that all present values share; `None` if they differ or are no numbers.
fn inner(values: &[&Value]) -> Option<Tail> {
    let mut found: Option<Tail> = None;
    for v in values {
        let tail = match v {
            Value::Absent(_) => continue,
            Value::Number(_) => Tail { shape: Vec::new(), dims: Vec::new(), ids: None },
            Value::Scores(s) if s.values.len() == s.ids.len() => of_examples(&s.ids, None),
            Value::Stages(s) => of_stages(s),
            _ => return None,
        };
        match &found {
            None => found = Some(tail),
            Some(f) if f.shape == tail.shape && f.ids == tail.ids => {}
            Some(_) => return None,
        }
    }
    found
}

fn of_stages(s: &Stages) -> Tail {
    of_examples(&s.ids, Some(s.x.ncols()))
}

fn of_examples(ids: &Arc<Vec<u32>>, units: Option<usize>) -> Tail {
    let mut shape = vec![ids.len()];
    let what = ids.first().map_or("example", |id| Scores::named(*id).0);
    let mut dims = vec![json!({ "name": what, "role": what, "count": ids.len() })];
    if let Some(units) = units {
        shape.push(units);
        dims.push(json!({ "name": "unit", "role": "unit", "count": units }));
    }
    Tail { shape, dims, ids: Some(ids.clone()) }
}
