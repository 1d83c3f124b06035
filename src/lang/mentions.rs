//! Names that expressions and declarations mention.

use crate::base::Span;
use crate::syntax::ast::{Block, Expr, ExprKind, Item, ItemKind};

/// Returns every name that an expression refers to, with its place, in the order written; words behind `:` and `.` are none.
pub fn names(expr: &Expr) -> Vec<(&str, Span)> {
    let mut out = Vec::new();
    collect(expr, &mut out);
    out
}

/// Returns every name that the values in a declaration refer to, in the order written.
pub fn names_of_item(item: &Item) -> Vec<(&str, Span)> {
    let mut out = Vec::new();
    match &item.kind {
        ItemKind::Experiment { settings, .. } => settings.iter().for_each(|a| collect(&a.value, &mut out)),
        ItemKind::Bind { value, .. } | ItemKind::Titled { value, .. } => collect(value, &mut out),
        ItemKind::Recipe { base, fields, .. } => {
            out.extend(base.iter().map(|b| (b.name.as_str(), b.span)));
            fields.iter().for_each(|a| collect(&a.value, &mut out));
        }
        ItemKind::Param(param) => param.default.iter().for_each(|e| collect(e, &mut out)),
        ItemKind::Network { params, body, .. } => {
            body.steps.iter().for_each(|s| collect(&s.value, &mut out));
            params.iter().filter_map(|p| p.default.as_ref()).for_each(|e| collect(e, &mut out));
        }
        ItemKind::Use { .. } | ItemKind::Extern { .. } | ItemKind::Variant { .. } => {}
    }
    out
}

fn collect<'a>(expr: &'a Expr, out: &mut Vec<(&'a str, Span)>) {
    match &expr.kind {
        ExprKind::Name(name) => out.push((name, expr.span)),
        ExprKind::Paren(inner) | ExprKind::Unary(_, inner) | ExprKind::Member(inner, _) => collect(inner, out),
        ExprKind::List(items) | ExprKind::Chain(items) => items.iter().for_each(|e| collect(e, out)),
        ExprKind::Map(entries) => entries.iter().for_each(|(_, e)| collect(e, out)),
        ExprKind::Range(a, b) | ExprKind::Binary(_, a, b) => [a, b].into_iter().for_each(|e| collect(e, out)),
        ExprKind::If(a, b, c) => [a, b, c].into_iter().for_each(|e| collect(e, out)),
        ExprKind::Select(inner, args) => {
            collect(inner, out);
            args.iter().for_each(|a| collect(&a.value, out));
        }
        ExprKind::Call { callee, args, block } => {
            collect(callee, out);
            args.iter().for_each(|a| collect(&a.value, out));
            match block {
                Some(Block::Fields(fields)) => fields.iter().for_each(|a| collect(&a.value, out)),
                Some(Block::Body(body)) => body.steps.iter().for_each(|s| collect(&s.value, out)),
                None => {}
            }
        }
        ExprKind::Number { .. } | ExprKind::Text(_) | ExprKind::Bool(_) => {}
    }
}
