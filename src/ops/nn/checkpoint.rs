//! What a stopped cell leaves: numbers one after another, closed by their hash.

use crate::base::Hash;
pub use crate::ops::bytes::{Reader, Writer};

const MAGIC: &[u8; 8] = b"cfxtrn03";

/// Returns what `write` writes, behind a magic word and closed by its hash.
pub fn closed(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut w = Writer(MAGIC.to_vec());
    write(&mut w);
    let hash = Hash::of(&w.0);
    w.0.extend_from_slice(&hash.0);
    w.0
}

/// Returns what `read` makes of such bytes; nothing where they are others, or where it leaves some.
pub fn opened<T>(bytes: &[u8], read: impl FnOnce(&mut Reader) -> Option<T>) -> Option<T> {
    let (body, hash) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
    if Hash::of(body).0 != hash {
        return None;
    }
    let mut r = Reader(body.strip_prefix(MAGIC)?);
    let found = read(&mut r)?;
    r.0.is_empty().then_some(found)
}
