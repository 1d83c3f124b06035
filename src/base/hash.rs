//! Content hashes: BLAKE3 over length-prefixed, tagged fields, so that no two different lists of fields share a byte string.

use std::fmt;

/// A 256-bit content hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Returns the BLAKE3 hash of the bytes as they are.
    pub fn of(bytes: &[u8]) -> Hash {
        Hash(*blake3::hash(bytes).as_bytes())
    }

    /// Returns the first twelve hexadecimal digits, for reading.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_string()
    }

    /// Returns the hash written as 64 hexadecimal digits, or `None` if the text is not of that form.
    pub fn parse(text: &str) -> Option<Hash> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut out = [0u8; 32];
        for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Hash(out))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Millions of hashes are written into tables and manifests: digit by digit would take as long as all else.
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0u8; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

/// Builds a [`Hash`] from fields. Every field is length-prefixed; the domain names what is hashed and its format version.
pub struct Hasher(blake3::Hasher);

impl Hasher {
    /// Returns a hasher for one kind of thing, such as `"cfx.cell.1"`.
    pub fn new(domain: &str) -> Self {
        let mut hasher = Hasher(blake3::Hasher::new());
        hasher.bytes(domain.as_bytes());
        hasher
    }

    /// Adds a byte string.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds a text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Adds a number.
    pub fn int(&mut self, n: u64) -> &mut Self {
        self.bytes(&n.to_le_bytes())
    }

    /// Adds another hash.
    pub fn hash(&mut self, hash: &Hash) -> &mut Self {
        self.bytes(&hash.0)
    }

    /// Returns the hash of all fields added so far.
    pub fn finish(&self) -> Hash {
        Hash(*self.0.finalize().as_bytes())
    }
}
