//! `calibration`: whether a classifier that is sure of 80 % of its answers is right in 80 % of them.

use super::align::align;
use super::gather::{pass_cost, tell_dropped};
use super::settings::{CalibrationSettings, Equal};
use crate::base::statistics::{by_size, deviation, mean, share_error, sum};
use crate::engine::kernel::{Context, Failure, Job, Kernel};
use crate::engine::parts::{Parts, examples};
use crate::engine::value::{Column, Number, Table, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem};
use crate::plan::files::Files;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `calibration`.
struct Calibration;

/// Returns the kernels of this file.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![("calibration", Box::new(Calibration))]
}

/// Columns of the table: bounds of a bin, mean confidence, share right with its standard error, and how many examples.
const COLUMNS: [&str; 6] = ["from", "to", "confidence", "accuracy", "error", "count"];

/// Most bins there may be.
const MOST: usize = 100_000;

impl Planned for Calibration {
    /// 2: the error remembers the examples. 3: in bins of equal mass 0 and -0 are equal. 4: it remembers whose examples they are. 5: equal confidences are
    /// right alike, whatever bins they fall into.
    fn version(&self) -> u32 {
        5
    }

    fn facts(&self, settings: &Settings, _inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let bins = CalibrationSettings::read(settings).bins;
        if !(1..=MOST).contains(&bins) {
            return Err(Problem {
                code: "cfx::analysis::setting",
                parameter: Some("bins"),
                message: format!("there are 1 to {MOST} bins, not {bins}"),
                help: Some("10 and 15 are usual".to_string()),
            });
        }
        let columns = COLUMNS.iter().map(|c| c.to_string()).collect();
        Ok(Facts { tables: vec![("table".to_string(), columns)], ..Facts::default() })
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let disk = 48.0 * CalibrationSettings::read(settings).bins as f64 + 400.0;
        Cost { disk, ..pass_cost(inputs, 1e-7) }
    }
}

/// Examples in a bin: confidence, 1 where right (a share, where an example has several answers), and the source of error that the example is.
type Bin = Vec<(f64, f64, u64)>;

/// Returns the bins with their bounds. Of equal width: bin i of n holds confidences above i / n up to (i + 1) / n, the first one 0 too, as the published
/// codes have it. Of equal mass: ranks i m / n to (i + 1) m / n of m examples; nothing ranks equal confidences, so that each counts as right as often as
/// all of them are in the mean.
fn binned(mut examples: Bin, bins: usize, equal: Equal) -> Vec<(f64, f64, Bin)> {
    examples.sort_by(|a, b| by_size(&a.0, &b.0).then(by_size(&a.1, &b.1)));
    let m = examples.len();
    if equal == Equal::Mass {
        for tied in examples.chunk_by_mut(|a, b| a.0 == b.0) {
            let right = mean(&tied.iter().map(|e| e.1).collect::<Vec<_>>());
            tied.iter_mut().for_each(|e| e.1 = right);
        }
    }
    match equal {
        Equal::Mass => (0..bins)
            .map(|i| examples[i * m / bins..(i + 1) * m / bins].to_vec())
            .filter(|part| !part.is_empty())
            .map(|part| (part[0].0, part[part.len() - 1].0, part))
            .collect(),
        Equal::Width => {
            let edge = |i: usize| i as f64 / bins as f64;
            let mut out: Vec<(f64, f64, Bin)> = (0..bins).map(|i| (edge(i), edge(i + 1), Vec::new())).collect();
            for e in examples {
                let mut i = ((e.0 * bins as f64).ceil() as usize).clamp(1, bins) - 1;
                // Rounding may put a number at an edge into the next bin: the edges decide.
                while i > 0 && e.0 <= edge(i) {
                    i -= 1;
                }
                while i + 1 < bins && e.0 > edge(i + 1) {
                    i += 1;
                }
                out[i].2.push(e);
            }
            out
        }
    }
}

/// Returns the expected and the largest calibration error of the bins of examples, and the error that perfect calibration would show.
fn summary(examples: &Bin, bins: &[Bin]) -> (Number, f64, f64) {
    let n = examples.len();
    let gap = |bin: &Bin| mean(&bin.iter().map(|(c, right, _)| right - c).collect::<Vec<_>>());
    // What each example adds: its own gap, with the sign of its bin's, of equal confidences in several bins with the mean sign; their mean is the error.
    let key = |confidence: f64| (confidence + 0.0).to_bits();
    let mut signs: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for bin in bins.iter().filter(|b| !b.is_empty()) {
        let sign = if gap(bin) < 0.0 { -1.0 } else { 1.0 };
        for (confidence, ..) in bin {
            let of = signs.entry(key(*confidence)).or_default();
            *of = (of.0 + sign, of.1 + 1.0);
        }
    }
    let signed = |(confidence, right, source): &(f64, f64, u64)| {
        let (sum, count) = signs.get(&key(*confidence)).copied().unwrap_or((0.0, 1.0));
        (*source, sum / count * (right - confidence))
    };
    let each: Vec<(u64, f64)> = examples.iter().map(signed).collect();
    let signed: Vec<f64> = each.iter().map(|e| e.1).collect();
    let middle = mean(&signed);
    let error = (n > 1).then(|| deviation(&signed) / (n as f64).sqrt());
    let parts = Parts::of_units(each.into_iter().map(|(source, gap)| (source, gap - middle)), error.unwrap_or(0.0));
    let largest = bins.iter().filter(|b| !b.is_empty()).map(|b| gap(b).abs()).fold(0.0, f64::max);
    let null = sum(bins.iter().map(|bin| {
        let variance = sum(bin.iter().map(|(c, _, _)| c * (1.0 - c)));
        (2.0 / std::f64::consts::PI * variance).sqrt()
    })) / n as f64;
    (Number { value: middle.max(0.0), error, count: Some(n as u64), parts }, largest, null)
}

impl Kernel for Calibration {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let settings = CalibrationSettings::read(&job.settings);
        let (confidence, correct) = (job.scores("confidence")?, job.scores("correct")?);
        let aligned = align(&[confidence, correct])?;
        tell_dropped(cx, &aligned);
        let name = examples(aligned.about.as_deref().unwrap_or_default(), &aligned.classes);
        let both = aligned.ids.iter().enumerate();
        let both = both.map(|(i, id)| (aligned.value(confidence, 0, i), aligned.value(correct, 1, i), name(*id)));
        let examples: Bin = both.filter(|(c, right, _)| !c.is_nan() && !right.is_nan()).collect();
        if examples.is_empty() {
            return Err(Failure::Absent("no example has both a confidence and an answer that is right or wrong".to_string()));
        }
        for (name, x) in examples.iter().flat_map(|(c, right, _)| [("confidence", *c), ("correct", *right)]) {
            if !(-1e-9..=1.0 + 1e-9).contains(&x) {
                return Err(Failure::new(format!("`{name}` has {x}, which is not between 0 and 1")).help(
                    "`confidence(m, d)` and `correct(m, d)` are such numbers; `probability(…) > 0.5` is a condition, 1 or 0",
                ));
            }
        }
        let answers = |of: fn(&(f64, f64, u64)) -> f64| examples.iter().map(of).all(|v| v == 0.0 || v == 1.0);
        if answers(|e| e.0) && !answers(|e| e.1) {
            return Err(Failure::new("`confidence` is 0 or 1 for every example and `correct` is not: they are swapped")
                .help("the confidence comes first: `calibration(confidence(m, d), correct(m, d))`"));
        }
        let bins = binned(examples.clone(), settings.bins, settings.equal);
        let parts: Vec<Bin> = bins.iter().map(|(_, _, b)| b.clone()).collect();
        let (ece, largest, null) = summary(&examples, &parts);
        let of = |bin: &Bin, which: fn(&(f64, f64, u64)) -> f64| {
            if bin.is_empty() { f64::NAN } else { mean(&bin.iter().map(which).collect::<Vec<_>>()) }
        };
        let accuracy: Vec<f64> = parts.iter().map(|b| of(b, |e| e.1)).collect();
        let error =
            parts.iter().zip(&accuracy).map(|(b, p)| if b.is_empty() { f64::NAN } else { share_error(*p, b.len() as f64) });
        let columns = [
            bins.iter().map(|b| b.0).collect::<Vec<_>>(),
            bins.iter().map(|b| b.1).collect(),
            parts.iter().map(|b| of(b, |e| e.0)).collect(),
            accuracy.clone(),
            error.collect(),
            parts.iter().map(|b| b.len() as f64).collect(),
        ];
        let columns = COLUMNS.iter().zip(columns).map(|(name, x)| (name.to_string(), Column::Numbers(x))).collect();
        let count = ece.count;
        let plain = |value: f64| Value::Number(Number::new(value, None, count));
        Ok(Value::Record(vec![
            ("ece".to_string(), Value::Number(ece)),
            ("largest".to_string(), plain(largest)),
            ("null".to_string(), plain(null)),
            ("table".to_string(), Value::Table(Arc::new(Table { columns }))),
        ]))
    }
}
