//! The handwritten digits that travel with cfx: 1,797 images of 8x8 pixels (E. Alpaydin, C. Kaynak 1998; CC BY 4.0).

use super::bytes::{Input, broken};
use super::parts::{Normalisation, Reader, facts_of, splits};
use crate::engine::value::{Pixels, Source};
use crate::lang::Settings;
use crate::plan::facts::{Facts, Problem};
use crate::plan::files::Files;
use crate::settings;
use flate2::read::GzDecoder;
use std::path::Path;

/// The file: on each line 64 pixels of 0 to 16, row by row, and the label.
const PACKED: &[u8] = include_bytes!("../../../stdlib/data/digits.csv.gz");

/// Images in `train`: the first lines; the rest is `test`, mostly by other writers.
const TRAIN: usize = 1_437;

/// Images in all.
const ALL: usize = 1_797;

/// Images of each digit, 0 to 9, in `train` and in `test`.
const SIZES: [[usize; 10]; 2] = [[143, 146, 142, 146, 144, 145, 144, 143, 141, 143], [35, 36, 35, 37, 37, 37, 37, 36, 33, 37]];

settings! {
    /// Settings of `digits`.
    pub struct DigitsSettings("digits") { mean: Vec<f64>, std: Vec<f64> }
}

/// The built-in digits.
pub struct Digits;

impl Reader for Digits {
    type Settings = DigitsSettings;

    fn settings(&self, settings: &Settings) -> DigitsSettings {
        DigitsSettings::read(settings)
    }

    fn name(&self, _settings: &DigitsSettings) -> String {
        "digits".to_string()
    }

    fn facts(&self, settings: &DigitsSettings, _files: Option<&Files>) -> Result<Facts, Problem> {
        Normalisation::of(&settings.mean, &settings.std, 1)?;
        let parts = splits(&[("train", TRAIN), ("test", ALL - TRAIN)]);
        let classes = (0..10).map(|c: u32| c.to_string()).collect();
        let mut facts = facts_of(classes, &[], &parts, vec![8, 8, 1], Vec::new());
        facts.splits.iter_mut().zip(SIZES).for_each(|(split, sizes)| split.class_sizes = Some(sizes.to_vec()));
        facts.class_sizes = Some((0..10).map(|c| SIZES[0][c] + SIZES[1][c]).collect());
        Ok(facts)
    }

    fn read(&self, settings: &DigitsSettings, _files: &Files) -> Result<Source, Problem> {
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
            name: self.name(settings),
            images: Normalisation::of(&settings.mean, &settings.std, 1)?.images(vec![8, 8, 1], data),
            labels,
            classes: (0..10).map(|c: u32| c.to_string()).collect(),
            splits: splits(&[("train", TRAIN), ("test", ALL - TRAIN)]),
        })
    }
}
