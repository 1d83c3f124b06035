//! Numbers over two axes as colours.

use super::check::{self, Part};
use super::field::{Field, field};
use super::frame::Frame;
use super::layout;
use super::named::{Axes, AxisName};
use super::pool::{Pooling, Sample, pool};
use super::sheet::{COST, Cell, Rows, absent_words, crosses_in, finish, nothing};
use super::summary::Summary;
use crate::engine::kernel::{Context, Failure, Job, Kernel, LabelledAxis};
use crate::engine::value::Value;
use crate::lang::Settings;
use crate::lang::kind::Kind;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Shape};
use crate::plan::files::Files;
use crate::report::figure::{Axis, ColorBar, Mark, Panel, Plot, Scale, color, scale};
use crate::settings;
use std::collections::BTreeMap;

/// `heatmap(x, rows, columns, facet)`.
pub struct Heatmap;

settings! {
    struct HeatmapSettings("heatmap") {
        rows: Axes = Axes::default(), columns: Axes = Axes::default(), facet: Axes = Axes::default(),
    }
}

impl Planned for Heatmap {
    fn version(&self) -> u32 {
        3
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        let s = HeatmapSettings::read(settings);
        let frame = Frame::read(settings);
        frame.check()?;
        let (rows, columns, facet) =
            (check::single("rows", &s.rows)?, check::single("columns", &s.columns)?, check::single("facet", &s.facet)?);
        let shown = [("rows", rows), ("columns", columns), ("facet", facet)];
        check::different(&shown)?;
        let Some(parts) = check::parts("x", shapes, &frame.names, &shown, &[]) else { return Ok(()) };
        for part in &parts {
            if let Some((parameter, axis)) = shown.iter().find_map(|(p, a)| a.filter(|a| part.find(a).is_none()).map(|a| (*p, a)))
            {
                return Err(check::not_there(parameter, part, axis));
            }
            if sides(&part.axes, rows, columns, facet).is_none() {
                return Err(few_axes(part, facet));
            }
        }
        Ok(())
    }

    fn facts(&self, _settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(Facts::default())
    }

    fn cost(&self, _settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        COST
    }
}

fn few_axes(part: &Part, facet: Option<&AxisName>) -> Problem {
    let beside = facet.map_or_else(String::new, |f| format!(" beside the facets of `{}`", f.name));
    let message = format!("a heatmap needs two axes{beside}, one for the rows and one for the columns: {}", check::axes_of(part));
    let help = match *part.kind == (Kind::Number { per_example: true }) {
        true => "split the examples, say by classes: `rows: class`",
        false => "of one axis `curves` or `bars` draw as much",
    };
    check::shape("x", message, help)
}

impl Kernel for Heatmap {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let s = HeatmapSettings::read(&job.settings);
        let frame = Frame::read(&job.settings);
        let x = field(job, "x", &frame).ok_or_else(|| Failure::new("the input `x` is missing"))?;
        let named = [("rows", s.rows.one()), ("columns", s.columns.one()), ("facet", s.facet.one())];
        let x = named.iter().fold(x, |f, (parameter, axis)| axis.map_or(f.clone(), |a| f.split(a, job.labelled(parameter))));
        let Some((rows, columns, facet)) = sides(&x.axes, named[0].1, named[1].1, named[2].1) else {
            // Of absent scores nothing tells how they are split.
            let absent = x.values.iter().all(|v| matches!(v, Value::Absent(_)));
            return Err(if absent {
                nothing(&x.absent())
            } else {
                Failure::new(format!("`{}` has fewer than two axes", x.name))
            });
        };
        let rest: Vec<usize> = (0..x.axes.len()).filter(|k| *k != rows && *k != columns && Some(*k) != facet).collect();
        let samples = x.values.iter().enumerate().map(|(i, value)| {
            let at = x.places(i);
            let left = rest.iter().map(|k| at[*k]).collect();
            Sample { group: (facet.map_or(0, |f| at[f]), at[rows]), x: at[columns] as f64, left, value: value.clone() }
        });
        let left: Vec<LabelledAxis> = rest.iter().map(|k| x.axes[*k].clone()).collect();
        let (series, pooling) = pool(samples.collect(), &left);
        let mut cells: BTreeMap<(usize, usize, usize), Summary> = BTreeMap::new();
        for ((f, r), one) in series {
            cells.extend(one.points.into_iter().map(|(c, summary)| ((f, r, c as usize), summary)));
        }
        let (low, high) = scale::range(cells.values().map(Summary::mean));
        if low > high {
            return Err(nothing(&x.absent()));
        }
        draw(&frame, &x, &Sides { rows, columns, facet }, &cells, &pooling, (low, high))
    }
}

/// Positions of the axes shown.
struct Sides {
    rows: usize,
    columns: usize,
    facet: Option<usize>,
}

/// Returns the axes of the rows, the columns and the facets: those named, or the first two with more than one coordinate. Nothing
/// where there are fewer, or one is not there.
fn sides(
    axes: &[LabelledAxis],
    rows: Option<&AxisName>,
    columns: Option<&AxisName>,
    facet: Option<&AxisName>,
) -> Option<(usize, usize, Option<usize>)> {
    let place = |axis: &AxisName| {
        let named = axes.iter().position(|a| a.name == axis.name);
        named.or_else(|| axes.iter().position(|a| axis.role == "class" && a.role == "class"))
    };
    let named = |axis: Option<&AxisName>| match axis {
        None => Some(None),
        Some(a) => place(a).map(Some),
    };
    let (rows, columns, facet) = (named(rows)?, named(columns)?, named(facet)?);
    let mut free = (0..axes.len()).filter(|i| Some(*i) != rows && Some(*i) != columns && Some(*i) != facet).collect::<Vec<_>>();
    // Axes of one coordinate are taken last.
    free.sort_by_key(|i| axes[*i].coordinates.len() < 2);
    let mut free = free.into_iter();
    let rows = rows.or_else(|| free.next())?;
    let columns = columns.or_else(|| free.next())?;
    (rows != columns).then_some((rows, columns, facet))
}

fn draw(
    frame: &Frame,
    x: &Field,
    &Sides { rows, columns, facet }: &Sides,
    cells: &BTreeMap<(usize, usize, usize), Summary>,
    pooling: &Pooling,
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
        let (mut on_light, mut on_dark) = (Vec::new(), Vec::new());
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
                let mut place = vec![
                    (row_axis.name.as_str(), row_axis.coordinates[r].as_str()),
                    (column_axis.name.as_str(), column_axis.coordinates[c].as_str()),
                ];
                place.extend(facet.map(|f| (x.axes[f].name.as_str(), heading.as_str())));
                if value.is_finite() && x.doubtful(&place) {
                    // In a corner: the number stays legible.
                    let side = if color::is_light(fill) { &mut on_light } else { &mut on_dark };
                    side.push((c as f64 + 0.32, r as f64 - 0.32));
                }
                table.push(&[
                    (facet.map_or("", |f| x.axes[f].name.as_str()), Cell::Text(heading)),
                    (&row_axis.name, Cell::Text(&row_axis.coordinates[r])),
                    (&column_axis.name, Cell::Text(&column_axis.coordinates[c])),
                    ("value", Cell::Number(value)),
                    ("count", Cell::Number(cells.get(&(f, r, c)).map_or(0.0, |s| s.values.len() as f64))),
                ]);
            }
        }
        let across = Axis::new(frame.axis_label(&column_axis.name), Scale::Category { names: column_axis.coordinates.clone() });
        let mut down = Axis::new(frame.axis_label(&row_axis.name), Scale::Category { names: row_axis.coordinates.clone() });
        down.reverse = true;
        let marks = std::iter::once(Mark::Tiles { at: tiles })
            .chain(crosses_in(color::INK, on_light, 0.1 * tile))
            .chain(crosses_in(color::WHITE, on_dark, 0.1 * tile));
        let heading = layout::heading(frame, (facet.map_or("", |f| x.axes[f].name.as_str()), heading));
        panels.push(Panel { heading, ..Panel::new(across, down, marks.collect()) });
    }
    let mut grid = Vec::new();
    let per_row = layout::per_row(panels.len(), size.0 + 34.0);
    let mut rest = panels.into_iter().peekable();
    while rest.peek().is_some() {
        grid.push(rest.by_ref().take(per_row).collect());
    }
    let absent = if holes > 0 { "absent".to_string() } else { String::new() };
    let bar = ColorBar { label: x.label(), range: (low, high), map: color::Map::Viridis, absent, ticks: None };
    let plot = Plot { title: frame.title.clone(), rows: grid, size, legends: Vec::new(), bar: Some(bar) };
    let mut caption = vec![format!("{} by {} (rows) and {} (columns).", x.name, row_axis.name, column_axis.name)];
    if !pooling.over.is_empty() {
        caption.push(format!("Means over {}.", pooling.over.join(" and ")));
    }
    if !pooling.averaged.is_empty() {
        caption.push(format!("First, {}.", pooling.averaged.join(", then ")));
    } else if pooling.examples {
        caption.push("Means over examples.".into());
    }
    if let Some((fewest, most)) = pooling.counts.filter(|(fewest, most)| fewest < most) {
        caption.push(format!("From {fewest} to {most} values in a cell."));
    }
    caption.extend(absent_words(&x.absent(), x.values.len()));
    finish(&plot, caption, table.finish())
}
