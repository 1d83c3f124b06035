//! What figures write along their axes: what declarations say of themselves, or their names in plain words.

use super::axes::{AxisId, Pick, find};
use super::checker::Checker;
use super::parts::Parts;
use super::refusals::items;
use super::signature::Signature;
use super::static_value::Static;
use super::typed::{Node, Typed};
use crate::base::text::shorten;
use crate::syntax::ast::{Arg, Expr, ExprKind, ItemKind, Keyword};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Of so many results along an axis a vertical axis names each; of more, the legend does.
const NAMED_TOGETHER: usize = 3;

/// An argument as written: its parameter, its module, its expression.
pub(super) type Argument<'a> = (usize, usize, &'a Expr);

impl<'a> Checker<'a> {
    /// Returns what a figure is told to write: `labels` of its inputs by slot, `axis_labels` by the names of axes, and `coordinate_labels`
    /// of coordinates that are declarations, by axis. Where a declaration has a doc comment, its first sentence; else its name with
    /// spaces. What says nothing new is left out.
    pub(super) fn figure_labels(&self, signature: &Signature, given: &[Argument<'a>], parts: &Parts) -> Vec<(String, Static)> {
        let (mut labels, mut written) = (Vec::new(), BTreeMap::new());
        for (i, module, value) in given {
            let Some((_, values, list)) = parts.inputs.iter().find(|(j, _, _)| j == i) else { continue };
            let name = &signature.params[*i].name.name;
            for (k, item) in if *list { items(value) } else { vec![*value] }.into_iter().enumerate() {
                let text = self.program().sources.text(item.span);
                // What is too long for messages stands whole in figures.
                let whole = || (shorten(text) != text).then(|| text.split_whitespace().collect::<Vec<_>>().join(" "));
                let of = Labelled { module: *module, typed: values.get(k).or(values.first()) };
                let height = || of.typed.filter(|_| name == "tree").and_then(|t| self.height(t));
                let slot = if *list { format!("{name}.{k}") } else { name.clone() };
                written.insert(slot.clone(), text.split_whitespace().collect::<Vec<_>>().join(" "));
                if let Some(label) = height().or_else(|| self.label(&of, item)).or_else(whole) {
                    labels.push((slot, Static::Text(label)));
                }
            }
        }
        // Parts of one name of several values are told apart as the script tells them apart.
        let said: Vec<Static> = labels.iter().map(|(_, l): &(String, Static)| l.clone()).collect();
        for (slot, label) in &mut labels {
            let list = slot.contains('.') && said.iter().filter(|l| *l == label).count() > 1;
            if let Some(written) = list.then(|| written.get(slot.as_str())).flatten() {
                *label = Static::Text(written.clone());
            }
        }
        let (mut axes, mut coordinates) = (BTreeMap::new(), BTreeMap::new());
        let module = given.first().map_or(0, |g| g.1);
        for axis in parts.inputs.iter().flat_map(|(_, values, _)| values).flat_map(|v| &v.axes) {
            let name = self.axes().name(*axis);
            let def = self.program().find(module, name).map(|def| self.program().item(def));
            let axis = def.filter(|item| matches!(item.kind, ItemKind::Bind { keyword: Keyword::Axis, .. }));
            if let Some(label) = axis.and_then(|item| sentence(item.doc.as_deref()?)) {
                axes.insert(name.to_string(), Static::Text(label));
            }
            let words = self.results_along(module, name);
            let different: BTreeSet<&String> = words.iter().map(|(_, w)| w).collect();
            // Two results with the same words are told apart by their names.
            if different.len() == words.len() && words.iter().any(|(n, w)| n != w) {
                let words = words.into_iter().map(|(n, w)| (n, Static::Text(w))).collect();
                coordinates.insert(name.to_string(), Static::Map(words));
            }
        }
        let all = [
            ("labels", labels),
            ("axis_labels", axes.into_iter().collect()),
            ("coordinate_labels", coordinates.into_iter().collect()),
        ];
        all.into_iter().filter(|(_, map)| !map.is_empty()).map(|(n, map)| (n.to_string(), Static::Map(map))).collect()
    }

    /// Returns what the heights of a tree of clusters are. Nothing where it is unknown how the tree was made.
    fn height(&self, tree: &Typed) -> Option<String> {
        match &tree.node {
            Node::Value(id) => self.height(&self.value_at(*id).typed),
            Node::Select { base, .. } | Node::Align { base, .. } | Node::Only { base, .. } => self.height(base),
            Node::Call(call) => {
                let linkage = self.program().operations.get(&call.op)?.params.iter().find(|p| p.name.name == "linkage")?;
                let written = call.written.get("linkage").map(|w| &w.1).or(linkage.default.as_ref())?;
                match plain_name(written)?.as_str() {
                    // What joining two clusters adds to the sum of squares is no distance of them.
                    "ward" => Some("Height (Ward linkage)".to_string()),
                    linkage => Some(format!("Distance ({linkage} linkage)")),
                }
            }
            _ => None,
        }
    }

    /// Returns the results that an axis lists by name, `axis which = [first, second]`, each with what to write for it. Nothing where the
    /// axis lists something else, or names its coordinates itself.
    fn results_along(&self, module: usize, axis: &str) -> Vec<(String, String)> {
        let item = self.program().find(module, axis).map(|def| self.program().item(def));
        let Some(ItemKind::Bind { keyword: Keyword::Axis, value, .. }) = item.map(|item| &item.kind) else { return Vec::new() };
        let ExprKind::List(items) = &value.kind else { return Vec::new() };
        let words = |e: &Expr| {
            let name = plain_name(e)?;
            let item = self.program().item(self.program().find(module, &name)?);
            let ItemKind::Bind { keyword, .. } = &item.kind else { return None };
            if matches!(keyword, Keyword::Let | Keyword::Axis) {
                return None;
            }
            let words = item.doc.as_deref().and_then(sentence).or_else(|| spaced(&name)).unwrap_or_else(|| name.clone());
            Some((name, words))
        };
        items.iter().map(words).collect::<Option<Vec<_>>>().unwrap_or_default()
    }

    /// Returns what stands along an axis of the numbers of several results: each named where they are few; nothing where they are many.
    fn named_together(&self, module: usize, axis: &str) -> Option<String> {
        let words: Vec<String> = self.results_along(module, axis).into_iter().map(|(_, w)| w).collect();
        let (first, rest) = words.split_first()?;
        if words.len() > NAMED_TOGETHER {
            return Some(String::new());
        }
        Some(std::iter::once(first.clone()).chain(rest.iter().map(|w| lowered(w))).collect::<Vec<_>>().join(", "))
    }

    /// Returns the coordinate that `first` or `last` stands for in a selection. Nothing where only files tell.
    fn end(&self, of: &Labelled, e: &Expr, pick: &Arg) -> Option<String> {
        let end = match plain_name(&pick.value)?.as_str() {
            "first" => Pick::First,
            "last" => Pick::Last,
            _ => return None,
        };
        let mut fixed = Vec::new();
        of.typed?.fixed_at(e.span, &mut fixed);
        let named = |axis: AxisId| pick.name.as_ref().is_none_or(|n| n.name == self.axes().name(axis));
        let (axis, pick) = fixed.into_iter().find(|(axis, pick)| *pick == end && named(*axis))?;
        let coordinates = self.axes().get(axis).coordinates.as_ref()?;
        find(coordinates, &pick).map(|i| coordinates[i].text.clone())
    }

    /// Returns what to write for an expression: of a declared value its first sentence or its name in words, of a part of it the same, of a
    /// column its name, of a mean `mean …`. Nothing where the text of the script says it best.
    fn label(&self, of: &Labelled, e: &Expr) -> Option<String> {
        let module = of.module;
        match &e.kind {
            ExprKind::Paren(inner) => self.label(of, inner),
            ExprKind::Select(inner, picks) => {
                let base = self.label(of, inner).or_else(|| plain_name(inner))?;
                // One coordinate tells values apart, and is said; several are seen in the picture.
                let one = picks.iter().filter(|p| !matches!(p.value.kind, ExprKind::List(_) | ExprKind::Range(..)));
                let text = |p: &Arg| {
                    let coordinate = self.end(of, e, p).unwrap_or_else(|| shorten(self.program().sources.text(p.value.span)));
                    // `stage3` says itself of which axis it is.
                    let axis = p.name.as_ref().filter(|axis| !coordinate.starts_with(axis.name.as_str()));
                    axis.map_or(coordinate.clone(), |axis| format!("{} {coordinate}", axis.name.replace('_', " ")))
                };
                let words: Vec<String> = one.map(text).collect();
                Some(if words.is_empty() { base } else { format!("{base}, {}", words.join(", ")) })
            }
            ExprKind::Name(name) => {
                let item = self.program().find(module, name).map(|def| self.program().item(def));
                item.and_then(|item| sentence(item.doc.as_deref()?))
                    .or_else(|| self.named_together(module, name))
                    .or_else(|| spaced(name))
            }
            ExprKind::Member(_, field) => spaced(&field.name).or_else(|| Some(field.name.clone())),
            ExprKind::Call { callee, args, .. } if matches!(&callee.kind, ExprKind::Name(n) if n == "mean") => {
                let first = args.iter().find(|a| a.name.is_none())?;
                let inner = self.label(of, &first.value).or_else(|| plain_name(&first.value))?;
                Some(format!("mean {}", lowered(&inner)).trim_end().to_string())
            }
            _ => None,
        }
    }
}

/// An argument that is put into words: the module it is written in, and what it was found to be.
struct Labelled<'t> {
    module: usize,
    typed: Option<&'t Rc<Typed>>,
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
