//! Cross-entropy of class scores in the memory of the host, whatever engine made them.

use super::cpu::functions::{exp, max, sum64, wide};
use rayon::prelude::*;

/// Rows of one task.
const ROWS: usize = 16;

/// Writes each example's loss: minus the log of the softmax at the label; with smoothing e the target is (1 - e) at the label plus e / K everywhere.
/// Where examples have several labels each, their mean.
///
/// `scores` is `labels x classes`. Where `grad` is given it receives the gradient of `scale` times the summed loss by the scores.
pub fn cross_entropy(scores: &[f32], labels: &[u32], smoothing: f64, losses: &mut [f64], grad: Option<(&mut [f32], f64)>) {
    let k = scores.len() / labels.len().max(1);
    let each = (labels.len() / losses.len().max(1)).max(1);
    if each > 1 {
        let mut all = vec![0f64; labels.len()];
        let grad = grad.map(|(grad, scale)| (grad, scale / each as f64));
        cross_entropy(scores, labels, smoothing, &mut all, grad);
        let means = all.chunks(each).map(|part| part.iter().sum::<f64>() / each as f64);
        losses.iter_mut().zip(means).for_each(|(loss, mean)| *loss = mean);
        return;
    }
    let one = |scores: &[f32], label: u32, highest: f32, total: f64| {
        let mean = if smoothing == 0.0 { 0.0 } else { scores.iter().map(|s| *s as f64).sum::<f64>() / k as f64 };
        highest as f64 + total.ln() - (1.0 - smoothing) * scores[label as usize] as f64 - smoothing * mean
    };
    match grad {
        None => losses.par_chunks_mut(ROWS).enumerate().for_each(|(i, losses)| {
            let mut exponentials = vec![0f32; k];
            for (j, loss) in losses.iter_mut().enumerate() {
                let row = i * ROWS + j;
                let scores = &scores[row * k..][..k];
                let (mut highest, mut total) = (0.0, 0.0);
                exponentiate(scores, &mut exponentials, &mut highest, &mut total);
                *loss = one(scores, labels[row], highest, total);
            }
        }),
        Some((grad, scale)) => {
            losses.par_chunks_mut(ROWS).zip(grad.par_chunks_mut(ROWS * k)).enumerate().for_each(|(i, (losses, grad))| {
                for (j, (loss, grad)) in losses.iter_mut().zip(grad.chunks_exact_mut(k)).enumerate() {
                    let row = i * ROWS + j;
                    let (scores, label) = (&scores[row * k..][..k], labels[row] as usize);
                    let (mut highest, mut total) = (0.0, 0.0);
                    exponentiate(scores, grad, &mut highest, &mut total);
                    *loss = one(scores, labels[row], highest, total);
                    scale_and_lower(grad, (scale / total) as f32, (scale * smoothing / k as f64) as f32);
                    // At the label the difference is taken in 64 bits: it is small where the network is sure.
                    let probability = (scores[label] as f64 - highest as f64).exp() / total;
                    grad[label] = (scale * (probability - smoothing / k as f64 - (1.0 - smoothing))) as f32;
                }
            });
        }
    }
}

wide! {
    /// Writes exp(score - highest score) of a row, that highest score, and the sum.
    fn exponentiate(scores: &[f32], out: &mut [f32], highest: &mut f32, total: &mut f64) {
        let top = max(scores);
        *highest = top;
        out.iter_mut().zip(scores).for_each(|(o, s)| *o = exp(s - top));
        // In 64 bits: where the network is sure, all but one of the numbers are tiny.
        *total = sum64(out.len(), |i| out[i] as f64);
    }
}

wide! {
    /// Replaces each number by itself times a factor, less a number.
    fn scale_and_lower(row: &mut [f32], factor: f32, less: f32) {
        row.iter_mut().for_each(|x| *x = *x * factor - less);
    }
}

/// Returns how many labels have the highest score of their row of `labels x classes`.
pub fn right(scores: &[f32], labels: &[u32]) -> usize {
    let k = (scores.len() / labels.len().max(1)).max(1);
    scores.par_chunks_exact(k).zip(labels).with_min_len(ROWS).filter(|(s, l)| highest(s) == **l as usize).count()
}

/// Returns the class with the highest score, the first of equal ones.
pub fn highest(scores: &[f32]) -> usize {
    let mut best = 0;
    for (i, s) in scores.iter().enumerate() {
        if *s > scores[best] {
            best = i;
        }
    }
    best
}
