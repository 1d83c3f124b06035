//! Which format a file of weights has, and its tensors whatever that is.

use super::listing::Listing;
use super::{safetensors, torch};
use crate::ops::foreign::{Unreadable, named};
use crate::plan::seen;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// What a file is, told by its first bytes and never by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Safetensors,
    Zip,
    Legacy,
}

/// Returns the tensors of a file of weights, without their numbers; of a checkpoint, those that the keys `at` lead to, where they are given.
///
/// Errors: it holds none; the file is none of the formats, damaged, or holds what may not be built.
pub fn list(path: &Path, at: Option<&str>) -> Result<Listing, Unreadable> {
    let mut file = seen::open(path)?;
    let length = file.metadata()?.len();
    let mut head = Vec::new();
    (&mut file).take(named::ENOUGH as u64).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    if head.is_empty() {
        return Err(Unreadable::new("is empty"));
    }
    if let Some(why) = named::stranger(&head) {
        return Err(why);
    }
    let format = format(&head);
    if let (Some(at), Some(Format::Safetensors)) = (at, format) {
        return Err(Unreadable::new(format!("is a safetensors file, in which there is nothing under `{at}`"))
            .help("leave `at:` out: all its tensors are at one level"));
    }
    let listing = match format {
        Some(Format::Safetensors) => safetensors::list(&mut file, length),
        Some(Format::Zip) => torch::list_zip(path, at),
        Some(Format::Legacy) => torch::list_legacy(file, length, at),
        None => Err(unknown(&head)),
    }?;
    if listing.entries.is_empty() {
        return Err(Unreadable::new("holds no tensors").help("save the weights of the network into it"));
    }
    Ok(listing)
}

/// Returns why a file that begins so is no file of weights.
fn unknown(head: &[u8]) -> Unreadable {
    match head {
        [b'{' | b'[', ..] => Unreadable::new("is JSON: settings, or the list of the files that weights are spread over")
            .help("name the file of weights itself; weights in several files are put together first, `model.save_pretrained(path, max_shard_size=\"1000GB\")`"),
        [0x93, b'N', b'U', b'M', ..] => Unreadable::new("is a NumPy array, which has no names of weights")
            .help("save the weights by name: `safetensors.numpy.save_file({\"fc.weight\": w}, path)`"),
        _ => Unreadable::new("is neither a safetensors file nor a PyTorch checkpoint")
            .help("weights are read from `.safetensors`, and from `.pt`, `.pth` or `.th` as torch.save writes them"),
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
