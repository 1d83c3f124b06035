//! Places in source text: one offset space for all files of a run, so that a span alone names file, line and column.

use std::fmt;
use std::sync::Arc;

/// A half-open range of byte offsets in the [`SourceMap`]'s single offset space.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// Returns the span from `start` to `end`, both offsets into the source map.
    pub fn new(start: usize, end: usize) -> Self {
        Span { start: start as u32, end: end as u32 }
    }

    /// Returns the smallest span that covers both.
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Returns the number of bytes covered.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Returns whether the span covers nothing.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// One source text and where its offsets begin.
#[derive(Debug)]
pub struct SourceFile {
    /// Name shown in messages: a path as the user wrote it, or `std/NAME.cfx`.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// Offset of the text's first byte in the map's offset space.
    pub base: usize,
}

/// All source texts of a run, laid end to end in one offset space.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<Arc<SourceFile>>,
}

impl SourceMap {
    /// Returns an empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text and returns it with its place in the offset space.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> Arc<SourceFile> {
        // One byte is left free after each file, so that a position at its very end belongs to it alone.
        let base = self.files.last().map_or(0, |f| f.base + f.text.len() + 1);
        let file = Arc::new(SourceFile { name: name.into(), text: text.into(), base });
        self.files.push(file.clone());
        file
    }

    /// Returns the files in the order they were added.
    pub fn files(&self) -> &[Arc<SourceFile>] {
        &self.files
    }

    /// Returns the file that holds the span's first byte.
    pub fn file(&self, span: Span) -> Option<&Arc<SourceFile>> {
        let at = span.start as usize;
        self.files.iter().find(|f| f.base <= at && at <= f.base + f.text.len())
    }

    /// Returns the text under a span, empty where the span lies in no file.
    pub fn text(&self, span: Span) -> &str {
        self.file(span).and_then(|f| f.text.get(span.start as usize - f.base..span.end as usize - f.base)).unwrap_or("")
    }

    /// Returns file name, line and column (both from 1, columns in characters) of the span's first byte.
    pub fn place(&self, span: Span) -> Option<(String, usize, usize)> {
        let file = self.file(span)?;
        let before = file.text.get(..span.start as usize - file.base)?;
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Some((file.name.clone(), line, column))
    }
}
