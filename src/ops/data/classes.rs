//! Classes of examples: the examples of some classes, the examples of either of two choices, and labels as numbers.

use super::bytes::{failed, unfit};
use super::select::{choose, chosen};
use crate::engine::kernel::mismatch;
use crate::engine::value::{Dataset, Scores};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::lang::suggest::nearest_or_list;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, SplitFacts, known, one_source};
use crate::plan::files::Files;
use crate::settings;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What choices and labels cost: next to nothing.
const CHEAP: Cost = Cost { seconds: 1e-3, memory: 1e6, disk: 0.0 };

settings! {
    /// Settings of `of_class`.
    struct ClassSettings("of_class") { class: Vec<String> }
}

/// The examples of some classes.
pub struct OfClass;

/// Returns the labels of the classes of these names, ascending; `first` and `last` are the ends, where no class has that name.
///
/// Errors: none is named, one twice, or one that there is not.
fn labels_of(names: &[String], classes: &[String]) -> Result<BTreeSet<u32>, Problem> {
    let mut out = BTreeSet::new();
    for name in names {
        let end = match name.as_str() {
            "first" => Some(0),
            "last" => classes.len().checked_sub(1),
            _ => None,
        };
        let Some(label) = classes.iter().position(|c| c == name).or(end) else {
            let all: Vec<&str> = classes.iter().map(String::as_str).collect();
            let problem = unfit("class", format!("there is no class `{name}`"));
            return Err(Problem { help: Some(nearest_or_list(name, &all)), ..problem });
        };
        if !out.insert(label as u32) {
            return Err(unfit("class", format!("the class `{}` is given twice", classes[label])));
        }
    }
    match out.is_empty() {
        true => Err(Problem { help: Some("name one class or more".to_string()), ..unfit("class", "this chooses no class") }),
        false => Ok(out),
    }
}

/// Returns the problem of examples without labels.
fn unlabelled() -> Problem {
    let help = "give the labels where the data set is read".to_string();
    Problem { help: Some(help), ..unfit("data", "these examples have no labels, so they have no class") }
}

impl Planned for OfClass {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn cost(&self, _settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        CHEAP
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let data = known(inputs, "data").cloned().unwrap_or_default();
        if data.labels_each.is_some() {
            return Err(unfit("data", "these examples have a word to predict at each of their words, not one class"));
        }
        if data.labelled == Some(false) {
            return Err(unlabelled());
        }
        let Some(classes) = &data.classes else { return Ok(chosen(&data)) };
        let wanted = labels_of(&ClassSettings::read(settings).class, classes)?;
        let only = |all: &Vec<usize>| -> Vec<usize> {
            all.iter().enumerate().map(|(c, n)| if wanted.contains(&(c as u32)) { *n } else { 0 }).collect()
        };
        let class_sizes = data.class_sizes.as_ref().map(only);
        let rows = class_sizes.as_ref().map(|all| all.iter().sum());
        if rows == Some(0) {
            return Err(unfit("class", "no example here is of these classes"));
        }
        Ok(Facts { rows, rows_at_most: data.most_rows().filter(|_| rows.is_none()), class_sizes, ..chosen(&data) })
    }
}

impl Kernel for OfClass {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        if data.labels.len() != data.len() {
            return Err(failed(unlabelled()));
        }
        let wanted = labels_of(&ClassSettings::read(&job.settings).class, data.classes()).map_err(failed)?;
        let positions: Vec<usize> = (0..data.len()).filter(|i| wanted.contains(&data.labels[*i])).collect();
        Ok(choose(data, &positions))
    }
}

/// The examples of either of two choices.
pub struct Union;

impl Planned for Union {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn cost(&self, _settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        CHEAP
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let data = known(inputs, "data").cloned().unwrap_or_default();
        let other = known(inputs, "other").cloned().unwrap_or_default();
        one_source(("data", &data), ("other", &other))?;
        let both = |a: &[String], b: &[String]| -> Vec<String> {
            let more = b.iter().filter(|name| !a.contains(name));
            a.iter().chain(more).cloned().collect()
        };
        let from = if data.from.is_empty() || other.from.is_empty() { Vec::new() } else { both(&data.from, &other.from) };
        // Choices of different splits have no example in common.
        let apart = !from.is_empty() && !data.from.iter().any(|s| other.from.contains(s));
        let sum = |a: Option<usize>, b: Option<usize>| a.zip(b).map(|(a, b)| a + b);
        let rows = sum(data.rows, other.rows).filter(|_| apart);
        let all: usize = data.splits.iter().filter(|s| from.contains(&s.name)).map(|s| s.rows).sum();
        let most = sum(data.most_rows(), other.most_rows()).map(|n| if all > 0 { n.min(all) } else { n });
        let each = data.class_sizes.as_ref().zip(other.class_sizes.as_ref()).filter(|(a, b)| apart && a.len() == b.len());
        Ok(Facts {
            class_sizes: each.map(|(a, b)| a.iter().zip(b).map(|(a, b)| a + b).collect()),
            rows,
            rows_at_most: most.filter(|_| rows.is_none()),
            // That both are meant is what `or` says.
            mixed: both(&data.mixed, &other.mixed),
            from,
            ..chosen(&data)
        })
    }
}

impl Kernel for Union {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let (data, other) = (job.dataset("data")?, job.dataset("other")?);
        let (a, b) = (&data.source, &other.source);
        if !Arc::ptr_eq(a, b) && (a.name != b.name || a.splits != b.splits || a.images.shape != b.images.shape) {
            return Err(Failure::new(format!("examples of `{}` cannot be put together with those of `{}`", a.name, b.name))
                .help("both must be choices of the same data set"));
        }
        let labelled = data.labels.len() == data.len() && other.labels.len() == other.len();
        let mut all: BTreeMap<u32, Option<u32>> = BTreeMap::new();
        for of in [data, other] {
            for (i, id) in of.ids.iter().enumerate() {
                let label = of.labels.get(i).copied().filter(|_| labelled);
                let before = all.insert(*id, label);
                if let Some(Some(before)) = before
                    && label.is_some_and(|l| l != before)
                {
                    let name = |l: u32| data.classes().get(l as usize).cloned().unwrap_or_else(|| l.to_string());
                    let (first, second) = (name(before), name(label.unwrap_or_default()));
                    return Err(Failure::new(format!(
                        "example {id} is labelled `{first}` on one side and `{second}` on the other"
                    ))
                    .help("take both choices from one data set, relabelled or not"));
                }
            }
        }
        let ids = all.keys().copied().collect();
        let labels = all.values().copied().flatten().collect();
        Ok(Value::Dataset(Arc::new(Dataset { source: data.source.clone(), ids: Arc::new(ids), labels: Arc::new(labels) })))
    }
}

/// The labels of examples as numbers.
pub struct Label;

impl Planned for Label {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn cost(&self, _settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        CHEAP
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let x = known(inputs, "x").cloned().unwrap_or_default();
        if x.labels_each.is_some() {
            return Err(unfit("x", "these examples have a word to predict at each of their words, not one label"));
        }
        match x.labelled {
            Some(false) => Err(Problem { parameter: Some("x"), ..unlabelled() }),
            _ => Ok(x.each_example()),
        }
    }
}

impl Kernel for Label {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let (ids, labels, classes) = match job.input("x") {
            Some(Value::Dataset(d)) => (d.ids.clone(), d.labels.clone(), d.classes().to_vec()),
            Some(Value::Stages(s)) => (s.ids.clone(), s.labels.clone(), s.classes.clone()),
            Some(Value::Scores(s)) => (s.ids.clone(), s.labels.clone(), s.classes.clone()),
            other => return Err(mismatch("x", "dataset", other)),
        };
        if labels.len() != ids.len() {
            return Err(failed(unlabelled()));
        }
        let values = labels.iter().map(|l| *l as f64).collect();
        Ok(Value::Scores(Arc::new(Scores { values, ids, labels, classes, ..Scores::default() })))
    }
}

/// Returns facts of the same examples with the labels that a score gives them.
pub fn relabelled_by(data: Facts, by: &Facts) -> Result<Facts, Problem> {
    one_source(("data", &data), ("by", by))?;
    let unsized_part = |s: &SplitFacts| SplitFacts { class_sizes: None, ..s.clone() };
    Ok(Facts {
        class_sizes: None,
        splits: data.splits.iter().map(unsized_part).collect(),
        files: Vec::new(),
        warnings: Vec::new(),
        bytes: None,
        ..data
    })
}

/// Returns the labels that scores give the examples of a data set, by id.
///
/// Errors: an example without a score, and a score that is no class.
pub fn labels_by(data: &Dataset, by: &Scores) -> Result<Vec<u32>, Failure> {
    let given: BTreeMap<u32, f64> = by.ids.iter().copied().zip(by.values.iter().copied()).collect();
    let classes = data.classes().len();
    let mut out = Vec::with_capacity(data.len());
    let mut without = 0;
    for id in data.ids.iter() {
        match given.get(id) {
            None => without += 1,
            Some(x) if x.is_nan() => without += 1,
            Some(x) if x.fract() == 0.0 && *x >= 0.0 && (*x as usize) < classes => out.push(*x as u32),
            Some(x) => {
                let message =
                    format!("`by` gives example {id} the number {x}, and the classes are numbered 0 to {}", classes.max(1) - 1);
                return Err(
                    Failure::new(message).help("such numbers are those of `predicted(m, d)`, `label(d)` and `mode` of these")
                );
            }
        }
    }
    match without {
        0 => Ok(out),
        n => Err(Failure::new(format!("{n} of {} examples have no number in `by`", data.len()))
            .help("relabel those that have one: `where(d, x >= 0)` chooses them")),
    }
}
