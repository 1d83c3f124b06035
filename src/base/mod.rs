//! What every room stands on: places in source text, content hashes, exact decimals, named random streams, diagnostics, and the
//! elementary statistics of plain numbers.
//!
//! In: bytes and numbers. Out: small values with no behaviour of their own. Never: files, threads, or a word of the language.

pub mod by_hash;
pub mod coordinates;
pub mod decimal;
pub mod diag;
pub mod hash;
pub mod name;
pub mod natural;
pub mod size;
pub mod span;
pub mod statistics;
pub mod stream;
pub mod text;
pub mod time;

/// Returns how many random cases a test tries: as many as `CFX_CASES` says, or the usual number.
#[cfg(test)]
pub(crate) fn cases(usual: u32) -> u32 {
    std::env::var("CFX_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(usual)
}

pub use by_hash::ByHash;
pub use coordinates::Coordinates;
pub use decimal::Decimal;
pub use diag::{Diag, Diags, Severity};
pub use hash::{Hash, Hasher};
pub use name::Name;
pub use natural::natural;
pub use span::{SourceFile, SourceMap, Span};
pub use stream::Stream;
