//! The formatter's lines: what stands between brackets, and expressions, on one line where they fit and broken where not.

use super::ast::*;
use super::printer::{Brackets, Element, Printer, STEP, WIDTH, elements, last_width, steps, width};
use crate::base::Span;

impl Printer<'_> {
    // --------------------------------------------------------------------------------------------------------- brackets

    /// Returns the marks of the bracket that opens here.
    fn marks(&self, brackets: &Brackets) -> (&str, &'static str) {
        match self.text(brackets.open, brackets.open + 1) {
            "(" => ("(", ")"),
            "[" => ("[", "]"),
            open => (open, "}"),
        }
    }

    /// Returns brackets and elements on one line, or `None` if they cannot stand so.
    pub(super) fn flat_brackets(&self, b: &Brackets) -> Option<String> {
        if self.has_comments(b.open, b.close) {
            return None;
        }
        let (open, close) = self.marks(b);
        let newline_counts = open == "{" || b.elements.first().is_some_and(|e| matches!(e, Element::Param(_)));
        let first = b.elements.first().map_or(b.open, |e| e.span().start);
        if newline_counts && self.newlines(b.open, first) > 0 {
            return None;
        }
        let elements: Option<Vec<String>> = b.elements.iter().map(|e| self.flat_element(*e)).collect();
        let elements = elements?.join(", ");
        Some(if open == "{" && !elements.is_empty() { format!("{{ {elements} }}") } else { format!("{open}{elements}{close}") })
    }

    /// Returns brackets and elements, on one line if they fit there.
    pub(super) fn bracketed(&self, b: &Brackets, indent: usize, col: usize) -> String {
        if let Some(flat) = self.flat_brackets(b).filter(|f| col + width(f) <= WIDTH) {
            return flat;
        }
        let (open, close) = self.marks(b);
        let inner = indent + STEP;
        let commas = open != "{" && !b.elements.first().is_some_and(|e| matches!(e, Element::Param(_)));
        let joined = self.joined(b, inner);
        let mut out = open.to_string();
        let mut at = b.open + 1;
        let mut fresh = true;
        for (i, element) in b.elements.iter().enumerate() {
            let span = element.span();
            let comments = self.comments(at, span.start);
            self.inner_comments(&mut out, at, comments, inner, fresh);
            let last = comments.last().map_or(at, |c| c.span.end);
            if joined[i] {
                out.push_str(if commas { " " } else { ", " });
                let col = last_width(&out, 0);
                out.push_str(&self.element(*element, inner, col));
            } else {
                self.inner_line(&mut out, last, span.start, inner, fresh && comments.is_empty());
                out.push_str(&self.element(*element, inner, inner));
            }
            if commas && i + 1 < b.elements.len() {
                out.push(',');
            }
            at = span.end;
            fresh = false;
        }
        let comments = self.comments(at, b.close);
        self.inner_comments(&mut out, at, comments, inner, fresh);
        out.push('\n');
        out.push_str(&" ".repeat(indent));
        out.push_str(close);
        out
    }

    /// Returns for each element whether it goes on the line of the one before: where it was written there, and fits.
    fn joined(&self, b: &Brackets, inner: usize) -> Vec<bool> {
        let mut joined = vec![false; b.elements.len()];
        let spans: Vec<Span> = b.elements.iter().map(|e| e.span()).collect();
        let one_line = self.newlines(b.open, b.close) == 0;
        let split_all = one_line && b.elements.iter().any(|e| e.named());
        let mut start = 0;
        while start < spans.len() {
            let mut end = start + 1;
            while end < spans.len() && self.newlines(spans[end - 1].end, spans[end].start) == 0 {
                end += 1;
            }
            let widths: Option<Vec<usize>> =
                b.elements[start..end].iter().map(|e| self.flat_element(*e).map(|f| width(&f))).collect();
            if let Some(widths) = widths.filter(|_| !split_all) {
                let whole = inner + widths.iter().sum::<usize>() + 2 * (widths.len() - 1) + 1;
                let positional = b.elements[start..end].iter().all(|e| !e.named());
                let mut col = inner + widths[0];
                for (i, w) in widths.iter().enumerate().skip(1) {
                    let fits = whole <= WIDTH || (positional && col + 2 + w < WIDTH);
                    joined[start + i] = fits;
                    col = if fits { col + 2 + w } else { inner + w };
                }
            }
            start = end;
        }
        joined
    }

    /// Writes the comments before an element or the closing bracket.
    fn inner_comments(&self, out: &mut String, start: u32, comments: &[Comment], inner: usize, fresh: bool) {
        let (mut at, mut fresh) = (start, fresh);
        for comment in comments {
            if self.newlines(at, comment.span.start) == 0 {
                out.push_str("  ");
            } else {
                self.inner_line(out, at, comment.span.start, inner, fresh);
            }
            out.push_str(&comment.text);
            at = comment.span.end;
            fresh = false;
        }
    }

    /// Begins a line within brackets, after an empty one where the source has some, but not directly after the bracket.
    fn inner_line(&self, out: &mut String, start: u32, end: u32, inner: usize, fresh: bool) {
        out.push_str(if !fresh && self.newlines(start, end) > 1 { "\n\n" } else { "\n" });
        out.push_str(&" ".repeat(inner));
    }

    fn flat_element(&self, element: Element) -> Option<String> {
        let span = element.span();
        if self.has_comments(span.start, span.end) {
            return None;
        }
        match element {
            Element::Arg(name, value) => {
                let value = self.flat(value)?;
                Some(name.map_or(value.clone(), |n| format!("{}: {value}", self.verbatim(n.span))))
            }
            Element::Param(p) => {
                let default = match &p.default {
                    Some(d) => format!(" = {}", self.flat(d)?),
                    None => String::new(),
                };
                let ty = p.ty.as_ref().map_or(String::new(), |t| format!(": {}", self.ty(t)));
                Some(format!("{}{ty}{default}", p.name.name))
            }
            Element::Use(u) => Some(u.alias.as_ref().map_or(u.name.name.clone(), |a| format!("{} as {}", u.name.name, a.name))),
        }
    }

    fn element(&self, element: Element, indent: usize, col: usize) -> String {
        let span = element.span();
        let value = match element {
            Element::Arg(_, value) => value.span.start,
            Element::Param(p) => p.default.as_ref().map_or(span.end, |d| d.span.start),
            Element::Use(_) => span.end,
        };
        if self.has_comments(span.start, value) {
            return self.verbatim(span);
        }
        match element {
            Element::Arg(None, value) => self.expr(value, indent, col),
            Element::Arg(Some(name), value) => {
                let head = format!("{}: ", self.verbatim(name.span));
                format!("{head}{}", self.expr(value, indent, col + width(&head)))
            }
            Element::Param(p) => self.param(p, indent, col),
            Element::Use(_) => self.flat_element(element).unwrap_or_else(|| self.verbatim(span)),
        }
    }

    // ------------------------------------------------------------------------------------------------------ expressions

    /// Returns the brackets of an expression that has some: of a list, a map, a selection, of a call and its block.
    fn expr_brackets<'t>(&self, e: &'t Expr) -> Vec<Brackets<'t>> {
        let last = e.span.end - 1;
        match &e.kind {
            ExprKind::List(items) => {
                vec![Brackets {
                    open: e.span.start,
                    close: last,
                    elements: items.iter().map(|i| Element::Arg(None, i)).collect(),
                }]
            }
            ExprKind::Map(entries) => {
                let elements = entries.iter().map(|(k, v)| Element::Arg(Some(k), v)).collect();
                vec![Brackets { open: e.span.start, close: last, elements }]
            }
            ExprKind::Select(base, args) => {
                vec![Brackets { open: self.skip(base.span.end), close: last, elements: elements(args) }]
            }
            ExprKind::Call { callee, args, block } => {
                let mut all = Vec::new();
                let mut end = callee.span.end;
                if let Some(brackets) = self.brackets(end, "(", elements(args)) {
                    end = brackets.close + 1;
                    all.push(brackets);
                }
                match block {
                    Some(Block::Fields(fields)) => {
                        all.push(Brackets { open: self.skip(end), close: last, elements: elements(fields) })
                    }
                    Some(Block::Body(body)) => all.push(Brackets { open: body.span.start, close: last, elements: steps(body) }),
                    None => {}
                }
                all
            }
            _ => Vec::new(),
        }
    }

    /// Returns the operands of an expression without brackets of its own, in the order written.
    fn operands(e: &Expr) -> Vec<&Expr> {
        match &e.kind {
            ExprKind::Paren(a) | ExprKind::Unary(_, a) => vec![a],
            ExprKind::Range(a, b) | ExprKind::Binary(_, a, b) => vec![a, b],
            ExprKind::If(a, b, c) => vec![a, b, c],
            ExprKind::Chain(links) => links.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Returns whether a comment stands between the operands of an expression, where lines cannot be broken at will.
    fn odd(&self, e: &Expr) -> bool {
        let operands = Self::operands(e);
        if operands.is_empty() {
            return false;
        }
        let mut at = e.span.start;
        for operand in operands {
            if self.has_comments(at, operand.span.start) {
                return true;
            }
            at = operand.span.end;
        }
        self.has_comments(at, e.span.end)
    }

    /// Returns whether the lines of a chain, a choice, or a conjunction are broken in the source; such breaks are kept.
    fn is_broken(&self, e: &Expr) -> bool {
        let breaks = match &e.kind {
            ExprKind::Chain(_) | ExprKind::If(..) => true,
            ExprKind::Binary(op, ..) => matches!(op, BinaryOp::And | BinaryOp::Or),
            _ => false,
        };
        breaks && Self::operands(e).windows(2).any(|w| self.newlines(w[0].span.end, w[1].span.start) > 0)
    }

    /// Returns an expression on one line, or `None` if it cannot stand so.
    fn flat(&self, e: &Expr) -> Option<String> {
        if self.has_comments(e.span.start, e.span.end) || self.is_broken(e) {
            return None;
        }
        Some(match &e.kind {
            ExprKind::Number { text, .. } => text.clone(),
            ExprKind::Text(_) => self.verbatim(e.span),
            ExprKind::Bool(b) => b.to_string(),
            ExprKind::Name(name) => name.clone(),
            ExprKind::Paren(a) => format!("({})", self.flat(a)?),
            ExprKind::Range(a, b) => format!("{}..{}", self.flat(a)?, self.flat(b)?),
            ExprKind::Member(a, name) => format!("{}.{}", self.flat(a)?, name.name),
            ExprKind::Unary(op, a) => format!("{}{}", unary(*op), self.flat(a)?),
            ExprKind::Binary(op, a, b) => format!("{} {} {}", self.flat(a)?, op.word(), self.flat(b)?),
            ExprKind::If(a, b, c) => format!("if {} then {} else {}", self.flat(a)?, self.flat(b)?, self.flat(c)?),
            ExprKind::Chain(links) => links.iter().map(|l| self.flat(l)).collect::<Option<Vec<_>>>()?.join(" -> "),
            ExprKind::List(_) | ExprKind::Map(_) => self.flat_brackets(self.expr_brackets(e).first()?)?,
            ExprKind::Select(base, _) => format!("{}{}", self.flat(base)?, self.flat_brackets(self.expr_brackets(e).first()?)?),
            ExprKind::Call { callee, .. } => {
                let mut out = self.flat(callee)?;
                for brackets in self.expr_brackets(e) {
                    let space = if self.marks(&brackets).0 == "{" { " " } else { "" };
                    out.push_str(space);
                    out.push_str(&self.flat_brackets(&brackets)?);
                }
                out
            }
        })
    }

    /// Returns an expression that begins at a column, in a construct indented by `indent` spaces.
    pub(super) fn expr(&self, e: &Expr, indent: usize, col: usize) -> String {
        let flat = self.flat(e);
        if let Some(flat) = flat.as_ref().filter(|f| col + width(f) <= WIDTH) {
            return flat.clone();
        }
        if self.odd(e) {
            return self.verbatim(e.span);
        }
        let too_long = flat.is_some();
        let broken = too_long || self.is_broken(e);
        let deeper = indent + STEP;
        let line = format!("\n{}", " ".repeat(deeper));
        let mut out = String::new();
        // Each part is written where the one before it ended.
        let add = |out: &mut String, before: &str, part: &Expr, indent: usize| {
            out.push_str(before);
            let at = last_width(out, col);
            out.push_str(&self.expr(part, indent, at));
        };
        match &e.kind {
            ExprKind::Number { .. } | ExprKind::Text(_) | ExprKind::Bool(_) | ExprKind::Name(_) => out = self.verbatim(e.span),
            ExprKind::Paren(a) => {
                add(&mut out, "(", a, indent);
                out.push(')');
            }
            ExprKind::Range(a, b) => {
                add(&mut out, "", a, indent);
                add(&mut out, "..", b, indent);
            }
            ExprKind::Member(a, name) => {
                add(&mut out, "", a, indent);
                out.push_str(&format!(".{}", name.name));
            }
            ExprKind::Unary(op, a) => add(&mut out, unary(*op), a, indent),
            ExprKind::Binary(op @ (BinaryOp::And | BinaryOp::Or), a, b) if broken => {
                add(&mut out, "", a, indent);
                add(&mut out, &format!(" {}{line}", op.word()), b, deeper);
            }
            ExprKind::Binary(op, a, b) => {
                add(&mut out, "", a, indent);
                add(&mut out, &format!(" {} ", op.word()), b, indent);
            }
            ExprKind::If(a, b, c) => {
                let (space, indent) = if broken { (line.as_str(), deeper) } else { (" ", indent) };
                add(&mut out, "if ", a, indent);
                add(&mut out, &format!("{space}then "), b, indent);
                add(&mut out, &format!("{space}else "), c, indent);
            }
            ExprKind::Chain(links) => {
                for (i, link) in links.iter().enumerate() {
                    let broken = i > 0 && (too_long || self.newlines(links[i - 1].span.end, link.span.start) > 0);
                    match (i, broken) {
                        (0, _) => add(&mut out, "", link, indent),
                        (_, true) => add(&mut out, &format!("{line}-> "), link, deeper),
                        (_, false) => add(&mut out, " -> ", link, indent),
                    }
                }
            }
            ExprKind::List(_) | ExprKind::Map(_) | ExprKind::Select(..) | ExprKind::Call { .. } => {
                if let ExprKind::Select(base, _) | ExprKind::Call { callee: base, .. } = &e.kind {
                    add(&mut out, "", base, indent);
                }
                for brackets in self.expr_brackets(e) {
                    if self.marks(&brackets).0 == "{" && !out.is_empty() {
                        out.push(' ');
                    }
                    let at = last_width(&out, col);
                    out.push_str(&self.bracketed(&brackets, indent, at));
                }
            }
        }
        out
    }
}

fn unary(op: UnaryOp) -> &'static str {
    match op {
        UnaryOp::Neg => "-",
        UnaryOp::Not => "not ",
    }
}
