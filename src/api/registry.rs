//! All operations there are, by name.

use crate::engine::{Joint, Kernel, Kernels};
use crate::plan::facts::{Operations, Planned};
use std::collections::BTreeMap;

/// The operations: the built-in ones, and those that an embedding program adds.
pub struct Registry(BTreeMap<String, Box<dyn Kernel>>);

impl Registry {
    /// Returns the built-in operations.
    pub fn standard() -> Self {
        let all = crate::ops::kernels().into_iter().chain(crate::report::kernels());
        Registry(all.map(|(name, kernel)| (name.to_string(), kernel)).collect())
    }

    /// Returns the names of all operations, in order.
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// Puts an implementation in the place of the one of that name.
    pub fn replace(&mut self, name: &str, kernel: Box<dyn Kernel>) {
        self.0.insert(name.to_string(), kernel);
    }
}

impl Operations for Registry {
    fn planned(&self, name: &str) -> Option<&dyn Planned> {
        self.0.get(name).map(|k| {
            let kernel: &dyn Kernel = k.as_ref();
            kernel as &dyn Planned
        })
    }
}

impl Kernels for Registry {
    fn kernel(&self, name: &str) -> Option<&dyn Kernel> {
        self.0.get(name).map(|k| k.as_ref())
    }

    fn joint(&self, work: &str) -> Option<&dyn Joint> {
        crate::ops::joint(work)
    }
}
