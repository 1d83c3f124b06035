//! Tests of what is said while a run is going on.

use super::tally::{Tally, short};
use super::{Bars, Event, JsonLines, Lines, Observer};
use crate::base::time::clock;
use std::io::Write;
use std::sync::{Arc, Mutex};

/// An output that can be looked at.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Screen {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn events() -> Vec<Event> {
    let title = |n: usize| format!("m[run: {n}] (train)");
    vec![
        Event::Plan { cells: 4, cached: 1, seconds: 30.0, threads: 1 },
        Event::Started { cell: 1, title: title(1) },
        Event::Progress { cell: 1, title: title(1), done: 3, total: 10, figures: vec![("loss".into(), 0.51234)] },
        Event::Finished { cell: 1, title: title(1), seconds: 20.0, expected: 10.0 },
        Event::Absent { cell: 2, title: title(2), reason: "too few".into() },
        Event::Failed {
            cell: 3,
            title: title(3),
            message: "the loss is NaN".into(),
            help: Some("lower the rate".into()),
            log: None,
        },
        Event::Ended { computed: 1, cached: 1, absent: 1, failed: 1, left: 0, seconds: 20.5 },
    ]
}

#[test]
fn the_tally_counts_and_corrects_the_estimate() {
    let mut tally = Tally::default();
    let events = events();
    events[..4].iter().for_each(|e| tally.take_in(e));
    assert_eq!((tally.done, tally.cells, tally.cached, tally.running.len()), (2, 4, 1, 0));
    // 20 s are left by the plan, which was off by a factor of two.
    assert_eq!(tally.left(), Some(40.0));
    events[4..].iter().for_each(|e| tally.take_in(e));
    assert_eq!((tally.done, tally.failed, tally.left()), (4, 1, None));
}

#[test]
fn lines_say_what_lasts() {
    let screen = Screen::default();
    let lines = Lines::new(screen.clone());
    events().iter().for_each(|e| lines.event(e));
    let expected = "4 cells, 1 in the store, about 30 s\n[2/4] m[run: 1] (train)  20 s\n\
        [3/4] m[run: 2] (train) is absent: too few\nfailed: m[run: 3] (train): the loss is NaN\n  help: lower the rate\n\
        1 computed, 1 in the store, 1 absent, 1 failed in 21 s\n";
    assert_eq!(screen.text(), expected);
}

#[test]
fn bars_draw_over_themselves_and_leave_only_messages() {
    let screen = Screen::default();
    let bars = Bars::new(screen.clone());
    for event in events() {
        // Drawn ten times a second at most.
        std::thread::sleep(std::time::Duration::from_millis(101));
        bars.event(&event);
    }
    let text = screen.text();
    assert!(text.contains("[######--------------] m[run: 1] (train)  3/10  loss 0.5123"), "{text}");
    assert!(text.contains("[##########----------] 2/4 cells, 1 in the store"), "{text}");
    // What stands on the screen in the end: every block is cleared by the next drawing.
    let mut rows: Vec<String> = vec![String::new()];
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        if let Some(sequence) = rest.strip_prefix("\x1b[") {
            let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap();
            if sequence.as_bytes()[end] == b'A' {
                let up: usize = sequence[..end].parse().unwrap();
                rows.truncate(rows.len() - up);
            }
            rest = &sequence[end + 1..];
            continue;
        }
        match c {
            '\n' => rows.push(String::new()),
            '\r' => *rows.last_mut().unwrap() = String::new(),
            c => rows.last_mut().unwrap().push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    let left: Vec<_> = rows.iter().filter(|r| !r.is_empty()).map(String::as_str).collect();
    let expected = [
        "failed: m[run: 3] (train): the loss is NaN",
        "  help: lower the rate",
        "1 computed, 1 in the store, 1 absent, 1 failed in 21 s",
    ];
    assert_eq!(left, expected);
}

#[test]
fn json_lines_are_objects_with_a_name() {
    let screen = Screen::default();
    let json = JsonLines::new(screen.clone());
    events().iter().for_each(|e| json.event(e));
    let lines: Vec<serde_json::Value> = screen.text().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let names: Vec<_> = lines.iter().map(|l| l["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["plan", "started", "progress", "finished", "absent", "failed", "ended"]);
    assert_eq!(lines[2]["figures"]["loss"], 0.51234);
}

#[test]
fn numbers_and_times_are_short() {
    let times = [0.42, 12.4, 200.0, 7500.0].map(clock);
    assert_eq!(times, ["0.4 s", "12 s", "3 min 20 s", "2 h 5 min"]);
    assert_eq!([3.0, 0.51234, 123.456, 1.5e-5, 2.5e7].map(short), ["3", "0.5123", "123.5", "1.50e-5", "2.50e7"]);
}
