//! Text to tree: the whole file by the forgiving rule, what that rule lost once more by the strict one, for the error.

use super::ast::{File, UNREAD};
use super::builder::Builder;
use super::grammar::{Grammar, MOST_MESSAGES, Rule};
use super::scan::{MAX_DEPTH, scan};
use super::slice::Explain;
use crate::base::{Diag, Diags, SourceFile, Span};
use pest::Parser;

/// Returns the tree of a file, and what is wrong with it.
///
/// Declarations that could not be read are missing from the tree and reported, the others are there. Any text will do: the
/// time is linear in its length, and nesting deeper than 100 levels is an error.
pub fn parse(file: &SourceFile) -> (File, Diags) {
    let mut diags = Diags::default();
    if let Some(at) = lone_return(&file.text) {
        let span = Span::new(file.base + at, file.base + at);
        let diag = Diag::error("cfx::syntax::line_ends", span, "lines end with CR (carriage return) alone here");
        diags.push(diag.help("save the file with line ends LF (Unix) or CR LF (Windows)"));
        return (File::default(), diags);
    }
    let scan = scan(file);
    if let Some((start, end)) = scan.too_deep {
        let span = Span::new(file.base + start, file.base + end);
        let words = format!("this is nested more than {MAX_DEPTH} levels deep");
        diags.push(Diag::error("cfx::syntax::depth", span, words).help("name the inner parts by declarations of their own"));
        return (File { comments: scan.comments, ..File::default() }, diags);
    }
    let contents = match Grammar::parse(Rule::file, &file.text) {
        Ok(pairs) => pairs,
        Err(error) => {
            // The forgiving rule reads anything; what is left is the parser's own limit on the stack.
            let span = Span::new(file.base, file.base + usize::from(!file.text.is_empty()));
            diags.push(Diag::error(
                "cfx::syntax::depth",
                span,
                format!("the file is too deeply nested to be read ({})", error.variant.message()),
            ));
            return (File { comments: scan.comments, ..File::default() }, diags);
        }
    };
    let explain = Explain { file, scan: &scan };
    let mut builder = Builder::new(file, &scan.comments);
    let mut tree = File::default();
    let mut unexplained = Vec::new();
    for pair in contents.flat_map(|p| p.into_inner()).flat_map(|p| p.into_inner()) {
        match pair.as_rule() {
            Rule::edition => tree.edition = builder.edition(pair),
            Rule::item => tree.items.extend(builder.item(pair)),
            Rule::lost => {
                tree.lost.extend(names_bound(pair.as_str()));
                let (start, end) = (pair.as_span().start(), pair.as_span().end());
                if diags.0.len() < MOST_MESSAGES {
                    explain.lost(start, end, &mut diags);
                } else {
                    unexplained.push(Span::new(file.base + start, file.base + end));
                }
            }
            _ => {}
        }
    }
    if let Some(first) = unexplained.first() {
        let words = format!("{} more declarations from here on cannot be read", unexplained.len());
        diags.push(Diag::error("cfx::syntax::expected", *first, words).help("correct those reported first"));
    }
    if builder.diags.has_errors() {
        tree.lost.push(UNREAD.to_string());
    }
    diags.extend(builder.diags);
    tree.comments = scan.comments;
    (tree, diags.sorted())
}

/// Returns the place of a carriage return that no line feed follows.
fn lone_return(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find(|i| bytes[*i] == b'\r' && bytes.get(i + 1) != Some(&b'\n'))
}

/// Returns the names that the text of a lost declaration seems to bind: the word after its keyword, or those that a `use` takes.
fn names_bound(text: &str) -> Vec<String> {
    let words = |text: &str| -> Vec<String> {
        let parts = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        parts.filter(|w| !w.is_empty()).map(str::to_string).collect()
    };
    match text.trim_start().strip_prefix("use ") {
        Some(rest) => words(rest.split_once('{').map_or("", |(_, names)| names)),
        None => words(text.lines().next().unwrap_or("")).into_iter().skip(1).take(1).collect(),
    }
}
