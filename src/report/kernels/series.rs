//! What figures over an axis share: sorting inputs into series, colours, the table of what is drawn, words about pooling.

use super::cube::{Cube, Roles};
use super::field::fields;
use super::named::{Axes, Show, Texts, Units};
use super::pool::{Curve, Pooling};
use super::sheet::{Cell, Rows, absent_words, nothing};
use crate::engine::kernel::{Failure, Job};
use crate::engine::value::Table;
use crate::report::figure::{Color, Key, Legend, Sign, color};

/// Returns the inputs of a parameter, sorted into series by the axes of `x:`, `facet:` and `color:`.
///
/// Errors: no axis is named in `x:`, an input lacks it, or nothing is finite (absent).
pub fn cube(
    job: &Job,
    parameter: &str,
    (x, facet, color): (&Axes, &Axes, &Axes),
    y: Vec<String>,
    names: &Texts,
    units: &Units,
) -> Result<Cube, Failure> {
    let x = x.one().cloned().ok_or_else(|| Failure::new("no axis is named in `x:`"))?;
    let sets = ["x", "facet", "color"].map(|p| job.labelled(p));
    let roles = Roles { x, y, facet: facet.one().cloned(), color: color.one().cloned(), sets };
    let cube = Cube::build(fields(job, parameter, names, units), &roles)?;
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
    let mut keys: Vec<Key> =
        (0..n).step_by(step).map(|i| Key { text: cube.colors.1[i].clone(), color: inks[i], sign: sign(i) }).collect();
    // Series of inputs without that axis.
    if cube.series.keys().any(|k| k.2 == n) {
        keys.push(Key { text: format!("without {}", cube.colors.0), color: inks[n], sign: sign(n) });
    }
    vec![Legend { title: cube.colors.0.clone(), entries: keys }]
}

/// Returns the numbers that are drawn. Curves that are drawn each by itself are told apart by the column `curve`.
pub fn drawn(cube: &Cube, show: Show) -> Table {
    let mut rows = Rows::default();
    for ((p, f, c), series) in &cube.series {
        let alone = Curve { name: String::new(), points: series.points.clone() };
        let each = series.each.iter().filter(|_| series.apart || show == Show::All && many(series.points.iter()));
        for curve in std::iter::once(&alone).chain(each) {
            for (x, summary) in &curve.points {
                let s = summary.spread(show);
                let color = cube.colors.1.get(*c).map_or("", String::as_str);
                let place = match cube.names.get(*x as usize) {
                    Some(name) => Cell::Text(name),
                    None => Cell::Number(*x),
                };
                let mut row = vec![
                    ("value", Cell::Text(&cube.panels[*p].name)),
                    (cube.facets.0.as_str(), Cell::Text(&cube.facets.1[*f])),
                    (&cube.colors.0, Cell::Text(color)),
                    ("curve", Cell::Text(&curve.name)),
                    (&cube.x, place),
                    (if show == Show::Quantiles { "median" } else { "mean" }, Cell::Number(s.center)),
                    ("low", Cell::Number(s.low)),
                    ("high", Cell::Number(s.high)),
                ];
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
        out.push(format!("Curves of unlike {axis} stand over different places: they are told apart by colour, and nothing is pooled over {axis}."));
    }
    let empty: Vec<&str> =
        cube.panels.iter().enumerate().filter(|(p, _)| no_values(cube, *p)).map(|(_, p)| p.name.as_str()).collect();
    if !empty.is_empty() {
        out.push(format!("Nothing to draw of {}.", empty.join(" and ")));
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
    let mut over = p.over.clone();
    if p.examples {
        over.push("examples".into());
    }
    if let Some((fewest, most)) = p.counts {
        let over = over.join(" and ");
        let bars = what == "error bars";
        out.push(match show {
            Show::Sd => format!("Mean and standard deviation ({what}) over {over}."),
            Show::Ci => format!("Mean and its 95 % confidence interval ({what}; Student's t) over {over}."),
            Show::Quantiles if bars => format!("Median and quartiles ({what}) over {over}."),
            Show::Quantiles => format!("Median, quartiles, and 5 % and 95 % quantiles ({what}) over {over}."),
            Show::All => format!("Mean, and each value, over {over}."),
        });
        if show == Show::Ci && p.over.len() > 1 {
            out.push("The interval takes their combinations as independent.".to_string());
        }
        if fewest < most {
            let one = if fewest < 2 { "; a single one has no spread" } else { "" };
            out.push(format!("From {fewest} to {most} values at a place{one}."));
        }
    }
    if !p.averaged.is_empty() {
        out.push(format!("First, {}.", p.averaged.join(", then ")));
    }
    if !p.apart.is_empty() {
        let axes = p.apart.join(" and ");
        out.push(format!(
            "The curves over {axes} stand over different places: each is drawn by itself, and nothing is pooled over them."
        ));
    }
    if p.errors {
        let size = if show == Show::Ci { "1.96 standard errors (95 %)" } else { "one standard error" };
        out.push(format!("Error bars of single estimates: {size}."));
    }
    out
}
