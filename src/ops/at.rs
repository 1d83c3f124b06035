//! The coordinate that a cell stands at, as a setting: a class of `by: class`, a file of `load_stages`, a bin.

use crate::lang::Static;
use crate::lang::settings::Setting;
use crate::settings;

settings! {
    /// The fields of a coordinate.
    struct AtFields("a coordinate") { name: String, index: usize, role: String = String::new() }
}

/// A coordinate of an axis that the operation adds or splits by.
#[derive(Clone, Debug, PartialEq)]
pub struct At {
    /// Its name.
    pub name: String,
    /// Its place; for classes the label.
    pub index: usize,
    /// Role of its axis, such as `class`; empty for stages.
    pub role: String,
}

impl At {
    /// Returns whether it is a class.
    pub fn is_class(&self) -> bool {
        self.role == "class"
    }
}

impl Setting for At {
    fn read(value: &Static) -> Option<Self> {
        let AtFields { name, index, role } = AtFields::read(&value.make()?.1);
        Some(At { name, index, role })
    }
}
