//! Factors of dropout: drawn on the host from the stream of the step, the same for every engine.

use crate::base::Stream;
use rand::Rng;
use rayon::prelude::*;

/// Numbers drawn from one stream.
const PIECE: usize = 1 << 14;

/// Draws the factors of a layer, numbered by its node: 0 with probability `rate`, else 1 / (1 - rate).
pub fn draw(mask: &mut [f32], rate: f64, stream: Stream, node: usize) {
    let stream = stream.named("dropout").numbered(node as u64);
    let scale = if rate < 1.0 { (1.0 / (1.0 - rate)) as f32 } else { 0.0 };
    let threshold = (rate.clamp(0.0, 1.0) * 4_294_967_296.0) as u64;
    mask.par_chunks_mut(PIECE).enumerate().for_each(|(i, mask)| {
        let mut rng = stream.numbered(i as u64).rng();
        mask.iter_mut().for_each(|m| *m = if (rng.next_u32() as u64) < threshold { 0.0 } else { scale });
    });
}
