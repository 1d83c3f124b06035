//! What builds the tree of a file, with the leaves that all of its parts share.

use super::ast::{Comment, Ident};
use super::grammar::{MOST_MESSAGES, Rule};
use crate::base::{Diag, Diags, SourceFile, Span};
use pest::iterators::Pair;
use std::iter::Peekable;

/// A part of the text with the rule that took it.
pub(super) type Node<'i> = Pair<'i, Rule>;

/// Builds the tree of one file.
pub struct Builder<'a> {
    pub(super) file: &'a SourceFile,
    pub(super) comments: &'a [Comment],
    /// Whether blocks hold steps.
    pub(super) in_body: bool,
    /// What was wrong on the way.
    pub diags: Diags,
}

impl<'a> Builder<'a> {
    /// Returns a builder for a file whose comments are known.
    pub fn new(file: &'a SourceFile, comments: &'a [Comment]) -> Self {
        Builder { file, comments, in_body: false, diags: Diags::default() }
    }

    pub(super) fn ident(&mut self, pair: Node) -> Ident {
        Ident { name: pair.as_str().to_string(), span: self.span(&pair) }
    }

    pub(super) fn idents(&mut self, pair: Node) -> Vec<Ident> {
        pair.into_inner().filter(|p| p.as_rule() == Rule::ident).map(|p| self.ident(p)).collect()
    }

    /// Returns where a pair stands, without the blanks that pest may count to its end.
    pub(super) fn span(&self, pair: &Node) -> Span {
        let start = pair.as_span().start();
        let mut last = pair.clone();
        while let Some(inner) = last.clone().into_inner().next_back() {
            last = inner;
        }
        Span::new(self.file.base + start, self.file.base + last.as_span().end())
    }

    /// Adds a message, unless there are very many already.
    pub(super) fn report(&mut self, diag: Diag) {
        if self.diags.0.len() < MOST_MESSAGES {
            self.diags.push(diag);
        }
    }

    pub(super) fn source(&self, span: Span) -> &str {
        self.file.text.get(span.start as usize - self.file.base..span.end as usize - self.file.base).unwrap_or("")
    }
}

/// Returns the next part if it is of this rule.
pub(super) fn next_if<'i, I: Iterator<Item = Node<'i>>>(parts: &mut Peekable<I>, rule: Rule) -> Option<Node<'i>> {
    parts.next_if(|p| p.as_rule() == rule)
}

/// Returns whether a rule is a mark that only holds others apart.
pub(super) fn is_mark(rule: Rule) -> bool {
    use Rule::*;
    matches!(
        rule,
        assign
            | colon
            | comma
            | dot
            | arrow
            | bar
            | open_round
            | open_params
            | close_round
            | open_square
            | close_square
            | open_curly
            | close_curly
            | kw_as
    )
}
