//! Collapsed Gibbs sampling, one observation at a time: exact (Neal, 2000, algorithm 3), and paid for by moves only.

use super::cache::freshen_body;
use super::lanes::Lanes;
use super::simd::{LANES, dispatch, exp8, ln8};
use super::state::{Memo, NONE, State};

/// Observations whose cache rows are brought up to date together.
const TILE: usize = LANES;

/// Working space of a pass.
#[derive(Debug, Default)]
pub struct Scratch {
    weights: Vec<f64>,
}

/// Below this `|S without x| / |S|` is computed from scratch rather than as `1 - c q`, which loses its digits.
const TINY: f64 = 1e-8;

/// Largest exponent of a new component's weight relative to the others': beyond it a new component is certain anyway.
const CERTAIN: f64 = 700.0;

/// Writes the weights of the components for an observation given all others, the largest being 1; its row must be up to date.
#[inline(always)]
fn weigh<V: Lanes>(state: &mut State, i: usize, scratch: &mut Scratch) -> Memo {
    let k = state.z[i] as usize;
    let used = state.comps.len().next_multiple_of(LANES);
    let lp = &mut scratch.weights;
    lp.resize(used.max(lp.len()), 0.0);
    let lp = &mut lp[..used];
    let w = &mut state.weights;
    let kept = (w.a[k], w.b[k], w.f[k]);
    [w.a[k], w.b[k], w.f[k]] = w.own[k];
    let q = state.cache.row(i);
    let diagonal = state.niw.diagonal;
    let own = if diagonal { if q[k] == f64::NEG_INFINITY { 0.0 } else { 1.0 } } else { V::fma1(w.f[k], q[k], 1.0) };
    let exact = if own < TINY && state.comps[k].n > 1 { Some(w.b[k]) } else { None };
    let arrays = w.a.as_chunks::<LANES>().0.iter().zip(w.b.as_chunks::<LANES>().0).zip(w.f.as_chunks::<LANES>().0);
    for ((lp, q), ((a, b), f)) in lp.as_chunks_mut::<LANES>().0.iter_mut().zip(q.as_chunks::<LANES>().0).zip(arrays) {
        let mut y = [0.0; LANES];
        if diagonal {
            // The logarithms are in the cache; entries of free slots may be anything.
            for l in 0..LANES {
                y[l] = if q[l] > -1e300 { q[l] } else { 0.0 };
            }
        } else {
            for l in 0..LANES {
                let v = V::fma1(f[l], q[l], 1.0);
                y[l] = if v > 1e-300 { v } else { 1e-300 };
            }
            y = ln8::<V>(&y);
        }
        for l in 0..LANES {
            lp[l] = V::fma1(-b[l], y[l], a[l]);
        }
    }
    let own_a = w.a[k];
    (w.a[k], w.b[k], w.f[k]) = kept;
    if let Some(b) = exact {
        lp[k] = own_a - b * state.exact_own(i);
    }
    let mut top = [f64::NEG_INFINITY; LANES];
    for chunk in lp.as_chunks::<LANES>().0 {
        for l in 0..LANES {
            top[l] = if chunk[l] > top[l] { chunk[l] } else { top[l] };
        }
    }
    let top = top.iter().fold(f64::NEG_INFINITY, |a, b| if *b > a { *b } else { a });
    if top == f64::NEG_INFINITY {
        // Nobody else is anywhere.
        lp.fill(0.0);
        return Memo { changes: state.changes, top, sum: 0.0, own: 0.0 };
    }
    let mut sums = V::splat(0.0);
    for chunk in lp.as_chunks_mut::<LANES>().0 {
        let mut x = [0.0; LANES];
        for l in 0..LANES {
            x[l] = chunk[l] - top;
        }
        *chunk = exp8::<V>(&x);
        sums = sums.add(V::load(chunk));
    }
    Memo { changes: state.changes, top, sum: sums.sum(), own: lp[k] }
}

/// Returns the slot drawn for an observation given all others (`NONE`: a new component).
#[inline(always)]
fn choose<V: Lanes>(state: &mut State, i: usize, uniform: f64, scratch: &mut Scratch) -> u32 {
    let k = state.z[i] as usize;
    let memo = weigh::<V>(state, i, scratch);
    state.memos[i] = memo;
    let mut exponents = [0.0; LANES];
    exponents[0] = (state.alpha.ln() + state.log_new[i] - memo.top).min(CERTAIN);
    let new = exp8::<V>(&exponents)[0];
    let mut left = uniform * (memo.sum + new);
    // Its own component first: the likely outcome, and any fixed order inverts the same distribution.
    left -= memo.own;
    if left < 0.0 {
        return k as u32;
    }
    let mut last = k;
    for (j, weight) in scratch.weights[..state.comps.len()].iter().enumerate() {
        if j != k && *weight > 0.0 {
            last = j;
            left -= weight;
            if left < 0.0 {
                return last as u32;
            }
        }
    }
    if new > 0.0 { NONE } else { last as u32 }
}

/// Returns whether a whole tile is known to stay: nothing has changed since its rows were weighed, and every uniform falls on its own
/// component. The numbers compared are those of [`choose`], to the bit.
#[inline(always)]
fn all_stay<V: Lanes>(state: &State, tile: &[u32], uniforms: &[f64]) -> bool {
    if tile.len() < TILE || tile.iter().any(|i| state.memos[*i as usize].changes != state.changes) {
        return false;
    }
    let log_alpha = state.alpha.ln();
    let mut exponents = [0.0; TILE];
    for (e, i) in exponents.iter_mut().zip(tile) {
        *e = (log_alpha + state.log_new[*i as usize] - state.memos[*i as usize].top).min(CERTAIN);
    }
    let new = exp8::<V>(&exponents);
    tile.iter().zip(uniforms).zip(new).all(|((i, u), new)| {
        let memo = &state.memos[*i as usize];
        u * (memo.sum + new) - memo.own < 0.0
    })
}

#[inline(always)]
fn sweep_body<V: Lanes>(state: &mut State, order: &[u32], uniforms: &[f64], scratch: &mut Scratch) -> u64 {
    let mut moves = 0;
    for (tile, us) in order.chunks(TILE).zip(uniforms.chunks(TILE)) {
        if all_stay::<V>(state, tile, us) {
            continue;
        }
        freshen_body::<V>(&mut state.cache, state.data, &state.comps, &state.z, state.changes, tile, &mut state.scratch);
        for (i, u) in tile.iter().zip(us) {
            let one = std::slice::from_ref(i);
            freshen_body::<V>(&mut state.cache, state.data, &state.comps, &state.z, state.changes, one, &mut state.scratch);
            let i = *i as usize;
            let from = state.z[i];
            let to = choose::<V>(state, i, *u, scratch);
            let alone = state.comps[from as usize].n == 1;
            if to == from || (to == NONE && alone) {
                continue;
            }
            moves += 1;
            state.take(i);
            let to = if to == NONE { state.free_slot() } else { to as usize };
            state.put(i, to);
        }
    }
    moves
}

dispatch! {
    /// Visits the observations in the order given, one uniform number each; returns how many changed component.
    pub fn sweep(state: &mut State, order: &[u32], uniforms: &[f64], scratch: &mut Scratch) -> u64 = sweep_body
}
