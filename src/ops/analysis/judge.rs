//! `f_score_of`: how good predictions are that something made for each example, whatever made them.

use super::gather::{Cell, gather, pass_cost};
use super::reduce::{keep_classes, needs_examples};
use super::refuse;
use super::settings::{Average, FScoreSettings};
use crate::base::f_score::beyond_binomial;
use crate::base::statistics::f_score;
use crate::engine::kernel::{Context, Failure, Job, Kernel};
use crate::engine::parts::Parts;
use crate::engine::value::{Number, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, Shape};
use crate::plan::files::Files;
use std::collections::BTreeMap;

/// `f_score_of`.
struct FScoreOf;

/// Returns the kernels of this file.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![("f_score_of", Box::new(FScoreOf))]
}

/// Most classes that predictions may be of.
const MOST: f64 = 65536.0;

impl Planned for FScoreOf {
    /// 2: the error remembers the examples. 3: it does not vanish where all are right.
    fn version(&self) -> u32 {
        3
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        refuse::kept_examples("f_score_of", FScoreSettings::read(settings).over, shapes)?;
        refuse::unlabelled(settings, shapes)
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        if inputs.iter().filter(|(slot, _)| *slot == "x").flat_map(|(_, f)| f).any(|f| f.labelled == Some(false)) {
            return Err(Problem {
                code: "cfx::analysis::setting",
                parameter: Some("x"),
                message: "these predictions are of examples without labels".to_string(),
                help: Some("predict examples that have labels".to_string()),
            });
        }
        Ok(keep_classes(inputs))
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-7)
    }
}

/// For each class how many examples are predicted right, are of it, and are said to be.
struct Tally {
    hit: Vec<f64>,
    of: Vec<f64>,
    said: Vec<f64>,
}

impl Tally {
    fn add(&mut self, label: usize, predicted: usize, times: f64) {
        self.of[label] += times;
        self.said[predicted] += times;
        if label == predicted {
            self.hit[label] += times;
        }
    }

    fn score(&self, macro_mean: bool) -> f64 {
        f_score(&self.hit, &self.of, &self.said, macro_mean)
    }
}

/// Returns the F-score of pairs of label and prediction, and its jackknife error over the pairs: all that are alike leave the same score when one is left out,
/// which is given for each pair, too. The error does not vanish where all are right ([`beyond_binomial`]).
pub fn judged(pairs: &BTreeMap<(u32, u32), u64>, macro_mean: bool) -> (Number, BTreeMap<(u32, u32), f64>) {
    // Only classes that occur count.
    let mut classes: Vec<u32> = pairs.keys().flat_map(|(l, p)| [*l, *p]).collect();
    classes.sort_unstable();
    classes.dedup();
    let k = classes.len();
    let place = |c: u32| classes.partition_point(|x| *x < c);
    let cells: Vec<(usize, usize, f64)> = pairs.iter().map(|((l, p), n)| (place(*l), place(*p), *n as f64)).collect();
    let mut tally = Tally { hit: vec![0.0; k], of: vec![0.0; k], said: vec![0.0; k] };
    cells.iter().for_each(|(l, p, times)| tally.add(*l, *p, *times));
    let n: f64 = cells.iter().map(|c| c.2).sum();
    let value = tally.score(macro_mean);
    let without: Vec<(f64, f64)> = cells
        .iter()
        .map(|(l, p, times)| {
            tally.add(*l, *p, -1.0);
            let left = tally.score(macro_mean);
            tally.add(*l, *p, 1.0);
            (left, *times)
        })
        .collect();
    let error = (n > 1.0).then(|| {
        let mean = without.iter().map(|(x, times)| x * times).sum::<f64>() / n;
        let square = without.iter().map(|(x, times)| (x - mean).powi(2) * times).sum::<f64>();
        ((n - 1.0) / n * square).sqrt().hypot(beyond_binomial(value, n))
    });
    (Number::new(value, error, Some(n as u64)), pairs.keys().copied().zip(without.iter().map(|w| w.0)).collect())
}

impl Kernel for FScoreOf {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let settings = FScoreSettings::read(&job.settings);
        let gathered = gather(job, "x")?;
        needs_examples(job, settings.over, gathered.per_example())?;
        let mut pairs: BTreeMap<(u32, u32), u64> = BTreeMap::new();
        for (_, cell) in &gathered.cells {
            let Cell::Scores(s) = cell else { return Err(Failure::new("predictions are one number per example")) };
            if s.labels.len() != s.ids.len() {
                return Err(
                    Failure::new("these predictions are of examples without labels").help("predict examples that have labels")
                );
            }
            for ((value, label), id) in s.values.iter().zip(s.labels.iter()).zip(s.ids.iter()).filter(|((v, _), _)| !v.is_nan()) {
                if value.fract() != 0.0 || !(0.0..MOST).contains(value) {
                    return Err(Failure::new(format!("example {id} has {value}, which is not the number of a class"))
                        .help("`predicted(m, d)` and `classify(p, s)` give such numbers, from 0"));
                }
                *pairs.entry((*label, *value as u32)).or_default() += 1;
            }
        }
        if pairs.is_empty() {
            return Err(match gathered.cells.is_empty() {
                true => gathered.nothing(),
                false => Failure::Absent("there is no prediction here".to_string()),
            });
        }
        let (number, without) = judged(&pairs, settings.average == Average::Macro);
        // Of one cell, each example has one prediction.
        let parts = match (gathered.cells.as_slice(), number.error) {
            ([(_, Cell::Scores(s))], Some(error)) => {
                let each = s.values.iter().zip(s.labels.iter()).zip(s.ids.iter()).filter(|((v, _), _)| !v.is_nan());
                let adds = each.map(|((v, label), id)| (*id, -without.get(&(*label, *v as u32)).copied().unwrap_or(0.0)));
                let (ids, adds): (Vec<u32>, Vec<f64>) = adds.unzip();
                Parts::of_examples((s.about.as_deref().unwrap_or_default(), &s.classes), &ids, &adds, error)
            }
            _ => Parts::default(),
        };
        Ok(Value::Number(Number { parts, ..number }))
    }
}
