//! Tests of the executor with small kernels: caching, cut-off, failures, absence, stopping, weights that go, threads.

mod joint;
mod parts;
mod processes;
mod random;
mod stops;

use super::outcome::{RunState, Status};
use super::{Options, execute};
use crate::base::{Hash, Name, Span};
use crate::engine::kernel::{Context, Failure, Job, Kernel, Kernels};
use crate::engine::progress::{Event, Observer, Silent};
use crate::engine::store::Store;
use crate::engine::value::{Number, Scores, Value};
use crate::engine::{Missing, Results, RunOutcome, Standing, statuses};
use crate::lang::{Settings, Static};
use crate::plan::facts::{Cost, Facts, Planned, Policy};
use crate::plan::files::Files;
use crate::plan::graph::{Cell, CellId, Common, Entry, Graph, LabelledAxis, Slot};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

type Body = Box<dyn Fn(&Job, &dyn Context) -> Result<Value, Failure> + Send + Sync>;

/// A kernel made of a closure, counting its runs.
struct Op {
    body: Body,
    runs: AtomicUsize,
}

impl Planned for Op {}

impl Kernel for Op {
    fn run(&self, job: &Job, cx: &dyn Context) -> Result<Value, Failure> {
        self.runs.fetch_add(1, Ordering::SeqCst);
        (self.body)(job, cx)
    }
}

#[derive(Default)]
struct Ops(BTreeMap<String, Op>);

impl Ops {
    fn with(mut self, name: &str, body: impl Fn(&Job, &dyn Context) -> Result<Value, Failure> + Send + Sync + 'static) -> Self {
        self.0.insert(name.to_string(), Op { body: Box::new(body), runs: AtomicUsize::new(0) });
        self
    }

    fn runs(&self, name: &str) -> usize {
        self.0[name].runs.load(Ordering::SeqCst)
    }
}

impl Kernels for Ops {
    fn kernel(&self, name: &str) -> Option<&dyn Kernel> {
        self.0.get(name).map(|k| k as &dyn Kernel)
    }
}

/// `constant` gives its setting `x`; `parity` its input modulo 2; `sum` adds what is present of all its inputs; `fails`, `panics`, `none`.
fn ops() -> Ops {
    Ops::default()
        .with("constant", |job, _| Ok(Value::Number(Number::exact(job.settings.real("x")))))
        .with("parity", |job, _| Ok(Value::Number(Number::exact(job.number("x")?.value % 2.0))))
        .with("sum", |job, _| {
            let all = job.inputs.iter().flat_map(|(_, l)| &l.values);
            let numbers = all.filter_map(|v| if let Value::Number(n) = v { Some(n.value) } else { None });
            Ok(Value::Number(Number::exact(numbers.sum())))
        })
        .with("large", |job, _| {
            let x = job.settings.real("x");
            let values = (0..20_000).map(|i| x + f64::from(i)).collect();
            let scores = Scores { values, ids: vec![0; 20_000].into(), ..Scores::default() };
            Ok(Value::Scores(scores.into()))
        })
        .with("first", |job, _| Ok(Value::Number(Number::exact(job.scores("x")?.values[0]))))
        .with("fails", |_, _| Err(Failure::new("the data do not allow it").help("take others")))
        .with("panics", |_, _| panic!("the kernel is wrong"))
        .with("none", |_, _| Err(Failure::Absent("too few".into())))
}

#[derive(Default)]
struct Builder(Graph);

impl Builder {
    fn slot(entries: &[Entry]) -> Slot {
        Slot { axes: Vec::new().into(), entries: entries.to_vec() }
    }

    fn gathered(ids: &[CellId]) -> Slot {
        let coordinates = (0..ids.len()).map(|i| i.to_string()).collect();
        let axis = LabelledAxis { name: "k".into(), role: "declared".into(), coordinates, ..LabelledAxis::default() };
        Slot { axes: vec![axis].into(), entries: ids.iter().map(|i| Entry::Cell(*i)).collect() }
    }

    fn add(&mut self, op: &str, x: f64, slots: Vec<Slot>, policy: Policy) -> CellId {
        let slots: Vec<(Name, Slot)> = slots.into_iter().enumerate().map(|(i, s)| (["x", "y", "z"][i].into(), s)).collect();
        let id = self.0.cells.len();
        let common = Common {
            op: op.into(),
            version: 1,
            settings: Settings(vec![("x".into(), Static::Number(x))]).into(),
            files: Vec::new().into(),
            facts: Facts::default().into(),
            cost: Cost { seconds: 0.1, memory: 1e3, disk: 1e3 },
            at_most: false,
            on_device: 0.0,
            share: None,
            policy,
            label: format!("{op}{id}").into(),
            span: Span::default(),
            places: Vec::new().into(),
        };
        let at = vec![("k".into(), x.to_string())].into();
        let mut cell = Cell { common: common.into(), inputs: slots.into(), stream: None, at, key: Hash([0; 32]) };
        cell.key = cell.hash_with(&|i| self.0.cells[i].key);
        self.0.cells.push(cell);
        id
    }

    fn leaf(&mut self, op: &str, x: f64) -> CellId {
        self.add(op, x, Vec::new(), Policy::Stored)
    }

    fn of(&mut self, op: &str, input: CellId) -> CellId {
        self.add(op, 0.0, vec![Self::slot(&[Entry::Cell(input)])], Policy::Stored)
    }
}

fn options(threads: usize) -> Options {
    Options { threads, memory: 1e9, keep_under: 0, ..Options::new(Path::new(".")) }
}

fn go(graph: &Graph, wanted: &[CellId], ops: &Ops, folder: &Path) -> RunOutcome {
    let store = Store::open(folder).unwrap();
    execute(graph, wanted, ops, &store, &options(2), &Silent).unwrap()
}

fn read(graph: &Graph, ops: &Ops, folder: &Path, id: CellId) -> Result<Value, Missing> {
    let store = Store::open(folder).unwrap();
    Results::new(graph, ops, &store, Files::new(Path::new("."), &[]), None).value(id)
}

fn number(value: Result<Value, Missing>) -> f64 {
    match value {
        Ok(Value::Number(n)) => n.value,
        other => panic!("{other:?}"),
    }
}

/// A graph of constants, their parities and the sum of those.
fn parities(xs: &[f64]) -> (Graph, CellId) {
    let mut b = Builder::default();
    let parts: Vec<_> = xs
        .iter()
        .map(|x| {
            let c = b.leaf("constant", *x);
            b.of("parity", c)
        })
        .collect();
    let sum = b.add("sum", 0.0, vec![Builder::gathered(&parts)], Policy::Stored);
    (b.0, sum)
}

#[test]
fn a_second_run_computes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ops = ops();
    let (graph, sum) = parities(&[3.0, 4.0, 5.0]);
    let first = go(&graph, &[sum], &ops, folder.path());
    assert_eq!((first.state, first.count(Status::Computed)), (RunState::Done, 7));
    assert_eq!(number(read(&graph, &ops, folder.path(), sum)), 2.0);
    let second = go(&graph, &[sum], &ops, folder.path());
    assert_eq!((second.count(Status::Cached), second.count(Status::NotNeeded)), (1, 6));
    assert_eq!((ops.runs("constant"), ops.runs("parity"), ops.runs("sum")), (3, 3, 1));
    let hashes = |outcome: &RunOutcome| outcome.cells.iter().map(|c| c.hash).collect::<Vec<_>>();
    assert!(hashes(&first).iter().all(Option::is_some));
    assert_eq!(hashes(&first), hashes(&second));
}

#[test]
fn equal_inputs_stop_the_consumers() {
    let folder = tempfile::tempdir().unwrap();
    let ops = ops();
    let (graph, sum) = parities(&[3.0, 4.0]);
    go(&graph, &[sum], &ops, folder.path());
    // 7 has the parity of 3: parity runs again, the sum does not.
    let (graph, sum) = parities(&[7.0, 4.0]);
    let store = Store::open(folder.path()).unwrap();
    let standing = statuses(&graph, &[sum], &store, None);
    assert_eq!(standing[sum], Standing::Undecided);
    drop(store);
    let outcome = go(&graph, &[sum], &ops, folder.path());
    assert_eq!((ops.runs("constant"), ops.runs("parity"), ops.runs("sum")), (3, 3, 1));
    assert_eq!(outcome.cells[sum].status, Status::Cached);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(statuses(&graph, &[sum], &store, None)[sum], Standing::Cached);
}

#[test]
fn statuses_of_an_empty_store_say_run() {
    let folder = tempfile::tempdir().unwrap();
    let (graph, sum) = parities(&[3.0]);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(statuses(&graph, &[sum], &store, None), vec![Standing::Run; 3]);
}

#[test]
fn a_failure_takes_only_its_dependents() {
    let folder = tempfile::tempdir().unwrap();
    let ops = ops();
    let mut b = Builder::default();
    let bad = b.leaf("fails", 0.0);
    let after = b.of("parity", bad);
    let later = b.of("parity", after);
    let good = b.leaf("constant", 5.0);
    let fine = b.of("parity", good);
    let outcome = go(&b.0, &[later, fine], &ops, folder.path());
    assert_eq!(outcome.state, RunState::Failed);
    assert_eq!(outcome.cells[bad].message.as_deref(), Some("the data do not allow it"));
    assert_eq!(outcome.cells[bad].help.as_deref(), Some("take others"));
    let log = std::fs::read_to_string(outcome.cells[bad].log.as_ref().unwrap()).unwrap();
    assert!(log.contains("fails0[k: 0] (fails)") && log.contains("take others"), "{log}");
    for id in [after, later] {
        assert_eq!(outcome.cells[id].status, Status::Skipped);
        assert_eq!(outcome.cells[id].message.as_deref(), Some("skipped because fails0[k: 0] (fails) failed"));
    }
    assert_eq!(outcome.cells[fine].status, Status::Computed);
}

#[test]
fn a_panic_is_an_internal_error_with_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let ops = ops();
    let mut b = Builder::default();
    let bad = b.leaf("panics", 0.0);
    let outcome = go(&b.0, &[bad], &ops, folder.path());
    let cell = &outcome.cells[bad];
    assert!(cell.internal && cell.message.as_deref().unwrap().contains("the kernel is wrong"), "{cell:?}");
    let log = std::fs::read_to_string(cell.log.as_ref().unwrap()).unwrap();
    assert!(log.contains("executor/tests.rs"), "{log}");
}

#[test]
fn fail_fast_stops_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let ops = ops();
    let mut b = Builder::default();
    let bad = b.leaf("fails", 0.0);
    let rest: Vec<_> = (0..20).map(|i| b.leaf("constant", f64::from(i))).collect();
    let wanted: Vec<_> = std::iter::once(bad).chain(rest).collect();
    let store = Store::open(folder.path()).unwrap();
    let options = Options { fail_fast: true, ..options(1) };
    let outcome = execute(&b.0, &wanted, &ops, &store, &options, &Silent).unwrap();
    assert_eq!((outcome.state, outcome.count(Status::Stopped)), (RunState::Failed, 20));
}

#[test]
fn absence_goes_on_through_single_inputs_only() {
    let folder = tempfile::tempdir().unwrap();
    let ops = ops();
    let mut b = Builder::default();
    let none = b.leaf("none", 0.0);
    let some = b.leaf("constant", 5.0);
    let single = b.of("parity", none);
    let all = b.add("sum", 0.0, vec![Builder::gathered(&[none, some])], Policy::Stored);
    let inline = b.add("parity", 1.0, vec![Builder::slot(&[Entry::Cell(single)])], Policy::Inline);
    for run in 0..2 {
        let outcome = go(&b.0, &[single, all, inline], &ops, folder.path());
        assert_eq!(outcome.state, RunState::Done);
        for id in [single, inline] {
            assert_eq!(
                (outcome.cells[id].status, outcome.cells[id].message.as_deref()),
                (Status::Absent, Some("too few")),
                "{run}"
            );
        }
    }
    assert_eq!(ops.runs("parity"), 0);
    assert_eq!(number(read(&b.0, &ops, folder.path(), all)), 5.0);
    assert!(matches!(read(&b.0, &ops, folder.path(), inline), Ok(Value::Absent(why)) if why == "too few"));
}

#[test]
fn inline_cells_are_never_stored_and_run_where_needed() {
    let folder = tempfile::tempdir().unwrap();
    let ops = ops();
    let mut b = Builder::default();
    let c = b.add("constant", 5.0, vec![], Policy::Inline);
    let p = b.of("parity", c);
    let q = b.add("sum", 0.0, vec![Builder::slot(&[Entry::Cell(p)]), Builder::slot(&[Entry::Number(10.0)])], Policy::Inline);
    let outcome = go(&b.0, &[q], &ops, folder.path());
    assert_eq!(outcome.cells[c].status, Status::Inline);
    assert_eq!(number(read(&b.0, &ops, folder.path(), q)), 11.0);
    // The parity is in the store, so what it was made from does not run again.
    let outcome = go(&b.0, &[q], &ops, folder.path());
    assert_eq!((ops.runs("constant"), outcome.cells[p].status), (1, Status::Cached));
    // A new consumer of the parity's input: only its hash is asked for until the consumer has to run.
    let r = b.add("parity", 9.0, vec![Builder::slot(&[Entry::Cell(c)])], Policy::Stored);
    go(&b.0, &[r], &ops, folder.path());
    assert_eq!(ops.runs("constant"), 2);
}

#[test]
fn weights_go_when_all_consumers_are_done_and_come_back_when_needed() {
    let folder = tempfile::tempdir().unwrap();
    let ops = ops();
    let mut b = Builder::default();
    let m = b.add("large", 5.0, vec![], Policy::Transient);
    let first = b.of("first", m);
    let outcome = go(&b.0, &[first], &ops, folder.path());
    assert_eq!(outcome.cells[m].status, Status::Computed);
    let objects = walk(&folder.path().join("objects"));
    assert!(objects.is_empty(), "{objects:?}");
    assert_eq!(read(&b.0, &ops, folder.path(), m).unwrap_err(), Missing::Gone);
    go(&b.0, &[first], &ops, folder.path());
    assert_eq!(ops.runs("large"), 1);
    // Asked for by itself, its hash is enough; a new consumer brings it back for a while.
    assert_eq!(go(&b.0, &[m], &ops, folder.path()).cells[m].status, Status::Cached);
    let other = b.add("first", 1.0, vec![Builder::slot(&[Entry::Cell(m)])], Policy::Stored);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(statuses(&b.0, &[other], &store, None)[m], Standing::Run);
    drop(store);
    go(&b.0, &[first, other], &ops, folder.path());
    assert_eq!((ops.runs("large"), ops.runs("first")), (2, 2));
    assert!(walk(&folder.path().join("objects")).is_empty());
}

/// A change behind weights does not make them again while they are within the budget; what a run gives is the same with them and without.
#[test]
fn weights_outlive_the_run_within_the_budget() {
    let folder = tempfile::tempdir().unwrap();
    let ops = ops();
    let mut b = Builder::default();
    let m = b.add("large", 5.0, vec![], Policy::Transient);
    let wide = b.add("large", 6.0, vec![], Policy::Transient);
    let wanted: Vec<_> = [m, wide].map(|id| b.of("first", id)).to_vec();
    let run = |graph: &Graph, wanted: &[CellId], keep_under: u64| {
        let store = Store::open(folder.path()).unwrap();
        let options = Options { keep_under, ..options(2) };
        let outcome = execute(graph, wanted, &ops, &store, &options, &Silent).unwrap();
        assert_eq!(outcome.state, RunState::Done);
        let results = Results::new(graph, &ops, &store, Files::new(Path::new("."), &[]), Some(&outcome));
        assert!(matches!(results.entry(&Entry::Cell(m)), Err(Missing::Gone)), "weights that have served are no result");
        store.spares().len()
    };
    assert_eq!(run(&b.0, &wanted, 1 << 30), 2);
    let others: Vec<_> =
        [m, wide].iter().map(|id| b.add("first", 1.0, vec![Builder::slot(&[Entry::Cell(*id)])], Policy::Stored)).collect();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(statuses(&b.0, &others, &store, None)[m], Standing::Cached);
    drop(store);
    assert_eq!(run(&b.0, &others, 1 << 30), 2);
    assert_eq!((ops.runs("large"), ops.runs("first")), (2, 4));
    // A budget for one of them; then for none.
    let one = walk(&folder.path().join("objects")).iter().map(|p| p.metadata().unwrap().len()).max().unwrap();
    assert_eq!((run(&b.0, &others, one), walk(&folder.path().join("objects")).len()), (1, 1));
    assert_eq!((run(&b.0, &others, 0), walk(&folder.path().join("objects")).len()), (0, 0));
    assert_eq!(ops.runs("large"), 2);
    // Gone, they are made again when somebody needs them.
    let more: Vec<_> =
        [m, wide].iter().map(|id| b.add("first", 2.0, vec![Builder::slot(&[Entry::Cell(*id)])], Policy::Stored)).collect();
    assert_eq!(run(&b.0, &more, one), 1);
    assert_eq!(ops.runs("large"), 4);
}

#[test]
fn weights_stay_while_a_consumer_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let ops = ops();
    let mut b = Builder::default();
    let m = b.add("large", 5.0, vec![], Policy::Transient);
    let good = b.of("first", m);
    let bad = b.of("fails", m);
    go(&b.0, &[good, bad], &ops, folder.path());
    assert_eq!(walk(&folder.path().join("objects")).len(), 1);
    go(&b.0, &[good, bad], &ops, folder.path());
    assert_eq!(ops.runs("large"), 1);
}

#[test]
fn few_weights_are_there_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_path_buf();
    let most = std::sync::Arc::new(AtomicUsize::new(0));
    let seen = most.clone();
    let ops = ops().with("count", move |job, _| {
        seen.fetch_max(walk(&path.join("objects")).len(), Ordering::SeqCst);
        Ok(Value::Number(Number::exact(job.scores("x")?.values[0])))
    });
    let mut b = Builder::default();
    let d = b.add("constant", 1.0, vec![], Policy::Inline);
    let models: Vec<_> =
        (0..12).map(|i| b.add("large", f64::from(i), vec![Builder::slot(&[Entry::Cell(d)])], Policy::Transient)).collect();
    // Each consumer also needs something that is made only for it and not stored.
    let firsts: Vec<_> = (models.iter().enumerate())
        .map(|(i, m)| {
            let own = b.add("sum", 100.0 + i as f64, vec![Builder::slot(&[Entry::Cell(d)])], Policy::Inline);
            let slots = vec![Builder::slot(&[Entry::Cell(*m)]), Builder::slot(&[Entry::Cell(own)])];
            b.add("count", i as f64, slots, Policy::Stored)
        })
        .collect();
    let outcome = go(&b.0, &firsts, &ops, folder.path());
    assert_eq!(outcome.state, RunState::Done);
    assert!(most.load(Ordering::SeqCst) <= 4, "{most:?} of 12 at a time");
}

/// Returns all files below a folder.
fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            out.extend(walk(&entry.path()));
        } else {
            out.push(entry.path());
        }
    }
    out.sort();
    out
}

#[test]
fn damaged_artifacts_are_computed_again_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let ops = ops();
    let mut b = Builder::default();
    let big = b.leaf("large", 5.0);
    let first = b.of("first", big);
    go(&b.0, &[first], &ops, folder.path());
    let object = walk(&folder.path().join("objects")).remove(0);
    // Damage in the middle keeps the length: found when the artifact is read.
    let mut bytes = std::fs::read(&object).unwrap();
    bytes[70_000] ^= 1;
    std::fs::write(&object, &bytes).unwrap();
    let again = b.add("first", 1.0, vec![Builder::slot(&[Entry::Cell(big)])], Policy::Stored);
    let outcome = go(&b.0, &[again], &ops, folder.path());
    assert_eq!((outcome.state, ops.runs("large")), (RunState::Done, 2));
    assert!(outcome.notes.iter().any(|n| n.contains("large0[k: 5] (large) is damaged")), "{:?}", outcome.notes);
    assert_eq!(number(read(&b.0, &ops, folder.path(), again)), 5.0);
    // Truncated, and wanted itself.
    std::fs::write(&object, &bytes[..100]).unwrap();
    let outcome = go(&b.0, &[big], &ops, folder.path());
    assert_eq!((outcome.cells[big].status, ops.runs("large")), (Status::Computed, 3));
    // A small one, in a pack.
    for pack in walk(&folder.path().join("packs")) {
        std::fs::write(&pack, b"nonsense").unwrap();
    }
    let outcome = go(&b.0, &[first], &ops, folder.path());
    assert_eq!((outcome.cells[first].status, outcome.notes.len()), (Status::Computed, 1));
    assert_eq!(number(read(&b.0, &ops, folder.path(), first)), 5.0);
    assert_eq!(ops.runs("large"), 3);
}

/// Counts upwards and keeps its count in checkpoints; stops when told to.
fn counting(limit: u64) -> Ops {
    Ops::default().with("count", move |_, cx| {
        let mut state = cx.restore().and_then(|b| b.try_into().ok()).map_or((0u64, 1.0f64), |b: [u8; 16]| {
            let (n, x) = (b[..8].try_into().unwrap(), b[8..].try_into().unwrap());
            (u64::from_le_bytes(n), f64::from_le_bytes(x))
        });
        while state.0 < limit {
            state = (state.0 + 1, (state.1 * 1.618).sin() + 1.0);
            cx.progress(state.0, limit, &[("x", state.1)]);
            if cx.checkpoint_due() || cx.interrupted() {
                cx.checkpoint(&[state.0.to_le_bytes(), state.1.to_le_bytes()].concat());
            }
            if cx.interrupted() {
                return Err(Failure::Interrupted);
            }
        }
        Ok(Value::Number(Number::exact(state.1)))
    })
}

/// Interrupts the run when a cell has come so far.
struct Stopper(std::sync::Arc<AtomicBool>, u64);

impl Observer for Stopper {
    fn event(&self, event: &Event) {
        if matches!(event, Event::Progress { done, .. } if *done >= self.1) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn an_interrupted_cell_goes_on_where_it_was_bit_for_bit() {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut b = Builder::default();
    let c = b.leaf("count", 0.0);
    let ops = counting(500_000);
    go(&b.0, &[c], &ops, whole.path());
    let store = Store::open(parts.path()).unwrap();
    let mut stops = 0;
    loop {
        let options = options(1);
        let stopper = Stopper(options.interrupt.clone(), 1 + stops * 100_000);
        let outcome = execute(&b.0, &[c], &ops, &store, &options, &stopper).unwrap();
        if outcome.state == RunState::Done {
            break;
        }
        assert_eq!((outcome.state, outcome.cells[c].status), (RunState::Interrupted, Status::Stopped));
        assert_eq!(walk(&parts.path().join("checkpoints")).len(), 1);
        stops += 1;
        assert!(stops < 100);
    }
    assert!(stops >= 1);
    assert!(walk(&parts.path().join("checkpoints")).is_empty());
    let value = |folder| number(read(&b.0, &ops, folder, c)).to_bits();
    assert_eq!(value(whole.path()), value(parts.path()));
}

#[test]
fn checkpoints_of_another_kind_or_damaged_are_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let key = Hash([7; 32]);
    assert!(store.put_checkpoint(&key, "a", b"state"));
    assert_eq!(store.checkpoint(&key, "a").as_deref(), Some(&b"state"[..]));
    assert_eq!(store.checkpoint(&key, "b"), None);
    let path = walk(&folder.path().join("checkpoints")).remove(0);
    std::fs::write(&path, &std::fs::read(&path).unwrap()[..20]).unwrap();
    assert_eq!(store.checkpoint(&key, "a"), None);
}

#[test]
fn results_do_not_depend_on_threads() {
    let ops = Ops::default().with("noise", |job, _| {
        use rand::RngExt;
        let parts: Vec<f64> = (0..32u64).into_par_iter().map(|i| job.stream.numbered(i).rng().random::<f64>()).collect();
        Ok(Value::Number(Number::exact(parts.iter().sum())))
    });
    let ops = ops.with("sum", self::ops().0.remove("sum").unwrap().body);
    let mut b = Builder::default();
    let parts: Vec<_> = (0..40).map(|i| b.leaf("noise", f64::from(i))).collect();
    let sum = b.add("sum", 0.0, vec![Builder::gathered(&parts)], Policy::Stored);
    let hashes: Vec<_> = [1, 2, 7]
        .iter()
        .map(|threads| {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(folder.path()).unwrap();
            let outcome = execute(&b.0, &[sum], &ops, &store, &options(*threads), &Silent).unwrap();
            outcome.cells.iter().map(|c| c.hash).collect::<Vec<_>>()
        })
        .collect();
    assert!(hashes[0].iter().all(Option::is_some));
    assert_eq!(hashes[0], hashes[1]);
    assert_eq!(hashes[0], hashes[2]);
}

#[test]
fn two_runs_side_by_side_compute_each_cell_once() {
    let folder = tempfile::tempdir().unwrap();
    let ops = ops().with("slow", |job, _| {
        std::thread::sleep(Duration::from_millis(20));
        Ok(Value::Number(Number::exact(job.settings.real("x"))))
    });
    let mut b = Builder::default();
    let cells: Vec<_> = (0..20).map(|i| b.leaf("slow", f64::from(i))).collect();
    let sum = b.add("sum", 0.0, vec![Builder::gathered(&cells)], Policy::Stored);
    let states: Mutex<Vec<RunState>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            // Each has the store open for itself, as two processes would.
            scope.spawn(|| states.lock().unwrap().push(go(&b.0, &[sum], &ops, folder.path()).state));
        }
    });
    assert_eq!(*states.lock().unwrap(), [RunState::Done; 2]);
    assert_eq!((ops.runs("slow"), ops.runs("sum")), (20, 1));
    assert!(walk(&folder.path().join("locks")).is_empty());
}

#[test]
fn cells_above_the_budget_run_alone() {
    let folder = tempfile::tempdir().unwrap();
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);
    let ops = Ops::default().with("big", |_, _| {
        MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(5));
        NOW.fetch_sub(1, Ordering::SeqCst);
        Ok(Value::Word("x".into()))
    });
    let mut b = Builder::default();
    let cells: Vec<_> = (0..6).map(|i| b.leaf("big", f64::from(i))).collect();
    b.0.cells.iter_mut().for_each(|c| std::sync::Arc::make_mut(&mut c.common).cost.memory = 2e9);
    let store = Store::open(folder.path()).unwrap();
    let outcome = execute(&b.0, &cells, &ops, &store, &options(4), &Silent).unwrap();
    assert_eq!((outcome.state, MOST.load(Ordering::SeqCst)), (RunState::Done, 1));
}

#[test]
fn cells_share_the_device_of_networks_by_its_own_memory() {
    let folder = tempfile::tempdir().unwrap();
    static NOW: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    static MOST: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    fn busy(kind: usize) -> Result<Value, crate::engine::Failure> {
        MOST[kind].fetch_max(NOW[kind].fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(10));
        NOW[kind].fetch_sub(1, Ordering::SeqCst);
        Ok(Value::Word("x".into()))
    }
    let ops = Ops::default().with("network", |_, _| busy(0)).with("other", |_, _| busy(1));
    let go = |device: &str, device_memory: f64, each: f64| {
        MOST.iter().for_each(|m| m.store(0, Ordering::SeqCst));
        let mut b = Builder::default();
        let cells: Vec<_> = (0..8).map(|i| b.leaf("network", f64::from(i) + each)).collect();
        let others: Vec<_> = (0..8).map(|i| b.leaf("other", f64::from(i) + each)).collect();
        cells.iter().for_each(|c| std::sync::Arc::make_mut(&mut b.0.cells[*c].common).on_device = each);
        let store = Store::open(&folder.path().join(format!("{device}{device_memory}{each}"))).unwrap();
        let options = Options { network_device: device.into(), device_memory, ..options(6) };
        let outcome = execute(&b.0, &[cells, others].concat(), &ops, &store, &options, &Silent).unwrap();
        assert_eq!(outcome.state, RunState::Done);
        MOST.each_ref().map(|m| m.load(Ordering::SeqCst))
    };
    // Two fit side by side; what needs none of the device goes on beside them.
    let [networks, others] = go("candle", 1e9, 4e8);
    assert!(networks <= 2 && others >= 2, "{networks} {others}");
    // One that takes more than there is has the device to itself.
    assert_eq!(go("candle", 1e9, 3e9)[0], 1);
    // On the host's cores nothing of it counts.
    assert!(go("cpu", 1e9, 3.1e9)[0] > 2);
}

#[test]
fn results_of_another_kind_are_marked_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ops = ops();
    let (graph, sum) = parities(&[3.0]);
    let store = Store::open(folder.path()).unwrap();
    let other = Options { accelerator: "Some GPU".into(), ..options(1) };
    execute(&graph, &[sum], &ops, &store, &other, &Silent).unwrap();
    let outcome = execute(&graph, &[sum], &ops, &store, &options(1), &Silent).unwrap();
    assert!(outcome.cells[sum].other_kind.as_deref().unwrap().ends_with("Some_GPU"));
    assert_eq!(outcome.notes.len(), 1);
    let strict = Options { same_kind: true, ..options(1) };
    let outcome = execute(&graph, &[sum], &ops, &store, &strict, &Silent).unwrap();
    assert_eq!((outcome.count(Status::Computed), ops.runs("constant")), (3, 2));
}

#[test]
fn a_large_plan_that_is_done_is_answered_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let ops = ops();
    let (graph, sum) = parities(&(0..300).map(f64::from).collect::<Vec<_>>());
    go(&graph, &[sum], &ops, folder.path());
    let wanted: Vec<_> = (0..graph.cells.len()).collect();
    let start = Instant::now();
    let outcome = go(&graph, &wanted, &ops, folder.path());
    assert_eq!(outcome.count(Status::Cached), 601);
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
}

#[test]
fn the_work_of_a_run_grows_with_its_cells() {
    // Cells that are not stored and a sum of all of them, which must not be looked at each time that one is done; and a chain.
    let looks = |count: usize, threads: usize| {
        let folder = tempfile::tempdir().unwrap();
        let mut b = Builder::default();
        let parts: Vec<_> = (0..count).map(|i| b.add("constant", i as f64, vec![], Policy::Inline)).collect();
        let sum = b.add("sum", 0.0, vec![Builder::gathered(&parts)], Policy::Stored);
        let mut last = sum;
        for _ in 0..count / 10 {
            last = b.add("parity", 0.0, vec![Builder::slot(&[Entry::Cell(last)])], Policy::Inline);
        }
        for cell in &mut b.0.cells {
            std::sync::Arc::make_mut(&mut cell.common).cost.seconds = 1e-6;
        }
        let store = Store::open(folder.path()).unwrap();
        let outcome = execute(&b.0, &[last], &ops(), &store, &options(threads), &Silent).unwrap();
        assert_eq!(outcome.state, RunState::Done);
        outcome.looks as f64 / b.0.cells.len() as f64
    };
    for threads in [1, 3] {
        let (few, many) = (looks(200, threads), looks(3000, threads));
        assert!(many < 1.2 * few && many < 8.0, "{few} looks at a cell where there are few, {many} where there are many");
    }
}

#[test]
fn many_small_results_are_found_with_few_calls_to_the_system() {
    let folder = tempfile::tempdir().unwrap();
    let mut b = Builder::default();
    let cells: Vec<_> = (0..3000).map(|i| b.leaf("constant", f64::from(i))).collect();
    for cell in &mut b.0.cells {
        std::sync::Arc::make_mut(&mut cell.common).cost.seconds = 1e-6;
    }
    let ops = ops();
    let store = Store::open(folder.path()).unwrap();
    let first = execute(&b.0, &cells, &ops, &store, &options(2), &Silent).unwrap();
    assert_eq!((first.state, first.count(Status::Computed), ops.runs("constant")), (RunState::Done, 3000, 3000));
    assert!(store.writes() < 300, "{} writes", store.writes());
    assert!(walk(&folder.path().join("locks")).is_empty());
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    let second = execute(&b.0, &cells, &ops, &store, &options(2), &Silent).unwrap();
    let results = Results::new(&b.0, &ops, &store, Files::new(Path::new("."), &[]), Some(&second));
    assert!(cells.iter().enumerate().all(|(i, c)| number(results.value(*c)) == i as f64));
    assert_eq!((second.count(Status::Cached), store.writes()), (3000, 0));
    assert!(store.reads() < 300, "{} reads", store.reads());
}

#[test]
fn the_device_kind_names_what_decides_bits() {
    let kind = crate::engine::device::kind("cpu");
    let parts: Vec<_> = kind.split(' ').collect();
    assert!(parts[0].starts_with(std::env::consts::ARCH), "{kind}");
    assert!(parts[1].starts_with("openblas-") && !parts[1].contains("unknown"), "{kind}");
    assert_eq!(parts[2..], [concat!("cfx-", env!("CARGO_PKG_VERSION")), "cpu"]);
}
/// On a thread of the pool, a cell that waits for a piece of its loop could be buried under another cell.
#[test]
fn a_cell_with_loops_never_waits_for_another_cell() {
    if rayon::current_num_threads() < 2 {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    static OVER: AtomicBool = AtomicBool::new(false);
    let ops = Ops::default()
        .with("loops", |_, _| {
            // The short piece stays here, the long one goes to another thread, and this one has to wait for it.
            let pieces = [200u64, 3000];
            (0..100).for_each(|_| pieces.par_iter().for_each(|micros| std::thread::sleep(Duration::from_micros(*micros))));
            OVER.store(true, Ordering::SeqCst);
            Ok(Value::Word("over".into()))
        })
        .with("quick", |_, _| {
            std::thread::sleep(Duration::from_millis(50));
            Ok(Value::Word("quick".into()))
        })
        .with("waits", |_, _| {
            let start = Instant::now();
            while !OVER.load(Ordering::SeqCst) && start.elapsed() < Duration::from_secs(5) {
                std::thread::sleep(Duration::from_millis(1));
            }
            Ok(Value::Word(OVER.load(Ordering::SeqCst).to_string()))
        });
    let mut b = Builder::default();
    let (loops, quick) = (b.leaf("loops", 0.0), b.leaf("quick", 0.0));
    let cells = [loops, b.of("waits", quick)];
    let store = Store::open(folder.path()).unwrap();
    let threads = rayon::current_num_threads();
    execute(&b.0, &cells, &ops, &store, &options(threads), &Silent).unwrap();
    assert!(matches!(read(&b.0, &ops, folder.path(), cells[1]), Ok(Value::Word(w)) if w == "true"));
}

#[test]
fn weights_whose_file_is_gone_do_not_make_anything_run() {
    let folder = tempfile::tempdir().unwrap();
    let ops = ops();
    let mut b = Builder::default();
    let m = b.add("large", 5.0, vec![], Policy::Transient);
    let bad = b.of("fails", m);
    go(&b.0, &[bad], &ops, folder.path());
    std::fs::remove_file(walk(&folder.path().join("objects")).remove(0)).unwrap();
    let outcome = go(&b.0, &[m], &ops, folder.path());
    assert_eq!((ops.runs("large"), outcome.cells[m].status, outcome.notes.len()), (1, Status::Cached, 0));
}
