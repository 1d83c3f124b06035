//! What others computed for each example: scores from files, and choices of examples by index files.

use super::arrays::place;
use super::bytes::{broken, failed, unfit, with_help};
use super::npy;
use super::select::choose;
use crate::engine::value::Scores;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Facts, KnownInput, Planned, Policy, Problem, known};
use crate::plan::files::Files;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Names under which archives usually hold scores.
const USUAL_SCORES: &[&str] = &["tr_mem", "mem", "scores"];

/// Scores of examples, one number each, such as published memorization scores.
pub struct LoadScores;

impl Planned for LoadScores {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], files: Option<&Files>) -> Result<Facts, Problem> {
        let data = known(inputs, "data").cloned().unwrap_or_default();
        let facts = Facts { classes: data.classes, rows: data.rows, ..Facts::default() };
        let Some(files) = files else { return Ok(facts) };
        let place = place(settings, files, "path")?.ok_or_else(|| unfit("path", "no file is given"))?;
        npy::header(&place, USUAL_SCORES)?;
        Ok(Facts { files: vec![place.path], ..facts })
    }
}

impl Kernel for LoadScores {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let place = place(&job.settings, cx.files(), "path").map_err(failed)?.ok_or_else(|| Failure::new("no file is given"))?;
        let numbers = npy::read(&place, USUAL_SCORES).map_err(failed)?.f64s();
        let all: usize = data.source.splits.iter().map(|(_, r)| r.len()).sum();
        let first = data.source.splits.first().map_or(0, |(_, r)| r.len());
        let values = if numbers.len() == data.len() {
            numbers
        } else if numbers.len() == all || numbers.len() == first {
            // By id: all examples of the source, or its first split (a published score for each training example).
            data.ids.iter().map(|id| numbers.get(*id as usize).copied().unwrap_or(f64::NAN)).collect()
        } else {
            let message = format!("has {} numbers for {} examples", numbers.len(), data.len());
            let help =
                format!("give one for each of them, or for each of the {first} of the first split, or of all {all}, by id");
            return Err(failed(with_help(broken(&place.path, message), help)));
        };
        let (ids, labels, classes) = (data.ids.clone(), data.labels.clone(), data.classes().to_vec());
        Ok(Value::Scores(Arc::new(Scores { values, ids, labels, classes })))
    }
}

/// The examples whose ids are in an array.
pub struct WithIds;

impl Planned for WithIds {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], files: Option<&Files>) -> Result<Facts, Problem> {
        let data = known(inputs, "data").cloned().unwrap_or_default();
        let facts = Facts { classes: data.classes, shape: data.shape, ..Facts::default() };
        let Some(files) = files else { return Ok(facts) };
        let place = place(settings, files, "path")?.ok_or_else(|| unfit("path", "no file is given"))?;
        npy::header(&place, &[])?;
        Ok(Facts { files: vec![place.path], ..facts })
    }
}

impl Kernel for WithIds {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let data = job.dataset("data")?;
        let place = place(&job.settings, cx.files(), "path").map_err(failed)?.ok_or_else(|| Failure::new("no file is given"))?;
        let array = npy::read(&place, &[]).map_err(failed)?;
        let numbers = array.f64s();
        let known: BTreeSet<u32> = data.ids.iter().copied().collect();
        let wrong = numbers.iter().find(|x| x.fract() != 0.0 || !known.contains(&(**x as u32)) || **x != (**x as u32) as f64);
        if let Some(wrong) = wrong {
            let message = format!("names example {wrong}, which is none of the {} of `{}` here", data.len(), data.source.name);
            return Err(failed(with_help(broken(&place.path, message), "ids count the examples of the whole source from 0")));
        }
        let wanted: BTreeSet<u32> = numbers.iter().map(|x| *x as u32).collect();
        let positions: Vec<usize> = (0..data.len()).filter(|i| wanted.contains(&data.ids[*i])).collect();
        Ok(choose(data, &positions))
    }
}
