//! Class profiles: mean and standard deviation of a score within each class, classes sorted by mean (Jamroż & Kurdziel 2023, Fig. 1).

use super::field::{AxisName, Field, axis_setting, field};
use super::summary::{Show, Summary};
use super::{Cell, Rows, absent_words, finish, nothing, planned, title};
use crate::engine::kernel::{Context, Failure, Job, Kernel};
use crate::engine::value::Value;
use crate::report::figure::{Axis, Color, Key, Legend, Mark, Marker, Panel, Plot, Scale, Sign, color};
use std::collections::BTreeMap;

/// `profile(x, against, facet, groups)`.
pub struct Profile;

planned!(Profile);

/// The classes of one facet.
type Classes = BTreeMap<usize, Summary>;

impl Kernel for Profile {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let x = field(job, "x").ok_or_else(|| Failure::new("the input `x` is missing"))?;
        let against = field(job, "against");
        let groups = field(job, "groups");
        let facet = axis_setting(job.settings.get("facet"));
        let names = class_names(&x);
        if names.is_empty() {
            return Err(if x.values.iter().all(|v| matches!(v, Value::Absent(_))) {
                nothing(&x.absent())
            } else {
                Failure::new(format!("`{}` has no classes to draw a profile of", x.name))
                    .help("give one number per example of labelled data, or numbers with an axis of classes")
            });
        }
        let facets = facet_names(&x, facet.as_ref());
        let own: Vec<Classes> = (0..facets.len()).map(|f| by_class(&x, facet.as_ref(), &facets, f, &names)).collect();
        if own.iter().all(|c| c.values().all(|s| s.values.is_empty())) {
            return Err(nothing(&x.absent()));
        }
        let other: Option<Vec<Classes>> =
            against.as_ref().map(|a| (0..facets.len()).map(|f| by_class(a, facet.as_ref(), &facets, f, &names)).collect());
        let words: Option<Vec<Vec<String>>> =
            groups.as_ref().map(|g| (0..facets.len()).map(|f| group_words(g, facet.as_ref(), &facets, f, &names)).collect());
        let kinds = kinds(words.as_deref());
        draw(
            job,
            &Drawn { x: &x, against: against.as_ref(), groups: groups.as_ref(), facet, names, facets, own, other, words, kinds },
        )
    }
}

struct Drawn<'a> {
    x: &'a Field,
    against: Option<&'a Field>,
    groups: Option<&'a Field>,
    facet: Option<AxisName>,
    names: Vec<String>,
    facets: Vec<String>,
    own: Vec<Classes>,
    other: Option<Vec<Classes>>,
    words: Option<Vec<Vec<String>>>,
    kinds: Vec<String>,
}

/// Returns the names of the classes: of the scores, or the coordinates of the axis of classes.
fn class_names(x: &Field) -> Vec<String> {
    match x.role("class").or_else(|| x.axes.iter().position(|a| a.name == "class")) {
        Some(at) => x.axes[at].coordinates.clone(),
        None => x.classes(),
    }
}

/// Returns the coordinates of the facets; one without a name where there are none.
fn facet_names(x: &Field, facet: Option<&AxisName>) -> Vec<String> {
    facet.and_then(|f| x.find(f)).map_or_else(|| vec![String::new()], |at| x.axes[at].coordinates.clone())
}

/// Returns whether a place belongs to a facet: it has no such axis, or the facet's coordinate (or place, where names differ).
fn in_facet(x: &Field, facet: Option<&AxisName>, facets: &[String], f: usize, places: &[usize]) -> bool {
    let Some(at) = facet.and_then(|a| x.find(a)) else { return true };
    let coordinates = &x.axes[at].coordinates;
    match coordinates.iter().position(|c| *c == facets[f]) {
        Some(place) => places[at] == place,
        None => coordinates.len() == facets.len() && places[at] == f,
    }
}

/// Returns the pooled values of each class in one facet.
fn by_class(x: &Field, facet: Option<&AxisName>, facets: &[String], f: usize, names: &[String]) -> Classes {
    let axis = x.role("class").or_else(|| x.axes.iter().position(|a| a.name == "class"));
    let mut out = Classes::new();
    let mut cells: BTreeMap<usize, Vec<&Value>> = BTreeMap::new();
    for (i, value) in x.values.iter().enumerate() {
        let places = x.places(i);
        if !in_facet(x, facet, facets, f, &places) {
            continue;
        }
        match (axis, value) {
            (Some(at), v) => {
                let coordinate = &x.axes[at].coordinates[places[at]];
                let class = names.iter().position(|n| n == coordinate).unwrap_or(places[at]);
                match v {
                    Value::Scores(s) => out.entry(class).or_default().values.extend(s.values.iter().filter(|v| v.is_finite())),
                    v => cells.entry(class).or_default().push(v),
                }
            }
            (None, Value::Scores(s)) => {
                for (label, value) in s.labels.iter().zip(&s.values) {
                    if value.is_finite() {
                        out.entry(*label as usize).or_default().values.push(*value);
                    }
                }
            }
            _ => {}
        }
    }
    for (class, values) in cells {
        let summary = Summary::of(&values);
        if !summary.values.is_empty() {
            out.insert(class, summary);
        }
    }
    out.retain(|_, s| !s.values.is_empty());
    out
}

/// Returns the group of each class in one facet; empty where it has none.
fn group_words(g: &Field, facet: Option<&AxisName>, facets: &[String], f: usize, names: &[String]) -> Vec<String> {
    let axis = g.role("class").or_else(|| g.axes.iter().position(|a| facet.is_none_or(|f| a.name != f.name)));
    let mut out = vec![String::new(); names.len()];
    for (i, value) in g.values.iter().enumerate() {
        let places = g.places(i);
        let Some(at) = axis else { break };
        if !in_facet(g, facet, facets, f, &places) {
            continue;
        }
        let coordinate = &g.axes[at].coordinates[places[at]];
        let class = names.iter().position(|n| n == coordinate).unwrap_or(places[at]);
        let word = match value {
            Value::Word(w) => w.clone(),
            Value::Number(n) => crate::report::figure::scale::number(n.value),
            _ => continue,
        };
        if let Some(slot) = out.get_mut(class) {
            *slot = word;
        }
    }
    out
}

/// Returns the groups in order: `low` before `high`, others as they first come.
fn kinds(words: Option<&[Vec<String>]>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for w in words.into_iter().flatten().flatten() {
        if !w.is_empty() && !out.contains(w) {
            out.push(w.clone());
        }
    }
    out.sort_by_key(|w| match w.as_str() {
        "low" => 0,
        "high" => 2,
        _ => 1,
    });
    out
}

/// Returns the colour of a group: orange for low and blue for high, as drawn ever since; the palette in order otherwise.
fn group_color(kinds: &[String], word: &str) -> Color {
    match (word, kinds.iter().position(|k| k == word)) {
        ("low", _) => color::OKABE_ITO[1],
        ("high", _) => color::OKABE_ITO[0],
        (_, Some(i)) => color::series(kinds.len().max(3), false)[i],
        _ => color::OKABE_ITO[0],
    }
}

fn draw(job: &Job, d: &Drawn) -> Result<Value, Failure> {
    let count = d.own.iter().map(BTreeMap::len).max().unwrap_or(0).max(1);
    let (width, columns) = match d.facets.len() {
        1 => ((count as f64 * 6.0).clamp(340.0, 560.0), 1),
        n => {
            let width = (count as f64 * 3.0).clamp(150.0, 330.0);
            (width, ((760.0 / (width + 50.0)) as usize).clamp(1, n))
        }
    };
    // Rows of equal length read better than a full one and a rest: four facets stand two by two.
    let columns = d.facets.len().div_ceil(d.facets.len().div_ceil(columns));
    let slot = width / count as f64;
    let radius = (slot * 0.32).clamp(1.25, 3.4);
    let named = slot >= 11.0;
    let facet_name = d.facet.as_ref().map(|f| f.name.clone()).unwrap_or_default();
    let mut rows = Rows::default();
    let mut panels = Vec::new();
    for (f, name) in d.facets.iter().enumerate() {
        let own = &d.own[f];
        let mut order: Vec<usize> = own.keys().copied().collect();
        order.sort_by(|a, b| own[a].mean().total_cmp(&own[b].mean()).then(a.cmp(b)));
        let mut marks = Vec::new();
        let mut values = Vec::new();
        let other = d.other.as_ref().map(|o| &o[f]);
        let shift = if other.is_some() && slot >= 9.0 { 0.17 } else { 0.0 };
        if let Some(other) = other {
            let at: Vec<(f64, f64, f64, f64)> = order
                .iter()
                .enumerate()
                .filter_map(|(i, c)| other.get(c).map(|s| (i as f64 + shift, s.mean(), s.spread(Show::Sd))))
                .map(|(i, m, s)| (i, m, s.low, s.high))
                .collect();
            values.extend(at.iter().flat_map(|a| [a.1, a.2, a.3]));
            marks.push(Mark::Errors {
                at: at.iter().map(|a| (a.0, a.2, a.3)).collect(),
                color: color::GREY,
                width: bar_width(slot),
                cap: 0.0,
                opacity: 0.55,
            });
            marks.push(Mark::Points {
                at: at.iter().map(|a| (a.0, a.1)).collect(),
                colors: vec![color::GREY],
                marker: Marker::Hollow,
                radius,
                opacity: 1.0,
            });
        }
        let words = d.words.as_ref().map(|w| &w[f]);
        let group_of = |class: usize| words.and_then(|w| w.get(class)).map_or("", String::as_str);
        let mut by_color: Vec<(Color, Vec<usize>)> = Vec::new();
        for (i, class) in order.iter().enumerate() {
            let ink = if words.is_some() && group_of(*class).is_empty() {
                color::GREY
            } else {
                group_color(&d.kinds, group_of(*class))
            };
            match by_color.iter_mut().find(|(c, _)| *c == ink) {
                Some((_, at)) => at.push(i),
                None => by_color.push((ink, vec![i])),
            }
            let s = &own[class];
            let spread = s.spread(Show::Sd);
            values.extend([spread.center, spread.low, spread.high]);
            let reference = other.and_then(|o| o.get(class));
            let mut row = vec![
                (facet_name.as_str(), Cell::Text(name)),
                ("class", Cell::Text(d.names.get(*class).map_or("", String::as_str))),
                ("rank", Cell::Number((i + 1) as f64)),
                ("group", Cell::Text(group_of(*class))),
                ("mean", Cell::Number(s.mean())),
                ("sd", Cell::Number(spread.high - spread.center)),
                ("count", Cell::Number(s.values.len() as f64)),
            ];
            if d.other.is_some() {
                row.push(("against_mean", Cell::Number(reference.map_or(f64::NAN, Summary::mean))));
                row.push((
                    "against_sd",
                    Cell::Number(reference.map_or(f64::NAN, |s| {
                        let p = s.spread(Show::Sd);
                        p.high - p.center
                    })),
                ));
            }
            rows.push(&row);
        }
        for (ink, at) in &by_color {
            let spread = |i: &usize| own[&order[*i]].spread(Show::Sd);
            let bars = at.iter().map(|i| (*i as f64 - shift, spread(i).low, spread(i).high)).collect();
            marks.push(Mark::Errors {
                at: bars,
                color: *ink,
                width: bar_width(slot),
                cap: 0.0,
                opacity: if slot < 5.0 { 0.5 } else { 0.8 },
            });
            let points = at.iter().map(|i| (*i as f64 - shift, own[&order[*i]].mean())).collect();
            marks.push(Mark::Points { at: points, colors: vec![*ink], marker: Marker::Circle, radius, opacity: 1.0 });
        }
        let x = if named {
            Axis::new(
                class_label(d, true),
                Scale::Category {
                    names: order.iter().map(|c| d.names.get(*c).cloned().unwrap_or_else(|| c.to_string())).collect(),
                },
            )
        } else {
            let step = [5, 10, 20, 25, 50, 100, 200, 500].into_iter().find(|s| order.len() / s <= 6).unwrap_or(1000);
            let mut axis = Axis::new(class_label(d, false), Scale::Linear { low: -1.0, high: order.len() as f64 }).bare();
            axis.ticks = Some(
                std::iter::once(1)
                    .chain((1..=order.len() / step).map(|i| i * step))
                    .map(|r| (r as f64 - 1.0, r.to_string()))
                    .collect(),
            );
            axis
        };
        let shades = shades(d, &order, group_of);
        panels.push(Panel { heading: name.clone(), x, y: Axis::new(d.x.label(), Scale::over(values)), marks, shades });
    }
    let legends = legend(d);
    let height = if d.facets.len() > columns { 190.0 } else { 240.0 };
    let mut grid = Vec::new();
    while !panels.is_empty() {
        let rest = panels.split_off(columns.min(panels.len()));
        grid.push(std::mem::replace(&mut panels, rest));
    }
    let plot = Plot { title: title(job), rows: grid, size: (width, height), legends, bar: None };
    finish(&plot, caption(d), rows.finish())
}

fn bar_width(slot: f64) -> f64 {
    if slot < 5.0 { 0.8 } else { 1.3 }
}

fn class_label(d: &Drawn, named: bool) -> String {
    let each = if d.facets.len() > 1 { ", sorted in each panel" } else { ", sorted by mean" };
    if named { format!("class{each}") } else { format!("rank of class{each}") }
}

/// Returns shaded ranges for the groups, where each group's classes stand side by side.
fn shades<'a>(d: &Drawn, order: &[usize], group_of: impl Fn(usize) -> &'a str) -> Vec<(f64, f64, Color, String)> {
    let mut runs: Vec<(usize, usize, &str)> = Vec::new();
    for (i, class) in order.iter().enumerate() {
        let word = group_of(*class);
        match runs.last_mut() {
            Some(run) if run.2 == word => run.1 = i,
            _ => runs.push((i, i, word)),
        }
    }
    if d.kinds.len() < 2 || runs.len() > d.kinds.len() {
        return Vec::new();
    }
    runs.iter()
        .filter(|r| !r.2.is_empty())
        .map(|r| (r.0 as f64 - 0.5, r.1 as f64 + 0.5, group_color(&d.kinds, r.2), String::new()))
        .collect()
}

fn legend(d: &Drawn) -> Vec<Legend> {
    let point = |text: String, color: Color, marker: Marker| Key { text, color, sign: Sign::Point(marker) };
    let mut entries: Vec<Key> = d.kinds.iter().map(|k| point(k.clone(), group_color(&d.kinds, k), Marker::Circle)).collect();
    if d.words.iter().flatten().any(|w| w.iter().any(String::is_empty)) {
        entries.push(point("no group".into(), color::GREY, Marker::Circle));
    }
    let mut hollow = Vec::new();
    if let Some(against) = d.against {
        if entries.is_empty() {
            entries.push(point(d.x.name.clone(), color::OKABE_ITO[0], Marker::Circle));
        }
        hollow.push(point(against.name.clone(), color::GREY, Marker::Hollow));
    }
    let title = if d.kinds.is_empty() { String::new() } else { d.groups.map(|g| g.name.clone()).unwrap_or_default() };
    vec![Legend { title, entries }, Legend { title: String::new(), entries: hollow }]
}

fn caption(d: &Drawn) -> Vec<String> {
    let mut out = vec![format!(
        "Mean and standard deviation of {} within each class, classes sorted by mean{}.",
        d.x.name,
        if d.facets.len() > 1 { " in each panel" } else { "" }
    )];
    if let Some(against) = d.against {
        out.push(format!("Hollow: {} at the same places.", against.name));
    }
    if let (Some(groups), Some(words)) = (d.groups, &d.words) {
        let counts: Vec<_> = d.kinds.iter().map(|k| format!("{k}: {}", words[0].iter().filter(|w| *w == k).count())).collect();
        out.push(format!("Colours: {} ({} classes).", groups.name, counts.join(", ")));
    }
    let used = |a: &&crate::engine::kernel::LabelledAxis| {
        a.role != "class" && a.name != "class" && d.facet.as_ref().is_none_or(|f| f.name != a.name)
    };
    let pooled: Vec<_> =
        d.x.axes
            .iter()
            .filter(used)
            .filter(|a| a.coordinates.len() > 1)
            .map(|a| format!("{} ({})", a.name, a.coordinates.len()))
            .collect();
    if !pooled.is_empty() {
        out.push(format!("Pooled over {}.", pooled.join(" and ")));
    }
    out.extend(absent_words(&d.x.absent(), d.x.values.len()));
    out
}
