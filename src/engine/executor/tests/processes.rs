//! Tests of runs in several processes, killed and stopped.

use super::*;

/// A plan of slow cells that leave a mark in the folder whenever one is computed.
fn marking(folder: &Path) -> (Graph, CellId, Ops) {
    let marks = folder.join("marks");
    let ops = ops().with("slow", move |job, _| {
        std::thread::sleep(Duration::from_millis(10));
        let mut file = std::fs::File::options().create(true).append(true).open(&marks).unwrap();
        std::io::Write::write_all(&mut file, format!("{}\n", job.settings.real("x")).as_bytes()).unwrap();
        Ok(Value::Number(Number::exact(job.settings.real("x"))))
    });
    let mut b = Builder::default();
    let cells: Vec<_> = (0..40).map(|i| b.leaf("slow", f64::from(i))).collect();
    assert!(cells.iter().all(|c| b.0.cells[*c].cost.seconds > 0.01), "expected to take long");
    let sum = b.add("sum", 0.0, vec![Builder::gathered(&cells)], Policy::Stored);
    (b.0, sum, ops)
}

fn marks(folder: &Path) -> usize {
    std::fs::read_to_string(folder.join("marks")).unwrap_or_default().lines().count()
}

const CHILD: &str = "CFX_TEST_FOLDER_OF_CHILD";

/// Not a test of its own: another process for the tests below.
#[test]
fn child_that_runs_the_plan() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let folder = Path::new(&folder);
    let (graph, sum, ops) = marking(folder);
    assert_eq!(go(&graph, &[sum], &ops, &folder.join("store")).state, RunState::Done);
}

fn child(folder: &Path) -> std::process::Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["engine::executor::tests::processes::child_that_runs_the_plan", "--exact"])
        .env(CHILD, folder)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_run_goes_on_and_loses_only_what_was_running() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = child(folder.path());
    let start = Instant::now();
    while marks(folder.path()) < 10 {
        assert!(start.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = marks(folder.path());
    let (graph, sum, ops) = marking(folder.path());
    let store = folder.path().join("store");
    let outcome = go(&graph, &[sum], &ops, &store);
    assert_eq!((outcome.state, outcome.notes.len()), (RunState::Done, 0));
    // Two threads: at most two cells had left their mark and were not yet in the store.
    let twice = before + outcome.count(Status::Computed) - 1 - 40;
    assert!(twice <= 2 && before < 40, "{twice} cells twice, {before} before");
    assert_eq!(number(read(&graph, &ops, &store, sum)), 780.0);
}

/// Cells that are expected to take long have a lock each; quick ones have none, and two processes may both compute them.
#[test]
fn two_processes_compute_each_cell_once() {
    let folder = tempfile::tempdir().unwrap();
    let children = [child(folder.path()), child(folder.path())];
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(marks(folder.path()), 40);
}

#[test]
fn a_limit_of_time_stops_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let (graph, sum, ops) = marking(folder.path());
    let store = Store::open(&folder.path().join("store")).unwrap();
    let limits = crate::engine::Limits { seconds: Some(0.1), ..Default::default() };
    let outcome = execute(&graph, &[sum], &ops, &store, &Options { limits, ..options(1) }, &Silent).unwrap();
    assert_eq!((outcome.state, outcome.cells[sum].status), (RunState::Interrupted, Status::Stopped));
    assert_eq!(outcome.notes, ["stopped at the limit of time; run again to continue"]);
    assert!(outcome.count(Status::Computed) > 0);
}
