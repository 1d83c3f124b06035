//! What stands beside a mark that is no part of the language, so that messages can write it out.

use super::scan::{Kind, Token, Wrong};
use super::slice::{Explain, Slice};
use crate::base::text::one_line;

impl Explain<'_> {
    /// Returns the text of tokens, on one line and not too long.
    pub(super) fn between(&self, slice: &Slice, from: usize, to: usize) -> String {
        match (slice.tokens.get(from), to.checked_sub(1).and_then(|i| slice.tokens.get(i))) {
            (Some(first), Some(last)) if first.start < last.end => one_line(&self.file.text[first.start..last.end], 60),
            _ => "…".to_string(),
        }
    }

    /// Returns the rest of a line from a token on.
    pub(super) fn line_from(&self, slice: &Slice, from: usize) -> String {
        let end = slice.tokens[from.min(slice.tokens.len())..].iter().position(|t| t.kind == Kind::Newline);
        self.between(slice, from, end.map_or(slice.tokens.len(), |i| from + i))
    }

    /// Returns what to write for an operator that is a word here, with both of its sides as written.
    pub(super) fn joined(&self, slice: &Slice, here: usize, word: &str) -> String {
        let left = self.between(slice, self.side_start(slice.tokens, here), here);
        let right = self.between(slice, here + 1, self.side_end(slice.tokens, here + 1));
        format!("write `{left} {word} {right}`")
    }

    /// Returns the index of the first token of the operand that ends before an index: a name, a number, a bracket, with what stands directly
    /// before it (`mean(acc).x`).
    pub(super) fn operand_start(&self, tokens: &[Token], end: usize) -> usize {
        let mut start = end;
        while start > 0 {
            let before = &tokens[start - 1];
            let joins = start == end || before.end == tokens[start].start;
            match before.kind {
                Kind::Close if joins => start = opening(tokens, start - 1),
                Kind::Word | Kind::Number | Kind::Text if joins => start -= 1,
                Kind::Mark if joins && start < end && self.text(before) == "." => start -= 1,
                _ => break,
            }
        }
        start
    }

    /// Returns the index of the first token of the whole value that ends before an index: back to a `=`, a comma, or the bracket that it stands in.
    pub(super) fn value_start(&self, tokens: &[Token], end: usize) -> usize {
        let mut start = end;
        while start > 0 {
            match tokens[start - 1].kind {
                Kind::Close => start = opening(tokens, start - 1),
                Kind::Open => break,
                _ if matches!(self.text(&tokens[start - 1]), "=" | "," | ":") => break,
                _ => start -= 1,
            }
        }
        start
    }

    /// Returns the index behind the operand that begins at an index.
    pub(super) fn operand_end(&self, tokens: &[Token], start: usize) -> usize {
        let mut end = start;
        while let Some(token) = tokens.get(end) {
            let joins = end == start || tokens[end - 1].end == token.start;
            match token.kind {
                Kind::Open if joins => end = closing(tokens, end) + 1,
                Kind::Word | Kind::Number | Kind::Text if joins => end += 1,
                Kind::Mark if end == start && self.text(token) == "-" => end += 1,
                Kind::Mark if joins && end > start && self.text(token) == "." => end += 1,
                _ => break,
            }
            if end == start + 1 && self.text(&tokens[start]) == "-" {
                return self.operand_end(tokens, end);
            }
        }
        end
    }

    /// Returns the index of the first token of what an operator such as `and` has on its left.
    pub(super) fn side_start(&self, tokens: &[Token], end: usize) -> usize {
        let mut start = end;
        while start > 0 {
            match tokens[start - 1].kind {
                Kind::Close => start = opening(tokens, start - 1),
                Kind::Open => break,
                _ if self.parts(&tokens[start - 1]) => break,
                _ => start -= 1,
            }
        }
        start
    }

    /// Returns the index behind what an operator such as `and` has on its right.
    pub(super) fn side_end(&self, tokens: &[Token], start: usize) -> usize {
        let mut end = start;
        while let Some(token) = tokens.get(end) {
            match token.kind {
                Kind::Open => end = closing(tokens, end) + 1,
                Kind::Close => break,
                _ if self.parts(token) => break,
                _ => end += 1,
            }
        }
        end
    }

    /// Returns whether a token parts the sides of `and` and `or` from what stands around them.
    fn parts(&self, token: &Token) -> bool {
        let mark = matches!(token.kind, Kind::Newline | Kind::Wrong(Wrong::Ampersand | Wrong::Bars | Wrong::Question));
        mark || matches!(self.text(token), "=" | "," | ":" | "and" | "or" | "if" | "then" | "else")
    }
}

/// Returns the text without brackets that hold all of it.
pub(super) fn unwrapped(text: &str) -> &str {
    let inner = text.strip_prefix('(').and_then(|t| t.strip_suffix(')'));
    inner.filter(|t| !t.contains(['(', ')'])).unwrap_or(text)
}

/// Returns the index of the bracket that opens what the one at an index closes; the first token where none does.
fn opening(tokens: &[Token], close: usize) -> usize {
    let mut depth = 0;
    for i in (0..=close).rev() {
        match tokens[i].kind {
            Kind::Close => depth += 1,
            Kind::Open => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i;
        }
    }
    0
}

/// Returns the index of the bracket that closes what the one at an index opens; the last token where none does.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i;
        }
    }
    tokens.len().saturating_sub(1)
}
