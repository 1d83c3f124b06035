//! Collapsed Gibbs sampling, one observation at a time: exact (Neal, 2000, algorithm 3), and paid for by moves only.
//!
//! While no component changes, an observation stays with a probability that depends on alpha alone ([`Stay`](super::state::Stay)). So once all have
//! been weighed, the probability that a whole pass moves nobody is a product that hangs on no order of visits: one uniform number
//! settles it, and only where somebody moves is there an order, and a first mover, found by the same number.

use super::cache::freshen_body;
use super::lanes::Lanes;
use super::niw::Shape;
use super::simd::{LANES, dispatch, exp8, ln8};
use super::state::{NONE, State};
use rand::RngExt;

/// Observations whose cache rows are brought up to date together.
const TILE: usize = LANES;

/// Working space of a pass.
#[derive(Debug, Default)]
pub struct Scratch {
    weights: Vec<f64>,
}

/// Below this `|S without x| / |S|` is computed from scratch rather than as `1 - c q`, which loses its digits.
const TINY: f64 = 1e-8;

/// Largest exponent of a new component's weight (at alpha 1) relative to the others': beyond it a new component is certain anyway.
const CERTAIN: f64 = 650.0;

/// What weighing an observation comes to: sum of the components' weights, that of its own, and that of a new component were alpha 1.
struct Weighed {
    sum: f64,
    own: f64,
    new: f64,
}

/// Writes the weights of the components for an observation given all others, the largest being 1; its row must be up to date.
#[inline(always)]
fn weigh<V: Lanes>(state: &mut State, i: usize, scratch: &mut Scratch) -> Weighed {
    let k = state.z[i] as usize;
    let used = state.comps.len().next_multiple_of(LANES);
    let lp = &mut scratch.weights;
    lp.resize(used.max(lp.len()), 0.0);
    let lp = &mut lp[..used];
    let w = &mut state.weights;
    let kept = (w.a[k], w.b[k], w.f[k]);
    [w.a[k], w.b[k], w.f[k]] = w.own[k];
    let q = state.cache.row(i);
    let diagonal = state.niw.shape == Shape::Diagonal;
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
        return Weighed { sum: 0.0, own: 0.0, new: 1.0 };
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
    let mut exponents = [0.0; LANES];
    exponents[0] = (state.log_new[i] - top).min(CERTAIN);
    Weighed { sum: sums.sum(), own: lp[k], new: exp8::<V>(&exponents)[0] }
}

/// Returns the slot drawn for an observation given all others (`NONE`: a new component) and remembers how likely it was to stay; with
/// `moves`, given as well that it does not stay.
#[inline(always)]
fn choose<V: Lanes>(state: &mut State, i: usize, uniform: f64, moves: bool, scratch: &mut Scratch) -> u32 {
    let k = state.z[i] as usize;
    let alone = state.comps[k].n == 1;
    let weighed = weigh::<V>(state, i, scratch);
    let new = state.alpha * weighed.new;
    remember(state, i, alone, &weighed);
    let weights = &scratch.weights[..state.comps.len()];
    // Staying first: the likely outcome, and any fixed order inverts the same distribution.
    let staying = if alone { new } else { weighed.own };
    let mut left = if moves {
        let others: f64 = weights.iter().enumerate().filter(|(j, _)| *j != k).map(|(_, w)| w).sum();
        uniform * (others + if alone { 0.0 } else { new })
    } else {
        uniform * (weighed.sum + new) - staying
    };
    if !moves && left < 0.0 {
        return k as u32;
    }
    let mut last = k;
    for (j, weight) in weights.iter().enumerate() {
        if j != k && *weight > 0.0 {
            last = j;
            left -= weight;
            if left < 0.0 {
                return last as u32;
            }
        }
    }
    if new > 0.0 && !alone { NONE } else { last as u32 }
}

/// Keeps what [`Stay`](super::state::Stay) says of an observation.
#[inline(always)]
fn remember(state: &mut State, i: usize, alone: bool, weighed: &Weighed) {
    let stay = &mut state.stay;
    stay.at[i] = state.changes;
    (stay.m[i], stay.g[i], stay.h[i]) = if alone {
        (1.0, 0.0, if weighed.sum > 0.0 { weighed.sum / weighed.new } else { 0.0 })
    } else if weighed.own > 0.0 {
        (weighed.sum / weighed.own, weighed.new / weighed.own, 0.0)
    } else {
        (f64::INFINITY, 0.0, 0.0)
    };
}

/// Returns `1 / p` of staying, at the present alpha.
#[inline(always)]
fn odds<V: Lanes>(state: &State, i: usize) -> f64 {
    V::fma1(1.0 / state.alpha, state.stay.h[i], V::fma1(state.alpha, state.stay.g[i], state.stay.m[i]))
}

#[inline(always)]
fn nobody_body<V: Lanes>(state: &State) -> f64 {
    let (alpha, inverse) = (V::splat(state.alpha), V::splat(1.0 / state.alpha));
    let ((m, rest), (g, _), (h, _)) =
        (state.stay.m.as_chunks::<LANES>(), state.stay.g.as_chunks::<LANES>(), state.stay.h.as_chunks::<LANES>());
    // Several products at once: one alone would wait for itself.
    let mut products = [V::splat(1.0); 4];
    for (c, ((m, g), h)) in m.iter().zip(g).zip(h).enumerate() {
        let one = inverse.fma(V::load(h), alpha.fma(V::load(g), V::load(m)));
        products[c % 4] = products[c % 4].fma(one, V::splat(0.0));
    }
    let mut total = 1.0;
    for p in products {
        let mut lanes = [0.0; LANES];
        p.store(&mut lanes);
        total *= lanes.iter().product::<f64>();
    }
    let from = state.data.n - rest.len();
    (from..state.data.n).fold(total, |total, i| total * odds::<V>(state, i))
}

dispatch! {
    /// Returns `1 / p` of a pass that moves nobody; all must have been weighed. Infinity where it is beyond the range of numbers.
    pub fn nobody(state: &State) -> f64 = nobody_body
}

#[inline(always)]
fn first_body<V: Lanes>(state: &State, order: &[u32], uniform: f64) -> usize {
    let mut product = 1.0;
    order
        .iter()
        .position(|i| {
            product *= odds::<V>(state, *i as usize);
            !(uniform * product < 1.0)
        })
        .unwrap_or(order.len())
}

dispatch! {
    /// Returns the place in the order of the first to move, where the uniform number says that somebody does; all must have been weighed.
    pub fn first(state: &State, order: &[u32], uniform: f64) -> usize = first_body
}

#[inline(always)]
fn sweep_body<V: Lanes>(state: &mut State, order: &[u32], uniforms: &[f64], mover: bool, scratch: &mut Scratch) -> u64 {
    let (mut moves, before) = (0, state.changes);
    let mut forced = mover;
    for (tile, us) in order.chunks(TILE).zip(uniforms.chunks(TILE)) {
        if tile.iter().any(|i| state.stay.at[*i as usize] != state.changes) {
            freshen_body::<V>(&mut state.cache, &state.data, &state.comps, &state.z, state.changes, tile, &mut state.scratch);
        }
        for (i, u) in tile.iter().zip(us) {
            let at = *i as usize;
            if !forced && state.stay.at[at] == state.changes && u * odds::<V>(state, at) < 1.0 {
                continue;
            }
            let one = std::slice::from_ref(i);
            freshen_body::<V>(&mut state.cache, &state.data, &state.comps, &state.z, state.changes, one, &mut state.scratch);
            let from = state.z[at];
            let to = choose::<V>(state, at, *u, std::mem::take(&mut forced), scratch);
            if to == from {
                continue;
            }
            moves += 1;
            state.take(at);
            let to = if to == NONE { state.free_slot() } else { to as usize };
            state.put(at, to);
        }
    }
    if order.len() == state.data.n && state.changes == before {
        state.stay.all = before;
    }
    moves
}

dispatch! {
    /// Visits the observations in the order given, one uniform number each; returns how many changed component. With `mover`, given that the
    /// first one moves.
    pub fn sweep(state: &mut State, order: &[u32], uniforms: &[f64], mover: bool, scratch: &mut Scratch) -> u64 = sweep_body
}

/// One pass: draws the order by `permute` only where it matters, and uniform numbers only for those whose visits are not settled.
pub fn pass<R: rand::Rng>(
    state: &mut State,
    order: &mut [u32],
    uniforms: &mut [f64],
    rng: &mut R,
    permute: impl FnOnce(&mut [u32], &mut R),
    scratch: &mut Scratch,
) -> u64 {
    let n = order.len();
    if state.stay.all != state.changes {
        permute(order, rng);
        uniforms.iter_mut().for_each(|u| *u = rng.random());
        return sweep(state, order, uniforms, false, scratch);
    }
    let uniform: f64 = rng.random();
    if uniform * nobody(state) < 1.0 {
        return 0;
    }
    permute(order, rng);
    let at = first(state, order, uniform);
    uniforms[at..].iter_mut().for_each(|u| *u = rng.random());
    if at < n { sweep(state, &order[at..], &uniforms[at..], true, scratch) } else { 0 }
}
