//! Plain lines, for logs: the plan, cells that took a while, how far the long ones are, and what went wrong.

use super::tally::{Tally, sentence};
use super::{Event, Observer};
use crate::base::time::clock;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Cells that took this many seconds always get a line.
const LONG: f64 = 1.0;
/// Quick cells, and the progress of long ones, get a line this often at most.
const QUICK: Duration = Duration::from_secs(2);
const PROGRESS: Duration = Duration::from_secs(15);
/// How many absent cells are named.
const FEW: usize = 5;

/// Plain lines.
pub struct Lines<W: Write + Send>(Mutex<State<W>>);

struct State<W> {
    out: W,
    tally: Tally,
    said: Instant,
    absent: usize,
}

impl<W: Write + Send> Lines<W> {
    /// Returns plain lines on an output.
    pub fn new(out: W) -> Self {
        Lines(Mutex::new(State { out, tally: Tally::default(), said: Instant::now(), absent: 0 }))
    }
}

impl<W: Write + Send> Observer for Lines<W> {
    fn event(&self, event: &Event) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.tally.take_in(event);
        let (done, cells, quiet) = (state.tally.done, state.tally.cells, state.said.elapsed());
        let words = match event {
            Event::Plan { cells, cached, seconds, threads } => {
                let about =
                    if cached < cells { format!(", about {}", clock(seconds / (*threads).max(1) as f64)) } else { String::new() };
                let noun = if *cells == 1 { "cell" } else { "cells" };
                format!("{cells} {noun}, {cached} in the store{about}")
            }
            Event::Finished { title, seconds, .. } if *seconds >= LONG || quiet >= QUICK => {
                format!("[{done}/{cells}] {title}  {}", clock(*seconds))
            }
            // The report lists every absent cell; the first few are enough to know.
            Event::Absent { title, reason, .. } => {
                state.absent += 1;
                match state.absent {
                    0..=FEW => format!("[{done}/{cells}] {title} is absent: {reason}"),
                    n if n == FEW + 1 => "more cells are absent; the report lists them".to_string(),
                    _ => return,
                }
            }
            Event::Progress { cell, title, done, total, .. } if quiet >= PROGRESS => match state.tally.running.get(cell) {
                Some(current) => {
                    let left = current.left().map(|s| format!(", {} left", clock(s))).unwrap_or_default();
                    format!("{title}: {done}/{total}{left}  {}", current.figures())
                }
                None => return,
            },
            other => match sentence(other) {
                Some(words) => words,
                None => return,
            },
        };
        state.said = Instant::now();
        // Where nobody reads, there is nobody to tell.
        let _ = writeln!(state.out, "{}", words.trim_end()).and_then(|()| state.out.flush());
    }
}
