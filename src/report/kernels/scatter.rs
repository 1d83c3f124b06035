//! One number against another, aligned over their common axes.

use super::cube::spread_like_powers;
use super::field::{Aligned, AxisName, Field, axis_setting, field, scalar};
use super::summary::spearman;
use super::{Cell, Rows, finish, nothing, planned, title};
use crate::engine::kernel::{Context, Failure, Job, Kernel};
use crate::engine::value::Value;
use crate::report::figure::{Axis, ColorBar, Key, Legend, Mark, Panel, Plot, Scale, Sign, color, marker, scale};
use std::collections::BTreeMap;

/// `scatter(x, y, color, label)`.
pub struct Scatter;

planned!(Scatter);

/// One point.
struct Point {
    at: (f64, f64),
    errors: (Option<f64>, Option<f64>),
    color: Hue,
    name: String,
}

/// What colours a point.
#[derive(Clone, PartialEq)]
enum Hue {
    None,
    Word(String),
    Number(f64),
}

/// More combinations than this are refused.
const LIMIT: usize = 5_000_000;

impl Kernel for Scatter {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let missing = |n: &str| Failure::new(format!("the input `{n}` is missing"));
        let mut inputs = vec![field(job, "x").ok_or_else(|| missing("x"))?, field(job, "y").ok_or_else(|| missing("y"))?];
        inputs.extend(field(job, "color"));
        // A number per class beside one per example: the examples are averaged within their classes.
        if let Some(class) = inputs.iter().find_map(|f| f.role("class").filter(|_| !f.has_scores()).map(|at| f.axes[at].clone()))
        {
            let axis = AxisName { name: class.name, role: "class".into() };
            inputs = inputs.iter().map(|f| f.split(&axis, None)).collect();
        }
        let aligned = Aligned::new(&inputs.iter().collect::<Vec<_>>());
        if aligned.len() > LIMIT {
            return Err(Failure::new(format!("{} points are too many to draw", aligned.len()))
                .help("reduce an axis first, or select a coordinate"));
        }
        let (points, dropped) = points(&inputs, &aligned, axis_setting(job.settings.get("label")));
        if points.is_empty() {
            let mut absent = inputs[0].absent();
            absent.extend(inputs[1].absent());
            return Err(nothing(&absent));
        }
        draw(job, &inputs, &aligned, points, dropped)
    }
}

/// Returns the points, and how many places had no value on either side.
fn points(inputs: &[Field], aligned: &Aligned, label: Option<AxisName>) -> (Vec<Point>, usize) {
    let mut points = Vec::new();
    let mut dropped = 0;
    let label = label.and_then(|l| aligned.axes.iter().position(|a| a.name == l.name));
    for i in 0..aligned.len() {
        let places = aligned.places(i);
        let get = |k: usize| inputs.get(k).and_then(|f| aligned.value(k, f, &places));
        let name = || match label {
            Some(at) => aligned.axes[at].coordinates[places[at]].clone(),
            None => aligned.axes.iter().zip(&places).map(|(a, p)| a.coordinates[*p].as_str()).collect::<Vec<_>>().join(", "),
        };
        match (get(0), get(1)) {
            (Some(Value::Scores(a)), Some(Value::Scores(b))) => {
                let other: BTreeMap<u32, f64> = b.ids.iter().copied().zip(b.values.iter().copied()).collect();
                let shades: BTreeMap<u32, f64> = match get(2) {
                    Some(Value::Scores(c)) => c.ids.iter().copied().zip(c.values.iter().copied()).collect(),
                    _ => BTreeMap::new(),
                };
                for (j, (id, x)) in a.ids.iter().zip(&a.values).enumerate() {
                    let Some(y) = other.get(id).copied().filter(|y| y.is_finite() && x.is_finite()) else {
                        dropped += 1;
                        continue;
                    };
                    let color = match shades.get(id) {
                        Some(v) => Hue::Number(*v),
                        None => hue(get(2)),
                    };
                    let class = a.labels.get(j).map(|l| a.classes.get(*l as usize).cloned().unwrap_or_else(|| l.to_string()));
                    points.push(Point { at: (*x, y), errors: (None, None), color, name: class.unwrap_or_else(name) });
                }
            }
            (a, b) => match (a.and_then(scalar), b.and_then(scalar)) {
                (Some(x), Some(y)) => {
                    points.push(Point { at: (x.value, y.value), errors: (x.error, y.error), color: hue(get(2)), name: name() })
                }
                _ => dropped += 1,
            },
        }
    }
    (points, dropped)
}

fn hue(value: Option<&Value>) -> Hue {
    match value {
        Some(Value::Word(w)) => Hue::Word(w.clone()),
        Some(Value::Truth(t)) => Hue::Word(if t.holds { "true" } else { "false" }.into()),
        Some(v) => scalar(v).map_or(Hue::None, |n| Hue::Number(n.value)),
        None => Hue::None,
    }
}

fn draw(job: &Job, inputs: &[Field], aligned: &Aligned, points: Vec<Point>, dropped: usize) -> Result<Value, Failure> {
    let numbers: Vec<f64> = points.iter().filter_map(|p| if let Hue::Number(v) = p.color { Some(v) } else { None }).collect();
    let (low, high) = scale::range(numbers.iter().copied());
    let mut words: Vec<String> = Vec::new();
    for p in &points {
        if let Hue::Word(w) = &p.color
            && !words.contains(w)
        {
            words.push(w.clone());
        }
    }
    words.sort_by_key(|w| match w.as_str() {
        "low" => 0,
        "high" => 2,
        _ => 1,
    });
    let palette = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        // The same colours as in profiles.
        ["low", "high"] => vec![color::OKABE_ITO[1], color::OKABE_ITO[0]],
        _ => color::series(words.len(), false),
    };
    let ink = |p: &Point| match &p.color {
        Hue::Word(w) => words.iter().position(|k| k == w).map_or(color::GREY, |i| palette[i]),
        Hue::Number(v) if high > low => color::Map::Viridis.at((v - low) / (high - low)),
        Hue::None if inputs.len() > 2 => color::GREY,
        _ => color::OKABE_ITO[0],
    };
    let radius = match points.len() {
        0..=60 => 4.0,
        61..=300 => 3.2,
        301..=1000 => 2.4,
        _ => 1.7,
    };
    let opacity = if points.len() > 300 { 0.6 } else { 0.9 };
    let mut marks = Vec::new();
    let inks: Vec<_> = points.iter().map(&ink).collect();
    let mut series: Vec<color::Color> = Vec::new();
    inks.iter().for_each(|c| {
        if !series.contains(c) && series.len() < 64 {
            series.push(*c);
        }
    });
    let mut ends = (Vec::new(), Vec::new());
    for (p, c) in points.iter().zip(&inks) {
        let ((x, y), (ex, ey)) = (p.at, p.errors);
        ends.0.extend([x, x - ex.unwrap_or(0.0), x + ex.unwrap_or(0.0)]);
        ends.1.extend([y, y - ey.unwrap_or(0.0), y + ey.unwrap_or(0.0)]);
        if let Some(e) = ey {
            marks.push(Mark::Errors { at: vec![(x, y - e, y + e)], color: *c, width: 1.0, cap: 0.0, opacity: 0.6 });
        }
        if let Some(e) = ex {
            marks.push(Mark::Across { at: vec![(x - e, x + e, y)], color: *c, width: 1.0, opacity: 0.6 });
        }
    }
    for (i, word) in words.iter().enumerate() {
        let chosen: Vec<_> = points.iter().filter(|p| p.color == Hue::Word(word.clone())).map(|p| p.at).collect();
        marks.push(Mark::Points { at: chosen, colors: vec![palette[i]], marker: marker(i), radius, opacity });
    }
    let (at, colors): (Vec<_>, Vec<_>) =
        points.iter().zip(&inks).filter(|(p, _)| !matches!(p.color, Hue::Word(_))).map(|(p, c)| (p.at, *c)).unzip();
    // So many points that each colour is a path of its own need few colours.
    let colors = if at.len() > 2000 && high > low { coarse(&points, low, high) } else { colors };
    marks.push(Mark::Points { at, colors, marker: marker(0), radius, opacity });
    if axis_setting(job.settings.get("label")).is_some() {
        marks.push(Mark::Names { at: points.iter().map(|p| (p.at.0, p.at.1, p.name.clone())).collect() });
    }
    let axis = |values: Vec<f64>, label: &str, word: &str| {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let log = match word {
            "log" => true,
            "linear" => false,
            _ => spread_like_powers(&sorted) && sorted[0] * 1000.0 <= sorted[sorted.len() - 1],
        };
        Axis::new(label, if log { Scale::log_over(values) } else { Scale::within(values, 0.0, 1.0) })
    };
    let panel = Panel {
        heading: String::new(),
        x: axis(ends.0, &inputs[0].label(), job.settings.word("x_scale")),
        y: axis(ends.1, &inputs[1].label(), job.settings.word("y_scale")),
        marks,
        shades: Vec::new(),
    };
    let entries = words.iter().enumerate().map(|(i, w)| Key { text: w.clone(), color: palette[i], sign: Sign::Point(marker(i)) });
    let color_name = inputs.get(2).map(|f| f.name.clone()).unwrap_or_default();
    let legends = vec![Legend { title: color_name.clone(), entries: entries.collect() }];
    let bar = (high > low).then(|| ColorBar {
        label: inputs.get(2).map(Field::label).unwrap_or_default(),
        range: (low, high),
        map: color::Map::Viridis,
        absent: String::new(),
    });
    let (xs, ys): (Vec<f64>, Vec<f64>) = points.iter().map(|p| p.at).unzip();
    let mut caption = vec![format!(
        "{} against {}, {} point{}",
        inputs[1].name,
        inputs[0].name,
        points.len(),
        if points.len() == 1 { "" } else { "s" }
    )];
    let over: Vec<_> = aligned.axes.iter().filter(|a| a.coordinates.len() > 1).map(|a| a.name.clone()).collect();
    if let Some(first) = caption.first_mut() {
        first.push_str(&if over.is_empty() { ".".into() } else { format!(" (one for each {}).", over.join(" and ")) });
    }
    if let Some(rho) = spearman(&xs, &ys) {
        caption.push(format!("Spearman's rank correlation ρ = {} (n = {}).", scale::fixed(rho, 3), xs.len()));
    }
    if points.iter().any(|p| p.errors.0.is_some() || p.errors.1.is_some()) {
        caption.push("Error bars: one standard error.".into());
    }
    if dropped > 0 {
        caption.push(format!("Left out for want of a value on either side: {dropped}."));
    }
    let mut rows = Rows::default();
    for p in &points {
        let (word, number) = match &p.color {
            Hue::Word(w) => (w.as_str(), f64::NAN),
            Hue::Number(v) => ("", *v),
            Hue::None => ("", f64::NAN),
        };
        let mut row = vec![
            ("point", Cell::Text(&p.name)),
            ("x", Cell::Number(p.at.0)),
            ("x_se", Cell::Number(p.errors.0.unwrap_or(f64::NAN))),
            ("y", Cell::Number(p.at.1)),
            ("y_se", Cell::Number(p.errors.1.unwrap_or(f64::NAN))),
            ("group", Cell::Text(word)),
        ];
        if !numbers.is_empty() {
            row.push(("color", Cell::Number(number)));
        }
        rows.push(&row);
    }
    let plot = Plot { title: title(job), rows: vec![vec![panel]], size: (400.0, 320.0), legends, bar };
    finish(&plot, caption, rows.finish())
}

/// Returns colours from a map of 32 steps.
fn coarse(points: &[Point], low: f64, high: f64) -> Vec<color::Color> {
    let shade = |v: f64| color::Map::Viridis.at((((v - low) / (high - low)) * 32.0).round() / 32.0);
    points
        .iter()
        .filter_map(|p| match p.color {
            Hue::Number(v) => Some(shade(v)),
            Hue::None => Some(color::GREY),
            Hue::Word(_) => None,
        })
        .collect()
}
