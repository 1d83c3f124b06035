//! Declarations by number.

/// A declaration: the file's index and the item's index in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DefId {
    /// Index in [`super::scope::Program::modules`].
    pub module: usize,
    /// Index in the module's items.
    pub item: usize,
}
