//! Tests with plans at random: whatever the policies, the damage and the order, results are those of plain evaluation.

use super::*;
use proptest::prelude::*;

/// A cell at random: operation, setting, up to three inputs among the cells before it, whether they are gathered, policy.
type Sketch = (usize, u8, Vec<prop::sample::Index>, bool, u8);

const LEAVES: [&str; 4] = ["constant", "large", "none", "fails"];
const OTHERS: [&str; 3] = ["parity", "sum", "widen"];

/// What plain evaluation gives.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Plain {
    Number(f64),
    Absent,
    Failed,
}

/// Returns operations that all take and give numbers or, for `large` and `widen`, many of them.
fn kernels() -> Ops {
    let first = |v: &Value| match v {
        Value::Number(n) => n.value,
        Value::Scores(s) => s.values[0],
        _ => 0.0,
    };
    ops()
        .with("parity", move |job, _| Ok(Value::Number(Number::exact((first(&job.inputs[0].1.values[0]) / 2.0).floor() % 3.0))))
        .with("sum", move |job, _| {
            let x = job.settings.real("x");
            Ok(Value::Number(Number::exact(x + job.inputs.iter().flat_map(|(_, l)| &l.values).map(first).sum::<f64>())))
        })
        .with("widen", move |job, _| {
            let values = vec![first(&job.inputs[0].1.values[0]); 9_000];
            let scores = Scores { values, ids: vec![0; 9_000].into(), ..Scores::default() };
            Ok(Value::Scores(scores.into()))
        })
}

fn build(sketches: &[Sketch]) -> (Graph, Vec<Plain>) {
    let mut b = Builder::default();
    let mut plain: Vec<Plain> = Vec::new();
    for (op, x, inputs, gathered, policy) in sketches {
        let ids: Vec<_> = if b.0.cells.is_empty() { vec![] } else { inputs.iter().map(|i| i.index(b.0.cells.len())).collect() };
        // Failures are rare: one in eight leaves, and those that never are wanted do no harm.
        let leaf = if *op % 8 == 7 { "fails" } else { LEAVES[*op % 3] };
        let op = if ids.is_empty() { leaf } else { OTHERS[*op % 3] };
        let slots = match (gathered, ids.is_empty()) {
            (_, true) => vec![],
            (true, _) => vec![Builder::gathered(&ids)],
            (false, _) => ids.iter().map(|i| Builder::slot(&[Entry::Cell(*i)])).collect(),
        };
        // Equal cells have equal policies.
        let x = &(3 * x + policy);
        let policy = [Policy::Stored, Policy::Inline, Policy::Transient][*policy as usize % 3];
        b.add(op, f64::from(*x), slots, policy);
        let number = |i: &CellId| if let Plain::Number(x) = plain[*i] { x } else { 0.0 };
        let is = |kind: Plain| ids.iter().any(|i| plain[*i] == kind);
        plain.push(match op {
            _ if is(Plain::Failed) => Plain::Failed,
            _ if !gathered && is(Plain::Absent) => Plain::Absent,
            "constant" | "large" => Plain::Number(f64::from(*x)),
            "none" => Plain::Absent,
            "fails" => Plain::Failed,
            "parity" => Plain::Number((number(&ids[0]) / 2.0).floor() % 3.0),
            "widen" => Plain::Number(number(&ids[0])),
            _ => Plain::Number(f64::from(*x) + ids.iter().map(number).sum::<f64>()),
        });
    }
    (b.0, plain)
}

/// Runs, and compares all that is wanted with plain evaluation; then runs again, in a store that is `whole` or was damaged before.
fn check(
    graph: &Graph,
    plain: &[Plain],
    wanted: &[CellId],
    folder: &Path,
    threads: usize,
    whole: bool,
) -> Result<(), TestCaseError> {
    let ops = kernels();
    let store = Store::open(folder).unwrap();
    let outcome = execute(graph, wanted, &ops, &store, &options(threads), &Silent).unwrap();
    let failed = wanted.iter().any(|w| plain[*w] == Plain::Failed);
    prop_assert_eq!(outcome.state, if failed { RunState::Failed } else { RunState::Done });
    prop_assert_eq!(outcome.count(Status::Stopped), 0);
    let results = Results::new(graph, &ops, &store, Files::new(Path::new("."), &[]), Some(&outcome));
    for w in wanted {
        let cell = &outcome.cells[*w];
        match plain[*w] {
            Plain::Failed => prop_assert!(matches!(cell.status, Status::Failed | Status::Skipped)),
            Plain::Absent => prop_assert_eq!(cell.status, Status::Absent),
            Plain::Number(x) => {
                prop_assert!(matches!(cell.status, Status::Computed | Status::Cached | Status::Inline), "{:?}", cell);
                let found = match results.value(*w) {
                    Ok(Value::Number(n)) => n.value,
                    Ok(Value::Scores(s)) => s.values[0],
                    Err(Missing::Gone) if graph.cells[*w].policy == Policy::Transient => continue,
                    other => return Err(TestCaseError::fail(format!("{other:?}"))),
                };
                prop_assert_eq!(found, x);
            }
        }
    }
    if !failed {
        // A second run computes nothing that is stored, but what it is the first to look for and finds damaged; and statuses knew.
        let standing = statuses(graph, wanted, &store, None);
        prop_assert!(!standing.contains(&Standing::Run) || standing.contains(&Standing::Inline), "{:?}", standing);
        let again = execute(graph, wanted, &ops, &store, &options(threads), &Silent).unwrap();
        let stored = |id: &CellId| graph.cells[*id].policy == Policy::Stored;
        let none = (0..graph.cells.len()).filter(stored).all(|id| again.cells[id].status != Status::Computed);
        prop_assert!(none || !whole);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::base::cases(60), failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_plan_gives_what_plain_evaluation_gives(
        sketches in prop::collection::vec((0usize..8, 0u8..5, prop::collection::vec(any::<prop::sample::Index>(), 0..4), any::<bool>(), 0u8..3), 1..25),
        wanted in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
        other in prop::collection::vec(any::<prop::sample::Index>(), 1..5),
        change in any::<prop::sample::Index>(),
        damage in any::<prop::sample::Index>(),
        threads in 1usize..4,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (graph, plain) = build(&sketches);
        let wanted: Vec<_> = wanted.iter().map(|w| w.index(graph.cells.len())).collect();
        check(&graph, &plain, &wanted, folder.path(), threads, true)?;
        // Other wishes, another setting somewhere, and a file of the store damaged.
        let mut changed = sketches.clone();
        changed[change.index(sketches.len())].1 += 1;
        let (graph, plain) = build(&changed);
        let mut files = walk(&folder.path().join("objects"));
        files.extend(walk(&folder.path().join("packs")));
        files.extend(walk(&folder.path().join("index")));
        if !files.is_empty() {
            let file = &files[damage.index(files.len())];
            let mut bytes = std::fs::read(file).unwrap();
            let at = damage.index(bytes.len().max(1));
            if let Some(b) = bytes.get_mut(at) {
                *b ^= 4;
            }
            std::fs::write(file, bytes).unwrap();
        }
        let other: Vec<_> = other.iter().map(|w| w.index(graph.cells.len())).collect();
        check(&graph, &plain, &other, folder.path(), threads, false)?;
    }
}
