//! What becomes of each axis of a call.

use crate::lang::axes::AxisId;

/// An axis that the operation makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// The setting or word that it goes by.
    pub name: String,
    /// The axis.
    pub axis: AxisId,
}

/// Where an axis of a transfer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The input of that index.
    Operand(usize),
    /// A result inside a setting.
    Inside(usize),
    /// The data sets behind an axis word.
    Sets(usize),
    /// A setting that depends on it.
    Setting,
}

/// An axis to split by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The parameter.
    pub param: usize,
    /// Which of the parameter's splits it is, from 0.
    pub number: usize,
    /// The axis that the result gains.
    pub axis: AxisId,
}

/// A further input: the data sets that an axis word stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sets {
    /// The parameter.
    pub param: usize,
    /// Which of the parameter's names it is, as written.
    pub name: usize,
    /// Which of the parameter's splits it is, where it splits.
    pub number: Option<usize>,
    /// Their axes that are taken in whole.
    pub whole: Vec<AxisId>,
}

/// What an axis word that only names comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// An axis.
    Axis(AxisId),
    /// A column of a table, or nothing that the algebra knows.
    Column(String),
}

/// What becomes of each axis of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transfer {
    /// The axes of each input, parts of axes taken over where they are known before the run.
    pub operands: Vec<Vec<AxisId>>,
    /// Axes mapped over, outermost first, each with what brought it.
    pub mapped: Vec<(AxisId, Source)>,
    /// Axes taken in whole, for each input, as the input has them.
    pub whole: Vec<Vec<AxisId>>,
    /// Data sets that axis words stand for.
    pub sets: Vec<Sets>,
    /// Axes split by: classes first, then others by their coordinates and the place of their declaration.
    pub split: Vec<Split>,
    /// Each axis paired with itself, in the first input's order, with its other.
    pub pairs: Vec<(AxisId, AxisId)>,
    /// The taps, or the axis that the operation makes, with its name.
    pub added: Option<Fresh>,
    /// Whether a single tap was asked for: the axis added is dropped again.
    pub one_tap: bool,
    /// Axes taken in whole that reappear.
    pub kept: Vec<AxisId>,
    /// What each axis word that only names comes to, by parameter.
    pub named: Vec<(usize, Vec<Named>)>,
    /// Whether examples are taken in.
    pub example: bool,
    /// Whether a number per example of some input is left.
    pub example_left: bool,
    /// The result's axes, outermost first.
    pub axes: Vec<AxisId>,
}

impl Transfer {
    /// Returns the axes mapped over.
    pub fn mapped_axes(&self) -> Vec<AxisId> {
        self.mapped.iter().map(|(a, _)| *a).collect()
    }
}
