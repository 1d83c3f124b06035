//! A lost declaration with its tokens, and where reading it fails: what messages about it are made from.

use super::ast::Keyword;
use super::grammar::{Grammar, Rule};
use super::scan::{Kind, Scan, Token};
use crate::base::{Diag, SourceFile, Span};
use pest::Parser;

/// What is said of an argument that is given with `=`.
pub(super) const ARGUMENT: &str = "an argument is given with `:`";

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
    /// Returns the keyword that a word is.
    pub(super) fn keyword(word: &str) -> Option<Keyword> {
        Keyword::ALL.into_iter().find(|k| k.word() == word)
    }

    pub(super) fn text(&self, token: &Token) -> &str {
        &self.file.text[token.start..token.end]
    }

    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file.base + start, self.file.base + end)
    }
}

/// Returns where the strict rule fails on the text of one declaration, and the rules it would have taken there.
pub(super) fn failure(slice: &str) -> Option<(usize, Vec<Rule>)> {
    let error = Grammar::parse(Rule::only_item, slice).err()?;
    let at = match error.location {
        pest::error::InputLocation::Pos(at) => at,
        pest::error::InputLocation::Span((at, _)) => at,
    };
    match error.variant {
        pest::error::ErrorVariant::ParsingError { positives, .. } => Some((at, positives)),
        pest::error::ErrorVariant::CustomError { .. } => Some((at, Vec::new())),
    }
}

/// Returns the message for a form of another language.
pub(super) fn foreign(span: Span, message: impl Into<String>, help: impl Into<String>) -> Option<Diag> {
    Some(Diag::error("cfx::syntax::foreign", span, message).help(help))
}

/// Returns the message for something that must stand elsewhere, or with something else.
pub(super) fn expected(span: Span, message: impl Into<String>, help: impl Into<String>) -> Option<Diag> {
    Some(Diag::error("cfx::syntax::expected", span, message).help(help))
}

/// Returns how many brackets are open behind tokens.
pub(super) fn depth(tokens: &[Token]) -> i32 {
    tokens.iter().fold(0, |d, t| match t.kind {
        Kind::Open => d + 1,
        Kind::Close => d - 1,
        _ => d,
    })
}

/// Returns the index of the innermost bracket that is open behind tokens.
pub(super) fn innermost(tokens: &[Token]) -> Option<usize> {
    let mut open = Vec::new();
    for (i, t) in tokens.iter().enumerate() {
        match t.kind {
            Kind::Open => open.push(i),
            Kind::Close => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop()
}
