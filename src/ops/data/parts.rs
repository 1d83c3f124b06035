//! What all readers of data sets share: settings for normalisation, checks of labels and sizes, facts, and the kernel around a reader.

use super::bytes::{failed, unfit};
use crate::engine::value::{Dataset, Images, Pixels, Source};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, SplitFacts};
use crate::plan::files::Files;
use crate::settings;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most classes that labels may name.
pub const MOST_CLASSES: u32 = 1 << 16;

/// One format of data sets.
pub trait Reader: Send + Sync {
    /// What the reader is told.
    type Settings;

    /// Returns the settings that came later: see [`Planned::later`].
    fn later(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Returns the version of what is read, which is in keys: see [`Planned::version`].
    fn version(&self) -> u32 {
        1
    }

    /// Returns the settings of a call.
    fn settings(&self, settings: &Settings) -> Self::Settings;

    /// Returns the name of the data set, which tells its examples from those of others: the files it lies in, as written.
    fn name(&self, settings: &Self::Settings) -> String;

    /// Returns what is known before the run; without files, what is known of every data set of this format.
    fn facts(&self, settings: &Self::Settings, files: Option<&Files>) -> Result<Facts, Problem>;

    /// Reads the data set.
    fn read(&self, settings: &Self::Settings, files: &Files) -> Result<Source, Problem>;

    /// Reads the data set, unless it is told to stop; nothing then. What takes a while asks now and then.
    fn read_unless(
        &self,
        settings: &Self::Settings,
        files: &Files,
        _stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Source>, Problem> {
        self.read(settings, files).map(Some)
    }
}

/// Returns the name of a data set that these files or folders hold: one name for all ways to write a path.
pub fn named<'a>(paths: impl IntoIterator<Item = &'a String>) -> String {
    let plain = |path: &String| {
        let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
        format!("{}{}", if path.starts_with('/') { "/" } else { "" }, parts.collect::<Vec<_>>().join("/"))
    };
    paths.into_iter().map(plain).collect::<Vec<_>>().join(" and ")
}

settings! {
    /// The settings of readers of images that [`Normalisation`] is made of.
    struct Scaling("data") { mean: Vec<f64> = Vec::new(), std: Vec<f64> = Vec::new() }
}

/// Returns means and then deviations, one of each where all channels have the same; nothing where numbers stay as they are.
fn scaled(mean: Vec<f64>, std: Vec<f64>) -> Vec<f64> {
    if mean.iter().all(|m| *m == 0.0) && std.iter().all(|s| *s == 1.0) {
        return Vec::new();
    }
    let one = |given: &[f64], usual: f64| {
        let first = given.first().copied().unwrap_or(usual);
        given.iter().all(|x| *x == first).then_some(first)
    };
    let channels = mean.len().max(std.len());
    match (one(&mean, 0.0), one(&std, 1.0)) {
        (Some(mean), Some(std)) => vec![mean, std],
        (mean_of_all, std_of_all) => {
            let each = |given: Vec<f64>, all: Option<f64>| all.map_or(given, |x| vec![x; channels]);
            [each(mean, mean_of_all), each(std, std_of_all)].concat()
        }
    }
}

/// The kernel around a reader: gives the whole data set, all splits, with the labels of the files.
pub struct Reading<R>(pub R);

impl<R: Reader> Planned for Reading<R> {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn version(&self) -> u32 {
        self.0.version()
    }

    fn later(&self) -> &'static [(&'static str, &'static str)] {
        self.0.later()
    }

    fn facts(&self, settings: &Settings, _inputs: &[KnownInput], files: Option<&Files>) -> Result<Facts, Problem> {
        let Scaling { mean, std } = Scaling::read(settings);
        let scaled = scaled(mean, std);
        let (settings, scaled) = (self.0.settings(settings), scaled.into());
        Ok(Facts { source: Some(self.0.name(&settings).into()), scaled: Some(scaled), ..self.0.facts(&settings, files)? })
    }

    fn cost_of(&self, _settings: &Settings, _inputs: &[KnownInput], data: &Facts) -> Cost {
        let numbers = |shape: &Vec<usize>| shape.iter().product::<usize>() as f64;
        match (data.rows, data.shape.as_ref().map(numbers)) {
            // Read, unpacked where packed, and checked; bytes stay bytes.
            (Some(rows), Some(each)) => {
                let bytes = rows as f64 * (each + 4.0);
                let files: f64 = data.files.iter().map(|path| seconds_of(path)).sum();
                Cost { seconds: 1e-3 + bytes * 4e-9 + files, memory: 2.0 * bytes, disk: 0.0 }
            }
            _ => Cost { seconds: 0.5, memory: 2e8, disk: 0.0 },
        }
    }
}

/// Returns the seconds that decoding a file of an image takes one core, by its length: 3 ms for a JPEG of 500 x 375 pixels in 33 kB, 5 ms
/// for a PNG of that size in 390 kB (measured). Nothing for other files.
fn seconds_of(path: &Path) -> f64 {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let each = match ending.as_str() {
        "jpg" | "jpeg" | "jpe" | "jfif" | "webp" => 1e-7,
        "png" | "bmp" | "gif" | "tif" | "tiff" | "ppm" | "pgm" | "pnm" => 1.5e-8,
        _ => return 0.0,
    };
    std::fs::metadata(path).map_or(0.0, |m| m.len() as f64 * each)
}

impl<R: Reader> Kernel for Reading<R> {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let read = self.0.read_unless(&self.0.settings(&job.settings), cx.files(), &|| cx.interrupted());
        let source = read.map_err(failed)?.ok_or(Failure::Interrupted)?;
        let count = image_count(&source.images);
        if count > u32::MAX as usize {
            return Err(Failure::new(format!("`{}` has {count} examples; at most {} are counted", source.name, u32::MAX)));
        }
        Ok(Value::Dataset(Arc::new(whole(source))))
    }
}

/// Returns all examples of a source with the labels of its files.
pub fn whole(source: Source) -> Dataset {
    let count = image_count(&source.images);
    let labels = Arc::new(source.labels.clone());
    Dataset { source: Arc::new(source), ids: Arc::new((0..count as u32).collect()), labels }
}

/// Returns the number of examples that images hold; none where there are no pixels.
pub fn image_count(images: &Images) -> usize {
    let size: usize = images.shape.iter().product();
    let (numbers, size) = match &images.data {
        Pixels::Bytes { data, .. } => (data.len(), size),
        Pixels::Floats(data) => (data.len(), size),
        Pixels::Words(data) => (data.len(), size + 1),
        Pixels::Noisy(of, ..) => return image_count(&of.images),
    };
    numbers.checked_div(size).unwrap_or(0)
}

/// Checks that a data set has the pixels of its examples.
///
/// Errors: it was made from scores alone (`lowest(scores, 5k)` without `data:`), so it names examples and shows none.
pub fn with_images(data: &Dataset) -> Result<(), Failure> {
    if data.is_empty() || image_count(&data.source.images) > 0 {
        return Ok(());
    }
    Err(Failure::new("the examples were chosen by their scores alone, without the data set they come from")
        .help("name it: `lowest(scores, count: 5k, data: cifar.train)`"))
}

/// What is subtracted from and divided by, per channel: the settings `mean` and `std`.
pub struct Normalisation {
    mean: Vec<f32>,
    std: Vec<f32>,
}

impl Normalisation {
    /// Returns the settings `mean` and `std` for that many channels. One number stands for all channels.
    ///
    /// Errors: another number of numbers than channels; a deviation that is not positive.
    pub fn of(mean: &[f64], std: &[f64], channels: usize) -> Result<Self, Problem> {
        let list = |name: &'static str, numbers: &[f64]| -> Result<Vec<f32>, Problem> {
            match numbers.len() {
                1 => Ok(vec![numbers[0] as f32; channels]),
                n if n == 0 || n == channels => Ok(numbers.iter().map(|x| *x as f32).collect()),
                n => Err(unfit(name, format!("`{name}` has {n} numbers, the images have {channels} channels"))),
            }
        };
        let (mut mean, mut std) = (list("mean", mean)?, list("std", std)?);
        if let Some(bad) = std.iter().find(|s| !(**s > 0.0 && s.is_finite())) {
            return Err(unfit("std", format!("a standard deviation cannot be {bad}")));
        }
        if let Some(bad) = mean.iter().find(|m| !m.is_finite()) {
            return Err(unfit("mean", format!("a mean cannot be {bad}")));
        }
        if mean.is_empty() && !std.is_empty() {
            mean = vec![0.0; channels];
        }
        if std.is_empty() && !mean.is_empty() {
            std = vec![1.0; channels];
        }
        Ok(Normalisation { mean, std })
    }

    /// Returns images of a shape with this normalisation.
    pub fn images(self, shape: Vec<usize>, data: Pixels) -> Images {
        Images { shape, data, mean: self.mean, std: self.std }
    }
}

/// Returns the number of channels of a shape: its last length.
pub fn channels(shape: &[usize]) -> usize {
    shape.last().copied().unwrap_or(1)
}

/// Returns the names `0`, `1`, … for the classes that labels name.
///
/// Errors (words): a label beyond any plausible number of classes.
pub fn numbered_classes(labels: &[u32]) -> Result<Vec<String>, String> {
    if let Some(row) = labels.iter().position(|l| *l >= MOST_CLASSES) {
        return Err(format!("has label {} at row {row}; labels count classes from 0 and stay below {MOST_CLASSES}", labels[row]));
    }
    Ok((0..labels.iter().max().map_or(0, |m| m + 1)).map(|c| c.to_string()).collect())
}

/// Returns how many labels name each of `classes` classes.
pub fn sizes(labels: &[u32], classes: usize) -> Vec<usize> {
    let mut out = vec![0; classes];
    labels.iter().filter_map(|l| out.get_mut(*l as usize).map(|n| *n += 1)).count();
    out
}

/// Returns splits as ranges laid end to end; empty ones are left out.
pub fn splits(parts: &[(&str, usize)]) -> Vec<(String, Range<usize>)> {
    let mut start = 0;
    let mut out = Vec::new();
    for (name, count) in parts.iter().filter(|(_, n)| *n > 0) {
        out.push((name.to_string(), start..start + count));
        start += count;
    }
    out
}

/// Returns the facts of a data set from its classes, labels (empty: not read, or none), splits, shape and files.
pub fn facts_of(
    classes: Vec<String>,
    labels: &[u32],
    splits: &[(String, Range<usize>)],
    shape: Vec<usize>,
    files: Vec<PathBuf>,
) -> Facts {
    let known = labels.len() == splits.iter().map(|(_, r)| r.len()).sum::<usize>() && !labels.is_empty();
    let part = |(name, range): &(String, Range<usize>)| SplitFacts {
        name: name.clone(),
        rows: range.len(),
        class_sizes: labels.get(range.clone()).filter(|_| known).map(|labels| sizes(labels, classes.len())),
    };
    let splits: Vec<SplitFacts> = splits.iter().map(part).collect();
    Facts {
        class_sizes: (!labels.is_empty()).then(|| sizes(labels, classes.len())),
        labelled: Some(!classes.is_empty()),
        rows: Some(splits.iter().map(|s| s.rows).sum()),
        mixed: if splits.len() > 1 { splits.iter().map(|s| s.name.clone()).collect() } else { Vec::new() },
        from: splits.iter().map(|s| s.name.clone()).collect(),
        warnings: unused(&classes, labels),
        splits,
        shape: Some(shape),
        files,
        classes: (!classes.is_empty()).then_some(classes),
        ..Facts::default()
    }
}

/// Most numbers that a warning lists.
const LISTED: usize = 8;

/// Returns a warning where labels leave numbers between 0 and the largest unused: they count as classes, of which there is no example.
fn unused(classes: &[String], labels: &[u32]) -> Vec<Problem> {
    let sizes = sizes(labels, classes.len());
    if classes.iter().enumerate().any(|(i, name)| *name != i.to_string()) {
        // Names were given: that the files here have none of one is no surprise.
        return Vec::new();
    }
    let empty: Vec<&str> = classes.iter().zip(&sizes).filter(|(_, n)| **n == 0).map(|(c, _)| c.as_str()).collect();
    if labels.is_empty() || empty.is_empty() {
        return Vec::new();
    }
    let more = if empty.len() > LISTED { format!(" and {} more", empty.len() - LISTED) } else { String::new() };
    let listed = empty.iter().take(LISTED).map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ");
    vec![Problem {
        code: "cfx::data::unused_class",
        parameter: Some("labels"),
        message: format!("of {} classes {} have no example: {listed}{more}", classes.len(), empty.len()),
        help: Some(from_one(labels).unwrap_or_else(|| {
            "labels count classes from 0; a network gets an output for each of them, used or not".to_string()
        })),
    }]
}

/// Returns what to do where labels seem to count classes from 1: all numbers but 0 are used.
pub fn from_one(labels: &[u32]) -> Option<String> {
    let most = labels.iter().max().copied().filter(|most| *most > 1)?;
    let found = sizes(labels, most as usize + 1);
    (found[0] == 0 && found[1..].iter().all(|n| *n > 0)).then(|| {
        format!(
            "these count classes from 1 to {most}, and labels count them from 0: save `labels - 1` in their place, in the program that wrote the file; as they are, `0` is a class without examples"
        )
    })
}
