//! Curves over an axis: means with bands, by colour, in facets; several values stacked over one axis.

use super::check;
use super::cube::Cube;
use super::named::{Axes, Scaling, Show, Texts, Units};
use super::series::{colors, cube, drawn, legend, many, no_values, words};
use super::sheet::{crosses, finish, not_positive};
use super::summary::Spread;
use crate::engine::kernel::{Context, Failure, Job, Kernel};
use crate::engine::value::Value;
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Shape};
use crate::plan::files::Files;
use crate::report::figure::{Axis, Color, Mark, Panel, Plot, Scale, Sign, marker, scale};
use crate::settings;

/// `curves(data, x, y, facet, color, show)`.
pub struct Curves;

/// `bands(x, y, color, facet, show)`.
pub struct Bands;

settings! {
    struct CurvesSettings("curves") {
        x: Axes, y: Axes = Axes::default(), facet: Axes = Axes::default(), color: Axes = Axes::default(), show: Show, x_scale: Scaling, y_scale: Scaling,
        title: String, names: Texts, units: Units = Units::default(),
    }
}

settings! {
    struct BandsSettings("bands") {
        x: Axes, facet: Axes = Axes::default(), color: Axes = Axes::default(), show: Show, x_scale: Scaling, y_scale: Scaling,
        title: String, names: Texts, units: Units = Units::default(),
    }
}

impl Planned for Curves {
    fn version(&self) -> u32 {
        2
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        let s = CurvesSettings::read(settings);
        check::over_an_axis(
            &check::OverAxis {
                input: "data",
                x: &s.x,
                y: Some(&s.y),
                facet: &s.facet,
                color: &s.color,
                show: s.show,
                x_scale: s.x_scale,
                names: &s.names,
            },
            shapes,
        )
    }

    fn facts(&self, _settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(Facts::default())
    }

    fn cost(&self, _settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        super::sheet::COST
    }
}

impl Planned for Bands {
    fn version(&self) -> u32 {
        2
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        let s = BandsSettings::read(settings);
        check::over_an_axis(
            &check::OverAxis {
                input: "y",
                x: &s.x,
                y: None,
                facet: &s.facet,
                color: &s.color,
                show: s.show,
                x_scale: s.x_scale,
                names: &s.names,
            },
            shapes,
        )
    }

    fn facts(&self, _settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(Facts::default())
    }

    fn cost(&self, _settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        super::sheet::COST
    }
}

impl Kernel for Curves {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let s = CurvesSettings::read(&job.settings);
        let y = s.y.0.iter().map(|a| a.name.clone()).collect();
        let cube = cube(job, "data", (&s.x, &s.facet, &s.color), y, &s.names, &s.units)?;
        draw(&Look { title: s.title, show: s.show, x_scale: s.x_scale, y_scale: s.y_scale, stacked: false }, &cube)
    }
}

impl Kernel for Bands {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let s = BandsSettings::read(&job.settings);
        let cube = cube(job, "y", (&s.x, &s.facet, &s.color), Vec::new(), &s.names, &s.units)?;
        draw(&Look { title: s.title, show: s.show, x_scale: s.x_scale, y_scale: s.y_scale, stacked: true }, &cube)
    }
}

/// How curves are drawn.
struct Look {
    title: String,
    show: Show,
    x_scale: Scaling,
    y_scale: Scaling,
    stacked: bool,
}

fn draw(look: &Look, cube: &Cube) -> Result<Value, Failure> {
    let (show, stacked) = (look.show, look.stacked);
    let inks = colors(cube);
    let facets = cube.facets.1.len();
    let rows = cube.panels.len();
    let size = match (stacked, facets, rows) {
        (true, 1, _) => (500.0, 110.0),
        (true, _, _) => (240.0, 100.0),
        (false, 1, 1) => (420.0, 270.0),
        (false, 1, _) => (420.0, 130.0),
        (false, 2, 1) => (300.0, 240.0),
        (false, _, 1) => (220.0, 200.0),
        (false, _, _) => (230.0, 125.0),
    };
    let (x_scale, x_ticks) = cube.x_scale(size.0, look.x_scale);
    let mut grid: Vec<Vec<Panel>> = Vec::new();
    let mut hidden = 0;
    for (p, panel) in cube.panels.iter().enumerate() {
        let values: Vec<f64> = cube
            .series
            .iter()
            .filter(|(k, _)| k.0 == p)
            .flat_map(|(_, s)| {
                let all = s.each.iter().flat_map(|c| &c.points).map(|v| v.1.mean()).filter(|_| show == Show::All);
                let ends = s.drawn().flat_map(|(_, s)| {
                    let e = s.spread(show);
                    [e.center, e.low, e.high, e.outer.0, e.outer.1]
                });
                all.chain(ends).collect::<Vec<_>>()
            })
            .collect();
        let y_scale = match look.y_scale {
            Scaling::Log => {
                let centers = cube.series.iter().filter(|(k, _)| k.0 == p).flat_map(|(_, s)| s.drawn());
                hidden += centers.filter(|(_, s)| s.spread(show).center <= 0.0).count();
                Scale::log_over(values)
            }
            Scaling::Auto | Scaling::Linear => Scale::within(values, 0.0, 1.0),
        };
        let mut row = Vec::new();
        for (f, heading) in cube.facets.1.iter().enumerate() {
            let mut bands = Vec::new();
            let mut lines = Vec::new();
            let mut doubtful = Vec::new();
            for ((_, _, c), series) in cube.series.iter().filter(|(k, _)| k.0 == p && k.1 == f) {
                let ink = inks[*c];
                let spreads: Vec<_> = series.points.iter().map(|(x, s)| (*x, s.spread(show))).collect();
                let single = !many(series.points.iter());
                if show == Show::All && !single {
                    bands.extend(series.each.iter().map(|curve| Mark::Line {
                        at: curve.points.iter().map(|(x, s)| (*x, s.mean())).collect(),
                        color: ink,
                        width: 0.8,
                        dash: "",
                        opacity: 0.35,
                    }));
                } else if single {
                    bands.push(errors(&spreads, ink));
                } else {
                    if show == Show::Quantiles {
                        bands.push(Mark::Band {
                            at: spreads.iter().map(|(x, s)| (*x, s.outer.0, s.outer.1)).collect(),
                            color: ink,
                            opacity: 0.1,
                        });
                    }
                    bands.push(Mark::Band {
                        at: spreads.iter().map(|(x, s)| (*x, s.low, s.high)).collect(),
                        color: ink,
                        opacity: 0.18,
                    });
                }
                let apart = series.each.iter().filter(|_| series.apart);
                let apart: Vec<Vec<(f64, Spread)>> =
                    apart.map(|c| c.points.iter().map(|(x, s)| (*x, s.spread(show))).collect()).collect();
                bands.extend(apart.iter().map(|spreads| errors(spreads, ink)));
                for spreads in apart.iter().chain([&spreads]) {
                    let at: Vec<(f64, f64)> = spreads.iter().map(|(x, s)| (*x, s.center)).collect();
                    doubtful.extend(at.iter().filter(|point| cube.doubtful((p, f, *c), point.0)));
                    let crowded = at.len() as f64 > size.0 / 14.0;
                    let alone = at.iter().filter(|p| p.1.is_finite()).count() == 1;
                    let width = if series.apart { 1.2 } else { 1.7 };
                    lines.push(Mark::Line { at: at.clone(), color: ink, width, dash: "", opacity: 1.0 });
                    if !crowded || alone {
                        lines.push(Mark::Points {
                            at,
                            colors: vec![ink],
                            marker: marker(*c % 5 * usize::from(!cube.colors.1.is_empty())),
                            radius: if stacked || series.apart { 2.7 } else { 3.2 },
                            opacity: 1.0,
                        });
                    }
                }
            }
            if bands.is_empty() && lines.is_empty() || no_values(cube, p) {
                bands.push(Mark::Note { text: "no values".into() });
            }
            bands.extend(lines);
            bands.extend(crosses(doubtful, 3.2));
            let mut x = Axis::new(cube.x.clone(), x_scale.clone());
            x.ticks = x_ticks.clone();
            let heading = if p == 0 { cube.heading(heading) } else { String::new() };
            row.push(Panel { heading, x, y: Axis::new(panel.label.clone(), y_scale.clone()), marks: bands, shades: Vec::new() });
        }
        grid.push(row);
    }
    if rows == 1 && facets > 3 {
        let columns = if facets == 4 { 2 } else { 3 };
        let mut all = grid.remove(0).into_iter().peekable();
        while all.peek().is_some() {
            grid.push(all.by_ref().take(columns).collect());
        }
    }
    let legends = legend(cube, |i| Sign::Line(marker(i)));
    let plot = Plot { title: look.title.clone(), rows: grid, size, legends, bar: None };
    let names: Vec<&str> = cube.panels.iter().map(|p| p.name.as_str()).collect();
    let mut caption = vec![format!("{} by {}.", names.join(", "), cube.x)];
    caption.extend(words(cube, show, "bands"));
    if let Scale::Log { .. } = x_scale {
        caption.push("The horizontal axis is logarithmic.".into());
        let places = cube.series.values().flat_map(|s| s.drawn()).filter(|p| p.0 <= 0.0).count();
        caption.extend(not_positive(places, "places"));
    }
    if look.y_scale == Scaling::Log {
        caption.push("The vertical axis is logarithmic.".into());
        caption.extend(not_positive(hidden, "values"));
    }
    let mut points = cube.series.values().flat_map(|s| s.drawn());
    if let (Some(point), None) = (points.next(), points.next()) {
        caption.push(format!("A single point: {}.", scale::number(point.1.mean())));
    }
    finish(&plot, caption, drawn(cube, show))
}

/// Returns the error bars of single estimates.
fn errors(spreads: &[(f64, Spread)], color: Color) -> Mark {
    let at = spreads.iter().map(|(x, s)| (*x, s.low, s.high)).collect();
    Mark::Errors { at, color, width: 1.3, cap: 3.0, opacity: 0.9 }
}
