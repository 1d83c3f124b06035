//! Large runs on a queue that is gone through in thought: how often the batch system is asked, how long the queue is, and how the time to the end
//! compares with the least that there can be.

use super::*;
use crate::cluster::cut::Piece;
use crate::cluster::executor::Job;
use crate::cluster::site;
use std::cell::RefCell;

/// A batch system that takes down what is sent. An array begins when those that it waits for are over; nodes take one task each, first come first served.
#[derive(Default)]
struct Recorded {
    /// Of each array, how many tasks it has and which arrays it waits for.
    arrays: Vec<(usize, Vec<usize>)>,
    calls: usize,
    cancelled: usize,
    /// Submissions are refused from this one on.
    full: Option<usize>,
}

impl Executor for Recorded {
    fn script(&self, order: &Order) -> String {
        format!("{} {}", order.first, order.count)
    }

    fn submit(&mut self, script: &Path, after: &[String], elements: Option<&[usize]>) -> Result<String, String> {
        self.calls += 1;
        if self.full.is_some_and(|n| self.arrays.len() >= n) {
            return Err("`sbatch` failed: the queue is full".to_string());
        }
        let text = std::fs::read_to_string(script).unwrap();
        let count = elements.map_or_else(|| text.split(' ').nth(1).unwrap().parse().unwrap(), <[usize]>::len);
        self.arrays.push((count, after.iter().map(|a| a.parse().unwrap()).collect()));
        Ok((self.arrays.len() - 1).to_string())
    }

    fn jobs(&mut self) -> Result<Vec<Job>, String> {
        self.calls += 1;
        Ok(Vec::new())
    }

    fn cancel(&mut self, ids: &[String]) -> Result<(), String> {
        self.cancelled += ids.len();
        Ok(())
    }
}

impl Recorded {
    /// Returns the seconds until everything is over on `nodes` nodes; `start` are the seconds that a job takes to begin.
    fn makespan(&self, seconds: &[f64], nodes: usize, start: f64) -> f64 {
        let mut over: Vec<f64> = Vec::new();
        let mut free = std::collections::BinaryHeap::from(vec![std::cmp::Reverse(0u64); nodes]);
        let mut task = 0;
        let milli = |s: f64| (s * 1000.0).ceil() as u64;
        // Arrays come in the order of their waves, so that none takes a node before another that could use it.
        for (count, after) in &self.arrays {
            let ready = after.iter().map(|a| over[*a]).fold(0.0, f64::max);
            let mut end: f64 = ready;
            for seconds in &seconds[task..task + count] {
                let std::cmp::Reverse(at) = free.pop().unwrap();
                let done = at.max(milli(ready)) + milli(start + seconds);
                free.push(std::cmp::Reverse(done));
                end = end.max(done as f64 / 1000.0);
            }
            task += count;
            over.push(end);
        }
        over.into_iter().fold(0.0, f64::max)
    }
}

fn pieces(count: usize, train: f64, chain: f64) -> Missing {
    let mut out = Missing::default();
    let mut numbers = Vec::new();
    for i in 0..count {
        let at = out.pieces.len();
        // Between half and one and a half times as long.
        let factor = 0.5 + (i * 7919 % 1000) as f64 / 1000.0;
        let mut add = |kind, seconds: f64, needs| {
            out.pieces.push(Piece { kind, seconds: seconds * factor, memory: 1e9, disk: 1e6, needs, pass: None });
        };
        add(Kind::Networks, train, vec![]);
        add(Kind::Networks, train / 50.0, vec![at]);
        add(Kind::Chains, chain, vec![at + 1]);
        add(Kind::Reports, 0.01, vec![at + 2]);
        numbers.push(at + 3);
    }
    out.pieces.push(Piece { kind: Kind::Reports, seconds: 5.0, memory: 1e9, disk: 1e6, needs: numbers, pass: None });
    out.cells = (0..out.pieces.len()).collect();
    out
}

fn sent(jobs: &Jobs, site: &Site, executor: &mut Recorded) -> (Result<(), String>, Vec<String>, f64) {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::at(root.path());
    let campaign = Campaign {
        version: String::new(),
        id: "1-2".to_string(),
        title: "Title".to_string(),
        name: "a/exp.cfx".to_string(),
        text: String::new(),
        texts: Default::default(),
        lock: None,
        kinds: None,
        folder: PathBuf::new(),
        granted: Vec::new(),
        set: Vec::new(),
        only: Vec::new(),
        until: None,
        store: PathBuf::new(),
        out: PathBuf::new(),
        note: String::new(),
        site: site.clone(),
        keep_under: 0,
        keys: String::new(),
        batches: jobs.batches.clone(),
        tasks: jobs.cut.tasks.len() + 1,
        created: 0,
    };
    folder.freeze(&campaign, &jobs.cells()).unwrap();
    assert_eq!(folder.tasks().unwrap(), jobs.cells());
    assert_eq!(folder.campaign().unwrap().batches, jobs.batches);
    let waited = RefCell::new(0.0);
    let mut ids = Vec::new();
    let pause = |d: Duration| *waited.borrow_mut() += d.as_secs_f64();
    let result = submit(&campaign, &folder, Path::new("cfx"), executor, &pause, &mut ids);
    assert_eq!(folder.jobs().into_iter().map(|a| a.id).collect::<Vec<_>>(), ids);
    (result, ids, waited.into_inner())
}

#[test]
fn a_hundred_thousand_cells_are_few_calls_and_end_near_the_bound() {
    let text = "[limits]\ntasks = 5000\narray = 1000\nsubmissions_per_second = 0.5\n";
    let site = site::of_file(Path::new("site.toml"), text).unwrap();
    // A training of ten minutes, chains of twenty: 12,500 core hours on 200 nodes.
    let jobs = Jobs::cut(pieces(25_000, 600.0, 1200.0), 0.0, &site);
    assert_eq!(jobs.missing.cells.len(), 100_001);
    let mut queue = Recorded::default();
    let (result, ids, waited) = sent(&jobs, &site, &mut queue);
    result.unwrap();
    let tasks = jobs.cut.tasks.len() + 1;
    assert!(tasks <= 5000, "{tasks} tasks");
    assert!(queue.calls <= 40, "{} calls", queue.calls);
    assert_eq!((ids.len(), queue.calls), (jobs.batches.len(), jobs.batches.len()));
    assert_eq!(waited, 2.0 * (ids.len() - 1) as f64);
    // The least there can be: all nodes busy until the end, or the longest way through.
    let seconds: Vec<f64> = jobs.cut.tasks.iter().map(|t| t.seconds).chain([5.0]).collect();
    let total: f64 = seconds.iter().sum();
    let bound = (total / 200.0).max(1.5 * (600.0 + 1200.0));
    let makespan = queue.makespan(&seconds, 200, 10.0);
    println!(
        "100,001 cells: {tasks} tasks, {} arrays, {} calls; {:.1} h on 200 nodes, bound {:.1} h",
        ids.len(),
        queue.calls,
        makespan / 3600.0,
        bound / 3600.0
    );
    assert!(makespan < 1.15 * bound, "{makespan} s where {bound} s are possible");
}

#[test]
fn a_queue_that_is_full_says_so_and_what_was_sent_is_known() {
    let site = site::of_file(Path::new("site.toml"), "").unwrap();
    let jobs = Jobs::cut(pieces(500, 600.0, 1200.0), 0.0, &site);
    let mut queue = Recorded { full: Some(1), ..Recorded::default() };
    let (result, ids, _) = sent(&jobs, &site, &mut queue);
    assert_eq!(result.unwrap_err(), "`sbatch` failed: the queue is full");
    assert_eq!(ids, ["0"]);
    queue.cancel(&ids).unwrap();
    assert_eq!(queue.cancelled, 1);
}

#[test]
fn jobs_are_given_time_and_memory_by_what_is_in_them() {
    let text = "[networks]\ngpus = 2\ntime = \"2h\"\n[chains]\nmemory = \"8GiB\"\ncores = 4\n[limits]\ntask_time = \"30min\"\n";
    let site = site::of_file(Path::new("site.toml"), text).unwrap();
    let jobs = Jobs::cut(pieces(10, 3000.0, 1200.0), 2e9, &site);
    let of = |kind| jobs.batches.iter().find(|b| b.kind == kind).unwrap();
    assert_eq!(of(Kind::Networks).seconds, 7200.0, "three times 75 minutes, and no more than two hours");
    assert_eq!(of(Kind::Networks).memory, 1.3e9 + 5e8);
    assert_eq!(of(Kind::Chains).memory, 8.0 * 1073741824.0);
    let report = jobs.batches.last().unwrap();
    assert_eq!((report.memory, report.seconds), (2.6e9 + 5e8, 600.0));
    assert_eq!(report.after.len(), jobs.batches.len() - 1);
    let (hours, gpus) = jobs.hours(&site);
    assert!(gpus > 2.0 * 7.0 && hours < gpus, "{hours} hours and {gpus} GPU hours");
}
