//! Cumulative ablation (Morcos et al. 2018): accuracy while more and more units are held at a constant, in random orders.

use super::clamp::{Bench, Clamp, Clamps, Layers, check_layers, constants, edited, known_units, layers, units};
use super::common::{collect, columns, keep, numbers, passes, problem, restored};
use crate::engine::kernel::mismatch;
use crate::engine::value::{Number, Table};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::net::ir::NodeId;
use crate::lang::{Settings, Static};
use crate::ops::nn::batches::shuffled;
use crate::ops::nn::cost;
use crate::ops::nn::evaluate::{batch_size, measured};
use crate::ops::nn::given::{Given, REPEATS, failed};
use crate::ops::nn::measures::mean;
use crate::ops::nn::network::Network;
use crate::ops::nn::place::Place;
use crate::ops::nn::steps::Purpose;
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

    fn on_device(&self, _settings: &Settings, inputs: &[KnownInput]) -> f64 {
        cost::on_device(inputs, Purpose::Evaluation, None)
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let Ok(plan) = Plan::parse(settings) else { return Cost::default() };
        // No more steps than units, and those that all orders share once.
        let between = known_units(&plan.at, inputs)
            .map_or(plan.steps, |units| counts(units, plan.steps.min(units)).len().saturating_sub(1));
        let means = (plan.clamp == Clamp::Mean) as usize;
        let runs = 2.0 + means as f64 + plan.orders as f64 * between.saturating_sub(1) as f64;
        let disk = 200.0 + 32.0 * (plan.orders * (between + 1)) as f64;
        // Of a single layer, a pass goes on from it, over a copy of what it put out.
        let alone = cost::net(inputs, &["net"]).and_then(|net| match layers(net, &plan.at).ok()?.as_slice() {
            [node] => Some((net, *node)),
            _ => None,
        });
        let Some((net, node)) = alone else { return Cost { disk, ..edited(inputs, "data", runs, &plan.at) } };
        let rows = cost::rows(inputs, "data");
        let rest = cost::batched(rows, batch_size(net), |b| cost::batch_seconds(net, Purpose::Evaluation, b, Some(node)));
        let copies = (rows * net.nodes[node].shape.iter().product::<usize>()) as f64 * 5e-10;
        let whole = passes(inputs, "data", 1.0 + means as f64);
        Cost { seconds: whole.seconds + (runs - means as f64) * (rest + copies), disk, ..whole }
    }
}

impl Kernel for Ablate {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (model, data) = measured(job, Labels::One)?;
        let plan = Plan::parse(&job.settings).map_err(failed)?;
        let nodes = layers(&model.net, &plan.at)?;
        let all = units(&model.net, &nodes);
        // Of a single layer, only what lies behind it is computed again.
        let alone = if let [node] = nodes.as_slice() { Some(*node) } else { None };
        let keep = alone.map_or(nodes.clone(), |node| Network::needed_after(&model.net, node));
        let mut bench = Bench::open(model, data, &keep, &Place::of(cx)?)?;
        let held = constants(&mut bench, &nodes, &all, plan.clamp, cx)?;
        let (counts, orders) = (counts(all.len(), plan.steps.min(all.len())), plan.orders);
        // The ends do not depend on the order: 0 and all come first, once; then what is between, order by order.
        let between = counts.len().saturating_sub(2);
        let clamps = |i: usize| {
            let (order, count) = match i {
                0 => (0, 0),
                1 => (0, all.len()),
                _ => ((i - 2) / between, counts[1 + (i - 2) % between]),
            };
            let mut clamps = Clamps::default();
            for u in shuffled(all.len(), job.stream.named("order").numbered(order as u64)).into_iter().take(count) {
                clamps.hold(&model.net, all[u], held[u]);
            }
            clamps
        };
        let total = 2 + orders * between;
        let hits = match alone {
            Some(node) => behind(&mut bench, node, &(0..total).map(clamps).collect::<Vec<_>>(), cx)?,
            None => collect(cx, total, |i| {
                let clamps = clamps(i);
                bench.hits(cx, &nodes, &|_, node, out| clamps.apply(node, out))
            })?,
        };
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

/// Returns how many examples are predicted right under each of several clamps of one layer: every batch goes up to the layer once, and from there on once for each of
/// them. Stops and goes on between batches.
///
/// Errors: an interruption.
fn behind(bench: &mut Bench, node: NodeId, clamps: &[Clamps], cx: &dyn Context) -> Result<Vec<u64>, Failure> {
    // The next row, then the hits.
    let mut counts = restored(cx, clamps.len() + 1);
    if counts.len() != clamps.len() + 1 {
        counts = vec![0; clamps.len() + 1];
    }
    for start in bench.starts().filter(|s| *s as u64 >= counts[0]).collect::<Vec<_>>() {
        if cx.interrupted() || cx.checkpoint_due() {
            keep(cx, &counts);
        }
        if cx.interrupted() {
            return Err(Failure::Interrupted);
        }
        let labels = bench.batch(start, &[], &|_, _, _| {})?;
        let responses = bench.network.value(node).to_vec();
        let mut changed = responses.clone();
        for (clamps, hits) in clamps.iter().zip(&mut counts[1..]) {
            changed.copy_from_slice(&responses);
            clamps.apply(node, &mut changed);
            bench.network.set_value(node, &changed);
            bench.network.resume(node);
            *hits += bench.right(&labels)?.into_iter().filter(|r| *r).count() as u64;
        }
        counts[0] = (start + labels.len()) as u64;
        cx.progress(counts[0], bench.rows() as u64, &[]);
    }
    Ok(counts.split_off(1))
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
