//! The F-score of predictions, with its standard error over examples.

use crate::base::statistics::{mean, share_error};

/// Returns the mean over classes of 2 TP / (2 TP + FP + FN), and its standard error: weighted by the classes' examples, or (`macro_mean`) over all
/// classes that occur among labels or predictions. Examples have `each` labels, one after another.
///
/// The error is that of the mean of what each example adds to the score, to first order (its influence; the delta method): a score is a
/// function of the shares p of a label, q of a prediction and t of both, sum of 2 p t / (p + q) or the mean of 2 t / (p + q). It is no
/// smaller than the error of a share as large (Agresti & Coull 1998), so that it does not vanish where all are right.
pub fn f_score(labels: &[u32], predicted: &[u32], macro_mean: bool, each: usize) -> (f64, f64) {
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
    (score, spread.max(share_error(score, k)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Stream;
    use crate::base::statistics::deviation;
    use rand::RngExt;

    /// Returns labels of three uneven classes and predictions, of which some are wrong and more are so in the rarest.
    fn drawn(n: usize, rng: &mut impl RngExt) -> (Vec<u32>, Vec<u32>) {
        let one = |rng: &mut dyn FnMut() -> f64| {
            let u = rng();
            let label = if u < 0.6 {
                0
            } else if u < 0.85 {
                1
            } else {
                2
            };
            let wrong = rng() < [0.1, 0.25, 0.4][label as usize];
            let other = (label + 1 + (rng() < 0.3) as u32) % 3;
            (label, if wrong { other } else { label })
        };
        (0..n).map(|_| one(&mut || rng.random::<f64>())).unzip()
    }

    #[test]
    fn derivatives_are_those_of_the_score() {
        // A jackknife over examples, which needs no derivative, is close to it for many examples.
        let (labels, predicted) = drawn(400, &mut Stream::root(5).rng());
        for macro_mean in [false, true] {
            let without = |i: usize| {
                let left = |v: &[u32]| v.iter().enumerate().filter(|(k, _)| *k != i).map(|(_, x)| *x).collect::<Vec<u32>>();
                f_score(&left(&labels), &left(&predicted), macro_mean, 1).0
            };
            let each: Vec<f64> = (0..400).map(without).collect();
            let jackknife = deviation(&each) * 399.0 / 400f64.sqrt();
            let (_, error) = f_score(&labels, &predicted, macro_mean, 1);
            assert!((error / jackknife - 1.0).abs() < 0.02, "{macro_mean}: {error} {jackknife}");
        }
    }

    #[test]
    fn errors_are_the_true_spread() {
        for (macro_mean, n) in [(false, 200), (true, 200), (false, 60)] {
            let root = Stream::root(17).numbered(n as u64 + macro_mean as u64);
            let got: Vec<(f64, f64)> = (0..2000)
                .map(|i| {
                    let (labels, predicted) = drawn(n, &mut root.numbered(i).rng());
                    f_score(&labels, &predicted, macro_mean, 1)
                })
                .collect();
            let values: Vec<f64> = got.iter().map(|g| g.0).collect();
            let rms = mean(&got.iter().map(|g| g.1 * g.1).collect::<Vec<f64>>()).sqrt();
            let centre = mean(&values);
            let covered = got.iter().filter(|(v, e)| (v - centre).abs() <= 2.0 * e).count() as f64 / 2000.0;
            let ratio = rms / deviation(&values);
            println!("| `f_score(m, d)`, macro {macro_mean}, {n} examples | 2,000 | {ratio:.3} | {:.1} % |", 100.0 * covered);
            assert!((0.9..=1.1).contains(&ratio) && (0.925..=0.97).contains(&covered), "{macro_mean} {n}: {ratio} {covered}");
        }
    }

    #[test]
    fn all_right_is_not_certain() {
        let labels = [0, 1, 2, 0, 1, 2, 0, 1];
        assert_eq!(f_score(&labels, &labels, false, 1), (1.0, share_error(1.0, 8.0)));
        // Words of one example hang together: four examples of two words.
        assert_eq!(f_score(&labels, &labels, false, 2).1, share_error(1.0, 4.0));
    }
}
