//! Bars over an axis, side by side by colour, with their spread.

use super::check;
use super::frame::Frame;
use super::layout;
use super::named::{Axes, Sharing, Show};
use super::powers;
use super::references::{References, Side};
use super::series::{Sorted, drawn, meanings, no_values, sorted, words};
use super::sheet::{Each, cost, crosses, finish};
use crate::engine::kernel::{Context, Failure, Job, Kernel};
use crate::engine::value::Value;
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Shape};
use crate::plan::files::Files;
use crate::report::figure::{Axis, Legend, Mark, Panel, Plot, Scale, Sign, color};
use crate::settings;

/// `bars(y, x, color, facet, show)`.
pub struct Bars;

settings! {
    struct BarsSettings("bars") { x: Axes, facet: Axes = Axes::default(), color: Axes = Axes::default(), show: Show }
}

impl Planned for Bars {
    fn version(&self) -> u32 {
        7
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
            sharing: Sharing::Apart,
            frame: &Frame::read(settings),
        };
        check::over_an_axis(&over, shapes)
    }

    fn facts(&self, _settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(Facts::default())
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        cost(inputs, Each { seconds: 6e-6, memory: 1.2e3, disk: 100.0 })
    }
}

impl Kernel for Bars {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let s = BarsSettings::read(&job.settings);
        let mut frame = Frame::read(&job.settings);
        let show = s.show;
        let Sorted { mut cube, inks } = sorted(job, "y", (&s.x, &s.facet, &s.color), Vec::new(), &mut frame, |_| Sign::Patch)?;
        let table = drawn(&cube, show);
        // Bars stand at places, not at numbers: numeric coordinates become names in their order.
        cube.name_places();
        let references = References::read(job, &frame);
        let places = frame.coordinates(&cube.x, &cube.names);
        let groups = cube.colors.1.len().max(1);
        let facets = cube.facet_count();
        let slots = cube.names.len() * groups;
        let width = match facets {
            1 => (slots as f64 * 28.0 + 30.0).clamp(200.0, 620.0),
            _ => {
                (slots as f64 * 28.0 + 30.0).clamp(if facets > 9 { 120.0 } else { 150.0 }, if facets > 9 { 180.0 } else { 300.0 })
            }
        };
        // Bars are at most 56 pixels wide.
        let span = (0.76f64).min(56.0 * slots as f64 / width);
        let each = span / groups as f64;
        let mut panels = Vec::new();
        for (p, panel) in cube.panels.iter().enumerate() {
            let own = cube.series.iter().filter(|(k, _)| k.0 == p);
            let ends = own.flat_map(|(_, s)| {
                s.points.iter().flat_map(|(_, s)| {
                    let e = cube.spread(p, s, show);
                    [e.center, e.low, e.high]
                })
            });
            let ends: Vec<f64> = ends.chain(references.values(Side::Y)).collect();
            let y_scale = frame.y.scale(match powers::upright(&frame) {
                true => powers::of_series(&cube, p, show, references.values(Side::Y))?,
                false => Scale::from_zero(ends, panel.share),
            });
            let mut row = Vec::new();
            for f in 0..facets {
                let mut marks = references.marks(&cube.facet(f));
                let mut spreads = Vec::new();
                let mut doubtful = Vec::new();
                for ((_, _, c), series) in cube.series.iter().filter(|(k, _)| k.0 == p && k.1 == f) {
                    let left = |x: f64| x - span / 2.0 + each * (*c).min(groups - 1) as f64;
                    let gap = 0.04 * each;
                    let spread = |s| cube.spread(p, s, show);
                    let at = series.points.iter().map(|(x, s)| (left(*x) + gap, left(*x) + each - gap, 0.0, spread(s).center));
                    marks.push(Mark::Bars { at: at.collect(), color: inks.colors[*c] });
                    let own = series.points.iter().filter(|(x, _)| cube.doubtful((p, f, *c), *x));
                    doubtful.extend(own.map(|(x, s)| (left(*x) + each / 2.0, spread(s).center)));
                    let at = series.points.iter().map(|(x, s)| (left(*x) + each / 2.0, spread(s).low, spread(s).high));
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
                let x = Axis::new(frame.x.label(frame.axis_label(&cube.x)), Scale::Category { names: places.clone() });
                row.push(Panel::new(x, Axis::new(frame.y.label(panel.label.clone()), y_scale.clone()), marks));
            }
            panels.push(row);
        }
        let size = (width, if cube.panels.len() > 1 || facets > 4 { 140.0 } else { 240.0 });
        let rows = layout::grid(&cube, &frame, panels, width);
        let mut legends: Vec<Legend> = inks.legend.iter().cloned().collect();
        legends.extend(meanings(&cube, show, true));
        legends.extend(references.legend());
        let plot = Plot { title: frame.title.clone(), rows, size, legends, bar: inks.bar };
        let names: Vec<&str> = cube.panels.iter().map(|p| p.name.as_str()).collect();
        let mut caption = vec![format!("{} by {}.", names.join(", "), cube.x)];
        caption.extend(words(&cube, show, "error bars"));
        if powers::upright(&frame) {
            caption.extend(powers::of_series_words(&cube, show));
        }
        finish(plot, caption, table, cx)
    }
}
