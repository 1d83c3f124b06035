//! Files of weights that other programs wrote: what tensors they hold, and how those fit a network.
//!
//! In: safetensors files; PyTorch checkpoints, zip archives (since 1.6) and the older plain form; names and shapes that a network needs.
//! Out: a [`Listing`] of tensors read without their numbers, a [`names::pairing`] of them with a network's, then the numbers as `f32`.
//! Never: code from a file is run. The unpickler ([`crate::ops::foreign::pickle`]) builds data of a few known kinds and refuses every other name. Memory grows
//! with the bytes that are really there, never with what a file claims; nothing here recurses, and no file makes it panic.

pub mod import;
mod listing;
pub mod names;
mod safetensors;
mod torch;
mod zip;

#[cfg(test)]
mod tests;

pub use listing::{Entry, Listing};

use crate::ops::foreign::Unreadable;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// What a file is, told by its first bytes and never by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Safetensors,
    Zip,
    Legacy,
}

/// Returns the tensors of a file of weights, without their numbers.
///
/// Errors: the file is none of the formats, damaged, or holds what may not be built.
pub fn list(path: &Path) -> Result<Listing, Unreadable> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut head = Vec::new();
    (&mut file).take(16).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    match format(&head) {
        Some(Format::Safetensors) => safetensors::list(&mut file, length),
        Some(Format::Zip) => torch::list_zip(&mut file, length),
        Some(Format::Legacy) => torch::list_legacy(file, length),
        None => Err(Unreadable::new("is neither a safetensors file nor a PyTorch checkpoint")
            .help("weights are read from `.safetensors`, and from `.pt`, `.pth` and the like as torch.save writes them")),
    }
}

fn format(head: &[u8]) -> Option<Format> {
    match head {
        [b'P', b'K', 3, 4, ..] => Some(Format::Zip),
        // The header's length in eight bytes, of which the upper ones are zero, then an object.
        [_, _, _, _, _, 0, 0, 0, b'{', ..] => Some(Format::Safetensors),
        // A pickle of protocol 2 or later that begins with a long: torch.save's magic number.
        [0x80, 2..=5, ..] => Some(Format::Legacy),
        _ => None,
    }
}
