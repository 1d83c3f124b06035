//! `own_class`: each example given the number of its own class, so that scores can be centred, scaled and judged within classes.

use super::gather::{Cell, labelled, not_a_number, pass_cost};
use crate::engine::kernel::{Context, Failure, Job, Kernel, mismatch};
use crate::engine::loadings::{Load, Loadings, Wholes};
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
    /// 2: the numbers' errors are those of all examples of a class together.
    fn version(&self) -> u32 {
        2
    }

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

/// What a class has: one number, or one for each example (its value, and its place); with what these err by together.
enum Own {
    One(f64, Loadings),
    Each(BTreeMap<u32, (f64, usize)>, Loadings),
    None(String),
}

impl Own {
    fn of(value: &Value) -> Result<Own, Failure> {
        Ok(match Cell::of("x", value)? {
            Err(why) => Own::None(why),
            Ok(Cell::Scores(s)) => {
                let each = s.ids.iter().enumerate().map(|(i, id)| (*id, (s.values[i], i)));
                Own::Each(each.collect(), s.loadings.clone())
            }
            Ok(cell) => {
                let number = cell.number().ok_or_else(|| not_a_number(&cell))?;
                Own::One(number.value, Loadings::of(&number.parts))
            }
        })
    }
}

/// So many loadings of single examples are held; more are forgotten.
const MOST: usize = 1 << 24;

/// Returns what the examples err by together: all of a class by what their number does.
fn loadings(examples: &Scores, own: &BTreeMap<&str, Own>) -> Loadings {
    let rows = examples.ids.len();
    let mut found: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    let mut wholes = Wholes::default();
    let mut members = vec![Vec::new(); examples.classes.len()];
    (0..rows).for_each(|i| {
        if let Some(all) = members.get_mut(examples.labels[i] as usize) {
            all.push(i);
        }
    });
    for (label, name) in examples.classes.iter().enumerate() {
        let (loadings, place): (&Loadings, Box<dyn Fn(u32) -> Option<usize>>) = match own.get(name.as_str()) {
            Some(Own::One(_, loadings)) => (loadings, Box::new(|_| Some(0))),
            Some(Own::Each(all, loadings)) => (loadings, Box::new(|id| all.get(&id).map(|e| e.1))),
            _ => continue,
        };
        wholes.extend(loadings.wholes().clone());
        for (source, load) in loadings.iter() {
            if found.len() * rows > MOST {
                return Loadings::default();
            }
            let loads = found.entry(source).or_insert_with(|| vec![0.0; rows]);
            members[label].iter().for_each(|i| loads[*i] = place(examples.ids[*i]).map_or(0.0, |k| load.at(k)));
        }
    }
    Loadings::kept(found.into_iter().map(|(source, loads)| (source, Load::Each(Arc::new(loads))))).standing(wholes)
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
                Some(Own::One(x, _)) => *x,
                Some(Own::Each(all, _)) => all.get(&id).map_or(f64::NAN, |e| e.0),
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
        let loadings = loadings(&examples, &own);
        let missing = Arc::new(missing.into_iter().collect());
        Ok(Value::Scores(Arc::new(Scores { missing, loadings, ..examples.with(values) })))
    }
}
