//! `own_class`: each example given the number of its own class, so that scores can be centred, scaled and judged within classes.

use super::gather::{Cell, labelled, not_a_number, pass_cost};
use crate::engine::kernel::{Context, Failure, Job, Kernel, mismatch};
use crate::engine::value::{Scores, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, Shape, known};
use crate::plan::files::Files;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `own_class`.
struct OwnClass;

/// Returns the kernels of this file.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![("own_class", Box::new(OwnClass))]
}

/// Returns the problem of an input that this operation can do nothing with.
fn problem(parameter: &'static str, message: &str, help: &str) -> Problem {
    Problem {
        code: "cfx::analysis::axis",
        parameter: Some(parameter),
        message: message.to_string(),
        help: Some(help.to_string()),
    }
}

impl Planned for OwnClass {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn fits(&self, _settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        let shape = |slot: &str| shapes.iter().find(|s| s.slot == slot);
        let (x, of) = (shape("x"), shape("of"));
        if x.is_some_and(|x| x.axes.is_empty()) {
            let help = "make them by class, as in `own_class(mean(l, by: class), of: l)`";
            return Err(problem("x", "these numbers have no axis `class`, so no class has one of its own", help));
        }
        let unlabelled = |s: &Shape| s.facts.iter().any(|f| f.labelled == Some(false));
        match (x, of) {
            (Some(x), None) if !x.kind.per_example() => Err(problem(
                "x",
                "nothing says which examples the numbers are for",
                "name scores of these examples: `own_class(mean(l, by: class), of: l)`",
            )),
            (_, Some(of)) if unlabelled(of) => {
                Err(problem("of", "these scores carry no labels", "make them from a data set with labels"))
            }
            (Some(x), None) if unlabelled(x) => {
                Err(problem("x", "these scores carry no labels", "make them from a data set with labels"))
            }
            _ => Ok(()),
        }
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let of = known(inputs, "of").or(known(inputs, "x"));
        Ok(of.map_or_else(Facts::default, Facts::each_example))
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 5e-8)
    }
}

/// What a class has: one number, or one for each example.
enum Own {
    One(f64),
    Each(BTreeMap<u32, f64>),
    None(String),
}

impl Own {
    fn of(value: &Value) -> Result<Own, Failure> {
        Ok(match Cell::of("x", value)? {
            Err(why) => Own::None(why),
            Ok(Cell::Scores(s)) => Own::Each(s.ids.iter().copied().zip(s.values.iter().copied()).collect()),
            Ok(cell) => Own::One(cell.number().ok_or_else(|| not_a_number(&cell))?.value),
        })
    }
}

impl Kernel for OwnClass {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let x = labelled(job, "x")?;
        let [axis] = x.axes.as_slice() else {
            return Err(Failure::new("the numbers have no axis `class`, so no class has one of its own"));
        };
        let own: BTreeMap<&str, Own> = axis
            .coordinates
            .iter()
            .zip(&x.values)
            .map(|(name, v)| Ok((name.as_str(), Own::of(v)?)))
            .collect::<Result<_, Failure>>()?;
        let first = || x.values.iter().find_map(|v| if let Value::Scores(s) = v { Some(s.clone()) } else { None });
        let examples: Arc<Scores> = match job.input("of") {
            Some(Value::Scores(s)) => s.clone(),
            Some(other) => return Err(mismatch("of", "score", Some(other))),
            None => first().ok_or_else(|| Failure::new("nothing says which examples the numbers are for"))?,
        };
        if examples.labels.len() != examples.ids.len() {
            return Err(Failure::new("the scores carry no labels").help("make them from a data set with labels"));
        }
        let mut missing: BTreeMap<u32, String> = BTreeMap::new();
        let mut value = |id: u32, label: u32| {
            let found = examples.classes.get(label as usize).and_then(|name| own.get(name.as_str()));
            match found {
                Some(Own::One(x)) => *x,
                Some(Own::Each(all)) => all.get(&id).copied().unwrap_or(f64::NAN),
                Some(Own::None(why)) => {
                    missing.entry(label).or_insert_with(|| why.clone());
                    f64::NAN
                }
                None => {
                    missing.entry(label).or_insert_with(|| "there is no number of its class".to_string());
                    f64::NAN
                }
            }
        };
        let values = examples.ids.iter().zip(examples.labels.iter()).map(|(id, label)| value(*id, *label)).collect();
        Ok(Value::Scores(Arc::new(Scores { missing: Arc::new(missing.into_iter().collect()), ..examples.with(values) })))
    }
}
