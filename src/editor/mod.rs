//! What an editor asks of a script: messages with their mends, what a name means, where it is declared, what may stand at a place.
//!
//! In: a script's text and places in it. Out: plain data. Never: the protocol of an editor, a terminal, a run.

mod callee;
mod complete;
mod context;
mod document;
mod hover;
mod lines;
mod mend;
mod mention;
pub mod pages;
mod rename;
mod symbol;
#[cfg(test)]
mod tests;

pub use complete::{Completion, Sort, complete};
pub use document::{Document, Target, Where};
pub use hover::{Hover, SignatureHelp, hover, signature_help};
pub use lines::Lines;
pub use mend::{Mend, mends};
pub use rename::{Edit, Refusal, definition, references, rename};
pub use symbol::{Hint, Symbol, hints, symbols};
