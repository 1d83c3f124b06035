//! What figures over an axis share: sorting inputs into series, colours, the table of what is drawn, words about pooling.

use super::cube::{Cube, Roles};
use super::facets::Facets;
use super::field::{Field, fields};
use super::frame::Frame;
use super::inks::Inks;
use super::named::{Axes, AxisName, Show};
use super::pool::{Curve, Pooling};
use super::sheet::{Cell, Rows, absent_words, nothing};
use crate::engine::kernel::{Failure, Job};
use crate::engine::value::{Table, Value};
use crate::report::figure::{Color, Key, Legend, Sign, color};

/// The inputs of a figure over an axis, sorted, with their colours.
pub struct Sorted {
    /// The series.
    pub cube: Cube,
    /// Their colours.
    pub inks: Inks,
}

/// Returns the inputs of a parameter, sorted into series by the axes of `x:`, `facet:` and `color:`, or by the axis of a value in `color:`.
/// Places stand in the order of the value in `sort:`. A value in `facet:` is told to the frame, which labels its panels.
///
/// Errors: no axis is named in `x:`, an input lacks it, or nothing is finite (absent).
pub fn sorted(
    job: &Job,
    parameter: &str,
    (x, facet, color): (&Axes, &Axes, &Axes),
    y: Vec<String>,
    frame: &mut Frame,
    sign: impl Fn(usize) -> Sign,
) -> Result<Sorted, Failure> {
    let x = x.one().cloned().ok_or_else(|| Failure::new("no axis is named in `x:`"))?;
    let by = fields(job, "color", frame).into_iter().find(|f| f.values.iter().any(|v| !matches!(v, Value::Dataset(_))));
    let by_axis = by.as_ref().and_then(axis_of);
    let mut sets = vec![job.labelled("x"), job.labelled("color").filter(|_| by.is_none())];
    sets.extend((0..facet.0.len()).map(|k| job.labelled(&if k == 0 { "facet".into() } else { format!("facet.{k}") })));
    let faceted = Facets::read(job, frame)?;
    let facets = faceted.as_ref().map_or_else(|| facet.0.clone(), |f| vec![f.name()]);
    let roles = Roles { x, y, facets, color: color.one().cloned().or(by_axis), sets, by: faceted.as_ref() };
    let mut cube = Cube::build(fields(job, parameter, frame), &roles)?;
    if cube.is_empty() {
        return Err(nothing(&cube.absent));
    }
    if let Some(by) = fields(job, "sort", frame).first() {
        cube.sort_places(by);
    }
    let inks = Inks::of(&cube, frame, by.as_ref(), sign);
    Ok(Sorted { cube, inks })
}

/// Returns the only axis of a value that has more than one coordinate.
fn axis_of(by: &Field) -> Option<AxisName> {
    let axis = by.axes.iter().find(|a| a.coordinates.len() > 1).or(by.axes.first())?;
    Some(AxisName { name: axis.name.clone(), role: if axis.role == "class" { "class".into() } else { String::new() } })
}

/// Returns the numbers that are drawn. Curves that are drawn each by itself are told apart by the column `curve`.
pub fn drawn(cube: &Cube, show: Show) -> Table {
    let mut rows = Rows::default();
    for ((p, f, c), series) in &cube.series {
        let alone = Curve { name: String::new(), points: series.points.clone() };
        let each = series.each.iter().filter(|_| series.apart || show == Show::All && many(series.points.iter()));
        let facet = cube.facet(*f);
        for curve in std::iter::once(&alone).chain(each) {
            for (x, summary) in &curve.points {
                let s = cube.spread(*p, summary, show);
                let color = cube.colors.1.get(*c).map_or("", String::as_str);
                let place = match cube.names.get(*x as usize) {
                    Some(name) => Cell::Text(name),
                    None => Cell::Number(*x),
                };
                let mut row = vec![("value", Cell::Text(&cube.panels[*p].name))];
                row.extend(facet.iter().map(|(name, coordinate)| (*name, Cell::Text(coordinate))));
                row.extend([
                    (cube.colors.0.as_str(), Cell::Text(color)),
                    ("curve", Cell::Text(&curve.name)),
                    (&cube.x, place),
                    (if show == Show::Quantiles { "median" } else { "mean" }, Cell::Number(s.center)),
                    ("low", Cell::Number(s.low)),
                    ("high", Cell::Number(s.high)),
                ]);
                if show == Show::Quantiles {
                    row.push(("q05", Cell::Number(s.outer.0)));
                    row.push(("q95", Cell::Number(s.outer.1)));
                }
                row.push(("count", Cell::Number(summary.values.len() as f64)));
                rows.push(&row);
            }
        }
    }
    rows.finish()
}

/// Returns whether several values are pooled at any of the places.
pub fn many<'a>(mut points: impl Iterator<Item = &'a (f64, super::summary::Summary)>) -> bool {
    points.any(|(_, s)| s.values.len() > 1)
}

/// Returns what the legend says of the bands and bars: one entry where all panels agree, one for each meaning otherwise. `bars`: pooled
/// values are drawn with bars, not bands.
pub fn meanings(cube: &Cube, show: Show, bars: bool) -> Option<Legend> {
    let mut all: Vec<(String, bool, Vec<&str>)> = Vec::new();
    for (p, panel) in cube.panels.iter().enumerate().filter(|(p, _)| !no_values(cube, *p)) {
        let Some(text) = meaning(&panel.pooling, show, bars) else { continue };
        let bar = bars || panel.pooling.counts.is_none();
        match all.iter_mut().find(|(t, b, _)| *t == text && *b == bar) {
            Some((.., of)) => of.push(&cube.panels[p].label),
            None => all.push((text, bar, vec![&cube.panels[p].label])),
        }
    }
    let several = all.len() > 1;
    let grey: Color = color::FRAME;
    let key = |(text, bar, of): (String, bool, Vec<&str>)| Key {
        text: if several { format!("{}: {text}", of.join(", ")) } else { text },
        color: grey,
        sign: if bar { Sign::Bar } else { Sign::Band },
    };
    let entries: Vec<Key> = all.into_iter().map(key).collect();
    (!entries.is_empty()).then(|| Legend { title: String::new(), entries })
}

/// Returns what the bands or bars of a panel are; `None` if there are none.
fn meaning(p: &Pooling, show: Show, bars: bool) -> Option<String> {
    if p.counts.is_none() {
        return p.errors.then(|| match show {
            Show::Ci => "95 % interval (1.96 standard errors)".to_string(),
            _ => "± one standard error".to_string(),
        });
    }
    let over = over(p);
    Some(match show {
        Show::Sd => format!("mean ± standard deviation over {over}"),
        Show::Se => format!("mean ± standard error over {over}"),
        Show::Ci => format!("mean, 95 % confidence interval over {over}"),
        Show::Quantiles if bars => format!("median, quartiles over {over}"),
        Show::Quantiles => format!("median, quartiles, 5 % and 95 % over {over}"),
        Show::All => return None,
    })
}

/// Returns what is pooled, in words.
fn over(p: &Pooling) -> String {
    let mut over = p.over.clone();
    if p.examples {
        over.push("examples".into());
    }
    over.join(" and ")
}

/// Returns what a caption says of the spread, the pooling and the absent values. `what` names the marks: `bands`, `error bars`.
pub fn words(cube: &Cube, show: Show, what: &str) -> Vec<String> {
    let mut out = Vec::new();
    let first = cube.panels.first().map(|p| &p.pooling);
    if cube.panels.iter().all(|p| Some(&p.pooling) == first) {
        out.extend(first.into_iter().flat_map(|p| pooled(p, show, what)));
    } else {
        for panel in &cube.panels {
            let own = pooled(&panel.pooling, show, what);
            if !own.is_empty() {
                out.push(format!("{}: {}", panel.name, own.join(" ")));
            }
        }
    }
    if let Some(axis) = &cube.promoted {
        out.push(format!(
            "Curves of different {axis} have different x values: each has its colour, and nothing is pooled over {axis}."
        ));
    }
    let empty: Vec<&str> =
        cube.panels.iter().enumerate().filter(|(p, _)| no_values(cube, *p)).map(|(_, p)| p.name.as_str()).collect();
    if !empty.is_empty() {
        out.push(format!("Nothing to draw of {}.", empty.join(" and ")));
    }
    if cube.cut(show) {
        out.push(format!("Shares: {what} end at 0 and 1."));
    }
    out.extend(absent_words(&cube.absent, cube.total));
    out
}

/// Returns whether nothing finite stands in a panel.
pub fn no_values(cube: &Cube, panel: usize) -> bool {
    let mut own = cube.series.iter().filter(|(k, _)| k.0 == panel).flat_map(|(_, s)| s.drawn());
    own.all(|p| p.1.values.is_empty())
}

fn pooled(p: &Pooling, show: Show, what: &str) -> Vec<String> {
    let mut out = Vec::new();
    if let Some((fewest, most)) = p.counts {
        let over = over(p);
        let bars = what == "error bars";
        out.push(match show {
            Show::Sd => format!("Mean and standard deviation ({what}) over {over}."),
            Show::Se => format!("Mean and its standard error ({what}) over {over}."),
            Show::Ci => format!("Mean and its 95 % confidence interval ({what}; Student's t) over {over}."),
            Show::Quantiles if bars => format!("Median and quartiles ({what}) over {over}."),
            Show::Quantiles => format!("Median, quartiles, and 5 % and 95 % quantiles ({what}) over {over}."),
            Show::All => format!("Mean, and each value, over {over}."),
        });
        if matches!(show, Show::Ci | Show::Se) && p.over.len() > 1 {
            let what = if show == Show::Ci { "interval" } else { "standard error" };
            out.push(format!("The {what} treats their combinations as independent."));
        }
        if fewest < most {
            let one = match (fewest < 2, show) {
                (false, _) => "",
                (_, Show::Ci | Show::Se) if p.errors => "; a single one has its own error",
                _ => "; a single one has no spread",
            };
            out.push(format!("From {fewest} to {most} values at a place{one}."));
        }
    }
    if !p.averaged.is_empty() {
        out.push(format!("First, {}.", p.averaged.join(", then ")));
    }
    if !p.apart.is_empty() {
        let axes = p.apart.join(" and ");
        out.push(format!(
            "The curves over {axes} have different x values: each is drawn separately, and nothing is pooled over them."
        ));
    }
    if p.errors && p.counts.is_none() {
        let size = if show == Show::Ci { "1.96 standard errors (95 %)" } else { "one standard error" };
        out.push(format!("Error bars of single estimates: {size}."));
    }
    out
}
