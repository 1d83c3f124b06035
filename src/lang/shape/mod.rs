//! The algebra of shapes: what a call does with the axes of its inputs, worked out from shapes alone.
//!
//! In: an operation's rules, the shapes of its inputs, and the axis words of the call, as plain data. Out: a [`Transfer`], which says of
//! every axis what becomes of it and which argument it came from, or a [`Refusal`]. Never: expressions, messages, kernels.
//!
//! A value's shape is its axes, whether each cell holds one number for each example, and what its cells carry inside. An axis of an input is
//!
//! 1. **mapped**: the operation runs at each of its coordinates;
//! 2. **taken in whole**: named by `over:`, or by `gathers(…)` in the signature;
//!
//! and the result has
//!
//! 3. the mapped axes, then those that are **added**: by `by:` (classes, bins, groups: something with examples is split), by `at:`, by
//!    `between:` (an axis paired with itself), or by an operation that makes an axis;
//! 4. last those **kept**: taken in whole and handed out again.
//!
//! The order in which a word names several axes says nothing: axes taken in whole stand as the inputs have them, axes added stand in the
//! order of [`Transfer::split`]'s documentation.

mod outcome;
mod refusal;
mod request;
mod transfer;

#[cfg(test)]
mod tests;

pub use outcome::{Fresh, Named, Sets, Source, Split, Transfer};
pub use refusal::{Place, Refusal, What};
pub use request::{Declared, Holds, Name, Operand, Reduces, Request, Shape, Taps, Word};
pub use transfer::{takes_whole, transfer, unite};
