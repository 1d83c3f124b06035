//! Numbers over two axes as colours.

use super::check::{self, Part};
use super::field::{Field, field, scalar};
use super::frame::Frame;
use super::layout;
use super::named::{Axes, AxisName, Scaling};
use super::pool::{Pooling, Sample, pool};
use super::powers;
use super::sheet::{Cell, Each, Rows, absent_words, cost, crosses_in, finish, nothing};
use super::summary::Summary;
use super::tree::Tree;
use crate::base::statistics::by_size;
use crate::engine::kernel::{Context, Failure, Job, Kernel, LabelledAxis};
use crate::engine::value::Value;
use crate::lang::Settings;
use crate::lang::kind::Kind;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Shape};
use crate::plan::files::Files;
use crate::report::figure::{Axis, Branches, Color, ColorBar, Mark, Panel, Plot, Scale, Shades, color, scale};
use crate::settings;
use std::collections::BTreeMap;

/// `heatmap(x, rows, columns, facet)`.
pub struct Heatmap;

settings! {
    struct HeatmapSettings("heatmap") {
        rows: Axes = Axes::default(), columns: Axes = Axes::default(), value: Axes = Axes::default(), facet: Axes = Axes::default(),
        range: Option<Vec<f64>> = None, scale: Scaling = Scaling::Linear,
    }
}

impl Planned for Heatmap {
    fn version(&self) -> u32 {
        7
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        let s = HeatmapSettings::read(settings);
        let frame = Frame::read(settings);
        frame.check()?;
        let (value, facet) = (check::single("value", &s.value)?, check::single("facet", &s.facet)?);
        let mut shown: Vec<(&'static str, Option<&AxisName>)> = s.rows.0.iter().map(|a| ("rows", Some(a))).collect();
        shown.extend(s.columns.0.iter().map(|a| ("columns", Some(a))));
        shown.push(("facet", facet));
        check::different(&shown)?;
        if let Some(ends) = &s.range
            && !matches!(ends.as_slice(), [low, high] if low < high && low.is_finite() && high.is_finite())
        {
            return Err(check::shape("range", "`range:` takes two numbers, the smaller one first".into(), "`range: [0, 1]`"));
        }
        if let (Scaling::Log, Some([low, _])) = (s.scale, s.range.as_deref())
            && *low <= 0.0
        {
            let message = "logarithmic colours begin above zero".to_string();
            return Err(check::shape("range", message, "give a positive number, or take linear colours"));
        }
        let given = |slot: &str| shapes.iter().any(|s| s.slot == slot);
        if given("tree") && given("order") {
            let message = "a tree already orders its leaves".to_string();
            return Err(check::unused("order", message, "leave `order:` out"));
        }
        if let (true, Some(facet)) = (given("tree"), facet) {
            let message = format!("one tree stands beside one map, and `facet: {}` draws several", facet.name);
            return Err(check::unused("facet", message, format!("select one, as in `x[{}: …]`", facet.name)));
        }
        let Some(parts) = check::parts("x", shapes, &frame.names, &shown, &[]) else { return Ok(()) };
        for part in &parts {
            if *part.kind == Kind::Table {
                of_table(part, &s, value)?;
                if given("tree") {
                    return Err(unpaired(part));
                }
                if given("order") && s.rows.0.iter().any(|a| part.find(a).is_none()) {
                    let message = "`order:` is a number over the axes of the rows, and these are a column of a table".to_string();
                    return Err(check::unused("order", message, "leave `order:` out"));
                }
                continue;
            }
            if let Some(value) = value {
                let message = format!("`value:` names a column of a table, and `{}` is a {}", part.name, part.kind);
                return Err(check::unused("value", format!("{message}: `{}` is none", value.name), "leave `value:` out"));
            }
            if let Some((parameter, axis)) = shown.iter().find_map(|(p, a)| a.filter(|a| part.find(a).is_none()).map(|a| (*p, a)))
            {
                return Err(check::not_there(parameter, part, axis));
            }
            let Some((rows, columns)) = sides(&part.axes, &s, given("tree")) else { return Err(few_axes(part, facet)) };
            let rows: Vec<&LabelledAxis> = rows.iter().map(|a| &part.axes[*a]).collect();
            let columns: Vec<&LabelledAxis> = columns.iter().map(|a| &part.axes[*a]).collect();
            in_order(shapes, &rows, &frame)?;
            of_tree(shapes, (&rows, &columns), part, &frame)?;
        }
        Ok(())
    }

    fn facts(&self, _settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(Facts::default())
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        cost(inputs, Each { seconds: 8e-6, memory: 2.2e3, disk: 90.0 })
    }
}

/// Checks that a value in `order:` is a number for each row.
fn in_order(shapes: &[Shape], rows: &[&LabelledAxis], frame: &Frame) -> Result<(), Problem> {
    let Some(order) = shapes.iter().find(|s| s.slot == "order" && *s.kind != Kind::Unknown) else { return Ok(()) };
    let all = order.axes.len() == rows.len() && rows.iter().all(|r| order.axes.iter().any(|a| a.name == r.name));
    if all && !order.kind.per_example() {
        return Ok(());
    }
    let names = rows.iter().map(|r| r.name.as_str()).collect::<Vec<_>>().join(", ");
    let message = format!("`{}` is not a number for each row, and the rows are of `{names}`", frame.names.of("order"));
    Err(check::shape("order", message, format!("give a number over them alone: `mean(…, by: {names})`")))
}

/// Checks that what is in `tree:` is one tree, and that the map is of what is paired with itself.
fn of_tree(
    shapes: &[Shape],
    (rows, columns): (&[&LabelledAxis], &[&LabelledAxis]),
    part: &Part,
    frame: &Frame,
) -> Result<(), Problem> {
    let Some(tree) = shapes.iter().find(|s| s.slot == "tree" && *s.kind != Kind::Unknown) else { return Ok(()) };
    let name = frame.names.of("tree");
    let table = |fields: &[(String, Kind)], n: &str| fields.iter().any(|(f, k)| f == n && *k == Kind::Table);
    match tree.kind {
        Kind::Record(fields) if table(fields, "merges") && table(fields, "leaves") => {}
        other => {
            let message = format!("`{name}` is a {other}, not a tree");
            return Err(check::shape("tree", message, "give what `cluster` makes: `tree: cluster(d, over: run)`"));
        }
    }
    if let Some(axis) = tree.axes.iter().find(|a| a.coordinates.len() > 1) {
        let message = format!("`{name}` is a tree for each `{}`, and one stands beside a map", axis.name);
        return Err(check::shape("tree", message, format!("select one: `{name}[{}: …]`", axis.name)));
    }
    let paired = columns.len() == rows.len() && columns.iter().zip(rows).all(|(c, r)| c.pairs.as_ref() == Some(&r.name));
    if paired { Ok(()) } else { Err(unpaired(part)) }
}

fn unpaired(part: &Part) -> Problem {
    let message = format!("a tree stands beside a map of what is paired with itself, and the rows of `{}` are not", part.name);
    check::shape("tree", message, "draw what the tree is made of: `cka(acts, between: run)`, rows `run`, columns `run_other`")
}

/// Checks that a table has the columns of the rows, of the columns and of the numbers.
fn of_table(part: &Part, s: &HeatmapSettings, value: Option<&AxisName>) -> Result<(), Problem> {
    let known: Vec<&str> = part.columns.iter().flatten().map(String::as_str).collect();
    let listed = known.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ");
    let help = if known.is_empty() { "name its columns".to_string() } else { format!("its columns are {listed}") };
    for (parameter, named) in [("rows", !s.rows.0.is_empty()), ("columns", !s.columns.0.is_empty()), ("value", value.is_some())] {
        if !named {
            let message = format!("`{}` is a table: `{parameter}:` must say which of its columns", part.name);
            return Err(check::shape("x", message, help));
        }
    }
    let axes = s.rows.0.iter().map(|a| ("rows", a)).chain(s.columns.0.iter().map(|a| ("columns", a)));
    for (parameter, axis) in axes.chain(s.facet.0.iter().map(|a| ("facet", a))).chain(value.map(|v| ("value", v))) {
        let column = part.columns.as_ref().is_none_or(|c| c.contains(&axis.name));
        if !column && (parameter == "value" || part.find(axis).is_none()) {
            return Err(check::not_there(parameter, part, axis));
        }
    }
    match value.filter(|v| part.texts.contains(&v.name)) {
        Some(value) => Err(check::of_words("value", part, &value.name)),
        None => Ok(()),
    }
}

fn few_axes(part: &Part, facet: Option<&AxisName>) -> Problem {
    let beside = facet.map_or_else(String::new, |f| format!(" beside the facets of `{}`", f.name));
    let message = format!("a heatmap needs two axes{beside}, one for the rows and one for the columns: {}", check::axes_of(part));
    let help = match *part.kind == (Kind::Number { per_example: true }) {
        true => "split the examples, say by classes: `rows: class`",
        false => "for one axis, use `curves` or `bars`",
    };
    check::shape("x", message, help)
}

impl Kernel for Heatmap {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let s = HeatmapSettings::read(&job.settings);
        let frame = Frame::read(&job.settings);
        let x = field(job, "x", &frame).ok_or_else(|| Failure::new("the input `x` is missing"))?;
        let x = match s.value.one() {
            Some(value) => {
                let columns: Vec<AxisName> = s.rows.0.iter().chain(&s.columns.0).chain(&s.facet.0).cloned().collect();
                x.pivoted(&columns, &value.name)
            }
            None => x,
        };
        let axes = s.rows.0.iter().enumerate().map(|(k, a)| (slot("rows", k), a));
        let axes = axes.chain(s.columns.0.iter().enumerate().map(|(k, a)| (slot("columns", k), a)));
        let axes = axes.chain(s.facet.0.iter().map(|a| ("facet".to_string(), a)));
        let x = axes.fold(x, |f, (parameter, axis)| f.split(axis, job.labelled(&parameter)));
        let tree = field(job, "tree", &frame).map(|f| Tree::read(&f)).transpose()?;
        let Some((rows, columns)) = sides(&x.axes, &s, tree.is_some()) else {
            // Of absent scores nothing tells how they are split.
            let absent = x.values.iter().all(|v| matches!(v, Value::Absent(_)));
            return Err(if absent {
                nothing(&x.absent())
            } else {
                Failure::new(format!("`{}` has fewer than two axes", x.name))
            });
        };
        let pair = |axes: &[usize]| axes.iter().map(|a| x.axes[*a].clone()).collect::<Vec<_>>();
        let paired = pair(&columns)
            .iter()
            .zip(pair(&rows))
            .all(|(c, r)| c.pairs.as_ref() == Some(&r.name) || c.coordinates == r.coordinates);
        let names = |axes: &[usize]| axes.iter().map(|a| x.axes[*a].name.clone()).collect::<Vec<_>>();
        let (row_names, column_names) = (names(&rows), names(&columns));
        let place = |x: &Field, names: &[String]| -> Vec<usize> {
            names.iter().filter_map(|n| x.axes.iter().position(|a| a.name == *n)).collect()
        };
        let x = x.joined(&rows);
        let x = x.joined(&place(&x, &column_names));
        let columns = x.axes.len() - 1;
        let joined = row_names.join(", ");
        let rows = x.axes.iter().position(|a| a.name == joined).unwrap_or(0);
        let facet = s.facet.one().and_then(|f| x.find(f));
        let order = match (&tree, field(job, "order", &frame)) {
            (Some(tree), _) => Some(by_tree(tree, &x.axes[rows])?),
            (None, Some(by)) => Some(by_value(&by, &x.axes[rows], &row_names)?),
            (None, None) => None,
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
        let log = s.scale == Scaling::Log;
        let (low, high) = scale::range(cells.values().map(Summary::mean).filter(|v| !log || *v > 0.0));
        if low > high {
            let any = log && cells.values().any(|s| s.mean().is_finite());
            return Err(if any { powers::none("logarithmic colours") } else { nothing(&x.absent()) });
        }
        let ends = match s.range.as_deref() {
            Some([low, high]) => (*low, *high),
            // What differs in its last digits has no colours of its own.
            _ if !scale::differ(low, high) => (low, low),
            _ => (low, high),
        };
        let same = paired && x.axes[rows].coordinates.len() == x.axes[columns].coordinates.len();
        let sides = Sides {
            rows,
            columns,
            facet,
            down: order.clone().unwrap_or_else(|| (0..x.axes[rows].coordinates.len()).collect()),
            across: order.filter(|_| same).unwrap_or_else(|| (0..x.axes[columns].coordinates.len()).collect()),
            words: [&row_names, &column_names].map(|n| n.iter().map(|n| frame.axis_label(n)).collect::<Vec<_>>().join(", ")),
            branches: tree.map(|tree| tree.branches(frame.height_label("tree"))),
        };
        draw(&frame, &x, &sides, &cells, &pooling, Tones { ends, log }, cx)
    }
}

/// From numbers to colours.
struct Tones {
    ends: (f64, f64),
    log: bool,
}

impl Tones {
    fn map(&self) -> color::Map {
        if self.log { color::Map::Viridis } else { color::Map::between(self.ends.0, self.ends.1) }
    }

    /// Returns the colour of a number; that of places without a value where it has no logarithm.
    fn of(&self, value: f64) -> Color {
        match (self.log, value > 0.0) {
            (true, true) => self.map().of(value.ln(), (self.ends.0.ln(), self.ends.1.ln())),
            (true, false) => self.map().ground(),
            (false, _) => self.map().of(value, self.ends),
        }
    }
}

/// Positions of the axes shown.
struct Sides {
    rows: usize,
    columns: usize,
    facet: Option<usize>,
    /// Places of the rows from the top, and of the columns from the left.
    down: Vec<usize>,
    across: Vec<usize>,
    /// What stands along rows and columns.
    words: [String; 2],
    /// A tree of the rows.
    branches: Option<Branches>,
}

fn slot(parameter: &str, k: usize) -> String {
    if k == 0 { parameter.to_string() } else { format!("{parameter}.{k}") }
}

/// Returns the places of an axis in the order of a tree's leaves, matched by name. Errors: a leaf is no coordinate.
fn by_tree(tree: &Tree, axis: &LabelledAxis) -> Result<Vec<usize>, Failure> {
    let place = |leaf: &String| axis.coordinates.iter().position(|c| c == leaf);
    let all: Option<Vec<usize>> = tree.leaves.iter().map(place).collect();
    all.filter(|a| a.len() == axis.coordinates.len()).ok_or_else(|| {
        let message = format!("the leaves of the tree are not the coordinates of the rows, `{}`", axis.name);
        Failure::new(message).help("make the tree of the axes that are drawn: `cluster(d, over: run)` for `rows: run`")
    })
}

/// Returns the places of an axis in the order of a value, the smallest first. Errors: the value lacks an axis of the rows.
fn by_value(by: &Field, axis: &LabelledAxis, names: &[String]) -> Result<Vec<usize>, Failure> {
    let own: Option<Vec<usize>> = names.iter().map(|n| by.axes.iter().position(|a| a.name == *n)).collect();
    let Some(own) = own.filter(|o| o.len() == by.axes.len()) else {
        let message = format!("`{}` is not a number for each row, which is over {}", by.name, names.join(", "));
        return Err(Failure::new(message).help("`order:` takes a number over the axes of the rows"));
    };
    let by = by.joined(&own);
    let of = |c: &String| by.axes[0].coordinates.iter().position(|b| b == c).and_then(|p| scalar(&by.values[p]));
    let values: Vec<f64> = axis.coordinates.iter().map(|c| of(c).map_or(f64::INFINITY, |n| n.value)).collect();
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| by_size(&values[*a], &values[*b]));
    Ok(order)
}

/// Returns the axes of the rows and of the columns: those named, beside a tree all axes and those that they are paired with, or the first two
/// with more than one coordinate. Nothing where there are fewer, or one is not there.
fn sides(axes: &[LabelledAxis], s: &HeatmapSettings, tree: bool) -> Option<(Vec<usize>, Vec<usize>)> {
    let place = |axis: &AxisName| {
        let named = axes.iter().position(|a| a.name == axis.name);
        named.or_else(|| axes.iter().position(|a| axis.role == "class" && a.role == "class"))
    };
    let all = |named: &Axes| named.0.iter().map(place).collect::<Option<Vec<usize>>>();
    let (mut rows, mut columns, facet) = (all(&s.rows)?, all(&s.columns)?, all(&s.facet)?);
    if tree && rows.is_empty() && columns.is_empty() {
        rows = (0..axes.len()).filter(|i| axes[*i].pairs.is_none()).collect();
        let partner = |i: &usize| axes.iter().position(|a| a.pairs.as_ref() == Some(&axes[*i].name));
        columns = rows.iter().map(partner).collect::<Option<Vec<_>>>()?;
    }
    let taken: Vec<usize> = rows.iter().chain(&columns).chain(&facet).copied().collect();
    let mut free: Vec<usize> = (0..axes.len()).filter(|i| !taken.contains(i)).collect();
    // Axes of one coordinate are taken last.
    free.sort_by_key(|i| axes[*i].coordinates.len() < 2);
    let mut free = free.into_iter();
    if rows.is_empty() {
        rows.push(free.next()?);
    }
    if columns.is_empty() {
        columns.push(free.next()?);
    }
    (!rows.iter().any(|r| columns.contains(r))).then_some((rows, columns))
}

fn draw(
    frame: &Frame,
    x: &Field,
    sides: &Sides,
    cells: &BTreeMap<(usize, usize, usize), Summary>,
    pooling: &Pooling,
    tones: Tones,
    cx: &dyn Context,
) -> Result<Value, Failure> {
    let &Sides { rows, columns, facet, .. } = sides;
    let (row_axis, column_axis) = (&x.axes[rows], &x.axes[columns]);
    let (n, m) = (row_axis.coordinates.len(), column_axis.coordinates.len());
    let facets = facet.map_or_else(|| vec![String::new()], |f| x.axes[f].coordinates.clone());
    let edge = match (facets.len(), n.max(m)) {
        (1, 121..) => 560.0,
        (1, _) => 400.0,
        (5.., _) => 170.0,
        _ => 240.0,
    };
    let tile = (edge / n.max(m) as f64).clamp(2.0, 44.0);
    // Few rows are drawn high enough for the bar of colours beside them.
    let size = ((tile * m as f64).max(60.0), (tile * n as f64).max(110.0));
    let whole = cells.values().all(|s| s.mean().fract() == 0.0);
    let (map, (low, high)) = (tones.map(), tones.ends);
    let largest = high.abs().max(low.abs());
    let decimals = if whole || largest >= 100.0 { 0 } else { 2 };
    // Two decimals of small numbers would be zeros.
    let written = |v: f64| if whole || largest >= 0.1 { scale::fixed(v, decimals) } else { scale::number(v) };
    let mut table = Rows::default();
    let mut panels = Vec::new();
    let mut holes = 0;
    for (f, heading) in facets.iter().enumerate() {
        let mut tiles = Vec::new();
        let (mut on_light, mut on_dark) = (Vec::new(), Vec::new());
        for (down, &r) in sides.down.iter().enumerate() {
            for (across, &c) in sides.across.iter().enumerate() {
                let value = cells.get(&(f, r, c)).map_or(f64::NAN, Summary::mean);
                let (fill, words) = if value.is_finite() {
                    (tones.of(value), if n.max(m) <= 14 { written(value) } else { String::new() })
                } else {
                    holes += 1;
                    (map.ground(), String::new())
                };
                tiles.push((across, down, fill, words));
                let mut place = vec![
                    (row_axis.name.as_str(), row_axis.coordinates[r].as_str()),
                    (column_axis.name.as_str(), column_axis.coordinates[c].as_str()),
                ];
                place.extend(facet.map(|f| (x.axes[f].name.as_str(), heading.as_str())));
                if value.is_finite() && x.doubtful(&place) {
                    // In a corner: the number stays legible.
                    let side = if color::is_light(fill) { &mut on_light } else { &mut on_dark };
                    side.push((across as f64 + 0.32, down as f64 - 0.32));
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
        let names = |axis: &LabelledAxis, order: &[usize]| Scale::Category {
            names: frame.coordinates(&axis.name, order.iter().map(|i| &axis.coordinates[*i])),
        };
        let across = Axis::new(frame.x.label(sides.words[1].as_str()), names(column_axis, &sides.across));
        let mut down = Axis::new(frame.y.label(sides.words[0].as_str()), names(row_axis, &sides.down));
        down.reverse = true;
        let marks = std::iter::once(Mark::Tiles { at: tiles })
            .chain(crosses_in(color::INK, on_light, 0.1 * tile))
            .chain(crosses_in(color::WHITE, on_dark, 0.1 * tile));
        let heading = layout::heading(frame, (facet.map_or("", |f| x.axes[f].name.as_str()), heading));
        panels.push(Panel { heading, branches: sides.branches.clone(), ..Panel::new(across, down, marks.collect()) });
    }
    let mut grid = Vec::new();
    let per_row = layout::per_row(panels.len(), size.0 + 34.0);
    let mut rest = panels.into_iter().peekable();
    while rest.peek().is_some() {
        grid.push(rest.by_ref().take(per_row).collect());
    }
    let lost = if tones.log { cells.values().filter(|s| s.mean() <= 0.0).count() } else { 0 };
    let absent = match (holes > 0, lost > 0) {
        (true, true) => "absent, or not positive",
        (true, false) => "absent",
        (false, true) => "not positive",
        (false, false) => "",
    };
    let absent = absent.to_string();
    let shades = if tones.log { Shades::Powers } else { Shades::of(cells.values().map(Summary::mean)) };
    let bar = ColorBar { label: x.label(), range: (low, high), shades, map, absent, ticks: None };
    let plot = Plot { title: frame.title.clone(), rows: grid, size, legends: Vec::new(), bar: Some(bar) };
    let mut caption = vec![format!("{} by {} (rows) and {} (columns).", x.name, row_axis.name, column_axis.name)];
    if tones.log {
        caption.push("Colours are logarithmic.".into());
        caption.extend((lost > 0).then(|| format!("Grey, since they are not positive: {lost} values.")));
    }
    if sides.branches.is_some() {
        caption.push("Rows stand in the order of the tree's leaves; the tree shows at which height clusters are merged.".into());
    }
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
    finish(plot, caption, table.finish(), cx)
}
