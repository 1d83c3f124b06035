//! Image folders: one folder a class, images in it; where they lie is told by [`super::image_list`].

use super::bytes::{broken, unfit, unreadable, with_help};
use super::image_list::{Classes, Listing, Order, list};
use super::parts::{Normalisation, Reader, facts_of, named, splits};
use crate::engine::value::{Pixels, Source};
use crate::lang::Settings;
use crate::ops::foreign::named;
use crate::plan::facts::{Facts, Problem};
use crate::plan::files::Files;
use crate::plan::seen;
use crate::{settings, words};
use image::imageops::FilterType;
use image::{DynamicImage, ImageError, ImageReader, Limits};
use rayon::prelude::*;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

/// Longest side of an image that is decoded, in pixels.
const LONGEST_SIDE: u32 = 16_384;

/// Longest file of an image that is read, in bytes.
const LONGEST_FILE: u64 = 1 << 29;

/// Most memory that decoding one image may take, in bytes.
const DECODE_MEMORY: u64 = 1 << 29;

/// Memory that decoding takes at most whatever the size of the file, and more of it for each byte of the file: a header of a few bytes may tell of any
/// number of pixels. Images of one colour are packed to a thousandth.
const DECODE_ANYWAY: u64 = 48 << 20;
const DECODE_EACH: u64 = 2_000;

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
    pub struct ImageFolderSettings("image_folder") {
        folder: String,
        size: usize,
        channels: Channels,
        order: Order = Order::Natural,
        classes: Classes = Classes::Shared,
        mean: Vec<f64>,
        std: Vec<f64>,
    }
}

/// A folder of images, with or without folders of splits above those of the classes.
pub struct ImageFolder;

/// Returns how light a pixel of red, green and blue is: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), in the whole numbers that Pillow's
/// `convert("L")` computes with.
fn lightness(rgb: &[u8]) -> u8 {
    ((rgb[0] as u32 * 19_595 + rgb[1] as u32 * 38_470 + rgb[2] as u32 * 7_471 + 0x8000) >> 16) as u8
}

/// Returns whether a JPEG goes on to its end: the decoder fills what is missing with grey (ITU-T T.81, B.1: markers and segments).
fn is_whole_jpeg(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        // To the next marker; within a scan 0xff00 is a byte of data, and 0xffd0 to 0xffd7 part intervals.
        while !matches!((bytes.get(at), bytes.get(at + 1)), (Some(0xff), Some(1..=0xcf | 0xd8..=0xfe)) | (_, None)) {
            at += 1;
        }
        match bytes.get(at + 1) {
            None => return false,
            Some(0xd9) => return true,
            // Markers without a segment.
            Some(0x01 | 0xd8) => at += 2,
            Some(_) => match bytes.get(at + 2..at + 4) {
                Some(length) => at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]])),
                None => return false,
            },
        }
    }
}

/// Returns whether a TIFF tells of values that its bytes cannot hold: a decoder takes memory for them before it looks (TIFF 6.0, section 2; the form for
/// large files has wider numbers).
fn is_overstated_tiff(bytes: &[u8]) -> bool {
    let little = match bytes.get(..4) {
        Some(b"II\x2a\0" | b"II\x2b\0") => true,
        Some(b"MM\0\x2a" | b"MM\0\x2b") => false,
        _ => return false,
    };
    let wide = bytes[2] == 0x2b || bytes[3] == 0x2b;
    let number = |at: u64, length: u64| -> Option<u64> {
        let part = bytes.get(usize::try_from(at).ok()?..usize::try_from(at.checked_add(length)?).ok()?)?;
        let add = |n: u64, byte: &u8| n << 8 | u64::from(*byte);
        Some(if little { part.iter().rev().fold(0, add) } else { part.iter().fold(0, add) })
    };
    // Where the directory is named, how long are its own count, an entry, and an entry's count.
    let (named, place, counted, entry, width) = if wide { (8, 8, 8, 20, 8) } else { (4, 4, 2, 12, 4) };
    let Some(directory) = number(named, place) else { return false };
    let entries = number(directory, counted).unwrap_or(0);
    (0..entries.min(bytes.len() as u64 / entry)).any(|i| {
        let at = directory.saturating_add(counted + i * entry);
        let size = match number(at.saturating_add(2), 2) {
            Some(3 | 8) => 2,
            Some(4 | 9 | 11 | 13) => 4,
            Some(5 | 10 | 12 | 16..=18) => 8,
            _ => 1,
        };
        number(at.saturating_add(4), width).is_some_and(|count| count.saturating_mul(size) > bytes.len() as u64)
    })
}

/// Opens an image.
///
/// Errors: it is empty, or begins as another thing, or as an image of a kind that is not read.
fn opened(path: &Path) -> Result<BufReader<File>, Problem> {
    let cannot = |e: std::io::Error| broken(path, format!("cannot be read: {e}"));
    let mut file = BufReader::with_capacity(named::ENOUGH, seen::open(path).map_err(cannot)?);
    let head = file.fill_buf().map_err(cannot)?;
    if head.is_empty() {
        return Err(with_help(broken(path, "is empty"), "download it again, or move it away"));
    }
    if let Some(why) = named::stranger(head) {
        return Err(unreadable(path, why));
    }
    if !image::guess_format(head).is_ok_and(|format| format.reading_enabled()) {
        let problem = broken(path, "begins as no image of a kind that is read here");
        return Err(with_help(
            problem,
            "PNG, JPEG, WebP, BMP, GIF, TIFF and PNM are read, whatever the name ends in: convert it, or move it away",
        ));
    }
    Ok(file)
}

/// Returns the pixels of one image, its shorter side scaled to `size` and the middle square cut out.
fn decode(path: &Path, size: u32, grey: bool) -> Result<Vec<u8>, Problem> {
    let cannot = |e: &dyn std::fmt::Display| broken(path, format!("is not an image that can be decoded: {e}"));
    let file = opened(path)?;
    let mut bytes = Vec::new();
    file.take(LONGEST_FILE).read_to_end(&mut bytes).map_err(|e| cannot(&e))?;
    if bytes.starts_with(b"\xff\xd8") && !is_whole_jpeg(&bytes) {
        return Err(with_help(
            broken(path, "is a JPEG that is cut short: its end is missing"),
            "download it again, or move it away",
        ));
    }
    if is_overstated_tiff(&bytes) {
        return Err(with_help(
            broken(path, "is a TIFF that tells of more values than it has bytes: it is damaged, or cut short"),
            "download it again, or move it away",
        ));
    }
    let mut reader = ImageReader::new(Cursor::new(&bytes[..])).with_guessed_format().map_err(|e| cannot(&e))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(DECODE_MEMORY.min(DECODE_ANYWAY + DECODE_EACH * bytes.len() as u64));
    reader.limits(limits);
    let image = reader.decode().map_err(|e| match e {
        ImageError::Limits(_) => {
            let words = format!("is an image of more pixels than are read from a file of {} bytes", bytes.len());
            with_help(broken(path, words), "scale it down, or move it away")
        }
        e => cannot(&e),
    })?;
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

/// Returns what the folder holds.
fn found(settings: &ImageFolderSettings, files: &Files) -> Result<Listing, Problem> {
    let root = files.find(&settings.folder).map_err(|p| Problem { parameter: Some("folder"), ..p })?;
    if !root.is_dir() {
        return Err(broken(&root, "is no folder"));
    }
    list(&root, files, settings.order, settings.classes)
}

impl Reader for ImageFolder {
    type Settings = ImageFolderSettings;

    fn later(&self) -> &'static [(&'static str, &'static str)] {
        &[("order", "natural"), ("classes", "shared")]
    }

    fn version(&self) -> u32 {
        3
    }

    fn settings(&self, settings: &Settings) -> ImageFolderSettings {
        ImageFolderSettings::read(settings)
    }

    fn name(&self, settings: &ImageFolderSettings) -> String {
        named([&settings.folder])
    }

    fn facts(&self, settings: &ImageFolderSettings, files: Option<&Files>) -> Result<Facts, Problem> {
        let (size, channels) = wanted(settings)?;
        Normalisation::of(&settings.mean, &settings.std, channels)?;
        let shape = vec![size as usize, size as usize, channels];
        let Some(files) = files else { return Ok(Facts { shape: Some(shape), ..Facts::default() }) };
        let found = found(settings, files)?;
        let counts: Vec<_> = found.splits.iter().map(|(n, f)| (*n, f.len())).collect();
        let (mut paths, labels): (Vec<_>, Vec<_>) = found.splits.into_iter().flat_map(|(_, f)| f).unzip();
        if let Some(problem) = paths.par_iter().find_map_first(|path| opened(path).err()) {
            return Err(problem);
        }
        // Labels, classes, splits and order are those of the folders.
        paths.extend(found.from);
        let labels = if found.classes.is_empty() { Vec::new() } else { labels };
        let natural = settings.order == Order::Natural;
        let facts = facts_of(found.classes, &labels, &splits(&counts), shape, paths);
        Ok(Facts { warnings: found.warnings, natural, ..facts })
    }

    fn read(&self, settings: &ImageFolderSettings, files: &Files) -> Result<Source, Problem> {
        let read = self.read_unless(settings, files, &|| false)?;
        read.ok_or_else(|| broken(Path::new(&settings.folder), "was not read to its end"))
    }

    fn read_unless(
        &self,
        settings: &ImageFolderSettings,
        files: &Files,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Source>, Problem> {
        let (size, channels) = wanted(settings)?;
        let found = found(settings, files)?;
        let counts: Vec<_> = found.splits.iter().map(|(n, f)| (*n, f.len())).collect();
        let (paths, labels): (Vec<PathBuf>, Vec<u32>) = found.splits.into_iter().flat_map(|(_, f)| f).unzip();
        let one = |path: &PathBuf| if stop() { None } else { Some(decode(path, size, channels == 1)) };
        let decoded: Vec<_> = paths.par_iter().map(one).collect();
        let mut pixels = Vec::new();
        for image in decoded {
            let Some(image) = image else { return Ok(None) };
            pixels.extend(image?);
        }
        let shape = vec![size as usize, size as usize, channels];
        Ok(Some(Source {
            name: self.name(settings),
            images: Normalisation::of(&settings.mean, &settings.std, channels)?
                .images(shape, Pixels::Bytes { data: pixels, divisor: 255.0 }),
            labels: if found.classes.is_empty() { Vec::new() } else { labels },
            classes: found.classes,
            splits: splits(&counts),
        }))
    }
}
