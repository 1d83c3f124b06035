//! Text to tree and back: the grammar's only user.
//!
//! In: source text with its place in the offset space. Out: an [`ast::File`] with every span and comment kept, and messages.
//! Also the way back: [`format`] writes a tree in the house style, [`outline`] shows it without places.
//! The grammar is `grammar/cfx.pest`; `scan` looks at depth and comments first, `parse` runs the grammar, `build` makes the
//! tree, `explain` says why a declaration could not be read: `foreign`, `marks` and `beginnings` where it is written as in another
//! language, `commas` and `meant` with the text that is meant, `guesses` where words follow one another with nothing between them.
//! Never: names looked up, files read, or pest's `Rule` shown to another room.

pub mod ast;
mod beginnings;
mod build;
mod builder;
mod commas;
mod explain;
mod foreign;
mod grammar;
mod guesses;
mod layout;
mod literal;
mod marks;
mod meant;
mod operands;
mod outline;
mod parse;
mod print;
mod printer;
mod rows;
pub mod scan;
mod slice;
#[cfg(test)]
mod tests;

pub use grammar::EDITION;
pub use outline::outline;
pub use parse::parse;
pub use print::format;
