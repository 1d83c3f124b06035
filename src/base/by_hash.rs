//! A table from hashes to numbers, for millions of them: eight to sixteen bytes each, since the hashes themselves lie with whoever uses it.

use super::hash::Hash;

/// A place that holds nothing.
const FREE: u32 = u32::MAX;

/// Numbers found by hash. The table holds numbers alone: whoever asks says what the hash of a number is. Nothing is ever taken out.
#[derive(Clone, Debug, Default)]
pub struct ByHash {
    /// Open addressing, one slot after the other; a power of two of them, at least a third free.
    slots: Vec<u32>,
    count: usize,
}

impl ByHash {
    /// Returns the number that is there for a hash; `of` returns the hash of a number.
    pub fn get<'a>(&self, hash: &Hash, of: impl Fn(usize) -> &'a Hash) -> Option<usize> {
        let mut at = self.first(hash)?;
        while self.slots[at] != FREE {
            let number = self.slots[at] as usize;
            if of(number) == hash {
                return Some(number);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        None
    }

    /// Adds a number for a hash for which there is none; `of` returns the hashes of the numbers that are there. Numbers are less than 2^32 - 1.
    pub fn insert<'a>(&mut self, hash: &Hash, number: usize, of: impl Fn(usize) -> &'a Hash) {
        if (self.count + 1) * 3 > self.slots.len() * 2 {
            let old = std::mem::take(&mut self.slots);
            self.slots = vec![FREE; (old.len() * 2).max(16)];
            old.into_iter().filter(|n| *n != FREE).for_each(|n| self.put(of(n as usize), n));
        }
        debug_assert!(number < FREE as usize, "numbers have four bytes");
        self.put(hash, number as u32);
        self.count += 1;
    }

    /// Returns how many numbers there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn put(&mut self, hash: &Hash, number: u32) {
        let Some(mut at) = self.first(hash) else { return };
        while self.slots[at] != FREE {
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = number;
    }

    /// Returns the slot at which looking for a hash begins: its bytes are as good as drawn at random.
    fn first(&self, hash: &Hash) -> Option<usize> {
        let start = hash.0.iter().take(8).fold(0u64, |n, b| n << 8 | u64::from(*b));
        (!self.slots.is_empty()).then(|| start as usize & (self.slots.len() - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn what_was_put_in_is_found_and_nothing_else_with_few_looks() {
        let hashes: Vec<Hash> = (0..20_000u32).map(|i| Hash::of(&i.to_le_bytes())).collect();
        let looks = Cell::new(0);
        let of = |n: usize| {
            looks.set(looks.get() + 1);
            &hashes[n]
        };
        let mut table = ByHash::default();
        assert_eq!(table.get(&hashes[0], of), None);
        for (i, hash) in hashes.iter().enumerate().take(10_000) {
            assert_eq!(table.get(hash, of), None);
            table.insert(hash, i, of);
        }
        looks.set(0);
        assert!((0..10_000).all(|i| table.get(&hashes[i], of) == Some(i)));
        assert!((10_000..20_000).all(|i| table.get(&hashes[i], of).is_none()));
        assert_eq!((table.len(), table.is_empty()), (10_000, false));
        assert!(looks.get() < 6 * 20_000, "{} looks", looks.get());
    }

    #[test]
    fn hashes_that_begin_alike_are_told_apart() {
        let hashes: Vec<Hash> = (0..100u8).map(|i| Hash([[0; 31].as_slice(), &[i]].concat().try_into().unwrap())).collect();
        let mut table = ByHash::default();
        hashes.iter().enumerate().for_each(|(i, h)| table.insert(h, i, |n| &hashes[n]));
        assert!((0..100).all(|i| table.get(&hashes[i], |n| &hashes[n]) == Some(i)));
        assert_eq!(table.get(&Hash([9; 32]), |n| &hashes[n]), None);
    }
}
