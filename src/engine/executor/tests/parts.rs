//! Several processes share a plan: each computes its own cells, weights wait for all, attempts are fenced.

use super::*;
use crate::engine::{Fence, Part, Told};

/// Returns options for a part: which cells are its own, of all that somebody computes.
fn part(graph: &Graph, own: &[CellId], due: &[CellId]) -> Options {
    let of = |ids: &[CellId]| (0..graph.cells.len()).map(|id| ids.contains(&id)).collect();
    let part = Part { run: "1-2".to_string(), own: of(own), due: of(due), ..Part::default() };
    Options { part: Some(part), ..options(2) }
}

fn run(graph: &Graph, wanted: &[CellId], ops: &Ops, store: &Store, options: &Options) -> RunOutcome {
    execute(graph, wanted, ops, store, options, &Silent).unwrap()
}

#[test]
fn a_part_computes_only_its_own_cells() {
    let folder = tempfile::tempdir().unwrap();
    let mut b = Builder::default();
    let x = b.leaf("constant", 3.0);
    let y = b.of("parity", x);
    let z = b.of("sum", y);
    let (graph, ops) = (b.0, ops());
    let all = [x, y, z];
    let store = Store::open(folder.path()).unwrap();
    // What comes before has not been computed: the cell is passed over, and nobody does the work of others.
    let outcome = run(&graph, &[z], &ops, &store, &part(&graph, &[z], &all));
    assert_eq!((outcome.state, outcome.cells[z].status), (RunState::Failed, Status::Skipped));
    let message = outcome.cells[z].message.as_deref().unwrap();
    assert!(message.contains("was not computed by the task before"), "{message}");
    assert_eq!((ops.runs("constant"), ops.runs("parity"), ops.runs("sum")), (0, 0, 0));
    // In order it is.
    for own in [x, y, z] {
        let outcome = run(&graph, &[own], &ops, &store, &part(&graph, &[own], &all));
        assert_eq!((outcome.state, outcome.cells[own].status), (RunState::Done, Status::Computed));
        assert_eq!(outcome.run, "1-2");
    }
    assert_eq!((ops.runs("constant"), ops.runs("parity"), ops.runs("sum")), (1, 1, 1));
}

#[test]
fn what_failed_elsewhere_is_told_here() {
    let folder = tempfile::tempdir().unwrap();
    let mut b = Builder::default();
    let x = b.leaf("constant", 3.0);
    let y = b.of("sum", x);
    let graph = b.0;
    let mut options = part(&graph, &[y], &[x, y]);
    let told = Told { message: "its process died".to_string(), help: Some("more memory".to_string()), log: Some("a.log".into()) };
    options.part.as_mut().unwrap().failed.insert(x, told);
    let outcome = run(&graph, &[y], &ops(), &Store::open(folder.path()).unwrap(), &options);
    assert_eq!((outcome.cells[x].status, outcome.cells[y].status), (Status::Failed, Status::Skipped));
    assert_eq!(outcome.cells[x].message.as_deref(), Some("its process died"));
    assert_eq!(outcome.cells[x].log.as_deref(), Some(Path::new("a.log")));
    assert!(outcome.cells[y].message.as_deref().unwrap().contains("constant0"));
}

#[test]
fn weights_stay_until_the_last_part_that_takes_them_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let mut b = Builder::default();
    let weights = b.add("large", 1.0, Vec::new(), Policy::Transient);
    let one = b.of("first", weights);
    let two = b.add("first", 1.0, vec![Builder::slot(&[Entry::Cell(weights)])], Policy::Stored);
    let idle = b.add("first", 2.0, vec![Builder::slot(&[Entry::Cell(weights)])], Policy::Stored);
    let graph = b.0;
    let due = [weights, one, two];
    let ops = ops();
    let there = || {
        let store = Store::open(folder.path()).unwrap();
        store.known(&graph.cells[weights].key).is_some_and(|k| store.present(&k))
    };
    let go = |own: &[CellId]| {
        let store = Store::open(folder.path()).unwrap();
        let outcome = run(&graph, own, &ops, &store, &part(&graph, own, &due));
        assert_eq!(outcome.state, RunState::Done);
    };
    go(&[weights, one]);
    assert!(there(), "another part takes the weights");
    go(&[two]);
    assert!(!there(), "all that take the weights are done; {idle} is asked for by nobody");
    assert_eq!(ops.runs("large"), 1);
}

#[test]
fn an_old_attempt_writes_nothing_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("attempt");
    let kept = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let mut b = Builder::default();
        let x = b.leaf("long", 1.0);
        let graph = b.0;
        let ops = Ops::default().with("long", |_, cx| {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(5) {
                cx.checkpoint(b"so far");
                if cx.interrupted() {
                    return Err(Failure::Interrupted);
                }
                if begun.elapsed() > Duration::from_millis(400) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(Failure::new("it was not stopped"))
        });
        let store = Store::open(&folder.path().join(text)).unwrap();
        let mut options = part(&graph, &[x], &[x]);
        options.part.as_mut().unwrap().fence = Fence::new(file.clone(), "12.0.1");
        let outcome = run(&graph, &[x], &ops, &store, &options);
        let checkpoints = std::fs::read_dir(store.root().join("checkpoints")).unwrap().count();
        (outcome.cells[x].status, checkpoints)
    };
    assert_eq!(kept("12.1.1"), (Status::Stopped, 0));
    assert_eq!(kept("12.0.1"), (Status::Failed, 1));
}
