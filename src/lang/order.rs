//! The order of declarations: each after those that it mentions, found without recursion, so that scripts may be of any length.

use super::def_id::DefId;
use std::collections::BTreeMap;

/// What declarations mention, and an order in which each stands after what it mentions.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// All declarations, those mentioned first.
    pub sorted: Vec<DefId>,
    places: BTreeMap<DefId, Place>,
    circles: Vec<Vec<DefId>>,
}

/// Where a declaration stands.
#[derive(Clone, Debug)]
struct Place {
    /// Its index in the order.
    rank: usize,
    /// The declarations that it mentions, in the order written.
    mentions: Vec<DefId>,
    /// The circle that it is part of.
    circle: Option<usize>,
}

/// A declaration on the way: what it mentions, how many of these were followed, its number, and the lowest number it leads back to.
struct Step {
    def: DefId,
    mentions: Vec<DefId>,
    followed: usize,
    number: usize,
    low: usize,
}

impl Order {
    /// Returns the order of `all`, begun with the first of them, where `mentions` tells what a declaration mentions (Tarjan, 1972).
    pub fn new(all: impl Iterator<Item = DefId>, mentions: impl Fn(DefId) -> Vec<DefId>) -> Order {
        let mut out = Order::default();
        // Numbers in the order reached; those whose circle is not settled yet; the way to the one looked at.
        let mut numbers: BTreeMap<DefId, usize> = BTreeMap::new();
        let mut open: Vec<(DefId, Vec<DefId>)> = Vec::new();
        let mut way: Vec<Step> = Vec::new();
        for start in all {
            let mut next = (!numbers.contains_key(&start)).then_some(start);
            loop {
                if let Some(def) = next.take() {
                    let number = numbers.len();
                    numbers.insert(def, number);
                    open.push((def, Vec::new()));
                    way.push(Step { def, mentions: mentions(def), followed: 0, number, low: number });
                }
                let Some(step) = way.last_mut() else { break };
                if let Some(to) = step.mentions.get(step.followed).copied() {
                    step.followed += 1;
                    match numbers.get(&to) {
                        None => next = Some(to),
                        Some(number) if !out.places.contains_key(&to) => step.low = step.low.min(*number),
                        Some(_) => {}
                    }
                    continue;
                }
                let Some(done) = way.pop() else { break };
                if let Some(before) = way.last_mut() {
                    before.low = before.low.min(done.low);
                }
                out.done(done, &mut open);
            }
        }
        out
    }

    /// Takes a declaration whose mentions are all followed; where it is the first of its circle (or alone), settles that.
    fn done(&mut self, step: Step, open: &mut Vec<(DefId, Vec<DefId>)>) {
        let Some(at) = open.iter().rposition(|(d, _)| *d == step.def) else { return };
        let itself = step.mentions.contains(&step.def);
        open[at].1 = step.mentions;
        if step.low != step.number {
            return;
        }
        let settled = open.split_off(at);
        let circle = (settled.len() > 1 || itself).then_some(self.circles.len());
        if circle.is_some() {
            self.circles.push(settled.iter().map(|(d, _)| *d).collect());
        }
        for (def, mentions) in settled {
            self.places.insert(def, Place { rank: self.sorted.len(), mentions, circle });
            self.sorted.push(def);
        }
    }

    /// Returns what a declaration mentions, in the order written.
    pub fn mentions(&self, def: DefId) -> &[DefId] {
        self.places.get(&def).map_or(&[], |p| &p.mentions)
    }

    /// Returns the declarations that lead from one back to itself, it among them; none where it does not lead back.
    pub fn circle(&self, def: DefId) -> &[DefId] {
        self.places.get(&def).and_then(|p| p.circle).map_or(&[], |c| &self.circles[c])
    }

    /// Returns a declaration and all that it mentions, directly or through others that `follow` lets pass, each after what it mentions.
    pub fn below(&self, def: DefId, follow: impl Fn(DefId) -> bool) -> Vec<DefId> {
        let mut seen: BTreeMap<usize, DefId> = BTreeMap::new();
        let mut open = vec![def];
        while let Some(next) = open.pop() {
            let Some(place) = self.places.get(&next) else { continue };
            if seen.insert(place.rank, next).is_none() {
                open.extend(place.mentions.iter().copied().filter(|d| follow(*d)));
            }
        }
        seen.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn def(item: usize) -> DefId {
        DefId { module: 0, item }
    }

    /// The order of declarations 0.. that mention those listed.
    fn order(mentions: &[&[usize]]) -> Order {
        Order::new((0..mentions.len()).map(def), |d| mentions[d.item].iter().copied().map(def).collect())
    }

    #[test]
    fn what_is_mentioned_comes_first() {
        let order = order(&[&[1, 2], &[3], &[3], &[], &[0]]);
        assert_eq!(order.sorted, [3, 1, 2, 0, 4].map(def));
        assert!((0..5).all(|i| order.circle(def(i)).is_empty()));
        assert_eq!(order.below(def(1), |_| true), [3, 1].map(def));
    }

    #[test]
    fn circles_are_told() {
        let order = order(&[&[1], &[2], &[1, 3], &[], &[4]]);
        assert_eq!(order.circle(def(1)), [1, 2].map(def));
        assert_eq!(order.circle(def(2)), [1, 2].map(def));
        assert_eq!(order.circle(def(4)), [4].map(def));
        assert!(order.circle(def(0)).is_empty() && order.circle(def(3)).is_empty());
        assert_eq!(order.sorted.len(), 5);
    }

    #[test]
    fn a_chain_of_a_million_needs_no_stack() {
        let n = 1_000_000;
        let order = Order::new((0..n).map(def), |d| if d.item + 1 < n { vec![def(d.item + 1)] } else { Vec::new() });
        assert_eq!((order.sorted.len(), order.sorted[0]), (n, def(n - 1)));
    }
}
