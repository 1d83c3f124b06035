//! Scores of several cells brought together example by example, by id.

use crate::engine::kernel::Failure;
use crate::engine::loadings::Loadings;
use crate::engine::value::Scores;
use std::sync::Arc;

/// The examples that several scores have in common.
#[derive(Clone, Debug)]
pub struct Aligned {
    /// Their ids, in the order of the first scores.
    pub ids: Arc<Vec<u32>>,
    /// Their labels in the first scores; empty where those have none.
    pub labels: Arc<Vec<u32>>,
    /// Names of the classes of the first scores.
    pub classes: Vec<String>,
    /// The data set whose examples the first scores are of.
    pub about: Option<Arc<str>>,
    /// For each of the scores, where each common example lies in it; `None` if it is the order itself.
    pub rows: Vec<Option<Vec<usize>>>,
    /// How many ids occur in some of the scores but not in all.
    pub dropped: usize,
}

impl Aligned {
    /// Returns the value of common example `row` in the scores number `which`, which must be `scores`.
    pub fn value(&self, scores: &Scores, which: usize, row: usize) -> f64 {
        match &self.rows[which] {
            Some(rows) => scores.values[rows[row]],
            None => scores.values[row],
        }
    }

    /// Returns what the scores number `which` err by together, for the common examples.
    pub fn loadings(&self, scores: &Scores, which: usize) -> Loadings {
        match &self.rows[which] {
            Some(rows) => scores.loadings.select(rows),
            None => scores.loadings.clone(),
        }
    }

    /// Returns scores for the common examples.
    pub fn scores(&self, values: Vec<f64>) -> Scores {
        let (ids, labels, classes) = (self.ids.clone(), self.labels.clone(), self.classes.clone());
        Scores { values, ids, labels, classes, about: self.about.clone(), ..Scores::default() }
    }
}

/// Returns the examples that all the scores have (an inner join on ids), in the order of the first.
///
/// Ids are a set in each of the scores; should one occur twice, its first place counts in all but the first scores.
/// Fails where there is nothing to align or no example in common.
pub fn align(all: &[&Scores]) -> Result<Aligned, Failure> {
    let Some((first, others)) = all.split_first() else {
        return Err(Failure::new("there are no scores to bring together"));
    };
    let same = |s: &Scores| Arc::ptr_eq(&s.ids, &first.ids) || s.ids == first.ids;
    if others.iter().all(|s| same(s)) {
        return Ok(Aligned {
            ids: first.ids.clone(),
            labels: first.labels.clone(),
            classes: first.classes.clone(),
            about: first.about.clone(),
            rows: vec![None; all.len()],
            dropped: 0,
        });
    }
    let indices: Vec<Vec<(u32, usize)>> = others.iter().map(|s| index(&s.ids)).collect();
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); all.len()];
    for (row, id) in first.ids.iter().enumerate() {
        let places: Option<Vec<usize>> = indices.iter().map(|i| find(i, *id)).collect();
        if let Some(places) = places {
            rows[0].push(row);
            places.into_iter().enumerate().for_each(|(k, p)| rows[k + 1].push(p));
        }
    }
    if rows[0].is_empty() && !first.ids.is_empty() {
        return Err(Failure::new("the scores have no example in common").help(
            "scores are matched by the ids of their examples: make both from the same data set, or from subsets that overlap",
        ));
    }
    let mut union: Vec<u32> = all.iter().flat_map(|s| s.ids.iter().copied()).collect();
    union.sort_unstable();
    union.dedup();
    let ids: Vec<u32> = rows[0].iter().map(|r| first.ids[*r]).collect();
    let labels = if first.labels.is_empty() { Vec::new() } else { rows[0].iter().map(|r| first.labels[*r]).collect() };
    let mut common = ids.clone();
    common.sort_unstable();
    common.dedup();
    Ok(Aligned {
        dropped: union.len() - common.len(),
        ids: Arc::new(ids),
        labels: Arc::new(labels),
        classes: first.classes.clone(),
        about: first.about.clone(),
        rows: rows.into_iter().map(Some).collect(),
    })
}

/// Returns ids with their places, sorted.
fn index(ids: &[u32]) -> Vec<(u32, usize)> {
    let mut out: Vec<(u32, usize)> = ids.iter().copied().zip(0..).collect();
    out.sort_unstable();
    out
}

/// Returns the first place of an id.
fn find(index: &[(u32, usize)], id: u32) -> Option<usize> {
    let at = index.partition_point(|(i, _)| *i < id);
    index.get(at).filter(|(i, _)| *i == id).map(|(_, place)| *place)
}
