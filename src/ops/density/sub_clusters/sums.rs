//! What a set of rows says of a Gaussian: size, mean and scatter about the mean; gathered about a point near the mean, and joined.

use super::super::cache::Observations;
use super::super::lanes::Lanes;
use super::super::simd::{LANES, dispatch};

/// Size, mean and scatter of rows in the frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Sums {
    /// Number of rows.
    pub n: usize,
    /// Their mean, padded.
    pub mean: Vec<f64>,
    /// Sum of `(x - mean)(x - mean)'`: the lower triangle, d padded rows; of diagonal and spherical measures the padded diagonal.
    pub scatter: Vec<f64>,
}

/// Sums of rows about a point.
#[derive(Clone, Debug)]
pub struct Running {
    n: usize,
    first: Vec<f64>,
    second: Vec<f64>,
}

/// Returns how many numbers the scatter has.
pub fn scatter_len(d: usize, dp: usize, full: bool) -> usize {
    if full { d * dp } else { dp }
}

impl Running {
    /// Returns the sums of no rows.
    pub fn new(d: usize, dp: usize, full: bool) -> Running {
        Running { n: 0, first: vec![0.0; dp], second: vec![0.0; scatter_len(d, dp, full)] }
    }

    /// Adds the sums of further rows about the same point.
    pub fn add(&mut self, other: &Running) {
        self.n += other.n;
        for (to, from) in [(&mut self.first, &other.first), (&mut self.second, &other.second)] {
            to.iter_mut().zip(from).for_each(|(a, b)| *a += b);
        }
    }

    /// Returns what the rows say; `at` is the point. Near the mean, hardly a digit is lost.
    pub fn finish(mut self, at: &[f64]) -> Sums {
        let (dp, n) = (self.first.len(), self.n.max(1) as f64);
        let full = self.second.len() > dp;
        for (a, row) in self.second.chunks_exact_mut(dp).enumerate() {
            for (b, s) in row.iter_mut().enumerate() {
                let a = if full { a } else { b };
                *s = if full && b > a { 0.0 } else { *s - self.first[a] * self.first[b] / n };
                if a == b {
                    *s = s.max(0.0);
                }
            }
        }
        let mean = if self.n == 0 { vec![0.0; dp] } else { at.iter().zip(&self.first).map(|(a, f)| a + f / n).collect() };
        Sums { n: self.n, mean, scatter: self.second }
    }
}

impl Sums {
    /// Returns what both sets say together: the scatters, and that of the two means, which cancels nothing.
    pub fn with(&self, other: &Sums) -> Sums {
        let (a, b) = (self.n as f64, other.n as f64);
        let total = a + b;
        let apart: Vec<f64> = self.mean.iter().zip(&other.mean).map(|(x, y)| y - x).collect();
        let mean = self.mean.iter().zip(&apart).map(|(x, v)| x + b / total * v).collect();
        let dp = self.mean.len();
        let full = self.scatter.len() > dp;
        let entry = |k: usize| {
            let (i, j) = if full { (k / dp, k % dp) } else { (k, k) };
            let between = if full && j > i { 0.0 } else { a * b / total * apart[i] * apart[j] };
            self.scatter[k] + other.scatter[k] + between
        };
        Sums { n: self.n + other.n, mean, scatter: (0..self.scatter.len()).map(entry).collect() }
    }

    /// Returns the scatter as a symmetric d x d matrix; of a full measure.
    pub fn matrix(&self, d: usize) -> Vec<f64> {
        let dp = self.mean.len();
        (0..d * d).map(|k| self.scatter[(k / d).max(k % d) * dp + (k / d).min(k % d)]).collect()
    }
}

#[inline(always)]
fn gather_body<V: Lanes>(data: &Observations, rows: &[u32], labels: &[u32], points: &[f64], sums: &mut [Running]) {
    let dp = data.dp;
    let mut v = vec![0.0; dp];
    for (i, label) in rows.iter().zip(labels) {
        let (k, x) = (*label as usize, data.row(*i as usize));
        let at = points[k * dp..(k + 1) * dp].as_chunks::<LANES>().0;
        let run = &mut sums[k];
        run.n += 1;
        let parts = v.as_chunks_mut::<LANES>().0.iter_mut().zip(x.as_chunks::<LANES>().0);
        for (((v, x), at), f) in parts.zip(at).zip(run.first.as_chunks_mut::<LANES>().0) {
            let off = V::load(x).sub(V::load(at));
            off.store(v);
            V::load(f).add(off).store(f);
        }
        let vc = v.as_chunks::<LANES>().0;
        if run.second.len() == dp {
            for (s, v) in run.second.as_chunks_mut::<LANES>().0.iter_mut().zip(vc) {
                V::load(v).fma(V::load(v), V::load(s)).store(s);
            }
            continue;
        }
        for (a, row) in run.second.chunks_exact_mut(dp).enumerate() {
            let factor = V::splat(v[a]);
            for (s, v) in row.as_chunks_mut::<LANES>().0.iter_mut().zip(vc).take(a / LANES + 1) {
                V::load(v).fma(factor, V::load(s)).store(s);
            }
        }
    }
}

dispatch! {
    /// Adds each row to the sums of its label, about the label's point (padded, one behind the other).
    pub fn gather(data: &Observations, rows: &[u32], labels: &[u32], points: &[f64], sums: &mut [Running]) = gather_body
}
