//! Laws that hold for every built-in, tried on calls that are made from the signatures of the standard library: a new built-in is under
//! them without being named here.

mod arguments;
pub mod calls;
mod compare;
mod errors;
mod extremes;
mod figures;
mod given;
mod invariance;
mod mapping;
mod nesting;
mod order;
mod pairs;
mod planted;
mod sizes;
mod stops;
pub mod world;

use calls::Call;
use std::collections::BTreeMap;
use world::Line;

/// Returns lines for calls, each under a name of its own: `prefix` and a number.
fn lines(prefix: &str, calls: &[Call]) -> Vec<(Line, Call)> {
    calls.iter().enumerate().map(|(i, call)| (call.line(&format!("{prefix}{i}")), call.clone())).collect()
}

/// Returns all calls of all operations that the world takes, with their lines.
fn accepted() -> &'static [(Line, Call)] {
    static ALL: std::sync::OnceLock<Vec<(Line, Call)>> = std::sync::OnceLock::new();
    ALL.get_or_init(|| {
        let calls: Vec<Call> =
            world::library().operations.values().filter(|s| !excused(&s.name)).flat_map(calls::calls).collect();
        let all = lines("call", &calls);
        let refused = world::refusals(world::WORLD, &all.iter().map(|(l, _)| l.clone()).collect::<Vec<_>>());
        all.into_iter().filter(|(l, _)| !refused.contains_key(&l.name)).collect()
    })
}

/// Returns the values of all accepted calls.
fn here() -> &'static world::Ran {
    static RAN: std::sync::OnceLock<world::Ran> = std::sync::OnceLock::new();
    RAN.get_or_init(|| world::run(world::WORLD, &accepted().iter().map(|(l, _)| l.clone()).collect::<Vec<_>>()))
}

/// Returns whether no call by name reaches an operation.
pub fn excused(op: &str) -> bool {
    calls::NOT_CALLED.iter().any(|(name, _)| *name == op)
}

/// Panics with what is wrong, unless an exception says why; panics with exceptions that are not needed.
fn judge(what: &str, wrong: &[(String, String)], exceptions: &[(&str, &str)]) {
    let mut by_op: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    wrong.iter().for_each(|(op, why)| by_op.entry(op).or_default().push(why));
    let mut text = String::new();
    for (op, list) in &by_op {
        if !exceptions.iter().any(|(name, _)| name == op) {
            let shown: Vec<&str> = list.iter().take(6).copied().collect();
            text.push_str(&format!("\n{op}: {} times\n    {}", list.len(), shown.join("\n    ")));
        }
    }
    assert!(text.is_empty(), "{what}:{text}");
    let stale: Vec<_> = exceptions.iter().filter(|(op, _)| !by_op.contains_key(op)).map(|(op, _)| op).collect();
    assert!(stale.is_empty(), "{what}: these are right now, take them off the list: {stale:?}");
}

#[test]
fn every_operation_is_tried() {
    let tried: Vec<&str> = accepted().iter().map(|(_, c)| c.op.as_str()).collect();
    let never: Vec<&String> =
        world::library().operations.keys().filter(|op| !excused(op) && !tried.contains(&op.as_str())).collect();
    assert!(never.is_empty(), "no call of these is accepted: {never:?}");
}

/// What the script, headers and labels show is said before the run: no call that is planned fails.
#[test]
fn what_is_planned_does_not_fail() {
    let all = accepted();
    let ran = here();
    let mut wrong = Vec::new();
    for (line, call) in all {
        if let Some(why) = ran.cells(&line.name).iter().find_map(|c| c.value.as_ref().err()) {
            wrong.push((call.op.clone(), format!("{}: {why}", call.text())));
        }
    }
    judge("calls that were planned and failed", &wrong, &[]);
}
