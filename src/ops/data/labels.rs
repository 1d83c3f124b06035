//! Other labels for the same examples: random ones, permuted ones, those of a file or of a score. Ids and pixels stay as they are.

use super::arrays::place;
use super::bytes::{broken, failed, unfit, with_help};
use super::classes;
use super::label_files;
use super::npy;
use super::select::{GENERATED, below, fraction, random_order, share};
use crate::engine::value::Dataset;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, SplitFacts, known};
use crate::plan::files::Files;
use crate::{settings, words};
use std::collections::BTreeSet;
use std::sync::Arc;

words! {
    /// Where new labels come from.
    enum Method {
        /// Any class, the old one among them.
        Uniform = "uniform",
        /// The other classes.
        Other = "other",
        /// The labels of the chosen examples, permuted.
        Permute = "permute",
    }
}

settings! {
    /// Settings of `corrupt_labels`.
    struct CorruptSettings("corrupt_labels") { fraction: f64, method: Method }
}

settings! {
    /// Settings of `relabel`.
    struct RelabelSettings("relabel") { labels: Option<String> }
}

/// Replaces the labels of a share of the examples by random ones (C. Zhang et al. 2017, Understanding deep learning requires
/// rethinking generalization, section 2).
///
/// Exactly the rounded share of examples is chosen. The order in which examples are chosen and the label drawn for each do not
/// depend on the share, so with one stream the corrupted examples of a smaller share are among those of a larger one, and agree.
/// Classes are those that some example of the source has: where labels are 0, 2 and 7, no example becomes a 1.
pub struct CorruptLabels;

impl Planned for CorruptLabels {
    fn version(&self) -> u32 {
        2
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let settings = CorruptSettings::read(settings);
        let fraction = fraction(settings.fraction)?;
        let data = known(inputs, "data").cloned().unwrap_or_default();
        if data.labelled == Some(false) {
            return Err(unfit("data", "the data set has no labels to corrupt"));
        }
        // Of the whole source, whose labels are those that are drawn from.
        let sizes: Option<Vec<&Vec<usize>>> = data.splits.iter().map(|s| s.class_sizes.as_ref()).collect();
        if let Some(sizes) = sizes.filter(|s| !s.is_empty() && fraction > 0.0) {
            let used: BTreeSet<usize> = sizes.iter().flat_map(|s| (0..s.len()).filter(|c| s[*c] > 0)).collect();
            if used.len() < 2 {
                return Err(unfit("data", format!("the data set has {} class, so there is no other label", used.len())));
            }
        }
        // Only a permutation, or no change at all, leaves the sizes of the classes as they were.
        let same = fraction == 0.0 || settings.method == Method::Permute;
        Ok(relabelled(data, same))
    }

    fn cost(&self, _settings: &Settings, _inputs: &[KnownInput]) -> Cost {
        Cost { seconds: 1e-3, memory: 1e6, disk: 0.0 }
    }
}

/// Returns facts of the same examples with other labels; sizes of classes stay where they are the `same`.
fn relabelled(data: Facts, same: bool) -> Facts {
    let unsized_part = |s: &SplitFacts| SplitFacts { class_sizes: None, ..s.clone() };
    Facts {
        class_sizes: data.class_sizes.clone().filter(|_| same),
        splits: data.splits.iter().map(unsized_part).collect(),
        files: Vec::new(),
        warnings: Vec::new(),
        bytes: None,
        ..data
    }
}

/// Returns labels of which `chosen` are replaced by the method's; `classes` are those that labels are drawn from, ascending.
fn corrupted(labels: &[u32], classes: &[u32], settings: &CorruptSettings, job: &Job) -> Vec<u32> {
    let n = labels.len();
    let mut chosen = random_order(&job.stream.named("chosen"), n);
    chosen.truncate(share(settings.fraction, n));
    let mut out = labels.to_vec();
    if settings.method == Method::Permute {
        let order = random_order(&job.stream.named("permutation"), chosen.len());
        chosen.iter().zip(&order).for_each(|(to, from)| out[*to] = labels[chosen[*from]]);
        return out;
    }
    let count = classes.len();
    let mut rng = job.stream.named("labels").rng();
    // A label is drawn for every example, in order, so that a choice of more examples changes none of the draws.
    let drawn: Vec<u32> = labels
        .iter()
        .map(|old| match settings.method {
            Method::Other => {
                let step = 1 + below(&mut rng, count as u64 - 1) as usize;
                classes[(classes.partition_point(|c| c < old) + step) % count]
            }
            _ => classes[below(&mut rng, count as u64) as usize],
        })
        .collect();
    chosen.iter().for_each(|i| out[*i] = drawn[*i]);
    out
}

impl Kernel for CorruptLabels {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let settings = CorruptSettings::read(&job.settings);
        fraction(settings.fraction).map_err(failed)?;
        if data.labels.len() != data.len() {
            return Err(Failure::new(format!("`{}` has no labels to corrupt", data.source.name)));
        }
        if settings.fraction == 0.0 {
            return Ok(Value::Dataset(data.clone()));
        }
        // Those that the files give and those that the examples have here, which may have been given others.
        let classes: BTreeSet<u32> = data.source.labels.iter().chain(data.labels.iter()).copied().collect();
        if classes.len() < 2 {
            return Err(Failure::new(format!("`{}` has {} class, so there is no other label", data.source.name, classes.len())));
        }
        let classes: Vec<u32> = classes.into_iter().collect();
        let labels = corrupted(&data.labels, &classes, &settings, job);
        Ok(Value::Dataset(Arc::new(Dataset { labels: Arc::new(labels), ..(**data).clone() })))
    }
}

/// Gives the examples the labels of an array, one for each example here, or one for each example of the source (taken by id); or those of a
/// score of theirs.
pub struct Relabel;

/// Returns the labels of a file.
fn labels_in(path: &str, files: &Files) -> Result<(npy::Place, Vec<u32>), Problem> {
    let place = place(path, files, "labels")?;
    let (labels, _) = label_files::read(&place)?;
    Ok((place, labels))
}

/// Returns the problem of labels that are neither one for each example here nor for each of the source.
fn neither(labels: usize, here: usize, all: usize, place: &npy::Place) -> Problem {
    let message = format!("has {labels} labels; {here} examples are to be relabelled");
    let help = match all {
        0 => "give one label for each of them".to_string(),
        _ => format!("give one label for each of them, or one for each of the {all} examples of the source"),
    };
    Problem { parameter: Some("labels"), ..with_help(broken(&place.path, message), help) }
}

impl Planned for Relabel {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], files: Option<&Files>) -> Result<Facts, Problem> {
        let data = known(inputs, "data").cloned().unwrap_or_default();
        if data.labelled == Some(false) {
            let help = "give the labels where the data set is read".to_string();
            return Err(Problem {
                help: Some(help),
                ..unfit("data", "the data set was read without labels, so it has no classes")
            });
        }
        let path = match (RelabelSettings::read(settings).labels, known(inputs, "by")) {
            (None, Some(by)) => return classes::relabelled_by(data, by),
            (Some(path), None) => path,
            (path, _) => {
                let (message, help) = match path {
                    Some(_) => ("labels come from a file and from a score", "give one of `labels:` and `by:`"),
                    None => (
                        "the new labels are not given",
                        "name a file, `labels: \"labels.npy\"`, or a score, `by: predicted(m, d)`",
                    ),
                };
                return Err(with_help(unfit("by", message), help));
            }
        };
        let mut facts = relabelled(data, false);
        let Some(files) = files else { return Ok(facts) };
        let (place, labels) = labels_in(&path, files)?;
        let all: usize = facts.splits.iter().map(|s| s.rows).sum();
        // Of a source whose size is not known, fewer labels than examples are too few in any case.
        let known = all > 0 || facts.source.as_deref() == Some(GENERATED);
        let fits = |rows: usize| labels.len() == rows || labels.len() == all;
        if let Some(rows) = facts.rows.filter(|n| if known { !fits(*n) } else { labels.len() < *n }) {
            return Err(neither(labels.len(), rows, all, &place));
        }
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
            let message = format!("has label {} at row {row}, and the data set has {classes} classes", labels[row]);
            let problem = broken(&place.path, message);
            Err(match super::parts::from_one(labels) {
                Some(_) => with_help(
                    problem,
                    "these count classes from 1, and labels count them from 0: save `labels - 1` in their place, in the program that wrote the file",
                ),
                None => problem,
            })
        }
        None => Ok(()),
    }
}

impl Kernel for Relabel {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let Some(path) = RelabelSettings::read(&job.settings).labels else {
            let labels = classes::labels_by(data, job.scores("by")?)?;
            return Ok(Value::Dataset(Arc::new(Dataset { labels: Arc::new(labels), ..(**data).clone() })));
        };
        let (place, labels) = labels_in(&path, cx.files()).map_err(failed)?;
        let all: usize = data.source.splits.iter().map(|(_, r)| r.len()).sum();
        let chosen = if labels.len() == data.len() {
            labels
        } else if labels.len() == all {
            data.ids.iter().filter_map(|id| labels.get(*id as usize).copied()).collect()
        } else {
            return Err(failed(neither(labels.len(), data.len(), all, &place)));
        };
        if data.classes().is_empty() {
            return Err(Failure::new(format!("`{}` was read without labels, so it has no classes", data.source.name))
                .help("give the labels where the data set is read"));
        }
        known_class(&chosen, data.classes().len(), &place).map_err(failed)?;
        Ok(Value::Dataset(Arc::new(Dataset { labels: Arc::new(chosen), ..(**data).clone() })))
    }
}
