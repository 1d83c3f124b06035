//! Tree to text: the formatter. Comments stay where they are; a construct with a comment in an odd place stays as written.
//!
//! Style: two spaces, one declaration's `=` below the other's, calls and lists on one line where they fit, otherwise one
//! named argument a line. Fields that were written on one line stay on one line, blocks that were broken stay broken, and
//! one blank line is kept where there were some. Formatting twice changes nothing, and the tree stays the same.

use super::ast::*;
use super::printer::{Brackets, Element, Printer, STEP, WIDTH, elements, last_width, steps, width};
use crate::base::{SourceFile, Span};

/// Most spaces put before a `=` to align it.
const MOST_PADDING: usize = 30;

/// Returns the file in the house style. The tree must be that of this very text, read without errors.
pub fn format(file: &File, source: &SourceFile) -> String {
    Printer { source, comments: &file.comments }.file(file)
}

impl Printer<'_> {
    // --------------------------------------------------------------------------------------------------------- the file

    fn file(&self, file: &File) -> String {
        let mut out = String::new();
        let mut at = self.source.base as u32;
        if let Some((edition, span)) = file.edition {
            self.between(&mut out, at, span.start);
            self.break_line(&mut out, at, span.start);
            out.push_str(&format!("cfx {edition}"));
            at = span.end;
        }
        let padding = self.padding(&file.items);
        for (item, pad) in file.items.iter().zip(padding) {
            self.between(&mut out, at, item.span.start);
            let last = self.comments(at, item.span.start).last().map_or(at, |c| c.span.end);
            self.break_line(&mut out, last, item.span.start);
            out.push_str(&self.item(item, pad));
            at = item.span.end;
        }
        let end = (self.source.base + self.source.text.len()) as u32;
        self.between(&mut out, at, end);
        if !out.is_empty() {
            out.push('\n');
        }
        out
    }

    /// Writes the comments between two declarations.
    fn between(&self, out: &mut String, start: u32, end: u32) {
        let mut at = start;
        for comment in self.comments(start, end) {
            if comment.trailing && !out.is_empty() && self.newlines(at, comment.span.start) == 0 {
                out.push_str("  ");
            } else {
                self.break_line(out, at, comment.span.start);
            }
            out.push_str(&comment.text);
            at = comment.span.end;
        }
    }

    /// Ends a line, with an empty one after it where the source has some.
    fn break_line(&self, out: &mut String, start: u32, end: u32) {
        if !out.is_empty() {
            out.push_str(if self.newlines(start, end) > 1 { "\n\n" } else { "\n" });
        }
    }

    /// Returns for each declaration the widths of keyword and name that align it with its neighbours.
    fn padding(&self, items: &[Item]) -> Vec<(usize, usize)> {
        let mut padding = vec![(0, 0); items.len()];
        let mut start = 0;
        while start < items.len() {
            let mut end = start + 1;
            while end < items.len() && self.aligned(&items[end - 1], &items[end]) {
                end += 1;
            }
            let widths: Vec<(usize, usize)> = items[start..end].iter().filter_map(|i| self.widths(i)).collect();
            let keyword = widths.iter().map(|w| w.0).max().unwrap_or(0);
            let name = widths.iter().map(|w| w.1).max().unwrap_or(0);
            if widths.iter().all(|w| keyword - w.0 + name - w.1 <= MOST_PADDING) {
                padding[start..end].fill((keyword, name));
            }
            start = end;
        }
        padding
    }

    /// Returns whether two declarations stand in neighbouring lines and are of the same build.
    fn aligned(&self, a: &Item, b: &Item) -> bool {
        let between = self.text(a.span.end, b.span.start);
        let kinds = matches!(
            (&a.kind, &b.kind),
            (ItemKind::Bind { .. }, ItemKind::Bind { .. }) | (ItemKind::Titled { .. }, ItemKind::Titled { .. })
        );
        let own_line = self.comments(a.span.end, b.span.start).iter().any(|c| !c.trailing);
        kinds && !own_line && between.matches('\n').count() == 1
    }

    /// Returns the widths of keyword and name.
    fn widths(&self, item: &Item) -> Option<(usize, usize)> {
        match &item.kind {
            ItemKind::Bind { keyword, name, .. } => Some((keyword.word().len(), name.name.len())),
            ItemKind::Titled { keyword, title, .. } => Some((keyword.word().len(), self.verbatim(title.span).chars().count())),
            _ => None,
        }
    }

    fn item(&self, item: &Item, pad: (usize, usize)) -> String {
        let span = item.span;
        let bind = |keyword: Keyword, name: &str, value: &Expr| {
            if self.has_comments(span.start, value.span.start) {
                return self.verbatim(span);
            }
            let head = format!("{:kw$} {name:nw$} = ", keyword.word(), kw = pad.0, nw = pad.1);
            format!("{head}{}", self.expr(value, 0, width(&head)))
        };
        match &item.kind {
            ItemKind::Bind { keyword, name, value } => bind(*keyword, &name.name, value),
            ItemKind::Titled { keyword, title, value } => bind(*keyword, &self.verbatim(title.span), value),
            ItemKind::Experiment { title, settings } => {
                let head = format!("experiment {}", self.verbatim(title.span));
                self.with_block(head, title.span.end, span, elements(settings))
            }
            ItemKind::Recipe { name, base, fields } => {
                let head =
                    base.as_ref().map_or(format!("recipe {}", name.name), |b| format!("recipe {} = {}", name.name, b.name));
                self.with_block(head, base.as_ref().map_or(name.span.end, |b| b.span.end), span, elements(fields))
            }
            ItemKind::Use { path, names } => {
                let (head, end) = match path {
                    UsePath::File(text) => (format!("use {}", self.verbatim(text.span)), text.span.end),
                    UsePath::Dotted(parts) => {
                        let words: Vec<&str> = parts.iter().map(|p| p.name.as_str()).collect();
                        (format!("use {}", words.join(".")), parts.last().map_or(span.start, |p| p.span.end))
                    }
                };
                self.with_block(head, end, span, names.iter().map(Element::Use).collect())
            }
            ItemKind::Param(p) => {
                let value = p.default.as_ref().map_or(span.end, |d| d.span.start);
                if self.has_comments(span.start, value) {
                    return self.verbatim(span);
                }
                format!("param {}", self.param(p, 0, 6))
            }
            ItemKind::Network { keyword, name, params, body } => {
                let mut head = format!("{} {}", keyword.word(), name.name);
                if let Some(brackets) = self.brackets(name.span.end, "(", params.iter().map(Element::Param).collect()) {
                    head.push_str(&self.bracketed(&brackets, 0, width(&head)));
                }
                let col = last_width(&head, 0) + 1;
                let body = Brackets { open: body.span.start, close: body.span.end - 1, elements: steps(body) };
                format!("{head} {}", self.bracketed(&body, 0, col))
            }
            ItemKind::Extern { name, params, result } => {
                let Some(brackets) = self.brackets(name.span.end, "(", params.iter().map(Element::Param).collect()) else {
                    return self.verbatim(span);
                };
                if self.has_comments(brackets.close, span.end) {
                    return self.verbatim(span);
                }
                let head = format!("extern {}", name.name);
                let result = format!(" -> {}", self.ty(result));
                let col = width(&head) + width(&result);
                format!("{head}{}{result}", self.bracketed(&brackets, 0, col))
            }
            ItemKind::Variant { name, constructors } => self.variant(span, name, constructors),
        }
    }

    fn with_block(&self, head: String, after: u32, span: Span, elements: Vec<Element>) -> String {
        if self.skip(after) >= span.end {
            return head;
        }
        match self.brackets(after, "{", elements) {
            Some(brackets) => {
                let col = width(&head) + 1;
                format!("{head} {}", self.bracketed(&brackets, 0, col))
            }
            None => self.verbatim(span),
        }
    }

    fn variant(&self, span: Span, name: &Ident, constructors: &[Constructor]) -> String {
        if self.has_comments(span.start, span.end) {
            return self.verbatim(span);
        }
        let head = format!("variant {} =", name.name);
        let one = |c: &Constructor, col: usize| {
            let params = c.params.iter().map(Element::Param).collect();
            let brackets = self.brackets(c.name.span.end, "(", params);
            let col = col + width(&c.name.name);
            format!("{}{}", c.name.name, brackets.map_or(String::new(), |b| self.bracketed(&b, STEP, col)))
        };
        let flat: Vec<String> = constructors.iter().map(|c| one(c, STEP + 2)).collect();
        let line = format!("{head} {}", flat.join(" | "));
        let first = constructors.first().map_or(span.start, |c| c.name.span.start);
        let broken = self.newlines(span.start, first) > 0 || line.contains('\n') || width(&line) > WIDTH;
        if broken { format!("{head}{}", flat.iter().map(|c| format!("\n  | {c}")).collect::<String>()) } else { line }
    }

    // ------------------------------------------------------------------------------------------------------- signatures

    pub(super) fn param(&self, p: &Param, indent: usize, col: usize) -> String {
        let mut out = p.name.name.clone();
        if let Some(ty) = &p.ty {
            out.push_str(&format!(": {}", self.ty(ty)));
        }
        if let Some(default) = &p.default {
            out.push_str(" = ");
            let col = col + width(&out);
            out.push_str(&self.expr(default, indent, col));
        }
        out
    }

    pub(super) fn ty(&self, ty: &TypeExpr) -> String {
        let names = |names: &[Ident]| names.iter().map(|n| n.name.as_str()).collect::<Vec<_>>().join(", ");
        let atom = |a: &TypeAtom| match a {
            TypeAtom::Name(n) => n.name.clone(),
            TypeAtom::Option(n) => format!("option({})", names(n)),
            TypeAtom::List(inner) => format!("[{}]", self.ty(inner)),
            TypeAtom::Record(fields) if fields.is_empty() => "{}".to_string(),
            TypeAtom::Record(fields) => {
                let fields: Vec<String> = fields.iter().map(|(n, t)| format!("{}: {}", n.name, self.ty(t))).collect();
                format!("{{ {} }}", fields.join(", "))
            }
        };
        let effect = |e: &Effect| {
            let brackets = self.text(e.word.span.end, e.word.span.end + 1) == "(" || !e.names.is_empty();
            if brackets { format!(" {}({})", e.word.name, names(&e.names)) } else { format!(" {}", e.word.name) }
        };
        let alternatives: Vec<String> = ty.alternatives.iter().map(atom).collect();
        format!("{}{}", alternatives.join(" | "), ty.effects.iter().map(effect).collect::<String>())
    }
}
