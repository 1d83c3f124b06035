//! The artifact format: a [`Pack`] as bytes, the same bytes for the same pack, checked on the way in.
//!
//! In: packs, and values by way of [`value`]. Out: bytes whose BLAKE3 hash is the content hash. Never: files; a panic or a large
//! allocation because of malformed bytes.
//!
//! Layout: the eight bytes `cfxpack1`; the header's length as `u64`; the header, JSON `{"kind", "meta", "arrays": [[name, type, shape]]}`
//! padded with spaces to a multiple of eight; then the arrays in that order, little-endian, each padded with zeros to a multiple of eight.

pub mod hash;
pub mod value;

#[cfg(test)]
mod tests;

use super::value::{Array, ArrayData, Pack};
use serde_json::{Value as Json, json};
use std::fmt;

pub use hash::content_hash;
pub use value::{decode, encode, from_pack, to_pack};

/// The first bytes of every artifact; the last one is the version of the format.
const MAGIC: &[u8; 8] = b"cfxpack1";

/// Why something is no artifact, or cannot become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackError(pub String);

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PackError {}

/// Returns an error with a sentence.
pub(super) fn bad<T>(words: impl Into<String>) -> Result<T, PackError> {
    Err(PackError(words.into()))
}

impl ArrayData {
    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        match self {
            ArrayData::F64(x) => x.len(),
            ArrayData::F32(x) => x.len(),
            ArrayData::U32(x) => x.len(),
            ArrayData::U8(x) => x.len(),
        }
    }

    /// Returns whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the name of the type in headers, and the bytes of one entry.
    fn word(&self) -> (&'static str, usize) {
        match self {
            ArrayData::F64(_) => ("f64", 8),
            ArrayData::F32(_) => ("f32", 4),
            ArrayData::U32(_) => ("u32", 4),
            ArrayData::U8(_) => ("u8", 1),
        }
    }
}

/// Returns the bytes of a pack.
///
/// Errors: the shape of an array does not match its numbers.
pub fn pack_to_bytes(pack: &Pack) -> Result<Vec<u8>, PackError> {
    let mut arrays = Vec::with_capacity(pack.arrays.len());
    let mut room = 0;
    for (name, array) in &pack.arrays {
        let (word, size) = array.data.word();
        if count(&array.shape) != Some(array.data.len()) {
            return bad(format!("the array `{name}` has shape {:?} and {} entries", array.shape, array.data.len()));
        }
        room += array.data.len() * size + 8;
        arrays.push(json!([name, word, array.shape]));
    }
    let mut header = json!({ "kind": pack.kind, "meta": pack.meta, "arrays": arrays }).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut out = Vec::with_capacity(16 + header.len() + room);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&(header.len() as u64).to_le_bytes());
    out.extend_from_slice(&header);
    for (_, array) in &pack.arrays {
        match &array.data {
            ArrayData::F64(x) => x.iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes())),
            ArrayData::F32(x) => x.iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes())),
            ArrayData::U32(x) => x.iter().for_each(|v| out.extend_from_slice(&v.to_le_bytes())),
            ArrayData::U8(x) => out.extend_from_slice(x),
        }
        out.resize(out.len().next_multiple_of(8), 0);
    }
    Ok(out)
}

/// Returns the pack that the bytes hold.
///
/// Errors: anything but exactly what [`pack_to_bytes`] writes. Nothing is allocated that the bytes themselves do not fill.
pub fn pack_from_bytes(bytes: &[u8]) -> Result<Pack, PackError> {
    let Some((magic, rest)) = bytes.split_first_chunk::<8>() else { return bad("the artifact is too short") };
    if magic != MAGIC {
        return bad("the artifact does not begin as one, or is of another version");
    }
    let Some((length, rest)) = rest.split_first_chunk::<8>() else { return bad("the artifact is too short") };
    let length = u64::from_le_bytes(*length);
    let Some((header, mut rest)) = usize::try_from(length).ok().and_then(|n| rest.split_at_checked(n)) else {
        return bad("the artifact ends inside its header");
    };
    let header: Json = serde_json::from_slice(header).map_err(|e| PackError(format!("the artifact's header is damaged: {e}")))?;
    let Json::Object(mut header) = header else { return bad("the artifact's header is no object") };
    let Some(Json::String(kind)) = header.remove("kind") else { return bad("the artifact has no kind") };
    let Some(meta) = header.remove("meta") else { return bad("the artifact has no description") };
    let Some(Json::Array(list)) = header.remove("arrays") else { return bad("the artifact has no list of arrays") };
    let mut arrays = Vec::new();
    for item in &list {
        let [Json::String(name), Json::String(word), Json::Array(shape)] = item.as_array().map(Vec::as_slice).unwrap_or_default()
        else {
            return bad("an array of the artifact is not described");
        };
        let shape: Option<Vec<usize>> = shape.iter().map(|n| n.as_u64().and_then(|n| usize::try_from(n).ok())).collect();
        let Some(shape) = shape else { return bad(format!("the shape of `{name}` is damaged")) };
        let size = match word.as_str() {
            "f64" => 8,
            "f32" | "u32" => 4,
            "u8" => 1,
            other => return bad(format!("`{name}` is of an unknown type `{other}`")),
        };
        let Some(data) = count(&shape).and_then(|n| n.checked_mul(size)).and_then(|n| {
            let (data, tail) = rest.split_at_checked(n)?;
            let (padding, tail) = tail.split_at_checked(n.checked_next_multiple_of(8)? - n)?;
            rest = tail;
            padding.iter().all(|b| *b == 0).then_some(data)
        }) else {
            return bad(format!("the artifact ends inside `{name}`"));
        };
        let data = match word.as_str() {
            "f64" => ArrayData::F64(data.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect()),
            "f32" => ArrayData::F32(data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
            "u32" => ArrayData::U32(data.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect()),
            _ => ArrayData::U8(data.to_vec()),
        };
        arrays.push((name.clone(), Array { shape, data }));
    }
    if !rest.is_empty() {
        return bad("the artifact goes on after its last array");
    }
    Ok(Pack { kind, meta, arrays })
}

/// Returns the number of entries of a shape, or `None` if it overflows.
fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |n, s| n.checked_mul(*s))
}
