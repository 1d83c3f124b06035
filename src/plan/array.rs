//! Labelled arrays of plan entries: what a value over axes is before it runs.

use super::graph::Entry;
use crate::lang::axes::AxisId;
use std::collections::BTreeMap;

/// Entries over axes, in row-major order.
#[derive(Clone, Debug)]
pub struct Array {
    /// The axes, outermost first, each with its length.
    pub axes: Vec<(AxisId, usize)>,
    /// The entries; as many as the product of the lengths.
    pub entries: Vec<Entry>,
}

/// Where one is on each axis.
pub type Place = BTreeMap<AxisId, usize>;

impl Array {
    /// Returns an array without axes.
    pub fn single(entry: Entry) -> Self {
        Array { axes: Vec::new(), entries: vec![entry] }
    }

    /// Returns the entry at a place; axes that the array does not have are passed over, axes not in the place count as 0.
    pub fn at(&self, place: &Place) -> &Entry {
        let index = self.axes.iter().fold(0, |i, (axis, len)| i * len + place.get(axis).copied().unwrap_or(0));
        &self.entries[index]
    }
}

/// Calls `f` with every place over the axes, the last axis fastest.
pub fn each_place(axes: &[(AxisId, usize)], mut f: impl FnMut(&Place)) {
    let total: usize = axes.iter().map(|(_, n)| n).product();
    for index in 0..total {
        let mut place = Place::new();
        let mut rest = index;
        for (axis, len) in axes.iter().rev() {
            place.insert(*axis, rest % len);
            rest /= len;
        }
        f(&place);
    }
}
