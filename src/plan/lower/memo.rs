//! What is worked out once for all cells of a call that agree in what it depends on.

use crate::base::Hash;
use crate::lang::Settings;
use crate::lang::statics::NetworkRef;
use crate::plan::facts::Facts;
use crate::plan::graph::{Common, Given, Layout};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Values by the coordinates that they depend on. Which axes those are is seen when a value is made.
pub(super) struct ByPlace<T> {
    /// Numbers of the axes that values have been seen to depend on.
    axes: Vec<usize>,
    values: BTreeMap<Vec<usize>, T>,
}

impl<T> Default for ByPlace<T> {
    fn default() -> Self {
        ByPlace { axes: Vec::new(), values: BTreeMap::new() }
    }
}

impl<T: Clone> ByPlace<T> {
    fn key(&self, place: &[usize]) -> Vec<usize> {
        self.axes.iter().map(|a| place[*a]).collect()
    }

    /// Returns the value at a place, where one was made at a place that agrees with it in all that was looked at.
    pub fn get(&self, place: &[usize]) -> Option<T> {
        self.values.get(&self.key(place)).cloned()
    }

    /// Keeps a value for which coordinates of the axes `read` were looked at. Returns whether that is news, so that others are forgotten.
    pub fn put(&mut self, place: &[usize], read: &[usize], value: T) -> bool {
        let news: Vec<usize> = read.iter().copied().filter(|a| !self.axes.contains(a)).collect();
        if !news.is_empty() {
            self.axes.extend(&news);
            self.values.clear();
        }
        self.values.insert(self.key(place), value);
        !news.is_empty()
    }
}

/// The settings of a call as its expressions give them, before coordinates and networks are filled in.
pub(super) struct Base {
    pub settings: Settings,
    pub network: Option<NetworkRef>,
    /// Results that they refer to.
    pub used: Vec<String>,
    /// Whether the results are to be kept although they would go.
    pub keep: bool,
}

/// What an operation says of a cell. It holds the settings that it was told, so that their place in memory stays theirs.
pub(super) struct Told {
    pub common: Arc<Common>,
}

/// All of this for one call. Nothing stands for what is wrong and has been reported.
#[derive(Default)]
pub(super) struct Memo {
    pub bases: ByPlace<Option<Rc<Base>>>,
    /// Settings by base, coordinates filled in, and what is known of the data that a network is for.
    pub given: BTreeMap<(usize, Vec<usize>, usize), Option<Given>>,
    pub streams: ByPlace<Hash>,
    /// By settings, and by what is known of the inputs.
    pub told: BTreeMap<(usize, Vec<usize>), Option<Rc<Told>>>,
    /// What was last known of a result: equal facts are held once.
    pub last: Option<Arc<Facts>>,
    /// How the inputs of the last cell were laid out.
    pub layout: Layout,
}
