//! Several inputs over the union of their axes, matched by name.

use super::field::{Field, places_in};
use crate::engine::kernel::LabelledAxis;
use crate::engine::value::Value;
use std::collections::BTreeMap;

/// Several fields over the union of their axes, matched by name; coordinates by their text, or by place where no text agrees.
pub struct Aligned {
    /// The union of the axes, in order of first appearance.
    pub axes: Vec<LabelledAxis>,
    /// For each field, for each of its axes: which axis of the union, and the field's place for each of the union's coordinates.
    maps: Vec<Vec<(usize, Vec<Option<usize>>)>>,
}

impl Aligned {
    /// Returns the alignment of some fields. The first field with an axis decides its coordinates.
    pub fn new(fields: &[&Field]) -> Aligned {
        let mut axes: Vec<LabelledAxis> = Vec::new();
        let mut maps = Vec::new();
        for field in fields {
            let mut map = Vec::new();
            for axis in &field.axes {
                match axes.iter().position(|a| a.name == axis.name) {
                    None => {
                        map.push((axes.len(), (0..axis.coordinates.len()).map(Some).collect()));
                        axes.push(axis.clone());
                    }
                    Some(at) => {
                        let places: BTreeMap<&str, usize> =
                            axis.coordinates.iter().enumerate().map(|(i, c)| (c.as_str(), i)).collect();
                        let mut found: Vec<Option<usize>> =
                            axes[at].coordinates.iter().map(|c| places.get(c.as_str()).copied()).collect();
                        if found.iter().all(Option::is_none) && axes[at].coordinates.len() == axis.coordinates.len() {
                            found = (0..axis.coordinates.len()).map(Some).collect();
                        }
                        map.push((at, found));
                    }
                }
            }
            maps.push(map);
        }
        Aligned { axes, maps }
    }

    /// Returns the number of combinations of coordinates.
    pub fn len(&self) -> usize {
        self.axes.iter().map(|a| a.coordinates.len()).product()
    }

    /// Returns the place along each axis of the i-th combination.
    pub fn places(&self, index: usize) -> Vec<usize> {
        places_in(&self.axes, index)
    }

    /// Returns the value of a field at a place of the union.
    pub fn value<'a>(&self, which: usize, field: &'a Field, places: &[usize]) -> Option<&'a Value> {
        let map = self.maps.get(which)?;
        let own: Option<Vec<usize>> = map.iter().map(|(axis, found)| found.get(places[*axis]).copied().flatten()).collect();
        field.at(&own?)
    }
}
