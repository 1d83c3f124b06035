//! A call's arguments, sorted into inputs, axis words and settings.

use super::axes::AxisId;
use super::scope::DefId;
use super::static_value::Static;
use super::statics::NetworkRef;
use super::typed::{Typed, Written};
use crate::base::Span;
use crate::syntax::ast::Expr;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A call's arguments, sorted.
#[derive(Default)]
pub(super) struct Parts<'a> {
    /// Inputs by parameter: index, values, whether they were given as a list.
    pub inputs: Vec<(usize, Vec<Rc<Typed>>, bool)>,
    /// Axis words by parameter: index, module, expression.
    pub axis_words: Vec<(usize, usize, &'a Expr)>,
    pub written: BTreeMap<String, Written>,
    pub recipe: Option<Written>,
    pub recipe_source: Option<(usize, &'a Expr)>,
    /// `let`s that settings with results inside were followed through.
    pub inside_lets: Vec<DefId>,
    pub inside: Vec<(Span, String, Rc<Typed>)>,
    pub decided: Vec<(String, Static)>,
    pub seed: Option<Written>,
    /// Axes that settings depend on.
    pub setting_axes: Vec<AxisId>,
    pub networks: Vec<NetworkRef>,
}
