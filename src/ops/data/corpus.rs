//! Texts as rows of words, each with the word that follows: what language models are trained on.

use super::bytes::{Input, broken, unfit, with_help};
use super::parts::{MOST_CLASSES, Reader, facts_of, named, splits};
use crate::engine::value::{Images, Pixels, Source};
use crate::lang::Settings;
use crate::plan::facts::{Facts, Problem};
use crate::plan::files::Files;
use crate::{settings, words};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Most bytes of one text.
const MOST_BYTES: u64 = 1 << 31;
/// The word for all words that are not in the vocabulary, and the one at the end of each line.
const UNKNOWN: &str = "<unk>";
const END: &str = "<eos>";

/// Texts in files, one for each split.
pub struct Corpus;

words! {
    /// What counts as a word.
    pub enum Unit {
        /// What white space parts.
        Words = "words",
        /// Runs of letters and digits, and every other character by itself.
        Tokens = "tokens",
        /// Characters.
        Characters = "characters",
    }
}

settings! {
    /// Settings of `corpus`.
    pub struct CorpusSettings("corpus") {
        train: String,
        valid: Option<String>,
        test: Option<String>,
        length: usize,
        unit: Unit,
        words: usize,
        at_least: usize,
        lower: bool,
    }
}

/// Texts as numbers of words.
struct Texts {
    length: usize,
    /// Words by number.
    words: Vec<String>,
    /// Name, file and numbers of the words of each split.
    parts: Vec<(&'static str, PathBuf, Vec<u32>)>,
}

/// Calls `f` with each word of a text, and with the end of each line.
fn each_word(text: &str, unit: Unit, lower: bool, mut f: impl FnMut(&str)) {
    for line in text.lines() {
        let lowered;
        let line = match lower {
            true => {
                lowered = line.to_lowercase();
                &lowered
            }
            false => line,
        };
        match unit {
            Unit::Words => line.split_whitespace().for_each(&mut f),
            Unit::Tokens => {
                let mut start = None;
                for (at, c) in line.char_indices() {
                    match (c.is_alphanumeric(), start) {
                        (true, None) => start = Some(at),
                        (false, Some(from)) => {
                            f(&line[from..at]);
                            start = None;
                        }
                        _ => {}
                    }
                    if !c.is_alphanumeric() && !c.is_whitespace() {
                        f(&line[at..at + c.len_utf8()]);
                    }
                }
                if let Some(from) = start {
                    f(&line[from..]);
                }
            }
            Unit::Characters => {
                let mut bytes = [0; 4];
                line.chars().for_each(|c| f(c.encode_utf8(&mut bytes)));
            }
        }
        f(END);
    }
}

/// Returns the words of a text by their counts: the word for unknown ones, the end of a line, then the others, the most frequent first, ties in the order of their letters.
fn vocabulary(text: &str, unit: Unit, lower: bool, most: usize, at_least: u64) -> Vec<String> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    each_word(text, unit, lower, |word| match counts.get_mut(word) {
        Some(count) => *count += 1,
        None => {
            counts.insert(word.to_string(), 1);
        }
    });
    let mut others: Vec<_> = counts.into_iter().filter(|(w, n)| *n >= at_least && w != UNKNOWN && w != END).collect();
    others.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    [UNKNOWN, END].into_iter().map(String::from).chain(others.into_iter().map(|(word, _)| word)).take(most.max(2)).collect()
}

/// Reads the texts that the settings name.
fn read(settings: &CorpusSettings, files: &Files) -> Result<Texts, Problem> {
    let (length, most) = lengths(settings)?;
    let (unit, lower) = (settings.unit, settings.lower);
    let mut texts = Texts { length, words: Vec::new(), parts: Vec::new() };
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    for (name, file) in [("train", Some(&settings.train)), ("valid", settings.valid.as_ref()), ("test", settings.test.as_ref())] {
        let Some(file) = file else { continue };
        let path = files.find(file).map_err(|p| Problem { parameter: Some(name), ..p })?;
        let bytes = Input::text(&path)?.rest(MOST_BYTES)?;
        let Ok(content) = String::from_utf8(bytes) else {
            return Err(with_help(broken(&path, "is not text in UTF-8"), "convert it first: `iconv -t UTF-8`"));
        };
        if texts.parts.is_empty() {
            texts.words = vocabulary(&content, unit, lower, most, settings.at_least.max(1) as u64);
            numbers = texts.words.iter().enumerate().map(|(i, w)| (w.clone(), i as u32)).collect();
        }
        let mut row = Vec::new();
        each_word(&content, unit, lower, |word| row.push(numbers.get(word).copied().unwrap_or(0)));
        if row.len() <= length {
            let words = format!("has {} words, too few for one example of {length} and the word after it", row.len());
            return Err(with_help(broken(&path, words), "use a smaller `length`"));
        }
        texts.parts.push((name, path, row));
    }
    Ok(texts)
}

/// Returns the length of an example and the size of the vocabulary.
fn lengths(settings: &CorpusSettings) -> Result<(usize, usize), Problem> {
    let (length, words) = (settings.length, settings.words);
    if !(1..=1 << 16).contains(&length) {
        return Err(unfit("length", format!("an example has 1 to 65536 words, not {length}")));
    }
    if !(2..=MOST_CLASSES as usize).contains(&words) {
        return Err(unfit("words", format!("a vocabulary has 2 to {MOST_CLASSES} words, not {words}")));
    }
    Ok((length, words))
}

impl Texts {
    fn splits(&self) -> Vec<(String, std::ops::Range<usize>)> {
        let counts: Vec<_> = self.parts.iter().map(|(name, _, row)| (*name, (row.len() - 1) / self.length)).collect();
        splits(&counts)
    }
}

impl Reader for Corpus {
    type Settings = CorpusSettings;

    fn settings(&self, settings: &Settings) -> CorpusSettings {
        CorpusSettings::read(settings)
    }

    fn name(&self, settings: &CorpusSettings) -> String {
        let parts = [Some(&settings.train), settings.valid.as_ref(), settings.test.as_ref()];
        let files = named(parts.into_iter().flatten());
        let unit = match settings.unit {
            Unit::Words => "words",
            Unit::Tokens => "tokens",
            Unit::Characters => "characters",
        };
        format!("{files} in rows of {} {unit}", settings.length)
    }

    fn facts(&self, settings: &CorpusSettings, files: Option<&Files>) -> Result<Facts, Problem> {
        let (length, _) = lengths(settings)?;
        let Some(files) = files else {
            return Ok(Facts { shape: Some(vec![length]), labels_each: Some(length), ..Facts::default() });
        };
        let texts = read(settings, files)?;
        let parts = texts.splits();
        let paths = texts.parts.into_iter().map(|(_, path, _)| path).collect();
        Ok(Facts { labels_each: Some(length), ..facts_of(texts.words, &[], &parts, vec![length], paths) })
    }

    fn read(&self, settings: &CorpusSettings, files: &Files) -> Result<Source, Problem> {
        let texts = read(settings, files)?;
        let parts = texts.splits();
        let length = texts.length;
        let mut data = Vec::new();
        for (_, _, row) in &texts.parts {
            (0..(row.len() - 1) / length).for_each(|i| data.extend_from_slice(&row[i * length..(i + 1) * length + 1]));
        }
        let images = Images { shape: vec![length], data: Pixels::Words(data), mean: Vec::new(), std: Vec::new() };
        Ok(Source { name: self.name(settings), images, labels: Vec::new(), classes: texts.words, splits: parts })
    }
}
