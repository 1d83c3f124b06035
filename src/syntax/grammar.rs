//! The parser that pest makes from `grammar/cfx.pest`; its `Rule` stays in this room.

/// The generated parser.
#[derive(pest_derive::Parser)]
#[grammar = "grammar/cfx.pest"]
pub struct Grammar;
