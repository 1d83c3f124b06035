//! The declarations of a script as an outline, and their axes as hints.

use super::document::{Document, name_of};
use crate::syntax::ast::{ItemKind, Keyword};
use std::ops::Range;

/// A declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its name or title.
    pub name: String,
    /// What begins it.
    pub keyword: Keyword,
    /// Its type in words; empty where it has none.
    pub detail: String,
    /// The whole declaration.
    pub bytes: Range<usize>,
    /// Its name.
    pub name_bytes: Range<usize>,
    /// The taps of a network.
    pub taps: Vec<(String, Range<usize>)>,
}

/// Returns the declarations of a script, in the order written.
pub fn symbols(document: &Document) -> Vec<Symbol> {
    let symbol = |(def, item): (_, &crate::syntax::ast::Item)| {
        let (name, place) = name_of(&item.kind)?;
        let keyword = match &item.kind {
            ItemKind::Bind { keyword, .. } | ItemKind::Titled { keyword, .. } | ItemKind::Network { keyword, .. } => *keyword,
            ItemKind::Recipe { .. } => Keyword::Recipe,
            ItemKind::Param(_) => Keyword::Param,
            ItemKind::Experiment { .. } | ItemKind::Use { .. } | ItemKind::Extern { .. } | ItemKind::Variant { .. } => {
                return None;
            }
        };
        let taps = match &item.kind {
            ItemKind::Network { body, .. } => body.steps.iter().filter_map(|s| s.label.as_ref()).collect(),
            _ => Vec::new(),
        };
        Some(Symbol {
            name,
            keyword,
            detail: document.type_of(def).unwrap_or_default(),
            bytes: document.bytes(item.span)?,
            name_bytes: document.bytes(place)?,
            taps: taps.iter().filter_map(|t| Some((t.name.clone(), document.bytes(t.span)?))).collect(),
        })
    };
    document.items().filter_map(symbol).collect()
}

/// Words that an editor shows inside a line, though they are not written there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The byte before which they stand.
    pub byte: usize,
    /// The words.
    pub text: String,
}

/// Returns the axes of each declaration that has any, behind its name: `over run(3)`.
pub fn hints(document: &Document) -> Vec<Hint> {
    let with_axes = symbols(document).into_iter().filter_map(|s| {
        let over = s.detail.split_once(" over ")?.1;
        let axes = over.split(" = ").next().unwrap_or(over);
        Some(Hint { byte: s.name_bytes.end, text: format!(" over {axes}") })
    });
    with_axes.collect()
}
