//! IDX files, plain or gzip: the format of MNIST and its relatives (Y. LeCun, C. Cortes, C. Burges: The MNIST database).

use super::bytes::{Input, broken, unfit, with_help};
use super::parts::{Normalisation, Reader, channels, facts_of, named, numbered_classes, splits};
use crate::engine::value::{Pixels, Source};
use crate::lang::Settings;
use crate::plan::facts::{Facts, Problem};
use crate::plan::files::Files;
use crate::settings;
use std::path::{Path, PathBuf};

/// Any images and labels in IDX files.
pub struct Idx;

/// A folder with MNIST's four files under their own names.
pub struct Mnist;

/// Returns the lengths in a header of unsigned bytes with one of the given numbers of dimensions.
fn header(input: &mut Input, dimensions: std::ops::RangeInclusive<u8>, what: &str) -> Result<Vec<usize>, Problem> {
    let path = input.path();
    let magic = input.take(4, "header").map_err(|_| broken(path, "is not an IDX file: it is too short"))?;
    if magic[0] != 0 || magic[1] != 0 {
        return Err(broken(path, "is not an IDX file: it does not begin with two zero bytes"));
    }
    if magic[2] != 8 {
        return Err(broken(path, format!("holds numbers of IDX type {:#04x}; unsigned bytes (0x08) are read", magic[2])));
    }
    if !dimensions.contains(&magic[3]) {
        let message = format!("has {} dimensions, and {what} have {} to {}", magic[3], dimensions.start(), dimensions.end());
        return Err(with_help(broken(path, message), "are images and labels the right way round?"));
    }
    let lengths = input.take(4 * magic[3] as u64, "header")?;
    let lengths: Vec<_> = lengths.chunks(4).map(|b| b.iter().fold(0usize, |n, x| n << 8 | *x as usize)).collect();
    if lengths.contains(&0) {
        return Err(broken(path, format!("is empty: its shape is {lengths:?}")));
    }
    Ok(lengths)
}

/// Returns the shape of one image, the number of images, and the bytes they take; IDX holds one image after the other.
fn image_header(input: &mut Input) -> Result<(Vec<usize>, usize, u64), Problem> {
    let lengths = header(input, 2..=4, "images")?;
    let size = lengths.iter().try_fold(1u64, |n, d| n.checked_mul(*d as u64));
    let size =
        size.ok_or_else(|| broken(input.path(), format!("claims a shape of {lengths:?}, which is too large for any machine")))?;
    input.room_for(size, "images")?;
    input.ends_after(size)?;
    let mut shape = lengths[1..].to_vec();
    if shape.len() == 2 {
        shape.push(1);
    }
    Ok((shape, lengths[0], size))
}

/// Returns shape, count and bytes of the images in a file.
fn images(path: &Path) -> Result<(Vec<usize>, usize, Vec<u8>), Problem> {
    let mut input = Input::open(path)?;
    let (shape, count, size) = image_header(&mut input)?;
    let data = input.take(size, "images")?;
    input.end()?;
    Ok((shape, count, data))
}

/// Returns the labels in a file, one for each image in another.
fn labels(path: &Path, images: usize, image_file: &Path) -> Result<Vec<u32>, Problem> {
    let mut input = Input::open(path)?;
    let count = header(&mut input, 1..=1, "labels")?[0];
    same_count(images, count, image_file, path)?;
    let data = input.take(count as u64, "labels")?;
    input.end()?;
    Ok(data.into_iter().map(u32::from).collect())
}

/// The files of one split.
struct Part {
    name: &'static str,
    images: PathBuf,
    labels: Option<PathBuf>,
}

/// Returns facts from headers and labels.
fn part_facts((mean, std): (&[f64], &[f64]), parts: &[Part]) -> Result<Facts, Problem> {
    let mut shape = Vec::new();
    let mut all = Vec::new();
    let mut counts = Vec::new();
    let mut files = Vec::new();
    for part in parts {
        let (this, count, _) = image_header(&mut Input::open(&part.images)?)?;
        same_shape(&mut shape, this, &part.images)?;
        counts.push((part.name, count));
        files.push(part.images.clone());
        if let Some(path) = &part.labels {
            all.extend(labels(path, count, &part.images)?);
            files.push(path.clone());
        }
    }
    Normalisation::of(mean, std, channels(&shape))?;
    let classes = classes(parts, &all)?;
    Ok(facts_of(classes, &all, &splits(&counts), shape, files))
}

/// Reads all parts.
fn read_parts(name: String, (mean, std): (&[f64], &[f64]), parts: &[Part]) -> Result<Source, Problem> {
    let mut shape = Vec::new();
    let (mut pixels, mut all, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        let (this, count, data) = images(&part.images)?;
        same_shape(&mut shape, this, &part.images)?;
        counts.push((part.name, count));
        if pixels.is_empty() {
            pixels = data;
        } else {
            pixels.extend_from_slice(&data);
        }
        if let Some(path) = &part.labels {
            all.extend(labels(path, count, &part.images)?);
        }
    }
    let classes = classes(parts, &all)?;
    let images = Normalisation::of(mean, std, channels(&shape))?.images(shape, Pixels::Bytes { data: pixels, divisor: 255.0 });
    Ok(Source { name, images, labels: all, classes, splits: splits(&counts) })
}

/// Returns the names of the classes.
fn classes(parts: &[Part], labels: &[u32]) -> Result<Vec<String>, Problem> {
    let path = parts.iter().find_map(|p| p.labels.as_deref()).unwrap_or(Path::new(""));
    numbered_classes(labels).map_err(|words| broken(path, words))
}

/// Checks that images of both splits have one shape.
fn same_shape(shape: &mut Vec<usize>, this: Vec<usize>, path: &Path) -> Result<(), Problem> {
    if shape.is_empty() {
        *shape = this;
        return Ok(());
    }
    if *shape == this {
        Ok(())
    } else {
        Err(broken(path, format!("has images of shape {this:?}, the training images have {shape:?}")))
    }
}

/// Checks that there is one label an image.
fn same_count(images: usize, labels: usize, image_file: &Path, path: &Path) -> Result<(), Problem> {
    if images == labels {
        return Ok(());
    }
    Err(broken(path, format!("has {labels} labels, and `{}` has {images} images", image_file.display())))
}

impl Idx {
    fn parts(&self, settings: &IdxSettings, files: &Files) -> Result<Vec<Part>, Problem> {
        let find = |name: &'static str, written: &str| -> Result<PathBuf, Problem> {
            files.find(written).map_err(|p| Problem { parameter: Some(name), ..p })
        };
        let given = |name, written: &Option<String>| written.as_deref().map(|w| find(name, w)).transpose();
        let images = find("images", &settings.images)?;
        let labels = given("labels", &settings.labels)?;
        let test = given("test_images", &settings.test_images)?;
        let test_labels = given("test_labels", &settings.test_labels)?;
        let alone = if test.is_some() { "train" } else { "all" };
        if let Some(test) = test {
            if labels.is_some() != test_labels.is_some() {
                return Err(unfit("test_labels", "labels are given for one of the two splits only"));
            }
            let test = Part { name: "test", images: test, labels: test_labels };
            return Ok(vec![Part { name: alone, images, labels }, test]);
        }
        if test_labels.is_some() {
            return Err(unfit("test_labels", "labels of test images are given, but no test images"));
        }
        Ok(vec![Part { name: alone, images, labels }])
    }
}

settings! {
    /// Settings of `idx`.
    pub struct IdxSettings("idx") {
        images: String,
        labels: Option<String>,
        test_images: Option<String>,
        test_labels: Option<String>,
        mean: Vec<f64>,
        std: Vec<f64>,
    }
}

settings! {
    /// Settings of `mnist`.
    pub struct MnistSettings("mnist") { folder: String, mean: Vec<f64>, std: Vec<f64> }
}

impl Reader for Idx {
    type Settings = IdxSettings;

    fn settings(&self, settings: &Settings) -> IdxSettings {
        IdxSettings::read(settings)
    }

    fn name(&self, settings: &IdxSettings) -> String {
        named([Some(&settings.images), settings.test_images.as_ref()].into_iter().flatten())
    }

    fn facts(&self, settings: &IdxSettings, files: Option<&Files>) -> Result<Facts, Problem> {
        match files {
            Some(files) => part_facts((&settings.mean, &settings.std), &self.parts(settings, files)?),
            None => Ok(Facts::default()),
        }
    }

    fn read(&self, settings: &IdxSettings, files: &Files) -> Result<Source, Problem> {
        read_parts(self.name(settings), (&settings.mean, &settings.std), &self.parts(settings, files)?)
    }
}

impl Mnist {
    fn parts(&self, settings: &MnistSettings, files: &Files) -> Result<Vec<Part>, Problem> {
        let folder = settings.folder.trim_end_matches('/');
        let find = |stem: &str, rank: &str| -> Result<PathBuf, Problem> {
            let spellings = [format!("{stem}-{rank}-ubyte"), format!("{stem}.{rank}-ubyte"), format!("{stem}.{rank}")];
            let mut problem = None;
            for spelling in spellings.iter().flat_map(|s| [s.clone(), format!("{s}.gz")]) {
                match files.find(&format!("{folder}/{spelling}")) {
                    Ok(path) => return Ok(path),
                    Err(p) => problem = problem.or(Some(p)),
                }
            }
            let problem = problem.unwrap_or_else(|| unfit("folder", "no folder is given"));
            Err(Problem { parameter: Some("folder"), ..problem })
        };
        files.find(folder).map_err(|p| Problem { parameter: Some("folder"), ..p })?;
        let part = |name, stem: &str| -> Result<Part, Problem> {
            Ok(Part {
                name,
                images: find(&format!("{stem}-images"), "idx3")?,
                labels: Some(find(&format!("{stem}-labels"), "idx1")?),
            })
        };
        Ok(vec![part("train", "train")?, part("test", "t10k")?])
    }
}

impl Reader for Mnist {
    type Settings = MnistSettings;

    fn settings(&self, settings: &Settings) -> MnistSettings {
        MnistSettings::read(settings)
    }

    fn name(&self, settings: &MnistSettings) -> String {
        named([&settings.folder])
    }

    fn facts(&self, settings: &MnistSettings, files: Option<&Files>) -> Result<Facts, Problem> {
        Normalisation::of(&settings.mean, &settings.std, 1)?;
        let Some(files) = files else {
            let classes = (0..10).map(|c: u32| c.to_string()).collect();
            return Ok(Facts { classes: Some(classes), shape: Some(vec![28, 28, 1]), ..Facts::default() });
        };
        let parts = self.parts(settings, files)?;
        let facts = part_facts((&settings.mean, &settings.std), &parts)?;
        if facts.shape.as_deref() != Some(&[28, 28, 1]) || facts.classes.as_ref().map(Vec::len) != Some(10) {
            let problem = broken(&parts[0].images, "does not hold 28x28 images of ten classes, as MNIST and its relatives do");
            return Err(with_help(problem, "`idx(images: …, labels: …)` reads any images in this format"));
        }
        Ok(facts)
    }

    fn read(&self, settings: &MnistSettings, files: &Files) -> Result<Source, Problem> {
        self.facts(settings, Some(files))?;
        read_parts(self.name(settings), (&settings.mean, &settings.std), &self.parts(settings, files)?)
    }
}
