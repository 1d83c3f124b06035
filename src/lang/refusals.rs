//! What the algebra of shapes refuses, in words.

use super::axes::AxisId;
use super::checker::Checker;
use super::kind::Kind;
use super::shape::{Place, Refusal, What};
use super::signature::{AxisWord, Signature};
use super::suggest::nearest_or_list;
use super::typed::{Node, Typed};
use crate::base::text::shorten;
use crate::base::{Diag, Span};
use crate::syntax::ast::{Expr, ExprKind, ItemKind, Keyword};
use std::rc::Rc;

impl<'a> Checker<'a> {
    /// Returns the message for a call that has no shape. `of`: what it is about, its first input.
    pub(super) fn refused(
        &self,
        signature: &Signature,
        words: &[(usize, usize, &Expr)],
        refusal: &Refusal,
        of: Option<&Rc<Typed>>,
        call: Span,
    ) -> Diag {
        let span = match refusal.place {
            Place::Call => call,
            Place::Name { param, name } => {
                let word = words.iter().find(|(i, _, _)| *i == param).map(|(_, _, e)| *e);
                word.map_or(call, |e| item(e, name).span)
            }
        };
        let diag = self.refused_at(Some((signature, refusal.place, of.map_or(call, |v| v.span))), &refusal.what, span);
        match (&refusal.what, of.and_then(|v| self.each_example(v))) {
            (What::NothingToSplit { name }, Some(each)) => {
                diag.help(format!("split one number per example: `mean({each}, by: {name})`"))
            }
            (What::NotThere { name, .. } | What::NotPaired { name, .. }, _) if self.is_axis_of_numbers(name, span) => {
                match of.and_then(|v| self.unseeded(v)) {
                    Some(op) => diag.help(format!(
                        "`{op}` draws random numbers once here: give it `seed: {name}`, to have one for each `{name}`"
                    )),
                    None => diag,
                }
            }
            _ => diag,
        }
    }

    /// Returns whether an axis of that name is declared over whole numbers, as seeds are.
    fn is_axis_of_numbers(&self, name: &str, from: Span) -> bool {
        let program = self.program();
        let Some(def) = program.find(program.module_at(from), name) else { return false };
        match &program.item(def).kind {
            ItemKind::Bind { keyword: Keyword::Axis, value, .. } => match &value.kind {
                ExprKind::Range(..) => true,
                ExprKind::List(items) => items.iter().all(|e| program.sources.text(e.span).parse::<u64>().is_ok()),
                _ => false,
            },
            _ => false,
        }
    }

    /// Returns the operation that makes the model which a value is of, where no seed is given to it.
    fn unseeded(&self, value: &Typed) -> Option<String> {
        match &value.node {
            Node::Value(id) => self.unseeded(&self.value_at(*id).typed),
            Node::Select { base, .. } => self.unseeded(base),
            Node::Call(call) if value.kind == Kind::Model => {
                let random = self.program().operations.get(&call.op).is_some_and(|s| s.random);
                (random && call.seed.is_none()).then(|| call.op.clone())
            }
            Node::Call(call) => call.inputs.iter().find_map(|(_, v, _)| self.unseeded(v)),
            _ => None,
        }
    }

    /// Returns what gives one number per example where a value is the mean of such numbers, as written.
    fn each_example(&self, value: &Typed) -> Option<String> {
        match &value.node {
            Node::Value(id) => self.each_example(&self.value_at(*id).typed),
            Node::Select { base, .. } => self.each_example(base),
            Node::Call(call) => {
                let each = match call.op.as_str() {
                    "accuracy" => "correct",
                    "loss" => "example_loss",
                    _ => return None,
                };
                let inputs: Vec<&str> = call.inputs.iter().map(|(_, v, _)| self.program().sources.text(v.span)).collect();
                Some(shorten(&format!("{each}({})", inputs.join(", "))))
            }
            _ => None,
        }
    }

    /// Returns the message for a refusal at a place in the text. `word`: the operation, which of its axis words is to blame, and
    /// what the call is about.
    pub(super) fn refused_at(&self, word: Option<(&Signature, Place, Span)>, what: &What, span: Span) -> Diag {
        let param = |i: usize| word.map_or("over", |(s, _, _)| s.params[i].name.name.as_str());
        let operation = word.map_or("this", |(s, _, _)| s.name.as_str());
        let of = word.map_or("this".to_string(), |(_, _, of)| shorten(self.program().sources.text(of)));
        match what {
            What::SameName { one, other } => {
                let (one, two) = (self.axes().get(*one), self.axes().get(*other));
                Diag::error("cfx::axis::same_name", span, format!("two axes are called `{}` and are not the same", one.name))
                    .label(one.span, "one comes from here")
                    .label(two.span, "the other from here")
                    .help(format!("if they mean the same, say so: `align(a, b, axis: {})` is b over the axis of a", one.name))
            }
            What::CoordinatesDiffer { axis } => {
                let message = format!("the axis `{}` has different coordinates in the two arguments", self.axes().name(*axis));
                Diag::error("cfx::axis::coordinates_differ", span, message).help("select the same coordinates on both sides")
            }
            What::Unknown { name, known } => {
                let mut names: Vec<&str> = known.iter().map(|a| self.axes().name(*a)).collect();
                names.sort_unstable();
                names.dedup();
                let help = match name.as_str() {
                    "snapshot" => "select snapshots of the model: `m[snapshot: all]`".to_string(),
                    "example" if names.contains(&"class") => {
                        "each example has its own value until it is reduced; `over: example` reduces over the examples"
                            .to_string()
                    }
                    "label" | "labels" | "target" | "classes" | "y" if names.contains(&"class") || word.is_some() => {
                        "labels are the axis `class`: `by: class` sorts examples by them".to_string()
                    }
                    "examples" | "samples" | "rows" | "instances" | "items" => {
                        "the axis of examples is called `example`: `over: example` reduces over them".to_string()
                    }
                    _ if names.is_empty() => "the arguments have no axes".to_string(),
                    "all" | "everything" if param_is_over(word) => {
                        format!("name the axes, several of them in a list: `over: [{}]`", names.join(", "))
                    }
                    _ => nearest_or_list(name, &names),
                };
                Diag::error("cfx::axis::unknown", span, format!("there is no axis `{name}` here")).help(help)
            }
            What::NoExamples { union } => Diag::error("cfx::axis::unknown", span, "this has no axis `example`")
                .help(format!("there is one number a cell here, none per example; its axes are {}", self.listed(union))),
            What::NotThere { name, union } => {
                let message = format!("the arguments do not depend on the axis `{name}`");
                let help = match word.and_then(|(s, place, _)| place_takes(s, place)) {
                    Some(AxisWord::Splits) => {
                        "an axis splits a value where its coordinates are data sets, such as bins or groups".to_string()
                    }
                    _ if union.is_empty() => "they are single values, which have no axes".to_string(),
                    _ => format!("their axes are {}", self.listed(union)),
                };
                Diag::error("cfx::axis::not_there", span, message).help(help)
            }
            What::NotPaired { name, first } => {
                Diag::error("cfx::axis::not_there", span, format!("there is no axis `{name}` to pair with itself"))
                    .help(format!("its axes are {}", self.listed(first)))
            }
            What::NothingToSplit { name } => {
                let message = format!("`{of}` has one number a cell, none per example, and no axis `{name}`");
                let help = format!(
                    "give it one number per example, such as `correct(m, data)` or `example_loss(m, data)`: `mean(correct(m, data), by: {name})`"
                );
                Diag::error("cfx::axis::no_examples", span, message).help(help)
            }
            What::ClassOfExamples => {
                Diag::error("cfx::axis::not_there", span, "there is one number per example here, and no axis `class` to reduce")
                    .help("`by: class` sorts examples by their labels, `over: example` averages over them")
            }
            What::SeveralClasses => {
                let message = "these examples come from data sets with different classes, so `class` is not one axis";
                Diag::error("cfx::axis::several_classes", span, message).help(
                    "select one of the data sets first, or make one class axis of them: `align(a, b, axis: class)` after splitting each",
                )
            }
            What::TwoSplits { before } => {
                let message =
                    format!("this is split by one axis at a time, and `{}` is already given", self.axes().name(*before));
                Diag::error("cfx::axis::two_splits", span, message).help("name one; reductions take several")
            }
            What::Doubled { name } => {
                Diag::error("cfx::axis::doubled", span, format!("the axis `{name}` is given twice")).help("name each axis once")
            }
            What::TwoPlaces { axis, before } => {
                let message = format!("the axis `{}` is already `{}:` here", self.axes().name(*axis), param(*before));
                Diag::error("cfx::axis::doubled", span, message).help("give each axis one place")
            }
            What::SettingTaken { axis } => {
                let name = self.axes().name(*axis);
                let message = format!("a setting depends on the axis `{name}`, whose coordinates all go into one result here");
                Diag::error("cfx::axis::taken", span, message)
                    .help(format!("the setting must be the same for all coordinates of `{name}`"))
            }
            What::KeptAndReduced { axis } => {
                let name = self.axes().name(*axis);
                Diag::error("cfx::axis::doubled", span, format!("`by:` keeps the axis `{name}`, and `over:` reduces it"))
                    .help(format!("name `{name}` in one of them"))
            }
            What::WhichAxis { param: i, free } if free.is_empty() => {
                let message = format!("`{operation}` works along an axis, and this is a single value");
                let help = format!("give it a value over classes, runs or stages; `{}:` names the axis", param(*i));
                Diag::error("cfx::axis::which", span, message).help(help)
            }
            What::WhichAxis { param: i, free } => Diag::error(
                "cfx::axis::which",
                span,
                format!("`{operation}` must know along which axis"),
            )
            .help(format!("write `{}: …` with one of {}", param(*i), self.listed(free))),
        }
    }

    /// Returns names of axes as a list in a sentence.
    pub(super) fn listed(&self, axes: &[AxisId]) -> String {
        let mut names: Vec<String> = axes.iter().map(|a| format!("`{}`", self.axes().name(*a))).collect();
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|n| seen.insert(n.clone()));
        if names.is_empty() { "none".to_string() } else { names.join(", ") }
    }
}

/// Returns the names of an axis word: the elements of a list, or the one expression.
pub(super) fn items(e: &Expr) -> Vec<&Expr> {
    match &e.kind {
        ExprKind::List(items) => items.iter().collect(),
        _ => vec![e],
    }
}

fn item(e: &Expr, at: usize) -> &Expr {
    items(e).get(at).copied().unwrap_or(e)
}

fn place_takes(signature: &Signature, place: Place) -> Option<AxisWord> {
    match place {
        Place::Name { param, .. } => signature.takes[param].axis,
        Place::Call => None,
    }
}

/// Returns whether the word to blame names axes that are reduced over.
fn param_is_over(word: Option<(&Signature, Place, Span)>) -> bool {
    matches!(word.and_then(|(s, place, _)| place_takes(s, place)), Some(AxisWord::Reduces))
}
