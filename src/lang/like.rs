//! `like: p`: the settings of the call that declares another value, as written there.

use super::bind::all_args;
use super::bind::bind_args;
use super::checker::Checker;
use super::scope::DefId;
use super::signature::{AxisWord, Signature};
use crate::base::{Diag, Span};
use crate::syntax::ast::{Expr, ExprKind, ItemKind};
use std::collections::BTreeMap;

/// Arguments as written, by parameter: the module that they are seen from, the expression.
pub(super) type Copied<'a> = BTreeMap<String, (usize, &'a Expr)>;

/// Returns whether `like:` copies what a parameter was given: settings and axis words, and inputs that may be left out (`within:`
/// restricts a fit to some examples). What a call is about it names itself.
pub(super) fn copied_by_like(signature: &Signature, param: usize) -> bool {
    let takes = &signature.takes[param];
    takes.inputs.is_empty() || takes.axis.is_some() || signature.params[param].default.is_some()
}

impl<'a> Checker<'a> {
    /// Returns what `like: e` copies into a call of an operation. Nothing: a message has been given.
    pub(super) fn like(&mut self, module: usize, signature: &'a Signature, e: &'a Expr) -> Option<Copied<'a>> {
        let mut seen: Vec<DefId> = self.visiting().last().copied().into_iter().collect();
        let (op, copied) = self.copied(module, e, &mut seen)?;
        let from = &self.program().operations[&op];
        if from.name == signature.name {
            return Some(copied);
        }
        let shared = |s: &Signature, name: &str| s.params.iter().position(|p| p.name.name == name && p.name.name != "by");
        let any = from.params.iter().enumerate().any(|(i, p)| {
            from.takes[i].inputs.is_empty()
                && shared(signature, &p.name.name).is_some_and(|j| signature.takes[j].setting.is_some())
        });
        let text = self.program().sources.text(e.span);
        if !any {
            let message =
                format!("`{text}` is made by `{}`, which has no setting in common with `{}`", from.name, signature.name);
            let help = format!("name a value that `{}` makes", signature.name);
            self.say(Diag::error("cfx::call::like", e.span, message).help(help));
            return None;
        }
        // What has no place here would be dropped without a word. (Splitting by class goes without saying where classes are told apart.)
        let lost: Vec<&String> = copied
            .iter()
            .filter(|(name, (_, value))| {
                let by_class = matches!(&value.kind, ExprKind::Name(n) if n == "class");
                let at = from.params.iter().position(|p| p.name.name == **name);
                let splits = at.is_some_and(|i| from.takes[i].axis == Some(AxisWord::Splits));
                let copies = at.is_some_and(|i| copied_by_like(from, i));
                copies && !(splits && by_class) && !signature.params.iter().any(|p| p.name.name == **name)
            })
            .map(|(name, _)| name)
            .collect();
        if let Some(name) = lost.first() {
            let message = format!("`{text}` is made with `{name}:`, which `{}` does not have", signature.name);
            let diag = Diag::error("cfx::call::like", e.span, message).label(copied[*name].1.span, "written here");
            self.say(diag.help("write out the settings instead of `like:`"));
            return None;
        }
        Some(copied)
    }

    /// Returns the operation that makes the value that an expression names, and what its call writes. `seen`: declarations passed through.
    fn copied(&mut self, module: usize, e: &'a Expr, seen: &mut Vec<DefId>) -> Option<(String, Copied<'a>)> {
        let ExprKind::Name(name) = &e.kind else { return self.unlike(e.span) };
        let Some(def) = self.program().find(module, name) else {
            let found = self.statics().unknown_name(module, name, e.span);
            self.say_all(found);
            return None;
        };
        if seen.contains(&def) {
            let diag = Diag::error("cfx::name::cycle", e.span, format!("`like:` makes `{name}` from itself"));
            self.say(diag.help("name a value whose settings are written out"));
            return None;
        }
        seen.push(def);
        self.note_used(def);
        let ItemKind::Bind { value, .. } = &self.program().item(def).kind else { return self.unlike(e.span) };
        let mut call = value;
        let mut selected = None;
        while let ExprKind::Paren(inner) | ExprKind::Select(inner, _) = &call.kind {
            if let ExprKind::Select(..) = &call.kind {
                selected = selected.or(Some(call.span));
            }
            call = inner;
        }
        if let Some(span) = selected {
            let message = format!("`like: {name}` copies the settings of a call, not the selection of its result");
            let diag = Diag::warning("cfx::call::like", e.span, message).label(span, "selected here");
            self.say(diag.help("select here as well, or declare the whole under a name of its own and select where it is used"));
        }
        let ExprKind::Call { callee, args, block } = &call.kind else { return self.unlike(e.span) };
        let ExprKind::Name(callee) = &callee.kind else { return self.unlike(e.span) };
        let Some(op) = self.operation(def.module, callee) else { return self.unlike(e.span) };
        let mut out = BTreeMap::new();
        let mut plain = Vec::new();
        for arg in all_args(args, block) {
            match arg.name.as_ref().map(|n| n.name.as_str()) {
                Some("like") => out = self.copied(def.module, &arg.value, seen)?.1,
                Some("seed") => {}
                _ => plain.push(arg),
            }
        }
        let mut params = self.program().operations[&op].params.clone();
        params.iter_mut().for_each(|p| p.default = Some(none_at(p.name.span)));
        // What is wrong with that call is said there.
        for (param, given) in params.iter().zip(bind_args(&params, &plain, callee, call.span).ok()?) {
            if let Some(found) = given {
                out.insert(param.name.name.clone(), (def.module, found));
            }
        }
        Some((op, out))
    }

    fn unlike<T>(&mut self, span: Span) -> Option<T> {
        self.say(
            Diag::error("cfx::call::like", span, "`like:` takes the name of a value declared by a call")
                .help("name a declaration such as `density p = dp_mixture(…)`; its settings are copied as written"),
        );
        None
    }
}

/// Returns the word `none`, as an expression.
pub(super) fn none_at(span: Span) -> Expr {
    Expr { kind: ExprKind::Name("none".to_string()), span }
}
