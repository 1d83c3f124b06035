//! A lost declaration with its tokens, and where reading it fails: what messages about it are made from.

use super::grammar::Rule;
use super::scan::{Scan, Token};
use crate::base::{SourceFile, Span};

/// Explains the lost declarations of one file.
pub struct Explain<'a> {
    /// The file.
    pub file: &'a SourceFile,
    /// Its tokens.
    pub scan: &'a Scan,
}

/// A lost declaration: its bytes in the file's text, and its tokens.
pub(super) struct Slice<'a> {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) tokens: &'a [Token],
}

/// A declaration that cannot be read, looked at where reading fails.
pub(super) struct Failure<'s, 'a> {
    pub slice: &'s Slice<'a>,
    /// Index of the token at which reading fails; the number of tokens where the declaration ends before.
    pub here: usize,
    pub span: Span,
    /// Texts of the token before, and of that one; empty where there is none.
    pub after: &'s str,
    pub next: &'s str,
    pub expected: &'s [Rule],
}

impl Explain<'_> {
    pub(super) fn text(&self, token: &Token) -> &str {
        &self.file.text[token.start..token.end]
    }

    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file.base + start, self.file.base + end)
    }
}
