//! Standard errors: each operation that gives some is measured in docs/calibration.md, or excused there, and says what its errors are made of.

use super::{accepted, here, judge, world};
use crate::script::repository;
use cfx::engine::Value;
use cfx::engine::value::Number;
use std::collections::{BTreeMap, BTreeSet};

/// Calls `f` for all numbers of a value, those of parts of records with their names.
fn numbers(value: &Value, name: &str, f: &mut impl FnMut(&str, &Number)) {
    match value {
        Value::Number(n) => f(name, n),
        Value::Record(parts) => parts.iter().for_each(|(part, v)| numbers(v, part, f)),
        Value::List(items) => items.iter().for_each(|v| numbers(v, name, f)),
        _ => {}
    }
}

/// Returns for each operation the numbers of its calls that carry a standard error above 0.
fn with_errors() -> BTreeMap<&'static str, Vec<Number>> {
    let mut found: BTreeMap<&str, Vec<Number>> = BTreeMap::new();
    for (line, call) in accepted() {
        for value in here().cells(&line.name).iter().filter_map(|c| c.value.as_ref().ok()) {
            numbers(value, "", &mut |_, n| {
                if n.error.is_some_and(|e| e > 0.0) {
                    found.entry(call.op.as_str()).or_default().push(n.clone());
                }
            });
        }
    }
    found
}

/// Returns the operations that the rows of the tables of docs/calibration.md name in their first column: those with a ratio, and those that
/// are excused.
fn documented() -> (BTreeSet<String>, BTreeSet<String>) {
    let text = std::fs::read_to_string(repository("docs/calibration.md")).expect("the page");
    let (mut rows, mut excused) = (BTreeSet::new(), BTreeSet::new());
    let mut header = "";
    for line in text.lines() {
        if !line.starts_with('|') {
            header = "";
            continue;
        }
        if header.is_empty() {
            header = line;
        }
        let Some(first) = line.split('|').nth(1) else { continue };
        // Every name in code: `mean(log_density(p, fresh))` is a row of both.
        let code: Vec<&str> = first.split('`').skip(1).step_by(2).collect();
        let words = code.iter().flat_map(|c| c.split(|c: char| !c.is_alphanumeric() && c != '_'));
        let to = match (header.contains("ratio"), header.contains("no row")) {
            (true, _) => &mut rows,
            (_, true) => &mut excused,
            _ => continue,
        };
        to.extend(words.filter(|w| world::library().operations.contains_key(*w)).map(str::to_string));
    }
    (rows, excused)
}

#[test]
fn every_operation_that_gives_errors_is_calibrated_or_excused() {
    let (rows, excused) = documented();
    let found = with_errors();
    let missing: Vec<_> = found.keys().filter(|op| !rows.contains(**op) && !excused.contains(**op)).collect();
    assert!(
        missing.is_empty(),
        "these give standard errors, and docs/calibration.md has neither a row of them nor a reason: {missing:?}"
    );
    let stale: Vec<_> = excused.iter().filter(|op| rows.contains(*op) || !found.contains_key(op.as_str())).collect();
    assert!(stale.is_empty(), "these need no excuse in docs/calibration.md: {stale:?}");
}

/// Operations whose errors are of this very number alone, with the reason.
const ALONE: &[(&str, &str)] = &[
    ("ablation_area", "its orders are drawn by its own table"),
    ("best", "how far the choice of a coordinate moves is no sum of what values err by"),
    ("cca", "its permutations are drawn by itself"),
    (
        "kl_divergence",
        "its draws are its own; what it errs by with the chains of a density is not told from other numbers of this density",
    ),
    ("relative_entropy", "as kl_divergence"),
    ("unit_correlation", "a table does not say which network its units are of"),
];

#[test]
fn errors_say_what_they_are_made_of() {
    let told = |n: &Number| n.parts.shares().is_some_and(|shares| shares.len() > 1);
    let all = with_errors();
    let wrong: Vec<(String, String)> = all
        .iter()
        .filter(|(_, numbers)| !numbers.iter().any(told))
        .map(|(op, numbers)| (op.to_string(), format!("{} ± {:?}", numbers[0].value, numbers[0].error)))
        .collect();
    judge("errors that know nothing of what they share with others", &wrong, ALONE);
}
