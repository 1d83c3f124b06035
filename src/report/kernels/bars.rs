//! Bars over an axis, side by side by colour, with their spread.

use super::check;
use super::named::{Axes, Scaling, Show, Texts, Units};
use super::series::{colors, cube, drawn, legend, no_values, words};
use super::sheet::{COST, crosses, finish};
use crate::engine::kernel::{Context, Failure, Job, Kernel};
use crate::engine::value::Value;
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Shape};
use crate::plan::files::Files;
use crate::report::figure::{Axis, Mark, Panel, Plot, Scale, Sign, color, scale};
use crate::settings;
use std::collections::BTreeSet;

/// `bars(y, x, color, facet, show)`.
pub struct Bars;

settings! {
    struct BarsSettings("bars") {
        x: Axes, facet: Axes = Axes::default(), color: Axes = Axes::default(), show: Show, title: String, names: Texts, units: Units = Units::default(),
    }
}

impl Planned for Bars {
    fn version(&self) -> u32 {
        2
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        let s = BarsSettings::read(settings);
        let over = check::OverAxis {
            input: "y",
            x: &s.x,
            y: None,
            facet: &s.facet,
            color: &s.color,
            show: s.show,
            x_scale: Scaling::Auto,
            names: &s.names,
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

impl Kernel for Bars {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let s = BarsSettings::read(&job.settings);
        let show = s.show;
        let mut cube = cube(job, "y", (&s.x, &s.facet, &s.color), Vec::new(), &s.names, &s.units)?;
        let table = drawn(&cube, show);
        // Bars stand at places, not at numbers: numeric coordinates become names in their order.
        if cube.names.is_empty() {
            let places: BTreeSet<u64> = cube.series.values().flat_map(|s| s.points.iter().map(|p| p.0.to_bits())).collect();
            let mut places: Vec<f64> = places.into_iter().map(f64::from_bits).collect();
            places.sort_by(f64::total_cmp);
            cube.names = places
                .iter()
                .map(|v| cube.written.iter().find(|w| w.0 == *v).map_or_else(|| scale::number(*v), |w| w.1.clone()))
                .collect();
            for series in cube.series.values_mut() {
                for (x, _) in &mut series.points {
                    *x = places.iter().position(|p| p == x).unwrap_or(0) as f64;
                }
            }
        }
        let inks = colors(&cube);
        let groups = cube.colors.1.len().max(1);
        let facets = cube.facets.1.len();
        let slots = cube.names.len() * groups;
        let width =
            (slots as f64 * 28.0 + 30.0).clamp(if facets > 1 { 150.0 } else { 200.0 }, if facets > 1 { 300.0 } else { 620.0 });
        // Bars are at most 56 pixels wide.
        let span = (0.76f64).min(56.0 * slots as f64 / width);
        let each = span / groups as f64;
        let mut grid = Vec::new();
        for (p, panel) in cube.panels.iter().enumerate() {
            let own = cube.series.iter().filter(|(k, _)| k.0 == p);
            let ends = own.flat_map(|(_, s)| {
                s.points.iter().flat_map(|(_, s)| {
                    let e = s.spread(show);
                    [e.center, e.low, e.high]
                })
            });
            let y_scale = Scale::from_zero(ends);
            let mut row = Vec::new();
            for (f, heading) in cube.facets.1.iter().enumerate() {
                let mut marks = Vec::new();
                let mut spreads = Vec::new();
                let mut doubtful = Vec::new();
                for ((_, _, c), series) in cube.series.iter().filter(|(k, _)| k.0 == p && k.1 == f) {
                    let left = |x: f64| x - span / 2.0 + each * (*c).min(groups - 1) as f64;
                    let gap = 0.04 * each;
                    let at =
                        series.points.iter().map(|(x, s)| (left(*x) + gap, left(*x) + each - gap, 0.0, s.spread(show).center));
                    marks.push(Mark::Bars { at: at.collect(), color: inks[*c] });
                    let own = series.points.iter().filter(|(x, _)| cube.doubtful((p, f, *c), *x));
                    doubtful.extend(own.map(|(x, s)| (left(*x) + each / 2.0, s.spread(show).center)));
                    let at = series.points.iter().map(|(x, s)| {
                        let e = s.spread(show);
                        (left(*x) + each / 2.0, e.low, e.high)
                    });
                    spreads.push(Mark::Errors {
                        at: at.collect(),
                        color: color::INK,
                        width: 1.1,
                        cap: (0.3 * each * width / cube.names.len().max(1) as f64).min(3.0),
                        opacity: 1.0,
                    });
                }
                marks.extend(spreads);
                marks.extend(crosses(doubtful, 3.2));
                if no_values(&cube, p) {
                    marks.push(Mark::Note { text: "no values".into() });
                }
                marks.push(Mark::Rule { y: 0.0, color: color::FRAME, dash: "" });
                let heading = if p == 0 { cube.heading(heading) } else { String::new() };
                let x = Axis::new(cube.x.clone(), Scale::Category { names: cube.names.clone() });
                row.push(Panel { heading, x, y: Axis::new(panel.label.clone(), y_scale.clone()), marks, shades: Vec::new() });
            }
            grid.push(row);
        }
        let size = (width, if cube.panels.len() > 1 { 140.0 } else { 240.0 });
        let plot = Plot { title: s.title, rows: grid, size, legends: legend(&cube, |_| Sign::Patch), bar: None };
        let names: Vec<&str> = cube.panels.iter().map(|p| p.name.as_str()).collect();
        let mut caption = vec![format!("{} by {}.", names.join(", "), cube.x)];
        caption.extend(words(&cube, show, "error bars"));
        finish(&plot, caption, table)
    }
}
