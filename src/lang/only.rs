//! `only(x, condition)` and `only(x, count: 48)`: a value at some combinations of its axes' coordinates, absent at the others.

use super::axes::AxisId;
use super::bind::bind_args;
use super::checker::Checker;
use super::kind::Kind;
use super::signature::Signature;
use super::static_value::Static;
use super::statics::Env;
use super::typed::{Chosen, Node, Typed};
use crate::base::{Diag, Span};
use crate::syntax::ast::{self, Expr};
use std::rc::Rc;

/// Conditions over so many combinations at most are tried at each.
const TRIED: usize = 256;

impl<'a> Checker<'a> {
    /// Returns whether a condition fails at all coordinates of its axes, where these are known and few.
    fn holds_nowhere(&self, module: usize, condition: &'a Expr, axes: &[AxisId]) -> bool {
        let mut lengths = axes.iter().map(|a| self.axes().get(*a).coordinates.as_ref().map(Vec::len));
        let count = lengths.try_fold(1usize, |n, length| n.checked_mul(length?));
        count.is_some_and(|n| n <= TRIED)
            && self.envs(axes).iter().all(|env| matches!(self.statics().value(module, condition, env), Ok(Static::Bool(false))))
    }

    /// Checks `only(x, condition, count: 48, seed: 1)`.
    pub(super) fn only(&mut self, module: usize, signature: &'a Signature, args: &[&'a ast::Arg], e: &'a Expr) -> Rc<Typed> {
        let bound = match bind_args(&signature.params, args, "only", e.span) {
            Ok(b) => b,
            Err(found) => {
                let found = self.without_axis_word(signature, args, found);
                self.say_all(found);
                return Typed::error(e.span);
            }
        };
        let [Some(x), condition, count, seed] = bound.as_slice() else { return Typed::error(e.span) };
        let base = self.expr(module, x);
        if base.is_error() {
            return base;
        }
        let refuse = |c: &mut Self, span: Span, message: &str, help: &str| {
            c.say(Diag::error("cfx::axis::only", span, message).help(help));
            Typed::error(span)
        };
        if base.axes.is_empty() {
            let help = "give it a value over axes, such as a model over `rate` and `size`";
            return refuse(self, x.span, "a single value has no combinations to choose among", help);
        }
        if condition.is_none() && count.is_none() {
            let help = "write a condition on the axes, `only(m, rate < 0.1)`, or a number, `only(m, count: 48)`";
            return refuse(self, e.span, "nothing says which combinations are meant", help);
        }
        let mut chosen = Chosen { condition: None, count: None };
        if let Some(condition) = condition {
            let typed = self.expr(module, condition);
            if typed.is_error() {
                return Typed::error(e.span);
            }
            if !matches!(typed.node, Node::Static(..)) || typed.kind != (Kind::Truth { per_example: false }) {
                let help = "compare axes, such as `rate * size < 1`; what depends on results is a choice, `if … then … else …`";
                return refuse(self, condition.span, "which combinations are meant is known before the run", help);
            }
            if let Some(axis) =
                typed.axes.iter().find(|a| !base.axes.iter().any(|b| self.axes().whole(*b) == self.axes().whole(**a)))
            {
                let message = format!("the value has no axis `{}`, which the condition looks at", self.axes().name(*axis));
                return refuse(self, condition.span, &message, "name its own axes");
            }
            if self.holds_nowhere(module, condition, &typed.axes) {
                let help = "coordinates are compared by value; `cfx check --types` shows how many an axis has";
                return refuse(self, condition.span, "this holds at no combination: nothing would be left", help);
            }
            chosen.condition = Some(Rc::new((module, (*condition).clone())));
        }
        if let Some(count) = count {
            let number = |c: &mut Self, e: &'a Expr| match c.statics().value(module, e, &Env::new()) {
                Ok(Static::Number(x)) if x >= 0.0 && x.fract() == 0.0 && x <= 1e9 => {
                    c.use_names(module, e);
                    Some(x as u64)
                }
                Ok(_) => None,
                Err(found) => {
                    c.say_all(found);
                    None
                }
            };
            let n = number(self, count);
            let seed = seed.as_ref().map_or(Some(0), |s| number(self, s));
            let (Some(n @ 1..), Some(seed)) = (n, seed) else {
                return refuse(
                    self,
                    count.span,
                    "`count:` is a whole number from 1, `seed:` one from 0",
                    "write, say, `count: 48, seed: 1`",
                );
            };
            let lengths = base.axes.iter().map(|a| self.axes().get(*a).coordinates.as_ref().map(|c| c.len() as u64));
            let all = lengths.into_iter().try_fold(1u64, |all, length| all.checked_mul(length?));
            if let Some(all) = all.filter(|all| *all < n) {
                let message = format!("{n} combinations are asked for, and there are {all}");
                let help = format!("ask for at most {all}, or leave `only` out, which keeps them all");
                return refuse(self, count.span, &message, &help);
            }
            chosen.count = Some((n as usize, seed));
        }
        let (kind, axes, attached, examples) =
            (base.kind.clone(), base.axes.clone(), base.attached.clone(), base.examples.clone());
        Rc::new(Typed { node: Node::Only { base, chosen }, kind, axes, attached, examples, span: e.span })
    }
}
