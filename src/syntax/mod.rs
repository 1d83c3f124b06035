//! Text to tree and back: the grammar's only user.
//!
//! In: source text with its place in the offset space. Out: an [`ast::File`] with every span and comment kept, and messages.
//! Never: names looked up, files read, or pest's `Rule` shown to another room.

pub mod ast;
