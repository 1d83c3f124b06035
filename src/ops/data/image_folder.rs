//! Image folders: one folder a class, PNG or JPEG files in it; classes and files in sorted order.

use super::bytes::{broken, unfit, with_help};
use super::parts::{Normalisation, Reader, facts_of, splits};
use crate::base::natural;
use crate::engine::value::{Pixels, Source};
use crate::lang::Settings;
use crate::plan::facts::{Facts, Problem};
use crate::plan::files::Files;
use crate::{settings, words};
use image::imageops::FilterType;
use image::{DynamicImage, ImageReader, Limits};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Longest side of an image that is decoded, in pixels.
const LONGEST_SIDE: u32 = 16_384;

/// Most memory that decoding one image may take, in bytes.
const DECODE_MEMORY: u64 = 1 << 29;

words! {
    /// What a pixel holds.
    pub enum Channels {
        /// Red, green and blue.
        Rgb = "rgb",
        /// How light it is.
        Grey = "grey",
    }
}

settings! {
    /// Settings of `image_folder`.
    pub struct ImageFolderSettings("image_folder") { folder: String, size: usize, channels: Channels, mean: Vec<f64>, std: Vec<f64> }
}

/// A folder of images, with or without folders `train` and `test` (or `val`) above those of the classes.
pub struct ImageFolder;

/// What the folders hold.
struct Listing {
    classes: Vec<String>,
    /// For each split: its name, and its files with their labels.
    splits: Vec<(&'static str, Vec<(PathBuf, u32)>)>,
}

/// Returns the entries of a folder in natural order of names; hidden ones are left out, links that leave the folder refused.
fn entries(dir: &Path, root: &Path) -> Result<Vec<PathBuf>, Problem> {
    let listed = std::fs::read_dir(dir).map_err(|e| broken(dir, format!("cannot be listed: {e}")))?;
    let mut out = Vec::new();
    for path in listed.flatten().map(|e| e.path()) {
        if path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.')) {
            continue;
        }
        if !path.canonicalize().is_ok_and(|real| real.starts_with(root)) {
            return Err(broken(&path, "is a link that leaves the folder of images"));
        }
        out.push(path);
    }
    out.sort_by_key(|p| natural(&name(p)));
    Ok(out)
}

/// Returns whether the file is named as an image that can be decoded.
fn is_image(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    path.is_file() && matches!(ending.as_str(), "png" | "jpg" | "jpeg")
}

/// Returns name of a path's last part.
fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Returns the images of one class folder; Tiny-ImageNet keeps them in a folder `images` below it.
fn images_in(folder: &Path, root: &Path) -> Result<Vec<PathBuf>, Problem> {
    let inner = folder.join("images");
    let folder = if inner.is_dir() { inner } else { folder.to_path_buf() };
    Ok(entries(&folder, root)?.into_iter().filter(|p| is_image(p)).collect())
}

/// Lists classes and files.
fn list(root: &Path) -> Result<Listing, Problem> {
    let folders =
        |dir: &Path| -> Result<Vec<PathBuf>, Problem> { Ok(entries(dir, root)?.into_iter().filter(|p| p.is_dir()).collect()) };
    let top = folders(root)?;
    let sub = |names: &[&str]| top.iter().find(|p| names.contains(&name(p).as_str())).cloned();
    let parts = match (sub(&["train"]), sub(&["test", "val"])) {
        (Some(train), Some(test)) => vec![("train", train), ("test", test)],
        (Some(train), None) => vec![("train", train)],
        _ => vec![("all", root.to_path_buf())],
    };
    let mut classes: Vec<String> = folders(&parts[0].1)?.iter().map(|p| name(p)).collect();
    let mut splits = Vec::new();
    for (split, dir) in parts {
        let mut files = Vec::new();
        for folder in folders(&dir)? {
            let class = name(&folder);
            let Some(label) = classes.iter().position(|c| *c == class) else {
                return Err(broken(&folder, "is a class that the training images do not have"));
            };
            files.extend(images_in(&folder, root)?.into_iter().map(|f| (f, label as u32)));
        }
        splits.push((split, files));
    }
    if splits.iter().all(|(_, f)| f.is_empty()) {
        // No folders of classes: the images of the folder itself, without labels.
        classes.clear();
        let files: Vec<_> = entries(root, root)?.into_iter().filter(|p| is_image(p)).map(|p| (p, 0)).collect();
        if files.is_empty() {
            return Err(with_help(broken(root, "holds no images"), "PNG and JPEG files are read, in one folder for each class"));
        }
        splits = vec![("all", files)];
    }
    Ok(Listing { classes, splits })
}

/// Returns how light a pixel of red, green and blue is: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), in the whole numbers that Pillow's
/// `convert("L")` computes with.
fn lightness(rgb: &[u8]) -> u8 {
    ((rgb[0] as u32 * 19_595 + rgb[1] as u32 * 38_470 + rgb[2] as u32 * 7_471 + 0x8000) >> 16) as u8
}

/// Returns the pixels of one image, its shorter side scaled to `size` and the middle square cut out.
fn decode(path: &Path, size: u32, grey: bool) -> Result<Vec<u8>, Problem> {
    let cannot = |e: &dyn std::fmt::Display| broken(path, format!("is no image that can be decoded: {e}"));
    let mut reader = ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(|e| cannot(&e))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(DECODE_MEMORY);
    reader.limits(limits);
    let image = reader.decode().map_err(|e| cannot(&e))?;
    let (w, h) = (image.width(), image.height());
    let shorter = w.min(h);
    if shorter == 0 {
        return Err(broken(path, "is an image without pixels"));
    }
    let cut = image.crop_imm((w - shorter) / 2, (h - shorter) / 2, shorter, shorter);
    let scaled = if shorter == size { cut } else { cut.resize_exact(size, size, FilterType::Triangle) };
    Ok(match (scaled, grey) {
        (image, true) => DynamicImage::into_rgb8(image).as_raw().chunks_exact(3).map(lightness).collect(),
        (image, false) => DynamicImage::into_rgb8(image).into_raw(),
    })
}

/// Returns the side and the number of channels that the settings ask for.
fn wanted(settings: &ImageFolderSettings) -> Result<(u32, usize), Problem> {
    let size = settings.size;
    if size == 0 || size > 1024 {
        return Err(unfit("size", format!("images of {size}x{size} pixels are not made; the side is 1 to 1,024")));
    }
    Ok((size as u32, if settings.channels == Channels::Grey { 1 } else { 3 }))
}

/// Returns the folder.
fn root(settings: &ImageFolderSettings, files: &Files) -> Result<PathBuf, Problem> {
    let root = files.find(&settings.folder).map_err(|p| Problem { parameter: Some("folder"), ..p })?;
    if root.is_dir() { Ok(root) } else { Err(broken(&root, "is no folder")) }
}

impl Reader for ImageFolder {
    type Settings = ImageFolderSettings;

    fn settings(&self, settings: &Settings) -> ImageFolderSettings {
        ImageFolderSettings::read(settings)
    }

    fn name(&self, settings: &ImageFolderSettings) -> String {
        settings.folder.trim_end_matches('/').to_string()
    }

    fn facts(&self, settings: &ImageFolderSettings, files: Option<&Files>) -> Result<Facts, Problem> {
        let (size, channels) = wanted(settings)?;
        Normalisation::of(&settings.mean, &settings.std, channels)?;
        let shape = vec![size as usize, size as usize, channels];
        let Some(files) = files else { return Ok(Facts { shape: Some(shape), ..Facts::default() }) };
        let found = list(&root(settings, files)?)?;
        let counts: Vec<_> = found.splits.iter().map(|(n, f)| (*n, f.len())).collect();
        let all = found.splits.into_iter().flat_map(|(_, f)| f);
        let (paths, labels): (Vec<_>, Vec<_>) = all.unzip();
        let labels = if found.classes.is_empty() { Vec::new() } else { labels };
        Ok(facts_of(found.classes, &labels, &splits(&counts), shape, paths))
    }

    fn read(&self, settings: &ImageFolderSettings, files: &Files) -> Result<Source, Problem> {
        let (size, channels) = wanted(settings)?;
        let found = list(&root(settings, files)?)?;
        let counts: Vec<_> = found.splits.iter().map(|(n, f)| (*n, f.len())).collect();
        let (paths, labels): (Vec<PathBuf>, Vec<u32>) = found.splits.into_iter().flat_map(|(_, f)| f).unzip();
        let decoded: Vec<_> = paths.par_iter().map(|p| decode(p, size, channels == 1)).collect();
        let mut pixels = Vec::new();
        for image in decoded {
            pixels.extend(image?);
        }
        let shape = vec![size as usize, size as usize, channels];
        Ok(Source {
            name: self.name(settings),
            images: Normalisation::of(&settings.mean, &settings.std, channels)?
                .images(shape, Pixels::Bytes { data: pixels, divisor: 255.0 }),
            labels: if found.classes.is_empty() { Vec::new() } else { labels },
            classes: found.classes,
            splits: splits(&counts),
        })
    }
}
