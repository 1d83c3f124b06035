//! Data sets from NumPy arrays: images or features in `.npy` or `.npz`, with the layout stated.

use super::bytes::{broken, unfit, with_help};
use super::label_files;
use super::npy::{self, Place, place_in};
use super::parts::{Normalisation, Reader, channels, facts_of, named, numbered_classes, splits};
use crate::engine::value::{Pixels, Source};
use crate::lang::Settings;
use crate::plan::facts::{Facts, Problem};
use crate::plan::files::Files;
use crate::{settings, words};
use std::path::PathBuf;

/// Names under which archives usually hold examples.
const USUAL_EXAMPLES: &[&str] = &["x", "images", "data", "features"];

words! {
    /// How the numbers of an array are laid out.
    pub enum Layout {
        /// Examples, height, width, channels.
        Nhwc = "nhwc",
        /// Examples, channels, height, width.
        Nchw = "nchw",
        /// Examples, then anything, taken as one row.
        Features = "features",
    }
}

settings! {
    /// Settings of `arrays`.
    pub struct ArraysSettings("arrays") {
        x: String,
        labels: Option<String>,
        test_x: Option<String>,
        test_labels: Option<String>,
        layout: Layout,
        divisor: f64,
        mean: Vec<f64>,
        std: Vec<f64>,
    }
}

/// A data set in arrays.
pub struct Arrays;

/// The arrays of one split.
struct Part {
    name: &'static str,
    x: Place,
    labels: Option<Place>,
}

/// Returns the place of the array that a setting of that name, written so, means.
pub fn place(written: &str, files: &Files, name: &'static str) -> Result<Place, Problem> {
    let (path, array) = place_in(written);
    let path = files.find(path).map_err(|p| Problem { parameter: Some(name), ..p })?;
    Ok(Place { path, array: array.map(str::to_string) })
}

/// As [`place`], where it is given.
fn optional(written: &Option<String>, files: &Files, name: &'static str) -> Result<Option<Place>, Problem> {
    written.as_deref().map(|w| place(w, files, name)).transpose()
}

/// Returns the number of examples, the shape of one (channels last), and whether channels come first in the file.
fn laid_out(shape: &[usize], layout: Layout, place: &Place) -> Result<(usize, Vec<usize>, bool), Problem> {
    let wrong = |word: &str, wanted: &str| {
        let problem = broken(&place.path, format!("has shape {shape:?}, and `layout: {word}` needs {wanted}"));
        Problem { parameter: Some("layout"), ..with_help(problem, "layouts are `nhwc`, `nchw` (images) and `features` (rows)") }
    };
    let (count, one, first) = match (layout, shape) {
        (Layout::Features, [n, rest @ ..]) if !rest.is_empty() => {
            let width = rest.iter().try_fold(1usize, |a, b| a.checked_mul(*b));
            (*n, vec![width.ok_or_else(|| wrong("features", "fewer numbers"))?], false)
        }
        (Layout::Nhwc, [n, h, w, c]) => (*n, vec![*h, *w, *c], false),
        (Layout::Nchw, [n, c, h, w]) => (*n, vec![*h, *w, *c], true),
        (Layout::Nhwc | Layout::Nchw, [n, h, w]) => (*n, vec![*h, *w, 1], false),
        (Layout::Features, _) => return Err(wrong("features", "two dimensions: examples, features")),
        (Layout::Nchw, _) => return Err(wrong("nchw", "four dimensions: examples, channels, height, width")),
        (Layout::Nhwc, _) => return Err(wrong("nhwc", "four dimensions: examples, height, width, channels")),
    };
    if count == 0 || one.contains(&0) {
        return Err(broken(&place.path, format!("is empty: its shape is {shape:?}")));
    }
    Ok((count, one, first))
}

/// Returns numbers with channels moved from the first place to the last.
fn channels_last<T: Copy>(data: Vec<T>, shape: &[usize], first: bool) -> Vec<T> {
    let &[h, w, c] = shape else { return data };
    if !first || c == 1 {
        return data;
    }
    let plane = h * w;
    let mut out = Vec::with_capacity(data.len());
    for image in data.chunks_exact(plane * c) {
        (0..plane).for_each(|i| out.extend((0..c).map(|k| image[k * plane + i])));
    }
    out
}

impl Arrays {
    fn parts(&self, settings: &ArraysSettings, files: &Files) -> Result<Vec<Part>, Problem> {
        let x = place(&settings.x, files, "x")?;
        let labels = optional(&settings.labels, files, "labels")?;
        let test = optional(&settings.test_x, files, "test_x")?;
        let test_labels = optional(&settings.test_labels, files, "test_labels")?;
        if labels.is_some() != test_labels.is_some() && test.is_some() || test.is_none() && test_labels.is_some() {
            return Err(unfit("test_labels", "labels must be given for both splits or for none"));
        }
        let mut parts = vec![Part { name: if test.is_some() { "train" } else { "all" }, x, labels }];
        parts.extend(test.map(|x| Part { name: "test", x, labels: test_labels }));
        Ok(parts)
    }
}

/// Returns the labels of a part, one for each of `count` examples.
fn labels_of(part: &Part, count: usize) -> Result<Vec<u32>, Problem> {
    let Some(place) = &part.labels else { return Ok(Vec::new()) };
    let same = |labels: usize| match labels == count {
        true => Ok(()),
        false => {
            let words = format!("has {labels} labels, and `{}` has {count} examples", part.x.path.display());
            Err(broken(&place.path, words))
        }
    };
    // Another number of labels is not read.
    if let Some([labels]) = label_files::shape(place)?.as_deref() {
        same(*labels)?;
    }
    let (labels, _) = label_files::read(place)?;
    same(labels.len())?;
    Ok(labels)
}

/// Returns names of classes for labels, or the problem of the file they came from.
fn classes_of(parts: &[Part], labels: &[u32]) -> Result<Vec<String>, Problem> {
    let path = parts.iter().find_map(|p| p.labels.as_ref()).map(|l| l.path.clone()).unwrap_or_default();
    numbered_classes(labels).map_err(|words| broken(&path, words))
}

/// Checks that both splits have one shape of example.
fn agree(shape: &mut Vec<usize>, new: Vec<usize>, place: &Place) -> Result<(), Problem> {
    if shape.is_empty() || *shape == new {
        *shape = new;
        return Ok(());
    }
    Err(broken(&place.path, format!("has examples of shape {new:?}, the training examples have {shape:?}")))
}

/// Returns what numbers are divided by.
fn divisor(settings: &ArraysSettings) -> Result<f32, Problem> {
    let divisor = settings.divisor as f32;
    if divisor > 0.0 && divisor.is_finite() {
        Ok(divisor)
    } else {
        Err(unfit("divisor", format!("`divisor` cannot be {divisor}")))
    }
}

impl Reader for Arrays {
    type Settings = ArraysSettings;

    fn settings(&self, settings: &Settings) -> ArraysSettings {
        ArraysSettings::read(settings)
    }

    fn name(&self, settings: &ArraysSettings) -> String {
        named([Some(&settings.x), settings.test_x.as_ref()].into_iter().flatten())
    }

    fn facts(&self, settings: &ArraysSettings, files: Option<&Files>) -> Result<Facts, Problem> {
        divisor(settings)?;
        let Some(files) = files else { return Ok(Facts::default()) };
        let parts = self.parts(settings, files)?;
        let (mut shape, mut counts, mut labels, mut paths) = (Vec::new(), Vec::new(), Vec::new(), Vec::<PathBuf>::new());
        for part in &parts {
            let header = npy::header(&part.x, USUAL_EXAMPLES)?;
            let (count, one, _) = laid_out(&header.shape, settings.layout, &part.x)?;
            agree(&mut shape, one, &part.x)?;
            counts.push((part.name, count));
            labels.extend(labels_of(part, count)?);
            paths.push(part.x.path.clone());
            paths.extend(part.labels.as_ref().map(|l| l.path.clone()));
        }
        paths.dedup();
        Normalisation::of(&settings.mean, &settings.std, channels(&shape))?;
        Ok(facts_of(classes_of(&parts, &labels)?, &labels, &splits(&counts), shape, paths))
    }

    fn read(&self, settings: &ArraysSettings, files: &Files) -> Result<Source, Problem> {
        let parts = self.parts(settings, files)?;
        let divisor = divisor(settings)?;
        let (mut shape, mut counts, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        let (mut bytes, mut floats) = (Vec::<u8>::new(), Vec::<f32>::new());
        let mut arrays = Vec::new();
        for part in &parts {
            let array = npy::read(&part.x, USUAL_EXAMPLES)?;
            let (count, one, first) = laid_out(&array.header.shape, settings.layout, &part.x)?;
            agree(&mut shape, one, &part.x)?;
            counts.push((part.name, count));
            labels.extend(labels_of(part, count)?);
            arrays.push((array, first));
        }
        if arrays.iter().all(|(a, _)| a.header.is_bytes()) {
            for (array, first) in arrays {
                bytes.extend(channels_last(array.u8s().unwrap_or_default(), &shape, first));
            }
        } else {
            for ((array, first), part) in arrays.into_iter().zip(&parts) {
                let mut new = channels_last(array.f32s(), &shape, first);
                let width: usize = shape.iter().product();
                if let Some(at) = new.iter().position(|x| !x.is_finite()) {
                    let problem = broken(&part.x.path, format!("holds {} at row {}, column {}", new[at], at / width, at % width));
                    return Err(with_help(problem, "numbers must be finite; rows and columns count from 0"));
                }
                new.iter_mut().for_each(|x| *x /= divisor);
                floats.extend(new);
            }
        }
        let data = if floats.is_empty() { Pixels::Bytes { data: bytes, divisor } } else { Pixels::Floats(floats) };
        Ok(Source {
            name: self.name(settings),
            images: Normalisation::of(&settings.mean, &settings.std, channels(&shape))?.images(shape, data),
            classes: classes_of(&parts, &labels)?,
            labels,
            splits: splits(&counts),
        })
    }
}
