//! Hierarchical clustering of a matrix of distances: single, complete, average and Ward's linkage, by chains of nearest neighbours.
//!
//! Source: Müllner 2011, "Modern hierarchical, agglomerative clustering algorithms"; updates of Lance & Williams 1967.

use crate::base::statistics::by_size;
use crate::words;

words! {
    /// How far two clusters are from each other.
    pub enum Linkage {
        /// The mean distance of their members.
        Average = "average",
        /// The largest.
        Complete = "complete",
        /// The smallest.
        Single = "single",
        /// Ward's: what joining them adds to the sum of squares, of Euclidean distances.
        Ward = "ward",
    }
}

/// One merge. Clusters below `n` are single leaves; cluster `n + i` is what merge `i` made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Merge {
    /// The two clusters, the lower number first.
    pub clusters: (usize, usize),
    /// Their distance.
    pub height: f64,
    /// Leaves of what comes out.
    pub size: usize,
}

/// A tree of merges, lowest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tree {
    /// Leaves.
    pub leaves: usize,
    /// The merges, one fewer than leaves.
    pub merges: Vec<Merge>,
}

impl Linkage {
    /// Returns the distance of a cluster from what two others become: `u` and `v` its distances from them, `between` theirs, and the sizes of the
    /// two and of itself.
    fn joined(self, u: f64, v: f64, between: f64, sizes: (f64, f64, f64)) -> f64 {
        let (a, b, c) = sizes;
        match self {
            Linkage::Average => (a * u + b * v) / (a + b),
            Linkage::Complete => u.max(v),
            Linkage::Single => u.min(v),
            Linkage::Ward => {
                let squares = (a + c) * u * u + (b + c) * v * v - c * between * between;
                (squares / (a + b + c)).max(0.0).sqrt()
            }
        }
    }
}

/// Returns the tree of a symmetric matrix of distances, row by row; `n` rows. Takes time as n^2 and memory as the matrix.
pub fn tree(mut d: Vec<f64>, n: usize, linkage: Linkage) -> Tree {
    let mut size = vec![1usize; n];
    // Which leaves stand for clusters still to merge: each cluster goes by its first leaf.
    let mut alive: Vec<usize> = (0..n).collect();
    let mut chain: Vec<usize> = Vec::new();
    let mut found: Vec<(usize, usize, f64)> = Vec::new();
    while alive.len() > 1 {
        if chain.is_empty() {
            chain.extend(alive.first());
        }
        while let Some(here) = chain.last().copied() {
            let before = chain.len().checked_sub(2).map(|i| chain[i]);
            // Of equally near ones the one before on the chain, so that chains end, else the first.
            let mut best = before;
            for other in alive.iter().copied().filter(|o| *o != here) {
                if best.is_none_or(|b| d[here * n + other] < d[here * n + b]) {
                    best = Some(other);
                }
            }
            match best {
                Some(next) if Some(next) != before => chain.push(next),
                _ => break,
            }
        }
        let (Some(a), Some(b)) = (chain.pop(), chain.pop()) else { break };
        let (low, high) = (a.min(b), a.max(b));
        let between = d[a * n + b];
        found.push((low, high, between));
        for c in alive.iter().copied().filter(|c| *c != low && *c != high) {
            let sizes = (size[low] as f64, size[high] as f64, size[c] as f64);
            let far = linkage.joined(d[low * n + c], d[high * n + c], between, sizes);
            d[low * n + c] = far;
            d[c * n + low] = far;
        }
        size[low] += size[high];
        alive.retain(|c| *c != high);
    }
    named(found, n)
}

/// Returns merges in order of height, with clusters numbered as they come about.
fn named(mut found: Vec<(usize, usize, f64)>, n: usize) -> Tree {
    found.sort_by(|a, b| by_size(&a.2, &b.2));
    // The cluster that each leaf is in now, found through the first leaf of what it was merged into.
    let mut parent: Vec<usize> = (0..n).collect();
    let mut cluster: Vec<(usize, usize)> = (0..n).map(|i| (i, 1)).collect();
    let root = |parent: &[usize], mut i: usize| {
        while parent[i] != i {
            i = parent[i];
        }
        i
    };
    let mut merges = Vec::with_capacity(found.len());
    for (i, (a, b, height)) in found.into_iter().enumerate() {
        let (a, b) = (root(&parent, a), root(&parent, b));
        let ((x, s), (y, t)) = (cluster[a], cluster[b]);
        merges.push(Merge { clusters: (x.min(y), x.max(y)), height, size: s + t });
        parent[b] = a;
        cluster[a] = (n + i, s + t);
    }
    Tree { leaves: n, merges }
}

impl Tree {
    /// Returns the leaves from left to right: what has the lower number in each merge comes first.
    pub fn order(&self) -> Vec<usize> {
        let mut out = Vec::with_capacity(self.leaves);
        let mut open = vec![self.leaves + self.merges.len()];
        if let Some(top) = open.first_mut() {
            *top = top.saturating_sub(1);
        }
        while let Some(cluster) = open.pop() {
            match cluster.checked_sub(self.leaves) {
                Some(merge) => open.extend([self.merges[merge].clusters.1, self.merges[merge].clusters.0]),
                None => out.push(cluster),
            }
        }
        out
    }

    /// Returns the group of each leaf when the tree is cut into `count` groups, numbered from 0 in the order of their first leaves.
    pub fn groups(&self, count: usize) -> Vec<usize> {
        let kept = self.leaves.saturating_sub(count.max(1));
        let mut group: Vec<usize> = (0..self.leaves + kept).collect();
        for (i, merge) in self.merges.iter().take(kept).enumerate().rev() {
            let own = group[self.leaves + i];
            group[merge.clusters.0] = own;
            group[merge.clusters.1] = own;
        }
        let mut seen: Vec<usize> = Vec::new();
        let mut number = |g: usize| match seen.iter().position(|s| *s == g) {
            Some(i) => i,
            None => {
                seen.push(g);
                seen.len() - 1
            }
        };
        group[..self.leaves].iter().map(|g| number(*g)).collect()
    }

    /// Returns the heights at which pairs of leaves are first in one cluster, in the order (0, 1), (0, 2), … (1, 2), …
    pub fn cophenetic(&self) -> Vec<f64> {
        let n = self.leaves;
        let mut members: Vec<Vec<usize>> = (0..n).map(|i| vec![i]).collect();
        let mut all = vec![0.0; n * n];
        for merge in &self.merges {
            let (a, b) = (std::mem::take(&mut members[merge.clusters.0]), std::mem::take(&mut members[merge.clusters.1]));
            for x in &a {
                for y in &b {
                    all[x.min(y) * n + x.max(y)] = merge.height;
                }
            }
            members.push([a, b].concat());
        }
        (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).map(|(i, j)| all[i * n + j]).collect()
    }
}
