//! The F-score of predictions, with its standard error over examples.

use super::statistics::{mean, share_error};

/// Returns the mean over classes of 2 TP / (2 TP + FP + FN), and its standard error: weighted by the classes' examples, or (`macro_mean`) over all
/// classes that occur among labels or predictions. Examples have `each` labels, one after another. Third, what each example adds to the score.
///
/// The error is that of the mean of what each example adds to the score, to first order (its influence; the delta method): a score is a
/// function of the shares p of a label, q of a prediction and t of both, sum of 2 p t / (p + q) or the mean of 2 t / (p + q). To its square comes
/// what the error of a share as large (Agresti & Coull 1998) has beyond its binomial variance, so that it does not vanish where all are right. Where
/// some examples get no prediction, a score scatters less than such a share: they count against the hits alone.
pub fn f_score(labels: &[u32], predicted: &[u32], macro_mean: bool, each: usize) -> (f64, f64, Vec<f64>) {
    let classes = labels.iter().chain(predicted).max().map_or(0, |m| *m as usize + 1);
    let (mut hit, mut of, mut said) = (vec![0f64; classes], vec![0f64; classes], vec![0f64; classes]);
    for (l, p) in labels.iter().zip(predicted) {
        of[*l as usize] += 1.0;
        said[*p as usize] += 1.0;
        if l == p {
            hit[*l as usize] += 1.0;
        }
    }
    let n = labels.len() as f64;
    let (mut sum, mut weight) = (0.0, 0.0);
    // Derivatives by p, q and t of each class.
    let mut slopes = vec![[0.0; 3]; classes];
    for c in (0..classes).filter(|c| of[*c] + said[*c] > 0.0) {
        let w = if macro_mean { 1.0 } else { of[c] };
        sum += w * 2.0 * hit[c] / (of[c] + said[c]);
        weight += w;
        let (p, q, t) = (of[c] / n, said[c] / n, hit[c] / n);
        let both = (p + q) * (p + q);
        slopes[c] = match macro_mean {
            true => [-2.0 * t / both, -2.0 * t / both, 2.0 / (p + q)],
            false => [2.0 * t * q / both, -2.0 * t * p / both, 2.0 * p / (p + q)],
        };
    }
    let score = sum / weight;
    // A mean over classes is divided by their number. What each adds has the mean 0 once the score's own share is taken off.
    let scale = if macro_mean { weight } else { 1.0 };
    let adds = labels.iter().zip(predicted).map(|(l, p)| {
        let (l, p) = (*l as usize, *p as usize);
        (slopes[l][0] + slopes[p][1] + if l == p { slopes[l][2] } else { 0.0 }) / scale
    });
    let adds: Vec<f64> = adds.collect();
    let by_example: Vec<f64> = adds.chunks(each.max(1)).map(mean).collect();
    let k = by_example.len() as f64;
    let middle = mean(&by_example);
    let squares: f64 = by_example.iter().map(|a| (a - middle) * (a - middle)).sum();
    let spread = if k > 1.0 { (squares / (k * (k - 1.0))).sqrt() } else { 0.0 };
    (score, spread.hypot(beyond_binomial(score, k)), by_example)
}

/// Returns what the error of a share of `n` (Agresti & Coull 1998) has beyond its binomial variance, as an error: most where all or none hold.
pub fn beyond_binomial(share: f64, n: f64) -> f64 {
    (share_error(share, n).powi(2) - share * (1.0 - share) / n).max(0.0).sqrt()
}
