//! What the algebra of shapes refuses, as data: [`super::super::refusals`] puts it into words.

use crate::lang::axes::AxisId;

/// Where in a call something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The call as a whole.
    Call,
    /// A name in an axis word: the parameter, and which of its names.
    Name { param: usize, name: usize },
}

/// Why a call has no shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Two axes of one name meet that are not the same.
    SameName { one: AxisId, other: AxisId },
    /// Two parts of one axis meet that have different coordinates.
    CoordinatesDiffer { axis: AxisId },
    /// No axis of that name is there. `known`: those that could be named.
    Unknown { name: String, known: Vec<AxisId> },
    /// `example` is named where no input has a number per example.
    NoExamples { union: Vec<AxisId> },
    /// A declared axis that no input depends on, and whose coordinates are no data sets.
    NotThere { name: String, union: Vec<AxisId> },
    /// The axis is to be paired with itself, and the first input does not have it.
    NotPaired { name: String, first: Vec<AxisId> },
    /// Values without examples are to be split by labels or by data sets.
    NothingToSplit { name: String },
    /// Examples are to be averaged over their classes: `by:` splits them, `over: example` reduces them.
    ClassOfExamples,
    /// Examples of several data sets with classes of their own are to be split by class.
    SeveralClasses,
    /// An operation that splits by one axis is to split by two.
    TwoSplits { before: AxisId },
    /// An axis is named twice.
    Doubled { name: String },
    /// An axis is named in two places of a figure. `before`: the parameter that has it already.
    TwoPlaces { axis: AxisId, before: usize },
    /// A setting depends on an axis that is taken in whole: it would have to be many settings at once.
    SettingTaken { axis: AxisId },
    /// An axis is both to stay and to be taken in whole.
    KeptAndReduced { axis: AxisId },
    /// The operation works along one axis and does not know which. `free`: those that there are.
    WhichAxis { param: usize, free: Vec<AxisId> },
}

/// A call that has no shape: what is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Where.
    pub place: Place,
    /// What.
    pub what: What,
}
