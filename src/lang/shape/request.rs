//! What the algebra of shapes is given: the shapes of a call's inputs, and its axis words.

use super::outcome::Fresh;
use crate::lang::axes::{Attached, AxisId};
use crate::lang::signature::Gathers;

/// What each cell of a value holds, as far as splitting goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// One thing that nothing can be taken from: a number, a table, a model.
    One,
    /// One number or truth value for each example.
    PerExample,
    /// Examples themselves: a data set, a representation.
    Examples,
    /// The group that a coordinate falls into: groups of classes can be counted by bins of examples.
    Group,
}

/// What the algebra knows of a value.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Its axes, outermost first.
    pub axes: Vec<AxisId>,
    /// What each cell holds.
    pub holds: Holds,
    /// Whether it is known before the run: its axes are those of settings, and give way to parts of them.
    pub known: bool,
}

impl Shape {
    /// Returns whether something with examples is in it, which labels and data sets can sort.
    pub fn has_examples(&self) -> bool {
        matches!(self.holds, Holds::PerExample | Holds::Examples)
    }
}

/// One input of a call.
#[derive(Clone, Debug)]
pub struct Operand {
    /// The parameter it is given to.
    pub param: usize,
    /// Its shape.
    pub shape: Shape,
    /// Axes that the parameter takes in whole.
    pub gathers: Gathers,
}

/// A name in an axis word.
#[derive(Clone, Debug)]
pub struct Name {
    /// As written.
    pub text: String,
    /// The declared axis of that name, where there is one.
    pub declared: Option<Declared>,
}

/// A declared axis, as an axis word finds it.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The axis.
    pub axis: AxisId,
    /// The shape of the data sets that its coordinates stand for, where they do.
    pub sets: Option<Shape>,
}

/// The taps that `at:` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taps {
    /// The axis of the taps, or of some of them.
    pub axis: AxisId,
    /// Whether a single tap is named, outside a list: its axis is dropped again.
    pub one: bool,
}

/// What an axis word of a call asks for.
#[derive(Clone, Debug)]
pub enum Word {
    /// `by:`. `several`: more than one axis may be named.
    Splits { names: Vec<Name>, several: bool },
    /// `over:`, or what the signature says where the call does not.
    Reduces(Reduces),
    /// `between:`, each axis with its other.
    Pairs(Vec<Name>),
    /// `at:`.
    Taps(Taps),
    /// Axes that are named and nothing more: places, facets, colours. `columns`: a name may also be that of a column of an input.
    Names { names: Vec<Name>, columns: bool },
}

/// Axes to take in whole.
#[derive(Clone, Debug)]
pub enum Reduces {
    /// Those named, `example` among them.
    Named(Vec<Name>),
    /// The examples where there is one number per example, else all axes that are not split by and that no split nests in.
    Rest,
    /// All axes and the examples.
    Everything,
    /// The axis of that role or name, or the only one there is.
    Role(String),
}

/// A call, as the algebra sees it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Its inputs, in the signature's order.
    pub operands: Vec<Operand>,
    /// Axis words by parameter, in the signature's order.
    pub words: Vec<(usize, Word)>,
    /// Results inside settings: mapped over all their axes.
    pub inside: Vec<Vec<AxisId>>,
    /// Axes that settings depend on.
    pub settings: Vec<AxisId>,
    /// An axis that the operation makes.
    pub fresh: Option<Fresh>,
    /// What its inputs and the call itself carry: classes of labels, taps of a network.
    pub carries: Attached,
    /// Whether axes taken in whole reappear on the result.
    pub keeps: bool,
}
