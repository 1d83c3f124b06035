//! Facets by a value: a panel for each group, truth value or different number.

use super::field::{ELSEWHERE, Field, fields, restrict, scalar, unknown};
use super::frame::Frame;
use super::groups;
use super::named::{AxisName, Texts};
use super::problems::{problem, shape, unused};
use crate::engine::kernel::{Failure, Job, LabelledAxis};
use crate::engine::value::Value;
use crate::lang::kind::Kind;
use crate::plan::facts::{Problem, Shape};
use std::collections::{BTreeMap, BTreeSet};

/// More panels than this are none that a reader compares.
const MOST: usize = 24;

/// The value in `facet:` and the panels that it makes.
pub struct Facets {
    by: Field,
    /// An axis of its own: the different values, as they are written.
    axis: LabelledAxis,
}

impl Facets {
    /// Returns the facets by a value, where `facet:` has one: groups as colours order them, numbers ascending. Their axis is called as the
    /// value is written, and labelled as it is.
    ///
    /// Errors: it has no values (absent), or too many different ones.
    pub fn read(job: &Job, frame: &mut Frame) -> Result<Option<Facets>, Failure> {
        let all = fields(job, "facet", frame);
        let Some(by) = all.into_iter().find(|f| f.values.iter().any(|v| !matches!(v, Value::Dataset(_)))) else {
            return Ok(None);
        };
        let coordinates = different(&by);
        if coordinates.is_empty() {
            return Err(super::sheet::nothing(&by.absent()));
        }
        if coordinates.len() > MOST {
            let message = format!("`{}` has {} different values, and each would have a panel", by.name, coordinates.len());
            let help =
                format!("compare it with a number, `facet: {} > 0.5`, or give groups or bins; `color:` shows numbers", by.name);
            return Err(Failure::new(message).help(help));
        }
        frame.label_axis(&by.name, by.label());
        let axis = LabelledAxis { name: by.name.clone(), role: "facet".into(), coordinates, ..LabelledAxis::default() };
        Ok(Some(Facets { by, axis }))
    }

    /// Returns the name of their axis.
    pub fn name(&self) -> AxisName {
        AxisName { name: self.axis.name.clone(), role: String::new() }
    }

    /// Returns the name of their axis with the different values.
    pub fn axis(&self) -> (String, Vec<String>) {
        (self.axis.name.clone(), self.axis.coordinates.clone())
    }

    /// Returns the value itself.
    pub fn by(&self) -> &Field {
        &self.by
    }

    /// Returns how many coordinates of an axis stand in each panel, `2` or `1 to 3`, where the value divides the axis.
    pub fn in_each(&self, axis: &str) -> Option<String> {
        let at = self.by.axes.iter().position(|a| a.name == axis)?;
        let mut there: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (i, value) in self.by.values.iter().enumerate() {
            if let Some(panel) = self.panel(Some(value)) {
                there.entry(panel).or_default().insert(self.by.places(i)[at]);
            }
        }
        let (least, most) = (there.values().map(BTreeSet::len).min()?, there.values().map(BTreeSet::len).max()?);
        Some(if least == most { least.to_string() } else { format!("{least} to {most}") })
    }

    /// Returns words about pooled axes, `run (4)`, with the counts of each panel.
    pub fn counted(&self, over: Vec<String>) -> Vec<String> {
        let each = |words: String| {
            let axis = words.split_once(" (").map_or("", |(axis, _)| axis);
            self.in_each(axis).map_or_else(|| words.clone(), |n| format!("{axis} ({n} in each panel)"))
        };
        over.into_iter().map(each).collect()
    }

    /// Returns the number of the panel of a value; `None` if it has none.
    pub fn panel(&self, value: Option<&Value>) -> Option<usize> {
        let text = word(value?)?;
        self.axis.coordinates.iter().position(|c| *c == text)
    }

    /// Returns the numbers of the panels of examples by their ids, where the value has one for each.
    pub fn of_examples(&self, value: Option<&Value>) -> Option<BTreeMap<u32, usize>> {
        let Some(Value::Scores(s)) = value else { return None };
        let panel = |v: f64| self.axis.coordinates.iter().position(|c| *c == written(v));
        Some(s.ids.iter().zip(&s.values).filter_map(|(id, v)| Some((*id, panel(*v)?))).collect())
    }

    /// Returns a field with the axis of the panels: each of its values, or each of its examples, stands in one of them. What the value has
    /// no panel for is absent in the first. The field itself where it lacks an axis of the value: it stands in all panels.
    pub fn split(&self, field: &Field) -> Field {
        // A value over classes sorts examples by their labels.
        let class = self.by.axes.iter().find(|a| a.role == "class");
        let field =
            class.map_or_else(|| field.clone(), |a| field.split(&AxisName { name: a.name.clone(), role: "class".into() }, None));
        let find = |a: &LabelledAxis| field.find(&AxisName { name: a.name.clone(), role: a.role.clone() });
        let own: Vec<Option<usize>> = self.by.axes.iter().map(find).collect();
        let lacks = own.iter().zip(&self.by.axes).any(|(at, a)| at.is_none() && a.coordinates.len() > 1);
        if lacks || self.by.has_scores() && !field.has_scores() {
            return field;
        }
        let lost = format!("`{}` has no value", self.by.name);
        let count = self.axis.coordinates.len();
        let mut values = Vec::with_capacity(field.values.len() * count);
        for (i, value) in field.values.iter().enumerate() {
            let at = field.places(i);
            let place = |(own, axis): (&Option<usize>, &LabelledAxis)| match own {
                Some(a) => axis.coordinates.iter().position(|c| *c == field.axes[*a].coordinates[at[*a]]),
                None => Some(0),
            };
            let places: Option<Vec<usize>> = own.iter().zip(&self.by.axes).map(place).collect();
            let by = places.and_then(|p| self.by.at(&p));
            let (ids, panel) = (self.of_examples(by), self.panel(by));
            for f in 0..count {
                values.push(match (value, &ids, panel) {
                    (Value::Absent(_), _, _) if f > 0 => Value::Absent(ELSEWHERE.into()),
                    (Value::Absent(_), _, _) => value.clone(),
                    (Value::Scores(s), Some(ids), _) => {
                        match restrict(s, |k| s.ids.get(k).and_then(|id| ids.get(id)) == Some(&f)) {
                            Value::Absent(_) => Value::Absent(ELSEWHERE.into()),
                            chosen => chosen,
                        }
                    }
                    (_, _, Some(panel)) if panel == f => value.clone(),
                    (_, _, None) if f == 0 => Value::Absent(lost.clone()),
                    _ => Value::Absent(ELSEWHERE.into()),
                });
            }
        }
        let mut axes = field.axes.clone();
        axes.push(self.axis.clone());
        Field { axes, values, ..field }
    }
}

/// Returns what a value is called among panels; `None` for what is absent.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::Word(w) => Some(w.clone()),
        Value::Truth(t) => Some(if t.holds { "true" } else { "false" }.to_string()),
        Value::Scores(_) => None,
        other => scalar(other).map(|n| written(n.value)),
    }
}

/// Returns a number whole: two that differ have two panels.
fn written(value: f64) -> String {
    (value + 0.0).to_string()
}

/// Returns the different values as they are written: numbers ascending, words in the order of their colours.
fn different(by: &Field) -> Vec<String> {
    let numbers = |v: &Value| match v {
        Value::Scores(s) => s.values.clone(),
        Value::Number(n) => vec![n.value],
        _ => Vec::new(),
    };
    let mut all: Vec<f64> = by.values.iter().flat_map(numbers).filter(|v| v.is_finite()).collect();
    all.sort_by(f64::total_cmp);
    let mut out: Vec<String> = all.into_iter().map(written).collect();
    out.dedup();
    if out.is_empty() {
        let words: BTreeSet<String> = by.values.iter().filter_map(word).collect();
        // `false` comes before `true`; groups stand as in every figure.
        let mut first: Vec<String> = by.values.iter().filter_map(word).collect();
        let mut seen = BTreeSet::new();
        first.retain(|w| seen.insert(w.clone()));
        out = if by.values.iter().any(|v| matches!(v, Value::Truth(_))) {
            words.into_iter().collect()
        } else {
            groups::colored(first).0
        };
    }
    out
}

/// What is drawn, as it is checked: what it is called, its axes, and whether it has a number for each example.
pub struct Drawn<'a> {
    /// The argument as written.
    pub name: &'a str,
    /// Its axes.
    pub axes: &'a [LabelledAxis],
    /// Whether it has a number for each example.
    pub examples: bool,
}

/// The value in `facet:` as it is checked.
pub struct Given<'a> {
    shape: &'a Shape<'a>,
    name: String,
}

/// Returns the value in `facet:`, where it is one.
pub fn given<'a>(shapes: &'a [Shape<'a>], names: &Texts) -> Option<Given<'a>> {
    let shape = shapes.iter().find(|s| s.slot == "facet" && !matches!(s.kind, Kind::Dataset | Kind::Unknown))?;
    Some(Given { shape, name: names.of("facet") })
}

impl Given<'_> {
    /// Returns the axis of classes that the examples are sorted into, where the value has one.
    pub fn class(&self) -> Option<AxisName> {
        let class = self.shape.axes.iter().find(|a| a.role == "class")?;
        Some(AxisName { name: class.name.clone(), role: "class".into() })
    }

    /// Checks that the value is one of the points, which have the axes `union`.
    pub fn check_points(&self, union: &[&str], per_example: bool) -> Result<(), Problem> {
        let examples = self.shape.kind.per_example();
        let own: Vec<&str> = self.shape.axes.iter().map(|a| a.name.as_str()).collect();
        if let Some(foreign) = own.iter().find(|n| !union.contains(n)) {
            let message = format!("the points have no axis `{foreign}`, which `{}` has", self.name);
            return Err(problem("cfx::axis::not_there", "facet", message, "reduce that axis first, or select a coordinate"));
        }
        if examples && !per_example {
            let message = format!("`{}` has a value for each example, and the points are no examples", self.name);
            return Err(shape("facet", message, "draw what has one number per example, or give a value over an axis"));
        }
        match own.is_empty() && !examples {
            true => Err(self.one()),
            false => Ok(()),
        }
    }

    fn one(&self) -> Problem {
        let message = format!("`{}` is one value, so that there would be one panel", self.name);
        unused("facet", message, "give a value over an axis of what is drawn, or leave `facet:` out")
    }

    /// Checks that the value puts different things into different panels: of `places`, the axis along which each panel goes, not of pieces.
    pub fn check(&self, parts: &[Drawn], places: Option<&AxisName>) -> Result<(), Problem> {
        let long: Vec<&LabelledAxis> = self.shape.axes.iter().filter(|a| a.coordinates.len() > 1 || unknown(a)).collect();
        let find =
            |p: &Drawn, a: &LabelledAxis| p.axes.iter().any(|b| b.name == a.name || a.role == "class" && b.role == "class");
        let has = |p: &Drawn| long.iter().all(|a| find(p, a));
        let examples = self.shape.kind.per_example();
        if let (Some(first), false) = (parts.first(), parts.iter().any(has)) {
            let foreign = long.iter().find(|a| !find(first, a)).map_or("", |a| a.name.as_str());
            let message = format!("`{}` has no axis `{foreign}`, which `{}` has", first.name, self.name);
            return Err(problem("cfx::axis::not_there", "facet", message, "reduce that axis first, or select a coordinate"));
        }
        if examples && !parts.iter().any(|p| p.examples) {
            let message = format!("`{}` has a value for each example, and what is drawn is over none", self.name);
            return Err(shape("facet", message, "draw what has one number per example, or give a value over an axis"));
        }
        if long.is_empty() && !examples {
            return Err(self.one());
        }
        match long.iter().find(|a| places.is_some_and(|x| x.name == a.name || x.role == "class" && a.role == "class")) {
            Some(axis) => {
                let message =
                    format!("`{}` is over `{}`, along which each panel goes: it would cut it into pieces", self.name, axis.name);
                Err(shape("facet", message, "give a value over another axis; `sort:` puts places into an order"))
            }
            None => Ok(()),
        }
    }
}
