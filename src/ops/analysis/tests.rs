//! Tests of the analysis kernels against NumPy and SciPy, and of what they do with missing ids, absences and ties.

mod best;
mod calibration;
mod dependence;
mod groups;
mod linkage;
mod numbers;
mod reductions;
mod rules;
mod shared;
mod statistics;

use super::kernels;
use crate::base::Stream;
use crate::engine::kernel::{Failure, Job, Labelled, LabelledAxis, Quiet};
use crate::engine::value::{Dataset, Images, Number, Pixels, Scores, Source, Truth, Value};
use crate::lang::kind::Kind;
use crate::lang::{Settings, Static};
use crate::plan::facts::Shape;
use serde_json::Value as Json;
use std::sync::Arc;

/// Returns what NumPy and SciPy said.
fn reference() -> Json {
    serde_json::from_str(include_str!("../../../tests/data/analysis/reference.json")).unwrap()
}

/// Returns a list of numbers, null as NaN.
fn floats(json: &Json) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
}

/// Returns a list of whole numbers.
fn ints(json: &Json) -> Vec<u32> {
    json.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect()
}

/// One call of a kernel.
struct Call {
    job: Job,
}

/// Returns a call without inputs.
fn call(op: &str) -> Call {
    let job =
        Job { op: op.to_string(), settings: Settings::default(), inputs: Vec::new(), stream: Stream::root(7), at: Vec::new() };
    Call { job }
}

impl Call {
    /// Adds an input of a single value.
    fn one(self, name: &str, value: Value) -> Self {
        self.over(name, &[], vec![value])
    }

    /// Adds an input over axes: name, role, coordinates.
    fn over(mut self, name: &str, axes: &[(&str, &str, &[&str])], values: Vec<Value>) -> Self {
        let axes = axes
            .iter()
            .map(|(name, role, coordinates)| LabelledAxis {
                name: name.to_string(),
                role: role.to_string(),
                coordinates: coordinates.iter().map(|c| c.to_string()).collect(),
                ..LabelledAxis::default()
            })
            .collect();
        self.job.inputs.push((name.to_string(), Labelled { axes, values }));
        self
    }

    /// Sets a setting.
    fn set(mut self, name: &str, value: Static) -> Self {
        self.job.settings.0.retain(|(n, _)| n != name);
        self.job.settings.0.push((name.to_string(), value));
        self
    }

    /// Sets the axes taken in.
    fn reducing(self, axes: &[&str]) -> Self {
        self.set("over", Static::List(axes.iter().map(|a| Static::Word(a.to_string())).collect()))
    }

    /// Sets the coordinate of `by`.
    fn by(self, axis: &str, role: &str, name: &str, index: usize) -> Self {
        let word = |w: &str| Static::Word(w.to_string());
        let fields = [
            ("axis", word(axis)),
            ("role", word(role)),
            ("name", Static::Text(name.to_string())),
            ("index", Static::Number(index as f64)),
        ];
        self.set("by", Static::Make("at".to_string(), fields.into_iter().map(|(n, v)| (n.to_string(), v)).collect()))
    }

    /// Returns the settings, those that are not given as signatures have them.
    fn all_settings(&self) -> Settings {
        let mut all = self.job.settings.clone();
        let examples = Static::List(vec![Static::Word("example".to_string())]);
        let no = Static::Bool(false);
        for (name, value) in [("over", examples), ("of", Static::None), ("paired", no.clone()), ("normalize", no)] {
            if !all.0.iter().any(|(n, _)| n == name) {
                all.0.push((name.to_string(), value));
            }
        }
        all
    }

    /// Runs the kernel.
    fn run(&self) -> Result<Value, Failure> {
        let all = kernels();
        let (_, kernel) = all.iter().find(|(n, _)| *n == self.job.op).unwrap();
        kernel.run(&Job { settings: self.all_settings(), ..self.job.clone() }, &Quiet::default())
    }

    /// Runs the kernel and returns its number.
    fn number(&self) -> Number {
        match self.run() {
            Ok(Value::Number(n)) => n,
            other => panic!("{}: {other:?}", self.job.op),
        }
    }

    /// Runs the kernel and returns its scores.
    fn scores(&self) -> Arc<Scores> {
        match self.run() {
            Ok(Value::Scores(s)) => s,
            other => panic!("{}: {other:?}", self.job.op),
        }
    }

    /// Runs the kernel and returns its truth value.
    fn truth(&self) -> Truth {
        match self.run() {
            Ok(Value::Truth(t)) => t,
            other => panic!("{}: {other:?}", self.job.op),
        }
    }

    /// Runs the kernel and returns the words of its list, `-` where one is absent.
    fn words(&self) -> Vec<String> {
        let word = |v: &Value| if let Value::Word(w) = v { w.clone() } else { "-".to_string() };
        match self.run() {
            Ok(Value::List(items)) => items.iter().map(word).collect(),
            other => panic!("{}: {other:?}", self.job.op),
        }
    }

    /// Runs the kernel and returns a member of its record.
    fn member(&self, name: &str) -> Number {
        let Ok(Value::Record(parts)) = self.run() else { panic!("{} gives no record", self.job.op) };
        match parts.iter().find(|(n, _)| n == name) {
            Some((_, Value::Number(n))) => n.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Runs the kernel, which must end absent, and returns the reason.
    fn absent(&self) -> String {
        match self.run() {
            Err(Failure::Absent(why)) => why,
            other => panic!("{}: {other:?}", self.job.op),
        }
    }

    /// Runs the kernel, which must fail, and returns the sentence.
    fn failure(&self) -> String {
        match self.run() {
            Err(Failure::Failed { message, .. }) => message,
            other => panic!("{}: {other:?}", self.job.op),
        }
    }
}

/// Returns the shape of a call's first input, of numbers.
fn shape<'a>(slot: &'a str, call: &'a Call) -> Shape<'a> {
    let axes = call.job.inputs[0].1.axes.as_slice();
    Shape { slot, kind: &Kind::Number { per_example: false }, axes, classes: false, facts: &[] }
}

/// Returns an exact number.
fn n(x: f64) -> Value {
    Value::Number(Number::exact(x))
}

/// Returns an estimate.
fn est(x: f64, e: f64) -> Value {
    Value::Number(Number::estimate(x, e))
}

/// Returns exact numbers.
fn ns(x: &[f64]) -> Vec<Value> {
    x.iter().map(|v| n(*v)).collect()
}

/// Returns a truth value.
fn t(holds: bool) -> Value {
    Value::Truth(Truth { holds, within_error: false, no_error: false, text: format!("it is {holds}") })
}

/// Returns a word.
fn w(word: &str) -> Value {
    Value::Word(word.to_string())
}

/// Returns an absence.
fn none() -> Value {
    Value::Absent("too few members".to_string())
}

/// Returns scores with labels.
fn scores(ids: &[u32], values: &[f64], labels: &[u32]) -> Value {
    Value::Scores(Arc::new(Scores {
        values: values.to_vec(),
        ids: Arc::new(ids.to_vec()),
        labels: Arc::new(labels.to_vec()),
        classes: ["a", "b", "c"].map(String::from).to_vec(),
        ..Scores::default()
    }))
}

/// Returns a data set of examples without pixels.
fn dataset(ids: &[u32], labels: &[u32]) -> Value {
    let source = Source {
        name: "test".to_string(),
        images: Images { shape: vec![0], data: Pixels::Floats(Vec::new()), mean: Vec::new(), std: Vec::new() },
        labels: Vec::new(),
        classes: Vec::new(),
        splits: Vec::new(),
    };
    Value::Dataset(Arc::new(Dataset { source: Arc::new(source), ids: Arc::new(ids.to_vec()), labels: Arc::new(labels.to_vec()) }))
}

/// Returns the three cells of scores of the reference.
fn reference_cells() -> Vec<Value> {
    let r = reference();
    let cell = |c: &Json| scores(&ints(&c["ids"]), &floats(&c["values"]), &ints(&c["labels"]));
    r["scores"]["cells"].as_array().unwrap().iter().map(cell).collect()
}

/// Checks two numbers to a relative tolerance of 1e-12.
#[track_caller]
fn close(a: f64, b: f64) {
    near(a, b, 1e-12 * b.abs().max(1.0));
}

/// Checks two numbers to a tolerance.
#[track_caller]
fn near(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance, "{a} is not {b}");
}
