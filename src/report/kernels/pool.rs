//! Pooling over the axes that a figure does not show: inner axes first, pairs once, and only curves that stand over the same places.

use super::field::{Field, scalar};
use super::summary::Summary;
use crate::engine::kernel::LabelledAxis;
use crate::engine::value::{Number, Value};
use std::collections::{BTreeMap, BTreeSet};

/// One value, where it stands, and where it is on the axes that are not shown.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Facet and colour, or whatever else tells series apart.
    pub group: (usize, usize),
    /// Its place on the horizontal axis.
    pub x: f64,
    /// Its place on each of the axes left over.
    pub left: Vec<usize>,
    /// The value.
    pub value: Value,
}

/// One series: places in order with what is pooled there, or curves that are not pooled.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Place and pooled values; empty where the curves stand apart.
    pub points: Vec<(f64, Summary)>,
    /// The curves of which the summary is made, each with what it is called.
    pub each: Vec<Curve>,
    /// Whether the curves stand over different places, so that nothing is pooled.
    pub apart: bool,
}

/// One curve among several.
#[derive(Clone, Debug, Default)]
pub struct Curve {
    /// Its coordinates on the axes left over: `width: 12`.
    pub name: String,
    /// Place and value.
    pub points: Vec<(f64, Summary)>,
}

impl Series {
    /// Returns the summaries that are drawn, with their places.
    pub fn drawn(&self) -> impl Iterator<Item = &(f64, Summary)> {
        let apart = self.each.iter().filter(|_| self.apart).flat_map(|c| &c.points);
        self.points.iter().chain(apart)
    }
}

/// What became of the axes left over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pooling {
    /// What was averaged before pooling, in words, in order.
    pub averaged: Vec<String>,
    /// What is pooled, with counts: `run (3)`.
    pub over: Vec<String>,
    /// Axes whose curves stand over different places: each is drawn by itself.
    pub apart: Vec<String>,
    /// The one axis that makes them so: at each of its coordinates curves stand over the same places.
    pub cause: Option<String>,
    /// Whether values were pooled over examples.
    pub examples: bool,
    /// Whether any value is drawn with its own standard error.
    pub errors: bool,
    /// Fewest and most values at a place, where several are pooled somewhere.
    pub counts: Option<(usize, usize)>,
}

/// Returns the series of some values, and what became of the axes left over.
pub fn pool(mut samples: Vec<Sample>, left: &[LabelledAxis]) -> (BTreeMap<(usize, usize), Series>, Pooling) {
    let mut out = Pooling::default();
    // An axis of one coordinate is none to spread over.
    let mut live: Vec<usize> = (0..left.len()).filter(|i| left[*i].coordinates.len() > 1).collect();
    let scores = samples.iter().any(|s| matches!(s.value, Value::Scores(_)));
    if scores && !live.is_empty() {
        let each: Vec<&str> = live.iter().map(|i| left[*i].name.as_str()).collect();
        out.averaged.push(format!("examples are averaged within each {}", each.join(" and ")));
    }
    for level in LabelledAxis::inner_first(left, &live) {
        if !common(&samples, &level) {
            break;
        }
        for i in &level {
            let outer: Vec<&str> =
                left[*i].within.iter().filter(|w| live.iter().any(|l| left[*l].name == **w)).map(String::as_str).collect();
            let (name, count) = (&left[*i].name, left[*i].coordinates.len());
            out.averaged.push(format!("{name} ({count}) is averaged within each {}", outer.join(" and ")));
        }
        samples = averaged(samples, &level);
        live.retain(|i| !level.contains(i));
    }
    for (a, b) in pairs(left, &live) {
        let count;
        (samples, count) = paired(samples, left, a, b);
        out.over.push(format!("pairs of {} ({count})", left[a].name));
        live.retain(|i| *i != a && *i != b);
        samples.iter_mut().for_each(|s| s.left[a] = s.left[a] * left[b].coordinates.len() + s.left[b]);
        samples.iter_mut().for_each(|s| s.left[b] = 0);
    }
    let rest: Vec<String> = live.iter().map(|i| format!("{} ({})", left[*i].name, left[*i].coordinates.len())).collect();
    let all: Vec<usize> = (0..left.len()).collect();
    if !common(&samples, &all) {
        let without = |i: usize| all.iter().copied().filter(|k| *k != i).collect::<Vec<_>>();
        let causes: Vec<usize> = live.iter().copied().filter(|i| common(&samples, &without(*i))).collect();
        out.cause = causes.first().map(|i| left[*i].name.clone());
        out.apart = rest;
    } else {
        out.over.extend(rest);
    }
    let mut series: BTreeMap<(usize, usize), Series> = BTreeMap::new();
    let mut curves: BTreeMap<(usize, usize, Vec<usize>), BTreeMap<u64, Vec<&Value>>> = BTreeMap::new();
    let mut places: BTreeMap<(usize, usize, u64), Vec<&Value>> = BTreeMap::new();
    for s in &samples {
        let x = ordered_bits(s.x);
        places.entry((s.group.0, s.group.1, x)).or_default().push(&s.value);
        curves.entry((s.group.0, s.group.1, s.left.clone())).or_default().entry(x).or_default().push(&s.value);
    }
    for ((f, c, at), points) in curves {
        let name: Vec<String> = live.iter().map(|i| format!("{}: {}", left[*i].name, left[*i].coordinates[at[*i]])).collect();
        let points = points.into_iter().map(|(x, v)| (from_bits(x), Summary::of(&v))).collect();
        series.entry((f, c)).or_default().each.push(Curve { name: name.join(", "), points });
    }
    for one in series.values_mut() {
        one.apart = !out.apart.is_empty();
    }
    if out.apart.is_empty() {
        for ((f, c, x), values) in places {
            series.entry((f, c)).or_default().points.push((from_bits(x), Summary::of(&values)));
        }
    }
    let drawn = || series.values().flat_map(Series::drawn).map(|p| &p.1);
    out.examples = drawn().any(|s| s.examples);
    out.errors = drawn().any(|s| s.values.len() == 1 && s.error.is_some());
    let most = drawn().map(|s| s.values.len()).max().unwrap_or(0);
    let fewest = drawn().map(|s| s.values.len()).filter(|n| *n > 0).min().unwrap_or(0);
    out.counts = (most > 1).then_some((fewest, most));
    (series, out)
}

/// Returns the pairs of axes among some of which the second pairs the first with itself.
pub fn pairs(axes: &[LabelledAxis], among: &[usize]) -> Vec<(usize, usize)> {
    let first = |b: usize| among.iter().copied().find(|a| axes[b].pairs.as_ref() == Some(&axes[*a].name));
    among.iter().filter_map(|b| first(*b).map(|a| (a, *b))).collect()
}

/// Returns where the other order of what stands at some places is: each axis of a pair takes the coordinate of its partner. Nothing where a
/// partner lacks a coordinate.
pub fn turned(axes: &[LabelledAxis], pairs: &[(usize, usize)], places: &[usize]) -> Option<Vec<usize>> {
    let find = |to: usize, from: usize| axes[to].coordinates.iter().position(|c| *c == axes[from].coordinates[places[from]]);
    let mut out = places.to_vec();
    for (a, b) in pairs {
        out[*a] = find(*a, *b)?;
        out[*b] = find(*b, *a)?;
    }
    Some(out)
}

/// Returns whether two numbers are equal but for rounding.
pub fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// Returns which values count where each pair counts once: all but those of the second order of a pair that say the same as those of the first.
pub fn once(field: &Field, pairs: &[(usize, usize)]) -> Vec<bool> {
    let alike = |a: &Value, b: &Value| match (a, b) {
        (Value::Scores(a), Value::Scores(b)) => a.ids == b.ids && a.values.iter().zip(&b.values).all(|(a, b)| same(*a, *b)),
        _ => scalar(a).zip(scalar(b)).is_some_and(|(a, b)| same(a.value, b.value)),
    };
    let first = |(i, value): (usize, &Value)| {
        let at = field.places(i);
        let other = turned(&field.axes, pairs, &at).filter(|t| !pairs.is_empty() && *t < at);
        !other.and_then(|t| field.at(&t)).is_some_and(|v| alike(v, value))
    };
    field.values.iter().enumerate().map(first).collect()
}

/// Returns whether curves that differ on these axes alone stand over the same places.
fn common(samples: &[Sample], level: &[usize]) -> bool {
    let mut grids: BTreeMap<(usize, usize, Vec<usize>), BTreeMap<Vec<usize>, BTreeSet<u64>>> = BTreeMap::new();
    for s in samples {
        let outer = (0..s.left.len()).map(|i| if level.contains(&i) { 0 } else { s.left[i] }).collect();
        let grid = grids.entry((s.group.0, s.group.1, outer)).or_default();
        grid.entry(s.left.clone()).or_default().insert(ordered_bits(s.x));
    }
    grids.values().all(|curves| {
        let mut all = curves.values();
        let first = all.next();
        all.all(|grid| Some(grid) == first)
    })
}

/// Returns the values with some axes averaged out.
fn averaged(samples: Vec<Sample>, level: &[usize]) -> Vec<Sample> {
    let mut groups: BTreeMap<(usize, usize, u64, Vec<usize>), Vec<Value>> = BTreeMap::new();
    for mut s in samples {
        level.iter().for_each(|i| s.left[*i] = 0);
        groups.entry((s.group.0, s.group.1, ordered_bits(s.x), s.left)).or_default().push(s.value);
    }
    let mean =
        |((f, c, x, left), values): (_, Vec<Value>)| Sample { group: (f, c), x: from_bits(x), left, value: mean_of(&values) };
    groups.into_iter().map(mean).collect()
}

/// Returns the values with both directions of each pair averaged, and the number of pairs. What would be compared with itself is left out.
fn paired(samples: Vec<Sample>, axes: &[LabelledAxis], a: usize, b: usize) -> (Vec<Sample>, usize) {
    let in_first = |place: usize| axes[a].coordinates.iter().position(|c| *c == axes[b].coordinates[place]);
    let in_second = |place: usize| axes[b].coordinates.iter().position(|c| *c == axes[a].coordinates[place]);
    let mut turned = Vec::new();
    let mut known: BTreeSet<(usize, usize)> = BTreeSet::new();
    for mut s in samples {
        if in_first(s.left[b]) == Some(s.left[a]) && matches!(s.value, Value::Absent(_)) {
            continue;
        }
        if let (Some(j), Some(i)) = (in_first(s.left[b]), in_second(s.left[a]))
            && j < s.left[a]
        {
            (s.left[a], s.left[b]) = (j, i);
        }
        known.insert((s.left[a], s.left[b]));
        turned.push(s);
    }
    (averaged(turned, &[]), known.len())
}

/// Returns the mean of the values that are there; a single one as it is; the first reason where none is.
fn mean_of(values: &[Value]) -> Value {
    if let [one] = values {
        return one.clone();
    }
    let numbers: Vec<f64> = values.iter().filter_map(scalar).map(|n| n.value).collect();
    match (numbers.len(), values.first()) {
        (0, Some(Value::Absent(why))) => Value::Absent(why.clone()),
        (0, _) => Value::Absent("no values".into()),
        (n, _) => Value::Number(Number::new(numbers.iter().sum::<f64>() / n as f64, None, Some(n as u64))),
    }
}

/// Returns bits that order as the numbers do.
pub fn ordered_bits(x: f64) -> u64 {
    let bits = (x + 0.0).to_bits();
    if bits >> 63 == 0 { bits | (1 << 63) } else { !bits }
}

/// Returns the number of [`ordered_bits`].
pub fn from_bits(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}
