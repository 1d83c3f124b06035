//! Between which numbers a result lies, whatever comes out: what signatures say (`bounds(zero, one)`), through arithmetic and reductions. A claim
//! or a comparison that these bounds decide says nothing of the experiment.

use super::checker::Checker;
use super::kind::Kind;
use super::signature::Signature;
use super::static_value::Static;
use super::statics::Env;
use super::typed::{Call, Node, Typed};
use crate::base::{Diag, Span};
use crate::syntax::ast::ExprKind;
use std::rc::Rc;

/// The smallest and the largest number that a result can be.
type Bounds = (f64, f64);

/// So deep are expressions followed.
const DEEPEST: usize = 100;

/// Returns the bounds that a word of a signature stands for; nothing for the name of a parameter.
fn limit(word: &str) -> Option<f64> {
    match word {
        "zero" => Some(0.0),
        "one" => Some(1.0),
        "minus_one" => Some(-1.0),
        _ => None,
    }
}

/// Returns bounds that hold for both.
fn either(a: Bounds, b: Bounds) -> Bounds {
    (a.0.min(b.0), a.1.max(b.1))
}

/// Returns the bounds of what a function makes of two numbers where it is monotone in each: those of its corners.
fn corners(a: Bounds, b: Bounds, of: impl Fn(f64, f64) -> f64) -> Option<Bounds> {
    let all = [of(a.0, b.0), of(a.0, b.1), of(a.1, b.0), of(a.1, b.1)];
    let any_nan = all.iter().any(|v| v.is_nan());
    (!any_nan).then(|| all.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |out, v| (out.0.min(*v), out.1.max(*v))))
}

/// Returns where numbers lie, in words.
fn side(bounds: Bounds) -> String {
    match bounds {
        (low, high) if low == high => format!("{low}"),
        (low, f64::INFINITY) => format!("no less than {low}"),
        (f64::NEG_INFINITY, high) => format!("no more than {high}"),
        (low, high) => format!("between {low} and {high}"),
    }
}

impl<'a> Checker<'a> {
    /// Warns of a claim that the bounds of its numbers decide.
    pub(super) fn decided_by_bounds(&mut self, claim: &Typed, span: Span) {
        let written = match &claim.node {
            Node::Static(_, e) => match &e.kind {
                ExprKind::Bool(holds) => Some((*holds, claim.span, "it is written here".to_string())),
                _ => None,
            },
            _ => None,
        };
        let Some((holds, place, words)) = written.or_else(|| self.always(claim, 0)) else { return };
        let message = if holds { "this claim cannot fail" } else { "this claim cannot hold" };
        let help = "compare with what the result could miss: a baseline, another setting, a threshold between its bounds";
        // Of a comparison in another declaration that declaration says it.
        if span.start <= place.start && place.end <= span.end {
            self.say(Diag::warning("cfx::type::decided", place, message).here(words).help(help));
        }
    }

    /// Warns of the comparisons inside a value, of its own declaration, that the bounds of their numbers decide.
    pub(super) fn decided_comparisons(&mut self, value: &Typed) {
        let mut found = Vec::new();
        self.comparisons(value, 0, &mut found);
        for (holds, place, words) in found {
            let message = if holds { "this comparison holds whatever comes out" } else { "this comparison never holds" };
            let help = match words.contains("between 0 and 1") {
                true => "compare with a number between these bounds; 90 of a hundred is `90%`, or `0.9`",
                false => "compare with a number between these bounds",
            };
            self.say(Diag::warning("cfx::type::decided", place, message).here(words).help(help));
        }
    }

    fn comparisons(&self, value: &Typed, depth: usize, found: &mut Vec<(bool, Span, String)>) {
        if depth > DEEPEST {
            return;
        }
        match &value.node {
            Node::Call(call) => {
                let of = |name: &str| call.inputs.iter().find(|(n, ..)| n == name).map(|(_, v, _)| v);
                if call.op == "threshold" {
                    found.extend(self.on_one_side(call, depth));
                } else if let (Some(a), Some(b)) = (of("a"), of("b")) {
                    found.extend(
                        self.compared(&call.op, a, b, 0, value.span).filter(|(_, place, _)| !found.iter().any(|f| f.1 == *place)),
                    );
                }
                call.inputs.iter().for_each(|(_, v, _)| self.comparisons(v, depth + 1, found));
            }
            Node::Select { base, .. } | Node::Only { base, .. } | Node::Align { base, .. } => {
                self.comparisons(base, depth + 1, found)
            }
            Node::Stack { parts, .. } => parts.iter().for_each(|p| self.comparisons(p, depth + 1, found)),
            Node::If { yes, no, .. } => [yes, no].into_iter().for_each(|v| self.comparisons(v, depth + 1, found)),
            Node::Value(_) | Node::Static(..) | Node::Error => {}
        }
    }

    /// Returns on which side of a threshold all numbers lie, where its place is, and why in words.
    fn on_one_side(&self, call: &Call, depth: usize) -> Option<(bool, Span, String)> {
        let (_, x, _) = call.inputs.iter().find(|(n, ..)| n == "x")?;
        let written = call.written.get("at")?.clone();
        let (module, at) = (written.0, &written.1);
        let Ok(Static::Number(threshold)) = self.statics().value(module, at, &Env::new()) else { return None };
        let bounds = self.bounds(x, "", depth + 1)?;
        let decided = threshold > bounds.1 || threshold <= bounds.0;
        decided.then(|| (threshold <= bounds.0, at.span, format!("the numbers are {}", side(bounds))))
    }

    /// Returns whether a truth holds or fails whatever comes out, which comparison decides that, and why in words; `None` if that depends on results.
    fn always(&self, truth: &Typed, depth: usize) -> Option<(bool, Span, String)> {
        if depth > DEEPEST {
            return None;
        }
        match &truth.node {
            Node::Value(id) => self.always(&self.value_at(*id).typed.clone(), depth + 1),
            Node::Select { base, .. } | Node::Only { base, .. } | Node::Align { base, .. } => self.always(base, depth + 1),
            Node::Call(call) => {
                let of = |name: &str| call.inputs.iter().find(|(n, ..)| n == name).map(|(_, v, _)| v);
                let inner = |name: &str| of(name).and_then(|v| self.always(v, depth + 1));
                match call.op.as_str() {
                    "all" | "any" => inner("x"),
                    "negation" => inner("x").map(|(holds, place, words)| (!holds, place, words)),
                    "both" | "either" => {
                        let stops = call.op == "either";
                        match (inner("a"), inner("b")) {
                            (Some(a), _) if a.0 == stops => Some(a),
                            (_, Some(b)) if b.0 == stops => Some(b),
                            (Some(a), Some(_)) => Some(a),
                            _ => None,
                        }
                    }
                    op => self.compared(op, of("a")?, of("b")?, depth, truth.span),
                }
            }
            _ => None,
        }
    }

    /// Returns what the bounds of both sides say of a comparison.
    fn compared(&self, op: &str, a: &Rc<Typed>, b: &Rc<Typed>, depth: usize, span: Span) -> Option<(bool, Span, String)> {
        if self.are_same(a, b) && !matches!(a.node, Node::Static(..)) {
            let holds = matches!(op, "less_equal" | "greater_equal" | "equal");
            let compares = holds || matches!(op, "less" | "greater" | "not_equal");
            return compares.then(|| (holds, span, "both sides are the same".to_string()));
        }
        let (left, right) = (self.bounds(a, "", depth + 1)?, self.bounds(b, "", depth + 1)?);
        // Numbers that are both known before the run are compared for their own sake.
        if left.0 == left.1 && right.0 == right.1 {
            return None;
        }
        let holds = match op {
            "less" if left.1 < right.0 => true,
            "less" if left.0 >= right.1 => false,
            "less_equal" if left.1 <= right.0 => true,
            "less_equal" if left.0 > right.1 => false,
            "greater" if left.0 > right.1 => true,
            "greater" if left.1 <= right.0 => false,
            "greater_equal" if left.0 >= right.1 => true,
            "greater_equal" if left.1 < right.0 => false,
            "equal" if left.1 < right.0 || left.0 > right.1 => false,
            "not_equal" if left.1 < right.0 || left.0 > right.1 => true,
            _ => return None,
        };
        let words = match (&a.node, &b.node) {
            (_, Node::Static(..)) => format!("its left side is {}", side(left)),
            (Node::Static(..), _) => format!("its right side is {}", side(right)),
            _ => format!("its left side is {}, its right side {}", side(left), side(right)),
        };
        Some((holds, span, words))
    }

    /// Returns between which numbers a value lies, or a member of a record (`part`); `None` if nothing is known.
    fn bounds(&self, value: &Typed, part: &str, depth: usize) -> Option<Bounds> {
        if depth > DEEPEST {
            return None;
        }
        if part.is_empty() && matches!(value.kind, Kind::Truth { .. }) {
            return Some((0.0, 1.0));
        }
        match &value.node {
            Node::Error => None,
            Node::Static(module, expr) if value.axes.is_empty() => match self.statics().value(*module, expr, &Env::new()) {
                Ok(Static::Number(x)) => Some((x, x)),
                _ => None,
            },
            Node::Static(..) => None,
            Node::Value(id) => self.bounds(&self.value_at(*id).typed.clone(), part, depth + 1),
            Node::Select { base, .. } | Node::Only { base, .. } | Node::Align { base, .. } => self.bounds(base, part, depth + 1),
            Node::Stack { parts, .. } => {
                let all: Option<Vec<Bounds>> = parts.iter().map(|p| self.bounds(p, part, depth + 1)).collect();
                all?.into_iter().reduce(either)
            }
            Node::If { yes, no, .. } => Some(either(self.bounds(yes, part, depth + 1)?, self.bounds(no, part, depth + 1)?)),
            Node::Call(call) => self.of_call(call, part, depth + 1),
        }
    }

    fn of_call(&self, call: &Call, part: &str, depth: usize) -> Option<Bounds> {
        let signature: &Signature = self.program().operations.get(&call.op)?;
        let input = |name: &str, part: &str| {
            let given = call.inputs.iter().find(|(n, ..)| n == name).map(|(_, v, _)| v)?;
            self.bounds(given, part, depth)
        };
        let two = |of: fn(f64, f64) -> f64| corners(input("a", "")?, input("b", "")?, of);
        match call.op.as_str() {
            "field" => match call.decided.iter().find(|(n, _)| n == "name") {
                Some((_, Static::Text(name) | Static::Word(name))) => input("x", name),
                _ => None,
            },
            "pick" => input("x", part),
            "add" => two(|a, b| a + b),
            "subtract" => two(|a, b| a - b),
            "multiply" => two(|a, b| a * b),
            "negate" => input("x", "").map(|(low, high)| (-high, -low)),
            "abs" => Some(match input("x", "") {
                Some((low, high)) if low >= 0.0 => (low, high),
                Some((low, high)) => (0.0, high.max(-low)),
                None => (0.0, f64::INFINITY),
            }),
            _ => {
                let (_, words) = signature.bounds.iter().find(|(p, _)| p == part)?;
                let each = |word: &String| limit(word).map_or_else(|| input(word, part), |x| Some((x, x)));
                let all: Option<Vec<Bounds>> = words.iter().map(each).collect();
                let (low, high) = all?.into_iter().reduce(either)?;
                // One limit alone is the lower one.
                let open = matches!(words.as_slice(), [one] if limit(one).is_some());
                Some((low, if open { f64::INFINITY } else { high }))
            }
        }
    }
}
