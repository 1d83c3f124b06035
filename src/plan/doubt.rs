//! Where in a plan the results of some cells are felt: a cell in doubt puts everything made from it in doubt, at the coordinates it belongs to.
//!
//! In: a graph and which of its cells are in doubt (densities whose chains did not settle). Out: for each cell, the doubtful cells that it is
//! made from, each with the coordinates at which it matters there. Values are not looked at.
//!
//! A doubt keeps the coordinates of its cell. Where a cell that takes it lies at the same coordinates, it matters; where an axis was
//! taken in whole and comes out again (scores of all classes, averaged by class), it matters at its own coordinate alone; where a cell at one
//! coordinate takes one at another (a divergence between classes), it matters whatever that coordinate is.

use super::graph::{Cell, CellId, Entry, Graph, Input};
use std::collections::{BTreeMap, BTreeSet};

/// A place: axis names with coordinates.
pub type Place = Vec<(String, String)>;

/// A doubtful cell as another feels it: by its number among the doubtful ones, with a bit for each axis whose coordinate no longer matters.
type Felt = (usize, u64);

/// What is in doubt in a plan.
#[derive(Clone, Debug, Default)]
pub struct Doubts {
    sources: Vec<(CellId, Place)>,
    felt: BTreeMap<CellId, BTreeSet<Felt>>,
}

impl Doubts {
    /// Returns what follows from some cells, in ascending order, being in doubt. `ends` says of which cells nothing follows (those that judge
    /// the doubtful ones).
    pub fn of(graph: &Graph, doubtful: &[CellId], ends: &dyn Fn(&Cell) -> bool) -> Doubts {
        let mut out = Doubts::default();
        for id in doubtful {
            let mut place = graph.cells[*id].at.to_vec();
            place.truncate(64);
            out.sources.push((*id, place));
        }
        let Some(first) = doubtful.first() else { return out };
        for id in *first..graph.cells.len() {
            let cell = &graph.cells[id];
            let mut own: BTreeSet<Felt> = match doubtful.binary_search(&id) {
                Ok(number) => [(number, 0)].into(),
                Err(_) => BTreeSet::new(),
            };
            if !ends(cell) {
                let to = cell.at.pairs();
                for (_, slot) in cell.inputs.iter() {
                    for entry in slot.entries {
                        let Entry::Cell(from) = entry else { continue };
                        let Some(felt) = out.felt.get(from) else { continue };
                        let at = graph.cells[*from].at.pairs();
                        own.extend(felt.iter().filter_map(|f| out.passed(*f, slot, &at, &to)));
                    }
                }
            }
            if !own.is_empty() {
                out.felt.insert(id, own);
            }
        }
        out
    }

    /// Returns a doubt as a cell at `to` feels it that takes a cell at `from`; `None` if it belongs elsewhere.
    fn passed(&self, (number, mut mask): Felt, slot: Input, from: &[(&str, &str)], to: &[(&str, &str)]) -> Option<Felt> {
        let find = |place: &[(&str, &str)], axis: &str| place.iter().find(|(a, _)| *a == axis).map(|(_, c)| c.to_string());
        for (i, (axis, coordinate)) in self.sources[number].1.iter().enumerate() {
            let Some(there) = find(to, axis).filter(|_| mask >> i & 1 == 0) else { continue };
            if there == *coordinate {
                continue;
            }
            let whole = slot.axes.iter().any(|a| a.name == *axis);
            if whole || find(from, axis).is_none() {
                return None;
            }
            mask |= 1 << i;
        }
        Some((number, mask))
    }

    /// Returns whether nothing is in doubt.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Returns the doubtful cells that a cell is made from, itself among them, in order.
    pub fn behind(&self, id: CellId) -> Vec<CellId> {
        let numbers: BTreeSet<usize> = self.felt.get(&id).into_iter().flatten().map(|f| f.0).collect();
        numbers.into_iter().map(|n| self.sources[n].0).collect()
    }

    /// Returns the places at which doubts matter in what a parameter is given: each matters wherever the coordinates agree on the axes
    /// that it has.
    pub fn places(&self, slot: Input) -> Vec<Place> {
        let mut out = BTreeSet::new();
        for (index, entry) in slot.entries.iter().enumerate() {
            let Entry::Cell(id) = entry else { continue };
            for (number, mask) in self.felt.get(id).into_iter().flatten() {
                let own = self.sources[*number].1.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 0);
                let mut place: Place = own.map(|(_, p)| p.clone()).collect();
                // What is taken in whole lies at a place of its own.
                let mut rest = index;
                for axis in slot.axes.iter().rev() {
                    let n = axis.coordinates.len().max(1);
                    let here = axis.coordinates.get(rest % n).cloned().unwrap_or_default();
                    rest /= n;
                    place.retain(|(a, _)| *a != axis.name);
                    place.push((axis.name.clone(), here));
                }
                place.sort();
                out.insert(place);
            }
        }
        out.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Hash, Span};
    use crate::lang::Settings;
    use crate::plan::axis::LabelledAxis;
    use crate::plan::facts::{Cost, Facts, Policy};
    use crate::plan::graph::{Common, Slot};

    /// Adds a cell at a place, which takes whole axes of some cells (slots: axes, cells).
    fn add(graph: &mut Graph, op: &str, at: &[(&str, &str)], slots: &[(&[LabelledAxis], &[CellId])]) -> CellId {
        let slot = |(axes, cells): &(&[LabelledAxis], &[CellId])| {
            ("x".into(), Slot { axes: axes.to_vec().into(), entries: cells.iter().map(|c| Entry::Cell(*c)).collect() })
        };
        let common = Common {
            op: op.into(),
            version: 1,
            settings: Settings::default().into(),
            files: Vec::new().into(),
            facts: Facts::default().into(),
            cost: Cost::default(),
            at_most: false,
            on_device: 0.0,
            share: None,
            policy: Policy::Stored,
            label: op.into(),
            span: Span::default(),
            places: Vec::new().into(),
        };
        graph.cells.push(Cell {
            common: common.into(),
            inputs: slots.iter().map(slot).collect::<Vec<_>>().into(),
            stream: None,
            at: at.iter().map(|(a, c)| (a.to_string(), c.to_string())).collect::<Vec<_>>().into(),
            key: Hash::of(b"key"),
        });
        graph.cells.len() - 1
    }

    fn classes(n: usize) -> LabelledAxis {
        LabelledAxis { name: "class".into(), coordinates: (0..n).map(|i| i.to_string()).collect(), ..LabelledAxis::default() }
    }

    #[test]
    fn doubts_keep_to_their_coordinates_and_cross_them_in_pairs() {
        let mut g = Graph::default();
        let p: Vec<CellId> = ["0", "1", "2"].iter().map(|c| add(&mut g, "dp_mixture", &[("class", c)], &[])).collect();
        let axis = [classes(3)];
        let scores = add(&mut g, "log_density", &[], &[(&axis, &p)]);
        let means: Vec<CellId> =
            ["0", "1", "2"].iter().map(|c| add(&mut g, "mean", &[("class", c)], &[(&[], &[scores])])).collect();
        let whole = add(&mut g, "mean", &[], &[(&axis, &means)]);
        let divergence = add(&mut g, "kl", &[("class", "0"), ("class_other", "1")], &[(&[], &[p[0]]), (&[], &[p[1]])]);
        let judged = add(&mut g, "mixing", &[("class", "1")], &[(&[], &[p[1]])]);
        let own = add(&mut g, "relative_entropy", &[("class", "2")], &[(&[], &[p[2]])]);
        let under = add(&mut g, "log_density", &[("class", "0")], &[(&axis, &p)]);
        let doubts = Doubts::of(&g, &[p[1]], &|c| c.op.as_str() == "mixing");
        let felt: Vec<CellId> = (0..g.cells.len()).filter(|id| !doubts.behind(*id).is_empty()).collect();
        assert_eq!(felt, [p[1], scores, means[1], whole, divergence]);
        assert_eq!(doubts.behind(whole), [p[1]]);
        for other in [p[0], means[0], judged, own, under] {
            assert!(doubts.behind(other).is_empty());
        }
        // Where they are looked at: at their class in scores and means; at the pair in a divergence.
        let place = |pairs: &[(&str, &str)]| -> Place { pairs.iter().map(|(a, c)| (a.to_string(), c.to_string())).collect() };
        let single = |id| Slot { axes: Vec::new().into(), entries: vec![Entry::Cell(id)] };
        assert_eq!(doubts.places((&single(scores)).into()), [place(&[("class", "1")])]);
        assert_eq!(doubts.places((&single(whole)).into()), [place(&[("class", "1")])]);
        let all = Slot { axes: axis.to_vec().into(), entries: means.iter().map(|m| Entry::Cell(*m)).collect() };
        assert_eq!(doubts.places((&all).into()), [place(&[("class", "1")])]);
        let other = LabelledAxis { name: "class_other".into(), ..classes(1) };
        let pair = Slot { axes: vec![classes(1), other].into(), entries: vec![Entry::Cell(divergence)] };
        assert_eq!(doubts.places((&pair).into()), [place(&[("class", "0"), ("class_other", "0")])]);
        assert!(Doubts::of(&g, &[], &|_| false).is_empty());
    }
}
