//! Values of cells and of examples, drawn anew: units of pairs, cells, examples, each as a whole.

use super::gather::{Cell, Gathered, not_a_number};
use super::sample::Statistic;
use crate::base::Stream;
use crate::base::statistics::{mean, sum};
use crate::engine::kernel::Failure;
use crate::engine::value::ROW_IDS;
use rand::RngExt;
use std::collections::BTreeMap;

/// Values that share cells, units of pairs or examples, for drawing those anew.
pub struct Shared {
    /// How many units are drawn: the units of pairs, else the cells.
    units: usize,
    /// How many examples are drawn; 0 where there are none.
    examples: usize,
    /// For each value its units (both of a pair, the same one twice for a cell alone), its example, and the value.
    values: Vec<((usize, usize), usize, f64)>,
    /// Whether units are of pairs.
    paired: bool,
}

impl Shared {
    /// Returns the values of cells that share units of pairs, or of several cells with examples; nothing of others, which are drawn one by one.
    /// Inner axes are averaged first.
    pub fn of(gathered: &Gathered) -> Result<Option<Shared>, Failure> {
        let paired = !gathered.units.is_empty();
        if gathered.chosen_anew() || !(paired || gathered.per_example() && gathered.cells.len() > 1) {
            return Ok(None);
        }
        let gathered = gathered.inner_first(&|s| s.as_unit(Statistic::Mean))?;
        let mut found: Vec<((u32, u32), Option<u32>, f64)> = Vec::new();
        for (k, (_, cell)) in gathered.cells.iter().enumerate() {
            let units = gathered.units.get(k).copied().unwrap_or((k as u32, k as u32));
            match cell {
                Cell::Scores(s) => {
                    let each = s.values.iter().zip(s.ids.iter()).filter(|(v, _)| !v.is_nan());
                    found.extend(each.map(|(v, id)| (units, Some(*id % ROW_IDS), *v)));
                }
                other => found.push((units, None, other.number().ok_or_else(|| not_a_number(other))?.value)),
            }
        }
        // Numbered by what they hold, so that the order of coordinates and of examples decides no draw.
        let mut of_unit: BTreeMap<u32, Vec<(Option<u32>, f64)>> = BTreeMap::new();
        let mut of_example: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for ((a, b), example, v) in &found {
            of_unit.entry(*a).or_default().push((*example, *v));
            if a != b {
                of_unit.entry(*b).or_default().push((*example, *v));
            }
            if let Some(id) = example {
                of_example.entry(*id).or_default().push(*v);
            }
        }
        of_unit.values_mut().for_each(|v| v.sort_by(|x, y| x.0.cmp(&y.0).then(x.1.total_cmp(&y.1))));
        of_example.values_mut().for_each(|v| v.sort_by(f64::total_cmp));
        let mut units: Vec<(u32, f64, Vec<(Option<u32>, f64)>)> =
            of_unit.into_iter().map(|(u, v)| (u, sum(v.iter().map(|x| x.1)), v)).collect();
        let bits = |v: &[(Option<u32>, f64)]| v.iter().map(|(e, x)| (*e, x.to_bits())).collect::<Vec<_>>();
        units.sort_by(|x, y| x.1.total_cmp(&y.1).then_with(|| bits(&x.2).cmp(&bits(&y.2))));
        let mut examples: Vec<(u32, f64)> = of_example.iter().map(|(id, v)| (*id, mean(v))).collect();
        examples.sort_by(|x, y| x.1.total_cmp(&y.1).then(x.0.cmp(&y.0)));
        let unit: BTreeMap<u32, usize> = units.iter().map(|u| u.0).zip(0..).collect();
        let example: BTreeMap<u32, usize> = examples.iter().map(|e| e.0).zip(0..).collect();
        let at = |id: Option<u32>| id.map_or(0, |id| example[&id]);
        let mut values: Vec<_> = found.into_iter().map(|((a, b), id, v)| ((unit[&a], unit[&b]), at(id), v)).collect();
        values.sort_by_key(|((a, b), e, _)| (*a.min(b), *a.max(b), *a, *e));
        Ok(Some(Shared { units: units.len(), examples: examples.len(), values, paired }))
    }

    /// Returns the mean of all values, and how many they are.
    pub fn mean(&self) -> (f64, usize) {
        let values: Vec<f64> = self.values.iter().map(|v| v.2).collect();
        (mean(&values), values.len())
    }

    /// Returns the mean with units and examples drawn anew with replacement, each value as often as its units and its example were drawn
    /// (Owen's 2007 pigeonhole bootstrap); NaN where none was.
    pub fn drawn(&self, stream: Stream) -> f64 {
        let mut rng = stream.rng();
        let mut times = |n: usize| {
            let mut times = vec![0.0; n];
            (0..n).for_each(|_| times[rng.random_range(0..n as u64) as usize] += 1.0);
            times
        };
        let units = times(self.units);
        let examples = if self.examples > 0 { times(self.examples) } else { vec![1.0] };
        let weight = |(a, b): (usize, usize), e: usize| match self.paired {
            true => units[a] * units[b] * examples[e],
            false => units[a] * examples[e],
        };
        let weights = || self.values.iter().map(|(u, e, v)| (weight(*u, *e), *v));
        sum(weights().map(|(w, v)| w * v)) / sum(weights().map(|(w, _)| w))
    }
}
