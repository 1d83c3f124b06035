//! safetensors: eight bytes of length, a JSON header, then the numbers (huggingface/safetensors, format 0.x).

use super::listing::{Block, Entry, Listing, contiguous};
use crate::base::text::on_a_line;
use crate::ops::foreign::{Kind, Unreadable};
use serde_json::Value as Json;
use std::fs::File;
use std::io::Read;

/// Longest header that is read; the reference implementation's limit.
const HEADER: u64 = 100_000_000;

/// Returns the tensors of a safetensors file of that length.
///
/// Errors: the header is no header, or its tensors do not lie within the file.
pub fn list(file: &mut File, length: u64) -> Result<Listing, Unreadable> {
    let mut eight = [0u8; 8];
    file.read_exact(&mut eight)?;
    let header = u64::from_le_bytes(eight);
    if header > HEADER || header > length.saturating_sub(8) {
        return Err(Unreadable::new("is cut short, or not a safetensors file: its header would not fit"));
    }
    let mut bytes = Vec::new();
    file.take(header).read_to_end(&mut bytes)?;
    let json: Json =
        serde_json::from_slice(&bytes).map_err(|e| Unreadable::new(format!("has a header that is not JSON: {e}")))?;
    let Json::Object(tensors) = json else { return Err(Unreadable::new("has a header that is not a JSON object")) };
    let data = 8 + header;
    let mut out = Listing::default();
    for (name, info) in tensors.into_iter().filter(|(name, _)| name != "__metadata__") {
        out.entries.push(entry(name, &info, data, length)?);
    }
    whole(&out, data, length)?;
    Ok(out)
}

/// Checks that the tensors lie one after the other and fill the file, as the reference implementation does: a header of which a digit is damaged leads to
/// numbers of another tensor.
fn whole(listing: &Listing, data: u64, length: u64) -> Result<(), Unreadable> {
    let mut places: Vec<(u64, u64, &str)> =
        listing.entries.iter().filter_map(|e| e.block.map(|b| (b.at, b.at + b.bytes, e.name.as_str()))).collect();
    places.sort();
    let mut end = data;
    for (from, to, name) in places {
        if from != end {
            let name = on_a_line(name);
            return Err(Unreadable::new(format!(
                "has a header that is wrong about the place of `{name}`: tensors lie one after the other"
            )));
        }
        end = to;
    }
    if end == length { Ok(()) } else { Err(Unreadable::new("has more bytes than its header describes")) }
}

fn entry(name: String, info: &Json, data: u64, length: u64) -> Result<Entry, Unreadable> {
    let wrong = |what: &str| Unreadable::new(format!("has a header that is wrong about {what} of `{name}`"));
    let kind = match info["dtype"].as_str() {
        Some("F64") => Kind::F64,
        Some("F32") => Kind::F32,
        Some("F16") => Kind::F16,
        Some("BF16") => Kind::Bf16,
        Some("I64" | "U64" | "C64") => Kind::Other(8),
        Some("I32" | "U32") => Kind::Other(4),
        Some("I16" | "U16") => Kind::Other(2),
        Some("I8" | "U8" | "BOOL" | "F8_E4M3" | "F8_E5M2") => Kind::Other(1),
        Some(other) => return Err(Unreadable::new(format!("holds `{name}` as {other}, which is not known here"))),
        None => return Err(wrong("the kind")),
    };
    let list = |key: &str| -> Option<Vec<u64>> { info[key].as_array()?.iter().map(Json::as_u64).collect() };
    let shape = list("shape").ok_or_else(|| wrong("the shape"))?;
    let shape: Vec<usize> = shape.into_iter().map(usize::try_from).collect::<Result<_, _>>().map_err(|_| wrong("the shape"))?;
    let place = list("data_offsets").ok_or_else(|| wrong("the place"))?;
    let &[from, to] = &place[..] else { return Err(wrong("the place")) };
    let end = data.checked_add(to).filter(|end| from <= to && *end <= length).ok_or_else(|| wrong("the place"))?;
    let block = Block { at: data + from, stored: to - from, bytes: end - data - from, deflated: false, checksum: None };
    let stride = contiguous(&shape);
    let entry = Entry { name: name.clone(), shape, kind, block: Some(block), offset: 0, stride };
    let bytes = entry.count().and_then(|n| n.checked_mul(kind.size()));
    if bytes.map(|b| b as u64) != Some(block.bytes) {
        return Err(wrong("the size"));
    }
    entry.check()
}
