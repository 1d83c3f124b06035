//! Cells that share work run together: once for all of them, each result kept under its own key.

use super::*;
use crate::engine::kernel::Joint;
use crate::plan::facts::Share;
use std::sync::Arc;

/// Adds its setting to its input for each job, and counts.
#[derive(Default)]
struct Adding(Mutex<Vec<usize>>);

impl Joint for Adding {
    fn run(&self, jobs: &[Job], _cx: &dyn Context) -> Vec<Result<Value, Failure>> {
        self.0.lock().unwrap().push(jobs.len());
        let one = |job: &Job| match job.settings.real("x") {
            x if x < 0.0 => Err(Failure::new("below 0")),
            x if x > 1e6 => panic!("too much"),
            x => Ok(Value::Number(Number::exact(job.number("x")?.value + x))),
        };
        jobs.iter().map(one).collect()
    }
}

struct Sharing {
    ops: Ops,
    adding: Adding,
}

impl Kernels for Sharing {
    fn kernel(&self, name: &str) -> Option<&dyn Kernel> {
        self.ops.kernel(name)
    }

    fn joint(&self, work: &str) -> Option<&dyn Joint> {
        (work == "adding").then_some(&self.adding)
    }
}

fn sharing() -> Sharing {
    let ops = ops().with("plus", |job, _| Ok(Value::Number(Number::exact(job.number("x")?.value + job.settings.real("x")))));
    Sharing { ops, adding: Adding::default() }
}

/// Cells that add numbers to a constant, and share the work.
fn sums(constants: &[f64], added: &[f64]) -> (Graph, Vec<CellId>) {
    let mut b = Builder::default();
    let mut ids = Vec::new();
    for constant in constants {
        let input = b.leaf("constant", *constant);
        for x in added {
            let id = b.add("plus", *x, vec![Builder::slot(&[Entry::Cell(input)])], Policy::Stored);
            Arc::make_mut(&mut b.0.cells[id].common).share = Some(Share { work: "adding", slots: &["x"], seconds: 0.08 });
            ids.push(id);
        }
    }
    (b.0, ids)
}

fn run(graph: &Graph, wanted: &[CellId], kernels: &Sharing, folder: &Path, memory: f64) -> RunOutcome {
    let store = Store::open(folder).unwrap();
    execute(graph, wanted, kernels, &store, &Options { memory, ..options(2) }, &Silent).unwrap()
}

#[test]
fn shared_work_is_done_once_for_each_input() {
    let folder = tempfile::tempdir().unwrap();
    let kernels = sharing();
    let (graph, ids) = sums(&[10.0, 20.0], &[1.0, 2.0, 3.0]);
    // One of them is there already: it alone does not share.
    let first = run(&graph, &ids[..1], &kernels, folder.path(), 1e9);
    assert_eq!((first.state, kernels.ops.runs("plus")), (RunState::Done, 1));
    let outcome = run(&graph, &ids, &kernels, folder.path(), 1e9);
    assert_eq!((outcome.state, outcome.count(Status::Computed)), (RunState::Done, 6));
    let mut calls = kernels.adding.0.lock().unwrap().clone();
    calls.sort_unstable();
    assert_eq!((calls, kernels.ops.runs("plus")), (vec![2, 3], 1));
    let values: Vec<f64> = ids.iter().map(|id| number(read(&graph, &kernels.ops, folder.path(), *id))).collect();
    assert_eq!(values, [11.0, 12.0, 13.0, 21.0, 22.0, 23.0]);
    let again = run(&graph, &ids, &kernels, folder.path(), 1e9);
    assert_eq!(again.count(Status::Cached), 6);
}

#[test]
fn a_failure_in_shared_work_is_one_cells_and_a_panic_everyones() {
    let folder = tempfile::tempdir().unwrap();
    let kernels = sharing();
    let (graph, ids) = sums(&[10.0], &[1.0, -1.0, 3.0]);
    let outcome = run(&graph, &ids, &kernels, folder.path(), 1e9);
    assert_eq!(outcome.state, RunState::Failed);
    assert_eq!(outcome.cells[ids[1]].message.as_deref(), Some("below 0"));
    assert_eq!((outcome.cells[ids[0]].status, outcome.cells[ids[2]].status), (Status::Computed, Status::Computed));
    let (graph, ids) = sums(&[30.0], &[1.0, 1e7]);
    let outcome = run(&graph, &ids, &kernels, folder.path(), 1e9);
    assert!(ids.iter().all(|id| outcome.cells[*id].internal && outcome.cells[*id].status == Status::Failed));
}

#[test]
fn no_more_run_together_than_there_is_memory_for() {
    let folder = tempfile::tempdir().unwrap();
    let kernels = sharing();
    let (mut graph, ids) = sums(&[10.0], &[1.0, 2.0, 3.0, 4.0]);
    ids.iter().for_each(|id| Arc::make_mut(&mut graph.cells[*id].common).cost.memory = 1e8);
    let outcome = run(&graph, &ids, &kernels, folder.path(), 2.5e8);
    assert_eq!(outcome.state, RunState::Done);
    assert_eq!(*kernels.adding.0.lock().unwrap(), [2, 2]);
}
