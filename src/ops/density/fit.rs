//! Fitting: rows to a posterior, chains in parallel, each on its own stream, with checkpoints of all of them together.

use super::cache::Observations;
use super::chain::{Chain, Monitor, Record, Scalars};
use super::diagnostics::{Chains, Verdict, stuck};
use super::frame::{Frame, Scale};
use super::hyper::Grid;
use super::posterior::Posterior;
use super::settings::{Fit, refused};
use super::setup::{Method, Setup};
use super::start::Start;
use super::units::Units;
use crate::base::Stream;
use crate::engine::{Context, Failure};
use crate::ops::bytes::{Reader, Writer};
use rayon::prelude::*;
use std::borrow::Cow;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;

/// Rows to be fitted.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Dimension.
    pub d: usize,
    /// Numbers, row-major.
    pub x: Vec<f64>,
    /// Ids of the rows.
    pub ids: Vec<u32>,
    /// Labels of the rows, where there are any.
    pub labels: Vec<u32>,
    /// The class they are all of, where that is so, and its name.
    pub class: Option<u32>,
    /// See `class`.
    pub class_name: String,
    /// Names of all classes.
    pub classes: Vec<String>,
}

impl Rows {
    /// Returns the number of rows.
    pub fn n(&self) -> usize {
        self.ids.len()
    }

    /// Returns some of the rows.
    pub fn select(&self, which: &[usize]) -> Rows {
        Rows {
            x: which.iter().flat_map(|i| &self.x[i * self.d..(i + 1) * self.d]).copied().collect(),
            ids: which.iter().map(|i| self.ids[*i]).collect(),
            labels: if self.labels.is_empty() { Vec::new() } else { which.iter().map(|i| self.labels[*i]).collect() },
            ..Rows { x: Vec::new(), ids: Vec::new(), labels: Vec::new(), ..self.clone() }
        }
    }

    /// Fails where a number is not finite, naming it.
    pub fn check(&self) -> Result<(), Failure> {
        if self.d == 0 {
            return Err(Failure::new("the representation has no units (columns)"));
        }
        match self.x.iter().position(|v| !v.is_finite()) {
            None => Ok(()),
            Some(at) => Err(Failure::new(format!(
                "the representation holds {} in column {} of the example with id {}",
                self.x[at],
                at % self.d,
                self.ids.get(at / self.d).copied().unwrap_or(0)
            ))
            .help("remove such examples, or see where the network's activations overflow")),
        }
    }
}

/// Chains' snapshots, kept until the engine wants a checkpoint.
struct Watch<'c> {
    cx: &'c dyn Context,
    snapshots: Mutex<Vec<Vec<u8>>>,
    done: Vec<AtomicU64>,
    /// Passes of all chains, as far as is known.
    total: AtomicU64,
}

impl Watch<'_> {
    fn write(&self, snapshots: &[Vec<u8>]) {
        let mut w = Writer::default();
        w.int(snapshots.len() as u64);
        snapshots.iter().for_each(|s| w.bytes(s));
        self.cx.checkpoint(&w.0);
    }
}

impl Monitor for Watch<'_> {
    fn stop(&self) -> bool {
        self.cx.interrupted()
    }

    fn pass(&self, chain: usize, pass: usize, s: &Scalars) {
        use std::sync::atomic::Ordering::Relaxed;
        self.done[chain].store(pass as u64, Relaxed);
        if pass.is_multiple_of(10) {
            let done = self.done.iter().map(|d| d.load(Relaxed)).sum();
            self.cx.progress(
                done,
                self.total.load(Relaxed),
                &[("chain", chain as f64), ("components", s[1]), ("log posterior", s[2])],
            );
        }
    }

    fn snapshot(&self, chain: usize, bytes: Vec<u8>) {
        // A poisoned lock means another chain panicked; its panic is reported, not this one.
        let Ok(mut all) = self.snapshots.lock() else { return };
        all[chain] = bytes;
        if self.cx.checkpoint_due() {
            self.write(&all);
        }
    }
}

/// Returns the units that a density of these rows is over: those that vary. A prior whose scale is not the unit's own keeps all.
pub fn units_of(rows: &Rows, settings: &Fit) -> Units {
    if matches!(settings.scale, Scale::Given { .. } | Scale::Spherical) {
        Units::all(rows.d)
    } else {
        Units::varying(&rows.x, rows.d)
    }
}

/// Returns the longer setup that chains at the end of theirs go on with: where there is a budget for it, they have not settled and more may help. What they do
/// hangs on their traces alone, so a run that was stopped and resumed, on whatever threads, goes on as a whole one does.
fn next(setup: &Setup, chains: &[Chain], units: &Units) -> Option<Setup> {
    let longer = setup.longer().filter(|s| s.chains > 1)?;
    let left = |c: &Chain| Record { trace: c.trace().to_vec(), kept: Vec::new(), moves: c.moves() };
    let records: Vec<Record> = chains.iter().map(left).collect();
    let judged = Chains { records: &records, setup, units };
    match Verdict::of(judged).0 {
        Verdict::TooShort => Some(longer),
        Verdict::Disagree => (!stuck(judged)).then_some(longer),
        Verdict::Settled | Verdict::CannotTell => None,
    }
}

/// Fits a mixture to rows, in the units that vary among them. Absent where the rows give the prior no scale. Checkpoints go to `cx`; with `resume`, an earlier run's is taken up.
/// With a budget (see [`super::setup::Until`]) chains go on until they settle; the posterior's settings then have the lengths that they reached.
pub fn fit(rows: Rows, settings: &Fit, stream: &Stream, cx: &dyn Context, resume: bool) -> Result<Posterior, Failure> {
    rows.check()?;
    let n = rows.n();
    if n == 0 {
        return Err(Failure::Absent("no rows".into()));
    }
    if n == 1 && !matches!(settings.scale, Scale::Given { .. }) {
        return Err(Failure::Absent("one row has no variance to derive the prior's scale from".into()));
    }
    let units = units_of(&rows, settings);
    if units.kept.is_empty() {
        return Err(Failure::Absent(format!("its {n} rows are all equal, so their variance gives the prior no scale")));
    }
    let d = units.kept.len();
    settings.fits(d).map_err(refused)?;
    let fewer = match units.select(&rows.x) {
        Cow::Owned(x) => Some(x),
        Cow::Borrowed(_) => None,
    };
    // Many rows are held as few times as can be.
    let rows = match fewer {
        Some(x) => Rows { d, x, ..rows },
        None => rows,
    };
    let mut settings = settings.asked();
    let dof = settings.dof(d);
    let components = published_components(&rows, &settings, stream);
    let frame = Frame::derive(&rows.x, d, &settings.scale, components).map_err(Failure::Absent)?.inflated(settings.inflate(d));
    // Moves of all rows at once look nothing up by size.
    let niw = settings.niw(d, if matches!(settings.setup.method, Method::SubClusters { .. }) { 1 } else { n + 1 });
    let data = frame.observations(&rows.x, settings.setup.published);
    let count = settings.setup.chains;
    let done = (0..count).map(|_| 0.into()).collect();
    let watch = Watch { cx, snapshots: Mutex::new(vec![Vec::new(); count]), done, total: 0.into() };
    let earlier = if resume { cx.restore().and_then(|b| read_snapshots(&b, count)) } else { None };
    let grid = settings.learns().then(|| Grid::of(&frame, settings.kappa, n + 1));
    let start = |number: usize| {
        let mut chain = Chain::new(&data, &niw, &settings.setup, frame.log_volume, stream, number, None);
        if let Some(grid) = &grid {
            chain = chain.learning(grid);
        }
        if let Some(bytes) = earlier.as_ref().map(|e| &e[number]).filter(|b| !b.is_empty())
            && chain.restore(bytes)
        {
            watch.snapshot(number, bytes.clone());
        }
        chain
    };
    let mut chains: Vec<Chain> = (0..count).into_par_iter().map(start).collect();
    let mut setup = settings.setup.clone();
    // Chains go on together, so those of an earlier run that are a length behind have seen that they should.
    let furthest = chains.iter().map(Chain::doubled).max().unwrap_or(0);
    while setup.until.doubled < furthest
        && let Some(longer) = setup.longer()
    {
        setup = longer;
    }
    loop {
        chains.iter_mut().filter(|c| c.doubled() < setup.until.doubled).for_each(|c| c.lengthen(&setup));
        watch.total.store((setup.passes * count) as u64, std::sync::atomic::Ordering::Relaxed);
        let ended: Vec<bool> = chains.par_iter_mut().enumerate().map(|(number, c)| c.run(number, &watch)).collect();
        if ended.contains(&false) {
            if let Ok(all) = watch.snapshots.lock()
                && all.iter().any(|s| !s.is_empty())
            {
                watch.write(&all);
            }
            return Err(Failure::Interrupted);
        }
        match next(&setup, &chains, &units) {
            Some(longer) => setup = longer,
            None => break,
        }
    }
    let chains: Vec<Record> = chains.into_iter().map(Chain::leave).collect();
    settings.setup = setup;
    Ok(Posterior {
        d,
        units,
        rows: rows.x,
        ids: rows.ids,
        labels: rows.labels,
        class: rows.class,
        class_name: rows.class_name,
        classes: rows.classes,
        kappa: settings.kappa,
        dof: mean_dof(&chains).unwrap_or(dof),
        fit: settings,
        frame,
        chains,
    })
}

/// Returns the mean of the degrees of freedom of kept states, where they are learned.
fn mean_dof(chains: &[Record]) -> Option<f64> {
    let all: Vec<f64> = chains.iter().flat_map(|c| &c.kept).filter_map(|k| k.measure.as_ref()).map(|m| m.dof).collect();
    (!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64)
}

/// Returns the K of `K^(2/d)`: the setting, or the number of labels that the published code's first assignment uses.
fn published_components(rows: &Rows, settings: &Fit, stream: &Stream) -> f64 {
    if !settings.setup.published {
        return settings.setup.components as f64;
    }
    // The labels do not look at the numbers, so the frame may be made after them.
    let blank = Observations { n: rows.n(), d: rows.d, dp: 0, x: Default::default(), q0: Vec::new() };
    let labels = Start::Random.labels(&blank, settings.setup.components, &mut stream.named("start").numbered(0).rng());
    labels.iter().max().map_or(1.0, |k| f64::from(*k) + 1.0)
}

fn read_snapshots(bytes: &[u8], chains: usize) -> Option<Vec<Vec<u8>>> {
    let mut r = Reader(bytes);
    let count = r.int()? as usize;
    let all = (0..count.min(chains)).map(|_| r.bytes().map(<[u8]>::to_vec)).collect::<Option<Vec<_>>>()?;
    (all.len() == chains && count == chains).then_some(all)
}
