//! What other programs write, as far as more than one operation reads it, and files of tensors.
//!
//! In: bytes. Out: plain data, or why they cannot be used. Never: running what a file says; memory beyond what the file really holds.

mod global;
mod items;
mod machine;
pub mod named;
pub mod packed;
pub mod pickle;
pub mod tensors;
pub mod zip;

use half::{bf16, f16};

/// Why a file cannot be used: words that follow its name, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Follows the file's name: `is cut short`.
    pub words: String,
    /// What to do.
    pub help: Option<String>,
}

impl Unreadable {
    /// Returns a reason.
    pub fn new(words: impl Into<String>) -> Self {
        Unreadable { words: words.into(), help: None }
    }

    /// Adds what to do.
    pub fn help(self, words: impl Into<String>) -> Self {
        Unreadable { help: Some(words.into()), ..self }
    }
}

impl From<std::io::Error> for Unreadable {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::UnexpectedEof => Unreadable::new("is cut short"),
            _ => Unreadable::new(format!("cannot be read: {error}")),
        }
    }
}

/// What numbers a tensor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// IEEE floats of 64, 32 and 16 bits.
    F64,
    /// See `F64`.
    F32,
    /// See `F64`.
    F16,
    /// The upper half of an F32.
    Bf16,
    /// Anything else, by its size in bytes: whole numbers, truth values. Never part of a network here.
    Other(usize),
}

impl Kind {
    /// Returns the size of a number in bytes.
    pub fn size(self) -> usize {
        match self {
            Kind::F64 => 8,
            Kind::F32 => 4,
            Kind::F16 | Kind::Bf16 => 2,
            Kind::Other(size) => size,
        }
    }

    /// Returns the number that the bytes stand for, rounded to the nearest `f32`; bytes of another kind make none.
    pub fn number(self, b: &[u8]) -> Option<f32> {
        Some(match (self, b) {
            (Kind::F64, b) => f64::from_le_bytes(b.try_into().ok()?) as f32,
            (Kind::F32, b) => f32::from_le_bytes(b.try_into().ok()?),
            (Kind::F16, b) => f16::from_le_bytes(b.try_into().ok()?).to_f32(),
            (Kind::Bf16, b) => bf16::from_le_bytes(b.try_into().ok()?).to_f32(),
            (Kind::Other(_), _) => return None,
        })
    }
}
