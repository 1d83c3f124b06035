//! Stores that are read beside this one: a hit there is used as one here. Nothing is written to them, and what they have is copied only where it is
//! asked for.

use super::index::Known;
use super::{Made, Store, StoreError};
use crate::base::Hash;
use std::path::Path;

impl Store {
    /// Returns the store with others beside it, opened to be looked at ([`Store::look`]); the first that has a result counts, this one before all.
    pub fn beside(mut self, others: Vec<Store>) -> Store {
        self.beside = others;
        self
    }

    /// Returns this store and those beside it.
    pub(super) fn all_stores(&self) -> impl Iterator<Item = &Store> {
        std::iter::once(self).chain(&self.beside)
    }

    /// Returns the store beside this one that has what is known, where it is not this one.
    pub(super) fn other(&self, known: &Known) -> Option<&Store> {
        self.beside.get(known.of.checked_sub(1)?)
    }

    /// Returns what this store itself knows of a cell.
    pub(super) fn own_known(&self, key: &Hash) -> Option<Known> {
        self.index().known(key)
    }

    /// Returns what is known of a cell: here where the artifact is here, else beside. A result of other bits than those that are known here is none.
    pub(super) fn known_beside(&self, key: &Hash, own: Option<Known>) -> Option<Known> {
        if own.as_ref().is_some_and(|k| k.spot.is_some()) {
            return own;
        }
        let mut best = own;
        for (n, store) in self.beside.iter().enumerate() {
            let Some(known) = store.known(key) else { continue };
            if best.as_ref().is_some_and(|b| b.hash != known.hash) {
                continue;
            }
            let found = Known { of: n + 1, ..known };
            if found.spot.is_some() {
                return Some(found);
            }
            best.get_or_insert(found);
        }
        best
    }

    /// Returns the folder of the store beside this one that a cell's result is read from; `None` if it is read from this one, or is nowhere.
    pub fn source(&self, key: &Hash) -> Option<&Path> {
        self.known(key).and_then(|k| self.other(&k)).map(|s| s.root.as_path())
    }

    /// Returns the folder of the store that a cell's result is read from, where several stores are read; `None` where there is one.
    pub fn among_several(&self, key: &Hash) -> Option<&Path> {
        (!self.beside.is_empty()).then(|| self.source(key).unwrap_or(&self.root))
    }

    /// Puts what was read of a result beside into this store; of what is here already nothing is done. A store that can only be read takes nothing.
    ///
    /// Errors: it cannot be written.
    pub fn adopt(&self, key: &Hash, bytes: &[u8]) -> Result<(), StoreError> {
        let Some(known) = self.known(key).filter(|k| k.of > 0 && self.writable) else { return Ok(()) };
        let Some(entry) = self.other(&known).and_then(|s| s.entry(key)).filter(|e| e.hash == Hash::of(bytes)) else {
            return Ok(());
        };
        self.put(key, bytes, &Made::from(entry), true).map(|_| ())
    }
}
