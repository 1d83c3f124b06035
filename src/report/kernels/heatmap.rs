//! Numbers over two axes as colours.

use super::field::{AxisName, Field, axis_setting, field};
use super::summary::Summary;
use super::{Cell, Rows, absent_words, finish, nothing, planned, title};
use crate::engine::kernel::{Context, Failure, Job, Kernel};
use crate::engine::value::Value;
use crate::report::figure::{Axis, ColorBar, Mark, Panel, Plot, Scale, color, scale};
use std::collections::BTreeMap;

/// `heatmap(x, rows, columns, facet)`.
pub struct Heatmap;

planned!(Heatmap);

impl Kernel for Heatmap {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let x = field(job, "x").ok_or_else(|| Failure::new("the input `x` is missing"))?;
        let facet = axis_setting(job.settings.get("facet"));
        let x = [facet.clone(), axis_setting(job.settings.get("rows")), axis_setting(job.settings.get("columns"))]
            .iter()
            .flatten()
            .fold(x, |f, a| f.split(a, None));
        let (rows, columns) =
            sides(&x, facet.as_ref(), axis_setting(job.settings.get("rows")), axis_setting(job.settings.get("columns")))?;
        let facet = facet.as_ref().and_then(|f| x.find(f)).filter(|f| *f != rows && *f != columns);
        let named = |i: usize| AxisName { name: x.axes[i].name.clone(), role: x.axes[i].role.clone() };
        let shown: Vec<AxisName> = [Some(rows), Some(columns), facet].into_iter().flatten().map(named).collect();
        let (x, _) = x.inner_averaged(&shown.iter().collect::<Vec<_>>());
        let place = |a: &AxisName| x.find(a).unwrap_or(0);
        let (rows, columns, facet) = (place(&shown[0]), place(&shown[1]), shown.get(2).map(place));
        let mut cells: BTreeMap<(usize, usize, usize), Vec<&Value>> = BTreeMap::new();
        for (i, value) in x.values.iter().enumerate() {
            let at = x.places(i);
            cells.entry((facet.map_or(0, |f| at[f]), at[rows], at[columns])).or_default().push(value);
        }
        let cells: BTreeMap<_, Summary> = cells.into_iter().map(|(k, v)| (k, Summary::of(&v))).collect();
        let (low, high) = scale::range(cells.values().map(Summary::mean));
        if low > high {
            return Err(nothing(&x.absent()));
        }
        draw(job, &x, rows, columns, facet, &cells, (low, high))
    }
}

/// Returns the axes of the rows and the columns: those named, or the first two with more than one coordinate.
fn sides(
    x: &Field,
    facet: Option<&AxisName>,
    rows: Option<AxisName>,
    columns: Option<AxisName>,
) -> Result<(usize, usize), Failure> {
    let named = |axis: &Option<AxisName>| match axis {
        None => Ok(None),
        Some(a) => match x.find(a) {
            Some(at) => Ok(Some(at)),
            None => Err(Failure::new(format!("`{}` has no axis `{}`", x.name, a.name))),
        },
    };
    let (rows, columns) = (named(&rows)?, named(&columns)?);
    let facet = facet.and_then(|f| x.find(f));
    let mut free = (0..x.axes.len()).filter(|i| Some(*i) != rows && Some(*i) != columns && Some(*i) != facet).collect::<Vec<_>>();
    // Axes of one coordinate are taken last.
    free.sort_by_key(|i| x.axes[*i].coordinates.len() < 2);
    let mut free = free.into_iter();
    match (rows.or_else(|| free.next()), columns.or_else(|| free.next())) {
        (Some(r), Some(c)) if r != c => Ok((r, c)),
        _ => Err(Failure::new(format!("`{}` has fewer than two axes", x.name))
            .help("a heatmap needs two axes: one for the rows, one for the columns")),
    }
}

fn draw(
    job: &Job,
    x: &Field,
    rows: usize,
    columns: usize,
    facet: Option<usize>,
    cells: &BTreeMap<(usize, usize, usize), Summary>,
    (low, high): (f64, f64),
) -> Result<Value, Failure> {
    let (row_axis, column_axis) = (&x.axes[rows], &x.axes[columns]);
    let (n, m) = (row_axis.coordinates.len(), column_axis.coordinates.len());
    let facets = facet.map_or_else(|| vec![String::new()], |f| x.axes[f].coordinates.clone());
    let edge = if facets.len() > 1 { 240.0 } else { 400.0 };
    let tile = (edge / n.max(m) as f64).clamp(2.0, 44.0);
    // Few rows are drawn high enough for the bar of colours beside them.
    let size = ((tile * m as f64).max(60.0), (tile * n as f64).max(110.0));
    let decimals = if high.abs().max(low.abs()) >= 100.0 { 0 } else { 2 };
    let mut table = Rows::default();
    let mut panels = Vec::new();
    let mut holes = 0;
    for (f, heading) in facets.iter().enumerate() {
        let mut tiles = Vec::new();
        for r in 0..n {
            for c in 0..m {
                let value = cells.get(&(f, r, c)).map_or(f64::NAN, Summary::mean);
                let (fill, words) = if value.is_finite() {
                    let share = if high > low { (value - low) / (high - low) } else { 0.5 };
                    (color::Map::Viridis.at(share), if n.max(m) <= 14 { scale::fixed(value, decimals) } else { String::new() })
                } else {
                    holes += 1;
                    (color::EMPTY, String::new())
                };
                tiles.push((c, r, fill, words));
                table.push(&[
                    (facet.map_or("", |f| x.axes[f].name.as_str()), Cell::Text(heading)),
                    (&row_axis.name, Cell::Text(&row_axis.coordinates[r])),
                    (&column_axis.name, Cell::Text(&column_axis.coordinates[c])),
                    ("value", Cell::Number(value)),
                    ("count", Cell::Number(cells.get(&(f, r, c)).map_or(0.0, |s| s.values.len() as f64))),
                ]);
            }
        }
        let across = Axis::new(column_axis.name.clone(), Scale::Category { names: column_axis.coordinates.clone() });
        let mut down = Axis::new(row_axis.name.clone(), Scale::Category { names: row_axis.coordinates.clone() });
        down.reverse = true;
        panels.push(Panel {
            heading: facet_heading(facet.map(|f| x.axes[f].name.as_str()), heading),
            x: across,
            y: down,
            marks: vec![Mark::Tiles { at: tiles }],
            shades: Vec::new(),
        });
    }
    let mut grid = Vec::new();
    let per_row = ((760.0 / (size.0 + 60.0)) as usize).clamp(1, panels.len());
    let mut rest = panels.into_iter().peekable();
    while rest.peek().is_some() {
        grid.push(rest.by_ref().take(per_row).collect());
    }
    let absent = if holes > 0 { "absent".to_string() } else { String::new() };
    let bar = ColorBar { label: x.label(), range: (low, high), map: color::Map::Viridis, absent };
    let plot = Plot { title: title(job), rows: grid, size, legends: Vec::new(), bar: Some(bar) };
    let mut caption = vec![format!("{} by {} (rows) and {} (columns).", x.name, row_axis.name, column_axis.name)];
    let pooled: Vec<_> = (0..x.axes.len())
        .filter(|i| *i != rows && *i != columns && Some(*i) != facet && x.axes[*i].coordinates.len() > 1)
        .map(|i| format!("{} ({})", x.axes[i].name, x.axes[i].coordinates.len()))
        .collect();
    if !pooled.is_empty() {
        caption.push(format!("Means over {}.", pooled.join(" and ")));
    }
    if x.has_scores() {
        caption.push("Averaged over examples.".into());
    }
    caption.extend(absent_words(&x.absent(), x.values.len()));
    finish(&plot, caption, table.finish())
}

/// Returns the heading of a facet: the axis's name and the coordinate, unless that names the axis already.
fn facet_heading(axis: Option<&str>, coordinate: &str) -> String {
    match axis {
        Some(name) if !coordinate.starts_with(name) => format!("{name}: {coordinate}"),
        _ => coordinate.to_string(),
    }
}
