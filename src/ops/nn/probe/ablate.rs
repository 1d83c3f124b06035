//! Cumulative ablation (Morcos et al. 2018): accuracy while more and more units are held at a constant, in random orders.

use super::clamp::{Bench, Clamp, Clamps, Layers, check_layers, constants, edited, known_units, layers, units};
use super::common::{collect, columns, numbers, problem};
use crate::engine::kernel::mismatch;
use crate::engine::value::{Number, Table};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::{Settings, Static};
use crate::ops::nn::batches::shuffled;
use crate::ops::nn::evaluate::fits_one;
use crate::ops::nn::given::{Given, REPEATS, failed};
use crate::ops::nn::measures::mean;
use crate::ops::nn::place::Place;
use crate::ops::nn::suits::{self, Labels};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem, known};
use crate::plan::files::Files;
use crate::settings;
use std::sync::Arc;

settings! {
    /// Fields of an order.
    struct Random("random") { count: Given }
}

settings! {
    /// The settings of `ablate`.
    struct AblateSettings("ablate") { at: Layers, order: Static, clamp: Clamp, steps: Given }
}

/// What an ablation is: layers, how many orders, at what units are held, how many steps.
struct Plan {
    at: Layers,
    orders: usize,
    clamp: Clamp,
    steps: usize,
}

impl Plan {
    fn parse(settings: &Settings) -> Result<Self, Problem> {
        let given = AblateSettings::read(settings);
        let orders = match given.order.make() {
            Some((_, fields)) => Random::read(&fields).count,
            None => Given(f64::NAN),
        };
        Ok(Plan {
            at: given.at,
            orders: orders.whole("order", 1, REPEATS, "random orders to ablate in, such as `random(10)`")?,
            clamp: given.clamp,
            steps: given.steps.whole("steps", 1, REPEATS, "accuracies along an order; 20 give a curve")?,
        })
    }
}

/// Returns the numbers of units ablated: 0, all, and `steps` equal parts between them, each once.
pub fn counts(units: usize, steps: usize) -> Vec<usize> {
    let mut out: Vec<usize> = (0..=steps).map(|j| (2 * j * units + steps) / (2 * steps.max(1))).collect();
    out.dedup();
    out
}

/// Columns of the table.
const COLUMNS: [&str; 4] = ["order", "fraction", "ablated", "accuracy"];

/// The kernel of `ablate`.
pub struct Ablate;

impl Planned for Ablate {
    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let plan = Plan::parse(settings)?;
        suits::fits(inputs, "net", "data", Labels::One)?;
        check_layers(&plan.at, inputs)?;
        Ok(columns(&COLUMNS))
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let Ok(plan) = Plan::parse(settings) else { return Cost::default() };
        // No more steps than units, and those that all orders share once.
        let between = known_units(&plan.at, inputs)
            .map_or(plan.steps, |units| counts(units, plan.steps.min(units)).len().saturating_sub(1));
        let means = (plan.clamp == Clamp::Mean) as usize;
        let runs = 2.0 + means as f64 + plan.orders as f64 * between.saturating_sub(1) as f64;
        let rows = (plan.orders * (between + 1)) as f64;
        Cost { disk: 200.0 + 32.0 * rows, ..edited(inputs, "data", runs, &plan.at) }
    }
}

impl Kernel for Ablate {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (model, data) = (job.model("net")?, job.dataset("data")?);
        if data.is_empty() {
            return Err(Failure::Absent("there is no example to measure on".to_string()));
        }
        fits_one(&model.net, data)?;
        let plan = Plan::parse(&job.settings).map_err(failed)?;
        let nodes = layers(&model.net, &plan.at)?;
        let all = units(&model.net, &nodes);
        let mut bench = Bench::open(model, data, &nodes, &Place::of(cx)?)?;
        let held = constants(&mut bench, &nodes, &all, plan.clamp, cx)?;
        let (counts, orders) = (counts(all.len(), plan.steps.min(all.len())), plan.orders);
        // The ends do not depend on the order: 0 and all come first, once; then what is between, order by order.
        let between = counts.len().saturating_sub(2);
        let hits = collect(cx, 2 + orders * between, |i| {
            let (order, count) = match i {
                0 => (0, 0),
                1 => (0, all.len()),
                _ => ((i - 2) / between, counts[1 + (i - 2) % between]),
            };
            let mut clamps = Clamps::default();
            for u in shuffled(all.len(), job.stream.named("order").numbered(order as u64)).into_iter().take(count) {
                clamps.hold(&model.net, all[u], held[u]);
            }
            bench.hits(cx, &nodes, &|_, node, out| clamps.apply(node, out))
        })?;
        let mut columns: [Vec<f64>; 4] = Default::default();
        for order in 0..orders {
            for (j, count) in counts.iter().enumerate() {
                let at = match j {
                    0 => 0,
                    j if j + 1 == counts.len() => 1,
                    j => 2 + order * between + j - 1,
                };
                let row = [order as f64, *count as f64 / all.len() as f64, *count as f64, hits[at] as f64 / data.len() as f64];
                columns.iter_mut().zip(row).for_each(|(c, x)| c.push(x));
            }
        }
        let [order, fraction, ablated, accuracy] = columns;
        let [a, b, c, d] = COLUMNS;
        Ok(Value::Table(Arc::new(numbers([(a, order), (b, fraction), (c, ablated), (d, accuracy)]))))
    }
}

/// The kernel of `ablation_area`.
pub struct AblationArea;

impl Planned for AblationArea {
    fn facts(&self, _settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        let columns = known(inputs, "ablation").and_then(|t| t.columns.as_ref());
        match columns.and_then(|c| ["order", "fraction", "accuracy"].into_iter().find(|n| !c.iter().any(|c| c == n))) {
            Some(missing) => {
                let help = "give it what `ablate` returns, or a table of that form";
                Err(problem("ablation", format!("the table has no column `{missing}`"), help))
            }
            None => Ok(Facts::default()),
        }
    }
}

impl Kernel for AblationArea {
    fn run(&self, job: &Job, _cx: &dyn Context) -> Result<Value, Failure> {
        match job.input("ablation") {
            Some(Value::Table(table)) => area(table).map(Value::Number),
            other => Err(mismatch("ablation", "table", other)),
        }
    }
}

/// Returns the area under accuracy against fraction, by the trapezoidal rule: its mean over orders, with the standard error s / sqrt(orders).
///
/// Errors: the table lacks a column.
pub fn area(table: &Table) -> Result<Number, Failure> {
    let column = |name: &str| {
        table.numbers(name).ok_or_else(|| {
            Failure::new(format!("the table has no column `{name}`"))
                .help("give it what `ablate` or a table of that form returns")
        })
    };
    let (order, x, y) = (column("order")?, column("fraction")?, column("accuracy")?);
    let mut areas: Vec<(f64, f64)> = Vec::new();
    for i in 0..order.len() {
        match areas.last_mut() {
            Some((last, sum)) if *last == order[i] => *sum += (x[i] - x[i - 1]) * (y[i] + y[i - 1]) / 2.0,
            _ => areas.push((order[i], 0.0)),
        }
    }
    if areas.is_empty() {
        return Err(Failure::Absent("the table has no row".to_string()));
    }
    Ok(mean(&areas.iter().map(|a| a.1).collect::<Vec<_>>()))
}
