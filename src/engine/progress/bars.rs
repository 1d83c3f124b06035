//! Bars on a terminal: one line for the run, one for each of a few running cells, drawn over themselves ten times a second at most.

use super::tally::{Current, Tally, sentence};
use super::{Event, Observer};
use crate::base::time::clock;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines for running cells at most.
const CELLS: usize = 6;
/// Characters of a bar.
const WIDTH: usize = 20;
/// Drawn this often at most.
const EVERY: Duration = Duration::from_millis(100);

/// Bars on a terminal.
pub struct Bars<W: Write + Send>(Mutex<State<W>>);

struct State<W> {
    out: W,
    tally: Tally,
    /// Lines on the screen that are drawn over.
    lines: usize,
    drawn: Option<Instant>,
}

impl<W: Write + Send> Bars<W> {
    /// Returns bars on a terminal.
    pub fn new(out: W) -> Self {
        Bars(Mutex::new(State { out, tally: Tally::default(), lines: 0, drawn: None }))
    }
}

impl<W: Write + Send> Observer for Bars<W> {
    fn event(&self, event: &Event) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.tally.take_in(event);
        let words = sentence(event);
        let ended = matches!(event, Event::Ended { .. });
        if words.is_none() && state.drawn.is_some_and(|t| t.elapsed() < EVERY) {
            return;
        }
        let mut text = String::new();
        if state.lines > 0 {
            text.push_str(&format!("\x1b[{}A\r\x1b[0J", state.lines));
        }
        if let Some(words) = words {
            text.push_str(&words);
            text.push('\n');
        }
        let lines = if ended { Vec::new() } else { block(&state.tally) };
        // Lines that are too long are cut by the terminal and not wrapped: they could not be drawn over otherwise.
        text.push_str("\x1b[?7l");
        lines.iter().for_each(|line| {
            text.push_str(line);
            text.push('\n');
        });
        text.push_str("\x1b[?7h");
        state.lines = lines.len();
        state.drawn = Some(Instant::now());
        // Where the terminal has gone, there is nobody to tell.
        let _ = state.out.write_all(text.as_bytes()).and_then(|()| state.out.flush());
    }
}

/// Returns the lines to draw.
fn block(tally: &Tally) -> Vec<String> {
    let mut head = format!("{} {}/{} cells", bar(tally.done as f64, tally.cells as f64), tally.done, tally.cells);
    if tally.cached > 0 {
        head.push_str(&format!(", {} in the store", tally.cached));
    }
    if tally.failed > 0 {
        head.push_str(&format!(", {} failed", tally.failed));
    }
    head.push_str(&format!("  {}", clock(tally.start.elapsed().as_secs_f64())));
    if let Some(left) = tally.left() {
        head.push_str(&format!(", about {} left", clock(left)));
    }
    let mut out = vec![head];
    out.extend(tally.running.values().take(CELLS).map(line));
    if tally.running.len() > CELLS {
        out.push(format!("  and {} more", tally.running.len() - CELLS));
    }
    out
}

/// Returns the line of a running cell.
fn line(current: &Current) -> String {
    let (done, total) = current.steps;
    if total == 0 {
        return format!("  {}  {}", current.title, clock(current.started.elapsed().as_secs_f64()));
    }
    let mut out = format!("  {} {}  {done}/{total}", bar(done as f64, total as f64), current.title);
    if let (Some(speed), Some(left)) = (current.speed(), current.left()) {
        let pace = if speed >= 1.0 { format!("{speed:.1}/s") } else { format!("{} each", clock(1.0 / speed)) };
        out.push_str(&format!("  {pace}, {} left", clock(left)));
    }
    if !current.figures.is_empty() {
        out.push_str(&format!("  {}", current.figures()));
    }
    out
}

/// Returns a bar of fixed width.
fn bar(done: f64, total: f64) -> String {
    let share = if total > 0.0 { (done / total).clamp(0.0, 1.0) } else { 0.0 };
    let full = (share * WIDTH as f64).floor() as usize;
    format!("[{}{}]", "#".repeat(full), "-".repeat(WIDTH - full))
}
