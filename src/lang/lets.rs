//! Values of `let`s that depend on no axis, kept once evaluated.

use super::def_id::DefId;
use super::eval::Outcome;
use super::finding::What;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What is known of `let`s so far.
#[derive(Clone, Debug, Default)]
pub struct Lets {
    values: RefCell<BTreeMap<DefId, Outcome>>,
    varying: RefCell<BTreeMap<DefId, bool>>,
}

impl Lets {
    /// Returns the value of a `let`, or why it has none, where that was found out before and depends on no axis.
    pub fn known(&self, def: DefId) -> Option<Outcome> {
        self.values.borrow().get(&def).cloned()
    }

    /// Keeps the value of a `let` that depends on no axis.
    pub fn keep(&self, def: DefId, value: Outcome) {
        self.values.borrow_mut().insert(def, value);
    }

    /// Returns whether a `let` is wrong, and that has been said: whatever uses it says nothing.
    pub fn failed(&self, def: DefId) -> bool {
        matches!(self.values.borrow().get(&def), Some(Err(found)) if found.what == What::Consequence)
    }

    /// Returns whether a declaration depends on an axis, where that was found out before.
    pub fn varies(&self, def: DefId) -> Option<bool> {
        self.varying.borrow().get(&def).copied()
    }

    /// Notes whether a declaration depends on an axis.
    pub fn note(&self, def: DefId, varies: bool) {
        self.varying.borrow_mut().insert(def, varies);
    }
}
