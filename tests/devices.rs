//! A whole script on two engines: the host's, and that of candle's devices, on candle's CPU device.

use crate::script::{Ran, repository, run_on, source};
use cfx::engine::Value;
use cfx::engine::value::Column;

/// Largest difference between the engines, relative to the largest number of a result.
const CLOSE: f64 = 1e-4;

/// Returns the numbers of a value under names, and its words.
fn contents(value: &Value) -> Vec<(String, Vec<f64>, Vec<String>)> {
    let numbers = |name: &str, x: Vec<f64>| (name.to_string(), x, Vec::new());
    match value {
        Value::Number(n) => vec![numbers("value", vec![n.value]), numbers("error", vec![n.error.unwrap_or(-1.0)])],
        Value::Scores(s) => vec![numbers("scores", s.values.to_vec())],
        // The sign of a singular vector is a convention that the last digit may turn.
        Value::Stages(s) => vec![numbers("rows", s.x.iter().map(|x| x.abs()).collect())],
        Value::Truth(t) => vec![("holds".to_string(), Vec::new(), vec![t.holds.to_string()])],
        Value::Table(t) => t
            .columns
            .iter()
            .map(|(name, column)| match column {
                Column::Numbers(x) => numbers(name, x.clone()),
                Column::Texts(x) => (name.clone(), Vec::new(), x.clone()),
            })
            .collect(),
        Value::Absent(why) => vec![("absent".to_string(), Vec::new(), vec![why.clone()])],
        _ => Vec::new(),
    }
}

/// Returns how far numbers lie apart, relative to the largest of them; what is no number on both sides agrees.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    let largest = a.iter().filter(|x| x.is_finite()).fold(1e-9f64, |m, x| m.max(x.abs()));
    let one = |(a, b): (&f64, &f64)| match (a.is_finite(), b.is_finite()) {
        (true, true) => (a - b).abs() / largest,
        _ if a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan() => 0.0,
        _ => f64::INFINITY,
    };
    a.iter().zip(b).map(one).fold(0.0, f64::max)
}

#[test]
fn a_script_gives_on_candle_what_it_gives_on_the_host() {
    let text = std::fs::read_to_string(repository("tests/data/both_engines.cfx")).expect("the script");
    let run = |device: &str| -> Ran {
        let source = source("both_engines.cfx", &text, &repository("tests/data"), &[]);
        run_on(source, device).unwrap_or_else(|found| panic!("{:?}", found.1))
    };
    let (host, candle) = (run("cpu"), run("candle"));
    assert_ne!(host.outcome.device, candle.outcome.device, "results of one engine are not taken for the other's");
    let mut wrong = Vec::new();
    let mut compared = 0;
    for declared in &host.graph.values {
        for entry in declared.entries.iter() {
            let (a, b) = match (host.value(entry), candle.value(entry)) {
                (Ok(a), Ok(b)) => (contents(&a), contents(&b)),
                // Weights that nobody asked to keep.
                (Err(a), Err(b)) if a == b && a == "computed, but not kept" => continue,
                (a, b) => panic!("{}: {:?} {:?}", declared.name, a.err(), b.err()),
            };
            assert_eq!(a.len(), b.len(), "{}", declared.name);
            for ((name, x, words), (_, y, others)) in a.iter().zip(&b) {
                compared += x.len() + words.len();
                let apart = apart(x, y);
                if !(apart <= CLOSE) || words != others {
                    wrong.push(format!("{} {name}: {apart:.1e} {:?} {:?}", declared.name, words.first(), others.first()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 3000, "{compared}");
}
