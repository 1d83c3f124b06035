//! Units as rows (Jamroz, Kurdziel & Opala 2020): what each unit answers to a fixed sequence of inputs; and rows of several representations joined.

use super::rows::{like_x, problem};
use crate::engine::value::{Stages, Value};
use crate::engine::{Context, Failure, Job, Kernel};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem};
use crate::plan::files::Files;
use crate::settings;
use ndarray::{Array2, Axis, concatenate};
use std::sync::Arc;

settings! {
    /// Settings of `join`.
    struct JoinSettings("join") { over: Vec<String> }
}

/// A representation turned: a row a unit, a column an example.
pub struct Units;

/// The rows of several representations, one under the other.
pub struct Join;

/// What is known of rows that are numbered and are about no example.
fn numbered(rows: Option<usize>, dim: Option<usize>) -> Facts {
    let bytes = rows.zip(dim).map(|(r, d)| (r * d * 8) as u64);
    Facts { rows, dim, shape: dim.map(|d| vec![d]), bytes, labelled: Some(false), ..Facts::default() }
}

impl Planned for Units {
    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let x = like_x(inputs);
        Ok(numbered(x.dim, x.rows))
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let x = like_x(inputs);
        let bytes = (x.most_rows().unwrap_or(10_000) * x.dim.unwrap_or(64) * 8) as f64;
        Cost { seconds: 1e-3 + bytes * 1e-9, memory: 2.0 * bytes, disk: bytes }
    }
}

impl Kernel for Units {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let x = &job.stages("x")?.x;
        if x.is_empty() {
            return Err(Failure::Absent("there is no unit, or no example, to make rows of".to_string()));
        }
        Ok(rows(x.t().as_standard_layout().into_owned(), Vec::new(), Vec::new()))
    }
}

fn rows(x: Array2<f64>, labels: Vec<u32>, classes: Vec<String>) -> Value {
    let ids = Arc::new((0..x.nrows() as u32).collect());
    Value::Stages(Arc::new(Stages { x, ids, labels: Arc::new(labels), classes, numbered: true, notes: Vec::new() }))
}

fn unequal(a: usize, b: usize) -> (String, String) {
    let help = "rows are joined that have the same columns: the same units, or, of `units`, answers to the same examples; \
                reduce with `svd` after joining, not before";
    (format!("representations of {a} and of {b} columns cannot be joined"), help.to_string())
}

impl Planned for Join {
    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        if JoinSettings::read(settings).over.iter().any(|o| o == "example") {
            let help = Some("name the axis along which there are several representations, such as `over: run`".to_string());
            return Err(Problem { help, ..problem("over", "rows are joined, and examples are already rows") });
        }
        let all: Vec<&Facts> = inputs.iter().filter(|(slot, _)| *slot == "x").flat_map(|(_, f)| f.iter().copied()).collect();
        let dims: Vec<usize> = all.iter().filter_map(|f| f.dim).collect();
        if let Some(other) = dims.iter().find(|d| **d != dims[0]) {
            let (message, help) = unequal(dims[0], *other);
            return Err(Problem { help: Some(help), ..problem("x", message) });
        }
        // Which of them end absent only the run tells.
        let rows_at_most = all.iter().map(|f| f.most_rows()).sum::<Option<usize>>();
        let facts = numbered(None, dims.first().copied());
        let classes = all.first().and_then(|f| f.classes.clone()).filter(|c| all.iter().all(|f| f.classes.as_ref() == Some(c)));
        let labelled = all.iter().all(|f| f.labelled == Some(true)) && classes.is_some();
        let bytes = rows_at_most.zip(facts.dim).map(|(r, d)| (r * d * 8) as u64);
        Ok(Facts { rows_at_most, bytes, classes: classes.filter(|_| labelled), labelled: Some(labelled), ..facts })
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let all = inputs.iter().filter(|(slot, _)| *slot == "x").flat_map(|(_, f)| f.iter());
        let bytes = all.map(|f| (f.most_rows().unwrap_or(10_000) * f.dim.unwrap_or(64) * 8) as f64).sum::<f64>();
        Cost { seconds: 1e-3 + bytes * 1e-9, memory: 2.0 * bytes, disk: bytes }
    }
}

impl Kernel for Join {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let all = job.labelled("x").map(|l| l.values.as_slice()).unwrap_or_default();
        let there: Vec<&Arc<Stages>> = all.iter().filter_map(|v| if let Value::Stages(s) = v { Some(s) } else { None }).collect();
        let Some(first) = there.first() else {
            let why = all.iter().find_map(|v| if let Value::Absent(why) = v { Some(why.clone()) } else { None });
            return Err(Failure::Absent(why.unwrap_or_else(|| "there is nothing to join".to_string())));
        };
        if let Some(other) = there.iter().find(|s| s.x.ncols() != first.x.ncols()) {
            let (message, help) = unequal(first.x.ncols(), other.x.ncols());
            return Err(Failure::new(message).help(help));
        }
        let x = concatenate(Axis(0), &there.iter().map(|s| s.x.view()).collect::<Vec<_>>())
            .map_err(|e| Failure::new(format!("the rows cannot be joined: {e}")))?;
        let labelled = there.iter().all(|s| s.labels.len() == s.x.nrows() && s.classes == first.classes);
        let labels = if labelled { there.iter().flat_map(|s| s.labels.iter().copied()).collect() } else { Vec::new() };
        Ok(rows(x, labels, if labelled { first.classes.clone() } else { Vec::new() }))
    }
}
