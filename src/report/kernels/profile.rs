//! Class profiles: mean and standard deviation of a score within each class, classes sorted by mean (Jamroż & Kurdziel 2023, Fig. 1).

use super::check;
use super::facets::{self, Facets};
use super::field::{Field, field};
use super::frame::Frame;
use super::groups;
use super::layout;
use super::named::{Axes, AxisName, Show};
use super::powers;
use super::references::{References, Side};
use super::sheet::{Cell, Each, Rows, absent_words, cost, crosses, finish, nothing};
use super::summary::Summary;
use crate::engine::kernel::{Context, Failure, Job, Kernel, LabelledAxis};
use crate::engine::value::Value;
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Shape};
use crate::plan::files::Files;
use crate::report::figure::{Axis, Color, Key, Legend, Mark, Marker, Panel, Plot, Scale, Sign, color, scale};
use crate::settings;
use std::collections::BTreeMap;

/// `profile(x, against, facet, groups)`.
pub struct Profile;

settings! {
    struct ProfileSettings("profile") { facet: Axes = Axes::default(), show: Show = Show::Sd }
}

impl Planned for Profile {
    fn version(&self) -> u32 {
        6
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        let s = ProfileSettings::read(settings);
        let frame = Frame::read(settings);
        frame.check()?;
        super::references::check(shapes, false, 1)?;
        let facet = check::single("facet", &s.facet)?;
        let class = AxisName { name: "class".into(), role: "class".into() };
        if let Some(f) = facet.filter(|f| f.is_class()) {
            let message = format!("a profile has its classes side by side in each panel, and `{}` names them again", f.name);
            return Err(check::unused("facet", message, "name another axis, or draw `bars` over classes"));
        }
        let shown = [("class", Some(&class)), ("facet", facet)];
        let part = |slot: &'static str| Some(check::parts(slot, shapes, &frame.names, &shown, &[])?.into_iter().next());
        let (Some(x), Some(against), Some(groups)) = (part("x"), part("against"), part("groups")) else { return Ok(()) };
        if let (Some(given), Some(x)) = (facets::given(shapes, &frame.names), &x) {
            given.check(&[x.drawn()], None)?;
        }
        for (slot, part) in [("x", &x), ("against", &against), ("groups", &groups)] {
            if let Some(part) = part.as_ref().filter(|p| class_axis(&p.axes).is_none()) {
                let message = format!("`{}` has no classes to draw a profile of: {}", part.name, check::axes_of(part));
                let help = match part.kind.per_example() {
                    true => "its examples have no labels",
                    false => "give one number per example of labelled data, or numbers over classes: `mean(…, by: class)`",
                };
                return Err(check::shape(slot, message, help));
            }
        }
        if let (Some(facet), Some(x)) = (facet, x.as_ref().filter(|x| facet.is_some_and(|f| x.find(f).is_none()))) {
            return Err(check::not_there("facet", x, facet));
        }
        if let Some(groups) = &groups
            && let Some(other) = groups.axes.iter().find(|a| !is_class(a) && facet.is_none_or(|f| f.name != a.name))
        {
            let message =
                format!("a class has one colour in a panel, and `{}` has a word for each `{}`", groups.name, other.name);
            let help = format!("select one, as in `modes[{}: …]`, or draw panels: `facet: {}`", other.name, other.name);
            return Err(check::shape("groups", message, help));
        }
        Ok(())
    }

    fn facts(&self, _settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(Facts::default())
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        cost(inputs, Each { seconds: 2e-6, memory: 200.0, disk: 1.0 })
    }
}

fn is_class(axis: &LabelledAxis) -> bool {
    axis.role == "class" || axis.name == "class"
}

/// Returns the axis of classes.
fn class_axis(axes: &[LabelledAxis]) -> Option<usize> {
    axes.iter().position(|a| a.role == "class").or_else(|| axes.iter().position(|a| a.name == "class"))
}

/// The classes of one facet.
type Classes = BTreeMap<usize, Summary>;

impl Kernel for Profile {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let s = ProfileSettings::read(&job.settings);
        let mut frame = Frame::read(&job.settings);
        let faceted = Facets::read(job, &mut frame)?;
        let facet = faceted.as_ref().map(Facets::name).or(s.facet.one().cloned());
        let input = |slot: &str| {
            let found = field(job, slot, &frame)?;
            let found = s.facet.0.iter().fold(found, |f, a| f.split(a, job.labelled("facet")));
            Some(faceted.as_ref().filter(|_| slot != "groups").map_or_else(|| found.clone(), |by| by.split(&found)))
        };
        let x = input("x").ok_or_else(|| Failure::new("the input `x` is missing"))?;
        let (against, groups) = (input("against"), input("groups"));
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
            cx,
            &Drawn {
                frame: &frame,
                references: References::read(job, &frame),
                show: s.show,
                x: &x,
                against: against.as_ref(),
                groups: groups.as_ref(),
                facet,
                faceted: faceted.as_ref(),
                names,
                facets,
                own,
                other,
                words,
                kinds,
            },
        )
    }
}

struct Drawn<'a> {
    frame: &'a Frame,
    references: References,
    show: Show,
    x: &'a Field,
    against: Option<&'a Field>,
    groups: Option<&'a Field>,
    facet: Option<AxisName>,
    faceted: Option<&'a Facets>,
    names: Vec<String>,
    facets: Vec<String>,
    own: Vec<Classes>,
    other: Option<Vec<Classes>>,
    words: Option<Vec<Vec<String>>>,
    kinds: Vec<String>,
}

/// Returns the names of the classes: of the scores, or the coordinates of the axis of classes.
fn class_names(x: &Field) -> Vec<String> {
    match class_axis(&x.axes) {
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
    let axis = class_axis(&x.axes);
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
                let Some(class) = names.iter().position(|n| n == coordinate) else { continue };
                match v {
                    Value::Scores(s) => {
                        let summary = out.entry(class).or_default();
                        summary.examples = true;
                        summary.values.extend(s.values.iter().filter(|v| v.is_finite()));
                    }
                    v => cells.entry(class).or_default().push(v),
                }
            }
            (None, Value::Scores(s)) => {
                // Classes are matched by their names; labels without names are names themselves.
                let class = |label: &u32| {
                    let name = s.classes.get(*label as usize).map_or_else(|| label.to_string(), String::clone);
                    names.iter().position(|n| *n == name)
                };
                for (label, value) in s.labels.iter().zip(&s.values) {
                    if let Some(class) = class(label).filter(|_| value.is_finite()) {
                        let summary = out.entry(class).or_default();
                        summary.examples = true;
                        summary.values.push(*value);
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
    let axis = class_axis(&g.axes);
    let mut out = vec![String::new(); names.len()];
    for (i, value) in g.values.iter().enumerate() {
        let places = g.places(i);
        let Some(at) = axis else { break };
        if !in_facet(g, facet, facets, f, &places) {
            continue;
        }
        let coordinate = &g.axes[at].coordinates[places[at]];
        let Some(class) = names.iter().position(|n| n == coordinate) else { continue };
        let word = match value {
            Value::Word(w) => w.clone(),
            Value::Number(n) => scale::number(n.value),
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
    groups::colored(out).0
}

/// Returns the colour of a group.
fn group_color(kinds: &[String], word: &str) -> Color {
    let (kinds, palette) = groups::colored(kinds.to_vec());
    kinds.iter().position(|k| k == word).map_or(color::OKABE_ITO[0], |i| palette[i])
}

fn draw(cx: &dyn Context, d: &Drawn) -> Result<Value, Failure> {
    let count = d.own.iter().map(BTreeMap::len).max().unwrap_or(0).max(1);
    let (width, columns) = match d.facets.len() {
        1 => ((count as f64 * 6.0).clamp(340.0, 560.0), 1),
        n => {
            let width = (count as f64 * 3.0).clamp(150.0, 330.0);
            (width, layout::per_row(n, width + 24.0))
        }
    };
    let slot = width / count as f64;
    let radius = (slot * 0.32).clamp(1.25, 3.4);
    let named = slot >= 11.0;
    let facet_name = d.facet.as_ref().map(|f| f.name.clone()).unwrap_or_default();
    let several = |all: &[Classes]| all.iter().flat_map(BTreeMap::values).any(|s| s.values.len() > 1);
    let (pooled_own, pooled_other) = (several(&d.own), d.other.as_deref().is_some_and(several));
    let mut rows = Rows::default();
    let mut panels = Vec::new();
    for (f, name) in d.facets.iter().enumerate() {
        let own = &d.own[f];
        let mut order: Vec<usize> = own.keys().copied().collect();
        order.sort_by(|a, b| own[a].mean().total_cmp(&own[b].mean()).then(a.cmp(b)));
        let mut marks = d.references.marks(&[(facet_name.as_str(), name.as_str())]);
        let mut values = d.references.values(Side::Y);
        let other = d.other.as_ref().map(|o| &o[f]);
        let shift = if other.is_some() && slot >= 9.0 { 0.17 } else { 0.0 };
        if let Some(other) = other {
            let at: Vec<(f64, f64, f64, f64)> = order
                .iter()
                .enumerate()
                .filter_map(|(i, c)| other.get(c).map(|s| (i as f64 + shift, s.among(d.show, pooled_other))))
                .map(|(i, s)| (i, s.center, s.low, s.high))
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
            let spread = s.among(d.show, pooled_own);
            values.extend([spread.center, spread.low, spread.high]);
            let reference = other.and_then(|o| o.get(class));
            let mut row = vec![
                (facet_name.as_str(), Cell::Text(name)),
                ("class", Cell::Text(d.names.get(*class).map_or("", String::as_str))),
                ("rank", Cell::Number((i + 1) as f64)),
                ("group", Cell::Text(group_of(*class))),
                ("mean", Cell::Number(s.mean())),
                ("sd", Cell::Number(s.sd())),
                ("low", Cell::Number(spread.low)),
                ("high", Cell::Number(spread.high)),
                ("count", Cell::Number(s.values.len() as f64)),
            ];
            if errors(&d.own) {
                row.push(("se", Cell::Number(s.error.unwrap_or(f64::NAN))));
            }
            if let Some(all) = &d.other {
                row.push(("against_mean", Cell::Number(reference.map_or(f64::NAN, Summary::mean))));
                row.push(("against_sd", Cell::Number(reference.map_or(f64::NAN, Summary::sd))));
                if errors(all) {
                    row.push(("against_se", Cell::Number(reference.and_then(|s| s.error).unwrap_or(f64::NAN))));
                }
            }
            rows.push(&row);
        }
        for (ink, at) in &by_color {
            let spread = |i: &usize| own[&order[*i]].among(d.show, pooled_own);
            let bars = at.iter().map(|i| (*i as f64 - shift, spread(i).low, spread(i).high)).collect();
            marks.push(Mark::Errors {
                at: bars,
                color: *ink,
                width: bar_width(slot),
                cap: 0.0,
                opacity: if slot < 5.0 { 0.5 } else { 0.8 },
            });
            let points = at.iter().map(|i| (*i as f64 - shift, spread(i).center)).collect();
            marks.push(Mark::Points { at: points, colors: vec![*ink], marker: Marker::Circle, radius, opacity: 1.0 });
        }
        for (field, classes, shift) in [(Some(d.x), Some(own), -shift), (d.against, other, shift)] {
            let (Some(field), Some(classes)) = (field, classes) else { continue };
            let doubtful = |class: usize| {
                let mut place = vec![("class", d.names.get(class).map_or("", String::as_str))];
                place.extend(d.facet.as_ref().map(|f| (f.name.as_str(), name.as_str())));
                field.doubtful(&place)
            };
            let at = order.iter().enumerate().filter(|(_, c)| doubtful(**c));
            let at = at.filter_map(|(i, c)| classes.get(c).map(|s| (i as f64 + shift, s.mean())));
            marks.extend(crosses(at.collect(), radius));
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
        let x = Axis { label: d.frame.x.label(x.label.clone()), ..x };
        let y_scale = match powers::upright(d.frame) {
            true if !values.iter().any(|v| *v > 0.0) => return Err(powers::none("a logarithmic axis")),
            true => Scale::log_over(values),
            false => Scale::over(values),
        };
        let y = Axis::new(d.frame.y.label(d.x.label()), d.frame.y.scale(y_scale));
        let heading = layout::heading(d.frame, (&facet_name, name));
        panels.push(Panel { heading, shades, ..Panel::new(x, y, marks) });
    }
    let mut legends = legend(d);
    legends.extend(d.references.legend());
    let height = if d.facets.len() > columns { 190.0 } else { 240.0 };
    let mut grid = Vec::new();
    while !panels.is_empty() {
        let rest = panels.split_off(columns.min(panels.len()));
        grid.push(std::mem::replace(&mut panels, rest));
    }
    let plot = Plot { title: d.frame.title.clone(), rows: grid, size: (width, height), legends, bar: None };
    finish(plot, caption(d), rows.finish(), cx)
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
            entries.push(point(d.x.words.clone(), color::OKABE_ITO[0], Marker::Circle));
        }
        hollow.push(point(against.words.clone(), color::GREY, Marker::Hollow));
    }
    let title = if d.kinds.is_empty() { String::new() } else { d.groups.map(Field::label).unwrap_or_default() };
    let bars = bars(d).map(|text| Key { text, color: color::FRAME, sign: Sign::Bar });
    let plain = |entries| Legend { title: String::new(), entries };
    vec![Legend { title, entries }, plain(hollow), plain(bars.into_iter().collect())]
}

/// Returns whether any class has a single estimate with its standard error.
fn errors(facets: &[Classes]) -> bool {
    facets.iter().flat_map(BTreeMap::values).any(|s| s.values.len() == 1 && s.error.is_some())
}

/// Returns what the bars of a profile are; `None` if there are none.
fn bars(d: &Drawn) -> Option<String> {
    let own = bar_words(d.x, &d.own, d);
    let other = d.against.zip(d.other.as_deref()).and_then(|(a, all)| bar_words(a, all, d));
    match (own, other, d.against) {
        (Some(own), Some(other), Some(against)) if own != other => Some(format!("{own}; of {}: {other}", against.words)),
        (own, other, _) => own.or(other),
    }
}

fn bar_words(x: &Field, facets: &[Classes], d: &Drawn) -> Option<String> {
    let show = d.show;
    let kind = match show {
        Show::Se => "standard error",
        Show::Ci => "95 % confidence interval",
        _ => "standard deviation",
    };
    let mean = if show == Show::Ci { "mean," } else { "mean ±" };
    match (facets.iter().flat_map(BTreeMap::values).any(|s| s.values.len() > 1), errors(facets)) {
        (true, _) if show == Show::Quantiles => Some(format!("median, quartiles over {}", over(x, facets, d))),
        (true, _) => Some(format!("{mean} {kind} over {}", over(x, facets, d))),
        (false, true) if show == Show::Ci => Some("95 % interval (1.96 standard errors)".into()),
        (false, true) => Some("± one standard error".into()),
        (false, false) => None,
    }
}

/// Returns what is pooled within each class.
fn over(x: &Field, facets: &[Classes], d: &Drawn) -> String {
    let shown = |a: &&LabelledAxis| !is_class(a) && a.coordinates.len() > 1 && d.facet.as_ref().is_none_or(|f| f.name != a.name);
    let mut over: Vec<String> = x.axes.iter().filter(shown).map(|a| format!("{} ({})", a.name, a.coordinates.len())).collect();
    over = d.faceted.map_or_else(|| over.clone(), |f| f.counted(over.clone()));
    if facets.iter().flat_map(BTreeMap::values).any(|s| s.examples) {
        over.insert(0, "examples".into());
    }
    over.join(" and ")
}

/// Returns words for what is drawn of an input: what is pooled within each class, and what the bars are.
fn pooled(x: &Field, facets: &[Classes], d: &Drawn) -> String {
    let over = over(x, facets, d);
    let many = facets.iter().flat_map(BTreeMap::values).any(|s| s.values.len() > 1);
    match (many, errors(facets), d.show) {
        (true, _, Show::Se) => format!("mean and standard error over {over} within each class"),
        (true, _, Show::Ci) => format!("mean and its 95 % confidence interval (Student's t) over {over} within each class"),
        (true, _, Show::Quantiles) => format!("median and quartiles over {over} within each class"),
        (true, ..) => format!("mean and standard deviation over {over} within each class"),
        (false, true, Show::Ci) => "one estimate for each class, with 1.96 standard errors (95 %)".to_string(),
        (false, true, _) => "one estimate for each class, with one standard error".to_string(),
        (false, false, _) => "one value for each class".to_string(),
    }
}

fn caption(d: &Drawn) -> Vec<String> {
    let each = if d.facets.len() > 1 { " in each panel" } else { "" };
    let mut out = vec![format!("{}: {}. Classes are sorted by it{each}.", d.x.name, pooled(d.x, &d.own, d))];
    if let (Some(against), Some(other)) = (d.against, &d.other) {
        out.push(format!("Hollow: {} at the same places, {}.", against.name, pooled(against, other, d)));
        let lacks = |(own, other): (&Classes, &Classes)| own.keys().filter(|c| !other.contains_key(c)).count();
        let without: usize = d.own.iter().zip(other).map(lacks).sum();
        if without > 0 {
            out.push(format!("Without a value of {} there: {without}.", against.name));
        }
    }
    if let (Some(groups), Some(words)) = (d.groups, &d.words) {
        let per_panel: Vec<String> = words
            .iter()
            .map(|w| {
                let counts = d.kinds.iter().map(|k| format!("{k}: {}", w.iter().filter(|v| *v == k).count()));
                counts.collect::<Vec<_>>().join(", ")
            })
            .collect();
        let same = per_panel.iter().all(|p| *p == per_panel[0]);
        let counts = match same {
            true => per_panel[0].clone(),
            false => d.facets.iter().zip(&per_panel).map(|(f, p)| format!("{f}: {p}")).collect::<Vec<_>>().join("; "),
        };
        out.push(format!("Colours: {} ({counts} classes).", groups.name));
    }
    if powers::upright(d.frame) {
        let drawn = d.own.iter().chain(d.other.iter().flatten()).flat_map(BTreeMap::values);
        out.extend(powers::words(drawn.filter(|s| s.among(d.show, false).center <= 0.0).count(), "classes"));
    }
    out.extend(absent_words(&d.x.absent(), d.x.count()));
    out
}
