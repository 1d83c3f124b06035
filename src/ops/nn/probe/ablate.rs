//! Cumulative ablation (Morcos et al. 2018): accuracy while more and more units are held at a constant, in random orders.

use super::clamp::{Bench, Clamps, Unit, check_layers, layers, units};
use super::{numbers, passes, problem};
use crate::engine::kernel::mismatch;
use crate::engine::value::{Number, Table};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::nn::batches::shuffled;
use crate::ops::nn::checkpoint::{Reader, Writer};
use crate::ops::nn::evaluate::fits_one;
use crate::ops::nn::measures::mean;
use crate::ops::nn::place::Place;
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem};
use crate::plan::files::Files;
use std::sync::Arc;

/// Returns how many orders a setting asks for.
fn orders(settings: &Settings) -> usize {
    settings.get("order").make().map_or(0, |(_, fields)| fields.int("count"))
}

/// Returns the numbers of units ablated: 0, all, and `steps` equal parts between them, each once.
pub fn counts(units: usize, steps: usize) -> Vec<usize> {
    let mut out: Vec<usize> = (0..=steps).map(|j| (2 * j * units + steps) / (2 * steps.max(1))).collect();
    out.dedup();
    out
}

/// Reads the hits that a checkpoint keeps; none where it is none of this run's.
pub fn restored(cx: &dyn Context, most: usize) -> Vec<u64> {
    let read = |bytes: Vec<u8>| {
        let mut r = Reader::new(&bytes)?;
        let hits = r.ints()?;
        (r.finished() && hits.len() <= most).then_some(hits)
    };
    cx.restore().and_then(read).unwrap_or_default()
}

/// Keeps hits as a checkpoint.
pub fn keep(cx: &dyn Context, hits: &[u64]) {
    let mut w = Writer::default();
    w.ints(hits);
    cx.checkpoint(&w.finish());
}

/// Runs `one` for each number from 0 below `total` and collects what it returns, through checkpoints.
///
/// Errors: those of `one`.
pub fn collect(cx: &dyn Context, total: usize, mut one: impl FnMut(usize) -> Result<u64, Failure>) -> Result<Vec<u64>, Failure> {
    let mut hits = restored(cx, total);
    while hits.len() < total {
        match one(hits.len()) {
            Ok(count) => hits.push(count),
            Err(Failure::Interrupted) => {
                keep(cx, &hits);
                return Err(Failure::Interrupted);
            }
            Err(other) => return Err(other),
        }
        if cx.checkpoint_due() {
            keep(cx, &hits);
        }
        cx.progress(hits.len() as u64, total as u64, &[]);
    }
    Ok(hits)
}

/// The kernel of `ablate`.
pub struct Ablate;

impl Planned for Ablate {
    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        check_layers(settings, inputs)?;
        if orders(settings) == 0 {
            return Err(problem(
                "order",
                "there is no order to ablate in".to_string(),
                "ask for at least one: `order: random(10)`",
            ));
        }
        if settings.int("steps") == 0 {
            return Err(problem("steps", "`steps` is 0".to_string(), "one step ablates all units at once; 20 give a curve"));
        }
        Ok(Facts::default())
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        passes(inputs, "data", (orders(settings) * settings.int("steps")) as f64)
    }
}

impl Kernel for Ablate {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (model, data) = (job.model("net")?, job.dataset("data")?);
        if data.is_empty() {
            return Err(Failure::Absent("there is no example to measure on".to_string()));
        }
        fits_one(&model.net, data)?;
        let nodes = layers(&model.net, job.settings.get("at"))?;
        let all = units(&model.net, &nodes);
        let mut bench = Bench::open(model, data, &nodes, &Place::of(cx)?)?;
        let held = constants(&mut bench, &nodes, &all, job.settings.word("clamp") == "mean", cx)?;
        let counts = counts(all.len(), job.settings.int("steps"));
        let orders = orders(&job.settings);
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
        Ok(Value::Table(Arc::new(numbers([
            ("order", order),
            ("fraction", fraction),
            ("ablated", ablated),
            ("accuracy", accuracy),
        ]))))
    }
}

/// Returns what each unit is held at: 0, or its mean over all positions of all examples.
pub fn constants(bench: &mut Bench, nodes: &[usize], all: &[Unit], at_mean: bool, cx: &dyn Context) -> Result<Vec<f32>, Failure> {
    if !at_mean {
        return Ok(vec![0.0; all.len()]);
    }
    let moments = bench.moments(nodes, cx)?;
    Ok(all.iter().map(|(node, c)| moments.get(node).and_then(|m| m.get(*c)).map_or(0.0, |m| m.0 as f32)).collect())
}

/// The kernel of `ablation_area`.
pub struct AblationArea;

impl Planned for AblationArea {}

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
