//! What others computed for each example: scores from files, and choices of examples by index files.

use super::arrays::place;
use super::bytes::{broken, failed, with_help};
use super::label_files::USUAL_LABELS;
use super::npy::{self, Place};
use super::select::{choose, chosen};
use crate::engine::value::{Dataset, Scores};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::lang::static_value::LARGEST_WHOLE;
use crate::plan::facts::{Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use crate::settings;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Names under which archives usually hold scores.
const USUAL_SCORES: &[&str] = &["tr_mem", "mem", "scores"];

settings! {
    /// Settings of `load_scores`.
    struct ScoreSettings("load_scores") { path: String }
}

/// Scores of examples, one number each, such as published memorization scores.
pub struct LoadScores;

/// Whose numbers a file holds.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Whose {
    /// Those of the examples here, in their order.
    Here,
    /// Those of the first examples of the source, by id.
    Source,
}

/// Returns to which examples the numbers of a file belong: `here` is the number of examples of the data set (`None`: not known), `splits` those of the
/// source's splits, `inside` tells whether all its examples are among the first n of the source.
///
/// Errors: nobody's.
fn whose(
    numbers: usize,
    here: Option<usize>,
    splits: &[usize],
    inside: impl Fn(usize) -> bool,
    place: &Place,
) -> Result<Whose, Problem> {
    let (all, first) = (splits.iter().sum::<usize>(), splits.first().copied().unwrap_or(0));
    if here == Some(numbers) {
        return Ok(Whose::Here);
    }
    if (numbers == all || numbers == first) && inside(numbers) {
        return Ok(Whose::Source);
    }
    if here.is_none() {
        return Ok(Whose::Here);
    }
    if numbers == first {
        let words = format!("has {numbers} numbers, one for each example of the first split, and other examples are wanted");
        return Err(with_help(broken(&place.path, words), "name the examples that the numbers belong to, such as `d.train`"));
    }
    let here = here.unwrap_or(0);
    let first = if first < all { format!(", or for each of the {first} of the first split") } else { String::new() };
    let help = format!("give one for each of them, or, by id, for each of all {all}{first}");
    Err(with_help(broken(&place.path, format!("has {numbers} numbers for {here} examples")), help))
}

impl Planned for LoadScores {
    /// 4: infinite scores and whole numbers that are not exact are refused.
    fn version(&self) -> u32 {
        4
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], files: Option<&Files>) -> Result<Facts, Problem> {
        let data = known(inputs, "data").cloned().unwrap_or_default();
        let facts = data.each_example();
        let Some(files) = files else { return Ok(facts) };
        let place = place(&ScoreSettings::read(settings).path, files, "path")?;
        let numbers = npy::header(&place, USUAL_SCORES)?.count();
        let sizes: Vec<usize> = data.splits.iter().map(|s| s.rows).collect();
        // Among the first n: all splits but the first begin after it.
        let inside = |n: usize| {
            n == sizes.iter().sum::<usize>() || data.from.iter().all(|s| data.splits.first().is_some_and(|f| f.name == *s))
        };
        if let Some(most) = data.rows_at_most.filter(|most| data.rows.is_none() && numbers > *most && !inside(numbers)) {
            let words = format!("has {numbers} numbers for at most {most} examples");
            return Err(Problem { parameter: Some("path"), ..broken(&place.path, words) });
        }
        whose(numbers, data.rows, &sizes, inside, &place).map_err(|p| Problem { parameter: Some("path"), ..p })?;
        Ok(Facts { files: vec![place.path], ..facts })
    }
}

/// Names of labels that may lie beside those of other examples in an archive: they are those of the scores where there are as many.
const LABELS_OF_A_SPLIT: [&str; 4] = ["train_labels", "y_train", "test_labels", "y_test"];

/// Returns the name of the labels that lie beside scores in an archive.
fn labels_beside(place: &Place, names: &[String], count: usize) -> Result<Option<&'static str>, Problem> {
    let there = |name: &&'static str| names.iter().any(|n| n == *name);
    if let Some(name) = USUAL_LABELS.iter().copied().find(|n| there(n)) {
        return Ok(Some(name));
    }
    let mut found = Vec::new();
    for name in LABELS_OF_A_SPLIT.into_iter().filter(there) {
        let header = npy::header(&Place { path: place.path.clone(), array: Some(name.to_string()) }, &[])?;
        found.extend((header.count() == count && header.is_whole()).then_some(name));
    }
    Ok(if let [only] = found.as_slice() { Some(*only) } else { None })
}

/// Checks labels that lie beside scores in an archive against those that the source's files give.
fn same_labels(place: &Place, data: &Dataset, whose: Whose, count: usize) -> Result<(), Problem> {
    if !npy::is_archive(&place.path) || data.source.labels.is_empty() {
        return Ok(());
    }
    let names = npy::arrays_in(&place.path)?;
    let Some(name) = labels_beside(place, &names, count)? else { return Ok(()) };
    let beside = Place { path: place.path.clone(), array: Some(name.to_string()) };
    let labels = npy::read(&beside, &[])?.labels(&place.path)?;
    let at = |i: usize, id: u32| if whose == Whose::Here { i } else { id as usize };
    let pairs = data.ids.iter().enumerate().map(|(i, id)| (labels.get(at(i, *id)), data.source.labels.get(*id as usize)));
    let other = pairs.filter(|(a, b)| a != b).count();
    if other == 0 {
        return Ok(());
    }
    let words = format!("has labels in `{name}`, and {other} of {} differ from those of `{}`", data.len(), data.source.name);
    Err(with_help(
        broken(&place.path, words),
        "its scores are in another order, or of other examples: put them in the order of the data",
    ))
}

/// Names under which archives usually hold the numbers of examples.
const USUAL_IDS: &[&str] = &["ids", "tr_ids", "example_ids"];

/// Checks numbers of examples that lie beside scores in an archive: those that scores belong to, in another order, are refused.
fn same_order(place: &Place, data: &Dataset, whose: Whose, count: usize) -> Result<(), Problem> {
    if !npy::is_archive(&place.path) {
        return Ok(());
    }
    let names = npy::arrays_in(&place.path)?;
    let Some(name) = USUAL_IDS.iter().find(|n| names.iter().any(|m| m == *n)) else { return Ok(()) };
    let beside = Place { path: place.path.clone(), array: Some(name.to_string()) };
    // What cannot be read as numbers names examples in some other way.
    let Ok(mut there) = npy::read(&beside, &[]).map(|a| a.f64s()) else { return Ok(()) };
    let mut wanted: Vec<f64> = match whose {
        Whose::Here => data.ids.iter().map(|id| f64::from(*id)).collect(),
        Whose::Source => (0..count).map(|i| i as f64).collect(),
    };
    let as_wanted = there == wanted;
    there.sort_by(f64::total_cmp);
    wanted.sort_by(f64::total_cmp);
    match !as_wanted && there == wanted {
        true => Err(with_help(
            broken(&place.path, format!("has the numbers of examples in `{name}`, in another order than the data set has them")),
            "put the scores in the order of the data: `scores[np.argsort(ids)]`",
        )),
        false => Ok(()),
    }
}

impl Kernel for LoadScores {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let place = place(&ScoreSettings::read(&job.settings).path, cx.files(), "path").map_err(failed)?;
        let array = npy::read(&place, USUAL_SCORES).map_err(failed)?;
        let numbers = array.f64s();
        if let Some(x) = numbers.iter().find(|x| x.is_infinite() || array.header.is_whole() && x.abs() > LARGEST_WHOLE) {
            let (words, help) = match x.is_infinite() {
                true => ("which is no score", "save NaN where an example has no score: `np.where(np.isfinite(x), x, np.nan)`"),
                false => (
                    "and whole numbers above 2^53 are not exact as scores",
                    "save numbers of 64 bits with a point: `x.astype(float)`",
                ),
            };
            return Err(failed(with_help(broken(&place.path, format!("holds {x}, {words}")), help)));
        }
        let sizes: Vec<usize> = data.source.splits.iter().map(|(_, r)| r.len()).collect();
        let inside = |n: usize| data.ids.iter().all(|id| (*id as usize) < n);
        let whose = whose(numbers.len(), Some(data.len()), &sizes, inside, &place).map_err(failed)?;
        same_labels(&place, data, whose, numbers.len()).map_err(failed)?;
        same_order(&place, data, whose, numbers.len()).map_err(failed)?;
        let values = match whose {
            Whose::Here => numbers,
            Whose::Source => data.ids.iter().filter_map(|id| numbers.get(*id as usize).copied()).collect(),
        };
        let (ids, labels, classes) = (data.ids.clone(), data.labels.clone(), data.classes().to_vec());
        Ok(Value::Scores(Arc::new(Scores { values, ids, labels, classes, ..Scores::default() })))
    }
}

settings! {
    /// Settings of `with_ids`.
    struct IdSettings("with_ids") { path: String }
}

/// The examples whose ids are in an array.
pub struct WithIds;

/// Returns the refusal of truth values where ids are due: read as numbers they would name the examples 0 and 1.
fn a_mask(place: &Place) -> Problem {
    with_help(
        broken(&place.path, "holds truth values, a mask, and not the numbers of examples"),
        "save where they hold, counted from 0 in the whole source: `np.save(path, np.flatnonzero(mask))`",
    )
}

/// Says that a number is the id of no example, where one is; `which` says of which examples.
fn stranger(numbers: &[f64], known: impl Fn(u32) -> bool, place: &Place, which: &str) -> Result<(), Problem> {
    let strange = |x: &&f64| x.fract() != 0.0 || **x != (**x as u32) as f64 || !known(**x as u32);
    match numbers.iter().find(strange) {
        Some(x) => Err(with_help(
            broken(&place.path, format!("names example {x}, which is none {which}")),
            "ids count the examples of the whole source from 0",
        )),
        None => Ok(()),
    }
}

impl Planned for WithIds {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], files: Option<&Files>) -> Result<Facts, Problem> {
        let data = known(inputs, "data").cloned().unwrap_or_default();
        let facts = chosen(&data);
        let Some(files) = files else { return Ok(facts) };
        let place = place(&IdSettings::read(settings).path, files, "path")?;
        let header = npy::header(&place, &[])?;
        if header.is_truths() {
            return Err(Problem { parameter: Some("path"), ..a_mask(&place) });
        }
        let count = header.count();
        if let Some(most) = data.most_rows().filter(|n| count > *n) {
            let words = format!("names {count} examples, and there are {most}");
            let problem =
                with_help(broken(&place.path, words), "ids count the examples of the whole source from 0, each at most once");
            return Err(Problem { parameter: Some("path"), ..problem });
        }
        let there = data.spans();
        let known = |id: u32| there.is_empty() || there.iter().any(|span| span.contains(&(id as usize)));
        let problem = |p: Problem| Problem { parameter: Some("path"), ..p };
        stranger(&npy::read(&place, &[])?.f64s(), known, &place, "of these").map_err(problem)?;
        // An id may stand there twice.
        Ok(Facts { files: vec![place.path], rows_at_most: Some(count), ..facts })
    }
}

impl Kernel for WithIds {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let place = place(&IdSettings::read(&job.settings).path, cx.files(), "path").map_err(failed)?;
        let array = npy::read(&place, &[]).map_err(failed)?;
        if array.header.is_truths() {
            return Err(failed(a_mask(&place)));
        }
        let numbers = array.f64s();
        let known: BTreeSet<u32> = data.ids.iter().copied().collect();
        let which = format!("of `{}` here", data.source.name);
        stranger(&numbers, |id| known.contains(&id), &place, &which).map_err(failed)?;
        let wanted: BTreeSet<u32> = numbers.iter().map(|x| *x as u32).collect();
        let positions: Vec<usize> = (0..data.len()).filter(|i| wanted.contains(&data.ids[*i])).collect();
        Ok(choose(data, &positions))
    }
}
