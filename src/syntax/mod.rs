//! Text to tree and back: the grammar's only user.
//!
//! In: source text with its place in the offset space. Out: an [`ast::File`] with every span and comment kept, and messages.
//! Never: names looked up, files read, or pest's `Rule` shown to another room.

pub mod ast;
mod build;
mod explain;
mod grammar;
mod outline;
mod parse;
mod print;
mod scan;
#[cfg(test)]
mod tests;

pub use outline::outline;
pub use parse::{EDITION, parse};
pub use print::format;
