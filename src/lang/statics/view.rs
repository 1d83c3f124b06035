//! What settings are evaluated against: a view on what is known of a script.

use crate::base::{SourceMap, Span};
use crate::lang::axes::{Axes, AxisId, Coordinate};
use crate::lang::lets::Lets;
use crate::lang::scope::{DefId, Program, declared};
use crate::lang::static_value::Static;
use crate::lang::typed::{Script, Written};
use crate::syntax::ast::{self, ItemKind};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The coordinates at which a setting is evaluated.
pub type Env = BTreeMap<AxisId, Rc<Coordinate>>;

/// What settings are evaluated against.
#[derive(Clone, Copy)]
pub struct Statics<'a> {
    /// Files and names.
    pub program: &'a Program,
    /// All axes.
    pub axes: &'a Axes,
    /// Axis declarations seen so far.
    pub declared_axes: &'a BTreeMap<DefId, AxisId>,
    /// Expressions behind named coordinates.
    pub coordinate_values: &'a BTreeMap<AxisId, Vec<Written>>,
    /// Values of parameters.
    pub params: &'a BTreeMap<DefId, Static>,
    /// Values of `let`s that depend on no axis.
    pub lets: &'a Lets,
    /// Where axes are noted whose coordinates are looked at: what is evaluated depends on no others.
    pub read: Option<&'a RefCell<BTreeSet<AxisId>>>,
    /// The texts, where what is evaluated stands in none of the script's: it was given from outside.
    pub outside: Option<&'a SourceMap>,
}

/// A network with the arguments it is given.
#[derive(Clone, Debug)]
pub struct NetworkRef {
    /// The declaration.
    pub def: DefId,
    /// The arguments given, by parameter.
    pub args: Vec<(String, Static)>,
    /// Where it is named.
    pub span: Span,
}

impl<'a> Statics<'a> {
    /// Returns a view on a checked script.
    pub fn of(program: &'a Program, script: &'a Script) -> Self {
        Statics {
            program,
            axes: &script.axes,
            declared_axes: &script.declared_axes,
            coordinate_values: &script.coordinate_values,
            params: &script.params,
            lets: &script.lets,
            read: None,
            outside: None,
        }
    }

    /// Returns the text under a span.
    pub(super) fn text(&self, span: Span) -> &'a str {
        self.outside.unwrap_or(&self.program.sources).text(span)
    }

    /// Returns the same view, which notes the axes whose coordinates are looked at.
    pub fn noting(self, read: &'a RefCell<BTreeSet<AxisId>>) -> Self {
        Statics { read: Some(read), ..self }
    }

    pub(super) fn note(&self, axis: AxisId) {
        if let Some(read) = self.read {
            read.borrow_mut().insert(axis);
        }
    }

    /// Returns the place of a declaration's name.
    pub(super) fn place(&self, def: DefId) -> Span {
        let item = self.program.item(def);
        declared(&item.kind).map_or(item.span, |n| n.span)
    }

    /// Returns whether the value of a `let` depends on an axis, be it through other `let`s.
    pub(super) fn varies(&self, def: DefId) -> bool {
        if let Some(known) = self.lets.varies(def) {
            return known;
        }
        let is = |d: DefId, wanted: ast::Keyword| matches!(&self.program.item(d).kind, ItemKind::Bind { keyword, .. } if *keyword == wanted);
        for below in self.program.order().below(def, |d| is(d, ast::Keyword::Let) && self.lets.varies(d).is_none()) {
            let through =
                |d: &DefId| is(*d, ast::Keyword::Axis) || is(*d, ast::Keyword::Let) && self.lets.varies(*d) == Some(true);
            let varies = is(below, ast::Keyword::Axis) || self.program.order().mentions(below).iter().any(through);
            self.lets.note(below, varies);
        }
        self.lets.varies(def).unwrap_or(true)
    }

    /// Returns the coordinate here of an axis declaration.
    pub(super) fn coordinate<'e>(&self, def: DefId, env: &'e Env) -> Option<(AxisId, &'e Coordinate)> {
        let axis = *self.declared_axes.get(&def)?;
        let (own, here) = env.iter().find(|(a, _)| self.axes.whole(**a) == axis)?;
        self.note(*own);
        Some((axis, here))
    }

    /// Returns the axis here of a name that no declaration has: one that values have by themselves, such as `stage`.
    pub(super) fn own<'e>(&self, name: &str, env: &'e Env) -> Option<(AxisId, &'e Coordinate)> {
        let (axis, here) = env.iter().find(|(a, _)| self.axes.name(**a) == name)?;
        self.note(*axis);
        Some((*axis, here))
    }

    /// Returns the expression behind a named coordinate.
    pub(super) fn behind(&self, axis: AxisId, coordinate: &Coordinate) -> Option<&'a Written> {
        let values = self.coordinate_values.get(&axis)?;
        let at = self.axes.get(axis).coordinates.as_ref()?.iter().position(|c| c.text == coordinate.text)?;
        values.get(at)
    }
}
