//! Cross-entropy of class scores.

use rayon::prelude::*;

/// Rows of one task.
const ROWS: usize = 64;

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
    let one = |scores: &[f32], label: u32, loss: &mut f64| {
        let highest = scores.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b)) as f64;
        let total: f64 = scores.iter().map(|s| (*s as f64 - highest).exp()).sum();
        let log_total = highest + total.ln();
        let mean = scores.iter().map(|s| *s as f64).sum::<f64>() / k as f64;
        *loss = log_total - (1.0 - smoothing) * scores[label as usize] as f64 - smoothing * mean;
        log_total
    };
    match grad {
        None => losses.par_chunks_mut(ROWS).enumerate().for_each(|(i, losses)| {
            for (j, loss) in losses.iter_mut().enumerate() {
                let row = i * ROWS + j;
                one(&scores[row * k..][..k], labels[row], loss);
            }
        }),
        Some((grad, scale)) => {
            losses.par_chunks_mut(ROWS).zip(grad.par_chunks_mut(ROWS * k)).enumerate().for_each(|(i, (losses, grad))| {
                for (j, (loss, grad)) in losses.iter_mut().zip(grad.chunks_exact_mut(k)).enumerate() {
                    let row = i * ROWS + j;
                    let scores = &scores[row * k..][..k];
                    let log_total = one(scores, labels[row], loss);
                    for (c, (g, s)) in grad.iter_mut().zip(scores).enumerate() {
                        let target = smoothing / k as f64 + if c == labels[row] as usize { 1.0 - smoothing } else { 0.0 };
                        *g = (scale * ((*s as f64 - log_total).exp() - target)) as f32;
                    }
                }
            });
        }
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
