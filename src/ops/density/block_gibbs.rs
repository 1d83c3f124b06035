//! Block sampling as published: a block's members are drawn independently given everything outside the block.
//!
//! An approximation to a joint draw for blocks of two and more (recipes.md A, difference 6). Nothing is taken out in order to
//! look: with m members of the block in a component, `S' = S - V (I + 11'/kappa') V'` (V their offsets from its mean), so
//! determinant and quadratic forms without them follow from m x m matrices.

use super::matrix::{cholesky, solve_lower};
use super::niw::Shape;
use super::simd::{inner, symmetric_times};
use super::state::State;
use rand::RngExt;

/// Working space of a pass.
#[derive(Debug, Default)]
pub struct Scratch {
    v: Vec<f64>,
    w: Vec<f64>,
    log_weights: Vec<f64>,
}

/// Draws one block's members and moves them; returns how many changed component.
pub fn visit(state: &mut State, block: &[u32], rng: &mut impl rand::Rng, scratch: &mut Scratch) -> u64 {
    state.freshen(block);
    let slots = state.comps.len();
    let width = slots + 1;
    scratch.log_weights.clear();
    scratch.log_weights.resize(block.len() * width, f64::NEG_INFINITY);
    for k in 0..slots {
        if state.comps[k].n > 0 {
            column(state, block, k, width, scratch);
        }
    }
    let mut choices = Vec::with_capacity(block.len());
    for (j, i) in block.iter().enumerate() {
        let row = &mut scratch.log_weights[j * width..(j + 1) * width];
        row[slots] = state.alpha.ln() + state.log_new[*i as usize];
        choices.push(draw(row, rng.random()));
    }
    relocate(state, block, &choices, slots)
}

/// Returns an index drawn with probability proportional to the exponentials, which replace their logarithms.
fn draw(row: &mut [f64], uniform: f64) -> usize {
    let top = row.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b));
    row.iter_mut().for_each(|x| *x = (*x - top).exp());
    let mut left = uniform * row.iter().sum::<f64>();
    let mut last = 0;
    for (j, weight) in row.iter().enumerate().filter(|(_, w)| **w > 0.0) {
        last = j;
        left -= weight;
        if left < 0.0 {
            break;
        }
    }
    last
}

/// Moves the members whose component changed: first out, then in; those drawn "new" share one component.
fn relocate(state: &mut State, block: &[u32], choices: &[usize], slots: usize) -> u64 {
    let before: Vec<u32> = block.iter().map(|i| state.z[*i as usize]).collect();
    // A component that was the "new" ones' own, all of it, is what they would found again.
    let founders: Vec<usize> = (0..block.len()).filter(|j| choices[*j] == slots).collect();
    let same = founders.first().is_some_and(|f| {
        founders.iter().all(|j| before[*j] == before[*f]) && state.comps[before[*f] as usize].n == founders.len()
    });
    let stays = |j: usize| choices[j] == before[j] as usize || (same && choices[j] == slots);
    let movers: Vec<usize> = (0..block.len()).filter(|j| !stays(*j)).collect();
    movers.iter().for_each(|j| state.take(block[*j] as usize));
    let mut founded = None;
    for j in &movers {
        let k = if choices[*j] == slots { *founded.get_or_insert_with(|| state.free_slot()) } else { choices[*j] };
        state.put(block[*j] as usize, k);
    }
    movers.len() as u64
}

/// Fills one component's column of log weights: size and predictive without the block.
fn column(state: &State, block: &[u32], k: usize, width: usize, scratch: &mut Scratch) {
    let (niw, c, data) = (&state.niw, &state.comps[k], &state.data);
    let members: Vec<usize> = (0..block.len()).filter(|j| state.z[block[*j] as usize] == k as u32).collect();
    let m = members.len();
    let q = |j: usize| state.cache.row(block[j] as usize)[k];
    let n = c.n - m;
    if n == 0 {
        return;
    }
    let log_size = niw.ln(n);
    let log_weights = &mut scratch.log_weights;
    let mut put = |j: usize, log_det: f64, q: f64| log_weights[j * width + k] = log_size + niw.log_predictive(n, log_det, q);
    if m == 0 {
        (0..block.len()).for_each(|j| put(j, c.log_det, q(j)));
        return;
    }
    let dp = data.dp;
    scratch.v.resize(dp, 0.0);
    if niw.shape != Shape::Full {
        let mut rest = c.clone();
        members.iter().for_each(|j| rest.remove(niw, data.row(block[*j] as usize), &mut scratch.v));
        if rest.doubtful {
            return from_scratch(state, block, k, put);
        }
        for (j, i) in block.iter().enumerate() {
            put(j, rest.log_det, rest.quadratic(data.row(*i as usize), &mut scratch.v));
        }
        return;
    }
    scratch.w.resize(m * dp, 0.0);
    let mut shift = vec![0.0; m];
    for (r, j) in members.iter().enumerate() {
        let w = &mut scratch.w[r * dp..(r + 1) * dp];
        for ((v, x), mu) in scratch.v.iter_mut().zip(data.row(block[*j] as usize)).zip(&c.mu) {
            *v = x - mu;
        }
        symmetric_times(&c.half, &scratch.v, w);
        shift[r] = inner(w, &c.mu);
    }
    // h[j][r] = v_r' P (x_j - mu)
    let h: Vec<f64> = (0..block.len() * m)
        .map(|at| inner(&scratch.w[at % m * dp..(at % m + 1) * dp], data.row(block[at / m] as usize)) - shift[at % m])
        .collect();
    let g = |r: usize, s: usize| h[members[r] * m + s];
    let (kappa, outside) = (niw.kappa(c.n), niw.kappa(n));
    let mut a: Vec<f64> = (0..m * m).map(|at| f64::from(u8::from(at / m == at % m)) - 1.0 / kappa - g(at / m, at % m)).collect();
    let sums: Vec<f64> = (0..m).map(|r| (0..m).map(|s| g(r, s)).sum::<f64>() / outside).collect();
    let both = sums.iter().sum::<f64>() / outside;
    let Some(log_a) = cholesky(&mut a, m).filter(|x| *x > -18.0) else {
        return from_scratch(state, block, k, put);
    };
    let log_det = c.log_det + (kappa / outside).ln() + log_a;
    for j in 0..block.len() {
        let row = &h[j * m..(j + 1) * m];
        let mut e: Vec<f64> = row.iter().zip(&sums).map(|(h, s)| h + s).collect();
        solve_lower(&a, m, &mut e);
        let cross = 2.0 / outside * row.iter().sum::<f64>();
        put(j, log_det, (q(j) + cross + both + e.iter().map(|e| e * e).sum::<f64>()).max(0.0));
    }
}

/// The same from the members outside the block, where removing the block leaves almost nothing of the component's scatter.
fn from_scratch(state: &State, block: &[u32], k: usize, mut put: impl FnMut(usize, f64, f64)) {
    let mut rest = super::component::Component::empty(&state.niw);
    let outside = |i: usize| state.z[i] == k as u32 && !block.contains(&(i as u32));
    rest.rebuild(&state.niw, (0..state.data.n).filter(|i| outside(*i)).map(|i| state.data.row(i)));
    let mut u = vec![0.0; state.data.dp];
    for (j, i) in block.iter().enumerate() {
        let q = rest.quadratic(state.data.row(*i as usize), &mut u);
        put(j, rest.log_det, q);
    }
}
