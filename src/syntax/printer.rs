//! What the formatter's parts share: the source with its comments, brackets and what stands between them, widths of lines.

use super::ast::*;
use crate::base::{SourceFile, Span};

/// Longest line that is not broken, in characters.
pub(super) const WIDTH: usize = 130;
/// Spaces of one level.
pub(super) const STEP: usize = 2;

/// One of the things that stand between brackets.
#[derive(Clone, Copy)]
pub(super) enum Element<'t> {
    Arg(Option<&'t Ident>, &'t Expr),
    Param(&'t Param),
    Use(&'t UseName),
}

impl Element<'_> {
    pub(super) fn span(self) -> Span {
        match self {
            Element::Arg(name, value) => name.map_or(value.span, |n| n.span.to(value.span)),
            Element::Param(p) => param_span(p),
            Element::Use(u) => u.alias.as_ref().map_or(u.name.span, |a| u.name.span.to(a.span)),
        }
    }

    pub(super) fn named(self) -> bool {
        !matches!(self, Element::Arg(None, _))
    }
}

fn param_span(p: &Param) -> Span {
    let end = p.default.as_ref().map(|d| d.span).or(p.ty.as_ref().map(|t| t.span)).unwrap_or(p.name.span);
    p.name.span.to(end)
}

/// Returns arguments as elements.
pub(super) fn elements(args: &[Arg]) -> Vec<Element<'_>> {
    args.iter().map(|a| Element::Arg(a.name.as_ref(), &a.value)).collect()
}

/// Brackets with what stands between them.
pub(super) struct Brackets<'t> {
    /// Offset of the opening bracket.
    pub(super) open: u32,
    /// Offset of the closing bracket.
    pub(super) close: u32,
    pub(super) elements: Vec<Element<'t>>,
}

/// Writes one file.
pub(super) struct Printer<'a> {
    pub(super) source: &'a SourceFile,
    pub(super) comments: &'a [Comment],
}

impl Printer<'_> {
    // ------------------------------------------------------------------------------------------------------ the source

    pub(super) fn text(&self, start: u32, end: u32) -> &str {
        let base = self.source.base;
        self.source.text.get((start as usize).saturating_sub(base)..(end as usize).saturating_sub(base)).unwrap_or("")
    }

    /// Returns a part of the source as it is.
    pub(super) fn verbatim(&self, span: Span) -> String {
        self.text(span.start, span.end).replace("\r\n", "\n")
    }

    pub(super) fn newlines(&self, start: u32, end: u32) -> usize {
        self.text(start, end).matches('\n').count()
    }

    /// Returns the comments that begin between two offsets.
    pub(super) fn comments(&self, start: u32, end: u32) -> &[Comment] {
        let from = self.comments.partition_point(|c| c.span.start < start);
        let to = self.comments.partition_point(|c| c.span.start < end);
        &self.comments[from..to.max(from)]
    }

    pub(super) fn has_comments(&self, start: u32, end: u32) -> bool {
        !self.comments(start, end).is_empty()
    }

    /// Returns the offset of the first byte from here on that is no blank, no comma and in no comment.
    pub(super) fn skip(&self, mut at: u32) -> u32 {
        let end = (self.source.base + self.source.text.len()) as u32;
        loop {
            let rest = self.text(at, end);
            let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n', ',']).len();
            at += blank as u32;
            let rest = &rest[blank..];
            if !rest.starts_with('#') {
                return at;
            }
            at += rest.find('\n').unwrap_or(rest.len()) as u32;
        }
    }

    /// Returns the bracket that opens at the next token after an offset, and its elements' closing bracket.
    pub(super) fn brackets<'t>(&self, after: u32, bracket: &str, elements: Vec<Element<'t>>) -> Option<Brackets<'t>> {
        let open = self.skip(after);
        if !self.text(open, open + 1).starts_with(bracket) {
            return None;
        }
        let close = self.skip(elements.last().map_or(open + 1, |e| e.span().end));
        Some(Brackets { open, close, elements })
    }
}

/// Returns the steps of a body as elements.
pub(super) fn steps(body: &Body) -> Vec<Element<'_>> {
    body.steps.iter().map(|s| Element::Arg(s.label.as_ref(), &s.value)).collect()
}

/// Returns the width of one line, in characters.
pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

/// Returns the column at which a text ends that began at a column.
pub(super) fn last_width(text: &str, col: usize) -> usize {
    match text.rsplit_once('\n') {
        Some((_, last)) => width(last),
        None => col + width(text),
    }
}
