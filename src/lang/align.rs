//! `align(a, b, axis: class)`: a value whose axis takes the identity of another's.

use super::axes::{AxisId, Origin};
use super::bind::bind_args;
use super::checker::Checker;
use super::shape::What;
use super::signature::Signature;
use super::typed::{Node, Typed};
use crate::base::Diag;
use crate::syntax::ast::{self, Expr, ExprKind};
use std::rc::Rc;

impl<'a> Checker<'a> {
    /// Checks `align(a, b, axis: class)`: b over a's axis of that name.
    pub(super) fn align(&mut self, module: usize, signature: &'a Signature, args: &[&'a ast::Arg], e: &'a Expr) -> Rc<Typed> {
        let bound = match bind_args(&signature.params, args, "align", e.span) {
            Ok(b) => b,
            Err(found) => {
                self.say_all(found);
                return Typed::error(e.span);
            }
        };
        let [Some(a), Some(b), Some(axis)] = bound.as_slice() else { return Typed::error(e.span) };
        let (a, b) = (self.expr(module, a), self.expr(module, b));
        if a.is_error() || b.is_error() {
            return Typed::error(e.span);
        }
        let ExprKind::Name(word) = &axis.kind else {
            self.say(Diag::error("cfx::axis::word", axis.span, "`axis:` takes the name of an axis").help("write `axis: class`"));
            return Typed::error(e.span);
        };
        let of = |c: &Self, t: &Typed| t.axes.iter().copied().chain(t.attached.iter()).find(|x| c.axes().name(*x) == word);
        let (Some(to), Some(from)) = (of(self, &a), of(self, &b)) else {
            self.say(
                Diag::error("cfx::axis::unknown", axis.span, format!("not both values have an axis `{word}`"))
                    .help("name an axis that both have"),
            );
            return Typed::error(e.span);
        };
        if [to, from]
            .iter()
            .any(|x| matches!(self.axes().get(*x).origin, Origin::Several(_)) && self.axes().get(*x).coordinates.is_none())
        {
            let diag = self.refused_at(None, &What::SeveralClasses, axis.span);
            self.say(diag);
            return Typed::error(e.span);
        }
        let swap = |x: AxisId| if x == from { to } else { x };
        let axes = b.axes.iter().map(|x| swap(*x)).collect();
        let attached = b.attached.map(swap);
        let (kind, examples) = (b.kind.clone(), b.examples.clone());
        Rc::new(Typed { node: Node::Align { base: b, from, to }, kind, axes, attached, examples, span: e.span })
    }
}
