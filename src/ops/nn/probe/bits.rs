//! Truth values packed 64 to a word: what a trial leaves behind, and counts over trials.

/// Truth values, 64 to a word, the first in the lowest bit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    len: usize,
}

impl Bits {
    /// Returns `len` values, all false.
    pub fn none(len: usize) -> Self {
        Bits { words: vec![0; len.div_ceil(64)], len }
    }

    /// Returns a value.
    pub fn get(&self, i: usize) -> bool {
        self.words.get(i / 64).is_some_and(|w| w >> (i % 64) & 1 == 1)
    }

    /// Sets a value to true.
    pub fn set(&mut self, i: usize) {
        if let Some(word) = self.words.get_mut(i / 64) {
            *word |= 1 << (i % 64);
        }
    }

    /// Returns how many are true.
    pub fn count(&self) -> u64 {
        self.words.iter().map(|w| w.count_ones() as u64).sum()
    }

    /// Returns how many are true in both.
    pub fn count_both(&self, other: &Bits) -> u64 {
        self.words.iter().zip(&other.words).map(|(a, b)| (a & b).count_ones() as u64).sum()
    }

    /// Returns the values as bytes, the first in the lowest bit of the first byte.
    pub fn bytes(&self) -> Vec<u8> {
        let all = self.words.iter().flat_map(|w| w.to_le_bytes());
        all.take(self.len.div_ceil(8)).collect()
    }

    /// Returns the values that [`Bits::bytes`] packed; `None` if the count does not fit.
    pub fn from_bytes(bytes: &[u8], len: usize) -> Option<Self> {
        if bytes.len() != len.div_ceil(8) {
            return None;
        }
        let words = bytes.chunks(8).map(|c| c.iter().enumerate().fold(0u64, |w, (i, b)| w | (*b as u64) << (8 * i))).collect();
        Some(Bits { words, len })
    }
}

impl FromIterator<bool> for Bits {
    fn from_iter<I: IntoIterator<Item = bool>>(values: I) -> Self {
        let mut out = Bits::default();
        for value in values {
            if out.len % 64 == 0 {
                out.words.push(0);
            }
            out.len += 1;
            if value {
                out.set(out.len - 1);
            }
        }
        out
    }
}

/// Returns the transposed values: of `rows` of equal length `len`, one run over all rows for each place.
pub fn transposed<'a>(rows: impl ExactSizeIterator<Item = &'a Bits>, len: usize) -> Vec<Bits> {
    let mut out = vec![Bits::none(rows.len()); len];
    for (r, row) in rows.enumerate() {
        for (i, o) in out.iter_mut().enumerate() {
            if row.get(i) {
                o.set(r);
            }
        }
    }
    out
}
