//! Which format a file of weights has, and its tensors whatever that is.

use super::listing::Listing;
use super::{safetensors, torch};
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
