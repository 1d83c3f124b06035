//! Curves over an axis: means with bands, by colour, in facets; several values stacked over one axis.

use super::cube::{Cube, Roles};
use super::field::{axis_setting, fields};
use super::summary::Show;
use super::{Cell, Rows, absent_words, finish, nothing, planned, title};
use crate::engine::kernel::{Context, Failure, Job, Kernel};
use crate::engine::value::{Table, Value};
use crate::lang::Static;
use crate::report::figure::{Axis, Color, Key, Legend, Mark, Panel, Plot, Scale, Sign, color, marker, scale};

/// `curves(data, x, y, facet, color, show)`.
pub struct Curves;

/// `bands(x, y, color, facet, show)`.
pub struct Bands;

planned!(Curves);
planned!(Bands);

impl Kernel for Curves {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        draw(job, &cube(job, "data", word_list(job.settings.get("y")))?, false)
    }
}

impl Kernel for Bands {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        draw(job, &cube(job, "y", Vec::new())?, true)
    }
}

/// Returns the names in a setting that is a word, an axis, or a list of these.
fn word_list(setting: &Static) -> Vec<String> {
    match setting {
        Static::List(items) => items.iter().flat_map(word_list).collect(),
        other => axis_setting(other).map(|a| a.name).into_iter().collect(),
    }
}

/// Returns the inputs of a parameter, sorted into series by the job's settings.
///
/// Errors: no axis is named in `x:`, an input lacks it, or nothing is finite (absent).
pub fn cube(job: &Job, parameter: &str, y: Vec<String>) -> Result<Cube, Failure> {
    let x = axis_setting(job.settings.get("x")).ok_or_else(|| Failure::new("no axis is named in `x:`"))?;
    let facet = axis_setting(job.settings.get("facet"));
    let color = axis_setting(job.settings.get("color"));
    let inputs = fields(job, parameter);
    let cube = Cube::build(inputs, &Roles { x, y, facet, color, sets: job.labelled("x") })?;
    if cube.is_empty() { Err(nothing(&cube.absent)) } else { Ok(cube) }
}

/// Returns the colours of the series; the last one is for series without the axis of colours.
pub fn colors(cube: &Cube) -> Vec<Color> {
    let n = cube.colors.1.len();
    let mut out = color::series(n, cube.ordered);
    out.push(if n == 0 { color::OKABE_ITO[0] } else { color::INK });
    out
}

/// Returns the legend of the colours.
pub fn legend(cube: &Cube, sign: impl Fn(usize) -> Sign) -> Vec<Legend> {
    let inks = colors(cube);
    let n = cube.colors.1.len();
    if n == 0 {
        return Vec::new();
    }
    // Of very many colours every k-th is named; an even map lets readers find the others.
    let step = n.div_ceil(24);
    let keys = (0..n).step_by(step).map(|i| Key { text: cube.colors.1[i].clone(), color: inks[i], sign: sign(i) });
    vec![Legend { title: cube.colors.0.clone(), entries: keys.collect() }]
}

/// Returns the numbers that are drawn.
pub fn drawn(cube: &Cube, show: Show) -> Table {
    let mut rows = Rows::default();
    for ((p, f, c), series) in &cube.series {
        for (x, summary) in &series.points {
            let s = summary.spread(show);
            let color = cube.colors.1.get(*c).map_or("", String::as_str);
            let place = match cube.names.get(*x as usize) {
                Some(name) => Cell::Text(name),
                None => Cell::Number(*x),
            };
            rows.push(&[
                ("value", Cell::Text(&cube.panels[*p])),
                (&cube.facets.0, Cell::Text(&cube.facets.1[*f])),
                (&cube.colors.0, Cell::Text(color)),
                (&cube.x, place),
                (if show == Show::Quantiles { "median" } else { "mean" }, Cell::Number(s.center)),
                ("low", Cell::Number(s.low)),
                ("high", Cell::Number(s.high)),
                ("count", Cell::Number(summary.values.len() as f64)),
            ]);
        }
    }
    rows.finish()
}

/// Returns what a caption says of the spread, the pooling and the absent values. `what` names the marks: `bands`, `bars`.
pub fn words(cube: &Cube, show: Show, what: &str) -> Vec<String> {
    let mut over: Vec<String> = cube.pooled.iter().map(|(n, len)| format!("{n} ({len})")).collect();
    if cube.examples {
        over.push("examples".into());
    }
    let many = cube.series.values().any(|s| s.points.iter().any(|p| p.1.values.len() > 1));
    let over = if over.is_empty() { "the rows of each cell".to_string() } else { over.join(" and ") };
    let mut out = Vec::new();
    if many {
        out.push(match show {
            Show::Sd => format!("Mean and standard deviation ({what}) over {over}."),
            Show::Ci => format!("Mean and its 95 % confidence interval ({what}; Student's t) over {over}."),
            Show::Quantiles => format!("Median, quartiles, and 5 % and 95 % quantiles ({what}) over {over}."),
            Show::All => format!("Mean, and each value, over {over}."),
        });
    }
    if !cube.averaged.is_empty() {
        out.push(format!("First, {}.", cube.averaged.join(", then ")));
    }
    if cube.errors {
        let size = if show == Show::Ci { "1.96 standard errors (95 %)" } else { "one standard error" };
        out.push(format!("Error bars of single estimates: {size}."));
    }
    out.extend(absent_words(&cube.absent, cube.total));
    out
}

fn draw(job: &Job, cube: &Cube, stacked: bool) -> Result<Value, Failure> {
    let show = Show::from_word(job.settings.word("show"));
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
    let (x_scale, x_ticks) = cube.x_scale(size.0, job.settings.word("x_scale"));
    let mut grid: Vec<Vec<Panel>> = Vec::new();
    for (p, label) in cube.labels.iter().enumerate() {
        let values: Vec<f64> = cube
            .series
            .iter()
            .filter(|(k, _)| k.0 == p)
            .flat_map(|(_, s)| {
                let all = s.each.iter().flatten().map(|v| v.1).filter(|_| show == Show::All);
                let ends = s.points.iter().flat_map(|(_, s)| {
                    let e = s.spread(show);
                    [e.center, e.low, e.high, e.outer.0, e.outer.1]
                });
                all.chain(ends).collect::<Vec<_>>()
            })
            .collect();
        let y_scale = match job.settings.word("y_scale") {
            "log" => Scale::log_over(values),
            _ => Scale::within(values, 0.0, 1.0),
        };
        let mut row = Vec::new();
        for (f, heading) in cube.facets.1.iter().enumerate() {
            let mut bands = Vec::new();
            let mut lines = Vec::new();
            for ((_, _, c), series) in cube.series.iter().filter(|(k, _)| k.0 == p && k.1 == f) {
                let ink = inks[*c];
                let spreads: Vec<_> = series.points.iter().map(|(x, s)| (*x, s.spread(show))).collect();
                let single = series.points.iter().all(|(_, s)| s.values.len() <= 1);
                if show == Show::All && !single {
                    bands.extend(series.each.iter().map(|curve| Mark::Line {
                        at: curve.clone(),
                        color: ink,
                        width: 0.8,
                        dash: "",
                        opacity: 0.35,
                    }));
                } else if single {
                    bands.push(Mark::Errors {
                        at: spreads.iter().map(|(x, s)| (*x, s.low, s.high)).collect(),
                        color: ink,
                        width: 1.3,
                        cap: 3.0,
                        opacity: 0.9,
                    });
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
                let at: Vec<(f64, f64)> = spreads.iter().map(|(x, s)| (*x, s.center)).collect();
                let crowded = at.len() as f64 > size.0 / 14.0;
                let alone = at.iter().filter(|p| p.1.is_finite()).count() == 1;
                lines.push(Mark::Line { at: at.clone(), color: ink, width: 1.7, dash: "", opacity: 1.0 });
                if !crowded || alone {
                    lines.push(Mark::Points {
                        at,
                        colors: vec![ink],
                        marker: marker(*c % 5 * usize::from(!cube.colors.1.is_empty())),
                        radius: if stacked { 2.7 } else { 3.2 },
                        opacity: 1.0,
                    });
                }
            }
            bands.extend(lines);
            let mut x = Axis::new(cube.x.clone(), x_scale.clone());
            x.ticks = x_ticks.clone();
            let heading = if p == 0 { cube.heading(heading) } else { String::new() };
            row.push(Panel { heading, x, y: Axis::new(label.clone(), y_scale.clone()), marks: bands, shades: Vec::new() });
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
    let plot = Plot { title: title(job), rows: grid, size, legends, bar: None };
    let names: Vec<&str> = cube.panels.iter().map(String::as_str).collect();
    let mut caption = vec![format!("{} by {}.", names.join(", "), cube.x)];
    caption.extend(words(cube, show, "bands"));
    if let Scale::Log { .. } = x_scale {
        caption.push("The horizontal axis is logarithmic.".into());
    }
    if cube.series.len() == 1
        && let Some(point) = cube.series.values().next().and_then(|s| s.points.first())
        && cube.series.values().all(|s| s.points.len() == 1)
    {
        caption.push(format!("A single point: {}.", scale::number(point.1.mean())));
    }
    finish(&plot, caption, drawn(cube, show))
}
