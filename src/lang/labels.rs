//! What figures write along their axes: what declarations say of themselves, or their names in plain words.

use super::checker::Checker;
use super::parts::Parts;
use super::refusals::items;
use super::signature::Signature;
use super::static_value::Static;
use crate::base::text::shorten;
use crate::syntax::ast::{Arg, Expr, ExprKind, ItemKind, Keyword};
use std::collections::BTreeMap;

/// An argument as written: its parameter, its module, its expression.
pub(super) type Argument<'a> = (usize, usize, &'a Expr);

impl<'a> Checker<'a> {
    /// Returns what a figure is told to write: `labels` of its inputs by slot, and `axis_labels` by the names of axes. Where a declaration
    /// has a doc comment, its first sentence; else its name with spaces. What says nothing new is left out.
    pub(super) fn figure_labels(&self, signature: &Signature, given: &[Argument<'a>], parts: &Parts) -> Vec<(String, Static)> {
        let mut labels = Vec::new();
        for (i, module, value) in given {
            let Some((_, _, list)) = parts.inputs.iter().find(|(j, _, _)| j == i) else { continue };
            let name = &signature.params[*i].name.name;
            for (k, item) in if *list { items(value) } else { vec![*value] }.into_iter().enumerate() {
                let text = self.program().sources.text(item.span);
                // What is too long for messages stands whole in figures.
                let whole = || (shorten(text) != text).then(|| text.split_whitespace().collect::<Vec<_>>().join(" "));
                if let Some(label) = self.label(*module, item).or_else(whole) {
                    labels.push((if *list { format!("{name}.{k}") } else { name.clone() }, Static::Text(label)));
                }
            }
        }
        let mut axes = BTreeMap::new();
        let module = given.first().map_or(0, |g| g.1);
        for axis in parts.inputs.iter().flat_map(|(_, values, _)| values).flat_map(|v| &v.axes) {
            let name = self.axes().name(*axis);
            let def = self.program().find(module, name).map(|def| self.program().item(def));
            let axis = def.filter(|item| matches!(item.kind, ItemKind::Bind { keyword: Keyword::Axis, .. }));
            if let Some(label) = axis.and_then(|item| sentence(item.doc.as_deref()?)) {
                axes.insert(name.to_string(), Static::Text(label));
            }
        }
        let both = [("labels", labels), ("axis_labels", axes.into_iter().collect())];
        both.into_iter().filter(|(_, map)| !map.is_empty()).map(|(n, map)| (n.to_string(), Static::Map(map))).collect()
    }

    /// Returns what to write for an expression: of a declared value its first sentence or its name in words, of a part of it the same, of a
    /// column its name, of a mean `mean …`. Nothing where the text of the script says it best.
    fn label(&self, module: usize, e: &Expr) -> Option<String> {
        match &e.kind {
            ExprKind::Paren(inner) => self.label(module, inner),
            ExprKind::Select(inner, picks) => {
                let base = self.label(module, inner).or_else(|| plain_name(inner))?;
                // One coordinate tells values apart, and is said; several are seen in the picture.
                let one = picks.iter().filter(|p| !matches!(p.value.kind, ExprKind::List(_) | ExprKind::Range(..)));
                let text = |p: &Arg| {
                    let coordinate = shorten(self.program().sources.text(p.value.span));
                    p.name.as_ref().map_or(coordinate.clone(), |axis| format!("{} {coordinate}", axis.name.replace('_', " ")))
                };
                let words: Vec<String> = one.map(text).collect();
                Some(if words.is_empty() { base } else { format!("{base}, {}", words.join(", ")) })
            }
            ExprKind::Name(name) => {
                let item = self.program().find(module, name).map(|def| self.program().item(def));
                item.and_then(|item| sentence(item.doc.as_deref()?)).or_else(|| spaced(name))
            }
            ExprKind::Member(_, field) => spaced(&field.name).or_else(|| Some(field.name.clone())),
            ExprKind::Call { callee, args, .. } if matches!(&callee.kind, ExprKind::Name(n) if n == "mean") => {
                let first = args.iter().find(|a| a.name.is_none())?;
                let inner = self.label(module, &first.value).or_else(|| plain_name(&first.value))?;
                Some(format!("mean {}", lowered(&inner)))
            }
            _ => None,
        }
    }
}

fn plain_name(e: &Expr) -> Option<String> {
    if let ExprKind::Name(name) = &e.kind { Some(name.clone()) } else { None }
}

/// Returns the first sentence of a doc comment, without its full stop; `None` if it is empty.
fn sentence(doc: &str) -> Option<String> {
    let line = doc.lines().map(str::trim).find(|l| !l.is_empty())?;
    let end = line.find(". ").unwrap_or(line.len());
    Some(line[..end].trim_end_matches('.').to_string())
}

/// Returns a name with spaces for underscores; `None` if it has none.
fn spaced(name: &str) -> Option<String> {
    name.contains('_').then(|| name.replace('_', " ").trim().to_string())
}

/// Returns the text with a small first letter, unless more than that letter is large: an abbreviation.
fn lowered(text: &str) -> String {
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => first.to_lowercase().chain(letters).collect(),
        _ => text.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_and_names_become_labels() {
        assert_eq!(sentence("Share of labels. More.").as_deref(), Some("Share of labels"));
        assert_eq!(sentence("Depth, in layers.\nMore").as_deref(), Some("Depth, in layers"));
        assert_eq!(sentence("Weight decay of 0.1 at most").as_deref(), Some("Weight decay of 0.1 at most"));
        assert_eq!((sentence(" \n"), spaced("acc")), (None, None));
        assert_eq!(spaced("test_accuracy").as_deref(), Some("test accuracy"));
        assert_eq!((lowered("Share of labels"), lowered("KL divergence")), ("share of labels".into(), "KL divergence".into()));
    }
}
