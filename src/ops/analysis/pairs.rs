//! Axes that are paired with one another (`run` and `run_other`): which values are one pair, and which units share one.

use super::drawn::AXES;
use crate::engine::kernel::LabelledAxis;
use crate::engine::parts::unit;
use std::collections::BTreeMap;

/// The paired axes among some axes, as positions: of the units on one side, and of those they are paired with.
pub struct Pairing {
    sides: Vec<(usize, usize)>,
}

/// What is left of values over paired axes when each pair counts once.
#[derive(Clone, Debug, Default)]
pub struct Once {
    /// Whether each value counts. Of a symmetric measure one order of each pair does.
    pub keep: Vec<bool>,
    /// The two units of each value.
    pub units: Vec<(u32, u32)>,
}

impl Pairing {
    /// Returns the pairing; `None` if no two of the axes are paired with one another.
    pub fn of(axes: &[LabelledAxis]) -> Option<Pairing> {
        let other = |(i, a): (usize, &LabelledAxis)| {
            let j = axes.iter().position(|b| b.pairs.as_ref() == Some(&a.name))?;
            Some((i, j))
        };
        let sides: Vec<(usize, usize)> = axes.iter().enumerate().filter_map(other).collect();
        (!sides.is_empty()).then_some(Pairing { sides })
    }

    /// Returns whether several axes are paired at once: pairs then share coordinates of each of them, in more ways than [`super::drawn`] counts.
    pub fn crossed(&self, axes: &[LabelledAxis]) -> bool {
        self.sides.iter().filter(|(i, _)| axes[*i].coordinates.len() > 1).count() > 1
    }

    /// Returns the two sides where one axis alone is paired.
    pub fn only(&self) -> Option<(usize, usize)> {
        self.sides.first().copied().filter(|_| self.sides.len() == 1)
    }

    /// Returns for each place the sources of error that its two units are, where they are told apart: one declared axis is paired with itself. A unit is
    /// the same on both sides, and where the axis stands alone. Empty otherwise.
    pub fn sources(&self, axes: &[LabelledAxis], places: &[Vec<usize>]) -> Vec<[u64; AXES]> {
        let Some((left, right)) = self.only() else { return Vec::new() };
        let axis = &axes[left];
        if axis.role != "declared" || !axis.within.is_empty() {
            return Vec::new();
        }
        let source = |k: usize, at: &[usize]| unit(&axis.name, &axes[k].coordinates[at[k]]);
        places.iter().map(|at| [source(left, at), source(right, at), 0, 0]).collect()
    }

    /// Returns whether a place pairs a unit with itself.
    pub fn is_self(&self, axes: &[LabelledAxis], at: &[usize]) -> bool {
        self.sides.iter().all(|(i, j)| axes[*i].coordinates[at[*i]] == axes[*j].coordinates[at[*j]])
    }

    /// Returns the place of the same pair in the other order; `None` if an axis lacks a coordinate of its partner.
    pub fn turned(&self, axes: &[LabelledAxis], at: &[usize]) -> Option<Vec<usize>> {
        let mut out = at.to_vec();
        for (i, j) in &self.sides {
            let find = |on: usize, of: usize| {
                let text = &axes[of].coordinates[at[of]];
                axes[on].coordinates.iter().position(|c| c == text)
            };
            (out[*i], out[*j]) = (find(*i, *j)?, find(*j, *i)?);
        }
        Some(out)
    }

    /// Returns which values count, and their units. `same` tells whether the values at two places of the list are equal, errors included:
    /// where they are for every pair that is there in both orders, the measure is symmetric.
    pub fn once(&self, axes: &[LabelledAxis], places: &[Vec<usize>], same: impl Fn(usize, usize) -> bool) -> Once {
        let index: BTreeMap<&[usize], usize> = places.iter().map(|p| p.as_slice()).zip(0..).collect();
        let turned: Vec<Option<usize>> =
            places.iter().map(|p| self.turned(axes, p).and_then(|t| index.get(t.as_slice()).copied())).collect();
        let symmetric = turned.iter().enumerate().all(|(i, t)| t.is_none_or(|t| t <= i || same(i, t)));
        let mut numbers: BTreeMap<Vec<&str>, u32> = BTreeMap::new();
        let mut unit = |side: Vec<usize>, place: &[usize]| {
            let next = numbers.len() as u32;
            *numbers.entry(side.iter().map(|a| axes[*a].coordinates[place[*a]].as_str()).collect()).or_insert(next)
        };
        let (left, right): (Vec<usize>, Vec<usize>) = self.sides.iter().copied().unzip();
        let units = places.iter().map(|p| (unit(left.clone(), p), unit(right.clone(), p))).collect();
        Once { keep: turned.iter().enumerate().map(|(i, t)| !symmetric || t.is_none_or(|t| t >= i)).collect(), units }
    }
}
