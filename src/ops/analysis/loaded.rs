//! What numbers per example err by together, through means over cells and through sums of examples.

use super::align::Aligned;
use super::drawn::AXES;
use super::standing::Standing;
use crate::base::{Hash, Hasher};
use crate::engine::loadings::{Load, Loadings};
use crate::engine::parts::source;
use crate::engine::value::Scores;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Returns what the means over cells err by together, example by example: `cells` has the scores of each cell and where it stands.
///
/// Each coordinate c of an axis with m of them was drawn: it moves the mean of an example by (mean at c - mean of all) / sqrt(m (m - 1)), so that
/// over some examples the root of the sum of squares of the mean loadings is s / sqrt(m), the error of their mean with other coordinates.
/// Sources that several cells share move the mean by the mean of what they move; those of one cell are in the spread of the cells.
pub fn of_mean(scores: &[&Scores], aligned: &Aligned, standing: &Standing) -> Loadings {
    let (rows, cells) = (aligned.ids.len(), scores.len());
    let value = |cell: usize, row: usize| aligned.value(scores[cell], cell, row);
    let mut out = Loadings::default();
    let axes: Vec<usize> = (0..AXES).filter(|k| standing.at.iter().any(|at| at[*k] != standing.at[0][*k])).collect();
    for k in axes {
        let mut groups: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        (0..cells).for_each(|c| groups.entry(standing.at[c][k]).or_default().push(c));
        let names: Vec<u64> = groups.values().map(|all| name(scores, standing, k, all)).collect();
        let mut loads = vec![vec![0.0; rows]; groups.len()];
        let mut means = vec![f64::NAN; groups.len()];
        for row in 0..rows {
            for (mean, all) in means.iter_mut().zip(groups.values()) {
                let there = all.iter().map(|c| value(*c, row)).filter(|v| !v.is_nan());
                let (sum, n) = there.fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
                *mean = sum / n;
            }
            let there = means.iter().filter(|m| !m.is_nan());
            let m = there.clone().count() as f64;
            if m < 2.0 {
                continue;
            }
            let centre = there.sum::<f64>() / m;
            let scale = (m * (m - 1.0)).sqrt();
            for (load, mean) in loads.iter_mut().zip(&means).filter(|(_, mean)| !mean.is_nan()) {
                load[row] = (mean - centre) / scale;
            }
        }
        // Where all coordinates agree, none moves anything.
        let moves = names.into_iter().zip(loads).filter(|(_, load)| load.iter().any(|x| *x != 0.0));
        moves.for_each(|(source, load)| out.add(source, Load::Each(Arc::new(load))));
    }
    let mut met: BTreeMap<u64, usize> = BTreeMap::new();
    let own: Vec<Loadings> = scores.iter().enumerate().map(|(c, s)| aligned.loadings(s, c)).collect();
    own.iter().flat_map(Loadings::iter).for_each(|(source, _)| *met.entry(source).or_default() += 1);
    let shared: BTreeSet<u64> = met.into_iter().filter(|(_, n)| *n > 1 || cells == 1).map(|(source, _)| source).collect();
    for all in own {
        for (source, load) in all.iter().filter(|(source, _)| shared.contains(source)) {
            let each = (0..rows).map(|row| load.at(row) / cells as f64).collect();
            out.add(source, if let Load::All(x) = load { Load::All(x / cells as f64) } else { Load::Each(Arc::new(each)) });
        }
    }
    out
}

/// Returns the source that a coordinate is, of some cells: the same wherever it is named, else known by what stands there.
fn name(scores: &[&Scores], standing: &Standing, axis: usize, cells: &[usize]) -> u64 {
    match cells.first().map(|c| standing.units[*c][axis]) {
        Some(unit) if standing.named && unit != 0 => unit,
        _ => {
            let mut h = Hasher::new("scores");
            for c in cells {
                let bytes: Vec<u8> = scores[*c].values.iter().flat_map(|v| v.to_le_bytes()).collect();
                h.bytes(&Hash::of(&bytes).0);
            }
            source(&h.finish())
        }
    }
}
