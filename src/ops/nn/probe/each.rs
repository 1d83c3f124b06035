//! Single-unit importance (Morcos et al. 2018): the drop in accuracy when one unit is ablated.

use super::clamp::{Bench, Clamp, channels, constants};
use super::common::{columns, numbers, passes};
use crate::engine::{Context, Failure, Job, Kernel, Value};
use crate::lang::Settings;
use crate::ops::nn::checkpoint::{Reader, closed, opened};
use crate::ops::nn::cost;
use crate::ops::nn::evaluate::{batch_size, measured};
use crate::ops::nn::given::TapName;
use crate::ops::nn::network::Network;
use crate::ops::nn::place::Place;
use crate::ops::nn::steps::Purpose;
use crate::ops::nn::suits::{self, Labels};
use crate::ops::nn::tap::{node, shape};
use crate::plan::facts::{Cost, Facts, KnownInput, Planned, Problem};
use crate::plan::files::Files;
use crate::settings;
use std::sync::Arc;

/// The kernel of `ablate_each`.
pub struct AblateEach;

settings! {
    /// The settings of `ablate_each`.
    struct EachSettings("ablate_each") { at: TapName, clamp: Clamp }
}

/// Columns of the table.
const COLUMNS: [&str; 4] = ["unit", "accuracy", "drop", "error"];

impl Planned for AblateEach {
    /// 2: errors do not vanish where no prediction changes.
    fn version(&self) -> u32 {
        2
    }

    fn facts(&self, settings: &Settings, inputs: &[KnownInput], _files: Option<&Files>) -> Result<Facts, Problem> {
        suits::fits(inputs, "net", "data", Labels::One)?;
        suits::tap(inputs, "net", &EachSettings::read(settings).at.0)?;
        Ok(columns(&COLUMNS))
    }

    fn on_device(&self, _settings: &Settings, inputs: &[KnownInput]) -> f64 {
        cost::on_device(inputs, Purpose::Evaluation, None)
    }

    fn cost(&self, settings: &Settings, inputs: &[KnownInput]) -> Cost {
        let given = EachSettings::read(settings);
        let first = if given.clamp == Clamp::Mean { 2.0 } else { 1.0 };
        let units = shape(inputs, &given.at.0).and_then(|s| s.last().copied()).unwrap_or(64) as f64;
        let numbers = shape(inputs, &given.at.0).map_or(0, |s| s.iter().product::<usize>()) as f64;
        let rows = cost::rows(inputs, "data");
        // A pass goes on from the layer, over a copy of what it put out.
        let rest = cost::net(inputs, &["net"]).and_then(|net| {
            let node = net.find(&given.at.0)?;
            Some(cost::batched(rows, batch_size(net), |b| cost::batch_seconds(net, Purpose::Evaluation, b, Some(node))))
        });
        let whole = passes(inputs, "data", first);
        let rest = rest.unwrap_or(0.5 * whole.seconds) + rows as f64 * numbers * 5e-10;
        Cost { seconds: whole.seconds + units * rest, disk: 200.0 + 32.0 * units, ..whole }
    }
}

/// Counts of a run: the next row, right predictions of the network as it is, and for each unit how many it lost and won.
#[derive(Clone, Debug, PartialEq)]
struct Counts {
    next: u64,
    right: u64,
    lost: Vec<u64>,
    won: Vec<u64>,
}

impl Counts {
    fn bytes(&self) -> Vec<u8> {
        closed(|w| {
            w.int(self.next);
            w.int(self.right);
            w.ints(&self.lost);
            w.ints(&self.won);
        })
    }

    fn restored(bytes: &[u8], units: usize) -> Option<Self> {
        let read = |r: &mut Reader| Some(Counts { next: r.int()?, right: r.int()?, lost: r.ints()?, won: r.ints()? });
        opened(bytes, read).filter(|counts| counts.lost.len() == units && counts.won.len() == units)
    }
}

impl Kernel for AblateEach {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        let (model, data) = measured(job, Labels::One)?;
        let given = EachSettings::read(&job.settings);
        let node = node(&model.net, &given.at.0)?;
        let units = channels(&model.net, node);
        let all: Vec<_> = (0..units).map(|c| (node, c)).collect();
        let mut bench = Bench::open(model, data, &Network::needed_after(&model.net, node), &Place::of(cx)?)?;
        let held = constants(&mut bench, &[node], &all, given.clamp, cx)?;
        let fresh = Counts { next: 0, right: 0, lost: vec![0; units], won: vec![0; units] };
        let mut counts = cx.restore().and_then(|b| Counts::restored(&b, units)).unwrap_or(fresh);
        for start in bench.starts().filter(|s| *s as u64 >= counts.next).collect::<Vec<_>>() {
            if cx.interrupted() {
                cx.checkpoint(&counts.bytes());
                return Err(Failure::Interrupted);
            }
            if cx.checkpoint_due() {
                cx.checkpoint(&counts.bytes());
            }
            let labels = bench.batch(start, &[], &|_, _, _| {})?;
            let before = bench.right(&labels)?;
            counts.right += before.iter().filter(|r| **r).count() as u64;
            let responses = bench.network.value(node).to_vec();
            let mut changed = responses.clone();
            for (unit, value) in held.iter().enumerate() {
                changed.copy_from_slice(&responses);
                changed.iter_mut().skip(unit).step_by(units).for_each(|x| *x = *value);
                bench.network.set_value(node, &changed);
                bench.network.resume(node);
                for (before, after) in before.iter().zip(bench.right(&labels)?) {
                    counts.lost[unit] += (*before && !after) as u64;
                    counts.won[unit] += (!*before && after) as u64;
                }
            }
            counts.next = (start + labels.len()) as u64;
            cx.progress(counts.next, data.len() as u64, &[]);
        }
        let n = data.len() as f64;
        let pairs = || counts.lost.iter().zip(&counts.won).map(|(l, w)| (*l as f64, *w as f64));
        let error = |(lost, won): (f64, f64)| drop_error(n, lost, won);
        let [unit, accuracy, drop, standard] = COLUMNS;
        Ok(Value::Table(Arc::new(numbers([
            (unit, (0..units).map(|u| u as f64).collect()),
            (accuracy, pairs().map(|(l, w)| (counts.right as f64 - l + w) / n).collect()),
            (drop, pairs().map(|(l, w)| (l - w) / n).collect()),
            (standard, pairs().map(error).collect()),
        ]))))
    }
}

/// Returns the standard error of the drop (lost - won) / n in a share of n examples of which some were right only before, some only after: that
/// of a mean of -1, 0 and 1 with half an example added to each of the four cells of the table (Agresti & Min 2005), which does not vanish where
/// nothing changed.
pub fn drop_error(n: f64, lost: f64, won: f64) -> f64 {
    let m = n + 2.0;
    (((lost + won + 1.0) / m - ((lost - won) / m).powi(2)) / m).sqrt()
}
