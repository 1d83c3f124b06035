//! Activations from files: `.npy` and `.npz`, any floats or integers, either memory order, orientation stated.
//!
//! Each file is a stage, named by its stem, in natural order; in a single archive of several arrays each array is one.

use crate::base::text::on_a_line;
use crate::engine::value::Stages;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::at::At;
use crate::ops::data::arrays::place;
use crate::ops::data::bytes::{broken, failed, unfit, with_help};
use crate::ops::data::label_files::{self, USUAL_LABELS};
use crate::ops::data::npy::{self, Npy, Place, place_in};
use crate::ops::data::parts::{from_one, sizes};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem};
use crate::plan::files::Files;
use crate::{settings, words};
use ndarray::{Array2, ArrayView2, Axis};
use std::path::PathBuf;
use std::sync::Arc;

words! {
    /// What the rows of a matrix are.
    enum Rows {
        /// Examples.
        Examples = "examples",
        /// Units.
        Units = "units",
    }
}

words! {
    /// How the numbers of a file are laid out.
    enum Layout {
        /// A matrix.
        Matrix = "matrix",
        /// Examples, channels, height, width.
        Nchw = "nchw",
        /// Examples, height, width, channels.
        Nhwc = "nhwc",
    }
}

words! {
    /// What positions become.
    enum Pool {
        /// Their mean.
        Mean = "mean",
        /// Their largest.
        Max = "max",
        /// Units of their own.
        Flatten = "flatten",
    }
}

settings! {
    /// Settings of `load_stages`.
    struct LoadSettings("load_stages") {
        path: String,
        rows: Rows,
        labels: Option<String>,
        array: Option<String>,
        layout: Layout,
        pool: Pool,
        /// Which stage.
        at: Option<At> = None,
    }
}

/// Reads one stage of activations.
pub struct LoadStages;

/// Returns the stages that the settings name: name and place, in natural order.
fn stages(settings: &LoadSettings, files: &Files) -> Result<Vec<(String, Place)>, Problem> {
    let written = settings.path.as_str();
    let (pattern, suffix) = place_in(written);
    let paths = files.matching(pattern).map_err(|p| Problem { parameter: Some("path"), ..p })?;
    if let [only] = paths.as_slice()
        && only.is_dir()
    {
        return Err(Problem {
            code: "cfx::file::broken",
            parameter: Some("path"),
            message: on_a_line(&format!("`{pattern}` is a folder")).into_owned(),
            help: Some(
                on_a_line(&format!("name the files in it by a pattern: `{}/*.npy`", pattern.trim_end_matches('/'))).into_owned(),
            ),
        });
    }
    let array = suffix.or(settings.array.as_deref()).map(str::to_string);
    let labels = label_place(settings, files)?;
    // The labels may lie beside the activations and match their pattern.
    let paths: Vec<PathBuf> = paths.into_iter().filter(|p| paths_differ(p, labels.as_ref())).collect();
    if let ([only], None) = (paths.as_slice(), &array)
        && npy::is_archive(only)
    {
        let names: Vec<String> = npy::arrays_in(only)?.into_iter().filter(|n| !USUAL_LABELS.contains(&n.as_str())).collect();
        if names.len() > 1 {
            return Ok(names.into_iter().map(|n| (n.clone(), Place { path: only.clone(), array: Some(n) })).collect());
        }
    }
    let mut out: Vec<(String, Place)> = Vec::new();
    for path in paths {
        let stem = on_a_line(&path.file_stem().unwrap_or_default().to_string_lossy()).into_owned();
        if let Some((_, other)) = out.iter().find(|(n, _)| *n == stem) {
            let problem = broken(&path, format!("and `{}` would both be the stage `{stem}`", other.path.display()));
            return Err(Problem { parameter: Some("path"), ..problem });
        }
        let array = array.clone().filter(|_| npy::is_archive(&path));
        out.push((stem, Place { path, array }));
    }
    if out.is_empty() {
        return Err(unfit("path", format!("`{written}` matches only the file of labels")));
    }
    Ok(out)
}

/// Returns where the labels lie, where they are given.
fn label_place(settings: &LoadSettings, files: &Files) -> Result<Option<Place>, Problem> {
    settings.labels.as_deref().map(|written| place(written, files, "labels")).transpose()
}

/// Returns whether a file is not the one that the labels lie in; an archive may hold both.
fn paths_differ(path: &PathBuf, labels: Option<&Place>) -> bool {
    npy::is_archive(path) || labels.is_none_or(|l| l.path != *path)
}

/// How a file's numbers become examples x units.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Form {
    examples: usize,
    units: usize,
    /// Lengths of the file's array as groups, channels, positions: see [`matrix`].
    kind: Kind,
}

/// What the dimensions of a file's array are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    ExamplesUnits,
    UnitsExamples,
    /// Examples, channels, positions.
    ChannelsFirst(usize, usize),
    /// Examples, positions, channels.
    ChannelsLast(usize, usize),
}

/// Returns the form of an array of that shape under the settings.
fn form(shape: &[usize], settings: &LoadSettings, place: &Place) -> Result<Form, Problem> {
    let units_first = settings.rows == Rows::Units;
    let flat = settings.pool == Pool::Flatten;
    let layout = settings.layout;
    let images = layout != Layout::Matrix;
    let wrong = |parameter, words: String, help: &str| {
        let p = broken(&place.written(), words);
        Err(Problem { parameter: Some(parameter), help: Some(help.to_string()), ..p })
    };
    if shape.contains(&0) || shape.is_empty() {
        return wrong("path", format!("is empty: its shape is {shape:?}"), "activations have examples and units");
    }
    let form = match (shape, layout) {
        ([r, c], _) if units_first => Form { examples: *c, units: *r, kind: Kind::UnitsExamples },
        ([r, c], _) => Form { examples: *r, units: *c, kind: Kind::ExamplesUnits },
        ([n, a, b, c], _) if images && !units_first => {
            let (channels, positions, first) =
                if layout == Layout::Nchw { (*a, b.saturating_mul(*c), true) } else { (*c, a.saturating_mul(*b), false) };
            let units = if flat { channels.saturating_mul(positions) } else { channels };
            let kind = if first { Kind::ChannelsFirst(channels, positions) } else { Kind::ChannelsLast(channels, positions) };
            Form { examples: *n, units, kind }
        }
        _ if images && units_first && shape.len() == 4 => {
            return wrong(
                "rows",
                format!("has shape {shape:?}, whose rows cannot be units"),
                "write `rows: examples` with `layout:`",
            );
        }
        ([_, _, _, _], _) => {
            let help = "write `layout: nchw` or `layout: nhwc`, and `pool: mean`, `max` or `flatten`";
            return wrong("layout", format!("has shape {shape:?}, and its layout is not stated"), help);
        }
        _ => {
            return wrong(
                "path",
                format!("has shape {shape:?}; activations have two dimensions, or four with `layout:`"),
                "reshape it",
            );
        }
    };
    Ok(form)
}

/// Refuses `layout:` and `pool:` for a matrix, of which they say nothing. Of several files some may be matrices.
fn without_positions(shape: &[usize], settings: &LoadSettings, place: &Place) -> Result<(), Problem> {
    let parameter = match (settings.layout, settings.pool) {
        (Layout::Matrix, Pool::Mean) => return Ok(()),
        (Layout::Matrix, _) => "pool",
        _ => "layout",
    };
    match shape.len() {
        2 => {
            let problem = broken(&place.written(), format!("has shape {shape:?}: a matrix has no positions to pool"));
            Err(Problem { parameter: Some(parameter), help: Some(format!("leave out `{parameter}:`")), ..problem })
        }
        _ => Ok(()),
    }
}

/// Returns examples x units.
///
/// Errors: a number is NaN or infinite.
fn matrix(array: &Npy, form: Form, settings: &LoadSettings, place: &Place) -> Result<Array2<f64>, Problem> {
    let data = array.f64s();
    let shape = &array.header.shape;
    let width: usize = shape[1..].iter().product();
    if let Some(at) = data.iter().position(|v| !v.is_finite()) {
        let words = format!("holds {} at row {}, column {}", data[at], at / width, at % width);
        return Err(with_help(
            broken(&place.written(), words),
            "rows and columns of the file, counted from 0; activations must be finite",
        ));
    }
    let wrong = |e: ndarray::ShapeError| broken(&place.written(), format!("does not have the shape it claims: {e}"));
    let (max, flat) = (settings.pool == Pool::Max, settings.pool == Pool::Flatten);
    let pool = |values: &mut dyn Iterator<Item = f64>, count: usize| {
        if max { values.fold(f64::NEG_INFINITY, f64::max) } else { values.sum::<f64>() / count as f64 }
    };
    match form.kind {
        Kind::ExamplesUnits => Array2::from_shape_vec((form.examples, form.units), data).map_err(wrong),
        Kind::UnitsExamples => {
            let as_given = ArrayView2::from_shape((form.units, form.examples), &data).map_err(wrong)?;
            Ok(as_given.t().as_standard_layout().into_owned())
        }
        _ if flat => Array2::from_shape_vec((form.examples, form.units), data).map_err(wrong),
        Kind::ChannelsFirst(channels, positions) => {
            let view = ArrayView2::from_shape((form.examples * channels, positions), &data).map_err(wrong)?;
            let pooled = view.map_axis(Axis(1), |row| pool(&mut row.iter().copied(), positions));
            pooled.into_shape_with_order((form.examples, channels)).map_err(wrong)
        }
        Kind::ChannelsLast(channels, positions) => {
            let view = ndarray::ArrayView3::from_shape((form.examples, positions, channels), &data).map_err(wrong)?;
            Ok(view.map_axis(Axis(1), |column| pool(&mut column.iter().copied(), positions)))
        }
    }
}

/// Returns the labels, empty where none are given.
fn labels(settings: &LoadSettings, files: &Files) -> Result<(Vec<u32>, Vec<String>, Option<PathBuf>), Problem> {
    let Some(place) = label_place(settings, files)? else { return Ok((Vec::new(), Vec::new(), None)) };
    let (labels, classes) = label_files::read(&place)?;
    Ok((labels, classes, Some(place.path)))
}

/// Returns a warning where labels seem to count classes from 1. Other classes without rows may be meant: activations of some classes.
fn counted_from_one(labels: &[u32]) -> Option<Problem> {
    let help = from_one(labels)?;
    let message = "class `0` has no example, and all others have some".to_string();
    Some(Problem { code: "cfx::data::unused_class", parameter: Some("labels"), message, help: Some(help) })
}

/// Checks that there is one label an example.
fn agree(labels: usize, form: &Form, place: &Place) -> Result<(), Problem> {
    if labels == 0 || labels == form.examples {
        return Ok(());
    }
    let message = format!("has {} examples x {} units, and there are {labels} labels", form.examples, form.units);
    let turned = "the labels match the other side: are rows examples or units?";
    let problem = broken(&place.written(), message);
    Err(if labels == form.units { Problem { parameter: Some("rows"), ..with_help(problem, turned) } } else { problem })
}

impl Planned for LoadStages {
    fn version(&self) -> u32 {
        2
    }

    fn facts(&self, settings: &Settings, _inputs: &[KnownInput], files: Option<&Files>) -> Result<Facts, Problem> {
        let settings = &LoadSettings::read(settings);
        let Some(files) = files else { return Ok(Facts::default()) };
        let all = stages(settings, files)?;
        let coordinates = Some(all.iter().map(|(n, _)| n.clone()).collect());
        // Where the names of the stages could not be told, what is wrong with a file is said here, of all of them.
        let chosen = settings.at.as_ref().map(|at| &at.name).filter(|stage| all.iter().any(|(n, _)| n == *stage));
        let (labels, classes, label_file) = labels(settings, files)?;
        let (mut rows, mut dims, mut paths) = (Vec::new(), Vec::new(), Vec::new());
        for (_, place) in all.iter().filter(|(n, _)| chosen.is_none_or(|c| c == n)) {
            let shape = npy::header(place, &[])?.shape;
            let form = form(&shape, settings, place)?;
            if all.len() == 1 {
                without_positions(&shape, settings, place)?;
            }
            agree(labels.len(), &form, place)?;
            rows.push(form.examples);
            dims.push(form.units);
            paths.push(place.path.clone());
        }
        paths.extend(label_file);
        paths.dedup();
        let same = |numbers: &[usize]| numbers.first().copied().filter(|a| numbers.iter().all(|b| a == b));
        let (rows, dim) = (same(&rows), same(&dims));
        Ok(Facts {
            class_sizes: (!labels.is_empty()).then(|| sizes(&labels, classes.len())),
            labelled: Some(!classes.is_empty()),
            reduced: Some(false),
            classes: (!classes.is_empty()).then_some(classes),
            rows,
            dim,
            coordinates,
            files: paths,
            bytes: rows.zip(dim).map(|(n, d)| (n * d * 8) as u64),
            warnings: counted_from_one(&labels).into_iter().collect(),
            ..Facts::default()
        })
    }

    fn cost_of(&self, _settings: &Settings, _inputs: &[KnownInput], stage: &Facts) -> Cost {
        let length: u64 = stage.files.iter().filter_map(|p| std::fs::metadata(p).ok()).map(|m| m.len()).sum();
        match stage.bytes.map(|b| b as f64) {
            // Read and turned into 64 bits; hashed and kept.
            Some(bytes) => {
                let read = length as f64;
                Cost { seconds: 2e-3 + 6e-9 * read + 3e-9 * bytes, memory: 2.0 * read + 2.0 * bytes, disk: bytes }
            }
            None => Cost { seconds: 0.2, memory: 1e8, disk: 1e7 },
        }
    }
}

impl Kernel for LoadStages {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        read(&LoadSettings::read(&job.settings), cx.files()).map(|s| Value::Stages(Arc::new(s))).map_err(failed)
    }
}

/// Reads the stage that the setting `at` names, or the only one.
fn read(settings: &LoadSettings, files: &Files) -> Result<Stages, Problem> {
    let all = stages(settings, files)?;
    let place = match &settings.at {
        Some(at) => all.iter().find(|(n, _)| *n == at.name).map(|(_, p)| p),
        None => all.first().map(|(_, p)| p).filter(|_| all.len() == 1),
    };
    let place = place.ok_or_else(|| unfit("path", "the stage asked for is none of the files"))?;
    let (labels, classes, _) = labels(settings, files)?;
    let array = npy::read(place, &[])?;
    let form = form(&array.header.shape, settings, place)?;
    agree(labels.len(), &form, place)?;
    let x = matrix(&array, form, settings, place)?;
    let ids = Arc::new((0..form.examples as u32).collect());
    Ok(Stages { x, ids, labels: Arc::new(labels), classes, numbered: true, notes: Vec::new() })
}
