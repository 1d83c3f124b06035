//! How a run stands, for the page that follows it: counts, what is running, curves of training and traces of chains so far.

use crate::engine::Observer;
use crate::engine::progress::Event;
use crate::engine::progress::tally::{Tally, sentence};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Points of a line; beyond, every second one goes.
const POINTS: usize = 300;
/// Cells whose curves are shown: those that run, and those that ended last.
const CELLS: usize = 6;
/// Running cells that are listed.
const RUNNING: usize = 12;
/// Sentences that are kept: failures and notes.
const SENTENCES: usize = 30;

/// Points of one line, evenly thinned.
#[derive(Clone, Debug)]
struct Line {
    points: Vec<(u64, f64)>,
    /// Every how many points heard of one is kept.
    every: u64,
    heard: u64,
}

impl Default for Line {
    fn default() -> Self {
        Line { points: Vec::new(), every: 1, heard: 0 }
    }
}

impl Line {
    fn push(&mut self, at: u64, value: f64) {
        if self.heard.is_multiple_of(self.every) {
            self.points.push((at, value));
        }
        self.heard += 1;
        if self.points.len() > POINTS {
            let mut i = 0;
            self.points.retain(|_| {
                i += 1;
                i % 2 == 1
            });
            self.every *= 2;
        }
    }
}

/// What a cell has said of itself: its figures over its steps, those of chains apart.
#[derive(Clone, Debug, Default)]
struct Curves {
    title: String,
    running: bool,
    /// By figure and chain.
    lines: BTreeMap<(String, Option<u64>), Line>,
}

#[derive(Default)]
struct State {
    tally: Tally,
    /// By when they began.
    curves: Vec<(usize, Curves)>,
    said: Vec<String>,
}

/// A run that goes on.
pub struct Live {
    script: String,
    state: Mutex<State>,
    version: AtomicU64,
    over: AtomicBool,
}

impl Live {
    /// Returns a run of which nothing has been heard.
    pub fn new(script: &str) -> Live {
        let (version, over) = (AtomicU64::new(0), AtomicBool::new(false));
        Live { script: script.to_string(), state: Mutex::default(), version, over }
    }

    /// Says that the run is over and its results are written.
    pub fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    /// Returns whether the run is over.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Returns a number that grows whenever something is new.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    /// Returns how the run stands, as one line of JSON.
    pub fn snapshot(&self) -> String {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let tally = &state.tally;
        let running: Vec<Json> = tally
            .running
            .values()
            .take(RUNNING)
            .map(|c| json!({ "title": c.title, "done": c.steps.0, "total": c.steps.1, "figures": c.figures() }))
            .collect();
        let curves: Vec<Json> = state.curves.iter().rev().map(|(_, c)| c.to_json()).collect();
        let all = json!({
            "script": self.script,
            "cells": tally.cells,
            "done": tally.done,
            "cached": tally.cached,
            "failed": tally.failed,
            "seconds": tally.start.elapsed().as_secs_f64(),
            "left": tally.left(),
            "running": running,
            "more": tally.running.len().saturating_sub(RUNNING),
            "curves": curves,
            "said": state.said,
            "over": self.is_over(),
        });
        all.to_string()
    }
}

impl Curves {
    fn to_json(&self) -> Json {
        let mut panels: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
        for ((name, chain), line) in &self.lines {
            panels.entry(name).or_default().push(json!({ "chain": chain, "points": line.points }));
        }
        let panels: Vec<Json> = panels.into_iter().map(|(name, lines)| json!({ "name": name, "lines": lines })).collect();
        json!({ "title": self.title, "running": self.running, "panels": panels })
    }
}

impl State {
    fn take_in(&mut self, event: &Event) {
        self.tally.take_in(event);
        match event {
            Event::Progress { cell, title, done, figures, .. } if figures.iter().any(|(name, _)| name != "chain") => {
                let chain = figures.iter().find(|(name, _)| name == "chain").map(|(_, c)| *c as u64);
                let place = match self.curves.iter().position(|(id, _)| id == cell) {
                    Some(place) => place,
                    None => {
                        self.curves.push((*cell, Curves { title: title.clone(), running: true, ..Curves::default() }));
                        self.forget();
                        self.curves.len() - 1
                    }
                };
                for (name, value) in figures.iter().filter(|(name, x)| name != "chain" && x.is_finite()) {
                    self.curves[place].1.lines.entry((name.clone(), chain)).or_default().push(*done, *value);
                }
            }
            Event::Finished { cell, .. }
            | Event::Failed { cell, .. }
            | Event::Absent { cell, .. }
            | Event::Skipped { cell, .. } => {
                if let Some((_, curves)) = self.curves.iter_mut().find(|(id, _)| id == cell) {
                    curves.running = false;
                }
            }
            _ => {}
        }
        if let Some(words) = sentence(event) {
            self.said.push(words);
            let more = self.said.len().saturating_sub(SENTENCES);
            self.said.drain(..more);
        }
    }

    /// Forgets the curves of cells that ended long ago.
    fn forget(&mut self) {
        while self.curves.len() > CELLS {
            let first = self.curves.iter().position(|(_, c)| !c.running).unwrap_or(0);
            self.curves.remove(first);
        }
    }
}

impl Observer for Arc<Live> {
    fn event(&self, event: &Event) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).take_in(event);
        self.version.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(cell: usize, done: u64, figures: &[(&str, f64)]) -> Event {
        let figures = figures.iter().map(|(n, x)| (n.to_string(), *x)).collect();
        Event::Progress { cell, title: format!("cell {cell}"), done, total: 1000, figures }
    }

    #[test]
    fn curves_and_chains_apart() {
        let live = Arc::new(Live::new("exp.cfx"));
        live.event(&Event::Plan { cells: 3, cached: 1, seconds: 5.0, threads: 1 });
        for i in 0..1000 {
            live.event(&progress(0, i, &[("loss", 1.0 / (i + 1) as f64), ("accuracy", f64::NAN)]));
            live.event(&progress(1, i, &[("chain", (i % 2) as f64), ("components", i as f64)]));
        }
        live.event(&progress(2, 5, &[]));
        live.event(&Event::Finished { cell: 0, title: String::new(), seconds: 1.0, expected: 1.0 });
        let json: Json = serde_json::from_str(&live.snapshot()).expect("JSON");
        assert_eq!((&json["cells"], &json["done"], &json["over"]), (&json!(3), &json!(2), &json!(false)));
        let curves = json["curves"].as_array().expect("curves");
        assert_eq!(curves.len(), 2);
        assert_eq!(
            (&curves[0]["title"], &curves[0]["running"], &curves[1]["running"]),
            (&json!("cell 1"), &json!(true), &json!(false))
        );
        assert_eq!(curves[0]["panels"][0]["lines"].as_array().map(Vec::len), Some(2));
        let points = curves[1]["panels"][0]["lines"][0]["points"].as_array().expect("points");
        assert!(points.len() > POINTS / 3 && points.len() <= POINTS, "{}", points.len());
        let at = |p: &Json| p[0].as_u64().expect("a step");
        let steps: Vec<u64> = points.windows(2).map(|w| at(&w[1]) - at(&w[0])).collect();
        assert!(at(&points[0]) == 0 && steps.iter().all(|s| *s == steps[0]), "evenly thinned");
        for cell in 10..30 {
            live.event(&progress(cell, 1, &[("loss", 1.0)]));
        }
        live.end();
        let json: Json = serde_json::from_str(&live.snapshot()).expect("JSON");
        assert_eq!((json["curves"].as_array().map(Vec::len), &json["over"]), (Some(CELLS), &json!(true)));
    }
}
