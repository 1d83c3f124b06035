//! Errors of F-scores: their derivatives, and how they cover.

use crate::base::Stream;
use crate::base::f_score::f_score;
use crate::base::statistics::{deviation, mean, share_error};
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
        let (_, error, _) = f_score(&labels, &predicted, macro_mean, 1);
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
                let (value, error, _) = f_score(&labels, &predicted, macro_mean, 1);
                (value, error)
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
    let (value, error, _) = f_score(&labels, &labels, false, 1);
    assert_eq!((value, error), (1.0, share_error(1.0, 8.0)));
    // Words of one example hang together: four examples of two words.
    assert_eq!(f_score(&labels, &labels, false, 2).1, share_error(1.0, 4.0));
}
