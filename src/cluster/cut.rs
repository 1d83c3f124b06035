//! Cutting a plan into tasks: pieces of work that need each other stay together where one job can do both, small ones are packed, large ones are alone.
//!
//! In: pieces with what they take and which others they need, and the limits of a site. Out: tasks in waves, and batches of alike tasks with the
//! batches that come before them. A pure function, in time near linear in the number of pieces and needs.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What a piece of work runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Training networks and passes through them: a GPU where the site has one.
    Networks,
    /// Chains of densities, decompositions and whatever else takes long: cores.
    Chains,
    /// Numbers, tables and figures: anywhere.
    Reports,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Networks, Kind::Chains, Kind::Reports];

    /// Returns its name in site files.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Networks => "networks",
            Kind::Chains => "chains",
            Kind::Reports => "reports",
        }
    }
}

/// A cell that is to be computed.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// What it runs on.
    pub kind: Kind,
    /// Seconds of one core, or of the accelerator.
    pub seconds: f64,
    /// Bytes of memory while it runs.
    pub memory: f64,
    /// Bytes that it leaves on the disk.
    pub disk: f64,
    /// Pieces that it needs, all of smaller number.
    pub needs: Vec<usize>,
    /// Pieces of the same number here share a pass of a network, and are best computed together.
    pub pass: Option<usize>,
}

/// What a site allows, and what tasks should be like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Seconds that a task should take.
    pub task: f64,
    /// Tasks at most, where packing can do it; 0: any number.
    pub tasks: usize,
    /// Tasks in a batch at most.
    pub array: usize,
    /// Cores of a job, by kind in the order of [`Kind::ALL`].
    pub cores: [f64; 3],
}

/// Work for one job.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Tasks of earlier waves come first.
    pub wave: usize,
    /// What it runs on.
    pub kind: Kind,
    /// Its pieces, in an order in which each comes after those that it needs.
    pub pieces: Vec<usize>,
    /// Seconds that it is expected to take.
    pub seconds: f64,
    /// Bytes of memory that its largest piece takes.
    pub memory: f64,
}

/// Alike tasks that are sent together.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// What they run on.
    pub kind: Kind,
    /// The wave.
    pub wave: usize,
    /// Numbers of its tasks: from, and up to but without.
    pub tasks: (usize, usize),
    /// Batches that have to be over before.
    pub after: Vec<usize>,
}

/// A plan cut up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cut {
    /// The tasks, those of a batch one after the other.
    pub tasks: Vec<Task>,
    /// The batches, each after those that it waits for.
    pub batches: Vec<Batch>,
    /// Pieces left for the last task of all, which writes the report: quick ones that nothing else waits for.
    pub last: Vec<usize>,
}

/// Pieces that are computed by one job, one after the other or side by side.
struct Unit {
    wave: usize,
    kind: Kind,
    pieces: Vec<usize>,
    /// Seconds of one core in all, and of its longest piece.
    seconds: f64,
    longest: f64,
    memory: f64,
    /// Units of later waves that need something of it.
    consumers: Vec<usize>,
}

/// A unit grows by what needs it up to so much beyond its longest piece, where that alone takes longer than a task should.
const GROWTH: f64 = 0.25;

/// Cuts pieces into tasks. Each piece is in exactly one task, or among the last ones; what it needs is in its own task before it, in a task of an earlier
/// batch, or (for the last ones) anywhere.
pub fn cut(pieces: &[Piece], limits: &Limits) -> Cut {
    let (units, last) = without_last(units(pieces, limits), limits);
    let mut target = limits.task;
    let mut packed = pack(&units, limits, target);
    // Longer tasks where there would be too many. Alone in each of the classes of a wave, a task cannot get fewer.
    for _ in 0..64 {
        let floor = packed.iter().map(|t| (t.wave, t.kind, class(t.memory))).collect::<BTreeSet<_>>().len();
        if limits.tasks == 0 || packed.len() <= limits.tasks.max(floor) {
            break;
        }
        target *= (packed.len() as f64 / limits.tasks as f64).clamp(1.3, 8.0);
        packed = pack(&units, limits, target);
    }
    batches(pieces, packed, limits, last)
}

/// Returns the seconds that pieces take on `cores` cores: no less than the longest of them.
fn elapsed(seconds: f64, longest: f64, cores: f64) -> f64 {
    (seconds / cores.max(1.0)).max(longest)
}

fn positive(x: f64) -> f64 {
    if x > 0.0 && x.is_finite() { x } else { 0.0 }
}

/// Puts pieces together that one job had best do: what needs something goes with it where it runs on the same kind of machine and there is room.
fn units(pieces: &[Piece], limits: &Limits) -> Vec<Unit> {
    // What all that could go with a piece would take.
    let mut fan = vec![0.0; pieces.len()];
    for piece in pieces {
        piece.needs.iter().for_each(|d| {
            if goes_with(piece.kind, pieces[*d].kind) {
                fan[*d] += positive(piece.seconds);
            }
        });
    }
    let mut units: Vec<Unit> = Vec::new();
    let mut unit_of: Vec<usize> = Vec::with_capacity(pieces.len());
    let mut passes: BTreeMap<(usize, usize, Kind), usize> = BTreeMap::new();
    for (id, piece) in pieces.iter().enumerate() {
        let seconds = positive(piece.seconds);
        let before: BTreeSet<usize> = piece.needs.iter().map(|d| unit_of[*d]).collect();
        let top = before.iter().map(|u| units[*u].wave).max();
        let mut latest = before.iter().copied().filter(|u| Some(units[*u].wave) == top);
        let (first, second) = (latest.next(), latest.next());
        let room = |u: &Unit| {
            let most = (limits.task * limits.cores[u.kind as usize].max(1.0)).max((1.0 + GROWTH) * u.longest);
            goes_with(piece.kind, u.kind) && u.seconds + seconds <= most
        };
        // Of very many that need one piece none goes with it: they had rather run side by side.
        let few = |u: usize| {
            let mut through = piece.needs.iter().filter(|d| unit_of[**d] == u);
            through.all(|d| fan[*d] <= limits.task.max(GROWTH * positive(pieces[*d].seconds)))
        };
        let joined = first.filter(|u| second.is_none() && room(&units[*u]) && few(*u));
        let wave = top.map_or(0, |w| w + 1);
        let passing = piece.pass.and_then(|p| passes.get(&(p, wave, piece.kind)).copied()).filter(|u| room(&units[*u]));
        let unit = joined.or(passing).unwrap_or_else(|| {
            units.push(Unit {
                wave,
                kind: piece.kind,
                pieces: Vec::new(),
                seconds: 0.0,
                longest: 0.0,
                memory: 0.0,
                consumers: Vec::new(),
            });
            units.len() - 1
        });
        if let (None, Some(pass)) = (joined, piece.pass) {
            passes.insert((pass, wave, piece.kind), unit);
        }
        let own = &mut units[unit];
        own.pieces.push(id);
        own.seconds += seconds;
        own.longest = own.longest.max(seconds);
        own.memory = own.memory.max(positive(piece.memory));
        unit_of.push(unit);
        before.into_iter().filter(|b| *b != unit).for_each(|b| {
            if units[b].consumers.last() != Some(&unit) {
                units[b].consumers.push(unit);
            }
        });
    }
    units
}

/// Returns whether a piece of a kind may be computed where one of another kind is.
fn goes_with(piece: Kind, other: Kind) -> bool {
    piece == other || piece == Kind::Reports
}

/// Takes out quick units that only such wait for: the task that writes the report computes them.
fn without_last(units: Vec<Unit>, limits: &Limits) -> (Vec<Unit>, Vec<usize>) {
    let mut order: Vec<usize> = (0..units.len()).collect();
    order.sort_by_key(|u| std::cmp::Reverse(units[*u].wave));
    let mut late = vec![false; units.len()];
    for u in order {
        late[u] = units[u].kind == Kind::Reports && units[u].consumers.iter().all(|c| late[*c]);
    }
    let of_late = || (0..units.len()).filter(|u| late[*u]);
    let seconds: f64 = of_late().map(|u| units[u].seconds).sum();
    if elapsed(seconds, 0.0, limits.cores[Kind::Reports as usize]) > limits.task {
        return (units, Vec::new());
    }
    let mut last: Vec<usize> = of_late().flat_map(|u| units[u].pieces.iter().copied()).collect();
    last.sort_unstable();
    let mut late = late.into_iter();
    (units.into_iter().filter(|_| !late.next().unwrap_or(false)).collect(), last)
}

/// Returns the class of an amount: those within a factor of two are alike.
fn class(amount: f64) -> i32 {
    if amount > 0.0 { amount.log2().ceil() as i32 } else { i32::MIN }
}

/// Packs units of one wave and kind that take alike memory into tasks that take about as long as wanted.
fn pack(units: &[Unit], limits: &Limits, target: f64) -> Vec<Task> {
    let mut groups: BTreeMap<(usize, Kind, i32), Vec<&Unit>> = BTreeMap::new();
    for unit in units {
        groups.entry((unit.wave, unit.kind, class(unit.memory))).or_default().push(unit);
    }
    let mut out = Vec::new();
    for ((wave, kind, _), group) in groups {
        let cores = limits.cores[kind as usize];
        let mut open: Option<(Task, f64, f64)> = None;
        for unit in group {
            let alone = elapsed(unit.seconds, unit.longest, cores) > target / 2.0;
            let fits = |(_, seconds, longest): &(Task, f64, f64)| {
                elapsed(seconds + unit.seconds, longest.max(unit.longest), cores) <= target
            };
            if !alone && open.as_ref().is_some_and(|o| !fits(o)) {
                out.extend(open.take().map(|o| o.0));
            }
            let empty = || (Task { wave, kind, pieces: Vec::new(), seconds: 0.0, memory: 0.0 }, 0.0, 0.0);
            let mut into = if alone { empty() } else { open.take().unwrap_or_else(empty) };
            into.0.pieces.extend_from_slice(&unit.pieces);
            into.1 += unit.seconds;
            into.2 = f64::max(into.2, unit.longest);
            into.0.seconds = elapsed(into.1, into.2, cores);
            into.0.memory = into.0.memory.max(unit.memory);
            if alone {
                out.push(into.0);
            } else {
                open = Some(into);
            }
        }
        out.extend(open.map(|o| o.0));
    }
    out
}

/// Puts alike tasks into batches, the longest first, and finds out which batch waits for which.
fn batches(pieces: &[Piece], mut tasks: Vec<Task>, limits: &Limits, last: Vec<usize>) -> Cut {
    // What is much shorter than a task should be is alike.
    let short = class(limits.task).saturating_sub(2);
    let alike = |t: &Task| (t.wave, t.kind, class(t.memory), std::cmp::Reverse(class(t.seconds).max(short)));
    tasks.sort_by(|a, b| alike(a).cmp(&alike(b)).then(b.seconds.total_cmp(&a.seconds)));
    let mut batches: Vec<Batch> = Vec::new();
    let mut batch_of = vec![usize::MAX; pieces.len()];
    for (number, task) in tasks.iter().enumerate() {
        let same = batches.last().is_some_and(|b: &Batch| {
            let first = b.tasks.0;
            alike(&tasks[first]) == alike(task) && number - first < limits.array.max(1)
        });
        if !same {
            batches.push(Batch { kind: task.kind, wave: task.wave, tasks: (number, number), after: Vec::new() });
        }
        let own = batches.len() - 1;
        batches[own].tasks.1 = number + 1;
        task.pieces.iter().for_each(|p| batch_of[*p] = own);
    }
    let mut after: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); batches.len()];
    for task in &tasks {
        for piece in &task.pieces {
            let own = batch_of[*piece];
            after[own].extend(pieces[*piece].needs.iter().map(|d| batch_of[*d]).filter(|b| *b != own && *b != usize::MAX));
        }
    }
    batches.iter_mut().zip(after).for_each(|(b, after)| b.after = after.into_iter().collect());
    Cut { tasks, batches, last }
}
