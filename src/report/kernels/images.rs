//! Images of data sets in a grid: rows and columns over axes, or over classes (Gu & Tresp 2019, Fig. 3).

use super::check;
use super::frame::Frame;
use super::layout;
use super::named::{Axes, AxisName};
use super::sheet::{COST, Cell, Rows, finish, nothing};
use crate::base::Stream;
use crate::engine::kernel::{Context, Failure, Job, Kernel, Labelled, LabelledAxis};
use crate::engine::value::{Dataset, Pixels, Scores, Value};
use crate::lang::Settings;
use crate::ops::nn::batches::Loader;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, Shape};
use crate::plan::files::Files;
use crate::report::figure::raster::Raster;
use crate::report::figure::{Axis, Mark, Panel, Plot, Scale};
use crate::settings;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `images(x, rows, columns, count)`.
pub struct Images;

settings! {
    struct ImagesSettings("images") { rows: Axes = Axes::default(), columns: Axes = Axes::default(), count: usize }
}

/// Most images of a figure.
const LIMIT: usize = 2500;

/// Most images in a row where rows are only filled up.
const ACROSS: usize = 10;

impl Planned for Images {
    fn version(&self) -> u32 {
        3
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        let s = ImagesSettings::read(settings);
        let frame = Frame::read(settings);
        frame.check()?;
        let sides = [("rows", check::single("rows", &s.rows)?), ("columns", check::single("columns", &s.columns)?)];
        check::different(&sides)?;
        if s.count == 0 || s.count > LIMIT {
            return Err(check::shape("count", format!("{} images cannot be drawn", s.count), format!("1 to {LIMIT}")));
        }
        let Some(x) = shapes.iter().find(|p| p.slot == "x") else { return Ok(()) };
        for (parameter, axis) in sides.iter().filter_map(|(p, a)| a.map(|a| (*p, a))) {
            let there = x.axes.iter().any(|a| a.name == axis.name) || axis.is_class() && x.classes;
            if !there {
                let message = format!("`{}` has no axis `{}`", frame.names.of("x"), axis.name);
                let help = if axis.is_class() { "its examples have no labels" } else { "name one of its axes, or `class`" };
                return Err(check::problem("cfx::axis::not_there", parameter, message, help));
            }
        }
        let shown = |a: &&LabelledAxis| sides.iter().any(|(_, s)| s.is_some_and(|s| s.name == a.name));
        if let Some(axis) = x.axes.iter().find(|a| a.coordinates.len() > 1 && !shown(a)) {
            let message =
                format!("`{}` has images for each `{}`, which is neither rows nor columns", frame.names.of("x"), axis.name);
            let help = format!("`rows: {}` or `columns: {}`, or select one: `[{}: …]`", axis.name, axis.name, axis.name);
            return Err(check::shape("x", message, help));
        }
        match x.facts.iter().find_map(|f| f.shape.as_ref()).filter(|s| s.len() != 3) {
            Some(other) => {
                let message = format!(
                    "an example of `{}` is {} numbers, not an image",
                    frame.names.of("x"),
                    other.iter().product::<usize>()
                );
                Err(check::shape("x", message, "images have height, width and channels"))
            }
            None => Ok(()),
        }
    }

    fn facts(&self, _settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        Ok(Facts::default())
    }

    fn cost(&self, _settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        COST
    }
}

/// An image with where it comes from.
struct Tile {
    row: usize,
    column: usize,
    set: Arc<Dataset>,
    /// Its place among the examples of its data set.
    at: usize,
}

/// Images with the names of their rows and columns.
struct Grid {
    rows: Vec<String>,
    columns: Vec<String>,
    tiles: Vec<Tile>,
    /// Whether rows are only filled up.
    filled: bool,
}

impl Kernel for Images {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let s = ImagesSettings::read(&job.settings);
        let frame = Frame::read(&job.settings);
        let x = job.labelled("x").ok_or_else(|| Failure::new("the input `x` is missing"))?;
        let grid = Grid::of(x, &s);
        if grid.tiles.is_empty() {
            let mut absent = BTreeMap::new();
            x.values.iter().for_each(|v| {
                if let Value::Absent(why) = v {
                    *absent.entry(why.clone()).or_insert(0) += 1;
                }
            });
            return Err(nothing(&absent));
        }
        if grid.tiles.len() > LIMIT {
            return Err(Failure::new(format!("{} images are too many to draw", grid.tiles.len()))
                .help("select coordinates, or lower `count:`"));
        }
        draw(&frame, &s, &grid, cx)
    }
}

impl Grid {
    fn of(x: &Labelled, s: &ImagesSettings) -> Grid {
        let axis = |a: &Axes| a.one().and_then(|a| x.axes.iter().position(|own| own.name == a.name));
        let class = |a: &Axes, at: Option<usize>| at.is_none() && a.one().is_some_and(AxisName::is_class);
        let (row_axis, column_axis) = (axis(&s.rows), axis(&s.columns));
        let (row_class, column_class) = (class(&s.rows, row_axis), class(&s.columns, column_axis));
        let classes = classes(x);
        let names = |axis: Option<usize>, class: bool| match (axis, class) {
            (Some(a), _) => x.axes[a].coordinates.clone(),
            (None, true) => classes.clone(),
            (None, false) => Vec::new(),
        };
        let mut out = Grid {
            rows: names(row_axis, row_class),
            columns: names(column_axis, column_class),
            tiles: Vec::new(),
            filled: false,
        };
        let (by_row, by_column) = (!out.rows.is_empty(), !out.columns.is_empty());
        // How many images stand at each place of the sides that are named.
        let mut seen: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        let most = if by_row && by_column { 1 } else { s.count };
        for (i, value) in x.values.iter().enumerate() {
            let Value::Dataset(set) = value else { continue };
            let places = super::field::places_in(&x.axes, i);
            for at in 0..set.len() {
                let label = || {
                    let label = *set.labels.get(at)?;
                    let name = class_name(set, label);
                    classes.iter().position(|c| *c == name)
                };
                let side = |axis: Option<usize>, class: bool| match (axis, class) {
                    (Some(a), _) => Some(places[a]),
                    (None, true) => label(),
                    (None, false) => Some(0),
                };
                let (Some(row), Some(column)) = (side(row_axis, row_class), side(column_axis, column_class)) else { continue };
                let n = seen.entry((row, column)).or_insert(0);
                if *n < most {
                    let (row, column) = match (by_row, by_column) {
                        (true, false) => (row, *n),
                        (false, true) => (*n, column),
                        (false, false) => (*n / ACROSS, *n % ACROSS),
                        (true, true) => (row, column),
                    };
                    out.tiles.push(Tile { row, column, set: set.clone(), at });
                    *n += 1;
                }
            }
        }
        out.filled = !by_row && !by_column;
        let blank = |n: usize| (0..n).map(|i| if out.filled { String::new() } else { (i + 1).to_string() }).collect::<Vec<_>>();
        let length = |get: fn(&Tile) -> usize| out.tiles.iter().map(|t| get(t) + 1).max().unwrap_or(0);
        let (rows, columns) = (blank(length(|t| t.row)), blank(length(|t| t.column)));
        if !by_row {
            out.rows = rows;
        }
        if !by_column {
            out.columns = columns;
        }
        out
    }
}

/// Returns the classes that examples have, in the order of labels.
fn classes(x: &Labelled) -> Vec<String> {
    let mut out: BTreeMap<u32, String> = BTreeMap::new();
    for value in &x.values {
        if let Value::Dataset(set) = value {
            set.labels.iter().for_each(|l| {
                out.entry(*l).or_insert_with(|| class_name(set, *l));
            });
        }
    }
    out.into_values().collect()
}

fn class_name(set: &Dataset, label: u32) -> String {
    set.classes().get(label as usize).cloned().unwrap_or_else(|| label.to_string())
}

fn draw(frame: &Frame, s: &ImagesSettings, grid: &Grid, cx: &dyn Context) -> Result<Value, Failure> {
    let ends = range(grid);
    let mut table = Rows::default();
    let mut at = Vec::new();
    for (i, tile) in grid.tiles.iter().enumerate() {
        let address = raster(tile, ends)?.address().map_err(Failure::new)?;
        at.push((tile.column, tile.row, address));
        let id = tile.set.ids.get(tile.at).copied().unwrap_or(0);
        table.push(&[
            ("image", Cell::Number(i as f64)),
            ("row", Cell::Text(&grid.rows[tile.row])),
            ("column", Cell::Text(&grid.columns[tile.column])),
            (Scores::named(id).0, Cell::Number(Scores::named(id).1 as f64)),
            ("class", Cell::Text(&tile.set.labels.get(tile.at).map_or(String::new(), |l| class_name(&tile.set, *l)))),
        ]);
    }
    let shape = &grid.tiles[0].set.source.images.shape;
    let (n, m) = (grid.rows.len(), grid.columns.len());
    // An image has whole pixels on the page: twice, three times its size.
    let times = (620.0 / (m as f64 * shape[1] as f64)).min(52.0 / shape[1].max(shape[0]) as f64);
    let scale = if times >= 1.0 { times.floor() } else { times.max(12.0 / shape[1].max(shape[0]) as f64) };
    let size = (m as f64 * (scale * shape[1] as f64 + 2.0), n as f64 * (scale * shape[0] as f64 + 2.0));
    let name = |a: &Axes| a.one().map(|a| frame.axis_label(&a.name)).unwrap_or_default();
    let words = |a: &Axes, all: &[String]| a.one().map_or_else(|| all.to_vec(), |a| frame.coordinates(&a.name, all));
    let x = Axis::new(frame.x.label(name(&s.columns)), Scale::Category { names: words(&s.columns, &grid.columns) });
    let mut y = Axis::new(frame.y.label(name(&s.rows)), Scale::Category { names: words(&s.rows, &grid.rows) });
    y.reverse = true;
    let panel = Panel::new(x, y, vec![Mark::Images { at }]);
    let plot = Plot { title: frame.title.clone(), rows: vec![vec![panel]], size, legends: Vec::new(), bar: None };
    let count = grid.tiles.len();
    let mut caption = vec![format!("{count} image{} of {}.", if count == 1 { "" } else { "s" }, frame.names.of("x"))];
    let sides = [("Rows", &s.rows), ("Columns", &s.columns)];
    caption.extend(
        sides.iter().filter_map(|(side, a)| a.one().map(|a| format!("{side}: {}.", layout::heading(frame, ("", &a.name))))),
    );
    if let Some((low, high)) = ends {
        caption.push(format!("Black is {low:.3}, white {high:.3}."));
    }
    finish(plot, caption, table.finish(), cx)
}

/// Returns the ends of the numbers where they leave 0..1; `None` if they stay there.
fn range(grid: &Grid) -> Option<(f64, f64)> {
    let all = grid.tiles.iter().flat_map(|t| numbers(t).unwrap_or_default());
    let (low, high) = crate::report::figure::scale::range(all);
    (low < -1e-6 || high > 1.0 + 1e-6).then_some((low, high))
}

/// Returns the numbers of an image, row by row, channels last; `None` if there is none behind the id, or its pixels are words.
fn numbers(tile: &Tile) -> Option<Vec<f64>> {
    let images = &tile.set.source.images;
    let each: usize = images.shape.iter().product();
    let from = *tile.set.ids.get(tile.at)? as usize * each;
    match &images.data {
        Pixels::Bytes { data, divisor } => {
            Some(data.get(from..from + each)?.iter().map(|b| f64::from(*b) / f64::from(*divisor)).collect())
        }
        Pixels::Floats(data) => Some(data.get(from..from + each)?.iter().map(|v| f64::from(*v)).collect()),
        Pixels::Words(_) => None,
        // Noise is added by whoever reads the pixels, here without normalising.
        Pixels::Noisy(..) => {
            let mut out = vec![0f32; each];
            Loader::scaled(&tile.set, 0.0, 1.0).fill(&[tile.at], &[], Stream::root(0), &mut out);
            Some(out.into_iter().map(f64::from).collect())
        }
    }
}

fn raster(tile: &Tile, ends: Option<(f64, f64)>) -> Result<Raster, Failure> {
    let shape = &tile.set.source.images.shape;
    let &[height, width, channels] = shape.as_slice() else {
        return Err(Failure::new("the examples are not images").help("images have height, width and channels"));
    };
    let numbers = numbers(tile).ok_or_else(|| Failure::new("the examples have no pixels").help("give a data set with images"))?;
    let (low, high) = ends.unwrap_or((0.0, 1.0));
    let byte = |v: f64| ((v - low) / (high - low) * 255.0).round().clamp(0.0, 255.0) as u8;
    let pixel = |p: &[f64]| match channels {
        3 | 4 => [byte(p[0]), byte(p[1]), byte(p[2])],
        _ => [byte(p[0]); 3],
    };
    let rgb = numbers.chunks_exact(channels.max(1)).flat_map(pixel).collect();
    Ok(Raster { width: width as u32, height: height as u32, rgb })
}
