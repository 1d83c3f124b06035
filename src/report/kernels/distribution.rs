//! Histograms: how often values occur, in bins that all facets and colours share.

use super::check;
use super::cube::{Cube, union};
use super::facets::{self, Facets};
use super::field::{Field, elsewhere, fields, scalar};
use super::frame::Frame;
use super::inks::Inks;
use super::layout;
use super::named::{Axes, AxisName, Heights, Scaling};
use super::pool;
use super::powers;
use super::present::with_examples;
use super::references::{self, References, Side};
use super::sheet::{Cell, Each, Rows, absent_words, cost, finish, not_positive, nothing};
use crate::engine::kernel::{Context, Failure, Job, Kernel, LabelledAxis};
use crate::engine::value::Value;
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Shape};
use crate::plan::files::Files;
use crate::report::figure::{Axis, Legend, Mark, Panel, Plot, Scale, Sign, scale};
use crate::report::numeric::numeric;
use crate::settings;
use std::collections::{BTreeMap, BTreeSet};

/// `distribution(x, bins, facet, color, height)`.
pub struct Distribution;

settings! {
    struct DistributionSettings("distribution") {
        bins: usize, facet: Axes = Axes::default(), color: Axes = Axes::default(), height: Heights,
    }
}

/// Most bins.
const BINS: usize = 1000;

impl Planned for Distribution {
    /// 4: each pair of a symmetric measure counts once.
    fn version(&self) -> u32 {
        6
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        let s = DistributionSettings::read(settings);
        let frame = Frame::read(settings);
        frame.check()?;
        if s.bins == 0 || s.bins > BINS {
            return Err(check::shape("bins", format!("{} bins cannot be drawn", s.bins), format!("1 to {BINS}")));
        }
        check::two_facets(&s.facet)?;
        let color = check::single("color", &s.color)?;
        let mut shown = vec![("color", color)];
        shown.extend(s.facet.0.iter().map(|a| ("facet", Some(a))));
        check::different(&shown)?;
        references::check(shapes, true, 1)?;
        let faceted = facets::given(shapes, &frame.names);
        let class = faceted.as_ref().and_then(facets::Given::class);
        let mut split = shown.clone();
        split.extend(class.iter().map(|a| ("class", Some(a))));
        let Some(parts) = check::parts("x", shapes, &frame.names, &split, &[]) else { return Ok(()) };
        faceted.map_or(Ok(()), |f| f.check(&parts.iter().map(check::Part::drawn).collect::<Vec<_>>(), None))?;
        if let (Some(color), true) = (color, parts.len() > 1) {
            let message = format!("{} values use the colours, so `{}` cannot use them too", parts.len(), color.name);
            return Err(check::unused("color", message, "draw one value, or leave `color:` out"));
        }
        let lacks = |(parameter, axis): &(&'static str, Option<&AxisName>)| {
            let axis = (*axis)?;
            parts.iter().find(|p| p.find(axis).is_none()).map(|p| check::not_there(parameter, p, axis))
        };
        shown.iter().find_map(lacks).map_or(Ok(()), Err)
    }

    fn facts(&self, _settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(Facts::default())
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        cost(inputs, Each { seconds: 1e-6, memory: 100.0, disk: 1.0 })
    }
}

impl Kernel for Distribution {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let s = DistributionSettings::read(&job.settings);
        let mut frame = Frame::read(&job.settings);
        let faceted = Facets::read(job, &mut frame)?;
        let piles = Piles::of(job, &s, &frame, faceted.as_ref());
        let mut all: Vec<f64> = piles.values.values().flatten().copied().collect();
        let log = frame.x.scale == Scaling::Log;
        let lost = if log { all.iter().filter(|v| **v <= 0.0).count() } else { 0 };
        all.retain(|v| !log || *v > 0.0);
        if all.is_empty() {
            return Err(nothing(&piles.absent));
        }
        let edges = edges(&all, s.bins, frame.x.range(), log);
        let references = References::read(job, &frame);
        let inks = Inks::of(&piles.cube, &frame, None, |_| Sign::Patch);
        let cube = &piles.cube;
        let mut table = Rows::default();
        let mut outside = 0;
        let mut heights: BTreeMap<(usize, usize), Vec<f64>> = BTreeMap::new();
        for (at, values) in &piles.values {
            let (counts, beyond) = counts(values, &edges);
            outside += beyond;
            let total: usize = counts.iter().sum();
            let height = |i: usize| match s.height {
                Heights::Count => counts[i] as f64,
                Heights::Share => counts[i] as f64 / total.max(1) as f64,
                Heights::Density => counts[i] as f64 / total.max(1) as f64 / (edges[i + 1] - edges[i]),
            };
            let own: Vec<f64> = (0..counts.len()).map(height).collect();
            let facet = cube.facet(at.0);
            for (i, n) in counts.iter().enumerate() {
                let mut row: Vec<(&str, Cell)> = facet.iter().map(|(name, c)| (*name, Cell::Text(c))).collect();
                row.push((cube.colors.0.as_str(), Cell::Text(cube.colors.1.get(at.1).map_or("", String::as_str))));
                row.extend([
                    ("from", Cell::Number(edges[i])),
                    ("to", Cell::Number(edges[i + 1])),
                    ("count", Cell::Number(*n as f64)),
                    ("height", Cell::Number(own[i])),
                ]);
                table.push(&row);
            }
            heights.insert(*at, own);
        }
        let count = cube.facet_count();
        let width = match count {
            1 => 420.0,
            2 => 300.0,
            3..=9 => 205.0,
            _ => 150.0,
        };
        let size = (width, if count == 1 { 250.0 } else { 0.65 * width });
        let tops = heights.values().flatten().copied().chain(references.values(Side::Y));
        let tops: Vec<f64> = tops.collect();
        let y_scale = frame.y.scale(match powers::upright(&frame) {
            true => powers::of_bars(&tops, [])?,
            false => Scale::from_zero(tops, s.height == Heights::Share),
        });
        let x_scale = match (frame.x.range(), log) {
            (Some((low, high)), false) => Scale::Linear { low, high },
            (_, true) => Scale::log_over(edges.iter().copied().chain(references.values(Side::X))),
            _ => Scale::over(edges.iter().copied().chain(references.values(Side::X))),
        };
        let alone = piles.values.keys().map(|k| k.1).collect::<BTreeSet<usize>>().len() == 1;
        let mut panels = Vec::new();
        for f in 0..count {
            let mut marks = references.marks(&cube.facet(f));
            for ((_, c), own) in heights.iter().filter(|(k, _)| k.0 == f) {
                let ink = inks.colors[*c];
                let bins = own.iter().enumerate();
                marks.push(match alone {
                    true => Mark::Bars { at: bins.map(|(i, h)| (edges[i], edges[i + 1], 0.0, *h)).collect(), color: ink },
                    false => {
                        Mark::Steps { at: bins.map(|(i, h)| (edges[i], edges[i + 1], *h)).collect(), color: ink, fill: 0.15 }
                    }
                });
            }
            if !heights.keys().any(|k| k.0 == f) {
                marks.push(Mark::Note { text: "no values".into() });
            }
            let mut x = Axis::new(frame.x.label(piles.label.clone()), x_scale.clone()).bare();
            x.ticks = (!log && whole(&all)).then(|| x_scale.whole_ticks(size.0, 75.0));
            let word = match s.height {
                Heights::Count => "count",
                Heights::Share => "share",
                Heights::Density => "density",
            };
            let mut y = Axis::new(frame.y.label(word), y_scale.clone());
            y.ticks = (s.height == Heights::Count).then(|| y_scale.whole_ticks(size.1, 42.0));
            panels.push(Panel::new(x, y, marks));
        }
        let rows = layout::grid(cube, &frame, vec![panels], width);
        let legends: Vec<Legend> = inks.legend.iter().cloned().chain(references.legend()).collect();
        let plot = Plot { title: frame.title.clone(), rows, size, legends, bar: inks.bar };
        let n = edges.len() - 1;
        let mut caption =
            vec![format!("Distribution of {} in {n} bin{}, n = {}.", piles.name, if n == 1 { "" } else { "s" }, all.len())];
        if !piles.over.is_empty() {
            caption.push(format!("Values of {} are counted together.", piles.over.join(" and ")));
        }
        caption.extend(not_positive(lost, "values"));
        if powers::upright(&frame) {
            caption.extend(powers::words(0, "bins"));
        }
        if outside > 0 {
            caption.push(format!("Outside the range: {outside}."));
        }
        caption.extend(absent_words(&piles.absent, piles.total));
        finish(plot, caption, table.finish(), cx)
    }
}

/// Values by facet and colour.
struct Piles {
    /// Facets and colours, without series.
    cube: Cube,
    values: BTreeMap<(usize, usize), Vec<f64>>,
    /// What the values are called in the script.
    name: String,
    /// What stands along the axis.
    label: String,
    /// Axes that are not shown, with their numbers of coordinates.
    over: Vec<String>,
    absent: BTreeMap<String, usize>,
    total: usize,
}

impl Piles {
    fn of(job: &Job, s: &DistributionSettings, frame: &Frame, faceted: Option<&Facets>) -> Piles {
        let mut all = fields(job, "x", frame);
        let sets = |parameter: &str, k: usize| match k {
            0 => job.labelled(parameter),
            k => job.labelled(&format!("{parameter}.{k}")),
        };
        let axes = s.color.0.iter().map(|a| ("color", 0, a)).chain(s.facet.0.iter().enumerate().map(|(k, a)| ("facet", k, a)));
        let axes: Vec<(&str, usize, &AxisName)> = axes.collect();
        all = all.into_iter().map(|f| axes.iter().fold(f, |f, (p, k, a)| f.split(a, sets(p, *k)))).collect();
        let own = faceted.map(Facets::name);
        let axes: Vec<(&str, usize, &AxisName)> = axes.into_iter().chain(own.iter().map(|a| ("facet", 0, a))).collect();
        all = faceted.map_or_else(|| all.clone(), |by| all.iter().map(|f| by.split(f)).collect());
        all = with_examples(all, &axes.iter().map(|(_, _, a)| *a).collect::<Vec<_>>());
        // Those of all values: each may have its own.
        let coordinates = |a: &AxisName| {
            let (coordinates, role) = union(&all, a).unwrap_or_else(|| (vec![String::new()], String::new()));
            LabelledAxis { name: a.name.clone(), role, coordinates, ..LabelledAxis::default() }
        };
        let facets = match faceted {
            Some(by) => vec![by.axis()],
            None => s.facet.0.iter().map(coordinates).map(|a| (a.name, a.coordinates)).collect(),
        };
        let mut cube = Cube { facets, ..Cube::default() };
        let several = all.len() > 1;
        if several {
            cube.colors = (String::new(), all.iter().map(Field::label).collect());
        } else if let Some(axis) = s.color.one().map(coordinates) {
            cube.ordered = numeric(&axis.coordinates, &axis.role).is_some();
            cube.colors = (axis.name, axis.coordinates);
        }
        let mut out = Piles {
            name: all.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", "),
            label: if let [one] = all.as_slice() { one.label() } else { String::new() },
            cube,
            values: BTreeMap::new(),
            over: Vec::new(),
            absent: BTreeMap::new(),
            total: 0,
        };
        for (k, field) in all.iter().enumerate() {
            out.add(field, k, several, &axes);
        }
        out
    }

    fn add(&mut self, field: &Field, k: usize, several: bool, shown: &[(&str, usize, &AxisName)]) {
        self.total += field.count();
        for (why, n) in field.absent() {
            *self.absent.entry(why).or_insert(0) += n;
        }
        let of =
            |parameter: &str| shown.iter().filter(|(p, ..)| *p == parameter).map(|(_, _, a)| field.find(a)).collect::<Vec<_>>();
        let (facets, color) = (of("facet"), of("color"));
        let hidden: Vec<usize> =
            (0..field.axes.len()).filter(|a| !facets.contains(&Some(*a)) && !color.contains(&Some(*a))).collect();
        let pairs = pool::pairs(&field.axes, &hidden);
        let once = pool::once(field, &pairs);
        let of_pairs = |a: usize| pairs.iter().find(|(one, other)| once.contains(&false) && (*one == a || *other == a));
        for (a, axis) in field.axes.iter().enumerate() {
            let hidden = !facets.contains(&Some(a)) && !color.contains(&Some(a)) && axis.coordinates.len() > 1;
            let words = match axis.role.as_str() {
                "item" => format!("units ({})", axis.coordinates.len()),
                _ if let Some((one, other)) = of_pairs(a) => {
                    let there = (0..field.values.len()).filter(|i| once[*i] && !matches!(field.values[*i], Value::Absent(_)));
                    let each: BTreeSet<(usize, usize)> =
                        there.map(|i| field.places(i)).map(|at| (at[*one], at[*other])).collect();
                    format!("pairs of {} ({})", field.axes[*one].name, each.len())
                }
                _ => format!("{} ({})", axis.name, axis.coordinates.len()),
            };
            if hidden && !self.over.contains(&words) {
                self.over.push(words);
            }
        }
        for (i, value) in field.values.iter().enumerate().filter(|(i, v)| once[*i] && !elsewhere(v)) {
            let numbers: Vec<f64> = match value {
                Value::Scores(s) => s.values.iter().copied().filter(|v| v.is_finite()).collect(),
                Value::List(items) => items.iter().filter_map(scalar).map(|n| n.value).collect(),
                other => scalar(other).map(|n| n.value).into_iter().collect(),
            };
            if numbers.is_empty() {
                continue;
            }
            let at = field.places(i);
            let mut f = 0;
            for (axis, (_, all)) in facets.iter().zip(&self.cube.facets) {
                let own = axis.and_then(|a| all.iter().position(|c| *c == field.axes[a].coordinates[at[a]])).unwrap_or(0);
                f = f * all.len() + own;
            }
            let own = color.first().copied().flatten();
            let c = match (several, own) {
                (true, _) => k,
                (false, Some(a)) => self.cube.colors.1.iter().position(|c| *c == field.axes[a].coordinates[at[a]]).unwrap_or(0),
                (false, None) => 0,
            };
            self.values.entry((f, c)).or_default().extend(numbers);
        }
    }
}

/// Returns whether all values are whole numbers.
fn whole(values: &[f64]) -> bool {
    values.iter().all(|v| v.fract() == 0.0)
}

/// Returns the edges of the bins: of whole numbers as many in each, else of equal width, on a logarithmic axis in the logarithm.
fn edges(values: &[f64], bins: usize, range: Option<(f64, f64)>, log: bool) -> Vec<f64> {
    let (low, high) = range.unwrap_or_else(|| scale::range(values.iter().copied()));
    let count = high - low + 1.0;
    if whole(values) && !log && range.is_none() && count < 1e15 {
        // Bins of which some hold more whole numbers than others would show peaks that are none.
        let each = (count / bins.max(1) as f64).ceil();
        return (0..=(count / each).ceil() as usize).map(|i| low - 0.5 + each * i as f64).collect();
    }
    let (low, high) = match high > low {
        true => (low, high),
        // A single value stands in the middle of one bin.
        false if low == 0.0 => (-0.5, 0.5),
        false => (low - 0.1 * low.abs(), high + 0.1 * high.abs()),
    };
    let bins = if values.iter().all(|v| *v == values[0]) && range.is_none() { 1 } else { bins };
    let at = |i: usize| i as f64 / bins as f64;
    match log && low > 0.0 {
        true => (0..=bins).map(|i| low * (high / low).powf(at(i))).collect(),
        false => (0..=bins).map(|i| low + at(i) * (high - low)).collect(),
    }
}

/// Returns how many values fall into each bin, its lower edge included and the last one's upper edge as well, and how many in none.
fn counts(values: &[f64], edges: &[f64]) -> (Vec<usize>, usize) {
    let bins = edges.len() - 1;
    let mut out = vec![0; bins];
    let mut beyond = 0;
    for v in values {
        let bin = edges.partition_point(|e| e <= v);
        // The largest value may lie a rounding beyond the last edge.
        let top = *v >= edges[bins] && *v <= edges[bins] + 1e-9 * edges[bins].abs();
        match bin {
            0 => beyond += 1,
            b if b <= bins => out[b - 1] += 1,
            _ if top => out[bins - 1] += 1,
            _ => beyond += 1,
        }
    }
    (out, beyond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_their_edges() {
        let values = [0.0, 0.25, 0.5, 0.75, 1.0];
        let e = edges(&values, 4, None, false);
        assert_eq!(e, [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(counts(&values, &e), (vec![1, 1, 1, 2], 0));
        assert_eq!(counts(&[-0.1, 2.0], &e), (vec![0; 4], 2));
        // Few whole numbers have a bin each.
        assert_eq!(edges(&[1.0, 3.0], 20, None, false), [0.5, 1.5, 2.5, 3.5]);
        // Of more, each bin has as many.
        let numbers: Vec<f64> = (0..58).map(f64::from).collect();
        let e = edges(&numbers, 50, None, false);
        assert_eq!((e.len(), counts(&numbers, &e).0), (30, vec![2; 29]));
        let e = edges(&[1.0, 100.0], 2, None, true);
        assert!((e[1] - 10.0).abs() < 1e-9, "{e:?}");
        assert_eq!(counts(&[0.3, 0.3], &edges(&[0.3, 0.3], 20, None, false)).0, [2]);
    }
}
