//! Series over an axis: inputs sorted into panels, facets, colours and places, everything else pooled.

use super::facets::Facets;
use super::field::{Field, doubtful, elsewhere, scalar};
use super::named::{AxisName, Scaling, Show};
use super::pool::{Pooling, Sample, Series, pool};
use super::present::with_examples;
use super::summary::{Spread, Summary};
use crate::engine::kernel::{Failure, Labelled, LabelledAxis};
use crate::engine::value::{Column, Number, Table, Value};
use crate::plan::doubt::Place;
use crate::report::figure::{Scale, Tick, scale};
use crate::report::numeric::numeric;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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
    pub panels: Vec<PanelOf>,
    /// The axes of facets, none to two, with their coordinates. Facets are numbered row by row.
    pub facets: Vec<(String, Vec<String>)>,
    /// Name of the axis of colours and its coordinates; none where there is no such axis.
    pub colors: (String, Vec<String>),
    /// Whether the colours' coordinates are numbers.
    pub ordered: bool,
    /// Series by panel, facet and colour. The colour after the last one is for inputs without that axis.
    pub series: BTreeMap<(usize, usize, usize), Series>,
    /// The axis that stands in colours since its curves cannot be pooled, where it was not asked for.
    pub promoted: Option<String>,
    /// Reasons of absence with counts.
    pub absent: BTreeMap<String, usize>,
    /// Number of values in all.
    pub total: usize,
}

/// What one panel shows.
#[derive(Clone, Debug, Default)]
pub struct PanelOf {
    /// The argument as written, or the column's name.
    pub name: String,
    /// The name with the unit of its numbers.
    pub label: String,
    /// What became of the axes not shown.
    pub pooling: Pooling,
    /// Whether its numbers have no unit and all lie within 0 and 1, as shares do: what is drawn of them ends there as well.
    pub share: bool,
    /// Places at which its numbers come from densities that did not settle.
    pub doubts: Arc<[Place]>,
}

/// Which axis or column is used for what.
#[derive(Clone)]
pub struct Roles<'a> {
    /// The horizontal axis, or a column of tables.
    pub x: AxisName,
    /// Columns of tables or parts of records; empty for all.
    pub y: Vec<String>,
    /// Facets: none, one axis, or one for the rows and one for the columns.
    pub facets: Vec<AxisName>,
    /// Colours.
    pub color: Option<AxisName>,
    /// Data sets that the coordinates of `x`, of colours and of facets stand for, in this order.
    pub sets: Vec<Option<&'a Labelled>>,
    /// The value whose different values are the facets, where they are none of axes.
    pub by: Option<&'a Facets>,
}

impl Roles<'_> {
    /// Returns the axes shown, each with its data sets.
    fn shown(&self) -> impl Iterator<Item = (&AxisName, Option<&Labelled>)> {
        let axes = [Some(&self.x), self.color.as_ref()].into_iter().chain(self.facets.iter().map(Some));
        axes.zip(self.sets.iter().copied().chain(std::iter::repeat(None))).filter_map(|(a, s)| a.map(|a| (a, s)))
    }
}

/// Columns that count rows rather than say something of them: drawn only where they are asked for.
const COUNTERS: [&str; 4] = ["order", "draw", "epoch", "step"];

impl Cube {
    /// Returns the inputs sorted into series. Where curves over different places cannot be pooled over an axis, and no colours are
    /// asked for, that axis stands in colours.
    ///
    /// Errors: an input has neither the axis nor a column of that name.
    pub fn build(fields: Vec<Field>, roles: &Roles) -> Result<Cube, Failure> {
        let cube = Cube::sorted(&fields, roles)?;
        let mut causes: Vec<&String> = cube.panels.iter().filter_map(|p| p.pooling.cause.as_ref()).collect();
        causes.dedup();
        let name = match (causes.as_slice(), &roles.color) {
            ([one], None) => one.to_string(),
            _ => return Ok(cube),
        };
        let color = Some(AxisName { name: name.clone(), role: String::new() });
        let colored = Cube::sorted(&fields, &Roles { color, ..roles.clone() })?;
        Ok(if colored.colors.1.len() > 12 { cube } else { Cube { promoted: Some(name), ..colored } })
    }

    fn sorted(fields: &[Field], roles: &Roles) -> Result<Cube, Failure> {
        let mut cube = Cube { x: roles.x.name.clone(), ..Cube::default() };
        let mut parts: Vec<Field> = Vec::new();
        for field in fields {
            let names = field.parts();
            match (names.is_empty(), roles.y.is_empty()) {
                (true, _) => parts.push(field.clone()),
                (false, true) => parts.extend(names.iter().map(|n| field.part(n))),
                (false, false) => parts.extend(roles.y.iter().map(|n| field.part(n))),
            }
        }
        let split = |f: Field| roles.shown().fold(f, |f, (axis, sets)| f.split(axis, sets));
        let parts = parts.into_iter().map(split).map(|f| roles.by.map_or_else(|| f.clone(), |by| by.split(&f)));
        let parts: Vec<Field> = parts.collect();
        let parts = with_examples(parts, &roles.shown().map(|(axis, _)| axis).collect::<Vec<_>>());
        let coordinates = |axis: &Option<AxisName>| {
            let axis = axis.as_ref()?;
            let texts = || distinct(&parts, &axis.name).map(|c| (c, String::new()));
            union(&parts, axis).or_else(texts).map(|(c, role)| (axis.name.clone(), c, role))
        };
        let facet = |f: &AxisName| {
            coordinates(&Some(f.clone())).map_or_else(|| (f.name.clone(), vec![String::new()]), |(name, c, _)| (name, c))
        };
        cube.facets = roles.facets.iter().map(facet).collect();
        if let Some((name, c, role)) = coordinates(&roles.color) {
            cube.ordered = numeric(&c, &role).is_some();
            cube.colors = (name, c);
        }
        // Places are numbers where every input's coordinates are; names, in order of first appearance, otherwise.
        let words = |f: &Field| f.find(&roles.x).is_some_and(|at| numeric(&f.axes[at].coordinates, &f.axes[at].role).is_none());
        let texts = |f: &Field| f.find(&roles.x).is_none() && tables(f).any(|t| column_of_texts(t, &roles.x.name));
        if parts.iter().any(words) {
            cube.names = union(&parts, &roles.x).map(|(c, _)| c).unwrap_or_default();
        } else if parts.iter().any(texts) {
            cube.names = distinct(&parts, &roles.x.name).unwrap_or_default();
        }
        for field in &parts {
            let before = cube.panels.len();
            cube.total += field.count();
            for (why, n) in field.absent() {
                *cube.absent.entry(why).or_insert(0) += n;
            }
            if field.values.iter().any(|v| matches!(v, Value::Table(_))) {
                cube.add_tables(field, roles)?;
            } else {
                cube.add_numbers(field, roles)?;
            }
            for panel in &mut cube.panels[before..] {
                let over = std::mem::take(&mut panel.pooling.over);
                panel.pooling.over = roles.by.map_or_else(|| over.clone(), |by| by.counted(over.clone()));
            }
        }
        Ok(cube)
    }

    /// Returns the number of facets.
    pub fn facet_count(&self) -> usize {
        self.facets.iter().map(|f| f.1.len()).product()
    }

    /// Returns the axes of a facet with its coordinates.
    pub fn facet(&self, number: usize) -> Vec<(&str, &str)> {
        let mut rest = number;
        let mut out = Vec::new();
        for (name, coordinates) in self.facets.iter().rev() {
            out.push((name.as_str(), coordinates[rest % coordinates.len()].as_str()));
            rest /= coordinates.len();
        }
        out.reverse();
        out
    }

    /// Returns the facets that a value belongs to, of which the place on some axes of facets is known.
    fn facets_at(&self, places: &[Option<usize>]) -> Vec<usize> {
        let mut out = vec![0];
        for ((_, coordinates), place) in self.facets.iter().zip(places) {
            let n = coordinates.len();
            let own = place.map_or(0..n, |p| p..p + 1);
            out = out.iter().flat_map(|f| own.clone().map(move |p| f * n + p)).collect();
        }
        out
    }

    /// Returns whether nothing finite is to be drawn.
    pub fn is_empty(&self) -> bool {
        self.series.values().flat_map(Series::drawn).all(|p| p.1.values.is_empty())
    }

    /// Returns whether a number of a panel, at a facet, colour and place, comes from a density that did not settle.
    pub fn doubtful(&self, (panel, facet, color): (usize, usize, usize), x: f64) -> bool {
        if self.panels[panel].doubts.is_empty() {
            return false;
        }
        let mut place = self.facet(facet);
        place.extend(self.colors.1.get(color).map(|c| (self.colors.0.as_str(), c.as_str())));
        place.extend(self.names.get(x as usize).map(String::as_str).or_else(|| self.written(x)).map(|n| (self.x.as_str(), n)));
        doubtful(&self.panels[panel].doubts, &place)
    }

    /// Returns how a numeric place was written.
    fn written(&self, x: f64) -> Option<&str> {
        let at = self.written.partition_point(|w| w.0 < x);
        self.written.get(at).filter(|w| w.0 == x).map(|w| w.1.as_str())
    }

    /// Returns what is drawn of a place in a panel: bars and bands of shares end at 0 and 1.
    pub fn spread(&self, panel: usize, summary: &Summary, show: Show) -> Spread {
        let of = &self.panels[panel];
        let s = summary.among(show, of.pooling.counts.is_some());
        match of.share {
            // A maximum with NaN would be the other side.
            true => Spread { low: if s.low < 0.0 { 0.0 } else { s.low }, high: if s.high > 1.0 { 1.0 } else { s.high }, ..s },
            false => s,
        }
    }

    /// Returns whether any bar or band is cut at 0 or 1.
    pub fn cut(&self, show: Show) -> bool {
        let cut = |((p, ..), series): (&(usize, usize, usize), &Series)| {
            let pooled = self.panels[*p].pooling.counts.is_some();
            let beyond = |s: Spread| s.low < 0.0 || s.high > 1.0;
            self.panels[*p].share && series.drawn().any(|(_, s)| beyond(s.among(show, pooled)))
        };
        self.series.iter().any(cut)
    }

    /// Makes names of numeric places, in their order.
    pub fn name_places(&mut self) {
        if !self.names.is_empty() {
            return;
        }
        let places: BTreeSet<u64> =
            self.series.values().flat_map(|s| s.points.iter().map(|p| super::pool::ordered_bits(p.0))).collect();
        let places: Vec<f64> = places.into_iter().map(super::pool::from_bits).collect();
        let name = |v: &f64| self.written(*v).map_or_else(|| scale::number(*v), str::to_string);
        self.names = places.iter().map(name).collect();
        self.move_places(|x| places.partition_point(|p| *p < x) as f64);
    }

    /// Puts named places in the order of a value over their axis, the smallest first; those without a value last.
    pub fn sort_places(&mut self, by: &Field) {
        self.name_places();
        let axis = AxisName { name: self.x.clone(), role: String::new() };
        let Some(at) = by.find(&axis).or_else(|| by.role("class").filter(|_| self.x == "class")) else { return };
        let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
        for (i, value) in by.values.iter().enumerate() {
            if let Some(number) = scalar(value) {
                let sum = sums.entry(&by.axes[at].coordinates[by.places(i)[at]]).or_default();
                *sum = (sum.0 + number.value, sum.1 + 1.0);
            }
        }
        let mean = |name: &String| sums.get(name.as_str()).map_or(f64::INFINITY, |(sum, n)| sum / n);
        let means: Vec<f64> = self.names.iter().map(mean).collect();
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        order.sort_by(|a, b| means[*a].total_cmp(&means[*b]));
        self.names = order.iter().map(|i| self.names[*i].clone()).collect();
        let mut moved = vec![0.0; order.len()];
        order.iter().enumerate().for_each(|(to, from)| moved[*from] = to as f64);
        self.move_places(|x| moved.get(x as usize).copied().unwrap_or(0.0));
    }

    /// Moves all places.
    fn move_places(&mut self, to: impl Fn(f64) -> f64) {
        for series in self.series.values_mut() {
            let curves = std::iter::once(&mut series.points).chain(series.each.iter_mut().map(|c| &mut c.points));
            for points in curves {
                points.iter_mut().for_each(|p| p.0 = to(p.0));
                points.sort_by(|a, b| a.0.total_cmp(&b.0));
            }
        }
    }

    /// Adds a panel with what stands in it.
    fn add(&mut self, (name, field): (&str, &Field), label: String, samples: Vec<Sample>, left: &[LabelledAxis]) {
        let share = field.units.is_empty() && samples.iter().all(|s| within_shares(&s.value));
        let (series, pooling) = pool(samples, left);
        let panel = self.panels.len();
        self.panels.push(PanelOf { name: name.to_string(), label, pooling, share, doubts: field.doubts.clone() });
        self.series.extend(series.into_iter().map(|((f, c), s)| ((panel, f, c), s)));
    }

    fn add_numbers(&mut self, field: &Field, roles: &Roles) -> Result<(), Failure> {
        let Some(x) = field.find(&roles.x) else {
            // Of absent scores nothing tells how they are split.
            if field.values.iter().all(|v| matches!(v, Value::Absent(_))) {
                self.add((&field.name, field), field.label(), Vec::new(), &[]);
                return Ok(());
            }
            let axes: Vec<_> = field.axes.iter().map(|a| format!("`{}`", a.name)).collect();
            let has =
                if axes.is_empty() { "it is a single value".to_string() } else { format!("its axes are {}", axes.join(", ")) };
            let message = format!("`{}` has no axis `{}`: {has}", field.name, roles.x.name);
            return Err(Failure::new(message).help("name one of its axes in `x:`"));
        };
        let places = self.places(&field.axes[x]);
        let facets: Vec<Option<usize>> = roles.facets.iter().map(|a| field.find(a)).collect();
        let color = roles.color.as_ref().and_then(|a| field.find(a));
        let own = |at: usize, place: usize, all: &[String]| {
            all.iter().position(|c| *c == field.axes[at].coordinates[place]).unwrap_or(0)
        };
        let rest: Vec<usize> =
            (0..field.axes.len()).filter(|k| *k != x && !facets.contains(&Some(*k)) && Some(*k) != color).collect();
        let mut samples = Vec::new();
        for (i, value) in field.values.iter().enumerate().filter(|(_, v)| !elsewhere(v)) {
            let at = field.places(i);
            let c = color.map_or(self.colors.1.len(), |a| own(a, at[a], &self.colors.1));
            let known: Vec<Option<usize>> =
                facets.iter().zip(&self.facets).map(|(a, (_, all))| a.map(|a| own(a, at[a], all))).collect();
            let left: Vec<usize> = rest.iter().map(|k| at[*k]).collect();
            samples.extend(self.facets_at(&known).into_iter().map(|f| Sample {
                group: (f, c),
                x: places[at[x]],
                left: left.clone(),
                value: value.clone(),
            }));
        }
        let left: Vec<LabelledAxis> = rest.iter().map(|k| field.axes[*k].clone()).collect();
        self.add((&field.name, field), field.label(), samples, &left);
        Ok(())
    }

    /// Returns the places of an axis's coordinates: their numbers, or where their names stand among all names.
    fn places(&mut self, axis: &LabelledAxis) -> Vec<f64> {
        match numeric(&axis.coordinates, &axis.role) {
            Some((values, percent)) if self.names.is_empty() => {
                self.percent |= percent;
                self.written.extend(values.iter().copied().zip(axis.coordinates.iter().cloned()));
                self.written.sort_by(|a, b| a.0.total_cmp(&b.0));
                // Of equal places, the words that came first stay.
                self.written.dedup_by(|later, first| later.0 == first.0);
                values
            }
            _ => {
                let mut known = BTreeMap::new();
                for (i, name) in self.names.iter().enumerate() {
                    known.entry(name.as_str()).or_insert(i as f64);
                }
                axis.coordinates.iter().map(|c| known.get(c.as_str()).copied().unwrap_or(f64::NAN)).collect()
            }
        }
    }

    fn add_tables(&mut self, field: &Field, roles: &Roles) -> Result<(), Failure> {
        let Some(first) = tables(field).next() else { return Ok(()) };
        let all: Vec<&String> = first.columns.iter().map(|(n, _)| n).collect();
        let lacks = |name: &str| {
            let names: Vec<_> = all.iter().map(|n| format!("`{n}`")).collect();
            Failure::new(format!("`{}` has no column `{name}`", field.name)).help(format!("its columns are {}", names.join(", ")))
        };
        let x_axis = field.find(&roles.x);
        if x_axis.is_none() && !all.iter().any(|n| **n == roles.x.name) {
            return Err(lacks(&roles.x.name));
        }
        let taken = |n: &str| roles.shown().any(|(a, _)| a.name == n);
        let numbers = |c: &Column| matches!(c, Column::Numbers(x) if x.iter().any(|v| v.is_finite()));
        let ys: Vec<String> = match roles.y.is_empty() {
            false => roles.y.clone(),
            true => first
                .columns
                .iter()
                .filter(|(n, c)| numbers(c) && !taken(n) && !COUNTERS.contains(&n.as_str()))
                .map(|(n, _)| n.clone())
                .collect(),
        };
        for y in &ys {
            match first.columns.iter().find(|(n, _)| n == y) {
                None => return Err(lacks(y)),
                Some((_, Column::Texts(_))) => {
                    let help = "`y:` takes columns of numbers; words may stand in `x:`, `color:` and `facet:`";
                    return Err(Failure::new(format!("the column `{y}` of `{}` holds words", field.name)).help(help));
                }
                Some(_) => {}
            }
        }
        let axis_places = x_axis.map_or_else(Vec::new, |a| self.places(&field.axes[a]));
        let shown: Vec<usize> = roles.shown().filter_map(|(a, _)| field.find(a)).collect();
        let rest: Vec<usize> = (0..field.axes.len()).filter(|k| !shown.contains(k)).collect();
        let place = |table: &Table, row: usize, at: &[usize]| match x_axis {
            Some(a) => axis_places.get(at[a]).copied(),
            None if !self.names.is_empty() => {
                cell_text(table, &roles.x.name, row).and_then(|t| self.names.iter().position(|n| *n == t)).map(|p| p as f64)
            }
            None => table.numbers(&roles.x.name).and_then(|c| c.get(row)).copied(),
        };
        let group = |axis: Option<&AxisName>, all: &[String], table: &Table, row: usize, at: &[usize]| {
            let axis = axis?;
            let text = match field.find(axis) {
                Some(a) => field.axes[a].coordinates.get(at[a]).cloned(),
                None => cell_text(table, &axis.name, row),
            }?;
            all.iter().position(|c| *c == text)
        };
        // Where each row of each cell stands: its series, its place, and its cell's places on the axes left over.
        let mut rows: Vec<(&Table, usize, (usize, usize), f64, Vec<usize>)> = Vec::new();
        for (i, value) in field.values.iter().enumerate() {
            let Value::Table(table) = value else { continue };
            let at = field.places(i);
            let left: Vec<usize> = rest.iter().map(|k| at[*k]).collect();
            for row in 0..table.rows() {
                let Some(x) = place(table, row, &at).filter(|x| x.is_finite()) else { continue };
                let mut f = 0;
                for (axis, (_, all)) in roles.facets.iter().zip(&self.facets) {
                    f = f * all.len() + group(Some(axis), all, table, row, &at).unwrap_or(0);
                }
                let c = group(roles.color.as_ref(), &self.colors.1, table, row, &at).unwrap_or(self.colors.1.len());
                rows.push((table, row, (f, c), x, left.clone()));
            }
        }
        let mut left: Vec<LabelledAxis> = rest.iter().map(|k| field.axes[*k].clone()).collect();
        let (inner, member) = inner_curves(&rows, &left, |n| taken(n) || ys.iter().any(|y| y == n));
        left.push(inner);
        for y in ys {
            let value = |table: &Table, row: usize| match table.numbers(&y).and_then(|c| c.get(row)) {
                Some(v) if v.is_finite() => Value::Number(Number::exact(*v)),
                _ => Value::Absent("no number in this row".into()),
            };
            let samples: Vec<Sample> = rows
                .iter()
                .zip(&member)
                .map(|((table, row, group, x, at), member)| {
                    let mut left = at.clone();
                    left.push(*member);
                    Sample { group: *group, x: *x, left, value: value(table, *row) }
                })
                .collect();
            let missing = samples.iter().filter(|s| matches!(s.value, Value::Absent(_))).count();
            if missing > 0 {
                *self.absent.entry(format!("no number in the row for `{y}`")).or_insert(0) += missing;
                self.total += samples.len();
            }
            let label = field.part(&y).label();
            self.add((&y, field), label, samples, &left);
        }
        Ok(())
    }

    /// Returns the scale and the ticks of the horizontal axis.
    /// It holds `also`, and ends at `range` where the script gives one.
    pub fn x_scale(&self, width: f64, scaling: Scaling, range: Option<(f64, f64)>, also: &[f64]) -> (Scale, Option<Vec<Tick>>) {
        if !self.names.is_empty() {
            return (Scale::Category { names: self.names.clone() }, None);
        }
        let mut values: Vec<f64> = self.series.values().flat_map(Series::drawn).map(|p| p.0).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let log = match scaling {
            Scaling::Log => values.iter().any(|v| *v > 0.0),
            Scaling::Linear => false,
            Scaling::Auto => spread_like_powers(&values),
        };
        let shown = values.iter().chain(also).copied();
        let scale = match range {
            Some((low, high)) if !log => Scale::Linear { low, high },
            Some((low, high)) if low > 0.0 => Scale::Log { low, high },
            _ if log => Scale::log_over(shown),
            _ => Scale::over(shown),
        };
        let write = |v: f64, t: String| {
            let decimals = t.split_once('.').map_or(0, |(_, d)| d.len());
            let whole = v.fract() == 0.0 && t.ends_with(".0");
            match self.percent {
                true => (v, format!("{}%", scale::fixed(v * 100.0, decimals.saturating_sub(2)))),
                false if whole && values.iter().all(|v| v.fract() == 0.0) => (v, scale::fixed(v, 0)),
                false => (v, t),
            }
        };
        let ticks = if (1..=8).contains(&self.written.len()) && range.is_none() {
            self.written.clone()
        } else {
            let whole = values.iter().all(|v| v.fract() == 0.0);
            scale.ticks(width, 70.0).into_iter().filter(|t| !whole || t.0.fract() == 0.0).map(|(v, t)| write(v, t)).collect()
        };
        (scale, Some(ticks))
    }
}

/// Returns whether a value lies within 0 and 1; what is no number does.
fn within_shares(value: &Value) -> bool {
    match value {
        Value::Scores(s) => s.values.iter().all(|v| !v.is_finite() || (0.0..=1.0).contains(v)),
        other => scalar(other).is_none_or(|n| (0.0..=1.0).contains(&n.value)),
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
pub fn union(fields: &[Field], axis: &AxisName) -> Option<(Vec<String>, String)> {
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

/// The cells, rows, series and places that curves are made of.
type RowsOf<'a> = [(&'a Table, usize, (usize, usize), f64, Vec<usize>)];

/// Returns the axis that tells apart the rows of one cell at one place (orders of an ablation), named after the column that does, and
/// each row's place on it. It nests in the axes of the cells. Of one coordinate where there is one row at each place.
fn inner_curves(rows: &RowsOf, outer: &[LabelledAxis], drawn: impl Fn(&str) -> bool) -> (LabelledAxis, Vec<usize>) {
    let within: Vec<String> = outer.iter().map(|a| a.name.clone()).collect();
    let key = |r: &(&Table, usize, (usize, usize), f64, Vec<usize>)| (r.2, super::pool::ordered_bits(r.3), r.4.clone());
    let mut seen: BTreeMap<_, usize> = BTreeMap::new();
    // Where no column tells rows apart, they are numbered at each place.
    let numbered: Vec<usize> = rows
        .iter()
        .map(|r| {
            let n = seen.entry(key(r)).or_insert(0);
            *n += 1;
            *n - 1
        })
        .collect();
    let most = numbered.iter().max().map_or(1, |m| m + 1);
    let axis = |name: &str, coordinates: Vec<String>| LabelledAxis {
        name: name.to_string(),
        role: "row".to_string(),
        coordinates,
        within: within.clone(),
        pairs: None,
        shared: false,
    };
    let count = |n: usize| (0..n).map(|i| i.to_string()).collect();
    let Some((first, ..)) = rows.first().filter(|_| most > 1) else { return (axis("row", count(1)), vec![0; rows.len()]) };
    let counts = |c: &Column| match c {
        Column::Texts(_) => true,
        Column::Numbers(x) => x.iter().all(|v| v.fract() == 0.0),
    };
    let names = first.columns.iter().filter(|(n, c)| counts(c) && !drawn(n)).map(|(n, _)| n);
    for name in names {
        let mut coordinates: Vec<String> = Vec::new();
        let mut at: BTreeMap<String, usize> = BTreeMap::new();
        let mut places = BTreeSet::new();
        let members: Option<Vec<usize>> = rows
            .iter()
            .map(|r| {
                let text = cell_text(r.0, name, r.1)?;
                let member = *at.entry(text.clone()).or_insert_with(|| {
                    coordinates.push(text);
                    coordinates.len() - 1
                });
                places.insert((key(r), member)).then_some(member)
            })
            .collect();
        if let Some(members) = members {
            return (axis(name, coordinates), members);
        }
    }
    (axis("row", count(most)), numbered)
}

fn tables(field: &Field) -> impl Iterator<Item = &Table> {
    field.values.iter().filter_map(|v| if let Value::Table(t) = v { Some(t.as_ref()) } else { None })
}

fn column_of_texts(table: &Table, name: &str) -> bool {
    table.columns.iter().any(|(n, c)| n == name && matches!(c, Column::Texts(_)))
}

/// Returns the different texts of a column in all tables: numbers ascending, words in order of first appearance.
pub fn distinct(fields: &[Field], name: &str) -> Option<Vec<String>> {
    let mut out: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut found = false;
    for table in fields.iter().flat_map(tables) {
        found |= table.columns.iter().any(|(n, _)| n == name);
        for text in (0..table.rows()).filter_map(|r| cell_text(table, name, r)) {
            if seen.insert(text.clone()) {
                out.push(text);
            }
        }
    }
    in_order(&mut out);
    found.then_some(out)
}

/// Brings texts that are all numbers into their order; others stay as they stand.
pub fn in_order(texts: &mut [String]) {
    let number = |t: &String| t.parse::<f64>().ok();
    if texts.iter().all(|t| number(t).is_some()) {
        texts.sort_by(|a, b| number(a).unwrap_or(0.0).total_cmp(&number(b).unwrap_or(0.0)));
    }
}

/// Returns a cell as a text; `None` if there is no such column or row.
pub fn cell_text(table: &Table, name: &str, row: usize) -> Option<String> {
    table.columns.iter().find(|(n, _)| n == name).and_then(|(_, c)| match c {
        Column::Texts(t) => t.get(row).cloned(),
        Column::Numbers(x) => x.get(row).map(|v| v.to_string()),
    })
}
