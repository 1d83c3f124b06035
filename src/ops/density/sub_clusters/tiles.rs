//! Inner loops over eight rows at a time: which component each joins, and which of two sides.

use super::super::cache::Observations;
use super::super::lanes::Lanes;
use super::super::simd::{LANES, dispatch, exp8, ln8};
use super::base::Form;

/// Marks a row whose weights are no numbers: it stays where it is.
pub const STAYS: u32 = u32::MAX;

/// Puts eight rows side by side, dimension by dimension; fewer rows are filled up with the last one.
#[inline(always)]
fn load(data: &Observations, rows: &[u32], out: &mut [[f64; LANES]]) {
    for lane in 0..LANES {
        let row = data.row(rows[lane.min(rows.len() - 1)] as usize);
        out.iter_mut().zip(row).for_each(|(o, x)| o[lane] = *x);
    }
}

#[inline(always)]
fn join_body<V: Lanes>(data: &Observations, rows: &[u32], forms: &[Form], open: &[u32], uniforms: &[f64], joined: &mut [u32]) {
    let mut x = vec![[0.0; LANES]; data.d];
    let mut weights = vec![[0.0; LANES]; forms.len()];
    let tiles = rows.chunks(LANES).zip(open.chunks(LANES)).zip(uniforms.chunks(LANES)).zip(joined.chunks_mut(LANES));
    for (((rows, open), uniforms), joined) in tiles {
        load(data, rows, &mut x);
        let mut top = [f64::NEG_INFINITY; LANES];
        let closed = open.iter().any(|m| (*m as usize) < forms.len());
        for (k, (form, w)) in forms.iter().zip(&mut weights).enumerate() {
            form.squares::<V>(&x).fma(V::splat(-0.5), V::splat(form.constant)).store(w);
            if closed {
                open.iter().zip(w.iter_mut()).filter(|(m, _)| **m as usize <= k).for_each(|(_, w)| *w = f64::NEG_INFINITY);
            }
            for l in 0..LANES {
                top[l] = if w[l] > top[l] { w[l] } else { top[l] };
            }
        }
        let mut sums = V::splat(0.0);
        for w in &mut weights {
            let mut off = [0.0; LANES];
            for l in 0..LANES {
                off[l] = w[l] - top[l];
            }
            *w = exp8::<V>(&off);
            sums = sums.add(V::load(w));
        }
        let mut left = [0.0; LANES];
        sums.store(&mut left);
        for l in 0..rows.len() {
            let mut rest = left[l] * uniforms[l];
            let mut to = STAYS;
            for (k, w) in weights.iter().enumerate() {
                if w[l] > 0.0 {
                    to = k as u32;
                    rest -= w[l];
                    if rest < 0.0 {
                        break;
                    }
                }
            }
            joined[l] = to;
        }
    }
}

dispatch! {
    /// Draws for each row one of the first `open` forms, in proportion to its weights.
    pub fn join(data: &Observations, rows: &[u32], forms: &[Form], open: &[u32], uniforms: &[f64], joined: &mut [u32]) = join_body
}

#[inline(always)]
fn part_body<V: Lanes>(
    data: &Observations,
    rows: &[u32],
    forms: &[Form; 2],
    uniforms: &[f64],
    forced: bool,
    sides: &mut [u32],
) -> f64 {
    let mut x = vec![[0.0; LANES]; data.d];
    let mut total = 0.0;
    for ((rows, uniforms), sides) in rows.chunks(LANES).zip(uniforms.chunks(LANES)).zip(sides.chunks_mut(LANES)) {
        load(data, rows, &mut x);
        let mut logs = [[0.0; LANES]; 2];
        for (form, log) in forms.iter().zip(&mut logs) {
            let mut one = [0.0; LANES];
            form.squares::<V>(&x).fma(V::splat(form.stretch), V::splat(1.0)).store(&mut one);
            let ln = ln8::<V>(&one);
            for l in 0..LANES {
                log[l] = V::fma1(-form.power, ln[l], form.constant);
            }
        }
        let mut gap = [0.0; LANES];
        let mut less = [0.0; LANES];
        for l in 0..LANES {
            gap[l] = logs[1][l] - logs[0][l];
            less[l] = -gap[l].abs();
        }
        let less = exp8::<V>(&less);
        let mut sum = [0.0; LANES];
        for l in 0..LANES {
            sum[l] = 1.0 + less[l];
        }
        let log_sum = ln8::<V>(&sum);
        for l in 0..rows.len() {
            let second = if gap[l] >= 0.0 { 1.0 / sum[l] } else { less[l] / sum[l] };
            if !forced {
                sides[l] = u32::from(uniforms[l] < second);
            }
            // The likelier side has a probability of 1 / sum, the other one exp(-|gap|) / sum.
            let unlikely = (sides[l] == 1) != (gap[l] >= 0.0);
            total -= log_sum[l] + if unlikely { gap[l].abs() } else { 0.0 };
        }
    }
    total
}

dispatch! {
    /// Draws for each row one of two sides in proportion to their weights, or with `forced` takes those given; returns the log probability.
    pub fn part(data: &Observations, rows: &[u32], forms: &[Form; 2], uniforms: &[f64], forced: bool, sides: &mut [u32]) -> f64 = part_body
}
