//! Distances that see single units and scales: cosine and Euclidean, the baselines of canonical correlations.

use super::rows::{against, compared, matched, problem, shared};
use super::scale;
use crate::engine::value::Number;
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, known};
use crate::plan::files::Files;
use ndarray::{Array2, Zip};

/// Cosine distance of two representations as vectors.
pub struct CosineDistance;

/// Root mean square Euclidean distance of the two representations of an example.
pub struct EuclideanDistance;

fn unequal(a: usize, b: usize) -> (String, String) {
    let help =
        "this distance compares unit by unit: give representations of the same layer, or compare by `cca`, `cka` or `procrustes`";
    (format!("`x` has {a} units and `against` {b}"), help.to_string())
}

fn facts(inputs: &[KnownInput]) -> Result<Facts, Problem> {
    compared(inputs)?;
    shared(inputs, 1)?;
    match ["x", "against"].map(|side| known(inputs, side).and_then(|f| f.dim)) {
        [Some(a), Some(b)] if a != b => {
            let (message, help) = unequal(a, b);
            Err(Problem { help: Some(help), ..problem("against", message) })
        }
        _ => Ok(Facts::default()),
    }
}

fn cost(inputs: &[KnownInput]) -> Cost {
    let x = known(inputs, "x").cloned().unwrap_or_default();
    let numbers = (x.most_rows().unwrap_or(10_000) * x.dim.unwrap_or(64)) as f64;
    Cost { seconds: 1e-3 + 4e-9 * numbers, memory: 32.0 * numbers, disk: 100.0 }
}

/// Returns both sides at one scale, and its exponent.
fn sides(job: &Job) -> Result<(Array2<f64>, Array2<f64>, i32), Failure> {
    let (mut x, mut y) = matched(job.stages("x")?, against(job)?)?;
    if x.ncols() != y.ncols() {
        let (message, help) = unequal(x.ncols(), y.ncols());
        return Err(Failure::new(message).help(help));
    }
    let exponent = scale::exponent(x.iter().chain(y.iter()));
    scale::shift(x.iter_mut().chain(y.iter_mut()), -exponent);
    Ok((x, y, exponent))
}

impl Planned for CosineDistance {
    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        facts(inputs)
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        cost(inputs)
    }
}

impl Kernel for CosineDistance {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let (x, y, _) = sides(job)?;
        let unit = |name: &str, m: &Array2<f64>| {
            let (mut m, _) = scale::scaled(m.view());
            let norm = m.iter().map(|v| v * v).sum::<f64>().sqrt();
            m /= norm;
            if norm > 0.0 { Ok(m) } else { Err(Failure::Absent(format!("`{name}` is 0 for all examples"))) }
        };
        let (a, b) = (unit("x", &x)?, unit("against", &y)?);
        let product: f64 = a.iter().zip(&b).map(|(u, v)| u * v).sum();
        Ok(Value::Number(Number::new(1.0 - product.clamp(-1.0, 1.0), None, Some(x.nrows() as u64))))
    }
}

impl Planned for EuclideanDistance {
    fn version(&self) -> u32 {
        2
    }

    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        facts(inputs)
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        cost(inputs)
    }
}

impl Kernel for EuclideanDistance {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let (mut x, y, exponent) = sides(job)?;
        Zip::from(&mut x).and(&y).for_each(|a, b| *a -= b);
        let n = x.nrows() as f64;
        let mut value = [(x.iter().map(|v| v * v).sum::<f64>() / n).sqrt()];
        scale::restore(value.iter_mut(), exponent, "the distance")?;
        Ok(Value::Number(Number::new(value[0], None, Some(x.nrows() as u64))))
    }
}
