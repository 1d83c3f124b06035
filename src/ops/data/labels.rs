//! Other labels for the same examples: random ones, permuted ones, or those of a file. Ids and pixels stay as they are.

use super::arrays::place;
use super::bytes::{broken, failed, unfit, with_help};
use super::label_files;
use super::npy;
use super::select::{below, fraction, random_order, share};
use crate::engine::value::Dataset;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use std::sync::Arc;

/// Replaces the labels of a share of the examples by random ones (C. Zhang et al. 2017, Understanding deep learning requires
/// rethinking generalization, section 2).
///
/// Exactly the rounded share of examples is chosen. The order in which examples are chosen and the label drawn for each do not
/// depend on the share, so with one stream the corrupted examples of a smaller share are among those of a larger one, and agree.
pub struct CorruptLabels;

impl Planned for CorruptLabels {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let fraction = fraction(settings)?;
        let data = known(inputs, "data").cloned().unwrap_or_default();
        // Only a permutation, or no change at all, leaves the sizes of the classes as they were.
        let same = fraction == 0.0 || settings.word("method") == "permute";
        Ok(Facts { class_sizes: data.class_sizes.filter(|_| same), files: Vec::new(), bytes: None, ..data })
    }

    fn cost(&self, _settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        Cost { seconds: 1e-3, memory: 1e6, disk: 0.0 }
    }
}

/// Returns labels of which `chosen` are replaced by the method's.
fn corrupted(labels: &[u32], classes: u64, fraction: f64, method: &str, job: &Job) -> Vec<u32> {
    let n = labels.len();
    let mut chosen = random_order(&job.stream.named("chosen"), n);
    chosen.truncate(share(fraction, n));
    let mut out = labels.to_vec();
    if method == "permute" {
        let order = random_order(&job.stream.named("permutation"), chosen.len());
        chosen.iter().zip(&order).for_each(|(to, from)| out[*to] = labels[chosen[*from]]);
        return out;
    }
    let mut rng = job.stream.named("labels").rng();
    // A label is drawn for every example, in order, so that a choice of more examples changes none of the draws.
    let drawn: Vec<u32> = labels
        .iter()
        .map(|old| match method {
            "other" => {
                let step = 1 + below(&mut rng, classes - 1);
                ((*old as u64 + step) % classes) as u32
            }
            _ => below(&mut rng, classes) as u32,
        })
        .collect();
    chosen.iter().for_each(|i| out[*i] = drawn[*i]);
    out
}

impl Kernel for CorruptLabels {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let fraction = fraction(&job.settings).map_err(failed)?;
        let (classes, method) = (data.classes().len() as u64, job.settings.word("method"));
        if data.labels.len() != data.len() {
            return Err(Failure::new(format!("`{}` has no labels to corrupt", data.source.name)));
        }
        if classes < 2 && fraction > 0.0 {
            return Err(Failure::new(format!("`{}` has {classes} class, so there is no other label", data.source.name)));
        }
        let labels = if fraction > 0.0 { corrupted(&data.labels, classes, fraction, method, job) } else { data.labels.to_vec() };
        Ok(Value::Dataset(Arc::new(Dataset { labels: Arc::new(labels), ..(**data).clone() })))
    }
}

/// Gives the examples the labels of an array: one for each example here, or one for each example of the source (taken by id).
pub struct Relabel;

/// Returns the labels that the settings name.
fn labels_in(settings: &Settings, files: &Files) -> Result<(npy::Place, Vec<u32>), Problem> {
    let place = place(settings, files, "labels")?.ok_or_else(|| unfit("labels", "no array of labels is given"))?;
    let (labels, _) = label_files::read(&place)?;
    Ok((place, labels))
}

impl Planned for Relabel {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], files: Option<&Files>) -> Result<Facts, Problem> {
        let data = known(inputs, "data").cloned().unwrap_or_default();
        let mut facts = Facts { class_sizes: None, files: Vec::new(), bytes: None, ..data };
        let Some(files) = files else { return Ok(facts) };
        let (place, labels) = labels_in(settings, files)?;
        if let Some(classes) = &facts.classes {
            known_class(&labels, classes.len(), &place)?;
            if facts.rows == Some(labels.len()) {
                facts.class_sizes = Some(super::parts::sizes(&labels, classes.len()));
            }
        }
        facts.files = vec![place.path];
        Ok(facts)
    }
}

/// Checks that labels name known classes.
fn known_class(labels: &[u32], classes: usize, place: &npy::Place) -> Result<(), Problem> {
    match labels.iter().position(|l| *l as usize >= classes) {
        Some(row) => {
            Err(broken(&place.path, format!("has label {} at row {row}, and the data set has {classes} classes", labels[row])))
        }
        None => Ok(()),
    }
}

impl Kernel for Relabel {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let (place, labels) = labels_in(&job.settings, cx.files()).map_err(failed)?;
        let all: usize = data.source.splits.iter().map(|(_, r)| r.len()).sum();
        let chosen = if labels.len() == data.len() {
            labels
        } else if labels.len() == all {
            data.ids.iter().filter_map(|id| labels.get(*id as usize).copied()).collect()
        } else {
            let message = format!("has {} labels; {} examples are to be relabelled", labels.len(), data.len());
            let help =
                format!("give one label for each of them, or one for each of the {all} examples of `{}`", data.source.name);
            return Err(failed(with_help(broken(&place.path, message), help)));
        };
        if data.classes().is_empty() {
            return Err(Failure::new(format!("`{}` was read without labels, so it has no classes", data.source.name))
                .help("give the labels where the data set is read"));
        }
        known_class(&chosen, data.classes().len(), &place).map_err(failed)?;
        Ok(Value::Dataset(Arc::new(Dataset { labels: Arc::new(chosen), ..(**data).clone() })))
    }
}
