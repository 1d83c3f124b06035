//! The handwritten digits that travel with cfx: 1,797 images of 8x8 pixels (E. Alpaydin, C. Kaynak 1998; CC BY 4.0).

use super::bytes::{Input, broken};
use super::parts::{Normalisation, Reader, facts_of, splits};
use crate::engine::value::{Pixels, Source};
use crate::lang::Settings;
use crate::plan::facts::{Facts, Problem};
use crate::plan::files::Files;
use flate2::read::GzDecoder;
use std::path::Path;

/// The file: on each line 64 pixels of 0 to 16, row by row, and the label.
const PACKED: &[u8] = include_bytes!("../../../stdlib/data/digits.csv.gz");

/// Images in `train`: the first lines; the rest is `test`, mostly by other writers.
const TRAIN: usize = 1_437;

/// Images in all.
const ALL: usize = 1_797;

/// Images of each digit, 0 to 9.
const SIZES: [usize; 10] = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180];

/// The built-in digits.
pub struct Digits;

impl Reader for Digits {
    fn facts(&self, settings: &Settings, _files: Option<&Files>) -> Result<Facts, Problem> {
        Normalisation::of(settings, 1)?;
        let parts = splits(&[("train", TRAIN), ("test", ALL - TRAIN)]);
        let classes = (0..10).map(|c: u32| c.to_string()).collect();
        Ok(Facts { class_sizes: Some(SIZES.to_vec()), ..facts_of(classes, &[], &parts, vec![8, 8, 1], Vec::new()) })
    }

    fn read(&self, settings: &Settings, _files: &Files) -> Result<Source, Problem> {
        let path = Path::new("digits.csv.gz");
        let mut unpacking = GzDecoder::new(PACKED);
        let lines = Input::lending(path, &mut unpacking, 1 << 20).rest(1 << 20)?;
        let mut pixels = Vec::with_capacity(ALL * 64);
        let mut labels = Vec::with_capacity(ALL);
        for line in lines.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
            let numbers: Vec<u8> = String::from_utf8_lossy(line).split(',').filter_map(|n| n.trim().parse().ok()).collect();
            let (label, image) = numbers.split_last().filter(|(_, i)| i.len() == 64).ok_or_else(|| broken(path, "is damaged"))?;
            pixels.extend_from_slice(image);
            labels.push(*label as u32);
        }
        let data = Pixels::Bytes { data: pixels, divisor: 16.0 };
        Ok(Source {
            name: "digits".to_string(),
            images: Normalisation::of(settings, 1)?.images(vec![8, 8, 1], data),
            labels,
            classes: (0..10).map(|c: u32| c.to_string()).collect(),
            splits: splits(&[("train", TRAIN), ("test", ALL - TRAIN)]),
        })
    }
}
