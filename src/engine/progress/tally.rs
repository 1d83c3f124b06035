//! Counting along: how many cells are done, what is running and how far, and how much time is left.

use super::Event;
use crate::base::time::clock;
use std::collections::BTreeMap;
use std::time::Instant;

/// A cell that is running.
#[derive(Clone, Debug)]
pub struct Current {
    /// What it is called.
    pub title: String,
    /// When it began.
    pub started: Instant,
    /// Steps done and in all; 0 where nothing is known.
    pub steps: (u64, u64),
    /// Steps done when it was first heard of (those of an earlier run), and when that was.
    first: Option<(u64, Instant)>,
    /// A few figures, such as `loss`.
    pub figures: Vec<(String, f64)>,
}

/// The counts of a run so far.
#[derive(Debug)]
pub struct Tally {
    /// Cells asked for, as far as known.
    pub cells: usize,
    /// Cells that are done, of whatever end.
    pub done: usize,
    /// Cells found in the store.
    pub cached: usize,
    /// Cells that failed.
    pub failed: usize,
    /// Cells running, by number.
    pub running: BTreeMap<usize, Current>,
    /// When the run began.
    pub start: Instant,
    expected: f64,
    /// Expected seconds of the cells that are done.
    behind: f64,
    /// Seconds that those took.
    spent: f64,
    threads: usize,
    weights: BTreeMap<usize, f64>,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            cells: 0,
            done: 0,
            cached: 0,
            failed: 0,
            running: BTreeMap::new(),
            start: Instant::now(),
            expected: 0.0,
            behind: 0.0,
            spent: 0.0,
            threads: 1,
            weights: BTreeMap::new(),
        }
    }
}

impl Tally {
    /// Takes an event into account.
    pub fn take_in(&mut self, event: &Event) {
        match event {
            Event::Plan { cells, cached, seconds, threads } => {
                *self = Tally {
                    cells: *cells,
                    done: *cached,
                    cached: *cached,
                    expected: *seconds,
                    threads: (*threads).max(1),
                    ..Tally::default()
                };
            }
            Event::Needed { cell, seconds } => {
                self.cells += 1;
                self.expected += seconds;
                self.weights.insert(*cell, *seconds);
            }
            Event::Started { cell, title } => {
                let current =
                    Current { title: title.clone(), started: Instant::now(), steps: (0, 0), first: None, figures: Vec::new() };
                self.running.insert(*cell, current);
            }
            Event::Progress { cell, done, total, figures, .. } => {
                if let Some(current) = self.running.get_mut(cell) {
                    current.steps = (*done, *total);
                    current.figures.clone_from(figures);
                    current.first.get_or_insert((*done, Instant::now()));
                }
            }
            Event::Finished { cell, seconds, expected, .. } => {
                self.behind += expected;
                self.spent += seconds;
                self.end(*cell);
            }
            Event::Cached { cell, .. } => {
                self.cached += 1;
                self.end(*cell);
            }
            Event::Absent { cell, .. } | Event::Skipped { cell, .. } => self.end(*cell),
            Event::Failed { cell, .. } => {
                self.failed += 1;
                self.end(*cell);
            }
            Event::Waiting { .. } | Event::Note { .. } | Event::Ended { .. } => {}
        }
    }

    fn end(&mut self, cell: usize) {
        self.running.remove(&cell);
        self.done = (self.done + 1).min(self.cells.max(1));
    }

    /// Returns the seconds left by the plan's estimates, corrected by how far they were off until now.
    pub fn left(&self) -> Option<f64> {
        if self.cells == 0 || self.done >= self.cells {
            return None;
        }
        let off = if self.behind > 0.0 && self.spent > 1.0 { self.spent / self.behind } else { 1.0 };
        let threads = self.threads.min(self.cells - self.done) as f64;
        let by_plan = ((self.expected - self.behind).max(0.0) * off) / threads;
        // A cell that says how far it is knows better than the plan.
        let slowest = self.running.values().filter_map(Current::left).fold(0.0, f64::max);
        Some(by_plan.max(slowest))
    }
}

impl Current {
    /// Returns steps a second, once there is something to tell from.
    pub fn speed(&self) -> Option<f64> {
        let (done, at) = self.first?;
        let seconds = at.elapsed().as_secs_f64();
        let steps = self.steps.0.saturating_sub(done);
        (steps > 0 && seconds > 0.2).then(|| steps as f64 / seconds)
    }

    /// Returns the seconds left by the speed until now.
    pub fn left(&self) -> Option<f64> {
        Some(self.steps.1.saturating_sub(self.steps.0) as f64 / self.speed()?)
    }

    /// Returns the figures in words: `loss 0.4123, accuracy 0.89`.
    pub fn figures(&self) -> String {
        self.figures.iter().map(|(n, x)| format!("{n} {}", short(*x))).collect::<Vec<_>>().join(", ")
    }
}

/// Returns a number in few digits.
pub fn short(x: f64) -> String {
    if x.fract() == 0.0 && x.abs() < 1e6 {
        format!("{x}")
    } else if x.abs() >= 1e6 || x.abs() < 1e-3 {
        format!("{x:.2e}")
    } else if x.abs() >= 100.0 {
        format!("{x:.1}")
    } else {
        format!("{x:.4}")
    }
}

/// Returns what an event of lasting interest says, such as a failure; nothing for others.
pub fn sentence(event: &Event) -> Option<String> {
    Some(match event {
        Event::Failed { title, message, help, log, .. } => {
            let help = help.as_ref().map(|h| format!("\n  help: {h}")).unwrap_or_default();
            let log = log.as_ref().map(|l| format!("\n  log: {}", l.display())).unwrap_or_default();
            format!("failed: {title}: {message}{help}{log}")
        }
        Event::Waiting { title, holder, .. } => format!("waiting: {title} is being computed by {holder}"),
        Event::Note { text } => format!("note: {text}"),
        Event::Ended { computed, cached, absent, failed, left, seconds } => {
            let mut words = vec![format!("{computed} computed")];
            let others = [(cached, "in the store"), (absent, "absent"), (failed, "failed"), (left, "not run")];
            words.extend(others.iter().filter(|o| *o.0 > 0).map(|(n, word)| format!("{n} {word}")));
            format!("{} in {}", words.join(", "), clock(*seconds))
        }
        _ => return None,
    })
}
