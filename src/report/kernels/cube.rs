//! Series over an axis: inputs sorted into panels, facets, colours and places, everything else pooled.

use super::field::{AxisName, Field};
use super::summary::Summary;
use crate::engine::kernel::{Failure, Labelled, LabelledAxis};
use crate::engine::value::{Column, Table, Value};
use crate::report::figure::{Scale, Tick, scale};
use std::collections::BTreeMap;

/// What a figure over an axis draws.
#[derive(Clone, Debug, Default)]
pub struct Cube {
    /// Name of the horizontal axis.
    pub x: String,
    /// Names of its places, where they are words; empty where they are numbers.
    pub names: Vec<String>,
    /// Whether its numbers are written in per cent.
    pub percent: bool,
    /// Names of its places as written, where there are few numbers: value and text.
    pub written: Vec<Tick>,
    /// What is on the vertical axes: one panel (row) each.
    pub panels: Vec<String>,
    /// The panels' names with the units of their numbers.
    pub labels: Vec<String>,
    /// Name of the axis of facets and its coordinates; one empty coordinate where there is none.
    pub facets: (String, Vec<String>),
    /// Name of the axis of colours and its coordinates; none where there is no such axis.
    pub colors: (String, Vec<String>),
    /// Whether the colours' coordinates are numbers.
    pub ordered: bool,
    /// Series by panel, facet and colour. The colour after the last one is for inputs without that axis.
    pub series: BTreeMap<(usize, usize, usize), Series>,
    /// Axes pooled over, with their lengths.
    pub pooled: Vec<(String, usize)>,
    /// What was averaged before pooling, in words.
    pub averaged: Vec<String>,
    /// Whether values were pooled over examples.
    pub examples: bool,
    /// Whether any value is drawn with its own standard error.
    pub errors: bool,
    /// Reasons of absence with counts.
    pub absent: BTreeMap<String, usize>,
    /// Number of values in all.
    pub total: usize,
}

/// One series: places in order with what is pooled there, and each unpooled curve.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Place and pooled values.
    pub points: Vec<(f64, Summary)>,
    /// The curves of which the summary is made.
    pub each: Vec<Vec<(f64, f64)>>,
}

/// Which axis or column is used for what.
pub struct Roles<'a> {
    /// The horizontal axis, or a column of tables.
    pub x: AxisName,
    /// Columns of tables or parts of records; empty for all.
    pub y: Vec<String>,
    /// Facets.
    pub facet: Option<AxisName>,
    /// Colours.
    pub color: Option<AxisName>,
    /// Data sets that the coordinates of `x` stand for.
    pub sets: Option<&'a Labelled>,
}

/// Returns the numbers that coordinates write, and whether in per cent; nothing where any is a word.
pub fn numeric(coordinates: &[String], role: &str) -> Option<(Vec<f64>, bool)> {
    if coordinates.is_empty() || matches!(role, "class" | "stage") {
        return None;
    }
    let percent = coordinates.iter().all(|c| c.ends_with('%'));
    let parse = |c: &String| match c.strip_suffix('%') {
        Some(n) => n.trim().parse::<f64>().ok().map(|v| v / 100.0),
        None => c.parse::<f64>().ok(),
    };
    let values: Option<Vec<f64>> = coordinates.iter().map(parse).collect();
    values.filter(|v| v.iter().all(|x| x.is_finite())).map(|v| (v, percent))
}

impl Cube {
    /// Returns the inputs sorted into series.
    ///
    /// Errors: an input has neither the axis nor a column of that name.
    pub fn build(fields: Vec<Field>, roles: &Roles) -> Result<Cube, Failure> {
        let mut cube = Cube { x: roles.x.name.clone(), ..Cube::default() };
        let mut parts: Vec<Field> = Vec::new();
        for field in fields {
            let names = field.parts();
            if names.is_empty() {
                parts.push(field);
                continue;
            }
            let wanted: Vec<String> = if roles.y.is_empty() { names } else { roles.y.clone() };
            parts.extend(wanted.iter().map(|n| field.part(n)));
        }
        let splits = |f: Field| {
            let f = f.split(&roles.x, roles.sets);
            let f = roles.facet.iter().fold(f, |f, a| f.split(a, None));
            roles.color.iter().fold(f, |f, a| f.split(a, None))
        };
        let shown: Vec<&AxisName> = [Some(&roles.x), roles.facet.as_ref(), roles.color.as_ref()].into_iter().flatten().collect();
        let parts: Vec<Field> = parts
            .into_iter()
            .map(splits)
            .map(|f| {
                let (field, words) = f.inner_averaged(&shown);
                words.into_iter().for_each(|w| {
                    if !cube.averaged.contains(&w) {
                        cube.averaged.push(w);
                    }
                });
                field
            })
            .collect();
        let coordinates = |axis: &Option<AxisName>| {
            let axis = axis.as_ref()?;
            let texts = || columns(&parts).find_map(|t| distinct(t, &axis.name)).map(|c| (c, String::new()));
            union(&parts, axis).or_else(texts).map(|(c, role)| (axis.name.clone(), c, role))
        };
        cube.facets = coordinates(&roles.facet).map_or_else(|| (String::new(), vec![String::new()]), |(n, c, _)| (n, c));
        if let Some((name, c, role)) = coordinates(&roles.color) {
            cube.ordered = numeric(&c, &role).is_some();
            cube.colors = (name, c);
        }
        // Places are numbers where every input's coordinates are; names, in order of first appearance, otherwise.
        let words = |f: &Field| f.find(&roles.x).is_some_and(|at| numeric(&f.axes[at].coordinates, &f.axes[at].role).is_none());
        if parts.iter().any(words) {
            cube.names = union(&parts, &roles.x).map(|(c, _)| c).unwrap_or_default();
        }
        for field in &parts {
            if field.values.iter().any(|v| matches!(v, Value::Table(_))) {
                cube.add_tables(field, roles)?;
            } else {
                cube.add_numbers(field, roles)?;
            }
        }
        for field in &parts {
            let used = |name: &str| {
                [Some(&roles.x), roles.facet.as_ref(), roles.color.as_ref()].iter().flatten().any(|a| a.name == name)
            };
            for a in field.axes.iter().filter(|a| a.coordinates.len() > 1 && !used(&a.name)) {
                if !cube.pooled.iter().any(|(n, _)| *n == a.name) {
                    cube.pooled.push((a.name.clone(), a.coordinates.len()));
                }
            }
            cube.total += field.values.len();
            for (why, n) in field.absent() {
                *cube.absent.entry(why).or_insert(0) += n;
            }
        }
        for series in cube.series.values_mut() {
            series.points.sort_by(|a, b| a.0.total_cmp(&b.0));
            series.each.iter_mut().for_each(|c| c.sort_by(|a, b| a.0.total_cmp(&b.0)));
            cube.examples |= series.points.iter().any(|(_, s)| s.examples);
            cube.errors |= series.points.iter().any(|(_, s)| s.error.is_some());
        }
        Ok(cube)
    }

    /// Returns the heading of a facet: the axis's name and the coordinate, unless that names the axis already (`stage1`).
    pub fn heading(&self, coordinate: &str) -> String {
        let named = self.facets.0.is_empty() || coordinate.starts_with(&self.facets.0);
        if named { coordinate.to_string() } else { format!("{}: {coordinate}", self.facets.0) }
    }

    /// Returns whether nothing finite is to be drawn.
    pub fn is_empty(&self) -> bool {
        self.series.values().all(|s| s.points.iter().all(|p| p.1.values.is_empty()))
    }

    fn add_numbers(&mut self, field: &Field, roles: &Roles) -> Result<(), Failure> {
        let missing = || {
            let axes: Vec<_> = field.axes.iter().map(|a| format!("`{}`", a.name)).collect();
            let has =
                if axes.is_empty() { "it is a single value".to_string() } else { format!("its axes are {}", axes.join(", ")) };
            Failure::new(format!("`{}` has no axis `{}`: {has}", field.name, roles.x.name)).help("name one of its axes in `x:`")
        };
        let x = field.find(&roles.x).ok_or_else(missing)?;
        let panel = self.panels.len();
        self.panels.push(field.name.clone());
        self.labels.push(field.label());
        let axis = &field.axes[x];
        let places = self.places(axis);
        let facet = roles.facet.as_ref().and_then(|a| field.find(a));
        let color = roles.color.as_ref().and_then(|a| field.find(a));
        let own = |at: usize, place: usize, all: &[String]| {
            all.iter().position(|c| *c == field.axes[at].coordinates[place]).unwrap_or(0)
        };
        let mut groups: BTreeMap<(usize, usize, usize), Vec<&Value>> = BTreeMap::new();
        let mut curves: BTreeMap<(usize, usize, Vec<usize>), Vec<(f64, f64)>> = BTreeMap::new();
        for (i, value) in field.values.iter().enumerate() {
            let at = field.places(i);
            let c = color.map_or(self.colors.1.len(), |a| own(a, at[a], &self.colors.1));
            let facets = match facet {
                Some(a) => {
                    let f = own(a, at[a], &self.facets.1);
                    f..f + 1
                }
                None => 0..self.facets.1.len(),
            };
            let rest: Vec<usize> =
                (0..at.len()).filter(|k| *k != x && Some(*k) != facet && Some(*k) != color).map(|k| at[k]).collect();
            for f in facets {
                groups.entry((f, c, at[x])).or_default().push(value);
                if let Some(n) = super::field::scalar(value) {
                    curves.entry((f, c, rest.clone())).or_default().push((places[at[x]], n.value));
                }
            }
        }
        for ((f, c, place), values) in groups {
            self.series.entry((panel, f, c)).or_default().points.push((places[place], Summary::of(&values)));
        }
        for ((f, c, _), curve) in curves {
            self.series.entry((panel, f, c)).or_default().each.push(curve);
        }
        Ok(())
    }

    /// Returns the places of an axis's coordinates: their numbers, or where their names stand among all names.
    fn places(&mut self, axis: &LabelledAxis) -> Vec<f64> {
        match numeric(&axis.coordinates, &axis.role) {
            Some((values, percent)) if self.names.is_empty() => {
                self.percent |= percent;
                if self.written.is_empty() {
                    self.written = values.iter().copied().zip(axis.coordinates.iter().cloned()).collect();
                }
                values
            }
            _ => axis.coordinates.iter().map(|c| self.names.iter().position(|n| n == c).map_or(f64::NAN, |p| p as f64)).collect(),
        }
    }

    fn add_tables(&mut self, field: &Field, roles: &Roles) -> Result<(), Failure> {
        let Some(first) = columns(std::slice::from_ref(field)).next() else { return Ok(()) };
        let all: Vec<&String> = first.columns.iter().map(|(n, _)| n).collect();
        let lacks = |name: &str| {
            let names: Vec<_> = all.iter().map(|n| format!("`{n}`")).collect();
            Failure::new(format!("`{}` has no column `{name}`", field.name)).help(format!("its columns are {}", names.join(", ")))
        };
        let x_axis = field.find(&roles.x);
        if x_axis.is_none() && !all.iter().any(|n| **n == roles.x.name) {
            return Err(lacks(&roles.x.name));
        }
        let facet = roles.facet.as_ref().map(|a| (a, field.find(a)));
        let color = roles.color.as_ref().map(|a| (a, field.find(a)));
        let taken =
            |n: &str| n == roles.x.name || [&roles.facet, &roles.color].iter().any(|a| a.as_ref().is_some_and(|a| a.name == n));
        // Further whole-number columns, such as the order of an ablation, are drawn only where they are asked for.
        let ys: Vec<String> = match roles.y.is_empty() {
            false => roles.y.clone(),
            true => first
                .columns
                .iter()
                .filter(|(n, c)| {
                    matches!(c, Column::Numbers(x) if x.iter().any(|v| v.is_finite()))
                        && !taken(n)
                        && !matches!(n.as_str(), "order" | "epoch" | "step")
                })
                .map(|(n, _)| n.clone())
                .collect(),
        };
        if let Some(bad) = ys.iter().find(|y| first.numbers(y).is_none()) {
            return Err(lacks(bad));
        }
        let axis_places = x_axis.map_or_else(Vec::new, |a| self.places(&field.axes[a]));
        let texts_x = x_axis.is_none() && first.numbers(&roles.x.name).is_none();
        if texts_x {
            self.names = columns(std::slice::from_ref(field)).find_map(|t| distinct(t, &roles.x.name)).unwrap_or_default();
        }
        for y in ys {
            let panel = self.panels.len();
            self.panels.push(y.clone());
            self.labels.push(field.part(&y).label());
            // By facet, colour and place: one value for each cell (rows of one cell at one place are averaged first).
            let mut groups: BTreeMap<(usize, usize, u64), Vec<Value>> = BTreeMap::new();
            for (i, value) in field.values.iter().enumerate() {
                let Value::Table(table) = value else { continue };
                let at = field.places(i);
                let mut inner: BTreeMap<(usize, usize, u64), Vec<f64>> = BTreeMap::new();
                for row in 0..table.rows() {
                    let place = match x_axis {
                        Some(a) => axis_places.get(at[a]).copied().unwrap_or(f64::NAN),
                        None if texts_x => cell_text(table, &roles.x.name, row)
                            .and_then(|t| self.names.iter().position(|n| *n == t))
                            .map_or(f64::NAN, |p| p as f64),
                        None => table.numbers(&roles.x.name).and_then(|c| c.get(row)).copied().unwrap_or(f64::NAN),
                    };
                    let Some(v) =
                        table.numbers(&y).and_then(|c| c.get(row)).copied().filter(|v| v.is_finite() && place.is_finite())
                    else {
                        continue;
                    };
                    let group = |axis: Option<(&AxisName, Option<usize>)>, all: &[String]| {
                        let (name, found) = axis?;
                        let text = match found {
                            Some(a) => field.axes[a].coordinates.get(at[a]).cloned(),
                            None => cell_text(table, &name.name, row),
                        }?;
                        all.iter().position(|c| *c == text)
                    };
                    let f = group(facet, &self.facets.1).unwrap_or(0);
                    let c = group(color, &self.colors.1).unwrap_or(self.colors.1.len());
                    inner.entry((f, c, ordered_bits(place))).or_default().push(v);
                }
                let mut curves: BTreeMap<(usize, usize), Vec<(f64, f64)>> = BTreeMap::new();
                for ((f, c, place), values) in inner {
                    let mean = values.iter().sum::<f64>() / values.len() as f64;
                    curves.entry((f, c)).or_default().push((from_bits(place), mean));
                    groups.entry((f, c, place)).or_default().push(Value::Number(crate::engine::value::Number::exact(mean)));
                }
                for ((f, c), curve) in curves {
                    self.series.entry((panel, f, c)).or_default().each.push(curve);
                }
            }
            for ((f, c, place), values) in groups {
                let refs: Vec<&Value> = values.iter().collect();
                self.series.entry((panel, f, c)).or_default().points.push((from_bits(place), Summary::of(&refs)));
            }
        }
        Ok(())
    }

    /// Returns the scale and the ticks of the horizontal axis.
    pub fn x_scale(&self, width: f64, word: &str) -> (Scale, Option<Vec<Tick>>) {
        if !self.names.is_empty() {
            return (Scale::Category { names: self.names.clone() }, None);
        }
        let mut values: Vec<f64> = self.series.values().flat_map(|s| s.points.iter().map(|p| p.0)).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let log = match word {
            "log" => values.iter().any(|v| *v > 0.0),
            "linear" => false,
            _ => spread_like_powers(&values),
        };
        let scale = if log { Scale::log_over(values.clone()) } else { Scale::over(values.clone()) };
        let write = |v: f64, t: String| {
            let decimals = t.split_once('.').map_or(0, |(_, d)| d.len());
            let whole = v.fract() == 0.0 && t.ends_with(".0");
            match self.percent {
                true => (v, format!("{}%", scale::fixed(v * 100.0, decimals.saturating_sub(2)))),
                false if whole && values.iter().all(|v| v.fract() == 0.0) => (v, scale::fixed(v, 0)),
                false => (v, t),
            }
        };
        let ticks = if (1..=8).contains(&self.written.len()) {
            self.written.clone()
        } else {
            let whole = values.iter().all(|v| v.fract() == 0.0);
            scale.ticks(width, 70.0).into_iter().filter(|t| !whole || t.0.fract() == 0.0).map(|(v, t)| write(v, t)).collect()
        };
        (scale, Some(ticks))
    }
}

/// Returns whether numbers are spread like powers: positive, over two decades, crowded at the low end.
pub fn spread_like_powers(sorted: &[f64]) -> bool {
    match (sorted.first(), sorted.get(sorted.len() / 2), sorted.last()) {
        (Some(&low), Some(&middle), Some(&high)) if sorted.len() >= 3 => {
            low > 0.0 && high / low >= 100.0 && middle <= 0.25 * high
        }
        _ => false,
    }
}

/// Returns the coordinates of an axis in all inputs that have it, each once, in order of first appearance, and its role.
fn union(fields: &[Field], axis: &AxisName) -> Option<(Vec<String>, String)> {
    let mut out: Option<(Vec<String>, String)> = None;
    for own in fields.iter().filter_map(|f| f.find(axis).map(|at| &f.axes[at])) {
        let (all, _) = out.get_or_insert_with(|| (Vec::new(), own.role.clone()));
        for c in &own.coordinates {
            if !all.contains(c) {
                all.push(c.clone());
            }
        }
    }
    out
}

fn columns(fields: &[Field]) -> impl Iterator<Item = &Table> {
    fields.iter().flat_map(|f| &f.values).filter_map(|v| if let Value::Table(t) = v { Some(t.as_ref()) } else { None })
}

/// Returns the different texts of a column in order of first appearance.
fn distinct(table: &Table, name: &str) -> Option<Vec<String>> {
    table.columns.iter().find(|(n, _)| n == name)?;
    let mut out: Vec<String> = Vec::new();
    for text in (0..table.rows()).filter_map(|r| cell_text(table, name, r)) {
        if !out.contains(&text) {
            out.push(text);
        }
    }
    Some(out)
}

fn cell_text(table: &Table, name: &str, row: usize) -> Option<String> {
    table.columns.iter().find(|(n, _)| n == name).and_then(|(_, c)| match c {
        Column::Texts(t) => t.get(row).cloned(),
        Column::Numbers(x) => x.get(row).map(|v| v.to_string()),
    })
}

/// Returns bits that order as the numbers do.
fn ordered_bits(x: f64) -> u64 {
    let bits = (x + 0.0).to_bits();
    if bits >> 63 == 0 { bits | (1 << 63) } else { !bits }
}

fn from_bits(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}
