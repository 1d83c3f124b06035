//! Histograms, and areas under curves along an axis or in a table.

use super::gather::{gather, pass_cost, position, takes_examples};
use super::reduce::keep_classes;
use super::sample::sum;
use crate::engine::kernel::{Context, Failure, Job, Kernel, mismatch};
use crate::engine::value::{Column, Number, Table, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem};
use crate::plan::files::Files;
use std::sync::Arc;

/// `histogram`.
struct Histogram;

/// `auc`.
struct Auc;

/// `curve_area`.
struct CurveArea;

/// Returns the kernels of this file.
pub fn kernels() -> Vec<(&'static str, Box<dyn Kernel>)> {
    vec![("histogram", Box::new(Histogram)), ("auc", Box::new(Auc)), ("curve_area", Box::new(CurveArea))]
}

/// Most bins a histogram may have.
const MOST_BINS: usize = 100_000;

impl Planned for Histogram {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let bins = settings.int("bins");
        if !(1..=MOST_BINS).contains(&bins) {
            return Err(Problem {
                code: "cfx::analysis::setting",
                parameter: Some("bins"),
                message: format!("a histogram has 1 to {MOST_BINS} bins, not {bins}"),
                help: None,
            });
        }
        Ok(Facts { rows: Some(bins), ..keep_classes(inputs) })
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 2e-8)
    }
}

impl Kernel for Histogram {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let gathered = gather(job, "x")?;
        let sample = gathered.pooled()?;
        let values: Vec<f64> = sample.values.iter().copied().filter(|v| v.is_finite()).collect();
        let left_out = sample.values.len() - values.len() + sample.absent;
        if values.is_empty() {
            return Err(gathered.nothing());
        }
        let bins = job.settings.int("bins").clamp(1, MOST_BINS);
        let (mut low, mut high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
        if low == high {
            (low, high) = (low - 0.5, high + 0.5);
        }
        let edge = |k: usize| if k == bins { high } else { low + (high - low) * (k as f64 / bins as f64) };
        let mut counts = vec![0.0; bins];
        for v in &values {
            let mut k = (((v - low) / (high - low)) * bins as f64).floor().clamp(0.0, (bins - 1) as f64) as usize;
            // Rounding may put a number beside an edge into the neighbouring bin: the edges decide.
            while k > 0 && *v < edge(k) {
                k -= 1;
            }
            while k + 1 < bins && *v >= edge(k + 1) {
                k += 1;
            }
            counts[k] += 1.0;
        }
        let density = counts.iter().enumerate().map(|(k, c)| c / (values.len() as f64 * (edge(k + 1) - edge(k)))).collect();
        let mut columns = vec![
            ("from".to_string(), Column::Numbers((0..bins).map(edge).collect())),
            ("to".to_string(), Column::Numbers((1..=bins).map(edge).collect())),
            ("count".to_string(), Column::Numbers(counts)),
            ("density".to_string(), Column::Numbers(density)),
        ];
        if left_out > 0 {
            columns.push(("absent".to_string(), Column::Numbers(vec![left_out as f64; bins])));
        }
        Ok(Value::Table(Arc::new(Table { columns })))
    }
}

/// Returns a coordinate as a number: `0.2`, `20%`, `10k`, `2M`.
pub fn coordinate(text: &str) -> Option<f64> {
    let (digits, power) = match text.trim().char_indices().next_back() {
        Some((i, '%')) => (&text.trim()[..i], -2),
        Some((i, 'k')) => (&text.trim()[..i], 3),
        Some((i, 'M')) => (&text.trim()[..i], 6),
        _ => (text.trim(), 0),
    };
    crate::base::Decimal::parse(digits).map(|d| d.scale10(power).to_f64())
}

/// Returns the weights of the trapezoidal rule at the points, which come sorted.
fn trapezoid(x: &[f64], normalize: bool) -> Vec<f64> {
    let n = x.len();
    let width = if normalize { x[n - 1] - x[0] } else { 1.0 };
    (0..n)
        .map(|i| {
            let left = if i > 0 { x[i] - x[i - 1] } else { 0.0 };
            let right = if i + 1 < n { x[i + 1] - x[i] } else { 0.0 };
            (left + right) / 2.0 / width
        })
        .collect()
}

/// Returns the area under the points that are there, or why there is none.
fn area(mut points: Vec<(f64, Number)>, normalize: bool) -> Result<Number, String> {
    points.retain(|(x, y)| !x.is_nan() && !y.value.is_nan());
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let x: Vec<f64> = points.iter().map(|p| p.0).collect();
    if x.len() < 2 {
        return Err(format!("the area under a curve needs two points, {} present", x.len()));
    }
    if let Some(twice) = x.windows(2).find(|w| w[0] == w[1]) {
        return Err(format!("there are several points at {}", super::write::plain(twice[0])));
    }
    let w = trapezoid(&x, normalize);
    let value = sum(w.iter().zip(&points).map(|(w, p)| w * p.1.value));
    let squares = sum(w.iter().zip(&points).map(|(w, p)| (w * p.1.error.unwrap_or(0.0)).powi(2)));
    let error = points.iter().any(|p| p.1.error.is_some()).then(|| squares.sqrt());
    Ok(Number { value, error, count: Some(points.len() as u64) })
}

impl Planned for Auc {
    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-7)
    }
}

impl Kernel for Auc {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let input = job.labelled("y").ok_or_else(|| mismatch("y", "number", None))?;
        let [axis] = input.axes.as_slice() else {
            return Err(Failure::new(format!("the area under a curve is taken along one axis, not {}", input.axes.len()))
                .help("name it, as in `auc(y, over: fraction)`, and reduce the others before"));
        };
        let x = axis.coordinates.iter().map(|c| {
            coordinate(c).ok_or_else(|| {
                Failure::new(format!("`{c}` of the axis `{}` is no number, so there is no area along it", axis.name))
            })
        });
        let x = x.collect::<Result<Vec<f64>, Failure>>()?;
        let normalize = job.settings.flag("normalize");
        let gathered = gather(job, "y")?;
        if gathered.cells.is_empty() {
            return Err(gathered.nothing());
        }
        if gathered.per_example() {
            if takes_examples(&job.settings, "over") {
                return Err(Failure::new("one number per example is no curve").help("average over `example` first"));
            }
            let at: Vec<f64> = gathered.cells.iter().map(|(place, _)| x[position(input, *place)[0]]).collect();
            let scores = gathered.each(cx, |s| {
                // An example without a number at some point has no area: its points could not be told apart.
                let complete = s.len() == at.len();
                let points = || at.iter().copied().zip(s.values.iter().map(|v| Number::exact(*v))).collect();
                if complete { area(points(), normalize).map_or(f64::NAN, |n| n.value) } else { f64::NAN }
            })?;
            return Ok(Value::Scores(Arc::new(scores)));
        }
        let mut points = Vec::new();
        for (place, cell) in &gathered.cells {
            points.push((x[*place], cell.number().ok_or_else(|| super::gather::not_a_number(cell))?));
        }
        area(points, normalize).map(Value::Number).map_err(Failure::Absent)
    }
}

impl Planned for CurveArea {
    fn policy(&self) -> Policy {
        Policy::Inline
    }
}

impl Kernel for CurveArea {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let table = match job.input("t") {
            Some(Value::Table(t)) => t,
            other => return Err(mismatch("t", "table", other)),
        };
        let column = |parameter: &str| {
            let name = job.settings.word(parameter);
            let names: Vec<_> = table.columns.iter().map(|(n, _)| n.as_str()).collect();
            let help = format!("the table has {}", names.join(", "));
            table.numbers(name).ok_or_else(|| Failure::new(format!("there is no column of numbers `{name}`")).help(help))
        };
        let (x, y) = (column("x")?, column("y")?);
        let points = x.iter().copied().zip(y.iter().map(|v| Number::exact(*v))).collect();
        area(points, job.settings.flag("normalize")).map(Value::Number).map_err(Failure::Absent)
    }
}
