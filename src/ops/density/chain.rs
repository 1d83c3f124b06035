//! One chain: heated passes where it begins with some, passes, scalars of every pass, kept states; stops and goes on bit for bit at every fiftieth pass.

use super::cache::Observations;
use super::hyper::{Grid, Learned, Measure};
use super::joint;
use super::niw::Niw;
use super::setup::{Method, Setup, learning_interval};
use super::start::compact;
use super::state::State;
use super::sub_clusters::{AtOnce, Halt};
use super::walk::{ByRow, Walk};
use crate::base::Stream;
use crate::ops::bytes::{Reader, Writer};
use rand_chacha::ChaCha12Rng;

/// Passes between the places where a chain can be stopped and resumed.
pub const BOUNDARY: usize = 50;

/// Names of the scalars of a pass, in the order of [`Scalars`].
pub const SCALARS: [&str; 5] = ["alpha", "components", "log_posterior", "largest_share", "entropy"];

/// Alpha, occupied components, log joint posterior density (data's units), share of the largest component, entropy of the
/// partition's shares in nats.
pub type Scalars = [f64; 5];

/// A kept state.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// Concentration.
    pub alpha: f64,
    /// Component of each observation, numbered in order of first appearance.
    pub z: Vec<u32>,
    /// The base measure, where it is learned.
    pub measure: Option<Measure>,
}

/// What a chain leaves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// Scalars of every pass.
    pub trace: Vec<Scalars>,
    /// Kept states.
    pub kept: Vec<Kept>,
    /// Moves in all.
    pub moves: u64,
}

/// What watches chains run.
pub trait Monitor: Sync {
    /// Returns whether to stop.
    fn stop(&self) -> bool;
    /// Sees the scalars after a pass.
    fn pass(&self, chain: usize, pass: usize, scalars: &Scalars);
    /// Gets what the chain needs to go on from here.
    fn snapshot(&self, chain: usize, bytes: Vec<u8>);
}

/// Watches nothing.
pub struct Unwatched;

impl Monitor for Unwatched {
    fn stop(&self) -> bool {
        false
    }
    fn pass(&self, _chain: usize, _pass: usize, _scalars: &Scalars) {}
    fn snapshot(&self, _chain: usize, _bytes: Vec<u8>) {}
}

/// A running chain.
pub struct Chain<'a> {
    walk: Walk<'a>,
    /// Observations in the frame.
    data: &'a Observations,
    /// The base measure where none is learned.
    niw: &'a Niw,
    /// The grid of a hierarchical base measure, and where on it the chain is.
    learned: Option<(&'a Grid, Learned)>,
    setup: Setup,
    rng: ChaCha12Rng,
    done: usize,
    record: Record,
    log_volume: f64,
}

impl<'a> Chain<'a> {
    /// Returns a chain at its start. `labels` overrides where it starts; `log_volume` is the frame's.
    pub fn new(
        data: &'a Observations,
        niw: &'a Niw,
        setup: &Setup,
        log_volume: f64,
        stream: &Stream,
        number: usize,
        labels: Option<(Vec<u32>, f64)>,
    ) -> Self {
        let own = stream.named("chain").numbered(number as u64);
        let (z, alpha) = labels.unwrap_or_else(|| {
            let start = setup.start.of_chain(number);
            // The start has a stream of its own: the frame, too, may depend on the first labels.
            let mut start_rng = stream.named("start").numbered(number as u64).rng();
            let labels = start.labels(data, setup.components, &mut start_rng);
            // The published code draws one start for all classes, so this draw hangs on no seed, class or chain.
            let shared = || Stream::root(0).named("published start of alpha").rng();
            let alpha = if setup.published { setup.alpha.initial_published(&mut shared()) } else { setup.alpha.initial() };
            (labels, alpha)
        });
        let walk = match setup.method {
            Method::SubClusters { .. } => Walk::AtOnce(Box::new(AtOnce::new(data, niw, z, alpha, own))),
            _ => Walk::ByRow(Box::new(ByRow::new(data, niw, z, alpha, setup.published))),
        };
        Chain {
            walk,
            data,
            niw,
            learned: None,
            setup: setup.clone(),
            rng: own.rng(),
            done: 0,
            record: Record::default(),
            log_volume,
        }
    }

    /// Returns the chain with a hierarchical base measure, which it learns.
    pub fn learning(self, grid: &'a Grid) -> Self {
        self.learning_from(grid, grid.start())
    }

    /// Returns the same from a given point.
    pub fn learning_from(mut self, grid: &'a Grid, point: usize) -> Self {
        self.take_up(grid, point);
        self
    }

    /// Takes the measure of a point.
    fn take_up(&mut self, grid: &'a Grid, point: usize) {
        let learned = grid.at(point);
        match &mut self.walk {
            Walk::ByRow(w) => w.state.reframe(learned.whiten(self.data), grid.niw(point).heated(self.setup.heat(self.done))),
            Walk::AtOnce(w) => w.take_up(grid, &learned),
        }
        self.learned = Some((grid, learned));
    }

    /// Returns what was learned of the base measure.
    pub fn learned(&self) -> Option<&Learned> {
        self.learned.as_ref().map(|(_, learned)| learned)
    }

    /// Returns the label of each row.
    pub fn z(&self) -> &[u32] {
        self.walk.z()
    }

    /// Returns the concentration.
    pub fn alpha(&self) -> f64 {
        self.walk.alpha()
    }

    /// Returns what it moves, for checks.
    pub fn walk(&mut self) -> &mut Walk<'a> {
        &mut self.walk
    }

    /// Returns the state with its cache, for checks; none where all rows move at once.
    pub fn state(&self) -> Option<&State> {
        match &self.walk {
            Walk::ByRow(w) => Some(&w.state),
            Walk::AtOnce(_) => None,
        }
    }

    /// Returns the scalars of every pass so far.
    pub fn trace(&self) -> &[Scalars] {
        &self.record.trace
    }

    /// Returns what it has left so far.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Returns moves so far.
    pub fn moves(&self) -> u64 {
        self.record.moves
    }

    /// Returns passes done.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Gives the state the likelihood's power of the pass that comes.
    fn set_heat(&mut self) {
        let heat = self.setup.heat(self.done);
        let Walk::ByRow(w) = &mut self.walk else { return };
        if heat == w.state.niw.heat {
            return;
        }
        match self.learned.take() {
            Some((grid, learned)) => self.take_up(grid, learned.point),
            None => w.state.reframe(self.data.clone(), self.niw.heated(heat)),
        }
    }

    /// Makes one pass.
    pub fn step(&mut self) {
        self.advance(&|| false);
    }

    /// Makes one pass; false where it was stopped in the midst of it, when the chain is of no further use.
    fn advance(&mut self, stop: &(dyn Fn() -> bool + Sync)) -> bool {
        self.set_heat();
        let halt = Halt::new(stop);
        let rng = &mut self.rng;
        match &mut self.walk {
            Walk::ByRow(w) => {
                self.record.moves += w.pass(&self.setup, self.done, rng);
                // Where the measure is learned, as many proposals move it with the partition when its turn comes.
                let together = match self.setup.method {
                    Method::SplitMerge { proposals, .. } | Method::MergeSplit { proposals, .. } => proposals,
                    _ => 0,
                };
                if let Some((grid, learned)) =
                    self.learned.take_if(|_| (self.done + 1).is_multiple_of(learning_interval(self.data.d)))
                {
                    self.learned = Some((grid, joint::learn(&mut w.state, grid, learned, self.data, together, rng)));
                }
            }
            Walk::AtOnce(w) => {
                let proposals = if let Method::SubClusters { proposals } = self.setup.method { proposals } else { 0 };
                self.record.moves += w.pass(&self.setup, proposals, self.done, &mut self.learned, &halt, rng);
                if halt.now() {
                    return false;
                }
            }
        }
        self.done += 1;
        if self.done.is_multiple_of(BOUNDARY) {
            self.walk.canonicalise();
        }
        self.note();
        true
    }

    fn note(&mut self) {
        let n = self.data.n as f64;
        let (mut largest, mut entropy, mut k) = (0.0f64, 0.0, 0.0);
        for size in self.walk.sizes() {
            let share = size as f64 / n;
            largest = largest.max(share);
            entropy -= share * share.ln();
            k += 1.0;
        }
        let alpha = self.alpha();
        let (volume, prior) = self.learned.as_ref().map_or((0.0, 0.0), |(grid, l)| (l.log_volume(), grid.log_priors()[l.point]));
        // In the coordinates of the measure, or of the frame.
        let (joint, volume) = match &self.walk {
            Walk::ByRow(w) => (w.state.log_joint(), volume),
            Walk::AtOnce(w) => (w.log_joint(), 0.0),
        };
        let log_posterior = joint + self.setup.alpha.log_density(alpha) + prior - n * (self.log_volume + volume);
        self.record.trace.push([alpha, k, log_posterior, largest, entropy + 0.0]);
        if self.setup.keeps(self.done - 1) {
            let measure = self.learned().map(Learned::measure);
            self.record.kept.push(Kept { alpha, z: compact(self.z()), measure });
        }
    }

    /// Takes up a longer setup of the same chain. States kept so far lie in its burn-in, and go.
    pub fn lengthen(&mut self, setup: &Setup) {
        self.setup = setup.clone();
        self.record.kept.clear();
    }

    /// Returns how many times its lengths have been doubled.
    pub fn doubled(&self) -> u32 {
        self.setup.until.doubled
    }

    /// Returns what it leaves.
    pub fn leave(self) -> Record {
        self.record
    }

    /// Runs to the end of its setup, or until the monitor says stop, when it returns false.
    pub fn run(&mut self, number: usize, monitor: &dyn Monitor) -> bool {
        while self.done < self.setup.passes {
            if monitor.stop() || !self.advance(&|| monitor.stop()) {
                return false;
            }
            if let Some(last) = self.record.trace.last() {
                monitor.pass(number, self.done, last);
            }
            if self.done.is_multiple_of(BOUNDARY) {
                monitor.snapshot(number, self.save());
            }
        }
        true
    }

    /// Returns what the chain needs to go on; to be called at a boundary only.
    pub fn save(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.int(self.done as u64);
        w.int(u64::from(self.doubled()));
        w.int(self.record.moves);
        w.float(self.alpha());
        let position = self.rng.get_word_pos();
        w.int(position as u64);
        w.int((position >> 64) as u64);
        if let Some((_, l)) = &self.learned {
            w.int(l.point as u64);
        }
        w.words(self.z());
        if let Walk::ByRow(rows) = &self.walk {
            w.words(&rows.order);
        }
        w.floats(&self.record.trace.concat());
        w.int(self.record.kept.len() as u64);
        for kept in &self.record.kept {
            w.float(kept.alpha);
            w.words(&kept.z);
            if let Some(m) = &kept.measure {
                w.float(m.dof);
                w.floats(&m.factor);
            }
        }
        w.0
    }

    /// Goes on from what [`Chain::save`] returned; false, and nothing changed, where the bytes are not of this chain.
    pub fn restore(&mut self, bytes: &[u8]) -> bool {
        let mut r = Reader(bytes);
        let grid = self.learned.as_ref().map(|(grid, _)| *grid);
        let by_row = matches!(self.walk, Walk::ByRow(_));
        let mut read = || {
            let done = r.int()? as usize;
            let doubled = r.int()?;
            let moves = r.int()?;
            let alpha = r.float()?;
            let position = u128::from(r.int()?) | (u128::from(r.int()?) << 64);
            let point = match grid {
                Some(grid) => Some(usize::try_from(r.int()?).ok().filter(|p| *p < grid.points())?),
                None => None,
            };
            let z = r.words()?;
            let order = if by_row { r.words()? } else { Vec::new() };
            let trace: Vec<Scalars> = r.floats()?.as_chunks::<5>().0.to_vec();
            let kept = (0..r.int()?)
                .map(|_| {
                    let (alpha, z) = (r.float()?, r.words()?);
                    let measure = if grid.is_some() { Some(Measure { dof: r.float()?, factor: r.floats()? }) } else { None };
                    Some(Kept { alpha, z, measure })
                })
                .collect::<Option<Vec<_>>>()?;
            let mut setup = self.setup.asked();
            for _ in 0..doubled {
                setup = setup.longer()?;
            }
            Some((done, setup, alpha, position, point, z, order, Record { trace, kept, moves }))
        };
        let n = self.data.n;
        let Some((done, setup, alpha, position, point, z, order, record)) = read() else { return false };
        let valid = |x: &[u32]| x.len() == n && x.iter().all(|k| (*k as usize) < n.max(1) * 2);
        if !valid(&z)
            || by_row && !valid(&order)
            || order.iter().any(|i| *i as usize >= n)
            || record.trace.len() != done
            || done > setup.passes
        {
            return false;
        }
        self.done = done;
        match &mut self.walk {
            Walk::ByRow(w) => {
                let niw = w.state.niw.clone();
                **w = ByRow::new(self.data, &niw, z, alpha, self.setup.published);
                w.order = order;
            }
            Walk::AtOnce(w) => w.reset(z, alpha),
        }
        if let Some((grid, point)) = grid.zip(point) {
            self.take_up(grid, point);
        }
        self.rng.set_word_pos(position);
        (self.setup, self.record) = (setup, record);
        true
    }
}
