//! Events as JSON, one object a line, for programs that watch a run.

use super::{Event, Observer};
use serde_json::{Map, Value as Json, json};
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// JSON lines.
pub struct JsonLines<W: Write + Send>(Mutex<W>);

impl<W: Write + Send> JsonLines<W> {
    /// Returns JSON lines on an output.
    pub fn new(out: W) -> Self {
        JsonLines(Mutex::new(out))
    }
}

impl<W: Write + Send> Observer for JsonLines<W> {
    fn event(&self, event: &Event) {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Where nobody reads, there is nobody to tell.
        let _ = writeln!(out, "{}", to_json(event)).and_then(|()| out.flush());
    }
}

/// Returns an event as an object whose `event` names it. Numbers that are not finite are null.
pub fn to_json(event: &Event) -> Json {
    match event {
        Event::Plan { cells, cached, seconds, threads } => {
            json!({ "event": "plan", "cells": cells, "cached": cached, "seconds": seconds, "threads": threads })
        }
        Event::Needed { cell, seconds } => json!({ "event": "needed", "cell": cell, "seconds": seconds }),
        Event::Started { cell, title } => json!({ "event": "started", "cell": cell, "title": title }),
        Event::Progress { cell, title, done, total, figures } => {
            let figures: Map<String, Json> = figures.iter().map(|(n, x)| (n.clone(), json!(x))).collect();
            json!({ "event": "progress", "cell": cell, "title": title, "done": done, "total": total, "figures": figures })
        }
        Event::Waiting { cell, title, holder } => json!({ "event": "waiting", "cell": cell, "title": title, "holder": holder }),
        Event::Finished { cell, title, seconds, expected } => {
            json!({ "event": "finished", "cell": cell, "title": title, "seconds": seconds, "expected": expected })
        }
        Event::Cached { cell, title } => json!({ "event": "cached", "cell": cell, "title": title }),
        Event::Absent { cell, title, reason } => json!({ "event": "absent", "cell": cell, "title": title, "reason": reason }),
        Event::Failed { cell, title, message, help, log } => {
            json!({ "event": "failed", "cell": cell, "title": title, "message": message, "help": help, "log": log })
        }
        Event::Skipped { cell, title, because } => {
            json!({ "event": "skipped", "cell": cell, "title": title, "because": because })
        }
        Event::Note { text } => json!({ "event": "note", "text": text }),
        Event::Ended { computed, cached, absent, failed, left, seconds } => json!({
            "event": "ended", "computed": computed, "cached": cached, "absent": absent, "failed": failed, "left": left, "seconds": seconds,
        }),
    }
}
