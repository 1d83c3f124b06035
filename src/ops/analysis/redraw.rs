//! Values of cells and of examples, drawn anew: units of pairs, coordinates of axes, examples, each as a whole.

use super::gather::{Cell, Gathered, not_a_number};
use super::sample::Statistic;
use crate::base::Stream;
use crate::base::statistics::{mean, sum};
use crate::engine::kernel::Failure;
use crate::engine::value::ROW_IDS;
use rand::RngExt;
use std::collections::BTreeMap;

/// Values that share coordinates of axes, units of pairs or examples, for drawing those anew.
pub struct Shared {
    /// How many there are of each kind of thing that is drawn: units of pairs, or the coordinates of each axis; last, where there are any, the
    /// examples.
    drawn: Vec<usize>,
    /// For each value the things that it belongs to (the kind, and which), and the value.
    values: Vec<(Vec<(usize, usize)>, f64)>,
}

/// A value: the unit of each kind that it belongs to (both of a pair), its example, and itself.
type Found = (Vec<(usize, u32)>, Option<u32>, f64);

impl Shared {
    /// Returns how many values there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns the values of cells that share units of pairs or coordinates of several axes, or of several cells with examples; nothing of others,
    /// which are drawn one by one. Inner axes are averaged first.
    pub fn of(gathered: &Gathered) -> Result<Option<Shared>, Failure> {
        if gathered.chosen_anew() {
            return Ok(None);
        }
        let gathered = gathered.inner_first(&|s| s.as_unit(Statistic::Mean))?;
        let paired = !gathered.units.is_empty();
        let standing = gathered.standing(false);
        if !(paired || standing.axes > 1 || gathered.per_example() && gathered.cells.len() > 1) {
            return Ok(None);
        }
        let kinds = if paired { 1 } else { standing.axes.max(1) };
        let mut found: Vec<Found> = Vec::new();
        for (k, (_, cell)) in gathered.cells.iter().enumerate() {
            let units: Vec<(usize, u32)> = match gathered.units.get(k) {
                Some((a, b)) => vec![(0, *a), (0, *b)],
                None if standing.axes > 0 => (0..kinds).map(|d| (d, standing.at[k][d])).collect(),
                None => vec![(0, k as u32)],
            };
            match cell {
                Cell::Scores(s) => {
                    let each = s.values.iter().zip(s.ids.iter()).filter(|(v, _)| !v.is_nan());
                    found.extend(each.map(|(v, id)| (units.clone(), Some(*id % ROW_IDS), *v)));
                }
                other => found.push((units, None, other.number().ok_or_else(|| not_a_number(other))?.value)),
            }
        }
        // Numbered by what they hold, so that the order of axes, of coordinates and of examples decides no draw.
        let by_kind: Vec<(Vec<f64>, BTreeMap<u32, usize>)> = (0..kinds).map(|d| numbered(&found, d)).collect();
        let mut order: Vec<usize> = (0..kinds).collect();
        let total = |a: &[f64], b: &[f64]| {
            let each = a.iter().zip(b).map(|(x, y)| x.total_cmp(y)).find(|o| o.is_ne());
            a.len().cmp(&b.len()).then(each.unwrap_or(std::cmp::Ordering::Equal))
        };
        order.sort_by(|a, b| total(&by_kind[*a].0, &by_kind[*b].0));
        let place: Vec<usize> = (0..kinds).map(|d| order.iter().position(|o| *o == d).unwrap_or(d)).collect();
        let mut drawn: Vec<usize> = order.iter().map(|d| by_kind[*d].0.len()).collect();
        let mut of_example: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        found.iter().for_each(|(_, id, v)| id.iter().for_each(|id| of_example.entry(*id).or_default().push(*v)));
        of_example.values_mut().for_each(|v| v.sort_by(f64::total_cmp));
        let mut examples: Vec<(u32, f64)> = of_example.iter().map(|(id, v)| (*id, mean(v))).collect();
        examples.sort_by(|x, y| x.1.total_cmp(&y.1).then(x.0.cmp(&y.0)));
        let example: BTreeMap<u32, usize> = examples.iter().map(|e| e.0).zip(0..).collect();
        let mut values: Vec<(Vec<(usize, usize)>, f64)> = Vec::with_capacity(found.len());
        for (units, id, v) in found {
            let mut of: Vec<(usize, usize)> = units.iter().map(|(d, u)| (place[*d], by_kind[*d].1[u])).collect();
            of.sort_unstable();
            of.extend(id.map(|id| (kinds, example[&id])));
            values.push((of, v));
        }
        values.sort_by(|x, y| x.0.cmp(&y.0));
        if !examples.is_empty() {
            drawn.push(examples.len());
        }
        Ok(Some(Shared { drawn, values }))
    }

    /// Returns all values.
    pub fn values(&self) -> impl Iterator<Item = f64> {
        self.values.iter().map(|v| v.1)
    }

    /// Returns the mean of all values, and how many they are.
    pub fn mean(&self) -> (f64, usize) {
        let values: Vec<f64> = self.values().collect();
        (mean(&values), values.len())
    }

    /// Returns the mean with units, coordinates of each axis, and examples drawn anew with replacement, each value as often as all that it belongs to
    /// was drawn together (Owen's 2007 pigeonhole bootstrap); NaN where none was.
    pub fn drawn(&self, stream: Stream) -> f64 {
        let mut rng = stream.rng();
        let mut times = |n: &usize| {
            let mut times = vec![0.0; *n];
            (0..*n).for_each(|_| times[rng.random_range(0..*n as u64) as usize] += 1.0);
            times
        };
        let times: Vec<Vec<f64>> = self.drawn.iter().map(&mut times).collect();
        let weights = || self.values.iter().map(|(of, v)| (of.iter().map(|(d, i)| times[*d][*i]).product::<f64>(), *v));
        sum(weights().map(|(w, v)| w * v)) / sum(weights().map(|(w, _)| w))
    }
}

/// Returns the sums of the values at each thing of a kind, ascending, and the place of each among them.
fn numbered(found: &[Found], kind: usize) -> (Vec<f64>, BTreeMap<u32, usize>) {
    let mut of: BTreeMap<u32, Vec<(Option<u32>, f64)>> = BTreeMap::new();
    for (units, example, v) in found {
        let mut here: Vec<u32> = units.iter().filter(|(d, _)| *d == kind).map(|(_, u)| *u).collect();
        here.dedup();
        here.into_iter().for_each(|u| of.entry(u).or_default().push((*example, *v)));
    }
    of.values_mut().for_each(|v| v.sort_by(|x, y| x.0.cmp(&y.0).then(x.1.total_cmp(&y.1))));
    let mut all: Vec<(u32, f64, Vec<(Option<u32>, f64)>)> =
        of.into_iter().map(|(u, v)| (u, sum(v.iter().map(|x| x.1)), v)).collect();
    let bits = |v: &[(Option<u32>, f64)]| v.iter().map(|(e, x)| (*e, x.to_bits())).collect::<Vec<_>>();
    all.sort_by(|x, y| x.1.total_cmp(&y.1).then_with(|| bits(&x.2).cmp(&bits(&y.2))));
    (all.iter().map(|u| u.1).collect(), all.iter().map(|u| u.0).zip(0..).collect())
}
