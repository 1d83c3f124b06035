//! The parser that pest makes from `grammar/cfx.pest`; its `Rule` stays in this room.

/// The generated parser.
#[derive(pest_derive::Parser)]
#[grammar = "grammar/cfx.pest"]
pub struct Grammar;

/// The edition of the language that this build reads.
pub const EDITION: u32 = 1;

/// How many messages of a kind are given for one file.
pub(super) const MOST_MESSAGES: usize = 100;
