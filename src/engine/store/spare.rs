//! Spare results: those that were let go by who asked for them (weights whose consumers are done). They stay for later runs within a budget, so
//! that a change behind them does not make them again. Over the budget those cheapest to make and oldest are removed first.

use super::line::{Entry, Line, Place};
use super::{Store, StoreError};
use crate::base::Hash;
use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};

/// A spare result that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Spare {
    /// Content key of the cell.
    pub key: Hash,
    /// Seconds it took to make.
    pub seconds: f64,
    /// When it was last used, in milliseconds since 1970.
    pub used: u64,
    /// Bytes of the artifact.
    pub bytes: u64,
}

impl Spare {
    /// Returns what decides which goes first: cost in steps of a factor of two, then age, then the key.
    fn rank(&self) -> (i32, u64, Hash) {
        let cost = if self.seconds > 0.0 { self.seconds.log2().floor() as i32 } else { i32::MIN };
        (cost, self.used, self.key)
    }
}

impl Store {
    /// Returns the spare results that are there, without those that are to stay ([`Store::keep`]); the first to go is the first.
    pub fn spares(&self) -> Vec<Spare> {
        let mut all: Vec<Spare> = self.index().spares().collect();
        all.retain(|s| !self.is_kept(&s.key));
        all.sort_by_key(Spare::rank);
        all
    }

    /// Returns whether a result is there as a spare one.
    pub fn is_spare(&self, key: &Hash) -> bool {
        self.index().spare(key).is_some()
    }

    /// Notes that this process reads a spare result: it does not go before it is given back by [`Store::spare`], or before
    /// [`Store::end_use`].
    pub fn use_spare(&self, key: &Hash) {
        self.in_use().insert(*key);
    }

    /// Notes that this process reads no spare result any more.
    pub fn end_use(&self) {
        self.in_use().clear();
    }

    /// Makes the result of a cell a spare one, used last now, and makes room; with a budget of 0 it goes.
    ///
    /// Errors: as [`Store::retire`].
    pub fn spare(&self, key: &Hash, budget: u64) -> Result<(), StoreError> {
        self.in_use().remove(key);
        if budget == 0 {
            return self.retire(key);
        }
        let created = self.index().time_for(key);
        self.say(Line::Spare { key: *key, created })?;
        self.make_room(budget).map(|_| ())
    }

    /// Lets spare results go until those that stay take no more than `budget` bytes; those in use by this process stay. Returns how many
    /// went.
    ///
    /// Errors: as [`Store::retire`].
    pub fn make_room(&self, budget: u64) -> Result<usize, StoreError> {
        if !self.writable {
            return Ok(0);
        }
        let mut bytes: u64 = self.index().spares().map(|s| s.bytes).sum();
        if bytes <= budget {
            return Ok(0);
        }
        let all = self.spares();
        bytes = all.iter().map(|s| s.bytes).sum();
        let mut gone = 0;
        for spare in all {
            if bytes <= budget {
                break;
            }
            if self.in_use().contains(&spare.key) {
                continue;
            }
            self.retire(&spare.key)?;
            bytes -= spare.bytes;
            gone += 1;
        }
        Ok(gone)
    }

    /// Lets all spare results go that this process does not read, on a disk that has no room to say so first. Returns how many went.
    pub(super) fn drop_spares(&self) -> usize {
        let in_use = self.in_use().clone();
        let all: Vec<Spare> = self.spares().into_iter().filter(|s| !in_use.contains(&s.key)).collect();
        for spare in &all {
            let in_file = |entry: &Entry| entry.place == Some(Place::File);
            let Some(own) = self.entry(&spare.key).filter(|e| in_file(e) && self.writable) else { continue };
            let same = |key: &Hash, entry: &Entry| entry.hash == own.hash && in_file(entry) && *key != spare.key;
            if self.select(same).is_empty() {
                // Where it cannot be removed, there will be no more room than before.
                let _ = std::fs::remove_file(self.object_path(&own.hash));
            }
        }
        // Now there is room to say so; who finds one gone that is said to be there makes it again.
        all.iter().filter(|s| self.retire(&s.key).is_ok()).count()
    }

    fn in_use(&self) -> MutexGuard<'_, BTreeSet<Hash>> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
