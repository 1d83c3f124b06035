//! One number, or several, against another, aligned over their common axes.

use super::aligned::Aligned;
use super::check::{self, Part};
use super::cube::{Cube, spread_like_powers};
use super::facets;
use super::field::{Field, field, fields, scalar};
use super::fit::Fit;
use super::frame::{Frame, Look};
use super::groups;
use super::layout;
use super::named::{Axes, AxisName, Scaling};
use super::pool;
use super::references::{References, Side};
use super::sheet::{Cell, Each, Rows, cost, crosses, finish, not_positive, nothing};
use super::summary::spearman;
use crate::engine::kernel::{Context, Failure, Job, Kernel, LabelledAxis};
use crate::engine::value::{Table, Value};
use crate::lang::Settings;
use crate::plan::examples;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Shape};
use crate::plan::files::Files;
use crate::report::figure::{Axis, Color, ColorBar, Key, Legend, Mark, Panel, Plot, Scale, Shades, Sign, color, marker, scale};
use crate::settings;
use std::collections::BTreeMap;

/// `scatter(x, y, color, facet, label, least_squares)`.
pub struct Scatter;

settings! {
    struct ScatterSettings("scatter") { facet: Axes = Axes::default(), label: Axes = Axes::default(), least_squares: bool = false }
}

impl Planned for Scatter {
    /// 5: a pair of a symmetric measure is one point; the slope through points that share coordinates has no error.
    fn version(&self) -> u32 {
        7
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        let s = ScatterSettings::read(settings);
        let frame = Frame::read(settings);
        frame.check()?;
        super::references::check(shapes, true, 1)?;
        let label = check::single("label", &s.label)?;
        // Beside a number or a group per class, examples are sorted into their classes.
        let class = shapes.iter().find_map(|p| p.axes.iter().find(|a| a.role == "class"));
        let class = class.map(|a| AxisName { name: a.name.clone(), role: "class".into() });
        let faceted = facets::given(shapes, &frame.names);
        check::two_facets(&s.facet)?;
        let mut shown = vec![("class", class.as_ref())];
        shown.extend(s.facet.0.iter().map(|a| ("facet", Some(a))));
        let parts = |slot: &str| check::parts(slot, shapes, &frame.names, &shown, &[]);
        let (Some(xs), Some(ys), Some(colors)) = (parts("x"), parts("y"), parts("color")) else { return Ok(()) };
        let Some(x) = xs.first() else { return Ok(()) };
        if ys.len() > 1 && !colors.is_empty() {
            let message = format!("{} values use the colours, so `color:` cannot use them too", ys.len());
            return Err(check::unused("color", message, "draw one value, or leave `color:` out"));
        }
        let mut union: Vec<&str> = x.axes.iter().map(|a| a.name.as_str()).collect();
        for y in &ys {
            alike(x, y)?;
            if x.kind.per_example() && y.kind.per_example() {
                same_examples(shapes, x, y)?;
            }
            union.extend(y.axes.iter().map(|a| a.name.as_str()));
        }
        let examples = x.kind.per_example() && ys.iter().all(|y| y.kind.per_example());
        if let Some(color) = colors.first() {
            colored(color, &union, examples)?;
        }
        if let Some(given) = faceted {
            given.check_points(&union, examples)?;
        }
        if let Some(facet) = s.facet.0.iter().find(|f| !union.contains(&f.name.as_str())) {
            return Err(check::not_there("facet", x, facet));
        }
        match label {
            Some(l) if !(union.contains(&l.name.as_str()) || examples && l.is_class() && classes(shapes)) => {
                let known: Vec<String> = union.iter().map(|n| format!("`{n}`")).collect();
                let message = format!("the points have no axis `{}` to be named by", l.name);
                let help = match known.is_empty() {
                    true => "leave `label:` out".to_string(),
                    false => format!("name one of {}", known.join(", ")),
                };
                Err(check::problem("cfx::axis::not_there", "label", message, help))
            }
            _ => Ok(()),
        }
    }

    fn facts(&self, _settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(Facts::default())
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        cost(inputs, Each { seconds: 6e-6, memory: 600.0, disk: 40.0 })
    }
}

fn classes(shapes: &[Shape]) -> bool {
    shapes.iter().any(|s| s.slot == "x" && s.classes)
}

/// Checks that the two numbers meet somewhere: on a common axis, example by example, or both being single values.
fn alike(x: &Part, y: &Part) -> Result<(), Problem> {
    let both_examples = x.kind.per_example() && y.kind.per_example();
    let common = x.axes.iter().any(|a| y.axes.iter().any(|b| a.name == b.name));
    let single = x.axes.is_empty() && y.axes.is_empty() && !x.kind.per_example() && !y.kind.per_example();
    if both_examples || common || single {
        let count = x.axes.iter().map(|a| a.coordinates.len() as f64).product::<f64>()
            * y.axes
                .iter()
                .filter(|b| x.axes.iter().all(|a| a.name != b.name))
                .map(|b| b.coordinates.len() as f64)
                .product::<f64>();
        if count > LIMIT as f64 {
            let message = format!("{count} points are too many to draw");
            return Err(check::shape("x", message, "reduce an axis first, or select a coordinate"));
        }
        return Ok(());
    }
    let message = format!(
        "nothing says which value of `{}` belongs to which of `{}`: of the first, {}; of the second, {}",
        x.name,
        y.name,
        check::axes_of(x),
        check::axes_of(y)
    );
    Err(check::shape("y", message, "give two numbers over a common axis, or two that have one for each example"))
}

/// Checks that two numbers per example are about examples of one data set: they are joined by ids.
fn same_examples(shapes: &[Shape], x: &Part, y: &Part) -> Result<(), Problem> {
    let of = |slot: &str, s: &Shape| s.slot.strip_prefix(slot).is_some_and(|r| r.is_empty() || r.starts_with('.'));
    let source = |slot: &str| shapes.iter().filter(|s| of(slot, s)).flat_map(|s| s.facts).find_map(|f| f.source.clone());
    let from = |slot: &str| -> Vec<String> {
        shapes.iter().filter(|s| of(slot, s)).flat_map(|s| s.facts).next().map_or_else(Vec::new, |f| f.from.clone())
    };
    match (source("x"), source("y")) {
        (Some(a), Some(b)) if a != b => {
            let message = format!("`{}` is about examples of `{a}`, and `{}` about examples of `{b}`", x.name, y.name);
            Err(check::shape(
                "y",
                message,
                "examples are joined by their numbers within one data set; average both over an axis first",
            ))
        }
        (Some(source), Some(_)) if examples::apart(&from("x"), &from("y")) => {
            let message = format!(
                "`{}` is about examples of `{}` of `{source}`, and `{}` about examples of `{}`: they have none in common",
                x.name,
                from("x").join("`, `"),
                y.name,
                from("y").join("`, `")
            );
            Err(check::shape("y", message, "make both from the same split"))
        }
        _ => Ok(()),
    }
}

/// Checks that colours belong to the points.
fn colored(color: &Part, union: &[&str], examples: bool) -> Result<(), Problem> {
    let own: Vec<&str> = color.axes.iter().map(|a| a.name.as_str()).collect();
    if let Some(foreign) = own.iter().find(|n| !union.contains(n)) {
        let message = format!("the points have no axis `{foreign}`, which `{}` has", color.name);
        return Err(check::shape("color", message, "reduce the axis first, or select a coordinate"));
    }
    if own.is_empty() && !(color.kind.per_example() && examples) {
        let message = format!("`{}` is the same for all points", color.name);
        return Err(check::unused("color", message, "give a value over an axis of the points, or leave `color:` out"));
    }
    Ok(())
}

/// One point.
struct Point {
    facet: usize,
    at: (f64, f64),
    errors: (Option<f64>, Option<f64>),
    color: Hue,
    name: String,
    doubtful: bool,
    /// Its place on each of the axes of the points.
    places: Vec<usize>,
}

/// The axes of the facets with their coordinates, and where they are among those of the points.
#[derive(Default)]
struct Facets {
    axes: Vec<(String, Vec<String>)>,
    at: Vec<usize>,
}

impl Facets {
    fn of(names: &Axes, aligned: &Aligned) -> Facets {
        let find = |name: &AxisName| {
            let named = aligned.axes.iter().position(|a| a.name == name.name);
            named.or_else(|| aligned.axes.iter().position(|a| name.is_class() && a.role == "class"))
        };
        let at: Vec<usize> = names.0.iter().filter_map(find).collect();
        Facets { axes: at.iter().map(|i| (aligned.axes[*i].name.clone(), aligned.axes[*i].coordinates.clone())).collect(), at }
    }

    /// Returns the number of the facet of a place.
    fn number(&self, places: &[usize]) -> usize {
        self.at.iter().zip(&self.axes).fold(0, |f, (at, (_, all))| f * all.len() + places.get(*at).copied().unwrap_or(0))
    }
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

/// More points than this are drawn as dots, those of a colour together.
const MANY: usize = 2000;

impl Kernel for Scatter {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let s = ScatterSettings::read(&job.settings);
        let mut frame = Frame::read(&job.settings);
        let by = facets::Facets::read(job, &mut frame)?;
        let x = field(job, "x", &frame).ok_or_else(|| Failure::new("the input `x` is missing"))?;
        let ys = fields(job, "y", &frame);
        let color = field(job, "color", &frame);
        let (mut all, mut dropped, mut over, mut shared) = (Vec::new(), 0, Vec::new(), Vec::new());
        let mut facets = Facets::default();
        for y in &ys {
            let mut inputs = vec![x.clone(), y.clone()];
            inputs.extend(color.clone());
            inputs.extend(by.as_ref().map(|by| by.by().clone()));
            // A number or a group per class beside one per example: the examples are sorted into their classes.
            for (k, axis) in s.facet.0.iter().enumerate() {
                let sets = job.labelled(&if k == 0 { "facet".into() } else { format!("facet.{k}") });
                inputs = inputs.iter().map(|f| f.split(axis, sets)).collect();
            }
            let class = inputs.iter().find_map(|f| f.role("class").map(|at| f.axes[at].name.clone()));
            if let Some(name) = class {
                let axis = AxisName { name, role: "class".into() };
                inputs = inputs.iter().map(|f| f.split(&axis, None)).collect();
            }
            let aligned = Aligned::new(&inputs.iter().collect::<Vec<_>>());
            if aligned.len() > LIMIT {
                return Err(Failure::new(format!("{} points are too many to draw", aligned.len()))
                    .help("reduce an axis first, or select a coordinate"));
            }
            let (mut points, lost) = points(&inputs, &aligned, s.label.one(), &frame, by.as_ref());
            let own = Facets::of(&s.facet, &aligned);
            if by.is_none() {
                points.iter_mut().for_each(|p| p.facet = own.number(&p.places));
            }
            if ys.len() > 1 {
                points.iter_mut().for_each(|p| p.color = Hue::Word(y.label()));
            }
            let labelled = s.label.one().and_then(|l| aligned.axes.iter().position(|a| a.name == l.name));
            let hidden: Vec<usize> = (0..aligned.axes.len()).filter(|a| !own.at.contains(a) && labelled != Some(*a)).collect();
            let pairs = pool::pairs(&aligned.axes, &hidden);
            let both = !pairs.is_empty() && each_pair_once(&mut points, &aligned.axes, &pairs);
            let several: Vec<usize> = (0..aligned.axes.len()).filter(|a| aligned.axes[*a].coordinates.len() > 1).collect();
            for a in &several {
                let name = match pairs.iter().find(|(one, other)| both && (one == a || other == a)) {
                    Some((one, _)) => format!("pair of {}", aligned.axes[*one].name),
                    None => aligned.axes[*a].name.clone(),
                };
                if !over.contains(&name) {
                    over.push(name);
                }
            }
            let in_panel: Vec<usize> = several.into_iter().filter(|a| !own.at.contains(a)).collect();
            let examples = points.len() > aligned.len() || aligned.len() == 1 && points.len() > 1;
            if in_panel.len() + usize::from(examples) > 1 {
                for a in in_panel {
                    if !shared.contains(&aligned.axes[a].name) {
                        shared.push(aligned.axes[a].name.clone());
                    }
                }
            }
            if facets.axes.is_empty() {
                facets = own;
            }
            all.extend(points);
            dropped += lost;
        }
        if all.is_empty() {
            let mut absent = x.absent();
            ys.iter().for_each(|y| absent.extend(y.absent()));
            return Err(nothing(&absent));
        }
        let references = References::read(job, &frame);
        let facets = by.map_or(facets.axes, |by| vec![by.axis()]);
        let cube = Cube { facets, ..Cube::default() };
        Drawing {
            cube,
            s: &s,
            frame: &frame,
            x: &x,
            ys: &ys,
            color: color.as_ref(),
            over,
            shared,
            points: all,
            dropped,
            references,
        }
        .finish(cx)
    }
}

/// Returns the points, and how many places had no value on either side. A value in `facet:`, the last input, says in which panel each is; what it says nothing of is left out.
fn points(
    inputs: &[Field],
    aligned: &Aligned,
    label: Option<&AxisName>,
    frame: &Frame,
    by: Option<&facets::Facets>,
) -> (Vec<Point>, usize) {
    let last = inputs.len() - 1;
    let colored = inputs.len() - usize::from(by.is_some()) > 2;
    let mut points = Vec::new();
    let mut dropped = 0;
    let labelled = label.and_then(|l| aligned.axes.iter().position(|a| a.name == l.name));
    for i in 0..aligned.len() {
        let places = aligned.places(i);
        let place: Vec<(&str, &str)> =
            aligned.axes.iter().zip(&places).map(|(a, p)| (a.name.as_str(), a.coordinates[*p].as_str())).collect();
        let doubtful = |class: Option<&str>| {
            let mut place = place.clone();
            place.extend(class.map(|c| ("class", c)));
            inputs.iter().take(2).any(|f| f.doubtful(&place))
        };
        let get = |k: usize| inputs.get(k).and_then(|f| aligned.value(k, f, &places));
        let color = || get(2).filter(|_| colored);
        let (own, panel) = (by.map(|_| get(last)), by.and_then(|by| by.panel(get(last))));
        let name = || match labelled {
            Some(at) => frame.coordinate(&aligned.axes[at].name, &aligned.axes[at].coordinates[places[at]]),
            None => aligned.axes.iter().zip(&places).map(|(a, p)| a.coordinates[*p].as_str()).collect::<Vec<_>>().join(", "),
        };
        match (get(0), get(1)) {
            (Some(Value::Scores(a)), Some(Value::Scores(b))) => {
                let other: BTreeMap<u32, f64> = b.ids.iter().copied().zip(b.values.iter().copied()).collect();
                let panels = by.zip(own).and_then(|(by, own)| by.of_examples(own));
                let shades: BTreeMap<u32, f64> = match color() {
                    Some(Value::Scores(c)) => c.ids.iter().copied().zip(c.values.iter().copied()).collect(),
                    _ => BTreeMap::new(),
                };
                for (j, (id, x)) in a.ids.iter().zip(&a.values).enumerate() {
                    let facet = match (by, &panels) {
                        (None, _) => Some(0),
                        (_, Some(panels)) => panels.get(id).copied(),
                        _ => panel,
                    };
                    let y = other.get(id).copied().filter(|y| y.is_finite() && x.is_finite());
                    let (Some(y), Some(facet)) = (y, facet) else {
                        dropped += 1;
                        continue;
                    };
                    let class = a.labels.get(j).map(|l| a.classes.get(*l as usize).cloned().unwrap_or_else(|| l.to_string()));
                    let color = match shades.get(id) {
                        Some(v) => Hue::Number(*v),
                        None => hue(color().filter(|v| !matches!(v, Value::Scores(_)))),
                    };
                    let doubtful = doubtful(class.as_deref());
                    let name = if labelled.is_some() { name() } else { class.unwrap_or_else(name) };
                    let places = places.clone();
                    points.push(Point { facet, at: (*x, y), errors: (None, None), color, name, doubtful, places });
                }
            }
            (a, b) => match (a.and_then(scalar), b.and_then(scalar), if by.is_some() { panel } else { Some(0) }) {
                (Some(x), Some(y), Some(facet)) => {
                    let doubtful = doubtful(None);
                    let (at, errors) = ((x.value, y.value), (x.error, y.error));
                    points.push(Point { facet, at, errors, color: hue(color()), name: name(), doubtful, places: places.clone() })
                }
                _ => dropped += 1,
            },
        }
    }
    (points, dropped)
}

/// Keeps one point of each two that are the orders of a pair and lie at one place; returns whether there were such.
fn each_pair_once(points: &mut Vec<Point>, axes: &[LabelledAxis], pairs: &[(usize, usize)]) -> bool {
    let mut at: BTreeMap<Vec<usize>, Vec<(f64, f64)>> = BTreeMap::new();
    for p in points.iter() {
        at.entry(p.places.clone()).or_default().push(p.at);
    }
    let before = points.len();
    points.retain(|p| {
        let other = pool::turned(axes, pairs, &p.places).filter(|t| *t < p.places);
        let there = other.and_then(|t| at.get(&t)).map(Vec::as_slice);
        !matches!(there, Some([(x, y)]) if pool::same(*x, p.at.0) && pool::same(*y, p.at.1))
    });
    points.len() < before
}

fn hue(value: Option<&Value>) -> Hue {
    match value {
        Some(Value::Word(w)) => Hue::Word(w.clone()),
        Some(Value::Truth(t)) => Hue::Word(if t.holds { "true" } else { "false" }.into()),
        Some(v) => scalar(v).map_or(Hue::None, |n| Hue::Number(n.value)),
        None => Hue::None,
    }
}

/// What is drawn, and how.
struct Drawing<'a> {
    /// The facets.
    cube: Cube,
    s: &'a ScatterSettings,
    frame: &'a Frame,
    x: &'a Field,
    ys: &'a [Field],
    color: Option<&'a Field>,
    /// Axes whose coordinates the points stand for.
    over: Vec<String>,
    /// Axes whose coordinates several points of a panel share, so that these are not drawn one by one.
    shared: Vec<String>,
    points: Vec<Point>,
    dropped: usize,
    references: References,
}

impl Drawing<'_> {
    /// Returns the words of the points in order, with their colours.
    fn groups(&self) -> (Vec<String>, Vec<Color>) {
        let mut words: Vec<String> = Vec::new();
        for p in &self.points {
            if let Hue::Word(w) = &p.color
                && !words.contains(w)
            {
                words.push(w.clone());
            }
        }
        groups::colored(words)
    }

    /// Returns an axis that holds the numbers.
    fn axis(&self, values: Vec<f64>, own: String, look: &Look) -> Axis {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let log = match look.scale {
            Scaling::Log => true,
            Scaling::Linear => false,
            Scaling::Auto => spread_like_powers(&sorted) && sorted[0] * 1000.0 <= sorted[sorted.len() - 1],
        };
        Axis::new(look.label(own), look.scale(if log { Scale::log_over(values) } else { Scale::within(values, 0.0, 1.0) }))
    }

    fn finish(&self, cx: &dyn Context) -> Result<Value, Failure> {
        let points = &self.points;
        let numbers: Vec<f64> = points.iter().filter_map(|p| if let Hue::Number(v) = p.color { Some(v) } else { None }).collect();
        let (low, high) = scale::range(numbers.iter().copied());
        let (words, palette) = self.groups();
        let ink = |p: &Point| match &p.color {
            Hue::Word(w) => words.iter().position(|k| k == w).map_or(color::GREY, |i| palette[i]),
            Hue::Number(v) => color::Map::Viridis.of(*v, (low, high)),
            Hue::None if self.color.is_some() => color::GREY,
            _ => color::OKABE_ITO[0],
        };
        let radius = match points.len() {
            0..=60 => 4.0,
            61..=300 => 3.2,
            301..=1000 => 2.4,
            _ => 1.7,
        };
        let opacity = if points.len() > 300 { 0.6 } else { 0.9 };
        let mut ends = (self.references.values(Side::X), self.references.values(Side::Y));
        for p in points {
            let ((x, y), (ex, ey)) = (p.at, p.errors);
            ends.0.extend([x, x - ex.unwrap_or(0.0), x + ex.unwrap_or(0.0)]);
            ends.1.extend([y, y - ey.unwrap_or(0.0), y + ey.unwrap_or(0.0)]);
        }
        let x = self.axis(ends.0, self.x.label(), &self.frame.x);
        let label = if let [one] = self.ys { one.label() } else { String::new() };
        let y = self.axis(ends.1, label, &self.frame.y);
        let count = self.cube.facet_count();
        let mut panels = Vec::new();
        let mut fits = Vec::new();
        for f in 0..count {
            let own: Vec<&Point> = points.iter().filter(|p| p.facet == f).collect();
            let mut marks = self.references.marks(&self.cube.facet(f));
            marks.extend(spreads(&own, ink));
            for (i, word) in words.iter().enumerate() {
                let chosen: Vec<_> = own.iter().filter(|p| p.color == Hue::Word(word.clone())).map(|p| p.at).collect();
                marks.push(Mark::Points { at: chosen, colors: vec![palette[i]], marker: marker(i), radius, opacity });
            }
            let plain = || own.iter().filter(|p| !matches!(p.color, Hue::Word(_)));
            let at: Vec<_> = plain().map(|p| p.at).collect();
            // So many points that each colour is a path of its own need few colours.
            let colors = match at.len() > MANY && high > low {
                true => coarse(plain().copied(), low, high),
                false => plain().map(|p| ink(p)).collect(),
            };
            marks.push(Mark::Points { at, colors, marker: marker(0), radius, opacity });
            marks.extend(crosses(own.iter().filter(|p| p.doubtful).map(|p| p.at).collect(), radius));
            if self.s.label.one().is_some() {
                marks.push(Mark::Names { at: own.iter().map(|p| (p.at.0, p.at.1, p.name.clone())).collect() });
            }
            let of = self.fits(&own, (&x.scale, &y.scale), &words, &palette);
            marks.extend(of.iter().map(Fit::mark));
            let facet: Vec<String> = self.cube.facet(f).iter().map(|f| layout::heading(self.frame, *f)).collect();
            fits.extend(of.into_iter().map(|fit| (facet.join(", "), fit)));
            panels.push(Panel::new(x.clone(), y.clone(), marks));
        }
        let key = |(i, w): (usize, &String)| Key { text: w.clone(), color: palette[i], sign: Sign::Point(marker(i)) };
        let plain = |entries: Vec<Key>| Legend { title: String::new(), entries };
        let mut legends = vec![Legend {
            title: self.color.map(Field::label).unwrap_or_default(),
            entries: words.iter().enumerate().map(key).collect(),
        }];
        let bars = points.iter().any(|p| p.errors.0.is_some() || p.errors.1.is_some());
        if bars {
            legends.push(plain(vec![Key { text: "± one standard error".into(), color: color::FRAME, sign: Sign::Bar }]));
        }
        let line = |f: &Fit| Key { text: f.words(), color: f.ink, sign: Sign::Dash("") };
        match count {
            1 => legends.push(plain(fits.iter().map(|(_, f)| line(f)).collect())),
            _ if self.s.least_squares => {
                legends.push(plain(vec![Key { text: "least squares".into(), color: color::INK, sign: Sign::Dash("") }]))
            }
            _ => {}
        }
        legends.extend(self.references.legend());
        let bar = (low <= high).then(|| ColorBar {
            label: self.color.map(Field::label).unwrap_or_default(),
            range: (low, high),
            shades: Shades::of(numbers.iter().copied()),
            map: color::Map::Viridis,
            absent: String::new(),
            ticks: None,
        });
        let caption = self.caption(&fits);
        let width = match count {
            1 => 400.0,
            2 => 300.0,
            3..=9 => 205.0,
            _ => 150.0,
        };
        let size = (width, if count == 1 { 320.0 } else { 0.85 * width });
        let rows = layout::grid(&self.cube, self.frame, vec![panels], width);
        let plot = Plot { title: self.frame.title.clone(), rows, size, legends, bar };
        finish(plot, caption, self.drawn(!numbers.is_empty()), cx)
    }

    /// Returns the lines of least squares: one, or one for each of several values.
    fn fits(&self, points: &[&Point], (x, y): (&Scale, &Scale), words: &[String], palette: &[Color]) -> Vec<Fit> {
        if !self.s.least_squares {
            return Vec::new();
        }
        let log = (matches!(x, Scale::Log { .. }), matches!(y, Scale::Log { .. }));
        let of = |keep: &dyn Fn(&Point) -> bool, name: String, ink: Color| {
            let at: Vec<(f64, f64)> = points.iter().filter(|p| keep(p)).map(|p| p.at).collect();
            Fit::of(&at, log, name, ink).map(|fit| if self.shared.is_empty() { fit } else { fit.without_error() })
        };
        match self.ys.len() {
            1 => of(&|_| true, String::new(), color::INK).into_iter().collect(),
            _ => {
                let each = |(w, ink): (&String, &Color)| of(&|p| p.color == Hue::Word(w.clone()), w.clone(), *ink);
                words.iter().zip(palette).filter_map(each).collect()
            }
        }
    }

    fn caption(&self, fits: &[(String, Fit)]) -> Vec<String> {
        let points = &self.points;
        let names: Vec<&str> = self.ys.iter().map(|y| y.name.as_str()).collect();
        let count = format!("{} point{}", points.len(), if points.len() == 1 { "" } else { "s" });
        let over = match self.over.is_empty() {
            true => ".".to_string(),
            false => format!(" (one for each {}).", self.over.join(" and ")),
        };
        let mut caption = vec![format!("{} against {}, {count}{over}", names.join(" and "), self.x.name)];
        for y in self.ys {
            let own: Vec<_> =
                points.iter().filter(|p| self.ys.len() == 1 || p.color == Hue::Word(y.label())).map(|p| p.at).collect();
            let (xs, ys): (Vec<f64>, Vec<f64>) = own.into_iter().unzip();
            if let Some(rho) = spearman(&xs, &ys) {
                let of = if self.ys.len() == 1 { String::new() } else { format!(" of {}", y.name) };
                caption.push(format!("Spearman's rank correlation{of} ρ = {} (n = {}).", scale::fixed(rho, 3), xs.len()));
            }
        }
        let said = |(facet, fit): &(String, Fit)| match facet.is_empty() {
            true => fit.sentence(),
            false => format!("{facet}: {}", fit.sentence()),
        };
        caption.extend(fits.iter().map(said));
        if !fits.is_empty() && !self.shared.is_empty() {
            caption.push(format!("Points share {}: the slope has no standard error.", self.shared.join(" and ")));
        }
        if points.iter().any(|p| p.errors.0.is_some() || p.errors.1.is_some()) {
            caption.push("Error bars: one standard error.".into());
        }
        let examples = self.x.has_scores() && self.ys.iter().all(Field::has_scores);
        let all = std::iter::once(self.x).chain(self.ys).chain(self.color);
        let averaged: Vec<&str> = all.filter(|f| !examples && f.has_scores()).map(|f| f.name.as_str()).collect();
        if !averaged.is_empty() {
            caption.push(format!("At each point the examples of {} are averaged.", averaged.join(" and ")));
        }
        let below = |get: &dyn Fn(&Point) -> f64| points.iter().filter(|p| get(p) <= 0.0).count();
        for (scale, count) in [(self.frame.x.scale, below(&|p| p.at.0)), (self.frame.y.scale, below(&|p| p.at.1))] {
            caption.extend(not_positive(count, "values").filter(|_| scale == Scaling::Log));
        }
        if self.dropped > 0 {
            let valued = self.s.facet.0.is_empty() && !self.cube.facets.is_empty();
            let lacking = if valued { "one side, or what chooses the panel," } else { "one side" };
            caption.push(format!("Left out because {lacking} has no value: {}.", self.dropped));
        }
        caption
    }

    fn drawn(&self, shaded: bool) -> Table {
        let mut rows = Rows::default();
        for p in &self.points {
            let (word, number) = match &p.color {
                Hue::Word(w) => (w.as_str(), f64::NAN),
                Hue::Number(v) => ("", *v),
                Hue::None => ("", f64::NAN),
            };
            let facet = self.cube.facet(p.facet);
            let mut row: Vec<(&str, Cell)> = facet.iter().map(|(name, c)| (*name, Cell::Text(c))).collect();
            row.extend([
                ("point", Cell::Text(&p.name)),
                ("x", Cell::Number(p.at.0)),
                ("x_se", Cell::Number(p.errors.0.unwrap_or(f64::NAN))),
                ("y", Cell::Number(p.at.1)),
                ("y_se", Cell::Number(p.errors.1.unwrap_or(f64::NAN))),
                ("group", Cell::Text(word)),
            ]);
            if shaded {
                row.push(("color", Cell::Number(number)));
            }
            rows.push(&row);
        }
        rows.finish()
    }
}

/// Returns the error bars of points: each by itself, or of many those of one colour together, as one shape.
fn spreads(points: &[&Point], ink: impl Fn(&Point) -> Color) -> Vec<Mark> {
    let (width, opacity) = (1.0, 0.6);
    let upright = |p: &Point| p.errors.1.map(|e| (p.at.0, p.at.1 - e, p.at.1 + e));
    let across = |p: &Point| p.errors.0.map(|e| (p.at.0 - e, p.at.0 + e, p.at.1));
    let mut groups: BTreeMap<(usize, u32), Vec<&Point>> = BTreeMap::new();
    for (i, p) in points.iter().enumerate() {
        groups.entry((if points.len() > MANY { 0 } else { i }, ink(p).0)).or_default().push(p);
    }
    let mut out = Vec::new();
    for ((_, color), own) in groups {
        let bars: Vec<_> = own.iter().filter_map(|p| upright(p)).collect();
        if !bars.is_empty() {
            out.push(Mark::Errors { at: bars, color: Color(color), width, cap: 0.0, opacity });
        }
        let bars: Vec<_> = own.iter().filter_map(|p| across(p)).collect();
        if !bars.is_empty() {
            out.push(Mark::Across { at: bars, color: Color(color), width, opacity });
        }
    }
    out
}

/// Returns colours from a map of 32 steps.
fn coarse<'a>(points: impl Iterator<Item = &'a Point>, low: f64, high: f64) -> Vec<Color> {
    let shade = |v: f64| color::Map::Viridis.at((((v - low) / (high - low)) * 32.0).round() / 32.0);
    points
        .filter_map(|p| match p.color {
            Hue::Number(v) => Some(shade(v)),
            Hue::None => Some(color::GREY),
            Hue::Word(_) => None,
        })
        .collect()
}
