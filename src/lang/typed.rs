//! The typed tree: every name resolved, every value with its kind and axes. What the plan is made from.

use super::axes::{Attached, Axes, AxisId, Pick};
use super::kind::Kind;
use super::lets::Lets;
use super::scope::DefId;
use super::shape::{Split, Transfer};
use super::signature::Signature;
use super::static_value::Static;
use crate::base::Span;
use crate::syntax::ast;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A checked script.
#[derive(Clone, Debug)]
pub struct Script {
    /// Title of the experiment.
    pub title: String,
    /// Root seed.
    pub seed: u64,
    /// All axes.
    pub axes: Axes,
    /// Declared values of the script and of the files it uses.
    pub values: Vec<ValueDecl>,
    /// Values of the script's own declarations, in the order written.
    pub order: Vec<ValueId>,
    /// Axis declarations whose coordinates are known, by declaration.
    pub declared_axes: BTreeMap<DefId, AxisId>,
    /// Coordinates' expressions of `axis` declarations with named values: networks, recipes, settings.
    pub coordinate_values: BTreeMap<AxisId, Vec<Rc<(usize, ast::Expr)>>>,
    /// Values of parameters.
    pub params: BTreeMap<DefId, Static>,
    /// Parameters that were given other values from outside (`--set`): name, value and default as written (empty where there is none).
    pub overrides: Vec<(String, String, String)>,
    /// Values of `let`s that depend on no axis.
    pub lets: Lets,
}

/// A value's index in [`Script::values`].
pub type ValueId = usize;

/// A declared value.
#[derive(Clone, Debug)]
pub struct ValueDecl {
    /// Its declaration.
    pub def: DefId,
    /// Its keyword.
    pub keyword: ast::Keyword,
    /// Its name, or its title.
    pub name: String,
    /// Its expression.
    pub typed: Rc<Typed>,
    /// Doc comment.
    pub doc: Option<String>,
    /// The whole declaration.
    pub span: Span,
}

/// A checked expression.
#[derive(Clone, Debug)]
pub struct Typed {
    /// What it is.
    pub node: Node,
    /// What each cell holds.
    pub kind: Kind,
    /// Its axes, outermost first.
    pub axes: Vec<AxisId>,
    /// Axes that its cells carry inside.
    pub attached: Attached,
    /// The data set that its examples come from.
    pub examples: Option<Rc<Typed>>,
    /// Where it is written.
    pub span: Span,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub enum Node {
    /// What an error left behind.
    Error,
    /// Known before the run at each coordinate of its axes: an expression, as seen from a module.
    Static(usize, Rc<ast::Expr>),
    /// A declared value.
    Value(ValueId),
    /// A built-in applied.
    Call(Box<Call>),
    /// Coordinates chosen: axes dropped at one coordinate, axes cut to some.
    Select { base: Rc<Typed>, fixed: Vec<(AxisId, Pick)>, parts: Vec<(AxisId, AxisId)> },
    /// One value for each coordinate of a declared axis.
    Stack { axis: AxisId, parts: Vec<Rc<Typed>> },
    /// One of two values, by a condition known before the run.
    If { module: usize, condition: Rc<ast::Expr>, yes: Rc<Typed>, no: Rc<Typed> },
    /// A value at some combinations of its axes' coordinates, absent at the others.
    Only { base: Rc<Typed>, chosen: Chosen },
    /// A value whose axis takes the identity of another axis, coordinates matched by name.
    Align { base: Rc<Typed>, from: AxisId, to: AxisId },
}

/// Which combinations of coordinates are meant: those at which a condition holds, and of these a number drawn at random (with a seed).
#[derive(Clone, Debug)]
pub struct Chosen {
    pub condition: Option<Written>,
    pub count: Option<(usize, u64)>,
}

/// A setting as written: an expression, as seen from a module.
pub type Written = Rc<(usize, ast::Expr)>;

/// Wraps an expression as written in a module.
pub fn written(module: usize, expr: &ast::Expr) -> Written {
    Rc::new((module, expr.clone()))
}

/// A built-in applied.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The operation's name.
    pub op: String,
    /// Inputs: parameter's name (with `.0`, `.1`, … for the elements of a list), value, axes taken in whole. The data sets that axis words
    /// stand for come last.
    pub inputs: Vec<(String, Rc<Typed>, Vec<AxisId>)>,
    /// Settings written, by parameter's name; defaults are filled in later.
    pub written: BTreeMap<String, Written>,
    /// The recipe given, whose fields come after what is written.
    pub recipe: Option<Written>,
    /// Inputs inside settings, by the place of the argument: slot's name, value.
    pub inside: Vec<(Span, String, Rc<Typed>)>,
    /// Settings that the checker decides: axis words, titles.
    pub decided: Vec<(String, Static)>,
    /// Where axis words stand, by parameter's name.
    pub places: Vec<(String, Span)>,
    /// `seed:` where given.
    pub seed: Option<Written>,
    /// What becomes of each axis.
    pub transfer: Transfer,
}

impl Call {
    /// Returns the settings that stand for a coordinate in each cell, with their axes: `by`, `by.1`, …, and what the operation adds.
    pub fn coordinates(&self, signature: &Signature) -> Vec<(String, AxisId)> {
        let name = |s: &Split| match s.number {
            0 => signature.params[s.param].name.name.clone(),
            n => format!("{}.{n}", signature.params[s.param].name.name),
        };
        let split = self.transfer.split.iter().map(|s| (name(s), s.axis));
        split.chain(self.transfer.added.iter().map(|f| (f.name.clone(), f.axis))).collect()
    }
}

impl Typed {
    /// Returns what an error leaves behind.
    pub fn error(span: Span) -> Rc<Typed> {
        Rc::new(Typed {
            node: Node::Error,
            kind: Kind::Unknown,
            axes: Vec::new(),
            attached: Attached::default(),
            examples: None,
            span,
        })
    }

    /// Returns whether this is what an error left behind.
    pub fn is_error(&self) -> bool {
        matches!(self.kind, Kind::Unknown)
    }

    /// Returns the declared values that cells of this are made from, in the order named.
    pub fn mentions(&self) -> Vec<ValueId> {
        let mut out = Vec::new();
        self.collect(&mut out);
        out
    }

    fn collect(&self, out: &mut Vec<ValueId>) {
        match &self.node {
            Node::Error | Node::Static(..) => {}
            Node::Value(id) => out.push(*id),
            Node::Call(call) => {
                call.inputs.iter().for_each(|(_, v, _)| v.collect(out));
                call.inside.iter().for_each(|(_, _, v)| v.collect(out));
            }
            Node::Select { base, .. } | Node::Align { base, .. } | Node::Only { base, .. } => base.collect(out),
            Node::Stack { parts, .. } => parts.iter().for_each(|p| p.collect(out)),
            Node::If { yes, no, .. } => [yes, no].into_iter().for_each(|v| v.collect(out)),
        }
    }

    /// Adds the coordinates that a selection written at a place chooses, here or in what this is made from.
    pub fn fixed_at(&self, place: Span, out: &mut Vec<(AxisId, Pick)>) {
        match &self.node {
            Node::Error | Node::Static(..) | Node::Value(_) => {}
            Node::Call(call) => call.inputs.iter().for_each(|(_, v, _)| v.fixed_at(place, out)),
            Node::Select { base, fixed, .. } => {
                if self.span == place {
                    out.extend(fixed.iter().cloned());
                }
                base.fixed_at(place, out);
            }
            Node::Align { base, .. } | Node::Only { base, .. } => base.fixed_at(place, out),
            Node::Stack { parts, .. } => parts.iter().for_each(|p| p.fixed_at(place, out)),
            Node::If { yes, no, .. } => [yes, no].into_iter().for_each(|v| v.fixed_at(place, out)),
        }
    }

    /// Returns the type in words: `model over noise(6) × run(10) = 60 cells`.
    pub fn describe(&self, axes: &Axes) -> String {
        if self.axes.is_empty() {
            return self.kind.to_string();
        }
        let mut count = Some(1usize);
        let parts: Vec<String> = self
            .axes
            .iter()
            .map(|a| match &axes.get(*a).coordinates {
                Some(c) => {
                    count = count.and_then(|n| n.checked_mul(c.len()));
                    format!("{}({})", axes.name(*a), c.len())
                }
                None => {
                    count = None;
                    format!("{}(?)", axes.name(*a))
                }
            })
            .collect();
        let cells = count.map_or(String::new(), |n| format!(" = {n} cell{}", if n == 1 { "" } else { "s" }));
        format!("{} over {}{cells}", self.kind, parts.join(" × "))
    }
}
