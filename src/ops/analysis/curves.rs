//! Histograms, and areas under curves along an axis or in a table.

use super::drawn::error_of_mean;
use super::gather::{gather, pass_cost, position};
use super::reduce::{keep_classes, needs_examples};
use super::refuse;
use super::sample::Sample;
use super::settings::{AucSettings, CurveAreaSettings, HistogramSettings};
use crate::base::statistics::{by_size, mean, sum};
use crate::engine::kernel::{Context, Failure, Job, Kernel, LabelledAxis, mismatch};
use crate::engine::parts::Parts;
use crate::engine::value::{Column, Number, Table, Value};
use crate::lang::Settings;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Policy, Problem, Shape, known};
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
const MOST_BINS: i64 = 100_000;

impl Planned for Histogram {
    /// 2: both orders of a pair are one where they differ by rounding alone. 3: a range above the largest number is refused.
    fn version(&self) -> u32 {
        3
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        refuse::kept_examples("histogram", HistogramSettings::read(settings).over, shapes)?;
        refuse::unlabelled(settings, shapes)
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let bins = HistogramSettings::read(settings).bins;
        if !(1..=MOST_BINS).contains(&bins) {
            return Err(Problem {
                code: "cfx::analysis::setting",
                parameter: Some("bins"),
                message: format!("a histogram has 1 to {MOST_BINS} bins, not {bins}"),
                help: None,
            });
        }
        Ok(Facts { rows: Some(bins as usize), ..keep_classes(inputs) })
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 2e-8)
    }
}

impl Kernel for Histogram {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        let settings = HistogramSettings::read(&job.settings);
        let gathered = gather(job, "x")?;
        needs_examples(job, settings.over, gathered.per_example())?;
        let sample = gathered.pooled()?;
        let values: Vec<f64> = sample.values.iter().copied().filter(|v| v.is_finite()).collect();
        let left_out = sample.values.len() - values.len() + sample.absent;
        if values.is_empty() {
            return Err(gathered.nothing());
        }
        let bins = settings.bins.clamp(1, MOST_BINS) as usize;
        let (mut low, mut high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
        if low == high {
            let half = f64::max(0.5, low.abs() * 1e-15);
            (low, high) = (low - half, high + half);
        }
        if !(high - low).is_finite() {
            return Err(Failure::overflows("the range of the values"));
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
///
/// Several points at one x stand for their mean. Where there are k of them at each x, the first ones are taken as one curve, the second
/// ones as another, and so on (the draws of a table, which share their noise), and the error is that of the mean of the curves' areas,
/// s / sqrt(k). Otherwise points err independently.
fn area(mut points: Vec<(f64, Number)>, normalize: bool) -> Result<Number, String> {
    points.sort_by(|a, b| by_size(&a.0, &b.0));
    let all: Vec<&[(f64, Number)]> = points.chunk_by(|a, b| a.0 == b.0).filter(|g| !g[0].0.is_nan()).collect();
    let k = all.first().map_or(0, |g| g.len());
    let whole = all.iter().all(|g| g.len() == k && g.iter().all(|(_, y)| !y.value.is_nan()));
    let mut count = 0;
    let mut x = Vec::new();
    let mut y = Vec::new();
    for group in &all {
        let mut sample = Sample::default();
        group.iter().for_each(|(_, y)| sample.push(y.clone(), None));
        count += sample.len() as u64;
        if !sample.is_empty() {
            let (error, parts) = match group {
                [(_, one)] => (one.error, one.parts.clone()),
                _ => (sample.error_of_mean(), Parts::default()),
            };
            x.push(group[0].0);
            y.push(Number { value: mean(&sample.values), error, count: None, parts });
        }
    }
    if x.len() < 2 {
        return Err(match (x.len(), count) {
            (1, 2..) => format!("the area under a curve needs points at two places, and all {count} are at one"),
            _ => format!("the area under a curve needs two points, {count} present"),
        });
    }
    let w = trapezoid(&x, normalize);
    let height = |of: &dyn Fn(usize) -> f64| sum(w.iter().enumerate().map(|(i, w)| w * of(i)));
    let (error, parts) = if whole && k > 1 {
        let areas: Vec<f64> = (0..k).map(|j| height(&|i| all[i][j].1.value)).collect();
        (error_of_mean(&areas, &[]), Parts::default())
    } else {
        Number::propagated(&w.iter().copied().zip(&y).collect::<Vec<_>>())
    };
    Ok(Number { value: height(&|i| y[i].value), error, count: Some(count), parts })
}

/// The axes along which an area can be taken: one, with numbers for coordinates.
fn check_axes(axes: &[LabelledAxis]) -> Result<(), (String, Option<String>)> {
    let [axis] = axes else {
        return Err((
            format!("the area under a curve is taken along one axis, not {}", axes.len()),
            Some("name it, as in `auc(y, over: fraction)`, and reduce the others before".to_string()),
        ));
    };
    if axis.role == "class" {
        let help = "an area is taken along numbers, such as widths, shares or epochs; `mean` averages over classes";
        return Err((
            "classes have an order of their labels and no distances, so there is no area along them".to_string(),
            Some(help.to_string()),
        ));
    }
    // A single `?` stands for coordinates that only files tell.
    let unknown = matches!(axis.coordinates.as_slice(), [one] if one == "?");
    match axis.coordinates.iter().find(|c| coordinate(c).is_none()).filter(|_| !unknown) {
        Some(word) => Err((format!("`{word}` of the axis `{}` is not a number, so there is no area along it", axis.name), None)),
        None => Ok(()),
    }
}

impl Planned for Auc {
    /// 2: areas of examples remember what the heights err by together.
    fn version(&self) -> u32 {
        2
    }

    fn policy(&self) -> Policy {
        Policy::Inline
    }

    fn fits(&self, settings: &Settings, shapes: &[Shape]) -> Result<(), Problem> {
        if AucSettings::read(settings).over.examples {
            refuse::each_example("one number per example is no curve", shapes)?;
        }
        let axes = shapes.iter().find(|s| s.slot == "y").map_or(&[] as &[LabelledAxis], |s| s.axes);
        check_axes(axes).map_err(|(message, help)| Problem {
            code: "cfx::analysis::axis",
            parameter: Some("over"),
            message,
            help,
        })
    }

    fn cost(&self, _settings: &Settings, inputs: &[KnownInput]) -> Cost {
        pass_cost(inputs, 1e-7)
    }
}

impl Kernel for Auc {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let settings = AucSettings::read(&job.settings);
        let normalize = settings.normalize;
        let gathered = gather(job, "y")?;
        check_axes(&gathered.axes).map_err(|(message, help)| Failure::Failed { message, help })?;
        let x: Vec<f64> = gathered.axes.iter().flat_map(|a| &a.coordinates).map(|c| coordinate(c).unwrap_or(f64::NAN)).collect();
        if gathered.cells.is_empty() {
            return Err(gathered.nothing());
        }
        if gathered.per_example() {
            if settings.over.examples {
                return Err(Failure::new("one number per example is no curve").help("average over `example` first"));
            }
            let at: Vec<f64> = gathered.cells.iter().map(|(place, _)| x[position(&gathered.axes, *place)[0]]).collect();
            let scores = gathered.each(cx, |s| {
                // An example without a number at some point has no area: its points could not be told apart.
                let complete = s.len() == at.len();
                let points = || at.iter().copied().zip(s.values.iter().map(|v| Number::exact(*v))).collect();
                if complete { area(points(), normalize).map_or(f64::NAN, |n| n.value) } else { f64::NAN }
            })?;
            // An area is linear in its heights: what each adds is the area of a height of 1 there and of 0 elsewhere.
            let alone = |k: usize| at.iter().enumerate().map(|(i, x)| (*x, Number::exact((i == k) as u8 as f64))).collect();
            let weights: Vec<f64> = (0..at.len()).map(|k| area(alone(k), normalize).map_or(0.0, |n| n.value)).collect();
            return Ok(Value::Scores(Arc::new(gathered.with_slopes(scores, |_| weights.clone())?)));
        }
        let mut points = Vec::new();
        for (place, cell) in &gathered.cells {
            points.push((x[*place], cell.number().ok_or_else(|| super::gather::not_a_number(cell))?));
        }
        let area = area(points, normalize).map_err(Failure::Absent)?;
        Ok(Value::Number(Number { error: area.error.filter(|_| !gathered.dependent), ..area }))
    }
}

impl Planned for CurveArea {
    /// 2: several points at one x are averaged.
    fn version(&self) -> u32 {
        2
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let given = CurveAreaSettings::read(settings);
        let Some(table) = known(inputs, "t") else { return Ok(Facts::default()) };
        let Some(columns) = &table.columns else { return Ok(Facts::default()) };
        for (parameter, name) in [("x", &given.x), ("y", &given.y)] {
            if !columns.contains(name) {
                return Err(refuse::column(parameter, name, columns));
            }
            if table.texts.contains(name) {
                return Err(refuse::words(parameter, name, columns, &table.texts));
            }
        }
        Ok(Facts::default())
    }

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
        let settings = CurveAreaSettings::read(&job.settings);
        let column = |name: &str| {
            let (names, texts): (Vec<String>, Vec<String>) = (
                table.columns.iter().map(|(n, _)| n.clone()).collect(),
                table.columns.iter().filter(|(_, c)| !matches!(c, Column::Numbers(_))).map(|(n, _)| n.clone()).collect(),
            );
            table.numbers(name).ok_or_else(|| {
                let why = match texts.iter().any(|t| t == name) {
                    true => refuse::words("x", name, &names, &texts),
                    false => refuse::column("x", name, &names),
                };
                Failure::Failed { message: why.message, help: why.help }
            })
        };
        let (x, y) = (column(&settings.x)?, column(&settings.y)?);
        let points = x.iter().copied().zip(y.iter().map(|v| Number::exact(*v))).collect();
        area(points, settings.normalize).map(Value::Number).map_err(Failure::Absent)
    }
}
