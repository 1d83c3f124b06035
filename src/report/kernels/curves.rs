//! Curves over an axis: means with bands, by colour, in facets; several values apart, together or against two axes.

use super::check;
use super::cube::Cube;
use super::frame::Frame;
use super::inks::Inks;
use super::layout;
use super::named::{Axes, Scaling, Sharing, Show};
use super::references::{References, Side};
use super::series::{Sorted, drawn, many, meanings, no_values, sorted, words};
use super::sheet::{COST, crosses, finish, not_positive};
use super::summary::Spread;
use crate::engine::kernel::{Context, Failure, Job, Kernel};
use crate::engine::value::Value;
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Shape};
use crate::plan::files::Files;
use crate::report::figure::{Axis, Color, Key, Legend, Mark, Panel, Plot, Scale, Sign, color, marker, scale};
use crate::settings;

/// `curves(data, x, y, facet, color, show)`, and `bands`, which has lower panels and takes numbers alone.
pub struct Curves {
    /// The parameter with the values.
    pub input: &'static str,
    /// Whether panels are wide and low, for several values over one axis.
    pub stacked: bool,
}

settings! {
    struct CurvesSettings("curves") {
        x: Axes, y: Axes = Axes::default(), facet: Axes = Axes::default(), color: Axes = Axes::default(), show: Show, panels: Sharing = Sharing::Apart,
    }
}

impl Curves {
    /// Returns the axes; `y` of `bands` is an input and names no columns.
    fn settings(&self, settings: &Settings) -> CurvesSettings {
        let s = CurvesSettings::read(settings);
        if self.stacked { CurvesSettings { y: Axes::default(), ..s } } else { s }
    }
}

impl Planned for Curves {
    fn version(&self) -> u32 {
        7
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        let s = self.settings(settings);
        let over = check::OverAxis {
            input: self.input,
            x: &s.x,
            y: (!self.stacked).then_some(&s.y),
            facet: &s.facet,
            color: &s.color,
            show: s.show,
            sharing: s.panels,
            frame: &Frame::read(settings),
        };
        check::over_an_axis(&over, shapes)
    }

    fn facts(&self, _settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(Facts::default())
    }

    fn cost(&self, _settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        COST
    }
}

impl Kernel for Curves {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let s = self.settings(&job.settings);
        let mut frame = Frame::read(&job.settings);
        let y = s.y.0.iter().map(|a| a.name.clone()).collect();
        let Sorted { cube, inks } =
            sorted(job, self.input, (&s.x, &s.facet, &s.color), y, &mut frame, |i| Sign::Line(marker(i)))?;
        let sharing = if cube.panels.len() < 2 { Sharing::Apart } else { s.panels };
        if sharing == Sharing::Twin && cube.panels.len() != 2 {
            let names: Vec<&str> = cube.panels.iter().map(|p| p.name.as_str()).collect();
            let message = format!("two values have an axis each, and there are {}: {}", names.len(), names.join(", "));
            return Err(Failure::new(message).help("name two in `y:`, or take `panels: apart`"));
        }
        let references = References::read(job, &frame);
        Drawing { cube: &cube, inks, frame: &frame, show: s.show, sharing, stacked: self.stacked, references }.finish()
    }
}

/// What is drawn, and how.
struct Drawing<'a> {
    cube: &'a Cube,
    inks: Inks,
    frame: &'a Frame,
    show: Show,
    sharing: Sharing,
    stacked: bool,
    references: References,
}

/// What is drawn of values in a panel.
#[derive(Default)]
struct Layers {
    /// Bands and bars.
    back: Vec<Mark>,
    /// Lines and points.
    front: Vec<Mark>,
    /// Places in doubt.
    doubtful: Vec<(f64, f64)>,
}

/// Dashes that tell values apart where colours tell something else.
const DASHES: [&str; 4] = ["", "7 4", "2 3", "8 3 2 3"];

impl Drawing<'_> {
    /// Returns the values that share panels, row by row.
    fn rows(&self) -> Vec<Vec<usize>> {
        let all: Vec<usize> = (0..self.cube.panels.len()).collect();
        match self.sharing {
            Sharing::Apart => all.into_iter().map(|p| vec![p]).collect(),
            Sharing::Together | Sharing::Twin => vec![all],
        }
    }

    /// Returns the width and height of a panel.
    fn size(&self, rows: usize) -> (f64, f64) {
        match (self.stacked, self.cube.facets.as_slice(), rows) {
            (_, [down, across], _) => {
                let width = (700.0 / across.1.len() as f64 - 26.0).clamp(90.0, 300.0);
                (width, (0.72 * width).clamp(80.0, if down.1.len() > 1 { 170.0 } else { 220.0 }))
            }
            (true, [], _) => (500.0, 110.0),
            (true, ..) => (240.0, 100.0),
            (false, [], 1) => (420.0, 270.0),
            (false, [], _) => (420.0, 130.0),
            (false, [one], 1) => match one.1.len() {
                1 => (420.0, 270.0),
                2 => (300.0, 240.0),
                3 | 4 => (220.0, 200.0),
                5..=9 => (205.0, 150.0),
                _ => (150.0, 120.0),
            },
            (false, ..) => (205.0, 120.0),
        }
    }

    /// Returns the colour and the dash of a series of a value.
    fn look(&self, p: usize, c: usize) -> (Color, &'static str) {
        let shared = self.sharing != Sharing::Apart;
        match (shared, self.cube.colors.1.is_empty()) {
            (false, _) => (self.inks.colors[c], ""),
            (true, true) => (color::series(self.cube.panels.len(), false)[p], ""),
            (true, false) => (self.inks.colors[c], DASHES[p % DASHES.len()]),
        }
    }

    /// Returns the scale of a row of values, and how many of them a logarithmic axis cannot hold.
    fn y_scale(&self, row: &[usize]) -> (Scale, usize) {
        let (cube, show) = (self.cube, self.show);
        let own = || cube.series.iter().filter(|(k, _)| row.contains(&k.0));
        let mut values: Vec<f64> = own()
            .flat_map(|((p, ..), s)| {
                let all = s.each.iter().flat_map(|c| &c.points).map(|v| v.1.mean()).filter(|_| show == Show::All);
                let ends = s.drawn().flat_map(|(_, s)| {
                    let e = cube.spread(*p, s, show);
                    [e.center, e.low, e.high, e.outer.0, e.outer.1]
                });
                all.chain(ends).collect::<Vec<_>>()
            })
            .collect();
        if row.contains(&0) {
            values.extend(self.references.values(Side::Y));
        }
        let first = row.first() == Some(&0) || self.sharing == Sharing::Apart;
        let scale = match self.frame.y.scale {
            Scaling::Log => {
                let centers = own().flat_map(|((p, ..), s)| s.drawn().map(|v| cube.spread(*p, &v.1, show).center));
                return (self.frame.y.scale(Scale::log_over(values)), centers.filter(|c| *c <= 0.0).count());
            }
            Scaling::Auto | Scaling::Linear => Scale::within(values, 0.0, 1.0),
        };
        (if first { self.frame.y.scale(scale) } else { scale }, 0)
    }

    fn finish(&self) -> Result<Value, Failure> {
        let (cube, frame, show) = (self.cube, self.frame, self.show);
        let rows = self.rows();
        let size = self.size(rows.len());
        let (x_scale, x_ticks) = cube.x_scale(size.0, frame.x.scale, frame.x.range(), &self.references.values(Side::X));
        let x_scale = match x_scale {
            Scale::Category { names } => Scale::Category { names: frame.coordinates(&cube.x, &names) },
            numbers => numbers,
        };
        let mut panels: Vec<Vec<Panel>> = Vec::new();
        let mut hidden = 0;
        for row in &rows {
            let twin = self.sharing == Sharing::Twin;
            let (y_scale, lost) = self.y_scale(if twin { &row[..1] } else { row });
            let second = twin.then(|| self.y_scale(&row[1..]));
            hidden += lost + second.as_ref().map_or(0, |s| s.1);
            let mut own = Vec::new();
            for f in 0..cube.facet_count() {
                let mut marks = self.references.marks(&cube.facet(f));
                let behind = marks.len();
                let mut layers = Layers::default();
                for p in row {
                    // The second of two axes: its numbers become those of the first at the same height.
                    let moved = second.as_ref().filter(|_| Some(p) == row.get(1)).map(|(s, _)| s);
                    let to = |v: f64| moved.map_or(v, |s| y_scale.number(s.place(v)));
                    self.value(*p, f, size.0, &to, &mut layers);
                }
                marks.append(&mut layers.back);
                if marks.len() == behind && layers.front.is_empty() || row.iter().all(|p| no_values(cube, *p)) {
                    marks.push(Mark::Note { text: "no values".into() });
                }
                marks.append(&mut layers.front);
                marks.extend(crosses(layers.doubtful, 3.2));
                let mut x = Axis::new(frame.x.label(frame.axis_label(&cube.x)), x_scale.clone());
                x.ticks = x_ticks.clone();
                let y = Axis::new(frame.y.label(self.label(if twin { &row[..1] } else { row })), y_scale.clone());
                let mut panel = Panel::new(x, y, marks);
                panel.right = second.as_ref().map(|(s, _)| Axis::new(cube.panels[row[1]].label.clone(), s.clone()));
                own.push(panel);
            }
            panels.push(own);
        }
        let grid = layout::grid(cube, frame, panels, size.0);
        let mut legends: Vec<Legend> = self.inks.legend.iter().cloned().collect();
        legends.extend(self.values_legend());
        legends.extend(meanings(cube, show, false).filter(|_| !self.inks.many()));
        legends.extend(self.references.legend());
        let plot = Plot { title: frame.title.clone(), rows: grid, size, legends, bar: self.inks.bar.clone() };
        let names: Vec<&str> = cube.panels.iter().map(|p| p.name.as_str()).collect();
        let mut caption = vec![format!("{} by {}.", names.join(", "), cube.x)];
        caption.extend(words(cube, show, "bands"));
        if self.inks.many() && meanings(cube, show, false).is_some() {
            caption.push("With this many curves, bands are not drawn.".into());
        }
        if let Scale::Log { .. } = x_scale {
            caption.push("The horizontal axis is logarithmic.".into());
            let places = cube.series.values().flat_map(|s| s.drawn()).filter(|p| p.0 <= 0.0).count();
            caption.extend(not_positive(places, "places"));
        }
        if frame.y.scale == Scaling::Log {
            caption.push("The vertical axis is logarithmic.".into());
            caption.extend(not_positive(hidden, "values"));
        }
        let mut points = cube.series.values().flat_map(|s| s.drawn());
        if let (Some(point), None) = (points.next(), points.next()) {
            caption.push(format!("A single point: {}.", scale::number(point.1.mean())));
        }
        finish(&plot, caption, drawn(cube, show))
    }

    /// Returns what is written along the vertical axis of a row of values: of several what they have in common, a unit.
    fn label(&self, row: &[usize]) -> String {
        let labels: Vec<&str> = row.iter().map(|p| self.cube.panels[*p].label.as_str()).collect();
        if let [one] = labels.as_slice() {
            return one.to_string();
        }
        let unit =
            |l: &&str| l.rsplit_once(" (").filter(|(_, u)| u.ends_with(')')).map(|(_, u)| u.trim_end_matches(')').to_string());
        let units: Vec<Option<String>> = labels.iter().map(unit).collect();
        match units.first() {
            Some(Some(first)) if units.iter().all(|u| u.as_ref() == Some(first)) => first.clone(),
            _ => String::new(),
        }
    }

    /// Returns what tells several values in one panel apart.
    fn values_legend(&self) -> Option<Legend> {
        let entries: Vec<Key> = (0..self.cube.panels.len())
            .map(|p| {
                let text = self.cube.panels[p].label.clone();
                match self.cube.colors.1.is_empty() {
                    true => Key { text, color: self.look(p, 0).0, sign: Sign::Line(marker(p)) },
                    false => Key { text, color: color::INK, sign: Sign::Dash(self.look(p, 0).1) },
                }
            })
            .collect();
        (self.sharing != Sharing::Apart).then(|| Legend { title: String::new(), entries })
    }

    /// Adds what is drawn of a value in a facet; `to` moves its numbers to those of the axis.
    fn value(&self, p: usize, f: usize, width: f64, to: &dyn Fn(f64) -> f64, layers: &mut Layers) {
        let Layers { back, front, doubtful } = layers;
        let (cube, show) = (self.cube, self.show);
        let pooled = cube.panels[p].pooling.counts.is_some();
        let spread = |(x, s): &(f64, super::summary::Summary)| {
            let e = cube.spread(p, s, show);
            let outer = (to(e.outer.0), to(e.outer.1));
            (*x, Spread { center: to(e.center), low: to(e.low), high: to(e.high), outer })
        };
        // One curve with markers and another without would look like two kinds.
        let most = cube.series.values().map(|s| s.points.len()).max().unwrap_or(0);
        for ((.., c), series) in cube.series.iter().filter(|(k, _)| k.0 == p && k.1 == f) {
            let (ink, dash) = self.look(p, *c);
            let spreads: Vec<_> = series.points.iter().map(spread).collect();
            let single = !many(series.points.iter());
            if show == Show::All && !single {
                back.extend(series.each.iter().map(|curve| Mark::Line {
                    at: curve.points.iter().map(|(x, s)| (*x, to(s.mean()))).collect(),
                    color: ink,
                    width: if series.each.len() > 40 { 0.5 } else { 0.8 },
                    dash: "",
                    opacity: if series.each.len() > 40 { 0.25 } else { 0.35 },
                }));
            } else if self.inks.many() {
            } else if single && (!pooled || matches!(show, Show::Se | Show::Ci)) {
                back.push(errors(&spreads, ink));
            } else {
                if show == Show::Quantiles {
                    let at = spreads.iter().map(|(x, s)| (*x, s.outer.0, s.outer.1)).collect();
                    back.push(Mark::Band { at, color: ink, opacity: 0.1 });
                }
                let at = spreads.iter().map(|(x, s)| (*x, s.low, s.high)).collect();
                back.push(Mark::Band { at, color: ink, opacity: 0.18 });
            }
            let apart = series.each.iter().filter(|_| series.apart);
            let apart: Vec<Vec<(f64, Spread)>> = apart.map(|c| c.points.iter().map(spread).collect()).collect();
            if !self.inks.many() {
                back.extend(apart.iter().map(|spreads| errors(spreads, ink)));
            }
            for spreads in apart.iter().chain([&spreads]) {
                let at: Vec<(f64, f64)> = spreads.iter().map(|(x, s)| (*x, s.center)).collect();
                doubtful.extend(at.iter().filter(|point| cube.doubtful((p, f, *c), point.0)));
                let crowded = most as f64 > width / 14.0 || self.inks.many();
                let alone = at.iter().filter(|p| p.1.is_finite()).count() == 1;
                let width = match (self.inks.many(), series.apart) {
                    (true, _) => 0.7,
                    (_, true) => 1.2,
                    _ => 1.7,
                };
                front.push(Mark::Line {
                    at: at.clone(),
                    color: ink,
                    width,
                    dash,
                    opacity: if self.inks.many() { 0.8 } else { 1.0 },
                });
                if !crowded || alone {
                    let which =
                        if cube.colors.1.is_empty() { if self.sharing == Sharing::Apart { 0 } else { p } } else { *c % 5 };
                    let radius = if self.stacked || series.apart || width < 1.0 { 2.7 } else { 3.2 };
                    front.push(Mark::Points { at, colors: vec![ink], marker: marker(which), radius, opacity: 1.0 });
                }
            }
        }
    }
}

/// Returns the error bars of single estimates.
fn errors(spreads: &[(f64, Spread)], color: Color) -> Mark {
    let at = spreads.iter().map(|(x, s)| (*x, s.low, s.high)).collect();
    Mark::Errors { at, color, width: 1.3, cap: 3.0, opacity: 0.9 }
}
